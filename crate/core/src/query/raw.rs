//! An evidence item as text, at any size: rows of it, found again by place.
//!
//! ```text
//! bytes   {"a":1}\n{"b":…1 MB…}\n        rows   1 {"a":1}
//! marks   every 256th row: byte, line            2 {"b":…    first 1 KiB of line 2
//!                                                ↪ …         the next
//! ```
//!
//! A [`RowIndex`] is pushed the item's bytes once, piece by piece, and keeps a mark for every 256th row; any row is then found by reading a
//! few hundred rows from the mark before it. A line longer than a row goes on in the next one, so that a file of one line is as quick as any.
//!
//! Rejected: lines as they are. Exports of one JSON document have one line of a gigabyte.

use crate::evidence::encoding::{self, Transport};
use crate::formats::decode;
use crate::script::secrets;
use aho_corasick::{AhoCorasick, MatchKind};
use serde::Serialize;
use std::ops::Range;

/// A row is at most so long, and a letter more.
pub const ROW_BYTES: u64 = 1 << 10;
/// A row that must not be cut (a letter of several bytes, the end of a line) ends here at the latest.
const LONGEST_ROW_BYTES: u64 = ROW_BYTES + 8;
/// Rows from one mark to the next.
const MARK_ROWS: u64 = 256;
/// Rows of one answer.
const MOST_ROWS: u64 = 1_000;
/// Rows before and behind an answer that are read too, so that a secret is known although a row cuts it.
const AROUND_ROWS: u64 = 4;
/// Places of one search step.
const MOST_FOUND: usize = 2_000;

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    offset: u64,
    /// Line that the row is part of, from 1.
    line: u64,
    /// Whether the line begins with it.
    begins: bool,
}

/// Cuts bytes into rows, whatever pieces they come in.
#[derive(Clone, Debug)]
struct Cutter {
    transport: Transport,
    /// Bytes of the row so far.
    length: u64,
    /// The first byte of a UTF-16 unit whose second has not come.
    half: Option<u8>,
}

/// Where a part of a row stands in a text, and whether it is marked.
type Part = (Range<usize>, bool);

/// Where a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// Bytes of it.
    length: u64,
    /// Whether the line ended with it.
    line: bool,
}

impl Cutter {
    fn new(transport: Transport) -> Self {
        Self {
            transport,
            length: 0,
            half: None,
        }
    }

    fn push(&mut self, bytes: &[u8], end: impl FnMut(End)) {
        match self.transport {
            Transport::Bytes { .. } => self.bytes(bytes, end),
            Transport::Utf16Le { .. } => self.units(bytes, u16::from_le_bytes, end),
            Transport::Utf16Be { .. } => self.units(bytes, u16::from_be_bytes, end),
        }
    }

    fn bytes(&mut self, bytes: &[u8], mut end: impl FnMut(End)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if self.length >= ROW_BYTES {
                // Full: what still belongs to it is the rest of a letter, or the end of its line.
                let goes_on = matches!(first, 0x80..=0xBF | b'\r' | b'\n');
                if !goes_on || self.length >= LONGEST_ROW_BYTES {
                    end(self.ended(false));
                    continue;
                }
                self.length += 1;
                rest = rest.get(1..).unwrap_or(&[]);
                if *first == b'\n' {
                    end(self.ended(true));
                }
                continue;
            }
            let room = usize::try_from(ROW_BYTES - self.length).unwrap_or(usize::MAX);
            let part = rest.get(..rest.len().min(room)).unwrap_or(rest);
            let taken = memchr::memchr(b'\n', part).map(|at| at + 1);
            let count = taken.unwrap_or(part.len());
            self.length += count as u64;
            rest = rest.get(count..).unwrap_or(&[]);
            if taken.is_some() {
                end(self.ended(true));
            }
        }
    }

    fn units(&mut self, bytes: &[u8], unit: fn([u8; 2]) -> u16, mut end: impl FnMut(End)) {
        for byte in bytes {
            let Some(half) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = unit([half, *byte]);
            let goes_on = matches!(unit, 0xDC00..=0xDFFF | 0x0A | 0x0D);
            if self.length >= ROW_BYTES && (!goes_on || self.length >= LONGEST_ROW_BYTES) {
                end(self.ended(false));
            }
            self.length += 2;
            if unit == 0x0A {
                end(self.ended(true));
            }
        }
    }

    fn ended(&mut self, line: bool) -> End {
        let length = std::mem::take(&mut self.length);
        End { length, line }
    }
}

/// Where the rows of an item are.
#[derive(Clone, Debug)]
pub struct RowIndex {
    cutter: Cutter,
    marks: Vec<Mark>,
    /// Where the row that is not ended begins.
    open: Mark,
    rows: u64,
    seen: u64,
    size: u64,
}

/// How far an index has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Indexed {
    /// Rows known so far.
    pub rows: u64,
    /// Lines known so far.
    pub lines: u64,
    /// Bytes looked through.
    pub bytes: u64,
    /// Whether that is all of it.
    pub complete: bool,
}

