use super::{AddressRanges, LONG_AGO, Table};

const ID: &str = "run-command-from-cloud-address";

fn table(lines: &str) -> Table {
    let list = "20.42.0.0/17,AzureCloud.eastus
        20.42.4.0/24,WindowsVirtualDesktop
        198.51.100.0/24,Example Hosting
        2001:db8::/32,AzureCloud.eastus";
    let ranges = AddressRanges::parse(list)
        .expect("a list")
        .dated_by_name("20240101.csv");
    Table {
        ranges: Some(ranges),
        ..Table::of(lines)
    }
}

fn class(ip: &str) -> Vec<(String, &'static str)> {
    let found = table(&format!("2024-05-01T10:00:00 run p {ip} vm1")).finds(ID);
    found
        .iter()
        .map(|found| {
            let class = found.values["class"].as_str().expect("a class");
            (class.to_owned(), found.severity.word())
        })
        .collect()
}

#[test]
fn the_longest_prefix_gives_the_class() {
    let one = |class: &str, severity| vec![(class.to_owned(), severity)];
    assert_eq!(class("20.42.4.9"), one("vdi", "medium"));
    assert_eq!(class("20.42.127.255"), one("azure-compute", "low"));
    assert_eq!(class("20.42.128.0"), vec![]);
    assert_eq!(class("10.0.0.4"), vec![]);
    assert_eq!(class("198.51.100.255"), one("vps", "medium"));
    assert_eq!(class("2001:db8::1"), one("azure-compute", "low"));
    assert_eq!(class("-"), vec![]);
}

#[test]
fn without_a_list_there_is_no_answer() {
    let table = Table::of("2024-05-01T10:00:00 run p 20.42.4.9 vm1");
    let (ran, reason) = table.searched(ID);
    assert!(!ran);
    assert!(
        reason
            .expect("a reason")
            .starts_with("not-assessed: no list")
    );
}

#[test]
fn the_address_of_the_token_is_looked_at_too() {
    let line = "2024-05-01T10:00:00 run p 20.42.127.255 vm1 token=20.42.4.9";
    let found = table(line).finds(ID);
    assert_eq!(found[0].values["class"], "vdi");
    assert_eq!(found[0].values["address_origin"], "ip_token");
    let published = table(line).set("run-command-from-cloud-address.published", "yes");
    assert_eq!(published.finds(ID).len(), 0);
    let line = "2024-05-01T10:00:00 run p 20.42.4.9 vm1 token=198.51.100.1";
    assert_eq!(table(line).finds(ID)[0].values["address_origin"], "ip");
}

#[test]
fn classes_are_chosen() {
    let line = "2024-05-01T10:00:00 run p 20.42.4.9 vm1";
    let without = table(line).set("run-command-from-cloud-address.vdi", "no");
    assert_eq!(without.finds(ID).len(), 0);
}

#[test]
fn half_a_year_makes_a_list_stale() {
    let stale = |time: &str| {
        let found = table(&format!("{time} run p 20.42.4.9 vm1")).finds(ID);
        found[0].values["stale"] == true
    };
    // 2024-01-01 and 180 days.
    assert!(!stale("2024-06-29T00:00:00"));
    assert!(stale("2024-06-29T00:00:01"));
    assert!(stale("2023-07-04T23:59:59"));
}

#[test]
fn a_new_caller_raises_it_where_there_is_a_baseline() {
    let run = "2024-05-29T10:00:00 run mallory 20.42.4.9 vm1";
    assert_eq!(table(LONG_AGO).with(run).severities(ID), ["medium"]);
    let known = "2024-05-20T10:00:00 Microsoft.Compute/disks/write bob 52.1.2.3 /d";
    assert_eq!(table(known).with(run).severities(ID), ["high"]);
    let same = "2024-05-20T10:00:00 Microsoft.Compute/disks/write mallory 20.42.9.9 /d";
    assert_eq!(table(same).with(run).severities(ID), ["medium"]);
}

#[test]
fn failures_are_silent() {
    let failed = table("2024-05-01T10:00:00 run p 20.42.4.9 vm1 status=Failed");
    assert_eq!(failed.finds(ID).len(), 0);
}
