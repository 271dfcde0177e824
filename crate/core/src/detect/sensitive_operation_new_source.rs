//! # Repeated sensitive operation from a new source
//!
//! ## What it finds
//! Two things, both about successful key listings, snapshots and rule-set changes in the detection window (the last `detection_hours`, both
//! ends included), against the baseline (from `baseline_days` before the end up to that window, its end excluded), per subscription.
//! `rare-source`: `least_operations` or more of one kind by one principal from one address, which never did as many on one UTC day
//! before. `unknown-address`: a key listing from a network whence the principal did not list keys at least twice before, though it listed
//! at least two from a known one. Both are `low`; together, or within six hours of a Run Command of the principal, `medium`.
//!
//! ## Why it matters
//! Keys read and disks copied in number, from where it was never done (T1003, T1098, T1555.006).
//!
//! ## Parameters
//! `baseline_days` (14; 2 to 90), `detection_hours` (24; 1 to 168), `least_operations` (5; 1 to 1000), `published` (no): the two windows share
//! their common instant, and a listing is reported if it differs from any known network, so that a caller with two usual networks
//! is reported from both.
//!
//! ## Known false positives
//! Key-rotating applications, backup products.
//!
//! ## Sources
//! Sentinel RareOperations, Anomalous_Listing_Of_Storage_Keys; Sigma azure_rare_operations; AZT605.1.

use super::history::{Known, NS_PER_HOUR, day};
use super::{
    Baseline, CaseView, Detector, Finding, Severity, counted, figures, mode, needs_operations,
    sure_by, target, who,
};
use crate::event::intern::Symbol;
use crate::reconstruct::operations::OperationOutcome;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "sensitive-operation-new-source",
    not_assessed,
    run,
};

/// How near a Run Command makes it worse; both ends included.
const NEAR: i64 = 6 * NS_PER_HOUR;
/// So many listings make a network known.
const KNOWN: usize = 2;

fn is_listing(operation: &str) -> bool {
    operation.ends_with("listkeys/action")
}

fn is_watched(operation: &str) -> bool {
    is_listing(operation)
        || matches!(
            operation,
            "microsoft.compute/snapshots/write" | "microsoft.network/networksecuritygroups/write"
        )
}

struct Windows {
    baseline: i64,
    detection: i64,
    end: i64,
}

impl Windows {
    fn of(view: &CaseView<'_>) -> Option<Self> {
        let settings = &view.settings.control_plane.new_source;
        let end = view.history().end()?;
        Some(Self {
            baseline: end.saturating_sub(settings.baseline_days * NS_PER_DAY),
            detection: end.saturating_sub(settings.detection_hours * NS_PER_HOUR),
            end,
        })
    }

    /// Whether a time lies in the baseline. The published windows share an instant.
    fn learns(&self, ns: i64, published: bool) -> bool {
        ns >= self.baseline && (ns < self.detection || published && ns == self.detection)
    }

    fn detects(&self, ns: i64) -> bool {
        ns >= self.detection && ns <= self.end
    }
}

/// Subscription, principal, address, operation.
type Source = (u32, u32, Symbol, Symbol);
/// Subscription and principal.
type Lister = (u32, u32);

/// What the records hold, sorted by who did it.
#[derive(Debug, Default)]
pub struct Seen {
    /// Operations of each source on each baseline day.
    days: Known<(Source, i64), usize>,
    /// Operations of each source in the detection window.
    now: Known<Source, Vec<usize>>,
    /// Listings of each principal in the baseline, by network.
    listed: BTreeMap<Lister, BTreeMap<Arc<str>, usize>>,
    /// Successful listings in the baseline, with an address or without.
    listings: BTreeMap<Lister, usize>,
    /// Listings in the detection window.
    listing_now: Vec<(Lister, usize)>,
}

