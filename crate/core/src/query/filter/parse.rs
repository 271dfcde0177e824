//! From words to a filter. `not` binds closest, then `and` (or nothing between two terms), then `or`.

use super::fields::{self, Compared, Field};
use super::lex::{self, Operator, RangeText, Token, Word};
use super::{
    Filter, FilterError, MOST_BYTES, MOST_DEPTH, MOST_TERMS, Node, Pattern, Piece, Term, Test,
};
use crate::identity::AddressPrefix;
use crate::severity::Severity;
use crate::time::{Instant, NS_PER_SECOND, parse as time_parse};
use regex::RegexBuilder;
use std::ops::Range;

const SEVERITIES: [Severity; 5] = [
    Severity::Info,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// Understands a text.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MOST_BYTES {
        return Err(lex::error(
            text,
            &(0..text.len()),
            format!("a filter has at most {MOST_BYTES} bytes"),
        ));
    }
    let words = lex::words(text)?;
    let mut parser = Parser {
        text,
        words: &words,
        at: 0,
        terms: 0,
    };
    if words.is_empty() {
        return Ok(Filter::default());
    }
    let root = parser.any(0)?;
    match parser.words.get(parser.at) {
        None => Ok(Filter { root: Some(root) }),
        Some(word) => Err(parser.error(word, "this parenthesis closes nothing")),
    }
}

