//! `cargo xtask bench`: how right the conclusions are, and what they cost.
//!
//! ```text
//! cargo xtask bench accuracy --seeds 216    hard cases with known truth: links, runs, operations, clocks
//! cargo xtask bench links                   linking of tens of thousands, beside the nearest operation in time
//! cargo xtask bench detect --rows 1000000   reading Activity Log rows against judging them, by detector and by number of rules
//! cargo xtask bench read                    reading natively, beside bytes alone and others' parsers
//! cargo xtask bench tab                     the page in Chromium, beside what the browser itself does with the same file
//! ```
//!
//! One bench is one file and one line in [`BENCHES`]. Each writes a table for people; what must hold is a test beside them. Rejected: asserting
//! times. They differ by machine.

mod accuracy;
mod baselines;
mod decidable;
mod detect;
mod inputs;
mod links;
mod measured;
mod read;
mod rounds;
mod rules;
mod tab;
#[cfg(test)]
mod tests;

use crate::command_line::{Command, Flags, Word, show};
use crate::failure::Failure;
use inputs::{FORMATS, Format};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The command.
pub const COMMAND: Command = Command {
    name: "bench",
    about: "Measures how right conclusions are against known truth, and what they cost",
    help: "
cargo xtask bench accuracy [--seeds N] [--first SEED] [--out FILE] [--verbose]
cargo xtask bench links
cargo xtask bench detect [--rows N] [--seed N] [--part PART]
cargo xtask bench read [--mb N] [--rounds N] [--only FORMAT] [--workers N] [--seed N] [--out FILE]
cargo xtask bench tab [the same] [--part PART] [--events N] [--huge GB] [--built]

  --seeds N      made cases (default 216)
  --first SEED   the first of them (default 1)
  --out FILE     write the table there too; of read and tab its section (tests/bench/accuracy.md and tests/bench/results.md are the kept ones)
  --verbose      name every link that is wrong or missed
  --rows N       Activity Log rows (default 1000000); a quarter of them is measured too, and a tenth against the number of rules
  --seed N       which rows, or which inputs (default 1)
  --mb N         size of each input in MB of 1,000,000 bytes (default 200)
  --rounds N     how often each candidate has its turn (default 5)
  --only FORMAT  this input only, may be repeated: activity-ndjson, activity-array, waagent-log, handler-log, syslog, auditd, evtx,
                 defender-csv, mixed-zip, hours-zip
  --workers N    readers, and workers of what they are compared with (default 2)
  --part PART    this part only, may be repeated: detectors, rules; of tab rates, answers, events, timeline
  --events N     most events of the parts events and timeline (default 10000000)
  --huge GB      drop so many gigabytes at once, too
  --built        the page that is there; without it, it is built

The release profile is what figures are worth quoting from: cargo run --release -p xtask -- bench accuracy",
    run,
};

/// What a bench is asked for.
struct Wanted {
    accuracy: accuracy::Ask,
    rows: u64,
    seed: u64,
    megabytes: u64,
    rounds: u32,
    only: Vec<&'static Format>,
    workers: usize,
    parts: Vec<String>,
    events: u64,
    huge: Option<u64>,
    built: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            accuracy: accuracy::Ask {
                seeds: 216,
                first: 1,
                verbose: false,
            },
            rows: 1_000_000,
            seed: 1,
            megabytes: 200,
            rounds: 5,
            only: Vec::new(),
            workers: 2,
            parts: Vec::new(),
            events: 10_000_000,
            huge: None,
            built: false,
        }
    }
}

impl Wanted {
    /// Bytes of each input.
    fn bytes(&self) -> u64 {
        self.megabytes.saturating_mul(1_000_000)
    }

    /// The inputs that are measured.
    fn formats(&self) -> Vec<&'static Format> {
        if self.only.is_empty() {
            return FORMATS.iter().collect();
        }
        self.only.clone()
    }

    /// Whether a part of the bench in the tab is measured.
    fn part(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part == name)
    }
}

