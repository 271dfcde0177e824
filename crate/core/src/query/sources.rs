//! Which evidence of a host there could be, which there is, and over which times it speaks.
//!
//! ```text
//! Agent log       waagent-log          92 events   2024-05-01 … 2024-05-03     when the guest took a goal state and what it started
//! Audit log       –                    missing                                 which processes a script started
//! ```
//!
//! What is missing is said with what it would have told, since that is what an absence costs. A log counts as covering the time from its
//! first to its last event (detectors 0.7); a gap is a time between the first and the last evidence of a host that no guest log covers.
//!
//! Rejected: a score of completeness. Nobody can act on 60 %.

use super::hosts::{Gap, Known};
use crate::case::Case;
use crate::formats;
use crate::time::{Instant, NS_PER_SECOND};
use serde::Serialize;
use std::collections::BTreeMap;

/// Spans of one lane that are answered.
const MOST_SPANS: usize = 300;
/// Gaps that are answered.
const MOST_GAPS: usize = 50;
/// A shorter silence is no gap.
const SHORTEST_GAP_NS: i64 = 60 * NS_PER_SECOND;

/// A source of evidence about a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its name.
    pub source: &'static str,
    /// What it tells, or would have told.
    pub tells: &'static str,
    /// Formats that were found of it.
    pub formats: Vec<String>,
    /// Items; 0 where it is missing.
    pub items: usize,
    /// Their events.
    pub events: usize,
    /// First of them.
    pub first: Option<String>,
    /// Last of them.
    pub last: Option<String>,
}

/// One item in a lane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneSpan {
    /// Item number; none for the cloud's records of a subscription.
    pub item: Option<u32>,
    /// Its path.
    pub path: String,
    /// From, in ms since 1970.
    pub from_ms: f64,
    /// To.
    pub to_ms: f64,
    /// From, exactly.
    pub from: String,
    /// To, exactly.
    pub to: String,
    /// Events.
    pub events: usize,
}

/// Evidence of one format over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lane {
    /// Format id, or `activity-log` for the cloud's records of the VM's subscription.
    pub lane: String,
    /// Whether it is the cloud's.
    pub cloud: bool,
    /// By first event.
    pub spans: Vec<LaneSpan>,
    /// Spans left out here.
    pub left_out: usize,
}

/// Events and the time from the first to the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spanned {
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    pub events: usize,
}

impl Spanned {
    pub(super) fn take(&mut self, time: Option<Instant>) {
        self.join(&Self {
            first: time,
            last: time,
            events: 1,
        });
    }

    pub(super) fn join(&mut self, other: &Self) {
        let first = [self.first, other.first].into_iter().flatten();
        let last = [self.last, other.last].into_iter().flatten();
        (self.first, self.last) = (
            first.min_by_key(|time| time.ns),
            last.max_by_key(|time| time.ns),
        );
        self.events += other.events;
    }
}

/// (name, what it tells, formats, systems that have it).
type Kind = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const BOTH: &[&str] = &["linux", "windows"];
const WINDOWS_EVENTS: &[&str] = &[
    "evtx",
    formats::windows_event_json::FORMAT.id,
    formats::windows_event_xml::FORMAT.id,
    formats::windows_event_csv::FORMAT.id,
];

/// The sources, in the order in which an execution passes them.
const KINDS: [Kind; 11] = [
    (
        "Agent log",
        "when the guest took a goal state and which extension it started",
        &[formats::waagent_log::FORMAT.id],
        &["linux"],
    ),
    (
        "Agent log",
        "when the guest took a goal state and which extension it started",
        &[formats::waappagent_log::FORMAT.id],
        &["windows"],
    ),
    (
        "Handler log",
        "the sequence number, and when the script began and ended",
        &[
            formats::handler_log::FORMAT.id,
            formats::command_execution_log::FORMAT.id,
        ],
        &["linux"],
    ),
    (
        "Extension log",
        "the sequence number, and when the script began and ended",
        &[formats::extension_log::FORMAT.id],
        &["windows"],
    ),
    (
        "Extension status and settings",
        "exit code and output that were reported, and what was asked for",
        &[
            formats::extension_status::FORMAT.id,
            formats::extension_settings::FORMAT.id,
            formats::extension_state::FORMAT.id,
            formats::aggregate_status::FORMAT.id,
            formats::run_command_result::FORMAT.id,
        ],
        BOTH,
    ),
    (
        "Script and its output",
        "the text that ran, and all that it wrote",
        &["script", formats::script_output::FORMAT.id],
        BOTH,
    ),
    (
        "Goal state",
        "the script as it was delivered, also where the file is gone",
        &[formats::goal_state::FORMAT.id],
        BOTH,
    ),
    (
        "System log",
        "services, logins and what ran beside the script",
        &["syslog", formats::journal_json::FORMAT.id],
        &["linux"],
    ),
    (
        "Windows event log",
        "PowerShell script blocks, services, logons and processes",
        WINDOWS_EVENTS,
        &["windows"],
    ),
    (
        "Process telemetry",
        "which processes the script started",
        &[
            "auditd",
            formats::defender_table::FORMAT.id,
            formats::elastic_endpoint::FORMAT.id,
        ],
        BOTH,
    ),
    (
        "Network flows",
        "whom the guest talked to",
        &[
            formats::nsg_flow::FORMAT.id,
            formats::vnet_flow::FORMAT.id,
            formats::flow_table::FORMAT.id,
        ],
        BOTH,
    ),
];

