//! # Six baseline anomalies
//!
//! ## What it finds
//! Run Commands of the action form in the detection window (the last `detection_hours` of the case, both ends included) that the
//! `baseline_days` before it (end excluded) do not explain, per subscription: a caller never seen there or never on VMs, a network likewise, the first Run
//! Command at all, or a caller who is rare on VMs. The caller counts 0 to 2, the network 0 to 2, the other two 1 each: score 1–2 is `low`,
//! 3–4 `medium`, 5–6 `high`; at most `low` on an insufficient baseline. An operation is looked at by the address that called and by the
//! one that obtained the token; the worse result is reported and says whose it is.
//!
//! `reason` says why a caller is anomalous: `never` (no operation on VMs), `rare-for-caller` (such operations are a small part of its work),
//! `apart` (caller and VMs share little and less than chance).
//!
//! ## Why it matters
//! An operation by an account, from a network, on a subscription that weeks of work do not explain (T1651, T1078.004, T1570).
//!
//! ## Parameters
//! `detection_hours` (72; 1 to 720), `baseline_days` (30; 1 to 365), `theta_permille` (100; 0 to 1000 thousandths), `least_rows` (50),
//! `least_days` (7), `include_managed` (no), `published` (no). The published query tests the resource type where it means the
//! operation, lets callers without history pass, counts rows that are successful and addressed at once, compares callers with case and
//! knows no IPv6; with `published` the same is done here, without the rankings that it computes and never uses.
//!
//! ## Known false positives
//! New staff, new offices, mobile networks, first adoption of the feature.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; Sentinel AnomalousAzureOperationModel; AZT301.1, AZT201.

use super::history::{NS_PER_HOUR, day};
use super::{
    Baseline, CaseView, Detector, Finding, Referred, Severity, Wording, Words, coverage, figures,
    mode, needs_operations, sure_by, target, who,
};
use crate::event::fact::Status;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::time::{Instant, NS_PER_DAY};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "anomalous-operation-model",
    not_assessed,
    run,
};

/// `P`: operations on VMs begin with it, and what follows is neither letter nor digit.
const RESOURCE: &str = "microsoft.compute/virtualmachines";
/// The one operation that the published query monitors.
const PUBLISHED_OPERATION: &str = "microsoft.compute/virtualmachines/runcommand/action";

/// Which address a result rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The one that called the management endpoint.
    Endpoint,
    /// The one that obtained the token.
    Token,
}

impl Origin {
    /// The word in `address_origin`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "ip",
            Self::Token => "ip_token",
        }
    }
}

/// Counts of the baseline, and the four metrics that follow from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `N`: operations.
    pub rows: u64,
    /// `n(c)`: of the caller.
    pub caller: u64,
    /// `n1`: on VMs.
    pub resource: u64,
    /// `n(c,1)`: of the caller on VMs.
    pub both: u64,
}

fn ratio(p: u64, q: u64) -> Option<f64> {
    (q > 0).then(|| p as f64 / q as f64)
}

/// `⌊p/q⌋₅ ≤ θ` in whole numbers; `None` where `q` is 0.
fn at_most(p: u64, q: u64, theta_permille: i64) -> Option<bool> {
    let bound = u128::try_from(theta_permille).unwrap_or(0) * 100 + 1;
    (q > 0).then(|| u128::from(p) * 100_000 < bound * u128::from(q))
}

impl Counts {
    fn union(self) -> u64 {
        self.caller + self.resource - self.both
    }

    fn lift_below_one(self) -> bool {
        u128::from(self.both) * u128::from(self.rows)
            < u128::from(self.caller) * u128::from(self.resource)
    }

