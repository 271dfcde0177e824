//! The formats: one file each, and one line each in [`TABLE`].
//!
//! # How to add one
//!
//! 1. Write `formats/<name>.rs` with a `pub const FORMAT: Format`: its id (one of the case document's),
//!    how it is recognised **by content** (a path may raise or lower the certainty, never decide
//!    alone unless the content says nothing, as in a script), and a [`Reader`].
//! 2. Name it here: `pub mod <name>;` and one line of [`TABLE`].
//! 3. Put a fixture and its expected case under `tests/cases/`.
//!
//! Nothing else knows formats by name: a test counts it (`crate/xtask/tests/formats.rs`).
//!
//! A reader gets complete records ([`Unit`]) and a [`Sink`]. For each record it calls
//! [`Sink::begin`] and then exactly one of `event`, `fold` or `skip`. When [`Sink::wants_detail`] it also
//! fills `summary` (one line) and `fields` (everything the record says): the same code reads a record
//! for the index and for the analyst's eyes. A reader keeps no [`crate::event::intern::Symbol`] in its
//! state (numbers are a batch's own), and as little other state as it can: what needs neighbours belongs to
//! `reconstruct`.
//!
//! What several formats share (the shape of an Activity Log record, an agent's log line, logfmt) lives in
//! [`crate::record`]. Formats do not know each other.
//!
//! JSON items may mix records: each is offered to the format that took the last one, then to the one
//! that claims it with most certainty. CSV items and JSON tables are recognised by their header.
//!
//! Rejected: recognising by file name. `PT1H.json` is five different things, and collectors rename.

pub mod activity_log_diagnostic;
pub mod activity_log_elastic;
pub mod activity_log_portal_csv;
pub mod activity_log_powershell;
pub mod activity_log_rest;
pub mod activity_log_sdk;
pub mod activity_log_table;
pub mod agent_telemetry;
pub mod aggregate_status;
pub mod archive;
pub mod auditd;
pub mod azure_resource_log;
pub mod command_execution_log;
pub mod defender_table;
mod describe;
mod dispatch;
pub mod elastic_endpoint;
pub mod entra_audit;
pub mod entra_risk;
pub mod entra_sign_in;
pub mod evtx;
pub mod extension_log;
pub mod extension_settings;
pub mod extension_state;
pub mod extension_status;
pub mod flow_table;
pub mod goal_state;
pub mod handler_log;
mod identify;
pub mod item;
pub mod journal_json;
pub mod manifest;
pub mod nsg_flow;
pub mod run_command_result;
pub mod script;
pub mod script_output;
pub mod segment;
pub mod sentinel_alert;
pub mod sentinel_ueba;
mod sigma_rules;
pub mod syslog;
mod table;
pub mod vnet_flow;
pub mod waagent_log;
pub mod waappagent_log;
pub mod windows_event_csv;
pub mod windows_event_json;
pub mod windows_event_xml;
mod windows_rows;

pub use describe::{Opening, decode, describe};
pub use item::{ItemReader, ItemReport};

use crate::event::sink::Sink;
use crate::evidence::layout::Layout;
use crate::evidence::unit::Unit;
use crate::json::Value;

/// Turns records into events.
pub trait Reader {
    /// Names of the columns of the rows that follow (CSV, JSON tables).
    fn header(&mut self, header: &Header) {
        let _ = header;
    }

    /// Reads one record. `false` means: not mine, nothing was begun (JSON records only).
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool;

    /// The item is at its end.
    fn finish(&mut self, sink: &mut Sink) {
        let _ = sink;
    }

