//! Guest runs: everything that mentions one execution, folded by host, family, name and sequence number (detectors 0.6).
//!
//! A run exists where something *ran*: the handler said it executes or executed, a script or its output lies on the disk, or a status of
//! an enabling operation is terminal. The agent calling enable is no proof: it does so at every boot and for every new goal state, and
//! the handler then finds the number already processed and stops.
//!
//! ```text
//! waagent.log   Executing command … enable            number 3 exists
//! handler.log   executing command … executed command  number 3 ran, exit code 0
//! 3.status      success, timestampUTC                 …and ended then
//! script.sh, stdout, stderr                           …and this is what it was
//! ```
//!
//! Rejected: counting enable lines. A reboot would double the incident.

mod again;

use crate::case::store::{EventNumber, Store};
use crate::event::EventKind;
use crate::event::fact::{GuestSaid, ProcessFact, RunState, StatusSaid};
use crate::event::facts::FactKind;
use crate::event::intern::{Interner, Symbol};
use crate::evidence::layout::{Family, Os};
use crate::identity::host_label;
use crate::record::run_mention::{self, Mention};
use crate::time::{Instant, NS_PER_SECOND};
use std::collections::BTreeMap;

/// A script as a run delivered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunScript {
    /// Lower-case hex over all of its bytes.
    pub sha256: String,
    /// All of its bytes.
    pub bytes: u64,
    /// Its text, as far as the limit `kept_text_bytes` allows.
    pub text: String,
}

/// One execution seen on a guest.
#[derive(Clone, Debug)]
pub struct Run {
    /// The guest, as its evidence spells it.
    pub host: Option<String>,
    /// Its system.
    pub os: Os,
    /// Which feature ran it.
    pub family: Family,
    /// Managed run-command or extension name.
    pub name: Option<String>,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// First sign of it, by the guest's clock.
    pub started: Option<Instant>,
    /// Its end, by the guest's clock.
    pub ended: Option<Instant>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// How it ended.
    pub state: RunState,
    /// The script.
    pub script: Option<RunScript>,
    /// Standard output: the file, else what the status kept.
    pub stdout: Option<String>,
    /// Standard error: the file, else what the status kept.
    pub stderr: Option<String>,
    /// Every event that mentions it, in time order.
    pub events: Vec<EventNumber>,
}

/// What names a run: host label, family, name, sequence, and a number of its own where it has no sequence.
type RunKey = (String, Family, String, Option<i64>, u64);

/// One mention of a run. A log has a million of them, so each is small: its guest is its event's, its name a number.
#[derive(Clone, Copy)]
struct Heard<'a> {
    /// When, `i64::MAX` where that is unknown; an [`Instant`] that may be missing takes three times as much.
    ns: i64,
    event: EventNumber,
    /// The run's name as this mention spells it.
    name: Symbol,
    said: &'a GuestSaid,
    digits: u8,
}

impl Heard<'_> {
    fn time(&self) -> Option<Instant> {
        (self.ns != i64::MAX).then_some(Instant {
            ns: self.ns,
            digits: self.digits,
        })
    }
}

/// Everything said of one key.
#[derive(Default)]
struct Mentions<'a> {
    os: Option<Os>,
    said: Vec<Heard<'a>>,
}

/// What the mentions are of.
struct Source<'a> {
    store: &'a Store,
    /// Each item's host and, where there is none, the root that keeps nameless guests apart.
    hosts: &'a [(Option<String>, String)],
    rank: &'a [u32],
}

impl<'a> Source<'a> {
    /// The guest as an event spells it, else as its item does.
    fn host(&self, event: EventNumber) -> Option<&'a str> {
        let of_item = |item: u32| self.hosts.get(item as usize)?.0.as_deref();
        self.store.host_of(event, of_item)
    }
}

