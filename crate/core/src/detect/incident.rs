//! Incidents: findings that belong together (detectors 36).
//!
//! Two findings belong together where they share an operation or an execution, the principal within 24 h, the VM within 6 h, the script's
//! fingerprint, or a caller address within 24 h that no more than ten principals use. An incident is what hangs together that way. Times are
//! those of the findings, by the cloud's clock, and the gap between two counts from the end of the one to the begin of the other.
//!
//! ```text
//! 10:00 alice runs a command on web01       ─ principal ─  10:20 alice lists keys
//!   │ execution                                               │ address
//! 10:00 its script fetches a miner                         11:00 mallory exports a disk
//! ```
//!
//! Its score adds, for each detector that speaks in it, the points of its worst finding (low 1, medium 3, high 6, critical 10); 6 make it
//! `medium`, 12 `high`, 20 `critical`, and it is never less severe than its worst finding of high confidence. A finding that the allow-list suppressed
//! belongs to no incident.
//!
//! Each relation is one sorted sweep that joins neighbours in a union-find: of several findings in reach it is enough to join the one that ends last, since those
//! before it are joined already.
//!
//! Rejected: comparing every pair. A spray over a thousand machines is a million pairs.

use super::history::Known as Seen;
use super::subject::Referred;
use super::{CaseView, Confidence, Finding, Severity};
use crate::identity::{ResourceId, fold, host_label};
use crate::time::{Instant, NS_PER_SECOND};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

const NS_PER_HOUR: i64 = 3600 * NS_PER_SECOND;
/// Findings of one principal, or of one address, belong together within this.
const ACTOR_WINDOW: i64 = 24 * NS_PER_HOUR;
/// Findings of one VM belong together within this.
const VM_WINDOW: i64 = 6 * NS_PER_HOUR;
/// An address of more principals than this is shared.
const SHARED_ADDRESS: usize = 10;

/// Findings that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// How bad.
    pub severity: Severity,
    /// Points of its detectors.
    pub score: u32,
    /// First instant, by the cloud's clock.
    pub first: Option<Instant>,
    /// Last instant.
    pub last: Option<Instant>,
    /// Findings by position in the case.
    pub findings: Vec<usize>,
}

/// What grouping needs of one finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its place among the findings of the case.
    pub finding: usize,
    /// Operations by position.
    pub operations: Vec<usize>,
    /// Executions by position.
    pub executions: Vec<usize>,
    /// Who, by a name that is the same for all spellings.
    pub principal: Option<String>,
    /// On which VM, or else guest.
    pub vm: Option<String>,
    /// Fingerprints of its scripts.
    pub fingerprints: Vec<String>,
    /// From which address.
    pub ip: Option<String>,
    /// First and last instant in nanoseconds.
    pub span: Option<(i64, i64)>,
}

/// What speaks of one thing: (first, last, place of the node).
type Spans = Vec<(i64, i64, usize)>;

/// Components of a graph that grows edge by edge.
struct Components {
    parent: Vec<usize>,
}

impl Components {
    fn new(n: usize) -> Self {
        Self {
            parent: (0..n).collect(),
        }
    }

    fn root(&mut self, mut at: usize) -> usize {
        loop {
            let up = self.parent.get(at).copied().unwrap_or(at);
            if up == at {
                return at;
            }
            // Halving the path keeps later walks short.
            let further = self.parent.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(at) {
                *slot = further;
            }
            at = further;
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.parent.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }

    /// Joins all that have the same key.
    fn join_equal<K: Eq + Hash>(&mut self, keys: impl Iterator<Item = (K, usize)>) {
        let mut first: Seen<K, usize> = Seen::default();
        for (key, at) in keys {
            match first.get(&key) {
                Some(one) => self.join(*one, at),
                None => {
                    first.insert(key, at);
                }
            }
        }
    }

    /// Joins all that have the same key and lie within `window` of each other.
    fn join_near<'a>(
        &mut self,
        keys: impl Iterator<Item = (&'a str, &'a Node, usize)>,
        window: i64,
    ) {
        let mut place: Seen<&str, usize> = Seen::default();
        let mut of: Vec<Spans> = Vec::new();
        for (key, node, at) in keys {
            if let Some((first, last)) = node.span {
                let place = *place.entry(key).or_insert(of.len());
                if place == of.len() {
                    of.push(Vec::new());
                }
                if let Some(spans) = of.get_mut(place) {
                    spans.push((first, last, at));
                }
            }
        }
        for mut spans in of {
            spans.sort_unstable();
            let mut latest: Option<(i64, usize)> = None;
            for (first, last, at) in spans {
                if let Some((end, holder)) = latest
                    && first.saturating_sub(end) <= window
                {
                    self.join(holder, at);
                }
                if latest.is_none_or(|(end, _)| last > end) {
                    latest = Some((last, at));
                }
            }
        }
    }
}

