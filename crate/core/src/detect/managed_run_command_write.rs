//! # Managed run command created, changed or short-lived
//!
//! ## What it finds
//! Each successful write of a managed run command: as `medium` where the principal wrote none in the window before (half-open: a write
//! exactly `window_days` back still counts as known), as `high` where a successful deletion of the same resource begins within
//! `ephemeral_minutes`, and as `info` otherwise, so that the timeline is complete.
//!
//! ## Why it matters
//! The resource form runs code as SYSTEM or root like the action form, and rules that watch the action alone do not see it (T1651).
//! A run command deleted soon after it ran takes its output and its script out of the portal (T1070.004).
//!
//! ## Parameters
//! `window_days` (7; 1 to 90), `ephemeral_minutes` (60; 1 to 10080).
//!
//! ## Known false positives
//! Infrastructure as code that recreates its run commands.
//!
//! ## Sources
//! Elastic rule b4a80990 (new terms on the principal over seven days); Azure Threat Research Matrix AZT301.1.

use super::history::{Known, NS_PER_MINUTE};
use super::{
    CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, coverage, figures,
    lasting, needs_operations, target, who,
};
use crate::event::intern::Symbol;
use crate::json::Value as Json;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::time::NS_PER_DAY;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "managed-run-command-write",
    not_assessed: needs_operations,
    run,
};

/// `R_mdel` (detectors 0.9).
pub(crate) fn is_managed_delete(operation: &str) -> bool {
    matches!(
        operation,
        "microsoft.compute/virtualmachines/runcommands/delete"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommands/delete"
            | "microsoft.hybridcompute/machines/runcommands/delete"
    )
}

/// (name of the figure, path below `properties` of the request body).
const REQUESTED: [(&str, &[&str]); 6] = [
    ("async_execution", &["asyncexecution"]),
    ("run_as_user", &["runasuser"]),
    ("output_blob_uri", &["outputbloburi"]),
    ("error_blob_uri", &["errorbloburi"]),
    ("script", &["source", "script"]),
    ("script_uri", &["source", "scripturi"]),
];

/// What the request asked for, from whichever body says it first.
fn requested(op: &Operation, most_bytes: usize) -> Map<String, Value> {
    let mut found = Map::new();
    for body in &op.bodies {
        let properties = Json::new(body.as_bytes()).get_folded("properties");
        for (name, path) in REQUESTED {
            let value = path
                .iter()
                .fold(properties, |value, part| value.get_folded(part));
            if found.contains_key(name) {
                continue;
            }
            if let (Some(flag), "async_execution") = (value.boolean(), name) {
                found.insert(name.to_owned(), Value::from(flag));
            } else if let Some(text) = value.word() {
                let mut end = most_bytes.min(text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                let kept = text.get(..end).unwrap_or_default();
                found.insert(name.to_owned(), Value::from(kept));
            }
        }
    }
    found
}

/// What is kept of a finding; the request stands in the operation.
#[derive(Debug)]
struct Said {
    new_principal: Option<bool>,
    /// Nanoseconds until it was deleted.
    lived: Option<i64>,
    window_days: i64,
    kept_text_bytes: usize,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let name = op.resource.as_ref().and_then(|id| id.child());
        let mut values = figures(json!({
            "outcome": op.outcome.class(),
            "new_principal": self.new_principal,
            "ephemeral": self.lived.is_some(),
            "run_command": name,
        }));
        let mut said = vec![format!(
            "{} wrote the managed run command {} on {}",
            who(op),
            name.as_deref().unwrap_or("without a name"),
            target(op)
        )];
        if self.new_principal == Some(true) {
            said.push(format!("its first in {} days", self.window_days));
        }
        if let Some(lived) = self.lived {
            said.push(format!("deleted {} later", lasting(lived)));
            values.insert("lived".to_owned(), super::seconds(lived));
        }
        values.extend(requested(op, self.kept_text_bytes));
        Words {
            summary: format!("{}.", said.join(", ")),
            values,
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.managed_write;
    let window = settings.window_days * NS_PER_DAY;
    let ephemeral = settings.ephemeral_minutes * NS_PER_MINUTE;
    let history = view.history();
    // Deletions of each resource, in time order like the operations.
    let mut deletions: Known<Symbol, Vec<(i64, usize)>> = Known::default();
    let mut deletes: Known<Symbol, bool> = Known::default();
    for (at, op) in view.operations.iter().enumerate() {
        let is_delete = *deletes
            .entry(op.symbols.operation)
            .or_insert_with(|| is_managed_delete(&op.operation));
        if !is_delete || op.outcome != OperationOutcome::Succeeded {
            continue;
        }
        if let (Some(_), Some(started)) = (&op.resource, op.started) {
            let list = deletions.entry(op.symbols.resource).or_default();
            list.push((started.ns, at));
        }
    }
    let mut last_write: Known<u32, i64> = Known::default();
    let deleted_soon: Arc<str> = "Managed run command deleted soon after".into();
    let first: Arc<str> = "First managed run command of this principal".into();
    let written: Arc<str> = "Managed run command written".into();
    let mut findings = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        if op.family != OperationFamily::Managed || op.outcome != OperationOutcome::Succeeded {
            continue;
        }
        let Some(started) = op.started.map(|started| started.ns) else {
            continue;
        };
        let new_principal = history.principal(at).map(|principal| {
            let before = last_write.insert(principal, started);
            before.is_none_or(|before| before < started.saturating_sub(window))
        });
        let deletion = op.resource.as_ref().and_then(|_| {
            let list = deletions.get(&op.symbols.resource)?;
            let next = list.partition_point(|(then, _)| *then <= started);
            list.get(next)
                .copied()
                .filter(|(then, _)| then.saturating_sub(started) <= ephemeral)
        });
        let (severity, title) = match (new_principal == Some(true), deletion) {
            (_, Some(_)) => (Severity::High, &deleted_soon),
            (true, None) => (Severity::Medium, &first),
            (false, None) => (Severity::Info, &written),
        };
        let mut operations = vec![at];
        let mut attack: Cow<'static, [&'static str]> = Cow::Borrowed(&["T1651"]);
        if let Some((_, deleted)) = deletion {
            operations.push(deleted);
            attack = Cow::Borrowed(&["T1651", "T1070.004"]);
        }
        let since = history.since(history.subscription(at));
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity,
            confidence: Confidence::High,
            baseline: coverage(since, started.saturating_sub(window)),
            title: Arc::clone(title),
            wording: Some(Arc::new(Said {
                new_principal,
                lived: deletion.map(|(then, _)| then.saturating_sub(started)),
                window_days: settings.window_days,
                kept_text_bytes: view.settings.limits.kept_text_bytes,
            })),
            operations,
            attack,
            ..Finding::default()
        });
    }
    findings
}
