//! The Windows machine of the example: its files, logs and channels, taken apart by hand and by another reader.

use super::{ending, file, text};
use crate::windows::evtx::tests::read;
use crate::{Case, CaseFile, example_case};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PLUGIN: &str = "erp01/C/Packages/Plugins/Microsoft.CPlat.Core.RunCommandWindows/1.1.18";
const DOWNLOADS: &str =
    r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\Downloads\";

/// The events of a log.
pub(super) fn events(file: &CaseFile) -> Vec<Value> {
    read(&file.bytes)
}

/// The events of a channel of the machine.
pub(super) fn channel(case: &Case, name: &str) -> Vec<Value> {
    let path = format!("erp01/C/Windows/System32/winevt/Logs/{name}.evtx");
    events(file(case, &path))
}

fn of_id(events: &[Value], id: u16) -> Vec<&Value> {
    events
        .iter()
        .filter(|event| event["System"]["EventID"] == id)
        .collect()
}

fn word<'v>(value: &'v Value, field: &str) -> &'v str {
    value["EventData"][field].as_str().unwrap()
}

/// The rows of a table, by column.
fn rows(case: &Case, table: &str) -> Vec<BTreeMap<String, String>> {
    let file = file(case, &format!("endpoint/{table}.csv"));
    let mut records = vec![vec![String::new()]];
    let mut quoted = false;
    let mut letters = text(file).chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                records.last_mut().unwrap().last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => records.last_mut().unwrap().push(String::new()),
            '\n' if !quoted => records.push(vec![String::new()]),
            letter => records.last_mut().unwrap().last_mut().unwrap().push(letter),
        }
    }
    assert_eq!(
        records.pop(),
        Some(vec![String::new()]),
        "ends with a line feed"
    );
    let header = records.remove(0);
    records
        .into_iter()
        .map(|record| {
            assert_eq!(record.len(), header.len());
            header.iter().cloned().zip(record).collect()
        })
        .collect()
}

