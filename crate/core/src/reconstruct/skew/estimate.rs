//! The offset that a set of pairs allows.
//!
//! An execution cannot start before its operation starts nor end after it ends. So every true pair bounds the offset:
//!
//! ```text
//! operation [10:00:00, 10:00:40], guest 10:05:05 to 10:05:35, whole seconds
//! at most   10:05:06 − 10:00:00 = 306 s        at least  10:05:35 − 10:00:40 = 295 s
//! ```
//!
//! Starts follow within seconds and ends trail by as long as reporting takes, so the estimate lies a usual start latency below
//! the least upper bound. Where bounds contradict each other, the pairs that do most of it are set aside; where too many would be,
//! the clock drifts or was set.
//!
//! Rejected: the median of differences. It says nothing of how far off it may be, and reporting latency shifts it.

use super::offset::Offset;
use crate::time::{NS_PER_DAY, NS_PER_SECOND};

/// What one pair says of the offset, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The offset is at least this.
    pub low: Option<i64>,
    /// The offset is at most this.
    pub high: Option<i64>,
    /// When, by the guest's clock.
    pub at: i64,
    /// The pair's score: of two that contradict equally the lower one goes.
    pub score: i64,
}

/// What goal-state lines say: they hold both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoalStateBound {
    /// How many lines.
    pub lines: usize,
    /// The least of (line time − creation time).
    pub least: i64,
    /// The least of (line time + its resolution − creation time): a hard upper bound.
    pub high: i64,
}

/// How an estimate came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Bounds of linked pairs.
    Pairs,
    /// Creation times in goal-state lines.
    GoalState,
    /// Nothing to go by.
    None,
}

impl Method {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::GoalState => "goal-state",
            Self::None => "none",
        }
    }
}

/// How sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A lead.
    Low,
    /// Likely.
    Medium,
    /// Sure.
    High,
}

impl Confidence {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What is assumed in estimating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// How long an execution usually takes to start, in nanoseconds.
    pub start_latency: i64,
    /// Pairs for confidence medium; twice as many make it high.
    pub least_pairs: usize,
}

/// An estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The offset; none where a side is open or bounds contradict each other.
    pub offset: Option<Offset>,
    /// Lower end of the interval, at the end of the time covered.
    pub low: Option<i64>,
    /// Upper end of the interval, at the end of the time covered.
    pub high: Option<i64>,
    /// Pairs used.
    pub pairs: usize,
    /// Pairs set aside because they contradict the others.
    pub discarded: usize,
    /// How it came about.
    pub method: Method,
    /// How sure.
    pub confidence: Confidence,
    /// Why no more than that.
    pub reason: Option<&'static str>,
}

/// Goal-state lines from which an estimate may be drawn.
const GOAL_STATE_LINES: usize = 20;
/// How long a goal state usually waits to be noticed: an assumption, and labelled so.
const GOAL_STATE_LATENCY: i64 = 2 * NS_PER_SECOND;
/// What that assumption may be wrong by.
const GOAL_STATE_HALF_WIDTH: i64 = 5 * NS_PER_SECOND;
/// A drift needs this many pairs over this long.
const DRIFT_PAIRS: usize = 6;
const DRIFT_SPAN: i64 = 6 * 3600 * NS_PER_SECOND;
/// Slopes are taken between this many pairs at most.
const DRIFT_SAMPLE: usize = 400;

/// Bounds after the contradicting ones went.
struct Settled {
    low: Option<i64>,
    high: Option<i64>,
    kept: usize,
    discarded: usize,
}

impl Settled {
    fn consistent(&self) -> bool {
        match (self.low, self.high) {
            (Some(low), Some(high)) => low <= high,
            _ => true,
        }
    }

    /// More than a fifth of the pairs had to go, or what is left still contradicts itself.
    fn broken(&self) -> bool {
        !self.consistent() || self.discarded * 5 > self.kept + self.discarded
    }

    fn point(&self, latency: i64) -> Option<i64> {
        let (low, high) = (self.low?, self.high?);
        if low > high {
            None
        } else if low <= 0 && 0 <= high {
            Some(0)
        } else {
            Some((high - latency).clamp(low, high))
        }
    }
}

