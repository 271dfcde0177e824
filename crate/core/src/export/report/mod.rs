//! The report: chosen incidents and executions in words, with what they rest on, for people who will not open the case.
//!
//! | file | part |
//! |---|---|
//! | [`content`] | which sections there are, and what stands in them |
//! | [`execution`] | one execution, from who asked to what it sent |
//! | [`picture`] | the timeline as a drawing |
//! | [`sheet`] | the same content as HTML or as Markdown |
//!
//! Content says headings, paragraphs, facts, tables and listings; a sheet writes them down. So both forms say the same, and text of evidence is
//! escaped in one place each.
//!
//! ```text
//! content ──► Writer { heading, text, facts, table, listing, picture } ──► HTML (one file, a policy that forbids everything but its own style)
//!                                                                      └─► Markdown
//! ```
//!
//! Rejected: a template language. The report is code that the compiler checks against the case; a template would fail in front of the reader.

pub mod content;
pub mod execution;
pub mod picture;
pub mod sheet;

use super::pseudonyms::Pseudonyms;
use super::{Export, ExportAsk};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::query::{Place, place_of, summary};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines of one incident's story that are written.
pub(super) const MOST_STORY_LINES: usize = 200;
/// Executions that are written where nobody chose.
const MOST_EXECUTIONS: usize = 100;

/// What a report holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportAsk {
    /// Its title.
    pub title: String,
    /// Who writes it.
    pub author: String,
    /// What the office calls the case.
    pub reference: String,
    /// What the analyst concludes, in the analyst's words.
    pub conclusion: String,
    /// Incidents by place; all where absent.
    pub incidents: Option<Vec<usize>>,
    /// Executions by place in the case document; where absent those that a finding is about, else all.
    pub executions: Option<Vec<usize>>,
    /// SHA-256 of the page that makes it, where a page does.
    pub page_sha256: Option<String>,
}

/// How a report is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// One self-contained page.
    Html,
    /// Text for a ticket.
    Markdown,
}

/// Which incidents and executions a report is about.
pub(super) struct Chosen {
    pub incidents: Vec<usize>,
    pub executions: Vec<usize>,
    pub executions_left: usize,
}

/// A report being written.
pub struct Report {
    ask: ReportAsk,
    made: String,
    secrets: bool,
    sheet: Sheet,
    names: Option<Pseudonyms>,
    chosen: Chosen,
    /// Events whose one-line summary the report quotes.
    quoted: Vec<EventNumber>,
    done: bool,
}

impl Report {
    /// Begins the report of a concluded case.
    #[must_use]
    pub fn new(case: &Case, ask: &ExportAsk, sheet: Sheet, names: Option<Pseudonyms>) -> Self {
        let chosen = chosen(case, &ask.report);
        let lines = chosen.incidents.iter().flat_map(|incident| {
            crate::query::incidents::incident_story(case, *incident, 0, MOST_STORY_LINES).lines
        });
        let quoted =
            lines.filter_map(|line| case.store().event_of(line.row.item, line.row.ordinal));
        let mut quoted: Vec<EventNumber> = quoted.collect();
        quoted.sort_unstable();
        quoted.dedup();
        Self {
            ask: ask.report.clone(),
            made: ask.made.clone().unwrap_or_default(),
            secrets: ask.secrets,
            sheet,
            names,
            chosen,
            quoted,
            done: false,
        }
    }
}

impl Export for Report {
    fn needs(&self, case: &Case) -> Vec<Place> {
        if self.done {
            return Vec::new();
        }
        self.quoted
            .iter()
            .map(|event| place_of(case, *event))
            .collect()
    }

    fn write(&mut self, case: &Case, bytes: &[Vec<u8>]) -> Option<Vec<u8>> {
        if std::mem::replace(&mut self.done, true) {
            return None;
        }
        let mut summaries: BTreeMap<EventNumber, String> = BTreeMap::new();
        for (at, event) in self.quoted.iter().enumerate() {
            let record = bytes.get(at).map_or(&[][..], Vec::as_slice);
            summaries.insert(*event, summary(case, *event, record));
        }
        let told = content::Told {
            case,
            ask: &self.ask,
            made: &self.made,
            secrets: self.secrets,
            chosen: &self.chosen,
            summaries: &summaries,
            pseudonyms: self.names.is_some(),
        };
        let mut writer =
            sheet::Writer::new(self.sheet, self.names.as_ref(), content::title(&self.ask));
        told.write(&mut writer);
        Some(writer.finish().into_bytes())
    }

    fn left_out(&self) -> Option<String> {
        let left = self.chosen.executions_left;
        (left > 0).then(|| format!("{left} executions were left out of the report, which holds {MOST_EXECUTIONS} where none are chosen."))
    }
}

fn chosen(case: &Case, ask: &ReportAsk) -> Chosen {
    let incidents = ask
        .incidents
        .clone()
        .unwrap_or_else(|| (0..case.incidents().len()).collect());
    let known = |at: &usize| *at < case.incidents().len();
    let incidents: Vec<usize> = incidents.into_iter().filter(known).collect();
    let all = case.linked().executions.len();
    if let Some(executions) = &ask.executions {
        let executions = executions.iter().copied().filter(|at| *at < all).collect();
        return Chosen {
            incidents,
            executions,
            executions_left: 0,
        };
    }
    let found = case
        .findings()
        .iter()
        .filter(|finding| finding.allowed_by.is_none());
    let mut executions: Vec<usize> = found
        .flat_map(|finding| {
            case.referred()
                .executions(finding)
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        })
        .collect();
    executions.sort_unstable();
    executions.dedup();
    if executions.is_empty() {
        executions = (0..all).collect();
    }
    let executions_left = executions.len().saturating_sub(MOST_EXECUTIONS);
    executions.truncate(MOST_EXECUTIONS);
    Chosen {
        incidents,
        executions,
        executions_left,
    }
}
