//! # Reported output differs from the stored output
//!
//! ## What it finds
//! On Linux a status repeats the last 4096 bytes of each stream, and the file beside the script holds all of it. Per stream, by `result`: `extended` (what was
//! reported stands in the file, and the file goes on), `missing` (reported, and there is no file), `emptied` (the file has no bytes) and `edited` (none of
//! these). Only terminal statuses of an enabling count; disabling and updating write into the same file.
//!
//! ## Why it matters
//! Somebody edited the evidence on the guest (T1565.001, T1070), or a process the script left behind still writes.
//!
//! ## Parameters
//! None. Line ends are compared alike, and what is no text counts as such on both sides. `missing` needs a reason to expect the file: the run's folder
//! was collected, and no newer number of the same managed or immediate run command has cleaned it up. Where the file is longer than the case keeps and the
//! report is not found in what is kept, nothing is said.
//!
//! ## Known false positives
//! A log collector that changes line ends beyond CR LF; partial updates of managed run commands.
//!
//! ## Sources
//! Source of the Linux handlers (tails of 4096 bytes; the file is complete).

use super::machines::{called, needs_guest, of_host, on_host};
use super::{CaseView, Confidence, Detector, Finding, Severity, figures};
use crate::event::fact::StreamEnd;
use crate::evidence::layout::{Family, Os};
use crate::reconstruct::guests::texts::RunTexts;
use serde_json::json;
use std::borrow::Cow;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "status-output-mismatch",
    not_assessed: needs_guest,
    run,
};

/// A status repeats so many bytes.
const REPORTED_BYTES: usize = 4096;

/// Both sides the same way: line ends alike, what is no text as one mark, none of it at the head (a cut inside a letter).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        if letter != char::REPLACEMENT_CHARACTER || !out.ends_with(char::REPLACEMENT_CHARACTER) {
            out.push(letter);
        }
    }
    out.trim_start_matches(char::REPLACEMENT_CHARACTER)
        .to_owned()
}

/// How a reported text stands to its file; `None` where they agree or nothing can be said.
fn compare(reported: &str, file: Option<&(String, StreamEnd)>) -> Option<(&'static str, Severity)> {
    let Some((text, end)) = file else {
        return (!reported.is_empty()).then_some(("missing", Severity::Medium));
    };
    if end.bytes == 0 {
        return (!reported.is_empty()).then_some(("emptied", Severity::High));
    }
    let (said, tail) = (plain(reported), plain(&end.tail));
    if said == tail {
        return None;
    }
    let kept = plain(text);
    let long = reported.len() >= REPORTED_BYTES;
    let inside = kept
        .find(&said)
        .is_some_and(|at| at + said.len() < kept.len() && (at == 0 || long));
    if inside {
        return Some(("extended", Severity::Low));
    }
    // What lies beyond the kept text may hold it.
    end.whole.then_some(("edited", Severity::High))
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, texts) in view.guests.texts.iter().enumerate() {
        let Some(run) = view.runs.get(at).filter(|run| run.os == Os::Linux) else {
            continue;
        };
        let Some((out, err)) = texts.reported.as_deref() else {
            continue;
        };
        let expected = expects_files(view, at, texts);
        let streams = [
            ("stdout", out, texts.stdout.as_deref()),
            ("stderr", err, texts.stderr.as_deref()),
        ];
        for (stream, reported, file) in streams {
            let Some(reported) = reported else { continue };
            if file.is_none() && !expected {
                continue;
            }
            let Some((result, severity)) = compare(reported, file) else {
                continue;
            };
            let bytes = file.map(|(_, end)| end.bytes);
            let says = match result {
                "extended" => "goes on after what the status reports of it",
                "missing" => "is missing, and the status reports some",
                "emptied" => "has no bytes, and the status reports some",
                _ => "differs from what the status reports of it",
            };
            findings.push(Finding {
                detector: Cow::Borrowed(DETECTOR.id),
                severity,
                confidence: if result == "missing" {
                    Confidence::Medium
                } else {
                    Confidence::High
                },
                title: match result {
                    "extended" => "Output grew after the report",
                    "missing" => "Reported output has no file",
                    "emptied" => "Output was emptied after the report",
                    _ => "Output was changed after the report",
                }
                .into(),
                summary: format!(
                    "The {stream} file of {} on {} {says} ({} bytes reported, {} in the file).",
                    called(run),
                    on_host(run.host.as_deref()),
                    reported.len(),
                    bytes.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string())
                )
                .into(),
                operations: view.operation_of_run(at).into_iter().collect(),
                executions: view.executions_of_run(Some(at)),
                events: texts.events.clone(),
                subject: of_host(run.host.clone()).into(),
                time: view.run_times(at).map(Box::new),
                values: figures(json!({
                    "result": result,
                    "stream": stream,
                    "reported_bytes": reported.len(),
                    "file_bytes": bytes,
                }))
                .into(),
                attack: Cow::Borrowed(&["T1565.001", "T1070"]),
                ..Finding::default()
            });
        }
    }
    findings
}

