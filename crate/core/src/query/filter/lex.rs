//! From text to words: quoted texts, expressions, operators, and everything between blanks.
//!
//! A bare word runs until a blank, a quote or a parenthesis; inside it the first `:`, `=`, `<` or `>` ends the name of a field. Whether
//! that name is a field is for the parser to say.

use super::FilterError;
use std::ops::Range;

/// A piece of a filter, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub token: Token,
    pub bytes: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    /// A name with the operator behind it.
    Field(String, Operator),
    /// A bare word; `*` and `?` stand for others, `\` makes the next letter plain.
    Bare(String),
    /// A text between quotes.
    Quoted(String),
    /// An expression between slashes behind an operator.
    Expression(String),
    /// A range between brackets behind an operator: from, to, and whether each end belongs to it.
    Range(RangeText),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeText {
    pub from: String,
    pub to: String,
    pub from_included: bool,
    pub to_included: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Is,
    IsNot,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The error of a part of the text.
pub fn error(text: &str, bytes: &Range<usize>, what: impl Into<String>) -> FilterError {
    let units = |range: Range<usize>| {
        text.get(range)
            .map_or(0, |part| part.encode_utf16().count())
    };
    FilterError {
        at: units(0..bytes.start),
        length: units(bytes.clone()).max(1),
        text: what.into(),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    words: Vec<Word>,
}

/// The words of a text.
pub fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut lexer = Lexer {
        text,
        at: 0,
        words: Vec::new(),
    };
    while lexer.next()? {}
    Ok(lexer.words)
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn behind_operator(&self) -> bool {
        let last = self.words.last().map(|word| &word.token);
        matches!(last, Some(Token::Field(..)))
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn give(&mut self, token: Token, from: usize) {
        self.words.push(Word {
            token,
            bytes: from..self.at,
        });
    }

    fn next(&mut self) -> Result<bool, FilterError> {
        self.skip_blanks();
        let from = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(false);
        };
        let behind_operator = self.behind_operator();
        match first {
            '(' | ')' => {
                self.at += 1;
                let token = if first == '(' {
                    Token::Open
                } else {
                    Token::Close
                };
                self.give(token, from);
            }
            '"' | '\u{201c}' | '\u{201d}' => {
                self.at += first.len_utf8();
                let ends = if first == '"' {
                    "\""
                } else {
                    "\u{201c}\u{201d}"
                };
                let text = self.until(from, ends, "the quote is not closed")?;
                self.give(Token::Quoted(text), from);
            }
            '/' if behind_operator => {
                self.at += 1;
                let text = self.expression(from)?;
                self.give(Token::Expression(text), from);
            }
            '[' | '{' if behind_operator => self.range(from, first == '[')?,
            '&' | '|' if self.rest().starts_with("&&") || self.rest().starts_with("||") => {
                self.at += 2;
                let token = if first == '&' { Token::And } else { Token::Or };
                self.give(token, from);
            }
            '-' | '!'
                if !behind_operator
                    && self
                        .rest()
                        .chars()
                        .nth(1)
                        .is_some_and(|next| !next.is_whitespace() && next != '=') =>
            {
                self.at += 1;
                self.give(Token::Not, from);
            }
            _ => self.bare(from)?,
        }
        Ok(true)
    }

    /// A text up to an unescaped closing letter.
    fn until(&mut self, from: usize, ends: &str, unclosed: &str) -> Result<String, FilterError> {
        let mut text = String::new();
        let mut escaped = false;
        let mut rest = self.rest().char_indices();
        let mut end = None;
        for (at, letter) in &mut rest {
            if escaped {
                // Only what would end the text, and the backslash itself, need one before them.
                if !ends.contains(letter) && letter != '\\' {
                    text.push('\\');
                }
                text.push(letter);
                escaped = false;
            } else if letter == '\\' {
                escaped = true;
            } else if ends.contains(letter) {
                end = Some(at + letter.len_utf8());
                break;
            } else {
                text.push(letter);
            }
        }
        let Some(end) = end else {
            return Err(error(self.text, &(from..self.text.len()), unclosed));
        };
        self.at += end;
        Ok(text)
    }

    /// An expression up to its slash. Everything else in it, backslashes too, belongs to the expression.
    fn expression(&mut self, from: usize) -> Result<String, FilterError> {
        let mut text = String::new();
        let mut escaped = false;
        for (at, letter) in self.rest().char_indices() {
            if letter == '/' && !escaped {
                self.at += at + 1;
                return Ok(text);
            }
            if escaped && letter == '/' {
                text.pop();
            }
            escaped = letter == '\\' && !escaped;
            text.push(letter);
        }
        Err(error(
            self.text,
            &(from..self.text.len()),
            "the expression is not closed by a slash",
        ))
    }

    fn range(&mut self, from: usize, from_included: bool) -> Result<(), FilterError> {
        let rest = self.rest();
        let Some(end) = rest.find([']', '}']) else {
            return Err(error(
                self.text,
                &(from..self.text.len()),
                "the range is not closed by ] or }",
            ));
        };
        let inside = rest.get(1..end).unwrap_or("");
        let to_included = rest.get(end..).is_some_and(|rest| rest.starts_with(']'));
        let upper = inside.to_ascii_uppercase();
        let Some((low, high)) = upper
            .find(" TO ")
            .and_then(|at| Some((inside.get(..at)?, inside.get(at + 4..)?)))
        else {
            return Err(error(
                self.text,
                &(from..from + end + 1),
                "a range is written [from TO to]; * leaves an end open",
            ));
        };
        let token = Token::Range(RangeText {
            from: low.trim().to_owned(),
            to: high.trim().to_owned(),
            from_included,
            to_included,
        });
        self.at += end + 1;
        self.give(token, from);
        Ok(())
    }

    fn bare(&mut self, from: usize) -> Result<(), FilterError> {
        let rest = self.rest();
        let behind_operator = self.behind_operator();
        let mut escaped = false;
        for (at, letter) in rest.char_indices() {
            if escaped {
                escaped = false;
                continue;
            }
            match letter {
                '\\' => escaped = true,
                _ if letter.is_whitespace() || matches!(letter, '(' | ')' | '"') => {
                    return self.bare_word(from, at);
                }
                ':' | '=' | '<' | '>' | '!' if !behind_operator => {
                    if letter == '!' && !rest.get(at..).is_some_and(|rest| rest.starts_with("!=")) {
                        continue;
                    }
                    return self.name(from, at);
                }
                _ => {}
            }
        }
        let length = rest.len();
        self.bare_word(from, length)
    }

    fn bare_word(&mut self, from: usize, length: usize) -> Result<(), FilterError> {
        let text = self.rest().get(..length).unwrap_or("").to_owned();
        self.at += length;
        let behind_operator = self.behind_operator();
        // `caller > x`: a name, then its operator apart.
        if !behind_operator && super::fields::field(&text).is_some() {
            let before = self.at;
            self.skip_blanks();
            if let Some((operator, length)) = operator(self.rest()) {
                self.at += length;
                self.give(Token::Field(text, operator), from);
                return Ok(());
            }
            self.at = before;
        }
        let token = match text.to_ascii_lowercase().as_str() {
            _ if behind_operator => Token::Bare(text),
            "and" => Token::And,
            "or" => Token::Or,
            "not" => Token::Not,
            _ => Token::Bare(text),
        };
        self.give(token, from);
        Ok(())
    }

    fn name(&mut self, from: usize, length: usize) -> Result<(), FilterError> {
        let name = self.rest().get(..length).unwrap_or("").to_owned();
        self.at += length;
        let Some((operator, length)) = operator(self.rest()) else {
            return Err(error(
                self.text,
                &(from..self.at + 1),
                "an operator is : = != < <= > or >=",
            ));
        };
        self.at += length;
        if name.is_empty() {
            return Err(error(
                self.text,
                &(from..self.at),
                "the name of a field is missing before this",
            ));
        }
        self.give(Token::Field(name, operator), from);
        Ok(())
    }
}

/// The operator at the beginning of a text, and its bytes.
fn operator(text: &str) -> Option<(Operator, usize)> {
    [
        ("!=", Operator::IsNot),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("==", Operator::Is),
        (":", Operator::Is),
        ("=", Operator::Is),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ]
    .into_iter()
    .find(|(word, _)| text.starts_with(word))
    .map(|(word, operator)| (operator, word.len()))
}
