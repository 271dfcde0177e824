//! Lanes of the timeline: how many of the shown events fall on each pixel, by VM, caller, source, kind or incident.
//!
//! ```text
//! order      e7 e2 e9 e4 …          the shown events by time
//! lane web01 0  2  3  …             places in that order, sorted
//! edges      0  1  1  3  …          place in the order at which each pixel begins
//! count      lane places between two edges: two binary searches
//! ```
//!
//! Lanes are sorted once for each state of the case; an answer then costs pixels times lanes, whatever the number of events. A lane of VMs,
//! callers, sources or incidents keeps its kinds apart, so that it can be opened.
//!
//! Rejected: counting the events of each answer one by one. Ten million of them are a frame lost at every step of a pan. Rejected: histograms at
//! fixed scales. They are either coarse where somebody looks closely, or as large as the events.

use super::incidents;
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::event::EventKind;
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::identity::{ResourceId, host_label};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Lanes of one answer; the smallest share the last one.
pub const MOST_LANES: usize = 48;
/// Pixels of one answer.
const MOST_BINS: usize = 16_384;
/// Nothing is known of this text or item yet.
const UNKNOWN: u32 = u32::MAX;
/// This text gives no name.
const NAMELESS: u32 = u32::MAX - 1;

/// What lanes are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LanesBy {
    /// What kind of thing happened.
    #[default]
    Kind,
    /// The VM of the resource, or the guest where there is no resource.
    Vm,
    /// Who did it.
    Caller,
    /// Format of the evidence.
    Source,
    /// Incident that the event is part of.
    Incident,
}

/// Events that share a name, kind by kind.
#[derive(Debug)]
struct Group {
    /// Empty where they share that nothing is known.
    name: String,
    total: u64,
    /// How many names it stands for; above 1 only for the last lane of many.
    names: usize,
    /// (number of the kind, places in the order), by number.
    kinds: Vec<(usize, Vec<u32>)>,
}

/// All shown events in lanes.
#[derive(Debug)]
pub struct Lanes {
    by: LanesBy,
    groups: Vec<Group>,
}

/// One lane of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownLane {
    /// What its events share; empty where nothing is known of them.
    pub name: String,
    /// Kind of its events, in a lane of one kind.
    pub kind: Option<&'static str>,
    /// 0, or 1 for a lane inside another.
    pub depth: u8,
    /// Events in all of it.
    pub total: u64,
    /// Kinds that it can be opened into.
    pub kinds: usize,
    /// How many names it stands for.
    pub names: usize,
}

/// Counts by lane, then bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneCounts {
    /// The lanes.
    pub lanes: Vec<ShownLane>,
    /// `counts[lane * bins + bin]`.
    pub counts: Vec<u32>,
    /// Bins that each lane has.
    pub bins: usize,
}

/// A stretch of time cut into equal bins.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Stretch {
    /// Its beginning, in ms since 1970.
    pub from_ms: f64,
    /// Its end.
    pub to_ms: f64,
    /// Its parts.
    pub bins: u32,
}

impl Stretch {
    /// The parts that are answered.
    #[must_use]
    pub fn parts(self) -> usize {
        (self.bins as usize).clamp(1, MOST_BINS)
    }

    /// Where a bin begins.
    #[must_use]
    pub fn edge(self, bin: usize) -> f64 {
        self.from_ms + (self.to_ms - self.from_ms) * (bin as f64 / self.parts() as f64)
    }
}

/// First place, from `start` on, of which `before` is not true; what is near is found with few looks.
fn gallop(len: usize, start: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (start, 1);
    while low + step <= len && before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step - 1).min(len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The place in the order at which each bin begins, and where the last one ends.
fn edges(case: &Case, order: &[EventNumber], stretch: Stretch) -> Vec<usize> {
    let store = case.store();
    let mut at = 0;
    (0..=stretch.parts())
        .map(|bin| {
            let edge = stretch.edge(bin);
            // Events without a time come last and are before nothing.
            at = gallop(order.len(), at, |place| {
                let stamp = order.get(place).and_then(|event| store.stamp(*event));
                stamp.is_some_and(|stamp| stamp.instant.ms() < edge)
            });
            at
        })
        .collect()
}

/// How many of the shown events fall into each bin.
#[must_use]
pub fn density(case: &Case, order: &[EventNumber], stretch: Stretch) -> Vec<u32> {
    let edges = edges(case, order, stretch);
    let pairs = edges.iter().zip(edges.iter().skip(1));
    pairs
        .map(|(from, to)| u32::try_from(to.saturating_sub(*from)).unwrap_or(u32::MAX))
        .collect()
}

/// Names of events, each judged once for each text that it is read from.
struct Names<'a> {
    case: &'a Case,
    by: LanesBy,
    /// By symbol of the text that the name is made of, first of its own column and then of the guest's: the name's number.
    known: [Vec<u32>; 2],
    of_kind: Vec<u32>,
    /// By item: the number of the name that it gives.
    of_item: Vec<u32>,
    incident: BTreeMap<EventNumber, usize>,
    numbers: BTreeMap<String, u32>,
}

