//! The condition of a rule: names of selections, `and`, `or`, `not`, brackets, `1 of them`, `all of name*`.
//!
//! `not` binds closest, then `and`, then `or`. Three answers are possible, because an event as the case keeps it may not say
//! enough: yes, no, and *the record must be read again*.
//!
//! ```text
//! selection and not 1 of filter_*   →  All[selection, Not(Any[filter_main, filter_vpn])]
//! ```
//!
//! Rejected: evaluating the text. The same tree also says which literals a match cannot do without.

/// A condition over things with numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// All of these.
    All(Vec<Expression>),
    /// One of these.
    Any(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// The test, selection or rule of this number.
    Is(usize),
}

/// Brackets inside brackets that are read.
const MOST_DEEP: usize = 64;

impl Expression {
    /// Yes, no, or `None` where the answer is not known, by the answers for its parts.
    pub fn holds(&self, known: &mut impl FnMut(usize) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Is(number) => known(*number),
            Self::Not(inner) => inner.holds(known).map(|holds| !holds),
            Self::All(parts) => {
                let mut answer = Some(true);
                for part in parts {
                    match part.holds(known) {
                        Some(false) => return Some(false),
                        None => answer = None,
                        Some(true) => {}
                    }
                }
                answer
            }
            Self::Any(parts) => {
                let mut answer = Some(false);
                for part in parts {
                    match part.holds(known) {
                        Some(true) => return Some(true),
                        None => answer = None,
                        Some(false) => {}
                    }
                }
                answer
            }
        }
    }

    /// Calls `each` for every number in it.
    pub fn each(&self, each: &mut impl FnMut(usize)) {
        match self {
            Self::Is(number) => each(*number),
            Self::Not(inner) => inner.each(each),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(each)),
        }
    }

    /// The same with every number replaced by an expression.
    #[must_use]
    pub fn with(&self, of: &impl Fn(usize) -> Self) -> Self {
        match self {
            Self::Is(number) => of(*number),
            Self::Not(inner) => Self::Not(Box::new(inner.with(of))),
            Self::All(parts) => Self::All(parts.iter().map(|part| part.with(of)).collect()),
            Self::Any(parts) => Self::Any(parts.iter().map(|part| part.with(of)).collect()),
        }
    }

    /// Numbers of which every match has at least one that holds; `None` where a match may do without all that `usable` allows.
    #[must_use]
    pub fn triggers(&self, usable: &impl Fn(usize) -> Option<usize>) -> Option<Vec<usize>> {
        self.weighed(usable).map(|(_, numbers)| numbers)
    }

    /// Triggers with the length of their shortest literal: of the parts of an `and` the one with the longest is taken.
    fn weighed(&self, usable: &impl Fn(usize) -> Option<usize>) -> Option<(usize, Vec<usize>)> {
        match self {
            Self::Is(number) => usable(*number).map(|length| (length, vec![*number])),
            Self::Not(_) => None,
            Self::All(parts) => parts
                .iter()
                .filter_map(|part| part.weighed(usable))
                .max_by_key(|(length, numbers)| (*length, std::cmp::Reverse(numbers.len()))),
            Self::Any(parts) => {
                let mut all = Vec::new();
                let mut shortest = usize::MAX;
                for part in parts {
                    let (length, numbers) = part.weighed(usable)?;
                    shortest = shortest.min(length);
                    all.extend(numbers);
                }
                Some((shortest, all))
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Word(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut Vec<Token>| {
        if !word.is_empty() {
            out.push(Token::Word(std::mem::take(word)));
        }
    };
    for letter in text.chars() {
        match letter {
            '(' | ')' => {
                flush(&mut word, &mut out);
                out.push(if letter == '(' {
                    Token::Open
                } else {
                    Token::Close
                });
            }
            '|' => return Err(
                "an aggregation behind | is not part of Sigma 2; a correlation rule says the same"
                    .to_owned(),
            ),
            letter if letter.is_whitespace() => flush(&mut word, &mut out),
            letter => word.push(letter),
        }
    }
    flush(&mut word, &mut out);
    Ok(out)
}

/// Reads a condition over these names.
///
/// # Errors
/// A sentence for the author of the rule.
pub fn parse(text: &str, names: &[&str]) -> Result<Expression, String> {
    let tokens = tokens(text)?;
    let mut parser = ConditionParser {
        tokens: &tokens,
        at: 0,
        depth: 0,
        names,
    };
    let expression = parser.any()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some(_) => Err(format!(
            "the condition {text:?} goes on where it should end"
        )),
    }
}

struct ConditionParser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    names: &'a [&'a str],
}

