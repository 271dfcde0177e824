//! One process, as its reports told of it.
//!
//! A guest starts a million processes, and an audit log says little of each: who started it, with which line. What only some sources know (an
//! end, an integrity level, ids of their own) is kept apart from that, and takes room only where it is said.

use crate::case::store::{EventNumber, Store};
use crate::event::fact::ProcessFact;
use crate::event::intern::Symbol;
use crate::event::sparse::{SaysNothing, Sparse};
use crate::time::Instant;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Guest as its evidence spells it.
    pub host: Arc<str>,
    started_ns: i64,
    started_digits: u8,
    pid: u32,
    parent_pid: u32,
    parent: u32,
    pub(crate) image: Symbol,
    pub(crate) command_line: Symbol,
    pub(super) directory: Symbol,
    pub(super) user: Symbol,
    pub(super) logon: Symbol,
    pub(crate) parent_image: Symbol,
    /// Events that report it, in time order.
    pub events: Reports,
    /// What an audit log does not say.
    pub(crate) further: Sparse<Further>,
}

/// An id, a position or a time that is missing, or an id that is kept with what only some sources say.
const NOT_HERE: u32 = u32::MAX;
const NO_TIME: i64 = i64::MAX;

impl Default for Process {
    fn default() -> Self {
        Self {
            host: Arc::default(),
            started_ns: NO_TIME,
            started_digits: 0,
            pid: NOT_HERE,
            parent_pid: NOT_HERE,
            parent: NOT_HERE,
            image: Symbol::NONE,
            command_line: Symbol::NONE,
            directory: Symbol::NONE,
            user: Symbol::NONE,
            logon: Symbol::NONE,
            parent_image: Symbol::NONE,
            events: Reports::default(),
            further: Sparse::default(),
        }
    }
}

/// What some sources say of a process beyond what all say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Further {
    /// Its end.
    pub ended: Option<Instant>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Its id and its parent's where they take more than 32 bits, as no system's do.
    wide_pid: Option<u64>,
    wide_parent_pid: Option<u64>,
    /// The parent's command line.
    pub(crate) parent_command_line: Symbol,
    integrity: Symbol,
    grandparent_image: Symbol,
    pub(super) entities: Few,
}

static NOTHING_FURTHER: LazyLock<Further> = LazyLock::new(Further::default);

impl SaysNothing for Further {
    fn nothing() -> &'static Self {
        &NOTHING_FURTHER
    }
}

/// The events that report a process. One where its source reports starts only, and a case has a million of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reports {
    /// The report of its start.
    One(EventNumber),
    /// Any number of them.
    Many(Vec<EventNumber>),
}

impl Default for Reports {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Deref for Reports {
    type Target = [EventNumber];

    fn deref(&self) -> &[EventNumber] {
        match self {
            Self::One(event) => std::slice::from_ref(event),
            Self::Many(events) => events,
        }
    }
}

impl Reports {
    pub(super) fn push(&mut self, event: EventNumber) {
        match self {
            Self::Many(events) if events.is_empty() => *self = Self::One(event),
            Self::Many(events) => events.push(event),
            Self::One(first) => *self = Self::Many(vec![*first, event]),
        }
    }
}

/// Ids that the sources gave; nearly always one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Few {
    pub(super) first: Symbol,
    more: Box<[Symbol]>,
}

impl Few {
    pub(super) fn push(&mut self, symbol: Symbol) {
        if symbol == Symbol::NONE {
            return;
        }
        if self.first == Symbol::NONE {
            self.first = symbol;
        } else {
            self.more = self.more.iter().copied().chain([symbol]).collect();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        let first = Some(self.first).filter(|first| first.is_some());
        first.into_iter().chain(self.more.iter().copied())
    }
}

fn here(id: u32) -> Option<u64> {
    (id != NOT_HERE).then_some(u64::from(id))
}

pub(super) fn text(store: &Store, symbol: Symbol) -> &str {
    store.text(symbol).unwrap_or("")
}

impl Process {
    /// A process of a guest that began then, of which nothing else is known.
    pub(super) fn begun(host: Arc<str>, started: Option<Instant>) -> Self {
        Self {
            host,
            started_ns: started.map_or(NO_TIME, |time| time.ns),
            started_digits: started.map_or(0, |time| time.digits),
            ..Self::default()
        }
    }

