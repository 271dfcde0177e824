use crate::volume::{ARCHIVES, KINDS, hours_zip, mixed_zip};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use zip::ZipArchive;

#[test]
fn the_same_seed_gives_the_same_bytes_of_at_least_the_size() {
    for (name, write) in KINDS {
        let mut written = Vec::new();
        let said = write(3, 300_000, &mut written).unwrap();
        assert_eq!(said.bytes, written.len() as u64, "{name}");
        // Event logs end with a whole chunk of 64 KiB.
        assert!(
            (300_000..370_000).contains(&written.len()),
            "{name}: {}",
            written.len()
        );
        let mut again = Vec::new();
        write(3, 300_000, &mut again).unwrap();
        assert!(written == again, "{name}");
        let mut other = Vec::new();
        write(4, 300_000, &mut other).unwrap();
        assert!(written != other, "{name}");
        if name != "evtx" {
            assert!(written.len() < 320_000, "{name}: {}", written.len());
            assert_eq!(written.last(), Some(&b'\n'), "{name}");
        }
    }
}

#[test]
fn records_agree_with_a_count_in_the_raw_bytes() {
    for (name, write) in KINDS {
        let mut written = Vec::new();
        let said = write(5, 400_000, &mut written).unwrap();
        if name == "evtx" {
            let read = crate::windows::evtx::tests::read(&written);
            assert_eq!(said.records, read.len() as u64);
            continue;
        }
        let text = String::from_utf8(written).unwrap();
        let counted = match name {
            "defender-csv" => text
                .lines()
                .skip(1)
                .filter(|line| line.starts_with("2024-") && line.contains(",ProcessCreated,"))
                .count(),
            "activity-array" => serde_json::from_str::<Vec<serde_json::Value>>(&text)
                .unwrap()
                .len(),
            "activity-ndjson" => text
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .filter(|record| record["identity"]["claims"]["uti"].is_string())
                .count(),
            "waagent-log" => text
                .lines()
                .filter(|line| line.starts_with("2024-") && line.get(26..28) == Some("Z "))
                .count(),
            "auditd" => text
                .lines()
                .map(|line| {
                    line.split("audit(")
                        .nth(1)
                        .unwrap()
                        .split(')')
                        .next()
                        .unwrap()
                })
                .collect::<BTreeSet<_>>()
                .len(),
            _ => text.lines().count(),
        };
        assert_eq!(said.records, counted as u64, "{name}");
    }
}

#[test]
fn values_repeat_as_they_do_in_reality() {
    let (_, write) = KINDS[0];
    let mut written = Vec::new();
    write(6, 3_000_000, &mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    let distinct = |name: &str| {
        text.split(name)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect::<BTreeSet<_>>()
            .len()
    };
    let rows = text.lines().count();
    assert_eq!(distinct("identity/claims/objectidentifier\":\""), 40);
    assert!((rows / 4..rows / 2 + 1).contains(&distinct("\"correlationId\":\"")));
    assert!((100..rows / 2).contains(&distinct("\"resourceId\":\"")));
    assert_eq!(distinct("\"callerIpAddress\":\""), 8);
}

#[test]
fn an_event_log_of_any_size_has_all_channels_and_numbers_its_records_on() {
    let mut written = Vec::new();
    crate::volume::evtx(7, 6_000_000, &mut written).unwrap();
    let read = crate::windows::evtx::tests::read(&written);
    let mut channels = BTreeSet::new();
    let mut scripts = 0;
    for (event, number) in read.iter().zip(1_u64..) {
        let system = &event["System"];
        assert_eq!(system["EventRecordID"], number);
        channels.insert(system["Channel"].as_str().unwrap().to_owned());
        scripts += usize::from(system["EventID"] == 4_104);
    }
    assert_eq!(channels.len(), 4);
    assert!(scripts > 200, "{scripts}");
}

#[test]
fn bytes_are_the_same_on_any_day_and_machine() {
    let mut hashed = Vec::new();
    for (name, write) in KINDS.into_iter().chain(ARCHIVES) {
        let mut written = Vec::new();
        write(1, 200_000, &mut written).unwrap();
        let hash: String = Sha256::digest(&written)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        hashed.push((name, hash));
    }
    let want = [
        ("activity-ndjson", "e2866f7f56e4f50d"),
        ("activity-array", "438044856f293011"),
        ("waagent-log", "1a227d395e658be9"),
        ("handler-log", "9e52947a5d569d33"),
        ("syslog", "45b8f30043442ef9"),
        ("auditd", "a8c90ae2567419ac"),
        ("evtx", "55952a5985f9c544"),
        ("defender-csv", "b3ff0fcc255de3c4"),
        ("mixed-zip", "96f18b640c2672c3"),
        ("hours-zip", "0f4c80fc0077f2f6"),
    ];
    let have: Vec<(&str, &str)> = hashed
        .iter()
        .map(|(name, hash)| (*name, hash.as_str()))
        .collect();
    assert_eq!(have, want);
}

#[test]
fn the_mixed_archive_holds_one_artifact_of_each_kind() {
    let mut written = Vec::new();
    let said = mixed_zip(2, 800_000, &mut written).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&written)).unwrap();
    assert_eq!(archive.len(), KINDS.len());
    let mut unpacked = 0;
    for (at, (name, write)) in KINDS.into_iter().enumerate() {
        let mut member = Vec::new();
        archive
            .by_index(at)
            .unwrap()
            .read_to_end(&mut member)
            .unwrap();
        let mut want = Vec::new();
        write(2, 100_000, &mut want).unwrap();
        assert!(member == want, "{name}");
        unpacked += member.len() as u64;
    }
    assert_eq!(said.bytes, unpacked);
}

#[test]
fn the_archive_of_hours_holds_a_small_member_for_each() {
    let mut written = Vec::new();
    let said = hours_zip(2, 800_000, &mut written).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&written)).unwrap();
    assert!(archive.len() > 30, "{}", archive.len());
    let (mut unpacked, mut records) = (0, 0);
    let mut paths = BTreeSet::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let path = member.name().unwrap().into_owned();
        assert!(path.ends_with("/m=00/PT1H.json"), "{path}");
        assert!(paths.insert(path.clone()), "{path} twice");
        let mut text = String::new();
        member.read_to_string(&mut text).unwrap();
        assert!((1..60_000).contains(&text.len()), "{path}");
        unpacked += text.len() as u64;
        records += text.lines().count() as u64;
    }
    assert_eq!(said.bytes, unpacked);
    assert_eq!(said.records, records);
}
