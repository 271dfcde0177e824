//! Section 3: extensions by what they are, and by whether they are new to the machine.

use super::{LONG_AGO, Table, json};

const ID: &str = "vm-extension-write";
const BODY: &str =
    r#"{"properties":{"publisher":"Microsoft.Compute","type":"CustomScriptExtension"}}"#;

/// (severity, confidence, new pair, deployed by a user) of each finding.
fn said(table: &Table) -> Vec<(&'static str, &'static str, bool, bool)> {
    let found = table.finds(ID);
    let is = |one: &super::Finding, figure: &str| one.values[figure] == json!(true);
    let said = found.iter().map(|one| {
        (
            one.severity.word(),
            one.confidence.word(),
            is(one, "new_pair"),
            is(one, "user_deployed"),
        )
    });
    said.collect()
}

fn written(time: &str, name: &str, body: &str) -> String {
    let body = if body.is_empty() {
        String::new()
    } else {
        format!(" body={body}")
    };
    format!("{time} extension:{name} alice@contoso.example 52.1.2.3 vm1{body}\n")
}

#[test]
fn a_script_extension_by_its_type() {
    let first = written("2024-05-01T10:00:00", "cse", BODY);
    let table = Table::of(LONG_AGO).with(&first);
    assert_eq!(said(&table), [("medium", "high", true, true)]);
    assert_eq!(
        table.finds(ID)[0].values["type"],
        "microsoft.compute.customscriptextension"
    );
    // Three days later the pair is known; the type still is what it is.
    let again = table.with(&written("2024-05-04T10:00:00", "cse", BODY));
    assert_eq!(said(&again)[1..], [("medium", "high", false, true)]);
}

#[test]
fn a_week_exactly_is_known_and_a_second_more_is_new() {
    let at = |second: &str| {
        let lines = written("2024-05-01T10:00:00", "cse", BODY)
            + &written(&format!("2024-05-08T10:00:{second}"), "cse", BODY);
        said(&Table::of(LONG_AGO).with(&lines))[1].2
    };
    assert_eq!((at("00"), at("01")), (false, true));
}

#[test]
fn without_a_body_the_name_is_all_there_is() {
    let name =
        |name: &str| said(&Table::of(LONG_AGO).with(&written("2024-05-01T10:00:00", name, "")));
    assert_eq!(name("RunCommandLinux-x"), [("medium", "low", true, true)]);
    assert_eq!(name("AzurePolicyforLinux"), [("low", "low", true, false)]);
}

#[test]
fn what_is_known_and_runs_nothing_is_silent() {
    let policy = |time: &str| written(time, "AzurePolicyforLinux", "");
    let lines = policy("2024-05-01T10:00:00") + &policy("2024-05-02T10:00:00");
    assert_eq!(Table::of(LONG_AGO).with(&lines).finds(ID).len(), 1);
    let failed = "2024-05-01T10:00:00 extension:cse alice 52.1.2.3 vm1 status=Failed";
    assert!(Table::of(failed).finds(ID).is_empty());
}
