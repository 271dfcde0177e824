//! In which year and zone a local clock ran.
//!
//! RFC 3164 lines have no year, old agents write local time (linux-artifacts 0.1, 8, 11.3). Readers keep such readings as
//! a wall clock; here they are placed, without reading the evidence again:
//!
//! - **Year**: within an item months run forward; where one jumps back by more than half a year, a year has passed. The
//!   item as a whole is then laid where an exactly known time of the same item says, else where its neighbours' times
//!   lie, else before its file's modified time. With none of these the times stay unknown.
//! - **Zone**: a line with a local time whose body holds an entry in UTC gives the offset, rounded to a quarter of an hour; so does, less surely, a
//!   line in UTC right behind a local one (a serial console's audit lines). Without such a pair the clock is read as UTC and says so (`assumed-utc`), until the analyst gives a zone.
//!
//! Rejected: the year of collection for everything. A log that crosses New Year would lie eleven months in the future.

use crate::case::store::Store;
use crate::time::zone::Zone;
use crate::time::{Instant, NS_PER_DAY, NS_PER_SECOND, Stamp, TimeBasis, YEAR_UNKNOWN};
use std::collections::BTreeMap;

/// How the times of an item were placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// What the year was inferred from, where it was.
    pub year_from: Option<YearFrom>,
    /// The year of the last record, where it was inferred.
    pub year: Option<i32>,
    /// Readings without a year that could not be placed.
    pub year_unknown: u64,
    /// The zone taken for local readings.
    pub zone: Option<Zone>,
    /// The analyst gave it.
    pub zone_given: bool,
    /// Readings that the zone has twice or not at all (clocks went back or forward).
    pub zone_doubtful: u64,
    /// Pairs of a local and a UTC time that agree on the zone.
    pub zone_pairs: u64,
    /// Local readings left without a zone.
    pub zone_unknown: u64,
}

/// What a year was inferred from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YearFrom {
    /// A full time inside the same item.
    SameItem,
    /// The times of the other evidence.
    Neighbours,
    /// The file's modified time.
    Modified,
    /// The analyst gave it.
    Given,
}

/// What is known of the clocks of one item.
pub struct ItemClocks {
    /// The item.
    pub number: u32,
    /// The file's modified time.
    pub modified_ms: Option<i64>,
    /// A zone given by the analyst.
    pub zone: Option<Zone>,
    /// A year given by the analyst for the last record.
    pub year: Option<i32>,
}

const HALF_YEAR: i64 = 183 * NS_PER_DAY;

/// Range of all times of the case that are known without inference.
#[must_use]
pub fn known_range(store: &Store) -> Option<(i64, i64)> {
    let mut range: Option<(i64, i64)> = None;
    store
        .columns
        .each_stamp(0..store.columns.len(), |_, stamp| {
            let (ns, basis) = (stamp.instant.ns, stamp.basis);
            if matches!(
                basis,
                TimeBasis::Utc | TimeBasis::Offset | TimeBasis::AssumedUtc
            ) {
                range = Some(range.map_or((ns, ns), |(low, high)| (low.min(ns), high.max(ns))));
            }
        });
    range
}

/// Places the year-less and local readings of one item.
pub fn place(store: &mut Store, item: &ItemClocks, known: Option<(i64, i64)>) -> Placed {
    let mut placed = Placed::default();
    years(store, item, known, &mut placed);
    let zone = zones(store, item, &mut placed);
    if store.zones.len() <= item.number as usize {
        store.zones.resize(item.number as usize + 1, None);
    }
    if let Some(slot) = store.zones.get_mut(item.number as usize) {
        *slot = zone;
    }
    placed
}

/// 29 February of the placeholder year.
const LEAP_DAY: std::ops::Range<i64> = 789 * NS_PER_DAY..790 * NS_PER_DAY;

/// Year-less readings of an item as its year is found from them: what a million of them come to.
#[derive(Default)]
struct Yearless {
    count: u64,
    /// By years after the first record, the first and last reading in the placeholder year; those of 29 February apart.
    ranges: BTreeMap<(i32, bool), (Instant, Instant)>,
    /// Years after the first record, and reading, of the last.
    last: Option<(i32, Instant)>,
    /// The first full time of the same item, and the year-less reading that follows it.
    exact: Option<Instant>,
    beside: Option<(i32, Instant)>,
}

/// Counts the years along the readings of an item: a reading of half a year before the one before is of the next year.
#[derive(Default)]
struct Counting {
    year: i32,
    previous: Option<i64>,
    moving: Moving,
}

/// Moves readings to another year as [`Instant::in_year`] does. Those of one day move by the same time, and a log has thousands of them one after the other.
#[derive(Default)]
struct Moving {
    /// Day since 1970 and year, and by how much its readings move: nothing where not all do alike.
    known: Option<((i64, i32), Option<i64>)>,
}

