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
use crate::evidence::frame::csv::{self, each_cell};
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
    /// Without quotes around it, of a row that is UTF-8 as a whole.
    Plain(&'a str),
}

impl<'a> Cell<'a> {
    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Csv(cell) => cell.text(),
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Json(value) => match value.kind() {
                Kind::Object | Kind::Array => crate::evidence::encoding::text(value.raw()),
                Kind::Null => Cow::Borrowed(""),
                _ => value.text().unwrap_or_default(),
            },
        }
    }
}

/// The columns of a table, found by name without looking at all of them.
#[derive(Clone, Debug)]
struct Columns {
    names: Vec<String>,
    /// Which columns have a name of this look, in their order.
    by_look: Vec<Vec<usize>>,
}

/// Looks of names that are kept apart.
const LOOKS: usize = 64;

/// A number that names of one spelling share, letter case aside, and that most others do not.
fn look(name: &str) -> usize {
    let folded = |letter: Option<&u8>| usize::from(letter.map_or(0, u8::to_ascii_lowercase));
    let bytes = name.as_bytes();
    (bytes.len() * 31 + folded(bytes.first()) * 7 + folded(bytes.last())) % LOOKS
}

impl Columns {
    fn new(names: Vec<String>) -> Self {
        let mut by_look = vec![Vec::new(); LOOKS];
        for (at, name) in names.iter().enumerate() {
            if let Some(columns) = by_look.get_mut(look(name)) {
                columns.push(at);
            }
        }
        Self { names, by_look }
    }

    /// The columns of this name, ASCII letter case aside, in their order.
    fn called(&self, name: &str) -> impl Iterator<Item = usize> {
        let columns = self.by_look.get(look(name)).map_or(&[][..], Vec::as_slice);
        columns.iter().copied().filter(move |at| {
            self.names
                .get(*at)
                .is_some_and(|have| have == name || have.eq_ignore_ascii_case(name))
        })
    }
}

/// Where a row has its names from.
#[derive(Clone, Debug)]
enum Names<'a> {
    /// From the header; cells that no column has a name for are not looked at.
    Header(&'a Columns),
    /// From the record itself.
    Own(Vec<Cow<'a, str>>),
}

/// A row's cells by name.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    names: Names<'a>,
    cells: Vec<Cell<'a>>,
}

impl<'a> Row<'a> {
    /// The entries of an object; those of `inner` objects come first.
    #[must_use]
    pub fn of_object(value: Value<'a>, inner: &[&str]) -> Self {
        let (mut names, mut cells) = (Vec::new(), Vec::new());
        let mut take = |object: Value<'a>| {
            for (key, value) in object.entries() {
                names.push(key.text());
                cells.push(Cell::Json(value));
            }
        };
        for name in inner {
            take(value.get(name));
        }
        take(value);
        Self {
            names: Names::Own(names),
            cells,
        }
    }

    /// The text of the first of these columns that has any, white space trimmed.
    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        names.iter().find_map(|name| match &self.names {
            Names::Header(columns) => columns
                .called(name)
                .find_map(|at| shown(self.cells.get(at)?)),
            Names::Own(have) => have
                .iter()
                .zip(&self.cells)
                .filter(|(have, _)| have.len() == name.len() && have.eq_ignore_ascii_case(name))
                .find_map(|(_, cell)| shown(cell)),
        })
    }

    /// Every (name, text) of the row.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, Cow<'a, str>)> {
        let name = |at: usize| match &self.names {
            Names::Header(columns) => columns.names.get(at).map(String::as_str),
            Names::Own(names) => names.get(at).map(AsRef::as_ref),
        };
        let cells = self.cells.iter().enumerate();
        cells.filter_map(move |(at, cell)| Some((name(at)?, cell.text())))
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
        let shown = self.pairs().map(|(name, text)| Field {
            name: name.to_owned(),
            value: text.into_owned(),
        });
        shown.filter(|field| !field.value.is_empty()).collect()
    }
}

/// The text of a cell, white space trimmed, where it has any.
fn shown<'a>(cell: &Cell<'a>) -> Option<Cow<'a, str>> {
    Some(trimmed(cell.text())).filter(|text| !text.is_empty())
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    if ends.iter().all(|end| end.is_some_and(u8::is_ascii_graphic)) {
        return text;
    }
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
    columns: Columns,
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
            columns: Columns::new(Vec::new()),
            delimiter: b',',
            zone: Zone::Unsaid,
            order: None,
            waiting: Vec::new(),
        }
    }

    fn row<'a>(&'a self, unit: &Unit<'a>) -> Option<Row<'a>> {
        let value = Value::new(unit.bytes);
        match unit.kind {
            UnitKind::Row => {
                let mut cells = Vec::with_capacity(self.columns.names.len() + 1);
                if self.delimiter == 0 {
                    cells.extend(value.elements().map(Cell::Json));
                } else {
                    let text = std::str::from_utf8(unit.bytes).unwrap_or("");
                    each_cell(unit.bytes, self.delimiter, |range| {
                        let plain = text.get(range.clone());
                        cells.push(match plain.filter(|cell| !cell.starts_with('"')) {
                            Some(cell) => Cell::Plain(cell),
                            None => Cell::Csv(csv::Cell(unit.bytes.get(range).unwrap_or(&[]))),
                        });
                    });
                }
                Some(Row {
                    names: Names::Header(&self.columns),
                    cells,
                })
            }
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
        self.columns = Columns::new(header.names.iter().map(bare).collect());
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
