//! What breaks naive parsers, one test each: the traps of cloud exports first, then those of Linux guests.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod reading;

use reading::document;
use runlens_core::case::Case;
use runlens_core::formats::ItemReader;
use runlens_core::problem::Code;
use runlens_core::settings::Settings;
use serde_json::{Value, json};

const SUB: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg";
const RUN: &str = "Microsoft.Compute/virtualMachines/runCommand/action";

/// Reads items and answers the case with its document.
fn read(items: &[(&str, &[u8])]) -> (Case, Value) {
    let files: reading::Files = items
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
        .collect();
    let (case, text) = document(&files, 4096);
    (case, serde_json::from_str(&text).unwrap())
}

fn vm(name: &str) -> String {
    format!("{SUB}/providers/Microsoft.Compute/virtualMachines/{name}")
}

/// A REST record; `change` adds or replaces keys.
fn rest(change: Value) -> Value {
    let mut record = json!({
        "eventTimestamp": "2024-05-01T10:00:00.1234567Z",
        "caller": "alex@contoso.example",
        "correlationId": "c0000000-0000-4000-8000-000000000001",
        "operationName": {"value": RUN, "localizedValue": "Run Command on Virtual Machine"},
        "status": {"value": "Started"},
        "resourceId": vm("web01"),
    });
    for (key, value) in change.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn times(document: &Value) -> Vec<&str> {
    let events = document["events"].as_array().unwrap();
    events
        .iter()
        .filter_map(|event| event["time"].as_str())
        .collect()
}

fn codes(document: &Value, item: usize) -> Vec<&str> {
    let problems = document["evidence"][item]["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

#[test]
fn cloud_1_any_encoding_is_read() {
    let record = rest(json!({"description": "Şahin"})).to_string();
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(record.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let mut ansi = record.replace("Şahin", "@").into_bytes();
    let at = ansi.iter().rposition(|byte| *byte == b'@').unwrap();
    ansi[at] = 0xDE;
    for bytes in [record.into_bytes(), utf16, ansi] {
        let (case, _) = read(&[("export.json", &bytes)]);
        assert_eq!(case.operations().len(), 1);
    }
}

#[test]
fn cloud_2_content_decides_not_the_name() {
    let vault = json!({"time": "2024-05-01T10:00:00Z", "resourceId": "/SUBSCRIPTIONS/S", "category": "AuditEvent", "operationName": "SecretGet"});
    let activity = json!({"time": "2024-05-01T10:00:00Z", "resourceId": vm("web01"), "category": "Administrative", "operationName": RUN, "resultType": "Start"});
    let flow = json!({"records": [{"time": "2024-05-01T10:00:00Z", "category": "NetworkSecurityGroupFlowEvent", "resourceId": "/N", "properties": {"Version": 2, "flows": []}}]});
    let (_, document) = read(&[
        ("a/PT1H.json", vault.to_string().as_bytes()),
        ("b/PT1H.json", activity.to_string().as_bytes()),
        ("c/PT1H.json", flow.to_string().as_bytes()),
    ]);
    let formats: Vec<&str> = (0..3)
        .map(|at| document["evidence"][at]["format"].as_str().unwrap())
        .collect();
    assert_eq!(
        formats,
        ["azure-resource-log", "activity-log-diagnostic", "nsg-flow"]
    );
}

#[test]
fn cloud_3_case_of_ids_and_names_is_no_difference() {
    let one = rest(json!({}));
    let other = rest(
        json!({"operationName": {"value": RUN.to_uppercase()}, "resourceId": vm("web01").to_uppercase(), "status": {"value": "Succeeded"}, "eventTimestamp": "2024-05-01T10:00:30Z"}),
    );
    let (case, _) = read(&[("a.json", json!([one, other]).to_string().as_bytes())]);
    assert_eq!(case.operations().len(), 1);
}

#[test]
fn cloud_4_five_vocabularies_are_one_status() {
    let mut records = Vec::new();
    for (at, word) in ["Succeeded", "Success"].iter().enumerate() {
        records.push(rest(
            json!({"status": {"value": word}, "correlationId": format!("c{at}")}),
        ));
    }
    let table = json!({"Type": "AzureActivity", "TimeGenerated": "2024-05-01T10:00:00Z", "OperationNameValue": RUN.to_uppercase(), "ActivityStatusValue": "Success", "CorrelationId": "c9", "_ResourceId": vm("web01")});
    let (_, document) = read(&[
        ("a.json", Value::from(records).to_string().as_bytes()),
        ("t.json", json!([table]).to_string().as_bytes()),
    ]);
    let operations = document["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 3);
    assert!(operations.iter().all(|op| op["outcome"] == "succeeded"));
}

#[test]
fn cloud_5_one_correlation_id_is_not_one_operation() {
    let records = json!([
        rest(json!({})),
        rest(json!({"resourceId": vm("web02")})),
        rest(json!({"operationName": {"value": "Microsoft.Compute/virtualMachines/write"}}))
    ]);
    let (case, _) = read(&[("a.json", records.to_string().as_bytes())]);
    assert_eq!(case.operations().len(), 3);
}

#[test]
fn cloud_6_the_finishing_record_takes_its_address_from_its_sibling() {
    let records = json!([
        rest(json!({"httpRequest": {"clientIpAddress": "203.0.113.7"}, "operationId": "o1"})),
        rest(
            json!({"status": {"value": "Succeeded"}, "eventTimestamp": "2024-05-01T10:00:30Z", "operationId": "o2"})
        )
    ]);
    let (_, document) = read(&[("a.json", records.to_string().as_bytes())]);
    let operation = &document["operations"][0];
    assert_eq!(
        (&operation["ip"], &operation["outcome"]),
        (&json!("203.0.113.7"), &json!("succeeded"))
    );
}

#[test]
fn cloud_7_both_addresses_are_kept() {
    let record = rest(
        json!({"httpRequest": {"clientIpAddress": "203.0.113.7"}, "claims": {"ipaddr": "198.51.100.8"}}),
    );
    let (_, document) = read(&[("a.json", json!([record]).to_string().as_bytes())]);
    let operation = &document["operations"][0];
    assert_eq!(
        (&operation["ip"], &operation["token_ip"]),
        (&json!("203.0.113.7"), &json!("198.51.100.8"))
    );
}

#[test]
fn cloud_8_records_without_a_caller_are_operations_too() {
    let mut record = rest(
        json!({"operationName": {"value": "RestartWebSite"}, "operationId": "", "eventTimestamp": "2024-05-01T10:00:00Z"}),
    );
    record.as_object_mut().unwrap().remove("caller");
    let (_, document) = read(&[("a.json", json!([record]).to_string().as_bytes())]);
    assert_eq!(document["operations"][0]["caller"], Value::Null);
    assert_eq!(document["operations"][0]["caller_kind"], "unknown");
}

#[test]
fn cloud_9_every_precision_in_one_file_is_kept() {
    let spellings = [
        "2024-05-01T10:00:00.1234567Z",
        "2024-05-01T10:00:01.123456Z",
        "2024-05-01T10:00:02.123Z",
        "2024-05-01T10:00:03Z",
    ];
    let records: Vec<Value> = spellings
        .iter()
        .map(|time| rest(json!({"eventTimestamp": time})))
        .collect();
    let (_, document) = read(&[("a.json", Value::from(records).to_string().as_bytes())]);
    assert_eq!(times(&document), spellings);
}

#[test]
fn cloud_10_a_portal_in_another_language_is_read_by_position() {
    let csv = format!(
        "ID de Correlação,Nome da operação,Status,Categoria do evento,Nível,Hora,Assinatura,Evento iniciado por,Tipo de recurso,Grupo de recursos,Recurso\nc0000000-0000-4000-8000-000000000001,Criar,Bem-sucedido,Administrativo,Informational,2024-05-01T10:00:00.123Z,s,alex@contoso.example,t,rg,{}\n",
        vm("web01")
    );
    let (_, document) = read(&[("QueryResult.csv", csv.as_bytes())]);
    assert_eq!(document["evidence"][0]["format"], "activity-log-portal-csv");
    assert_eq!(document["operations"][0]["outcome"], "succeeded");
    assert_eq!(document["operations"][0]["caller"], "alex@contoso.example");
}

#[test]
fn cloud_11_a_flow_log_may_switch_versions_and_repeat_a_time() {
    let record = |version: u8, tuple: &str| json!({"time": "2024-05-01T10:01:00Z", "category": "NetworkSecurityGroupFlowEvent", "resourceId": "/N", "properties": {"Version": version, "flows": [{"rule": "r", "flows": [{"mac": "m", "flowTuples": [tuple]}]}]}});
    let log = json!({"records": [record(2, "1714557611,10.0.0.4,203.0.113.99,50047,443,T,O,A,E,19,1641,31,39286"), record(1, "1714557612,192.0.2.95,10.0.0.4,51529,3389,T,I,D")]});
    let (_, document) = read(&[("PT1H.json", log.to_string().as_bytes())]);
    let outcomes: Vec<&str> = document["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["allowed", "denied"]);
}

#[test]
fn cloud_12_an_action_without_its_script_invents_none() {
    let (_, document) = read(&[("a.json", json!([rest(json!({}))]).to_string().as_bytes())]);
    assert_eq!(document["operations"].as_array().unwrap().len(), 1);
    assert_eq!(document["runs"], json!([]));
}

#[test]
fn cloud_13_bodies_are_found_in_either_letter_case_as_text_or_object() {
    let operation = "Microsoft.Compute/virtualMachines/runCommands/write";
    for properties in [
        json!({"requestbody": "{\"a\":1}"}),
        json!({"requestBody": {"a": 1}}),
        json!({"responseBody": "{\"a\":1}"}),
    ] {
        let record = rest(json!({"operationName": {"value": operation}, "properties": properties}));
        let (case, _) = read(&[("a.json", json!([record]).to_string().as_bytes())]);
        let body: Value = serde_json::from_str(&case.operations()[0].bodies[0]).unwrap();
        assert_eq!(body, json!({"a": 1}));
    }
}

#[test]
fn cloud_14_start_and_end_in_two_blobs_are_one_operation() {
    let record = |time: &str, status: &str| {
        json!({"time": time, "resourceId": vm("web01").to_uppercase(), "category": "Administrative", "operationName": RUN.to_uppercase(), "resultType": status, "correlationId": "c1"}).to_string()
    };
    let (case, _) = read(&[
        (
            "y=2024/m=05/d=01/h=10/m=00/PT1H.json",
            record("2024-05-01T10:59:50Z", "Start").as_bytes(),
        ),
        (
            "y=2024/m=05/d=01/h=11/m=00/PT1H.json",
            record("2024-05-01T11:00:10Z", "Success").as_bytes(),
        ),
    ]);
    assert_eq!(case.operations().len(), 1);
    assert_eq!(case.operations()[0].events.len(), 2);
}

#[test]
fn cloud_a_trailing_comma_costs_nothing() {
    let text = rest(json!({})).to_string();
    let broken = format!("{},}}", text.strip_suffix('}').unwrap());
    let (case, document) = read(&[("a.json", broken.as_bytes())]);
    assert_eq!(case.operations().len(), 1);
    assert_eq!(codes(&document, 0), ["trailing-comma"]);
}

#[test]
fn cloud_a_transcript_around_json_is_stepped_over() {
    let text = format!(
        "PS C:\\> az monitor activity-log list\r\n[\r\n{}\r\n]\r\nPS C:\\> exit\r\n",
        rest(json!({}))
    );
    let (case, document) = read(&[("transcript.txt", text.as_bytes())]);
    assert_eq!(case.operations().len(), 1);
    assert!(codes(&document, 0).contains(&"stray-text"));
}

#[test]
fn cloud_nul_padding_is_no_damage() {
    let mut bytes = rest(json!({})).to_string().into_bytes();
    bytes.resize(bytes.len() + 700, 0);
    let (case, document) = read(&[("a.json", &bytes)]);
    assert_eq!(case.operations().len(), 1);
    assert_eq!(codes(&document, 0), Vec::<&str>::new());
}

const AGENT: &str = "web01/var/log/waagent.log";

#[test]
fn linux_1_old_agents_write_local_time() {
    let (_, document) = read(&[(
        AGENT,
        b"2019/04/12 06:17:29.427583 INFO Daemon OS: ubuntu 18.04\n",
    )]);
    assert_eq!(document["evidence"][0]["time_basis"], "assumed-utc");
    assert_eq!(codes(&document, 0), ["zone-unknown"]);
    let (_, document) = read(&[(
        AGENT,
        b"2024-04-12T06:17:29.427583Z INFO Daemon Daemon OS: ubuntu 18.04\n",
    )]);
    assert_eq!(document["evidence"][0]["time_basis"], "utc");
}

#[test]
fn linux_2_enable_at_boot_is_no_execution() {
    let agent = b"2024-05-01T10:00:00.000001Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Executing command: /var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/bin/run-command-shim enable with environment variables: {\"ConfigSequenceNumber\": \"6\"}\n";
    let handler = b"time=2024-05-01T10:00:01Z version=v1.0.4/git@b-clean operation=enable seq=6 event=start\ntime=2024-05-01T10:00:01Z version=v1.0.4/git@b-clean operation=enable seq=6 event=\"comparing seqnum\" path=mrseq\ntime=2024-05-01T10:00:01Z version=v1.0.4/git@b-clean operation=enable seq=6 event=exit message=\"this script configuration is already processed, will not run again\"\n";
    let (case, _) = read(&[
        (AGENT, agent),
        ("web01/var/log/azure/run-command/handler.log", handler),
    ]);
    assert_eq!(case.runs().len(), 0);
}

#[test]
fn linux_3_a_failing_script_reports_success_and_the_log_knows_better() {
    let handler = b"time=2024-05-01T10:00:01Z version=v1.0.4/git@b-clean operation=enable seq=3 event=\"executing command\" output=/x\ntime=2024-05-01T10:00:02Z version=v1.0.4/git@b-clean operation=enable seq=3 event=\"failed to execute command\" error=\"command terminated with exit status=3\" output=/x\n";
    let status = b"[{\"version\":1,\"timestampUTC\":\"2024-05-01T10:00:03Z\",\"status\":{\"operation\":\"Enable\",\"status\":\"success\",\"formattedMessage\":{\"lang\":\"en\",\"message\":\"Enable succeeded: \\n[stdout]\\n\\n[stderr]\\nboom\"}}}]";
    let (_, document) = read(&[
        ("web01/var/log/azure/run-command/handler.log", handler),
        (
            "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/status/3.status",
            status,
        ),
    ]);
    let run = &document["runs"][0];
    assert_eq!(
        (&run["exit_code"], &run["state"]),
        (&json!(3), &json!("failed"))
    );
}

#[test]
fn linux_4_encrypted_settings_give_no_script_and_the_folder_does() {
    let settings = b"{\"runtimeSettings\": [{\"handlerSettings\": {\"publicSettings\": {}, \"protectedSettings\": \"MIIB\", \"protectedSettingsCertThumbprint\": \"AA\"}}]}";
    let root = "web01/var/lib/waagent";
    let (_, document) = read(&[(
        &format!("{root}/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/config/3.settings"),
        settings,
    )]);
    assert_eq!(document["runs"], json!([]));
    let (_, document) = read(&[
        (
            &format!("{root}/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/config/3.settings"),
            settings,
        ),
        (
            &format!("{root}/run-command/download/3/script.sh"),
            b"#!/bin/sh\nid\n",
        ),
    ]);
    assert_eq!(document["runs"][0]["script"]["text"], "#!/bin/sh\nid\n");
}

#[test]
fn linux_5_emptied_settings_prove_an_earlier_execution() {
    let (_, document) = read(&[(
        "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.28/config/fix.0.settings",
        b"",
    )]);
    assert_eq!(document["evidence"][0]["format"], "extension-settings");
    assert!(codes(&document, 0).contains(&"emptied-settings"));
}

#[test]
fn linux_6_disable_overwrites_the_status_and_ends_no_run() {
    let status = b"[{\"version\":1,\"timestampUTC\":\"2024-05-01T10:00:03Z\",\"status\":{\"operation\":\"Disable\",\"status\":\"success\",\"formattedMessage\":{\"lang\":\"en\",\"message\":\"Disable succeeded\"}}}]";
    let (_, document) = read(&[(
        "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/status/3.status",
        status,
    )]);
    assert_eq!(document["runs"], json!([]));
    assert_eq!(document["events"].as_array().unwrap().len(), 1);
}

#[test]
fn linux_7_a_password_in_the_handler_log_stays_in_the_evidence_as_it_is() {
    // Masking is the display's: the record itself is passed through unchanged.
    let line = b"time=2024-05-01T10:00:01Z version=v1.3.28/git@b-clean operation=enable extensionName=fix seq=0 event=prepare message=\"RunAs cmd is echo hunter2 | sudo -S -u bob /x/script.sh\"\n";
    let (_, document) = read(&[("web01/var/log/azure/run-command-handler/handler.log", line)]);
    assert_eq!(document["evidence"][0]["events"], 1);
    assert_eq!(document["events"][0]["time"], "2024-05-01T10:00:01Z");
}

#[test]
fn linux_8_entries_inside_a_command_body_are_their_own_events() {
    let log = b"2024-05-01T10:00:05.000001Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Command: bin/run-command-shim enable\n[stdout]\n+ nohup x enable\n2024/05/01 10:00:04 looks like an old record\ntime=2024-05-01T10:00:04Z version=v1.0.4/git@b-clean operation=enable seq=3 event=start\n\n[stderr]\n2024-05-01T10:00:06.000001Z INFO ExtHandler ExtHandler after\n";
    let (_, document) = read(&[(AGENT, log)]);
    let embedded: Vec<&Value> = document["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "guest.handler")
        .collect();
    assert_eq!(embedded.len(), 1);
    assert_eq!(embedded[0]["time"], "2024-05-01T10:00:04Z");
}

#[test]
fn linux_9_handler_times_carry_an_offset() {
    let line = b"time=2024-05-01T12:00:01+02:00 version=v1.0.4/git@b-clean operation=enable seq=3 event=start\n";
    let (_, document) = read(&[("web01/var/log/azure/run-command/handler.log", line)]);
    assert_eq!(times(&document), ["2024-05-01T10:00:01Z"]);
    assert_eq!(document["evidence"][0]["time_basis"], "offset");
}

#[test]
fn linux_10_the_goal_state_line_carries_the_correlation_id_without_its_colon() {
    let log = b"2024-05-01T10:00:02.000001Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [etag_1 channel: HostGAPlugin source: FastTrack activity: aaaaaaaa-0000-4000-8000-000000000001 correlation cccccccc-0000-4000-8000-000000000002 created: 2024-05-01T10:00:01.000001Z]\n";
    let (_, document) = read(&[(AGENT, log)]);
    assert_eq!(
        document["events"][0]["correlation"],
        "cccccccc-0000-4000-8000-000000000002"
    );
}

#[test]
fn a_case_that_is_full_says_how_much_it_left_out() {
    let line = |n: usize| {
        format!(
            "2024-05-01T08:{:02}:{:02}.000000Z INFO ExtHandler ExtHandler line {n}\n",
            n / 60 % 60,
            n % 60
        )
    };
    let log: String = (0..20_000).map(line).collect();
    let mut settings = Settings::default();
    settings.limits.case_bytes = 200_000;
    let mut case = Case::new(settings.clone());
    for path in ["one/waagent.log", "two/waagent.log"] {
        let size = log.len() as u64;
        let item = case.add_item(path, size, None);
        let mut reader = ItemReader::new(path, size, None, settings.limits.clone());
        for piece in log.as_bytes().chunks(50_000) {
            reader.push(piece);
            while let Some(batch) = reader.take_batch() {
                case.add_batch(item, &batch);
            }
        }
        case.finish_item(item, &reader.finish());
    }
    case.conclude();
    let kept = case.store().len() as u64;
    assert!(
        case.store().bytes() >= 200_000,
        "it is filled up to the limit"
    );
    let mut left_out = 0;
    for item in case.items() {
        left_out += item.not_kept;
        let said = item
            .problems()
            .into_iter()
            .find(|problem| problem.code == Code::CaseLimit);
        assert_eq!(said.is_some(), item.not_kept > 0);
        let events = format!("{} events of this item are not in the case", item.not_kept);
        assert!(said.is_none_or(|said| said.text.starts_with(&events)));
    }
    assert!(left_out > 0 && kept > 0);
    assert_eq!(kept + left_out, 40_000, "every event is kept or counted");
}
