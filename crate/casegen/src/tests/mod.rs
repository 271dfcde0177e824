//! Tests of whole artifacts: same seed, same bytes; every line obeys its grammar; the truth agrees with the bytes.
//!
//! Nothing here uses the writers to check the writers: lines are taken apart by hand, and counts come from the raw
//! bytes.

mod grammar;
mod same_bytes;
mod truth;
mod volume;
mod windows;

use crate::{Case, CaseFile};

/// The text of a file.
fn text(file: &CaseFile) -> &str {
    std::str::from_utf8(&file.bytes).expect("all but event logs is text")
}

/// What a file says: its text, or its events as another reader understands them.
fn said(file: &CaseFile) -> String {
    if file.path.ends_with(".evtx") {
        windows::events(file)
            .iter()
            .map(|event| format!("{event}\n"))
            .collect()
    } else {
        text(file).to_owned()
    }
}

/// Whether a file is of a Windows guest.
fn is_windows(file: &CaseFile) -> bool {
    file.path.starts_with("erp01/")
}

/// The file of a path.
fn file<'c>(case: &'c Case, path: &str) -> &'c CaseFile {
    case.files
        .iter()
        .find(|file| file.path == path)
        .unwrap_or_else(|| panic!("no file {path}"))
}

/// The files whose path ends so.
fn ending<'c>(case: &'c Case, end: &str) -> Vec<&'c CaseFile> {
    let found: Vec<&CaseFile> = case
        .files
        .iter()
        .filter(|file| file.path.ends_with(end))
        .collect();
    assert!(!found.is_empty(), "no file ends in {end}");
    found
}
