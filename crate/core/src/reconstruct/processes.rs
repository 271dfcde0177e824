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
//! A process keeps its texts as the numbers that the case's events have for them: a guest starts few programs in few folders a million times.
//!
//! Rejected: trees per source. The audit log knows the parent that the sensor lost.

mod process;

use crate::case::store::{EventNumber, Store};
use crate::event::EventKind;
use crate::event::batch::make_room;
use crate::event::fact::ProcessFact;
use crate::event::facts::{FactAt, FactKind};
use crate::event::intern::Symbol;
use crate::event::sparse::{SaysNothing, Sparse};
use crate::identity::host_label;
use crate::time::{Instant, NS_PER_SECOND};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use process::{Few, text};
pub use process::{Further, Process, Reports};

/// Reports of one start lie this near together.
const ONE_START_NS: i64 = 3 * NS_PER_SECOND;
/// Clocks of two sources on one host may differ so much.
const SLACK_NS: i64 = NS_PER_SECOND;

/// What a process's reports say of its parent beside what the process keeps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Claims {
    entities: Few,
    started: Option<Instant>,
}

static NO_CLAIMS: LazyLock<Claims> = LazyLock::new(Claims::default);

impl SaysNothing for Claims {
    fn nothing() -> &'static Self {
        &NO_CLAIMS
    }
}

impl Sparse<Claims> {
    fn take(&mut self, fact: &ProcessFact) {
        if fact.parent_started.is_some() || fact.parent_entity.is_some() {
            self.started = self.started.or(fact.parent_started);
            self.entities.push(fact.parent_entity);
        }
    }
}

/// A report of a start or an end; what it says is looked up when its turn has come.
struct Report {
    /// When, `i64::MAX` where that is unknown; an [`Instant`] that may be missing takes three times as much.
    ns: i64,
    digits: u8,
    ended: bool,
    /// Place of its fact in the case, which knows its event.
    fact: u32,
}

impl Report {
    fn event(&self, store: &Store) -> EventNumber {
        let at = store.facts.get(self.fact as usize);
        at.map_or(EventNumber::MAX, |at| at.event())
    }

    fn time(&self) -> Option<Instant> {
        (self.ns != i64::MAX).then_some(Instant {
            ns: self.ns,
            digits: self.digits,
        })
    }
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

fn same_or_silent(
    store: &Store,
    one: Symbol,
    other: Symbol,
    equal: impl Fn(&str, &str) -> bool,
) -> bool {
    one == Symbol::NONE
        || other == Symbol::NONE
        || one == other
        || equal(text(store, one), text(store, other))
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
#[inline(never)]
pub fn rebuild(
    store: &Store,
    hosts: &[(Option<String>, String)],
    rank: &[u32],
    keep: impl Fn(EventNumber) -> bool,
) -> Vec<Process> {
    // A log has few guests and a million lines: each spelling is folded once.
    let mut by_label: BTreeMap<String, usize> = BTreeMap::new();
    let mut place_of: HashMap<(Symbol, Option<usize>), usize, FixedState> =
        HashMap::with_hasher(FixedState::with_seed(0));
    let mut of_hosts: Vec<Vec<Report>> = Vec::new();
    let mut starts = 0;
    let is_process = |at: &FactAt<'_>| at.is(FactKind::Process) && keep(at.event());
    let all = store.facts.iter().enumerate();
    for (place_of_fact, at) in all.filter(|(_, at)| is_process(at)) {
        let event = at.event();
        let Some(fact) = at.process() else { continue };
        let symbol = store.columns.host.get(event as usize);
        let symbol = symbol.unwrap_or_default();
        let item = || store.item_of(event) as usize;
        let by_item = (symbol == Symbol::NONE).then(item);
        let place = *place_of.entry((symbol, by_item)).or_insert_with(|| {
            let label = host_label(host_of(store, hosts, event));
            *by_label.entry(label).or_insert_with(|| {
                of_hosts.push(Vec::new());
                of_hosts.len() - 1
            })
        });
        let ended = store.columns.kind(event as usize) == EventKind::ProcessEnd;
        starts += usize::from(!ended);
        if let Some(reports) = of_hosts.get_mut(place) {
            let stamp = || store.stamp(event).map(|stamp| stamp.instant);
            let time = fact.started.or_else(stamp);
            make_room(reports, 1);
            reports.push(Report {
                ns: time.map_or(i64::MAX, |time| time.ns),
                digits: time.map_or(0, |time| time.digits),
                ended,
                fact: u32::try_from(place_of_fact).unwrap_or(u32::MAX),
            });
        }
    }
    // Room for all at once: as the list grows it would be there twice.
    let mut all: Vec<Process> = Vec::with_capacity(starts);
    for place in by_label.into_values() {
        let reports = of_hosts.get_mut(place).map(std::mem::take);
        of_host(store, hosts, reports.unwrap_or_default(), rank, &mut all);
    }
    // Several sources may tell of each start.
    all.shrink_to_fit();
    all
}

/// The guest of an event, as its evidence spells it.
fn host_of<'a>(
    store: &'a Store,
    hosts: &'a [(Option<String>, String)],
    event: EventNumber,
) -> &'a str {
    let of_item = |item: u32| hosts.get(item as usize)?.0.as_deref();
    store.host_of(event, of_item).unwrap_or("")
}

