//! Several readers of one item tell the case what one reader tells it, wherever it is cut and whatever is wrong with it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test ends where something is not as it must be"
)]

use runlens_core::case::Case;
use runlens_core::case::segments::{Pace, SegmentJob};
use runlens_core::formats::segment::{Carried, SegmentReader};
use runlens_core::formats::{ItemReader, Opening};
use runlens_core::limits::Limits;
use runlens_core::settings::Settings;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

fn limits() -> Limits {
    Limits {
        // Small inputs are identified by less, so that there is something left to cut.
        identify_bytes: 3_000,
        ..Limits::default()
    }
}

fn settings() -> Settings {
    Settings {
        limits: limits(),
        ..Settings::default()
    }
}

/// Everything that the case was told of its first item.
fn told(case: &Case) -> String {
    let mut out = String::new();
    let store = case.store();
    for event in 0..store.len() {
        let number = u32::try_from(event).unwrap();
        let columns = &store.columns;
        let text = |symbol: Option<_>| store.text(symbol.unwrap()).unwrap_or("-");
        writeln!(
            out,
            "{} {} {:?} {:?} {:?} {} {:?} {} {} {} {} {} {}",
            store.item_of(number),
            store.ordinal.get(event).unwrap(),
            columns.stamp(event),
            columns.kind(event),
            columns.outcome(event),
            columns.record.get(event).unwrap(),
            columns.span(event),
            text(columns.host.get(event)),
            text(columns.actor.get(event)),
            text(columns.ip.get(event)),
            text(columns.resource.get(event)),
            text(columns.operation.get(event)),
            text(columns.correlation.get(event)),
        )
        .unwrap();
    }
    let facts = store
        .facts
        .iter()
        .map(|at| (at.event(), format!("{:?}", at.any()).len()));
    writeln!(out, "{:?}", facts.collect::<Vec<_>>()).unwrap();
    writeln!(out, "{:#?}", case.items()[0].report).unwrap();
    out
}

fn by_one(path: &str, bytes: &[u8], piece: usize) -> String {
    let mut case = Case::new(settings());
    let item = case.add_item(path, bytes.len() as u64, None);
    let mut reader = ItemReader::new(path, bytes.len() as u64, None, limits());
    for piece in bytes.chunks(piece.max(1)) {
        reader.push(piece);
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
    }
    case.finish_item(item, &reader.finish());
    told(&case)
}

struct Running {
    number: u32,
    reader: SegmentReader,
    said: bool,
}

/// Reads with so many readers, which get on as the dice fall. Answers what was told, how many segments there were, and how many of them had
/// been guessed wrong.
fn by_many(
    path: &str,
    bytes: &[u8],
    pace: Pace,
    readers: usize,
    dice: &mut Dice,
) -> (String, usize, usize) {
    let mut case = Case::new(settings());
    let size = bytes.len() as u64;
    let item = case.add_item(path, size, None);
    let opening = || Opening::new(path, size, None, limits());
    let first = SegmentReader::first(opening(), pace.plan_after, pace.first);
    let mut running = vec![Running {
        number: 0,
        reader: first,
        said: true,
    }];
    let mut waiting: Vec<SegmentJob> = Vec::new();
    let (mut count, mut wrong) = (1, 0);
    loop {
        while let Some(job) = case.next_segment(item, readers) {
            waiting.push(job);
        }
        let dropped = case.dropped_segments(item);
        wrong += dropped.len();
        waiting.retain(|job| !dropped.contains(&job.number));
        // Some are stopped, some go on unheard.
        running.retain(|one| !dropped.contains(&one.number) || dice.roll(2) == 0);
        while running.len() < readers && !waiting.is_empty() {
            let job = waiting.remove(0);
            let carried = Carried::decode(&job.carried).unwrap();
            let reader =
                SegmentReader::resumed(opening(), &carried, job.from, job.exact, job.until)
                    .unwrap();
            running.push(Running {
                number: job.number,
                reader,
                said: false,
            });
            count += 1;
        }
        assert!(
            !running.is_empty(),
            "{path}: nobody reads and the item is not finished"
        );
        let at = dice.roll(running.len());
        let one = &mut running[at];
        let from = usize::try_from(one.reader.next()).unwrap();
        let to = bytes
            .len()
            .min(from + 1 + dice.roll(1 + pace.most as usize));
        let done = one.reader.push(&bytes[from..to]);
        if let Some(plan) = one.reader.take_plan() {
            assert!(case.begin_segments(item, pace, &plan));
        }
        if let Some(begun) = one.reader.begun().filter(|_| !one.said) {
            one.said = true;
            case.segment_begun(item, one.number, begun);
        }
        while let Some(batch) = one.reader.take_batch() {
            case.add_segment_batch(item, one.number, &batch);
        }
        if done {
            let one = running.remove(at);
            if case.finish_segment(item, one.number, &one.reader.finish()) {
                return (told(&case), count, wrong);
            }
        }
        assert!(count < 5_000, "{path}: no end");
    }
}

