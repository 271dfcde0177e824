//! Values of events, and their bytes.

use crate::instant::Instant;

/// 100 ns from the year 1 to 1601, where Windows begins to count.
const TICKS_OF_1601: i64 = 504_911_232_000_000_000;
/// Code units that a text may have: the size of a value is counted in sixteen bits.
const TEXT_UNITS: usize = 30_000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: what it stands in is left out.
    Null,
    /// Text.
    Text(String),
    /// A byte.
    U8(u8),
    /// Two bytes.
    U16(u16),
    /// Four bytes.
    U32(u32),
    /// Eight bytes.
    U64(u64),
    /// Four bytes, shown as `0x1a`.
    Hex32(u32),
    /// Eight bytes, shown as `0x3e7`.
    Hex64(u64),
    /// `true` or `false`.
    Bool(bool),
    /// A GUID, in its text form with dashes.
    Guid(String),
    /// A moment.
    Time(Instant),
    /// A security id, in its text form.
    Sid(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Value {
    /// The byte that names the value's type.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::Text(_) => 0x01,
            Self::U8(_) => 0x04,
            Self::U16(_) => 0x06,
            Self::U32(_) => 0x08,
            Self::U64(_) => 0x0a,
            Self::Bool(_) => 0x0d,
            Self::Guid(_) => 0x0f,
            Self::Time(_) => 0x11,
            Self::Sid(_) => 0x13,
            Self::Hex32(_) => 0x14,
            Self::Hex64(_) => 0x15,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => utf16(text).take(TEXT_UNITS * 2).collect(),
            Self::U8(number) => vec![*number],
            Self::U16(number) => number.to_le_bytes().into(),
            Self::U32(number) | Self::Hex32(number) => number.to_le_bytes().into(),
            Self::U64(number) | Self::Hex64(number) => number.to_le_bytes().into(),
            Self::Bool(is) => u32::from(*is).to_le_bytes().into(),
            Self::Guid(text) => guid(text).into(),
            Self::Time(at) => file_time(*at).to_le_bytes().into(),
            Self::Sid(text) => sid(text),
        }
    }
}

/// 100 ns since 1601.
#[must_use]
pub fn file_time(at: Instant) -> u64 {
    at.ticks()
        .saturating_sub(TICKS_OF_1601)
        .max(0)
        .cast_unsigned()
}

/// UTF-16, little end first.
pub fn utf16(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes)
}

/// A GUID as Windows keeps it: the first three groups are numbers with the little end first.
#[must_use]
pub fn guid(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|letter| letter.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    for (pair, to) in digits.chunks_exact(2).zip(ORDER) {
        if let ([high, low], Some(byte)) = (pair, bytes.get_mut(to)) {
            *byte = high << 4 | low;
        }
    }
    bytes
}

/// `S-1-5-21-…`: revision, count, authority with the big end first, then numbers with the little end first.
fn sid(text: &str) -> Vec<u8> {
    let numbers: Vec<u64> = text
        .split('-')
        .filter_map(|part| part.parse().ok())
        .collect();
    let (Some(revision), Some(authority)) = (numbers.first(), numbers.get(1)) else {
        return Vec::new();
    };
    let rest = numbers.get(2..).unwrap_or_default();
    let mut bytes = vec![*revision as u8, rest.len() as u8];
    bytes.extend(authority.to_be_bytes().iter().skip(2));
    for number in rest {
        bytes.extend((*number as u32).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Value, file_time, guid};
    use crate::instant::Instant;

    #[test]
    fn values_have_the_bytes_of_windows() {
        assert_eq!(file_time(Instant::of_seconds(0)), 116_444_736_000_000_000);
        assert_eq!(
            guid("00112233-4455-6677-8899-aabbccddeeff"),
            [
                0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
                0xee, 0xff
            ]
        );
        assert_eq!(
            Value::Sid("S-1-5-32-544".to_owned()).bytes(),
            [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0]
        );
        assert_eq!(Value::from("aé").bytes(), [0x61, 0, 0xe9, 0]);
        assert_eq!(Value::from("x".repeat(40_000)).bytes().len(), 60_000);
    }
}
