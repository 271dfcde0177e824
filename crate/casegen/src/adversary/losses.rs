//! What is missing, drawn without asking what it was good for.
//!
//! ```text
//! each row of an operation, each file of a run, each block of a log about a run    with the share given
//! each kind of trace on a machine, as a whole                                      with a third of it
//! the heads of a machine's logs                                                    where it was rotated
//! ```
//!
//! A link counts as answerable where the operation left one row and the run one trace that bears a time (see [`is_answerable`]). What else
//! would be needed to be right, nobody asks: a burst of which half is lost stays in the count.
//!
//! Rejected: keeping at least one witness for each link. Incidents do not.

use super::Difficulty;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Family, Platform, Trace, World};
use std::collections::BTreeSet;

/// Traces that are files by number: overwritten when the number comes again.
pub const FILES: [Trace; 5] = [
    Trace::Settings,
    Trace::Status,
    Trace::Script,
    Trace::Stdout,
    Trace::Stderr,
];

/// Traces whose content tells when a run took place. Files of script and output do not: collectors rarely keep their times.
const DATED: [Trace; 5] = [
    Trace::Status,
    Trace::HandlerLog,
    Trace::Audit,
    Trace::EventLog,
    Trace::Endpoint,
];

/// Whether a run can be placed in time at all.
#[must_use]
pub fn is_dated(world: &World, run: usize) -> bool {
    let traces = world.traces_of(run);
    // The agent of Windows names no number.
    let numbered = world
        .runs
        .get(run)
        .is_some_and(|run| world.platform_of(run) == Platform::Linux);
    let agent = numbered && traces.contains(&Trace::AgentLog) && world.is_visible(run);
    agent || DATED.iter().any(|trace| traces.contains(trace))
}

/// Whether a run can be told from another that bears its number: always where none does.
#[must_use]
pub fn is_told_apart(world: &World, run: usize) -> bool {
    let Some(own) = world.runs.get(run) else {
        return false;
    };
    let alone = !world.runs.iter().enumerate().any(|(at, other)| {
        at != run
            && (other.machine, other.family, other.sequence)
                == (own.machine, own.family, own.sequence)
            && other.guest_name() == own.guest_name()
    });
    let traces = world.traces_of(run);
    alone || DATED.iter().any(|trace| traces.contains(trace))
}

/// Takes away.
pub fn lose(world: &mut World, hard: Difficulty, random: &mut Random) {
    let mut random = random.stream("losses");
    // By machine: kinds that are missing, and from when on its logs begin.
    let mut of_machine: Vec<(BTreeSet<Trace>, BTreeSet<Family>, Option<Instant>)> = Vec::new();
    for machine in &world.machines {
        let kinds = Trace::on(machine.platform)
            .iter()
            .copied()
            .filter(|_| random.percent(hard.missing / 3));
        let kinds: BTreeSet<Trace> = kinds.collect();
        // Each handler has a log of its own.
        let families = [Family::Action, Family::Managed, Family::Extension];
        let silent = families
            .into_iter()
            .filter(|_| random.percent(hard.missing / 3))
            .collect();
        let begins = machine.boots.first().copied().unwrap_or_default();
        let kept = random.between(6, 72) * 3_600;
        let head = random
            .percent(hard.rotated)
            .then(|| begins.max(machine.collected.plus_seconds(-kept)));
        of_machine.push((kinds, silent, head));
    }
    let platforms: Vec<_> = world.machines.iter().map(|it| it.platform).collect();
    for run in &mut world.runs {
        let (Some((kinds, silent, head)), Some(platform)) =
            (of_machine.get(run.machine), platforms.get(run.machine))
        else {
            continue;
        };
        run.lost.extend(kinds.iter().copied());
        for trace in Trace::on(*platform) {
            if random.percent(hard.missing) {
                run.lost.insert(*trace);
            }
        }
        if silent.contains(&run.family) {
            run.lost.insert(Trace::HandlerLog);
        }
        if head.is_some_and(|head| run.ended < head) {
            run.lost.extend([Trace::HandlerLog, Trace::AgentLog]);
        }
    }
    // A row more than an operation has harms nobody.
    for operation in 0..world.operations.len() {
        for row in 0..3 {
            if random.percent(hard.missing) {
                world.lost_rows.insert((operation, row));
            }
        }
    }
}
