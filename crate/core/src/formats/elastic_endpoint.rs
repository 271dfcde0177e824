//! `elastic-endpoint`: process, file and network events in the Elastic Common Schema (Elastic Defend, auditbeat, packetbeat and others that follow it).
//!
//! Nested or dotted, as documents or as search hits. `entity_id` and `ancestry` are opaque: they are compared as text. Source:
//! windows-and-endpoint-artifacts 7.

use super::{Certainty, Format, Reader};
use crate::event::fact::{Fact, FileFact, FlowFact, ProcessFact};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::identity::address;
use crate::json::Value;
use crate::record::cloud::json_fields;
use crate::record::ecs::{at, raw_at, source, word};
use crate::record::run_mention;
use crate::record::windows::meaning::mention;
use crate::time::parse;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "elastic-endpoint",
    about: "endpoint events in the Elastic Common Schema",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(Endpoint),
};

fn claims(record: Value<'_>) -> Certainty {
    let document = source(record);
    if at(document, "@timestamp").is_null() {
        return 0;
    }
    let has = |path: &str| !raw_at(document, path).is_null();
    let event = has("event.category") || has("event.action") || has("event.type");
    let about = has("process.pid")
        || has("process.executable")
        || has("process.name")
        || has("process.entity_id")
        || has("file.path")
        || has("destination.ip");
    let host = has("host.name") || has("host.hostname") || has("agent.id");
    if event && about && host { 70 } else { 0 }
}

struct Endpoint;

/// Whether a field that is text or an array holds a word.
fn holds(document: Value<'_>, path: &str, wanted: &[&str]) -> bool {
    let value = raw_at(document, path);
    let is = |value: Value<'_>| {
        value
            .word()
            .is_some_and(|word| wanted.contains(&word.as_ref()))
    };
    is(value) || value.elements().any(is)
}

