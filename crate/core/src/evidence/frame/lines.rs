//! One line, one record. LF or CRLF; a last line without an end counts.

use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};
use memchr::memchr;

/// Frames lines. Blank lines are no records.
#[derive(Clone, Debug)]
pub struct Lines {
    limit: usize,
    scanned: usize,
    discarding: bool,
}

impl Lines {
    /// Lines up to `limit` bytes; longer ones are framed as too long.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            scanned: 0,
            discarding: false,
        }
    }
}

/// The line's range without its line end.
#[must_use]
pub fn without_end(buffer: &[u8], start: usize, end: usize) -> std::ops::Range<usize> {
    let mut end = end;
    while end > start && matches!(buffer.get(end - 1), Some(b'\n' | b'\r' | 0)) {
        end -= 1;
    }
    start..end
}

impl Framer for Lines {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut start = 0;
        loop {
            let from = start.max(self.scanned);
            let end = match memchr(b'\n', buffer.get(from..).unwrap_or(&[])) {
                Some(at) => from + at + 1,
                None if last && (start < buffer.len() || self.discarding) => buffer.len(),
                None => break,
            };
            self.scanned = 0;
            // The length with its line end: the same however the bytes arrived.
            let too_long = self.discarding || end - start > self.limit;
            self.discarding = false;
            let range = without_end(buffer, start, end);
            let blank = buffer
                .get(range.clone())
                .is_none_or(|line| line.trim_ascii().is_empty());
            if too_long || !blank {
                let defects = Defects {
                    too_long,
                    ..Defects::default()
                };
                found(Found::Frame(Frame {
                    range,
                    kind: UnitKind::Record,
                    defects,
                }));
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
        self.scanned = buffer.len() - start;
        start
    }

    fn discarding(&self) -> bool {
        self.discarding
    }

    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        carried.is_empty()
    }
}
