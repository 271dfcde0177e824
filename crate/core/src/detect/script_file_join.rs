//! # Script file written during a run command
//!
//! ## What it finds
//! Each script file that the handler wrote on a guest while a successful Run Command of its VM ran, with the operation that it belongs to: caller, address,
//! number, size, hash, writer. One file belongs to one operation and one operation to one file: the best set of pairs that keeps the order of numbers is
//! taken, not the nearest pair. Writes of one file within `merge_seconds` are one, since the sensor reports the file while it grows; the last one counts. Times
//! of the guest are corrected by its clock's offset. What stays alone on either side stands under *Searched*.
//!
//! ## Why it matters
//! The file's hash and size are the only trace of a script that is gone; this says who asked for it (T1651, T1059.001).
//!
//! ## Parameters
//! `tolerance_seconds` (120; 0 to 3600): how far outside the operation a write may lie, both ends included. `merge_seconds` (5; 0 to 60). The list
//! `script-writers` names further programs that write scripts for a handler. `published` (no): as in the published query, names of VM and device are compared letter by
//! letter, nothing is tolerated and nothing merged, and every write in an operation's time is joined with every operation at that time. The query's literal
//! spellings of status and operation are not repeated: the folded operation no longer tells them apart.
//!
//! ## Known false positives
//! None of weight: it is context for other findings. Two commands within seconds on a guest whose clock is off may be exchanged.
//!
//! ## Sources
//! MSTIC "Investigating suspicious Azure activity"; Sentinel `AzureRunCommandMDELinked`; its issue 11686; AZT301.1.

use super::machines::ns;
use super::{
    CaseView, Confidence, Detector, Finding, Severity, Subject, away, counted, figures, mode,
    needs_operations, seconds, target, who,
};
use crate::case::store::EventNumber;
use crate::evidence::layout::{Family, Os, family_of};
use crate::identity::{fold, host_label};
use crate::reconstruct::guests::FileWrite;
use crate::reconstruct::links::assign::{self, Candidate, Worth};
use crate::reconstruct::links::features::POINT;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::record::run_mention;
use crate::time::Instant;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "script-file-join",
    not_assessed: needs_writes,
    run,
};

/// A number that falls by more time than this is a counter that began again.
const RESET_GAP: i64 = 60;
/// Operations that are weighed for one file at most: of more at one time on one VM none could be told from another.
const MOST_CANDIDATES: usize = 64;
/// Operations that are looked at for one file at most.
const MOST_LOOKED_AT: usize = 4096;
/// Names shown of what stays alone.
const SHOWN: usize = 8;

/// A script file that a handler wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Place among the guest's file writes; of several writes the last.
    pub write: usize,
    /// Which feature's handler wrote it.
    pub family: Family,
    /// Managed run-command name, folded.
    pub name: Option<String>,
    /// Its number.
    pub number: Option<i64>,
    /// When, by the cloud's clock.
    pub time: i64,
    /// Size; of the last write that told one.
    pub size: Option<u64>,
    /// SHA-256; of the last write that told one.
    pub sha256: Option<String>,
    /// All its writes.
    pub events: Vec<EventNumber>,
}

/// A file and its operation.
#[derive(Clone, Debug)]
pub struct Join {
    /// Place of the operation.
    pub operation: usize,
    /// The file, by place among those written.
    pub file: usize,
    /// Whether nothing else fitted either.
    pub only: bool,
}

/// Files, and what was joined with them.
#[derive(Debug, Default)]
pub struct Joins {
    /// By guest and time.
    pub files: Vec<Written>,
    /// By operation.
    pub joined: Vec<Join>,
    /// Operations on VMs whose files are known, that stay alone.
    pub alone: Vec<usize>,
}

impl Joins {
    /// The file of an operation.
    #[must_use]
    pub fn of_operation(&self, operation: usize) -> Option<&Written> {
        let at = self
            .joined
            .binary_search_by_key(&operation, |join| join.operation)
            .ok()?;
        self.files.get(self.joined.get(at)?.file)
    }
}

