//! `runlens.case/1`: the one stable output.
//!
//! Ids are places in their own list: evidence by path, events by time, the rest by time then key. One list element a line, so that two
//! documents can be compared with a plain diff. What needs no ids is in `lists`.

mod lists;

use super::pseudonyms::Pseudonyms;
use super::{EventPiece, Export, PIECE_BYTES, json_text, sigma};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::detect::Finding;
use crate::query::Place;
use crate::query::rows::row;
use crate::reconstruct::links::{Execution, in_points};
use crate::reconstruct::manifests::Compared;
use crate::reconstruct::operations::Operation;
use crate::reconstruct::processes::Process;
use crate::reconstruct::runs::Run;
use crate::reconstruct::skew::estimate::Confidence;
use crate::script::secrets;
use lists::{actor, allow_list, clock, evidence, examined, incident, searched, settings};
use serde_json::{Value, json};
use std::ops::Range;

/// What is written next.
enum Stage {
    Head,
    Events(usize),
    /// An element of a list of [`LISTS`].
    Element {
        list: usize,
        at: usize,
    },
    Done,
}

/// Makes an element of a list, by its place; `None` behind the last one.
type Element = fn(&CaseDocument, &Case, usize) -> Option<Value>;

/// The lists behind the events, in their order. Each makes one element at a time: all of them as trees in memory would be several times the document.
const LISTS: [(&str, Element); 12] = [
    ("operations", |document, case, at| {
        Some(document.operation(at, case.operations().get(at)?))
    }),
    ("runs", |document, case, at| {
        Some(document.run(case, at, case.runs().get(at)?))
    }),
    ("executions", |document, case, at| {
        Some(document.execution(at, case.linked().executions.get(at)?))
    }),
    ("clocks", |_, case, at| clock(case, at)),
    ("actors", |_, case, at| actor(case, at)),
    ("findings", |document, case, at| {
        Some(document.finding(case, at, case.findings().get(at)?))
    }),
    ("incidents", |_, case, at| incident(case, at)),
    ("searched", |_, case, at| searched(case, at)),
    ("allow_list", |_, case, at| allow_list(case, at)),
    ("manifest", |document, _, at| {
        let line = document.compared.get(at)?;
        Some(json!({ "path": line.path, "verdict": line.verdict.word() }))
    }),
    ("processes", |document, case, at| {
        Some(document.process(case, at, case.processes().get(at)?))
    }),
    ("sigma_rules", |_, case, at| {
        Some(sigma::rule(&case.sigma().report(at)?))
    }),
];

/// Whether texts of evidence are written with their secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Masked,
    Revealed,
}

impl Secrets {
    fn shown(self, text: &str) -> String {
        match self {
            Self::Masked => secrets::masked(text),
            Self::Revealed => text.to_owned(),
        }
    }

    fn part(self, text: &str, part: Range<usize>, found: Option<&Vec<Range<usize>>>) -> String {
        match (self, found) {
            (Self::Masked, Some(found)) => secrets::masked_part(text, part, found),
            _ => text.get(part).unwrap_or("").to_owned(),
        }
    }

    fn maybe(self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.shown(text))
    }
}

/// A case document being written.
pub struct CaseDocument {
    with_events: bool,
    secrets: Secrets,
    pseudonyms: Option<Pseudonyms>,
    stage: Stage,
    /// The events in time order.
    listing: Vec<EventNumber>,
    /// Place of each event in the document.
    ids: Vec<u32>,
    /// What manifests say of the items.
    compared: Vec<Compared>,
}

impl CaseDocument {
    /// Begins the document of a concluded case.
    #[must_use]
    pub fn new(case: &Case, with_events: bool) -> Self {
        let mut ids = vec![u32::MAX; case.store().len()];
        let listing = case.listing();
        for (id, event) in (0_u32..).zip(&listing) {
            if let Some(slot) = ids.get_mut(*event as usize) {
                *slot = id;
            }
        }
        Self {
            with_events,
            secrets: Secrets::Masked,
            pseudonyms: None,
            stage: Stage::Head,
            listing,
            ids,
            compared: case.compared(),
        }
    }

