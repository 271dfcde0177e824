//! Artifacts of any size, for benchmarks and for tests of the tab: the same writers as a case, fed without end.
//!
//! Each function writes whole records until at least `size` bytes are written and says what it wrote. Nothing but the
//! records under way is kept in memory, so a file of many gigabytes costs no more than a small one. Values repeat as
//! they do in reality: tens of callers, hundreds of resources, one correlation id for each operation.

mod cloud;
mod hours;
mod linux;
mod mixed;
mod windows;

pub use cloud::{activity_array, activity_ndjson};
pub use hours::hours_zip;
pub use linux::{auditd, handler_log, syslog, waagent_log};
pub use mixed::mixed_zip;
pub use windows::{defender_csv, evtx};

use std::io;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// Records, as the case document counts them.
    pub records: u64,
}

/// Writes an artifact of a seed and of at least a size.
pub type Writer = fn(u64, u64, &mut dyn io::Write) -> io::Result<Written>;

/// The artifacts, by the name that the command line takes.
pub const KINDS: [(&str, Writer); 8] = [
    ("activity-ndjson", activity_ndjson),
    ("activity-array", activity_array),
    ("waagent-log", waagent_log),
    ("handler-log", handler_log),
    ("syslog", syslog),
    ("auditd", auditd),
    ("evtx", evtx),
    ("defender-csv", defender_csv),
];

/// Archives of them: their size is that of what is in them.
pub const ARCHIVES: [(&str, Writer); 2] = [("mixed-zip", mixed_zip), ("hours-zip", hours_zip)];

/// Counts what passes.
struct Counter<'w> {
    out: &'w mut dyn io::Write,
    written: Written,
}

impl<'w> Counter<'w> {
    fn new(out: &'w mut dyn io::Write) -> Self {
        Self {
            out,
            written: Written::default(),
        }
    }

    /// Writes text or bytes that hold this many records.
    fn write(&mut self, text: &(impl AsRef<[u8]> + ?Sized), records: u64) -> io::Result<()> {
        self.out.write_all(text.as_ref())?;
        self.written.bytes += text.as_ref().len() as u64;
        self.written.records += records;
        Ok(())
    }

    fn is_below(&self, size: u64) -> bool {
        self.written.bytes < size
    }
}
