//! What a guest keeps of its runs beside the runs themselves: where each number left something, what became of the handlers, how far the
//! logs reach, what a status repeats of an output.
//!
//! | file | question |
//! |---|---|
//! | [`counters`] | which numbers of a counter are in settings, statuses, folders and logs? |
//! | [`texts`] | what was delivered, what was reported, what lies on the disk? |
//! | [`reach`] | which times do the logs of a guest cover, and does a log's clock run back? |
//!
//! ```text
//! action of web01   status {0, 1, 3}   folder {0, 1, 3}   log {0, 1, 2, 3}   mrseq 3
//! ```
//!
//! A run folds all that speaks of one number and forgets who said it; detectors of missing evidence ask exactly that. One walk over the
//! facts and one over the items fills everything here.
//!
//! Rejected: more fields of the run. A number that only a log line knows is no run, and is what matters most.

pub mod counters;
pub mod reach;
pub mod texts;

use super::runs::Run;
use crate::case::item::Item;
use crate::case::store::{EventNumber, Store};
use crate::event::fact::{FileFact, GuestSaid, HandlerChange};
use crate::event::facts::{FactKind, FactRef, GuestFactRef};
use crate::event::intern::Symbol;
use crate::evidence::layout::{Family, Os};
use crate::identity::host_label;
use counters::{Counter, Gathering};
use reach::Reach;
use std::collections::BTreeMap;
use texts::RunTexts;

/// A change of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Label of the guest.
    pub label: String,
    /// Which feature's handler.
    pub family: Family,
    /// The guest's system.
    pub os: Os,
    /// Its version, where said.
    pub version: Option<String>,
    /// What became of it.
    pub what: HandlerChange,
    /// When, by the guest's clock.
    pub time: i64,
    /// The event that says so.
    pub event: EventNumber,
}

/// A password that somebody handed to `sudo -S`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Label of the guest.
    pub label: String,
    /// The account.
    pub user: String,
    /// Its letters.
    pub length: u64,
    /// Tells whether two are equal; never shown.
    pub digest: String,
    /// The handler of managed run commands did it, not any script.
    pub by_handler: bool,
    /// The event.
    pub event: EventNumber,
}

/// A file written on a guest.
#[derive(Clone, Debug)]
pub struct FileWrite {
    /// Label of the guest.
    pub label: String,
    /// When, by the guest's clock.
    pub time: i64,
    /// Name of the file as written.
    pub name: String,
    /// Its path as written.
    pub path: String,
    /// Its facts.
    pub size: Option<u64>,
    /// SHA-256, where the sensor took it.
    pub sha256: Option<String>,
    /// Executable of the writer.
    pub writer: String,
    /// Process id of the writer.
    pub writer_pid: Option<u64>,
    /// The event.
    pub event: EventNumber,
}

/// What guests keep.
#[derive(Debug, Default)]
pub struct Guests {
    /// By guest, family and name.
    pub counters: Vec<Counter>,
    /// By guest and time.
    pub changes: Vec<Change>,
    /// In time order.
    pub secrets: Vec<Secret>,
    /// The guest's label of each run, in their order.
    pub labels: Vec<String>,
    /// For each run, in its order.
    pub texts: Vec<RunTexts>,
    /// By label.
    pub reach: BTreeMap<String, Reach>,
    /// By guest and time; scripts of run commands only.
    pub file_writes: Vec<FileWrite>,
}

/// The label of a guest; guests without a name are told apart by the root of their paths.
#[must_use]
pub fn label_of(host: Option<&str>, root: &str) -> String {
    host.map_or_else(|| format!("//{root}"), host_label)
}

fn label_of_run(store: &Store, items: &[Item], run: &Run) -> String {
    let event = run.events.first().copied();
    let item = event.and_then(|event| items.get(store.item_of(event) as usize));
    label_of(
        run.host.as_deref(),
        item.map_or("", |item| item.layout.root.as_str()),
    )
}

