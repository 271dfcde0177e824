use super::{Guest, said, words};
use std::fmt::Write;

const RUN: &str = "guest-run-without-cloud-op";
const OPERATION: &str = "cloud-op-without-guest-trace";

/// Reads of a storage account every few minutes of a day, none between these times.
fn rows(step: usize, silent: (usize, usize)) -> String {
    let mut lines = String::new();
    for minute in (0..24 * 60).step_by(step) {
        if minute <= silent.0 || minute >= silent.1 {
            writeln!(
                lines,
                "2024-05-01T{:02}:{:02}:00 Microsoft.Storage/storageAccounts/read olga 40.5.6.7 /a",
                minute / 60,
                minute % 60
            )
            .expect("text");
        }
    }
    lines
}

const ALWAYS: (usize, usize) = (9999, 0);

fn ran_at_ten() -> Guest {
    Guest::default().handler(
        "10:00:00 executing command seq=0
         10:00:04 executed command seq=0",
    )
}

/// Another run that was asked for, so that the guest is known to be this VM.
const ASKED: &str = "2024-05-01T03:00:00 run alice 52.1.2.3 web01 end=+30";

#[test]
fn a_run_that_nobody_asked_for() {
    let guest = ran_at_ten().cloud(&rows(5, ALWAYS)).cloud(ASKED);
    assert_eq!(
        words(&guest.says(RUN, "reason")),
        [("medium", "unexplained")]
    );
    let found = guest.finds(RUN);
    assert_eq!(
        (found[0].executions.len(), found[0].subject.host.as_deref()),
        (1, Some("web01"))
    );
    let asked = ran_at_ten()
        .cloud(&rows(5, ALWAYS))
        .cloud("2024-05-01T09:59:58 run alice 52.1.2.3 web01 end=+30");
    assert!(asked.finds(RUN).is_empty());
}

#[test]
fn outside_the_log_nothing_can_be_said() {
    let until_nine: String = rows(5, (9 * 60, 9999));
    let guest = ran_at_ten().cloud(&until_nine).cloud(ASKED);
    assert!(guest.finds(RUN).is_empty());
    let why = guest.left_out(RUN).expect("a reason");
    assert!(
        why.contains("web01") && why.contains("does not cover"),
        "{why}"
    );
    // The last quarter of an hour of an export may be incomplete: 10:02:04 needs records until 10:17:04.
    let until = |minute: usize| {
        let lines = rows(1, (minute, 9999));
        ran_at_ten().cloud(&lines).cloud(ASKED).finds(RUN).len()
    };
    assert_eq!((until(10 * 60 + 17), until(10 * 60 + 18)), (0, 1));
}

#[test]
fn a_run_before_the_vm_was_made_came_with_its_image() {
    let guest = ran_at_ten()
        .cloud(&rows(5, ALWAYS))
        .cloud("2024-05-01T12:00:00 Microsoft.Compute/virtualMachines/write alice 52.1.2.3 web01")
        .cloud("2024-05-01T13:00:00 run alice 52.1.2.3 web01 end=+30");
    assert_eq!(
        words(&guest.says(RUN, "reason")),
        [("info", "pre-provisioning")]
    );
}

#[test]
fn a_pause_of_all_records_is_a_gap_of_the_log() {
    let gap = ran_at_ten()
        .cloud(&rows(2, (9 * 60 + 30, 10 * 60 + 40)))
        .cloud(ASKED);
    assert_eq!(words(&gap.says(RUN, "reason")), [("medium", "log-gap")]);
    // Twenty times two minutes is not more than that.
    let not_yet = ran_at_ten()
        .cloud(&rows(2, (9 * 60 + 40, 10 * 60 + 20)))
        .cloud(ASKED);
    assert_eq!(
        words(&not_yet.says(RUN, "reason")),
        [("medium", "unexplained")]
    );
}

