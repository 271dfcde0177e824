//! # Gaps, resets and replays of sequence numbers
//!
//! ## What it finds
//! Every run has a number, counted from 0 for each feature and name, and leaves it in settings, statuses, download folders and logs. Findings by `code`:
//! `hole` (a number between the first and the last is nowhere), `lead` (the first numbers are nowhere although the agent's log begins before them),
//! `no-folder` (a terminal status without a download folder), `no-status` (a folder or log lines without a status, and later numbers have one),
//! `no-log` (on the disk at a time that the logs cover, and in none), `reset` (a log that goes on with a smaller number), `replay` (one number executed
//! twice in one log), `mrseq-low` and `mrseq-high` (the handler's own memory says less or more than what is there), `vm-id-changed` (folders, but not one
//! status or setting although their place was collected: a first boot as another VM removes them).
//!
//! ## Why it matters
//! What was run, and then deleted, leaves its number missing in one place and present in another (T1070.004); a state file that was written by hand
//! contradicts the rest (T1565.001).
//!
//! ## Parameters
//! `first_number` (0; 0 to 1), `most_holes` (1000; more are told as ranges). A place that was not collected at all is no gap: without any download folder
//! nobody can say that one is missing. After an uninstall numbers begin again, and neither `reset` nor `replay` compares across it. Modified times are not
//! compared for `reset`, since copying evidence changes them.
//!
//! ## Known false positives
//! Managed and immediate run commands clean up older scripts and settings themselves (`info` there); runs refused before their folder is made; an image
//! captured from another VM; a log that was cut at its head.
//!
//! ## Sources
//! Source of the Linux handlers and of the guest agent (numbering from 0, one number per run, clean-up per family).

use super::machines::{listed, needs_guest, of_host, on_host};
use super::{Baseline, CaseView, Confidence, Detector, Finding, Severity, counted, figures};
use crate::case::store::EventNumber;
use crate::event::fact::HandlerChange;
use crate::evidence::layout::Family;
use crate::reconstruct::guests::counters::{Counter, Line, Marks};
use crate::time::Instant;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "sequence-anomaly",
    not_assessed: needs_guest,
    run,
};

/// Titles by code.
const CODES: [(&str, &str); 10] = [
    ("hole", "Numbers are missing everywhere"),
    ("lead", "The first numbers are missing"),
    ("no-folder", "Download folder missing"),
    ("no-status", "Status missing"),
    ("no-log", "On the disk and in no log"),
    ("reset", "Numbers begin again"),
    ("replay", "One number was executed twice"),
    ("mrseq-low", "The handler remembers fewer runs"),
    ("mrseq-high", "The handler remembers more runs"),
    (
        "vm-id-changed",
        "State removed by a first boot as another VM",
    ),
];

/// One gap.
struct Gap {
    code: &'static str,
    severity: Severity,
    numbers: Vec<i64>,
    said: String,
    events: Vec<EventNumber>,
}

/// Counters whose numbers mean something here: a counter of managed run commands needs a name, extensions count settings and not runs.
fn is_counted(counter: &Counter) -> bool {
    match counter.family {
        Family::Action => true,
        Family::Managed | Family::Immediate => !counter.name.is_empty(),
        Family::Extension => false,
    }
}

/// The numbers that a code is about in a case, for other detectors.
pub(super) fn gaps_of(view: &CaseView<'_>, counter: &Counter, codes: &[&str]) -> Vec<i64> {
    let gaps = Looking { view, counter }.gaps();
    let mut numbers: Vec<i64> = gaps
        .into_iter()
        .filter(|gap| codes.contains(&gap.code))
        .flat_map(|gap| gap.numbers)
        .collect();
    numbers.sort_unstable();
    numbers
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for counter in view.guests.counters.iter().filter(|one| is_counted(one)) {
        let looking = Looking { view, counter };
        for gap in looking.gaps() {
            let title = CODES.iter().find(|(code, _)| *code == gap.code);
            findings.push(looking.finding(gap, title.map_or("", |(_, title)| title)));
        }
    }
    findings
}

struct Looking<'a> {
    view: &'a CaseView<'a>,
    counter: &'a Counter,
}

