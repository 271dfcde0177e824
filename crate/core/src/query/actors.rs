//! The actors for a view: who worked in this estate, at which hours, from where, and what was found of it.
//!
//! ```text
//! alex@contoso.example  user  41 operations  2 addresses  3 days   ▁▁▁▁▁▁▁▁█▇▆▂▅▆▇▃▁▁▁▁▁▁▁▁   2 findings, high
//! ```
//!
//! The figures are those of the `actors` of the case document; the hours are those in which the operations began (UTC).
//!
//! Rejected: one answer with everything. A service principal of a large estate has tens of thousands of operations, and the list needs their
//! count.

use super::findings::{FindingRow, finding_row};
use crate::case::Case;
use crate::detect::caller_profile::{Actor, ActorOperation};
use crate::severity::Severity;
use crate::time::{Instant, NS_PER_DAY};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one list inside an actor.
const MOST_ROWS: usize = 500;
const HOURS: usize = 24;

/// An actor as a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActorRow {
    /// Place among the actors of the case document.
    pub actor: usize,
    /// As first seen.
    pub caller: String,
    /// `user`, `application` or `unknown`.
    pub caller_kind: &'static str,
    /// Operations.
    pub operations: usize,
    /// Of those, run commands.
    pub run_commands: usize,
    /// Distinct addresses.
    pub ips: usize,
    /// First record.
    pub first: Option<String>,
    /// Last record.
    pub last: Option<String>,
    /// UTC days with a record.
    pub days: usize,
    /// Operations by the hour of the day (UTC) in which they began.
    pub hours: Vec<u32>,
    /// Findings on its operations.
    pub findings: usize,
    /// The worst of them.
    pub severity: Option<&'static str>,
}

/// One kind of operation of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownOperation {
    /// Operation id.
    pub operation: String,
    /// Operations.
    pub count: usize,
    /// Records.
    pub rows: usize,
    /// Distinct addresses.
    pub ips: usize,
    /// First record.
    pub first: Option<String>,
    /// Last record.
    pub last: Option<String>,
    /// UTC days with a record.
    pub days: usize,
    /// Midnights between first and last, at least one.
    pub days_delta: i64,
}

/// An address or a VM of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The address, or the VM's name.
    pub name: String,
    /// Operations from or on it.
    pub operations: usize,
    /// First of them.
    pub first: Option<String>,
    /// Last of them.
    pub last: Option<String>,
}

/// An actor in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActorDetail {
    /// As a row.
    pub row: ActorRow,
    /// Most frequent first.
    pub operations: Vec<ShownOperation>,
    /// Most used first.
    pub addresses: Vec<Place>,
    /// Most worked on first.
    pub vms: Vec<Place>,
    /// Worst first.
    pub findings: Vec<FindingRow>,
}

/// Findings by actor: how many, the worst, and which.
struct Found {
    of: Vec<Vec<usize>>,
}

impl Found {
    fn of(case: &Case) -> Self {
        let mut actor_of = vec![None; case.operations().len()];
        for (number, actor) in case.actors().iter().enumerate() {
            for at in actor.operations.iter().flat_map(|row| &row.members) {
                if let Some(slot) = actor_of.get_mut(*at) {
                    *slot = Some(number);
                }
            }
        }
        let mut of: Vec<Vec<usize>> = vec![Vec::new(); case.actors().len()];
        for (at, finding) in case.findings().iter().enumerate() {
            let operations = finding.operations.iter();
            let actors = operations.filter_map(|at| actor_of.get(*at).copied().flatten());
            for actor in actors.collect::<BTreeSet<usize>>() {
                if let Some(list) = of.get_mut(actor) {
                    list.push(at);
                }
            }
        }
        Self { of }
    }

    fn findings(&self, actor: usize) -> &[usize] {
        self.of.get(actor).map_or(&[], Vec::as_slice)
    }
}

