//! Queries of the detectors that read a guest's disk: what a SIEM has of them is who touched those files.
//!
//! No product collects the handlers' settings, statuses and outputs, so a gap in their numbers or a differing output cannot be asked of a fleet.
//! What made it can: a deletion or change below the handlers' folders by something that is neither handler nor guest agent.
//!
//! ```text
//! sequence-anomaly        deletions below /var/lib/waagent/run-command…
//! status-output-mismatch  changes of stdout, stderr, *.status there
//! script-body-mismatch    changes of script.sh, script<N>.ps1 there
//! ```
//!
//! Rejected: no query at all for them. The question "who else edits this evidence" is worth more than the finding.

use super::activity::{
    ACTIVITY, DAYS, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE, EXTENSION_DELETES, EXTENSION_WRITES,
    Wanted, again, esql_operations, esql_since, kql_operations, kql_since,
};
use super::asked::Asked;
use super::literal::{esql_list, kql_list};
use super::scripts::script_again;
use super::{Ask, DEFENDER, ELASTIC, Hunt, SENTINEL, Variant};

/// Folders of the handlers, in Defender's column.
const FOLDERS_KQL: &str = r#"(FolderPath contains "/var/lib/waagent/run-command" or FolderPath contains "/waagent/Microsoft.CPlat.Core.RunCommand"
    or FolderPath contains @"\Microsoft.CPlat.Core.RunCommand")"#;
const FOLDERS_ESQL: &str = r#"(file.path LIKE "/var/lib/waagent/run-command*" OR file.path LIKE "*/waagent/Microsoft.CPlat.Core.RunCommand*"
    OR file.path LIKE "*\\\\Microsoft.CPlat.Core.RunCommand*")"#;
/// What writes there by right.
const OWNERS: [&str; 7] = [
    "runcommandextension.exe",
    "run-command-extension",
    "run-command-handler",
    "run-command-shim",
    "waappagent.exe",
    "windowsazureguestagent.exe",
    "collectguestlogs.exe",
];
const NO_FILES: &str = "Sentinel's own tables keep no file events; the Defender query runs there where Device tables are streamed.";
const DISK_NOTE: &str = "The handlers' numbers, statuses and outputs are on the disk alone: no product collects them, so the finding itself cannot be asked of a fleet. The query asks who touches those files beside the handlers and the guest agent.";

/// Which touches of which files.
struct Touches {
    title: &'static str,
    /// In Defender's column `ActionType`.
    actions: &'static [&'static str],
    /// Elastic's `event.action`.
    events: &'static [&'static str],
    /// On `FileName`; all files where empty.
    name_kql: &'static str,
    /// On `file.name`.
    name_esql: &'static str,
}

const DELETED: Touches = Touches {
    title: "Files of run commands deleted by something else than their handler",
    actions: &["FileDeleted", "FileRenamed"],
    events: &["deletion", "rename"],
    name_kql: "isnotempty(FileName)",
    name_esql: "file.name IS NOT NULL",
};

