//! The case: the order of the journey, and the one door to it.
//!
//! A [`Case`] is told of items, takes their batches and reports as readers finish them (in any order, from any number of workers), and
//! is asked for rows, bins and details meanwhile. [`Case::conclude`] then places local clocks, names hosts, sets copies aside, folds
//! operations and runs, and runs the detectors. Everything it answers afterwards is the same whatever the order of arrival.
//!
//! ```
//! use runlens_core::case::Case;
//! use runlens_core::formats::ItemReader;
//! use runlens_core::settings::Settings;
//!
//! let settings = Settings::default();
//! let mut case = Case::new(settings.clone());
//! let item = case.add_item("log.json", 2, None);
//! let mut reader = ItemReader::new("log.json", 2, None, settings.limits);
//! reader.push(b"[]");
//! case.finish_item(item, &reader.finish());
//! case.conclude();
//! assert_eq!(case.operations().len(), 0);
//! ```
//!
//! Rejected: reconstruction that runs while reading. Its first answers would be wrong, and someone would write them down.

pub mod item;
pub mod store;

use crate::detect::caller_profile::{self, Actor};
use crate::detect::run_command_from_cloud_address::AddressRanges;
use crate::detect::{self, CaseView, Drawn, Finding};
use crate::event::batch::EventBatch;
use crate::event::fact::{Fact, ManifestLine};
use crate::event::intern::Symbol;
use crate::evidence::layout::Os;
use crate::formats::ItemReport;
use crate::identity::host_label;
use crate::problem::{Code, Problem};
use crate::reconstruct::clocks::{self, ItemEvents, Placed, YearFrom};
use crate::reconstruct::duplicates::{self, Numbered};
use crate::reconstruct::hosts::{self, ItemHosts};
use crate::reconstruct::links::overrides::LinkOverrides;
use crate::reconstruct::links::{self, Linked, goal_states, witnesses};
use crate::reconstruct::manifests::{self, Compared, Listed, Present};
use crate::reconstruct::operations::{self, Operation};
use crate::reconstruct::processes::{self, Process};
use crate::reconstruct::runs::{self, Run};
use crate::script::{self, Examined, ScriptHint};
use crate::settings::Settings;
use item::{Item, ItemState};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{EventNumber, Store};

/// What a detector answered.
#[derive(Clone, Debug)]
pub struct Searched {
    /// Detector id.
    pub detector: &'static str,
    /// Why it could not answer.
    pub not_assessed: Option<String>,
    /// What it left out although it ran.
    pub left_out: Option<String>,
}

/// A case under analysis.
#[derive(Default)]
pub struct Case {
    settings: Settings,
    items: Vec<Item>,
    store: Store,
    /// Items by path: `rank[item]` is the item's place among all.
    rank: Vec<u32>,
    operations: Vec<Operation>,
    runs: Vec<Run>,
    /// What the script of each run does, by position of the run.
    examined: Vec<Option<Arc<Examined>>>,
    processes: Vec<Process>,
    overrides: LinkOverrides,
    linked: Linked,
    findings: Vec<Finding>,
    searched: Vec<Searched>,
    actors: Vec<Actor>,
    address_ranges: Option<AddressRanges>,
    /// Shown event -> its copies.
    copies: BTreeMap<EventNumber, Vec<EventNumber>>,
    /// Rendering of a numbered event by another tool -> the event shown for it.
    renderings: BTreeMap<EventNumber, EventNumber>,
    revision: u64,
}

impl Case {
    /// An empty case.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the settings. What depends on zones and detectors follows with the next [`Case::conclude`]; limits hold for items read from then on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Takes what the analyst says of links; it counts from the next [`Case::conclude`] on.
    pub fn set_link_overrides(&mut self, overrides: LinkOverrides) {
        self.overrides = overrides;
    }

    /// What the analyst says of links.
    #[must_use]
    pub fn link_overrides(&self) -> &LinkOverrides {
        &self.overrides
    }

    /// Takes the analyst's list of hosting ranges; it counts from the next [`Case::conclude`] on.
    pub fn set_address_ranges(&mut self, ranges: Option<AddressRanges>) {
        self.address_ranges = ranges;
    }

