//! # Run that never reported, or was declared finished
//!
//! ## What it finds
//! By `codes`: `stuck` (the status still says that the script runs, more than 90 minutes before the end of the case), `placeholder` (stuck, and the status
//! is the shim's, told by its numeric offset: the handler itself never wrote), `force-closed` (a status that only says the last execution did not
//! finish) and `left-process` (a process id was left behind by a run that did not end).
//!
//! ## Why it matters
//! The script stopped the machine, the agent or itself (T1529, T1489); its true result is nowhere.
//!
//! ## Parameters
//! `detection.end_seconds` (the end of the case; by default the last record of the Activity Log or of that guest). 90 minutes is the platform's own limit.
//!
//! ## Known false positives
//! Reboots by patching; scripts that restart the guest agent.
//!
//! ## Sources
//! Source of the Linux handlers and their shim.

use super::history::NS_PER_MINUTE;
use super::machines::{called, needs_guest, of_host, on_host};
use super::{CaseView, Confidence, Detector, Finding, Severity, figures};
use crate::case::store::EventNumber;
use crate::reconstruct::guests::counters::{Counter, Marks};
use crate::reconstruct::operations::OperationOutcome;
use serde_json::json;
use std::borrow::Cow;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "interrupted-execution",
    not_assessed: needs_guest,
    run,
};

/// The longest that the platform lets a script run.
const LONGEST: i64 = 90 * NS_PER_MINUTE;
/// A restart so near to the run, by the same principal, belongs to it.
const NEAR: i64 = 10 * NS_PER_MINUTE;

/// Operations that stop or restart a VM.
fn is_power(operation: &str) -> bool {
    let verb = operation
        .strip_prefix("microsoft.compute/virtualmachines/")
        .or_else(|| {
            operation.strip_prefix("microsoft.compute/virtualmachinescalesets/virtualmachines/")
        });
    matches!(
        verb,
        Some(
            "restart/action"
                | "poweroff/action"
                | "deallocate/action"
                | "redeploy/action"
                | "reimage/action"
                | "start/action"
        )
    )
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for counter in &view.guests.counters {
        let newest = counter.numbers.keys().next_back().copied();
        for (number, marks) in &counter.numbers {
            let mut codes: Vec<&'static str> = Vec::new();
            if let Some(placeholder) = marks
                .running
                .filter(|_| !marks.terminal && !marks.force_closed)
                && is_stuck(view, counter, marks)
            {
                codes.push("stuck");
                if placeholder {
                    codes.push("placeholder");
                }
            }
            if marks.force_closed {
                codes.push("force-closed");
            }
            let left = counter
                .left_process
                .filter(|_| newest == Some(*number) && !marks.terminal);
            if left.is_some() {
                codes.push("left-process");
            }
            if !codes.is_empty() {
                findings.push(finding(view, counter, *number, marks, &codes, left));
            }
        }
        // A process id of which no number is known at all.
        if let (Some(left), true) = (counter.left_process, counter.numbers.is_empty()) {
            let marks = Marks::default();
            findings.push(finding(
                view,
                counter,
                -1,
                &marks,
                &["left-process"],
                Some(left),
            ));
        }
    }
    findings
}

fn is_stuck(view: &CaseView<'_>, counter: &Counter, marks: &Marks) -> bool {
    let started = marks
        .run
        .and_then(|run| view.runs.get(run)?.started)
        .map(|time| time.ns);
    let Some(since) = started.or(marks.running_since) else {
        return false;
    };
    let offset = view.machines().offset(&counter.label);
    let reach = view.guests.reach.get(&counter.label);
    let last = reach
        .and_then(|reach| reach.last)
        .map(|last| offset.cloud(last));
    let end = if view.settings.control_plane.detection.end_seconds > 0 {
        view.history().end()
    } else {
        last.max(view.history().end())
    };
    end.is_some_and(|end| end.saturating_sub(offset.cloud(since)) > LONGEST)
}

fn finding(
    view: &CaseView<'_>,
    counter: &Counter,
    number: i64,
    marks: &Marks,
    codes: &[&str],
    left: Option<EventNumber>,
) -> Finding {
    let power = marks.run.and_then(|run| power_by_same(view, run));
    let severity = if power.is_some() && codes.contains(&"force-closed") {
        Severity::High
    } else if codes
        .iter()
        .any(|code| matches!(*code, "placeholder" | "force-closed"))
    {
        Severity::Medium
    } else {
        Severity::Low
    };
    let run = marks.run.and_then(|run| view.runs.get(run));
    let what = run.map_or_else(
        || {
            format!(
                "{} run command {} number {number}",
                counter.family.word(),
                counter.name
            )
        },
        called,
    );
    let says = match codes {
        [.., "force-closed"] | ["force-closed", ..] => {
            "was declared finished after a restart; its result is not known"
        }
        ["left-process"] => "left a process id behind, which a run that ends removes",
        [_, "placeholder", ..] => {
            "still has the placeholder of its start as its status; the handler never wrote one"
        }
        _ => "still says that it runs, longer than the platform lets a script run",
    };
    let mut operations: Vec<usize> = marks
        .run
        .and_then(|run| view.operation_of_run(run))
        .into_iter()
        .collect();
    operations.extend(power);
    let mut events = marks.events.clone();
    events.extend(left);
    let time = marks.run.and_then(|run| view.run_times(run)).or_else(|| {
        let time = view.event_time(*events.first()?, &counter.label)?;
        Some((time, time))
    });
    Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: Confidence::High,
        title: "Run without a result".into(),
        summary: format!(
            "{} on {} {says}{}.",
            upper(&what),
            on_host(counter.host.as_deref()),
            if power.is_some() {
                "; the same principal stopped or restarted the VM within ten minutes"
            } else {
                ""
            }
        )
        .into(),
        operations,
        executions: view.executions_of_run(marks.run),
        subject: of_host(counter.host.clone()).into(),
        time: time.map(Box::new),
        values: figures(json!({ "codes": codes, "power": power.is_some() })).into(),
        events,
        attack: Cow::Borrowed(&["T1529", "T1489"]),
        ..Finding::default()
    }
}

/// A sentence begins with a capital.
fn upper(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A power operation on the run's VM by the principal that asked for the run, near its time.
fn power_by_same(view: &CaseView<'_>, run: usize) -> Option<usize> {
    let asked = view.operation_of_run(run)?;
    let (started, ended) = view.run_times(run)?;
    let (vm, principal) = (view.history().vm(asked)?, view.history().principal(asked)?);
    let from = view
        .operations
        .partition_point(|op| op.started.is_some_and(|time| time.ns < started.ns - NEAR));
    view.operations
        .iter()
        .enumerate()
        .skip(from)
        .take_while(|(_, op)| op.started.is_some_and(|time| time.ns <= ended.ns + NEAR))
        .find(|(at, op)| {
            is_power(&op.operation)
                && op.outcome != OperationOutcome::Failed
                && view.history().vm(*at) == Some(vm)
                && view.history().principal(*at) == Some(principal)
        })
        .map(|(at, _)| at)
}
