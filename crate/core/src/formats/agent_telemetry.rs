//! `agent-telemetry`: event files that extensions leave for the agent, which deletes them once collected.
//!
//! `.tld` holds one event with named parameters; `.json` an array of events with a time. For action Run Command the message tells the size of the
//! script. Source: linux-artifacts 4.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::json_fields;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "agent-telemetry",
    about: "telemetry event of the guest agent or an extension",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Telemetry),
};

fn claims(record: Value<'_>) -> Certainty {
    let has = |name: &str| !record.get(name).is_null();
    if has("eventId") && has("providerId") && record.get("parameters").is_array()
        || has("TaskName") && has("EventLevel") && has("Message")
    {
        85
    } else {
        0
    }
}

struct Telemetry;

impl Reader for Telemetry {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let record = sink.begin();
        let parameter = |name: &str| {
            let found = value
                .get("parameters")
                .elements()
                .find(|entry| entry.get("name").inner() == name.as_bytes());
            found.and_then(|entry| entry.get("value").word())
        };
        let part = |parameter_name: &str, key: &str| {
            parameter(parameter_name).or_else(|| value.get(key).word())
        };
        let time = value
            .get("Timestamp")
            .word()
            .or_else(|| value.get("TimeStamp").word())
            .and_then(|text| parse::any(text.as_bytes()));
        let mut event = Event::new(EventKind::GuestTelemetry, time);
        event.resource = parameter("Name").map(|name| Cow::Owned(name.into_owned()));
        event.operation = part("Operation", "TaskName").map(|name| Cow::Owned(name.into_owned()));
        event.outcome = match parameter("OperationSuccess").as_deref() {
            Some("true" | "True") => Outcome::Succeeded,
            Some("false" | "False") => Outcome::Failed,
            _ => Outcome::None,
        };
        if sink.wants_detail() {
            let message = part("Message", "Message").unwrap_or_default();
            event.summary = format!(
                "{}: {message}",
                event.operation.as_deref().unwrap_or("telemetry")
            );
            event.fields = json_fields(value);
        }
        sink.event(record, unit.span(), event);
        true
    }
}
