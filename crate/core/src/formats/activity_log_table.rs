//! `activity-log-table`: the `AzureActivity` table of Log Analytics and Sentinel, as CSV, as JSON objects, or as rows under columns.
//!
//! Two generations of columns live side by side: `XValue` is read before `X`. Claims, authorization, request and properties are JSON
//! inside strings, with dynamic twins that end in `_d`. The portal writes `TimeGenerated [UTC]` and US dates. Source:
//! activity-log-formats 2 g.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::sink::{Record, Sink};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::claims::Claims;
use crate::record::cloud::{Body, CloudRecord};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-table",
    about: "AzureActivity of Log Analytics and Sentinel",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &[],
            times: &["TimeGenerated"],
            required: &["OperationNameValue", "OperationName", "TimeGenerated"],
            emit,
        }))
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, value) in record.entries() {
        sure += match key.0 {
            b"OperationNameValue" => 60,
            b"ActivityStatusValue" | b"ActivityStatus" => 25,
            b"Type" if value.inner() == b"AzureActivity" => 90,
            b"CallerIpAddress" | b"EventDataId" => 5,
            _ => 0,
        };
        sure = sure.min(95);
    }
    if sure >= 30 { sure } else { 0 }
}

fn claims_header(header: &Header) -> Certainty {
    let time = header.column_starting("TimeGenerated").is_some();
    let operation = header
        .column("OperationNameValue")
        .or(header.column("OperationName"))
        .is_some();
    let status = header
        .column("ActivityStatusValue")
        .or(header.column("ActivityStatus"))
        .is_some();
    if operation && status && (time || header.column("CorrelationId").is_some()) {
        95
    } else {
        0
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, begun: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let text = |names: &[&str]| row.text(names).unwrap_or_default();
    let (claims_text, authorization, request, properties) = (
        text(&["Claims", "Claims_d"]),
        text(&["Authorization", "Authorization_d"]),
        text(&["HTTPRequest"]),
        text(&["Properties", "Properties_d"]),
    );
    let authorization = Value::new(authorization.as_bytes());
    let evidence = authorization.get("evidence");
    let request = Value::new(request.as_bytes());
    let properties = Value::new(properties.as_bytes());
    let mut claims = Claims::default();
    claims.take_all(Value::new(claims_text.as_bytes()));
    let body = |name: &str| properties.get_folded(name).text().map(Body::Text);
    let record = CloudRecord {
        unread_time: if time.is_none() {
            row.text(&["TimeGenerated"])
        } else {
            None
        },
        time,
        operation: row.text(&["OperationNameValue"]),
        operation_display: row.text(&["OperationName"]),
        status: row.text(&["ActivityStatusValue", "ActivityStatus"]),
        sub_status: row.text(&["ActivitySubstatusValue", "ActivitySubstatus"]),
        caller: row.text(&["Caller"]),
        ip: row
            .text(&["CallerIpAddress"])
            .or_else(|| request.get("clientIpAddress").word()),
        resource: row
            .text(&["_ResourceId", "ResourceId"])
            .or_else(|| properties.get("entity").word()),
        subscription: row.text(&["SubscriptionId", "_SubscriptionId"]),
        correlation: row.text(&["CorrelationId"]),
        event_data_id: row
            .text(&["EventDataId"])
            .or_else(|| properties.get("eventDataId").word()),
        category: row.text(&["CategoryValue", "Category"]),
        role: evidence.get("role").word(),
        principal_id: evidence.get("principalId").word(),
        principal_type: evidence.get("principalType").word(),
        scope: authorization.get("scope").word(),
        bodies: ["requestbody", "responseBody"]
            .into_iter()
            .filter_map(body)
            .collect(),
        claims,
        ..CloudRecord::default()
    };
    record.emit(begun, unit.span(), sink, || row.fields());
}
