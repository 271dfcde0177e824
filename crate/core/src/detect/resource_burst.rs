//! # Unusual number of creations or deletions
//!
//! ## What it finds
//! A principal that on the last UTC day of the case created (VMs, deployments) or deleted more distinct resources than its `days` days before
//! make usual. Days without any count as zero. With median `m` and median deviation `a` of those days the threshold is
//! `m + z · max(1.4826 · a, 1)`, and at least the floor; above it the finding is `medium`, above three times it `high`.
//!
//! ## Why it matters
//! Mining fleets are made in one go (T1496, T1578.002), take-downs delete in one go (T1485, T1489).
//!
//! ## Parameters
//! `days` (14; 7 to 90), `z` (3; 1 to 10), `floor_create` (5), `floor_delete` (25), `published` (no): creations are never reported (the
//! published query draws them and tests nothing), deletions count rows of every status and need a deletion in the days before. The published
//! decomposition of the series is stood in for by the threshold above.
//!
//! ## Known false positives
//! Releases, clean-up days.
//!
//! ## Sources
//! Sentinel Creating_Anomalous_Number_Of_Resources, Common_Deployed_Resources, TimeSeriesAnomaly_Mass_Cloud_Resource_Deletions.

use super::history::day;
use super::{
    Baseline, CaseView, Detector, Finding, Severity, counted, figures, mode, needs_operations,
    sure_by, who,
};
use crate::reconstruct::operations::OperationOutcome;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "resource-burst",
    not_assessed,
    run,
};

/// Makes a median deviation comparable with a standard deviation.
const DEVIATION: f64 = 1.4826;
/// So many times the threshold are worse.
const WORSE: f64 = 3.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Create,
    Delete,
}

impl Kind {
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "microsoft.compute/virtualmachines/write" | "microsoft.resources/deployments/write" => {
                Some(Self::Create)
            }
            _ if operation.ends_with("/delete") => Some(Self::Delete),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

/// What a principal did of one kind: resources on each day, and today's operations.
#[derive(Default)]
struct Work<'a> {
    resources: BTreeMap<i64, BTreeSet<&'a str>>,
    rows: BTreeMap<i64, usize>,
    today: Vec<usize>,
}

/// Middle of the sorted values, the mean of the two middle ones where there is none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    if values.len().is_multiple_of(2) {
        f64::midpoint(at(middle.saturating_sub(1)), at(middle))
    } else {
        at(middle)
    }
}

/// (median, median deviation) of the counts.
fn usual(counts: &[f64]) -> (f64, f64) {
    let m = median(&mut counts.to_vec());
    let mut away: Vec<f64> = counts.iter().map(|count| (count - m).abs()).collect();
    (m, median(&mut away))
}

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    let reason = needs_operations(view);
    if reason.is_some() {
        return reason;
    }
    let today = day(view.history().end()?);
    let nothing_before = day(view.history().earliest()) >= today;
    // A number above the floor is reported all the same; silence would claim that there is none.
    (nothing_before && run(view).is_empty()).then(|| {
        "not-assessed: no Activity Log record is older than the last day; there is nothing to compare with".to_owned()
    })
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.burst;
    let history = view.history();
    let Some(end) = history.end() else {
        return Vec::new();
    };
    let today = day(end);
    let mut work: BTreeMap<(u32, Kind), Work<'_>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        let (Some(kind), Some(principal), Some(started), Some(resource)) = (
            Kind::of(&op.operation),
            history.principal(at),
            op.started,
            op.resource.as_ref(),
        ) else {
            continue;
        };
        let counts = op.outcome == OperationOutcome::Succeeded || settings.published;
        let on = day(started.ns);
        if !counts || started.ns > end || on < today - settings.days {
            continue;
        }
        let of = work.entry((principal, kind)).or_default();
        of.resources.entry(on).or_default().insert(&resource.folded);
        *of.rows.entry(on).or_default() += op.rows.len();
        if on == today {
            of.today.push(at);
        }
    }
    let mut findings = Vec::new();
    for ((_, kind), of) in work {
        if settings.published && kind == Kind::Create {
            continue;
        }
        let count = |on: i64| {
            if settings.published {
                of.rows.get(&on).copied().unwrap_or(0)
            } else {
                of.resources.get(&on).map_or(0, BTreeSet::len)
            }
        };
        let before: Vec<f64> = (today - settings.days..today)
            .map(|on| count(on) as f64)
            .collect();
        if settings.published && before.iter().all(|count| *count == 0.0) {
            continue;
        }
        let (m, a) = usual(&before);
        let floor = match kind {
            Kind::Create => settings.floor_create,
            Kind::Delete => settings.floor_delete,
        };
        let threshold = (m + settings.z as f64 * (DEVIATION * a).max(1.0)).max(floor as f64);
        let x = count(today);
        let Some(op) = of.today.first().and_then(|at| view.operations.get(*at)) else {
            continue;
        };
        if x as f64 <= threshold {
            continue;
        }
        let since = of
            .today
            .iter()
            .map(|at| history.since(history.subscription(*at)));
        let since = since.max().unwrap_or(i64::MAX);
        let baseline = if since <= (today - settings.days).saturating_mul(NS_PER_DAY) {
            Baseline::Full
        } else if day(since) < today {
            Baseline::Partial
        } else {
            Baseline::Insufficient
        };
        let (title, did, attack) = match kind {
            Kind::Create => (
                "Unusual number of creations",
                "created",
                vec!["T1496", "T1578.002"],
            ),
            Kind::Delete => (
                "Unusual number of deletions",
                "deleted",
                vec!["T1485", "T1489"],
            ),
        };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if x as f64 > WORSE * threshold {
                Severity::High
            } else {
                Severity::Medium
            },
            confidence: sure_by(baseline),
            baseline,
            title: title.into(),
            summary: format!(
                "{} {did} {} in one day; up to {threshold:.1} would be usual after the {} days before.",
                who(op),
                counted(x, "resource"),
                settings.days
            ).into(),
            operations: of.today,
            values: figures(json!({
                "kind": kind.word(),
                "x": x,
                "threshold": threshold,
                "median": m,
                "deviation": a,
                "days": settings.days,
                "mode": mode(settings.published),
            })).into(),
            attack: attack.into(),
            ..Finding::default()
        });
    }
    findings.sort_by_key(|finding| finding.operations.first().copied());
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
        let days = [1, 2, 1, 0, 2, 1, 1, 1, 2, 1, 0, 2, 1, 1].map(f64::from);
        assert_eq!(usual(&days), (1.0, 0.0));
        assert_eq!(usual(&[10.0, 20.0, 30.0, 40.0, 50.0]), (30.0, 10.0));
    }
}
