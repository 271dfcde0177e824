use super::{ending, file, text};
use crate::example_case;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values of a member in text, found by its name alone.
fn values<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    text.split(name)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect()
}

#[test]
fn rows_and_operations_agree_with_a_count_in_the_raw_bytes() {
    let case = example_case();
    let counts = &case.truth["counts"];
    let array = text(file(&case, "cloud/activity-log.json"));
    // Each record of the array has one id of this form, each line of a blob is a record.
    let in_array = array.matches("\"eventDataId\": \"").count();
    let blobs = ending(&case, "/PT1H.json");
    let in_blobs: usize = blobs.iter().map(|blob| text(blob).lines().count()).sum();
    assert_eq!(counts["record_copies"], in_array + in_blobs);

    let mut operations = BTreeSet::new();
    let mut rows = BTreeSet::new();
    let mut add = |correlation: &str, resource: &str, name: &str, time: &str, status: &str| {
        let operation = [correlation, resource, name]
            .map(str::to_lowercase)
            .join(" ");
        rows.insert(format!("{operation} {time} {}", &status[..1]));
        operations.insert(operation);
    };
    for record in array.split("\n  },\n") {
        add(
            values(record, "\"correlationId\": \"")[0],
            values(record, "\n    \"resourceId\": \"")[0],
            values(
                record.split("\"operationName\"").nth(1).unwrap(),
                "\"value\": \"",
            )[0],
            values(record, "\"eventTimestamp\": \"")[0],
            values(record.split("\"status\"").nth(1).unwrap(), "\"value\": \"")[0],
        );
    }
    for line in blobs.iter().flat_map(|blob| text(blob).lines()) {
        add(
            values(line, "\"correlationId\":\"")[0],
            values(line, "\"resourceId\":\"")[0],
            values(line, "\"operationName\":\"")[0],
            values(line, "\"time\":\"")[0],
            values(line, "\"resultType\":\"")[0],
        );
    }
    assert_eq!(counts["rows"], rows.len());
    assert_eq!(counts["operations"], operations.len());
    let listed: BTreeSet<String> = case.truth["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["rows"] != 0)
        .map(|it| {
            ["correlation", "resource", "operation"]
                .map(|key| it[key].as_str().unwrap())
                .join(" ")
        })
        .collect();
    assert_eq!(operations, listed);
}

#[test]
fn runs_agree_with_a_count_in_the_raw_bytes() {
    let case = example_case();
    // By the handler's own word in its log, and by folders: neither knows every run, together they do.
    let mut found: BTreeSet<(String, &str, String, u64)> = BTreeSet::new();
    for log in ending(&case, "/handler.log") {
        let host = log.path.split('/').next().unwrap();
        let family = match log.path.rsplit('/').nth(1).unwrap() {
            "run-command" => "action",
            "run-command-handler" => "managed",
            _ => "extension",
        };
        for line in text(log)
            .lines()
            .filter(|line| line.contains("event=\"executing command\""))
        {
            let after = |key: &str| {
                line.split(key)
                    .nth(1)
                    .map(|it| it.split(' ').next().unwrap())
            };
            let name = after(" extensionName=").unwrap_or("").to_owned();
            found.insert((
                host.to_owned(),
                family,
                name,
                after(" seq=").unwrap().parse().unwrap(),
            ));
        }
    }
    for output in ending(&case, "/stdout") {
        let parts: Vec<&str> = output.path.split('/').collect();
        let family = match parts[4] {
            "run-command" => "action",
            "run-command-handler" => "managed",
            _ => "extension",
        };
        let name = if family == "managed" { parts[6] } else { "" };
        let number = parts[parts.len() - 2].parse().unwrap();
        found.insert((parts[0].to_owned(), family, name.to_owned(), number));
    }
    // On Windows the interpreter's own word: it logs every script that it reads, with its path.
    for event in super::windows::channel(&case, "Microsoft-Windows-PowerShell%4Operational") {
        let Some(path) = event["EventData"]["Path"].as_str() else {
            continue;
        };
        let parts: Vec<&str> = path.split('\\').collect();
        let name = parts[parts.len() - 1].strip_suffix(".ps1").unwrap();
        let (family, name, number) = match parts[3] {
            "Microsoft.CPlat.Core.RunCommandWindows" => {
                ("action", "", name.strip_prefix("script").unwrap())
            }
            "Microsoft.CPlat.Core.RunCommandHandlerWindows" => {
                let (name, number) = name.rsplit_once('.').unwrap();
                ("managed", name, number)
            }
            _ => ("extension", "", parts[parts.len() - 2]),
        };
        found.insert((
            "erp01".to_owned(),
            family,
            name.to_owned(),
            number.parse().unwrap(),
        ));
    }
    assert_eq!(case.truth["counts"]["runs"], found.len());
    for run in case.truth["runs"].as_array().unwrap() {
        let family = run["family"].as_str().unwrap();
        let name = if family == "managed" {
            run["name"].as_str().unwrap()
        } else {
            ""
        };
        let key = (
            run["host"].as_str().unwrap().to_owned(),
            family,
            name.to_owned(),
            run["sequence"].as_u64().unwrap(),
        );
        assert_eq!(run["visible"], found.contains(&key), "{key:?}");
    }
}

#[test]
fn each_visible_run_has_its_files_and_its_script_has_the_hash() {
    let case = example_case();
    for run in case.truth["runs"].as_array().unwrap() {
        let traces: Vec<&str> = run["traces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let files: Vec<&str> = run["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        for path in &files {
            file(&case, path);
        }
        for (trace, end) in [
            ("settings", ".settings"),
            ("status", ".status"),
            ("stdout", "/stdout"),
            ("stderr", "/stderr"),
        ] {
            assert_eq!(
                files.iter().any(|path| path.ends_with(end)),
                traces.contains(&trace),
                "{trace} of {run}"
            );
        }
        let script = files
            .iter()
            .find(|path| path.ends_with(".sh") || path.ends_with(".ps1"));
        assert_eq!(script.is_some(), traces.contains(&"script"), "{run}");
        if let Some(path) = script {
            use sha2::{Digest, Sha256};
            let hash: String = Sha256::digest(&file(&case, path).bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(run["script_sha256"], hash.as_str());
        }
    }
}

#[test]
fn links_join_an_operation_in_the_evidence_with_a_run_inside_it() {
    let case = example_case();
    let truth = &case.truth;
    let links = truth["links"].as_array().unwrap();
    assert!(links.len() > 10);
    for link in links {
        let operation = &truth["operations"][link["operation"].as_u64().unwrap() as usize];
        let run = &truth["runs"][link["run"].as_u64().unwrap() as usize];
        assert_eq!(operation["family"], run["family"]);
        assert_eq!(run["operation"], operation["id"]);
        assert!(operation["rows"].as_u64() > Some(0) && run["visible"] == true);
        let time = |value: &Value| value.as_str().unwrap()[..23].to_owned();
        assert!(time(&operation["started"]) < time(&run["started"]), "{run}");
        assert!(time(&run["ended"]) < time(&operation["ended"]), "{run}");
        let host = run["host"].as_str().unwrap();
        assert!(
            operation["resource"]
                .as_str()
                .unwrap()
                .contains(&format!("/virtualmachines/{host}"))
        );
    }
}

#[test]
fn goal_states_name_the_operation_where_the_agent_logs_it() {
    let case = example_case();
    let correlations: BTreeMap<u64, &str> = case.truth["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["id"].as_u64().unwrap(),
                it["correlation"].as_str().unwrap(),
            )
        })
        .collect();
    let mut named = 0;
    for run in case.truth["runs"].as_array().unwrap() {
        if run["host"] == "erp01" {
            continue;
        }
        let log = text(file(
            &case,
            &format!("{}/var/log/waagent.log", run["host"].as_str().unwrap()),
        ));
        let line = format!(
            " correlation {} created: ",
            correlations[&run["operation"].as_u64().unwrap()]
        );
        let traces = run["traces"].as_array().unwrap();
        let expected = run["host"] != "db01" && traces.iter().any(|it| it == "agent-log");
        assert_eq!(log.contains(&line), expected, "{run}");
        named += usize::from(expected);
    }
    assert!(named > 10);
}

#[test]
fn the_story_has_what_it_promises() {
    let case = example_case();
    let truth = &case.truth;
    // Cloud without guest: the wiped run and the two refused ones. Guest without cloud: the first night and the last run.
    assert_eq!(
        truth["one_sided"]["operations"].as_array().unwrap().len(),
        3
    );
    assert_eq!(truth["one_sided"]["runs"].as_array().unwrap().len(), 5);
    // A failing script that reports success.
    let failing: Vec<&Value> = truth["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["exit_code"] != 0)
        .collect();
    assert_eq!(failing.len(), 1);
    let status = failing[0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it.as_str().unwrap().ends_with(".status"))
        .unwrap();
    assert!(text(file(&case, status.as_str().unwrap())).contains("\"status\": \"success\""));
    // A restart after which every extension is enabled and nothing runs.
    let log = text(file(&case, "web01/var/log/waagent.log"));
    assert!(log.contains("[incarnation_1 channel: WireServer source: Fabric activity: "));
    // A clock five minutes ahead, and a token used from an address that did not obtain it.
    assert_eq!(truth["hosts"][1]["clock"]["skew_seconds"], 303.4);
    assert!(truth["operations"].as_array().unwrap().iter().any(|it| {
        it["hostile"] == true && it["ip"] == "203.0.113.77" && it["token_ip"] == "192.0.2.10"
    }));
    // An emptied output whose status still holds what it said.
    assert!(
        file(&case, "web01/var/lib/waagent/run-command/download/5/stdout")
            .bytes
            .is_empty()
    );
    let kept = file(
        &case,
        "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/status/5.status",
    );
    assert!(text(kept).contains("uid=0(root)"));
}
