use super::{LONG_AGO, Table};

const ID: &str = "run-command-new-terms";

/// Days of May on which the detector finds something.
fn days(table: &Table) -> Vec<String> {
    let case = table.case();
    let found = case.findings().iter().filter(|found| found.detector == ID);
    let started = found.filter_map(|found| case.operations()[found.operations[0]].started);
    started
        .map(|time| time.to_string()[8..10].to_owned())
        .collect()
}

#[test]
fn a_combination_seen_within_the_week_is_known() {
    let known = Table::of(
        "2024-05-01T10:00:00 run p1 52.1.2.3 vm1
         2024-05-03T10:00:00 run p1 52.1.9.9 vm1",
    );
    assert_eq!(days(&known), ["01"]);
    let later = Table::of(
        "2024-05-01T10:00:00 run p1 52.1.2.3 vm1
         2024-05-09T10:00:00 run p1 52.1.2.3 vm1",
    );
    assert_eq!(days(&later), ["01", "09"]);
    let other_network = Table::of(
        "2024-05-01T10:00:00 run p1 52.1.2.3 vm1
         2024-05-02T10:00:00 run p1 52.2.2.3 vm1",
    );
    assert_eq!(days(&other_network), ["01", "02"]);
}

#[test]
fn exactly_a_week_is_inside() {
    let at = |second: &str| {
        days(&Table::of(&format!(
            "2024-05-01T10:00:00 run p1 52.1.2.3 vm1
             2024-05-08T10:00:{second} run p1 52.1.2.3 vm1"
        )))
    };
    assert_eq!(at("00"), ["01"]);
    assert_eq!(at("01"), ["01", "08"]);
}

#[test]
fn it_is_medium_on_a_full_baseline_and_low_on_a_partial_one() {
    let line = "2024-05-01T10:00:00 run p1 52.1.2.3 vm1";
    assert_eq!(Table::of(line).severities(ID), ["low"]);
    assert_eq!(Table::of(LONG_AGO).with(line).severities(ID), ["medium"]);
    let of = Table::of(LONG_AGO)
        .with(line)
        .with("2024-05-01T10:00:00 run p1 52.1.2.3 vm1 sub=s2");
    assert_eq!(of.severities(ID), ["medium", "low"], "per subscription");
}

#[test]
fn an_operation_without_an_address_is_counted_and_not_judged() {
    let table = Table::of(
        "2024-05-01T10:00:00 run p1 - vm1
         2024-05-02T10:00:00 run p1 52.1.2.3 vm1",
    );
    assert_eq!(days(&table), ["02"]);
    assert_eq!(
        table.searched(ID),
        (
            true,
            Some(
                "not-assessed: 1 of 2 run commands lack a principal, a VM or an address".to_owned()
            )
        )
    );
    let published = table.set("run-command-new-terms.published", "yes");
    assert_eq!(published.searched(ID), (true, None));
    assert_eq!(published.finds(ID)[0].values["mode"], "published");
}

#[test]
fn failures_and_managed_commands_are_not_looked_at() {
    let table = Table::of(
        "2024-05-01T10:00:00 run p1 52.1.2.3 vm1 status=Failed
         2024-05-01T10:00:00 write:rc p1 52.1.2.3 vm1",
    );
    assert_eq!(days(&table), Vec::<String>::new());
    assert_eq!(table.searched(ID), (true, None));
}
