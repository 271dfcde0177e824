//! `az monitor activity-log list -o json`: one array, two spaces a level, keys sorted, newest first.

use super::catalogue::Answer;
use super::claims::claims_of;
use super::rows::{Row, Stage, http_name};
use super::{Placed, hierarchy, status_message, subscription_id};
use crate::case::CaseFile;
use crate::json::{Hand, Json, object};
use crate::world::{Export, Operation, World};

/// The export.
#[must_use]
pub fn file(world: &World, export: &Export, rows: &[&Placed<'_>]) -> CaseFile {
    let mut text = String::from("[");
    for (at, placed) in rows.iter().rev().enumerate() {
        text.push_str(if at == 0 { "\n  " } else { ",\n  " });
        record(world, placed.operation, &placed.row).write(Hand::TwoSpaces, 1, &mut text);
    }
    text.push_str("\n]\n");
    CaseFile::new(
        export.path,
        Some(export.to.plus_seconds(412).ms()),
        text.into_bytes(),
    )
}

fn localizable(shown: &str, value: &str) -> Json {
    object([("localizedValue", shown.into()), ("value", value.into())])
}

/// One record.
#[must_use]
pub fn record(world: &World, operation: &Operation, row: &Row) -> Json {
    let kind = operation.kind;
    let platform = kind.answer == Answer::Platform;
    // The platform writes its own events' ids in upper case.
    let cased = |text: &str| {
        if platform {
            text.to_uppercase()
        } else {
            text.to_owned()
        }
    };
    let resource = cased(&operation.resource);
    let group = cased(resource_group(&operation.resource));
    let token = operation.token.and_then(|token| world.tokens.get(token));
    let caller = token
        .and_then(|token| world.principals.get(token.principal))
        .map(|principal| principal.caller().to_owned());
    let mut record = Json::Object(Vec::new());
    if token.is_some() {
        record = record.with(
            "authorization",
            object([
                ("action", kind.name.into()),
                ("scope", operation.resource.as_str().into()),
            ]),
        );
    }
    record = record
        .with_some("caller", caller)
        .with("category", localizable(kind.category, kind.category))
        .with_some("claims", token.map(|token| claims_of(world, token)))
        .with("correlationId", operation.correlation.as_str())
        .with("description", "")
        .with("eventDataId", row.event_data_id.as_str())
        .with("eventName", localizable(event_shown(row.event), row.event))
        .with("eventTimestamp", row.at.rfc3339_ticks());
    if row.has_request {
        record = record.with(
            "httpRequest",
            object([
                (
                    "clientIpAddress",
                    operation.address.unwrap_or_default().into(),
                ),
                ("clientRequestId", row.request_id.as_str().into()),
                ("method", kind.method.into()),
                (
                    "uri",
                    format!(
                        "https://management.azure.com{}{}?api-version={}",
                        operation.resource, kind.route, kind.api_version
                    )
                    .into(),
                ),
            ]),
        );
    }
    record
        .with(
            "id",
            format!(
                "{resource}/events/{}/ticks/{}",
                row.event_data_id,
                row.at.ticks()
            ),
        )
        .with("level", level(row))
        .with("operationId", if platform { "" } else { &row.operation_id })
        .with("operationName", localizable(kind.display, kind.name))
        .with("properties", properties(world, operation, row))
        .with("resourceGroup", group.as_str())
        .with("resourceGroupName", group.as_str())
        .with("resourceId", resource)
        .with(
            "resourceProviderName",
            localizable(kind.provider_display, resource_provider(operation)),
        )
        .with("resourceType", {
            let shown = resource_type(operation);
            localizable(&shown, &shown)
        })
        .with("status", localizable(status(row.stage), status(row.stage)))
        .with("subStatus", sub_status(row))
        .with("submissionTimestamp", row.submitted.rfc3339_seconds())
        .with("subscriptionId", cased(subscription_id(world, operation)))
        .with("tenantId", world.tenant.as_str())
}

/// `Begin request` and so on.
fn event_shown(event: &str) -> &'static str {
    match event {
        "BeginRequest" => "Begin request",
        "EndRequest" => "End request",
        _ => "",
    }
}

