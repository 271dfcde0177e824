//! The cases under `tests/cases/`: evidence beside the case document that it must give, and what may not change it.
//!
//! `RUNLENS_BLESS=1 cargo test -p xtask --test cases` writes the documents anew; the difference is then read line by line before it is
//! committed. Modified times are left out: a checkout has its own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod reading;

use reading::{Files, document};
use runlens_core::problem::Code;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 2, "the cases are there");
    cases
}

fn files(folder: &Path, prefix: &str, into: &mut Files) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            files(&path, &format!("{name}/"), into);
        } else {
            into.push((name, fs::read(&path).unwrap()));
        }
    }
}

fn evidence(case: &Path) -> Files {
    let mut found = Vec::new();
    files(&case.join("evidence"), "", &mut found);
    found
}

#[test]
fn every_case_gives_its_document() {
    for case in cases() {
        let (_, have) = document(&evidence(&case), usize::MAX >> 1);
        let expected = case.join("case.json");
        if std::env::var_os("RUNLENS_BLESS").is_some() {
            fs::write(&expected, &have).unwrap();
        }
        let want = fs::read_to_string(&expected).unwrap();
        for (number, (have, want)) in have.lines().zip(want.lines()).enumerate() {
            assert_eq!(have, want, "{}, line {}", expected.display(), number + 1);
        }
        assert_eq!(have.lines().count(), want.lines().count());
    }
}

#[test]
fn any_cut_gives_the_same_document() {
    for case in cases() {
        let evidence = evidence(&case);
        let (_, whole) = document(&evidence, usize::MAX >> 1);
        for piece in [1, 2, 3, 7, 64, 1000, 4096] {
            assert!(
                document(&evidence, piece).1 == whole,
                "{} in pieces of {piece}",
                case.display()
            );
        }
    }
}

#[test]
fn any_order_gives_the_same_document() {
    for case in cases() {
        let mut evidence = evidence(&case);
        let (_, first) = document(&evidence, 4096);
        // A fixed walk over the orders: reversed, then a few shuffles by a small generator.
        evidence.reverse();
        let mut seed = 7_usize;
        for _ in 0..6 {
            assert!(document(&evidence, 4096).1 == first, "{}", case.display());
            for at in (1..evidence.len()).rev() {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                evidence.swap(at, (seed >> 33) % (at + 1));
            }
        }
    }
}

#[test]
fn evidence_given_twice_counts_once() {
    for case in cases() {
        let mut evidence = evidence(&case);
        let (single, _) = document(&evidence, 4096);
        let again: Files = evidence
            .iter()
            .map(|(path, bytes)| (format!("again/{path}"), bytes.clone()))
            .collect();
        evidence.extend(
            again
                .into_iter()
                // Where a file lies says what it is: a copy elsewhere is other evidence.
                .filter(|(path, _)| {
                    !path.contains("var/lib")
                        && !path.contains("/Packages/")
                        && !path.ends_with(".tld")
                }),
        );
        let (double, _) = document(&evidence, 4096);
        assert_eq!(
            double.store().order().len(),
            single.store().order().len(),
            "{}",
            case.display()
        );
        assert_eq!(double.operations().len(), single.operations().len());
    }
}

#[test]
fn records_are_conserved() {
    for case in cases() {
        let (case, _) = document(&evidence(&case), 4096);
        for item in case.items() {
            let counts = item.report.as_ref().unwrap().counts;
            assert_eq!(
                counts.records,
                counts.events + counts.folded + counts.skipped,
                "{}",
                item.path
            );
            assert!(
                item.problems()
                    .iter()
                    .all(|problem| problem.code != Code::Conservation),
                "{}",
                item.path
            );
        }
    }
}

#[test]
fn the_three_runs_are_three_and_say_how_they_ended() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/three-runs");
    let (case, _) = document(&evidence(&case), 4096);
    let runs: Vec<String> = case
        .runs()
        .iter()
        .map(|run| {
            format!(
                "{} {:?} {:?} {:?} {}",
                run.family.word(),
                run.name,
                run.sequence,
                run.exit_code,
                run.state.word()
            )
        })
        .collect();
    assert_eq!(
        runs,
        [
            "action None Some(0) Some(0) succeeded",
            "action None Some(1) Some(3) failed",
            "managed Some(\"fix\") Some(0) Some(0) succeeded"
        ]
    );
    let operations: Vec<String> = case
        .operations()
        .iter()
        .map(|op| {
            format!(
                "{} {} {} {}",
                op.family.word(),
                op.outcome.word(),
                op.ips.join(","),
                op.events.len()
            )
        })
        .collect();
    assert_eq!(
        operations,
        [
            "action succeeded 203.0.113.7 3",
            "action succeeded 203.0.113.7 2",
            "managed succeeded 203.0.113.7 2"
        ]
    );
}

#[test]
fn damage_is_counted_by_name_and_the_rest_is_read() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/damaged");
    let (case, _) = document(&evidence(&case), 4096);
    let said: BTreeMap<&str, (Vec<&str>, u64)> = case
        .items()
        .iter()
        .map(|item| {
            let codes = item
                .problems()
                .iter()
                .map(|problem| problem.code.word())
                .collect();
            (
                item.path.as_str(),
                (codes, item.report.as_ref().unwrap().counts.events),
            )
        })
        .collect();
    let want = |path: &str, codes: &[&str], events: u64| {
        assert_eq!(said[path], (codes.to_vec(), events), "{path}")
    };
    want("empty.log", &["empty-file"], 0);
    want("truncated.json", &["truncated-record"], 1);
    want("deep.json", &["json-too-deep"], 1);
    want("duplicate-keys.json", &["duplicate-key"], 1);
    want("wrong-dates.ndjson", &["bad-time", "bad-time"], 3);
    want("broken-line.ndjson", &["malformed-record"], 2);
    want("utf16.json", &[], 1);
    want("code-page.json", &["invalid-text"], 1);
    want("cut-head.log", &["leading-fragment"], 1);
    want("binary.bin", &["unknown-format"], 0);
    want("notes.txt", &["unknown-format"], 0);
    want("around.json", &["stray-text", "stray-text"], 1);
}

#[test]
fn a_line_of_twenty_megabytes_costs_only_itself() {
    let mut bytes = b"2024-05-01T08:00:00.000001Z INFO ExtHandler ExtHandler before\n2024-05-01T08:00:01.000001Z INFO ExtHandler ExtHandler ".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 20 << 20));
    bytes.extend_from_slice(b"\n2024-05-01T08:00:02.000001Z INFO ExtHandler ExtHandler after\n");
    let evidence = vec![("web01/var/log/waagent.log".to_owned(), bytes)];
    let (_, whole) = document(&evidence, usize::MAX >> 1);
    for piece in [64 << 10, 8 << 20] {
        let (case, text) = document(&evidence, piece);
        let report = case.items()[0].report.as_ref().unwrap();
        assert_eq!((report.counts.events, report.counts.skipped), (2, 1));
        assert_eq!(
            report
                .problems
                .iter()
                .map(|problem| problem.code)
                .collect::<Vec<_>>(),
            [Code::RecordTooLong]
        );
        assert!(text == whole, "pieces of {piece}");
    }
}
