//! The facts of a case: who did what, when, and what each guest made of it.
//!
//! Everything is dated by the true clock. Nothing here knows a file format: writers (`cloud`, `linux`, `windows`) render the
//! facts, each guest through its own clock, and [`crate::truth`] states them. A story fills a world by way of
//! [`crate::plan::Plan`], which knows how long things take.
//!
//! References between facts are positions in the lists of [`World`].

use crate::instant::{Clock, Instant};
use std::collections::BTreeSet;

/// A case's facts.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The seed that everything incidental was drawn from.
    pub seed: u64,
    /// Name of the story.
    pub story: &'static str,
    /// GUID of the directory.
    pub tenant: String,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Those who call.
    pub principals: Vec<Principal>,
    /// Tokens that calls were made with.
    pub tokens: Vec<Token>,
    /// Virtual machines.
    pub machines: Vec<Machine>,
    /// Operations on the management endpoint.
    pub operations: Vec<Operation>,
    /// Executions on guests.
    pub runs: Vec<Run>,
    /// What else the guests' logs tell.
    pub remarks: Vec<Remark>,
    /// The intruder's steps.
    pub steps: Vec<Step>,
    /// Which exports were made.
    pub exports: Vec<Export>,
    /// Rows that no export has, as operation and place among its rows.
    pub lost_rows: BTreeSet<(usize, usize)>,
}

impl World {
    /// What of a run is still on its guest: neither lost, nor cleaned up by its handler, nor never kept.
    #[must_use]
    pub fn traces_of(&self, run_at: usize) -> BTreeSet<Trace> {
        let Some(run) = self.runs.get(run_at) else {
            return BTreeSet::new();
        };
        let cleaned = self.is_cleaned(run);
        let audited = self
            .machines
            .get(run.machine)
            .and_then(|machine| machine.audited_until)
            .is_some_and(|until| run.started <= until);
        Trace::on(self.platform_of(run))
            .iter()
            .copied()
            .filter(|trace| !run.lost.contains(trace))
            .filter(|trace| {
                run.family != Family::Immediate || matches!(trace, Trace::HandlerLog | Trace::Audit)
            })
            .filter(|trace| match trace {
                Trace::Settings | Trace::Status => run.removed.is_none(),
                Trace::Script | Trace::Stdout | Trace::Stderr => !cleaned,
                Trace::Audit => audited,
                Trace::HandlerLog | Trace::AgentLog | Trace::EventLog | Trace::Endpoint => true,
            })
            .collect()
    }

    /// Whether anything on the guest shows that a run took place. Settings and enable lines alone do not: they only
    /// prove that its number exists.
    #[must_use]
    pub fn is_visible(&self, run_at: usize) -> bool {
        self.traces_of(run_at)
            .iter()
            .any(|trace| !matches!(trace, Trace::Settings | Trace::AgentLog))
    }

    /// Whether a later run of the same name made the handler remove this one's folder and empty its settings: all
    /// Linux handlers but that of action run commands do.
    #[must_use]
    pub fn is_cleaned(&self, run: &Run) -> bool {
        run.family != Family::Action
            && self.platform_of(run) == Platform::Linux
            && !self.is_newest(run)
    }

    /// What the machine of a run runs.
    #[must_use]
    pub fn platform_of(&self, run: &Run) -> Platform {
        self.machines
            .get(run.machine)
            .map_or(Platform::Linux, |machine| machine.platform)
    }

    /// Whether no later run of the same machine, family and name exists.
    #[must_use]
    pub fn is_newest(&self, run: &Run) -> bool {
        !self.runs.iter().any(|other| {
            other.machine == run.machine
                && other.family == run.family
                && other.guest_name() == run.guest_name()
                && other.noticed > run.noticed
        })
    }
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its GUID.
    pub id: String,
    /// Its name.
    pub name: &'static str,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person's account.
    User,
    /// A service principal or managed identity.
    Application,
}

/// One who calls the management endpoint.
#[derive(Clone, Debug)]
pub struct Principal {
    /// User or application.
    pub kind: PrincipalKind,
    /// The user principal name; empty for an application.
    pub upn: String,
    /// Object id.
    pub object_id: String,
    /// Display name.
    pub name: &'static str,
    /// Numeric account id of a user.
    pub puid: String,
    /// Role by which the principal acts.
    pub role: Role,
    /// GUID of the role's assignment, without dashes.
    pub role_assignment: String,
}

impl Principal {
    /// What the Activity Log calls the caller.
    #[must_use]
    pub fn caller(&self) -> &str {
        match self.kind {
            PrincipalKind::User => &self.upn,
            PrincipalKind::Application => &self.object_id,
        }
    }
}

/// A built-in role.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Its name.
    pub name: &'static str,
    /// GUID of its definition, without dashes.
    pub definition: &'static str,
}

