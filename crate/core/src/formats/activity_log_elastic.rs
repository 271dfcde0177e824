//! `activity-log-elastic`: documents of Elastic's `azure.activitylogs` data set, nested or dotted, as search hits, and Kibana's CSV.
//!
//! Claim names have underscores for dots; the caller stands under `claims_initiated_by_user`. Where `event.original` keeps the untouched diagnostic record, that
//! is read instead. Kibana writes `Nov 2, 2020 @ 08:51:36.997` in the browser's zone. Source: activity-log-formats 2 h.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header, Reader};
use crate::event::sink::{Record, Sink};
use crate::evidence::unit::{Unit, UnitKind};
use crate::json::Value;
use crate::record::cloud::{Body, CloudRecord, Text, json_fields};
use crate::record::cloud_diagnostic;
use crate::record::ecs::{at, each_below, raw_at, source, word};
use crate::time::{Stamp, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-elastic",
    about: "Activity Log in Elastic",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(Elastic {
            table: TableReader::new(Shape {
                mine: |_| false,
                inner: &[],
                times: &["@timestamp"],
                required: &[
                    "@timestamp",
                    "azure.activitylogs.operation_name",
                    "event.action",
                ],
                emit: emit_row,
            }),
        })
    },
};

const DATA: &str = "azure.activitylogs";

fn claims(record: Value<'_>) -> Certainty {
    let document = source(record);
    let named = || {
        ["event.dataset", "data_stream.dataset"]
            .iter()
            .any(|path| at(document, path).inner() == DATA.as_bytes())
    };
    let has_data = || {
        !raw_at(document, DATA).is_null()
            || !raw_at(document, "azure.activitylogs.operation_name").is_null()
    };
    if (document.get("@timestamp").is_null() && at(document, "@timestamp").is_null())
        || !(has_data() || named())
    {
        0
    } else {
        95
    }
}

fn claims_header(header: &Header) -> Certainty {
    let ours = header
        .names
        .iter()
        .any(|name| name.starts_with("azure.activitylogs."));
    if ours && header.has(&["@timestamp"]) {
        95
    } else {
        0
    }
}

struct Elastic {
    table: TableReader,
}

impl Reader for Elastic {
    fn header(&mut self, header: &Header) {
        self.table.header(header);
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        if unit.kind == UnitKind::Row {
            return self.table.read(unit, sink);
        }
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let begun = sink.begin();
        let document = source(value);
        let original = word(document, &["event.original"]);
        let original = original
            .as_deref()
            .map(|text| Value::new(text.as_bytes()))
            .filter(|original| original.is_object() && !original.get("operationName").is_null());
        let record = match original {
            Some(original) => cloud_diagnostic::parts(original),
            None => parts(document),
        };
        record.emit(begun, unit.span(), sink, || json_fields(document));
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        self.table.finish(sink);
    }

    fn carried(&self) -> Option<Vec<u8>> {
        self.table.carried()
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.table.resume(carried)
    }
}

const OPERATION: &[&str] = &["azure.activitylogs.operation_name", "event.action"];
const STATUS: &[&str] = &["azure.activitylogs.result_type", "event.outcome"];
const SUB_STATUS: &[&str] = &["azure.activitylogs.result_signature"];
const RESOURCE: &[&str] = &[
    "azure.resource.id",
    "azure.resource_id",
    "cloud.resource_id",
];
const CORRELATION: &[&str] = &["azure.correlation_id", "azure.correlation.id"];
const CALLER: &[&str] = &[
    "azure.activitylogs.identity.claims_initiated_by_user.name",
    "azure.activitylogs.identity_name",
    "user.email",
];
const IP: &[&str] = &[
    "source.ip",
    "client.ip",
    "azure.activitylogs.caller_ip_address",
];
const SUBSCRIPTION: &[&str] = &["azure.subscription_id", "cloud.account.id"];
const CATEGORY: &[&str] = &[
    "azure.activitylogs.event_category",
    "azure.activitylogs.category",
];
const ROLE: &[&str] = &["azure.activitylogs.identity.authorization.evidence.role"];
const PRINCIPAL_ID: &[&str] = &["azure.activitylogs.identity.authorization.evidence.principal_id"];
const PRINCIPAL_TYPE: &[&str] =
    &["azure.activitylogs.identity.authorization.evidence.principal_type"];
const SCOPE: &[&str] = &["azure.activitylogs.identity.authorization.scope"];
const BODIES: [&str; 3] = [
    "azure.activitylogs.properties.requestbody",
    "azure.activitylogs.properties.responseBody",
    "azure.activitylogs.properties.responsebody",
];

fn parts(document: Value<'_>) -> CloudRecord<'_> {
    let time = at(document, "@timestamp");
    let read = parse::any(time.inner()).or_else(|| parse::epoch_by_length(time.inner()));
    let mut record = CloudRecord {
        time: read,
        unread_time: if read.is_none() { time.word() } else { None },
        operation: word(document, OPERATION),
        status: word(document, STATUS),
        sub_status: word(document, SUB_STATUS),
        caller: word(document, CALLER),
        ip: word(document, IP),
        resource: word(document, RESOURCE),
        subscription: word(document, SUBSCRIPTION),
        correlation: word(document, CORRELATION),
        category: word(document, CATEGORY),
        event_data_id: word(document, &["azure.activitylogs.properties.eventDataId"]),
        role: word(document, ROLE),
        principal_id: word(document, PRINCIPAL_ID),
        principal_type: word(document, PRINCIPAL_TYPE),
        scope: word(document, SCOPE),
        ..CloudRecord::default()
    };
    each_below(
        document,
        "azure.activitylogs.identity.claims",
        &mut |name, value| {
            let value = if value.is_array() {
                value.elements().next().unwrap_or(Value::NULL)
            } else {
                value
            };
            record.claims.take(&name, value);
        },
    );
    for path in BODIES {
        let body = at(document, path);
        if !body.is_null() {
            record.bodies.push(Body::Json(body));
        }
    }
    record
}

fn emit_row(row: &Row<'_>, time: Option<Stamp>, begun: Record, unit: &Unit<'_>, sink: &mut Sink) {
    // Kibana shows nothing as a dash or as a word.
    let first = |names: &[&str]| -> Text<'_> {
        row.text(names)
            .filter(|text| !matches!(text.as_ref(), "-" | "(empty)" | "(null)"))
    };
    let mut record = CloudRecord {
        unread_time: if time.is_none() {
            first(&["@timestamp"])
        } else {
            None
        },
        time,
        operation: first(OPERATION),
        status: first(STATUS),
        sub_status: first(SUB_STATUS),
        caller: first(CALLER),
        ip: first(IP),
        resource: first(RESOURCE),
        subscription: first(SUBSCRIPTION),
        correlation: first(CORRELATION),
        category: first(CATEGORY),
        role: first(ROLE),
        principal_id: first(PRINCIPAL_ID),
        principal_type: first(PRINCIPAL_TYPE),
        scope: first(SCOPE),
        ..CloudRecord::default()
    };
    let claims: Vec<(String, String)> = row
        .fields()
        .into_iter()
        .filter_map(|field| {
            let name = field
                .name
                .strip_prefix("azure.activitylogs.identity.claims.")?;
            Some((name.to_owned(), field.value))
        })
        .collect();
    for (name, value) in claims {
        record.claims.take_text(&name, || Some(Cow::Owned(value)));
    }
    record.emit(begun, unit.span(), sink, || row.fields());
}
