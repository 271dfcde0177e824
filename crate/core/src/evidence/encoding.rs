//! Which text encoding an item has, and undoing UTF-16.
//!
//! Order (activity-log-formats 0.1): byte-order mark, then valid UTF-8, then a single-byte code page.
//! UTF-16 is transcoded to UTF-8 as it streams. Single-byte text is *not* transcoded: its structure
//! is ASCII, so framers and readers work on the raw bytes and only display needs the code page
//! ([`text`]). Never is a file refused for its encoding.
//!
//! ```
//! use runlens_core::evidence::encoding::text;
//! assert_eq!(text(b"\xDEahin"), "Şahin"); // Windows-1254, as cmd.exe writes it on a Turkish system
//! ```
//!
//! Rejected: deciding the code page for the whole item before reading. The first invalid byte may be
//! in the last megabyte; a field decides for itself, so any cut of the item reads the same.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How the bytes of an item become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UTF-8 or single-byte text, after this many bytes of byte-order mark.
    Bytes {
        /// 3 with a UTF-8 byte-order mark, else 0.
        mark: usize,
    },
    /// UTF-16, little end first.
    Utf16Le {
        /// 2 with a byte-order mark, else 0.
        mark: usize,
    },
    /// UTF-16, big end first.
    Utf16Be {
        /// 2 with a byte-order mark, else 0.
        mark: usize,
    },
}

impl Transport {
    /// By byte-order mark, else by the zero bytes that ASCII has in UTF-16.
    #[must_use]
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0xEF, 0xBB, 0xBF, ..] => Self::Bytes { mark: 3 },
            // Windows event logs have zeros enough to look like UTF-16.
            [b'E', b'l', b'f', ..] => Self::Bytes { mark: 0 },
            [0xFF, 0xFE, ..] => Self::Utf16Le { mark: 2 },
            [0xFE, 0xFF, ..] => Self::Utf16Be { mark: 2 },
            _ => {
                let looked = head.get(..head.len().min(512) & !1).unwrap_or(&[]);
                let pairs = looked.len() / 2;
                let zeros_at = |odd: usize| {
                    looked
                        .iter()
                        .skip(odd)
                        .step_by(2)
                        .zip(looked.iter().skip(1 - odd).step_by(2))
                        .filter(|(zero, other)| **zero == 0 && **other != 0)
                        .count()
                };
                if pairs >= 4 && zeros_at(1) * 10 >= pairs * 7 {
                    Self::Utf16Le { mark: 0 }
                } else if pairs >= 4 && zeros_at(0) * 10 >= pairs * 7 {
                    Self::Utf16Be { mark: 0 }
                } else {
                    Self::Bytes { mark: 0 }
                }
            }
        }
    }

    /// Bytes of the byte-order mark.
    #[must_use]
    pub fn mark(self) -> usize {
        match self {
            Self::Bytes { mark } | Self::Utf16Le { mark } | Self::Utf16Be { mark } => mark,
        }
    }
}

/// Undoes UTF-16 piece by piece; other text passes through.
#[derive(Clone, Debug)]
pub struct Decoder {
    transport: Transport,
    half: Option<u8>,
    high: Option<u16>,
    /// Unpaired surrogates met, each shown as U+FFFD.
    pub broken: u64,
}

