//! `defender-table`: advanced hunting tables of Defender, from its portal, its API, streaming, or Sentinel.
//!
//! A row's child is the process, file or connection; `InitiatingProcess*` is its parent, and the grandparent only a name. Log-on ids are decimal here (999 is `0x3e7`). Source:
//! windows-and-endpoint-artifacts 6.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::fact::{Fact, FileFact, FlowFact, PowerShellFact, ProcessFact};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::identity::address;
use crate::json::Value;
use crate::record::run_mention;
use crate::record::windows::meaning::mention;
use crate::time::{Instant, Stamp, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "defender-table",
    about: "Defender advanced hunting",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &["properties"],
            times: &["Timestamp", "TimeGenerated", "time"],
            required: &[
                "ActionType",
                "DeviceName",
                "DeviceId",
                "ProcessName",
                "AzureResourceId",
            ],
            emit,
        }))
    },
};

fn claims(record: Value<'_>) -> Certainty {
    if record
        .get("category")
        .inner()
        .starts_with(b"AdvancedHunting-")
    {
        return 96;
    }
    let has = |name: &str| !record.get(name).is_null();
    let device = has("DeviceName") || has("DeviceId");
    let table = has("Type") && record.get("Type").inner().starts_with(b"Device");
    if device
        && has("ActionType")
        && (table || has("Timestamp") || has("ReportId") || has("TimeGenerated"))
    {
        92
    } else {
        0
    }
}

fn claims_header(header: &Header) -> Certainty {
    let has = |name: &str| header.column(name).is_some();
    let time = header.column_starting("Timestamp").is_some()
        || header.column_starting("TimeGenerated").is_some();
    let device = has("DeviceName") || has("DeviceId");
    let what =
        has("ActionType") || has("ProcessCommandLine") || has("InitiatingProcessCommandLine");
    if time && device && what { 92 } else { 0 }
}

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Process,
    File,
    Network,
    LogOn,
    PowerShell,
    Other,
}

