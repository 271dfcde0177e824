//! `journal-json`: `journalctl -o json` and `json-pretty` (also `json-seq` and `json-sse`, whose framing the JSON framer steps over).
//!
//! Values are strings, `null` where too long, arrays of numbers where they are no text, arrays of strings where a field occurs more than once.
//! `_SOURCE_REALTIME_TIMESTAMP` is when the sender wrote, `__REALTIME_TIMESTAMP` when the journal received; both microseconds in UTC.
//! Source: linux-artifacts 8.

use super::syslog;
use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::encoding::text;
use crate::evidence::unit::Unit;
use crate::json::{Kind, Value};
use crate::problem::Code;
use crate::record::cloud::json_fields;
use crate::time::{Instant, Stamp};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "journal-json",
    about: "journalctl -o json",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Journal),
};

fn claims(record: Value<'_>) -> Certainty {
    if record.get("__REALTIME_TIMESTAMP").is_null() {
        0
    } else {
        95
    }
}

struct Journal;

/// A value's text: a string, bytes as an array of numbers, or the first of several.
fn value_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    if value.kind() != Kind::Array {
        return value.text();
    }
    let first = value.elements().next()?;
    if first.kind() != Kind::Scalar {
        return value_text(first);
    }
    let bytes: Vec<u8> = value
        .elements()
        .filter_map(|byte| u8::try_from(byte.integer()?).ok())
        .collect();
    Some(Cow::Owned(text(&bytes).into_owned()))
}

impl Reader for Journal {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let record = sink.begin();
        let (mut sent, mut received, mut host, mut tag, mut pid, mut message) =
            (None, None, None, None, None, None);
        for (key, value) in value.entries() {
            match key.0 {
                b"_SOURCE_REALTIME_TIMESTAMP" => sent = value.integer(),
                b"__REALTIME_TIMESTAMP" => received = value.integer(),
                b"_HOSTNAME" => host = value_text(value),
                b"SYSLOG_IDENTIFIER" => tag = value_text(value),
                b"_COMM" if tag.is_none() => tag = value_text(value),
                b"_PID" | b"SYSLOG_PID" if pid.is_none() => pid = value_text(value),
                b"MESSAGE" => message = value_text(value),
                _ => {}
            }
        }
        // The time shown is the journal's own; the sender's stays among the fields, where it may be compared.
        let Some(instant) = received
            .or(sent)
            .and_then(|micros| Instant::from_epoch(micros, 1_000, 6))
        else {
            sink.skip(
                record,
                Code::BadTime,
                unit.span(),
                "a journal record whose time cannot be read",
            );
            return true;
        };
        let message = message.unwrap_or_default();
        let host = host.map(|host| Cow::Owned(host.into_owned()));
        let mut event = syslog::own(syslog::event(
            Stamp::utc(instant),
            host,
            tag.as_deref().unwrap_or(""),
            pid.as_deref(),
            message.as_bytes(),
            sink,
        ));
        if sink.wants_detail() {
            event.fields = json_fields(value);
        }
        sink.event(record, unit.span(), event);
        true
    }
}