    /// The same with the passwords, keys and tokens that it masks otherwise.
    #[must_use]
    pub fn revealing_secrets(self) -> Self {
        Self {
            secrets: Secrets::Revealed,
            ..self
        }
    }

    /// The same with stand-ins for names.
    #[must_use]
    pub fn under_pseudonyms(self, names: Pseudonyms) -> Self {
        Self {
            pseudonyms: Some(names),
            ..self
        }
    }

    fn named(&self, mut value: Value, keys: bool) -> Value {
        if let Some(names) = &self.pseudonyms {
            names.value(&mut value, keys);
        }
        value
    }
}

impl Export for CaseDocument {
    fn needs(&self, case: &Case) -> Vec<Place> {
        let Stage::Events(from) = self.stage else {
            return Vec::new();
        };
        EventPiece::next(case, self.listing.get(from..).unwrap_or_default()).places
    }

    fn write(&mut self, case: &Case, bytes: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self.stage {
            Stage::Head => {
                self.head(case, &mut out);
                self.stage = Stage::Events(if self.with_events {
                    0
                } else {
                    self.listing.len()
                });
            }
            Stage::Events(from) if from < self.listing.len() => {
                let rest = self.listing.get(from..).unwrap_or_default();
                let piece = EventPiece::next(case, rest);
                for ((event, record), at) in piece.with(rest, bytes).zip(from..) {
                    let shown = self.event(case, event, at, record);
                    element(&mut out, at == 0, &self.named(shown, false));
                }
                self.stage = Stage::Events(from + piece.own.len());
            }
            Stage::Events(_) => {
                out.extend_from_slice(b"\n]");
                self.stage = Stage::Element { list: 0, at: 0 };
            }
            Stage::Element { list, at } => self.elements(case, list, at, &mut out),
            Stage::Done => return None,
        }
        Some(out)
    }
}

impl CaseDocument {
    fn head(&self, case: &Case, out: &mut Vec<u8>) {
        let order = case.store().order();
        let time = |event: &EventNumber| {
            case.store()
                .stamp(*event)
                .map(|stamp| stamp.instant.to_string())
        };
        let timed = order.partition_point(|event| case.store().stamp(*event).is_some());
        let last = timed
            .checked_sub(1)
            .and_then(|at| order.get(at))
            .and_then(time);
        out.extend_from_slice(b"{\n\"schema\":\"runlens.case/1\",\n\"tool\":");
        json_text::write(
            out,
            &json!({ "name": "runlens", "version": env!("CARGO_PKG_VERSION") }),
        );
        out.extend_from_slice(b",\n\"settings\":");
        json_text::write(out, &self.named_settings(case));
        out.extend_from_slice(b",\n\"window\":");
        json_text::write(
            out,
            &json!({ "first": order.first().and_then(time), "last": last }),
        );
        out.extend_from_slice(b",\n\"evidence\":[");
        let mut by_place: Vec<usize> = (0..case.items().len()).collect();
        by_place.sort_by_key(|at| case.rank().get(*at).copied().unwrap_or(u32::MAX));
        for (id, at) in by_place.into_iter().enumerate() {
            if let Some(evidence) = evidence(case, id, at) {
                element(out, id == 0, &self.named(evidence, false));
            }
        }
        out.extend_from_slice(b"\n],\n\"events\":[");
    }

