//! Matches as findings: one for each rule and each host and caller it concerns, and one for each window of a correlation.
//!
//! A rule that matches nine hundred times on one host is one finding with nine hundred events, as an analyst would report it. Rejected: a finding
//! for each match. A broad rule would bury every other one.

use super::correlation::{self, Found, Occurrence};
use super::rule_set::RuleSet;
use super::search::{Match, Search};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::detect::{Confidence, Finding, OfRule, Subject, counted};
use crate::identity::{ResourceId, host_label};
use crate::script::secrets::masked;
use crate::time::Instant;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Values of one field shown in a finding.
const SHOWN_VALUES: usize = 4;
/// Letters of a value shown in a finding; the evidence has it whole.
const SHOWN_LETTERS: usize = 400;

/// Figures that say what the rule is, not what it matched.
pub const OF_THE_RULE: [&str; 7] = [
    "rule_id",
    "rule_title",
    "rule_file",
    "rule_file_sha256",
    "level",
    "status",
    "false_positives",
];

/// To which operation and which execution events belong.
struct Belongs {
    operations: BTreeMap<EventNumber, usize>,
    executions: BTreeMap<EventNumber, usize>,
}

/// A match of a detection or a correlation, in time order with others.
#[derive(Clone, Debug)]
struct Occurred {
    time: Option<Instant>,
    events: Vec<EventNumber>,
    processes: Vec<usize>,
    selections: Vec<usize>,
    fields: Vec<(usize, Vec<String>)>,
    wanted: BTreeMap<usize, Vec<String>>,
    /// Of a correlation: the figure, and how many matches are in it.
    figure: Option<(f64, usize)>,
    group: Vec<(String, String)>,
}

/// All findings, by time, then rule.
#[must_use]
pub fn findings(case: &Case, search: &Search) -> Vec<Finding> {
    let set = &search.set;
    let rank = ranks(case);
    let place = |event: &EventNumber| rank.get(*event as usize).copied().unwrap_or(u32::MAX);
    let mut of_rule: BTreeMap<usize, Vec<Occurred>> = BTreeMap::new();
    for found in &search.matches {
        let occurred = occurred(found, &place);
        of_rule.entry(found.rule).or_default().push(occurred);
    }
    for list in of_rule.values_mut() {
        sort(list, &place);
    }
    for at in &set.correlations {
        let mut list = correlate(set, *at, &of_rule);
        sort(&mut list, &place);
        if !list.is_empty() {
            of_rule.insert(*at, list);
        }
    }
    let known = Belongs {
        operations: operations(case),
        executions: executions(case),
    };
    let mut found = Vec::new();
    for (rule, list) in of_rule {
        if set.speaks.get(rule) != Some(&true) {
            continue;
        }
        let is_correlation = set.correlation(rule).is_some();
        let mut groups: BTreeMap<(usize, String, String), Vec<Occurred>> = BTreeMap::new();
        for (at, occurred) in list.into_iter().enumerate() {
            let (host, caller) = concerns(case, &occurred);
            let window = if is_correlation { at } else { 0 };
            groups
                .entry((window, host, caller))
                .or_default()
                .push(occurred);
        }
        for list in groups.into_values() {
            found.extend(finding(case, set, rule, list, &known, &place));
        }
    }
    let key = |finding: &Finding| {
        let first = finding.events.iter().map(place).min().unwrap_or(u32::MAX);
        (
            finding.time.as_ref().map_or(i64::MAX, |time| time.0.ns),
            finding.rule.as_ref().map_or(usize::MAX, |of| of.rule),
            first,
        )
    };
    found.sort_by_cached_key(key);
    found
}

/// Place of each event in time.
fn ranks(case: &Case) -> Vec<u32> {
    let mut rank = vec![u32::MAX; case.store().len()];
    for (place, event) in (0_u32..).zip(case.listing()) {
        if let Some(slot) = rank.get_mut(event as usize) {
            *slot = place;
        }
    }
    rank
}

/// The execution of each event of a run, and of each process of one.
fn executions(case: &Case) -> BTreeMap<EventNumber, usize> {
    let mut of_event = BTreeMap::new();
    for (at, execution) in case.linked().executions.iter().enumerate() {
        let run = execution.run.and_then(|run| case.runs().get(run));
        let operation = execution.operation.and_then(|at| case.operations().get(at));
        let of_run = run.into_iter().flat_map(|run| &run.events);
        let of_operation = operation.into_iter().flat_map(|op| &op.events);
        for event in of_run.chain(of_operation).chain(&execution.processes) {
            of_event.entry(*event).or_insert(at);
        }
    }
    of_event
}

