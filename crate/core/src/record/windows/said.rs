//! What an event says, by its log and its id, and which of its data is looked at for that.
//!
//! ```text
//! Security 4688  → a process was started: NewProcessName, CommandLine, …
//! Sysmon 1       → the same, by other names
//! Application 37 → stays on the timeline: only who did it is looked at
//! ```
//!
//! Reading a binary log is mostly a matter of what is not read: of the forty values of a record ten become something. Source: windows-and-endpoint-artifacts 3.
//!
//! Rejected: a list of the data of every id that exists. What nobody looks at needs no name.

/// Which log an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
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
    /// The log of an event of this provider and channel.
    pub(super) fn of(provider: &str, channel: &str) -> Self {
        let has = |part: &str| contains_folded(provider, part) || contains_folded(channel, part);
        if has("sysmon") {
            Self::Sysmon
        } else if channel.eq_ignore_ascii_case("security")
            || has("security-auditing")
            || provider.eq_ignore_ascii_case("microsoft-windows-eventlog")
        {
            Self::Security
        } else if has("windowsazure") {
            Self::Azure
        } else if starts_folded(channel, "windows powershell")
            || provider.eq_ignore_ascii_case("powershell")
        {
            Self::Engine
        } else if has("powershell") {
            Self::Blocks
        } else if has("taskscheduler") {
            Self::Tasks
        } else if channel.eq_ignore_ascii_case("system")
            || contains_folded(provider, "service control manager")
        {
            Self::System
        } else {
            Self::Other
        }
    }
}

fn starts_folded(text: &str, start: &str) -> bool {
    let head = text.as_bytes().get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// Whether a text holds a part, ASCII letter case aside.
pub(super) fn contains_folded(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some(first) = part.first().copied() else {
        return true;
    };
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
        text.get(at..at + part.len())
            .is_some_and(|have| have.eq_ignore_ascii_case(part))
    })
}

/// What an event says, by its log and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    ProcessAudited,
    AuditedProcessEnded,
    ProcessOfSysmon,
    ProcessOfSysmonEnded,
    Connection,
    NameQuery,
    File,
    LogOn,
    /// Accounts, services, tasks, cleared logs.
    Change,
    Block,
    Engine,
    Azure,
    Other,
}

/// Which data of an event is looked at where nobody asks for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All, and the message.
    All,
    /// Data of these names, ASCII letter case aside.
    Named(&'static [&'static str]),
}

impl Said {
    /// What an event of this provider, channel and id says.
    pub(super) fn of(source: Source, id: u32) -> Self {
        match (source, id) {
            (Source::Security, 4688) => Self::ProcessAudited,
            (Source::Security, 4689) => Self::AuditedProcessEnded,
            (Source::Sysmon, 1) => Self::ProcessOfSysmon,
            (Source::Sysmon, 5) => Self::ProcessOfSysmonEnded,
            (Source::Sysmon, 3) => Self::Connection,
            (Source::Sysmon, 22) => Self::NameQuery,
            (Source::Sysmon, 11 | 23 | 26) => Self::File,
            (Source::Security, 4624 | 4625 | 4672) => Self::LogOn,
            (Source::Security, 4720..=4738 | 1102 | 4697 | 4698 | 4702)
            | (Source::System, 7045 | 7036 | 104)
            | (Source::Tasks, 106 | 140) => Self::Change,
            (Source::Blocks, 4103 | 4104) => Self::Block,
            (Source::Engine, 400 | 403 | 600 | 800) => Self::Engine,
            (Source::Azure, _) => Self::Azure,
            _ => Self::Other,
        }
    }

