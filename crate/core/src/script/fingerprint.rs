//! When two scripts are the same: as bytes, as text, by what they call (detectors 18).

use crate::evidence::hash::{Hasher, sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// SHA-256 of the normalised text: byte-order mark undone, line ends unified, trailing blanks, empty lines and comments dropped.
///
/// ```
/// use runlens_core::script::fingerprint::normalised;
/// assert_eq!(normalised(b"id  \r\n\r\n# note\r\nwhoami"), normalised(b"id\nwhoami\n"));
/// ```
#[must_use]
pub fn normalised(bytes: &[u8]) -> String {
    let utf16 = |big: bool, rest: &[u8]| {
        let units = rest.chunks_exact(2).map(|pair| match (pair, big) {
            ([a, b], true) => u16::from_be_bytes([*a, *b]),
            ([a, b], false) => u16::from_le_bytes([*a, *b]),
            _ => 0,
        });
        char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(false, rest)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(true, rest)),
        _ => String::from_utf8_lossy(bytes),
    };
    // Between the two letters of a line end is an empty line, which is dropped like the others.
    let kept = text
        .split(['\r', '\n'])
        .map(|line| line.trim_end_matches([' ', '\t']))
        .enumerate()
        .filter(|(number, line)| {
            let comment = line.trim_start().starts_with('#');
            !line.is_empty() && (!comment || (*number == 0 && line.starts_with("#!")))
        });
    let mut hasher = Hasher::default();
    let mut any = false;
    for (_, line) in kept {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
        any = true;
    }
    if !any {
        hasher.update(b"\n");
    }
    hasher.finish()
}

/// SHA-256 of the distinct command names; `None` with fewer than two.
#[must_use]
pub fn behaviour<'a>(commands: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: BTreeSet<String> = commands.map(str::to_uppercase).collect();
    let list: Vec<String> = names.into_iter().collect();
    (list.len() >= 2).then(|| sha256(list.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_specification() {
        let want = "d5b511e3d94a069687092369166eae96bf83c5fe3f6c41522008f8dc68a89a80";
        assert_eq!(normalised(b"id\nwhoami\n"), want);
        assert_eq!(normalised(b"id  \r\n\r\n# note\r\nwhoami"), want);
        assert_eq!(
            behaviour(["Get-Process", "write-output", "Get-Process"].into_iter()).as_deref(),
            Some("d4569f4c9a42232596fee2be0514807869843892eb39553d51fdac20e8412ac9")
        );
        assert_eq!(behaviour(["id", "ID"].into_iter()), None);
        assert_ne!(normalised(b"#!/bin/sh\nid\n"), normalised(b"id\n"));
    }
}
