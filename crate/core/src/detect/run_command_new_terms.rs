//! # First use of this principal, VM and network together
//!
//! ## What it finds
//! A successful Run Command of the action form whose principal, VM and network (/16 of IPv4, `detection.v6_bits` of IPv6) did not occur
//! together in an earlier one within `window_days` (half-open: exactly that long ago still counts). An operation that lacks one of the
//! three cannot be judged; it is counted under `searched`.
//!
//! ## Why it matters
//! Known automation repeats itself, an intruder does not (T1651).
//!
//! ## Parameters
//! `window_days` (7; 1 to 90); `published` (no): only operations whose success record itself carries an address are looked at, and the
//! others are passed over in silence. The published rule also loses ids in mixed spelling; names are compared folded here.
//!
//! ## Known false positives
//! New staff, new machines, providers that change their addresses.
//!
//! ## Sources
//! Elastic rule 60884af6 as tuned to new terms in 2026; Azure Threat Research Matrix AZT301.1, AZT301.6.

use super::history::Known;
use super::{
    Baseline, CaseView, Detector, Finding, Referred, Severity, Wording, Words, coverage, figures,
    mode, needs_operations, sure_by, target, who,
};
use crate::event::fact::Status;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::time::{Instant, NS_PER_DAY};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-new-terms",
    not_assessed: needs_operations,
    run,
};

fn wanted<'a>(view: &'a CaseView<'_>) -> impl Iterator<Item = (usize, &'a Operation)> {
    view.operations.iter().enumerate().filter(|(_, op)| {
        op.family == OperationFamily::Action
            && op.outcome == OperationOutcome::Succeeded
            && op.started.is_some()
    })
}

/// `τ`: principal, VM and network, all known.
fn term(view: &CaseView<'_>, at: usize, op: &Operation) -> Option<(u32, u32, String)> {
    let history = view.history();
    Some((
        history.principal(at)?,
        history.vm(at)?,
        history.mask(op.ips.first()?)?,
    ))
}

/// How many operations lack a part of the term.
pub(crate) fn left_out(view: &CaseView<'_>) -> Option<String> {
    if view.settings.control_plane.new_terms.published {
        return None;
    }
    let all = wanted(view).count();
    let without = wanted(view)
        .filter(|(at, op)| term(view, *at, op).is_none())
        .count();
    let lacking = (without > 0).then(|| {
        format!(
            "not-assessed: {without} of {all} run commands lack a principal, a VM or an address"
        )
    });
    let parts = [lacking, super::known_automation_left_out(view)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What is kept of a finding.
#[derive(Debug)]
struct Said {
    network: String,
    previous: Option<i64>,
    window_days: i64,
    published: bool,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let (network, days) = (&self.network, self.window_days);
        let previous = self.previous.map(|ns| Instant { ns, digits: 9 });
        Words {
            summary: format!(
                "{} ran a command on {} from {network}, a combination not seen in the {days} days before.",
                who(op),
                target(op)
            ),
            values: figures(json!({
                "network": network,
                "previous": previous.map(|time| time.to_string()),
                "window_days": days,
                "mode": mode(self.published),
            })),
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.new_terms;
    let window = settings.window_days * NS_PER_DAY;
    let history = view.history();
    let mut last: Known<(u32, u32, String), i64> = Known::default();
    let title: Arc<str> = "First run command of this principal, VM and network".into();
    let mut findings = Vec::new();
    for (at, op) in wanted(view) {
        let (Some(term), Some(started)) = (term(view, at, op), op.started) else {
            continue;
        };
        let success_addressed = || {
            op.rows
                .iter()
                .any(|row| row.status == Status::Success && row.addressed)
        };
        if settings.published && !success_addressed() {
            continue;
        }
        let network = term.2.clone();
        let before = last.insert(term, started.ns);
        if before.is_some_and(|before| before >= started.ns.saturating_sub(window))
            || view.is_known_automation(at)
        {
            continue;
        }
        let since = history.since(history.subscription(at));
        let baseline = coverage(since, started.ns.saturating_sub(window));
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if baseline == Baseline::Full {
                Severity::Medium
            } else {
                Severity::Low
            },
            confidence: sure_by(baseline),
            baseline,
            title: title.clone(),
            wording: Some(Arc::new(Said {
                network,
                previous: before,
                window_days: settings.window_days,
                published: settings.published,
            })),
            operations: vec![at],
            attack: Cow::Borrowed(&["T1651"]),
            ..Finding::default()
        });
    }
    findings
}
