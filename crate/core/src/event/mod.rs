//! The event: what a reader makes of a record, and the columns that hold millions of them.
//!
//! A reader fills an [`Event`] and gives it to a [`sink::Sink`], which interns its text into an
//! [`batch::EventBatch`] (columns of numbers). Batches travel from reader workers to the case as
//! bytes and are merged by re-numbering their strings; there each [`column::Column`] is packed, and so are [`facts::Facts`]. What reconstruction needs beyond the columns
//! travels as a [`fact::Fact`] beside the event.
//!
//! The event holds no copy of the record: only where it is. Its fields and its one-line summary are
//! made by reading the record again (the sink's *detail* mode), so what the analyst sees is the
//! evidence.
//!
//! Rejected: a map of fields per event. It costs a kilobyte each, and most are never looked at.

pub mod batch;
pub mod column;
pub mod fact;
pub mod facts;
pub mod held;
pub mod intern;
mod packed;
pub mod sink;
pub mod sparse;

use crate::time::Stamp;
use fact::Fact;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

macro_rules! words {
    ($(#[doc = $about:literal])+ $type:ident { $($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $type { $($(#[doc = $doc])+ $name,)+ }

        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word of the case document.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The value with this number; the first one where there is none.
            #[must_use]
            pub fn from_number(number: u8) -> Self {
                let first = [$(Self::$name,)+];
                Self::ALL.get(usize::from(number)).copied().unwrap_or(first[0])
            }
        }
    };
}

words! {
    /// What kind of thing happened.
    EventKind {
        /// A control-plane operation in the Activity Log.
        CloudOperation = "cloud.operation",
        /// A diagnostic record of another category.
        CloudResourceLog = "cloud.resource-log",
        /// An Entra sign-in.
        SignIn = "identity.sign-in",
        /// An Entra directory change.
        DirectoryAudit = "identity.audit",
        /// An Entra risk detection.
        IdentityRisk = "identity.risk",
        /// An alert of a security product.
        Alert = "alert",
        /// A behaviour-analytics row.
        Behaviour = "behaviour",
        /// A network flow.
        Flow = "flow",
        /// A line of the guest agent.
        GuestAgent = "guest.agent",
        /// A line of an extension's handler.
        GuestHandler = "guest.handler",
        /// A status file.
        GuestStatus = "guest.status",
        /// A settings file.
        GuestSettings = "guest.settings",
        /// A delivered script.
        GuestScript = "guest.script",
        /// What a script wrote.
        GuestOutput = "guest.output",
        /// A small state file of an extension.
        GuestState = "guest.state",
        /// A goal-state document.
        GuestGoalState = "guest.goal-state",
        /// A telemetry event of agent or extension.
        GuestTelemetry = "guest.telemetry",
        /// What the caller was told of a run.
        RunResult = "run-result",
        /// A line of the system log.
        SystemLog = "system.log",
        /// A log-on, session or account fact.
        Authentication = "system.authentication",
        /// A process start.
        ProcessStart = "process.start",
        /// A process end.
        ProcessEnd = "process.end",
        /// A file created, changed or removed.
        File = "file",
        /// A PowerShell command or script block.
        PowerShell = "powershell",
        /// A network connection seen by an endpoint.
        Network = "network",
        /// Any other audit record.
        Audit = "audit",
        /// Any other Windows event.
        WindowsEvent = "windows.event",
        /// A container of other evidence.
        Archive = "archive",
        /// A line of a manifest.
        Manifest = "manifest",
    }
}

words! {
    /// How it ended, where the record says.
    Outcome {
        /// The record does not say.
        None = "",
        /// Received.
        Started = "started",
        /// Accepted, still running.
        Accepted = "accepted",
        /// Done.
        Succeeded = "succeeded",
        /// Refused or failed.
        Failed = "failed",
        /// The record says something else.
        Unknown = "unknown",
        /// A flow was let through.
        Allowed = "allowed",
        /// A flow was refused.
        Denied = "denied",
    }
}

/// One field of a record, for the analyst's eyes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name, dotted where the record nests.
    pub name: String,
    /// Value as text.
    pub value: String,
}

/// What a reader makes of one record. Text is borrowed from the record where it can be.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// When; `None` where the record gives no time.
    pub time: Option<Stamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// The guest it happened on, as the record names it.
    pub host: Option<Cow<'a, str>>,
    /// Who did it.
    pub actor: Option<Cow<'a, str>>,
    /// From which address.
    pub ip: Option<Cow<'a, str>>,
    /// To what: a resource id, a path, a unit.
    pub resource: Option<Cow<'a, str>>,
    /// What was done.
    pub operation: Option<Cow<'a, str>>,
    /// The id that joins records of one act.
    pub correlation: Option<Cow<'a, str>>,
    /// What reconstruction needs beyond these.
    pub fact: Option<Fact>,
    /// One line for the analyst. Filled only when [`sink::Sink::wants_detail`].
    pub summary: String,
    /// All fields of the record. Filled only when [`sink::Sink::wants_detail`].
    pub fields: Vec<Field>,
}

impl Event<'_> {
    /// An event of which only kind and time are known yet.
    #[must_use]
    pub fn new(kind: EventKind, time: Option<Stamp>) -> Self {
        Self {
            kind,
            time,
            outcome: Outcome::None,
            host: None,
            actor: None,
            ip: None,
            resource: None,
            operation: None,
            correlation: None,
            fact: None,
            summary: String::new(),
            fields: Vec::new(),
        }
    }

    /// Adds a field for the analyst.
    pub fn field(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.fields.push(Field {
            name: name.into(),
            value: value.into(),
        });
    }
}
