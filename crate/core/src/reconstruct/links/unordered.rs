//! The best set of pairs where executions carry no number, and so have no order.
//!
//! Endpoint rows and answers kept by a caller name no sequence number. Each operation takes at most one of them and each of
//! them serves at most one operation: the assignment problem, solved exactly (Hungarian algorithm), each operation also
//! being free to take none.
//!
//! ```text
//! operation A   x 60   y 55         greedy: A–x, B nothing          60
//! operation B   x 58                best:   A–y, B–x               113
//! ```
//!
//! What forbidding a pair costs is the cheapest way to rearrange: operations that hand executions on in a ring, perhaps through
//! one that nobody uses. All such costs together are shortest paths between operations.
//!
//! Rejected: this for numbered executions. Their order is evidence, and it would be thrown away.

use super::assign::{self, Candidate, Chosen, Worth};
use pathfinding::prelude::{Matrix, kuhn_munkres};
use std::collections::BTreeMap;

/// More than this on a side at once are paired in order of time instead: the exact way grows with the third power.
const MOST: usize = 160;
/// Up to here the smallest list among equals is found by trying; beyond, the order of the input decides.
const MOST_FOR_TIES: usize = 12;

/// The best solution with its margins. Candidates come by operation, then by execution.
#[must_use]
pub fn assign(candidates: &[Candidate]) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for part in parts(candidates) {
        let cells: Vec<Candidate> = part
            .iter()
            .filter_map(|at| candidates.get(*at).copied())
            .collect();
        let table = Table::new(&cells);
        let of_part = if table.asked.len() > MOST || table.ran.len() > MOST {
            assign::assign(&cells)
        } else {
            table.solve()
        };
        chosen.extend(of_part.into_iter().filter_map(|pair| {
            Some(Chosen {
                candidate: *part.get(pair.candidate)?,
                ..pair
            })
        }));
    }
    chosen.sort_unstable_by_key(|pair| pair.candidate);
    chosen
}

