//! A row under named columns, whatever carries it: a CSV line, a JSON table's array, a JSON object, a diagnostic record with its
//! `properties`.
//!
//! Log Analytics, Sentinel, Entra and Defender show one table in all of these forms, and the column's name says the same in each once letter case is set
//! aside. A format gives a [`Shape`] (which columns hold the time, which must be there, what to make of a row); the reader here does the rest, and
//! three things that every table needs: the zone in a header's bracket (`TimeGenerated [UTC]`), the order of day and month, and rows
//! that were cut.
//!
//! ```text
//! 3/4/2024, 1:00:00 PM      either order: held back
//! 28/4/2024, 1:00:00 PM     proves day-month: both are read so
//! ```
//!
//! Rejected: assuming the United States' order. A portal in another language would be months off, silently.

use super::{Header, Reader};
use crate::event::Field;
use crate::event::sink::{Record, Sink};
use crate::evidence::frame::csv::{self, cells};
use crate::evidence::unit::{Defects, Unit, UnitKind, Width};
use crate::json::{Kind, Value};
use crate::problem::Code;
use crate::time::parse::{DateLook, DateOrder, any_in_order, date_look};
use crate::time::{Stamp, TimeBasis};
use std::borrow::Cow;

/// Rows held back for the order of day and month to be proven.
const MOST_WAITING: usize = 4_096;

/// One cell.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Json(Value<'a>),
    Csv(csv::Cell<'a>),
}

impl<'a> Cell<'a> {
    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Csv(cell) => cell.text(),
            Self::Json(value) => match value.kind() {
                Kind::Object | Kind::Array => crate::evidence::encoding::text(value.raw()),
                Kind::Null => Cow::Borrowed(""),
                _ => value.text().unwrap_or_default(),
            },
        }
    }
}

/// A row's cells by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Row<'a> {
    cells: Vec<(Cow<'a, str>, Cell<'a>)>,
}

impl<'a> Row<'a> {
    /// The entries of an object; those of `inner` objects come first.
    #[must_use]
    pub fn of_object(value: Value<'a>, inner: &[&str]) -> Self {
        let mut cells = Vec::new();
        for name in inner {
            let entries = value.get(name).entries();
            cells.extend(entries.map(|(key, value)| (key.text(), Cell::Json(value))));
        }
        cells.extend(
            value
                .entries()
                .map(|(key, value)| (key.text(), Cell::Json(value))),
        );
        Self { cells }
    }

    /// The text of the first of these columns that has any, white space trimmed.
    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        names.iter().find_map(|name| {
            let same = |have: &str| have.eq_ignore_ascii_case(name);
            let cells = self.cells.iter().filter(|(have, _)| same(have));
            cells
                .map(|(_, cell)| trimmed(cell.text()))
                .find(|text| !text.is_empty())
        })
    }

    /// Every (name, text) of the row.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, Cow<'a, str>)> {
        self.cells
            .iter()
            .map(|(name, cell)| (name.as_ref(), cell.text()))
    }

    /// Whether one of these columns has text.
    #[must_use]
    pub fn has(&self, names: &[&str]) -> bool {
        self.text(names).is_some()
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, names: &[&str]) -> Option<i64> {
        let text = self.text(names)?;
        let whole = text.split('.').next().unwrap_or(&text);
        crate::time::parse::integer(whole.as_bytes())
    }

    /// Every cell that has text, for the analyst.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let shown = self.cells.iter().map(|(name, cell)| Field {
            name: name.clone().into_owned(),
            value: cell.text().into_owned(),
        });
        shown.filter(|field| !field.value.is_empty()).collect()
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// What a table's format knows.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Whether a JSON record is a row of this table.
    pub mine: fn(Value<'_>) -> bool,
    /// Objects inside a JSON record whose entries are columns too.
    pub inner: &'static [&'static str],
    /// Columns that hold the event's time, best first.
    pub times: &'static [&'static str],
    /// A row with none of these is cut.
    pub required: &'static [&'static str],
    /// What a row means.
    pub emit: fn(&Row<'_>, Option<Stamp>, Record, &Unit<'_>, &mut Sink),
}

/// Reads rows of one shape.
pub(super) struct TableReader {
    shape: Shape,
    names: Vec<String>,
    delimiter: u8,
    zone: Zone,
    order: Option<DateOrder>,
    waiting: Vec<Waiting>,
}

/// What the header's bracket says of times without a zone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Unsaid,
    Utc,
    /// The browser's.
    Local,
}

struct Waiting {
    bytes: Vec<u8>,
    offset: u64,
    length: u64,
    width: Width,
}

