//! The case in one screen: what happened, who, where, when, and how far the evidence can be trusted to say so.
//!
//! ```text
//! lead        High: PowerShell run command with a download cradle, at its raw record
//! incidents   1 critical, 2 medium      executions  3 high, 1 medium, 2 cloud only
//! callers     alex 4 run commands       hosts       web01 3 runs, audit log missing
//! activity    ▁▁▁█▁▂                    problems    1 data loss     clocks  web01 +300 s
//! ```
//!
//! What leads is the gravest finding of the first incident that nobody has called benign: the worst, of those the surest, of those the
//! first. Every figure is a count of rows that another answer lists, so that a view can lead there.
//!
//! Rejected: a score for the whole case. It would be read as a verdict, and the rows behind it never.

use super::actors::{ActorRow, actors};
use super::executions::{confidence, sides, time_of};
use super::findings::{Counted, FindingRow, leading_event, lone_finding_row};
use super::hosts::{FirstHosts, HostRow};
use super::incidents::{ShownIncident, gravest, shown_incident};
use super::rows::row_at;
use crate::case::Case;
use crate::case::item::ItemState;
use crate::case::triage::TriageState;
use crate::problem;
use crate::query::executions::EventName;
use crate::severity::Severity;
use crate::time::Instant;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Incidents, callers and hosts that are named; the rest is counted.
pub const MOST_NAMED: usize = 5;
/// Pieces of the activity strip.
const BINS: i64 = 60;

/// The finding to look at first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lead {
    /// The finding.
    pub finding: FindingRow,
    /// The event that leads to its raw record.
    pub event: Option<EventName>,
}

/// A piece of the case's time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Activity {
    /// From, in ms since 1970.
    pub from_ms: f64,
    /// To, not included.
    pub to_ms: f64,
    /// From, exactly.
    pub from: String,
    /// The filter that shows it.
    pub filter: String,
    /// Events.
    pub events: usize,
    /// Executions that began.
    pub executions: usize,
    /// Findings that began, suppressed ones left out.
    pub findings: usize,
    /// The worst of them.
    pub severity: Option<&'static str>,
}

/// What the evidence does not cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Detectors that were asked.
    pub detectors: usize,
    /// Those that could not answer.
    pub not_assessed: usize,
    /// Those that could answer for a part only.
    pub partly: usize,
    /// Hosts without any evidence of the guest.
    pub without_guest: usize,
    /// Hosts with some, but not all, sources.
    pub incomplete: usize,
}

/// How the guests' clocks stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// As the cloud's, within half a second.
    pub together: usize,
    /// Ahead or behind.
    pub apart: usize,
    /// Of guests whose evidence does not tell.
    pub not_known: usize,
}

/// The case in one screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Brief {
    /// Revision it is of.
    pub revision: u64,
    /// What to look at first.
    pub lead: Option<Lead>,
    /// The worst incidents.
    pub incidents: Vec<ShownIncident>,
    /// Incidents in all.
    pub incidents_total: usize,
    /// Findings, worst first; suppressed ones left out.
    pub severities: Vec<Counted>,
    /// What is said of findings.
    pub triage: Vec<Counted>,
    /// Findings that the allow-list suppresses.
    pub suppressed: usize,
    /// Executions by how sure their link is, in the words of the list of executions.
    pub executions: Vec<Counted>,
    /// Executions in all.
    pub executions_total: usize,
    /// Callers, those with the worst findings first.
    pub callers: Vec<ActorRow>,
    /// Callers in all.
    pub callers_total: usize,
    /// Hosts, those with the worst findings first.
    pub hosts: Vec<HostRow>,
    /// Hosts in all.
    pub hosts_total: usize,
    /// Over time; none where nothing has a time.
    pub activity: Vec<Activity>,
    /// What is not covered.
    pub coverage: Coverage,
    /// Problems of the evidence, worst first.
    pub problems: Vec<Counted>,
    /// Items that were not read to their end.
    pub unread: usize,
    /// How the clocks stand.
    pub clocks: Clocks,
}

fn counted(word: &str, count: usize) -> Counted {
    Counted {
        word: word.to_owned(),
        count,
    }
}

fn lead(case: &Case) -> Option<Lead> {
    let open = |at: &usize| {
        let finding = case.findings().get(*at);
        finding.is_some_and(|finding| finding.allowed_by.is_none())
            && case.triage_state(*at) != TriageState::Benign
    };
    let mut of_incidents = case.incidents().iter().filter_map(|incident| {
        let open = incident.findings.iter().copied().filter(open);
        gravest(case, open)
    });
    let of_all = || gravest(case, (0..case.findings().len()).filter(open));
    let at = of_incidents.next().or_else(of_all)?;
    Some(Lead {
        finding: lone_finding_row(case, at)?,
        event: leading_event(case, at),
    })
}

/// Executions by the word that the list of executions has in its column.
fn by_confidence(case: &Case) -> Vec<Counted> {
    const WORDS: [&str; 6] = [
        "confirmed",
        "high",
        "medium",
        "low",
        "cloud only",
        "guest only",
    ];
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for execution in &case.linked().executions {
        let word = confidence(execution)
            .map_or_else(|| format!("{} only", sides(execution)), str::to_owned);
        *counts.entry(word).or_default() += 1;
    }
    let known = WORDS.into_iter();
    known
        .filter_map(|word| Some(counted(word, *counts.get(word)?)))
        .collect()
}

/// The span of everything that has a time.
fn span(case: &Case) -> Option<(i64, i64)> {
    let (store, order) = (case.store(), case.store().order());
    let timed = order.partition_point(|event| store.stamp(*event).is_some());
    let ns = |at: usize| Some(store.stamp(*order.get(at)?)?.instant.ns);
    Some((ns(0)?, ns(timed.checked_sub(1)?)?))
}

