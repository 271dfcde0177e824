//! The findings for a view: arranged in groups, filtered, a page of rows at a time; and one of them in full.
//!
//! ```text
//! { by: detector, severities: [high, critical] }
//!   ─► groups  run-command-chain 3, run-command-spike 1      rows  by time inside each, `first`..`first + count`
//! ```
//!
//! An arrangement is made once per question and conclusion ([`Arranged`]) and then read by pages: automation on a large estate leaves tens of
//! thousands of findings, and a list that is scrolled asks often.
//!
//! What Sigma rules found are findings like others. Rejected: a list of their own. What stands in another list is triaged by nobody.
//!
//! Rejected: handing all findings to the page to sort. What is worse than what is the core's to say.

use super::executions::{EventName, name_of};
use super::incidents::{incident_of, title_of};
use super::rows::{Row, row};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::case::triage::TriageState;
use crate::detect::manual;
use crate::detect::{Finding, Severity, Subject};
use crate::reconstruct::skew::estimate::Confidence;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Executions that one answer names.
const MOST_EXECUTIONS: usize = 100;

/// How findings are put into groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Worst first.
    #[default]
    Severity,
    /// In the order of the specification.
    Detector,
    /// By UTC day.
    Time,
    /// Who.
    Caller,
    /// Where.
    Vm,
    /// By what belongs together, the worst first; what belongs to nothing comes last.
    Incident,
}

/// What of the findings is shown. An empty list lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Shown {
    /// Groups.
    pub by: By,
    /// Words of severities.
    pub severities: Vec<String>,
    /// Detector ids.
    pub detectors: Vec<String>,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Words of triage states.
    pub triage: Vec<String>,
    /// Only what the allow-list suppresses, or only what it does not; both where nothing is said.
    pub suppressed: Option<bool>,
    /// Text that title, sentence, detector or subject holds, in any case of letters.
    pub text: String,
}

/// Whom and what a finding is about; null where that is not meaningful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSubject {
    /// Caller as the records spell it.
    pub caller: Option<String>,
    /// Address.
    pub ip: Option<String>,
    /// VM name.
    pub vm: Option<String>,
    /// Resource id, folded.
    pub resource: Option<String>,
    /// Subscription.
    pub subscription: Option<String>,
    /// Guest, as its evidence spells it.
    pub host: Option<String>,
}

impl ShownSubject {
    fn of(subject: Subject) -> Self {
        Self {
            caller: subject.caller,
            ip: subject.ip,
            vm: subject.vm,
            resource: subject.resource,
            subscription: subject.subscription,
            host: subject.host,
        }
    }
}

/// A finding as a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRow {
    /// Names it as long as evidence and settings stay.
    pub key: String,
    /// Detector id.
    pub detector: String,
    /// How bad.
    pub severity: &'static str,
    /// How sure.
    pub confidence: &'static str,
    /// On how much history.
    pub baseline: &'static str,
    /// A few words.
    pub title: String,
    /// One sentence with the figures.
    pub summary: String,
    /// When it began.
    pub first: Option<String>,
    /// When it ended.
    pub last: Option<String>,
    /// Who and what it is about.
    pub subject: ShownSubject,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// What the analyst makes of it.
    pub triage: TriageState,
    /// Whether the analyst wrote a note.
    pub has_note: bool,
    /// The entry of the allow-list that suppresses it.
    pub allowed_by: Option<usize>,
    /// The incident that it belongs to.
    pub incident: Option<usize>,
}

/// Findings of one kind, in a row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they share.
    pub name: String,
    /// Title of the detector's page, for groups by detector; what an incident is named by, for groups by incident.
    pub title: Option<String>,
    /// Which incident, for groups by incident.
    pub incident: Option<usize>,
    /// How many are shown.
    pub count: usize,
    /// The worst of them.
    pub severity: &'static str,
}

/// How many findings there are of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The word.
    pub word: String,
    /// How many, whatever is shown.
    pub count: usize,
}

