//! One evidence item from its first byte to its report.
//!
//! An [`ItemReader`] is fed bytes in order, in pieces of any size. It undoes the encoding, identifies the
//! format from the first bytes, frames records and gives them to the format's reader; it hands out
//! event batches as they fill and an [`ItemReport`] at the end. Workers run many of them side by side; none
//! knows of another.
//!
//! Rejected: a reader that pulls from a file. In a tab bytes arrive when the browser brings them.

use super::describe::Opening;
use super::identify::{Identity, best_header, best_record, identify};
use super::sigma_rules::RuleText;
use super::{Format, Framing, Header, Reader, Sample, TABLE};
use crate::event::batch::{EventBatch, NotABatch, Span};
use crate::event::sink::{Counts, Sink};
use crate::evidence::encoding::{Decoder, Seen, Transport};
use crate::evidence::envelope;
use crate::evidence::frame::blocks::Blocks;
use crate::evidence::frame::chunks::Chunks;
use crate::evidence::frame::csv::{Csv, cells, delimiter};
use crate::evidence::frame::json::Json;
use crate::evidence::frame::lines::Lines;
use crate::evidence::frame::whole::Whole;
use crate::evidence::frame::xml::Xml;
use crate::evidence::frame::{Found, Frame, Framer};
use crate::evidence::unit::{Unit, UnitKind, Width};
use crate::json::{Value, duplicate_key};
use crate::limits::Limits;
use crate::problem::{Code, Problem};
use crate::record::yaml::Document;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Events that make a batch worth handing over.
const BATCH_EVENTS: usize = 16_384;
/// Envelopes inside envelopes.
const ENVELOPES: usize = 3;
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
    transport: u8,
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

/// Column names from a CSV header row or a JSON `columns` array.
pub(super) fn names_of(bytes: &[u8], csv: bool) -> Header {
    if csv {
        let delimiter = delimiter(bytes);
        let names = cells(bytes, delimiter)
            .iter()
            .map(|cell| cell.text().trim().to_owned())
            .collect();
        return Header {
            names,
            first: Vec::new(),
            delimiter,
        };
    }
    let name_of = |column: Value<'_>| {
        let name = if column.is_object() {
            column
                .get_folded("name")
                .text()
                .or(column.get_folded("ColumnName").text())
        } else {
            column.text()
        };
        name.unwrap_or_default().into_owned()
    };
    Header {
        names: Value::new(bytes).elements().map(name_of).collect(),
        first: Vec::new(),
        delimiter: 0,
    }
}

/// Reads one item.
pub struct ItemReader {
    opening: Opening,
    /// Raw bytes until the transport is known, decoded bytes until the format is.
    head: Vec<u8>,
    transport: Option<Transport>,
    decoder: Option<Decoder>,
    body: Option<Body>,
    sink: Sink,
    raw_bytes: u64,
    line_marks: Vec<u64>,
    line_ends: u64,
}

/// Everything that exists once the format is known.
struct Body {
    identity: Option<Identity>,
    framer: Option<Box<dyn Framer>>,
    buffer: Vec<u8>,
    /// Whether all of the buffer is ASCII.
    buffer_ascii: bool,
    state: State,
    /// The text of an item that holds Sigma rules and therefore no records.
    rules: Option<RuleText>,
}

/// What reading changes, apart from framer and buffer.
struct State {
    width: Width,
    /// Decoded bytes of the buffer already mapped, and the original offset they end at.
    mapped: usize,
    original: u64,
    discard_from: Option<u64>,
    seen: Seen,
    /// Whether the buffer holds nothing but ASCII, so that no frame of it needs a look.
    ascii: bool,
    readers: Vec<(usize, Box<dyn Reader>, u64)>,
    current: usize,
    table_reader: Option<usize>,
    preamble: Vec<Preamble>,
    /// Where chunks begin, in an item of chunks.
    chunks: Option<Vec<u64>>,
    whole: bool,
    as_records: bool,
}

