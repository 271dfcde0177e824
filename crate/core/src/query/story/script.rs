//! What ran: the text with its lines, what was decoded from it, what it does, and how far the text is to be trusted.
//!
//! The handler's own file was executed and is whole; PowerShell's log is what the engine compiled; settings and request are what was asked
//! for. Where several have the text they are compared, since an intruder may change one and forget the other.

use super::text::{self, ShownText};
use super::{Sides, Statement};
use crate::case::store::EventNumber;
use crate::event::fact::GuestSaid;
use crate::evidence::layout::{Family, Os};
use crate::json::Value;
use crate::reconstruct::links::sides::normal_hash;
use crate::reconstruct::operations::OperationFamily;
use crate::script::decode::Transform;
use crate::script::{Examined, ScriptHint, examine, secrets};
use crate::severity::Severity;
use serde::Serialize;
use std::ops::Range;

/// Layers that one story shows at most, the script among them.
const MOST_LAYERS: usize = 24;
/// Indicators that one story explains at most.
const MOST_INDICATORS: usize = 300;
/// Bytes of a match that its explanation repeats.
const EXCERPT_BYTES: usize = 240;

/// A layer: the script, or what was decoded from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownLayer {
    /// Its place; 0 is the script.
    pub layer: usize,
    /// The layer it came from.
    pub parent: Option<usize>,
    /// How it was made.
    pub encoding: Option<&'static str>,
    /// Whether it reaches an interpreter.
    pub executed: bool,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its text; absent where it is none.
    pub text: Option<ShownText>,
    /// Its bytes.
    pub bytes: usize,
}

/// An indicator found, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownIndicator {
    /// Its id.
    pub id: String,
    /// Tactic of ATT&CK.
    pub tactic: &'static str,
    /// Technique of ATT&CK.
    pub technique: String,
    /// Why it matters.
    pub what: String,
    /// Its weight where it stands.
    pub weight: u8,
    /// Layer by place.
    pub layer: usize,
    /// Line in the layer, from 1.
    pub line: usize,
    /// Whether the line is a comment.
    pub in_comment: bool,
    /// The words that matched, secrets as dots, cut.
    pub text: String,
}

/// A place that holds the script's text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScriptSource {
    /// Where it is from.
    pub from: Statement,
    /// How far it is to be trusted.
    pub trust: &'static str,
    /// Whether it is the text that is shown; absent where only parts are known.
    pub same: Option<bool>,
}

/// The script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownScript {
    /// SHA-256 of all of its bytes.
    pub sha256: String,
    /// All of its bytes.
    pub bytes: u64,
    /// Whether the text that was examined is all of it.
    pub whole: bool,
    /// The places that hold it; the first is shown.
    pub sources: Vec<ScriptSource>,
    /// The script and what was decoded from it.
    pub layers: Vec<ShownLayer>,
    /// Layers left out.
    pub layers_left: usize,
    /// What it does.
    pub indicators: Vec<ShownIndicator>,
    /// Indicators left out.
    pub indicators_left: usize,
    /// Score.
    pub score: u32,
    /// How bad.
    pub severity: Option<&'static str>,
    /// Points of each group.
    pub groups: Vec<(String, u32)>,
    /// What decoding itself found.
    pub codes: Vec<&'static str>,
}

/// A text and where it is from.
struct Known {
    from: Statement,
    trust: &'static str,
    text: Option<String>,
    /// It may be a command that starts a file: another text than the file's says nothing then.
    command: bool,
}

