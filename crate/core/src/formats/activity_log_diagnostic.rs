//! `activity-log-diagnostic`: the Activity Log as diagnostic settings write it (storage `PT1H.json`, Event Hub).
//!
//! One record a line, or `{"records": […]}`; operation names in upper case; no `caller`, so the caller comes from the claims; the role that allowed it
//! in `identity.authorization.evidence`. Times come in a dozen spellings. The same container carries every other diagnostic category:
//! those are `azure-resource-log`. Source: activity-log-formats 2 e, f.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::{CloudRecord, json_fields};
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

/// Whether the parts alone say that [`claims`] is sure: time, operation, resource and one of our categories. What a SIEM put into `evt` is
/// looked at twice.
fn is_plain(record: &CloudRecord<'_>) -> bool {
    let ours = record.category.as_deref().is_some_and(|category| {
        CATEGORIES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(category))
    });
    ours && !record.of_siem
        && record.time.is_some()
        && record.operation.is_some()
        && record.resource.is_some()
}

struct Diagnostic;

impl Reader for Diagnostic {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        let mut record = parts(value);
        if !is_plain(&record) && claims(value) == 0 {
            return false;
        }
        let begun = sink.begin();
        if record.time.is_none() {
            record.unread_time = value.get("time").word();
        }
        record.emit(begun, unit.span(), sink, || json_fields(value));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_claimed() {
        let parts_of = [
            r#""time":"2024-05-01T08:00:00Z""#,
            r#""time":null"#,
            r#""operationName":"X/ACTION""#,
            r#""operationName":{"value":"X"}"#,
            r#""resourceId":"/SUBSCRIPTIONS/S""#,
            r#""resourceId":"""#,
            r#""category":"ADMINISTRATIVE""#,
            r#""category":"Other""#,
            r#""evt":{"name":"X","outcome":null,"category":"Write"}"#,
            r#""resultType":"Start""#,
        ];
        let mut plain = 0;
        for chosen in 0..1_u32 << parts_of.len() {
            for turned in [false, true] {
                let mut entries: Vec<&str> = (0..parts_of.len())
                    .filter(|at| chosen >> at & 1 == 1)
                    .map(|at| parts_of[at])
                    .collect();
                if turned {
                    entries.reverse();
                }
                let text = format!("{{{}}}", entries.join(","));
                let value = Value::new(text.as_bytes());
                if is_plain(&parts(value)) {
                    plain += 1;
                    assert!(claims(value) > 0, "{text}");
                }
            }
        }
        assert!(plain > 0);
    }
}
