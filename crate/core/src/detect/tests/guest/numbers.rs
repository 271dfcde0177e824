use super::{CONFIG, Guest, MANAGED, said, status, words};

const ID: &str = "sequence-anomaly";
const DAY: &str = "2024-05-01T";

/// Statuses, folders and handler lines of these numbers of an action.
fn action(statuses: &[i64], folders: &[i64], log: &[i64]) -> Guest {
    let mut guest = Guest::default();
    for number in statuses {
        let time = format!("{DAY}{:02}:00:09Z", 8 + number);
        guest = guest.status(*number, &time, &said("ok"));
    }
    for number in folders {
        guest = guest.script(*number, &format!("echo {number}\n"));
    }
    let lines: Vec<String> = log
        .iter()
        .map(|number| format!("{:02}:00:05 executing command seq={number}", 8 + number))
        .collect();
    if !lines.is_empty() {
        guest = guest.handler(&lines.join("\n"));
    }
    guest
}

fn codes(guest: &Guest) -> Vec<(&'static str, String, String)> {
    let found = guest.finds(ID);
    let said = found.iter().map(|one| {
        let code = one.values["code"].as_str().unwrap_or_default().to_owned();
        (one.severity.word(), code, one.values["numbers"].to_string())
    });
    said.collect()
}

fn one(severity: &'static str, code: &str, numbers: &str) -> Vec<(&'static str, String, String)> {
    vec![(severity, code.to_owned(), numbers.to_owned())]
}

#[test]
fn a_number_that_only_the_log_knows_has_no_status() {
    let guest = action(&[0, 1, 3], &[0, 1, 3], &[0, 1, 2, 3]);
    assert_eq!(codes(&guest), one("medium", "no-status", "[2]"));
    let found = guest.finds(ID);
    assert_eq!(found[0].subject.host.as_deref(), Some("web01"));
    assert_eq!(found[0].executions.len(), 1, "number 2 did run");
    assert!(!found[0].events.is_empty());
}

#[test]
fn a_status_without_a_folder() {
    let guest = action(&[0, 1, 2, 3], &[0, 1, 3], &[0, 1, 2, 3]);
    assert_eq!(codes(&guest), one("high", "no-folder", "[2]"));
}

#[test]
fn without_any_folder_none_is_missing() {
    assert!(codes(&action(&[0, 1, 2], &[], &[0, 1, 2])).is_empty());
    assert!(codes(&action(&[], &[0, 1, 2], &[0, 1, 2])).is_empty());
    assert!(codes(&action(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2])).is_empty());
}

#[test]
fn a_number_that_is_nowhere() {
    assert_eq!(
        codes(&action(&[0, 2], &[0, 2], &[0, 2])),
        one("medium", "hole", "[1]")
    );
    let far = action(&[0, 5000], &[0, 5000], &[0]).finds(ID);
    let hole = far
        .iter()
        .find(|one| one.values["code"] == "hole")
        .expect("a hole");
    assert_eq!(hole.values["numbers"].as_array().map(Vec::len), Some(1000));
    assert!(
        hole.summary.contains("4999 between known ones (1 to 4999)"),
        "{}",
        *hole.summary
    );
}

#[test]
fn the_first_numbers_are_missing_where_the_agent_would_have_told() {
    let agent = |first: &str| {
        let lines = format!(
            "{first}T08:00:00.000000Z INFO Daemon Daemon Agent is running\n\
             2024-05-01T09:59:00.000000Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Update settings file: 2.settings\n"
        );
        action(&[2, 3], &[2, 3], &[2, 3]).file("web01/var/log/waagent.log", &lines)
    };
    assert_eq!(codes(&agent("2024-04-24")), one("low", "lead", "[2]"));
    let begins_with_it = action(&[2, 3], &[2, 3], &[2, 3]).file(
        "web01/var/log/waagent.log",
        "2024-05-01T09:59:00.000000Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Update settings file: 2.settings\n",
    );
    assert!(codes(&begins_with_it).is_empty());
}

#[test]
fn what_the_handler_remembers() {
    let remembers = |number: &str| {
        action(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]).file(&format!("{CONFIG}/mrseq"), number)
    };
    assert_eq!(codes(&remembers("1")), one("high", "mrseq-low", "[1,2]"));
    assert!(codes(&remembers("2")).is_empty());
    assert_eq!(codes(&remembers("3")), one("medium", "mrseq-high", "[3,2]"));
}

#[test]
fn managed_run_commands_clean_up_after_themselves() {
    let mut guest = Guest::default();
    for number in 0..3 {
        let time = format!("{DAY}{:02}:00:09Z", 8 + number);
        let path = format!("{MANAGED}/status/rc1.{number}.status");
        guest = guest.file(&path, &status("Enable", "success", &time, &said("ok")));
    }
    let folder = "web01/var/lib/waagent/run-command-handler/download/rc1/2/script.sh";
    guest = guest.file(folder, "id\n");
    assert_eq!(codes(&guest), one("info", "no-folder", "[0,1]"));
}

