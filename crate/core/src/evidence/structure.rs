//! Where strings end and brackets stand in JSON, found sixty-four bytes at a time.
//!
//! Walking over JSON byte by byte costs as much as everything else that is done with a record. Here the quotes, backslashes
//! and brackets of a block become bits of a word each; which bytes lie inside strings follows from the quotes by arithmetic,
//! and what is left are the few brackets that mean something.
//!
//! ```
//! use runlens_core::evidence::structure::{container_end, string_end};
//! assert_eq!(container_end(br#"{"a": "}", "b": [1, {}]}, "next""#), 24);
//! assert_eq!(string_end(br#""a\"b": 1"#), 6);
//! ```
//!
//! The compares are the processor's vectors where there are some (SSE2, NEON, wasm simd128), by the crate `wide`, which needs no
//! `unsafe` here; tests hold them to plain code, and every answer to one found byte by byte.
//!
//! Rejected: a list of all structural places for each record, as simdjson makes it. Most values are stepped over unread, and a
//! bracket's partner is found as fast as such a list is written.

use wide::u8x16;

/// Bytes looked at together.
const BLOCK: usize = 64;

/// For each byte of a block one bit, the first byte's lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    quote: u64,
    backslash: u64,
    /// `{` and `[`.
    open: u64,
    /// `}` and `]`.
    close: u64,
    newline: u64,
}

/// What a block holds outside of its strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brackets {
    /// Place of the block's first byte.
    pub base: usize,
    /// Opening brackets of either kind, one bit a byte.
    pub open: u64,
    /// Closing brackets.
    pub close: u64,
    /// Whether a string of this block holds a raw line end.
    pub broken_string: bool,
}

/// Walks over the blocks of bytes that begin outside of any string.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    rest: &'a [u8],
    base: usize,
    /// All ones inside a string, else zero.
    inside: u64,
    /// One where the block's first byte is escaped.
    escaped: u64,
}

/// The blocks of these bytes; the last one may be a part.
#[must_use]
pub fn blocks(bytes: &[u8]) -> Blocks<'_> {
    Blocks {
        rest: bytes,
        base: 0,
        inside: 0,
        escaped: 0,
    }
}

impl Iterator for Blocks<'_> {
    type Item = Brackets;

    // Always inlined: whoever does not ask for broken strings then does not pay for them.
    #[inline(always)]
    fn next(&mut self) -> Option<Brackets> {
        let padded;
        let block: &[u8; BLOCK] = match self.rest.split_first_chunk::<BLOCK>() {
            Some((block, rest)) => {
                self.rest = rest;
                block
            }
            None if self.rest.is_empty() => return None,
            None => {
                padded = padded_block(self.rest);
                self.rest = &[];
                &padded
            }
        };
        let marks = marks_of(block);
        let inside = self.inside(&marks);
        let base = self.base;
        self.base += BLOCK;
        Some(Brackets {
            base,
            open: marks.open & !inside,
            close: marks.close & !inside,
            broken_string: marks.newline & inside != 0,
        })
    }
}

fn padded_block(part: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    for (to, from) in block.iter_mut().zip(part) {
        *to = *from;
    }
    block
}

