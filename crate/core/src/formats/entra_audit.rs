//! `entra-audit`: directory changes, from diagnostic settings, Graph or Log Analytics (also hunting queries that renamed columns).
//!
//! Who is in `initiatedBy` (a user or an application), what in `activityDisplayName`, to what in `targetResources`. Source: activity-log-formats 2 j.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::sink::{Record, Sink};
use crate::event::{EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::identity::fold;
use crate::json::Value;
use crate::record::directory::{DirectoryRecord, is_named};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "entra-audit",
    about: "Entra audit log",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &["properties"],
            times: &["activityDateTime", "TimeGenerated", "time"],
            required: &[
                "activityDateTime",
                "TimeGenerated",
                "time",
                "OperationName",
                "activityDisplayName",
            ],
            emit,
        }))
    },
};

fn claims(record: Value<'_>) -> Certainty {
    if is_named(record, &["AuditLogs"]) {
        return 95;
    }
    let has = |name: &str| !record.get(name).is_null();
    if has("activityDisplayName") && has("initiatedBy") {
        90
    } else {
        0
    }
}

fn claims_header(header: &Header) -> Certainty {
    let what = header.has(&["OperationName"]) || header.has(&["ActivityDisplayName"]);
    let whom = header.has(&["InitiatedBy"]) && header.column_starting("TargetResources").is_some();
    // A sign-in export lists InitiatedBy too; its rows are sign-ins.
    let sign_in = header.has(&["AppId", "IPAddress"]);
    if what && whom && !sign_in { 92 } else { 0 }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let initiated = row.text(&["initiatedBy"]).unwrap_or_default();
    let initiated = Value::new(initiated.as_bytes());
    let (user, app) = (initiated.get("user"), initiated.get("app"));
    let targets = row.text(&["targetResources"]).unwrap_or_default();
    let target = Value::new(targets.as_bytes());
    let target = target.elements().next().unwrap_or(target);
    let upn = user.get("userPrincipalName").word().or_else(|| {
        row.text(&["InitiatingUserOrApp", "AccountCustomEntity"])
            .filter(|name| name.contains('@'))
    });
    let details = row.text(&["additionalDetails"]).unwrap_or_default();
    let target_app_id = Value::new(details.as_bytes())
        .elements()
        .find_map(|detail| {
            let key = detail.get("key").word()?;
            key.eq_ignore_ascii_case("appid")
                .then(|| detail.get("value").word().map(|id| id.into_owned()))?
        });
    let result = row.text(&["result", "resultType"]);
    let outcome = match result.as_deref().map(fold).as_deref() {
        Some("success" | "0") => Outcome::Succeeded,
        Some("failure" | "clienterror") => Outcome::Failed,
        Some("") | None => Outcome::None,
        Some(_) => Outcome::Unknown,
    };
    DirectoryRecord {
        time,
        actor: upn
            .clone()
            .or_else(|| app.get("displayName").word())
            .or_else(|| row.text(&["InitiatingUserOrApp", "identity"]))
            .or_else(|| app.get("servicePrincipalId").word()),
        ip: user
            .get("ipAddress")
            .word()
            .or_else(|| row.text(&["InitiatingIpAddress", "callerIpAddress", "IPCustomEntity"])),
        operation: row.text(&["activityDisplayName", "operationName"]),
        resource: target
            .get("userPrincipalName")
            .word()
            .or_else(|| target.get("displayName").word())
            .or_else(|| row.text(&["targetDisplayName", "TargetName"])),
        correlation: row.text(&["correlationId"]),
        principal: user
            .get("id")
            .word()
            .or_else(|| app.get("servicePrincipalId").word()),
        upn,
        app_id: app.get("appId").word(),
        result: result.clone(),
        target: target.get("id").word().or_else(|| row.text(&["targetId"])),
        target_app_id: target_app_id.map(Into::into),
        ..DirectoryRecord::default()
    }
    .emit(
        EventKind::DirectoryAudit,
        outcome,
        record,
        unit.span(),
        sink,
        || row.fields(),
    );
}
