//! Links against the truth: the example case with twenty seeds, linked, and compared with what its maker says.
//!
//! `cargo test -p xtask --test links -- --nocapture` prints the figures.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

use runlens_casegen::{render, story};
use runlens_core::case::Case;
use runlens_core::evidence::hash::sha256;
use runlens_core::formats::ItemReader;
use runlens_core::reconstruct::skew::estimate::Confidence;
use runlens_core::settings::Settings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Correlation id, resource and operation; host, family, name and number.
type Link = ((String, String, String), (String, String, String, i64));

fn read(files: &[runlens_casegen::CaseFile]) -> Case {
    let settings = Settings::default();
    let mut case = Case::new(settings.clone());
    for file in files {
        let size = file.bytes.len() as u64;
        let item = case.add_item(&file.path, size, file.modified_ms);
        let mut reader =
            ItemReader::new(&file.path, size, file.modified_ms, settings.limits.clone());
        reader.push(&file.bytes);
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
        case.set_hash(item, &sha256(&file.bytes));
    }
    case.conclude();
    case
}

fn true_links(truth: &Value) -> BTreeSet<Link> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_lowercase();
    let links = truth["links"].as_array().unwrap();
    links
        .iter()
        .map(|link| {
            let op = &truth["operations"][link["operation"].as_u64().unwrap() as usize];
            let run = &truth["runs"][link["run"].as_u64().unwrap() as usize];
            let family = text(&run["family"]);
            // On the guest a custom script extension has no name.
            let name = if family == "managed" {
                text(&run["name"])
            } else {
                String::new()
            };
            (
                (
                    text(&op["correlation"]),
                    text(&op["resource"]),
                    text(&op["operation"]),
                ),
                (
                    text(&run["host"]),
                    family,
                    name,
                    run["sequence"].as_i64().unwrap(),
                ),
            )
        })
        .collect()
}

fn found_links(case: &Case) -> BTreeMap<Link, Confidence> {
    let links = case.linked().executions.iter().filter_map(|execution| {
        let op = &case.operations()[execution.operation?];
        let run = &case.runs()[execution.run?];
        let lower = |text: Option<&str>| text.unwrap_or("").to_lowercase();
        let resource = op.resource.as_ref().map(|id| id.folded.as_str());
        let link = (
            (
                lower(op.correlation.as_deref()),
                lower(resource),
                op.operation.clone(),
            ),
            (
                lower(run.host.as_deref()),
                run.family.word().to_owned(),
                lower(run.name.as_deref()),
                run.sequence.unwrap_or(-1),
            ),
        );
        Some((link, execution.confidence?))
    });
    links.collect()
}

#[test]
fn the_example_case_is_linked_as_it_was_made() {
    let (mut right, mut all_found, mut all_true) = (0, 0, 0);
    for seed in 1..=20 {
        let made = render(&story::example(seed));
        let case = read(&made.files);
        let (want, have) = (true_links(&made.truth), found_links(&case));
        assert!(want.len() > 10, "seed {seed}: the case has links");
        for (link, confidence) in &have {
            if !want.contains(link) {
                println!("seed {seed}: wrong, {confidence:?}: {link:?}");
            }
        }
        for link in want.iter().filter(|link| !have.contains_key(*link)) {
            println!("seed {seed}: missed: {link:?}");
        }
        right += have.keys().filter(|link| want.contains(*link)).count();
        all_found += have.len();
        all_true += want.len();
        for clock in &case.linked().clocks {
            let host = clock.host.clone().unwrap_or_default();
            let truth = made.truth["hosts"].as_array().unwrap().iter();
            let skew = truth
                .filter(|it| it["host"] == *host)
                .find_map(|it| it["clock"]["skew_seconds"].as_f64());
            println!(
                "seed {seed}: {host}: {:?} [{:?}, {:?}] {} pairs, {} discarded, {:?}, true {skew:?}",
                clock.estimate.offset,
                clock.estimate.low,
                clock.estimate.high,
                clock.estimate.pairs,
                clock.estimate.discarded,
                clock.estimate.confidence
            );
        }
        let levels = [Confidence::High, Confidence::Medium, Confidence::Low];
        let counts = levels.map(|level| have.values().filter(|have| **have == level).count());
        println!(
            "seed {seed}: {} true, {} found, high/medium/low {counts:?}",
            want.len(),
            have.len()
        );
    }
    println!("precision {right}/{all_found}, recall {right}/{all_true}");
}
