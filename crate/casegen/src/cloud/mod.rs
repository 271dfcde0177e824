//! The cloud side: operations rendered as Activity Log exports.
//!
//! [`rows`] decides which rows an operation leaves; [`command_line`], [`diagnostic`], [`table`], [`powershell`] and [`portal`] how a
//! shape spells them. A new shape is one more file like these; it must not decide what happened.

pub mod catalogue;
pub mod claims;
pub mod command_line;
pub mod diagnostic;
pub mod portal;
pub mod powershell;
pub mod rows;
pub mod table;

use crate::case::CaseFile;
use crate::random::Random;
use crate::world::{Export, Operation, Outcome, Shape, World};
use rows::Row;

/// A row with the operation that it is of.
pub struct Placed<'w> {
    /// Position of the operation in the world.
    pub at: usize,
    /// The operation.
    pub operation: &'w Operation,
    /// The row.
    pub row: Row,
}

/// All rows of a world, in the order of its operations.
#[must_use]
pub fn all_rows(world: &World) -> Vec<Placed<'_>> {
    let random = Random::new(world.seed);
    world
        .operations
        .iter()
        .enumerate()
        .flat_map(|(at, operation)| {
            let mut own = random.stream(&format!("rows of operation {at}"));
            rows::rows_of(operation, &mut own)
                .into_iter()
                .enumerate()
                .filter(move |(place, _)| !world.lost_rows.contains(&(at, *place)))
                .map(move |(_, row)| Placed { at, operation, row })
        })
        .collect()
}

impl Export {
    /// Whether a row is in this export: the same rows of the same subscription, by event time for a query, by the time
    /// of reception for a storage account.
    #[must_use]
    pub fn holds(&self, placed: &Placed<'_>) -> bool {
        let at = match self.shape {
            Shape::Diagnostic => placed.row.submitted,
            _ => placed.row.at,
        };
        placed.operation.subscription == self.subscription && self.from <= at && at < self.to
    }
}

/// The export files of a world.
#[must_use]
pub fn files(world: &World) -> Vec<CaseFile> {
    let rows = all_rows(world);
    world
        .exports
        .iter()
        .flat_map(|export| {
            let mut held: Vec<&Placed<'_>> = rows.iter().filter(|row| export.holds(row)).collect();
            held.sort_by(|a, b| {
                (a.row.at, &a.row.event_data_id).cmp(&(b.row.at, &b.row.event_data_id))
            });
            match export.shape {
                Shape::CommandLine => vec![command_line::file(world, export, &held)],
                Shape::Diagnostic => diagnostic::files(world, export, &held),
                Shape::Table => vec![table::file(world, export, &held)],
                Shape::PowerShell => vec![powershell::file(world, export, &held)],
                Shape::Portal => vec![portal::file(world, export, &held)],
            }
        })
        .collect()
}

/// A cell of a CSV file, quoted as every product does: quotes doubled.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

/// `{tenant}/{subscription}`.
fn hierarchy(world: &World, operation: &Operation) -> String {
    format!("{}/{}", world.tenant, subscription_id(world, operation))
}

pub(crate) fn subscription_id<'w>(world: &'w World, operation: &Operation) -> &'w str {
    world
        .subscriptions
        .get(operation.subscription)
        .map_or("", |subscription| &subscription.id)
}

/// The error that a failed operation's last row keeps, as the text of a JSON document.
fn status_message(operation: &Operation) -> Option<String> {
    let Outcome::Failed(_, code, message) = &operation.outcome else {
        return None;
    };
    Some(format!(
        "{{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}"
    ))
}
