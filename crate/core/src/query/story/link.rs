//! Why both sides are one execution: points by feature with the records they rest on, the runner-up on each side, and what the analyst said.

use super::{Sides, agent};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::event::fact::GuestSaid;
use crate::query::executions::{EventName, confidence, label, time_of};
use crate::reconstruct::links::features::GOAL_STATE;
use crate::reconstruct::links::overrides::{OperationKey, PairKey, RunKey};
use crate::reconstruct::links::sides::{Asked, Ran};
use crate::reconstruct::links::{Execution, in_points};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::runs::Run;
use serde::Serialize;

/// Partners proposed for a side that has none.
const MOST_PARTNERS: usize = 8;

/// One feature with its points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownReason {
    /// Which feature.
    pub feature: &'static str,
    /// Its points.
    pub points: f64,
    /// What was compared.
    pub value: String,
    /// The events compared.
    pub events: Vec<EventName>,
}

/// Another operation or run that was near.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    /// `operation` or `run`.
    pub side: &'static str,
    /// Who asked, or what ran where.
    pub text: String,
    /// When, by the cloud's clock.
    pub time: Option<String>,
    /// What it would score; absent where it was not compared.
    pub points: Option<f64>,
    /// The execution that it belongs to.
    pub name: Option<EventName>,
    /// What confirming it would say.
    pub pair: PairKey,
}

/// What the analyst said of a pair that touches this execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// `confirmed` or `rejected`.
    pub said: &'static str,
    /// Both sides in words.
    pub text: String,
    /// The pair.
    pub pair: PairKey,
}

/// Why both sides are one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// `confirmed`, `high`, `medium`, `low`; absent where a side is missing.
    pub confidence: Option<&'static str>,
    /// Sum of the points, 100 at most.
    pub score: Option<f64>,
    /// How much worse the whole assignment would be without it.
    pub margin: Option<f64>,
    /// By feature.
    pub reasons: Vec<ShownReason>,
    /// The runner-up of each side.
    pub runners_up: Vec<Other>,
    /// Where a side is missing: what it might be.
    pub partners: Vec<Other>,
    /// This pair, for the analyst to confirm or reject.
    pub pair: Option<PairKey>,
    /// What the analyst said of it.
    pub said: Vec<Said>,
}

pub(super) fn link(sides: &Sides<'_>) -> Link {
    let execution = sides.execution;
    let pair = sides.op.zip(sides.run).map(|(op, run)| key(op, run));
    // Runner-ups have a part of their own, with the way to them.
    let shown = execution
        .reasons
        .iter()
        .filter(|reason| !matches!(reason.feature, "next-run" | "next-operation"));
    Link {
        confidence: confidence(execution),
        score: execution.score.map(in_points),
        margin: execution.margin.map(in_points),
        reasons: shown
            .map(|reason| ShownReason {
                feature: reason.feature,
                points: in_points(reason.points),
                value: reason.value.clone(),
                events: events_of(sides, reason.feature)
                    .iter()
                    .take(super::MOST_EVENTS)
                    .map(|event| EventName::of(sides.case, *event))
                    .collect(),
            })
            .collect(),
        runners_up: runners_up(sides),
        partners: partners(sides),
        pair,
        said: said(sides),
    }
}

fn key(op: &Operation, run: &Run) -> PairKey {
    PairKey {
        operation: OperationKey::of(op),
        run: RunKey::of(run),
    }
}

/// The records that a feature compares.
fn events_of(sides: &Sides<'_>, feature: &str) -> Vec<EventNumber> {
    let op = sides.op.map_or(&[][..], |op| op.events.as_slice());
    let mut out = Vec::new();
    let (first, last) = (op.first().copied(), op.last().copied());
    match feature {
        "host" => {
            out.extend(first);
            out.extend(sides.run.and_then(|run| run.events.first()).copied());
        }
        "time" => {
            out.extend(first);
            out.extend(sides.said_by(agent::is_start).first().copied());
        }
        "end" => {
            out.extend(last);
            out.extend(sides.said_by(agent::is_end));
        }
        "outcome" => {
            out.extend(last);
            let status = |said: &GuestSaid| {
                matches!(said, GuestSaid::Status(_) | GuestSaid::Executed { .. })
            };
            out.extend(sides.said_by(status));
        }
        GOAL_STATE => out = agent::goal_state_events(sides),
        "identity" => {
            out.extend(first);
            let text = |said: &GuestSaid| {
                matches!(said, GuestSaid::Script { .. } | GuestSaid::Settings(_))
            };
            out.extend(sides.said_by(text));
        }
        "corroboration" => {
            out.extend(sides.execution.processes.iter().copied());
            out.extend(sides.execution.flows.iter().copied());
        }
        _ => {}
    }
    out
}

fn of_operation(op: &Operation) -> String {
    let caller = op.caller.as_deref().unwrap_or("an unknown caller");
    let name = label(Some(op), None);
    let vm = op.vm().unwrap_or_default();
    [caller, op.family.word(), &name, &vm]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<&str>>()
        .join(" · ")
}

fn of_run(run: &Run) -> String {
    let host = run.host.as_deref().unwrap_or("a guest without a name");
    let name = label(None, Some(run));
    let state = run.state.word();
    [host, run.family.word(), &name, state]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<&str>>()
        .join(" · ")
}

