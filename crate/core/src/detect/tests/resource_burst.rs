use super::{LONG_AGO, Table};
use std::fmt::Write;

const ID: &str = "resource-burst";
const CREATE: &str = "Microsoft.Compute/virtualMachines/write";
const DELETE: &str = "Microsoft.Compute/disks/delete";
/// Creations on 1 to 14 May.
const USUAL: [usize; 14] = [1, 2, 1, 0, 2, 1, 1, 1, 2, 1, 0, 2, 1, 1];

fn add(table: Table, day: usize, n: usize, what: &str) -> Table {
    let mut lines = String::new();
    for at in 0..n {
        writeln!(
            lines,
            "2024-05-{day:02}T10:{:02}:{:02} {what} p 52.1.2.3 /r/d{day}-{at}",
            at / 60,
            at % 60
        )
        .expect("text");
    }
    table.with(&lines)
}

fn after_usual(n: usize) -> Table {
    let mut table = Table::of(LONG_AGO);
    for (day, count) in USUAL.iter().enumerate() {
        table = add(table, day + 1, *count, CREATE);
    }
    add(table, 15, n, CREATE).ending("2024-05-15T12:00:00Z")
}

#[test]
fn above_the_threshold_and_three_times_above_it() {
    assert_eq!(after_usual(5).severities(ID), [""; 0]);
    assert_eq!(after_usual(6).severities(ID), ["medium"]);
    assert_eq!(after_usual(15).severities(ID), ["medium"]);
    assert_eq!(after_usual(16).severities(ID), ["high"]);
    let found = after_usual(6).finds(ID);
    assert_eq!(found[0].values["x"], 6);
    assert_eq!(found[0].values["threshold"], 5.0);
    assert_eq!(found[0].values["median"], 1.0);
    assert_eq!(found[0].baseline.word(), "full");
    assert_eq!(*found[0].attack, ["T1496", "T1578.002"]);
}

#[test]
fn without_a_low_floor_the_deviation_decides() {
    let table = |n| after_usual(n).set("resource-burst.floor_create", "1");
    assert_eq!(table(4).severities(ID), [""; 0]);
    assert_eq!(table(5).severities(ID), ["medium"]);
}

#[test]
fn deletions_after_none_at_all() {
    let table = |n| add(Table::of(LONG_AGO), 15, n, DELETE);
    assert_eq!(table(25).severities(ID), [""; 0]);
    assert_eq!(table(26).severities(ID), ["medium"]);
    assert_eq!(*table(26).finds(ID)[0].attack, ["T1485", "T1489"]);
    let published = |table: Table| table.set("resource-burst.published", "yes");
    assert_eq!(published(table(26)).severities(ID), [""; 0]);
    let before = add(Table::of(LONG_AGO), 10, 1, DELETE);
    assert_eq!(
        published(add(before, 15, 26, DELETE)).severities(ID),
        ["medium"]
    );
    assert_eq!(published(after_usual(16)).severities(ID), [""; 0]);
}

#[test]
fn a_resource_counts_once_and_failures_do_not() {
    let once = "2024-05-15T11:00:00 Microsoft.Compute/disks/delete p 52.1.2.3 /r/d15-0";
    let table = add(Table::of(LONG_AGO), 15, 25, DELETE).with(once);
    assert_eq!(table.severities(ID), [""; 0]);
    let failed = "2024-05-15T11:00:00 Microsoft.Compute/disks/delete p 52.1.2.3 /r/x status=Failed";
    let table = add(Table::of(LONG_AGO), 15, 25, DELETE).with(failed);
    assert_eq!(table.severities(ID), [""; 0]);
    let other = "2024-05-15T11:00:00 Microsoft.Compute/disks/delete q 52.1.2.3 /r/x";
    let table = add(Table::of(LONG_AGO), 15, 25, DELETE).with(other);
    assert_eq!(table.severities(ID), [""; 0]);
}

#[test]
fn only_the_last_day_is_judged() {
    let table = add(Table::of(LONG_AGO), 15, 26, DELETE)
        .with("2024-05-16T00:00:00 Microsoft.Resources/tags/read p 52.1.2.3 /t");
    assert_eq!(table.severities(ID), [""; 0]);
}

#[test]
fn one_day_alone_is_no_answer_unless_it_is_above_the_floor() {
    let alone = |n| add(Table::default(), 15, n, DELETE);
    let (ran, reason) = alone(3).searched(ID);
    assert!(!ran && reason.expect("a reason").starts_with("not-assessed: "));
    assert_eq!(alone(26).finds(ID)[0].baseline.word(), "insufficient");
    let young = alone(26).with("2024-05-14T10:00:00 Microsoft.Resources/tags/read p 52.1.2.3 /t");
    assert_eq!(young.finds(ID)[0].baseline.word(), "partial");
}
