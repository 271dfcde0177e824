//! Section 1: a command that was executed, and one that was tried.

use super::Table;

const ID: &str = "run-command-invocation";
const UPPER: &str = "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION";

#[test]
fn three_rows_of_one_operation_are_one_finding() {
    let table = Table::of(&format!(
        "2024-05-01T10:00:00 {UPPER} alice 52.1.2.3 VM1 corr=c status=Start
         2024-05-01T10:00:02 {UPPER} alice 52.1.2.3 VM1 corr=c status=Accept
         2024-05-01T10:00:33 {UPPER} - - VM1 corr=c status=Success"
    ));
    let case = table.case();
    let found = table.finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].severity.word(), &*found[0].title),
        ("medium", "Run Command executed on a VM")
    );
    let (first, last) = case.referred().time(&found[0]);
    let times = [first, last].map(|time| time.expect("a time").to_string());
    assert!(
        times[0].contains("10:00:00") && times[1].contains("10:00:33"),
        "{times:?}"
    );
    assert_eq!(
        *found[0].summary,
        "alice executed a command on vm1 from 52.1.2.3 (succeeded; 33 s between its first and last record)."
    );
}

#[test]
fn one_row_is_enough_and_its_start_is_not_known() {
    let table = Table::of("2024-05-01T10:00:00 run alice 52.1.2.3 vm1 status=Succeeded");
    assert_eq!(table.severities(ID), ["medium"]);
    assert!(!table.case().operations()[0].complete_start);
}

#[test]
fn a_failed_one_was_attempted() {
    let table = Table::of("2024-05-01T09:00:00 run alice 52.1.2.3 vm1 end=+5 status=Failed");
    let found = table.finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].severity.word(),
            &*found[0].title,
            &found[0].values["outcome"]
        ),
        (
            "info",
            "Run Command attempted on a VM",
            &serde_json::json!("failure")
        )
    );
    let only_done = table.set("run-command-invocation.include_attempts", "no");
    assert!(only_done.finds(ID).is_empty());
}

#[test]
fn reading_the_documents_of_run_command_executes_nothing() {
    let read = "MICROSOFT.COMPUTE/LOCATIONS/RUNCOMMANDS/READ";
    let table = Table::of(&format!(
        "2024-05-01T10:00:00 {read} alice 52.1.2.3 /x status=Success"
    ));
    assert!(table.finds(ID).is_empty());
    assert_eq!(table.searched(ID), (true, None));
}

/// Section 36, example 2: two commands that share neither principal, VM nor address are two incidents.
#[test]
fn strangers_on_different_machines_are_two_incidents() {
    let two = Table::of(
        "2024-05-01T10:00:00 run alice 52.1.2.3 vm1
         2024-05-01T10:05:00 run bob 40.5.6.7 vm2",
    );
    assert_eq!(two.case().incidents().len(), 2);
    let one = Table::of(
        "2024-05-01T10:00:00 run alice 52.1.2.3 vm1
         2024-05-01T10:05:00 run bob 40.5.6.7 vm1",
    );
    assert_eq!(one.case().incidents().len(), 1);
}
