//! # Guest clock stepped or offset
//!
//! ## What it finds
//! By `code`: `step-back` (in a log that only grows a line is earlier than the one before by more than `step_seconds`), `receipt` (lines of the system log whose
//! own time and the time quoted in them differ, beyond a zone of whole quarters of an hour, by less than −2 or more than 60 seconds) and `skew` (the
//! estimated offset of the guest's clock excludes zero and is at least `offset_seconds`). One finding per guest and code.
//!
//! ## Why it matters
//! Times that were moved hide what happened when (T1070.006), and a clock that is off puts every guest time of the case in question.
//!
//! ## Parameters
//! `step_seconds` (2; 0 to 3600), `offset_seconds` (60; 1 to 86400).
//!
//! ## Known false positives
//! Resuming from deallocation; the first synchronisation after a boot; logs joined after rotation.
//!
//! ## Sources
//! Derived from the logs' own rules; the estimate is that of linking.

use super::history::{NS_PER_HOUR, NS_PER_MINUTE};
use super::machines::{needs_guest, ns, of_host, on_host};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures, lasting, seconds,
};
use crate::reconstruct::guests::reach::{Reach, Step};
use crate::reconstruct::skew::estimate::Confidence as Sure;
use crate::time::NS_PER_SECOND;
use serde_json::json;
use std::borrow::Cow;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "clock-anomaly",
    not_assessed: needs_guest,
    run,
};

/// Steps and offsets of so much are worse.
const MUCH: i64 = 5 * NS_PER_MINUTE;
/// Zones are whole quarters of an hour.
const QUARTER: i64 = 15 * NS_PER_MINUTE;
/// A line is written so long after what it quotes, at most and at least.
const RECEIPT: (i64, i64) = (-2 * NS_PER_SECOND, 60 * NS_PER_SECOND);

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (label, reach) in &view.guests.reach {
        findings.extend(steps(view, label, reach));
        findings.extend(receipts(view, label, reach));
    }
    for clock in &view.linked.clocks {
        let least = ns(view.settings.guest.clock.offset_seconds);
        let (Some(low), Some(high)) = (clock.estimate.low, clock.estimate.high) else {
            continue;
        };
        let middle = low.midpoint(high);
        if low <= 0 && 0 <= high || middle.abs() < least || low > high {
            continue;
        }
        // An interval that holds zero was left out above, so both ends lie on one side.
        let side = if middle < 0 { "behind" } else { "ahead of" };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if middle.abs() >= MUCH {
                Severity::Medium
            } else {
                Severity::Low
            },
            confidence: match clock.estimate.confidence {
                Sure::High => Confidence::High,
                Sure::Medium => Confidence::Medium,
                Sure::Low => Confidence::Low,
            },
            title: "Guest clock is off".into(),
            summary: format!(
                "The clock of {} is {} {side} the cloud's, by {}.",
                on_host(clock.host.as_deref()),
                between(low, high),
                counted(clock.estimate.pairs, "linked execution")
            )
            .into(),
            subject: of_host(clock.host.clone()).into(),
            time: first_run(view, clock.host.as_deref()).map(Box::new),
            values: figures(json!({
                "code": "skew",
                "low": seconds(low),
                "high": seconds(high),
                "pairs": clock.estimate.pairs,
            }))
            .into(),
            attack: Cow::Borrowed(&["T1070.006"]),
            ..Finding::default()
        });
    }
    findings
}

/// The lengths of an interval on one side of zero, the smaller first.
fn between(low: i64, high: i64) -> String {
    let (near, far) = if low < 0 { (high, low) } else { (low, high) };
    let (near, far) = (lasting(near), lasting(far));
    if near == far {
        near
    } else {
        format!("{near} to {far}")
    }
}

/// When the guest of a clock ran something first: a clock has no time of its own.
fn first_run(
    view: &CaseView<'_>,
    host: Option<&str>,
) -> Option<(crate::time::Instant, crate::time::Instant)> {
    let label = crate::reconstruct::guests::label_of(host, "");
    let mut runs = (0..view.runs.len()).filter(|at| view.label(*at) == label);
    let (first, _) = view.run_times(runs.next()?)?;
    let last = runs.next_back().and_then(|at| view.run_times(at));
    Some((first, last.map_or(first, |(_, last)| last)))
}

