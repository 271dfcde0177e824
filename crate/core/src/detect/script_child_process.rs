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
    By, Lines, NOTABLE_WEIGHT, Named, ScriptProcesses, heaviest, image_name, is_notable, name_of,
};
use super::{
    CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, counted, figures,
    mode,
};
use crate::event::intern::Symbol;
use crate::identity::host_label;
use crate::reconstruct::processes::Process;
use crate::script::indicator::Indicator;
use crate::script::secrets::masked;
use crate::time::Instant;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
type Key<'a> = (&'a str, &'a Named, Option<usize>, Option<u64>);

/// Guests by their spellings: few, whatever the number of their processes.
fn labels(processes: &[Process]) -> BTreeMap<&str, String> {
    let mut known = BTreeMap::new();
    let mut last = None;
    for process in processes {
        let host = &*process.host;
        if last != Some(host) {
            known.entry(host).or_insert_with(|| host_label(host));
            last = Some(host);
        }
    }
    known
}

fn children<'a>(
    view: &CaseView<'_>,
    labels: &'a BTreeMap<&str, String>,
    scripts: &'a ScriptProcesses,
    published: bool,
) -> BTreeMap<Key<'a>, Vec<usize>> {
    let store = view.store;
    let mut found: BTreeMap<Key<'a>, Vec<usize>> = BTreeMap::new();
    for (at, process) in view.processes.iter().enumerate() {
        let Some(script) = scripts.parent(at) else {
            continue;
        };
        let parent = process
            .parent()
            .and_then(|parent| view.processes.get(parent));
        let told = |own: Symbol, seen: fn(&Process) -> Symbol| {
            let symbol = if own.is_some() {
                own
            } else {
                parent.map(seen).unwrap_or_default()
            };
            store.text(symbol).unwrap_or("")
        };
        let image = told(process.parent_image, |parent| parent.image);
        let line = told(process.further.parent_command_line, |parent| {
            parent.command_line
        });
        if !runs_scripts(&image_name(image, line), script.windows) {
            continue;
        }
        let name = name_of(store, process);
        if name == "conhost" {
            continue;
        }
        // A wrapper's line names the script too; the shell that it starts runs the script and is not its child.
        let is_script = scripts.own(at) == Some(script)
            && (runs_scripts(&name, script.windows) || name == "script.sh");
        if is_script && !published {
            continue;
        }
        let key = (
            labels.get(&*process.host).map_or("", String::as_str),
            script,
            process.parent(),
            process.parent_pid().filter(|_| process.parent().is_none()),
        );
        found.entry(key).or_default().push(at);
    }
    found
}

/// A child with what speaks against it.
#[derive(Debug)]
struct Child {
    process: usize,
    notable: bool,
    hit: Option<Arc<Indicator>>,
}

/// What is kept of a finding. Its children are listed for whoever reads it: written down, they would be the greater part of what a case's findings hold.
#[derive(Debug)]
struct Said {
    script: Arc<str>,
    children: Box<[Child]>,
    weight: Option<u8>,
    unexamined: usize,
    published: bool,
}

