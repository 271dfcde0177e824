//! A diagnostic setting's storage account: one `PT1H.json` a subscription and hour **received**, a record a line.
//!
//! ```text
//! insights-activity-logs/resourceId=/SUBSCRIPTIONS/{SUB}/y=2024/m=05/d=02/h=09/m=00/PT1H.json
//! ```
//!
//! Upper-case ids and operation names, `Start/Accept/Success/Failure`, and the role by which the caller acted.

use super::claims::claims_of;
use super::command_line::properties;
use super::rows::{Row, Stage, http_name};
use super::{Placed, subscription_id};
use crate::case::CaseFile;
use crate::json::{Hand, Json, object};
use crate::world::{Export, Operation, PrincipalKind, World};
use std::collections::BTreeMap;

/// The blobs of an export.
#[must_use]
pub fn files(world: &World, export: &Export, rows: &[&Placed<'_>]) -> Vec<CaseFile> {
    let mut blobs: BTreeMap<String, (i64, String)> = BTreeMap::new();
    for placed in rows {
        let path = format!(
            "{}/resourceId=/SUBSCRIPTIONS/{}/{}/PT1H.json",
            export.path,
            subscription_id(world, placed.operation).to_uppercase(),
            placed.row.submitted.utc_text("y=%Y/m=%m/d=%d/h=%H/m=00"),
        );
        let (modified, text) = blobs.entry(path).or_default();
        *modified = (*modified).max(placed.row.submitted.ms());
        record(world, placed.operation, &placed.row).write(Hand::Compact, 0, text);
        text.push('\n');
    }
    blobs
        .into_iter()
        .map(|(path, (modified, text))| CaseFile::new(&path, Some(modified), text.into_bytes()))
        .collect()
}

/// One record.
#[must_use]
pub fn record(world: &World, operation: &Operation, row: &Row) -> Json {
    let mut record = object([
        ("RoleLocation", "West Europe".into()),
        ("time", row.at.rfc3339_ticks().into()),
        ("resourceId", operation.resource.to_uppercase().into()),
        ("operationName", operation.kind.name.to_uppercase().into()),
        ("category", operation.kind.category.into()),
        ("resultType", result(row.stage).into()),
        ("resultSignature", signature(row).into()),
        ("durationMs", "0".into()),
    ]);
    if row.has_request {
        record = record.with_some("callerIpAddress", operation.address);
    }
    record = record.with("correlationId", operation.correlation.as_str());
    if let Some(identity) = identity(world, operation) {
        record = record.with("identity", identity);
    }
    record
        .with(
            "level",
            if row.stage == Stage::Failed {
                "Error"
            } else {
                "Information"
            },
        )
        .with("properties", properties(world, operation, row))
        .with("tenantId", world.tenant.as_str())
}

fn identity(world: &World, operation: &Operation) -> Option<Json> {
    let token = world.tokens.get(operation.token?)?;
    let principal = world.principals.get(token.principal)?;
    let evidence = object([
        ("role", principal.role.name.into()),
        (
            "roleAssignmentScope",
            format!("/subscriptions/{}", subscription_id(world, operation)).into(),
        ),
        (
            "roleAssignmentId",
            principal.role_assignment.as_str().into(),
        ),
        ("roleDefinitionId", principal.role.definition.into()),
        ("principalId", principal.object_id.replace('-', "").into()),
        (
            "principalType",
            match principal.kind {
                PrincipalKind::User => "User",
                PrincipalKind::Application => "ServicePrincipal",
            }
            .into(),
        ),
    ]);
    Some(object([
        (
            "authorization",
            object([
                ("scope", operation.resource.as_str().into()),
                ("action", operation.kind.name.into()),
                ("evidence", evidence),
            ]),
        ),
        ("claims", claims_of(world, token)),
    ]))
}

pub(super) const fn result(stage: Stage) -> &'static str {
    match stage {
        Stage::Started => "Start",
        Stage::Accepted => "Accept",
        Stage::Succeeded => "Success",
        Stage::Failed => "Failure",
    }
}

fn signature(row: &Row) -> String {
    let state = match row.stage {
        Stage::Started => "Started",
        Stage::Accepted => "Accepted",
        Stage::Succeeded => "Succeeded",
        Stage::Failed => "Failed",
    };
    format!("{state}.{}", row.http.map_or("", http_name))
}
