//! A column of numbers as the case holds it: packed in blocks, each number still found at once.
//!
//! ```text
//! 1,024 offsets      18 000 000, 18 000 123, 18 000 246, …        8 bytes each as they are
//! as a block         18 000 000 + 123 × place + what is left      7 bits each, or none at all
//! ```
//!
//! What a case holds of its events is regular: the same host over and over, offsets that grow by a line, times of whole milliseconds. A block
//! says what is common to its numbers (a base, a step from place to place, a unit) and keeps of each only what differs, in as many bits as the
//! largest needs. A number costs one shift and one multiplication to read, a block is written once and never moves. Ten million events take a
//! quarter of the memory, which a tab has only four gigabytes of and never gives back.
//!
//! Rejected: compression proper. It packs tighter, but a detector that asks for one event would unpack a thousand. And one long vector: it is
//! copied whole each time it grows, so that for a moment it is there twice.

use super::intern::Symbol;
use std::ops::Range;

/// Numbers of a block.
const BLOCK: usize = 1 << BLOCK_BITS;
const BLOCK_BITS: usize = 10;

/// A number of a column: as 64 bits, and back from them.
pub trait Number: Copy + Default + PartialEq {
    /// Units that numbers of this kind may all be multiples of, the largest first: seconds, milliseconds, … of times.
    const UNITS: &'static [u64] = &[];
    /// As 64 bits.
    fn bits(self) -> u64;
    /// From these.
    fn of(bits: u64) -> Self;
}

macro_rules! number {
    ($($number:ty),+) => { $(
        impl Number for $number {
            #[inline]
            fn bits(self) -> u64 {
                u64::from(self)
            }
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "the bits are those of a number of this type")]
            fn of(bits: u64) -> Self {
                bits as Self
            }
        }
    )+ };
}

number!(u8, u32, u64);

impl Number for i64 {
    const UNITS: &'static [u64] = &[1_000_000_000, 1_000_000, 1_000, 100];
    #[inline]
    fn bits(self) -> u64 {
        self.cast_unsigned()
    }
    #[inline]
    fn of(bits: u64) -> Self {
        bits.cast_signed()
    }
}

impl Number for Symbol {
    #[inline]
    fn bits(self) -> u64 {
        u64::from(self.0)
    }
    #[inline]
    fn of(bits: u64) -> Self {
        Self(u32::of(bits))
    }
}

/// 1,024 numbers: `base + step × place + unit × rest`, in 64 bits that wrap around.
#[derive(Debug, Default)]
struct Block {
    base: u64,
    step: u64,
    unit: u64,
    /// Bits of each rest, none where the numbers follow from their places.
    width: u32,
    /// The rests, side by side, lowest bits first.
    rests: Box<[u64]>,
}

/// What is the same for all numbers of a block, with this step: the least rest, and how far the largest is from it.
fn spread(numbers: &[u64], step: u64) -> (u64, u64) {
    let (mut least, mut most, mut expected) = (i64::MAX, i64::MIN, 0_u64);
    for number in numbers {
        let rest = number.wrapping_sub(expected).cast_signed();
        least = least.min(rest);
        most = most.max(rest);
        expected = expected.wrapping_add(step);
    }
    let [least, most] = [least, most].map(i64::cast_unsigned);
    (least, most.wrapping_sub(least))
}

/// The largest of these units that all numbers are apart by.
fn unit(numbers: &[u64], units: &[u64]) -> u64 {
    let first = numbers.first().copied().unwrap_or(0);
    let apart = |number: &u64| number.abs_diff(first);
    let fits = |unit: &u64| {
        numbers
            .iter()
            .all(|number| apart(number).is_multiple_of(*unit))
    };
    units.iter().copied().find(fits).unwrap_or(1)
}