/// Candidates that share an operation or an execution, directly or through others.
fn parts(candidates: &[Candidate]) -> Vec<Vec<usize>> {
    // Each candidate points to an earlier one of its part.
    let mut first: Vec<usize> = (0..candidates.len()).collect();
    fn root(first: &mut [usize], mut at: usize) -> usize {
        while let Some(up) = first.get(at).copied().filter(|up| *up != at) {
            let above = first.get(up).copied().unwrap_or(up);
            if let Some(slot) = first.get_mut(at) {
                *slot = above;
            }
            at = up;
        }
        at
    }
    let (mut by_asked, mut by_ran) = (BTreeMap::new(), BTreeMap::new());
    for (at, candidate) in candidates.iter().enumerate() {
        for seen in [
            by_asked.entry(candidate.asked).or_insert(at),
            by_ran.entry(candidate.ran).or_insert(at),
        ] {
            let (one, other) = (root(&mut first, *seen), root(&mut first, at));
            if let Some(slot) = first.get_mut(one.max(other)) {
                *slot = one.min(other);
            }
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..candidates.len() {
        parts.entry(root(&mut first, at)).or_default().push(at);
    }
    parts.into_values().collect()
}

/// One part as a table.
struct Table<'a> {
    cells: &'a [Candidate],
    asked: Vec<u32>,
    ran: Vec<u32>,
    /// (row, column) -> candidate.
    at: BTreeMap<(usize, usize), usize>,
}

impl<'a> Table<'a> {
    fn new(cells: &'a [Candidate]) -> Self {
        let distinct = |mut places: Vec<u32>| {
            places.sort_unstable();
            places.dedup();
            places
        };
        let asked = distinct(cells.iter().map(|cell| cell.asked).collect());
        let ran = distinct(cells.iter().map(|cell| cell.ran).collect());
        let at = cells
            .iter()
            .enumerate()
            .filter_map(|(at, cell)| {
                let row = asked.binary_search(&cell.asked).ok()?;
                let column = ran.binary_search(&cell.ran).ok()?;
                Some(((row, column), at))
            })
            .collect();
        Self {
            cells,
            asked,
            ran,
            at,
        }
    }

    fn worth(&self, row: usize, column: usize) -> Option<Worth> {
        self.cells
            .get(*self.at.get(&(row, column))?)
            .map(|cell| cell.worth)
    }

    /// The best choice of a column for each row, among `rows` and `columns` that are still free.
    fn optimum(&self, rows: &[usize], columns: &[usize]) -> (Worth, Vec<Option<usize>>) {
        if rows.is_empty() {
            return (Worth::default(), Vec::new());
        }
        // As many empty columns as rows: each operation may take none. A pair that is not admissible is worth less than none.
        let mut weights = Matrix::new(rows.len(), columns.len() + rows.len(), 0_i128);
        for (row, at) in rows.iter().enumerate() {
            for (column, run) in columns.iter().enumerate() {
                if let Some(slot) = weights.get_mut((row, column)) {
                    *slot = self.worth(*at, *run).map_or(-1, weight);
                }
            }
        }
        let (_, taken) = kuhn_munkres(&weights);
        let picks: Vec<Option<usize>> = rows
            .iter()
            .zip(taken)
            .map(|(row, column)| {
                columns
                    .get(column)
                    .copied()
                    .filter(|column| self.worth(*row, *column).is_some())
            })
            .collect();
        let sum = rows
            .iter()
            .zip(&picks)
            .filter_map(|(row, column)| self.worth(*row, (*column)?))
            .fold(Worth::default(), Worth::plus);
        (sum, picks)
    }

    fn solve(&self) -> Vec<Chosen> {
        let rows: Vec<usize> = (0..self.asked.len()).collect();
        let columns: Vec<usize> = (0..self.ran.len()).collect();
        let (best, mut picks) = self.optimum(&rows, &columns);
        if rows.len() <= MOST_FOR_TIES && columns.len() <= MOST_FOR_TIES {
            picks = self.smallest(best);
        }
        let costs = self.costs(&picks);
        rows.iter()
            .zip(&picks)
            .zip(costs)
            .filter_map(|((row, column), margin)| {
                let candidate = *self.at.get(&(*row, (*column)?))?;
                Some(Chosen { candidate, margin })
            })
            .collect()
    }

    /// The smallest list of (operation, execution) among the best: each row takes the first column that still leads there.
    fn smallest(&self, best: Worth) -> Vec<Option<usize>> {
        let mut columns: Vec<usize> = (0..self.ran.len()).collect();
        let mut remaining = best;
        (0..self.asked.len())
            .map(|row| {
                let rest: Vec<usize> = (row + 1..self.asked.len()).collect();
                let leads = |column: &usize| {
                    let Some(worth) = self.worth(row, *column) else {
                        return false;
                    };
                    let free: Vec<usize> = columns
                        .iter()
                        .copied()
                        .filter(|other| other != column)
                        .collect();
                    worth.plus(self.optimum(&rest, &free).0) == remaining
                };
                let column = columns.iter().copied().find(|column| leads(column))?;
                columns.retain(|other| *other != column);
                remaining = remaining.minus(self.worth(row, column).unwrap_or_default());
                Some(column)
            })
            .collect()
    }

    /// For each row, what it costs not to take its pick.
    fn costs(&self, picks: &[Option<usize>]) -> Vec<i64> {
        const NEVER: i64 = i64::MAX / 4;
        // Node `rows` stands for the columns that nobody uses: whoever takes one of them pays only the own pick, and a column
        // that is given up goes there for nothing.
        let rows = picks.len();
        let own = |row: usize| {
            picks
                .get(row)
                .copied()
                .flatten()
                .and_then(|column| self.worth(row, column))
                .map_or(0, |worth| worth.score)
        };
        let used: Vec<usize> = picks.iter().filter_map(|pick| *pick).collect();
        let free: Vec<usize> = (0..self.ran.len())
            .filter(|column| !used.contains(column))
            .collect();
        let size = rows + 1;
        let mut cost = vec![NEVER; size * size];
        for from in 0..rows {
            let spare = free
                .iter()
                .filter_map(|column| self.worth(from, *column))
                .map(|worth| worth.score)
                .max();
            for to in 0..=rows {
                let gets = match picks.get(to) {
                    None => Some(spare.unwrap_or(0).max(0)),
                    Some(None) => None,
                    Some(Some(column)) => self.worth(from, *column).map(|worth| worth.score),
                };
                if let (Some(gets), Some(slot)) = (gets, cost.get_mut(from * size + to))
                    && from != to
                {
                    *slot = own(from) - gets;
                }
            }
        }
        for to in 0..rows {
            if let Some(slot) = cost.get_mut(rows * size + to) {
                *slot = 0;
            }
        }
        let direct = cost.clone();
        let read = |table: &[i64], from: usize, to: usize| {
            table.get(from * size + to).copied().unwrap_or(NEVER)
        };
        for middle in 0..size {
            for from in 0..size {
                let first = read(&cost, from, middle);
                if first >= NEVER {
                    continue;
                }
                for to in 0..size {
                    let second = read(&cost, middle, to);
                    if second < NEVER
                        && first + second < read(&cost, from, to)
                        && let Some(slot) = cost.get_mut(from * size + to)
                    {
                        *slot = first + second;
                    }
                }
            }
        }
        (0..rows)
            .map(|row| {
                (0..size)
                    .filter(|next| *next != row)
                    .map(|next| read(&direct, row, next).saturating_add(read(&cost, next, row)))
                    .min()
                    .unwrap_or(NEVER)
            })
            .collect()
    }
}

/// Score, pairs and nearness in one number that keeps their order and adds up without overlap: distances below an hour and a half in
/// nanoseconds, of at most 2^10 pairs, lie below 2^54.
fn weight(worth: Worth) -> i128 {
    (i128::from(worth.score) << 68) + (i128::from(worth.pairs) << 56) + i128::from(worth.nearness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(asked: u32, ran: u32, score: i64, distance: i64) -> Candidate {
        let worth = Worth {
            score,
            pairs: 1,
            nearness: -distance,
        };
        Candidate { asked, ran, worth }
    }

    /// Every assignment by definition: (worth, places).
    fn all(candidates: &[Candidate]) -> Vec<(Worth, Vec<usize>)> {
        let mut sets = vec![(Worth::default(), Vec::new())];
        for (at, candidate) in candidates.iter().enumerate() {
            for set in 0..sets.len() {
                let (worth, places): &(Worth, Vec<usize>) = &sets[set];
                let free = places.iter().all(|other| {
                    candidates[*other].asked != candidate.asked
                        && candidates[*other].ran != candidate.ran
                });
                if free {
                    let mut more = places.clone();
                    more.push(at);
                    let worth = worth.plus(candidate.worth);
                    sets.push((worth, more));
                }
            }
        }
        sets
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn the_solution_is_the_best_by_definition(
            pairs in proptest::collection::btree_map((0..5_u32, 0..5_u32), (0..6_i64, 0..3_i64), 0..11)
        ) {
            let candidates: Vec<Candidate> = pairs
                .into_iter()
                .map(|((asked, ran), (score, distance))| candidate(asked, ran, score, distance))
                .collect();
            let sets = all(&candidates);
            let list = |places: &[usize]| -> Vec<(u32, u32)> {
                places.iter().map(|at| (candidates[*at].asked, candidates[*at].ran)).collect()
            };
            let (worth, best) = sets
                .iter()
                .max_by(|one, other| one.0.cmp(&other.0).then_with(|| list(&other.1).cmp(&list(&one.1))))
                .unwrap();
            let have = assign(&candidates);
            let places: Vec<usize> = have.iter().map(|chosen| chosen.candidate).collect();
            prop_assert_eq!(&places, best);
            for chosen in have {
                let without = sets
                    .iter()
                    .filter(|(_, places)| !places.contains(&chosen.candidate))
                    .map(|(worth, _)| worth.score)
                    .max()
                    .unwrap();
                prop_assert_eq!(chosen.margin, worth.score - without);
            }
        }
    }

    #[test]
    fn an_operation_gives_way_where_both_gain() {
        let candidates = [
            candidate(0, 0, 60, 0),
            candidate(0, 1, 55, 0),
            candidate(1, 0, 58, 0),
        ];
        let chosen = assign(&candidates);
        let places: Vec<(usize, i64)> = chosen
            .iter()
            .map(|pair| (pair.candidate, pair.margin))
            .collect();
        // Without A–y the best is A–x alone, 60; without B–x it is A–x, 60 again.
        assert_eq!(places, [(1, 53), (2, 53)]);
    }
}
