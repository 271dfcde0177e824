//! # Run-command extension or its data removed
//!
//! ## What it finds
//! The handler of a run command, or of a custom script, was removed from a guest: by the agent's log, the handler's log or the Activity Log. Signs within
//! five minutes of each other are one removal. No finding where the same handler was installed within ten minutes before or after (an upgrade).
//! `high` where the last run ended at most 24 hours before, or where a guest says so and the cloud, although its records cover it, knows of no deletion
//! within ten minutes (an *orphan*); else `medium`. A script, or a process, that tells the guest service to de-provision removes everything likewise: its gap counts from the
//! run before it, and it is sure where the service's own words stand in the output, or its process was seen. Where logs know of runs, another extension's folder was collected
//! and of this handler neither folder nor data, the folder is gone: `high` where the guest's last record lies at most 24 hours behind the last run, which bounds the gap.
//!
//! ## Why it matters
//! Removal deletes scripts, outputs, settings and statuses of every run (T1070.004, T1562.001). The logs under `/var/log/azure`, the agent's log, the
//! archived goal states, on Windows `C:\WindowsAzure\Logs` and PowerShell's log, telemetry and the Activity Log stay: `values.survives` lists them.
//!
//! ## Parameters
//! `absence.lag_minutes` (15; how complete an export is near its end). Deleting one managed run command is no removal; `managed-run-command-write` tells it.
//!
//! ## Known false positives
//! Decommissioning; platform upgrades whose install line is missing; a collection that left out one handler's folder. On Windows a removal is read from free text: of no agent's
//! log with one, and of no `Plugins` event log, a sample is public.
//!
//! ## Sources
//! Source of the guest agent (it removes the versioned directory and the package) and of the handlers (they remove their data directory).

mod absent;
mod deprovisioned;

use super::history::{NS_PER_HOUR, NS_PER_MINUTE};
use super::machines::{of_host, on_host};
use super::{
    CaseView, Confidence, Detector, Finding, Severity, figures, lasting, needs_operations, seconds,
};
use crate::event::fact::HandlerChange;
use crate::evidence::layout::{Family, Os};
use crate::identity::{netbios, same_host};
use crate::reconstruct::guests::Change;
use crate::reconstruct::operations::OperationOutcome;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "extension-removed",
    not_assessed,
    run,
};

/// Signs so near together are one removal.
const ONE_REMOVAL: i64 = 5 * NS_PER_MINUTE;
/// An installation so near makes it an upgrade, a deletion in the cloud so near explains it.
const NEAR: i64 = 10 * NS_PER_MINUTE;
/// A run so near before makes it worse.
const SOON: i64 = 24 * NS_PER_HOUR;

const SURVIVES_LINUX: [&str; 5] = [
    "/var/log/azure",
    "/var/log/waagent.log",
    "syslog or journal",
    "/var/lib/waagent/history",
    "endpoint telemetry and shell audit",
];
const SURVIVES_WINDOWS: [&str; 5] = [
    r"C:\WindowsAzure\Logs",
    "Microsoft-WindowsAzure-Status/Plugins",
    "PowerShell script-block log",
    "prefetch",
    "endpoint telemetry",
];

/// Ends of runs by the cloud's clock, with the run, by guest and family.
type Ends<'a> = BTreeMap<(&'a str, Family), Vec<(i64, usize)>>;

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    let told = !view.guests.changes.is_empty() || deprovisioned::any(view);
    if !told && !absent::can_tell(view) {
        needs_operations(view)
    } else {
        None
    }
}

/// `R_xdel` (detectors 0.9).
fn is_extension_delete(operation: &str) -> bool {
    matches!(
        operation,
        "microsoft.compute/virtualmachines/extensions/delete"
            | "microsoft.compute/virtualmachinescalesets/extensions/delete"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/extensions/delete"
    )
}

/// Whether an extension's resource runs scripts, by its name.
fn runs_scripts(name: &str) -> bool {
    let folded = name.to_lowercase();
    folded.contains("runcommand") || folded.contains("customscript")
}

/// One removal on one guest.
struct Removal<'a> {
    label: &'a str,
    family: Family,
    /// By the guest's clock and by the cloud's.
    guest: i64,
    cloud: i64,
    signs: Vec<&'a Change>,
}

