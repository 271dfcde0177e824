//! Searching a layer, line by logical line (detectors 32).
//!
//! A line that ends in `\` (shell) or a backtick (PowerShell) goes on in the next; very long lines are searched in overlapping pieces. A comment line counts nothing, and is shown.
//! Scripts and command lines of one case repeat each other's lines: what was found in a line is kept ([`Searched`]), and the line is not searched again.
//!
//! Rejected: keeping it for as long as the program runs. What a line holds depends on lists and weights, which the analyst changes.

use super::Platform;
use super::indicator::{Indicator, Indicators};
use super::weights::Weights;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Longest piece that is searched at once.
const LINE_BYTES: usize = 32_768;
/// Overlap of pieces.
const OVERLAP_BYTES: usize = 512;
/// Longer lines rarely come again.
const LONGEST_KEPT: usize = 256;
/// Lines that are kept of one language.
const MOST_KEPT: usize = 8192;

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

/// An expression's first match in a line: the indicator's number, and the bytes.
#[derive(Clone, Copy, Debug)]
struct Hit {
    number: usize,
    start: usize,
    end: usize,
}

type Lines = HashMap<Box<str>, Box<[Hit]>, FixedState>;

/// What lines hold that were searched before, by one list of indicators with one set of weights. It is looked up only, so its order shows nowhere.
#[derive(Debug)]
pub struct Searched([Lines; 4]);

impl Default for Searched {
    fn default() -> Self {
        Self(std::array::from_fn(|_| {
            HashMap::with_hasher(FixedState::with_seed(0))
        }))
    }
}

impl Searched {
    fn of(&mut self, platform: Platform) -> &mut Lines {
        let [unknown, shell, powershell, cmd] = &mut self.0;
        match platform {
            Platform::Unknown => unknown,
            Platform::Shell => shell,
            Platform::PowerShell => powershell,
            Platform::Cmd => cmd,
        }
    }
}

/// A logical line: its text, where it begins in the layer, and its number.
struct Line<'a> {
    text: Cow<'a, str>,
    at: usize,
    /// Where its second physical line begins and each one behind it, where it has several: (offset in `text`, offset in the layer)
    starts: Vec<(usize, usize)>,
    number: usize,
}

fn lines(text: &str, platform: Platform) -> Vec<Line<'_>> {
    let mut out: Vec<Line<'_>> = Vec::new();
    let mut open: Option<Line<'_>> = None;
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
        let current = match open.take() {
            Some(mut begun) => {
                begun.starts.push((begun.text.len(), at));
                begun.text.to_mut().push_str(kept);
                begun
            }
            None => Line {
                text: Cow::Borrowed(kept),
                at,
                starts: Vec::new(),
                number: number + 1,
            },
        };
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

impl Line<'_> {
    fn place(&self, offset: usize) -> usize {
        let behind = self.starts.partition_point(|(start, _)| *start <= offset);
        let part = behind.checked_sub(1).and_then(|at| self.starts.get(at));
        let (start, layer) = part.copied().unwrap_or((0, self.at));
        layer + (offset - start)
    }

    fn is_comment(&self) -> bool {
        let start = self.text.trim_start();
        (start.starts_with('#') && !(self.number == 1 && start.starts_with("#!")))
            || start.starts_with("::")
            || start
                .get(..4)
                .is_some_and(|word| word.eq_ignore_ascii_case("REM "))
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

/// Every match in a layer, by place, then by the order of the indicators; one per indicator and line. `searched` belongs to these indicators and weights.
#[must_use]
pub fn search(
    indicators: &Indicators,
    weights: &Weights,
    text: &str,
    platform: Platform,
    layer: usize,
    searched: &mut Searched,
) -> Vec<Match> {
    let known = searched.of(platform);
    let mut out = Vec::new();
    for line in lines(text, platform) {
        let found;
        let hits: &[Hit] = match known.get(&*line.text) {
            Some(hits) => hits,
            None => {
                found = search_line(indicators, weights, &line.text, platform);
                if line.text.len() <= LONGEST_KEPT && known.len() < MOST_KEPT {
                    known.insert((&*line.text).into(), found.as_slice().into());
                }
                &found
            }
        };
        if hits.is_empty() {
            continue;
        }
        let in_comment = line.is_comment();
        for hit in hits {
            let Some(indicator) = indicators.get(hit.number) else {
                continue;
            };
            let Some(indicator_weight) = weights.of(indicator) else {
                continue;
            };
            out.push(Match {
                indicator: Arc::clone(indicator),
                indicator_weight,
                layer,
                range: line.place(hit.start)..line.place(hit.end.saturating_sub(1)) + 1,
                line: line.number,
                in_comment,
            });
        }
    }
    out.sort_by(|one, other| {
        (one.range.start, &one.indicator.id).cmp(&(other.range.start, &other.indicator.id))
    });
    out
}

/// The indicators of a line, each where it matches first, by piece and number.
fn search_line(
    indicators: &Indicators,
    weights: &Weights,
    line: &str,
    platform: Platform,
) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut found: BTreeSet<usize> = BTreeSet::new();
    let mut from = 0;
    loop {
        let to = floor(line, from + LINE_BYTES);
        let piece = line.get(from..to).unwrap_or("");
        let fitting =
            |indicator: &Indicator| fits(indicator, platform) && weights.of(indicator).is_some();
        for (number, _, regex) in indicators.candidates(piece, fitting) {
            if found.contains(&number) {
                continue;
            }
            if let Some(hit) = regex.find(piece) {
                found.insert(number);
                hits.push(Hit {
                    number,
                    start: from + hit.start(),
                    end: from + hit.end(),
                });
            }
        }
        if to >= line.len() {
            break;
        }
        from = floor(line, to - OVERLAP_BYTES);
    }
    hits
}
