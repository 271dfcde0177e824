//! Answering, cost by the number of events, smoothness of the timeline, and the drop that is larger than the memory.

use super::super::inputs::{Format, format};
use super::super::rounds::{Samples, ratio, table, text};
use super::{Bench, Reach};
use crate::failure::Failure;
use serde_json::json;
use std::fs;

/// The log whose events are counted.
const COUNTED: &str = "waagent-log";

/// First rows, answering and cancelling, with the timeline open.
pub fn answers(bench: &mut Bench<'_>) -> Result<String, Failure> {
    let mut rows = Vec::new();
    let [mut rows_seconds, mut longest, mut said_ms] = [(); 3].map(|()| Samples::default());
    for format in bench.wanted.formats() {
        let input = bench
            .folder
            .make(format, bench.wanted.bytes(), bench.wanted.seed)?;
        let [mut first, mut silence, mut cancelled, mut concluded] =
            [(); 4].map(|()| Samples::default());
        let mut at_once = Samples::default();
        for number in 0..2 * bench.wanted.rounds.min(3) {
            eprintln!("bench tab: {}, answering", format.name);
            let rested = number % 2 == 0;
            let asked =
                json!({"files": [input.path], "readers": bench.wanted.workers, "rested": rested});
            let measured = bench.driver.measure("answers", asked)?;
            let add = |samples: &mut Samples, all: Option<&mut Samples>, name: &str| {
                if let Some(value) = measured.number(name) {
                    samples.add(value);
                    if let Some(all) = all {
                        all.add(value);
                    }
                }
            };
            let shown = if rested { &mut first } else { &mut at_once };
            add(shown, Some(&mut rows_seconds), "first_rows_seconds");
            add(&mut silence, Some(&mut longest), "longest_ms");
            add(&mut cancelled, Some(&mut said_ms), "said_ms");
            add(&mut concluded, None, "concluded_ms");
        }
        rows.push(vec![
            format.name.to_owned(),
            first.text(2),
            at_once.text(2),
            silence.text(0),
            cancelled.text(0),
            concluded.text(0),
        ]);
        fs::remove_file(&input.path).map_err(Failure::file("remove", &input.path))?;
    }
    let mut reach = |figure: &str, asked, measured, decimals, unit, holds| {
        bench.reaches.push(Reach {
            figure: figure.to_owned(),
            asked,
            measured,
            decimals,
            unit,
            holds,
        });
    };
    reach(
        "first rows visible, slowest of all",
        "< 1 s",
        rows_seconds.most(),
        2,
        " s",
        |it| it < 1.0,
    );
    reach(
        "longest silence while reading, of all",
        "≤ 100 ms",
        longest.most(),
        0,
        " ms",
        |it| it <= 100.0,
    );
    reach(
        "cancel, slowest of all",
        "< 200 ms",
        said_ms.most(),
        0,
        " ms",
        |it| it < 200.0,
    );
    Ok(format!(
        "\n### First rows, answering, cancelling\n\nWith the timeline open from the first moment, every second time in a page that was opened a moment before (the second column; the others are of both). Reading is cancelled 300 ms after the first rows (a dash: it had ended by then); what \
         was read is concluded after the answer.\n\n{}",
        table(
            &[
                "input",
                "first rows, s",
                "dropped at once, s",
                "longest silence, ms",
                "cancelled after, ms",
                "and concluded, ms"
            ],
            &rows
        )
    ))
}

/// How long an event is in a file of some megabytes, as the page counts events.
fn bytes_an_event(bench: &mut Bench<'_>, format: &'static Format) -> Result<f64, Failure> {
    let sample = bench.folder.make(format, 4_000_000, bench.wanted.seed)?;
    let asked = json!({"files": [sample.path], "readers": 1, "hashes": false});
    let seen = bench.driver.measure("read", asked)?.number("events");
    Ok(sample.bytes as f64 / seen.unwrap_or_default().max(1.0))
}

/// Cost of an event by how many there are.
pub fn events(bench: &mut Bench<'_>) -> Result<String, Failure> {
    let Some(format) = format(COUNTED) else {
        return Ok(String::new());
    };
    let bytes_each = bytes_an_event(bench, format)?;
    let mut rows = Vec::new();
    let mut costs: Vec<f64> = Vec::new();
    for count in [10_000_u32, 100_000, 1_000_000, 10_000_000] {
        if u64::from(count) > bench.wanted.events {
            continue;
        }
        let input = bench.folder.make(
            format,
            (bytes_each * f64::from(count)) as u64,
            bench.wanted.seed,
        )?;
        let rounds = if count > 1_000_000 {
            1
        } else {
            bench.wanted.rounds
        };
        let [mut seconds, mut wasm] = [(); 2].map(|()| Samples::default());
        let mut seen = 0.0;
        for _ in 0..rounds {
            eprintln!("bench tab: {count} events");
            let asked = json!({"files": [input.path], "readers": bench.wanted.workers, "hashes": false, "rested": true});
            let measured = bench.driver.measure("read", asked)?;
            seen = measured.number("events").unwrap_or_default();
            seconds.add(measured.number("seconds").unwrap_or(f64::NAN));
            wasm.add(measured.number("wasm_bytes").unwrap_or(f64::NAN));
        }
        let each = ratio(seconds.median().map(|seconds| seconds * 1e9), Some(seen));
        costs.extend(each);
        rows.push(vec![
            format!("{seen:.0}"),
            format!("{:.1}", input.bytes as f64 / 1e6),
            seconds.text(3),
            text(each, 0),
            text(ratio(wasm.median(), Some(seen)), 0),
        ]);
        fs::remove_file(&input.path).map_err(Failure::file("remove", &input.path))?;
    }
    let most = costs.iter().copied().reduce(f64::max);
    let least = costs.iter().copied().reduce(f64::min);
    bench.reaches.push(Reach {
        figure: "cost of an event, dearest against cheapest".to_owned(),
        asked: "≤ 1.2",
        measured: ratio(most, least),
        decimals: 2,
        unit: "",
        holds: |it| it <= 1.2,
    });
    Ok(format!(
        "\n### Cost of an event\n\nOf `{COUNTED}`, {} readers, to all conclusions.\n\n{}",
        bench.wanted.workers,
        table(
            &[
                "events",
                "MB",
                "seconds",
                "ns an event",
                "wasm bytes an event"
            ],
            &rows
        )
    ))
}

