use super::{Said, Triage, TriageState};

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
