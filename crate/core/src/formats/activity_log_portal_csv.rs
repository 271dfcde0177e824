//! `activity-log-portal-csv`: the portal's Download as CSV, in any UI language.
//!
//! Names and values follow the language of the page; the order of the eleven columns does not (ten in the oldest form, which lacks the category).
//! There is no operation id, no address and no event id: the operation is its display name. Source: activity-log-formats 2 c.

use super::{Certainty, Format, Header, Reader};
use crate::event::Field;
use crate::event::sink::Sink;
use crate::evidence::frame::csv::{Cell, cells};
use crate::evidence::unit::{Unit, UnitKind};
use crate::identity::looks_like_guid;
use crate::problem::Code;
use crate::record::cloud::CloudRecord;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-portal-csv",
    about: "the portal's Activity Log as CSV, in any language",
    from_guest: false,
    text: None,
    record: None,
    header: Some(claims),
    open: |_| {
        Box::new(PortalCsv {
            names: Vec::new(),
            delimiter: b',',
        })
    },
};

const COLUMNS: usize = 11;
const OLD_COLUMNS: usize = 10;

/// Where the columns after the category stand.
fn shift(columns: usize) -> usize {
    usize::from(columns >= COLUMNS)
}

fn claims(header: &Header) -> Certainty {
    if header.has(&[
        "Correlation id",
        "Operation name",
        "Status",
        "Event initiated by",
        "Resource",
    ]) {
        return 95;
    }
    // Another language: the shape of the first row.
    let columns = header.names.len();
    if !(OLD_COLUMNS..=COLUMNS).contains(&columns) {
        return 0;
    }
    let at = |column: usize| header.first.get(column).map_or("", String::as_str);
    let after = shift(columns);
    let ours = looks_like_guid(at(0))
        && parse::iso(at(4 + after).as_bytes()).is_some()
        && at(9 + after).starts_with('/');
    if ours { 85 } else { 0 }
}

struct PortalCsv {
    names: Vec<String>,
    delimiter: u8,
}

impl Reader for PortalCsv {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn header(&mut self, header: &Header) {
        self.names.clone_from(&header.names);
        self.delimiter = header.delimiter;
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        if unit.kind != UnitKind::Row {
            return false;
        }
        let begun = sink.begin();
        let cells = cells(unit.bytes, self.delimiter);
        if cells.len() < OLD_COLUMNS {
            let text = format!(
                "a row of {} cells where {} are expected; it may be cut",
                cells.len(),
                self.names.len()
            );
            sink.skip(begun, Code::MalformedRecord, unit.span(), text);
            return true;
        }
        let after = shift(self.names.len());
        let cell = |at: usize| cells.get(at).copied().unwrap_or(Cell(b""));
        let word = |at: usize| Some(cell(at).text()).filter(|text| !text.trim().is_empty());
        let time = word(4 + after);
        let read = time.as_deref().and_then(|text| parse::any(text.as_bytes()));
        let record = CloudRecord {
            unread_time: if read.is_none() { time } else { None },
            time: read,
            correlation: word(0),
            operation_display: word(1),
            status: word(2),
            category: if after == 1 { word(3) } else { None },
            subscription: word(5 + after),
            caller: word(6 + after),
            resource_type: word(7 + after),
            resource: word(9 + after),
            ..CloudRecord::default()
        };
        let names = &self.names;
        record.emit(begun, unit.span(), sink, || {
            let shown = |(at, cell): (usize, &Cell<'_>)| Field {
                name: names
                    .get(at)
                    .cloned()
                    .unwrap_or_else(|| format!("column {}", at + 1)),
                value: Cow::into_owned(cell.text()),
            };
            cells.iter().enumerate().map(shown).collect()
        });
        true
    }
}
