//! Hashes of evidence, streaming: SHA-256 always, MD5 and SHA-1 where somebody still asks for them.
//!
//! Hashing is a job of its own: it never stands between a drop and the first timeline.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A running SHA-256.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest in lower-case hex.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Running MD5 and SHA-1: for comparison with older lists, never as proof.
#[derive(Clone, Debug, Default)]
pub struct OldHasher {
    md5: Md5,
    sha1: Sha1,
}

impl OldHasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha1.update(bytes);
    }

    /// MD5 and SHA-1 in lower-case hex.
    #[must_use]
    pub fn finish(self) -> (String, String) {
        (hex(&self.md5.finalize()), hex(&self.sha1.finalize()))
    }
}

/// SHA-256 of some bytes in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| {
        char::from(if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        })
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        let mut old = OldHasher::default();
        old.update(b"a");
        old.update(b"bc");
        assert_eq!(
            old.finish(),
            (
                "900150983cd24fb0d6963f7d28e17f72".to_owned(),
                "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned()
            )
        );
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