/// Folds all guest facts of the events that `keep` lets through. `hosts` gives each item's host and, where there is none, the root that
/// keeps nameless guests apart.
#[must_use]
#[inline(never)]
pub fn fold(
    store: &Store,
    hosts: &[(Option<String>, String)],
    rank: &[u32],
    keep: impl Fn(EventNumber) -> bool,
) -> Vec<Run> {
    let source = Source { store, hosts, rank };
    let (mut keys, names) = by_key(&source, keep);
    join_nameless(&mut keys);
    let mut runs: Vec<Run> = keys
        .into_iter()
        .flat_map(|(key, mentions)| {
            let apart = again::executions_apart(mentions);
            apart
                .into_iter()
                .map(move |mentions| (key.clone(), mentions))
        })
        .filter(|(_, mentions)| {
            mentions
                .said
                .iter()
                .any(|heard| proves_execution(heard.said))
        })
        .map(|((_, family, name, sequence, _), mentions)| {
            run(&source, &names, family, &name, sequence, mentions)
        })
        .collect();
    runs.shrink_to_fit();
    runs.sort_by_key(|run| run.started.or(run.ended).map_or(i64::MAX, |time| time.ns));
    runs
}

/// What is said of each key, and the texts of the names in it.
#[inline(never)]
fn by_key<'a>(
    source: &Source<'a>,
    keep: impl Fn(EventNumber) -> bool,
) -> (BTreeMap<RunKey, Mentions<'a>>, Interner) {
    let Source { store, hosts, rank } = *source;
    // A log mentions its few runs a million times: texts are folded once each, and numbers stand for them meanwhile.
    let mut folded = Interner::default();
    let mut label_of: BTreeMap<(Symbol, Option<usize>), Symbol> = BTreeMap::new();
    let mut name_of: BTreeMap<Symbol, (Symbol, Symbol)> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    let mut place: BTreeMap<(Symbol, Family, Symbol, Option<i64>, u64), usize> = BTreeMap::new();
    let mut said_of: Vec<Mentions<'a>> = Vec::new();
    for at in store.facts.iter() {
        let event = at.event();
        let (is_guest, is_process) = (at.is(FactKind::Guest), at.is(FactKind::Process));
        if !(is_guest || is_process) || !keep(event) {
            continue;
        }
        let (family, os, name, sequence, said) = match (at.guest(), at.process()) {
            (Some(fact), _) => {
                let name = *name_of.entry(fact.name).or_insert_with(|| {
                    let name = store.text(fact.name).unwrap_or("");
                    (folded.intern(&name.to_lowercase()), folded.intern(name))
                });
                (fact.family, fact.os, name, fact.sequence, fact.said)
            }
            // The kernel's audit knows nothing of run commands, but a shell that is started from a script's path is one.
            (_, Some(process)) => match script_process(store, event, &process, &mut lines) {
                Some(found) => {
                    let name = found.name.as_deref().unwrap_or("");
                    (
                        found.family,
                        found.os,
                        (folded.intern(&name.to_lowercase()), folded.intern(name)),
                        Some(found.sequence),
                        &GuestSaid::Process,
                    )
                }
                None => continue,
            },
            _ => continue,
        };
        let item = store.item_of(event) as usize;
        let symbol = store.columns.host.get(event as usize);
        let symbol = symbol.unwrap_or_default();
        let by_item = (symbol == Symbol::NONE).then_some(item);
        let label = *label_of.entry((symbol, by_item)).or_insert_with(|| {
            // `//` cannot begin a host's label: nameless guests are kept apart by their root.
            folded.intern(&source.host(event).map_or_else(
                || format!("//{}", hosts.get(item).map_or("", |(_, root)| root)),
                host_label,
            ))
        });
        let alone = if sequence.is_none() {
            let place = rank.get(item).copied().map_or(0, u64::from) << 40;
            (place | store.span(event).offset) + 1
        } else {
            0
        };
        let (folded_name, name) = name;
        let key = (label, family, folded_name, sequence, alone);
        let at = *place.entry(key).or_insert_with(|| {
            said_of.push(Mentions::default());
            said_of.len() - 1
        });
        let Some(mentions) = said_of.get_mut(at) else {
            continue;
        };
        mentions.os = mentions.os.or(Some(os));
        let time = store.stamp(event).map(|stamp| stamp.instant);
        mentions.said.push(Heard {
            ns: time.map_or(i64::MAX, |time| time.ns),
            event,
            name,
            said,
            digits: time.map_or(0, |time| time.digits),
        });
    }
    let keys = place
        .into_iter()
        .map(|((label, family, name, sequence, alone), at)| {
            let key = (
                folded.text(label).to_owned(),
                family,
                folded.text(name).to_owned(),
                sequence,
                alone,
            );
            (
                key,
                said_of.get_mut(at).map(std::mem::take).unwrap_or_default(),
            )
        })
        .collect();
    (keys, folded)
}

