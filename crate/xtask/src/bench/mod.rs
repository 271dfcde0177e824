//! `cargo xtask bench`: how right the conclusions are, and what they cost.
//!
//! ```text
//! cargo xtask bench accuracy --seeds 216    hard cases with known truth: links, runs, operations, clocks
//! cargo xtask bench links                   linking of tens of thousands, beside the nearest operation in time
//! ```
//!
//! Both write a table for people; what must hold is a test beside them. Rejected: asserting times. They differ by machine.

mod accuracy;
mod decidable;
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
    about: "Measures how right conclusions are against known truth, and what linking costs",
    help: "
cargo xtask bench accuracy [--seeds N] [--first SEED] [--out FILE] [--verbose]
cargo xtask bench links

  --seeds N      made cases (default 216)
  --first SEED   the first of them (default 1)
  --out FILE     write the table there too (tests/bench/accuracy.md is the kept one)
  --verbose      name every link that is wrong or missed

The release profile is what figures are worth quoting from: cargo run --release -p xtask -- bench accuracy",
    run,
};

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut which = None;
    let mut ask = accuracy::Ask {
        seeds: 216,
        first: 1,
        verbose: false,
    };
    let mut out: Option<PathBuf> = None;
    while let Some(word) = flags.next()? {
        match &word {
            Word::Value(value) if which.is_none() && (value == "accuracy" || value == "links") => {
                which = value.to_str().map(str::to_owned);
            }
            Word::Flag(flag) if flag == "seeds" => ask.seeds = flags.parsed(flag, "a number")?,
            Word::Flag(flag) if flag == "first" => ask.first = flags.parsed(flag, "a number")?,
            Word::Flag(flag) if flag == "out" => out = Some(PathBuf::from(flags.value(flag)?)),
            Word::Flag(flag) if flag == "verbose" => ask.verbose = true,
            _ => return Err(flags.unknown(&word)),
        }
    }
    let table = match which.as_deref() {
        Some("accuracy") => accuracy::table(&ask),
        Some("links") => links::table(),
        _ => return Err(Failure::HelpWanted),
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