/// Whether the files of a run should be there (detectors 0.10 (4)): something of its folder was collected, and nothing cleaned it up.
fn expects_files(view: &CaseView<'_>, at: usize, texts: &RunTexts) -> bool {
    let Some(run) = view.runs.get(at) else {
        return false;
    };
    let name = run.name.as_deref().unwrap_or("").to_lowercase();
    let counter = view.guests.counter(view.label(at), run.family, &name);
    let marks = counter
        .zip(run.sequence)
        .and_then(|(counter, number)| Some((counter, counter.numbers.get(&number)?)));
    let Some((counter, marks)) = marks else {
        return false;
    };
    let newest = counter.numbers.keys().next_back().copied() == run.sequence;
    let kept = match run.family {
        Family::Action => true,
        Family::Managed => newest,
        _ => false,
    };
    let outputs_collected = texts.stdout.is_some()
        || texts.stderr.is_some()
        || counter
            .numbers
            .values()
            .any(|marks| marks.stdout || marks.stderr);
    kept && outputs_collected && marks.folder
}

#[cfg(test)]
mod comparing {
    use super::*;

    fn result(reported: &str, file: &str) -> Option<&'static str> {
        let tail = file.len().saturating_sub(REPORTED_BYTES);
        let end = StreamEnd {
            bytes: file.len() as u64,
            tail: String::from_utf8_lossy(&file.as_bytes()[tail..]).into_owned(),
            whole: true,
        };
        compare(reported, Some(&(file.to_owned(), end))).map(|(result, _)| result)
    }

    #[test]
    fn what_a_status_repeats_of_a_file() {
        assert_eq!(result("uid=0(root)\n", "uid=0(root)\n"), None);
        let long: String = (0..10_000)
            .map(|at| char::from(b'a' + (at % 23) as u8))
            .collect();
        assert_eq!(result(&long[10_000 - 4096..], &long), None);
        assert_eq!(result(&long[5_000 - 4096..5_000], &long), Some("extended"));
        assert_eq!(result(&long[5_000 - 4095..5_000], &long), Some("edited"));
        assert_eq!(result("A\nB\n", "A\nB\nC\n"), Some("extended"));
        assert_eq!(result("secret\n", ""), Some("emptied"));
        assert_eq!(result("", ""), None);
        assert_eq!(result("A\n", "B\n"), Some("edited"));
        assert_eq!(result("A\nB\n", "A\r\nB\r\n"), None);
        // A report of nothing beside a file of something.
        assert_eq!(result("", "late\n"), Some("extended"));
        assert_eq!(compare("x", None).map(|found| found.0), Some("missing"));
        assert_eq!(compare("", None), None);
        let cut = format!("\u{fffd}{}", &long[10_000 - 4095..]);
        assert_eq!(
            result(
                &cut,
                &format!("{}é{}", "x".repeat(20), &long[10_000 - 4095..])
            ),
            None
        );
    }

    #[test]
    fn a_file_kept_in_part_only_says_nothing_of_what_it_does_not_hold() {
        let end = StreamEnd {
            bytes: 9_000_000,
            tail: "end".to_owned(),
            whole: false,
        };
        assert_eq!(compare("middle", Some(&("begin".to_owned(), end))), None);
    }
}
