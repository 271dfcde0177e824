//! Which goal state led to a run: the one thread from guest to cloud that needs no clock.
//!
//! The service tells the guest agent what to run in a goal state, and stamps it with the correlation id of the operation that made it
//! and with its own time. The agent logs both when it begins, and then calls the handlers:
//!
//! ```text
//! ProcessExtensionsGoalState started [etag_42 … correlation 2f02… created: 08:00:00.1]
//! [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Update settings file: 6.settings           number 6 came with it
//! ```
//!
//! A number belongs to the last goal state before its first enabling, and one goal state brings one number of each counter. Archived
//! goal states name their numbers outright; the earliest that names one brought it. An enabling after the number ran (a reboot)
//! brings nothing.
//!
//! Rejected: the goal state nearest to the start. Every boot has one, under ids of its own.

use crate::case::store::{EventNumber, Store};
use crate::event::EventKind;
use crate::event::fact::{GoalStateFact, GuestSaid};
use crate::event::facts::{FactKind, Nearby};
use crate::event::intern::{Interner, Symbol};
use crate::evidence::layout::{Family, family_of};
use crate::identity::{fold, host_label};
use crate::reconstruct::runs::Run;
use crate::reconstruct::skew::estimate::GoalStateBound;
use crate::time::NS_PER_SECOND;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};

/// A log line may be cut to whole seconds.
const SLACK: i64 = NS_PER_SECOND;

/// A goal-state line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    time: i64,
    resolution: i64,
    created: Option<i64>,
    correlation: Option<String>,
}

/// What the goal states of one guest say.
#[derive(Clone, Debug, Default)]
pub struct OfGuest {
    /// In order, each once, when all are gathered.
    lines: Vec<Line>,
    /// (feature, name, number) -> (created, correlation id) of the earliest document that names it.
    documents: BTreeMap<(Family, String, i64), (i64, Option<String>)>,
    /// Resource ids named.
    pub resources: BTreeSet<String>,
    /// VM names named.
    pub vm_names: BTreeSet<String>,
}

impl OfGuest {
    /// What both clocks of its lines say of the offset.
    #[must_use]
    pub fn bound(&self) -> Option<GoalStateBound> {
        let both = || {
            self.lines
                .iter()
                .filter_map(|line| Some((line.time - line.created?, line.resolution)))
        };
        // A line that two logs hold is one; one log may cut its time.
        let distinct: BTreeSet<i64> = self.lines.iter().filter_map(|line| line.created).collect();
        Some(GoalStateBound {
            lines: distinct.len(),
            least: both().map(|(offset, _)| offset).min()?,
            high: both()
                .map(|(offset, resolution)| offset + resolution)
                .min()?,
        })
    }
}

/// Goal states by guest label; the label of guests without a name is empty.
#[derive(Clone, Debug, Default)]
pub struct GoalStates {
    /// By guest.
    pub guests: BTreeMap<String, OfGuest>,
    /// For each run the correlation ids that brought it.
    pub brought: Vec<Vec<String>>,
    /// For each run whether its settings say that its operation does not wait.
    pub asynchronous: Vec<Option<bool>>,
}

/// Gathers the goal states of the events that `keep` lets through. `hosts` gives each item's host and root.
#[must_use]
#[inline(never)]
pub fn gather(
    store: &Store,
    hosts: &[(Option<String>, String)],
    runs: &[Run],
    keep: impl Fn(EventNumber) -> bool,
) -> GoalStates {
    let mut guests: BTreeMap<String, OfGuest> = BTreeMap::new();
    let mut nameless: BTreeSet<&str> = BTreeSet::new();
    for at in store.facts.iter() {
        let event = at.event();
        if !(at.is(FactKind::GoalState) || at.is(FactKind::Guest)) || !keep(event) {
            continue;
        }
        let of_item = hosts.get(store.item_of(event) as usize);
        let host = store.host_of(event, |_| of_item?.0.as_deref());
        if host.is_none() {
            nameless.extend(of_item.map(|(_, root)| root.as_str()));
        }
        let Some(state) = at.goal_state() else {
            continue;
        };
        let guest = guests
            .entry(host.map_or_else(String::new, host_label))
            .or_default();
        guest.take(store, event, &state);
    }
    // Guests without a name cannot be told apart: what one of them says may not speak for another.
    if nameless.len() > 1 {
        guests.remove("");
    }
    for guest in guests.values_mut() {
        guest.lines.sort_unstable();
        guest.lines.dedup();
    }
    let mut facts = store.facts.nearby();
    let said: Vec<Said> = runs
        .iter()
        .map(|run| Said::of(store, &mut facts, run))
        .collect();
    let brought = brought(&guests, runs, &said);
    GoalStates {
        guests,
        brought,
        asynchronous: said.into_iter().map(|said| said.asynchronous).collect(),
    }
}

impl OfGuest {
    fn take(&mut self, store: &Store, event: EventNumber, state: &GoalStateFact) {
        let correlation = store.text(state.correlation).map(fold);
        if let Some(resource) = store.text(state.resource) {
            self.resources.extend(super::vms::vm_of(resource));
        }
        self.vm_names.extend(store.text(state.vm).map(fold));
        let document = store.columns.kind(event as usize) == EventKind::GuestGoalState;
        if !document {
            if let Some(stamp) = store.stamp(event) {
                self.lines.push(Line {
                    time: stamp.instant.ns,
                    resolution: super::sides::resolution(stamp.instant),
                    created: state.created.map(|created| created.ns),
                    correlation,
                });
            }
            return;
        }
        let Some(created) = state.created else { return };
        for extension in &state.extensions {
            let handler = store.text(extension.handler).unwrap_or("");
            let family = match family_of(handler) {
                // Numbers of other extensions are theirs.
                Some(Family::Extension) if !fold(handler).contains("customscript") => continue,
                Some(family) => family,
                None => continue,
            };
            let (Some(number), name) = (extension.sequence, store.text(extension.name)) else {
                continue;
            };
            let key = (family, name.map(fold).unwrap_or_default(), number);
            let said = (created.ns, correlation.clone());
            let have = self.documents.entry(key).or_insert_with(|| said.clone());
            if said < *have {
                *have = said;
            }
        }
    }
}

