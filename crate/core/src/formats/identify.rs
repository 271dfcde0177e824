//! What an item is, by its first bytes.
//!
//! Three questions, asked of every format: is this text yours (with its own framing)? Is this JSON
//! record yours? Is this header yours? The surest answer wins; on a tie, the order of the table.

use super::dispatch::names_of;
use super::{Certainty, Format, Framing, Header, Sample, TABLE};
use crate::evidence::envelope;
use crate::evidence::frame::csv::{Csv, cells};
use crate::evidence::frame::json::Json;
use crate::evidence::frame::{Found, Framer};
use crate::evidence::unit::UnitKind;
use crate::json::Value;

/// How an item will be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    /// Position in the table; `None` for text and binary.
    pub format: usize,
    /// How it is cut.
    pub framing: Framing,
    /// Whether single records decide (JSON) rather than the item.
    pub as_records: bool,
}

/// The format that claims a JSON record with most certainty.
pub(super) fn best_record(value: Value<'_>) -> Option<usize> {
    best(|format| format.record.map_or(0, |claims| claims(value))).map(|(at, _)| at)
}

/// The format that claims a header with most certainty.
pub(super) fn best_header(header: &Header) -> Option<usize> {
    best(|format| format.header.map_or(0, |claims| claims(header))).map(|(at, _)| at)
}

fn best(certainty: impl Fn(&'static Format) -> Certainty) -> Option<(usize, Certainty)> {
    let mut found: Option<(usize, Certainty)> = None;
    for (at, format) in TABLE.iter().enumerate() {
        let sure = certainty(format);
        if sure > found.map_or(0, |found| found.1) {
            found = Some((at, sure));
        }
    }
    found
}

/// Identifies an item. `None`: text or binary.
pub(super) fn identify(
    sample: &Sample<'_>,
    record_bytes: usize,
    json_depth: usize,
) -> Option<Identity> {
    let by_text = best(|format| format.text.map_or(0, |shape| (shape.recognise)(sample)));
    let by_record = records(sample, record_bytes, json_depth);
    let by_header = rows(sample, record_bytes);
    let mut answer: Option<(Identity, Certainty)> = None;
    if let Some((at, sure)) = by_text {
        let framing = TABLE
            .get(at)
            .and_then(|format| format.text)
            .map_or(Framing::Whole, |shape| shape.framing);
        answer = Some((
            Identity {
                format: at,
                framing,
                as_records: false,
            },
            sure,
        ));
    }
    for (found, framing) in [(by_record, Framing::Json), (by_header, Framing::Csv)] {
        if let Some((at, sure)) = found
            && sure > answer.map_or(0, |answer| answer.1)
        {
            answer = Some((
                Identity {
                    format: at,
                    framing,
                    as_records: matches!(framing, Framing::Json),
                },
                sure,
            ));
        }
    }
    answer.map(|(identity, _)| identity)
}

/// Looks at the first JSON records of the sample.
fn records(
    sample: &Sample<'_>,
    record_bytes: usize,
    json_depth: usize,
) -> Option<(usize, Certainty)> {
    const LOOKED_AT: usize = 20;
    if !sample.text.contains(&b'{') {
        return None;
    }
    let mut framer = Json::new(record_bytes, json_depth);
    let mut found: Option<(usize, Certainty)> = None;
    let mut looked = 0;
    framer.frame(sample.text, true, &mut |item| {
        let Found::Frame(frame) = item else { return };
        if looked >= LOOKED_AT {
            return;
        }
        let bytes = sample.text.get(frame.range).unwrap_or(&[]);
        let claim = match frame.kind {
            UnitKind::Columns => {
                let header = names_of(bytes, false);
                best(|format| format.header.map_or(0, |claims| claims(&header)))
            }
            UnitKind::Record => {
                looked += 1;
                let value = Value::new(bytes);
                let claim = |value: Value<'_>| {
                    best(|format| format.record.map_or(0, |claims| claims(value)))
                };
                claim(value).or_else(|| {
                    let inner = envelope::records(value, record_bytes, json_depth);
                    inner.first().and_then(|inner| claim(Value::new(inner)))
                })
            }
            _ => None,
        };
        if let Some((at, sure)) = claim
            && sure > found.map_or(0, |found| found.1)
        {
            found = Some((at, sure));
        }
    });
    found
}

/// Looks at the first rows of the sample as CSV.
fn rows(sample: &Sample<'_>, record_bytes: usize) -> Option<(usize, Certainty)> {
    let mut framer = Csv::new(record_bytes);
    let mut header: Option<Header> = None;
    let mut seen = 0;
    framer.frame(sample.text, true, &mut |item| {
        let Found::Frame(frame) = item else { return };
        let bytes = sample.text.get(frame.range).unwrap_or(&[]);
        match (&mut header, frame.kind) {
            (None, UnitKind::Header) => header = Some(names_of(bytes, true)),
            (Some(header), UnitKind::Row) if seen == 0 => {
                seen += 1;
                header.first = cells(bytes, header.delimiter)
                    .iter()
                    .map(|cell| cell.text().into_owned())
                    .collect();
            }
            _ => {}
        }
    });
    let header = header.filter(|header| header.names.len() > 1)?;
    best(|format| format.header.map_or(0, |claims| claims(&header)))
}
