use super::Table;
use crate::detect::Finding;
use std::fmt::Write;

const ID: &str = "run-command-spike";

/// Commands of one caller and address on vm1, each a second long.
fn commands(day: &str, clocks: &[&str]) -> Table {
    let mut lines = String::new();
    for clock in clocks {
        writeln!(lines, "2024-05-{day}T{clock} run alice 52.1.2.3 vm1 end=+1").expect("text");
    }
    Table::of(&lines)
}

fn counts(table: &Table) -> Vec<u64> {
    let count = |found: &Finding| found.values["count"].as_u64().expect("a count");
    table.finds(ID).iter().map(count).collect()
}

fn published(table: Table) -> Table {
    table.set("run-command-spike.published", "yes")
}

const FIVE: [&str; 5] = ["10:00:00", "10:03:00", "10:06:00", "10:09:00", "10:14:59"];

#[test]
fn five_in_less_than_a_quarter_of_an_hour() {
    let table = commands("01", &FIVE[..4])
        .with("2024-05-01T10:14:59 run alice 52.1.2.3 vm1 end=2024-05-01T10:15:20");
    assert_eq!(counts(&table), [5]);
    assert_eq!(table.severities(ID), ["medium"]);
    assert_eq!(counts(&published(table)), [0; 0], "15 boundaries");
}

#[test]
fn exactly_a_quarter_of_an_hour_is_not_less() {
    let table = commands(
        "01",
        &["10:00:00", "10:03:00", "10:06:00", "10:09:00", "10:15:00"],
    );
    assert_eq!(counts(&table), [0; 0]);
}

#[test]
fn an_older_command_hides_a_burst_from_the_published_query_only() {
    let quick = ["10:00:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00"];
    let table = || commands("20", &quick).with("2024-05-10T10:00:00 run alice 52.1.2.3 vm1");
    assert_eq!(counts(&table()), [5]);
    assert_eq!(counts(&published(table())), [0; 0]);
    assert_eq!(counts(&published(commands("20", &quick))), [5]);
}

#[test]
fn the_group_decides_what_belongs_together() {
    let table = || {
        commands("01", &["10:00:00", "10:01:00", "10:02:00"]).with(
            "2024-05-01T10:03:00 run alice 40.1.2.3 vm1
             2024-05-01T10:04:00 run alice 40.1.2.3 vm2",
        )
    };
    assert_eq!(counts(&table()), [0; 0]);
    assert_eq!(
        counts(&table().set("run-command-spike.group", "principal")),
        [5]
    );
    assert_eq!(
        counts(&table().set("run-command-spike.group", "principal+vm")),
        [0; 0]
    );
    let four = table().set("run-command-spike.least_commands", "4");
    assert_eq!(
        counts(&four.set("run-command-spike.group", "principal+vm")),
        [4]
    );
}

#[test]
fn rows_of_one_operation_are_one_command() {
    let table = Table::of(
        "2024-05-01T10:00:00 run alice 52.1.2.3 vm1 corr=x status=Started
         2024-05-01T10:00:01 run alice 52.1.2.3 vm1 corr=x status=Accepted
         2024-05-01T10:00:02 run alice 52.1.2.3 vm1 corr=x status=Accepted
         2024-05-01T10:00:03 run alice 52.1.2.3 vm1 corr=x status=Accepted
         2024-05-01T10:00:04 run alice 52.1.2.3 vm1 corr=x",
    );
    assert_eq!(counts(&table), [0; 0]);
}

#[test]
fn windows_that_share_a_command_are_one_burst() {
    // Ten commands five minutes apart: three fit into a window, every neighbouring window overlaps.
    let clocks = [
        "10:00:00", "10:05:00", "10:10:00", "10:15:00", "10:20:00", "10:25:00",
    ];
    let table = commands("01", &clocks).set("run-command-spike.least_commands", "3");
    assert_eq!(counts(&table), [6]);
    assert_eq!(table.finds(ID)[0].values["peak"], 3);
    let apart = commands(
        "01",
        &[
            "10:00:00", "10:01:00", "10:02:00", "10:17:00", "10:18:00", "10:19:00",
        ],
    );
    assert_eq!(
        counts(&apart.set("run-command-spike.least_commands", "3")),
        [3, 3]
    );
}

#[test]
fn peak_machines_and_failures_make_it_high() {
    let severity = |rows: &str, n: usize| {
        let mut lines = String::new();
        for at in 0..n {
            let line = rows.replace('#', &at.to_string());
            writeln!(lines, "2024-05-01T10:{at:02}:00 run alice 52.1.2.3 {line}").expect("text");
        }
        Table::of(&lines).severities(ID)
    };
    assert_eq!(severity("vm1", 14), ["medium"]);
    assert_eq!(severity("vm1", 15), ["high"]);
    assert_eq!(severity("vm#", 5), ["high"]);
    assert_eq!(severity("vm1 status=Failed", 5), ["high"]);
    let two_of_five = commands("01", &FIVE[..3]).with(
        "2024-05-01T10:03:30 run alice 52.1.2.3 vm1 status=Failed
         2024-05-01T10:04:30 run alice 52.1.2.3 vm1 status=Failed",
    );
    assert_eq!(two_of_five.severities(ID), ["medium"]);
    let three_of_six = two_of_five.with("2024-05-01T10:05:30 run alice 52.1.2.3 vm1 status=Failed");
    assert_eq!(three_of_six.severities(ID), ["high"]);
}

#[test]
fn bursts_on_three_other_days_are_routine() {
    let day = |day: &str| commands(day, &FIVE);
    let mut table = day("01");
    for other in ["02", "03"] {
        for row in day(other).rows {
            let mut row = row;
            row["correlationId"] = format!("{}-{other}", row["correlationId"]).into();
            row["eventDataId"] = format!("{}-{other}", row["eventDataId"]).into();
            table.rows.push(row);
        }
    }
    assert_eq!(table.severities(ID), ["medium"; 3]);
    for row in day("04").rows {
        let mut row = row;
        row["correlationId"] = format!("{}-04", row["correlationId"]).into();
        row["eventDataId"] = format!("{}-04", row["eventDataId"]).into();
        table.rows.push(row);
    }
    assert_eq!(table.severities(ID), ["low"; 4]);
}

#[test]
fn outcomes_and_families_are_chosen() {
    let mixed = || {
        commands("01", &FIVE[..4]).with("2024-05-01T10:10:00 run alice 52.1.2.3 vm1 status=Failed")
    };
    assert_eq!(counts(&mixed()), [5]);
    assert_eq!(
        counts(&mixed().set("run-command-spike.only_success", "yes")),
        [0; 0]
    );
    let managed =
        || commands("01", &FIVE[..4]).with("2024-05-01T10:10:00 write:rc alice 52.1.2.3 vm1");
    assert_eq!(counts(&managed()), [0; 0]);
    assert_eq!(
        counts(&managed().set("run-command-spike.include_managed", "yes")),
        [5]
    );
    let vms = commands("01", &FIVE).set("run-command-spike.least_vms", "2");
    assert_eq!(counts(&vms), [0; 0]);
}