/// Sets aside the pair whose removal lowers the contradiction most, until there is none or fewer than three are left.
fn settle(bounds: &[Bound]) -> Settled {
    let mut kept: Vec<Bound> = bounds.to_vec();
    loop {
        let low = kept.iter().filter_map(|bound| bound.low).max();
        let high = kept.iter().filter_map(|bound| bound.high).min();
        let done = match (low, high) {
            (Some(low), Some(high)) => low <= high,
            _ => true,
        };
        if done || kept.len() < 3 {
            let discarded = bounds.len() - kept.len();
            return Settled {
                low,
                high,
                kept: kept.len(),
                discarded,
            };
        }
        // Only a pair that holds an extreme can lower the contradiction; removed, the next extreme decides.
        let next_low =
            second(kept.iter().filter_map(|bound| bound.low.map(|low| -low))).map(|low| -low);
        let next_high = second(kept.iter().filter_map(|bound| bound.high));
        let left = |bound: &Bound| -> i64 {
            let low_left = if bound.low == low { next_low } else { low };
            let high_left = if bound.high == high { next_high } else { high };
            match (low_left, high_left) {
                (Some(low), Some(high)) => low.saturating_sub(high),
                _ => i64::MIN,
            }
        };
        let worst = kept
            .iter()
            .enumerate()
            .min_by_key(|(_, bound)| (left(bound), bound.score, bound.at));
        match worst.map(|(at, _)| at) {
            Some(at) => kept.remove(at),
            None => continue,
        };
    }
}

/// The second smallest, equal to the smallest where two share it.
fn second(values: impl Iterator<Item = i64>) -> Option<i64> {
    let (mut first, mut second) = (None::<i64>, None::<i64>);
    for value in values {
        if first.is_none_or(|least| value < least) {
            second = first;
            first = Some(value);
        } else if second.is_none_or(|least| value < least) {
            second = Some(value);
        }
    }
    second
}

/// The estimate from pairs and goal-state lines. The order of the bounds does not matter.
#[must_use]
pub fn estimate(
    bounds: &[Bound],
    goal_states: Option<GoalStateBound>,
    assumed: Assumptions,
) -> Estimate {
    let mut bounds: Vec<Bound> = bounds
        .iter()
        .copied()
        .filter(|bound| bound.low.is_some() || bound.high.is_some())
        .collect();
    bounds.sort_unstable_by_key(|bound| (bound.at, bound.low, bound.high, bound.score));
    let constant = settle(&bounds);
    let by_pairs = if !constant.broken() || bounds.is_empty() {
        of_constant(&bounds, &constant, goal_states, assumed)
    } else {
        drifting(&bounds, assumed)
            .or_else(|| stepped(&bounds, assumed))
            .unwrap_or_else(|| of_constant(&bounds, &constant, goal_states, assumed))
    };
    let enough = by_pairs.offset.is_some() && by_pairs.confidence > Confidence::Low;
    match goal_states {
        Some(lines) if lines.lines >= GOAL_STATE_LINES && !enough => {
            let point = lines.least - GOAL_STATE_LATENCY;
            let (low, high) = (point - GOAL_STATE_HALF_WIDTH, point + GOAL_STATE_HALF_WIDTH);
            Estimate {
                offset: Some(Offset::Constant(point)),
                low: Some(low),
                high: Some(high.min(lines.high)),
                method: Method::GoalState,
                confidence: Confidence::Medium,
                reason: Some(
                    "from creation times in goal-state lines; the usual wait of 2 s is an assumption",
                ),
                ..by_pairs
            }
        }
        _ => by_pairs,
    }
}

fn of_constant(
    bounds: &[Bound],
    settled: &Settled,
    goal_states: Option<GoalStateBound>,
    assumed: Assumptions,
) -> Estimate {
    // Every goal-state line bounds the offset from above, too; the start latency is that of the pairs' own bound.
    let mut settled = Settled { ..*settled };
    let by_starts = settled.high.map(|high| high - assumed.start_latency);
    if let (Some(lines), Some(high)) = (goal_states, settled.high)
        && settled.low.is_none_or(|low| low <= lines.high)
    {
        settled.high = Some(high.min(lines.high));
    }
    let point = settled.point(assumed.start_latency).map(|point| {
        match (by_starts, settled.low, settled.high) {
            (Some(by_starts), Some(low), Some(high)) if point != 0 => by_starts.clamp(low, high),
            _ => point,
        }
    });
    let (confidence, reason) = if bounds.is_empty() {
        (Confidence::Low, Some("no pair"))
    } else if !settled.consistent() || settled.broken() {
        (Confidence::Low, Some("inconsistent pair"))
    } else if settled.low.is_none() || settled.high.is_none() {
        (Confidence::Low, Some("bounded on one side only"))
    } else if settled.kept >= 2 * assumed.least_pairs {
        (Confidence::High, None)
    } else if settled.kept >= assumed.least_pairs {
        (Confidence::Medium, None)
    } else {
        (Confidence::Low, Some("few pairs"))
    };
    let shown = settled.consistent();
    Estimate {
        offset: point.map(Offset::Constant),
        low: settled.low.filter(|_| shown),
        high: settled.high.filter(|_| shown),
        pairs: settled.kept,
        discarded: settled.discarded,
        method: if bounds.is_empty() {
            Method::None
        } else {
            Method::Pairs
        },
        confidence,
        reason,
    }
}

