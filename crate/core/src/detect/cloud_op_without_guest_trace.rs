//! # Operation succeeded, nothing on the guest
//!
//! ## What it finds
//! A successful run command that is linked to no run although the guest's evidence would show it: the agent's or the handler's log covers its time by
//! `tolerance_seconds` on both sides, or the statuses have numbers from before and after. `high` where numbers between the runs before and after are missing
//! (`hole`, `no-folder` or `reset` of `sequence-anomaly`) or the handler was removed afterwards; else `medium`.
//!
//! ## Why it matters
//! What ran was removed from the guest (T1070.004), or its logs were (T1070.002).
//!
//! ## Parameters
//! `absence.tolerance_seconds` (120).
//!
//! ## Known false positives
//! Another VM of the same name; a disk that was rolled back or exchanged.
//!
//! ## Sources
//! Derived from linking.

use super::machines::{left_out_of, listed, needs_both, ns, of_host, on_host};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, figures, sequence_anomaly, target,
    who,
};
use crate::event::fact::HandlerChange;
use crate::evidence::layout::Family;
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use crate::reconstruct::skew::offset::Offset;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "cloud-op-without-guest-trace",
    not_assessed: needs_both,
    run,
};

/// Successful run commands without a run, each with the guest that should show it.
fn untraced<'a>(view: &CaseView<'a>) -> Vec<(usize, &'a str)> {
    let mut guest_of: BTreeMap<usize, &'a str> = BTreeMap::new();
    for label in view.guests.reach.keys() {
        for at in view.run_commands(label) {
            guest_of.entry(at).or_insert(label);
        }
    }
    view.linked
        .executions
        .iter()
        .filter(|execution| execution.run.is_none() && !execution.is_ambiguous())
        .filter_map(|execution| {
            let at = execution.operation?;
            let op = view.operations.get(at)?;
            (op.family.is_run_command() && op.outcome == OperationOutcome::Succeeded)
                .then_some((at, *guest_of.get(&at)?))
        })
        .collect()
}

/// A time of the cloud by the guest's clock.
fn by_guest(offset: Offset, cloud: i64) -> i64 {
    // The offset is told by the guest's own time, which lies near.
    cloud.saturating_add(offset.at(cloud.saturating_add(offset.at(cloud))))
}

/// Matched runs of each guest and family: (operation's start, run), in order.
type Matched<'a> = BTreeMap<(&'a str, Family), Vec<(i64, usize)>>;

fn matched<'a>(view: &CaseView<'a>) -> Matched<'a> {
    let mut found: Matched<'a> = BTreeMap::new();
    let guests = view.guests;
    for execution in &view.linked.executions {
        let (Some(op), Some(at)) = (execution.operation, execution.run) else {
            continue;
        };
        let started = view.operations.get(op).and_then(|op| op.started);
        let label = guests.labels.get(at).map_or("", String::as_str);
        if let (Some(started), Some(run)) = (started, view.runs.get(at)) {
            found
                .entry((label, run.family))
                .or_default()
                .push((started.ns, at));
        }
    }
    found.values_mut().for_each(|list| list.sort_unstable());
    found
}

struct Answer {
    covered: bool,
    /// Runs before and after.
    bounds: (Option<usize>, Option<usize>),
}

