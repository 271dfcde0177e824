//! One framed piece of evidence: the bytes of a record and where they lie.
//!
//! Readers get decoded text; places are always those of the original bytes. For UTF-8 and single-byte
//! text the two agree; for UTF-16 a [`Unit`] converts.

use crate::event::batch::Span;
use std::ops::Range;

/// How decoded bytes map to original bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One to one.
    Same,
    /// The original is UTF-16: two bytes for each code unit of the text.
    Utf16,
    /// The text was taken out of an envelope (JSON inside a string): only the envelope has a place.
    Enveloped,
}

impl Width {
    /// Original bytes of this decoded text.
    #[must_use]
    pub fn of(self, decoded: &[u8]) -> u64 {
        match self {
            Self::Same | Self::Enveloped => decoded.len() as u64,
            // Each lead byte is one code unit, a four-byte sequence two.
            Self::Utf16 => decoded
                .iter()
                .map(|byte| {
                    if byte & 0xC0 == 0x80 {
                        0
                    } else {
                        2 + 2 * u64::from(*byte >= 0xF0)
                    }
                })
                .sum(),
        }
    }
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitKind {
    /// A record: a line, a block of lines, a JSON value, a whole file.
    Record,
    /// A CSV row, or a JSON array that is a row of a table.
    Row,
    /// The header row of a CSV file: names for the rows that follow.
    Header,
    /// The `columns` array of a JSON table: names for the rows that follow.
    Columns,
}

/// Defects a framer saw; more than one may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    /// The input ends inside this unit.
    pub truncated: bool,
    /// Longer than the limit; the bytes are not here.
    pub too_long: bool,
    /// Nested deeper than the limit.
    pub too_deep: bool,
    /// The grammar is broken; the framer found the next record by its look.
    pub malformed: bool,
    /// A comma stands before a closing bracket.
    pub trailing_comma: bool,
    /// Lines before the first header of a block format.
    pub leading: bool,
}

/// A framed piece of evidence.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Decoded bytes (UTF-8, or single-byte text as it is).
    pub bytes: &'a [u8],
    /// Offset of the first byte in the original item.
    pub offset: u64,
    /// Original length.
    pub length: u64,
    /// How sub-ranges map to original places.
    pub width: Width,
    /// What it is.
    pub kind: UnitKind,
    /// What the framer saw.
    pub defects: Defects,
}

impl Unit<'_> {
    /// The place of the whole unit.
    #[must_use]
    pub fn span(&self) -> Span {
        Span {
            offset: self.offset,
            length: self.length,
        }
    }

    /// The original place of a range of `bytes`.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Span {
        if self.width == Width::Enveloped {
            return self.span();
        }
        let before = self.bytes.get(..range.start).unwrap_or(self.bytes);
        let inside = self.bytes.get(range).unwrap_or(&[]);
        Span {
            offset: self.offset + self.width.of(before),
            length: self.width.of(inside),
        }
    }

    /// The original place of a sub-slice of `bytes`; the whole unit where it is not one.
    #[must_use]
    pub fn place_of(&self, inside: &[u8]) -> Span {
        let base = self.bytes.as_ptr() as usize;
        match (inside.as_ptr() as usize).checked_sub(base) {
            Some(start) if start + inside.len() <= self.bytes.len() => {
                self.part(start..start + inside.len())
            }
            _ => self.span(),
        }
    }
}
