//! `activity-log-rest`: the camelCase record of the REST API, the `az` CLI and the portal's JSON tab.
//!
//! Comes as a bare array, a `{"value": […]}` page, single or concatenated objects, or one a line
//! (activity-log-formats 2 a, b, c). Source of the field names: the Activity Log event schema of Azure Monitor.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::{Body, CloudRecord, json_fields};
use crate::record::powershell::{localizable, pairs, part};
use crate::time::parse;
use memchr::memmem;

/// The format.
pub const FORMAT: Format = Format {
    id: "activity-log-rest",
    about: "Activity Log from REST, az CLI or the portal's JSON view",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| {
        Box::new(Rest {
            records: 0,
            cli: 0,
            flattened: false,
            text_of_object: memmem::Finder::new(b"\"@{"),
        })
    },
};

/// `az monitor activity-log list` returns this many records unless told otherwise.
const CLI_DEFAULT_RECORDS: u64 = 50;

fn claims(record: Value<'_>) -> Certainty {
    let mut sure: Certainty = 0;
    for (key, value) in record.entries() {
        sure += match key.0 {
            b"eventTimestamp" => 50,
            b"operationName" if value.is_object() => 30,
            b"eventDataId" | b"submissionTimestamp" | b"resourceProviderName" => 10,
            _ => 0,
        };
    }
    // A `$select` answer has few fields; one of them is always its own.
    match sure {
        40.. => sure.min(95),
        _ if error_answer(record).is_some() => 30,
        _ => 0,
    }
}

/// Code and message of the service's refusal, which may be all that an export holds.
fn error_answer(record: Value<'_>) -> Option<String> {
    let inner = record.get("error");
    let error = if inner.is_object() { inner } else { record };
    let (code, message) = (
        error.get_folded("code").word()?,
        error.get_folded("message").word()?,
    );
    // Answers of a run command have a code and a message too, and more.
    (error.entries().count() <= 5 && !code.contains('/')).then(|| format!("{code}: {message}"))
}

struct Rest {
    records: u64,
    cli: u64,
    flattened: bool,
    /// Looks for the beginning of an object that was made text.
    text_of_object: memmem::Finder<'static>,
}

impl Reader for Rest {
    fn carried(&self) -> Option<Vec<u8>> {
        // How many records there are matters only where it is the default of the CLI.
        let many = self.records > CLI_DEFAULT_RECORDS || self.records == 0;
        many.then(|| vec![u8::from(self.flattened), u8::from(self.records > 0)])
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        let [flattened, many] = carried else {
            return carried.is_empty();
        };
        self.flattened = *flattened == 1;
        self.records = if *many == 1 {
            CLI_DEFAULT_RECORDS + 1
        } else {
            0
        };
        true
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        let Some((mut record, of_cli)) = parts(value) else {
            let Some(error) = error_answer(value) else {
                return false;
            };
            let begun = sink.begin();
            let text = format!(
                "the service answered with an error instead of records ({error}); repeat the export"
            );
            sink.skip(begun, Code::ErrorAnswer, unit.span(), text);
            return true;
        };
        if !self.flattened && self.text_of_object.find(unit.bytes).is_some() {
            self.flattened = true;
            sink.problem_next(
                Code::FlattenedExport,
                unit.span(),
                "nested objects were exported as text (ConvertTo-Json without -Depth); claims, properties or request may be lost. Repeat the export with -Depth 100",
            );
        }
        if record.time.is_none() {
            record.unread_time = value.get("eventTimestamp").word();
        }
        let begun = sink.begin();
        self.records += 1;
        self.cli += u64::from(of_cli);
        record.emit(begun, unit.span(), sink, || json_fields(value));
        true
    }

    fn finish(&mut self, sink: &mut Sink) {
        if self.records == CLI_DEFAULT_RECORDS && self.cli > 0 {
            sink.problem(
                Code::PossiblyTruncatedExport,
                None,
                "exactly 50 records, which is the default limit of `az monitor activity-log list`: the export is possibly truncated; repeat it with --max-events",
            );
        }
    }
}

/// The parts of a record, and whether the CLI wrote it: it adds `resourceGroup` to what the API returns.
fn parts(value: Value<'_>) -> Option<(CloudRecord<'_>, bool)> {
    let mut record = CloudRecord::default();
    let mut known = 0;
    let mut group = None;
    for (key, value) in value.entries() {
        match key.0 {
            b"eventTimestamp" => {
                known += 1;
                record.time = parse::any(value.inner());
            }
            b"operationName" => {
                known += 1;
                record.operation = localizable(value);
                record.operation_display = part(value, "localizedValue");
            }
            b"eventDataId" => {
                known += 1;
                record.event_data_id = value.word();
            }
            b"status" => record.status = localizable(value),
            b"subStatus" => record.sub_status = localizable(value),
            b"caller" => record.caller = value.word(),
            b"httpRequest" => record.ip = part(value, "clientIpAddress"),
            b"resourceId" | b"resourceUri" => record.resource = value.word(),
            b"resourceType" => record.resource_type = localizable(value),
            b"subscriptionId" => record.subscription = value.word(),
            b"resourceGroup" => group = group.or(Some(value)),
            b"correlationId" => record.correlation = value.word(),
            b"id" => record.id = value.word(),
            b"category" => record.category = localizable(value),
            b"claims" if value.is_object() => record.claims.take_present(value),
            b"claims" => {
                for (name, text) in pairs(value) {
                    record.claims.take_text(&name, || Some(text));
                }
            }
            b"authorization" => {
                record.role = part(value, "role");
                record.scope = part(value, "scope");
            }
            b"properties" => {
                for (key, value) in value.entries() {
                    if key.is_folded("requestbody") || key.is_folded("responsebody") {
                        record.bodies.push(Body::Json(value));
                    }
                }
            }
            _ => {}
        }
    }
    let of_cli = group.is_some_and(|group| !group.is_null());
    (known > 0 && (record.time.is_some() || record.operation.is_some())).then_some((record, of_cli))
}