impl Blocks<'_> {
    /// The bytes inside strings: from an opening quote to before the closing one.
    #[inline(always)]
    fn inside(&mut self, marks: &Marks) -> u64 {
        let (inside, escaped) = (self.inside, self.escaped);
        let quote = marks.quote & !self.escaped_by(marks.backslash);
        let mask = prefix_xor(quote) ^ inside;
        if marks.backslash & !mask != 0 {
            // A backslash outside of strings escapes nothing; JSON has none there.
            return self.inside_one_by_one(marks, inside, escaped);
        }
        self.inside = 0_u64.wrapping_sub(mask >> (BLOCK - 1));
        mask
    }

    /// The bytes behind an odd run of backslashes.
    #[inline(always)]
    fn escaped_by(&mut self, backslash: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if backslash == 0 {
            return std::mem::take(&mut self.escaped);
        }
        let backslash = backslash & !self.escaped;
        let follows = backslash << 1 | self.escaped;
        let odd_starts = backslash & !EVEN & !follows;
        let (even_runs, overflow) = odd_starts.overflowing_add(backslash);
        self.escaped = u64::from(overflow);
        (EVEN ^ (even_runs << 1)) & follows
    }

    #[cold]
    fn inside_one_by_one(&mut self, marks: &Marks, inside: u64, escaped: u64) -> u64 {
        let (mut inside, mut escaped) = (inside != 0, escaped != 0);
        let mut mask = 0;
        for at in 0..BLOCK {
            let bit = 1_u64 << at;
            if std::mem::take(&mut escaped) {
                mask |= bit;
                continue;
            }
            if marks.quote & bit != 0 {
                inside = !inside;
            } else if inside && marks.backslash & bit != 0 {
                escaped = true;
            }
            if inside {
                mask |= bit;
            }
        }
        self.inside = if inside { u64::MAX } else { 0 };
        self.escaped = u64::from(escaped);
        mask
    }
}

/// Bit n is the parity of the bits up to n.
#[inline(always)]
fn prefix_xor(bits: u64) -> u64 {
    let mut sum = bits;
    sum ^= sum << 1;
    sum ^= sum << 2;
    sum ^= sum << 4;
    sum ^= sum << 8;
    sum ^= sum << 16;
    sum ^ sum << 32
}

/// Bytes of the object or array that begins here, both brackets included; all of them where it does not end.
#[must_use]
pub fn container_end(bytes: &[u8]) -> usize {
    let mut depth: u32 = 0;
    for block in blocks(bytes) {
        if block.open | block.close == 0 {
            continue;
        }
        let closing = block.close.count_ones();
        if closing < depth {
            depth = depth - closing + block.open.count_ones();
            continue;
        }
        let mut brackets = block.open | block.close;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            if block.open >> at & 1 == 1 {
                depth += 1;
            } else {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return block.base + at as usize + 1;
                }
            }
            brackets &= brackets - 1;
        }
    }
    bytes.len()
}

