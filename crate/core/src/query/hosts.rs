//! The hosts for a view: what was run on each VM, which evidence of it is there and which is missing, and how its clock stands.
//!
//! A host is a VM of the cloud's records, a guest of disk evidence, or both where they are known to be one machine: linking says so, or no
//! other VM and no other guest of the case has that name (`joined_by` says which).
//!
//! ```text
//! web01  linux  4 operations, 4 runs   clock +300.5 s   agent log, handler log, …   missing: audit log, flow log   2 findings
//! ```
//!
//! Rejected: one line per name. Two resource groups may each have a `web01`, and evidence of one would excuse the other.

use super::executions::{EventName, name_of};
use super::findings::{FindingRow, finding_row};
use super::sources::{Lane, Source, Spanned, gaps, lanes, sources};
use crate::case::Case;
use crate::event::intern::Symbol;
use crate::formats;
use crate::identity::{ResourceId, host_label, netbios};
use crate::reconstruct::links::Execution;
use crate::reconstruct::skew::estimate::Confidence;
use crate::reconstruct::skew::offset::{Offset, seconds};
use crate::severity::Severity;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of one list inside a host.
const MOST_ROWS: usize = 500;

/// How the guest's clock stands to the cloud's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostClock {
    /// Guest minus cloud, in seconds; of a clock that was set, the offset since then.
    pub skew_seconds: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Seconds that it gains in a day.
    pub drift_per_day: Option<f64>,
    /// Guest time at which it was set, and the seconds before.
    pub set_at: Option<String>,
    /// Offset before it was set.
    pub before: Option<f64>,
    /// Pairs it is known from.
    pub pairs: usize,
    /// How sure.
    pub confidence: &'static str,
    /// Why no more than that.
    pub reason: Option<&'static str>,
}

/// A host as a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostRow {
    /// Names it: the VM's resource id, else `guest:` and the host's name.
    pub host: String,
    /// The name.
    pub name: String,
    /// The VM's resource id, where it is known.
    pub resource: Option<String>,
    /// `links`, `name`, or nothing where only one side is known.
    pub joined_by: Option<&'static str>,
    /// `linux`, `windows`, or nothing where no guest evidence says.
    pub os: Option<&'static str>,
    /// Operations that run or install something on it.
    pub operations: usize,
    /// Runs seen on the guest.
    pub runs: usize,
    /// Executions known from both sides.
    pub linked: usize,
    /// Evidence items that speak of the guest.
    pub items: usize,
    /// Their events.
    pub events: usize,
    /// Names of the sources that are missing.
    pub missing: Vec<&'static str>,
    /// How much of the guest is there: `none`, `part` or `whole`.
    pub coverage: &'static str,
    /// How its clock stands to the cloud's: `together` (within half a second), `apart` or `not-known`; nothing where there is no evidence of the guest.
    pub clock_stands: Option<&'static str>,
    /// First event or operation.
    pub first: Option<String>,
    /// Last event or operation.
    pub last: Option<String>,
    /// How its clock stands.
    pub clock: Option<HostClock>,
    /// Findings about it.
    pub findings: usize,
    /// The worst of them.
    pub severity: Option<&'static str>,
}

/// Something that was run on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostExecution {
    /// Place among the executions.
    pub execution: usize,
    /// Its name while the case is open.
    pub event: Option<EventName>,
    /// When, by the cloud's clock.
    pub started: Option<String>,
    /// `action`, `managed`, `immediate` or `extension`.
    pub family: &'static str,
    /// Name of the run command or extension.
    pub name: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
    /// How it ended.
    pub state: &'static str,
    /// `both`, `cloud` or `guest`.
    pub known_from: &'static str,
    /// How sure the link is.
    pub confidence: Option<&'static str>,
    /// First line of the script.
    pub script: Option<String>,
}

/// A time without guest evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// Seconds.
    pub seconds: f64,
}

