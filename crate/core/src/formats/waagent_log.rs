//! `waagent-log`: the Linux guest agent's log, every generation since 2.0.
//!
//! A record is a header line and what follows it. Inside a `Command:` record stand copies of the handler's own entries (`time=…`): each
//! is a record and an event of its own, at its own bytes. Pasted logs may be wrapped in the middle of words; entries broken over
//! lines are joined. Source: linux-artifacts 1.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::evidence::layout::{Family, Role};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::agent::{AgentLine, is_header};
use crate::record::handler::{HandlerEntry, is_entry};
use memchr::{memchr, memchr2, memmem};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "waagent-log",
    about: "the Linux guest agent's log",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(WaAgent {
            family: opening.layout.family,
            wrapped: false,
        })
    },
};

pub(super) fn recognise(sample: &Sample<'_>) -> Certainty {
    if matches!(sample.layout.role, Role::CommandExecutionLog) {
        return 0;
    }
    agent_lines(sample)
}

/// How sure the text is an agent's: by its first lines.
pub(super) fn agent_lines(sample: &Sample<'_>) -> Certainty {
    const LOOKED_AT: usize = 40;
    let lines: Vec<&[u8]> = sample
        .lines()
        .filter(|line| !line.is_empty())
        .take(LOOKED_AT)
        .collect();
    let headers = lines.iter().filter(|line| is_header(line)).count();
    match headers {
        0 => 0,
        _ if headers * 4 >= lines.len() => 85,
        // A log whose head is one long body.
        _ => 60,
    }
}

struct WaAgent {
    family: Option<Family>,
    wrapped: bool,
}

impl Reader for WaAgent {
    fn carried(&self) -> Option<Vec<u8>> {
        // That entries are broken over lines is said once.
        Some(if self.wrapped { vec![1] } else { Vec::new() })
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.wrapped = !carried.is_empty();
        true
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let bytes = unit.bytes;
        if is_entry(bytes) {
            // An embedded entry, looked at alone.
            entry(unit, 0, bytes.len(), self.family, sink);
            return true;
        }
        let record = sink.begin();
        let Some(line) = AgentLine::parse(bytes) else {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a record without a readable header",
            );
            return true;
        };
        let event = line.event(bytes, sink);
        sink.event(record, unit.span(), event);
        if !sink.wants_detail() && memmem::find(line.body, b"time=").is_some() {
            self.embedded(
                unit,
                bytes.len() - line.body.len(),
                line.family().or(self.family),
                sink,
            );
        }
        true
    }
}

impl WaAgent {
    /// The handler's entries inside a body that begins at `start`.
    fn embedded(&mut self, unit: &Unit<'_>, start: usize, family: Option<Family>, sink: &mut Sink) {
        let body = unit.bytes.get(start..).unwrap_or(&[]);
        let mut at = start;
        let mut begun: Option<usize> = None;
        let mut rest = body;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            let text = line.trim_ascii_end();
            if is_entry(text) {
                if let Some(from) = begun.replace(at) {
                    entry(unit, from, at, family, sink);
                }
            } else if let Some(from) = begun {
                // The rest of a wrapped entry: it goes on where no line of the shim, no marker and no blank line begins.
                let own = text.is_empty()
                    || text.starts_with(b"+ ")
                    || text.starts_with(b"[")
                    || text.starts_with(b"Writing ")
                    || text.starts_with(b"Not writing ");
                if own {
                    entry(unit, from, at, family, sink);
                    begun = None;
                } else if !self.wrapped {
                    self.wrapped = true;
                    let text = "records are broken over several lines, as terminals do; entries were joined as well as possible";
                    sink.problem(
                        Code::HardWrapped,
                        Some(unit.part(at..at + line.len())),
                        text,
                    );
                }
            }
            at += line.len();
        }
        if let Some(from) = begun {
            entry(unit, from, at, family, sink);
        }
    }
}

/// One embedded entry as a record of its own.
fn entry(unit: &Unit<'_>, from: usize, to: usize, family: Option<Family>, sink: &mut Sink) {
    let raw = unit.bytes.get(from..to).unwrap_or(&[]);
    let trimmed = raw.trim_ascii_end();
    let joined: Cow<'_, [u8]> = if memchr2(b'\n', b'\r', trimmed).is_none() {
        Cow::Borrowed(trimmed)
    } else {
        let letters = trimmed.iter().copied();
        letters
            .filter(|byte| *byte != b'\n' && *byte != b'\r')
            .collect()
    };
    let record = sink.begin();
    match HandlerEntry::parse(&joined) {
        Some(entry) => {
            let event = entry.event(family, &joined, sink);
            sink.event(record, unit.part(from..from + trimmed.len()), event);
        }
        None => sink.fold(record),
    }
}
