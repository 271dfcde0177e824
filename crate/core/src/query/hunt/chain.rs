//! Queries of `run-command-chain`: the steps around each run command, weighed with the weights in force.
//!
//! ```text
//! anchors: successful run commands      steps: other operations of the same principal, or on the same VM
//!   join on principal or VM, each step once in its window, sum of weights >= report_min
//! ```
//!
//! Rejected: one query per step. The score is what makes the chain, and it needs all of them.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE, EXTENSION_DELETES,
    KQL_FOLD_NOTE, MANAGED_DELETES, MANAGED_WRITES, RUN_ACTIONS, Wanted, again, esql_operations,
    kql_operations_with_bodies,
};
use super::asked::Asked;
use super::literal::{esql_list, kql};
use super::{Ask, DEFENDER, Hunt};
use crate::detect::run_command_chain::{PRIVILEGED, PUBLISHED};
use crate::settings::control_plane::ChainStep;
use std::collections::BTreeMap;

/// A step that the operation's name tells: its name, whether it is looked for on the VM (else by the principal), the operations, the settings.
struct Named {
    step: &'static str,
    on_vm: bool,
    operations: &'static [&'static str],
    settings: ChainStep,
}

const BLIND: &[&str] = &[
    "microsoft.insights/diagnosticsettings/delete",
    "microsoft.operationalinsights/workspaces/delete",
    "microsoft.network/networkwatchers/delete",
    "microsoft.network/networkwatchers/flowlogs/delete",
    "microsoft.security/alertssuppressionrules/write",
];
const DISK_EXPORT: &[&str] = &[
    "microsoft.compute/disks/begingetaccess/action",
    "microsoft.compute/snapshots/begingetaccess/action",
];
const BACKUP: &[&str] = &[
    "microsoft.recoveryservices/vaults/delete",
    "microsoft.recoveryservices/vaults/backuppolicies/write",
    "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems/delete",
    "microsoft.compute/restorepointcollections/delete",
    "microsoft.compute/restorepointcollections/restorepoints/delete",
    "microsoft.compute/snapshots/delete",
];
const DESTROY_VM: &[&str] = &[
    "microsoft.compute/virtualmachines/delete",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/delete",
    "microsoft.hybridcompute/machines/delete",
];
const DESTROY_DATA: &[&str] = &[
    "microsoft.storage/storageaccounts/delete",
    "microsoft.resources/subscriptions/resourcegroups/delete",
];
const AUTOMATION: &[&str] = &[
    "microsoft.automation/automationaccounts/runbooks/draft/write",
    "microsoft.automation/automationaccounts/runbooks/publish/action",
    "microsoft.automation/automationaccounts/jobs/write",
    "microsoft.automation/automationaccounts/webhooks/write",
    "microsoft.automation/automationaccounts/schedules/write",
];
const ELEVATE: &[&str] = &["microsoft.authorization/elevateaccess/action"];
const GRANT: &str = "microsoft.authorization/roleassignments/write";
const RULES: [&str; 2] = [
    "microsoft.network/networksecuritygroups/securityrules/write",
    "microsoft.network/networksecuritygroups/write",
];
/// `list…/action` of something secret.
const KEYS: &str =
    "/list[a-z]*(?:key|secret|credential|sas|connectionstring|password)[a-z]*/action$";

