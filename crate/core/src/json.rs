//! Reading JSON records without building them.
//!
//! A [`Value`] is a slice of the record. Asking an object for its entries walks over it once and hands
//! out slices; nobody pays for values nobody asked for, and text is copied only where an escape must
//! be undone. Input is what a framer found to be balanced; everything else is tolerated: trailing
//! commas, missing colons, text that is not UTF-8.
//!
//! ```
//! use runlens_core::json::Value;
//! let record = Value::new(br#"{"status": {"value": "Succeeded"}, "n": 3}"#);
//! assert_eq!(record.at(&["status", "value"]).text().as_deref(), Some("Succeeded"));
//! assert_eq!(record.get("n").integer(), Some(3));
//! assert_eq!(record.get("absent").text(), None);
//! ```
//!
//! Rejected: `serde_json::Value`. A tree per record was measured at half the speed of the browser's own
//! parser; typed serde structs stop at the first surprise, and exports are full of them.

use crate::evidence::encoding::{text, trimmed};
use crate::evidence::structure::{container_end, string_end};
use memchr::memchr;
use std::borrow::Cow;

/// The first byte of a value says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number, `true` or `false`.
    Scalar,
    /// `null`, or nothing at all.
    Null,
}

/// A value somewhere in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// The value that is not there.
    pub const NULL: Self = Value(b"");

    /// A value that begins (after white space) with these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Value(bytes.trim_ascii())
    }

    /// The value's bytes.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.0.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            None => Kind::Null,
            Some(b'n') if self.0 == b"null" => Kind::Null,
            Some(_) => Kind::Scalar,
        }
    }

    /// Whether it is absent or `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether it is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// The entries of an object, in order; nothing for other values.
    #[must_use]
    pub fn entries(self) -> Entries<'a> {
        let inner = if self.is_object() {
            self.0.get(1..).unwrap_or(&[])
        } else {
            &[]
        };
        Entries { rest: inner }
    }

    /// The elements of an array, in order; nothing for other values.
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        let inner = if self.is_array() {
            self.0.get(1..).unwrap_or(&[])
        } else {
            &[]
        };
        Elements { rest: inner }
    }

    /// The first entry of this name, or [`Value::NULL`].
    #[must_use]
    pub fn get(self, name: &str) -> Self {
        self.entries()
            .find(|(key, _)| key.is(name))
            .map_or(Self::NULL, |(_, value)| value)
    }

    /// The first entries of these names, each or [`Value::NULL`], in one walk.
    #[must_use]
    pub fn first_of<const N: usize>(self, names: [&[u8]; N]) -> [Self; N] {
        let mut found = [None; N];
        let mut missing = N;
        for (key, value) in self.entries() {
            let places = names.iter().zip(&mut found);
            for (_, place) in places.filter(|(name, place)| place.is_none() && **name == key.0) {
                *place = Some(value);
                missing -= 1;
            }
            if missing == 0 {
                break;
            }
        }
        found.map(|value| value.unwrap_or(Self::NULL))
    }

    /// The first entry of this name, letter case aside.
    #[must_use]
    pub fn get_folded(self, name: &str) -> Self {
        self.entries()
            .find(|(key, _)| key.is_folded(name))
            .map_or(Self::NULL, |(_, value)| value)
    }

    /// The value at the end of a path of names.
    #[must_use]
    pub fn at(self, path: &[&str]) -> Self {
        path.iter().fold(self, |value, name| value.get(name))
    }

    /// A string's text, or a number's or boolean's digits; `None` for null, objects and arrays.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::String => Some(unescape(self.inner())),
            Kind::Scalar => Some(text(self.0)),
            _ => None,
        }
    }

    /// As [`Value::text`], with blanks cut off both ends and empty text as `None`.
    #[must_use]
    pub fn word(self) -> Option<Cow<'a, str>> {
        match self.text()? {
            Cow::Borrowed(text) => Some(trimmed(text))
                .filter(|text| !text.is_empty())
                .map(Cow::Borrowed),
            Cow::Owned(text) => Some(text.trim().to_owned())
                .filter(|text| !text.is_empty())
                .map(Cow::Owned),
        }
    }

    /// The bytes between a string's quotes (escapes not undone), or the value's own bytes.
    #[must_use]
    pub fn inner(self) -> &'a [u8] {
        match self.0.strip_prefix(b"\"") {
            Some(rest) => rest.strip_suffix(b"\"").unwrap_or(rest),
            None => self.0,
        }
    }

    /// A whole number, also where it stands in quotes.
    #[must_use]
    pub fn integer(self) -> Option<i64> {
        crate::time::parse::integer(self.inner())
    }

    /// A boolean, also where it stands in quotes.
    #[must_use]
    pub fn boolean(self) -> Option<bool> {
        match self.inner() {
            b"true" | b"True" => Some(true),
            b"false" | b"False" => Some(false),
            _ => None,
        }
    }
}

