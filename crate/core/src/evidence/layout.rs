//! What a path says: the folder layout of a guest is evidence.
//!
//! Wherever a collector put it (`triage/web01/var/lib/waagent/…`, `[root]/var/log/…`, `C/Packages/…`),
//! the tail of a path names the handler, its version, the run-command name, the sequence number and
//! the role of the file (detectors 0.6; linux-artifacts 1 to 7). What stands before the tail is the
//! collector's: often the host.
//!
//! Rejected: asking the analyst. The names are in the path, and two hosts in one drop are the rule.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

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

impl Role {
    /// Whether such files belong to one number of a run, and lie apart from the logs.
    #[must_use]
    pub fn is_of_number(self) -> bool {
        matches!(
            self,
            Self::Settings
                | Self::Status
                | Self::Script
                | Self::Stdout
                | Self::Stderr
                | Self::Download
        )
    }

    /// Whether such files lie in a handler's folder or in its data, as opposed to its logs.
    #[must_use]
    pub fn is_stored(self) -> bool {
        self.is_of_number() || self == Self::State
    }
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

/// Folder names that collectors make and that name no host.
const COLLECTORS_WORDS: [&str; 36] = [
    "",
    ".",
    "root",
    "[root]",
    "c",
    "c:",
    "d",
    "%5broot%5d",
    "c%3a",
    "uploads",
    "auto",
    "ntfs",
    "mft",
    "file",
    "files",
    "triage",
    "collection",
    "collected",
    "evidence",
    "export",
    "exports",
    "logs",
    "log",
    "live_response",
    "boot-diagnostics",
    "bootdiagnostics",
    "device_0",
    "sys",
    "fs",
    "filesystem",
    "image",
    "mnt",
    "disk",
    "output",
    "data",
    "artifacts",
];

/// The folders in which a guest keeps what matters here, as (path, system). A path's root ends before the first of them.
const ANCHORS: [(&[&str], Os); 11] = [
    (&["var", "log"], Os::Linux),
    (&["var", "lib", "waagent"], Os::Linux),
    (&["var", "lib"], Os::Linux),
    (&["home"], Os::Linux),
    (&["etc"], Os::Linux),
    (&["run"], Os::Linux),
    (&["packages", "plugins"], Os::Windows),
    (&["windowsazure"], Os::Windows),
    (&["windows", "system32"], Os::Windows),
    (&["programdata"], Os::Windows),
    (&["users"], Os::Windows),
];

/// Handlers whose family is known, by a part of their folded name.
const HANDLERS: [(&str, Family); 6] = [
    (
        "microsoft.cplat.core.runcommandhandlerlinux",
        Family::Managed,
    ),
    (
        "microsoft.cplat.core.runcommandhandlerwindows",
        Family::Managed,
    ),
    ("microsoft.cplat.core.runcommandlinux", Family::Action),
    ("microsoft.cplat.core.runcommandwindows", Family::Action),
    ("customscript", Family::Extension),
    ("microsoft.", Family::Extension),
];

/// The family of a handler by its full name.
#[must_use]
pub fn family_of(handler: &str) -> Option<Family> {
    let folded = handler.to_ascii_lowercase();
    HANDLERS
        .iter()
        .find(|(part, _)| folded.contains(part))
        .map(|(_, family)| *family)
}

/// `<full name>-<version>` taken apart at the last `-` that digits and dots follow.
#[must_use]
pub fn name_and_version(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('-') {
        Some((name, version))
            if version.contains('.')
                && version
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            (name, Some(version))
        }
        _ => (text, None),
    }
}

/// A handler's full name without the managed run-command name behind it, and that name.
#[must_use]
pub fn handler_and_name(full: &str) -> (&str, Option<&str>) {
    const MULTI: [&str; 2] = [
        "Microsoft.CPlat.Core.RunCommandHandlerLinux",
        "Microsoft.CPlat.Core.RunCommandHandlerWindows",
    ];
    for handler in MULTI {
        let same = full
            .get(..handler.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(handler));
        if let Some(name) = full
            .get(handler.len()..)
            .filter(|_| same)
            .and_then(|rest| rest.strip_prefix('.'))
        {
            return (
                full.get(..handler.len()).unwrap_or(full),
                Some(name).filter(|name| !name.is_empty()),
            );
        }
    }
    (full, None)
}

fn decoded(segment: &str) -> Cow<'_, str> {
    // Velociraptor writes what a file system may refuse as %XX.
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let shown = segment
        .replace("%5B", "[")
        .replace("%5D", "]")
        .replace("%3A", ":")
        .replace("%2F", "/")
        .replace("%20", " ");
    Cow::Owned(shown)
}

