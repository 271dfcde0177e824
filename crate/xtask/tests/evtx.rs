//! Event logs: what others read in them we read, and damage costs only itself.
//!
//! The logs are made by `casegen`; the `evtx` crate is the other reader. `RUNLENS_BLESS=1` writes the fixture of the cases anew.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod reading;

use reading::document;
use runlens_casegen::instant::Instant;
use runlens_casegen::windows::evtx::{CHUNK_BYTES, Channel, Event, HEADER_BYTES, Value, file};
use runlens_core::event::batch::{EventBatch, Span};
use runlens_core::event::sink::Sink;
use runlens_core::record::windows::template::Templates;
use runlens_core::record::windows::{Builder, binxml, fields};
use runlens_core::time::Stamp;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

static SECURITY: Channel = Channel {
    name: "Security",
    provider: "Microsoft-Windows-Security-Auditing",
    guid: "54849625-5478-4994-a5ba-3e3b0328c30d",
    writer: (4, 8),
    user: None,
};

static POWERSHELL: Channel = Channel {
    name: "Microsoft-Windows-PowerShell/Operational",
    provider: "Microsoft-Windows-PowerShell",
    guid: "a0c1853b-5c40-4b15-8766-3cf1c58f985a",
    writer: (420, 16),
    user: Some("S-1-5-18"),
};

fn event(
    channel: &'static Channel,
    id: u16,
    second: i64,
    data: Vec<(&'static str, Value)>,
) -> Event<'static> {
    Event {
        channel,
        id,
        version: 1,
        level: 4,
        task: 1,
        opcode: 0,
        keywords: 0,
        at: Instant::of_seconds(1_714_557_600)
            .plus_seconds(second)
            .plus_nanoseconds(123_456_700),
        writer: None,
        activity: None,
        computer: "WIN01.contoso.example",
        data,
    }
}

/// A little story and enough noise for several chunks.
fn log(noise: i64) -> Vec<u8> {
    let script =
        r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\Downloads\script7.ps1";
    let block = "9472ba11-b266-49b9-88f9-7650d9f33cb1";
    let part = |number: u32, text: &str| {
        vec![
            ("MessageNumber", Value::U32(number)),
            ("MessageTotal", Value::U32(2)),
            ("ScriptBlockText", text.into()),
            ("ScriptBlockId", Value::Guid(block.to_owned())),
            ("Path", script.into()),
        ]
    };
    let mut events = vec![
        event(
            &SECURITY,
            4688,
            1,
            vec![
                ("SubjectUserSid", Value::Sid("S-1-5-18".to_owned())),
                ("SubjectUserName", "WIN01$".into()),
                ("SubjectLogonId", Value::Hex64(0x3e7)),
                ("NewProcessId", Value::Hex64(420)),
                (
                    "NewProcessName",
                    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe".into(),
                ),
                ("ProcessId", Value::Hex64(400)),
                (
                    "CommandLine",
                    "powershell  -ExecutionPolicy Unrestricted -File script7.ps1".into(),
                ),
                ("ParentProcessName", r"C:\Windows\System32\cmd.exe".into()),
            ],
        ),
        event(&POWERSHELL, 4104, 2, part(1, "Get-Process\r\n")),
        event(&POWERSHELL, 4104, 2, part(2, "Write-Output 'naïve ☃'\r\n")),
    ];
    for number in 0..noise {
        let name = format!("C:\\Windows\\System32\\tool{number}.exe");
        let line = "x".repeat((number % 700) as usize);
        events.push(event(
            &SECURITY,
            4689,
            10 + number,
            vec![
                ("SubjectUserName", "kim".into()),
                ("ProcessId", Value::Hex64(1000)),
                ("ProcessName", name.into()),
                ("Status", Value::Hex32(0)),
                ("Padding", line.into()),
            ],
        ));
    }
    file(events)
}

fn read(bytes: &[u8]) -> Json {
    let files: reading::Files = vec![("win01/exports/Security.evtx".to_owned(), bytes.to_vec())];
    let (_, text) = document(&files, 4096);
    serde_json::from_str(&text).unwrap()
}

