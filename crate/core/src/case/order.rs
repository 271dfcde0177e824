//! Bringing events into time order, the way logs are.
//!
//! A log is in its own order but for little: some lines bear a time a bit later than those behind them, some bear none and come last. A line that
//! belongs a few lines before is moved there. The others that stand out of order are taken out, few as they are, brought into order by themselves and put
//! back where they belong:
//!
//! ```text
//! 1 2 3 9 4 5 6 – 7 8 –       as they came, – without a time
//! 1 2 3 4 5 6 7 8   9   – –   in order, out of order, without a time
//! ```
//!
//! Nothing is kept of an event but its number, and a log of a million lines costs hardly more than looking at each once. Rejected: a sort of everything. It
//! compares each event twenty times, for which all times have to lie side by side, and a tab never gives that memory back.

use super::store::EventNumber;
use crate::event::batch::make_room;
use std::cmp::Ordering;

/// Where an event stands among those of one time.
type Place = (u32, u64, EventNumber);

/// An event that belongs before no more than so many is moved there: logs that several programs write are out of order by a few lines everywhere.
const NEAR: usize = 64;
/// So many events in a row are taken out before what stands behind them is.
const PATIENCE: usize = 8;

/// How events are compared.
pub(super) struct By<T, P> {
    /// When an event was, `i64::MAX` where that is unknown.
    pub at_ns: T,
    /// Where it stands among those of one time.
    pub place: P,
}

impl<T: Fn(EventNumber) -> i64, P: Fn(EventNumber) -> Place> By<T, P> {
    /// How two events stand in time.
    pub(super) fn compare(&self, one: EventNumber, other: EventNumber) -> Ordering {
        let [one_ns, other_ns] = [one, other].map(&self.at_ns);
        self.compare_at((one_ns, one), (other_ns, other))
    }

    fn compare_at(&self, one: (i64, EventNumber), other: (i64, EventNumber)) -> Ordering {
        one.0
            .cmp(&other.0)
            .then_with(|| (self.place)(one.1).cmp(&(self.place)(other.1)))
    }

    /// Whether events are in order: each is looked at once.
    pub(super) fn is_sorted(&self, list: &[EventNumber]) -> bool {
        let mut last: Option<(i64, EventNumber)> = None;
        list.iter().all(|event| {
            let now = ((self.at_ns)(*event), *event);
            let before = last.replace(now);
            before.is_none_or(|before| self.compare_at(before, now).is_le())
        })
    }

    /// Brings events into order.
    pub(super) fn sort(&self, list: &mut Vec<EventNumber>) {
        if self.is_sorted(list) {
            return;
        }
        let is_timed = |event: &EventNumber| (self.at_ns)(*event) != i64::MAX;
        let timed = list.iter().filter(|event| is_timed(event)).count();
        let mut untimed: Vec<EventNumber> = Vec::with_capacity(list.len() - timed);
        list.retain(|event| {
            let is_timed = is_timed(event);
            if !is_timed {
                untimed.push(*event);
            }
            is_timed
        });
        let misplaced = self.take_misplaced(list);
        self.merge(list, &misplaced);
        if !self.is_sorted(&untimed) {
            untimed.sort_by(|one, other| self.compare(*one, *other));
        }
        list.append(&mut untimed);
    }

    /// Takes out what stands out of order, and answers it in order.
    fn take_misplaced(&self, list: &mut Vec<EventNumber>) -> Vec<EventNumber> {
        let mut misplaced: Vec<(i64, EventNumber)> = Vec::new();
        // In front what stands in order so far, then what was taken out or moved, then what is still to be looked at.
        let (mut sorted, mut next, mut in_a_row) = (0_usize, 0_usize, 0_usize);
        let timed = |list: &[EventNumber], at: usize| {
            let event = list.get(at).copied()?;
            Some(((self.at_ns)(event), event))
        };
        let mut last: Option<(i64, EventNumber)> = None;
        while let Some(now) = timed(list, next) {
            let fits = |standing: Option<(i64, EventNumber)>| {
                standing.is_none_or(|standing| self.compare_at(standing, now).is_le())
            };
            if !fits(last) {
                if let Some(place) = self.near(list, sorted, now) {
                    list.copy_within(place..sorted, place + 1);
                    if let Some(slot) = list.get_mut(place) {
                        *slot = now.1;
                    }
                    (sorted, next, in_a_row) = (sorted + 1, next + 1, 0);
                    continue;
                }
                make_room(&mut misplaced, 1);
                let before = sorted.checked_sub(2).and_then(|at| timed(list, at));
                if in_a_row == 0 && fits(before) {
                    // The one before was ahead of its time.
                    misplaced.extend(last);
                    sorted -= 1;
                } else if in_a_row < PATIENCE {
                    misplaced.push(now);
                    (next, in_a_row) = (next + 1, in_a_row + 1);
                    continue;
                } else {
                    // So many cannot all be wrong: what stands behind them in time is. They are looked at once more.
                    misplaced.truncate(misplaced.len() - in_a_row);
                    next -= in_a_row;
                    let latest = list.get(next..next + in_a_row).unwrap_or(&[]).iter();
                    let latest = latest
                        .copied()
                        .max_by(|one, other| self.compare(*one, *other));
                    let standing = list.get(..sorted).unwrap_or(&[]);
                    let keep = latest.map_or(sorted, |latest| {
                        prefix(standing, |one| self.compare(one, latest).is_lt())
                    });
                    // At least the last, which was later than all of them.
                    let keep = keep.min(sorted.saturating_sub(1));
                    let ahead = standing.get(keep..).unwrap_or(&[]).iter();
                    misplaced.extend(ahead.map(|event| ((self.at_ns)(*event), *event)));
                    (sorted, in_a_row) = (keep, 0);
                    last = keep.checked_sub(1).and_then(|at| timed(list, at));
                    continue;
                }
            }
            if let Some(slot) = list.get_mut(sorted) {
                *slot = now.1;
            }
            (sorted, next, in_a_row, last) = (sorted + 1, next + 1, 0, Some(now));
        }
        list.truncate(sorted);
        // Of several logs read by turns most are misplaced: each log in its own order, which this sort makes use of.
        misplaced.sort_by(|one, other| self.compare_at(*one, *other));
        misplaced.into_iter().map(|(_, event)| event).collect()
    }