/// The name of an entry: the bytes between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a>(pub &'a [u8]);

impl<'a> Key<'a> {
    /// Whether it is this name.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        self.0 == name.as_bytes()
    }

    /// Whether it is this name, ASCII letter case aside.
    #[must_use]
    pub fn is_folded(self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The name as text.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        unescape(self.0)
    }

    /// A number below 128 that equal names share and different ones mostly do not.
    #[inline]
    fn fingerprint(self) -> u32 {
        let eight = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mixed = if self.0.len() >= 8 {
            eight(self.0.first_chunk()) ^ eight(self.0.last_chunk()).rotate_left(29)
        } else {
            self.0
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        let mixed = (mixed ^ self.0.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // Seven bits of 64.
        (mixed >> 57) as u32
    }
}

/// Walks over the entries of an object.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = skip(self.rest, b',');
        if rest.first() != Some(&b'"') {
            self.rest = &[];
            return None;
        }
        let end = string_end(rest);
        let key = rest.get(1..end.saturating_sub(1)).unwrap_or(&[]);
        let rest = skip(rest.get(end..).unwrap_or(&[]), b':');
        let end = value_end(rest);
        self.rest = rest.get(end..).unwrap_or(&[]);
        Some((Key(key), Value::new(rest.get(..end).unwrap_or(&[]))))
    }
}

/// Walks over the elements of an array.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = skip(self.rest, b',');
        if matches!(rest.first(), None | Some(b']' | b'}')) {
            self.rest = &[];
            return None;
        }
        let end = value_end(rest);
        self.rest = rest.get(end..).unwrap_or(&[]);
        Some(Value::new(rest.get(..end).unwrap_or(&[])))
    }
}

/// What is left behind white space and separators of this kind.
#[inline]
fn skip(bytes: &[u8], separator: u8) -> &[u8] {
    let mut rest = bytes;
    while let [first, after @ ..] = rest
        && (*first == separator || matches!(first, b' ' | b'\t' | b'\r' | b'\n'))
    {
        rest = after;
    }
    rest
}

/// Bytes of the value that begins here. Always at least one where there are any, so that walking ends.
#[inline]
fn value_end(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'"') => string_end(bytes),
        Some(b'{' | b'[') => container_end(bytes),
        Some(_) => bytes
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'))
            .unwrap_or(bytes.len())
            .max(1),
        None => 0,
    }
}

