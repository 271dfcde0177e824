//! The list of executions: a page of rows, sorted and filtered by column.
//!
//! An execution is named by the first event of its operation, else of its run. That name stays true when links are solved again, while its
//! place in the list does not: the operation of a rejected pair is found under the same name, alone.
//!
//! ```text
//! ask     { first: 0, count: 200, sort: "severity", descending: true, filters: { machine: "web" } }
//! answer  { total: 3, of: 120, rows: [ … ] }
//! ```
//!
//! Rejected: handing the whole list to the page to sort. Ten thousand executions would be copied for the forty that are seen.

use crate::case::Case;
use crate::case::store::EventNumber;
use crate::identity::fold;
use crate::reconstruct::links::{Execution, in_points};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::runs::Run;
use crate::script::secrets;
use crate::severity::Severity;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one answer at most.
const MOST_ROWS: usize = 1_000;

/// An event by the name that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventName {
    /// Item number.
    pub item: u32,
    /// Number within the item.
    pub ordinal: u32,
}

impl EventName {
    /// The name of an event.
    #[must_use]
    pub fn of(case: &Case, event: EventNumber) -> Self {
        let store = case.store();
        Self {
            item: store.item_of(event),
            ordinal: store.ordinal.get(event as usize).unwrap_or(0),
        }
    }
}

/// A column of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// By the cloud's clock.
    #[default]
    Time,
    /// Who asked.
    Caller,
    /// VM or host.
    Machine,
    /// Which feature.
    Family,
    /// Name and number.
    Name,
    /// How the operation ended.
    Outcome,
    /// How the run ended, and its exit code.
    State,
    /// Worst of findings and script.
    Severity,
    /// Score of the script.
    Score,
    /// How sure the link is.
    Confidence,
}

/// What is asked of the list.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ExecutionsAsk {
    /// First row wanted.
    pub first: usize,
    /// Rows wanted.
    pub count: usize,
    /// Column to sort by.
    #[serde(default)]
    pub sort: Column,
    /// Greatest first.
    #[serde(default)]
    pub descending: bool,
    /// Text that the column must contain, however spelled.
    #[serde(default)]
    pub filters: BTreeMap<Column, String>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExecutionRow {
    /// Place in the case document.
    pub execution: usize,
    /// Its name while the case is open.
    pub name: EventName,
    /// By the cloud's clock: the operation's start, else the run's corrected.
    pub time: Option<String>,
    /// For placing marks.
    pub time_ms: Option<f64>,
    /// Who asked.
    pub caller: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// VM, else host.
    pub machine: Option<String>,
    /// Guest as its evidence spells it.
    pub host: Option<String>,
    /// Which feature.
    pub family: &'static str,
    /// Managed or extension name, and number.
    pub label: String,
    /// How the operation ended.
    pub outcome: Option<&'static str>,
    /// How the run ended.
    pub state: Option<&'static str>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Worst of findings and script.
    pub severity: Option<&'static str>,
    /// Findings on it.
    pub findings: usize,
    /// Score of its script.
    pub score: Option<u32>,
    /// First indicators of its script, heaviest first.
    pub indicators: Vec<String>,
    /// First line of the script that says something, secrets as dots.
    pub script: Option<String>,
    /// `confirmed`, `high`, `medium`, `low`; none where one side is missing.
    pub confidence: Option<&'static str>,
    /// Points of the link.
    pub points: Option<f64>,
    /// `both`, `cloud` or `guest`.
    pub sides: &'static str,
}

/// A page of executions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Executions {
    /// Revision these places belong to.
    pub revision: u64,
    /// Executions that the filters let through.
    pub total: usize,
    /// Executions in all.
    pub of: usize,
    /// Executions with both sides, of all.
    pub linked: usize,
    /// The page.
    pub rows: Vec<ExecutionRow>,
}

/// The worst of the findings on an execution, and their places.
type Found = (Severity, Vec<usize>);

