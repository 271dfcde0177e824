//! `cargo xtask bench`: how right the conclusions are, and what they cost.
//!
//! ```text
//! cargo xtask bench accuracy --seeds 216    hard cases with known truth: links, runs, operations, clocks
//! cargo xtask bench links                   linking of tens of thousands, beside the nearest operation in time
//! cargo xtask bench detect --rows 1000000   reading Activity Log rows against judging them, detector by detector
//! ```
//!
//! One bench is one file and one line in [`BENCHES`]. Each writes a table for people; what must hold is a test beside them. Rejected: asserting
//! times. They differ by machine.

mod accuracy;
mod decidable;
mod detect;
mod links;
mod measured;
#[cfg(test)]
mod tests;

use crate::command_line::{Command, Flags, Word, show};
use crate::failure::Failure;
use std::path::PathBuf;
use std::process::ExitCode;

/// The command.
pub const COMMAND: Command = Command {
    name: "bench",
    about: "Measures how right conclusions are against known truth, and what they cost",
    help: "
cargo xtask bench accuracy [--seeds N] [--first SEED] [--out FILE] [--verbose]
cargo xtask bench links
cargo xtask bench detect [--rows N] [--seed N]

  --seeds N      made cases (default 216)
  --first SEED   the first of them (default 1)
  --out FILE     write the table there too (tests/bench/accuracy.md is the kept one)
  --verbose      name every link that is wrong or missed
  --rows N       Activity Log rows (default 1000000); a quarter of them is measured too
  --seed N       which rows (default 1)

The release profile is what figures are worth quoting from: cargo run --release -p xtask -- bench accuracy",
    run,
};

/// What a bench is asked for.
struct Wanted {
    accuracy: accuracy::Ask,
    rows: u64,
    seed: u64,
}

/// A bench by its name: a table, or what it printed itself.
type Bench = (&'static str, fn(&Wanted) -> Result<Option<String>, Failure>);

static BENCHES: &[Bench] = &[
    ("accuracy", |wanted| {
        Ok(Some(accuracy::table(&wanted.accuracy)))
    }),
    ("links", |_| Ok(Some(links::table()))),
    ("detect", |wanted| detect::run(wanted).map(|()| None)),
];

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut chosen = None;
    let mut wanted = Wanted {
        accuracy: accuracy::Ask {
            seeds: 216,
            first: 1,
            verbose: false,
        },
        rows: 1_000_000,
        seed: 1,
    };
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
    let Some(table) = bench(&wanted)? else {
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(path) = out {
        std::fs::write(&path, &table).map_err(|error| Failure::Arguments {
            sentence: format!("`{}` could not be written: {error}", path.display()),
            see: "cargo xtask bench --help".to_owned(),
        })?;
    }
    show(&table);
    Ok(ExitCode::SUCCESS)
}
