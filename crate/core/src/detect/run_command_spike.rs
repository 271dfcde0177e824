//! # Burst of run commands
//!
//! ## What it finds
//! At least `least_commands` Run Commands on at least `least_vms` VMs whose starts lie less than `window_minutes` apart, from one group (by
//! default one principal and one address). Windows that share a command are one burst and one finding. `high` where three times as many
//! as needed fit into one window, five VMs are reached, or half of the commands failed; `low` where the principal had bursts on
//! three other days, which makes it routine.
//!
//! ## Why it matters
//! Hands on a keyboard: many commands in minutes (T1651, T1059).
//!
//! ## Parameters
//! `window_minutes` (15; 1 to 1440, strict), `least_commands` (5; 2 to 1000), `least_vms` (1; 1 to 1000), `only_success` (no), `group`
//! (principal+ip), `include_managed` (no), `published` (no): all commands of a caller and address in the last 30 days must begin
//! and end within fewer minute boundaries than the window has, so that one older command hides a burst. The published query also knows
//! the older status and display name only, which the folded operation no longer tells apart.
//!
//! ## Known false positives
//! Fleet automation, loops in deployment scripts.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; AZT301.1.

use super::history::{NS_PER_MINUTE, boundaries, day};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures, lasting, mode,
    needs_operations, seconds, who,
};
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::settings::control_plane::SpikeGroup;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-spike",
    not_assessed: needs_operations,
    run,
};

/// The published query looks so far back.
const PUBLISHED_HISTORY: i64 = 30 * NS_PER_DAY;
/// Bursts on so many other days make a principal's bursts routine.
const ROUTINE_DAYS: usize = 3;
/// So many VMs make a burst worse.
const MANY_VMS: usize = 5;
/// So many times the least number in one window make a burst worse.
const MANY_TIMES: usize = 3;

/// One burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// By number.
    pub principal: Option<u32>,
    /// In order of start.
    pub operations: Vec<usize>,
    /// Greatest number of distinct correlation ids in one window.
    pub peak: usize,
    /// Distinct VMs.
    pub vms: usize,
}

/// One command as the sweep sees it.
struct Command<'a> {
    start: i64,
    end: i64,
    /// Correlation id; commands without one are each their own.
    correlation: (Option<&'a str>, usize),
    vm: Option<u32>,
    at: usize,
}

/// Distinct values in a window that moves.
#[derive(Default)]
struct Distinct<K: Ord>(BTreeMap<K, usize>);

impl<K: Ord> Distinct<K> {
    fn add(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    fn remove(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

type GroupKey<'a> = (Option<u32>, Option<&'a str>, Option<u32>);

fn groups<'a>(view: &'a CaseView<'_>) -> BTreeMap<GroupKey<'a>, Vec<Command<'a>>> {
    let settings = &view.settings.control_plane.spike;
    let history = view.history();
    let mut groups: BTreeMap<GroupKey<'a>, Vec<Command<'a>>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        let family = op.family == OperationFamily::Action
            || settings.include_managed && op.family == OperationFamily::Managed;
        let outcome = !settings.only_success || op.outcome == OperationOutcome::Succeeded;
        let (true, Some(start)) = (family && outcome, op.started) else {
            continue;
        };
        let vm = history.vm(at);
        let (ip, by_vm) = match settings.group {
            SpikeGroup::Principal => (None, None),
            SpikeGroup::PrincipalAddress => (op.ips.first().map(|ip| &**ip), None),
            SpikeGroup::PrincipalVm => (None, vm),
        };
        let alone = if op.correlation.is_some() { 0 } else { at };
        groups
            .entry((history.principal(at), ip, by_vm))
            .or_default()
            .push(Command {
                start: start.ns,
                end: op.ended.map_or(start.ns, |ended| ended.ns),
                correlation: (op.correlation.as_deref(), alone),
                vm,
                at,
            });
    }
    for commands in groups.values_mut() {
        commands.sort_by_key(|command| (command.start, command.correlation, command.at));
    }
    groups
}

/// The bursts of a case, in time order.
#[must_use]
pub fn bursts(view: &CaseView<'_>) -> Vec<Burst> {
    let published = view.settings.control_plane.spike.published;
    let mut found = Vec::new();
    for ((principal, _, _), commands) in groups(view) {
        if published {
            found.extend(as_published(view, principal, &commands));
        } else {
            sweep(view, principal, &commands, &mut found);
        }
    }
    found.sort_by_key(|burst: &Burst| burst.operations.first().copied());
    found
}

