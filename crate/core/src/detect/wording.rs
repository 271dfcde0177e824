//! What a finding says, put into words when somebody reads it.
//!
//! A million rows can lead to half a million findings, and a person reads a page of them. Detectors that find much keep a few numbers of each finding
//! ([`Wording`]); sentence and figures are made from them and from the finding's operations, the same ones each time. Detectors that find little write both down at once.
//!
//! ```text
//! sensitive-operation  { entry 12, near: true }  ──words──►  "alice performed … on vm1 (…).", { "weight": 6, "near_run_command": true }
//! ```
//!
//! Rejected: writing everything down. Of all that detection cost, sentences and figures that nobody read were the greatest part.

use super::Finding;
use super::subject::Referred;
use serde_json::{Map, Value};
use std::fmt;

/// What a finding says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// One sentence with the figures.
    pub summary: String,
    /// Figures the detector decided on (detectors 0.10 (12)).
    pub values: Map<String, Value>,
}

/// Something that can say it: a detector's few numbers for one finding.
pub trait Wording: fmt::Debug + Send + Sync {
    /// The words of this finding, from what it refers to.
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words;
}

impl Referred<'_> {
    /// What a finding says.
    #[must_use]
    pub fn words(self, finding: &Finding) -> Words {
        let mut words = match &finding.wording {
            Some(wording) => wording.words(finding, self),
            None => Words {
                summary: finding.summary.clone(),
                values: finding.values.clone(),
            },
        };
        if !finding.raised_by.is_empty() {
            let by = finding.raised_by.iter().map(|id| Value::from(*id));
            let by: Vec<Value> = by.collect();
            words.values.insert("raised_by".to_owned(), Value::from(by));
        }
        words
    }

    /// The same finding with its words written down.
    #[must_use]
    pub fn spelled_out(self, finding: &Finding) -> Finding {
        let Words { summary, values } = self.words(finding);
        Finding {
            summary,
            values,
            wording: None,
            raised_by: Vec::new(),
            ..finding.clone()
        }
    }
}
