//! Rows and the overview, in the words of the page's protocol.

use crate::case::Case;
use crate::case::item::{Item, ItemState};
use crate::case::notes::Note;
use crate::case::store::EventNumber;
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::identity::host_label;
use crate::reconstruct::skew::offset::Offset;
use crate::time::{Instant, TimeBasis};
use serde::Serialize;
use std::collections::BTreeMap;

/// Figures of the whole case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Grows with every change.
    pub revision: u64,
    /// Evidence items.
    pub items: usize,
    /// Items read, cancelled or quarantined.
    pub items_done: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Events on the timeline.
    pub events: usize,
    /// Cloud operations.
    pub operations: usize,
    /// Guest runs.
    pub runs: usize,
    /// Findings.
    pub findings: usize,
    /// Problems with the evidence.
    pub problems: usize,
    /// Earliest event in ms since 1970.
    pub first_ms: Option<f64>,
    /// Latest event in ms since 1970.
    pub last_ms: Option<f64>,
}

/// Figures of the case.
#[must_use]
pub fn overview(case: &Case) -> Overview {
    let (store, items) = (case.store(), case.items());
    let order = store.order();
    let time = |event: &EventNumber| store.stamp(*event).map(|stamp| stamp.instant.ms());
    // Events without a time come last.
    let timed = order.partition_point(|event| store.stamp(*event).is_some());
    Overview {
        revision: case.revision(),
        items: items.len(),
        items_done: items
            .iter()
            .filter(|item| item.state != ItemState::Reading)
            .count(),
        bytes: items.iter().map(|item| item.size).sum(),
        events: order.len(),
        operations: case.operations().len(),
        runs: case.runs().len(),
        findings: case.findings().len(),
        problems: items.iter().map(Item::problem_count).sum(),
        first_ms: order.first().and_then(time),
        last_ms: timed
            .checked_sub(1)
            .and_then(|at| order.get(at))
            .and_then(time),
    }
}

/// A modified time as the case document writes it.
#[must_use]
pub fn modified(ms: Option<i64>) -> Option<String> {
    Some(Instant::from_epoch(ms?, 1_000_000, 3)?.to_string())
}

/// One row of the events table. Its summary is read from the evidence apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Position in time order.
    pub row: usize,
    /// Item number.
    pub item: u32,
    /// Number within the item.
    pub ordinal: u32,
    /// RFC 3339.
    pub time: Option<String>,
    /// For placing marks.
    pub time_ms: Option<f64>,
    /// How the time is known.
    pub time_basis: Option<&'static str>,
    /// What the source's own clock showed, where it is not UTC: without a zone.
    pub own_time: Option<String>,
    /// The time by the cloud's clock, where the guest's is known to be off.
    pub corrected: Option<String>,
    /// Kind word.
    pub kind: &'static str,
    /// Guest.
    pub host: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// To what.
    pub resource: Option<String>,
    /// What.
    pub operation: Option<String>,
    /// How it ended.
    pub outcome: Option<&'static str>,
    /// One line; empty here.
    pub summary: String,
    /// Path of the item.
    pub path: String,
    /// Format of the item.
    pub format: String,
    /// Record number in the item.
    pub record: u32,
    /// Bytes of the record.
    pub bytes: u64,
    /// What joins records.
    pub correlation: Option<String>,
    /// What the analyst noted of it.
    pub note: Option<Note>,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rows {
    /// Revision these positions belong to.
    pub revision: u64,
    /// Rows in all.
    pub total: usize,
    /// The page.
    pub rows: Vec<Row>,
}

