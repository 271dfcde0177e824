//! Both clocks of an execution: what the cloud says above, what the guest says below, and the offset between.

use super::Sides;
use crate::case::Case;
use crate::reconstruct::links::Clock;
use crate::reconstruct::links::features::in_seconds;
use crate::reconstruct::skew::estimate::Confidence;
use crate::reconstruct::skew::offset::{Offset, seconds};
use crate::time::Instant;
use serde::Serialize;

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Its beginning.
    pub from: Option<String>,
    /// Its end.
    pub to: Option<String>,
    /// For drawing.
    pub from_ms: Option<f64>,
    /// For drawing.
    pub to_ms: Option<f64>,
}

impl Stretch {
    fn of(from: Option<Instant>, to: Option<Instant>) -> Option<Self> {
        from.or(to)?;
        Some(Self {
            from: from.map(|time| time.to_string()),
            to: to.map(|time| time.to_string()),
            from_ms: from.map(Instant::ms),
            to_ms: to.map(Instant::ms),
        })
    }
}

/// The strip of both clocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Strip {
    /// The operation, by the cloud's clock.
    pub cloud: Option<Stretch>,
    /// The run as the guest's clock shows it.
    pub guest: Option<Stretch>,
    /// The run by the cloud's clock.
    pub corrected: Option<Stretch>,
    /// What the guest's clock shows more, in seconds, as it was applied here.
    pub offset_seconds: Option<f64>,
    /// Least it may be, in seconds.
    pub low_seconds: Option<f64>,
    /// Most it may be, in seconds.
    pub high_seconds: Option<f64>,
    /// How the clock is known, in a sentence.
    pub said: Option<String>,
    /// `high`, `medium`, `low` or `none`.
    pub confidence: Option<&'static str>,
}

/// The offset by which a run was placed.
#[must_use]
pub fn applied(case: &Case, run: usize) -> Offset {
    let clock = case.linked().clock_of_run(run);
    clock.map_or(Offset::NONE, |clock| clock.applied)
}

/// A clock in a sentence.
#[must_use]
pub fn in_words(clock: &Clock) -> String {
    let estimate = &clock.estimate;
    let ahead = |ns: i64| {
        let side = if ns < 0 { "behind" } else { "ahead of" };
        format!("{} {side} the cloud's", in_seconds(ns.saturating_abs()))
    };
    let offset = match estimate.offset {
        None => "its offset is not known".to_owned(),
        Some(Offset::Constant(0)) => "no offset is seen".to_owned(),
        Some(Offset::Constant(ns)) => format!("it is {}", ahead(ns)),
        Some(Offset::Drift {
            at_origin, per_day, ..
        }) => format!(
            "it drifts: {} at first, {} s more each day",
            ahead(at_origin),
            seconds(per_day)
        ),
        Some(Offset::Step {
            from,
            before,
            after,
        }) => format!(
            "it was set at {} by its own time: {} before, {} since",
            Instant {
                ns: from,
                digits: 0
            },
            ahead(before),
            ahead(after)
        ),
    };
    let pairs = match estimate.pairs {
        1 => "1 pair".to_owned(),
        count => format!("{count} pairs"),
    };
    let reason = estimate
        .reason
        .map(|why| format!("; {why}"))
        .unwrap_or_default();
    format!(
        "The guest's clock: {offset} ({}, {pairs}, confidence {}{reason}).",
        estimate.method.word(),
        estimate.confidence.word()
    )
}

pub(super) fn strip(sides: &Sides<'_>) -> Strip {
    let cloud = sides.op.and_then(|op| Stretch::of(op.started, op.ended));
    let run = sides.run;
    let place = sides.execution.run;
    let offset = place.map(|at| applied(sides.case, at));
    let clock = place.and_then(|at| sides.case.linked().clock_of_run(at));
    let corrected = |time: Option<Instant>| {
        let time = time?;
        Some(time.shifted(-offset?.at(time.ns)))
    };
    let at = run.and_then(|run| run.started.or(run.ended));
    Strip {
        cloud,
        guest: run.and_then(|run| Stretch::of(run.started, run.ended)),
        corrected: run.and_then(|run| Stretch::of(corrected(run.started), corrected(run.ended))),
        offset_seconds: at.and_then(|at| Some(seconds(offset?.at(at.ns)))),
        low_seconds: clock.and_then(|clock| clock.estimate.low).map(seconds),
        high_seconds: clock.and_then(|clock| clock.estimate.high).map(seconds),
        said: clock.map(in_words),
        confidence: clock
            .map(|clock| clock.estimate.confidence)
            .map(Confidence::word),
    }
}