impl ItemReader {
    /// A reader for the item of this path.
    #[must_use]
    pub fn new(path: &str, size: u64, modified_ms: Option<i64>, limits: Limits) -> Self {
        Self {
            opening: Opening::new(path, size, modified_ms, limits),
            head: Vec::new(),
            transport: None,
            decoder: None,
            body: None,
            sink: Sink::new(),
            raw_bytes: 0,
            line_marks: vec![0],
            line_ends: 0,
        }
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
        (self.sink.waiting() >= BATCH_EVENTS).then(|| self.sink.take_batch().encode())
    }

    /// Ends the item: the last batch and the report, as bytes for [`ItemReport::decode`].
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        postcard::to_allocvec(&self.close()).unwrap_or_default()
    }

    /// As [`ItemReader::finish`], for callers in the same process.
    #[must_use]
    pub fn close(mut self) -> (EventBatch, ItemReport) {
        if self.transport.is_none() {
            self.begin();
        }
        self.decoded(&[], true);
        let transport = self.transport.unwrap_or(Transport::Bytes { mark: 0 });
        let broken = self.decoder.as_ref().map_or(0, |decoder| decoder.broken);
        if broken > 0 {
            self.sink.problem(
                Code::InvalidText,
                None,
                format!("{broken} code units are not valid UTF-16; each is shown as a replacement character"),
            );
        }
        let mut report = ItemReport {
            line_marks: self.line_marks,
            transport: match transport {
                Transport::Bytes { .. } => 0,
                Transport::Utf16Le { .. } => 1,
                Transport::Utf16Be { .. } => 2,
            },
            ..ItemReport::default()
        };
        if let Some(mut body) = self.body {
            for (_, reader, _) in &mut body.state.readers {
                reader.finish(&mut self.sink);
            }
            body.report(transport, self.raw_bytes, &mut self.sink, &mut report);
            if let Some(rules) = body.rules {
                report.rules = rules.documents(&self.opening.limits, &mut self.sink);
            }
        }
        report.counts = self.sink.counts();
        if !report.counts.conserved() {
            self.sink.problem(
                Code::Conservation,
                None,
                "records were lost while reading this item; please report this",
            );
        }
        let batch = self.sink.take_batch();
        report.problems = self.sink.take_problems().into_list();
        (batch, report)
    }

    fn count_lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = self.raw_bytes;
        while !rest.is_empty() {
            let next_mark = self.line_marks.len() as u64 * LINE_MARK_BYTES;
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
        let framer: Option<Box<dyn Framer>> = identity.map(|identity| -> Box<dyn Framer> {
            match identity.framing {
                Framing::Lines => Box::new(Lines::new(limits.record_bytes)),
                Framing::Blocks(is_header) => Box::new(Blocks::new(limits.record_bytes, is_header)),
                Framing::Json => Box::new(Json::new(limits.record_bytes, limits.json_depth)),
                Framing::Csv => Box::new(Csv::new(limits.record_bytes)),
                Framing::Whole => Box::new(Whole::new(limits.document_bytes)),
                Framing::Chunks => Box::new(Chunks::new()),
                Framing::Xml => Box::new(Xml::new(limits.record_bytes)),
            }
        });
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
        let state = State {
            width: if matches!(transport, Transport::Bytes { .. }) {
                Width::Same
            } else {
                Width::Utf16
            },
            mapped: 0,
            original: mark as u64,
            discard_from: None,
            seen,
            ascii: false,
            readers: Vec::new(),
            current: 0,
            table_reader: None,
            preamble: Vec::new(),
            chunks: in_chunks.then(Vec::new),
            whole: identity.is_some_and(|identity| matches!(identity.framing, Framing::Whole)),
            as_records: identity.is_some_and(|identity| identity.as_records),
        };
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

impl Body {
    fn report(
        &mut self,
        transport: Transport,
        raw_bytes: u64,
        sink: &mut Sink,
        report: &mut ItemReport,
    ) {
        let state = &mut self.state;
        report.encoding = state.seen.name(transport).to_owned();
        report.preamble = std::mem::take(&mut state.preamble);
        report.chunks = state.chunks.take().unwrap_or_default();
        report.as_records = state.as_records;
        report.mixed = state.readers.iter().filter(|reader| reader.2 > 0).count() > 1;
        // The format of most records; before any record, what the first bytes said.
        let most = state
            .readers
            .iter()
            .max_by_key(|(at, _, records)| (*records, std::cmp::Reverse(*at)));
        let format = most
            .and_then(|(at, _, _)| TABLE.get(*at))
            .map(|format| format.id);
        let fallback = if state.seen.binary { "binary" } else { "text" };
        report.format = format.unwrap_or(fallback).to_owned();
        if state.seen.invalid && !state.seen.binary {
            let text = if state.seen.multibyte {
                "some bytes are not valid UTF-8; each is shown as a replacement character"
            } else {
                "the text is not UTF-8; letters are shown by the Windows code page that fits best, and only display names should be affected"
            };
            sink.problem(Code::InvalidText, None, text);
        }
        if raw_bytes == 0 {
            sink.problem(
                Code::EmptyFile,
                None,
                "the item has no bytes; if it should have some, collect it again",
            );
        } else if self.identity.is_none() && self.rules.is_none() {
            sink.problem(
                Code::UnknownFormat,
                None,
                "no reader knows this content; the item is listed and hashed, and nothing on the timeline comes from it",
            );
        }
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

impl State {
    fn open(&mut self, format: usize, opening: &Opening) -> usize {
        if let Some(at) = self.readers.iter().position(|reader| reader.0 == format) {
            return at;
        }
        if let Some(entry) = TABLE.get(format) {
            self.readers.push((format, (entry.open)(opening), 0));
        }
        self.readers.len().saturating_sub(1)
    }

    /// Moves the mapping from decoded to original offsets up to a position of the buffer.
    fn map_to(&mut self, buffer: &[u8], to: usize) {
        if let Some(step) = buffer.get(self.mapped..to) {
            self.original += self.width.of(step);
            self.mapped = to;
        }
    }

    fn found(&mut self, found: Found, buffer: &[u8], opening: &Opening, sink: &mut Sink) {
        match found {
            Found::Frame(frame) => self.frame(&frame, buffer, opening, sink),
            Found::Stray(range) => {
                self.map_to(buffer, range.start);
                let span = Span {
                    offset: self.original,
                    length: 0,
                };
                sink.problem(
                    Code::StrayText,
                    Some(span),
                    "text that belongs to no record was stepped over",
                );
            }
            Found::Lost(range) => {
                self.map_to(buffer, range.start);
                let span = Span {
                    offset: self.original,
                    length: 0,
                };
                let text = "one or more chunks before this place hold no records (zeroed, overwritten or cut out); events may be missing there";
                sink.problem(Code::DamagedChunk, Some(span), text);
            }
            Found::Unclosed => {
                let text = "the document ends before its last bracket; every complete record was read, later ones may be missing";
                sink.problem(Code::TruncatedDocument, None, text);
            }
        }
    }

    fn frame(&mut self, frame: &Frame, buffer: &[u8], opening: &Opening, sink: &mut Sink) {
        self.map_to(buffer, frame.range.start);
        let begun = self.discard_from.take().unwrap_or(self.original);
        let bytes = buffer.get(frame.range.clone()).unwrap_or(&[]);
        let end = self.original + self.width.of(bytes);
        let (offset, length) = (begun, end - begun);
        let bytes = if frame.defects.too_long { &[] } else { bytes };
        let unit = Unit {
            bytes,
            offset,
            length,
            width: self.width,
            kind: frame.kind,
            defects: frame.defects,
        };
        match &mut self.chunks {
            Some(chunks) => chunks.push(offset),
            None if self.ascii => {}
            None => self.seen.look(bytes),
        }
        if !self.refuse(&unit, opening, sink) {
            self.dispatch(&unit, opening, sink);
        }
    }

    /// Defects that end a record before any reader sees it.
    fn refuse(&mut self, unit: &Unit<'_>, opening: &Opening, sink: &mut Sink) -> bool {
        let (defects, span) = (unit.defects, unit.span());
        let limits = &opening.limits;
        let (code, text) = if defects.too_long && !self.whole {
            let text = format!(
                "this record is longer than the limit limits.record_bytes ({} bytes); raise it to read the record",
                limits.record_bytes
            );
            (Code::RecordTooLong, text)
        } else if defects.truncated {
            (
                Code::TruncatedRecord,
                "the item ends inside this record; collect it again if it can be had whole"
                    .to_owned(),
            )
        } else if defects.malformed {
            (Code::MalformedRecord, "this record breaks the grammar of its format and was skipped; the next one was found by its look".to_owned())
        } else if defects.too_deep {
            let text = format!(
                "nested deeper than the limit limits.json_depth ({}); raise it to read the record",
                limits.json_depth
            );
            (Code::JsonTooDeep, text)
        } else if defects.leading {
            (
                Code::LeadingFragment,
                "lines before the first record of a log that was cut at its head".to_owned(),
            )
        } else {
            if defects.trailing_comma {
                sink.problem_next(
                    Code::TrailingComma,
                    span,
                    "a comma before a closing bracket; tolerated",
                );
            }
            return false;
        };
        let record = sink.begin();
        sink.skip(record, code, span, text);
        true
    }

    fn dispatch(&mut self, unit: &Unit<'_>, opening: &Opening, sink: &mut Sink) {
        match unit.kind {
            UnitKind::Header | UnitKind::Columns => {
                let csv = unit.kind == UnitKind::Header;
                let header = names_of(unit.bytes, csv);
                let reader = if csv {
                    Some(self.current)
                } else {
                    best_header(&header).map(|format| self.open(format, opening))
                };
                self.table_reader = reader;
                if let Some((_, reader, _)) = reader.and_then(|at| self.readers.get_mut(at)) {
                    reader.header(&header);
                }
                let offset = unit.offset + unit.length;
                self.preamble.push(Preamble {
                    offset,
                    kind: unit.kind as u8,
                    bytes: unit.bytes.to_vec(),
                });
            }
            UnitKind::Row => {
                if !self
                    .table_reader
                    .is_some_and(|at| self.try_reader(at, unit, sink))
                {
                    let record = sink.begin();
                    sink.skip(
                        record,
                        Code::UnknownRecord,
                        unit.span(),
                        "a row of a table that no reader knows",
                    );
                }
            }
            UnitKind::Record => self.record(unit, opening, sink),
        }
    }

    fn record(&mut self, unit: &Unit<'_>, opening: &Opening, sink: &mut Sink) {
        if self.as_records
            && let Some(key) = duplicate_key(Value::new(unit.bytes))
        {
            let text =
                format!("the key {key:?} occurs twice in this record; the first value is used");
            sink.problem_next(Code::DuplicateKey, unit.span(), text);
        }
        if self.try_reader(self.current, unit, sink) {
            return;
        }
        if self.as_records
            && (self.other_reader(unit, opening, sink)
                || self.enveloped(unit, opening, sink, ENVELOPES))
        {
            return;
        }
        let record = sink.begin();
        sink.skip(
            record,
            Code::UnknownRecord,
            unit.span(),
            "a record of no kind that a reader knows; it can be looked at in the raw evidence",
        );
    }

    /// Gives the record to the reader that claims it with most certainty.
    fn other_reader(&mut self, unit: &Unit<'_>, opening: &Opening, sink: &mut Sink) -> bool {
        let Some(format) = best_record(Value::new(unit.bytes)) else {
            return false;
        };
        let at = self.open(format, opening);
        let taken = self.try_reader(at, unit, sink);
        if taken {
            self.current = at;
        }
        taken
    }

    /// Gives the records inside an envelope to their readers; their place is the envelope's.
    fn enveloped(
        &mut self,
        unit: &Unit<'_>,
        opening: &Opening,
        sink: &mut Sink,
        deep: usize,
    ) -> bool {
        let limits = &opening.limits;
        let inner = envelope::records(
            Value::new(unit.bytes),
            limits.record_bytes,
            limits.json_depth,
        );
        let mut any = false;
        for bytes in inner {
            let unit = Unit {
                bytes: &bytes,
                width: Width::Enveloped,
                ..*unit
            };
            any |= self.try_reader(self.current, &unit, sink)
                || self.other_reader(&unit, opening, sink)
                || (deep > 1 && self.enveloped(&unit, opening, sink, deep - 1));
        }
        any
    }

    fn try_reader(&mut self, at: usize, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let Some((_, reader, records)) = self.readers.get_mut(at) else {
            return false;
        };
        let before = sink.counts().records;
        let taken = reader.read(unit, sink);
        *records += sink.counts().records - before;
        taken
    }
}
