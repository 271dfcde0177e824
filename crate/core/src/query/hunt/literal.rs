//! Text of evidence as a literal of a query language.
//!
//! ```
//! use runlens_core::query::hunt::literal::{esql, kql};
//! assert_eq!(kql("a\"b\\c"), r#""a\"b\\c""#);
//! assert_eq!(esql("a\"b\\c"), r#""a\"b\\c""#);
//! assert_eq!(kql("x\n| take 1"), r#""x\n| take 1""#);
//! ```
//!
//! A literal is one line of visible letters whatever the value holds. Both languages read `\\`, `\"`, `\n`, `\r` and `\t`; KQL names every other
//! letter that steers a terminal or an editor by its number, ES|QL cannot, so there it becomes the replacement letter and the value equals
//! nothing ([`is_exact_in_esql`] says so beforehand).
//!
//! Rejected: raw strings (`@"…"`, `"""…"""`) for values. What ends them cannot be written inside them in ES|QL.

use crate::time::Instant;
use std::fmt::Write as _;

/// Letters that are not seen, or that make others be seen elsewhere: controls, line ends, direction marks, what has no width.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn quoted(text: &str, other: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if steers(letter) => other(letter, &mut out),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A string of KQL.
#[must_use]
pub fn kql(text: &str) -> String {
    quoted(text, |letter, out| {
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// An expression as a verbatim string of KQL; none where it holds what such a string cannot.
#[must_use]
pub fn kql_verbatim(text: &str) -> Option<String> {
    let plain = !text.chars().any(steers);
    plain.then(|| format!("@\"{}\"", text.replace('"', "\"\"")))
}

/// A list of KQL.
#[must_use]
pub fn kql_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let literals: Vec<String> = texts.into_iter().map(kql).collect();
    format!("dynamic([{}])", literals.join(", "))
}

/// A time of KQL.
#[must_use]
pub fn kql_time(time: Instant) -> String {
    format!("datetime({time})")
}

/// A string of ES|QL.
#[must_use]
pub fn esql(text: &str) -> String {
    quoted(text, |_, out| out.push('\u{fffd}'))
}

/// Whether a value can be written in ES|QL as it is.
#[must_use]
pub fn is_exact_in_esql(text: &str) -> bool {
    !text
        .chars()
        .any(|letter| steers(letter) && !matches!(letter, '\n' | '\r' | '\t'))
}

/// What follows `IN`. An empty list is no list there, so it holds a value that no field has.
#[must_use]
pub fn esql_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let literals: Vec<String> = texts.into_iter().map(esql).collect();
    if literals.is_empty() {
        return "(\"\u{fffd}\")".to_owned();
    }
    format!("({})", literals.join(", "))
}

/// A time of ES|QL, in the milliseconds that it knows.
#[must_use]
pub fn esql_time(time: Instant) -> String {
    let cut = Instant { digits: 3, ..time };
    format!("\"{cut}\"")
}