    /// A piece of a list, and what stands before and behind it.
    fn elements(&mut self, case: &Case, list: usize, from: usize, out: &mut Vec<u8>) {
        let Some((name, make)) = LISTS.get(list) else {
            out.extend_from_slice(b"\n}\n");
            self.stage = Stage::Done;
            return;
        };
        if from == 0 {
            out.extend_from_slice(format!(",\n\"{name}\":[").as_bytes());
        }
        let mut at = from;
        while out.len() < PIECE_BYTES {
            let Some(value) = make(self, case, at) else {
                out.extend_from_slice(b"\n]");
                self.stage = Stage::Element {
                    list: list + 1,
                    at: 0,
                };
                return;
            };
            element(out, at == 0, &self.named(value, false));
            at += 1;
        }
        self.stage = Stage::Element { list, at };
    }

    /// The settings; below their rooms, keys are names too: paths, hosts.
    fn named_settings(&self, case: &Case) -> Value {
        let mut settings = settings(case);
        if let (Some(names), Value::Object(rooms)) = (&self.pseudonyms, &mut settings) {
            rooms.values_mut().for_each(|room| names.value(room, true));
        }
        settings
    }

    fn ids(&self, events: &[EventNumber]) -> Vec<u32> {
        let known = events.iter().filter_map(|event| {
            self.ids
                .get(*event as usize)
                .copied()
                .filter(|id| *id != u32::MAX)
        });
        let mut ids: Vec<u32> = known.collect();
        ids.sort_unstable();
        ids
    }

    fn event(&self, case: &Case, event: EventNumber, id: usize, bytes: &[u8]) -> Value {
        let (store, at) = (case.store(), event as usize);
        let row = row(case, event, id);
        let span = store.span(event);
        let evidence_id =
            |event: EventNumber| case.rank().get(store.item_of(event) as usize).copied();
        let mut shown = json!({
            "id": id,
            "time": row.time,
            "time_basis": row.time_basis,
            "kind": row.kind,
            "evidence": evidence_id(event),
            "record": store.columns.record.get(at),
            "offset": span.offset,
            "length": span.length,
            "host": row.host,
            "actor": row.actor,
            "ip": row.ip,
            "resource": row.resource,
            "operation": row.operation,
            "outcome": row.outcome,
            "correlation": store.column(&store.columns.correlation, event),
            "summary": crate::query::summary(case, event, bytes),
        });
        let copies = case.copies(event);
        if let (Value::Object(shown), false) = (&mut shown, copies.is_empty()) {
            let mut also: Vec<Value> = copies
                .iter()
                .map(|copy| {
                    let span = store.span(*copy);
                    json!({ "evidence": evidence_id(*copy), "record": store.columns.record.get(*copy as usize), "offset": span.offset, "length": span.length })
                })
                .collect();
            also.sort_by_key(|place| (place["evidence"].as_u64(), place["offset"].as_u64()));
            shown.insert("also".to_owned(), Value::Array(also));
        }
        let original = case
            .rendering_of(event)
            .map(|original| self.ids(&[original]));
        if let (Value::Object(shown), Some([original])) = (&mut shown, original.as_deref()) {
            shown.insert("copy_of".to_owned(), json!(original));
        }
        shown
    }

    fn process(&self, case: &Case, id: usize, process: &Process) -> Value {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let store = case.store();
        json!({
            "id": id,
            "host": some(&process.host),
            "pid": process.pid(),
            "parent_pid": process.parent_pid(),
            "parent": process.parent(),
            "image": some(process.image(store)),
            "command_line": some(process.command_line(store)).map(|text| self.secrets.shown(&text)),
            "directory": some(process.directory(store)),
            "user": some(process.user(store)),
            "integrity": some(process.integrity(store)),
            "logon": some(process.logon(store)),
            "parent_image": some(process.parent_image(store)),
            "grandparent_image": some(process.grandparent_image(store)),
            "started": process.started().map(|time| time.to_string()),
            "ended": process.further.ended.map(|time| time.to_string()),
            "exit_code": process.further.exit_code,
            "events": self.ids(&process.events),
        })
    }

