//! Section 24 beyond the Linux logs: removals on Windows, the guest service's de-provisioning, and folders that are gone.

use super::{CONFIG, Guest, words};
use serde_json::json;

const ID: &str = "extension-removed";
const OURS: &str = "Microsoft.CPlat.Core.RunCommandWindows";
const RAN: &str = "10:00:00 executing command seq=0
    10:00:04 executed command seq=0";
/// A file that lies in another extension's folder.
const OTHER: &str =
    "web01/var/lib/waagent/Microsoft.Azure.Monitor.AzureMonitorLinuxAgent-1.29.4/mrseq";

fn agent(lines: &[String]) -> Guest {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("[00000004] 2024-05-01T{line}\n"))
        .collect();
    Guest::default().file("win01/WindowsAzure/Logs/WaAppAgent.log", &lines.concat())
}

#[test]
fn the_windows_agent_is_told_to_uninstall() {
    let state = |state: &str| {
        format!(
            "11:00:00.000Z [INFO]  Processing plugin {OURS} version 1.1.18, state: {state}, autoupgrade: True, isJson: True"
        )
    };
    let found = agent(&[state("uninstall")]).finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].values["family"], "action");
    assert_eq!(found[0].values["version"], "1.1.18");
    assert_eq!(found[0].values["survives"][0], r"C:\WindowsAzure\Logs");
    assert_eq!(found[0].subject.host.as_deref(), Some("win01"));
    assert!(agent(&[state("enabled")]).finds(ID).is_empty());
    // Installed again within ten minutes: an upgrade. Another plugin's removal is nobody's business here.
    let again = format!("11:04:00.000Z [INFO]  Beginning install of plugin {OURS}.");
    assert!(agent(&[state("uninstall"), again]).finds(ID).is_empty());
    let other =
        "11:00:00.000Z [INFO]  Beginning uninstall of plugin Microsoft.Azure.Security.Monitoring."
            .to_owned();
    assert!(agent(&[other]).finds(ID).is_empty());
}

#[test]
fn the_windows_handler_says_that_it_is_uninstalled() {
    let with = |message: &str| {
        let path = format!("win01/WindowsAzure/Logs/Plugins/{OURS}/1.1.18/RunCommandExtension.log");
        let line = format!("[968+00000001] [05/01/2024 11:00:00.00] [INFO] {message}\n");
        Guest::default().file(&path, &line).finds(ID).len()
    };
    assert_eq!(with("Handler successfully uninstalled"), 1);
    assert_eq!(with("Handler successfully disabled"), 0);
}

#[test]
fn the_event_log_of_plugins() {
    let with = |channel: &str, operation: &str| {
        let event = json!({ "Event": {
            "System": {
                "Provider": { "#attributes": { "Name": "Microsoft-WindowsAzure-Status" } },
                "EventID": 7, "EventRecordID": 1, "Channel": channel, "Computer": "WIN01",
                "TimeCreated": { "#attributes": { "SystemTime": "2024-05-01T11:00:00.000000Z" } },
            },
            "EventData": { "Name": OURS, "Operation": operation },
        } });
        let text = event.to_string() + "\n";
        Guest::default()
            .file("win01/plugins.jsonl", &text)
            .finds(ID)
            .len()
    };
    let plugins = "Microsoft-WindowsAzure-Status/Plugins";
    assert_eq!(with(plugins, "Uninstall"), 1);
    assert_eq!(with(plugins, "Install"), 0);
    assert_eq!(
        with("Microsoft-WindowsAzure-Status/GuestAgent", "Uninstall"),
        0
    );
}

fn sensor(line: &str, parent: &str) -> String {
    json!([{
        "Timestamp": "2024-05-01T11:00:04Z", "DeviceName": "web01", "ActionType": "ProcessCreated", "FileName": "python3",
        "FolderPath": "/usr/bin/python3", "ProcessId": 700, "ProcessCommandLine": line, "InitiatingProcessFileName": "bash",
        "InitiatingProcessId": 600, "InitiatingProcessCommandLine": parent,
    }])
    .to_string()
}

#[test]
fn the_guest_service_at_work_is_seen_without_a_script() {
    let with = |line: &str| {
        Guest::default()
            .handler(RAN)
            .file("sensor.json", &sensor(line, "bash"))
            .finds(ID)
    };
    let found = with("python3 -u /usr/sbin/waagent -force -deprovision+user");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity.word(), "high");
    assert_eq!(found[0].confidence.word(), "high");
    assert_eq!(found[0].values["gap"], 3600);
    assert_eq!(found[0].values["signs"], json!(["process"]));
    assert_eq!(found[0].subject.host.as_deref(), Some("web01"));
    assert!(with("python3 -u /usr/sbin/waagent -daemon").is_empty());
}

/// What the service prints stands in the output of whatever started it, also where no text of the script asks for it.
#[test]
fn the_guest_services_own_words_in_an_output() {
    let with = |out: &str| {
        let lines = format!("{RAN}\n11:00:04 executing command seq=1");
        let guest = Guest::default()
            .handler(&lines)
            .script(1, "/opt/tools/finish\n");
        guest.output(1, "stdout", out).finds(ID)
    };
    let said = "WARNING! The waagent service will be stopped.\nWARNING! Cached DHCP leases will be deleted.\n";
    let found = with(said);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].confidence.word(), "high");
    assert_eq!(found[0].values["signs"], json!(["output"]));
    assert_eq!(found[0].executions.len(), 1);
    assert!(with("done\n").is_empty());
}

#[test]
fn a_folder_that_is_gone_where_others_are_there() {
    let ran = || Guest::default().handler(RAN);
    let gone = ran().file(OTHER, "3");
    let found = gone.finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].values["absent"], true);
    assert_eq!(found[0].values["family"], "action");
    assert_eq!(found[0].confidence.word(), "medium");
    assert_eq!(words(&gone.says(ID, "gap")), [("high", "null")]);
    // The guest lived on for more than a day: when the folder went nobody knows.
    let later = "May  3 10:00:00 web01 cron[1]: later\n";
    let lived = gone.clone().file("web01/var/log/syslog", later);
    assert_eq!(words(&lived.says(ID, "absent")), [("medium", "true")]);
    // It is there, or nothing that lies beside it was collected, or its removal is known.
    assert!(
        gone.clone()
            .file(&format!("{CONFIG}/mrseq"), "0")
            .finds(ID)
            .is_empty()
    );
    assert!(gone.clone().script(0, "id\n").finds(ID).is_empty());
    assert!(ran().finds(ID).is_empty());
    let removed = "time=2024-05-01T11:00:00Z version=v1.0.5/git@0-clean operation=uninstall seq=0 event=\"removed data dir\"\n";
    let known = gone.file("web01/var/log/azure/run-command/handler.log.1", removed);
    let found = known.finds(ID);
    assert_eq!(found.len(), 1);
    assert!(found[0].values.get("absent").is_none());
}
