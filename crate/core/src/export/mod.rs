//! What leaves the case.
//!
//! | file | what | read by |
//! |---|---|---|
//! | [`case_document`] | everything, `runlens.case/1` | `analyze`, comparisons, other programs |
//! | [`events`] | the timeline as CSV, Timesketch JSON lines, l2t CSV | spreadsheets, Timesketch, Plaso's family |
//! | [`stix`] | findings, addresses, accounts, scripts | threat intelligence platforms |
//! | [`navigator`] | techniques that were seen | ATT&CK Navigator |
//! | [`report`] | chosen incidents and executions in words, HTML or Markdown | people |
//! | [`manifest`] | every item with its hashes | whoever checks the evidence later |
//!
//! What the analyst said leaves as a session ([`crate::case::session`]), without evidence.
//!
//! An export is written in pieces, because its events need their evidence read again: [`Export::needs`] says which bytes the next piece wants,
//! [`Export::write`] makes it. The bytes are the same natively and in the tab; the moment that an export names is given by whoever asks. Every form
//! masks secrets unless told otherwise, and can stand [`pseudonyms`] in for names.
//!
//! Rejected: one big string. A million events with their texts do not fit beside the case.

pub mod case_document;
pub mod csv;
pub mod events;
pub mod json_text;
pub mod manifest;
pub mod navigator;
pub mod pseudonyms;
pub mod report;
mod sigma;
pub mod stix;

use crate::case::Case;
use crate::case::store::EventNumber;
use crate::query::{Place, place_of};
pub use case_document::CaseDocument;
use events::{EventList, Form};
use pseudonyms::Pseudonyms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Events in one piece.
const PIECE_EVENTS: usize = 1_000;
/// Bytes of evidence that one piece asks for, and about what it may take written: a module's memory never shrinks.
const PIECE_BYTES: usize = 1 << 20;

/// The next events of a list, as many as make one piece.
#[derive(Default)]
struct EventPiece {
    /// The places that they need, each once: all records of a chunk need the same bytes.
    places: Vec<Place>,
    /// For each event, which of these is its own.
    own: Vec<usize>,
}

impl EventPiece {
    fn next(case: &Case, events: &[EventNumber]) -> Self {
        let mut piece = Self::default();
        let mut known = BTreeMap::new();
        let mut wanted = 0_u64;
        for event in events.iter().take(PIECE_EVENTS) {
            let place = place_of(case, *event);
            let key = (place.item, place.offset, place.length);
            let own = match known.get(&key) {
                Some(own) => *own,
                None => {
                    wanted = wanted.saturating_add(place.length);
                    if wanted > PIECE_BYTES as u64 && !piece.own.is_empty() {
                        break;
                    }
                    known.insert(key, piece.places.len());
                    piece.places.push(place);
                    piece.places.len() - 1
                }
            };
            piece.own.push(own);
        }
        piece
    }

    /// Its events with their bytes.
    fn with<'a>(
        &'a self,
        events: &'a [EventNumber],
        bytes: &'a [Vec<u8>],
    ) -> impl Iterator<Item = (EventNumber, &'a [u8])> {
        let own = self.own.iter().map(|own| bytes.get(*own));
        let own = own.map(|bytes| bytes.map_or(&[][..], Vec::as_slice));
        events.iter().copied().zip(own)
    }
}

/// Something being written in pieces.
pub trait Export {
    /// Bytes of evidence that the next piece wants, in order.
    fn needs(&self, case: &Case) -> Vec<Place>;
    /// The next piece, from those bytes; `None` when all is written.
    fn write(&mut self, case: &Case, bytes: &[Vec<u8>]) -> Option<Vec<u8>>;
    /// What could not be written in this form, in a sentence.
    fn left_out(&self) -> Option<String> {
        None
    }
}

/// A form that something can leave the case in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExportForm {
    /// The word that asks for it.
    pub form: &'static str,
    /// Name of its file.
    pub file_name: &'static str,
    /// Media type.
    pub media_type: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Who reads it.
    pub about: &'static str,
    /// Whether it lists events, and may list those alone that the filter lets through.
    pub lists_events: bool,
}

const fn form(
    form: &'static str,
    file_name: &'static str,
    media_type: &'static str,
    title: &'static str,
    about: &'static str,
) -> ExportForm {
    ExportForm {
        form,
        file_name,
        media_type,
        title,
        about,
        lists_events: false,
    }
}

const fn list(form: ExportForm) -> ExportForm {
    ExportForm {
        lists_events: true,
        ..form
    }
}

