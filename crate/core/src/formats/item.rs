//! One evidence item from its first byte to its report.
//!
//! An [`ItemReader`] is fed bytes in order, in pieces of any size. It undoes the encoding, identifies the
//! format from the first bytes, frames records and gives them to the format's reader; it hands out
//! event batches as they fill and an [`ItemReport`] at the end. Workers run many of them side by side; none
//! knows of another.
//!
//! A large item may be read by several of them at once; how one begins in the middle and what it hands over is in
//! [`super::segment`].
//!
//! Rejected: a reader that pulls from a file. In a tab bytes arrive when the browser brings them.

use super::describe::Opening;
use super::dispatch::{State, names_of};
use super::identify::{Identity, identify};
use super::segment::{Carried, Tally};
use super::sigma_rules::RuleText;
use super::{Format, Framing, Sample};
use crate::event::batch::{EventBatch, NotABatch};
use crate::event::sink::{Counts, Sink};
use crate::evidence::cut::RecordMark;
use crate::evidence::encoding::{Decoder, Seen, Transport};
use crate::evidence::frame::Framer;
use crate::evidence::frame::blocks::Blocks;
use crate::evidence::frame::chunks::Chunks;
use crate::evidence::frame::csv::Csv;
use crate::evidence::frame::json::Json;
use crate::evidence::frame::lines::Lines;
use crate::evidence::frame::whole::Whole;
use crate::evidence::frame::xml::Xml;
use crate::evidence::unit::Width;
use crate::limits::Limits;
use crate::problem::{Code, Problem};
use crate::record::yaml::Document;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Events that make a batch worth handing over.
const BATCH_EVENTS: usize = 4_096;
/// Or texts of so many bytes: events with long texts fill a reader's memory, which it never gives back, long before they are many.
const BATCH_TEXT_BYTES: usize = 256 << 10;
/// Distance of the marks that make line numbers cheap.
pub const LINE_MARK_BYTES: u64 = 1 << 20;

/// A header met on the way, kept so that a row can be read again alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preamble {
    /// Where the rows under it begin.
    pub offset: u64,
    /// [`UnitKind`] by number.
    pub kind: u8,
    /// Its decoded bytes.
    pub bytes: Vec<u8>,
}

/// What is known of an item after reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemReport {
    /// Format id.
    pub format: String,
    /// Encoding name.
    pub encoding: String,
    /// How many records ended how.
    pub counts: Counts,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// Headers, for reading rows again.
    pub preamble: Vec<Preamble>,
    /// Where chunks begin: records of such items are read with their chunk.
    pub chunks: Vec<u64>,
    /// Line ends before each multiple of [`LINE_MARK_BYTES`].
    pub line_marks: Vec<u64>,
    /// Whether single records decided their format.
    pub as_records: bool,
    /// Whether records of more than one format were read.
    pub mixed: bool,
    /// The documents of an item that holds Sigma rules.
    pub rules: Vec<Document>,
    /// The byte-order mark and UTF-16 of the item.
    pub(super) transport: u8,
}

impl ItemReport {
    /// How the item's bytes become text.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.transport {
            1 => Transport::Utf16Le { mark: 2 },
            2 => Transport::Utf16Be { mark: 2 },
            _ => Transport::Bytes { mark: 0 },
        }
    }

    /// The item's format; `None` for text and binary.
    #[must_use]
    pub fn format(&self) -> Option<&'static Format> {
        super::by_id(&self.format)
    }

    /// Last batch and report, from the bytes of [`ItemReader::finish`].
    ///
    /// # Errors
    /// [`NotABatch`] where the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<(EventBatch, Self), NotABatch> {
        postcard::from_bytes(bytes).map_err(|error| NotABatch {
            what: error.to_string(),
            have: bytes.len(),
        })
    }
}

/// Reads one item.
pub struct ItemReader {
    pub(super) opening: Opening,
    /// Raw bytes until the transport is known, decoded bytes until the format is.
    head: Vec<u8>,
    pub(super) transport: Option<Transport>,
    decoder: Option<Decoder>,
    pub(super) body: Option<Body>,
    pub(super) sink: Sink,
    /// Where the next byte lies in the item.
    raw_bytes: u64,
    /// Line marks that belong to readers before this one.
    marks_before: u64,
    line_marks: Vec<u64>,
    line_ends: u64,
    /// The header row that stands before this reader's bytes.
    pub(super) header_before: Option<Vec<u8>>,
}

