//! A finding of an incident by its place: of a detector, or behind those of a Sigma rule.
//!
//! ```text
//! incident.findings  [ 3, 17, 41 ]   with 40 findings of detectors: the third is the second of the rules
//! ```
//!
//! Rejected: findings of rules as findings of detectors. A rule's title, level and id are its author's, and what it matched is read again later.

use crate::case::Case;
use crate::case::store::EventNumber;
use crate::detect::{Confidence, Finding, Severity, Subject};
use crate::sigma::hits::Hit;

/// A finding.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    /// Of a detector.
    Detector(&'a Finding),
    /// Of a Sigma rule.
    Rule(&'a Hit),
}

impl Case {
    /// The finding at this place among those of detectors and, behind them, of rules.
    #[must_use]
    pub fn found(&self, at: usize) -> Option<Found<'_>> {
        let behind = at.checked_sub(self.findings().len());
        match behind {
            None => self.findings().get(at).map(Found::Detector),
            Some(at) => self.sigma().hits().get(at).map(Found::Rule),
        }
    }
}

impl<'a> Found<'a> {
    /// How bad.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Detector(finding) => finding.severity,
            Self::Rule(hit) => hit.severity,
        }
    }

    /// How sure. That a rule matched is certain.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        match self {
            Self::Detector(finding) => finding.confidence,
            Self::Rule(_) => Confidence::High,
        }
    }

    /// A few words.
    #[must_use]
    pub fn title(self) -> &'a str {
        match self {
            Self::Detector(finding) => &finding.title,
            Self::Rule(hit) => &hit.title,
        }
    }

    /// The detector, or `sigma:` and the rule.
    #[must_use]
    pub fn detector(self, case: &Case) -> String {
        match self {
            Self::Detector(finding) => finding.detector.to_owned(),
            Self::Rule(hit) => case.sigma().detector(hit),
        }
    }

    /// Whom and what it is about.
    #[must_use]
    pub fn subject(self, case: &Case) -> Subject {
        match self {
            Self::Detector(finding) => case.referred().subject(finding),
            Self::Rule(hit) => {
                let operation = hit.operations.first();
                let op = operation.and_then(|at| case.operations().get(*at));
                Subject {
                    caller: hit.caller.clone(),
                    ip: hit.ip.clone(),
                    vm: op.and_then(|op| op.vm()),
                    resource: hit.resource.clone(),
                    subscription: op.and_then(|op| op.subscription.clone()),
                    host: hit.host.clone(),
                }
            }
        }
    }

    /// Operations by position.
    #[must_use]
    pub fn operations(self) -> &'a [usize] {
        match self {
            Self::Detector(finding) => &finding.operations,
            Self::Rule(hit) => &hit.operations,
        }
    }

    /// Executions by position.
    #[must_use]
    pub fn executions(self) -> &'a [usize] {
        match self {
            Self::Detector(finding) => &finding.executions,
            Self::Rule(hit) => &hit.executions,
        }
    }

    /// Events beside those of its operations.
    #[must_use]
    pub fn events(self) -> &'a [EventNumber] {
        match self {
            Self::Detector(finding) => &finding.events,
            Self::Rule(hit) => &hit.events,
        }
    }
}
