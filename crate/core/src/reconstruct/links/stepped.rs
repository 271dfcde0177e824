//! A clock that was set while too few runs told of it: what one offset leaves unlinked may all lie on one side of a moment.
//!
//! ```text
//! Monday      5 runs, 5 operations     nothing fits
//! Wednesday   20 runs, 20 operations   all fit at +3 s
//! ```
//!
//! The search for an offset follows the many. So those left over are searched by themselves; an offset that explains them counts where
//! they all come before, or all after, those that are linked already. Left-over runs whose operations are lost lie anywhere, and no
//! moment parts them from the others.
//!
//! Rejected: trying every pair of offsets. With two of them chance explains anything.

use super::solve::Pair;
use super::{CLOSE, Linking};
use crate::reconstruct::skew::offset::Offset;

/// Of this many pairs one may lie on the wrong side.
const STRAY: usize = 10;

/// What is linked and what may be, of one guest.
pub(super) struct LeftOver<'a> {
    /// The guest.
    pub host: usize,
    /// Points of each guest for being the VM.
    pub points: &'a [i64],
    /// Operations on the VM.
    pub asked: &'a [usize],
    /// Runs of the guest.
    pub ran: &'a [usize],
    /// What is linked.
    pub pairs: &'a [Pair],
    /// The offset by which it is.
    pub offset: i64,
}

impl Linking<'_> {
    /// The clock as one that was set once, where that explains what one offset does not.
    pub(super) fn stepped(&self, left: &LeftOver<'_>) -> Option<Offset> {
        let linked = |pair: &&Pair| left.ran.binary_search(&pair.ran).is_ok();
        let own: Vec<&Pair> = left.pairs.iter().filter(linked).collect();
        let free_ran: Vec<usize> = {
            let free = left.ran.iter().copied();
            free.filter(|at| own.iter().all(|pair| pair.ran != *at))
                .collect()
        };
        let taken: std::collections::BTreeSet<usize> =
            left.pairs.iter().map(|pair| pair.asked).collect();
        let free_asked: Vec<usize> = {
            let free = left.asked.iter().copied();
            free.filter(|at| !taken.contains(at)).collect()
        };
        let least = self.assumed.least_pairs.max(3);
        if own.len() < least || free_ran.len() < least || free_asked.len() < least {
            return None;
        }
        let mut offsets = vec![Offset::NONE; self.places.len()];
        let mut solving = self.solving(left.points, &offsets, &[]);
        solving.window = solving.window.min(CLOSE);
        let other = self
            .search(left.host, solving, &free_asked, &free_ran)
            .offset()
            .at(0);
        if (other - left.offset).abs() <= CLOSE {
            return None;
        }
        if let Some(slot) = offsets.get_mut(left.host) {
            *slot = Offset::Constant(other);
        }
        let mut solving = self.solving(left.points, &offsets, &[]);
        solving.window = solving.window.min(CLOSE);
        let found = solving.solve(&free_asked, &free_ran);
        if found.len() < least || found.len() * 2 < free_ran.len() {
            return None;
        }
        let times = |pairs: &mut dyn Iterator<Item = usize>| -> Vec<i64> {
            let mut times: Vec<i64> = pairs.filter_map(|at| self.ran.get(at)?.time()).collect();
            times.sort_unstable();
            times
        };
        let old = times(&mut own.iter().map(|pair| pair.ran));
        let new = times(&mut found.iter().map(|pair| pair.ran));
        let later = |after: &[i64], before: &[i64]| {
            // The moment after all of the earlier ones but a stray few.
            let last = *before.get(before.len().checked_sub(1 + before.len() / STRAY)?)?;
            let from = after.partition_point(|time| *time <= last);
            (from * STRAY <= after.len()).then(|| after.get(from).copied())?
        };
        if let Some(from) = later(&new, &old) {
            return Some(Offset::Step {
                from,
                before: left.offset,
                after: other,
            });
        }
        later(&old, &new).map(|from| Offset::Step {
            from,
            before: other,
            after: left.offset,
        })
    }
}
