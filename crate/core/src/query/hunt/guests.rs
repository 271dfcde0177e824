//! Queries of the detectors that hold a guest against the cloud, or a clock against another.
//!
//! Example: `guest-run-without-cloud-op` is an anti-join: processes that a run-command handler started, less those on a VM of a name on which a
//! successful or pending run command lies around that time.
//!
//! Rejected: joining by resource id. Endpoint telemetry names a machine by its host name; a note says what that costs.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE, Wanted, again,
    esql_operations, esql_since, kql_operations, kql_since,
};
use super::asked::Asked;
use super::literal::{esql_list, kql_list};
use super::scripts::{STARTED_ESQL, STARTED_KQL};
use super::{Ask, DEFENDER, Hunt, Variant};

/// Minutes after which an action run cannot be running any more.
const PLATFORM_MINUTES: i64 = 90;

const BY_NAME_NOTE: &str = "Guest and VM are joined by their names alone: a host name that differs from the VM's, or two VMs of one name, mislead it. The case uses more.";

/// Detector 26.
pub(super) fn interrupted(asked: &Asked<'_>, hunt: &mut Hunt) {
    let wanted = Wanted::run_commands(true);
    if asked.names.is_empty() && asked.addresses.is_empty() {
        hunt.none(
            DEFENDER,
            "The statuses that this finding rests on are on the guest's disk alone.",
        );
    } else {
        again(asked, hunt, &wanted);
    }
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Run commands that never ended in the cloud's log",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
{operations}
operations
| where Outcome == "pending" and Start < now() - {PLATFORM_MINUTES}m
| project Start, End, Principal, Account, Address, Vm, Operation, Subscription, CorrelationId
| sort by Start desc"#
            ),
        )
        .note("The case reads the status on the guest's disk, which no product collects; the query asks the cloud's side: operations older than 90 minutes without an end."),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Run commands that never ended in the cloud's log",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "pending" AND start < NOW() - {PLATFORM_MINUTES} minutes
| KEEP start, ended, principal, address, vm, operation, subscription, correlation
| SORT start DESC"#
            ),
        )
        .note("The case reads the status on the guest's disk, which no product collects; the query asks the cloud's side.")
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Programs that set a clock, with what they are given.
const SETS_CLOCK_KQL: &str = r#"(ProcessCommandLine matches regex @"(?i)\b(?:timedatectl\s+set-(?:time|ntp)|date\s+(?:-s|--set)|hwclock\s+--set|Set-Date\b|w32tm\s+/config)" or (FileName =~ "cmd.exe" and ProcessCommandLine matches regex @"(?i)/c\s+(?:date|time)\s+\d"))"#;

/// Detector 27.
pub(super) fn clock(asked: &Asked<'_>, hunt: &mut Hunt) {
    let offset = asked.settings.guest.clock.offset_seconds;
    let machines = || asked.machines.iter().map(String::as_str);
    let (kql_machines, esql_machines) = (kql_list(machines()), esql_list(machines()));
    for variant in [Variant::ThisAgain, Variant::SamePattern] {
        let again = variant == Variant::ThisAgain;
        if again && asked.machines.is_empty() {
            continue;
        }
        let since = if again {
            format!("{}\nlet machines = {kql_machines};", kql_since(asked))
        } else {
            format!("let since = ago({DAYS}d);")
        };
        let on = |column: &str| {
            if again {
                format!(" and tostring(split(tolower({column}), \".\")[0]) in (machines)")
            } else {
                String::new()
            }
        };
        let (on_computer, on_device) = (on("Computer"), on("DeviceName"));
        let ask = Ask::pattern(
            if again {
                "This guest's clock again"
            } else {
                "Guests whose clock was set, or runs ahead"
            },
            &["SecurityEvent", "Syslog"],
            format!(
                r#"{since}
let offset = {offset}s;
union isfuzzy=true
    (SecurityEvent | where TimeGenerated >= since and EventID == 4616{on_computer} | project TimeGenerated, Computer, Source = "system time changed", Ahead = timespan(null), Text = EventData),
    (Syslog | where TimeGenerated >= since{on_computer} | extend Ahead = EventTime - ingestion_time() | where Ahead >= offset
    | summarize TimeGenerated = min(TimeGenerated), Ahead = max(Ahead), Text = strcat(tostring(count()), " lines from the future") by Computer, Day = startofday(TimeGenerated)
    | project TimeGenerated, Computer, Source = "clock ahead", Ahead, Text)
| sort by TimeGenerated desc"#
            ),
        );
        hunt.sentinel(
            Ask { variant, ..ask }
                .note("Event 4616 also tells of the usual synchronisation. A clock that is behind looks like a slow collector and is not told.")
                .note("Steps back inside one log and offsets estimated from linked runs need the case."),
        );
        let ask = Ask::pattern(
            if again {
                "This guest's clock set again"
            } else {
                "Clock of a guest set by hand"
            },
            &["DeviceProcessEvents"],
            format!(
                r"{since}
DeviceProcessEvents
| where Timestamp >= since{on_device}
| where {SETS_CLOCK_KQL}
| project Timestamp, DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, InitiatingProcessCommandLine, AccountName
| sort by Timestamp desc"
            ),
        );
        hunt.defender(
            Ask { variant, ..ask }
                .note("Finds what sets a clock, not that it is off: the sensor's own times come from the same clock."),
        );
        let (since, on) = if again {
            (
                esql_since(asked),
                format!(
                    "\n| EVAL machine = MV_FIRST(SPLIT(TO_LOWER(host.name), \".\"))\n| WHERE machine IN {esql_machines}"
                ),
            )
        } else {
            (format!("NOW() - {DAYS} days"), String::new())
        };
        let ask = Ask::pattern(
            if again {
                "This guest's clock set again"
            } else {
                "Guests whose clock was set by hand, or runs ahead"
            },
            super::scripts::PROCESS_ELASTIC,
            format!(
                r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= {since}{on}
| EVAL ahead_seconds = DATE_DIFF("seconds", event.ingested, @timestamp), line = TO_LOWER(process.command_line)
| EVAL sets = line LIKE "*timedatectl set-*" OR line LIKE "date -s*" OR line LIKE "*hwclock --set*" OR line LIKE "*set-date*" OR line LIKE "*w32tm*/config*"
| WHERE sets OR ahead_seconds >= {offset}
| STATS lines = COUNT(*), ahead_seconds = MAX(ahead_seconds), commands = VALUES(process.command_line) WHERE sets, first_seen = MIN(@timestamp) BY host.name
| SORT first_seen DESC"#
            ),
        );
        hunt.elastic(
            Ask { variant, ..ask }
                .note("A clock that is behind looks like a slow agent and is not told.")
                .note("Steps back inside one log and offsets estimated from linked runs need the case."),
        );
    }
}

