//! Queries of the detectors that join operations with the files and processes of their guests.
//!
//! Example: `script-file-join` becomes a join of successful run commands with the script files that a handler wrote on a machine of the VM's name
//! while they ran.
//!
//! Rejected: pairing files and operations one to one. No query language solves an assignment; the note says that a busy minute shows each file
//! beside each operation.

use super::activity::{DAYS, Wanted, again, esql_since, kql_operations, kql_since};
use super::asked::Asked;
use super::literal::{esql_list, kql_list};
use super::scripts::{PROCESS_ELASTIC, STARTED_ESQL, STARTED_KQL};
use super::{Ask, DEFENDER, Hunt, Variant};

const FILES: &[&str] = &["DeviceFileEvents"];
const FILES_ELASTIC: &[&str] = &["logs-endpoint.events.file-*"];
const PROCESSES: &[&str] = &["DeviceProcessEvents"];
const CONNECTED: &str = "The Sentinel query joins both tables; in the Defender portal it runs where the workspace is connected.";
const STREAMED: &str = "Needs the Device tables streamed into the workspace.";
const BY_NAME: &str = "Guest and VM are joined by their names alone; the case uses more, and corrects the guest's clock.";

/// A script that a handler of Run Command wrote.
const SCRIPT_FILE_KQL: &str = r#"ActionType in ("FileCreated", "FileModified") and (FolderPath matches regex @"(?i)\\RunCommand(?:Handler)?Windows\\[^\\]+\\Downloads\\(?:.*\\)?script\d*\.ps1$" or FolderPath matches regex @"^/var/lib/waagent/run-command(?:-handler)?/download/.*/script\.sh$")"#;
/// The same in Elastic's fields.
const SCRIPT_FILE_ESQL: &str = r#"(file.path RLIKE ".*RunCommand(Handler)?Windows.*Downloads.*script[0-9]*\\.ps1" OR file.path RLIKE "/var/lib/waagent/run-command(-handler)?/download/.*/script\\.sh")"#;

/// What a run of this script, or on this guest, looks like again.
fn files_again(asked: &Asked<'_>, hunt: &mut Hunt) {
    if !asked.hashes.is_empty() {
        let (since, list) = (
            kql_since(asked),
            kql_list(asked.hashes.iter().map(String::as_str)),
        );
        hunt.defender(Ask::again(
            "This script's file on any machine",
            FILES,
            format!(
                r"{since}
let scripts = {list};
DeviceFileEvents
| where Timestamp >= since and SHA256 in (scripts)
| project Timestamp, DeviceName, ActionType, FolderPath, SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine
| sort by Timestamp asc"
            ),
        ));
        let (since, list) = (
            esql_since(asked),
            esql_list(asked.hashes.iter().map(String::as_str)),
        );
        hunt.elastic(
            Ask::again(
                "This script's file on any machine",
                FILES_ELASTIC,
                format!(
                    r"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= {since}
| WHERE file.hash.sha256 IN {list}
| KEEP @timestamp, host.name, event.action, file.path, file.hash.sha256, process.name, user.name
| SORT @timestamp"
                ),
            )
            .note("The sensor hashes files only where it is told to: without `file.hash.sha256` it finds nothing."),
        );
    }
}

/// Detector 16.
pub(super) fn file_join(asked: &Asked<'_>, hunt: &mut Hunt) {
    files_again(asked, hunt);
    let tolerance = asked.settings.endpoint.file_join.tolerance_seconds;
    let operations = kql_operations(&Wanted::run_commands(true), "since - tolerance");
    hunt.sentinel(
        Ask::pattern(
            "Script files written while a run command ran",
            &["AzureActivity", "DeviceFileEvents"],
            format!(
                r#"let since = ago({DAYS}d);
let tolerance = {tolerance}s;
{operations}
let commands = operations
    | where Outcome == "success"
    | project Machine = tostring(split(Vm, "/")[-1]), Start, End, Principal, Account, Address, Operation, CorrelationId;
DeviceFileEvents
| where Timestamp >= since
| where {SCRIPT_FILE_KQL}
| extend Machine = tostring(split(tolower(DeviceName), ".")[0])
| summarize Timestamp = max(Timestamp), Writers = make_set(InitiatingProcessFileName, 3) by DeviceName, Machine, FolderPath, SHA256
| join kind=inner commands on Machine
| where Timestamp between (Start - tolerance .. End + tolerance)
| project Timestamp, DeviceName, FolderPath, SHA256, Writers, Principal, Account, Address, Operation, CorrelationId
| sort by Timestamp desc"#
            ),
        )
        .note("Where several commands ran at once each file stands beside each of them; the case pairs them one to one in the order of their numbers.")
        .note(BY_NAME)
        .note(STREAMED),
    );
    hunt.none(DEFENDER, CONNECTED);
    scripts_by_host(hunt, "Script files that a run command's handler wrote");
}

