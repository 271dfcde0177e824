//! A chunk: 64 KiB of records with the names and templates that they use.
//!
//! Names hang in 64 chains by their hash, templates in 32 by the first number of their GUID. A new one goes to the head
//! of its chain and points at the one before it.

use super::binxml::{BEGIN, END, Element, INSTANCE};
use super::event::{Event, SYSTEM_KEY, system_template};
use super::value::{Value, file_time, utf16};
use super::{Full, crc, patch};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 65_536;
/// Where records begin.
const RECORDS: usize = 512;
/// Where the heads of the chains of names stand.
const NAME_HEADS: usize = 128;
/// Where the heads of the chains of templates stand.
const TEMPLATE_HEADS: usize = 384;

/// A chunk under way.
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    names: BTreeMap<&'static str, u32>,
    templates: BTreeMap<String, u32>,
    first: Option<u64>,
    last: u64,
    last_at: u32,
}

/// A place whose size is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserved(usize);

/// Whether a value of type BinXML stands behind the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nested {
    /// The template has no place for one.
    None,
    /// It has, and the value is null.
    Absent,
    /// It does.
    Present,
}

impl Chunk {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: vec![0; RECORDS],
            names: BTreeMap::new(),
            templates: BTreeMap::new(),
            first: None,
            last: 0,
            last_at: 0,
        }
    }

    /// Adds an event as the record of a number. Where it does not fit, the chunk stays as it was and `false` is said.
    pub fn push(&mut self, event: &Event<'_>, record: u64) -> bool {
        let begin = self.bytes.len();
        let heads = self.bytes.get(..RECORDS).unwrap_or_default().to_vec();
        self.record(event, record);
        if self.bytes.len() > CHUNK_BYTES {
            self.bytes.truncate(begin);
            patch(&mut self.bytes, 0, &heads);
            let kept = |at: &mut u32| (*at as usize) < begin;
            self.names.retain(|_, at| kept(at));
            self.templates.retain(|_, at| kept(at));
            return false;
        }
        self.first.get_or_insert(record);
        self.last = record;
        self.last_at = begin as u32;
        true
    }

    /// The whole chunk; `None` where it has no records.
    #[must_use]
    pub fn close(mut self) -> Option<Full> {
        let first = self.first?;
        let end = self.bytes.len();
        let sum = crc(&[self.bytes.get(RECORDS..).unwrap_or_default()]);
        self.bytes.resize(CHUNK_BYTES, 0);
        let bytes = &mut self.bytes;
        patch(bytes, 0, b"ElfChnk\0");
        for (at, number) in [(8, first), (16, self.last), (24, first), (32, self.last)] {
            patch(bytes, at, &number.to_le_bytes());
        }
        for (at, number) in [(40, 128), (44, self.last_at), (48, end as u32), (52, sum)] {
            patch(bytes, at, &number.to_le_bytes());
        }
        let sum = crc(&[
            bytes.get(..120).unwrap_or_default(),
            bytes.get(NAME_HEADS..RECORDS).unwrap_or_default(),
        ]);
        patch(bytes, 124, &sum.to_le_bytes());
        Some(Full {
            bytes: self.bytes,
            records: self.last - first + 1,
        })
    }

    fn record(&mut self, event: &Event<'_>, record: u64) {
        let begin = self.bytes.len();
        self.put(b"**\0\0");
        self.put(&[0; 4]);
        self.put(&record.to_le_bytes());
        self.put(&file_time(event.at).to_le_bytes());
        self.put(&BEGIN);
        self.instance(SYSTEM_KEY, system_template);
        let nested = if event.data.is_empty() {
            Nested::Absent
        } else {
            Nested::Present
        };
        if let Some(size_at) = self.values(&event.system_values(record), nested) {
            let from = self.bytes.len();
            self.put(&BEGIN);
            self.instance(&event.data_key(), || event.data_template());
            let values: Vec<Value> = event.data.iter().map(|(_, value)| value.clone()).collect();
            self.values(&values, Nested::None);
            self.put(&[END]);
            let size = u16::try_from(self.bytes.len() - from).unwrap_or(u16::MAX);
            patch(&mut self.bytes, size_at, &size.to_le_bytes());
        }
        self.put(&[END]);
        // Records begin at multiples of eight; their size stands at both ends.
        while !(self.bytes.len() + 4).is_multiple_of(8) {
            self.put(&[0]);
        }
        let size = (self.bytes.len() + 4 - begin) as u32;
        self.put(&size.to_le_bytes());
        patch(&mut self.bytes, begin + 4, &size.to_le_bytes());
    }

    /// An instance of a template, which is defined here where the chunk does not have it yet.
    fn instance(&mut self, key: &str, template: impl Fn() -> Element) {
        let guid: Vec<u8> = Sha256::digest(key).into_iter().take(16).collect();
        let id = guid.get(..4).unwrap_or_default().to_vec();
        self.put(&[INSTANCE, 0x01]);
        self.put(&id);
        if let Some(at) = self.templates.get(key).copied() {
            self.put(&at.to_le_bytes());
            return;
        }
        let at = self.bytes.len() as u32 + 4;
        self.put(&at.to_le_bytes());
        self.templates.insert(key.to_owned(), at);
        let chain = id.first().map_or(0, |low| usize::from(low % 32));
        self.link(TEMPLATE_HEADS + chain * 4, at);
        self.put(&guid);
        let size = self.reserve();
        self.put(&BEGIN);
        template().write(self);
        self.put(&[END]);
        self.settle(size);
    }

    /// Values behind an instance. Where a nested one is present, its size is to be written at the place returned.
    fn values(&mut self, values: &[Value], nested: Nested) -> Option<usize> {
        let count = values.len() + usize::from(nested != Nested::None);
        self.put(&(count as u32).to_le_bytes());
        let bytes: Vec<Vec<u8>> = values.iter().map(Value::bytes).collect();
        for (value, bytes) in values.iter().zip(&bytes) {
            self.put(&(bytes.len() as u16).to_le_bytes());
            self.put(&[value.kind(), 0]);
        }
        let size_at = (nested == Nested::Present).then_some(self.bytes.len());
        match nested {
            Nested::None => {}
            Nested::Absent => self.put(&[0; 4]),
            Nested::Present => self.put(&[0, 0, 0x21, 0]),
        }
        for bytes in &bytes {
            self.put(bytes);
        }
        size_at
    }

    /// Writes at the end.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A reference to a name, which is written here where the chunk does not have it yet.
    pub(super) fn name(&mut self, name: &'static str) {
        if let Some(at) = self.names.get(name).copied() {
            self.put(&at.to_le_bytes());
            return;
        }
        let at = self.bytes.len() as u32 + 4;
        self.put(&at.to_le_bytes());
        self.names.insert(name, at);
        let hash = hash(name);
        self.link(NAME_HEADS + usize::from(hash % 64) * 4, at);
        self.put(&hash.to_le_bytes());
        self.put(&(name.encode_utf16().count() as u16).to_le_bytes());
        self.put(&utf16(name).collect::<Vec<u8>>());
        self.put(&[0, 0]);
    }

    /// Puts something at the head of its chain and writes what was there before.
    fn link(&mut self, head: usize, at: u32) {
        let before = self
            .bytes
            .get(head..head + 4)
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        patch(&mut self.bytes, head, &at.to_le_bytes());
        self.put(&before);
    }

    /// Four bytes for a size that is not known yet.
    pub(super) fn reserve(&mut self) -> Reserved {
        self.put(&[0; 4]);
        Reserved(self.bytes.len())
    }

    /// Writes the size of all that came since.
    pub(super) fn settle(&mut self, place: Reserved) {
        let size = (self.bytes.len() - place.0) as u32;
        patch(&mut self.bytes, place.0 - 4, &size.to_le_bytes());
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash that Windows files names under.
fn hash(name: &str) -> u16 {
    let hash = name.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(65_599).wrapping_add(u32::from(unit))
    });
    (hash & 0xffff) as u16
}