impl ConditionParser<'_> {
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self
            .word()
            .is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.keyword("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.not()?];
        while self.keyword("and") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn not(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MOST_DEEP {
            return Err(format!("a condition nested deeper than {MOST_DEEP} levels"));
        }
        let found = if self.keyword("not") {
            self.not().map(|inner| Expression::Not(Box::new(inner)))
        } else {
            self.one()
        };
        self.depth -= 1;
        found
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.tokens.get(self.at) == Some(&Token::Open) {
            self.at += 1;
            let inner = self.any()?;
            if self.tokens.get(self.at) != Some(&Token::Close) {
                return Err("a bracket of the condition is not closed".to_owned());
            }
            self.at += 1;
            return Ok(inner);
        }
        let word = self
            .word()
            .ok_or("the condition ends, or closes a bracket, where a name should stand")?
            .to_owned();
        self.at += 1;
        let many = match word.to_ascii_lowercase().as_str() {
            "1" | "any" => Some(false),
            "all" => Some(true),
            _ => None,
        };
        if let Some(all) = many
            && self.keyword("of")
        {
            let of = self
                .word()
                .ok_or("`of` without what follows it")?
                .to_owned();
            self.at += 1;
            let parts: Vec<Expression> = self
                .names
                .iter()
                .enumerate()
                .filter(|(_, name)| names(&of, name))
                .map(|(number, _)| Expression::Is(number))
                .collect();
            if parts.is_empty() {
                return Err(format!("no selection is named {of}"));
            }
            return Ok(one_or(
                parts,
                if all {
                    Expression::All
                } else {
                    Expression::Any
                },
            ));
        }
        let number = self.names.iter().position(|name| *name == word);
        number
            .map(Expression::Is)
            .ok_or_else(|| format!("the condition names {word}, and nothing has that name"))
    }
}

/// Whether `them` or a name with wildcards means this selection. Names with a leading underscore are meant by their own name only.
fn names(of: &str, name: &str) -> bool {
    if of.eq_ignore_ascii_case("them") {
        return !name.starts_with('_');
    }
    super::pattern::Pattern::parse(of).matches(name)
}

fn one_or(mut parts: Vec<Expression>, make: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            make(parts)
        }
        None => make(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::Expression::{All, Any, Is, Not};
    use super::*;

    const NAMES: [&str; 4] = ["selection", "filter_a", "filter_b", "_hidden"];

    fn read(text: &str) -> Result<Expression, String> {
        parse(text, &NAMES)
    }

    #[test]
    fn precedence_is_not_and_or() {
        assert_eq!(
            read("selection or filter_a and not filter_b"),
            Ok(Any(vec![Is(0), All(vec![Is(1), Not(Box::new(Is(2)))])]))
        );
        assert_eq!(
            read("(selection OR filter_a) AND filter_b"),
            Ok(All(vec![Any(vec![Is(0), Is(1)]), Is(2)]))
        );
        assert_eq!(
            read("not not selection").map(|found| found.holds(&mut |_| Some(true))),
            Ok(Some(true))
        );
    }

    #[test]
    fn quantifiers_take_names_with_wildcards_and_them() {
        assert_eq!(read("1 of filter_*"), Ok(Any(vec![Is(1), Is(2)])));
        assert_eq!(read("all of them"), Ok(All(vec![Is(0), Is(1), Is(2)])));
        assert_eq!(read("any of them"), Ok(Any(vec![Is(0), Is(1), Is(2)])));
        assert_eq!(read("all of selection"), Ok(Is(0)));
        assert_eq!(read("_hidden"), Ok(Is(3)));
        assert!(read("1 of nothing*").is_err());
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "selection and",
            "(selection",
            "selection)",
            "selection filter_a",
            "missing",
            "selection | count() > 5",
            "1 of",
            "and selection",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&format!("{}selection", "(".repeat(5_000))).is_err());
        assert!(read(&"not ".repeat(5_000)).is_err());
    }

    #[test]
    fn what_is_not_known_stays_open_only_where_it_matters() {
        let known = |number: usize| match number {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        };
        for (text, answer) in [
            ("selection and filter_b", None),
            ("filter_a and filter_b", Some(false)),
            ("selection or filter_b", Some(true)),
            ("filter_a or filter_b", None),
            ("selection and not filter_b", None),
        ] {
            assert_eq!(
                read(text)
                    .ok()
                    .and_then(|found| found.holds(&mut { known })),
                answer,
                "{text}"
            );
        }
    }

    #[test]
    fn triggers_are_what_no_match_does_without() {
        let usable = |number: usize| (number != 3).then_some(number + 4);
        let triggers = |text: &str| read(text).ok().and_then(|found| found.triggers(&usable));
        assert_eq!(triggers("selection and not filter_a"), Some(vec![0]));
        assert_eq!(triggers("selection or filter_a"), Some(vec![0, 1]));
        assert_eq!(triggers("selection and filter_b"), Some(vec![2]));
        assert_eq!(triggers("selection or _hidden"), None);
        assert_eq!(triggers("not selection"), None);
    }
}
