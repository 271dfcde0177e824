//! Sigma rules over the cases of this repository: what they find, what they say they cannot, and that no order changes it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod reading;

use reading::{Files, document};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Evidence of a case under `tests/cases/`, below this folder of it.
fn evidence(case: &str, below: &str) -> Files {
    fn walk(folder: &Path, prefix: &str, into: &mut Files) {
        let mut entries: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            let name = format!("{prefix}/{}", path.file_name().unwrap().to_string_lossy());
            if path.is_dir() {
                walk(&path, &name, into);
            } else {
                into.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut files = Files::new();
    walk(
        &root.join(case).join("evidence").join(below),
        "case",
        &mut files,
    );
    files
}

fn with_rules(mut files: Files, rules: &str) -> Value {
    files.push(("rules/own.yml".to_owned(), rules.as_bytes().to_vec()));
    serde_json::from_str(&document(&files, usize::MAX >> 1).1).unwrap()
}

fn findings<'a>(document: &'a Value, id: &str) -> Vec<&'a Value> {
    let detector = format!("sigma:{id}");
    let all = document["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["detector"] == detector)
        .collect()
}

fn rule<'a>(document: &'a Value, id: &str) -> &'a Value {
    let all = document["sigma_rules"].as_array().unwrap();
    all.iter().find(|rule| rule["id"] == id).unwrap()
}

fn searched<'a>(document: &'a Value, id: &str) -> &'a Value {
    let detector = format!("sigma:{id}");
    let all = document["searched"].as_array().unwrap();
    all.iter()
        .find(|searched| searched["detector"] == detector)
        .unwrap()
}

const CLOUD: &str = "
title: Command run on a VM
id: run
name: command_run
logsource: {product: azure, service: activitylogs}
detection:
    selection:
        operationName|endswith: '/runCommand/action'
        properties.status: Succeeded
    condition: selection
level: high
tags: [attack.execution, attack.t1651]
falsepositives: [Administration]
---
title: Managed command
id: managed
name: managed_command
logsource: {product: azure, service: activitylogs}
detection:
    selection:
        OperationNameValue: MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMANDS/WRITE
        ActivityStatusValue: Success
    condition: selection
---
title: Somebody else's command
id: other
logsource: {product: azure, service: activitylogs}
detection:
    selection: {operationName|endswith: '/runCommand/action'}
    filter: {caller: alex@contoso.example}
    condition: selection and not filter
---
title: Operations by a word anywhere in them
id: keyword
logsource: {product: azure, service: activitylogs}
detection:
    keywords: ['Run Command on Virtual Machine', 'no such word']
    condition: keywords
---
title: Several commands
id: several
correlation:
    type: event_count
    rules: [command_run]
    group-by: [caller]
    timespan: 2h
    condition: {gte: 2}
    generate: true
level: critical
---
title: Too many commands
id: too-many
correlation:
    type: event_count
    rules: [command_run]
    group-by: [caller]
    timespan: 2h
    condition: {gte: 3}
    generate: true
---
title: A command, then a managed one
id: then
correlation:
    type: temporal_ordered
    rules: [command_run, managed_command]
    group-by: [who]
    aliases: {who: {command_run: caller, managed_command: Caller}}
    timespan: 2h
    generate: true
---
title: Both, again and again
id: nested
correlation:
    type: event_count
    rules: [then]
    group-by: [caller]
    timespan: 1d
    condition: {gte: 1}
    generate: true
";