fn needs_writes(view: &CaseView<'_>) -> Option<String> {
    needs_operations(view).or_else(|| {
        view.joins().files.is_empty().then(|| {
            "not-assessed: no record of a script file that a handler wrote is loaded".to_owned()
        })
    })
}

/// N of `script<N>.ps1`.
fn number_of(name: &str) -> Option<i64> {
    let folded = name.to_ascii_lowercase();
    let digits = folded.strip_prefix("script")?.strip_suffix(".ps1")?;
    ((1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

fn file_name(path: &str) -> String {
    fold(path.rsplit(['/', '\\']).next().unwrap_or(path))
}

/// Whether a handler's own program wrote it, or one that the analyst named.
fn is_writer(view: &CaseView<'_>, writer: &str) -> bool {
    let name = file_name(writer);
    let in_handler = || {
        let mut parts = writer.split(['/', '\\']);
        parts.any(|part| {
            let full = part.rsplit_once('-').map_or(part, |(handler, _)| handler);
            family_of(part).or_else(|| family_of(full)).is_some()
        })
    };
    ["run-command-extension", "run-command-handler"].contains(&name.as_str())
        || in_handler()
        || view.lists.script_writers.contains(&name)
}

/// Which feature, name and number a write belongs to.
fn place(view: &CaseView<'_>, write: &FileWrite) -> Option<(Family, Option<String>, Option<i64>)> {
    let by_action = file_name(&write.writer) == "runcommandextension.exe";
    let mention = run_mention::of_path(&write.path);
    if by_action && let Some(number) = number_of(&write.name) {
        let family = mention.map_or(Family::Action, |found| found.family);
        return Some((family, None, Some(number)));
    }
    if !is_writer(view, &write.writer) {
        return None;
    }
    let named = number_of(&write.name);
    match mention {
        Some(found) if found.os == Os::Windows && found.family == Family::Action => {
            Some((Family::Action, None, Some(named?)))
        }
        Some(found) if found.family != Family::Extension => Some((
            found.family,
            found.name.as_deref().map(fold),
            Some(found.sequence),
        )),
        _ => Some((Family::Action, None, Some(named?))),
    }
}

/// The files, repeated writes taken together; by guest, then by time.
fn files(view: &CaseView<'_>, merge: i64, corrected: bool) -> Vec<Written> {
    type Key<'a> = (&'a str, Family, Option<String>, Option<i64>);
    let mut all: Vec<Written> = Vec::new();
    let mut last: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for (at, write) in view.guests.file_writes.iter().enumerate() {
        if !(view.counts)(write.event) {
            continue;
        }
        let Some((family, name, number)) = place(view, write) else {
            continue;
        };
        let time = if corrected {
            view.machines().offset(&write.label).cloud(write.time)
        } else {
            write.time
        };
        let key = (write.label.as_str(), family, name.clone(), number);
        let before = last.get(&key).and_then(|at| all.get_mut(*at));
        if let Some(file) = before.filter(|file| merge >= 0 && time - file.time <= merge) {
            file.write = at;
            file.time = time;
            file.size = write.size.or(file.size);
            file.sha256 = write.sha256.clone().or_else(|| file.sha256.take());
            file.events.push(write.event);
            continue;
        }
        last.insert(key, all.len());
        all.push(Written {
            write: at,
            family,
            name,
            number,
            time,
            size: write.size,
            sha256: write.sha256.clone(),
            events: vec![write.event],
        });
    }
    all
}

/// Whether an operation may have led to a file of this feature and name.
fn fits(op: &Operation, file: &Written) -> bool {
    match file.family {
        Family::Action => op.family == OperationFamily::Action,
        Family::Managed | Family::Immediate => {
            let named = op.resource.as_ref().and_then(|id| id.child());
            op.family == OperationFamily::Managed
                && (file.name.is_none() || named.is_none() || named == file.name)
        }
        Family::Extension => false,
    }
}

/// Start and end of a successful run command.
fn times(op: &Operation) -> Option<(i64, i64)> {
    let start = op.started?.ns;
    let end = op.ended.map_or(start, |time| time.ns);
    (op.outcome == OperationOutcome::Succeeded && op.family.is_run_command())
        .then_some((start, end))
}

/// Files in order of number, a counter that began again behind its former self.
fn in_order(files: &[Written], mut group: Vec<usize>) -> Vec<usize> {
    let of = |at: usize| {
        files
            .get(at)
            .map_or((0, 0), |one| (one.number.unwrap_or(0), one.time))
    };
    group.sort_by_key(|at| (of(*at).1, *at));
    let mut block = 0_usize;
    let mut greatest: Option<(i64, i64)> = None;
    let mut keyed: Vec<((usize, i64, i64), usize)> = Vec::new();
    for at in group {
        let (number, time) = of(at);
        if greatest.is_some_and(|(most, then)| number < most && time - then > ns(RESET_GAP)) {
            block += 1;
            greatest = None;
        }
        if greatest.is_none_or(|(most, _)| number >= most) {
            greatest = Some((number, time));
        }
        keyed.push(((block, number, time), at));
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, at)| at).collect()
}

/// The run that linking gave to an operation, where it has this file's number on this guest.
fn is_linked(view: &CaseView<'_>, operation: usize, file: &Written, label: &str) -> bool {
    let execution = view.execution_of(operation);
    let run = execution.and_then(|at| view.linked.executions.get(at)?.run);
    run.and_then(|at| Some((view.label(at), view.runs.get(at)?)))
        .is_some_and(|(of, run)| {
            of == label
                && run.family == file.family
                && run.sequence.is_some()
                && run.sequence == file.number
        })
}

/// All joins of the case (detectors 16).
pub(super) fn joins(view: &CaseView<'_>) -> Joins {
    let settings = &view.settings.endpoint.file_join;
    let tolerance = ns(settings.tolerance_seconds);
    let files = files(view, ns(settings.merge_seconds), true);
    // Guests that are known to be a VM choose first: a namesake takes nothing of theirs.
    let mut by_label: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        let label = view
            .guests
            .file_writes
            .get(file.write)
            .map_or("", |write| write.label.as_str());
        let unknown = view.machines().resource(label).is_none();
        by_label.entry((unknown, label)).or_default().push(at);
    }
    let mut joined: Vec<Join> = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut looked_at: BTreeSet<usize> = BTreeSet::new();
    for ((_, label), of_label) in by_label {
        let commands: Vec<usize> = view
            .machines()
            .run_commands(view.history(), label)
            .into_iter()
            .filter(|at| !taken.contains(at))
            .filter(|at| view.operations.get(*at).and_then(times).is_some())
            .collect();
        let mut groups: BTreeMap<(Family, Option<&str>), Vec<usize>> = BTreeMap::new();
        for at in of_label {
            if let Some(file) = files.get(at) {
                groups
                    .entry((file.family, file.name.as_deref()))
                    .or_default()
                    .push(at);
            }
        }
        for group in groups.into_values() {
            let fit: Vec<usize> = commands
                .iter()
                .copied()
                .filter(|at| !taken.contains(at))
                .filter(|at| {
                    let op = view.operations.get(*at);
                    let file = group.first().and_then(|first| files.get(*first));
                    op.zip(file).is_some_and(|(op, file)| fits(op, file))
                })
                .collect();
            // Before the first file and behind the last nothing says that a file would have been seen.
            let seen = |at: &usize| files.get(*at).map(|file| file.time);
            let first = group.iter().filter_map(seen).min().unwrap_or(i64::MAX);
            let last = group.iter().filter_map(seen).max().unwrap_or(i64::MIN);
            looked_at.extend(fit.iter().copied().filter(|at| {
                let span = view.operations.get(*at).and_then(times);
                span.is_some_and(|(start, end)| first <= end && start <= last)
            }));
            let pairs = best(
                view,
                &files,
                &fit,
                in_order(&files, group),
                tolerance,
                label,
            );
            taken.extend(pairs.iter().map(|join| join.operation));
            joined.extend(pairs);
        }
    }
    joined.sort_by_key(|join| join.operation);
    let alone = looked_at.difference(&taken).copied().collect();
    Joins {
        files,
        joined,
        alone,
    }
}

