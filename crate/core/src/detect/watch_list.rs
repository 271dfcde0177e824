//! # Entry of the analyst's watch-list seen
//!
//! ## What it finds
//! Addresses, domains and hashes of the analyst's list in what the case knows: the addresses of cloud operations and of sign-ins, both ends of network
//! flows, the bodies of requests and responses, the text and hashes of scripts in all their layers, what runs wrote to their output, PowerShell's records,
//! command lines and images of processes, written files. One finding for each
//! entry and each principal, execution or guest that has to do with it.
//!
//! ## Why it matters
//! Somebody already knows this address, domain or file to be bad.
//!
//! ## Parameters
//! None; the list is the parameter. A line is an address, a prefix, a domain (and all below it), an MD5, SHA-1 or SHA-256; a note may follow
//! a comma.
//!
//! ## Known false positives
//! Shared hosting, proxies and old entries: an address changes hands.
//!
//! ## Sources
//! The analyst.

use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, Subject, counted, figures,
};
use crate::case::store::EventNumber;
use crate::event::facts::FactRef;
use crate::event::intern::Symbol;
use crate::identity::host_label;
use crate::lists::watch::WatchList;
use crate::time::Instant;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "watch-list",
    not_assessed,
    run,
};

/// Operations, and events, that one finding names; all are counted.
const MOST_NAMED: usize = 1_000;

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    view.lists
        .watch
        .is_empty()
        .then(|| "not-assessed: no watch-list is loaded".to_owned())
}

/// What an entry was seen with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum With {
    Principal(Option<u32>, String),
    Execution(usize),
    Guest(String),
}

/// Where an entry was seen, with one principal, execution or guest.
#[derive(Default)]
struct Seen {
    places: BTreeSet<&'static str>,
    operations: BTreeSet<usize>,
    events: BTreeSet<EventNumber>,
    count: usize,
    time: Option<(Instant, Instant)>,
    subject: Subject,
}

impl Seen {
    fn at(&mut self, place: &'static str, time: Option<Instant>) {
        self.places.insert(place);
        self.count += 1;
        if let Some(time) = time {
            let (first, last) = self.time.unwrap_or((time, time));
            self.time = Some((
                if time.ns < first.ns { time } else { first },
                if time.ns > last.ns { time } else { last },
            ));
        }
    }

    fn event(&mut self, event: EventNumber) {
        if self.events.len() < MOST_NAMED {
            self.events.insert(event);
        }
    }
}

type All = BTreeMap<(usize, With), Seen>;

fn operations(view: &CaseView<'_>, list: &WatchList, all: &mut All) {
    for (at, op) in view.operations.iter().enumerate() {
        let mut entries: Vec<usize> = op
            .ips
            .iter()
            .chain(&op.token_ip)
            .filter_map(|ip| list.find_address(ip))
            .collect();
        entries.sort_unstable();
        entries.dedup();
        for entry in entries {
            let principal = view.history().principal(at);
            let seen = all
                .entry((entry, With::Principal(principal, String::new())))
                .or_default();
            seen.at("operation", op.started);
            seen.at_end(op.ended);
            if seen.operations.len() < MOST_NAMED {
                seen.operations.insert(at);
            }
        }
        let mut entries: Vec<usize> = op
            .bodies
            .iter()
            .flat_map(|body| list.search(body))
            .collect();
        entries.sort_unstable();
        entries.dedup();
        for entry in entries {
            let with = With::Principal(view.history().principal(at), String::new());
            let seen = all.entry((entry, with)).or_default();
            seen.at("request", op.started);
            seen.at_end(op.ended);
            if seen.operations.len() < MOST_NAMED {
                seen.operations.insert(at);
            }
        }
    }
}

/// What runs wrote.
fn outputs(view: &CaseView<'_>, list: &WatchList, all: &mut All) {
    for (at, run) in view.runs.iter().enumerate() {
        let mut entries: Vec<usize> = [&run.stdout, &run.stderr]
            .into_iter()
            .flatten()
            .flat_map(|text| list.search(text))
            .collect();
        entries.sort_unstable();
        entries.dedup();
        let times = view.run_times(at);
        for entry in entries {
            for execution in view.executions_of_run(Some(at)) {
                let seen = all.entry((entry, With::Execution(execution))).or_default();
                seen.at("output", times.map(|(first, _)| first));
                seen.at_end(times.map(|(_, last)| last));
            }
        }
    }
}

impl Seen {
    /// A later end of what was counted already.
    fn at_end(&mut self, time: Option<Instant>) {
        if let (Some(time), Some((_, last))) = (time, self.time.as_mut())
            && time.ns > last.ns
        {
            *last = time;
        }
    }
}

fn identities(view: &CaseView<'_>, list: &WatchList, all: &mut All) {
    for one in view.identities() {
        let Some(entry) = one.ip(view).and_then(|ip| list.find_address(ip)) else {
            continue;
        };
        let principal = view.history().actor_of(one.event);
        let nameless = if principal.is_none() {
            one.actor(view).unwrap_or("").to_owned()
        } else {
            String::new()
        };
        let seen = all
            .entry((entry, With::Principal(principal, nameless)))
            .or_default();
        seen.at("sign-in", Some(one.at));
        seen.event(one.event);
        if seen.subject.caller.is_none() {
            seen.subject.caller = one.actor(view).map(str::to_owned);
            seen.subject.ip = one.ip(view).map(str::to_owned);
        }
    }
}

