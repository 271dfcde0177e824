//! `cargo xtask bench WHAT`: what something costs, in figures that a person reads.
//!
//! ```text
//! cargo xtask bench detect --rows 1000000
//! ```
//!
//! One bench is one file and one line in [`BENCHES`]. Rejected: benches as tests. A time that is asserted fails on the machine that is busy.

mod detect;

use crate::command_line::{Command, Flags, Word};
use crate::failure::Failure;
use std::process::ExitCode;

/// The command.
pub const COMMAND: Command = Command {
    name: "bench",
    about: "Measures what something costs",
    help: "
cargo xtask bench detect   reads generated Activity Log rows and times each detector,
                           at a quarter of the rows and at all of them
  --rows N                 how many rows; 1000000 without it
  --seed N                 which rows; 1 without it

Nothing is asserted: a machine that is busy is slow.",
    run,
};

/// What a bench is asked for.
struct Wanted {
    rows: u64,
    seed: u64,
}

/// A bench by its name.
type Bench = (&'static str, fn(&Wanted) -> Result<(), Failure>);

static BENCHES: &[Bench] = &[("detect", detect::run)];

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut wanted = Wanted {
        rows: 1_000_000,
        seed: 1,
    };
    let mut chosen = None;
    while let Some(word) = flags.next()? {
        match &word {
            Word::Flag(name) if name == "rows" => wanted.rows = flags.parsed("rows", "a number")?,
            Word::Flag(name) if name == "seed" => wanted.seed = flags.parsed("seed", "a number")?,
            Word::Value(value) if chosen.is_none() => {
                let bench = BENCHES.iter().find(|(name, _)| value == name);
                chosen = Some(bench.ok_or_else(|| flags.unknown(&word))?);
            }
            _ => return Err(flags.unknown(&word)),
        }
    }
    let Some((_, bench)) = chosen else {
        return Err(flags.wrong("a bench must be named: detect".to_owned()));
    };
    bench(&wanted)?;
    Ok(ExitCode::SUCCESS)
}
