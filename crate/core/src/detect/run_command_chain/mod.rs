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

mod requests;
mod steps;

use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, counted,
    figures, needs_operations, seconds, target, who,
};
use crate::reconstruct::operations::OperationOutcome;
pub(crate) use requests::{PRIVILEGED, PUBLISHED};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;
use steps::{Anchor, Index, Step};

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

/// What is kept of a finding.
#[derive(Debug)]
struct Said {
    steps: Vec<Step>,
    score: i64,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let names: Vec<&str> = self.steps.iter().map(|step| step.name).collect();
        let shown = self.steps.iter().map(|step| {
            let of = referred.operations.get(step.operation);
            json!({
                "step": step.name,
                "offset": seconds(step.offset),
                "weight": step.weight,
                "actor": of.and_then(|of| of.caller.as_deref()),
                "operation": of.map(|of| &*of.operation),
                "resource": of.and_then(|of| of.resource.as_ref()).map(|id| id.folded.as_str()),
            })
        });
        let shown: Vec<Value> = shown.collect();
        Words {
            summary: format!(
                "{} around the command that {} ran on {}: {} (score {}).",
                counted(self.steps.len(), "step"),
                who(op),
                target(op),
                names.join(", "),
                self.score
            ),
            values: figures(json!({ "score": self.score, "steps": shown })),
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.chain;
    let history = view.history();
    let index = Index::of(view);
    let title: Arc<str> = "Run command among steps of an intrusion".into();
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
            group: history
                .place(at)
                .and_then(|place| history.resource(place)?.group),
        };
        let mut steps: Vec<Step> = index.steps(view, &anchor);
        let score: i64 = steps.iter().map(|step| step.weight).sum();
        if score < settings.report_min {
            continue;
        }
        steps.sort_by_key(|step| (step.offset, step.name));
        let mut operations = vec![at];
        let mut attack = vec!["T1651"];
        for step in &steps {
            if !operations.contains(&step.operation) {
                operations.push(step.operation);
            }
            for technique in step.techniques {
                if !attack.contains(technique) {
                    attack.push(technique);
                }
            }
        }
        // The command's own first.
        if let Some((_, others)) = attack.split_first_mut() {
            others.sort_unstable();
        }
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: severity(score),
            confidence: Confidence::Medium,
            baseline: Baseline::NotApplicable,
            title: title.clone(),
            wording: Some(Arc::new(Said { steps, score })),
            operations,
            attack: attack.into(),
            ..Finding::default()
        });
    }
    findings
}
