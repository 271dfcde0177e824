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
//! belongs to no incident. Findings of Sigma rules are findings like others.
//!
//! Names are numbers here, given once to each name of the case. Each relation is one sorted sweep that joins neighbours in a union-find: of several findings in reach it is enough to join the one that ends last, since those
//! before it are joined already.
//!
//! Rejected: comparing every pair. A spray over a thousand machines is a million pairs.

use super::caller_profile::Actor;
use super::history::{History, Known};
use super::subject::Referred;
use super::{CaseView, Confidence, Finding, Severity};
use crate::identity::{ResourceId, fold, host_label};
use crate::time::{Instant, NS_PER_SECOND};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

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
pub struct Node<'a> {
    /// Operations by position.
    pub operations: &'a [usize],
    /// Executions by position.
    pub executions: &'a [usize],
    /// Who, by a number that is the same for all spellings.
    pub principal: Option<u32>,
    /// On which VM, or else guest, by number.
    pub vm: Option<u32>,
    /// Fingerprints of its scripts, by number.
    pub fingerprints: Vec<u32>,
    /// From which address, by number.
    pub ip: Option<u32>,
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

    /// Joins all that have the same key. Keys are places and small numbers.
    fn join_equal(&mut self, keys: impl Iterator<Item = (usize, usize)>) {
        let mut first: Vec<usize> = Vec::new();
        for (key, at) in keys {
            if first.len() <= key {
                first.resize(key + 1, usize::MAX);
            }
            match first.get_mut(key) {
                Some(one) if *one == usize::MAX => *one = at,
                Some(one) => self.join(*one, at),
                None => {}
            }
        }
    }

    /// Joins all that have the same key and lie within `window` of each other.
    fn join_near<'a>(
        &mut self,
        keys: impl Iterator<Item = (u32, &'a Node<'a>, usize)>,
        window: i64,
    ) {
        let mut of: Vec<Spans> = Vec::new();
        for (key, node, at) in keys {
            if let Some((first, last)) = node.span {
                let key = key as usize;
                if of.len() <= key {
                    of.resize(key + 1, Vec::new());
                }
                if let Some(spans) = of.get_mut(key) {
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

/// The components of these nodes, as lists of places, each in order of place; `shared` are the addresses that too many use.
#[must_use]
pub fn components(nodes: &[Node<'_>], shared: &BTreeSet<u32>) -> Vec<Vec<usize>> {
    let mut all = Components::new(nodes.len());
    let numbered = || nodes.iter().enumerate();
    all.join_equal(
        numbered().flat_map(|(at, node)| node.operations.iter().map(move |one| (*one, at))),
    );
    all.join_equal(
        numbered().flat_map(|(at, node)| node.executions.iter().map(move |one| (*one, at))),
    );
    all.join_equal(numbered().flat_map(|(at, node)| {
        let own = node.fingerprints.iter();
        own.map(move |one| (*one as usize, at))
    }));
    all.join_near(
        numbered().filter_map(|(at, node)| Some((node.principal?, node, at))),
        ACTOR_WINDOW,
    );
    all.join_near(
        numbered().filter_map(|(at, node)| Some((node.vm?, node, at))),
        VM_WINDOW,
    );
    all.join_near(
        numbered().filter_map(|(at, node)| {
            let ip = node.ip.filter(|ip| !shared.contains(ip))?;
            Some((ip, node, at))
        }),
        ACTOR_WINDOW,
    );
    let mut of_root = vec![usize::MAX; nodes.len()];
    let mut found: Vec<Vec<usize>> = Vec::new();
    for at in 0..nodes.len() {
        let root = all.root(at);
        let Some(slot) = of_root.get_mut(root) else {
            continue;
        };
        if *slot == usize::MAX {
            *slot = found.len();
            found.push(Vec::new());
        }
        if let Some(list) = found.get_mut(*slot) {
            list.push(at);
        }
    }
    found
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

/// What weighing and naming an incident needs of one finding, of a detector or a rule.
#[derive(Clone, Debug)]
pub struct Weight<'a> {
    /// The detector, or `sigma:` and the rule.
    pub detector: &'a str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// First instant, by the cloud's clock.
    pub first: Option<Instant>,
    /// Last instant.
    pub last: Option<Instant>,
}

/// Score and severity of findings that belong together.
#[must_use]
pub fn weigh(findings: &[&Weight<'_>]) -> (u32, Severity) {
    let mut worst: Vec<(&str, Severity)> = Vec::new();
    for finding in findings {
        match worst.iter_mut().find(|(id, _)| *id == finding.detector) {
            Some((_, severity)) => *severity = (*severity).max(finding.severity),
            None => worst.push((finding.detector, finding.severity)),
        }
    }
    let score = worst.iter().map(|(_, severity)| points(*severity)).sum();
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

/// What grouping needs of a case beside its findings. It is kept, because rules find more once their records were read again.
#[derive(Debug, Default)]
pub struct Grounds {
    history: History,
    /// Fingerprint of each execution's script.
    fingerprints: Known<usize, String>,
    /// Addresses that too many principals use.
    shared: BTreeSet<String>,
}

impl Grounds {
    /// Of this case; and its actors, which are kept as well.
    pub fn of(view: CaseView<'_>) -> (Self, Vec<Actor>) {
        let history = view.history();
        let ops = view.operations.iter().enumerate();
        let uses = ops.filter_map(|(at, op)| Some((&**op.ips.first()?, history.principal(at)?)));
        let signed_in = view
            .identities()
            .iter()
            .filter_map(|one| Some((one.ip(&view)?, history.actor_of(one.event)?)));
        let shared = shared_addresses(uses.chain(signed_in));
        let scripts = view.scripts().iter();
        let fingerprints = scripts
            .filter_map(|script| Some((script.execution, script.norm_sha256.clone()?)))
            .collect();
        let actors = view.drawn.actors.into_inner().unwrap_or_default();
        let grounds = Self {
            shared,
            fingerprints,
            history: view.drawn.history.into_inner().unwrap_or_default(),
        };
        (grounds, actors)
    }

    /// The incidents of a case with these findings; the worst first.
    #[must_use]
    pub fn incidents(&self, referred: Referred<'_>, findings: &[Finding]) -> Vec<Incident> {
        let mut names = Names {
            grounds: self,
            places: vec![None; self.history.resources()],
            vms: Known::default(),
            fingerprints: Known::default(),
            ips: Known::default(),
            callers: Known::default(),
        };
        // What the allow-list suppressed belongs to no incident.
        let counted = findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.allowed_by.is_none());
        let mut nodes: Vec<Node<'_>> = Vec::with_capacity(findings.len());
        let mut weights: Vec<(usize, Weight<'_>)> = Vec::with_capacity(nodes.capacity());
        for (at, finding) in counted {
            let (first, last) = referred.time(finding);
            nodes.push(names.of_finding(referred, finding, (first, last)));
            let weight = Weight {
                detector: &finding.detector,
                severity: finding.severity,
                confidence: finding.confidence,
                first,
                last,
            };
            weights.push((at, weight));
        }
        let shared = self.shared.iter();
        let shared: BTreeSet<u32> = shared
            .filter_map(|ip| names.ips.get(ip.as_str()).copied())
            .collect();
        incidents(&weights, components(&nodes, &shared))
    }
}

/// Numbers for the names that findings give.
struct Names<'a> {
    grounds: &'a Grounds,
    /// The VM of each resource, where it was asked for: no VM is a number too.
    places: Vec<Option<Option<u32>>>,
    vms: Known<Cow<'a, str>, u32>,
    fingerprints: Known<&'a str, u32>,
    ips: Known<&'a str, u32>,
    callers: Known<String, u32>,
}

fn next<K, V>(known: &Known<K, V>) -> u32 {
    u32::try_from(known.len()).unwrap_or(u32::MAX)
}

/// First and last in nanoseconds, where there is a time.
fn span((first, last): (Option<Instant>, Option<Instant>)) -> Option<(i64, i64)> {
    first
        .or(last)
        .zip(last.or(first))
        .map(|(first, last)| (first.ns, last.ns.max(first.ns)))
}

/// The VM of a resource id: a scale set's instance, a machine of Arc or a VM below a group, up to its name.
fn vm_of(id: &str) -> Option<String> {
    let id = ResourceId::parse(id);
    id.vm().and_then(|_| id.vm_resource())
}

impl<'a> Names<'a> {
    fn vm(&mut self, name: Cow<'a, str>) -> u32 {
        let number = next(&self.vms);
        *self.vms.entry(name).or_insert(number)
    }

    fn ip(&mut self, ip: &'a str) -> u32 {
        let number = next(&self.ips);
        *self.ips.entry(ip).or_insert(number)
    }

    /// The VM of an operation.
    fn vm_of_operation(&mut self, operation: usize) -> Option<u32> {
        let grounds = self.grounds;
        let place = grounds.history.place(operation)?;
        if let Some(known) = self.places.get(place as usize).copied().flatten() {
            return known;
        }
        let id = grounds.history.resource(place)?.vm_resource.as_deref();
        let number = id.map(|id| self.vm(Cow::Borrowed(id)));
        if let Some(slot) = self.places.get_mut(place as usize) {
            *slot = Some(number);
        }
        number
    }

    /// The VM of the first run among executions that belongs to one.
    fn vm_of_run(&mut self, referred: Referred<'a>, executions: &[usize]) -> Option<u32> {
        let mut runs = executions
            .iter()
            .filter_map(|at| referred.linked.executions.get(*at)?.run);
        let id = runs.find_map(|run| referred.linked.resources.get(run)?.as_deref())?;
        Some(self.vm(Cow::Borrowed(id)))
    }

    fn host(&mut self, host: &str) -> u32 {
        self.vm(Cow::Owned(format!("//{}", host_label(host))))
    }

    fn caller(&mut self, caller: &str) -> u32 {
        let history = &self.grounds.history;
        history.principal_named(caller).unwrap_or_else(|| {
            let number = history.principals_end().saturating_add(next(&self.callers));
            *self.callers.entry(fold(caller)).or_insert(number)
        })
    }

    fn fingerprints(&mut self, executions: &[usize]) -> Vec<u32> {
        if self.grounds.fingerprints.is_empty() {
            return Vec::new();
        }
        let mut numbers: Vec<u32> = Vec::new();
        for at in executions {
            if let Some(of) = self.grounds.fingerprints.get(at) {
                let number = next(&self.fingerprints);
                let number = self.fingerprints.entry(of.as_str()).or_insert(number);
                if !numbers.contains(number) {
                    numbers.push(*number);
                }
            }
        }
        numbers
    }

    fn of_finding(
        &mut self,
        referred: Referred<'a>,
        finding: &'a Finding,
        time: (Option<Instant>, Option<Instant>),
    ) -> Node<'a> {
        let operation = referred.operation(finding);
        // The finding's own word comes first, as in what is shown of it.
        let principal = match finding.subject.caller.as_deref() {
            Some(caller) => Some(self.caller(caller)),
            None => operation.and_then(|at| self.grounds.history.principal(at)),
        };
        let of_id = match finding.subject.resource.as_deref() {
            Some(own) => vm_of(own).map(|id| self.vm(Cow::Owned(id))),
            None => operation.and_then(|at| self.vm_of_operation(at)),
        };
        let vm = of_id
            .or_else(|| self.vm_of_run(referred, &finding.executions))
            .or_else(|| Some(self.host(referred.host(finding)?)));
        let of_operation = || {
            let op = referred.operations.get(operation?)?;
            op.ips.first().map(|ip| &**ip)
        };
        let ip = finding.subject.ip.as_deref().or_else(of_operation);
        Node {
            operations: &finding.operations,
            executions: &finding.executions,
            principal,
            vm,
            fingerprints: self.fingerprints(&finding.executions),
            ip: ip.map(|ip| self.ip(ip)),
            span: span(time),
        }
    }
}

/// Addresses that too many principals use.
pub fn shared_addresses<'a>(uses: impl Iterator<Item = (&'a str, u32)>) -> BTreeSet<String> {
    let mut users: Known<&str, Vec<u32>> = Known::default();
    for (ip, principal) in uses {
        let of = users.entry(ip).or_default();
        if of.len() <= SHARED_ADDRESS && !of.contains(&principal) {
            of.push(principal);
        }
    }
    let shared = users
        .into_iter()
        .filter(|(_, of)| of.len() > SHARED_ADDRESS);
    shared.map(|(ip, _)| ip.to_owned()).collect()
}

/// The incidents of these components, the worst first; each weight with its place among the findings.
#[must_use]
pub fn incidents(weights: &[(usize, Weight<'_>)], components: Vec<Vec<usize>>) -> Vec<Incident> {
    let mut all: Vec<Incident> = components
        .into_iter()
        .map(|places| {
            let of = || places.iter().filter_map(|at| weights.get(*at));
            let members: Vec<&Weight<'_>> = of().map(|(_, weight)| weight).collect();
            let (score, severity) = weigh(&members);
            let firsts = members.iter().filter_map(|one| one.first);
            let lasts = members.iter().filter_map(|one| one.last);
            Incident {
                severity,
                score,
                first: firsts.min_by_key(|time| time.ns),
                last: lasts.max_by_key(|time| time.ns),
                findings: of().map(|(at, _)| *at).collect(),
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
