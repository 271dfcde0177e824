//! Field names of rules, and where the case keeps what they mean.
//!
//! Rules name fields as their author's product spelled them: `CommandLine`, `process.command_line`, `operationName`,
//! `properties.operationNameValue`. What the case keeps of every event has a [`Slot`]; a name leads to its slot by one table for each side of the
//! case. Everything else is in the record, which is read again only where nothing else settles a rule.
//!
//! ```
//! use runlens_core::sigma::field::{Slot, slot};
//! use runlens_core::sigma::source::View;
//! assert_eq!(slot(View::Cloud, "azure.activitylogs.operation_name"), Slot::Operation);
//! assert_eq!(slot(View::Process, "OriginalFileName"), Slot::Record);
//! ```
//!
//! Rejected: keeping all fields of all events in memory so that no rule ever reads again. That is the evidence twice.

use super::source::View;

/// What the case keeps of an event or process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Nothing: only the record says it.
    Record,
    /// What was done.
    Operation,
    /// How it ended, in every vocabulary.
    Status,
    /// Who.
    Actor,
    /// From which address.
    Address,
    /// To what.
    Resource,
    /// Resource group of it.
    ResourceGroup,
    /// Provider of it.
    Provider,
    /// Subscription.
    Subscription,
    /// Category of the record.
    Category,
    /// Correlation id.
    Correlation,
    /// Client application.
    Application,
    /// Object id of who.
    Principal,
    /// Role by which it was allowed.
    Role,
    /// Scope of the authorization.
    Scope,
    /// Result code or word.
    Result,
    /// Risk level.
    Risk,
    /// Name of what was changed.
    TargetName,
    /// The guest.
    Host,
    /// Executable.
    Image,
    /// Command line.
    CommandLine,
    /// Parent's executable.
    ParentImage,
    /// Parent's command line.
    ParentCommandLine,
    /// Account.
    User,
    /// Integrity level.
    Integrity,
    /// Working directory.
    Directory,
    /// Process id.
    Pid,
    /// Parent's process id.
    ParentPid,
    /// Log-on session.
    Logon,
    /// Windows event id.
    EventId,
    /// Windows channel.
    Channel,
    /// Script text.
    ScriptText,
    /// Script path.
    ScriptPath,
    /// Command line of the PowerShell host.
    HostApplication,
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Destination port.
    Port,
    /// Protocol word.
    Protocol,
    /// Whether the connection went out.
    Initiated,
    /// Path of the file.
    File,
    /// Path before a renaming.
    PreviousFile,
}

impl Slot {
    /// Whether the case keeps it without its letter case, or in its own words.
    #[must_use]
    pub fn is_folded(self) -> bool {
        !matches!(
            self,
            Self::Image
                | Self::CommandLine
                | Self::ParentImage
                | Self::ParentCommandLine
                | Self::Directory
                | Self::ScriptText
                | Self::ScriptPath
                | Self::HostApplication
                | Self::File
                | Self::PreviousFile
                | Self::Pid
                | Self::ParentPid
                | Self::EventId
                | Self::Port
        )
    }
}

/// Names of slots by side of the case, without the prefixes that [`bare`] takes off.
const CLOUD: &[(Slot, &[&str])] = &[
    (
        Slot::Operation,
        &[
            "operationname",
            "operationnamevalue",
            "operationname.value",
            "operation_name",
            "operation",
            "message",
            "authorization.action",
            "identity.authorization.action",
            "event.action",
        ],
    ),
    (
        Slot::Status,
        &[
            "status",
            "status.value",
            "activitystatus",
            "activitystatusvalue",
            "resulttype",
            "result_type",
            "event.outcome",
        ],
    ),
    (
        Slot::Actor,
        &[
            "caller",
            "user",
            "username",
            "user.name",
            "identity.claims.upn",
            "initiatedby",
        ],
    ),
    (
        Slot::Address,
        &[
            "calleripaddress",
            "ipaddress",
            "clientip",
            "clientipaddress",
            "httprequest.clientipaddress",
            "source.ip",
            "source.address",
        ],
    ),
    (
        Slot::Resource,
        &[
            "resourceid",
            "_resourceid",
            "resource.id",
            "resource_id",
            "resourceuri",
        ],
    ),
    (
        Slot::ResourceGroup,
        &["resourcegroup", "resourcegroupname", "resource.group"],
    ),
    (
        Slot::Provider,
        &[
            "resourceprovider",
            "resourceprovidername",
            "resourceprovidervalue",
            "resourceprovidername.value",
        ],
    ),
    (
        Slot::Subscription,
        &["subscriptionid", "subscription_id", "cloud.account.id"],
    ),
    (
        Slot::Category,
        &[
            "category",
            "categoryvalue",
            "category.value",
            "event_category",
        ],
    ),
    (Slot::Correlation, &["correlationid", "correlation_id"]),
    (
        Slot::Application,
        &["claims.appid", "identity.claims.appid"],
    ),
    (
        Slot::Principal,
        &["claims.oid", "identity.claims.oid", "principalid", "userid"],
    ),
    (
        Slot::Role,
        &[
            "authorization.role",
            "authorization.evidence.role",
            "identity.authorization.evidence.role",
        ],
    ),
    (
        Slot::Scope,
        &["authorization.scope", "identity.authorization.scope"],
    ),
];

