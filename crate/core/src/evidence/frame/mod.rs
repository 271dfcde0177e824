//! Where one record ends and the next begins.
//!
//! A [`Framer`] looks at the front of a buffer and names the complete records in it; what is left
//! over stays in the buffer until more bytes come. It decides by content alone, never by where the
//! buffer happens to end, so any fragmentation of an item gives the same records.
//!
//! | framing | a record is | used by |
//! |---|---|---|
//! | [`lines`] | one line | handler.log, auditd, JSON lines of logs |
//! | [`blocks`] | a header line and the lines that follow it | waagent.log, syslog |
//! | [`json`] | an object, wherever wrappers put it | every cloud export, status files |
//! | [`csv`] | a row, quotes respected | portal and table exports |
//! | [`whole`] | the file | settings, scripts, state files |
//! | [`chunks`] | 64 KiB of a Windows event log | evtx |
//! | [`xml`] | one `<Event>` | Windows events as XML |
//!
//! Rejected: one framer per format. There are seven ways to delimit a record and forty formats.

pub mod blocks;
pub mod chunks;
pub mod csv;
pub mod json;
pub mod lines;
pub mod whole;
pub mod xml;

use super::unit::{Defects, UnitKind};
use std::ops::Range;

/// A record found in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where in the buffer.
    pub range: Range<usize>,
    /// What it is.
    pub kind: UnitKind,
    /// What was wrong with it. With `too_long` the range is only the part still in the buffer.
    pub defects: Defects,
}

/// Text between records that belongs to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Frame(Frame),
    /// Bytes that belong to no record.
    Stray(Range<usize>),
    /// Evidence of unknown extent was lost before this place.
    Lost(Range<usize>),
    /// The document ended with brackets open; all complete records were found.
    Unclosed,
}

/// Finds records at the front of a buffer.
pub trait Framer {
    /// Names the complete records in `buffer` in order and says how many bytes are done with. The
    /// rest, followed by more bytes, is given again. With `last` no more bytes will come and all of
    /// the buffer must be accounted for.
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize;

    /// Whether the bytes given away were the beginning of a record that is too long. The record
    /// began at the front of the buffer when this first became true.
    fn discarding(&self) -> bool {
        false
    }

    /// What a framer must know that begins at a record hereabouts; `None` where none can.
    fn carried(&self) -> Option<Vec<u8>> {
        None
    }

    /// Begins at a record, knowing what [`Framer::carried`] said. `false`: that makes no sense.
    fn resume(&mut self, carried: &[u8]) -> bool {
        let _ = carried;
        false
    }

    /// A record begins right behind this rest of the buffer, as [`crate::evidence::cut`] has it. Names what ends there. `false`: the
    /// rest ends inside a record and nothing was named.
    fn ends_before_record(&mut self, rest: &[u8], found: &mut dyn FnMut(Found)) -> bool {
        let _ = found;
        rest.is_empty() && !self.discarding()
    }
}
