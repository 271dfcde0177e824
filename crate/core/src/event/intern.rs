//! Strings by number.
//!
//! Hosts, callers, operations and resource ids repeat a million times; an event keeps a [`Symbol`]
//! of four bytes instead. Symbol 0 is the absent text.
//!
//! ```
//! use runlens_core::event::intern::{Interner, Symbol};
//! let mut names = Interner::default();
//! let alice = names.intern("alice@contoso.example");
//! assert_eq!(names.text(alice), "alice@contoso.example");
//! assert_eq!(names.intern(""), Symbol::NONE);
//! ```
//!
//! Rejected: `HashMap<String, u32>` with a second `Vec<String>`: every text twice, one allocation
//! each. Here all text is one arena and the table holds numbers only.

use super::batch::make_room;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;

/// The number of a string within one batch or one case.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Symbol(pub u32);

impl Symbol {
    /// The absent (or empty) text.
    pub const NONE: Self = Self(0);

    /// Whether there is a text.
    #[must_use]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// Bytes that an arena grows by at least.
const LEAST_AHEAD: usize = 4096;

/// All texts of a batch, in the order of their first use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strings {
    arena: String,
    #[serde(with = "super::packed")]
    ends: Vec<u32>,
}

impl Strings {
    /// The text of a symbol; empty for [`Symbol::NONE`] and for numbers of another batch.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        let index = symbol.0 as usize;
        if index == 0 {
            return "";
        }
        let start = if index == 1 {
            0
        } else {
            self.ends.get(index - 2).copied().unwrap_or(0) as usize
        };
        let end = self.ends.get(index - 1).copied().unwrap_or(0) as usize;
        self.arena.get(start..end).unwrap_or("")
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len() + self.ends.len() * 4
    }

    fn push(&mut self, text: &str) -> Option<Symbol> {
        let end = u32::try_from(self.arena.len() + text.len()).ok()?;
        if self.arena.capacity() - self.arena.len() < text.len() {
            // As columns do, a quarter ahead.
            let ahead = (self.arena.len() / 4).max(LEAST_AHEAD);
            self.arena.reserve_exact(ahead.max(text.len()));
        }
        self.arena.push_str(text);
        make_room(&mut self.ends, 1);
        self.ends.push(end);
        Some(Symbol(u32::try_from(self.ends.len()).ok()?))
    }
}

/// Gives each distinct text one symbol.
#[derive(Clone, Debug)]
pub struct Interner {
    strings: Strings,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Default for Interner {
    fn default() -> Self {
        // A fixed seed: symbols never depend on the run. Output never depends on symbols either.
        Self {
            strings: Strings::default(),
            table: HashTable::new(),
            hasher: FixedState::with_seed(0x52_75_6e_6c),
        }
    }
}

impl Interner {
    /// The symbol of a text. Past 4 GiB of distinct text new ones become [`Symbol::NONE`].
    pub fn intern(&mut self, text: &str) -> Symbol {
        if text.is_empty() {
            return Symbol::NONE;
        }
        let hash = self.hasher.hash_one(text);
        let strings = &self.strings;
        if let Some(found) = self
            .table
            .find(hash, |number| strings.text(Symbol(*number)) == text)
        {
            return Symbol(*found);
        }
        let Some(symbol) = self.strings.push(text) else {
            return Symbol::NONE;
        };
        let (strings, hasher) = (&self.strings, &self.hasher);
        self.table.insert_unique(hash, symbol.0, |number| {
            hasher.hash_one(strings.text(Symbol(*number)))
        });
        symbol
    }

    /// The symbol of an optional text.
    pub fn intern_some(&mut self, text: Option<&str>) -> Symbol {
        text.map_or(Symbol::NONE, |text| self.intern(text))
    }

    /// The symbol of a text that is already there.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        let hash = self.hasher.hash_one(text);
        self.table
            .find(hash, |number| self.strings.text(Symbol(*number)) == text)
            .map(|number| Symbol(*number))
    }

    /// The text of a symbol.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.strings.text(symbol)
    }

    /// All texts so far.
    #[must_use]
    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    /// The texts, leaving the interner empty.
    pub fn take(&mut self) -> Strings {
        self.table.clear();
        std::mem::take(&mut self.strings)
    }

    /// Adds the texts of a batch; the answer maps the batch's numbers to this interner's.
    pub fn adopt(&mut self, strings: &Strings) -> Renumbering {
        let mut map = Vec::with_capacity(strings.len() + 1);
        map.push(Symbol::NONE);
        for number in 1..=strings.len() {
            let symbol = Symbol(u32::try_from(number).unwrap_or(0));
            map.push(self.intern(strings.text(symbol)));
        }
        Renumbering(map)
    }
}

/// Old symbol to new symbol.
#[derive(Clone, Debug)]
pub struct Renumbering(Vec<Symbol>);

impl Renumbering {
    /// The new number of an old one.
    #[must_use]
    pub fn of(&self, old: Symbol) -> Symbol {
        self.0.get(old.0 as usize).copied().unwrap_or(Symbol::NONE)
    }
}
