//! How long things take when nobody is kind: distributions given by their quantiles, with the tails that services have.
//!
//! ```text
//! how long a script lasts    40 ms … 2.5 s (half of them) … 90 s (nine of ten) … 87 min
//! how long a goal state takes to be noticed    0.4 s … 3 s … 6.2 s … 2 min
//! ```
//!
//! A draw lies between two quantiles, evenly. The figures are orders of magnitude of what logs show, not measurements; what matters is that
//! starts follow their requests within seconds **mostly**, and that ends say little.
//!
//! Rejected: one uniform range for each step. A solver that knows the range is never wrong, and no service keeps to one.

use crate::random::Random;

/// Values by the share of draws below them, in thousandths.
pub type Quantiles = [(i64, i64)];

/// From the request to the answer 202, in milliseconds.
pub const ACCEPTED: &Quantiles = &[(0, 250), (500, 700), (950, 1_600), (1_000, 9_000)];
/// From the request to the goal state.
pub const CREATED: &Quantiles = &[
    (0, 700),
    (500, 2_200),
    (900, 5_000),
    (990, 20_000),
    (1_000, 60_000),
];
/// From the goal state to the agent's noticing it.
pub const NOTICED: &Quantiles = &[
    (0, 400),
    (500, 3_000),
    (900, 6_200),
    (990, 15_000),
    (1_000, 120_000),
];
/// From noticing to the script's start.
pub const STARTED: &Quantiles = &[(0, 620), (500, 900), (950, 2_500), (1_000, 20_000)];
/// The same where the handler has to be installed first.
pub const INSTALLED: &Quantiles = &[(0, 4_400), (500, 7_000), (950, 25_000), (1_000, 110_000)];
/// How long a script lasts.
pub const LASTS: &Quantiles = &[
    (0, 40),
    (300, 400),
    (500, 2_500),
    (750, 15_000),
    (900, 90_000),
    (970, 600_000),
    (995, 2_400_000),
    (1_000, 5_200_000),
];
/// From the script's end to the operation's.
pub const REPORTED: &Quantiles = &[
    (0, 1_500),
    (500, 14_000),
    (900, 30_000),
    (990, 75_000),
    (1_000, 240_000),
];
/// Between two requests of one session, from the end of the first.
pub const NEXT: &Quantiles = &[
    (0, 600),
    (300, 4_000),
    (600, 25_000),
    (900, 180_000),
    (1_000, 1_500_000),
];
/// The same where requests come within a minute.
pub const AT_ONCE: &Quantiles = &[(0, 300), (500, 2_000), (1_000, 9_000)];

/// A value.
pub fn draw(random: &mut Random, quantiles: &Quantiles) -> i64 {
    let share = random.between(0, 1_000_000);
    let mut from = (0, quantiles.first().map_or(0, |(_, value)| *value));
    for (thousandths, value) in quantiles {
        let to = (thousandths * 1_000, *value);
        if share <= to.0 {
            let width = (to.0 - from.0).max(1);
            return from.1 + (to.1 - from.1) * (share - from.0) / width;
        }
        from = to;
    }
    from.1
}

#[cfg(test)]
mod tests {
    use super::{LASTS, draw};
    use crate::random::Random;

    #[test]
    fn draws_follow_their_quantiles() {
        let mut random = Random::new(5);
        let mut drawn: Vec<i64> = (0..20_000).map(|_| draw(&mut random, LASTS)).collect();
        drawn.sort_unstable();
        assert!((2_000..3_000).contains(&drawn[10_000]), "{}", drawn[10_000]);
        assert!((60_000..130_000).contains(&drawn[18_000]));
        assert!(drawn[0] >= 40 && drawn[19_999] <= 5_200_000);
        assert!(drawn[19_999] > 2_400_000);
    }
}