/// A page of findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingPage {
    /// Revision these positions belong to.
    pub revision: u64,
    /// Findings in all.
    pub all: usize,
    /// Findings shown.
    pub total: usize,
    /// Findings that the allow-list suppresses, of all.
    pub suppressed: usize,
    /// Incidents in all.
    pub incidents: usize,
    /// Their groups, in order.
    pub groups: Vec<Group>,
    /// The page, in the order of the groups.
    pub rows: Vec<FindingRow>,
    /// Of all findings, worst first.
    pub severities: Vec<Counted>,
    /// Of all findings.
    pub triage: Vec<Counted>,
    /// Of all findings.
    pub detectors: Vec<Counted>,
}

/// Findings in the order of a question.
pub struct Arranged {
    order: Vec<usize>,
    groups: Vec<Group>,
}

fn passes(case: &Case, at: usize, finding: &Finding, shown: &Shown, text: &str) -> bool {
    let any = |list: &[String], word: &str| list.is_empty() || list.iter().any(|one| one == word);
    if !any(&shown.severities, finding.severity.word())
        || !any(&shown.detectors, as_text(&finding.detector))
    {
        return false;
    }
    let has = |technique: &String| finding.techniques().any(|one| one == technique);
    if !shown.techniques.is_empty() && !shown.techniques.iter().any(has) {
        return false;
    }
    if !shown.triage.is_empty() && !any(&shown.triage, case.triage_state(at).word()) {
        return false;
    }
    if shown
        .suppressed
        .is_some_and(|wanted| wanted != finding.allowed_by.is_some())
    {
        return false;
    }
    if text.is_empty() {
        return true;
    }
    let holds = |part: &str| part.to_lowercase().contains(text);
    let subject = case.referred().subject(finding);
    let parts = [subject.caller, subject.ip, subject.resource, subject.host];
    holds(&finding.title)
        || holds(as_text(&finding.detector))
        || parts.iter().flatten().any(|part| holds(part))
        || holds(&case.referred().words(finding).summary)
}

/// Ids are `&str` here and `String` there.
fn as_text<T: AsRef<str> + ?Sized>(text: &T) -> &str {
    text.as_ref()
}

impl Arranged {
    /// Arranges the findings of a concluded case.
    #[must_use]
    pub fn of(case: &Case, shown: &Shown) -> Self {
        let text = shown.text.trim().to_lowercase();
        let referred = case.referred();
        let place = places(case);
        let incident = incident_of(case);
        // (group's place, group's name) orders the groups; inside them findings stay in time order.
        let mut members: BTreeMap<(u64, String), (Vec<usize>, Severity)> = BTreeMap::new();
        for (at, finding) in case.findings().iter().enumerate() {
            if !passes(case, at, finding, shown, &text) {
                continue;
            }
            let id = as_text(&finding.detector);
            let group = match shown.by {
                By::Severity => (
                    u64::from(u8::MAX) - finding.severity as u64,
                    finding.severity.word().to_owned(),
                ),
                By::Detector => (
                    place.get(id).map_or(u64::MAX, |place| *place as u64),
                    id.to_owned(),
                ),
                By::Time => {
                    let day = referred.time(finding).0.map(|time| time.to_string());
                    let day = day.and_then(|day| day.get(..10).map(str::to_owned));
                    (u64::from(day.is_none()), day.unwrap_or_default())
                }
                By::Incident => {
                    let of = incident.get(at).copied().flatten();
                    let name = of.map(|id| format!("Incident {}", id + 1));
                    (
                        of.map_or(u64::MAX, |id| id as u64),
                        name.unwrap_or_default(),
                    )
                }
                By::Caller => named(referred.subject(finding).caller),
                By::Vm => {
                    let subject = referred.subject(finding);
                    named(subject.vm.or(subject.host).or(subject.resource))
                }
            };
            let (list, worst) = members
                .entry(group)
                .or_insert_with(|| (Vec::new(), Severity::Info));
            list.push(at);
            *worst = (*worst).max(finding.severity);
        }
        // Findings of rules stand behind those of detectors; in a group they stand where they happened.
        let rules = case.findings().last().is_some_and(|one| one.rule.is_some());
        for (list, _) in members.values_mut().filter(|_| rules) {
            let first = |at: &usize| referred.time(case.findings().get(*at)?).0;
            list.sort_by_cached_key(|at| first(at).map_or(i64::MAX, |time| time.ns));
        }
        let mut sorted: Vec<_> = members.into_iter().collect();
        if matches!(shown.by, By::Caller | By::Vm) {
            // Who has the worst to answer for stands first. Stable: equals stay by name.
            sorted.sort_by_key(|((last, _), (list, worst))| {
                (
                    *last,
                    std::cmp::Reverse(*worst),
                    std::cmp::Reverse(list.len()),
                )
            });
        }
        let mut arranged = Self {
            order: Vec::new(),
            groups: Vec::new(),
        };
        for ((place, name), (list, worst)) in sorted {
            let of = usize::try_from(place).ok();
            let of = of.filter(|id| shown.by == By::Incident && *id < case.incidents().len());
            let of_detector = || title_of_detector(case, &name);
            arranged.groups.push(Group {
                title: match shown.by {
                    By::Incident => of.and_then(|id| title_of(case, id)),
                    By::Detector => of_detector(),
                    _ => None,
                },
                incident: of,
                name,
                count: list.len(),
                severity: worst.word(),
            });
            arranged.order.extend(list);
        }
        arranged
    }