const AUDIT: &[(Slot, &[&str])] = &[
    (
        Slot::Operation,
        &[
            "operationname",
            "operation",
            "activity",
            "activitydisplayname",
            "operation_name",
            "message",
            "event.action",
        ],
    ),
    (
        Slot::Status,
        &["status", "result", "resulttype", "event.outcome"],
    ),
    (
        Slot::Actor,
        &[
            "initiatedby",
            "initiatedby.user.userprincipalname",
            "initiated_by.user.userprincipalname",
            "actor",
            "user",
            "username",
        ],
    ),
    (
        Slot::Address,
        &[
            "ipaddress",
            "calleripaddress",
            "initiatedby.user.ipaddress",
            "source.ip",
        ],
    ),
    (
        Slot::TargetName,
        &["targetusername", "targetname", "target"],
    ),
    (Slot::Correlation, &["correlationid"]),
];

const SIGN_IN: &[(Slot, &[&str])] = &[
    (
        Slot::Actor,
        &[
            "userprincipalname",
            "user",
            "username",
            "upn",
            "user_principal_name",
        ],
    ),
    (
        Slot::Address,
        &["ipaddress", "calleripaddress", "ip_address", "source.ip"],
    ),
    (
        Slot::Result,
        &[
            "resulttype",
            "errorcode",
            "error_code",
            "status.errorcode",
            "status.error_code",
        ],
    ),
    (Slot::Status, &["status", "event.outcome"]),
    (Slot::Application, &["appid", "app_id", "applicationid"]),
    (Slot::Principal, &["userid", "user_id"]),
    (Slot::Correlation, &["correlationid"]),
];

const RISK: &[(Slot, &[&str])] = &[
    (
        Slot::Operation,
        &["riskeventtype", "risk_event_type", "risktype"],
    ),
    (
        Slot::Actor,
        &["userprincipalname", "user", "upn", "user_principal_name"],
    ),
    (Slot::Address, &["ipaddress", "source.ip"]),
    (Slot::Risk, &["risklevel", "risk_level"]),
    (Slot::Result, &["riskstate", "risk_state"]),
];

const PROCESS: &[(Slot, &[&str])] = &[
    (
        Slot::Image,
        &["image", "newprocessname", "process.executable", "exe"],
    ),
    (
        Slot::CommandLine,
        &["commandline", "processcommandline", "process.command_line"],
    ),
    (
        Slot::ParentImage,
        &[
            "parentimage",
            "parentprocessname",
            "process.parent.executable",
        ],
    ),
    (
        Slot::ParentCommandLine,
        &["parentcommandline", "process.parent.command_line"],
    ),
    (
        Slot::User,
        &["user", "user.name", "subjectusername", "accountname"],
    ),
    (Slot::Integrity, &["integritylevel"]),
    (
        Slot::Directory,
        &["currentdirectory", "process.working_directory", "cwd"],
    ),
    (
        Slot::Pid,
        &["processid", "newprocessid", "process.pid", "pid"],
    ),
    (
        Slot::ParentPid,
        &["parentprocessid", "process.parent.pid", "ppid"],
    ),
    (Slot::Logon, &["logonid", "subjectlogonid"]),
];

const POWERSHELL: &[(Slot, &[&str])] = &[
    (
        Slot::ScriptText,
        &["scriptblocktext", "powershell.file.script_block_text"],
    ),
    (Slot::ScriptPath, &["path"]),
    (Slot::HostApplication, &["hostapplication"]),
];

const NETWORK: &[(Slot, &[&str])] = &[
    (Slot::Source, &["sourceip", "src_ip", "source.ip"]),
    (
        Slot::Destination,
        &["destinationip", "dst_ip", "destination.ip"],
    ),
    (
        Slot::Port,
        &["destinationport", "dst_port", "destination.port"],
    ),
    (Slot::Protocol, &["protocol"]),
    (Slot::Initiated, &["initiated"]),
    (Slot::Image, &["image", "process.executable"]),
    (Slot::Pid, &["processid", "process.pid"]),
];

const FILE: &[(Slot, &[&str])] = &[
    (Slot::File, &["targetfilename", "file.path"]),
    (Slot::PreviousFile, &["sourcefilename", "previousfilename"]),
    (Slot::Image, &["image", "process.executable"]),
    (Slot::Pid, &["processid", "process.pid"]),
];

