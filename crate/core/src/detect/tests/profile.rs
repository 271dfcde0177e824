use super::Table;
use std::fmt::Write;

const ID: &str = "caller-profile";

/// `n` storage reads of alice from 1.1.1.1, a minute apart.
fn routine(n: usize) -> Table {
    let mut lines = String::new();
    for minute in 0..n {
        writeln!(
            lines,
            "2024-05-01T{:02}:{:02}:00 Microsoft.Storage/storageAccounts/read alice 1.1.1.1 /a",
            minute / 60,
            minute % 60
        )
        .expect("text");
    }
    Table::of(&lines)
}

const FOREIGN_RUN: &str = "2024-05-02T10:00:00 run alice 9.9.9.9 vm1";

#[test]
fn one_command_from_elsewhere_among_forty_is_high() {
    let found = routine(39).with(FOREIGN_RUN).finds(ID);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity.word(), "high");
    assert_eq!(found[0].values["share"], 0.025);
    assert_eq!(found[0].values["total"], 40);
    assert_eq!(found[0].values["foreign_ip"], true);
    assert_eq!(*found[0].attack, ["T1078.004"]);
}

#[test]
fn too_little_work_makes_no_profile() {
    assert_eq!(
        routine(18).with(FOREIGN_RUN).severities(ID),
        Vec::<&str>::new()
    );
    // 1 of 20 is 0.05: both bounds are included.
    assert_eq!(routine(19).with(FOREIGN_RUN).severities(ID), ["high"]);
    let two = routine(19).with(FOREIGN_RUN).with(FOREIGN_RUN);
    assert_eq!(two.severities(ID), Vec::<&str>::new(), "2 of 21");
}

#[test]
fn severity_follows_address_and_operation() {
    let with = |line: &str| routine(39).with(line).severities(ID);
    assert_eq!(with("2024-05-02T10:00:00 run alice 1.1.1.1 vm1"), ["low"]);
    assert_eq!(with("2024-05-02T10:00:00 run alice - vm1"), ["low"]);
    let delete = "Microsoft.Insights/diagnosticSettings/delete";
    assert_eq!(
        with(&format!("2024-05-02T10:00:00 {delete} alice 9.9.9.9 /d")),
        ["medium"]
    );
    assert_eq!(
        with(&format!("2024-05-02T10:00:00 {delete} alice 1.1.1.1 /d")),
        ["low"]
    );
    // Not curated, and no run command.
    assert_eq!(
        with("2024-05-02T10:00:00 Microsoft.Compute/disks/read alice 9.9.9.9 /d"),
        Vec::<&str>::new()
    );
    assert_eq!(
        with("2024-05-02T10:00:00 run bob 9.9.9.9 vm1"),
        Vec::<&str>::new()
    );
}

#[test]
fn days_are_midnights_crossed_and_days_active() {
    let days = |from: &str, to: &str| {
        let case = Table::of(&format!("{from} run alice 1.1.1.1 vm1 end={to}")).case();
        let row = &case.actors()[0].operations[0];
        (row.days_delta(), row.days.len(), row.rows, row.count)
    };
    assert_eq!(
        days("2024-11-22T23:59:50", "2024-11-23T00:00:05"),
        (1, 2, 2, 1)
    );
    assert_eq!(
        days("2024-11-22T10:00:00", "2024-11-22T11:00:00"),
        (1, 1, 2, 1)
    );
    assert_eq!(
        days("2024-11-22T10:00:00", "2024-11-24T09:00:00"),
        (2, 2, 2, 1)
    );
}

#[test]
fn actors_are_in_time_order_and_their_work_by_number() {
    let case = Table::of(
        "2024-05-01T10:00:00 b.x/write zoe 1.1.1.1 /a
         2024-05-01T10:01:00 run alice 2.2.2.2 vm1 oid=11111111-2222-3333-4444-555555555555
         2024-05-01T10:02:00 a.x/write Alice 3.3.3.3 /a
         2024-05-01T10:03:00 z.x/write alice 2.2.2.2 /a
         2024-05-01T10:04:00 z.x/write alice 2.2.2.2 /a",
    )
    .case();
    let actors = case.actors();
    let callers: Vec<&str> = actors.iter().map(|actor| actor.caller.as_str()).collect();
    assert_eq!(callers, ["zoe", "alice"]);
    assert_eq!(actors[1].ips, ["2.2.2.2", "3.3.3.3"]);
    let work: Vec<(&str, usize)> = actors[1]
        .operations
        .iter()
        .map(|row| (row.operation.as_str(), row.count))
        .collect();
    assert_eq!(
        work,
        [
            ("z.x/write", 2),
            ("a.x/write", 1),
            ("microsoft.compute/virtualmachines/runcommand/action", 1)
        ]
    );
}

#[test]
fn the_published_profile_counts_rows() {
    let long = "2024-05-02T10:00:00 run alice 9.9.9.9 vm1 end=+30";
    let table = routine(38).with(long);
    // 1 of 39 operations, but 2 of 40 rows; with one row less it is 2 of 39.
    let published = |table: Table| table.set("caller-profile.published", "yes").finds(ID);
    assert_eq!(published(table)[0].values["share"], 0.05);
    assert_eq!(published(routine(37).with(long)).len(), 0);
    assert_eq!(routine(37).with(long).severities(ID), ["high"]);
}
