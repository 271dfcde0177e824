use super::{Said, Triage, TriageState};
use crate::case::Case;
use crate::detect::{Finding, Subject};
use crate::settings::Settings;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn said(state: TriageState, note: &str) -> Said {
    Said {
        state,
        note: note.to_owned(),
    }
}

#[test]
fn what_is_said_comes_back_and_saying_nothing_forgets_it() {
    let mut triage = Triage::default();
    let confirmed = said(TriageState::Confirmed, "same address");
    triage.set(KEY, confirmed.clone()).unwrap();
    assert_eq!(triage.of(KEY), confirmed);
    assert_eq!(triage.of("other"), Said::default());
    triage
        .set(KEY, said(TriageState::New, "only a note"))
        .unwrap();
    assert_eq!(triage.len(), 1);
    triage.set(KEY, Said::default()).unwrap();
    assert!(triage.is_empty());
}

#[test]
fn keys_and_notes_are_held_to_their_form() {
    let mut triage = Triage::default();
    for bad in [
        "",
        "x",
        &KEY[1..],
        &format!("{KEY}-"),
        &format!("{KEY}-x"),
        &format!("{KEY}0"),
    ] {
        assert!(
            triage.set(bad, said(TriageState::Benign, "")).is_err(),
            "{bad}"
        );
    }
    triage
        .set(&format!("{KEY}-2"), said(TriageState::Benign, ""))
        .unwrap();
    let long = "n".repeat(super::MOST_NOTE_LETTERS + 1);
    assert!(triage.set(KEY, said(TriageState::Benign, &long)).is_err());
    assert_eq!(triage.len(), 1);
}

#[test]
fn a_file_overrules_what_it_names_and_a_bad_one_changes_nothing() {
    let mut triage = Triage::default();
    triage.set(KEY, said(TriageState::Benign, "mine")).unwrap();
    let other = format!("{KEY}-2");
    triage
        .set(&other, said(TriageState::Unclear, "stays"))
        .unwrap();
    let before = triage.clone();
    for bad in [
        String::new(),
        "{}".to_owned(),
        r#"{"schema":"runlens.case/1","findings":[]}"#.to_owned(),
        format!(
            r#"{{"schema":"runlens.triage/1","findings":[{{"key":"{KEY}","state":"guilty"}}]}}"#
        ),
        format!(
            r#"{{"schema":"runlens.triage/1","findings":[{{"key":"{KEY}","state":"confirmed"}},{{"key":"x","state":"benign"}}]}}"#
        ),
    ] {
        assert!(triage.take(&bad).is_err(), "{bad}");
        assert_eq!(triage, before, "{bad}");
    }
    let file = format!(
        r#"{{"schema":"runlens.triage/1","findings":[{{"key":"{KEY}","state":"confirmed","note":"theirs","finding":{{"title":"t"}}}}]}}"#
    );
    assert_eq!(triage.take(&file), Ok(1));
    assert_eq!(triage.of(KEY), said(TriageState::Confirmed, "theirs"));
    assert_eq!(triage.of(&other), said(TriageState::Unclear, "stays"));
}

#[test]
fn a_key_asked_for_alone_is_the_one_of_the_list() {
    let mut case = Case::new(Settings::default());
    let found = |detector: &'static str, host: &str| Finding {
        detector: detector.into(),
        subject: Subject {
            host: Some(host.to_owned()),
            ..Subject::default()
        }
        .into(),
        ..Finding::default()
    };
    case.findings = vec![
        found("decode", "web01"),
        found("decode", "web02"),
        found("decode", "web01"),
        found("script-content", "web01"),
        found("decode", "web01"),
    ];
    // Asked before all keys are known.
    let alone: Vec<Option<String>> = (0..6).map(|at| case.finding_key(at)).collect();
    let listed = case.finding_keys().iter().cloned().map(Some);
    assert_eq!(alone, listed.chain([None]).collect::<Vec<_>>());
    let end = |at: usize| alone[at].as_deref().and_then(|key| key.split_once('-'));
    assert_eq!(end(0), None);
    assert_eq!(end(2).map(|(_, nth)| nth), Some("2"));
    assert_eq!(end(4).map(|(_, nth)| nth), Some("3"));
    assert_eq!(case.finding_key(2), alone[2]);
    // What is said of one is that one's state alone.
    let key = alone[2].clone().unwrap();
    assert_eq!(case.triage_state(2), TriageState::New);
    case.triage
        .set(&key, said(TriageState::Benign, ""))
        .unwrap();
    let states: Vec<TriageState> = (0..5).map(|at| case.triage_state(at)).collect();
    let new = TriageState::New;
    assert_eq!(states, [new, new, TriageState::Benign, new, new]);
}