    /// `anomalous_caller` with its reason; `None` where the baseline is empty.
    fn anomalous(self, theta: i64) -> Option<Option<&'static str>> {
        if self.rows == 0 {
            return None;
        }
        let rare = |p, q| at_most(p, q, theta) == Some(true);
        Some(if self.both == 0 {
            Some("never")
        } else if rare(self.both, self.caller) {
            Some("rare-for-caller")
        } else if rare(self.both, self.union()) && self.lift_below_one() {
            Some("apart")
        } else {
            None
        })
    }

    /// The published test: Jaccard or the probability of the caller given the resource.
    fn anomalous_as_published(self) -> bool {
        let rare = |p, q| at_most(p, q, 100) == Some(true);
        self.both > 0 && (rare(self.both, self.union()) || rare(self.both, self.resource))
    }

    fn lift(self) -> Option<f64> {
        let chance = self.caller as f64 * self.resource as f64;
        (chance > 0.0).then(|| self.both as f64 * self.rows as f64 / chance)
    }
}

/// What the model says of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// By place in the case.
    pub operation: usize,
    /// No baseline operation of the caller.
    pub new_caller: bool,
    /// None of the caller on VMs.
    pub new_caller_on_resource: bool,
    /// None from the network.
    pub new_ip_mask: bool,
    /// None from the network on VMs.
    pub new_ip_mask_on_resource: bool,
    /// No monitored operation at all.
    pub new_operation_on_subscription: bool,
    /// The caller is anomalous; `None` where that is undefined.
    pub anomalous_caller: Option<bool>,
    /// Why.
    pub reason: Option<&'static str>,
    /// 0 to 6.
    pub score: u8,
    /// Baseline counts.
    pub counts: Counts,
    /// Whose address.
    pub origin: Origin,
    /// How good the baseline is.
    pub baseline: Baseline,
    /// Age of the subscription in the baseline, in days.
    pub days_on_sub: Option<i64>,
    /// Monitored operations a day, in hundredths cut off.
    pub avg_mon_ops: Option<f64>,
}

/// The caller as the mode compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who<'a> {
    Principal(u32),
    Spelling(&'a str),
}

/// The baseline of one subscription.
#[derive(Default)]
struct Learned<'a> {
    rows: u64,
    resource: u64,
    monitored: u64,
    days: BTreeSet<i64>,
    /// Operations of each caller, and those on VMs.
    callers: BTreeMap<Who<'a>, (u64, u64)>,
    /// Networks, and whether on VMs.
    masks: BTreeMap<String, bool>,
    /// As `masks`, with the networks where tokens were obtained.
    token_masks: BTreeMap<String, bool>,
}

/// `W_d` and `W_b`.
#[derive(Clone, Copy, Debug)]
struct Windows {
    baseline: i64,
    detection: i64,
    end: i64,
}

fn windows(view: &CaseView<'_>) -> Option<Windows> {
    let settings = &view.settings.control_plane.model;
    let end = view.history().end()?;
    let detection = end.saturating_sub(settings.detection_hours * NS_PER_HOUR);
    Some(Windows {
        baseline: detection.saturating_sub(settings.baseline_days * NS_PER_DAY),
        detection,
        end,
    })
}

/// `res_mon`.
fn on_resource(operation: &str) -> bool {
    operation.strip_prefix(RESOURCE).is_some_and(|rest| {
        rest.chars()
            .next()
            .is_none_or(|next| !next.is_alphanumeric())
    })
}

/// `op_mon`.
fn monitored(view: &CaseView<'_>, op: &Operation) -> bool {
    let settings = &view.settings.control_plane.model;
    if settings.published {
        return &*op.operation == PUBLISHED_OPERATION;
    }
    op.family == OperationFamily::Action
        || settings.include_managed && op.family == OperationFamily::Managed
}

/// The times at which an operation counts: once when it began, or as published once for each row that is successful and addressed.
fn times(op: &Operation, published: bool) -> Vec<i64> {
    if published {
        let rows = op
            .rows
            .iter()
            .filter(|row| row.status == Status::Success && row.addressed);
        return rows.filter_map(|row| Some(row.at?.ns)).collect();
    }
    let started = op
        .started
        .filter(|_| op.outcome == OperationOutcome::Succeeded);
    started.map(|started| started.ns).into_iter().collect()
}

/// The network as the mode compares it: the published query takes the empty prefix for whatever is not plain IPv4.
fn network(view: &CaseView<'_>, ip: &str) -> Option<String> {
    let published = view.settings.control_plane.model.published;
    if published && ip.contains(':') {
        return Some(String::new());
    }
    view.history().mask(ip)
}

