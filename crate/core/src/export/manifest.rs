//! The manifest: every item with its size and hashes, to be handed on and checked again.
//!
//! Two forms of the same list. JSON begins with its schema; CSV with its header; both are recognised when they are dropped beside evidence, and each item is then said to be
//! unchanged, changed, new or missing ([`crate::reconstruct::manifests`]). A cell that a spreadsheet would take for a formula gets an apostrophe in front.
//!
//! Rejected: `sha256sum` lists. They know neither size, nor format, nor which archive a member came from.

use super::csv;
use crate::case::Case;
use crate::case::item::Item;
use crate::query::rows::modified;
use serde_json::{Value, json};

/// The schema of the JSON form.
pub const SCHEMA: &str = "runlens.manifest/1";
/// Columns of the CSV form.
pub const COLUMNS: [&str; 9] = [
    "path", "size", "modified", "sha256", "md5", "sha1", "format", "records", "inside",
];

/// Items by path.
fn items(case: &Case) -> Vec<&Item> {
    let mut items: Vec<&Item> = case.items().iter().collect();
    items.sort_by(|one, other| (&one.path, &one.sha256).cmp(&(&other.path, &other.sha256)));
    items
}

/// The container a member came from, outermost first.
fn inside(path: &str) -> Option<&str> {
    path.rsplit_once("!/").map(|(container, _)| container)
}

fn records(item: &Item) -> u64 {
    item.report
        .as_ref()
        .map_or(0, |report| report.counts.records)
}

fn format(item: &Item) -> Option<&str> {
    item.report.as_ref().map(|report| report.format.as_str())
}

/// The manifest as JSON, one item a line.
#[must_use]
pub fn as_json(case: &Case) -> String {
    let lines: Vec<String> = items(case)
        .into_iter()
        .map(|item| {
            let line = json!({
                "path": item.path,
                "size": item.size,
                "modified": modified(item.modified_ms),
                "sha256": item.sha256,
                "md5": item.md5,
                "sha1": item.sha1,
                "format": format(item),
                "records": records(item),
                "inside": inside(&item.path),
            });
            let mut text = Vec::new();
            super::json_text::write(&mut text, &line);
            String::from_utf8(text).unwrap_or_default()
        })
        .collect();
    format!(
        "{{\"schema\":{},\"records\":[\n{}\n]}}\n",
        Value::from(SCHEMA),
        lines.join(",\n")
    )
}

/// The manifest as CSV.
#[must_use]
pub fn as_csv(case: &Case) -> String {
    let mut out = Vec::new();
    csv::line(&mut out, COLUMNS);
    for item in items(case) {
        let cells = [
            item.path.clone(),
            item.size.to_string(),
            modified(item.modified_ms).unwrap_or_default(),
            item.sha256.clone().unwrap_or_default(),
            item.md5.clone().unwrap_or_default(),
            item.sha1.clone().unwrap_or_default(),
            format(item).unwrap_or_default().to_owned(),
            records(item).to_string(),
            inside(&item.path).unwrap_or_default().to_owned(),
        ];
        csv::line(&mut out, cells.iter().map(String::as_str));
    }
    String::from_utf8(out).unwrap_or_default()
}
