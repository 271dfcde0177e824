//! Courses that a clock may have kept: found from all runs at once, before any pair is settled.
//!
//! Each run says at which offsets it would follow one of the operations closely. Laid side by side in time, a steady clock is a level line of such
//! offsets, a drifting one a slanted line, and a clock that was set has two levels:
//!
//! ```text
//! offset   +3 s   · · · · · ·            set:  five runs agree on +3 s, the rest on +63 s
//!         +63 s               · · · ·
//! ```
//!
//! With a free choice of two offsets chance explains a few runs, so nothing is chosen here: each course is weighed by all the evidence
//! (`links::clocks`).
//!
//! Rejected: looking at the pairs that one offset gives. Under a drift those are few and chosen by that offset, so they confirm it.

use super::offset::Offset;
use super::search::{Search, ZONES};
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
/// Levels looked at, and how many bins they lie apart.
const LEVELS: usize = 6;
const APART: usize = 4;
/// Levels through which slanted lines are looked for, and how many lines through each.
const SLANTED: usize = 3;
const DRIFTS: usize = 2;
/// Steps looked at, and moments of one step.
const STEPS: usize = 8;
const MOMENTS: usize = 2;
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
    /// Courses that many runs agree on: levels, slanted lines through them, and steps. `level` is where to look first.
    #[must_use]
    pub fn courses(&self, level: i64) -> Vec<Offset> {
        // Where operations are dense only the neighbourhood can be looked at.
        let reach = if self.asked.len() <= MOST_OPERATIONS {
            self.window.max(ZONES)
        } else {
            self.window
        };
        let level = if reach > self.window { 0 } else { level };
        let voices = self.voices(level, reach);
        let levels = levels(&voices, reach);
        let mut courses: Vec<Offset> = levels.iter().map(|of| Offset::Constant(*of)).collect();
        for of in levels.iter().take(SLANTED) {
            courses.extend(drifts(&voices, *of));
        }
        courses.extend(steps(&voices, reach));
        courses
            .into_iter()
            .map(|course| course.raised(level))
            .collect()
    }

    fn voices(&self, level: i64, reach: i64) -> Vec<Voice> {
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
                let from = asked.partition_point(|op| op.first < about.saturating_sub(reach));
                let near = asked.iter().skip(from).take(MOST_OPERATIONS);
                let near = near.take_while(|op| op.first <= about.saturating_add(reach));
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

/// The levels that most agree on, apart from each other.
fn levels(voices: &[Voice], reach: i64) -> Vec<i64> {
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    for voice in voices {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
    }
    let mut levels = Vec::new();
    while levels.len() < LEVELS {
        let found = best(&sums);
        if found.worth <= 0 {
            break;
        }
        levels.push(offset_of(found.place, reach));
        let near = found.place.saturating_sub(APART)..found.place + APART + 1;
        for slot in sums.iter_mut().take(near.end).skip(near.start) {
            *slot = 0;
        }
    }
    levels
}

/// The best slanted lines through the middle of the time covered, near a level.
fn drifts(voices: &[Voice], level: i64) -> Vec<Offset> {
    let (Some(first), Some(last)) = (voices.first(), voices.last()) else {
        return Vec::new();
    };
    let span = last.at.saturating_sub(first.at);
    if span < 6 * 3_600 * NS_PER_SECOND {
        return Vec::new();
    }
    let origin = first.at + span / 2;
    let days = |per_day: i128, ns: i64| {
        i64::try_from(per_day * i128::from(ns) / i128::from(NS_PER_DAY)).unwrap_or(0)
    };
    let most = days(i128::from(STEEPEST), span / 2);
    let reach = most + 120 * NS_PER_SECOND;
    // So that neighbouring slopes differ by little at the ends.
    let slopes = (most / (4 * NS_PER_SECOND)).clamp(1, MOST_SLOPES);
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    let mut found: Vec<(i64, i64, Offset)> = Vec::new();
    for slope in (-slopes..=slopes).filter(|slope| *slope != 0) {
        let per_day = STEEPEST * slope / slopes;
        sums.fill(0);
        for voice in voices {
            let lean = level + days(i128::from(per_day), voice.at - origin);
            heard(voice, lean, reach, &mut row);
            add(&mut sums, &row);
        }
        let line = best(&sums);
        let at_origin = level + offset_of(line.place, reach);
        let drift = Offset::Drift {
            origin,
            at_origin,
            per_day,
        };
        found.push((line.worth, slope, drift));
    }
    // The gentlest first among equals.
    found.sort_by_key(|(worth, slope, _)| (std::cmp::Reverse(*worth), slope.abs(), *slope));
    let lines = found.into_iter().map(|(_, _, drift)| drift);
    lines.take(DRIFTS).collect()
}

/// The best two levels and the moments between them.
fn steps(voices: &[Voice], reach: i64) -> Vec<Offset> {
    let (mut sums, mut row) = (vec![0; bins(reach)], vec![0; bins(reach)]);
    let mut behind: Vec<Level> = Vec::with_capacity(voices.len());
    for voice in voices.iter().rev() {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
        behind.push(best(&sums));
    }
    behind.reverse();
    sums.fill(0);
    let mut found: Vec<(i64, usize, usize, i64)> = Vec::new();
    for (place, voice) in voices.iter().enumerate() {
        heard(voice, 0, reach, &mut row);
        add(&mut sums, &row);
        let Some((after, next)) = behind.get(place + 1).zip(voices.get(place + 1)) else {
            break;
        };
        let before = best(&sums);
        if before.place.abs_diff(after.place) > APART {
            let worth = before.worth + after.worth;
            found.push((worth, before.place, after.place, next.at));
        }
    }
    found.sort_by_key(|(worth, _, _, from)| (std::cmp::Reverse(*worth), *from));
    let mut taken: Vec<(usize, usize, i64)> = Vec::new();
    for (_, before, after, from) in found {
        let like = |(one, other, _): &&(usize, usize, i64)| {
            one.abs_diff(before) <= APART && other.abs_diff(after) <= APART
        };
        if taken.len() < STEPS && taken.iter().filter(like).count() < MOMENTS {
            taken.push((before, after, from));
        }
    }
    let of = |(before, after, from)| Offset::Step {
        from,
        before: offset_of(before, reach),
        after: offset_of(after, reach),
    };
    taken.into_iter().map(of).collect()
}
