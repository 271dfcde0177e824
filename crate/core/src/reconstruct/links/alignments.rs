//! How probable each pair is when every alignment that keeps the order is weighed, not only the best one.
//!
//! The best alignment says what is most likely; it does not say how much else is nearly as likely. Each cell here carries its odds: how many
//! times better the evidence is explained if this operation led to that execution than if both had lost their partners. An
//! alignment is worth the product of its cells, and a pair's share is the worth of all alignments that hold it, of all there are:
//!
//! ```text
//! operation A  9:1 for execution 4       alignments   nothing 1   A–4 9   B–4 9
//! operation B  9:1 for execution 4       share of A–4  9/19: it is not decided
//! ```
//!
//! What lies before a cell in both orders is summed in a tree of prefix sums, forward and backward, so that `K` cells cost `K log m`.
//! Products of thousands of odds leave the range of a float, so sums carry a second exponent; there are only additions and
//! products, which give the same bits on every machine.
//!
//! Rejected: the margin between the best and the second-best alignment. Ten alternatives of a tenth each are as likely together as the best.

/// A float of a far greater range: `mantissa · 2^(512 · exponent)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    mantissa: f64,
    exponent: i32,
}

/// One step of the exponent.
const STEP: f64 = f64::from_bits((1023 + 512) << 52);
const STEP_DOWN: f64 = f64::from_bits((1023 - 512) << 52);
/// A mantissa stays below this.
const MOST: f64 = f64::from_bits((1023 + 256) << 52);
/// And above this, unless it is nought.
const LEAST: f64 = f64::from_bits((1023 - 256) << 52);

impl Worth {
    /// The worth of pairing nothing.
    pub const ONE: Self = Self {
        mantissa: 1.0,
        exponent: 0,
    };

    fn settled(mut self) -> Self {
        if self.mantissa >= MOST {
            self.mantissa *= STEP_DOWN;
            self.exponent += 1;
        } else if self.mantissa < LEAST && self.mantissa > 0.0 {
            self.mantissa *= STEP;
            self.exponent -= 1;
        }
        self
    }

    fn plus(self, other: Self) -> Self {
        if self.mantissa == 0.0 {
            return other;
        }
        if other.mantissa == 0.0 {
            return self;
        }
        let (great, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        let mantissa = match great.exponent.saturating_sub(small.exponent) {
            0 => great.mantissa + small.mantissa,
            1 => great.mantissa + small.mantissa * STEP_DOWN,
            _ => great.mantissa,
        };
        Self { mantissa, ..great }.settled()
    }

    /// Product with ordinary odds.
    #[must_use]
    pub fn times(self, odds: f64) -> Self {
        Self {
            mantissa: self.mantissa * odds,
            ..self
        }
        .settled()
    }

    /// Product of two.
    #[must_use]
    pub fn by(self, other: Self) -> Self {
        Self {
            mantissa: self.mantissa * other.mantissa,
            exponent: self.exponent.saturating_add(other.exponent),
        }
        .settled()
    }

    /// How many times another, as an ordinary float: nought where it is nothing beside it.
    #[must_use]
    pub fn of(self, other: Self) -> f64 {
        if self.mantissa == 0.0 || other.mantissa == 0.0 {
            return 0.0;
        }
        let ratio = self.mantissa / other.mantissa;
        match self.exponent.saturating_sub(other.exponent) {
            0 => ratio,
            1 => ratio * STEP,
            -1 => ratio * STEP_DOWN,
            more if more > 0 => f64::MAX,
            _ => 0.0,
        }
    }
}

/// A pair that may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The operation's place in its order.
    pub asked: u32,
    /// The execution's place in its order.
    pub ran: u32,
    /// How many times better the evidence is explained by this pair than by two partners lost.
    pub odds: f64,
}

/// Sums over prefixes.
struct Sums(Vec<Worth>);

impl Sums {
    fn new(length: usize) -> Self {
        Self(vec![Worth::default(); length + 1])
    }

    fn below(&self, place: usize) -> Worth {
        let (mut at, mut sum) = (place, Worth::default());
        while at > 0 {
            sum = sum.plus(self.0.get(at).copied().unwrap_or_default());
            at &= at - 1;
        }
        sum
    }

    fn add(&mut self, place: usize, worth: Worth) {
        let mut at = place + 1;
        while let Some(slot) = self.0.get_mut(at) {
            *slot = slot.plus(worth);
            at += at & at.wrapping_neg();
        }
    }
}

