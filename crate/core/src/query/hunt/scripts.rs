//! Queries of the detectors that read scripts, for what telemetry keeps of them: command lines, script blocks, hashes, and whom they talk to.
//!
//! Example: indicator `dl-sh-pipe` stands in the KQL query as the very expression that matched, since Kusto's expressions are those of the core.
//! ES|QL's know neither word edges nor classes, so there words of the indicator's group are looked for, and a note says so.
//!
//! Rejected: the script's own lines as search terms. They change from run to run, and a line of a script is where a password stands.

use super::activity::{DAYS, esql_since, kql_since};
use super::asked::Asked;
use super::literal::{esql, esql_list, kql_list, kql_verbatim};
use super::{Ask, DEFENDER, ELASTIC, Hunt, SENTINEL};
use crate::script::indicator::{Indicator, built_in};
use serde_json::Value;

/// Expressions of one query.
const MOST_EXPRESSIONS: usize = 20;

/// Processes that a run command started, in Defender's columns.
pub(super) const STARTED_KQL: &str = r#"(InitiatingProcessFileName in~ ("RunCommandExtension.exe", "run-command-extension", "run-command-handler", "run-command-shim")
        or InitiatingProcessCommandLine contains "/waagent/run-command"
        or InitiatingProcessCommandLine matches regex @"(?i)-ExecutionPolicy\s+Unrestricted\s+-File\s+\S*script\d+\.ps1")"#;
/// The same in Elastic's fields.
pub(super) const STARTED_ESQL: &str = r#"(process.parent.name IN ("RunCommandExtension.exe", "run-command-extension", "run-command-handler", "run-command-shim")
    OR process.parent.command_line LIKE "*/waagent/run-command*"
    OR process.parent.command_line RLIKE ".*[Uu]nrestricted +-[Ff]ile +.*script[0-9]+\\.ps1.*")"#;
const STARTED_NOTE: &str = "A process counts as started by a run command by the name or command line of its parent alone: grandchildren are not followed.";
pub(super) const PROCESS_ELASTIC: &[&str] = &["logs-endpoint.events.process-*"];

/// (group of indicators, words that its scripts hold).
const WORDS: [(&str, &[&str]); 12] = [
    (
        "EXE",
        &[
            "-enc",
            "frombase64string",
            "base64 -d",
            "base64 --decode",
            "invoke-expression",
            "iex ",
            "xxd -r",
            "python -c",
            "perl -e",
        ],
    ),
    (
        "DL",
        &[
            "curl ",
            "wget ",
            "invoke-webrequest",
            "downloadstring",
            "downloadfile",
            "bitsadmin",
            "certutil -urlcache",
        ],
    ),
    (
        "REV",
        &[
            "/dev/tcp/",
            "nc -e",
            "ncat ",
            "socat ",
            "ngrok",
            "chisel",
            "tcpclient",
            "bash -i",
        ],
    ),
    (
        "CRED",
        &[
            "169.254.169.254",
            "/etc/shadow",
            "mimikatz",
            "lsass",
            "ntds.dit",
            "sekurlsa",
            ".aws/credentials",
            "procdump",
        ],
    ),
    (
        "ACCT",
        &[
            "net user",
            "net localgroup",
            "useradd",
            "usermod",
            "new-localuser",
            "add-localgroupmember",
            "authorized_keys",
            "chpasswd",
        ],
    ),
    (
        "PERS",
        &[
            "crontab",
            "/etc/cron",
            "schtasks",
            "systemctl enable",
            "new-service",
            "currentversion\\run",
            "/etc/systemd/system",
            "ld.so.preload",
        ],
    ),
    (
        "DEF",
        &[
            "set-mppreference",
            "setenforce 0",
            "ufw disable",
            "iptables -f",
            "systemctl stop",
            "netsh advfirewall",
            "auditctl -e 0",
        ],
    ),
    (
        "LOG",
        &[
            "wevtutil cl",
            "clear-eventlog",
            "history -c",
            "shred ",
            "/var/log",
            "journalctl --vacuum",
            "unset histfile",
        ],
    ),
    (
        "MINE",
        &[
            "xmrig",
            "stratum+tcp",
            "minerd",
            "cryptonight",
            "monero",
            "nanopool",
        ],
    ),
    (
        "LAT",
        &[
            "psexec",
            "wmic /node",
            "invoke-command",
            "enter-pssession",
            "net view",
            "nltest",
            "nmap ",
            "sshpass",
        ],
    ),
    (
        "EXF",
        &[
            "azcopy",
            "rclone",
            "curl -t",
            "--upload-file",
            "compress-archive",
            "tar c",
            "scp ",
        ],
    ),
    (
        "RAN",
        &[
            "vssadmin delete",
            "wbadmin delete",
            "bcdedit",
            "cipher /w",
            "-encrypt",
            "gpg -c",
            "openssl enc",
        ],
    ),
];

