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

use super::rows::{Row, row};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::identity::host_label;
use crate::reconstruct::skew::offset::Offset;
use crate::time::{Instant, NS_PER_SECOND};
use serde::Serialize;
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
}

/// The incidents, the worst first.
#[must_use]
pub fn incidents(case: &Case) -> Vec<ShownIncident> {
    let all = case.incidents().iter().enumerate();
    let shown = all.map(|(id, incident)| ShownIncident {
        id,
        severity: incident.severity.word(),
        score: incident.score,
        first: incident.first.map(|time| time.to_string()),
        last: incident.last.map(|time| time.to_string()),
        findings: incident.findings.clone(),
    });
    shown.collect()
}

/// What is known of an event of the story.
#[derive(Default)]
struct Told {
    findings: BTreeSet<usize>,
    link: Option<&'static str>,
    offset: Option<Offset>,
}

fn told(case: &Case, incident: usize) -> BTreeMap<EventNumber, Told> {
    let mut told: BTreeMap<EventNumber, Told> = BTreeMap::new();
    let Some(incident) = case.incidents().get(incident) else {
        return told;
    };
    for at in &incident.findings {
        let Some(finding) = case.findings().get(*at) else {
            continue;
        };
        let operations = finding.operations.iter();
        let of_operations = operations
            .filter_map(|at| case.operations().get(*at))
            .flat_map(|op| op.events.iter());
        for event in of_operations.chain(&finding.events) {
            told.entry(*event).or_default().findings.insert(*at);
        }
        for (_, execution) in case.referred().executions(finding) {
            let run = execution.run.and_then(|at| case.runs().get(at));
            let clock = execution.run.and_then(|at| case.linked().clock_of_run(at));
            let of_run = run.map_or(&[][..], |run| &run.events);
            let seen = of_run.iter().chain(&execution.processes);
            for event in seen.chain(&execution.flows) {
                let one = told.entry(*event).or_default();
                one.findings.insert(*at);
                one.link = one.link.or(execution.confidence.map(|sure| sure.word()));
                one.offset = one.offset.or(clock.map(|clock| clock.applied));
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
            findings: one.findings.into_iter().collect(),
        }
    });
    Story {
        revision: case.revision(),
        total,
        lines: shown.collect(),
    }
}
