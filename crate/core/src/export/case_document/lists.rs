//! Lists of the case document that refer to no event.

use super::Secrets;
use crate::case::Case;
use crate::detect::caller_profile::ActorOperation;
use crate::export::sigma;
use crate::query::rows::modified;
use crate::reconstruct::skew::offset::{Offset, seconds};
use crate::script::decode::Transform;
use crate::script::{Examined, secrets};
use crate::time::Instant;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// The settings in force, with the lists that the analyst brought.
pub(super) fn settings(case: &Case) -> Value {
    let mut settings = case.settings().to_json();
    let lists = case.lists().to_json();
    if let (Value::Object(tree), false) = (&mut settings, lists.is_empty()) {
        tree.insert("lists".to_owned(), Value::Object(lists));
    }
    settings
}

/// What an entry of the allow-list did; `entry` is its place in the settings.
pub(super) fn allow_list(case: &Case, entry: usize) -> Option<Value> {
    let effect = case.allowed().get(entry)?;
    Some(json!({
        "entry": entry,
        "suppressed": effect.suppressed,
        "after_expiry": effect.after_expiry,
        "expired": effect.expired,
    }))
}

pub(super) fn incident(case: &Case, id: usize) -> Option<Value> {
    let incident = case.incidents().get(id)?;
    Some(json!({
        "id": id,
        "severity": incident.severity.word(),
        "score": incident.score,
        "first": incident.first.map(|time| time.to_string()),
        "last": incident.last.map(|time| time.to_string()),
        "findings": incident.findings,
    }))
}

pub(super) fn evidence(case: &Case, id: usize, at: usize) -> Option<Value> {
    let item = case.items().get(at)?;
    let report = item.report.as_ref();
    let counts = report.map_or_else(Default::default, |report| report.counts);
    let problems: Vec<Value> = item
        .problems()
        .iter()
        .map(|problem| {
            let mut shown = Map::new();
            shown.insert("code".to_owned(), Value::from(problem.code.word()));
            shown.insert(
                "severity".to_owned(),
                serde_json::to_value(problem.severity).unwrap_or(Value::Null),
            );
            shown.insert("record".to_owned(), Value::from(problem.record));
            shown.insert("offset".to_owned(), Value::from(problem.offset));
            shown.insert("length".to_owned(), Value::from(problem.length));
            shown.insert("text".to_owned(), Value::from(problem.text.clone()));
            Value::Object(shown)
        })
        .collect();
    let duplicate_of = item
        .duplicate_of
        .and_then(|original| case.rank().get(original as usize).copied());
    Some(json!({
        "id": id,
        "path": item.path,
        "size": item.size,
        "sha256": item.sha256,
        "md5": item.md5,
        "sha1": item.sha1,
        "modified": modified(item.modified_ms),
        "format": report.map(|report| report.format.as_str()),
        "encoding": report.map(|report| report.encoding.as_str()),
        "host": item.host,
        "records": counts.records,
        "events": if report.is_some() { counts.events } else { u64::from(item.events) },
        "folded": counts.folded,
        "skipped": counts.skipped,
        "first": item.first.map(|time| time.to_string()),
        "last": item.last.map(|time| time.to_string()),
        "time_basis": item.time_basis.map(crate::time::TimeBasis::word),
        "duplicate_of": duplicate_of,
        "problems": problems,
    }))
}

/// Guest clock minus cloud clock, in seconds to the millisecond.
pub(super) fn clock(case: &Case, at: usize) -> Option<Value> {
    let clock = case.linked().clocks.get(at)?;
    let estimate = &clock.estimate;
    let offset = estimate.offset.map(Offset::shown);
    let step = offset.and_then(|offset| offset.step).map(|(from, before)| {
        json!({ "from": from.to_string(), "skew_seconds_before": seconds(before) })
    });
    Some(json!({
        "host": clock.host,
        "resource": clock.resource,
        "skew_seconds": offset.map(|offset| seconds(offset.skew)),
        "low": estimate.low.map(seconds),
        "high": estimate.high.map(seconds),
        "drift_per_day": offset.and_then(|offset| offset.per_day).map(seconds),
        "step": step,
        "pairs": estimate.pairs,
        "discarded": estimate.discarded,
        "method": estimate.method.word(),
        "confidence": estimate.confidence.word(),
        "reason": estimate.reason,
    }))
}

pub(super) fn actor(case: &Case, id: usize) -> Option<Value> {
    let actor = case.actors().get(id)?;
    let time = |time: Option<Instant>| time.map(|time| time.to_string());
    let operation = |row: &ActorOperation| {
        json!({
            "operation": row.operation,
            "category": row.category,
            "count": row.count,
            "rows": row.rows,
            "ips": row.ips.len(),
            "first": time(row.first),
            "last": time(row.last),
            "days": row.days.len(),
            "days_delta": row.days_delta(),
        })
    };
    Some(json!({
        "id": id,
        "caller": actor.caller,
        "caller_kind": actor.kind.word(),
        "ips": actor.ips,
        "first": time(actor.first),
        "last": time(actor.last),
        "operations": actor.operations.iter().map(operation).collect::<Vec<_>>(),
    }))
}

/// Detectors, behind them Sigma rules.
pub(super) fn searched(case: &Case, at: usize) -> Option<Value> {
    let detectors = case.searched();
    let Some(searched) = detectors.get(at) else {
        let rule = case.sigma().report(at - detectors.len())?;
        return Some(sigma::searched(&rule));
    };
    let reason = searched.not_assessed.as_ref();
    Some(json!({
        "detector": searched.detector,
        "ran": searched.not_assessed.is_none(),
        "reason": reason.or(searched.left_out.as_ref()),
    }))
}

/// Layers and indicators of a script.
pub(super) fn examined(found: &Examined, how: Secrets) -> (Vec<Value>, Vec<Value>) {
    let layers = found.layers.iter().enumerate().skip(1).map(|(id, layer)| {
        json!({
            "id": id,
            "parent": layer.parent,
            "encoding": layer.transform.map(Transform::word),
            "text": how.maybe(layer.text.as_deref()),
            "bytes": layer.bytes().len(),
            "sha256": layer.sha256,
            "executed": layer.executed,
        })
    });
    let texts = found.layers.iter();
    let found_of: Vec<Vec<Range<usize>>> = texts
        .map(|layer| layer.text.as_deref().map(secrets::find).unwrap_or_default())
        .collect();
    let indicators = found.matches.iter().map(|hit| {
        let layer = found
            .layers
            .get(hit.layer)
            .and_then(|layer| layer.text.as_deref());
        json!({
            "id": hit.indicator.id,
            "group": hit.indicator.group,
            "tactic": hit.indicator.tactic(),
            "technique": hit.indicator.technique,
            "what": hit.indicator.what,
            "weight": hit.weight(),
            "layer": hit.layer,
            "line": hit.line,
            "in_comment": hit.in_comment,
            "text": layer.map(|text| how.part(text, hit.range.clone(), found_of.get(hit.layer))),
        })
    });
    (layers.collect(), indicators.collect())
}