/// The execution whose script a process of Linux was started from. What Windows and sensors report says so itself.
fn script_process<'a>(
    store: &Store,
    event: EventNumber,
    process: &ProcessFact,
    known: &'a mut BTreeMap<Symbol, Option<Mention>>,
) -> Option<&'a Mention> {
    if store.columns.kind(event as usize) == EventKind::ProcessEnd {
        return None;
    }
    let line = store.text(process.command_line)?;
    if !run_mention::may_name_place(line) {
        return None;
    }
    // The shell, what it becomes and what it starts have one line.
    let found = known.entry(process.command_line);
    let found = found.or_insert_with(|| run_mention::of_linux_process(line));
    found.as_ref()
}

/// Some sources know a run's name and others only its number: where one name alone has that number on that guest, both speak of it.
fn join_nameless(keys: &mut BTreeMap<RunKey, Mentions<'_>>) {
    let nameless: Vec<RunKey> = keys
        .keys()
        .filter(|(_, family, name, sequence, _)| {
            let may_have_one = matches!(family, Family::Managed | Family::Extension);
            may_have_one && name.is_empty() && sequence.is_some()
        })
        .cloned()
        .collect();
    for key in nameless {
        let from = (key.0.clone(), key.1, String::new(), None, 0);
        let mut named = keys
            .range(from..)
            .map(|(key, _)| key)
            .take_while(|other| (&other.0, other.1) == (&key.0, key.1))
            .filter(|other| !other.2.is_empty() && other.3 == key.3);
        let (Some(only), None) = (named.next().cloned(), named.next()) else {
            continue;
        };
        let Some(mentions) = keys.remove(&key) else {
            continue;
        };
        if let Some(run) = keys.get_mut(&only) {
            run.os = run.os.or(mentions.os);
            run.said.extend(mentions.said);
        }
    }
}

fn proves_execution(said: &GuestSaid) -> bool {
    match said {
        GuestSaid::Executing
        | GuestSaid::Executed { .. }
        | GuestSaid::Script { .. }
        | GuestSaid::ScriptWritten
        | GuestSaid::ScriptBlock { .. }
        | GuestSaid::Process
        | GuestSaid::Stdout { .. }
        | GuestSaid::Stderr { .. }
        | GuestSaid::Result(_) => true,
        GuestSaid::Status(status) => !matches!(status.state, RunState::Running | RunState::Unknown),
        _ => false,
    }
}

fn run(
    source: &Source<'_>,
    names: &Interner,
    family: Family,
    name: &str,
    sequence: Option<i64>,
    mentions: Mentions<'_>,
) -> Run {
    let mut said = mentions.said;
    // Places are looked up for equal times only: most times differ.
    said.sort_by(|one, other| {
        let place = |heard: &Heard<'_>| source.store.place(heard.event, source.rank);
        one.ns
            .cmp(&other.ns)
            .then_with(|| place(one).cmp(&place(other)))
    });
    // What the last word of an event spells, of the first event that has it.
    let mut events = said.chunk_by(|one, other| one.event == other.event);
    let spelled = events.find_map(|of_event| {
        let mut words = of_event.iter().rev().map(|heard| names.text(heard.name));
        words.find(|name| !name.is_empty())
    });
    let host = said.iter().find_map(|heard| source.host(heard.event));
    let mut run = Run {
        host: host.map(str::to_owned),
        os: mentions.os.unwrap_or(Os::Linux),
        family,
        name: spelled
            .map(str::to_owned)
            .or_else(|| (!name.is_empty()).then(|| name.to_owned())),
        sequence,
        started: None,
        ended: None,
        exit_code: None,
        state: RunState::Unknown,
        script: None,
        stdout: None,
        stderr: None,
        events: said.iter().map(|heard| heard.event).collect(),
    };
    // One row may name the run and be the process that shows it.
    run.events.dedup();
    run.times(&said);
    run.outcome(&said);
    run.texts(&said);
    run
}

