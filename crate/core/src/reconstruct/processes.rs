//! Processes of a guest, from every source that saw them, and who started whom.
//!
//! The kernel's audit, Sysmon, the security log and a sensor each report one start: within seconds, with the same id and command line. They become one process. A parent is found by
//! the source's own ids where it has them, else by process id among those running then; ids come round again, so the start times and the image must fit. The trees break where they
//! break on the guest: `start` on Windows and a handler adopted by process 1 on Linux leave a child whose parent is only a name.
//!
//! ```text
//! RunCommandExtension.exe (400)
//!   cmd.exe (410)                        4688, Sysmon 1
//!     powershell.exe -File script4.ps1   4688, Sysmon 1, DeviceProcessEvents
//! ```
//!
//! Rejected: trees per source. The audit log knows the parent that the sensor lost.

use crate::case::store::{EventNumber, Store};
use crate::event::EventKind;
use crate::event::fact::{Fact, ProcessFact};
use crate::event::intern::Symbol;
use crate::identity::host_label;
use crate::time::{Instant, NS_PER_SECOND};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reports of one start lie this near together.
const ONE_START_NS: i64 = 3 * NS_PER_SECOND;
/// Clocks of two sources on one host may differ so much.
const SLACK_NS: i64 = NS_PER_SECOND;

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Guest as its evidence spells it.
    pub host: Arc<str>,
    /// Process id.
    pub pid: Option<u64>,
    /// Parent's process id.
    pub parent_pid: Option<u64>,
    /// Parent by position in the list.
    pub parent: Option<usize>,
    /// Executable.
    pub image: Arc<str>,
    /// Command line.
    pub command_line: Arc<str>,
    /// Working directory.
    pub directory: Arc<str>,
    /// Account.
    pub user: Arc<str>,
    /// Integrity level.
    pub integrity: Arc<str>,
    /// Log-on session.
    pub logon: Arc<str>,
    /// Parent's executable, also where the parent itself was not seen.
    pub parent_image: Arc<str>,
    /// Parent's command line.
    pub parent_command_line: Arc<str>,
    /// Grandparent's executable.
    pub grandparent_image: Arc<str>,
    /// First report of its start.
    pub started: Option<Instant>,
    /// Its end.
    pub ended: Option<Instant>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Events that report it, in time order.
    pub events: Vec<EventNumber>,
    entities: Vec<Symbol>,
    parent_entities: Vec<Symbol>,
    parent_started: Option<Instant>,
}

/// Texts that processes share: folders, accounts and executables are few, whatever the number of processes.
struct Texts<'a> {
    store: &'a Store,
    known: HashMap<Symbol, Arc<str>, FixedState>,
}

impl<'a> Texts<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            known: HashMap::with_hasher(FixedState::with_seed(0)),
        }
    }

    fn text(&self, symbol: Symbol) -> &'a str {
        self.store.text(symbol).unwrap_or("")
    }

    fn shared(&mut self, symbol: Symbol) -> Arc<str> {
        let text = self.text(symbol);
        Arc::clone(self.known.entry(symbol).or_insert_with(|| text.into()))
    }
}

/// A report of a start or an end.
struct Report<'a> {
    event: EventNumber,
    time: Option<Instant>,
    ended: bool,
    host: &'a str,
    fact: &'a ProcessFact,
}

/// Whether two executables have one file name, letters folded, `.exe` left out.
fn same_file(one: &str, other: &str) -> bool {
    fn name(image: &str) -> Cow<'_, str> {
        let name = image.trim_matches('"').rsplit(['/', '\\']).next();
        let name = name.unwrap_or("");
        if name.is_ascii() {
            let stem = name
                .len()
                .checked_sub(4)
                .and_then(|at| name.split_at_checked(at));
            let bare = stem.filter(|(_, end)| end.eq_ignore_ascii_case(".exe"));
            return Cow::Borrowed(bare.map_or(name, |(bare, _)| bare));
        }
        let folded = name.to_lowercase();
        Cow::Owned(
            folded
                .strip_suffix(".exe")
                .map(str::to_owned)
                .unwrap_or(folded),
        )
    }
    // Nearly always they are spelled alike.
    one == other || name(one).eq_ignore_ascii_case(&name(other))
}

fn same_or_silent(one: &str, other: &str, equal: impl Fn(&str, &str) -> bool) -> bool {
    one.is_empty() || other.is_empty() || equal(one, other)
}

fn same_words(one: &str, other: &str) -> bool {
    fn words(line: &str) -> impl Iterator<Item = &str> {
        line.split_ascii_whitespace()
            .map(|word| word.trim_matches(['"', '\'']))
    }
    let same = |one: &str, other: &str| {
        if one.is_ascii() && other.is_ascii() {
            one.eq_ignore_ascii_case(other)
        } else {
            one.to_lowercase() == other.to_lowercase()
        }
    };
    let (mut one, mut other) = (words(one), words(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if same(one, other) => {}
            _ => return false,
        }
    }
}

