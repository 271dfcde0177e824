//! All events of the case, in time order, as columns.
//!
//! Batches are appended as they come; [`Store::refresh`] sorts what is new and merges it into the order, so that the
//! timeline fills while reading goes on. Events never move: an event's number is where it was appended, and
//! `order` is a list of numbers.
//!
//! Rejected: a sorted container of events. Inserting into the middle of ten million rows once a second.

use crate::event::batch::{Columns, EventBatch, Span};
use crate::event::fact::Fact;
use crate::event::intern::{Interner, Symbol};
use crate::time::zone::Zone;
use crate::time::{NS_PER_SECOND, Stamp, TimeBasis};

/// Number of an event in the store.
pub type EventNumber = u32;

/// Time, rank of the path, place in the item, event.
type Key = (i64, u32, u64, u32, EventNumber);

fn events_of(keys: Vec<Key>) -> Vec<EventNumber> {
    keys.into_iter().map(|(.., event)| event).collect()
}

/// The events of a case.
#[derive(Debug, Default)]
pub struct Store {
    /// All texts.
    pub strings: Interner,
    /// All events, in order of arrival.
    pub columns: Columns,
    /// Item of each event.
    pub item: Vec<u32>,
    /// Number of each event within its item.
    pub ordinal: Vec<u32>,
    /// (event, fact), in order of arrival.
    pub facts: Vec<(EventNumber, Fact)>,
    /// Seconds east of UTC of each item's local clock, where known.
    pub zones: Vec<Option<Zone>>,
    /// For each item, (first ordinal, first event) of each of its batches.
    batches: Vec<Vec<(u32, EventNumber)>>,
    order: Vec<EventNumber>,
    ordered: usize,
}

impl Store {
    /// How many events there are, counted twice or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Appends a batch of an item whose first event there has this ordinal.
    pub fn append(&mut self, item: u32, first_ordinal: u32, mut batch: EventBatch) {
        let renumbering = self.strings.adopt(&batch.strings);
        batch
            .columns
            .each_symbol(|symbol| *symbol = renumbering.of(*symbol));
        let base = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        for (event, mut fact) in batch.facts {
            fact.renumber(&renumbering);
            self.facts.push((base + event, fact));
        }
        let count = u32::try_from(batch.columns.len()).unwrap_or(0);
        if self.batches.len() <= item as usize {
            self.batches.resize(item as usize + 1, Vec::new());
        }
        if let Some(batches) = self.batches.get_mut(item as usize).filter(|_| count > 0) {
            batches.push((first_ordinal, base));
        }
        self.item
            .extend(std::iter::repeat_n(item, batch.columns.len()));
        self.ordinal.extend(first_ordinal..first_ordinal + count);
        self.columns.append(&mut batch.columns);
    }

    /// The time of an event as far as it is known. A year-less one has none until its year was inferred; a local one is
    /// converted by its item's zone, or read as UTC (and says so) where no zone is known.
    #[must_use]
    pub fn stamp(&self, event: EventNumber) -> Option<Stamp> {
        let stamp = self.columns.stamp(event as usize)?;
        match stamp.basis {
            TimeBasis::YearInferred => {
                let placed = !stamp.instant.in_year_unknown();
                placed.then(|| self.in_zone(event, stamp).unwrap_or(stamp))
            }
            TimeBasis::Local => Some(
                self.in_zone(event, stamp)
                    .unwrap_or_else(|| stamp.with_basis(TimeBasis::AssumedUtc)),
            ),
            _ => Some(stamp),
        }
    }

    /// A wall-clock reading by its item's zone, where there is one.
    fn in_zone(&self, event: EventNumber, stamp: Stamp) -> Option<Stamp> {
        let zone = self.zones.get(self.item_of(event) as usize).copied()??;
        let local = stamp.instant.ns.div_euclid(NS_PER_SECOND);
        let east = zone.east_seconds(local).seconds;
        Some(Stamp {
            instant: stamp.instant.shifted(-east * NS_PER_SECOND),
            ..stamp
        })
    }

    /// The event with this ordinal in its item.
    #[must_use]
    pub fn event_of(&self, item: u32, ordinal: u32) -> Option<EventNumber> {
        let batches = self.batches.get(item as usize)?;
        let at = batches
            .partition_point(|(first, _)| *first <= ordinal)
            .checked_sub(1)?;
        let (first, base) = batches.get(at)?;
        let event = base + (ordinal - first);
        (self.item_of(event) == item && self.ordinal.get(event as usize) == Some(&ordinal))
            .then_some(event)
    }

