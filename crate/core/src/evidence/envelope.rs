//! Records that a pipeline put into an envelope: a search hit's `_source`, a message's `body`, JSON kept as text in `message`.
//!
//! ```
//! use runlens_core::evidence::envelope::records;
//! use runlens_core::json::Value;
//! let hit = Value::new(br#"{"body":"{\"records\":[{\"a\":1},{\"a\":2}]}"}"#);
//! assert_eq!(records(hit, 1000, 64), [br#"{"a":1}"#, br#"{"a":2}"#]);
//! ```
//!
//! Asked only for records that no format knows as they stand, so an event that merely has a `message` is not torn apart.
//!
//! Rejected: a wrapper key of the JSON framer. These hold one record among fields of their own, and often as text.

use super::frame::json::Json;
use super::frame::{Found, Framer};
use super::unit::UnitKind;
use crate::json::Value;

/// Names under which pipelines keep the record they carry.
const NAMES: [&str; 9] = [
    "_source", "body", "Body", "message", "Message", "_raw", "@message", "event", "data",
];

/// The complete JSON records inside an envelope; none where it is none.
#[must_use]
pub fn records(envelope: Value<'_>, record_bytes: usize, json_depth: usize) -> Vec<Vec<u8>> {
    NAMES
        .iter()
        .map(|name| inside(envelope.get(name), record_bytes, json_depth))
        .find(|records| !records.is_empty())
        .unwrap_or_default()
}

fn inside(value: Value<'_>, record_bytes: usize, json_depth: usize) -> Vec<Vec<u8>> {
    let text;
    let bytes = if value.is_object() || value.is_array() {
        value.raw()
    } else {
        text = value.text().unwrap_or_default();
        text.as_bytes()
    };
    if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Vec::new();
    }
    let mut out = Vec::new();
    Json::new(record_bytes, json_depth).frame(bytes, true, &mut |found| {
        if let Found::Frame(frame) = found
            && frame.kind == UnitKind::Record
            && !frame.defects.truncated
            && !frame.defects.malformed
            && !frame.defects.too_deep
            && !frame.defects.too_long
        {
            out.extend(bytes.get(frame.range).map(<[u8]>::to_vec));
        }
    });
    out
}
