//! # Execution on the guest, nothing in the cloud log
//!
//! ## What it finds
//! A run of a run command that is linked to no operation although the Activity Log would have told: its records of the VM's subscription reach around the
//! run by `tolerance_seconds`, and there are records within 24 hours on each side. `reason` is the first that applies: `pre-provisioning` (before the VM
//! was created), `clock` (the guest's clock is off by an hour or more, or its offset contradicts itself), `log-gap` (all records of the subscription pause
//! around the run, `gap_factor` times longer than usual), `local` (the handler's binary was started by something else than the guest agent), else
//! `unexplained`.
//!
//! ## Why it matters
//! Cloud evidence is missing or was removed (T1562.008), the command came from another subscription, or somebody used the extension's binary on the guest
//! itself (T1651, T1059).
//!
//! ## Parameters
//! `absence.tolerance_seconds` (120), `absence.gap_factor` (20; 2 to 1000), `absence.lag_minutes` (15; so much before its last record an export counts as complete).
//!
//! ## Known false positives
//! Runs carried over in an image; exports filtered by resource or caller; ingestion delay.
//!
//! ## Sources
//! Derived. A common command-line export was reported to leave out what managed identities did (azure-powershell issue 18784).

use super::history::{NS_PER_HOUR, NS_PER_MINUTE};
use super::machines::{called, left_out_of, needs_both, ns, of_host, on_host};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, figures, lasting, seconds,
};
use crate::evidence::layout::Family;
use crate::identity::ResourceId;
use crate::reconstruct::operations::OperationOutcome;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "guest-run-without-cloud-op",
    not_assessed: needs_both,
    run,
};

/// A clock that is off by so much says nothing about when a run was.
const CLOCK: i64 = NS_PER_HOUR;

/// What is known of one run that nobody asked for.
struct Unasked {
    run: usize,
    from: i64,
    to: i64,
    subscription: Option<String>,
    resource: Option<String>,
    /// More than one operation may have asked for it.
    ambiguous: bool,
}

/// Runs without an operation, each with the subscription that should have told.
fn unasked(view: &CaseView<'_>) -> Vec<Unasked> {
    let subscriptions: BTreeSet<Option<&str>> = view
        .operations
        .iter()
        .map(|op| op.subscription.as_deref())
        .collect();
    let only = subscriptions.first().copied().flatten();
    let only = only.filter(|_| subscriptions.len() == 1).map(str::to_owned);
    let mut found = Vec::new();
    for execution in &view.linked.executions {
        let (None, Some(run)) = (execution.operation, execution.run) else {
            continue;
        };
        let ours = view
            .runs
            .get(run)
            .is_some_and(|run| run.family != Family::Extension);
        let Some((first, last)) = view.run_times(run).filter(|_| ours) else {
            continue;
        };
        let resource = view.linked.resources.get(run).cloned().flatten();
        let named = resource
            .as_deref()
            .and_then(|id| ResourceId::parse(id).subscription().map(str::to_owned));
        found.push(Unasked {
            run,
            from: first.ns,
            to: last.ns,
            subscription: named.or_else(|| only.clone()),
            resource,
            ambiguous: execution.is_ambiguous(),
        });
    }
    found
}

/// Why nothing can be said of a run; `None` where it can.
fn obstacle(view: &CaseView<'_>, one: &Unasked) -> Option<&'static str> {
    let settings = &view.settings.guest.absence;
    let tolerance = ns(settings.tolerance_seconds);
    let lag = settings.lag_minutes * NS_PER_MINUTE;
    if one.ambiguous {
        return Some("more than one operation may have asked for it");
    }
    if one.subscription.is_none() {
        return Some("its VM is not known in any subscription of the case");
    }
    let records = view.records(one.subscription.as_deref());
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return Some("no Activity Log record of its subscription is loaded");
    };
    if one.from - tolerance < *first || one.to + tolerance > last - lag {
        return Some("the Activity Log does not cover the time");
    }
    let before = records
        .partition_point(|time| *time < one.from)
        .checked_sub(1);
    let before = before.and_then(|at| records.get(at));
    let after = records.get(records.partition_point(|time| *time <= one.to));
    let near = before.is_some_and(|time| one.from - time <= NS_PER_DAY)
        && after.is_some_and(|time| time - one.to <= NS_PER_DAY);
    (!near).then_some("no Activity Log record lies within a day on each side")
}

/// What could not be assessed, by guest.
#[must_use]
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let mut hosts: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for one in unasked(view) {
        if let (Some(why), Some(run)) = (obstacle(view, &one), view.runs.get(one.run)) {
            let host = on_host(run.host.as_deref()).to_owned();
            hosts.entry(why).or_default().insert(host);
        }
    }
    let said: Vec<String> = hosts
        .iter()
        .filter_map(|(why, hosts)| left_out_of(hosts, why))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The creation of each VM, where its first record is one.
fn creations(view: &CaseView<'_>) -> BTreeMap<String, i64> {
    let mut first: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for op in view.operations {
        let vm = op.resource.as_ref().and_then(|id| id.vm_resource());
        if let (Some(vm), Some(started)) = (vm, op.started) {
            let is_creation = &*op.operation == "microsoft.compute/virtualmachines/write"
                && op.outcome == OperationOutcome::Succeeded;
            first.entry(vm).or_insert(is_creation.then_some(started.ns));
        }
    }
    let created = first.into_iter();
    created.filter_map(|(vm, time)| Some((vm, time?))).collect()
}

