//! Windows events as rows of names: flat JSON, EvtxECmd, Get-WinEvent, Log Analytics, Hayabusa.
//!
//! Every tool has its own names for the same six columns, and keeps the event's data as further columns, as JSON or XML text, or by position only. Source:
//! windows-and-endpoint-artifacts 4.1.

use super::table::Row;
use crate::json::Value;
use crate::record::windows::{WindowsEvent, number, xml};
use crate::time::Stamp;
use std::borrow::Cow;

/// Columns that hold the event's time, best first.
pub(super) const TIMES: &[&str] = &[
    "TimeCreated",
    "SystemTime",
    "@timestamp",
    "TimeGenerated",
    "Timestamp",
    "EventTime",
];

/// Columns that are the system part or a tool's own, and no data of the event.
const OWN: [&str; 34] = [
    "EventID",
    "EventId",
    "Id",
    "Channel",
    "LogName",
    "EventLog",
    "Computer",
    "Hostname",
    "MachineName",
    "Provider",
    "ProviderName",
    "SourceName",
    "Source",
    "EventSourceName",
    "RecordId",
    "EventRecordId",
    "RecordNumber",
    "RecordID",
    "TimeCreated",
    "SystemTime",
    "@timestamp",
    "TimeGenerated",
    "Timestamp",
    "EventData",
    "Payload",
    "Properties",
    "Message",
    "RenderedDescription",
    "Activity",
    "tags",
    "@version",
    "ExecutionProcessID",
    "host",
    "port",
];

/// The event of a row.
pub(super) fn event<'a>(row: &'a Row<'_>, time: Option<Stamp>) -> WindowsEvent<'a> {
    let text = |names: &[&str]| -> Cow<'a, str> { row.text(names).unwrap_or_default() };
    let mut event = WindowsEvent {
        provider: text(&[
            "Provider",
            "ProviderName",
            "SourceName",
            "EventSourceName",
            "Source",
        ]),
        channel: text(&["Channel", "LogName", "EventLog"]),
        id: row
            .integer(&["EventID", "EventId", "Id"])
            .and_then(|id| u32::try_from(id).ok())
            .unwrap_or(0),
        record_id: row
            .integer(&["EventRecordId", "RecordNumber", "RecordId", "RecordID"])
            .and_then(|id| u64::try_from(id).ok()),
        computer: text(&["Computer", "Hostname", "MachineName"]),
        time,
        process_id: row
            .text(&["ExecutionProcessID"])
            .and_then(|pid| number(&pid)),
        user_sid: text(&["UserSid", "UserID"]),
        data: Vec::new(),
        message: text(&["Message", "RenderedDescription", "Details"]),
    };
    let sysmon = event.channel.contains("Sysmon");
    for (name, value) in row.pairs() {
        let tools_own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
        if !(tools_own || (name == "EventType" && sysmon)) {
            event.put(name, value);
        }
    }
    if let Some(payload) = row.text(&["Payload", "EventData"]) {
        nested(&payload, &mut event);
    }
    if let Some(properties) = row.text(&["Properties"]) {
        let mut inner = WindowsEvent {
            provider: event.provider.clone(),
            id: event.id,
            ..WindowsEvent::default()
        };
        positional(Value::new(properties.as_bytes()), &mut inner);
        event.data.extend(owned(inner));
    }
    if event.channel.eq_ignore_ascii_case("security") || row.has(&["Activity"]) {
        channel_of_table(row, &mut event);
    }
    event
}

/// `SecurityEvent` of Log Analytics names neither channel nor provider in every export.
fn channel_of_table(row: &Row<'_>, event: &mut WindowsEvent<'_>) {
    if event.channel.is_empty() && row.has(&["Activity"]) {
        event.channel = Cow::Borrowed("Security");
    }
    // Its columns for 4688 have shorter names.
    for (have, want) in [
        ("Process", "NewProcessName"),
        ("Account", "SubjectUserName"),
    ] {
        if event.get(want).is_none()
            && let Some(value) = event.get(have).map(str::to_owned)
        {
            event.put(want, value);
        }
    }
}

/// Data kept as text: XML, or JSON with `@Name` and `#text`.
fn nested(text: &str, event: &mut WindowsEvent<'_>) {
    let text = text.trim();
    if text.starts_with('<') {
        let whole = format!(
            "<Event><System><EventID>{}</EventID></System>{text}</Event>",
            event.id
        );
        if let Some(inner) = xml::parse(whole.as_bytes()) {
            event.data.extend(inner.data);
        }
        return;
    }
    let value = Value::new(text.as_bytes());
    let data = value.get("EventData");
    let mut inner = WindowsEvent::default();
    json_data(if data.is_object() { data } else { value }, &mut inner);
    event.data.extend(owned(inner));
}

/// The data of an event whose text does not live as long as the row's.
fn owned<'a>(event: WindowsEvent<'_>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let keep = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    let data = event.data.into_iter();
    data.map(|(name, value)| (keep(name), keep(value)))
        .collect()
}

