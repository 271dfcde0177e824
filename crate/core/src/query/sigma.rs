//! Sigma rules for the page: every rule with its state, and what its author wrote of it, in the form of a detector's manual page.
//!
//! Their findings stand among those of the detectors.

use crate::case::Case;
use crate::detect::manual::{self, Block};
use crate::sigma::RuleReport;
use serde::Serialize;

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownRule {
    /// Path of its file.
    pub path: String,
    /// 1-based line where it begins.
    pub line: u64,
    /// What its findings are listed under.
    pub detector: String,
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

/// What the page shows of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSigma {
    /// By file and place.
    pub rules: Vec<ShownRule>,
}

/// The rules of the case.
#[must_use]
pub fn sigma(case: &Case) -> ShownSigma {
    let rule = |report: RuleReport<'_>| ShownRule {
        path: report.rule.path.clone(),
        line: report.rule.line,
        detector: report.rule.detector(),
        id: report.rule.id.clone(),
        title: report.rule.title.clone(),
        level: report.rule.level.clone(),
        state: report.state.word(),
        reasons: report.reasons,
        findings: report.findings,
    };
    ShownSigma {
        rules: case.sigma().reports().into_iter().map(rule).collect(),
    }
}

/// The page of a detector, or of the rule of that name; none where there is neither.
#[must_use]
pub fn page(case: &Case, detector: &str) -> Vec<Block> {
    let Some(rule) = case.sigma().rule(detector) else {
        return manual::page(detector);
    };
    let mut blocks = vec![Block::heading(1, &rule.title)];
    blocks.extend(rule.description.as_deref().map(Block::paragraph));
    let level = rule.level.as_deref().unwrap_or("none, taken as medium");
    let from = format!("Level: {level}. From {}, line {}.", rule.path, rule.line);
    blocks.push(Block::paragraph(&from));
    if !rule.false_positives.is_empty() {
        blocks.push(Block::heading(2, "Known false positives"));
        blocks.push(Block::list(&rule.false_positives));
    }
    blocks
}
