//! `activity-log-diagnostic`: the Activity Log as diagnostic settings write it (storage `PT1H.json`, Event Hub).
//!
//! One record a line, or `{"records": […]}`; operation names in upper case; no `caller`, so the caller comes from the claims; the role that allowed it
//! in `identity.authorization.evidence`. Times come in a dozen spellings. The same container carries every other diagnostic category:
//! those are `azure-resource-log`. Source: activity-log-formats 2 e, f.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::encoding::text;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::{CloudRecord, json_fields};
use crate::time::{TimeBasis, parse};

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-diagnostic",
    about: "Activity Log as diagnostic settings write it",
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Diagnostic),
};

/// Categories of the Activity Log. Older pipelines put the verb there.
const CATEGORIES: [&str; 12] = [
    "administrative",
    "policy",
    "servicehealth",
    "resourcehealth",
    "alert",
    "autoscale",
    "recommendation",
    "security",
    "write",
    "delete",
    "action",
    "service health",
];

fn claims(record: Value<'_>) -> Certainty {
    let (mut time, mut operation, mut resource, mut category, mut identity) =
        (false, false, false, None, false);
    for (key, value) in record.entries() {
        match key.0 {
            b"time" => time = value.text().is_some(),
            b"operationName" => operation = value.text().is_some(),
            b"resourceId" | b"ResourceId" => resource = value.text().is_some(),
            b"category" => category = value.word().map(|text| text.to_ascii_lowercase()),
            b"identity" => {
                identity = !value.get("authorization").is_null() || !value.get("claims").is_null()
            }
            // A SIEM's copy puts name, outcome and category into `evt`.
            b"evt" if !value.get("name").is_null() && !value.get("outcome").is_null() => {
                operation = true;
                category = value
                    .get("category")
                    .word()
                    .map(|text| text.to_ascii_lowercase());
            }
            _ => {}
        }
    }
    let ours = category
        .as_deref()
        .is_some_and(|category| CATEGORIES.contains(&category));
    match (
        time && operation && (resource || ours),
        ours,
        category.is_none(),
        identity,
    ) {
        (true, true, _, _) => 90,
        (true, _, true, _) => 80,
        (true, _, _, true) => 75,
        // A bare time is enough where a whole line says nothing else (time-format vectors).
        _ if time && ours => 70,
        _ if time && record.entries().count() == 1 => 30,
        _ => 0,
    }
}

struct Diagnostic;

impl Reader for Diagnostic {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let begun = sink.begin();
        let mut record = parts(value);
        if record.time.is_none() {
            record.unread_time = value.get("time").word();
        }
        record.emit(begun, unit.span(), sink, || json_fields(value));
        true
    }
}

/// The parts of a record. Properties may be an object or a string that holds one.
pub(super) fn parts(value: Value<'_>) -> CloudRecord<'_> {
    let mut record = CloudRecord::default();
    for (key, value) in value.entries() {
        match key.0 {
            // Without a zone this pipeline means UTC.
            b"time" => {
                record.time = parse::any(value.inner()).map(|stamp| {
                    if stamp.basis == TimeBasis::Local {
                        stamp.with_basis(TimeBasis::AssumedUtc)
                    } else {
                        stamp
                    }
                })
            }
            b"operationName" => record.operation = value.word(),
            b"resourceId" | b"ResourceId" => record.resource = value.word(),
            b"category" => record.category = value.word(),
            b"resultType" => record.status = value.word(),
            b"resultSignature" => record.sub_status = value.word(),
            b"callerIpAddress" => record.ip = value.word(),
            b"correlationId" => record.correlation = value.word(),
            b"identity" => identity(value, &mut record),
            b"evt" => {
                record.operation = value.get("name").word();
                record.status = value.get("outcome").word();
                record.category = value.get("category").word();
            }
            b"properties" => {
                for (key, value) in value.entries() {
                    if key.is_folded("requestbody") || key.is_folded("responsebody") {
                        record
                            .bodies
                            .extend(value.text().or_else(|| Some(text(value.raw()))));
                    } else if key.is_folded("eventDataId") {
                        record.event_data_id = value.word();
                    }
                }
            }
            _ => {}
        }
    }
    record
}

fn identity<'a>(identity: Value<'a>, record: &mut CloudRecord<'a>) {
    record.claims.take_all(identity.get("claims"));
    let authorization = identity.get("authorization");
    record.scope = authorization.get("scope").word();
    for (key, value) in authorization.get("evidence").entries() {
        match key.0 {
            b"role" => record.role = value.word(),
            b"principalId" => record.principal_id = value.word(),
            b"principalType" => record.principal_type = value.word(),
            _ => {}
        }
    }
}