/// What evidence of a host there could be, and what there is. Of an unknown system both are asked for.
pub(super) fn sources(host: &Known) -> Vec<Source> {
    let asked = KINDS
        .iter()
        .filter(|(.., systems)| host.os.is_none_or(|os| systems.contains(&os)));
    let mut list: Vec<Source> = Vec::new();
    for (source, tells, formats, _) in asked {
        let its = host
            .seen
            .iter()
            .filter(|((format, _), _)| formats.contains(&format.as_str()));
        let mut all = Spanned::default();
        let (mut found, mut items) = (Vec::new(), 0);
        for ((format, _), spanned) in its {
            all.join(spanned);
            items += 1;
            if !found.contains(format) {
                found.push(format.clone());
            }
        }
        let known = list.iter_mut().find(|known| known.source == *source);
        if let Some(known) = known.filter(|known| known.items == 0) {
            // The other system's source of the same name.
            (known.formats, known.items, known.events) = (found, items, all.events);
            known.first = all.first.map(|time| time.to_string());
            known.last = all.last.map(|time| time.to_string());
            continue;
        }
        list.push(Source {
            source,
            tells,
            formats: found,
            items,
            events: all.events,
            first: all.first.map(|time| time.to_string()),
            last: all.last.map(|time| time.to_string()),
        });
    }
    list
}

fn span(path: String, item: Option<u32>, spanned: &Spanned) -> Option<LaneSpan> {
    let (first, last) = (spanned.first?, spanned.last?);
    Some(LaneSpan {
        item,
        path,
        from_ms: first.ms(),
        to_ms: last.ms(),
        from: first.to_string(),
        to: last.to_string(),
        events: spanned.events,
    })
}

/// The evidence over time: the records of the VM's subscription, then the guest's items by format.
pub(super) fn lanes(case: &Case, host: &Known, subscription: Option<&str>) -> Vec<Lane> {
    let mut cloud = Spanned::default();
    if let Some(subscription) = subscription {
        let ops = case.operations().iter();
        for op in ops.filter(|op| op.subscription.as_deref() == Some(subscription)) {
            cloud.join(&Spanned {
                first: op.started,
                last: op.ended.or(op.started),
                events: op.events.len(),
            });
        }
    }
    let mut lanes: Vec<Lane> = Vec::new();
    if let Some(span) = span(
        format!("Activity Log of {}", subscription.unwrap_or_default()),
        None,
        &cloud,
    ) {
        lanes.push(Lane {
            lane: "activity-log".to_owned(),
            cloud: true,
            spans: vec![span],
            left_out: 0,
        });
    }
    let mut by_format: BTreeMap<&str, Vec<LaneSpan>> = BTreeMap::new();
    for ((format, item), spanned) in &host.seen {
        let path = case.items().get(*item as usize);
        let path = path.map(|item| item.path.clone()).unwrap_or_default();
        if let Some(span) = span(path, Some(*item), spanned) {
            by_format.entry(format).or_default().push(span);
        }
    }
    for (format, mut spans) in by_format {
        spans.sort_by(|one, other| {
            (one.from_ms.total_cmp(&other.from_ms)).then_with(|| one.path.cmp(&other.path))
        });
        let left_out = spans.len().saturating_sub(MOST_SPANS);
        spans.truncate(MOST_SPANS);
        lanes.push(Lane {
            lane: format.to_owned(),
            cloud: false,
            spans,
            left_out,
        });
    }
    lanes
}

/// Times between the first and the last evidence in which no guest evidence speaks, the longest first.
pub(super) fn gaps(host: &Known) -> Vec<Gap> {
    let mut spans: Vec<(Instant, Instant)> = host
        .seen
        .values()
        .filter_map(|spanned| Some((spanned.first?, spanned.last?)))
        .collect();
    spans.sort_by_key(|(first, last)| (first.ns, last.ns));
    let mut gaps: Vec<(Instant, Instant)> = Vec::new();
    let mut covered: Option<Instant> = None;
    for (first, last) in spans {
        if let Some(until) = covered.filter(|until| until.ns < first.ns) {
            gaps.push((until, first));
        }
        covered = [covered, Some(last)]
            .into_iter()
            .flatten()
            .max_by_key(|time| time.ns);
    }
    gaps.retain(|(from, to)| to.ns - from.ns >= SHORTEST_GAP_NS);
    gaps.sort_by_key(|(from, to)| (from.ns - to.ns, from.ns));
    gaps.truncate(MOST_GAPS);
    let shown = gaps.into_iter().map(|(from, to)| Gap {
        from: from.to_string(),
        to: to.to_string(),
        seconds: (to.ns - from.ns) as f64 / NS_PER_SECOND as f64,
    });
    shown.collect()
}
