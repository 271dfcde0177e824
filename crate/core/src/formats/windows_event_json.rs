//! `windows-event-json`: Windows events as JSON, by any tool.
//!
//! ```text
//! {"Event":{"System":{…},"EventData":{…}}}              evtx_dump, Chainsaw (attributes in one of two styles)
//! {"winlog":{"event_id":4104,"event_data":{…}},…}       winlogbeat, Elastic
//! {"action":{"id":4104,"properties":{…}},…}             an EDR's ECS record
//! {"EventID":4688,"Channel":"Security",…}               NXLog, EvtxECmd, Get-WinEvent, Log Analytics
//! {"category":"WindowsEventLogsTable","properties":{"RawXml":…}}   Azure diagnostics
//! ```
//!
//! Source: windows-and-endpoint-artifacts 4.1, 7, 8.

use super::table::{Row, TableReader};
use super::windows_event_csv::{SHAPE, claims_header};
use super::windows_rows::{self, TIMES, json_data};
use super::{Certainty, Format, Header, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::{Unit, UnitKind};
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::json_fields;
use crate::record::ecs::{at, raw_at, source, word};
use crate::record::windows::{WindowsEvent, fields, number, system_time, xml};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "windows-event-json",
    about: "Windows events as JSON",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: Some(|header: &Header| {
        if header.delimiter == 0 {
            claims_header(header)
        } else {
            0
        }
    }),
    open: |opening| {
        Box::new(EventJson {
            table: TableReader::new(SHAPE),
            kept_text: opening.limits.kept_text_bytes,
        })
    },
};

/// Which rendering a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rendering {
    /// `Event` with `System`.
    Element,
    /// `winlog`.
    Winlog,
    /// `action` with `properties`.
    Action,
    /// XML inside.
    RawXml,
    /// Names beside each other.
    Flat,
}

fn rendering(record: Value<'_>) -> Option<Rendering> {
    let (mut id, mut machine, mut source_named, mut time) = (false, false, false, false);
    for (key, value) in record.entries() {
        match key.0 {
            b"Event" if value.get("System").is_object() => return Some(Rendering::Element),
            b"document" if value.at(&["data", "Event"]).is_object() => {
                return Some(Rendering::Element);
            }
            b"properties" if !value.get("RawXml").is_null() => return Some(Rendering::RawXml),
            b"SyslogMessage"
                if value.inner().starts_with(b"<Event>")
                    || value.inner().starts_with(b"\\u003cEvent") =>
            {
                return Some(Rendering::RawXml);
            }
            b"EventID" | b"EventId" | b"Id" => id = true,
            b"Computer" | b"Hostname" | b"MachineName" => machine = true,
            b"Channel" | b"LogName" | b"EventLog" | b"Provider" | b"ProviderName"
            | b"SourceName" | b"Activity" => source_named = true,
            key if TIMES.iter().any(|name| name.as_bytes() == key) => time = true,
            _ => {}
        }
    }
    let document = source(record);
    if !at(document, "winlog.event_id").is_null() || !at(document, "winlog.channel").is_null() {
        return Some(Rendering::Winlog);
    }
    if raw_at(document, "action.properties").is_object() && !at(document, "action.id").is_null() {
        return Some(Rendering::Action);
    }
    (id && machine && source_named && time).then_some(Rendering::Flat)
}

fn claims(record: Value<'_>) -> Certainty {
    match rendering(record) {
        Some(Rendering::Flat) => 85,
        Some(_) => 93,
        None => 0,
    }
}

struct EventJson {
    table: TableReader,
    kept_text: usize,
}

impl Reader for EventJson {
    fn header(&mut self, header: &Header) {
        self.table.header(header);
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        if unit.kind == UnitKind::Row {
            return self.table.read(unit, sink);
        }
        let value = Value::new(unit.bytes);
        let Some(rendering) = rendering(value) else {
            return false;
        };
        let record = sink.begin();
        let row;
        let event = match rendering {
            Rendering::Element => Some(element(value)),
            Rendering::Winlog => Some(winlog(source(value))),
            Rendering::Action => Some(action(source(value))),
            Rendering::RawXml => raw_xml(value),
            Rendering::Flat => {
                row = Row::of_object(value, &[]);
                Some(flat(&row))
            }
        };
        match event {
            Some(event) => event.emit(self.kept_text, record, unit.span(), sink, |event| {
                if rendering == Rendering::RawXml {
                    fields(event)
                } else {
                    json_fields(value)
                }
            }),
            None => sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "the XML inside this record holds no event",
            ),
        }
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        self.table.finish(sink);
    }

    fn carried(&self) -> Option<Vec<u8>> {
        self.table.carried()
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.table.resume(carried)
    }
}

/// An attribute, in either style: `{"X":{"#attributes":{"A":…}}}` or `{"X_attributes":{"A":…}}`.
fn attribute<'a>(system: Value<'a>, element: &str, name: &str) -> Value<'a> {
    let inside = system.at(&[element, "#attributes", name]);
    if inside.is_null() {
        system.get(&format!("{element}_attributes")).get(name)
    } else {
        inside
    }
}