/// The best pairs of one guest's operations and files of one counter, both in order.
fn best(
    view: &CaseView<'_>,
    files: &[Written],
    operations: &[usize],
    ordered: Vec<usize>,
    tolerance: i64,
    label: &str,
) -> Vec<Join> {
    // By start, then by correlation id, as linking orders them.
    let mut asked: Vec<(i64, Option<&str>, i64, usize)> = operations
        .iter()
        .filter_map(|at| {
            let op = view.operations.get(*at)?;
            let (start, end) = times(op)?;
            Some((start, op.correlation.as_deref(), end, *at))
        })
        .collect();
    asked.sort_unstable();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (ran, at) in ordered.iter().enumerate() {
        let Some(file) = files.get(*at) else { continue };
        let behind =
            asked.partition_point(|(start, ..)| *start <= file.time.saturating_add(tolerance));
        let near = asked.get(..behind).unwrap_or_default();
        let fitting = near
            .iter()
            .enumerate()
            .rev()
            .take(MOST_LOOKED_AT)
            .filter(|(_, (_, _, end, _))| end.saturating_add(tolerance) >= file.time)
            .take(MOST_CANDIDATES);
        for (place, (start, _, end, operation)) in fitting {
            let distance = (*start - file.time).max(file.time - *end).max(0);
            // 25 points for the machine and up to 30 for the time, as linking counts them; the number that linking found decides.
            let near = 30 * POINT
                - (30 * POINT).saturating_mul(distance / 1_000_000)
                    / (tolerance / 1_000_000).max(1);
            let linked = if is_linked(view, *operation, file, label) {
                40 * POINT
            } else {
                0
            };
            let (Ok(asked), Ok(ran)) = (u32::try_from(place), u32::try_from(ran)) else {
                continue;
            };
            candidates.push(Candidate {
                asked,
                ran,
                worth: Worth {
                    score: 25 * POINT + near.max(0) + linked,
                    pairs: 1,
                    nearness: -distance,
                },
            });
        }
    }
    candidates.sort_unstable_by_key(|candidate| (candidate.asked, candidate.ran));
    let mut fitting: (BTreeMap<u32, usize>, BTreeMap<u32, usize>) = Default::default();
    for candidate in &candidates {
        *fitting.0.entry(candidate.asked).or_default() += 1;
        *fitting.1.entry(candidate.ran).or_default() += 1;
    }
    assign::assign(&candidates)
        .into_iter()
        .filter_map(|chosen| {
            let pair = candidates.get(chosen.candidate)?;
            let (.., operation) = asked.get(pair.asked as usize)?;
            Some(Join {
                operation: *operation,
                file: *ordered.get(pair.ran as usize)?,
                only: fitting.0.get(&pair.asked) == Some(&1)
                    && fitting.1.get(&pair.ran) == Some(&1),
            })
        })
        .collect()
}

