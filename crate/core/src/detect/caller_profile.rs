//! # What a principal did, where from, since when
//!
//! ## What it finds
//! For each principal a table of its operations: how many, from which addresses, first and last, on how many days; it is the `actors` list
//! of the case document. A finding is a curated operation or a Run Command that makes up at most `share_permille` of the work of
//! a principal with at least `least_operations` operations. It is `medium` where none of its addresses occurs in the principal's
//! other work, and `high` where it is a Run Command as well.
//!
//! ## Why it matters
//! A stolen account does something that its owner never does, mostly from elsewhere (T1078.004).
//!
//! ## Parameters
//! `least_operations` (20; 5 to 10000), `share_permille` (50; 0 to 500 thousandths), `published` (no): rows are counted instead of
//! operations, so that a long-running operation weighs two to four times a short one.
//!
//! ## Known false positives
//! New duties, break-glass use.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity".

use super::history::{Known, boundaries, day};
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures, mode,
    needs_operations, sensitive_operation,
};
use crate::event::intern::Symbol;
use crate::identity::CallerKind;
use crate::reconstruct::operations::{Operation, OperationFamily};
use crate::time::{Instant, NS_PER_DAY};
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "caller-profile",
    not_assessed: needs_operations,
    run,
};

/// How many other operations a finding names.
const OTHERS: usize = 5;

/// One kind of operation in a principal's work.
#[derive(Clone, Debug, Default)]
pub struct ActorOperation {
    /// Folded operation.
    pub operation: String,
    /// Greatest category text.
    pub category: Option<String>,
    /// Operations.
    pub count: usize,
    /// Rows.
    pub rows: usize,
    /// Distinct addresses.
    pub ips: BTreeSet<String>,
    /// First row.
    pub first: Option<Instant>,
    /// Last row.
    pub last: Option<Instant>,
    /// UTC days with a row.
    pub days: BTreeSet<i64>,
    /// The operations, by place.
    pub members: Vec<usize>,
}

impl ActorOperation {
    /// Midnights between first and last, at least one: the published figure.
    #[must_use]
    pub fn days_delta(&self) -> i64 {
        let crossed = self
            .first
            .zip(self.last)
            .map_or(0, |(first, last)| boundaries(last.ns, first.ns, NS_PER_DAY));
        crossed.max(1)
    }

    fn take(&mut self, at: usize, op: &Operation, last: &mut Last) {
        self.count += 1;
        self.rows += op.rows.len();
        self.members.push(at);
        // Mostly the same address as before, and the same day.
        if op.ips.len() != 1 || last.ip != op.symbols.ip {
            for ip in &op.ips {
                if !self.ips.contains(&**ip) {
                    self.ips.insert(ip.to_string());
                }
            }
            last.ip = op.symbols.ip;
        }
        if self.category.as_deref() < op.category.as_deref() {
            self.category = op.category.as_deref().map(str::to_owned);
        }
        (self.first, self.last) = widened((self.first, self.last), op);
        for time in op.rows.iter().filter_map(|row| row.at) {
            let on = day(time.ns);
            if last.day != Some(on) {
                self.days.insert(on);
                last.day = Some(on);
            }
        }
    }
}

/// What was noted last, so that it is not noted again.
#[derive(Default)]
struct Last {
    ip: Symbol,
    day: Option<i64>,
}

/// A principal and its work.
#[derive(Clone, Debug)]
pub struct Actor {
    /// As first seen.
    pub caller: String,
    /// What kind of identity.
    pub kind: CallerKind,
    /// Distinct addresses, in the order of their first use.
    pub ips: Vec<String>,
    /// First row.
    pub first: Option<Instant>,
    /// Last row.
    pub last: Option<Instant>,
    /// Most frequent first, then by name.
    pub operations: Vec<ActorOperation>,
}

fn widened(
    span: (Option<Instant>, Option<Instant>),
    op: &Operation,
) -> (Option<Instant>, Option<Instant>) {
    let (first, last) = span;
    let sooner = [first, op.started].into_iter().flatten();
    let later = [last, op.ended].into_iter().flatten();
    (
        sooner.min_by_key(|time| time.ns),
        later.max_by_key(|time| time.ns),
    )
}

