//! All events of the case, in time order, as columns.
//!
//! Batches are appended as they come; [`Store::refresh`] sorts what is new and merges it into the order, so that the
//! timeline fills while reading goes on. Events never move: an event's number is where it was appended, and
//! `order` is a list of numbers.
//!
//! Rejected: a sorted container of events. Inserting into the middle of ten million rows once a second.

use super::order::By;
use crate::event::batch::make_room;
use crate::event::batch::{CaseColumns, EventBatch, Span};
use crate::event::column::Column;
use crate::event::facts::{FactAt, Facts};
use crate::event::held;
use crate::event::intern::{Interner, Symbol};
use crate::time::zone::Zone;
use crate::time::{NS_PER_SECOND, Stamp, TimeBasis};
use std::ops::Range;

/// Number of an event in the store.
pub type EventNumber = u32;

/// The events of a case.
#[derive(Debug, Default)]
pub struct Store {
    /// All texts.
    pub strings: Interner,
    /// All events, in order of arrival.
    pub columns: CaseColumns,
    /// Item of each event.
    pub item: Column<u32>,
    /// Number of each event within its item.
    pub ordinal: Column<u32>,
    /// What is said of events beyond their columns.
    pub facts: Facts,
    /// Seconds east of UTC of each item's local clock, where known.
    pub zones: Vec<Option<Zone>>,
    /// For each item, (first ordinal, first event, events) of each of its batches.
    batches: Vec<Vec<(u32, EventNumber, u32)>>,
    order: Vec<EventNumber>,
    ordered: usize,
    /// Bytes of all facts.
    facts_bytes: u64,
}