pub(super) fn shown(sides: &Sides<'_>) -> Option<ShownScript> {
    let mut known = on_guest(sides);
    known.extend(asked_for(sides));
    let run_script = sides.run.and_then(|run| run.script.as_ref());
    let fresh;
    let (text, sha256, bytes, found): (&str, String, u64, &Examined) = match run_script {
        Some(script) => (
            &script.text,
            script.sha256.clone(),
            script.bytes,
            sides.case.examined(sides.execution.run?)?,
        ),
        None => {
            // Only the request has it: what was asked for is shown, and said to be that.
            let text = known.iter().find_map(|known| known.text.as_deref())?;
            let windows = sides.run.map(|run| run.os == Os::Windows);
            let hint = ScriptHint {
                windows,
                file_name: None,
            };
            fresh = examine(text, &hint, &sides.case.settings().script);
            let sha256 = crate::evidence::hash::sha256(text.as_bytes());
            (text, sha256, text.len() as u64, &fresh)
        }
    };
    let normal = normal_hash(text);
    // The one that is shown comes first; it is the first of its text in order of trust.
    let sources = known.iter().map(|known| ScriptSource {
        from: known.from.clone(),
        trust: known.trust,
        same: known
            .text
            .as_deref()
            .map(|other| normal_hash(other) == normal)
            .filter(|same| *same || !known.command),
    });
    let sources = sources.collect();
    let secrets_of: Vec<Vec<Range<usize>>> = found
        .layers
        .iter()
        .map(|layer| layer.text.as_deref().map(secrets::find).unwrap_or_default())
        .collect();
    let indicators: Vec<ShownIndicator> = found
        .matches
        .iter()
        .take(MOST_INDICATORS)
        .map(|hit| {
            let layer = found.layers.get(hit.layer);
            let matched = layer
                .and_then(|layer| layer.text.as_deref()?.get(hit.range.clone()))
                .unwrap_or("");
            let part =
                hit.range.start..hit.range.start + matched.floor_char_boundary(EXCERPT_BYTES);
            let text = layer.and_then(|layer| layer.text.as_deref()).unwrap_or("");
            let secret = secrets_of.get(hit.layer).map_or(&[][..], Vec::as_slice);
            ShownIndicator {
                id: hit.indicator.id.clone(),
                tactic: hit.indicator.tactic(),
                technique: hit.indicator.technique.clone(),
                what: hit.indicator.what.clone(),
                weight: hit.weight(),
                layer: hit.layer,
                line: hit.line,
                in_comment: hit.in_comment,
                text: secrets::masked_part(text, part, secret),
            }
        })
        .collect();
    let layers = found.layers.iter().enumerate().take(MOST_LAYERS);
    let layers: Vec<ShownLayer> = layers
        .map(|(at, layer)| {
            let marks: Vec<(usize, Range<usize>)> = found
                .matches
                .iter()
                .enumerate()
                .take(MOST_INDICATORS)
                .filter(|(_, hit)| hit.layer == at)
                .map(|(number, hit)| (number, hit.range.clone()))
                .collect();
            ShownLayer {
                layer: at,
                parent: layer.parent,
                encoding: layer.transform.map(Transform::word),
                executed: layer.executed,
                sha256: layer.sha256.clone(),
                text: layer.text.as_deref().map(|text| text::shown(text, &marks)),
                bytes: layer.bytes().len(),
            }
        })
        .collect();
    Some(ShownScript {
        whole: text.len() as u64 == bytes,
        sha256,
        bytes,
        sources,
        layers_left: found.layers.len().saturating_sub(MOST_LAYERS),
        layers,
        indicators_left: found.matches.len().saturating_sub(MOST_INDICATORS),
        indicators,
        score: found.score.total,
        severity: found.score.severity.map(Severity::word),
        groups: found
            .score
            .groups
            .iter()
            .map(|(group, points)| (group.clone(), *points))
            .collect(),
        codes: found
            .codes
            .iter()
            .copied()
            .map(crate::script::decode::Code::word)
            .collect(),
    })
}

/// Texts of the guest in the order of their trust.
fn on_guest(sides: &Sides<'_>) -> Vec<Known> {
    let case = sides.case;
    let mut files = Vec::new();
    let mut settings = Vec::new();
    let mut logged: Vec<EventNumber> = Vec::new();
    for (event, fact) in sides.said() {
        match &fact.said {
            GuestSaid::Script { text, bytes, .. } => files.push(Known {
                from: Statement::new(
                    case,
                    "source",
                    "the script file that the handler wrote and ran",
                    &[event],
                ),
                trust: "high: executed from there",
                text: (text.len() as u64 == *bytes).then(|| text.clone()),
                command: false,
            }),
            GuestSaid::ScriptBlock { .. } => logged.push(event),
            GuestSaid::Settings(said) => settings.extend(said.script.as_ref().map(|text| Known {
                from: Statement::new(case, "source", "the handler's settings", &[event]),
                trust: "medium: what was to be run",
                text: Some(text.clone()),
                command: sides.run.is_some_and(|run| run.family == Family::Extension),
            })),
            _ => {}
        }
    }
    if !logged.is_empty() {
        let run_text = sides.run.and_then(|run| run.script.as_ref());
        let text = run_text
            .filter(|_| files.is_empty())
            .map(|script| script.text.clone());
        files.push(Known {
            from: Statement::new(
                case,
                "source",
                "PowerShell's script block log (4104)",
                &logged,
            ),
            trust: "high: what the engine compiled",
            text,
            command: false,
        });
    }
    files.extend(settings);
    files
}

/// What the request to the cloud carries.
fn asked_for(sides: &Sides<'_>) -> Option<Known> {
    let op = sides.op?;
    let text = op.bodies.iter().find_map(|body| {
        let body = Value::new(body.as_bytes());
        let lines: Vec<String> = body
            .get_folded("script")
            .elements()
            .filter_map(|line| line.text().map(|line| line.into_owned()))
            .collect();
        if !lines.is_empty() {
            return Some(lines.join("\n"));
        }
        let source = body.get_folded("properties").get_folded("source");
        source
            .get_folded("script")
            .text()
            .map(|text| text.into_owned())
            .filter(|text| !text.is_empty())
    })?;
    Some(Known {
        from: Statement::new(
            sides.case,
            "source",
            "the request that the cloud logged",
            &op.events,
        ),
        trust: "medium: what was asked for",
        text: Some(text),
        command: op.family == OperationFamily::Extension,
    })
}
