use super::{Arranged, By, Shown, finding, finding_events, searched};
use crate::case::Case;
use crate::case::triage::{Said, TriageState};
use crate::formats::ItemReader;
use crate::settings::Settings;
use serde_json::{Value, json};

pub(in crate::query) const RUN: &str = "Microsoft.Compute/virtualMachines/runCommand/action";

pub(in crate::query) fn row(day: u32, caller: &str, vm: &str, operation: &str) -> Value {
    let group = "/subscriptions/s1/resourceGroups/g1/providers";
    json!({
        "eventTimestamp": format!("2024-05-{day:02}T10:00:00Z"),
        "operationName": { "value": operation },
        "eventDataId": format!("e-{day}-{caller}-{vm}-{operation}"),
        "status": { "value": "Succeeded" },
        "resourceId": format!("{group}/Microsoft.Compute/virtualMachines/{vm}"),
        "correlationId": format!("c-{day}-{caller}-{vm}-{operation}"),
        "category": { "value": "Administrative" },
        "caller": caller,
        "httpRequest": { "clientIpAddress": "203.0.113.7" },
        "claims": {},
    })
}

pub(in crate::query) fn case(rows: Vec<Value>, settings: &Settings) -> Case {
    let text = Value::from(rows).to_string();
    let mut case = Case::new(settings.clone());
    let length = text.len() as u64;
    let item = case.add_item("log.json", length, None);
    let mut reader = ItemReader::new("log.json", length, None, settings.limits.clone());
    reader.push(text.as_bytes());
    while let Some(batch) = reader.take_batch() {
        case.add_batch(item, &batch);
    }
    case.finish_item(item, &reader.finish());
    case.conclude();
    case
}

/// Three run commands by two callers on two VMs, and a machine deleted between.
pub(in crate::query) fn some() -> Case {
    case(
        vec![
            row(1, "alex@contoso.example", "vm1", RUN),
            row(2, "blair@contoso.example", "vm2", RUN),
            row(3, "alex@contoso.example", "vm1", RUN),
            row(
                2,
                "alex@contoso.example",
                "vm1",
                "Microsoft.Compute/virtualMachines/delete",
            ),
        ],
        &Settings::default(),
    )
}

fn arranged(case: &Case, shown: &Shown) -> super::FindingPage {
    Arranged::of(case, shown).page(case, 0, 1000)
}

#[test]
fn every_grouping_holds_every_finding_once() {
    let case = some();
    let all = case.findings().len();
    assert!(all >= 4, "{all}");
    for by in [
        By::Severity,
        By::Detector,
        By::Time,
        By::Caller,
        By::Vm,
        By::Incident,
    ] {
        let page = arranged(
            &case,
            &Shown {
                by,
                ..Shown::default()
            },
        );
        assert_eq!((page.all, page.total, page.rows.len()), (all, all, all));
        assert_eq!(page.groups.iter().map(|g| g.count).sum::<usize>(), all);
        let mut keys: Vec<&str> = page.rows.iter().map(|row| row.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "{by:?}");
        // The rows stand under their groups.
        let mut rows = page.rows.iter();
        for group in &page.groups {
            for row in rows.by_ref().take(group.count) {
                let of = match by {
                    By::Severity => row.severity.to_owned(),
                    By::Detector => row.detector.clone(),
                    By::Time => row.first.clone().unwrap_or_default()[..10].to_owned(),
                    By::Caller => row.subject.caller.clone().unwrap_or_default(),
                    By::Vm => row.subject.vm.clone().unwrap_or_default(),
                    By::Incident => row
                        .incident
                        .map_or_else(String::new, |id| format!("Incident {}", id + 1)),
                };
                assert_eq!(of, group.name);
            }
        }
    }
}