/// One event as a row.
#[must_use]
pub fn row(case: &Case, event: EventNumber, position: usize) -> Row {
    let store = case.store();
    let at = event as usize;
    let text = |column: &Column<Symbol>| store.column(column, event).map(str::to_owned);
    let columns = &store.columns;
    let item = store.item_of(event);
    let stamp = store.stamp(event);
    let known = case.items().get(item as usize);
    Row {
        row: position,
        item,
        ordinal: store.ordinal.get(at).unwrap_or(0),
        time: stamp.map(|stamp| stamp.instant.to_string()),
        time_ms: stamp.map(|stamp| stamp.instant.ms()),
        time_basis: stamp.map(|stamp| stamp.basis.word()),
        own_time: own_time(case, event),
        corrected: None,
        kind: columns.kind(at).word(),
        host: text(&columns.host).or_else(|| known.and_then(|item| item.host.clone())),
        actor: text(&columns.actor),
        ip: text(&columns.ip),
        resource: text(&columns.resource),
        operation: text(&columns.operation),
        outcome: Some(columns.outcome(at).word()).filter(|word| !word.is_empty()),
        summary: String::new(),
        path: known.map(|item| item.path.clone()).unwrap_or_default(),
        format: known
            .and_then(|item| item.report.as_ref())
            .map(|report| report.format.clone())
            .unwrap_or_default(),
        record: columns.record.get(at).unwrap_or(0),
        bytes: store.span(event).length,
        correlation: text(&columns.correlation),
        note: case.note_of(event).cloned(),
    }
}

/// What a clock without a zone showed.
fn own_time(case: &Case, event: EventNumber) -> Option<String> {
    let stamp = case.store().columns.stamp(event as usize)?;
    let placed = case.store().stamp(event)?;
    let local = matches!(stamp.basis, TimeBasis::Local | TimeBasis::YearInferred);
    let shown = stamp.instant.to_string();
    (local && stamp.instant != placed.instant).then(|| shown.trim_end_matches('Z').to_owned())
}

/// The clocks of the guests, as far as they are known to be off.
pub struct Correction {
    by_host: BTreeMap<String, Offset>,
}

impl Correction {
    /// What the case knows of its guests' clocks.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let clocks = case.linked().clocks.iter();
        Self {
            by_host: clocks
                .filter(|clock| clock.applied != Offset::NONE)
                .filter_map(|clock| Some((host_label(clock.host.as_deref()?), clock.applied)))
                .collect(),
        }
    }

    /// The event's time by the cloud's clock; none where it is the cloud's, or its guest's clock is not known to be off.
    #[must_use]
    pub fn time(&self, case: &Case, event: EventNumber) -> Option<Instant> {
        if self.by_host.is_empty() {
            return None;
        }
        let store = case.store();
        let item = case.items().get(store.item_of(event) as usize)?;
        if !item.is_guest() {
            return None;
        }
        let host = store.column(&store.columns.host, event);
        let host = host.or(item.host.as_deref())?;
        let offset = self.by_host.get(&host_label(host))?;
        let own = store.stamp(event)?.instant;
        Some(Instant {
            ns: offset.cloud(own.ns),
            digits: own.digits,
        })
    }
}

/// `count` of these rows, from the `first` on.
#[must_use]
pub fn rows(case: &Case, order: &[EventNumber], first: usize, count: usize) -> Rows {
    let page = order.iter().enumerate().skip(first).take(count);
    let correction = Correction::of(case);
    Rows {
        revision: case.revision(),
        total: order.len(),
        rows: page
            .map(|(at, event)| Row {
                corrected: correction.time(case, *event).map(|time| time.to_string()),
                ..row(case, *event, at)
            })
            .collect(),
    }
}

/// The first of these rows at or after a moment.
#[must_use]
pub fn row_at(case: &Case, order: &[EventNumber], time_ms: f64) -> usize {
    let store = case.store();
    order.partition_point(|event| {
        store
            .stamp(*event)
            .is_some_and(|stamp| stamp.instant.ms() < time_ms)
    })
}

/// Where an event stands among these rows.
#[must_use]
pub fn row_of(case: &Case, order: &[EventNumber], item: u32, ordinal: u32) -> Option<usize> {
    let store = case.store();
    store.row_in(order, store.event_of(item, ordinal)?, case.rank())
}
