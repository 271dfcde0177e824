//! `cargo xtask bench accuracy`: precision and recall over made cases, by how far clocks are off and how much is missing.
//!
//! Seeds take turns with six kinds of clocks and three shares of losses, so that each of the eighteen has as many cases.
//!
//! Rejected: one figure for all. Nearly all cases are easy, and the figure would be of those.

use super::measured::{Measured, Tally, measure};
use runlens_casegen::adversary::{Clocks, Difficulty};
use std::fmt::Write;
use std::num::NonZero;
use std::thread;

/// Shares of losses, in hundredths.
pub const MISSING: [u64; 3] = [0, 30, 60];

/// What stands above the table.
const ABOUT: &str = "# How right links, runs, operations and clocks are

Written by `cargo xtask bench accuracy --out tests/bench/accuracy.md`; the cases are functions of their seeds
(`crate/casegen/src/adversary`), so the table is the same on any machine.

Each case has four machines of both systems over five days, with everything at once: sessions with several commands a minute, twins of
the same (cut) name that were not collected, refusals, strangers, boots, re-installed extensions, handlers that are updated midway, immediate
runs, rotated logs, and exports in any two of four shapes with the portal's download beside them. \"Missing\" is the probability
with which each row, file and block of log lines is lost; each kind of them on a machine is lost with a third of it.

- operation: has to be found where an export holds one of its rows.
- run: has to be found where anything shows that it ran; settings and enable lines do not. A number that occurs twice has to be told apart
  where something other than enable lines bears a time.
- link: has to be found where the operation has a row, the run has to be found, and one of its traces bears a time (the agent's log of Windows
  names no number, so it times no run). Nothing is asked about
  whether that suffices: neighbours whose partner is lost stay in the count. Every link stated counts for precision.
- decidable: of these, the links that what is left suffices for (`crate/xtask/src/bench/decidable.rs`), computed from the plan and the losses
  alone. A link is not decidable where its operation or its run could change places with a stand-in (same machine, feature and
  name) whose own partner left nothing, every time that a row or trace still tells being possible and the order of all other links of
  the counter being kept; and where its guest has fewer than three links that tell both a request and a start, unless a
  goal-state line gives the correlation id. The share that is not decidable is what no solver can be asked for.
- clock: on guests with three such links, the offset used at each run against the true one.
- nearest: each run with the operation of its VM that began nearest in time, at most two minutes away.

";

/// What stands below it.
const CAUSES: &str = "
# What remains, and why

- A numbered link is stated where all ways to explain the counter's evidence, under all courses that the clock may have kept, give it nine
  tenths together; both sides of others show what they may be of as `ambiguous`. That costs recall where ends are lost: the share that is not
  decidable is more than what is missed.
- Where a run's own operation left no row at all (a stranger, or all rows lost), a neighbour's operation that lost its run is taken if the
  times fit and the numbers leave room: that is most of what is still wrong.
- A clock is followed through one step, or an even drift of up to 60 s a day. One that was set twice is not.
- With 60 % missing most guests have too few runs with both ends for a clock that is off by more than a minute; a course that fewer than three
  pairs speak for states no link.
- Not played: two collected guests of one host name.
";

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// How many cases.
    pub seeds: u64,
    /// The first seed.
    pub first: u64,
    /// Name every mistake.
    pub verbose: bool,
}

/// The difficulty of a seed.
pub fn difficulty(seed: u64) -> Difficulty {
    let place = usize::try_from(seed % 18).unwrap_or(0);
    let clocks = Clocks::ALL.get(place % 6).copied().unwrap_or(Clocks::Right);
    Difficulty::with(clocks, MISSING.get(place / 6).copied().unwrap_or(0))
}

/// Every case by itself, in the order of seeds.
pub fn measured(ask: &Ask) -> Vec<(Difficulty, Measured)> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let last = ask.first.saturating_add(ask.seeds);
    let mut all: Vec<(u64, Difficulty, Measured)> = thread::scope(|scope| {
        let started: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mine = (ask.first..last).filter(|seed| seed % workers == worker);
                    mine.map(|seed| (seed, difficulty(seed), measure(seed, difficulty(seed))))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        started
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    });
    all.sort_by_key(|(seed, ..)| *seed);
    all.into_iter()
        .map(|(_, hard, measured)| (hard, measured))
        .collect()
}

/// Cases together.
pub fn together<'a>(cases: impl Iterator<Item = &'a Measured>) -> Measured {
    let mut sum = Measured::default();
    cases.for_each(|case| sum.add(case));
    sum
}

/// The table, as Markdown.
pub fn table(ask: &Ask) -> String {
    let cases = measured(ask);
    let all = together(cases.iter().map(|(_, measured)| measured));
    let mut text = String::from(ABOUT);
    text.push_str(
        "| clocks | missing | cases | links | precision | recall | decidable | recall of these | nearest: precision | recall | runs: precision | recall | operations: precision | recall | clock error: median s | p95 s |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for missing in MISSING {
        for clocks in Clocks::ALL {
            let of = cases
                .iter()
                .filter(|(hard, _)| hard.clocks == clocks && hard.missing == missing);
            line(
                &mut text,
                clocks.name(),
                &format!("{missing} %"),
                &together(of.map(|(_, it)| it)),
            );
        }
        let of = cases.iter().filter(|(hard, _)| hard.missing == missing);
        line(
            &mut text,
            "**all**",
            &format!("**{missing} %**"),
            &together(of.map(|(_, it)| it)),
        );
    }
    line(&mut text, "**all**", "**all**", &all);
    text.push_str("\n| feature | links | precision | recall |\n|---|---|---|---|\n");
    for (family, of) in &all.by_family {
        let _ = writeln!(
            text,
            "| {family} | {} | {:.4} | {:.4} |",
            of.wanted,
            of.precision(),
            of.recall()
        );
    }
    let Tally { right, found, .. } = all.high;
    let _ = writeln!(
        text,
        "\nLinks of confidence high: {found}, of which wrong: {}.",
        found - right
    );
    text.push_str(CAUSES);
    if ask.verbose {
        for remark in &all.remarks {
            let _ = writeln!(text, "{remark}");
        }
    }
    text
}

fn line(text: &mut String, clocks: &str, missing: &str, of: &Measured) {
    let shares = |tally: Tally| format!("{:.4} | {:.4}", tally.precision(), tally.recall());
    let seconds = |at: usize| {
        of.clock_error(at)
            .map_or("–".to_owned(), |it| format!("{it:.1}"))
    };
    let _ = writeln!(
        text,
        "| {clocks} | {missing} | {} | {} | {} | {} | {:.4} | {} | {} | {} | {} | {} |",
        of.cases,
        of.links.wanted,
        shares(of.links),
        of.decidable.wanted,
        of.decidable.recall(),
        shares(of.nearest),
        shares(of.runs),
        shares(of.operations),
        seconds(50),
        seconds(95),
    );
}
