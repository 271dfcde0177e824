//! What the detectors of the guest and of the join share: which operations are a guest's, by which clock it runs, how far the cloud is covered.
//!
//! A guest is known by its label, an operation by its VM. Where linking said which VM a guest is, its operations are that VM's alone; else those of every VM
//! of its name, so that `web01.contoso.example` sees the commands on `WEB01`. A guest's times are corrected by the offset its runs were linked by.
//!
//! Rejected: comparing names in each detector. The published rules do, each in its own way, and lose the machines whose names were cut.

use super::history::{History, Place};
use super::{CaseView, Subject};
use crate::identity::{netbios, same_host};
use crate::reconstruct::guests::label_of;
use crate::reconstruct::links::Clock;
use crate::reconstruct::runs::Run;
use crate::reconstruct::skew::offset::Offset;
use crate::script::Examined;
use crate::time::{Instant, NS_PER_SECOND};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of guests and their VMs.
#[derive(Debug, Default)]
pub struct Machines {
    /// NetBIOS form of a VM's name -> its run commands in time order.
    by_name: BTreeMap<String, Vec<usize>>,
    /// Label -> (VM that it is, offset).
    clocks: BTreeMap<String, (Option<String>, Offset, usize)>,
    /// Run -> execution.
    of_run: BTreeMap<usize, usize>,
    /// Operation -> execution.
    of_operation: BTreeMap<usize, usize>,
    /// The same by the VM's resource id.
    by_resource: BTreeMap<String, Vec<usize>>,
}

impl Machines {
    /// Of this case.
    #[must_use]
    pub fn of(view: &CaseView<'_>) -> Self {
        let mut machines = Self::default();
        let history = view.history();
        let mut commands: Vec<Vec<usize>> = vec![Vec::new(); history.resources()];
        for (at, op) in view.operations.iter().enumerate() {
            if op.family.is_run_command()
                && let Some(list) = history
                    .place(at)
                    .and_then(|place| commands.get_mut(place as usize))
            {
                list.push(at);
            }
        }
        for (place, list) in (0..).zip(commands) {
            let Some(Place {
                vm_name: Some(name),
                vm_resource,
                ..
            }) = history.resource(place).filter(|_| !list.is_empty())
            else {
                continue;
            };
            if let Some(resource) = vm_resource {
                let of = machines.by_resource.entry(resource.clone()).or_default();
                of.extend(&list);
            }
            machines
                .by_name
                .entry(netbios(name))
                .or_default()
                .extend(list);
        }
        let lists = machines.by_name.values_mut();
        for list in lists.chain(machines.by_resource.values_mut()) {
            list.sort_unstable();
        }
        for (at, clock) in view.linked.clocks.iter().enumerate() {
            let label = label_of(clock.host.as_deref(), "");
            let known = (clock.resource.clone(), clock.applied, at);
            machines.clocks.insert(label, known);
        }
        for (at, execution) in view.linked.executions.iter().enumerate() {
            if let Some(run) = execution.run {
                machines.of_run.insert(run, at);
            }
            if let Some(op) = execution.operation {
                machines.of_operation.insert(op, at);
            }
        }
        machines
    }

    /// Run commands that may have run on a guest, in time order.
    #[must_use]
    pub fn run_commands(&self, history: &History, label: &str) -> Vec<usize> {
        if let Some(resource) = self.resource(label) {
            let own = self.by_resource.get(resource);
            return own.cloned().unwrap_or_default();
        }
        let named = self.by_name.get(&netbios(label)).into_iter().flatten();
        named
            .copied()
            .filter(|at| {
                let place = history.place(*at).and_then(|place| history.resource(place));
                let name = place.and_then(|place| place.vm_name.as_deref());
                name.is_some_and(|name| same_host(name, label))
            })
            .collect()
    }

    /// The VM that a guest was said to be.
    #[must_use]
    pub fn resource(&self, label: &str) -> Option<&str> {
        self.clocks.get(label)?.0.as_deref()
    }

    /// By how much a guest's clock is off.
    #[must_use]
    pub fn offset(&self, label: &str) -> Offset {
        self.clocks
            .get(label)
            .map_or(Offset::NONE, |(_, offset, _)| *offset)
    }

    /// What is known of a guest's clock.
    #[must_use]
    pub fn clock<'a>(&self, view: &CaseView<'a>, label: &str) -> Option<&'a Clock> {
        view.linked.clocks.get(self.clocks.get(label)?.2)
    }

    /// The execution of a run.
    #[must_use]
    pub fn execution(&self, run: usize) -> Option<usize> {
        self.of_run.get(&run).copied()
    }

    /// The execution of an operation.
    #[must_use]
    pub fn execution_of_operation(&self, operation: usize) -> Option<usize> {
        self.of_operation.get(&operation).copied()
    }
}

/// Times of all records, by subscription, in order.
#[derive(Debug, Default)]
pub struct Records(BTreeMap<Option<String>, Vec<i64>>);