#[test]
fn every_record_of_every_channel_is_read_back_in_order() {
    let case = example_case();
    let mut seen = BTreeSet::new();
    for log in ending(&case, ".evtx") {
        let events = events(log);
        assert!(events.len() > 10, "{}", log.path);
        let times: Vec<&str> = events
            .iter()
            .map(|event| {
                let system = &event["System"];
                assert_eq!(system["Computer"], "ERP01");
                let name = system["Channel"].as_str().unwrap().replace('/', "%4");
                assert!(log.path.ends_with(&format!("/{name}.evtx")));
                seen.insert(system["EventID"].as_u64().unwrap());
                system["TimeCreated"]["#attributes"]["SystemTime"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        assert!(times.is_sorted(), "{}", log.path);
    }
    for id in [
        1, 3, 11, 26, 4_104, 4_688, 4_720, 4_732, 7_036, 7_045, 40_961,
    ] {
        assert!(seen.contains(&id), "{id}");
    }
}

#[test]
fn scripts_are_whole_in_the_script_block_log_also_in_parts() {
    let case = example_case();
    let events = channel(&case, "Microsoft-Windows-PowerShell%4Operational");
    let mut blocks: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in of_id(&events, 4_104) {
        blocks
            .entry(word(event, "ScriptBlockId"))
            .or_default()
            .push(event);
    }
    let mut parts_of_one = 0;
    let mut compared = 0;
    for parts in blocks.values() {
        for (at, part) in parts.iter().enumerate() {
            assert_eq!(part["EventData"]["MessageNumber"], at + 1);
            assert_eq!(part["EventData"]["MessageTotal"], parts.len());
        }
        parts_of_one = parts_of_one.max(parts.len());
        let whole: String = parts
            .iter()
            .map(|part| word(part, "ScriptBlockText"))
            .collect();
        let path = word(parts[0], "Path");
        let path = format!("erp01/{}", path.replacen(":\\", "/", 1).replace('\\', "/"));
        if path.ends_with("/script4.ps1") {
            assert!(whole.contains("net user svc-print"));
            assert!(case.files.iter().all(|file| file.path != path), "deleted");
        } else {
            assert_eq!(whole, text(file(&case, &path)));
            compared += 1;
        }
    }
    assert!(parts_of_one >= 2, "a script is split");
    assert!(compared > 8);
}

#[test]
fn the_account_is_joined_to_its_group_by_its_id() {
    let case = example_case();
    let events = channel(&case, "Security");
    let made = of_id(&events, 4_720);
    assert_eq!(made.len(), 1);
    assert_eq!(word(made[0], "TargetUserName"), "svc-print");
    assert_eq!(word(made[0], "SubjectUserName"), "ERP01$");
    assert_eq!(word(made[0], "SubjectLogonId"), "0x3e7");
    let groups: Vec<&str> = of_id(&events, 4_732)
        .into_iter()
        .filter(|event| word(event, "MemberSid") == word(made[0], "TargetSid"))
        .map(|event| word(event, "TargetSid"))
        .collect();
    assert_eq!(groups, ["S-1-5-32-545", "S-1-5-32-544"]);
    let installed = channel(&case, "System");
    let installed = of_id(&installed, 7_045);
    assert_eq!(installed.len(), 1);
    assert_eq!(
        word(installed[0], "ImagePath"),
        r"C:\ProgramData\FabricHost\fabhost.exe"
    );
}

#[test]
fn three_logs_tell_of_the_same_processes_and_the_tree_leads_to_the_agent() {
    let case = example_case();
    let security = channel(&case, "Security");
    let sysmon = channel(&case, "Microsoft-Windows-Sysmon%4Operational");
    let number =
        |text: &str| -> u64 { u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap() };
    let by_security: Vec<(u64, String)> = of_id(&security, 4_688)
        .into_iter()
        .map(|it| {
            (
                number(word(it, "NewProcessId")),
                word(it, "CommandLine").to_owned(),
            )
        })
        .collect();
    let by_sysmon: Vec<(u64, String)> = of_id(&sysmon, 1)
        .into_iter()
        .map(|it| {
            (
                it["EventData"]["ProcessId"].as_u64().unwrap(),
                word(it, "CommandLine").to_owned(),
            )
        })
        .collect();
    assert_eq!(by_security, by_sysmon);
    let endpoint = rows(&case, "DeviceProcessEvents");
    let by_endpoint: Vec<(u64, String)> = endpoint
        .iter()
        .map(|row| {
            (
                row["ProcessId"].parse().unwrap(),
                row["ProcessCommandLine"].clone(),
            )
        })
        .collect();
    assert_eq!(by_security, by_endpoint);

    // Up from the interpreter of the scan, by process id and time of creation.
    let key =
        |row: &BTreeMap<String, String>, id: &str, time: &str| (row[id].clone(), row[time].clone());
    let processes: BTreeMap<(String, String), &BTreeMap<String, String>> = endpoint
        .iter()
        .map(|row| (key(row, "ProcessId", "ProcessCreationTime"), row))
        .collect();
    let mut row = endpoint
        .iter()
        .find(|row| {
            row["ProcessCommandLine"]
                == "powershell  -ExecutionPolicy Unrestricted -File script6.ps1"
        })
        .unwrap();
    let mut names = vec![row["FileName"].as_str()];
    while let Some(parent) = processes.get(&key(
        row,
        "InitiatingProcessId",
        "InitiatingProcessCreationTime",
    )) {
        names.push(&parent["FileName"]);
        row = parent;
    }
    assert_eq!(
        names,
        [
            "powershell.exe",
            "cmd.exe",
            "RunCommandExtension.exe",
            "cmd.exe",
            "cmd.exe",
            "WindowsAzureGuestAgent.exe",
            "services.exe",
            "wininit.exe"
        ]
    );
    // The agent of the first night is another one, in another folder.
    let agents: BTreeSet<&str> = endpoint
        .iter()
        .filter(|row| row["FileName"] == "WindowsAzureGuestAgent.exe")
        .map(|row| row["FolderPath"].split('_').nth(1).unwrap())
        .collect();
    assert_eq!(
        agents.into_iter().collect::<Vec<_>>(),
        ["2.7.41491.1095", "2.7.41491.949"]
    );
}

#[test]
fn the_drop_of_a_script_is_told_by_sysmon_and_by_the_endpoint_with_its_hash() {
    let case = example_case();
    let sysmon = channel(&case, "Microsoft-Windows-Sysmon%4Operational");
    let drops: BTreeSet<&str> = of_id(&sysmon, 11)
        .into_iter()
        .filter(|event| word(event, "Image").ends_with(r"\RunCommandExtension.exe"))
        .map(|event| word(event, "TargetFilename"))
        .collect();
    let expected: Vec<String> = (0..8)
        .map(|number| format!("{DOWNLOADS}script{number}.ps1"))
        .collect();
    assert_eq!(drops.into_iter().collect::<Vec<_>>(), expected);
    let hashes: BTreeMap<String, String> = rows(&case, "DeviceFileEvents")
        .into_iter()
        .filter(|row| row["ActionType"] == "FileCreated")
        .map(|row| (row["FolderPath"].clone(), row["SHA256"].clone()))
        .collect();
    let mut named = 0;
    for run in case.truth["runs"].as_array().unwrap() {
        if run["host"] == "erp01" && run["family"] == "action" {
            let path = format!("{DOWNLOADS}script{}.ps1", run["sequence"]);
            assert_eq!(run["script_sha256"], hashes[&path].as_str());
            named += 1;
        }
    }
    assert_eq!(named, 8);
    let connected = rows(&case, "DeviceNetworkEvents");
    assert!(connected.iter().any(|row| {
        row["InitiatingProcessFileName"] == "fabhost.exe" && row["RemoteIP"] == "203.0.113.200"
    }));
}

#[test]
fn settings_and_statuses_are_those_of_windows() {
    let case = example_case();
    let settings = file(&case, &format!("{PLUGIN}/RuntimeSettings/5.settings"));
    let document: Value = serde_json::from_slice(&settings.bytes).unwrap();
    let lines = &document["runtimeSettings"][0]["handlerSettings"]["publicSettings"]["script"];
    let lines: Vec<&str> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let script = file(&case, &format!("{PLUGIN}/Downloads/script5.ps1"));
    assert_eq!(lines.join("\r\n") + "\r\n", text(script));
    let mut counted = 0;
    for status in ending(&case, ".status") {
        if !super::is_windows(status) {
            continue;
        }
        counted += 1;
        let document: Value = serde_json::from_slice(&status.bytes).unwrap();
        assert_eq!(document[0]["version"], "1");
        let time = document[0]["timestampUTC"].as_str().unwrap();
        assert!(time.len() == 28 && time.ends_with('Z'), "{time}");
        let inner = &document[0]["status"];
        match inner["substatus"].as_array() {
            Some(streams) => {
                let names: Vec<&Value> = streams.iter().map(|it| &it["name"]).collect();
                assert_eq!(names, ["StdOut", "StdErr"]);
            }
            None => {
                let view = inner["formattedMessage"]["message"].as_str().unwrap();
                let view: Value = serde_json::from_str(view).unwrap();
                assert_eq!(view["exitCode"], 0);
            }
        }
    }
    assert!(counted >= 10);
    // Errors in the output, and a success all the same.
    let failed = file(&case, &format!("{PLUGIN}/Status/3.status"));
    let document: Value = serde_json::from_slice(&failed.bytes).unwrap();
    let inner = &document[0]["status"];
    assert_eq!(
        (&inner["status"], &inner["code"]),
        (&"success".into(), &0.into())
    );
    let said = inner["substatus"][1]["formattedMessage"]["message"]
        .as_str()
        .unwrap();
    assert!(
        said.contains(r"\1.1.18\Downloads\script3.ps1:6 char:1"),
        "{said}"
    );
    assert_eq!(
        text(file(&case, &format!("{PLUGIN}/Downloads/script3.ps1")))
            .lines()
            .nth(5),
        Some("Get-ADDomain")
    );
    // What the deletion left: neither script nor settings nor status, and of the removed one neither of the latter.
    for gone in [
        "Downloads/script4.ps1",
        "Status/4.status",
        "RuntimeSettings/4.settings",
    ] {
        let path = format!("{PLUGIN}/{gone}");
        assert!(case.files.iter().all(|file| file.path != path), "{path}");
    }
    assert!(
        case.files
            .iter()
            .all(|file| !file.path.ends_with("/DefenderHealth.0.status"))
    );
}

#[test]
fn aggregate_statuses_are_filled_with_nul_and_named_by_the_guests_utc() {
    let case = example_case();
    let folder = "erp01/C/WindowsAzure/Logs/AggregateStatus/";
    let mut copies = 0;
    for file in case
        .files
        .iter()
        .filter(|file| file.path.starts_with(folder))
    {
        assert!(file.bytes.len().is_multiple_of(2_048) && file.bytes.ends_with(b"\0"));
        let document: Value = serde_json::from_str(text(file).trim_end_matches('\0')).unwrap();
        let handlers = &document["aggregateStatus"]["handlerAggregateStatus"];
        assert_eq!(handlers.as_array().unwrap().len(), 3);
        let name = file.path.rsplit('/').next().unwrap();
        if let Some(stamp) = name.strip_prefix("aggregatestatus_") {
            copies += 1;
            assert_eq!(stamp.len(), "20240502142910698.json".len());
            let written = document["timestampUTC"].as_str().unwrap();
            let digits: String = written.chars().filter(char::is_ascii_digit).collect();
            assert!(stamp[..14] > digits[..14], "{name} {written}");
        }
    }
    assert_eq!(copies, 10);
}

#[test]
fn the_agents_logs_are_in_the_forms_of_their_generations() {
    let case = example_case();
    let folder = "erp01/C/WindowsAzure/Logs";
    let older = text(file(&case, &format!("{folder}/WaAppAgent.001.log")));
    let newer = text(file(&case, &format!("{folder}/WaAppAgent.log")));
    assert!(!older.starts_with('['), "cut inside a line");
    let begins = |line: &str, pattern: &str| {
        line.len() > pattern.len()
            && line
                .bytes()
                .zip(pattern.bytes())
                .all(|(is, should)| is == should || should == b'0' && is.is_ascii_digit())
    };
    let mut continued = 0;
    for line in older.lines().skip(1) {
        if line.starts_with("   at ") {
            continued += 1;
        } else {
            assert!(
                begins(line, "[00000000] [00/00/0000 00:00:00.00] ["),
                "{line}"
            );
        }
    }
    assert_eq!(continued, 2);
    for line in newer.lines() {
        assert!(
            begins(line, "[00000000] 0000-00-00T00:00:00.000Z ["),
            "{line}"
        );
    }
    let enabled = |log: &str| {
        log.matches("Beginning enable of plugin Microsoft.CPlat.Core.RunCommandWindows.")
            .count()
    };
    assert_eq!((enabled(older), enabled(newer)), (1, 7));
}

#[test]
fn handler_logs_name_each_sequence_number_and_exit_code() {
    let case = example_case();
    let log = ending(&case, "/RunCommandExtension.log")[0];
    let mut loaded = Vec::new();
    let mut ended = 0;
    let mut continued = 0;
    for line in text(log).lines() {
        let message = line
            .split_once("+00000001] [")
            .filter(|(process, _)| process.starts_with('['))
            .and_then(|(_, rest)| rest.split_once("] [INFO] "));
        let Some((time, message)) = message else {
            continued += 1;
            continue;
        };
        assert_eq!(time.len(), "05/02/2024 10:15:21.47".len(), "{line}");
        if let Some(number) = message.strip_prefix("Loading configuration for sequence number ") {
            loaded.push(number.parse::<u32>().unwrap());
        }
        ended += usize::from(message == "Command execution finished. Command exited with code: 0");
    }
    assert_eq!(loaded, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ended, 8);
    assert!(continued > 200, "scripts of several lines");
}

#[test]
fn whatever_the_seed_the_deleted_run_is_the_one_that_the_script_names() {
    for seed in [1, 2, 3, 99] {
        let case = crate::render(&crate::story::example(seed));
        let deleted: Vec<&Value> = case.truth["runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["host"] == "erp01" && !run["lost"].as_array().unwrap().is_empty())
            .collect();
        assert_eq!(deleted.len(), 1);
        assert_eq!(deleted[0]["sequence"], 4);
        assert_eq!(deleted[0]["visible"], true);
    }
}

#[test]
fn of_a_run_whose_traces_are_all_lost_nothing_is_left() {
    let mut world = crate::story::example(crate::EXAMPLE_SEED);
    let erp = crate::story::cast::ERP;
    let at = world
        .runs
        .iter()
        .position(|run| run.machine == erp && run.sequence == 5)
        .unwrap();
    let left = |world: &crate::world::World| {
        let case = crate::render(world);
        let told: Vec<String> = case
            .files
            .iter()
            .filter(|file| file.path.starts_with("erp01/") || file.path.starts_with("endpoint/"))
            .filter(|file| {
                let said = super::said(file);
                said.contains("script5.ps1")
                    || said.contains("FabricHostSvc")
                    || said.contains("fabhost.exe")
            })
            .map(|file| file.path.clone())
            .collect();
        (told, case.truth["runs"][at]["visible"].clone())
    };
    let (told, visible) = left(&world);
    assert!(told.len() >= 8, "{told:?}");
    assert_eq!(visible, true);
    world.runs[at].lost = crate::world::Trace::on(crate::world::Platform::Windows)
        .iter()
        .copied()
        .collect();
    assert_eq!(left(&world), (Vec::new(), Value::Bool(false)));
}
