//! What is written is read back by a reader that others wrote.

use super::{CHUNK_BYTES, Channel, Event, HEADER_BYTES, Value, file};
use crate::instant::Instant;
use ::evtx::{EvtxParser, ParserSettings};
use serde_json::Value as Json;

static CHANNEL: Channel = Channel {
    name: "Example/Operational",
    provider: "Example-Provider",
    guid: "00112233-4455-6677-8899-aabbccddeeff",
    writer: (612, 4_080),
    user: Some("S-1-5-18"),
};

fn event(id: u16, second: i64, data: Vec<(&'static str, Value)>) -> Event<'static> {
    Event {
        channel: &CHANNEL,
        id,
        version: 2,
        level: 4,
        task: 13_312,
        opcode: 0,
        keywords: 0x8020_0000_0000_0000,
        at: Instant::of_seconds(1_714_348_800)
            .plus_seconds(second)
            .plus_nanoseconds(123_456_700),
        writer: None,
        activity: None,
        computer: "ERP01",
        data,
    }
}

/// The records, as the public reader understands them; any that it does not understand fails.
pub(crate) fn read(bytes: &[u8]) -> Vec<Json> {
    let settings = ParserSettings::new().validate_checksums(true);
    let mut parser = EvtxParser::from_buffer(bytes.to_vec())
        .unwrap()
        .with_configuration(settings);
    parser
        .records_json_value()
        .map(|record| {
            let record = record.unwrap();
            let event = record.data["Event"].clone();
            assert_eq!(event["System"]["EventRecordID"], record.event_record_id);
            event
        })
        .collect()
}

#[test]
fn every_kind_of_value_is_read_back() {
    let data = vec![
        ("Text", "naïve ☃ \u{1f600} <&>\r\n\tend".into()),
        ("Empty", "".into()),
        ("Null", Value::Null),
        ("U8", Value::U8(200)),
        ("U16", Value::U16(60_000)),
        ("U32", Value::U32(4_000_000_000)),
        ("U64", Value::U64(9_000_000_000_000)),
        ("Hex32", Value::Hex32(0x1a2b)),
        ("Hex64", Value::Hex64(0x3e7)),
        ("Bool", Value::Bool(true)),
        (
            "Guid",
            Value::Guid("0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
        ),
        ("Time", Value::Time(Instant::of_seconds(1_700_000_000))),
        ("Sid", Value::Sid("S-1-5-21-1-22-333-1001".to_owned())),
    ];
    let read = read(&file([event(4_688, 0, data)]));
    assert_eq!(read.len(), 1);
    let system = &read[0]["System"];
    assert_eq!(system["EventID"], 4_688);
    assert_eq!(system["Version"], 2);
    assert_eq!(system["Level"], 4);
    assert_eq!(system["Task"], 13_312);
    assert_eq!(system["Keywords"], "0x8020000000000000");
    assert_eq!(system["Channel"], "Example/Operational");
    assert_eq!(system["Computer"], "ERP01");
    assert_eq!(
        system["Provider"]["#attributes"]["Name"],
        "Example-Provider"
    );
    assert_eq!(
        system["Provider"]["#attributes"]["Guid"]
            .as_str()
            .unwrap()
            .to_lowercase(),
        format!("{{{}}}", CHANNEL.guid)
    );
    assert_eq!(
        system["TimeCreated"]["#attributes"]["SystemTime"],
        "2024-04-29T00:00:00.1234567Z"
    );
    assert_eq!(system["Execution"]["#attributes"]["ProcessID"], 612);
    assert_eq!(system["Security"]["#attributes"]["UserID"], "S-1-5-18");
    let data = &read[0]["EventData"];
    assert_eq!(data["Text"], "naïve ☃ \u{1f600} <&>\r\n\tend");
    assert_eq!(data["Empty"], "");
    assert_eq!(data["U8"], 200);
    assert_eq!(data["U16"], 60_000);
    assert_eq!(data["U32"], 4_000_000_000_u64);
    assert_eq!(data["U64"], 9_000_000_000_000_u64);
    assert_eq!(data["Hex32"], "0x1a2b");
    assert_eq!(data["Hex64"], "0x3e7");
    assert_eq!(data["Bool"], true);
    assert_eq!(
        data["Guid"].as_str().unwrap().to_lowercase(),
        "{0f8fad5b-d9cb-469f-a165-70867728950e}"
    );
    assert!(
        data["Time"]
            .as_str()
            .unwrap()
            .starts_with("2023-11-14T22:13:20")
    );
    assert_eq!(data["Sid"], "S-1-5-21-1-22-333-1001");
}

#[test]
fn an_event_without_data_and_one_with_unnamed_data_are_read_back() {
    let unnamed = vec![("", "Available".into()), ("", "None".into())];
    let read = read(&file([
        event(40_961, 0, Vec::new()),
        event(400, 1, unnamed),
    ]));
    assert!(read[0].get("EventData").is_none_or(Json::is_null));
    assert_eq!(read[0]["System"]["EventID"], 40_961);
    assert_eq!(
        read[1]["EventData"]["Data"]["#text"],
        serde_json::json!(["Available", "None"])
    );
}

#[test]
fn many_events_fill_chunks_that_each_can_be_read_alone() {
    let fill = |at: i64| {
        let mut data = vec![("Number", Value::U64(at.cast_unsigned()))];
        if at % 3 == 0 {
            data.push(("Script", "Write-Output 'x'\r\n".repeat(40).into()));
        }
        event(1 + (at % 7) as u16, at, data)
    };
    let bytes = file((0..2_000).map(fill));
    let whole = read(&bytes);
    assert_eq!(whole.len(), 2_000);
    for (at, record) in whole.iter().enumerate() {
        assert_eq!(record["EventData"]["Number"], at);
        assert_eq!(record["System"]["EventRecordID"], at + 1);
    }
    let chunks = bytes[HEADER_BYTES..].chunks(CHUNK_BYTES);
    assert!(chunks.len() > 10);
    let mut alone = 0;
    for chunk in chunks {
        assert!(chunk.starts_with(b"ElfChnk\0"));
        let mut single = super::header(1, 1, true);
        single.extend(chunk);
        let records = read(&single);
        assert!(!records.is_empty());
        assert_eq!(records[0]["EventData"]["Number"], alone);
        alone += records.len();
    }
    assert_eq!(alone, 2_000);
}

#[test]
fn the_headers_say_what_follows() {
    let bytes = file((0..700).map(|at| event(1, at, vec![("A", "x".repeat(300).into())])));
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let short = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    assert_eq!(&bytes[..8], b"ElfFile\0");
    let chunks = (bytes.len() - HEADER_BYTES) / CHUNK_BYTES;
    assert_eq!(usize::from(short(42)), chunks);
    assert_eq!(number(16), chunks as u64 - 1);
    assert_eq!(number(24), 701);
    let last = HEADER_BYTES + (chunks - 1) * CHUNK_BYTES;
    assert_eq!(number(HEADER_BYTES + 8), 1);
    assert_eq!(number(last + 16), 700);
}

#[test]
fn an_event_that_no_chunk_can_hold_is_dropped_and_the_next_one_is_not() {
    let giant: Vec<(&'static str, Value)> = ["A", "B", "C"]
        .into_iter()
        .map(|name| (name, "x".repeat(29_000).into()))
        .collect();
    let read = read(&file([
        event(1, 0, vec![("A", "before".into())]),
        event(2, 1, giant),
        event(3, 2, vec![("A", "after".into())]),
    ]));
    let ids: Vec<&Json> = read
        .iter()
        .map(|record| &record["System"]["EventID"])
        .collect();
    assert_eq!(ids, [1, 3]);
}
