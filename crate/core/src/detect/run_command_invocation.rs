//! # Run Command executed on a VM
//!
//! ## What it finds
//! Each folded operation of the action form of Run Command (VM or scale-set instance) that succeeded; with
//! `include_attempts` also those that failed or whose end was not seen, titled "attempted".
//!
//! ## Why it matters
//! Someone had code executed as SYSTEM or root through the management API, past every network control (T1651).
//!
//! ## Parameters
//! `include_attempts` (yes), `include_vmss` (yes).
//!
//! ## Known false positives
//! Patch and configuration automation, deployment pipelines, security tooling, test environments.
//!
//! ## Sources
//! Elastic prebuilt rule 60884af6 (which alerts per row and leaves out scale sets); Azure Threat Research Matrix AZT301.1, AZT301.6.

use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, lasting,
    needs_operations, target, who,
};
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-invocation",
    not_assessed: needs_operations,
    run,
};

/// What is kept of a finding: all it says stands in its operation.
#[derive(Debug)]
struct Said;

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let lasted = lasting(op.duration_ns().unwrap_or(0));
        let what = if op.outcome == OperationOutcome::Succeeded {
            "executed a command on"
        } else {
            "tried to execute a command on"
        };
        let from = op
            .ips
            .first()
            .map(|ip| format!(" from {ip}"))
            .unwrap_or_default();
        let mut values = Map::new();
        values.insert("outcome".to_owned(), Value::from(op.outcome.class()));
        Words {
            summary: format!(
                "{} {what} {}{from} ({}; {lasted} between its first and last record).",
                who(op),
                target(op),
                op.outcome.word()
            ),
            values,
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.run_command_invocation;
    let wanted = view.operations.iter().enumerate().filter(|(_, op)| {
        op.family == OperationFamily::Action
            && (settings.include_vmss
                || !op.operation.contains("scaleset") && !op.operation.contains("scale set"))
            && (settings.include_attempts || op.outcome == OperationOutcome::Succeeded)
    });
    let (done, tried): (Arc<str>, Arc<str>) = (
        "Run Command executed on a VM".into(),
        "Run Command attempted on a VM".into(),
    );
    let said: Arc<dyn Wording> = Arc::new(Said);
    wanted
        .map(|(at, op)| {
            let succeeded = op.outcome == OperationOutcome::Succeeded;
            Finding {
                detector: Cow::Borrowed(DETECTOR.id),
                severity: if succeeded {
                    Severity::Medium
                } else {
                    Severity::Info
                },
                confidence: Confidence::High,
                baseline: Baseline::NotApplicable,
                title: if succeeded { &done } else { &tried }.clone(),
                wording: Some(said.clone()),
                operations: vec![at],
                attack: Cow::Borrowed(&["T1651", "T1059.001", "T1059.004"]),
                ..Finding::default()
            }
        })
        .collect()
}
