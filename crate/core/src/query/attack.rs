//! The ATT&CK techniques that were seen, by tactic: of findings, and of indicators in scripts that ran.
//!
//! ```text
//! Execution             T1651 Cloud Administration Command  12 findings      T1059.004 Unix Shell  3 scripts
//! Credential Access     T1552.005 Cloud Instance Metadata API  1 script
//! ```
//!
//! A technique stands under each tactic that ATT&CK (release 17) gives it, as in the matrix that analysts know. One that the table does
//! not name, from a list of the analyst's, stands at the end.
//!
//! Rejected: the tactic of the indicator's group. `T1098` is persistence for one list and privilege escalation for the next; the matrix is the
//! common word.

use crate::case::Case;
use crate::severity::Severity;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Tactics in the order of the matrix.
const TACTICS: [(&str, &str); 14] = [
    ("RD", "Resource Development"),
    ("IA", "Initial Access"),
    ("EX", "Execution"),
    ("PE", "Persistence"),
    ("PR", "Privilege Escalation"),
    ("DE", "Defense Evasion"),
    ("CA", "Credential Access"),
    ("DI", "Discovery"),
    ("LM", "Lateral Movement"),
    ("CO", "Collection"),
    ("CC", "Command and Control"),
    ("XF", "Exfiltration"),
    ("IM", "Impact"),
    ("", "Of no known tactic"),
];

