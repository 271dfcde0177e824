//! Sigma rules over the case: the analyst's own detections, beside the built-in ones.
//!
//! ```text
//! rule files ──► yaml (read with the item) ──► rule_set ──► plan ──► search ──► hits
//!                                               refused ┘      kept fields, then records read again
//! ```
//!
//! Rules are dropped with the evidence. Each runs over the events and processes of its log source ([`source`]), first on what the case keeps of
//! them ([`field`]), then, where that leaves it open, on the record itself. What cannot be run as its author meant is refused with its reason, what
//! lacks a field says which: silence means that the rule ran and found nothing.
//!
//! Written here, because the engines at hand (`rsigma-eval`, `sigma-rust`) answer yes or no of one whole JSON event. A case keeps columns and
//! reads the rest again, which needs a third answer, *not known yet*; `sigma-rust` has no correlations, and the parser of
//! `rsigma` has no bound on aliases. Rejected too: compiling rules to the query language of a database in the page.

pub mod condition;
pub mod correlation;
pub mod field;
pub mod hits;
pub mod matcher;
pub mod pattern;
pub mod plan;
pub mod rule;
pub mod rule_set;
pub mod search;
pub mod selection;
pub mod source;
pub mod subject;

use crate::case::Case;
use crate::detect::Finding;
use crate::problem::{Code, Problem};
use crate::query::Place;
use rule::{Body, Rule};
use rule_set::{RuleFile, RuleSet};
use search::Search;
use std::collections::BTreeMap;

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// It runs.
    Active,
    /// It runs, and not all of it takes part.
    Partly,
    /// It does not run.
    Refused,
    /// There is nothing that it could look at.
    NotAssessed,
}

impl RuleState {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Partly => "partly",
            Self::Refused => "refused",
            Self::NotAssessed => "not-assessed",
        }
    }
}

/// A rule and what became of it.
#[derive(Clone, Debug)]
pub struct RuleReport<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether it runs.
    pub state: RuleState,
    /// Why not, or what of it does not take part.
    pub reasons: Vec<String>,
    /// Findings of it.
    pub findings: usize,
}

/// The rules of a case and what they found.
#[derive(Default)]
pub struct Sigma {
    search: Search,
    /// Findings of each rule.
    counts: BTreeMap<usize, usize>,
}

impl Sigma {
    /// Reads the rules among the items and runs them over what the case keeps; and what they found so far, by time.
    #[must_use]
    pub fn begin(case: &Case) -> (Self, Vec<Finding>) {
        let mut items: Vec<(u32, &crate::case::item::Item)> = case
            .rank()
            .iter()
            .copied()
            .zip(case.items())
            .filter(|(_, item)| item.duplicate_of.is_none())
            .collect();
        items.sort_by_key(|(rank, _)| *rank);
        let files: Vec<RuleFile<'_>> = items
            .iter()
            .filter_map(|(_, item)| {
                let documents = item.report.as_ref()?.rules.as_slice();
                (!documents.is_empty()).then_some(RuleFile {
                    path: &item.path,
                    sha256: item.sha256.as_deref(),
                    documents,
                })
            })
            .collect();
        if files.is_empty() {
            return Default::default();
        }
        let mut sigma = Self {
            search: Search::new(case, RuleSet::read(&files)),
            counts: BTreeMap::new(),
        };
        let found = sigma.found(case);
        (sigma, found)
    }

    /// What the rules found, counted.
    fn found(&mut self, case: &Case) -> Vec<Finding> {
        let found = hits::findings(case, &self.search);
        self.counts.clear();
        for of in found.iter().filter_map(|one| one.rule.as_ref()) {
            *self.counts.entry(of.rule).or_default() += 1;
        }
        found
    }

    /// Places of records that rules want to see again, in order; none when they have all they need.
    #[must_use]
    pub fn needs(&self, case: &Case) -> Vec<Place> {
        self.search.needs(case)
    }

    /// Takes the bytes of those places. What the rules found, where they have all they need with these.
    pub fn take(&mut self, case: &Case, bytes: &[Vec<u8>]) -> Option<Vec<Finding>> {
        if self.search.has_ended() {
            return None;
        }
        self.search.take(case, bytes);
        self.search.has_ended().then(|| self.found(case))
    }

    /// Findings of all rules.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counts.values().sum()
    }

    /// The rule that findings of this detector are of.
    #[must_use]
    pub fn rule(&self, detector: &str) -> Option<&Rule> {
        let key = detector.strip_prefix(rule::DETECTOR_PREFIX)?;
        let mut rules = self.search.set.rules.iter();
        rules.find(|rule| rule.key() == key)
    }

    /// Every rule and what became of it, by file and place.
    #[must_use]
    pub fn reports(&self) -> Vec<RuleReport<'_>> {
        let rules = &self.search.set.rules;
        (0..rules.len()).filter_map(|at| self.report(at)).collect()
    }

    /// A rule by its place, and what became of it.
    #[must_use]
    pub fn report(&self, at: usize) -> Option<RuleReport<'_>> {
        let rule = self.search.set.rules.get(at)?;
        let mut reasons = rule.left_out.clone();
        let state = match &rule.body {
            Err(why) => {
                reasons.insert(0, why.clone());
                RuleState::Refused
            }
            Ok(Body::Detection(detection)) if self.search.in_scope.get(&at) == Some(&0) => {
                reasons.push(format!(
                    "not-assessed: no {} of its log source are in this case",
                    detection.scope.view.word()
                ));
                RuleState::NotAssessed
            }
            Ok(Body::Detection(_)) => {
                if let Some(events) = self.search.not_read.get(&at) {
                    reasons.push(format!(
                        "{events} events were not looked at: the limit rule_events is reached"
                    ));
                }
                if !self.search.has_ended() {
                    reasons.push("records that it wants are still being read again".to_owned());
                }
                let missing = self.search.missing_fields(at);
                if !missing.is_empty() {
                    reasons.push(format!(
                        "no record that was looked at carries {}",
                        missing.join(", ")
                    ));
                }
                if reasons.is_empty() {
                    RuleState::Active
                } else {
                    RuleState::Partly
                }
            }
            Ok(_) if reasons.is_empty() => RuleState::Active,
            Ok(_) => RuleState::Partly,
        };
        Some(RuleReport {
            rule,
            state,
            reasons,
            findings: self.counts.get(&at).copied().unwrap_or(0),
        })
    }

    /// Notes for the files of rules, by path.
    #[must_use]
    pub fn notes(&self) -> BTreeMap<String, Vec<Problem>> {
        let problem = |code: Code, text: String| Problem {
            code,
            severity: code.severity(),
            record: None,
            offset: None,
            length: None,
            text,
        };
        let mut notes: BTreeMap<String, Vec<Problem>> = BTreeMap::new();
        let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
        for rule in &self.search.set.rules {
            let [runs, refused] = counts.entry(&rule.path).or_default();
            match &rule.body {
                Ok(_) => *runs += 1,
                Err(why) => {
                    *refused += 1;
                    let text = format!("line {}: {} does not run: {why}", rule.line, rule.title);
                    let note = problem(Code::SigmaRuleRefused, text);
                    notes.entry(rule.path.clone()).or_default().push(note);
                }
            }
        }
        for (path, [runs, refused]) in counts {
            let text = format!("Sigma rules, no evidence: {runs} run, {refused} refused");
            let note = problem(Code::SigmaRules, text);
            notes.entry(path.to_owned()).or_default().push(note);
        }
        notes
    }
}

#[cfg(test)]
mod tests;