fn text(time: Option<Instant>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn actor_row(case: &Case, number: usize, actor: &Actor, found: &Found) -> ActorRow {
    let mut hours = vec![0_u32; HOURS];
    let mut run_commands = 0;
    let mut days: BTreeSet<i64> = BTreeSet::new();
    for row in &actor.operations {
        days.extend(&row.days);
        for op in row
            .members
            .iter()
            .filter_map(|at| case.operations().get(*at))
        {
            run_commands += usize::from(op.family.is_run_command());
            let Some(started) = op.started else { continue };
            let hour = started.ns.rem_euclid(NS_PER_DAY) / (NS_PER_DAY / 24);
            if let Some(slot) = usize::try_from(hour).ok().and_then(|at| hours.get_mut(at)) {
                *slot += 1;
            }
        }
    }
    let findings = found.findings(number);
    let worst = findings.iter().filter_map(|at| case.findings().get(*at));
    ActorRow {
        actor: number,
        caller: actor.caller.clone(),
        caller_kind: actor.kind.word(),
        operations: actor.operations.iter().map(|row| row.count).sum(),
        run_commands,
        ips: actor.ips.len(),
        first: text(actor.first),
        last: text(actor.last),
        days: days.len(),
        hours,
        findings: findings.len(),
        severity: worst.map(|one| one.severity).max().map(Severity::word),
    }
}

/// Every actor: who has the worst findings first, then who has most operations.
#[must_use]
pub fn actors(case: &Case) -> Vec<ActorRow> {
    let found = Found::of(case);
    let mut rows: Vec<(Option<Severity>, ActorRow)> = Vec::new();
    for (number, actor) in case.actors().iter().enumerate() {
        let findings = found.findings(number).iter();
        let findings = findings.filter_map(|at| case.findings().get(*at));
        let worst = findings.map(|one| one.severity).max();
        rows.push((worst, actor_row(case, number, actor, &found)));
    }
    // Stable: equals stay by their first record.
    rows.sort_by_key(|(worst, row)| (Reverse(*worst), Reverse(row.operations)));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn operation(row: &ActorOperation) -> ShownOperation {
    ShownOperation {
        operation: row.operation.clone(),
        count: row.count,
        rows: row.rows,
        ips: row.ips.len(),
        first: text(row.first),
        last: text(row.last),
        days: row.days.len(),
        days_delta: row.days_delta(),
    }
}

/// How often, first and last.
type Counted = (usize, Option<Instant>, Option<Instant>);

fn counted(places: BTreeMap<String, Counted>) -> Vec<Place> {
    let mut list: Vec<Place> = places
        .into_iter()
        .map(|(name, (operations, first, last))| Place {
            name,
            operations,
            first: text(first),
            last: text(last),
        })
        .collect();
    // Stable: equals stay by name.
    list.sort_by_key(|place| Reverse(place.operations));
    list.truncate(MOST_ROWS);
    list
}

/// One actor in full.
#[must_use]
pub fn actor(case: &Case, number: usize) -> Option<ActorDetail> {
    let actor = case.actors().get(number)?;
    let found = Found::of(case);
    let mut addresses: BTreeMap<String, Counted> = BTreeMap::new();
    let mut vms: BTreeMap<String, Counted> = BTreeMap::new();
    let mut members: Vec<usize> = actor
        .operations
        .iter()
        .flat_map(|row| row.members.iter().copied())
        .collect();
    // Operations stand in time order.
    members.sort_unstable();
    for op in members.iter().filter_map(|at| case.operations().get(*at)) {
        let count = |places: &mut BTreeMap<String, Counted>, name: &str| {
            let (operations, first, last) = places.entry(name.to_owned()).or_default();
            *operations += 1;
            *first = first.or(op.started);
            *last = op.started.or(*last);
        };
        for ip in &op.ips {
            count(&mut addresses, ip);
        }
        if let Some(vm) = op.vm() {
            count(&mut vms, &vm);
        }
    }
    let mut findings: Vec<usize> = found.findings(number).to_vec();
    findings.sort_by_key(|at| Reverse(case.findings().get(*at).map(|one| one.severity)));
    findings.truncate(MOST_ROWS);
    Some(ActorDetail {
        row: actor_row(case, number, actor, &found),
        operations: actor
            .operations
            .iter()
            .take(MOST_ROWS)
            .map(operation)
            .collect(),
        addresses: counted(addresses),
        vms: counted(vms),
        findings: findings
            .into_iter()
            .filter_map(|at| finding_row(case, at))
            .collect(),
    })
}
