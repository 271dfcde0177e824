//! # Content of the scripts that were run
//!
//! ## What it finds
//! One finding for each execution whose script matches content indicators: execution and obfuscation, downloads, reverse shells, credentials and
//! the metadata service, accounts, persistence, defence impairment, log clearing, mining, lateral movement, exfiltration, ransom. All layers that could
//! be decoded are searched. The script is the one that the guest ran; else what the request asked for; else what its processes were called
//! with. An execution needs no link between cloud and guest for that. Scripts that only the script-block log knows, and no run claims, are
//! judged as well, one finding for each text and guest.
//!
//! The score adds, for each group, its heaviest indicator and one point for each further one (at most three), and two points for each
//! indicator (at most two) that only decoding brought to light. What stands in comments counts nothing; what is data and never reaches an interpreter counts three
//! less.
//!
//! ## Why it matters
//! The operation says that a script ran; this says what for (T1651, and the technique of each indicator).
//!
//! ## Parameters
//! `low` (4), `medium` (8), `high` (16), `critical` (28; with at least three groups): scores at which severities begin. Any weight of 9 or more is at least
//! `high`. `indicators.ID` is the weight of one indicator, 0 to 10, or `off`. An analyst's own indicators come as a list of the same form.
//!
//! ## Known false positives
//! Configuration management and installers.
//!
//! ## Sources
//! ATT&CK; the Sigma Linux and PowerShell rule families; Elastic endpoint rules; AZT601.1, AZT604, AZT605.1, AZT301.1, AZT501.

use super::machines::of_host;
use super::script_blocks::LoggedScript;
use super::scripts::{ExecutionScript, Source};
use super::{Baseline, CaseView, Confidence, Detector, Finding, figures};
use crate::script::Examined;
use crate::script::matching::Match;
use crate::script::secrets;
use crate::time::Instant;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "script-content",
    not_assessed,
    run,
};

/// Matches listed in one finding.
const MOST_LISTED: usize = 200;
/// The word under `values.source` for scripts that only the script-block log knows.
const LOGGED: &str = "script-block-log";
/// Bytes shown on either side of a match.
const EITHER_SIDE: usize = 160;

/// Without a script, a request body or a process no content can be judged.
pub(super) fn needs_scripts(view: &CaseView<'_>) -> Option<String> {
    view.scripts().is_empty().then(|| {
        if view.linked.executions.is_empty() {
            "not-assessed: no executions are known".to_owned()
        } else {
            "not-assessed: no execution's script, request body or process is in the evidence"
                .to_owned()
        }
    })
}

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    needs_scripts(view).filter(|_| view.logged_scripts().texts == 0)
}

/// What a group is about, in a word or two.
fn about(group: &str) -> &str {
    match group {
        "EXE" => "obfuscation",
        "DL" => "download",
        "REV" => "remote access",
        "CRED" => "credentials",
        "ACCT" => "accounts",
        "PERS" => "persistence",
        "DEF" => "defence impairment",
        "LOG" => "log clearing",
        "MINE" => "mining",
        "LAT" => "lateral movement",
        "EXF" => "exfiltration",
        "RAN" => "ransom",
        other => other,
    }
}

/// The text around a match, in whole letters, without secrets.
fn excerpt(text: &str, hit: &Match) -> String {
    let mut from = hit.range.start.saturating_sub(EITHER_SIDE).min(text.len());
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let mut to = hit.range.end.saturating_add(EITHER_SIDE).min(text.len());
    while !text.is_char_boundary(to) {
        to += 1;
    }
    secrets::masked(text.get(from..to).unwrap_or(""))
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let scripts = view.scripts().iter();
    let of_executions = scripts.filter_map(|script| of_execution(view, script));
    let logged = view.logged_scripts().list.iter();
    of_executions
        .chain(logged.filter_map(|script| of_log(view, script)))
        .collect()
}

fn of_execution(view: &CaseView<'_>, script: &ExecutionScript) -> Option<Finding> {
    let execution = view.linked.executions.get(script.execution)?;
    let norm = script.norm_sha256.as_deref();
    let said = finding(&script.examined, script.source.word(), norm)?;
    Some(Finding {
        confidence: match script.source {
            Source::Script | Source::RequestBody => Confidence::High,
            Source::CommandLines => Confidence::Medium,
        },
        operations: execution.operation.into_iter().collect(),
        executions: vec![script.execution],
        ..said
    })
}