fn caller<'a>(view: &CaseView<'a>, at: usize, op: &'a Operation) -> Option<Who<'a>> {
    if view.settings.control_plane.model.published {
        op.caller.as_deref().map(Who::Spelling)
    } else {
        view.history().principal(at).map(Who::Principal)
    }
}

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    let reason = needs_operations(view);
    if reason.is_some() {
        return reason;
    }
    let settings = &view.settings.control_plane.model;
    let windows = windows(view)?;
    let nothing_before = view.history().earliest() >= windows.detection;
    (nothing_before && !settings.published).then(|| {
        let from = Instant {
            ns: windows.detection,
            digits: 0,
        };
        format!("not-assessed: no Activity Log record is older than the detection window, which begins at {from}; there is nothing to compare with")
    })
}

/// How many monitored operations lack a caller or an address.
pub(crate) fn left_out(view: &CaseView<'_>) -> Option<String> {
    let settings = &view.settings.control_plane.model;
    if settings.published {
        return None;
    }
    let windows = windows(view)?;
    let wanted = view.operations.iter().enumerate().filter(|(_, op)| {
        let inside = |ns: i64| ns >= windows.detection && ns <= windows.end;
        monitored(view, op) && times(op, false).into_iter().any(inside)
    });
    let lacking = wanted.filter(|(at, op)| {
        view.history().principal(*at).is_none() || op.ips.is_empty() && op.token_ip.is_none()
    });
    let lacking = lacking.count();
    (lacking > 0).then(|| {
        format!("not-assessed: {lacking} run commands of the detection window lack a caller or an address")
    })
}

fn learn<'a>(view: &CaseView<'a>, windows: Windows) -> BTreeMap<u32, Learned<'a>> {
    let history = view.history();
    let published = view.settings.control_plane.model.published;
    let mut learned: BTreeMap<u32, Learned<'a>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        let (Some(ip), Some(caller)) = (op.ips.first(), caller(view, at, op)) else {
            continue;
        };
        if op.subscription.is_none() {
            continue;
        }
        for time in times(op, published) {
            if time < windows.baseline || time >= windows.detection {
                continue;
            }
            let on_resource = on_resource(&op.operation);
            let of = learned.entry(history.subscription(at)).or_default();
            of.rows += 1;
            of.resource += u64::from(on_resource);
            of.monitored += u64::from(monitored(view, op));
            of.days.insert(day(time));
            let (all, there) = of.callers.entry(caller).or_default();
            *all += 1;
            *there += u64::from(on_resource);
            if let Some(mask) = network(view, ip) {
                *of.token_masks.entry(mask.clone()).or_default() |= on_resource;
                *of.masks.entry(mask).or_default() |= on_resource;
            }
            if let Some(mask) = op.token_ip.as_deref().and_then(|ip| network(view, ip)) {
                *of.token_masks.entry(mask).or_default() |= on_resource;
            }
        }
    }
    learned
}

/// What the model says of each monitored operation of the detection window, in time order.
#[must_use]
pub fn assess(view: &CaseView<'_>) -> Vec<Assessment> {
    let Some(windows) = windows(view) else {
        return Vec::new();
    };
    let learned = learn(view, windows);
    let nothing = Learned::default();
    let mut found = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        let published = view.settings.control_plane.model.published;
        let inside = |ns: i64| ns >= windows.detection && ns <= windows.end;
        let when = times(op, published).into_iter().find(|time| inside(*time));
        let (true, Some(when), Some(caller)) = (monitored(view, op), when, caller(view, at, op))
        else {
            continue;
        };
        let subscription = view.history().subscription(at);
        let of = learned.get(&subscription).unwrap_or(&nothing);
        let judge = |ip: &str, origin: Origin| {
            let mask = network(view, ip)?;
            Some(judge(view, of, (at, when, caller), &mask, origin))
        };
        let by_endpoint = op.ips.first().and_then(|ip| judge(ip, Origin::Endpoint));
        let token = op.token_ip.as_deref().filter(|_| !published);
        let by_token = token.and_then(|ip| judge(ip, Origin::Token));
        let worse = match (by_endpoint, by_token) {
            (Some(endpoint), Some(token)) if token.score > endpoint.score => Some(token),
            (Some(endpoint), _) => Some(endpoint),
            (None, token) => token,
        };
        found.extend(worse.map(|assessment| Assessment {
            baseline: quality(view, of, windows, subscription),
            ..assessment
        }));
    }
    found
}