/// The usual pause between two records of a subscription.
fn usual_pause(records: &[i64]) -> i64 {
    let mut pauses: Vec<i64> = records
        .windows(2)
        .filter_map(|pair| match pair {
            [one, other] if other > one => Some(other - one),
            _ => None,
        })
        .collect();
    pauses.sort_unstable();
    pauses.get(pauses.len() / 2).copied().unwrap_or(i64::MAX)
}

/// When, by the cloud's clock, a handler's own binary was started by something else than the guest agent; by guest, in order.
fn local_starts(view: &CaseView<'_>) -> BTreeMap<String, Vec<i64>> {
    const HANDLERS: [&str; 4] = [
        "run-command-extension",
        "run-command-handler",
        "runcommandextension.exe",
        "runcommandhandler.exe",
    ];
    const AGENTS: [&str; 7] = [
        "waagent",
        "walinuxagent",
        "windowsazureguestagent",
        "waappagent",
        "run-command-shim",
        "systemd",
        "exthandler",
    ];
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for process in view.processes {
        let name = process
            .image(view.store)
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or("");
        let is_handler = HANDLERS
            .iter()
            .any(|handler| name.eq_ignore_ascii_case(handler));
        let (Some(started), true) = (process.started(), is_handler) else {
            continue;
        };
        let parent = format!(
            "{} {}",
            process.parent_image(view.store).to_lowercase(),
            process.parent_command_line(view.store).to_lowercase()
        );
        let local = !parent.trim().is_empty()
            && !AGENTS.iter().any(|agent| parent.contains(agent))
            // The handler starts itself again in the background.
            && !HANDLERS.iter().any(|handler| parent.contains(handler));
        if local {
            let label = crate::identity::host_label(&process.host);
            let time = view.machines().offset(&label).cloud(started.ns);
            found.entry(label).or_default().push(time);
        }
    }
    found.values_mut().for_each(|times| times.sort_unstable());
    found
}

/// Whether one of these starts lies around a run.
fn is_local(view: &CaseView<'_>, one: &Unasked, starts: &BTreeMap<String, Vec<i64>>) -> bool {
    let tolerance = ns(view.settings.guest.absence.tolerance_seconds);
    let times = starts
        .get(view.label(one.run))
        .map_or(&[][..], Vec::as_slice);
    let first = times.partition_point(|time| *time < one.from.saturating_sub(tolerance));
    times
        .get(first)
        .is_some_and(|time| *time <= one.to.saturating_add(tolerance))
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let created = creations(view);
    let starts = local_starts(view);
    let mut pauses: BTreeMap<Option<String>, i64> = BTreeMap::new();
    let mut findings = Vec::new();
    for one in unasked(view) {
        let Some(run) = view
            .runs
            .get(one.run)
            .filter(|_| obstacle(view, &one).is_none())
        else {
            continue;
        };
        let records = view.records(one.subscription.as_deref());
        let usual = *pauses
            .entry(one.subscription.clone())
            .or_insert_with(|| usual_pause(records));
        let before = records
            .partition_point(|time| *time <= one.from)
            .checked_sub(1);
        let before = before.and_then(|at| records.get(at)).copied();
        let after = records
            .get(records.partition_point(|time| *time < one.to))
            .copied();
        let pause = before
            .zip(after)
            .map_or(0, |(before, after)| after.saturating_sub(before));
        let clock = view.machines().clock(view, view.label(one.run));
        let is_off = clock.is_some_and(|clock| {
            clock.applied.at(one.from).abs() >= CLOCK
                || clock.estimate.reason == Some("inconsistent pair")
        });
        let content = view
            .examined_of(one.run)
            .and_then(|examined| examined.score.severity)
            .is_some_and(|severity| severity >= Severity::Medium);
        let creation = one.resource.as_ref().and_then(|vm| created.get(vm));
        let (reason, severity) = if creation.is_some_and(|created| one.to < *created) {
            ("pre-provisioning", Severity::Info)
        } else if is_off {
            ("clock", Severity::Low)
        } else if pause > usual.saturating_mul(view.settings.guest.absence.gap_factor) {
            ("log-gap", Severity::Medium)
        } else if is_local(view, &one, &starts) {
            ("local", Severity::High)
        } else if content {
            ("unexplained", Severity::High)
        } else {
            ("unexplained", Severity::Medium)
        };
        let says = match reason {
            "pre-provisioning" => {
                "it ran before the VM was created, so it came with the image".to_owned()
            }
            "clock" => "the guest's clock is off by an hour or more".to_owned(),
            "log-gap" => format!("the log pauses around it for {}", lasting(pause)),
            "local" => "its handler was started by something else than the guest agent".to_owned(),
            _ => "the log covers the time".to_owned(),
        };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity,
            // A VM that no operation names may be missing from the export as a whole.
            confidence: if one.resource.is_some() {
                Confidence::High
            } else {
                Confidence::Low
            },
            baseline: Baseline::Full,
            title: "Run without an operation in the cloud".into(),
            summary: format!(
                "No operation asked for {} on {}; {says}.",
                called(run),
                on_host(run.host.as_deref())
            )
            .into(),
            executions: view.executions_of_run(Some(one.run)),
            events: run.events.clone(),
            subject: of_host(run.host.clone()).into(),
            time: view.run_times(one.run).map(Box::new),
            values: figures(json!({
                "reason": reason,
                "pause": seconds(pause),
                "usual_pause": seconds(usual),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1562.008", "T1651", "T1059"]),
            ..Finding::default()
        });
    }
    findings
}