/// Whether a file may be the script of a run command: `script<N>.ps1` or `script.sh`.
fn may_be_script(name: &str) -> bool {
    let folded = name.to_ascii_lowercase();
    folded
        .strip_prefix("script")
        .is_some_and(|rest| rest.ends_with(".ps1") || rest == ".sh")
}

/// The last segment of a path.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Gathers everything. `counts` says which items count.
#[must_use]
#[inline(never)]
pub fn gather(store: &Store, items: &[Item], rank: &[u32], runs: &[Run]) -> Guests {
    let of_runs = (0_u32..).zip(runs);
    let mut run_of: Vec<(EventNumber, u32)> =
        Vec::with_capacity(runs.iter().map(|run| run.events.len()).sum());
    run_of.extend(of_runs.flat_map(|(at, run)| run.events.iter().map(move |event| (*event, at))));
    run_of.sort_unstable();
    // Facts come in the order of their events, so this list is walked along with them.
    let mut passed = 0;
    let mut run_of = |event: EventNumber| {
        while run_of.get(passed).is_some_and(|(of, _)| *of <= event) {
            passed += 1;
        }
        // Of several the last.
        let (of, run) = run_of.get(passed.checked_sub(1)?)?;
        (*of == event).then_some(*run as usize)
    };
    // A log has few guests and a million lines.
    let mut labels: BTreeMap<(Symbol, Option<u32>), String> = BTreeMap::new();
    let mut guests = Guests {
        texts: vec![RunTexts::default(); runs.len()],
        labels: runs
            .iter()
            .map(|run| label_of_run(store, items, run))
            .collect(),
        ..Guests::default()
    };
    let mut gathering = Gathering::default();
    let text = |symbol: Symbol| store.text(symbol).unwrap_or("");
    for at in store.facts.iter() {
        let told = [FactKind::Guest, FactKind::File, FactKind::Process];
        if !told.into_iter().any(|kind| at.is(kind)) {
            continue;
        }
        let event = at.event();
        let Some(item) = items.get(store.item_of(event) as usize) else {
            continue;
        };
        if item.duplicate_of.is_some() {
            continue;
        }
        let symbol = store.columns.host.get(event as usize);
        let symbol = symbol.unwrap_or_default();
        let by_item = (symbol == Symbol::NONE).then(|| store.item_of(event));
        let known = || {
            let host = store.text(symbol).or(item.host.as_deref());
            label_of(host, &item.layout.root)
        };
        let label: &str = labels.entry((symbol, by_item)).or_insert_with(known);
        let time = store.stamp(event).map(|stamp| stamp.instant.ns);
        match at.any() {
            Some(FactRef::Guest(fact)) => {
                let run = run_of(event);
                if let Some(texts) = run.and_then(|run| guests.texts.get_mut(run)) {
                    texts.take(fact.said, event, item);
                }
                guests.take(store, &fact, event, label, time);
                // A name that only some sources know was found when the runs were folded.
                let name = run.and_then(|run| runs.get(run)?.name.as_deref());
                let name = name.unwrap_or(text(fact.name));
                gathering.take(&fact, name, event, label, run);
            }
            Some(FactRef::File(fact)) => {
                let name = file_name(text(fact.path));
                let done = store.column(&store.columns.operation, event).unwrap_or("");
                let removed = done.to_ascii_lowercase().contains("delet");
                if let (Some(time), true, false) = (time, may_be_script(name), removed) {
                    guests.file_writes.push(file_write(
                        &fact,
                        &text,
                        label.to_owned(),
                        time,
                        name,
                        event,
                    ));
                }
            }
            Some(FactRef::Process(fact)) => {
                let said = crate::record::handler::given_secret(text(fact.command_line));
                if let Some(GuestSaid::SecretGiven {
                    user,
                    length,
                    digest,
                }) = said
                {
                    guests.secrets.push(Secret {
                        label: label.to_owned(),
                        user,
                        length,
                        digest,
                        by_handler: in_managed_context(
                            text(fact.command_line),
                            text(fact.directory),
                        ),
                        event,
                    });
                }
            }
            _ => {}
        }
    }
    for (number, item) in (0_u32..).zip(items) {
        if item.duplicate_of.is_none() {
            gathering.take_item(store, number, item);
        }
    }
    guests.counters = gathering.counters(store, rank);
    guests.reach = reach::gather(store, items);
    let place = |event: EventNumber| store.place(event, rank);
    for texts in &mut guests.texts {
        store.sort_by_place(&mut texts.events, rank, |event| *event);
    }
    let time = |event: EventNumber| {
        store
            .stamp(event)
            .map_or(i64::MAX, |stamp| stamp.instant.ns)
    };
    guests
        .changes
        .sort_by_key(|change| (change.label.clone(), change.time, place(change.event)));
    guests
        .secrets
        .sort_by_key(|secret| (time(secret.event), place(secret.event)));
    guests
        .file_writes
        .sort_by_key(|write| (write.label.clone(), write.time, place(write.event)));
    guests
}

