//! Chance without chance: the same seed gives the same case on any machine, for ever.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019), seeded through SplitMix64 as its authors advise. It is
//! written out here because a case must not change when a library changes how it draws a number from a range.
//!
//! A story grows by parts. So that a new part does not shift every number of the old ones, each part draws from its
//! own [`Random::stream`], named by a label: the seed and the label alone decide what it gives.

/// A stream of numbers that depends on its seed alone.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
    seed: u64,
}

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut at = seed;
        Self {
            state: std::array::from_fn(|_| split_mix(&mut at)),
            seed,
        }
    }

    /// The stream that belongs to a label, whatever was drawn from this one before.
    #[must_use]
    pub fn stream(&self, label: &str) -> Self {
        // FNV-1a: a label is a handful of letters, and SplitMix64 does the mixing.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self::new(self.seed.rotate_left(17) ^ hash)
    }

    /// Sixty-four bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        drawn
    }

    /// A number below `end`; 0 when `end` is 0. The bias of the multiplication is below 2⁻³² for the sizes used here.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number of `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).cast_unsigned();
        low.saturating_add(self.below(span.saturating_add(1)).cast_signed())
    }

    /// Whether something that happens `percent` times in a hundred happens now.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the choices; `None` where there are none.
    pub fn one<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len() as u64) as usize)
    }

    /// Bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut drawn = Vec::with_capacity(count + 8);
        while drawn.len() < count {
            drawn.extend_from_slice(&self.bits().to_le_bytes());
        }
        drawn.truncate(count);
        drawn
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        self.letters(b"0123456789abcdef", digits)
    }

    /// Letters of an alphabet.
    pub fn letters(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count)
            .filter_map(|_| self.one(alphabet).copied().map(char::from))
            .collect()
    }

    /// A GUID of version 4, in lower case with dashes.
    pub fn guid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let variant = 0x8000 | ((low >> 48) & 0x3fff);
        format!(
            "{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0x0fff,
            low & 0xffff_ffff_ffff,
        )
    }

    /// Letters of the URL-safe Base64 alphabet, as the opaque parts of tokens are made of.
    pub fn opaque(&mut self, count: usize) -> String {
        self.letters(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            count,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_the_numbers_it_gave_before() {
        // SplitMix64 of seed 1234567, from its reference implementation.
        let mut at = 1_234_567;
        assert_eq!(super::split_mix(&mut at), 6_457_827_717_110_365_317);
        assert_eq!(super::split_mix(&mut at), 3_203_168_211_198_807_973);
        // xoshiro256++ of state 1, 2, 3, 4, from its reference implementation.
        let mut random = Random {
            state: [1, 2, 3, 4],
            seed: 0,
        };
        assert_eq!(random.bits(), 41_943_041);
        assert_eq!(random.bits(), 58_720_359);
        assert_eq!(random.bits(), 3_588_806_011_781_223);
    }

    #[test]
    fn a_stream_does_not_depend_on_what_was_drawn_before() {
        let mut random = Random::new(7);
        let fresh = random.stream("cloud").guid();
        random.bits();
        assert_eq!(random.stream("cloud").guid(), fresh);
        assert_ne!(random.stream("linux").guid(), fresh);
        assert_ne!(Random::new(8).stream("cloud").guid(), fresh);
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<i64> = (0..500).map(|_| random.between(-2, 2)).collect();
        assert_eq!(drawn.iter().min(), Some(&-2));
        assert_eq!(drawn.iter().max(), Some(&2));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn a_guid_looks_like_one() {
        let guid = Random::new(3).guid();
        let parts: Vec<usize> = guid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(guid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&guid.as_bytes()[19]));
    }
}
