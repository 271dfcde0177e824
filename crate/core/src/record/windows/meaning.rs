//! What the ids of Windows events mean for the case.
//!
//! Process starts and ends, log-ons, accounts, services, tasks, cleared logs, script blocks, files, connections: each becomes the event kind and the fact that every other
//! source of the same thing gives. All other ids stay on the timeline under their provider and number. Source: windows-and-endpoint-artifacts 3.
//!
//! Rejected: keeping provider-specific kinds. A process is a process whether the kernel, Sysmon or a sensor saw it.

use super::engine;
use super::{WindowsEvent, number};
use crate::event::batch::Span;
use crate::event::fact::{Fact, FileFact, FlowFact, GuestSaid, PowerShellFact, ProcessFact};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Field, Outcome};
use crate::evidence::layout::Os;
use crate::identity::address;
use crate::record::run_mention;
use std::borrow::Cow;

/// Which log an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Security,
    System,
    Sysmon,
    /// PowerShell's operational channel.
    Blocks,
    /// The classic `Windows PowerShell` log.
    Engine,
    Tasks,
    Azure,
    Other,
}

impl Source {
    fn of(event: &WindowsEvent) -> Self {
        let (provider, channel) = (
            event.provider.to_ascii_lowercase(),
            event.channel.to_ascii_lowercase(),
        );
        let has = |part: &str| provider.contains(part) || channel.contains(part);
        if has("sysmon") {
            Self::Sysmon
        } else if channel == "security"
            || has("security-auditing")
            || provider == "microsoft-windows-eventlog"
        {
            Self::Security
        } else if has("windowsazure") {
            Self::Azure
        } else if channel.starts_with("windows powershell") || provider == "powershell" {
            Self::Engine
        } else if has("powershell") {
            Self::Blocks
        } else if has("taskscheduler") {
            Self::Tasks
        } else if channel == "system" || provider.contains("service control manager") {
            Self::System
        } else {
            Self::Other
        }
    }
}

impl WindowsEvent {
    /// Ends `record` as this event. `fields` is asked for only where the analyst looks.
    pub fn emit(
        self,
        kept_text: usize,
        record: Record,
        span: Span,
        sink: &mut Sink,
        fields: impl FnOnce(&Self) -> Vec<Field>,
    ) {
        let source = Source::of(&self);
        let mut event = Event::new(EventKind::WindowsEvent, self.time);
        event.host = some(&self.computer);
        event.operation = Some(Cow::Owned(self.named()));
        event.actor = self.first(&["SubjectUserName", "User"]).map(own);
        // The number of a record in its log names it, whatever tool rendered it.
        event.correlation = self
            .record_id
            .map(|number| Cow::Owned(format!("{}#{number}", self.channel.to_ascii_lowercase())));
        let mut guest: Option<Fact> = None;
        match (source, self.id) {
            (Source::Security, 4688) => self.process_audited(&mut event, &mut guest, sink),
            (Source::Security, 4689) => {
                self.process_ended(&mut event, "ProcessId", "ProcessName", "Status", sink)
            }
            (Source::Sysmon, 1) => self.process_sysmon(&mut event, &mut guest, sink),
            (Source::Sysmon, 5) => self.process_ended(&mut event, "ProcessId", "Image", "", sink),
            (Source::Sysmon, 3) => self.connection(&mut event, sink),
            (Source::Sysmon, 22) => self.name_query(&mut event, sink),
            (Source::Sysmon, 11 | 23 | 26) => self.file(&mut event, &mut guest, sink),
            (Source::Security, 4624 | 4625 | 4672) => self.log_on(&mut event),
            (Source::Security, 4720..=4738 | 1102 | 4697 | 4698 | 4702) => self.change(&mut event),
            (Source::System, 7045 | 7036 | 104) | (Source::Tasks, 106 | 140) => {
                self.change(&mut event)
            }
            (Source::Blocks, 4103 | 4104) => self.block(kept_text, &mut event, &mut guest, sink),
            (Source::Engine, 400 | 403 | 600 | 800) => {
                self.engine(kept_text, &mut event, &mut guest, sink)
            }
            (Source::Azure, _) => self.azure(&mut event),
            _ => {}
        }
        if sink.wants_detail() {
            event.summary = self.summary(&event);
            event.fields = fields(&self);
        }
        sink.event(record, span, event);
        if let Some(fact) = guest {
            sink.add_fact(fact);
        }
    }

    /// Provider and id, as the operation of events without a better word.
    fn named(&self) -> String {
        let provider = self
            .provider
            .strip_prefix("Microsoft-Windows-")
            .unwrap_or(&self.provider);
        format!(
            "{} {}",
            if provider.is_empty() {
                self.channel.as_str()
            } else {
                provider
            },
            self.id
        )
    }

