//! The filter: one line of text that says which events are shown.
//!
//! ```text
//! caller:alice* and not vm:build-* and time > 2024-05-01T10:00Z "curl http"
//! ```
//!
//! The language is the one analysts bring along (Lucene, Kibana's query language): `field:value` with `*` and `?`, lists in parentheses,
//! comparisons, ranges, `and`, `or`, `not`. Two terms beside each other mean *and*. A word without a field is looked for in the columns
//! and, by a [`search`] over the bytes, in the evidence itself.
//!
//! ```text
//! text ──lex──► words ──parse──► Filter ──compile──► one answer per distinct text ──► 64 events at a time ──► events
//! ```
//!
//! A name that is no field is an error and not a search: a typing slip that shows nothing looks like proof of absence.
//!
//! Rejected: an expression that is evaluated event by event. Most events share their texts; each distinct text is judged once, and what
//! remains for ten million events is looking up bits.

pub mod complete;
pub mod compose;
pub mod fields;
mod lex;
mod parse;
pub mod run;
pub mod search;
#[cfg(test)]
mod tests;

use crate::identity::AddressPrefix;
use fields::Field;
use regex::Regex;

/// Longest filter, in bytes.
pub const MOST_BYTES: usize = 16 << 10;
/// Deepest nesting of parentheses and negations.
pub const MOST_DEPTH: usize = 64;
/// Most terms in one filter.
pub const MOST_TERMS: usize = 1_000;

/// Why a text is no filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FilterError {
    /// First character at fault, counted in UTF-16 units as a text field does.
    pub at: usize,
    /// How many of them.
    pub length: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// A filter that was understood.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    root: Option<Node>,
}

impl Filter {
    /// Understands a text. An empty one lets everything through.
    ///
    /// # Errors
    /// [`FilterError`] with the place of the slip.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text)
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The texts that have to be looked for in the evidence, each once, in the order in which they are written.
    #[must_use]
    pub fn needles(&self) -> Vec<&str> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            root.needles(&mut found);
        }
        found
    }
}

/// A part of a filter.
#[derive(Clone, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
    Text(String),
}

impl Node {
    fn needles<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.needles(found));
            }
            Self::Not(part) => part.needles(found),
            Self::Term(_) => {}
            Self::Text(text) => {
                if !found.contains(&text.as_str()) {
                    found.push(text);
                }
            }
        }
    }
}

/// What is asked of one field.
#[derive(Clone, Debug)]
struct Term {
    field: &'static Field,
    test: Test,
}

/// A test of a field's value.
#[derive(Clone, Debug)]
enum Test {
    /// There is a value.
    Present,
    /// The value, or one of its parts, by a pattern.
    Like(Pattern),
    /// The value by an expression.
    Matches(Regex),
    /// An address inside a network.
    Within(AddressPrefix),
    /// A number or a moment from `from` on and before `to`.
    Between {
        from: Option<i128>,
        to: Option<i128>,
    },
}

/// Text with `*` and `?`, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Letter(char),
    One,
    Many,
}

impl Pattern {
    /// Whether a folded text is of this form.
    fn fits(&self, text: &str) -> bool {
        // The usual walk with one point of return: linear in practice, product of lengths at worst.
        let letters: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < letters.len() {
            match (self.parts.get(piece), letters.get(at)) {
                (Some(Piece::Many), _) => {
                    back = Some((piece, at));
                    piece += 1;
                }
                (Some(Piece::One), _) => (at, piece) = (at + 1, piece + 1),
                (Some(Piece::Letter(want)), Some(have)) if want == have => {
                    (at, piece) = (at + 1, piece + 1);
                }
                _ => {
                    let Some((star, from)) = back else {
                        return false;
                    };
                    back = Some((star, from + 1));
                    (at, piece) = (from + 1, star + 1);
                }
            }
        }
        self.parts
            .get(piece..)
            .is_none_or(|rest| rest.iter().all(|piece| *piece == Piece::Many))
    }
}
