//! How bad a script is (detectors 32): the heaviest indicator of each group, a little for company, a little for hiding.

use super::decode::Layer;
use super::matching::Match;
use crate::severity::Severity;
use std::collections::{BTreeMap, BTreeSet};

/// Scores at which severities begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// `low` from here.
    pub low: u32,
    /// `medium` from here.
    pub medium: u32,
    /// `high` from here.
    pub high: u32,
    /// `critical` from here, with at least three groups.
    pub critical: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            low: 4,
            medium: 8,
            high: 16,
            critical: 28,
        }
    }
}

/// The verdict on a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// The sum.
    pub total: u32,
    /// What each group adds.
    pub groups: BTreeMap<String, u32>,
    /// `None` where nothing was found.
    pub severity: Option<Severity>,
    /// Distinct indicators with a weight, sorted.
    pub indicators: Vec<String>,
}

/// Scores matches. Text that is only data counts three less, but never less than one.
#[must_use]
pub fn score(layers: &[Layer], matches: &[Match], thresholds: &Thresholds) -> Score {
    let weight_of = |hit: &Match| -> u32 {
        let weight = u32::from(hit.weight());
        let executed = layers.get(hit.layer).is_none_or(|layer| layer.executed);
        if weight == 0 || executed {
            weight
        } else {
            weight.saturating_sub(3).max(1)
        }
    };
    let mut best: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    let mut shallow: BTreeSet<&str> = BTreeSet::new();
    for hit in matches.iter().filter(|hit| weight_of(hit) > 0) {
        let entry = best
            .entry(&hit.indicator.id)
            .or_insert((0, &hit.indicator.group));
        entry.0 = entry.0.max(weight_of(hit));
        if layers.get(hit.layer).is_none_or(|layer| layer.depth == 0) {
            shallow.insert(&hit.indicator.id);
        }
    }
    let mut by_group: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for (weight, group) in best.values() {
        let entry = by_group.entry(group).or_default();
        entry.0 = entry.0.max(*weight);
        entry.1 += 1;
    }
    let groups: BTreeMap<String, u32> = by_group
        .into_iter()
        .map(|(group, (most, count))| (group.to_owned(), most + (count - 1).min(3)))
        .collect();
    let hidden = best.keys().filter(|id| !shallow.contains(*id)).count();
    let total = groups.values().sum::<u32>() + 2 * u32::try_from(hidden.min(2)).unwrap_or(2);
    let heaviest = best.values().map(|(weight, _)| *weight).max().unwrap_or(0);
    let severity = match total {
        0 => None,
        total if total >= thresholds.critical && groups.len() >= 3 => Some(Severity::Critical),
        total if total >= thresholds.high || heaviest >= 9 => Some(Severity::High),
        total if total >= thresholds.medium => Some(Severity::Medium),
        total if total >= thresholds.low => Some(Severity::Low),
        _ => Some(Severity::Info),
    };
    Score {
        total,
        groups,
        severity,
        indicators: best.keys().map(|id| (*id).to_owned()).collect(),
    }
}
