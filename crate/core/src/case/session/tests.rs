use super::*;
use crate::case::notes::Note;
use crate::case::triage::{Said, TriageState};
use crate::evidence::hash::sha256;
use crate::formats::ItemReader;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const LOG: &[u8] =
    b"May  1 08:00:00 vm01 sshd[1]: Accepted publickey for root from 203.0.113.7 port 22 ssh2\n";

fn with(path: &str) -> Case {
    let mut case = Case::new(Settings::default());
    let size = LOG.len() as u64;
    let item = case.add_item(path, size, None);
    let mut reader = ItemReader::new(path, size, None, case.settings().limits.clone());
    reader.push(LOG);
    while let Some(batch) = reader.take_batch() {
        case.add_batch(item, &batch);
    }
    case.finish_item(item, &reader.finish());
    case.set_hash(item, &sha256(LOG));
    case.conclude();
    case
}

#[test]
fn a_session_comes_back_whole_and_finds_its_evidence_by_hash() {
    let mut case = with("drop/messages");
    let mut settings = case.settings().clone();
    settings.set_zone("drop/messages", "+02:00").unwrap();
    case.set_settings(settings);
    let mut lists = case.lists().clone();
    lists
        .set(
            ListKind::WatchList,
            "watch.txt",
            "203.0.113.7,from the phish\n",
        )
        .unwrap();
    case.set_lists(lists);
    case.triage_mut()
        .set(
            KEY,
            Said {
                state: TriageState::Confirmed,
                note: "seen".to_owned(),
            },
        )
        .unwrap();
    case.set_note(
        0,
        0,
        Note {
            starred: true,
            ..Note::default()
        },
    )
    .unwrap();
    let kept = json!({ "view": "findings", "filter": "caller:a*" });
    let text = case.session_json(&kept, "2024-05-02T00:00:00Z");
    assert!(!text.contains("Accepted publickey"), "no evidence in it");

    let mut other = with("copy/of/messages");
    assert_eq!(other.take_session(&text), Ok(kept.clone()));
    let words: Vec<&str> = other
        .session_compared()
        .iter()
        .map(|line| line.verdict.word())
        .collect();
    assert_eq!(words, ["moved"]);
    assert!(other.reattach(), "the zone goes with the bytes");
    assert!(!other.reattach(), "once");
    assert_eq!(
        other
            .settings()
            .zones
            .get("copy/of/messages")
            .map(ToString::to_string),
        Some("UTC+02:00".to_owned())
    );
    assert_eq!(other.triage().of(KEY).note, "seen");
    assert_eq!(other.lists().notes().len(), 1);
    assert!(
        other.note_of(0).is_some_and(|note| note.starred),
        "the note finds its event by hash"
    );

    let mut same = with("drop/messages");
    same.take_session(&text).unwrap();
    assert_eq!(
        same.session_json(&kept, "2024-05-02T00:00:00Z"),
        text,
        "the round trip changes no byte"
    );
}

#[test]
fn a_refused_part_leaves_everything_as_it_was() {
    let case = with("drop/messages");
    let good: Value = serde_json::from_str(&case.session_json(&Value::Null, "")).unwrap();
    let refused = |change: &dyn Fn(&mut Value), word: &str| {
        let mut file = good.clone();
        change(&mut file);
        let mut other = with("drop/messages");
        let before = other.session_json(&Value::Null, "");
        let why = other.take_session(&file.to_string()).unwrap_err();
        assert!(why.contains(word), "{why}");
        assert_eq!(other.session_json(&Value::Null, ""), before);
    };
    refused(
        &|file| file["schema"] = json!("runlens.case/1"),
        "runlens.session/1",
    );
    refused(
        &|file| file["settings"]["limits"]["record_bytes"] = json!("many"),
        "settings",
    );
    refused(
        &|file| file["lists"] = json!([{ "kind": "wishes", "name": "a", "text": "b" }]),
        "wishes",
    );
    refused(
        &|file| {
            file["notes"] = json!({ "schema": "runlens.notes/9", "events": [], "bookmarks": [] })
        },
        "notes",
    );
    refused(
        &|file| file["triage"] = json!({ "schema": "runlens.triage/9", "findings": [] }),
        "triage",
    );
    assert!(with("a").take_session("no json").is_err());
}

#[test]
fn missing_and_changed_evidence_is_said() {
    let text = with("drop/messages").session_json(&Value::Null, "");
    let mut empty = Case::new(Settings::default());
    empty.take_session(&text).unwrap();
    assert_eq!(empty.session_compared()[0].verdict, Verdict::Missing);
    let item = empty.add_item("drop/messages", 3, None);
    empty.set_hash(item, &sha256(b"abc"));
    assert_eq!(empty.session_compared()[0].verdict, Verdict::Changed);
}
