//! Log sources: which events and processes a rule is about.
//!
//! A rule names a product, a category and a service; the case holds events by what happened, from whichever tool wrote them. One
//! table says which of them is which. A process is looked at once, however many sources saw it start, so a rule for `process_creation` runs
//! over Sysmon, the security log, auditd, Defender and Elastic alike.
//!
//! A log source that no format of evidence carries refuses the rule by name; one that is known and absent from this case leaves it not
//! assessed. Rejected: running a rule over everything where its source is unknown. Its field names would mean something else there.

use crate::evidence::layout::Os;
use crate::record::yaml::Node;

/// The side of the case that a rule looks at; each has its own field names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// The Activity Log.
    Cloud,
    /// Directory changes.
    Audit,
    /// Sign-ins.
    SignIn,
    /// Risk detections.
    Risk,
    /// Processes, from any source.
    Process,
    /// PowerShell commands and script blocks.
    PowerShell,
    /// Connections that an endpoint saw.
    Network,
    /// Files created, changed, removed.
    File,
    /// Events of Windows logs by channel and id.
    Windows,
    /// Events of a Linux guest's logs.
    Linux,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cloud,
        Self::Audit,
        Self::SignIn,
        Self::Risk,
        Self::Process,
        Self::PowerShell,
        Self::Network,
        Self::File,
        Self::Windows,
        Self::Linux,
    ];

    /// What it is for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cloud => "Activity Log records",
            Self::Audit => "Entra audit records",
            Self::SignIn => "Entra sign-ins",
            Self::Risk => "Entra risk detections",
            Self::Process => "processes",
            Self::PowerShell => "PowerShell records",
            Self::Network => "connections of an endpoint",
            Self::File => "file events",
            Self::Windows => "Windows events",
            Self::Linux => "Linux log records",
        }
    }
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The side of the case.
    pub view: View,
    /// The system, where the rule names one.
    pub os: Option<Os>,
    /// Windows channel, folded.
    pub channel: Option<&'static str>,
    /// Windows event ids; empty for any.
    pub ids: &'static [u32],
    /// The event's operation contains this.
    pub operation: &'static str,
    /// Only items of this format.
    pub format: &'static str,
}

impl Scope {
    fn of(view: View, os: Option<Os>) -> Self {
        Self {
            view,
            os,
            channel: None,
            ids: &[],
            operation: "",
            format: "",
        }
    }

    fn sysmon(ids: &'static [u32]) -> Self {
        Self {
            channel: Some(SYSMON),
            ids,
            ..Self::of(View::Windows, None)
        }
    }

    fn doing(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }
}

/// Sysmon's channel.
pub const SYSMON: &str = "microsoft-windows-sysmon/operational";
/// PowerShell's operational channel.
pub const POWERSHELL: &str = "microsoft-windows-powershell/operational";
/// The classic PowerShell log.
pub const POWERSHELL_CLASSIC: &str = "windows powershell";

/// Services of Windows and their channels.
const CHANNELS: &[(&str, &str)] = &[
    ("application", "application"),
    (
        "appxdeployment-server",
        "microsoft-windows-appxdeploymentserver/operational",
    ),
    ("bits-client", "microsoft-windows-bits-client/operational"),
    (
        "codeintegrity-operational",
        "microsoft-windows-codeintegrity/operational",
    ),
    ("dns-client", "microsoft-windows-dns-client/operational"),
    (
        "firewall-as",
        "microsoft-windows-windows firewall with advanced security/firewall",
    ),
    ("ntlm", "microsoft-windows-ntlm/operational"),
    ("powershell", POWERSHELL),
    ("powershell-classic", POWERSHELL_CLASSIC),
    ("security", "security"),
    ("sysmon", SYSMON),
    ("system", "system"),
    (
        "taskscheduler",
        "microsoft-windows-taskscheduler/operational",
    ),
    (
        "terminalservices-localsessionmanager",
        "microsoft-windows-terminalservices-localsessionmanager/operational",
    ),
    (
        "windefend",
        "microsoft-windows-windows defender/operational",
    ),
    ("winrm", "microsoft-windows-winrm/operational"),
    ("wmi", "microsoft-windows-wmi-activity/operational"),
];

/// Categories of Windows that Sysmon reports, by its ids.
const SYSMON_CATEGORIES: &[(&str, &[u32])] = &[
    ("clipboard_capture", &[24]),
    ("create_remote_thread", &[8]),
    ("create_stream_hash", &[15]),
    ("driver_load", &[6]),
    ("file_block_executable", &[27]),
    ("file_block_shredding", &[28]),
    ("file_change", &[2]),
    ("file_executable_detected", &[29]),
    ("image_load", &[7]),
    ("pipe_created", &[17, 18]),
    ("process_access", &[10]),
    ("process_tampering", &[25]),
    ("raw_access_thread", &[9]),
    ("registry_add", &[12]),
    ("registry_delete", &[12]),
    ("registry_event", &[12, 13, 14]),
    ("registry_rename", &[14]),
    ("registry_set", &[13]),
    ("sysmon_error", &[255]),
    ("sysmon_status", &[4, 16]),
    ("wmi_event", &[19, 20, 21]),
];

