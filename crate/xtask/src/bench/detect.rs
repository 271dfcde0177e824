//! What the detectors cost, beside what reading costs.
//!
//! Rows are made while they are read, so that a million of them need no file and no memory of their own; making them is not
//! counted. Then the case is concluded once, and every detector is run once more by itself: what several of them
//! share (who is who, the anomaly model, scripts) is drawn before and has lines of its own. Times are of the processor where the system tells them.
//!
//! ```text
//!                        250000 rows   1000000 rows   grows by
//! reading                     3.10 s        12.52 s       4.0
//! run-command-spike           0.02 s         0.08 s       4.0
//! ```
//!
//! How it grows with the number of rules is [`super::rules`]'s to measure.
//!
//! Rejected: a profiler's samples. They say where time goes, and not whether twice the rows take twice the time.

use super::{Wanted, rules};
use crate::failure::Failure;
use runlens_casegen::volume;
use runlens_core::case::Case;
use runlens_core::detect::{CaseView, TABLE};
use runlens_core::formats::ItemReader;
use runlens_core::settings::Settings;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Reads what is written into it.
pub(super) struct Reading {
    case: Case,
    reader: ItemReader,
    item: u32,
    waiting: Vec<u8>,
    left: u64,
    spent: Duration,
}

/// Time that this thread was on a processor, where the system tells it (Linux); else time that passed. What others do on the machine then
/// counts little.
pub(super) fn now() -> Duration {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_processor = told.and_then(|text| text.split(' ').next()?.parse().ok());
    on_processor.map_or_else(
        || BEGUN.get_or_init(Instant::now).elapsed(),
        Duration::from_nanos,
    )
}

/// What can be measured by itself.
pub const PARTS: [&str; 2] = ["detectors", "rules"];

/// Bytes that are handed to the reader at a time.
const PIECE_BYTES: usize = 1 << 20;

impl Reading {
    pub(super) fn new(rows: u64) -> Self {
        let settings = Settings::default();
        let limits = settings.limits.clone();
        let mut case = Case::new(settings);
        let item = case.add_item("insights-activity-logs.json", 0, None);
        Self {
            case,
            reader: ItemReader::new("insights-activity-logs.json", 0, None, limits),
            item,
            waiting: Vec::new(),
            left: rows,
            spent: Duration::ZERO,
        }
    }

    fn read(&mut self) {
        let begun = now();
        self.reader.push(&self.waiting);
        while let Some(batch) = self.reader.take_batch() {
            self.case.add_batch(self.item, &batch);
        }
        self.spent += now().saturating_sub(begun);
        self.waiting.clear();
    }

    pub(super) fn finish(mut self) -> (Case, Duration) {
        self.read();
        let begun = now();
        self.case.finish_item(self.item, &self.reader.finish());
        (self.case, self.spent + now().saturating_sub(begun))
    }
}

impl io::Write for Reading {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::WriteZero));
        }
        self.left -= 1;
        self.waiting.extend_from_slice(line);
        if self.waiting.len() >= PIECE_BYTES {
            self.read();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One part and what it took.
type Part = (String, Duration, usize);

fn timed<R>(
    parts: &mut Vec<Part>,
    name: &str,
    work: impl FnOnce() -> R,
    count: impl FnOnce(&R) -> usize,
) {
    let begun = now();
    let done = work();
    parts.push((name.to_owned(), now().saturating_sub(begun), count(&done)));
}

fn shared(view: &CaseView<'_>, parts: &mut Vec<Part>) {
    timed(parts, "shared: history", || view.history(), |_| 0);
    timed(parts, "shared: machines", || view.machines(), |_| 0);
    timed(parts, "shared: scripts", || view.scripts(), |all| all.len());
    timed(
        parts,
        "shared: assessments",
        || view.assessments(),
        |all| all.len(),
    );
    timed(parts, "shared: bursts", || view.bursts(), |all| all.len());
    timed(
        parts,
        "shared: files",
        || view.joins(),
        |all| all.files.len(),
    );
    timed(parts, "shared: revivals", || view.revivals(), |_| 0);
    timed(
        parts,
        "shared: risk",
        || view.risk_findings(),
        |all| all.len(),
    );
}

/// Times of every part for so many rows; and how many operations they were.
fn measure(rows: u64, seed: u64) -> (Vec<Part>, usize) {
    let mut reading = Reading::new(rows);
    // The writer stops where enough was taken; that is no failure.
    let _ = volume::activity_ndjson(seed, u64::MAX, &mut reading);
    let (mut case, read) = reading.finish();
    let mut parts: Vec<Part> = vec![("reading".to_owned(), read, rows as usize)];
    let begun = now();
    case.conclude();
    parts.push((
        "all conclusions".to_owned(),
        now().saturating_sub(begun),
        case.findings().len(),
    ));
    let settings = case.settings().clone();
    case.with_view(&settings, |view| {
        shared(view, &mut parts);
        for detector in TABLE {
            let found = || {
                if (detector.not_assessed)(view).is_some() {
                    return Vec::new();
                }
                (detector.run)(view)
            };
            timed(&mut parts, detector.id, found, Vec::len);
        }
    });
    let begun = now();
    case.judge_again();
    parts.push((
        "detection as a whole".to_owned(),
        now().saturating_sub(begun),
        case.incidents().len(),
    ));
    (parts, case.operations().len())
}

/// Measures a quarter, then all; then a tenth against the number of rules.
pub fn run(wanted: &Wanted) -> Result<(), Failure> {
    if wanted.part("detectors") {
        detectors(wanted);
    }
    if wanted.part("rules") {
        println!(
            "\n{}",
            rules::table((wanted.rows / 10).max(1), wanted.seed)?
        );
    }
    Ok(())
}

fn detectors(wanted: &Wanted) {
    let quarter = (wanted.rows / 4).max(1);
    let (few, few_operations) = measure(quarter, wanted.seed);
    let (many, operations) = measure(wanted.rows, wanted.seed);
    println!(
        "{quarter} rows are {few_operations} operations, {} rows are {operations}.\n",
        wanted.rows
    );
    println!(
        "| part | {quarter} rows, s | {} rows, s | grows by | results |",
        wanted.rows
    );
    println!("|---|---:|---:|---:|---:|");
    for ((name, one, _), (_, other, results)) in few.iter().zip(&many) {
        let (one, other) = (one.as_secs_f64(), other.as_secs_f64());
        // Of a few milliseconds the growth says nothing.
        let grows = if one >= 0.005 {
            format!("{:.1}", other / one)
        } else {
            String::new()
        };
        println!("| {name} | {one:.3} | {other:.3} | {grows} | {results} |");
    }
    let of = |parts: &[Part], name: &str| {
        parts
            .iter()
            .find(|part| part.0 == name)
            .map_or(0.0, |part| part.1.as_secs_f64())
    };
    for (parts, rows) in [(&few, quarter), (&many, wanted.rows)] {
        let share = of(parts, "detection as a whole") / of(parts, "reading").max(0.001);
        println!("\n{rows} rows: detection takes {share:.2} of the time of reading.");
    }
}