impl TableReader {
    /// A reader of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            names: Vec::new(),
            delimiter: b',',
            zone: Zone::Unsaid,
            order: None,
            waiting: Vec::new(),
        }
    }

    fn row<'a>(&'a self, unit: &Unit<'a>) -> Option<Row<'a>> {
        let value = Value::new(unit.bytes);
        let names = self.names.iter().map(|name| Cow::Borrowed(name.as_str()));
        match unit.kind {
            UnitKind::Row if self.delimiter == 0 => Some(Row {
                cells: names.zip(value.elements().map(Cell::Json)).collect(),
            }),
            UnitKind::Row => Some(Row {
                cells: names
                    .zip(cells(unit.bytes, self.delimiter).into_iter().map(Cell::Csv))
                    .collect(),
            }),
            UnitKind::Record if (self.shape.mine)(value) => {
                Some(Row::of_object(value, self.shape.inner))
            }
            _ => None,
        }
    }

    fn time(&self, row: &Row<'_>) -> Option<Stamp> {
        let order = self.order.unwrap_or(DateOrder::MonthDay);
        let text = row.text(self.shape.times)?;
        let stamp = any_in_order(text.as_bytes(), order)?;
        Some(match (stamp.basis, self.zone) {
            // These services keep UTC and some spell it so.
            (TimeBasis::Offset, _) if text.ends_with("+00:00") => stamp.with_basis(TimeBasis::Utc),
            (TimeBasis::AssumedUtc | TimeBasis::Local, Zone::Utc) => {
                stamp.with_basis(TimeBasis::Utc)
            }
            (TimeBasis::AssumedUtc, Zone::Local) => stamp.with_basis(TimeBasis::Local),
            _ => stamp,
        })
    }

    fn take(&self, row: &Row<'_>, unit: &Unit<'_>, sink: &mut Sink) {
        let begun = sink.begin();
        if row.has(self.shape.required) {
            let time = self.time(row);
            (self.shape.emit)(row, time, begun, unit, sink);
        } else {
            let text = format!(
                "a row without any of {}; it may be cut",
                self.shape.required.join(", ")
            );
            sink.skip(begun, Code::MalformedRecord, unit.span(), text);
        }
    }

    /// Reads the rows that waited for the order of day and month.
    fn release(&mut self, sink: &mut Sink) {
        for waiting in std::mem::take(&mut self.waiting) {
            let unit = Unit {
                bytes: &waiting.bytes,
                offset: waiting.offset,
                length: waiting.length,
                width: waiting.width,
                kind: UnitKind::Row,
                defects: Defects::default(),
            };
            if let Some(row) = self.row(&unit) {
                self.take(&row, &unit, sink);
            }
        }
    }

    /// No row proved the order: the one of most exports, and a problem that says so.
    fn give_up(&mut self, sink: &mut Sink) {
        if self.waiting.is_empty() {
            return;
        }
        self.order = Some(DateOrder::MonthDay);
        if !sink.wants_detail() {
            let text = "no date in this item shows whether day or month comes first; dates were read as month/day/year. Export again in English or as JSON to be sure";
            sink.problem(Code::AmbiguousDate, None, text);
        }
        self.release(sink);
    }
}

impl Reader for TableReader {
    fn header(&mut self, header: &Header) {
        let time = self.shape.times.iter().find_map(|name| {
            header.names.iter().find(|have| {
                have.split(" [")
                    .next()
                    .is_some_and(|have| have.trim().eq_ignore_ascii_case(name))
            })
        });
        self.zone = match time.and_then(|name| name.split_once(" [")) {
            Some((_, zone)) if zone.starts_with("UTC]") => Zone::Utc,
            Some(_) => Zone::Local,
            None => Zone::Unsaid,
        };
        let bare = |name: &String| name.split(" [").next().unwrap_or(name).trim().to_owned();
        self.names = header.names.iter().map(bare).collect();
        self.delimiter = header.delimiter;
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let Some(row) = self.row(unit) else {
            return false;
        };
        if self.order.is_none() && unit.kind == UnitKind::Row {
            let time = row.text(self.shape.times).unwrap_or_default();
            match date_look(time.as_bytes()) {
                DateLook::Plain => {}
                DateLook::Proves(order) => {
                    drop(row);
                    self.order = Some(order);
                    self.release(sink);
                    if let Some(row) = self.row(unit) {
                        self.take(&row, unit, sink);
                    }
                    return true;
                }
                DateLook::Ambiguous => {
                    drop(row);
                    self.waiting.push(Waiting {
                        bytes: unit.bytes.to_vec(),
                        offset: unit.offset,
                        length: unit.length,
                        width: unit.width,
                    });
                    if self.waiting.len() >= MOST_WAITING {
                        self.give_up(sink);
                    }
                    return true;
                }
            }
            // Order among rows is the item's: one that needs no order waits behind those that do.
            if !self.waiting.is_empty() {
                drop(row);
                self.waiting.push(Waiting {
                    bytes: unit.bytes.to_vec(),
                    offset: unit.offset,
                    length: unit.length,
                    width: unit.width,
                });
                return true;
            }
        }
        self.take(&row, unit, sink);
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        self.give_up(sink);
    }

    fn carried(&self) -> Option<Vec<u8>> {
        let order = match self.order {
            None => Vec::new(),
            Some(DateOrder::MonthDay) => vec![b'm'],
            Some(DateOrder::DayMonth) => vec![b'd'],
        };
        self.waiting.is_empty().then_some(order)
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        self.order = match carried {
            [] => None,
            b"m" => Some(DateOrder::MonthDay),
            b"d" => Some(DateOrder::DayMonth),
            _ => return false,
        };
        true
    }
}
