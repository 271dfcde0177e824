//! The list sorts, looks, leaves out and pages; one item in full agrees with its row.

use super::*;
use crate::formats::ItemReader;
use crate::settings::Settings;

fn case_of(files: &[(&str, &[u8])]) -> Case {
    let mut case = Case::new(Settings::default());
    for (path, bytes) in files {
        let item = case.add_item(path, bytes.len() as u64, None);
        let limits = case.settings().limits.clone();
        let mut reader = ItemReader::new(path, bytes.len() as u64, None, limits);
        reader.push(bytes);
        case.finish_item(item, &reader.finish());
    }
    case.conclude();
    case
}

fn some() -> Case {
    let line = "2024-05-01T08:00:00.000000Z INFO ExtHandler ExtHandler heartbeat\n";
    case_of(&[
        ("web01/var/log/waagent.log", line.repeat(3).as_bytes()),
        ("web01/notes.bin", &[0, 159, 146, 150, 0, 1, 2, 3]),
        ("app02/var/log/waagent.log", line.as_bytes()),
    ])
}

fn paths(case: &Case, ask: EvidenceAsk) -> Vec<String> {
    let rows = evidence(case, &EvidenceAsk { count: 10, ..ask }).rows;
    rows.into_iter().map(|row| row.path).collect()
}

#[test]
fn by_path_unless_asked_otherwise() {
    let all = paths(&some(), EvidenceAsk::default());
    assert_eq!(
        all,
        [
            "app02/var/log/waagent.log",
            "web01/notes.bin",
            "web01/var/log/waagent.log"
        ]
    );
}

#[test]
fn the_greatest_first_and_equals_by_path() {
    let ask = EvidenceAsk {
        sort: Column::Events,
        descending: true,
        ..EvidenceAsk::default()
    };
    let all = paths(&some(), ask);
    assert_eq!(
        all,
        [
            "web01/var/log/waagent.log",
            "app02/var/log/waagent.log",
            "web01/notes.bin"
        ]
    );
}

#[test]
fn text_is_looked_for_in_path_format_and_host() {
    let with = |text: &str| {
        let ask = EvidenceAsk {
            text: text.to_owned(),
            ..EvidenceAsk::default()
        };
        paths(&some(), ask).len()
    };
    assert_eq!(with("WEB01"), 2);
    assert_eq!(with("waagent-log"), 2);
    assert_eq!(with("app02/var"), 1);
    assert_eq!(with("nowhere"), 0);
}

#[test]
fn only_items_with_such_a_problem() {
    let case = some();
    let warned: Vec<String> = evidence_items(&case)
        .into_iter()
        .filter(|item| {
            item.problems
                .iter()
                .any(|problem| problem.severity == Severity::Warning)
        })
        .map(|item| item.row.path)
        .collect();
    let ask = EvidenceAsk {
        like: Some(Like::Warning),
        ..EvidenceAsk::default()
    };
    assert_eq!(paths(&case, ask), warned);
    assert!(warned.len() < case.items().len(), "{warned:?}");
}

#[test]
fn a_page_is_a_part_of_the_whole_and_says_how_much_there_is() {
    let case = some();
    let page = evidence(
        &case,
        &EvidenceAsk {
            first: 1,
            count: 1,
            ..EvidenceAsk::default()
        },
    );
    assert_eq!((page.total, page.of, page.rows.len()), (3, 3, 1));
    assert_eq!(
        page.rows.first().map(|row| row.path.as_str()),
        Some("web01/notes.bin")
    );
}

#[test]
fn an_item_in_full_is_its_row_and_more() {
    let case = some();
    let rows = evidence(
        &case,
        &EvidenceAsk {
            count: 10,
            ..EvidenceAsk::default()
        },
    )
    .rows;
    for row in rows {
        let item = evidence_item(&case, row.item).unwrap();
        assert_eq!(item.row, row);
        assert_eq!(item.problems.len(), row.problem_count);
        assert_eq!(row.records, row.events + item.folded + row.skipped);
        let worst = item.problems.iter().map(|problem| problem.severity).max();
        assert_eq!(worst, row.worst);
    }
    assert_eq!(evidence_item(&case, 99), None);
}
