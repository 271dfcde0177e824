//! The best links of one VM: candidates by time, then the best set of them, family by family.
//!
//! Numbered executions keep their order within one feature and name; where numbers begin again (a re-installed extension) a
//! new block begins, and blocks follow each other in time. What remains is paired in two more passes: numbered executions whose
//! name is unknown, and executions without a number.
//!
//! ```text
//! pass 1   action · managed "health-probe" · managed "fix" · extension "cse"      in order, each apart
//! pass 2   managed and extension runs of which no name is known                   in order of time
//! pass 3   answers and endpoint rows without a number                             without order
//! ```
//!
//! Rejected: one problem for all. Order is evidence only among executions that count with one counter.

use super::assign::{self, Candidate, Chosen, Worth};
use super::features::{Features, Identity, POINT, compare};
use super::latency::{excess, is_plausible};
use super::sides::{Asked, Ran};
use super::unordered;
use crate::evidence::layout::Family;
use crate::reconstruct::operations::OperationFamily;
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that fall by less time than this are noise of their sources, not a reset.
const RESET_GAP: i64 = 60 * NS_PER_SECOND;

/// A linked pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Place among those asked.
    pub asked: usize,
    /// Place among those that ran.
    pub ran: usize,
    /// Its points.
    pub features: Features,
    /// What the best solution loses without it.
    pub margin: i64,
    /// The next best run for this operation, with its score.
    pub next_ran: Option<(usize, i64)>,
    /// The next best operation for this run, with its score.
    pub next_asked: Option<(usize, i64)>,
}

/// Everything that a solution depends on.
#[derive(Clone, Copy)]
pub struct Solving<'a> {
    /// All that was asked.
    pub asked: &'a [Asked],
    /// All that ran.
    pub ran: &'a [Ran],
    /// Points of each guest for being the VM in question.
    pub host: &'a [i64],
    /// Offset of each guest's clock.
    pub offsets: &'a [Offset],
    /// For each guest whose clock is known well, by how much it may be off.
    pub slack: &'a [Option<i64>],
    /// How far outside its operation an execution may start.
    pub window: i64,
    /// Pairs below this score are not linked.
    pub least: i64,
    /// Pairs that the analyst rejected, as (operation, run).
    pub rejected: &'a BTreeSet<(usize, usize)>,
    /// Pairs that the analyst confirmed, as places in `asked` and `ran`; nothing may cross them.
    pub confirmed: &'a [(usize, usize)],
}

/// Operations and executions that may be paired, each in its order.
pub struct Group<'a> {
    /// Operations, in order of time.
    pub(super) asked: Vec<usize>,
    /// Executions, in their order.
    pub(super) ran: Vec<usize>,
    ordered: bool,
    /// Start, end and place of each operation, by start.
    by_start: Vec<(i64, i64, usize)>,
    /// The longest operation.
    longest: i64,
    /// Correlation id and place of each operation, by id.
    by_correlation: Vec<(&'a str, usize)>,
}

/// Which counter an execution counts with.
pub(super) fn counter(ran: &Ran) -> (usize, Family, &str) {
    (ran.host, ran.family, ran.name.as_deref().unwrap_or(""))
}

fn feature(ran: &Ran) -> OperationFamily {
    match ran.family {
        Family::Action => OperationFamily::Action,
        Family::Managed | Family::Immediate => OperationFamily::Managed,
        Family::Extension => OperationFamily::Extension,
    }
}

