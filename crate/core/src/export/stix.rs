//! A STIX 2.1 bundle: what a threat intelligence platform can take from a case.
//!
//! | of the case | in the bundle |
//! |---|---|
//! | incident | `grouping` of everything below that belongs to it |
//! | finding, of a detector or a Sigma rule, that no allow-list entry suppresses | `observed-data` over its addresses, accounts and scripts, with a `note` of its sentence |
//! | address, caller, script | `ipv4-addr` / `ipv6-addr`, `user-account`, `file` |
//! | VM or host | `identity` of class `system` |
//! | technique | `attack-pattern` with its ATT&CK id |
//! | address or script of a finding of severity high or worse | `indicator`, which `indicates` the techniques |
//! | what the analyst wrote of a finding | `note` |
//!
//! Ids are functions of what they name (UUID version 5; for cyber-observables over the properties that the standard lists), so a second export of the
//! same case updates the first instead of doubling it.
//!
//! Source: OASIS STIX Version 2.1, sections 2.9 (identifiers), 4 (domain objects), 6 (observables).
//!
//! Rejected: an object per event. A platform is for what can be met again elsewhere, not for a timeline.

use super::json_text;
use super::pseudonyms::Pseudonyms;
use crate::case::Case;
use crate::detect::{Confidence, Finding};
use crate::query::attack::attack;
use crate::severity::Severity;
use crate::time::Instant;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Namespace of cyber-observables (STIX 2.1, section 2.9).
const OBSERVABLES: [u8; 16] = [
    0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7,
];
/// Namespace of everything else: UUID version 5 of the product's name in the namespace of names.
const OURS: &[u8] = b"runlens.stix/1";

