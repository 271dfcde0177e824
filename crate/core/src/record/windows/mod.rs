//! A Windows event, whichever tool rendered it.
//!
//! The event log's own binary form, XML, and a dozen JSON and CSV renderings all carry a system part (provider, id, channel, computer, time) and named data. A
//! format finds them and fills a [`WindowsEvent`]; [`meaning`] says what the ids mean for the case.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the event, and the builder that a walk over its elements fills |
//! | [`binxml`] | the walk over the binary form |
//! | [`template`] | the short way through the binary form: templates compiled once in each chunk |
//! | `value` | the binary form's values as text |
//! | [`xml`] | the walk over text XML |
//! | `said` | what an id says, and which data it takes to know |
//! | [`meaning`] | ids to processes, files, scripts, accounts |
//! | [`engine`] | PowerShell's engine records, whose data is one block of text |
//!
//! Rejected: one reader per id and tool. There are thirty ids and twelve tools.

pub mod binxml;
pub mod engine;
pub mod meaning;
mod said;
pub mod template;
mod value;
pub mod xml;

use crate::event::Field;
use crate::time::{Stamp, TimeBasis, parse};
use std::borrow::Cow;

/// One event. Its text is borrowed from the record where it can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowsEvent<'a> {
    /// Provider name.
    pub provider: Cow<'a, str>,
    /// Channel, or log name.
    pub channel: Cow<'a, str>,
    /// Event id.
    pub id: u32,
    /// Number of the record in its log.
    pub record_id: Option<u64>,
    /// The machine that wrote it.
    pub computer: Cow<'a, str>,
    /// When it was written.
    pub time: Option<Stamp>,
    /// Process that wrote it.
    pub process_id: Option<u64>,
    /// Account that wrote it.
    pub user_sid: Cow<'a, str>,
    /// Named data in order; unnamed data has an empty name.
    pub data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Rendered message, where the tool kept it.
    pub message: Cow<'a, str>,
}

impl<'a> WindowsEvent<'a> {
    /// The first data of this name that says something; `-` does not.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.data
            .iter()
            .filter(|(have, _)| same_name(have, name))
            .map(|(_, value)| value.trim())
            .find(|value| !value.is_empty() && *value != "-")
    }

    /// The first data of this name as it stands, white space and all.
    #[must_use]
    pub fn whole(&self, name: &str) -> Option<&str> {
        let found = self.data.iter().find(|(have, _)| same_name(have, name));
        found.map(|(_, value)| value.as_ref())
    }

    /// The first of these names that says something.
    #[must_use]
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A number, decimal or `0x` hex.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        number(self.get(name)?)
    }

    /// Adds named data that has a value.
    pub fn put(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if !value.is_empty() {
            self.data.push((name.into(), value));
        }
    }
}

/// Whether two names are the same, ASCII letter case aside. Most differ in length.
fn same_name(have: &str, name: &str) -> bool {
    have.len() == name.len() && have.eq_ignore_ascii_case(name)
}

/// Everything an event says, for the analyst.
#[must_use]
pub fn fields(event: &WindowsEvent<'_>) -> Vec<Field> {
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut out = vec![
        field("provider", &event.provider),
        field("event id", &event.id.to_string()),
        field("channel", &event.channel),
        field("computer", &event.computer),
    ];
    if let Some(number) = event.record_id {
        out.push(field("record id", &number.to_string()));
    }
    if let Some(pid) = event.process_id {
        out.push(field("process id", &pid.to_string()));
    }
    if !event.user_sid.is_empty() {
        out.push(field("user", &event.user_sid));
    }
    for (at, (name, value)) in event.data.iter().enumerate() {
        if name.is_empty() {
            out.push(field(&format!("data {}", at + 1), value));
        } else {
            out.push(field(name, value));
        }
    }
    if !event.message.is_empty() {
        out.push(field("message", &event.message));
    }
    out
}

/// A number, decimal or `0x` hex.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A time of the event's system part: always UTC, also where a tool left out the `Z`.
#[must_use]
pub fn system_time(text: &str) -> Option<Stamp> {
    let stamp = parse::any(text.as_bytes())?;
    Some(match stamp.basis {
        TimeBasis::AssumedUtc => stamp.with_basis(TimeBasis::Utc),
        _ => stamp,
    })
}

/// What a walk over an event's elements calls.
pub trait Visitor {
    /// An element begins.
    fn open(&mut self, name: &str);
    /// An attribute of the element that began last.
    fn attribute(&mut self, name: &str, value: &str);
    /// Text inside the innermost element.
    fn text(&mut self, text: &str);
    /// The innermost element ends.
    fn close(&mut self);
}

/// Builds an event from a walk.
#[derive(Debug, Default)]
pub struct Builder {
    event: WindowsEvent<'static>,
    /// Names of the open elements.
    open: Vec<String>,
    /// `Name` attribute of the innermost `Data`.
    data_name: String,
    text: String,
    /// Whether the innermost element had children.
    had_children: bool,
}

/// Elements nested deeper are not an event's.
const DEEPEST: usize = 32;

impl Builder {
    /// The event; `None` where the walk met none.
    #[must_use]
    pub fn finish(self) -> Option<WindowsEvent<'static>> {
        let named = !self.event.provider.is_empty() || !self.event.channel.is_empty();
        (named || self.event.id != 0).then_some(self.event)
    }

    fn inside(&self, name: &str) -> bool {
        self.open.iter().any(|have| have == name)
    }
}

impl Visitor for Builder {
    fn open(&mut self, name: &str) {
        if self.open.len() < DEEPEST {
            self.open.push(name.to_owned());
        }
        self.text.clear();
        self.data_name.clear();
        self.had_children = false;
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let element = self.open.last().map_or("", String::as_str);
        match (element, name) {
            ("Provider", "Name") => self.event.provider = Cow::Owned(value.to_owned()),
            ("TimeCreated", "SystemTime") => self.event.time = system_time(value),
            ("Execution", "ProcessID") => self.event.process_id = number(value),
            ("Security", "UserID" | "UserId") => {
                self.event.user_sid = Cow::Owned(value.to_owned());
            }
            ("Data" | "ComplexData", "Name") => value.clone_into(&mut self.data_name),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn close(&mut self) {
        let name = self.open.last().cloned().unwrap_or_default();
        let leaf = !self.had_children;
        if self.inside("System") {
            let text = self.text.trim();
            match name.as_str() {
                "EventID" => self.event.id = text.parse().unwrap_or(0),
                "EventRecordID" => self.event.record_id = text.parse().ok(),
                "Channel" => self.event.channel = Cow::Owned(text.to_owned()),
                "Computer" => self.event.computer = Cow::Owned(text.to_owned()),
                _ => {}
            }
        } else if self.inside("EventData") && matches!(name.as_str(), "Data" | "ComplexData") {
            let (name, text) = (
                std::mem::take(&mut self.data_name),
                std::mem::take(&mut self.text),
            );
            self.event.data.push((name.into(), text.into()));
        } else if self.inside("UserData") && leaf && !self.text.trim().is_empty() {
            let text = self.text.trim().to_owned();
            self.event.data.push((name.into(), text.into()));
        } else if self.inside("RenderingInfo") && name == "Message" {
            self.event.message = std::mem::take(&mut self.text).into();
        }
        self.open.pop();
        self.text.clear();
        self.data_name.clear();
        self.had_children = true;
    }
}