const WINDOWS: &[(Slot, &[&str])] = &[];

/// A field name folded, without the prefixes that shippers put before a record.
#[must_use]
pub fn bare(name: &str) -> String {
    let mut name = name.to_lowercase();
    for prefix in [
        "azure.",
        "activitylogs.",
        "auditlogs.",
        "signinlogs.",
        "properties.",
        "event.event_data.",
        "winlog.event_data.",
        "eventdata.",
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            name = rest.to_owned();
        }
    }
    name
}

/// Where the case keeps a field.
#[must_use]
pub fn slot(view: View, name: &str) -> Slot {
    let bare = bare(name);
    let of_guest = !matches!(view, View::Cloud | View::Audit | View::SignIn | View::Risk);
    match bare.as_str() {
        "computer" | "computername" | "hostname" | "host" | "host.name" if of_guest => {
            return Slot::Host;
        }
        "eventid" | "event_id" | "event.code" | "winlog.event_id"
            if matches!(view, View::Windows | View::PowerShell) =>
        {
            return Slot::EventId;
        }
        "channel" | "winlog.channel" if matches!(view, View::Windows | View::PowerShell) => {
            return Slot::Channel;
        }
        _ => {}
    }
    let table = match view {
        View::Cloud => CLOUD,
        View::Audit => AUDIT,
        View::SignIn => SIGN_IN,
        View::Risk => RISK,
        View::Process => PROCESS,
        View::PowerShell => POWERSHELL,
        View::Network => NETWORK,
        View::File => FILE,
        View::Windows | View::Linux => WINDOWS,
    };
    table
        .iter()
        .find(|(_, names)| names.contains(&bare.as_str()))
        .map_or(Slot::Record, |(slot, _)| *slot)
}

/// Other names under which records of other tools write a field.
#[must_use]
pub fn also(bare: &str) -> &'static [&'static str] {
    match bare {
        "eventid" => &["event id", "event_id", "code"],
        "provider_name" | "providername" | "source" => &["provider", "provider_name", "sourcename"],
        "originalfilename" => &[
            "process.pe.original_file_name",
            "processversioninfooriginalfilename",
            "original_file_name",
        ],
        "company" => &["process.pe.company", "processversioninfocompanyname"],
        "description" => &[
            "process.pe.description",
            "processversioninfofiledescription",
        ],
        "product" => &["process.pe.product", "processversioninfoproductname"],
        "hashes" => &[
            "hash.sha256",
            "hash.md5",
            "hash.sha1",
            "sha256",
            "md5",
            "sha1",
        ],
        "imphash" => &["process.pe.imphash"],
        "destinationhostname" => &["remoteurl", "destination.domain"],
        "queryname" => &["dns.question.name", "query"],
        "payload" => &["payload"],
        "loggedbyservice" => &["loggedbyservice"],
        "resultdescription" => &["status.failurereason", "failurereason"],
        "clientapp" => &["clientappused"],
        "authenticationrequirement" => &["authenticationrequirement"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_in_the_wild_lead_to_what_the_case_keeps() {
        for (view, name, is) in [
            (View::Cloud, "operationName", Slot::Operation),
            (View::Cloud, "OperationNameValue", Slot::Operation),
            (View::Cloud, "properties.message", Slot::Operation),
            (
                View::Cloud,
                "azure.activitylogs.operation_name",
                Slot::Operation,
            ),
            (View::Cloud, "properties.status", Slot::Status),
            (View::Cloud, "CallerIpAddress", Slot::Address),
            (View::Cloud, "properties.entity", Slot::Record),
            (View::Audit, "properties.message", Slot::Operation),
            (View::SignIn, "ResultType", Slot::Result),
            (View::SignIn, "AuthenticationRequirement", Slot::Record),
            (View::Risk, "riskEventType", Slot::Operation),
            (View::Process, "Image", Slot::Image),
            (View::Process, "process.command_line", Slot::CommandLine),
            (View::Process, "Hashes", Slot::Record),
            (View::Process, "Computer", Slot::Host),
            (View::PowerShell, "ScriptBlockText", Slot::ScriptText),
            (View::PowerShell, "EventID", Slot::EventId),
            (View::Network, "DestinationPort", Slot::Port),
            (View::File, "TargetFilename", Slot::File),
            (
                View::Windows,
                "winlog.event_data.TargetUserName",
                Slot::Record,
            ),
            (View::Linux, "a0", Slot::Record),
        ] {
            assert_eq!(slot(view, name), is, "{view:?} {name}");
        }
    }

    #[test]
    fn no_name_has_two_slots() {
        for table in [
            CLOUD, AUDIT, SIGN_IN, RISK, PROCESS, POWERSHELL, NETWORK, FILE,
        ] {
            let mut names: Vec<&str> = table
                .iter()
                .flat_map(|(_, names)| names.iter().copied())
                .collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