impl Reader for Endpoint {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if claims(value) == 0 {
            return false;
        }
        let document = source(value);
        let record = sink.begin();
        let time = word(document, &["@timestamp"]).and_then(|text| parse::any(text.as_bytes()));
        let mut event = Event::new(EventKind::Audit, time);
        event.host = word(document, &["host.name", "host.hostname"]).map(own);
        event.actor = word(document, &["user.name", "process.user.name"]).map(own);
        event.operation = word(document, &["event.action", "event.type"]).map(own);
        event.outcome = match word(document, &["event.outcome"]).as_deref() {
            Some("success") => Outcome::Succeeded,
            Some("failure") => Outcome::Failed,
            _ => Outcome::None,
        };
        let mut guest = None;
        if holds(document, "event.category", &["network"]) {
            network(document, &mut event, sink);
        } else if holds(document, "event.category", &["file"]) {
            file(document, &mut event, &mut guest, sink);
        } else if holds(document, "event.category", &["authentication", "iam"]) {
            event.kind = EventKind::Authentication;
            event.ip = word(document, &["source.ip"])
                .and_then(|ip| address(&ip))
                .map(Cow::Owned);
        } else if holds(document, "event.category", &["process"])
            || !raw_at(document, "process.pid").is_null()
        {
            let ended = holds(document, "event.type", &["end"])
                && !holds(document, "event.type", &["start"]);
            event.kind = if ended {
                EventKind::ProcessEnd
            } else {
                EventKind::ProcessStart
            };
            process(document, &mut event, &mut guest, sink);
        }
        if sink.wants_detail() {
            let what = word(
                document,
                &[
                    "process.command_line",
                    "file.path",
                    "destination.domain",
                    "destination.ip",
                    "process.executable",
                    "message",
                ],
            );
            event.summary = format!(
                "{}: {}",
                event.operation.as_deref().unwrap_or("event"),
                what.unwrap_or_default()
            );
            event.fields = json_fields(document);
        }
        sink.event(record, unit.span(), event);
        if let Some(fact) = guest {
            sink.add_fact(fact);
        }
        true
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn number(document: Value<'_>, path: &str) -> Option<u64> {
    at(document, path)
        .integer()
        .and_then(|number| u64::try_from(number).ok())
}

/// The command line, else the arguments joined.
fn command_line(document: Value<'_>, of: &str) -> Option<String> {
    let line = word(document, &[&format!("{of}.command_line")]);
    line.map(Cow::into_owned).or_else(|| {
        let arguments: Vec<String> = raw_at(document, &format!("{of}.args"))
            .elements()
            .filter_map(|argument| argument.text().map(Cow::into_owned))
            .collect();
        (!arguments.is_empty()).then(|| arguments.join(" "))
    })
}

fn process(document: Value<'_>, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
    let line = command_line(document, "process");
    let parent_line = command_line(document, "process.parent");
    let text = |path: &str| word(document, &[path]);
    let image = word(document, &["process.executable", "process.name"]);
    let parent = word(
        document,
        &["process.parent.executable", "process.parent.name"],
    );
    if event.kind == EventKind::ProcessStart {
        *guest = mention(
            line.as_deref().unwrap_or(""),
            &text("process.working_directory").unwrap_or_default(),
            parent.as_deref().unwrap_or(""),
            parent_line.as_deref().unwrap_or(""),
            sink,
        );
    }
    let fact = ProcessFact {
        pid: number(document, "process.pid"),
        parent_pid: number(document, "process.parent.pid"),
        image: sink.intern_some(image.as_deref()),
        command_line: sink.intern_some(line.as_deref()),
        directory: sink.intern_some(text("process.working_directory").as_deref()),
        parent_image: sink.intern_some(parent.as_deref()),
        parent_command_line: sink.intern_some(parent_line.as_deref()),
        grandparent_image: sink.intern_some(text("process.parent.parent.executable").as_deref()),
        user: sink.intern_some(text("user.name").as_deref()),
        logon: sink.intern_some(text("process.Ext.authentication_id").as_deref()),
        integrity: sink.intern_some(text("process.Ext.token.integrity_level_name").as_deref()),
        entity: sink.intern_some(text("process.entity_id").as_deref()),
        parent_entity: sink.intern_some(
            text("process.parent.entity_id")
                .or_else(|| text("process.Ext.ancestry"))
                .as_deref(),
        ),
        sha256: sink.intern_some(text("process.hash.sha256").as_deref()),
        exit_code: at(document, "process.exit_code").integer(),
        ..ProcessFact::default()
    };
    event.resource = image.map(own);
    event.fact = Some(Fact::Process(Box::new(fact)));
}

fn file(document: Value<'_>, event: &mut Event<'_>, guest: &mut Option<Fact>, sink: &mut Sink) {
    let path = word(document, &["file.path", "file.name"]).unwrap_or_default();
    event.kind = EventKind::File;
    *guest = run_mention::of_written(&path).map(|(found, said)| found.fact(said, sink));
    event.fact = Some(Fact::File(Box::new(FileFact {
        path: sink.intern_some(Some(path.as_ref())),
        previous_path: sink.intern_some(word(document, &["file.Ext.original.path"]).as_deref()),
        size: number(document, "file.size"),
        sha256: sink.intern_some(word(document, &["file.hash.sha256"]).as_deref()),
        writer_pid: number(document, "process.pid"),
        writer_image: sink
            .intern_some(word(document, &["process.executable", "process.name"]).as_deref()),
        writer_command_line: sink.intern_some(command_line(document, "process").as_deref()),
        writer_entity: sink.intern_some(word(document, &["process.entity_id"]).as_deref()),
    })));
    event.resource = Some(own(path));
}

fn network(document: Value<'_>, event: &mut Event<'_>, sink: &mut Sink) {
    let ip = |path: &str| word(document, &[path]).and_then(|ip| address(&ip));
    let (from, to) = (ip("source.ip"), ip("destination.ip"));
    let inbound = matches!(
        word(document, &["network.direction"]).as_deref(),
        Some("ingress" | "inbound" | "incoming")
    );
    event.kind = EventKind::Network;
    event.ip = if inbound { from.clone() } else { to.clone() }.map(Cow::Owned);
    event.resource = word(
        document,
        &[
            "destination.domain",
            "dns.question.name",
            "process.executable",
            "process.name",
        ],
    )
    .map(own);
    event.fact = Some(Fact::Flow(Box::new(FlowFact {
        source: sink.intern_some(from.as_deref()),
        destination: sink.intern_some(to.as_deref()),
        port: number(document, "destination.port")
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(0),
        protocol: match word(document, &["network.transport"]).as_deref() {
            Some("tcp") => 6,
            Some("udp") => 17,
            _ => 0,
        },
        inbound: Some(inbound),
        bytes: number(document, "network.bytes"),
        pid: number(document, "process.pid"),
        image: sink.intern_some(word(document, &["process.executable", "process.name"]).as_deref()),
        entity: sink.intern_some(word(document, &["process.entity_id"]).as_deref()),
        ..FlowFact::default()
    })));
}
