//! `extension-status`: what an extension reported to the agent, on either system.
//!
//! An array of items; each is a record. The placeholder that the shim writes before the handler runs is told by its numeric offset
//! (`+00:00`), the handler's own by `Z`. Disable and update write into the same file, so a status of theirs proves no execution.
//! Sequence number and name come from the path, the name also from the item. Source: linux-artifacts 3.2, detectors 0.6.

use super::{Certainty, Format, Reader};
use crate::event::fact::{GuestSaid, RunState};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::layout::{Family, Layout};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::json_fields;
use crate::record::guest;
use crate::record::status::{self, StatusItem};
use crate::time::{TimeBasis, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "extension-status",
    about: "status file of a VM extension",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: None,
    open: |opening| {
        Box::new(Status {
            layout: opening.layout.clone(),
        })
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let status = record.get_folded("status");
    if status.is_object() && !record.get_folded("timestampUTC").is_null() {
        90
    } else if status.is_object()
        && !status.get_folded("operation").is_null()
        && !record.get_folded("version").is_null()
    {
        70
    } else {
        0
    }
}

struct Status {
    layout: Layout,
}

impl Reader for Status {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let item = Value::new(unit.bytes);
        if claims(item) == 0 {
            return false;
        }
        let record = sink.begin();
        let body = item.get_folded("status");
        let time = item
            .get_folded("timestampUTC")
            .word()
            .and_then(|text| parse::iso(text.as_bytes()));
        if time.is_none() {
            sink.problem(
                Code::MissingTime,
                Some(unit.span()),
                "a status without a readable timestampUTC",
            );
        }
        let StatusItem {
            operation,
            word,
            message,
            said,
            ambiguous,
        } = StatusItem::of(body);
        if ambiguous {
            let text = "the output holds the markers that separate its streams; where one ends and the other begins is not certain";
            sink.problem(Code::AmbiguousOutput, Some(unit.span()), text);
        }
        let mut event = Event::new(EventKind::GuestStatus, time);
        event.outcome = match said.state {
            RunState::Succeeded => Outcome::Succeeded,
            RunState::Failed | RunState::TimedOut => Outcome::Failed,
            RunState::Running => Outcome::Started,
            RunState::Unknown => Outcome::None,
        };
        event.operation =
            Some(Cow::<str>::Owned(operation.clone())).filter(|operation| !operation.is_empty());
        let name = self.layout.name.clone().or_else(|| {
            body.get_folded("name")
                .word()
                .filter(|_| self.layout.family != Some(Family::Action))
                .map(Cow::into_owned)
        });
        if sink.wants_detail() {
            let number = self
                .layout
                .sequence
                .map(|sequence| format!(" (sequence number {sequence})"))
                .unwrap_or_default();
            let head = status::split(&message).head;
            let head = head.lines().next().unwrap_or("");
            event.summary = format!("{operation} {word}{number}: {head}");
            event.fields = json_fields(item);
        }
        if let Some(sequence) = self.layout.sequence {
            let placeholder = said.state == RunState::Running
                && time.is_some_and(|stamp| stamp.basis == TimeBasis::Offset);
            let said = if !status::is_enabling(&operation) {
                GuestSaid::Mentioned
            } else if placeholder {
                GuestSaid::Placeholder
            } else {
                GuestSaid::Status(Box::new(said))
            };
            event.fact = Some(guest::fact(
                &self.layout,
                Family::Extension,
                name.as_deref(),
                sequence,
                said,
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