fn same(name: &str, one: &str, many: &str) {
    if one == many {
        return;
    }
    let at = one
        .lines()
        .zip(many.lines())
        .position(|(one, many)| one != many);
    let line = |text: &str| text.lines().nth(at.unwrap_or(0)).unwrap_or("").to_owned();
    panic!(
        "{name}: line {at:?} of what the case was told\n one: {}\nmany: {}",
        line(one),
        line(many)
    );
}

fn pace_of(size: usize, segments: usize, dice: &mut Dice) -> Pace {
    let most = (size / segments.max(1)).max(64) as u64;
    // Some formats cannot say before many records how they may be cut.
    let plan_after = 3_000 + dice.roll(2) as u64 * (size / 3) as u64;
    Pace {
        plan_after,
        first: plan_after + dice.roll(size / 8 + 1) as u64,
        most,
    }
}

/// Artifacts by the writers of casegen.
fn volumes(size: u64) -> Vec<(&'static str, Vec<u8>)> {
    let names = [
        ("activity-ndjson", "insights-activity-logs/PT1H.json"),
        ("activity-array", "activity.json"),
        ("waagent-log", "web01/var/log/waagent.log"),
        (
            "handler-log",
            "web01/var/log/azure/run-command-handler/handler.log",
        ),
        ("syslog", "web01/var/log/syslog"),
        ("auditd", "web01/var/log/audit/audit.log"),
        ("evtx", "win01/Security.evtx"),
        ("defender-csv", "DeviceProcessEvents.csv"),
    ];
    names
        .into_iter()
        .map(|(kind, path)| {
            let (_, write) = runlens_casegen::volume::KINDS
                .iter()
                .find(|(name, _)| *name == kind)
                .unwrap();
            let mut bytes = Vec::new();
            write(7, size, &mut bytes).unwrap();
            (path, bytes)
        })
        .collect()
}

#[test]
fn whole_artifacts_are_read_as_by_one_and_guessed_right() {
    for (path, bytes) in volumes(1_500_000) {
        let one = by_one(path, &bytes, 1 << 20);
        for (readers, seed) in [(1, 1), (2, 2), (3, 3)] {
            let mut dice = Dice(seed);
            let pace = Pace {
                plan_after: 300_000,
                first: 350_000,
                most: 100_000,
            };
            let (many, segments, wrong) = by_many(path, &bytes, pace, readers, &mut dice);
            same(path, &one, &many);
            // One at the head and those of the rest; evtx is whole chunks.
            assert_eq!(wrong, 0, "{path}");
            assert!(
                (10..=14).contains(&segments),
                "{path}: {segments} segments; guesses were wrong or none were made"
            );
        }
    }
}

