//! Which cloud operation is which guest run (detectors 34): who asked joined with what ran.
//!
//! | file | question |
//! |---|---|
//! | [`sides`] | what of an operation and of a run can be compared? |
//! | [`vms`] | which VM is a guest? |
//! | [`goal_states`] | which goal state led to a run? |
//! | [`features`] | what speaks for a pair, in points? |
//! | [`solve`] | which pairs of one VM may be linked, family by family? |
//! | [`assign`] | which set of them is best, where there is an order? |
//! | [`unordered`] | and where there is none? |
//! | [`overrides`] | what did the analyst say? |
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

pub mod assign;
pub mod features;
pub mod goal_states;
pub mod overrides;
pub mod sides;
pub mod solve;
pub mod unordered;
pub mod vms;

use super::operations::Operation;
use super::runs::Run;
use super::skew::estimate::{Assumptions, Confidence, Estimate, estimate};
use super::skew::offset::Offset;
use super::skew::search::Search;
use crate::case::store::EventNumber;
use crate::settings::Settings;
use crate::time::NS_PER_SECOND;
use features::{Identity, POINT, Reason, compare};
use goal_states::GoalStates;
use overrides::{LinkOverrides, OperationKey, RunKey};
use sides::{Asked, Ran};
use solve::{Pair, Solving};
use std::collections::{BTreeMap, BTreeSet};
use vms::{Guest, Vm};

/// Rounds of linking and estimating at most.
const ROUNDS: usize = 3;

/// What linking needs to know.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Operations in time order.
    pub operations: &'a [Operation],
    /// Runs in time order.
    pub runs: &'a [Run],
    /// Goal states.
    pub goal_states: &'a GoalStates,
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
    /// Processes seen of it.
    pub processes: Vec<EventNumber>,
    /// Flows seen of it.
    pub flows: Vec<EventNumber>,
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
}

