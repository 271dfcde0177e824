//! A header line and the lines that follow it, as guest logs write multi-line messages.
//!
//! Whether a line is a header is the format's to say, from at most [`HEADER_BYTES`] of it.

use super::lines::without_end;
use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};
use memchr::memchr;

/// How much of a line is shown to the format.
pub const HEADER_BYTES: usize = 256;

/// Frames blocks of lines.
#[derive(Clone, Debug)]
pub struct Blocks {
    limit: usize,
    is_header: fn(&[u8]) -> bool,
    /// Start of the first line of the buffer not yet judged.
    next_line: usize,
    /// The buffer begins inside a line that was judged before.
    mid_line: bool,
    /// Whether the block at the front begins with a header.
    headed: bool,
    discarding: bool,
}

impl Blocks {
    /// Blocks up to `limit` bytes whose first line satisfies `is_header`.
    #[must_use]
    pub fn new(limit: usize, is_header: fn(&[u8]) -> bool) -> Self {
        Self {
            limit,
            is_header,
            next_line: 0,
            mid_line: false,
            headed: false,
            discarding: false,
        }
    }

    fn emit(&mut self, buffer: &[u8], start: usize, end: usize, found: &mut dyn FnMut(Found)) {
        // The length with its line ends: the same however the bytes arrived.
        let too_long = self.discarding || end - start > self.limit;
        self.discarding = false;
        let range = without_end(buffer, start, end);
        let blank = buffer
            .get(range.clone())
            .is_none_or(|block| block.trim_ascii().is_empty());
        if too_long || !blank {
            let defects = Defects {
                too_long,
                leading: !self.headed,
                ..Defects::default()
            };
            found(Found::Frame(Frame {
                range,
                kind: UnitKind::Record,
                defects,
            }));
        }
    }
}

impl Framer for Blocks {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut start = 0;
        // The end of what surely belongs to the block at `start`.
        let mut owned;
        loop {
            let line = buffer.get(self.next_line..).unwrap_or(&[]);
            let newline = memchr(b'\n', line);
            owned = self.next_line;
            if !self.mid_line {
                // A line may be judged once its first HEADER_BYTES or all of it are here.
                if line.is_empty() || (newline.is_none() && line.len() < HEADER_BYTES && !last) {
                    break;
                }
                let shown = line
                    .get(..newline.unwrap_or(line.len()).min(HEADER_BYTES))
                    .unwrap_or(line);
                if (self.is_header)(shown) {
                    if self.next_line > start || self.discarding {
                        self.emit(buffer, start, self.next_line, found);
                    }
                    start = self.next_line;
                    self.headed = true;
                }
            }
            match newline {
                Some(at) => {
                    self.next_line += at + 1;
                    self.mid_line = false;
                }
                None => {
                    owned = buffer.len();
                    break;
                }
            }
        }
        if last {
            if start < buffer.len() || self.discarding {
                self.emit(buffer, start, buffer.len(), found);
            }
            return buffer.len();
        }
        if start == 0 && (self.discarding || owned > self.limit) {
            self.discarding = true;
            self.mid_line = owned > self.next_line || (self.mid_line && owned == buffer.len());
            start = owned;
            self.next_line = 0;
            return start;
        }
        self.next_line -= start;
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

    fn ends_before_record(&mut self, rest: &[u8], found: &mut dyn FnMut(Found)) -> bool {
        // The header behind ends whatever block is open.
        if !rest.is_empty() || self.discarding {
            self.emit(rest, 0, rest.len(), found);
        }
        (self.next_line, self.mid_line) = (0, false);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_header(line: &[u8]) -> bool {
        line.starts_with(b"#")
    }

    /// Frames with every fragment size; the answers must agree.
    fn frames(text: &[u8], limit: usize, step: usize) -> Vec<(u64, usize, bool, bool)> {
        let mut framer = Blocks::new(limit, is_header);
        let (mut buffer, mut gone, mut out) = (Vec::new(), 0_u64, Vec::new());
        let mut pieces = text.chunks(step).peekable();
        loop {
            let piece = pieces.next();
            buffer.extend_from_slice(piece.unwrap_or(&[]));
            let last = pieces.peek().is_none();
            let used = framer.frame(&buffer, last, &mut |found| {
                if let Found::Frame(frame) = found {
                    let long = frame.defects.too_long;
                    out.push((
                        if long {
                            0
                        } else {
                            gone + frame.range.start as u64
                        },
                        if long { 0 } else { frame.range.len() },
                        long,
                        frame.defects.leading,
                    ));
                }
            });
            buffer.drain(..used);
            gone += used as u64;
            if last {
                return out;
            }
        }
    }

    #[test]
    fn any_fragmentation_gives_the_same_blocks() {
        let mut text = b"lost\nlost too\n#one\n a\n\n b\r\n#two\n#three ".to_vec();
        text.extend(std::iter::repeat_n(b'x', 900));
        text.extend_from_slice(b"\ncontinued\n#four\n#five");
        let whole = frames(&text, 600, text.len());
        assert_eq!(whole.len(), 6);
        assert_eq!(whole[0], (0, 13, false, true));
        assert!(whole[3].2, "the third block is too long");
        for step in 1..400 {
            assert_eq!(frames(&text, 600, step), whole, "step {step}");
        }
    }
}