/// A part of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawPiece {
    /// Its text; dots where it is a secret and not revealed.
    pub text: String,
    /// Whether it is part of what was asked to be marked.
    pub marked: bool,
    /// Whether it is a secret.
    pub secret: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawRow {
    /// From 0.
    pub row: u64,
    /// Its line, from 1; none where it goes on with the line of the row before.
    pub line: Option<u64>,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Its text without the end of the line.
    pub pieces: Vec<RawPiece>,
}

impl RowIndex {
    /// An index of an item of so many bytes that begins so.
    #[must_use]
    pub fn new(size: u64, head: &[u8]) -> Self {
        let first = Mark {
            offset: 0,
            line: 1,
            begins: true,
        };
        Self {
            cutter: Cutter::new(Transport::detect(head)),
            marks: vec![first],
            open: first,
            rows: 0,
            seen: 0,
            size,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let (open, rows, marks) = (&mut self.open, &mut self.rows, &mut self.marks);
        self.cutter.push(bytes, |end| {
            *rows += 1;
            *open = Mark {
                offset: open.offset + end.length,
                line: open.line + u64::from(end.line),
                begins: end.line,
            };
            if rows.is_multiple_of(MARK_ROWS) {
                marks.push(*open);
            }
        });
        self.seen += bytes.len() as u64;
    }

    /// How far it has come.
    #[must_use]
    pub fn indexed(&self) -> Indexed {
        let complete = self.seen >= self.size;
        // What follows the last line end is a row as soon as it is known to be one.
        let rest = u64::from(self.open.offset < self.seen);
        let rest_line = u64::from(self.open.offset < self.seen || !self.open.begins);
        Indexed {
            rows: self.rows + rest,
            lines: self.open.line - 1 + rest_line,
            bytes: self.seen,
            complete,
        }
    }

    /// Which bytes the rows from `first` on need.
    #[must_use]
    pub fn need(&self, first: u64, count: u64) -> Range<u64> {
        let from = first.saturating_sub(AROUND_ROWS) / MARK_ROWS;
        let behind = first + count.min(MOST_ROWS) + AROUND_ROWS;
        let to = behind.div_ceil(MARK_ROWS);
        let offset = |at: u64| {
            let mark = usize::try_from(at).ok().and_then(|at| self.marks.get(at));
            mark.map_or(self.seen, |mark| mark.offset)
        };
        offset(from)..offset(to)
    }

    /// Which bytes tell the row that holds this one.
    #[must_use]
    pub fn need_at(&self, offset: u64) -> Range<u64> {
        let next = self.marks.partition_point(|mark| mark.offset <= offset);
        self.need(next.saturating_sub(1) as u64 * MARK_ROWS + AROUND_ROWS, 1)
    }

    /// Which bytes tell the first row of a line.
    #[must_use]
    pub fn need_line(&self, line: u64) -> Range<u64> {
        self.need(self.mark_of_line(line) * MARK_ROWS + AROUND_ROWS, 1)
    }

    fn mark_of_line(&self, line: u64) -> u64 {
        // The row where the line begins may be behind the last mark before it, or be the mark.
        let next = self
            .marks
            .partition_point(|mark| mark.line < line || (mark.line == line && mark.begins));
        next.saturating_sub(1) as u64
    }

    /// Every row in the bytes from a mark on: number, where it begins, its bytes.
    fn each<'a>(&self, from: u64, bytes: &'a [u8], mut row: impl FnMut(u64, Mark, &'a [u8])) {
        let Ok(at) = self.marks.binary_search_by_key(&from, |mark| mark.offset) else {
            return;
        };
        let Some(mut mark) = self.marks.get(at).copied() else {
            return;
        };
        let mut ends: Vec<End> = Vec::new();
        let mut cutter = Cutter::new(self.cutter.transport);
        cutter.push(bytes, |end| ends.push(end));
        let told: u64 = ends.iter().map(|end| end.length).sum();
        let left = (bytes.len() as u64).saturating_sub(told);
        if left > 0 {
            ends.push(End {
                length: left,
                line: false,
            });
        }
        for (number, end) in (at as u64 * MARK_ROWS..).zip(ends) {
            let start = usize::try_from(mark.offset - from).unwrap_or(usize::MAX);
            let stop = start.saturating_add(usize::try_from(end.length).unwrap_or(usize::MAX));
            row(number, mark, bytes.get(start..stop).unwrap_or(&[]));
            mark = Mark {
                offset: mark.offset + end.length,
                line: mark.line + u64::from(end.line),
                begins: end.line,
            };
        }
    }

    /// The row that holds a byte, from the bytes that [`RowIndex::need_at`] names.
    #[must_use]
    pub fn row_at(&self, offset: u64, bytes: &[u8]) -> u64 {
        let from = self.need_at(offset).start;
        let mut found = 0;
        self.each(from, bytes, |number, mark, _| {
            if mark.offset <= offset {
                found = number;
            }
        });
        found
    }

    /// The first row of a line, from the bytes that [`RowIndex::need_line`] names; the last row where there is no such line.
    #[must_use]
    pub fn row_of_line(&self, line: u64, bytes: &[u8]) -> u64 {
        let from = self.need_line(line).start;
        let mut found = None;
        let mut last = 0;
        self.each(from, bytes, |number, mark, _| {
            last = number;
            if mark.line == line && mark.begins {
                found.get_or_insert(number);
            }
        });
        found.unwrap_or(last)
    }

    /// Rows as text, from the bytes that [`RowIndex::need`] names. Parts inside one of `marked`, which are in order, are told apart; secrets
    /// are dots unless they are to be revealed.
    #[must_use]
    pub fn rows(
        &self,
        first: u64,
        count: u64,
        bytes: &[u8],
        marked: &[Range<u64>],
        reveal: bool,
    ) -> Vec<RawRow> {
        let count = count.min(MOST_ROWS);
        let from = self.need(first, count).start;
        let wanted = first.saturating_sub(AROUND_ROWS)..first + count + AROUND_ROWS;
        // All rows in one text, since a secret is known by what stands around it.
        let mut text = String::new();
        let mut rows: Vec<(RawRow, Vec<Part>)> = Vec::new();
        self.each(from, bytes, |number, mark, own| {
            if !wanted.contains(&number) {
                return;
            }
            let parts = self.parts(mark.offset, own, marked);
            let mut pieces = Vec::new();
            for (part, is_marked) in parts {
                let start = text.len();
                let decoded = decode(self.cutter.transport, part);
                let shown = encoding::text(&decoded);
                text.push_str(shown.trim_end_matches(['\n', '\r']));
                pieces.push((start..text.len(), is_marked));
            }
            text.push('\n');
            rows.push((
                RawRow {
                    row: number,
                    line: mark.begins.then_some(mark.line),
                    offset: mark.offset,
                    length: own.len() as u64,
                    pieces: Vec::new(),
                },
                pieces,
            ));
        });
        let found = secrets::find(&text);
        rows.into_iter()
            .filter(|(row, _)| (first..first + count).contains(&row.row))
            .map(|(mut row, pieces)| {
                for (range, is_marked) in pieces {
                    cut(&text, range, is_marked, &found, reveal, &mut row.pieces);
                }
                row
            })
            .collect()
    }

    /// The bytes of a row, cut where something marked begins or ends.
    fn parts<'a>(
        &self,
        offset: u64,
        bytes: &'a [u8],
        marked: &[Range<u64>],
    ) -> Vec<(&'a [u8], bool)> {
        let end = offset + bytes.len() as u64;
        // UTF-16 is cut between its units only.
        let even = |place: u64| match self.cutter.transport {
            Transport::Bytes { .. } => place,
            _ => place & !1,
        };
        let mut parts = Vec::new();
        let mut at = offset;
        let mut part = |from: u64, to: u64, is_marked: bool| {
            let range = usize::try_from(from - offset).unwrap_or(0)
                ..usize::try_from(to - offset).unwrap_or(0);
            if let Some(piece) = bytes.get(range).filter(|piece| !piece.is_empty()) {
                parts.push((piece, is_marked));
            }
        };
        let first = marked.partition_point(|mark| mark.end <= offset);
        for mark in marked.iter().skip(first) {
            if mark.start >= end {
                break;
            }
            let start = even(mark.start.clamp(at, end));
            let stop = even(mark.end.clamp(start, end));
            part(at, start.max(at), false);
            part(start.max(at), stop.max(at), true);
            at = stop.max(at);
        }
        part(at, end, false);
        parts
    }
}