/// Owner.
pub const OWNER: Role = Role {
    name: "Owner",
    definition: "8e3af657a8ff443ca75c2fe8c4bcb635",
};
/// Contributor.
pub const CONTRIBUTOR: Role = Role {
    name: "Contributor",
    definition: "b24988ac618042a0ab8820f7382dd24c",
};
/// Virtual Machine Contributor.
pub const VM_CONTRIBUTOR: Role = Role {
    name: "Virtual Machine Contributor",
    definition: "9980e02cc2be4d7394e8173b1dc7cf3c",
};

/// The client that a token was issued to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `az`.
    CommandLine,
    /// The portal.
    Portal,
    /// Azure PowerShell.
    PowerShell,
    /// The application itself.
    Own,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Whose.
    pub principal: usize,
    /// Issued to.
    pub client: Client,
    /// When.
    pub issued: Instant,
    /// Address that obtained it; none for applications.
    pub address: Option<&'static str>,
    /// How the user had signed in (`pwd,mfa`).
    pub methods: &'static str,
    /// Token id.
    pub uti: String,
    /// Sign-in session, the same for all tokens refreshed from one sign-in.
    pub session: String,
    /// Opaque.
    pub aio: String,
    /// Application id.
    pub app_id: String,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With this HTTP status.
    Succeeded(u16),
    /// With HTTP status, error code and message.
    Failed(u16, &'static str, &'static str),
    /// The log ends before.
    Pending,
}

/// One operation on the management endpoint.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its kind.
    pub kind: &'static crate::cloud::catalogue::Kind,
    /// Subscription.
    pub subscription: usize,
    /// Full resource id, in the case of the request.
    pub resource: String,
    /// Token it was called with; none for the platform's own events.
    pub token: Option<usize>,
    /// Address that called.
    pub address: Option<&'static str>,
    /// Correlation id.
    pub correlation: String,
    /// Request received.
    pub begun: Instant,
    /// 202 or 201 given, for an asynchronous one.
    pub accepted: Option<Instant>,
    /// Done.
    pub ended: Instant,
    /// How.
    pub outcome: Outcome,
    /// What the start row keeps of the request.
    pub request_body: Option<String>,
    /// What the finishing row keeps of the answer.
    pub response_body: Option<String>,
    /// Whether the intruder did it.
    pub hostile: bool,
}

/// Which export an operation's rows may be in.
#[derive(Clone, Debug)]
pub struct Export {
    /// Path below the case's root: a file, or the folder of a tree.
    pub path: &'static str,
    /// Its shape.
    pub shape: Shape,
    /// Subscription exported.
    pub subscription: usize,
    /// From when (included).
    pub from: Instant,
    /// To when (excluded).
    pub to: Instant,
}

/// Shapes of Activity Log exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `az monitor activity-log list`: one array, newest first.
    CommandLine,
    /// Diagnostic setting to a storage account: one `PT1H.json` for each hour received.
    Diagnostic,
    /// `AzureActivity` of Log Analytics, as CSV: milliseconds.
    Table,
    /// `Get-AzActivityLog` as JSON.
    PowerShell,
    /// The portal's CSV: display names, no operation ids. It says no more than another export of the same time.
    Portal,
}

/// How a guest's system log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemLog {
    /// `/var/log/syslog` and `auth.log`, RFC 3164.
    DebianTraditional,
    /// `/var/log/syslog` and `auth.log`, ISO 8601.
    DebianIso,
    /// `/var/log/messages` and `secure`, RFC 3164.
    RedHat,
}

/// What a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// Windows Server, with process auditing, script block logging, Sysmon and an endpoint sensor.
    Windows,
}

impl Platform {
    /// Its name in the truth file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// A virtual machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Azure name and host name.
    pub name: &'static str,
    /// Resource id.
    pub resource: String,
    /// Subscription.
    pub subscription: usize,
    /// Hardware id.
    pub vm_id: String,
    /// What it runs.
    pub platform: Platform,
    /// Its clock.
    pub clock: Clock,
    /// Agent version.
    pub agent: &'static str,
    /// Whether the agent's goal-state lines carry activity and correlation ids.
    pub agent_knows_correlation: bool,
    /// Name and version of the operating system, as the agent prints it.
    pub system: &'static str,
    /// Python, as the agent of Linux prints it.
    pub python: &'static str,
    /// System log of Linux.
    pub system_log: SystemLog,
    /// When the machine first started, and each restart.
    pub boots: Vec<Instant>,
    /// When its files were collected.
    pub collected: Instant,
    /// Until when the audit log was kept; `None` where it never was.
    pub audited_until: Option<Instant>,
}

/// Families of executions, as the detector specification names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Action Run Command (v1).
    Action,
    /// Managed Run Command (v2).
    Managed,
    /// Custom Script extension.
    Extension,
    /// Immediate Run Command, which a service of the managed handler runs without the agent.
    Immediate,
}

impl Family {
    /// Its name in the case document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Managed => "managed",
            Self::Extension => "extension",
            Self::Immediate => "immediate",
        }
    }
}

/// What may be missing of a run on the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// Settings file.
    Settings,
    /// Status file.
    Status,
    /// Script in the download folder.
    Script,
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// Lines of the handler log.
    HandlerLog,
    /// Lines of the agent's logs, system log included.
    AgentLog,
    /// Records of the audit log.
    Audit,
    /// Events of Windows.
    EventLog,
    /// What the endpoint sensor sent.
    Endpoint,
}

