//! Queries of the detectors that look at run commands and extensions one by one, or at how close together they lie.
//!
//! Example: `run-command-spike` with 5 commands in 15 minutes becomes, in KQL, "the command four before this one of the same group began less
//! than 15 minutes earlier", which is the detector's sliding window in one pass over sorted rows.
//!
//! Rejected: bins of time in KQL, as published rules use. A burst over the edge of a bin is counted in halves.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE, EXTENSION_WRITES,
    KQL_FOLD_NOTE, MANAGED_DELETES, MANAGED_WRITES, RUN_ACTIONS, Wanted, again, esql_operations,
    kql_operations, kql_operations_with_bodies, published,
};
use super::asked::Asked;
use super::{Ask, DEFENDER, Hunt};
use crate::settings::control_plane::SpikeGroup;

/// Detector 1.
pub(super) fn invocation(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.run_command_invocation;
    let most = if settings.include_vmss { 2 } else { 1 };
    let wanted = Wanted::named(RUN_ACTIONS.into_iter().take(most));
    again(asked, hunt, &wanted);
    let (kql_outcome, esql_outcome) = if settings.include_attempts {
        ("isnotempty(Outcome)", "outcome IS NOT NULL")
    } else {
        ("Outcome == \"success\"", "outcome == \"success\"")
    };
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Run Command executed on a VM, by anyone",
            ACTIVITY,
            format!(
                r"let since = ago({DAYS}d);
{operations}
operations
| where {kql_outcome}
| project Start, End, Duration = End - Start, Outcome, Principal, Account, Address, Vm, Subscription, CorrelationId
| sort by Start desc"
            ),
        )
        .note("Severity rises in the case where other findings share the operation; the query lists all alike."),
    );
    let filter = wanted.kql("Operation");
    hunt.defender(
        Ask::pattern(
            "Run Command executed on a VM, by anyone",
            &["CloudAuditEvents"],
            format!(
                r"let since = ago({DAYS}d);
CloudAuditEvents
| where Timestamp >= since
| extend Operation = tolower(OperationName)
| where {filter}
| project Timestamp, OperationName, ActionType, ResourceId, IPAddress, CountryCode, UserAgent, RawEventData
| sort by Timestamp desc"
            ),
        )
        .note("Rows are not folded: one operation may be listed several times, whatever its outcome."),
    );
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Run Command executed on a VM, by anyone",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE {esql_outcome}
| EVAL duration_seconds = DATE_DIFF("seconds", start, ended)
| KEEP start, ended, duration_seconds, outcome, principal, address, vm, subscription, correlation
| SORT start DESC"#
            ),
        )
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 2.
pub(super) fn managed_write(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.managed_write;
    let (window, ephemeral) = (settings.window_days, settings.ephemeral_minutes);
    let wanted = Wanted::named(MANAGED_WRITES.into_iter().chain(MANAGED_DELETES));
    again(asked, hunt, &wanted);
    let operations = kql_operations(&wanted, "since - window");
    hunt.sentinel(
        Ask::pattern(
            "Managed run command written: first of its principal, or deleted soon after",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let window = {window}d;
let ephemeral = {ephemeral}m;
{operations}
let deletions = operations
    | where Operation endswith "/runcommands/delete" and Outcome == "success"
    | project Target, Deleted = Start;
operations
| where Operation endswith "/runcommands/write" and Outcome == "success"
| sort by Principal asc, Start asc
| extend Before = iff(prev(Principal) == Principal, prev(Start), datetime(null))
| extend NewPrincipal = isnotempty(Principal) and (isnull(Before) or Before < Start - window)
| where Start >= since
| join kind=leftouter deletions on Target
| extend Lived = iff(Deleted > Start and Deleted - Start <= ephemeral, Deleted - Start, timespan(null))
| summarize Lived = min(Lived) by Start, End, Principal, Account, Address, Vm, Target, NewPrincipal, Subscription, CorrelationId
| extend Ephemeral = isnotnull(Lived)
| sort by Ephemeral desc, NewPrincipal desc, Start desc"#
            ),
        )
        .note("As in the case, writes that are neither new nor short-lived are listed too, last.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Managed run command deleted soon after it was written",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success"
| STATS written = MAX(start) WHERE ENDS_WITH(operation, "/write"), deleted = MAX(start) WHERE ENDS_WITH(operation, "/delete"),
    principals = VALUES(principal), addresses = VALUES(address) BY target
| WHERE deleted > written
| EVAL lived_seconds = DATE_DIFF("seconds", written, deleted)
| WHERE lived_seconds <= {ephemeral} * 60
| SORT written DESC"#
            ),
        )
        .note("Of each resource the last write and the last deletion are compared, where the case looks at each write.")
        .note(ELASTIC_FOLD_NOTE),
    );
    let writes = Wanted::named(MANAGED_WRITES);
    let begin = esql_operations(&writes, &format!("NOW() - {} days", window + 1));
    hunt.elastic(
        Ask::pattern(
            "First managed run command of a principal",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success"
| STATS first_seen = MIN(start), writes = COUNT(*), targets = VALUES(target), addresses = VALUES(address) BY principal
| WHERE first_seen >= NOW() - 1 day
| SORT first_seen DESC"#
            ),
        )
        .note(format!("Asks of the last day against the {window} days before it; run it every day."))
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Words by which the detector knows a script-capable extension where no body says its type.
const RISKY: &str = "customscript|runcommandlinux|runcommandwindows|runcommandhandler|vmaccess|dsc";

