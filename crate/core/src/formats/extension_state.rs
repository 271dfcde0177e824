//! `extension-state`: the small files in which a handler or the agent remembers.
//!
//! `mrseq` holds the highest sequence number processed, `pidstart` a process that should have ended, HandlerState and HandlerStatus what the agent
//! last saw. Their place says what they are. Source: linux-artifacts 3.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::GuestSaid;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::layout::{Layout, Role};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::guest;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "extension-state",
    about: "small state file of a VM extension",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Whole,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(State {
            layout: opening.layout.clone(),
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    const LONGEST: usize = 16 << 10;
    let by_content = sample.complete
        && memchr::memmem::find(sample.text, b"\"handlerEnvironment\"").is_some()
        && memchr::memmem::find(sample.text, b"\"statusFolder\"").is_some();
    if by_content {
        85
    } else if sample.layout.role == Role::State && sample.complete && sample.text.len() < LONGEST {
        80
    } else {
        0
    }
}

struct State {
    layout: Layout,
}

impl Reader for State {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        if unit.defects.too_long {
            sink.skip(
                record,
                Code::DocumentTooLong,
                unit.span(),
                "longer than limits.document_bytes",
            );
            return true;
        }
        let mut event = Event::new(EventKind::GuestState, None);
        event.resource = Some(Cow::Owned(self.layout.file_name.clone()));
        if sink.wants_detail() {
            let shown = text(unit.bytes);
            event.summary = format!(
                "{}: {}",
                self.layout.file_name,
                shown.lines().next().unwrap_or("(empty)")
            );
            event.field("text", shown);
        }
        let processed = self
            .layout
            .file_name
            .ends_with("mrseq")
            .then(|| parse::integer(unit.bytes))
            .flatten();
        let left = self.layout.file_name.ends_with("pidstart") && !unit.bytes.is_empty();
        let said = processed.map(|_| GuestSaid::HighestProcessed);
        let said = said.or(left.then_some(GuestSaid::LeftProcess));
        if let (Some(family), Some(said)) = (self.layout.family, said) {
            event.fact = Some(guest::fact(
                &self.layout,
                family,
                self.layout.name.as_deref(),
                processed,
                said,
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