fn counts(document: &Json) -> (u64, u64, u64) {
    let item = &document["evidence"][0];
    let count = |name: &str| item[name].as_u64().unwrap();
    assert_eq!(
        count("records"),
        count("events") + count("folded") + count("skipped")
    );
    (count("records"), count("events"), count("skipped"))
}

/// Data of every record, as the other reader has it.
fn others(bytes: &[u8]) -> Vec<(u64, u64, BTreeMap<String, String>)> {
    let mut parser = evtx::EvtxParser::from_buffer(bytes.to_vec()).unwrap();
    parser
        .records_json_value()
        .map(|record| {
            let record = record.unwrap();
            let event = &record.data["Event"];
            let text = |value: &Json| match value {
                Json::Null => String::new(),
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            let data = event["EventData"].as_object().unwrap();
            let data = data.iter().map(|(name, value)| (name.clone(), text(value)));
            let id = event["System"]["EventID"].as_u64().unwrap();
            (record.event_record_id, id, data.collect())
        })
        .collect()
}

#[test]
fn every_value_is_what_the_other_reader_says() {
    let bytes = log(900);
    let mut ours = Vec::new();
    for chunk in bytes[HEADER_BYTES..].chunks(CHUNK_BYTES) {
        let (places, lost) = binxml::records(chunk);
        assert_eq!(lost, 0);
        for place in places {
            let mut builder = Builder::default();
            binxml::walk(chunk, place, &mut builder).unwrap();
            let event = builder.finish().unwrap();
            let data = event.data.iter().cloned();
            ours.push((
                event.record_id.unwrap(),
                u64::from(event.id),
                data.map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect(),
            ));
        }
    }
    assert!(
        bytes.len() > HEADER_BYTES + 4 * CHUNK_BYTES,
        "several chunks"
    );
    let others = others(&bytes);
    assert_eq!(ours.len(), others.len());
    for (ours, others) in ours.iter().zip(&others) {
        assert_eq!(ours, others);
    }
}

/// A log of every kind of event that casegen writes, and of values and templates that it never does.
fn forwarded() -> Vec<u8> {
    let mut bytes = Vec::new();
    runlens_casegen::volume::evtx(11, 1_500_000, &mut bytes).unwrap();
    bytes
}

/// What the records of a log become by their templates and by walking: both batches, and how many records went the short way of how many.
fn both_ways(bytes: &[u8]) -> (EventBatch, EventBatch, u64, u64) {
    const KEPT: usize = 4_096;
    let (mut short, mut walked) = (Sink::new(), Sink::new());
    let mut templates = Templates::default();
    let (mut taken, mut all) = (0, 0);
    for chunk in bytes[HEADER_BYTES..].chunks(CHUNK_BYTES) {
        templates.next_chunk();
        for place in binxml::records(chunk).0 {
            let span = Span {
                offset: place.offset as u64,
                length: place.size as u64,
            };
            all += 1;
            let record = short.begin();
            let left = templates.emit((chunk, place), KEPT, record, span, &mut short);
            if let Some(record) = left {
                short.fold(record);
                continue;
            }
            taken += 1;
            let mut builder = Builder::default();
            let result = binxml::walk(chunk, place, &mut builder);
            assert_eq!(result, Ok(()), "the short way took a broken record");
            let mut event = builder.finish().unwrap();
            event.time = event.time.or_else(|| place.written.map(Stamp::utc));
            event.record_id = event.record_id.or(Some(place.id));
            // Records that were not taken count, so that numbers agree.
            while walked.counts().records + 1 < short.counts().records {
                let passed = walked.begin();
                walked.fold(passed);
            }
            let record = walked.begin();
            event.emit(KEPT, record, span, &mut walked, fields);
        }
    }
    (short.take_batch(), walked.take_batch(), taken, all)
}

#[test]
fn the_short_way_reads_what_walking_reads() {
    for bytes in [log(900), forwarded()] {
        let (short, walked, taken, all) = both_ways(&bytes);
        assert_eq!(taken, all, "every record of a healthy log is simple");
        assert!(short == walked);
    }
}

#[test]
fn the_short_way_takes_nothing_that_is_broken() {
    let whole = [
        &forwarded()[..HEADER_BYTES + 2 * CHUNK_BYTES],
        &log(60)[HEADER_BYTES..],
    ]
    .concat();
    let mut seed = 3_u64;
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let (mut short_of, mut of) = (0, 0);
    for round in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..1 + next(120) {
            let at = HEADER_BYTES + next(bytes.len() - HEADER_BYTES);
            match round % 4 {
                // Any byte; a token or a type; a byte of an earlier place, so that names and templates change; a bit.
                0 => bytes[at] = next(256) as u8,
                1 => bytes[at] = next(0x30) as u8,
                2 => {
                    let from = HEADER_BYTES + next(bytes.len() - HEADER_BYTES - 64);
                    let length = (1 + next(40)).min(bytes.len() - at);
                    bytes.copy_within(from..from + length, at);
                }
                _ => bytes[at] ^= 1 << next(8),
            }
        }
        let (short, walked, taken, all) = both_ways(&bytes);
        assert!(short == walked, "round {round}");
        (short_of, of) = (short_of + taken, of + all);
    }
    assert!(
        short_of < of && short_of * 2 > of,
        "{short_of} of {of}: damage is met, and not everywhere"
    );
}

