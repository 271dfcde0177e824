use super::*;
use crate::evidence::hash::sha256;
use crate::formats::ItemReader;
use crate::settings::Settings;
use serde_json::Value;

const HOSTILE: &str = "=cmd|'/c calc'!A1<script>alert(1)</script>";

/// One run command by a caller whose name means harm.
fn log() -> String {
    let row = |status: &str, time: &str| {
        serde_json::json!({
            "authorization": { "action": "Microsoft.Compute/virtualMachines/runCommand/action" },
            "caller": HOSTILE,
            "correlationId": "11111111-2222-3333-4444-555555555555",
            "eventDataId": format!("11111111-2222-3333-4444-{}", if status == "Started" { "000000000001" } else { "000000000002" }),
            "eventTimestamp": time,
            "httpRequest": { "clientIpAddress": "203.0.113.7" },
            "operationName": { "value": "Microsoft.Compute/virtualMachines/runCommand/action" },
            "resourceId": "/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg-secret/providers/Microsoft.Compute/virtualMachines/payroll-vm",
            "status": { "value": status },
            "subscriptionId": "99999999-2222-3333-4444-555555555555",
        })
    };
    serde_json::json!([
        row("Started", "2024-05-01T08:00:00.1234567Z"),
        row("Succeeded", "2024-05-01T08:00:30Z")
    ])
    .to_string()
}

fn case(text: &str) -> Case {
    let mut case = Case::new(Settings::default());
    let size = text.len() as u64;
    let item = case.add_item("drop/activity.json", size, None);
    let mut reader = ItemReader::new(
        "drop/activity.json",
        size,
        None,
        case.settings().limits.clone(),
    );
    reader.push(text.as_bytes());
    while let Some(batch) = reader.take_batch() {
        case.add_batch(item, &batch);
    }
    case.finish_item(item, &reader.finish());
    case.set_hash(item, &sha256(text.as_bytes()));
    case.conclude();
    case
}

/// The pieces of an export, each with how many bytes of evidence it asked for.
fn pieces(
    case: &Case,
    text: &str,
    ask: &ExportAsk,
    shown: &[EventNumber],
) -> Vec<(usize, Vec<u8>)> {
    let mut export = begin(case, ask, shown).expect("a form");
    let mut pieces = Vec::new();
    loop {
        let bytes: Vec<Vec<u8>> = export
            .needs(case)
            .iter()
            .map(|place| {
                let from = usize::try_from(place.offset).unwrap();
                text.as_bytes()[from..from + usize::try_from(place.length).unwrap()].to_vec()
            })
            .collect();
        match export.write(case, &bytes) {
            Some(piece) => pieces.push((bytes.iter().map(Vec::len).sum(), piece)),
            None => return pieces,
        }
    }
}

fn written(case: &Case, text: &str, ask: &ExportAsk, shown: &[EventNumber]) -> String {
    let pieces = pieces(case, text, ask, shown).into_iter();
    let out: Vec<u8> = pieces.flat_map(|(_, piece)| piece).collect();
    String::from_utf8(out).expect("text")
}

fn asked(form: &str) -> ExportAsk {
    ExportAsk {
        form: form.to_owned(),
        events: true,
        made: Some("2026-01-01T00:00:00Z".to_owned()),
        ..ExportAsk::default()
    }
}

#[test]
fn every_form_is_written_twice_the_same_and_runs_nothing() {
    let text = log();
    let case = case(&text);
    for form in FORMS {
        let ask = asked(form.form);
        let one = written(&case, &text, &ask, &[]);
        assert_eq!(one, written(&case, &text, &ask, &[]), "{}", form.form);
        assert!(!one.is_empty(), "{}", form.form);
        match form.media_type {
            "text/html" => assert!(
                !one.contains("<script") && one.contains("&lt;script&gt;"),
                "{one}"
            ),
            "text/markdown" => assert!(!one.contains("<script"), "{one}"),
            "text/csv" => assert!(one.contains("'=cmd") && !one.contains(",=cmd"), "{one}"),
            "application/json" => {
                assert!(serde_json::from_str::<Value>(&one).is_ok(), "{}", form.form)
            }
            _ => assert!(
                one.lines()
                    .all(|line| serde_json::from_str::<Value>(line).is_ok()),
                "{}",
                form.form
            ),
        }
    }
}

