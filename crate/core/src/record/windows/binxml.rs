//! The binary XML of Windows event logs.
//!
//! A chunk is 64 KiB and stands alone: names and templates are stored once in it and referred to by offset. A record is a template and the values
//! that go into its holes; walking the template with the values gives the event's elements.
//!
//! ```text
//! chunk  ElfChnk\0 … 512: records
//! record 2a 2a 00 00 | size | id | FILETIME | fragment: 0F, template instance 0C → definition, values | size
//! ```
//!
//! Source: windows-and-endpoint-artifacts 4, after libevtx's format notes and MS-EVEN6. Every read is bounds-checked; depth, elements and text of one record are
//! limited, so a hostile chunk costs a problem and no time. One walk, no tree.
//!
//! Rejected: the `evtx` crate. It turns on `preserve_order` of serde_json for the whole program, needs a source of entropy in wasm, brings a time-zone database and a
//! JSON writer with unsafe code, and ends a chunk at its first broken record. It is the oracle of the tests instead.

use super::Visitor;
use super::value::{filetime, push_utf16, u16_at, u32_at, u64_at, value_text};
use crate::time::Instant;
use std::fmt;

/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 65_536;
/// Where records begin in a chunk.
const RECORDS_AT: usize = 512;
/// How a record begins.
pub const RECORD_MARK: &[u8] = b"\x2a\x2a\x00\x00";
/// Bytes of a record before its fragment.
pub(super) const RECORD_HEAD: usize = 24;
/// Elements inside elements, templates inside values.
const MOST_DEPTH: usize = 32;
/// Tokens of one record.
const MOST_TOKENS: usize = 100_000;
/// Values of one template instance.
pub(super) const MOST_VALUES: usize = 4_096;

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinXmlError {
    /// What was expected.
    pub what: &'static str,
    /// Offset in the chunk.
    pub at: usize,
}

impl fmt::Display for BinXmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the chunk", self.what, self.at)
    }
}

impl std::error::Error for BinXmlError {}

/// Where a record lies in its chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// First byte.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// Record id.
    pub id: u64,
    /// When it was written, by the record's own header.
    pub written: Option<Instant>,
}

/// The records of a chunk by their marks, and how many bytes between them belong to none. The header's own counts are not believed: a log that was not closed has
/// stale ones.
#[must_use]
pub fn records(chunk: &[u8]) -> (Vec<RecordPlace>, usize) {
    let free = u32_at(chunk, 48).map_or(chunk.len(), |free| free as usize);
    // A stale header may point anywhere; records end where no mark follows.
    let stated_end = if (RECORDS_AT..=chunk.len()).contains(&free) {
        free
    } else {
        chunk.len()
    };
    let mut found = Vec::new();
    let mut lost = 0;
    let mut at = RECORDS_AT;
    while at + RECORD_HEAD + 4 <= chunk.len() {
        match record_at(chunk, at) {
            Some(place) => {
                at += place.size;
                found.push(place);
            }
            None => {
                let cut = chunk.len() < CHUNK_BYTES
                    && chunk
                        .get(at..)
                        .is_some_and(|rest| rest.starts_with(RECORD_MARK));
                if at >= stated_end || cut {
                    break;
                }
                // Look for the next mark.
                let rest = chunk.get(at + 1..).unwrap_or(&[]);
                let next = memchr::memmem::find(rest, RECORD_MARK);
                let to = next.map_or(stated_end.max(at + 1), |next| at + 1 + next);
                let skipped = chunk.get(at..to.min(stated_end)).unwrap_or(&[]);
                if skipped.iter().any(|byte| *byte != 0) {
                    lost += skipped.len();
                }
                if next.is_none() {
                    break;
                }
                at = to;
            }
        }
    }
    (found, lost)
}

fn record_at(chunk: &[u8], at: usize) -> Option<RecordPlace> {
    if chunk.get(at..at + 4)? != RECORD_MARK {
        return None;
    }
    let size = u32_at(chunk, at + 4)? as usize;
    if size < RECORD_HEAD + 4 || at + size > chunk.len() {
        return None;
    }
    // The size stands at both ends.
    if u32_at(chunk, at + size - 4)? as usize != size {
        return None;
    }
    Some(RecordPlace {
        offset: at,
        size,
        id: u64_at(chunk, at + 8)?,
        written: filetime(u64_at(chunk, at + 16)?),
    })
}

/// A value that goes into a template's hole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    /// First byte in the chunk.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// Type.
    pub kind: u8,
}