/// The indicators of these ids, of the analyst's list first.
fn indicators<'a>(asked: &'a Asked<'_>, ids: &[String]) -> Vec<&'a Indicator> {
    let own = asked.lists.content.own.as_deref();
    let all = own
        .into_iter()
        .flat_map(|own| own.list())
        .chain(built_in().list());
    let mut found: Vec<&Indicator> = Vec::new();
    for indicator in all {
        if ids.contains(&indicator.id) && !found.iter().any(|known| known.id == indicator.id) {
            found.push(indicator);
        }
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found
}

/// `column matches regex …` of any of the expressions.
fn matches(column: &str, expressions: &[String]) -> String {
    let parts: Vec<String> = expressions
        .iter()
        .map(|re| format!("{column} matches regex {re}"))
        .collect();
    parts.join("\n        or ")
}

/// The pattern of content indicators.
fn by_indicators(asked: &Asked<'_>, hunt: &mut Hunt, title: &'static str, ids: &[String]) {
    let found = indicators(asked, ids);
    let mut expressions: Vec<String> = found
        .iter()
        .filter_map(|indicator| kql_verbatim(&indicator.re))
        .collect();
    let cut = expressions.len() > MOST_EXPRESSIONS || expressions.len() < ids.len();
    expressions.truncate(MOST_EXPRESSIONS);
    if expressions.is_empty() {
        for product in [SENTINEL, DEFENDER, ELASTIC] {
            hunt.none(product, "The indicators of this finding are not in the lists any more, so there is no pattern to ask for.");
        }
        return;
    }
    let with_cut = |ask: Ask| {
        if cut {
            ask.note("Not all of the finding's indicators stand in the query: at most 20, and only those in the lists in force.")
        } else {
            ask
        }
    };
    let line = matches("Text", &expressions);
    hunt.sentinel(with_cut(
        Ask::pattern(
            title,
            &["Event", "SecurityEvent"],
            format!(
                r#"let since = ago({DAYS}d);
union isfuzzy=true
    (Event | where TimeGenerated >= since and EventLog == "Microsoft-Windows-PowerShell/Operational" and EventID == 4104 | project TimeGenerated, Computer, Source = "4104", Text = RenderedDescription),
    (SecurityEvent | where TimeGenerated >= since and EventID == 4688 and ParentProcessName endswith @"\RunCommandExtension.exe" | project TimeGenerated, Computer, Source = "4688", Text = CommandLine)
| where {line}
| project TimeGenerated, Computer, Source, Text
| sort by TimeGenerated desc"#
            ),
        )
        .note("Windows only: script blocks of all PowerShell (4104 does not say what started it), and command lines right below the run-command handler. Linux keeps no script text in Syslog.")
        .note("The case searches what it decoded from a script as well; telemetry is searched as it is written."),
    ));
    hunt.defender(with_cut(
        Ask::pattern(
            title,
            &["DeviceProcessEvents", "DeviceEvents"],
            format!(
                r#"let since = ago({DAYS}d);
union
    (DeviceProcessEvents
    | where Timestamp >= since
    | where {STARTED_KQL}
    | project Timestamp, DeviceName, Source = "process", Text = ProcessCommandLine, SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine),
    (DeviceEvents
    | where Timestamp >= since and ActionType in ("ScriptContent", "PowerShellCommand")
    | extend Fields = parse_json(AdditionalFields)
    | project Timestamp, DeviceName, Source = ActionType, Text = coalesce(tostring(Fields.ScriptContent), tostring(Fields.Command)), SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine)
| where {line}
| sort by Timestamp desc"#
            ),
        )
        .note(STARTED_NOTE)
        .note("Script content often has no starting process, so it is searched whoever ran it. The case searches what it decoded as well."),
    ));
    let groups: Vec<&str> = found
        .iter()
        .map(|indicator| indicator.group.as_str())
        .collect();
    let words: Vec<String> = WORDS
        .iter()
        .filter(|(group, _)| groups.contains(group))
        .flat_map(|(_, words)| words.iter())
        .map(|word| format!("LOCATE(line, {}) > 0", esql(word)))
        .collect();
    if words.is_empty() {
        hunt.none(
            ELASTIC,
            "ES|QL cannot search with these expressions, and no words are known for their groups.",
        );
        return;
    }
    let words = words.join("\n    OR ");
    hunt.elastic(
        Ask::pattern(
            title,
            PROCESS_ELASTIC,
            format!(
                r"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE {STARTED_ESQL}
| EVAL line = TO_LOWER(process.command_line)
| WHERE {words}
| KEEP @timestamp, host.name, process.name, process.command_line, process.parent.name, process.parent.command_line, user.name
| SORT @timestamp DESC"
            ),
        )
        .note("Looks for words of the indicators' groups, not for the indicators: ES|QL's expressions know neither word edges nor look for a part of a line.")
        .note(STARTED_NOTE),
    );
}

/// The script's hash and the hosts that it names, anywhere.
pub(super) fn script_again(asked: &Asked<'_>, hunt: &mut Hunt) {
    let hashes = asked.hashes.iter().map(String::as_str);
    if asked.hashes.is_empty() {
        hunt.none(
            DEFENDER,
            "The script's bytes are not in the case, so its hash cannot be looked for again.",
        );
    } else {
        let since = kql_since(asked);
        let list = kql_list(hashes.clone());
        hunt.defender(
            Ask::again(
                "The same script by its hash",
                &["DeviceFileEvents", "DeviceEvents"],
                format!(
                    r#"{since}
let hashes = {list};
union
    (DeviceFileEvents
    | where Timestamp >= since and SHA256 in (hashes)
    | project Timestamp, DeviceName, ActionType, FileName, FolderPath, SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine),
    (DeviceEvents
    | where Timestamp >= since and ActionType == "ScriptContent" and SHA256 in (hashes)
    | project Timestamp, DeviceName, ActionType, FileName, FolderPath, SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine)
| sort by Timestamp asc"#
                ),
            )
            .note("A handler may change line ends before it writes a script: the hash is that of the file on the disk, where the case has it."),
        );
        let since = esql_since(asked);
        let list = esql_list(hashes);
        hunt.elastic(
            Ask::again(
                "The same script by its hash",
                &["logs-endpoint.events.file-*"],
                format!(
                    r"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= {since}
| WHERE file.hash.sha256 IN {list}
| KEEP @timestamp, host.name, event.action, file.path, file.hash.sha256, process.name, process.executable, user.name
| SORT @timestamp"
                ),
            )
            .note("Elastic Defend hashes few files: no row is no proof of absence."),
        );
    }
    if asked.contacted_addresses.is_empty() && asked.contacted_domains.is_empty() {
        hunt.none(SENTINEL, "The script names no host, and Sentinel's own tables keep no hashes of files: nothing of it can be looked for again.");
        return;
    }
    let addresses = kql_list(asked.contacted_addresses.iter().map(String::as_str));
    let domains = kql_list(asked.contacted_domains.iter().map(String::as_str));
    let since = kql_since(asked);
    hunt.sentinel(
        Ask::again(
            "Hosts that the script names, in logs of machines",
            &["Syslog", "Event", "SecurityEvent"],
            format!(
                r"{since}
let hosts = array_concat({addresses}, {domains});
union isfuzzy=true
    (Syslog | where TimeGenerated >= since and SyslogMessage has_any (hosts) | project TimeGenerated, Computer, Source = Facility, Text = SyslogMessage),
    (Event | where TimeGenerated >= since and RenderedDescription has_any (hosts) | project TimeGenerated, Computer, Source = EventLog, Text = RenderedDescription),
    (SecurityEvent | where TimeGenerated >= since and CommandLine has_any (hosts) | project TimeGenerated, Computer, Source = Activity, Text = CommandLine)
| sort by TimeGenerated asc"
            ),
        )
        .note("The hosts are those of addresses with a scheme in the script, the good ones too: strike out what you know."),
    );
    hunt.defender(
        Ask::again(
            "Hosts that the script names, in connections",
            &["DeviceNetworkEvents"],
            format!(
                r"{since}
let addresses = {addresses};
let domains = {domains};
DeviceNetworkEvents
| where Timestamp >= since
| where RemoteIP in (addresses) or RemoteUrl has_any (domains)
| project Timestamp, DeviceName, ActionType, RemoteIP, RemotePort, RemoteUrl, InitiatingProcessFileName, InitiatingProcessCommandLine, InitiatingProcessAccountName
| sort by Timestamp asc"
            ),
        )
        .note("The hosts are those of addresses with a scheme in the script, the good ones too: strike out what you know."),
    );
    let addresses = esql_list(asked.contacted_addresses.iter().map(String::as_str));
    let domains = esql_list(asked.contacted_domains.iter().map(String::as_str));
    let since = esql_since(asked);
    hunt.elastic(
        Ask::again(
            "Hosts that the script names, in connections",
            &["logs-endpoint.events.network-*"],
            format!(
                r"FROM logs-endpoint.events.network-*
| WHERE @timestamp >= {since}
| WHERE TO_STRING(destination.ip) IN {addresses} OR TO_LOWER(dns.question.name) IN {domains} OR TO_LOWER(destination.domain) IN {domains}
| KEEP @timestamp, host.name, event.action, destination.ip, destination.port, destination.domain, dns.question.name, process.name, process.executable
| SORT @timestamp"
            ),
        )
        .note("The hosts are those of addresses with a scheme in the script, the good ones too: strike out what you know."),
    );
}

/// Detector 32.
pub(super) fn content(asked: &Asked<'_>, hunt: &mut Hunt) {
    script_again(asked, hunt);
    let ids = asked.values.get("indicators").and_then(Value::as_array);
    let ids: Vec<String> = ids
        .into_iter()
        .flatten()
        .filter_map(|id| Some(id.as_str()?.to_owned()))
        .collect();
    by_indicators(
        asked,
        hunt,
        "Scripts of run commands with the same indicators",
        &ids,
    );
}

/// Indicators of what `decode` unwraps.
pub(super) const WRAPPED: [&str; 5] = [
    "exe-ps-compressed",
    "exe-ps-encoded",
    "exe-ps-frombase64",
    "exe-sh-b64-pipe",
    "exe-sh-hex-pipe",
];

/// Detector 33.
pub(super) fn decode(asked: &Asked<'_>, hunt: &mut Hunt) {
    script_again(asked, hunt);
    let ids = WRAPPED.map(str::to_owned);
    by_indicators(
        asked,
        hunt,
        "Encoded scripts that reach an interpreter",
        &ids,
    );
    for query in hunt
        .queries
        .iter_mut()
        .filter(|query| query.variant == super::Variant::SamePattern)
    {
        query.notes.push(
            "The case unwraps a script and says what is inside; the query sees the outermost wrapping alone."
                .to_owned(),
        );
    }
}

/// Detector 30.
pub(super) fn run_as_secret(asked: &Asked<'_>, hunt: &mut Hunt) {
    const SHOWN: &str =
        "The command line holds the password and is not shown; nor does the query hold it.";
    if let Some(user) = asked.value("user") {
        let (users, since) = (kql_list([user.as_str()]), kql_since(asked));
        hunt.sentinel(
            Ask::again(
                "Logons of the account whose password was exposed",
                &["Syslog"],
                format!(
                    r#"{since}
let users = {users};
Syslog
| where TimeGenerated >= since and Facility in ("auth", "authpriv")
| where SyslogMessage has_any (users) and SyslogMessage has_any ("Accepted", "session opened")
| project TimeGenerated, Computer, ProcessName, SyslogMessage
| sort by TimeGenerated asc"#
                ),
            )
            .note("The account's name may be another's on another machine."),
        );
        hunt.defender(
            Ask::again(
                "Logons of the account whose password was exposed",
                &["DeviceLogonEvents"],
                format!(
                    r"{since}
let users = {users};
DeviceLogonEvents
| where Timestamp >= since and AccountName in~ (users)
| project Timestamp, DeviceName, ActionType, LogonType, AccountDomain, AccountName, RemoteIP, RemoteDeviceName
| sort by Timestamp asc"
                ),
            )
            .note("The account's name may be another's on another machine."),
        );
        let (users, since) = (esql_list([user.as_str()]), esql_since(asked));
        hunt.elastic(
            Ask::again(
                "Logons of the account whose password was exposed",
                &["logs-system.auth-*"],
                format!(
                    r"FROM logs-system.auth-*
| WHERE @timestamp >= {since}
| WHERE user.name IN {users}
| KEEP @timestamp, host.name, event.action, event.outcome, user.name, source.ip
| SORT @timestamp"
                ),
            )
            .note("The account's name may be another's on another machine."),
        );
    }
    hunt.sentinel(
        Ask::pattern(
            "Run commands as another user",
            &["Syslog"],
            format!(
                r#"let since = ago({DAYS}d);
Syslog
| where TimeGenerated >= since and ProcessName == "sudo"
| where SyslogMessage contains "run-command-handler-runas"
| project TimeGenerated, Computer, SyslogMessage
| sort by TimeGenerated desc"#
            ),
        )
        .note("sudo logs what it ran and not what was handed to it: a row says that a password was handed over, and does not hold it."),
    );
    hunt.defender(
        Ask::pattern(
            "Passwords handed to sudo in clear text by run commands",
            &["DeviceProcessEvents"],
            format!(
                r#"let since = ago({DAYS}d);
DeviceProcessEvents
| where Timestamp >= since
| where ProcessCommandLine matches regex @"\|\s*sudo\s+(?:-\S+\s+)*-S\b"
| extend ByHandler = ProcessCommandLine contains "run-command-handler-runas" or InitiatingProcessFileName == "run-command-handler"
| project Timestamp, DeviceName, ByHandler, FileName, AccountName, InitiatingProcessFileName
| sort by ByHandler desc, Timestamp desc"#
            ),
        )
        .note(SHOWN),
    );
    hunt.elastic(
        Ask::pattern(
            "Passwords handed to sudo in clear text by run commands",
            PROCESS_ELASTIC,
            format!(
                r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE process.command_line RLIKE ".*\\| *sudo +(-[^ ]+ +)*-S.*"
| EVAL by_handler = process.command_line LIKE "*run-command-handler-runas*" OR process.parent.name == "run-command-handler"
| KEEP @timestamp, host.name, by_handler, process.name, user.name, process.parent.name
| SORT by_handler DESC, @timestamp DESC"#
            ),
        )
        .note(SHOWN),
    );
}
