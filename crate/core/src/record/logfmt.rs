//! `key=value` lines as Go programs write them, values quoted where they need it.
//!
//! Keys repeat, values may be empty (`scriptUri=`), quoted ones hold `\n`, `\"` and `\u00e9` (linux-artifacts 5.1).
//!
//! Rejected: a map. The second `path=` of an uninstall line would replace the first.

use crate::evidence::encoding::text;
use crate::evidence::structure::string_end;
use crate::json::unescape;
use std::borrow::Cow;

/// A key and its value as they stand in the line.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The key's bytes.
    pub key: &'a [u8],
    /// The value, with its quotes.
    pub raw: &'a [u8],
}

impl<'a> Pair<'a> {
    /// The key as text; empty where it is none.
    #[must_use]
    pub fn name(self) -> &'a str {
        std::str::from_utf8(self.key).unwrap_or("")
    }

    /// The value as text, quotes and escapes undone.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        match self.raw.strip_prefix(b"\"") {
            Some(inner) => unescape(inner.strip_suffix(b"\"").unwrap_or(inner)),
            None => text(self.raw),
        }
    }
}

/// The pairs of one line, in order.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
}

/// The pairs of a line. Words without `=` are passed over.
#[must_use]
pub fn pairs(line: &[u8]) -> Pairs<'_> {
    Pairs { rest: line }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self
                .rest
                .iter()
                .position(|byte| !byte.is_ascii_whitespace())?;
            let rest = self.rest.get(start..)?;
            // Letters of a name are past `=` in the table of codes, white space is before it.
            let word = rest
                .iter()
                .position(|byte| *byte <= b'=' && (*byte == b'=' || byte.is_ascii_whitespace()))
                .unwrap_or(rest.len());
            if rest.get(word) != Some(&b'=') {
                self.rest = rest.get(word..)?;
                continue;
            }
            let key = rest.get(..word)?;
            let value = rest.get(word + 1..)?;
            let end = if value.first() == Some(&b'"') {
                string_end(value)
            } else {
                value
                    .iter()
                    .position(|byte| *byte <= b' ' && byte.is_ascii_whitespace())
                    .unwrap_or(value.len())
            };
            self.rest = value.get(end..).unwrap_or(&[]);
            let raw = value.get(..end)?;
            return Some(Pair { key, raw });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_repeats_and_empty_values() {
        let line =
            br#"time=2024-05-01T08:00:00Z event="a \"b\"\n" scriptUri= path=1 path=2 stray x="#;
        let have: Vec<(&str, String)> = pairs(line)
            .map(|pair| (pair.name(), pair.text().into_owned()))
            .collect();
        let want = [
            ("time", "2024-05-01T08:00:00Z"),
            ("event", "a \"b\"\n"),
            ("scriptUri", ""),
            ("path", "1"),
            ("path", "2"),
            ("x", ""),
        ];
        assert_eq!(have, want.map(|(key, value)| (key, value.to_owned())));
    }
}
