//! # Suspicious descendant of the custom-script handler
//!
//! ## What it finds
//! On Windows, a start of the custom script extension's handler (`CustomScriptHandler.exe`, or any program in its plugin folder) and, within `window_seconds`, a descendant
//! of any depth that intruders work with: `mshta`, `regsvr32`, `rundll32`, `installutil`, `msbuild`, `regasm`, `regsvcs`, `wscript`, `cscript`, `bitsadmin`, `nltest`, `whoami`, `net`,
//! `net1`, `wmic`, `systeminfo`, `quser`, `arp`, `tasklist`; `certutil` that fetches or decodes; or PowerShell whose command line has an indicator of obfuscation or of a download.
//! One finding for each handler, `medium`.
//!
//! ## Why it matters
//! The custom script extension runs as SYSTEM like Run Command and is watched less (T1651, T1059, T1218).
//!
//! ## Parameters
//! `window_seconds` (60; 1 to 3600; the end included).
//!
//! ## Known false positives
//! Provisioning that asks the system about itself.
//!
//! ## Sources
//! Elastic's rule on descendants of the custom script handler; AZT301.2.

use super::machines::ns;
use super::run_command_process_correlation::no_processes;
use super::script_processes::{Lines, name_of};
use super::{
    CaseView, Confidence, Detector, Finding, Severity, counted, figures, lasting, seconds,
};
use crate::case::store::Store;
use crate::event::intern::Symbol;
use crate::identity::host_label;
use crate::reconstruct::processes::Process;
use crate::script::secrets::masked;
use crate::time::Instant;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "custom-script-descendant",
    not_assessed: no_processes,
    run,
};

const SUSPICIOUS: [&str; 19] = [
    "arp",
    "bitsadmin",
    "cscript",
    "installutil",
    "msbuild",
    "mshta",
    "net",
    "net1",
    "nltest",
    "quser",
    "regasm",
    "regsvcs",
    "regsvr32",
    "rundll32",
    "systeminfo",
    "tasklist",
    "whoami",
    "wmic",
    "wscript",
];
/// Switches by which `certutil` fetches or decodes.
const CERTUTIL: [&str; 5] = ["urlcache", "verifyctl", "url", "decode", "decodehex"];
/// Descendants listed in one finding.
const MOST_LISTED: usize = 100;

/// Whether a process is the custom script extension's own.
fn is_handler(image: &str) -> bool {
    let image = image.to_lowercase();
    let path = image.trim_matches('"');
    if path.rsplit(['\\', '/']).next() == Some("customscripthandler.exe") {
        return true;
    }
    let folder = path
        .split_once("\\packages\\plugins\\")
        .map(|(_, below)| below);
    folder.is_some_and(|below| {
        let own = below.split('\\').next().unwrap_or("");
        own.contains("customscript")
    })
}

/// Why a process is suspicious; `None` where it is not.
fn suspicion(store: &Store, process: &Process, lines: &mut Lines<'_, '_>) -> Option<String> {
    let name = name_of(store, process);
    if SUSPICIOUS.contains(&&*name) {
        return Some(name.into_owned());
    }
    if name == "certutil" {
        let folded = process.command_line(store).to_lowercase();
        let switch = folded
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(['-', '/']))
            .find(|word| CERTUTIL.contains(word))?;
        return Some(format!("certutil -{switch}"));
    }
    if name != "powershell" && name != "pwsh" {
        return None;
    }
    let matches = lines.examine(process.command_line, true)?;
    let hits = matches.iter().filter(|hit| hit.weight() > 0);
    let ours = hits.filter(|hit| matches!(hit.indicator.group.as_str(), "EXE" | "DL"));
    // The heaviest names it; among equals the first by name.
    let worst = ours.max_by(|one, other| {
        let by_weight = one.weight().cmp(&other.weight());
        by_weight.then(other.indicator.id.cmp(&one.indicator.id))
    })?;
    Some(format!("{name}: {}", worst.indicator.id))
}

