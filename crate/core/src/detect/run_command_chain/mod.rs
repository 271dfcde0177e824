//! # Steps around a run command
//!
//! ## What it finds
//! For each successful Run Command the steps of an intrusion around it: preparation (`grant`, `elevate`, `new-vm`, `identity`,
//! `open-net`), defence impairment (`blind`, `backup`), collection (`keys`, `disk-export`), further access (`access-reset`,
//! `automation`, `fan-out`), clean-up (`cleanup`, `destroy`), and whether caller or network are new to the baseline (`new-source`). Of each step the
//! match nearest in time counts, with its weight; the score is their sum: 3–4 `low`, 5–7 `medium`, 8–11 `high`, from 12 on `critical`.
//! Windows before the command end short of it (`grant`, `elevate`, `new-vm`, `cleanup` and `destroy` leave the command's own instant
//! out), all others include both ends.
//!
//! Beside those, what other detectors say of the command itself is a step: its script asks the metadata service for a token (`token-theft`), an
//! identity anomaly lies around it (`risk`), its identity was dormant (`dormant`).
//!
//! ## Why it matters
//! One command is administration; a role granted before it and logs switched off after it are not.
//!
//! ## Parameters
//! `report_min` (3; 1 to 20), `published_roles` (no), and for each step its `…_weight` (0 to 20), `…_lesser_weight`, `…_before_hours` and
//! `…_after_hours` (1 to 720).
//!
//! ## Known false positives
//! Provisioning pipelines grant a role, make a VM and run a command: the commands of principals on the analyst's list `known-automation`
//! are not looked at. Roles of the list `privileged-roles` are privileged beside the built-in ones.
//!
//! ## Sources
//! Elastic rules on role assignments, diagnostic settings, snapshots and restore points; Sentinel PortOpenedForAzureResource,
//! UserGrantedAccess_CreatesResources; Azure Threat Research Matrix.

mod steps;

use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures,
    needs_operations, seconds, target, who,
};
use crate::reconstruct::operations::OperationOutcome;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use steps::{Anchor, Index, Step};
pub(crate) use steps::{PRIVILEGED, PUBLISHED};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-chain",
    not_assessed: needs_operations,
    run,
};

/// Commands of known automation, which are no anchors.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    super::known_automation_left_out(view)
}

fn severity(score: i64) -> Severity {
    match score {
        ..=4 => Severity::Low,
        5..=7 => Severity::Medium,
        8..=11 => Severity::High,
        _ => Severity::Critical,
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.chain;
    let history = view.history();
    let index = Index::of(view);
    let mut findings = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        let (true, OperationOutcome::Succeeded, Some(started)) =
            (op.family.is_run_command(), op.outcome, op.started)
        else {
            continue;
        };
        if view.is_known_automation(at) {
            continue;
        }
        let anchor = Anchor {
            at,
            start: started.ns,
            principal: history.principal(at),
            vm: history.vm(at),
            subscription: history.subscription(at),
            group: op.resource.as_ref().and_then(|id| id.resource_group()),
        };
        let mut steps: Vec<Step> = index.steps(view, &anchor);
        let score: i64 = steps.iter().map(|step| step.weight).sum();
        if score < settings.report_min {
            continue;
        }
        steps.sort_by_key(|step| (step.offset, step.name));
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        let mut operations = vec![at];
        let mut attack = vec!["T1651"];
        let mut techniques: BTreeSet<&'static str> = BTreeSet::new();
        for step in &steps {
            if !operations.contains(&step.operation) {
                operations.push(step.operation);
            }
            techniques.extend(step.techniques);
        }
        techniques.remove("T1651");
        attack.extend(techniques);
        let shown: Vec<Value> = steps
            .iter()
            .map(|step| {
                let of = view.operations.get(step.operation);
                json!({
                    "step": step.name,
                    "offset": seconds(step.offset),
                    "weight": step.weight,
                    "actor": of.and_then(|of| of.caller.as_deref()),
                    "operation": of.map(|of| of.operation.as_str()),
                    "resource": of.and_then(|of| of.resource.as_ref()).map(|id| id.folded.as_str()),
                })
            })
            .collect();
        findings.push(Finding {
            detector: DETECTOR.id,
            severity: severity(score),
            confidence: Confidence::Medium,
            baseline: Baseline::NotApplicable,
            title: "Run command among steps of an intrusion".to_owned(),
            summary: format!(
                "{} around the command that {} ran on {}: {} (score {score}).",
                counted(steps.len(), "step"),
                who(op),
                target(op),
                names.join(", ")
            ),
            operations,
            values: figures(json!({ "score": score, "steps": shown })),
            attack,
            ..Finding::default()
        });
    }
    findings
}