impl Moving {
    fn moved(&mut self, reading: Instant, year: i32) -> Instant {
        let day = (reading.ns.div_euclid(NS_PER_DAY), year);
        let by = match self.known {
            Some((known, by)) if known == day => by,
            _ => {
                let by = Self::by(day);
                self.known = Some((day, by));
                by
            }
        };
        let ns = by.and_then(|by| reading.ns.checked_add(by));
        ns.map_or_else(|| reading.in_year(year), |ns| Instant { ns, ..reading })
    }

    fn by((day, year): (i64, i32)) -> Option<i64> {
        let first = day.checked_mul(NS_PER_DAY)?;
        let [first, last] = [first, first.checked_add(NS_PER_DAY - 1)?].map(|ns| {
            let moved = Instant { ns, digits: 0 }.in_year(year).ns;
            moved.checked_sub(ns)
        });
        first.filter(|_| first == last)
    }
}

impl Counting {
    /// Years after the first record, and the reading in the placeholder year.
    fn next(&mut self, reading: Instant) -> (i32, Instant) {
        let reading = self.moving.moved(reading, YEAR_UNKNOWN);
        if let Some(previous) = self.previous {
            if previous - reading.ns > HALF_YEAR {
                self.year += 1;
            } else if reading.ns - previous > HALF_YEAR {
                self.year -= 1;
            }
        }
        self.previous = Some(reading.ns);
        (self.year, reading)
    }
}

impl Yearless {
    fn of(store: &Store, item: u32) -> Self {
        let mut all = Self::default();
        let mut counting = Counting::default();
        store.each_stamp_of(item, |_, stamp| {
            if stamp.basis != TimeBasis::YearInferred {
                if matches!(stamp.basis, TimeBasis::Utc | TimeBasis::Offset) {
                    all.exact.get_or_insert(stamp.instant);
                }
                return;
            }
            let (after, reading) = counting.next(stamp.instant);
            all.count += 1;
            let leaps = LEAP_DAY.contains(&reading.ns);
            let range = all.ranges.entry((after, leaps));
            let range = range.or_insert((reading, reading));
            range.0 = range.0.min(reading);
            range.1 = range.1.max(reading);
            all.last = Some((after, reading));
            if all.exact.is_some() {
                all.beside.get_or_insert((after, reading));
            }
        });
        all
    }

    /// First and last reading, the first record being of this year. A later reading of the placeholder year is a later one of any other, but for those
    /// that have no such day.
    fn range(&self, base: i32) -> (i64, i64) {
        let ranges = self.ranges.iter().map(|((after, _), (first, last))| {
            let ns = |reading: &Instant| reading.in_year(base + after).ns;
            (ns(first), ns(last))
        });
        ranges.fold((i64::MAX, i64::MIN), |(low, high), (first, last)| {
            (low.min(first), high.max(last))
        })
    }
}

fn years(store: &mut Store, item: &ItemClocks, known: Option<(i64, i64)>, placed: &mut Placed) {
    let all = Yearless::of(store, item.number);
    let Some((last, _)) = all.last else {
        return;
    };
    let given = item.year.map(|year| (year - last, YearFrom::Given));
    let inferred = || base_year(&all, known, item.modified_ms);
    let Some((base, from)) = given.or_else(inferred) else {
        placed.year_unknown = all.count;
        return;
    };
    placed.year_from = Some(from);
    placed.year = Some(base + last);
    // Counted again, a part of the item after the other: all of its times at once would be twice what the case keeps of them.
    let (mut counting, mut moving) = (Counting::default(), Moving::default());
    let parts: Vec<_> = store.parts_of(item.number).collect();
    for events in parts {
        let mut found: Vec<(usize, i64)> = Vec::new();
        let places = events.start as usize..events.end as usize;
        store.columns.each_stamp(places, |at, stamp| {
            if stamp.basis == TimeBasis::YearInferred {
                let (after, reading) = counting.next(stamp.instant);
                found.push((at, moving.moved(reading, base + after).ns));
            }
        });
        store.columns.time_ns.replace(found);
    }
}