/// What handlers wrote, file by file, in Elastic.
fn scripts_by_host(hunt: &mut Hunt, title: &'static str) {
    hunt.elastic(
        Ask::pattern(
            title,
            FILES_ELASTIC,
            format!(
                r"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE {SCRIPT_FILE_ESQL}
| STATS first_seen = MIN(@timestamp), writers = VALUES(process.name) BY host.name, file.path, file.hash.sha256
| SORT first_seen DESC"
            ),
        )
        .note("Shows the files; who asked for them stands in the Activity Log, which ES|QL cannot join to them by time."),
    );
}

/// Detector 17.
pub(super) fn volatility(asked: &Asked<'_>, hunt: &mut Hunt) {
    again(asked, hunt, &Wanted::run_commands(true));
    let settings = &asked.settings.endpoint.volatility;
    let (percent, least) = (settings.distinct_percent, settings.least_executions);
    let tolerance = asked.settings.endpoint.file_join.tolerance_seconds;
    let gap = settings.gap_minutes;
    let operations = kql_operations(&Wanted::run_commands(true), "since - tolerance");
    hunt.sentinel(
        Ask::pattern(
            "Episodes of run commands whose scripts differ",
            &["AzureActivity", "DeviceFileEvents"],
            format!(
                r#"let since = ago({DAYS}d);
let tolerance = {tolerance}s;
{operations}
let files = DeviceFileEvents
    | where Timestamp >= since
    | where {SCRIPT_FILE_KQL}
    | project Machine = tostring(split(tolower(DeviceName), ".")[0]), Written = Timestamp, SHA256;
operations
| where Outcome == "success"
| extend Machine = tostring(split(Vm, "/")[-1])
| join kind=inner files on Machine
| where Written between (Start - tolerance .. End + tolerance)
| sort by Principal asc, Address asc, Machine asc, Start asc
| extend Episode = row_window_session(Start, {DAYS}d, {gap}m, Principal != prev(Principal) or Address != prev(Address) or Machine != prev(Machine))
| summarize Commands = dcount(CorrelationId), Scripts = dcount(SHA256), First = min(Start), Last = max(Start) by Principal, Account, Address, Machine, Episode
| where Commands >= {least} and Scripts * 100 > Commands * {percent}
| sort by Commands desc"#
            ),
        )
        .note("Scripts are compared by the hash that the sensor reported, where the case compares their normalised text.")
        .note(BY_NAME)
        .note(STREAMED),
    );
    hunt.none(DEFENDER, CONNECTED);
    hunt.elastic(
        Ask::pattern(
            "Machines on which nearly every script differs",
            FILES_ELASTIC,
            format!(
                r"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE {SCRIPT_FILE_ESQL}
| EVAL hour = DATE_TRUNC(1 hour, @timestamp)
| STATS written = COUNT_DISTINCT(file.path), scripts = COUNT_DISTINCT(file.hash.sha256), first_seen = MIN(@timestamp) BY host.name, hour
| WHERE written >= {least} AND scripts * 100 > written * {percent}
| SORT written DESC"
            ),
        )
        .note("By machine and hour, not by principal and episode: the file does not say who asked."),
    );
}

