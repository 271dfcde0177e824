//! `activity-log-table`: the `AzureActivity` table of Log Analytics and Sentinel, as CSV, as JSON objects, or as rows under columns.
//!
//! Two generations of columns live side by side: `XValue` is read before `X`. Claims, authorization, request and properties are JSON
//! inside strings, with dynamic twins that end in `_d`. The portal writes `TimeGenerated [UTC]` and US dates. Source:
//! activity-log-formats 2 g.

use super::{Certainty, Format, Header, Reader};
use crate::event::Field;
use crate::event::sink::Sink;
use crate::evidence::frame::csv::cells;
use crate::evidence::unit::{Unit, UnitKind};
use crate::json::{Kind, Value};
use crate::problem::Code;
use crate::record::cloud::{Claims, CloudRecord, json_fields};
use crate::time::{Stamp, TimeBasis, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-table",
    about: "AzureActivity of Log Analytics and Sentinel",
    text: None,
    record: Some(claims),
    header: Some(claims_header),
    open: |_| {
        Box::new(Table {
            names: Vec::new(),
            delimiter: b',',
            utc: false,
            local: false,
        })
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, value) in record.entries() {
        sure += match key.0 {
            b"OperationNameValue" => 60,
            b"ActivityStatusValue" | b"ActivityStatus" => 25,
            b"Type" if value.inner() == b"AzureActivity" => 90,
            b"CallerIpAddress" | b"EventDataId" => 5,
            _ => 0,
        };
        sure = sure.min(95);
    }
    if sure >= 30 { sure } else { 0 }
}

fn claims_header(header: &Header) -> Certainty {
    let time = header.column_starting("TimeGenerated").is_some();
    let operation = header
        .column("OperationNameValue")
        .or(header.column("OperationName"))
        .is_some();
    let status = header
        .column("ActivityStatusValue")
        .or(header.column("ActivityStatus"))
        .is_some();
    if operation && status && (time || header.column("CorrelationId").is_some()) {
        95
    } else {
        0
    }
}

struct Table {
    names: Vec<String>,
    delimiter: u8,
    /// The time column says UTC, or the browser's zone.
    utc: bool,
    local: bool,
}

/// A row's columns by name, whatever carries them.
struct Row<'a> {
    cells: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Row<'_> {
    fn get(&self, names: &[&str]) -> Option<&str> {
        let value = |name: &&str| {
            let found = self
                .cells
                .iter()
                .find(|(have, _)| have.eq_ignore_ascii_case(name));
            found
                .map(|(_, text)| text.trim())
                .filter(|text| !text.is_empty())
        };
        names.iter().find_map(value)
    }
}

impl Reader for Table {
    fn header(&mut self, header: &Header) {
        // The name before the bracket; the bracket is the zone the portal showed.
        let time = header
            .names
            .iter()
            .find(|name| name.starts_with("TimeGenerated"));
        self.utc = time.is_some_and(|name| name.contains("[UTC]"));
        self.local = time.is_some_and(|name| name.contains('[')) && !self.utc;
        self.names = header
            .names
            .iter()
            .map(|name| name.split(" [").next().unwrap_or(name).to_owned())
            .collect();
        self.delimiter = header.delimiter;
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        let text_of = |value: Value<'_>| match value.kind() {
            Kind::Object | Kind::Array => {
                Cow::Owned(crate::evidence::encoding::text(value.raw()).into_owned())
            }
            _ => Cow::Owned(value.text().map(Cow::into_owned).unwrap_or_default()),
        };
        let row = match unit.kind {
            UnitKind::Row if self.delimiter == 0 => Row {
                cells: self
                    .names
                    .iter()
                    .map(|name| Cow::Borrowed(name.as_str()))
                    .zip(value.elements().map(text_of))
                    .collect(),
            },
            UnitKind::Row => Row {
                cells: self
                    .names
                    .iter()
                    .map(|name| Cow::Borrowed(name.as_str()))
                    .zip(
                        cells(unit.bytes, self.delimiter)
                            .into_iter()
                            .map(|cell| cell.text()),
                    )
                    .collect(),
            },
            _ if claims(value) > 0 => Row {
                cells: value
                    .entries()
                    .map(|(key, value)| (key.text(), text_of(value)))
                    .collect(),
            },
            _ => return false,
        };
        let begun = sink.begin();
        if row
            .get(&["OperationNameValue", "OperationName", "TimeGenerated"])
            .is_none()
        {
            sink.skip(
                begun,
                Code::MalformedRecord,
                unit.span(),
                "a row without operation and time; it may be cut",
            );
            return true;
        }
        self.emit(&row, begun, unit, sink);
        true
    }
}