/// Everything that exists once the format is known.
pub(super) struct Body {
    pub(super) identity: Option<Identity>,
    pub(super) framer: Option<Box<dyn Framer>>,
    pub(super) buffer: Vec<u8>,
    /// Whether all of the buffer is ASCII.
    buffer_ascii: bool,
    pub(super) state: State,
    /// The text of an item that holds Sigma rules and therefore no records.
    rules: Option<RuleText>,
}

impl ItemReader {
    /// A reader for the item of this path.
    #[must_use]
    pub fn new(path: &str, size: u64, modified_ms: Option<i64>, limits: Limits) -> Self {
        Self::of(Opening::new(path, size, modified_ms, limits))
    }

    /// A reader for this item.
    #[must_use]
    pub fn of(opening: Opening) -> Self {
        Self {
            opening,
            head: Vec::new(),
            transport: None,
            decoder: None,
            body: None,
            sink: Sink::new(),
            raw_bytes: 0,
            marks_before: 0,
            line_marks: vec![0],
            line_ends: 0,
            header_before: None,
        }
    }

    /// A reader that begins at a record in the middle of the item, knowing what the records before it decided.
    pub(super) fn resumed(opening: Opening, carried: &Carried, offset: u64) -> Option<Self> {
        let identity = carried.identity()?;
        let mut reader = Self {
            line_marks: Vec::new(),
            header_before: carried.header().map(<[u8]>::to_vec),
            transport: Some(Transport::Bytes { mark: 0 }),
            decoder: Some(Decoder::new(Transport::Bytes { mark: 0 })),
            sink: Sink::of_segment(),
            ..Self::of(opening)
        };
        let in_chunks = matches!(identity.framing, Framing::Chunks);
        let seen = Seen {
            binary: in_chunks,
            ..Seen::default()
        };
        let mut state = State::new(Some(identity), Width::Same, offset, seen);
        for (format, knows) in carried.readers() {
            let at = state.open(format, &reader.opening);
            let (_, opened, _) = state.readers.get_mut(at)?;
            opened.resume(knows).then_some(())?;
        }
        state.current = state.open(carried.current(), &reader.opening);
        state.mark = RecordMark::known(carried.cut());
        if let Some(bytes) = carried.header() {
            let header = names_of(bytes, true);
            let (_, opened, _) = state.readers.get_mut(state.current)?;
            opened.header(&header);
            state.table_reader = Some(state.current);
        }
        let mut framer = framer_of(identity.framing, &reader.opening.limits);
        framer.resume(carried.frame()).then_some(())?;
        reader.body = Some(Body {
            identity: Some(identity),
            framer: Some(framer),
            buffer: Vec::new(),
            buffer_ascii: true,
            state,
            rules: None,
        });
        reader.begin_at(offset);
        Some(reader)
    }

    /// The first byte to come lies there in the item. Nothing has been read yet.
    pub(super) fn begin_at(&mut self, offset: u64) {
        self.raw_bytes = offset;
        self.marks_before = offset / LINE_MARK_BYTES + 1;
        if let Some(body) = &mut self.body {
            body.state.original = offset;
        }
    }

    /// Ends what the next record's beginning ends. Answers whether a record ends where the bytes so far end.
    pub(super) fn break_off(&mut self) -> bool {
        let Some(body) = &mut self.body else {
            return false;
        };
        let Some(framer) = &mut body.framer else {
            return false;
        };
        let buffer = std::mem::take(&mut body.buffer);
        let (opening, sink, state) = (&self.opening, &mut self.sink, &mut body.state);
        state.mapped = 0;
        let ended = framer.ends_before_record(&buffer, &mut |found| {
            state.found(found, &buffer, opening, sink);
        });
        if ended {
            state.map_to(&buffer, buffer.len());
            for (_, reader, _) in &mut state.readers {
                reader.segment_ends(sink);
            }
        } else {
            body.buffer = buffer;
        }
        ended
    }

