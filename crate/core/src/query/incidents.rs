//! An incident told in order: every event that its findings rest on, both sides of the house by one clock.
//!
//! ```text
//! cloud  10:00:00.000   alice starts a run command on web01          activity-log.json
//! guest  10:00:04.120   (own clock 10:05:04.120, 300 s ahead)        handler.log      link high
//! cloud  10:00:33.000   … succeeded                                  activity-log.json
//! ```
//!
//! A guest's line stands where the cloud's clock saw it, and says what its own clock showed and how sure the link to the operation is.
//!
//! Rejected: the findings' sentences in a row. They are conclusions; a story is told by evidence.

use super::executions::{EventName, name_of};
use super::findings::{FindingExecution, FindingRow, finding_row};
use super::rows::{Row, row};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::identity::host_label;
use crate::reconstruct::skew::offset::Offset;
use crate::time::{Instant, NS_PER_SECOND};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoryLine {
    /// The event; its position is its place in this story.
    #[serde(flatten)]
    pub row: Row,
    /// When, by the cloud's clock.
    pub cloud_time: Option<String>,
    /// Whose clock wrote the event: `cloud` or `guest`.
    pub clock: &'static str,
    /// What the guest's clock showed more than the cloud's, in seconds.
    pub offset_seconds: Option<f64>,
    /// How sure the link of its execution is.
    pub link: Option<&'static str>,
    /// The execution that it belongs to.
    pub execution: Option<EventName>,
    /// Findings of the incident that rest on it.
    pub findings: Vec<usize>,
}

/// A page of a story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// Revision of the case this belongs to.
    pub revision: u64,
    /// Lines in all.
    pub total: usize,
    /// The page.
    pub lines: Vec<StoryLine>,
}

/// One incident for a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownIncident {
    /// Its place.
    pub id: usize,
    /// How bad.
    pub severity: &'static str,
    /// Points.
    pub score: u32,
    /// First instant.
    pub first: Option<String>,
    /// Last instant.
    pub last: Option<String>,
    /// Findings by place.
    pub findings: Vec<usize>,
    /// What it is named by: the title of its gravest finding.
    pub title: String,
    /// How sure that finding is.
    pub confidence: &'static str,
    /// Who, as the records spell them: of its gravest finding first.
    pub callers: Vec<String>,
    /// On which machines; the first ones.
    pub machines: Vec<String>,
    /// Detectors that speak in it.
    pub detectors: usize,
    /// Executions that its findings name.
    pub executions: usize,
}

/// An incident with what it consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentDetail {
    /// As in the list.
    pub incident: ShownIncident,
    /// Its findings, the worst first; at most [`MOST_MEMBERS`].
    pub members: Vec<FindingRow>,
    /// Its executions; at most [`MOST_MEMBERS`].
    pub executions: Vec<FindingExecution>,
}

/// Findings and executions of one incident that an answer holds.
pub const MOST_MEMBERS: usize = 200;
/// Callers and machines that name an incident.
const MOST_NAMES: usize = 4;

/// The incident of each finding, by place.
#[must_use]
pub fn incident_of(case: &Case) -> Vec<Option<usize>> {
    let mut of = vec![None; case.findings().len()];
    for (id, incident) in case.incidents().iter().enumerate() {
        for at in &incident.findings {
            if let Some(slot) = of.get_mut(*at) {
                *slot = Some(id);
            }
        }
    }
    of
}

/// The gravest finding among these: the worst, of those the surest, of those the first.
#[must_use]
pub fn gravest(case: &Case, findings: impl Iterator<Item = usize>) -> Option<usize> {
    let known = findings.filter_map(|at| Some((at, case.findings().get(at)?)));
    known
        .max_by_key(|(at, found)| (found.severity, found.confidence, Reverse(*at)))
        .map(|(at, _)| at)
}

/// What an incident is named by.
#[must_use]
pub fn title_of(case: &Case, id: usize) -> Option<String> {
    let incident = case.incidents().get(id)?;
    let at = gravest(case, incident.findings.iter().copied())?;
    Some(case.findings().get(at)?.title.to_string())
}

/// One incident for a list.
#[must_use]
pub fn shown_incident(case: &Case, id: usize) -> Option<ShownIncident> {
    let incident = case.incidents().get(id)?;
    let findings = || {
        let places = incident.findings.iter();
        places.filter_map(|at| case.findings().get(*at))
    };
    let gravest = gravest(case, incident.findings.iter().copied());
    let named = gravest.and_then(|at| case.findings().get(at))?;
    let (mut callers, mut machines): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let note = |list: &mut Vec<String>, name: Option<String>| {
        if let Some(name) = name.filter(|name| list.len() < MOST_NAMES && !list.contains(name)) {
            list.push(name);
        }
    };
    for found in std::iter::once(named).chain(findings()) {
        let subject = case.referred().subject(found);
        note(&mut callers, subject.caller);
        note(&mut machines, subject.vm.or(subject.host));
    }
    let detectors: BTreeSet<&str> = findings().map(|found| &*found.detector).collect();
    let executions: BTreeSet<usize> = findings()
        .flat_map(|found| found.executions.iter().copied())
        .collect();
    Some(ShownIncident {
        id,
        severity: incident.severity.word(),
        score: incident.score,
        first: incident.first.map(|time| time.to_string()),
        last: incident.last.map(|time| time.to_string()),
        findings: incident.findings.clone(),
        title: named.title.to_string(),
        confidence: named.confidence.word(),
        callers,
        machines,
        detectors: detectors.len(),
        executions: executions.len(),
    })
}

