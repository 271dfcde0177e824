//! Section 12: a dormant identity gets a credential, signs in, runs commands.

use super::{Table, Value, json};

const DETECTOR: &str = "dormant-principal-reactivated";
const ROBOT: &str = "bbbbbbbb-0000-0000-0000-000000000002";
const APP: &str = "cccccccc-0000-0000-0000-000000000003";
const APP_OBJECT: &str = "dddddddd-0000-0000-0000-000000000004";
const ALICE: &str = "aaaaaaaa-0000-0000-0000-000000000001";

fn workload(time: &str, id: &str, app: &str) -> Value {
    json!({
        "createdDateTime": time, "appId": app, "servicePrincipalId": id,
        "servicePrincipalName": "robot", "ipAddress": "52.1.2.3", "status": { "errorCode": 0 },
    })
}

fn person(time: &str, result: i64) -> Value {
    json!({
        "createdDateTime": time, "appId": "portal", "userPrincipalName": "alice@contoso.example",
        "userId": ALICE, "ipAddress": "52.1.2.3", "status": { "errorCode": result },
    })
}

fn audit(time: &str, what: &str, target: &str, actor: &str) -> Value {
    json!({
        "activityDateTime": time, "activityDisplayName": what, "result": "success",
        "initiatedBy": { "user": { "id": actor, "userPrincipalName": format!("{actor}@contoso.example") } },
        "targetResources": [{ "id": target, "displayName": "robot" }],
        "additionalDetails": [{ "key": "AppId", "value": APP }],
    })
}

/// Workload sign-ins are known since long ago; the robot's are these.
fn robot(sign_ins: &[&str], secret: &str) -> Table {
    let mut rows = vec![workload("2024-01-01T00:00:00Z", "someone-else", "x")];
    rows.extend(sign_ins.iter().map(|time| workload(time, ROBOT, APP)));
    Table::default().file("in.json", Value::from(rows)).file(
        "audit.json",
        json!([audit(
            secret,
            "Add service principal credentials",
            ROBOT,
            "mallory"
        )]),
    )
}

#[test]
fn secret_sign_in_command() {
    let table = robot(
        &["2024-05-01T00:00:00Z", "2024-05-20T11:00:00Z"],
        "2024-05-20T10:00:00Z",
    )
    .with(&format!(
        "2024-05-20T12:00:00 run {ROBOT} 52.1.2.3 vm1 end=+9"
    ));
    let found = table.finds(DETECTOR);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity.word(), "critical");
    assert_eq!(found[0].values["stage"], 2);
    assert_eq!(found[0].operations, [0]);
    let chain = table.finds("run-command-chain");
    assert_eq!(chain[0].values["steps"][0]["step"], "dormant");
    assert_eq!(chain[0].values["score"], 4);
    assert_eq!(table.severities("run-command-invocation"), ["high"]);
    // Without the command it is stage 1; somebody else added the secret, so one step worse than medium.
    let early = robot(
        &["2024-05-01T00:00:00Z", "2024-05-20T11:00:00Z"],
        "2024-05-20T10:00:00Z",
    )
    .with(&format!("2024-05-20T10:59:59 run {ROBOT} 52.1.2.3 vm1"));
    let found = early.finds(DETECTOR);
    assert_eq!(
        (found[0].severity.word(), &found[0].values["stage"]),
        ("high", &json!(1))
    );
}

#[test]
fn the_command_counts_up_to_a_day_after_the_sign_in() {
    for (time, stage) in [
        ("2024-05-20T11:00:00.000", 2),
        ("2024-05-21T11:00:00.000", 2),
        ("2024-05-21T11:00:00.001", 1),
        ("2024-05-20T10:59:59.999", 1),
    ] {
        let table = robot(&["2024-05-20T11:00:00Z"], "2024-05-20T10:00:00Z")
            .with(&format!("{time} write:rc1 {ROBOT} 52.1.2.3 vm1"));
        assert_eq!(table.finds(DETECTOR)[0].values["stage"], stage, "{time}");
    }
}

#[test]
fn a_sign_in_exactly_at_the_begin_of_the_interval_is_one() {
    for (last, found) in [
        ("2024-05-06T10:00:00.000Z", 0),
        ("2024-05-06T09:59:59.999Z", 1),
        ("2024-05-20T09:59:00Z", 0),
    ] {
        let table = robot(&[last, "2024-05-20T11:00:00Z"], "2024-05-20T10:00:00.000Z");
        assert_eq!(table.finds(DETECTOR).len(), found, "{last}");
    }
}