#[test]
fn script_blocks_make_the_run() {
    let document = read(&log(0));
    let run = &document["runs"][0];
    assert_eq!(run["sequence"], 7);
    assert_eq!(run["os"], "windows");
    assert_eq!(
        run["script"]["text"],
        "Get-Process\r\nWrite-Output 'naïve ☃'\r\n"
    );
    let event = &document["events"][0];
    assert_eq!(event["time"], "2024-05-01T10:00:01.1234567Z");
    assert_eq!(event["host"], "WIN01.contoso.example");
    assert!(
        event["summary"]
            .as_str()
            .unwrap()
            .contains("-File script7.ps1")
    );
}

#[test]
fn a_damaged_chunk_costs_itself() {
    let whole = log(900);
    let (all, _, _) = counts(&read(&whole));
    let second = HEADER_BYTES + CHUNK_BYTES;
    // Zeroed, with the rest after it.
    let mut zeroed = whole.clone();
    zeroed[second..second + CHUNK_BYTES].fill(0);
    let document = read(&zeroed);
    let (records, events, skipped) = counts(&document);
    assert!(records > all / 2 && records < all, "{records} of {all}");
    assert_eq!((events, skipped), (records, 0));
    assert_eq!(
        document["evidence"][0]["problems"][0]["code"],
        "damaged-chunk"
    );
    // Carved: only chunks, one of them from the middle of nowhere.
    let carved = [&[7; 1234][..], &whole[second..]].concat();
    let carved = [&whole[HEADER_BYTES..second], &carved[..]].concat();
    let (records, _, _) = counts(&read(&carved));
    assert_eq!(records, all);
    // A stale count in the header of a log that was not closed.
    let mut stale = whole.clone();
    stale[42..44].copy_from_slice(&1_u16.to_le_bytes());
    assert_eq!(counts(&read(&stale)).0, all);
    // Cut inside a record.
    let document = read(&whole[..second + 3000]);
    let (records, events, skipped) = counts(&document);
    assert_eq!((records - events, skipped), (1, 1));
    assert_eq!(
        document["evidence"][0]["problems"][0]["code"],
        "truncated-record"
    );
}

#[test]
fn hostile_sizes_and_flipped_bytes_end_in_problems() {
    let whole = log(40);
    let mut seed = 7_u64;
    for round in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..=round {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = HEADER_BYTES + (seed >> 20) as usize % (bytes.len() - HEADER_BYTES);
            bytes[at] = (seed >> 52) as u8;
        }
        counts(&read(&bytes));
    }
    // Sizes that point out of the chunk.
    for field in [4_usize, 24 + 5, 24 + 10] {
        let mut bytes = whole.clone();
        let at = HEADER_BYTES + 512 + field;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        counts(&read(&bytes));
    }
}

#[test]
fn the_fixture_is_what_casegen_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/cases/windows-guest/evidence/win01/C/Windows/System32/winevt/Logs/Security.evtx");
    let bytes = log(5);
    if std::env::var_os("RUNLENS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == bytes);
}