fn operations(case: &Case) -> BTreeMap<EventNumber, usize> {
    let mut of_event = BTreeMap::new();
    for (at, operation) in case.operations().iter().enumerate() {
        for event in &operation.events {
            of_event.entry(*event).or_insert(at);
        }
    }
    of_event
}

fn occurred(found: &Match, place: &impl Fn(&EventNumber) -> u32) -> Occurred {
    let mut events = found.events.clone();
    events.sort_by_key(place);
    Occurred {
        time: found.time,
        events,
        processes: found.process.into_iter().collect(),
        selections: found.selections.clone(),
        fields: found.fields.clone(),
        wanted: found.wanted.iter().cloned().collect(),
        figure: None,
        group: Vec::new(),
    }
}

fn sort(list: &mut [Occurred], place: &impl Fn(&EventNumber) -> u32) {
    list.sort_by_key(|one| {
        (
            one.time.map_or(i64::MAX, |time| time.ns),
            one.events.last().map_or(u32::MAX, place),
            one.processes.first().copied(),
        )
    });
}

/// What a correlation finds among the matches of the rules it calls.
fn correlate(set: &RuleSet, at: usize, of_rule: &BTreeMap<usize, Vec<Occurred>>) -> Vec<Occurred> {
    let (Some(wants), Some(called)) = (set.correlation(at), set.calls.get(&at)) else {
        return Vec::new();
    };
    let mut all: Vec<&Occurred> = Vec::new();
    let mut occurrences: Vec<Occurrence> = Vec::new();
    for (position, rule) in called.iter().enumerate() {
        let Some(known) = set.rules.get(*rule) else {
            continue;
        };
        let field = |name: &str| {
            let name = wants.field_of(name, |word| known.is_called(word))?;
            let name = name.to_lowercase();
            set.tests
                .fields
                .iter()
                .position(|have| have.to_lowercase() == name)
        };
        let by: Vec<Option<usize>> = wants.group_by.iter().map(|name| field(name)).collect();
        let counted = wants.field.as_deref().and_then(field);
        for occurred in of_rule.get(rule).into_iter().flatten() {
            let value = |field: &Option<usize>| {
                let values = occurred.wanted.get(&(*field)?)?;
                values.first().map(|value| value.to_lowercase())
            };
            let group: Option<Vec<String>> = by.iter().map(value).collect();
            let (Some(group), Some(time)) = (group, occurred.time) else {
                continue;
            };
            let values = counted.and_then(|field| occurred.wanted.get(&field));
            occurrences.push(Occurrence {
                time_ns: time.ns,
                rule: position,
                group,
                values: values.cloned().unwrap_or_default(),
                number: all.len(),
            });
            all.push(occurred);
        }
    }
    occurrences.sort_by_key(|one| (one.time_ns, one.number));
    let found = correlation::find(wants, occurrences);
    let own = set.wanted.get(at).map_or(&[][..], Vec::as_slice);
    let whole = |found: Found| -> Option<Occurred> {
        let parts: Vec<&Occurred> = found
            .numbers
            .iter()
            .filter_map(|number| all.get(*number).copied())
            .collect();
        let last = parts.last()?;
        let mut processes: Vec<usize> = parts
            .iter()
            .flat_map(|part| part.processes.clone())
            .collect();
        processes.sort_unstable();
        processes.dedup();
        let mut events: Vec<EventNumber> = Vec::new();
        for event in parts.iter().flat_map(|part| &part.events) {
            events.push(*event);
        }
        events.sort_unstable();
        events.dedup();
        // What it groups by has one value; of anything else an outer correlation gets the last one's.
        let wanted = own.iter().map(|field| {
            let name = set.tests.fields.get(*field).map_or("", String::as_str);
            let grouped = wants
                .group_by
                .iter()
                .position(|by| by.eq_ignore_ascii_case(name))
                .and_then(|at| found.group.get(at));
            let values = match grouped {
                Some(value) => vec![value.clone()],
                None => last.wanted.get(field).cloned().unwrap_or_default(),
            };
            (*field, values)
        });
        Some(Occurred {
            time: last.time,
            events,
            processes,
            selections: Vec::new(),
            fields: Vec::new(),
            wanted: wanted.collect(),
            figure: Some((found.figure, parts.len())),
            group: wants
                .group_by
                .iter()
                .cloned()
                .zip(found.group.clone())
                .collect(),
        })
    };
    found.into_iter().filter_map(whole).collect()
}