/// Detector 15.
pub(super) fn chain(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.chain;
    again(asked, hunt, &Wanted::all());
    let named = [
        Named {
            step: "elevate",
            on_vm: false,
            operations: ELEVATE,
            settings: settings.elevate,
        },
        Named {
            step: "blind",
            on_vm: false,
            operations: BLIND,
            settings: settings.blind,
        },
        Named {
            step: "disk-export",
            on_vm: false,
            operations: DISK_EXPORT,
            settings: settings.disk_export,
        },
        Named {
            step: "backup",
            on_vm: false,
            operations: BACKUP,
            settings: settings.backup,
        },
        Named {
            step: "destroy",
            on_vm: false,
            operations: DESTROY_DATA,
            settings: settings.destroy,
        },
        Named {
            step: "automation",
            on_vm: false,
            operations: AUTOMATION,
            settings: settings.automation,
        },
        Named {
            step: "destroy",
            on_vm: true,
            operations: DESTROY_VM,
            settings: settings.destroy,
        },
        Named {
            step: "cleanup",
            on_vm: true,
            operations: &EXTENSION_DELETES,
            settings: settings.cleanup,
        },
        Named {
            step: "cleanup",
            on_vm: true,
            operations: &MANAGED_DELETES,
            settings: settings.cleanup,
        },
    ];
    let roles: Vec<String> = PRIVILEGED
        .iter()
        .chain(PUBLISHED.iter().filter(|_| settings.published_roles))
        .map(|role| (*role).to_owned())
        .chain(asked.lists.privileged_roles.iter().cloned())
        .collect();
    let roles = asked.kept(roles);
    let least = settings.report_min;
    // Step, whether on the VM, weight, hours before, hours after, and whether the command's own instant counts.
    let mut cases: Vec<String> = Vec::new();
    let row = |step: &str, on_vm: bool, of: ChainStep, weight: i64| {
        format!(
            "bag_pack(\"Step\", {}, \"OnVm\", {on_vm}, \"Weight\", {weight}, \"Before\", {}, \"After\", {})",
            kql(step),
            of.before,
            of.after
        )
    };
    for one in &named {
        let operations: Vec<String> = one.operations.iter().map(|name| kql(name)).collect();
        cases.push(format!(
            "Operation in ({}), {}",
            operations.join(", "),
            row(one.step, one.on_vm, one.settings, one.settings.weight)
        ));
    }
    let quoted: Vec<String> = roles.iter().map(|role| kql(role)).collect();
    let quoted = quoted.join(", ");
    cases.push(format!(
        "Operation == {} and Body has_any ({quoted}), {}",
        kql(GRANT),
        row("grant", false, settings.grant, settings.grant.lesser)
    ));
    cases.push(format!(
        "Operation in ({}) and Body has \"inbound\" and Body has \"allow\" and Body has_any (\"0.0.0.0/0\", \"internet\"), {}",
        RULES.map(kql).join(", "),
        row("open-net", false, settings.open_net, settings.open_net.weight)
    ));
    cases.push(format!(
        "Operation matches regex @\"{KEYS}\" or Operation == \"microsoft.web/sites/config/list/action\", {}",
        row("keys", false, settings.keys, settings.keys.weight)
    ));
    cases.push(format!(
        "Operation endswith \"/extensions/write\" and (Target has \"vmaccess\" or Body has \"vmaccess\"), {}",
        row("access-reset", true, settings.access_reset, settings.access_reset.weight)
    ));
    let cases = cases.join(",\n        ");
    let all_named: Vec<&str> = named
        .iter()
        .flat_map(|one| one.operations.iter().copied())
        .collect();
    let wanted = Wanted::named(
        all_named
            .iter()
            .copied()
            .chain(RUN_ACTIONS)
            .chain(MANAGED_WRITES)
            .chain(RULES)
            .chain([GRANT, "microsoft.web/sites/config/list/action"]),
    )
    .ending(["/extensions/write", "/action"]);
    let longest = named
        .iter()
        .map(|one| one.settings.before)
        .max()
        .unwrap_or(0)
        .max(settings.grant.before);
    let operations = kql_operations_with_bodies(&wanted, &format!("since - {longest}h"));
    let runs = Wanted::run_commands(true).kql("Operation");
    let fan_out = settings.fan_out;
    let known = asked.kept(asked.lists.known_automation.iter().cloned());
    let automation = super::literal::kql_list(known.iter().map(String::as_str));
    hunt.sentinel(
        Ask::pattern(
            "Steps of an intrusion around a run command",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let automation = {automation};
{operations}
let succeeded = materialize(operations | where Outcome == "success" and not(Account in (automation)) and not(ObjectId in (automation)));
let anchors = succeeded
    | where {runs}
    | where Start >= since
    | project Anchor = Start, Principal, Account, Address, Vm, Operation, CorrelationId;
let steps = succeeded
    | extend Says = case(
        {cases},
        dynamic(null))
    | where isnotnull(Says)
    | project At = Start, Principal, Vm, StepOperation = Operation, Step = tostring(Says.Step), OnVm = tobool(Says.OnVm),
        Weight = toint(Says.Weight), Before = toint(Says.Before) * 1h, After = toint(Says.After) * 1h;
let fan_out = anchors
    | join kind=inner (anchors | project Principal, Other = Anchor, OtherVm = Vm) on Principal
    | where Other between (Anchor - {fan_before}h .. Anchor + {fan_after}h)
    | summarize Reached = dcount(OtherVm) by CorrelationId, Vm
    | where Reached >= 3
    | project CorrelationId, Vm, Step = "fan-out", Weight = {fan_weight};
let matched = union
    (anchors | join kind=inner (steps | where not(OnVm) and isnotempty(Principal)) on Principal),
    (anchors | join kind=inner (steps | where OnVm and isnotempty(Vm)) on Vm)
    | where At between (Anchor - Before .. Anchor + After)
    | where not(Step in ("grant", "elevate", "destroy", "cleanup") and At == Anchor)
    | summarize Weight = max(Weight), StepOperation = take_any(StepOperation) by CorrelationId, Vm, Step
    | union fan_out;
matched
| summarize Score = sum(Weight), Steps = make_bag(bag_pack(Step, coalesce(StepOperation, ""))) by CorrelationId, Vm
| where Score >= {least}
| extend Severity = case(Score >= 12, "critical", Score >= 8, "high", Score >= 5, "medium", "low")
| join kind=inner anchors on CorrelationId, Vm
| project Anchor, Score, Severity, Steps, Account, Principal, Address, Vm, Operation, CorrelationId
| sort by Score desc, Anchor desc"#,
                fan_before = fan_out.before,
                fan_after = fan_out.after,
                fan_weight = fan_out.weight,
            ),
        )
        .note("Not asked: a role granted to the principal by another, a VM made by the principal, an identity attached, logs switched off by somebody else in the subscription, rules and disk exports of others in the resource group, new caller or network, token theft in the script, identity anomalies, revival of a dormant identity. The score is lower than the case's by those.")
        .note("Privileged roles and open rules are told by words in the request's text.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(
        &Wanted::named(
            all_named
                .iter()
                .copied()
                .chain(RUN_ACTIONS)
                .chain(MANAGED_WRITES)
                .chain([GRANT]),
        )
        .ending([
            "listkeys/action",
            "listsecrets/action",
            "listcredentials/action",
        ]),
        &format!("NOW() - {DAYS} days"),
    );
    let is_run = Wanted::run_commands(true).esql();
    // A step counts once, by whichever of its operations.
    let mut steps: BTreeMap<&str, (Vec<&str>, i64)> = BTreeMap::new();
    for one in &named {
        let (operations, weight) = steps.entry(one.step).or_default();
        operations.extend(one.operations);
        *weight = one.settings.weight;
    }
    let flags: Vec<(String, String, i64)> = steps
        .into_iter()
        .map(|(step, (operations, weight))| {
            let of = format!("operation IN {}", esql_list(operations));
            (step.replace('-', "_"), of, weight)
        })
        .chain([
            ("grant".to_owned(), format!("operation == \"{GRANT}\""), settings.grant.lesser),
            (
                "keys".to_owned(),
                "ENDS_WITH(operation, \"listkeys/action\") OR ENDS_WITH(operation, \"listsecrets/action\") OR ENDS_WITH(operation, \"listcredentials/action\")".to_owned(),
                settings.keys.weight,
            ),
        ])
        .collect();
    let counts: Vec<String> = flags
        .iter()
        .map(|(name, of, _)| format!("{name} = COUNT(*) WHERE {of}"))
        .collect();
    let score: Vec<String> = flags
        .iter()
        .map(|(name, _, weight)| format!("CASE({name} > 0, {weight}, 0)"))
        .collect();
    let automation = esql_list(known.iter().map(String::as_str));
    hunt.elastic(
        Ask::pattern(
            "Steps of an intrusion and a run command by one principal on one day",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND NOT principal IN {automation}
| EVAL day = DATE_TRUNC(1 day, start)
| STATS commands = COUNT(*) WHERE {is_run}, vms = COUNT_DISTINCT(vm) WHERE {is_run},
    {counts},
    operations = VALUES(operation), addresses = VALUES(address) BY principal, day
| EVAL score = {score} + CASE(vms >= 3, {fan_weight}, 0)
| WHERE commands > 0 AND score >= {least}
| SORT score DESC, day DESC"#,
                counts = counts.join(",\n    "),
                score = score.join(" + "),
                fan_weight = fan_out.weight,
            ),
        )
        .note("Days by UTC stand for the windows of each step, and all steps are looked for by the principal: a chain over midnight, or a step of somebody else on the VM, is not seen.")
        .note("Every role assignment counts as a grant, open rules and resets by the VM access extension as nothing: bodies are not read.")
        .note(ELASTIC_FOLD_NOTE),
    );
}
