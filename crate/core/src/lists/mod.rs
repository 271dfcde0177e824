//! Lists that the analyst brings: address ranges, privileged roles, known automation, a watch-list, indicators of their own.
//!
//! ```
//! use runlens_core::lists::{ListKind, Lists};
//! let mut lists = Lists::default();
//! assert!(lists.set(ListKind::KnownAutomation, "robots.txt", "patching@contoso.example\n").is_ok());
//! let refused = lists.set(ListKind::PrivilegedRoles, "roles.csv", "id\nOwner\n").unwrap_err();
//! assert_eq!(refused.to_string(), "roles.csv, line 2: \"Owner\" is no role definition id");
//! ```
//!
//! A list counts whole or not at all: half a list would clear what it should not. Which lists a case was judged with, by name and hash, is part
//! of the settings in its document; what they hold is not.
//!
//! Rejected: lists as settings. The service tags of Azure are megabytes, and a settings file is read by people.

pub mod watch;

use crate::detect::run_command_from_cloud_address::AddressRanges;
use crate::evidence::hash::sha256;
use crate::identity::{fold, guid};
use crate::script::Catalogue;
use crate::script::indicator::{Indicators, built_in};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use watch::WatchList;

/// Bytes of one list.
pub const MOST_LIST_BYTES: usize = 64 << 20;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListKind {
    /// Ranges of hosting providers and of Azure.
    AddressRanges,
    /// Role definitions that count as privileged beside the built-in ones.
    PrivilegedRoles,
    /// Principals whose work is known automation.
    KnownAutomation,
    /// Addresses, domains and hashes to look for.
    WatchList,
    /// Content indicators of the analyst's own.
    Indicators,
    /// Programs that write the scripts of run commands beside the known handlers.
    ScriptWriters,
}

impl ListKind {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 6] = [
        Self::AddressRanges,
        Self::Indicators,
        Self::KnownAutomation,
        Self::PrivilegedRoles,
        Self::ScriptWriters,
        Self::WatchList,
    ];

    /// The word on the command line, in the page's protocol and in the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AddressRanges => "address-ranges",
            Self::PrivilegedRoles => "privileged-roles",
            Self::KnownAutomation => "known-automation",
            Self::WatchList => "watch-list",
            Self::Indicators => "indicators",
            Self::ScriptWriters => "script-writers",
        }
    }

    /// What it holds, for help and buttons.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::AddressRanges => "service tags of Azure (JSON), or prefixes with a name (CSV)",
            Self::PrivilegedRoles => "role definition ids that count as privileged, one a line",
            Self::KnownAutomation => {
                "principals (UPN or object id) whose run commands are expected, one a line"
            }
            Self::WatchList => {
                "addresses, prefixes, domains and hashes to look for, one a line, a note after a comma"
            }
            Self::Indicators => {
                "content indicators of your own (TOML), in the form of the built-in ones"
            }
            Self::ScriptWriters => {
                "programs (file names) that write scripts of run commands beside the known handlers, one a line"
            }
        }
    }

    /// From its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Why a list was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedList {
    /// Name of the file.
    pub name: String,
    /// Line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// Why.
    pub what: String,
}

impl fmt::Display for RefusedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.name, self.what),
            None => write!(f, "{}: {}", self.name, self.what),
        }
    }
}

impl std::error::Error for RefusedList {}

/// What is known of a list beside its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListNote {
    /// Which list.
    pub kind: ListKind,
    /// Name of its file.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// How many entries it holds.
    pub entries: usize,
    /// Its text, for the session.
    pub text: Arc<str>,
}

/// The lists in force.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    notes: Vec<ListNote>,
    /// Ranges of hosting providers.
    pub address_ranges: Option<AddressRanges>,
    /// Role definition ids beside the built-in ones.
    pub privileged_roles: BTreeSet<String>,
    /// Principals, folded.
    pub known_automation: BTreeSet<String>,
    /// File names, folded.
    pub script_writers: BTreeSet<String>,
    /// What to look for.
    pub watch: WatchList,
    /// What scripts are searched with.
    pub content: Catalogue,
}

/// (line number, first cell) of each line that says something.
pub(crate) fn cells(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(at, line)| {
        let line = line.trim().trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (first, rest) = line.split_once([',', ';', '\t']).unwrap_or((line, ""));
        Some((
            at + 1,
            first.trim().trim_matches('"').trim(),
            rest.trim().trim_matches('"').trim(),
        ))
    })
}

