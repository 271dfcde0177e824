//! Which cloud operation is which guest run (detectors 34): who asked joined with what ran.
//!
//! | file | question |
//! |---|---|
//! | [`sides`] | what of an operation and of a run can be compared? |
//! | [`vms`] | which VM is a guest? |
//! | [`goal_states`] | which goal state led to a run? |
//! | [`witnesses`] | who else saw a run? |
//! | `latency` | which waits has no run? |
//! | [`features`] | what speaks for a pair, in points? |
//! | [`solve`] | which pairs of one VM may be linked, family by family? |
//! | [`assign`] | which set of them is best, where there is an order? |
//! | [`unordered`] | and where there is none? |
//! | [`overrides`] | what did the analyst say? |
//! | `clocks` | which course did the clock keep? |
//! | [`alignments`] | how probable is a pair among all alignments? |
//! | [`odds`] | how much better does a pair explain the evidence than two lost partners? |
//! | `weigh` | and what share has it, counter by counter? |
//! | `guests` | whose are the runs, and which VM is that? |
//! | `contested` | which of them could as well be another? |
//! | `answer` | how sure is each pair, and why? |
//!
//! ```text
//! operation  10:00:00 … 10:00:40  runCommand/action on web01, succeeded
//! run        10:00:05 … 10:00:35  web01.contoso.example, number 3, success
//! execution  both, score 70, margin 70: high
//! ```
//!
//! Each guest is one VM; where two VMs could be it, the one is taken that explains its runs better, and no link is surer than that.
//! The clock of the guest is estimated first, from goal states or by search, then again from the pairs found, until they stay
//! the same. Everything is a function of the reconstructed case alone.
//!
//! Rejected: the nearest operation in time for each run. Two commands within a minute, and it links both wrongly.

pub mod alignments;
mod answer;
pub mod assign;
mod clocks;
mod contested;
pub mod features;
pub mod goal_states;
mod guests;
mod latency;
pub mod odds;
pub mod overrides;
pub mod sides;
pub mod solve;
pub mod unordered;
pub mod vms;
mod weigh;
pub mod witnesses;

use super::operations::Operation;
use super::runs::Run;
use super::skew::estimate::{Assumptions, Confidence, Estimate};
use super::skew::offset::Offset;
use super::skew::search::Search;
use crate::case::store::EventNumber;
use crate::settings::Settings;
use crate::time::NS_PER_SECOND;
use clocks::OnVm;
use features::{Identity, POINT, Reason, compare};
use goal_states::GoalStates;
use overrides::LinkOverrides;
use sides::{Asked, Ran};
use solve::{Pair, Solving};
use std::collections::{BTreeMap, BTreeSet};
use vms::{Guest, Vm};
use witnesses::Seen;

/// Rounds of linking and estimating at most.
const ROUNDS: usize = 3;
/// What lies this close to its operation tells the clock.
const CLOSE: i64 = 15 * NS_PER_SECOND;
/// What a pair may need beyond the interval of a clock that is known well.
const SLACK: i64 = 10 * NS_PER_SECOND;
/// The same for a clock of which nothing is known: it is taken to be right, but not to the second.
const UNKNOWN: i64 = 60 * NS_PER_SECOND;

/// A clock that is known well is known to within this.
const KNOWN_WITHIN: i64 = 2 * NS_PER_SECOND;

/// What linking needs to know.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Operations in time order.
    pub operations: &'a [Operation],
    /// Runs in time order.
    pub runs: &'a [Run],
    /// Goal states.
    pub goal_states: &'a GoalStates,
    /// What others saw of each run.
    pub seen: &'a [Seen],
    /// Parameters.
    pub settings: &'a Settings,
    /// What the analyst said.
    pub overrides: &'a LinkOverrides,
}

/// A cloud operation, a guest run, or both joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Place among the operations.
    pub operation: Option<usize>,
    /// Place among the runs.
    pub run: Option<usize>,
    /// How sure the link is; none where there is only one side.
    pub confidence: Option<Confidence>,
    /// Score in millionths of a point.
    pub score: Option<i64>,
    /// Margin in millionths of a point; none where the analyst confirmed.
    pub margin: Option<i64>,
    /// What speaks for it.
    pub reasons: Vec<Reason>,
    /// Whether the analyst confirmed it.
    pub confirmed: bool,
    /// The run that fits the operation next best, with its score.
    pub next_run: Option<(usize, i64)>,
    /// The operation that fits the run next best, with its score.
    pub next_operation: Option<(usize, i64)>,
    /// Processes seen of it.
    pub processes: Vec<EventNumber>,
    /// Flows seen of it.
    pub flows: Vec<EventNumber>,
}

