//! `entra-risk`: risk detections and risky users or service principals of Entra ID Protection.
//!
//! The event time is when the activity happened, not when it was judged. Source: activity-log-formats 2 j.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::sink::{Record, Sink};
use crate::event::{EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::directory::{DirectoryRecord, is_named};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "entra-risk",
    about: "Entra risk detections",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &["properties"],
            times: TIMES,
            required: &["riskLevel", "riskState", "riskEventType", "riskType"],
            emit,
        }))
    },
};

const TIMES: &[&str] = &[
    "activityDateTime",
    "detectedDateTime",
    "riskLastUpdatedDateTime",
    "TimeGenerated",
    "time",
];
const CATEGORIES: &[&str] = &[
    "UserRiskEvents",
    "RiskyUsers",
    "ServicePrincipalRiskEvents",
    "RiskyServicePrincipals",
    "AADUserRiskEvents",
    "AADRiskyUsers",
    "AADServicePrincipalRiskEvents",
    "AADRiskyServicePrincipals",
];

fn claims(record: Value<'_>) -> Certainty {
    if is_named(record, CATEGORIES) {
        return 95;
    }
    let has = |name: &str| !record.get(name).is_null();
    let kind = has("riskEventType") || has("riskType") || has("riskDetail");
    if kind && has("riskLevel") && has("riskState") && !has("createdDateTime") {
        90
    } else {
        0
    }
}

fn claims_header(header: &Header) -> Certainty {
    if header.has(&["RiskLevel", "RiskState", "RiskDetail"]) && !header.has(&["ResultType"]) {
        90
    } else {
        0
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let upn = row.text(&["userPrincipalName"]);
    DirectoryRecord {
        time,
        actor: upn
            .clone()
            .or_else(|| row.text(&["servicePrincipalDisplayName", "userDisplayName", "identity"])),
        ip: row.text(&["ipAddress", "callerIpAddress"]),
        operation: row.text(&["riskEventType", "riskType", "operationName", "riskDetail"]),
        correlation: row.text(&["correlationId"]),
        principal: row.text(&["userId", "servicePrincipalId"]),
        upn,
        app_id: row.text(&["appId"]),
        result: row.text(&["riskState"]),
        risk: row.text(&["riskLevel"]),
        ..DirectoryRecord::default()
    }
    .emit(
        EventKind::IdentityRisk,
        Outcome::None,
        record,
        unit.span(),
        sink,
        || row.fields(),
    );
}
