//! Records of one item on their way to the readers of their formats.
//!
//! Gives each framed record its place in the original bytes, refuses what no reader should see, and offers the rest: a JSON record to the
//! reader that took the last one, then to the one that claims it with most certainty, then what its envelope holds.
//!
//! Rejected: one reader an item. Exports mix kinds, and a table's names come in the middle of JSON.

use super::describe::Opening;
use super::identify::{Identity, best_header, best_record};
use super::item::Preamble;
use super::{Framing, Header, Reader, TABLE};
use crate::event::batch::Span;
use crate::event::sink::Sink;
use crate::evidence::cut::RecordMark;
use crate::evidence::encoding::Seen;
use crate::evidence::envelope;
use crate::evidence::frame::csv::{cells, delimiter};
use crate::evidence::frame::{Found, Frame};
use crate::evidence::unit::{Unit, UnitKind, Width};
use crate::json::{Value, duplicate_key};
use crate::problem::Code;

/// Envelopes inside envelopes.
const ENVELOPES: usize = 3;

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

/// What reading changes, apart from framer and buffer.
pub(super) struct State {
    pub(super) width: Width,
    /// Decoded bytes of the buffer already mapped, and the original offset they end at.
    pub(super) mapped: usize,
    pub(super) original: u64,
    pub(super) discard_from: Option<u64>,
    pub(super) seen: Seen,
    /// Whether the buffer holds nothing but ASCII, so that no frame of it needs a look.
    pub(super) ascii: bool,
    pub(super) readers: Vec<(usize, Box<dyn Reader>, u64)>,
    pub(super) current: usize,
    pub(super) table_reader: Option<usize>,
    pub(super) preamble: Vec<Preamble>,
    /// Where chunks begin, in an item of chunks.
    pub(super) chunks: Option<Vec<u64>>,
    whole: bool,
    pub(super) as_records: bool,
    /// What stands between two JSON records and begins the second, once two were seen side by side.
    pub(super) mark: RecordMark,
}

impl State {
    pub(super) fn new(identity: Option<Identity>, width: Width, original: u64, seen: Seen) -> Self {
        let framed =
            |wanted: fn(Framing) -> bool| identity.is_some_and(|identity| wanted(identity.framing));
        Self {
            width,
            mapped: 0,
            original,
            discard_from: None,
            seen,
            ascii: false,
            readers: Vec::new(),
            current: 0,
            table_reader: None,
            preamble: Vec::new(),
            chunks: framed(|framing| matches!(framing, Framing::Chunks)).then(Vec::new),
            whole: framed(|framing| matches!(framing, Framing::Whole)),
            as_records: identity.is_some_and(|identity| identity.as_records),
            mark: RecordMark::default(),
        }
    }

    pub(super) fn open(&mut self, format: usize, opening: &Opening) -> usize {
        if let Some(at) = self.readers.iter().position(|reader| reader.0 == format) {
            return at;
        }
        if let Some(entry) = TABLE.get(format) {
            self.readers.push((format, (entry.open)(opening), 0));
        }
        self.readers.len().saturating_sub(1)
    }

    /// Moves the mapping from decoded to original offsets to a position of the buffer: back too, since the names of a table's columns are
    /// found before the bytes around them are done with.
    pub(super) fn map_to(&mut self, buffer: &[u8], to: usize) {
        if let Some(step) = buffer.get(self.mapped..to) {
            self.original += self.width.of(step);
            self.mapped = to;
        } else if let Some(step) = buffer.get(to..self.mapped) {
            self.original -= self.width.of(step);
            self.mapped = to;
        }
    }

    pub(super) fn found(
        &mut self,
        found: Found,
        buffer: &[u8],
        opening: &Opening,
        sink: &mut Sink,
    ) {
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
        if self.as_records && self.mark.is_sought() && self.width == Width::Same {
            self.mark
                .look(buffer, frame.range.clone(), self.original, end);
        }
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