/// The VM's name in the letters of its first row.
fn spelled_name(view: &CaseView<'_>, op: &Operation) -> String {
    let spelled = op
        .events
        .first()
        .and_then(|event| view.store.facts_of(*event).next()?.cloud())
        .and_then(|row| view.store.text(row.spelled_name));
    let folded = || op.resource.as_ref()?.folded.rsplit('/').next();
    spelled.or_else(folded).unwrap_or("").to_owned()
}

/// As the published query joins them: by letters of the names, inside the operation, every one with every one.
pub(super) fn published_joins(view: &CaseView<'_>) -> Joins {
    let files = files(view, -1, false);
    let mut by_name: BTreeMap<String, Vec<(i64, usize)>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        let write = view.guests.file_writes.get(file.write);
        let spelled =
            write.and_then(|write| view.store.column(&view.store.columns.host, write.event));
        let name = spelled.unwrap_or("").split('.').next().unwrap_or("");
        if file.family == Family::Action && !name.is_empty() {
            by_name
                .entry(name.to_owned())
                .or_default()
                .push((file.time, at));
        }
    }
    for list in by_name.values_mut() {
        list.sort_unstable();
    }
    let mut joined = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        let Some((start, end)) = times(op).filter(|_| op.family == OperationFamily::Action) else {
            continue;
        };
        let name = spelled_name(view, op);
        let of_name = by_name.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let from = of_name.partition_point(|(time, _)| *time < start);
        let inside = of_name
            .iter()
            .skip(from)
            .take_while(|(time, _)| *time <= end);
        joined.extend(inside.take(MOST_CANDIDATES).map(|(_, file)| Join {
            operation: at,
            file: *file,
            only: true,
        }));
    }
    Joins {
        files,
        joined,
        alone: Vec::new(),
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let published = view.settings.endpoint.file_join.published;
    if published {
        let joins = published_joins(view);
        return found(view, &joins, true);
    }
    found(view, view.joins(), false)
}

