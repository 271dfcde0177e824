//! `entra-sign-in`: sign-ins of users, service principals and managed identities, from diagnostic settings, Graph or Log Analytics.
//!
//! `resultType` is an error code, 0 is success. The event time is `createdDateTime`. Source: activity-log-formats 2 j.

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
    id: "entra-sign-in",
    about: "Entra sign-in log",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &["properties"],
            times: &["createdDateTime", "TimeGenerated", "time"],
            required: &[
                "createdDateTime",
                "TimeGenerated",
                "time",
                "userPrincipalName",
                "servicePrincipalId",
                "CorrelationId",
            ],
            emit,
        }))
    },
};

const CATEGORIES: &[&str] = &[
    "SignInLogs",
    "SigninLogs",
    "NonInteractiveUserSignInLogs",
    "ServicePrincipalSignInLogs",
    "ManagedIdentitySignInLogs",
    "ADFSSignInLogs",
    "AADNonInteractiveUserSignInLogs",
    "AADServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs",
    "AADManagedIdentitySignInLogs",
];

fn claims(record: Value<'_>) -> Certainty {
    if is_named(record, CATEGORIES) {
        return 95;
    }
    let has = |name: &str| !record.get(name).is_null();
    // Graph's `signIn` resource.
    if has("createdDateTime")
        && has("appId")
        && (has("userPrincipalName") || has("servicePrincipalId"))
    {
        90
    } else {
        0
    }
}

fn claims_header(header: &Header) -> Certainty {
    let who = header.column("UserPrincipalName").is_some()
        || header.column("ServicePrincipalId").is_some();
    let time = header.column_starting("CreatedDateTime").is_some()
        || header.column_starting("TimeGenerated").is_some();
    if who && time && header.has(&["AppId", "IPAddress", "ResultType"]) {
        93
    } else {
        0
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let status = row.text(&["Status", "Status_dynamic", "Status_string"]);
    let code = status.as_deref().and_then(|status| {
        let code = Value::new(status.as_bytes()).get("errorCode").word()?;
        Some(code.into_owned())
    });
    let result = row
        .text(&["resultType"])
        .map(|text| text.into_owned())
        .or(code);
    let outcome = match result.as_deref() {
        Some("0") => Outcome::Succeeded,
        Some(_) => Outcome::Failed,
        None => Outcome::None,
    };
    let upn = row.text(&["userPrincipalName"]);
    let fields = || row.fields();
    DirectoryRecord {
        time,
        actor: upn.clone().or_else(|| {
            row.text(&[
                "servicePrincipalName",
                "servicePrincipalId",
                "identity",
                "userDisplayName",
            ])
        }),
        ip: row.text(&["ipAddress", "callerIpAddress"]),
        operation: row
            .text(&["operationName"])
            .or(Some("Sign-in activity".into())),
        resource: row.text(&["resourceDisplayName", "appDisplayName"]),
        correlation: row.text(&["correlationId"]),
        principal: row.text(&["userId", "servicePrincipalId"]),
        upn,
        app_id: row.text(&["appId"]),
        token_id: row.text(&["uniqueTokenIdentifier"]),
        result: result.map(Into::into),
        risk: row.text(&["riskLevelDuringSignIn", "riskLevelAggregated"]),
        ..DirectoryRecord::default()
    }
    .emit(
        EventKind::SignIn,
        outcome,
        record,
        unit.span(),
        sink,
        fields,
    );
}
