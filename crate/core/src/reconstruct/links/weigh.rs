//! Every admissible pair of a VM with the share that it has among all ways to explain the evidence.
//!
//! One counter at a time: its executions in the order of their numbers, numbers between them of which nothing is left, and the operations in
//! order of time. How often an operation's rows are lost is estimated from the counter itself and weighed again.
//!
//! Rejected: a rate of losses as a setting. Nobody knows it, and the case shows it.

use super::alignments::{Cell, Worth, shares};
use super::features::Features;
use super::odds::{Known, of_missing, of_pair};
use super::solve::{Group, Solving};
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;
use std::collections::{BTreeMap, BTreeSet};

/// Missing numbers looked at between two executions, and before the first and behind the last.
const MISSING: i64 = 12;
/// A missing number's operation may lie so far outside its neighbours.
const AROUND: i64 = 120 * NS_PER_SECOND;
/// How long before the first and behind the last a missing number is looked for.
const OUTSIDE: i64 = 3_600 * NS_PER_SECOND;
/// How often an operation is shown, before anything is known: so many of so many.
const SHOWN: (f64, f64) = (4.6, 5.0);
/// Rounds of estimating how often.
const ROUNDS: usize = 3;

/// What weighing a VM gives.
#[derive(Clone, Debug, Default)]
pub struct Weighed {
    /// Share of each pair of operation and execution, as places in `asked` and `ran`.
    pub shares: BTreeMap<(usize, usize), f64>,
    /// The worth of all explanations.
    pub worth: Worth,
}

/// Pairs, as places in `asked` and `ran`, with their shares.
type Shares = Vec<((usize, usize), f64)>;

/// A number in a counter's order.
struct Slot {
    /// Place in the group's order; none where nothing is left of it.
    ran: Option<usize>,
    /// Between which times by the cloud's clock a missing one lies.
    within: (i64, i64),
    /// Whether there was one: between two numbers surely, before the first and behind the last perhaps.
    sure: bool,
}

