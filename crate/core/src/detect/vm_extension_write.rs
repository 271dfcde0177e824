//! # Script-capable extension deployed
//!
//! ## What it finds
//! Each successful write of a VM extension that can run code (custom script, Run Command as an extension, VM access, DSC), and each
//! first write of an extension name on a VM within the window. The type comes from the request or response body; where no body is
//! kept it is inferred from the instance name, with low confidence. A known caller of kind user counts as a deployment by hand.
//!
//! ## Why it matters
//! An extension runs as SYSTEM or root or resets an account, without Run Command's name in the log (T1651, T1098).
//!
//! ## Parameters
//! `window_days` (7; 1 to 90): how far back an earlier write of the same extension on the same VM is looked for.
//!
//! ## Known false positives
//! Provisioning, monitoring and policy extensions. The caller chooses the instance name, so the name proves nothing.
//!
//! ## Sources
//! Elastic rules e842d39d, d69d05f8, d29b0a67; Sentinel Rare_Custom_Script_Extension; AZT301.2, AZT301.3, AZT501.3.

use super::{
    CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, coverage,
    needs_operations, target, who,
};
use crate::identity::{CallerKind, fold};
use crate::json::Value as Json;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::time::NS_PER_DAY;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "vm-extension-write",
    not_assessed: needs_operations,
    run,
};

/// Names by which a type is inferred; the first six can run what the caller wants.
const TYPES: [&str; 11] = [
    "customscript",
    "runcommandlinux",
    "runcommandwindows",
    "runcommandhandler",
    "vmaccess",
    "dsc",
    "jsonadddomainextension",
    "azurepolicy",
    "configurationfor",
    "chefclient",
    "puppet",
];
const HIGH_RISK: usize = 6;

/// An extension's type, and whether the body said it.
pub(crate) fn type_of(op: &Operation) -> (String, bool) {
    for body in &op.bodies {
        let body = Json::new(body.as_bytes());
        let properties = body.get_folded("properties");
        let part = |name: &str| {
            properties
                .get_folded(name)
                .word()
                .or_else(|| body.get_folded(name).word())
        };
        if let (Some(publisher), Some(kind)) = (part("publisher"), part("type")) {
            return (fold(&format!("{publisher}.{kind}")), true);
        }
    }
    let name = op
        .resource
        .as_ref()
        .and_then(|id| id.child())
        .unwrap_or_default();
    let inferred = TYPES.iter().find(|kind| name.contains(*kind)).copied();
    (inferred.unwrap_or("unknown").to_owned(), false)
}

/// The same instance name on the same VM. A machine moved to another resource group keeps its name and its extensions.
type InstanceKey<'a> = (Option<&'a str>, Option<String>, Option<String>);

fn instance(op: &Operation) -> InstanceKey<'_> {
    let name = op.resource.as_ref().and_then(|id| id.child());
    (op.subscription.as_deref(), op.vm(), name)
}

/// What is kept of a finding.
#[derive(Debug)]
struct Said {
    kind: String,
    high_risk: bool,
    new_pair: bool,
    by_user: bool,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let kind = &self.kind;
        let name = op.resource.as_ref().and_then(|id| id.child());
        let name = name.unwrap_or_default();
        let first = if self.new_pair {
            ", for the first time in the window"
        } else {
            ""
        };
        let mut values = Map::new();
        values.insert("type".to_owned(), Value::from(kind.clone()));
        values.insert("high_risk_type".to_owned(), Value::from(self.high_risk));
        values.insert("new_pair".to_owned(), Value::from(self.new_pair));
        values.insert("user_deployed".to_owned(), Value::from(self.by_user));
        Words {
            summary: format!(
                "{} wrote the extension {name} ({kind}) on {}{first}.",
                who(op),
                target(op)
            ),
            values,
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let window = view.settings.vm_extension_write.window_days * NS_PER_DAY;
    let writes: Vec<(usize, &Operation)> = view
        .operations
        .iter()
        .enumerate()
        .filter(|(_, op)| {
            op.family == OperationFamily::Extension && op.outcome == OperationOutcome::Succeeded
        })
        .collect();
    // The last write of each instance, and the last before its instant: two at one instant are not before each other.
    let mut last: BTreeMap<InstanceKey<'_>, (i64, Option<i64>)> = BTreeMap::new();
    let deployed: Arc<str> = "Script-capable extension deployed".into();
    let first: Arc<str> = "Extension deployed for the first time".into();
    let history = view.history();
    let mut findings = Vec::new();
    for (at, op) in &writes {
        let (kind, stated) = type_of(op);
        let high_risk = TYPES
            .iter()
            .take(HIGH_RISK)
            .any(|risky| kind.contains(risky));
        let Some(started) = op.started else { continue };
        let slot = last.entry(instance(op)).or_insert((started.ns, None));
        if slot.0 < started.ns {
            *slot = (started.ns, Some(slot.0));
        }
        let earlier = slot
            .1
            .is_some_and(|then| then >= started.ns.saturating_sub(window));
        let new_pair = !earlier && op.resource.is_some();
        let by_user = op.caller_kind == CallerKind::User && high_risk;
        if !high_risk && !new_pair {
            continue;
        }
        let since = history.since(history.subscription(*at));
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if high_risk {
                Severity::Medium
            } else {
                Severity::Low
            },
            confidence: if stated {
                Confidence::High
            } else {
                Confidence::Low
            },
            baseline: coverage(since, started.ns.saturating_sub(window)),
            title: if high_risk { &deployed } else { &first }.clone(),
            wording: Some(Arc::new(Said {
                kind,
                high_risk,
                new_pair,
                by_user,
            })),
            operations: vec![*at],
            attack: Cow::Borrowed(&["T1651", "T1059", "T1098"]),
            ..Finding::default()
        });
    }
    findings
}
