//! Values of the binary form as text.
//!
//! A value is bytes and the number of its type; event viewers, and every tool that reads a log, write it in the same way: `0x3e7`, `S-1-5-18`, `{5770385f-…}`. What an
//! event means is decided on that text, whatever tool wrote it. Source: windows-and-endpoint-artifacts 4, after MS-EVEN6.
//!
//! Rejected: typed values up to the meaning. A process id is a number in one log, hexadecimal text in the next and decimal text in a rendering of both.

use crate::time::Instant;

/// FILETIME: 100 ns since 1601.
#[must_use]
pub fn filetime(ticks: u64) -> Option<Instant> {
    const FROM_1601_TO_1970: i64 = 116_444_736_000_000_000;
    let ticks = i64::try_from(ticks).ok()?.checked_sub(FROM_1601_TO_1970)?;
    Instant::from_epoch(ticks, 100, 7)
}

/// A number of two bytes.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(
        bytes.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

/// A number of four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

/// A number of eight bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(
        bytes.get(at..at.checked_add(8)?)?.try_into().ok()?,
    ))
}

/// Text from UTF-16, little end first; half a pair becomes a replacement character.
pub(super) fn push_utf16(bytes: &[u8], out: &mut String) {
    /// Letters looked at together: nearly all text is ASCII.
    const BLOCK: usize = 64;
    let (mut units, _) = bytes.as_chunks::<2>();
    out.reserve(units.len());
    while !units.is_empty() {
        let (block, rest) = units.split_at(units.len().min(BLOCK));
        let mut letters = [0_u8; BLOCK];
        let mut all = 0;
        for (letter, unit) in letters.iter_mut().zip(block) {
            let [low, high] = *unit;
            all |= (low & 0x80) | high;
            *letter = low;
        }
        match letters.get(..block.len()).map(std::str::from_utf8) {
            Some(Ok(text)) if all == 0 => out.push_str(text),
            _ => break,
        }
        units = rest;
    }
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    for letter in char::decode_utf16(units) {
        out.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

/// A value as event viewers write it.
pub(super) fn value_text(kind: u8, bytes: &[u8], out: &mut String) {
    use std::fmt::Write as _;
    const ARRAY: u8 = 0x80;
    let width = match kind & !ARRAY {
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0B | 0x0D | 0x14 => 4,
        0x09 | 0x0A | 0x0C | 0x11 | 0x15 => 8,
        0x0F | 0x12 => 16,
        _ => 0,
    };
    if kind & ARRAY != 0 {
        if kind & !ARRAY == 0x01 {
            let mut text = String::new();
            push_utf16(bytes, &mut text);
            let parts: Vec<&str> = text.split('\0').filter(|part| !part.is_empty()).collect();
            out.push_str(&parts.join("\n"));
        } else if width > 0 {
            for (at, item) in bytes.chunks_exact(width).enumerate() {
                if at > 0 {
                    out.push('\n');
                }
                value_text(kind & !ARRAY, item, out);
            }
        }
        return;
    }
    let written = match kind {
        0x01 => {
            push_utf16(bytes, out);
            // Strings may carry their terminator.
            while out.ends_with('\0') {
                out.pop();
            }
            return;
        }
        0x02 => {
            out.push_str(crate::evidence::encoding::text(bytes).trim_end_matches('\0'));
            return;
        }
        0x03 => bytes
            .first()
            .map(|value| write!(out, "{}", i8::from_le_bytes([*value]))),
        0x04 => bytes
            .first()
            .map(|value| put_number::<10>(u64::from(*value), out)),
        0x05 => u16_at(bytes, 0).map(|value| write!(out, "{}", value.cast_signed())),
        0x06 => u16_at(bytes, 0).map(|value| put_number::<10>(u64::from(value), out)),
        0x07 => u32_at(bytes, 0).map(|value| write!(out, "{}", value.cast_signed())),
        0x08 => u32_at(bytes, 0).map(|value| put_number::<10>(u64::from(value), out)),
        0x09 => u64_at(bytes, 0).map(|value| write!(out, "{}", value.cast_signed())),
        0x0A => u64_at(bytes, 0).map(|value| put_number::<10>(value, out)),
        0x0B => u32_at(bytes, 0).map(|value| write!(out, "{}", f32::from_bits(value))),
        0x0C => u64_at(bytes, 0).map(|value| write!(out, "{}", f64::from_bits(value))),
        0x0D => u32_at(bytes, 0).map(|value| write!(out, "{}", value != 0)),
        0x0F => {
            put_guid(bytes, out);
            None
        }
        0x10 if bytes.len() == 4 => u32_at(bytes, 0).map(|value| put_hex(u64::from(value), out)),
        0x10 | 0x15 => u64_at(bytes, 0).map(|value| put_hex(value, out)),
        0x11 => u64_at(bytes, 0)
            .and_then(filetime)
            .map(|value| write!(out, "{value}")),
        0x12 => system_time(bytes).map(|value| write!(out, "{value}")),
        0x13 => sid(bytes).map(|value| write!(out, "{value}")),
        0x14 => u32_at(bytes, 0).map(|value| put_hex(u64::from(value), out)),
        0x0E => {
            for byte in bytes {
                let _ = write!(out, "{byte:02X}");
            }
            None
        }
        _ => None,
    };
    let _ = written;
}

/// A number in digits, as `write!` would write it at ten times the price.
fn put_number<const BASE: u64>(mut value: u64, out: &mut String) -> std::fmt::Result {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        let digit = (value % BASE) as u8;
        *place = if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        };
        used += 1;
        value /= BASE;
        if value == 0 {
            break;
        }
    }
    let shown = digits.get(digits.len() - used..).unwrap_or(&[]);
    out.push_str(std::str::from_utf8(shown).unwrap_or(""));
    Ok(())
}

