//! # Script on disk differs from the delivered script
//!
//! ## What it finds
//! Settings that carry a script in the clear, compared with the script file of the same run as the handler would have written it: base64 and gzip undone, a
//! byte-order mark removed, CR LF turned into LF unless the settings forbid it. `high` where they differ, `critical` where the file was modified
//! more than two seconds after the run ended, `info` where only line ends differ and do so for every script of that guest that could be compared.
//!
//! ## Why it matters
//! Somebody changed what is said to have run (T1565.001, T1036).
//!
//! ## Parameters
//! None. Protected settings are encrypted, and emptied ones say nothing: there is nothing to compare then.
//!
//! ## Known false positives
//! Collection tools that rewrite line ends.
//!
//! ## Sources
//! Source of the Linux handlers.

use super::machines::{called, needs_guest, of_host, on_host};
use super::{CaseView, Confidence, Detector, Finding, Severity, counted, figures, lasting};
use crate::evidence::hash::sha256;
use crate::evidence::layout::Os;
use crate::reconstruct::guests::texts::{Delivered, ScriptFile};
use crate::script::secrets::masked;
use crate::time::NS_PER_SECOND;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "script-body-mismatch",
    not_assessed: needs_guest,
    run,
};

/// Lines shown of either side.
const SHOWN_LINES: usize = 20;
/// Letters shown of a line.
const SHOWN_LETTERS: usize = 200;

/// How a file stands to what was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Result {
    Equal,
    LineEnds,
    Differs,
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn one_line_end(text: &str) -> String {
    without_mark(text).replace("\r\n", "\n")
}

fn compare(delivered: &Delivered, file: &ScriptFile, os: Os) -> Result {
    let expected = if delivered.keeps_line_ends {
        without_mark(&delivered.body).to_owned()
    } else {
        one_line_end(&delivered.body)
    };
    let same_bytes = |text: &str| sha256(text.as_bytes()) == file.sha256;
    if same_bytes(&expected) || same_bytes(&delivered.body) {
        return Result::Equal;
    }
    let whole = file.text.len() as u64 >= file.bytes || file.text.len() >= delivered.body.len();
    let alike = |text: &str| one_line_end(text).trim_end_matches('\n').to_owned();
    if whole && alike(&delivered.body) == alike(&file.text) {
        // Windows writes the lines that it was given with its own line ends.
        return if os == Os::Windows {
            Result::Equal
        } else {
            Result::LineEnds
        };
    }
    Result::Differs
}

/// Lines that only one side has between a common head and a common tail.
fn difference<'a>(delivered: &'a str, file: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let one: Vec<&str> = delivered.lines().collect();
    let other: Vec<&str> = file.lines().collect();
    let head = one
        .iter()
        .zip(&other)
        .take_while(|(one, other)| one == other)
        .count();
    let rest = |lines: &[&'a str]| lines.get(head..).unwrap_or_default().to_vec();
    let (mut one, mut other) = (rest(&one), rest(&other));
    while one.last().is_some() && one.last() == other.last() {
        one.pop();
        other.pop();
    }
    (one, other)
}