impl Execution {
    /// Whether it was left without its other side because more than one would do.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        let alone = self.operation.is_none() || self.run.is_none();
        alone && (self.next_run.is_some() || self.next_operation.is_some())
    }
}

/// The clock of one guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The guest, as its evidence spells it.
    pub host: Option<String>,
    /// The VM it is.
    pub resource: Option<String>,
    /// The estimate.
    pub estimate: Estimate,
    /// The offset by which its runs were linked.
    pub applied: Offset,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    /// In time order.
    pub executions: Vec<Execution>,
    /// By guest.
    pub clocks: Vec<Clock>,
    /// For each run the VM it ran on.
    pub resources: Vec<Option<String>>,
    /// For each run the correlation ids of the goal states that led to it.
    pub brought: Vec<Vec<String>>,
    /// For each run its guest's place among the clocks.
    pub clock_of: Vec<Option<usize>>,
}

impl Linked {
    /// The clock of a run's guest.
    #[must_use]
    pub fn clock_of_run(&self, run: usize) -> Option<&Clock> {
        let at = self.clock_of.get(run).copied().flatten()?;
        self.clocks.get(at)
    }
}

/// Links operations and runs.
#[must_use]
#[inline(never)]
pub fn link(known: &Known<'_>) -> Linked {
    Linking::new(known).link()
}

/// A guest with what was concluded of it.
struct Place {
    guest: Guest,
    ran: Vec<usize>,
    /// The VM, its points and why, and what the next VM explains less.
    vm: Option<(String, i64, String, i64)>,
    offset: Offset,
    estimate: Estimate,
}

struct Linking<'a> {
    known: &'a Known<'a>,
    asked: Vec<Asked>,
    ran: Vec<Ran>,
    vms: BTreeMap<String, Vm>,
    places: Vec<Place>,
    /// As places in `asked` and `ran`.
    confirmed: Vec<(usize, usize)>,
    /// As (operation, run).
    rejected: BTreeSet<(usize, usize)>,
    /// Share in millionths of each pair of numbered executions in all explanations, as places in `asked` and `ran`.
    shares: BTreeMap<(usize, usize), u32>,
    window: i64,
    least: i64,
    search_window: i64,
    assumed: Assumptions,
}

impl<'a> Linking<'a> {
    fn new(known: &'a Known<'a>) -> Self {
        let mut place_of: Vec<Option<usize>> = Vec::new();
        let mut asked: Vec<Asked> = Vec::new();
        for (at, op) in known.operations.iter().enumerate() {
            let one = Asked::of(at, op);
            place_of.push(one.as_ref().map(|_| asked.len()));
            asked.extend(one);
        }
        let vms = vms::of_operations(known.operations, &place_of);
        for vm in vms.values() {
            for at in &vm.asked {
                if let Some(op) = asked.get_mut(*at) {
                    op.os = op.os.or(vm.os);
                }
            }
        }
        let seconds = |number: i64| number.saturating_mul(NS_PER_SECOND);
        let (link, skew) = (
            &known.settings.cloud_guest_link,
            &known.settings.skew_estimate,
        );
        let mut linking = Self {
            known,
            asked,
            ran: Vec::new(),
            vms,
            places: Vec::new(),
            confirmed: Vec::new(),
            rejected: BTreeSet::new(),
            shares: BTreeMap::new(),
            window: seconds(link.window_seconds),
            least: link.least_score * POINT,
            search_window: seconds(skew.window_seconds),
            assumed: Assumptions {
                start_latency: seconds(skew.start_latency_seconds),
                least_pairs: usize::try_from(skew.least_pairs).unwrap_or(1),
            },
        };
        linking.find_guests();
        linking.hear_analyst();
        linking.learn();
        linking
    }

    fn link(mut self) -> Linked {
        for host in 0..self.places.len() {
            self.place_guest(host);
        }
        let mut pairs: Vec<Pair> = Vec::new();
        let resources: Vec<String> = self.vms.keys().cloned().collect();
        for resource in &resources {
            pairs.extend(self.link_vm(resource));
        }
        let (contested, pairs): (Vec<Pair>, Vec<Pair>) =
            pairs.into_iter().partition(|pair| self.is_contested(pair));
        self.answer(&pairs, &contested)
    }