    /// Where an event stands in a list that is in order of time.
    #[must_use]
    pub fn row_in(&self, order: &[EventNumber], event: EventNumber, rank: &[u32]) -> Option<usize> {
        let own = self.key(event, rank);
        let at = order.partition_point(|other| self.key(*other, rank) < own);
        (order.get(at) == Some(&event)).then_some(at)
    }

    /// Item of an event.
    #[must_use]
    pub fn item_of(&self, event: EventNumber) -> u32 {
        self.item.get(event as usize).copied().unwrap_or(0)
    }

    /// Where an event's record lies.
    #[must_use]
    pub fn span(&self, event: EventNumber) -> Span {
        self.columns.span(event as usize)
    }

    /// A symbol's text, `None` where there is none.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> Option<&str> {
        symbol.is_some().then(|| self.strings.text(symbol))
    }

    /// The text of one of an event's columns.
    #[must_use]
    pub fn column<'a>(&'a self, column: &[Symbol], event: EventNumber) -> Option<&'a str> {
        self.text(column.get(event as usize).copied()?)
    }

    /// Events in time order.
    #[must_use]
    pub fn order(&self) -> &[EventNumber] {
        &self.order
    }

    /// How an event stands in time: time, then path, then place; of equals the one that came first. Events without a time come last.
    fn key(&self, event: EventNumber, rank: &[u32]) -> Key {
        let at = event as usize;
        let ns = self.stamp(event).map_or(i64::MAX, |stamp| stamp.instant.ns);
        let item = self.item_of(event) as usize;
        (
            ns,
            rank.get(item).copied().unwrap_or(u32::MAX),
            self.columns.offset.get(at).copied().unwrap_or(0),
            self.ordinal.get(at).copied().unwrap_or(0),
            event,
        )
    }

    /// Events in time order; each is looked at once.
    fn sorted(&self, events: impl Iterator<Item = EventNumber>, rank: &[u32]) -> Vec<Key> {
        let mut keys: Vec<Key> = events.map(|event| self.key(event, rank)).collect();
        keys.sort_unstable();
        keys
    }

    /// The shown events and these others, in time order.
    #[must_use]
    pub fn order_with(
        &self,
        others: impl Iterator<Item = EventNumber>,
        rank: &[u32],
    ) -> Vec<EventNumber> {
        let all: Vec<EventNumber> = self.order.iter().copied().chain(others).collect();
        if all.len() == self.order.len() {
            return all;
        }
        events_of(self.sorted(all.into_iter(), rank))
    }

    /// Merges the events that came since the last time into the order. `rank` orders items by path.
    pub fn refresh(&mut self, rank: &[u32]) {
        let (old, all) = (self.ordered, self.columns.len());
        if old == all {
            return;
        }
        let fresh = (old..all).filter_map(|event| u32::try_from(event).ok());
        let fresh = self.sorted(fresh, rank);
        let before = std::mem::take(&mut self.order);
        let mut merged = Vec::with_capacity(before.len() + fresh.len());
        // Most of what is new is later than all before.
        let first = fresh.first().copied();
        let keep = before.partition_point(|event| Some(self.key(*event, rank)) < first);
        let (head, tail) = before.split_at_checked(keep).unwrap_or((&before, &[]));
        merged.extend_from_slice(head);
        let tail = tail.iter().map(|event| self.key(*event, rank));
        let (mut left, mut right) = (tail.peekable(), fresh.into_iter().peekable());
        loop {
            let take_left = match (left.peek(), right.peek()) {
                (Some(one), Some(other)) => one < other,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if take_left { left.next() } else { right.next() };
            merged.extend(next.map(|(.., event)| event));
        }
        self.order = merged;
        self.ordered = all;
    }

    /// Orders everything anew, leaving out the events that `keep` refuses.
    pub fn reorder(&mut self, rank: &[u32], keep: impl Fn(EventNumber) -> bool) {
        let all = (0..self.columns.len()).filter_map(|event| u32::try_from(event).ok());
        let kept = all.filter(|event| keep(*event));
        self.order = events_of(self.sorted(kept, rank));
        self.ordered = self.columns.len();
    }
}