fn assess(view: &CaseView<'_>, matched: &Matched<'_>, at: usize, label: &str) -> Option<Answer> {
    let op = view.operations.get(at)?;
    let (started, ended) = (op.started?.ns, op.ended?.ns);
    let tolerance = ns(view.settings.guest.absence.tolerance_seconds);
    let offset = view.machines().offset(label);
    let reach = view.guests.reach.get(label)?;
    let logged = reach.covers(
        by_guest(offset, started - tolerance),
        by_guest(offset, ended + tolerance),
    );
    let families: &[Family] = if op.family == OperationFamily::Action {
        &[Family::Action]
    } else {
        &[Family::Managed, Family::Immediate]
    };
    let mut before: Option<(i64, usize)> = None;
    let mut after: Option<(i64, usize)> = None;
    for family in families {
        let list = matched
            .get(&(label, *family))
            .map_or(&[][..], Vec::as_slice);
        let next = list.partition_point(|(time, _)| *time <= started);
        before = before.max(next.checked_sub(1).and_then(|at| list.get(at)).copied());
        let following = list.get(next).copied();
        after = match (after, following) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    let (before, after) = (before.map(|(_, run)| run), after.map(|(_, run)| run));
    let has_status = |run: Option<usize>| {
        let at = run?;
        let run = view.runs.get(at)?;
        let name = run.name.as_deref().unwrap_or("").to_lowercase();
        let counter = view.guests.counter(label, run.family, &name)?;
        counter
            .numbers
            .get(&run.sequence?)
            .map(|marks| marks.status)
    };
    // Names of managed run commands count apart; their neighbours prove nothing.
    let between = op.family == OperationFamily::Action
        && has_status(before) == Some(true)
        && has_status(after) == Some(true);
    Some(Answer {
        covered: logged || between,
        bounds: (before, after),
    })
}

/// What could not be assessed, by guest.
#[must_use]
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let matched = matched(view);
    let mut hosts = BTreeSet::new();
    for (at, label) in untraced(view) {
        if !assess(view, &matched, at, label).is_some_and(|answer| answer.covered) {
            let reach = view.guests.reach.get(label);
            hosts.insert(on_host(reach.and_then(|reach| reach.host.as_deref())).to_owned());
        }
    }
    left_out_of(
        &hosts,
        "no log or status of the guest covers the time of an operation",
    )
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let matched = matched(view);
    let mut gaps: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut findings = Vec::new();
    for (at, label) in untraced(view) {
        let Some(answer) = assess(view, &matched, at, label).filter(|answer| answer.covered) else {
            continue;
        };
        let Some(op) = view.operations.get(at) else {
            continue;
        };
        let missing = gaps.entry(label).or_insert_with(|| {
            let counter = view.guests.counter(label, Family::Action, "");
            counter.map_or_else(Vec::new, |counter| {
                sequence_anomaly::gaps_of(view, counter, &["hole", "no-folder", "reset"])
            })
        });
        let number = |run: Option<usize>| view.runs.get(run?)?.sequence;
        let (before, after) = answer.bounds;
        let between: Vec<i64> = match (number(before), number(after)) {
            (Some(from), Some(to)) if op.family == OperationFamily::Action => missing
                .iter()
                .copied()
                .filter(|number| from < *number && *number < to)
                .collect(),
            _ => Vec::new(),
        };
        let offset = view.machines().offset(label);
        let ended = op.ended.map_or(i64::MAX, |ended| ended.ns);
        let removed = view.guests.changes.iter().any(|change| {
            change.label == label
                && change.what != HandlerChange::Installed
                && offset.cloud(change.time) >= ended
        });
        let mut said = format!(
            "{} ran a command on {} with success, and nothing of it is on the guest",
            who(op),
            target(op)
        );
        if !between.is_empty() {
            said.push_str(&format!("; number {} is missing there", listed(&between)));
        } else if removed {
            said.push_str("; the handler was removed afterwards");
        }
        let reach = view.guests.reach.get(label);
        let runs = [before, after].into_iter().flatten();
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if removed || !between.is_empty() {
                Severity::High
            } else {
                Severity::Medium
            },
            confidence: if view.machines().resource(label).is_some() {
                Confidence::High
            } else {
                Confidence::Medium
            },
            baseline: Baseline::Full,
            title: "Operation without a trace on the guest".into(),
            summary: format!("{said}.").into(),
            operations: vec![at],
            executions: view
                .machines()
                .execution_of_operation(at)
                .into_iter()
                .chain(runs.filter_map(|run| view.machines().execution(run)))
                .collect(),
            subject: of_host(reach.and_then(|reach| reach.host.clone())).into(),
            values: figures(json!({
                "outcome": op.outcome.class(),
                "number_before": number(before),
                "number_after": number(after),
                "missing": between,
                "removed": removed,
            }))
            .into(),
            attack: Cow::Borrowed(&["T1070.004", "T1070.002"]),
            ..Finding::default()
        });
    }
    findings
}