/// Detector 28.
pub(super) fn without_cloud(asked: &Asked<'_>, hunt: &mut Hunt) {
    let tolerance = asked.settings.guest.absence.tolerance_seconds;
    let machines = || asked.machines.iter().map(String::as_str);
    if !asked.machines.is_empty() {
        let (since, list) = (kql_since(asked), kql_list(machines()));
        hunt.defender(Ask::again(
            "What run commands started on this guest",
            &["DeviceProcessEvents"],
            format!(
                r#"{since}
let machines = {list};
DeviceProcessEvents
| where Timestamp >= since and tostring(split(tolower(DeviceName), ".")[0]) in (machines)
| where {STARTED_KQL}
| project Timestamp, DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, InitiatingProcessParentFileName, AccountName
| sort by Timestamp asc"#
            ),
        ));
        let (since, list) = (esql_since(asked), esql_list(machines()));
        hunt.elastic(Ask::again(
            "What run commands started on this guest",
            super::scripts::PROCESS_ELASTIC,
            format!(
                r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= {since}
| EVAL machine = MV_FIRST(SPLIT(TO_LOWER(host.name), "."))
| WHERE machine IN {list}
| WHERE {STARTED_ESQL}
| KEEP @timestamp, host.name, process.name, process.command_line, process.parent.name, process.parent.executable, user.name
| SORT @timestamp"#
            ),
        ));
    }
    let wanted = Wanted::run_commands(true);
    let operations = kql_operations(&wanted, "since - tolerance");
    let pattern = |title| {
        Ask::pattern(
            title,
            &["DeviceProcessEvents", "AzureActivity"],
            format!(
                r#"let since = ago({DAYS}d);
let tolerance = {tolerance}s;
{operations}
let commands = operations
    | where Outcome != "failure"
    | project Machine = tostring(split(Vm, "/")[-1]), Start, End = max_of(End, Start + {PLATFORM_MINUTES}m), Principal;
DeviceProcessEvents
| where Timestamp >= since
| where {STARTED_KQL}
| extend Machine = tostring(split(tolower(DeviceName), ".")[0])
| summarize Timestamp = min(Timestamp), Lines = make_set(ProcessCommandLine, 5) by DeviceId, DeviceName, Machine, InitiatingProcessId, InitiatingProcessCreationTime, InitiatingProcessParentFileName
| join kind=leftouter commands on Machine
| summarize Known = countif(Timestamp between (Start - tolerance .. End + tolerance)) > 0, Lines = take_any(Lines) by Timestamp, DeviceName, Machine, InitiatingProcessParentFileName
| where not(Known)
| sort by Timestamp desc"#
            ),
        )
        .note(BY_NAME_NOTE)
        .note("Gaps of the Activity Log, guests whose VM is in another subscription and clocks that are off are not told apart, where the case names the reason.")
        .note("An operation counts for 90 minutes from its start, the longest that an action may run.")
    };
    hunt.sentinel(
        pattern("Executions on guests with nothing in the cloud's log")
            .note("Needs the Device tables streamed into the workspace."),
    );
    hunt.none(DEFENDER, "The Sentinel query joins both tables; in the Defender portal it runs where the workspace is connected.");
    let filter = wanted.esql();
    hunt.elastic(
        Ask::pattern(
            "Executions on guests with nothing in the cloud's log",
            &["logs-endpoint.events.process-*", "logs-azure.activitylogs-*"],
            format!(
                r#"FROM logs-endpoint.events.process-*, logs-azure.activitylogs-*
| WHERE @timestamp >= NOW() - {DAYS} days
| EVAL operation = TO_LOWER(azure.activitylogs.operation_name), target = TO_LOWER(azure.resource.id)
| EVAL is_command = {filter}, is_run = {STARTED_ESQL}
| WHERE is_command OR is_run
| GROK target "/(virtualmachines|machines)/(?<vm_name>[^/]+)"
| EVAL machine = COALESCE(MV_FIRST(SPLIT(TO_LOWER(host.name), ".")), vm_name), around = DATE_TRUNC(2 hours, @timestamp)
| STATS runs = COUNT(*) WHERE is_run, commands = COUNT(*) WHERE is_command, first_seen = MIN(@timestamp), lines = VALUES(process.command_line) BY machine, around
| WHERE runs > 0 AND commands == 0
| SORT first_seen DESC"#
            ),
        )
        .note("Runs and commands are compared in fixed spans of two hours: a run over the edge of two looks like one without a command.")
        .note(BY_NAME_NOTE),
    );
}

