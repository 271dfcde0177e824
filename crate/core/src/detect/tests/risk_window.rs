//! Section 10: a run command around an identity anomaly.

use super::{Table, Value, json};

const DETECTOR: &str = "run-command-in-risk-window";
const OID: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// A behaviour row at noon.
fn behaviour(ip: &str) -> Value {
    json!({
        "TimeGenerated": "2024-05-20T12:00:00Z",
        "UserPrincipalName": "alice@contoso.example",
        "SourceIPAddress": ip,
        "SourceIPLocation": "NL",
        "EventSource": "Azure AD",
        "ActionType": "Sign-in",
        "ActivityInsights": { "ActionUncommonlyPerformedByUser": "true" },
    })
}

fn sign_in(time: &str, risk: &str, ip: &str) -> Value {
    json!({
        "createdDateTime": format!("2024-05-20T{time}Z"),
        "appId": "a1",
        "userPrincipalName": "Alice@contoso.example",
        "userId": OID,
        "ipAddress": ip,
        "status": { "errorCode": 0 },
        "riskLevelDuringSignIn": risk,
    })
}

fn run_at(time: &str) -> Table {
    Table::of(&format!(
        "2024-05-20T{time} run alice@contoso.example 52.1.2.3 vm1 end=+33"
    ))
}

#[test]
fn both_ends_of_the_window_are_in_it() {
    for (time, found) in [
        ("11:00:00.000", 1),
        ("10:59:59.999", 0),
        ("18:00:00.000", 1),
        ("18:00:00.001", 0),
    ] {
        let table = run_at(time).file("ueba.json", json!([behaviour("52.1.2.3")]));
        assert_eq!(table.finds(DETECTOR).len(), found, "{time}");
    }
}

#[test]
fn addresses_decide_the_severity() {
    for (ip, relation, severity) in [
        ("52.1.2.3", "same", "critical"),
        ("52.1.9.9", "same-prefix", "high"),
        ("40.5.6.7", "different", "medium"),
        ("", "unknown", "high"),
    ] {
        let table = run_at("12:30:00").file("ueba.json", json!([behaviour(ip)]));
        let found = table.finds(DETECTOR);
        assert_eq!(found[0].severity.word(), severity, "{ip}");
        assert_eq!(found[0].values["ip_relation"], relation);
        assert_eq!(found[0].values["address_origin"], "ip");
    }
    // The worse of the two addresses is reported.
    let table =
        Table::of("2024-05-20T12:30:00 run alice@contoso.example 52.1.2.3 vm1 token=40.5.6.7")
            .file("ueba.json", json!([behaviour("40.5.6.7")]));
    let found = table.finds(DETECTOR);
    assert_eq!(found[0].severity.word(), "critical");
    assert_eq!(found[0].values["address_origin"], "ip_token");
}

#[test]
fn what_is_no_anomaly_says_nothing() {
    let change = |key: &str, value: Value| {
        let mut row = behaviour("52.1.2.3");
        row[key] = value;
        row
    };
    for row in [
        change("EventSource", json!("Security Event")),
        change("UserPrincipalName", json!("bob@contoso.example")),
        change("SourceIPLocation", json!("")),
        change(
            "ActivityInsights",
            json!({ "ActionUncommonlyPerformedByUser": "false" }),
        ),
        sign_in("12:00:00", "low", "52.1.2.3"),
        sign_in("12:00:00", "none", "52.1.2.3"),
    ] {
        let table = run_at("12:30:00").file("rows.json", json!([row]));
        assert_eq!(table.finds(DETECTOR).len(), 0, "{row}");
    }
    // A failed command is none.
    let table =
        Table::of("2024-05-20T12:30:00 run alice@contoso.example 52.1.2.3 vm1 status=Failed")
            .file("ueba.json", json!([behaviour("52.1.2.3")]));
    assert_eq!(table.finds(DETECTOR).len(), 0);
}

