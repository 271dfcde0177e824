//! # Child of a run command's script
//!
//! ## What it finds
//! One finding for each execution of a run command's script that started other programs, with its children. A child is `notable` where its executable is one that
//! intruders work with (shells, script hosts, discovery and download tools, account and persistence tools), or where its command line has a content indicator of weight 7 or
//! more. `info` without a notable child, `low` with one or two, `medium` with three or with such an indicator, `high` with one of weight 9. The shell that runs the
//! script is not the script's child, though a wrapper names the script too. No cloud log is needed.
//!
//! ## Why it matters
//! This is the payload, on the machine itself (T1059.001, T1059.004, T1651).
//!
//! ## Parameters
//! `published` (no): as in the published rule, every child is a finding of its own and `medium`, the shell that runs the script included; script numbers of two digits and all scripts of
//! managed run commands are missed.
//!
//! ## Known false positives
//! All legitimate scripts start programs: without notable children it is context.
//!
//! ## Sources
//! Elastic's rule on children of run-command scripts; AZT301.1.

use super::run_command_process_correlation::no_processes;
use super::script_processes::{
    By, Lines, NOTABLE_WEIGHT, Named, ScriptProcesses, heaviest, image_name, is_notable,
};
use super::{CaseView, Confidence, Detector, Finding, Severity, counted, figures, mode};
use crate::identity::host_label;
use crate::reconstruct::processes::Process;
use crate::script::secrets::masked;
use crate::time::Instant;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "script-child-process",
    not_assessed: no_processes,
    run,
};

/// Children listed in one finding.
const MOST_LISTED: usize = 100;
/// Events of one finding.
const MOST_EVENTS: usize = 500;
/// From this weight on an indicator is bad by itself.
const BAD_WEIGHT: u8 = 9;
/// So many notable children are more than a few.
const MANY: usize = 3;
/// Shells that run scripts on Linux.
const SHELLS: [&str; 10] = [
    "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh",
];

/// Whether a process, by name, is what runs such a script.
fn runs_scripts(name: &str, windows: bool) -> bool {
    if windows {
        name == "powershell"
    } else {
        SHELLS.contains(&name)
    }
}

/// One execution of a script: guest, script, and the process that runs it (by place where it was seen, else by id).
type Key = (String, Named, Option<usize>, Option<u64>);

fn children(
    view: &CaseView<'_>,
    scripts: &ScriptProcesses,
    published: bool,
) -> BTreeMap<Key, Vec<usize>> {
    let mut found: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (at, process) in view.processes.iter().enumerate() {
        let Some(script) = scripts.parent.get(at).and_then(Option::as_ref) else {
            continue;
        };
        let parent = process.parent.and_then(|parent| view.processes.get(parent));
        let told = |own: &str, seen: fn(&Process) -> &str| {
            let seen = parent.map_or("", seen);
            if own.is_empty() {
                seen.to_owned()
            } else {
                own.to_owned()
            }
        };
        let image = told(&process.parent_image, |parent| &parent.image);
        let line = told(&process.parent_command_line, |parent| &parent.command_line);
        if !runs_scripts(&image_name(&image, &line), script.windows) {
            continue;
        }
        let name = image_name(&process.image, &process.command_line);
        if name == "conhost" {
            continue;
        }
        // A wrapper's line names the script too; the shell that it starts runs the script and is not its child.
        let is_script = scripts.own.get(at).and_then(Option::as_ref) == Some(script)
            && (runs_scripts(&name, script.windows) || name == "script.sh");
        if is_script && !published {
            continue;
        }
        let key = (
            host_label(&process.host),
            script.clone(),
            process.parent,
            process.parent_pid.filter(|_| process.parent.is_none()),
        );
        found.entry(key).or_default().push(at);
    }
    found
}

/// A child with what speaks against it.
struct Child {
    process: usize,
    name: String,
    notable: bool,
    hit: Option<(u8, String)>,
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut lines = Lines::new(view);
    if view.settings.endpoint.child.published {
        let scripts = ScriptProcesses::of(view.processes, By::Published);
        let found = children(view, &scripts, true);
        return found
            .iter()
            .flat_map(|(key, all)| all.iter().map(move |child| (key, *child)))
            .filter_map(|(key, child)| {
                let mut found = finding(view, key, &[child], &mut lines)?;
                found.severity = Severity::Medium;
                Some(found)
            })
            .collect();
    }
    children(view, view.script_processes(), false)
        .iter()
        .filter_map(|(key, all)| finding(view, key, all, &mut lines))
        .collect()
}

