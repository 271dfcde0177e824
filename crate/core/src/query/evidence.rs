//! The evidence list: what came in, a page at a time, and one item in full.
//!
//! ```text
//! ask     { first: 0, count: 200, sort: "size", descending: true, text: "waagent", like: "warning" }
//! answer  { total: 3, of: 20412, compared: [["unchanged", 20411]], rows: [ … ] }
//! ```
//!
//! A collected guest is tens of thousands of small files, so the page holds the rows that are seen and the core sorts and looks.
//!
//! Rejected: one answer with every item and its problems. It was asked for ten times a second while evidence was read.

use crate::case::Case;
use crate::case::item::{Item, ItemState};
use crate::problem::{Problem, Severity};
use crate::query::rows::modified;
use crate::reconstruct::manifests::Verdict;
use crate::time::TimeBasis;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rows of one answer at most.
const MOST_ROWS: usize = 1_000;

/// A column of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// Where it lay.
    #[default]
    Path,
    /// Format id.
    Format,
    /// Guest.
    Host,
    /// Bytes.
    Size,
    /// Records read.
    Records,
    /// Events made of them.
    Events,
    /// Records not read.
    Skipped,
    /// First event.
    First,
    /// How the times are known.
    Clock,
    /// How many problems.
    Problems,
}

/// Which items are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Like {
    /// With a problem that cost data.
    DataLoss,
    /// With a warning.
    Warning,
    /// With a note.
    Info,
    /// Cancelled or quarantined.
    Unread,
}

/// What is asked of the list.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct EvidenceAsk {
    /// First row wanted.
    pub first: usize,
    /// Rows wanted.
    pub count: usize,
    /// Column to sort by; rows that are equal there stand by path.
    #[serde(default)]
    pub sort: Column,
    /// Greatest first.
    #[serde(default)]
    pub descending: bool,
    /// Text that path, format or host must contain, letter case aside.
    #[serde(default)]
    pub text: String,
    /// Of one kind only.
    #[serde(default)]
    pub like: Option<Like>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceRow {
    /// Item number.
    pub item: u32,
    /// Path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// How far it has come.
    pub state: &'static str,
    /// Format id.
    pub format: Option<String>,
    /// Guest.
    pub host: Option<String>,
    /// Records read.
    pub records: u64,
    /// Events made of them.
    pub events: u64,
    /// Records not read.
    pub skipped: u64,
    /// First event time.
    pub first: Option<String>,
    /// Last event time.
    pub last: Option<String>,
    /// How the times are known.
    pub time_basis: Option<&'static str>,
    /// Item whose bytes these are too.
    pub duplicate_of: Option<u32>,
    /// How many problems.
    pub problem_count: usize,
    /// The gravest of them.
    pub worst: Option<Severity>,
    /// What a manifest beside it says: `unchanged`, `changed`, `new`, …
    pub compared: Option<&'static str>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceRows {
    /// Rows that are as asked.
    pub total: usize,
    /// Items in all.
    pub of: usize,
    /// How many items a manifest among the evidence says what of.
    pub compared: Vec<(&'static str, usize)>,
    /// The page.
    pub rows: Vec<EvidenceRow>,
}

/// A page of the evidence list.
#[must_use]
pub fn evidence(case: &Case, ask: &EvidenceAsk) -> EvidenceRows {
    let items = case.items();
    let verdicts = verdicts(case);
    let text = ask.text.trim().to_lowercase();
    let has = |text_of: &str| text_of.to_lowercase().contains(&text);
    let wanted = |item: &Item| {
        let named = text.is_empty()
            || has(&item.path)
            || item.host.as_deref().is_some_and(has)
            || format_of(item).is_some_and(has);
        named && ask.like.is_none_or(|like| is_like(item, like))
    };
    let mut shown: Vec<usize> = (0..items.len())
        .filter(|at| items.get(*at).is_some_and(wanted))
        .collect();
    shown.sort_by(|one, other| {
        let pair = items.get(*one).zip(items.get(*other));
        let by_column = pair.map_or(Ordering::Equal, |(one, other)| {
            compare(one, other, ask.sort)
        });
        let by_path = case.rank().get(*one).cmp(&case.rank().get(*other));
        match (ask.descending, ask.sort) {
            (true, Column::Path) => by_path.reverse(),
            (true, _) => by_column.reverse().then(by_path),
            (false, _) => by_column.then(by_path),
        }
    });
    let mut compared: BTreeMap<&'static str, usize> = BTreeMap::new();
    for verdict in verdicts.values() {
        *compared.entry(verdict.word()).or_default() += 1;
    }
    EvidenceRows {
        total: shown.len(),
        of: items.len(),
        compared: compared.into_iter().collect(),
        rows: shown
            .into_iter()
            .skip(ask.first)
            .take(ask.count.min(MOST_ROWS))
            .filter_map(|at| Some(row(at, items.get(at)?, verdicts.get(&at).copied())))
            .collect(),
    }
}

fn compare(one: &Item, other: &Item, column: Column) -> Ordering {
    match column {
        Column::Path => Ordering::Equal,
        Column::Format => format_of(one).cmp(&format_of(other)),
        Column::Host => one.host.cmp(&other.host),
        Column::Size => one.size.cmp(&other.size),
        Column::Records => records(one).cmp(&records(other)),
        Column::Events => events(one).cmp(&events(other)),
        Column::Skipped => skipped(one).cmp(&skipped(other)),
        Column::First => one.first.cmp(&other.first),
        Column::Clock => one.time_basis.cmp(&other.time_basis),
        Column::Problems => {
            let key = |item: &Item| (item.worst_problem(), item.problem_count());
            key(one).cmp(&key(other))
        }
    }
}

fn is_like(item: &Item, like: Like) -> bool {
    let severity = match like {
        Like::Unread => {
            return matches!(item.state, ItemState::Cancelled | ItemState::Quarantined);
        }
        Like::DataLoss => Severity::DataLoss,
        Like::Warning => Severity::Warning,
        Like::Info => Severity::Info,
    };
    item.has_problem(severity)
}

fn format_of(item: &Item) -> Option<&str> {
    item.report.as_ref().map(|report| report.format.as_str())
}

fn records(item: &Item) -> u64 {
    item.report
        .as_ref()
        .map_or(0, |report| report.counts.records)
}

/// Those of its report, or those that came so far.
fn events(item: &Item) -> u64 {
    item.report
        .as_ref()
        .map_or(u64::from(item.events), |report| report.counts.events)
}

fn skipped(item: &Item) -> u64 {
    item.report
        .as_ref()
        .map_or(0, |report| report.counts.skipped)
}

/// What a manifest among the evidence says of the items.
fn verdicts(case: &Case) -> BTreeMap<usize, Verdict> {
    case.compared()
        .into_iter()
        .filter_map(|line| Some((line.item?, line.verdict)))
        .collect()
}

fn row(number: usize, item: &Item, verdict: Option<Verdict>) -> EvidenceRow {
    EvidenceRow {
        item: u32::try_from(number).unwrap_or(u32::MAX),
        path: item.path.clone(),
        size: item.size,
        state: item.state.word(),
        format: format_of(item).map(str::to_owned),
        host: item.host.clone(),
        records: records(item),
        events: events(item),
        skipped: skipped(item),
        first: item.first.map(|time| time.to_string()),
        last: item.last.map(|time| time.to_string()),
        time_basis: item.time_basis.map(TimeBasis::word),
        duplicate_of: item.duplicate_of,
        problem_count: item.problem_count(),
        worst: item.worst_problem(),
        compared: verdict.map(Verdict::word),
    }
}

/// A problem as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownProblem {
    /// Code word.
    pub code: &'static str,
    /// What it costs.
    pub severity: Severity,
    /// Record number.
    pub record: Option<u64>,
    /// First byte.
    pub offset: Option<u64>,
    /// Bytes.
    pub length: Option<u64>,
    /// What happened and what to do.
    pub text: String,
}