#[test]
fn rules_run_over_the_activity_log_and_correlate() {
    let document = with_rules(evidence("three-runs", ""), CLOUD);
    let wanted = |end: &str| {
        let events = document["events"].as_array().unwrap();
        let is = |event: &&Value| {
            event["kind"] == "cloud.operation"
                && event["outcome"] == "succeeded"
                && event["copy_of"].is_null()
                && event["operation"]
                    .as_str()
                    .is_some_and(|operation| operation.ends_with(end))
        };
        events
            .iter()
            .filter(is)
            .map(|event| event["id"].clone())
            .collect::<Vec<_>>()
    };
    let run = findings(&document, "run");
    assert_eq!(run.len(), 1);
    assert_eq!(
        run[0]["events"].as_array(),
        Some(&wanted("/runcommand/action"))
    );
    assert_eq!(run[0]["severity"], "high");
    assert_eq!(run[0]["attack"], serde_json::json!(["T1651"]));
    assert_eq!(run[0]["subject"]["caller"], "alex@contoso.example");
    assert_eq!(
        run[0]["values"]["selections"]["selection"],
        run[0]["values"]["matches"]
    );
    let managed = findings(&document, "managed");
    assert_eq!(
        managed[0]["events"].as_array(),
        Some(&wanted("/runcommands/write"))
    );
    assert!(findings(&document, "other").is_empty());
    assert_eq!(rule(&document, "other")["state"], "active");
    assert_eq!(findings(&document, "keyword").len(), 1);
    let several = findings(&document, "several");
    assert_eq!(several.len(), 1);
    assert_eq!(several[0]["severity"], "critical");
    assert_eq!(several[0]["values"]["figure"], 2.0);
    assert!(findings(&document, "too-many").is_empty());
    assert_eq!(findings(&document, "then").len(), 1);
    assert_eq!(findings(&document, "nested").len(), 1);
    let file = document["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["path"] == "rules/own.yml")
        .unwrap();
    assert_eq!(file["format"], "text");
    assert_eq!(file["events"], 0);
    assert_eq!(file["sha256"], run[0]["values"]["rule_file_sha256"]);
    assert_eq!(file["problems"][0]["code"], "sigma-rules");
}

/// What a rule found belongs where the findings of detectors on the same operation belong, also where its records had to be read again first (`keyword`);
/// each rule adds its points like a detector.
#[test]
fn findings_of_rules_belong_to_incidents() {
    let files = || evidence("three-runs", "");
    let document = with_rules(files(), CLOUD);
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let all = document["findings"].as_array().unwrap();
    let is_rule = |one: &Value| one["detector"].as_str().unwrap().starts_with("sigma:");
    let members = |incident: &Value| -> Vec<usize> {
        let places = incident["findings"].as_array().unwrap();
        places.iter().map(number).collect()
    };
    let incidents = document["incidents"].as_array().unwrap();
    let rules: Vec<&Value> = all.iter().filter(|one| is_rule(one)).collect();
    assert!(rules.len() >= 5, "{}", rules.len());
    for found in rules {
        let id = number(&found["id"]);
        let of: Vec<&Value> = incidents
            .iter()
            .filter(|one| members(one).contains(&id))
            .collect();
        assert_eq!(of.len(), 1, "{}", found["detector"]);
        let operations = found["operations"].as_array().unwrap();
        assert!(!operations.is_empty());
        let beside = members(of[0]).into_iter().any(|at| {
            let other = &all[at];
            let own = other["operations"].as_array().unwrap();
            !is_rule(other) && own.iter().any(|one| operations.contains(one))
        });
        assert!(beside, "{}", found["detector"]);
        // Every execution of its operations is its own as well.
        for execution in document["executions"].as_array().unwrap() {
            if operations.contains(&execution["operation"]) && !execution["operation"].is_null() {
                let own = found["executions"].as_array().unwrap();
                assert!(own.contains(&execution["id"]), "{}", found["detector"]);
            }
        }
    }
    let score = |document: &Value| document["incidents"][0]["score"].as_u64().unwrap();
    let mut none = files();
    none.push(("rules/none.yml".to_owned(), Vec::new()));
    let without: Value = serde_json::from_str(&document_of(&none)).unwrap();
    assert!(
        score(&document) >= score(&without) + 6,
        "the rule of level high counts 6"
    );
}

fn document_of(files: &Files) -> String {
    document(files, usize::MAX >> 1).1
}

#[test]
fn rules_that_a_correlation_calls_keep_silent_unless_it_says_otherwise() {
    let document = with_rules(
        evidence("three-runs", "cloud"),
        &CLOUD.replace("    generate: true\n", ""),
    );
    assert!(findings(&document, "run").is_empty());
    assert_eq!(findings(&document, "several").len(), 1);
}

const GUEST: &str = "
title: An account is made
id: net-user
logsource: {category: process_creation, product: windows}
detection:
    image: {Image|endswith: '\\net.exe'}
    line: {CommandLine|contains|all: [' user ', '/add']}
    condition: image and line
level: high
---
title: The same on Linux
id: net-user-linux
logsource: {category: process_creation, product: linux}
detection:
    selection: {CommandLine|contains: '/add'}
    condition: selection
---
title: A task by the security log
id: task
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, TaskName|contains: Updater}
    condition: selection