    fn operation(&self, id: usize, op: &Operation) -> Value {
        json!({
            "id": id,
            "correlation": op.correlation,
            "operation": op.operation,
            "family": op.family.word(),
            "resource": op.resource.as_ref().map(|id| &id.folded),
            "subscription": op.subscription,
            "resource_group": op.resource.as_ref().and_then(|id| id.resource_group()),
            "vm": op.vm(),
            "caller": op.caller,
            "caller_kind": op.caller_kind.word(),
            "principal": op.principal,
            "ip": op.ips.first(),
            "ips": op.ips,
            "token_ip": op.token_ip,
            "started": op.started.map(|time| time.to_string()),
            "ended": op.ended.map(|time| time.to_string()),
            "complete_start": op.complete_start,
            "outcome": op.outcome.word(),
            "events": self.ids(&op.events),
        })
    }

    fn run(&self, case: &Case, id: usize, run: &Run) -> Value {
        let (layers, indicators) = case
            .examined(id)
            .map_or_else(Default::default, |found| examined(found, self.secrets));
        let resource = case.linked().resources.get(id);
        json!({
            "id": id,
            "host": run.host,
            "os": run.os.word(),
            "family": run.family.word(),
            "name": run.name,
            "sequence": run.sequence,
            "resource": resource,
            "started": run.started.map(|time| time.to_string()),
            "ended": run.ended.map(|time| time.to_string()),
            "exit_code": run.exit_code,
            "state": run.state.word(),
            "script": run.script.as_ref().map(|script| json!({
                "sha256": script.sha256, "bytes": script.bytes, "text": self.secrets.shown(&script.text), "layers": layers, "indicators": indicators,
            })),
            "stdout": self.secrets.maybe(run.stdout.as_deref()),
            "stderr": self.secrets.maybe(run.stderr.as_deref()),
            "events": self.ids(&run.events),
        })
    }

    fn execution(&self, id: usize, execution: &Execution) -> Value {
        let reasons: Vec<Value> = execution
            .reasons
            .iter()
            .map(|reason| json!({ "feature": reason.feature, "points": in_points(reason.points), "value": reason.value }))
            .collect();
        json!({
            "id": id,
            "operation": execution.operation,
            "run": execution.run,
            "confidence": execution.confidence.map(Confidence::word),
            "score": execution.score.map(in_points),
            "margin": execution.margin.map(in_points),
            "reasons": reasons,
            "processes": self.ids(&execution.processes),
            "flows": self.ids(&execution.flows),
        })
    }

    fn finding(&self, case: &Case, id: usize, finding: &Finding) -> Value {
        let referred = case.referred();
        let subject = referred.subject(finding);
        let (first, last) = referred.time(finding);
        let words = referred.words(finding);
        let attack: Vec<&str> = finding.techniques().collect();
        let mut events: Vec<EventNumber> = case.finding_events(finding).copied().collect();
        events.sort_unstable();
        events.dedup();
        let mut shown = json!({
            "id": id,
            "detector": finding.detector,
            "severity": finding.severity.word(),
            "confidence": finding.confidence.word(),
            "baseline": finding.baseline.word(),
            "title": &*finding.title,
            "summary": words.summary,
            "first": first.map(|time| time.to_string()),
            "last": last.map(|time| time.to_string()),
            "subject": {
                "caller": subject.caller,
                "ip": subject.ip,
                "vm": subject.vm,
                "resource": subject.resource,
                "subscription": subject.subscription,
                "host": subject.host,
            },
            "values": words.values,
            "attack": attack,
            "events": self.ids(&events),
            "operations": finding.operations,
            "executions": finding.executions,
            "allowed_by": finding.allowed_by,
        });
        if let (Value::Object(shown), Some(of)) = (&mut shown, &finding.rule) {
            shown.insert("processes".to_owned(), json!(of.processes));
        }
        shown
    }
}

fn element(out: &mut Vec<u8>, first: bool, value: &Value) {
    out.extend_from_slice(if first { b"\n" } else { b",\n" });
    json_text::write(out, value);
}