pub(super) fn seen(view: &CaseView<'_>) -> Seen {
    let Some(windows) = Windows::of(view) else {
        return Seen::default();
    };
    // What each name and each address tells, once.
    let mut kinds: Known<Symbol, (bool, bool)> = Known::default();
    let mut networks: Known<Symbol, Option<Arc<str>>> = Known::default();
    let history = view.history();
    let published = view.settings.control_plane.new_source.published;
    let mut seen = Seen::default();
    for (at, op) in view.operations.iter().enumerate() {
        let (Some(started), Some(principal)) = (op.started, history.principal(at)) else {
            continue;
        };
        let kind = kinds.entry(op.symbols.operation);
        let (is_watched, is_listing) =
            *kind.or_insert_with(|| (is_watched(&op.operation), is_listing(&op.operation)));
        if op.outcome != OperationOutcome::Succeeded || !is_watched {
            continue;
        }
        let lister = (history.subscription(at), principal);
        let source = op
            .ips
            .first()
            .map(|_| (lister.0, principal, op.symbols.ip, op.symbols.operation));
        let (learns, detects) = (
            windows.learns(started.ns, published),
            windows.detects(started.ns),
        );
        if let (Some(source), true) = (source, learns) {
            *seen.days.entry((source, day(started.ns))).or_default() += 1;
        }
        if let (Some(source), true) = (source, detects) {
            seen.now.entry(source).or_default().push(at);
        }
        if !is_listing {
            continue;
        }
        if learns {
            *seen.listings.entry(lister).or_default() += 1;
            let mask = op.ips.first().and_then(|ip| {
                let known = networks.entry(op.symbols.ip);
                let known = known.or_insert_with(|| history.mask(ip).map(Into::into));
                known.clone()
            });
            if let Some(mask) = mask {
                let networks = seen.listed.entry(lister).or_default();
                *networks.entry(mask).or_default() += 1;
            }
        }
        if detects {
            seen.listing_now.push((lister, at));
        }
    }
    seen
}

/// Detection windows of sources that never did as much on one day.
/// No source shares an operation with another, so that their order decides nothing.
fn rare(view: &CaseView<'_>) -> Vec<Vec<usize>> {
    let seen = view.sources();
    let settings = &view.settings.control_plane.new_source;
    let least = usize::try_from(settings.least_operations).unwrap_or(usize::MAX);
    let usual: BTreeSet<Source> = seen
        .days
        .iter()
        .filter(|(_, count)| **count >= least)
        .map(|((source, _), _)| *source)
        .collect();
    let rare = seen
        .now
        .iter()
        .filter(|(source, operations)| operations.len() >= least && !usual.contains(*source));
    rare.map(|(_, operations)| operations.clone()).collect()
}

/// Listings from a network that is not among the principal's known ones: (operation, network, known networks).
fn unknown(view: &CaseView<'_>) -> Vec<(usize, String, Vec<String>)> {
    let seen = view.sources();
    let published = view.settings.control_plane.new_source.published;
    let mut found = Vec::new();
    for (lister, at) in &seen.listing_now {
        let known: Vec<String> = seen
            .listed
            .get(lister)
            .into_iter()
            .flatten()
            .filter(|(_, count)| **count >= KNOWN)
            .map(|(mask, _)| mask.to_string())
            .collect();
        let address = view.operations.get(*at).and_then(|op| op.ips.first());
        let Some(mask) = address.and_then(|ip| view.history().mask(ip)) else {
            continue;
        };
        let differs = if published {
            known.iter().any(|have| *have != mask)
        } else {
            !known.is_empty() && !known.contains(&mask)
        };
        if differs {
            found.push((*at, mask, known));
        }
    }
    found
}

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    let reason = needs_operations(view);
    if reason.is_some() {
        return reason;
    }
    let windows = Windows::of(view)?;
    if windows.baseline >= windows.detection {
        return Some("not-assessed: the detection window is as long as the baseline; raise baseline_days or lower detection_hours".to_owned());
    }
    let nothing_before = view.history().earliest() >= windows.detection;
    // A number that is unusual by itself is reported all the same; silence would claim that there is none.
    let silent = || rare(view).is_empty();
    (nothing_before && silent()).then(|| {
        "not-assessed: no Activity Log record is older than the detection window; there is nothing to compare with".to_owned()
    })
}

