//! # Run command around an identity anomaly
//!
//! ## What it finds
//! A successful Run Command whose principal was flagged shortly before or after: a behaviour row of Sentinel that says the action is uncommon for the
//! user, a sign-in of at least the risk `risk_min`, or a risk detection. The command counts from `pre_minutes` before the anomaly to
//! `post_minutes` after it, both ends included. One finding for each command lists every anomaly, the nearest first.
//!
//! `ip_relation` compares the addresses: `same` is `critical`, `different` is `medium`, all else (`same-prefix`, `unknown`) is `high`. The address that
//! obtained the token is compared as well, and the worse relation is reported.
//!
//! ## Why it matters
//! The command was run by whoever held the session that looked stolen (T1651, T1078.004).
//!
//! ## Parameters
//! `pre_minutes` (60; 0 to 10080), `post_minutes` (360; 0 to 10080), `use_signin_risk` (yes), `risk_min` (medium; low, medium, high), `published` (no): users and
//! behaviour rows only, joined by the name as it is spelled, always `high`. The published query promises an address and compares none.
//!
//! ## Known false positives
//! Travel, new devices.
//!
//! ## Sources
//! Sentinel RunCommandUEBABreach; MSTIC "Investigating suspicious Azure activity"; AZT301.1, AZT201.1.

use super::history::NS_PER_MINUTE;
use super::identities::Identity;
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures, mode,
    needs_operations, seconds, target, who,
};
use crate::event::EventKind;
use crate::identity::fold;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-in-risk-window",
    not_assessed,
    run,
};

/// Anomalies listed in one finding.
const MOST_LISTED: usize = 50;
/// Anomalies compared on each side of a command: a sensor that flags every minute is not quadratic.
const MOST_COMPARED: usize = 200;

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    needs_operations(view).or_else(|| {
        let any = view.identities().iter().any(|one| {
            matches!(
                one.kind,
                EventKind::Behaviour | EventKind::SignIn | EventKind::IdentityRisk
            )
        });
        (!any).then(|| {
            "not-assessed: no sign-ins, risk detections or behaviour rows are loaded".to_owned()
        })
    })
}

/// How the addresses of command and anomaly relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Different,
    Unknown,
    SamePrefix,
    Same,
}

impl Relation {
    fn word(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Unknown => "unknown",
            Self::SamePrefix => "same-prefix",
            Self::Same => "same",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Different => Severity::Medium,
            Self::Unknown | Self::SamePrefix => Severity::High,
            Self::Same => Severity::Critical,
        }
    }

    fn of(view: &CaseView<'_>, one: Option<&str>, other: Option<&str>) -> Self {
        let (Some(one), Some(other)) = (one, other) else {
            return Self::Unknown;
        };
        if one == other {
            return Self::Same;
        }
        let mask = |ip| view.history().mask(ip);
        match (mask(one), mask(other)) {
            (Some(one), Some(other)) if one == other => Self::SamePrefix,
            _ => Self::Different,
        }
    }
}

/// How bad a level of risk is; levels that say nothing are below all.
fn level(risk: &str) -> i64 {
    match risk {
        "low" => 0,
        "medium" => 1,
        "high" => 2,
        _ => -1,
    }
}

/// Why a record is an anomaly, where it is one.
fn anomaly(view: &CaseView<'_>, one: &Identity) -> Option<&'static str> {
    let settings = &view.settings.identity.risk_window;
    let fact = &one.fact;
    let text = |symbol| view.store.text(symbol).unwrap_or("");
    match one.kind {
        EventKind::Behaviour => {
            let uncommon = text(fact.insights)
                .split(',')
                .any(|name| name.eq_ignore_ascii_case("ActionUncommonlyPerformedByUser"));
            let of_entra = fold(text(fact.source)) == "azure ad";
            let placed = fact.upn.is_some() && fact.location.is_some();
            (uncommon && of_entra && placed).then_some("uncommon-action")
        }
        EventKind::SignIn if settings.use_signin_risk && !settings.published => {
            (level(text(fact.risk)) >= settings.risk_min.place()).then_some("risky-sign-in")
        }
        EventKind::IdentityRisk if settings.use_signin_risk && !settings.published => {
            (text(fact.risk) != "none").then_some("risk-detection")
        }
        _ => None,
    }
}

/// An operation and the anomalies around it, the nearest first.
struct Risk<'a> {
    operation: usize,
    near: Vec<&'a (Identity, &'static str)>,
    count: usize,
}

fn monitored(view: &CaseView<'_>, op: &Operation) -> bool {
    let wanted = if view.settings.identity.risk_window.published {
        op.family == OperationFamily::Action && !op.operation.contains("scaleset")
    } else {
        op.family.is_run_command()
    };
    wanted && op.outcome == OperationOutcome::Succeeded
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    view.risk_findings().to_vec()
}