/// What a row needs to know of the whole case, gathered once for an answer.
pub(super) struct Listing<'a> {
    case: &'a Case,
    found: BTreeMap<usize, Found>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(case: &'a Case) -> Self {
        let executions = case.linked().executions.iter().enumerate();
        let of_operation: BTreeMap<usize, usize> = executions
            .filter_map(|(at, execution)| Some((execution.operation?, at)))
            .collect();
        let mut found: BTreeMap<usize, Found> = BTreeMap::new();
        for (number, finding) in case.findings().iter().enumerate() {
            let by_operation = finding.operations.iter();
            let by_operation = by_operation.filter_map(|at| of_operation.get(at).copied());
            let distinct: BTreeSet<usize> = by_operation
                .chain(finding.executions.iter().copied())
                .collect();
            for at in distinct {
                let entry = found
                    .entry(at)
                    .or_insert_with(|| (finding.severity, Vec::new()));
                entry.0 = entry.0.max(finding.severity);
                entry.1.push(number);
            }
        }
        Self { case, found }
    }

    fn sides(&self, execution: &Execution) -> (Option<&'a Operation>, Option<&'a Run>) {
        (
            execution
                .operation
                .and_then(|at| self.case.operations().get(at)),
            execution.run.and_then(|at| self.case.runs().get(at)),
        )
    }

    /// Places of the findings on an execution.
    pub(super) fn findings(&self, at: usize) -> &[usize] {
        self.found.get(&at).map_or(&[], |(_, places)| places)
    }

    fn severity(&self, at: usize, execution: &Execution) -> Option<Severity> {
        let found = self.found.get(&at);
        let script = execution.run.and_then(|at| self.case.examined(at));
        found
            .map(|(severity, _)| *severity)
            .max(script.and_then(|script| script.score.severity))
    }

    /// Everything that is found of an execution by its words: who, where, which, what its script says.
    pub(super) fn words(&self, at: usize, execution: &Execution) -> String {
        let columns = [Column::Caller, Column::Machine, Column::Name, Column::Score];
        let words = columns.map(|column| self.text(column, at, execution));
        words.join(" ")
    }

    pub(super) fn row(&self, at: usize, execution: &Execution) -> Option<ExecutionRow> {
        let (op, run) = self.sides(execution);
        let time = time_of(self.case, execution);
        let examined = execution.run.and_then(|at| self.case.examined(at));
        Some(ExecutionRow {
            execution: at,
            name: name_of(self.case, execution)?,
            time: time.map(|time| time.to_string()),
            time_ms: time.map(Instant::ms),
            caller: op.and_then(|op| op.caller.as_deref().map(str::to_owned)),
            ip: op.and_then(|op| op.ips.first().map(|ip| ip.to_string())),
            machine: machine(self.case, execution),
            host: run.and_then(|run| run.host.clone()),
            family: family(op, run),
            label: label(op, run),
            outcome: op.map(|op| op.outcome.word()),
            state: run.map(|run| run.state.word()),
            exit_code: run.and_then(|run| run.exit_code),
            severity: self.severity(at, execution).map(Severity::word),
            findings: self.findings(at).len(),
            score: examined.map(|found| found.score.total),
            indicators: examined.map(heaviest).unwrap_or_default(),
            script: run
                .and_then(|run| run.script.as_ref())
                .and_then(|script| first_line(&script.text)),
            confidence: confidence(execution),
            points: execution.score.map(in_points),
            sides: sides(execution),
        })
    }

    fn text(&self, column: Column, at: usize, execution: &Execution) -> String {
        let (op, run) = self.sides(execution);
        match column {
            Column::Time => time_of(self.case, execution)
                .map(|time| time.to_string().replace('T', " "))
                .unwrap_or_default(),
            Column::Caller => {
                let caller = op.and_then(|op| op.caller.as_deref()).unwrap_or("");
                let ips = op.map(|op| op.ips.join(" ")).unwrap_or_default();
                format!("{caller} {ips}")
            }
            Column::Machine => {
                let host = run.and_then(|run| run.host.as_deref()).unwrap_or("");
                let machine = machine(self.case, execution).unwrap_or_default();
                format!("{machine} {host}")
            }
            Column::Family => family(op, run).to_owned(),
            Column::Name => label(op, run),
            Column::Outcome => op.map(|op| op.outcome.word()).unwrap_or("").to_owned(),
            Column::State => {
                let code = run.and_then(|run| run.exit_code);
                let state = run.map(|run| run.state.word()).unwrap_or("");
                code.map_or_else(|| state.to_owned(), |code| format!("{state} {code}"))
            }
            Column::Severity => self
                .severity(at, execution)
                .map_or("", Severity::word)
                .to_owned(),
            Column::Score => {
                let row = self.row(at, execution);
                let row = row.map(|row| (row.indicators.join(" "), row.script));
                let (indicators, script) = row.unwrap_or_default();
                format!("{indicators} {}", script.unwrap_or_default())
            }
            Column::Confidence => match confidence(execution) {
                Some(word) => word.to_owned(),
                None => format!("{} only", sides(execution)),
            },
        }
    }

    fn order(&self, column: Column, at: usize, execution: &Execution) -> Key {
        let (op, run) = self.sides(execution);
        match column {
            Column::Time => Key::number(time_of(self.case, execution).map(|time| time.ns)),
            Column::Severity => {
                Key::number(self.severity(at, execution).map(|severity| severity as i64))
            }
            Column::Score => {
                let found = execution.run.and_then(|at| self.case.examined(at));
                Key::number(found.map(|found| i64::from(found.score.total)))
            }
            Column::Confidence => Key::number(confidence(execution).map(|word| match word {
                "confirmed" => 3,
                "high" => 2,
                "medium" => 1,
                _ => 0,
            })),
            Column::State => Key {
                absent: run.is_none(),
                number: run.and_then(|run| run.exit_code).unwrap_or(i64::MIN),
                text: run
                    .map(|run| run.state.word().to_owned())
                    .unwrap_or_default(),
            },
            Column::Name => Key {
                absent: false,
                number: run.and_then(|run| run.sequence).unwrap_or(-1),
                text: fold(&name(op, run)),
            },
            Column::Caller | Column::Machine | Column::Family | Column::Outcome => {
                let text = fold(self.text(column, at, execution).trim());
                Key {
                    absent: text.is_empty(),
                    number: 0,
                    text,
                }
            }
        }
    }
}

