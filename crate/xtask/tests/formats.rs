//! Adding a format touches one file, its fixture, and its name in `formats/mod.rs` (declared, and one line of the table).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

use runlens_core::formats::TABLE;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_format_is_one_file_and_one_line_of_the_table() {
    let core = root().join("crate/core/src");
    let mut files = Vec::new();
    sources(&core, &mut files);
    // Reconstruction speaks of features and methods, which share words with formats; no format is decided there.
    files.retain(|path| !path.starts_with(core.join("reconstruct")));
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let ids: BTreeSet<&str> = TABLE.iter().map(|format| format.id).collect();
    assert_eq!(ids.len(), TABLE.len(), "no id twice");
    for id in ids {
        let literal = format!("id: \"{id}\"");
        let mention = format!("\"{id}\"");
        let naming: Vec<&Path> = texts
            .iter()
            .filter(|(path, text)| {
                let beside = path.to_string_lossy().contains("tests");
                !beside
                    && text.lines().any(|line| {
                        line.contains(&literal)
                            || (line.contains(&mention)
                                && id.contains('-')
                                && !line.trim_start().starts_with("//"))
                    })
            })
            .map(|(path, _)| path.as_path())
            .collect();
        assert_eq!(naming.len(), 1, "{id} is named in {naming:?}");
        let file = naming.first().unwrap();
        assert!(file.starts_with(core.join("formats")), "{id}");
        let folder = file.parent().unwrap().file_name().unwrap() != "formats";
        let module = if folder {
            file.parent().unwrap().file_name().unwrap()
        } else {
            file.file_stem().unwrap()
        };
        let line = format!("    {}::FORMAT,", module.to_string_lossy());
        let list = fs::read_to_string(core.join("formats/mod.rs")).unwrap();
        assert_eq!(list.lines().filter(|have| *have == line).count(), 1, "{id}");
    }
}

#[test]
fn every_format_has_a_fixture() {
    let mut seen = String::new();
    for case in fs::read_dir(root().join("tests/cases")).unwrap() {
        seen += &fs::read_to_string(case.unwrap().path().join("case.json")).unwrap();
    }
    // Containers are packed by their own tests, in every kind: crate/core/src/evidence/container/tests.rs.
    for format in TABLE.iter().filter(|format| format.id != "archive") {
        let mention = format!("\"format\":\"{}\"", format.id);
        assert!(seen.contains(&mention), "{} has no fixture", format.id);
    }
}