impl Layout {
    /// Reads a path with `/` or `\` between segments.
    #[must_use]
    pub fn of(path: &str) -> Self {
        // A container's name is the collector's; what it holds is the guest's.
        let parts: Vec<Cow<'_, str>> = path.split(['/', '\\']).map(decoded).collect();
        // Folded as a whole: paths are many, and nearly none has escapes.
        let lower = path.to_ascii_lowercase();
        let folded: Vec<Cow<'_, str>> = if path.contains('%') {
            let folded = parts.iter().map(|part| part.to_ascii_lowercase());
            folded.map(Cow::Owned).collect()
        } else {
            lower.split(['/', '\\']).map(Cow::Borrowed).collect()
        };
        let mut layout = Self {
            file_name: parts.last().map_or_else(String::new, ToString::to_string),
            ..Self::default()
        };
        let anchor = (0..folded.len()).find_map(|at| {
            ANCHORS
                .iter()
                .find(|(anchor, _)| {
                    folded.get(at..at + anchor.len()).is_some_and(|have| {
                        have.iter().zip(*anchor).all(|(have, want)| have == want)
                    })
                })
                .map(|(_, os)| (at, *os))
        });
        let own = match anchor {
            Some((at, os)) => {
                layout.os = Some(os);
                at
            }
            // A cut collection: the handler's folder, or its parts, without what was above them.
            None => folded
                .iter()
                .position(|part| is_cut_root(part))
                .unwrap_or(folded.len().saturating_sub(1)),
        };
        layout.take_root(parts.get(..own).unwrap_or(&[]));
        let rest = parts.get(own..).unwrap_or(&[]);
        let rest_folded = folded.get(own..).unwrap_or(&[]);
        layout.take_handler(rest, rest_folded);
        layout.take_role(rest, rest_folded);
        if layout.role == Role::Unknown && anchor.is_none() && layout.handler.is_none() {
            layout.os = None;
        }
        layout
    }

    fn take_root(&mut self, root: &[Cow<'_, str>]) {
        self.root = root.join("/");
        let host = root.iter().rev().find(|part| {
            let word = part.to_ascii_lowercase();
            let word = word.strip_suffix('!').unwrap_or(&word);
            !COLLECTORS_WORDS.contains(&word) && !word.starts_with("collection-")
        });
        self.host = host.map(|part| {
            let name: &str = part.strip_suffix('!').unwrap_or(part);
            // `web01.zip!`, `uac-web01-linux-20240501.tar.gz!`: the archive is often named after its host.
            let stem = [".tar.gz", ".tgz", ".zip", ".tar", ".gz", ".7z"]
                .iter()
                .find_map(|ending| {
                    let cut = name.len().checked_sub(ending.len())?;
                    name.get(cut..)
                        .filter(|have| have.eq_ignore_ascii_case(ending))?;
                    name.get(..cut)
                });
            let stem = stem.unwrap_or(name);
            stem.strip_prefix("uac-")
                .and_then(|rest| rest.split("-linux").next())
                .unwrap_or(stem)
                .to_owned()
        });
    }

    /// Handler, version and family from `…/<handler>-<ver>/…`, `…/Plugins/<handler>/<ver>/…`, `…/log/azure/<handler>/…` or a data folder.
    fn take_handler(&mut self, parts: &[Cow<'_, str>], folded: &[Cow<'_, str>]) {
        for (at, part) in folded.iter().enumerate() {
            let own = parts.get(at).map_or("", AsRef::as_ref);
            if part.starts_with("microsoft.") || part.contains(".customscript") {
                let (handler, version) = name_and_version(own);
                self.handler = Some(handler.to_owned());
                self.family = family_of(handler);
                let below = parts.get(at + 1).filter(|below| {
                    below
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
                        && below.contains('.')
                });
                let below = below.map(AsRef::as_ref);
                self.version = version.or(below).map(str::to_owned);
                return;
            }
            self.family = match part.as_ref() {
                "run-command" => Some(Family::Action),
                "run-command-handler" | "run-command-handler-runas" => Some(Family::Managed),
                "custom-script" => Some(Family::Extension),
                "immediatedownload" => Some(Family::Immediate),
                _ => self.family,
            };
        }
    }

    fn take_role(&mut self, parts: &[Cow<'_, str>], folded: &[Cow<'_, str>]) {
        let file = folded.last().map_or("", AsRef::as_ref);
        let own_file = parts.last().map_or("", AsRef::as_ref);
        let has = |name: &str| folded.iter().any(|part| part == name);
        let stem = file.trim_end_matches(".gz");
        if let Some((stem, role)) = own_file
            .strip_suffix(".settings")
            .map(|stem| (stem, Role::Settings))
            .or_else(|| {
                own_file
                    .strip_suffix(".status")
                    .map(|stem| (stem, Role::Status))
            })
        {
            self.role = role;
            self.take_stem(stem);
        } else if let Some(at) = folded.iter().position(|part| {
            part == "download" || part == "immediatedownload" || part == "downloads"
        }) {
            self.take_download(
                parts.get(at + 1..).unwrap_or(&[]),
                folded
                    .get(at)
                    .is_some_and(|part| part == "immediatedownload"),
            );
        } else if file == "mrseq"
            || file == "pidstart"
            || own_file.ends_with(".mrseq")
            || own_file.ends_with(".pidstart")
        {
            self.role = Role::State;
            self.name = own_file.rsplit_once('.').map(|(name, _)| name.to_owned());
        } else if file.ends_with("handlerstate")
            || matches!(
                file,
                "handlerstatus" | "handlerenvironment.json" | "handlermanifest.json"
            )
        {
            self.role = Role::State;
            self.name = own_file
                .rsplit_once('.')
                .map(|(name, _)| name.to_owned())
                .filter(|_| file.ends_with(".handlerstate"));
        } else if stem.starts_with("waagent.log") || stem.starts_with("waappagent") {
            self.role = Role::AgentLog;
        } else if stem.starts_with("commandexecution") {
            self.role = Role::CommandExecutionLog;
            let name = own_file
                .strip_suffix(".log")
                .and_then(|stem| stem.split_once('_'))
                .map(|(_, name)| name.to_owned());
            self.name = name;
        } else if stem == "handler.log"
            || stem.starts_with("immediateruncommandservice")
            || stem.ends_with("handler.log")
        {
            self.role = Role::HandlerLog;
            if stem.starts_with("immediate") {
                self.family = Some(Family::Immediate);
            }
        } else if has("history")
            || matches!(
                file,
                "vmsettings.json" | "extensionsconfig.xml" | "goalstate.xml"
            )
        {
            self.role = Role::GoalState;
        } else if has("events") && (file.ends_with(".tld") || file.ends_with(".json")) {
            self.role = Role::Telemetry;
        } else if has("var") && has("log") {
            self.role = Role::SystemLog;
        }
    }

    /// `<seq>` or `<name>.<seq>`.
    fn take_stem(&mut self, stem: &str) {
        let (name, number) = stem
            .rsplit_once('.')
            .map_or((None, stem), |(name, number)| (Some(name), number));
        self.sequence = number.parse().ok();
        if self.sequence.is_some() {
            self.name = name.map(str::to_owned);
        }
        if name.is_some() && self.sequence.is_some() && self.family.is_none() {
            self.family = Some(Family::Managed);
        }
    }

    /// What follows `download/`: `<seq>/<file>`, or `<name>/<seq>/<file>`.
    fn take_download(&mut self, below: &[Cow<'_, str>], immediate: bool) {
        // `script35.ps1`: the file is named after the number.
        if let [file] = below {
            self.role = Role::Download;
            let folded = file.to_ascii_lowercase();
            let number = folded
                .strip_prefix("script")
                .and_then(|rest| rest.strip_suffix(".ps1"))
                .and_then(|number| number.parse().ok());
            if number.is_some() {
                self.sequence = number;
                self.role = Role::Script;
            } else if self.family == Some(Family::Managed)
                && let Some(stem) = file.strip_suffix(".ps1")
            {
                self.take_stem(stem);
                if self.sequence.is_some() {
                    self.role = Role::Script;
                }
            }
            return;
        }
        let (name, sequence, file) = match below {
            [sequence, file] => (None, sequence, file),
            [name, sequence, file] => (Some(name), sequence, file),
            [sequence, .., file] => (None, sequence, file),
            _ => return,
        };
        let Ok(sequence) = sequence.parse() else {
            return;
        };
        self.sequence = Some(sequence);
        self.name = name.map(ToString::to_string);
        self.role = match file.to_ascii_lowercase().as_str() {
            "stdout" => Role::Stdout,
            "stderr" => Role::Stderr,
            "script.sh" => Role::Script,
            name if name.starts_with("script")
                && (name.ends_with(".ps1") || name.ends_with(".sh")) =>
            {
                Role::Script
            }
            // Only scripts are fetched by a command that runs them; what else lies there is data.
            name if self.family == Some(Family::Extension) && name.ends_with(".ps1") => {
                Role::Script
            }
            _ => Role::Download,
        };
        if immediate {
            self.family = Some(Family::Immediate);
        }
        if self.family.is_none() {
            self.family = Some(if self.name.is_some() {
                Family::Managed
            } else {
                Family::Action
            });
        }
    }
}

/// Folders that a cut collection may begin with.
fn is_cut_root(part: &str) -> bool {
    const NAMES: [&str; 9] = [
        "run-command",
        "run-command-handler",
        "custom-script",
        "waagent",
        "config",
        "status",
        "download",
        "runtimesettings",
        "history",
    ];
    NAMES.contains(&part) || (part.starts_with("microsoft.") && part.len() > 20)
}

#[cfg(test)]
mod tests;
