//! Windows events in XML: `<Event …>` to `</Event>`, whatever stands between and around them.
//!
//! `wevtutil` writes siblings without a root, Event Viewer all on one line under `<Events>`, `evtx_dump` a document with its own declaration per record.

use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};
use memchr::memmem;

const CLOSE: &[u8] = b"</Event>";

/// Frames events.
#[derive(Clone, Debug)]
pub struct Xml {
    limit: usize,
    discarding: bool,
}

impl Xml {
    /// Events up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            discarding: false,
        }
    }
}

/// Where `<Event>` or `<Event …` begins: not `<Events>`, not `<EventData>`.
#[must_use]
pub fn find_open(text: &[u8]) -> Option<usize> {
    const OPEN: &[u8] = b"<Event";
    memmem::find_iter(text, OPEN).find(|at| {
        matches!(
            text.get(at + OPEN.len()),
            Some(b' ' | b'>' | b'\t' | b'\r' | b'\n')
        )
    })
}

impl Framer for Xml {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut at = 0;
        loop {
            let rest = buffer.get(at..).unwrap_or(&[]);
            let open = if self.discarding {
                Some(0)
            } else {
                find_open(rest)
            };
            let Some(open) = open else {
                // Half an opening may stand at the end.
                let kept = if last { 0 } else { rest.len().min(8) };
                return buffer.len() - kept;
            };
            let body = rest.get(open..).unwrap_or(&[]);
            match memmem::find(body, CLOSE) {
                Some(close) => {
                    let range = at + open..at + open + close + CLOSE.len();
                    at = range.end;
                    let defects = Defects {
                        too_long: self.discarding || range.len() > self.limit,
                        ..Defects::default()
                    };
                    self.discarding = false;
                    found(Found::Frame(Frame {
                        range,
                        kind: UnitKind::Record,
                        defects,
                    }));
                }
                None if last => {
                    let defects = Defects {
                        truncated: true,
                        too_long: self.discarding || body.len() > self.limit,
                        ..Defects::default()
                    };
                    found(Found::Frame(Frame {
                        range: at + open..buffer.len(),
                        kind: UnitKind::Record,
                        defects,
                    }));
                    return buffer.len();
                }
                None if body.len() > self.limit => {
                    if at + open > 0 {
                        return at + open;
                    }
                    self.discarding = true;
                    // The closing tag may lie across the end.
                    return buffer.len() + 1 - CLOSE.len();
                }
                None => return at + open,
            }
        }
    }

    fn discarding(&self) -> bool {
        self.discarding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_between_anything() {
        let text = b"<?xml?><Events><Event xmlns='x'><EventData/></Event><Event>2</Event></Events>\nRecord 3\n<Event>cut";
        for step in 1..text.len() {
            let mut framer = Xml::new(1000);
            let (mut buffer, mut out) = (Vec::new(), Vec::new());
            let mut pieces = text.chunks(step).peekable();
            while let Some(piece) = pieces.next() {
                buffer.extend_from_slice(piece);
                let front = buffer.clone();
                let used = framer.frame(&front, pieces.peek().is_none(), &mut |item| {
                    if let Found::Frame(frame) = item {
                        let shown = String::from_utf8_lossy(&front[frame.range]).into_owned();
                        out.push((shown, frame.defects.truncated));
                    }
                });
                buffer.drain(..used);
            }
            let want = [
                ("<Event xmlns='x'><EventData/></Event>", false),
                ("<Event>2</Event>", false),
                ("<Event>cut", true),
            ];
            let want: Vec<(String, bool)> = want
                .iter()
                .map(|(text, cut)| ((*text).to_owned(), *cut))
                .collect();
            assert_eq!(out, want, "pieces of {step}");
        }
    }
}