/// A script that only the log knows: that it ran is certain, that it was a run command's is not.
fn of_log(view: &CaseView<'_>, script: &LoggedScript) -> Option<Finding> {
    let said = finding(&script.examined, LOGGED, Some(&script.norm_sha256))?;
    let events = script.events.iter();
    let times = events.filter_map(|event| view.event_time(*event, &script.label));
    let times: Vec<Instant> = times.collect();
    let first = times.iter().copied().min_by_key(|time| time.ns);
    let last = times.iter().copied().max_by_key(|time| time.ns);
    Some(Finding {
        confidence: Confidence::Medium,
        events: script.events.clone(),
        time: first.zip(last).map(Box::new),
        subject: of_host(script.host.clone()).into(),
        ..said
    })
}

fn finding(examined: &Examined, source: &str, norm_sha256: Option<&str>) -> Option<Finding> {
    let severity = examined.score.severity?;
    let counted: Vec<&Match> = examined
        .matches
        .iter()
        .filter(|hit| hit.weight() > 0)
        .collect();
    let listed: Vec<Value> = counted
        .iter()
        .take(MOST_LISTED)
        .map(|hit| {
            let layer = examined.layers.get(hit.layer);
            let text = layer.and_then(|layer| layer.text.as_deref()).unwrap_or("");
            json!({
                "id": hit.indicator.id,
                "group": hit.indicator.group,
                "what": hit.indicator.what,
                "technique": hit.indicator.technique,
                "weight": hit.weight(),
                "layer": hit.layer,
                "line": hit.line,
                "executed": layer.is_none_or(|layer| layer.executed),
                "text": excerpt(text, hit),
            })
        })
        .collect();
    let techniques: BTreeSet<String> = counted
        .iter()
        .map(|hit| hit.indicator.technique.clone())
        .filter(|technique| technique != "T1651" && !technique.is_empty())
        .collect();
    let score = &examined.score;
    // The weightiest groups name the finding.
    let mut groups: Vec<(&str, u32)> = score
        .groups
        .iter()
        .map(|(group, points)| (group.as_str(), *points))
        .collect();
    groups.sort_by_key(|(group, points)| (std::cmp::Reverse(*points), *group));
    let about: Vec<&str> = groups.iter().map(|(group, _)| about(group)).collect();
    let hidden = examined.layers.len().saturating_sub(1);
    let unwrapped = match hidden {
        0 => String::new(),
        n => format!(", {} decoded", super::counted(n, "layer")),
    };
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        baseline: Baseline::NotApplicable,
        title: format!(
            "Script content: {}",
            about.iter().take(3).copied().collect::<Vec<_>>().join(", ")
        )
        .into(),
        summary: format!(
            "{} of {} match (score {}{unwrapped}): {}.",
            super::counted(score.indicators.len(), "indicator"),
            super::counted(groups.len(), "group"),
            score.total,
            score.indicators.join(", "),
        )
        .into(),
        values: figures(json!({
            "score": score.total,
            "indicators": score.indicators,
            "groups": score.groups,
            "matches": listed,
            "source": source,
            "layers": examined.layers.len(),
            "fingerprint": norm_sha256,
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651"]),
        further_attack: techniques.into_iter().collect::<Vec<_>>().into(),
        ..Finding::default()
    })
}

/// Executions of which no text is known.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let all = view.linked.executions.len();
    let unknown = all.saturating_sub(view.scripts().len());
    let of_executions = (unknown > 0).then(|| {
        format!(
            "not-assessed for {unknown} of {}: neither script nor request body nor process is in the evidence",
            super::counted(all, "execution")
        )
    });
    let unexamined = view.logged_scripts().unexamined;
    let of_log = (unexamined > 0).then(|| {
        format!(
            "{} of the script-block log were not examined: they are more than this detector looks at",
            super::counted(unexamined, "text")
        )
    });
    let parts: Vec<String> = [of_executions, of_log].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