fn activity(case: &Case) -> Vec<Activity> {
    const NS_PER_MS: i64 = 1_000_000;
    let Some((first, last)) = span(case) else {
        return Vec::new();
    };
    let from = first.div_euclid(NS_PER_MS);
    let width = ((last.div_euclid(NS_PER_MS) - from) / BINS + 1).max(1);
    let place = |time: Instant| {
        let at = (time.ns.div_euclid(NS_PER_MS) - from).div_euclid(width);
        usize::try_from(at.clamp(0, BINS - 1)).unwrap_or(0)
    };
    let instant = |ms: i64| Instant {
        ns: ms.saturating_mul(NS_PER_MS),
        digits: 3,
    };
    let order = case.store().order();
    let mut bins: Vec<Activity> = (0..BINS)
        .map(|at| {
            let (begin, end) = (instant(from + at * width), instant(from + (at + 1) * width));
            let until = row_at(case, order, end.ms());
            Activity {
                from_ms: begin.ms(),
                to_ms: end.ms(),
                from: begin.to_string(),
                filter: format!("time:[{begin} TO {end}}}"),
                events: until.saturating_sub(row_at(case, order, begin.ms())),
                executions: 0,
                findings: 0,
                severity: None,
            }
        })
        .collect();
    for execution in &case.linked().executions {
        if let Some(bin) = time_of(case, execution).and_then(|time| bins.get_mut(place(time))) {
            bin.executions += 1;
        }
    }
    let referred = case.referred();
    let mut worst: BTreeMap<usize, Severity> = BTreeMap::new();
    for finding in case
        .findings()
        .iter()
        .filter(|one| one.allowed_by.is_none())
    {
        let Some(at) = referred.time(finding).0.map(place) else {
            continue;
        };
        if let Some(bin) = bins.get_mut(at) {
            bin.findings += 1;
        }
        let slot = worst.entry(at).or_insert(finding.severity);
        *slot = (*slot).max(finding.severity);
    }
    for (at, severity) in worst {
        if let Some(bin) = bins.get_mut(at) {
            bin.severity = Some(severity.word());
        }
    }
    bins
}

fn coverage(case: &Case, hosts: &FirstHosts) -> Coverage {
    let hosts = |word| hosts.coverage.get(word).copied().unwrap_or_default();
    let searched = case.searched();
    Coverage {
        detectors: searched.len(),
        not_assessed: searched
            .iter()
            .filter(|one| one.not_assessed.is_some())
            .count(),
        partly: searched
            .iter()
            .filter(|one| one.not_assessed.is_none() && one.left_out.is_some())
            .count(),
        without_guest: hosts("none"),
        incomplete: hosts("part"),
    }
}

fn clocks(hosts: &FirstHosts) -> Clocks {
    let standing = |word| hosts.clocks.get(word).copied().unwrap_or_default();
    Clocks {
        together: standing("together"),
        apart: standing("apart"),
        not_known: standing("not-known"),
    }
}

fn problems(case: &Case) -> Vec<Counted> {
    let mut counts: BTreeMap<Reverse<problem::Severity>, usize> = BTreeMap::new();
    for one in case
        .items()
        .iter()
        .flat_map(crate::case::item::Item::problems)
    {
        *counts.entry(Reverse(one.severity)).or_default() += 1;
    }
    let word = |severity: problem::Severity| match severity {
        problem::Severity::Info => "info",
        problem::Severity::Warning => "warning",
        problem::Severity::DataLoss => "data-loss",
    };
    let all = counts.into_iter();
    all.map(|(severity, count)| counted(word(severity.0), count))
        .collect()
}

/// The case in one screen, with these hosts, at most [`MOST_NAMED`] of them by name.
#[must_use]
pub fn brief(case: &Case, hosts: &FirstHosts) -> Brief {
    let mut severities: BTreeMap<Reverse<Severity>, usize> = BTreeMap::new();
    let mut triage: BTreeMap<TriageState, usize> = BTreeMap::new();
    for (at, finding) in case.findings().iter().enumerate() {
        if finding.allowed_by.is_none() {
            *severities.entry(Reverse(finding.severity)).or_default() += 1;
            *triage.entry(case.triage_state(at)).or_default() += 1;
        }
    }
    let callers = actors(case);
    Brief {
        revision: case.revision(),
        lead: lead(case),
        incidents: (0..case.incidents().len().min(MOST_NAMED))
            .filter_map(|id| shown_incident(case, id))
            .collect(),
        incidents_total: case.incidents().len(),
        suppressed: case.findings().len() - severities.values().sum::<usize>(),
        severities: severities
            .into_iter()
            .map(|(severity, count)| counted(severity.0.word(), count))
            .collect(),
        triage: triage
            .into_iter()
            .map(|(state, count)| counted(state.word(), count))
            .collect(),
        executions: by_confidence(case),
        executions_total: case.linked().executions.len(),
        callers_total: callers.len(),
        callers: callers.into_iter().take(MOST_NAMED).collect(),
        hosts: hosts.rows.iter().take(MOST_NAMED).cloned().collect(),
        hosts_total: hosts.total,
        activity: activity(case),
        coverage: coverage(case, hosts),
        problems: problems(case),
        unread: case
            .items()
            .iter()
            .filter(|item| matches!(item.state, ItemState::Cancelled | ItemState::Quarantined))
            .count(),
        clocks: clocks(hosts),
    }
}

#[cfg(test)]
mod tests;