    /// A page of it.
    #[must_use]
    pub fn page(&self, case: &Case, first: usize, count: usize) -> FindingPage {
        let page = self.order.iter().skip(first).take(count);
        let findings = case.findings();
        let mut severities: BTreeMap<std::cmp::Reverse<Severity>, usize> = BTreeMap::new();
        let mut triage: BTreeMap<TriageState, usize> = BTreeMap::new();
        let mut detectors: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, finding) in findings.iter().enumerate() {
            *severities
                .entry(std::cmp::Reverse(finding.severity))
                .or_default() += 1;
            *triage.entry(case.triage_state(at)).or_default() += 1;
            *detectors.entry(as_text(&finding.detector)).or_default() += 1;
        }
        let counted = |word: &str, count: usize| Counted {
            word: word.to_owned(),
            count,
        };
        FindingPage {
            revision: case.revision(),
            all: findings.len(),
            total: self.order.len(),
            suppressed: findings
                .iter()
                .filter(|finding| finding.allowed_by.is_some())
                .count(),
            incidents: case.incidents().len(),
            groups: self.groups.clone(),
            rows: page.filter_map(|at| finding_row(case, *at)).collect(),
            severities: severities
                .into_iter()
                .map(|(word, count)| counted(word.0.word(), count))
                .collect(),
            triage: triage
                .into_iter()
                .map(|(word, count)| counted(word.word(), count))
                .collect(),
            detectors: detectors
                .into_iter()
                .map(|(word, count)| counted(word, count))
                .collect(),
        }
    }
}

/// The title of a detector's page, or of the rule of that name.
fn title_of_detector(case: &Case, detector: &str) -> Option<String> {
    let of_rule = || case.sigma().rule(detector).map(|rule| rule.title.clone());
    manual::title(detector).map(str::to_owned).or_else(of_rule)
}

fn named(name: Option<String>) -> (u64, String) {
    (u64::from(name.is_none()), name.unwrap_or_default())
}

/// Detectors in the order in which they were asked.
fn places(case: &Case) -> BTreeMap<&str, usize> {
    let ids = case.searched().iter();
    ids.map(|searched| as_text(&searched.detector))
        .zip(0..)
        .collect()
}

/// One finding of a list as a row.
#[must_use]
pub fn finding_row(case: &Case, at: usize) -> Option<FindingRow> {
    finding_with(case, at, case.finding_keys().get(at)?.clone())
}

/// One finding by itself as a row.
#[must_use]
pub fn lone_finding_row(case: &Case, at: usize) -> Option<FindingRow> {
    finding_with(case, at, case.finding_key(at)?)
}

