//! `AzureActivity` as the portal of Log Analytics exports it: CSV, a byte-order mark, US dates to the millisecond.

use super::claims::claims_of;
use super::command_line::{properties, resource_group};
use super::diagnostic::result;
use super::rows::Row;
use super::{Placed, quoted, subscription_id};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::json::Hand;
use crate::world::{Export, World};

const HEADER: &str = "\u{feff}\"TimeGenerated [UTC]\",OperationNameValue,ActivityStatusValue,Caller,CallerIpAddress,CorrelationId,Claims,EventDataId,Properties,ResourceGroup,SubscriptionId,CategoryValue,\"_ResourceId\",Type\n";

/// The export, newest first.
#[must_use]
pub fn file(world: &World, export: &Export, rows: &[&Placed<'_>]) -> CaseFile {
    let mut text = String::from(HEADER);
    for placed in rows.iter().rev() {
        text.push_str(&line(world, placed, &placed.row));
    }
    let received = export.to.plus_seconds(600).ms();
    CaseFile::new(export.path, Some(received), text.into_bytes())
}

fn line(world: &World, placed: &Placed<'_>, row: &Row) -> String {
    let operation = placed.operation;
    let token = operation.token.and_then(|token| world.tokens.get(token));
    let caller = token
        .and_then(|token| world.principals.get(token.principal))
        .map_or("", |principal| principal.caller());
    let claims = token.map_or_else(String::new, |token| {
        claims_of(world, token).print(Hand::TwoSpaces)
    });
    let address = operation.address.filter(|_| row.has_request);
    let cells = [
        us_time(row.at),
        operation.kind.name.to_uppercase(),
        result(row.stage).to_owned(),
        caller.to_owned(),
        address.unwrap_or_default().to_owned(),
        operation.correlation.clone(),
        claims,
        row.event_data_id.clone(),
        properties(world, operation, row).print(Hand::Compact),
        resource_group(&operation.resource).to_owned(),
        subscription_id(world, operation).to_owned(),
        operation.kind.category.to_owned(),
        operation.resource.to_lowercase(),
        "AzureActivity".to_owned(),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\n", cells.join(","))
}

/// `5/1/2024, 8:00:33.765 AM`.
fn us_time(at: Instant) -> String {
    let milliseconds = at.ms().rem_euclid(1_000);
    format!(
        "{}.{milliseconds:03} {}",
        at.utc_text("%-m/%-d/%Y, %-I:%M:%S"),
        at.utc_text("%p")
    )
}
