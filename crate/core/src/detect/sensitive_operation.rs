//! # Sensitive operation
//!
//! ## What it finds
//! Each successful operation of a curated list (keys shown, logs switched off, roles granted, machines and backups destroyed, ports
//! opened), and every operation that ends in a key or secret listing.
//!
//! ## Why it matters
//! These steps commonly accompany an intrusion. A weight decides the severity; a Run Command of the same principal within
//! `near_hours` before or after raises it one step.
//!
//! ## Parameters
//! `near_hours` (24; 1 to 168), both ends of the window included.
//!
//! ## Known false positives
//! All of these are routine for some role; read them with the caller's profile.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; Sentinel RareOperations; Sigma activity-log rules; Elastic and panther rule sets;
//! Azure Threat Research Matrix.

use super::history::Known;
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words,
    needs_operations, target, who,
};
use crate::event::intern::Symbol;
use crate::reconstruct::operations::OperationOutcome;
use crate::time::NS_PER_SECOND;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "sensitive-operation",
    not_assessed: needs_operations,
    run,
};

/// (folded operation, why, ATT&CK technique, weight).
type Entry = (&'static str, &'static str, &'static str, u8);

/// The curated operations (detectors 6).
static CURATED: [Entry; 59] = [
    (
        "microsoft.storage/storageaccounts/listkeys/action",
        "account keys shown",
        "T1555.006",
        4,
    ),
    (
        "microsoft.storage/storageaccounts/regeneratekey/action",
        "keys rotated under the owner",
        "T1528",
        3,
    ),
    (
        "microsoft.storage/storageaccounts/listaccountsas/action",
        "signed access minted",
        "T1528",
        4,
    ),
    (
        "microsoft.storage/storageaccounts/delete",
        "data destroyed",
        "T1485",
        5,
    ),
    (
        "microsoft.web/sites/functions/listsecrets/action",
        "function secrets shown",
        "T1552",
        4,
    ),
    (
        "microsoft.web/sites/config/list/action",
        "application settings shown",
        "T1552",
        3,
    ),
    (
        "microsoft.web/sites/publishxml/action",
        "publishing credentials shown",
        "T1552",
        4,
    ),
    (
        "microsoft.keyvault/vaults/accesspolicies/write",
        "vault opened",
        "T1098",
        5,
    ),
    (
        "microsoft.keyvault/vaults/write",
        "vault changed",
        "T1098",
        2,
    ),
    (
        "microsoft.keyvault/locations/deletedvaults/purge/action",
        "vault purged",
        "T1485",
        5,
    ),
    (
        "microsoft.compute/virtualmachines/delete",
        "machine destroyed",
        "T1485",
        4,
    ),
    (
        "microsoft.compute/virtualmachines/retrievebootdiagnosticsdata/action",
        "console log and picture read",
        "T1552",
        3,
    ),
    (
        "microsoft.serialconsole/serialports/connect/action",
        "console access past network controls",
        "T1021.008",
        5,
    ),
    (
        "microsoft.compute/virtualmachines/extensions/write",
        "script-capable extension deployed",
        "T1651",
        3,
    ),
    (
        "microsoft.compute/virtualmachines/extensions/delete",
        "extension removed",
        "T1070.004",
        3,
    ),
    (
        "microsoft.compute/galleries/applications/versions/write",
        "application pushed to guests",
        "T1651",
        4,
    ),
    (
        "microsoft.compute/disks/begingetaccess/action",
        "disk download link",
        "T1537",
        5,
    ),
    (
        "microsoft.compute/snapshots/begingetaccess/action",
        "snapshot download link",
        "T1537",
        5,
    ),
    (
        "microsoft.compute/snapshots/write",
        "disk copy made",
        "T1578.001",
        3,
    ),
    (
        "microsoft.compute/snapshots/delete",
        "recovery removed",
        "T1490",
        4,
    ),
    (
        "microsoft.compute/restorepointcollections/delete",
        "recovery removed",
        "T1490",
        5,
    ),
    (
        "microsoft.recoveryservices/vaults/backuppolicies/write",
        "retention weakened",
        "T1490",
        4,
    ),
    (
        "microsoft.recoveryservices/vaults/delete",
        "backups removed",
        "T1490",
        5,
    ),
    (
        "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems/delete",
        "protection stopped",
        "T1490",
        5,
    ),
    (
        "microsoft.network/networksecuritygroups/securityrules/write",
        "port opened",
        "T1562.007",
        3,
    ),
    (
        "microsoft.network/networksecuritygroups/write",
        "rule set changed",
        "T1562.007",
        2,
    ),
    (
        "microsoft.network/networksecuritygroups/delete",
        "rule set removed",
        "T1562.007",
        3,
    ),
    (
        "microsoft.network/publicipaddresses/write",
        "public exposure",
        "T1133",
        2,
    ),
    (
        "microsoft.network/virtualnetworks/subnets/write",
        "subnet changed",
        "T1562.007",
        1,
    ),
    (
        "microsoft.network/virtualnetworks/subnets/delete",
        "subnet removed",
        "T1489",
        2,
    ),
    (
        "microsoft.network/networkwatchers/packetcaptures/write",
        "traffic captured",
        "T1040",
        5,
    ),
    (
        "microsoft.network/networkwatchers/delete",
        "flow logging removed",
        "T1562.008",
        4,
    ),
    (
        "microsoft.network/networkwatchers/flowlogs/delete",
        "flow logging removed",
        "T1562.008",
        4,
    ),
    (
        "microsoft.insights/diagnosticsettings/delete",
        "log export removed",
        "T1562.008",
        5,
    ),
    (
        "microsoft.insights/diagnosticsettings/write",
        "log export changed",
        "T1562.008",
        2,
    ),
    (
        "microsoft.insights/activitylogalerts/delete",
        "alert removed",
        "T1562.001",
        4,
    ),
    (
        "microsoft.insights/actiongroups/delete",
        "alert target removed",
        "T1562.001",
        4,
    ),
    (
        "microsoft.operationalinsights/workspaces/delete",
        "log store removed",
        "T1562.008",
        5,
    ),
    (
        "microsoft.eventhub/namespaces/eventhubs/delete",
        "log stream removed",
        "T1562.008",
        4,
    ),
    (
        "microsoft.security/alertssuppressionrules/write",
        "alerts suppressed",
        "T1562.001",
        4,
    ),
    (
        "microsoft.security/pricings/write",
        "protection plan changed",
        "T1562.001",
        4,
    ),
    (
        "microsoft.security/locations/jitnetworkaccesspolicies/initiate/action",
        "just-in-time port opened",
        "T1562.007",
        3,
    ),
    (
        "microsoft.authorization/roleassignments/write",
        "role granted",
        "T1098.003",
        4,
    ),
    (
        "microsoft.authorization/roledefinitions/write",
        "custom role",
        "T1098.003",
        4,
    ),
    (
        "microsoft.authorization/elevateaccess/action",
        "tenant-wide elevation",
        "T1098.003",
        6,
    ),
    (
        "microsoft.authorization/locks/delete",
        "deletion lock removed",
        "T1562",
        4,
    ),
    (
        "microsoft.authorization/policyassignments/write",
        "policy used for execution or relaxed",
        "T1484",
        3,
    ),
    (
        "microsoft.managedidentity/userassignedidentities/assign/action",
        "identity attached",
        "T1098.003",
        3,
    ),
    (
        "microsoft.managedservices/registrationassignments/write",
        "foreign tenant delegated",
        "T1199",
        5,
    ),
    (
        "microsoft.automation/automationaccounts/runbooks/draft/write",
        "runbook changed",
        "T1651",
        3,
    ),
    (
        "microsoft.automation/automationaccounts/runbooks/publish/action",
        "runbook published",
        "T1651",
        3,
    ),
    (
        "microsoft.automation/automationaccounts/jobs/write",
        "runbook run",
        "T1651",
        3,
    ),
    (
        "microsoft.automation/automationaccounts/webhooks/write",
        "trigger from outside",
        "T1546",
        4,
    ),
    (
        "microsoft.automation/automationaccounts/schedules/write",
        "scheduled run",
        "T1053",
        3,
    ),
    (
        "microsoft.resources/subscriptions/resourcegroups/delete",
        "mass removal",
        "T1485",
        5,
    ),
    (
        "microsoft.resources/deployments/write",
        "template deployed",
        "T1578",
        1,
    ),
    (
        "microsoft.compute/virtualmachines/write",
        "machine made or changed",
        "T1578.002",
        1,
    ),
    (
        "microsoft.portal/consoles/write",
        "cloud shell made",
        "T1059.009",
        2,
    ),
    (
        "microsoft.containerservice/managedclusters/runcommand/action",
        "command in a cluster",
        "T1651",
        5,
    ),
];

/// Endings that show keys or secrets, whatever the provider.
pub(crate) const LISTINGS: [&str; 4] = [
    "listkeys/action",
    "listsecrets/action",
    "listcredentials/action",
    "listkeyvalue/action",
];
pub(crate) const LISTING_WEIGHT: u8 = 4;

/// The curated operations with their weights.
pub(crate) fn weighted() -> impl Iterator<Item = (&'static str, u8)> {
    CURATED.iter().map(|(name, _, _, weight)| (*name, *weight))
}

/// Whether an operation is one of the curated list, endings aside.
pub(crate) fn is_curated(operation: &str) -> bool {
    CURATED.iter().any(|(name, _, _, _)| *name == operation)
}

static LISTED: [Entry; 4] = [
    listed(LISTINGS[0]),
    listed(LISTINGS[1]),
    listed(LISTINGS[2]),
    listed(LISTINGS[3]),
];

const fn listed(ending: &'static str) -> Entry {
    (ending, "keys or secrets shown", "T1552", LISTING_WEIGHT)
}

fn entry(operation: &str) -> Option<&'static Entry> {
    let curated = CURATED.iter().find(|(name, _, _, _)| *name == operation);
    let mut listed = LISTED.iter();
    curated.or_else(|| listed.find(|(ending, _, _, _)| operation.ends_with(ending)))
}

