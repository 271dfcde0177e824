//! Rows of comma-separated text, quotes respected (RFC 4180), and the names of their columns.
//!
//! The first row is the header. A leading `#TYPE …` line (Windows PowerShell's Export-Csv) and a
//! `sep=;` line (spreadsheets) are stepped over. The delimiter is the one of `,` `;` tab that the
//! header has most of.

use super::{Found, Frame, Framer};
use crate::evidence::encoding::text;
use crate::evidence::unit::{Defects, UnitKind};
use memchr::{memchr, memchr2, memchr2_iter};
use std::borrow::Cow;
use std::ops::Range;

/// Frames rows.
#[derive(Clone, Debug)]
pub struct Csv {
    limit: usize,
    headed: bool,
    scanned: usize,
    quoted: bool,
    discarding: bool,
}

impl Csv {
    /// Rows up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            headed: false,
            scanned: 0,
            quoted: false,
            discarding: false,
        }
    }

    fn kind_of(&mut self, row: &[u8]) -> Option<UnitKind> {
        if self.headed {
            return Some(UnitKind::Row);
        }
        if row.starts_with(b"#TYPE ")
            || row
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"sep="))
        {
            return None;
        }
        self.headed = true;
        Some(UnitKind::Header)
    }
}

impl Framer for Csv {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut start = 0;
        let mut at = self.scanned;
        loop {
            let end = match memchr2(b'"', b'\n', buffer.get(at..).unwrap_or(&[])) {
                Some(hit) => {
                    at += hit + 1;
                    if buffer.get(at - 1) == Some(&b'"') {
                        self.quoted = !self.quoted;
                        continue;
                    }
                    if self.quoted {
                        continue;
                    }
                    at
                }
                None => {
                    at = buffer.len();
                    if !last || (start == buffer.len() && !self.discarding) {
                        break;
                    }
                    at
                }
            };
            let too_long = self.discarding || end - start > self.limit;
            self.discarding = false;
            let range = super::lines::without_end(buffer, start, end);
            let row = buffer.get(range.clone()).unwrap_or(&[]);
            if too_long {
                let defects = Defects {
                    too_long,
                    ..Defects::default()
                };
                found(Found::Frame(Frame {
                    range,
                    kind: UnitKind::Row,
                    defects,
                }));
            } else if !row.trim_ascii().is_empty() {
                // `#TYPE` and `sep=` are the exporter's, not text between records.
                if let Some(kind) = self.kind_of(row) {
                    let defects = Defects {
                        truncated: last && self.quoted,
                        ..Defects::default()
                    };
                    found(Found::Frame(Frame {
                        range,
                        kind,
                        defects,
                    }));
                }
            }
            start = end;
            if last && start == buffer.len() {
                break;
            }
        }
        if start == 0 && !last && (self.discarding || buffer.len() > self.limit) {
            self.discarding = true;
            self.scanned = 0;
            return buffer.len();
        }
        self.scanned = at - start;
        start
    }

    fn discarding(&self) -> bool {
        self.discarding
    }

    fn carried(&self) -> Option<Vec<u8>> {
        self.headed.then(Vec::new)
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.headed = true;
        carried.is_empty()
    }
}

/// The delimiter of a header row.
#[must_use]
pub fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header {
        quoted ^= *byte == b'"';
        if !quoted {
            for (delimiter, count) in &mut counts {
                *count += usize::from(byte == delimiter);
            }
        }
    }
    // On a tie the earlier one: max_by_key takes the last.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, _)| *delimiter)
}

/// One cell: its raw bytes, and its text with quotes undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a>(pub &'a [u8]);

impl<'a> Cell<'a> {
    /// The cell's text.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        let Some(inner) = self.0.strip_prefix(b"\"") else {
            return text(self.0);
        };
        let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
        let shown = text(inner);
        if memchr(b'"', shown.as_bytes()).is_none() {
            return shown;
        }
        // Of two quotes the second is dropped; one alone stays.
        let mut out = String::with_capacity(shown.len());
        let mut rest: &str = &shown;
        while let Some((before, behind)) = rest.split_once('"') {
            out.push_str(before);
            out.push('"');
            rest = behind.strip_prefix('"').unwrap_or(behind);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// The cell's bytes without surrounding quotes (inner quotes still doubled).
    #[must_use]
    pub fn bare(self) -> &'a [u8] {
        match self.0.strip_prefix(b"\"") {
            Some(inner) => inner.strip_suffix(b"\"").unwrap_or(inner),
            None => self.0,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bare().trim_ascii().is_empty()
    }
}

/// The cells of a row.
#[must_use]
pub fn cells(row: &[u8], delimiter: u8) -> Vec<Cell<'_>> {
    let mut cells = Vec::with_capacity(16);
    each_cell(row, delimiter, |range| {
        cells.push(Cell(row.get(range).unwrap_or(&[])));
    });
    cells
}

/// Calls `each` with the place of every cell of a row, in order.
pub fn each_cell(row: &[u8], delimiter: u8, mut each: impl FnMut(Range<usize>)) {
    let mut start = 0;
    let mut quoted = false;
    for at in memchr2_iter(b'"', delimiter, row) {
        if row.get(at) == Some(&b'"') {
            quoted = !quoted;
        } else if !quoted {
            each(start..at);
            start = at + 1;
        }
    }
    each(start..row.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_respect_quotes() {
        let have: Vec<String> = cells(b"a,\"b,\"\"c\"\"\",,\"\"", b',')
            .iter()
            .map(|cell| cell.text().into_owned())
            .collect();
        assert_eq!(have, ["a", "b,\"c\"", "", ""]);
        let text = |cell: &'static [u8]| Cell(cell).text();
        assert_eq!(
            text(b"\"one \" and \"\"\" three\""),
            "one \" and \"\" three"
        );
        assert_eq!(delimiter(b"\"a;b\",c,d"), b',');
        assert_eq!(delimiter(b"a;b;c"), b';');
        assert_eq!(delimiter(b"alone"), b',');
    }

    #[test]
    fn rows_span_lines_inside_quotes() {
        let text = b"#TYPE X\nh1,h2\r\n1,\"two\nlines\"\r\n3,4";
        for step in 1..text.len() {
            let mut framer = Csv::new(100);
            let (mut buffer, mut out) = (Vec::new(), Vec::new());
            let mut pieces = text.chunks(step).peekable();
            while let Some(piece) = pieces.next() {
                buffer.extend_from_slice(piece);
                let front = buffer.clone();
                let used = framer.frame(&front, pieces.peek().is_none(), &mut |found| {
                    if let Found::Frame(frame) = found {
                        out.push((
                            frame.kind,
                            String::from_utf8_lossy(&front[frame.range]).into_owned(),
                        ));
                    }
                });
                buffer.drain(..used);
            }
            assert_eq!(
                out,
                [
                    (UnitKind::Header, "h1,h2".to_owned()),
                    (UnitKind::Row, "1,\"two\nlines\"".to_owned()),
                    (UnitKind::Row, "3,4".to_owned())
                ],
                "step {step}"
            );
        }
    }
}
