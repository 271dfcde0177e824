//! # Script that removes itself or its tracks
//!
//! ## What it finds
//! `stated`: an indicator of self-deletion or of removing what Run Command leaves (`log-self-delete-sh`, `log-self-delete-ps`, `log-rc-artefacts`) matches the
//! script or a layer decoded from it. `done`: the download folder is there with its output or a terminal status, and the script is not. `both`: it was
//! stated in a copy kept outside the folder (settings, PowerShell's log, the process's command line), and the script is gone.
//!
//! ## Why it matters
//! Legitimate scripts leave the clean-up to the handler. One that deletes itself knows where it lies (T1070.004).
//!
//! ## Parameters
//! None. Runs of managed and immediate run commands that a newer number cleaned up are not `done`, and neither are runs of a guest whose folders hold no
//! script at all, which the collection left out. Windows keeps no folder per run; there only `stated` can be said.
//!
//! ## Known false positives
//! Removing temporary files by name; removal of older numbers by the handler.
//!
//! ## Sources
//! Source of the Linux handlers; artefact notes on Run Command (a script that deletes files is usually itself still on the disk).

use super::machines::{called, needs_guest, of_host, on_host};
use super::{CaseView, Confidence, Detector, Finding, Severity, figures};
use crate::evidence::layout::{Family, Os};
use crate::reconstruct::guests::counters::{Counter, Marks};
use crate::reconstruct::runs::Run;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "self-deleting-script",
    not_assessed: needs_guest,
    run,
};

const INDICATORS: [&str; 3] = [
    "log-self-delete-sh",
    "log-self-delete-ps",
    "log-rc-artefacts",
];

/// Whether the script of a number is gone although its folder is there; `scripts_collected` says whether any script of the counter is there.
fn is_done(counter: &Counter, number: i64, marks: &Marks, scripts_collected: bool) -> bool {
    let newest = counter.numbers.keys().next_back() == Some(&number);
    let keeps = counter.family == Family::Action || counter.family == Family::Managed && newest;
    counter.os == Os::Linux
        && keeps
        && (scripts_collected || newest)
        && marks.folder
        && !marks.script
        && (marks.stdout || marks.terminal)
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut gone: BTreeMap<usize, (&Counter, i64)> = BTreeMap::new();
    for counter in &view.guests.counters {
        let scripts_collected = counter.numbers.values().any(|marks| marks.script);
        for (number, marks) in &counter.numbers {
            let done = is_done(counter, *number, marks, scripts_collected);
            if let (Some(run), true) = (marks.run, done) {
                gone.insert(run, (counter, *number));
            }
        }
    }
    let mut findings = Vec::new();
    for (at, run) in view.runs.iter().enumerate() {
        let stated: Vec<&str> = view.examined_of(at).map_or_else(Vec::new, |examined| {
            let hits = examined.matches.iter().filter(|hit| hit.weight() > 0);
            let ours = hits
                .map(|hit| hit.indicator.id.as_str())
                .filter(|id| INDICATORS.contains(id));
            let mut ids: Vec<&str> = ours.collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        });
        let done = gone.get(&at);
        // Without its file a script's text comes from a copy outside the folder.
        let (code, severity, confidence, title) = match (stated.is_empty(), done.is_some()) {
            (true, false) => continue,
            (false, false) => (
                "stated",
                Severity::High,
                Confidence::High,
                "Script that removes itself or its tracks",
            ),
            (true, true) => (
                "done",
                Severity::Medium,
                Confidence::Medium,
                "Script missing from its folder",
            ),
            (false, true) => (
                "both",
                Severity::Critical,
                Confidence::High,
                "Script removed itself",
            ),
        };
        findings.push(finding(
            view,
            at,
            run,
            &stated,
            (code, severity, confidence, title),
        ));
    }
    findings
}

fn finding(
    view: &CaseView<'_>,
    at: usize,
    run: &Run,
    stated: &[&str],
    (code, severity, confidence, title): (&str, Severity, Confidence, &str),
) -> Finding {
    let says = match code {
        "stated" => format!("states its own removal ({})", stated.join(", ")),
        "done" => "left its output or status in its folder, and its script is gone".to_owned(),
        _ => format!("stated its own removal ({}) and is gone", stated.join(", ")),
    };
    Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence,
        title: title.into(),
        summary: format!(
            "The script of {} on {} {says}.",
            called(run),
            on_host(run.host.as_deref())
        )
        .into(),
        operations: view.operation_of_run(at).into_iter().collect(),
        executions: view.executions_of_run(Some(at)),
        events: run.events.clone(),
        subject: of_host(run.host.clone()).into(),
        time: view.run_times(at).map(Box::new),
        values: figures(json!({ "code": code, "indicators": stated })).into(),
        attack: Cow::Borrowed(&["T1070.004"]),
        ..Finding::default()
    }
}