/// A part of a text, cut where a secret begins or ends.
fn cut(
    text: &str,
    range: Range<usize>,
    marked: bool,
    secrets: &[Range<usize>],
    reveal: bool,
    pieces: &mut Vec<RawPiece>,
) {
    let mut piece = |from: usize, to: usize, secret: bool| {
        let own = text.get(from..to).unwrap_or("");
        if own.is_empty() {
            return;
        }
        pieces.push(RawPiece {
            text: if secret && !reveal {
                "•••••".to_owned()
            } else {
                own.to_owned()
            },
            marked,
            secret,
        });
    };
    let mut at = range.start;
    let first = secrets.partition_point(|secret| secret.end <= range.start);
    for secret in secrets.iter().skip(first) {
        if secret.start >= range.end {
            break;
        }
        let (from, to) = (secret.start.max(at), secret.end.min(range.end));
        piece(at, from, false);
        piece(from, to, true);
        at = to;
    }
    piece(at, range.end, false);
}

/// Places of a text in a piece of an item, in every spelling that evidence may hold it in: first byte and bytes, by place, none inside another.
#[must_use]
pub fn find(text: &str, bytes: &[u8]) -> Vec<Range<usize>> {
    let spellings = super::filter::search::spellings_of(text);
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(&spellings);
    let Some(automaton) = automaton.ok().filter(|_| !spellings.is_empty()) else {
        return Vec::new();
    };
    let hits = automaton.find_iter(bytes);
    hits.take(MOST_FOUND).map(|hit| hit.range()).collect()
}

/// The longest spelling of a text: pieces that are searched one by one must overlap by one byte less.
#[must_use]
pub fn longest(text: &str) -> usize {
    let spellings = super::filter::search::spellings_of(text);
    spellings.iter().map(Vec::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
