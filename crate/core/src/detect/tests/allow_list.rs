//! Allow-list: what it suppresses, what it leaves, and what it says of itself.

use super::{Table, json};

fn two() -> Table {
    Table::of(
        "2024-05-20T12:00:00 run alice@contoso.example 52.1.2.3 vm1 end=+33 oid=aaaaaaaa-0000-0000-0000-000000000001
         2024-05-20T13:00:00 run bob@contoso.example 40.5.6.7 vm2 end=+33",
    )
}

fn allowing(entry: serde_json::Value) -> Table {
    two().set("allow-list", &entry.to_string())
}

/// (VM, entry) of each invocation.
fn invocations(table: &Table) -> Vec<(Option<String>, Option<usize>)> {
    let case = table.case();
    let found = case
        .findings()
        .iter()
        .filter(|one| one.detector == "run-command-invocation");
    found
        .map(|one| (case.referred().subject(one).vm, one.allowed_by))
        .collect()
}

#[test]
fn every_part_of_a_scope() {
    for (part, value) in [
        ("caller", "Alice@contoso.example"),
        ("caller", "aaaaaaaa-0000-0000-0000-000000000001"),
        ("address", "52.1.2.3"),
        ("address", "52.1.0.0/16"),
        ("vm", "VM1"),
        (
            "vm",
            "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Compute/virtualMachines/vm1",
        ),
        ("to", "2024-05-20T12:30:00Z"),
    ] {
        let table = allowing(json!({ part: value, "reason": "r", "author": "a" }));
        let want = [
            (Some("vm1".to_owned()), Some(0)),
            (Some("vm2".to_owned()), None),
        ];
        assert_eq!(invocations(&table), want, "{part} {value}");
    }
    let from = allowing(json!({ "from": "2024-05-20T12:30:00Z", "reason": "r", "author": "a" }));
    assert_eq!(invocations(&from)[0].1, None);
    assert_eq!(invocations(&from)[1].1, Some(0));
    // All parts have to fit.
    let both = allowing(
        json!({ "vm": "vm1", "caller": "bob@contoso.example", "reason": "r", "author": "a" }),
    );
    assert!(invocations(&both).iter().all(|(_, entry)| entry.is_none()));
    let other =
        allowing(json!({ "detector": "decode", "vm": "vm1", "reason": "r", "author": "a" }));
    assert!(invocations(&other).iter().all(|(_, entry)| entry.is_none()));
}

#[test]
fn hosts_and_scripts() {
    let script = || {
        Table::default().file(
            "web01/var/lib/waagent/run-command/download/3/script.sh",
            "#!/bin/sh\nrm -f -- \"$0\"\n",
        )
    };
    let found = script().finds("script-content");
    let fingerprint = found[0].values["fingerprint"]
        .as_str()
        .expect("a hash")
        .to_owned();
    for entry in [
        json!({ "host": "WEB01.contoso.example", "reason": "r", "author": "a" }),
        json!({ "script": fingerprint, "reason": "r", "author": "a" }),
    ] {
        let table = script().set("allow-list", &entry.to_string());
        assert_eq!(
            table.finds("script-content")[0].allowed_by,
            Some(0),
            "{entry}"
        );
        assert!(table.case().incidents().is_empty());
    }
    let other = json!({ "host": "web02", "reason": "r", "author": "a" });
    let table = script().set("allow-list", &other.to_string());
    assert_eq!(table.finds("script-content")[0].allowed_by, None);
    assert_eq!(table.case().incidents().len(), 1);
}

#[test]
fn what_is_suppressed_belongs_to_no_incident_and_raises_nothing() {
    assert_eq!(two().case().incidents().len(), 2);
    let table = allowing(json!({ "vm": "vm1", "reason": "r", "author": "a" }));
    let case = table.case();
    assert_eq!(case.incidents().len(), 1);
    let suppressed = case
        .findings()
        .iter()
        .filter(|one| one.allowed_by.is_some())
        .count();
    assert!(suppressed > 0);
    assert_eq!(case.allowed()[0].suppressed, suppressed);
    // A chain that is expected does not raise the invocation.
    let chain = two().with("2024-05-20T12:10:00 Microsoft.Insights/diagnosticSettings/delete alice@contoso.example 52.1.2.3 /x");
    assert_eq!(
        chain.severities("run-command-invocation"),
        ["high", "medium"]
    );
    let expected = chain.set(
        "allow-list",
        &json!({ "detector": "run-command-chain", "reason": "r", "author": "a" }).to_string(),
    );
    assert_eq!(
        expected.severities("run-command-invocation"),
        ["medium", "medium"]
    );
}

#[test]
fn an_entry_covers_what_ended_before_it_ran_out() {
    for (expires, suppressed, after, expired) in [
        ("2024-05-20T12:00:33.000000001Z", 1, 0, true),
        ("2024-05-20T12:00:33Z", 0, 1, true),
        ("2025-01-01T00:00:00Z", 1, 0, false),
    ] {
        let table = allowing(json!({
            "vm": "vm1", "detector": "run-command-invocation", "reason": "r", "author": "a", "expires": expires,
        }));
        let case = table.case();
        let effect = case.allowed()[0];
        assert_eq!(
            (effect.suppressed, effect.after_expiry, effect.expired),
            (suppressed, after, expired),
            "{expires}"
        );
    }
}

#[test]
fn a_settings_file_keeps_the_entries() {
    let table = allowing(json!({ "vm": "vm1", "reason": "patching", "author": "a" }));
    let mut again = crate::settings::Settings::default();
    again
        .set_json(&table.settings.to_json().to_string())
        .expect("a settings file");
    assert_eq!(again, table.settings);
}
