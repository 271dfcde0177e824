//! Sigma rules in the case document: their findings behind those of the detectors, and every rule with its state.

use crate::case::Case;
use crate::case::store::EventNumber;
use crate::sigma::RuleState;
use crate::sigma::hits::Hit;
use serde_json::{Value, json};

/// Findings of rules in the form of a detector's; ids go on from `first_id`.
pub(super) fn findings(
    case: &Case,
    first_id: usize,
    ids: impl Fn(&[EventNumber]) -> Vec<u32>,
) -> Vec<Value> {
    let shown = |(at, hit): (usize, &Hit)| {
        let operation = hit
            .operations
            .first()
            .and_then(|at| case.operations().get(*at));
        json!({
            "id": first_id + at,
            "detector": case.sigma().detector(hit),
            "severity": hit.severity.word(),
            // The rule matched, which is certain; what it means is its author's to say.
            "confidence": "high",
            "baseline": "n/a",
            "title": hit.title,
            "summary": hit.summary,
            "first": hit.first.map(|time| time.to_string()),
            "last": hit.last.map(|time| time.to_string()),
            "subject": {
                "caller": hit.caller,
                "ip": hit.ip,
                "vm": operation.and_then(|op| op.vm()),
                "resource": hit.resource,
                "subscription": operation.and_then(|op| op.subscription.as_deref()),
                "host": hit.host,
            },
            "values": hit.values,
            "attack": hit.attack,
            "events": ids(&hit.events),
            "operations": hit.operations,
            "executions": hit.executions,
            "processes": hit.processes,
            "allowed_by": null,
        })
    };
    case.sigma().hits().iter().enumerate().map(shown).collect()
}

/// Every rule, as a detector that was searched with.
pub(super) fn searched(case: &Case) -> Vec<Value> {
    let shown = |report: &crate::sigma::RuleReport<'_>| {
        let ran = matches!(report.state, RuleState::Active | RuleState::Partly);
        let reason = (!report.reasons.is_empty()).then(|| report.reasons.join("; "));
        json!({ "detector": format!("sigma:{}", report.rule.key()), "ran": ran, "reason": reason })
    };
    case.sigma().reports().iter().map(shown).collect()
}

/// Every rule with its file and state.
pub(super) fn rules(case: &Case) -> Vec<Value> {
    let shown = |report: &crate::sigma::RuleReport<'_>| {
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
    };
    case.sigma().reports().iter().map(shown).collect()
}
