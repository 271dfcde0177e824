//! `activity-log-rest`: the camelCase record of the REST API, the `az` CLI and the portal's JSON tab.
//!
//! Comes as a bare array, a `{"value": […]}` page, single or concatenated objects, or one a line
//! (activity-log-formats 2 a, b, c). Source of the field names: the Activity Log event schema of Azure Monitor.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::{CloudRecord, json_fields};
use crate::time::parse;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-rest",
    about: "Activity Log from REST, az CLI or the portal's JSON view",
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Rest { records: 0, cli: 0 }),
};

/// `az monitor activity-log list` returns this many records unless told otherwise.
const CLI_DEFAULT_RECORDS: u64 = 50;

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, value) in record.entries() {
        sure += match key.0 {
            b"eventTimestamp" => 50,
            b"operationName" if value.is_object() => 30,
            b"eventDataId" | b"submissionTimestamp" | b"resourceProviderName" => 10,
            _ => 0,
        };
    }
    // A `$select` answer has few fields; one of them is always its own.
    if sure >= 40 { sure.min(95) } else { 0 }
}

struct Rest {
    records: u64,
    cli: u64,
}

impl Reader for Rest {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        let Some(mut record) = parts(value) else {
            return false;
        };
        if record.time.is_none() {
            record.unread_time = value.get("eventTimestamp").word();
        }
        let begun = sink.begin();
        self.records += 1;
        // The CLI adds `resourceGroup` to what the API returns.
        self.cli += u64::from(!value.get("resourceGroup").is_null());
        record.emit(begun, unit.span(), sink, || json_fields(value));
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        if self.records == CLI_DEFAULT_RECORDS && self.cli > 0 {
            sink.problem(
                Code::PossiblyTruncatedExport,
                None,
                "exactly 50 records, which is the default limit of `az monitor activity-log list`: the export is possibly truncated; repeat it with --max-events",
            );
        }
    }
}

/// The localizable text's id, or a plain string.
fn value_of<'a>(value: Value<'a>) -> crate::record::cloud::Text<'a> {
    if value.is_object() {
        value.get("value").word()
    } else {
        value.word()
    }
}

fn parts(value: Value<'_>) -> Option<CloudRecord<'_>> {
    let mut record = CloudRecord::default();
    let mut known = 0;
    for (key, value) in value.entries() {
        match key.0 {
            b"eventTimestamp" => {
                known += 1;
                record.time = parse::any(value.inner());
            }
            b"operationName" => {
                known += 1;
                record.operation = value_of(value);
                record.operation_display = value.get("localizedValue").word();
            }
            b"eventDataId" => {
                known += 1;
                record.event_data_id = value.word();
            }
            b"status" => record.status = value_of(value),
            b"subStatus" => record.sub_status = value_of(value),
            b"caller" => record.caller = value.word(),
            b"httpRequest" => record.ip = value.get("clientIpAddress").word(),
            b"resourceId" | b"resourceUri" => record.resource = value.word(),
            b"resourceType" => record.resource_type = value_of(value),
            b"subscriptionId" => record.subscription = value.word(),
            b"correlationId" => record.correlation = value.word(),
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
                        record.bodies.extend(
                            value
                                .text()
                                .or_else(|| Some(crate::evidence::encoding::text(value.raw()))),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    (known > 0 && (record.time.is_some() || record.operation.is_some())).then_some(record)
}
