//! What reconstruction needs of an event beyond its columns.
//!
//! Few events carry a fact: Activity Log rows (who, with which token, by which role), and whatever
//! on a guest mentions a run (a settings file, a handler line, a status, a script). Facts hold
//! symbols and small texts; they cross from reader to case with their batch.
//!
//! Rejected: letting reconstruction re-parse records. A later stage never re-reads what an earlier
//! one decided.

use super::intern::{Renumbering, Symbol};
use crate::evidence::layout::{Family, Os};
use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// The five-vocabulary status, normalised (detectors 0.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Request received.
    Start,
    /// 202, still running.
    Accept,
    /// Done.
    Success,
    /// Refused or failed.
    Failure,
    /// Anything else.
    Other,
}

/// One Activity Log record (detectors 0.1 `cloud_row`); what the columns already hold is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudRow {
    /// Normalised status.
    pub status: Status,
    /// `eventDataId`, folded; the identity of the record across exports.
    pub event_data_id: Symbol,
    /// The instant of `/ticks/<n>` in the record's id, exact to 100 ns.
    pub ticks: Option<Instant>,
    /// Object id claim of the caller.
    pub principal: Symbol,
    /// `user`, `application` or empty: what the token says of the caller.
    pub principal_type: Symbol,
    /// Address that obtained the token (claim `ipaddr`).
    pub token_ip: Symbol,
    /// Client application id (claim `appid`).
    pub app_id: Symbol,
    /// Token id (claim `uti`), which a sign-in repeats.
    pub token_id: Symbol,
    /// Role by which it was allowed (`authorization.evidence.role`), or `authorization.role`.
    pub role: Symbol,
    /// Scope of the authorization.
    pub scope: Symbol,
    /// Category, folded (`administrative`, `policy`, …).
    pub category: Symbol,
    /// Sub-status text.
    pub sub_status: Symbol,
    /// Resource type where the export gives it apart from the id (portal CSV).
    pub resource_type: Symbol,
    /// Subscription, folded: from its own field where there is one, else from the resource id.
    pub subscription: Symbol,
    /// Last part of the resource id as the export spells it, where it has capitals: only published rules compare letters.
    pub spelled_name: Symbol,
    /// Whether `operation` is a display name because the export has no operation id.
    pub display_name_only: bool,
    /// `requestbody` and `responseBody`, where the record keeps them and its operation is one whose body matters.
    pub bodies: Vec<String>,
}

/// What a guest artifact says about one execution (detectors 0.6). Absent parts are not said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFact {
    /// Which kind of Run Command, or the extension family.
    pub family: Family,
    /// The guest's system.
    pub os: Os,
    /// Handler version where known.
    pub version: Symbol,
    /// Resource name of a managed run command, or extension name.
    pub name: Symbol,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// What is said.
    pub said: GuestSaid,
}

/// What was said about an execution. Long answers are boxed: most facts are a log line's, and there are millions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestSaid {
    /// The agent called enable (no proof of an execution).
    EnableCalled,
    /// The agent wrote the settings of this sequence number.
    SettingsUpdated,
    /// The handler began an invocation.
    HandlerStarted,
    /// The handler found the number already processed and stopped.
    AlreadyProcessed,
    /// The handler saved the number.
    SequenceSaved,
    /// The handler starts the script.
    Executing,
    /// The script ended with this exit code (0: `executed command`).
    Executed {
        /// Exit code where said.
        exit_code: Option<i64>,
        /// The handler's own error text.
        error: Option<String>,
    },
    /// The handler's `enabled` or `end`.
    HandlerEnded,
    /// A placeholder status, written before the handler ran.
    Placeholder,
    /// A status file of an enabling operation.
    Status(Box<StatusSaid>),
    /// A settings file.
    Settings(Box<SettingsSaid>),
    /// A delivered script.
    Script {
        /// Text, cut at the limit `kept_text_bytes`.
        text: String,
        /// Bytes of the whole script.
        bytes: u64,
        /// SHA-256 of the whole file in lower-case hex.
        sha256: String,
    },
    /// A part of the script as PowerShell logged it (4104); the parts of one block are joined.
    ScriptBlock {
        /// Id of the block, folded.
        block: String,
        /// Which part, from 1.
        part: i64,
        /// Of how many.
        parts: i64,
        /// Text, cut at the limit `kept_text_bytes`.
        text: String,
    },
    /// A process that runs the script was seen.
    Process,
    /// A file in the execution's folder was written.
    FileWritten,
    /// The execution's script was written.
    ScriptWritten,
    /// What the script wrote to standard output.
    Stdout {
        /// Text, cut at the limit.
        text: String,
        /// How the file ends.
        end: StreamEnd,
    },
    /// What the script wrote to standard error.
    Stderr {
        /// Text, cut at the limit.
        text: String,
        /// How the file ends.
        end: StreamEnd,
    },
    /// What the caller was told (`az vm run-command invoke`).
    Result(Box<StatusSaid>),
    /// The highest number processed (a mrseq file).
    HighestProcessed,
    /// A process id was left behind (a pidstart file); a run that ends removes it.
    LeftProcess,
    /// The handler itself was installed, updated or removed.
    HandlerChanged(HandlerChange),
    /// A password in clear text was handed to `sudo -S`. The password itself is not kept.
    SecretGiven {
        /// The account it is of.
        user: String,
        /// Its letters.
        length: u64,
        /// Tells whether two are equal; never shown.
        digest: String,
    },
    /// Any other mention of this sequence number (a status of disable or update, an uninstall).
    Mentioned,
}