/// The incidents, the worst first.
#[must_use]
pub fn incidents(case: &Case) -> Vec<ShownIncident> {
    (0..case.incidents().len())
        .filter_map(|id| shown_incident(case, id))
        .collect()
}

/// One incident with its members.
#[must_use]
pub fn incident(case: &Case, id: usize) -> Option<IncidentDetail> {
    let incident = shown_incident(case, id)?;
    let mut places = incident.findings.clone();
    places.sort_by_key(|at| Reverse(case.findings().get(*at).map(|found| found.severity)));
    let mut executions: BTreeMap<usize, FindingExecution> = BTreeMap::new();
    for found in places.iter().filter_map(|at| case.findings().get(*at)) {
        if executions.len() >= MOST_MEMBERS {
            break;
        }
        let its = super::findings::executions(case, &found.executions);
        executions.extend(its.into_iter().map(|one| (one.execution, one)));
    }
    Some(IncidentDetail {
        members: places
            .iter()
            .filter_map(|at| finding_row(case, *at))
            .take(MOST_MEMBERS)
            .collect(),
        executions: executions.into_values().take(MOST_MEMBERS).collect(),
        incident,
    })
}

/// What is known of an event of the story.
#[derive(Default)]
struct Told {
    findings: BTreeSet<usize>,
    link: Option<&'static str>,
    offset: Option<Offset>,
    execution: Option<usize>,
}

fn told(case: &Case, incident: usize) -> BTreeMap<EventNumber, Told> {
    let mut told: BTreeMap<EventNumber, Told> = BTreeMap::new();
    let Some(incident) = case.incidents().get(incident) else {
        return told;
    };
    let executions = case.linked().executions.iter().enumerate();
    let of_operation: BTreeMap<usize, usize> = executions
        .filter_map(|(at, execution)| Some((execution.operation?, at)))
        .collect();
    for at in &incident.findings {
        let Some(found) = case.findings().get(*at) else {
            continue;
        };
        for operation in &found.operations {
            let op = case.operations().get(*operation);
            for event in op.iter().flat_map(|op| &op.events) {
                let one = told.entry(*event).or_default();
                one.execution = one.execution.or(of_operation.get(operation).copied());
            }
        }
        let operations = found.operations.iter();
        let of_operations = operations
            .filter_map(|at| case.operations().get(*at))
            .flat_map(|op| op.events.iter());
        for event in of_operations.chain(&found.events) {
            told.entry(*event).or_default().findings.insert(*at);
        }
        for (number, execution) in case.referred().at(&found.executions) {
            let run = execution.run.and_then(|at| case.runs().get(at));
            let clock = execution.run.and_then(|at| case.linked().clock_of_run(at));
            let of_run = run.map_or(&[][..], |run| &run.events);
            let seen = of_run.iter().chain(&execution.processes);
            for event in seen.chain(&execution.flows) {
                let one = told.entry(*event).or_default();
                one.findings.insert(*at);
                one.link = one.link.or(execution.confidence.map(|sure| sure.word()));
                one.offset = one.offset.or(clock.map(|clock| clock.applied));
                one.execution = one.execution.or(Some(number));
            }
        }
    }
    told
}

/// The events of an incident.
pub(super) fn events(case: &Case, incident: usize) -> impl Iterator<Item = EventNumber> + use<> {
    told(case, incident).into_keys()
}

/// `count` lines of an incident's story from the `first` on.
#[must_use]
pub fn incident_story(case: &Case, incident: usize, first: usize, count: usize) -> Story {
    let store = case.store();
    let clocks: BTreeMap<String, Offset> = case
        .linked()
        .clocks
        .iter()
        .filter_map(|clock| Some((host_label(clock.host.as_deref()?), clock.applied)))
        .collect();
    let mut lines: Vec<(i64, EventNumber, Told, bool)> = told(case, incident)
        .into_iter()
        .map(|(event, mut one)| {
            let item = case.items().get(store.item_of(event) as usize);
            let guest = item.is_some_and(|item| item.is_guest());
            if !guest {
                one.offset = None;
            } else if one.offset.is_none() {
                let host = store.column(&store.columns.host, event);
                let host = host.or_else(|| item.and_then(|item| item.host.as_deref()));
                one.offset = host.and_then(|host| clocks.get(&host_label(host)).copied());
            }
            let own = store.stamp(event).map(|stamp| stamp.instant.ns);
            let cloud = own.map(|ns| one.offset.map_or(ns, |offset| offset.cloud(ns)));
            (cloud.unwrap_or(i64::MAX), event, one, guest)
        })
        .collect();
    let place = |event: EventNumber| {
        let rank = case.rank().get(store.item_of(event) as usize).copied();
        (rank, store.span(event).offset)
    };
    lines.sort_by_key(|(cloud, event, _, _)| (*cloud, place(*event)));
    let total = lines.len();
    let page = lines.into_iter().enumerate().skip(first).take(count);
    let shown = page.map(|(at, (cloud, event, one, guest))| {
        let own = store.stamp(event).map(|stamp| stamp.instant);
        let offset = own.and_then(|own| Some(one.offset?.at(own.ns)));
        StoryLine {
            row: row(case, event, at),
            cloud_time: own.map(|own| {
                Instant {
                    ns: cloud,
                    digits: own.digits,
                }
                .to_string()
            }),
            clock: if guest { "guest" } else { "cloud" },
            offset_seconds: offset.map(|ns| ns as f64 / NS_PER_SECOND as f64),
            link: one.link,
            execution: one.execution.and_then(|at| {
                let execution = case.linked().executions.get(at)?;
                name_of(case, execution)
            }),
            findings: one.findings.into_iter().collect(),
        }
    });
    Story {
        revision: case.revision(),
        total,
        lines: shown.collect(),
    }
}