/// Detector 29.
pub(super) fn without_trace(asked: &Asked<'_>, hunt: &mut Hunt) {
    let tolerance = asked.settings.guest.absence.tolerance_seconds;
    let wanted = Wanted::run_commands(true);
    again(asked, hunt, &wanted);
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Run commands that succeeded with no process on the guest",
            &["AzureActivity", "DeviceProcessEvents"],
            format!(
                r#"let since = ago({DAYS}d);
let tolerance = {tolerance}s;
{operations}
let seen = DeviceProcessEvents
    | where Timestamp >= since - tolerance
    | extend Machine = tostring(split(tolower(DeviceName), ".")[0]);
let sensed = seen | summarize FirstSensed = min(Timestamp), LastSensed = max(Timestamp) by Machine;
let runs = seen
    | where {STARTED_KQL}
    | project Machine, Run = Timestamp;
operations
| where Outcome == "success"
| extend Machine = tostring(split(Vm, "/")[-1])
| join kind=inner sensed on Machine
| where Start - tolerance >= FirstSensed and End + tolerance <= LastSensed
| join kind=leftouter runs on Machine
| summarize Runs = countif(Run between (Start - tolerance .. End + tolerance)) by Start, End, Principal, Account, Address, Vm, Machine, Operation, CorrelationId
| where Runs == 0
| sort by Start desc"#
            ),
        )
        .note("Only machines whose sensor reported before and after are judged. The case looks for logs and files of the run; the query for its processes, which a sensor may miss.")
        .note("Needs the Device tables streamed into the workspace.")
        .note(BY_NAME_NOTE),
    );
    hunt.none(DEFENDER, "The Sentinel query joins both tables; in the Defender portal it runs where the workspace is connected.");
    let filter = wanted.esql();
    hunt.elastic(
        Ask::pattern(
            "Run commands that succeeded with no process on the guest",
            &["logs-azure.activitylogs-*", "logs-endpoint.events.process-*"],
            format!(
                r#"FROM logs-azure.activitylogs-*, logs-endpoint.events.process-*
| WHERE @timestamp >= NOW() - {DAYS} days
| EVAL operation = TO_LOWER(azure.activitylogs.operation_name), status = TO_LOWER(azure.activitylogs.result_type), target = TO_LOWER(azure.resource.id)
| EVAL is_command = ({filter}) AND status IN ("success", "succeeded"), is_process = process.command_line IS NOT NULL, is_run = {STARTED_ESQL}
| WHERE is_command OR is_process
| GROK target "/(virtualmachines|machines)/(?<vm_name>[^/]+)"
| EVAL machine = COALESCE(MV_FIRST(SPLIT(TO_LOWER(host.name), ".")), vm_name), around = DATE_TRUNC(2 hours, @timestamp)
| STATS commands = COUNT(*) WHERE is_command, processes = COUNT(*) WHERE is_process, runs = COUNT(*) WHERE is_run, first_command = MIN(@timestamp) WHERE is_command BY machine, around
| WHERE commands > 0 AND processes > 0 AND runs == 0
| SORT first_command DESC"#
            ),
        )
        .note("Commands and processes are compared in fixed spans of two hours; a machine counts where the sensor reported any process in that span.")
        .note(BY_NAME_NOTE),
    );
}