/// Theil–Sen over the middles of the pairs' intervals, or over their upper bounds where too few ends are known; then the bounds again,
/// with the drift taken out.
fn drifting(bounds: &[Bound], assumed: Assumptions) -> Option<Estimate> {
    let middles = bounds
        .iter()
        .filter_map(|bound| Some((bound.at, bound.low?.midpoint(bound.high?))));
    let mut both: Vec<(i64, i64)> = middles.collect();
    if both.len() < DRIFT_PAIRS {
        let highs = bounds
            .iter()
            .filter_map(|bound| Some((bound.at, bound.high?)));
        both = highs.collect();
    }
    let (first, last) = (both.first()?.0, both.last()?.0);
    if both.len() < DRIFT_PAIRS || last - first < DRIFT_SPAN {
        return None;
    }
    let step = both.len().div_ceil(DRIFT_SAMPLE);
    let sample: Vec<(i64, i64)> = both.iter().copied().step_by(step).collect();
    let mut slopes: Vec<i64> = Vec::new();
    for (place, (at, middle)) in sample.iter().enumerate() {
        for (later, then) in sample.iter().skip(place + 1) {
            let passed = i128::from(later - at);
            if passed > 0 {
                let grown = i128::from(then - middle) * i128::from(NS_PER_DAY) / passed;
                slopes.push(i64::try_from(grown).ok()?);
            }
        }
    }
    slopes.sort_unstable();
    let per_day = *slopes.get(slopes.len() / 2)?;
    let drift = Offset::Drift {
        origin: last,
        at_origin: 0,
        per_day,
    };
    let flat: Vec<Bound> = bounds
        .iter()
        .map(|bound| {
            let grown = drift.at(bound.at);
            Bound {
                low: bound.low.map(|low| low - grown),
                high: bound.high.map(|high| high - grown),
                ..*bound
            }
        })
        .collect();
    let settled = settle(&flat);
    if settled.broken() {
        return None;
    }
    let (low, high) = (settled.low?, settled.high?);
    Some(Estimate {
        offset: Some(Offset::Drift {
            origin: last,
            at_origin: (high - assumed.start_latency).clamp(low, high),
            per_day,
        }),
        low: Some(low),
        high: Some(high),
        pairs: settled.kept,
        discarded: settled.discarded,
        method: Method::Pairs,
        confidence: graded(settled.kept, assumed),
        reason: Some("the clock drifts"),
    })
}

/// The estimate from pairs along a course: a drift's level, or both levels of a clock that was set. `None` where the course is a level
/// itself or the pairs contradict it.
#[must_use]
pub fn estimate_along(bounds: &[Bound], course: Offset, assumed: Assumptions) -> Option<Estimate> {
    let useful = bounds
        .iter()
        .copied()
        .filter(|bound| bound.low.is_some() || bound.high.is_some());
    let mut bounds: Vec<Bound> = useful.collect();
    bounds.sort_unstable_by_key(|bound| (bound.at, bound.low, bound.high, bound.score));
    // Relative to the course, so that nought is no special offset.
    let flat = |bound: &Bound| {
        let offset = course.at(bound.at);
        Bound {
            low: bound.low.map(|low| low.saturating_sub(offset)),
            high: bound.high.map(|high| high.saturating_sub(offset)),
            ..*bound
        }
    };
    let level = |settled: &Settled| {
        let (low, high) = (settled.low, settled.high?);
        let usual = high.saturating_sub(assumed.start_latency);
        Some(low.map_or(usual, |low| usual.clamp(low.min(high), high)))
    };
    let flattened: Vec<Bound> = bounds.iter().map(flat).collect();
    match course {
        Offset::Constant(_) => None,
        Offset::Drift {
            origin,
            at_origin,
            per_day,
        } => {
            let settled = settle(&flattened);
            let more = level(&settled).filter(|_| !settled.broken())?;
            Some(Estimate {
                offset: Some(Offset::Drift {
                    origin,
                    at_origin: at_origin.saturating_add(more),
                    per_day,
                }),
                low: settled.low.map(|low| low.saturating_add(at_origin)),
                high: settled.high.map(|high| high.saturating_add(at_origin)),
                pairs: settled.kept,
                discarded: settled.discarded,
                method: Method::Pairs,
                confidence: graded(settled.kept, assumed),
                reason: Some("the clock drifts"),
            })
        }
        Offset::Step {
            from,
            before,
            after,
        } => {
            let split = flattened.partition_point(|bound| bound.at < from);
            let (earlier, later) = flattened.split_at(split);
            let (one, other) = (settle(earlier), settle(later));
            let (Some(one_more), Some(other_more), false) =
                (level(&one), level(&other), one.broken() || other.broken())
            else {
                return None;
            };
            Some(Estimate {
                offset: Some(Offset::Step {
                    from,
                    before: before.saturating_add(one_more),
                    after: after.saturating_add(other_more),
                }),
                low: other.low.map(|low| low.saturating_add(after)),
                high: other.high.map(|high| high.saturating_add(after)),
                pairs: one.kept + other.kept,
                discarded: one.discarded + other.discarded,
                method: Method::Pairs,
                confidence: graded(one.kept.min(other.kept), assumed),
                reason: Some("the clock was set"),
            })
        }
    }
}

