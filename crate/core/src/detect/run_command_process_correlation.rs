//! # Cloud operation followed by the script's processes
//!
//! ## What it finds
//! One finding for each Run Command after which its VM started processes of a run command's script: what was called, how often, first and last, with the caller, the
//! address and its network. A process belongs to the operation with the latest start that is no more than `early_seconds` after the process; it must begin within
//! `grace_seconds` of the operation's end, or within `most_seconds` of its start where no row ends it. Times of the guest are corrected by its clock's offset.
//! `medium`; `high` where a child is one of those that `script-child-process` calls notable.
//!
//! ## Why it matters
//! On the guest these processes only show SYSTEM or root. This says who they worked for (T1651, T1059.001, T1059.004).
//!
//! ## Parameters
//! `early_seconds` (5; 0 to 600), `most_seconds` (120; 1 to 5400), `grace_seconds` (30; 0 to 600); all ends included. `published` (no): as in the published rule, fixed bins of two
//! minutes are compared by the first operation and the first process in each; a script's number has one digit and its command line two blanks; names of host and VM
//! must be equal; managed and failed commands are left out.
//!
//! ## Known false positives
//! Approved deployments whose scripts are numbered alike.
//!
//! ## Sources
//! Elastic's ES|QL correlation rule and its pull request 6169; AZT301.1.

use super::machines::ns;
use super::script_processes::{By, ScriptProcesses, is_notable, name_of};
use super::{
    CaseView, Confidence, Detector, Finding, Severity, Subject, away, figures, lasting, mode,
    needs_operations, target, who,
};
use crate::event::fact::Status;
use crate::identity::{fold, host_label};
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use crate::script::secrets::masked;
use crate::time::{Instant, NS_PER_SECOND};
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-process-correlation",
    not_assessed: needs_processes,
    run,
};

/// Distinct command lines in one finding.
const MOST_LINES: usize = 50;
/// Events of processes in one finding.
const MOST_EVENTS: usize = 500;
/// The published rule's bins, and the greatest difference inside one.
const BIN: i64 = 120 * NS_PER_SECOND;

pub(super) fn needs_processes(view: &CaseView<'_>) -> Option<String> {
    needs_operations(view).or_else(|| no_processes(view))
}

/// Without process starts nothing can be said of processes.
pub(super) fn no_processes(view: &CaseView<'_>) -> Option<String> {
    view.processes
        .is_empty()
        .then(|| "not-assessed: no process starts are loaded".to_owned())
}

/// The processes of an operation, with their times by the cloud's clock.
type Processes = BTreeMap<usize, Vec<(i64, usize)>>;

fn correlated(view: &CaseView<'_>) -> Processes {
    let settings = &view.settings.endpoint.correlation;
    let (early, most, grace) = (
        ns(settings.early_seconds),
        ns(settings.most_seconds),
        ns(settings.grace_seconds),
    );
    let scripts = view.script_processes();
    let mut of_operation: Processes = BTreeMap::new();
    let mut commands: BTreeMap<String, Vec<(i64, usize)>> = BTreeMap::new();
    for (at, process) in view.processes.iter().enumerate() {
        let Some(started) = process.started().filter(|_| scripts.belongs(at)) else {
            continue;
        };
        if name_of(view.store, process) == "conhost" {
            continue;
        }
        let label = host_label(&process.host);
        let time = view.machines().offset(&label).cloud(started.ns);
        let of_host = commands.entry(label).or_insert_with_key(|label| {
            let all = view.run_commands(label).into_iter();
            let mut timed: Vec<(i64, usize)> = all
                .filter_map(|at| Some((view.operations.get(at)?.started?.ns, at)))
                .collect();
            timed.sort_unstable();
            timed
        });
        let behind = of_host.partition_point(|(start, _)| *start <= time.saturating_add(early));
        // Commands run one after the other: the one before the last has ended long ago, or is a start of the same moment.
        let near = of_host.get(..behind).unwrap_or_default();
        let fits = |start: i64, at: usize| {
            view.operations.get(at).is_some_and(|op| {
                let terminal = matches!(
                    op.outcome,
                    OperationOutcome::Succeeded | OperationOutcome::Failed
                );
                match op.ended.filter(|_| terminal) {
                    Some(end) => time <= end.ns.saturating_add(grace),
                    None => time.saturating_sub(start) <= most,
                }
            })
        };
        let own = near
            .iter()
            .rev()
            .take(MOST_LOOKED_AT)
            .find(|(start, at)| fits(*start, *at));
        if let Some((_, operation)) = own {
            of_operation.entry(*operation).or_default().push((time, at));
        }
    }
    of_operation
}

/// Operations that are looked at for one process at most.
const MOST_LOOKED_AT: usize = 256;