    /// First report of its start.
    #[must_use]
    pub fn started(&self) -> Option<Instant> {
        (self.started_ns != NO_TIME).then_some(Instant {
            ns: self.started_ns,
            digits: self.started_digits,
        })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> Option<u64> {
        here(self.pid).or(self.further.wide_pid)
    }

    /// Parent's process id.
    #[must_use]
    pub fn parent_pid(&self) -> Option<u64> {
        here(self.parent_pid).or(self.further.wide_parent_pid)
    }

    /// Parent by position in the list.
    #[must_use]
    pub fn parent(&self) -> Option<usize> {
        (self.parent != NOT_HERE).then_some(self.parent as usize)
    }

    pub(super) fn set_parent(&mut self, parent: Option<usize>) {
        let parent = parent.and_then(|parent| u32::try_from(parent).ok());
        self.parent = parent.unwrap_or(NOT_HERE);
    }

    fn take_ids(&mut self, fact: &ProcessFact) {
        let narrow = |id: Option<u64>| {
            let narrow = id.and_then(|id| u32::try_from(id).ok());
            narrow.unwrap_or(NOT_HERE)
        };
        if self.pid().is_none() && fact.pid.is_some() {
            self.pid = narrow(fact.pid);
            if self.pid == NOT_HERE {
                self.further.wide_pid = fact.pid;
            }
        }
        if self.parent_pid().is_none() && fact.parent_pid.is_some() {
            self.parent_pid = narrow(fact.parent_pid);
            if self.parent_pid == NOT_HERE {
                self.further.wide_parent_pid = fact.parent_pid;
            }
        }
    }

    /// The sources' own ids of it.
    pub fn entities(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.further.entities.iter()
    }

    /// All that may say which script it runs: its command line, its folder, its parent.
    pub(in crate::reconstruct) fn of_script(&self) -> [Symbol; 4] {
        [
            self.command_line,
            self.directory,
            self.parent_image,
            self.further.parent_command_line,
        ]
    }

    /// Executable.
    #[must_use]
    pub fn image<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.image)
    }

    /// Command line.
    #[must_use]
    pub fn command_line<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.command_line)
    }

    /// Working directory.
    #[must_use]
    pub fn directory<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.directory)
    }

    /// Account.
    #[must_use]
    pub fn user<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.user)
    }

    /// Integrity level.
    #[must_use]
    pub fn integrity<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.further.integrity)
    }

    /// Log-on session.
    #[must_use]
    pub fn logon<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.logon)
    }

    /// Parent's executable, also where the parent itself was not seen.
    #[must_use]
    pub fn parent_image<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.parent_image)
    }

    /// Parent's command line.
    #[must_use]
    pub fn parent_command_line<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.further.parent_command_line)
    }

    /// Grandparent's executable.
    #[must_use]
    pub fn grandparent_image<'a>(&self, store: &'a Store) -> &'a str {
        text(store, self.further.grandparent_image)
    }

    /// Adds what a report says; what is known stays.
    pub(super) fn take(&mut self, store: &Store, event: EventNumber, fact: &ProcessFact) {
        self.take_ids(fact);
        // A full path says more than a name.
        let is_path = |symbol| text(store, symbol).contains(['/', '\\']);
        if self.image == Symbol::NONE
            || (self.image != fact.image && !is_path(self.image) && is_path(fact.image))
        {
            self.image = fact.image;
        }
        let fill = |slot: &mut Symbol, symbol: Symbol| {
            if *slot == Symbol::NONE {
                *slot = symbol;
            }
        };
        fill(&mut self.command_line, fact.command_line);
        fill(&mut self.directory, fact.directory);
        fill(&mut self.user, fact.user);
        fill(&mut self.logon, fact.logon);
        fill(&mut self.parent_image, fact.parent_image);
        let said = [
            fact.parent_command_line,
            fact.integrity,
            fact.grandparent_image,
            fact.entity,
        ];
        if said.into_iter().any(Symbol::is_some) {
            let further = &mut *self.further;
            fill(&mut further.parent_command_line, fact.parent_command_line);
            fill(&mut further.integrity, fact.integrity);
            fill(&mut further.grandparent_image, fact.grandparent_image);
            further.entities.push(fact.entity);
        }
        self.events.push(event);
    }
}
