//! What speaks for a pair, in points, and what rules it out (detectors 34).
//!
//! ```text
//! host            30 the guest itself names the VM, or the analyst did; 25 equal names; 20 cut to 15 characters; 12 learned
//! time            30 inside the operation, falling to 0 at the window's end
//! end             10 both end at the same moment, falling to 0 at a minute
//! goal-state      40 the goal state that led to the run carries the operation's correlation id: decisive
//! identity        20 equal managed names, or equal scripts
//! outcome         −10 to 5 both ended alike
//! corroboration   5 for each other witness, 15 at most
//! ```
//!
//! Points are counted in millionths and whole numbers, so that sums do not depend on their order and equal pairs are equal.
//!
//! Rejected: a score learned from data. Nobody could say in court why.

use super::sides::{Asked, Ran, Reported};
use crate::evidence::layout::{Family, Os};
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;

/// The feature of a goal state whose correlation id is the operation's.
pub const GOAL_STATE: &str = "goal-state";

/// One point.
pub const POINT: i64 = 1_000_000;
/// The greatest score.
const MOST: i64 = 100 * POINT;
/// Ends further apart than this say nothing.
const END_WINDOW: i64 = 60 * NS_PER_SECOND;

/// What identifies a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// Nothing.
    None,
    /// Equal managed names.
    Name,
    /// Equal scripts.
    Script,
    /// The goal state's correlation id.
    GoalState,
}

impl Identity {
    /// Its points.
    #[must_use]
    pub fn points(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Name | Self::Script => 20 * POINT,
            Self::GoalState => 40 * POINT,
        }
    }
}

/// The points of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// The guest is this VM.
    pub host: i64,
    /// Near in time.
    pub time: i64,
    /// Ends alike in time.
    pub end: i64,
    /// Identified.
    pub identity: Identity,
    /// Ended alike.
    pub outcome: i64,
    /// Seen by others.
    pub corroboration: i64,
    /// Distance of the start from the operation, in nanoseconds.
    pub distance: i64,
}

impl Features {
    /// The score.
    #[must_use]
    pub fn score(&self) -> i64 {
        let sum = self.host
            + self.time
            + self.end
            + self.identity.points()
            + self.outcome
            + self.corroboration;
        sum.min(MOST)
    }
}

/// The points of an admissible pair; `None` where something rules it out. `host` are the points of guest and VM.
///
/// A goal state's correlation id is decisive, so such a pair is admissible at any distance: a clock that was set does not undo it.
#[must_use]
pub fn compare(
    asked: &Asked,
    ran: &Ran,
    host: i64,
    offset: Offset,
    window: i64,
) -> Option<Features> {
    if host <= 0 || !ran.answers(asked.family) || contradict(asked, ran) {
        return None;
    }
    let identity = identify(asked, ran);
    let decisive = identity == Identity::GoalState;
    let distance = match ran.time() {
        Some(time) => distance(asked, offset.cloud(time)),
        None if decisive => window,
        None => return None,
    };
    if distance > window && !decisive {
        return None;
    }
    // An operation whose start is not known: half of what the time would be worth. An end where no start is known: two thirds.
    let mut time = scaled(30 * POINT, window - distance.min(window), window);
    if !asked.begins() {
        time /= 2;
    } else if ran.started.is_none() {
        time = time * 2 / 3;
    }
    Some(Features {
        host,
        time,
        end: end(asked, ran, offset),
        identity,
        outcome: outcome(asked, ran),
        corroboration: 5 * POINT * ran.witnesses(offset).clamp(0, 3),
        distance: distance.min(window),
    })
}

/// Distance of a cloud time from an operation.
#[must_use]
pub fn distance(asked: &Asked, time: i64) -> i64 {
    asked
        .start
        .saturating_sub(time)
        .max(time.saturating_sub(asked.end))
        .max(0)
}

fn scaled(points: i64, part: i64, whole: i64) -> i64 {
    let share = i128::from(points) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(0)
}

fn contradict(asked: &Asked, ran: &Ran) -> bool {
    let differ = |one: &Option<String>, other: &Option<String>| matches!((one, other), (Some(one), Some(other)) if one != other);
    asked.os.is_some_and(|os| os != ran.os)
        || asked.family == OperationFamily::Managed && differ(&asked.name, &ran.name)
        || differ(&asked.script, &ran.script)
}

fn identify(asked: &Asked, ran: &Ran) -> Identity {
    let same_correlation = asked
        .correlation
        .as_ref()
        .is_some_and(|correlation| ran.correlations.contains(correlation));
    if same_correlation {
        Identity::GoalState
    } else if asked.script.is_some() && asked.script == ran.script {
        Identity::Script
    } else if asked.family == OperationFamily::Managed
        && asked.name.is_some()
        && asked.name == ran.name
    {
        Identity::Name
    } else {
        Identity::None
    }
}

/// Whether the operation is known to end only after the script: not so for managed runs that do not wait, or may not.
#[must_use]
pub fn waits(asked: &Asked, ran: &Ran) -> bool {
    asked.family != OperationFamily::Managed
        || ran.asynchronous.or(asked.asynchronous) == Some(false)
}