fn finding_with(case: &Case, at: usize, key: String) -> Option<FindingRow> {
    let finding = case.findings().get(at)?;
    let referred = case.referred();
    let (first, last) = referred.time(finding);
    let said = case.triage().of(&key);
    Some(FindingRow {
        detector: as_text(&finding.detector).to_owned(),
        severity: finding.severity.word(),
        confidence: finding.confidence.word(),
        baseline: finding.baseline.word(),
        title: finding.title.to_string(),
        summary: referred.words(finding).summary,
        first: first.map(|time| time.to_string()),
        last: last.map(|time| time.to_string()),
        subject: ShownSubject::of(referred.subject(finding)),
        attack: finding.techniques().map(str::to_owned).collect(),
        triage: said.state,
        has_note: !said.note.is_empty(),
        allowed_by: finding.allowed_by,
        incident: case
            .incidents()
            .iter()
            .position(|incident| incident.findings.binary_search(&at).is_ok()),
        key,
    })
}

/// An execution that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingExecution {
    /// Place among the executions.
    pub execution: usize,
    /// Its name while the case is open.
    pub event: Option<EventName>,
    /// The guest, or the VM where only the cloud knows of it.
    pub host: Option<String>,
    /// When, by the cloud's clock where it is known.
    pub started: Option<String>,
    /// How sure the link is; none where there is only one side.
    pub confidence: Option<&'static str>,
    /// First line of its script.
    pub script: Option<String>,
}

/// One finding in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingDetail {
    /// As a row.
    pub row: FindingRow,
    /// The analyst's note.
    pub note: String,
    /// What the word of its baseline means.
    pub baseline_about: &'static str,
    /// Figures the detector decided on.
    pub values: Map<String, Value>,
    /// Events it rests on.
    pub events: usize,
    /// Cloud operations it rests on.
    pub operations: usize,
    /// Executions of those operations.
    pub executions: Vec<FindingExecution>,
    /// Title of the detector's page, or of the rule.
    pub detector_title: Option<String>,
}

/// Where a finding stands now.
#[must_use]
pub fn finding_at(case: &Case, key: &str) -> Option<usize> {
    case.finding_keys().iter().position(|known| known == key)
}

/// One finding in full.
#[must_use]
pub fn finding(case: &Case, key: &str) -> Option<FindingDetail> {
    let at = finding_at(case, key)?;
    let finding = case.findings().get(at)?;
    Some(FindingDetail {
        row: finding_row(case, at)?,
        note: case.triage().of(key).note,
        baseline_about: finding.baseline.about(),
        values: case.referred().words(finding).values,
        events: events(case, finding).len(),
        operations: finding.operations.len(),
        executions: executions(case, &finding.executions),
        detector_title: title_of_detector(case, &finding.detector),
    })
}

/// The event that leads to what a finding is about: the script's own where it is an execution that is judged, else the first of its
/// operation, else the first of those that it rests on.
#[must_use]
pub fn leading_event(case: &Case, at: usize) -> Option<EventName> {
    let finding = case.findings().get(at)?;
    let referred = case.referred();
    let of_script = || {
        let mut executions = referred.executions(finding);
        let (_, execution) = executions.next().filter(|_| finding.events.is_empty())?;
        let name = name_of(case, execution)?;
        let script = super::story(case, name.item, name.ordinal)?.script?;
        script.sources.first()?.from.events.first().copied()
    };
    let of_operation = || {
        // What a rule matched is not always the first record of its operation.
        let finding = Some(finding).filter(|finding| finding.rule.is_none())?;
        let op = case.operations().get(referred.operation(finding)?)?;
        op.events.first().copied()
    };
    let first = || {
        let (store, all) = (case.store(), events(case, finding));
        all.into_iter()
            .min_by_key(|event| store.row_in(store.order(), *event, case.rank()))
    };
    of_script().or_else(|| {
        let event = of_operation().or_else(first)?;
        Some(EventName::of(case, event))
    })
}