fn uuid(namespace: &[u8], name: &str) -> String {
    let mut hasher = Sha1::new();
    hasher.update(namespace);
    hasher.update(name.as_bytes());
    let digest: [u8; 20] = hasher.finalize().into();
    let mut hex = String::with_capacity(32);
    for (at, byte) in digest.iter().take(16).enumerate() {
        let byte = match at {
            6 => (byte & 0x0f) | 0x50,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        hex.push_str(&format!("{byte:02x}"));
    }
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// The standard's form of a time: with at least milliseconds.
fn stix_time(time: Instant) -> String {
    Instant {
        ns: time.ns,
        digits: time.digits.clamp(3, 6),
    }
    .to_string()
}

/// A bundle being made.
struct Bundle<'a> {
    case: &'a Case,
    made: String,
    names: Option<&'a Pseudonyms>,
    objects: BTreeMap<String, Value>,
    author: String,
    patterns: BTreeMap<String, String>,
}

impl Bundle<'_> {
    fn named(&self, text: &str) -> String {
        self.names
            .map_or_else(|| text.to_owned(), |names| names.text(text))
    }

    /// A domain object, named by `key`.
    fn domain(&mut self, kind: &str, key: &str, mut properties: Map<String, Value>) -> String {
        let id = format!("{kind}--{}", uuid(OURS, &format!("{kind}\0{key}")));
        properties.insert("type".to_owned(), json!(kind));
        properties.insert("spec_version".to_owned(), json!("2.1"));
        properties.insert("id".to_owned(), json!(id));
        properties.insert("created".to_owned(), json!(self.made));
        properties.insert("modified".to_owned(), json!(self.made));
        if id != self.author {
            properties.insert("created_by_ref".to_owned(), json!(self.author));
        }
        self.objects.insert(id.clone(), Value::Object(properties));
        id
    }

    /// A cyber-observable, named by all of its properties.
    fn observable(&mut self, kind: &str, properties: Value) -> String {
        let mut text = Vec::new();
        json_text::write(&mut text, &properties);
        let id = format!(
            "{kind}--{}",
            uuid(&OBSERVABLES, &String::from_utf8_lossy(&text))
        );
        let Value::Object(mut properties) = properties else {
            return id;
        };
        properties.insert("type".to_owned(), json!(kind));
        properties.insert("spec_version".to_owned(), json!("2.1"));
        properties.insert("id".to_owned(), json!(id));
        self.objects.insert(id.clone(), Value::Object(properties));
        id
    }

    fn address(&mut self, ip: &str) -> Option<(String, String)> {
        let ip: IpAddr = self.named(ip).parse().ok()?;
        let kind = if ip.is_ipv4() {
            "ipv4-addr"
        } else {
            "ipv6-addr"
        };
        let id = self.observable(kind, json!({ "value": ip.to_string() }));
        Some((id, format!("[{kind}:value = '{ip}']")))
    }

    fn account(&mut self, caller: &str) -> String {
        let caller = self.named(caller);
        self.observable("user-account", json!({ "user_id": caller }))
    }

    fn script(&mut self, sha256: &str) -> (String, String) {
        let id = self.observable("file", json!({ "hashes": { "SHA-256": sha256 } }));
        (id, format!("[file:hashes.'SHA-256' = '{sha256}']"))
    }

    fn technique(&mut self, technique: &str, name: &str) {
        let url = format!(
            "https://attack.mitre.org/techniques/{}/",
            technique.replace('.', "/")
        );
        let properties = object(json!({
            "name": if name.is_empty() { technique } else { name },
            "external_references": [{ "source_name": "mitre-attack", "external_id": technique, "url": url }],
        }));
        let id = self.domain("attack-pattern", technique, properties);
        self.patterns.insert(technique.to_owned(), id);
    }

    /// The observables of a finding: (id, pattern).
    fn observed(&mut self, finding: &Finding) -> BTreeMap<String, String> {
        let case = self.case;
        let mut seen = BTreeMap::new();
        let subject = case.referred().subject(finding);
        let ops = finding
            .operations
            .iter()
            .filter_map(|at| case.operations().get(*at));
        let mut ips: BTreeSet<&str> = subject.ip.iter().map(String::as_str).collect();
        let mut callers: BTreeSet<&str> = subject.caller.iter().map(String::as_str).collect();
        for op in ops {
            ips.extend(op.ips.iter().map(|ip| &**ip));
            callers.extend(op.caller.as_deref());
        }
        for ip in ips {
            seen.extend(self.address(ip));
        }
        for caller in callers {
            seen.insert(self.account(caller), String::new());
        }
        for (_, execution) in case.referred().executions(finding) {
            let run = execution.run.and_then(|at| case.runs().get(at));
            if let Some(script) = run.and_then(|run| run.script.as_ref()) {
                let (id, pattern) = self.script(&script.sha256);
                seen.insert(id, pattern);
            }
        }
        seen
    }

    /// The objects of a finding, for the incident that holds it.
    fn finding(&mut self, at: usize, finding: &Finding) -> Vec<String> {
        let case = self.case;
        let key = case.finding_keys().get(at).cloned().unwrap_or_default();
        let seen = self.observed(finding);
        let (first, last) = case.referred().time(finding);
        let mut of_it: Vec<String> = seen.keys().cloned().collect();
        let techniques: BTreeSet<String> = finding
            .techniques()
            .filter_map(|one| self.patterns.get(one).cloned())
            .collect();
        of_it.extend(techniques.iter().cloned());
        if let (Some(first), false) = (first, seen.is_empty()) {
            let last = last.unwrap_or(first);
            let events = case.finding_events(finding).count().clamp(1, 999_999_999);
            let properties = object(json!({
                "first_observed": stix_time(first),
                "last_observed": stix_time(last.max(first)),
                "number_observed": events,
                "object_refs": seen.keys().collect::<Vec<_>>(),
            }));
            of_it.push(self.domain("observed-data", &key, properties));
        }
        if let Some(vm) = subject_machine(case, finding) {
            let name = self.named(&vm);
            let properties = object(json!({ "name": name, "identity_class": "system" }));
            of_it.push(self.domain("identity", &format!("machine\0{name}"), properties));
        }
        let summary = case.referred().words(finding).summary;
        if finding.severity >= Severity::High {
            for (id, pattern) in seen.iter().filter(|(_, pattern)| !pattern.is_empty()) {
                let Some(first) = first else { continue };
                let properties = object(json!({
                    "name": self.named(&finding.title),
                    "description": self.named(&summary),
                    "indicator_types": ["anomalous-activity"],
                    "pattern": pattern,
                    "pattern_type": "stix",
                    "valid_from": stix_time(first),
                    "confidence": confidence(finding.confidence),
                }));
                let indicator = self.domain("indicator", &format!("{key}\0{id}"), properties);
                for technique in &techniques {
                    let properties = object(
                        json!({ "relationship_type": "indicates", "source_ref": indicator, "target_ref": technique }),
                    );
                    self.domain(
                        "relationship",
                        &format!("{indicator}\0{technique}"),
                        properties,
                    );
                }
                of_it.push(indicator);
            }
        }
        let said = case.triage().of(&key);
        if !of_it.is_empty() {
            let text = self.named(&summary);
            let properties = object(json!({
                "abstract": format!("{}: {}", finding.detector, self.named(&finding.title)),
                "content": text,
                "object_refs": of_it.clone(),
                "labels": [finding.detector, finding.severity.word(), said.state.word()],
            }));
            let note = self.domain("note", &format!("finding\0{key}"), properties);
            if !said.note.is_empty() {
                let content = self.named(&said.note);
                let properties = object(
                    json!({ "abstract": "Analyst's note", "content": content, "object_refs": [note.clone()] }),
                );
                of_it.push(self.domain("note", &format!("analyst\0{key}"), properties));
            }
            of_it.push(note);
        }
        of_it
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// STIX's scale, by the table of its appendix A (low, medium, high).
fn confidence(sure: Confidence) -> u32 {
    match sure {
        Confidence::Low => 15,
        Confidence::Medium => 50,
        Confidence::High => 85,
    }
}

fn subject_machine(case: &Case, finding: &Finding) -> Option<String> {
    let subject = case.referred().subject(finding);
    subject.vm.or(subject.host)
}

/// The bundle, made at a moment given in RFC 3339.
#[must_use]
pub fn bundle(case: &Case, made: &str, names: Option<&Pseudonyms>) -> Vec<u8> {
    let made = crate::time::parse::iso(made.as_bytes()).map_or_else(
        || "1970-01-01T00:00:00.000Z".to_owned(),
        |stamp| stix_time(stamp.instant),
    );
    let mut bundle = Bundle {
        case,
        made,
        names,
        objects: BTreeMap::new(),
        author: format!("identity--{}", uuid(OURS, "identity\0runlens")),
        patterns: BTreeMap::new(),
    };
    bundle.domain("identity", "runlens", object(json!({ "name": format!("Runlens {}", env!("CARGO_PKG_VERSION")), "identity_class": "system" })));
    for tactic in attack(case) {
        for technique in tactic.techniques {
            bundle.technique(&technique.technique, technique.name);
        }
    }
    let mut of_finding: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (at, finding) in case.findings().iter().enumerate() {
        if finding.allowed_by.is_none() {
            let of_it = bundle.finding(at, finding);
            of_finding.insert(at, of_it);
        }
    }
    for incident in case.incidents() {
        let members: BTreeSet<&String> = incident
            .findings
            .iter()
            .filter_map(|at| of_finding.get(at))
            .flatten()
            .collect();
        let refs: Vec<String> = members.into_iter().cloned().collect();
        if refs.is_empty() {
            continue;
        }
        let key = incident
            .findings
            .iter()
            .filter_map(|at| case.finding_keys().get(*at).cloned())
            .collect::<Vec<_>>()
            .join(" ");
        let properties = object(json!({
            "name": format!("Incident of severity {}, score {}", incident.severity.word(), incident.score),
            "context": "suspicious-activity",
            "object_refs": refs,
        }));
        bundle.domain("grouping", &key, properties);
    }
    let objects: Vec<Value> = bundle.objects.into_values().collect();
    let mut text = Vec::new();
    let id = uuid(
        OURS,
        &format!(
            "bundle\0{}",
            objects
                .iter()
                .map(|one| one["id"].to_string())
                .collect::<String>()
        ),
    );
    json_text::write(
        &mut text,
        &json!({ "type": "bundle", "id": format!("bundle--{id}"), "objects": objects }),
    );
    text.push(b'\n');
    text
}
