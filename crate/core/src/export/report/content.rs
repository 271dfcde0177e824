//! What a report says, section by section: what was found, what it rests on, what was not looked at, and what the reader has to know to check it.

use super::picture::timeline;
use super::sheet::{Cell, Writer};
use super::{Chosen, MOST_STORY_LINES, ReportAsk};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::query::evidence::evidence_items;
use crate::query::executions::EventName;
use crate::query::findings::{finding_row, searched};
use crate::query::incidents::incident_story;
use crate::query::rows::overview;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Problems of one item that are written one by one.
const MOST_PROBLEMS: usize = 20;

/// Everything that a report tells from.
pub(super) struct Told<'a> {
    pub case: &'a Case,
    pub ask: &'a ReportAsk,
    pub made: &'a str,
    pub secrets: bool,
    pub chosen: &'a Chosen,
    pub summaries: &'a BTreeMap<EventNumber, String>,
    pub pseudonyms: bool,
}

/// The title, also where nobody gave one.
pub(super) fn title(ask: &ReportAsk) -> &str {
    if ask.title.trim().is_empty() {
        "Azure Run Command: report of a case"
    } else {
        &ask.title
    }
}

impl Told<'_> {
    /// Writes all sections.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        self.head(writer);
        self.figures(writer);
        if let Some(svg) = timeline(self.case) {
            writer.heading(2, "Timeline");
            writer.picture(&svg, "Events by kind, darker where there are more; findings above, coloured by severity. Times are UTC, as each record gives them.");
        }
        self.incidents(writer);
        self.other_findings(writer);
        self.executions(writer);
        self.clocks(writer);
        self.searched(writer);
        self.settings(writer);
        self.problems(writer);
        self.manifest(writer);
        self.reading(writer);
    }

    fn head(&self, writer: &mut Writer<'_>) {
        let ask = self.ask;
        writer.heading(1, title(ask));
        let mut facts = Vec::new();
        for (name, value) in [("case reference", &ask.reference), ("author", &ask.author)] {
            if !value.trim().is_empty() {
                facts.push((name, value.clone()));
            }
        }
        if !self.made.is_empty() {
            facts.push(("made", self.made.to_owned()));
        }
        facts.push((
            "made with",
            format!("Runlens {}", env!("CARGO_PKG_VERSION")),
        ));
        if let Some(sha256) = &ask.page_sha256 {
            facts.push(("SHA-256 of the page", sha256.clone()));
        }
        writer.facts(&facts);
        if self.pseudonyms {
            writer.text("Names of people, machines and addresses are replaced by stand-ins, the same ones throughout.");
        }
        if !self.secrets {
            writer.text("Passwords, keys and tokens are replaced by dots.");
        }
        if !ask.conclusion.trim().is_empty() {
            writer.heading(2, "Conclusion of the analyst");
            writer.text(&ask.conclusion);
        }
    }

    fn figures(&self, writer: &mut Writer<'_>) {
        let (case, known) = (self.case, overview(self.case));
        let executions = &case.linked().executions;
        let sure = |word: &str| {
            executions
                .iter()
                .filter(|one| one.confidence.is_some_and(|sure| sure.word() == word))
                .count()
        };
        let one_sided = executions
            .iter()
            .filter(|one| one.operation.is_none() || one.run.is_none())
            .count();
        let suppressed = case
            .findings()
            .iter()
            .filter(|finding| finding.allowed_by.is_some())
            .count();
        let mut by_severity: BTreeMap<crate::severity::Severity, usize> = BTreeMap::new();
        for finding in case
            .findings()
            .iter()
            .filter(|finding| finding.allowed_by.is_none())
        {
            *by_severity.entry(finding.severity).or_default() += 1;
        }
        let severities: Vec<String> = by_severity
            .iter()
            .rev()
            .map(|(severity, count)| format!("{count} {}", severity.word()))
            .collect();
        let times: Vec<String> = {
            let order = case.store().order();
            let time = |event: &EventNumber| Some(case.store().stamp(*event)?.instant.to_string());
            let timed = order.partition_point(|event| case.store().stamp(*event).is_some());
            [
                order.first().and_then(time),
                timed
                    .checked_sub(1)
                    .and_then(|at| order.get(at))
                    .and_then(time),
            ]
            .into_iter()
            .flatten()
            .collect()
        };
        writer.heading(2, "The case in figures");
        writer.facts(&[
            ("evidence", format!("{} items, {} bytes, {} events", known.items, known.bytes, known.events)),
            ("from, to", times.join(" to ")),
            ("incidents", case.incidents().len().to_string()),
            ("findings", format!("{} ({suppressed} more suppressed as expected)", if severities.is_empty() { "none".to_owned() } else { severities.join(", ") })),
            (
                "executions",
                format!("{}: {} linked with high confidence, {} medium, {} low, {} confirmed by the analyst; {one_sided} seen from one side", executions.len(), sure("high"), sure("medium"), sure("low"), sure("confirmed")),
            ),
            ("problems with the evidence", known.problems.to_string()),
        ]);
    }

    fn finding_rows(&self, writer: &mut Writer<'_>, findings: impl Iterator<Item = usize>) {
        let mut notes = Vec::new();
        let rows: Vec<Vec<Cell>> = findings
            .filter_map(|at| {
                let row = finding_row(self.case, at)?;
                let said = self.case.triage().of(&row.key);
                if !said.note.is_empty() {
                    notes.push((row.title.clone(), said.note));
                }
                Some(vec![
                    Cell::Word(row.severity),
                    Cell::time(row.first.as_deref()),
                    Cell::Text(row.title),
                    Cell::Text(row.summary),
                    Cell::Text(row.attack.join(" ")),
                    Cell::Exact(row.detector),
                    Cell::Text(said.state.word().to_owned()),
                ])
            })
            .collect();
        writer.table(
            &[
                "Severity",
                "First (UTC)",
                "Finding",
                "Because",
                "ATT&CK",
                "Detector",
                "Triage",
            ],
            &rows,
        );
        for (title, note) in notes {
            writer.text(&format!("Note on “{title}”: {note}"));
        }
    }

    fn incidents(&self, writer: &mut Writer<'_>) {
        if self.chosen.incidents.is_empty() {
            return;
        }
        writer.heading(2, "Incidents");
        for at in &self.chosen.incidents {
            let Some(incident) = self.case.incidents().get(*at) else {
                continue;
            };
            writer.heading(
                3,
                &format!(
                    "Incident {at}: {}, score {}",
                    incident.severity.word(),
                    incident.score
                ),
            );
            let span = [incident.first, incident.last]
                .into_iter()
                .flatten()
                .map(|time| time.to_string())
                .collect::<Vec<_>>();
            writer.text(&span.join(" to "));
            self.finding_rows(writer, incident.findings.iter().copied());
            self.story(writer, *at);
        }
    }

    fn story(&self, writer: &mut Writer<'_>, incident: usize) {
        let story = incident_story(self.case, incident, 0, MOST_STORY_LINES);
        let rows: Vec<Vec<Cell>> = story
            .lines
            .iter()
            .map(|line| {
                let name = EventName {
                    item: line.row.item,
                    ordinal: line.row.ordinal,
                };
                let event = self.case.store().event_of(name.item, name.ordinal);
                let summary = event
                    .and_then(|event| self.summaries.get(&event))
                    .cloned()
                    .unwrap_or_default();
                let own = line.row.time.as_deref().unwrap_or("–");
                let own = line
                    .offset_seconds
                    .map_or(own.to_owned(), |offset| format!("{own} ({offset:+.1} s)"));
                let who = line
                    .row
                    .actor
                    .clone()
                    .or_else(|| line.row.host.clone())
                    .unwrap_or_default();
                vec![
                    Cell::time(line.cloud_time.as_deref()),
                    Cell::Text(line.clock.to_owned()),
                    Cell::Text(own),
                    Cell::Text(who),
                    Cell::Text(summary),
                    Cell::Exact(super::execution::place(self.case, name).unwrap_or_default()),
                ]
            })
            .collect();
        writer.heading(4, "In order");
        writer.table(
            &[
                "Cloud's clock (UTC)",
                "Whose clock",
                "As recorded (offset)",
                "Who or where",
                "What",
                "Evidence",
            ],
            &rows,
        );
        if story.total > story.lines.len() {
            writer.text(&format!(
                "{} more records belong to this incident; the case document names them.",
                story.total - story.lines.len()
            ));
        }
    }

    fn other_findings(&self, writer: &mut Writer<'_>) {
        let case = self.case;
        let told: BTreeSet<usize> = case
            .incidents()
            .iter()
            .flat_map(|incident| incident.findings.iter().copied())
            .collect();
        let all = case.findings().iter().enumerate();
        let (expected, other): (Vec<_>, Vec<_>) = all
            .filter(|(at, _)| !told.contains(at))
            .partition(|(_, finding)| finding.allowed_by.is_some());
        if !other.is_empty() {
            writer.heading(2, "Findings of no incident");
            self.finding_rows(writer, other.into_iter().map(|(at, _)| at));
        }
        if !expected.is_empty() {
            writer.heading(2, "Findings that the analyst expects");
            self.finding_rows(writer, expected.into_iter().map(|(at, _)| at));
        }
    }

    fn executions(&self, writer: &mut Writer<'_>) {
        if self.chosen.executions.is_empty() {
            return;
        }
        writer.heading(2, "Executions");
        for at in &self.chosen.executions {
            self.execution(writer, *at);
        }
        if self.chosen.executions_left > 0 {
            writer.text(&format!(
                "{} more executions are not told here.",
                self.chosen.executions_left
            ));
        }
    }

    fn clocks(&self, writer: &mut Writer<'_>) {
        let rows: Vec<Vec<Cell>> = self
            .case
            .linked()
            .clocks
            .iter()
            .map(|clock| {
                let estimate = &clock.estimate;
                let seconds = |ns: Option<i64>| {
                    ns.map_or_else(|| "–".to_owned(), |ns| format!("{:.1}", ns as f64 / 1e9))
                };
                let interval = format!("{} to {}", seconds(estimate.low), seconds(estimate.high));
                let counted = format!("{} used, {} discarded", estimate.pairs, estimate.discarded);
                vec![
                    Cell::maybe(clock.host.as_deref()),
                    Cell::Text(crate::query::story::clocks::in_words(clock)),
                    Cell::Text(interval),
                    Cell::Text(counted),
                    Cell::Word(estimate.confidence.word()),
                ]
            })
            .collect();
        if !rows.is_empty() {
            writer.heading(2, "Clocks of the guests");
            writer.table(
                &[
                    "Host",
                    "Against the cloud's clock",
                    "Between (seconds)",
                    "Pairs",
                    "Confidence",
                ],
                &rows,
            );
        }
    }

    fn searched(&self, writer: &mut Writer<'_>) {
        writer.heading(2, "What was searched for");
        let rows: Vec<Vec<Cell>> = searched(self.case)
            .into_iter()
            .map(|detector| {
                vec![
                    Cell::Exact(detector.detector),
                    Cell::Text(detector.title.unwrap_or_default().to_owned()),
                    Cell::Text(match detector.answer {
                        "found" => format!("{} found", detector.findings),
                        "not-assessed" => "not assessed".to_owned(),
                        _ => "not found".to_owned(),
                    }),
                    Cell::Text(detector.reason.unwrap_or_default()),
                ]
            })
            .collect();
        writer.table(&["Detector", "What", "Answer", "Remark"], &rows);
    }

    fn settings(&self, writer: &mut Writer<'_>) {
        let shown = crate::query::settings(self.case.settings());
        writer.heading(2, "Parameters in force");
        let word = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let rows: Vec<Vec<Cell>> = shown
            .parameters
            .iter()
            .map(|one| {
                let changed = if one.value == one.standard {
                    String::new()
                } else {
                    format!("changed; the default is {}", word(&one.standard))
                };
                vec![
                    Cell::Exact(one.key.to_owned()),
                    Cell::Text(format!(
                        "{} {}",
                        word(&one.value),
                        if matches!(one.unit, "yes-no" | "choice") {
                            ""
                        } else {
                            one.unit
                        }
                    )),
                    Cell::Text(changed),
                ]
            })
            .collect();
        writer.table(&["Parameter", "Value", ""], &rows);
        let effects = self
            .case
            .allowed()
            .iter()
            .zip(&self.case.settings().allow_list);
        let rows: Vec<Vec<Cell>> = effects
            .map(|(effect, entry)| {
                vec![
                    Cell::Text(entry.to_json().to_string()),
                    Cell::Text(format!("{} suppressed", effect.suppressed)),
                    Cell::Text(if effect.expired {
                        "expired".to_owned()
                    } else {
                        String::new()
                    }),
                ]
            })
            .collect();
        if !rows.is_empty() {
            writer.heading(3, "What the analyst expects");
            writer.table(&["Entry", "Effect", ""], &rows);
        }
        let rows: Vec<Vec<Cell>> = self
            .case
            .lists()
            .notes()
            .iter()
            .map(|note| {
                vec![
                    Cell::Text(note.kind.word().to_owned()),
                    Cell::Text(note.name.clone()),
                    Cell::Exact(note.sha256.clone()),
                    Cell::Text(note.entries.to_string()),
                ]
            })
            .collect();
        if !rows.is_empty() {
            writer.heading(3, "The analyst's lists");
            writer.table(&["List", "File", "SHA-256", "Entries"], &rows);
        }
    }

    fn problems(&self, writer: &mut Writer<'_>) {
        let mut rows = Vec::new();
        for item in evidence_items(self.case) {
            let left = item.row.problem_count.saturating_sub(MOST_PROBLEMS);
            for problem in item.problems.iter().take(MOST_PROBLEMS) {
                let severity = serde_json::to_value(problem.severity).ok();
                let severity = severity
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let at = problem
                    .offset
                    .map(|offset| offset.to_string())
                    .unwrap_or_default();
                rows.push(vec![
                    Cell::Exact(item.row.path.clone()),
                    Cell::Text(severity),
                    Cell::Text(problem.text.clone()),
                    Cell::Exact(at),
                ]);
            }
            if left > 0 {
                rows.push(vec![
                    Cell::Exact(item.row.path.clone()),
                    Cell::Text(String::new()),
                    Cell::Text(format!("{left} more of this item")),
                    Cell::Text(String::new()),
                ]);
            }
        }
        if !rows.is_empty() {
            writer.heading(2, "Problems with the evidence");
            writer.table(&["Item", "Severity", "What happened", "At byte"], &rows);
        }
    }

    fn manifest(&self, writer: &mut Writer<'_>) {
        writer.heading(2, "Evidence");
        let rows: Vec<Vec<Cell>> = evidence_items(self.case)
            .into_iter()
            .map(|item| {
                let row = item.row;
                vec![
                    Cell::Exact(row.path),
                    Cell::Exact(row.size.to_string()),
                    Cell::Exact(item.sha256.unwrap_or_else(|| "not hashed".to_owned())),
                    Cell::Text(row.format.unwrap_or_else(|| row.state.to_owned())),
                    Cell::Text(format!(
                        "{} / {} / {}",
                        row.records, row.events, row.skipped
                    )),
                    Cell::time(row.first.as_deref()),
                    Cell::time(row.last.as_deref()),
                    Cell::maybe(row.time_basis),
                ]
            })
            .collect();
        writer.table(
            &[
                "Path",
                "Bytes",
                "SHA-256",
                "Format",
                "Records / events / skipped",
                "First",
                "Last",
                "Time basis",
            ],
            &rows,
        );
    }

    fn reading(&self, writer: &mut Writer<'_>) {
        writer.heading(2, "How to read this");
        writer.text("Times are written as the records give them, in UTC, with as many digits as they had. Time basis says how that is known: utc and offset are stated by the record, assumed-utc, local and year-inferred were concluded.");
        writer.text("An execution joins what the cloud recorded of a command and what the guest kept of it. Its confidence rests on the points listed with it; low means that other pairs are nearly as good.");
        writer.text("Not found means that the detector ran and its condition did not occur in this evidence. Not assessed means that the evidence does not allow an answer; it is no statement that nothing happened.");
    }
}