fn removals<'a>(view: &CaseView<'a>) -> Vec<Removal<'a>> {
    let mut groups: BTreeMap<(&str, Family), Vec<&Change>> = BTreeMap::new();
    for change in &view.guests.changes {
        let key = (change.label.as_str(), change.family);
        groups.entry(key).or_default().push(change);
    }
    let mut found: Vec<Removal<'a>> = Vec::new();
    for ((label, family), changes) in groups {
        let installed: Vec<i64> = changes
            .iter()
            .filter(|change| change.what == HandlerChange::Installed)
            .map(|change| change.time)
            .collect();
        let offset = view.machines().offset(label);
        let mut open: Option<Removal<'a>> = None;
        for change in changes
            .iter()
            .filter(|one| one.what != HandlerChange::Installed)
        {
            match &mut open {
                Some(removal)
                    if removal
                        .signs
                        .last()
                        .is_some_and(|last| change.time - last.time <= ONE_REMOVAL) =>
                {
                    removal.signs.push(change);
                }
                _ => {
                    let new = Removal {
                        label,
                        family,
                        guest: change.time,
                        cloud: offset.cloud(change.time),
                        signs: vec![change],
                    };
                    found.extend(open.replace(new));
                }
            }
        }
        found.extend(open);
        found.retain(|removal| {
            let upgrade = || {
                let from =
                    installed.partition_point(|time| *time < removal.guest.saturating_sub(NEAR));
                installed
                    .get(from)
                    .is_some_and(|time| *time <= removal.guest.saturating_add(NEAR))
            };
            (removal.label, removal.family) != (label, family) || !upgrade()
        });
    }
    found
}

/// Last end of a run of a family on a guest before a time, by the cloud's clock, with the run.
fn last_run(ends: &[(i64, usize)], until: i64) -> Option<(i64, usize)> {
    let at = ends.partition_point(|(end, _)| *end <= until);
    ends.get(at.checked_sub(1)?).copied()
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut ends: Ends<'_> = BTreeMap::new();
    for (at, run) in view.runs.iter().enumerate() {
        if let Some((_, end)) = view.run_times(at) {
            let key = (view.label(at), run.family);
            ends.entry(key).or_default().push((end.ns, at));
        }
    }
    ends.values_mut().for_each(|list| list.sort_unstable());
    // Deletions of script extensions by the VM's name.
    let mut deletions: BTreeMap<String, Vec<(i64, usize)>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        let child = || op.resource.as_ref().and_then(|id| id.child());
        let ours = is_extension_delete(&op.operation)
            && op.outcome != OperationOutcome::Failed
            && child().as_deref().is_some_and(runs_scripts);
        if !ours {
            continue;
        }
        if let (Some(vm), Some(started)) = (op.vm(), op.started) {
            deletions
                .entry(netbios(&vm))
                .or_default()
                .push((started.ns, at));
        }
    }
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let mut findings = Vec::new();
    let mut last_removal: BTreeMap<(String, Family), i64> = BTreeMap::new();
    for removal in removals(view) {
        let key = (removal.label.to_owned(), removal.family);
        let latest = last_removal.entry(key).or_insert(removal.cloud);
        *latest = removal.cloud.max(*latest);
        let near: Vec<usize> = deletions
            .get(&netbios(removal.label))
            .into_iter()
            .flatten()
            .filter(|(time, at)| {
                let vm = view.operations.get(*at).and_then(|op| op.vm());
                (time - removal.cloud).abs() <= NEAR
                    && vm.is_some_and(|vm| same_host(&vm, removal.label))
            })
            .map(|(_, at)| *at)
            .collect();
        told.extend(&near);
        let last = ends
            .get(&(removal.label, removal.family))
            .and_then(|list| last_run(list, removal.cloud));
        let orphan = near.is_empty() && is_covered(view, &removal);
        findings.push(finding(view, &removal, near, last, orphan));
    }
    findings.extend(deprovisioned::findings(view, &ends));
    findings.extend(absent::findings(view, &ends, &last_removal));
    let mut commands: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (_, at) in deletions.values().flatten() {
        if !told.contains(at) {
            findings.extend(in_cloud_only(view, *at, &mut commands));
        }
    }
    findings
}

/// Whether the Activity Log would have told: its records of the VM's subscription reach around the removal.
fn is_covered(view: &CaseView<'_>, removal: &Removal<'_>) -> bool {
    let lag = view.settings.guest.absence.lag_minutes * NS_PER_MINUTE;
    let commands = view.run_commands(removal.label);
    let subscription = commands
        .first()
        .and_then(|at| view.operations.get(*at)?.subscription.as_deref());
    let records = view.records(subscription);
    match (records.first(), records.last(), commands.is_empty()) {
        (Some(first), Some(last), false) => {
            *first <= removal.cloud - NEAR && removal.cloud + NEAR <= last - lag
        }
        _ => false,
    }
}

