//! One execution in a report: the story that the page tells, in the same order.

use super::content::Told;
use super::sheet::{Cell, ListingLine, Writer};
use crate::case::Case;
use crate::query::executions::EventName;
use crate::query::story::text::{Piece, ShownText};
use crate::query::story::{Statement, Story, story};

/// Lines of one script or output that a report holds.
const MOST_LINES: usize = 400;
/// What stands for a secret.
const DOTS: &str = "••••••";

/// Where a record lies, for a reader who has the evidence: path, first byte, length.
pub(super) fn place(case: &Case, name: EventName) -> Option<String> {
    let event = case.store().event_of(name.item, name.ordinal)?;
    let span = case.store().span(event);
    let path = &case.items().get(name.item as usize)?.path;
    Some(format!(
        "{path}, bytes {} to {}",
        span.offset,
        span.offset + span.length
    ))
}

impl Told<'_> {
    pub(super) fn said(&self, statement: &Statement) -> String {
        match (&statement.masked, self.secrets) {
            (Some(masked), false) => masked.clone(),
            _ => statement.value.clone(),
        }
    }

    fn statements(&self, writer: &mut Writer<'_>, statements: &[Statement]) {
        let rows: Vec<Vec<Cell>> = statements
            .iter()
            .map(|statement| {
                let places: Vec<String> = statement
                    .events
                    .iter()
                    .take(3)
                    .filter_map(|name| place(self.case, *name))
                    .collect();
                let more = statement.events.len().saturating_sub(places.len());
                let places = places.join("; ")
                    + &if more > 0 {
                        format!("; {more} more")
                    } else {
                        String::new()
                    };
                let value = self.said(statement);
                let value = statement
                    .remark
                    .as_ref()
                    .map_or(value.clone(), |remark| format!("{value} ({remark})"));
                vec![
                    Cell::Text(statement.name.clone()),
                    Cell::time(statement.time.as_deref()),
                    Cell::Text(value),
                    Cell::Exact(places),
                ]
            })
            .collect();
        writer.table(&["What", "Time (as recorded)", "Value", "Evidence"], &rows);
    }

    fn listing(&self, writer: &mut Writer<'_>, text: &ShownText) {
        let piece = |piece: &Piece| {
            if piece.secret && !self.secrets {
                DOTS.to_owned()
            } else {
                piece.text.clone()
            }
        };
        let lines: Vec<ListingLine> = text
            .lines
            .iter()
            .take(MOST_LINES)
            .map(|line| ListingLine {
                number: line.number,
                text: line.pieces.iter().map(piece).collect(),
                marked: line.pieces.iter().any(|piece| !piece.hits.is_empty()),
            })
            .collect();
        writer.listing(&lines);
        if text.cut || text.lines.len() > MOST_LINES {
            writer.text(&format!(
                "The text goes on; it has {} bytes in all.",
                text.bytes
            ));
        }
    }

    /// The execution at this place of the case document.
    pub(super) fn execution(&self, writer: &mut Writer<'_>, at: usize) {
        let Some(execution) = self.case.linked().executions.get(at) else {
            return;
        };
        let op = execution
            .operation
            .and_then(|op| self.case.operations().get(op));
        let run = execution.run.and_then(|run| self.case.runs().get(run));
        let event = op
            .and_then(|op| op.events.first())
            .or_else(|| run.and_then(|run| run.events.first()));
        let Some(event) = event else { return };
        let name = EventName::of(self.case, *event);
        let Some(told) = story(self.case, name.item, name.ordinal) else {
            return;
        };
        let row = &told.row;
        writer.heading(
            3,
            &format!(
                "Execution {at}: {} on {}, {}",
                row.label,
                row.machine.as_deref().unwrap_or("an unknown machine"),
                row.time.as_deref().unwrap_or("at an unknown time")
            ),
        );
        writer.facts(&[
            (
                "caller",
                row.caller.clone().unwrap_or_else(|| "unknown".to_owned()),
            ),
            (
                "address",
                row.ip.clone().unwrap_or_else(|| "unknown".to_owned()),
            ),
            ("family", row.family.to_owned()),
            ("operation", row.outcome.unwrap_or("not seen").to_owned()),
            (
                "run",
                row.state.map_or_else(
                    || "not seen".to_owned(),
                    |state| {
                        row.exit_code.map_or(state.to_owned(), |code| {
                            format!("{state}, exit code {code}")
                        })
                    },
                ),
            ),
            (
                "confidence of the link",
                told.link.confidence.unwrap_or("one side only").to_owned(),
            ),
        ]);
        let found: Vec<Vec<Cell>> = told
            .findings
            .iter()
            .map(|found| {
                vec![
                    Cell::Word(found.severity),
                    Cell::Text(found.title.clone()),
                    Cell::Text(found.summary.clone()),
                ]
            })
            .collect();
        writer.table(&["Severity", "Finding", "Because"], &found);
        self.part(writer, "Who asked", &told.asked);
        self.part(writer, "On the guest", &told.agent);
        self.script(writer, &told);
        self.output(writer, &told);
        self.processes(writer, &told);
        self.part(writer, "Network", &told.flows);
        self.link(writer, &told);
        for missing in &told.missing {
            writer.text(&format!("{} {}", missing.text, missing.conclusion));
        }
    }

    fn part(&self, writer: &mut Writer<'_>, heading: &str, statements: &[Statement]) {
        if !statements.is_empty() {
            writer.heading(4, heading);
            self.statements(writer, statements);
        }
    }

    fn script(&self, writer: &mut Writer<'_>, told: &Story) {
        let Some(script) = &told.script else { return };
        writer.heading(4, "Script");
        writer.facts(&[
            ("SHA-256", script.sha256.clone()),
            ("bytes", script.bytes.to_string()),
            ("score", script.score.to_string()),
            (
                "text known from",
                script
                    .sources
                    .first()
                    .map(|source| self.said(&source.from))
                    .unwrap_or_default(),
            ),
        ]);
        for layer in &script.layers {
            let Some(text) = &layer.text else { continue };
            if let Some(encoding) = layer.encoding {
                let parent = layer.parent.unwrap_or(0);
                writer.text(&format!(
                    "Layer {}, {encoding} of layer {parent}, SHA-256 {}:",
                    layer.layer, layer.sha256
                ));
            }
            self.listing(writer, text);
        }
        let indicators: Vec<Vec<Cell>> = script
            .indicators
            .iter()
            .filter(|hit| !hit.in_comment)
            .map(|hit| {
                vec![
                    Cell::Exact(hit.id.clone()),
                    Cell::Text(format!("{}:{}", hit.layer, hit.line)),
                    Cell::Exact(hit.technique.clone()),
                    Cell::Text(hit.what.clone()),
                    Cell::Exact(hit.text.clone()),
                ]
            })
            .collect();
        writer.table(
            &[
                "Indicator",
                "Layer:line",
                "Technique",
                "Why it matters",
                "Words",
            ],
            &indicators,
        );
    }

    fn output(&self, writer: &mut Writer<'_>, told: &Story) {
        let Some(output) = &told.output else { return };
        for (name, stream) in [
            ("Standard output", &output.stdout),
            ("Standard error", &output.stderr),
        ] {
            if let Some(stream) = stream {
                writer.heading(4, name);
                writer.text(&self.said(&stream.source));
                self.listing(writer, &stream.text);
            }
        }
    }

    fn processes(&self, writer: &mut Writer<'_>, told: &Story) {
        if told.processes.is_empty() {
            return;
        }
        writer.heading(4, "Processes");
        let rows: Vec<Vec<Cell>> = told
            .processes
            .iter()
            .map(|process| {
                let pid = process.pid.map(|pid| pid.to_string()).unwrap_or_default();
                let line = format!(
                    "{}{}",
                    "\u{00b7} ".repeat(process.depth),
                    self.said(&process.command_line)
                );
                vec![
                    Cell::time(process.started.as_deref()),
                    Cell::Text(process.part.to_owned()),
                    Cell::Exact(pid),
                    Cell::Text(process.user.clone()),
                    Cell::Exact(line),
                ]
            })
            .collect();
        writer.table(
            &["Started", "Part", "Process id", "User", "Command line"],
            &rows,
        );
        if told.processes_left > 0 {
            writer.text(&format!(
                "{} more processes are not listed here.",
                told.processes_left
            ));
        }
    }

    fn link(&self, writer: &mut Writer<'_>, told: &Story) {
        let link = &told.link;
        if link.reasons.is_empty() {
            return;
        }
        writer.heading(4, "Why both sides are one execution");
        let rows: Vec<Vec<Cell>> = link
            .reasons
            .iter()
            .map(|reason| {
                vec![
                    Cell::Text(reason.feature.to_owned()),
                    Cell::Exact(format!("{:+.1}", reason.points)),
                    Cell::Text(reason.value.clone()),
                ]
            })
            .collect();
        writer.table(&["Feature", "Points", "Compared"], &rows);
        if let (Some(score), Some(margin)) = (link.score, link.margin) {
            writer.text(&format!("{score:.1} points; the whole assignment would be {margin:.1} points worse without it."));
        }
        for said in &link.said {
            writer.text(&format!(
                "The analyst {} this pair: {}.",
                said.said, said.text
            ));
        }
    }
}