/// One finding for each command around an anomaly, by operation.
pub(super) fn findings(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.identity.risk_window;
    let (pre, post) = (
        settings.pre_minutes * NS_PER_MINUTE,
        settings.post_minutes * NS_PER_MINUTE,
    );
    let anomalies: Vec<(Identity, &'static str)> = view
        .identities()
        .iter()
        .filter_map(|one| Some((*one, anomaly(view, one)?)))
        .collect();
    // By principal, or by name as spelled; each list in time order.
    let mut by_number: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, (one, _)) in anomalies.iter().enumerate() {
        if let Some(number) = view.history().actor_of(one.event) {
            by_number.entry(number).or_default().push(at);
        }
        if let Some(name) = one.actor(view) {
            by_name.entry(name).or_default().push(at);
        }
    }
    let mut findings = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        let (true, Some(started)) = (monitored(view, op), op.started) else {
            continue;
        };
        let list = if settings.published {
            op.caller.as_deref().and_then(|name| by_name.get(name))
        } else {
            let principal = view.history().principal(at);
            principal.and_then(|number| by_number.get(&number))
        };
        let Some(list) = list else { continue };
        let time = |at: &usize| anomalies.get(*at).map_or(i64::MAX, |(one, _)| one.at.ns);
        // The command lies in [u − pre, u + post] where u lies in [command − post, command + pre].
        let (low, high) = (
            started.ns.saturating_sub(post),
            started.ns.saturating_add(pre),
        );
        let from = list.partition_point(|at| time(at) < low);
        let to = list.partition_point(|at| time(at) <= high);
        let here = list.partition_point(|at| time(at) < started.ns);
        let compared = from.max(here.saturating_sub(MOST_COMPARED))
            ..to.min(here.saturating_add(MOST_COMPARED));
        let near = list.get(compared).unwrap_or(&[]);
        let mut near: Vec<&(Identity, &'static str)> =
            near.iter().filter_map(|at| anomalies.get(*at)).collect();
        if near.is_empty() {
            continue;
        }
        near.sort_by_key(|(one, _)| (one.at.ns - started.ns).abs());
        let risk = Risk {
            operation: at,
            near,
            count: to - from,
        };
        findings.push(finding(view, op, started.ns, &risk));
    }
    findings
}

fn finding(view: &CaseView<'_>, op: &Operation, started: i64, risk: &Risk<'_>) -> Finding {
    let settings = &view.settings.identity.risk_window;
    let endpoint = op.ips.first().map(|ip| &**ip);
    let token = op.token_ip.as_deref();
    let mut worst: Option<(Relation, &'static str)> = None;
    for (one, _) in &risk.near {
        let found = [
            (Some(Relation::of(view, endpoint, one.ip(view))), "ip"),
            (
                token.map(|token| Relation::of(view, Some(token), one.ip(view))),
                "ip_token",
            ),
        ];
        for (relation, origin) in found {
            let Some(relation) = relation else { continue };
            if worst.is_none_or(|(worst, _)| relation > worst) {
                worst = Some((relation, origin));
            }
        }
    }
    let (relation, origin) = worst.unwrap_or((Relation::Unknown, "ip"));
    let listed: Vec<Value> = risk
        .near
        .iter()
        .take(MOST_LISTED)
        .map(|(one, why)| {
            json!({
                "why": why,
                "time": one.at.to_string(),
                "offset": seconds(one.at.ns - started),
                "ip": one.ip(view),
                "operation": one.operation(view),
                "risk": view.store.text(one.fact.risk),
            })
        })
        .collect();
    let nearest = risk.near.first().map(|(one, why)| {
        let offset = started - one.at.ns;
        let when = if offset < 0 { "before" } else { "after" };
        let minutes = offset.abs() as f64 / NS_PER_MINUTE as f64;
        format!("{minutes:.0} min {when} {}", words(why))
    });
    Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if settings.published {
            Severity::High
        } else {
            relation.severity()
        },
        confidence: if relation >= Relation::SamePrefix {
            Confidence::High
        } else {
            Confidence::Medium
        },
        baseline: Baseline::NotApplicable,
        title: "Run command around an identity anomaly".into(),
        summary: format!(
            "{} ran a command on {} {} ({} around it; the addresses are {}).",
            who(op),
            target(op),
            nearest.unwrap_or_default(),
            if risk.count == 1 {
                "1 anomaly".to_owned()
            } else {
                format!("{} anomalies", risk.count)
            },
            match relation {
                Relation::Same => "the same",
                Relation::SamePrefix => "of one network",
                Relation::Different => "different",
                Relation::Unknown => "not both known",
            }
        )
        .into(),
        operations: vec![risk.operation],
        events: risk.near.iter().map(|(one, _)| one.event).collect(),
        values: figures(json!({
            "ip_relation": relation.word(),
            "address_origin": origin,
            "anomalies": listed,
            "count": risk.count,
            "mode": mode(settings.published),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651", "T1078.004"]),
        ..Finding::default()
    }
}

fn words(why: &str) -> &'static str {
    match why {
        "uncommon-action" => "an action uncommon for the user",
        "risky-sign-in" => "a risky sign-in",
        _ => "a risk detection",
    }
}

/// Run commands further from all identity records than the windows reach: nothing can be said of them.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let settings = &view.settings.identity.risk_window;
    let seen = |one: &&Identity| one.kind != EventKind::DirectoryAudit;
    let first = view.identities().iter().find(seen)?.at.ns;
    let last = view.identities().iter().rev().find(seen)?.at.ns;
    let ops = view.operations.iter().enumerate();
    let outside = ops.filter(|(_, op)| {
        monitored(view, op)
            && op.started.is_some_and(|started| {
                started.ns < first.saturating_sub(settings.pre_minutes * NS_PER_MINUTE)
                    || started.ns > last.saturating_add(settings.post_minutes * NS_PER_MINUTE)
            })
    });
    let n = outside.count();
    (n > 0).then(|| {
        format!(
            "not-assessed for {}: no sign-in, risk or behaviour record lies near them",
            counted(n, "run command")
        )
    })
}