impl Looking<'_> {
    fn is_action(&self) -> bool {
        self.counter.family == Family::Action
    }

    /// One severity for actions, one for managed and immediate run commands.
    fn by_family(&self, action: Severity, others: Severity) -> Severity {
        if self.is_action() { action } else { others }
    }

    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        self.holes(&mut gaps);
        self.lead(&mut gaps);
        self.places(&mut gaps);
        self.orders(&mut gaps);
        self.memory(&mut gaps);
        gaps
    }

    fn marks(&self, number: i64) -> Option<&Marks> {
        self.counter.numbers.get(&number)
    }

    fn holes(&self, gaps: &mut Vec<Gap>) {
        let settings = &self.view.settings.guest.sequence;
        let known: Vec<i64> = self.counter.numbers.keys().copied().collect();
        let most = usize::try_from(settings.most_holes).unwrap_or(usize::MAX);
        let mut numbers = Vec::new();
        let (mut missing, mut ranges, mut bounds) = (0_i64, Vec::new(), Vec::new());
        for pair in known.windows(2) {
            let [before, after] = pair else { continue };
            let (from, to) = (before + 1, after - 1);
            if from > to || *after <= settings.first_number {
                continue;
            }
            missing = missing.saturating_add(to - from + 1);
            ranges.push(if from == to {
                from.to_string()
            } else {
                format!("{from} to {to}")
            });
            for number in from..=to {
                if numbers.len() >= most {
                    break;
                }
                numbers.push(number);
            }
            // Its neighbours bound the time of the missing run.
            bounds.extend(self.marks(*before).and_then(|marks| marks.events.last()));
            bounds.extend(self.marks(*after).and_then(|marks| marks.events.first()));
        }
        if missing > 0 {
            const SHOWN: usize = 12;
            let more = ranges.len().saturating_sub(SHOWN);
            let mut shown: Vec<String> = ranges.into_iter().take(SHOWN).collect();
            if more > 0 {
                shown.push(format!("and {} more", counted(more, "range")));
            }
            gaps.push(Gap {
                code: "hole",
                severity: self.by_family(Severity::Medium, Severity::Info),
                said: format!(
                    "{missing} between known ones ({}) left nothing anywhere",
                    shown.join(", ")
                ),
                numbers,
                events: bounds,
            });
        }
    }

    /// When a line was written.
    fn time(&self, line: &Line) -> Option<i64> {
        let stamp = self.view.store.stamp(line.event)?;
        Some(stamp.instant.ns)
    }

    fn lead(&self, gaps: &mut Vec<Gap>) {
        let first_expected = self.view.settings.guest.sequence.first_number;
        let Some((first, marks)) = self.counter.numbers.first_key_value() else {
            return;
        };
        let reach = self.view.guests.reach.get(&self.counter.label);
        let since = reach.and_then(|reach| reach.agent.iter().map(|(from, _)| *from).min());
        let enabled = self
            .counter
            .lines
            .iter()
            .filter(|line| line.by_agent)
            .filter_map(|line| self.time(line))
            .min();
        if let (true, Some(since), Some(enabled)) = (*first > first_expected, since, enabled)
            && since < enabled
        {
            gaps.push(Gap {
                code: "lead",
                severity: Severity::Low,
                numbers: vec![*first],
                said: format!(
                    "the first known number is {first}, and the agent's log begins before it"
                ),
                events: marks.events.clone(),
            });
        }
    }

    /// What is in one place and missing in another.
    fn places(&self, gaps: &mut Vec<Gap>) {
        let counter = self.counter;
        let collected = |mark: fn(&Marks) -> bool| counter.numbers.values().any(mark);
        let (folders, statuses) = (
            collected(|marks| marks.folder),
            collected(|marks| marks.status),
        );
        let settings = collected(|marks| marks.settings);
        let Some(last) = counter.numbers.keys().next_back().copied() else {
            return;
        };
        if folders && !statuses && !settings && counter.state_collected && counter.highest.is_none()
        {
            gaps.push(Gap {
                code: "vm-id-changed",
                severity: Severity::Info,
                numbers: counter.having(|marks| marks.folder),
                said: "download folders are there, settings and statuses are not although their place was collected".to_owned(),
                events: self.events_of(&counter.having(|marks| marks.folder)),
            });
            return;
        }
        // Windows keeps scripts side by side, and nobody knows when it removes them.
        let keeps_folders = counter.os == crate::evidence::layout::Os::Linux;
        if folders && keeps_folders {
            let missing = counter
                .having(|marks| (marks.status || marks.log) && !marks.folder && marks.terminal);
            let (old, newest): (Vec<i64>, Vec<i64>) = if self.is_action() {
                (Vec::new(), missing)
            } else {
                missing.into_iter().partition(|number| *number < last)
            };
            for (numbers, severity) in [
                (newest, self.by_family(Severity::High, Severity::Medium)),
                (old, Severity::Info),
            ] {
                self.push(
                    gaps,
                    "no-folder",
                    severity,
                    numbers,
                    "a terminal status, and no download folder",
                );
            }
        }
        if statuses {
            let missing = counter
                .numbers
                .iter()
                .filter(|(number, marks)| {
                    **number < last && !marks.status && (marks.folder || marks.log)
                })
                .map(|(number, _)| *number)
                .collect();
            let severity = self.by_family(Severity::Medium, Severity::Low);
            self.push(
                gaps,
                "no-status",
                severity,
                missing,
                "a folder or log lines, and no status although later numbers are known",
            );
        }
        let Some(reach) = self.view.guests.reach.get(&counter.label) else {
            return;
        };
        // Only a log that speaks of this counter at all can be silent about one number.
        if counter.lines.is_empty() {
            return;
        }
        let missing = counter.having(|marks| {
            (marks.folder || marks.status)
                && !marks.log
                && marks.disk.is_some_and(|(from, to)| reach.covers(from, to))
        });
        self.push(
            gaps,
            "no-log",
            Severity::Medium,
            missing,
            "something on the disk from a time that a log covers, and no line in any log",
        );
    }

    fn push(
        &self,
        gaps: &mut Vec<Gap>,
        code: &'static str,
        severity: Severity,
        numbers: Vec<i64>,
        has: &str,
    ) {
        if numbers.is_empty() {
            return;
        }
        let (verb, noun) = if numbers.len() == 1 {
            ("has", "number")
        } else {
            ("have", "numbers")
        };
        gaps.push(Gap {
            code,
            severity,
            said: format!("{noun} {} {verb} {has}", listed(&numbers)),
            events: self.events_of(&numbers),
            numbers,
        });
    }

    fn events_of(&self, numbers: &[i64]) -> Vec<EventNumber> {
        let marks = numbers.iter().filter_map(|number| self.marks(*number));
        marks
            .flat_map(|marks| marks.events.iter().copied())
            .collect()
    }

    /// Whether the handler went away between two times.
    fn removed_between(&self, from: i64, to: i64) -> bool {
        self.view.guests.changes.iter().any(|change| {
            change.label == self.counter.label
                && change.family == self.counter.family
                && change.what != HandlerChange::Installed
                && from <= change.time
                && change.time <= to
        })
    }

    /// Numbers of one log in their order: each should be as great as all before it, and be executed once.
    fn orders(&self, gaps: &mut Vec<Gap>) {
        let store = self.view.store;
        let mut resets: Vec<(i64, EventNumber, bool)> = Vec::new();
        let mut replays: Vec<(i64, EventNumber)> = Vec::new();
        for log in self
            .counter
            .lines
            .chunk_by(|one, other| store.item_of(one.event) == store.item_of(other.event))
        {
            // (number, time) of the greatest so far.
            let mut greatest: Option<(i64, i64)> = None;
            let mut executed: BTreeMap<(i64, bool), i64> = BTreeMap::new();
            let mut timed: Vec<(i64, &Line)> = log
                .iter()
                .filter_map(|line| Some((self.time(line)?, line)))
                .collect();
            timed.sort_by_key(|(time, _)| *time);
            for (time, line) in timed {
                if let Some((number, then)) = greatest
                    && line.number < number
                    && then < time
                {
                    let excused = self.removed_between(then, time);
                    resets.push((line.number, line.event, excused));
                    greatest = Some((line.number, time));
                } else if greatest.is_none_or(|(number, _)| line.number >= number) {
                    greatest = Some((line.number, time));
                }
                if line.executing || line.saved {
                    // Starting and saving the number are two lines of one execution.
                    let before = executed.insert((line.number, line.saved), time);
                    if before.is_some_and(|then| then != time && !self.removed_between(then, time))
                    {
                        replays.push((line.number, line.event));
                    }
                }
            }
        }
        for excused in [false, true] {
            let some: Vec<_> = resets.iter().filter(|(_, _, is)| *is == excused).collect();
            let numbers: Vec<i64> = distinct(some.iter().map(|(number, _, _)| *number));
            if numbers.is_empty() {
                continue;
            }
            let why = if excused {
                "; the handler was removed in between"
            } else {
                ""
            };
            gaps.push(Gap {
                code: "reset",
                severity: if excused {
                    Severity::Info
                } else {
                    self.by_family(Severity::Medium, Severity::Low)
                },
                said: format!(
                    "one log goes on with {} after a greater number{why}",
                    listed(&numbers)
                ),
                events: some.iter().map(|(_, event, _)| *event).collect(),
                numbers,
            });
        }
        let numbers = distinct(replays.iter().map(|(number, _)| *number));
        if !numbers.is_empty() {
            gaps.push(Gap {
                code: "replay",
                severity: self.by_family(Severity::High, Severity::Medium),
                said: format!("one log has {} executed more than once", listed(&numbers)),
                events: replays.iter().map(|(_, event)| *event).collect(),
                numbers,
            });
        }
    }

    /// `mrseq` against everything else.
    fn memory(&self, gaps: &mut Vec<Gap>) {
        let Some((highest, event)) = self.counter.highest else {
            return;
        };
        let on_disk = self.counter.having(|marks| marks.status || marks.folder);
        let all = self.counter.numbers.keys().next_back().copied();
        if let Some(last) = on_disk.last().copied().filter(|last| highest < *last) {
            gaps.push(Gap {
                code: "mrseq-low",
                severity: self.by_family(Severity::High, Severity::Medium),
                numbers: vec![highest, last],
                said: format!("mrseq says {highest}, and number {last} is on the disk"),
                events: std::iter::once(event)
                    .chain(self.events_of(&[last]))
                    .collect(),
            });
        } else if let Some(last) = all.filter(|last| highest > *last) {
            gaps.push(Gap {
                code: "mrseq-high",
                severity: self.by_family(Severity::Medium, Severity::Low),
                numbers: vec![highest, last],
                said: format!("mrseq says {highest}, and the greatest number anywhere is {last}"),
                events: std::iter::once(event)
                    .chain(self.events_of(&[last]))
                    .collect(),
            });
        }
    }

    fn finding(&self, gap: Gap, title: &str) -> Finding {
        let counter = self.counter;
        let name = counter.name.as_str();
        let what = if name.is_empty() {
            format!("{} run commands", counter.family.word())
        } else {
            format!("{} run command {name}", counter.family.word())
        };
        let marks: Value = gap
            .numbers
            .iter()
            .take(100)
            .filter_map(|number| {
                Some(json!({ "number": number, "marks": self.marks(*number)?.words() }))
            })
            .collect();
        let whole = counter.numbers.values().any(|marks| marks.status)
            && counter.numbers.values().any(|marks| marks.folder)
            && !counter.lines.is_empty();
        let times: Vec<Instant> = gap
            .events
            .iter()
            .filter_map(|event| self.view.event_time(*event, &counter.label))
            .collect();
        let first = times.iter().copied().min_by_key(|time| time.ns);
        let last = times.iter().copied().max_by_key(|time| time.ns);
        let executions = gap
            .numbers
            .iter()
            .filter_map(|number| self.view.machines().execution(self.marks(*number)?.run?));
        Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: gap.severity,
            confidence: if whole {
                Confidence::High
            } else {
                Confidence::Medium
            },
            baseline: if whole {
                Baseline::Full
            } else {
                Baseline::Partial
            },
            title: title.into(),
            summary: format!(
                "Of {what} on {}, {}.",
                on_host(counter.host.as_deref()),
                gap.said
            )
            .into(),
            executions: executions.collect(),
            subject: of_host(counter.host.clone()).into(),
            time: first.zip(last).map(Box::new),
            values: figures(json!({
                "code": gap.code,
                "numbers": gap.numbers,
                "family": counter.family.word(),
                "name": counter.name,
                "left": marks,
            }))
            .into(),
            events: gap.events,
            attack: Cow::Borrowed(&["T1070.004", "T1565.001"]),
            ..Finding::default()
        }
    }
}

fn distinct(numbers: impl Iterator<Item = i64>) -> Vec<i64> {
    let set: std::collections::BTreeSet<i64> = numbers.collect();
    set.into_iter().collect()
}
