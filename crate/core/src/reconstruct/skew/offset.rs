//! What a guest's clock shows more than the cloud's, as far as linking needs it.
//!
//! `guest time = cloud time + offset`. Most clocks are off by a constant, some drift, some are set once: 09:00 by the guest is
//! 08:55 in the cloud before the step and 08:59 after it.
//!
//! Rejected: one number for every host. A clock that is set in the middle of an incident is what an intruder leaves.

use crate::time::{Instant, NS_PER_DAY};

/// Nanoseconds of an offset as tables show them: in seconds, to the millisecond.
#[must_use]
pub fn seconds(ns: i64) -> f64 {
    ns.div_euclid(1_000_000) as f64 / 1_000.0
}

/// An offset, in nanoseconds, by the guest's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// The same at all times.
    Constant(i64),
    /// Growing evenly.
    Drift {
        /// Guest time at which the offset is `at_origin`.
        origin: i64,
        /// The offset there.
        at_origin: i64,
        /// How much it grows in a day.
        per_day: i64,
    },
    /// Set once.
    Step {
        /// The first guest time with the new offset.
        from: i64,
        /// The offset before.
        before: i64,
        /// The offset from then on.
        after: i64,
    },
}

/// An offset as tables show it, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The offset: of a drift where it was measured from, of a step from then on.
    pub skew: i64,
    /// How much it grows in a day.
    pub per_day: Option<i64>,
    /// When the clock was set, by the guest's own time, and the offset before.
    pub step: Option<(Instant, i64)>,
}

impl Offset {
    /// What tables show of it.
    #[must_use]
    pub fn shown(self) -> Shown {
        let (skew, per_day, step) = match self {
            Self::Constant(offset) => (offset, None, None),
            Self::Drift {
                at_origin, per_day, ..
            } => (at_origin, Some(per_day), None),
            Self::Step {
                from,
                before,
                after,
            } => {
                let from = Instant {
                    ns: from,
                    digits: 9,
                };
                (after, None, Some((from, before)))
            }
        };
        Shown {
            skew,
            per_day,
            step,
        }
    }

    /// No offset.
    pub const NONE: Self = Self::Constant(0);

    /// The offset at a guest time.
    #[must_use]
    pub fn at(self, guest: i64) -> i64 {
        match self {
            Self::Constant(offset) => offset,
            Self::Drift {
                origin,
                at_origin,
                per_day,
            } => {
                let passed = i128::from(guest) - i128::from(origin);
                let grown = passed * i128::from(per_day) / i128::from(NS_PER_DAY);
                at_origin.saturating_add(i64::try_from(grown).unwrap_or(0))
            }
            Self::Step {
                from,
                before,
                after,
            } => {
                if guest < from {
                    before
                } else {
                    after
                }
            }
        }
    }

    /// The same course, so much higher.
    #[must_use]
    pub fn raised(self, by: i64) -> Self {
        match self {
            Self::Constant(offset) => Self::Constant(offset.saturating_add(by)),
            Self::Drift {
                origin,
                at_origin,
                per_day,
            } => Self::Drift {
                origin,
                at_origin: at_origin.saturating_add(by),
                per_day,
            },
            Self::Step {
                from,
                before,
                after,
            } => Self::Step {
                from,
                before: before.saturating_add(by),
                after: after.saturating_add(by),
            },
        }
    }

    /// A guest time by the cloud's clock.
    #[must_use]
    pub fn cloud(self, guest: i64) -> i64 {
        guest.saturating_sub(self.at(guest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_time_by_the_clouds_clock() {
        assert_eq!(Offset::Constant(300).cloud(1_000), 700);
        let drift = Offset::Drift {
            origin: 0,
            at_origin: 10,
            per_day: 2,
        };
        assert_eq!(drift.cloud(NS_PER_DAY), NS_PER_DAY - 12);
        assert_eq!(drift.cloud(-NS_PER_DAY), -NS_PER_DAY - 8);
        let step = Offset::Step {
            from: 100,
            before: 7,
            after: -5,
        };
        assert_eq!((step.cloud(99), step.cloud(100)), (92, 105));
    }
}