impl Decoder {
    /// A decoder; the byte-order mark must already be stepped over.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            half: None,
            high: None,
            broken: 0,
        }
    }

    /// Decodes the next piece.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let big = match self.transport {
            Transport::Bytes { .. } => return Cow::Borrowed(bytes),
            Transport::Utf16Le { .. } => false,
            Transport::Utf16Be { .. } => true,
        };
        let mut out = Vec::with_capacity(bytes.len() / 2 + 4);
        for byte in bytes {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = if big {
                u16::from_be_bytes([first, *byte])
            } else {
                u16::from_le_bytes([first, *byte])
            };
            self.unit(unit, &mut out);
        }
        Cow::Owned(out)
    }

    /// What is left at the end: a lone surrogate or half a code unit.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.high.take().is_some() {
            self.replace(&mut out);
        }
        if self.half.take().is_some() {
            self.broken += 1;
        }
        out
    }

    fn replace(&mut self, out: &mut Vec<u8>) {
        self.broken += 1;
        out.extend_from_slice("\u{FFFD}".as_bytes());
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(letter)) = char::decode_utf16([high, unit])
                .next()
                .filter(|_| (0xDC00..0xE000).contains(&unit))
            {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return;
            }
            self.replace(out);
        }
        match unit {
            0xD800..0xDC00 => self.high = Some(unit),
            0xDC00..0xE000 => self.replace(out),
            _ => {
                let letter = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

/// Letters of 0x80 to 0x9F in Windows-1252 and -1254 (the unassigned ones as they are).
const UPPER: [u16; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

/// The six places where Windows-1254 (Turkish) differs from Windows-1252 (Icelandic letters, far rarer in exports).
fn turkish(byte: u8) -> Option<char> {
    Some(match byte {
        0xD0 => 'Ğ',
        0xDD => 'İ',
        0xDE => 'Ş',
        0xF0 => 'ğ',
        0xFD => 'ı',
        0xFE => 'ş',
        _ => return None,
    })
}

fn letter(byte: u8) -> char {
    turkish(byte).unwrap_or_else(|| match byte {
        0x80..=0x9F => UPPER
            .get(usize::from(byte - 0x80))
            .and_then(|unit| char::from_u32(u32::from(*unit)))
            .unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from(byte),
    })
}

/// A field's bytes as text: UTF-8; else, where part of it is UTF-8 beyond ASCII, with U+FFFD for the
/// broken bytes; else as Windows-1254 or -1252.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if has_multibyte(bytes) => String::from_utf8_lossy(bytes),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| letter(*byte)).collect()),
    }
}

/// Text without white space at its ends; most has none there, as its first and last letter show.
#[inline]
#[must_use]
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

fn has_multibyte(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// What was seen of an item's text, for the encoding's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Some valid UTF-8 beyond ASCII.
    pub multibyte: bool,
    /// Some bytes that are not UTF-8.
    pub invalid: bool,
    /// Some of the six letters that tell Windows-1254.
    pub turkish: bool,
    /// Most bytes of the head are not text at all.
    pub binary: bool,
}

impl Seen {
    /// Looks at one complete unit (never at a cut one: a cut inside a letter is not invalid).
    pub fn look(&mut self, bytes: &[u8]) {
        if bytes.is_ascii() {
            return;
        }
        for chunk in bytes.utf8_chunks() {
            self.multibyte |= !chunk.valid().is_ascii();
            if !chunk.invalid().is_empty() {
                self.invalid = true;
                self.turkish |= chunk.invalid().iter().any(|byte| turkish(*byte).is_some());
            }
        }
    }

    /// Adds what was seen elsewhere in the item.
    pub fn add(&mut self, other: Self) {
        self.multibyte |= other.multibyte;
        self.invalid |= other.invalid;
        self.turkish |= other.turkish;
        self.binary |= other.binary;
    }

    /// The encoding's name for the case document.
    #[must_use]
    pub fn name(self, transport: Transport) -> &'static str {
        match transport {
            Transport::Utf16Le { .. } => "utf-16le",
            Transport::Utf16Be { .. } => "utf-16be",
            Transport::Bytes { .. } if self.binary => "binary",
            Transport::Bytes { .. } if !self.invalid || self.multibyte => "utf-8",
            Transport::Bytes { .. } if self.turkish => "windows-1254",
            Transport::Bytes { .. } => "windows-1252",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn utf16_survives_any_cut() {
        let text = "[{\"name\": \"Ömer 🦀\"}]\r\n";
        for big in [false, true] {
            let bytes = utf16(text, big);
            let transport = Transport::detect(&bytes);
            assert_eq!(
                transport,
                if big {
                    Transport::Utf16Be { mark: 0 }
                } else {
                    Transport::Utf16Le { mark: 0 }
                }
            );
            for cut in 1..bytes.len() {
                let mut decoder = Decoder::new(transport);
                let mut out = decoder.push(&bytes[..cut]).into_owned();
                out.extend_from_slice(&decoder.push(&bytes[cut..]));
                out.extend(decoder.finish());
                assert_eq!(String::from_utf8(out).expect("utf-8"), text);
                assert_eq!(decoder.broken, 0);
            }
        }
    }

    #[test]
    fn broken_surrogates_are_counted() {
        let mut decoder = Decoder::new(Transport::Utf16Le { mark: 0 });
        let mut out = decoder
            .push(&[0x3D, 0xD8, b'a', 0, 0x3D, 0xD8])
            .into_owned();
        out.extend(decoder.finish());
        assert_eq!(String::from_utf8(out).expect("utf-8"), "\u{FFFD}a\u{FFFD}");
        assert_eq!(decoder.broken, 2);
    }

    #[test]
    fn single_byte_text_is_read_by_its_letters() {
        assert_eq!(text(b"G\xFCrkan Y\xFDld\xFDz"), "Gürkan Yıldız");
        assert_eq!(text("Grüße".as_bytes()), "Grüße");
        assert_eq!(text(b"Gr\xC3\xBC\xFF"), "Grü\u{FFFD}");
        let mut seen = Seen::default();
        seen.look(b"G\xFCrkan");
        assert_eq!(seen.name(Transport::Bytes { mark: 0 }), "windows-1252");
        seen.look(b"Y\xFDld\xFDz");
        assert_eq!(seen.name(Transport::Bytes { mark: 0 }), "windows-1254");
    }
}