#[test]
fn numbers_that_begin_again_and_numbers_that_ran_twice() {
    let log = |lines: &str| Guest::default().handler(lines);
    let reset = log("08:00:00 executing command seq=3
         09:00:00 executing command seq=1");
    assert!(codes(&reset).contains(&one("medium", "reset", "[1]")[0]));
    // A later line of the same time is no order.
    let same = log("08:00:00 executing command seq=1
         08:00:00 executing command seq=0");
    assert!(codes(&same).is_empty());
    let replay = log("08:00:00 seqnum saved seq=0
         08:00:00 executing command seq=0
         09:00:00 executing command seq=0");
    assert_eq!(codes(&replay), one("high", "replay", "[0]"));
    let once = log("08:00:00 seqnum saved seq=0
         08:00:01 executing command seq=0");
    assert!(codes(&once).is_empty());
}

#[test]
fn after_an_uninstall_numbers_may_begin_again() {
    let lines = "time=2024-05-01T08:00:00Z version=v1.0.5/git@0-clean operation=enable seq=1 event=\"executing command\"\n\
                 time=2024-05-01T08:30:00Z version=v1.0.5/git@0-clean operation=uninstall seq=1 event=uninstalled\n\
                 time=2024-05-01T09:00:00Z version=v1.0.5/git@0-clean operation=enable seq=0 event=\"executing command\"\n";
    let guest = Guest::default().file("web01/var/log/azure/run-command/handler.log", lines);
    assert_eq!(codes(&guest), one("info", "reset", "[0]"));
}

#[test]
fn folders_without_any_state_are_a_changed_vm() {
    let guest = action(&[], &[0, 1], &[]).file(
        &format!("{CONFIG}/HandlerEnvironment.json"),
        r#"[{"handlerEnvironment":{"statusFolder":"/x","logFolder":"/y"}}]"#,
    );
    assert_eq!(codes(&guest), one("info", "vm-id-changed", "[0,1]"));
}

#[test]
fn a_script_that_is_gone_and_one_that_says_so() {
    let id = "self-deleting-script";
    let code = |guest: &Guest| guest.says(id, "code");
    let stated = Guest::default().script(0, "#!/bin/sh\nid\nrm -f -- \"$0\"\n");
    assert_eq!(words(&code(&stated)), [("high", "stated")]);
    let done = action(&[4], &[], &[])
        .output(4, "stdout", "ok")
        .output(4, "stderr", "");
    assert_eq!(words(&code(&done)), [("medium", "done")]);
    let settings = serde_json::json!({"runtimeSettings": [{"handlerSettings": {"publicSettings": {"source": {"script": "id\nrm -f -- \"$0\"\n"}}}}]});
    let folder = "web01/var/lib/waagent/run-command-handler/download/rc1/4/stdout";
    let both = Guest::default()
        .file(
            &format!("{MANAGED}/config/rc1.4.settings"),
            &settings.to_string(),
        )
        .file(folder, "uid=0\n");
    assert_eq!(words(&code(&both)), [("critical", "both")]);
    let harmless = Guest::default().script(0, "rm -f /opt/app/old.tgz\n");
    assert!(code(&harmless).is_empty());
    assert!(code(&action(&[4], &[4], &[])).is_empty());
}

#[test]
fn runs_that_never_reported() {
    let id = "interrupted-execution";
    let codes = |time: &str, last: &str| {
        let path = format!("{CONFIG}/status/0.status");
        Guest::default()
            .file(&path, &status("Enable", "transitioning", time, "running"))
            .script(0, "sleep 99999\n")
            .file(
                "web01/var/log/waagent.log",
                &format!("{last}.000000Z INFO Daemon Daemon Agent is running\n"),
            )
            .says(id, "codes")
    };
    let placeholder = codes("2024-05-01T10:00:00+00:00", "2024-05-01T12:00:00");
    assert_eq!(
        words(&placeholder),
        [("medium", r#"["stuck","placeholder"]"#)]
    );
    let stuck = codes("2024-05-01T10:00:00Z", "2024-05-01T12:00:00");
    assert_eq!(words(&stuck), [("low", r#"["stuck"]"#)]);
    assert!(codes("2024-05-01T10:00:00Z", "2024-05-01T11:29:00").is_empty());
    assert!(codes("2024-05-01T10:00:00Z", "2024-05-01T11:30:00").is_empty());
    assert_eq!(
        codes("2024-05-01T10:00:00Z", "2024-05-01T11:30:01").len(),
        1
    );
    let closed = Guest::default()
        .status(
            0,
            "2024-05-01T10:00:00Z",
            "Enable succeeded: Last script execution didn't finish.",
        )
        .says(id, "codes");
    assert_eq!(words(&closed), [("medium", r#"["force-closed"]"#)]);
    let left = Guest::default().file(
        &format!("{CONFIG}/pidstart"),
        "325\tTue Dec  8 15:54:04 2020",
    );
    assert_eq!(
        words(&left.says(id, "codes")),
        [("low", r#"["left-process"]"#)]
    );
}

/// A stop of the VM by the one who asked for the run, within ten minutes of it, is worse than an interruption.
#[test]
fn a_power_operation_of_the_same_principal_raises() {
    let id = "interrupted-execution";
    let severity = |time: &str, who: &str| {
        let guest = Guest::default()
            .status(
                0,
                "2024-05-01T10:00:30Z",
                "Enable succeeded: Last script execution didn't finish.",
            )
            .handler("10:00:05 executing command seq=0")
            .cloud("2024-05-01T10:00:00 run alice 52.1.2.3 web01 end=+40")
            .cloud(&format!(
                "{time} Microsoft.Compute/virtualMachines/restart/action {who} 52.1.2.3 web01"
            ));
        let found = guest.finds(id);
        assert_eq!(found.len(), 1, "{time} {who}");
        found[0].severity.word()
    };
    assert_eq!(severity("2024-05-01T10:05:00", "alice"), "high");
    assert_eq!(severity("2024-05-01T10:05:00", "bob"), "medium");
    assert_eq!(severity("2024-05-01T11:30:00", "alice"), "medium");
}
