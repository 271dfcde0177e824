//! Whether a clock kept its offset: found from all runs at once, before any pair is settled.
//!
//! Each run says at which offsets it would follow one of the operations closely. Laid side by side in time, a steady clock is a level line of such
//! offsets, a drifting one a slanted line, and a clock that was set has two levels:
//!
//! ```text
//! offset   +3 s   · · · · · ·            set:  five runs agree on +3 s, the rest on +63 s
//!         +63 s               · · · ·
//! ```
//!
//! A slope or a step is taken only where it explains several more runs than the best level line does, and a step only where it explains half of
//! the runs on each side: with a free choice of two offsets chance explains a few.
//!
//! Rejected: looking at the pairs that one offset gives. Under a drift those are few and chosen by that offset, so they confirm it.

use super::offset::Offset;
use super::search::Search;
use crate::reconstruct::links::features::waits;
use crate::reconstruct::links::sides::{Asked, Ran};
use crate::time::{NS_PER_DAY, NS_PER_SECOND};

/// Offsets are told apart by so much.
const BIN: i64 = 2 * NS_PER_SECOND;
/// What a wait of so long is worth; a longer one nothing.
const WAITS: [(i64, i64); 3] = [
    (12 * NS_PER_SECOND, 3),
    (25 * NS_PER_SECOND, 2),
    (60 * NS_PER_SECOND, 1),
];
/// What one run is worth at most.
const MOST: i64 = 3;
/// So many runs more have to be explained.
const GAIN: i64 = 3 * MOST;
/// Runs that decide at most, taken evenly.
const MOST_RUNS: usize = 240;
/// Operations looked at for one run at most.
const MOST_OPERATIONS: usize = 400;
/// The steepest drift looked for, in a day.
const STEEPEST: i64 = 60 * NS_PER_SECOND;
/// Slopes looked at on each side of none at most.
const MOST_SLOPES: i64 = 120;

/// Offsets at which a run would follow an operation, relative to a level; what that is worth.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
    worth: i64,
}

/// A run and what it says.
struct Voice {
    at: i64,
    spans: Vec<Span>,
}

/// The best level of some runs.
#[derive(Clone, Copy, Default)]
struct Level {
    worth: i64,
    place: usize,
}

impl Search<'_> {
    /// The course of a clock of which `level` is the best constant offset: that level where nothing better is sure.
    #[must_use]
    pub fn course(&self, level: i64) -> Offset {
        let voices = self.voices(level);
        let constant = Offset::Constant(level);
        if voices.len() < 6 {
            return constant;
        }
        let steady = steady(&voices, self.window);
        let at_most = i64::try_from(voices.len())
            .unwrap_or(i64::MAX)
            .saturating_mul(MOST);
        if at_most - steady.worth < GAIN.max(steady.worth / 8) {
            // Nothing could explain so much more.
            return constant;
        }
        let drift = drift(&voices);
        let step = step(&voices, self.window);
        let gained = |worth: i64| worth - steady.worth >= GAIN.max(steady.worth / 8);
        match (drift, step) {
            (Some((worth, drift)), other)
                if gained(worth) && other.as_ref().is_none_or(|(step, _)| *step <= worth) =>
            {
                raised(drift, level)
            }
            (_, Some((worth, step))) if gained(worth) => raised(step, level),
            _ => constant,
        }
    }

    fn voices(&self, level: i64) -> Vec<Voice> {
        let mut asked: Vec<&Asked> = self
            .asked
            .iter()
            .filter_map(|at| self.solving.asked.get(*at))
            .filter(|op| op.complete_start || op.terminal)
            .collect();
        asked.sort_by_key(|op| (op.first, op.at));
        let mut ran: Vec<(i64, &Ran)> = self
            .ran
            .iter()
            .filter_map(|at| self.solving.ran.get(*at))
            .filter_map(|run| Some((run.time()?, run)))
            .collect();
        ran.sort_by_key(|(time, run)| (*time, run.at));
        let thin = ran.len().div_ceil(MOST_RUNS).max(1);
        ran.into_iter()
            .step_by(thin)
            .filter_map(|(time, run)| {
                let about = time.saturating_sub(level);
                let from = asked.partition_point(|op| op.first < about.saturating_sub(self.window));
                let near = asked.iter().skip(from).take(MOST_OPERATIONS);
                let near = near.take_while(|op| op.first <= about.saturating_add(self.window));
                let mut spans: Vec<Span> = Vec::new();
                for op in near.filter(|op| go_together(op, run)) {
                    follow(op, run, level, &mut spans);
                }
                (!spans.is_empty()).then_some(Voice { at: time, spans })
            })
            .collect()
    }
}

fn go_together(op: &Asked, run: &Ran) -> bool {
    let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    run.answers(op.family)
        && op.os.is_none_or(|os| os == run.os)
        && same(&op.script, &run.script)
        && (op.family != crate::reconstruct::operations::OperationFamily::Managed
            || same(&op.name, &run.name))
}

/// Where the run starts soon after the request and does not outlast the operation; where no request is known, where it ends soon before the
/// operation does.
fn follow(op: &Asked, run: &Ran, level: i64, spans: &mut Vec<Span>) {
    let least = run
        .ended
        .filter(|_| op.terminal && waits(op, run))
        .map(|ended| ended - op.end - level);
    match run.started.filter(|_| op.complete_start) {
        Some(started) => {
            let most = started + run.resolution - op.start - level;
            let mut from = most;
            for (wait, worth) in WAITS {
                let down = most - wait;
                let to = from;
                from = down;
                let clipped = least.map_or(down, |least| down.max(least));
                if clipped <= to {
                    spans.push(Span {
                        from: clipped,
                        to,
                        worth,
                    });
                }
            }
        }
        None => spans.extend(least.map(|least| Span {
            from: least,
            to: least + 45 * NS_PER_SECOND,
            worth: 1,
        })),
    }
}