impl Records {
    /// Of this case.
    #[must_use]
    pub fn of(view: &CaseView<'_>) -> Self {
        let mut of_subscription: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
        for op in view.operations {
            let times = of_subscription
                .entry(op.subscription.as_deref())
                .or_default();
            times.extend(op.started.map(|time| time.ns));
            times.extend(op.ended.map(|time| time.ns));
        }
        let sorted = of_subscription.into_iter().map(|(name, mut times)| {
            times.sort_unstable();
            (name.map(str::to_owned), times)
        });
        Self(sorted.collect())
    }
}

impl CaseView<'_> {
    /// Times of all records of a subscription, in order.
    pub(crate) fn records(&self, subscription: Option<&str>) -> &[i64] {
        let all = self.drawn.records.get_or_init(|| Records::of(self));
        all.0
            .get(&subscription.map(str::to_owned))
            .map_or(&[], Vec::as_slice)
    }

    /// Run commands that may have run on a guest, in time order.
    pub(crate) fn run_commands(&self, label: &str) -> Vec<usize> {
        self.machines().run_commands(self.history(), label)
    }

    /// The label of a run's guest.
    pub(crate) fn label(&self, run: usize) -> &str {
        self.guests.labels.get(run).map_or("", String::as_str)
    }

    /// What the script of a run does.
    pub(crate) fn examined_of(&self, run: usize) -> Option<&Examined> {
        self.examined.get(run)?.as_deref()
    }

    /// First and last time of a run by the cloud's clock.
    pub(crate) fn run_times(&self, at: usize) -> Option<(Instant, Instant)> {
        let run = self.runs.get(at)?;
        let offset = self.machines().offset(self.label(at));
        let first = run.started.or(run.ended)?;
        let last = run.ended.or(run.started)?;
        let cloud = |time: Instant| time.shifted(-offset.at(time.ns));
        Some((cloud(first), cloud(last)))
    }

    /// Executions of a run, where it is one.
    pub(crate) fn executions_of_run(&self, run: Option<usize>) -> Vec<usize> {
        let execution = run.and_then(|run| self.machines().execution(run));
        execution.into_iter().collect()
    }

    /// The operation that is linked to a run.
    pub(crate) fn operation_of_run(&self, run: usize) -> Option<usize> {
        let execution = self.machines().execution(run)?;
        self.linked.executions.get(execution)?.operation
    }

    /// The time of an event, by the cloud's clock.
    pub(crate) fn event_time(&self, event: u32, label: &str) -> Option<Instant> {
        let time = self.store.stamp(event)?.instant;
        let offset = self.machines().offset(label);
        Some(time.shifted(-offset.at(time.ns)))
    }
}

/// Without anything of a guest no guest detector can answer.
pub(crate) fn needs_guest(view: &CaseView<'_>) -> Option<String> {
    (view.runs.is_empty() && view.guests.counters.is_empty() && view.guests.reach.is_empty())
        .then(|| "not-assessed: no evidence of a guest is loaded".to_owned())
}

/// Without both sides nothing can be missing on one.
pub(crate) fn needs_both(view: &CaseView<'_>) -> Option<String> {
    super::needs_operations(view).or_else(|| needs_guest(view))
}

/// Nanoseconds of a number of seconds.
pub(crate) fn ns(seconds: i64) -> i64 {
    seconds.saturating_mul(NS_PER_SECOND)
}

/// `action run command 3`, `managed run command fix, number 3`.
pub(crate) fn called(run: &Run) -> String {
    let number = run.sequence.map_or_else(
        || "without a number".to_owned(),
        |number| format!("number {number}"),
    );
    match &run.name {
        Some(name) => format!("{} run command {name}, {number},", run.family.word()),
        None => format!("{} run command {number}", run.family.word()),
    }
}

/// A finding on this guest.
pub(crate) fn of_host(host: Option<String>) -> Subject {
    Subject {
        host,
        ..Subject::default()
    }
}

/// A guest's name for a sentence.
pub(crate) fn on_host(host: Option<&str>) -> &str {
    host.unwrap_or("a guest without a name")
}

/// Numbers as `0, 1, 4`, the first few of many.
pub(crate) fn listed(numbers: &[i64]) -> String {
    const SHOWN: usize = 12;
    let mut words: Vec<String> = numbers.iter().take(SHOWN).map(i64::to_string).collect();
    if numbers.len() > SHOWN {
        words.push(format!("and {} more", numbers.len() - SHOWN));
    }
    words.join(", ")
}

/// `not-assessed on a, b: why` for the guests that a detector could not answer for.
pub(crate) fn left_out_of(hosts: &BTreeSet<String>, why: &str) -> Option<String> {
    const SHOWN: usize = 5;
    let mut names: Vec<&str> = hosts.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("{} more", hosts.len().saturating_sub(SHOWN));
    if hosts.len() > SHOWN {
        names.push(&more);
    }
    (!hosts.is_empty()).then(|| format!("not-assessed on {}: {why}", names.join(", ")))
}