/// What goes wrong with exports.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.roll(bytes.len());
    match dice.roll(7) {
        0 => bytes.truncate(at.max(1)),
        1 => {
            let to = (at + dice.roll(5_000)).min(bytes.len());
            bytes.drain(at..to);
        }
        2 => bytes.insert(at, b'"'),
        3 => bytes.insert(at, b'\n'),
        4 => {
            let to = (at + dice.roll(3_000)).min(bytes.len());
            bytes[at..to].fill(0);
        }
        5 => {
            let piece: Vec<u8> = bytes[at..(at + dice.roll(4_000)).min(bytes.len())].to_vec();
            let to = dice.roll(bytes.len());
            bytes.splice(to..to, piece);
        }
        _ => bytes[at] = [b'{', b'}', b'[', b']', b',', 0xFF, b'\\'][dice.roll(7)],
    }
    if bytes.is_empty() {
        bytes.push(b' ');
    }
}

#[test]
fn damaged_artifacts_are_read_as_by_one() {
    let whole = volumes(250_000);
    let mut guessed_wrong = 0;
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let (path, bytes) = &whole[dice.roll(whole.len())];
        let mut bytes = bytes.clone();
        for _ in 0..dice.roll(4) {
            damage(&mut bytes, &mut dice);
        }
        let pieces = 2 + dice.roll(30);
        let pace = pace_of(bytes.len(), pieces, &mut dice);
        let readers = 1 + dice.roll(4);
        let one = by_one(path, &bytes, 1 + dice.roll(100_000));
        let (many, _, wrong) = by_many(path, &bytes, pace, readers, &mut dice);
        same(&format!("{path}, seed {seed}"), &one, &many);
        guessed_wrong += wrong;
    }
    assert!(
        guessed_wrong > 50,
        "damage must make guesses wrong: {guessed_wrong}"
    );
}

/// Found by cutting: the names of a table's columns are found before its rows are there.
#[test]
fn rows_lie_where_they_lie_however_the_bytes_arrive() {
    let table = r#"{"tables": [{"name": "PrimaryResult", "columns": [{"name": "TimeGenerated"}, {"name": "AlertName"}, {"name": "AlertSeverity"}, {"name": "SystemAlertId"}], "rows": [["2024-05-01T10:10:00Z", "one", "High", "a1"]]}]}"#;
    let text = table.repeat(20);
    let whole = by_one("SecurityAlert.json", text.as_bytes(), text.len());
    assert!(whole.lines().count() > 20, "{whole}");
    for piece in [1, 7, 50, 130, 999, 3_100] {
        same(
            "table",
            &whole,
            &by_one("SecurityAlert.json", text.as_bytes(), piece),
        );
    }
}

/// Every item of the golden cases, made long by repetition: all formats, also those that cannot be cut.
#[test]
fn every_golden_item_is_read_as_by_one() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut files = Vec::new();
    let mut folders = vec![cases];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.components().any(|part| part.as_os_str() == "evidence") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 60, "the golden cases are gone");
    let (mut dice, mut cut) = (Dice(11), 0);
    for file in files {
        let once = fs::read(&file).unwrap();
        let path = file.to_string_lossy().into_owned();
        let first = once
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        for header in [0, first] {
            let mut bytes = once.clone();
            while !once.is_empty() && header < once.len() && bytes.len() < 40_000 {
                bytes.extend_from_slice(&once[header..]);
            }
            let one = by_one(&path, &bytes, 7_000);
            for _ in 0..3 {
                let pieces = 2 + dice.roll(12);
                let pace = pace_of(bytes.len(), pieces, &mut dice);
                let readers = 1 + dice.roll(3);
                let (many, segments, _) = by_many(&path, &bytes, pace, readers, &mut dice);
                same(&path, &one, &many);
                cut += usize::from(segments > 1);
            }
        }
    }
    assert!(cut > 100, "only {cut} readings were in segments");
}

#[test]
fn an_item_that_cannot_be_cut_is_one_segment() {
    let text = "nothing that any reader knows\n".repeat(2_000);
    let mut dice = Dice(5);
    let pace = pace_of(text.len(), 9, &mut dice);
    let (many, segments, _) = by_many("notes.bin", text.as_bytes(), pace, 3, &mut dice);
    same(
        "notes.bin",
        &by_one("notes.bin", text.as_bytes(), 999),
        &many,
    );
    assert_eq!(segments, 1);
}
