//! What rules find stands beside what detectors find: it has a key, is judged, expected and exported likewise.

use crate::case::Case;
use crate::case::triage::{Said, TriageState};
use crate::detect::Finding;
use crate::export::{self, ExportAsk};
use crate::formats::ItemReader;
use crate::query;
use crate::query::findings::{Arranged, By, Shown, finding, finding_at};
use crate::settings::Settings;
use crate::severity::Severity;
use serde_json::{Value, json};

const RULES: &str = "
title: Command of somebody
id: command
logsource: {product: azure, service: activitylogs}
detection:
    selection: {operationName|endswith: '/runCommand/action'}
    condition: selection
level: critical
tags: [attack.t1531]
description: Somebody ran a command.
falsepositives: [Patching]
---
title: A word of the record
id: word
logsource: {product: azure, service: activitylogs}
detection:
    keywords: [marker-in-the-record]
    condition: keywords
level: low
";

const LOG: &str = "log.json";

fn row(day: u32, caller: &str, vm: &str, ip: &str) -> Value {
    json!({
        "eventTimestamp": format!("2024-05-{day:02}T10:00:00Z"),
        "operationName": { "value": "Microsoft.Compute/virtualMachines/runCommand/action" },
        "eventDataId": format!("e-{day}-{vm}"),
        "status": { "value": "Succeeded" },
        "resourceId": format!("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Compute/virtualMachines/{vm}"),
        "correlationId": format!("c-{day}-{vm}"),
        "category": { "value": "Administrative" },
        "caller": caller,
        "httpRequest": { "clientIpAddress": ip },
        "claims": {},
        "description": "marker-in-the-record",
    })
}

/// A command of two callers each.
fn log() -> String {
    let rows = vec![
        row(1, "alex@contoso.example", "vm1", "203.0.113.7"),
        row(9, "blair@contoso.example", "vm2", "198.51.100.9"),
    ];
    Value::from(rows).to_string()
}

/// The case of these files; records that rules want to see again are read again.
fn case_of(files: &[(&str, &str)], settings: &Settings) -> Case {
    let mut case = Case::new(settings.clone());
    for (path, text) in files {
        let size = text.len() as u64;
        let item = case.add_item(path, size, None);
        let mut reader = ItemReader::new(path, size, None, settings.limits.clone());
        reader.push(text.as_bytes());
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
    }
    conclude(&mut case, files);
    case
}

fn conclude(case: &mut Case, files: &[(&str, &str)]) {
    case.conclude();
    loop {
        let wanted = case.rule_needs();
        if wanted.is_empty() {
            return;
        }
        let bytes = wanted.iter().map(|place| {
            let (_, text) = files[place.item as usize];
            let from = place.offset as usize;
            text.as_bytes()[from..from + place.length as usize].to_vec()
        });
        let bytes: Vec<Vec<u8>> = bytes.collect();
        case.rule_take(&bytes);
    }
}

fn expecting(entry: Value) -> Case {
    let mut settings = Settings::default();
    settings.set_allow_list(&entry).expect("an entry");
    case_of(&[(LOG, &log()), ("rules.yml", RULES)], &settings)
}

fn some() -> Case {
    case_of(&[(LOG, &log()), ("rules.yml", RULES)], &Settings::default())
}

/// Places of the findings of a rule.
fn of_rule(case: &Case, detector: &str) -> Vec<usize> {
    let all = case.findings().iter().zip(0..);
    all.filter(|(one, _)| one.detector == detector)
        .map(|(_, at)| at)
        .collect()
}

fn keys(case: &Case, detector: &str) -> Vec<String> {
    let places = of_rule(case, detector);
    let key = |at: usize| case.finding_keys()[at].clone();
    places.into_iter().map(key).collect()
}

fn say(case: &mut Case, key: &str, state: TriageState, note: &str) {
    let note = note.to_owned();
    case.triage_mut()
        .set(key, Said { state, note })
        .expect("a key");
}

