use super::{CONFIG, Guest, MANAGED, said, status, words};

fn managed(body: &str, script: &str, modified_ms: Option<i64>) -> Guest {
    let settings = serde_json::json!({"runtimeSettings": [{"handlerSettings": {"publicSettings": {"source": {"script": body}}}}]});
    let folder = "web01/var/lib/waagent/run-command-handler/download/rc1/0/script.sh";
    let guest = Guest::default()
        .file(
            &format!("{MANAGED}/config/rc1.0.settings"),
            &settings.to_string(),
        )
        .file(
            &format!("{MANAGED}/status/rc1.0.status"),
            &status("Enable", "success", "2024-05-01T10:00:00Z", &said("ok")),
        )
        .file(folder, script);
    match modified_ms {
        Some(ms) => guest.modified(ms),
        None => guest,
    }
}

const TEN_MS: i64 = 1_714_557_600_000;

#[test]
fn a_script_that_was_changed_on_the_disk() {
    let id = "script-body-mismatch";
    assert!(managed("id\r\n", "id\n", None).finds(id).is_empty());
    let found = managed("id\n", "true\n", None).finds(id);
    assert_eq!(found[0].severity.word(), "high");
    assert_eq!(
        found[0].values["delivered_lines"],
        serde_json::json!(["id"])
    );
    assert_eq!(found[0].values["file_lines"], serde_json::json!(["true"]));
    let severity = |ms: i64| managed("id\n", "true\n", Some(ms)).says(id, "result")[0].0;
    assert_eq!(severity(TEN_MS + 2000), "high");
    assert_eq!(severity(TEN_MS + 2001), "critical");
    assert_eq!(
        words(&managed("id\n", "id\r\n", None).says(id, "line_ends_only")),
        [("info", "true")]
    );
}

#[test]
fn protected_settings_cannot_be_compared() {
    let settings = r#"{"runtimeSettings":[{"handlerSettings":{"protectedSettings":"AAAA","publicSettings":{}}}]}"#;
    let guest = Guest::default()
        .file(&format!("{CONFIG}/config/0.settings"), settings)
        .script(0, "true\n");
    assert!(guest.finds("script-body-mismatch").is_empty());
}

#[test]
fn an_encoded_body_is_decoded_first() {
    // `id` and a line feed, as base64.
    let settings =
        r#"{"runtimeSettings":[{"handlerSettings":{"publicSettings":{"script":"aWQK"}}}]}"#;
    let with = |script: &str| {
        let guest = Guest::default().file(&format!("{CONFIG}/config/0.settings"), settings);
        guest.script(0, script).finds("script-body-mismatch").len()
    };
    assert_eq!((with("id\n"), with("true\n")), (0, 1));
}

#[test]
fn outputs_that_differ_from_their_report() {
    let id = "status-output-mismatch";
    let result = |reported: &str, file: Option<&str>| {
        let guest = Guest::default()
            .status(0, "2024-05-01T10:00:00Z", &said(reported))
            .script(0, "id\n")
            .output(0, "stderr", "");
        match file {
            Some(text) => guest.output(0, "stdout", text),
            None => guest,
        }
        .says(id, "result")
    };
    assert!(result("uid=0(root)\n", Some("uid=0(root)\n")).is_empty());
    assert_eq!(
        words(&result("A\nB\n", Some("A\nB\nC\n"))),
        [("low", "extended")]
    );
    assert_eq!(words(&result("secret\n", Some(""))), [("high", "emptied")]);
    assert_eq!(words(&result("A\n", Some("B\n"))), [("high", "edited")]);
    assert_eq!(words(&result("A\n", None)), [("medium", "missing")]);
    assert!(result("", None).is_empty());
}

#[test]
fn a_disabled_handler_writes_no_report() {
    let path = format!("{CONFIG}/status/0.status");
    let guest = Guest::default()
        .file(
            &path,
            &status(
                "Disable",
                "success",
                "2024-05-01T10:00:00Z",
                &said("secret\n"),
            ),
        )
        .script(0, "id\n")
        .output(0, "stdout", "");
    assert!(guest.finds("status-output-mismatch").is_empty());
}

