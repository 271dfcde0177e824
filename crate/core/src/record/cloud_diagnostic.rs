//! The Activity Log record in the diagnostic shape, wherever it stands: in a blob, in an Event Hub body, or kept as `event.original` by another
//! pipeline (activity-log-formats 2 e).

use super::cloud::{Body, CloudRecord};
use crate::json::Value;
use crate::time::{TimeBasis, parse};

/// The parts of a record. Properties may be an object or a string that holds one.
#[must_use]
pub fn parts(value: Value<'_>) -> CloudRecord<'_> {
    let mut record = CloudRecord::default();
    for (key, value) in value.entries() {
        match key.0 {
            // Without a zone this pipeline means UTC.
            b"time" => {
                record.time = parse::any(value.inner()).map(|stamp| {
                    if stamp.basis == TimeBasis::Local {
                        stamp.with_basis(TimeBasis::AssumedUtc)
                    } else {
                        stamp
                    }
                })
            }
            b"operationName" => record.operation = value.word(),
            b"resourceId" | b"ResourceId" => record.resource = value.word(),
            b"category" => record.category = value.word(),
            b"resultType" => record.status = value.word(),
            b"resultSignature" => record.sub_status = value.word(),
            b"callerIpAddress" => record.ip = value.word(),
            b"correlationId" => record.correlation = value.word(),
            b"identity" => identity(value, &mut record),
            b"evt" => {
                record.of_siem = true;
                record.operation = value.get("name").word();
                record.status = value.get("outcome").word();
                record.category = value.get("category").word();
            }
            b"properties" => {
                for (key, value) in value.entries() {
                    if key.is_folded("requestbody") || key.is_folded("responsebody") {
                        record.bodies.push(Body::Json(value));
                    } else if key.is_folded("eventDataId") {
                        record.event_data_id = value.word();
                    }
                }
            }
            _ => {}
        }
    }
    record
}

fn identity<'a>(identity: Value<'a>, record: &mut CloudRecord<'a>) {
    let [claims, authorization] = identity.first_of([b"claims", b"authorization"]);
    record.claims.take_all(claims);
    let [scope, evidence] = authorization.first_of([b"scope", b"evidence"]);
    record.scope = scope.word();
    for (key, value) in evidence.entries() {
        match key.0 {
            b"role" => record.role = value.word(),
            b"principalId" => record.principal_id = value.word(),
            b"principalType" => record.principal_type = value.word(),
            _ => {}
        }
    }
}
