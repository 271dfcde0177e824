//! The session: everything the analyst said and chose, and the hashes of the evidence it was said of. No evidence.
//!
//! ```text
//! runlens.session/1
//!   evidence   path, size and SHA-256 of every item            ─► later evidence is recognised by its hash
//!   settings   all parameters, zones, links, what is expected
//!   lists      the analyst's lists, whole
//!   triage     state and note of every finding that has one
//!   notes      stars, tags and comments of events, bookmarks
//!   page       what the page wants to keep (view, filter); handed through, never read here
//! ```
//!
//! A session is taken as a whole or not at all: where one part is refused, nothing changes. Evidence that lies under another path than it did keeps
//! what was said by path (its zone), because its hash says that it is the same.
//!
//! Rejected: keeping the evidence beside it. A session is sent to colleagues; evidence goes its own, guarded way.

use super::Case;
use crate::lists::{ListKind, Lists};
use crate::reconstruct::manifests::{self, Compared, Listed, Present, Verdict};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the file says it is.
pub const SCHEMA: &str = "runlens.session/1";
/// Bytes of a session file that are read.
pub const MOST_SESSION_BYTES: usize = 256 << 20;

/// An item that the session was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedItem {
    /// Its path then.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, where it had been computed.
    pub sha256: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SessionList {
    kind: String,
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct File {
    schema: String,
    #[serde(default)]
    evidence: Vec<ExpectedItem>,
    settings: Value,
    #[serde(default)]
    lists: Vec<SessionList>,
    triage: Value,
    #[serde(default)]
    notes: Value,
    #[serde(default)]
    page: Value,
}

impl Case {
    /// The session file. `page` is what the page wants to keep, `saved` the moment, RFC 3339.
    #[must_use]
    pub fn session_json(&self, page: &Value, saved: &str) -> String {
        let mut evidence: Vec<ExpectedItem> = self
            .items
            .iter()
            .map(|item| ExpectedItem {
                path: item.path.clone(),
                size: item.size,
                sha256: item.sha256.clone(),
            })
            .collect();
        evidence.sort_by(|one, other| (&one.path, &one.sha256).cmp(&(&other.path, &other.sha256)));
        let lists = self.lists.notes().iter().map(|note| SessionList {
            kind: note.kind.word().to_owned(),
            name: note.name.clone(),
            text: note.text.to_string(),
        });
        let triage: Value = serde_json::from_str(&self.triage_json()).unwrap_or(Value::Null);
        let notes: Value = serde_json::from_str(&self.notes_json()).unwrap_or(Value::Null);
        let file = json!({
            "schema": SCHEMA,
            "tool": { "name": "runlens", "version": env!("CARGO_PKG_VERSION") },
            "saved": saved,
            "evidence": evidence,
            "settings": self.settings.to_json(),
            "lists": lists.collect::<Vec<_>>(),
            "triage": triage,
            "notes": notes,
            "page": page,
        });
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Takes a session in place of what was said before; answers what the page kept in it.
    ///
    /// # Errors
    /// A sentence, where a part is refused. Nothing changes then.
    pub fn take_session(&mut self, text: &str) -> Result<Value, String> {
        if text.len() > MOST_SESSION_BYTES {
            return Err(format!(
                "a session file has at most {MOST_SESSION_BYTES} bytes; this one has {}",
                text.len()
            ));
        }
        let file: File = serde_json::from_str(text)
            .map_err(|error| format!("this is no session file: {error}"))?;
        if file.schema != SCHEMA {
            return Err(format!(
                "this file says that it is {:?}; a session file is {SCHEMA:?}",
                file.schema
            ));
        }
        let mut settings = Settings::default();
        settings
            .set_all(&file.settings)
            .map_err(|refused| format!("its settings: {refused}"))?;
        let mut lists = Lists::default();
        for SessionList { kind, name, text } in &file.lists {
            let kind = ListKind::of(kind)
                .ok_or_else(|| format!("its lists: there is no list {kind:?}"))?;
            lists
                .set(kind, name, text)
                .map_err(|refused| format!("its lists: {refused}"))?;
        }
        let mut triage = super::triage::Triage::default();
        triage
            .take(&file.triage.to_string())
            .map_err(|refused| format!("its triage: {refused}"))?;
        // Taken last, for it changes the case itself; it is refused as a whole, too.
        if !file.notes.is_null() {
            self.replace_notes(&file.notes.to_string())
                .map_err(|refused| format!("its notes: {refused}"))?;
        }
        self.set_settings(settings);
        self.set_lists(lists);
        self.triage = triage;
        self.expected = file.evidence;
        Ok(file.page)
    }

    /// What became of the evidence that the session was about; empty where no session was taken.
    #[must_use]
    pub fn session_compared(&self) -> Vec<Compared> {
        if self.expected.is_empty() {
            return Vec::new();
        }
        let listed: Vec<Listed<'_>> = self
            .expected
            .iter()
            .map(|item| Listed {
                path: &item.path,
                size: Some(item.size),
                sha256: item.sha256.as_deref(),
            })
            .collect();
        let present: Vec<Present<'_>> = self
            .items
            .iter()
            .map(|item| Present {
                path: &item.path,
                size: item.size,
                sha256: item.sha256.as_deref(),
            })
            .collect();
        manifests::compare(&listed, &present)
    }

    /// Gives items that the session knew under another path what it said of them by path; answers whether anything changed.
    pub fn reattach(&mut self) -> bool {
        let mut settings = self.settings.clone();
        let mut changed = false;
        for line in self.session_compared() {
            let same = matches!(line.verdict, Verdict::Unchanged | Verdict::Moved);
            let item = line.item.filter(|_| same).and_then(|at| self.items.get(at));
            let (Some(item), Some(zone)) = (item, settings.zones.get(&line.path).copied()) else {
                continue;
            };
            if item.path != line.path && !settings.zones.contains_key(&item.path) {
                settings.zones.insert(item.path.clone(), zone);
                changed = true;
            }
        }
        if changed {
            self.set_settings(settings);
        }
        changed
    }
}

#[cfg(test)]
mod tests;