fn scripts(view: &CaseView<'_>, list: &WatchList, all: &mut All) {
    let mut known: BTreeMap<*const crate::script::Examined, Vec<usize>> = BTreeMap::new();
    for script in view.scripts() {
        let entries = known
            .entry(std::sync::Arc::as_ptr(&script.examined))
            .or_insert_with(|| {
                let mut found = Vec::new();
                for layer in &script.examined.layers {
                    found.extend(list.find_hash(&layer.sha256));
                    found.extend(
                        layer
                            .text
                            .as_deref()
                            .map(|text| list.search(text))
                            .unwrap_or_default(),
                    );
                }
                found.extend(
                    script
                        .norm_sha256
                        .as_deref()
                        .and_then(|hash| list.find_hash(hash)),
                );
                found.sort_unstable();
                found.dedup();
                found
            });
        let execution = view.linked.executions.get(script.execution);
        let time = execution.and_then(|one| view.referred().execution_time(one));
        for entry in entries {
            let seen = all
                .entry((*entry, With::Execution(script.execution)))
                .or_default();
            seen.at("script", time.map(|(first, _)| first));
            seen.at_end(time.map(|(_, last)| last));
        }
    }
}

/// Processes, files, flows and PowerShell's records: what each fact names, looked up once for each text.
fn facts(view: &CaseView<'_>, list: &WatchList, all: &mut All) {
    let store = view.store;
    let mut texts: BTreeMap<Symbol, Vec<usize>> = BTreeMap::new();
    let mut single: BTreeMap<Symbol, Option<usize>> = BTreeMap::new();
    let mut hosts: BTreeMap<(u32, Symbol), Option<String>> = BTreeMap::new();
    for at in store.facts.iter() {
        let event = at.event();
        let mut found: Vec<usize> = Vec::new();
        let mut address = |symbol: Symbol| {
            let of = || list.find_address(store.text(symbol)?);
            *single.entry(symbol).or_insert_with(of)
        };
        let place = match at.any() {
            Some(FactRef::Flow(flow)) => {
                found.extend(address(flow.source));
                found.extend(address(flow.destination));
                "flow"
            }
            Some(FactRef::Process(process)) => {
                let searched = texts
                    .entry(process.command_line)
                    .or_insert_with_key(|symbol| {
                        store
                            .text(*symbol)
                            .map(|text| list.search(text))
                            .unwrap_or_default()
                    });
                found.extend(searched.iter().copied());
                found.extend(
                    store
                        .text(process.sha256)
                        .and_then(|hash| list.find_hash(hash)),
                );
                "process"
            }
            Some(FactRef::File(file)) => {
                found.extend(
                    store
                        .text(file.sha256)
                        .and_then(|hash| list.find_hash(hash)),
                );
                "file"
            }
            Some(FactRef::PowerShell(said)) => {
                found.extend(list.search(&said.text));
                let host = store.text(said.host_application);
                found.extend(host.map(|line| list.search(line)).unwrap_or_default());
                "powershell"
            }
            _ => continue,
        };
        if found.is_empty() || !(view.counts)(event) {
            continue;
        }
        found.sort_unstable();
        found.dedup();
        let item = store.item_of(event);
        let symbol = store.columns.host.get(event as usize).unwrap_or_default();
        let host = hosts.entry((item, symbol)).or_insert_with(|| {
            let own = store.text(symbol).map(str::to_owned);
            own.or_else(|| view.items.get(item as usize)?.host.clone())
        });
        let label = host.as_deref().map(host_label).unwrap_or_default();
        let time = store.stamp(event).map(|stamp| stamp.instant);
        for entry in found {
            let seen = all.entry((entry, With::Guest(label.clone()))).or_default();
            seen.at(place, time);
            seen.event(event);
            if seen.subject.host.is_none() {
                seen.subject.host.clone_from(host);
            }
        }
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let list = &view.lists.watch;
    let mut all = All::new();
    operations(view, list, &mut all);
    identities(view, list, &mut all);
    scripts(view, list, &mut all);
    outputs(view, list, &mut all);
    facts(view, list, &mut all);
    let found = all.into_iter().filter_map(|((entry, with), seen)| {
        let watched = list.entry(entry)?;
        let note = if watched.note.is_empty() {
            String::new()
        } else {
            format!(" ({})", watched.note)
        };
        let places: Vec<&str> = seen.places.iter().copied().collect();
        let mut events: Vec<EventNumber> = seen.events.into_iter().collect();
        events.sort_unstable();
        Some(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: Severity::High,
            confidence: Confidence::High,
            baseline: Baseline::NotApplicable,
            title: format!("Watch-listed {} seen", watched.kind.word()).into(),
            summary: format!(
                "{}{note} was seen {} in: {}.",
                watched.indicator,
                counted(seen.count, "time"),
                places.join(", ")
            )
            .into(),
            operations: seen.operations.into_iter().collect(),
            executions: match with {
                With::Execution(at) => vec![at],
                _ => Vec::new(),
            },
            events,
            time: seen.time.map(Box::new),
            subject: seen.subject.into(),
            values: figures(json!({
                "indicator": watched.indicator,
                "kind": watched.kind.word(),
                "note": watched.note,
                "count": seen.count,
                "seen_in": places,
            }))
            .into(),
            ..Finding::default()
        })
    });
    found.collect()
}