#[test]
fn severity_groups_are_worst_first_and_rows_in_time_order() {
    let page = arranged(&some(), &Shown::default());
    let order = ["critical", "high", "medium", "low", "info"];
    let places: Vec<usize> = page
        .groups
        .iter()
        .map(|group| order.iter().position(|word| *word == group.name).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let mut rows = page.rows.iter();
    for group in &page.groups {
        let firsts: Vec<_> = rows.by_ref().take(group.count).map(|r| &r.first).collect();
        assert!(firsts.is_sorted());
    }
}

#[test]
fn filters_let_through_what_they_name() {
    let case = some();
    let page = |shown: Shown| arranged(&case, &shown);
    let invocations = page(Shown {
        detectors: vec!["run-command-invocation".to_owned()],
        ..Shown::default()
    });
    assert_eq!(invocations.total, 3);
    let blair = page(Shown {
        text: "BLAIR@".to_owned(),
        ..Shown::default()
    });
    assert!(blair.total > 0 && blair.total < blair.all);
    assert!(blair.rows.iter().all(|row| {
        row.subject.caller.as_deref() == Some("blair@contoso.example")
            || row.summary.contains("blair")
    }));
    let technique = page(Shown {
        techniques: vec!["T1651".to_owned()],
        ..Shown::default()
    });
    assert!(technique.total >= 3);
    assert!(
        technique
            .rows
            .iter()
            .all(|r| r.attack.contains(&"T1651".to_owned()))
    );
    let none = page(Shown {
        severities: vec!["no-such-word".to_owned()],
        ..Shown::default()
    });
    assert_eq!((none.total, none.groups.len()), (0, 0));
    // Counts of the whole do not follow the filter.
    assert_eq!(none.severities, invocations.severities);
}

#[test]
fn a_page_is_a_part_of_the_whole() {
    let case = some();
    let whole = arranged(&case, &Shown::default());
    let part = Arranged::of(&case, &Shown::default()).page(&case, 1, 2);
    assert_eq!(part.rows, whole.rows[1..3]);
    assert_eq!(part.groups, whole.groups);
    assert!(
        Arranged::of(&case, &Shown::default())
            .page(&case, 1000, 10)
            .rows
            .is_empty()
    );
}

#[test]
fn what_is_said_of_a_finding_survives_concluding_again_and_more_evidence() {
    let mut case = some();
    let key = arranged(&case, &Shown::default()).rows[0].key.clone();
    let said = Said {
        state: TriageState::Confirmed,
        note: "seen in the mail gateway as well".to_owned(),
    };
    case.triage_mut().set(&key, said.clone()).unwrap();
    case.conclude();
    let shown = Shown {
        triage: vec!["confirmed".to_owned()],
        ..Shown::default()
    };
    let page = arranged(&case, &shown);
    assert_eq!(page.total, 1);
    assert_eq!((&page.rows[0].key, page.rows[0].has_note), (&key, true));
    assert_eq!(finding(&case, &key).unwrap().note, said.note);
    // Taken to another session with the file.
    let file = case.triage_json();
    assert!(
        file.contains("\"detector\""),
        "the file says what it speaks of"
    );
    let mut other = some();
    other.triage_mut().take(&file).unwrap();
    assert_eq!(other.triage(), case.triage());
    assert_eq!(arranged(&other, &shown).rows, page.rows);
}

#[test]
fn a_finding_leads_to_its_events() {
    let case = some();
    for row in arranged(&case, &Shown::default()).rows {
        let detail = finding(&case, &row.key).unwrap();
        let events = finding_events(&case, &row.key, 0, 100);
        assert_eq!(events.total, detail.events);
        assert!(events.total > 0, "{}", row.summary);
        assert!(events.rows.is_sorted_by_key(|event| event.row));
        let second = finding_events(&case, &row.key, 1, 100);
        assert_eq!(second.rows, events.rows[1..]);
    }
    assert!(finding(&case, "no such key").is_none());
    assert_eq!(finding_events(&case, "no such key", 0, 9).total, 0);
}

#[test]
fn every_detector_answers_also_without_evidence() {
    let empty = case(Vec::new(), &Settings::default());
    let silent = searched(&empty);
    assert_eq!(silent.len(), empty.searched().len());
    for one in &silent {
        assert_eq!(one.answer, "not-assessed", "{}", one.detector);
        assert!(one.reason.as_ref().is_some_and(|reason| !reason.is_empty()));
        assert!(one.title.is_some());
    }
    let case = some();
    let found = searched(&case);
    let total: usize = found.iter().map(|one| one.findings).sum();
    assert_eq!(total, case.findings().len());
    assert!(found.iter().any(|one| one.answer == "not-found"));
}

#[test]
fn what_is_suppressed_stays_names_its_entry_and_stands_in_no_incident() {
    let rows = || {
        vec![
            row(1, "alex@contoso.example", "vm1", RUN),
            row(2, "blair@contoso.example", "vm2", RUN),
        ]
    };
    let open = case(rows(), &Settings::default());
    let by_incident = Shown {
        by: By::Incident,
        ..Shown::default()
    };
    let page = arranged(&open, &by_incident);
    assert_eq!((page.suppressed, page.total), (0, page.all));
    for (at, group) in page.groups.iter().enumerate() {
        assert_eq!(group.incident, Some(at), "the worst incident first");
        assert!(group.title.is_some());
    }
    // What an entry for the finding would be is what suppresses it.
    let key = page.rows[0].key.clone();
    let mut entry = crate::query::expectation(&open, &key).expect("a finding");
    assert_eq!(
        entry["caller"],
        page.rows[0].subject.caller.clone().expect("a caller")
    );
    entry["reason"] = json!("patching");
    entry["author"] = json!("a.berg");
    let mut settings = Settings::default();
    settings
        .set_all(&json!({ "allow-list": entry }))
        .expect("an entry");
    let quiet = case(rows(), &settings);
    let page = arranged(&quiet, &by_incident);
    assert!(page.suppressed > 0);
    assert_eq!(page.all, open.findings().len(), "nothing is gone");
    let one = page
        .rows
        .iter()
        .find(|row| row.key == key)
        .expect("it is still there");
    assert_eq!((one.allowed_by, one.incident), (Some(0), None));
    for (wanted, count) in [(true, page.suppressed), (false, page.all - page.suppressed)] {
        let only = Shown {
            suppressed: Some(wanted),
            ..Shown::default()
        };
        assert_eq!(arranged(&quiet, &only).total, count);
    }
    assert!(crate::query::expectation(&open, "nothing").is_none());
}
