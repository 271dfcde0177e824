//! Where a large item may be cut, so that several readers can read it at once.
//!
//! A [`Cut`] finds the first place behind a position where a record probably begins, from the bytes there alone:
//!
//! ```text
//! …ion":"x"}\n{"time":"2024-…      a line end and what begins every record:   {"time"
//!            ^ here
//! ```
//!
//! It is a guess, and it may be wrong (a line end inside quotes, a look-alike inside a broken record). Nothing rests on it: the
//! reader before the cut says, once it has come there, whether a record ends exactly there and what it knows; where that
//! is not what the reader behind was told, the latter's work is thrown away (see `case::segments`).
//!
//! Rejected: an index of all records made in a first pass. It reads everything once more before anything can be shown.

use super::frame::blocks::HEADER_BYTES;
use super::frame::chunks::{CHUNK_BYTES, CHUNK_MARK};
use super::frame::csv::cells;
use memchr::{memchr, memchr_iter, memmem};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Longest text between two JSON records, and longest first key, that make a mark.
const MARK_BYTES: usize = 64;
/// Line ends tried for a row that looks whole.
const ROWS_TRIED: usize = 64;
/// Lines tried for one that begins something new.
const LINES_TRIED: usize = 1024;

/// How the beginning of a record is recognised in the middle of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cut {
    /// Behind a line end.
    Lines,
    /// At a line that the format calls a header.
    Blocks,
    /// At bytes that stand between two records and begin the second one, which begins this far in.
    Mark(Vec<u8>, usize),
    /// Behind a line end, where the next line has as many cells as the header.
    Rows {
        /// Cells of the header.
        columns: usize,
        /// Between cells.
        delimiter: u8,
    },
    /// At the mark of a 64 KiB chunk.
    Chunks,
}

/// What a format says of lines, where lines matter.
pub struct Look<'a> {
    /// Whether a block begins with this line.
    pub is_header: &'a dyn Fn(&[u8]) -> bool,
    /// Whether the second of two lines belongs to nothing that the first belongs to.
    pub begins_anew: &'a dyn Fn(&[u8], &[u8]) -> bool,
}

/// Where a record probably begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes in.
    At(usize),
    /// More bytes are needed to say.
    Unknown,
    /// Nowhere in these bytes, which are the last.
    Nowhere,
}

impl Cut {
    /// The first place in `bytes`, behind their first byte, where a record probably begins. `last` says that the item ends with them.
    #[must_use]
    pub fn find(&self, bytes: &[u8], last: bool, look: &Look<'_>) -> Place {
        let found = match self {
            Self::Lines => anew(bytes, last, look.begins_anew),
            Self::Blocks => header(bytes, last, look.is_header),
            Self::Mark(mark, begins) => memmem::find(bytes, mark).map(|at| at + begins),
            Self::Rows { columns, delimiter } => row(bytes, last, *columns, *delimiter),
            Self::Chunks => chunk(bytes),
        };
        match found {
            // The item's end is no place for a record.
            Some(at) if at < bytes.len() => Place::At(at),
            _ if last => Place::Nowhere,
            _ => Place::Unknown,
        }
    }
}

fn anew(bytes: &[u8], last: bool, anew: &dyn Fn(&[u8], &[u8]) -> bool) -> Option<usize> {
    let first = memchr(b'\n', bytes)? + 1;
    let (mut at, mut before): (usize, Option<&[u8]>) = (first, None);
    for _ in 0..LINES_TRIED {
        let rest = bytes.get(at..)?;
        let end = match memchr(b'\n', rest) {
            Some(end) => end + 1,
            None if last && !rest.is_empty() => rest.len(),
            None => return None,
        };
        let line = rest.get(..end)?.trim_ascii_end();
        if before.is_some_and(|before| anew(before, line)) {
            return Some(at);
        }
        before = Some(line);
        at += end;
    }
    Some(first)
}

fn header(bytes: &[u8], last: bool, is_header: &dyn Fn(&[u8]) -> bool) -> Option<usize> {
    for end in memchr_iter(b'\n', bytes) {
        let line = bytes.get(end + 1..)?;
        let newline = memchr(b'\n', line);
        if newline.is_none() && line.len() < HEADER_BYTES && !last {
            return None;
        }
        let shown = line.get(..newline.unwrap_or(line.len()).min(HEADER_BYTES))?;
        if is_header(shown) {
            return Some(end + 1);
        }
    }
    None
}

fn row(bytes: &[u8], last: bool, columns: usize, delimiter: u8) -> Option<usize> {
    let mut first = None;
    for end in memchr_iter(b'\n', bytes).take(ROWS_TRIED) {
        let line = bytes.get(end + 1..)?;
        let length = match memchr(b'\n', line) {
            Some(length) => length,
            None if last && !line.is_empty() => line.len(),
            None => return None,
        };
        first = first.or(Some(end + 1));
        if cells(line.get(..length)?, delimiter).len() == columns {
            return Some(end + 1);
        }
    }
    first
}