impl<'a> Names<'a> {
    fn new(case: &'a Case, by: LanesBy) -> Self {
        let mut incident = BTreeMap::new();
        if by == LanesBy::Incident {
            // The worst incident comes first, and an event stands in the worst of its own.
            for number in 0..case.incidents().len() {
                for event in incidents::events(case, number) {
                    incident.entry(event).or_insert(number);
                }
            }
        }
        Self {
            case,
            by,
            known: [
                vec![UNKNOWN; case.store().strings.strings().len() + 1],
                vec![UNKNOWN; case.store().strings.strings().len() + 1],
            ],
            of_kind: vec![UNKNOWN; EventKind::ALL.len()],
            of_item: vec![UNKNOWN; case.items().len()],
            incident,
            numbers: BTreeMap::new(),
        }
    }

    fn number(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(UNKNOWN);
        *self.numbers.entry(name).or_insert(next)
    }

    /// The number of the name that a text gives, through `read`; none where it gives none.
    fn of_text(
        &mut self,
        memory: usize,
        symbol: Symbol,
        read: impl Fn(&str) -> Option<String>,
    ) -> Option<u32> {
        let slot = symbol.0 as usize;
        let known = self.known.get(memory)?.get(slot).copied()?;
        if known != UNKNOWN {
            return (known != NAMELESS).then_some(known);
        }
        let case = self.case;
        let name = case.store().text(symbol).and_then(read);
        let number = name.map(|name| self.number(name));
        if let Some(slot) = self
            .known
            .get_mut(memory)
            .and_then(|known| known.get_mut(slot))
        {
            *slot = number.unwrap_or(NAMELESS);
        }
        number
    }

    fn of_kind(&mut self, kind: EventKind) -> u32 {
        let at = EventKind::ALL.iter().position(|other| *other == kind);
        let at = at.unwrap_or(0);
        let known = self.of_kind.get(at).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let number = self.number(kind.word().to_owned());
        if let Some(slot) = self.of_kind.get_mut(at) {
            *slot = number;
        }
        number
    }

    fn of_item(&mut self, event: EventNumber) -> u32 {
        let at = self.case.store().item_of(event) as usize;
        let known = self.of_item.get(at).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let item = self.case.items().get(at);
        let name = match self.by {
            LanesBy::Source => item
                .and_then(|item| item.report.as_ref())
                .map(|report| report.format.clone()),
            LanesBy::Vm => item.and_then(|item| item.host.as_deref().map(host_label)),
            _ => None,
        };
        let number = self.number(name.unwrap_or_default());
        if let Some(slot) = self.of_item.get_mut(at) {
            *slot = number;
        }
        number
    }

    fn of(&mut self, event: EventNumber) -> u32 {
        let columns = &self.case.store().columns;
        let symbol = |column: &Column<Symbol>| column.get(event as usize);
        match self.by {
            LanesBy::Kind => self.of_kind(columns.kind(event as usize)),
            LanesBy::Caller => symbol(&columns.actor)
                .and_then(|symbol| self.of_text(0, symbol, |text| Some(text.to_owned())))
                .unwrap_or_else(|| self.number(String::new())),
            LanesBy::Source => self.of_item(event),
            LanesBy::Vm => {
                let vm = symbol(&columns.resource).and_then(|symbol| {
                    self.of_text(0, symbol, |text| ResourceId::parse(text).vm())
                });
                let guest = |names: &mut Self| {
                    let host = symbol(&columns.host)?;
                    names.of_text(1, host, |text| Some(host_label(text)))
                };
                vm.or_else(|| guest(self))
                    .unwrap_or_else(|| self.of_item(event))
            }
            LanesBy::Incident => match self.incident.get(&event).copied() {
                Some(incident) => self.number(format!("{}", incident + 1)),
                None => self.number(String::new()),
            },
        }
    }
}