/// Links operations and runs.
#[must_use]
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

    /// One place for each guest label, and each run with its guest.
    fn find_guests(&mut self) {
        let known = self.known;
        let mut labels: BTreeSet<String> = known.runs.iter().map(goal_states::label).collect();
        labels.extend(known.goal_states.guests.keys().cloned());
        let labels: Vec<String> = labels.into_iter().collect();
        for label in &labels {
            let said = known.goal_states.guests.get(label);
            self.places.push(Place {
                guest: Guest {
                    label: label.clone(),
                    spelled: label.clone(),
                    resources: said.map(|said| said.resources.clone()).unwrap_or_default(),
                    vm_names: said.map(|said| said.vm_names.clone()).unwrap_or_default(),
                    ..Guest::default()
                },
                ran: Vec::new(),
                vm: None,
                offset: Offset::NONE,
                estimate: estimate(
                    &[],
                    said.and_then(goal_states::OfGuest::bound),
                    self.assumed,
                ),
            });
        }
        for (at, run) in known.runs.iter().enumerate() {
            let Ok(host) = labels.binary_search(&goal_states::label(run)) else {
                continue;
            };
            let mut ran = Ran::of(at, host, run);
            let brought = known.goal_states.brought.get(at);
            ran.correlations = brought.cloned().unwrap_or_default();
            ran.asynchronous = known.goal_states.asynchronous.get(at).copied().flatten();
            if let Some(place) = self.places.get_mut(host) {
                place.ran.push(self.ran.len());
                if let (Some(spelled), true) = (&run.host, place.guest.spelled == place.guest.label)
                {
                    place.guest.spelled.clone_from(spelled);
                }
            }
            self.ran.push(ran);
        }
    }

    fn hear_analyst(&mut self) {
        let overrides = self.known.overrides;
        for (host, resource) in &overrides.host_to_vm {
            let label = crate::identity::host_label(host);
            let place = self
                .places
                .iter_mut()
                .find(|place| place.guest.label == label);
            if let Some(place) = place {
                place.guest.mapped = vms::vm_of(resource);
            }
        }
        if overrides.confirmed.is_empty() && overrides.rejected.is_empty() {
            return;
        }
        let mut operations: BTreeMap<OperationKey, Vec<usize>> = BTreeMap::new();
        for (at, op) in self.asked.iter().enumerate() {
            if let Some(operation) = self.known.operations.get(op.at) {
                operations
                    .entry(OperationKey::of(operation))
                    .or_default()
                    .push(at);
            }
        }
        let mut runs: BTreeMap<RunKey, Vec<usize>> = BTreeMap::new();
        for (at, run) in self.ran.iter().enumerate() {
            if let Some(of_run) = self.known.runs.get(run.at) {
                runs.entry(RunKey::of(of_run)).or_default().push(at);
            }
        }
        let find = |(operation, run): &(OperationKey, RunKey)| -> Vec<(usize, usize)> {
            let asked = operations.get(&operation.folded()).into_iter().flatten();
            asked
                .flat_map(|asked| {
                    let ran = runs.get(&run.folded()).into_iter().flatten();
                    ran.map(|ran| (*asked, *ran))
                })
                .collect()
        };
        let (mut taken_asked, mut taken_ran) = (BTreeSet::new(), BTreeSet::new());
        for pair in overrides.confirmed.iter().flat_map(find) {
            // One side is linked once, also by the analyst: the first word counts.
            if !taken_asked.contains(&pair.0) && !taken_ran.contains(&pair.1) {
                taken_asked.insert(pair.0);
                taken_ran.insert(pair.1);
                self.confirmed.push(pair);
            }
        }
        for (asked, ran) in overrides.rejected.iter().flat_map(find) {
            if let (Some(op), Some(run)) = (self.asked.get(asked), self.ran.get(ran)) {
                self.rejected.insert((op.at, run.at));
            }
        }
    }

    /// A guest of a strange name is a VM that confirmed pairs or correlation ids of its goal states name.
    fn learn(&mut self) {
        let mut vm_of_asked: BTreeMap<usize, &str> = BTreeMap::new();
        let mut by_correlation: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (resource, vm) in &self.vms {
            for at in &vm.asked {
                vm_of_asked.insert(*at, resource);
                if let Some(correlation) =
                    self.asked.get(*at).and_then(|op| op.correlation.as_deref())
                {
                    by_correlation.entry(correlation).or_default().push(*at);
                }
            }
        }
        let mut learned: Vec<(usize, String)> = Vec::new();
        for (asked, ran) in &self.confirmed {
            if let (Some(vm), Some(run)) = (vm_of_asked.get(asked), self.ran.get(*ran)) {
                learned.push((run.host, (*vm).to_owned()));
            }
        }
        for (host, place) in self.places.iter().enumerate() {
            let strange = self.vms.values().all(|vm| place.guest.is(vm).is_none());
            if !strange {
                continue;
            }
            let runs = place.ran.iter().filter_map(|at| self.ran.get(*at));
            let named: BTreeSet<&str> = runs
                .flat_map(|run| {
                    let ids = run.correlations.iter();
                    let asked = ids
                        .filter_map(|id| by_correlation.get(id.as_str()))
                        .flatten();
                    asked.filter(|at| {
                        let op = self.asked.get(**at);
                        op.is_some_and(|op| run.answers(op.family))
                    })
                })
                .filter_map(|at| vm_of_asked.get(at).copied())
                .collect();
            if named.len() == 1 {
                learned.extend(named.into_iter().map(|vm| (host, vm.to_owned())));
            }
        }
        for (host, vm) in learned {
            if let Some(place) = self.places.get_mut(host) {
                place.guest.learned.insert(vm);
            }
        }
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
        self.answer(&pairs)
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

    fn solving<'s>(&'s self, host: &'s [i64], offsets: &'s [Offset]) -> Solving<'s> {
        Solving {
            asked: &self.asked,
            ran: &self.ran,
            host,
            offsets,
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

    /// Takes the VM that a guest most probably is, and the offset to begin with.
    fn place_guest(&mut self, host: usize) {
        let Some(place) = self.places.get(host) else {
            return;
        };
        let named: Vec<(&Vm, i64, String)> = self
            .vms
            .values()
            .filter_map(|vm| place.guest.is(vm).map(|(points, why)| (vm, points, why)))
            .collect();
        let Some(most) = named.iter().map(|(_, points, _)| *points).max() else {
            return;
        };
        let first: Vec<&(&Vm, i64, String)> = named
            .iter()
            .filter(|(_, points, _)| *points == most)
            .collect();
        let alone = first.len() == 1;
        let mut best: Option<(i64, &Vm, &str, Offset)> = None;
        let mut second = 0;
        for (vm, points, why) in first {
            let ran = self.free_ran(host);
            let asked = self.free_asked(vm);
            let points = self.host_points(&[(host, *points)]);
            let mut offsets = vec![Offset::NONE; self.places.len()];
            let solving = self.solving(&points, &offsets);
            let offset = self.search(host, solving, &asked, &ran).offset();
            let score = if alone {
                0
            } else {
                if let Some(slot) = offsets.get_mut(host) {
                    *slot = offset;
                }
                let pairs = self.solving(&points, &offsets).solve(&asked, &ran);
                pairs.iter().map(|pair| pair.features.score()).sum()
            };
            match &best {
                Some((have, ..)) if *have >= score => second = second.max(score),
                _ => {
                    second = second.max(best.as_ref().map_or(0, |best| best.0));
                    best = Some((score, vm, why, offset));
                }
            }
        }
        // Two VMs that explain the runs of a guest equally badly: it is neither.
        let found = best.filter(|(score, ..)| alone || *score > 0);
        let found = found.map(|(score, vm, why, offset)| {
            let lead = if alone { i64::MAX } else { score - second };
            (vm.resource.clone(), why.to_owned(), lead, offset)
        });
        if let (Some((resource, why, lead, offset)), Some(place)) =
            (found, self.places.get_mut(host))
        {
            place.vm = Some((resource, most, why, lead));
            place.offset = offset;
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
        let mut offsets: Vec<Offset> = self.places.iter().map(|place| place.offset).collect();
        let mut pairs = self.solving(&points, &offsets).solve(&asked, &ran);
        for round in 0..ROUNDS {
            let mut estimates: Vec<(usize, Estimate, bool)> = Vec::new();
            for (host, of_guest) in &of_host {
                let solving = self.solving(&points, &offsets);
                let search = self.search(*host, solving, &asked, of_guest);
                let decisive = pairs
                    .iter()
                    .filter(|pair| of_guest.binary_search(&pair.ran).is_ok())
                    .any(|pair| pair.features.identity == Identity::GoalState);
                estimates.push((
                    *host,
                    search.estimate(&self.with_confirmed(&pairs, &points)),
                    decisive,
                ));
            }
            let before = offsets.clone();
            for (host, found, decisive) in estimates {
                // Few pairs may agree by chance: they are reported, and change nothing.
                let apply = decisive || found.confidence > Confidence::Low;
                if let (Some(offset), Some(slot), true) =
                    (found.offset, offsets.get_mut(host), apply)
                {
                    *slot = offset;
                }
                if let Some(place) = self.places.get_mut(host) {
                    place.estimate = found;
                }
            }
            if offsets == before || round + 1 == ROUNDS {
                break;
            }
            let next = self.solving(&points, &offsets).solve(&asked, &ran);
            let same = |one: &Pair, other: &Pair| (one.asked, one.ran) == (other.asked, other.ran);
            let settled = next.len() == pairs.len()
                && next.iter().zip(&pairs).all(|(one, other)| same(one, other));
            pairs = next;
            if settled {
                break;
            }
        }
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

    fn answer(&self, pairs: &[Pair]) -> Linked {
        let mut executions: Vec<(i64, Execution)> = Vec::new();
        let mut run_of: BTreeMap<usize, ()> = BTreeMap::new();
        let mut operation_of: BTreeMap<usize, ()> = BTreeMap::new();
        let linked = pairs.iter().filter_map(|pair| self.execution(pair)).chain(
            self.confirmed
                .iter()
                .filter_map(|pair| self.confirmation(*pair)),
        );
        for execution in linked {
            run_of.extend(execution.run.map(|at| (at, ())));
            operation_of.extend(execution.operation.map(|at| (at, ())));
            executions.push((self.time(&execution), execution));
        }
        let one_sided = |operation, run| Execution {
            operation,
            run,
            confidence: None,
            score: None,
            margin: None,
            reasons: Vec::new(),
            processes: Vec::new(),
            flows: Vec::new(),
        };
        for op in self
            .asked
            .iter()
            .filter(|op| !operation_of.contains_key(&op.at))
        {
            executions.push((op.first, one_sided(Some(op.at), None)));
        }
        for run in self.ran.iter().filter(|run| !run_of.contains_key(&run.at)) {
            let execution = one_sided(None, Some(run.at));
            executions.push((self.time(&execution), execution));
        }
        executions.sort_by_key(|(time, execution)| (*time, execution.operation, execution.run));
        let mut resources = vec![None; self.known.runs.len()];
        for run in &self.ran {
            let vm = self
                .places
                .get(run.host)
                .and_then(|place| place.vm.as_ref());
            if let (Some((resource, ..)), Some(slot)) = (vm, resources.get_mut(run.at)) {
                *slot = Some(resource.clone());
            }
        }
        let clocks = self.places.iter().map(|place| Clock {
            host: Some(place.guest.spelled.clone()).filter(|host| !host.is_empty()),
            resource: place.vm.as_ref().map(|(resource, ..)| resource.clone()),
            estimate: place.estimate.clone(),
            applied: place.offset,
        });
        Linked {
            clocks: clocks.collect(),
            executions: executions
                .into_iter()
                .map(|(_, execution)| execution)
                .collect(),
            resources,
        }
    }

    /// When an execution is shown: its operation's start, else its run's time by the cloud's clock.
    fn time(&self, execution: &Execution) -> i64 {
        let op = execution
            .operation
            .and_then(|at| self.known.operations.get(at));
        let of_run = || {
            let run = self.ran.get(execution.run?)?;
            let place = self.places.get(run.host)?;
            Some(place.offset.cloud(run.time()?))
        };
        op.and_then(|op| op.started)
            .map(|started| started.ns)
            .or_else(of_run)
            .unwrap_or(i64::MAX)
    }

    fn execution(&self, pair: &Pair) -> Option<Execution> {
        let (op, run) = (self.asked.get(pair.asked)?, self.ran.get(pair.ran)?);
        let place = self.places.get(run.host)?;
        let (_, _, why, lead) = place.vm.as_ref()?;
        let margin = pair.margin.min(*lead);
        let mut reasons = pair.features.reasons(op, run, why, place.offset);
        if *lead != i64::MAX {
            reasons.push(Reason {
                feature: "other-vm",
                points: 0,
                value: format!(
                    "another VM could be this guest; it explains the runs by {} points less",
                    in_points(*lead)
                ),
            });
        }
        let next_ran = pair
            .next_ran
            .and_then(|(at, score)| Some((self.ran.get(at)?, score)));
        if let Some((next, score)) = next_ran {
            reasons.push(Reason {
                feature: "next-run",
                points: 0,
                value: format!("run {} would reach {}", next.at, in_points(score)),
            });
        }
        let next_asked = pair
            .next_asked
            .and_then(|(at, score)| Some((self.asked.get(at)?, score)));
        if let Some((next, score)) = next_asked {
            reasons.push(Reason {
                feature: "next-operation",
                points: 0,
                value: format!("operation {} would reach {}", next.at, in_points(score)),
            });
        }
        let score = pair.features.score();
        Some(Execution {
            operation: Some(op.at),
            run: Some(run.at),
            confidence: Some(confidence(score, margin, pair)),
            score: Some(score),
            margin: Some(margin),
            reasons,
            processes: Vec::new(),
            flows: Vec::new(),
        })
    }

    fn confirmation(&self, (asked, ran): (usize, usize)) -> Option<Execution> {
        let (op, run) = (self.asked.get(asked)?, self.ran.get(ran)?);
        let mut reasons = vec![Reason {
            feature: "analyst",
            points: 0,
            value: "confirmed by the analyst".to_owned(),
        }];
        let place = self.places.get(run.host)?;
        let compared = place.vm.as_ref().and_then(|(_, points, why, _)| {
            let features = compare(op, run, *points, place.offset, self.window)?;
            Some((features, why))
        });
        if let Some((features, why)) = &compared {
            reasons.extend(features.reasons(op, run, why, place.offset));
        }
        Some(Execution {
            operation: Some(op.at),
            run: Some(run.at),
            confidence: Some(Confidence::High),
            score: compared.map(|(features, _)| features.score()),
            margin: None,
            reasons,
            processes: Vec::new(),
            flows: Vec::new(),
        })
    }
}

fn confidence(score: i64, margin: i64, pair: &Pair) -> Confidence {
    let (identity, host) = (pair.features.identity.points(), pair.features.host);
    let decisive = pair.features.identity == Identity::GoalState && host > 0;
    if decisive || score >= 70 * POINT && margin >= 10 * POINT {
        Confidence::High
    } else if identity >= 20 * POINT && host >= 20 * POINT
        || score >= 50 * POINT && margin >= 5 * POINT
    {
        Confidence::Medium
    } else {
        Confidence::Low
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
