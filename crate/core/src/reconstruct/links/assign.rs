//! The best set of pairs that do not cross.
//!
//! The platform runs one action command at a time on a VM and numbers them upward, so operations in order of time and
//! executions in order of number must be paired without crossing. Candidates are positions in these two orders:
//!
//! ```text
//! operations   A [0,40]      B [50,90]           A–4  53     A–5  41.25
//! executions   4 at 48       5 at 95             B–4  54.5   B–5  53.75
//! ```
//!
//! The nearest pair first takes B–4, and then A–5 crosses it; the best that does not cross is A–4 with B–5 (detectors 34, example 3).
//!
//! Only admissible pairs are looked at. The best chain behind each is read from a tree of maxima, so a solution costs
//! `K log m` for `K` candidates, not `n·m`. Margins ask for the best solution *without* a pair: that one either uses another
//! pair of the same operation or leaves the operation out, and both are read from the rows of the classic table, forward and
//! backward. The backward rows are kept at every √n-th only and made again between, and groups that no candidate
//! spans are solved apart, so that memory stays small also for thousands at once.
//!
//! Rejected: solving again for every pair. It is the definition, and the tests do it; it is `n` times the work.

use std::collections::BTreeMap;

/// What a pair or a set of pairs is worth; the greatest wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth {
    /// Sum of scores, in millionths of a point.
    pub score: i64,
    /// How many pairs.
    pub pairs: i64,
    /// The sum of distances in time, then of unusual waits, negative: less is better.
    pub nearness: i64,
}

impl Worth {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            score: self.score.saturating_add(other.score),
            pairs: self.pairs.saturating_add(other.pairs),
            nearness: self.nearness.saturating_add(other.nearness),
        }
    }

    /// What remains without a part.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            score: self.score.saturating_sub(other.score),
            pairs: self.pairs.saturating_sub(other.pairs),
            nearness: self.nearness.saturating_sub(other.nearness),
        }
    }
}

/// A pair that may be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The operation's place in its order.
    pub asked: u32,
    /// The execution's place in its order.
    pub ran: u32,
    /// What it is worth.
    pub worth: Worth,
}

/// A pair of the best solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which candidate.
    pub candidate: usize,
    /// Score of the best solution less that of the best without this pair.
    pub margin: i64,
}

/// Maxima over prefixes.
struct Maxima(Vec<Worth>);

impl Maxima {
    fn new(length: usize) -> Self {
        Self(vec![Worth::default(); length + 1])
    }

    /// The greatest below a place.
    fn below(&self, place: usize) -> Worth {
        let (mut at, mut best) = (place, Worth::default());
        while at > 0 {
            best = best.max(self.0.get(at).copied().unwrap_or_default());
            at &= at - 1;
        }
        best
    }

    fn raise(&mut self, place: usize, worth: Worth) {
        let mut at = place + 1;
        while let Some(slot) = self.0.get_mut(at) {
            *slot = (*slot).max(worth);
            at += at & at.wrapping_neg();
        }
    }
}

/// What the best solution is worth. Candidates come by operation, then by execution.
#[must_use]
pub fn best(candidates: &[Candidate]) -> Worth {
    let length = candidates
        .iter()
        .map(|candidate| candidate.ran as usize + 1)
        .max();
    let mut maxima = Maxima::new(length.unwrap_or(0));
    let mut best = Worth::default();
    let mut row: Vec<(usize, Worth)> = Vec::new();
    for of_operation in candidates.chunk_by(|one, other| one.asked == other.asked) {
        row.clear();
        row.extend(of_operation.iter().map(|candidate| {
            let place = candidate.ran as usize;
            (place, maxima.below(place).plus(candidate.worth))
        }));
        for (place, worth) in &row {
            maxima.raise(*place, *worth);
            best = best.max(*worth);
        }
    }
    best
}

/// The best solution with its margins. Candidates come by operation, then by execution.
///
/// Among equals: more pairs, then less distance in all, then the smallest list of (operation, execution).
#[must_use]
pub fn assign(candidates: &[Candidate]) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    let mut from = 0;
    for to in cuts(candidates) {
        if let Some(part) = candidates.get(from..to) {
            chosen.extend(part_of(part).into_iter().map(|pair| Chosen {
                candidate: from + pair.candidate,
                ..pair
            }));
        }
        from = to;
    }
    chosen
}

/// Ends of the parts that no candidate spans: all before a cut lie before all behind it, in both orders.
fn cuts(candidates: &[Candidate]) -> Vec<usize> {
    let mut least_behind = vec![u32::MAX; candidates.len() + 1];
    for (at, candidate) in candidates.iter().enumerate().rev() {
        let behind = least_behind.get(at + 1).copied().unwrap_or(u32::MAX);
        if let Some(slot) = least_behind.get_mut(at) {
            *slot = behind.min(candidate.ran);
        }
    }
    let mut cuts = Vec::new();
    let mut greatest = 0;
    for (at, candidate) in candidates.iter().enumerate() {
        greatest = greatest.max(candidate.ran);
        let next = candidates.get(at + 1);
        let behind = least_behind.get(at + 1).copied().unwrap_or(u32::MAX);
        if next.is_none_or(|next| next.asked != candidate.asked && greatest < behind) {
            cuts.push(at + 1);
        }
    }
    cuts
}

