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

mod conclude;
pub mod item;
pub mod notes;
mod order;
pub mod segments;
pub mod session;
pub mod store;
pub mod triage;

use crate::detect::Finding;
use crate::detect::allowed::AllowEffect;
use crate::detect::caller_profile::Actor;
use crate::detect::incident::{Grounds, Incident};
use crate::detect::run_command_from_cloud_address::AddressRanges;
use crate::detect::subject::Referred;
use crate::event::batch::EventBatch;
use crate::event::fact::ManifestLine;
use crate::event::facts::FactKind;
use crate::formats::ItemReport;
use crate::lists::Lists;
use crate::problem::{Code, Problem};
use crate::query::Place;
use crate::reconstruct::guests::Guests;
use crate::reconstruct::links::Linked;
use crate::reconstruct::links::overrides::{LinkOverrides, OperationKey, PairKey, RunKey, Say};
use crate::reconstruct::manifests::{self, Compared, Listed, Present};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::processes::Process;
use crate::reconstruct::runs::Run;
use crate::script::Examined;
use crate::settings::Settings;
use crate::sigma::Sigma;
use item::{Item, ItemState};
use notes::Notes;
use segments::Segments;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{EventNumber, Store};
use triage::Triage;

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
    /// How many items have each size.
    sizes: BTreeMap<u64, u32>,
    store: Store,
    /// Items by path: `rank[item]` is the item's place among all.
    rank: Vec<u32>,
    operations: Vec<Operation>,
    runs: Vec<Run>,
    /// What the script of each run does, by position of the run.
    examined: Vec<Option<Arc<Examined>>>,
    processes: Vec<Process>,
    guests: Guests,
    linked: Linked,
    findings: Vec<Finding>,
    incidents: Vec<Incident>,
    /// What incidents rest on beside findings.
    grounds: Grounds,
    /// How many of them detectors found; those of rules stand behind.
    of_detectors: usize,
    /// What each entry of the allow-list did to findings of detectors.
    judged: Vec<AllowEffect>,
    /// The same to all findings.
    allowed: Vec<AllowEffect>,
    searched: Vec<Searched>,
    /// Made when first asked for, from the findings as they stand.
    finding_keys: OnceCell<Vec<String>>,
    triage: Triage,
    /// Items that a session was about.
    expected: Vec<session::ExpectedItem>,
    notes: Notes,
    actors: Vec<Actor>,
    lists: Lists,
    /// Whether each event is shown and counts.
    shown: Vec<bool>,
    /// Shown event -> its copies.
    copies: BTreeMap<EventNumber, Vec<EventNumber>>,
    /// Rendering of a numbered event by another tool -> the event shown for it.
    renderings: BTreeMap<EventNumber, EventNumber>,
    sigma: Sigma,
    /// Items that several readers are reading.
    segmented: BTreeMap<u32, Segments>,
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
        self.settings.links = overrides;
    }

    /// What the analyst says of links.
    #[must_use]
    pub fn link_overrides(&self) -> &LinkOverrides {
        &self.settings.links
    }

    /// Takes what the analyst says of one pair; it counts from the next [`Case::conclude`] on.
    ///
    /// # Errors
    /// A sentence, where the pair is confirmed and the evidence does not tell it from another.
    pub fn say_of_link(&mut self, say: Say, pair: &PairKey) -> Result<(), String> {
        let (operation, run) = (pair.operation.folded(), pair.run.folded());
        let operations = self.operations.iter().map(OperationKey::of);
        let runs = self.runs.iter().map(RunKey::of);
        let named = [
            (
                "operation",
                operations.filter(|key| *key == operation).count(),
            ),
            ("run", runs.filter(|key| *key == run).count()),
        ];
        for (side, count) in named {
            if say == Say::Confirm && count != 1 {
                return Err(format!(
                    "the evidence names {count} {side}s so; a pair can be confirmed only where each side is named alone"
                ));
            }
        }
        self.settings.links.say(say, pair);
        Ok(())
    }

    /// Takes the analyst's list of hosting ranges; it counts from the next [`Case::conclude`] on.
    pub fn set_address_ranges(&mut self, ranges: Option<AddressRanges>) {
        self.lists.address_ranges = ranges;
    }

    /// The analyst's lists.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Takes the analyst's lists; they count from the next [`Case::conclude`] on.
    pub fn set_lists(&mut self, lists: Lists) {
        self.lists = lists;
    }

    /// Whether conclusions depend on this item's SHA-256: equal bytes are one evidence, which takes another item of the same size, and a session
    /// knows its items by their bytes. Of all others the hash may come after [`Case::conclude`].
    #[must_use]
    pub fn hash_matters(&self, item: u32) -> bool {
        let size = self.items.get(item as usize).map(|item| item.size);
        let alike = size.and_then(|size| self.sizes.get(&size));
        !self.expected.is_empty() || alike.is_some_and(|items| *items > 1)
    }

    /// Announces an item. Answers its number.
    pub fn add_item(&mut self, path: &str, size: u64, modified_ms: Option<i64>) -> u32 {
        *self.sizes.entry(size).or_default() += 1;
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
        if self.store.bytes() >= self.settings.limits.case_bytes {
            entry.not_kept += batch.columns.len() as u64;
            return;
        }
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
        self.note_not_kept(item);
    }

    /// Says of an item that has ended how many of its events are not in the case.
    fn note_not_kept(&mut self, item: u32) {
        let entry = self.items.get(item as usize);
        let not_kept = entry.map_or(0, |entry| entry.not_kept);
        if not_kept > 0 {
            let text = format!(
                "{not_kept} events of this item are not in the case: the limit case_bytes ({} bytes) is reached; load fewer items at once, or raise it where there is memory",
                self.settings.limits.case_bytes
            );
            self.note(item, Code::CaseLimit, text);
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
        self.segmented.remove(&item);
        if let Some(entry) = self.items.get_mut(item as usize) {
            entry.state = state;
        }
        self.note(item, code, text);
        self.note_not_kept(item);
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
        self.settle_notes();
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
        let is_manifest = |item: &Item| {
            let report = item.report.as_ref();
            report.is_some_and(|report| report.format == crate::formats::manifest::FORMAT.id)
        };
        // Asked for whenever the list is drawn, and most cases have none: their facts need not be walked.
        if !self.items.iter().any(is_manifest) {
            return Vec::new();
        }
        let lines: Vec<&ManifestLine> = self
            .store
            .facts
            .of_kind(FactKind::Manifest)
            .filter_map(|at| at.manifest())
            .collect();
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

    /// What guests keep beside their runs.
    #[must_use]
    pub fn guests(&self) -> &Guests {
        &self.guests
    }

    /// Executions, clocks and the VM of each run.
    #[must_use]
    pub fn linked(&self) -> &Linked {
        &self.linked
    }

    /// What findings refer to.
    #[must_use]
    pub fn referred(&self) -> Referred<'_> {
        Referred {
            operations: &self.operations,
            runs: &self.runs,
            linked: &self.linked,
            processes: &self.processes,
            store: &self.store,
        }
    }

    /// Findings: those of detectors in time order, behind them those of rules in time order.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The events on which a finding rests: its own and those of its operations. What a rule found rests on what it matched alone.
    pub fn finding_events<'a>(
        &'a self,
        finding: &'a Finding,
    ) -> impl Iterator<Item = &'a EventNumber> {
        let of_rule = finding.rule.is_some();
        let operations = finding.operations.iter().filter(move |_| !of_rule);
        let told = operations.filter_map(|at| self.operations.get(*at));
        let own = finding.events.iter();
        own.chain(told.flat_map(|operation| &operation.events))
    }

    /// What each entry of the allow-list did, in their order.
    #[must_use]
    pub fn allowed(&self) -> &[AllowEffect] {
        &self.allowed
    }

    /// Incidents, the worst first.
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Every detector and whether it could answer.
    #[must_use]
    pub fn searched(&self) -> &[Searched] {
        &self.searched
    }

    /// The Sigma rules among the items, and what they found.
    #[must_use]
    pub fn sigma(&self) -> &Sigma {
        &self.sigma
    }

    /// Places of records that Sigma rules want to see again after [`Case::conclude`]; none when they have all they need.
    #[must_use]
    pub fn rule_needs(&self) -> Vec<Place> {
        self.sigma.needs(self)
    }

    /// Takes the bytes that [`Case::rule_needs`] named, in order.
    pub fn rule_take(&mut self, bytes: &[Vec<u8>]) {
        let mut sigma = std::mem::take(&mut self.sigma);
        let found = sigma.take(self, bytes);
        self.sigma = sigma;
        if let Some(found) = found {
            self.take_in(found);
            self.roll_up();
        }
        self.revision += 1;
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