impl Wording for Said {
    fn words(&self, _: &Finding, referred: Referred<'_>) -> Words {
        let (all, store) = (referred.processes, referred.store);
        let known = || {
            let children = self.children.iter();
            children.filter_map(|child| Some((child, all.get(child.process)?)))
        };
        let Some((_, first)) = known().next() else {
            return Words::default();
        };
        let notable = self.children.iter().filter(|child| child.notable).count();
        let listed: Vec<Value> = known()
            .take(MOST_LISTED)
            .map(|(child, process)| {
                json!({
                    "image": process.image(store),
                    "command_line": masked(process.command_line(store)),
                    "pid": process.pid(),
                    "user": process.user(store),
                    "started": process.started().map(|time| time.to_string()),
                    "notable": child.notable,
                    "indicator": child.hit.as_ref().map(|indicator| &indicator.id),
                })
            })
            .collect();
        let names: BTreeSet<Cow<'_, str>> = known()
            .filter(|(child, _)| child.notable)
            .map(|(_, process)| name_of(store, process))
            .collect();
        let names: Vec<Cow<'_, str>> = names.into_iter().take(8).collect();
        let told = if names.is_empty() {
            "none of them notable".to_owned()
        } else {
            format!("{notable} notable ({})", names.join(", "))
        };
        Words {
            summary: format!(
                "{} started {} on {}, {told}.",
                self.script,
                counted(self.children.len(), "program"),
                first.host,
            ),
            values: figures(json!({
                "script": &*self.script,
                "parent_pid": first.parent_pid(),
                "count": self.children.len(),
                "notable": notable,
                "weight": self.weight,
                "children": listed,
                "unexamined": self.unexamined,
                "mode": mode(self.published),
            })),
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut lines = Lines::new(view);
    let labels = labels(view.processes);
    let title: Arc<str> = "Children of a run command's script".into();
    if view.settings.endpoint.child.published {
        let scripts = ScriptProcesses::of(view.store, view.processes, By::Published);
        let found = children(view, &labels, &scripts, true);
        return found
            .iter()
            .flat_map(|(key, all)| all.iter().map(move |child| (key, *child)))
            .filter_map(|(key, child)| {
                let mut found = finding(view, key, &[child], &mut lines, &title)?;
                found.severity = Severity::Medium;
                Some(found)
            })
            .collect();
    }
    children(view, &labels, view.script_processes(), false)
        .iter()
        .filter_map(|(key, all)| finding(view, key, all, &mut lines, &title))
        .collect()
}

fn finding(
    view: &CaseView<'_>,
    (label, script, ..): &Key<'_>,
    processes: &[usize],
    lines: &mut Lines<'_, '_>,
    title: &Arc<str>,
) -> Option<Finding> {
    let before = lines.unexamined;
    let mut weight = None;
    let children: Box<[Child]> = processes
        .iter()
        .filter_map(|at| {
            let process = view.processes.get(*at)?;
            let matches = lines.examine(process.command_line, script.windows);
            let heaviest = matches.as_deref().and_then(heaviest);
            let hit = heaviest.filter(|(weight, _)| *weight >= NOTABLE_WEIGHT);
            weight = weight.max(hit.map(|(weight, _)| weight));
            Some(Child {
                process: *at,
                notable: hit.is_some() || is_notable(&name_of(view.store, process)),
                hit: hit.map(|(_, indicator)| Arc::clone(indicator)),
            })
        })
        .collect();
    let notable = children.iter().filter(|child| child.notable).count();
    let severity = if weight.is_some_and(|weight| weight >= BAD_WEIGHT) {
        Severity::High
    } else if weight.is_some() || notable >= MANY {
        Severity::Medium
    } else if notable > 0 {
        Severity::Low
    } else {
        Severity::Info
    };
    let first = view.processes.get(*processes.first()?)?;
    let offset = view.machines().offset(label);
    let cloud = |time: Instant| Instant {
        ns: offset.cloud(time.ns),
        digits: time.digits,
    };
    let times = || {
        let all = processes
            .iter()
            .filter_map(|at| view.processes.get(*at)?.started());
        all.map(cloud)
    };
    let mut events: Vec<u32> = processes
        .iter()
        .filter_map(|at| view.processes.get(*at))
        .flat_map(|process| process.events.iter().copied())
        .take(MOST_EVENTS)
        .collect();
    let parent = first.parent().and_then(|at| view.processes.get(at));
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
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: Confidence::High,
        title: Arc::clone(title),
        operations: operation.into_iter().collect(),
        executions,
        events,
        subject: super::machines::of_host(
            Some(first.host.to_string()).filter(|host| !host.is_empty()),
        )
        .into(),
        time: times().min().zip(times().max()).map(Box::new),
        wording: Some(Arc::new(Said {
            script: Arc::clone(&script.script),
            children,
            weight,
            unexamined: lines.unexamined - before,
            published: view.settings.endpoint.child.published,
        })),
        attack: Cow::Borrowed(&["T1059.001", "T1059.004", "T1651"]),
        ..Finding::default()
    })
}
