//! Section 6: curated operations, and run commands near them.

use super::Table;

const ID: &str = "sensitive-operation";
const BLIND: &str = "2024-05-01T10:00:00 MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE alice 52.1.2.3 /x status=Success";

#[test]
fn logs_that_were_switched_off() {
    let table = Table::of(BLIND);
    assert_eq!(table.severities(ID), ["medium"]);
    let found = table.finds(ID);
    assert_eq!(
        (
            &found[0].values["weight"],
            &found[0].values["near_run_command"]
        ),
        (&serde_json::json!(5), &serde_json::json!(false))
    );
}

#[test]
fn a_run_command_of_the_same_principal_within_a_day_raises_it() {
    let with = |run: &str| Table::of(BLIND).with(run).severities(ID);
    let at = |time: &str, caller: &str| with(&format!("{time} run {caller} 52.1.2.3 vm1"));
    assert_eq!(at("2024-05-02T10:00:00", "alice"), ["high"]);
    assert_eq!(at("2024-05-02T10:00:00.001", "alice"), ["medium"]);
    assert_eq!(at("2024-04-30T10:00:00", "alice"), ["high"]);
    assert_eq!(at("2024-04-30T09:59:59.999", "alice"), ["medium"]);
    assert_eq!(at("2024-05-01T11:00:00", "bob"), ["medium"]);
    // The attempt is what matters.
    let failed = "2024-05-01T11:00:00 run alice 52.1.2.3 vm1 status=Failed";
    assert_eq!(with(failed), ["high"]);
}

#[test]
fn listings_by_their_ending() {
    let listing = |name: &str| {
        let line = format!(
            "2024-05-01T10:00:00 Microsoft.DocumentDB/databaseAccounts/{name} alice 52.1.2.3 /x"
        );
        let table = Table::of(&line);
        (
            table.severities(ID),
            table
                .finds(ID)
                .first()
                .map(|one| one.values["weight"].clone()),
        )
    };
    assert_eq!(listing("listKeys/action"), (vec!["low"], Some(4.into())));
    assert_eq!(listing("readonlykeys/action"), (vec![], None));
}

#[test]
fn what_failed_changed_nothing() {
    let table = Table::of(
        "2024-05-01T10:00:00 Microsoft.Authorization/roleAssignments/write alice 52.1.2.3 /x status=Failed",
    );
    assert!(table.finds(ID).is_empty());
    assert_eq!(table.searched(ID), (true, None));
}