struct Parser<'a> {
    text: &'a str,
    words: &'a [Word],
    at: usize,
    terms: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at).map(|word| &word.token)
    }

    fn error(&self, word: &Word, what: impl Into<String>) -> FilterError {
        lex::error(self.text, &word.bytes, what)
    }

    /// The error of an end that came too soon.
    fn ended(&self, what: impl Into<String>) -> FilterError {
        let end = self.text.trim_end().len();
        lex::error(self.text, &(end..end), what)
    }

    fn deeper(&self, depth: usize) -> Result<usize, FilterError> {
        if depth < MOST_DEPTH {
            return Ok(depth + 1);
        }
        let what = format!("parentheses nest at most {MOST_DEPTH} deep");
        Err(match self.words.get(self.at) {
            Some(word) => self.error(word, what),
            None => self.ended(what),
        })
    }

    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.peek() == Some(&Token::Or) {
            self.at += 1;
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut parts = vec![self.not(depth)?];
        loop {
            match self.peek() {
                Some(Token::And) => self.at += 1,
                None | Some(Token::Or | Token::Close) => return Ok(one_or(parts, Node::All)),
                Some(_) => {}
            }
            parts.push(self.not(depth)?);
        }
    }

    fn not(&mut self, depth: usize) -> Result<Node, FilterError> {
        if self.peek() == Some(&Token::Not) {
            let depth = self.deeper(depth)?;
            self.at += 1;
            return Ok(Node::Not(Box::new(self.not(depth)?)));
        }
        self.one(depth)
    }

    fn one(&mut self, depth: usize) -> Result<Node, FilterError> {
        let Some(word) = self.words.get(self.at) else {
            return Err(self.ended("something to look for is missing at the end"));
        };
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return Err(self.error(word, format!("a filter has at most {MOST_TERMS} terms")));
        }
        match &word.token {
            Token::Open => {
                let depth = self.deeper(depth)?;
                self.at += 1;
                let inside = self.any(depth)?;
                self.close(word)?;
                Ok(inside)
            }
            Token::Bare(text) | Token::Quoted(text) => {
                self.at += 1;
                let text = match &word.token {
                    Token::Bare(_) => unescaped(text),
                    _ => text.clone(),
                };
                if text.trim_matches('*').is_empty() {
                    return Err(self.error(word, "there is nothing to look for in this"));
                }
                // A text is found inside others anyway.
                Ok(Node::Text(text.trim_matches('*').to_owned()))
            }
            Token::Field(name, operator) => {
                self.at += 1;
                let field = self.field(word, name)?;
                let node = self.value(field, *operator, depth)?;
                Ok(match operator {
                    Operator::IsNot => Node::Not(Box::new(node)),
                    _ => node,
                })
            }
            Token::Close => Err(self.error(word, "something to look for is missing before this")),
            Token::And | Token::Or | Token::Not => Err(self.error(
                word,
                "a term is missing here; put the word in quotes to look for it as text",
            )),
            Token::Expression(_) | Token::Range(_) => {
                Err(self.error(word, "this belongs behind a field and a colon"))
            }
        }
    }

    fn close(&mut self, open: &Word) -> Result<(), FilterError> {
        if self.peek() != Some(&Token::Close) {
            return Err(self.error(open, "this parenthesis is not closed"));
        }
        self.at += 1;
        Ok(())
    }

    fn field(&self, word: &Word, name: &str) -> Result<&'static Field, FilterError> {
        if let Some(field) = fields::field(name) {
            return Ok(field);
        }
        let meant = fields::near(name).map_or_else(String::new, |field| {
            format!("; did you mean {}?", field.name)
        });
        let bytes = word.bytes.start..word.bytes.start + name.len();
        let quoted = "put it in quotes to look for it as text";
        Err(lex::error(
            self.text,
            &bytes,
            format!("no field is named {name}{meant} ({quoted})"),
        ))
    }

    /// What stands behind a field's operator: a value, or a list of them in parentheses.
    fn value(
        &mut self,
        field: &'static Field,
        operator: Operator,
        depth: usize,
    ) -> Result<Node, FilterError> {
        let Some(word) = self.words.get(self.at) else {
            return Err(self.ended(format!(
                "a value of {} is missing, such as {}",
                field.name, field.example
            )));
        };
        let exact = matches!(operator, Operator::Is | Operator::IsNot);
        match &word.token {
            Token::Open if exact => {
                let depth = self.deeper(depth)?;
                self.at += 1;
                let inside = self.list(field, depth)?;
                self.close(word)?;
                Ok(inside)
            }
            Token::Bare(text) => {
                self.at += 1;
                self.term(field, operator, word, text, false)
            }
            Token::Quoted(text) => {
                self.at += 1;
                self.term(field, operator, word, text, true)
            }
            Token::Expression(text) if exact => {
                self.at += 1;
                let test = self.expression(field, word, text)?;
                Ok(Node::Term(Term { field, test }))
            }
            Token::Range(range) if exact => {
                self.at += 1;
                let test = self.range(field, word, range)?;
                Ok(Node::Term(Term { field, test }))
            }
            _ => Err(self.error(
                word,
                format!(
                    "a value of {} belongs here, such as {}",
                    field.name, field.example
                ),
            )),
        }
    }

    /// `(a or b and not c)` behind a field.
    fn list(&mut self, field: &'static Field, depth: usize) -> Result<Node, FilterError> {
        let mut any = Vec::new();
        let mut all = Vec::new();
        loop {
            let mut negated = false;
            while self.peek() == Some(&Token::Not) {
                negated = !negated;
                self.at += 1;
            }
            self.terms += 1;
            if let Some(word) = self.words.get(self.at).filter(|_| self.terms > MOST_TERMS) {
                return Err(self.error(word, format!("a filter has at most {MOST_TERMS} terms")));
            }
            let node = self.value(field, Operator::Is, depth)?;
            all.push(if negated {
                Node::Not(Box::new(node))
            } else {
                node
            });
            match self.peek() {
                Some(Token::And) => self.at += 1,
                Some(Token::Or) => {
                    self.at += 1;
                    any.push(one_or(std::mem::take(&mut all), Node::All));
                }
                None | Some(Token::Close) => {
                    any.push(one_or(all, Node::All));
                    return Ok(one_or(any, Node::Any));
                }
                // Values beside each other are alternatives: one event has one caller.
                Some(_) => any.push(one_or(std::mem::take(&mut all), Node::All)),
            }
        }
    }

    fn term(
        &self,
        field: &'static Field,
        operator: Operator,
        word: &Word,
        text: &str,
        quoted: bool,
    ) -> Result<Node, FilterError> {
        let ordered = !matches!(operator, Operator::Is | Operator::IsNot);
        let test = if text == "*" && !quoted && !ordered {
            Test::Present
        } else {
            match field.compared {
                Compared::Time | Compared::Number | Compared::Severity => {
                    let (from, to) = self.span(field, word, text)?;
                    match operator {
                        Operator::Is | Operator::IsNot => Test::Between {
                            from: Some(from),
                            to: Some(to),
                        },
                        Operator::Less => Test::Between {
                            from: None,
                            to: Some(from),
                        },
                        Operator::GreaterOrEqual => Test::Between {
                            from: Some(from),
                            to: None,
                        },
                        // A moment is the one that is written, also where a whole day would fit; a number or a rank is all of itself.
                        Operator::Greater => {
                            let after = if field.compared == Compared::Time {
                                from + 1
                            } else {
                                to
                            };
                            Test::Between {
                                from: Some(after),
                                to: None,
                            }
                        }
                        Operator::LessOrEqual => {
                            let last = if field.compared == Compared::Time {
                                from + 1
                            } else {
                                to
                            };
                            Test::Between {
                                from: None,
                                to: Some(last),
                            }
                        }
                    }
                }
                Compared::Text | Compared::Address if ordered => {
                    let what = format!(
                        "{} is text; it compares with : and = and not by size",
                        field.name
                    );
                    return Err(self.error(word, what));
                }
                Compared::Address if text.contains('/') => self.network(word, text)?,
                Compared::Address | Compared::Text => Test::Like(pattern(text, quoted)),
            }
        };
        Ok(Node::Term(Term { field, test }))
    }

    fn expression(
        &self,
        field: &'static Field,
        word: &Word,
        text: &str,
    ) -> Result<Test, FilterError> {
        if !matches!(field.compared, Compared::Text | Compared::Address) {
            let what = format!("{} is no text; an expression does not fit it", field.name);
            return Err(self.error(word, what));
        }
        RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(1 << 20)
            .build()
            .map(Test::Matches)
            .map_err(|error| {
                let said = error.to_string();
                let last = said.lines().last().unwrap_or("it cannot be read");
                self.error(
                    word,
                    format!(
                        "the expression is refused: {}",
                        last.trim_start_matches("error: ")
                    ),
                )
            })
    }

    fn range(
        &self,
        field: &'static Field,
        word: &Word,
        range: &RangeText,
    ) -> Result<Test, FilterError> {
        if matches!(field.compared, Compared::Text | Compared::Address) {
            let what = format!(
                "{} is text and has no ranges; a network is written 203.0.113.0/24",
                field.name
            );
            return Err(self.error(word, what));
        }
        let from = match range.from.as_str() {
            "*" | "" => None,
            text => {
                let (from, to) = self.span(field, word, text)?;
                Some(if range.from_included { from } else { to })
            }
        };
        let to = match range.to.as_str() {
            "*" | "" => None,
            text => {
                let (from, to) = self.span(field, word, text)?;
                Some(if range.to_included { to } else { from })
            }
        };
        Ok(Test::Between { from, to })
    }

    /// The values that a written one stands for: `from` on and before `to`.
    fn span(
        &self,
        field: &'static Field,
        word: &Word,
        text: &str,
    ) -> Result<(i128, i128), FilterError> {
        let found = match field.compared {
            Compared::Time => moment(text),
            Compared::Severity => SEVERITIES
                .iter()
                .find(|severity| severity.word().eq_ignore_ascii_case(text))
                .map(|severity| (*severity as i128, *severity as i128 + 1)),
            _ => text
                .parse::<u64>()
                .ok()
                .map(|number| (i128::from(number), i128::from(number) + 1)),
        };
        found.ok_or_else(|| {
            let want = match field.compared {
                Compared::Time => "a moment is written 2024-05-01, 2024-05-01T10:00Z or 2024-05-01T10:00:00.123+02:00",
                Compared::Severity => "a severity is info, low, medium, high or critical",
                _ => "a number is written in digits",
            };
            self.error(word, want)
        })
    }

    fn network(&self, word: &Word, text: &str) -> Result<Test, FilterError> {
        AddressPrefix::parse(text)
            .map(Test::Within)
            .ok_or_else(|| self.error(word, "a network is written 203.0.113.0/24 or 2001:db8::/32"))
    }
}

