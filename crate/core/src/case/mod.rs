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
use crate::formats::ItemReport;
use crate::problem::{Code, Problem};
use crate::reconstruct::clocks::{self, ItemEvents, Placed, YearFrom};
use crate::reconstruct::hosts::{self, ItemHosts};
use crate::reconstruct::operations::{self, Operation};
use crate::reconstruct::runs::{self, Run};
use crate::settings::Settings;
use item::{Item, ItemState};
use std::collections::BTreeMap;
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
    findings: Vec<Finding>,
    searched: Vec<Searched>,
    actors: Vec<Actor>,
    address_ranges: Option<AddressRanges>,
    /// Shown event -> its copies.
    copies: BTreeMap<EventNumber, Vec<EventNumber>>,
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
        let mut copies: BTreeMap<EventNumber, Vec<EventNumber>> = BTreeMap::new();
        let mut hidden = vec![false; store.len()];
        for (copy, shown) in folded.copies {
            copies.entry(shown).or_default().push(copy);
            if let Some(slot) = hidden.get_mut(copy as usize) {
                *slot = true;
            }
        }
        self.operations = folded.operations;
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
                zone_east_seconds: None,
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

    /// Grows with every change of what the case answers.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
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
    if let Some(east) = placed.zone_east_seconds.filter(|_| placed.zone_pairs > 0) {
        let text = format!(
            "local times were taken as UTC{:+03}:{:02}, as entries in UTC inside them show ({} of them)",
            east / 3600,
            east.abs() / 60 % 60,
            placed.zone_pairs
        );
        problems.push(problem(Code::ZoneUnknown, text));
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
