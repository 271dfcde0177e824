//! Rates of reading, format by format: hand-over, JSON.parse, one reader, two.

use super::super::baselines::event_log;
use super::super::inputs::{Input, Json};
use super::super::read::timed;
use super::super::rounds::{Samples, ratio, table, text};
use super::driver::Measured;
use super::{Bench, Reach};
use crate::failure::Failure;
use serde_json::json;

/// What was measured of one format.
#[derive(Default)]
struct Rates {
    hand_over: Samples,
    json: Samples,
    one: Samples,
    two: Samples,
    /// With as many readers, into a page that was opened a moment before.
    at_once: Samples,
    hashes: Samples,
    native_evtx: Samples,
    /// Processor time of all the browser's processes: hand-over, JSON.parse, one reader, two; and of the evtx crate.
    processor: [Samples; 4],
    native_processor: Samples,
    /// Bytes of all wasm memories, and of the largest renderer at its peak, with two readers.
    wasm: Samples,
    renderer: Samples,
    longest_ms: Samples,
    events: f64,
}

fn round(bench: &mut Bench<'_>, input: &Input, rates: &mut Rates) -> Result<(), Failure> {
    let files = json!([input.path]);
    let workers = bench.wanted.workers;
    let asked = json!({"files": files, "workers": workers});
    let measured = bench.driver.measure("hand-over", asked)?;
    rates
        .hand_over
        .add(measured.number("seconds").unwrap_or(f64::NAN));
    let [of_hand_over, of_json, of_one, of_two] = &mut rates.processor;
    let spent = |samples: &mut Samples, measured: &Measured| {
        if let Some(seconds) = measured.number("processor_seconds") {
            samples.add(seconds);
        }
    };
    spent(of_hand_over, &measured);
    if let Some(shape) = input.format.json {
        let shape = if shape == Json::Lines {
            "lines"
        } else {
            "array"
        };
        let asked = json!({"files": files, "workers": workers, "shape": shape});
        let measured = bench.driver.measure("json-parse", asked)?;
        rates
            .json
            .add(measured.number("seconds").unwrap_or(f64::NAN));
        spent(of_json, &measured);
    }
    if input.format.name == "evtx" {
        let (took, _) = timed(|| event_log(&input.path))?;
        rates.native_evtx.add(took.wall);
        if let Some(seconds) = took.processor {
            rates.native_processor.add(seconds);
        }
    }
    let asked = json!({"files": files, "readers": workers, "hashes": false, "rested": false});
    if let Some(seconds) = bench.driver.measure("read", asked)?.number("seconds") {
        rates.at_once.add(seconds);
    }
    for readers in [1, workers] {
        let hashes = !input.format.name.ends_with("-zip");
        let asked = json!({"files": files, "readers": readers, "hashes": hashes, "rested": true});
        let measured = bench.driver.measure("read", asked)?;
        let add = |samples: &mut Samples, name: &str| {
            if let Some(value) = measured.number(name) {
                samples.add(value);
            }
        };
        spent(
            if readers == 1 {
                &mut *of_one
            } else {
                &mut *of_two
            },
            &measured,
        );
        if readers == 1 {
            add(&mut rates.one, "seconds");
        } else {
            add(&mut rates.two, "seconds");
            add(&mut rates.hashes, "hashes_seconds");
            add(&mut rates.wasm, "wasm_bytes");
            add(&mut rates.renderer, "renderer_peak_bytes");
            add(&mut rates.longest_ms, "longest_ms");
            rates.events = measured.number("events").unwrap_or_default();
        }
    }
    Ok(())
}

fn processor_row(input: &Input, rates: &Rates) -> Vec<String> {
    let [hand_over, json, one, two] = &rates.processor;
    let each = two.median().map(|seconds| seconds * 1e9);
    vec![
        input.format.name.to_owned(),
        hand_over.text(2),
        json.text(2),
        rates.native_processor.text(2),
        one.text(2),
        two.text(2),
        text(ratio(json.median(), two.median()), 2),
        text(ratio(each, Some(rates.events)), 0),
    ]
}

