//! Which course a guest's clock kept, weighed by all counters of the guest at once.
//!
//! A clock is found from pairs, and pairs by the clock. So courses that many runs agree on are each tried: all ways to link the guest's runs
//! under a course are summed, counter by counter, and the products of the sums are compared, each with how common such a clock is.
//!
//! ```text
//! commands every hour, the clock set by an hour      at +3600 s from Wednesday on    each run has its operation
//!                                                    at 0 s throughout               each has its neighbour's, and one of each is left over
//! ```
//!
//! Both stay possible, and a pair's share is the sum over the courses: where two of them are nearly as probable, no link that depends on the
//! choice is stated.
//!
//! Rejected: the course of the most links alone. Under another that is nearly as probable every link may be another.

use super::alignments::Worth;
use super::solve::Pair;
use super::weigh::Weighed;
use super::{KNOWN_WITHIN, Linking, SLACK};
use crate::reconstruct::skew::estimate::refined;
use crate::reconstruct::skew::offset::Offset;
use crate::reconstruct::skew::search::Search;
use crate::time::NS_PER_SECOND;
use std::collections::{BTreeMap, BTreeSet};

/// A course that explains five sixths of so many runs, and all but one of so many at each end, is not one of many.
const MANY: usize = 12;
const EACH_END: usize = 4;
/// Of so many courses rivals are looked for.
const RIVALS: usize = 2;
/// Moments of a step that are tried beside the one found, on each side.
const MOMENTS: usize = 6;
/// A coarse course is known to within this.
const COARSE: i64 = 5 * NS_PER_SECOND;

/// Clocks are set by whole hours when zones and summer time are put right.
const HOUR: i64 = 3_600 * NS_PER_SECOND;

/// One guest on one VM.
#[derive(Clone, Copy)]
pub(super) struct OnVm<'a> {
    /// The guest.
    pub host: usize,
    /// Points of each guest for being the VM.
    pub points: &'a [i64],
    /// Operations on the VM.
    pub asked: &'a [usize],
    /// Runs of all its guests.
    pub ran: &'a [usize],
    /// Runs of this one.
    pub own: &'a [usize],
    /// Offsets of all guests.
    pub offsets: &'a [Offset],
}

/// What came of weighing.
pub(super) struct Course {
    /// The most probable course.
    pub offset: Offset,
    /// Shares of pairs over all courses.
    pub shares: BTreeMap<(usize, usize), f64>,
}

/// A course with what it explains.
struct Tried {
    course: Offset,
    worth: Worth,
    weighed: Weighed,
    pairs: Vec<Pair>,
}

fn density(ns: i64) -> f64 {
    // Any size from seconds to hours, four seconds told apart.
    let seconds = (ns.unsigned_abs() as f64 / NS_PER_SECOND as f64).max(3.0);
    let zone = 1_800 * NS_PER_SECOND;
    let off = (ns.rem_euclid(zone)).min(zone - ns.rem_euclid(zone));
    let zoned = ns.abs() > zone / 2 && off <= 10 * NS_PER_SECOND;
    0.25 / (4.0 * seconds) + if zoned { 0.003 } else { 0.0 }
}

/// How common a clock is that is off by so much.
fn level(ns: i64) -> f64 {
    if ns.abs() <= 4 * NS_PER_SECOND {
        0.5
    } else {
        density(ns)
    }
}

/// How common a course is.
fn common(course: Offset) -> f64 {
    match course {
        Offset::Constant(offset) => level(offset),
        Offset::Drift { at_origin, .. } => 0.05 * level(at_origin) / 30.0,
        Offset::Step { before, after, .. } => {
            let put_right = if after.abs() <= 4 * NS_PER_SECOND {
                0.3
            } else {
                0.0
            };
            let by = after.saturating_sub(before);
            let hours = by.rem_euclid(HOUR).min(HOUR - by.rem_euclid(HOUR)) <= 10 * NS_PER_SECOND;
            let jump = density(by) + put_right + if hours { 0.05 } else { 0.0 };
            // Of the moments that it may have been set at, most look alike.
            0.1 * level(before) * jump / 8.0
        }
    }
}

