//! A layer for ATT&CK Navigator: the techniques of the findings and of what scripts do, with how often and how bad.
//!
//! Source: Navigator's layer format 4.5. A layer names the version of ATT&CK whose matrix it colours; ours is that of the table of techniques.

use super::json_text;
use crate::case::Case;
use crate::query::attack::attack;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Points of a technique by the worst of its findings, for the colour.
fn score(severity: Option<&str>) -> u32 {
    match severity {
        Some("critical") => 100,
        Some("high") => 80,
        Some("medium") => 60,
        Some("low") => 40,
        _ => 20,
    }
}

/// The layer.
#[must_use]
pub fn layer(case: &Case) -> Vec<u8> {
    let mut techniques: BTreeMap<String, Value> = BTreeMap::new();
    for tactic in attack(case) {
        for technique in tactic.techniques {
            let comment = format!(
                "{} findings, {} scripts",
                technique.findings, technique.scripts
            );
            let entry = json!({
                "techniqueID": technique.technique,
                "score": score(technique.severity),
                "comment": comment,
                "enabled": true,
                "showSubtechniques": technique.technique.contains('.'),
                "metadata": [
                    { "name": "findings", "value": technique.findings.to_string() },
                    { "name": "scripts", "value": technique.scripts.to_string() },
                    { "name": "worst", "value": technique.severity.unwrap_or("none") },
                ],
            });
            techniques.entry(technique.technique).or_insert(entry);
        }
    }
    let layer = json!({
        "name": "Runlens case",
        "versions": { "attack": "17", "navigator": "5.1.0", "layer": "4.5" },
        "domain": "enterprise-attack",
        "description": "Techniques of the findings and of the scripts that ran. The colour is the worst finding.",
        "sorting": 3,
        "hideDisabled": false,
        "techniques": techniques.into_values().collect::<Vec<_>>(),
        "gradient": { "colors": ["#fff7bc", "#fe9929", "#993404"], "minValue": 0, "maxValue": 100 },
        "legendItems": [],
        "showTacticRowBackground": false,
        "selectTechniquesAcrossTactics": true,
        "selectSubtechniquesWithParent": false,
    });
    let mut out = Vec::new();
    json_text::write(&mut out, &layer);
    out.push(b'\n');
    out
}
