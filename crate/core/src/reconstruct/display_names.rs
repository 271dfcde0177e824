//! One operation under two names: an export without operation ids, and its name in the reader's language.
//!
//! The portal's CSV shows `Run Command on Virtual Machine`, or that in Portuguese; the CLI shows the id. Rows of one correlation id and resource with one status at
//! one time are the same record, so the row without an id takes the operation of the row that has one. Two exports in different languages and no id
//! between them take the name that sorts first.
//!
//! Rejected: a dictionary of display names. It is forty languages long and changes with the portal.

use super::duplicates::same_time;
use crate::event::fact::Status;
use crate::time::Stamp;
use std::collections::BTreeMap;

/// A row as this question sees it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Number of its event.
    pub event: u32,
    /// Correlation id.
    pub correlation: &'a str,
    /// Resource id.
    pub resource: &'a str,
    /// Operation id, or display name.
    pub operation: &'a str,
    /// Whether it is only a display name.
    pub display_name_only: bool,
    /// Status.
    pub status: Status,
    /// When.
    pub time: Option<Stamp>,
}

/// The operation of every row whose own name is not the one to use.
#[must_use]
pub fn renamed<'a>(rows: &[Named<'a>]) -> BTreeMap<u32, &'a str> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Named<'a>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.correlation.is_empty()) {
        groups
            .entry((row.correlation, row.resource))
            .or_default()
            .push(row);
    }
    let mut renamed = BTreeMap::new();
    for rows in groups.values() {
        if rows.iter().all(|row| !row.display_name_only) {
            continue;
        }
        for row in rows.iter().filter(|row| row.display_name_only) {
            let same = rows.iter().filter(|other| {
                let at_once = match (row.time, other.time) {
                    (Some(one), Some(other)) => same_time(one.instant, other.instant),
                    _ => false,
                };
                at_once && row.status == other.status
            });
            // Ids before names, then the one that sorts first.
            let best = same
                .map(|other| (other.display_name_only, other.operation))
                .min();
            if let Some((_, operation)) = best.filter(|(_, operation)| *operation != row.operation)
            {
                renamed.insert(row.event, operation);
            }
        }
        // A row whose own time has no partner follows the other rows of its name.
        let mut by_name: BTreeMap<&str, &str> = BTreeMap::new();
        for row in rows {
            if let Some(operation) = renamed.get(&row.event) {
                by_name.entry(row.operation).or_insert(operation);
            }
        }
        for row in rows.iter().filter(|row| row.display_name_only) {
            if let Some(operation) = by_name.get(row.operation) {
                renamed.entry(row.event).or_insert(operation);
            }
        }
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    fn row<'a>(event: u32, operation: &'a str, display_name_only: bool, time: &str) -> Named<'a> {
        Named {
            event,
            correlation: "c",
            resource: "/r",
            operation,
            display_name_only,
            status: Status::Start,
            time: parse::iso(time.as_bytes()),
        }
    }

    #[test]
    fn a_name_in_any_language_gives_way_to_the_id_of_the_same_moment() {
        let rows = [
            row(0, "executar comando", true, "2024-05-01T10:00:00.123Z"),
            row(
                1,
                "microsoft.compute/virtualmachines/runcommand/action",
                false,
                "2024-05-01T10:00:00.1234567Z",
            ),
            row(2, "outra", true, "2024-05-01T11:00:00.000Z"),
            row(3, "executar comando", true, "2024-05-01T10:00:09.000Z"),
        ];
        let have = renamed(&rows);
        let id = "microsoft.compute/virtualmachines/runcommand/action";
        assert_eq!(have, BTreeMap::from([(0, id), (3, id)]));
    }

    #[test]
    fn without_an_id_the_first_name_stands_for_both() {
        let rows = [
            row(0, "run command", true, "2024-05-01T10:00:00.123Z"),
            row(1, "befehl", true, "2024-05-01T10:00:00.123Z"),
        ];
        assert_eq!(renamed(&rows), BTreeMap::from([(0, "befehl")]));
    }
}