---
title: A task of another name
id: other-task
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, TaskName|contains: Backup}
    condition: selection
---
title: A field that nothing carries
id: no-field
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, NoSuchField: x}
    condition: selection
---
title: A service
id: service
logsource: {product: windows, service: system}
detection:
    selection: {EventID: 7045, Payload|contains: updater}
    condition: selection
---
title: A connection
id: connection
logsource: {category: network_connection, product: windows}
detection:
    selection: {Image|endswith: '\\powershell.exe', Initiated: 'true'}
    condition: selection
---
title: A script block
id: block
logsource: {product: windows, category: ps_script}
detection:
    selection: {ScriptBlockText|contains: '-'}
    condition: selection
---
title: Buckets
id: aws
logsource: {product: aws, service: cloudtrail}
detection:
    selection: {eventName: x}
    condition: selection
---
title: Sign-ins
id: sign-in
logsource: {product: azure, service: signinlogs}
detection:
    selection: {ResultType: 50053}
    condition: selection
---
title: Rests on nothing
id: rests
correlation: {type: event_count, rules: [absent], group-by: [Image], timespan: 1m, condition: {gte: 1}}
---
title: [
---
title: Again
id: task
logsource: {product: windows}
detection: {selection: {EventID: 1}, condition: selection}
";

#[test]
fn rules_run_over_processes_and_windows_events_and_say_what_they_lack() {
    let document = with_rules(evidence("windows-guest", ""), GUEST);
    let net_user = findings(&document, "net-user");
    assert_eq!(net_user.len(), 1, "{:?}", rule(&document, "net-user"));
    let process = net_user[0]["processes"][0].as_u64().unwrap() as usize;
    assert_eq!(
        document["processes"][process]["command_line"], "net user helper ••••• /add",
        "found by its words, written without its password"
    );
    assert!(findings(&document, "net-user-linux").is_empty());
    assert_eq!(findings(&document, "task").len(), 1);
    assert_eq!(rule(&document, "task")["state"], "active");
    assert!(findings(&document, "other-task").is_empty());
    assert_eq!(findings(&document, "service").len(), 1);
    assert_eq!(findings(&document, "connection").len(), 1);
    assert_eq!(rule(&document, "no-field")["state"], "partly");
    assert_eq!(
        rule(&document, "no-field")["reasons"][0],
        "no record that was looked at carries NoSuchField"
    );
    for (id, why) in [
        (
            "aws",
            "no kind of evidence read here is the log source product aws, service cloudtrail",
        ),
        (
            "rests",
            "it rests on absent, and no rule has that id or name",
        ),
    ] {
        assert_eq!(rule(&document, id)["state"], "refused");
        assert_eq!(searched(&document, id)["ran"], false);
        assert_eq!(searched(&document, id)["reason"], why);
    }
    assert_eq!(rule(&document, "sign-in")["state"], "not-assessed");
    assert_eq!(searched(&document, "sign-in")["ran"], false);
    let refused = document["sigma_rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["state"] == "refused");
    assert_eq!(
        refused.count(),
        4,
        "aws, rests, the broken document, the id given twice"
    );
}

#[test]
fn rules_run_over_the_audit_log_line_by_line() {
    let rules = "
title: A download
id: curl
logsource: {product: linux, service: auditd}
detection:
    selection: {type: EXECVE, a0: curl}
    condition: selection
---
title: None
id: wget
logsource: {product: linux, service: auditd}
detection:
    selection: {type: EXECVE, a0: wget}
    condition: selection
";
    let document = with_rules(evidence("linux-logs", ""), rules);
    assert_eq!(
        findings(&document, "curl").len(),
        1,
        "{}",
        rule(&document, "curl")
    );
    assert!(findings(&document, "wget").is_empty());
}

#[test]
fn no_order_of_files_and_no_cut_changes_a_byte() {
    let mut files = evidence("windows-guest", "");
    files.extend(evidence("three-runs", "cloud"));
    let (first, second) = (GUEST.as_bytes().to_vec(), CLOUD.as_bytes().to_vec());
    files.push(("rules/a.yml".to_owned(), first));
    files.push(("rules/b.yaml".to_owned(), second));
    let forth = document(&files, usize::MAX >> 1).1;
    files.reverse();
    let back = document(&files, 37).1;
    assert!(forth == back, "the documents differ");
}

#[test]
fn hostile_files_of_rules_are_problems_and_nothing_else() {
    let head = "title: x\nid: y\nlogsource: {product: windows}\ndetection:\n";
    let mut bomb = format!("{head}    a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ('b'..='k').zip('a'..='j') {
        let ten = vec![format!("*{before}"); 10].join(", ");
        bomb.push_str(&format!("    {name}: &{name} [{ten}]\n"));
    }
    let deep = format!("{head}    a: {}", "[".repeat(100_000));
    let long = format!("{head}    a: {}\n", "x".repeat(9 << 20));
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend([b' ', b'a', b':', b' ', 0xC3, 0x28, b'\n']);
    let files: Files = vec![
        ("bomb.yml".to_owned(), bomb.into_bytes()),
        ("bytes.yml".to_owned(), bytes),
        ("deep.yml".to_owned(), deep.into_bytes()),
        ("long.yml".to_owned(), long.into_bytes()),
    ];
    let document: Value = serde_json::from_str(&document(&files, 4096).1).unwrap();
    let codes = |at: usize| {
        let problems = document["evidence"][at]["problems"].as_array().unwrap();
        problems
            .iter()
            .map(|problem| problem["code"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(document["evidence"][0]["path"], "bomb.yml");
    assert!(codes(0).contains(&"sigma-rule-refused"));
    assert!(codes(1).contains(&"malformed-record"));
    assert!(codes(2).contains(&"sigma-rule-refused"));
    assert!(codes(3).contains(&"document-too-long"));
    assert_eq!(document["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn a_limit_on_reading_again_is_said_of_the_rules_it_concerns() {
    use runlens_core::case::Case;
    use runlens_core::formats::ItemReader;
    use runlens_core::settings::Settings;
    let mut settings = Settings::default();
    settings.limits.rule_events = 0;
    let mut case = Case::new(settings.clone());
    let mut files = evidence("windows-guest", "win01/exports");
    files.push(("own.yml".to_owned(), GUEST.as_bytes().to_vec()));
    for (path, bytes) in &files {
        let item = case.add_item(path, bytes.len() as u64, None);
        let mut reader = ItemReader::new(path, bytes.len() as u64, None, settings.limits.clone());
        reader.push(bytes);
        case.finish_item(item, &reader.finish());
    }
    case.conclude();
    assert!(case.rule_needs().is_empty());
    let reports = case.sigma().reports();
    let task = reports
        .iter()
        .find(|report| report.rule.id.as_deref() == Some("task"))
        .unwrap();
    assert!(
        task.reasons[0].contains("the limit rule_events is reached"),
        "{:?}",
        task.reasons
    );
}