/// Walks one record.
///
/// # Errors
/// [`BinXmlError`] where a read would leave the chunk or a token is unknown; what was visited before stays visited.
pub fn walk(
    chunk: &[u8],
    place: RecordPlace,
    visitor: &mut impl Visitor,
) -> Result<(), BinXmlError> {
    let end = place.offset + place.size - 4;
    let mut walk = Walk {
        chunk,
        visitor,
        tokens: 0,
        text: String::new(),
    };
    walk.fragment(place.offset + RECORD_HEAD, end, &[], false, 0)
        .map(|_| ())
}

struct Walk<'a, V> {
    chunk: &'a [u8],
    visitor: &'a mut V,
    tokens: usize,
    text: String,
}

/// What an attribute's or element's content went to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    Text,
    Attribute,
}

impl<V: Visitor> Walk<'_, V> {
    fn error<T>(&self, what: &'static str, at: usize) -> Result<T, BinXmlError> {
        Err(BinXmlError { what, at })
    }

    fn u8(&self, at: usize) -> Result<u8, BinXmlError> {
        self.chunk
            .get(at)
            .copied()
            .ok_or(BinXmlError { what: "a byte", at })
    }

    fn u16(&self, at: usize) -> Result<u16, BinXmlError> {
        u16_at(self.chunk, at).ok_or(BinXmlError {
            what: "two bytes",
            at,
        })
    }

    fn u32(&self, at: usize) -> Result<usize, BinXmlError> {
        u32_at(self.chunk, at)
            .map(|value| value as usize)
            .ok_or(BinXmlError {
                what: "four bytes",
                at,
            })
    }

    /// Walks tokens up to the end of the fragment. `nested` fragments (values) have elements without a dependency id.
    fn fragment(
        &mut self,
        from: usize,
        end: usize,
        holes: &[Hole],
        nested: bool,
        depth: usize,
    ) -> Result<usize, BinXmlError> {
        if depth > MOST_DEPTH {
            return self.error("an end of nesting", from);
        }
        let mut at = from;
        let mut open = 0_usize;
        let mut attribute: Option<String> = None;
        while at < end {
            self.tokens += 1;
            if self.tokens > MOST_TOKENS {
                return self.error("an end of the record", at);
            }
            let token = self.u8(at)?;
            let starts_other = matches!(token & 0x3F, 0x01 | 0x02 | 0x03 | 0x04 | 0x06 | 0x00);
            if starts_other && let Some(name) = attribute.take() {
                let value = std::mem::take(&mut self.text);
                if !value.is_empty() {
                    self.visitor.attribute(&name, &value);
                }
                self.text = value;
                self.text.clear();
            }
            let into = if attribute.is_some() {
                Into::Attribute
            } else {
                Into::Text
            };
            match token & 0x3F {
                // End of fragment.
                0x00 => return Ok(at + 1),
                // Element: [dependency id], size, name, [size of attributes].
                0x01 => {
                    at += if nested { 5 } else { 7 };
                    let (name, behind) = self.name(at)?;
                    at = behind;
                    if token & 0x40 != 0 {
                        at += 4;
                    }
                    self.visitor.open(&name);
                    open += 1;
                    if open > MOST_DEPTH {
                        return self.error("an end of nesting", at);
                    }
                }
                // End of the start tag.
                0x02 => at += 1,
                // End of the element, empty or not.
                0x03 | 0x04 => {
                    at += 1;
                    self.visitor.close();
                    open = open.saturating_sub(1);
                }
                // Literal value.
                0x05 => {
                    let kind = self.u8(at + 1)?;
                    if kind != 0x01 {
                        return self.error("a literal string", at);
                    }
                    let letters = usize::from(self.u16(at + 2)?);
                    self.put_utf16(at + 4, letters * 2, into)?;
                    at += 4 + letters * 2;
                }
                0x06 => {
                    let (name, behind) = self.name(at + 1)?;
                    at = behind;
                    self.text.clear();
                    attribute = Some(name);
                }
                // CDATA section, data of a processing instruction.
                0x07 | 0x0B => {
                    let letters = usize::from(self.u16(at + 1)?);
                    if token & 0x3F == 0x07 {
                        self.put_utf16(at + 3, letters * 2, into)?;
                    }
                    at += 3 + letters * 2;
                }
                0x08 => {
                    let letter = char::from_u32(u32::from(self.u16(at + 1)?));
                    self.put(&String::from(letter.unwrap_or('\u{FFFD}')), into);
                    at += 3;
                }
                0x09 => {
                    let (name, behind) = self.name(at + 1)?;
                    let letter = match name.as_str() {
                        "lt" => "<",
                        "gt" => ">",
                        "amp" => "&",
                        "quot" => "\"",
                        "apos" => "'",
                        _ => "\u{FFFD}",
                    };
                    self.put(letter, into);
                    at = behind;
                }
                0x0A => at = self.name(at + 1)?.1,
                0x0C => at = self.template(at, end, depth)?,
                // A hole: always there, or only where it has a value.
                0x0D | 0x0E => {
                    let index = usize::from(self.u16(at + 1)?);
                    if let Some(hole) = holes.get(index).copied() {
                        self.hole(hole, into, depth)?;
                    }
                    at += 4;
                }
                0x0F => at += 4,
                _ => return self.error("a known token", at),
            }
        }
        Ok(at)
    }

    /// A template instance: its definition, here or elsewhere in the chunk, and its values.
    fn template(&mut self, at: usize, end: usize, depth: usize) -> Result<usize, BinXmlError> {
        let definition = self.u32(at + 6)?;
        let mut behind = at + 10;
        if definition == behind {
            // The definition stands here: next, GUID, size, fragment.
            behind = definition + 24 + self.u32(definition + 20)?;
        }
        let body = definition + 24;
        let body_end = body
            .checked_add(self.u32(definition + 20)?)
            .filter(|end| *end <= self.chunk.len())
            .ok_or(BinXmlError {
                what: "a template inside the chunk",
                at: definition,
            })?;
        let count = self.u32(behind)?;
        if count > MOST_VALUES {
            return self.error("fewer values", behind);
        }
        let mut value = behind + 4 + count * 4;
        let mut holes = Vec::with_capacity(count);
        for number in 0..count {
            let descriptor = behind + 4 + number * 4;
            let size = usize::from(self.u16(descriptor)?);
            let kind = self.u8(descriptor + 2)?;
            if value + size > end {
                return self.error("values inside the record", value);
            }
            holes.push(Hole {
                offset: value,
                size,
                kind,
            });
            value += size;
        }
        self.fragment(body, body_end, &holes, false, depth + 1)?;
        Ok(value)
    }

    /// A name, here or elsewhere in the chunk, and where reading goes on.
    fn name(&self, at: usize) -> Result<(String, usize), BinXmlError> {
        let offset = self.u32(at)?;
        let letters = usize::from(self.u16(offset + 6)?);
        let bytes = self
            .chunk
            .get(offset + 8..offset + 8 + letters * 2)
            .ok_or(BinXmlError {
                what: "a name",
                at: offset,
            })?;
        let mut name = String::with_capacity(letters);
        push_utf16(bytes, &mut name);
        let behind = if offset == at + 4 {
            offset + 8 + letters * 2 + 2
        } else {
            at + 4
        };
        Ok((name, behind))
    }

    fn put(&mut self, text: &str, into: Into) {
        match into {
            Into::Text => self.visitor.text(text),
            Into::Attribute => self.text.push_str(text),
        }
    }

    fn put_utf16(&mut self, at: usize, size: usize, into: Into) -> Result<(), BinXmlError> {
        let bytes = self
            .chunk
            .get(at..at + size)
            .ok_or(BinXmlError { what: "text", at })?;
        match into {
            Into::Attribute => push_utf16(bytes, &mut self.text),
            Into::Text => {
                let mut text = std::mem::take(&mut self.text);
                text.clear();
                push_utf16(bytes, &mut text);
                self.visitor.text(&text);
                self.text = text;
            }
        }
        Ok(())
    }

    fn hole(&mut self, hole: Hole, into: Into, depth: usize) -> Result<(), BinXmlError> {
        let bytes = self
            .chunk
            .get(hole.offset..hole.offset + hole.size)
            .ok_or(BinXmlError {
                what: "a value",
                at: hole.offset,
            })?;
        if hole.kind == 0x21 {
            // The fragment of a value may hold elements of its own.
            return self
                .fragment(hole.offset, hole.offset + hole.size, &[], true, depth + 1)
                .map(|_| ());
        }
        let mut text = String::new();
        value_text(hole.kind, bytes, &mut text);
        self.put(&text, into);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_an_error_and_no_harm() {
        struct Nobody;
        impl Visitor for Nobody {
            fn open(&mut self, _: &str) {}
            fn attribute(&mut self, _: &str, _: &str) {}
            fn text(&mut self, _: &str) {}
            fn close(&mut self) {}
        }
        let mut seed = 9_u64;
        for _ in 0..200 {
            let mut chunk = vec![0_u8; 4096];
            for byte in &mut chunk {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly small numbers: tokens, sizes and offsets that lead somewhere.
                *byte = (seed >> 40) as u8 & if seed >> 60 == 0 { 0xFF } else { 0x0F };
            }
            let size = 3000_u32;
            chunk[512..516].copy_from_slice(b"\x2a\x2a\x00\x00");
            chunk[516..520].copy_from_slice(&size.to_le_bytes());
            chunk[512 + 2996..512 + 3000].copy_from_slice(&size.to_le_bytes());
            for place in records(&chunk).0 {
                let _ = walk(&chunk, place, &mut Nobody);
            }
        }
    }
}
