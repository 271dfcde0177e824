//! # Almost every command differs
//!
//! ## What it finds
//! Episodes of Run Commands of one principal from one address on one VM in which more than `distinct_percent` of the scripts differ. A pause longer than
//! `gap_minutes` between two starts begins a new episode. Scripts are compared by their normalised text where it is known for all of the episode, else by
//! size. `low` for two to four commands, `medium` from five on, `high` from ten on where one of them failed.
//!
//! ## Why it matters
//! A deployment repeats itself. Somebody who explores sends another script each time (T1651, T1059).
//!
//! ## Parameters
//! `distinct_percent` (80; 0 to 100; strict), `gap_minutes` (60; 1 to 43,200), `least_executions` (2; 2 to 1000). `published` (no): as in the published query, all commands of
//! principal, address and VM are one episode, size stands in for content, and rows joined as published are counted, copies included.
//!
//! ## Known false positives
//! Generated scripts that embed a time or a token: the normalised text of those differs each time.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; AZT301.1.

use super::history::NS_PER_MINUTE;
use super::scripts::Source;
use super::{
    CaseView, Confidence, Detector, Finding, Severity, counted, figures, lasting, mode,
    needs_operations, seconds, target, who,
};
use crate::event::fact::RunState;
use crate::reconstruct::operations::OperationOutcome;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "script-volatility",
    not_assessed: needs_content,
    run,
};

/// From so many commands on it is more than a few tries.
const MANY: usize = 5;
/// From so many on, with a failure, somebody works at it.
const WORK: usize = 10;

/// One command with what is known of its script.
#[derive(Clone, Debug)]
struct Member {
    operation: usize,
    start: i64,
    failed: bool,
    norm: Option<String>,
    size: Option<u64>,
}

/// Who, from where, on which VM.
type Group = (Option<u32>, Option<Arc<str>>, Option<u32>);

/// The run commands of which the guest says something, with their scripts.
fn members(view: &CaseView<'_>) -> (BTreeMap<Group, Vec<Member>>, usize) {
    let mut groups: BTreeMap<Group, Vec<Member>> = BTreeMap::new();
    let mut unknown = 0;
    let published = view.settings.endpoint.volatility.published;
    let joins = published.then(|| super::script_file_join::published_joins(view));
    if let Some(joins) = joins {
        for join in &joins.joined {
            let size = joins.files.get(join.file).and_then(|file| file.size);
            let (Some(member), Some(size)) = (member(view, join.operation), size) else {
                continue;
            };
            let size = Some(size);
            let member = Member { size, ..member };
            groups
                .entry(group(view, join.operation))
                .or_default()
                .push(member);
        }
        return (groups, 0);
    }
    for (at, op) in view.operations.iter().enumerate() {
        if !op.family.is_run_command() {
            continue;
        }
        let execution = view.execution_of(at);
        let run = execution.and_then(|at| view.linked.executions.get(at)?.run);
        let file = view.joins().of_operation(at);
        if run.is_none() && file.is_none() {
            continue;
        }
        let script = execution.and_then(|at| view.script_of(at));
        let norm = script
            .filter(|script| script.source != Source::CommandLines)
            .and_then(|script| script.norm_sha256.clone());
        let of_run = run.and_then(|at| Some(view.runs.get(at)?.script.as_ref()?.bytes));
        let size = of_run.or_else(|| file.and_then(|file| file.size));
        let Some(member) = member(view, at) else {
            continue;
        };
        if norm.is_none() && size.is_none() {
            unknown += 1;
            continue;
        }
        groups.entry(group(view, at)).or_default().push(Member {
            norm,
            size,
            ..member
        });
    }
    (groups, unknown)
}

fn group(view: &CaseView<'_>, operation: usize) -> Group {
    let op = view.operations.get(operation);
    let history = view.history();
    (
        history.principal(operation),
        op.and_then(|op| op.ips.first().cloned()),
        history.vm(operation),
    )
}

fn member(view: &CaseView<'_>, operation: usize) -> Option<Member> {
    let op = view.operations.get(operation)?;
    let run = view
        .execution_of(operation)
        .and_then(|at| view.linked.executions.get(at)?.run);
    let on_guest = run.and_then(|at| view.runs.get(at)).is_some_and(|run| {
        run.state == RunState::Failed || run.exit_code.is_some_and(|code| code != 0)
    });
    Some(Member {
        operation,
        start: op.started?.ns,
        failed: op.outcome == OperationOutcome::Failed || on_guest,
        norm: None,
        size: None,
    })
}

fn needs_content(view: &CaseView<'_>) -> Option<String> {
    needs_operations(view).or_else(|| {
        let (groups, _) = members(view);
        groups.is_empty().then(|| {
            "not-assessed: of no run command both the operation and the script's text or size are known"
                .to_owned()
        })
    })
}

/// Commands whose script nothing tells.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let (_, unknown) = members(view);
    (unknown > 0).then(|| {
        format!(
            "not-assessed for {}: neither text nor size of the script is known",
            counted(unknown, "run command")
        )
    })
}

/// How many differ, and by what that was told.
fn distinct(episode: &[Member], by_size: bool) -> Option<(usize, &'static str)> {
    let norms: BTreeSet<&str> = episode
        .iter()
        .filter_map(|one| one.norm.as_deref())
        .collect();
    if !by_size && episode.iter().all(|one| one.norm.is_some()) {
        return Some((norms.len(), "text"));
    }
    let sizes: BTreeSet<u64> = episode.iter().filter_map(|one| one.size).collect();
    episode
        .iter()
        .all(|one| one.size.is_some())
        .then_some((sizes.len(), "size"))
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.endpoint.volatility;
    let gap = settings.gap_minutes * NS_PER_MINUTE;
    let (groups, _) = members(view);
    let mut findings = Vec::new();
    for mut of_group in groups.into_values() {
        of_group.sort_by_key(|one| (one.start, one.operation));
        let episodes =
            of_group.chunk_by(|one, next| settings.published || next.start - one.start <= gap);
        findings.extend(episodes.filter_map(|episode| finding(view, episode)));
    }
    findings
}

fn finding(view: &CaseView<'_>, episode: &[Member]) -> Option<Finding> {
    let settings = &view.settings.endpoint.volatility;
    let n = episode.len();
    let least = usize::try_from(settings.least_executions).unwrap_or(usize::MAX);
    if n <= 1 || n < least {
        return None;
    }
    let (d, by) = distinct(episode, settings.published)?;
    let percent = usize::try_from(settings.distinct_percent).unwrap_or(100);
    if d.saturating_mul(100) <= percent.saturating_mul(n) {
        return None;
    }
    let failed = episode.iter().filter(|one| one.failed).count();
    let severity = if n >= WORK && failed > 0 {
        Severity::High
    } else if n >= MANY {
        Severity::Medium
    } else {
        Severity::Low
    };
    let first = episode.first()?;
    let last = episode.last()?;
    let op = view.operations.get(first.operation)?;
    let mut operations: Vec<usize> = episode.iter().map(|one| one.operation).collect();
    operations.dedup();
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: if by == "text" {
            Confidence::High
        } else {
            Confidence::Medium
        },
        title: "Almost every command differs".into(),
        summary: format!(
            "{d} of {} of {} on {} within {} carried different scripts, told apart by {by}.",
            counted(n, "command"),
            who(op),
            target(op),
            lasting(last.start - first.start),
        )
        .into(),
        operations,
        values: figures(json!({
            "n": n,
            "d": d,
            "by": by,
            "failed": failed,
            "span": seconds(last.start - first.start),
            "mode": mode(settings.published),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651", "T1059"]),
        ..Finding::default()
    })
}
