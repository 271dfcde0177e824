//! Executions as they are asked for, on the example case: the list, every story, and what becomes of a link that the analyst rejects.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

use runlens_core::case::Case;
use runlens_core::evidence::hash::sha256;
use runlens_core::export::{CaseDocument, Export};
use runlens_core::formats::ItemReader;
use runlens_core::query::{self, ExecutionsAsk};
use runlens_core::reconstruct::links::overrides::Say;
use runlens_core::settings::Settings;
use serde_json::{Value, json};

fn example() -> Case {
    read(&runlens_casegen::example_case().files, Settings::default())
}

fn read(files: &[runlens_casegen::CaseFile], settings: Settings) -> Case {
    let limits = settings.limits.clone();
    let mut case = Case::new(settings);
    for file in files {
        let size = file.bytes.len() as u64;
        let item = case.add_item(&file.path, size, file.modified_ms);
        let mut reader = ItemReader::new(&file.path, size, file.modified_ms, limits.clone());
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

fn ask(ask: &Value) -> ExecutionsAsk {
    serde_json::from_value(ask.clone()).unwrap()
}

fn list(case: &Case, asked: &Value) -> Vec<query::executions::ExecutionRow> {
    query::executions(case, &ask(asked)).rows
}

#[test]
fn the_list_is_sorted_and_filtered_by_column() {
    let case = example();
    let all = query::executions(&case, &ask(&json!({ "first": 0, "count": 1000 })));
    assert_eq!((all.total, all.of), (all.rows.len(), all.rows.len()));
    assert!(all.rows.len() > 10 && all.linked > 8);
    assert!(
        all.rows
            .is_sorted_by_key(|row| row.time_ms.unwrap_or(f64::INFINITY).to_bits())
    );
    for column in [
        "time",
        "caller",
        "machine",
        "family",
        "name",
        "outcome",
        "state",
        "severity",
        "score",
        "confidence",
    ] {
        for descending in [false, true] {
            let asked =
                json!({ "first": 0, "count": 1000, "sort": column, "descending": descending });
            let mut places: Vec<usize> = list(&case, &asked)
                .iter()
                .map(|row| row.execution)
                .collect();
            places.sort_unstable();
            let every: Vec<usize> = (0..all.rows.len()).collect();
            assert_eq!(places, every, "{column}");
        }
    }
    let worst = list(
        &case,
        &json!({ "first": 0, "count": 1, "sort": "score", "descending": true }),
    );
    let most = all.rows.iter().filter_map(|row| row.score).max();
    assert_eq!(worst[0].score, most);
    let machine = worst[0].machine.clone().unwrap();
    let asked =
        json!({ "first": 0, "count": 1000, "filters": { "machine": machine.to_uppercase() } });
    let there = list(&case, &asked);
    assert!(!there.is_empty() && there.len() < all.rows.len());
    assert!(there.iter().all(|row| {
        row.machine.as_deref() == Some(&machine)
            || row
                .host
                .as_deref()
                .is_some_and(|host| host.to_lowercase().contains(&machine))
    }));
    // Pages are parts of the whole.
    let page = list(&case, &json!({ "first": 3, "count": 4 }));
    assert_eq!(page, all.rows[3..7]);
}

#[test]
fn every_statement_of_every_story_leads_to_an_event() {
    let case = example();
    let rows = list(&case, &json!({ "first": 0, "count": 1000 }));
    let (mut scripts, mut trees, mut links) = (0, 0, 0);
    for row in &rows {
        let story = query::story(&case, row.name.item, row.name.ordinal).unwrap();
        assert_eq!(&story.row, row);
        let told = story
            .asked
            .iter()
            .chain(&story.asked_records)
            .chain(&story.agent)
            .chain(&story.agent_records)
            .chain(&story.flows);
        for statement in told {
            // The kind of a caller may be known by the form of its name alone.
            let may_lack = matches!(statement.name.as_str(), "kind" | "outcome");
            assert!(may_lack || !statement.events.is_empty(), "{statement:?}");
            for event in &statement.events {
                assert!(query::place(&case, event.item, event.ordinal).is_some());
            }
        }
        if let Some(script) = &story.script {
            scripts += 1;
            let other: Vec<_> = script
                .sources
                .iter()
                .filter(|source| source.same == Some(false))
                .collect();
            assert!(other.is_empty(), "{:?}: {other:#?}", row.label);
            let first = script.layers[0].text.as_ref().unwrap();
            assert!(!first.lines.is_empty());
            for indicator in script.indicators.iter().filter(|found| found.layer == 0) {
                let line = &first.lines[indicator.line - 1];
                assert!(
                    line.pieces.iter().any(|piece| !piece.hits.is_empty()),
                    "{indicator:?}"
                );
            }
        }
        trees += usize::from(!story.processes.is_empty());
        assert_eq!(story.link.pair.is_some(), row.sides == "both");
        assert_eq!(story.missing.is_empty(), row.sides == "both");
        if row.sides == "both" {
            links += 1;
            let sum: f64 = story.link.reasons.iter().map(|reason| reason.points).sum();
            let score = story.link.score.unwrap();
            assert!(
                (sum.min(100.0) - score).abs() < 0.05,
                "{sum} is not {score}"
            );
            assert!(story.clocks.cloud.is_some() && story.clocks.corrected.is_some());
        }
    }
    assert!(scripts > 8 && links > 8, "{scripts} scripts, {links} links");
    assert!(trees > 0, "no story has processes");
}

#[test]
fn a_rejected_link_is_solved_again_and_comes_back() {
    let mut case = example();
    let rows = list(&case, &json!({ "first": 0, "count": 1000 }));
    let before: Vec<(Option<usize>, Option<usize>)> = pairs(&case);
    let row = rows.iter().find(|row| row.sides == "both").unwrap();
    let name = row.name;
    let pair = query::story(&case, name.item, name.ordinal)
        .unwrap()
        .link
        .pair
        .unwrap();
    case.say_of_link(Say::Reject, &pair).unwrap();
    case.conclude();
    let alone = query::story(&case, name.item, name.ordinal).unwrap();
    assert_ne!(alone.link.pair.as_ref(), Some(&pair));
    assert_eq!(alone.link.said.len(), 1);
    // It is part of the settings: another tab, or the command line, links the same way.
    let mut settings = Settings::default();
    settings
        .set_json(&case.settings().to_json().to_string())
        .unwrap();
    let again = read(&runlens_casegen::example_case().files, settings);
    assert_eq!(pairs(&again), pairs(&case));
    case.say_of_link(Say::TakeBack, &pair).unwrap();
    case.conclude();
    assert_eq!(pairs(&case), before);
    assert!(case.link_overrides().is_empty());
    case.say_of_link(Say::Confirm, &pair).unwrap();
    case.conclude();
    let confirmed = query::story(&case, name.item, name.ordinal).unwrap();
    assert_eq!(confirmed.row.confidence, Some("confirmed"));
    let mut nothing = pair.clone();
    nothing.run.sequence = Some(4_711);
    let refused = case.say_of_link(Say::Confirm, &nothing).unwrap_err();
    assert!(
        refused.starts_with("the evidence names 0 runs so"),
        "{refused}"
    );
}

fn pairs(case: &Case) -> Vec<(Option<usize>, Option<usize>)> {
    let executions = case.linked().executions.iter();
    executions.map(|one| (one.operation, one.run)).collect()
}

#[test]
fn arcs_are_never_more_than_pixels_can_show() {
    let case = example();
    let known = query::overview(&case);
    let (from, to) = (known.first_ms.unwrap(), known.last_ms.unwrap() + 1.0);
    let fine = query::arcs(&case, from, to, 16_000);
    let coarse = query::arcs(&case, from, to, 1);
    let all = case.linked().executions.len();
    let counted: u32 = fine.arcs.iter().map(|arc| arc.count).sum();
    assert_eq!(counted as usize, all);
    // One pixel: at most one arc for each combination of sides and confidence.
    assert!(coarse.arcs.len() <= 6 && coarse.arcs.len() < fine.arcs.len());
    assert!(query::arcs(&case, 0.0, 1.0, 100).arcs.is_empty());
}

#[test]
fn secrets_are_dots_in_the_document_unless_asked_for() {
    let folder = "d/web01/var/lib/waagent/run-command/download/1";
    let script = "#!/bin/sh\nmysql -u root -pTopSecret99 db\necho 'export DB_PASSWORD=TopSecret99' >> /etc/profile\n";
    let files: Vec<runlens_casegen::CaseFile> = [
        (format!("{folder}/script.sh"), script),
        (format!("{folder}/stdout"), "api_key = 'TopSecret99'\n"),
    ]
    .into_iter()
    .map(|(path, text)| runlens_casegen::CaseFile::new(&path, None, text.as_bytes().to_vec()))
    .collect();
    let case = read(&files, Settings::default());
    assert_eq!(case.runs().len(), 1);
    let text = |mut document: CaseDocument| {
        let mut out = Vec::new();
        while let Some(piece) = document.write(&case, &[]) {
            out.extend(piece);
        }
        String::from_utf8(out).unwrap()
    };
    let masked = text(CaseDocument::new(&case, false));
    assert!(!masked.contains("TopSecret99") && masked.contains("mysql -u root -p•••••"));
    assert!(masked.contains(&sha256(script.as_bytes())));
    let revealed = text(CaseDocument::new(&case, false).revealing_secrets());
    assert!(revealed.contains("mysql -u root -pTopSecret99"));
    let row = &list(&case, &json!({ "first": 0, "count": 1 }))[0];
    assert_eq!(row.script.as_deref(), Some("mysql -u root -p••••• db"));
}