fn shown(lines: &[&str]) -> Vec<String> {
    let shorten = |line: &&str| masked(&line.chars().take(SHOWN_LETTERS).collect::<String>());
    lines.iter().take(SHOWN_LINES).map(shorten).collect()
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut compared: Vec<(usize, &Delivered, &ScriptFile, Result)> = Vec::new();
    for (at, texts) in view.guests.texts.iter().enumerate() {
        let (Some(run), Some(file)) = (view.runs.get(at), texts.script.as_deref()) else {
            continue;
        };
        let results = texts.delivered.iter().map(|delivered| {
            let result = compare(delivered, file, run.os);
            (at, delivered, file, result)
        });
        let mut results: Vec<_> = results.collect();
        // Delivered more than once: that any of them is the file is enough.
        results.sort_by_key(|(_, _, _, result)| *result as u8);
        compared.extend(results.first().copied());
    }
    let mut line_ends_only: BTreeMap<&str, bool> = BTreeMap::new();
    for (at, _, _, result) in &compared {
        let all = line_ends_only.entry(view.label(*at)).or_insert(true);
        *all &= *result == Result::LineEnds;
    }
    let mut findings = Vec::new();
    for (at, delivered, file, result) in compared {
        let Some(run) = view.runs.get(at).filter(|_| result != Result::Equal) else {
            continue;
        };
        let rewritten = line_ends_only.get(view.label(at)) == Some(&true);
        let later = run
            .ended
            .zip(file.modified)
            .map(|(ended, modified)| modified.saturating_sub(ended.ns))
            .filter(|later| *later > 2 * NS_PER_SECOND);
        let severity = match (rewritten, later) {
            (true, _) => Severity::Info,
            (false, Some(_)) => Severity::Critical,
            (false, None) => Severity::High,
        };
        let (removed, added) = difference(&delivered.body, &file.text);
        let says = if result == Result::LineEnds {
            "differs from what was delivered in its line ends alone".to_owned()
        } else {
            format!(
                "differs from what was delivered ({} gone, {} added)",
                counted(removed.len(), "line"),
                counted(added.len(), "line")
            )
        };
        let after = later.map_or_else(String::new, |later| {
            format!("; it was modified {} after the run ended", lasting(later))
        });
        let texts = view.guests.texts.get(at);
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity,
            confidence: Confidence::High,
            title: "Script was changed on the disk".into(),
            summary: format!(
                "The script of {} on {} {says}{after}.",
                called(run),
                on_host(run.host.as_deref())
            )
            .into(),
            operations: view.operation_of_run(at).into_iter().collect(),
            executions: view.executions_of_run(Some(at)),
            events: texts.map(|texts| texts.events.clone()).unwrap_or_default(),
            subject: of_host(run.host.clone()).into(),
            time: view.run_times(at).map(Box::new),
            values: figures(json!({
                "result": "differs",
                "line_ends_only": result == Result::LineEnds,
                "delivered_sha256": sha256(delivered.body.as_bytes()),
                "file_sha256": file.sha256,
                "delivered_lines": shown(&removed),
                "file_lines": shown(&added),
                "modified_after_end": later.map(super::seconds),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1565.001", "T1036"]),
            ..Finding::default()
        });
    }
    findings
}

#[cfg(test)]
mod comparing {
    use super::*;

    fn result(body: &str, file: &str, keeps_line_ends: bool, os: Os) -> Result {
        let file = ScriptFile {
            text: file.to_owned(),
            bytes: file.len() as u64,
            sha256: sha256(file.as_bytes()),
            modified: None,
        };
        let delivered = Delivered {
            body: body.to_owned(),
            keeps_line_ends,
        };
        compare(&delivered, &file, os)
    }

    #[test]
    fn what_a_handler_does_to_a_script_is_no_difference() {
        assert_eq!(result("id\r\n", "id\n", false, Os::Linux), Result::Equal);
        assert_eq!(
            result("\u{feff}id\n", "id\n", false, Os::Linux),
            Result::Equal
        );
        assert_eq!(result("id\r\n", "id\r\n", true, Os::Linux), Result::Equal);
        assert_eq!(result("id\n", "id\r\n", false, Os::Linux), Result::LineEnds);
        assert_eq!(
            result("id\nls", "id\r\nls\r\n", false, Os::Windows),
            Result::Equal
        );
        assert_eq!(result("id\n", "true\n", false, Os::Linux), Result::Differs);
        assert_eq!(
            result("id\n", "id\nid\n", false, Os::Linux),
            Result::Differs
        );
    }

    #[test]
    fn the_difference_is_what_lies_between_common_ends() {
        assert_eq!(
            difference("a\nb\nc\n", "a\nx\ny\nc\n"),
            (vec!["b"], vec!["x", "y"])
        );
        assert_eq!(difference("a\n", "a\na\n"), (vec![], vec!["a"]));
    }
}