/// Host and caller that a match concerns.
fn concerns(case: &Case, occurred: &Occurred) -> (String, String) {
    let store = case.store();
    let Some(event) = occurred.events.first() else {
        return Default::default();
    };
    let of_process = occurred
        .processes
        .first()
        .and_then(|at| case.processes().get(*at))
        .map(|process| process.host.to_string());
    let of_item = || {
        let item = case.items().get(store.item_of(*event) as usize)?;
        item.host.clone()
    };
    let host = of_process
        .filter(|host| !host.is_empty())
        .or_else(|| store.column(&store.columns.host, *event).map(str::to_owned))
        .or_else(of_item)
        .unwrap_or_default();
    let is_cloud = store
        .columns
        .kind(*event as usize)
        .word()
        .starts_with("cloud.")
        || store
            .columns
            .kind(*event as usize)
            .word()
            .starts_with("identity.");
    let caller = if is_cloud {
        store
            .column(&store.columns.actor, *event)
            .unwrap_or("")
            .to_owned()
    } else {
        String::new()
    };
    (host_label(&host), caller.to_lowercase())
}

fn finding(
    case: &Case,
    set: &RuleSet,
    rule: usize,
    list: Vec<Occurred>,
    belongs: &Belongs,
    place: &impl Fn(&EventNumber) -> u32,
) -> Option<Finding> {
    let known = set.rules.get(rule)?;
    let first = list.first()?;
    let store = case.store();
    let event = *first.events.first()?;
    let mut events: Vec<EventNumber> = list.iter().flat_map(|one| one.events.clone()).collect();
    events.sort_by_key(|event| (place(event), *event));
    events.dedup();
    let mut positions: Vec<usize> = events
        .iter()
        .filter_map(|event| belongs.operations.get(event).copied())
        .collect();
    positions.sort_unstable();
    positions.dedup();
    let mut processes: Vec<usize> = list.iter().flat_map(|one| one.processes.clone()).collect();
    processes.sort_unstable();
    processes.dedup();
    let of_processes = processes
        .iter()
        .filter_map(|at| case.processes().get(*at))
        .flat_map(|process| process.events.iter());
    let mut executions: Vec<usize> = events
        .iter()
        .chain(of_processes)
        .filter_map(|event| belongs.executions.get(event).copied())
        .collect();
    executions.sort_unstable();
    executions.dedup();
    let column = |column| store.column(column, event).map(str::to_owned);
    let (_, caller) = concerns(case, first);
    let host = processes
        .first()
        .and_then(|at| case.processes().get(*at))
        .map(|process| process.host.to_string())
        .filter(|host| !host.is_empty())
        .or_else(|| column(&store.columns.host))
        .or_else(|| {
            case.items()
                .get(store.item_of(event) as usize)?
                .host
                .clone()
        });
    let is_cloud = !positions.is_empty();
    let resource = column(&store.columns.resource)
        .filter(|_| is_cloud)
        .map(|id| ResourceId::parse(&id).folded);
    let time = |one: &Occurred| one.time;
    let (begun, ended) = span(case, &list, &events, time);
    Some(Finding {
        detector: Cow::Owned(known.detector()),
        severity: known.severity,
        // The rule matched, which is certain; what it means is its author's to say.
        confidence: Confidence::High,
        title: known.title.as_str().into(),
        summary: summary(set, rule, &list, host.as_deref(), &caller).into(),
        time: begun.zip(ended).map(Box::new),
        subject: Subject {
            caller: column(&store.columns.actor).filter(|_| !caller.is_empty()),
            ip: column(&store.columns.ip),
            resource,
            host,
            ..Subject::default()
        }
        .into(),
        values: values(set, rule, &list).into(),
        further_attack: known.attack.clone().into(),
        operations: positions,
        executions,
        events,
        rule: Some(Box::new(OfRule { rule, processes })),
        ..Finding::default()
    })
}

