//! Scripts that PowerShell logged (4104) and no run claims: what else was run on a guest, or a run whose own traces are gone.
//!
//! The parts of one block are joined in order; equal texts on one guest are one script with all their records. A text that is the script of an
//! execution is that execution's, whoever logged it.
//!
//! ```text
//! 4104 block 7, parts 1 and 2 on WEB01, no run  ─►  one text, two events
//! ```
//!
//! Rejected: each part by itself. An expression that a cut goes through would match neither.

use super::CaseView;
use super::history::Known;
use crate::case::store::EventNumber;
use crate::event::facts::FactKind;
use crate::identity::host_label;
use crate::script::fingerprint::normalised;
use crate::script::{Examined, ScriptHint};
use std::collections::{BTreeMap, BTreeSet};

/// Distinct texts that are examined at most.
const MOST_TEXTS: usize = 20_000;

/// A script that only the script-block log knows.
#[derive(Debug)]
pub struct LoggedScript {
    /// The guest's label.
    pub label: String,
    /// The guest, as its evidence spells it.
    pub host: Option<String>,
    /// What it does.
    pub examined: Examined,
    /// SHA-256 of its normalised text.
    pub norm_sha256: String,
    /// Its records.
    pub events: Vec<EventNumber>,
}

/// All of them, by guest and text; and how many texts were not examined.
#[derive(Debug, Default)]
pub struct LoggedScripts {
    /// Those whose content says anything.
    pub list: Vec<LoggedScript>,
    /// How many texts there were.
    pub texts: usize,
    /// Texts beyond the limit.
    pub unexamined: usize,
}

/// Parts of one block by number, with their events.
type Parts<'a> = BTreeMap<i64, (&'a str, EventNumber)>;

/// The scripts of a case that no run claims.
#[must_use]
pub fn gather(view: &CaseView<'_>) -> LoggedScripts {
    let mut claimed: Known<EventNumber, ()> = Known::default();
    for run in view.runs {
        claimed.extend(run.events.iter().map(|event| (*event, ())));
    }
    let own: BTreeSet<&str> = view
        .scripts()
        .iter()
        .filter_map(|script| script.norm_sha256.as_deref())
        .collect();
    let store = view.store;
    let mut blocks: BTreeMap<(String, &str), Parts<'_>> = BTreeMap::new();
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for at in store.facts.of_kind(FactKind::PowerShell) {
        let event = at.event();
        let Some(fact) = at.powershell() else {
            continue;
        };
        let Some(block) = store.text(fact.block) else {
            continue;
        };
        if fact.text.trim().is_empty() || claimed.contains_key(&event) || !(view.counts)(event) {
            continue;
        }
        let of_item = || {
            view.items
                .get(store.item_of(event) as usize)?
                .host
                .as_deref()
        };
        let host = store.column(&store.columns.host, event).or_else(of_item);
        let label = host.map(host_label).unwrap_or_default();
        if let Some(host) = host {
            hosts
                .entry(label.clone())
                .or_insert_with(|| host.to_owned());
        }
        let parts = blocks.entry((label, block)).or_default();
        // Renderings of one record are one part; of different ones the first by time stays.
        parts
            .entry(fact.part.unwrap_or(1))
            .or_insert((&fact.text, event));
    }
    let mut texts: BTreeMap<(String, String), Vec<EventNumber>> = BTreeMap::new();
    for ((label, _), parts) in blocks {
        let text: String = parts.values().map(|(text, _)| *text).collect();
        let events = parts.values().map(|(_, event)| *event);
        texts.entry((label, text)).or_default().extend(events);
    }
    let mut found = LoggedScripts {
        texts: texts.len(),
        unexamined: texts.len().saturating_sub(MOST_TEXTS),
        ..LoggedScripts::default()
    };
    let hint = ScriptHint {
        windows: Some(true),
        file_name: None,
    };
    for ((label, text), mut events) in texts.into_iter().take(MOST_TEXTS) {
        let norm_sha256 = normalised(text.as_bytes());
        if own.contains(norm_sha256.as_str()) {
            continue;
        }
        let examined = view.examine(&text, &hint);
        if examined.score.severity.is_none() {
            continue;
        }
        events.sort_unstable();
        found.list.push(LoggedScript {
            host: hosts.get(&label).cloned(),
            label,
            examined,
            norm_sha256,
            events,
        });
    }
    found
}