impl Block {
    /// Packs numbers. Of two ways to say what is common, the one that leaves less.
    fn of(numbers: &[u64], units: &[u64]) -> Self {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Self::default();
        };
        if numbers.iter().all(|number| number == first) {
            return Self {
                base: *first,
                ..Self::default()
            };
        }
        let unit = unit(numbers, units);
        let steps = (numbers.len() as u64 - 1).max(1).cast_signed();
        let step = last.wrapping_sub(*first).cast_signed() / steps;
        let step = (step - step % unit.cast_signed()).cast_unsigned();
        let (flat, sloped) = (spread(numbers, 0), spread(numbers, step));
        let ((base, most), step) = if sloped.1 < flat.1 {
            (sloped, step)
        } else {
            (flat, 0)
        };
        // Where a difference wrapped around, it is a multiple of nothing.
        let mut expected = base;
        let mut is_whole = |number: &u64| {
            let rest = number.wrapping_sub(expected);
            expected = expected.wrapping_add(step);
            rest.is_multiple_of(unit)
        };
        let unit = if unit > 1 && numbers.iter().all(&mut is_whole) {
            unit
        } else {
            1
        };
        let width = u64::BITS - (most / unit).leading_zeros();
        let mut rests = Vec::with_capacity((numbers.len() * width as usize).div_ceil(64));
        let (mut word, mut filled, mut expected) = (0_u64, 0_u32, base);
        for number in numbers.iter().filter(|_| width > 0) {
            let rest = number.wrapping_sub(expected) / unit;
            expected = expected.wrapping_add(step);
            word |= rest << filled;
            filled += width;
            if filled >= u64::BITS {
                rests.push(word);
                filled -= u64::BITS;
                // What did not fit; nothing where all of it did.
                word = rest.checked_shr(width - filled).unwrap_or(0);
            }
        }
        if filled > 0 {
            rests.push(word);
        }
        Self {
            base,
            step,
            unit,
            width,
            rests: rests.into_boxed_slice(),
        }
    }

    #[inline]
    fn get(&self, place: usize) -> u64 {
        let place_bits = place as u64;
        let common = self.base.wrapping_add(self.step.wrapping_mul(place_bits));
        if self.width == 0 {
            return common;
        }
        let first = place_bits * u64::from(self.width);
        let (word, from) = ((first / 64) as usize, (first % 64) as u32);
        let low = self.rests.get(word).copied().unwrap_or(0) >> from;
        let over = (from + self.width).saturating_sub(u64::BITS);
        let rest = if over > 0 {
            let high = self.rests.get(word + 1).copied().unwrap_or(0);
            low | (high << (self.width - over))
        } else {
            low
        };
        let rest = rest & (u64::MAX >> (u64::BITS - self.width));
        common.wrapping_add(rest.wrapping_mul(self.unit))
    }
}

/// A column of numbers, in order of arrival.
#[derive(Debug, Default)]
pub struct Column<T> {
    blocks: Vec<Block>,
    /// Fewer than a block, as they are.
    tail: Vec<T>,
}

impl<T: Number> Column<T> {
    /// How many numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed() + self.tail.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn packed(&self) -> usize {
        self.blocks.len() << BLOCK_BITS
    }

    /// The number at a place.
    #[inline]
    #[must_use]
    pub fn get(&self, at: usize) -> Option<T> {
        match self.blocks.get(at >> BLOCK_BITS) {
            Some(block) => Some(T::of(block.get(at % BLOCK))),
            None => self.tail.get(at.checked_sub(self.packed())?).copied(),
        }
    }

    /// Appends the numbers at these places to a list, block by block: for whoever looks at a million of them.
    pub fn unpack(&self, places: Range<usize>, into: &mut Vec<T>) {
        let mut at = places.start;
        while let Some(block) = self
            .blocks
            .get(at >> BLOCK_BITS)
            .filter(|_| at < places.end)
        {
            let until = places.end.min((at | (BLOCK - 1)) + 1);
            let inside = at % BLOCK..at % BLOCK + (until - at);
            into.extend(inside.map(|place| T::of(block.get(place))));
            at = until;
        }
        let packed = self.packed();
        let rest = at.saturating_sub(packed)..places.end.saturating_sub(packed);
        into.extend_from_slice(self.tail.get(rest).unwrap_or(&[]));
    }

    /// All numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        self.iter_from(0)
    }

    /// The numbers from a place on, in order.
    pub fn iter_from(&self, at: usize) -> impl Iterator<Item = T> {
        let first = at >> BLOCK_BITS;
        let blocks = (first..).zip(self.blocks.iter().skip(first));
        let packed = blocks.flat_map(move |(number, block)| {
            let from = if number == first { at % BLOCK } else { 0 };
            (from..BLOCK).map(|place| T::of(block.get(place)))
        });
        let left_out = at.saturating_sub(self.packed());
        packed.chain(self.tail.iter().skip(left_out).copied())
    }

    /// Adds numbers.
    pub fn extend(&mut self, numbers: impl IntoIterator<Item = T>) {
        let mut numbers = numbers.into_iter();
        loop {
            let room = BLOCK - self.tail.len();
            if self.tail.capacity() < BLOCK {
                self.tail.reserve_exact(room.min(numbers.size_hint().0));
            }
            self.tail.extend(numbers.by_ref().take(room));
            if self.tail.len() < BLOCK {
                return;
            }
            let block = pack(&self.tail);
            self.blocks.push(block);
            self.tail.clear();
        }
    }

    /// Puts others in the places of some numbers; places in order cost least.
    pub fn replace(&mut self, changes: impl IntoIterator<Item = (usize, T)>) {
        let mut open: Option<(usize, Vec<T>)> = None;
        for (at, number) in changes {
            let of = at >> BLOCK_BITS;
            if open.as_ref().is_some_and(|(block, _)| *block != of) {
                self.close(open.take());
            }
            let slot = match self.blocks.get(of) {
                Some(block) => {
                    let unpacked = || (0..BLOCK).map(|place| T::of(block.get(place))).collect();
                    let (_, numbers) = open.get_or_insert_with(|| (of, unpacked()));
                    numbers.get_mut(at % BLOCK)
                }
                None => self.tail.get_mut(at % BLOCK),
            };
            if let Some(slot) = slot {
                *slot = number;
            }
        }
        self.close(open);
    }

    fn close(&mut self, open: Option<(usize, Vec<T>)>) {
        if let Some((block, numbers)) = open
            && let Some(slot) = self.blocks.get_mut(block)
        {
            *slot = pack(&numbers);
        }
    }
}