#[test]
fn passwords_in_the_handlers_log() {
    let id = "run-as-secret-exposed";
    let log = "web01/var/log/azure/run-command-handler/handler.log";
    let with = |command: &str| {
        let line = format!(
            "time=2024-05-01T10:00:00Z version=v1.3.9/git@0-clean operation=enable extensionName=rc1 seq=0 message=\"RunAs cmd is {command}\"\n"
        );
        Guest::default().file(log, &line)
    };
    let guest = with(
        "echo S3cret | sudo -S -u ops /home/ops/waagent/run-command-handler-runas/download/rc1/0/script.sh",
    );
    let found = guest.finds(id);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].values["user"], &found[0].values["length"]),
        (&"ops".into(), &6.into())
    );
    assert_eq!(found[0].severity.word(), "medium");
    assert!(!format!("{found:?}").contains("S3cret"));
    assert!(with("echo hello | sudo tee /etc/motd").finds(id).is_empty());
}

#[test]
fn a_log_on_after_the_exposure_is_worse_and_another_script_is_not_the_handler() {
    let id = "run-as-secret-exposed";
    let log = "web01/var/log/azure/run-command-handler/handler.log";
    let line = "time=2024-05-01T10:00:00Z version=v1.3.9/git@0-clean operation=enable extensionName=rc1 seq=0 message=\"RunAs cmd is echo S3cret | sudo -S -u ops /home/ops/waagent/run-command-handler-runas/download/rc1/0/script.sh\"\n";
    let severity = |time: &str, ip: &str| {
        let entry = format!(
            "{time}+00:00 web01 sshd[77]: Accepted password for ops from {ip} port 40000 ssh2\n"
        );
        let guest = Guest::default()
            .file(log, line)
            .file("web01/var/log/auth.log", &entry);
        guest.says(id, "user")[0].0
    };
    assert_eq!(
        severity("2024-05-02T10:00:00.000000", "203.0.113.9"),
        "high"
    );
    assert_eq!(
        severity("2024-05-02T10:00:01.000000", "203.0.113.9"),
        "medium"
    );
    assert_eq!(
        severity("2024-05-01T09:59:59.000000", "203.0.113.9"),
        "medium"
    );
    assert_eq!(severity("2024-05-01T11:00:00.000000", "10.0.0.9"), "medium");
    let other = serde_json::json!([{
        "Timestamp": "2024-05-01T10:00:00Z", "DeviceName": "web01", "ActionType": "ProcessCreated", "FileName": "sh", "ProcessId": 9,
        "ProcessCommandLine": "sh -c echo S3cret | sudo -S -u ops id", "InitiatingProcessFileName": "bash", "InitiatingProcessId": 8,
    }]);
    let by_other = Guest::default().file("sensor.json", &other.to_string());
    assert_eq!(words(&by_other.says(id, "by_handler")), [("info", "false")]);
}

#[test]
fn clocks_that_run_back() {
    let id = "clock-anomaly";
    let second = |then: &str| {
        let text = format!(
            "2024-05-01T10:00:10.000000Z INFO Daemon Daemon one\n2024-05-01T{then}.000000Z INFO Daemon Daemon two\n"
        );
        Guest::default()
            .file("web01/var/log/waagent.log", &text)
            .says(id, "greatest")
    };
    assert_eq!(words(&second("10:00:07")), [("low", "3")]);
    assert!(second("10:00:08").is_empty());
    assert!(second("10:00:11").is_empty());
    // Five minutes back within an hour of a run.
    let text = "2024-05-01T10:10:00.000000Z INFO Daemon Daemon one\n2024-05-01T10:05:00.000000Z INFO Daemon Daemon two\n";
    let near = Guest::default()
        .file("web01/var/log/waagent.log", text)
        .handler("10:30:00 executing command seq=0");
    assert_eq!(words(&near.says(id, "greatest")), [("medium", "300")]);
}
