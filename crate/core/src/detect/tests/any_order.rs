//! Shuffling and repeating rows changes nothing that the detectors say.

use super::{AddressRanges, Table};
use proptest::prelude::*;
use std::collections::BTreeSet;

const WHAT: [&str; 13] = [
    "run",
    "run",
    "run",
    "write:rc1",
    "delete:rc1",
    "extension:VMAccessForLinux",
    "extension-delete:RunCommandLinux",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Insights/diagnosticSettings/delete",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Compute/disks/beginGetAccess/action",
];
const CALLERS: [&str; 4] = [
    "alice@contoso.example",
    "ALICE@contoso.example",
    "bob@contoso.example",
    "11111111-2222-3333-4444-555555555555",
];
const IPS: [&str; 4] = ["52.1.2.3", "40.5.6.7", "2001:db8::1", "-"];

prop_compose! {
    fn line()(
        minute in 0_u32..60 * 24 * 3,
        what in 0..WHAT.len(),
        caller in 0..CALLERS.len(),
        ip in 0..IPS.len(),
        vm in 0..4,
        failed in 0..5,
        end in 0_i32..90,
        other_ip in 0..3_usize,
        corr in 0..12,
    ) -> String {
        let status = if failed == 0 { "Failed" } else { "Succeeded" };
        // A third begins and ends at one instant, with two addresses. A few operations share a correlation id, as those of a deployment do.
        let corr = if corr < 3 { format!(" corr=shared{corr}-{minute}") } else { String::new() };
        format!(
            "2024-05-{:02}T{:02}:{:02}:00 {} {} {} vm{vm} status={status} end=+{} end-ip={}{corr}",
            26 + minute / 1440, minute / 60 % 24, minute % 60,
            WHAT[what], CALLERS[caller], IPS[ip], (end - 30).max(0), IPS[other_ip]
        )
    }
}

/// Small thresholds, so that few rows say much.
fn table(lines: &[String]) -> Table {
    let mut table = Table::of(&lines.join("\n"))
        .set("run-command-spike.least_commands", "2")
        .set("run-command-spike.window_minutes", "240")
        .set("caller-profile.least_operations", "5")
        .set("caller-profile.share_permille", "300")
        .set("anomalous-operation-model.detection_hours", "24")
        .set("sensitive-operation-new-source.least_operations", "1")
        .set("resource-burst.floor_create", "1")
        .set("resource-burst.floor_delete", "1")
        .set("resource-burst.z", "1");
    let list = "52.1.0.0/16,AzureCloud.x\n2001:db8::/32,WindowsVirtualDesktop";
    table.ranges = Some(AddressRanges::parse(list).expect("a list"));
    table
}

fn said(table: &Table) -> (String, BTreeSet<String>) {
    let case = table.case();
    // Places of rows in the file are the file's own; all else is the case's.
    let operations: Vec<_> = case
        .operations()
        .iter()
        .map(|op| {
            (
                &op.operation,
                &op.correlation,
                op.started,
                &op.ips,
                op.outcome,
            )
        })
        .collect();
    let text = format!(
        "{operations:?}\n{:?}\n{:?}\n{:?}",
        case.findings()
            .iter()
            .map(|one| case.referred().spelled_out(one))
            .collect::<Vec<_>>(),
        case.searched(),
        case.actors()
    );
    let detectors = case.findings().iter().map(|one| one.detector.to_string());
    (text, detectors.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_copies_give_the_same_findings(
        lines in prop::collection::vec(line(), 1..60),
        places in prop::collection::vec(any::<prop::sample::Index>(), 200),
    ) {
        let first = table(&lines);
        let mut other = first.clone();
        for (at, place) in places.iter().enumerate() {
            let n = other.rows.len();
            if at % 4 == 0 {
                let copy = other.rows[place.index(n)].clone();
                other.rows.push(copy);
            } else {
                other.rows.swap(at % n, place.index(n));
            }
        }
        prop_assert_eq!(said(&first), said(&other));
    }
}

/// The property says something only where the detectors do: cases as small as those above make all of them speak.
#[test]
fn such_cases_make_every_detector_speak() {
    let mut spoke = BTreeSet::new();
    let mut seed = 7_usize;
    let mut pick = |n: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    for _ in 0..20 {
        let mut lines = Vec::new();
        for _ in 0..40 {
            let minute = pick(1440 * 3);
            lines.push(format!(
                "2024-05-{:02}T{:02}:{:02}:00 {} {} {} vm{} end=+9",
                26 + minute / 1440,
                minute / 60 % 24,
                minute % 60,
                WHAT[pick(WHAT.len())],
                CALLERS[pick(CALLERS.len())],
                IPS[pick(IPS.len())],
                pick(4)
            ));
        }
        spoke.extend(said(&table(&lines)).1);
    }
    let all: BTreeSet<&str> = {
        // Without a guest those that look at one cannot answer.
        let case = Table::of("2024-05-01T10:00:00 run alice 52.1.2.3 vm1").case();
        let looks_at_one = |one: &&crate::case::Searched| {
            let why = one.not_assessed.as_deref().unwrap_or_default();
            super::NO_GUEST.iter().any(|no| why.contains(no))
        };
        let others = case.searched().iter().filter(|one| !looks_at_one(one));
        others
            .map(|one| one.detector)
            .filter(|id| !super::ELSEWHERE.contains(id))
            .collect()
    };
    let spoke: BTreeSet<&str> = spoke.iter().map(String::as_str).collect();
    assert_eq!(spoke, all);
}
