//! The end of a record of which there is nothing to say.
//!
//! Nearly all records are whole, balanced and no wrapper of others. Their end is found here from the brackets alone; at the first
//! thing that might be remarkable the answer is `None`, and the scan looks at the record byte by byte.
//!
//! ```text
//! {"a": "}", "b": [1, {}]}      24
//! {"value": [                   None: may be a wrapper
//! {"a": [1, ]}                  None: a comma before a closing bracket
//! ```
//!
//! Rejected: teaching this the exceptions too. There would be two grammars of broken JSON, and they would differ.

use super::{COLUMNS, ROWS, WRAPPERS};
use crate::evidence::structure::blocks;
use memchr::memrchr;

/// Levels kept in one word.
const MOST_LEVELS: usize = 60;

/// Bytes of the complete and unremarkable record that begins here.
pub(super) fn sound_record(value: &[u8], depth_limit: usize) -> Option<usize> {
    let most = depth_limit.min(MOST_LEVELS);
    let mut depth = 0;
    // One bit a level, innermost lowest: set for objects.
    let mut objects = 0_u64;
    for block in blocks(value) {
        if block.broken_string {
            return None;
        }
        let mut brackets = block.open | block.close;
        while brackets != 0 {
            let bit = brackets.trailing_zeros();
            brackets &= brackets - 1;
            let at = block.base + bit as usize;
            let (byte, before) = (*value.get(at)?, value.get(..at)?);
            if block.open >> bit & 1 == 1 {
                if depth > 0 && !may_open(before, objects & 1 == 1, depth == 1) {
                    return None;
                }
                depth += 1;
                if depth > most {
                    return None;
                }
                objects = objects << 1 | u64::from(byte == b'{');
            } else {
                let in_object = objects & 1 == 1;
                if in_object != (byte == b'}') || blanks_cut(before).last() == Some(&b',') {
                    return None;
                }
                objects >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
        }
    }
    None
}

/// Whether a bracket may stand behind these bytes and makes no wrapper of the record.
fn may_open(before: &[u8], in_object: bool, outermost: bool) -> bool {
    let before = blanks_cut(before);
    if !in_object {
        return matches!(before.last(), Some(b'[' | b','));
    }
    let Some(before) = before.strip_suffix(b":") else {
        return false;
    };
    if !outermost {
        return true;
    }
    // Where the beginning of the key is in doubt, it may be any key.
    let Some(key_and_quote) = blanks_cut(before).strip_suffix(b"\"") else {
        return false;
    };
    let Some(start) = memrchr(b'"', key_and_quote) else {
        return false;
    };
    let (outside, key) = key_and_quote.split_at(start);
    let key = key.get(1..).unwrap_or(&[]);
    matches!(blanks_cut(outside).last(), Some(b'{' | b','))
        && !(WRAPPERS.contains(&key) || ROWS.contains(&key) || COLUMNS.contains(&key))
}

/// Without the white space of JSON at the end.
fn blanks_cut(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [before @ .., b' ' | b'\t' | b'\r' | b'\n'] = rest {
        rest = before;
    }
    rest
}