/// A host in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostDetail {
    /// As a row.
    pub row: HostRow,
    /// In time order.
    pub executions: Vec<HostExecution>,
    /// What evidence there could be, and what there is.
    pub sources: Vec<Source>,
    /// The evidence over time, the cloud's records first.
    pub lanes: Vec<Lane>,
    /// Times between them in which no guest evidence says anything.
    pub gaps: Vec<Gap>,
    /// Worst first.
    pub findings: Vec<FindingRow>,
}

/// What is known of one host.
#[derive(Default)]
pub(super) struct Known {
    /// As its evidence spells it.
    name: String,
    /// Its key then, which is the VM's resource id.
    is_vm: bool,
    joined_by: Option<&'static str>,
    pub(super) os: Option<&'static str>,
    operations: Vec<usize>,
    runs: Vec<usize>,
    executions: Vec<usize>,
    clock: Option<usize>,
    /// In their order.
    findings: Vec<usize>,
    /// (format, item) -> its events of this host.
    pub(super) seen: BTreeMap<(String, u32), Spanned>,
}

/// The hosts of a case, by key.
struct Hosts {
    of: BTreeMap<Arc<str>, Known>,
    /// Folded first label -> key.
    by_label: BTreeMap<String, Arc<str>>,
}

impl Hosts {
    fn of(case: &Case) -> Self {
        let mut hosts = Self {
            of: BTreeMap::new(),
            by_label: BTreeMap::new(),
        };
        let linked = case.linked();
        for (at, op) in case.operations().iter().enumerate() {
            let Some(resource) = op.resource.as_deref().and_then(ResourceId::vm_resource) else {
                continue;
            };
            let host = hosts.vm(&resource);
            // Reads and the like are no work on the machine.
            if op.family.word() != "other" {
                host.operations.push(at);
            }
        }
        hosts.name_guests(case);
        for (at, run) in case.runs().iter().enumerate() {
            let resource = linked.resources.get(at).cloned().flatten();
            let Some(host) = hosts.guest(resource.as_deref(), run.host.as_deref()) else {
                continue;
            };
            host.runs.push(at);
            host.os = host
                .os
                .or(Some(run.os.word()).filter(|word| *word != "unknown"));
        }
        for (at, clock) in linked.clocks.iter().enumerate() {
            if let Some(host) = hosts.guest(clock.resource.as_deref(), clock.host.as_deref()) {
                host.clock = Some(at);
            }
        }
        for (at, execution) in linked.executions.iter().enumerate() {
            if let Some(host) = hosts.of_execution(case, execution) {
                host.executions.push(at);
            }
        }
        hosts.take_events(case);
        hosts.take_findings(case);
        hosts
    }

    fn vm(&mut self, resource: &str) -> &mut Known {
        self.of.entry(resource.into()).or_insert_with(|| {
            let name = ResourceId::parse(resource).vm();
            Known {
                name: name.unwrap_or_else(|| resource.to_owned()),
                is_vm: true,
                ..Known::default()
            }
        })
    }

    /// Which VM each guest is: what linking says, else the one VM of that name.
    fn name_guests(&mut self, case: &Case) {
        let linked = case.linked();
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let runs = case.runs().iter().zip(&linked.resources);
        let of_runs = runs.map(|(run, resource)| (run.host.as_deref(), resource.as_deref()));
        let clocks = linked.clocks.iter();
        let of_clocks = clocks.map(|clock| (clock.host.as_deref(), clock.resource.as_deref()));
        let mut labels: BTreeSet<String> = BTreeSet::new();
        for (host, resource) in of_runs.chain(of_clocks) {
            let label = host.map(host_label).unwrap_or_default();
            if let Some(resource) = resource.filter(|_| !label.is_empty()) {
                said.entry(label.clone())
                    .or_default()
                    .insert(resource.to_owned());
            }
            labels.insert(label);
        }
        labels.extend(
            case.items()
                .iter()
                .filter_map(|item| Some(host_label(item.host.as_deref()?))),
        );
        // Guests are few beside the machines of a tenant.
        let wanted: BTreeSet<String> = labels.iter().map(|label| netbios(label)).collect();
        let mut named: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
        for (key, host) in self.of.iter().filter(|_| !wanted.is_empty()) {
            let name = netbios(&host.name);
            if wanted.contains(&name) {
                named.entry(name).or_default().push(Arc::clone(key));
            }
        }
        for label in labels.into_iter().filter(|label| !label.is_empty()) {
            let of_links = said.get(&label).filter(|all| all.len() == 1);
            if let Some(resource) = of_links.and_then(BTreeSet::first) {
                self.vm(resource).joined_by = Some("links");
                self.by_label.insert(label, resource.as_str().into());
                continue;
            }
            if said.contains_key(&label) {
                continue;
            }
            if let Some([key]) = named.get(&netbios(&label)).map(Vec::as_slice)
                && let Some(host) = self.of.get_mut(key)
                && crate::identity::same_host(&host.name, &label)
            {
                host.joined_by = host.joined_by.or(Some("name"));
                self.by_label.insert(label, Arc::clone(key));
            }
        }
    }

