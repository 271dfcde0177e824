//! From solved pairs to executions: how sure each is, and why.
//!
//! ```text
//! high     score 70 and margin 10 with both ends of the operation seen, or the goal state's correlation id
//! medium   score 50 and margin 5, or names or scripts equal on a guest known by name
//! low      linked, but something else would nearly do
//! ```
//!
//! Rejected: confidence from the score alone. Two commands of one minute both score well, either way round.

use super::features::{Identity, POINT, Reason, compare};
use super::solve::Pair;
use super::witnesses::fitting;
use super::{Clock, Execution, Linked, Linking, in_points};
use crate::case::store::EventNumber;
use crate::reconstruct::skew::estimate::Confidence;
use std::collections::{BTreeMap, BTreeSet};

/// The reason of what is left unlinked because another would do as well.
pub const AMBIGUOUS: &str = "ambiguous";

/// The share from which on a pair may be high, in millionths.
const SURE: u32 = 999_000;

/// Why a side that could be linked is not.
struct Doubt {
    run: Option<(usize, i64)>,
    operation: Option<(usize, i64)>,
    reason: Reason,
}

/// By operation and by run.
#[derive(Default)]
struct Doubts {
    operations: BTreeMap<usize, Doubt>,
    runs: BTreeMap<usize, Doubt>,
}

fn doubted(mut execution: Execution, doubt: Option<&Doubt>) -> Execution {
    if let Some(doubt) = doubt {
        execution.next_run = doubt.run;
        execution.next_operation = doubt.operation;
        execution.reasons.push(doubt.reason.clone());
    }
    execution
}

