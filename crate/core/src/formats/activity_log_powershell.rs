//! `activity-log-powershell`: what `Get-AzActivityLog` returns, as JSON of both generations, as list text, or as CSV.
//!
//! PascalCase; `HttpRequest` has `ClientId` and `Url`, claims and properties stand under `Content`; localizable texts are objects in older modules
//! and plain text in newer ones. CSV keeps only type names of nested objects and writes dates in the culture and perhaps the zone of the machine. Source:
//! activity-log-formats 2 d; no real sample is public.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Framing, Header, Reader, Sample, TextShape};
use crate::event::Field;
use crate::event::sink::{Record, Sink};
use crate::evidence::encoding::text;
use crate::evidence::unit::{Unit, UnitKind};
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::{Body, CloudRecord, Text, json_fields};
use crate::record::powershell::{is_flattened, list, localizable, pairs, part};
use crate::time::{Stamp, TimeBasis, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-powershell",
    about: "Activity Log from Get-AzActivityLog",
    from_guest: false,
    text: Some(TextShape {
        framing: Framing::Blocks(begins_record),
        recognise,
    }),
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(PowerShell {
            table: TableReader::new(Shape {
                mine: |_| false,
                inner: &[],
                times: &["EventTimestamp"],
                required: &["EventTimestamp", "OperationName", "EventDataId"],
                emit: emit_row,
            }),
            flattened: false,
        })
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, _) in record.entries() {
        sure += match key.0 {
            b"EventTimestamp" => 50,
            b"EventDataId" | b"OperationName" => 15,
            b"SubmissionTimestamp" | b"ResourceProviderName" | b"HttpRequest" => 5,
            _ => 0,
        };
    }
    if sure >= 60 { sure.min(95) } else { 0 }
}

fn claims_header(header: &Header) -> Certainty {
    if header.has(&["EventTimestamp", "OperationName", "CorrelationId"]) {
        95
    } else {
        0
    }
}

/// The first line of a record in list form.
fn begins_record(line: &[u8]) -> bool {
    line.strip_prefix(b"Authorization")
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

fn recognise(sample: &Sample<'_>) -> Certainty {
    let named = |name: &[u8]| {
        sample.lines().any(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
        })
    };
    if sample.lines().any(begins_record) && named(b"EventTimestamp") && named(b"OperationName") {
        90
    } else {
        0
    }
}

struct PowerShell {
    table: TableReader,
    flattened: bool,
}

impl Reader for PowerShell {
    fn header(&mut self, header: &Header) {
        self.table.header(header);
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if unit.kind == UnitKind::Row {
            return self.table.read(unit, sink);
        }
        if begins_record(unit.bytes) {
            read_list(unit, sink);
            return true;
        }
        if claims(value) == 0 {
            return false;
        }
        let begun = sink.begin();
        let flat = value
            .entries()
            .any(|(_, value)| value.text().is_some_and(|text| is_flattened(&text)));
        if flat && !self.flattened {
            self.flattened = true;
            sink.problem(
                Code::FlattenedExport,
                Some(unit.span()),
                "nested objects were exported as text; claims, properties or request may be lost. Repeat the export with ConvertTo-Json -Depth 100",
            );
        }
        parts(value).emit(begun, unit.span(), sink, || json_fields(value));
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        self.table.finish(sink);
    }

    fn carried(&self) -> Option<Vec<u8>> {
        let mut knows = self.table.carried()?;
        knows.push(u8::from(self.flattened));
        Some(knows)
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        let Some((flattened, table)) = carried.split_last() else {
            return self.table.resume(carried);
        };
        self.flattened = *flattened == 1;
        self.table.resume(table)
    }
}