fn chunk(bytes: &[u8]) -> Option<usize> {
    // A mark may stand inside a record too; one that another follows at a chunk's distance hardly does.
    let mut marks = memmem::find_iter(bytes, CHUNK_MARK).filter(|at| *at > 0);
    marks.find(|at| {
        bytes
            .get(at + CHUNK_BYTES..)
            .is_some_and(|rest| rest.starts_with(CHUNK_MARK))
    })
}

/// Learns the mark that begins JSON records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordMark {
    /// Original offset behind the last record.
    before: Option<u64>,
    found: Option<(Vec<u8>, usize)>,
}

impl RecordMark {
    /// As a reader of an earlier segment learnt it.
    #[must_use]
    pub fn known(cut: &Cut) -> Self {
        let found = match cut {
            Cut::Mark(mark, begins) => Some((mark.clone(), *begins)),
            _ => None,
        };
        Self {
            before: None,
            found,
        }
    }

    /// Whether it is not known yet.
    #[must_use]
    pub fn is_sought(&self) -> bool {
        self.found.is_none()
    }

    /// How records are found by it.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.found
            .as_ref()
            .map(|(mark, begins)| Cut::Mark(mark.clone(), *begins))
    }

    /// Looks at a record of a buffer that begins at the original offset `from` and ends before `to`.
    pub fn look(&mut self, buffer: &[u8], record: Range<usize>, from: u64, to: u64) {
        let before = self.before.replace(to);
        self.found = before.and_then(|before| mark_of(buffer, &record, from.checked_sub(before)?));
    }
}

/// `}`, what stands between the records, and the second one up to the end of its first key.
fn mark_of(buffer: &[u8], record: &Range<usize>, between: u64) -> Option<(Vec<u8>, usize)> {
    let between = usize::try_from(between)
        .ok()
        .filter(|between| *between <= MARK_BYTES)?;
    let from = record.start.checked_sub(between + 1)?;
    let separator = buffer.get(from + 1..record.start)?;
    let apart = separator
        .iter()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','));
    if buffer.get(from) != Some(&b'}') || !apart {
        return None;
    }
    let value = buffer.get(record.start..record.end.min(record.start + 2 * MARK_BYTES))?;
    let open = value.strip_prefix(b"{")?.trim_ascii_start();
    let key = open.strip_prefix(b"\"")?;
    let length = memchr(b'"', key).filter(|length| *length > 0)?;
    let key = key.get(..length)?;
    // Letters behind a quote: no string can hold the mark, since a quote in a string is escaped.
    if !key
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return None;
    }
    let end = record.start + (value.len() - open.len()) + 1 + length + 1;
    Some((buffer.get(from..end)?.to_vec(), record.start - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(cut: &Cut, bytes: &[u8], last: bool) -> Place {
        let look = Look {
            is_header: &|line| line.starts_with(b"#"),
            begins_anew: &|before, line| before.first() != line.first(),
        };
        cut.find(bytes, last, &look)
    }

    #[test]
    fn lines_and_blocks_begin_behind_a_line_end() {
        assert_eq!(find(&Cut::Lines, b"a1\na2\nb1\n", false), Place::At(6));
        assert_eq!(find(&Cut::Lines, b"a1\na2\n", false), Place::Unknown);
        assert_eq!(find(&Cut::Lines, b"a1\n", true), Place::Nowhere);
        assert_eq!(find(&Cut::Blocks, b"#a\n b\n#c\n", false), Place::At(6));
        assert_eq!(find(&Cut::Blocks, b"#a\n b\n#", false), Place::Unknown);
        assert_eq!(find(&Cut::Blocks, b"#a\n b\n#", true), Place::At(6));
    }

    #[test]
    fn rows_have_the_cells_of_their_header() {
        let rows = Cut::Rows {
            columns: 3,
            delimiter: b',',
        };
        let text = b"x,\"two\nlines, of one\ncell\",y\n1,2,3\n";
        assert_eq!(find(&rows, text, false), Place::At(29));
    }

    #[test]
    fn json_records_begin_at_what_stands_between_them() {
        let text = b"[\n  {\n    \"id\": 1,\n    \"in\": {\n      \"x\": 2\n    }\n  },\n  {\n    \"id\": 2\n  },\n  {\n    \"id\": 3\n  }\n]";
        let ends: Vec<usize> = memmem::find_iter(text, b"\n  }").map(|at| at + 4).collect();
        let (first, second) = (4..ends[0], ends[0] + 4..ends[1]);
        let mut mark = RecordMark::default();
        mark.look(text, first.clone(), 4, first.end as u64);
        assert!(mark.is_sought());
        mark.look(text, second.clone(), second.start as u64, second.end as u64);
        let cut = mark.cut().unwrap();
        assert_eq!(cut, Cut::Mark(b"},\n  {\n    \"id\"".to_vec(), 5));
        assert_eq!(find(&cut, &text[10..], false), Place::At(second.start - 10));
    }
}