/// Detector 18.
pub(super) fn unique(asked: &Asked<'_>, hunt: &mut Hunt) {
    files_again(asked, hunt);
    let least = asked.settings.endpoint.unique.least_executions;
    let pattern = |title| {
        Ask::pattern(
            title,
            FILES,
            format!(
                r"let since = ago({DAYS}d);
let files = DeviceFileEvents
    | where Timestamp >= since
    | where {SCRIPT_FILE_KQL}
    | summarize Timestamp = max(Timestamp) by DeviceName, FolderPath, SHA256;
let all = toscalar(files | summarize count());
files
| summarize Executions = count(), Timestamp = max(Timestamp), Machines = make_set(DeviceName, 3), Folders = make_set(FolderPath, 3) by SHA256
| where all >= {least} and Executions == 1
| sort by Timestamp desc"
            ),
        )
        .note("Compared by bytes alone: a comment or a blank more makes another script, which the case leaves out.")
    };
    hunt.sentinel(pattern("Scripts that ran once").note(STREAMED));
    hunt.defender(pattern("Scripts that ran once"));
    hunt.elastic(
        Ask::pattern(
            "Scripts that ran once",
            FILES_ELASTIC,
            format!(
                r"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE {SCRIPT_FILE_ESQL}
| STATS executions = COUNT_DISTINCT(file.path), machines = COUNT_DISTINCT(host.name), first_seen = MIN(@timestamp), folders = VALUES(file.path) BY file.hash.sha256
| WHERE executions == 1 AND machines == 1
| SORT first_seen DESC"
            ),
        )
        .note("Compared by bytes alone. How many executions there are in all is not asked: with few, every script is unique."),
    );
}

/// What a run command's script started on this guest again.
fn children_again(asked: &Asked<'_>, hunt: &mut Hunt) {
    if asked.machines.is_empty() {
        return;
    }
    let machines = || asked.machines.iter().map(String::as_str);
    let (since, list) = (kql_since(asked), kql_list(machines()));
    hunt.defender(Ask::again(
        "What run commands started on this guest",
        PROCESSES,
        format!(
            r#"{since}
let machines = {list};
DeviceProcessEvents
| where Timestamp >= since and tostring(split(tolower(DeviceName), ".")[0]) in (machines)
| where {STARTED_KQL}
| project Timestamp, DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, InitiatingProcessCommandLine, AccountName
| sort by Timestamp asc"#
        ),
    ));
    let (since, list) = (esql_since(asked), esql_list(machines()));
    hunt.elastic(Ask::again(
        "What run commands started on this guest",
        PROCESS_ELASTIC,
        format!(
            r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= {since}
| EVAL machine = MV_FIRST(SPLIT(TO_LOWER(host.name), "."))
| WHERE machine IN {list}
| WHERE {STARTED_ESQL}
| KEEP @timestamp, host.name, process.name, process.command_line, process.parent.name, user.name
| SORT @timestamp"#
        ),
    ));
}

/// Detector 19.
pub(super) fn correlation(asked: &Asked<'_>, hunt: &mut Hunt) {
    children_again(asked, hunt);
    let settings = &asked.settings.endpoint.correlation;
    let (early, most, grace) = (
        settings.early_seconds,
        settings.most_seconds,
        settings.grace_seconds,
    );
    let operations = kql_operations(&Wanted::run_commands(true), "since");
    hunt.sentinel(
        Ask::pattern(
            "Run commands followed by their script's processes",
            &["AzureActivity", "DeviceProcessEvents"],
            format!(
                r#"let since = ago({DAYS}d);
{operations}
let commands = operations
    | project Machine = tostring(split(Vm, "/")[-1]), Start, End = iff(Outcome == "pending", Start + {most}s, End + {grace}s), Principal, Account, Address, Network, Operation, CorrelationId;
DeviceProcessEvents
| where Timestamp >= since
| where {STARTED_KQL}
| extend Machine = tostring(split(tolower(DeviceName), ".")[0])
| project Timestamp, DeviceName, Machine, ProcessCommandLine
| join kind=inner commands on Machine
| where Timestamp between (Start - {early}s .. End)
| summarize arg_max(Start, *) by Timestamp, DeviceName, ProcessCommandLine
| summarize Processes = count(), First = min(Timestamp), Last = max(Timestamp), Lines = make_set(ProcessCommandLine, 20) by DeviceName, CorrelationId, Operation, Start, Principal, Account, Address, Network
| sort by Start desc"#
            ),
        )
        .note(BY_NAME)
        .note("A process counts as a script's by the name or command line of its parent alone.")
        .note(STREAMED),
    );
    hunt.none(DEFENDER, CONNECTED);
    children(hunt, "Processes that run commands' scripts started");
}

/// Children of a run command's script, by machine.
fn children(hunt: &mut Hunt, title: &'static str) {
    hunt.elastic(
        Ask::pattern(
            title,
            PROCESS_ELASTIC,
            format!(
                r"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= NOW() - {DAYS} days
| WHERE {STARTED_ESQL}
| STATS processes = COUNT(*), first_seen = MIN(@timestamp), lines = VALUES(process.command_line) BY host.name, process.parent.command_line
| SORT first_seen DESC"
            ),
        )
        .note("Who asked stands in the Activity Log, which ES|QL cannot join to processes by time. Grandchildren are not followed."),
    );
}

