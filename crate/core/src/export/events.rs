//! Events as other tools read them: a CSV for spreadsheets and Timeline Explorer, JSON lines for Timesketch, Plaso's l2t CSV.
//!
//! ```text
//! csv         time,time_basis,kind,host,actor,…,summary,evidence,evidence_sha256,record,offset,length,findings
//! timesketch  {"message":"…","datetime":"2024-05-01T08:00:00.123456+00:00","timestamp_desc":"Activity Log event",…}
//! l2t         date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,extra
//! ```
//!
//! Every row names the item, its SHA-256, and the bytes of the record, so that a line of another tool leads back here. Timesketch has no place for an
//! event without a time; such events are left out and counted in words ([`EventList::left_out`]).
//!
//! Sources: Timesketch's guide to importing (`message`, `datetime`, `timestamp_desc` are required); Plaso's `l2tcsv` output module (columns, the zero
//! date where none is known).
//!
//! Rejected: one column per field of each format. A timeline of nine sources would have three hundred.

use super::pseudonyms::Pseudonyms;
use super::{EventPiece, Export, csv, json_text};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::detect::Finding;
use crate::query::rows::{Row, row};
use crate::query::{Place, summary};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Letters of the short description of l2t.
const SHORT_LETTERS: usize = 80;

/// Columns of the CSV.
const CSV_COLUMNS: [&str; 20] = [
    "time",
    "time_basis",
    "cloud_time",
    "kind",
    "host",
    "actor",
    "ip",
    "operation",
    "resource",
    "outcome",
    "correlation",
    "summary",
    "findings",
    "severity",
    "evidence",
    "evidence_sha256",
    "record",
    "offset",
    "length",
    "execution",
];

/// Columns of Plaso's l2t CSV.
const L2T_COLUMNS: [&str; 17] = [
    "date",
    "time",
    "timezone",
    "MACB",
    "source",
    "sourcetype",
    "type",
    "user",
    "host",
    "short",
    "desc",
    "version",
    "filename",
    "inode",
    "notes",
    "format",
    "extra",
];

/// Whose form the list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Spreadsheets.
    Csv,
    /// Timesketch's JSON lines.
    Timesketch,
    /// Plaso's l2t CSV.
    L2t,
}

/// A list of events being written.
pub struct EventList {
    form: Form,
    events: Vec<EventNumber>,
    next: usize,
    begun: bool,
    left_out: usize,
    /// Findings that rest on each event, in order of both.
    found: Vec<(EventNumber, usize)>,
    /// The execution that each event belongs to, the first where there are several, in order of events.
    executions: Vec<(EventNumber, usize)>,
    pseudonyms: Option<Pseudonyms>,
}

/// One event with everything that a row says.
struct Entry {
    row: Row,
    summary: String,
    correlation: String,
    cloud_time: String,
    findings: Vec<String>,
    severity: &'static str,
    sha256: String,
    record: u64,
    offset: u64,
    length: u64,
    execution: Option<usize>,
}

impl EventList {
    /// Begins the list of these events.
    #[must_use]
    pub fn new(
        case: &Case,
        form: Form,
        events: Vec<EventNumber>,
        pseudonyms: Option<Pseudonyms>,
    ) -> Self {
        let mut found = Vec::new();
        for (at, finding) in case.findings().iter().enumerate() {
            found.extend(case.finding_events(finding).map(|event| (*event, at)));
        }
        found.sort_unstable();
        found.dedup();
        let mut executions = Vec::new();
        for (at, execution) in case.linked().executions.iter().enumerate() {
            let op = execution.operation.and_then(|op| case.operations().get(op));
            let run = execution.run.and_then(|run| case.runs().get(run));
            let of_op = op.map_or(&[][..], |op| &op.events);
            let of_run = run.map_or(&[][..], |run| &run.events);
            for event in of_op
                .iter()
                .chain(of_run)
                .chain(&execution.processes)
                .chain(&execution.flows)
            {
                executions.push((*event, at));
            }
        }
        executions.sort_unstable();
        executions.dedup_by_key(|(event, _)| *event);
        let timed = |event: &EventNumber| case.store().stamp(*event).is_some();
        let all = events.len();
        let events: Vec<EventNumber> = events
            .into_iter()
            .filter(|event| form != Form::Timesketch || timed(event))
            .collect();
        Self {
            form,
            left_out: all - events.len(),
            events,
            next: 0,
            begun: false,
            found,
            executions,
            pseudonyms,
        }
    }