/// A command line of the handler's own, as opposed to any script that pipes to `sudo`.
fn in_managed_context(command_line: &str, directory: &str) -> bool {
    let ours = |text: &str| text.to_ascii_lowercase().contains("run-command-handler");
    ours(command_line) || ours(directory)
}

fn file_write<'a>(
    fact: &FileFact,
    text: &impl Fn(Symbol) -> &'a str,
    label: String,
    time: i64,
    name: &str,
    event: EventNumber,
) -> FileWrite {
    FileWrite {
        label,
        time,
        name: name.to_owned(),
        path: text(fact.path).to_owned(),
        size: fact.size,
        sha256: Some(text(fact.sha256).to_lowercase()).filter(|sha256| !sha256.is_empty()),
        writer: text(fact.writer_image).to_owned(),
        writer_pid: fact.writer_pid,
        event,
    }
}

impl Guests {
    fn take(
        &mut self,
        store: &Store,
        fact: &GuestFactRef<'_>,
        event: EventNumber,
        label: &str,
        time: Option<i64>,
    ) {
        match &fact.said {
            GuestSaid::HandlerChanged(what) => {
                // Of other extensions only those that run scripts matter here.
                let handler = store.column(&store.columns.resource, event);
                let other = fact.family == Family::Extension
                    && handler.is_some_and(|name| !name.to_lowercase().contains("customscript"));
                if let (Some(time), false) = (time, other) {
                    self.changes.push(Change {
                        label: label.to_owned(),
                        family: fact.family,
                        os: fact.os,
                        version: store.text(fact.version).map(bare_version),
                        what: *what,
                        time,
                        event,
                    });
                }
            }
            GuestSaid::SecretGiven {
                user,
                length,
                digest,
            } => self.secrets.push(Secret {
                label: label.to_owned(),
                user: user.clone(),
                length: *length,
                digest: digest.clone(),
                by_handler: true,
                event,
            }),
            _ => {}
        }
    }

    /// The counter of a family and name on a guest.
    #[must_use]
    pub fn counter(&self, label: &str, family: Family, name: &str) -> Option<&Counter> {
        let key = (label, family, name);
        let at = self
            .counters
            .binary_search_by(|counter| counter.key().cmp(&key));
        self.counters.get(at.ok()?)
    }
}

/// `v1.0.4/git@…` and `1.0.4` are one version.
fn bare_version(text: &str) -> String {
    let bare = text.strip_prefix('v').unwrap_or(text);
    bare.split('/').next().unwrap_or(bare).to_owned()
}

/// The system of a guest fact or path, Linux where nothing says.
fn os_or_linux(os: Option<Os>) -> Os {
    os.unwrap_or(Os::Linux)
}