type Said<'a> = [Heard<'a>];

impl Run {
    /// Start: the earliest sign that leads to the execution. End: the terminal status, else the handler's last word.
    fn times(&mut self, said: &Said<'_>) {
        let earliest = |times: &mut dyn Iterator<Item = Instant>| times.min_by_key(|time| time.ns);
        let latest = |times: &mut dyn Iterator<Item = Instant>| times.max_by_key(|time| time.ns);
        let leads_since = Self::leads_since(said);
        let leads = |time: Option<Instant>| time.filter(|time| time.ns >= leads_since);
        self.started = earliest(&mut said.iter().filter_map(|heard| match heard.said {
            GuestSaid::Executing
            | GuestSaid::HandlerStarted
            | GuestSaid::SequenceSaved
            | GuestSaid::EnableCalled
            | GuestSaid::ScriptBlock { .. }
            | GuestSaid::Process
            | GuestSaid::FileWritten
            | GuestSaid::ScriptWritten
            | GuestSaid::Placeholder => leads(heard.time()),
            GuestSaid::Status(status) => status.started,
            _ => None,
        }));
        let by_status = latest(&mut said.iter().filter_map(|heard| match heard.said {
            GuestSaid::Status(status) if terminal(status) => status.ended.or(heard.time()),
            _ => None,
        }));
        // A later re-enable also says `end`: only the first end after the execution counts.
        let executed = said.iter().find_map(|heard| match heard.said {
            GuestSaid::Executed { .. } => heard.time(),
            _ => None,
        });
        let by_handler = executed.and_then(|executed| {
            earliest(&mut said.iter().filter_map(|heard| {
                heard.time().filter(|time| {
                    matches!(heard.said, GuestSaid::HandlerEnded) && time.ns >= executed.ns
                })
            }))
        });
        self.ended = by_status.or(by_handler).or(executed);
        if let (Some(started), Some(ended)) = (self.started, self.ended) {
            // Signs after the end are re-enables, not the start; within the same second they are times that were cut.
            if started.ns >= ended.ns.saturating_add(NS_PER_SECOND) {
                self.started = None;
            } else if started.ns > ended.ns {
                self.started = Some(ended);
            }
        } else if self.started.is_none() {
            self.started = executed;
        }
        if self.started.is_none() {
            // The agent writes a number's settings just before it has it enabled.
            self.started = earliest(&mut said.iter().filter_map(|heard| {
                leads(heard.time()).filter(|time| {
                    matches!(heard.said, GuestSaid::SettingsUpdated)
                        && self.ended.is_none_or(|ended| time.ns <= ended.ns)
                })
            }));
        }
    }

    /// From when on signs lead to this execution. A number that began again was enabled before, too, perhaps days ago; what leads to an execution
    /// lies minutes before its first word, or as long before its end as a script may last.
    fn leads_since(said: &Said<'_>) -> i64 {
        let ran = said.iter().filter_map(|heard| match heard.said {
            GuestSaid::Executing | GuestSaid::Process | GuestSaid::ScriptBlock { .. } => {
                heard.time()
            }
            GuestSaid::Status(status) => status.started,
            _ => None,
        });
        let ended = said.iter().filter_map(|heard| match heard.said {
            GuestSaid::Executed { .. } => heard.time(),
            GuestSaid::Status(status) if terminal(status) => status.ended.or(heard.time()),
            _ => None,
        });
        let ran = ran.map(|time| time.ns.saturating_sub(again::LEADING)).min();
        let ended = ended
            .map(|time| time.ns.saturating_sub(again::LONGEST))
            .min();
        ran.or(ended).unwrap_or(i64::MIN)
    }