    fn entry(&self, case: &Case, event: EventNumber, position: usize, bytes: &[u8]) -> Entry {
        let store = case.store();
        let row = row(case, event, position);
        let span = store.span(event);
        let from = self.found.partition_point(|(of, _)| *of < event);
        let findings = self.found.iter().skip(from);
        let findings: Vec<&Finding> = findings
            .take_while(|(of, _)| *of == event)
            .filter_map(|(_, at)| case.findings().get(*at))
            .collect();
        let detectors = findings.iter().map(|finding| finding.detector.to_string());
        let detectors: BTreeSet<String> = detectors.collect();
        let worst = findings.iter().map(|finding| finding.severity).max();
        let execution = self.execution_of(event);
        Entry {
            summary: summary(case, event, bytes),
            correlation: store
                .column(&store.columns.correlation, event)
                .unwrap_or_default()
                .to_owned(),
            cloud_time: self.cloud_time(case, event).unwrap_or_default(),
            findings: detectors.into_iter().collect(),
            severity: worst.map_or("", |worst| worst.word()),
            sha256: case
                .items()
                .get(row.item as usize)
                .and_then(|item| item.sha256.clone())
                .unwrap_or_default(),
            record: store
                .columns
                .record
                .get(event as usize)
                .map_or(0, u64::from),
            offset: span.offset,
            length: span.length,
            execution,
            row,
        }
    }

    fn execution_of(&self, event: EventNumber) -> Option<usize> {
        let at = self.executions.partition_point(|(of, _)| *of < event);
        let (of, execution) = self.executions.get(at)?;
        (*of == event).then_some(*execution)
    }

    /// When the cloud's clock saw an event of a guest whose clock is known.
    fn cloud_time(&self, case: &Case, event: EventNumber) -> Option<String> {
        let stamp = case.store().stamp(event)?;
        let execution = case.linked().executions.get(self.execution_of(event)?)?;
        let run = execution.run?;
        if !case.runs().get(run)?.events.contains(&event) {
            return None;
        }
        let offset = case.linked().clock_of_run(run)?.applied;
        let cloud = crate::time::Instant {
            ns: offset.cloud(stamp.instant.ns),
            digits: stamp.instant.digits,
        };
        Some(cloud.to_string())
    }

    fn rest(&self) -> &[EventNumber] {
        self.events.get(self.next..).unwrap_or_default()
    }

    fn write_entry(&self, entry: &Entry, out: &mut Vec<u8>) {
        match self.form {
            Form::Csv => csv_line(entry, &|text| self.named(text), out),
            Form::Timesketch => timesketch(entry, &|text| self.named(text), out),
            Form::L2t => l2t(entry, &|text| self.named(text), out),
        }
    }

    fn named(&self, text: &str) -> String {
        self.pseudonyms
            .as_ref()
            .map_or_else(|| text.to_owned(), |names| names.text(text))
    }
}

impl Export for EventList {
    fn needs(&self, case: &Case) -> Vec<Place> {
        EventPiece::next(case, self.rest()).places
    }

    fn write(&mut self, case: &Case, bytes: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if !self.begun {
            self.begun = true;
            match self.form {
                Form::Csv => csv::line(&mut out, CSV_COLUMNS),
                Form::L2t => csv::line(&mut out, L2T_COLUMNS),
                Form::Timesketch => {}
            }
        } else if self.next >= self.events.len() {
            return None;
        }
        let piece = EventPiece::next(case, self.rest());
        for ((event, record), at) in piece.with(self.rest(), bytes).zip(self.next..) {
            self.write_entry(&self.entry(case, event, at, record), &mut out);
        }
        self.next += piece.own.len();
        Some(out)
    }

    fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!(
                "{} events without a time were left out: Timesketch has no place for them.",
                self.left_out
            )
        })
    }
}

type Naming<'a> = &'a dyn Fn(&str) -> String;

fn csv_line(entry: &Entry, named: Naming<'_>, out: &mut Vec<u8>) {
    let row = &entry.row;
    let some = |text: &Option<String>| named(text.as_deref().unwrap_or_default());
    let cells: [String; CSV_COLUMNS.len()] = [
        row.time.clone().unwrap_or_default(),
        row.time_basis.unwrap_or_default().to_owned(),
        entry.cloud_time.clone(),
        row.kind.to_owned(),
        some(&row.host),
        some(&row.actor),
        some(&row.ip),
        row.operation.clone().unwrap_or_default(),
        some(&row.resource),
        row.outcome.unwrap_or_default().to_owned(),
        named(&entry.correlation),
        named(&entry.summary),
        entry.findings.join(" "),
        entry.severity.to_owned(),
        named(&row.path),
        entry.sha256.clone(),
        entry.record.to_string(),
        entry.offset.to_string(),
        entry.length.to_string(),
        entry.execution.map(|at| at.to_string()).unwrap_or_default(),
    ];
    csv::line(out, cells.iter().map(String::as_str));
}

/// `2024-05-01T08:00:00.1234567Z` as Timesketch wants it: microseconds and an offset.
fn with_offset(time: &str) -> String {
    let (whole, fraction) = time
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((time.trim_end_matches('Z'), ""));
    let fraction: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(6)
        .collect();
    format!("{whole}.{fraction}+00:00")
}

