//! Writes cases to disk.
//!
//! ```text
//! casegen example OUT_DIR [--seed N]     OUT_DIR/evidence/…, and OUT_DIR/truth.json beside it
//! casegen json OUT_FILE [--seed N]       the example case as the page embeds it
//! casegen volume KIND SIZE_MB OUT_FILE [--seed N]     one artifact of a size (1 MB = 1,000,000 bytes)
//! ```
//!
//! The library itself never touches a file; this is the only place that does.

use runlens_casegen::volume::{self, Writer, Written};
use runlens_casegen::{Case, EXAMPLE_SEED, render, story};
use std::env;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

const USAGE: &str = "\
casegen example OUT_DIR [--seed N]   writes OUT_DIR/evidence and OUT_DIR/truth.json
casegen json OUT_FILE [--seed N]     writes the files as one JSON array
casegen volume KIND SIZE_MB OUT_FILE [--seed N]
                                     writes one artifact of at least a size; KIND is one of
                                     activity-ndjson, activity-array, waagent-log, handler-log, syslog, auditd,
                                     evtx, defender-csv, mixed-zip, hours-zip (their size is that of what is in them)";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match run(&words) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("casegen: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<String, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (words, seed) = match words.as_slice() {
        [before @ .., "--seed", seed] => {
            let seed = seed
                .parse()
                .map_err(|_| format!("a seed is a whole number, not {seed}"))?;
            (before, seed)
        }
        all => (all, EXAMPLE_SEED),
    };
    match words {
        ["example", folder] => {
            let case = render(&story::example(seed));
            write_case(&case, Path::new(folder)).map_err(|error| format!("{folder}: {error}"))?;
            Ok(format!(
                "{} files in {folder}/evidence, the truth in {folder}/truth.json",
                case.files.len()
            ))
        }
        ["json", path] => {
            let bytes = render(&story::example(seed)).to_json();
            fs::write(path, &bytes).map_err(|error| format!("{path}: {error}"))?;
            Ok(format!("{} bytes in {path}", bytes.len()))
        }
        ["volume", kind, size, path] => {
            let (_, write) = volume::KINDS
                .iter()
                .chain(&volume::ARCHIVES)
                .find(|(name, _)| name == kind)
                .ok_or_else(|| format!("no artifact is called {kind}\n{USAGE}"))?;
            let megabytes: u64 = size
                .parse()
                .map_err(|_| format!("a size is a whole number of megabytes, not {size}"))?;
            let written = write_volume(*write, seed, megabytes.saturating_mul(1_000_000), path)
                .map_err(|error| format!("{path}: {error}"))?;
            Ok(format!(
                "{} bytes, {} records in {path}",
                written.bytes, written.records
            ))
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn write_volume(write: Writer, seed: u64, size: u64, path: &str) -> io::Result<Written> {
    let mut out = io::BufWriter::new(File::create(path)?);
    let written = write(seed, size, &mut out)?;
    out.flush()?;
    Ok(written)
}

/// Writes the evidence with its modified times, and the truth beside it, not among it.
fn write_case(case: &Case, folder: &Path) -> io::Result<()> {
    for file in &case.files {
        let path = folder.join("evidence").join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut out = File::create(&path)?;
        out.write_all(&file.bytes)?;
        if let Some(modified) = file.modified_ms.and_then(|ms| u64::try_from(ms).ok()) {
            let modified = UNIX_EPOCH + Duration::from_millis(modified);
            out.set_times(FileTimes::new().set_modified(modified))?;
        }
    }
    let truth = serde_json::to_vec_pretty(&case.truth)?;
    fs::write(folder.join("truth.json"), truth)
}