    /// The host of a guest, by its VM or its name.
    fn guest(&mut self, resource: Option<&str>, name: Option<&str>) -> Option<&mut Known> {
        if let Some(resource) = resource {
            return Some(self.vm(resource));
        }
        let name = name?;
        let label = host_label(name);
        if label.is_empty() {
            return None;
        }
        let key = match self.by_label.get(&label) {
            Some(key) => Arc::clone(key),
            None => format!("guest:{label}").into(),
        };
        Some(self.of.entry(key).or_insert_with(|| Known {
            name: name.to_owned(),
            ..Known::default()
        }))
    }

    fn of_execution(&mut self, case: &Case, execution: &Execution) -> Option<&mut Known> {
        let op = execution.operation.and_then(|at| case.operations().get(at));
        let resource = op.and_then(|op| op.resource.as_ref()?.vm_resource());
        let of_run = execution
            .run
            .and_then(|at| case.linked().resources.get(at)?.clone());
        let run = execution.run.and_then(|at| case.runs().get(at));
        let host = run.and_then(|run| run.host.clone());
        self.guest(resource.or(of_run).as_deref(), host.as_deref())
    }

    /// One walk over all events: which item says something of which host, and when.
    fn take_events(&mut self, case: &Case) {
        let store = case.store();
        // Only looked up: a map in order follows.
        let mut known: HashMap<(Symbol, u32), Spanned, FixedState> =
            HashMap::with_hasher(FixedState::with_seed(0));
        for event in store.order() {
            let item = store.item_of(*event);
            let host = store.columns.host.get(*event as usize);
            let time = store.stamp(*event).map(|stamp| stamp.instant);
            let host = host.unwrap_or_default();
            known.entry((host, item)).or_default().take(time);
        }
        let known: BTreeMap<(Symbol, u32), Spanned> = known.into_iter().collect();
        for ((symbol, number), spanned) in known {
            let Some(item) = case.items().get(number as usize) else {
                continue;
            };
            let name = store.text(symbol).or(item.host.as_deref());
            let Some(format) = item.report.as_ref().map(|report| report.format.clone()) else {
                continue;
            };
            // Cloud records name their VM by resource; they are counted with the operations.
            if let Some(host) = self.guest(None, name) {
                host.os = host.os.or(os_of(&format));
                host.seen
                    .entry((format, number))
                    .or_default()
                    .join(&spanned);
            }
        }
    }

    fn take_findings(&mut self, case: &Case) {
        let referred = case.referred();
        for (at, finding) in case.findings().iter().enumerate() {
            let resource = referred.resource(finding);
            let resource = resource.and_then(|id| ResourceId::parse(id).vm_resource());
            let host = referred.host(finding);
            if resource.is_none() && host.is_none() {
                continue;
            }
            if let Some(host) = self.guest(resource.as_deref(), host) {
                host.findings.push(at);
            }
        }
    }
}

