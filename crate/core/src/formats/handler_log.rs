//! `handler-log`: logfmt logs of the Linux handlers (run-command, run-command-handler, custom-script).
//!
//! Every line is a record. Lines of the shim (`+ nohup …`, `Writing a placeholder status file …`) carry no time: they are events without
//! one. In newer managed handlers the first entries of an invocation come before name and number are known; reconstruction does not
//! need them. Source: linux-artifacts 5.1.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::layout::{Family, Role};
use crate::evidence::unit::Unit;
use crate::record::handler::{HandlerEntry, is_entry};

/// The format.
pub const FORMAT: Format = Format {
    id: "handler-log",
    about: "logfmt log of a Linux extension's handler",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Lines,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(HandlerLog {
            family: opening.layout.family,
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    const LOOKED_AT: usize = 60;
    // The shim traces its commands into the same file, by the hundred where a machine restarts often.
    let traced = |line: &&[u8]| line.starts_with(b"+ ");
    let lines: Vec<&[u8]> = sample
        .lines()
        .filter(|line| !line.is_empty() && !traced(line))
        .take(LOOKED_AT)
        .collect();
    let ours =
        |line: &&&[u8]| is_entry(line) && memchr::memmem::find(line, b"operation=").is_some();
    let entries = lines.iter().filter(ours).count();
    if entries > 0 && entries * 2 >= lines.len() {
        90
    } else if sample.layout.role == Role::HandlerLog
        && (entries > 0 || sample.lines().next().is_some_and(|line| traced(&line)))
    {
        80
    } else {
        0
    }
}

struct HandlerLog {
    family: Option<Family>,
}

impl Reader for HandlerLog {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let event = match HandlerEntry::parse(unit.bytes) {
            Some(entry) => entry.event(self.family, unit.bytes, sink),
            None => {
                let mut event = Event::new(EventKind::GuestHandler, None);
                if sink.wants_detail() {
                    event.summary = text(unit.bytes).into_owned();
                    event.field("message", text(unit.bytes));
                }
                event
            }
        };
        sink.event(record, unit.span(), event);
        true
    }
}
