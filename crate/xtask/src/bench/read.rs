//! `cargo xtask bench read`: what reading costs natively, beside what it costs to get the bytes and what others' parsers take.
//!
//! ```text
//! bytes of the file          MB/s    the least that reading can cost
//! serde_json, typed          MB/s    borrowed fields of the rows' shape, one thread
//! serde_json::Value          MB/s    a tree of each row, one thread
//! evtx crate                 MB/s    JSON text of each record, one thread
//! Runlens                    MB/s    identified, decoded, parsed, normalised, interned, indexed, hashed and judged
//! ```
//!
//! The case has a thread of its own beside the readers, so processor time is told too. Rejected: a profiler's counts; they say where time goes and not how much
//! there is.

use super::Wanted;
use super::baselines::{event_log, trees, typed};
use super::inputs::{Folder, Input};
use super::rounds::{Samples, machine, ratio, table, text};
use crate::analyze::case_of;
use crate::failure::Failure;
use std::fmt::Write;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Instant;

const PIECE_BYTES: usize = 1 << 20;

/// What one run took, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// That passed.
    pub wall: f64,
    /// Of the processor, all threads of this process.
    pub processor: Option<f64>,
}

/// Processor time of this process so far, in seconds, where the system tells it (Linux, to a hundredth).
fn processor() -> Option<f64> {
    let told = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = told.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Runs something and answers what it took.
pub fn timed<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<(Took, R), Failure> {
    let (begun, before) = (Instant::now(), processor());
    let done = work()?;
    let wall = begun.elapsed().as_secs_f64();
    let processor = processor()
        .zip(before)
        .map(|(after, before)| after - before);
    Ok((Took { wall, processor }, done))
}

/// Every byte of a file, by so many threads that each take a share of it.
fn bytes(path: &Path, threads: u64) -> io::Result<u64> {
    let size = fs::metadata(path)?.len();
    let share = size.div_ceil(threads);
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|at| {
                scope.spawn(move || {
                    let mut file = File::open(path)?;
                    file.seek(SeekFrom::Start(at * share))?;
                    let mut file = file.take(share);
                    let mut piece = vec![0; PIECE_BYTES];
                    let mut sum = 0;
                    loop {
                        match file.read(&mut piece)? {
                            0 => return Ok::<u64, io::Error>(sum),
                            read => {
                                black_box(piece.first());
                                sum += read as u64;
                            }
                        }
                    }
                })
            })
            .collect();
        let done = started.into_iter().map(|one| {
            one.join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
        });
        done.sum()
    })
}

/// One candidate: a name, and what one run of it is. Answers how many records it saw.
struct Candidate<'a> {
    name: String,
    run: Box<dyn Fn() -> Result<u64, Failure> + 'a>,
    wall: Samples,
    processor: Samples,
}

impl<'a> Candidate<'a> {
    fn new(name: &str, run: impl Fn() -> Result<u64, Failure> + 'a) -> Self {
        Self {
            name: name.to_owned(),
            run: Box::new(run),
            wall: Samples::default(),
            processor: Samples::default(),
        }
    }
}

fn candidates<'a>(input: &'a Input, readers: &'a [usize]) -> Vec<Candidate<'a>> {
    let path = &input.path;
    let hand_over = move |threads| bytes(path, threads).map_err(Failure::file("read", path));
    let mut all = vec![
        Candidate::new("bytes of the file, 1 thread", move || hand_over(1)),
        Candidate::new("bytes of the file, 2 threads", move || hand_over(2)),
    ];
    if let Some(shape) = input.format.json {
        all.push(Candidate::new("serde_json, typed, 1 thread", move || {
            typed(path, shape)
        }));
        all.push(Candidate::new("serde_json::Value, 1 thread", move || {
            trees(path, shape)
        }));
    }
    if input.format.name == "evtx" {
        all.push(Candidate::new("evtx crate, 1 thread", move || {
            event_log(path)
        }));
    }
    for workers in readers {
        all.push(Candidate::new(
            &format!(
                "**Runlens, {workers} reader{}**",
                if *workers == 1 { "" } else { "s" }
            ),
            move || {
                let case = case_of(std::slice::from_ref(path), *workers);
                Ok(case.store().len() as u64)
            },
        ));
    }
    all
}

/// Measures one input and answers its table.
fn measure(input: &Input, rounds: u32, readers: &[usize]) -> Result<String, Failure> {
    let mut all = candidates(input, readers);
    let mut seen = Vec::new();
    for _ in 0..rounds {
        seen.clear();
        for candidate in &mut all {
            let (took, records) = timed(&candidate.run)?;
            candidate.wall.add(took.wall);
            if let Some(processor) = took.processor {
                candidate.processor.add(processor);
            }
            seen.push(records);
        }
    }
    let megabytes = input.bytes as f64 / 1e6;
    let least = all.iter().take(1).find_map(|one| one.wall.median());
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let each = one
                .processor
                .median()
                .map(|seconds| seconds * 1e9 / input.records.max(1) as f64);
            vec![
                one.name.clone(),
                one.wall
                    .map(|seconds| megabytes / seconds.max(1e-9))
                    .text(0),
                one.wall.text(3),
                one.processor.text(2),
                text(ratio(Some(megabytes), one.processor.median()), 0),
                text(each, 0),
                text(ratio(one.wall.median(), least), 1),
            ]
        })
        .collect();
    let mut said = format!(
        "### {}\n\n{megabytes:.0} MB, {} records made",
        input.format.name, input.records
    );
    if let Some(events) = seen.last() {
        let _ = write!(said, ", {events} events read");
    }
    said.push_str(".\n\n");
    said.push_str(&table(
        &[
            "candidate",
            "MB/s",
            "seconds",
            "processor, s",
            "MB a processor second",
            "processor, ns a record",
            "times reading bytes",
        ],
        &rows,
    ));
    Ok(said)
}

/// The section: a table for each format.
pub fn section(wanted: &Wanted) -> Result<String, Failure> {
    let folder = Folder::new()?;
    let mut readers = vec![1, wanted.workers];
    readers.dedup();
    let mut said = format!(
        "{}. Profile: {}. {} rounds, seed {}.\n\nThe case has a thread of its own beside the readers. Processor time is of all threads, to a hundredth of a second.\n",
        machine(),
        if cfg!(debug_assertions) {
            "with assertions"
        } else {
            "optimised"
        },
        wanted.rounds,
        wanted.seed,
    );
    for format in wanted.formats() {
        eprintln!("bench read: {}", format.name);
        let input = folder.make(format, wanted.bytes(), wanted.seed)?;
        said.push('\n');
        said.push_str(&measure(&input, wanted.rounds, &readers)?);
        fs::remove_file(&input.path).map_err(Failure::file("remove", &input.path))?;
    }
    Ok(said)
}
