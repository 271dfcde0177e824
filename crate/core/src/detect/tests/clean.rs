//! Forty days of ordinary work: what is routine is silent.

use super::{AddressRanges, Table};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Automation that patches two machines every night, and an operator who looks after storage by day.
fn ordinary() -> Table {
    let mut lines = String::new();
    for night in 0..40 {
        let (month, day) = if night < 31 {
            (5, night + 1)
        } else {
            (6, night - 30)
        };
        let robot = "99999999-8888-7777-6666-555555555555 52.1.2.3";
        let operator = "olga@contoso.example 40.5.6.7";
        for (minute, vm) in [(0, "vm1"), (20, "vm2")] {
            writeln!(
                lines,
                "2024-{month:02}-{day:02}T02:{minute:02}:00 run {robot} {vm} end=+33"
            )
            .expect("text");
        }
        for hour in [9, 11, 15] {
            writeln!(lines, "2024-{month:02}-{day:02}T{hour:02}:00:00 Microsoft.Storage/storageAccounts/read {operator} /a").expect("text");
        }
        writeln!(lines, "2024-{month:02}-{day:02}T10:00:00 Microsoft.Storage/storageAccounts/listKeys/action {operator} /a").expect("text");
        writeln!(lines, "2024-{month:02}-{day:02}T16:00:00 Microsoft.Compute/disks/delete {operator} /tmp{night}").expect("text");
    }
    let mut table = Table::of(&lines);
    table.ranges = Some(AddressRanges::parse("20.42.0.0/17,AzureCloud.eastus").expect("a list"));
    table
}

#[test]
fn ordinary_work_is_silent() {
    let case = ordinary().case();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in case.findings() {
        *found.entry(&finding.detector).or_default() += 1;
    }
    // What reports every occurrence, and each machine's first night, does so; nothing else speaks.
    let expected = [
        ("run-command-invocation", 80),
        ("run-command-new-terms", 2),
        ("sensitive-operation", 40),
    ];
    assert_eq!(found, BTreeMap::from(expected));
    let here = |one: &&crate::case::Searched| !super::ELSEWHERE.contains(&one.detector);
    for searched in case.searched().iter().filter(here) {
        if let Some(why) = &searched.not_assessed {
            let of_guest = super::NO_GUEST.iter().any(|no| why.contains(no));
            assert!(of_guest, "{}: {why}", searched.detector);
        }
        assert_eq!(searched.left_out, None, "{}", searched.detector);
    }
}

#[test]
fn one_stranger_among_it_is_heard_by_every_detector_of_novelty() {
    let case = ordinary()
        .with("2024-06-09T03:00:00 run mallory@contoso.example 185.220.101.5 vm1 end=+20")
        .case();
    let worst = |detector: &str| {
        let of = case.findings().iter().filter(|found| {
            found.detector == detector
                && case.operations()[found.operations[0]].caller.as_deref()
                    == Some("mallory@contoso.example")
        });
        of.map(|found| (found.severity.word(), found.baseline.word()))
            .collect::<Vec<_>>()
    };
    assert_eq!(worst("run-command-new-terms"), [("medium", "full")]);
    // Caller and network are new and the caller is anomalous; the operation itself is usual.
    assert_eq!(worst("anomalous-operation-model"), [("high", "full")]);
    assert_eq!(worst("run-command-infrequent"), [("info", "full")]);
    assert_eq!(worst("run-command-chain"), [("low", "n/a")]);
}

/// Times at both ends of what a reading can hold: no window may run over.
#[test]
fn times_at_the_ends_of_the_calendar_are_survived() {
    let mut lines = String::new();
    for time in [
        "1677-09-22T00:00:00",
        "1970-01-01T00:00:00",
        "2262-04-11T23:00:00",
    ] {
        for what in [
            "run",
            "write:rc1",
            "delete:rc1",
            "extension:VMAccess",
            "Microsoft.Compute/disks/delete",
        ] {
            writeln!(lines, "{time} {what} alice@contoso.example 52.1.2.3 vm1").expect("text");
        }
        writeln!(lines, "{time} Microsoft.Storage/storageAccounts/listKeys/action alice@contoso.example 52.1.2.3 /a").expect("text");
    }
    let case = Table::of(&lines).case();
    assert_eq!(case.operations().len(), 18);
    assert!(case.operations().iter().all(|op| op.started.is_some()));
    let invoked = case
        .findings()
        .iter()
        .filter(|found| found.detector == "run-command-invocation");
    assert_eq!(invoked.count(), 3);
}