/// What a row is sorted by. Rows that have nothing there come last either way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    absent: bool,
    text: String,
    number: i64,
}

impl Key {
    fn number(number: Option<i64>) -> Self {
        Self {
            absent: number.is_none(),
            text: String::new(),
            number: number.unwrap_or(0),
        }
    }

    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let value = |key: &Self| (key.text.clone(), key.number);
        let by_value = || {
            if descending {
                Reverse(value(self)).cmp(&Reverse(value(other)))
            } else {
                value(self).cmp(&value(other))
            }
        };
        self.absent.cmp(&other.absent).then_with(by_value)
    }
}

/// A page of the executions that the filters let through.
#[must_use]
pub fn executions(case: &Case, asked: &ExecutionsAsk) -> Executions {
    let listing = Listing::new(case);
    let all = &case.linked().executions;
    let filters: Vec<(Column, String)> = asked
        .filters
        .iter()
        .map(|(column, text)| (*column, fold(text.trim())))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let mut kept: Vec<(Key, usize)> = all
        .iter()
        .enumerate()
        .filter(|(at, execution)| {
            filters.iter().all(|(column, wanted)| {
                fold(&listing.text(*column, *at, execution)).contains(wanted.as_str())
            })
        })
        .map(|(at, execution)| (listing.order(asked.sort, at, execution), at))
        .collect();
    // Stable: among equals the order of the case document.
    kept.sort_by(|(one, _), (other, _)| one.compare(other, asked.descending));
    let page = kept
        .iter()
        .skip(asked.first)
        .take(asked.count.min(MOST_ROWS));
    Executions {
        revision: case.revision(),
        total: kept.len(),
        of: all.len(),
        linked: all
            .iter()
            .filter(|execution| sides(execution) == "both")
            .count(),
        rows: page
            .filter_map(|(_, at)| listing.row(*at, all.get(*at)?))
            .collect(),
    }
}

/// The execution that an event belongs to, by its operation or its run.
#[must_use]
pub fn execution_of(case: &Case, item: u32, ordinal: u32) -> Option<usize> {
    let event = case.store().event_of(item, ordinal)?;
    let shown = case.rendering_of(event).unwrap_or(event);
    let holds = |execution: &Execution| {
        let op = execution.operation.and_then(|at| case.operations().get(at));
        let run = execution.run.and_then(|at| case.runs().get(at));
        op.is_some_and(|op| op.events.contains(&shown))
            || run.is_some_and(|run| run.events.contains(&event))
            || execution.processes.contains(&event)
    };
    case.linked().executions.iter().position(holds)
}