    /// What the records so far decide about later ones, for a reader that begins in the middle of the item; empty where they decide
    /// nothing. `None`: it cannot be said (now), and the item is not cut (here).
    fn carried(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes what [`Reader::carried`] said. `false`: that makes no sense.
    fn resume(&mut self, carried: &[u8]) -> bool {
        carried.is_empty()
    }

    /// Of two lines: whether the second belongs to nothing that the first belongs to.
    fn begins_anew(&self, before: &[u8], line: &[u8]) -> bool {
        let _ = (before, line);
        true
    }

    /// Whether nothing read so far waits for what follows. `last` says that the item ends with it.
    fn is_done_before(&self, following: &[u8], last: bool) -> bool {
        let _ = (following, last);
        true
    }

    /// The records so far are all that this reader will see, and it is done with them.
    fn segment_ends(&mut self, sink: &mut Sink) {
        let _ = sink;
    }
}

/// How sure a format is that something is its own: 0 not at all, 100 beyond doubt.
pub type Certainty = u8;

/// How text is cut into records.
#[derive(Clone, Copy, Debug)]
pub enum Framing {
    /// One line, one record.
    Lines,
    /// A header line and what follows it.
    Blocks(fn(&[u8]) -> bool),
    /// JSON records wherever wrappers put them.
    Json,
    /// Rows under a header.
    Csv,
    /// The item is one record.
    Whole,
    /// 64 KiB chunks of a Windows event log; their records need the whole chunk.
    Chunks,
    /// `<Event>` elements.
    Xml,
}

/// The beginning of an item, as identification sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Decoded text of the first bytes.
    pub text: &'a [u8],
    /// Whether that is all of the item.
    pub complete: bool,
    /// What the path says.
    pub layout: &'a Layout,
    /// The path.
    pub path: &'a str,
}

impl<'a> Sample<'a> {
    /// The first lines, without line ends.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> {
        self.text
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The text without leading white space.
    #[must_use]
    pub fn trimmed(&self) -> &'a [u8] {
        self.text.trim_ascii_start()
    }
}

/// Names of columns, and the first row under them where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Column names as written.
    pub names: Vec<String>,
    /// Cells of the first row.
    pub first: Vec<String>,
    /// The delimiter of a CSV item.
    pub delimiter: u8,
}

impl Header {
    /// The column of this name, ASCII letter case aside.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|have| have.trim().eq_ignore_ascii_case(name))
    }

    /// The column whose name begins so, ASCII letter case aside (`TimeGenerated [UTC]`).
    #[must_use]
    pub fn column_starting(&self, start: &str) -> Option<usize> {
        self.names.iter().position(|have| {
            have.trim()
                .get(..start.len())
                .is_some_and(|have| have.eq_ignore_ascii_case(start))
        })
    }

    /// Whether all of these columns are there.
    #[must_use]
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.column(name).is_some())
    }
}

/// Recognising text by its look.
#[derive(Clone, Copy, Debug)]
pub struct TextShape {
    /// How it is cut.
    pub framing: Framing,
    /// How sure this is the format.
    pub recognise: fn(&Sample<'_>) -> Certainty,
}

/// One artifact format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The id of the case document.
    pub id: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Whether such an item is one guest's own, as opposed to the cloud's or an export over many guests.
    pub from_guest: bool,
    /// As text with its own framing.
    pub text: Option<TextShape>,
    /// As one JSON record.
    pub record: Option<fn(Value<'_>) -> Certainty>,
    /// As rows under a header (CSV, JSON tables).
    pub header: Option<fn(&Header) -> Certainty>,
    /// A new reader.
    pub open: fn(&Opening) -> Box<dyn Reader>,
}

/// Every format. On equal certainty the earlier one wins.
pub static TABLE: &[Format] = &[
    activity_log_rest::FORMAT,
    command_execution_log::FORMAT,
    extension_settings::FORMAT,
    extension_state::FORMAT,
    extension_status::FORMAT,
    handler_log::FORMAT,
    run_command_result::FORMAT,
    script::FORMAT,
    script_output::FORMAT,
    syslog::FORMAT,
    waagent_log::FORMAT,
    activity_log_diagnostic::FORMAT,
    archive::FORMAT,
    journal_json::FORMAT,
    agent_telemetry::FORMAT,
    azure_resource_log::FORMAT,
    activity_log_sdk::FORMAT,
    activity_log_portal_csv::FORMAT,
    activity_log_table::FORMAT,
    goal_state::FORMAT,
    activity_log_powershell::FORMAT,
    activity_log_elastic::FORMAT,
    entra_sign_in::FORMAT,
    entra_audit::FORMAT,
    entra_risk::FORMAT,
    sentinel_ueba::FORMAT,
    sentinel_alert::FORMAT,
    nsg_flow::FORMAT,
    vnet_flow::FORMAT,
    flow_table::FORMAT,
    auditd::FORMAT,
    evtx::FORMAT,
    windows_event_json::FORMAT,
    windows_event_xml::FORMAT,
    windows_event_csv::FORMAT,
    waappagent_log::FORMAT,
    extension_log::FORMAT,
    aggregate_status::FORMAT,
    defender_table::FORMAT,
    elastic_endpoint::FORMAT,
    manifest::FORMAT,
];

/// A format by its id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Format> {
    TABLE.iter().find(|format| format.id == id)
}