    /// Exit code and state. The handler's log knows the exit code that an action's status hides.
    fn outcome(&mut self, said: &Said<'_>) {
        for heard in said {
            match heard.said {
                GuestSaid::Executed { exit_code, error } => {
                    self.exit_code = exit_code.or(self.exit_code);
                    let failed = error.is_some() || exit_code.is_some_and(|code| code != 0);
                    self.state = if failed {
                        RunState::Failed
                    } else {
                        RunState::Succeeded
                    };
                }
                GuestSaid::Executing | GuestSaid::Process | GuestSaid::ScriptBlock { .. }
                    if self.state == RunState::Unknown =>
                {
                    self.state = RunState::Running
                }
                _ => {}
            }
        }
        for heard in said {
            let (GuestSaid::Status(status) | GuestSaid::Result(status)) = heard.said else {
                continue;
            };
            self.exit_code = self.exit_code.or(status.exit_code);
            let better = match status.state {
                RunState::Failed | RunState::TimedOut => true,
                RunState::Succeeded => matches!(self.state, RunState::Unknown | RunState::Running),
                RunState::Running => self.state == RunState::Unknown,
                RunState::Unknown => false,
            };
            if better {
                self.state = status.state;
            }
        }
        if self.exit_code.is_some_and(|code| code != 0) && self.state == RunState::Succeeded {
            self.state = RunState::Failed;
        }
    }

    /// Script and output, by trust: the file on the disk before the settings, before what a status kept.
    fn texts(&mut self, said: &Said<'_>) {
        for heard in said {
            match heard.said {
                GuestSaid::Script {
                    text,
                    bytes,
                    sha256,
                } if self.script.is_none() => {
                    self.script = Some(RunScript {
                        sha256: sha256.clone(),
                        bytes: *bytes,
                        text: text.clone(),
                    });
                }
                GuestSaid::Stdout { text, .. } if self.stdout.is_none() => {
                    self.stdout = Some(text.clone())
                }
                GuestSaid::Stderr { text, .. } if self.stderr.is_none() => {
                    self.stderr = Some(text.clone())
                }
                _ => {}
            }
        }
        if self.script.is_none() {
            self.script = script_block(said);
        }
        for heard in said {
            match heard.said {
                GuestSaid::Settings(settings) if self.script.is_none() => {
                    self.script = settings.script.as_ref().map(|text| RunScript {
                        sha256: crate::evidence::hash::sha256(text.as_bytes()),
                        bytes: text.len() as u64,
                        text: text.clone(),
                    });
                }
                GuestSaid::Status(status) | GuestSaid::Result(status) => {
                    self.stdout = self.stdout.take().or_else(|| status.stdout.clone());
                    self.stderr = self.stderr.take().or_else(|| status.stderr.clone());
                }
                _ => {}
            }
        }
    }
}

/// The script as PowerShell logged it: the parts of one block in order, where all are there; the block with most parts, then the first by time.
fn script_block(said: &Said<'_>) -> Option<RunScript> {
    type Block<'a> = (i64, BTreeMap<i64, &'a str>, usize);
    let mut blocks: BTreeMap<&str, Block<'_>> = BTreeMap::new();
    for (at, heard) in said.iter().enumerate() {
        if let GuestSaid::ScriptBlock {
            block,
            part,
            parts,
            text,
        } = heard.said
        {
            let entry = blocks
                .entry(block)
                .or_insert_with(|| (*parts, BTreeMap::new(), at));
            entry.1.insert(*part, text);
        }
    }
    let whole = blocks
        .into_values()
        .filter(|(parts, texts, _)| i64::try_from(texts.len()).ok() == Some(*parts));
    let (_, texts, _) = whole.min_by_key(|(parts, _, at)| (-parts, *at))?;
    let text: String = texts.into_values().collect();
    Some(RunScript {
        sha256: crate::evidence::hash::sha256(text.as_bytes()),
        bytes: text.len() as u64,
        text,
    })
}

fn terminal(status: &StatusSaid) -> bool {
    !matches!(status.state, RunState::Running | RunState::Unknown)
}