impl<'a> Solving<'a> {
    /// The best links of these operations and executions.
    #[must_use]
    pub fn solve(&self, asked: &[usize], ran: &[usize]) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        let (mut taken_asked, mut taken_ran) = (BTreeSet::new(), BTreeSet::new());
        for pass in [Pass::Named, Pass::Nameless, Pass::Unnumbered] {
            let left = |places: &[usize], taken: &BTreeSet<usize>| -> Vec<usize> {
                let free = places.iter().copied().filter(|at| !taken.contains(at));
                free.collect()
            };
            let groups = self.groups(pass, &left(asked, &taken_asked), &left(ran, &taken_ran));
            for group in groups {
                for pair in self.of_group(&group) {
                    taken_asked.insert(pair.asked);
                    taken_ran.insert(pair.ran);
                    pairs.push(pair);
                }
            }
        }
        pairs.sort_unstable_by_key(|pair| (pair.asked, pair.ran));
        pairs
    }

    /// The groups of all passes as if none took from another: what the search for an offset weighs.
    #[must_use]
    pub fn all_groups(&self, asked: &[usize], ran: &[usize]) -> Vec<Group<'a>> {
        let passes = [Pass::Named, Pass::Nameless, Pass::Unnumbered];
        let named: BTreeSet<(OperationFamily, &str)> = self.names(asked);
        passes
            .into_iter()
            .flat_map(|pass| {
                let of_pass: Vec<usize> = ran
                    .iter()
                    .copied()
                    .filter(|at| {
                        self.ran.get(*at).is_some_and(|run| {
                            let has_group = run.family == Family::Action
                                || named
                                    .contains(&(feature(run), run.name.as_deref().unwrap_or("")));
                            pass.takes(run) && (pass != Pass::Nameless || !has_group)
                        })
                    })
                    .collect();
                self.groups(pass, asked, &of_pass)
            })
            .map(|group| Group {
                ordered: true,
                ..group
            })
            .collect()
    }

    /// Sum of scores of the best solution of groups, at these offsets.
    #[must_use]
    pub fn total(&self, groups: &[Group<'a>]) -> i64 {
        groups
            .iter()
            .map(|group| {
                let (candidates, _) = self.candidates(group);
                assign::best(&candidates).score
            })
            .sum()
    }

    /// Numbered executions, counter by counter.
    pub(super) fn named_groups(&self, asked: &[usize], ran: &[usize]) -> Vec<Group<'a>> {
        self.groups(Pass::Named, asked, ran)
    }

    /// An operation and an execution as a pair, at these offsets.
    pub(super) fn as_pair(&self, asked: usize, ran: usize) -> Option<Pair> {
        let (op, run) = (self.asked.get(asked)?, self.ran.get(ran)?);
        let host = self.host.get(run.host).copied().unwrap_or(0);
        let offset = self.offsets.get(run.host).copied().unwrap_or(Offset::NONE);
        let features = compare(op, run, host, offset, self.window)?;
        Some(Pair {
            asked,
            ran,
            features,
            margin: 0,
            next_ran: None,
            next_asked: None,
        })
    }

    fn names(&self, asked: &[usize]) -> BTreeSet<(OperationFamily, &str)> {
        asked
            .iter()
            .filter_map(|at| self.asked.get(*at))
            .filter_map(|op| Some((op.family, op.name.as_deref()?)))
            .collect()
    }

    fn groups(&self, pass: Pass, asked: &[usize], ran: &[usize]) -> Vec<Group<'a>> {
        type Key<'a> = (OperationFamily, &'a str);
        let mut groups: BTreeMap<Key<'_>, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for at in ran {
            let Some(run) = self.ran.get(*at).filter(|run| pass.takes(run)) else {
                continue;
            };
            let name = run.name.as_deref().unwrap_or("");
            let key = match (pass, run.family) {
                (Pass::Named, Family::Action) => "",
                (Pass::Named, _) if name.is_empty() => continue,
                (Pass::Named, _) => name,
                (Pass::Nameless | Pass::Unnumbered, _) => "",
            };
            groups.entry((feature(run), key)).or_default().1.push(*at);
        }
        for at in asked {
            let Some(op) = self.asked.get(*at) else {
                continue;
            };
            let name = match (pass, op.family) {
                (Pass::Named, OperationFamily::Managed | OperationFamily::Extension) => {
                    op.name.as_deref().unwrap_or("")
                }
                _ => "",
            };
            if let Some((asked, _)) = groups.get_mut(&(op.family, name)) {
                asked.push(*at);
            }
        }
        groups
            .into_values()
            .filter(|(asked, ran)| !asked.is_empty() && !ran.is_empty())
            .map(|(mut asked, ran)| {
                asked.sort_by_key(|at| {
                    self.asked
                        .get(*at)
                        .map(|op| (op.first, op.correlation.as_deref(), op.at))
                });
                let ran = match pass {
                    Pass::Named => self.in_order(ran),
                    Pass::Nameless | Pass::Unnumbered => self.by_time(ran),
                };
                self.group(asked, ran, pass != Pass::Unnumbered)
            })
            .collect()
    }

    fn group(&self, asked: Vec<usize>, ran: Vec<usize>, ordered: bool) -> Group<'a> {
        let (mut by_start, mut by_correlation, mut longest) = (Vec::new(), Vec::new(), 0);
        for (place, at) in asked.iter().enumerate() {
            if let Some(op) = self.asked.get(*at) {
                by_start.push((op.start, op.end, place));
                by_correlation.extend(op.correlation.as_deref().map(|id| (id, place)));
                longest = longest.max(op.end.saturating_sub(op.start));
            }
        }
        by_start.sort_unstable();
        by_correlation.sort_unstable();
        Group {
            asked,
            ran,
            ordered,
            by_start,
            longest,
            by_correlation,
        }
    }

    /// A run's time by the cloud's clock; those without one come last.
    pub(super) fn cloud_time(&self, run: &Ran) -> i64 {
        let offset = self.offsets.get(run.host).copied().unwrap_or(Offset::NONE);
        run.time().map_or(i64::MAX, |time| offset.cloud(time))
    }

    fn by_time(&self, mut ran: Vec<usize>) -> Vec<usize> {
        ran.sort_by_key(|at| {
            self.ran
                .get(*at)
                .map(|run| (self.cloud_time(run), counter(run), run.sequence, run.at))
        });
        ran
    }

    /// Each counter's executions by block and number, counters one after the other by their first time.
    fn in_order(&self, ran: Vec<usize>) -> Vec<usize> {
        let mut counters: BTreeMap<(usize, Family, &str), Vec<usize>> = BTreeMap::new();
        for at in self.by_time(ran) {
            if let Some(run) = self.ran.get(at) {
                counters.entry(counter(run)).or_default().push(at);
            }
        }
        let mut counters: Vec<Vec<usize>> = counters.into_values().collect();
        if self.interleaved(&counters) {
            // Immediate and managed commands of one name count each with their own: only time orders them.
            return self.by_time(counters.into_iter().flatten().collect());
        }
        // Stable: counters of equal first time keep the order of their keys.
        counters.sort_by_key(|of_counter| {
            let first = of_counter.first().and_then(|at| self.ran.get(*at));
            first.map(|run| self.cloud_time(run))
        });
        counters
            .into_iter()
            .flat_map(|of_counter| self.blocks(of_counter))
            .collect()
    }

    /// Whether counters ran side by side, and not one after the other.
    fn interleaved(&self, counters: &[Vec<usize>]) -> bool {
        let mut spans: Vec<(i64, i64)> = counters
            .iter()
            .filter_map(|of_counter| {
                let times = || {
                    let runs = of_counter.iter().filter_map(|at| self.ran.get(*at));
                    runs.map(|run| self.cloud_time(run))
                        .filter(|time| *time != i64::MAX)
                };
                Some((times().min()?, times().max()?))
            })
            .collect();
        spans.sort_unstable();
        spans
            .iter()
            .zip(spans.iter().skip(1))
            .any(|(one, next)| next.0 < one.1)
    }

    /// Executions of one counter, by time: a number well below an earlier one begins a block. Those without a time belong to the last.
    fn blocks(&self, of_counter: Vec<usize>) -> Vec<usize> {
        let mut block = 0_usize;
        let mut greatest: Option<(i64, i64)> = None;
        let mut keyed: Vec<((usize, i64, i64, usize), usize)> = Vec::new();
        for at in of_counter {
            let Some(run) = self.ran.get(at) else {
                continue;
            };
            let (number, time) = (run.sequence.unwrap_or(0), self.cloud_time(run));
            let fell = greatest.is_some_and(|(most, then)| {
                number < most && time != i64::MAX && time.saturating_sub(then) > RESET_GAP
            });
            if fell {
                block += 1;
                greatest = None;
            }
            if greatest.is_none_or(|(most, _)| number >= most) && time != i64::MAX {
                greatest = Some((number, time));
            }
            keyed.push(((block, number, time, run.at), at));
        }
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, at)| at).collect()
    }

    /// Every admissible pair of a group by operation and execution, with its points.
    pub(super) fn candidates(&self, group: &Group<'a>) -> (Vec<Candidate>, Vec<Features>) {
        let mut found: Vec<(Candidate, Features)> = Vec::new();
        let mut places: Vec<usize> = Vec::new();
        for (ran_place, at) in group.ran.iter().enumerate() {
            let Some(run) = self.ran.get(*at) else {
                continue;
            };
            places.clear();
            let time = self.cloud_time(run);
            if time != i64::MAX {
                let earliest = time
                    .saturating_sub(self.window)
                    .saturating_sub(group.longest);
                let latest = time.saturating_add(self.window);
                let from = group
                    .by_start
                    .partition_point(|(start, _, _)| *start < earliest);
                let near = group.by_start.iter().skip(from);
                places.extend(
                    near.take_while(|(start, _, _)| *start <= latest)
                        .filter(|(_, end, _)| end.saturating_add(self.window) >= time)
                        .map(|(_, _, place)| *place),
                );
            }
            for correlation in &run.correlations {
                let from = group
                    .by_correlation
                    .partition_point(|(id, _)| *id < correlation.as_str());
                let same = group.by_correlation.iter().skip(from);
                places.extend(
                    same.take_while(|(id, _)| id == correlation)
                        .map(|(_, place)| *place),
                );
            }
            places.sort_unstable();
            places.dedup();
            for place in &places {
                if let Some(features) = self.pair(group, *place, run) {
                    let worth = Worth {
                        score: features.score(),
                        pairs: 1,
                        nearness: -self.strain(group, *place, run, &features),
                    };
                    let candidate = Candidate {
                        asked: u32::try_from(*place).unwrap_or(u32::MAX),
                        ran: u32::try_from(ran_place).unwrap_or(u32::MAX),
                        worth,
                    };
                    found.push((candidate, features));
                }
            }
        }
        found.sort_unstable_by_key(|(candidate, _)| (candidate.asked, candidate.ran));
        found.into_iter().unzip()
    }

    /// What decides among equals: the distance first, in milliseconds, then the wait beyond the usual, in tenths of a second. As one number that adds
    /// up without overlap for a thousand pairs.
    fn strain(&self, group: &Group<'a>, place: usize, run: &Ran, features: &Features) -> i64 {
        const MILLISECOND: i64 = NS_PER_SECOND / 1_000;
        let op = group.asked.get(place).and_then(|at| self.asked.get(*at));
        let offset = self.offsets.get(run.host).copied().unwrap_or(Offset::NONE);
        let beyond = op.map_or(0, |op| excess(op, run, offset)) / (100 * MILLISECOND);
        ((features.distance / MILLISECOND) << 21) + beyond.min(2_047)
    }

    /// The points of one pair of a group, where it may be linked.
    fn pair(&self, group: &Group<'a>, place: usize, run: &Ran) -> Option<Features> {
        let op = self.asked.get(*group.asked.get(place)?)?;
        let host = self.host.get(run.host).copied().unwrap_or(0);
        let offset = self.offsets.get(run.host).copied().unwrap_or(Offset::NONE);
        let features = compare(op, run, host, offset, self.window)?;
        (features.score() >= self.least
            && !self.rejected.contains(&(op.at, run.at))
            && (features.identity == Identity::GoalState || self.fits_clock(op, run, offset))
            && !(group.ordered && self.crosses_confirmed(op, run)))
        .then_some(features)
    }

    /// Nothing starts before it is asked for nor ends after it was reported, and nothing waits for ever.
    fn fits_clock(&self, op: &Asked, run: &Ran, offset: Offset) -> bool {
        let known = self.slack.get(run.host).copied().flatten();
        known.is_none_or(|slack| is_plausible(op, run, offset, slack))
    }

    fn crosses_confirmed(&self, op: &Asked, run: &Ran) -> bool {
        self.confirmed.iter().any(|(asked, ran)| {
            let (Some(asked), Some(ran)) = (self.asked.get(*asked), self.ran.get(*ran)) else {
                return false;
            };
            let (Some(number), Some(other)) = (run.sequence, ran.sequence) else {
                return false;
            };
            counter(run) == counter(ran) && (op.first < asked.first) != (number < other)
        })
    }

    fn of_group(&self, group: &Group<'a>) -> Vec<Pair> {
        let (candidates, features) = self.candidates(group);
        let chosen = if group.ordered {
            assign::assign(&candidates)
        } else {
            unordered::assign(&candidates)
        };
        let picked: BTreeSet<usize> = chosen.iter().map(|pair| pair.candidate).collect();
        // The best that was not chosen, on each side: (score, place), the smaller place among equals.
        let mut next_ran: BTreeMap<u32, (i64, u32)> = BTreeMap::new();
        let mut next_asked: BTreeMap<u32, (i64, u32)> = BTreeMap::new();
        for (at, candidate) in candidates.iter().enumerate() {
            if picked.contains(&at) {
                continue;
            }
            let score = candidate.worth.score;
            for (best, of, other) in [
                (&mut next_ran, candidate.asked, candidate.ran),
                (&mut next_asked, candidate.ran, candidate.asked),
            ] {
                let have = best.entry(of).or_insert((score, other));
                if score > have.0 {
                    *have = (score, other);
                }
            }
        }
        chosen
            .iter()
            .filter_map(|Chosen { candidate, margin }| {
                let pair = candidates.get(*candidate)?;
                let asked = |place: u32| group.asked.get(place as usize).copied();
                let ran = |place: u32| group.ran.get(place as usize).copied();
                Some(Pair {
                    asked: asked(pair.asked)?,
                    ran: ran(pair.ran)?,
                    features: *features.get(*candidate)?,
                    margin: *margin,
                    next_ran: next_ran
                        .get(&pair.asked)
                        .and_then(|(score, place)| Some((ran(*place)?, *score))),
                    next_asked: next_asked
                        .get(&pair.ran)
                        .and_then(|(score, place)| Some((asked(*place)?, *score))),
                })
            })
            .collect()
    }

    /// Pairs that goal states name, whatever their times: each run with the one operation that carries its correlation id.
    #[must_use]
    pub fn decisive(&self, asked: &[usize], ran: &[usize]) -> Vec<Pair> {
        let mut by_correlation: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in asked {
            if let Some(correlation) = self.asked.get(*at).and_then(|op| op.correlation.as_deref())
            {
                by_correlation.entry(correlation).or_default().push(*at);
            }
        }
        let mut pairs: BTreeMap<usize, Vec<Pair>> = BTreeMap::new();
        for at in ran {
            let Some(run) = self.ran.get(*at) else {
                continue;
            };
            let host = self.host.get(run.host).copied().unwrap_or(0);
            let places = run
                .correlations
                .iter()
                .filter_map(|correlation| by_correlation.get(correlation.as_str()));
            let found: Vec<Pair> = places
                .flatten()
                .filter_map(|place| {
                    let op = self.asked.get(*place)?;
                    let features = compare(op, run, host, Offset::NONE, self.window)?;
                    (features.identity == Identity::GoalState
                        && !self.rejected.contains(&(op.at, run.at)))
                    .then_some(Pair {
                        asked: *place,
                        ran: *at,
                        features,
                        margin: 0,
                        next_ran: None,
                        next_asked: None,
                    })
                })
                .collect();
            if let [only] = found.as_slice() {
                pairs.entry(only.asked).or_default().push(only.clone());
            }
        }
        let single = pairs.into_values().filter(|pairs| pairs.len() == 1);
        single.flatten().collect()
    }

    /// The greatest score that a run could have with any operation, whatever its time.
    #[must_use]
    pub fn most(&self, run: &Ran) -> i64 {
        let host = self.host.get(run.host).copied().unwrap_or(0);
        let identity = if !run.correlations.is_empty() {
            40
        } else if run.name.is_some() || run.script.is_some() {
            20
        } else {
            0
        };
        let flow = run.flow_by_guest || !run.flows_by_cloud.is_empty();
        let seen = i64::try_from(run.seen.len()).unwrap_or(3) + i64::from(flow);
        let seen = seen.min(3) * 5;
        let end = if run.ended.is_some() { 10 } else { 0 };
        (host + (30 + identity + 5 + seen + end) * POINT).min(100 * POINT)
    }
}

/// A pass of the solution.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Named,
    Nameless,
    Unnumbered,
}

impl Pass {
    fn takes(self, run: &Ran) -> bool {
        match self {
            Self::Named => run.sequence.is_some(),
            Self::Nameless => run.sequence.is_some() && run.family != Family::Action,
            Self::Unnumbered => run.sequence.is_none(),
        }
    }
}