fn end(asked: &Asked, ran: &Ran, offset: Offset) -> i64 {
    let Some(ended) = ran.ended.filter(|_| asked.terminal && waits(asked, ran)) else {
        return 0;
    };
    let apart = offset
        .cloud(ended)
        .saturating_sub(asked.end)
        .saturating_abs();
    scaled(10 * POINT, (END_WINDOW - apart).max(0), END_WINDOW)
}

fn outcome(asked: &Asked, ran: &Ran) -> i64 {
    use OperationOutcome as Cloud;
    use Reported as Guest;
    let points = match (asked.outcome, ran.reported) {
        (Cloud::Accepted | Cloud::Started | Cloud::Unknown, Guest::Running) => 5,
        (Cloud::Succeeded, Guest::Success) => 5,
        (Cloud::Failed, Guest::Error) => 5,
        (Cloud::Succeeded, Guest::Error) => match (ran.family, ran.os) {
            (Family::Action, Os::Linux) => -10,
            (Family::Action, Os::Windows) => -3,
            (Family::Managed | Family::Immediate, _) => 2,
            (Family::Extension, _) => -5,
        },
        (Cloud::Failed, Guest::Success) => match (ran.family, ran.os) {
            (Family::Action, Os::Linux) => -5,
            (Family::Action, Os::Windows) => -3,
            (Family::Managed | Family::Immediate, _) => -10,
            (Family::Extension, _) => -5,
        },
        _ => 0,
    };
    points * POINT
}

/// One reason, as the case document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which feature.
    pub feature: &'static str,
    /// Its points.
    pub points: i64,
    /// What was compared, in words.
    pub value: String,
}

impl Features {
    /// The reasons for a pair. `host` says how the guest is known to be the VM.
    #[must_use]
    pub fn reasons(&self, asked: &Asked, ran: &Ran, host: &str, offset: Offset) -> Vec<Reason> {
        let mut reasons = vec![Reason {
            feature: "host",
            points: self.host,
            value: host.to_owned(),
        }];
        let mut add = |feature, points, value: String| {
            reasons.push(Reason {
                feature,
                points,
                value,
            });
        };
        add("time", self.time, time_in_words(asked, ran, offset));
        if let Some(ended) = ran.ended.filter(|_| asked.terminal) {
            let apart = offset.cloud(ended).saturating_sub(asked.end);
            let value = if waits(asked, ran) {
                let side = if apart < 0 { "before" } else { "after" };
                format!(
                    "ended {} {side} the operation did",
                    in_seconds(apart.saturating_abs())
                )
            } else {
                "the operation may end before its script, so the ends say nothing".to_owned()
            };
            add("end", self.end, value);
        }
        let identity = self.identity.points();
        match self.identity {
            Identity::GoalState => add(
                GOAL_STATE,
                identity,
                format!(
                    "the goal state that led to the run carries correlation id {}",
                    asked.correlation.as_deref().unwrap_or("")
                ),
            ),
            Identity::Script => add(
                "identity",
                identity,
                "the same script on both sides".to_owned(),
            ),
            Identity::Name => add(
                "identity",
                identity,
                format!("both are named {}", asked.name.as_deref().unwrap_or("")),
            ),
            Identity::None => {}
        }
        let guest = match ran.reported {
            Reported::Success => "success",
            Reported::Error => "error",
            Reported::Running => "running",
            Reported::Unknown => "nothing",
        };
        let outcome = format!("cloud says {}, guest says {guest}", asked.outcome.class());
        add("outcome", self.outcome, outcome);
        if self.corroboration > 0 {
            let mut seen = ran.seen.clone();
            if ran.has_flow(offset) {
                seen.push("a flow to an address that its script names");
            }
            add("corroboration", self.corroboration, seen.join(", "));
        }
        reasons
    }
}

fn time_in_words(asked: &Asked, ran: &Ran, offset: Offset) -> String {
    let Some(guest) = ran.time() else {
        return "the run has no time".to_owned();
    };
    let time = offset.cloud(guest);
    let what = if ran.started.is_some() {
        "started"
    } else {
        "ended (its start is unknown)"
    };
    let place = if time < asked.start {
        format!("{} before the operation", in_seconds(asked.start - time))
    } else if time > asked.end {
        format!("{} after the operation ended", in_seconds(time - asked.end))
    } else if asked.complete_start {
        format!(
            "{} after the operation began",
            in_seconds(time - asked.start)
        )
    } else if asked.accepted.is_some() {
        "while the operation ran; its request was answered, and began seconds before".to_owned()
    } else {
        "within 90 minutes before the operation ended; its beginning is unknown".to_owned()
    };
    match offset.at(guest) {
        0 => format!("{what} {place}"),
        off => {
            let side = if off > 0 { "ahead" } else { "behind" };
            format!(
                "{what} {place}, the guest's clock being {} {side}",
                in_seconds(off.saturating_abs())
            )
        }
    }
}

/// `4.2 s`: tenths, without floating point.
#[must_use]
pub fn in_seconds(ns: i64) -> String {
    let tenths = ns.saturating_add(NS_PER_SECOND / 20) / (NS_PER_SECOND / 10);
    if tenths % 10 == 0 {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