#[test]
fn sign_ins_by_risk_and_by_any_spelling_of_the_caller() {
    // The export knows the object id only; the sign-in joins it with the name.
    let by_id = Table::of(&format!("2024-05-20T12:30:00 run {OID} 52.1.2.3 vm1")).file(
        "in.json",
        json!([sign_in("12:00:00", "medium", "52.1.2.3")]),
    );
    assert_eq!(by_id.severities(DETECTOR), ["critical"]);
    let low = by_id
        .clone()
        .set("run-command-in-risk-window.risk_min", "high");
    assert_eq!(low.finds(DETECTOR).len(), 0);
    let off = by_id
        .clone()
        .set("run-command-in-risk-window.use_signin_risk", "no");
    assert_eq!(off.finds(DETECTOR).len(), 0);
    // One finding for a command; the nearest anomaly first.
    let two = run_at("12:30:00").file(
        "in.json",
        json!([
            sign_in("12:00:00", "high", "40.5.6.7"),
            sign_in("12:20:00", "medium", "52.1.9.9")
        ]),
    );
    let found = two.finds(DETECTOR);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].values["count"], 2);
    assert_eq!(
        found[0].values["anomalies"][0]["time"],
        "2024-05-20T12:20:00Z"
    );
    assert_eq!(found[0].values["anomalies"][0]["offset"], -600);
    assert_eq!(found[0].severity.word(), "high");
    assert_eq!(found[0].events.len(), 2);
}

#[test]
fn as_published_only_the_name_counts() {
    let published = |table: Table| table.set("run-command-in-risk-window.published", "yes");
    let rows = json!([behaviour("40.5.6.7")]);
    let exact = published(run_at("12:30:00").file("ueba.json", rows.clone()));
    assert_eq!(exact.severities(DETECTOR), ["high"]);
    let cased = Table::of("2024-05-20T12:30:00 run Alice@contoso.example 52.1.2.3 vm1")
        .file("ueba.json", rows.clone());
    assert_eq!(published(cased.clone()).finds(DETECTOR).len(), 0);
    assert_eq!(cased.severities(DETECTOR), ["medium"]);
    let managed = Table::of("2024-05-20T12:30:00 write:rc1 alice@contoso.example 52.1.2.3 vm1")
        .file("ueba.json", rows);
    assert_eq!(published(managed.clone()).finds(DETECTOR).len(), 0);
    assert_eq!(managed.finds(DETECTOR).len(), 1);
}

#[test]
fn without_identity_records_nothing_is_assessed() {
    let (ran, reason) = run_at("12:30:00").searched(DETECTOR);
    assert!(!ran);
    assert!(reason.is_some_and(|reason| reason.starts_with("not-assessed: no sign-ins")));
    // A command far from all of them is left out, and it is said.
    let far = run_at("12:30:00")
        .with("2024-04-01T12:30:00 run alice@contoso.example 52.1.2.3 vm1")
        .file("ueba.json", json!([behaviour("52.1.2.3")]));
    let (ran, reason) = far.searched(DETECTOR);
    assert!(ran);
    assert!(reason.is_some_and(|reason| reason.contains("1 run command")));
}

#[test]
fn it_raises_the_invocation_and_is_a_step_of_the_chain() {
    let table = run_at("12:30:00").file("ueba.json", json!([behaviour("52.1.2.3")]));
    let invoked = table.finds("run-command-invocation");
    assert_eq!(invoked[0].severity.word(), "high");
    assert_eq!(
        invoked[0].values["raised_by"],
        json!(["run-command-chain", "run-command-in-risk-window"])
    );
    let chain = table.finds("run-command-chain");
    assert_eq!(chain[0].values["score"], 3);
    assert_eq!(chain[0].values["steps"][0]["step"], "risk");
    // Alone it stays medium.
    assert_eq!(
        run_at("12:30:00").severities("run-command-invocation"),
        ["medium"]
    );
}
