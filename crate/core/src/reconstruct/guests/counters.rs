//! The numbers of one counter, and where each left something.
//!
//! A guest counts the runs of each feature and name: 0, 1, 2. Each should be in the settings, the statuses, the download folders and the logs
//! (`Q_set`, `Q_stat`, `Q_dl`, `Q_log` of detectors part C). What a place says comes from paths, so that an empty file counts as well.
//!
//! ```text
//! 3.settings  3.status  download/3/script.sh  handler.log seq=3        four marks of number 3
//! ```
//!
//! Rejected: a set of numbers per place. Every question is about one number, and a row with its marks answers it.

use super::{Os, label_of, os_or_linux};
use crate::case::item::Item;
use crate::case::store::{EventNumber, Store};
use crate::event::batch::make_room;
use crate::event::fact::{GuestSaid, RunState};
use crate::event::facts::GuestFactRef;
use crate::evidence::layout::{Family, Role};
use std::collections::BTreeMap;

/// What is left of one number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its run, where it is proven.
    pub run: Option<usize>,
    /// A settings file.
    pub settings: bool,
    /// A status file, of whatever operation.
    pub status: bool,
    /// A terminal status of an enabling operation.
    pub terminal: bool,
    /// A status that says the script runs: the shim's placeholder (`Some(true)`) or the handler's own.
    pub running: Option<bool>,
    /// When that status was written.
    pub running_since: Option<i64>,
    /// A status that closed the run after a restart, without knowing.
    pub force_closed: bool,
    /// Anything in its download folder.
    pub folder: bool,
    /// The script.
    pub script: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// A log line.
    pub log: bool,
    /// Everything that speaks of it, by place.
    pub events: Vec<EventNumber>,
    /// First and last time of what lies on the disk: a status's own time, else a file's.
    pub disk: Option<(i64, i64)>,
}

impl Marks {
    /// The words of its marks.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        [
            (self.settings, "settings"),
            (self.status, "status"),
            (self.folder, "folder"),
            (self.script, "script"),
            (self.stdout, "stdout"),
            (self.stderr, "stderr"),
            (self.log, "log"),
        ]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect()
    }

    fn on_disk(&mut self, time: i64) {
        let (first, last) = self.disk.unwrap_or((time, time));
        self.disk = Some((first.min(time), last.max(time)));
    }
}

/// A log line that names a number. Its log and its time are its event's: there are as many as lines, so nothing is kept twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number.
    pub number: i64,
    /// The handler starts the script.
    pub executing: bool,
    /// The handler saves the number, which it does once, before it starts the script.
    pub saved: bool,
    /// The agent, not the handler, says so.
    pub by_agent: bool,
    /// The event.
    pub event: EventNumber,
}

/// One counter.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Label of the guest.
    pub label: String,
    /// The guest, as its evidence spells it.
    pub host: Option<String>,
    /// Its system.
    pub os: Os,
    /// Which feature.
    pub family: Family,
    /// Name, folded; empty for actions.
    pub name: String,
    /// By number.
    pub numbers: BTreeMap<i64, Marks>,
    /// `mrseq`, and where it stands.
    pub highest: Option<(i64, EventNumber)>,
    /// A process id left behind.
    pub left_process: Option<EventNumber>,
    /// Log lines, log by log, each in its own order.
    pub lines: Vec<Line>,
    /// Whether state files beside settings and statuses were collected.
    pub state_collected: bool,
}

type Key = (String, Family, String);

impl Counter {
    /// What names it.
    #[must_use]
    pub fn key(&self) -> (&str, Family, &str) {
        (&self.label, self.family, &self.name)
    }

    /// Numbers with this mark.
    #[must_use]
    pub fn having(&self, mark: impl Fn(&Marks) -> bool) -> Vec<i64> {
        let all = self.numbers.iter();
        all.filter_map(|(number, marks)| mark(marks).then_some(*number))
            .collect()
    }
}

/// Counters in the making.
#[derive(Default)]
pub(super) struct Gathering {
    all: Vec<Counter>,
    place: BTreeMap<Key, usize>,
    /// The counter asked for last, which a log asks for line after line, and the name as it was asked for.
    last: (String, usize),
}

impl Gathering {
    fn counter(&mut self, label: &str, family: Family, name: &str) -> Option<&mut Counter> {
        let known = self.all.get(self.last.1).is_some_and(|counter| {
            (counter.label.as_str(), counter.family) == (label, family) && self.last.0 == name
        });
        if !known {
            let key = (label.to_owned(), family, name.to_lowercase());
            let at = *self.place.entry(key).or_insert_with_key(|key| {
                self.all.push(Counter {
                    label: key.0.clone(),
                    host: None,
                    os: Os::Linux,
                    family: key.1,
                    name: key.2.clone(),
                    numbers: BTreeMap::new(),
                    highest: None,
                    left_process: None,
                    lines: Vec::new(),
                    state_collected: false,
                });
                self.all.len() - 1
            });
            self.last = (name.to_owned(), at);
        }
        self.all.get_mut(self.last.1)
    }

