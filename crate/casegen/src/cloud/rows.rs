//! From an operation to the rows that the Activity Log keeps of it, before any shape.
//!
//! ```text
//! at once:  Started ── Succeeded            both with the request
//! later:    Started ── Accepted ── Succeeded
//!           request    request     no request, another operation id, an empty sub-status
//! ```
//!
//! The finishing row of an asynchronous operation lacks the address; whoever wants both must fold the rows.

use super::catalogue::Answer;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Operation, Outcome};

/// Where in its life an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Request received.
    Started,
    /// Still running.
    Accepted,
    /// Done.
    Succeeded,
    /// Refused or failed.
    Failed,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// When it happened.
    pub at: Instant,
    /// When it could be queried.
    pub submitted: Instant,
    /// Stage.
    pub stage: Stage,
    /// HTTP status, on rows that end a request.
    pub http: Option<u16>,
    /// `BeginRequest`, `EndRequest` or empty.
    pub event: &'static str,
    /// Whether the request (method, address) is on it.
    pub has_request: bool,
    /// Whether status details are on it.
    pub has_status_code: bool,
    /// Event data id.
    pub event_data_id: String,
    /// Operation id.
    pub operation_id: String,
    /// Id of the request, if it is on the row.
    pub request_id: String,
}

/// The name of an HTTP status, as .NET spells it.
#[must_use]
pub const fn http_name(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        _ => "BadRequest",
    }
}

/// The rows of an operation, in time order. `random` is the operation's own stream.
#[must_use]
pub fn rows_of(operation: &Operation, random: &mut Random) -> Vec<Row> {
    let request_id = random.guid();
    let mut row = |at: Instant, stage, http, event, has_request: bool, same_operation: bool| Row {
        at: whole_seconds(operation, at),
        submitted: at.plus_ms(random.between(58_000, 190_000)),
        stage,
        http,
        event,
        has_request,
        has_status_code: http.is_some(),
        event_data_id: random.guid(),
        operation_id: if same_operation {
            operation.correlation.clone()
        } else {
            random.guid()
        },
        request_id: request_id.clone(),
    };
    let (last, status) = match operation.outcome {
        Outcome::Succeeded(status) => (Some(Stage::Succeeded), status),
        Outcome::Failed(status, ..) => (Some(Stage::Failed), status),
        Outcome::Pending => (None, 0),
    };
    match (operation.kind.answer, last) {
        (Answer::Policy, _) => vec![row(
            operation.begun,
            Stage::Succeeded,
            None,
            "EndRequest",
            false,
            false,
        )],
        (Answer::Platform, _) => vec![row(
            operation.begun,
            Stage::Succeeded,
            None,
            "",
            false,
            false,
        )],
        (Answer::AtOnce, last) => {
            let mut rows = vec![row(
                operation.begun,
                Stage::Started,
                None,
                "BeginRequest",
                true,
                true,
            )];
            rows.extend(last.map(|stage| {
                row(
                    operation.ended,
                    stage,
                    Some(status),
                    "EndRequest",
                    true,
                    true,
                )
            }));
            rows
        }
        (Answer::Later, last) => {
            let mut rows = vec![row(
                operation.begun,
                Stage::Started,
                None,
                "BeginRequest",
                true,
                true,
            )];
            // A request that is refused at once was never accepted.
            if let Some(at) = operation.accepted {
                let accepted = if operation.kind.method == "PUT" {
                    201
                } else {
                    202
                };
                rows.push(row(
                    at,
                    Stage::Accepted,
                    Some(accepted),
                    "EndRequest",
                    true,
                    true,
                ));
                rows.extend(last.map(|stage| {
                    let status = (stage == Stage::Failed).then_some(status);
                    row(operation.ended, stage, status, "EndRequest", false, false)
                }));
            } else {
                rows.extend(last.map(|stage| {
                    row(
                        operation.ended,
                        stage,
                        Some(status),
                        "EndRequest",
                        true,
                        true,
                    )
                }));
            }
            rows
        }
    }
}

/// The platform's own events are dated by the second.
fn whole_seconds(operation: &Operation, at: Instant) -> Instant {
    if operation.kind.answer == Answer::Platform {
        Instant::of_seconds(at.seconds())
    } else {
        // Half of the records of real exports have seven digits; the rest comes of trailing zeros.
        at
    }
}