/// Bytes of the string that begins with the quote here, both quotes included; all of them where it does not end.
#[inline]
#[must_use]
pub fn string_end(bytes: &[u8]) -> usize {
    let mut at = 1;
    loop {
        let Some(part) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else {
            return string_end_from(bytes, at);
        };
        let hits = quotes_and_backslashes(part);
        if hits == 0 {
            at += 16;
            continue;
        }
        at += hits.trailing_zeros() as usize;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
}

/// The end of a string of which the bytes before `at` are looked at.
fn string_end_from(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[inline(always)]
fn is(bytes: u8x16, byte: u8) -> u8x16 {
    bytes.simd_eq(u8x16::splat(byte))
}

/// Most blocks hold neither brackets nor backslashes: whether they do is one question, where is asked only then.
#[inline(always)]
fn marks_of(block: &[u8; BLOCK]) -> Marks {
    let mut marks = Marks::default();
    let (mut brackets, mut others) = (u8x16::splat(0), u8x16::splat(0));
    for (at, part) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::new(*part);
        // `[` and `{` differ in one bit, and so do `]` and `}`.
        let folded = bytes | u8x16::splat(0x20);
        marks.quote |= u64::from(is(bytes, b'"').to_bitmask()) << (at * 16);
        brackets |= is(folded, b'{') | is(folded, b'}');
        others |= is(bytes, b'\\') | is(bytes, b'\n');
    }
    if brackets.to_bitmask() != 0 {
        let folded = |part: &[u8; 16]| u8x16::new(*part) | u8x16::splat(0x20);
        marks.open = each_part(block, |part| is(folded(part), b'{'));
        marks.close = each_part(block, |part| is(folded(part), b'}'));
    }
    if others.to_bitmask() != 0 {
        marks.backslash = each_part(block, |part| is(u8x16::new(*part), b'\\'));
        marks.newline = each_part(block, |part| is(u8x16::new(*part), b'\n'));
    }
    marks
}

#[inline(always)]
fn each_part(block: &[u8; BLOCK], compare: impl Fn(&[u8; 16]) -> u8x16) -> u64 {
    let parts = block.as_chunks::<16>().0.iter().enumerate();
    parts.fold(0, |bits, (at, part)| {
        bits | u64::from(compare(part).to_bitmask()) << (at * 16)
    })
}

#[inline]
fn quotes_and_backslashes(part: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*part);
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same compares without vectors.
    mod plain {
        use super::{BLOCK, Marks};
        pub fn marks(block: &[u8; BLOCK]) -> Marks {
            let mut marks = Marks::default();
            for (at, byte) in block.iter().enumerate() {
                let bit = 1_u64 << at;
                match byte {
                    b'"' => marks.quote |= bit,
                    b'\\' => marks.backslash |= bit,
                    b'{' | b'[' => marks.open |= bit,
                    b'}' | b']' => marks.close |= bit,
                    b'\n' => marks.newline |= bit,
                    _ => {}
                }
            }
            marks
        }

        pub fn quotes_and_backslashes(part: &[u8; 16]) -> u32 {
            part.iter().rev().fold(0, |bits, byte| {
                bits << 1 | u32::from(matches!(byte, b'"' | b'\\'))
            })
        }
    }

    /// The same questions byte by byte.
    fn plain_string_end(bytes: &[u8]) -> usize {
        string_end_from(bytes, 1)
    }

    fn plain_container_end(bytes: &[u8]) -> usize {
        let (mut at, mut depth) = (0, 0_usize);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at += plain_string_end(&bytes[at..]);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        bytes.len()
    }

    /// Bytes of which most mean something, from a seed.
    fn made(seed: u64, length: usize) -> Vec<u8> {
        const BYTES: &[u8] = b"\"\"\"\\\\{}[],:\n a\xC3\xBC[{x";
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Runs of harmless bytes in between, of all lengths.
                if state >> 60 > seed % 16 {
                    b'x'
                } else {
                    BYTES[(state >> 20) as usize % BYTES.len()]
                }
            })
            .collect()
    }

    #[test]
    fn vectors_and_plain_code_agree() {
        for seed in 0..4_000 {
            let bytes = made(seed, BLOCK);
            let block = bytes.first_chunk::<BLOCK>().expect("a block");
            assert_eq!(marks_of(block), plain::marks(block), "{bytes:?}");
            let part = bytes.first_chunk::<16>().expect("a part");
            assert_eq!(
                quotes_and_backslashes(part),
                plain::quotes_and_backslashes(part)
            );
        }
        let every: Vec<u8> = (0..=255).collect();
        for block in every.as_chunks::<BLOCK>().0 {
            assert_eq!(marks_of(block), plain::marks(block));
        }
    }

    #[test]
    fn ends_are_those_found_byte_by_byte() {
        for seed in 0..20_000 {
            let mut bytes = made(seed, (seed % 331) as usize);
            bytes.insert(0, b"[{"[seed as usize % 2]);
            assert_eq!(
                container_end(&bytes),
                plain_container_end(&bytes),
                "{:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes[0] = b'"';
            assert_eq!(string_end(&bytes), plain_string_end(&bytes));
        }
    }

    #[test]
    fn line_ends_inside_strings_are_seen() {
        for before in 0..200 {
            let text = format!("{}\"a\nb\"\n", " ".repeat(before));
            assert!(blocks(text.as_bytes()).any(|block| block.broken_string));
            let text = format!("{}\"ab\"\n\"\"\n", " ".repeat(before));
            assert!(!blocks(text.as_bytes()).any(|block| block.broken_string));
        }
    }
}