fn number(value: i64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn burst(principal: Option<u32>, commands: &[Command<'_>], peak: usize) -> Burst {
    let vms: BTreeSet<Option<u32>> = commands.iter().map(|command| command.vm).collect();
    Burst {
        principal,
        operations: commands.iter().map(|command| command.at).collect(),
        peak,
        vms: vms.len(),
    }
}

/// For each command the longest window that begins with it. A shorter window that qualifies lies inside one of these, so that the bursts
/// are the same.
fn sweep(
    view: &CaseView<'_>,
    principal: Option<u32>,
    commands: &[Command<'_>],
    found: &mut Vec<Burst>,
) {
    let settings = &view.settings.control_plane.spike;
    let window = settings.window_minutes * NS_PER_MINUTE;
    let (least, least_vms) = (number(settings.least_commands), number(settings.least_vms));
    let (mut correlations, mut vms) = (Distinct::default(), Distinct::default());
    let mut next = 0;
    // (first, one past last, peak) of the burst that grows.
    let mut open: Option<(usize, usize, usize)> = None;
    let mut close = |open: Option<(usize, usize, usize)>| {
        if let Some((first, end, peak)) = open {
            found.push(burst(
                principal,
                commands.get(first..end).unwrap_or_default(),
                peak,
            ));
        }
    };
    for (first, command) in commands.iter().enumerate() {
        while let Some(more) = commands
            .get(next)
            .filter(|more| more.start.saturating_sub(command.start) < window)
        {
            correlations.add(more.correlation);
            vms.add(more.vm);
            next += 1;
        }
        let count = correlations.0.len();
        if count >= least && vms.0.len() >= least_vms {
            open = match open {
                Some((begun, end, peak)) if first < end => Some((begun, next, peak.max(count))),
                before => {
                    close(before);
                    Some((first, next, count))
                }
            };
        }
        correlations.remove(&command.correlation);
        vms.remove(&command.vm);
    }
    close(open);
}

/// Everything that a caller and address ever did, or nothing.
fn as_published(
    view: &CaseView<'_>,
    principal: Option<u32>,
    commands: &[Command<'_>],
) -> Option<Burst> {
    let settings = &view.settings.control_plane.spike;
    let end = view.history().end()?;
    let from =
        commands.partition_point(|command| command.start < end.saturating_sub(PUBLISHED_HISTORY));
    let to = commands.partition_point(|command| command.start <= end);
    let commands = commands.get(from..to)?;
    let last = commands.iter().map(|command| command.end).max()?;
    let crossed = boundaries(last, commands.first()?.start, NS_PER_MINUTE);
    let correlations: BTreeSet<_> = commands.iter().map(|command| command.correlation).collect();
    let all = burst(principal, commands, correlations.len());
    (crossed < settings.window_minutes
        && correlations.len() >= number(settings.least_commands)
        && all.vms >= number(settings.least_vms))
    .then_some(all)
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.spike;
    let bursts = view.bursts();
    let day_of = |burst: &Burst| {
        let first = burst.operations.first().copied()?;
        Some(day(view.operations.get(first)?.started?.ns))
    };
    let mut days: BTreeMap<u32, BTreeSet<Option<i64>>> = BTreeMap::new();
    for burst in bursts {
        if let Some(principal) = burst.principal {
            days.entry(principal).or_default().insert(day_of(burst));
        }
    }
    let mut findings = Vec::new();
    for burst in bursts {
        let ops: Vec<&Operation> = burst
            .operations
            .iter()
            .filter_map(|at| view.operations.get(*at))
            .collect();
        let Some(first) = ops.first() else { continue };
        let count = ops.len();
        let with =
            |outcome: OperationOutcome| ops.iter().filter(|op| op.outcome == outcome).count();
        let (succeeded, failed) = (
            with(OperationOutcome::Succeeded),
            with(OperationOutcome::Failed),
        );
        let routine = burst
            .principal
            .and_then(|principal| days.get(&principal))
            .is_some_and(|days| days.len() > ROUTINE_DAYS);
        let severe = burst.peak >= MANY_TIMES * number(settings.least_commands)
            || burst.vms >= MANY_VMS
            || failed * 2 >= count;
        let groups: BTreeSet<&str> = ops
            .iter()
            .filter_map(|op| op.resource.as_ref()?.resource_group())
            .collect();
        let start = first.started.map_or(0, |time| time.ns);
        let last_start = ops.iter().filter_map(|op| Some(op.started?.ns)).max();
        let span = last_start.unwrap_or(start).saturating_sub(start);
        // The published query shows the greatest text, not the first address.
        let ips = ops.iter().filter_map(|op| op.ips.first());
        let ip = if settings.published {
            ips.max()
        } else {
            first.ips.first()
        };
        let from = ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: match (routine, severe) {
                (true, _) => Severity::Low,
                (false, true) => Severity::High,
                (false, false) => Severity::Medium,
            },
            confidence: Confidence::High,
            baseline: Baseline::NotApplicable,
            title: "Burst of run commands".into(),
            summary: format!(
                "{} began {} on {}{from} within {} ({succeeded} succeeded, {failed} failed).",
                who(first),
                counted(count, "command"),
                counted(burst.vms, "VM"),
                lasting(span)
            )
            .into(),
            operations: burst.operations.clone(),
            values: figures(json!({
                "count": count,
                "peak": burst.peak,
                "vms": burst.vms,
                "resource_groups": groups,
                "succeeded": succeeded,
                "failed": failed,
                "span": seconds(span),
                "routine": routine,
                "ip": ip,
                "mode": mode(settings.published),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1651", "T1059"]),
            ..Finding::default()
        });
    }
    findings
}