fn found(view: &CaseView<'_>, joins: &Joins, published: bool) -> Vec<Finding> {
    let pairs = joins.joined.iter();
    pairs
        .filter_map(|join| finding(view, joins, join, published))
        .collect()
}

fn finding(view: &CaseView<'_>, joins: &Joins, join: &Join, published: bool) -> Option<Finding> {
    let op = view.operations.get(join.operation)?;
    let file = joins.files.get(join.file)?;
    let write = view.guests.file_writes.get(file.write)?;
    let (start, _) = times(op)?;
    let store = view.store;
    let host = store.column(&store.columns.host, write.event);
    let offset = file.time - start;
    let at = Instant {
        ns: file.time,
        digits: store.stamp(write.event)?.instant.digits,
    };
    let size = file
        .size
        .map_or_else(String::new, |bytes| format!(" ({bytes} bytes)"));
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: Severity::Info,
        confidence: if join.only {
            Confidence::High
        } else {
            Confidence::Medium
        },
        title: "Script file of a run command".into(),
        summary: format!(
            "{}{size} was written on {} {} the start of the command of {} on {}.",
            write.name,
            host.unwrap_or(&write.label),
            away(offset),
            who(op),
            target(op),
        )
        .into(),
        operations: vec![join.operation],
        events: file.events.clone(),
        subject: Subject {
            host: host.map(str::to_owned),
            ..Subject::default()
        }
        .into(),
        time: Some(Box::new((
            op.started?.min(at),
            op.ended.unwrap_or(at).max(at),
        ))),
        values: figures(json!({
            "file": write.name,
            "path": write.path,
            "number": file.number,
            "size": file.size,
            "sha256": file.sha256,
            "writer": write.writer,
            "writer_pid": write.writer_pid,
            "account": store.column(&store.columns.actor, write.event),
            "offset": seconds(offset),
            "correlation": op.correlation,
            "mode": mode(published),
        }))
        .into(),
        attack: Cow::Borrowed(&["T1651", "T1059.001"]),
        ..Finding::default()
    })
}

/// What stays alone on either side.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    if view.settings.endpoint.file_join.published {
        return None;
    }
    let joins = view.joins();
    let joined: BTreeSet<usize> = joins.joined.iter().map(|join| join.file).collect();
    let files: Vec<String> = joins
        .files
        .iter()
        .enumerate()
        .filter(|(at, _)| !joined.contains(at))
        .filter_map(|(_, file)| {
            let write = view.guests.file_writes.get(file.write)?;
            let time = view.store.stamp(write.event)?.instant;
            let host = host_label(&write.label);
            Some(format!("{} on {host} at {time}", write.name))
        })
        .collect();
    let operations: Vec<String> = joins
        .alone
        .iter()
        .filter_map(|at| {
            let op = view.operations.get(*at)?;
            Some(format!("{} at {}", target(op), op.started?))
        })
        .collect();
    let said = |all: &[String], thing: &str| {
        let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
        let more = all.len().saturating_sub(SHOWN);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        (!all.is_empty()).then(|| {
            format!(
                "{} without a counterpart: {}{more}",
                counted(all.len(), thing),
                shown.join(", ")
            )
        })
    };
    let parts: Vec<String> = [
        said(&files, "script file"),
        said(&operations, "run command"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