fn message(entry: &Entry) -> String {
    if !entry.summary.is_empty() {
        return entry.summary.clone();
    }
    let row = &entry.row;
    let parts = [
        Some(row.kind.to_owned()),
        row.operation.clone(),
        row.resource.clone(),
        row.host.clone(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn timesketch(entry: &Entry, named: Naming<'_>, out: &mut Vec<u8>) {
    let row = &entry.row;
    let time = row.time.clone().unwrap_or_default();
    let mut line: Map<String, Value> = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = value.is_null() || value.as_str() == Some("");
        if !empty {
            line.insert(key.to_owned(), value);
        }
    };
    put("message", json!(named(&message(entry))));
    put("datetime", json!(with_offset(&time)));
    put("timestamp_desc", json!(description(row.kind)));
    put("data_type", json!(format!("runlens:{}", row.kind)));
    put("time_basis", json!(row.time_basis));
    put("cloud_time", json!(entry.cloud_time));
    put("hostname", json!(row.host.as_deref().map(named)));
    put("username", json!(row.actor.as_deref().map(named)));
    put("ip_address", json!(row.ip.as_deref().map(named)));
    put("operation", json!(row.operation));
    put("resource", json!(row.resource.as_deref().map(named)));
    put("outcome", json!(row.outcome));
    put("correlation", json!(named(&entry.correlation)));
    put("severity", json!(entry.severity));
    put("evidence", json!(named(&row.path)));
    put("evidence_sha256", json!(entry.sha256));
    put("record", json!(entry.record));
    put("offset", json!(entry.offset));
    put("length", json!(entry.length));
    put("execution", json!(entry.execution));
    if !entry.findings.is_empty() {
        put("tag", json!(entry.findings));
    }
    json_text::write(out, &Value::Object(line));
    out.push(b'\n');
}

fn l2t(entry: &Entry, named: Naming<'_>, out: &mut Vec<u8>) {
    let row = &entry.row;
    let (date, time) = row
        .time
        .as_deref()
        .and_then(|time| time.split_once('T'))
        .map_or_else(
            || ("00/00/0000".to_owned(), "--:--:--".to_owned()),
            |(date, time)| {
                let mut parts = date.split('-');
                let (year, month, day) = (
                    parts.next().unwrap_or(""),
                    parts.next().unwrap_or(""),
                    parts.next().unwrap_or(""),
                );
                (
                    format!("{month}/{day}/{year}"),
                    time.get(..8).unwrap_or(time).to_owned(),
                )
            },
        );
    let or_dash = |text: Option<String>| {
        text.filter(|text| !text.is_empty())
            .unwrap_or_else(|| "-".to_owned())
    };
    let whole = named(&message(entry)).replace(['\r', '\n'], " ");
    let short: String = whole.chars().take(SHORT_LETTERS).collect();
    let extra = [
        ("exact_time", row.time.clone()),
        ("time_basis", row.time_basis.map(str::to_owned)),
        ("ip", row.ip.as_deref().map(named)),
        ("operation", row.operation.clone()),
        ("outcome", row.outcome.map(str::to_owned)),
        ("correlation", Some(named(&entry.correlation))),
        ("sha256", Some(entry.sha256.clone())),
        ("record", Some(entry.record.to_string())),
        ("offset", Some(entry.offset.to_string())),
        ("length", Some(entry.length.to_string())),
    ];
    let extra: Vec<String> = extra
        .into_iter()
        .filter_map(|(key, value)| {
            Some(format!("{key}: {}", value.filter(|text| !text.is_empty())?))
        })
        .collect();
    let cells: [String; L2T_COLUMNS.len()] = [
        date,
        time,
        "UTC".to_owned(),
        if row.time.is_some() { "M..." } else { "...." }.to_owned(),
        if row.kind.starts_with("cloud") {
            "CLOUD"
        } else {
            "LOG"
        }
        .to_owned(),
        description(row.kind),
        row.kind.to_owned(),
        or_dash(row.actor.as_deref().map(named)),
        or_dash(row.host.as_deref().map(named)),
        or_dash(Some(short)),
        or_dash(Some(whole)),
        "2".to_owned(),
        named(&row.path),
        "-".to_owned(),
        or_dash(Some(entry.findings.join(" "))),
        "runlens".to_owned(),
        extra.join("; "),
    ];
    csv::line(out, cells.iter().map(String::as_str));
}

/// `cloud.operation` in words: what the time is the time of.
fn description(kind: &str) -> String {
    format!("{} recorded", kind.replace(['.', '-'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timesketch_wants_microseconds_and_an_offset() {
        assert_eq!(
            with_offset("2024-05-01T08:00:00Z"),
            "2024-05-01T08:00:00.000000+00:00"
        );
        assert_eq!(
            with_offset("2024-05-01T08:00:00.1234567Z"),
            "2024-05-01T08:00:00.123456+00:00"
        );
    }
}
