//! Flags of the timeline: findings, noted events and bookmarks, one of each per pixel at most.
//!
//! ```text
//! findings   ▼high ×3          ▼low
//! flags           ★ lateral         ⚑ shift begins
//! ```
//!
//! A finding stands where it begins. Where several share a pixel the worst of them is shown, with how many it stands for.
//!
//! Rejected: marks inside the lanes. A finding rests on events of many lanes, and a flag of no lane at all.

use super::executions::EventName;
use super::lanes::Stretch;
use crate::case::Case;
use crate::severity::Severity;
use serde::Serialize;
use std::collections::BTreeMap;

/// Findings that share a pixel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingMark {
    /// Where it begins, in ms since 1970.
    pub time_ms: f64,
    /// Where it ends.
    pub last_ms: f64,
    /// The worst of them.
    pub severity: &'static str,
    /// Its key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// How many there are.
    pub count: u32,
}

/// Noted events, or a bookmark, that share a pixel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// When, in ms since 1970.
    pub time_ms: f64,
    /// The event; none for a bookmark.
    pub name: Option<EventName>,
    /// Whether one of them is starred.
    pub starred: bool,
    /// Tags and comment, or the bookmark's text.
    pub text: String,
    /// How many there are.
    pub count: u32,
}

/// The flags of a stretch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marks {
    /// Findings, by time.
    pub findings: Vec<FindingMark>,
    /// Notes and bookmarks, by time.
    pub flags: Vec<Flag>,
}

/// The bin of a moment, where it lies in the stretch.
fn bin(stretch: Stretch, ms: f64) -> Option<usize> {
    let width = (stretch.to_ms - stretch.from_ms) / stretch.parts() as f64;
    let inside = ms >= stretch.from_ms && ms < stretch.to_ms && width > 0.0;
    inside.then(|| ((ms - stretch.from_ms) / width) as usize)
}

/// The marks of a stretch, joined where they share a bin.
#[must_use]
pub fn marks(case: &Case, stretch: Stretch) -> Marks {
    let mut findings: BTreeMap<usize, (Severity, FindingMark)> = BTreeMap::new();
    let referred = case.referred();
    for (finding, key) in case.findings().iter().zip(case.finding_keys()) {
        let (Some(first), last) = referred.time(finding) else {
            continue;
        };
        let Some(bin) = bin(stretch, first.ms()) else {
            continue;
        };
        let mark = || FindingMark {
            time_ms: first.ms(),
            last_ms: last.map_or(first.ms(), |last| last.ms()),
            severity: finding.severity.word(),
            key: key.clone(),
            title: finding.title.to_string(),
            count: 1,
        };
        match findings.get_mut(&bin) {
            None => {
                findings.insert(bin, (finding.severity, mark()));
            }
            Some((worst, known)) => {
                let count = known.count + 1;
                if finding.severity > *worst {
                    (*worst, *known) = (finding.severity, mark());
                }
                known.count = count;
            }
        }
    }
    let mut flags: BTreeMap<usize, Flag> = BTreeMap::new();
    let mut flag = |one: Flag| {
        let Some(bin) = bin(stretch, one.time_ms) else {
            return;
        };
        match flags.get_mut(&bin) {
            None => {
                flags.insert(bin, one);
            }
            Some(known) => {
                known.count += 1;
                known.starred |= one.starred;
            }
        }
    };
    for (item, ordinal, note) in case.notes().events() {
        let event = case.store().event_of(item, ordinal);
        let Some(stamp) = event.and_then(|event| case.store().stamp(event)) else {
            continue;
        };
        let mut text: Vec<String> = note.tags.iter().map(|tag| format!("#{tag}")).collect();
        if !note.comment.is_empty() {
            text.push(note.comment.clone());
        }
        flag(Flag {
            time_ms: stamp.instant.ms(),
            name: Some(EventName { item, ordinal }),
            starred: note.starred,
            text: text.join(" "),
            count: 1,
        });
    }
    for (ms, text) in case.notes().bookmarks() {
        flag(Flag {
            time_ms: ms as f64,
            name: None,
            starred: false,
            text: text.to_owned(),
            count: 1,
        });
    }
    Marks {
        findings: findings.into_values().map(|(_, mark)| mark).collect(),
        flags: flags.into_values().collect(),
    }
}
