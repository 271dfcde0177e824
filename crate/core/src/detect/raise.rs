//! What one detector's finding says of another's: severities that rise in company.
//!
//! ```text
//! run-command-invocation  medium → high   the same operation is in a finding of the anomaly model (score 4 or more), the risk window, a
//!                                         revival, a chain, or its script's content is at least medium
//! vm-extension-write      any    → high   its content is at least high
//! ```
//!
//! A finding that the analyst's allow-list suppressed raises nothing. What raised a finding stands under `raised_by`.
//!
//! Rejected: detectors that call each other. The order in which they run would decide.

use super::history::Known;
use super::{
    CaseView, Finding, Severity, anomalous_operation_model, dormant_principal_reactivated,
    run_command_chain, run_command_in_risk_window, run_command_invocation, script_content,
    vm_extension_write,
};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// From this score on the anomaly model raises.
const MODEL_SCORE: u8 = 4;

/// Whether a finding raises the invocation of its operations.
fn raises_invocation(view: &CaseView<'_>, finding: &Finding) -> bool {
    let id = &*finding.detector;
    if id == anomalous_operation_model::DETECTOR.id {
        let of = finding.operations.first();
        let score = of.and_then(|at| Some(view.assessed(*at)?.score));
        return score >= Some(MODEL_SCORE);
    }
    if id == script_content::DETECTOR.id {
        return finding.severity >= Severity::Medium;
    }
    [
        run_command_in_risk_window::DETECTOR.id,
        dormant_principal_reactivated::DETECTOR.id,
        run_command_chain::DETECTOR.id,
    ]
    .contains(&id)
}

fn raise(finding: &mut Finding, by: &[&'static str]) {
    if !by.is_empty() {
        finding.severity = finding.severity.max(Severity::High);
        let mut by = by.to_vec();
        by.sort_unstable();
        finding.raised_by = by.into();
    }
}

/// Raises what stands in company.
pub fn raise_all(view: &CaseView<'_>, findings: &mut [Finding]) {
    let mut invocation: Known<usize, Vec<&'static str>> = Known::default();
    for finding in findings.iter() {
        if finding.allowed_by.is_none() && raises_invocation(view, finding) {
            for operation in &finding.operations {
                let by = invocation.entry(*operation).or_default();
                if let Cow::Borrowed(id) = finding.detector
                    && !by.contains(&id)
                {
                    by.push(id);
                }
            }
        }
    }
    let quiet: BTreeSet<usize> = findings
        .iter()
        .filter(|finding| {
            finding.allowed_by.is_some() && finding.detector == script_content::DETECTOR.id
        })
        .flat_map(|finding| finding.operations.iter().copied())
        .collect();
    for finding in findings {
        let Some(operation) = finding.operations.first().copied() else {
            continue;
        };
        if finding.detector == run_command_invocation::DETECTOR.id {
            let by = invocation.get(&operation);
            raise(finding, by.map_or(&[], Vec::as_slice));
        } else if finding.detector == vm_extension_write::DETECTOR.id {
            let script = view
                .execution_of(operation)
                .and_then(|at| view.script_of(at));
            // The content's own finding may be suppressed: then it says nothing here either.
            let bad = script
                .filter(|_| !quiet.contains(&operation))
                .and_then(|script| script.severity());
            if bad >= Some(Severity::High) {
                raise(finding, &[script_content::DETECTOR.id]);
            }
        }
    }
}
