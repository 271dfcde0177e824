//! `activity-log-diagnostic`: the Activity Log as diagnostic settings write it (storage `PT1H.json`, Event Hub).
//!
//! One record a line, or `{"records": […]}`; operation names in upper case; no `caller`, so the caller comes from the claims; the role that allowed it
//! in `identity.authorization.evidence`. Times come in a dozen spellings. The same container carries every other diagnostic category:
//! those are `azure-resource-log`. Source: activity-log-formats 2 e, f.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::json_fields;
use crate::record::cloud_diagnostic::parts;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-diagnostic",
    about: "Activity Log as diagnostic settings write it",
    from_guest: false,
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