/// Undoes escapes. Lone surrogates become U+FFFD, unknown escapes stay as they are.
#[must_use]
pub fn unescape(bytes: &[u8]) -> Cow<'_, str> {
    if memchr(b'\\', bytes).is_none() {
        return text(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut units: Vec<u16> = Vec::new();
    let mut at = 0;
    let flush = |units: &mut Vec<u16>, out: &mut Vec<u8>| {
        for letter in char::decode_utf16(units.drain(..)) {
            out.extend_from_slice(
                letter
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
                    .encode_utf8(&mut [0; 4])
                    .as_bytes(),
            );
        }
    };
    while let Some(byte) = bytes.get(at).copied() {
        if byte != b'\\' {
            flush(&mut units, &mut out);
            let rest = bytes.get(at..).unwrap_or(&[]);
            let plain = memchr(b'\\', rest).unwrap_or(rest.len());
            out.extend_from_slice(rest.get(..plain).unwrap_or(rest));
            at += plain;
            continue;
        }
        let escape = bytes.get(at + 1).copied();
        if escape == Some(b'u')
            && let Some(unit) = bytes
                .get(at + 2..at + 6)
                .and_then(|hex| u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
        {
            units.push(unit);
            at += 6;
            continue;
        }
        flush(&mut units, &mut out);
        let plain = match escape {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(other @ (b'"' | b'\\' | b'/')) => other,
            _ => {
                out.push(b'\\');
                at += 1;
                continue;
            }
        };
        out.push(plain);
        at += 2;
    }
    flush(&mut units, &mut out);
    match String::from_utf8(out) {
        Ok(text) => Cow::Owned(text),
        Err(error) => Cow::Owned(text(error.as_bytes()).into_owned()),
    }
}

/// The first key that occurs twice in an object. Cheap where none does.
#[must_use]
pub fn duplicate_key(object: Value<'_>) -> Option<String> {
    /// Keys that are remembered; those of longer objects are looked up by walking again.
    const KEPT: usize = 64;
    let mut kept = [Key(b""); KEPT];
    let mut seen = 0_u128;
    for (at, (key, _)) in object.entries().enumerate() {
        // A small fingerprint: only where it was seen before are the keys themselves compared.
        let bit = 1_u128 << key.fingerprint();
        if seen & bit != 0 {
            let earlier = kept.get(..at).unwrap_or(&kept);
            let again = earlier.contains(&key)
                || (at > KEPT
                    && object
                        .entries()
                        .take(at)
                        .skip(KEPT)
                        .any(|(earlier, _)| earlier == key));
            if again {
                return Some(key.text().into_owned());
            }
        }
        seen |= bit;
        if let Some(place) = kept.get_mut(at) {
            *place = key;
        }
    }
    None
}

/// Every scalar of a record as (dotted name, text), in order; at most `most` of them.
#[must_use]
pub fn flatten(value: Value<'_>, most: usize) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut stack = vec![(String::new(), value)];
    while let Some((name, value)) = stack.pop() {
        if out.len() >= most {
            break;
        }
        match value.kind() {
            Kind::Object | Kind::Array => {
                let joined = |part: &str| {
                    if name.is_empty() {
                        part.to_owned()
                    } else {
                        format!("{name}.{part}")
                    }
                };
                let before = stack.len();
                if value.is_object() {
                    stack.extend(
                        value
                            .entries()
                            .map(|(key, value)| (joined(&key.text()), value)),
                    );
                } else {
                    stack.extend(
                        value
                            .elements()
                            .enumerate()
                            .map(|(at, value)| (joined(&at.to_string()), value)),
                    );
                }
                if stack.len() == before {
                    out.push((name, String::from_utf8_lossy(value.raw()).into_owned()));
                } else if let Some(added) = stack.get_mut(before..) {
                    added.reverse();
                }
            }
            Kind::Null => out.push((name, "null".to_owned())),
            Kind::String | Kind::Scalar => {
                out.push((name, value.text().unwrap_or_default().into_owned()))
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_undone() {
        let value = Value::new(
            b" {\"a\" : \"x\\u0041\\n\\ud83e\\udd80\", \"b\":[1, [2], {\"c\":null},], \"b\": 2,} ",
        );
        assert_eq!(value.get("a").text().as_deref(), Some("xA\n\u{1F980}"));
        assert_eq!(value.get("b").elements().count(), 3);
        assert_eq!(
            value
                .get("b")
                .elements()
                .nth(2)
                .map(|v| v.get("c").is_null()),
            Some(true)
        );
        assert_eq!(duplicate_key(value).as_deref(), Some("b"));
        assert_eq!(unescape(b"\\ud83e!\\q\\"), "\u{FFFD}!\\q\\");
        assert_eq!(Value::new(b"{\"a\":").get("a").text(), None);
        assert_eq!(
            flatten(Value::new(br#"{"a":{"b":1},"c":[],"d":[true,null]}"#), 9),
            [("a.b", "1"), ("c", "[]"), ("d.0", "true"), ("d.1", "null")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }
}
