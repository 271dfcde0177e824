//! All queries of a case as one Markdown file, for a ticket or a repository.
//!
//! A detector stands there once for each set of queries: findings that ask the same share one chapter and are only counted.
//!
//! Rejected: a chapter per finding. Automation leaves thousands that ask for the same caller.

use super::{Hunt, PRODUCTS, Variant, of_finding};
use crate::case::Case;
use crate::detect::manual;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Chapters of one file.
const MOST_CHAPTERS: usize = 500;

/// A fence that no line of the text closes.
fn fence(text: &str) -> String {
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// The queries of all findings of a case.
#[must_use]
pub fn markdown(case: &Case) -> String {
    let mut chapters: Vec<(&str, Hunt, usize)> = Vec::new();
    let mut known: BTreeMap<(&str, Vec<String>), usize> = BTreeMap::new();
    let mut left_out = 0;
    // A rule of the analyst is a query already.
    let of_detectors = case.findings().iter().filter(|one| one.rule.is_none());
    for finding in of_detectors {
        let hunt = of_finding(case, finding);
        let texts = hunt
            .queries
            .iter()
            .map(|query| query.text.clone())
            .collect();
        if let Some(at) = known.get(&(&*finding.detector, texts)) {
            if let Some((_, _, count)) = chapters.get_mut(*at) {
                *count += 1;
            }
            continue;
        }
        if chapters.len() >= MOST_CHAPTERS {
            left_out += 1;
            continue;
        }
        let texts = hunt
            .queries
            .iter()
            .map(|query| query.text.clone())
            .collect();
        known.insert((&*finding.detector, texts), chapters.len());
        chapters.push((&*finding.detector, hunt, 1));
    }
    let mut out = String::from(
        "# Hunt on\n\nThe questions of this case's findings, as queries to run over the fleet.\n",
    );
    for (detector, hunt, count) in &chapters {
        let title = manual::title(detector).unwrap_or(detector);
        let plural = if *count == 1 { "" } else { "s" };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\n## {title}\n\n`{detector}`, {count} finding{plural}\n"
        );
        chapter(&mut out, hunt);
    }
    if left_out > 0 {
        let _ = write!(
            out,
            "\nFindings whose queries are left out here: {left_out}.\n"
        );
    }
    out
}

/// The queries and notes of one finding.
pub(super) fn chapter(out: &mut String, hunt: &Hunt) {
    for product in PRODUCTS.into_iter().chain(["all"]) {
        for note in hunt.notes.iter().filter(|note| note.product == product) {
            let _ = write!(out, "\n_{product}: {}_\n", note.text);
        }
        for query in hunt.queries.iter().filter(|query| query.product == product) {
            let variant = match query.variant {
                Variant::ThisAgain => "this again",
                Variant::SamePattern => "the same pattern",
            };
            let fence = fence(&query.text);
            let _ = write!(
                out,
                "\n### {}: {} ({variant})\n\nNeeds {}.\n\n{fence}{}\n{}{fence}\n",
                query.product,
                query.title,
                query.needs.join(", "),
                query.language,
                query.text
            );
            for note in &query.notes {
                let _ = write!(out, "\n- {note}");
            }
            out.push('\n');
        }
    }
}
