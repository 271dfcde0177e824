use super::{LONG_AGO, Table};
use crate::detect::Finding;
use std::fmt::Write;

const ID: &str = "anomalous-operation-model";
const START: &str = "Microsoft.Compute/virtualMachines/start/action";
const WRITE: &str = "Microsoft.Compute/virtualMachines/write";
const STORAGE: &str = "Microsoft.Storage/storageAccounts/write";

/// The worked baseline: alice 8 starts and 2 storage rows from 52.1.2.3; bob one VM write and 19 storage rows from 40.5.6.7.
fn baseline() -> Table {
    let mut lines = String::new();
    let mut rows = |caller: &str, ip: &str, operation: &str, n: usize| {
        for _ in 0..n {
            let hour = lines.lines().count();
            writeln!(
                lines,
                "2024-05-{:02}T{:02}:00:00 {operation} {caller} {ip} vm1",
                1 + hour % 20,
                hour % 24
            )
            .expect("text");
        }
    };
    rows("alice@contoso.example", "52.1.2.3", START, 8);
    rows("alice@contoso.example", "52.1.2.3", STORAGE, 2);
    rows("bob@contoso.example", "40.5.6.7", WRITE, 1);
    rows("bob@contoso.example", "40.5.6.7", STORAGE, 19);
    Table::of(LONG_AGO)
        .with(&lines)
        .ending("2024-05-31T00:00:00Z")
}

fn published(table: Table) -> Table {
    table.set("anomalous-operation-model.published", "yes")
}

/// (the four novelty flags, new operation, anomalous, score)
fn flags(found: &Finding) -> ([u64; 4], u64, Option<u64>, u64) {
    let flag = |name: &str| found.values[name].as_u64();
    let novelty = [
        "new_caller",
        "new_caller_on_resource",
        "new_ip_mask",
        "new_ip_mask_on_resource",
    ];
    (
        novelty.map(|name| flag(name).expect("a flag")),
        flag("new_operation_on_subscription").expect("a flag"),
        flag("anomalous_caller"),
        flag("score").expect("a score"),
    )
}