fn exported(case: &Case, form: &str) -> Value {
    let ask: ExportAsk = serde_json::from_value(json!({ "form": form })).expect("a question");
    let mut export = export::begin(case, &ask, &[]).expect("a form");
    let mut out = Vec::new();
    while let Some(piece) = export.write(case, &[]) {
        out.extend(piece);
    }
    serde_json::from_slice(&out).expect("JSON")
}

#[test]
fn keys_are_the_same_whatever_the_order_and_wherever_the_rules_lie() {
    let log = log();
    let first = some();
    let found = keys(&first, "sigma:command");
    assert_eq!(found.len(), 2, "one for each caller");
    assert_ne!(found[0], found[1]);
    assert_eq!(keys(&first, "sigma:word").len(), 2, "of records read again");
    // In another file, with another level, behind another rule, and dropped before the evidence.
    let moved = format!(
        "title: First\nid: first\nlogsource: {{product: azure, service: activitylogs}}\ndetection: {{s: {{caller: nobody}}, condition: s}}\n---{}",
        RULES.replace("level: critical", "level: high")
    );
    let other = case_of(
        &[("a/other.yml", &moved), (LOG, &log)],
        &Settings::default(),
    );
    assert_eq!(keys(&other, "sigma:command"), found);
    assert_eq!(keys(&other, "sigma:word"), keys(&first, "sigma:word"));
    let all = first.finding_keys();
    let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), first.findings().len());
}

#[test]
fn what_is_said_of_them_is_shown_saved_and_comes_back() {
    let mut case = some();
    let key = keys(&case, "sigma:command")[0].clone();
    say(&mut case, &key, TriageState::Confirmed, "the phish");
    let detail = finding(&case, &key).expect("a finding");
    assert_eq!(detail.row.triage, TriageState::Confirmed);
    assert_eq!(detail.note, "the phish");
    assert_eq!(
        detail.detector_title.as_deref(),
        Some("Command of somebody")
    );
    let confirmed = Shown {
        by: By::Incident,
        triage: vec!["confirmed".to_owned()],
        ..Shown::default()
    };
    let page = Arranged::of(&case, &confirmed).page(&case, 0, 10);
    let shown: Vec<&str> = page.rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(shown, [key.as_str()]);
    let file: Value = serde_json::from_str(&case.triage_json()).expect("JSON");
    let entry = &file["findings"][0];
    assert_eq!(entry["key"], key.as_str());
    assert_eq!(entry["finding"]["detector"], "sigma:command");
    assert_eq!(entry["finding"]["title"], "Command of somebody");
    let session = case.session_json(&Value::Null, "2024-06-01T00:00:00Z");
    let mut again = some();
    again.take_session(&session).expect("a session");
    assert_eq!(again.triage().of(&key).note, "the phish");
    assert!(finding_at(&again, &key).is_some());
}