fn find(case: &Case, holds: impl Fn(&Execution) -> bool) -> (Option<String>, Option<EventName>) {
    let Some(execution) = case.linked().executions.iter().find(|other| holds(other)) else {
        return (None, None);
    };
    let sides = Sides::of(case, execution);
    let event = sides.op.and_then(|op| op.events.first());
    let event = event.or_else(|| sides.run?.events.first());
    (
        time_of(case, execution).map(|time| time.to_string()),
        event.map(|event| EventName::of(case, *event)),
    )
}

fn other_run(case: &Case, op: &Operation, at: usize, points: Option<i64>) -> Option<Other> {
    let run = case.runs().get(at)?;
    let (_, name) = find(case, |other| other.run == Some(at));
    let placed = run.started.or(run.ended).map(|time| {
        let offset = super::clocks::applied(case, at);
        time.shifted(-offset.at(time.ns)).to_string()
    });
    Some(Other {
        side: "run",
        text: of_run(run),
        time: placed,
        points: points.map(in_points),
        name,
        pair: key(op, run),
    })
}

fn other_operation(case: &Case, run: &Run, at: usize, points: Option<i64>) -> Option<Other> {
    let op = case.operations().get(at)?;
    let (_, name) = find(case, |other| other.operation == Some(at));
    Some(Other {
        side: "operation",
        text: of_operation(op),
        time: op.started.map(|time| time.to_string()),
        points: points.map(in_points),
        name,
        pair: key(op, run),
    })
}

fn runners_up(sides: &Sides<'_>) -> Vec<Other> {
    let (case, execution) = (sides.case, sides.execution);
    let (Some(op), Some(run)) = (sides.op, sides.run) else {
        return Vec::new();
    };
    let next_run = execution.next_run;
    let next_run = next_run.and_then(|(at, points)| other_run(case, op, at, Some(points)));
    let next_operation = execution.next_operation;
    let next_operation =
        next_operation.and_then(|(at, points)| other_operation(case, run, at, Some(points)));
    next_run.into_iter().chain(next_operation).collect()
}

/// What a lone side might belong to: the nearest of the other side in time whose families go together and that has no partner that is surer.
fn partners(sides: &Sides<'_>) -> Vec<Other> {
    let case = sides.case;
    let mut near: Vec<(i64, Other)> = match (sides.execution.operation, sides.op, sides.run) {
        (Some(at), Some(op), None) => {
            let (Some(asked), Some(time)) = (Asked::of(at, op), op.started) else {
                return Vec::new();
            };
            let runs = case.runs().iter().enumerate();
            let fitting = runs.filter_map(|(at, run)| {
                let ran = Ran::of(at, 0, run);
                let guest = run.started.or(run.ended)?.ns;
                let apart = super::clocks::applied(case, at).cloud(guest) - time.ns;
                (ran.answers(asked.family) && !same_number(case, at)).then_some((apart.abs(), at))
            });
            nearest(fitting.collect())
                .into_iter()
                .filter_map(|(apart, at)| Some((apart, other_run(case, op, at, None)?)))
                .collect()
        }
        (None, _, Some(run)) => {
            let Some(place) = sides.execution.run else {
                return Vec::new();
            };
            let Some(time) = run.started.or(run.ended) else {
                return Vec::new();
            };
            let time = super::clocks::applied(case, place).cloud(time.ns);
            let ran = Ran::of(0, 0, run);
            let operations = case.operations().iter().enumerate();
            let fitting = operations.filter_map(|(at, op)| {
                let asked = Asked::of(at, op)?;
                let apart = op.started?.ns - time;
                ran.answers(asked.family).then_some((apart.abs(), at))
            });
            nearest(fitting.collect())
                .into_iter()
                .filter_map(|(apart, at)| Some((apart, other_operation(case, run, at, None)?)))
                .collect()
        }
        _ => return Vec::new(),
    };
    near.sort_by_key(|(apart, _)| *apart);
    near.into_iter().map(|(_, other)| other).collect()
}

/// A run whose execution the analyst confirmed has its partner.
fn same_number(case: &Case, run: usize) -> bool {
    let executions = &case.linked().executions;
    let mut of_run = executions.iter().filter(|other| other.run == Some(run));
    of_run.any(|other| other.confirmed)
}

fn nearest(mut all: Vec<(i64, usize)>) -> Vec<(i64, usize)> {
    all.sort_unstable();
    all.truncate(MOST_PARTNERS);
    all
}

fn said(sides: &Sides<'_>) -> Vec<Said> {
    let links = &sides.case.settings().links;
    let op = sides.op.map(OperationKey::of);
    let run = sides.run.map(RunKey::of);
    let touches = |pair: &&(OperationKey, RunKey)| {
        op.as_ref() == Some(&pair.0) || run.as_ref() == Some(&pair.1)
    };
    let tell = |said: &'static str, pair: &(OperationKey, RunKey)| Said {
        said,
        text: in_words(&pair.0, &pair.1),
        pair: PairKey {
            operation: pair.0.clone(),
            run: pair.1.clone(),
        },
    };
    let confirmed = links.confirmed.iter().filter(touches);
    let rejected = links.rejected.iter().filter(touches);
    confirmed
        .map(|pair| tell("confirmed", pair))
        .chain(rejected.map(|pair| tell("rejected", pair)))
        .collect()
}

/// A pair in words.
#[must_use]
pub fn in_words(operation: &OperationKey, run: &RunKey) -> String {
    let number = run.sequence.map(|number| format!(" #{number}"));
    let name = Some(&run.name).filter(|name| !name.is_empty());
    let name = name.map(|name| format!(" {name}"));
    format!(
        "operation {} with {} {}{}{}",
        operation.correlation,
        run.host,
        run.family.word(),
        name.unwrap_or_default(),
        number.unwrap_or_default()
    )
}