/// What the events of a run say of its enabling.
#[derive(Clone, Debug, Default)]
struct Said {
    enabled: Option<i64>,
    executed: Option<i64>,
    asynchronous: Option<bool>,
}

impl Said {
    fn of(store: &Store, facts: &mut Nearby<'_>, run: &Run) -> Self {
        let mut said = Self::default();
        let sooner = |slot: &mut Option<i64>, time: i64| {
            *slot = Some(slot.map_or(time, |have| have.min(time)));
        };
        for event in &run.events {
            let first = facts.of_event(*event).next();
            let Some(fact) = first.and_then(|at| at.guest()) else {
                continue;
            };
            let time = store.stamp(*event).map(|stamp| stamp.instant.ns);
            match (fact.said, time) {
                (GuestSaid::EnableCalled | GuestSaid::SettingsUpdated, Some(time)) => {
                    sooner(&mut said.enabled, time);
                }
                (GuestSaid::Executing | GuestSaid::Executed { .. }, Some(time)) => {
                    sooner(&mut said.executed, time);
                }
                (GuestSaid::Settings(settings), _) if !settings.emptied => {
                    // The platform's default where they do not say.
                    let waits_not = settings.asynchronous.unwrap_or(false);
                    said.asynchronous = Some(said.asynchronous.unwrap_or(false) || waits_not);
                }
                _ => {}
            }
        }
        said
    }

    /// The enabling that led to the run: none where it had run before.
    fn leading(&self, run: &Run) -> Option<i64> {
        let ran = self.executed.or(run.ended.map(|time| time.ns));
        self.enabled
            .filter(|enabled| ran.is_none_or(|ran| *enabled <= ran.saturating_add(SLACK)))
    }
}

fn brought(guests: &BTreeMap<String, OfGuest>, runs: &[Run], said: &[Said]) -> Vec<Vec<String>> {
    if guests.is_empty() {
        return vec![Vec::new(); runs.len()];
    }
    let mut brought: Vec<BTreeSet<String>> = vec![BTreeSet::new(); runs.len()];
    // Thousands of runs are of few guests.
    let mut labels: BTreeMap<Option<&str>, String> = BTreeMap::new();
    for run in runs {
        labels
            .entry(run.host.as_deref())
            .or_insert_with(|| label(run));
    }
    let of_run: Vec<&str> = runs
        .iter()
        .map(|run| labels.get(&run.host.as_deref()).map_or("", String::as_str))
        .collect();
    let label = |at: usize| of_run.get(at).copied().unwrap_or("");
    // By the time of enabling, so that the first number after a goal state takes it.
    let mut by_enabling: Vec<(i64, usize)> = Vec::new();
    for (at, (run, said)) in runs.iter().zip(said).enumerate() {
        by_enabling.extend(said.leading(run).map(|time| (time, at)));
        let Some(guest) = guests.get(label(at)) else {
            continue;
        };
        let Some(number) = run.sequence else { continue };
        let family = match run.family {
            Family::Immediate => Family::Managed,
            family => family,
        };
        let name = run.name.as_deref().map(fold).unwrap_or_default();
        if let (Some((_, Some(correlation))), Some(slot)) = (
            guest.documents.get(&(family, name, number)),
            brought.get_mut(at),
        ) {
            slot.insert(correlation.clone());
        }
    }
    by_enabling.sort_unstable();
    // Lines by their place in the guest's order, texts by number: thousands of runs are compared with each other.
    let lines: BTreeMap<&str, (usize, &[Line])> = guests
        .iter()
        .enumerate()
        .map(|(place, (label, guest))| (label.as_str(), (place, guest.lines.as_slice())))
        .collect();
    let mut names = Interner::default();
    // Only asked whether it holds one.
    let mut taken: HashSet<(usize, usize, Family, Symbol), FixedState> =
        HashSet::with_hasher(FixedState::with_seed(0));
    for (enabled, at) in by_enabling {
        let (Some(run), Some(slot)) = (runs.get(at), brought.get_mut(at)) else {
            continue;
        };
        let Some((guest, lines)) = lines.get(label(at)) else {
            continue;
        };
        let before = lines.partition_point(|line| line.time <= enabled);
        let Some((place, line)) = before
            .checked_sub(1)
            .and_then(|at| Some((at, lines.get(at)?)))
        else {
            continue;
        };
        let name = names.intern(&run.name.as_deref().map(fold).unwrap_or_default());
        if taken.insert((*guest, place, run.family, name)) {
            slot.extend(line.correlation.clone());
        }
    }
    brought
        .into_iter()
        .map(|correlations| correlations.into_iter().collect())
        .collect()
}

/// The guest of a run, as goal states are kept by.
#[must_use]
pub fn label(run: &Run) -> String {
    run.host.as_deref().map_or_else(String::new, host_label)
}

#[cfg(test)]
mod tests;