/// The scope of a rule's `logsource`.
///
/// # Errors
/// A sentence with the name of a log source that no evidence carries.
pub fn scope(source: Option<&Node>) -> Result<Scope, String> {
    let source = source.ok_or("a detection without logsource")?;
    let part = |name: &str| {
        let text = source.get(name).and_then(Node::text);
        text.map(str::to_lowercase).unwrap_or_default()
    };
    let (product, category, service) = (part("product"), part("category"), part("service"));
    let unknown = || {
        let named: Vec<String> = [
            ("product", &product),
            ("category", &category),
            ("service", &service),
        ]
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
        format!(
            "no kind of evidence read here is the log source {}",
            if named.is_empty() {
                "that is not named".to_owned()
            } else {
                named.join(", ")
            }
        )
    };
    let os = match product.as_str() {
        "" => None,
        "windows" => Some(Os::Windows),
        "linux" => Some(Os::Linux),
        "azure" => return azure(&category, &service).ok_or_else(unknown),
        _ => return Err(unknown()),
    };
    if !category.is_empty() {
        return by_category(&category, os).ok_or_else(unknown);
    }
    match os {
        Some(Os::Windows) if service.is_empty() => Ok(Scope::of(View::Windows, None)),
        Some(Os::Windows) => {
            let channel = CHANNELS.iter().find(|(name, _)| *name == service);
            channel
                .map(|(_, channel)| Scope {
                    channel: Some(channel),
                    ..Scope::of(View::Windows, None)
                })
                .ok_or_else(unknown)
        }
        Some(Os::Linux) if service == "auditd" => Ok(Scope {
            format: "auditd",
            ..Scope::of(View::Linux, None)
        }),
        Some(Os::Linux) => Ok(Scope::of(View::Linux, None)),
        _ => Err(unknown()),
    }
}

fn azure(category: &str, service: &str) -> Option<Scope> {
    let name = if service.is_empty() {
        category
    } else {
        service
    };
    let view = match name {
        "activitylogs" | "azureactivity" | "activitylog" | "azureactivitylogs" => View::Cloud,
        "auditlogs" | "auditlog" => View::Audit,
        "signinlogs" | "signinlog" | "signin" => View::SignIn,
        "riskdetection" | "riskdetections" | "userriskevents" => View::Risk,
        _ => return None,
    };
    Some(Scope::of(view, None))
}

fn by_category(category: &str, os: Option<Os>) -> Option<Scope> {
    let windows = os != Some(Os::Linux);
    Some(match category {
        "process_creation" => Scope::of(View::Process, os),
        "network_connection" => Scope::of(View::Network, os).doing("connection"),
        "dns_query" => Scope::of(View::Network, os).doing("query"),
        "file_event" => Scope::of(View::File, os).doing("creat"),
        "file_delete" => Scope::of(View::File, os).doing("delet"),
        "file_rename" => Scope::of(View::File, os).doing("renam"),
        "ps_script" if windows => Scope {
            ids: &[4104],
            ..Scope::of(View::PowerShell, None)
        },
        "ps_module" if windows => Scope {
            ids: &[4103],
            ..Scope::of(View::PowerShell, None)
        },
        "ps_classic_start" if windows => Scope {
            ids: &[400],
            ..Scope::of(View::PowerShell, None)
        },
        "ps_classic_provider_start" if windows => Scope {
            ids: &[600],
            ..Scope::of(View::PowerShell, None)
        },
        "ps_classic_script" if windows => Scope {
            ids: &[800],
            ..Scope::of(View::PowerShell, None)
        },
        "process_termination" if windows => Scope::sysmon(&[5]),
        other if windows => {
            let (_, ids) = SYSMON_CATEGORIES.iter().find(|(name, _)| *name == other)?;
            Scope::sysmon(ids)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::record::yaml::documents;

    fn of(text: &str) -> Result<Scope, String> {
        let tree = documents(text, &Limits::default()).remove(0).tree;
        scope(Some(&tree.unwrap()))
    }

    #[test]
    fn log_sources_in_the_wild_have_a_side_of_the_case() {
        for (text, view) in [
            ("{product: azure, service: activitylogs}", View::Cloud),
            ("{product: azure, service: auditlogs}", View::Audit),
            ("{product: azure, service: signinlogs}", View::SignIn),
            ("{product: azure, service: riskdetection}", View::Risk),
            (
                "{category: process_creation, product: windows}",
                View::Process,
            ),
            (
                "{category: process_creation, product: linux}",
                View::Process,
            ),
            ("{category: process_creation}", View::Process),
            ("{product: windows, category: ps_script}", View::PowerShell),
            ("{product: windows, service: security}", View::Windows),
            ("{product: windows, category: registry_set}", View::Windows),
            ("{product: windows}", View::Windows),
            ("{product: linux, service: auditd}", View::Linux),
            ("{product: linux, service: sshd}", View::Linux),
            (
                "{category: network_connection, product: windows}",
                View::Network,
            ),
            ("{category: file_event, product: windows}", View::File),
        ] {
            assert_eq!(of(text).map(|scope| scope.view), Ok(view), "{text}");
        }
    }

    #[test]
    fn a_source_that_no_evidence_carries_is_refused_by_its_name() {
        for text in [
            "{product: aws, service: cloudtrail}",
            "{product: azure, service: pim}",
            "{category: proxy}",
            "{product: linux, category: registry_set}",
            "{product: windows, service: made-up}",
            "{service: sshd}",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        assert_eq!(
            of("{category: proxy}"),
            Err("no kind of evidence read here is the log source category proxy".to_owned())
        );
    }
}