fn touches(asked: &Asked<'_>, hunt: &mut Hunt, of: &Touches) {
    hunt.none(SENTINEL, NO_FILES);
    let actions: Vec<String> = of
        .actions
        .iter()
        .map(|word| super::literal::kql(word))
        .collect();
    let actions = actions.join(", ");
    let owners = kql_list(OWNERS);
    let machines = kql_list(asked.machines.iter().map(String::as_str));
    let events = esql_list(of.events.iter().copied());
    let esql_owners = esql_list(OWNERS);
    let esql_machines = esql_list(asked.machines.iter().map(String::as_str));
    let (name_kql, name_esql) = (of.name_kql, of.name_esql);
    for variant in [Variant::ThisAgain, Variant::SamePattern] {
        let again = variant == Variant::ThisAgain;
        if again && asked.machines.is_empty() {
            continue;
        }
        let (since, on) = if again {
            (
                format!("{}\nlet machines = {machines};", kql_since(asked)),
                "\n| where tostring(split(tolower(DeviceName), \".\")[0]) in (machines)",
            )
        } else {
            (format!("let since = ago({DAYS}d);"), "")
        };
        let title = of.title;
        let ask = Ask::pattern(
            title,
            &["DeviceFileEvents"],
            format!(
                r#"{since}
let owners = {owners};
DeviceFileEvents
| where Timestamp >= since and ActionType in ({actions}){on}
| where {FOLDERS_KQL}
| where {name_kql}
| where not(tolower(InitiatingProcessFileName) in (owners)) and not(InitiatingProcessCommandLine has "waagent" and InitiatingProcessCommandLine has "run-exthandlers")
| project Timestamp, DeviceName, ActionType, FolderPath, FileName, PreviousFileName, SHA256, InitiatingProcessFileName, InitiatingProcessCommandLine, InitiatingProcessAccountName
| sort by Timestamp asc"#
            ),
        );
        hunt.defender(Ask { variant, ..ask }.note(DISK_NOTE).note("The sensor does not report every file operation on Linux: no row is no proof of absence."));
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
            title,
            &["logs-endpoint.events.file-*"],
            format!(
                r#"FROM logs-endpoint.events.file-*
| WHERE @timestamp >= {since} AND event.action IN {events}{on}
| WHERE {FOLDERS_ESQL}
| WHERE {name_esql}
| WHERE NOT TO_LOWER(process.name) IN {esql_owners} AND NOT COALESCE(process.command_line, "") LIKE "*run-exthandlers*"
| KEEP @timestamp, host.name, event.action, file.path, file.name, process.name, process.executable, process.command_line, user.name
| SORT @timestamp"#
            ),
        );
        hunt.elastic(Ask { variant, ..ask }.note(DISK_NOTE));
    }
}

/// Detector 22.
pub(super) fn sequence(asked: &Asked<'_>, hunt: &mut Hunt) {
    touches(asked, hunt, &DELETED);
}

/// Detector 23.
pub(super) fn self_deleting(asked: &Asked<'_>, hunt: &mut Hunt) {
    script_again(asked, hunt);
    touches(
        asked,
        hunt,
        &Touches {
            title: "Script of a run command deleted by something else than its handler",
            name_kql: r#"FileName matches regex @"(?i)^script\d*\.(?:sh|ps1)$""#,
            name_esql: r#"file.name RLIKE "script[0-9]*\\.(sh|ps1)""#,
            ..DELETED
        },
    );
}

/// Detector 25.
pub(super) fn status_output(asked: &Asked<'_>, hunt: &mut Hunt) {
    touches(
        asked,
        hunt,
        &Touches {
            title: "Outputs and statuses of run commands changed by something else than their handler",
            actions: &["FileCreated", "FileDeleted", "FileModified", "FileRenamed"],
            events: &[
                "creation",
                "deletion",
                "modification",
                "overwrite",
                "rename",
            ],
            name_kql: r#"FileName in~ ("stdout", "stderr") or FileName endswith ".status""#,
            name_esql: r#"file.name IN ("stdout", "stderr") OR ENDS_WITH(file.name, ".status")"#,
        },
    );
}

/// Detector 31.
pub(super) fn script_body(asked: &Asked<'_>, hunt: &mut Hunt) {
    script_again(asked, hunt);
    touches(
        asked,
        hunt,
        &Touches {
            title: "Scripts of run commands changed by something else than their handler",
            actions: &["FileCreated", "FileModified", "FileRenamed"],
            events: &["creation", "modification", "overwrite", "rename"],
            name_kql: r#"FileName matches regex @"(?i)^script\d*\.(?:sh|ps1)$""#,
            name_esql: r#"file.name RLIKE "script[0-9]*\\.(sh|ps1)""#,
        },
    );
}