/// An element's text, with or without attributes beside it.
fn content<'a>(system: Value<'a>, element: &str) -> Option<Cow<'a, str>> {
    let value = system.get(element);
    value.get("#text").word().or_else(|| value.word())
}

fn element(record: Value<'_>) -> WindowsEvent<'_> {
    let event = record.get("Event");
    let event = if event.is_object() {
        event
    } else {
        record.at(&["document", "data", "Event"])
    };
    let system = event.get("System");
    let text = |name: &str| content(system, name).unwrap_or_default();
    let mut out = WindowsEvent {
        provider: attribute(system, "Provider", "Name")
            .word()
            .unwrap_or_default(),
        channel: text("Channel"),
        id: text("EventID").parse().unwrap_or(0),
        record_id: text("EventRecordID").parse().ok(),
        computer: text("Computer"),
        time: attribute(system, "TimeCreated", "SystemTime")
            .word()
            .and_then(|text| system_time(&text)),
        process_id: attribute(system, "Execution", "ProcessID")
            .word()
            .and_then(|pid| number(&pid)),
        user_sid: attribute(system, "Security", "UserID")
            .word()
            .unwrap_or_default(),
        ..WindowsEvent::default()
    };
    json_data(event.get("EventData"), &mut out);
    json_data(event.get("UserData"), &mut out);
    out
}

fn winlog(document: Value<'_>) -> WindowsEvent<'_> {
    let text = |paths: &[&str]| word(document, paths).unwrap_or_default();
    let mut out = WindowsEvent {
        provider: text(&["winlog.provider_name", "event.provider"]),
        channel: text(&["winlog.channel"]),
        id: text(&["winlog.event_id", "event.code"])
            .parse()
            .unwrap_or(0),
        record_id: text(&["winlog.record_id"]).parse().ok(),
        computer: text(&["winlog.computer_name", "host.name", "host.hostname"]),
        // `event.created` is when it was shipped.
        time: word(document, &["@timestamp"]).and_then(|text| system_time(&text)),
        process_id: word(document, &["winlog.process.pid"]).and_then(|pid| number(&pid)),
        user_sid: text(&["winlog.user.identifier", "user.id"]),
        data: Vec::new(),
        message: text(&["message", "event.original"]),
    };
    json_data(raw_at(document, "winlog.event_data"), &mut out);
    json_data(raw_at(document, "winlog.user_data"), &mut out);
    // What the shipper moved to fields of its own.
    for (path, name) in [
        ("powershell.file.script_block_text", "ScriptBlockText"),
        ("powershell.file.script_block_id", "ScriptBlockId"),
        ("powershell.sequence", "MessageNumber"),
        ("powershell.total", "MessageTotal"),
        ("file.path", "Path"),
        ("process.executable", "NewProcessName"),
        ("process.executable", "Image"),
        ("process.command_line", "CommandLine"),
        ("process.command_line", "HostApplication"),
        ("process.working_directory", "CurrentDirectory"),
        ("process.entity_id", "ProcessGuid"),
        ("process.parent.executable", "ParentProcessName"),
        ("process.parent.executable", "ParentImage"),
        ("process.parent.command_line", "ParentCommandLine"),
        ("process.parent.pid", "ParentProcessId"),
        ("source.ip", "IpAddress"),
        ("user.name", "SubjectUserName"),
    ] {
        if out.get(name).is_none()
            && let Some(value) = word(document, &[path])
        {
            out.put(name, value);
        }
    }
    let new_pid = if out.id == 4688 {
        "NewProcessId"
    } else {
        "ProcessId"
    };
    if out.get(new_pid).is_none()
        && let Some(pid) = word(document, &["process.pid"])
    {
        out.put(new_pid, pid);
    }
    out
}

fn action(document: Value<'_>) -> WindowsEvent<'_> {
    let text = |paths: &[&str]| word(document, paths).unwrap_or_default();
    let mut out = WindowsEvent {
        provider: text(&["event.provider", "action.properties.SourceName"]),
        channel: text(&["action.properties.Channel", "log.name"]),
        id: text(&["action.id", "event.code"]).parse().unwrap_or(0),
        computer: text(&["host.hostname", "host.name"]),
        time: word(document, &["@timestamp"]).and_then(|text| system_time(&text)),
        process_id: word(document, &["process.pid"]).and_then(|pid| number(&pid)),
        message: text(&["message"]),
        ..WindowsEvent::default()
    };
    json_data(raw_at(document, "action.properties"), &mut out);
    if let Some(line) = word(document, &["process.command_line"]) {
        out.put("HostApplication", line);
    }
    out
}

fn raw_xml(record: Value<'_>) -> Option<WindowsEvent<'_>> {
    let inner = record
        .at(&["properties", "RawXml"])
        .text()
        .or_else(|| record.get("SyslogMessage").text())?;
    let mut event = xml::parse(inner.as_bytes())?;
    if event.computer.is_empty() {
        event.computer = word(record, &["Computer", "HostName"]).unwrap_or_default();
    }
    Some(event)
}

fn flat<'a>(row: &'a Row<'_>) -> WindowsEvent<'a> {
    // Windows PowerShell writes dates with escaped slashes: the text, not the bytes.
    let time = row.text(TIMES).and_then(|text| system_time(&text));
    windows_rows::event(row, time)
}