/// One part, its places counted from zero without holes.
fn part_of(part: &[Candidate]) -> Vec<Chosen> {
    if let [only] = part {
        return if only.worth > Worth::default() {
            vec![Chosen {
                candidate: 0,
                margin: only.worth.score,
            }]
        } else {
            Vec::new()
        };
    }
    let places: BTreeMap<u32, usize> = {
        let mut used: Vec<u32> = part.iter().map(|candidate| candidate.ran).collect();
        used.sort_unstable();
        used.dedup();
        used.into_iter().zip(0..).collect()
    };
    let runs = places.len();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut last = None;
    for (at, candidate) in part.iter().enumerate() {
        if last != Some(candidate.asked) {
            rows.push(Vec::new());
            last = Some(candidate.asked);
        }
        if let Some(row) = rows.last_mut() {
            row.push(Cell {
                candidate: at,
                run: places.get(&candidate.ran).copied().unwrap_or(0),
                worth: candidate.worth,
            });
        }
    }
    let chosen = solve(&rows, runs);
    margins(&rows, runs, &chosen)
}

/// A candidate in a part.
#[derive(Clone, Copy)]
struct Cell {
    candidate: usize,
    run: usize,
    worth: Worth,
}

/// The best chain: for each row the place of its chosen cell.
fn solve(rows: &[Vec<Cell>], runs: usize) -> Vec<Option<usize>> {
    // From the last row up: what the best chain that begins with a cell is worth.
    let mut maxima = Maxima::new(runs);
    let mut begins: Vec<Vec<Worth>> = Vec::with_capacity(rows.len());
    let mut best = Worth::default();
    for row in rows.iter().rev() {
        let worths: Vec<Worth> = row
            .iter()
            .map(|cell| maxima.below(runs - 1 - cell.run).plus(cell.worth))
            .collect();
        for (cell, worth) in row.iter().zip(&worths) {
            maxima.raise(runs - 1 - cell.run, *worth);
            best = best.max(*worth);
        }
        begins.push(worths);
    }
    begins.reverse();
    // The smallest list: the first cell that still leads to the best.
    let (mut remaining, mut next_run) = (best, 0);
    rows.iter()
        .zip(&begins)
        .map(|(row, worths)| {
            if remaining == Worth::default() {
                return None;
            }
            let found = row
                .iter()
                .zip(worths)
                .position(|(cell, worth)| cell.run >= next_run && *worth == remaining)?;
            let cell = row.get(found)?;
            remaining = remaining.minus(cell.worth);
            next_run = cell.run + 1;
            Some(found)
        })
        .collect()
}

/// Takes one operation into a backward row: `row[j]` is the best score of the operations so far with executions from `j` on.
fn take_backward(row: &mut [i64], cells: &[Cell]) {
    let with: Vec<(usize, i64)> = cells
        .iter()
        .map(|cell| {
            let behind = row.get(cell.run + 1).copied().unwrap_or(0);
            (cell.run, cell.worth.score + behind)
        })
        .collect();
    for (run, score) in with {
        for slot in row.iter_mut().take(run + 1).rev() {
            if *slot >= score {
                break;
            }
            *slot = score;
        }
    }
}

/// Takes one operation into a forward row: `row[j]` is the best score of the operations so far with executions before `j`.
fn take_forward(row: &mut [i64], cells: &[Cell]) {
    let with: Vec<(usize, i64)> = cells
        .iter()
        .map(|cell| {
            let before = row.get(cell.run).copied().unwrap_or(0);
            (cell.run, cell.worth.score + before)
        })
        .collect();
    for (run, score) in with {
        for slot in row.iter_mut().skip(run + 1) {
            if *slot >= score {
                break;
            }
            *slot = score;
        }
    }
}

fn margins(rows: &[Vec<Cell>], runs: usize, chosen: &[Option<usize>]) -> Vec<Chosen> {
    let step = rows.len().isqrt().max(1);
    // Backward rows behind the last operation of each stretch.
    let mut kept: Vec<Vec<i64>> = Vec::new();
    let mut row = vec![0_i64; runs + 1];
    let stretches: Vec<&[Vec<Cell>]> = rows.chunks(step).collect();
    for stretch in stretches.iter().rev() {
        kept.push(row.clone());
        for cells in stretch.iter().rev() {
            take_backward(&mut row, cells);
        }
    }
    let best = row.first().copied().unwrap_or(0);
    let mut out = Vec::new();
    let mut forward = vec![0_i64; runs + 1];
    for ((stretch, picks), behind) in stretches
        .iter()
        .zip(chosen.chunks(step))
        .zip(kept.into_iter().rev())
    {
        let mut behinds = vec![behind];
        for cells in stretch.iter().skip(1).rev() {
            let mut next = behinds.last().cloned().unwrap_or_default();
            take_backward(&mut next, cells);
            behinds.push(next);
        }
        for ((cells, pick), behind) in stretch.iter().zip(picks).zip(behinds.iter().rev()) {
            if let Some((pick, cell)) = pick.and_then(|pick| Some((pick, cells.get(pick)?))) {
                let without = best_without(cells, pick, &forward, behind);
                out.push(Chosen {
                    candidate: cell.candidate,
                    margin: best - without,
                });
            }
            take_forward(&mut forward, cells);
        }
    }
    out
}

/// The best score where an operation does not take its pick: it takes another cell, or none.
fn best_without(cells: &[Cell], pick: usize, forward: &[i64], behind: &[i64]) -> i64 {
    let at = |row: &[i64], place: usize| row.get(place).copied().unwrap_or(0);
    let other = cells
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != pick)
        .map(|(_, cell)| at(forward, cell.run) + cell.worth.score + at(behind, cell.run + 1))
        .max()
        .unwrap_or(0);
    let left_out = forward
        .iter()
        .zip(behind)
        .map(|(before, after)| before + after)
        .max()
        .unwrap_or(0);
    other.max(left_out)
}

#[cfg(test)]
mod tests;