/// Detector 20.
pub(super) fn child(asked: &Asked<'_>, hunt: &mut Hunt) {
    children_again(asked, hunt);
    let pattern = |title| {
        Ask::pattern(
            title,
            PROCESSES,
            format!(
                r"let since = ago({DAYS}d);
DeviceProcessEvents
| where Timestamp >= since
| where {STARTED_KQL}
| summarize Timestamp = min(Timestamp), Processes = count(), Lines = make_set(ProcessCommandLine, 20) by DeviceName, InitiatingProcessId, InitiatingProcessCreationTime, InitiatingProcessCommandLine
| sort by Timestamp desc"
            ),
        )
        .note("All children are listed; which of them intruders work with is the case's judgement. Grandchildren are not followed.")
    };
    hunt.sentinel(pattern("What run commands' scripts started").note(STREAMED));
    hunt.defender(pattern("What run commands' scripts started"));
    children(hunt, "What run commands' scripts started");
}

/// Programs that intruders work with, as the detector names them.
const NOTABLE: &str = r#"("mshta.exe", "regsvr32.exe", "rundll32.exe", "installutil.exe", "msbuild.exe", "regasm.exe", "regsvcs.exe", "wscript.exe", "cscript.exe", "bitsadmin.exe", "nltest.exe", "whoami.exe", "net.exe", "net1.exe", "wmic.exe", "systeminfo.exe", "quser.exe", "arp.exe", "tasklist.exe", "certutil.exe", "powershell.exe", "pwsh.exe")"#;

/// Detector 21.
pub(super) fn descendant(asked: &Asked<'_>, hunt: &mut Hunt) {
    let machines = || asked.machines.iter().map(String::as_str);
    for variant in [Variant::ThisAgain, Variant::SamePattern] {
        let is_again = variant == Variant::ThisAgain;
        if is_again && asked.machines.is_empty() {
            continue;
        }
        let title = if is_again {
            "What the custom-script handler started on this guest"
        } else {
            "What the custom-script handler starts that intruders work with"
        };
        let (since, on) = if is_again {
            let list = kql_list(machines());
            (
                format!("{}\nlet machines = {list};", kql_since(asked)),
                r#" and tostring(split(tolower(DeviceName), ".")[0]) in (machines)"#,
            )
        } else {
            (format!("let since = ago({DAYS}d);"), "")
        };
        let ask = || {
            let ask = Ask::pattern(
                title,
                PROCESSES,
                format!(
                    r#"{since}
DeviceProcessEvents
| where Timestamp >= since{on}
| where InitiatingProcessFileName =~ "CustomScriptHandler.exe" or InitiatingProcessParentFileName =~ "CustomScriptHandler.exe"
| where FileName in~ {NOTABLE}
| project Timestamp, DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, InitiatingProcessCommandLine, InitiatingProcessParentFileName, AccountName
| sort by Timestamp desc"#
                ),
            );
            Ask { variant, ..ask }.note("Children and grandchildren of the handler, at any time after its start; the case follows descendants of any depth within the window, and wants certutil to fetch or decode and PowerShell to be obfuscated.")
        };
        hunt.defender(ask());
        if !is_again {
            hunt.sentinel(ask().note(STREAMED));
        }
        let (since, on) = if is_again {
            let list = esql_list(machines());
            (
                esql_since(asked),
                format!(
                    "\n| EVAL machine = MV_FIRST(SPLIT(TO_LOWER(host.name), \".\"))\n| WHERE machine IN {list}"
                ),
            )
        } else {
            (format!("NOW() - {DAYS} days"), String::new())
        };
        let ask = Ask::pattern(
            title,
            PROCESS_ELASTIC,
            format!(
                r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= {since}{on}
| WHERE process.parent.name == "CustomScriptHandler.exe" OR process.parent.executable LIKE "*Microsoft.Compute.CustomScriptExtension*"
| WHERE process.name IN {NOTABLE}
| KEEP @timestamp, host.name, process.name, process.command_line, process.parent.name, process.parent.executable, user.name
| SORT @timestamp DESC"#
            ),
        );
        hunt.elastic(
            Ask { variant, ..ask }
                .note("Children of the handler alone; the case follows descendants of any depth within the window."),
        );
    }
}