/// The nearest handler above each process: each process is settled once.
fn handlers(store: &Store, processes: &[Process]) -> Vec<Option<usize>> {
    // A guest starts few programs a million times.
    let mut known: BTreeMap<Symbol, bool> = BTreeMap::new();
    let images = processes.iter().map(|process| {
        let image = known.entry(process.image);
        *image.or_insert_with(|| is_handler(process.image(store)))
    });
    let is: Vec<bool> = images.collect();
    if !is.contains(&true) {
        return vec![None; processes.len()];
    }
    let mut settled: Vec<Option<Option<usize>>> = vec![None; processes.len()];
    for at in 0..processes.len() {
        let mut path = Vec::new();
        let mut next = Some(at);
        let mut found = None;
        while let Some(here) = next {
            match settled.get_mut(here) {
                Some(Some(known)) => {
                    found = *known;
                    break;
                }
                Some(open) => {
                    // A circle of parents ends where it began.
                    *open = Some(None);
                    path.push(here);
                }
                None => break,
            }
            next = processes.get(here).and_then(|process| process.parent());
            if let Some(parent) = next.filter(|parent| is.get(*parent) == Some(&true)) {
                found = Some(parent);
                break;
            }
        }
        // From the top down: below a handler it is the nearest one.
        for here in path.into_iter().rev() {
            if let Some(slot) = settled.get_mut(here) {
                *slot = Some(found);
            }
            if is.get(here) == Some(&true) {
                found = Some(here);
            }
        }
    }
    settled.into_iter().map(Option::flatten).collect()
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let window = ns(view.settings.endpoint.descendant.window_seconds);
    let above = handlers(view.store, view.processes);
    let mut lines = Lines::new(view);
    let mut found: BTreeMap<usize, Vec<(usize, String)>> = BTreeMap::new();
    for (at, process) in view.processes.iter().enumerate() {
        let Some(started) = process.started() else {
            continue;
        };
        // Of two handlers above it the nearest is the younger: no farther one can lie within the window where it does not.
        let Some((place, since)) = above
            .get(at)
            .copied()
            .flatten()
            .and_then(|place| Some((place, view.processes.get(place)?.started()?)))
        else {
            continue;
        };
        let after = started.ns.saturating_sub(since.ns);
        if !(0..=window).contains(&after) {
            continue;
        }
        if let Some(why) = suspicion(view.store, process, &mut lines) {
            found.entry(place).or_default().push((at, why));
        }
    }
    found
        .iter()
        .filter_map(|(handler, below)| finding(view, *handler, below))
        .collect()
}

fn finding(view: &CaseView<'_>, handler: usize, below: &[(usize, String)]) -> Option<Finding> {
    let process = view.processes.get(handler)?;
    let started = process.started()?;
    let offset = view.machines().offset(&host_label(&process.host));
    let cloud = |time: Instant| Instant {
        ns: offset.cloud(time.ns),
        digits: time.digits,
    };
    let listed: Vec<Value> = below
        .iter()
        .take(MOST_LISTED)
        .filter_map(|(at, why)| {
            let one = view.processes.get(*at)?;
            Some(json!({
                "image": one.image(view.store),
                "command_line": masked(one.command_line(view.store)),
                "pid": one.pid(),
                "why": why,
                "after": seconds(one.started()?.ns - started.ns),
            }))
        })
        .collect();
    let last = below
        .iter()
        .filter_map(|(at, _)| view.processes.get(*at)?.started())
        .max()?;
    let mut events = process.events.to_vec();
    for (at, _) in below.iter().take(MOST_LISTED) {
        events.extend(view.processes.get(*at)?.events.iter().copied());
    }
    let whys: Vec<&str> = below.iter().map(|(_, why)| why.as_str()).take(6).collect();
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: Severity::Medium,
        confidence: Confidence::High,
        title: "Suspicious descendant of the custom-script handler".into(),
        summary: format!(
            "Within {} of its start the custom-script handler on {} had {}: {}.",
            lasting(last.ns - started.ns),
            process.host,
            counted(below.len(), "suspicious descendant"),
            whys.join(", "),
        )
        .into(),
        events,
        subject: super::machines::of_host(
            Some(process.host.to_string()).filter(|host| !host.is_empty()),
        )
        .into(),
        time: Some(Box::new((cloud(started), cloud(last)))),
        values: figures(json!({
            "handler": process.image(view.store),
            "count": below.len(),
            "descendants": listed,
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651", "T1059", "T1218"]),
        ..Finding::default()
    })
}