    fn summary(&self, event: &Event<'_>) -> String {
        let mut line = match &event.fact {
            Some(Fact::Process(_)) => {
                let line = self
                    .first(&["CommandLine", "NewProcessName", "Image", "ProcessName"])
                    .unwrap_or("");
                format!("{}: {line}", event.operation.as_deref().unwrap_or(""))
            }
            Some(Fact::PowerShell(fact)) => {
                let first = fact
                    .text
                    .lines()
                    .map(str::trim)
                    .find(|line| !line.is_empty());
                format!("{}: {}", self.named(), first.unwrap_or(""))
            }
            _ => match event.resource.as_deref() {
                Some(resource) => {
                    format!("{}: {resource}", event.operation.as_deref().unwrap_or(""))
                }
                None => {
                    let message = self.message.lines().next().unwrap_or("").trim();
                    format!("{} {message}", event.operation.as_deref().unwrap_or(""))
                }
            },
        };
        if let Some(actor) = event.actor.as_deref() {
            line.push_str(" by ");
            line.push_str(actor);
        }
        line.trim_end().to_owned()
    }

    fn process_audited(&self, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
        let line = self.get("CommandLine").unwrap_or("");
        let parent = self.get("ParentProcessName").unwrap_or("");
        event.kind = EventKind::ProcessStart;
        event.operation = Some(Cow::Borrowed("process start"));
        event.resource = self.get("NewProcessName").map(own);
        *guest = mention(line, "", parent, "", sink);
        let account = self.get("TargetUserName").or(self.get("SubjectUserName"));
        let fact = ProcessFact {
            pid: self.number("NewProcessId"),
            parent_pid: self.number("ProcessId"),
            image: sink.intern_some(self.get("NewProcessName")),
            command_line: sink.intern_some(Some(line).filter(|line| !line.is_empty())),
            parent_image: sink.intern_some(self.get("ParentProcessName")),
            user: sink.intern_some(account),
            logon: sink.intern_some(
                self.get("SubjectLogonId")
                    .map(str::to_ascii_lowercase)
                    .as_deref(),
            ),
            integrity: sink.intern_some(self.get("MandatoryLabel").map(integrity)),
            ..ProcessFact::default()
        };
        event.fact = Some(Fact::Process(Box::new(fact)));
    }

    fn process_sysmon(&self, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
        let get = |name: &str| self.get(name).unwrap_or("");
        event.kind = EventKind::ProcessStart;
        event.operation = Some(Cow::Borrowed("process start"));
        event.resource = self.get("Image").map(own);
        *guest = mention(
            get("CommandLine"),
            get("CurrentDirectory"),
            get("ParentImage"),
            get("ParentCommandLine"),
            sink,
        );
        let hash = self.get("Hashes").and_then(|hashes| {
            hashes
                .split(',')
                .find_map(|hash| hash.trim().strip_prefix("SHA256="))
        });
        let fact = ProcessFact {
            pid: self.number("ProcessId"),
            parent_pid: self.number("ParentProcessId"),
            image: sink.intern_some(self.get("Image")),
            command_line: sink.intern_some(self.get("CommandLine")),
            directory: sink.intern_some(self.get("CurrentDirectory")),
            parent_image: sink.intern_some(self.get("ParentImage")),
            parent_command_line: sink.intern_some(self.get("ParentCommandLine")),
            user: sink.intern_some(self.get("User")),
            logon: sink.intern_some(self.get("LogonId").map(str::to_ascii_lowercase).as_deref()),
            integrity: sink.intern_some(self.get("IntegrityLevel")),
            entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            parent_entity: sink.intern_some(self.get("ParentProcessGuid").map(entity).as_deref()),
            sha256: sink.intern_some(hash.map(str::to_ascii_lowercase).as_deref()),
            ..ProcessFact::default()
        };
        event.fact = Some(Fact::Process(Box::new(fact)));
    }

    fn process_ended(
        &self,
        event: &mut Event<'_>,
        pid: &str,
        image: &str,
        status: &str,
        sink: &mut Sink,
    ) {
        event.kind = EventKind::ProcessEnd;
        event.operation = Some(Cow::Borrowed("process end"));
        event.resource = self.get(image).map(own);
        let fact = ProcessFact {
            pid: self.number(pid),
            image: sink.intern_some(self.get(image)),
            user: sink.intern_some(self.first(&["SubjectUserName", "User"])),
            entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            exit_code: self
                .get(status)
                .and_then(number)
                .and_then(|code| i64::try_from(code).ok()),
            ..ProcessFact::default()
        };
        event.fact = Some(Fact::Process(Box::new(fact)));
    }