/// Every form, in the order in which a menu shows them.
pub const FORMS: [ExportForm; 8] = [
    form(
        "report-html",
        "runlens-report.html",
        "text/html",
        "Report (HTML)",
        "One page for people, ready to print: incidents, executions, evidence with hashes, what was searched and what was not.",
    ),
    form(
        "report-markdown",
        "runlens-report.md",
        "text/markdown",
        "Report (Markdown)",
        "The same for a ticket or a wiki.",
    ),
    form(
        "case",
        "runlens-case.json",
        "application/json",
        "Case document (JSON)",
        "Everything that was concluded, for programs; the same bytes as the command line writes.",
    ),
    list(form(
        "csv",
        "runlens-events.csv",
        "text/csv",
        "Events (CSV)",
        "The timeline for a spreadsheet; no cell is taken for a formula.",
    )),
    list(form(
        "timesketch",
        "runlens-timesketch.jsonl",
        "application/x-ndjson",
        "Events (Timesketch)",
        "JSON lines that Timesketch imports as they are.",
    )),
    list(form(
        "l2t",
        "runlens-l2t.csv",
        "text/csv",
        "Events (Plaso l2t CSV)",
        "For tools that read Plaso's l2t CSV.",
    )),
    form(
        "stix",
        "runlens-stix.json",
        "application/json",
        "STIX 2.1 bundle",
        "Findings, addresses, accounts and scripts for a threat intelligence platform.",
    ),
    form(
        "navigator",
        "runlens-navigator.json",
        "application/json",
        "ATT&CK Navigator layer",
        "The techniques that were seen.",
    ),
];

/// What is asked of an export.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExportAsk {
    /// A word of [`FORMS`].
    pub form: String,
    /// Whether the case document has its events.
    pub events: bool,
    /// Whether a list of events holds those alone that the filter lets through.
    pub only_shown: bool,
    /// Whether passwords, keys and tokens are written as they are.
    pub secrets: bool,
    /// Salt of the pseudonyms; names stay where there is none.
    pub pseudonyms: Option<String>,
    /// The moment of the export, RFC 3339, where the form names one.
    pub made: Option<String>,
    /// What a report holds.
    pub report: report::ReportAsk,
}

/// An export of one piece.
struct Whole(Option<Vec<u8>>);

impl Export for Whole {
    fn needs(&self, _: &Case) -> Vec<Place> {
        Vec::new()
    }

    fn write(&mut self, _: &Case, _: &[Vec<u8>]) -> Option<Vec<u8>> {
        self.0.take()
    }
}

/// Begins an export of a concluded case. `shown` are the events that the filter lets through, in order.
///
/// # Errors
/// A sentence, where the form is not known or does not go with what else is asked.
pub fn begin(
    case: &Case,
    ask: &ExportAsk,
    shown: &[EventNumber],
) -> Result<Box<dyn Export>, String> {
    if ask.secrets && ask.pseudonyms.is_some() {
        return Err(
            "an export with pseudonyms never holds secrets: choose one of the two".to_owned(),
        );
    }
    let names = || {
        ask.pseudonyms
            .as_deref()
            .map(|salt| Pseudonyms::of(case, salt))
    };
    let made = ask.made.as_deref().unwrap_or("1970-01-01T00:00:00Z");
    let events = || {
        if ask.only_shown {
            shown.to_vec()
        } else {
            case.listing()
        }
    };
    let list = |form: Form| Box::new(EventList::new(case, form, events(), names()));
    Ok(match ask.form.as_str() {
        "case" => {
            let mut document = CaseDocument::new(case, ask.events);
            if ask.secrets {
                document = document.revealing_secrets();
            }
            if let Some(names) = names() {
                document = document.under_pseudonyms(names);
            }
            Box::new(document)
        }
        "csv" => list(Form::Csv),
        "timesketch" => list(Form::Timesketch),
        "l2t" => list(Form::L2t),
        "stix" => Box::new(Whole(Some(stix::bundle(case, made, names().as_ref())))),
        "navigator" => Box::new(Whole(Some(navigator::layer(case)))),
        "report-html" => Box::new(report::Report::new(case, ask, report::Sheet::Html, names())),
        "report-markdown" => Box::new(report::Report::new(
            case,
            ask,
            report::Sheet::Markdown,
            names(),
        )),
        other => {
            return Err(format!(
                "{other:?} is no form of export; there are {}",
                FORMS.map(|form| form.form).join(", ")
            ));
        }
    })
}

#[cfg(test)]
mod tests;