fn quality(view: &CaseView<'_>, of: &Learned<'_>, windows: Windows, subscription: u32) -> Baseline {
    let settings = &view.settings.control_plane.model;
    let short = |have: u64, least: i64| u64::try_from(least).is_ok_and(|least| have < least);
    if short(of.rows, settings.least_rows) || short(of.days.len() as u64, settings.least_days) {
        return Baseline::Insufficient;
    }
    coverage(view.history().since(subscription), windows.baseline)
}

fn judge(
    view: &CaseView<'_>,
    of: &Learned<'_>,
    (operation, when, caller): (usize, i64, Who<'_>),
    mask: &str,
    origin: Origin,
) -> Assessment {
    let settings = &view.settings.control_plane.model;
    let (all, there) = of.callers.get(&caller).copied().unwrap_or_default();
    let counts = Counts {
        rows: of.rows,
        caller: all,
        resource: of.resource,
        both: there,
    };
    let masks = match origin {
        Origin::Endpoint => &of.masks,
        Origin::Token => &of.token_masks,
    };
    let seen = masks.get(mask).copied();
    let (anomalous_caller, reason) = if settings.published {
        (Some(counts.anomalous_as_published()), None)
    } else {
        let reason = counts.anomalous(settings.theta_permille);
        (reason.map(|reason| reason.is_some()), reason.flatten())
    };
    let new_operation = if settings.published {
        of.resource == 0
    } else {
        of.monitored == 0
    };
    let (new_caller, new_caller_on_resource) = (all == 0, there == 0);
    let (new_ip_mask, new_ip_mask_on_resource) = (seen.is_none(), seen != Some(true));
    // New implies new on the resource, so that each pair is one scale and not two flags.
    let score = u8::from(new_caller)
        + u8::from(new_caller_on_resource)
        + u8::from(new_ip_mask)
        + u8::from(new_ip_mask_on_resource)
        + u8::from(new_operation)
        + u8::from(anomalous_caller == Some(true));
    let days_on_sub = of.days.first().map(|first| day(when) - first);
    let avg_mon_ops = days_on_sub
        .and_then(|days| u64::try_from(days).ok())
        .filter(|days| *days > 0)
        .map(|days| (of.monitored * 100 / days) as f64 / 100.0);
    Assessment {
        operation,
        new_caller,
        new_caller_on_resource,
        new_ip_mask,
        new_ip_mask_on_resource,
        new_operation_on_subscription: new_operation,
        anomalous_caller,
        reason,
        score,
        counts,
        origin,
        baseline: Baseline::NotApplicable,
        days_on_sub,
        avg_mon_ops,
    }
}

fn severity(score: u8, baseline: Baseline) -> Option<Severity> {
    let severity = match score {
        0 => return None,
        1..=2 => Severity::Low,
        3..=4 => Severity::Medium,
        _ => Severity::High,
    };
    Some(if baseline == Baseline::Insufficient {
        severity.min(Severity::Low)
    } else {
        severity
    })
}

impl Assessment {
    /// The flags that are set, in words.
    fn words(&self) -> String {
        let caller = match (self.new_caller, self.new_caller_on_resource) {
            (true, _) => Some("a caller not seen in the baseline"),
            (_, true) => Some("a caller not seen on VMs"),
            _ => None,
        };
        let network = match (self.new_ip_mask, self.new_ip_mask_on_resource) {
            (true, _) => Some("a network not seen in the baseline"),
            (_, true) => Some("a network not seen on VMs"),
            _ => None,
        };
        let operation = self
            .new_operation_on_subscription
            .then_some("the first such operation on the subscription");
        let anomalous =
            (self.anomalous_caller == Some(true)).then_some("a caller who is anomalous on VMs");
        let words = [caller, network, operation, anomalous];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// What is kept of a finding.
#[derive(Debug)]
struct Said {
    found: Assessment,
    windows: Option<Windows>,
    published: bool,
}

impl Wording for Said {
    fn words(&self, finding: &Finding, referred: Referred<'_>) -> Words {
        let Some(op) = referred.operation_of(finding) else {
            return Words::default();
        };
        let (found, counts) = (&self.found, self.found.counts);
        let bound = |pick: fn(Windows) -> i64| {
            let time = self.windows.map(|windows| Instant {
                ns: pick(windows),
                digits: 9,
            });
            time.map(|time| time.to_string())
        };
        let few = if found.baseline == Baseline::Insufficient {
            format!(
                " The baseline of {} operations is insufficient.",
                counts.rows
            )
        } else {
            String::new()
        };
        let flag = |set: bool| Value::from(u8::from(set));
        Words {
            summary: format!(
                "{} ran a command on {}: {} (score {} of 6).{few}",
                who(op),
                target(op),
                found.words(),
                found.score
            ),
            values: figures(json!({
                "new_caller": flag(found.new_caller),
                "new_caller_on_resource": flag(found.new_caller_on_resource),
                "new_ip_mask": flag(found.new_ip_mask),
                "new_ip_mask_on_resource": flag(found.new_ip_mask_on_resource),
                "new_operation_on_subscription": flag(found.new_operation_on_subscription),
                "anomalous_caller": found.anomalous_caller.map(flag),
                "reason": found.reason,
                "score": found.score,
                "jaccard": ratio(counts.both, counts.union()),
                "lift": counts.lift(),
                "p_caller_given_resource": ratio(counts.both, counts.resource),
                "p_resource_given_caller": ratio(counts.both, counts.caller),
                "n": counts.rows,
                "n_caller": counts.caller,
                "n_resource": counts.resource,
                "n_caller_resource": counts.both,
                "address_origin": found.origin.word(),
                "days_on_sub": found.days_on_sub,
                "avg_mon_ops": found.avg_mon_ops,
                "baseline_from": bound(|windows| windows.baseline),
                "detection_from": bound(|windows| windows.detection),
                "detection_to": bound(|windows| windows.end),
                "mode": mode(self.published),
            })),
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let published = view.settings.control_plane.model.published;
    let windows = windows(view);
    let title: Arc<str> = "Run command that the baseline does not explain".into();
    let mut findings = Vec::new();
    for found in view.assessments() {
        let Some(severity) = severity(found.score, found.baseline) else {
            continue;
        };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity,
            confidence: sure_by(found.baseline),
            baseline: found.baseline,
            title: title.clone(),
            wording: Some(Arc::new(Said {
                found: found.clone(),
                windows,
                published,
            })),
            operations: vec![found.operation],
            attack: Cow::Borrowed(&["T1651", "T1078.004", "T1570"]),
            ..Finding::default()
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_at_the_fifth_place() {
        // 0.100009 is cut to 0.10000 and rare; 0.10001 is not.
        assert_eq!(at_most(100_009, 1_000_000, 100), Some(true));
        assert_eq!(at_most(10_001, 100_000, 100), Some(false));
        assert_eq!(at_most(1, 10, 100), Some(true));
        assert_eq!(at_most(0, 5, 0), Some(true));
        assert_eq!(at_most(1, 0, 100), None);
        assert_eq!(at_most(7, 7, 1000), Some(true));
    }

    #[test]
    fn a_resource_ends_at_a_boundary() {
        assert!(on_resource(
            "microsoft.compute/virtualmachines/start/action"
        ));
        assert!(!on_resource(
            "microsoft.compute/virtualmachinescalesets/write"
        ));
        assert!(!on_resource("microsoft.compute/disks/write"));
    }

    #[test]
    fn ten_equal_operators_are_rare_to_the_published_test_only() {
        let counts = Counts {
            rows: 100,
            caller: 10,
            resource: 90,
            both: 9,
        };
        assert!(counts.anomalous_as_published());
        assert_eq!(counts.anomalous(100), Some(None));
    }
}
