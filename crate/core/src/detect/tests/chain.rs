use super::{LONG_AGO, Table};
use crate::detect::Finding;

const ID: &str = "run-command-chain";
const P: &str = "11111111-2222-3333-4444-555555555555";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const DIAGNOSTICS: &str = "Microsoft.Insights/diagnosticSettings/delete";

/// A run command of p on vm1 at noon of 10 May.
fn noon() -> Table {
    Table::of(LONG_AGO).with(&format!(
        "2024-05-10T12:00:00 run p@contoso.example 52.1.2.3 vm1 oid={P}"
    ))
}

fn grant(time: &str, by: &str, role: &str) -> String {
    format!(
        "{time} Microsoft.Authorization/roleAssignments/write {by} 52.1.2.3 /r body={{\"properties\":{{\"principalId\":\"{P}\",\"roleDefinitionId\":\"/x/{role}\"}}}}"
    )
}

/// (step, weight, offset in seconds)
type Found = (String, i64, i64);

fn steps(found: &Finding) -> Vec<Found> {
    let steps = found.values["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| {
            (
                step["step"].as_str().expect("a name").to_owned(),
                step["weight"].as_i64().expect("a weight"),
                step["offset"].as_i64().expect("whole seconds"),
            )
        })
        .collect()
}

/// The one step that a line adds, reported whatever its weight.
fn step(line: &str) -> Option<Found> {
    let found = noon()
        .with(line)
        .set("run-command-chain.report_min", "1")
        .finds(ID);
    assert!(found.len() <= 1);
    let steps = found.first().map(steps)?;
    assert_eq!(steps.len(), 1, "{line}");
    steps.into_iter().next()
}

fn named(name: &str, weight: i64, offset: i64) -> Option<Found> {
    Some((name.to_owned(), weight, offset))
}

#[test]
fn grant_blind_and_cleanup_are_high() {
    let table = noon()
        .with(&grant("2024-05-10T11:59:59", "boss@contoso.example", OWNER))
        .with(&format!(
            "2024-05-10T12:10:00 {DIAGNOSTICS} p@contoso.example 52.1.2.3 /d"
        ))
        .with("2024-05-10T13:00:00 extension-delete:cse other@contoso.example 52.1.2.3 vm1");
    let found = table.finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].values["score"], 11);
    assert_eq!(found[0].severity.word(), "high");
    assert_eq!(
        steps(&found[0]),
        [
            ("grant".to_owned(), 4, -1),
            ("blind".to_owned(), 4, 600),
            ("cleanup".to_owned(), 3, 3600)
        ]
    );
    assert_eq!(
        *found[0].attack,
        ["T1651", "T1070.004", "T1098.003", "T1562.008"]
    );
    assert_eq!(found[0].operations.len(), 4);
}

#[test]
fn a_grant_counts_from_a_day_before_up_to_the_command() {
    let at = |time: &str| step(&grant(time, "boss@contoso.example", OWNER));
    assert_eq!(at("2024-05-10T12:00:00"), None);
    assert_eq!(at("2024-05-09T12:00:00"), named("grant", 4, -86_400));
    assert_eq!(at("2024-05-09T11:59:59"), None);
    let reader = grant("2024-05-10T11:00:00", "boss@contoso.example", READER);
    assert_eq!(step(&reader), None);
}

#[test]
fn a_grant_to_the_principal_weighs_more_than_one_by_it() {
    let to_itself = grant("2024-05-10T11:00:00", "p@contoso.example", OWNER);
    assert_eq!(step(&to_itself), named("grant", 4, -3600));
    let by = to_itself.replace(P, "99999999-2222-3333-4444-555555555555");
    assert_eq!(step(&by), named("grant", 3, -3600));
    let neither = by.replace("p@contoso.example", "q@contoso.example");
    assert_eq!(step(&neither), None);
}

