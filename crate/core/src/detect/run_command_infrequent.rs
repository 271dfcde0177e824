//! # VM touched only for a short time
//!
//! ## What it finds
//! A principal whose successful Run Commands on a VM, within the `history_days` before the end of the case (both ends included), span less
//! than `span_hours` from the first start to the last end. Near the ends of the data a short span says little: a first command within
//! `span_hours` of the first record, or a last one within it of the end, makes the finding `info`. It is `medium` where the principal also
//! ran a burst or scored 3 or more in the model of anomalous operations.
//!
//! ## Why it matters
//! A machine used once as a pivot and then dropped (T1651).
//!
//! ## Parameters
//! `history_days` (30; 2 to 365), `span_hours` (24; 1 to 720, strict), `least_operations` (1; 1 to 100), `published` (no): hour boundaries
//! are counted instead of time, VMs of one name are one, and the ends of the data are not looked at. The published query also wants the
//! older status spelling, which the folded operation no longer tells apart.
//!
//! ## Known false positives
//! One-off support work; any VM that was administered once.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; AZT301.1.

use super::history::{Known, NS_PER_HOUR, boundaries};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, counted,
    coverage, figures, lasting, mode, needs_operations, seconds, target, who,
};
use crate::reconstruct::operations::OperationOutcome;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-infrequent",
    not_assessed: needs_operations,
    run,
};

/// A score of the model from which on a short use is more than one-off work.
const SUSPICIOUS_SCORE: u8 = 3;

/// Principals with a burst, or with an operation that the baseline does not explain.
fn suspicious(view: &CaseView<'_>) -> BTreeSet<u32> {
    let bursts = view.bursts().iter().filter_map(|burst| burst.principal);
    let scored = view
        .assessments()
        .iter()
        .filter(|found| found.counts.rows > 0 && found.score >= SUSPICIOUS_SCORE);
    let scored = scored.filter_map(|found| view.history().principal(found.operation));
    bursts.chain(scored).collect()
}

/// What of a VM is compared.
#[derive(PartialEq, Eq, Hash)]
enum Use {
    Vm(u32),
    Name(Option<String>),
}

/// What is kept of a finding.
#[derive(Debug)]
struct Said {
    span: i64,
    left: bool,
    right: bool,
    raised: bool,
    published: bool,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let n = finding.operations.len();
        let near = match (self.left, self.right) {
            (true, true) => "; the records begin and end close to it",
            (true, false) => "; the records begin shortly before it",
            (false, true) => "; the records end shortly after it",
            (false, false) => "",
        };
        Words {
            summary: format!(
                "{} ran {} on {} within {}, and none before or after{near}.",
                who(op),
                counted(n, "command"),
                target(op),
                lasting(self.span)
            ),
            values: figures(json!({
                "n": n,
                "span": seconds(self.span),
                "left_censored": self.left,
                "right_censored": self.right,
                "suspicious_principal": self.raised,
                "mode": mode(self.published),
            })),
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.infrequent;
    let history = view.history();
    let Some(end) = history.end() else {
        return Vec::new();
    };
    let from = end.saturating_sub(settings.history_days * NS_PER_DAY);
    let short = settings.span_hours * NS_PER_HOUR;
    // A name stands for itself in published mode, in corrected mode for the VM of one group and subscription.
    let mut uses: Known<(u32, Use), Vec<usize>> = Known::default();
    for (at, op) in view.operations.iter().enumerate() {
        let inside = op
            .started
            .is_some_and(|started| started.ns >= from && started.ns <= end);
        let succeeded = op.outcome == OperationOutcome::Succeeded;
        if !op.family.is_run_command() || !succeeded || !inside {
            continue;
        }
        if let (Some(principal), Some(vm)) = (history.principal(at), history.vm(at)) {
            let used = if settings.published {
                Use::Name(op.vm())
            } else {
                Use::Vm(vm)
            };
            uses.entry((principal, used)).or_default().push(at);
        }
    }
    let suspicious = suspicious(view);
    let title: Arc<str> = "VM used by this principal for a short time only".into();
    let mut findings = Vec::new();
    for ((principal, _), operations) in uses {
        let ops = || operations.iter().filter_map(|at| view.operations.get(*at));
        let first = ops().filter_map(|op| Some(op.started?.ns)).min();
        let last = ops().filter_map(|op| Some(op.ended?.ns)).max();
        let (Some(first), Some(last), Some(at)) = (first, last, operations.first().copied()) else {
            continue;
        };
        let (span, n) = (last.saturating_sub(first), operations.len());
        let enough = usize::try_from(settings.least_operations).is_ok_and(|least| n >= least);
        let brief = if settings.published {
            boundaries(last, first, NS_PER_HOUR) < settings.span_hours
        } else {
            span < short
        };
        if !enough || !brief {
            continue;
        }
        let since = history.since(history.subscription(at));
        let left = !settings.published && first.saturating_sub(since.max(from)) < short;
        let right = !settings.published && end.saturating_sub(last) < short;
        let raised = suspicious.contains(&principal);
        let severity = match (left || right, raised) {
            (true, _) => Severity::Info,
            (false, true) => Severity::Medium,
            (false, false) => Severity::Low,
        };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity,
            confidence: if left || right {
                Confidence::Low
            } else {
                Confidence::Medium
            },
            baseline: if settings.published {
                Baseline::NotApplicable
            } else {
                coverage(since, from)
            },
            title: title.clone(),
            wording: Some(Arc::new(Said {
                span,
                left,
                right,
                raised,
                published: settings.published,
            })),
            operations,
            attack: Cow::Borrowed(&["T1651"]),
            ..Finding::default()
        });
    }
    // One use begins with one operation: the order of the map decides nothing.
    findings.sort_by_key(|finding| finding.operations.first().copied());
    findings
}