/// A list of names, one a line: each as `form` gives it. The first line may be a header.
fn names(
    text: &str,
    what: &str,
    form: impl Fn(&str) -> Option<String>,
) -> Result<BTreeSet<String>, (Option<usize>, String)> {
    let mut found = BTreeSet::new();
    let mut first = true;
    for (line, cell, _) in cells(text) {
        match form(cell) {
            Some(name) => {
                found.insert(name);
            }
            None if first => {}
            None => return Err((Some(line), format!("{cell:?} is no {what}"))),
        }
        first = false;
    }
    if found.is_empty() {
        return Err((None, format!("it holds no {what}")));
    }
    Ok(found)
}

impl Lists {
    /// Takes a list in place of the one of its kind.
    ///
    /// # Errors
    /// [`RefusedList`] with the line; the list there was stays.
    pub fn set(&mut self, kind: ListKind, name: &str, text: &str) -> Result<(), RefusedList> {
        let refused = |(line, what): (Option<usize>, String)| RefusedList {
            name: name.to_owned(),
            line,
            what,
        };
        if text.len() > MOST_LIST_BYTES {
            return Err(refused((
                None,
                format!("it is longer than {MOST_LIST_BYTES} bytes"),
            )));
        }
        let entries = match kind {
            ListKind::AddressRanges => {
                let ranges = AddressRanges::parse(text).map_err(|bad| {
                    let line = bad.bad.first().and_then(|bad| {
                        let at = text.lines().position(|line| line.contains(bad.as_str()))?;
                        Some(at + 1)
                    });
                    refused((line, bad.to_string()))
                })?;
                let count = ranges.len();
                self.address_ranges = Some(ranges.dated_by_name(name));
                count
            }
            ListKind::PrivilegedRoles => {
                let id = |cell: &str| guid(cell.rsplit('/').next().unwrap_or(cell));
                self.privileged_roles = names(text, "role definition id", id).map_err(refused)?;
                self.privileged_roles.len()
            }
            ListKind::KnownAutomation => {
                let principal = |cell: &str| {
                    guid(cell)
                        .or_else(|| (cell.contains('@') && !cell.contains(' ')).then(|| fold(cell)))
                };
                self.known_automation =
                    names(text, "UPN and no object id", principal).map_err(refused)?;
                self.known_automation.len()
            }
            ListKind::ScriptWriters => {
                let program = |cell: &str| (!cell.contains(['/', '\\'])).then(|| fold(cell));
                self.script_writers = names(text, "file name", program).map_err(refused)?;
                self.script_writers.len()
            }
            ListKind::WatchList => {
                self.watch = WatchList::parse(text).map_err(refused)?;
                self.watch.len()
            }
            ListKind::Indicators => {
                let own =
                    Indicators::parse(text).map_err(|bad| refused((bad.line, bad.to_string())))?;
                let taken = own
                    .list()
                    .find(|one| built_in().list().any(|other| other.id == one.id));
                if let Some(taken) = taken {
                    return Err(refused((
                        None,
                        format!("{} is the id of a built-in indicator", taken.id),
                    )));
                }
                let count = own.list().count();
                self.content.own = Some(Arc::new(own));
                count
            }
        };
        self.notes.retain(|note| note.kind != kind);
        self.notes.push(ListNote {
            kind,
            name: name.to_owned(),
            sha256: sha256(text.as_bytes()),
            entries,
            text: Arc::from(text),
        });
        self.notes.sort_by_key(|note| note.kind.word());
        Ok(())
    }

    /// Takes a list away.
    pub fn remove(&mut self, kind: ListKind) {
        self.notes.retain(|note| note.kind != kind);
        match kind {
            ListKind::AddressRanges => self.address_ranges = None,
            ListKind::PrivilegedRoles => self.privileged_roles.clear(),
            ListKind::KnownAutomation => self.known_automation.clear(),
            ListKind::ScriptWriters => self.script_writers.clear(),
            ListKind::WatchList => self.watch = WatchList::default(),
            ListKind::Indicators => self.content.own = None,
        }
    }

    /// The lists in force, by kind.
    #[must_use]
    pub fn notes(&self) -> &[ListNote] {
        &self.notes
    }

    /// For the settings of the case document: `{"watch-list": {name, sha256, entries}}`.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let notes = self.notes.iter().map(|note| {
            let shown =
                json!({ "name": note.name, "sha256": note.sha256, "entries": note.entries });
            (note.kind.word().to_owned(), shown)
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests;