fn pack<T: Number>(numbers: &[T]) -> Block {
    let mut bits = [0_u64; BLOCK];
    for (slot, number) in bits.iter_mut().zip(numbers) {
        *slot = number.bits();
    }
    Block::of(bits.get(..numbers.len()).unwrap_or(&[]), T::UNITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held<T: Number + std::fmt::Debug>(numbers: &[T], cuts: &[usize]) {
        let mut column = Column::default();
        let mut left = numbers;
        for cut in cuts {
            let (now, later) = left.split_at((*cut).min(left.len()));
            column.extend(now.iter().copied());
            left = later;
        }
        column.extend(left.iter().copied());
        assert_eq!(column.len(), numbers.len());
        assert_eq!(column.iter().collect::<Vec<_>>(), numbers);
        for (at, number) in numbers.iter().enumerate() {
            assert_eq!(column.get(at), Some(*number), "{at}");
        }
        assert_eq!(column.get(numbers.len()), None);
        for from in cuts.iter().filter(|from| **from <= numbers.len()) {
            let (mut unpacked, until) = (Vec::new(), numbers.len().min(from * 2));
            column.unpack(*from..until, &mut unpacked);
            assert_eq!(unpacked, &numbers[*from..until]);
            assert!(
                column.iter_from(*from).eq(numbers[*from..].iter().copied()),
                "{from}"
            );
        }
    }

    /// What columns are like: steps, jitter, jumps, runs of one number.
    fn numbers() -> impl Strategy<Value = Vec<i64>> {
        let piece = (
            any::<i64>(),
            -300_i64..300,
            0_u32..40,
            1_i64..2_000_000_000,
            0_usize..1500,
        );
        let piece = piece.prop_map(|(first, step, jitter, unit, count)| {
            (0..count as i64).map(move |at| {
                let noise =
                    (at.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())) >> (63 - jitter);
                first
                    .wrapping_add(at.wrapping_mul(step).wrapping_mul(unit))
                    .wrapping_add(noise.wrapping_mul(unit))
            })
        });
        prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.into_iter().flatten().collect())
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in numbers(), cuts in prop::collection::vec(0_usize..1500, 0..6)) {
            held(&numbers, &cuts);
            held(&numbers.iter().map(|number| number.cast_unsigned()).collect::<Vec<u64>>(), &cuts);
            held(&numbers.iter().map(|number| *number as u32).collect::<Vec<u32>>(), &cuts);
            held(&numbers.iter().map(|number| Symbol(*number as u32)).collect::<Vec<Symbol>>(), &cuts);
            held(&numbers.iter().map(|number| *number as u8).collect::<Vec<u8>>(), &cuts);
        }

        #[test]
        fn numbers_are_replaced(mut numbers in numbers(), changes: Vec<(prop::sample::Index, i64)>) {
            let mut column = Column::default();
            column.extend(numbers.iter().copied());
            let places = changes.iter().filter(|_| !numbers.is_empty());
            let changes: Vec<(usize, i64)> = places.map(|(at, number)| (at.index(numbers.len()), *number)).collect();
            for (at, number) in &changes {
                numbers[*at] = *number;
            }
            column.replace(changes);
            column.replace([(numbers.len(), 1)]);
            prop_assert_eq!(column.iter().collect::<Vec<_>>(), numbers);
        }
    }

    #[test]
    fn what_is_regular_takes_no_room() {
        let same: Vec<u32> = vec![7; BLOCK];
        let lines: Vec<u64> = (0..BLOCK as u64)
            .map(|line| 5_000_000_000 + 123 * line)
            .collect();
        assert!(pack(&same).rests.is_empty());
        assert!(pack(&lines).rests.is_empty());
        // Whole milliseconds of an hour: 22 bits each, not 64.
        let times: Vec<i64> = (0..BLOCK as i64)
            .map(|at| 1_700_000_000_000_000_000 + (at * 7919 % 3_600_000) * 1_000_000)
            .collect();
        assert!(pack(&times).rests.len() <= BLOCK * 23 / 64);
    }

    #[test]
    fn the_widest_numbers_fit() {
        let ends: Vec<i64> = (0..2 * BLOCK)
            .map(|at| if at % 2 == 0 { i64::MIN } else { i64::MAX })
            .collect();
        held(&ends, &[]);
    }
}