/// What became of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HandlerChange {
    /// Unpacked or installed.
    Installed,
    /// The agent removes it, or was told to.
    Uninstalled,
    /// Its data or its folder was deleted.
    Deleted,
}

/// The end of an output file: what a status repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnd {
    /// Bytes of the whole file.
    pub bytes: u64,
    /// Its last 4096 bytes, what is no text replaced.
    pub tail: String,
    /// Whether the kept text is all of it.
    pub whole: bool,
}

/// What a status says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSaid {
    /// `succeeded`, `failed`, `timed-out`, `running` or `unknown`.
    pub state: RunState,
    /// Exit code where said.
    pub exit_code: Option<i64>,
    /// Start, where said.
    pub started: Option<Instant>,
    /// End, where said.
    pub ended: Option<Instant>,
    /// Standard output as far as the status keeps it.
    pub stdout: Option<String>,
    /// Standard error as far as the status keeps it.
    pub stderr: Option<String>,
    /// After a restart the handler declared the run finished, without knowing.
    pub force_closed: bool,
}

/// State of a run, in the words of the case document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RunState {
    /// Ended without error.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Stopped by a timeout.
    TimedOut,
    /// Still running when the artifact was written.
    Running,
    /// Nothing says.
    #[default]
    Unknown,
}

impl RunState {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Running => "running",
            Self::Unknown => "unknown",
        }
    }
}

/// What a settings file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsSaid {
    /// The script in clear text, where the settings carry it.
    pub script: Option<String>,
    /// Address the script is fetched from.
    pub script_uri: Option<String>,
    /// Account the script runs as.
    pub run_as_user: Option<String>,
    /// Whether the operation ends before the script does, where said.
    pub asynchronous: Option<bool>,
    /// Whether there is an encrypted part.
    pub protected: bool,
    /// The file has no bytes: an earlier execution whose settings were cleaned up.
    pub emptied: bool,
    /// The script's bytes as delivered, decoded, where the settings carry them in the clear.
    pub body: Option<String>,
    /// The handler was told to leave line ends alone.
    pub keeps_line_ends: bool,
}

/// A goal state as the agent or its history tells it: the bridge from guest to cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalStateFact {
    /// `incarnation_<n>` or `etag_<n>`.
    pub id: Symbol,
    /// Correlation id of the operation that made it.
    pub correlation: Symbol,
    /// Activity id.
    pub activity: Symbol,
    /// When the service made it, by the service's clock.
    pub created: Option<Instant>,
    /// VM name where said.
    pub vm: Symbol,
    /// Resource id parts where said.
    pub resource: Symbol,
    /// (handler name, run-command name, sequence number, script in clear text) per extension.
    pub extensions: Vec<GoalStateExtension>,
}

/// One extension inside a goal state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalStateExtension {
    /// Full handler name.
    pub handler: Symbol,
    /// Version.
    pub version: Symbol,
    /// Managed run-command name, where there is one.
    pub name: Symbol,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// Settings as far as they are in the clear.
    pub settings: SettingsSaid,
}

