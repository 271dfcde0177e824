//! Something found, by a detector or by a rule of the analyst: how bad, how sure, on how much history, and what it rests on.
//!
//! ```text
//! run-command-spike   high, high, full    operations 3 4 5         "alice began 3 commands on …"
//! sigma:0f2a1f6e-…    medium, high, n/a   events 17 18, its rule   "2 matches by alice (selection)."
//! ```
//!
//! Rejected: findings of rules as another kind of thing. Whoever triages, expects or exports findings forgets one of the two.

use super::{Severity, Subject, Wording};
use crate::case::store::EventNumber;
use crate::event::sparse::Sparse;
use crate::time::Instant;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

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
    /// Too little to judge by.
    Insufficient,
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
            Self::Insufficient => "insufficient",
            Self::NotApplicable => "n/a",
        }
    }

    /// What the word means for a reader of the finding.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Full => {
                "The records cover the whole time that the verdict compares with: what is called new was not there."
            }
            Self::Partial => {
                "The records begin inside the time that the verdict compares with: what is called new may have been there before."
            }
            Self::Insufficient => {
                "The records hold too little of the time that the verdict compares with to judge by: take it as a hint."
            }
            Self::NotApplicable => {
                "The verdict compares with nothing: it rests on what the finding's own events say."
            }
        }
    }
}

/// Something found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Detector id, or `sigma:` and the rule.
    pub detector: Cow<'static, str>,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// On how much history.
    pub baseline: Baseline,
    /// A few words.
    pub title: Arc<str>,
    /// One sentence with the figures, where it is written down: [`Referred::words`] says it in any case.
    pub(crate) summary: Sparse<String>,
    /// Operations by position in the case.
    pub operations: Vec<usize>,
    /// Executions by position in the case.
    pub executions: Vec<usize>,
    /// Events beside those of its operations.
    pub events: Vec<EventNumber>,
    /// First and last instant, by the cloud's clock, where its operations and executions do not say.
    pub time: Option<Box<(Instant, Instant)>>,
    /// Whom and what it is about, as far as its operations and executions do not say.
    pub subject: Sparse<Subject>,
    /// The figures, where they are written down.
    pub(crate) values: Sparse<Map<String, Value>>,
    /// What says sentence and figures where they are not written down.
    pub wording: Option<Arc<dyn Wording>>,
    /// Detectors whose findings made this one worse.
    pub raised_by: Sparse<Vec<&'static str>>,
    /// ATT&CK techniques.
    pub attack: Cow<'static, [&'static str]>,
    /// Techniques that lists of indicators name.
    pub further_attack: Sparse<Vec<String>>,
    /// The entry of the allow-list that suppresses it.
    pub allowed_by: Option<usize>,
    /// What else is known of it, where a rule found it and no detector.
    pub rule: Option<Box<OfRule>>,
}

/// What a finding of a Sigma rule has beside what every finding has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfRule {
    /// The rule, by its place among the rules of the case.
    pub rule: usize,
    /// Processes that it matched, by position in the case.
    pub processes: Vec<usize>,
}

impl Finding {
    /// Its ATT&CK techniques, whoever names them.
    pub fn techniques(&self) -> impl Iterator<Item = &str> {
        let further = self.further_attack.iter().map(String::as_str);
        self.attack.iter().copied().chain(further)
    }
}

impl Default for Finding {
    /// What a detector leaves out.
    fn default() -> Self {
        Self {
            detector: Cow::Borrowed(""),
            severity: Severity::Info,
            confidence: Confidence::High,
            baseline: Baseline::NotApplicable,
            title: Arc::default(),
            summary: Sparse::default(),
            operations: Vec::new(),
            executions: Vec::new(),
            events: Vec::new(),
            time: None,
            subject: Sparse::default(),
            values: Sparse::default(),
            wording: None,
            raised_by: Sparse::default(),
            attack: Cow::Borrowed(&[]),
            further_attack: Sparse::default(),
            allowed_by: None,
            rule: None,
        }
    }
}