/// Adds the processes of one host, parents known.
fn of_host(
    store: &Store,
    hosts: &[(Option<String>, String)],
    mut reports: Vec<Report>,
    rank: &[u32],
    all: &mut Vec<Process>,
) {
    let first = all.len();
    // Most times differ: places are looked up for equal ones only. A log is in its own order mostly, and looking takes no memory, as sorting does.
    let compare = |one: &Report, other: &Report| {
        let place = |report: &Report| store.place(report.event(store), rank);
        one.ns
            .cmp(&other.ns)
            .then_with(|| place(one).cmp(&place(other)))
    };
    if !reports.is_sorted_by(|one, next| compare(one, next).is_le()) {
        reports.sort_by(compare);
    }
    // Reports of one guest mostly spell it alike.
    let mut host: Arc<str> = "".into();
    let mut by_pid = ByPid::default();
    let mut claims: Vec<Sparse<Claims>> = Vec::with_capacity(reports.len());
    for report in reports {
        let Some(at) = store.facts.get(report.fact as usize) else {
            continue;
        };
        let (event, Some(fact)) = (at.event(), at.process()) else {
            continue;
        };
        if report.ended {
            let open = by_pid.latest_first(fact.pid).find(|at| {
                all.get(first + *at).is_some_and(|process| {
                    process.further.ended.is_none() && is_entity(process, fact.entity)
                })
            });
            if let Some(process) = open.and_then(|at| all.get_mut(first + at)) {
                process.further.ended = report.time();
                process.further.exit_code = fact.exit_code;
                process.events.push(event);
            }
            continue;
        }
        // They are in order of their starts: what began too long before ends the search.
        let since = report
            .time()
            .map(|time| time.ns.saturating_sub(ONE_START_NS));
        let known = by_pid.latest_first(fact.pid);
        let near = known.filter_map(|at| Some((at, all.get(first + at)?)));
        let same = near
            .filter(|_| since.is_some())
            .take_while(|(_, process)| process.started().is_none_or(|time| Some(time.ns) >= since))
            .find(|(_, process)| is_report_of(store, process, &report, &fact))
            .map(|(at, _)| at);
        if let Some(at) = same
            && let (Some(process), Some(of_parent)) = (all.get_mut(first + at), claims.get_mut(at))
        {
            process.take(store, event, &fact);
            of_parent.take(&fact);
            continue;
        }
        let spelled = host_of(store, hosts, event);
        if &*host != spelled {
            host = spelled.into();
        }
        let mut process = Process::begun(Arc::clone(&host), report.time());
        process.take(store, event, &fact);
        all.push(process);
        claims.push(Sparse::default());
        if let Some(of_parent) = claims.last_mut() {
            of_parent.take(&fact);
        }
        by_pid.push(fact.pid);
    }
    let found = all.get_mut(first..).unwrap_or_default();
    link(store, found, &claims);
    for process in found {
        process.set_parent(process.parent().map(|parent| parent + first));
    }
}