impl Linking<'_> {
    pub(super) fn answer(&self, pairs: &[Pair], contested: &[Pair]) -> Linked {
        // At most one for each side.
        let most = self.asked.len() + self.ran.len();
        let mut executions: Vec<(i64, Execution)> = Vec::with_capacity(most);
        let (mut linked_runs, mut linked_operations) = (BTreeSet::new(), BTreeSet::new());
        let linked = pairs.iter().filter_map(|pair| self.execution(pair)).chain(
            self.confirmed
                .iter()
                .filter_map(|pair| self.confirmation(*pair)),
        );
        for execution in linked {
            linked_runs.extend(execution.run);
            linked_operations.extend(execution.operation);
            executions.push((self.time(&execution), execution));
        }
        let one_sided = |operation, run| Execution {
            operation,
            run,
            confidence: None,
            score: None,
            margin: None,
            reasons: Vec::new(),
            confirmed: false,
            next_run: None,
            next_operation: None,
            processes: self.processes(run),
            flows: self.flows(run),
        };
        let doubts = self.doubts(contested);
        for op in self
            .asked
            .iter()
            .filter(|op| !linked_operations.contains(&op.at))
        {
            let execution = one_sided(Some(op.at), None);
            let doubt = doubts.operations.get(&op.at);
            executions.push((op.first, doubted(execution, doubt)));
        }
        for run in self.ran.iter().filter(|run| !linked_runs.contains(&run.at)) {
            let execution = doubted(one_sided(None, Some(run.at)), doubts.runs.get(&run.at));
            executions.push((self.time(&execution), execution));
        }
        // Guests alone are in order already, and sorting takes memory.
        let key = |(time, one): &(i64, Execution)| (*time, one.operation, one.run);
        if !executions.is_sorted_by_key(key) {
            executions.sort_by_key(key);
        }
        let mut executions: Vec<Execution> = executions.into_iter().map(|(_, one)| one).collect();
        executions.shrink_to_fit();
        let mut resources = vec![None; self.known.runs.len()];
        for run in &self.ran {
            let vm = self
                .places
                .get(run.host)
                .and_then(|place| place.vm.as_ref());
            if let (Some((resource, ..)), Some(slot)) = (vm, resources.get_mut(run.at)) {
                *slot = Some(resource.clone());
            }
        }
        let mut clock_of = vec![None; self.known.runs.len()];
        for run in &self.ran {
            if let Some(slot) = clock_of.get_mut(run.at) {
                *slot = Some(run.host);
            }
        }
        let clocks = self.places.iter().map(|place| Clock {
            host: Some(place.guest.spelled.clone()).filter(|host| !host.is_empty()),
            resource: place.vm.as_ref().map(|(resource, ..)| resource.clone()),
            estimate: place.estimate.clone(),
            applied: place.offset,
        });
        Linked {
            clocks: clocks.collect(),
            executions,
            resources,
            brought: self.known.goal_states.brought.clone(),
            clock_of,
        }
    }

    /// What could have been linked, and was not because another could, too.
    fn doubts(&self, contested: &[Pair]) -> Doubts {
        let mut doubts = Doubts::default();
        for pair in contested {
            let (Some(op), Some(run)) = (self.asked.get(pair.asked), self.ran.get(pair.ran)) else {
                continue;
            };
            let score = pair.features.score();
            let mut runs = vec![(run.at, score)];
            runs.extend(
                pair.next_ran
                    .and_then(|(at, score)| Some((self.ran.get(at)?.at, score))),
            );
            let mut operations = vec![(op.at, score)];
            operations.extend(
                pair.next_asked
                    .and_then(|(at, score)| Some((self.asked.get(at)?.at, score))),
            );
            let named = |candidates: &[(usize, i64)], name: &dyn Fn(usize) -> String| -> String {
                let shown = candidates
                    .iter()
                    .map(|(at, score)| format!("{} ({} points)", name(*at), in_points(*score)));
                shown.collect::<Vec<_>>().join(" or ")
            };
            let reason = |value: String| Reason {
                feature: AMBIGUOUS,
                points: 0,
                value,
            };
            let of_operation = Doubt {
                run: Some((run.at, score)),
                operation: None,
                reason: reason(format!(
                    "it may have led to {}",
                    named(&runs, &|at| self.run_name(at))
                )),
            };
            let of_run = Doubt {
                run: None,
                operation: Some((op.at, score)),
                reason: reason(format!(
                    "it may be of {}",
                    named(&operations, &|at| self.operation_name(at))
                )),
            };
            doubts.operations.insert(op.at, of_operation);
            doubts.runs.insert(run.at, of_run);
        }
        doubts
    }

    /// A run by what stays the same when evidence is added: guest, family, name, number.
    fn run_name(&self, at: usize) -> String {
        let Some(run) = self.known.runs.get(at) else {
            return String::new();
        };
        let number = run
            .sequence
            .map_or("without a number".to_owned(), |number| format!("#{number}"));
        let name = run.name.as_deref().unwrap_or("");
        let words = [
            run.host.as_deref().unwrap_or(""),
            run.family.word(),
            name,
            &number,
        ];
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    /// An operation by its correlation id.
    fn operation_name(&self, at: usize) -> String {
        let op = self.known.operations.get(at);
        op.and_then(|op| op.correlation.as_deref().map(str::to_owned))
            .unwrap_or_else(|| "without a correlation id".to_owned())
    }

    fn processes(&self, run: Option<usize>) -> Vec<EventNumber> {
        let of_run = run.and_then(|at| self.known.seen.get(at));
        of_run
            .map(|seen| seen.processes.clone())
            .unwrap_or_default()
    }

    /// Flows of a run's processes, and those to addresses that its script names, each once: the guest's own by its clock, then flow logs'.
    fn flows(&self, run: Option<usize>) -> Vec<EventNumber> {
        let found = || {
            let at = run?;
            let seen = self.known.seen.get(at)?;
            let mut flows = seen.own_flows.clone();
            let place = self.ran.binary_search_by_key(&at, |ran| ran.at).ok()?;
            let ran = self.ran.get(place)?;
            let offset = self.places.get(ran.host).map(|place| place.offset)?;
            if let Some(time) = ran.time() {
                let by_guest = fitting(&seen.by_guest, time, ran.ended);
                let ended = ran.ended.map(|ended| offset.cloud(ended));
                let by_cloud = fitting(&seen.by_cloud, offset.cloud(time), ended);
                flows.extend(by_guest.chain(by_cloud).map(|flow| flow.event));
            }
            let mut shown = BTreeSet::new();
            flows.retain(|event| shown.insert(*event));
            Some(flows)
        };
        found().unwrap_or_default()
    }

    /// When an execution is shown: its operation's start, else its run's time by the cloud's clock.
    fn time(&self, execution: &Execution) -> i64 {
        let op = execution
            .operation
            .and_then(|at| self.known.operations.get(at));
        let of_run = || {
            let run = self.ran.get(execution.run?)?;
            let place = self.places.get(run.host)?;
            Some(place.offset.cloud(run.time()?))
        };
        op.and_then(|op| op.started)
            .map(|started| started.ns)
            .or_else(of_run)
            .unwrap_or(i64::MAX)
    }

    fn execution(&self, pair: &Pair) -> Option<Execution> {
        let (op, run) = (self.asked.get(pair.asked)?, self.ran.get(pair.ran)?);
        let place = self.places.get(run.host)?;
        let (_, _, why, lead) = place.vm.as_ref()?;
        let margin = pair.margin.min(*lead);
        let mut reasons = pair.features.reasons(op, run, why, place.offset);
        if *lead != i64::MAX {
            reasons.push(Reason {
                feature: "other-vm",
                points: 0,
                value: format!(
                    "another VM could be this guest; it explains the runs by {} points less",
                    in_points(*lead)
                ),
            });
        }
        let next_ran = pair
            .next_ran
            .and_then(|(at, score)| Some((self.ran.get(at)?, score)));
        if let Some((next, score)) = next_ran {
            reasons.push(Reason {
                feature: "next-run",
                points: 0,
                value: format!(
                    "run {} would reach {}",
                    self.run_name(next.at),
                    in_points(score)
                ),
            });
        }
        let next_asked = pair
            .next_asked
            .and_then(|(at, score)| Some((self.asked.get(at)?, score)));
        if let Some((next, score)) = next_asked {
            reasons.push(Reason {
                feature: "next-operation",
                points: 0,
                value: format!(
                    "operation {} would reach {}",
                    self.operation_name(next.at),
                    in_points(score)
                ),
            });
        }
        let score = pair.features.score();
        Some(Execution {
            operation: Some(op.at),
            run: Some(run.at),
            confidence: Some(confidence(
                score,
                margin,
                *lead,
                pair,
                self.shares.get(&(pair.asked, pair.ran)).copied(),
                op.complete_start && op.terminal,
            )),
            score: Some(score),
            margin: Some(margin),
            reasons,
            confirmed: false,
            next_run: next_ran.map(|(next, score)| (next.at, score)),
            next_operation: next_asked.map(|(next, score)| (next.at, score)),
            processes: self.processes(Some(run.at)),
            flows: self.flows(Some(run.at)),
        })
    }

    fn confirmation(&self, (asked, ran): (usize, usize)) -> Option<Execution> {
        let (op, run) = (self.asked.get(asked)?, self.ran.get(ran)?);
        let mut reasons = vec![Reason {
            feature: "analyst",
            points: 0,
            value: "confirmed by the analyst".to_owned(),
        }];
        let place = self.places.get(run.host)?;
        let compared = place.vm.as_ref().and_then(|(_, points, why, _)| {
            let features = compare(op, run, *points, place.offset, self.window)?;
            Some((features, why))
        });
        if let Some((features, why)) = &compared {
            reasons.extend(features.reasons(op, run, why, place.offset));
        }
        Some(Execution {
            operation: Some(op.at),
            run: Some(run.at),
            confidence: Some(Confidence::High),
            score: compared.map(|(features, _)| features.score()),
            margin: None,
            reasons,
            confirmed: true,
            next_run: None,
            next_operation: None,
            processes: self.processes(Some(run.at)),
            flows: self.flows(Some(run.at)),
        })
    }
}

/// An operation of which an end is missing may have been under way for 90 minutes, as far as anyone can tell: a run inside that is no more than likely.
fn confidence(
    score: i64,
    margin: i64,
    lead: i64,
    pair: &Pair,
    share: Option<u32>,
    whole: bool,
) -> Confidence {
    let (identity, host) = (pair.features.identity.points(), pair.features.host);
    let decisive = pair.features.identity == Identity::GoalState && host > 0;
    let sure = share.map_or(
        whole || pair.features.identity == Identity::Script,
        |share| share >= SURE,
    );
    if decisive || sure && score >= 70 * POINT && margin >= 10 * POINT {
        Confidence::High
    } else if lead < 5 * POINT {
        // Another VM explains this guest's runs as well.
        Confidence::Low
    } else if identity >= 20 * POINT && host >= 20 * POINT
        || score >= 50 * POINT && margin >= 5 * POINT
    {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}
