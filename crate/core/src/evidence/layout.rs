//! What a path says: the folder layout of a guest is evidence.
//!
//! Wherever a collector put it (`triage/web01/var/lib/waagent/…`, `[root]/var/log/…`, `C/Packages/…`),
//! the tail of a path names the handler, its version, the run-command name, the sequence number and
//! the role of the file (detectors 0.6; linux-artifacts 1 to 7). What stands before the tail is the
//! collector's: often the host.
//!
//! Rejected: asking the analyst. The names are in the path, and two hosts in one drop are the rule.

use serde::{Deserialize, Serialize};

/// Which feature ran something (detectors 0.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// `…/runCommand/action`.
    Action,
    /// `…/runCommands/write`.
    Managed,
    /// Managed, executed by the handler's service.
    Immediate,
    /// Any other extension (custom script above all).
    Extension,
}

impl Family {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Managed => "managed",
            Self::Immediate => "immediate",
            Self::Extension => "extension",
        }
    }
}

/// The guest's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

impl Os {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// What a file is, by its place.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Role {
    /// The path says nothing.
    #[default]
    Unknown,
    /// The guest agent's log.
    AgentLog,
    /// A handler's log.
    HandlerLog,
    /// `CommandExecution*.log`.
    CommandExecutionLog,
    /// `<seq>.settings` or `<name>.<seq>.settings`.
    Settings,
    /// `<seq>.status` or `<name>.<seq>.status`.
    Status,
    /// The delivered script.
    Script,
    /// What it wrote to standard output.
    Stdout,
    /// What it wrote to standard error.
    Stderr,
    /// Another file in a download folder (an artifact, a fetched file).
    Download,
    /// `mrseq`, `pidstart`, HandlerState and the like.
    State,
    /// A goal-state document.
    GoalState,
    /// A telemetry event file.
    Telemetry,
    /// The system log, auth log or audit log.
    SystemLog,
}

/// Everything a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What stands before the guest's own path, without a trailing `/`: one guest's files share it.
    pub root: String,
    /// The host as far as the root names one (its last folder that is not a collector's word).
    pub host: Option<String>,
    /// The guest's system.
    pub os: Option<Os>,
    /// Which feature, where a handler's folder says so.
    pub family: Option<Family>,
    /// Full handler name as written, where the path has one.
    pub handler: Option<String>,
    /// Handler version.
    pub version: Option<String>,
    /// Managed run-command name or extension name.
    pub name: Option<String>,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// What the file is.
    pub role: Role,
    /// The last path segment.
    pub file_name: String,
}

impl Layout {
    /// Reads a path with `/` or `\` between segments.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let file_name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
        Self {
            file_name,
            ..Self::default()
        }
    }
}
