//! Sections 16 and 17.

use super::{DOWNLOADS, Sensor, Table, json};
use crate::lists::ListKind;
use std::fmt::Write;

const JOIN: &str = "script-file-join";
const VOLATILITY: &str = "script-volatility";

fn one_command() -> Sensor {
    Sensor::default().cloud("2024-05-01T10:00:00 run alice 52.1.2.3 TESTRIG1 end=+40")
}

#[test]
fn a_file_inside_its_operation() {
    let sensor = one_command().file("10:00:21 testrig1.contoso.com script3.ps1 120 aa");
    let found = sensor.finds(JOIN);
    assert_eq!(found.len(), 1);
    let values = &found[0].values;
    assert_eq!(
        (&values["offset"], &values["number"], &values["size"]),
        (&json!(21), &json!(3), &json!(120))
    );
    assert_eq!(values["sha256"], "aa".repeat(32));
    assert_eq!(
        (
            values["mode"].as_str(),
            found[0].severity.word(),
            found[0].confidence.word()
        ),
        (Some("corrected"), "info", "high")
    );
    assert_eq!(
        found[0].subject.host.as_deref(),
        Some("testrig1.contoso.com")
    );
    // The published query compares the letters of the names.
    let published = |host: &str, time: &str| {
        let sensor = one_command().set("script-file-join.published", "yes");
        sensor
            .file(&format!("{time} {host} script3.ps1 120 aa"))
            .finds(JOIN)
            .len()
    };
    assert_eq!(
        (
            published("testrig1.contoso.com", "10:00:21"),
            published("TESTRIG1.contoso.com", "10:00:21")
        ),
        (0, 1)
    );
    assert_eq!(
        (
            published("TESTRIG1", "10:00:40"),
            published("TESTRIG1", "10:00:41")
        ),
        (1, 0)
    );
}

#[test]
fn the_tolerance_counts_its_ends() {
    let joined = |time: &str, tolerance: &str| {
        let sensor = one_command().set("script-file-join.tolerance_seconds", tolerance);
        let sensor = sensor.set("cloud-guest-link.least_score", "100");
        sensor
            .file(&format!("{time} testrig1 script3.ps1 120 aa"))
            .finds(JOIN)
            .len()
    };
    assert_eq!(
        (joined("10:02:40", "120"), joined("10:02:41", "120")),
        (1, 0)
    );
    assert_eq!(
        (joined("09:58:00", "120"), joined("09:57:59", "120")),
        (1, 0)
    );
    assert_eq!((joined("10:00:40", "0"), joined("10:00:41", "0")), (1, 0));
}

#[test]
fn files_and_operations_keep_their_order() {
    let sensor = Sensor::default()
        .cloud(
            "2024-05-01T10:00:00 run alice 52.1.2.3 web01 end=+40
             2024-05-01T10:01:00 run alice 52.1.2.3 web01 end=+40",
        )
        .file("10:00:20 web01 script3.ps1 120 aa")
        .file("10:01:20 web01 script4.ps1 130 bb");
    let pairs: Vec<_> = sensor
        .finds(JOIN)
        .iter()
        .map(|one| (one.operations[0], one.values["number"].as_i64()))
        .collect();
    assert_eq!(pairs, [(0, Some(3)), (1, Some(4))]);
    // The published query joins every file of a time with every operation of that time.
    let published = sensor
        .cloud("2024-05-01T10:00:10 run bob 52.1.2.9 web01 end=+40")
        .set("script-file-join.published", "yes");
    assert_eq!(published.finds(JOIN).len(), 3);
}

#[test]
fn a_file_of_another_vm_or_another_writer_is_not_joined() {
    let elsewhere = one_command().file("10:00:21 other script3.ps1 120 aa");
    assert!(elsewhere.finds(JOIN).is_empty());
    let (ran, told) = elsewhere.table().searched(JOIN);
    assert!(
        ran && told
            .expect("listed")
            .contains("1 script file without a counterpart: script3.ps1 on other")
    );
    let row = json!({
        "Timestamp": "2024-05-01T10:00:21Z", "DeviceName": "testrig1", "ActionType": "FileCreated", "FileName": "script3.ps1",
        "FolderPath": DOWNLOADS, "FileSize": 12, "InitiatingProcessFileName": "notepad.exe",
    });
    let other = one_command().row(row.clone());
    assert!(other.finds(JOIN).is_empty());
    assert_eq!(
        other.table().searched(JOIN).1.expect("a reason"),
        "not-assessed: no record of a script file that a handler wrote is loaded"
    );
    let listed = other.table().list(ListKind::ScriptWriters, "Notepad.exe\n");
    assert_eq!(listed.finds(JOIN).len(), 1);
    // A deletion writes nothing.
    let mut deleted = row;
    deleted["ActionType"] = json!("FileDeleted");
    deleted["InitiatingProcessFileName"] = json!("RunCommandExtension.exe");
    assert!(one_command().row(deleted).finds(JOIN).is_empty());
}