impl Table {
    fn time(&self, row: &Row<'_>) -> Option<Stamp> {
        let stamp = parse::any(row.get(&["TimeGenerated"])?.as_bytes())?;
        Some(match stamp.basis {
            TimeBasis::AssumedUtc if self.utc => stamp.with_basis(TimeBasis::Utc),
            TimeBasis::AssumedUtc if self.local => stamp.with_basis(TimeBasis::Local),
            _ => stamp,
        })
    }

    fn emit(
        &self,
        row: &Row<'_>,
        begun: crate::event::sink::Record,
        unit: &Unit<'_>,
        sink: &mut Sink,
    ) {
        let json = |names: &[&str]| Value::new(row.get(names).unwrap_or("").as_bytes());
        let claims_json = json(&["Claims", "Claims_d"]);
        let authorization = json(&["Authorization", "Authorization_d"]);
        let evidence = authorization.get("evidence");
        let request = json(&["HTTPRequest"]);
        let properties = json(&["Properties", "Properties_d"]);
        let owned = |text: Option<&str>| text.map(|text| Cow::Owned(text.to_owned()));
        let mut claims = Claims::default();
        claims.take_all(claims_json);
        let time = self.time(row);
        let body = |name: &str| {
            properties
                .entries()
                .find(|(key, _)| key.is_folded(name))
                .and_then(|(_, value)| value.text())
        };
        let record = CloudRecord {
            unread_time: if time.is_none() {
                owned(row.get(&["TimeGenerated"]))
            } else {
                None
            },
            time,
            operation: owned(row.get(&["OperationNameValue"])),
            operation_display: owned(row.get(&["OperationName"])),
            status: owned(row.get(&["ActivityStatusValue", "ActivityStatus"])),
            sub_status: owned(row.get(&["ActivitySubstatusValue", "ActivitySubstatus"])),
            caller: owned(row.get(&["Caller"])),
            ip: owned(row.get(&["CallerIpAddress"]))
                .or_else(|| request.get("clientIpAddress").word()),
            resource: owned(row.get(&["_ResourceId", "ResourceId"]))
                .or_else(|| properties.get("entity").word()),
            subscription: owned(row.get(&["SubscriptionId", "_SubscriptionId"])),
            correlation: owned(row.get(&["CorrelationId"])),
            event_data_id: owned(row.get(&["EventDataId"]))
                .or_else(|| properties.get("eventDataId").word()),
            category: owned(row.get(&["CategoryValue", "Category"])),
            role: evidence.get("role").word(),
            principal_id: evidence.get("principalId").word(),
            principal_type: evidence.get("principalType").word(),
            scope: authorization.get("scope").word(),
            bodies: ["requestbody", "responseBody"]
                .into_iter()
                .filter_map(body)
                .collect(),
            claims,
            ..CloudRecord::default()
        };
        record.emit(begun, unit.span(), sink, || {
            if unit.kind == UnitKind::Record {
                return json_fields(Value::new(unit.bytes));
            }
            let shown = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| Field {
                name: name.to_string(),
                value: value.to_string(),
            };
            row.cells
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(shown)
                .collect()
        });
    }
}