/// (technique, name, its tactics).
type Entry = (&'static str, &'static str, &'static str);

/// By technique.
const TECHNIQUES: [Entry; 121] = [
    ("T1003", "OS Credential Dumping", "CA"),
    ("T1003.001", "LSASS Memory", "CA"),
    ("T1003.002", "Security Account Manager", "CA"),
    ("T1003.003", "NTDS", "CA"),
    ("T1003.008", "/etc/passwd and /etc/shadow", "CA"),
    ("T1005", "Data from Local System", "CO"),
    ("T1021.001", "Remote Desktop Protocol", "LM"),
    ("T1021.002", "SMB/Windows Admin Shares", "LM"),
    ("T1021.004", "SSH", "LM"),
    ("T1021.006", "Windows Remote Management", "LM"),
    ("T1021.008", "Direct Cloud VM Connections", "LM"),
    ("T1027", "Obfuscated Files or Information", "DE"),
    ("T1027.009", "Embedded Payloads", "DE"),
    ("T1027.010", "Command Obfuscation", "DE"),
    ("T1036", "Masquerading", "DE"),
    ("T1037", "Boot or Logon Initialization Scripts", "PE PR"),
    ("T1040", "Network Sniffing", "CA DI"),
    ("T1046", "Network Service Discovery", "DI"),
    ("T1047", "Windows Management Instrumentation", "EX"),
    ("T1048", "Exfiltration Over Alternative Protocol", "XF"),
    (
        "T1048.002",
        "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol",
        "XF",
    ),
    (
        "T1048.003",
        "Exfiltration Over Unencrypted Non-C2 Protocol",
        "XF",
    ),
    ("T1053", "Scheduled Task/Job", "EX PE PR"),
    ("T1053.002", "At", "EX PE PR"),
    ("T1053.003", "Cron", "EX PE PR"),
    ("T1053.005", "Scheduled Task", "EX PE PR"),
    ("T1055", "Process Injection", "PR DE"),
    ("T1059", "Command and Scripting Interpreter", "EX"),
    ("T1059.001", "PowerShell", "EX"),
    ("T1059.004", "Unix Shell", "EX"),
    ("T1059.006", "Python", "EX"),
    ("T1059.009", "Cloud API", "EX"),
    ("T1070", "Indicator Removal", "DE"),
    ("T1070.001", "Clear Windows Event Logs", "DE"),
    ("T1070.002", "Clear Linux or Mac System Logs", "DE"),
    ("T1070.003", "Clear Command History", "DE"),
    ("T1070.004", "File Deletion", "DE"),
    ("T1070.006", "Timestomp", "DE"),
    ("T1071.001", "Web Protocols", "CC"),
    ("T1071.004", "DNS", "CC"),
    ("T1078.004", "Cloud Accounts", "IA PE PR DE"),
    ("T1082", "System Information Discovery", "DI"),
    ("T1098", "Account Manipulation", "PE PR"),
    ("T1098.001", "Additional Cloud Credentials", "PE PR"),
    ("T1098.003", "Additional Cloud Roles", "PE PR"),
    ("T1098.004", "SSH Authorized Keys", "PE PR"),
    ("T1098.005", "Device Registration", "PE PR"),
    ("T1098.007", "Additional Local or Domain Groups", "PE PR"),
    ("T1102", "Web Service", "CC"),
    ("T1105", "Ingress Tool Transfer", "CC"),
    ("T1112", "Modify Registry", "PE DE"),
    ("T1133", "External Remote Services", "IA PE"),
    ("T1136.001", "Create Local Account", "PE"),
    ("T1140", "Deobfuscate/Decode Files or Information", "DE"),
    ("T1197", "BITS Jobs", "PE DE"),
    ("T1199", "Trusted Relationship", "IA"),
    ("T1218", "System Binary Proxy Execution", "DE"),
    ("T1219", "Remote Access Tools", "CC"),
    (
        "T1222.002",
        "Linux and Mac File and Directory Permissions Modification",
        "DE",
    ),
    ("T1482", "Domain Trust Discovery", "DI"),
    ("T1484", "Domain or Tenant Policy Modification", "PR DE"),
    ("T1485", "Data Destruction", "IM"),
    ("T1486", "Data Encrypted for Impact", "IM"),
    ("T1489", "Service Stop", "IM"),
    ("T1490", "Inhibit System Recovery", "IM"),
    ("T1496", "Resource Hijacking", "IM"),
    ("T1505.003", "Web Shell", "PE"),
    ("T1528", "Steal Application Access Token", "CA"),
    ("T1529", "System Shutdown/Reboot", "IM"),
    ("T1537", "Transfer Data to Cloud Account", "XF"),
    ("T1543.002", "Systemd Service", "PE PR"),
    ("T1543.003", "Windows Service", "PE PR"),
    ("T1546", "Event Triggered Execution", "PE PR"),
    ("T1546.003", "WMI Event Subscription", "PE PR"),
    (
        "T1546.004",
        "Unix Shell Configuration Modification",
        "PE PR",
    ),
    (
        "T1546.012",
        "Image File Execution Options Injection",
        "PE PR",
    ),
    ("T1547.001", "Registry Run Keys / Startup Folder", "PE PR"),
    ("T1547.004", "Winlogon Helper DLL", "PE PR"),
    ("T1547.006", "Kernel Modules and Extensions", "PE PR"),
    ("T1548.001", "Setuid and Setgid", "PR DE"),
    ("T1548.003", "Sudo and Sudo Caching", "PR DE"),
    ("T1552", "Unsecured Credentials", "CA"),
    ("T1552.001", "Credentials In Files", "CA"),
    ("T1552.003", "Shell History", "CA"),
    ("T1552.004", "Private Keys", "CA"),
    ("T1552.005", "Cloud Instance Metadata API", "CA"),
    ("T1555.003", "Credentials from Web Browsers", "CA"),
    ("T1555.006", "Cloud Secrets Management Stores", "CA"),
    ("T1556.003", "Pluggable Authentication Modules", "PE DE CA"),
    ("T1557.001", "LLMNR/NBT-NS Poisoning and SMB Relay", "CA CO"),
    ("T1558.003", "Kerberoasting", "CA"),
    ("T1560.001", "Archive via Utility", "CO"),
    ("T1562", "Impair Defenses", "DE"),
    ("T1562.001", "Disable or Modify Tools", "DE"),
    ("T1562.002", "Disable Windows Event Logging", "DE"),
    ("T1562.004", "Disable or Modify System Firewall", "DE"),
    ("T1562.007", "Disable or Modify Cloud Firewall", "DE"),
    ("T1562.008", "Disable or Modify Cloud Logs", "DE"),
    ("T1562.012", "Disable or Modify Linux Audit System", "DE"),
    ("T1564.002", "Hidden Users", "DE"),
    ("T1564.003", "Hidden Window", "DE"),
    ("T1564.011", "Ignore Process Interrupts", "DE"),
    ("T1565.001", "Stored Data Manipulation", "IM"),
    ("T1567", "Exfiltration Over Web Service", "XF"),
    ("T1567.002", "Exfiltration to Cloud Storage", "XF"),
    ("T1569.002", "Service Execution", "EX"),
    ("T1570", "Lateral Tool Transfer", "LM"),
    ("T1572", "Protocol Tunneling", "CC"),
    ("T1574.006", "Dynamic Linker Hijacking", "PE PR DE"),
    ("T1578", "Modify Cloud Compute Infrastructure", "DE"),
    ("T1578.001", "Create Snapshot", "DE"),
    ("T1578.002", "Create Cloud Instance", "DE"),
    ("T1578.003", "Delete Cloud Instance", "DE"),
    ("T1580", "Cloud Infrastructure Discovery", "DI"),
    ("T1583.003", "Virtual Private Server", "RD"),
    ("T1606.002", "SAML Tokens", "CA"),
    ("T1611", "Escape to Host", "PR"),
    ("T1620", "Reflective Code Loading", "DE"),
    ("T1648", "Serverless Execution", "EX"),
    ("T1651", "Cloud Administration Command", "EX"),
    ("T1657", "Financial Theft", "IM"),
];

/// A technique that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Its id.
    pub technique: String,
    /// Its name; empty where the table does not know it.
    pub name: &'static str,
    /// Findings that name it.
    pub findings: usize,
    /// Runs whose script has an indicator of it.
    pub scripts: usize,
    /// The worst of the findings.
    pub severity: Option<&'static str>,
}

