//! Searching a layer, line by logical line (detectors 32).
//!
//! A line that ends in `\` (shell) or a backtick (PowerShell) goes on in the next; very long lines are searched in overlapping pieces. A comment line counts nothing, and is shown.

use super::Platform;
use super::indicator::{Indicator, Indicators};
use super::weights::Weights;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Longest piece that is searched at once.
const LINE_BYTES: usize = 32_768;
/// Overlap of pieces.
const OVERLAP_BYTES: usize = 512;

/// An indicator found.
#[derive(Clone, Debug)]
pub struct Match {
    /// Which.
    pub indicator: Arc<Indicator>,
    /// What it weighs where it is no comment.
    pub indicator_weight: u8,
    /// Layer by position.
    pub layer: usize,
    /// Bytes in the layer's text.
    pub range: Range<usize>,
    /// 1-based line in the layer.
    pub line: usize,
    /// The line is a comment.
    pub in_comment: bool,
}

impl Match {
    /// What it weighs where it stands.
    #[must_use]
    pub fn weight(&self) -> u8 {
        if self.in_comment {
            0
        } else {
            self.indicator_weight
        }
    }
}

/// A logical line: its text, where each physical line of it begins in the layer, and its number.
struct Line {
    text: String,
    /// (offset in `text`, offset in the layer)
    starts: Vec<(usize, usize)>,
    number: usize,
}

fn lines(text: &str, platform: Platform) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut open: Option<Line> = None;
    let mut at = 0;
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.trim_end_matches(['\n', '\r']);
        let goes_on = match platform {
            Platform::PowerShell => line.ends_with('`'),
            Platform::Cmd => line.ends_with('^'),
            _ => line.ends_with('\\') && !line.ends_with("\\\\"),
        };
        let kept = if goes_on {
            line.get(..line.len() - 1).unwrap_or(line)
        } else {
            line
        };
        let mut current = open.take().unwrap_or_else(|| Line {
            text: String::new(),
            starts: Vec::new(),
            number: number + 1,
        });
        current.starts.push((current.text.len(), at));
        current.text.push_str(kept);
        if goes_on {
            open = Some(current);
        } else {
            out.push(current);
        }
        at += whole.len();
    }
    out.extend(open);
    out
}

impl Line {
    fn place(&self, offset: usize) -> usize {
        let at = self
            .starts
            .partition_point(|(start, _)| *start <= offset)
            .saturating_sub(1);
        self.starts
            .get(at)
            .map_or(0, |(start, layer)| layer + (offset - start))
    }

    fn is_comment(&self) -> bool {
        let start = self.text.trim_start();
        let folded = start.get(..4).unwrap_or(start).to_ascii_uppercase();
        (start.starts_with('#') && !(self.number == 1 && start.starts_with("#!")))
            || start.starts_with("::")
            || folded.starts_with("REM ")
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn fits(indicator: &Indicator, platform: Platform) -> bool {
    match indicator.os.as_str() {
        "linux" => matches!(platform, Platform::Shell | Platform::Unknown),
        "windows" => matches!(
            platform,
            Platform::PowerShell | Platform::Cmd | Platform::Unknown
        ),
        _ => true,
    }
}

/// Every match in a layer, by place, then by the order of the indicators; one per indicator and line.
#[must_use]
pub fn search(
    indicators: &Indicators,
    weights: &Weights,
    text: &str,
    platform: Platform,
    layer: usize,
) -> Vec<Match> {
    let mut out = Vec::new();
    for line in lines(text, platform) {
        let in_comment = line.is_comment();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let mut from = 0;
        loop {
            let to = floor(&line.text, from + LINE_BYTES);
            let piece = line.text.get(from..to).unwrap_or("");
            let fitting = |indicator: &Indicator| fits(indicator, platform);
            for (number, indicator, regex) in indicators.candidates(piece, fitting) {
                if found.contains(&number) {
                    continue;
                }
                let Some(indicator_weight) = weights.of(indicator) else {
                    continue;
                };
                if let Some(hit) = regex.find(piece) {
                    found.insert(number);
                    out.push(Match {
                        indicator: Arc::clone(indicator),
                        indicator_weight,
                        layer,
                        range: line.place(from + hit.start())
                            ..line.place((from + hit.end()).saturating_sub(1)) + 1,
                        line: line.number,
                        in_comment,
                    });
                }
            }
            if to >= line.text.len() {
                break;
            }
            from = floor(&line.text, to - OVERLAP_BYTES);
        }
    }
    out.sort_by(|one, other| {
        (one.range.start, &one.indicator.id).cmp(&(other.range.start, &other.indicator.id))
    });
    out
}