/// A process start or end, from whichever source (detectors 0.1 `proc`). Parts a source does not give are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFact {
    /// Process id.
    pub pid: Option<u64>,
    /// Parent's process id.
    pub parent_pid: Option<u64>,
    /// Executable.
    pub image: Symbol,
    /// Command line.
    pub command_line: Symbol,
    /// Working directory.
    pub directory: Symbol,
    /// Parent's executable.
    pub parent_image: Symbol,
    /// Parent's command line.
    pub parent_command_line: Symbol,
    /// Grandparent's executable.
    pub grandparent_image: Symbol,
    /// Account.
    pub user: Symbol,
    /// Id of the log-on session (`0x3e7` is the system's).
    pub logon: Symbol,
    /// Integrity level.
    pub integrity: Symbol,
    /// The source's own id of the process (process GUID, entity id).
    pub entity: Symbol,
    /// The same of the parent.
    pub parent_entity: Symbol,
    /// SHA-256 of the executable.
    pub sha256: Symbol,
    /// Start, where the source tells it apart from the event's time.
    pub started: Option<Instant>,
    /// Start of the parent, which tells re-used ids apart.
    pub parent_started: Option<Instant>,
    /// Exit code of a process that ended.
    pub exit_code: Option<i64>,
}

/// A file created, changed, renamed or deleted (detectors 0.1 `file_write`). What was done is the event's operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Full path.
    pub path: Symbol,
    /// Path before a renaming.
    pub previous_path: Symbol,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-256 of its content.
    pub sha256: Symbol,
    /// Process id of the writer.
    pub writer_pid: Option<u64>,
    /// Executable of the writer.
    pub writer_image: Symbol,
    /// Command line of the writer.
    pub writer_command_line: Symbol,
    /// The source's own id of the writer.
    pub writer_entity: Symbol,
}

/// A PowerShell command, script block or engine record (detectors 0.1 `ps_cmd`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerShellFact {
    /// Script or command text, cut at the limit `kept_text_bytes`.
    pub text: String,
    /// Path of the script.
    pub path: Symbol,
    /// Id that joins the parts of a block.
    pub block: Symbol,
    /// Which part, from 1.
    pub part: Option<i64>,
    /// Of how many.
    pub parts: Option<i64>,
    /// Command line of the host process.
    pub host_application: Symbol,
    /// Process id of the host.
    pub pid: Option<u64>,
}

/// One network flow tuple, or a connection that an endpoint saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFact {
    /// Source address.
    pub source: Symbol,
    /// Destination address.
    pub destination: Symbol,
    /// Destination port.
    pub port: u16,
    /// IANA protocol number (6 TCP, 17 UDP), 0 unknown.
    pub protocol: u8,
    /// Whether it came in (as opposed to went out).
    pub inbound: Option<bool>,
    /// Bytes both ways, where counted.
    pub bytes: Option<u64>,
    /// MAC address of the interface.
    pub mac: Symbol,
    /// Process id, where an endpoint saw the connection.
    pub pid: Option<u64>,
    /// Executable of that process.
    pub image: Symbol,
    /// The source's own id of that process.
    pub entity: Symbol,
}

/// What an identity log says: a sign-in, a directory change, a risk detection, a behaviour row (detectors 0.1 `signin`, `dir_audit`, `ueba`).
/// Who, when and from where are the event's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityFact {
    /// Object id of the user or service principal, folded.
    pub principal: Symbol,
    /// User principal name, folded; empty for workload identities.
    pub upn: Symbol,
    /// Client application id, folded.
    pub app_id: Symbol,
    /// Token id, which the Activity Log's `uti` claim repeats.
    pub token_id: Symbol,
    /// Result code or word as written.
    pub result: Symbol,
    /// Risk level, folded (`none`, `low`, `medium`, `high`).
    pub risk: Symbol,
    /// Object id of what was changed, folded.
    pub target: Symbol,
    /// Its name.
    pub target_name: Symbol,
    /// Behaviour insights that are true, by name, comma-joined and sorted.
    pub insights: Symbol,
    /// Investigation priority of a behaviour row.
    pub priority: Option<i64>,
    /// Application id of what was changed, folded.
    pub target_app_id: Symbol,
    /// Which log a behaviour row is drawn from.
    pub source: Symbol,
    /// Country or place of the address.
    pub location: Symbol,
}