/// A tactic with its techniques.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tactic {
    /// Its name.
    pub tactic: &'static str,
    /// By id.
    pub techniques: Vec<Technique>,
}

/// Name and tactics of a technique.
fn known(technique: &str) -> Option<&'static Entry> {
    let at = TECHNIQUES.binary_search_by_key(&technique, |(id, ..)| *id);
    TECHNIQUES.get(at.ok()?)
}

/// The techniques that were seen, by tactic.
#[must_use]
pub fn attack(case: &Case) -> Vec<Tactic> {
    let mut seen: BTreeMap<String, (usize, usize, Option<Severity>)> = BTreeMap::new();
    for finding in case.findings() {
        for technique in finding.techniques().collect::<BTreeSet<_>>() {
            let (findings, _, worst) = seen.entry(technique.to_owned()).or_default();
            *findings += 1;
            *worst = (*worst).max(Some(finding.severity));
        }
    }
    for run in 0..case.runs().len() {
        let Some(examined) = case.examined(run) else {
            continue;
        };
        let matches = examined.matches.iter().filter(|hit| !hit.in_comment);
        let techniques: BTreeSet<&str> = matches
            .map(|hit| hit.indicator.technique.as_str())
            .filter(|technique| !technique.is_empty())
            .collect();
        for technique in techniques {
            seen.entry(technique.to_owned()).or_default().1 += 1;
        }
    }
    let cell = |technique: &str, counts: &(usize, usize, Option<Severity>)| Technique {
        technique: technique.to_owned(),
        name: known(technique).map_or("", |(_, name, _)| name),
        findings: counts.0,
        scripts: counts.1,
        severity: counts.2.map(Severity::word),
    };
    let tactics = TACTICS.iter().map(|(short, tactic)| Tactic {
        tactic,
        techniques: seen
            .iter()
            .filter(|(technique, _)| match known(technique) {
                Some((_, _, tactics)) => tactics.split(' ').any(|one| one == *short),
                None => short.is_empty(),
            })
            .map(|(technique, counts)| cell(technique, counts))
            .collect(),
    });
    tactics
        .filter(|tactic| !tactic.techniques.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{TACTICS, TECHNIQUES, known};
    use crate::script::indicator::built_in;

    #[test]
    fn the_table_is_sorted_and_knows_only_tactics_of_the_matrix() {
        assert!(TECHNIQUES.is_sorted_by(|one, next| one.0 < next.0));
        for (id, name, tactics) in &TECHNIQUES {
            assert!(!name.is_empty(), "{id}");
            for tactic in tactics.split(' ') {
                let found = TACTICS.iter().any(|(short, _)| *short == tactic);
                assert!(found && !tactic.is_empty(), "{id} {tactic}");
            }
        }
    }

    #[test]
    fn every_built_in_indicator_stands_in_the_matrix() {
        for indicator in built_in().list() {
            let technique = indicator.technique.as_str();
            assert!(known(technique).is_some(), "{} {technique}", indicator.id);
        }
    }
}