/// What system only has evidence of this format.
fn os_of(format: &str) -> Option<&'static str> {
    const LINUX: [&str; 6] = [
        formats::waagent_log::FORMAT.id,
        formats::handler_log::FORMAT.id,
        formats::command_execution_log::FORMAT.id,
        formats::journal_json::FORMAT.id,
        "syslog",
        "auditd",
    ];
    const WINDOWS: [&str; 6] = [
        formats::waappagent_log::FORMAT.id,
        formats::aggregate_status::FORMAT.id,
        formats::windows_event_json::FORMAT.id,
        formats::windows_event_xml::FORMAT.id,
        formats::windows_event_csv::FORMAT.id,
        "evtx",
    ];
    if LINUX.contains(&format) {
        return Some("linux");
    }
    WINDOWS.contains(&format).then_some("windows")
}

fn clock(case: &Case, at: usize) -> Option<HostClock> {
    let estimate = &case.linked().clocks.get(at)?.estimate;
    let offset = estimate.offset.map(Offset::shown);
    let step = offset.and_then(|offset| offset.step);
    Some(HostClock {
        skew_seconds: offset.map(|offset| seconds(offset.skew)),
        low: estimate.low.map(seconds),
        high: estimate.high.map(seconds),
        drift_per_day: offset.and_then(|offset| offset.per_day).map(seconds),
        set_at: step.map(|(from, _)| from.to_string()),
        before: step.map(|(_, before)| seconds(before)),
        pairs: estimate.pairs,
        confidence: estimate.confidence.word(),
        reason: estimate.reason,
    })
}

/// A word for how a clock stands.
fn stands(clock: Option<&HostClock>) -> &'static str {
    /// A result's time is often whole seconds, and its transport takes a moment.
    const TOGETHER_SECONDS: f64 = 0.5;
    match clock.and_then(|clock| clock.skew_seconds) {
        None => "not-known",
        Some(skew) if skew.abs() <= TOGETHER_SECONDS => "together",
        Some(_) => "apart",
    }
}

fn worst(case: &Case, host: &Known) -> Option<Severity> {
    let findings = host.findings.iter();
    let findings = findings.filter_map(|at| case.findings().get(*at));
    findings.map(|finding| finding.severity).max()
}

fn host_row(case: &Case, key: &str, host: &Known) -> HostRow {
    let executions = host.executions.iter();
    let executions = executions.filter_map(|at| case.linked().executions.get(*at));
    let linked = executions.filter(|one| one.operation.is_some() && one.run.is_some());
    let seen = || host.seen.values();
    let ops = || {
        let ops = host.operations.iter();
        ops.filter_map(|at| case.operations().get(*at))
    };
    let firsts = seen().filter_map(|one| one.first);
    let firsts = firsts.chain(ops().filter_map(|op| op.started));
    let lasts = seen().filter_map(|one| one.last);
    let lasts = lasts.chain(ops().filter_map(|op| op.ended));
    let missing = sources(host).into_iter().filter(|source| source.items == 0);
    let missing: Vec<&'static str> = missing.map(|source| source.source).collect();
    let clock = host.clock.and_then(|at| clock(case, at));
    let there = !host.seen.is_empty();
    HostRow {
        host: key.to_owned(),
        name: host.name.clone(),
        resource: host.is_vm.then(|| key.to_owned()),
        joined_by: host.joined_by,
        os: host.os,
        operations: host.operations.len(),
        runs: host.runs.len(),
        linked: linked.count(),
        items: host
            .seen
            .keys()
            .map(|(_, item)| item)
            .collect::<BTreeSet<_>>()
            .len(),
        events: seen().map(|one| one.events).sum(),
        coverage: match (there, missing.is_empty()) {
            (false, _) => "none",
            (true, false) => "part",
            (true, true) => "whole",
        },
        missing,
        clock_stands: there.then(|| stands(clock.as_ref())),
        first: firsts
            .min_by_key(|time| time.ns)
            .map(|time| time.to_string()),
        last: lasts
            .max_by_key(|time| time.ns)
            .map(|time| time.to_string()),
        clock,
        findings: host.findings.len(),
        severity: worst(case, host).map(Severity::word),
    }
}

/// Who has the worst findings stands first, then what was worked on most; equals stay by key.
type Place = (Reverse<Option<Severity>>, Reverse<usize>, Reverse<usize>);