fn span(
    case: &Case,
    list: &[Occurred],
    events: &[EventNumber],
    time: impl Fn(&Occurred) -> Option<Instant>,
) -> (Option<Instant>, Option<Instant>) {
    // The window of a correlation begins with its first event, not when it was complete.
    if list.first().is_some_and(|one| one.figure.is_some()) {
        let times = || events.iter().filter_map(|event| case.store().stamp(*event));
        let first = times()
            .map(|stamp| stamp.instant)
            .min_by_key(|time| time.ns);
        let last = times()
            .map(|stamp| stamp.instant)
            .max_by_key(|time| time.ns);
        return (first, last);
    }
    let times = || list.iter().filter_map(&time);
    (
        times().min_by_key(|time| time.ns),
        times().max_by_key(|time| time.ns),
    )
}

fn summary(
    set: &RuleSet,
    rule: usize,
    list: &[Occurred],
    host: Option<&str>,
    caller: &str,
) -> String {
    let whom = match (host, caller) {
        (_, caller) if !caller.is_empty() => format!(" by {caller}"),
        (Some(host), _) => format!(" on {host}"),
        _ => String::new(),
    };
    let Some(first) = list.first() else {
        return String::new();
    };
    if let Some((figure, matches)) = first.figure {
        let by: Vec<String> = first
            .group
            .iter()
            .map(|(name, value)| format!("{name} {}", shown(value)))
            .collect();
        let by = if by.is_empty() {
            String::new()
        } else {
            format!(" with {}", by.join(", "))
        };
        return format!(
            "{} within the timespan{by}; the figure compared is {figure}.",
            counted(matches, "match").replace("matchs", "matches")
        );
    }
    let names: Vec<&str> = set
        .detection(rule)
        .map(|detection| {
            let names = first
                .selections
                .iter()
                .filter_map(|at| detection.selections.get(*at));
            names.map(|(name, _)| name.as_str()).collect()
        })
        .unwrap_or_default();
    let example = first.fields.iter().find_map(|(field, values)| {
        let name = set.tests.fields.get(*field)?;
        Some(format!(", first with {name} {}", shown(values.first()?)))
    });
    format!(
        "{}{whom}{} ({}).",
        counted(list.len(), "match").replace("matchs", "matches"),
        example.unwrap_or_default(),
        names.join(", ")
    )
}

/// A value as a finding shows it: a command line may hold a password, and a finding is exported.
fn shown(text: &str) -> String {
    let text = &masked(text);
    let mut cut: String = text.chars().take(SHOWN_LETTERS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn values(set: &RuleSet, rule: usize, list: &[Occurred]) -> Map<String, Value> {
    let mut out = Map::new();
    let Some(known) = set.rules.get(rule) else {
        return out;
    };
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("rule_id", json!(known.id));
    put("rule_title", json!(known.title));
    put("rule_file", json!(known.path));
    put("rule_file_sha256", json!(known.sha256));
    put("level", json!(known.level));
    put("status", json!(known.status));
    put("false_positives", json!(known.false_positives));
    put("matches", json!(list.len()));
    if let Some(first) = list.first() {
        if let Some((figure, matches)) = first.figure {
            put("figure", json!(figure));
            put("matches", json!(matches));
            let group: Map<String, Value> = first
                .group
                .iter()
                .map(|(name, value)| (name.clone(), json!(shown(value))))
                .collect();
            put("group", Value::Object(group));
        } else if let Some(detection) = set.detection(rule) {
            let mut selections: BTreeMap<&str, usize> = BTreeMap::new();
            for at in list.iter().flat_map(|one| &one.selections) {
                if let Some((name, _)) = detection.selections.get(*at) {
                    *selections.entry(name).or_default() += 1;
                }
            }
            put("selections", json!(selections));
            let fields: Map<String, Value> = first
                .fields
                .iter()
                .filter_map(|(field, values)| {
                    let name = set.tests.fields.get(*field)?;
                    let values: Vec<String> = values
                        .iter()
                        .take(SHOWN_VALUES)
                        .map(|value| shown(value))
                        .collect();
                    Some((name.clone(), json!(values)))
                })
                .collect();
            put("fields", Value::Object(fields));
        }
    }
    out
}