/// The data object of a JSON rendering: by name, or `Data` with the names inside.
pub(super) fn json_data<'a>(data: Value<'a>, event: &mut WindowsEvent<'a>) {
    for (key, value) in data.entries() {
        let name = key.text();
        if name.ends_with("attributes") {
            continue;
        }
        if name == "Data" {
            unnamed(value, event);
        } else if value.is_object() {
            // UserData: an element of the provider's own around the names.
            let inner = value.get("#text");
            if inner.is_null() {
                json_data(value, event);
            } else if let Some(text) = inner.text() {
                event.put(name, text);
            }
        } else if let Some(text) = value.text() {
            event.put(name, text);
        }
    }
}

fn unnamed<'a>(value: Value<'a>, event: &mut WindowsEvent<'a>) {
    let text = value.get("#text");
    if let Some(name) = value.get("@Name").word() {
        if let Some(text) = text.text() {
            event.put(name, text);
        }
    } else if !text.is_null() {
        unnamed(text, event);
    } else if value.is_array() {
        for item in value.elements() {
            unnamed(item, event);
        }
    } else if let Some(text) = value.text() {
        event.data.push((Cow::Borrowed(""), text));
    }
}

/// `Properties` of Get-WinEvent: values by position. Names of the ids that matter; the others stay unnamed.
fn positional<'a>(properties: Value<'a>, event: &mut WindowsEvent<'a>) {
    const PROCESS: &[&str] = &[
        "SubjectUserSid",
        "SubjectUserName",
        "SubjectDomainName",
        "SubjectLogonId",
        "NewProcessId",
        "NewProcessName",
        "TokenElevationType",
        "ProcessId",
        "CommandLine",
        "TargetUserSid",
        "TargetUserName",
        "TargetDomainName",
        "TargetLogonId",
        "ParentProcessName",
        "MandatoryLabel",
    ];
    const LOG_ON: &[&str] = &[
        "SubjectUserSid",
        "SubjectUserName",
        "SubjectDomainName",
        "SubjectLogonId",
        "TargetUserSid",
        "TargetUserName",
        "TargetDomainName",
        "TargetLogonId",
        "LogonType",
        "LogonProcessName",
        "AuthenticationPackageName",
        "WorkstationName",
        "LogonGuid",
        "TransmittedServices",
        "LmPackageName",
        "KeyLength",
        "ProcessId",
        "ProcessName",
        "IpAddress",
        "IpPort",
    ];
    const ACCOUNT: &[&str] = &[
        "TargetUserName",
        "TargetDomainName",
        "TargetSid",
        "SubjectUserSid",
        "SubjectUserName",
        "SubjectDomainName",
        "SubjectLogonId",
    ];
    const MEMBER: &[&str] = &[
        "MemberName",
        "MemberSid",
        "TargetUserName",
        "TargetDomainName",
        "TargetSid",
        "SubjectUserSid",
        "SubjectUserName",
        "SubjectDomainName",
        "SubjectLogonId",
    ];
    const SYSMON_PROCESS: &[&str] = &[
        "RuleName",
        "UtcTime",
        "ProcessGuid",
        "ProcessId",
        "Image",
        "FileVersion",
        "Description",
        "Product",
        "Company",
        "OriginalFileName",
        "CommandLine",
        "CurrentDirectory",
        "User",
        "LogonGuid",
        "LogonId",
        "TerminalSessionId",
        "IntegrityLevel",
        "Hashes",
        "ParentProcessGuid",
        "ParentProcessId",
        "ParentImage",
        "ParentCommandLine",
        "ParentUser",
    ];
    let sysmon = event.provider.contains("Sysmon");
    let names: &[&str] = match event.id {
        4104 => &[
            "MessageNumber",
            "MessageTotal",
            "ScriptBlockText",
            "ScriptBlockId",
            "Path",
        ],
        4103 => &["ContextInfo", "UserData", "Payload"],
        4688 => PROCESS,
        4624 => LOG_ON,
        4720 | 4722 | 4724 | 4726 | 4738 => ACCOUNT,
        4728 | 4732 => MEMBER,
        7045 => &[
            "ServiceName",
            "ImagePath",
            "ServiceType",
            "StartType",
            "AccountName",
        ],
        1 if sysmon => SYSMON_PROCESS,
        11 if sysmon => &[
            "RuleName",
            "UtcTime",
            "ProcessGuid",
            "ProcessId",
            "Image",
            "TargetFilename",
            "CreationUtcTime",
        ],
        _ => &[],
    };
    for (at, property) in properties.elements().enumerate() {
        let value = property.get_folded("Value");
        let text = if value.is_null() {
            property.text()
        } else {
            value.text()
        };
        let name = names.get(at).copied().unwrap_or("");
        event
            .data
            .push((Cow::Borrowed(name), text.unwrap_or_default()));
    }
}
