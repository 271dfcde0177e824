//! Columns of numbers as they cross between workers: bytes side by side, lowest first.
//!
//! ```text
//! [1, 2, 3] as u32      0c  01 00 00 00  02 00 00 00  03 00 00 00      length in bytes, then the numbers
//! ```
//!
//! The coordinator takes over the batches of all readers alone, so what a number costs there counts for all of them.
//!
//! Rejected: numbers of variable length, number by number. A third smaller, and many times slower on both sides.

use super::intern::Symbol;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A number of a column.
pub trait Packed: Copy {
    /// Its bytes.
    type Bytes: AsRef<[u8]> + for<'a> TryFrom<&'a [u8]>;
    /// How many bytes it has.
    const BYTES: usize;
    /// As bytes, lowest first.
    fn bytes(self) -> Self::Bytes;
    /// From its bytes.
    fn of(bytes: Self::Bytes) -> Self;
}

macro_rules! packed {
    ($($number:ty),+) => { $(
        impl Packed for $number {
            type Bytes = [u8; size_of::<$number>()];
            const BYTES: usize = size_of::<$number>();
            #[inline]
            fn bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }
            #[inline]
            fn of(bytes: Self::Bytes) -> Self {
                Self::from_le_bytes(bytes)
            }
        }
    )+ };
}

packed!(u8, u32, u64, i64);

impl Packed for Symbol {
    type Bytes = [u8; 4];
    const BYTES: usize = 4;
    #[inline]
    fn bytes(self) -> Self::Bytes {
        self.0.to_le_bytes()
    }
    #[inline]
    fn of(bytes: Self::Bytes) -> Self {
        Self(u32::from_le_bytes(bytes))
    }
}

/// Writes a column.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Packed, S: Serializer>(column: &[T], to: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(column.len() * T::BYTES);
    for number in column {
        bytes.extend_from_slice(number.bytes().as_ref());
    }
    to.serialize_bytes(&bytes)
}

/// Reads a column.
///
/// # Errors
/// Where the bytes are no whole number of numbers, and those of the deserializer.
pub fn deserialize<'de, T: Packed, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_bytes(Column(PhantomData))
}

struct Column<T>(PhantomData<T>);

impl<T: Packed> Visitor<'_> for Column<T> {
    type Value = Vec<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "numbers of {} bytes each", T::BYTES)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        if !bytes.len().is_multiple_of(T::BYTES) {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        let numbers = bytes.chunks_exact(T::BYTES);
        Ok(numbers
            .filter_map(|number| T::Bytes::try_from(number).ok().map(T::of))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Columns, EventBatch};
    use super::*;

    #[test]
    fn columns_come_back_as_they_went() {
        let columns = Columns {
            time_ns: vec![0, -1, i64::MIN, i64::MAX],
            time_how: vec![0, 1, 0x7F, 0xFF],
            kind: vec![3; 4],
            outcome: vec![0; 4],
            record: vec![0, 1, 256, u32::MAX],
            offset: vec![0, 1, u64::from(u32::MAX) + 1, u64::MAX],
            length: vec![7; 4],
            host: [0, 1, 65_536, u32::MAX].map(Symbol).to_vec(),
            actor: vec![Symbol(1); 4],
            ip: vec![Symbol(2); 4],
            resource: vec![Symbol(3); 4],
            operation: vec![Symbol(4); 4],
            correlation: vec![Symbol(5); 4],
        };
        let batch = EventBatch {
            columns,
            ..EventBatch::default()
        };
        let bytes = batch.encode();
        assert_eq!(EventBatch::decode(&bytes), Ok(batch));
        for cut in 0..bytes.len() {
            assert!(EventBatch::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        // One byte less in the first column: no whole number of numbers.
        let mut bent = bytes;
        bent[0] -= 1;
        assert!(EventBatch::decode(&bent).is_err());
    }
}
