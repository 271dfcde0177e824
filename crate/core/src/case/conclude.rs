//! Drawing conclusions: each stage of the journey once, in its order, over everything that was read.
//!
//! ```text
//! duplicates ─► clocks ─► hosts ─► operations, runs ─► scripts, processes ─► links, skew ─► detectors
//! ```
//!
//! A stage reads what earlier ones left in the [`Case`] and leaves its own; the rooms below do the work and know nothing of each other's
//! order. Each stage stays a function of its own also in the module (`inline(never)`): a browser compiles hot code function by function, and takes
//! seconds for one that holds all stages. Rejected: stages that call the next one. The order is what has to be seen at a glance.

use super::store::{EventNumber, Store};
use super::{Case, Searched};
use crate::detect::allowed::AllowEffect;
use crate::detect::caller_profile::Actor;
use crate::detect::incident::Grounds;
use crate::detect::{self, CaseView, Drawn, Finding, allowed, raise};
use crate::event::batch::make_room;
use crate::event::intern::Symbol;
use crate::evidence::layout::Os;
use crate::identity::host_label;
use crate::problem::{Code, Problem};
use crate::reconstruct::clocks::{self, ItemClocks, Placed, YearFrom};
use crate::reconstruct::duplicates::{self, Numbered};
use crate::reconstruct::guests::{self, Guests};
use crate::reconstruct::hosts::{self, ItemHosts};
use crate::reconstruct::links::witnesses::Witnesses;
use crate::reconstruct::links::{self, Linked, goal_states};
use crate::reconstruct::runs::{self, Run};
use crate::reconstruct::{operations, processes};
use crate::script::{Catalogue, Examinations, Examined, ScriptHint};
use crate::settings::Settings;
use crate::sigma::Sigma;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Case {
    /// Brings new events into the time order; whether there were any.
    pub fn refresh(&mut self) -> bool {
        self.rank_items();
        let grew = self.store.refresh(&self.rank);
        self.revision += 1;
        grew
    }

    fn rank_items(&mut self) {
        if self.rank.len() == self.items.len() {
            return;
        }
        let mut by_path: Vec<usize> = (0..self.items.len()).collect();
        // Two items of one path (dropped twice) are told apart by content, so that arrival does not matter.
        let key = |at: &usize| {
            self.items
                .get(*at)
                .map(|item| (&item.path, item.size, &item.sha256))
        };
        by_path.sort_by(|one, other| key(one).cmp(&key(other)));
        self.rank = vec![0; self.items.len()];
        for (place, at) in by_path.into_iter().enumerate() {
            if let (Some(slot), Ok(place)) = (self.rank.get_mut(at), u32::try_from(place)) {
                *slot = place;
            }
        }
    }

    /// Draws all conclusions from what was read.
    pub fn conclude(&mut self) {
        self.let_go();
        self.rank.clear();
        self.rank_items();
        self.find_duplicates();
        self.place_clocks();
        self.name_hosts();
        let counted: Vec<bool> = self
            .items
            .iter()
            .map(|item| item.duplicate_of.is_none())
            .collect();
        let counts = |store: &Store, event: EventNumber| {
            counted
                .get(store.item_of(event) as usize)
                .copied()
                .unwrap_or(false)
        };
        let store = &self.store;
        let folded = operations::fold(store, &self.rank, |event| counts(store, event));
        let hosts: Vec<(Option<String>, String)> = self
            .items
            .iter()
            .map(|item| (item.host.clone(), item.layout.root.clone()))
            .collect();
        self.runs = runs::fold(store, &hosts, &self.rank, |event| counts(store, event));
        self.examined = examine_scripts(&self.runs, &self.lists.content, &self.settings);
        self.processes =
            processes::rebuild(store, &hosts, &self.rank, |event| counts(store, event));
        let goal_states =
            goal_states::gather(store, &hosts, &self.runs, |event| counts(store, event));
        let seen = Witnesses {
            store,
            hosts: &hosts,
            runs: &self.runs,
            processes: &self.processes,
            examined: &self.examined,
        }
        .gather(|event| counts(store, event));
        let mut copies: BTreeMap<EventNumber, Vec<EventNumber>> = BTreeMap::new();
        let mut hidden = vec![false; store.len()];
        let numbered = self.numbered(|event| counts(store, event));
        let renderings = duplicates::numbered_copies(numbered);
        self.renderings = renderings.iter().copied().collect();
        for (copy, shown) in folded.copies.into_iter().chain(renderings) {
            copies.entry(shown).or_default().push(copy);
            if let Some(slot) = hidden.get_mut(copy as usize) {
                *slot = true;
            }
        }
        self.operations = folded.operations;
        self.linked = links::link(&links::Known {
            operations: &self.operations,
            runs: &self.runs,
            goal_states: &goal_states,
            seen: &seen,
            settings: &self.settings,
            overrides: &self.settings.links,
        });
        // Linking needs much for a moment. What guests keep is gathered when that is gone.
        drop((goal_states, seen));
        self.guests = guests::gather(store, &self.items, &self.rank, &self.runs);
        self.copies = copies;
        let mut shown = hidden;
        for (shown, item) in shown.iter_mut().zip(self.store.item.iter()) {
            let hidden = *shown;
            *shown = !hidden && counted.get(item as usize).copied().unwrap_or(false);
        }
        self.store.reorder(&self.rank, |event| {
            shown.get(event as usize).copied().unwrap_or(false)
        });
        self.shown = shown;
        self.run_detectors();
        self.settle_notes();
        self.run_rules();
        self.roll_up();
        self.revision += 1;
    }

    /// Lets go of the conclusions that stand: old ones beside new ones would ask for twice the memory, and a tab never gives it back.
    fn let_go(&mut self) {
        self.operations = Vec::new();
        self.runs = Vec::new();
        self.examined = Vec::new();
        self.processes = Vec::new();
        self.guests = Guests::default();
        self.linked = Linked::default();
        self.findings = Vec::new();
        self.incidents = Vec::new();
        self.actors = Vec::new();
        self.grounds = Grounds::default();
        self.copies = BTreeMap::new();
        self.renderings = BTreeMap::new();
        self.shown = Vec::new();
        self.finding_keys.take();
    }

    /// Events that their log numbered: Windows events and rows of Defender.
    #[inline(never)]
    fn numbered(&self, keep: impl Fn(EventNumber) -> bool) -> Vec<Numbered> {
        let store = &self.store;
        let mut labels: BTreeMap<Symbol, Symbol> = BTreeMap::new();
        let mut known: BTreeMap<String, Symbol> = BTreeMap::new();
        let mut out = Vec::new();
        for (at, number) in store.columns.correlation.iter().enumerate() {
            let Ok(event) = u32::try_from(at) else { break };
            let is_numbered = store.text(number).is_some_and(|text| text.contains('#'));
            let (Some(time), true) = (store.stamp(event), is_numbered && keep(event)) else {
                continue;
            };
            let host = store.columns.host.get(at).unwrap_or_default();
            // One symbol for `WEB01` and `web01.contoso.example`.
            let label = *labels.entry(host).or_insert_with(|| {
                let label = store.text(host).map(host_label).unwrap_or_default();
                *known.entry(label).or_insert(host)
            });
            let item = store.item_of(event) as usize;
            out.push(Numbered {
                host: label,
                number,
                time: time.instant,
                place: (
                    self.rank.get(item).copied().unwrap_or(u32::MAX),
                    store.span(event).offset,
                ),
                event,
            });
        }
        out
    }

    /// Items of equal bytes: the first by path counts. Small files whose meaning is their place (a script, a status) are
    /// the same evidence only where their places say the same.
    #[inline(never)]
    fn find_duplicates(&mut self) {
        let mut by_path: Vec<usize> = (0..self.items.len()).collect();
        by_path.sort_by_key(|at| self.rank.get(*at).copied().unwrap_or(u32::MAX));
        let mut first: BTreeMap<(String, String), usize> = BTreeMap::new();
        for at in by_path {
            let Some(item) = self.items.get_mut(at) else {
                continue;
            };
            item.duplicate_of = None;
            let Some(sha256) = item.sha256.clone().filter(|_| item.size > 0) else {
                continue;
            };
            let key = (sha256, item.place_meaning());
            match first.get(&key) {
                Some(original) => item.duplicate_of = u32::try_from(*original).ok(),
                None => {
                    first.insert(key, at);
                }
            }
        }
    }

    #[inline(never)]
    fn place_clocks(&mut self) {
        let known = clocks::known_range(&self.store);
        for (number, item) in (0_u32..).zip(&mut self.items) {
            let placing = ItemClocks {
                number,
                modified_ms: item.modified_ms,
                zone: self.settings.zones.get(&item.path).copied(),
                year: self.settings.years.get(&item.path).copied(),
            };
            let placed = clocks::place(&mut self.store, &placing, known);
            item.clock_problems = clock_problems(&placed);
            item.year = placed.year;
            item.lacks_year = placed.year.is_some() || placed.year_unknown > 0;
            item.measure(&self.store, number);
        }
    }

    #[inline(never)]
    fn name_hosts(&mut self) {
        // By number first: an item names few hosts and has many events.
        let mut by_symbol: Vec<BTreeMap<Symbol, u64>> = vec![BTreeMap::new(); self.items.len()];
        for (symbol, item) in self.store.columns.host.iter().zip(self.store.item.iter()) {
            if let Some(names) = by_symbol
                .get_mut(item as usize)
                .filter(|_| symbol.is_some())
            {
                *names.entry(symbol).or_default() += 1;
            }
        }
        let named: Vec<BTreeMap<&str, u64>> = by_symbol
            .into_iter()
            .map(|names| {
                let texts = names.into_iter();
                texts
                    .map(|(symbol, count)| (self.store.strings.text(symbol), count))
                    .collect()
            })
            .collect();
        let known: Vec<ItemHosts<'_>> = self
            .items
            .iter()
            .zip(named)
            .map(|(item, named)| ItemHosts {
                root: &item.layout.root,
                from_path: item.layout.host.as_deref(),
                guest: item.is_guest(),
                named: named.into_iter().collect(),
            })
            .collect();
        let hosts = hosts::resolve(&known);
        for (item, host) in self.items.iter_mut().zip(hosts) {
            item.host = host;
        }
    }

    /// Sigma rules see everything that was concluded; what they want to read again is asked for afterwards.
    #[inline(never)]
    fn run_rules(&mut self) {
        let (sigma, found) = Sigma::begin(self);
        self.sigma = sigma;
        self.take_in(found);
        let notes = self.sigma.notes();
        for item in &mut self.items {
            item.rule_problems = notes.get(&item.path).cloned().unwrap_or_default();
        }
    }

    /// The case as detectors see it, with these settings.
    pub fn with_view<R>(&self, settings: &Settings, ask: impl FnOnce(&CaseView<'_>) -> R) -> R {
        self.with_own_view(settings, |view| ask(&view))
    }

    /// The same, to be taken apart.
    fn with_own_view<R>(&self, settings: &Settings, ask: impl FnOnce(CaseView<'_>) -> R) -> R {
        let view = CaseView {
            operations: &self.operations,
            runs: &self.runs,
            examined: &self.examined,
            processes: &self.processes,
            linked: &self.linked,
            guests: &self.guests,
            store: &self.store,
            items: &self.items,
            counts: &|event: EventNumber| {
                let shown = self.shown.get(event as usize);
                shown.copied().unwrap_or(false)
            },
            settings,
            lists: &self.lists,
            drawn: Drawn::default(),
        };
        ask(view)
    }

    /// Runs the detectors once more over the conclusions that are there, and rolls their findings up: what a bench measures.
    pub fn judge_again(&mut self) {
        let of_rules = self.findings.split_off(self.of_detectors);
        self.run_detectors();
        self.take_in(of_rules);
        self.roll_up();
    }

    /// Takes what rules found in the place of what they had found before.
    pub(super) fn take_in(&mut self, mut found: Vec<Finding>) {
        // Without entries nothing needs the view, and drawing it costs as much as a detector.
        let effects = if self.settings.allow_list.is_empty() {
            Vec::new()
        } else {
            self.with_view(&self.settings, |view| allowed::apply(view, &mut found))
        };
        self.allowed = self.judged.clone();
        for (all, of_rules) in self.allowed.iter_mut().zip(effects) {
            *all = all.and(of_rules);
        }
        self.findings.truncate(self.of_detectors);
        self.findings.append(&mut found);
        self.finding_keys.take();
    }

    /// Puts findings into incidents.
    #[inline(never)]
    pub(super) fn roll_up(&mut self) {
        self.incidents = self.grounds.incidents(self.referred(), &self.findings);
    }

    fn run_detectors(&mut self) {
        let settings = self.settings.clone();
        let judged = self.with_own_view(&settings, judge);
        self.findings = judged.findings;
        self.of_detectors = self.findings.len();
        self.actors = judged.actors;
        self.searched = judged.searched;
        self.judged = judged.allowed;
        self.grounds = judged.grounds;
    }
}

/// What the detectors say.
struct Judged {
    findings: Vec<Finding>,
    actors: Vec<Actor>,
    searched: Vec<Searched>,
    allowed: Vec<AllowEffect>,
    grounds: Grounds,
}

#[inline(never)]
fn judge(own: CaseView<'_>) -> Judged {
    let view = &own;
    let mut findings: Vec<Finding> = Vec::new();
    let mut searched = Vec::new();
    for detector in detect::TABLE {
        let not_assessed = (detector.not_assessed)(view);
        let mut left_out = None;
        if not_assessed.is_none() {
            // Each detector's list goes at once: they are long, and all of them beside their sum would be there twice.
            let mut found = (detector.run)(view);
            make_room(&mut findings, found.len());
            findings.append(&mut found);
            let partial = detect::LEFT_OUT.iter().find(|(id, _)| *id == detector.id);
            left_out = partial.and_then(|(_, left_out)| left_out(view));
        }
        searched.push(Searched {
            detector: detector.id,
            not_assessed,
            left_out,
        });
    }
    for finding in &mut findings {
        // What a detector says of an operation it says of its execution.
        if finding.executions.is_empty() {
            let of = finding.operations.iter();
            finding.executions = of.filter_map(|at| view.execution_of(*at)).collect();
        }
    }
    let allowed = allowed::apply(view, &mut findings);
    raise::raise_all(view, &mut findings);
    let referred = view.referred();
    let started = |finding: &Finding| {
        let op = finding.operations.first();
        let op = op.and_then(|at| referred.operations.get(*at));
        op.and_then(|op| op.started)
            .or_else(|| referred.time(finding).0)
            .map_or(i64::MAX, |started| started.ns)
    };
    // Stable: detectors in table order, each in its own deterministic order.
    findings.sort_by_cached_key(started);
    let _ = view.actors();
    let (grounds, actors) = Grounds::of(own);
    Judged {
        findings,
        actors,
        searched,
        allowed,
        grounds,
    }
}

/// Examines each script once, however many runs it had.
#[inline(never)]
fn examine_scripts(
    runs: &[Run],
    content: &Catalogue,
    settings: &Settings,
) -> Vec<Option<Arc<Examined>>> {
    let mut known: BTreeMap<(&str, Os), Arc<Examined>> = BTreeMap::new();
    let mut before = Examinations::default();
    runs.iter()
        .map(|run| {
            let script = run.script.as_ref()?;
            let found = known.entry((&script.text, run.os)).or_insert_with(|| {
                let hint = ScriptHint {
                    windows: Some(run.os == Os::Windows),
                    file_name: None,
                };
                let found = content.examine(&script.text, &hint, &settings.script, &mut before);
                Arc::new(found)
            });
            Some(Arc::clone(found))
        })
        .collect()
}

/// What the placing of an item's clocks leaves to say.
fn clock_problems(placed: &Placed) -> Vec<Problem> {
    let problem = |code: Code, text: String| Problem {
        code,
        severity: code.severity(),
        record: None,
        offset: None,
        length: None,
        text,
    };
    let mut problems = Vec::new();
    if let (Some(from), Some(year)) = (placed.year_from, placed.year) {
        let from = match from {
            YearFrom::SameItem => "full times inside the same item",
            YearFrom::Neighbours => "the times of the other evidence",
            YearFrom::Modified => "the file's modified time",
            YearFrom::Given => "what the analyst said",
        };
        let how = if placed.year_from == Some(YearFrom::Given) {
            "is"
        } else {
            "was inferred from"
        };
        problems.push(problem(
            Code::YearInferred,
            format!("the source gives no year; {year} for its last record {how} {from}"),
        ));
    }
    if placed.year_unknown > 0 {
        let text = format!(
            "{} records give no year and nothing beside them tells it; their times stay unknown. Add evidence of the same days",
            placed.year_unknown
        );
        problems.push(problem(Code::YearInferred, text));
    }
    if let Some(zone) = placed.zone.filter(|_| placed.zone_given) {
        let text = format!("local times were taken as {zone}, as the analyst said");
        problems.push(problem(Code::ZoneGiven, text));
    } else if let Some(zone) = placed.zone.filter(|_| placed.zone_pairs > 0) {
        let text = format!(
            "local times were taken as {zone}, as entries in UTC inside them show ({} of them)",
            placed.zone_pairs
        );
        problems.push(problem(Code::ZoneUnknown, text));
    }
    if placed.zone_doubtful > 0 {
        let text = format!(
            "{} readings lie where clocks were put back or forward, so an hour occurs twice or not at all; the first of two is taken, and they may be an hour off",
            placed.zone_doubtful
        );
        problems.push(problem(Code::AmbiguousDate, text));
    }
    if placed.zone_unknown > 0 {
        let text = format!(
            "{} records give the guest's local time without a zone; it is read as UTC and may be hours off",
            placed.zone_unknown
        );
        problems.push(problem(Code::ZoneUnknown, text));
    }
    problems
}
