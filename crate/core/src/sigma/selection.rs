//! Selections: maps and lists of `field|modifier: value`, compiled to an expression over tests.
//!
//! A map is an *and* of its items, a list an *or* of its elements, bare values are keywords that may stand anywhere in the record. Tests that several
//! rules share are one test ([`Tests`]), so that a literal is looked for once however many rules want it.
//!
//! ```text
//! selection:                                    All[ Any[Image ends \a.exe, Image ends \b.exe],
//!     Image|endswith: ['\a.exe', '\b.exe']   →       CommandLine contains -x,
//!     CommandLine|contains|all: [-x, -y]             CommandLine contains -y ]
//! ```
//!
//! A modifier this file does not know, or a value that a modifier cannot take, refuses the rule with a sentence: a rule that runs
//! without half of its condition finds something else than its author meant.

use super::condition::Expression;
use super::matcher::{Comparison, Matcher, Network, Place, TimePart};
use super::pattern::Pattern;
use crate::record::yaml::Node;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::RegexBuilder;
use std::collections::BTreeMap;

/// Bytes that a compiled expression of a rule may take.
const EXPRESSION_BYTES: usize = 1 << 20;
/// Values that one rule may have.
const MOST_TESTS: usize = 20_000;

/// A test of a field, or of anything in the record.
#[derive(Clone, Debug)]
pub struct Test {
    /// Number of the field; `None` for a keyword.
    pub field: Option<usize>,
    /// What is tested.
    pub matcher: Matcher,
}

/// All fields and tests of a set of rules, each once.
#[derive(Debug, Default)]
pub struct Tests {
    /// Field names as first spelled.
    pub fields: Vec<String>,
    /// The tests.
    pub tests: Vec<Test>,
    field_numbers: BTreeMap<String, usize>,
    test_numbers: BTreeMap<String, usize>,
}

impl Tests {
    /// The number of a field, letter case aside.
    pub fn field(&mut self, name: &str) -> usize {
        let folded = name.to_lowercase();
        if let Some(number) = self.field_numbers.get(&folded) {
            return *number;
        }
        self.fields.push(name.to_owned());
        self.field_numbers.insert(folded, self.fields.len() - 1);
        self.fields.len() - 1
    }

    fn test(&mut self, field: Option<usize>, matcher: Matcher) -> Expression {
        let key = format!("{field:?} {matcher:?}");
        if let Some(number) = self.test_numbers.get(&key) {
            return Expression::Is(*number);
        }
        self.tests.push(Test { field, matcher });
        self.test_numbers.insert(key, self.tests.len() - 1);
        Expression::Is(self.tests.len() - 1)
    }

    /// Compiles one selection.
    ///
    /// # Errors
    /// A sentence for the author of the rule.
    pub fn selection(&mut self, node: &Node) -> Result<Expression, String> {
        let mut room = MOST_TESTS;
        self.part(node, &mut room)
    }

    fn part(&mut self, node: &Node, room: &mut usize) -> Result<Expression, String> {
        match node {
            Node::Map(items) if items.is_empty() => Err("a selection without items".to_owned()),
            Node::Map(items) => items
                .iter()
                .map(|(key, value)| self.item(key, value, room))
                .collect::<Result<Vec<_>, _>>()
                .map(Expression::All),
            Node::List(parts) if parts.is_empty() => Err("an empty list of values".to_owned()),
            Node::List(parts) => parts
                .iter()
                .map(|part| self.part(part, room))
                .collect::<Result<Vec<_>, _>>()
                .map(Expression::Any),
            keyword => self.item("", keyword, room),
        }
    }