#[test]
fn the_two_further_roles_are_asked_for() {
    let line = grant(
        "2024-05-10T11:00:00",
        "boss@contoso.example",
        "92b92042-07d9-4307-87f7-36a593fc5850",
    );
    assert_eq!(noon().with(&line).finds(ID).len(), 0);
    let asked = noon()
        .with(&line)
        .set("run-command-chain.published_roles", "yes");
    assert_eq!(asked.finds(ID).len(), 1);
}

#[test]
fn a_new_machine_alone_is_below_the_least_score() {
    let made = "2024-05-10T11:00:00 Microsoft.Compute/virtualMachines/write p@contoso.example 52.1.2.3 vm1 substatus=Created";
    assert_eq!(step(made), named("new-vm", 2, -3600));
    assert_eq!(noon().with(made).finds(ID).len(), 0);
    let changed = made.replace("=Created", "=OK");
    assert_eq!(step(&changed), None);
    assert_eq!(step(&made.replace("p@", "q@")), None);
    assert_eq!(step(&made.replace(" vm1", " vm2")), None);
}

#[test]
fn someone_else_blinding_and_keys_are_medium() {
    let table = |keys: &str| {
        noon()
            .with(&format!("2024-05-10T12:10:00 {DIAGNOSTICS} q@contoso.example 52.1.2.3 /d"))
            .with(&format!(
                "2024-05-10T{keys} Microsoft.Storage/storageAccounts/listKeys/action p@contoso.example 52.1.2.3 /a"
            ))
    };
    let found = table("18:00:00").finds(ID);
    assert_eq!(found[0].values["score"], 5);
    assert_eq!(found[0].severity.word(), "medium");
    assert_eq!(table("18:00:01").finds(ID).len(), 0, "2 alone");
}

#[test]
fn each_step_has_its_window() {
    // (what, target and rest, step, weight, first, just before it, last, just after it)
    let body_open =
        r#"body={"properties":{"direction":"Inbound","access":"Allow","sourceAddressPrefix":"*"}}"#;
    let cases = [
        (
            "Microsoft.Authorization/elevateAccess/action",
            "/e",
            "elevate",
            5,
            "03T12:00:00",
            "03T11:59:59",
            "10T11:59:59",
            "10T12:00:00",
        ),
        (
            DIAGNOSTICS,
            "/d",
            "blind",
            4,
            "09T12:00:00",
            "09T11:59:59",
            "11T12:00:00",
            "11T12:00:01",
        ),
        (
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            &format!("/n {body_open}"),
            "open-net",
            3,
            "10T06:00:00",
            "10T05:59:59",
            "10T18:00:00",
            "10T18:00:01",
        ),
        (
            "Microsoft.Compute/virtualMachines/write",
            r#"vm1 body={"identity":{"type":"SystemAssigned"}}"#,
            "identity",
            2,
            "09T12:00:00",
            "09T11:59:59",
            "10T12:00:00",
            "10T12:00:01",
        ),
        (
            "Microsoft.KeyVault/x/listSecrets/action",
            "/k",
            "keys",
            3,
            "10T06:00:00",
            "10T05:59:59",
            "10T18:00:00",
            "10T18:00:01",
        ),
        (
            "Microsoft.Compute/disks/beginGetAccess/action",
            "/d",
            "disk-export",
            4,
            "09T12:00:00",
            "09T11:59:59",
            "11T12:00:00",
            "11T12:00:01",
        ),
        (
            "delete:rc1",
            "vm1",
            "cleanup",
            3,
            "10T12:00:01",
            "10T12:00:00",
            "11T12:00:00",
            "11T12:00:01",
        ),
        (
            "Microsoft.RecoveryServices/vaults/delete",
            "/v",
            "backup",
            4,
            "09T12:00:00",
            "09T11:59:59",
            "11T12:00:00",
            "11T12:00:01",
        ),
        (
            "Microsoft.Compute/virtualMachines/delete",
            "vm1",
            "destroy",
            4,
            "10T12:00:01",
            "10T12:00:00",
            "12T12:00:00",
            "12T12:00:01",
        ),
        (
            "Microsoft.Storage/storageAccounts/delete",
            "/s",
            "destroy",
            4,
            "10T12:00:01",
            "10T12:00:00",
            "12T12:00:00",
            "12T12:00:01",
        ),
        (
            "extension:VMAccessForLinux",
            "vm1",
            "access-reset",
            3,
            "10T06:00:00",
            "10T05:59:59",
            "10T18:00:00",
            "10T18:00:01",
        ),
        (
            "Microsoft.Automation/automationAccounts/jobs/write",
            "/j",
            "automation",
            3,
            "09T12:00:00",
            "09T11:59:59",
            "11T12:00:00",
            "11T12:00:01",
        ),
    ];
    for (what, rest, name, weight, first, before, last, after) in cases {
        let at = |time: &str| {
            let line = format!("2024-05-{time} {what} p@contoso.example 52.1.2.3 {rest}");
            step(&line).map(|(name, weight, _)| (name, weight))
        };
        let counts = Some((name.to_owned(), weight));
        assert_eq!(at(first), counts, "{name} at {first}");
        assert_eq!(at(last), counts, "{name} at {last}");
        assert_eq!(at(before), None, "{name} at {before}");
        assert_eq!(at(after), None, "{name} at {after}");
        let failed =
            format!("2024-05-{first} {what} p@contoso.example 52.1.2.3 {rest} status=Failed");
        assert_eq!(step(&failed), None, "{name} failed");
    }
}

