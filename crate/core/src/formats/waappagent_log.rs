//! `waappagent-log`: the Windows guest agent's log, three generations.
//!
//! It says which plugin it enables, in which version; like its Linux sibling it says so at every boot, so no line of it proves an execution. Source:
//! windows-and-endpoint-artifacts 2.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::bracket::{BracketLine, is_header};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "waappagent-log",
    about: "the Windows guest agent's log",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise,
    }),
    record: None,
    header: None,
    open: |_| Box::new(WaAppAgent),
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    lines(sample, |line| line.process.is_none())
}

/// How sure the text is made of such lines: most of the first ones, or a few where a body or the rest of a cut record comes first.
pub(super) fn lines(sample: &Sample<'_>, ours: fn(&BracketLine<'_>) -> bool) -> Certainty {
    const LOOKED_AT: usize = 60;
    let found = sample
        .lines()
        .take(LOOKED_AT)
        .filter_map(BracketLine::parse)
        .map(|line| ours(&line));
    let (mut yes, mut no) = (0, 0);
    for ours in found {
        if ours { yes += 1 } else { no += 1 }
    }
    match (yes, no) {
        (0, _) => 0,
        (yes, no) if yes > no => 88,
        _ => 50,
    }
}

struct WaAppAgent;

impl Reader for WaAppAgent {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let Some(line) = BracketLine::parse(unit.bytes) else {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a record without a readable header",
            );
            return true;
        };
        let message = text(line.message);
        let mut event = Event::new(EventKind::GuestAgent, Some(line.time));
        event.resource = plugin(&message).map(|name| Cow::Owned(name.to_owned()));
        if message.starts_with("Beginning enable of plugin") {
            event.operation = Some(Cow::Borrowed("enable"));
        }
        if sink.wants_detail() {
            event.summary = message.lines().next().unwrap_or("").to_owned();
            event.field("level", text(line.level));
            event.field("message", message);
        }
        sink.event(record, unit.span(), event);
        true
    }
}

/// The plugin a message names.
fn plugin(message: &str) -> Option<&str> {
    let at = message.find("Microsoft.")?;
    let rest = message.get(at..)?;
    let end = rest
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_')))
        .unwrap_or(rest.len());
    let name = rest.get(..end)?.trim_end_matches('.');
    (name.split('.').count() > 2).then_some(name)
}
