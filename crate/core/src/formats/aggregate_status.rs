//! `aggregate-status`: what the Windows guest agent reported of all extensions at a moment.
//!
//! NUL-padded JSON, archived every 15 seconds under a name that holds the moment in UTC. Each handler's part is a record: it keeps the result and the output of an execution even
//! where the extension's folder is gone. Source: windows-and-endpoint-artifacts 1.6.

use super::{Certainty, Format, Reader};
use crate::event::fact::{Fact, GuestFact, GuestSaid, RunState};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::layout::{Os, family_of, handler_and_name};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::json_fields;
use crate::record::status::{self, StatusItem};
use crate::time::{Instant, Stamp, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "aggregate-status",
    about: "status of all extensions as the Windows guest agent reported it",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: None,
    open: |opening| {
        Box::new(Aggregate {
            name_time: time_of_name(&opening.layout.file_name),
        })
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let inner = record.get("aggregateStatus");
    if inner.is_object() { 95 } else { 0 }
}

/// `aggregatestatus_20230323132115270.json`: UTC, to the millisecond.
fn time_of_name(name: &str) -> Option<Stamp> {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    if digits.len() != 17 {
        return None;
    }
    Instant::from_civil(
        (i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?),
        (part(8, 10)?, part(10, 12)?, part(12, 14)?),
        part(14, 17)? * 1_000_000,
        3,
    )
    .map(Stamp::utc)
}

struct Aggregate {
    name_time: Option<Stamp>,
}

impl Reader for Aggregate {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if value.get("handlerName").is_null() && claims(value) == 0 {
            if sink.wants_detail() {
                agent_status(value, self.name_time, unit, sink);
            }
            return sink.wants_detail();
        }
        let stamp = |value: Value<'_>| {
            value
                .get("timestampUTC")
                .word()
                .and_then(|text| parse::iso(text.as_bytes()))
        };
        if claims(value) == 0 {
            // One handler's part, looked at alone.
            self.handler(value, self.name_time, unit, sink);
            return true;
        }
        let written = stamp(value).or(self.name_time);
        let status = value.get("aggregateStatus");
        let agent = status.get("guestAgentStatus");
        if agent.is_object() {
            agent_status(agent, written, unit, sink);
        }
        for handler in status.get("handlerAggregateStatus").elements() {
            self.handler(handler, written, unit, sink);
        }
        true
    }
}

/// The agent's own part.
fn agent_status(agent: Value<'_>, written: Option<Stamp>, unit: &Unit<'_>, sink: &mut Sink) {
    let record = sink.begin();
    let mut event = Event::new(EventKind::GuestStatus, written);
    event.resource = Some(Cow::Borrowed("guest agent"));
    if sink.wants_detail() {
        event.summary = format!(
            "Guest agent {}: {}",
            agent.get("version").word().unwrap_or_default(),
            agent.get("status").word().unwrap_or_default()
        );
        event.fields = json_fields(agent);
    }
    sink.event(record, unit.place_of(agent.raw()), event);
}

impl Aggregate {
    fn handler(
        &self,
        handler: Value<'_>,
        written: Option<Stamp>,
        unit: &Unit<'_>,
        sink: &mut Sink,
    ) {
        let record = sink.begin();
        let full = handler.get("handlerName").word().unwrap_or_default();
        let (name, command) = handler_and_name(&full);
        let settings = handler.get("runtimeSettingsStatus");
        let sequence = settings.get("sequenceNumber").integer();
        let named = settings.get("extensionName").word();
        let command = command.or(named.as_deref().filter(|name| !name.is_empty()));
        let inner = settings.get("settingsStatus");
        let item = StatusItem::of(inner.get("status"));
        let time = inner
            .get("timestampUTC")
            .word()
            .and_then(|text| parse::iso(text.as_bytes()))
            .or(written);
        let mut event = Event::new(EventKind::GuestStatus, time);
        event.resource = Some(Cow::Owned(name.to_owned()));
        event.operation = Some(item.operation.clone())
            .filter(|word| !word.is_empty())
            .map(Cow::Owned);
        event.outcome = match item.said.state {
            RunState::Succeeded => Outcome::Succeeded,
            RunState::Failed | RunState::TimedOut => Outcome::Failed,
            RunState::Running => Outcome::Started,
            RunState::Unknown => Outcome::None,
        };
        if sink.wants_detail() {
            let number = sequence
                .map(|number| format!(" (sequence number {number})"))
                .unwrap_or_default();
            event.summary = format!("{name}{number}: {} {}", item.operation, item.word);
            event.fields = json_fields(handler);
        }
        if let (Some(family), Some(_)) = (family_of(name), sequence) {
            let said = if !inner.is_object() || !status::is_enabling(&item.operation) {
                GuestSaid::Mentioned
            } else {
                GuestSaid::Status(Box::new(item.said))
            };
            event.fact = Some(Fact::Guest(Box::new(GuestFact {
                family,
                os: Os::Windows,
                version: sink.intern_some(handler.get("handlerVersion").word().as_deref()),
                name: sink.intern_some(command),
                sequence,
                said,
            })));
        }
        sink.event(record, unit.place_of(handler.raw()), event);
    }
}