/// The components of these nodes, as lists of places, each in order of place.
#[must_use]
pub fn components(nodes: &[Node], shared: &BTreeSet<String>) -> Vec<Vec<usize>> {
    let mut all = Components::new(nodes.len());
    let numbered = || nodes.iter().enumerate();
    all.join_equal(
        numbered().flat_map(|(at, node)| node.operations.iter().map(move |op| (*op, at))),
    );
    all.join_equal(
        numbered().flat_map(|(at, node)| node.executions.iter().map(move |one| (*one, at))),
    );
    all.join_equal(
        numbered().flat_map(|(at, node)| node.fingerprints.iter().map(move |one| (one, at))),
    );
    all.join_near(
        numbered().filter_map(|(at, node)| Some((node.principal.as_deref()?, node, at))),
        ACTOR_WINDOW,
    );
    all.join_near(
        numbered().filter_map(|(at, node)| Some((node.vm.as_deref()?, node, at))),
        VM_WINDOW,
    );
    all.join_near(
        numbered().filter_map(|(at, node)| {
            let ip = node.ip.as_deref()?;
            (!shared.contains(ip)).then_some((ip, node, at))
        }),
        ACTOR_WINDOW,
    );
    let mut of_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..nodes.len() {
        of_root.entry(all.root(at)).or_default().push(at);
    }
    of_root.into_values().collect()
}

fn points(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 3,
        Severity::High => 6,
        Severity::Critical => 10,
    }
}

/// Score and severity of findings that belong together.
#[must_use]
pub fn weigh(findings: &[&Finding]) -> (u32, Severity) {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings {
        let slot = worst.entry(finding.detector).or_insert(finding.severity);
        *slot = (*slot).max(finding.severity);
    }
    let score = worst.values().map(|severity| points(*severity)).sum();
    let by_score = match score {
        20.. => Severity::Critical,
        12..=19 => Severity::High,
        6..=11 => Severity::Medium,
        _ => Severity::Low,
    };
    let sure = findings
        .iter()
        .filter(|finding| finding.confidence == Confidence::High)
        .map(|finding| finding.severity)
        .max();
    (score, by_score.max(sure.unwrap_or(Severity::Info)))
}

impl Known for CaseView<'_> {
    fn principal_of(&self, operation: usize) -> Option<String> {
        let number = self.history().principal(operation)?;
        Some(format!("#{number}"))
    }

    fn principal_named(&self, caller: &str) -> Option<String> {
        let number = self.history().principal_named(caller)?;
        Some(format!("#{number}"))
    }

    fn fingerprint(&self, execution: usize) -> Option<String> {
        self.script_of(execution)?.norm_sha256.clone()
    }
}

/// The incidents of a case whose findings are complete, the worst first.
pub fn of_case(view: &CaseView<'_>, findings: &[Finding]) -> Vec<Incident> {
    let history = view.history();
    let ops = view.operations.iter().enumerate();
    let uses = ops.filter_map(|(at, op)| Some((op.ips.first()?.as_str(), history.principal(at)?)));
    let signed_in = view
        .identities()
        .iter()
        .filter_map(|one| Some((one.ip(view)?, history.actor_of(one.event)?)));
    let shared = shared_addresses(uses.chain(signed_in));
    let nodes = nodes(view.referred(), findings, view);
    incidents(view.referred(), findings, &nodes, &shared)
}

/// What names principals, addresses and scripts of a case, so that grouping knows no detector.
pub trait Known {
    /// One name for all spellings of who acted in an operation.
    fn principal_of(&self, operation: usize) -> Option<String>;
    /// The same for a caller that a finding names.
    fn principal_named(&self, caller: &str) -> Option<String>;
    /// The fingerprint of an execution's script.
    fn fingerprint(&self, execution: usize) -> Option<String>;
}