/// All formats: what they reach, and the table.
pub fn tables(bench: &mut Bench<'_>) -> Result<String, Failure> {
    let (mut rows, mut memory, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    for format in bench.wanted.formats() {
        let input = bench
            .folder
            .make(format, bench.wanted.bytes(), bench.wanted.seed)?;
        let mut rates = Rates::default();
        for number in 1..=bench.wanted.rounds {
            eprintln!(
                "bench tab: {}, round {number} of {}",
                format.name, bench.wanted.rounds
            );
            round(bench, &input, &mut rates)?;
        }
        let megabytes = input.bytes as f64 / 1e6;
        let rate = |samples: &Samples| samples.map(|seconds| megabytes / seconds.max(1e-9)).text(0);
        let hand_over = rates.hand_over.median();
        let (one, two) = (rates.one.median(), rates.two.median());
        // Rates by times: the shorter the time the higher the rate.
        let of_hand_over = ratio(hand_over, two);
        let of_json = ratio(rates.json.median(), two);
        let of_evtx = ratio(rates.native_evtx.median(), one);
        let of_one = ratio(one, two);
        let of_bytes = rates
            .wasm
            .median()
            .map(|bytes| bytes / input.bytes.max(1) as f64);
        reach(
            bench,
            &input,
            of_hand_over,
            of_json,
            of_evtx,
            of_one,
            of_bytes,
        );
        rows.push(vec![
            format.name.to_owned(),
            format!("{megabytes:.0}"),
            format!("{:.0}", rates.events),
            rate(&rates.hand_over),
            rate(&rates.json),
            rate(&rates.native_evtx),
            rate(&rates.one),
            rate(&rates.two),
            text(of_hand_over, 2),
            text(of_json, 2),
            text(of_one, 2),
            rate(&rates.hashes),
            rate(&rates.at_once),
        ]);
        processor.push(processor_row(&input, &rates));
        let megabytes_of = |samples: &Samples| samples.map(|bytes| bytes / 1e6).text(0);
        memory.push(vec![
            format.name.to_owned(),
            megabytes_of(&rates.wasm),
            text(of_bytes, 2),
            megabytes_of(&rates.renderer),
            rates.longest_ms.text(0),
        ]);
        std::fs::remove_file(&input.path).map_err(Failure::file("remove", &input.path))?;
    }
    let workers = bench.wanted.workers;
    let (head, of_two) = (format!("{workers} readers"), format!("{workers} against 1"));
    let mut said = format!(
        "\n### Rates, MB/s\n\nHand-over and JSON.parse with {workers} workers each, the evtx crate natively on one thread; Runlens from the files' arrival to all conclusions, \
         the last but one column to all hashes. The page has been open for 8 seconds, as it has while people look for their files: it warms the core meanwhile; the last \
         column is {workers} readers in a page that was opened a moment before. An archive's MB are those of its members, unpacked, and its hand-over is of the packed bytes.\n\n"
    );
    said.push_str(&table(
        &[
            "input",
            "MB",
            "events",
            "hand-over",
            "JSON.parse",
            "evtx crate",
            "1 reader",
            &head,
            "of hand-over",
            "× JSON.parse",
            &of_two,
            "with hashes",
            "dropped at once",
        ],
        &rows,
    ));
    said.push_str(
        "\n### Processor time, s\n\nOf all processes of the browser, main thread and compilation of the module included; other work on the machine counts little here. \
         Of the evtx crate, its own.\n\n",
    );
    said.push_str(&table(
        &[
            "input",
            "hand-over",
            "JSON.parse",
            "evtx crate",
            "1 reader",
            &head,
            "JSON.parse against these",
            "ns an event",
        ],
        &processor,
    ));
    said.push_str(&format!(
        "\n### Memory and answering while reading\n\nWith {workers} readers. The case's memory: all wasm memories when reading has ended (they never shrink), asked of each worker. The \
         renderer: peak of its resident memory by the system. Longest silence: between two beats of 16 ms on the page's own thread, overview open.\n\n"
    ));
    said.push_str(&table(
        &[
            "input",
            "wasm, MB",
            "of input",
            "renderer, MB",
            "longest silence, ms",
        ],
        &memory,
    ));
    Ok(said)
}

fn reach(
    bench: &mut Bench<'_>,
    input: &Input,
    of_hand_over: Option<f64>,
    of_json: Option<f64>,
    of_evtx: Option<f64>,
    of_one: Option<f64>,
    of_bytes: Option<f64>,
) {
    let name = input.format.name;
    let mut add = |figure: &str, asked, measured, holds| {
        bench.reaches.push(Reach {
            figure: format!("{name}: {figure}"),
            asked,
            measured,
            decimals: 2,
            unit: "",
            holds,
        });
    };
    if input.format.json.is_some() {
        add("against JSON.parse", "≥ 3", of_json, |it| it >= 3.0);
    }
    if input.format.reach_percent > 0 {
        add("against hand-over", "≥ 0.7", of_hand_over, |it| it >= 0.7);
    }
    if name == "evtx" {
        add(
            "against the evtx crate natively, one thread each",
            "≥ 0.6",
            of_evtx,
            |it| it >= 0.6,
        );
    }
    add("two readers against one", "≥ 1.7", of_one, |it| it >= 1.7);
    if input.format.log {
        add("memory against input", "≤ 0.35", of_bytes, |it| {
            it <= 0.35
        });
    }
}
