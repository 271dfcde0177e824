//! `key=value` lines as Go programs write them, values quoted where they need it.
//!
//! Keys repeat, values may be empty (`scriptUri=`), quoted ones hold `\n`, `\"` and `\u00e9` (linux-artifacts 5.1).
//!
//! Rejected: a map. The second `path=` of an uninstall line would replace the first.

use crate::json::unescape;
use std::borrow::Cow;

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
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self
                .rest
                .iter()
                .position(|byte| !byte.is_ascii_whitespace())?;
            let rest = self.rest.get(start..)?;
            let word = rest
                .iter()
                .position(|byte| *byte == b'=' || byte.is_ascii_whitespace())
                .unwrap_or(rest.len());
            if rest.get(word) != Some(&b'=') {
                self.rest = rest.get(word..)?;
                continue;
            }
            let key = std::str::from_utf8(rest.get(..word)?).unwrap_or("");
            let value = rest.get(word + 1..)?;
            let end = if value.first() == Some(&b'"') {
                quoted_end(value)
            } else {
                value
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(value.len())
            };
            self.rest = value.get(end..).unwrap_or(&[]);
            let raw = value.get(..end)?;
            let text = match raw.strip_prefix(b"\"") {
                Some(inner) => unescape(inner.strip_suffix(b"\"").unwrap_or(inner)),
                None => crate::evidence::encoding::text(raw),
            };
            return Some((key, text));
        }
    }
}

fn quoted_end(value: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = value.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_repeats_and_empty_values() {
        let line =
            br#"time=2024-05-01T08:00:00Z event="a \"b\"\n" scriptUri= path=1 path=2 stray x="#;
        let have: Vec<(&str, String)> = pairs(line)
            .map(|(key, value)| (key, value.into_owned()))
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