impl Lanes {
    /// Puts these events into lanes: kinds in their own order, incidents by number, everything else by how many events it has.
    #[must_use]
    pub fn of(case: &Case, order: &[EventNumber], by: LanesBy) -> Self {
        let mut names = Names::new(case, by);
        let of_event: Vec<u32> = order.iter().map(|event| names.of(*event)).collect();
        let mut totals = vec![0_u64; names.numbers.len()];
        for number in &of_event {
            if let Some(total) = totals.get_mut(*number as usize) {
                *total += 1;
            }
        }
        let kind_place = |name: &str| EventKind::ALL.iter().position(|kind| kind.word() == name);
        let mut ranked: Vec<(String, u32, u64)> = names
            .numbers
            .into_iter()
            .map(|(name, number)| {
                let total = totals.get(number as usize).copied().unwrap_or(0);
                (name, number, total)
            })
            .collect();
        ranked.sort_by_cached_key(|(name, _, total)| {
            let place = match by {
                LanesBy::Kind => kind_place(name).unwrap_or(usize::MAX),
                LanesBy::Incident => name.parse().unwrap_or(usize::MAX),
                _ => 0,
            };
            // What nothing is known of stands last, however much it is.
            (name.is_empty(), place, Reverse(*total), name.clone())
        });
        let mut groups: Vec<Group> = Vec::new();
        let mut lane_of = vec![0_usize; ranked.len()];
        for (name, number, total) in ranked {
            if groups.len() < MOST_LANES {
                groups.push(Group {
                    name,
                    total,
                    names: 1,
                    kinds: Vec::new(),
                });
            } else if let Some(last) = groups.last_mut() {
                last.name.clear();
                last.total += total;
                last.names += 1;
            }
            if let Some(slot) = lane_of.get_mut(number as usize) {
                *slot = groups.len() - 1;
            }
        }
        let kinds = &case.store().columns.kind;
        for (place, (event, number)) in (0_u32..).zip(order.iter().zip(of_event)) {
            let kind = kinds.get(*event as usize).map_or(0, usize::from);
            let lane = lane_of.get(number as usize).copied().unwrap_or(0);
            let Some(group) = groups.get_mut(lane) else {
                continue;
            };
            match group.kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, places)) => places.push(place),
                None => group.kinds.push((kind, vec![place])),
            }
        }
        for group in &mut groups {
            group.kinds.sort_by_key(|(kind, _)| *kind);
        }
        Self { by, groups }
    }

    /// What they are made of.
    #[must_use]
    pub fn by(&self) -> LanesBy {
        self.by
    }

    /// Counts per bin. Lanes named in `open` are followed by one for each of their kinds.
    #[must_use]
    pub fn counts(
        &self,
        case: &Case,
        order: &[EventNumber],
        stretch: Stretch,
        open: &[String],
    ) -> LaneCounts {
        let edges = edges(case, order, stretch);
        let bins = stretch.parts();
        let mut answer = LaneCounts {
            lanes: Vec::new(),
            counts: Vec::new(),
            bins,
        };
        for group in &self.groups {
            let own = match group.kinds.as_slice() {
                [(kind, _)] => EventKind::ALL.get(*kind).map(|kind| kind.word()),
                _ => None,
            };
            answer.lanes.push(ShownLane {
                name: group.name.clone(),
                kind: own,
                depth: 0,
                total: group.total,
                kinds: if self.by == LanesBy::Kind {
                    0
                } else {
                    group.kinds.len()
                },
                names: group.names,
            });
            let mut sum = vec![0_u32; bins];
            let mut inside = Vec::new();
            for (kind, places) in &group.kinds {
                let counts = counted(places, &edges);
                for (all, count) in sum.iter_mut().zip(&counts) {
                    *all += count;
                }
                inside.push((*kind, places.len(), counts));
            }
            answer.counts.append(&mut sum);
            if self.by == LanesBy::Kind || !open.contains(&group.name) {
                continue;
            }
            for (kind, total, mut counts) in inside {
                answer.lanes.push(ShownLane {
                    name: group.name.clone(),
                    kind: EventKind::ALL.get(kind).map(|kind| kind.word()),
                    depth: 1,
                    total: total as u64,
                    kinds: 0,
                    names: group.names,
                });
                answer.counts.append(&mut counts);
            }
        }
        answer
    }

    /// The place in the order of the lane's event nearest to a moment, if one is within `within_ms` of it.
    #[must_use]
    pub fn nearest(
        &self,
        case: &Case,
        order: &[EventNumber],
        lane: (&str, Option<&str>),
        ms: f64,
        within_ms: f64,
    ) -> Option<usize> {
        let group = self.groups.iter().find(|group| group.name == lane.0)?;
        let at = |place: u32| {
            let stamp = case.store().stamp(*order.get(place as usize)?)?;
            Some(stamp.instant.ms())
        };
        let mut best: Option<(f64, u32)> = None;
        for (kind, places) in &group.kinds {
            let word = EventKind::ALL.get(*kind).map(|kind| kind.word());
            if lane.1.is_some() && lane.1 != word {
                continue;
            }
            let next = places.partition_point(|place| at(*place).is_some_and(|at| at < ms));
            for near in [next.checked_sub(1), Some(next)].into_iter().flatten() {
                let Some(place) = places.get(near).copied() else {
                    continue;
                };
                let apart = at(place).map_or(f64::INFINITY, |at| (at - ms).abs());
                let closer = best.is_none_or(|(least, first)| {
                    apart < least || (apart <= least && place < first)
                });
                if apart <= within_ms && closer {
                    best = Some((apart, place));
                }
            }
        }
        best.map(|(_, place)| place as usize)
    }
}

/// How many places lie between each two edges.
fn counted(places: &[u32], edges: &[usize]) -> Vec<u32> {
    let mut at = 0;
    let mut before = None;
    let mut counts = Vec::with_capacity(edges.len());
    for edge in edges {
        at = gallop(places.len(), at, |place| {
            places
                .get(place)
                .is_some_and(|place| (*place as usize) < *edge)
        });
        if let Some(before) = before.replace(at) {
            counts.push(u32::try_from(at - before).unwrap_or(u32::MAX));
        }
    }
    counts
}

#[cfg(test)]
mod tests;