    /// What a record says.
    pub(super) fn take(
        &mut self,
        fact: &GuestFactRef<'_>,
        name: &str,
        event: EventNumber,
        label: &str,
        run: Option<usize>,
    ) {
        let in_log = matches!(
            fact.said,
            GuestSaid::EnableCalled
                | GuestSaid::SettingsUpdated
                | GuestSaid::HandlerStarted
                | GuestSaid::AlreadyProcessed
                | GuestSaid::SequenceSaved
                | GuestSaid::Executing
                | GuestSaid::Executed { .. }
                | GuestSaid::HandlerEnded
        );
        let on_disk = matches!(
            fact.said,
            GuestSaid::Status(_)
                | GuestSaid::Placeholder
                | GuestSaid::HighestProcessed
                | GuestSaid::LeftProcess
                | GuestSaid::Mentioned
        );
        if !in_log && !on_disk {
            // Scripts, outputs and telemetry prove a run; their marks come from paths.
            if let (Some(run), Some(number)) = (run, fact.sequence)
                && let Some(counter) = self.counter(label, fact.family, name)
            {
                let marks = counter.numbers.entry(number).or_default();
                marks.run = marks.run.or(Some(run));
                marks.events.push(event);
            }
            return;
        }
        let Some(counter) = self.counter(label, fact.family, name) else {
            return;
        };
        counter.os = fact.os;
        match (&fact.said, fact.sequence) {
            (GuestSaid::HighestProcessed, Some(number)) => {
                // The highest of several: copies in backups lag behind.
                counter.highest = counter.highest.max(Some((number, event)));
            }
            (GuestSaid::LeftProcess, _) => counter.left_process = Some(event),
            (said, Some(number)) => {
                if matches!(said, GuestSaid::Mentioned) {
                    return;
                }
                let marks = counter.numbers.entry(number).or_default();
                marks.run = marks.run.or(run);
                marks.events.push(event);
                if in_log {
                    marks.log = true;
                    make_room(&mut counter.lines, 1);
                    counter.lines.push(Line {
                        number,
                        executing: matches!(said, GuestSaid::Executing),
                        saved: matches!(said, GuestSaid::SequenceSaved),
                        by_agent: matches!(
                            said,
                            GuestSaid::EnableCalled | GuestSaid::SettingsUpdated
                        ),
                        event,
                    });
                } else {
                    marks.hear(said);
                }
            }
            _ => {}
        }
    }

    /// What a path says.
    pub(super) fn take_item(&mut self, store: &Store, number: u32, item: &Item) {
        let layout = &item.layout;
        let Some(family) = layout.family else { return };
        let label = label_of(item.host.as_deref(), &layout.root);
        if layout.role == Role::State && layout.name.is_none() {
            if let Some(counter) = self.counter(&label, family, "") {
                counter.state_collected = true;
            }
            return;
        }
        let role = layout.role;
        let Some(sequence) = layout.sequence.filter(|_| role.is_of_number()) else {
            return;
        };
        let name = layout.name.as_deref().unwrap_or("");
        let Some(counter) = self.counter(&label, family, name) else {
            return;
        };
        counter.os = os_or_linux(layout.os);
        if counter.host.is_none() {
            counter.host.clone_from(&item.host);
        }
        let marks = counter.numbers.entry(sequence).or_default();
        marks.settings |= role == Role::Settings;
        marks.status |= role == Role::Status;
        marks.script |= role == Role::Script;
        marks.stdout |= role == Role::Stdout;
        marks.stderr |= role == Role::Stderr;
        marks.folder |= !matches!(role, Role::Settings | Role::Status);
        if let Some(event) = store.event_of(number, 0) {
            marks.events.push(event);
        }
        let told = item.first.map(|time| time.ns);
        let modified = || item.modified_ms?.checked_mul(1_000_000);
        if let Some(time) = told.or_else(modified) {
            marks.on_disk(time);
        }
    }

    /// The counters, by key, what they hold in an order of its own.
    pub(super) fn counters(self, store: &Store, rank: &[u32]) -> Vec<Counter> {
        let mut counters = self.all;
        counters.sort_by(|one, other| one.key().cmp(&other.key()));
        for counter in &mut counters {
            if counter.host.is_none() {
                let mut lines = counter.lines.iter();
                let host = lines.find_map(|line| store.column(&store.columns.host, line.event));
                counter.host = host.map(str::to_owned);
            }
            store.sort_by_place(&mut counter.lines, rank, |line| line.event);
            for marks in counter.numbers.values_mut() {
                store.sort_by_place(&mut marks.events, rank, |event| *event);
                marks.events.dedup();
                if marks.running.is_some() {
                    let written = marks.events.iter().filter(|event| {
                        let kind = store.columns.kind(**event as usize);
                        kind == crate::event::EventKind::GuestStatus
                    });
                    marks.running_since = written
                        .filter_map(|event| store.stamp(*event))
                        .map(|stamp| stamp.instant.ns)
                        .max();
                }
            }
        }
        counters
    }
}

impl Marks {
    /// What a status says.
    fn hear(&mut self, said: &GuestSaid) {
        match said {
            GuestSaid::Placeholder => self.running = self.running.or(Some(true)),
            GuestSaid::Status(status) => {
                self.force_closed |= status.force_closed;
                match status.state {
                    RunState::Running => self.running = Some(false),
                    RunState::Unknown => {}
                    _ => self.terminal = true,
                }
            }
            _ => {}
        }
    }
}
