//! The timeline as a drawing: a lane for each kind of event, as dark as there are many, and the findings above.
//!
//! Nothing of the evidence but numbers goes into it: lane names are words of ours.

use crate::case::Case;
use crate::query::rows::overview;
use crate::query::{Lanes, LanesBy, Stretch};
use crate::severity::Severity;
use crate::time::Instant;
use std::fmt::Write;

const BINS: usize = 400;
const LEFT: f64 = 170.0;
const WIDTH: f64 = 1_060.0;
const LANE: f64 = 18.0;
const FINDINGS: f64 = 26.0;

fn colour(severity: Severity) -> &'static str {
    match severity.word() {
        "critical" => "#7a0177",
        "high" => "#c51b1b",
        "medium" => "#e08214",
        "low" => "#2b7bba",
        _ => "#8c959f",
    }
}

/// The drawing; `None` where no event has a time.
pub fn timeline(case: &Case) -> Option<String> {
    let known = overview(case);
    let (from, to) = (known.first_ms?, known.last_ms?);
    let to = if to > from { to + 1.0 } else { from + 1_000.0 };
    let order = case.store().order();
    let stretch = Stretch {
        from_ms: from,
        to_ms: to,
        bins: BINS as u32,
    };
    let counted = Lanes::of(case, order, LanesBy::Kind).counts(case, order, stretch, &[]);
    // Kinds whose records give no time have nothing to draw.
    let drawn = |lane: usize| {
        let mut counts = counted.counts.iter().skip(lane * BINS).take(BINS);
        counts.any(|count| *count > 0)
    };
    let lanes: Vec<(usize, &str, u64)> = counted
        .lanes
        .iter()
        .enumerate()
        .filter(|(at, _)| drawn(*at))
        .map(|(at, lane)| (at, lane.name.as_str(), lane.total))
        .collect();
    let height = FINDINGS + LANE * lanes.len() as f64 + 24.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\" aria-label=\"Timeline of the case\" font-family=\"system-ui, sans-serif\" font-size=\"11\">",
        LEFT + WIDTH + 10.0
    );
    let x = |ms: f64| LEFT + (ms - from) / (to - from) * WIDTH;
    let _ = write!(svg, "<text x=\"0\" y=\"15\">findings</text>");
    for finding in case
        .findings()
        .iter()
        .filter(|finding| finding.allowed_by.is_none())
    {
        if let (Some(first), _) = case.referred().time(finding) {
            let at = x(first.ms()).clamp(LEFT, LEFT + WIDTH);
            let _ = write!(
                svg,
                "<path d=\"M{at:.1} 5l4 5-4 5-4-5z\" fill=\"{}\"/>",
                colour(finding.severity)
            );
        }
    }
    for (row, (lane, word, total)) in lanes.iter().enumerate() {
        let top = FINDINGS + LANE * row as f64;
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">{word} ({total})</text>",
            top + 12.0
        );
        let counts = counted.counts.iter().skip(lane * BINS).take(BINS);
        let most = counts.clone().copied().max().unwrap_or(1).max(1);
        for (bin, count) in counts.enumerate().filter(|(_, count)| **count > 0) {
            let shade = 0.25 + 0.75 * f64::from(*count).ln_1p() / f64::from(most).ln_1p();
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.0}\" width=\"{:.2}\" height=\"12\" fill=\"#24476b\" opacity=\"{shade:.2}\"/>",
                LEFT + bin as f64 * WIDTH / BINS as f64,
                top + 2.0,
                (WIDTH / BINS as f64).max(1.2)
            );
        }
    }
    let base = height - 8.0;
    for part in 0..=4 {
        let ms = from + (to - from) * f64::from(part) / 4.0;
        let words = Instant::from_epoch(ms as i64, 1_000_000, 0)
            .map(|time| time.to_string().replace('T', " "))
            .unwrap_or_default();
        let anchor = if part == 0 {
            "start"
        } else if part == 4 {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"{anchor}\" fill=\"#57606a\">{words}</text>",
            x(ms)
        );
    }
    svg.push_str("</svg>");
    Some(svg)
}