    /// Announces an item. Answers its number.
    pub fn add_item(&mut self, path: &str, size: u64, modified_ms: Option<i64>) -> u32 {
        self.items.push(Item::new(path, size, modified_ms));
        u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes a batch of an item's events, as a reader encoded it.
    pub fn add_batch(&mut self, item: u32, bytes: &[u8]) {
        match EventBatch::decode(bytes) {
            Ok(batch) => self.append(item, batch),
            Err(error) => self.note(
                item,
                Code::ReaderTrap,
                format!("a batch of events could not be taken over: {}", error.what),
            ),
        }
    }

    fn append(&mut self, item: u32, batch: EventBatch) {
        let Some(entry) = self.items.get_mut(item as usize) else {
            return;
        };
        let first = entry.events;
        entry.events += u32::try_from(batch.columns.len()).unwrap_or(0);
        self.store.append(item, first, batch);
    }

    /// Takes an item's last batch and report.
    pub fn finish_item(&mut self, item: u32, bytes: &[u8]) {
        match ItemReport::decode(bytes) {
            Ok((batch, report)) => self.close_item(item, batch, report),
            Err(error) => self.note(
                item,
                Code::ReaderTrap,
                format!("the report could not be taken over: {}", error.what),
            ),
        }
    }

    /// As [`Case::finish_item`], in the same process.
    pub fn close_item(&mut self, item: u32, batch: EventBatch, report: ItemReport) {
        self.append(item, batch);
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.state = ItemState::Read;
            entry.report = Some(report);
        }
    }

    /// Ends a container whose members became items of their own.
    pub fn finish_container(&mut self, item: u32, problems: Vec<Problem>) {
        let Some(entry) = self.items.get(item as usize) else {
            return;
        };
        let opening = entry.opening(&self.settings.limits);
        let (batch, report) = crate::formats::archive::report(&opening, problems);
        self.close_item(item, batch, report);
    }