/// All processes, by host, then by start. `hosts` names each item's guest, `rank` orders items.
#[must_use]
pub fn rebuild(
    store: &Store,
    hosts: &[(Option<String>, String)],
    rank: &[u32],
    keep: impl Fn(EventNumber) -> bool,
) -> Vec<Process> {
    let mut by_host: BTreeMap<String, Vec<Report<'_>>> = BTreeMap::new();
    for (event, fact) in &store.facts {
        let Fact::Process(fact) = fact else { continue };
        if !keep(*event) {
            continue;
        }
        let item = store.item_of(*event) as usize;
        let of_item = hosts.get(item).and_then(|(host, _)| host.as_deref());
        let host = store
            .column(&store.columns.host, *event)
            .or(of_item)
            .unwrap_or("");
        by_host.entry(host_label(host)).or_default().push(Report {
            event: *event,
            time: fact
                .started
                .or(store.stamp(*event).map(|stamp| stamp.instant)),
            ended: store.columns.kind(*event as usize) == EventKind::ProcessEnd,
            host,
            fact,
        });
    }
    let mut all: Vec<Process> = Vec::new();
    let mut texts = Texts::new(store);
    for reports in by_host.into_values() {
        let first = all.len();
        let mut found = of_host(&mut texts, reports, rank);
        link(&mut found);
        for process in &mut found {
            process.parent = process.parent.map(|parent| parent + first);
        }
        all.extend(found);
    }
    all
}

fn of_host(texts: &mut Texts<'_>, mut reports: Vec<Report<'_>>, rank: &[u32]) -> Vec<Process> {
    let store = texts.store;
    // A log is in its own order mostly; what each report is sorted by is looked up once.
    reports.sort_by_cached_key(|report| {
        let item = store.item_of(report.event) as usize;
        (
            report.time.map_or(i64::MAX, |time| time.ns),
            rank.get(item).copied().unwrap_or(u32::MAX),
            store.span(report.event).offset,
            report.event,
        )
    });
    let mut found: Vec<Process> = Vec::with_capacity(reports.len());
    // Reports of one guest mostly spell it alike.
    let mut host: Arc<str> = "".into();
    let mut by_pid = ByPid::default();
    for report in reports {
        let fact = report.fact;
        if report.ended {
            let open = by_pid.latest_first(fact.pid).find(|at| {
                found.get(*at).is_some_and(|process| {
                    process.ended.is_none() && is_entity(process, fact.entity)
                })
            });
            if let Some(process) = open.and_then(|at| found.get_mut(at)) {
                process.ended = report.time;
                process.exit_code = fact.exit_code;
                process.events.push(report.event);
            }
            continue;
        }
        // They are in order of their starts: what began too long before ends the search.
        let since = report.time.map(|time| time.ns.saturating_sub(ONE_START_NS));
        let known = by_pid.latest_first(fact.pid);
        let near = known.filter_map(|at| Some((at, found.get(at)?)));
        let same = near
            .filter(|_| since.is_some())
            .take_while(|(_, process)| process.started.is_none_or(|time| Some(time.ns) >= since))
            .find(|(_, process)| is_report_of(process, &report, texts))
            .map(|(at, _)| at);
        if let Some(process) = same.and_then(|at| found.get_mut(at)) {
            process.take(&report, texts);
            continue;
        }
        if &*host != report.host {
            host = report.host.into();
        }
        let mut process = Process {
            host: Arc::clone(&host),
            started: report.time,
            ..Process::default()
        };
        process.take(&report, texts);
        found.push(process);
        by_pid.push(fact.pid);
    }
    found
}

/// Processes by their ids, which come round again: the latest of each, and of each the one before.
#[derive(Default)]
struct ByPid {
    latest: HashMap<u64, usize, FixedState>,
    before: Vec<Option<usize>>,
}

impl ByPid {
    /// Adds the next process of the list.
    fn push(&mut self, pid: Option<u64>) {
        let at = self.before.len();
        let before = pid.and_then(|pid| self.latest.insert(pid, at));
        self.before.push(before);
    }

    /// The processes with an id, the latest first.
    fn latest_first(&self, pid: Option<u64>) -> impl Iterator<Item = usize> {
        let latest = pid.and_then(|pid| self.latest.get(&pid).copied());
        std::iter::successors(latest, |at| self.before(*at))
    }

    /// The process before one that has its id.
    fn before(&self, at: usize) -> Option<usize> {
        self.before.get(at).copied().flatten()
    }
}

fn is_entity(process: &Process, entity: Symbol) -> bool {
    entity == Symbol::NONE || process.entities.is_empty() || process.entities.contains(&entity)
}