/// Frames of the timeline against those of an empty canvas.
pub fn timeline(bench: &mut Bench<'_>) -> Result<String, Failure> {
    let Some(format) = format(COUNTED) else {
        return Ok(String::new());
    };
    let bytes_each = bytes_an_event(bench, format)?;
    let mut rows = Vec::new();
    for count in [1_000_000_u32, 10_000_000] {
        if u64::from(count) > bench.wanted.events {
            continue;
        }
        eprintln!("bench tab: timeline of {count} events");
        let input = bench.folder.make(
            format,
            (bytes_each * f64::from(count)) as u64,
            bench.wanted.seed,
        )?;
        let asked = json!({"files": [input.path], "readers": bench.wanted.workers});
        let measured = bench.driver.measure("timeline", asked)?;
        for what in ["empty", "pan", "zoom"] {
            rows.push(vec![
                format!("{:.0}", measured.number("events").unwrap_or_default()),
                what.to_owned(),
                text(measured.of(what, "median"), 1),
                text(measured.of(what, "p95"), 1),
                text(measured.of(what, "most"), 0),
                text(
                    ratio(measured.of(what, "median"), measured.of("empty", "median")),
                    2,
                ),
            ]);
        }
        fs::remove_file(&input.path).map_err(Failure::file("remove", &input.path))?;
    }
    if rows.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "\n### Timeline\n\nTimes between frames, each of which pans or zooms; an empty canvas of the same size in the same page beside.\n\n{}",
        table(
            &[
                "events",
                "frames",
                "median, ms",
                "95 %, ms",
                "most, ms",
                "times empty"
            ],
            &rows
        )
    ))
}

/// Bytes of each file of the drop that is larger than the memory.
const HUGE_BYTES: u64 = 500_000_000;

/// A drop of so many gigabytes: Activity Logs of as many seeds, for evidence that is there twice is one.
pub fn huge(bench: &mut Bench<'_>, gigabytes: u64) -> Result<String, Failure> {
    let Some(format) = format("activity-ndjson") else {
        return Ok(String::new());
    };
    let count = (gigabytes * 1_000_000_000).div_ceil(HUGE_BYTES);
    let (mut files, mut bytes) = (Vec::new(), 0);
    for number in 0..count {
        eprintln!("bench tab: making file {} of {count}", number + 1);
        let input = bench
            .folder
            .make(format, HUGE_BYTES, bench.wanted.seed + number)?;
        let path = bench
            .folder
            .inside("huge")?
            .join(format!("{number:03}-{}", format.file));
        fs::rename(&input.path, &path).map_err(Failure::file("move", &input.path))?;
        bytes += input.bytes;
        files.push(path);
    }
    eprintln!("bench tab: {gigabytes} GB");
    let asked = json!({"files": files, "readers": bench.wanted.workers, "hashes": true});
    let measured = bench.driver.measure("read", asked)?;
    let bytes = bytes as f64;
    bench.reaches.push(Reach {
        figure: format!("{gigabytes} GB: peak of the renderer"),
        asked: "bounded",
        measured: measured
            .number("renderer_peak_bytes")
            .map(|bytes| bytes / 1e9),
        decimals: 1,
        unit: " GB",
        holds: |gigabytes| gigabytes < 24.0,
    });
    let number = |name| measured.number(name);
    Ok(format!(
        "\n### {gigabytes} GB at once\n\n{count} Activity Logs of different seeds.\n\n{}",
        table(
            &[
                "MB",
                "events",
                "seconds",
                "MB/s",
                "with hashes, s",
                "wasm, MB",
                "of input",
                "renderer, MB",
                "longest silence, ms"
            ],
            &[vec![
                format!("{:.0}", bytes / 1e6),
                text(number("events"), 0),
                text(number("seconds"), 1),
                text(ratio(Some(bytes / 1e6), number("seconds")), 0),
                text(number("hashes_seconds"), 1),
                text(number("wasm_bytes").map(|bytes| bytes / 1e6), 0),
                text(ratio(number("wasm_bytes"), Some(bytes)), 3),
                text(number("renderer_peak_bytes").map(|bytes| bytes / 1e6), 0),
                text(number("longest_ms"), 0),
            ]]
        )
    ))
}