    /// Adds what unpacking found wrong with a member.
    pub fn add_problems(&mut self, item: u32, problems: Vec<Problem>) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.own_problems.extend(problems);
        }
    }

    /// Ends an item that the analyst cancelled; its events so far stay.
    pub fn cancel_item(&mut self, item: u32) {
        self.end_item(
            item,
            ItemState::Cancelled,
            Code::Cancelled,
            "reading was cancelled; events up to there are in the case".to_owned(),
        );
    }

    /// Ends an item whose reader stopped unexpectedly; its events so far stay.
    pub fn quarantine_item(&mut self, item: u32, text: &str) {
        let text = format!(
            "the reader of this item stopped unexpectedly ({text}); the item is quarantined, the rest of the case is whole"
        );
        self.end_item(item, ItemState::Quarantined, Code::ReaderTrap, text);
    }

    /// Ends an item that could not be read at all.
    pub fn unreadable_item(&mut self, item: u32, text: &str) {
        self.end_item(
            item,
            ItemState::Quarantined,
            Code::Unreadable,
            format!("the item could not be read: {text}"),
        );
    }

    fn end_item(&mut self, item: u32, state: ItemState, code: Code, text: String) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.state = state;
        }
        self.note(item, code, text);
    }

    fn note(&mut self, item: u32, code: Code, text: String) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.own_problems.push(Problem {
                code,
                severity: code.severity(),
                record: None,
                offset: None,
                length: None,
                text,
            });
        }
    }

    /// Notes an item's SHA-256, in lower-case hex.
    pub fn set_hash(&mut self, item: u32, sha256: &str) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.sha256 = Some(sha256.to_owned());
        }
    }

    /// Notes an item's MD5 and SHA-1, in lower-case hex.
    pub fn set_old_hashes(&mut self, item: u32, md5: &str, sha1: &str) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.md5 = Some(md5.to_owned());
            entry.sha1 = Some(sha1.to_owned());
        }
    }

    /// What became of the items that the manifests among the evidence list; empty where there is no manifest.
    #[must_use]
    pub fn compared(&self) -> Vec<Compared> {
        let lines: Vec<&ManifestLine> = self
            .store
            .facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::Manifest(line) => Some(line.as_ref()),
                _ => None,
            })
            .collect();
        if lines.is_empty() {
            return Vec::new();
        }
        let mut listed: Vec<Listed<'_>> = lines
            .into_iter()
            .map(|line| Listed {
                path: &line.path,
                size: line.size,
                sha256: line.sha256.as_deref(),
            })
            .collect();
        listed.sort_by(|one, other| (one.path, one.sha256).cmp(&(other.path, other.sha256)));
        listed.dedup();
        let is_manifest = |item: &Item| {
            let report = item.report.as_ref();
            report.is_some_and(|report| report.format == crate::formats::manifest::FORMAT.id)
        };
        let others: Vec<(usize, &Item)> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| !is_manifest(item))
            .collect();
        let present: Vec<Present<'_>> = others
            .iter()
            .map(|(_, item)| Present {
                path: &item.path,
                size: item.size,
                sha256: item.sha256.as_deref(),
            })
            .collect();
        let mut compared = manifests::compare(&listed, &present);
        for line in &mut compared {
            let number = |at: usize| others.get(at).map(|(number, _)| *number);
            line.item = line.item.and_then(number);
        }
        compared
    }

    /// Brings new events into the time order.
    pub fn refresh(&mut self) {
        self.rank_items();
        self.store.refresh(&self.rank);
        self.revision += 1;
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
                .map(|item| (&item.path, &item.sha256, item.size))
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
        self.examined = examine_scripts(&self.runs, &self.settings);
        self.processes =
            processes::rebuild(store, &hosts, &self.rank, |event| counts(store, event));
        let goal_states =
            goal_states::gather(store, &hosts, &self.runs, |event| counts(store, event));
        let processes = witnesses::gather(store, &hosts, &self.runs, |event| counts(store, event));
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
            processes: &processes,
            settings: &self.settings,
            overrides: &self.overrides,
        });
        self.copies = copies;
        let shown: Vec<bool> = hidden
            .iter()
            .zip(&self.store.item)
            .map(|(hidden, item)| !hidden && counted.get(*item as usize).copied().unwrap_or(false))
            .collect();
        self.store.reorder(&self.rank, |event| {
            shown.get(event as usize).copied().unwrap_or(false)
        });
        self.run_detectors();
        self.revision += 1;
    }

    /// Events that their log numbered: Windows events and rows of Defender.
    fn numbered(&self, keep: impl Fn(EventNumber) -> bool) -> Vec<Numbered> {
        let store = &self.store;
        let mut labels: BTreeMap<Symbol, Symbol> = BTreeMap::new();
        let mut known: BTreeMap<String, Symbol> = BTreeMap::new();
        let mut out = Vec::new();
        for (at, number) in store.columns.correlation.iter().enumerate() {
            let Ok(event) = u32::try_from(at) else { break };
            let is_numbered = store.text(*number).is_some_and(|text| text.contains('#'));
            let (Some(time), true) = (store.stamp(event), is_numbered && keep(event)) else {
                continue;
            };
            let host = store.columns.host.get(at).copied().unwrap_or_default();
            // One symbol for `WEB01` and `web01.contoso.example`.
            let label = *labels.entry(host).or_insert_with(|| {
                let label = store.text(host).map(host_label).unwrap_or_default();
                *known.entry(label).or_insert(host)
            });
            let item = store.item_of(event) as usize;
            out.push(Numbered {
                host: label,
                number: *number,
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

    fn place_clocks(&mut self) {
        let mut of_item: Vec<Vec<EventNumber>> = vec![Vec::new(); self.items.len()];
        for event in 0..self.store.len() {
            let Ok(event) = u32::try_from(event) else {
                break;
            };
            if let Some(list) = of_item.get_mut(self.store.item_of(event) as usize) {
                list.push(event);
            }
        }
        let known = clocks::known_range(&self.store);
        for (number, (item, events)) in (0_u32..).zip(self.items.iter_mut().zip(&of_item)) {
            let placing = ItemEvents {
                number,
                events,
                modified_ms: item.modified_ms,
                zone: self.settings.zones.get(&item.path).copied(),
            };
            let placed = clocks::place(&mut self.store, &placing, known);
            item.clock_problems = clock_problems(&placed);
            item.measure(&self.store, events);
        }
    }

    fn name_hosts(&mut self) {
        let mut named: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); self.items.len()];
        for (at, symbol) in self.store.columns.host.iter().enumerate() {
            let item = self.store.item.get(at).copied().unwrap_or(0) as usize;
            if let (Some(name), Some(names)) = (self.store.text(*symbol), named.get_mut(item)) {
                *names.entry(name).or_default() += 1;
            }
        }
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

    fn run_detectors(&mut self) {
        let view = CaseView {
            operations: &self.operations,
            settings: &self.settings,
            address_ranges: self.address_ranges.as_ref(),
            drawn: Drawn::default(),
        };
        self.findings.clear();
        self.actors = caller_profile::actors(&view);
        self.searched.clear();
        for detector in detect::TABLE {
            let not_assessed = (detector.not_assessed)(&view);
            let mut left_out = None;
            if not_assessed.is_none() {
                self.findings.extend((detector.run)(&view));
                let partial = detect::LEFT_OUT.iter().find(|(id, _)| *id == detector.id);
                left_out = partial.and_then(|(_, left_out)| left_out(&view));
            }
            self.searched.push(Searched {
                detector: detector.id,
                not_assessed,
                left_out,
            });
        }
        let operations = &self.operations;
        let started = |finding: &Finding| {
            let op = finding
                .operations
                .first()
                .and_then(|at| operations.get(*at));
            op.and_then(|op| op.started)
                .map_or(i64::MAX, |started| started.ns)
        };
        // Stable: detectors in table order, each in its own deterministic order.
        self.findings.sort_by_key(started);
    }

    /// The items, by number.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Place of each item among all by path.
    #[must_use]
    pub fn rank(&self) -> &[u32] {
        &self.rank
    }

    /// The events.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Operations, in time order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Runs, in time order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// What the script of a run does, where its text is known.
    #[must_use]
    pub fn examined(&self, run: usize) -> Option<&Examined> {
        self.examined.get(run)?.as_deref()
    }

    /// Processes of all guests, by host and start.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// Executions, clocks and the VM of each run.
    #[must_use]
    pub fn linked(&self) -> &Linked {
        &self.linked
    }

    /// Findings, in time order.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Every detector and whether it could answer.
    #[must_use]
    pub fn searched(&self) -> &[Searched] {
        &self.searched
    }

    /// Every principal and its work, by first record.
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// The copies of a shown event.
    #[must_use]
    pub fn copies(&self, event: EventNumber) -> &[EventNumber] {
        self.copies.get(&event).map_or(&[], Vec::as_slice)
    }

    /// The event shown for this one, where this is another tool's rendering of it.
    #[must_use]
    pub fn rendering_of(&self, event: EventNumber) -> Option<EventNumber> {
        self.renderings.get(&event).copied()
    }

    /// All events of the case document, in time order: those shown, and renderings of them by other tools, which may say more or less.
    #[must_use]
    pub fn listing(&self) -> Vec<EventNumber> {
        self.store
            .order_with(self.renderings.keys().copied(), &self.rank)
    }

    /// Grows with every change of what the case answers.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Examines each script once, however many runs it had.
fn examine_scripts(runs: &[Run], settings: &Settings) -> Vec<Option<Arc<Examined>>> {
    let mut known: BTreeMap<(&str, Os), Arc<Examined>> = BTreeMap::new();
    runs.iter()
        .map(|run| {
            let script = run.script.as_ref()?;
            let found = known.entry((&script.text, run.os)).or_insert_with(|| {
                let hint = ScriptHint {
                    windows: Some(run.os == Os::Windows),
                    file_name: None,
                };
                Arc::new(script::examine(&script.text, &hint, &settings.script))
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
        };
        problems.push(problem(
            Code::YearInferred,
            format!(
                "the source gives no year; {year} for its last record was inferred from {from}"
            ),
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
