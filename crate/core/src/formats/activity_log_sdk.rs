//! `activity-log-sdk`: the Activity Log as the Python SDK dumps it, in snake_case.
//!
//! Microseconds only: the seventh digit is lost, and `id`'s ticks bring it back where they were not masked. Source: activity-log-formats 2 b2.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::{Body, CloudRecord, Text, json_fields};
use crate::time::parse;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-sdk",
    about: "Activity Log as the SDK dumps it",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Sdk),
};

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, _) in record.entries() {
        sure += match key.0 {
            b"event_timestamp" => 50,
            b"operation_name" => 30,
            b"event_data_id" | b"submission_timestamp" | b"resource_provider_name" => 5,
            _ => 0,
        };
    }
    if sure >= 50 { sure.min(95) } else { 0 }
}

struct Sdk;

fn value_of<'a>(value: Value<'a>) -> Text<'a> {
    if value.is_object() {
        value.get("value").word()
    } else {
        value.word()
    }
}

impl Reader for Sdk {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let begun = sink.begin();
        let mut record = CloudRecord::default();
        for (key, value) in value.entries() {
            match key.0 {
                b"event_timestamp" => {
                    record.time = parse::any(value.inner());
                    if record.time.is_none() {
                        record.unread_time = value.word();
                    }
                }
                b"operation_name" => {
                    record.operation = value_of(value);
                    record.operation_display = value.get("localized_value").word();
                }
                b"event_data_id" => record.event_data_id = value.word(),
                b"status" => record.status = value_of(value),
                b"sub_status" => record.sub_status = value_of(value),
                b"caller" => record.caller = value.word(),
                b"http_request" => record.ip = value.get("client_ip_address").word(),
                b"resource_id" => record.resource = value.word(),
                b"resource_type" => record.resource_type = value_of(value),
                b"subscription_id" => record.subscription = value.word(),
                b"correlation_id" => record.correlation = value.word(),
                b"id" => record.id = value.word(),
                b"category" => record.category = value_of(value),
                b"claims" => record.claims.take_all(value),
                b"authorization" => {
                    record.role = value.get("role").word();
                    record.scope = value.get("scope").word();
                }
                b"properties" => {
                    for (key, value) in value.entries() {
                        if key.is_folded("requestbody") || key.is_folded("responsebody") {
                            record.bodies.push(Body::Json(value));
                        }
                    }
                }
                _ => {}
            }
        }
        record.emit(begun, unit.span(), sink, || json_fields(value));
        true
    }
}