/// A guest that ran what these hours asked for under these numbers.
fn three_hours(numbers: &[(usize, i64)]) -> Guest {
    let mut guest = Guest::default();
    for (hour, number) in numbers {
        let time = format!("2024-05-01T{hour:02}:00:20Z");
        guest = guest
            .status(*number, &time, &said("ok"))
            .script(*number, &format!("echo {number}\n"));
    }
    let lines: Vec<String> = numbers
        .iter()
        .map(|(hour, number)| format!("{hour:02}:00:05 executing command seq={number}\n{hour:02}:00:20 executed command seq={number}"))
        .collect();
    guest = guest.handler(&lines.join("\n"));
    guest.cloud(
        "2024-05-01T10:00:00 run alice 52.1.2.3 web01 end=+40
         2024-05-01T11:00:00 run alice 52.1.2.3 web01 end=+40
         2024-05-01T12:00:00 run alice 52.1.2.3 web01 end=+40",
    )
}

#[test]
fn an_operation_whose_number_is_missing() {
    let hole = three_hours(&[(10, 3), (12, 5)]);
    assert_eq!(words(&hole.says(OPERATION, "missing")), [("high", "[4]")]);
    let none = three_hours(&[(10, 3), (12, 4)]);
    assert_eq!(words(&none.says(OPERATION, "missing")), [("medium", "[]")]);
    assert!(
        three_hours(&[(10, 3), (11, 4), (12, 5)])
            .finds(OPERATION)
            .is_empty()
    );
}

#[test]
fn what_failed_or_lies_outside_leaves_no_trace() {
    let guest = three_hours(&[(10, 3), (11, 4), (12, 5)]);
    let failed = guest
        .clone()
        .cloud("2024-05-01T11:30:00 run alice 52.1.2.3 web01 end=+40 status=Failed");
    assert!(failed.finds(OPERATION).is_empty());
    let outside = guest.cloud("2024-05-02T11:30:00 run alice 52.1.2.3 web01 end=+40");
    assert!(outside.finds(OPERATION).is_empty());
    assert!(
        outside
            .left_out(OPERATION)
            .is_some_and(|why| why.contains("web01"))
    );
}

#[test]
fn handlers_that_were_removed() {
    let id = "extension-removed";
    let removed = |time: &str, cloud: &str| {
        let line = format!(
            "time=2024-05-01T10:00:00Z version=v1.0.5/git@0-clean operation=enable seq=0 event=\"executed command\"\n\
             time={time}Z version=v1.0.5/git@0-clean operation=uninstall seq=0 event=\"removed data dir\"\n"
        );
        Guest::default()
            .file("web01/var/log/azure/run-command/handler.log", &line)
            .cloud(cloud)
    };
    let within = removed("2024-05-01T11:00:00", "");
    assert_eq!(words(&within.says(id, "gap")), [("high", "3600")]);
    assert_eq!(
        words(&removed("2024-05-02T10:00:00", "").says(id, "gap")),
        [("high", "86400")]
    );
    assert_eq!(
        words(&removed("2024-05-02T10:00:01", "").says(id, "gap")),
        [("medium", "86401")]
    );
    // The cloud's records cover the time and know of no deletion.
    let covered = format!("{}{ASKED}", rows(5, ALWAYS));
    assert_eq!(
        words(&removed("2024-05-01T11:00:00", &covered).says(id, "orphan")),
        [("high", "true")]
    );
    let deleted = format!(
        "{covered}\n2024-05-01T10:59:30 extension-delete:RunCommandLinux alice 52.1.2.3 web01"
    );
    let found = removed("2024-05-01T11:00:00", &deleted).finds(id);
    assert_eq!(
        (
            found.len(),
            &found[0].values["orphan"],
            found[0].operations.len()
        ),
        (1, &false.into(), 1)
    );
}

#[test]
fn an_upgrade_removes_nothing() {
    let lines = "time=2024-05-01T11:59:40Z version=v1.0.6/git@0-clean operation=install seq=0 event=installed\n\
                 time=2024-05-01T12:00:00Z version=v1.0.5/git@0-clean operation=uninstall seq=0 event=uninstalled\n";
    let guest = Guest::default().file("web01/var/log/azure/run-command/handler.log", lines);
    assert!(guest.finds("extension-removed").is_empty());
}