fn about(row: &Row<'_>, action: &str) -> About {
    let table = row.text(&["category", "Type"]).unwrap_or_default();
    let table = table.strip_prefix("AdvancedHunting-").unwrap_or(&table);
    let table = table.to_ascii_lowercase();
    match (table.as_str(), action) {
        (_, "PowerShellCommand" | "ScriptContent" | "AmsiScriptContent") => About::PowerShell,
        ("deviceprocessevents" | "cloudprocessevents", _)
        | (_, "ProcessCreated" | "OpenProcess" | "ProcessCreatedUsingWmiQuery") => About::Process,
        ("devicefileevents", _)
        | (_, "FileCreated" | "FileModified" | "FileRenamed" | "FileDeleted") => About::File,
        ("devicenetworkevents", _) => About::Network,
        ("devicelogonevents", _) => About::LogOn,
        (_, action) if action.starts_with("Logon") => About::LogOn,
        (_, action)
            if action.starts_with("Connection")
                || action.ends_with("ConnectionAccepted")
                || action.starts_with("ListeningConnection") =>
        {
            About::Network
        }
        _ => About::Other,
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let action = row.text(&["ActionType"]).unwrap_or_default().into_owned();
    let about = about(row, &action);
    let text = |name: &str| row.text(&[name]);
    let mut event = Event::new(EventKind::Audit, time);
    event.host = row
        .text(&["DeviceName", "AzureResourceId", "KubernetesPodName"])
        .map(own);
    event.operation = (!action.is_empty()).then(|| Cow::Owned(action.clone()));
    event.actor = row
        .text(&["InitiatingProcessAccountName", "AccountName"])
        .map(own);
    if let Some(report) = text("ReportId") {
        // The same row comes from the portal and from Sentinel.
        event.correlation = Some(Cow::Owned(format!(
            "defender#{}/{report}/{action}",
            text("DeviceId").unwrap_or_default()
        )));
    }
    let mut guest = None;
    match about {
        About::Process => process(row, &mut event, &mut guest, sink),
        About::File => file(row, &mut event, &mut guest, sink),
        About::Network => network(row, &action, &mut event, sink),
        About::LogOn => {
            event.kind = EventKind::Authentication;
            event.actor = text("AccountName").map(own);
            event.ip = text("RemoteIP").and_then(|ip| address(&ip)).map(Cow::Owned);
            event.outcome = if action.ends_with("Failed") {
                Outcome::Failed
            } else {
                Outcome::Succeeded
            };
        }
        About::PowerShell => powershell(row, &mut event, &mut guest, sink),
        About::Other => {
            event.resource = row
                .text(&[
                    "FileName",
                    "RemoteUrl",
                    "RegistryKey",
                    "InitiatingProcessFileName",
                ])
                .map(own);
            event.ip = text("RemoteIP").and_then(|ip| address(&ip)).map(Cow::Owned);
        }
    }
    if sink.wants_detail() {
        let what = row
            .text(&[
                "ProcessCommandLine",
                "FolderPath",
                "RemoteUrl",
                "RemoteIP",
                "FileName",
                "AdditionalFields",
            ])
            .unwrap_or_default();
        let by = text("InitiatingProcessFileName")
            .map(|name| format!(" by {name}"))
            .unwrap_or_default();
        event.summary = format!("{action}: {what}{by}");
        event.fields = row.fields();
    }
    sink.event(record, unit.span(), event);
    if let Some(fact) = guest {
        sink.add_fact(fact);
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

/// Whether a folder ends with a name, letter case aside.
fn ends_folded(folder: &str, file: &str) -> bool {
    if folder.is_ascii() && file.is_ascii() {
        let (folder, file) = (folder.as_bytes(), file.as_bytes());
        let tail = folder.len().checked_sub(file.len());
        return tail
            .and_then(|tail| folder.get(tail..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(file));
    }
    folder.to_lowercase().ends_with(&file.to_lowercase())
}

/// Folder and file name; most tables give the folder with the name already in it.
fn path_of(folder: Option<Cow<'_, str>>, file: Option<Cow<'_, str>>) -> Option<String> {
    match (folder, file) {
        (Some(folder), Some(file)) => {
            let ends = ends_folded(&folder, &file);
            let separator = if folder.contains('/') { '/' } else { '\\' };
            Some(if ends {
                folder.into_owned()
            } else {
                format!("{}{separator}{file}", folder.trim_end_matches(separator))
            })
        }
        (folder, file) => folder.or(file).map(Cow::into_owned),
    }
}

fn instant(row: &Row<'_>, name: &str) -> Option<Instant> {
    parse::any(row.text(&[name])?.as_bytes()).map(|stamp| stamp.instant)
}

fn pid(row: &Row<'_>, name: &str) -> Option<u64> {
    row.integer(&[name]).and_then(|pid| u64::try_from(pid).ok())
}

fn logon(row: &Row<'_>, name: &str) -> Option<String> {
    row.integer(&[name]).map(|id| format!("0x{id:x}"))
}

fn process(row: &Row<'_>, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
    let text = |name: &str| row.text(&[name]).unwrap_or_default();
    let image = path_of(
        row.text(&["FolderPath"]),
        row.text(&["FileName", "ProcessName"]),
    );
    let parent = path_of(
        row.text(&["InitiatingProcessFolderPath"]),
        row.text(&["InitiatingProcessFileName", "ParentProcessName"]),
    );
    event.kind = EventKind::ProcessStart;
    event.resource = image.clone().map(Cow::Owned);
    *guest = mention(
        &text("ProcessCommandLine"),
        "",
        parent.as_deref().unwrap_or(""),
        &text("InitiatingProcessCommandLine"),
        sink,
    );
    let account = match (row.text(&["AccountDomain"]), row.text(&["AccountName"])) {
        (Some(domain), Some(name)) => Some(format!("{domain}\\{name}")),
        (_, name) => name.map(Cow::into_owned),
    };
    let fact = ProcessFact {
        pid: pid(row, "ProcessId"),
        parent_pid: pid(row, "InitiatingProcessId").or(pid(row, "ParentProcessId")),
        image: sink.intern_some(image.as_deref()),
        command_line: sink.intern_some(row.text(&["ProcessCommandLine"]).as_deref()),
        parent_image: sink.intern_some(parent.as_deref()),
        parent_command_line: sink
            .intern_some(row.text(&["InitiatingProcessCommandLine"]).as_deref()),
        grandparent_image: sink
            .intern_some(row.text(&["InitiatingProcessParentFileName"]).as_deref()),
        user: sink.intern_some(account.as_deref()),
        logon: sink.intern_some(logon(row, "LogonId").as_deref()),
        integrity: sink.intern_some(row.text(&["ProcessIntegrityLevel"]).as_deref()),
        sha256: sink.intern_some(row.text(&["SHA256"]).as_deref()),
        started: instant(row, "ProcessCreationTime"),
        parent_started: instant(row, "InitiatingProcessCreationTime"),
        ..ProcessFact::default()
    };
    event.fact = Some(Fact::Process(Box::new(fact)));
}

fn file(row: &Row<'_>, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
    let path = path_of(row.text(&["FolderPath"]), row.text(&["FileName"])).unwrap_or_default();
    let previous = path_of(
        row.text(&["PreviousFolderPath"]),
        row.text(&["PreviousFileName"]),
    );
    event.kind = EventKind::File;
    *guest = run_mention::of_written(&path).map(|(found, said)| found.fact(said, sink));
    event.fact = Some(Fact::File(Box::new(FileFact {
        path: sink.intern_some(Some(path.as_str())),
        previous_path: sink.intern_some(previous.as_deref()),
        size: row
            .integer(&["FileSize"])
            .and_then(|size| u64::try_from(size).ok()),
        sha256: sink.intern_some(row.text(&["SHA256"]).as_deref()),
        writer_pid: pid(row, "InitiatingProcessId"),
        writer_image: sink.intern_some(
            path_of(
                row.text(&["InitiatingProcessFolderPath"]),
                row.text(&["InitiatingProcessFileName"]),
            )
            .as_deref(),
        ),
        writer_command_line: sink
            .intern_some(row.text(&["InitiatingProcessCommandLine"]).as_deref()),
        ..FileFact::default()
    })));
    event.resource = Some(Cow::Owned(path));
}

fn network(row: &Row<'_>, action: &str, event: &mut Event<'_>, sink: &mut Sink) {
    let ip = |name: &str| row.text(&[name]).and_then(|ip| address(&ip));
    let (local, remote) = (ip("LocalIP"), ip("RemoteIP"));
    let inbound = action.starts_with("Inbound") || action.starts_with("Listening");
    let port = |name: &str| {
        row.integer(&[name])
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(0)
    };
    event.kind = EventKind::Network;
    event.ip = remote.clone().map(Cow::Owned);
    event.resource = row
        .text(&["RemoteUrl", "InitiatingProcessFileName"])
        .map(own);
    event.outcome = if action == "ConnectionFailed" {
        Outcome::Failed
    } else {
        Outcome::None
    };
    let (source, destination) = if inbound {
        (&remote, &local)
    } else {
        (&local, &remote)
    };
    event.fact = Some(Fact::Flow(Box::new(FlowFact {
        source: sink.intern_some(source.as_deref()),
        destination: sink.intern_some(destination.as_deref()),
        port: port(if inbound { "LocalPort" } else { "RemotePort" }),
        protocol: match row.text(&["Protocol"]).as_deref() {
            Some("Tcp" | "TcpV4" | "TcpV6") => 6,
            Some("Udp" | "UdpV4" | "UdpV6") => 17,
            _ => 0,
        },
        inbound: Some(inbound),
        pid: pid(row, "InitiatingProcessId"),
        image: sink.intern_some(
            path_of(
                row.text(&["InitiatingProcessFolderPath"]),
                row.text(&["InitiatingProcessFileName"]),
            )
            .as_deref(),
        ),
        ..FlowFact::default()
    })));
}

fn powershell(row: &Row<'_>, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
    let more = row.text(&["AdditionalFields"]).unwrap_or_default();
    let more = Value::new(more.as_bytes());
    let command = more
        .get("Command")
        .text()
        .or_else(|| more.get("ScriptContent").text())
        .unwrap_or_default();
    let line = row.text(&["InitiatingProcessCommandLine"]);
    event.kind = EventKind::PowerShell;
    event.resource = Some(Cow::Owned(command.lines().next().unwrap_or("").to_owned()));
    *guest = mention(line.as_deref().unwrap_or(""), "", "", "", sink);
    event.fact = Some(Fact::PowerShell(Box::new(PowerShellFact {
        text: command.into_owned(),
        host_application: sink.intern_some(line.as_deref()),
        block: sink.intern_some(row.text(&["SHA256"]).as_deref()),
        pid: pid(row, "InitiatingProcessId"),
        ..PowerShellFact::default()
    })));
}