/// Every principal of the case, by first record.
#[must_use]
pub fn actors(view: &CaseView<'_>) -> Vec<Actor> {
    let history = view.history();
    let published = view.settings.control_plane.profile.published;
    let mut place: Known<u32, usize> = Known::default();
    type Work = (
        Actor,
        Known<Symbol, ()>,
        Known<Symbol, (ActorOperation, Last)>,
    );
    let mut work: Vec<Work> = Vec::new();
    // Addresses beyond the first have no number of their own here.
    let mut further: Known<(usize, &str), ()> = Known::default();
    for (at, op) in view.operations.iter().enumerate() {
        let (Some(principal), Some(caller)) = (
            history.principal(at),
            op.caller.as_ref().or(op.principal.as_ref()),
        ) else {
            continue;
        };
        // Operations come in time order, so actors do.
        let slot = *place.entry(principal).or_insert_with(|| {
            let actor = Actor {
                caller: caller.to_string(),
                kind: CallerKind::Unknown,
                ips: Vec::new(),
                first: None,
                last: None,
                operations: Vec::new(),
            };
            work.push((actor, Known::default(), Known::default()));
            work.len() - 1
        });
        let Some((actor, ips, operations)) = work.get_mut(slot) else {
            continue;
        };
        if actor.kind == CallerKind::Unknown {
            actor.kind = op.caller_kind;
        }
        if op.ips.len() > 1 || !op.ips.is_empty() && ips.insert(op.symbols.ip, ()).is_none() {
            for ip in &op.ips {
                if further.insert((slot, ip), ()).is_none() {
                    actor.ips.push(ip.to_string());
                }
            }
        }
        (actor.first, actor.last) = widened((actor.first, actor.last), op);
        let (row, last) = operations.entry(op.symbols.operation).or_default();
        if row.count == 0 {
            row.operation = op.operation.to_string();
        }
        row.take(at, op, last);
    }
    let finished = work.into_iter().map(|(mut actor, _, operations)| {
        actor.operations = operations.into_values().map(|(row, _)| row).collect();
        let by_name =
            |one: &ActorOperation, other: &ActorOperation| one.operation.cmp(&other.operation);
        actor.operations.sort_unstable_by(by_name);
        // Stable: equals stay by name.
        actor
            .operations
            .sort_by_key(|row| std::cmp::Reverse(weight(row, published)));
        actor
    });
    finished.collect()
}

/// How much an operation counts in a profile.
fn weight(row: &ActorOperation, published: bool) -> usize {
    if published { row.rows } else { row.count }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.profile;
    let least = usize::try_from(settings.least_operations).unwrap_or(usize::MAX);
    let share = usize::try_from(settings.share_permille).unwrap_or(0);
    let mut findings = Vec::new();
    for actor in view.actors() {
        let weight = |row: &ActorOperation| weight(row, settings.published);
        let total: usize = actor.operations.iter().map(weight).sum();
        if total < least {
            continue;
        }
        // In how many kinds of operation each address occurs.
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for ip in actor.operations.iter().flat_map(|row| &row.ips) {
            *seen.entry(ip).or_default() += 1;
        }
        for row in &actor.operations {
            let is_run_command = OperationFamily::of(&row.operation).is_run_command();
            let watched = is_run_command || sensitive_operation::is_curated(&row.operation);
            if !watched || weight(row) * 1000 > share * total {
                continue;
            }
            let own = |ip: &String| seen.get(ip.as_str()) == Some(&1);
            let foreign = !row.ips.is_empty() && row.ips.iter().all(own);
            let others: Vec<_> = actor
                .operations
                .iter()
                .filter(|other| other.operation != row.operation)
                .take(OTHERS)
                .map(|other| json!({ "operation": other.operation, "ops": other.count }))
                .collect();
            let part = weight(row) as f64 / total as f64;
            let from = match (foreign, row.ips.first()) {
                (true, Some(ip)) if row.ips.len() == 1 => {
                    format!(", from {ip}, where nothing else came from")
                }
                (true, _) => ", from addresses where nothing else came from".to_owned(),
                _ => String::new(),
            };
            let foreign_ips = if foreign {
                row.ips.clone()
            } else {
                BTreeSet::new()
            };
            findings.push(Finding {
                detector: Cow::Borrowed(DETECTOR.id),
                severity: match (foreign, is_run_command) {
                    (true, true) => Severity::High,
                    (true, false) => Severity::Medium,
                    _ => Severity::Low,
                },
                confidence: Confidence::Medium,
                baseline: Baseline::NotApplicable,
                title: "Operation does not fit its caller".into(),
                summary: format!(
                    "{} performed {} {} among {} ({:.1} %){from}.",
                    actor.caller,
                    row.operation,
                    counted(weight(row), "time"),
                    counted(
                        total,
                        if settings.published {
                            "row"
                        } else {
                            "operation"
                        }
                    ),
                    part * 100.0
                )
                .into(),
                operations: row.members.clone(),
                values: figures(json!({
                    "operation": row.operation,
                    "category": row.category,
                    "rows": row.rows,
                    "ops": row.count,
                    "total": total,
                    "share": part,
                    "ip_count": row.ips.len(),
                    "days_delta": row.days_delta(),
                    "active_days": row.days.len(),
                    "foreign_ip": foreign,
                    "foreign_ips": foreign_ips,
                    "others": others,
                    "mode": mode(settings.published),
                }))
                .into(),
                attack: Cow::Borrowed(&["T1078.004"]),
                ..Finding::default()
            });
        }
    }
    findings
}