fn one(table: &Table) -> Finding {
    let mut found = table.finds(ID);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_caller_at_her_usual_work_is_new_to_run_command_only() {
    let line = "2024-05-28T00:00:00 run alice@contoso.example 52.1.9.9 vm1";
    let found = one(&baseline().with(line));
    assert_eq!(flags(&found), ([0, 0, 0, 0], 1, Some(0), 1));
    assert_eq!(found.values["jaccard"], 8.0 / 11.0);
    assert_eq!(found.values["p_caller_given_resource"], 8.0 / 9.0);
    assert_eq!(found.values["p_resource_given_caller"], 0.8);
    assert_eq!(found.values["lift"], 240.0 / 90.0);
    assert_eq!(found.values["n"], 30);
    assert_eq!(found.values["days_on_sub"], 27);
    assert_eq!(found.baseline.word(), "insufficient");
    // Published: nothing at all.
    assert_eq!(published(baseline().with(line)).finds(ID).len(), 0);
}

#[test]
fn a_caller_who_is_rare_on_machines() {
    let line = "2024-05-29T10:00:00 run bob@contoso.example 40.5.0.1 vm1";
    let found = one(&baseline().with(line));
    assert_eq!(flags(&found), ([0, 0, 0, 0], 1, Some(1), 2));
    assert_eq!(found.values["reason"], "rare-for-caller");
    assert_eq!(found.values["jaccard"], 1.0 / 28.0);
    let found = one(&published(baseline().with(line)));
    assert_eq!(flags(&found), ([0, 0, 0, 0], 0, Some(1), 1));
    assert_eq!(found.values["mode"], "published");
}

#[test]
fn an_unknown_caller_sets_every_flag() {
    let line = "2024-05-29T10:00:00 run mallory@contoso.example 185.220.101.5 vm1";
    let table = baseline().with(line);
    let found = one(&table);
    assert_eq!(flags(&found), ([1, 1, 1, 1], 1, Some(1), 6));
    assert_eq!(found.values["reason"], "never");
    assert_eq!(found.severity.word(), "low", "capped on 30 rows");
    let enough = table
        .clone()
        .set("anomalous-operation-model.least_rows", "30");
    assert_eq!(enough.severities(ID), ["high"]);
    assert_eq!(enough.finds(ID)[0].baseline.word(), "full");
    let more = table
        .clone()
        .set("anomalous-operation-model.least_rows", "31");
    assert_eq!(more.severities(ID), ["low"]);
    let found = one(&published(table));
    assert_eq!(flags(&found), ([1, 1, 1, 1], 0, Some(0), 4));
}

#[test]
fn the_same_account_in_another_spelling_is_new_to_the_published_query_only() {
    let line = "2024-05-29T10:00:00 run ALICE@contoso.example 52.1.9.9 vm1";
    assert_eq!(one(&baseline().with(line)).values["new_caller"], 0);
    assert_eq!(
        one(&published(baseline().with(line))).values["new_caller"],
        1
    );
}

#[test]
fn ten_equal_operators_are_nobodys_anomaly() {
    let mut lines = String::new();
    for admin in 0..10 {
        for row in 0..10 {
            let operation = if row == 0 { STORAGE } else { RUN_LIKE };
            writeln!(
                lines,
                "2024-05-{:02}T{:02}:{:02}:00 {operation} admin{admin}@contoso.example 52.1.2.3 vm1",
                1 + row,
                admin,
                row
            )
            .expect("text");
        }
    }
    lines.push_str("2024-05-29T10:00:00 run admin3@contoso.example 52.1.2.3 vm1\n");
    let table = Table::of(LONG_AGO)
        .with(&lines)
        .ending("2024-05-31T00:00:00Z");
    let found = one(&table);
    assert_eq!(flags(&found), ([0, 0, 0, 0], 1, Some(0), 1));
    assert_eq!(found.values["p_caller_given_resource"], 0.1);
    assert_eq!(found.values["jaccard"], 9.0 / 91.0);
    assert_eq!(found.values["lift"], 1.0);
    assert_eq!(found.baseline.word(), "full");
    assert_eq!(one(&published(table)).values["anomalous_caller"], 1);
}

const RUN_LIKE: &str = "Microsoft.Compute/virtualMachines/restart/action";

#[test]
fn both_ends_of_the_detection_window_are_inside() {
    let at = |time: &str| {
        let line = format!("{time} run mallory@contoso.example 185.220.101.5 vm1");
        baseline().with(&line).finds(ID).len()
    };
    assert_eq!(at("2024-05-28T00:00:00"), 1);
    assert_eq!(at("2024-05-27T23:59:59.999"), 0);
    assert_eq!(at("2024-05-31T00:00:00"), 1);
    assert_eq!(at("2024-05-31T00:00:00.001"), 0);
}

#[test]
fn a_command_in_the_baseline_makes_the_operation_known() {
    let before = |time: &str| {
        let table = baseline()
            .with(&format!("{time} run alice@contoso.example 52.1.2.3 vm1"))
            .with("2024-05-29T10:00:00 run alice@contoso.example 52.1.2.3 vm1");
        let found = table.finds(ID);
        found
            .iter()
            .map(|found| found.values["new_operation_on_subscription"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(before("2024-05-20T10:00:00"), Vec::<u64>::new());
    assert_eq!(before("2024-04-28T00:00:00"), Vec::<u64>::new());
    assert_eq!(before("2024-04-27T23:59:59"), [1]);
}

#[test]
fn the_worse_of_the_two_addresses_is_reported() {
    let line = "2024-05-29T10:00:00 run alice@contoso.example 52.1.2.3 vm1 token=185.220.101.5";
    let found = one(&baseline().with(line));
    assert_eq!(flags(&found), ([0, 0, 1, 1], 1, Some(0), 3));
    assert_eq!(found.values["address_origin"], "ip_token");
    let line = "2024-05-29T10:00:00 run alice@contoso.example 52.1.2.3 vm1 token=40.5.6.7";
    assert_eq!(one(&baseline().with(line)).values["address_origin"], "ip");
}

#[test]
fn without_anything_older_there_is_no_answer() {
    let table = Table::of(
        "2024-05-29T10:00:00 run alice@contoso.example 52.1.2.3 vm1
         2024-05-30T10:00:00 run mallory@contoso.example 185.220.101.5 vm1",
    );
    let (ran, reason) = table.searched(ID);
    assert!(!ran && reason.expect("a reason").starts_with("not-assessed: "));
    assert_eq!(table.finds(ID).len(), 0);
    // The published query raises every novelty flag for everyone.
    let found = published(table).finds(ID);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|found| flags(found).0 == [1, 1, 1, 1]));
}

#[test]
fn what_cannot_be_judged_is_counted() {
    let table = baseline().with("2024-05-29T10:00:00 run alice@contoso.example - vm1");
    assert_eq!(table.finds(ID).len(), 0);
    let (ran, reason) = table.searched(ID);
    assert!(ran && reason.expect("a note").contains("1 run commands"));
}

#[test]
fn ipv6_networks_are_told_apart_except_by_the_published_query() {
    let table = || {
        baseline()
            .with("2024-05-20T10:00:00 run alice@contoso.example 2001:db8:1::7 vm1")
            .with("2024-05-29T10:00:00 run alice@contoso.example 2001:db8:2::7 vm1")
    };
    assert_eq!(one(&table()).values["new_ip_mask"], 1);
    assert_eq!(published(table()).finds(ID).len(), 0);
}
