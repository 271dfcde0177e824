//! Elements of a template, and their tokens.
//!
//! ```text
//! 0f 01 01 00            a fragment begins
//! 41 … name, attributes  an element with attributes begins (01: without)
//! 02                     its start tag ends; 03: and the element with it
//! 05 … / 0d … / 0e …     text / the value of a number / the same, left out with its element where it is null
//! 04                     the element ends
//! 00                     the fragment ends
//! ```

use super::chunk::Chunk;
use super::value::utf16;

/// The fragment begins.
pub(super) const BEGIN: [u8; 4] = [0x0f, 0x01, 0x01, 0x00];
/// The fragment ends.
pub(super) const END: u8 = 0x00;
/// An instance of a template.
pub(super) const INSTANCE: u8 = 0x0c;
/// The element does not depend on a value.
const INDEPENDENT: u16 = 0xffff;

/// What an element or an attribute holds.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Text.
    Text(&'static str),
    /// The value of this number, of this type.
    Value(u16, u8),
    /// The same; left out where the value is null.
    Optional(u16, u8),
    /// An element.
    Element(Element),
}

/// An element of a template.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, Part)>,
    content: Vec<Part>,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    pub(super) fn attribute(mut self, name: &'static str, value: Part) -> Self {
        self.attributes.push((name, value));
        self
    }

    pub(super) fn content(mut self, part: Part) -> Self {
        self.content.push(part);
        self
    }

    /// Writes the element's tokens at the chunk's end.
    pub(super) fn write(&self, chunk: &mut Chunk) {
        let has_attributes = !self.attributes.is_empty();
        chunk.put(&[if has_attributes { 0x41 } else { 0x01 }]);
        chunk.put(&INDEPENDENT.to_le_bytes());
        let size = chunk.reserve();
        chunk.name(self.name);
        if has_attributes {
            let list = chunk.reserve();
            for (at, (name, value)) in self.attributes.iter().enumerate() {
                let more = at + 1 < self.attributes.len();
                chunk.put(&[if more { 0x46 } else { 0x06 }]);
                chunk.name(name);
                value.write(chunk);
            }
            chunk.settle(list);
        }
        if self.content.is_empty() {
            chunk.put(&[0x03]);
        } else {
            chunk.put(&[0x02]);
            for part in &self.content {
                part.write(chunk);
            }
            chunk.put(&[0x04]);
        }
        chunk.settle(size);
    }
}

impl Part {
    fn write(&self, chunk: &mut Chunk) {
        match self {
            Self::Text(text) => {
                let units = text.encode_utf16().count() as u16;
                chunk.put(&[0x05, 0x01]);
                chunk.put(&units.to_le_bytes());
                chunk.put(&utf16(text).collect::<Vec<u8>>());
            }
            Self::Value(at, kind) | Self::Optional(at, kind) => {
                let token = if matches!(self, Self::Value(..)) {
                    0x0d
                } else {
                    0x0e
                };
                chunk.put(&[token]);
                chunk.put(&at.to_le_bytes());
                chunk.put(&[*kind]);
            }
            Self::Element(element) => element.write(chunk),
        }
    }
}
