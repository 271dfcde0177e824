//! Guests that the guest service was told to de-provision: stores, settings, statuses and the service's own log go with it.
//!
//! ```text
//! script    waagent -force -deprovision+user          it was asked for
//! output    WARNING! The waagent service will be …    the service says what it is about to do
//! process   /usr/sbin/waagent -deprovision            it ran
//! ```
//!
//! The service writes nothing of it into its log, which it deletes; what it prints is all that it says of it. Rejected: its log's last line as a sign. A log that ends
//! is a machine that was switched off, too.
//!
//! Source: azurelinuxagent/pa/deprovision of the guest service.

use super::super::machines::{of_host, on_host};
use super::super::{CaseView, Confidence, Finding, Severity, figures, lasting, seconds};
use super::{DETECTOR, Ends, ONE_REMOVAL, SOON, SURVIVES_LINUX};
use crate::case::store::EventNumber;
use crate::identity::host_label;
use crate::script::word;
use crate::time::Instant;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The indicator of a script that has the guest service remove everything.
const INDICATOR: &str = "log-deprovision";
/// What the service prints before it does so.
const SAID: &str = "WARNING! The waagent service will be stopped.";

/// What speaks of one de-provisioning.
#[derive(Default)]
struct Signs {
    script: bool,
    output: bool,
    /// Its processes, by position.
    processes: Vec<usize>,
}

impl Signs {
    fn words(&self) -> Vec<&'static str> {
        [
            (self.script, "script"),
            (self.output, "output"),
            (!self.processes.is_empty(), "process"),
        ]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect()
    }
}

/// Whether the script of a run asks for it, outside comments.
fn is_asked(view: &CaseView<'_>, run: usize) -> bool {
    view.examined_of(run).is_some_and(|examined| {
        let mut hits = examined.matches.iter();
        hits.any(|hit| hit.indicator.id == INDICATOR && hit.weight() > 0)
    })
}

/// Whether what a run wrote holds what the service prints.
fn is_said(view: &CaseView<'_>, run: usize) -> bool {
    let own = view.runs.get(run).and_then(|run| run.stdout.as_deref());
    let texts = view.guests.texts.get(run);
    let file = texts.and_then(|texts| Some(texts.stdout.as_ref()?.0.as_str()));
    let reported = texts.and_then(|texts| texts.reported.as_ref()?.0.as_deref());
    let mut all = [own, file, reported].into_iter().flatten();
    all.any(|text| text.contains(SAID))
}

/// Whether a command line is the service, told to de-provision.
fn is_service(line: &str) -> bool {
    if !word::has(line, "-deprovision") {
        return false;
    }
    let mut words = line
        .split_ascii_whitespace()
        .map(|word| word.trim_matches(['"', '\'']));
    let service = |word: &str| word.rsplit('/').next() == Some("waagent");
    words.any(service)
        && words.any(|word| {
            let option = word.trim_start_matches('-');
            option.len() < word.len() && matches!(option, "deprovision" | "deprovision+user")
        })
}

/// Whether anything speaks of one.
pub(super) fn any(view: &CaseView<'_>) -> bool {
    (0..view.runs.len()).any(|at| is_asked(view, at) || is_said(view, at))
        || view
            .processes
            .iter()
            .any(|one| is_service(one.command_line(view.store)))
}

/// The findings, by run, then those of processes that belong to none.
pub(super) fn findings(view: &CaseView<'_>, ends: &Ends<'_>) -> Vec<Finding> {
    let mut by_run: BTreeMap<usize, Signs> = BTreeMap::new();
    for at in 0..view.runs.len() {
        let (script, output) = (is_asked(view, at), is_said(view, at));
        if script || output {
            let signs = by_run.entry(at).or_default();
            (signs.script, signs.output) = (script, output);
        }
    }
    // `sudo` and the service, or the service and its own child: one de-provisioning.
    let mut alone: BTreeMap<String, Vec<(i64, Vec<usize>)>> = BTreeMap::new();
    let processes = view.processes.iter().enumerate();
    for (at, process) in processes.filter(|(_, one)| is_service(one.command_line(view.store))) {
        let execution = |event: &EventNumber| view.execution_of_process(*event);
        let execution = process.events.iter().find_map(execution);
        let run = execution.and_then(|at| view.linked.executions.get(at)?.run);
        if let Some(run) = run {
            by_run.entry(run).or_default().processes.push(at);
            continue;
        }
        let Some(started) = process.started() else {
            continue;
        };
        let groups = alone.entry(host_label(&process.host)).or_default();
        match groups.last_mut() {
            Some((last, members)) if started.ns - *last <= ONE_REMOVAL => {
                *last = started.ns;
                members.push(at);
            }
            _ => groups.push((started.ns, vec![at])),
        }
    }
    let of_runs = by_run
        .iter()
        .filter_map(|(run, signs)| of_run(view, ends, *run, signs));
    let mut found: Vec<Finding> = of_runs.collect();
    for (label, groups) in &alone {
        let groups = groups.iter();
        found.extend(groups.filter_map(|(_, group)| of_processes(view, ends, label, group)));
    }
    found
}

