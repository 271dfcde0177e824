//! The guests of a case: which runs are whose, which VM each is, and what the analyst said of it.
//!
//! A guest is known by its label (`web01` of `WEB01.contoso.example`); guests without a name are one. Two VMs may bear the label; the
//! one that explains the guest's runs better is taken, and how much better limits every margin.
//!
//! Rejected: linking a guest to two VMs at once. It is one machine, and its numbers count with one counter.

use super::overrides::{OperationKey, RunKey};
use super::sides::Ran;
use super::vms::{self, Guest, Vm};
use super::{CLOSE, Linking, Place, goal_states};
use crate::reconstruct::skew::estimate::estimate;
use crate::reconstruct::skew::offset::Offset;
use std::collections::{BTreeMap, BTreeSet};

impl Linking<'_> {
    /// One place for each guest label, and each run with its guest.
    pub(super) fn find_guests(&mut self) {
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
        self.ran.reserve_exact(known.runs.len());
        for (at, run) in known.runs.iter().enumerate() {
            let Ok(host) = labels.binary_search(&goal_states::label(run)) else {
                continue;
            };
            let mut ran = Ran::of(at, host, run);
            let brought = known.goal_states.brought.get(at);
            ran.correlations = brought.cloned().unwrap_or_default();
            ran.asynchronous = known.goal_states.asynchronous.get(at).copied().flatten();
            if let Some(seen) = known.seen.get(at) {
                ran.hear(seen);
            }
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

    pub(super) fn hear_analyst(&mut self) {
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
    pub(super) fn learn(&mut self) {
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

    /// Takes the VM that a guest most probably is, and the offset to begin with.
    pub(super) fn place_guest(&mut self, host: usize) {
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
            // At the true offset runs lie close to their operations; a wide window would let wrong offsets do as well.
            let mut solving = self.solving(&points, &offsets, &[]);
            solving.window = solving.window.min(CLOSE);
            let search = self.search(host, solving, &asked, &ran);
            let offset = search.offset();
            let score = if alone {
                0
            } else {
                if let Some(slot) = offsets.get_mut(host) {
                    *slot = offset;
                }
                let pairs = self.solving(&points, &offsets, &[]).solve(&asked, &ran);
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
}
