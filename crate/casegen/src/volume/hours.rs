//! A storage account's Activity Log of months, packed: a small member a subscription and hour, as many as the size takes.
//!
//! What makes it slow to read is not bytes but how many members there are. Rejected: members of random sizes and names. Nobody has those.

use super::Written;
use super::cloud::feed;
use crate::cloud::{diagnostic, subscription_id};
use crate::json::Hand;
use std::collections::BTreeMap;
use std::io;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Between operations: two or three of a subscription in an hour.
const STEP_MS: i64 = 300_000;

/// `hours.zip` of members that are at least `size` bytes together, unpacked. What it says to have written are the unpacked bytes.
pub fn hours_zip(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let mut written = Written::default();
    let mut archive: ZipWriter<StreamWriter<&mut dyn io::Write>> = ZipWriter::new_stream(out);
    // Subscription and records of the hour under way.
    let mut hour: BTreeMap<String, String> = BTreeMap::new();
    let mut of_hour = String::new();
    feed(seed, STEP_MS, |world, operation, rows| {
        let now = operation.begun.utc_text("y=%Y/m=%m/d=%d/h=%H/m=00");
        if now != of_hour {
            pack(&mut archive, &of_hour, &mut hour)?;
            of_hour = now;
        }
        let text = hour
            .entry(subscription_id(world, operation).to_uppercase())
            .or_default();
        let before = text.len();
        for row in rows {
            diagnostic::record(world, operation, &row).write(Hand::Compact, 0, text);
            text.push('\n');
            written.records += 1;
        }
        written.bytes += (text.len() - before) as u64;
        Ok(written.bytes < size)
    })?;
    pack(&mut archive, &of_hour, &mut hour)?;
    archive.finish()?;
    Ok(written)
}

/// The members of an hour.
fn pack(
    archive: &mut ZipWriter<StreamWriter<&mut dyn io::Write>>,
    of_hour: &str,
    hour: &mut BTreeMap<String, String>,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (subscription, text) in std::mem::take(hour) {
        let path = format!(
            "insights-activity-logs/resourceId=/SUBSCRIPTIONS/{subscription}/{of_hour}/PT1H.json"
        );
        archive.start_file(path, options)?;
        io::Write::write_all(archive, text.as_bytes())?;
    }
    Ok(())
}
