//! The portal's *Download as CSV*: display names only, no operation id, no address, no event id, milliseconds.

use super::command_line::{level, resource_group, resource_type, status};
use super::{Placed, quoted, subscription_id};
use crate::case::CaseFile;
use crate::world::{Export, World};

const HEADER: &str = "\u{feff}\"Correlation id\",\"Operation name\",\"Status\",\"Event category\",\"Level\",\"Time\",\"Subscription\",\"Event initiated by\",\"Resource type\",\"Resource group\",\"Resource\"\n";

/// The export, newest first.
#[must_use]
pub fn file(world: &World, export: &Export, rows: &[&Placed<'_>]) -> CaseFile {
    let mut text = String::from(HEADER);
    for placed in rows.iter().rev() {
        let (operation, row) = (placed.operation, &placed.row);
        let token = operation.token.and_then(|token| world.tokens.get(token));
        let caller = token
            .and_then(|token| world.principals.get(token.principal))
            .map_or("", |principal| principal.caller());
        let cells = [
            operation.correlation.as_str(),
            operation.kind.display,
            status(row.stage),
            operation.kind.category,
            level(row),
            &row.at.rfc3339_ms(),
            subscription_id(world, operation),
            caller,
            &resource_type(operation),
            resource_group(&operation.resource),
            &operation.resource,
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    let downloaded = export.to.plus_seconds(900).ms();
    CaseFile::new(export.path, Some(downloaded), text.into_bytes())
}