    /// Where an event belongs among those in order, if it is later than any of the last few.
    fn near(&self, list: &[EventNumber], sorted: usize, now: (i64, EventNumber)) -> Option<usize> {
        let from = sorted.saturating_sub(NEAR);
        let near = list.get(from..sorted)?;
        let is_before =
            |one: &EventNumber| self.compare_at(((self.at_ns)(*one), *one), now).is_le();
        let behind = near.partition_point(is_before);
        (behind > 0 || from == 0).then_some(from + behind)
    }

    /// Merges events in order into others in order, from the back: what stands before the first of them is not touched, and what goes together is
    /// moved together.
    pub(super) fn merge(&self, into: &mut Vec<EventNumber>, fresh: &[EventNumber]) {
        let (mut left, mut right) = (into.len(), fresh.len());
        make_room(into, right);
        into.resize(left + right, 0);
        while let Some(new) = fresh.get(..right).and_then(<[_]>::last).copied() {
            let old = into.get(..left).unwrap_or(&[]);
            let later = prefix(old, |old| self.compare(old, new).is_le());
            into.copy_within(later..left, later + right);
            left = later;
            let standing = into.get(..left).and_then(<[_]>::last).copied();
            let ahead = fresh.get(..right).unwrap_or(&[]);
            let from = standing.map_or(0, |standing| {
                prefix(ahead, |new| self.compare(new, standing).is_lt())
            });
            let moved = fresh.get(from..right).unwrap_or(&[]);
            if let Some(slots) = into.get_mut(left + from..left + right) {
                slots.copy_from_slice(moved);
            }
            right = from;
        }
    }
}

/// How many events in front have what all in front have, looked for from the back: mostly nearly all.
fn prefix(list: &[EventNumber], has: impl Fn(EventNumber) -> bool) -> usize {
    let (mut low, mut high, mut step) = (0, list.len(), 1);
    while let Some(probe) = high
        .checked_sub(1)
        .map(|last| last.saturating_sub(step - 1))
    {
        if list.get(probe).copied().is_some_and(&has) {
            low = probe + 1;
            break;
        }
        high = probe;
        step *= 2;
    }
    let between = list.get(low..high).unwrap_or(&[]);
    low + between.partition_point(|event| has(*event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Times by event number; the place is the number turned round, so that equal times are not in order by chance.
    fn by(times: &[i64]) -> By<impl Fn(EventNumber) -> i64 + '_, impl Fn(EventNumber) -> Place> {
        By {
            at_ns: |event| times[event as usize],
            place: |event| (0, u64::from(u32::MAX - event), event),
        }
    }

    fn sorted(
        by: &By<impl Fn(EventNumber) -> i64, impl Fn(EventNumber) -> Place>,
        list: &[u32],
    ) -> Vec<u32> {
        let mut list = list.to_vec();
        list.sort_by(|one, other| by.compare(*one, *other));
        list
    }

    /// Times as logs have them: growing, now and then one that is off or none.
    fn times() -> impl Strategy<Value = Vec<i64>> {
        let one = (
            0_i64..3,
            prop_oneof![8 => Just(0_i64), 1 => -40_i64..40],
            0_u8..8,
        );
        prop::collection::vec(one, 0..400).prop_map(|all| {
            let mut now = 0;
            let time = all.into_iter().map(|(step, off, without)| {
                now += step;
                if without == 0 { i64::MAX } else { now + off }
            });
            time.collect()
        })
    }

    proptest! {
        #[test]
        fn events_come_into_order(times in prop_oneof![times(), prop::collection::vec(-9_i64..9, 0..200)]) {
            let by = by(&times);
            let mut list: Vec<u32> = (0..u32::try_from(times.len()).unwrap()).collect();
            let want = sorted(&by, &list);
            by.sort(&mut list);
            prop_assert_eq!(list, want);
        }

        #[test]
        fn merging_is_sorting(times in times(), cut in 0_usize..400, other: Vec<bool>) {
            let by = by(&times);
            let all: Vec<u32> = (0..u32::try_from(times.len()).unwrap()).collect();
            // One after the other, as a log grows; and mixed, as two logs are.
            let (front, back) = all.split_at(cut.min(all.len()));
            let is_other = |event: &u32| other.get(*event as usize).copied().unwrap_or(false);
            let (one, two): (Vec<u32>, Vec<u32>) = all.iter().partition(|event| is_other(event));
            for (old, fresh) in [(front, back), (&one[..], &two[..])] {
                let mut into = sorted(&by, old);
                by.merge(&mut into, &sorted(&by, fresh));
                prop_assert_eq!(into, sorted(&by, &all));
            }
        }
    }

    #[test]
    fn little_out_of_order_is_taken_out() {
        let times = [1, 2, 3, 9, 4, 5, 6, i64::MAX, 7, 8, i64::MAX];
        let by = by(&times);
        let mut list: Vec<u32> = (0..11).collect();
        by.sort(&mut list);
        assert_eq!(list, [0, 1, 2, 4, 5, 6, 8, 9, 3, 10, 7]);
    }
}