#[test]
fn the_sign_in_comes_after_the_secret_and_within_a_day() {
    for (time, found) in [
        ("2024-05-21T10:00:00.000Z", 1),
        ("2024-05-21T10:00:00.001Z", 0),
        ("2024-05-20T10:00:00.000Z", 0),
    ] {
        let table = robot(&[time], "2024-05-20T10:00:00.000Z");
        assert_eq!(table.finds(DETECTOR).len(), found, "{time}");
    }
}

#[test]
fn a_secret_of_the_application_is_its_principals() {
    // The portal writes a long dash and names the application object.
    for dash in ["-", "\u{2013}", "\u{2014}"] {
        let what = format!("Update application {dash} Certificates and secrets management ");
        let table = Table::default()
            .file(
                "in.json",
                json!([
                    workload("2024-01-01T00:00:00Z", "someone-else", "x"),
                    workload("2024-05-20T11:00:00Z", ROBOT, APP),
                ]),
            )
            .file(
                "audit.json",
                json!([audit("2024-05-20T10:00:00Z", &what, APP_OBJECT, "mallory")]),
            );
        assert_eq!(table.severities(DETECTOR), ["high"], "{dash}");
    }
}

#[test]
fn users_by_their_own_sign_ins() {
    let revived = |what: &str, actor: &str, result: i64| {
        Table::default()
            .file(
                "in.json",
                json!([
                    person("2024-03-01T00:00:00Z", 50126),
                    person("2024-05-20T11:00:00Z", result),
                ]),
            )
            .file(
                "audit.json",
                json!([audit("2024-05-20T10:00:00Z", what, ALICE, actor)]),
            )
    };
    assert_eq!(
        revived("User registered security info", ALICE, 0).severities(DETECTOR),
        ["medium"]
    );
    assert_eq!(
        revived("Reset password (by admin)", "mallory", 0).severities(DETECTOR),
        ["high"]
    );
    assert_eq!(
        revived("Admin registered security info", "mallory", 0).severities(DETECTOR),
        ["high"]
    );
    // A failed sign-in is none; another operation is no credential.
    assert!(
        revived("Reset password (by admin)", "mallory", 50126)
            .finds(DETECTOR)
            .is_empty()
    );
    assert!(
        revived("Change user password", ALICE, 0)
            .finds(DETECTOR)
            .is_empty()
    );
}

#[test]
fn where_the_sign_ins_do_not_reach_back_nobody_is_dormant() {
    let table = Table::default()
        .file(
            "in.json",
            json!([
                workload("2024-05-20T11:00:00Z", ROBOT, APP),
                person("2024-01-01T00:00:00Z", 0)
            ]),
        )
        .file(
            "audit.json",
            json!([audit(
                "2024-05-20T10:00:00Z",
                "Add service principal credentials",
                ROBOT,
                "m"
            )]),
        );
    assert!(table.finds(DETECTOR).is_empty());
    let (ran, reason) = table.searched(DETECTOR);
    assert!(ran);
    assert!(reason.is_some_and(|reason| reason.contains("1 credential change")));
    let (ran, reason) = Table::default().searched(DETECTOR);
    assert!(!ran);
    assert_eq!(
        reason.as_deref(),
        Some("not-assessed: no directory audit records and no sign-ins are loaded")
    );
}

#[test]
fn several_changes_before_one_sign_in_are_one_finding() {
    let table = robot(&["2024-05-20T11:00:00Z"], "2024-05-20T10:00:00Z").file(
        "more.json",
        json!([audit(
            "2024-05-20T10:00:01Z",
            "Add service principal credentials",
            ROBOT,
            "mallory"
        )]),
    );
    let found = table.finds(DETECTOR);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].values["credentials"], 2);
    assert_eq!(found[0].events.len(), 3);
}

/// Files in another order, and copies of them, change nothing.
#[test]
fn any_order_of_items() {
    let said = |table: &Table| {
        let case = table.case();
        let found = case.findings().iter().map(|one| {
            let words = case.referred().words(one);
            (
                one.detector.to_string(),
                one.severity,
                words.summary,
                words.values,
                one.operations.clone(),
            )
        });
        (
            found.collect::<Vec<_>>(),
            format!("{:?}", case.searched()),
            case.incidents().to_vec(),
        )
    };
    let table = robot(
        &["2024-05-01T00:00:00Z", "2024-05-20T11:00:00Z"],
        "2024-05-20T10:00:00Z",
    )
    .with(&format!(
        "2024-05-20T12:00:00 run {ROBOT} 52.1.2.3 vm1 end=+9"
    ))
    .file(
        "z.json",
        json!([
            person("2024-05-20T11:00:00Z", 0),
            person("2024-05-20T11:00:00Z", 50126)
        ]),
    );
    let mut other = table.clone();
    other.files.reverse();
    assert_eq!(said(&table), said(&other));
    assert_eq!(said(&table).2.len(), 1);
}