/// The worth of every chain that ends with a cell, cells coming by operation; `place` turns the order of executions round where needed.
fn ends<'a>(
    rows: impl Iterator<Item = &'a [Cell]>,
    length: usize,
    place: impl Fn(&Cell) -> usize,
) -> Vec<Worth> {
    let mut sums = Sums::new(length);
    let mut out = Vec::new();
    for row in rows {
        let from = out.len();
        out.extend(row.iter().map(|cell| {
            let before = Worth::ONE.plus(sums.below(place(cell)));
            before.times(cell.odds)
        }));
        for (cell, worth) in row.iter().zip(out.iter().skip(from)) {
            sums.add(place(cell), *worth);
        }
    }
    out
}

/// The share of each cell in the worth of all alignments, and that worth. Cells come by operation, then by execution.
#[must_use]
pub fn shares(cells: &[Cell]) -> (Vec<f64>, Worth) {
    let length = cells.iter().map(|cell| cell.ran as usize + 1).max();
    let length = length.unwrap_or(0);
    let rows: Vec<&[Cell]> = cells
        .chunk_by(|one, other| one.asked == other.asked)
        .collect();
    let forward = ends(rows.iter().copied(), length, |cell| cell.ran as usize);
    let reversed = ends(rows.iter().rev().copied(), length, |cell| {
        length - 1 - cell.ran as usize
    });
    // Rows came last first, but cells of a row in their own order.
    let mut backward: Vec<Worth> = Vec::with_capacity(cells.len());
    let mut end = reversed.len();
    for row in &rows {
        let start = end.saturating_sub(row.len());
        backward.extend(reversed.get(start..end).unwrap_or_default());
        end = start;
    }
    let all = forward
        .iter()
        .fold(Worth::ONE, |sum, worth| sum.plus(*worth));
    let shares = cells.iter().zip(&forward).zip(&backward);
    let shares = shares.map(|((cell, before), behind)| {
        if cell.odds <= 0.0 {
            return 0.0;
        }
        before.by(*behind).times(1.0 / cell.odds).of(all)
    });
    (shares.collect(), all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(asked: u32, ran: u32, odds: f64) -> Cell {
        Cell { asked, ran, odds }
    }

    /// Every alignment by definition: (worth, places).
    fn all(cells: &[Cell]) -> Vec<(f64, Vec<usize>)> {
        let mut sets = vec![(1.0, Vec::new())];
        for (at, cell) in cells.iter().enumerate() {
            for set in 0..sets.len() {
                let (worth, places): &(f64, Vec<usize>) = &sets[set];
                let keeps = places.iter().all(|other| {
                    let other: &Cell = &cells[*other];
                    other.asked < cell.asked && other.ran < cell.ran
                });
                if keeps {
                    let mut more = places.clone();
                    more.push(at);
                    let worth = worth * cell.odds;
                    sets.push((worth, more));
                }
            }
        }
        sets
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn shares_are_those_of_all_alignments(
            pairs in proptest::collection::btree_map((0..5_u32, 0..5_u32), 1..1_000_u32, 0..12)
        ) {
            let cells: Vec<Cell> = pairs
                .into_iter()
                .map(|((asked, ran), odds)| cell(asked, ran, f64::from(odds) / 50.0))
                .collect();
            let sets = all(&cells);
            let sum: f64 = sets.iter().map(|(worth, _)| worth).sum();
            let (shares, _) = shares(&cells);
            for (at, share) in shares.iter().enumerate() {
                let with: f64 = sets.iter().filter(|(_, places)| places.contains(&at)).map(|(worth, _)| worth).sum();
                prop_assert!((share - with / sum).abs() < 1e-9, "{share} {}", with / sum);
            }
        }
    }

    #[test]
    fn thousands_of_odds_do_not_leave_the_range() {
        let cells: Vec<Cell> = (0..5_000).map(|at| cell(at, at, 1e6)).collect();
        let (shares, all) = shares(&cells);
        assert!(shares.iter().all(|share| (share - 1.0).abs() < 1e-5));
        assert!(all.of(Worth::ONE) >= f64::MAX);
        assert!((all.of(all) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn two_operations_that_explain_one_execution_share_it() {
        let (shares, _) = shares(&[cell(0, 0, 9.0), cell(1, 0, 9.0)]);
        assert!(
            shares
                .iter()
                .all(|share| (share - 9.0 / 19.0).abs() < 1e-12)
        );
    }
}
