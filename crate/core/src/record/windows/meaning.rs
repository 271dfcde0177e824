//! What the ids of Windows events mean for the case.
//!
//! Process starts and ends, log-ons, accounts, services, tasks, cleared logs, script blocks, files, connections: each becomes the event kind and the fact that every other
//! source of the same thing gives. All other ids stay on the timeline under their provider and number. Source: windows-and-endpoint-artifacts 3.
//!
//! Rejected: keeping provider-specific kinds. A process is a process whether the kernel, Sysmon or a sensor saw it.

use super::said::{Said, Source, contains_folded};
use super::{WindowsEvent, engine, number};
use crate::event::batch::Span;
use crate::event::fact::{
    Fact, FileFact, FlowFact, GuestSaid, HandlerChange, PowerShellFact, ProcessFact,
};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Field, Outcome};
use crate::evidence::layout::Os;
use crate::identity::address;
use crate::record::{guest, run_mention};
use std::borrow::Cow;

impl WindowsEvent<'_> {
    /// Ends `record` as this event. `fields` is asked for only where the analyst looks.
    pub fn emit(
        self,
        kept_text: usize,
        record: Record,
        span: Span,
        sink: &mut Sink,
        fields: impl FnOnce(&Self) -> Vec<Field>,
    ) {
        let said = Said::of(Source::of(&self.provider, &self.channel), self.id);
        self.emit_as(said, kept_text, record, span, sink, fields);
    }

    /// As [`WindowsEvent::emit`], where it is known what the event says.
    pub(super) fn emit_as(
        self,
        said: Said,
        kept_text: usize,
        record: Record,
        span: Span,
        sink: &mut Sink,
        fields: impl FnOnce(&Self) -> Vec<Field>,
    ) {
        let mut event = Event::new(EventKind::WindowsEvent, self.time);
        event.host = some(&self.computer);
        event.actor = self.first(&["SubjectUserName", "User"]).map(Cow::Borrowed);
        // The number of a record in its log names it, whatever tool rendered it.
        event.correlation = self.record_id.map(|number| {
            let mut log = self.channel.to_ascii_lowercase();
            log.push('#');
            log.push_str(&number.to_string());
            Cow::Owned(log)
        });
        let mut guest: Option<Fact> = None;
        match said {
            Said::ProcessAudited => self.process_audited(&mut event, &mut guest, sink),
            Said::AuditedProcessEnded => {
                self.process_ended(&mut event, "ProcessName", Some("Status"), sink);
            }
            Said::ProcessOfSysmon => self.process_sysmon(&mut event, &mut guest, sink),
            Said::ProcessOfSysmonEnded => self.process_ended(&mut event, "Image", None, sink),
            Said::Connection => self.connection(&mut event, sink),
            Said::NameQuery => self.name_query(&mut event, sink),
            Said::File => self.file(&mut event, &mut guest, sink),
            Said::LogOn => self.log_on(&mut event),
            Said::Change => self.change(&mut event),
            Said::Block => self.block(kept_text, &mut event, &mut guest, sink),
            Said::Engine => self.engine(kept_text, &mut event, &mut guest, sink),
            Said::Azure => self.azure(&mut event, sink),
            Said::Other => {}
        }
        if event.operation.is_none() {
            event.operation = Some(Cow::Owned(self.named()));
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
                self.channel.as_ref()
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

    fn process_audited<'e>(
        &'e self,
        event: &mut Event<'e>,
        guest: &mut Option<Fact>,
        sink: &mut Sink,
    ) {
        let line = self.get("CommandLine").unwrap_or("");
        let parent = self.get("ParentProcessName").unwrap_or("");
        event.kind = EventKind::ProcessStart;
        event.operation = Some(Cow::Borrowed("process start"));
        event.resource = self.get("NewProcessName").map(Cow::Borrowed);
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

    fn process_sysmon<'e>(
        &'e self,
        event: &mut Event<'e>,
        guest: &mut Option<Fact>,
        sink: &mut Sink,
    ) {
        let get = |name: &str| self.get(name).unwrap_or("");
        event.kind = EventKind::ProcessStart;
        event.operation = Some(Cow::Borrowed("process start"));
        event.resource = self.get("Image").map(Cow::Borrowed);
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

    fn process_ended<'e>(
        &'e self,
        event: &mut Event<'e>,
        image: &str,
        status: Option<&str>,
        sink: &mut Sink,
    ) {
        event.kind = EventKind::ProcessEnd;
        event.operation = Some(Cow::Borrowed("process end"));
        event.resource = self.get(image).map(Cow::Borrowed);
        let fact = ProcessFact {
            pid: self.number("ProcessId"),
            image: sink.intern_some(self.get(image)),
            user: sink.intern_some(self.first(&["SubjectUserName", "User"])),
            entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            exit_code: status
                .and_then(|status| self.get(status))
                .and_then(number)
                .and_then(|code| i64::try_from(code).ok()),
            ..ProcessFact::default()
        };
        event.fact = Some(Fact::Process(Box::new(fact)));
    }

    fn connection<'e>(&'e self, event: &mut Event<'e>, sink: &mut Sink) {
        let ip = |name: &str| self.get(name).and_then(address);
        let (source, destination) = (ip("SourceIp"), ip("DestinationIp"));
        let outgoing = self.get("Initiated") != Some("false");
        event.kind = EventKind::Network;
        event.operation = Some(Cow::Borrowed("connection"));
        event.resource = self
            .first(&["DestinationHostname", "Image"])
            .map(Cow::Borrowed);
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

    fn name_query<'e>(&'e self, event: &mut Event<'e>, sink: &mut Sink) {
        event.kind = EventKind::Network;
        event.operation = Some(Cow::Borrowed("name query"));
        event.resource = self.get("QueryName").map(Cow::Borrowed);
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

    fn file<'e>(&'e self, event: &mut Event<'e>, guest: &mut Option<Fact>, sink: &mut Sink) {
        let path = self.get("TargetFilename").unwrap_or("");
        event.kind = EventKind::File;
        event.operation = Some(Cow::Borrowed(if self.id == 11 {
            "file created"
        } else {
            "file deleted"
        }));
        event.resource = Some(Cow::Borrowed(path));
        *guest = run_mention::of_written(path).map(|(found, said)| found.fact(said, sink));
        event.fact = Some(Fact::File(Box::new(FileFact {
            path: sink.intern_some(Some(path)),
            writer_pid: self.number("ProcessId"),
            writer_image: sink.intern_some(self.get("Image")),
            writer_entity: sink.intern_some(self.get("ProcessGuid").map(entity).as_deref()),
            ..FileFact::default()
        })));
    }

    fn log_on<'e>(&'e self, event: &mut Event<'e>) {
        event.kind = EventKind::Authentication;
        let (word, outcome) = match self.id {
            4624 => ("log-on", Outcome::Succeeded),
            4625 => ("log-on", Outcome::Failed),
            _ => ("special privileges", Outcome::Succeeded),
        };
        event.operation = Some(Cow::Borrowed(word));
        event.outcome = outcome;
        if self.id != 4672 {
            event.actor = self.get("TargetUserName").map(Cow::Borrowed);
        }
        event.ip = self.get("IpAddress").and_then(address).map(Cow::Owned);
    }

    /// Accounts, services, tasks, cleared logs.
    fn change<'e>(&'e self, event: &mut Event<'e>) {
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
        event.resource = self.first(what).map(Cow::Borrowed);
    }

    fn block<'e>(
        &'e self,
        kept: usize,
        event: &mut Event<'e>,
        guest: &mut Option<Fact>,
        sink: &mut Sink,
    ) {
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
        event.resource = path.map(Cow::Borrowed);
        event.actor = event
            .actor
            .take()
            .or_else(|| engine::context(context, "User").map(Cow::Borrowed));
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

    fn engine<'e>(
        &'e self,
        kept: usize,
        event: &mut Event<'e>,
        guest: &mut Option<Fact>,
        sink: &mut Sink,
    ) {
        let block = self
            .data
            .iter()
            .map(|(_, value)| value.as_ref())
            .find(|value| memchr::memmem::find(value.as_bytes(), b"HostApplication=").is_some())
            .unwrap_or(&self.message);
        let block = engine::Block::of(block);
        let host_application = block.value("HostApplication");
        let line = block.value("CommandLine");
        event.kind = EventKind::PowerShell;
        event.operation = Some(Cow::Borrowed(match self.id {
            400 => "engine started",
            403 => "engine stopped",
            600 => "provider started",
            _ => "pipeline",
        }));
        event.resource = block.value("ScriptName").map(Cow::Borrowed);
        event.actor = block.value("UserId").map(Cow::Borrowed);
        if self.id == 400 || self.id == 403 {
            *guest = host_application.and_then(|line| mention(line, "", "", "", sink));
        }
        event.fact = Some(Fact::PowerShell(Box::new(PowerShellFact {
            text: cut(line.or(host_application).unwrap_or(""), kept),
            path: sink.intern_some(block.value("ScriptName")),
            host_application: sink.intern_some(host_application),
            block: sink.intern_some(block.value("HostId")),
            pid: self.process_id,
            ..PowerShellFact::default()
        })));
    }

    /// The guest agent's channels: every value is searched for the handlers' names, and for what became of one.
    fn azure<'e>(&'e self, event: &mut Event<'e>, sink: &mut Sink) {
        const HANDLERS: [&str; 3] = [
            "Microsoft.CPlat.Core.RunCommand",
            "CustomScript",
            "VMAccess",
        ];
        event.kind = EventKind::GuestAgent;
        let values = || {
            let data = self.data.iter().map(|(_, value)| value.as_ref());
            data.chain([self.message.as_ref()])
        };
        let named = values().find_map(|value| {
            let at = HANDLERS
                .iter()
                .filter_map(|handler| value.find(handler))
                .min()?;
            let rest = value.get(at..)?;
            let end = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'))
                .unwrap_or(rest.len());
            Some(rest.get(..end)?.trim_end_matches('.'))
        });
        event.resource = named.map(Cow::Borrowed);
        let says = |word: &str| values().any(|value| contains_folded(value, word));
        let change = if says("uninstall") || says("removed") {
            Some(HandlerChange::Uninstalled)
        } else if says("install") {
            Some(HandlerChange::Installed)
        } else {
            None
        };
        let of_plugins = contains_folded(&self.channel, "plugins");
        if let (Some(handler), Some(what)) = (named.filter(|_| of_plugins), change) {
            event.fact = guest::changed(handler, None, Os::Windows, what, sink);
        }
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

fn some(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
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