/// One item in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceItem {
    /// As the list has it.
    pub row: EvidenceRow,
    /// Lower-case hex.
    pub sha256: Option<String>,
    /// MD5, where asked for.
    pub md5: Option<String>,
    /// SHA-1, where asked for.
    pub sha1: Option<String>,
    /// Zone that the analyst gave its local times.
    pub zone: Option<String>,
    /// Whether it has local times that a zone would place.
    pub has_local_times: bool,
    /// Year that the analyst gave its last record.
    pub year_given: Option<i32>,
    /// Year that its last record is taken to be of, where the source gives none.
    pub year: Option<i32>,
    /// Whether some of its times lack their year.
    pub lacks_year: bool,
    /// Modified time.
    pub modified: Option<String>,
    /// Encoding.
    pub encoding: Option<String>,
    /// Records that became part of another's event.
    pub folded: u64,
    /// The problems, by place.
    pub problems: Vec<ShownProblem>,
}

/// One item in full.
#[must_use]
pub fn evidence_item(case: &Case, number: u32) -> Option<EvidenceItem> {
    let at = number as usize;
    full(case, at, verdicts(case).get(&at).copied())
}

/// Every item in full, by path.
#[must_use]
pub fn evidence_items(case: &Case) -> Vec<EvidenceItem> {
    let verdicts = verdicts(case);
    let mut list: Vec<EvidenceItem> = (0..case.items().len())
        .filter_map(|at| full(case, at, verdicts.get(&at).copied()))
        .collect();
    list.sort_by(|one, other| {
        (&one.row.path, one.row.item).cmp(&(&other.row.path, other.row.item))
    });
    list
}

fn full(case: &Case, at: usize, verdict: Option<Verdict>) -> Option<EvidenceItem> {
    let item = case.items().get(at)?;
    let report = item.report.as_ref();
    let settings = case.settings();
    Some(EvidenceItem {
        row: row(at, item, verdict),
        sha256: item.sha256.clone(),
        md5: item.md5.clone(),
        sha1: item.sha1.clone(),
        zone: settings.zones.get(&item.path).map(ToString::to_string),
        has_local_times: item.has_local_times,
        year_given: settings.years.get(&item.path).copied(),
        year: item.year,
        lacks_year: item.lacks_year,
        modified: modified(item.modified_ms),
        encoding: report.map(|report| report.encoding.clone()),
        folded: report.map_or(0, |report| report.counts.folded),
        problems: item.problems().into_iter().map(shown).collect(),
    })
}

fn shown(problem: Problem) -> ShownProblem {
    ShownProblem {
        code: problem.code.word(),
        severity: problem.severity,
        record: problem.record,
        offset: problem.offset,
        length: problem.length,
        text: problem.text,
    }
}

#[cfg(test)]
mod tests;