/// The nodes of these findings; what the allow-list suppressed belongs to no incident.
pub fn nodes(referred: Referred<'_>, findings: &[Finding], known: &impl Known) -> Vec<Node> {
    let counted = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.allowed_by.is_none());
    let mut vms: Seen<&str, Option<String>> = Seen::default();
    counted
        .map(|(at, finding)| {
            let operation = referred.operation(finding);
            let op = operation.and_then(|at| referred.operations.get(at));
            // The finding's own word comes first, as in what is shown of it.
            let by_name = finding.subject.caller.as_deref();
            let principal = match by_name {
                Some(caller) => known.principal_named(caller).or_else(|| Some(fold(caller))),
                None => operation.and_then(|at| known.principal_of(at)),
            };
            // A scale set's instance, a machine of Arc and a VM below a group: the id up to its name.
            let of_vm = |id: &ResourceId| id.vm().and_then(|_| id.vm_resource());
            let of_id = match finding.subject.resource.as_deref() {
                Some(own) => of_vm(&ResourceId::parse(own)),
                None => op.and_then(|op| op.resource.as_ref()).and_then(|id| {
                    let vm = vms.entry(id.folded.as_str());
                    vm.or_insert_with(|| of_vm(id)).clone()
                }),
            };
            let of_run = || {
                let mut runs = referred.executions(finding).filter_map(|(_, one)| one.run);
                runs.find_map(|run| referred.linked.resources.get(run)?.clone())
            };
            let of_host = || {
                let subject = referred.subject(finding);
                let host = subject.host.as_deref();
                host.map(|host| format!("//{}", host_label(host)))
            };
            let (first, last) = referred.time(finding);
            let span = first
                .or(last)
                .zip(last.or(first))
                .map(|(first, last)| (first.ns, last.ns.max(first.ns)));
            let mut fingerprints: Vec<String> = finding
                .executions
                .iter()
                .filter_map(|at| known.fingerprint(*at))
                .collect();
            fingerprints.sort_unstable();
            fingerprints.dedup();
            Node {
                finding: at,
                operations: finding.operations.clone(),
                executions: finding.executions.clone(),
                principal,
                vm: of_id.or_else(of_run).or_else(of_host),
                fingerprints,
                ip: finding
                    .subject
                    .ip
                    .clone()
                    .or_else(|| op.and_then(|op| op.ips.first().cloned())),
                span,
            }
        })
        .collect()
}

/// Addresses that too many principals use.
pub fn shared_addresses<'a>(uses: impl Iterator<Item = (&'a str, u32)>) -> BTreeSet<String> {
    let mut users: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (ip, principal) in uses {
        let of = users.entry(ip).or_default();
        if of.len() <= SHARED_ADDRESS {
            of.insert(principal);
        }
    }
    let shared = users
        .into_iter()
        .filter(|(_, of)| of.len() > SHARED_ADDRESS);
    shared.map(|(ip, _)| ip.to_owned()).collect()
}

/// The incidents, the worst first.
#[must_use]
pub fn incidents(
    referred: Referred<'_>,
    findings: &[Finding],
    nodes: &[Node],
    shared: &BTreeSet<String>,
) -> Vec<Incident> {
    let mut all: Vec<Incident> = components(nodes, shared)
        .into_iter()
        .map(|places| {
            let mut members: Vec<usize> = places
                .iter()
                .filter_map(|at| nodes.get(*at))
                .map(|node| node.finding)
                .collect();
            members.sort_unstable();
            let of: Vec<&Finding> = members.iter().filter_map(|at| findings.get(*at)).collect();
            let (score, severity) = weigh(&of);
            let times = || of.iter().map(|finding| referred.time(finding));
            Incident {
                severity,
                score,
                first: times()
                    .filter_map(|(first, _)| first)
                    .min_by_key(|time| time.ns),
                last: times()
                    .filter_map(|(_, last)| last)
                    .max_by_key(|time| time.ns),
                findings: members,
            }
        })
        .collect();
    all.sort_by_key(|incident| {
        (
            Reverse(incident.score),
            incident.first.map_or(i64::MAX, |first| first.ns),
            incident.findings.first().copied(),
        )
    });
    all
}

#[cfg(test)]
mod tests;