    fn item(&mut self, key: &str, value: &Node, room: &mut usize) -> Result<Expression, String> {
        let mut words = key.split('|');
        let name = words.next().unwrap_or("");
        let wanted = Modifiers::parse(words).map_err(|why| format!("{key}: {why}"))?;
        let field = (!name.is_empty()).then(|| self.field(name));
        let values = match value {
            Node::List(values) if values.is_empty() => {
                return Err(format!("{key}: an empty list of values"));
            }
            Node::List(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        *room = room
            .checked_sub(values.len())
            .ok_or(format!("more than {MOST_TESTS} values in one selection"))?;
        let mut parts = Vec::with_capacity(values.len());
        for value in values {
            let matchers = wanted
                .matchers(value, field.is_none(), self)
                .map_err(|why| format!("{key}: {why}"))?;
            let mut variants: Vec<Expression> = matchers
                .into_iter()
                .map(|matcher| self.test(field, matcher))
                .collect();
            parts.push(match variants.pop() {
                Some(only) if variants.is_empty() => only,
                Some(last) => {
                    variants.push(last);
                    Expression::Any(variants)
                }
                None => return Err(format!("{key}: no value")),
            });
        }
        let joined = match parts.pop() {
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                if wanted.all {
                    Expression::All(parts)
                } else {
                    Expression::Any(parts)
                }
            }
            None => return Err(format!("{key}: no value")),
        };
        let negated = wanted.not_equal || wanted.exists && value.truth() == Some(false);
        Ok(if negated {
            Expression::Not(Box::new(joined))
        } else {
            joined
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf16Le,
    Utf16Be,
    Utf16,
    Base64,
    Base64Offset,
}

/// The modifiers of an item.
#[derive(Clone, Debug, Default)]
struct Modifiers {
    all: bool,
    cased: bool,
    exists: bool,
    not_equal: bool,
    network: bool,
    expand: bool,
    field: bool,
    dashes: bool,
    before: bool,
    behind: bool,
    encodings: Vec<Encoding>,
    expression: bool,
    /// `i`, `m`, `s`.
    flags: (bool, bool, bool),
    comparison: Option<Comparison>,
    time: Option<TimePart>,
}

impl Modifiers {
    fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut wanted = Self::default();
        for word in words {
            match word {
                "all" => wanted.all = true,
                "cased" => wanted.cased = true,
                "exists" => wanted.exists = true,
                "neq" => wanted.not_equal = true,
                "cidr" => wanted.network = true,
                "expand" => wanted.expand = true,
                "fieldref" => wanted.field = true,
                "windash" => wanted.dashes = true,
                "contains" => (wanted.before, wanted.behind) = (true, true),
                "startswith" => wanted.behind = true,
                "endswith" => wanted.before = true,
                "wide" | "utf16le" => wanted.encodings.push(Encoding::Utf16Le),
                "utf16be" => wanted.encodings.push(Encoding::Utf16Be),
                "utf16" => wanted.encodings.push(Encoding::Utf16),
                "base64" => wanted.encodings.push(Encoding::Base64),
                "base64offset" => wanted.encodings.push(Encoding::Base64Offset),
                "re" => wanted.expression = true,
                "i" | "ignorecase" if wanted.expression => wanted.flags.0 = true,
                "m" | "multiline" if wanted.expression => wanted.flags.1 = true,
                "s" | "dotall" if wanted.expression => wanted.flags.2 = true,
                other => match (Comparison::of_word(other), TimePart::of_word(other)) {
                    (Some(comparison), _) if other != "eq" => wanted.comparison = Some(comparison),
                    (_, Some(part)) => wanted.time = Some(part),
                    _ => return Err(format!("the modifier {other} is not known")),
                },
            }
        }
        let kinds = [
            wanted.exists,
            wanted.network,
            wanted.field,
            wanted.expression,
            wanted.comparison.is_some() || wanted.time.is_some(),
            !wanted.encodings.is_empty() || wanted.dashes,
        ];
        if kinds.iter().filter(|kind| **kind).count() > 1 {
            return Err("modifiers that exclude each other".to_owned());
        }
        Ok(wanted)
    }

    /// The tests for one value: one of them must pass.
    fn matchers(
        &self,
        value: &Node,
        keyword: bool,
        tests: &mut Tests,
    ) -> Result<Vec<Matcher>, String> {
        if self.exists {
            return match value.truth() {
                Some(_) if !keyword => Ok(vec![Matcher::Exists]),
                _ => Err("exists wants a field, and true or false".to_owned()),
            };
        }
        if value.is_null() {
            return if keyword {
                Err("a keyword that is null".to_owned())
            } else {
                Ok(vec![Matcher::Null])
            };
        }
        let text = value.text().ok_or("a value that is no single value")?;
        if self.expand
            && let Some(name) = placeholder(text)
        {
            return Err(format!(
                "the placeholder %{name}% would need a list of values, and none was given"
            ));
        }
        if self.network {
            let network = Network::parse(text)
                .ok_or_else(|| format!("{text:?} is no network in CIDR notation"))?;
            return Ok(vec![Matcher::In(network)]);
        }
        if self.field {
            let place = match (self.before, self.behind) {
                (false, false) => Place::Whole,
                (false, true) => Place::Start,
                (true, false) => Place::End,
                (true, true) => Place::Inside,
            };
            return Ok(vec![Matcher::Same {
                field: tests.field(text),
                place,
                cased: self.cased,
            }]);
        }
        if self.expression {
            return self.expression(text);
        }
        if self.comparison.is_some() || self.time.is_some() {
            let bound =
                super::matcher::number(text).ok_or_else(|| format!("{text:?} is no number"))?;
            let comparison = self.comparison.unwrap_or(Comparison::Equal);
            return Ok(vec![match self.time {
                Some(part) => Matcher::Time(part, comparison, bound),
                None => Matcher::Number(comparison, bound),
            }]);
        }
        self.texts(text, keyword)
    }

    fn expression(&self, text: &str) -> Result<Vec<Matcher>, String> {
        let mut builder = RegexBuilder::new(text);
        builder
            .case_insensitive(self.flags.0)
            .multi_line(self.flags.1)
            .dot_matches_new_line(self.flags.2)
            .size_limit(EXPRESSION_BYTES);
        let expression = builder.build().map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or("").trim().to_owned();
            format!("the expression {text:?} cannot be run in linear time here: {why}")
        })?;
        Ok(vec![Matcher::Expression(Box::new(expression))])
    }

    fn texts(&self, text: &str, keyword: bool) -> Result<Vec<Matcher>, String> {
        let mut patterns = vec![Pattern::parse(text)];
        if !self.encodings.is_empty() {
            let plain = patterns.pop().and_then(|pattern| pattern.text());
            let plain = plain
                .ok_or_else(|| format!("{text:?} has wildcards, and what is encoded has none"))?;
            patterns = encoded(&plain, &self.encodings)?
                .iter()
                .map(|text| Pattern::literal(text))
                .collect();
        }
        let matchers = patterns.into_iter().map(|pattern| {
            let pattern = pattern.within(self.before || keyword, self.behind || keyword);
            let pattern = if self.dashes {
                pattern.any_dash()
            } else {
                pattern
            };
            Matcher::Text {
                pattern: if self.cased {
                    pattern
                } else {
                    pattern.folded()
                },
                cased: self.cased,
            }
        });
        Ok(matchers.collect())
    }
}

/// `%name%` in a value.
fn placeholder(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('%')?;
    let (name, _) = rest.split_once('%')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    is_name.then_some(name)
}

/// A text in each form that the encodings, one after the other, give it.
fn encoded(text: &str, encodings: &[Encoding]) -> Result<Vec<String>, String> {
    let mut forms: Vec<Vec<u8>> = vec![text.as_bytes().to_vec()];
    for encoding in encodings {
        let mut next = Vec::new();
        for bytes in forms {
            let units = || -> Result<Vec<u16>, String> {
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| "an encoding of what is no text any more".to_owned())?;
                Ok(text.encode_utf16().collect())
            };
            match encoding {
                Encoding::Utf16Le => {
                    next.push(units()?.into_iter().flat_map(u16::to_le_bytes).collect());
                }
                Encoding::Utf16Be => {
                    next.push(units()?.into_iter().flat_map(u16::to_be_bytes).collect());
                }
                Encoding::Utf16 => {
                    let units = units()?;
                    let marked = std::iter::once(0xFEFF_u16).chain(units);
                    next.push(marked.flat_map(u16::to_le_bytes).collect());
                }
                Encoding::Base64 => next.push(STANDARD.encode(&bytes).into_bytes()),
                Encoding::Base64Offset => next.extend(offsets(&bytes)),
            }
        }
        forms = next;
    }
    Ok(forms
        .into_iter()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect())
}

/// What Base64 makes of these bytes wherever they begin in what is encoded: the letters that depend on them alone.
fn offsets(bytes: &[u8]) -> Vec<Vec<u8>> {
    (0..3_usize)
        .map(|before| {
            let mut padded = vec![b' '; before];
            padded.extend_from_slice(bytes);
            let letters = STANDARD.encode(&padded);
            // Six bits a letter: those that begin before the bytes or reach behind them belong to their neighbours too.
            let first = (before * 8).div_ceil(6);
            let last = padded.len() * 8 / 6;
            letters
                .get(first..last.max(first))
                .unwrap_or("")
                .as_bytes()
                .to_vec()
        })
        .filter(|letters| !letters.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