    /// Takes the next bytes of the item.
    pub fn push(&mut self, bytes: &[u8]) {
        self.count_lines(bytes);
        self.raw_bytes += bytes.len() as u64;
        if self.transport.is_none() {
            self.head.extend_from_slice(bytes);
            if self.head.len() >= self.opening.limits.identify_bytes {
                self.begin();
            }
            return;
        }
        self.decoded(bytes, false);
    }

    /// Events gathered so far, when there are enough of them.
    pub fn take_batch(&mut self) -> Option<Vec<u8>> {
        let is_full =
            self.sink.waiting() >= BATCH_EVENTS || self.sink.waiting_text() >= BATCH_TEXT_BYTES;
        is_full.then(|| self.sink.take_batch().encode())
    }

    /// Events gathered so far, however few.
    pub(super) fn take_what_is_there(&mut self) -> Option<Vec<u8>> {
        (self.sink.waiting() > 0).then(|| self.sink.take_batch().encode())
    }

    /// Ends the item: the last batch and the report, as bytes for [`ItemReport::decode`].
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        postcard::to_allocvec(&self.close()).unwrap_or_default()
    }

    /// As [`ItemReader::finish`], for callers in the same process.
    #[must_use]
    pub fn close(mut self) -> (EventBatch, ItemReport) {
        self.end();
        let (batch, tally) = self.tally();
        (batch, tally.into_report())
    }

    /// No more bytes will come.
    pub(super) fn end(&mut self) {
        if self.transport.is_none() {
            self.begin();
        }
        self.decoded(&[], true);
        let broken = self.decoder.as_ref().map_or(0, |decoder| decoder.broken);
        if broken > 0 {
            self.sink.problem(
                Code::InvalidText,
                None,
                format!("{broken} code units are not valid UTF-16; each is shown as a replacement character"),
            );
        }
        if let Some(body) = &mut self.body {
            for (_, reader, _) in &mut body.state.readers {
                reader.finish(&mut self.sink);
            }
        }
    }

    /// The last batch, and what is known of the bytes that were read.
    pub(super) fn tally(self) -> (EventBatch, Tally) {
        let mut sink = self.sink;
        let mut tally = Tally {
            transport: match self.transport {
                None | Some(Transport::Bytes { .. }) => 0,
                Some(Transport::Utf16Le { .. }) => 1,
                Some(Transport::Utf16Be { .. }) => 2,
            },
            end: self.raw_bytes,
            line_marks: self.line_marks,
            line_ends: self.line_ends,
            ..Tally::default()
        };
        if let Some(body) = self.body {
            let state = body.state;
            tally.seen = state.seen;
            tally.identified = body.identity.is_some() || body.rules.is_some();
            tally.as_records = state.as_records;
            tally.preamble = state.preamble;
            tally.chunks = state.chunks.unwrap_or_default();
            tally.readers = state
                .readers
                .iter()
                .map(|(format, _, records)| (*format, *records))
                .collect();
            if let Some(rules) = body.rules {
                tally.rules = rules.documents(&self.opening.limits, &mut sink);
            }
        }
        tally.counts = sink.counts();
        let batch = sink.take_batch();
        tally.problems = sink.take_problems();
        (batch, tally)
    }

    fn count_lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = self.raw_bytes;
        while !rest.is_empty() {
            let next_mark = (self.marks_before + self.line_marks.len() as u64) * LINE_MARK_BYTES;
            let step = usize::try_from(next_mark - at)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (now, later) = rest.split_at(step);
            self.line_ends += memchr::memchr_iter(b'\n', now).count() as u64;
            at += step as u64;
            if at == next_mark {
                self.line_marks.push(self.line_ends);
            }
            rest = later;
        }
    }

    /// The head is here: find transport and format, and read the head.
    fn begin(&mut self) {
        let raw = std::mem::take(&mut self.head);
        let transport = Transport::detect(&raw);
        self.transport = Some(transport);
        let mark = transport.mark().min(raw.len());
        let limits = &self.opening.limits;
        // Identification sees the same bytes however many had arrived.
        let looked = raw
            .get(mark..raw.len().min(limits.identify_bytes))
            .unwrap_or(&[]);
        let shown = super::describe::decode(transport, looked);
        let shown = shown.as_slice();
        let complete = self.opening.size <= limits.identify_bytes as u64;
        let sample = Sample {
            text: shown,
            complete,
            layout: &self.opening.layout,
            path: &self.opening.path,
        };
        let rules = RuleText::begin(&sample);
        // Rules are no evidence: nothing in them is a record, whatever it looks like.
        let identity = match rules {
            Some(_) => None,
            None => identify(&sample, limits.record_bytes, limits.json_depth),
        };
        let framer = identity.map(|identity| framer_of(identity.framing, limits));
        let mut seen = Seen::default();
        let in_chunks =
            identity.is_some_and(|identity| matches!(identity.framing, Framing::Chunks));
        seen.binary = in_chunks;
        if identity.is_none() {
            // Cut at a line end: half a letter at the end of the head is not invalid.
            let end = memchr::memrchr(b'\n', shown).map_or(shown.len(), |end| end + 1);
            seen.look(shown.get(..end).unwrap_or(shown));
            seen.binary = matches!(transport, Transport::Bytes { .. }) && is_binary(shown);
        }
        let width = if matches!(transport, Transport::Bytes { .. }) {
            Width::Same
        } else {
            Width::Utf16
        };
        let state = State::new(identity, width, mark as u64, seen);
        let mut body = Body {
            identity,
            framer,
            buffer: Vec::new(),
            buffer_ascii: true,
            state,
            rules,
        };
        if let Some(identity) = identity {
            body.state.open(identity.format, &self.opening);
        }
        self.body = Some(body);
        let mut decoder = Decoder::new(transport);
        let text = decoder.push(raw.get(mark..).unwrap_or(&[])).into_owned();
        self.decoder = Some(decoder);
        self.give(&text, false);
    }

    fn decoded(&mut self, bytes: &[u8], last: bool) {
        let Some(mut decoder) = self.decoder.take() else {
            return;
        };
        let text = decoder.push(bytes);
        self.give(&text, false);
        if last {
            let rest = decoder.finish();
            self.give(&rest, true);
        }
        self.decoder = Some(decoder);
    }

    fn give(&mut self, text: &[u8], last: bool) {
        let Some(body) = &mut self.body else { return };
        if let Some(rules) = &mut body.rules {
            rules.push(text, &self.opening.limits);
        }
        let Some(framer) = &mut body.framer else {
            return;
        };
        let buffer: Cow<'_, [u8]> = if body.buffer.is_empty() && !last {
            Cow::Borrowed(text)
        } else {
            body.buffer.extend_from_slice(text);
            Cow::Owned(std::mem::take(&mut body.buffer))
        };
        let (opening, sink, state) = (&self.opening, &mut self.sink, &mut body.state);
        let ascii = body.buffer_ascii && text.is_ascii();
        state.ascii = ascii;
        state.mapped = 0;
        let used = framer.frame(&buffer, last, &mut |found| {
            state.found(found, &buffer, opening, sink)
        });
        if framer.discarding() && state.discard_from.is_none() {
            state.discard_from = Some(state.original);
        }
        state.map_to(&buffer, used);
        body.buffer = match buffer {
            Cow::Borrowed(text) => text.get(used..).unwrap_or(&[]).to_vec(),
            Cow::Owned(mut text) => {
                text.drain(..used.min(text.len()));
                text
            }
        };
        body.buffer_ascii = ascii || body.buffer.is_ascii();
    }
}

/// How records of this framing are found.
fn framer_of(framing: Framing, limits: &Limits) -> Box<dyn Framer> {
    match framing {
        Framing::Lines => Box::new(Lines::new(limits.record_bytes)),
        Framing::Blocks(is_header) => Box::new(Blocks::new(limits.record_bytes, is_header)),
        Framing::Json => Box::new(Json::new(limits.record_bytes, limits.json_depth)),
        Framing::Csv => Box::new(Csv::new(limits.record_bytes)),
        Framing::Whole => Box::new(Whole::new(limits.document_bytes)),
        Framing::Chunks => Box::new(Chunks::new()),
        Framing::Xml => Box::new(Xml::new(limits.record_bytes)),
    }
}

/// Whether this is no text: NUL bytes, or many control bytes.
fn is_binary(head: &[u8]) -> bool {
    let looked = head.get(..head.len().min(8192)).unwrap_or(head);
    let control = looked
        .iter()
        .filter(|byte| **byte < 9 || (14..32).contains(*byte) && **byte != 27)
        .count();
    looked.contains(&0) || control * 10 > looked.len()
}