fn severity(weight: u8) -> Severity {
    match weight {
        0..=2 => Severity::Info,
        3..=4 => Severity::Low,
        5 => Severity::Medium,
        _ => Severity::High,
    }
}

/// What is kept of a finding.
#[derive(Clone, Copy, Debug)]
struct Said {
    entry: &'static Entry,
    raised: bool,
    hours: i64,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let (_, why, _, weight) = *self.entry;
        let beside = if self.raised {
            let hours = self.hours;
            format!(" The same principal used Run Command within {hours} h.")
        } else {
            String::new()
        };
        let mut values = Map::new();
        values.insert("weight".to_owned(), Value::from(weight));
        values.insert("near_run_command".to_owned(), Value::from(self.raised));
        Words {
            summary: format!(
                "{} performed {} on {} ({why}).{beside}",
                who(op),
                op.operation,
                target(op)
            ),
            values,
        }
    }
}

/// What one operation's name tells, made once: the entry, its title and what its findings say without and with a command beside them.
struct Kind {
    entry: &'static Entry,
    title: Arc<str>,
    said: [Arc<dyn Wording>; 2],
}

fn kind(operation: &str, hours: i64) -> Option<Kind> {
    let entry = entry(operation)?;
    let said = |raised: bool| -> Arc<dyn Wording> {
        Arc::new(Said {
            entry,
            raised,
            hours,
        })
    };
    Some(Kind {
        entry,
        title: format!("Sensitive operation: {}", entry.1).into(),
        said: [said(false), said(true)],
    })
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let hours = view.settings.sensitive_operation.near_hours;
    let near = hours * 3600 * NS_PER_SECOND;
    let history = view.history();
    // When each principal ran commands, in time order like the operations.
    let mut run_commands: Known<u32, Vec<i64>> = Known::default();
    for (at, op) in view.operations.iter().enumerate() {
        if let (true, Some(principal), Some(started)) = (
            op.family.is_run_command(),
            history.principal(at),
            op.started,
        ) {
            run_commands.entry(principal).or_default().push(started.ns);
        }
    }
    let mut kinds: Known<Symbol, Option<Kind>> = Known::default();
    let mut findings = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        if op.outcome != OperationOutcome::Succeeded {
            continue;
        }
        let known = kinds
            .entry(op.symbols.operation)
            .or_insert_with(|| kind(&op.operation, hours));
        let Some(known) = known else {
            continue;
        };
        let (_, _, technique, weight) = known.entry;
        let started = op.started.map(|started| started.ns);
        let times = history.principal(at).and_then(|of| run_commands.get(&of));
        let raised = times.zip(started).is_some_and(|(times, now)| {
            let next = times.partition_point(|then| *then < now.saturating_sub(near));
            times
                .get(next)
                .is_some_and(|then| *then <= now.saturating_add(near))
        });
        let base = severity(*weight);
        let [alone, beside] = &known.said;
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if raised { base.raised() } else { base },
            confidence: Confidence::High,
            baseline: Baseline::NotApplicable,
            title: known.title.clone(),
            wording: Some(if raised { beside } else { alone }.clone()),
            operations: vec![at],
            attack: Cow::Borrowed(std::slice::from_ref(technique)),
            ..Finding::default()
        });
    }
    findings
}