/// A course with its levels where the bounds have them: a usual start latency below the least upper bound, as far as ends allow. A level
/// that no bound speaks of stays.
#[must_use]
pub fn refined(bounds: &[Bound], course: Offset, assumed: Assumptions) -> Offset {
    let more = |of: &mut dyn Iterator<Item = &Bound>| {
        let flat: Vec<Bound> = of
            .map(|bound| {
                let offset = course.at(bound.at);
                Bound {
                    low: bound.low.map(|low| low.saturating_sub(offset)),
                    high: bound.high.map(|high| high.saturating_sub(offset)),
                    ..*bound
                }
            })
            .collect();
        let settled = settle(&flat);
        let high = settled.high?;
        let usual = high.saturating_sub(assumed.start_latency);
        Some(
            settled
                .low
                .map_or(usual, |low| usual.clamp(low.min(high), high)),
        )
    };
    match course {
        Offset::Step {
            from,
            before,
            after,
        } => Offset::Step {
            from,
            before: before + more(&mut bounds.iter().filter(|bound| bound.at < from)).unwrap_or(0),
            after: after + more(&mut bounds.iter().filter(|bound| bound.at >= from)).unwrap_or(0),
        },
        other => other.raised(more(&mut bounds.iter()).unwrap_or(0)),
    }
}

/// The split in time with the least contradiction on both sides together.
fn stepped(bounds: &[Bound], assumed: Assumptions) -> Option<Estimate> {
    let contradiction = |part: &[Bound]| {
        let low = part.iter().filter_map(|bound| bound.low).max();
        let high = part.iter().filter_map(|bound| bound.high).min();
        match (low, high) {
            (Some(low), Some(high)) => low.saturating_sub(high).max(0),
            _ => 0,
        }
    };
    let running = |bounds: &mut dyn Iterator<Item = &Bound>| -> Vec<i64> {
        let (mut low, mut high) = (i64::MIN, i64::MAX);
        bounds
            .map(|bound| {
                low = low.max(bound.low.unwrap_or(i64::MIN));
                high = high.min(bound.high.unwrap_or(i64::MAX));
                low.saturating_sub(high).max(0)
            })
            .collect()
    };
    let before = running(&mut bounds.iter());
    let mut after = running(&mut bounds.iter().rev());
    after.reverse();
    let split = (1..bounds.len()).min_by_key(|at| {
        let one = before.get(at - 1).copied().unwrap_or(0);
        let other = after.get(*at).copied().unwrap_or(0);
        one.saturating_add(other)
    })?;
    let (earlier, later) = bounds.split_at(split);
    if contradiction(earlier) + contradiction(later) >= contradiction(bounds) {
        return None;
    }
    let (one, other) = (settle(earlier), settle(later));
    // One stray pair is no step: both sides must stand on their own.
    let least = assumed.least_pairs.max(2);
    if one.broken() || other.broken() || one.kept.min(other.kept) < least {
        return None;
    }
    let point = |settled: &Settled| settled.point(assumed.start_latency);
    Some(Estimate {
        offset: Some(Offset::Step {
            from: later.first()?.at,
            before: point(&one)?,
            after: point(&other)?,
        }),
        low: other.low,
        high: other.high,
        pairs: one.kept + other.kept,
        discarded: one.discarded + other.discarded,
        method: Method::Pairs,
        confidence: graded(one.kept.min(other.kept), assumed),
        reason: Some("the clock was set"),
    })
}

fn graded(pairs: usize, assumed: Assumptions) -> Confidence {
    if pairs >= 2 * assumed.least_pairs {
        Confidence::High
    } else if pairs >= assumed.least_pairs {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

#[cfg(test)]
mod tests;