/// Detector 24.
pub(super) fn extension_removed(asked: &Asked<'_>, hunt: &mut Hunt) {
    const HANDLERS: &str = "runcommand|customscript";
    if asked.finding.operations.is_empty() {
        for product in [SENTINEL, ELASTIC] {
            hunt.none(product, "A guest says this and no cloud operation, so there is no caller to look for again.");
        }
    } else {
        again(asked, hunt, &Wanted::named(EXTENSION_DELETES));
    }
    let wanted = Wanted::named(EXTENSION_DELETES.into_iter().chain(EXTENSION_WRITES));
    let operations = kql_operations(&wanted, "since - 10m");
    hunt.sentinel(
        Ask::pattern(
            "Handler of run commands or custom scripts removed by the cloud",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
{operations}
let handlers = operations | where Outcome == "success" and Target matches regex @"/extensions/[^/]*(?:{HANDLERS})";
let installed = handlers | where Operation endswith "/write" | project Target, Installed = Start;
handlers
| where Operation endswith "/delete" and Start >= since
| join kind=leftouter installed on Target
| summarize Upgrade = countif(Installed between (Start - 10m .. Start + 10m)) > 0 by Start, End, Principal, Account, Address, Vm, Target, Subscription, CorrelationId
| where not(Upgrade)
| project-away Upgrade
| sort by Start desc"#
            ),
        )
        .note("A removal that only the guest knows of (the finding's `orphan`) leaves no row here: ask Defender or Elastic for the process.")
        .note("Which extension it was is told by its instance name, which the caller chose."),
    );
    hunt.defender(
        Ask::pattern(
            "Handler of run commands or custom scripts removed on the guest",
            &["DeviceProcessEvents"],
            format!(
                r#"let since = ago({DAYS}d);
DeviceProcessEvents
| where Timestamp >= since
| where ProcessCommandLine matches regex @"(?i)(?:run-?command|custom-?script)[^\s]*(?:\.exe|\.cmd|-shim|-extension|-handler)?[""']?\s+[""']?uninstall\b" or ProcessCommandLine matches regex @"(?i)RunCommand[^\s]*[\\/]uninstall\.cmd"
| project Timestamp, DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, InitiatingProcessCommandLine, AccountName
| sort by Timestamp desc"#
            ),
        )
        .note("An upgrade uninstalls the older version too: a row with an installation within ten minutes is no removal, which the query does not check.")
        .note("Whether the cloud knows of it is not compared here; see the Sentinel query."),
    );
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Handler of run commands or custom scripts removed by the cloud",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND target RLIKE ".*/extensions/[^/]*({HANDLERS}).*"
| STATS removed = MAX(start) WHERE ENDS_WITH(operation, "/delete"), installed = MAX(start) WHERE ENDS_WITH(operation, "/write"),
    principals = VALUES(principal), addresses = VALUES(address) BY vm, target
| WHERE removed IS NOT NULL AND (installed IS NULL OR ABS(DATE_DIFF("seconds", installed, removed)) > 600)
| SORT removed DESC"#
            ),
        )
        .note("Of each extension the last removal is compared with the last installation.")
        .note("Which extension it was is told by its instance name, which the caller chose.")
        .note(ELASTIC_FOLD_NOTE),
    );
    hunt.elastic(
        Ask::pattern(
            "Handler of run commands or custom scripts removed on the guest",
            super::scripts::PROCESS_ELASTIC,
            format!(
                r#"FROM logs-endpoint.events.process-*
| WHERE @timestamp >= NOW() - {DAYS} days
| EVAL line = TO_LOWER(process.command_line)
| WHERE line LIKE "*uninstall*" AND (line LIKE "*run-command*" OR line LIKE "*runcommand*" OR line LIKE "*custom-script*" OR line LIKE "*customscript*")
| KEEP @timestamp, host.name, process.name, process.command_line, process.parent.name, process.parent.command_line, user.name
| SORT @timestamp DESC"#
            ),
        )
        .note("An upgrade uninstalls the older version too."),
    );
    if asked.finding.operations.is_empty() {
        hunt.none(
            DEFENDER,
            "The finding names a guest and no process; the query asks of all guests.",
        );
    }
}
