//! `script-output`: what a script wrote to standard output or standard error.
//!
//! The file is complete, of any length and any encoding; its place says which stream and which execution. A file without bytes still
//! proves that the script ran. Source: linux-artifacts 5 and 6.

use super::script::kept_text;
use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::{GuestSaid, StreamEnd};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::layout::{Family, Layout, Role};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::guest;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "script-output",
    about: "standard output or error of a delivered script",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Whole,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(Output {
            layout: opening.layout.clone(),
            kept: opening.limits.kept_text_bytes,
        })
    },
};

/// A status repeats so many bytes of each stream.
const REPORTED_BYTES: usize = 4096;

fn recognise(sample: &Sample<'_>) -> Certainty {
    if matches!(sample.layout.role, Role::Stdout | Role::Stderr) {
        97
    } else {
        0
    }
}

struct Output {
    layout: Layout,
    kept: usize,
}

impl Reader for Output {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let (text, cut) = kept_text(unit.bytes, self.kept);
        if cut || unit.defects.too_long {
            let text = "the output is longer than a limit (limits.kept_text_bytes, limits.document_bytes); the case keeps its beginning or none, the evidence has it all";
            sink.problem(Code::TextCut, Some(unit.span()), text);
        }
        let stderr = self.layout.role == Role::Stderr;
        let stream = if stderr {
            "standard error"
        } else {
            "standard output"
        };
        let mut event = Event::new(EventKind::GuestOutput, None);
        event.resource = Some(Cow::Owned(self.layout.file_name.clone()));
        if sink.wants_detail() {
            let number = self
                .layout
                .sequence
                .map(|sequence| format!(" of sequence number {sequence}"))
                .unwrap_or_default();
            let first = text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .unwrap_or("(empty)");
            event.summary = format!("{} bytes of {stream}{number}: {first}", unit.length);
            event.field("stream", stream);
            event.field("text", text.clone());
        }
        if let Some(sequence) = self.layout.sequence {
            let tail = unit.bytes.len().saturating_sub(REPORTED_BYTES);
            let tail = unit.bytes.get(tail..).unwrap_or_default();
            let end = StreamEnd {
                bytes: unit.length,
                tail: String::from_utf8_lossy(tail).into_owned(),
                whole: !cut && !unit.defects.too_long,
            };
            event.fact = Some(guest::fact(
                &self.layout,
                Family::Action,
                self.layout.name.as_deref(),
                sequence,
                if stderr {
                    GuestSaid::Stderr { text, end }
                } else {
                    GuestSaid::Stdout { text, end }
                },
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