impl Trace {
    /// Those that a platform keeps. A Windows handler keeps outputs in the status alone.
    #[must_use]
    pub const fn on(platform: Platform) -> &'static [Self] {
        match platform {
            Platform::Linux => &[
                Self::Settings,
                Self::Status,
                Self::Script,
                Self::Stdout,
                Self::Stderr,
                Self::HandlerLog,
                Self::AgentLog,
                Self::Audit,
            ],
            Platform::Windows => &[
                Self::Settings,
                Self::Status,
                Self::Script,
                Self::HandlerLog,
                Self::AgentLog,
                Self::EventLog,
                Self::Endpoint,
            ],
        }
    }

    /// Its name in the truth file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Status => "status",
            Self::Script => "script",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::HandlerLog => "handler-log",
            Self::AgentLog => "agent-log",
            Self::Audit => "audit",
            Self::EventLog => "event-log",
            Self::Endpoint => "endpoint",
        }
    }
}

/// The goal state that brought a run to the guest.
#[derive(Clone, Debug)]
pub struct GoalState {
    /// When the compute service created it (true clock: both are the cloud's).
    pub created: Instant,
    /// Its ETag or incarnation.
    pub number: u64,
    /// Activity id.
    pub activity: String,
    /// Correlation id: the operation's.
    pub correlation: String,
}

/// A program that a script started, for audit logs, event logs and endpoint sensors.
#[derive(Clone, Debug)]
pub struct Process {
    /// Milliseconds after the script's start.
    pub after_ms: i64,
    /// Executable.
    pub exe: &'static str,
    /// Arguments, the first being the name.
    pub arguments: Vec<String>,
}

/// Something that a script did to its machine or to the network, for logs that tell of more than programs.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Milliseconds after the script's start.
    pub after_ms: i64,
    /// Which of the run's programs did it; none: the script itself.
    pub by: Option<usize>,
    /// What.
    pub what: What,
}

/// What a deed was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A connection was made.
    Connected {
        /// To where.
        address: &'static str,
        /// To which port.
        port: u16,
        /// What was asked for, where it was HTTP.
        url: &'static str,
    },
    /// A file was made.
    Wrote {
        /// Full path.
        path: String,
    },
    /// A file was deleted.
    Deleted {
        /// Full path.
        path: String,
    },
    /// A local account was made.
    AccountMade {
        /// Its name.
        name: &'static str,
    },
    /// An account was put into a local group.
    GroupJoined {
        /// The account.
        name: &'static str,
        /// The group.
        group: &'static str,
        /// The last number of the group's id.
        group_id: u32,
    },
    /// A service was installed.
    ServiceInstalled {
        /// Its name.
        name: &'static str,
        /// Its program.
        image: &'static str,
    },
}

/// One execution on a guest.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where.
    pub machine: usize,
    /// Family.
    pub family: Family,
    /// Name: of the managed run command, or of the extension's resource.
    pub name: Option<&'static str>,
    /// Sequence number.
    pub sequence: u32,
    /// The operation that asked for it.
    pub operation: Option<usize>,
    /// The goal state that brought it.
    pub goal_state: GoalState,
    /// When the agent noticed the goal state.
    pub noticed: Instant,
    /// When the script started.
    pub started: Instant,
    /// When it ended.
    pub ended: Instant,
    /// Its exit code.
    pub exit_code: i32,
    /// The script as it lies in the download folder; for an extension, the downloaded file.
    pub script: Vec<u8>,
    /// The command of a custom script extension.
    pub command: Option<String>,
    /// Where a custom script extension fetched its file.
    pub file_uri: Option<String>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// What of it is missing on the guest.
    pub lost: BTreeSet<Trace>,
    /// When somebody emptied the file of its standard output.
    pub stdout_emptied: Option<Instant>,
    /// When the managed run command was deleted, as the agent noticed it.
    pub removed: Option<Instant>,
    /// What the script started.
    pub processes: Vec<Process>,
    /// What else it did.
    pub deeds: Vec<Deed>,
    /// Whether the handler's next version ran it: the agent updates handlers when it likes.
    pub next_version: bool,
    /// Whether the intruder's.
    pub hostile: bool,
}

/// Which log a remark stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// The general system log.
    System,
    /// The log of logins and privileges.
    Auth,
}

/// A line of a guest's system log that no run is behind.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Where.
    pub machine: usize,
    /// Which log.
    pub log: Log,
    /// When.
    pub at: Instant,
    /// `name[pid]` before the colon.
    pub tag: String,
    /// The message.
    pub text: String,
}

/// A step of the intruder.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Instant,
    /// What, in one sentence.
    pub title: &'static str,
    /// ATT&CK techniques.
    pub attack: &'static [&'static str],
    /// The operation that was it.
    pub operation: Option<usize>,
    /// The run that was it.
    pub run: Option<usize>,
}
