//! Cheap looks for one short word, before what is dear: an expression, a decoder.
//!
//! ```text
//! has("certutil -decode", "64")                 no: no expression for base64 need run
//! has_folded("%ComSpec% /c", b'%', "%comspec%") yes
//! ```
//!
//! Thousands of command lines are looked at, and nearly none has what is asked for. Rejected: a searcher for each word (`memmem`). Making it takes
//! longer than looking through most command lines.

use memchr::memchr_iter;

/// Whether a word stands at this place, letters of ASCII folded.
pub(crate) fn stands_at(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let here = bytes.get(at..at.saturating_add(word.len()));
    here.is_some_and(|here| here.eq_ignore_ascii_case(word))
}

/// Whether a text holds a word.
pub(crate) fn has(text: &str, word: &str) -> bool {
    let (bytes, word) = (text.as_bytes(), word.as_bytes());
    let is_here = |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(word));
    word.first()
        .is_some_and(|first| memchr_iter(*first, bytes).any(is_here))
}

/// Whether a text holds a word, letters of ASCII folded; each place begins with `first`.
pub(crate) fn has_folded(text: &str, first: u8, word: &str) -> bool {
    let bytes = text.as_bytes();
    memchr_iter(first, bytes).any(|at| stands_at(bytes, at, word.as_bytes()))
}
