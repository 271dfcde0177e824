//! One event in full, read again from its evidence.

use super::rows::{Correction, Row, row};
use crate::case::Case;
use crate::case::item::Item;
use crate::case::store::EventNumber;
use crate::event::Field;
use crate::event::batch::Span;
use crate::evidence::frame::chunks::CHUNK_BYTES;
use crate::formats::item::LINE_MARK_BYTES;
use crate::script::secrets;
use crate::time::TimeBasis;
use serde::Serialize;

/// Longest raw record that is handed to the page; the evidence has it all.
const SHOWN_BYTES: usize = 256 << 10;

/// Bytes of an item that a question needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Item number.
    pub item: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Line ends must be counted from here up to `offset` for the line number.
    pub line_from: u64,
}

/// Another place that holds the same record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Also {
    /// Item number.
    pub item: u32,
    /// Its path.
    pub path: String,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// A field, and how it is shown until somebody asks for its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownField {
    /// Name.
    pub name: String,
    /// Value as it stands.
    pub value: String,
    /// Value with its secrets as dots; absent where it has none.
    pub masked: Option<String>,
}

/// Everything about one event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventDetail {
    /// The event as a row, with its summary.
    pub row: Row,
    /// Correlation id.
    pub correlation: Option<String>,
    /// All fields of the record.
    pub fields: Vec<ShownField>,
    /// The record's bytes as text.
    pub raw: String,
    /// The same with its secrets as dots; absent where it has none.
    pub raw_masked: Option<String>,
    /// Whether `raw` was cut for display.
    pub raw_cut: bool,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// 1-based line of the first byte.
    pub line: Option<u64>,
    /// Record number in the item.
    pub record: u32,
    /// Format id.
    pub format: String,
    /// Encoding.
    pub encoding: String,
    /// SHA-256 of the item.
    pub sha256: Option<String>,
    /// Bytes of the item.
    pub size: u64,
    /// One sentence: how the time is known.
    pub clock: String,
    /// Copies of the same record.
    pub also: Vec<Also>,
}

/// Which bytes a summary or a detail needs.
#[must_use]
pub fn place(case: &Case, item: u32, ordinal: u32) -> Option<Place> {
    Some(place_of(case, case.store().event_of(item, ordinal)?))
}

/// Which bytes an event's record needs to be read again.
#[must_use]
pub fn place_of(case: &Case, event: EventNumber) -> Place {
    let item = case.store().item_of(event);
    let span = case.store().span(event);
    let needed = chunk_of(case, item, span);
    Place {
        item,
        offset: needed.offset,
        length: needed.length,
        line_from: span.offset / LINE_MARK_BYTES * LINE_MARK_BYTES,
    }
}

/// The chunk around a record, in items whose records need it; else the record.
fn chunk_of(case: &Case, item: u32, span: Span) -> Span {
    let found = (|| {
        let known = case.items().get(item as usize)?;
        let chunks = &known.report.as_ref()?.chunks;
        let next = chunks.partition_point(|chunk| *chunk <= span.offset);
        let offset = *chunks.get(next.checked_sub(1)?)?;
        let end = (offset + CHUNK_BYTES as u64).min(known.size);
        Some(Span {
            offset,
            length: end.saturating_sub(offset),
        })
    })();
    found.unwrap_or(span)
}

/// The one-line summary of an event, from the bytes of its place.
#[must_use]
pub fn summary(case: &Case, event: EventNumber, bytes: &[u8]) -> String {
    let summary = described(case, event, bytes).0;
    masked(&summary).unwrap_or(summary)
}

/// A text with its secrets as dots, where it has any.
fn masked(text: &str) -> Option<String> {
    let shown = secrets::masked(text);
    (shown != text).then_some(shown)
}

/// All fields of an event, from the bytes of its place.
#[must_use]
pub fn fields(case: &Case, event: EventNumber, bytes: &[u8]) -> Vec<Field> {
    described(case, event, bytes).1
}

fn described(case: &Case, event: EventNumber, bytes: &[u8]) -> (String, Vec<Field>) {
    let found = (|| {
        let item = case.items().get(case.store().item_of(event) as usize)?;
        let opening = item.opening(&case.settings().limits);
        crate::formats::describe(
            &opening,
            item.report.as_ref()?,
            case.store().span(event),
            nth_at_its_span(case, event),
            chunk_of(case, case.store().item_of(event), case.store().span(event)).offset,
            bytes,
        )
    })();
    found.map_or_else(Default::default, |described| {
        (described.summary, described.fields)
    })
}