pub(super) const fn level(row: &Row) -> &'static str {
    match row.stage {
        Stage::Failed => "Error",
        _ => "Informational",
    }
}

pub(super) const fn status(stage: Stage) -> &'static str {
    match stage {
        Stage::Started => "Started",
        Stage::Accepted => "Accepted",
        Stage::Succeeded => "Succeeded",
        Stage::Failed => "Failed",
    }
}

fn sub_status(row: &Row) -> Json {
    match row.http {
        Some(http) => localizable(
            &format!("{} (HTTP Status Code: {http})", http_name(http)),
            http_name(http),
        ),
        None => localizable("", ""),
    }
}

/// `properties`, of which the diagnostic shape has the same.
pub(super) fn properties(world: &World, operation: &Operation, row: &Row) -> Json {
    let kind = operation.kind;
    let mut properties = Json::Object(Vec::new());
    match kind.answer {
        Answer::Platform => {
            return properties.with(
                "Message",
                "The application was restarted by the platform after a change of its settings.",
            );
        }
        Answer::Policy => {
            properties = properties
                .with("ancestors", world.tenant.as_str())
                .with("entity", operation.resource.as_str())
                .with("eventCategory", kind.category)
                .with("hierarchy", hierarchy(world, operation))
                .with("isComplianceCheck", "False")
                .with("message", kind.name)
                .with("policies", policies(world, operation))
                .with("resourceLocation", "westeurope");
        }
        Answer::AtOnce | Answer::Later => {
            properties = properties
                .with("entity", operation.resource.as_str())
                .with("eventCategory", kind.category)
                .with("hierarchy", hierarchy(world, operation))
                .with("message", kind.name);
            if row.stage == Stage::Started {
                properties = properties.with_some("requestbody", operation.request_body.clone());
            }
            // What was written is kept on the row that ends the request.
            let answered = matches!(row.stage, Stage::Accepted)
                || (operation.accepted.is_none() && row.stage == Stage::Succeeded);
            if answered {
                properties = properties.with_some("responseBody", operation.response_body.clone());
            }
            if row.has_status_code {
                properties = properties.with_some("statusCode", row.http.map(http_name));
            }
            if row.stage == Stage::Failed {
                properties = properties.with_some("statusMessage", status_message(operation));
            }
        }
    }
    properties
}

fn policies(world: &World, operation: &Operation) -> String {
    let scope = format!("/subscriptions/{}", subscription_id(world, operation));
    Json::List(vec![object([
        (
            "policyDefinitionId",
            "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99".into(),
        ),
        ("policyDefinitionName", "871b6d14-10aa-478d-b590-94f262ecfa99".into()),
        ("policyDefinitionEffect", "Audit".into()),
        (
            "policyAssignmentId",
            format!("{scope}/providers/Microsoft.Authorization/policyAssignments/require-tags").into(),
        ),
        ("policyAssignmentName", "require-tags".into()),
        ("policyAssignmentScope", scope.into()),
    ])])
    .print(Hand::Compact)
}

/// The segment after `resourceGroups`.
pub(super) fn resource_group(resource: &str) -> &str {
    let mut segments = resource.split('/');
    segments
        .find(|segment| segment.eq_ignore_ascii_case("resourceGroups"))
        .and_then(|_| segments.next())
        .unwrap_or_default()
}

/// The provider of the resource, which for a policy's row is not the operation's.
fn resource_provider(operation: &Operation) -> &str {
    after_providers(&operation.resource)
        .next()
        .unwrap_or_default()
}

pub(super) fn resource_type(operation: &Operation) -> String {
    let segments: Vec<&str> = after_providers(&operation.resource).collect();
    let names = segments.iter().skip(1).step_by(2);
    std::iter::once(segments.first().copied().unwrap_or_default())
        .chain(names.copied())
        .collect::<Vec<_>>()
        .join("/")
}

/// What follows the last `providers` of an id.
fn after_providers(resource: &str) -> impl Iterator<Item = &str> {
    let own = resource.rsplit("/providers/").next().unwrap_or_default();
    own.split('/')
}