/// What an event takes in all columns, the time order included, with what is kept ahead and needed while conclusions are drawn.
const EVENT_BYTES: u64 = 40;
/// What a text takes beside its letters: its end and its places in the table.
const TEXT_BYTES: u64 = 14;

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

    /// Memory that the events take, their texts, facts and conclusions included, as the limit `case_bytes` counts it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let texts = self.strings.strings();
        self.len() as u64 * EVENT_BYTES
            + texts.bytes() as u64
            + texts.len() as u64 * TEXT_BYTES
            + self.facts_bytes
    }

    /// Appends a batch of an item whose first event there has this ordinal.
    pub fn append(&mut self, item: u32, first_ordinal: u32, mut batch: EventBatch) {
        let renumbering = self.strings.adopt(&batch.strings);
        batch
            .columns
            .each_symbol(|symbol| *symbol = renumbering.of(*symbol));
        let base = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        let own = batch.facts.iter();
        self.facts_bytes += own.map(|(_, fact)| held::bytes(fact) as u64).sum::<u64>();
        let facts = batch.facts.into_iter();
        self.facts.extend(facts.map(|(event, mut fact)| {
            fact.renumber(&renumbering);
            (base + event, fact)
        }));
        let count = u32::try_from(batch.columns.len()).unwrap_or(0);
        if self.batches.len() <= item as usize {
            self.batches.resize(item as usize + 1, Vec::new());
        }
        if let Some(batches) = self.batches.get_mut(item as usize).filter(|_| count > 0) {
            batches.push((first_ordinal, base, count));
        }
        self.item
            .extend(std::iter::repeat_n(item, batch.columns.len()));
        self.ordinal.extend(first_ordinal..first_ordinal + count);
        self.columns.extend(&batch.columns);
    }

    /// The time of an event as far as it is known. A year-less one has none until its year was inferred; a local one is
    /// converted by its item's zone, or read as UTC (and says so) where no zone is known.
    #[must_use]
    pub fn stamp(&self, event: EventNumber) -> Option<Stamp> {
        self.placed(event, self.columns.stamp(event as usize)?)
    }

    /// A time as the source gave it, where it belongs.
    pub(crate) fn placed(&self, event: EventNumber, stamp: Stamp) -> Option<Stamp> {
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
            .partition_point(|(first, _, _)| *first <= ordinal)
            .checked_sub(1)?;
        let (first, base, _) = batches.get(at)?;
        let event = base + (ordinal - first);
        (self.item_of(event) == item && self.ordinal.get(event as usize) == Some(ordinal))
            .then_some(event)
    }

    /// The events of an item, a batch after the other: for whoever changes the columns on the way.
    pub(crate) fn parts_of(
        &self,
        item: u32,
    ) -> impl Iterator<Item = Range<EventNumber>> + Clone + '_ {
        let batches = self.batches.get(item as usize).into_iter().flatten();
        batches.map(|(_, base, count)| *base..base + count)
    }

    /// The events of an item, in order of arrival.
    pub fn events_of(&self, item: u32) -> impl Iterator<Item = EventNumber> + Clone {
        self.parts_of(item).flatten()
    }

    /// The times of an item's events as its source gave them, of those that have one, in order of arrival.
    pub(crate) fn each_stamp_of(&self, item: u32, mut each: impl FnMut(EventNumber, Stamp)) {
        for part in self.parts_of(item) {
            let places = part.start as usize..part.end as usize;
            self.columns.each_stamp(places, |at, stamp| {
                // Places of events are their numbers.
                if let Ok(event) = EventNumber::try_from(at) {
                    each(event, stamp);
                }
            });
        }
    }

    /// Where an event stands in a list that is in order of time.
    #[must_use]
    pub fn row_in(&self, order: &[EventNumber], event: EventNumber, rank: &[u32]) -> Option<usize> {
        let by = self.by(rank);
        let at = order.partition_point(|other| by.compare(*other, event).is_lt());
        (order.get(at) == Some(&event)).then_some(at)
    }

    /// What is said of an event beyond its columns.
    pub fn facts_of(&self, event: EventNumber) -> impl Iterator<Item = FactAt<'_>> {
        self.facts.of_event(event, self.len())
    }

    /// Item of an event.
    #[must_use]
    pub fn item_of(&self, event: EventNumber) -> u32 {
        self.item.get(event as usize).unwrap_or(0)
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
    pub fn column<'a>(&'a self, column: &Column<Symbol>, event: EventNumber) -> Option<&'a str> {
        self.text(column.get(event as usize)?)
    }

    /// The guest of an event, as the event spells it, else as `of_item` says of its item's number.
    #[must_use]
    pub fn host_of<'a>(
        &'a self,
        event: EventNumber,
        of_item: impl FnOnce(u32) -> Option<&'a str>,
    ) -> Option<&'a str> {
        self.column(&self.columns.host, event)
            .or_else(|| of_item(self.item_of(event)))
    }

    /// Events in time order.
    #[must_use]
    pub fn order(&self) -> &[EventNumber] {
        &self.order
    }

    /// Events by time, then path, then place. Those without a time come last.
    fn by<'a>(
        &'a self,
        rank: &'a [u32],
    ) -> By<impl Fn(EventNumber) -> i64 + 'a, impl Fn(EventNumber) -> (u32, u64, EventNumber) + 'a>
    {
        By {
            at_ns: |event| self.at_ns(event),
            place: |event| self.place(event, rank),
        }
    }

    /// Where an event stands among the evidence, whatever its time: items by path (`rank`), bytes in an item, events of one record.
    pub(crate) fn place(&self, event: EventNumber, rank: &[u32]) -> (u32, u64, EventNumber) {
        let rank = rank.get(self.item_of(event) as usize).copied();
        let offset = self.columns.offset.get(event as usize);
        (
            rank.unwrap_or(u32::MAX),
            offset.unwrap_or(u64::MAX),
            // An item's events have their numbers in the order in which its reader made them, those of one record certainly.
            event,
        )
    }

    /// Brings what belongs to events into the order of their places. It mostly is in order, and looking takes none of the memory that sorting
    /// takes beside the list; a module never gives that back.
    pub(crate) fn sort_by_place<T>(
        &self,
        list: &mut [T],
        rank: &[u32],
        event: impl Fn(&T) -> EventNumber,
    ) {
        let place = |one: &T| self.place(event(one), rank);
        if !list.is_sorted_by_key(place) {
            list.sort_by_key(place);
        }
    }

    fn at_ns(&self, event: EventNumber) -> i64 {
        if self.columns.is_placed(event as usize) {
            self.columns.time_ns.get(event as usize)
        } else {
            self.stamp(event).map(|stamp| stamp.instant.ns)
        }
        .unwrap_or(i64::MAX)
    }

    /// The shown events and these others, in time order.
    #[must_use]
    pub fn order_with(
        &self,
        others: impl Iterator<Item = EventNumber>,
        rank: &[u32],
    ) -> Vec<EventNumber> {
        let mut all: Vec<EventNumber> = self.order.iter().copied().chain(others).collect();
        if all.len() > self.order.len() {
            self.by(rank).sort(&mut all);
        }
        all
    }

    /// Merges the events that came since the last time into the order; whether there were any. `rank` orders items by path.
    #[inline(never)]
    pub fn refresh(&mut self, rank: &[u32]) -> bool {
        let (old, all) = (self.ordered, self.columns.len());
        if old == all {
            return false;
        }
        let mut order = std::mem::take(&mut self.order);
        let standing = order.len();
        make_room(&mut order, all - old);
        order.extend((old..all).filter_map(|event| u32::try_from(event).ok()));
        // A log goes on where it was: then there is nothing to merge, and no second list.
        let from_last = order.get(standing.saturating_sub(1)..).unwrap_or(&[]);
        if !self.by(rank).is_sorted(from_last) {
            let mut fresh = order.split_off(standing);
            self.by(rank).sort(&mut fresh);
            self.by(rank).merge(&mut order, &fresh);
        }
        self.order = order;
        self.ordered = all;
        true
    }

    /// Orders everything anew, leaving out the events that `keep` refuses.
    #[inline(never)]
    pub fn reorder(&mut self, rank: &[u32], keep: impl Fn(EventNumber) -> bool) {
        let all = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        // What stands in order already goes in front, as it stands: what was ordered while it was read mostly stays so, and then nothing is sorted.
        let mut order = std::mem::take(&mut self.order);
        order.retain(|event| keep(*event));
        if order.len() < self.len() {
            // Room for all at once: as it grows the list would be there twice.
            order.reserve_exact(self.len() - order.len());
            let mut is_in = vec![false; self.len()];
            for event in &order {
                if let Some(slot) = is_in.get_mut(*event as usize) {
                    *slot = true;
                }
            }
            let others = (0..all).zip(is_in).filter(|(_, is_in)| !is_in);
            order.extend(others.map(|(event, _)| event).filter(|event| keep(*event)));
        }
        self.by(rank).sort(&mut order);
        self.order = order;
        self.ordered = self.columns.len();
    }
}
