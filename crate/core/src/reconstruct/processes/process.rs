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
    pub(crate) image: Symbol,
    pub(crate) command_line: Symbol,
    pub(super) directory: Symbol,
    pub(super) user: Symbol,
    pub(super) logon: Symbol,
    pub(crate) parent_image: Symbol,
    /// First report of its start.
    pub started: Option<Instant>,
    /// Events that report it, in time order.
    pub events: Reports,
    /// What an audit log does not say.
    pub(crate) further: Sparse<Further>,
}

/// What some sources say of a process beyond what all say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Further {
    /// Its end.
    pub ended: Option<Instant>,
    /// Exit code.
    pub exit_code: Option<i64>,
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

pub(super) fn text(store: &Store, symbol: Symbol) -> &str {
    store.text(symbol).unwrap_or("")
}

impl Process {
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
        self.pid = self.pid.or(fact.pid);
        self.parent_pid = self.parent_pid.or(fact.parent_pid);
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