    fn connection(&self, event: &mut Event<'_>, sink: &mut Sink) {
        let ip = |name: &str| self.get(name).and_then(address);
        let (source, destination) = (ip("SourceIp"), ip("DestinationIp"));
        let outgoing = self.get("Initiated") != Some("false");
        event.kind = EventKind::Network;
        event.operation = Some(Cow::Borrowed("connection"));
        event.resource = self.first(&["DestinationHostname", "Image"]).map(own);
        event.ip = if outgoing {
            destination.clone()
        } else {
            source.clone()
        }
        .map(Cow::Owned);
        event.fact = Some(Fact::Flow(Box::new(FlowFact {
            source: sink.intern_some(source.as_deref()),
            destination: sink.intern_some(destination.as_deref()),
            port: self
                .get("DestinationPort")
                .and_then(|port| port.parse().ok())
                .unwrap_or(0),
            protocol: match self.get("Protocol") {
                Some("tcp") => 6,
                Some("udp") => 17,
                _ => 0,
            },
            inbound: Some(!outgoing),
            pid: self.number("ProcessId"),
            image: sink.intern_some(self.get("Image")),
            entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            ..FlowFact::default()
        })));
    }

    fn name_query(&self, event: &mut Event<'_>, sink: &mut Sink) {
        event.kind = EventKind::Network;
        event.operation = Some(Cow::Borrowed("name query"));
        event.resource = self.get("QueryName").map(own);
        let answer = self
            .get("QueryResults")
            .and_then(|results| results.split(';').find_map(address));
        event.ip = answer.clone().map(Cow::Owned);
        event.fact = Some(Fact::Flow(Box::new(FlowFact {
            destination: sink.intern_some(answer.as_deref()),
            pid: self.number("ProcessId"),
            image: sink.intern_some(self.get("Image")),
            entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            ..FlowFact::default()
        })));
    }

    fn file(&self, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
        let path = self.get("TargetFilename").unwrap_or("");
        event.kind = EventKind::File;
        event.operation = Some(Cow::Borrowed(if self.id == 11 {
            "file created"
        } else {
            "file deleted"
        }));
        event.resource = Some(Cow::Owned(path.to_owned()));
        *guest = run_mention::of_written(path).map(|(found, said)| found.fact(said, sink));
        event.fact = Some(Fact::File(Box::new(FileFact {
            path: sink.intern_some(Some(path)),
            writer_pid: self.number("ProcessId"),
            writer_image: sink.intern_some(self.get("Image")),
            writer_entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            ..FileFact::default()
        })));
    }

    fn log_on(&self, event: &mut Event<'_>) {
        event.kind = EventKind::Authentication;
        let (word, outcome) = match self.id {
            4624 => ("log-on", Outcome::Succeeded),
            4625 => ("log-on", Outcome::Failed),
            _ => ("special privileges", Outcome::Succeeded),
        };
        event.operation = Some(Cow::Borrowed(word));
        event.outcome = outcome;
        if self.id != 4672 {
            event.actor = self.get("TargetUserName").map(own);
        }
        event.ip = self.get("IpAddress").and_then(address).map(Cow::Owned);
    }

    /// Accounts, services, tasks, cleared logs.
    fn change(&self, event: &mut Event<'_>) {
        let (word, what): (&'static str, &[&str]) = match self.id {
            4697 | 7045 => (
                "service installed",
                &["ServiceFileName", "ImagePath", "ServiceName"],
            ),
            7036 => ("service state", &["param1"]),
            4698 | 106 => ("scheduled task created", &["TaskName"]),
            4702 | 140 => ("scheduled task changed", &["TaskName"]),
            4720 => ("user created", &["TargetUserName"]),
            4722 => ("user enabled", &["TargetUserName"]),
            4723 | 4724 => ("password reset", &["TargetUserName"]),
            4725 => ("user disabled", &["TargetUserName"]),
            4726 => ("user deleted", &["TargetUserName"]),
            4728 => ("member added to global group", &["TargetUserName"]),
            4732 => ("member added to local group", &["TargetUserName"]),
            4738 => ("user changed", &["TargetUserName"]),
            1102 | 104 => ("log cleared", &["Channel"]),
            _ => return,
        };
        if !matches!(self.id, 7036 | 7045 | 4697 | 106 | 140 | 4698 | 4702) {
            event.kind = EventKind::Authentication;
        }
        event.operation = Some(Cow::Borrowed(word));
        event.outcome = Outcome::Succeeded;
        event.resource = self.first(what).map(own);
    }