fn one_or(mut parts: Vec<Node>, several: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            several(parts)
        }
    }
}

/// Between quotes every letter is plain.
fn pattern(text: &str, quoted: bool) -> Pattern {
    let mut parts = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if !quoted => parts.push(Piece::Many),
            '?' if !quoted => parts.push(Piece::One),
            '\\' if !quoted => match letters.clone().next() {
                Some(next)
                    if matches!(next, '*' | '?' | '\\' | '(' | ')' | '"' | ':' | '-' | ' ') =>
                {
                    letters.next();
                    parts.push(Piece::Letter(next));
                }
                _ => parts.push(Piece::Letter('\\')),
            },
            letter => parts.extend(letter.to_lowercase().map(Piece::Letter)),
        }
    }
    Pattern { parts }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let escapes = |next: &char| matches!(next, '*' | '?' | '(' | ')' | '"' | ':' | '-' | ' ');
        match letters.peek() {
            Some(next) if letter == '\\' && escapes(next) => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// The nanoseconds that a written moment covers: a day, an hour, a minute, a second or a fraction of one.
fn moment(text: &str) -> Option<(i128, i128)> {
    const DAY: i128 = 86_400 * NS_PER_SECOND as i128;
    let whole =
        |from: Instant, length: i128| Some((i128::from(from.ns), i128::from(from.ns) + length));
    let digits = |range: Range<usize>| -> Option<u32> {
        let part = text.get(range)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse().ok())?
    };
    let year = i32::try_from(digits(0..4)?).ok()?;
    let civil =
        |year: i32, month: u32, day: u32| Instant::from_civil((year, month, day), (0, 0, 0), 0, 0);
    match text.len() {
        4 => {
            let from = civil(year, 1, 1)?;
            whole(from, i128::from(civil(year + 1, 1, 1)?.ns - from.ns))
        }
        7 if text.get(4..5) == Some("-") => {
            let month = digits(5..7)?;
            let from = civil(year, month, 1)?;
            let next = if month == 12 {
                civil(year + 1, 1, 1)
            } else {
                civil(year, month + 1, 1)
            };
            whole(from, i128::from(next?.ns - from.ns))
        }
        10 if text.get(4..5) == Some("-") && text.get(7..8) == Some("-") => {
            whole(civil(year, digits(5..7)?, digits(8..10)?)?, DAY)
        }
        _ => {
            // `2024-05-01T10` alone is an hour.
            if let (13, Some("T" | "t")) = (text.len(), text.get(10..11)) {
                let padded = format!("{text}:00Z");
                let from = time_parse::iso(padded.as_bytes())?.instant;
                return whole(from, 3_600 * i128::from(NS_PER_SECOND));
            }
            let stamp = time_parse::iso(text.as_bytes())?;
            let clock = text.get(11..)?;
            let seconds = clock.get(5..6) == Some(":");
            let length = if !seconds {
                60 * i128::from(NS_PER_SECOND)
            } else {
                10_i128.pow(9 - u32::from(stamp.instant.digits.min(9)))
            };
            whole(stamp.instant, length)
        }
    }
}
