//! A triage archive of any size: one artifact of each kind, deflated, under the paths that collectors keep.
//!
//! Written as a stream, so that an archive of many gigabytes costs no memory; the sizes of members stand behind them and in the central
//! directory. Rejected: nested archives, which tests of containers have; here it is the mixture that counts.

use super::{KINDS, Written};
use std::io;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Where a collector puts each kind.
const PATHS: [(&str, &str); KINDS.len()] = [
    ("activity-ndjson", "cloud/insights-activity-logs.json"),
    ("activity-array", "cloud/activity-log.json"),
    ("waagent-log", "web01/var/log/waagent.log"),
    (
        "handler-log",
        "web01/var/log/azure/run-command-handler/handler.log",
    ),
    ("syslog", "web01/var/log/syslog"),
    ("auditd", "web01/var/log/audit/audit.log"),
    ("evtx", "erp01/ForwardedEvents.evtx"),
    ("defender-csv", "erp01/DeviceProcessEvents.csv"),
];

/// `triage.zip` of members that are at least `size` bytes together, unpacked. What it says to have written are the unpacked bytes.
pub fn mixed_zip(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let share = size.div_ceil(KINDS.len() as u64);
    let mut written = Written::default();
    let mut archive: ZipWriter<StreamWriter<&mut dyn io::Write>> = ZipWriter::new_stream(out);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .large_file(share > u64::from(u32::MAX) / 2);
    for (kind, write) in KINDS {
        let path = PATHS.iter().find(|(name, _)| *name == kind);
        archive.start_file(path.map_or(kind, |(_, path)| *path), options)?;
        let member = write(seed, share, &mut archive)?;
        written.bytes += member.bytes;
        written.records += member.records;
    }
    archive.finish()?;
    Ok(written)
}
