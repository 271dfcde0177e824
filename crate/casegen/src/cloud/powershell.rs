//! `Get-AzActivityLog | ConvertTo-Json -Depth 5`, of the module's newer generation: PascalCase, texts plain, nested content as objects.

use super::claims::claims_of;
use super::command_line::{properties, resource_group, status};
use super::{Placed, subscription_id};
use crate::case::CaseFile;
use crate::json::{Hand, Json, object};
use crate::world::{Export, World};

/// The export, newest first.
#[must_use]
pub fn file(world: &World, export: &Export, rows: &[&Placed<'_>]) -> CaseFile {
    let records = rows.iter().rev().map(|placed| record(world, placed));
    let text = Json::List(records.collect()).print(Hand::TwoSpaces);
    let written = export.to.plus_seconds(300).ms();
    CaseFile::new(export.path, Some(written), text.into_bytes())
}

fn record(world: &World, placed: &Placed<'_>) -> Json {
    let (operation, row) = (placed.operation, &placed.row);
    let token = operation.token.and_then(|token| world.tokens.get(token));
    let caller = token
        .and_then(|token| world.principals.get(token.principal))
        .map(|principal| principal.caller().to_owned());
    let mut record = object([(
        "Authorization",
        object([
            ("Action", operation.kind.name.into()),
            ("Scope", operation.resource.as_str().into()),
        ]),
    )])
    .with_some("Caller", caller)
    .with_some(
        "Claims",
        token.map(|token| object([("Content", claims_of(world, token))])),
    )
    .with("CorrelationId", operation.correlation.as_str())
    .with("EventDataId", row.event_data_id.as_str())
    .with("EventTimestamp", row.at.rfc3339_ticks());
    if row.has_request {
        record = record.with(
            "HttpRequest",
            object([
                ("ClientId", row.request_id.as_str().into()),
                (
                    "ClientIpAddress",
                    operation.address.unwrap_or_default().into(),
                ),
                ("Method", operation.kind.method.into()),
            ]),
        );
    }
    record
        .with("OperationName", operation.kind.name)
        .with(
            "Properties",
            object([("Content", properties(world, operation, row))]),
        )
        .with("ResourceGroupName", resource_group(&operation.resource))
        .with("ResourceId", operation.resource.as_str())
        .with("Status", status(row.stage))
        .with("SubmissionTimestamp", row.submitted.rfc3339_ticks())
        .with("SubscriptionId", subscription_id(world, operation))
}