    fn block(&self, kept: usize, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
        let context = self.get("ContextInfo").unwrap_or("");
        let host_application =
            engine::context(context, "Host Application").or(self.get("HostApplication"));
        let text = self
            .whole("ScriptBlockText")
            .or(self.whole("Payload"))
            .unwrap_or("");
        let path = self
            .get("Path")
            .or_else(|| engine::context(context, "Script Name"));
        let part = |name: &str| self.get(name).and_then(|text| text.parse::<i64>().ok());
        event.kind = EventKind::PowerShell;
        event.operation = Some(Cow::Borrowed(if self.id == 4104 {
            "script block"
        } else {
            "pipeline"
        }));
        event.resource = path.map(own);
        event.actor = event
            .actor
            .take()
            .or_else(|| engine::context(context, "User").map(own));
        let found = path
            .and_then(run_mention::of_path)
            .or_else(|| run_mention::of_process(host_application?, "", "", ""));
        if let Some(found) = found {
            let said = if self.id == 4104
                && path.is_some_and(|path| path.to_ascii_lowercase().contains("script"))
            {
                GuestSaid::ScriptBlock {
                    block: self.get("ScriptBlockId").map(entity).unwrap_or_default(),
                    part: part("MessageNumber").unwrap_or(1),
                    parts: part("MessageTotal").unwrap_or(1),
                    text: cut(text, kept),
                }
            } else {
                GuestSaid::Process
            };
            *guest = Some(found.fact(said, sink));
        }
        event.fact = Some(Fact::PowerShell(Box::new(PowerShellFact {
            text: cut(text, kept),
            path: sink.intern_some(path),
            block: sink.intern_some(self.get("ScriptBlockId").map(entity).as_deref()),
            part: part("MessageNumber"),
            parts: part("MessageTotal"),
            host_application: sink.intern_some(host_application),
            pid: self.process_id,
        })));
    }

    fn engine(
        &self,
        kept: usize,
        event: &mut Event<'_>,
        guest: &mut Option<Fact>,
        sink: &mut Sink,
    ) {
        let block = self
            .data
            .iter()
            .map(|(_, value)| value.as_str())
            .find(|value| value.contains("HostApplication="))
            .unwrap_or(&self.message);
        let host_application = engine::value(block, "HostApplication");
        let line = engine::value(block, "CommandLine");
        event.kind = EventKind::PowerShell;
        event.operation = Some(Cow::Borrowed(match self.id {
            400 => "engine started",
            403 => "engine stopped",
            600 => "provider started",
            _ => "pipeline",
        }));
        event.resource = engine::value(block, "ScriptName").map(own);
        event.actor = engine::value(block, "UserId").map(own);
        if self.id == 400 || self.id == 403 {
            *guest = host_application.and_then(|line| mention(line, "", "", "", sink));
        }
        event.fact = Some(Fact::PowerShell(Box::new(PowerShellFact {
            text: cut(line.or(host_application).unwrap_or(""), kept),
            path: sink.intern_some(engine::value(block, "ScriptName")),
            host_application: sink.intern_some(host_application),
            block: sink.intern_some(engine::value(block, "HostId")),
            pid: self.process_id,
            ..PowerShellFact::default()
        })));
    }

    /// The guest agent's channels: every value is searched for the handlers' names.
    fn azure(&self, event: &mut Event<'_>) {
        const HANDLERS: [&str; 3] = [
            "Microsoft.CPlat.Core.RunCommand",
            "CustomScript",
            "VMAccess",
        ];
        event.kind = EventKind::GuestAgent;
        let values = self.data.iter().map(|(_, value)| value.as_str());
        event.resource = values.chain([self.message.as_str()]).find_map(|value| {
            let at = HANDLERS
                .iter()
                .filter_map(|handler| value.find(handler))
                .min()?;
            let rest = value.get(at..)?;
            let end = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'))
                .unwrap_or(rest.len());
            Some(own(rest.get(..end)?.trim_end_matches('.')))
        });
    }
}

/// What a process says of an execution.
pub(crate) fn mention(
    line: &str,
    directory: &str,
    parent: &str,
    parent_line: &str,
    sink: &mut Sink,
) -> Option<Fact> {
    if line.is_empty() {
        return None;
    }
    let found = run_mention::of_process(line, directory, parent, parent_line)?;
    debug_assert!(matches!(found.os, Os::Windows | Os::Linux));
    Some(found.fact(GuestSaid::Process, sink))
}

fn some(text: &str) -> Option<Cow<'static, str>> {
    (!text.is_empty()).then(|| Cow::Owned(text.to_owned()))
}

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn entity(guid: &str) -> String {
    guid.trim_matches(['{', '}']).to_ascii_lowercase()
}

fn integrity(label: &str) -> &str {
    match label {
        "S-1-16-4096" => "Low",
        "S-1-16-8192" => "Medium",
        "S-1-16-12288" => "High",
        "S-1-16-16384" => "System",
        other => other,
    }
}

/// Text cut at a limit, at a letter's end.
fn cut(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("").to_owned()
}