/// Processes by their ids, which come round again: the latest of each, and of each the one before.
#[derive(Default)]
struct ByPid {
    latest: HashMap<u64, u32, FixedState>,
    /// [`NONE`] where there is none before.
    before: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl ByPid {
    /// Adds the next process of the list.
    fn push(&mut self, pid: Option<u64>) {
        let at = u32::try_from(self.before.len()).unwrap_or(NONE);
        let before = pid.and_then(|pid| self.latest.insert(pid, at));
        make_room(&mut self.before, 1);
        self.before.push(before.unwrap_or(NONE));
    }

    /// The processes with an id, the latest first.
    fn latest_first(&self, pid: Option<u64>) -> impl Iterator<Item = usize> {
        let latest = pid.and_then(|pid| self.latest.get(&pid).copied());
        std::iter::successors(latest.map(|at| at as usize), |at| self.before(*at))
    }

    /// The process before one that has its id.
    fn before(&self, at: usize) -> Option<usize> {
        let before = self.before.get(at).copied();
        before
            .filter(|before| *before != NONE)
            .map(|at| at as usize)
    }
}

fn is_entity(process: &Process, entity: Symbol) -> bool {
    let known = &process.further.entities;
    entity == Symbol::NONE || !known.first.is_some() || known.iter().any(|one| one == entity)
}

/// Whether a start report tells of this process again.
fn is_report_of(store: &Store, process: &Process, report: &Report, fact: &ProcessFact) -> bool {
    let near = match (process.started(), report.time()) {
        (Some(one), Some(other)) => (other.ns - one.ns).abs() <= ONE_START_NS,
        _ => false,
    };
    // A source that names its processes apart never reports one twice under two names; another source's name is not comparable.
    near && process.further.ended.is_none()
        && same_or_silent(store, process.image, fact.image, same_file)
        && same_or_silent(store, process.command_line, fact.command_line, same_words)
}

/// Finds parents among the processes of one host, which are in order of their starts.
fn link(store: &Store, found: &mut [Process], claims: &[Sparse<Claims>]) {
    // Only looked up: its order shows nowhere.
    let mut by_entity: HashMap<Symbol, usize, FixedState> =
        HashMap::with_hasher(FixedState::with_seed(0));
    for (at, process) in found.iter().enumerate() {
        for entity in process.further.entities.iter() {
            by_entity.entry(entity).or_insert(at);
        }
    }
    // Both grow along the list: what began before a child, and what began no later than a parent of it may have.
    let mut earlier = ByPid::default();
    let mut begun = ByPid::default();
    let parents: Vec<Option<usize>> = found
        .iter()
        .zip(claims)
        .enumerate()
        .map(|(at, (child, claims))| {
            earlier.push(child.pid());
            let latest = child.started().map(|time| time.ns.saturating_add(SLACK_NS));
            while let Some(next) = found.get(begun.before.len()) {
                if next.started().is_none_or(|time| Some(time.ns) > latest) {
                    break;
                }
                begun.push(next.pid());
            }
            let named = claims
                .entities
                .iter()
                .find_map(|entity| by_entity.get(&entity));
            if let Some(parent) = named.filter(|parent| **parent != at) {
                return Some(*parent);
            }
            child.pid()?;
            // The same process with a new image (`exec`): what it was before.
            let before = earlier.before(at).filter(|before| {
                found.get(*before).is_some_and(|process| {
                    process.further.ended.is_none()
                        && process.parent_pid().is_some()
                        && process.parent_pid() == child.parent_pid()
                })
            });
            before.or_else(|| {
                let mut candidates = begun.latest_first(child.parent_pid());
                candidates.find(|parent| {
                    *parent != at
                        && found
                            .get(*parent)
                            .is_some_and(|parent| may_be_parent(store, parent, child, claims))
                })
            })
        })
        .collect();
    for (process, parent) in found.iter_mut().zip(parents) {
        process.set_parent(parent);
    }
}

fn may_be_parent(store: &Store, parent: &Process, child: &Process, claims: &Claims) -> bool {
    let (Some(parent_start), Some(start)) = (parent.started(), child.started()) else {
        return false;
    };
    let told = claims
        .started
        .is_none_or(|told| (told.ns - parent_start.ns).abs() <= ONE_START_NS);
    told && parent_start.ns <= start.ns + SLACK_NS
        && parent
            .further
            .ended
            .is_none_or(|ended| ended.ns + SLACK_NS >= start.ns)
        && same_or_silent(store, child.parent_image, parent.image, same_file)
}

/// The processes below one, itself first, in order of the list.
#[must_use]
pub fn descendants(all: &[Process], of: usize) -> Vec<usize> {
    let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, process) in all.iter().enumerate() {
        if let Some(parent) = process.parent() {
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
