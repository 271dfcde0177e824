//! Notes find their events again, and refuse what they cannot hold.

use super::*;
use crate::formats::ItemReader;
use crate::settings::Settings;

const LOG: &str = "2024-05-01T10:02:00.000000Z INFO ExtHandler ExtHandler one
2024-05-01T10:02:01.000000Z INFO ExtHandler ExtHandler two
2024-05-01T10:02:02.000000Z INFO ExtHandler ExtHandler three
";

fn case_with(paths: &[(&str, &str, Option<&str>)]) -> Case {
    let mut case = Case::new(Settings::default());
    for (path, text, sha256) in paths {
        let item = case.add_item(path, text.len() as u64, None);
        let limits = case.settings().limits.clone();
        let mut reader = ItemReader::new(path, text.len() as u64, None, limits);
        reader.push(text.as_bytes());
        case.finish_item(item, &reader.finish());
        if let Some(sha256) = sha256 {
            case.set_hash(item, sha256);
        }
    }
    case.conclude();
    case
}

fn starred(tags: &[&str], comment: &str) -> Note {
    Note {
        starred: true,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        comment: comment.to_owned(),
    }
}

#[test]
fn a_note_follows_the_bytes_of_its_evidence_to_another_path() {
    let mut case = case_with(&[("a/waagent.log", LOG, Some("aa"))]);
    case.set_note(0, 1, starred(&["#b", "a", "b"], "look"))
        .unwrap();
    case.set_bookmark(Bookmark {
        time_ms: 1_714_557_720_500,
        text: "shift begins".to_owned(),
    })
    .unwrap();
    let json = case.notes_json();

    let other = LOG.replace("one", "uno");
    let mut again = case_with(&[("a/waagent.log", &other, Some("bb"))]);
    assert_eq!(again.take_notes(&json), Ok(2));
    assert_eq!(again.notes().waiting(), 1, "other bytes at the same path");
    assert_eq!(
        again.notes_json(),
        json.replace(",\n      \"time\": \"2024-05-01T10:02:01.000000Z\"", "")
            .replace("\"time\": \"2024-05-01T10:02:01.000000Z\",\n      ", ""),
        "what waits is written out again"
    );

    let mut moved = case_with(&[("x/y.log", &other, Some("bb")), ("moved.log", LOG, None)]);
    assert_eq!(moved.take_notes(&json), Ok(2));
    assert_eq!(moved.notes().waiting(), 1);
    moved.set_hash(1, "aa");
    assert_eq!(moved.notes().waiting(), 0);
    let event = moved.store().event_of(1, 1).unwrap();
    assert_eq!(moved.note_of(event), Some(&starred(&["a", "b"], "look")));
    assert_eq!(
        moved.notes().bookmarks().collect::<Vec<_>>(),
        [(1_714_557_720_500, "shift begins")]
    );
}

#[test]
fn what_cannot_be_noted_is_refused_with_a_sentence() {
    let mut case = case_with(&[("waagent.log", LOG, None)]);
    assert!(case.set_note(0, 99, starred(&[], "")).is_err());
    let refused = case
        .set_note(0, 0, starred(&["two words"], ""))
        .unwrap_err();
    assert!(refused.contains("one word"), "{refused}");
    assert!(
        case.set_note(0, 0, starred(&[], &"x".repeat(20_001)))
            .is_err()
    );
    assert!(case.take_notes("{\"schema\":\"other/1\"}").is_err());
    assert!(case.take_notes("[").is_err());
    assert!(case.notes().is_empty());
    case.set_note(0, 0, starred(&[], "")).unwrap();
    case.set_note(0, 0, Note::default()).unwrap();
    assert!(case.notes().is_empty(), "an empty note takes it back");
}

#[test]
fn a_filter_finds_what_was_noted() {
    let mut case = case_with(&[("waagent.log", LOG, None)]);
    case.set_note(0, 0, starred(&["lateral"], "same phish"))
        .unwrap();
    let tagged = Note {
        tags: vec!["other".to_owned()],
        ..Note::default()
    };
    case.set_note(0, 2, tagged).unwrap();
    let count = |text: &str| crate::query::shown::count(&case, text).map(|(events, _)| events);
    assert_eq!(count("starred:yes"), Ok(1));
    assert_eq!(count("starred:no"), Ok(2));
    assert_eq!(count("not starred:yes"), Ok(2));
    assert_eq!(count("tag:*"), Ok(2));
    assert_eq!(count("tag:lateral"), Ok(1));
    assert_eq!(count("comment:*phish*"), Ok(1));
    assert_eq!(count("comment:nothing"), Ok(0));
}

#[test]
fn the_rows_shown_follow_the_notes() {
    let mut case = case_with(&[("waagent.log", LOG, None)]);
    let mut shown = crate::query::Shown::default();
    shown.set("starred:yes").unwrap();
    shown.refresh(&case);
    assert_eq!(shown.order(&case).len(), 0);
    case.set_note(0, 1, starred(&[], "")).unwrap();
    shown.refresh(&case);
    assert_eq!(shown.order(&case).len(), 1);
}
