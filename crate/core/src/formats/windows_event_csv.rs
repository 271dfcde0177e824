//! `windows-event-csv`: Windows events as rows: EvtxECmd, Log Analytics `Event` and `SecurityEvent`, Hayabusa timelines.
//!
//! Columns go by name: builds of the same tool order them differently. Source: windows-and-endpoint-artifacts 4.1.

use super::table::{Row, Shape, TableReader};
use super::windows_rows::{TIMES, event};
use super::{Certainty, Format, Header};
use crate::event::sink::{Record, Sink};
use crate::evidence::unit::Unit;
use crate::time::{Stamp, TimeBasis};

/// The format.
pub const FORMAT: Format = Format {
    id: "windows-event-csv",
    about: "Windows events as CSV",
    from_guest: true,
    text: None,
    record: None,
    header: Some(|header| {
        if header.delimiter == 0 {
            0
        } else {
            claims_header(header)
        }
    }),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |_| false,
            ..SHAPE
        }))
    },
};

/// Rows of events, also of JSON tables.
pub(super) const SHAPE: Shape = Shape {
    mine: |_| false,
    inner: &[],
    times: TIMES,
    required: &["EventID", "EventId", "Id"],
    emit,
};

pub(super) fn claims_header(header: &Header) -> Certainty {
    let has = |names: &[&str]| names.iter().any(|name| header.column(name).is_some());
    let time = TIMES
        .iter()
        .any(|name| header.column_starting(name).is_some());
    let id = has(&["EventID", "EventId"]);
    let machine = has(&["Computer", "MachineName", "Hostname"]);
    let source = has(&[
        "Channel",
        "Provider",
        "EventLog",
        "Source",
        "EventData",
        "Activity",
        "LogName",
    ]);
    if time && id && machine && source {
        90
    } else {
        0
    }
}

/// Text kept of a script block where the reader is not told a limit.
const KEPT_TEXT: usize = 4 << 20;

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    // EvtxECmd and the tables write UTC without saying so.
    let time = time.map(|stamp| match stamp.basis {
        TimeBasis::AssumedUtc => stamp.with_basis(TimeBasis::Utc),
        _ => stamp,
    });
    event(row, time).emit(KEPT_TEXT, record, unit.span(), sink, |_| row.fields());
}