/// What a bench leaves.
enum Left {
    /// It printed by itself.
    Nothing,
    /// A file of its own.
    Table(String),
    /// A section of a file, by its name.
    Section(&'static str, String),
}

/// A bench by its name.
type Bench = (&'static str, fn(&Wanted) -> Result<Left, Failure>);

static BENCHES: &[Bench] = &[
    ("accuracy", |wanted| {
        Ok(Left::Table(accuracy::table(&wanted.accuracy)))
    }),
    ("links", |_| Ok(Left::Table(links::table()))),
    ("detect", |wanted| {
        detect::run(wanted).map(|()| Left::Nothing)
    }),
    ("read", |wanted| {
        Ok(Left::Section("Natively", read::section(wanted)?))
    }),
    ("tab", |wanted| {
        Ok(Left::Section("In the tab", tab::section(wanted)?))
    }),
];

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut chosen = None;
    let mut wanted = Wanted::default();
    let mut out: Option<PathBuf> = None;
    while let Some(word) = flags.next()? {
        match &word {
            Word::Flag(flag) if flag == "seeds" => {
                wanted.accuracy.seeds = flags.parsed(flag, "a number")?;
            }
            Word::Flag(flag) if flag == "first" => {
                wanted.accuracy.first = flags.parsed(flag, "a number")?;
            }
            Word::Flag(flag) if flag == "out" => out = Some(PathBuf::from(flags.value(flag)?)),
            Word::Flag(flag) if flag == "verbose" => wanted.accuracy.verbose = true,
            Word::Flag(flag) if flag == "rows" => wanted.rows = flags.parsed(flag, "a number")?,
            Word::Flag(flag) if flag == "seed" => wanted.seed = flags.parsed(flag, "a number")?,
            Word::Flag(flag) if flag == "built" => wanted.built = true,
            Word::Flag(flag) if flag == "mb" => {
                wanted.megabytes = flags.parsed(flag, "a number of MB")?
            }
            Word::Flag(flag) if flag == "rounds" => {
                wanted.rounds = flags.parsed(flag, "a number")?
            }
            Word::Flag(flag) if flag == "events" => {
                wanted.events = flags.parsed(flag, "a number")?
            }
            Word::Flag(flag) if flag == "huge" => {
                wanted.huge = Some(flags.parsed(flag, "a number of gigabytes")?);
            }
            Word::Flag(flag) if flag == "workers" => {
                let workers: NonZero<usize> = flags.parsed(flag, "a number above 0")?;
                wanted.workers = workers.get();
            }
            Word::Flag(flag) if flag == "only" => {
                let name: String = flags.parsed(flag, "the name of an input")?;
                let format = inputs::format(&name);
                wanted.only.push(
                    format.ok_or_else(|| flags.wrong(format!("there is no input `{name}`")))?,
                );
            }
            Word::Flag(flag) if flag == "part" => {
                let name: String = flags.parsed(flag, "the name of a part")?;
                if !tab::PARTS
                    .iter()
                    .chain(&detect::PARTS)
                    .any(|part| *part == name)
                {
                    return Err(flags.wrong(format!("there is no part `{name}`")));
                }
                wanted.parts.push(name);
            }
            Word::Value(value) if chosen.is_none() => {
                let bench = BENCHES.iter().find(|(name, _)| value == name);
                chosen = Some(bench.ok_or_else(|| flags.unknown(&word))?);
            }
            _ => return Err(flags.unknown(&word)),
        }
    }
    let Some((_, bench)) = chosen else {
        return Err(Failure::HelpWanted);
    };
    let unwritten = |path: &Path, error| Failure::Arguments {
        sentence: format!("`{}` could not be written: {error}", path.display()),
        see: "cargo xtask bench --help".to_owned(),
    };
    match bench(&wanted)? {
        Left::Nothing => {}
        Left::Table(table) => {
            if let Some(path) = out {
                fs::write(&path, &table).map_err(|error| unwritten(&path, error))?;
            }
            show(&table);
        }
        Left::Section(name, section) => {
            if let Some(path) = out {
                let old = fs::read_to_string(&path).unwrap_or_default();
                fs::write(&path, rounds::with_section(&old, name, &section))
                    .map_err(|error| unwritten(&path, error))?;
            }
            show(&section);
        }
    }
    Ok(ExitCode::SUCCESS)
}
