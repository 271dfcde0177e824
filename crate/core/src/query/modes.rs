//! What a published rule finds and the corrected one does not, and the other way round.
//!
//! Each detector that can behave as published is run both ways over the same case, and the findings are laid side by side: those of both, those of
//! the published rule alone (often its false alarms), those of the corrected one alone (what the published rule misses).
//!
//! Rejected: both ways in every case document. It would hold each finding twice for a question that is asked once.

use super::executions::EventName;
use crate::case::Case;
use crate::detect::{self, Finding};
use crate::settings::PARAMETERS;
use serde::Serialize;
use std::collections::BTreeMap;

/// A finding as one mode has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModeFinding {
    /// How bad.
    pub severity: &'static str,
    /// The sentence.
    pub summary: String,
    /// First instant.
    pub first: Option<String>,
    /// Operations by place.
    pub operations: Vec<usize>,
    /// The first event of the first of them, or of its own: where the rows are.
    pub event: Option<EventName>,
}

/// One finding in both modes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BothFinding {
    /// As published.
    pub published: ModeFinding,
    /// As corrected.
    pub corrected: ModeFinding,
}

/// A detector in both modes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModeDifference {
    /// Its id.
    pub detector: &'static str,
    /// Found by the published rule alone.
    pub only_published: Vec<ModeFinding>,
    /// Found by the corrected rule alone.
    pub only_corrected: Vec<ModeFinding>,
    /// Found by both.
    pub both: Vec<BothFinding>,
}

/// Detectors that can behave as published, by id.
pub fn switchable() -> impl Iterator<Item = &'static str> {
    let keys = PARAMETERS.iter().map(|parameter| parameter.key);
    keys.filter_map(|key| key.strip_suffix(".published"))
}

/// What a finding is about: its operations, else its executions, else its events; and its place among those about the same.
type Key = (u8, Vec<usize>, usize);

/// Findings of one detector by what they are about; several of one thing stay in their order.
fn keyed(found: Vec<Finding>) -> BTreeMap<Key, Finding> {
    let mut by_key = BTreeMap::new();
    let mut again: BTreeMap<(u8, Vec<usize>), usize> = BTreeMap::new();
    for finding in found {
        let (kind, mut about) = if !finding.operations.is_empty() {
            (0, finding.operations.clone())
        } else if !finding.executions.is_empty() {
            (1, finding.executions.clone())
        } else {
            let events = finding.events.iter();
            (2, events.map(|event| *event as usize).collect())
        };
        about.sort_unstable();
        let number = again.entry((kind, about.clone())).or_default();
        by_key.insert((kind, about, *number), finding);
        *number += 1;
    }
    by_key
}

/// The detectors in both modes; `wanted` names one, else all that have two.
#[must_use]
pub fn modes(case: &Case, wanted: Option<&str>) -> Vec<ModeDifference> {
    let run = |detector: &detect::Detector, published: &str| {
        let mut settings = case.settings().clone();
        let key = format!("{}.published", detector.id);
        // The key is one of the table's; were it refused, both modes would be the same and nothing would differ.
        let _ = settings.set(&key, published);
        case.with_view(&settings, |view| {
            if (detector.not_assessed)(view).is_some() {
                return Vec::new();
            }
            (detector.run)(view)
        })
    };
    let referred = case.referred();
    let shown = |finding: &Finding| ModeFinding {
        severity: finding.severity.word(),
        summary: referred.words(finding).summary,
        first: referred.time(finding).0.map(|time| time.to_string()),
        operations: finding.operations.clone(),
        event: {
            let op = referred.operation(finding);
            let op = op.and_then(|at| case.operations().get(at));
            let first = op.and_then(|op| op.events.first());
            let first = first.or_else(|| finding.events.first());
            first.map(|event| EventName::of(case, *event))
        },
    };
    let mut differences = Vec::new();
    for detector in detect::TABLE {
        if !switchable().any(|id| id == detector.id) || wanted.is_some_and(|id| id != detector.id) {
            continue;
        }
        let mut published = keyed(run(detector, "yes"));
        let mut difference = ModeDifference {
            detector: detector.id,
            only_published: Vec::new(),
            only_corrected: Vec::new(),
            both: Vec::new(),
        };
        for (key, corrected) in keyed(run(detector, "no")) {
            match published.remove(&key) {
                Some(published) => difference.both.push(BothFinding {
                    published: shown(&published),
                    corrected: shown(&corrected),
                }),
                None => difference.only_corrected.push(shown(&corrected)),
            }
        }
        difference.only_published = published.values().map(shown).collect();
        differences.push(difference);
    }
    differences
}