fn finding(
    view: &CaseView<'_>,
    (label, script, ..): &Key,
    processes: &[usize],
    lines: &mut Lines<'_, '_>,
) -> Option<Finding> {
    let before = lines.unexamined;
    let children: Vec<Child> = processes
        .iter()
        .filter_map(|at| {
            let process = view.processes.get(*at)?;
            let name = image_name(&process.image, &process.command_line);
            let examined = lines.examine(&process.command_line, script.windows);
            let hit = examined.as_ref().and_then(|found| heaviest(found));
            let hit = hit
                .filter(|(weight, _)| *weight >= NOTABLE_WEIGHT)
                .map(|(weight, id)| (weight, id.to_owned()));
            Some(Child {
                process: *at,
                notable: hit.is_some() || is_notable(&name),
                name,
                hit,
            })
        })
        .collect();
    let notable = children.iter().filter(|child| child.notable).count();
    let weight = children
        .iter()
        .filter_map(|child| child.hit.as_ref())
        .map(|(weight, _)| *weight)
        .max();
    let severity = if weight.is_some_and(|weight| weight >= BAD_WEIGHT) {
        Severity::High
    } else if weight.is_some() || notable >= MANY {
        Severity::Medium
    } else if notable > 0 {
        Severity::Low
    } else {
        Severity::Info
    };
    let listed: Vec<Value> = children
        .iter()
        .take(MOST_LISTED)
        .filter_map(|child| {
            let process = view.processes.get(child.process)?;
            Some(json!({
                "image": process.image,
                "command_line": masked(&process.command_line),
                "pid": process.pid,
                "user": process.user,
                "started": process.started.map(|time| time.to_string()),
                "notable": child.notable,
                "indicator": child.hit.as_ref().map(|(_, id)| id),
            }))
        })
        .collect();
    let first = view.processes.get(*processes.first()?)?;
    let offset = view.machines().offset(label);
    let cloud = |time: Instant| Instant {
        ns: offset.cloud(time.ns),
        digits: time.digits,
    };
    let times = || {
        let all = processes
            .iter()
            .filter_map(|at| view.processes.get(*at)?.started);
        all.map(cloud)
    };
    let mut events: Vec<u32> = processes
        .iter()
        .filter_map(|at| view.processes.get(*at))
        .flat_map(|process| process.events.iter().copied())
        .take(MOST_EVENTS)
        .collect();
    let parent = first.parent.and_then(|at| view.processes.get(at));
    events.extend(
        parent
            .iter()
            .flat_map(|parent| parent.events.iter().copied()),
    );
    let executions: BTreeSet<usize> = events
        .iter()
        .filter_map(|event| view.execution_of_process(*event))
        .collect();
    let executions: Vec<usize> = executions.into_iter().collect();
    let operation = executions
        .first()
        .and_then(|at| view.linked.executions.get(*at)?.operation);
    let names: BTreeSet<&str> = children
        .iter()
        .filter(|child| child.notable)
        .map(|child| child.name.as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().take(8).collect();
    let told = if names.is_empty() {
        "none of them notable".to_owned()
    } else {
        format!("{notable} notable ({})", names.join(", "))
    };
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: Confidence::High,
        title: "Children of a run command's script".into(),
        summary: format!(
            "{} started {} on {}, {told}.",
            script.script,
            counted(children.len(), "program"),
            first.host,
        ),
        operations: operation.into_iter().collect(),
        executions,
        events,
        subject: super::machines::of_host(
            Some(first.host.to_string()).filter(|host| !host.is_empty()),
        ),
        time: times().min().zip(times().max()),
        values: figures(json!({
            "script": script.script,
            "parent_pid": first.parent_pid,
            "count": children.len(),
            "notable": notable,
            "weight": weight,
            "children": listed,
            "unexamined": lines.unexamined - before,
            "mode": mode(view.settings.endpoint.child.published),
        })),
        attack: Cow::Borrowed(&["T1059.001", "T1059.004", "T1651"]),
        ..Finding::default()
    })
}