/// The rows of all hosts by key, with their places in the list. A tenant may have ten thousand machines: what is known of each goes as its row is made.
fn placed(case: &Case) -> impl Iterator<Item = (Place, HostRow)> {
    let hosts = Hosts::of(case).of.into_iter();
    hosts.map(|(key, host)| {
        let row = host_row(case, &key, &host);
        let worked_on = row.operations.max(row.runs);
        let worst = worst(case, &host);
        (
            (Reverse(worst), Reverse(worked_on), Reverse(row.events)),
            row,
        )
    })
}

/// Every host, in the list's order.
#[must_use]
pub fn hosts(case: &Case) -> Vec<HostRow> {
    let mut rows: Vec<(Place, HostRow)> = placed(case).collect();
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The first hosts of the list, and how all of them stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstHosts {
    /// In the list's order.
    pub rows: Vec<HostRow>,
    /// Hosts in all.
    pub total: usize,
    /// Of each word for how much of a guest is there, how many.
    pub coverage: BTreeMap<&'static str, usize>,
    /// Of each word for how a clock stands, how many.
    pub clocks: BTreeMap<&'static str, usize>,
}

/// The first hosts of the list without a list of all, which would be there only to be counted.
#[must_use]
pub fn first_hosts(case: &Case, most: usize) -> FirstHosts {
    let mut all = FirstHosts::default();
    let mut first: Vec<(Place, HostRow)> = Vec::new();
    for (place, row) in placed(case) {
        all.total += 1;
        *all.coverage.entry(row.coverage).or_default() += 1;
        if let Some(word) = row.clock_stands {
            *all.clocks.entry(word).or_default() += 1;
        }
        let at = first.partition_point(|(known, _)| *known <= place);
        if at < most {
            first.insert(at, (place, row));
            first.truncate(most);
        }
    }
    all.rows = first.into_iter().map(|(_, row)| row).collect();
    all
}

/// One host in full.
#[must_use]
pub fn host(case: &Case, key: &str) -> Option<HostDetail> {
    let hosts = Hosts::of(case);
    let host = hosts.of.get(key)?;
    let subscription = host.is_vm.then(|| ResourceId::parse(key));
    let subscription = subscription.and_then(|id| id.subscription().map(str::to_owned));
    let mut findings = host.findings.clone();
    findings.sort_by_key(|at| Reverse(case.findings().get(*at).map(|one| one.severity)));
    findings.truncate(MOST_ROWS);
    let lanes = lanes(case, host, subscription.as_deref());
    Some(HostDetail {
        row: host_row(case, key, host),
        executions: host
            .executions
            .iter()
            .take(MOST_ROWS)
            .filter_map(|at| execution(case, *at))
            .collect(),
        sources: sources(host),
        gaps: gaps(host),
        lanes,
        findings: findings
            .into_iter()
            .filter_map(|at| finding_row(case, at))
            .collect(),
    })
}

fn execution(case: &Case, at: usize) -> Option<HostExecution> {
    let execution = case.linked().executions.get(at)?;
    let op = execution.operation.and_then(|at| case.operations().get(at));
    let run = execution.run.and_then(|at| case.runs().get(at));
    let script = run.and_then(|run| Some(run.script.as_ref()?.text.as_str()));
    let line = script.and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
    let started = case.referred().execution_time(execution);
    Some(HostExecution {
        execution: at,
        event: name_of(case, execution),
        started: started.map(|(first, _)| first.to_string()),
        family: run.map_or_else(
            || op.map_or("other", |op| op.family.word()),
            |run| run.family.word(),
        ),
        name: run
            .and_then(|run| run.name.clone())
            .or_else(|| op.and_then(|op| op.resource.as_ref()?.child())),
        caller: op.and_then(|op| op.caller.as_deref().map(str::to_owned)),
        state: run.map_or_else(
            || op.map_or("unknown", |op| op.outcome.word()),
            |run| run.state.word(),
        ),
        known_from: match (op, run) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "cloud",
            _ => "guest",
        },
        confidence: execution.confidence.map(Confidence::word),
        script: line.map(|line| {
            let masked = crate::script::secrets::masked(line);
            masked.chars().take(200).collect()
        }),
    })
}