/// What each offset in a row of bins is worth to one run. `lean` is taken from every span first.
fn heard(voice: &Voice, lean: i64, reach: i64, row: &mut [i64]) {
    row.fill(0);
    for span in &voice.spans {
        let place = |ns: i64| (ns - lean + reach).div_euclid(BIN);
        let (from, to) = (place(span.from).max(0), place(span.to));
        let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
            continue;
        };
        for slot in row.iter_mut().take(to.saturating_add(1)).skip(from) {
            *slot = (*slot).max(span.worth);
        }
    }
}

fn bins(reach: i64) -> usize {
    usize::try_from(2 * reach / BIN + 1).unwrap_or(0)
}

fn offset_of(place: usize, reach: i64) -> i64 {
    i64::try_from(place).unwrap_or(0) * BIN + BIN / 2 - reach
}

/// The greatest, nearest to the middle among equals.
fn best(sums: &[i64]) -> Level {
    let middle = sums.len() / 2;
    let found = sums
        .iter()
        .enumerate()
        .max_by_key(|(place, worth)| (**worth, std::cmp::Reverse(place.abs_diff(middle)), *place));
    found.map_or(Level::default(), |(place, worth)| Level {
        worth: *worth,
        place,
    })
}

fn add(sums: &mut [i64], row: &[i64]) {
    for (sum, worth) in sums.iter_mut().zip(row) {
        *sum += worth;
    }
}

fn steady(voices: &[Voice], reach: i64) -> Level {
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    for voice in voices {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
    }
    best(&sums)
}

/// The best slanted line through the middle of the time covered.
fn drift(voices: &[Voice]) -> Option<(i64, Offset)> {
    let (first, last) = (voices.first()?.at, voices.last()?.at);
    let span = last.saturating_sub(first);
    if span < 6 * 3_600 * NS_PER_SECOND {
        return None;
    }
    let origin = first + span / 2;
    let days = |per_day: i128, ns: i64| {
        i64::try_from(per_day * i128::from(ns) / i128::from(NS_PER_DAY)).unwrap_or(0)
    };
    let most = days(i128::from(STEEPEST), span / 2);
    let reach = most + 120 * NS_PER_SECOND;
    // So that neighbouring slopes differ by little at the ends.
    let slopes = (most / (4 * NS_PER_SECOND)).clamp(1, MOST_SLOPES);
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    let mut found: Option<(i64, Offset)> = None;
    let mut tried: Vec<i64> = (-slopes..=slopes).collect();
    // The gentlest first, so that it wins among equals.
    tried.sort_by_key(|slope| (slope.abs(), *slope));
    for slope in tried.into_iter().filter(|slope| *slope != 0) {
        let per_day = STEEPEST * slope / slopes;
        sums.fill(0);
        for voice in voices {
            heard(
                voice,
                days(i128::from(per_day), voice.at - origin),
                reach,
                &mut row,
            );
            add(&mut sums, &row);
        }
        let level = best(&sums);
        if found.as_ref().is_none_or(|(worth, _)| level.worth > *worth) {
            let at_origin = offset_of(level.place, reach);
            found = Some((
                level.worth,
                Offset::Drift {
                    origin,
                    at_origin,
                    per_day,
                },
            ));
        }
    }
    found
}

/// The best two levels and the moment between them.
fn step(voices: &[Voice], reach: i64) -> Option<(i64, Offset)> {
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    let mut behind: Vec<Level> = Vec::with_capacity(voices.len());
    for voice in voices.iter().rev() {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
        behind.push(best(&sums));
    }
    behind.reverse();
    sums.fill(0);
    let mut found: Option<(i64, Offset)> = None;
    for (place, voice) in voices.iter().enumerate() {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
        let Some((after, next)) = behind.get(place + 1).zip(voices.get(place + 1)) else {
            break;
        };
        let before = best(&sums);
        let explains = |level: &Level, runs: usize| {
            let runs = i64::try_from(runs).unwrap_or(i64::MAX);
            level.worth >= GAIN && level.worth.saturating_mul(2) >= runs.saturating_mul(MOST)
        };
        let both = explains(&before, place + 1) && explains(after, voices.len() - place - 1);
        let worth = before.worth + after.worth;
        if both && found.as_ref().is_none_or(|(have, _)| worth > *have) {
            found = Some((
                worth,
                Offset::Step {
                    from: next.at,
                    before: offset_of(before.place, reach),
                    after: offset_of(after.place, reach),
                },
            ));
        }
    }
    found
}

/// An offset that was found relative to a level.
fn raised(offset: Offset, level: i64) -> Offset {
    match offset {
        Offset::Constant(of) => Offset::Constant(of + level),
        Offset::Drift {
            origin,
            at_origin,
            per_day,
        } => Offset::Drift {
            origin,
            at_origin: at_origin + level,
            per_day,
        },
        Offset::Step {
            from,
            before,
            after,
        } => Offset::Step {
            from,
            before: before + level,
            after: after + level,
        },
    }
}