/// The events that a finding rests on, else those of the runs of its executions.
fn events(case: &Case, finding: &Finding) -> Vec<EventNumber> {
    let mut events: Vec<EventNumber> = case.finding_events(finding).copied().collect();
    if events.is_empty() {
        let referred = case.referred();
        let runs = referred
            .executions(finding)
            .filter_map(|(_, execution)| case.runs().get(execution.run?));
        events = runs.flat_map(|run| run.events.iter().copied()).collect();
    }
    events.sort_unstable();
    events.dedup();
    events
}

/// Executions at these places, as they are named.
pub(super) fn executions(case: &Case, places: &[usize]) -> Vec<FindingExecution> {
    let referred = case.referred();
    let shown = referred.at(places).map(|(number, execution)| {
        let op = execution.operation.and_then(|at| case.operations().get(at));
        let run = execution.run.and_then(|at| case.runs().get(at));
        let host = run.and_then(|run| run.host.clone());
        let started = referred.execution_time(execution).map(|(first, _)| first);
        let script = run.and_then(|run| Some(run.script.as_ref()?.text.as_str()));
        let line = script.and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
        FindingExecution {
            execution: number,
            event: name_of(case, execution),
            host: host.or_else(|| op.and_then(|op| op.vm())),
            started: started.map(|time| time.to_string()),
            confidence: execution.confidence.map(Confidence::word),
            script: line.map(|line| {
                let masked = crate::script::secrets::masked(line);
                masked.chars().take(200).collect()
            }),
        }
    });
    shown.take(MOST_EXECUTIONS).collect()
}

/// Events that a finding rests on: a page of them, in its order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingEvents {
    /// Events in all.
    pub total: usize,
    /// The page.
    pub rows: Vec<Row>,
}

/// `count` events of a finding from the `first` on.
#[must_use]
pub fn finding_events(case: &Case, key: &str, first: usize, count: usize) -> FindingEvents {
    let found = finding_at(case, key).and_then(|at| case.findings().get(at));
    let events = found.map_or_else(Vec::new, |finding| events(case, finding));
    let store = case.store();
    let place = |event: EventNumber| store.row_in(store.order(), event, case.rank());
    let mut placed: Vec<(usize, EventNumber)> = events
        .into_iter()
        .map(|event| (place(event).unwrap_or(usize::MAX), event))
        .collect();
    placed.sort_unstable();
    FindingEvents {
        total: placed.len(),
        rows: placed
            .into_iter()
            .skip(first)
            .take(count)
            .map(|(at, event)| row(case, event, at))
            .collect(),
    }
}

/// One detector, and whether it could answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownDetector {
    /// Detector id.
    pub detector: String,
    /// Title of its page.
    pub title: Option<&'static str>,
    /// `found`, `not-found` or `not-assessed`.
    pub answer: &'static str,
    /// Why it could not answer, or what it had to leave out.
    pub reason: Option<String>,
    /// How many findings.
    pub findings: usize,
    /// The worst of them.
    pub severity: Option<&'static str>,
}

/// Every detector with its answer.
#[must_use]
pub fn searched(case: &Case) -> Vec<ShownDetector> {
    let mut found: BTreeMap<&str, (usize, Severity)> = BTreeMap::new();
    for finding in case.findings() {
        let (count, worst) = found
            .entry(as_text(&finding.detector))
            .or_insert((0, Severity::Info));
        *count += 1;
        *worst = (*worst).max(finding.severity);
    }
    let shown = |searched: &crate::case::Searched| {
        let id = as_text(&searched.detector);
        let its = found.get(id);
        ShownDetector {
            detector: id.to_owned(),
            title: manual::title(id),
            answer: match (&searched.not_assessed, its) {
                (_, Some(_)) => "found",
                (Some(_), None) => "not-assessed",
                (None, None) => "not-found",
            },
            reason: searched
                .not_assessed
                .as_ref()
                .or(searched.left_out.as_ref())
                .cloned(),
            findings: its.map_or(0, |(count, _)| *count),
            severity: its.map(|(_, worst)| worst.word()),
        }
    };
    case.searched().iter().map(shown).collect()
}

#[cfg(test)]
pub(in crate::query) mod tests;