#[test]
fn who_and_where_decide() {
    let q = |what: &str, rest: &str| {
        step(&format!(
            "2024-05-10T12:10:00 {what} q@contoso.example 52.1.2.3 {rest}"
        ))
    };
    let weight = |found: Option<Found>| found.map(|(_, weight, _)| weight);
    assert_eq!(weight(q(DIAGNOSTICS, "/d")), Some(2));
    assert_eq!(weight(q(DIAGNOSTICS, "/d sub=s2")), None);
    let rule = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let opens = r#"body={"properties":{"direction":"Inbound","access":"Allow","sourceAddressPrefixes":["10.0.0.0/8","Internet"]}}"#;
    assert_eq!(weight(q(rule, &format!("/n {opens}"))), Some(3));
    assert_eq!(weight(q(rule, &format!("/n group=g2 {opens}"))), None);
    for closed in ["Outbound", "Deny", "10.0.0.0/8"] {
        let mut body = r#"{"properties":{"direction":"Inbound","access":"Allow","sourceAddressPrefix":"0.0.0.0/0"}}"#.to_owned();
        body = match closed {
            "Outbound" => body.replace("Inbound", closed),
            "Deny" => body.replace("Allow", closed),
            _ => body.replace("0.0.0.0/0", closed),
        };
        assert_eq!(
            weight(q(rule, &format!("/n body={body}"))),
            None,
            "{closed}"
        );
    }
    let set = format!(
        "/n body={{\"properties\":{{\"securityRules\":[{}]}}}}",
        opens.trim_start_matches("body=")
    );
    assert_eq!(
        weight(q("Microsoft.Network/networkSecurityGroups/write", &set)),
        Some(3)
    );
    assert_eq!(
        weight(q("Microsoft.Compute/disks/beginGetAccess/action", "/d")),
        Some(4)
    );
    assert_eq!(
        weight(q(
            "Microsoft.Compute/disks/beginGetAccess/action",
            "/d group=g2"
        )),
        None
    );
    assert_eq!(weight(q("delete:rc1", "vm2")), None);
    assert_eq!(
        weight(q("Microsoft.Compute/virtualMachines/delete", "vm1")),
        Some(4)
    );
    assert_eq!(
        weight(q("Microsoft.Storage/storageAccounts/delete", "/s")),
        None
    );
    assert_eq!(
        weight(q("Microsoft.Storage/storageAccounts/listKeys/action", "/a")),
        None
    );
    let none = r#"vm1 body={"identity":{"type":"None"}}"#;
    assert_eq!(
        weight(q("Microsoft.Compute/virtualMachines/write", none)),
        None
    );
}

