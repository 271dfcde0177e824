//! What the analyst brought and expects: lists in force, and entries of the allow-list with what they did.
//!
//! Rejected: the page keeping its own copy. What is shown is what the case was judged with.

use crate::case::Case;
use crate::lists::ListKind;
use serde::Serialize;
use serde_json::Value;

/// One kind of list, and the list of it that is in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownList {
    /// Its word.
    pub kind: &'static str,
    /// What such a list holds.
    pub about: &'static str,
    /// Name of the file.
    pub name: Option<String>,
    /// SHA-256 of its bytes.
    pub sha256: Option<String>,
    /// How many entries.
    pub entries: usize,
}

/// One entry of the allow-list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownEntry {
    /// Its place, which `allowed_by` of a finding names.
    pub entry: usize,
    /// Its parts as the settings have them.
    pub parts: Value,
    /// Findings it suppressed.
    pub suppressed: usize,
    /// Findings that fit it and ended after it had run out.
    pub after_expiry: usize,
    /// Whether it ran out before the case ends.
    pub expired: bool,
}

/// Both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// By kind.
    pub lists: Vec<ShownList>,
    /// In their order.
    pub allow_list: Vec<ShownEntry>,
}

/// What the analyst brought and expects.
#[must_use]
pub fn expected(case: &Case) -> Expected {
    let list = |kind: ListKind| {
        let note = case.lists().notes().iter().find(|note| note.kind == kind);
        ShownList {
            kind: kind.word(),
            about: kind.about(),
            name: note.map(|note| note.name.clone()),
            sha256: note.map(|note| note.sha256.clone()),
            entries: note.map_or(0, |note| note.entries),
        }
    };
    let entries = case.settings().allow_list.iter().enumerate();
    let entry = |(at, entry): (usize, &crate::settings::allow_list::AllowEntry)| {
        let effect = case.allowed().get(at).copied().unwrap_or_default();
        ShownEntry {
            entry: at,
            parts: entry.to_json(),
            suppressed: effect.suppressed,
            after_expiry: effect.after_expiry,
            expired: effect.expired,
        }
    };
    Expected {
        lists: ListKind::ALL.into_iter().map(list).collect(),
        allow_list: entries.map(entry).collect(),
    }
}
