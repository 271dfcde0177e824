//! Sigma rules for the page: every rule with its state, and their findings as the findings of detectors are shown.

use super::executions::{EventName, name_of};
use crate::case::Case;
use crate::sigma::RuleReport;
use serde::Serialize;

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownRule {
    /// Path of its file.
    pub path: String,
    /// 1-based line where it begins.
    pub line: u64,
    /// Its id.
    pub id: Option<String>,
    /// Title.
    pub title: String,
    /// Level as written.
    pub level: Option<String>,
    /// Whether it runs.
    pub state: &'static str,
    /// Why not, or what of it does not take part.
    pub reasons: Vec<String>,
    /// Findings of it.
    pub findings: usize,
}

/// A finding of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownHit {
    /// `sigma:` and the rule.
    pub detector: String,
    /// How bad.
    pub severity: &'static str,
    /// How sure that it matched.
    pub confidence: &'static str,
    /// The rule's title.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// First match.
    pub first: Option<String>,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// Item of its first event.
    pub item: Option<u32>,
    /// Number of that event in the item.
    pub ordinal: Option<u32>,
    /// The first execution that it belongs to.
    pub execution: Option<EventName>,
    /// The incident that it belongs to.
    pub incident: Option<usize>,
}

/// What the page shows of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSigma {
    /// By file and place.
    pub rules: Vec<ShownRule>,
    /// By time.
    pub findings: Vec<ShownHit>,
}

/// A finding of a rule by its place, as it is shown.
#[must_use]
pub fn shown_hit(case: &Case, at: usize) -> Option<ShownHit> {
    let store = case.store();
    let hit = case.sigma().hits().get(at)?;
    let event = hit.events.first().copied();
    let of = hit.executions.first();
    let execution = of.and_then(|at| case.linked().executions.get(*at));
    let behind = case.findings().len() + at;
    let mut incidents = case.incidents().iter();
    Some(ShownHit {
        detector: case.sigma().detector(hit),
        severity: hit.severity.word(),
        confidence: "high",
        title: hit.title.clone(),
        summary: hit.summary.clone(),
        first: hit.first.map(|time| time.to_string()),
        attack: hit.attack.clone(),
        item: event.map(|event| store.item_of(event)),
        ordinal: event.and_then(|event| store.ordinal.get(event as usize).copied()),
        execution: execution.and_then(|one| name_of(case, one)),
        incident: incidents.position(|one| one.findings.binary_search(&behind).is_ok()),
    })
}

/// The rules of the case and their findings.
#[must_use]
pub fn sigma(case: &Case) -> ShownSigma {
    let rule = |report: RuleReport<'_>| ShownRule {
        path: report.rule.path.clone(),
        line: report.rule.line,
        id: report.rule.id.clone(),
        title: report.rule.title.clone(),
        level: report.rule.level.clone(),
        state: report.state.word(),
        reasons: report.reasons,
        findings: report.findings,
    };
    ShownSigma {
        rules: case.sigma().reports().into_iter().map(rule).collect(),
        findings: (0..case.sigma().hits().len())
            .filter_map(|at| shown_hit(case, at))
            .collect(),
    }
}
