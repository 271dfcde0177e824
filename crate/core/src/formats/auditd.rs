//! `auditd`: the Linux audit log.
//!
//! One event is all lines of one (time, serial), and they need not stand together: an event is held open until later lines have left it behind.
//! Source: linux-artifacts 9.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::batch::Span;
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::audit::{AuditEvent, AuditLine};
use std::collections::VecDeque;

/// The format.
pub const FORMAT: Format = Format {
    id: "auditd",
    about: "Linux audit log",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Lines,
        recognise,
    }),
    record: None,
    header: None,
    open: |_| Box::new(Auditd::default()),
};

/// Lines of other events that may stand between the lines of one.
const LINES_APART: u64 = 64;

fn recognise(sample: &Sample<'_>) -> Certainty {
    const LOOKED_AT: usize = 20;
    let (mut looked, mut ours) = (0, 0);
    for line in sample
        .lines()
        .filter(|line| !line.is_empty())
        .take(LOOKED_AT)
    {
        looked += 1;
        // Audit lines inside a system log have another head.
        let head = line.starts_with(b"type=") || line.starts_with(b"node=");
        ours += usize::from(head && AuditLine::parse(line).is_some());
    }
    if ours * 2 > looked { 90 } else { 0 }
}

#[derive(Default)]
struct Auditd {
    open: VecDeque<Open>,
    lines: u64,
    /// Events that were given, for the room they have.
    spare: Vec<AuditEvent>,
}

/// An event whose lines may not all be here.
struct Open {
    id: String,
    node: Option<String>,
    from: u64,
    to: u64,
    last_line: u64,
    event: AuditEvent,
}

impl Open {
    fn close(self, sink: &mut Sink) -> AuditEvent {
        let record = sink.begin();
        let span = Span {
            offset: self.from,
            length: self.to - self.from,
        };
        self.event.emit(record, span, sink);
        self.event
    }
}

impl Reader for Auditd {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let Some(line) = AuditLine::parse(unit.bytes) else {
            let record = sink.begin();
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a line without type, time and serial number",
            );
            return true;
        };
        self.lines += 1;
        let detail = sink.wants_detail();
        let to = unit.offset + unit.length;
        let known = self
            .open
            .iter_mut()
            .rev()
            .find(|open| open.id == line.id && open.node.as_deref() == line.node);
        match known {
            Some(open) => {
                open.event.take(&line, detail);
                open.to = to;
                open.last_line = self.lines;
            }
            None => {
                let mut event = self.spare.pop().unwrap_or_default();
                event.clear();
                event.take(&line, detail);
                self.open.push_back(Open {
                    id: line.id.to_owned(),
                    node: line.node.map(str::to_owned),
                    from: unit.offset,
                    to,
                    last_line: self.lines,
                    event,
                });
            }
        }
        while self
            .open
            .front()
            .is_some_and(|open| open.last_line + LINES_APART < self.lines)
        {
            if let Some(open) = self.open.pop_front() {
                self.spare.push(open.close(sink));
            }
        }
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        for open in std::mem::take(&mut self.open) {
            open.close(sink);
        }
    }

    fn carried(&self) -> Option<Vec<u8>> {
        // What is open is looked at where an item is cut, below.
        Some(Vec::new())
    }

    fn begins_anew(&self, before: &[u8], line: &[u8]) -> bool {
        let id = |line| AuditLine::parse(line).map(|line| (line.node, line.id));
        match (id(before), id(line)) {
            (Some(before), Some(line)) => before != line,
            _ => false,
        }
    }

    fn is_done_before(&self, following: &[u8], last: bool) -> bool {
        let mut lines = following.split_inclusive(|byte| *byte == b'\n');
        for _ in 0..=LINES_APART {
            let Some(line) = lines.next() else {
                return last;
            };
            if !last && !line.ends_with(b"\n") {
                return false;
            }
            let line = line.trim_ascii_end();
            // A line that is none gets its number at once, before the events that are open.
            let Some(line) = AuditLine::parse(line) else {
                return false;
            };
            let known = |open: &Open| open.id == line.id && open.node.as_deref() == line.node;
            if self.open.iter().any(known) {
                return false;
            }
        }
        true
    }

    fn segment_ends(&mut self, sink: &mut Sink) {
        self.finish(sink);
    }
}
