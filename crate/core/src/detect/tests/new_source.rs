use super::{LONG_AGO, Table};
use std::fmt::Write;

const ID: &str = "sensitive-operation-new-source";
const LIST: &str = "Microsoft.Storage/storageAccounts/listKeys/action";

/// Adds `n` operations of p from an address on a day of May, a minute apart from noon on.
fn add(table: Table, day: &str, n: usize, what: &str, ip: &str) -> Table {
    let mut lines = String::new();
    for minute in 0..n {
        writeln!(
            lines,
            "2024-05-{day}T12:{minute:02}:00 {what} p {ip} /accounts/a{minute}"
        )
        .expect("text");
    }
    table.with(&lines)
}

/// A case of 31 May; the detection window begins 30 May 18:00.
fn base() -> Table {
    Table::of(LONG_AGO).ending("2024-05-31T18:00:00Z")
}

fn rules(table: &Table) -> Vec<String> {
    let found = table.finds(ID);
    found
        .iter()
        .map(|found| {
            format!(
                "{} {}",
                found.values["rule"].as_str().unwrap_or(""),
                found.severity.word()
            )
        })
        .collect()
}

#[test]
fn five_from_a_source_that_never_did_five() {
    let five = add(base(), "31", 5, LIST, "52.1.2.3");
    assert_eq!(rules(&five), ["rare-source low"]);
    assert_eq!(five.finds(ID)[0].values["count"], 5);
    assert_eq!(five.finds(ID)[0].baseline.word(), "full");
    assert_eq!(rules(&add(base(), "31", 4, LIST, "52.1.2.3")), [""; 0]);
}

#[test]
fn a_baseline_day_must_have_as_many() {
    let spread = add(base(), "27", 3, LIST, "52.1.2.3");
    let spread = add(spread, "28", 2, LIST, "52.1.2.3");
    assert_eq!(
        rules(&add(spread, "31", 5, LIST, "52.1.2.3")),
        ["rare-source low"]
    );
    let usual = add(base(), "27", 5, LIST, "52.1.2.3");
    assert_eq!(rules(&add(usual, "31", 5, LIST, "52.1.2.3")), [""; 0]);
    let too_old = add(base(), "17", 5, LIST, "52.1.2.3");
    assert_eq!(
        rules(&add(too_old, "31", 5, LIST, "52.1.2.3")),
        ["rare-source low"]
    );
}

#[test]
fn other_kinds_count_and_others_do_not() {
    let with = |what: &str| rules(&add(base(), "31", 5, what, "52.1.2.3"));
    assert_eq!(
        with("Microsoft.Compute/snapshots/write"),
        ["rare-source low"]
    );
    assert_eq!(
        with("Microsoft.Network/networkSecurityGroups/write"),
        ["rare-source low"]
    );
    assert_eq!(
        with("Microsoft.DocumentDB/databaseAccounts/listKeys/action"),
        ["rare-source low"]
    );
    assert_eq!(with("Microsoft.Compute/disks/write"), [""; 0]);
}

#[test]
fn a_listing_from_an_unknown_network() {
    let known = add(base(), "20", 2, LIST, "52.1.2.3");
    let from = |ip: &str| rules(&add(known.clone(), "31", 1, LIST, ip));
    assert_eq!(from("40.1.2.3"), ["unknown-address low"]);
    assert_eq!(from("52.1.9.9"), [""; 0]);
    // One listing makes no network known.
    let once = add(base(), "20", 1, LIST, "52.1.2.3");
    let table = add(once, "31", 1, LIST, "40.1.2.3");
    assert_eq!(rules(&table), [""; 0]);
    let (ran, note) = table.searched(ID);
    assert!(ran && note.expect("a note").contains("1 principal listed keys"));
}

#[test]
fn two_usual_networks_are_both_known_except_to_the_published_query() {
    let known = add(base(), "20", 2, LIST, "52.1.2.3");
    let known = add(known, "21", 2, LIST, "40.1.2.3");
    let table = add(known, "31", 1, LIST, "40.1.2.3");
    assert_eq!(rules(&table), [""; 0]);
    let published = table.set("sensitive-operation-new-source.published", "yes");
    assert_eq!(rules(&published), ["unknown-address low"]);
}

#[test]
fn both_rules_or_a_run_command_near_make_it_medium() {
    let known = add(base(), "20", 2, LIST, "52.1.2.3");
    let both = add(known, "31", 5, LIST, "40.1.2.3");
    let mut expected = vec!["rare-source medium"];
    expected.extend(["unknown-address medium"; 5]);
    assert_eq!(rules(&both), expected);
    let near = |time: &str| {
        let five = add(base(), "31", 5, LIST, "52.1.2.3");
        rules(&five.with(&format!("2024-05-31T{time} run p 52.1.2.3 vm1")))
    };
    assert_eq!(near("06:00:00"), ["rare-source medium"]);
    assert_eq!(near("05:59:59"), ["rare-source low"]);
    assert_eq!(near("18:04:00"), ["rare-source medium"]);
    assert_eq!(near("18:04:01"), ["rare-source low"]);
}

#[test]
fn the_window_begins_with_its_instant() {
    let at = |time: &str| {
        let known = add(base(), "20", 2, LIST, "52.1.2.3");
        let line = format!("{time} {LIST} p 40.1.2.3 /accounts/a");
        rules(&known.with(&line)).len()
    };
    assert_eq!(at("2024-05-30T18:00:00"), 1);
    assert_eq!(at("2024-05-30T17:59:59"), 0);
}

#[test]
fn without_anything_older_silence_is_no_answer() {
    let young = Table::default().ending("2024-05-31T18:00:00Z");
    let (ran, reason) = add(young.clone(), "31", 1, LIST, "52.1.2.3").searched(ID);
    assert!(!ran && reason.expect("a reason").starts_with("not-assessed: "));
    // Five are many by themselves.
    let five = add(young, "31", 5, LIST, "52.1.2.3");
    assert_eq!(rules(&five), ["rare-source low"]);
    assert_eq!(five.finds(ID)[0].baseline.word(), "insufficient");
    let windows = add(base(), "31", 5, LIST, "52.1.2.3")
        .set("sensitive-operation-new-source.baseline_days", "2")
        .set("sensitive-operation-new-source.detection_hours", "48");
    assert!(!windows.searched(ID).0);
}

#[test]
fn the_published_windows_share_their_instant() {
    // Five at the very begin of the window: they are their own baseline.
    let mut lines = String::new();
    for at in 0..5 {
        writeln!(
            lines,
            "2024-05-30T18:00:00 {LIST} p 52.1.2.3 /accounts/a{at}"
        )
        .expect("text");
    }
    let table = base().with(&lines);
    assert_eq!(rules(&table), ["rare-source low"]);
    let published = table.set("sensitive-operation-new-source.published", "yes");
    assert_eq!(rules(&published), [""; 0]);
}
