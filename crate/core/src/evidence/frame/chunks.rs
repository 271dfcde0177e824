//! The chunks of a Windows event log.
//!
//! A log is a header of 4 KiB and chunks of 64 KiB, each with its own mark. The header's count of them is not believed: a log that was not closed has a stale one. What is
//! no chunk is stepped over up to the next mark, so a hole costs only itself; a carved file may begin with a chunk.
//!
//! Source: windows-and-endpoint-artifacts 4.

use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};
use memchr::memmem;
use std::ops::Range;

/// How a log begins.
pub const FILE_MARK: &[u8] = b"ElfFile\0";
/// How a chunk begins.
pub const CHUNK_MARK: &[u8] = b"ElfChnk\0";
/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 65_536;
const HEADER_BYTES: usize = 4_096;

/// Frames chunks.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    header_seen: bool,
    /// Bytes without a mark right before the front of the buffer, and whether any of them is not zero.
    lost: Option<(usize, bool)>,
}

impl Chunks {
    /// A framer at the beginning of a log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A chunk follows: what stood before it was lost. Zeroed chunks at the end of a log are only unused.
    fn report_lost(&mut self, at: usize, found: &mut dyn FnMut(Found)) {
        if self.lost.take().is_some() {
            found(Found::Lost(at..at));
        }
    }
}

impl Framer for Chunks {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut at = 0;
        if !self.header_seen {
            if buffer.len() < FILE_MARK.len() && !last {
                return 0;
            }
            if buffer.starts_with(FILE_MARK) {
                if buffer.len() < HEADER_BYTES && !last {
                    return 0;
                }
                at = HEADER_BYTES.min(buffer.len());
            }
            self.header_seen = true;
        }
        loop {
            let rest = buffer.get(at..).unwrap_or(&[]);
            if rest.is_empty() || (rest.len() < CHUNK_BYTES && !last) {
                break;
            }
            if rest.starts_with(CHUNK_MARK) {
                self.report_lost(at, found);
                let range: Range<usize> = at..at + rest.len().min(CHUNK_BYTES);
                let defects = Defects::default();
                at = range.end;
                found(Found::Frame(Frame {
                    range,
                    kind: UnitKind::Record,
                    defects,
                }));
                continue;
            }
            let block = rest.get(..rest.len().min(CHUNK_BYTES)).unwrap_or(rest);
            // The mark may lie across the end of the block.
            let step = match memmem::find(block, CHUNK_MARK) {
                Some(hit) => hit,
                None if last && block.len() == rest.len() => block.len(),
                None => block.len() + 1 - CHUNK_MARK.len(),
            };
            let gone = block.get(..step).unwrap_or(block);
            let (bytes, any) = self.lost.unwrap_or((0, false));
            self.lost = Some((bytes + step, any || gone.iter().any(|byte| *byte != 0)));
            at += step;
        }
        if last && self.lost.is_some_and(|(_, any)| any) {
            self.report_lost(at, found);
        }
        at
    }

    fn carried(&self) -> Option<Vec<u8>> {
        self.lost.is_none().then(Vec::new)
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.header_seen = true;
        carried.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(letter: u8) -> Vec<u8> {
        let mut bytes = CHUNK_MARK.to_vec();
        bytes.resize(CHUNK_BYTES, letter);
        bytes
    }

    fn frames(bytes: &[u8], step: usize) -> Vec<(char, usize)> {
        let mut framer = Chunks::new();
        let (mut buffer, mut out, mut gone) = (Vec::new(), Vec::new(), 0);
        let mut pieces = bytes.chunks(step).peekable();
        while let Some(piece) = pieces.next() {
            buffer.extend_from_slice(piece);
            let used = framer.frame(&buffer, pieces.peek().is_none(), &mut |item| match item {
                Found::Frame(frame) => out.push(('c', gone + frame.range.start)),
                Found::Lost(range) => out.push(('l', gone + range.start)),
                _ => out.push(('?', 0)),
            });
            buffer.drain(..used);
            gone += used;
        }
        out
    }

    #[test]
    fn holes_cost_only_themselves() {
        let mut log = FILE_MARK.to_vec();
        log.resize(HEADER_BYTES, 0);
        log.extend(chunk(1));
        log.extend(vec![0; CHUNK_BYTES]);
        log.extend(chunk(2));
        log.extend(vec![7; 1000]);
        log.extend(chunk(3));
        log.extend(vec![0; CHUNK_BYTES]);
        let first = HEADER_BYTES;
        let second = first + 2 * CHUNK_BYTES;
        let third = second + CHUNK_BYTES + 1000;
        let want = [
            ('c', first),
            ('l', second),
            ('c', second),
            ('l', third),
            ('c', third),
        ];
        for step in [1 << 20, 1000, 65_536, 70_001] {
            assert_eq!(frames(&log, step), want, "pieces of {step}");
        }
        // Carved: no header; and cut in the last chunk.
        let mut carved = chunk(1);
        carved.extend(chunk(2).get(..9000).unwrap());
        assert_eq!(frames(&carved, 4096), [('c', 0), ('c', CHUNK_BYTES)]);
    }
}
