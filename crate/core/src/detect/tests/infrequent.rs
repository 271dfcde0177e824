use super::Table;
use std::fmt::Write;

const ID: &str = "run-command-infrequent";

/// Data from 1 to 31 May.
fn may(lines: &str) -> Table {
    Table::of("2024-05-01T00:00:00 Microsoft.Resources/tags/read nobody - /tags")
        .with(lines)
        .ending("2024-05-31T00:00:00Z")
}

fn published(table: Table) -> Table {
    table.set("run-command-infrequent.published", "yes")
}

fn spans(table: &Table) -> Vec<u64> {
    let found = table.finds(ID);
    found
        .iter()
        .map(|found| found.values["span"].as_u64().expect("a span"))
        .collect()
}

#[test]
fn the_span_is_measured_not_counted_in_hours() {
    let table = may("2024-05-10T10:59:59 run p 52.1.2.3 vm1
         2024-05-11T09:59:00 run p 52.1.2.3 vm1 end=2024-05-11T10:00:00");
    assert_eq!(spans(&table), [23 * 3600 + 1]);
    assert_eq!(table.severities(ID), ["low"]);
    // From hour 10 to hour 10 of the next day: 24 boundaries.
    assert_eq!(spans(&published(table)), [23 * 3600 + 1; 0]);
    let table = may("2024-05-10T10:00:00 run p 52.1.2.3 vm1
         2024-05-11T09:59:59 run p 52.1.2.3 vm1");
    assert_eq!(spans(&table), [86_399]);
    assert_eq!(spans(&published(table)), [86_399]);
}

#[test]
fn a_whole_day_is_not_short() {
    let table = may("2024-05-10T10:00:00 run p 52.1.2.3 vm1
         2024-05-11T10:00:00 run p 52.1.2.3 vm1");
    assert_eq!(spans(&table), [0; 0]);
}

#[test]
fn near_the_ends_of_the_data_it_says_little() {
    let at = |time: &str| may(&format!("{time} run p 52.1.2.3 vm1")).severities(ID);
    assert_eq!(at("2024-05-30T20:00:00"), ["info"]);
    assert_eq!(at("2024-05-30T00:00:00"), ["low"]);
    assert_eq!(at("2024-05-30T00:00:01"), ["info"]);
    assert_eq!(at("2024-05-01T23:59:59"), ["info"]);
    assert_eq!(at("2024-05-02T00:00:00"), ["low"]);
    let found = may("2024-05-30T20:00:00 run p 52.1.2.3 vm1").finds(ID);
    assert_eq!(found[0].values["right_censored"], true);
    assert_eq!(found[0].values["left_censored"], false);
    let ends = published(may("2024-05-30T20:00:00 run p 52.1.2.3 vm1"));
    assert_eq!(ends.severities(ID), ["low"]);
}

#[test]
fn machines_of_one_name_are_two_machines() {
    let table = may("2024-05-10T10:00:00 run p 52.1.2.3 vm1
         2024-05-12T10:00:00 run p 52.1.2.3 vm1 group=g2");
    assert_eq!(spans(&table), [0, 0]);
    assert_eq!(spans(&published(table)), [0; 0]);
}

#[test]
fn failures_and_commands_before_the_window_do_not_count() {
    let failed = may("2024-05-10T10:00:00 run p 52.1.2.3 vm1 status=Failed");
    assert_eq!(spans(&failed), [0; 0]);
    let table = |before: &str| {
        may(&format!(
            "{before} run p 52.1.2.3 vm1
             2024-05-10T10:00:00 run p 52.1.2.3 vm1"
        ))
        .set("run-command-infrequent.history_days", "22")
    };
    assert_eq!(spans(&table("2024-05-08T23:59:59")), [0]);
    assert_eq!(spans(&table("2024-05-09T00:00:00")), [34 * 3600; 0]);
    let twice = may("2024-05-10T10:00:00 run p 52.1.2.3 vm1");
    assert_eq!(
        spans(&twice.set("run-command-infrequent.least_operations", "2")),
        [0; 0]
    );
}

#[test]
fn a_burst_of_the_principal_raises_it() {
    let mut lines = String::new();
    for minute in 0..5 {
        writeln!(lines, "2024-05-10T10:{minute:02}:00 run p 52.1.2.3 vm1").expect("text");
    }
    lines.push_str("2024-05-10T10:00:00 run q 52.1.2.3 vm2");
    assert_eq!(may(&lines).severities(ID), ["medium", "low"]);
}