/// Detector 3.
pub(super) fn extension_write(asked: &Asked<'_>, hunt: &mut Hunt) {
    let window = asked.settings.vm_extension_write.window_days;
    let wanted = Wanted::named(EXTENSION_WRITES);
    again(asked, hunt, &wanted);
    let operations = kql_operations_with_bodies(&wanted, "since - window");
    hunt.sentinel(
        Ask::pattern(
            "Script-capable extension deployed, or an extension new to its VM",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let window = {window}d;
{operations}
operations
| where Outcome == "success"
| extend Name = extract(@"/extensions/([^/]+)", 1, Target), Machine = extract(@"/(?:virtualmachines|virtualmachinescalesets)/([^/]+)", 1, Target)
| sort by Subscription asc, Machine asc, Name asc, Start asc
| extend Before = iff(prev(Subscription) == Subscription and prev(Machine) == Machine and prev(Name) == Name, prev(Start), datetime(null))
| extend NewPair = isnotempty(Target) and (isnull(Before) or Before < Start - window),
    HighRiskType = Name matches regex @"{RISKY}" or Body matches regex @"{RISKY}"
| where Start >= since and (HighRiskType or NewPair)
| extend UserDeployed = HighRiskType and Account contains "@"
| project Start, End, HighRiskType, NewPair, UserDeployed, Account, Address, Machine, Name, Target, Subscription, CorrelationId
| sort by HighRiskType desc, Start desc"#
            ),
        )
        .note("The case reads the type from the request or response body; the query looks for the type's words in the instance name and in all of the row's properties, which finds more."),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {} days", window + 1));
    hunt.elastic(
        Ask::pattern(
            "Script-capable extension deployed, or an extension new to its VM",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success"
| GROK target "/(virtualmachines|virtualmachinescalesets)/(?<machine>[^/]+).*/extensions/(?<name>[^/]+)"
| STATS first_seen = MIN(start), last_seen = MAX(start), writes = COUNT(*), principals = VALUES(principal), addresses = VALUES(address) BY subscription, machine, name
| EVAL new_pair = first_seen >= NOW() - 1 day, high_risk_type = name RLIKE ".*({RISKY}).*"
| WHERE last_seen >= NOW() - 1 day AND (new_pair OR high_risk_type)
| SORT last_seen DESC"#
            ),
        )
        .note("Goes by the instance name, which the caller chooses; the case reads the type from the body.")
        .note(format!("Asks of the last day against the {window} days before it; run it every day."))
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 4.
pub(super) fn new_terms(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.new_terms;
    let window = settings.window_days;
    published(hunt, settings.published);
    let wanted = Wanted::run_commands(false);
    again(asked, hunt, &wanted);
    let operations = kql_operations(&wanted, "since - window");
    let bits = asked.settings.control_plane.detection.v6_bits;
    hunt.sentinel(
        Ask::pattern(
            "First use of a principal, VM and network together",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let window = {window}d;
{operations}
operations
| where Outcome == "success"
| extend Network = iff(Address contains ":", parse_ipv6_mask(Address, {bits}), Network)
| where isnotempty(Principal) and isnotempty(Vm) and isnotempty(Network)
| sort by Principal asc, Vm asc, Network asc, Start asc
| extend Before = iff(prev(Principal) == Principal and prev(Vm) == Vm and prev(Network) == Network, prev(Start), datetime(null))
| where isnull(Before) or Before < Start - window
| where Start >= since
| project Start, End, Principal, Account, Address, Network, Vm, Before, Subscription, CorrelationId
| sort by Start desc"#
            ),
        )
        .note("Two commands at the very same instant: the second counts as known here, as new in the case.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {} days", window + 1));
    hunt.elastic(
        Ask::pattern(
            "First use of a principal, VM and network together",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND vm IS NOT NULL AND address IS NOT NULL
| EVAL network = IP_PREFIX(address, 16, {bits})
| STATS first_seen = MIN(start), commands = COUNT(*), addresses = VALUES(address) BY principal, vm, network
| WHERE first_seen >= NOW() - 1 day
| SORT first_seen DESC"#
            ),
        )
        .note(format!("Asks of the last day against the {window} days before it; run it every day."))
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 8.
pub(super) fn spike(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.spike;
    published(hunt, settings.published);
    let wanted = Wanted::run_commands(settings.include_managed);
    again(asked, hunt, &wanted);
    let (minutes, least, vms) = (
        settings.window_minutes,
        settings.least_commands,
        settings.least_vms,
    );
    let (group, by) = match settings.group {
        SpikeGroup::Principal => ("Principal", "principal"),
        SpikeGroup::PrincipalAddress => ("strcat(Principal, \" \", Address)", "principal, address"),
        SpikeGroup::PrincipalVm => ("strcat(Principal, \" \", Vm)", "principal, vm"),
    };
    let (kql_outcome, esql_outcome) = if settings.only_success {
        ("Outcome == \"success\"", "outcome == \"success\"")
    } else {
        ("isnotempty(Outcome)", "outcome IS NOT NULL")
    };
    let before = least - 1;
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Burst of run commands",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let window = {minutes}m;
{operations}
let commands = operations
    | where {kql_outcome} and isnotempty(Principal)
    | extend Group = {group};
commands
| sort by Group asc, Start asc, CorrelationId asc
| extend WindowStart = iff(prev(Group, {before}) == Group, prev(Start, {before}), datetime(null))
| where Start - WindowStart < window
| extend Burst = row_window_session(Start, 365d, window, Group != prev(Group))
| summarize First = min(WindowStart), LastStart = max(Start) by Group, Burst
| join kind=inner commands on Group
| where Start between (First .. LastStart)
| summarize Last = max(End), Commands = dcount(CorrelationId), Vms = dcount(Vm), Failed = countif(Outcome == "failure"),
    Account = take_any(Account), Address = take_any(Address), Machines = make_set(Vm, 50) by Group, First, LastStart
| where Commands >= {least} and Vms >= {vms}
| sort by First desc"#
            ),
        )
        .note("The number of VMs is asked of the whole burst, where the case asks it of each window.")
        .note("Bursts less than a window apart are told as one; how large the peak was and whether bursts are routine is not judged.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Burst of run commands",
            ELASTIC_ACTIVITY,
            format!(
                r"{begin}
| WHERE {esql_outcome} AND principal IS NOT NULL
| EVAL window = DATE_TRUNC({minutes} minutes, start)
| STATS first_seen = MIN(start), last_seen = MAX(ended), commands = COUNT_DISTINCT(correlation), vms = COUNT_DISTINCT(vm), machines = VALUES(vm) BY {by}, window
| WHERE commands >= {least} AND vms >= {vms}
| SORT first_seen DESC"
            ),
        )
        .note("Windows stand at fixed times: a burst over the edge of two is counted in halves and may be missed, where the case moves its window.")
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 9.
pub(super) fn infrequent(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.infrequent;
    published(hunt, settings.published);
    let wanted = Wanted::run_commands(true);
    again(asked, hunt, &wanted);
    let (days, hours, least) = (
        settings.history_days,
        settings.span_hours,
        settings.least_operations,
    );
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "VM touched only for a short time",
            ACTIVITY,
            format!(
                r#"let since = ago({days}d);
let short = {hours}h;
{operations}
operations
| where Outcome == "success" and isnotempty(Principal) and isnotempty(Vm)
| summarize First = min(Start), Last = max(End), Commands = count(), Account = take_any(Account), Addresses = make_set(Address, 20) by Principal, Vm
| where Last - First < short and Commands >= {least}
| extend LeftCensored = First - since < short, RightCensored = now() - Last < short
| sort by RightCensored asc, LeftCensored asc, First desc"#
            ),
        )
        .note("The left end is the beginning of the look-back; where the table holds less, first commands near its own beginning are censored too.")
        .note("Bursts and the model of anomalous operations, which make a finding worse in the case, are not asked.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {days} days"));
    hunt.elastic(
        Ask::pattern(
            "VM touched only for a short time",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND vm IS NOT NULL
| STATS first_seen = MIN(start), last_seen = MAX(ended), commands = COUNT(*), addresses = VALUES(address) BY principal, vm
| EVAL span_seconds = DATE_DIFF("seconds", first_seen, last_seen)
| WHERE span_seconds < {hours} * 3600 AND commands >= {least}
| EVAL left_censored = first_seen < NOW() - {days} days + {hours} hours, right_censored = last_seen > NOW() - {hours} hours
| SORT right_censored, left_censored, first_seen DESC"#
            ),
        )
        .note("Spans are whole seconds.")
        .note(ELASTIC_FOLD_NOTE),
    );
}
