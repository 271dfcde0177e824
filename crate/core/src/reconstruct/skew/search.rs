//! Finding the offset of a clock when nothing says which run belongs to which operation.
//!
//! Each run is laid over each operation; the difference of their starts is a candidate, and so are whole quarters of an hour (a clock in
//! local time). At the true offset many runs fall into operations at once, elsewhere only few do by chance:
//!
//! ```text
//! operations   10:00          10:20     10:50
//! runs              10:05          10:25     10:55        at +300 s all three fit
//! ```
//!
//! The candidate with the greatest total of links wins, the smaller offset among equals. Most candidates need no solving: how many runs
//! could have any operation at an offset bounds what it can reach. An offset found this way counts only where
//! enough pairs agree on it, because with few of them chance finds one, too.
//!
//! Rejected: the most frequent difference. It ignores that ends, names and order have to fit as well.

use super::estimate::{
    Assumptions, Bound, Confidence, Estimate, GoalStateBound, estimate, estimate_along,
};
use super::offset::Offset;
use crate::reconstruct::links::features::{Identity, POINT, waits};
use crate::reconstruct::links::sides::{Asked, Ran};
use crate::reconstruct::links::solve::{Group, Pair, Solving};
use crate::time::NS_PER_SECOND;
use std::cmp::Reverse;

/// Candidates at most.
const MOST_CANDIDATES: usize = 2_000;
/// Runs that decide an offset at most, taken evenly.
const MOST_RUNS: usize = 400;
const QUARTER: i64 = 15 * 60 * NS_PER_SECOND;
/// Zones reach this far.
pub(super) const ZONES: i64 = 14 * 3600 * NS_PER_SECOND;

/// What is searched.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// The links to be found; the offset of the guest in question is replaced.
    pub solving: Solving<'a>,
    /// Operations on its VM.
    pub asked: &'a [usize],
    /// Its runs.
    pub ran: &'a [usize],
    /// The guest.
    pub host: usize,
    /// What its goal-state lines say.
    pub goal_states: Option<GoalStateBound>,
    /// The greatest offset looked for.
    pub window: i64,
    /// For estimating.
    pub assumed: Assumptions,
}

/// What one pair says of the offset; nothing where it cannot.
#[must_use]
pub fn bound(asked: &Asked, ran: &Ran, score: i64) -> Option<Bound> {
    let high = ran
        .started
        .filter(|_| asked.complete_start)
        .map(|started| started + ran.resolution - asked.start);
    let low = ran
        .ended
        .filter(|_| asked.terminal && waits(asked, ran))
        .map(|ended| ended - asked.end);
    Some(Bound {
        low,
        high,
        at: ran.time()?,
        score,
    })
}