/// As the published rule has it: the first of each side in a bin of two minutes, by equal names.
fn as_published(view: &CaseView<'_>) -> Processes {
    let scripts = ScriptProcesses::of(view.store, view.processes, By::Published);
    let mut operations: BTreeMap<(String, i64), (i64, usize)> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        if op.family != OperationFamily::Action {
            continue;
        }
        let name = op
            .resource
            .as_ref()
            .and_then(|id| id.folded.rsplit('/').next());
        for row in &op.rows {
            if let (Some(name), Some(time)) = (name, row.at)
                && row.status != Status::Failure
            {
                let slot = operations
                    .entry((name.to_owned(), time.ns.div_euclid(BIN)))
                    .or_insert((time.ns, at));
                *slot = (*slot).min((time.ns, at));
            }
        }
    }
    let mut bins: BTreeMap<(String, i64), Vec<(i64, usize)>> = BTreeMap::new();
    for (at, process) in view.processes.iter().enumerate() {
        let of_script = scripts.parent(at).is_some();
        let shown = name_of(view.store, process) != "conhost";
        if let (Some(started), true, true) = (process.started(), of_script, shown) {
            let key = (fold(&process.host), started.ns.div_euclid(BIN));
            bins.entry(key).or_default().push((started.ns, at));
        }
    }
    let mut found: Processes = BTreeMap::new();
    for (key, processes) in bins {
        let first = processes.iter().map(|(time, _)| *time).min();
        if let (Some((asked, operation)), Some(first)) = (operations.get(&key), first)
            && (0..=BIN).contains(&(first - asked))
        {
            found.entry(*operation).or_default().extend(processes);
        }
    }
    found
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let found = if view.settings.endpoint.correlation.published {
        as_published(view)
    } else {
        correlated(view)
    };
    found
        .into_iter()
        .filter_map(|(operation, processes)| finding(view, operation, processes))
        .collect()
}

fn finding(
    view: &CaseView<'_>,
    operation: usize,
    mut processes: Vec<(i64, usize)>,
) -> Option<Finding> {
    processes.sort_unstable();
    let op = view.operations.get(operation)?;
    let published = view.settings.endpoint.correlation.published;
    let scripts = view.script_processes();
    let (mut lines, mut known, mut notable) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut events = Vec::new();
    for (_, at) in &processes {
        let process = view.processes.get(*at)?;
        if lines.len() < MOST_LINES && known.insert(process.command_line) {
            lines.push(masked(process.command_line(view.store)));
        }
        let name = name_of(view.store, process);
        // The script itself is no child of it, though PowerShell is on the list.
        let is_child = scripts.own(*at).is_none();
        if is_child && is_notable(&name) {
            notable.insert(name.into_owned());
        }
        if events.len() < MOST_EVENTS {
            events.extend(process.events.iter().copied());
        }
    }
    let (first, last) = (processes.first()?, processes.last()?);
    let started = op.started?;
    let host = view
        .processes
        .get(first.1)
        .map(|process| process.host.to_string());
    let digits = view.processes.get(first.1)?.started()?.digits;
    let instant = |ns: i64| Instant { ns, digits };
    let ip = op.ips.first();
    let (first_after, last_after) = (first.0 - started.ns, last.0 - started.ns);
    let span = if lasting(first_after) == lasting(last_after) {
        away(first_after)
    } else {
        format!("from {} to {}", away(first_after), away(last_after))
    };
    let more = if notable.is_empty() {
        String::new()
    } else {
        let names: Vec<&str> = notable.iter().map(String::as_str).take(6).collect();
        format!(", among them {}", names.join(", "))
    };
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if notable.is_empty() {
            Severity::Medium
        } else {
            Severity::High
        },
        confidence: Confidence::High,
        title: "Processes of a run command".into(),
        summary: format!(
            "{} of a script began on {} {} {} asked for a command on {}{more}.",
            match processes.len() {
                1 => "1 process".to_owned(),
                n => format!("{n} processes"),
            },
            host.as_deref().unwrap_or("a guest"),
            span,
            who(op),
            target(op),
        )
        .into(),
        operations: vec![operation],
        events,
        subject: Subject {
            host,
            ..Subject::default()
        }
        .into(),
        time: Some(Box::new((
            started.min(instant(first.0)),
            op.ended.unwrap_or(started).max(instant(last.0)),
        ))),
        values: figures(json!({
            "count": processes.len(),
            "first": instant(first.0).to_string(),
            "last": instant(last.0).to_string(),
            "commands": lines,
            "notable": notable,
            "network": ip.and_then(|ip| view.history().mask(ip)),
            "outcome": op.outcome.class(),
            "mode": mode(published),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651", "T1059.001", "T1059.004"]),
        ..Finding::default()
    })
}