#[test]
fn an_entry_of_the_allow_list_suppresses_them_by_every_part_that_they_have() {
    for (part, value) in [
        ("caller", "Alex@contoso.example"),
        ("address", "203.0.113.0/24"),
        ("vm", "vm1"),
        ("to", "2024-05-02T00:00:00Z"),
    ] {
        let case = expecting(json!({ part: value, "reason": "r", "author": "a" }));
        for detector in ["sigma:command", "sigma:word"] {
            let places = of_rule(&case, detector);
            let by = |at: &usize| case.findings()[*at].allowed_by;
            let by: Vec<Option<usize>> = places.iter().map(by).collect();
            assert_eq!(by, [Some(0), None], "{detector} {part}");
            let counted = |at: &usize| {
                let mut all = case.incidents().iter();
                all.any(|one| one.findings.contains(at))
            };
            assert!(!counted(&places[0]), "it belongs to no incident");
            assert!(counted(&places[1]));
        }
    }
    let case = expecting(
        json!({ "detector": "sigma:command", "reason": "r", "author": "a", "expires": "2024-05-05T00:00:00Z" }),
    );
    let document = exported(&case, "case");
    let findings = document["findings"].as_array().expect("findings");
    let of = |detector: &str| {
        let all = findings.iter().filter(|one| one["detector"] == detector);
        all.map(|one| one["allowed_by"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("sigma:command"), [json!(0), Value::Null], "it ran out");
    assert_eq!(of("sigma:word"), [Value::Null, Value::Null]);
    let entry = &document["allow_list"][0];
    assert_eq!(entry["suppressed"], 1);
    assert_eq!(entry["after_expiry"], 1);
    let page = Arranged::of(
        &case,
        &Shown {
            suppressed: Some(true),
            ..Shown::default()
        },
    );
    let page = page.page(&case, 0, 10);
    assert_eq!((page.total, page.suppressed), (1, 1));
    let brief = query::brief::brief(&case, &Default::default());
    assert_eq!(brief.suppressed, 1);
}

#[test]
fn what_is_expected_can_be_begun_from_one_of_them() {
    let case = some();
    let key = keys(&case, "sigma:command")[0].clone();
    let parts = query::expected::expectation(&case, &key).expect("parts");
    assert_eq!(parts["detector"], "sigma:command");
    assert_eq!(parts["caller"], "alex@contoso.example");
    assert_eq!(parts["address"], "203.0.113.7");
    let mut refused = Settings::default();
    let bare = json!({ "detector": "sigma:", "reason": "r", "author": "a" });
    assert!(refused.set_allow_list(&bare).is_err(), "that is no rule");
}

#[test]
fn they_are_in_stix_and_among_the_techniques_unless_they_are_expected() {
    let mut case = some();
    let key = keys(&case, "sigma:command")[0].clone();
    say(&mut case, &key, TriageState::Unclear, "asked the owner");
    let about = |bundle: &Value| -> Vec<String> {
        let objects = bundle["objects"].as_array().expect("objects");
        let notes = objects.iter().filter(|one| one["type"] == "note");
        notes
            .filter_map(|one| Some(one["abstract"].as_str()?.to_owned()))
            .collect()
    };
    let bundle = exported(&case, "stix");
    let notes = about(&bundle);
    let its = "sigma:command: Command of somebody";
    assert_eq!(notes.iter().filter(|one| *one == its).count(), 2);
    assert!(notes.contains(&"Analyst's note".to_owned()));
    let objects = bundle["objects"].as_array().expect("objects");
    let of_kind = |kind: &str| objects.iter().filter(|one| one["type"] == kind).count();
    let technique = objects.iter().find(|one| {
        one["type"] == "attack-pattern" && one["external_references"][0]["external_id"] == "T1531"
    });
    let technique = technique.expect("the technique of its tag")["id"].clone();
    let indicates = objects
        .iter()
        .filter(|one| one["relationship_type"] == "indicates" && one["target_ref"] == technique);
    assert_eq!(
        indicates.count(),
        2,
        "a critical finding names two addresses"
    );
    assert!(of_kind("grouping") > 0);
    let cells = || {
        let tactics = query::attack::attack(&case).into_iter();
        tactics.flat_map(|tactic| tactic.techniques)
    };
    let cell = cells()
        .find(|cell| cell.technique == "T1531")
        .expect("seen");
    assert_eq!((cell.findings, cell.severity), (2, Some("critical")));
    let page = Arranged::of(
        &case,
        &Shown {
            techniques: vec!["T1531".to_owned()],
            ..Shown::default()
        },
    );
    assert_eq!(page.page(&case, 0, 10).total, 2);
    let expected = expecting(json!({ "detector": "sigma:command", "reason": "r", "author": "a" }));
    assert!(!about(&exported(&expected, "stix")).contains(&its.to_owned()));
}

#[test]
fn the_worst_leads_until_it_is_called_benign_or_is_expected() {
    let lead = |case: &Case| {
        query::brief::brief(case, &Default::default())
            .lead
            .expect("a lead")
            .finding
    };
    let mut case = some();
    let led = lead(&case);
    assert_eq!(
        (led.detector.as_str(), led.severity),
        ("sigma:command", "critical")
    );
    for key in keys(&case, "sigma:command") {
        say(&mut case, &key, TriageState::Benign, "");
    }
    assert_ne!(lead(&case).detector, "sigma:command");
    let expected = expecting(json!({ "detector": "sigma:command", "reason": "r", "author": "a" }));
    assert_ne!(lead(&expected).detector, "sigma:command");
}

#[test]
fn they_rest_on_what_they_matched_and_stand_in_time_among_the_others() {
    let case = some();
    let at = of_rule(&case, "sigma:command")[1];
    let one: &Finding = &case.findings()[at];
    assert_eq!(one.severity, Severity::Critical);
    let events: Vec<u32> = case.finding_events(one).copied().collect();
    assert_eq!(events, one.events);
    let by = |by: By| {
        let shown = Shown {
            by,
            ..Shown::default()
        };
        Arranged::of(&case, &shown).page(&case, 0, 1000)
    };
    let page = by(By::Incident);
    let mut from = 0;
    for group in &page.groups {
        let rows = &page.rows[from..from + group.count];
        assert!(rows.is_sorted_by_key(|row| &row.first), "{}", group.name);
        from += group.count;
    }
    let groups = by(By::Detector).groups;
    let group = groups.iter().find(|group| group.name == "sigma:command");
    let group = group.expect("a group");
    assert_eq!(group.title.as_deref(), Some("Command of somebody"));
    let page = query::sigma::page(&case, "sigma:command");
    let text = |at: usize| page[at].rows[0][0][0].text.as_str();
    assert_eq!(text(0), "Command of somebody");
    assert_eq!(text(1), "Somebody ran a command.");
    assert_eq!(page.last().map(|block| block.form), Some("list"));
    assert!(!query::sigma::page(&case, "decode").is_empty());
}

#[test]
fn what_an_entry_did_is_counted_once_however_often_the_case_is_judged() {
    let mut case =
        expecting(json!({ "caller": "alex@contoso.example", "reason": "r", "author": "a" }));
    let (before, effects) = (case.findings().len(), case.allowed().to_vec());
    let suppressed = case
        .findings()
        .iter()
        .filter(|one| one.allowed_by.is_some());
    assert_eq!(effects[0].suppressed, suppressed.count());
    case.judge_again();
    assert_eq!(case.findings().len(), before);
    assert_eq!(case.allowed(), effects);
}

#[test]
fn a_password_in_what_was_matched_is_not_told() {
    let rules = "
title: Accounts
id: accounts
logsource: {category: process_creation, product: windows}
detection:
    selection: {CommandLine|contains: 'net user'}
    condition: selection
";
    let event = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},"EventID":1,"TimeCreated":{"#attributes":{"SystemTime":"2024-05-01T10:00:00.000000Z"}},"EventRecordID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WIN01"},"EventData":{"ProcessId":44,"Image":"C:\\Windows\\System32\\net.exe","CommandLine":"net user helper Geheim123! /add","ParentImage":"C:\\Windows\\System32\\cmd.exe","ParentCommandLine":"cmd","User":"NT AUTHORITY\\SYSTEM"}}}"##;
    let case = case_of(
        &[("sysmon.jsonl", event), ("rules.yml", rules)],
        &Settings::default(),
    );
    let at = of_rule(&case, "sigma:accounts")[0];
    let words = case.referred().words(&case.findings()[at]);
    let told = format!("{} {}", words.summary, Value::Object(words.values));
    assert!(told.contains("net user helper"), "{told}");
    assert!(!told.contains("Geheim123!"), "{told}");
    let by_host = expecting(json!({ "host": "other", "reason": "r", "author": "a" }));
    assert!(
        by_host
            .findings()
            .iter()
            .all(|one| one.allowed_by.is_none())
    );
    let mut settings = Settings::default();
    settings
        .set_allow_list(&json!({ "host": "win01.contoso.example", "reason": "r", "author": "a" }))
        .expect("an entry");
    let case = case_of(&[("sysmon.jsonl", event), ("rules.yml", rules)], &settings);
    let at = of_rule(&case, "sigma:accounts")[0];
    assert_eq!(case.findings()[at].allowed_by, Some(0));
}