impl Solving<'_> {
    /// Shares of the numbered executions' pairs, the clocks being known to within `blur` nanoseconds each.
    #[must_use]
    pub fn weigh(&self, asked: &[usize], ran: &[usize], blur: &[i64]) -> Weighed {
        let mut weighed = Weighed {
            worth: Worth::ONE,
            ..Weighed::default()
        };
        let named = self.names_operations(asked, ran);
        for group in self.named_groups(asked, ran) {
            let (candidates, features) = self.candidates(&group);
            let (of_group, worth) = self.weigh_group(&group, &candidates, &features, blur, &named);
            weighed.worth = weighed.worth.by(worth);
            weighed.shares.extend(of_group);
        }
        weighed
    }

    /// Guests of which at least two goal states name operations on this VM: their correlation ids are those of the cloud's log.
    fn names_operations(&self, asked: &[usize], ran: &[usize]) -> BTreeSet<usize> {
        let known: BTreeSet<&str> = asked
            .iter()
            .filter_map(|at| self.asked.get(*at)?.correlation.as_deref())
            .collect();
        let mut named: BTreeMap<usize, usize> = BTreeMap::new();
        for run in ran.iter().filter_map(|at| self.ran.get(*at)) {
            if run
                .correlations
                .iter()
                .any(|id| known.contains(id.as_str()))
            {
                *named.entry(run.host).or_default() += 1;
            }
        }
        let often = named.into_iter().filter(|(_, times)| *times > 1);
        often.map(|(host, _)| host).collect()
    }

    fn weigh_group(
        &self,
        group: &Group<'_>,
        candidates: &[super::assign::Candidate],
        features: &[Features],
        blur: &[i64],
        named: &BTreeSet<usize>,
    ) -> (Shares, Worth) {
        let slots = self.slots(group);
        let mut place_of: Vec<u32> = vec![0; group.ran.len()];
        for (slot, at) in slots.iter().enumerate() {
            if let Some(place) = at.ran.and_then(|at| place_of.get_mut(at)) {
                *place = u32::try_from(slot).unwrap_or(u32::MAX);
            }
        }
        let covered = self.covered(group);
        let mut cells: Vec<(Cell, Option<(usize, usize)>)> = Vec::new();
        for (candidate, features) in candidates.iter().zip(features) {
            let (asked, ran) = (candidate.asked as usize, candidate.ran as usize);
            let (Some(asked), Some(ran)) = (group.asked.get(asked), group.ran.get(ran)) else {
                continue;
            };
            let (Some(op), Some(run)) = (self.asked.get(*asked), self.ran.get(*ran)) else {
                continue;
            };
            let offset = self.offsets.get(run.host).copied().unwrap_or(Offset::NONE);
            let blur = blur.get(run.host).copied().unwrap_or(0);
            let known = Known {
                blur: blur as f64 / NS_PER_SECOND as f64,
                names: named.contains(&run.host),
            };
            let cell = Cell {
                asked: candidate.asked,
                ran: place_of.get(candidate.ran as usize).copied().unwrap_or(0),
                odds: of_pair(op, run, features.identity, offset, known),
            };
            cells.push((cell, Some((*asked, *ran))));
        }
        self.missing(group, &slots, &mut cells);
        cells.sort_unstable_by_key(|(cell, _)| (cell.asked, cell.ran));
        let gone = slots
            .iter()
            .filter(|slot| slot.sure && slot.ran.is_none())
            .count() as f64;
        // Of commands that ran, the share of which nothing is left.
        let lost = (gone + 0.3) / (gone + group.ran.len() as f64 + 5.0);
        let (mut met, mut of) = SHOWN;
        let mut result = (Vec::new(), Worth::ONE);
        for _ in 0..ROUNDS {
            let shown = met / of;
            let only: Vec<Cell> = cells
                .iter()
                .map(|(cell, _)| {
                    let sure = slots.get(cell.ran as usize).is_some_and(|slot| slot.sure);
                    let alone = if sure { 1.0 - shown } else { 1.0 / lost };
                    Cell {
                        odds: cell.odds * shown / alone,
                        ..*cell
                    }
                })
                .collect();
            let (share, mut worth) = shares(&only);
            for _ in slots.iter().filter(|slot| slot.sure) {
                worth = worth.times(1.0 - shown);
            }
            let mut found = Shares::new();
            let mut sum = 0.0;
            for ((_, pair), share) in cells.iter().zip(share) {
                let Some((asked, ran)) = *pair else { continue };
                if covered.contains(&ran) {
                    sum += share;
                }
                found.push(((asked, ran), share));
            }
            met = SHOWN.0 + sum;
            of = SHOWN.1 + covered.len() as f64;
            result = (found, worth);
        }
        result
    }

    /// Executions in the time that the operations cover.
    fn covered(&self, group: &Group<'_>) -> BTreeSet<usize> {
        let asked = || group.asked.iter().filter_map(|at| self.asked.get(*at));
        let first = asked().map(|op| op.first).min().unwrap_or(i64::MAX);
        let last = asked().map(|op| op.first).max().unwrap_or(i64::MIN);
        let within = |at: &&usize| {
            let time = self.ran.get(**at).map(|run| self.cloud_time(run));
            time.is_some_and(|time| (first..=last.saturating_add(AROUND)).contains(&time))
        };
        group.ran.iter().filter(within).copied().collect()
    }

    /// Executions and the numbers missing between them.
    fn slots(&self, group: &Group<'_>) -> Vec<Slot> {
        let mut slots: Vec<Slot> = Vec::new();
        let mut last: Option<(usize, i64, i64)> = None;
        let missing = |slots: &mut Vec<Slot>, count: i64, within: (i64, i64), sure: bool| {
            for _ in 0..count.clamp(0, MISSING) {
                slots.push(Slot {
                    ran: None,
                    within,
                    sure,
                });
            }
        };
        for (place, at) in group.ran.iter().enumerate() {
            let Some(run) = self.ran.get(*at) else {
                continue;
            };
            let number = run.sequence.unwrap_or(0);
            let time = self.cloud_time(run);
            let continues = last.filter(|(before, most, _)| {
                let same = self.ran.get(*before).is_some_and(|other| {
                    super::solve::counter(other) == super::solve::counter(run)
                });
                same && number >= *most
            });
            match continues {
                Some((_, most, then)) => missing(&mut slots, number - most - 1, (then, time), true),
                None => {
                    if let Some((_, _, then)) = last {
                        missing(
                            &mut slots,
                            MISSING,
                            (then, then.saturating_add(OUTSIDE)),
                            false,
                        );
                    }
                    missing(
                        &mut slots,
                        number,
                        (time.saturating_sub(OUTSIDE), time),
                        false,
                    );
                }
            }
            slots.push(Slot {
                ran: Some(place),
                within: (time, time),
                sure: true,
            });
            let time = if time == i64::MAX {
                continues.map_or(time, |(_, _, then)| then)
            } else {
                time
            };
            last = Some((*at, number, time));
        }
        if let Some((_, _, then)) = last {
            missing(
                &mut slots,
                MISSING,
                (then, then.saturating_add(OUTSIDE)),
                false,
            );
        }
        slots
    }

    /// Operations that may be of missing numbers.
    fn missing(
        &self,
        group: &Group<'_>,
        slots: &[Slot],
        cells: &mut Vec<(Cell, Option<(usize, usize)>)>,
    ) {
        for (place, slot) in slots.iter().enumerate() {
            let (from, to) = slot.within;
            if slot.ran.is_some() || from == i64::MAX || to == i64::MAX {
                continue;
            }
            let within = to.saturating_sub(from) as f64 / NS_PER_SECOND as f64;
            let (earliest, latest) = (from.saturating_sub(AROUND), to.saturating_add(AROUND));
            let first = group
                .asked
                .partition_point(|at| self.asked.get(*at).is_some_and(|op| op.first < earliest));
            for (asked, at) in group.asked.iter().enumerate().skip(first) {
                let Some(op) = self.asked.get(*at) else {
                    continue;
                };
                let begins = if op.complete_start {
                    op.first
                } else {
                    op.start
                };
                if op.first > latest && begins > latest {
                    break;
                }
                let cell = Cell {
                    asked: u32::try_from(asked).unwrap_or(u32::MAX),
                    ran: u32::try_from(place).unwrap_or(u32::MAX),
                    odds: of_missing(op, within),
                };
                cells.push((cell, None));
            }
        }
    }
}
