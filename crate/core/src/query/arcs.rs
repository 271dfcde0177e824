//! Arcs of the timeline: from each operation to its run, one per pair of pixels at most.
//!
//! An arc leads from where the cloud's clock places the operation to where the timeline shows the run, by the guest's own clock: a clock
//! that is off is seen at once.
//!
//! Rejected: all executions of the range. A thousand arcs on one pixel are one line and a thousand times the work.

use super::executions::{EventName, confidence};
use super::story::Sides;
use crate::case::Case;
use serde::Serialize;
use std::collections::BTreeMap;

/// Arcs of one answer at most.
const MOST_ARCS: usize = 2_000;

/// An arc, or a stub where one side is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arc {
    /// Where the operation began; absent where none is known.
    pub operation_ms: Option<f64>,
    /// Where the run began, by the guest's clock; absent where none is known.
    pub run_ms: Option<f64>,
    /// `confirmed`, `high`, `medium` or `low`.
    pub confidence: Option<&'static str>,
    /// The first execution that it stands for.
    pub name: EventName,
    /// How many it stands for.
    pub count: u32,
}

/// The arcs of a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arcs {
    /// Revision they belong to.
    pub revision: u64,
    /// The arcs, by their first end.
    pub arcs: Vec<Arc>,
    /// Executions in the range that are left out.
    pub left: usize,
}

/// Both ends in pixels, and the confidence.
type Pixels = (Option<i64>, Option<i64>, Option<&'static str>);

/// The executions with an end in `[from_ms, to_ms)`, joined where they share both of their `pixels` and their confidence.
#[must_use]
pub fn arcs(case: &Case, from_ms: f64, to_ms: f64, pixels: u32) -> Arcs {
    let width = ((to_ms - from_ms) / f64::from(pixels.clamp(1, 16_384))).max(f64::MIN_POSITIVE);
    let pixel = |ms: Option<f64>| ms.map(|ms| ((ms - from_ms) / width).floor() as i64);
    let inside = |ms: Option<f64>| ms.is_some_and(|ms| ms >= from_ms && ms < to_ms);
    let mut joined: BTreeMap<Pixels, Arc> = BTreeMap::new();
    let mut left = 0;
    for execution in &case.linked().executions {
        let sides = Sides::of(case, execution);
        let operation_ms = sides.op.and_then(|op| op.started).map(|time| time.ms());
        let run_ms = sides
            .run
            .and_then(|run| run.started.or(run.ended))
            .map(|time| time.ms());
        let first = sides.op.and_then(|op| op.events.first());
        let first = first.or_else(|| sides.run?.events.first());
        let (Some(first), true) = (first, inside(operation_ms) || inside(run_ms)) else {
            continue;
        };
        let sure = confidence(execution);
        let key = (pixel(operation_ms), pixel(run_ms), sure);
        let full = joined.len() >= MOST_ARCS;
        match joined.get_mut(&key) {
            Some(arc) => arc.count += 1,
            None if full => left += 1,
            None => {
                joined.insert(
                    key,
                    Arc {
                        operation_ms,
                        run_ms,
                        confidence: sure,
                        name: EventName::of(case, *first),
                        count: 1,
                    },
                );
            }
        }
    }
    Arcs {
        revision: case.revision(),
        arcs: joined.into_values().collect(),
        left,
    }
}