/// How many principals listed keys without having listed enough before.
pub(crate) fn left_out(view: &CaseView<'_>) -> Option<String> {
    let seen = view.sources();
    let enough = |lister: &Lister| {
        seen.listings
            .get(lister)
            .is_some_and(|count| *count >= KNOWN)
    };
    let listers = seen.listing_now.iter().map(|(lister, _)| lister);
    let lacking: BTreeSet<&Lister> = listers.filter(|lister| !enough(lister)).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "not-assessed: {} listed keys but hardly any before, so that no network is known to be theirs",
            counted(lacking.len(), "principal")
        )
    })
}

fn quality(view: &CaseView<'_>, windows: &Windows, at: usize) -> Baseline {
    let since = view.history().since(view.history().subscription(at));
    if since <= windows.baseline {
        Baseline::Full
    } else if since < windows.detection {
        Baseline::Partial
    } else {
        Baseline::Insufficient
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.new_source;
    let history = view.history();
    let Some(windows) = Windows::of(view) else {
        return Vec::new();
    };
    let mut commands: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        if let (true, Some(principal), Some(started)) = (
            op.family.is_run_command(),
            history.principal(at),
            op.started,
        ) {
            commands.entry(principal).or_default().push(started.ns);
        }
    }
    let near = |at: usize| {
        let times = history.principal(at).and_then(|of| commands.get(&of));
        let started = view.operations.get(at).and_then(|op| op.started);
        let (Some(times), Some(started)) = (times, started) else {
            return false;
        };
        let next = times.partition_point(|then| *then < started.ns.saturating_sub(NEAR));
        times
            .get(next)
            .is_some_and(|then| *then <= started.ns.saturating_add(NEAR))
    };
    let (rare, unknown) = (rare(view), unknown(view));
    let in_number: BTreeSet<usize> = rare.iter().flatten().copied().collect();
    let from_unknown: BTreeSet<usize> = unknown.iter().map(|(at, _, _)| *at).collect();
    let severity = |both: bool, near: bool| {
        if both || near {
            Severity::Medium
        } else {
            Severity::Low
        }
    };
    let mut findings = Vec::new();
    for operations in rare {
        let Some((at, op)) = operations
            .first()
            .and_then(|at| Some((*at, view.operations.get(*at)?)))
        else {
            continue;
        };
        let operation = &*op.operation;
        let ip = op.ips.first().map_or("", |ip| &**ip);
        let both = operations.iter().any(|at| from_unknown.contains(at));
        let beside = operations.iter().any(|at| near(*at));
        let baseline = quality(view, &windows, at);
        let count = operations.len();
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: severity(both, beside),
            confidence: sure_by(baseline),
            baseline,
            title: "Sensitive operations in number from a new source".into(),
            summary: format!(
                "{} performed {operation} {} from {ip}; on no day of the baseline were there {}.",
                who(op),
                counted(count, "time"),
                settings.least_operations
            )
            .into(),
            operations,
            values: figures(json!({
                "rule": "rare-source",
                "count": count,
                "operation": operation,
                "ip": ip,
                "both": both,
                "near_run_command": beside,
                "mode": mode(settings.published),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1003", "T1098", "T1555.006"]),
            ..Finding::default()
        });
    }
    for (at, mask, known) in unknown {
        let Some(op) = view.operations.get(at) else {
            continue;
        };
        let (both, beside) = (in_number.contains(&at), near(at));
        let baseline = quality(view, &windows, at);
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: severity(both, beside),
            confidence: sure_by(baseline),
            baseline,
            title: "Keys listed from an unknown network".into(),
            summary: format!(
                "{} listed keys of {} from {mask}; the networks known for that are {}.",
                who(op),
                target(op),
                known.join(", ")
            )
            .into(),
            operations: vec![at],
            values: figures(json!({
                "rule": "unknown-address",
                "count": 1,
                "network": mask,
                "known": known,
                "both": both,
                "near_run_command": beside,
                "mode": mode(settings.published),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1003", "T1098", "T1555.006"]),
            ..Finding::default()
        });
    }
    findings.sort_by_key(|finding| finding.operations.first().copied());
    findings
}