    /// Everything that [`WindowsEvent::emit`] looks at; a test holds the two together.
    pub(super) fn wanted(self) -> Wanted {
        Wanted::Named(match self {
            Self::ProcessAudited => &[
                "SubjectUserName",
                "User",
                "CommandLine",
                "ParentProcessName",
                "NewProcessName",
                "TargetUserName",
                "NewProcessId",
                "ProcessId",
                "SubjectLogonId",
                "MandatoryLabel",
            ],
            Self::AuditedProcessEnded => &[
                "SubjectUserName",
                "User",
                "ProcessId",
                "ProcessName",
                "ProcessGuid",
                "Status",
            ],
            Self::ProcessOfSysmon => &[
                "SubjectUserName",
                "User",
                "Image",
                "CommandLine",
                "CurrentDirectory",
                "ParentImage",
                "ParentCommandLine",
                "Hashes",
                "ProcessId",
                "ParentProcessId",
                "LogonId",
                "IntegrityLevel",
                "ProcessGuid",
                "ParentProcessGuid",
            ],
            Self::ProcessOfSysmonEnded => &[
                "SubjectUserName",
                "User",
                "ProcessId",
                "Image",
                "ProcessGuid",
            ],
            Self::Connection => &[
                "SubjectUserName",
                "User",
                "SourceIp",
                "DestinationIp",
                "Initiated",
                "DestinationHostname",
                "Image",
                "DestinationPort",
                "Protocol",
                "ProcessId",
                "ProcessGuid",
            ],
            Self::NameQuery => &[
                "SubjectUserName",
                "User",
                "QueryName",
                "QueryResults",
                "ProcessId",
                "Image",
                "ProcessGuid",
            ],
            Self::File => &[
                "SubjectUserName",
                "User",
                "TargetFilename",
                "ProcessId",
                "Image",
                "ProcessGuid",
            ],
            Self::LogOn => &["SubjectUserName", "User", "TargetUserName", "IpAddress"],
            Self::Change => &[
                "SubjectUserName",
                "User",
                "ServiceFileName",
                "ImagePath",
                "ServiceName",
                "param1",
                "TaskName",
                "TargetUserName",
                "Channel",
            ],
            Self::Block => &[
                "SubjectUserName",
                "User",
                "ContextInfo",
                "HostApplication",
                "ScriptBlockText",
                "Payload",
                "Path",
                "ScriptBlockId",
                "MessageNumber",
                "MessageTotal",
            ],
            Self::Engine | Self::Azure => return Wanted::All,
            Self::Other => &["SubjectUserName", "User"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::batch::Span;
    use crate::event::sink::Sink;
    use crate::record::windows::WindowsEvent;
    use std::borrow::Cow;

    /// Every name that the source of `meaning` has in quotes.
    fn names() -> Vec<&'static str> {
        let source = include_str!("meaning.rs");
        let quoted = source.split('"').skip(1).step_by(2);
        let mut names: Vec<&str> = quoted
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn what_is_not_wanted_changes_nothing() {
        let names = names();
        assert!(names.len() > 40, "{names:?}");
        let logs = [
            ("Microsoft-Windows-Security-Auditing", "Security"),
            ("Service Control Manager", "System"),
            (
                "Microsoft-Windows-Sysmon",
                "Microsoft-Windows-Sysmon/Operational",
            ),
            (
                "Microsoft-Windows-PowerShell",
                "Microsoft-Windows-PowerShell/Operational",
            ),
            ("PowerShell", "Windows PowerShell"),
            (
                "Microsoft-Windows-TaskScheduler",
                "Microsoft-Windows-TaskScheduler/Operational",
            ),
            (
                "Microsoft-WindowsAzure-Status",
                "Microsoft-WindowsAzure-Status/Plugins",
            ),
            ("Other", "Application"),
        ];
        // Each name alone is missing once, so that second choices are looked at too.
        for missing in std::iter::once(None).chain(names.iter().map(Some)) {
            for (provider, channel) in logs {
                for id in (0..60)
                    .chain(100..150)
                    .chain(400..410)
                    .chain([600, 800, 1102])
                    .chain(4100..4110)
                    .chain(4620..4740)
                    .chain(7030..7050)
                {
                    let said = Said::of(Source::of(provider, channel), id);
                    let batch = |only: Option<&[&str]>| {
                        let data = names.iter().filter(|name| {
                            Some(*name) != missing && only.is_none_or(|only| only.contains(name))
                        });
                        let event = WindowsEvent {
                            provider: Cow::Borrowed(provider),
                            channel: Cow::Borrowed(channel),
                            id,
                            data: data
                                .map(|name| {
                                    // Numbers, addresses and paths are looked into.
                                    let value = match *name {
                                        "IpAddress" | "SourceIp" | "DestinationIp" => {
                                            format!("198.51.100.{}", name.len())
                                        }
                                        name if name.ends_with("Id") => format!("0x{}", name.len()),
                                        name => format!("value of {name}"),
                                    };
                                    (Cow::Borrowed(*name), Cow::Owned(value))
                                })
                                .collect(),
                            ..WindowsEvent::default()
                        };
                        let mut sink = Sink::new();
                        let record = sink.begin();
                        let span = Span {
                            offset: 0,
                            length: 1,
                        };
                        event.emit(100, record, span, &mut sink, |_| Vec::new());
                        sink.take_batch()
                    };
                    if let Wanted::Named(wanted) = said.wanted() {
                        assert!(
                            batch(None) == batch(Some(wanted)),
                            "{provider} {id} without {missing:?}"
                        );
                    }
                }
            }
        }
    }
}