impl Search<'_> {
    /// The estimate from pairs: those whose guest is surely the VM, or that a goal state names.
    #[must_use]
    pub fn estimate(&self, pairs: &[Pair]) -> Estimate {
        estimate(&self.bounds(pairs), self.goal_states, self.assumed)
    }

    /// The same along a course that was found before.
    #[must_use]
    pub fn estimate_along(&self, pairs: &[Pair], course: Offset) -> Estimate {
        let bounds = self.bounds(pairs);
        estimate_along(&bounds, course, self.assumed)
            .unwrap_or_else(|| estimate(&bounds, self.goal_states, self.assumed))
    }

    /// What pairs say of the offset.
    #[must_use]
    pub fn bounds(&self, pairs: &[Pair]) -> Vec<Bound> {
        pairs
            .iter()
            .filter(|pair| {
                pair.features.host >= 20 * POINT || pair.features.identity == Identity::GoalState
            })
            .filter_map(|pair| {
                let asked = self.solving.asked.get(pair.asked)?;
                let ran = self.solving.ran.get(pair.ran)?;
                (ran.host == self.host)
                    .then(|| bound(asked, ran, pair.features.score()))
                    .flatten()
            })
            .collect()
    }

    /// The offset to begin with.
    #[must_use]
    pub fn offset(&self) -> Offset {
        let decisive = self.solving.decisive(self.asked, self.ran);
        if let Some(offset) = Some(self.estimate(&decisive))
            .filter(|_| !decisive.is_empty())
            .and_then(|estimate| estimate.offset)
        {
            return offset;
        }
        let by_goal_states = self.estimate(&[]).offset.map(|offset| offset.at(0));
        let found = self.best(by_goal_states);
        if found == 0 || Some(found) == by_goal_states {
            return Offset::Constant(found);
        }
        if self.believable(found) {
            Offset::Constant(found)
        } else {
            Offset::Constant(by_goal_states.unwrap_or(0))
        }
    }

    fn at(&self, offset: i64, of: impl FnOnce(&Solving<'_>) -> i64) -> i64 {
        let mut offsets = self.solving.offsets.to_vec();
        if let Some(slot) = offsets.get_mut(self.host) {
            *slot = Offset::Constant(offset);
        }
        of(&Solving {
            offsets: &offsets,
            ..self.solving
        })
    }

    /// Enough pairs that agree, and half of the runs that it lays among the operations.
    fn believable(&self, offset: i64) -> bool {
        let mut offsets = self.solving.offsets.to_vec();
        if let Some(slot) = offsets.get_mut(self.host) {
            *slot = Offset::Constant(offset);
        }
        let solving = Solving {
            offsets: &offsets,
            ..self.solving
        };
        let pairs = solving.solve(self.asked, self.ran);
        let estimate = self.estimate(&pairs);
        let asked = || {
            self.asked
                .iter()
                .filter_map(|at| self.solving.asked.get(*at))
        };
        let first = asked().map(|op| op.first).min().unwrap_or(i64::MAX);
        let last = asked().map(|op| op.end).max().unwrap_or(i64::MIN);
        let times = self
            .ran
            .iter()
            .filter_map(|at| self.solving.ran.get(*at)?.time());
        let among = times
            .filter(|time| (first..=last).contains(&(time - offset)))
            .count();
        estimate.offset.is_some()
            && estimate.confidence > Confidence::Low
            && pairs.len() * 2 >= among
    }

    /// The candidate with the greatest total.
    fn best(&self, by_goal_states: Option<i64>) -> i64 {
        let sample: Vec<usize> = {
            let step = self.ran.len().div_ceil(MOST_RUNS).max(1);
            self.ran.iter().copied().step_by(step).collect()
        };
        let groups: Vec<Group<'_>> = self.solving.all_groups(self.asked, &sample);
        let total = |offset: i64| self.at(offset, |solving| solving.total(&groups));
        let first = by_goal_states.unwrap_or(0);
        let runs = || sample.iter().filter_map(|at| self.solving.ran.get(*at));
        // Ends alone may differ by ten points a run without anything being linked wrongly.
        let all: i64 = runs().map(|run| self.solving.most(run)).sum();
        let ends: i64 = runs().map(|_| 10 * POINT).sum();
        let mut best = (total(first), Reverse(0), first);
        if best.0 >= all - ends {
            return first;
        }
        let reach = self.reach(&sample);
        let reached = |offset: &i64| {
            let at = offset.div_euclid(NS_PER_SECOND) + reach.origin;
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            reach.totals.get(at).copied().unwrap_or(0)
        };
        let mut candidates = self.candidates(&sample);
        candidates.sort_by_key(|offset| (Reverse(reached(offset)), offset.abs(), *offset));
        for offset in candidates {
            if reached(&offset) < best.0 {
                break;
            }
            let have = (total(offset), Reverse(offset.abs()), offset);
            let nearer = best.2 != first && have.1 > best.1;
            if have.0 > best.0 || have.0 == best.0 && nearer {
                best = have;
            }
        }
        best.2
    }

    /// Differences of starts, one for each second that has any, thinned evenly; nought and whole quarters of an hour beside them.
    fn candidates(&self, sample: &[usize]) -> Vec<i64> {
        let seconds = self.window / NS_PER_SECOND;
        let slots = usize::try_from(2 * seconds + 1).unwrap_or(0);
        // The least difference within each second, as the rest above the second.
        let mut least: Vec<Option<i64>> = vec![None; slots];
        let mut starts: Vec<i64> = self
            .asked
            .iter()
            .filter_map(|at| self.solving.asked.get(*at))
            .filter(|op| op.complete_start)
            .map(|op| op.start)
            .collect();
        starts.sort_unstable();
        for ran in sample.iter().filter_map(|at| self.solving.ran.get(*at)) {
            let Some(started) = ran.started else { continue };
            let from = starts.partition_point(|start| *start < started.saturating_sub(self.window));
            for start in starts.iter().skip(from) {
                let difference = started - start;
                if difference < -self.window {
                    break;
                }
                let at = difference.div_euclid(NS_PER_SECOND) + seconds;
                let slot = usize::try_from(at).ok().and_then(|at| least.get_mut(at));
                if let Some(slot) = slot {
                    *slot = Some(slot.map_or(difference, |have| have.min(difference)));
                }
            }
        }
        let found: Vec<i64> = least.into_iter().flatten().collect();
        let zones = (-ZONES / QUARTER..=ZONES / QUARTER).map(|zone| zone * QUARTER);
        let mut candidates: Vec<i64> = zones.collect();
        let room = MOST_CANDIDATES.saturating_sub(candidates.len()).max(1);
        let step = found.len().div_ceil(room).max(1);
        candidates.extend(found.into_iter().step_by(step));
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    /// For each second of offset, what the runs that have any operation there could reach together.
    fn reach(&self, sample: &[usize]) -> Reach {
        let origin = ZONES.max(self.window) / NS_PER_SECOND + 1;
        let slots = usize::try_from(2 * origin + 2).unwrap_or(0);
        let mut steps = vec![0_i64; slots + 1];
        let window = self.solving.window;
        let mut spans: Vec<(i64, i64)> = self
            .asked
            .iter()
            .filter_map(|at| self.solving.asked.get(*at))
            .map(|op| (op.end, op.start))
            .collect();
        // Latest end first: the offsets at which a run fits begin there.
        spans.sort_unstable_by_key(|(end, start)| Reverse((*end, *start)));
        for ran in sample.iter().filter_map(|at| self.solving.ran.get(*at)) {
            let most = self.solving.most(ran);
            let Some(time) = ran.time() else {
                // Only a goal state can place it, at any offset.
                if let Some(slot) = steps.first_mut() {
                    *slot += most;
                }
                continue;
            };
            // A decisive pair is admissible at any offset.
            let anywhere = !ran.correlations.is_empty();
            let mut mark = |from: i64, to: i64| {
                let place = |ns: i64| {
                    let at = ns.div_euclid(NS_PER_SECOND) + origin;
                    usize::try_from(at.clamp(0, 2 * origin + 1)).unwrap_or(0)
                };
                if let Some(slot) = steps.get_mut(place(from)) {
                    *slot += most;
                }
                if let Some(slot) = steps.get_mut(place(to) + 1) {
                    *slot -= most;
                }
            };
            if anywhere {
                mark(i64::MIN / 4, i64::MAX / 4);
                continue;
            }
            let mut open: Option<(i64, i64)> = None;
            for (end, start) in &spans {
                let from = time.saturating_sub(*end).saturating_sub(window);
                let to = time.saturating_sub(*start).saturating_add(window);
                // Whole seconds: spans that share one are one.
                match &mut open {
                    Some((_, until)) if from <= until.saturating_add(2 * NS_PER_SECOND) => {
                        *until = (*until).max(to);
                    }
                    _ => {
                        if let Some((from, to)) = open.replace((from, to)) {
                            mark(from, to);
                        }
                    }
                }
            }
            if let Some((from, to)) = open {
                mark(from, to);
            }
        }
        let mut sum = 0;
        let totals = steps
            .into_iter()
            .map(|step| {
                sum += step;
                sum
            })
            .collect();
        Reach { origin, totals }
    }
}

/// Upper bounds by offset in seconds; `origin` is the place of nought.
struct Reach {
    origin: i64,
    totals: Vec<i64>,
}

#[cfg(test)]
mod tests;