/// How many events before this one lie at the very same span.
fn nth_at_its_span(case: &Case, event: EventNumber) -> usize {
    let store = case.store();
    let item = store.item_of(event);
    let ordinal = store.ordinal.get(event as usize).unwrap_or(0);
    let same = |earlier: &u32| {
        store
            .event_of(item, *earlier)
            .is_some_and(|earlier| store.span(earlier) == store.span(event))
    };
    (0..ordinal).rev().take_while(same).count()
}

/// Everything about an event. `bytes` are those of its place, `before` those from `line_from` up to it.
#[must_use]
pub fn detail(
    case: &Case,
    order: &[EventNumber],
    item: u32,
    ordinal: u32,
    bytes: &[u8],
    before: &[u8],
) -> Option<EventDetail> {
    let store = case.store();
    let event = store.event_of(item, ordinal)?;
    let known = case.items().get(item as usize)?;
    let report = known.report.as_ref();
    let (summary, fields) = described(case, event, bytes);
    let summary = masked(&summary).unwrap_or(summary);
    let fields = fields
        .into_iter()
        .map(|field| ShownField {
            masked: masked(&field.value),
            name: field.name,
            value: field.value,
        })
        .collect();
    let at = event as usize;
    let span = store.span(event);
    let before_it = usize::try_from(span.offset - chunk_of(case, item, span).offset).unwrap_or(0);
    let own = bytes.get(before_it..).unwrap_or(bytes);
    let own = own
        .get(
            ..own
                .len()
                .min(usize::try_from(span.length).unwrap_or(usize::MAX)),
        )
        .unwrap_or(own);
    let bytes = own;
    let shown = bytes.get(..bytes.len().min(SHOWN_BYTES)).unwrap_or(bytes);
    let transport = report.map_or(
        crate::evidence::encoding::Transport::Bytes { mark: 0 },
        crate::formats::ItemReport::transport,
    );
    let raw = crate::formats::decode(transport, shown);
    let text = crate::evidence::encoding::text(&raw).into_owned();
    let position = store.row_in(order, event, case.rank()).unwrap_or(0);
    let also = case.copies(event).iter().filter_map(|copy| {
        let span = store.span(*copy);
        let item = store.item_of(*copy);
        let path = case.items().get(item as usize)?.path.clone();
        Some(Also {
            item,
            path,
            offset: span.offset,
            length: span.length,
        })
    });
    Some(EventDetail {
        row: Row {
            summary,
            corrected: Correction::of(case)
                .time(case, event)
                .map(|time| time.to_string()),
            ..row(case, event, position)
        },
        correlation: store
            .column(&store.columns.correlation, event)
            .map(str::to_owned),
        fields,
        raw_masked: masked(&text),
        raw: text,
        raw_cut: shown.len() < bytes.len(),
        offset: span.offset,
        length: span.length,
        line: line(known, span.offset, before),
        record: store.columns.record.get(at).unwrap_or(0),
        format: report
            .map(|report| report.format.clone())
            .unwrap_or_default(),
        encoding: report
            .map(|report| report.encoding.clone())
            .unwrap_or_default(),
        sha256: known.sha256.clone(),
        size: known.size,
        clock: clock(case, event, known),
        also: also.collect(),
    })
}

fn line(item: &Item, offset: u64, before: &[u8]) -> Option<u64> {
    let report = item.report.as_ref()?;
    let mark = usize::try_from(offset / LINE_MARK_BYTES).ok()?;
    let counted = report.line_marks.get(mark)?;
    Some(counted + memchr::memchr_iter(b'\n', before).count() as u64 + 1)
}

/// One sentence on how an event's time is known.
fn clock(case: &Case, event: EventNumber, item: &Item) -> String {
    let Some(stamp) = case.store().stamp(event) else {
        return "The record gives no time.".to_owned();
    };
    let because = |code: crate::problem::Code| {
        let problem = item
            .clock_problems
            .iter()
            .find(|problem| problem.code == code);
        problem
            .map(|problem| format!(" ({})", problem.text))
            .unwrap_or_default()
    };
    match stamp.basis {
        TimeBasis::Utc => "The source states this time in UTC.".to_owned(),
        TimeBasis::Offset => "The source states an offset; converted to UTC.".to_owned(),
        TimeBasis::AssumedUtc => format!(
            "The source states no zone; read as UTC{}.",
            because(crate::problem::Code::ZoneUnknown)
        ),
        TimeBasis::YearInferred => format!(
            "The source states no year and no zone{}.",
            because(crate::problem::Code::YearInferred)
        ),
        TimeBasis::Local => format!(
            "The source states the guest's local time; converted to UTC{}.",
            because(crate::problem::Code::ZoneUnknown)
        ),
    }
}