/// How long after the run before it, which is not the run itself.
fn gap(ends: &Ends<'_>, label: &str, until: i64, itself: Option<usize>) -> Option<i64> {
    let of_label = ends.iter().filter(|((of, _), _)| *of == label);
    let before = of_label
        .flat_map(|(_, list)| list)
        .filter(|(end, other)| Some(*other) != itself && *end <= until)
        .max();
    before.map(|(end, _)| until - end)
}

fn events_of(view: &CaseView<'_>, processes: &[usize]) -> Vec<EventNumber> {
    let known = processes.iter().filter_map(|at| view.processes.get(*at));
    known.flat_map(|one| one.events.iter().copied()).collect()
}

fn of_run(view: &CaseView<'_>, ends: &Ends<'_>, at: usize, signs: &Signs) -> Option<Finding> {
    let run = view.runs.get(at)?;
    let (first, last) = view.run_times(at)?;
    let gap = gap(ends, view.label(at), first.ns, Some(at));
    let mut events = run.events.clone();
    events.extend(events_of(view, &signs.processes));
    let sure = signs.output || !signs.processes.is_empty();
    Some(Finding {
        // A script says what was asked for; that the service did it, the service says.
        confidence: if sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
        operations: view.operation_of_run(at).into_iter().collect(),
        executions: view.executions_of_run(Some(at)),
        ..finding(
            run.host.clone(),
            gap,
            "A script",
            signs,
            events,
            (first, last),
        )
    })
}

fn of_processes(
    view: &CaseView<'_>,
    ends: &Ends<'_>,
    label: &str,
    processes: &[usize],
) -> Option<Finding> {
    let known = || processes.iter().filter_map(|at| view.processes.get(*at));
    let offset = view.machines().offset(label);
    let cloud = |time: Instant| Instant {
        ns: offset.cloud(time.ns),
        digits: time.digits,
    };
    let times = || known().filter_map(|one| one.started().map(cloud));
    let first = times().min_by_key(|time| time.ns)?;
    let last = times().max_by_key(|time| time.ns)?;
    let host = known().next().map(|one| one.host.to_string());
    let signs = Signs {
        processes: processes.to_vec(),
        ..Signs::default()
    };
    Some(finding(
        host.filter(|host| !host.is_empty()),
        gap(ends, label, first.ns, None),
        "A process",
        &signs,
        events_of(view, processes),
        (first, last),
    ))
}

fn finding(
    host: Option<String>,
    gap: Option<i64>,
    who: &str,
    signs: &Signs,
    events: Vec<EventNumber>,
    time: (Instant, Instant),
) -> Finding {
    let after = gap.map_or_else(String::new, |gap| {
        format!(", {} after the run before it", lasting(gap))
    });
    Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if gap.is_some_and(|gap| gap <= SOON) {
            Severity::High
        } else {
            Severity::Medium
        },
        confidence: Confidence::High,
        title: "Guest told to de-provision".into(),
        summary: format!(
            "{who} on {} told the guest service to de-provision{after}: that removes the stores of all handlers, their settings and statuses.",
            on_host(host.as_deref())
        ).into(),
        events,
        subject: of_host(host).into(),
        time: Some(Box::new(time)),
        values: figures(json!({
            "gap": gap.map(seconds),
            "orphan": false,
            "family": "all",
            "deprovisioned": true,
            "signs": signs.words(),
            "survives": SURVIVES_LINUX,
        }))
        .into(),
        attack: Cow::Borrowed(&["T1070.004", "T1562.001"]),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::is_service;

    #[test]
    fn the_service_and_what_it_is_told() {
        for line in [
            "waagent -deprovision",
            "/usr/sbin/waagent --deprovision+user -force",
            "sudo /usr/sbin/waagent -force -deprovision+user",
            "python3 -u /usr/sbin/waagent -verbose -deprovision",
        ] {
            assert!(is_service(line), "{line}");
        }
        for line in [
            "waagent -daemon",
            "waagent deprovision",
            "grep -r -deprovision /usr/sbin/waagent",
            "vi waagent.deprovision",
            "waagent-helper -deprovision",
        ] {
            assert!(!is_service(line), "{line}");
        }
    }
}