fn finding(
    view: &CaseView<'_>,
    removal: &Removal<'_>,
    operations: Vec<usize>,
    last: Option<(i64, usize)>,
    orphan: bool,
) -> Finding {
    let gap = last.map(|(end, _)| removal.cloud - end);
    let run = last.and_then(|(_, at)| view.runs.get(at));
    let reach = view.guests.reach.get(removal.label);
    let host = reach.and_then(|reach| reach.host.clone());
    let windows = run.is_some_and(|run| run.os == Os::Windows)
        || removal.signs.iter().any(|sign| sign.os == Os::Windows);
    let time = removal
        .signs
        .first()
        .and_then(|sign| view.event_time(sign.event, removal.label));
    let end = removal
        .signs
        .last()
        .and_then(|sign| view.event_time(sign.event, removal.label));
    let version = removal.signs.iter().find_map(|sign| sign.version.clone());
    let mut said = vec![format!(
        "The handler of {} run commands was removed from {}",
        removal.family.word(),
        on_host(host.as_deref())
    )];
    if removal.family == Family::Extension {
        said = vec![format!(
            "A script extension was removed from {}",
            on_host(host.as_deref())
        )];
    }
    if let Some(gap) = gap {
        said.push(format!("{} after its last run", lasting(gap)));
    }
    if orphan {
        said.push("and the Activity Log, which covers the time, knows of no deletion".to_owned());
    }
    let severe = orphan || gap.is_some_and(|gap| gap <= SOON);
    Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if severe {
            Severity::High
        } else {
            Severity::Medium
        },
        confidence: Confidence::High,
        title: "Script handler removed from a guest".into(),
        summary: format!("{}.", said.join(", ")).into(),
        operations,
        executions: view.executions_of_run(last.map(|(_, at)| at)),
        events: removal.signs.iter().map(|sign| sign.event).collect(),
        subject: of_host(host).into(),
        time: time.zip(end).map(Box::new),
        values: figures(json!({
            "gap": gap.map(seconds),
            "orphan": orphan,
            "family": removal.family.word(),
            "version": version,
            "survives": if windows { SURVIVES_WINDOWS } else { SURVIVES_LINUX },
        }))
        .into(),
        attack: Cow::Borrowed(&["T1070.004", "T1562.001"]),
        ..Finding::default()
    }
}

/// Commands that are looked at for one deletion at most: of so many under way at one time none is the last.
const MOST_LOOKED_AT: usize = 4096;

/// A deletion that only the Activity Log tells of.
/// `commands` keeps the run commands of each VM that was asked for.
fn in_cloud_only(
    view: &CaseView<'_>,
    at: usize,
    commands: &mut BTreeMap<String, Vec<usize>>,
) -> Option<Finding> {
    let op = view.operations.get(at)?;
    let started = op.started?;
    // The last run command on that VM, by the Activity Log; operations are in order of their starts.
    let of_vm = op.vm().map(|vm| {
        let known = commands.entry(vm);
        known.or_insert_with_key(|vm| view.run_commands(vm))
    });
    let of_vm = of_vm.map_or(&[][..], |list| list.as_slice());
    let before = of_vm.partition_point(|command| *command < at);
    let last = of_vm
        .iter()
        .take(before)
        .rev()
        .take(MOST_LOOKED_AT)
        .filter_map(|at| view.operations.get(*at)?.ended)
        .find(|ended| ended.ns <= started.ns);
    let gap = last.map(|last| started.ns - last.ns);
    let severe = gap.is_some_and(|gap| gap <= SOON);
    let after = gap.map_or_else(String::new, |gap| {
        format!(", {} after the last run command on it", lasting(gap))
    });
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if severe {
            Severity::High
        } else {
            Severity::Medium
        },
        confidence: Confidence::High,
        title: "Script extension deleted".into(),
        summary: format!(
            "{} deleted a script extension of {}{after}.",
            super::who(op),
            super::target(op)
        )
        .into(),
        operations: vec![at],
        values: figures(json!({
            "gap": gap.map(seconds),
            "orphan": false,
            "survives": SURVIVES_LINUX,
        }))
        .into(),
        attack: Cow::Borrowed(&["T1070.004", "T1562.001"]),
        ..Finding::default()
    })
}