fn put_hex(value: u64, out: &mut String) -> std::fmt::Result {
    out.push_str("0x");
    put_number::<16>(value, out)
}

/// `{5770385f-c22a-43e0-bf4c-06f5698ffbd9}`: the first three groups are numbers with the little end first.
fn put_guid(bytes: &[u8], out: &mut String) {
    const ORDER: [(usize, bool); 16] = [
        (3, false),
        (2, false),
        (1, false),
        (0, true),
        (5, false),
        (4, true),
        (7, false),
        (6, true),
        (8, false),
        (9, true),
        (10, false),
        (11, false),
        (12, false),
        (13, false),
        (14, false),
        (15, false),
    ];
    if bytes.len() < ORDER.len() {
        return;
    }
    let digit = |value: u8| {
        char::from(if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        })
    };
    out.push('{');
    for (at, dash) in ORDER {
        let byte = bytes.get(at).copied().unwrap_or(0);
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0x0F));
        if dash {
            out.push('-');
        }
    }
    out.push('}');
}

fn sid(bytes: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    let (revision, count) = (bytes.first()?, usize::from(*bytes.get(1)?));
    let authority = bytes
        .get(2..8)?
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut out = format!("S-{revision}-{authority}");
    for number in 0..count {
        let _ = write!(out, "-{}", u32_at(bytes, 8 + number * 4)?);
    }
    Some(out)
}

fn system_time(bytes: &[u8]) -> Option<Instant> {
    let part = |number: usize| u16_at(bytes, number * 2).map(u32::from);
    Instant::from_civil(
        (i32::try_from(part(0)?).ok()?, part(1)?, part(3)?),
        (part(4)?, part(5)?, part(6)?),
        part(7)? * 1_000_000,
        3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_length_and_letters_is_decoded() {
        for length in [0, 1, 63, 64, 65, 200] {
            for at in 0..length {
                let mut units: Vec<u16> = vec![u16::from(b'x'); length];
                for odd in ["é", "☃", "😀"] {
                    let odd: Vec<u16> = odd.encode_utf16().collect();
                    units.splice(at..at, odd);
                }
                // Half a pair.
                units.insert(at, 0xD83D);
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                let mut have = String::new();
                push_utf16(&bytes, &mut have);
                assert_eq!(have, String::from_utf16_lossy(&units));
            }
        }
    }

    #[test]
    fn values_are_written_as_viewers_write_them() {
        let shown = |kind: u8, bytes: &[u8]| {
            let mut out = String::new();
            value_text(kind, bytes, &mut out);
            out
        };
        assert_eq!(shown(0x14, &[0xE7, 3, 0, 0]), "0x3e7");
        assert_eq!(shown(0x15, &[0xFF; 8]), "0xffffffffffffffff");
        assert_eq!(shown(0x0A, &[0xFF; 8]), "18446744073709551615");
        assert_eq!(shown(0x08, &[0; 4]), "0");
        assert_eq!(shown(0x07, &[0xFF; 4]), "-1");
        assert_eq!(shown(0x0D, &[1, 0, 0, 0]), "true");
        assert_eq!(
            shown(
                0x13,
                &[
                    1, 5, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0,
                    0, 0
                ]
            ),
            "S-1-5-32-544-1-2-3"
        );
        assert_eq!(shown(0x81, b"a\0\0\0b\0"), "a\nb");
        assert_eq!(shown(0x88, &[1, 0, 0, 0, 2, 0, 0, 0]), "1\n2");
        assert_eq!(
            shown(0x11, &133_590_312_012_500_000_u64.to_le_bytes()),
            "2024-05-01T10:00:01.2500000Z"
        );
        assert_eq!(shown(0x0F, &[0; 3]), "");
        assert_eq!(
            shown(
                0x0F,
                &[
                    0x5F, 0x38, 0x70, 0x57, 0x2A, 0xC2, 0xE0, 0x43, 0xBF, 0x4C, 6, 0xF5, 0x69,
                    0x8F, 0xFB, 0xD9
                ]
            ),
            "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"
        );
    }
}