impl Linking<'_> {
    /// The most probable course of a guest's clock, and shares over all of them.
    pub(super) fn weigh_courses(&self, on: OnVm<'_>) -> Course {
        let current = on.offsets.get(on.host).copied().unwrap_or(Offset::NONE);
        let solving = self.solving(on.points, on.offsets, &[]);
        let search = self.search(on.host, solving, on.asked, on.own);
        let mut times: Vec<i64> = on
            .own
            .iter()
            .filter_map(|at| self.ran.get(*at)?.time())
            .collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or(0);
        let mut tried: Vec<Tried> = Vec::new();
        self.try_course(on, &search, current, &mut tried);
        self.try_course(on, &search, Offset::NONE, &mut tried);
        if !tried.first().is_some_and(|first| self.explains(on, first)) {
            for course in search.courses(current.at(middle)) {
                self.try_course(on, &search, course, &mut tried);
            }
        }
        // What could as well be: the same an hour earlier or later, or set a few runs sooner or later.
        let mut likeliest: Vec<(Worth, Offset)> =
            tried.iter().map(|one| (one.worth, one.course)).collect();
        likeliest.sort_by(|one, other| other.0.of(one.0).total_cmp(&1.0));
        let likeliest = likeliest.into_iter().take(RIVALS);
        for rival in likeliest.flat_map(|(_, course)| rivals(course, &times)) {
            self.try_course(on, &search, rival, &mut tried);
        }
        let most = tried
            .iter()
            .map(|one| one.worth)
            .fold(Worth::default(), |most, worth| {
                if worth.of(most) > 1.0 || most == Worth::default() {
                    worth
                } else {
                    most
                }
            });
        let weights: Vec<f64> = tried.iter().map(|one| one.worth.of(most)).collect();
        let sum: f64 = weights.iter().sum();
        // Few pairs may agree by chance: such a course counts against others, but changes no clock and states no link.
        let enough = |one: &Tried| {
            one.course == Offset::NONE
                || near(one.course, current)
                || one.pairs.len() >= self.assumed.least_pairs
        };
        let mut shares: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for (one, weight) in tried.iter().zip(&weights).filter(|(one, _)| enough(one)) {
            for (pair, share) in &one.weighed.shares {
                *shares.entry(*pair).or_default() += share * weight / sum;
            }
        }
        let mut best: Option<(f64, Offset)> = None;
        for (one, weight) in tried.iter().zip(&weights).filter(|(one, _)| enough(one)) {
            if best.is_none_or(|(have, _)| *weight > have) {
                best = Some((*weight, one.course));
            }
        }
        Course {
            offset: best.map_or(current, |(_, course)| course),
            shares,
        }
    }

    /// Whether a course explains nearly all of many runs, at both ends of the time as well: then no other but an hour's rival can.
    fn explains(&self, on: OnVm<'_>, one: &Tried) -> bool {
        let paired: BTreeSet<usize> = one.pairs.iter().map(|pair| pair.ran).collect();
        let mut dated: Vec<(i64, bool)> = on
            .own
            .iter()
            .filter_map(|at| Some((self.ran.get(*at)?.time()?, paired.contains(at))))
            .collect();
        dated.sort_unstable();
        let met = |runs: &mut dyn Iterator<Item = &(i64, bool)>| {
            runs.take(EACH_END).filter(|(_, paired)| *paired).count()
        };
        let ends = met(&mut dated.iter()).min(met(&mut dated.iter().rev()));
        dated.len() >= MANY && paired.len() * 6 >= dated.len() * 5 && ends + 1 >= EACH_END
    }

    /// Weighs a course with its levels where the pairs under it have them, unless it was tried.
    fn try_course(
        &self,
        on: OnVm<'_>,
        search: &Search<'_>,
        course: Offset,
        tried: &mut Vec<Tried>,
    ) {
        if tried.iter().any(|other| near(other.course, course)) {
            return;
        }
        let first = self.weigh_along(on, course, COARSE);
        let pairs = self.likely(on, course, &first);
        let bounds = search.bounds(&pairs);
        let course = refined(&bounds, course, self.assumed);
        if tried.iter().any(|other| near(other.course, course)) {
            return;
        }
        let weighed = self.weigh_along(on, course, KNOWN_WITHIN);
        let pairs = self.likely(on, course, &weighed);
        tried.push(Tried {
            course,
            worth: weighed.worth.times(common(course)),
            weighed,
            pairs,
        });
    }

    fn along<T>(
        &self,
        on: OnVm<'_>,
        course: Offset,
        of: impl FnOnce(&super::solve::Solving<'_>) -> T,
    ) -> T {
        let mut offsets = on.offsets.to_vec();
        let mut slack = vec![None; offsets.len()];
        if let (Some(offset), Some(slot)) = (offsets.get_mut(on.host), slack.get_mut(on.host)) {
            (*offset, *slot) = (course, Some(SLACK));
        }
        of(&self.solving(on.points, &offsets, &slack))
    }

    fn weigh_along(&self, on: OnVm<'_>, course: Offset, blur: i64) -> Weighed {
        let blurs = vec![blur; on.offsets.len()];
        self.along(on, course, |solving| {
            solving.weigh(on.asked, on.ran, &blurs)
        })
    }

    /// Pairs of the guest that are more probable than not under a course.
    fn likely(&self, on: OnVm<'_>, course: Offset, weighed: &Weighed) -> Vec<Pair> {
        let of_guest = weighed.shares.iter().filter(|((_, ran), share)| {
            **share > 0.5 && self.ran.get(*ran).is_some_and(|run| run.host == on.host)
        });
        self.along(on, course, |solving| {
            of_guest
                .filter_map(|((asked, ran), _)| solving.as_pair(*asked, *ran))
                .collect()
        })
    }
}

/// Courses that are easily taken for this one. `times` are those of the guest's runs.
fn rivals(course: Offset, times: &[i64]) -> Vec<Offset> {
    let Offset::Step {
        from,
        before,
        after,
    } = course
    else {
        return vec![course.raised(-HOUR), course.raised(HOUR)];
    };
    let of = |from, before, after| Offset::Step {
        from,
        before,
        after,
    };
    let mut rivals: Vec<Offset> = [-HOUR, HOUR]
        .into_iter()
        .flat_map(|hour| {
            [
                of(from, before + hour, after),
                of(from, before, after + hour),
            ]
        })
        .collect();
    let place = times.partition_point(|time| *time < from);
    let around = times
        .iter()
        .skip(place.saturating_sub(MOMENTS))
        .take(2 * MOMENTS + 1);
    rivals.extend(
        around
            .filter(|time| **time != from)
            .map(|time| of(*time, before, after)),
    );
    rivals
}

/// Whether two courses are the same for all purposes.
fn near(one: Offset, other: Offset) -> bool {
    const SAME: i64 = 2 * NS_PER_SECOND;
    match (one, other) {
        (Offset::Constant(one), Offset::Constant(other)) => (one - other).abs() <= SAME,
        (
            Offset::Step {
                from,
                before,
                after,
            },
            Offset::Step {
                from: from_other,
                before: before_other,
                after: after_other,
            },
        ) => {
            from == from_other
                && (before - before_other).abs() <= SAME
                && (after - after_other).abs() <= SAME
        }
        _ => one == other,
    }
}
