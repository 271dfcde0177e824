//! Filters written by a click: "filter for this", "filter out", "show what happened around it".
//!
//! Quoting is the language's business, so whoever has a value and a field gets the text from here and never glues it together itself.

use super::fields::{Compared, Field};
use super::{Filter, Node};
use crate::time::{Instant, NS_PER_SECOND};

/// The term that asks for exactly this value.
#[must_use]
pub fn term(field: &Field, value: &str, out: bool) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    let plain = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '@' | '/')
    };
    // A slash behind the colon begins an expression, and one inside an address a network.
    let slash =
        value.starts_with('/') || (field.compared == Compared::Address && value.contains('/'));
    let bare = !value.is_empty() && !slash && value.chars().all(plain);
    let not = if out { "not " } else { "" };
    if bare {
        format!("{not}{}:{value}", field.name)
    } else {
        format!("{not}{}:\"{quoted}\"", field.name)
    }
}

/// A filter and one more term. A filter that is wrong is replaced: it let nothing through.
#[must_use]
pub fn with(filter: &str, term: &str) -> String {
    match Filter::parse(filter) {
        Ok(known) => match known.root {
            None => term.to_owned(),
            Some(Node::Any(_)) => format!("({}) {term}", filter.trim()),
            Some(_) if filter.contains(term) => filter.trim().to_owned(),
            Some(_) => format!("{} {term}", filter.trim()),
        },
        Err(_) => term.to_owned(),
    }
}

/// The term for the time around a moment.
#[must_use]
pub fn around(moment: Instant, seconds: i64) -> String {
    let by = seconds.saturating_mul(NS_PER_SECOND);
    format!("time:[{} TO {}]", moment.shifted(-by), moment.shifted(by))
}
