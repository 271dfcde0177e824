//! How many times better a pair explains the evidence than two partners that were lost.
//!
//! Waits follow their requests within seconds mostly, and are much longer now and then; a lost partner is as probable as the case itself
//! shows. The odds of a pair are what the waits make of it, against an operation that never reached the guest and an execution
//! whose rows are lost:
//!
//! ```text
//! started 6 s after the request, reported 14 s after the end       thousands to one
//! started 45 s after the request, no end known                      a few to one: a neighbour's partner may be the lost one
//! ```
//!
//! Numbers count every command that reached the guest, also those of which nothing else is left. A number that is missing between two
//! is an execution without times, and an operation between theirs may be its:
//!
//! ```text
//! number 3 at 09:00, number 5 at 10:00:26       operations 10:00:00 and 10:00:20: the first is of number 4, of which nothing is left
//! ```
//!
//! The densities are orders of magnitude from published logs (goal states within 5 s, polls every 6 s, statuses twice a minute) with the long
//! tails that services have; nothing in them is fitted to a case but how much of it is lost.
//!
//! Rejected: the points of a pair as its odds. They are settled for people who compare them, and do not fall with an unusual wait.

use super::features::{Identity, waits};
use super::latency::{report, wait};
use super::sides::{Asked, Ran, Reported};
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;

/// A density by the value, straight between the points: seconds, and how probable each second is.
type Density = [(f64, f64)];

/// From the request to the start.
const START: &Density = &[
    (-1.5, 1e-7),
    (-0.5, 1e-3),
    (1.0, 0.02),
    (2.0, 0.05),
    (4.0, 0.11),
    (6.0, 0.12),
    (8.0, 0.08),
    (10.0, 0.05),
    (15.0, 0.02),
    (20.0, 0.009),
    (30.0, 0.004),
    (60.0, 1e-3),
    (120.0, 2e-4),
    (240.0, 4e-5),
    (300.0, 1e-6),
];
/// From the end to the report.
const REPORT: &Density = &[
    (-1.5, 1e-7),
    (-0.5, 1e-3),
    (1.0, 0.01),
    (3.0, 0.03),
    (20.0, 0.03),
    (30.0, 0.013),
    (45.0, 5e-3),
    (75.0, 1.5e-3),
    (150.0, 3e-4),
    (240.0, 6e-5),
    (300.0, 1e-6),
];

/// Commands come about so often while somebody works, in seconds.
const PACE: f64 = 300.0;
/// Of operations that succeeded, so many never were an execution with a number.
const UNNUMBERED: f64 = 0.01;

fn at(density: &Density, seconds: f64) -> f64 {
    let after = density.partition_point(|(place, _)| *place <= seconds);
    let next = density.get(after);
    let last = after.checked_sub(1).and_then(|at| density.get(at));
    match (last, next) {
        (Some((from, low)), Some((to, high))) => {
            low + (high - low) * (seconds - from) / (to - from)
        }
        // Beyond what is usual nothing is impossible.
        _ => 1e-8,
    }
}

/// The density of a value that is known to within `blur` seconds.
fn blurred(density: &Density, seconds: f64, blur: f64) -> f64 {
    const STEPS: i32 = 4;
    let sum: f64 = (-STEPS..=STEPS)
        .map(|step| at(density, seconds + blur * f64::from(step) / f64::from(STEPS)))
        .sum();
    sum / f64::from(2 * STEPS + 1)
}

/// How probable each second is of a time that may be anything from moments to 90 minutes.
fn anything(seconds: f64) -> f64 {
    0.12 / (seconds.max(0.0) + 5.0)
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / NS_PER_SECOND as f64
}

/// What is known of a guest beside its pairs.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// By how many seconds the clock may be off.
    pub blur: f64,
    /// Whether goal states of this guest are known to name operations of this case.
    pub names: bool,
}

/// How much oftener an operation of this outcome is an execution than not.
fn reached(asked: &Asked, ran: Option<&Ran>) -> f64 {
    use OperationOutcome as Cloud;
    let reported = ran.map_or(Reported::Unknown, |ran| ran.reported);
    match (asked.outcome, reported) {
        (Cloud::Succeeded, Reported::Error) if asked.family == OperationFamily::Extension => 4.0,
        (Cloud::Succeeded, _) => 0.9 / UNNUMBERED,
        (Cloud::Failed, Reported::Error) => 4.0,
        (Cloud::Failed, Reported::Success) => 0.2,
        (Cloud::Failed, _) if asked.accepted.is_none() && asked.complete_start => 0.1,
        (Cloud::Failed, _) => 0.4,
        (Cloud::Accepted, _) => 8.0,
        (Cloud::Started | Cloud::Unknown, _) => 5.0,
    }
}

/// The odds of an operation and an execution, were half of the operations lost.
#[must_use]
pub fn of_pair(asked: &Asked, ran: &Ran, identity: Identity, offset: Offset, known: Known) -> f64 {
    let mut density = match wait(asked, ran, offset) {
        Some((least, most)) if asked.complete_start => {
            blurred(START, seconds(least.midpoint(most)), known.blur)
        }
        // Answered with 202 within a second or two.
        Some((least, _)) => blurred(START, seconds(least) + 1.0, known.blur + 0.7),
        None => 0.0,
    };
    let reported = report(asked, ran, offset).map(seconds);
    let began = asked.begins();
    let of_report = reported.map(|after| {
        let close = blurred(REPORT, after, known.blur);
        if waits(asked, ran) {
            close
        } else {
            // Unless it was asked not to wait, it does.
            0.8 * close + 0.2 * anything(after.abs())
        }
    });
    if density > 0.0 {
        if let Some(of_report) = of_report {
            density *= of_report / anything(seconds(asked.end - asked.start));
        }
    } else if let Some(of_report) = of_report.filter(|_| !began) {
        density = of_report;
    } else {
        // One end of the operation and the other of the execution: any time may lie between.
        let cloud = ran.time().map_or(0, |time| offset.cloud(time));
        let apart = if began {
            cloud.saturating_sub(asked.first)
        } else {
            asked.end.saturating_sub(cloud)
        };
        density = anything(seconds(apart));
        if let Some(of_report) = of_report {
            density *= of_report / anything(seconds(asked.end - asked.start));
        }
    }
    let identified = match identity {
        Identity::GoalState => 1e6,
        Identity::Script => 20.0,
        Identity::Name | Identity::None => 1.0,
    };
    let named_another =
        known.names && identity != Identity::GoalState && !ran.correlations.is_empty();
    let named_another = if named_another { 0.01 } else { 1.0 };
    density * PACE * reached(asked, Some(ran)) * identified * named_another
}

/// The odds of an operation and a number of which nothing else is left, somewhere within so many seconds.
#[must_use]
pub fn of_missing(asked: &Asked, within_seconds: f64) -> f64 {
    PACE / within_seconds.max(30.0) * reached(asked, None)
}
