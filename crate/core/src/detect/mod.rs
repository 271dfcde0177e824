//! The detectors: one file each, and one line each in [`TABLE`].
//!
//! A detector is a pure function of the reconstructed case and the settings. Its file's doc comment is its manual page, under
//! fixed headings (What it finds · Why it matters · Parameters · Known false positives · Sources). Every detector is listed in
//! the case document under `searched`, also where it could not answer: outside coverage the answer is
//! `not-assessed` with the reason, never silence.
//!
//! Rejected: rules as data. Half of these need the folded operation, baselines and coverage; a rule language for that is a worse Rust.

pub mod run_command_invocation;
pub mod sensitive_operation;
pub mod vm_extension_write;

use crate::reconstruct::operations::Operation;
use crate::settings::Settings;
pub use crate::severity::Severity;
use crate::time::Instant;
use serde_json::{Map, Value};

/// How sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Inferred.
    Low,
    /// Likely.
    Medium,
    /// Stated by the evidence.
    High,
}

impl Confidence {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How much history a verdict rests on (detectors 0.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Baseline {
    /// The whole window is covered.
    Full,
    /// Part of it.
    Partial,
    /// The detector needs none.
    NotApplicable,
}

impl Baseline {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::NotApplicable => "n/a",
        }
    }
}

/// Something found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Detector id.
    pub detector: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// On how much history.
    pub baseline: Baseline,
    /// A few words.
    pub title: String,
    /// One sentence with the figures.
    pub summary: String,
    /// Operations by position in the case.
    pub operations: Vec<usize>,
    /// Figures the detector decided on (detectors 0.10 (12)).
    pub values: Map<String, Value>,
    /// ATT&CK techniques.
    pub attack: Vec<&'static str>,
}

/// The case as detectors see it.
pub struct CaseView<'a> {
    /// Operations in time order.
    pub operations: &'a [Operation],
    /// Parameters.
    pub settings: &'a Settings,
}

impl CaseView<'_> {
    /// `T_min` of a subscription: the first row loaded for it.
    #[must_use]
    pub fn first_of(&self, subscription: Option<&str>) -> Option<Instant> {
        let of = self
            .operations
            .iter()
            .filter(|op| op.subscription.as_deref() == subscription);
        of.filter_map(|op| op.started)
            .min_by_key(|started| started.ns)
    }
}

/// One detector.
pub struct Detector {
    /// Id as in the detector specification.
    pub id: &'static str,
    /// Why it cannot answer for this case, where it cannot.
    pub not_assessed: fn(&CaseView<'_>) -> Option<String>,
    /// What it finds.
    pub run: fn(&CaseView<'_>) -> Vec<Finding>,
}

/// Every detector, by section of the specification.
pub static TABLE: &[Detector] = &[
    run_command_invocation::DETECTOR,
    vm_extension_write::DETECTOR,
    sensitive_operation::DETECTOR,
];

/// Without Activity Log rows no control-plane detector can answer.
pub(crate) fn needs_operations(view: &CaseView<'_>) -> Option<String> {
    view.operations
        .is_empty()
        .then(|| "not-assessed: no Activity Log records are loaded".to_owned())
}

/// `caller` or a word for its absence.
pub(crate) fn who(op: &Operation) -> &str {
    op.caller.as_deref().unwrap_or("an unnamed caller")
}

/// The VM's name or the last segment of the resource.
pub(crate) fn target(op: &Operation) -> String {
    let last = || {
        op.resource
            .as_ref()
            .and_then(|id| id.folded.rsplit('/').next().map(str::to_owned))
    };
    op.vm()
        .or_else(last)
        .unwrap_or_else(|| "an unnamed resource".to_owned())
}
