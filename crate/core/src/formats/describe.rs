//! Reading one record again, for the analyst's eyes.
//!
//! The case keeps where a record lies, not what it says. When someone looks, its bytes come back from
//! the evidence and the same reader reads them once more in detail mode.

use super::dispatch::names_of;
use super::item::{ItemReport, Preamble};
use super::{Framing, TABLE};
use crate::event::batch::Span;
use crate::event::sink::{Described, Sink};
use crate::evidence::encoding::{Decoder, Transport};
use crate::evidence::envelope;
use crate::evidence::layout::Layout;
use crate::evidence::unit::{Defects, Unit, UnitKind, Width};
use crate::json::Value;
use crate::limits::Limits;

/// What a reader is told of its item.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The item's path.
    pub path: String,
    /// What the path says.
    pub layout: Layout,
    /// Bytes of the item.
    pub size: u64,
    /// Modified time in ms since 1970.
    pub modified_ms: Option<i64>,
    /// The limits in force.
    pub limits: Limits,
}

impl Opening {
    /// For an item of this path.
    #[must_use]
    pub fn new(path: &str, size: u64, modified_ms: Option<i64>, limits: Limits) -> Self {
        Self {
            path: path.to_owned(),
            layout: Layout::of(path),
            size,
            modified_ms,
            limits,
        }
    }
}

/// The text of some original bytes of an item.
#[must_use]
pub fn decode(transport: Transport, bytes: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(transport);
    let mut text = decoder.push(bytes).into_owned();
    text.extend(decoder.finish());
    text
}

/// Summary and fields of the event at `span`, from the original bytes that lie there. `nth` counts the events before it at the very same
/// span: records inside one envelope share a place. `from` is where `bytes` begin: before the span where the record needs its chunk.
#[must_use]
pub fn describe(
    opening: &Opening,
    report: &ItemReport,
    span: Span,
    nth: usize,
    from: u64,
    bytes: &[u8],
) -> Option<Described> {
    let transport = report.transport();
    let text = decode(transport, bytes);
    let width = if matches!(transport, Transport::Bytes { .. }) {
        Width::Same
    } else {
        Width::Utf16
    };
    let mut sink = Sink::for_detail_of(span);
    let preamble = report
        .preamble
        .iter()
        .rev()
        .find(|preamble| preamble.offset <= span.offset);
    let row = preamble.is_some_and(|preamble| preamble.kind == UnitKind::Header as u8)
        || (preamble.is_some() && text.first() == Some(&b'['));
    let kind = if row { UnitKind::Row } else { UnitKind::Record };
    let unit = |text: &[u8], start: usize| -> Span {
        let before = width.of(text.get(..start).unwrap_or(&[]));
        Span {
            offset: span.offset + before,
            length: 0,
        }
    };
    let claimed =
        |bytes: &[u8]| super::identify::best_record(Value::new(bytes)).and_then(|at| TABLE.get(at));
    let of = |bytes: &[u8]| {
        report
            .format()
            .filter(|_| !report.mixed || row)
            .or_else(|| claimed(bytes))
            .or_else(|| report.format())
    };
    if report.as_records && !row && claimed(&text).is_none() {
        let limits = &opening.limits;
        let inner = envelope::records(Value::new(&text), limits.record_bytes, limits.json_depth);
        for bytes in &inner {
            let unit = Unit {
                bytes,
                offset: span.offset,
                length: span.length,
                width: Width::Enveloped,
                kind: UnitKind::Record,
                defects: Defects::default(),
            };
            if let Some(format) = of(bytes) {
                (format.open)(opening).read(&unit, &mut sink);
            }
        }
    }
    let format = of(&text)?;
    let mut reader = (format.open)(opening);
    if let Some(Preamble { kind, bytes, .. }) = preamble.filter(|_| row) {
        reader.header(&names_of(bytes, *kind == UnitKind::Header as u8));
    }
    let mut give = |bytes: &[u8], offset: u64| {
        let unit = Unit {
            bytes,
            offset,
            length: width.of(bytes),
            width,
            kind,
            defects: Defects::default(),
        };
        reader.read(&unit, &mut sink);
    };
    if matches!(format.text.map(|shape| shape.framing), Some(Framing::Lines)) && !report.as_records
    {
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let place = unit(&text, start);
            give(
                line.strip_suffix(b"\n")
                    .map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line)),
                place.offset,
            );
            start += line.len();
        }
    } else {
        give(&text, from);
    }
    reader.finish(&mut sink);
    let described = sink.take_described();
    let exact = described
        .iter()
        .enumerate()
        .filter(|(_, event)| event.span == span)
        .nth(nth)
        .map(|(at, _)| at);
    let nearest = exact
        .or_else(|| {
            described
                .iter()
                .position(|event| event.span.offset == span.offset)
        })
        .unwrap_or(0);
    described.into_iter().nth(nearest)
}
