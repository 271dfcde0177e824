//! Whether what is left of a case suffices to tell a link from another, read off the plan and never off an answer.
//!
//! A link is in doubt where its operation, or its run, could change places with a stand-in whose own partner left nothing, and every byte that
//! was collected would be the same:
//!
//! ```text
//! operation A  10:00:00 … (row lost)     its run left its script
//! operation B  10:00:20 … (row lost)     its run left nothing      the run may be B's: A's would be the one that left nothing
//! ```
//!
//! A stand-in has to be of the same machine, feature and name, to fit every time that a row or a trace still tells (the longest waits are those
//! of the plan), and to keep the order of all other links of its counter. Nothing is in doubt where a goal-state line names the operation. On
//! a guest with fewer than three links that tell both a request and a start nothing tells its clock, so all its links are in doubt.
//!
//! Rejected: calling in doubt what a solver finds difficult. It would grade itself.

use runlens_casegen::adversary::chance::{CREATED, INSTALLED, NOTICED, Quantiles, REPORTED};
use runlens_casegen::world::{Platform, Run, Trace, World};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to decide by.
pub struct Left<'a> {
    /// The plan.
    pub world: &'a World,
    /// Operations of which a row is left.
    pub shown: &'a BTreeSet<usize>,
    /// Runs of which something is left that shows them.
    pub visible: &'a BTreeSet<usize>,
    /// Operation of each run that has to be linked.
    pub links: &'a BTreeMap<usize, usize>,
}

/// Pairs that tell a clock.
const LEAST_PAIRS: usize = 3;

fn longest(steps: &[&Quantiles]) -> i64 {
    let last = |quantiles: &&Quantiles| quantiles.last().map_or(0, |(_, ms)| *ms);
    steps.iter().map(last).sum()
}

impl Left<'_> {
    /// The links that what is left suffices for.
    pub fn decidable(&self) -> BTreeMap<usize, usize> {
        let mut telling: BTreeMap<usize, usize> = BTreeMap::new();
        for (run, operation) in self.links {
            if let (Some(of), true) = (
                self.world.runs.get(*run),
                self.has_row(*operation, 0) && self.starts(*run),
            ) {
                *telling.entry(of.machine).or_default() += 1;
            }
        }
        let decided = |(run, operation): &(&usize, &usize)| {
            let machine = self.world.runs.get(**run).map(|of| of.machine);
            let clock = machine.and_then(|machine| telling.get(&machine).copied());
            self.is_named(**run)
                || clock >= Some(LEAST_PAIRS) && !self.has_stand_in(**run, **operation)
        };
        let links = self.links.iter().filter(decided);
        links.map(|(run, operation)| (*run, *operation)).collect()
    }

    /// A row of an operation: its request, and its end where the number is its last.
    fn has_row(&self, operation: usize, row: usize) -> bool {
        !self.world.lost_rows.contains(&(operation, row))
    }

    fn starts(&self, run: usize) -> bool {
        let traces = self.world.traces_of(run);
        let of_run = self.world.runs.get(run);
        // The agent of Windows names no number.
        let linux = of_run.is_some_and(|run| self.world.platform_of(run) == Platform::Linux);
        linux && traces.contains(&Trace::AgentLog)
            || [
                Trace::HandlerLog,
                Trace::Audit,
                Trace::EventLog,
                Trace::Endpoint,
            ]
            .iter()
            .any(|trace| traces.contains(trace))
    }

    fn ends(&self, run: usize) -> bool {
        let traces = self.world.traces_of(run);
        traces.contains(&Trace::Status) || traces.contains(&Trace::HandlerLog)
    }

    /// Whether a goal-state line gives the operation's correlation id.
    fn is_named(&self, run: usize) -> bool {
        let machine = self.world.runs.get(run).map(|of| of.machine);
        let machine = machine.and_then(|at| self.world.machines.get(at));
        machine.is_some_and(|machine| machine.agent_knows_correlation)
            && self.world.traces_of(run).contains(&Trace::AgentLog)
    }

    fn has_stand_in(&self, run: usize, operation: usize) -> bool {
        self.operation_stands_in(run, operation) || self.run_stands_in(run, operation)
    }

    fn operation_stands_in(&self, run: usize, operation: usize) -> bool {
        let Some(own) = self.world.operations.get(operation) else {
            return false;
        };
        self.shown.iter().any(|other| {
            let same = self.world.operations.get(*other).is_some_and(|it| {
                it.kind.name == own.kind.name && it.resource.eq_ignore_ascii_case(&own.resource)
            });
            let of_other = || {
                let runs = &mut self.world.runs.iter();
                runs.position(|run| run.operation == Some(*other))
            };
            *other != operation
                && same
                && of_other().is_none_or(|run| !self.visible.contains(&run))
                && self.fits(*other, run)
                && self.keeps_order(*other, run)
        })
    }

    fn run_stands_in(&self, run: usize, operation: usize) -> bool {
        let Some(own) = self.world.runs.get(run) else {
            return false;
        };
        self.visible.iter().any(|other| {
            let of_counter = self
                .world
                .runs
                .get(*other)
                .is_some_and(|it| counts_with(it, own));
            let asked = self.world.runs.get(*other).and_then(|it| it.operation);
            *other != run
                && of_counter
                && asked.is_none_or(|asked| !self.shown.contains(&asked))
                && self.fits(operation, *other)
                && self.keeps_order(operation, *other)
        })
    }

    /// Whether no time that is left contradicts a pair.
    fn fits(&self, operation: usize, run: usize) -> bool {
        let (Some(op), Some(of)) = (
            self.world.operations.get(operation),
            self.world.runs.get(run),
        ) else {
            return false;
        };
        let wait = longest(&[CREATED, NOTICED, INSTALLED]);
        let (starts, ends) = (self.starts(run), self.ends(run));
        let last = if op.accepted.is_some() { 2 } else { 1 };
        let requested = if self.has_row(operation, 0) {
            Some((op.begun, 0))
        } else {
            let accepted = op.accepted.filter(|_| self.has_row(operation, 1));
            accepted.map(|accepted| (accepted, 10_000))
        };
        let begins = requested.is_none_or(|(requested, before)| {
            let started = !starts || (-before..=wait).contains(&of.started.ms_since(requested));
            started && (!ends || of.ended.ms_since(requested) >= -before)
        });
        let finishes = !self.has_row(operation, last) || {
            let after = op.ended.ms_since(of.ended);
            let reported = !ends || (0..=longest(&[REPORTED])).contains(&after);
            reported && (!starts || op.ended.ms_since(of.started) >= 0)
        };
        begins && finishes
    }

    fn keeps_order(&self, operation: usize, run: usize) -> bool {
        let (Some(op), Some(own)) = (
            self.world.operations.get(operation),
            self.world.runs.get(run),
        ) else {
            return false;
        };
        self.links.iter().all(|(other_run, other_operation)| {
            let (Some(other), Some(asked)) = (
                self.world.runs.get(*other_run),
                self.world.operations.get(*other_operation),
            ) else {
                return true;
            };
            *other_run == run
                || *other_operation == operation
                || !counts_with(other, own)
                || (op.begun < asked.begun) == (own.noticed < other.noticed)
        })
    }
}

fn counts_with(one: &Run, other: &Run) -> bool {
    (one.machine, one.family) == (other.machine, other.family)
        && one.guest_name() == other.guest_name()
}