impl IdentityFact {
    /// A fact that says nothing.
    pub const NOTHING: Self = Self {
        principal: Symbol::NONE,
        upn: Symbol::NONE,
        app_id: Symbol::NONE,
        token_id: Symbol::NONE,
        result: Symbol::NONE,
        risk: Symbol::NONE,
        target: Symbol::NONE,
        target_name: Symbol::NONE,
        insights: Symbol::NONE,
        priority: None,
        target_app_id: Symbol::NONE,
        source: Symbol::NONE,
        location: Symbol::NONE,
    };
}

/// What a manifest says of one evidence item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestLine {
    /// Path of the item.
    pub path: String,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-256 in lower-case hex.
    pub sha256: Option<String>,
}

/// A fact of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// An Activity Log record.
    Cloud(Box<CloudRow>),
    /// Something about an execution on a guest.
    Guest(Box<GuestFact>),
    /// A goal state.
    GoalState(Box<GoalStateFact>),
    /// A process.
    Process(Box<ProcessFact>),
    /// A flow.
    Flow(Box<FlowFact>),
    /// A file.
    File(Box<FileFact>),
    /// A PowerShell record.
    PowerShell(Box<PowerShellFact>),
    /// An identity record.
    Identity(Box<IdentityFact>),
    /// A line of a manifest.
    Manifest(Box<ManifestLine>),
}

impl Fact {
    /// Replaces every symbol by its number in the case.
    pub fn renumber(&mut self, map: &Renumbering) {
        let each = |symbol: &mut Symbol| *symbol = map.of(*symbol);
        match self {
            Self::Manifest(_) => {}
            Self::Cloud(row) => {
                for symbol in [
                    &mut row.event_data_id,
                    &mut row.principal,
                    &mut row.principal_type,
                    &mut row.token_ip,
                    &mut row.app_id,
                    &mut row.token_id,
                    &mut row.role,
                    &mut row.scope,
                    &mut row.category,
                    &mut row.sub_status,
                    &mut row.resource_type,
                    &mut row.subscription,
                    &mut row.spelled_name,
                ] {
                    each(symbol);
                }
            }
            Self::Guest(fact) => {
                each(&mut fact.version);
                each(&mut fact.name);
            }
            Self::GoalState(state) => {
                for symbol in [
                    &mut state.id,
                    &mut state.correlation,
                    &mut state.activity,
                    &mut state.vm,
                    &mut state.resource,
                ] {
                    each(symbol);
                }
                for extension in &mut state.extensions {
                    each(&mut extension.handler);
                    each(&mut extension.version);
                    each(&mut extension.name);
                }
            }
            Self::Process(process) => {
                for symbol in [
                    &mut process.image,
                    &mut process.command_line,
                    &mut process.directory,
                    &mut process.parent_image,
                    &mut process.parent_command_line,
                    &mut process.grandparent_image,
                    &mut process.user,
                    &mut process.logon,
                    &mut process.integrity,
                    &mut process.entity,
                    &mut process.parent_entity,
                    &mut process.sha256,
                ] {
                    each(symbol);
                }
            }
            Self::Identity(fact) => {
                for symbol in [
                    &mut fact.principal,
                    &mut fact.upn,
                    &mut fact.app_id,
                    &mut fact.token_id,
                    &mut fact.result,
                    &mut fact.risk,
                    &mut fact.target,
                    &mut fact.target_name,
                    &mut fact.insights,
                    &mut fact.target_app_id,
                    &mut fact.source,
                    &mut fact.location,
                ] {
                    each(symbol);
                }
            }
            Self::Flow(flow) => {
                each(&mut flow.source);
                each(&mut flow.destination);
                each(&mut flow.mac);
                each(&mut flow.image);
                each(&mut flow.entity);
            }
            Self::File(file) => {
                for symbol in [
                    &mut file.path,
                    &mut file.previous_path,
                    &mut file.sha256,
                    &mut file.writer_image,
                    &mut file.writer_command_line,
                    &mut file.writer_entity,
                ] {
                    each(symbol);
                }
            }
            Self::PowerShell(fact) => {
                each(&mut fact.path);
                each(&mut fact.block);
                each(&mut fact.host_application);
            }
        }
    }
}
