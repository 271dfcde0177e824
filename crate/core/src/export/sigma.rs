//! Sigma rules in the case document: each as a detector that was searched with, and each with its file and state. Their findings stand among the others.

use crate::sigma::{RuleReport, RuleState};
use serde_json::{Value, json};

/// A rule, as a detector that was searched with.
pub(super) fn searched(report: &RuleReport<'_>) -> Value {
    let ran = matches!(report.state, RuleState::Active | RuleState::Partly);
    let reason = (!report.reasons.is_empty()).then(|| report.reasons.join("; "));
    json!({ "detector": report.rule.detector(), "ran": ran, "reason": reason })
}

/// A rule with its file and state.
pub(super) fn rule(report: &RuleReport<'_>) -> Value {
    let rule = report.rule;
    json!({
        "path": rule.path,
        "sha256": rule.sha256,
        "line": rule.line,
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "tags": rule.tags,
        "state": report.state.word(),
        "reasons": report.reasons,
        "findings": report.findings,
    })
}