#[test]
fn the_nearest_of_a_kind_counts_once_and_of_two_equally_near_the_earlier() {
    let blind =
        |time: &str| format!("2024-05-{time} {DIAGNOSTICS} p@contoso.example 52.1.2.3 /d\n");
    let offset = |times: &[&str]| {
        let lines: String = times.iter().map(|time| blind(time)).collect();
        step(&lines).map(|(_, _, offset)| offset)
    };
    assert_eq!(
        offset(&["10T11:00:00", "10T12:30:00", "10T13:00:00"]),
        Some(1800)
    );
    assert_eq!(offset(&["10T11:30:00", "10T12:30:00"]), Some(-1800));
    // Nearer and of lesser weight is nearer all the same.
    let lines = format!(
        "{}2024-05-10T12:01:00 {DIAGNOSTICS} q@contoso.example 52.1.2.3 /d",
        blind("10T12:02:00")
    );
    assert_eq!(step(&lines), named("blind", 2, 60));
}

#[test]
fn commands_on_three_machines_within_the_hour_are_a_fan_out() {
    let table = |third: &str| {
        noon()
            .with("2024-05-10T11:00:00 run p@contoso.example 52.1.2.3 vm2")
            .with(&format!(
                "2024-05-10T{third} run p@contoso.example 52.1.2.3 vm3"
            ))
    };
    // At noon all three are within an hour; the two others see two each.
    let found = table("13:00:00").finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(steps(&found[0]), [("fan-out".to_owned(), 3, 0)]);
    assert_eq!(table("13:00:01").finds(ID).len(), 0);
    let same = noon().with(
        "2024-05-10T12:01:00 run p@contoso.example 52.1.2.3 vm2
         2024-05-10T12:02:00 run p@contoso.example 52.1.2.3 vm2",
    );
    assert_eq!(same.finds(ID).len(), 0);
}

#[test]
fn a_new_caller_from_a_new_network_is_a_step() {
    let known = "2024-05-01T10:00:00 Microsoft.Compute/disks/write bob@contoso.example 40.1.2.3 /d";
    let found = noon().with(known).finds(ID);
    assert_eq!(steps(&found[0]), [("new-source".to_owned(), 4, 0)]);
    let network = known.replace("40.1.2.3", "52.1.2.3");
    assert_eq!(noon().with(&network).finds(ID).len(), 0, "2 alone");
    assert_eq!(noon().finds(ID).len(), 0, "nothing to compare with");
}

#[test]
fn severity_follows_the_score() {
    let severity = |lines: &str| noon().with(lines).severities(ID);
    let line = |what: &str, rest: &str| {
        format!("2024-05-10T12:10:00 {what} p@contoso.example 52.1.2.3 {rest}\n")
    };
    let four = line(DIAGNOSTICS, "/d");
    assert_eq!(severity(&four), ["low"]);
    let seven = four.clone() + &line("delete:rc1", "vm1");
    assert_eq!(severity(&seven), ["medium"]);
    let eight = four.clone() + &line("Microsoft.RecoveryServices/vaults/delete", "/v");
    assert_eq!(severity(&eight), ["high"]);
    let eleven = eight.clone() + &line("delete:rc1", "vm1");
    assert_eq!(severity(&eleven), ["high"]);
    let twelve = eight + &line("Microsoft.Compute/disks/beginGetAccess/action", "/d");
    assert_eq!(severity(&twelve), ["critical"]);
}

#[test]
fn a_failed_command_is_no_anchor() {
    let table = Table::of(LONG_AGO)
        .with("2024-05-10T12:00:00 run p@contoso.example 52.1.2.3 vm1 status=Failed")
        .with(&format!(
            "2024-05-10T12:10:00 {DIAGNOSTICS} p@contoso.example 52.1.2.3 /d"
        ));
    assert_eq!(table.finds(ID).len(), 0);
}