/// The name of an execution that stays: the first event of its operation, else of its run.
#[must_use]
pub fn name_of(case: &Case, execution: &Execution) -> Option<EventName> {
    let op = execution.operation.and_then(|at| case.operations().get(at));
    let run = execution.run.and_then(|at| case.runs().get(at));
    let first = op
        .and_then(|op| op.events.first())
        .or_else(|| run.and_then(|run| run.events.first()))?;
    Some(EventName::of(case, *first))
}

/// When an execution is shown: its operation's start, else its run's time by the cloud's clock.
#[must_use]
pub fn time_of(case: &Case, execution: &Execution) -> Option<Instant> {
    let op = execution.operation.and_then(|at| case.operations().get(at));
    op.and_then(|op| op.started).or_else(|| {
        let at = execution.run?;
        let run = case.runs().get(at)?;
        let time = run.started.or(run.ended)?;
        let offset = super::story::clocks::applied(case, at);
        Some(time.shifted(-offset.at(time.ns)))
    })
}

fn machine(case: &Case, execution: &Execution) -> Option<String> {
    let op = execution.operation.and_then(|at| case.operations().get(at));
    let run = execution.run.and_then(|at| case.runs().get(at));
    let of_run = execution
        .run
        .and_then(|at| case.linked().resources.get(at)?.as_deref())
        .and_then(|id| crate::identity::ResourceId::parse(id).vm());
    op.and_then(Operation::vm)
        .or(of_run)
        .or_else(|| run?.host.clone())
}

fn family(op: Option<&Operation>, run: Option<&Run>) -> &'static str {
    run.map(|run| run.family.word())
        .or(op.map(|op| op.family.word()))
        .unwrap_or("")
}

fn name(op: Option<&Operation>, run: Option<&Run>) -> String {
    let of_op = || op?.resource.as_ref()?.child();
    run.and_then(|run| run.name.clone())
        .or_else(of_op)
        .unwrap_or_default()
}

/// `audit-config #3`: the name where there is one, and the guest's number.
pub(super) fn label(op: Option<&Operation>, run: Option<&Run>) -> String {
    let number = run.and_then(|run| run.sequence);
    let name = name(op, run);
    match (name.is_empty(), number) {
        (true, None) => String::new(),
        (true, Some(number)) => format!("#{number}"),
        (false, None) => name,
        (false, Some(number)) => format!("{name} #{number}"),
    }
}

pub(super) fn confidence(execution: &Execution) -> Option<&'static str> {
    if execution.confirmed {
        return Some("confirmed");
    }
    execution
        .confidence
        .map(crate::reconstruct::skew::estimate::Confidence::word)
}

pub(super) fn sides(execution: &Execution) -> &'static str {
    match (execution.operation, execution.run) {
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "cloud",
        _ => "guest",
    }
}

/// The heaviest indicators of a script, at most four.
fn heaviest(found: &crate::script::Examined) -> Vec<String> {
    let mut weights: BTreeMap<&str, u8> = BTreeMap::new();
    for hit in &found.matches {
        let weight = weights.entry(&hit.indicator.id).or_insert(0);
        *weight = (*weight).max(hit.weight());
    }
    let mut ids: Vec<(Reverse<u8>, &str)> = weights
        .into_iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(id, weight)| (Reverse(weight), id))
        .collect();
    ids.sort_unstable();
    ids.into_iter()
        .take(4)
        .map(|(_, id)| id.to_owned())
        .collect()
}

/// The first line of a script that is neither empty nor a comment, cut.
fn first_line(text: &str) -> Option<String> {
    const LETTERS: usize = 160;
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let whole = secrets::masked(
        line.get(..line.floor_char_boundary(8 << 10))
            .unwrap_or(line),
    );
    let cut: String = whole.chars().take(LETTERS).collect();
    Some(if cut.len() < whole.len() {
        format!("{cut}…")
    } else {
        cut
    })
}