/// Whether a start report tells of this process again.
fn is_report_of(process: &Process, report: &Report<'_>, texts: &Texts<'_>) -> bool {
    let text = |symbol| texts.text(symbol);
    let near = match (process.started, report.time) {
        (Some(one), Some(other)) => (other.ns - one.ns).abs() <= ONE_START_NS,
        _ => false,
    };
    let fact = report.fact;
    // A source that names its processes apart never reports one twice under two names; another source's name is not comparable.
    near && process.ended.is_none()
        && same_or_silent(&process.image, text(fact.image), same_file)
        && same_or_silent(&process.command_line, text(fact.command_line), same_words)
}

impl Process {
    /// The sources' own ids of it.
    pub fn entities(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.entities.iter().copied()
    }

    /// Adds what a report says; what is known stays.
    fn take(&mut self, report: &Report<'_>, texts: &mut Texts<'_>) {
        let fact = report.fact;
        self.pid = self.pid.or(fact.pid);
        self.parent_pid = self.parent_pid.or(fact.parent_pid);
        self.parent_started = self.parent_started.or(fact.parent_started);
        // A full path says more than a name.
        let image = texts.text(fact.image);
        if self.image.is_empty()
            || (!self.image.contains(['/', '\\']) && image.contains(['/', '\\']))
        {
            self.image = texts.shared(fact.image);
        }
        // Command lines are mostly each its own.
        if self.command_line.is_empty() {
            self.command_line = texts.text(fact.command_line).into();
        }
        let mut fill = |slot: &mut Arc<str>, symbol: Symbol| {
            if slot.is_empty() {
                *slot = texts.shared(symbol);
            }
        };
        fill(&mut self.directory, fact.directory);
        fill(&mut self.user, fact.user);
        fill(&mut self.integrity, fact.integrity);
        fill(&mut self.logon, fact.logon);
        fill(&mut self.parent_image, fact.parent_image);
        fill(&mut self.parent_command_line, fact.parent_command_line);
        fill(&mut self.grandparent_image, fact.grandparent_image);
        if fact.entity != Symbol::NONE {
            self.entities.push(fact.entity);
        }
        if fact.parent_entity != Symbol::NONE {
            self.parent_entities.push(fact.parent_entity);
        }
        self.events.push(report.event);
    }
}

/// Finds parents among the processes of one host, which are in order of their starts.
fn link(found: &mut [Process]) {
    let mut by_entity: BTreeMap<Symbol, usize> = BTreeMap::new();
    for (at, process) in found.iter().enumerate() {
        for entity in &process.entities {
            by_entity.entry(*entity).or_insert(at);
        }
    }
    // Both grow along the list: what began before a child, and what began no later than a parent of it may have.
    let mut earlier = ByPid::default();
    let mut begun = ByPid::default();
    let parents: Vec<Option<usize>> = found
        .iter()
        .enumerate()
        .map(|(at, child)| {
            earlier.push(child.pid);
            let latest = child.started.map(|time| time.ns.saturating_add(SLACK_NS));
            while let Some(next) = found.get(begun.before.len()) {
                if next.started.is_none_or(|time| Some(time.ns) > latest) {
                    break;
                }
                begun.push(next.pid);
            }
            let named = child
                .parent_entities
                .iter()
                .find_map(|entity| by_entity.get(entity));
            if let Some(parent) = named.filter(|parent| **parent != at) {
                return Some(*parent);
            }
            child.pid?;
            // The same process with a new image (`exec`): what it was before.
            let before = earlier.before(at).filter(|before| {
                found.get(*before).is_some_and(|process| {
                    process.ended.is_none()
                        && process.parent_pid.is_some()
                        && process.parent_pid == child.parent_pid
                })
            });
            before.or_else(|| {
                let mut candidates = begun.latest_first(child.parent_pid);
                candidates.find(|parent| {
                    *parent != at
                        && found
                            .get(*parent)
                            .is_some_and(|parent| may_be_parent(parent, child))
                })
            })
        })
        .collect();
    for (process, parent) in found.iter_mut().zip(parents) {
        process.parent = parent;
    }
}

fn may_be_parent(parent: &Process, child: &Process) -> bool {
    let (Some(parent_start), Some(start)) = (parent.started, child.started) else {
        return false;
    };
    let told = child
        .parent_started
        .is_none_or(|told| (told.ns - parent_start.ns).abs() <= ONE_START_NS);
    told && parent_start.ns <= start.ns + SLACK_NS
        && parent
            .ended
            .is_none_or(|ended| ended.ns + SLACK_NS >= start.ns)
        && same_or_silent(&child.parent_image, &parent.image, same_file)
}

/// The processes below one, itself first, in order of the list.
#[must_use]
pub fn descendants(all: &[Process], of: usize) -> Vec<usize> {
    let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, process) in all.iter().enumerate() {
        if let Some(parent) = process.parent {
            children.entry(parent).or_default().push(at);
        }
    }
    let mut inside = BTreeSet::from([of]);
    let mut open = vec![of];
    while let Some(at) = open.pop() {
        for child in children.get(&at).into_iter().flatten() {
            if inside.insert(*child) {
                open.push(*child);
            }
        }
    }
    inside.into_iter().collect()
}

#[cfg(test)]
mod tests;
