//! Writes Windows event logs, `.evtx`: enough of the container that any reader of it takes the records back.
//!
//! ```text
//! file    4096 bytes of header, then chunks
//! chunk   65,536 bytes, readable alone: header, table of names, table of templates, records
//! record  number, time, and an XML document as BinXML (binxml): mostly a reference to a template and its values
//! ```
//!
//! Names and templates are written once for each chunk, where they are first used, and referred to by their place in
//! the chunk. So a record has no bytes of its own: it depends on what its chunk holds already, and an encoder that
//! returned records one by one could not exist. [`Chunk::push`] takes an event or says that it does not fit, and
//! [`Log`] begins another chunk then.
//!
//! As Windows does, the header part of an event (`System`) and its data (`EventData`) are two templates, the second
//! inside a value of the first: one `System` template serves all events, and each kind of event adds a small one.
//!
//! Rejected: XML in the record without templates. Readers accept it, and would never be tried on what real logs are
//! made of.

mod binxml;
mod chunk;
mod event;
mod value;

#[cfg(test)]
pub(crate) mod tests;

pub use chunk::{CHUNK_BYTES, Chunk};
pub use event::{Channel, Event};
pub use value::Value;

use flate2::Crc;

/// Bytes of the file header.
pub const HEADER_BYTES: usize = 4_096;

/// CRC-32 of bytes.
fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    for part in parts {
        crc.update(part);
    }
    crc.sum()
}

/// Overwrites bytes at a place; does nothing where they would not fit.
fn patch(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = at
        .checked_add(with.len())
        .and_then(|end| bytes.get_mut(at..end))
    {
        place.copy_from_slice(with);
    }
}

/// A chunk that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many records it has.
    pub records: u64,
}

/// A log that is being written: chunks come out as they get full.
#[derive(Debug)]
pub struct Log {
    chunk: Chunk,
    next_record: u64,
}

impl Log {
    /// A log whose first record has this number: more than 1 where older records were overwritten.
    #[must_use]
    pub fn new(first_record: u64) -> Self {
        Self {
            chunk: Chunk::new(),
            next_record: first_record,
        }
    }

    /// Adds an event, and returns the chunk before it where that is full. An event that not even an empty chunk can
    /// hold is dropped, as the event log service drops it.
    pub fn push(&mut self, event: &Event<'_>) -> Option<Full> {
        let mut full = None;
        if !self.chunk.push(event, self.next_record) {
            full = self.finish();
            if !self.chunk.push(event, self.next_record) {
                return full;
            }
        }
        self.next_record += 1;
        full
    }

    /// The number that the next record would have.
    #[must_use]
    pub const fn next_record(&self) -> u64 {
        self.next_record
    }

    /// The chunk under way, if it has records.
    pub fn finish(&mut self) -> Option<Full> {
        std::mem::take(&mut self.chunk).close()
    }
}

/// The header of a file of this many chunks. A dirty file is a copy of a log that was open: its service had not brought
/// the header up to date.
#[must_use]
pub fn header(chunks: u16, next_record: u64, dirty: bool) -> Vec<u8> {
    let mut header = vec![0; HEADER_BYTES];
    patch(&mut header, 0, b"ElfFile\0");
    let last_chunk = u64::from(chunks.saturating_sub(1));
    patch(&mut header, 16, &last_chunk.to_le_bytes());
    patch(&mut header, 24, &next_record.to_le_bytes());
    patch(&mut header, 32, &128_u32.to_le_bytes());
    patch(&mut header, 36, &1_u16.to_le_bytes());
    patch(&mut header, 38, &3_u16.to_le_bytes());
    patch(&mut header, 40, &4_096_u16.to_le_bytes());
    patch(&mut header, 42, &chunks.to_le_bytes());
    patch(&mut header, 120, &u32::from(dirty).to_le_bytes());
    let sum = crc(&[header.get(..120).unwrap_or_default()]);
    patch(&mut header, 124, &sum.to_le_bytes());
    header
}

/// A whole file of events, closed properly.
#[must_use]
pub fn file<'e>(events: impl IntoIterator<Item = Event<'e>>) -> Vec<u8> {
    let mut log = Log::new(1);
    let mut chunks = Vec::new();
    for event in events {
        chunks.extend(log.push(&event));
    }
    chunks.extend(log.finish());
    let count = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
    let mut file = header(count, log.next_record(), false);
    for chunk in chunks {
        file.extend(chunk.bytes);
    }
    file
}
