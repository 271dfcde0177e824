//! Which records are copies of one record.
//!
//! The same Activity Log row arrives from the portal, from the CLI and from storage. Two rows are one (detectors 0.5, 0.10 (6)) where they share
//! event data id or ticks; else where correlation id, operation, status and resource agree and the times agree
//! after cutting both to the coarser fraction. The copy with the finest time is shown; it names every place of the others.
//!
//! Rejected: hashing the records' bytes. The copies are never the same bytes.

use crate::event::fact::Status;
use crate::event::intern::Symbol;
use crate::time::{Instant, Stamp};

/// A cloud row as folding sees it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Number of its event.
    pub event: u32,
    /// When.
    pub time: Option<Stamp>,
    /// Its status.
    pub status: Status,
    /// Its event data id.
    pub event_data_id: Symbol,
    /// The instant in its id, in nanoseconds.
    pub ticks: Option<i64>,
    /// Its sub-status.
    pub sub_status: Symbol,
    /// Place of its fact in the case, where the rest is said.
    pub fact: usize,
    /// Its event data id, empty where it has none: decides between equal times (detectors 0.2).
    pub id: &'a str,
    /// Rank of its item's path, then offset: decides between equals.
    pub place: (u32, u64),
}

/// Whether two times agree at the coarser of their resolutions.
#[must_use]
pub fn same_time(one: Instant, other: Instant) -> bool {
    let digits = one.digits.min(other.digits).min(9);
    let unit = 10_i64.pow(u32::from(9 - digits));
    one.ns.div_euclid(unit) == other.ns.div_euclid(unit)
}

/// Whether two rows of one (correlation id, operation, resource) are copies of one record.
fn same_record(one: &Row<'_>, other: &Row<'_>) -> bool {
    if one.event_data_id != Symbol::NONE && other.event_data_id != Symbol::NONE {
        return one.event_data_id == other.event_data_id;
    }
    if one.status != other.status {
        return false;
    }
    if let (Some(a), Some(b)) = (one.ticks, other.ticks) {
        return a == b;
    }
    match (one.time, other.time) {
        (Some(a), Some(b)) => same_time(a.instant, b.instant),
        (None, None) => one.status != Status::Other,
        _ => false,
    }
}

/// Sorts rows of one operation into records: each inner list is one record, its shown copy first.
#[must_use]
pub fn records<'a>(mut rows: Vec<Row<'a>>) -> Vec<Vec<Row<'a>>> {
    // Finest time first, so that the first of a record is the one shown; then place, so that arrival does not matter.
    rows.sort_by_key(|row| {
        let digits = row.time.map_or(0, |stamp| stamp.instant.digits);
        (std::cmp::Reverse(digits), row.place)
    });
    let mut records: Vec<Vec<Row<'a>>> = Vec::new();
    for row in rows {
        match records
            .iter_mut()
            .find(|copies| copies.iter().any(|copy| same_record(copy, &row)))
        {
            Some(copies) => copies.push(row),
            None => records.push(vec![row]),
        }
    }
    records.sort_by_key(|copies| {
        copies.first().map(|row| {
            (
                row.time.map_or(i64::MAX, |stamp| stamp.instant.ns),
                row.id,
                row.place,
            )
        })
    });
    records
}

/// An event that some log numbered, as this question sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// The machine's label, or nothing.
    pub host: Symbol,
    /// Log and number.
    pub number: Symbol,
    /// When.
    pub time: Instant,
    /// Rank of its item's path, then offset.
    pub place: (u32, u64),
    /// Number of its event.
    pub event: u32,
}

/// Copies of numbered events (a Windows log and its renderings; Defender and Sentinel): (copy, shown). Machine, log, number and the time at the coarser
/// resolution agree, and the copies lie in different items: within one item each record is its own.
#[must_use]
#[inline(never)]
pub fn numbered_copies(mut events: Vec<Numbered>) -> Vec<(u32, u32)> {
    events.sort_unstable_by_key(|event| {
        (
            event.host,
            event.number,
            std::cmp::Reverse(event.time.digits),
            event.place,
        )
    });
    let mut copies = Vec::new();
    for group in events.chunk_by(|one, other| (one.host, one.number) == (other.host, other.number))
    {
        let mut shown: Vec<&Numbered> = Vec::new();
        for event in group {
            let same = shown
                .iter()
                .find(|first| first.place.0 != event.place.0 && same_time(first.time, event.time));
            match same {
                Some(first) => copies.push((event.event, first.event)),
                None => shown.push(event),
            }
        }
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    #[test]
    fn copies_are_found_by_id_and_by_time() {
        let (start, start_no_id, success, other_start) = (
            (1, Status::Start),
            (0, Status::Start),
            (2, Status::Success),
            (3, Status::Start),
        );
        let at = |event, time: &str, (id, status)| Row {
            event,
            time: parse::iso(time.as_bytes()),
            status,
            event_data_id: Symbol(id),
            ticks: None,
            sub_status: Symbol::NONE,
            fact: 0,
            id: "",
            place: (event, 0),
        };
        let found = records(vec![
            at(0, "2024-05-01T10:00:00.123Z", start_no_id),
            at(1, "2024-05-01T10:00:00.1234567Z", start),
            at(2, "2024-05-01T10:00:00.1234567Z", success),
            at(3, "2024-05-01T10:00:00.123Z", start),
            at(4, "2024-05-01T10:00:05.1234567Z", other_start),
        ]);
        let events: Vec<Vec<u32>> = found
            .iter()
            .map(|copies| copies.iter().map(|row| row.event).collect())
            .collect();
        assert_eq!(events, [vec![1, 0, 3], vec![2], vec![4]]);
    }
}