/// The year of the first record.
fn base_year(
    all: &Yearless,
    known: Option<(i64, i64)>,
    modified_ms: Option<i64>,
) -> Option<(i32, YearFrom)> {
    if let (Some(instant), Some((after, reading))) = (all.exact, all.beside.or(all.last)) {
        let around = instant.year_month().0 - after;
        let near = |base: &i32| (reading.in_year(base + after).ns - instant.ns).abs();
        return (around - 1..=around + 1)
            .min_by_key(near)
            .map(|base| (base, YearFrom::SameItem));
    }
    let last = all.last.map_or(0, |(after, _)| after).max(0);
    if let Some((low, high)) = known {
        let year = |ns| Instant { ns, digits: 0 }.year_month().0;
        let distance = |base: &i32| {
            let (first, end) = all.range(*base);
            (first - high).max(low - end).max(0)
        };
        // The latest year among the nearest: logs are collected soon after they are written.
        let nearest = (year(low) - 1 - last..=year(high) + 1)
            .rev()
            .min_by_key(distance)?;
        return Some((nearest, YearFrom::Neighbours));
    }
    let modified = modified_ms?.checked_mul(1_000_000)?;
    let year = Instant {
        ns: modified,
        digits: 0,
    }
    .year_month()
    .0;
    let last = all.ranges.keys().next_back().map_or(0, |(after, _)| *after);
    // A clock may run ahead of the file system's by a day or two, not by more.
    (year - last - 1..=year - last + 1)
        .rev()
        .find(|base| all.range(*base).1 <= modified + 2 * NS_PER_DAY)
        .map(|base| (base, YearFrom::Modified))
}

fn zones(store: &Store, item: &ItemClocks, placed: &mut Placed) -> Option<Zone> {
    // Year-less readings are a local clock's, too; only with a zone does it matter.
    let is_reading = |stamp: Stamp| {
        stamp.basis == TimeBasis::Local
            || (item.zone.is_some() && stamp.basis == TimeBasis::YearInferred)
    };
    let mut local = 0;
    store.each_stamp_of(item.number, |_, stamp| {
        local += usize::from(is_reading(stamp));
    });
    if local == 0 {
        return None;
    }
    let inferred = zone_from_pairs(store, item.number);
    placed.zone_pairs = inferred.map_or(0, |(_, pairs)| pairs);
    placed.zone_given = item.zone.is_some();
    placed.zone = item.zone.or(inferred.map(|(east, _)| Zone::Fixed(east)));
    match placed.zone {
        Some(zone) => {
            store.each_stamp_of(item.number, |_, stamp| {
                let local = stamp.instant.ns.div_euclid(NS_PER_SECOND);
                let doubtful = is_reading(stamp) && zone.east_seconds(local).doubtful;
                placed.zone_doubtful += u64::from(doubtful);
            });
        }
        None => placed.zone_unknown = local as u64,
    }
    placed.zone
}

/// Pairs of a local line and a UTC entry inside its bytes: (seconds east, pairs that agree), where most agree.
fn zone_from_pairs(store: &Store, item: u32) -> Option<(i64, u64)> {
    const QUARTER: i64 = 15 * 60 * NS_PER_SECOND;
    /// A line is written within minutes of what it quotes, and within seconds of its neighbour.
    const QUOTED: i64 = 5 * 60 * NS_PER_SECOND;
    const NEIGHBOUR: i64 = 30 * NS_PER_SECOND;
    let mut votes: Vec<(i64, u64)> = Vec::new();
    let mut neighbours: Vec<(i64, u64)> = Vec::new();
    let mut outer: Option<(u64, i64)> = None;
    for event in store.events_of(item) {
        let Some(stamp) = store.columns.stamp(event as usize) else {
            continue;
        };
        let span = store.span(event);
        match stamp.basis {
            TimeBasis::Local => outer = Some((span.offset + span.length, stamp.instant.ns)),
            TimeBasis::Utc | TimeBasis::Offset => {
                let Some((end, local)) = outer else { continue };
                let quoted = span.offset + span.length <= end;
                let (tolerance, votes) = if quoted {
                    (QUOTED, &mut votes)
                } else {
                    outer = None;
                    (NEIGHBOUR, &mut neighbours)
                };
                let difference = local - stamp.instant.ns;
                let east =
                    (difference + QUARTER / 2).div_euclid(QUARTER) * (QUARTER / NS_PER_SECOND);
                if (difference - east * NS_PER_SECOND).abs() < tolerance && east.abs() <= 14 * 3600
                {
                    match votes.iter_mut().find(|(have, _)| *have == east) {
                        Some((_, count)) => *count += 1,
                        None => votes.push((east, 1)),
                    }
                }
            }
            _ => {}
        }
    }
    let votes = if votes.is_empty() { neighbours } else { votes };
    let all: u64 = votes.iter().map(|(_, count)| count).sum();
    votes
        .into_iter()
        .max_by_key(|(east, count)| (*count, -east.abs()))
        .filter(|(_, count)| count * 2 > all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever day and year it moved before.
        #[test]
        fn a_day_moves_as_its_readings_do(
            all in prop::collection::vec((prop_oneof![any::<i64>(), -3 * NS_PER_DAY..1_200 * NS_PER_DAY], prop_oneof![any::<i32>(), 1960..2030]), 0..40),
        ) {
            let mut moving = Moving::default();
            for (ns, year) in all {
                for ns in [ns, ns.saturating_add(1)] {
                    let reading = Instant { ns, digits: 3 };
                    prop_assert_eq!(moving.moved(reading, year), reading.in_year(year));
                }
            }
        }
    }
}
