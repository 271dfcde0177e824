//! Which pairs are left unlinked although they are part of the best solution, because another would do as well.
//!
//! A wrong link sends an analyst after the wrong person; a missing one is looked for. So a pair is stated only where nothing else explains the
//! same evidence:
//!
//! ```text
//! operation A  10:00:00 … ?     operation B  10:00:09 … ?     one run, 10:00:15      A or B: neither is linked, both are named
//! operation A  10:00:00 … ?     operation B  10:03:00 … ?     one run, 10:03:06      B: nothing waits three minutes by custom
//! ```
//!
//! A pair of an operation of which an end is missing, with an unusual wait, is left unlinked too: its own run may be lost, and this one another's.
//!
//! Rejected: linking with confidence low. Readers count links, not their grades.

use super::Linking;
use super::features::{Identity, POINT};
use super::latency::excess;
use super::solve::Pair;
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;

/// A best solution that another comes so close to is in doubt.
const CLOSE_SECOND: i64 = 5 * POINT;
/// A numbered pair is stated from this share on, in millionths.
pub(super) const STATED: u32 = 900_000;
/// A pair that needs so much more than the usual than another does is none beside it.
const UNUSUAL: i64 = 45 * NS_PER_SECOND;

impl Linking<'_> {
    /// What a pair needs beyond the usual waits.
    fn excess(&self, asked: usize, ran: usize) -> i64 {
        let (Some(op), Some(run)) = (self.asked.get(asked), self.ran.get(ran)) else {
            return 0;
        };
        let offset = self
            .places
            .get(run.host)
            .map_or(Offset::NONE, |place| place.offset);
        excess(op, run, offset)
    }

    /// Whether something else would do as well as this pair, or nearly.
    pub(super) fn is_contested(&self, pair: &Pair) -> bool {
        if pair.features.identity == Identity::GoalState {
            return false;
        }
        if let Some(share) = self.shares.get(&(pair.asked, pair.ran)) {
            return *share < STATED;
        }
        let own = self.excess(pair.asked, pair.ran);
        let whole = self
            .asked
            .get(pair.asked)
            .is_some_and(|op| op.complete_start && op.terminal);
        if !whole && own > UNUSUAL && pair.features.identity != Identity::Script {
            return true;
        }
        let score = pair.features.score();
        let rivals = [
            pair.next_ran.map(|(ran, points)| (pair.asked, ran, points)),
            pair.next_asked
                .map(|(asked, points)| (asked, pair.ran, points)),
        ];
        pair.margin < CLOSE_SECOND
            && rivals.into_iter().flatten().any(|(asked, ran, points)| {
                points > score.saturating_sub(CLOSE_SECOND)
                    && self.excess(asked, ran) < own.saturating_add(UNUSUAL)
            })
    }
}
