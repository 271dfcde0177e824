//! `run-command-result`: what the caller was told (`az vm run-command invoke`, the REST answer).
//!
//! On Linux one element carries the whole message; on Windows standard output and standard error are two elements. The answer names neither VM
//! nor time: it is evidence of an execution whose place must come from elsewhere. Source: linux-artifacts 3.2 (Azure-side echo).

use super::{Certainty, Format, Reader};
use crate::event::fact::{Fact, GuestFact, GuestSaid, RunState};
use crate::event::intern::Symbol;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::layout::{Family, Os};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::cloud::json_fields;
use crate::record::status;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "run-command-result",
    about: "answer of az vm run-command invoke",
    from_guest: true,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(RunResult),
};

fn claims(record: Value<'_>) -> Certainty {
    let code = record.get("code");
    let code = code.word();
    let ours = code.as_deref().is_some_and(|code| {
        code.starts_with("ProvisioningState/") || code.starts_with("ComponentStatus/")
    });
    if ours && !record.get("message").is_null() {
        90
    } else {
        0
    }
}

struct RunResult;

impl Reader for RunResult {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let item = Value::new(unit.bytes);
        if claims(item) == 0 {
            return false;
        }
        let record = sink.begin();
        let code = item.get("code").word().unwrap_or_default();
        let message = item.get("message").text().unwrap_or_default();
        let state = code
            .rsplit('/')
            .next()
            .map_or(RunState::Unknown, status::state_of);
        let windows = code.starts_with("ComponentStatus/");
        let (mut said, _) = status::read("", &message);
        said.state = state;
        if windows {
            let stream = Some(message.clone().into_owned());
            (said.stdout, said.stderr) = if code.contains("StdErr") {
                (None, stream)
            } else {
                (stream, None)
            };
        }
        let time = item
            .get("time")
            .word()
            .and_then(|text| parse::iso(text.as_bytes()));
        let mut event = Event::new(EventKind::RunResult, time);
        event.outcome = match state {
            RunState::Succeeded => Outcome::Succeeded,
            RunState::Failed | RunState::TimedOut => Outcome::Failed,
            RunState::Running | RunState::Unknown => Outcome::None,
        };
        event.operation = Some(Cow::Owned(code.clone().into_owned()));
        if sink.wants_detail() {
            let out = said
                .stdout
                .as_deref()
                .or(said.stderr.as_deref())
                .unwrap_or("");
            event.summary = format!(
                "{code}: {}",
                out.lines()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or("(no output)")
            );
            event.fields = json_fields(item);
        }
        event.fact = Some(Fact::Guest(Box::new(GuestFact {
            family: Family::Action,
            os: if windows { Os::Windows } else { Os::Linux },
            version: Symbol::NONE,
            name: Symbol::NONE,
            sequence: None,
            said: GuestSaid::Result(Box::new(said)),
        })));
        sink.event(record, unit.span(), event);
        true
    }
}