/// The handler's own binary, started by a shell on the guest: nobody asked the cloud.
#[test]
fn a_run_that_was_started_on_the_guest_itself() {
    let with = |parent: &str| {
        let sensor = serde_json::json!([{
            "Timestamp": "2024-05-01T10:00:00Z", "DeviceName": "web01", "ActionType": "ProcessCreated", "FileName": "run-command-extension",
            "ProcessId": 700, "ProcessCommandLine": "run-command-extension enable", "InitiatingProcessFileName": parent,
            "InitiatingProcessId": 600, "InitiatingProcessCommandLine": parent,
        }]);
        let guest = ran_at_ten().cloud(&rows(5, ALWAYS)).cloud(ASKED);
        guest
            .file("sensor.json", &sensor.to_string())
            .says(RUN, "reason")
    };
    assert_eq!(words(&with("bash")), [("high", "local")]);
    assert_eq!(
        words(&with("run-command-shim")),
        [("medium", "unexplained")]
    );
}

/// De-provisioning takes the stores of all handlers with it; the run that asks for it is no run before it.
#[test]
fn a_script_that_has_everything_removed() {
    let id = "extension-removed";
    let with = |time: &str, text: &str| {
        Guest::default()
            .handler(&format!(
                "10:00:00 executing command seq=0
                 10:00:04 executed command seq=0
                 {time} executing command seq=1"
            ))
            .script(0, "id\n")
            .script(1, text)
    };
    let told = "#!/bin/sh\nwaagent -force -deprovision+user\n";
    let found = with("11:00:04", told).finds(id);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].severity.word(),
            &found[0].values["gap"],
            &found[0].values["family"],
            found[0].executions.len()
        ),
        (
            "high",
            &serde_json::json!(3600),
            &serde_json::json!("all"),
            1
        )
    );
    // Near misses: a comment, and another word for the agent.
    let comment = "#!/bin/sh\n# waagent -force -deprovision+user\nid\n";
    assert!(with("11:00:04", comment).finds(id).is_empty());
    assert!(
        with("11:00:04", "#!/bin/sh\nwaagent -version\n")
            .finds(id)
            .is_empty()
    );
    // Without a run before it, how soon is not known.
    let alone = Guest::default()
        .handler("11:00:04 executing command seq=1")
        .script(1, told);
    assert_eq!(words(&alone.says(id, "gap")), [("medium", "null")]);
}

/// Two commands with everything that belongs to them on both sides: nothing of the guest, of the join or of the content has anything to say.
#[test]
fn a_guest_at_its_usual_work_is_silent() {
    let ran = |guest: Guest, number: i64, hour: i64| {
        guest
            .status(
                number,
                &format!("2024-05-01T{hour}:00:05Z"),
                &said("up to date\n"),
            )
            .script(number, "#!/bin/sh\necho up to date\n")
            .output(number, "stdout", "up to date\n")
            .output(number, "stderr", "")
            .cloud(&format!(
                "2024-05-01T{}:59:58 run alice 52.1.2.3 web01 end=+30",
                hour - 1
            ))
    };
    let guest = Guest::default().handler(
        "11:00:00 executing command seq=0
         11:00:04 executed command seq=0
         12:00:00 executing command seq=1
         12:00:04 executed command seq=1",
    );
    let guest = ran(ran(guest, 0, 11), 1, 12).cloud(&rows(5, ALWAYS));
    let case = guest.case();
    // Sections 1 to 15 look at the cloud alone.
    let quiet = |id: &str| crate::detect::TABLE.iter().skip(15).any(|one| one.id == id);
    let spoke: Vec<(&str, String)> = case
        .findings()
        .iter()
        .filter(|one| quiet(&one.detector))
        .map(|one| (&*one.detector, case.referred().words(one).summary))
        .collect();
    assert!(spoke.is_empty(), "{spoke:?}");
    for id in [
        "script-content",
        "decode",
        "sequence-anomaly",
        "self-deleting-script",
        "extension-removed",
        "status-output-mismatch",
        "interrupted-execution",
        "guest-run-without-cloud-op",
        "cloud-op-without-guest-trace",
        "run-as-secret-exposed",
        "script-body-mismatch",
    ] {
        assert_eq!(guest.left_out(id), None, "{id}");
    }
}