fn steps(view: &CaseView<'_>, label: &str, reach: &Reach) -> Option<Finding> {
    let epsilon = ns(view.settings.guest.clock.step_seconds);
    let all: Vec<&Step> = reach
        .steps
        .iter()
        .filter(|step| step.from.saturating_sub(step.to) > epsilon)
        .collect();
    let greatest = all.iter().max_by_key(|step| step.from - step.to)?;
    let length = |step: &Step| step.from.saturating_sub(step.to);
    let starts: Vec<i64> = view
        .runs
        .iter()
        .enumerate()
        .filter(|(at, _)| view.label(*at) == label)
        .filter_map(|(_, run)| Some(run.started.or(run.ended)?.ns))
        .collect();
    let near = |time: i64| {
        let from = starts.partition_point(|start| *start < time.saturating_sub(NS_PER_HOUR));
        starts
            .get(from)
            .is_some_and(|start| *start <= time.saturating_add(NS_PER_HOUR))
    };
    let severe = all
        .iter()
        .any(|step| length(step) >= MUCH && (near(step.from) || near(step.to)));
    let first = view.event_time(all.first()?.after, label)?;
    let last = view.event_time(all.last()?.after, label)?;
    let ordered = if first.ns <= last.ns {
        (first, last)
    } else {
        (last, first)
    };
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if severe {
            Severity::Medium
        } else {
            Severity::Low
        },
        confidence: Confidence::High,
        baseline: Baseline::NotApplicable,
        title: "Guest clock was set back".into(),
        summary: format!(
            "Logs of {} run back {}, by at most {}.",
            on_host(reach.host.as_deref()),
            if all.len() == 1 {
                "once".to_owned()
            } else {
                format!("{} times", all.len())
            },
            lasting(length(greatest))
        )
        .into(),
        events: all
            .iter()
            .take(50)
            .flat_map(|step| [step.before, step.after])
            .collect(),
        subject: of_host(reach.host.clone()).into(),
        time: Some(Box::new(ordered)),
        values: figures(json!({
            "code": "step-back",
            "count": all.len(),
            "greatest": seconds(length(greatest)),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1070.006"]),
        ..Finding::default()
    })
}

/// What a receipt lies beyond whole quarters of an hour.
fn remainder(offset: i64) -> i64 {
    let zone = offset.saturating_add(QUARTER / 2).div_euclid(QUARTER) * QUARTER;
    offset.saturating_sub(zone)
}

fn receipts(view: &CaseView<'_>, label: &str, reach: &Reach) -> Option<Finding> {
    let outside: Vec<_> = reach
        .receipts
        .iter()
        .filter(|receipt| {
            let rest = remainder(receipt.offset);
            rest < RECEIPT.0 || rest > RECEIPT.1
        })
        .collect();
    let worst = outside
        .iter()
        .max_by_key(|receipt| remainder(receipt.offset).abs())?;
    let first = view.event_time(outside.first()?.event, label)?;
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: Severity::Info,
        confidence: Confidence::Medium,
        title: "Two clocks in one log".into(),
        summary: format!(
            "{} of the system log of {} differ from the time quoted in them by up to {} beyond any zone.",
            counted(outside.len(), "line"),
            on_host(reach.host.as_deref()),
            lasting(remainder(worst.offset))
        ).into(),
        events: outside
            .iter()
            .take(50)
            .map(|receipt| receipt.event)
            .collect(),
        subject: of_host(reach.host.clone()).into(),
        time: Some(Box::new((first, first))),
        values: figures(json!({
            "code": "receipt",
            "count": outside.len(),
            "greatest": seconds(remainder(worst.offset)),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1070.006"]),
        ..Finding::default()
    })
}

#[cfg(test)]
mod receiving {
    use super::*;

    #[test]
    fn what_is_left_beside_the_zone() {
        let ms = |ms: i64| ms * 1_000_000;
        assert_eq!(remainder(ms(-553)), ms(-553));
        assert_eq!(remainder(2 * NS_PER_HOUR + ms(447)), ms(447));
        assert_eq!(remainder(5 * NS_PER_MINUTE), 5 * NS_PER_MINUTE);
    }
}
