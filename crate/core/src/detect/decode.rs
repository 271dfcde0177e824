//! # Encoded scripts
//!
//! ## What it finds
//! What unwrapping a script says beyond the layers themselves, one finding for each execution and `code`:
//! `encoded-execution` (`medium`): decoded text reaches an interpreter. `nested-encoding` (`high`): two or more decodings one inside the other, the last of
//! them executed. `embedded-executable` (`high`): a program (PE or ELF) inside the script. `decode-limit` (`info`; `medium` where depth was
//! the limit): something was left wrapped.
//!
//! ## Why it matters
//! What is wrapped twice is meant not to be read (T1027, T1027.010, T1140).
//!
//! ## Parameters
//! `depth` (6), `layers` (256), `layer_bytes` (1 MiB), `all_bytes` (8 MiB), `ratio` (200): limits of unwrapping, all of them counts.
//!
//! ## Known false positives
//! Certificates, icons and configuration archives are base64 data, which is not executed. Administration tools use the encoded-command switch to avoid quoting trouble.
//!
//! ## Sources
//! Sigma obfuscation rules (encoded command, string assembly, compression, base64 execution).

use super::scripts::{ExecutionScript, Source};
use super::{Baseline, CaseView, Confidence, Detector, Finding, Severity, figures, script_content};
use crate::script::decode::{Code, Layer, Transform};
use serde_json::json;
use std::borrow::Cow;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "decode",
    not_assessed: script_content::needs_scripts,
    run,
};

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for script in view.scripts() {
        for code in &script.examined.codes {
            findings.extend(finding(view, script, *code));
        }
    }
    findings
}

/// The transforms on the way to a layer, outermost first.
fn path(layers: &[Layer], layer: &Layer) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut at = Some(layer);
    while let Some(one) = at {
        words.extend(one.transform.map(Transform::word));
        // A parent stands before its layers, so the walk ends.
        at = one.parent.and_then(|parent| layers.get(parent));
    }
    words.reverse();
    words
}

fn finding(view: &CaseView<'_>, script: &ExecutionScript, code: Code) -> Option<Finding> {
    let execution = view.linked.executions.get(script.execution)?;
    let layers = &script.examined.layers;
    let executed = |least: usize| {
        let decoded = layers
            .iter()
            .filter(move |layer| layer.executed && layer.decodings >= least);
        decoded.max_by_key(|layer| (layer.decodings, layer.depth))
    };
    let (severity, title, summary, layer) = match code {
        Code::EncodedExecution => (
            Severity::Medium,
            "Encoded text executed",
            "The script decodes text and hands it to an interpreter",
            executed(1),
        ),
        Code::NestedEncoding => (
            Severity::High,
            "Text encoded more than once executed",
            "The script decodes text inside decoded text and hands it to an interpreter",
            executed(2),
        ),
        Code::EmbeddedExecutable => (
            Severity::High,
            "Program inside a script",
            "The script carries a program",
            layers.iter().find(|layer| {
                layer.bytes().starts_with(b"MZ") || layer.bytes().starts_with(b"\x7fELF")
            }),
        ),
        Code::DecodeLimit { depth: true } => (
            Severity::Medium,
            "Decoding stopped at its depth",
            "The script is wrapped deeper than decode.depth; what lies further inside was not searched",
            None,
        ),
        Code::DecodeLimit { depth: false } => (
            Severity::Info,
            "Decoding stopped at a limit",
            "A limit of unwrapping was reached; some of the script was not searched",
            None,
        ),
    };
    let path = layer.map(|layer| path(layers, layer)).unwrap_or_default();
    let way = if path.is_empty() {
        String::new()
    } else {
        format!(" ({})", path.join(", "))
    };
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: if script.source == Source::CommandLines {
            Confidence::Medium
        } else {
            Confidence::High
        },
        baseline: Baseline::NotApplicable,
        title: title.into(),
        summary: format!("{summary}{way}.").into(),
        operations: execution.operation.into_iter().collect(),
        executions: vec![script.execution],
        values: figures(json!({
            "code": code.word(),
            "path": path,
            "decodings": layer.map(|layer| layer.decodings),
            "sha256": layer.map(|layer| layer.sha256.as_str()),
            "layers": layers.len(),
            "source": script.source.word(),
        }))
        .into(),
        attack: if code == Code::EmbeddedExecutable {
            Cow::Borrowed(&["T1027.009", "T1027"])
        } else {
            Cow::Borrowed(&["T1027", "T1027.010", "T1140", "T1059"])
        },
        ..Finding::default()
    })
}