#[test]
fn pseudonyms_hide_names_in_every_form() {
    let hostile = serde_json::to_string(HOSTILE).unwrap();
    let text = log().replace(&hostile, "\"alex@contoso.example\"");
    assert!(text.contains("contoso"));
    let case = case(&text);
    for form in FORMS {
        let ask = ExportAsk {
            pseudonyms: Some("salt".to_owned()),
            ..asked(form.form)
        };
        let one = written(&case, &text, &ask, &[]).to_lowercase();
        for name in [
            "payroll",
            "rg-secret",
            "203.0.113.7",
            "99999999-2222",
            "contoso",
        ] {
            assert!(!one.contains(name), "{} holds {name}: {one}", form.form);
        }
    }
}

#[test]
fn a_list_holds_what_is_shown_where_that_is_asked() {
    let text = log();
    let case = case(&text);
    let ask = ExportAsk {
        only_shown: true,
        ..asked("csv")
    };
    let lines =
        |shown: &[EventNumber], ask: &ExportAsk| written(&case, &text, ask, shown).lines().count();
    assert_eq!(lines(&[1], &ask), 2, "head and one event");
    assert_eq!(lines(&[], &ask), 1, "the head alone");
    assert_eq!(lines(&[1], &asked("csv")), 3, "all");
}

#[test]
fn no_piece_of_a_long_export_is_large_and_none_is_lost() {
    const OPERATIONS: usize = 1_600;
    let rows = log().replace("11111111-2222-3333-4444", "%number%-2222-3333-4444");
    let rows = rows.trim_matches(['[', ']']);
    let all = (0..OPERATIONS).map(|number| rows.replace("%number%", &format!("{number:08}")));
    let text = format!("[{}]", all.collect::<Vec<_>>().join(","));
    let case = case(&text);
    let in_pieces = |form: &str| {
        let pieces = pieces(&case, &text, &asked(form), &[]);
        assert!(pieces.len() > 2, "{form}");
        for (evidence, piece) in &pieces {
            assert!(*evidence <= PIECE_BYTES, "{form}: {evidence}");
            assert!(piece.len() < 2 * PIECE_BYTES, "{form}: {}", piece.len());
        }
        let all = pieces.into_iter().flat_map(|(_, piece)| piece);
        String::from_utf8(all.collect()).expect("text")
    };
    let document: Value = serde_json::from_str(&in_pieces("case")).expect("JSON");
    for (list, length) in [("events", 2 * OPERATIONS), ("operations", OPERATIONS)] {
        let list = document[list].as_array().expect("a list");
        assert_eq!(list.len(), length);
        let mut ids = list.iter().zip(0..);
        assert!(ids.all(|(element, id)| element["id"] == id));
    }
    assert_eq!(in_pieces("csv").lines().count(), 1 + 2 * OPERATIONS);
}

#[test]
fn an_unknown_form_and_a_contradiction_are_refused() {
    let case = Case::new(Settings::default());
    let refused = |ask: &ExportAsk| begin(&case, ask, &[]).err().expect("refused");
    assert!(refused(&asked("pdf")).contains("report-html"));
    let both = ExportAsk {
        secrets: true,
        pseudonyms: Some("s".to_owned()),
        ..asked("case")
    };
    assert!(refused(&both).contains("pseudonyms"));
}

#[test]
fn an_empty_case_has_every_form_too() {
    let case = Case::new(Settings::default());
    for form in FORMS {
        written(&case, "", &asked(form.form), &[]);
    }
}
