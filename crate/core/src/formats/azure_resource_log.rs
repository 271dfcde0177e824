//! `azure-resource-log`: a diagnostic record of any category that is not the Activity Log (Key Vault audit, storage, metrics, …).
//!
//! Recognised, counted and put on the timeline with what every such record has: time, operation, resource, address, correlation id.
//! Source: activity-log-formats 0 (2), 2 e.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::unit::Unit;
use crate::identity::{address, fold};
use crate::json::Value;
use crate::problem::Code;
use crate::record::claims::Claims;
use crate::record::cloud::json_fields;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "azure-resource-log",
    about: "diagnostic record of another category",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(ResourceLog),
};

fn claims(record: Value<'_>) -> Certainty {
    let (mut time, mut resource, mut named) = (false, false, 0);
    for (key, value) in record.entries() {
        match key.0 {
            b"time" | b"Time" => time = value.text().is_some(),
            b"resourceId" | b"ResourceId" => resource = value.inner().first() == Some(&b'/'),
            b"category" | b"Category" | b"operationName" | b"OperationName" | b"metricName" => {
                named += 1
            }
            // Flows and sign-ins have readers of their own.
            b"flowRecords" => return 0,
            _ => {}
        }
    }
    if time && resource && named > 0 { 50 } else { 0 }
}

struct ResourceLog;

impl Reader for ResourceLog {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let record = sink.begin();
        let first = |names: &[&str]| names.iter().find_map(|name| value.get(name).word());
        let time = first(&["time", "Time"]).and_then(|text| parse::any(text.as_bytes()));
        if time.is_none() {
            sink.problem(
                Code::BadTime,
                Some(unit.span()),
                "a diagnostic record whose time cannot be read",
            );
        }
        // Key Vault writes `identity.claim`, others `identity.claims`.
        let mut claims = Claims::default();
        let identity = value.get("identity");
        claims.take_all(identity.get("claim"));
        claims.take_all(identity.get("claims"));
        let mut event = Event::new(EventKind::CloudResourceLog, time);
        event.operation = first(&["operationName", "OperationName", "metricName"])
            .map(|text| Cow::Owned(fold(&text)));
        event.resource = first(&["resourceId", "ResourceId"]).map(|text| Cow::Owned(fold(&text)));
        event.ip = first(&["callerIpAddress", "CallerIpAddress"])
            .and_then(|text| address(&text))
            .map(Cow::Owned);
        event.correlation =
            first(&["correlationId", "CorrelationId"]).map(|text| Cow::Owned(fold(&text)));
        event.actor = claims
            .upn
            .or(claims.object_id)
            .map(|text| Cow::Owned(text.into_owned()));
        if sink.wants_detail() {
            let category = first(&["category", "Category"]).unwrap_or_default();
            event.summary = format!(
                "{category}: {}",
                event.operation.as_deref().unwrap_or("record")
            );
            event.fields = json_fields(value);
        }
        sink.event(record, unit.span(), event);
        true
    }
}