#[test]
fn writes_of_a_growing_file_are_one() {
    let sensor = |last: &str| {
        one_command()
            .file("10:00:20 testrig1 script3.ps1 0 aa")
            .file("10:00:22 testrig1 script3.ps1 64 bb")
            .file(&format!("{last} testrig1 script3.ps1 120 cc"))
    };
    let found = sensor("10:00:27").finds(JOIN);
    assert_eq!(
        (found.len(), &found[0].values["size"], found[0].events.len()),
        (1, &json!(120), 3)
    );
    let (_, told) = sensor("10:00:28").table().searched(JOIN);
    assert!(
        told.expect("one stays alone")
            .contains("1 script file without a counterpart")
    );
}

#[test]
fn an_operation_whose_file_was_not_written_is_listed() {
    let sensor = one_command()
        .cloud(
            "2024-05-01T11:00:00 run alice 52.1.2.3 TESTRIG1 end=+40
             2024-05-01T12:00:00 run alice 52.1.2.3 TESTRIG1 end=+40
             2024-05-01T15:00:00 run alice 52.1.2.3 TESTRIG1 end=+40",
        )
        .file("10:00:21 testrig1 script3.ps1 120 aa")
        .file("12:00:21 testrig1 script5.ps1 120 aa");
    // The sensor says nothing of the afternoon.
    let told = sensor.table().searched(JOIN).1.expect("listed");
    assert_eq!(
        told,
        "1 run command without a counterpart: testrig1 at 2024-05-01T11:00:00Z"
    );
}

/// `n` commands a minute apart, their files of these sizes.
fn commands(sizes: &[u64], pause: usize) -> Sensor {
    let mut sensor = Sensor::default();
    for (at, size) in sizes.iter().enumerate() {
        let minute = at * pause;
        let clock =
            |second: usize| format!("{:02}:{:02}:{second:02}", 8 + minute / 60, minute % 60);
        let mut line = String::new();
        write!(
            line,
            "2024-05-01T{} run alice 52.1.2.3 web01 end=+30",
            clock(0)
        )
        .expect("text");
        sensor = sensor.cloud(&line).file(&format!(
            "{} web01 script{at}.ps1 {size} {size:02}",
            clock(5)
        ));
    }
    sensor
}

#[test]
fn shares_are_strict() {
    let said = |sizes: &[u64]| {
        let found = commands(sizes, 1).finds(VOLATILITY);
        found
            .iter()
            .map(|one| {
                (
                    one.severity.word(),
                    one.values["n"].as_u64(),
                    one.values["d"].as_u64(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(said(&[10, 20]), [("low", Some(2), Some(2))]);
    assert!(said(&[10, 20, 30, 40, 40]).is_empty());
    assert_eq!(
        said(&[10, 20, 30, 40, 50, 50]),
        [("medium", Some(6), Some(5))]
    );
    assert!(said(&[10]).is_empty());
    assert_eq!(said(&[10, 20, 30, 40]), [("low", Some(4), Some(4))]);
    assert_eq!(said(&[10, 20, 30, 40, 50]), [("medium", Some(5), Some(5))]);
}

/// Ten commands whose scripts are kept on a Linux guest; the fifth ends so.
fn ten_on_linux(fifth: &str) -> Table {
    let (mut lines, mut log) = (String::new(), String::new());
    let mut table = Table::default();
    for at in 0..10 {
        let status = if at == 4 { fifth } else { "Succeeded" };
        writeln!(
            lines,
            "2024-05-01T10:{at:02}:00 run alice 52.1.2.3 web01 end=+30 status={status}"
        )
        .expect("text");
        for (second, event) in [(5, "executing command"), (9, "executed command")] {
            writeln!(log, "time=2024-05-01T10:{at:02}:{second:02}Z version=v1.0.5/git@0000000-clean operation=enable seq={at} event=\"{event}\"").expect("text");
        }
        table = table.file(
            &format!("web01/var/lib/waagent/run-command/download/{at}/script.sh"),
            format!("#!/bin/sh\necho {at}\n"),
        );
    }
    table
        .with(&lines)
        .file("web01/var/log/azure/run-command/handler.log", log)
}

#[test]
fn ten_commands_are_high_with_a_failure_only() {
    for (fifth, severity) in [("Succeeded", "medium"), ("Failed", "high")] {
        let found = ten_on_linux(fifth).finds(VOLATILITY);
        assert_eq!(found.len(), 1, "{fifth}");
        let values = &found[0].values;
        assert_eq!(
            (&values["n"], &values["d"], &values["by"]),
            (&json!(10), &json!(10), &json!("text"))
        );
        assert_eq!(found[0].severity.word(), severity);
    }
    let many = ten_on_linux("Failed").set("script-volatility.least_executions", "11");
    assert!(many.finds(VOLATILITY).is_empty());
}

#[test]
fn a_pause_begins_a_new_episode() {
    assert_eq!(
        commands(&[10, 20], 60).says(VOLATILITY, "n"),
        [("low", json!(2))]
    );
    assert!(commands(&[10, 20], 61).finds(VOLATILITY).is_empty());
    // As published the whole period is one group.
    let published = commands(&[10, 20], 61).set("script-volatility.published", "yes");
    assert_eq!(published.says(VOLATILITY, "n"), [("low", json!(2))]);
}