fn parts(value: Value<'_>) -> CloudRecord<'_> {
    let mut record = CloudRecord::default();
    for (key, value) in value.entries() {
        match key.0 {
            b"EventTimestamp" => {
                // Dates come as "\/Date(…)\/": the escapes must go first.
                record.time = value.word().and_then(|text| parse::any(text.as_bytes()));
                if record.time.is_none() {
                    record.unread_time = part(value, "DateTime").or(value.word());
                }
            }
            b"OperationName" => {
                record.operation = localizable(value);
                record.operation_display = part(value, "LocalizedValue");
            }
            b"Status" => record.status = localizable(value),
            b"SubStatus" => record.sub_status = localizable(value),
            b"Category" => record.category = localizable(value),
            b"Caller" => record.caller = value.word(),
            b"HttpRequest" => record.ip = part(value, "ClientIpAddress"),
            b"ResourceId" => record.resource = value.word(),
            b"ResourceType" => record.resource_type = localizable(value),
            b"SubscriptionId" => record.subscription = value.word(),
            b"CorrelationId" => record.correlation = value.word(),
            b"EventDataId" => record.event_data_id = value.word(),
            b"Id" => record.id = value.word(),
            b"Authorization" => {
                record.role = part(value, "Role");
                record.scope = part(value, "Scope");
            }
            b"Claims" => {
                for (name, text) in pairs(content(value)) {
                    record.claims.take_text(&name, || Some(text));
                }
            }
            b"Properties" => {
                for (key, value) in content(value).entries() {
                    if key.is_folded("requestbody") || key.is_folded("responsebody") {
                        record.bodies.push(Body::Json(value));
                    }
                }
            }
            _ => {}
        }
    }
    record
}

/// The dictionary wrapper's content, or the value itself.
fn content(value: Value<'_>) -> Value<'_> {
    let inner = value.get("Content");
    if inner.is_null() { value } else { inner }
}

fn read_list(unit: &Unit<'_>, sink: &mut Sink) {
    let begun = sink.begin();
    let shown = text(unit.bytes);
    let pairs = list(&shown);
    let get = |name: &str| -> Text<'_> {
        pairs
            .iter()
            .find(|(have, value)| have == name && !value.is_empty())
            .map(|(_, value)| Cow::Borrowed(value.as_str()))
    };
    let mut record = CloudRecord {
        operation: get("OperationName.Value").or(get("OperationName")),
        status: get("Status.Value").or(get("Status")),
        sub_status: get("SubStatus"),
        category: get("Category"),
        caller: get("Caller"),
        ip: get("HttpRequest.ClientIpAddress"),
        resource: get("ResourceId"),
        subscription: get("SubscriptionId"),
        correlation: get("CorrelationId"),
        event_data_id: get("EventDataId"),
        id: get("Id"),
        role: get("Authorization.Role"),
        scope: get("Authorization.Scope"),
        ..CloudRecord::default()
    };
    for (name, value) in &pairs {
        if let Some(name) = name.strip_prefix("Claims.") {
            record
                .claims
                .take_text(name, || Some(Cow::Borrowed(value.as_str())));
        }
    }
    let time = get("EventTimestamp");
    record.time = time.as_deref().and_then(local_time);
    if record.time.is_none() {
        record.unread_time = time;
    }
    record.emit(begun, unit.span(), sink, || {
        let field = |(name, value): &(String, String)| Field {
            name: name.clone(),
            value: value.clone(),
        };
        pairs.iter().map(field).collect()
    });
}

/// Dates shown by PowerShell are those of the machine it ran on.
fn local_time(text: &str) -> Option<Stamp> {
    let stamp = parse::any(text.as_bytes())?;
    Some(match stamp.basis {
        TimeBasis::AssumedUtc => stamp.with_basis(TimeBasis::Local),
        _ => stamp,
    })
}

fn emit_row(row: &Row<'_>, time: Option<Stamp>, begun: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let time = time.map(|stamp| match stamp.basis {
        TimeBasis::AssumedUtc => stamp.with_basis(TimeBasis::Local),
        _ => stamp,
    });
    // A nested column holds its type's name, or `Name : value` lines.
    let word = |name: &str| {
        row.text(&[name])
            .filter(|text| !text.starts_with("Microsoft.Azure."))
    };
    let nested = |name: &str| word(name).map(|text| list(&text)).unwrap_or_default();
    let (request, authorization) = (nested("HttpRequest"), nested("Authorization"));
    let of = |pairs: &[(String, String)], name: &str| {
        pairs
            .iter()
            .find(|pair| pair.0.eq_ignore_ascii_case(name))
            .map(|pair| Cow::Owned(pair.1.clone()))
    };
    let mut record = CloudRecord {
        unread_time: if time.is_none() {
            word("EventTimestamp")
        } else {
            None
        },
        time,
        operation: word("OperationName"),
        status: word("Status"),
        sub_status: word("SubStatus"),
        category: word("Category"),
        caller: word("Caller"),
        ip: of(&request, "ClientIpAddress"),
        resource: word("ResourceId"),
        subscription: word("SubscriptionId"),
        correlation: word("CorrelationId"),
        event_data_id: word("EventDataId"),
        id: word("Id"),
        role: of(&authorization, "Role"),
        scope: of(&authorization, "Scope"),
        ..CloudRecord::default()
    };
    for (name, value) in nested("Claims") {
        record.claims.take_text(&name, || Some(Cow::Owned(value)));
    }
    record.emit(begun, unit.span(), sink, || row.fields());
}