    /// Points of each guest for being this VM.
    fn host_points(&self, hosts: &[(usize, i64)]) -> Vec<i64> {
        let mut points = vec![0; self.places.len()];
        for (host, of_host) in hosts {
            if let Some(slot) = points.get_mut(*host) {
                *slot = *of_host;
            }
        }
        points
    }

    fn solving<'s>(
        &'s self,
        host: &'s [i64],
        offsets: &'s [Offset],
        slack: &'s [Option<i64>],
    ) -> Solving<'s> {
        Solving {
            asked: &self.asked,
            ran: &self.ran,
            host,
            offsets,
            slack,
            window: self.window,
            least: self.least,
            rejected: &self.rejected,
            confirmed: &self.confirmed,
        }
    }

    fn free_asked(&self, vm: &Vm) -> Vec<usize> {
        let taken: BTreeSet<usize> = self.confirmed.iter().map(|(asked, _)| *asked).collect();
        let free = vm.asked.iter().copied();
        free.filter(|at| !taken.contains(at)).collect()
    }

    fn free_ran(&self, host: usize) -> Vec<usize> {
        let taken: BTreeSet<usize> = self.confirmed.iter().map(|(_, ran)| *ran).collect();
        let all = self.places.get(host).map(|place| place.ran.as_slice());
        let free = all.unwrap_or_default().iter().copied();
        free.filter(|at| !taken.contains(at)).collect()
    }

    fn search<'s>(
        &'s self,
        host: usize,
        solving: Solving<'s>,
        asked: &'s [usize],
        ran: &'s [usize],
    ) -> Search<'s> {
        let label = self.places.get(host).map(|place| &place.guest.label);
        let said = label.and_then(|label| self.known.goal_states.guests.get(label));
        Search {
            solving,
            asked,
            ran,
            host,
            goal_states: said.and_then(goal_states::OfGuest::bound),
            window: self.search_window,
            assumed: self.assumed,
        }
    }

    /// Links one VM with its guests, and estimates their clocks from the pairs, until both stay the same.
    fn link_vm(&mut self, resource: &str) -> Vec<Pair> {
        let hosts: Vec<(usize, i64)> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(host, place)| match &place.vm {
                Some((vm, points, ..)) if vm == resource => Some((host, *points)),
                _ => None,
            })
            .collect();
        let Some(vm) = self.vms.get(resource).filter(|_| !hosts.is_empty()) else {
            return Vec::new();
        };
        let asked = self.free_asked(vm);
        let of_host: Vec<(usize, Vec<usize>)> = hosts
            .iter()
            .map(|(host, _)| (*host, self.free_ran(*host)))
            .collect();
        let ran: Vec<usize> = of_host
            .iter()
            .flat_map(|(_, ran)| ran.iter().copied())
            .collect();
        let points = self.host_points(&hosts);
        let mut shares: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        let mut offsets: Vec<Offset> = self.places.iter().map(|place| place.offset).collect();
        for (host, own) in &of_host {
            let course = self.weigh_courses(OnVm {
                host: *host,
                points: &points,
                asked: &asked,
                ran: &ran,
                own,
                offsets: &offsets,
            });
            shares.extend(
                course
                    .shares
                    .into_iter()
                    .filter(|((_, at), _)| own.binary_search(at).is_ok()),
            );
            if let Some(slot) = offsets.get_mut(*host) {
                *slot = course.offset;
            }
        }
        let mut slack: Vec<Option<i64>> = vec![None; self.places.len()];
        let mut pairs: Vec<Pair> = Vec::new();
        for round in 0..=ROUNDS {
            // First only what lies close: of many runs near each other those pairs tell the clock, and the clock rules the others out.
            let mut solving = self.solving(&points, &offsets, &slack);
            if round == 0 {
                solving.window = solving.window.min(CLOSE);
            }
            let next = solving.solve(&asked, &ran);
            let same = |one: &Pair, other: &Pair| (one.asked, one.ran) == (other.asked, other.ran);
            let settled = round > 1
                && next.len() == pairs.len()
                && next.iter().zip(&pairs).all(|(one, other)| same(one, other));
            pairs = next;
            let all = self.with_confirmed(&pairs, &points);
            let estimates: Vec<(usize, Estimate, bool)> = of_host
                .iter()
                .map(|(host, of_guest)| {
                    let search = self.search(*host, solving, &asked, of_guest);
                    let own = pairs
                        .iter()
                        .filter(|pair| of_guest.binary_search(&pair.ran).is_ok());
                    let decisive = own
                        .filter(|pair| pair.features.identity == Identity::GoalState)
                        .count();
                    let course = offsets.get(*host).copied().unwrap_or(Offset::NONE);
                    (*host, search.estimate_along(&all, course), decisive > 0)
                })
                .collect();
            let before = offsets.clone();
            for (host, found, decisive) in estimates {
                // Few pairs may agree by chance: they are reported, and change nothing.
                let sure = found.confidence > Confidence::Low;
                if let (Some(offset), Some(slot), true) =
                    (found.offset, offsets.get_mut(host), sure || decisive)
                {
                    *slot = offset;
                }
                if let (Some(_), true, Some(slot)) = (found.offset, sure, slack.get_mut(host)) {
                    *slot = Some(SLACK);
                }
                if let Some(place) = self.places.get_mut(host) {
                    place.estimate = found;
                }
            }
            if settled || round > 0 && offsets == before {
                break;
            }
        }
        let unknown = hosts.iter().filter_map(|(host, _)| {
            let slot = slack.get(*host)?;
            slot.is_none().then_some(*host)
        });
        let unknown: Vec<usize> = unknown.collect();
        if !unknown.is_empty() {
            for host in unknown {
                if let Some(slot) = slack.get_mut(host) {
                    *slot = Some(UNKNOWN);
                }
            }
            pairs = self.solving(&points, &offsets, &slack).solve(&asked, &ran);
        }
        let in_millionths = |share: f64| (share * 1e6) as u32;
        let shares: BTreeMap<(usize, usize), u32> = shares
            .into_iter()
            .map(|(pair, share)| (pair, in_millionths(share)))
            .collect();
        let decided: BTreeSet<(usize, usize)> = shares
            .iter()
            .filter(|(_, share)| **share >= contested::STATED)
            .map(|(pair, _)| *pair)
            .collect();
        let solving = self.solving(&points, &offsets, &slack);
        let (taken_asked, taken_ran): (BTreeSet<usize>, BTreeSet<usize>) =
            decided.iter().copied().unzip();
        // What is decided goes before the greatest sum of points.
        pairs.retain(|pair| {
            decided.contains(&(pair.asked, pair.ran))
                || !taken_asked.contains(&pair.asked) && !taken_ran.contains(&pair.ran)
        });
        let have: BTreeSet<(usize, usize)> =
            pairs.iter().map(|pair| (pair.asked, pair.ran)).collect();
        let missed = decided.difference(&have);
        let linkable = |pair: &Pair| pair.features.score() >= self.least;
        pairs.extend(
            missed
                .filter_map(|(asked, ran)| solving.as_pair(*asked, *ran))
                .filter(linkable),
        );
        pairs.sort_unstable_by_key(|pair| (pair.asked, pair.ran));
        self.shares.extend(shares);
        for (host, _) in &hosts {
            if let (Some(place), Some(offset)) = (self.places.get_mut(*host), offsets.get(*host)) {
                place.offset = *offset;
            }
        }
        pairs
    }

    /// The pairs with those that the analyst confirmed: they bound the clock as well.
    fn with_confirmed(&self, pairs: &[Pair], points: &[i64]) -> Vec<Pair> {
        let mut all = pairs.to_vec();
        all.extend(self.confirmed.iter().filter_map(|(asked, ran)| {
            let (op, run) = (self.asked.get(*asked)?, self.ran.get(*ran)?);
            let host = points.get(run.host).copied().filter(|points| *points > 0)?;
            let features = compare(op, run, host, Offset::NONE, i64::MAX / 8)?;
            Some(Pair {
                asked: *asked,
                ran: *ran,
                features,
                margin: 0,
                next_ran: None,
                next_asked: None,
            })
        }));
        all
    }
}

/// Points as the case document shows them: to the hundredth.
#[must_use]
pub fn in_points(points: i64) -> f64 {
    let hundredths = (points + (POINT / 200) * points.signum()) / (POINT / 100);
    hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests;
