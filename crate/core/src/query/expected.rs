//! What the analyst brought and expects: lists in force, and entries of the allow-list with what they did.
//!
//! Rejected: the page keeping its own copy. What is shown is what the case was judged with.

use super::findings::finding_at;
use crate::case::Case;
use crate::identity::ResourceId;
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

/// What an entry that expects this finding could be limited to: each part of its scope as the finding has it, for the analyst to keep or drop.
/// None where there is no such finding.
#[must_use]
pub fn expectation(case: &Case, key: &str) -> Option<Value> {
    let finding = case.findings().get(finding_at(case, key)?)?;
    let referred = case.referred();
    let subject = referred.subject(finding);
    let (first, last) = referred.time(finding);
    let script = case.with_view(case.settings(), |view| {
        let mut scripts = finding
            .executions
            .iter()
            .filter_map(|at| view.script_of(*at));
        scripts.find_map(|script| script.norm_sha256.clone())
    });
    let vm = subject.resource.as_deref().map(ResourceId::parse);
    let vm = vm.and_then(|id| id.vm_resource());
    let host = subject
        .host
        .filter(|_| vm.is_none() && subject.vm.is_none());
    let parts = [
        ("caller", subject.caller),
        ("address", subject.ip),
        ("vm", vm.or(subject.vm)),
        ("host", host),
        ("detector", Some(finding.detector.to_string())),
        ("script", script),
        ("from", first.map(|time| time.to_string())),
        ("to", last.or(first).map(|time| time.to_string())),
    ];
    let had = parts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
    Some(Value::Object(had.collect()))
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
