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
use crate::time::NS_PER_SECOND;
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
                summary: String::clone(&finding.summary),
                values: Map::clone(&finding.values),
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
            summary: summary.into(),
            values: values.into(),
            wording: None,
            raised_by: Vec::new().into(),
            ..finding.clone()
        }
    }
}

/// A length of time as a person says it: `4.2 s`, `17 min 54 s`, `3 h 12 min`, `2 d 4 h`. The exact one belongs to the figures.
pub(crate) fn lasting(ns: i64) -> String {
    let rounded = |unit: u64| ns.unsigned_abs().saturating_add(unit / 2) / unit;
    let second = NS_PER_SECOND.unsigned_abs();
    let tenths = rounded(second / 10);
    if ns != 0 && tenths == 0 {
        return "less than 0.1 s".to_owned();
    }
    if tenths < 100 && tenths % 10 != 0 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    // Each size is rounded by itself: 59.6 s are a minute and not 60 s.
    let (seconds, minutes, hours) = (
        rounded(second),
        rounded(60 * second),
        rounded(3600 * second),
    );
    let both = |large: u64, many: &str, rest: u64, few: &str| match rest {
        0 => format!("{large} {many}"),
        rest => format!("{large} {many} {rest} {few}"),
    };
    if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3600 {
        both(seconds / 60, "min", seconds % 60, "s")
    } else if minutes < 24 * 60 {
        both(minutes / 60, "h", minutes % 60, "min")
    } else {
        both(hours / 24, "d", hours % 24, "h")
    }
}

/// How far behind another moment this one lies, or before it: `4.2 s after`.
pub(crate) fn away(ns: i64) -> String {
    let side = if ns < 0 { "before" } else { "after" };
    format!("{} {side}", lasting(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_as_a_person_says_them() {
        let of = |seconds: f64| lasting((seconds * 1e9) as i64);
        for (seconds, said) in [
            (0.0, "0 s"),
            (0.04, "less than 0.1 s"),
            (0.05, "0.1 s"),
            (4.0, "4 s"),
            (4.237_822_5, "4.2 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (12.3, "12 s"),
            (59.4, "59 s"),
            (59.6, "1 min"),
            (1_073.737_822_5, "17 min 54 s"),
            (1_080.0, "18 min"),
            (3_599.75, "1 h"),
            (11_549.0, "3 h 12 min"),
            (86_399.0, "1 d"),
            (187_200.0, "2 d 4 h"),
            (-4.2, "4.2 s"),
        ] {
            assert_eq!(of(seconds), said, "{seconds}");
        }
        assert_eq!(lasting(i64::MIN), "106752 d");
    }

    #[test]
    fn the_side_is_said_in_words() {
        assert_eq!(away(-3 * NS_PER_SECOND), "3 s before");
        assert_eq!(away(90 * NS_PER_SECOND), "1 min 30 s after");
    }
}
