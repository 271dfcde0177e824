//! Running the rules over a case: first over what it keeps, then over the records that have to be read again.
//!
//! Whoever holds the evidence asks [`Search::needs`] for places, brings their bytes to [`Search::take`], and so on until nothing is needed. How many
//! events are read again is bounded by the limit `rule_events`; the rules that want few come first, and what is not looked at is said of
//! each rule that wanted it.
//!
//! Rejected: reading again inside the conclusions of the case. The case has no bytes; in a tab they come when the browser brings them.

use super::field::Slot;
use super::plan::{Answer, Plan};
use super::rule_set::RuleSet;
use super::source::View;
use super::subject::{Subject, is_linux_format, is_windows_format};
use crate::case::Case;
use crate::case::item::Item;
use crate::case::store::EventNumber;
use crate::event::facts::FactAt;
use crate::event::{EventKind, Field};
use crate::query::detail::fields;
use crate::query::{Place, place_of};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Events read again in one go.
const PIECE_EVENTS: usize = 256;

/// An event or a process that a rule matches.
#[derive(Clone, Debug)]
pub struct Match {
    /// The rule.
    pub rule: usize,
    /// The process by position, where it is one.
    pub process: Option<usize>,
    /// Its events.
    pub events: Vec<EventNumber>,
    /// When.
    pub time: Option<Instant>,
    /// Selections that hold, by position.
    pub selections: Vec<usize>,
    /// Fields that the rule looks at, with what they hold.
    pub fields: Vec<(usize, Vec<String>)>,
    /// Values of the fields that correlations want, in their order.
    pub wanted: Vec<(usize, Vec<String>)>,
}

/// What has to be read again.
#[derive(Debug)]
struct Candidate {
    view: View,
    process: Option<usize>,
    events: Vec<EventNumber>,
    rules: Vec<usize>,
}

/// The rules over a case, as far as they have come.
#[derive(Default)]
pub struct Search {
    /// The rules.
    pub set: RuleSet,
    plans: Vec<Plan>,
    /// Matches, in no order until the search has ended.
    pub matches: Vec<Match>,
    candidates: Vec<Candidate>,
    next: usize,
    /// Rule → events that were not read again because of the limit.
    pub not_read: BTreeMap<usize, u64>,
    /// Subjects of each rule's log source.
    pub in_scope: BTreeMap<usize, u64>,
    /// (side, field) that was looked for in records, and whether one carried it.
    carried: BTreeMap<(View, usize), bool>,
    /// (side, slot) with a value somewhere.
    kept: BTreeSet<(View, Slot)>,
}

impl Search {
    /// Runs the rules over what the case keeps.
    #[must_use]
    pub fn new(case: &Case, set: RuleSet) -> Self {
        let mut search = Self {
            plans: View::ALL
                .iter()
                .filter_map(|view| Plan::new(&set, *view))
                .collect(),
            set,
            ..Self::default()
        };
        let plans = std::mem::take(&mut search.plans);
        for plan in &plans {
            search.first_pass(case, plan);
        }
        search.plans = plans;
        search.choose(case);
        search
    }

    fn first_pass(&mut self, case: &Case, plan: &Plan) {
        let mut scratch = plan.scratch(&self.set);
        let mut found: Vec<Match> = Vec::new();
        let mut open: Vec<Candidate> = Vec::new();
        each_subject(case, plan.view, |subject, process, events| {
            let mut rules = Vec::new();
            plan.ask(&self.set, &subject, &mut scratch, |rule, answer| {
                if answer == Answer::Match && self.is_told(plan, rule) {
                    found.push(self.matched(case, plan, &subject, rule, process, events));
                } else {
                    rules.push(rule);
                }
            });
            if !rules.is_empty() {
                open.push(Candidate {
                    view: plan.view,
                    process,
                    events: events.to_vec(),
                    rules,
                });
            }
        });
        self.matches.extend(found);
        self.candidates.extend(open);
        for rule in 0..self.set.rules.len() {
            if let Some(count) = plan
                .scope_of(rule)
                .and_then(|scope| scratch.in_scope.get(scope))
            {
                self.in_scope.insert(rule, *count);
            }
        }
        let seen = scratch.seen.into_keys();
        self.kept.extend(seen.map(|slot| (plan.view, slot)));
    }

    /// Whether the case keeps all that correlations want of this rule's matches.
    fn is_told(&self, plan: &Plan, rule: usize) -> bool {
        let wanted = self.set.wanted.get(rule).map_or(&[][..], Vec::as_slice);
        wanted
            .iter()
            .all(|field| plan.slot_of(*field) != Slot::Record)
    }

    /// Which candidates are read again: those of rules that want few first, as far as the limit goes.
    fn choose(&mut self, case: &Case) {
        let mut wants: BTreeMap<usize, usize> = BTreeMap::new();
        for candidate in &self.candidates {
            for rule in &candidate.rules {
                *wants.entry(*rule).or_default() += candidate.events.len();
            }
        }
        let cost = |candidate: &Candidate| {
            let costs = candidate.rules.iter().filter_map(|rule| wants.get(rule));
            costs.min().copied().unwrap_or(usize::MAX)
        };
        let mut all = std::mem::take(&mut self.candidates);
        all.sort_by_cached_key(cost);
        let mut room = case.settings().limits.rule_events;
        for candidate in all {
            match room.checked_sub(candidate.events.len()) {
                Some(rest) => {
                    room = rest;
                    self.candidates.push(candidate);
                }
                None => {
                    for rule in candidate.rules {
                        *self.not_read.entry(rule).or_default() += candidate.events.len() as u64;
                    }
                }
            }
        }
    }

    fn piece(&self) -> &[Candidate] {
        let rest = self.candidates.get(self.next..).unwrap_or(&[]);
        let mut events = 0;
        let count = rest
            .iter()
            .take_while(|candidate| {
                let fits = events < PIECE_EVENTS;
                events += candidate.events.len();
                fits
            })
            .count();
        rest.get(..count).unwrap_or(rest)
    }

    /// Places whose bytes the search goes on with, in order; none when it has ended.
    #[must_use]
    pub fn needs(&self, case: &Case) -> Vec<Place> {
        let events = self.piece().iter().flat_map(|candidate| &candidate.events);
        events.map(|event| place_of(case, *event)).collect()
    }

    /// Whether everything was looked at that can be.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.next >= self.candidates.len()
    }

    /// Takes the bytes that [`Search::needs`] named.
    pub fn take(&mut self, case: &Case, bytes: &[Vec<u8>]) {
        let mut bytes = bytes.iter();
        let count = self.piece().len();
        let piece: Vec<Candidate> = {
            let end = self.next + count;
            let range = self.candidates.get_mut(self.next..end).unwrap_or_default();
            range
                .iter_mut()
                .map(|candidate| Candidate {
                    view: candidate.view,
                    process: candidate.process,
                    events: std::mem::take(&mut candidate.events),
                    rules: std::mem::take(&mut candidate.rules),
                })
                .collect()
        };
        self.next += count;
        for candidate in piece {
            let mut record: Vec<Field> = Vec::new();
            for event in &candidate.events {
                let own = bytes.next().map_or(&[][..], Vec::as_slice);
                record.extend(fields(case, *event, own));
            }
            self.look_again(case, &candidate, &record);
        }
    }

    fn look_again(&mut self, case: &Case, candidate: &Candidate, record: &[Field]) {
        let Some(plan) = self.plans.iter().find(|plan| plan.view == candidate.view) else {
            return;
        };
        let Some(mut subject) = candidate
            .events
            .first()
            .and_then(|event| subject_of(case, candidate.view, *event, None))
        else {
            return;
        };
        let all = case.processes();
        subject.process = candidate.process.and_then(|at| Some((all.get(at)?, all)));
        subject.record = Some(record);
        let mut found = Vec::new();
        let mut carried: BTreeMap<usize, bool> = BTreeMap::new();
        for rule in &candidate.rules {
            let Some(detection) = self.set.detection(*rule) else {
                continue;
            };
            for field in &detection.fields {
                if plan.slot_of(*field) == Slot::Record {
                    carried.entry(*field).or_insert_with(|| {
                        !plan.values(&self.set, &subject, *field, false).is_empty()
                    });
                }
            }
            if plan.ask_again(&self.set, &subject, *rule) {
                found.push(self.matched(
                    case,
                    plan,
                    &subject,
                    *rule,
                    candidate.process,
                    &candidate.events,
                ));
            }
        }
        for (field, is) in carried {
            *self.carried.entry((candidate.view, field)).or_default() |= is;
        }
        self.matches.extend(found);
    }

    fn matched(
        &self,
        case: &Case,
        plan: &Plan,
        subject: &Subject<'_>,
        rule: usize,
        process: Option<usize>,
        events: &[EventNumber],
    ) -> Match {
        let time = match subject.process {
            Some((process, _)) => process.started(),
            None => case.store().stamp(subject.event).map(|stamp| stamp.instant),
        };
        let (mut selections, mut shown) = (Vec::new(), Vec::new());
        let values = |field: usize| -> Vec<String> {
            let values = plan.values(&self.set, subject, field, false);
            values
                .into_iter()
                .map(std::borrow::Cow::into_owned)
                .collect()
        };
        if let Some(detection) = self.set.detection(rule) {
            for (at, (_, wants)) in detection.selections.iter().enumerate() {
                let holds =
                    wants.holds(&mut |test| Some(plan.passes_again(&self.set, subject, test)));
                if holds == Some(true) {
                    selections.push(at);
                }
            }
            shown = detection
                .fields
                .iter()
                .map(|field| (*field, values(*field)))
                .filter(|(_, values)| !values.is_empty())
                .collect();
        }
        let wanted = self.set.wanted.get(rule).map_or(&[][..], Vec::as_slice);
        Match {
            rule,
            process,
            events: events.to_vec(),
            time,
            selections,
            fields: shown,
            wanted: wanted
                .iter()
                .map(|field| (*field, values(*field)))
                .collect(),
        }
    }

    /// Fields of a rule that were looked for and that nothing carried.
    #[must_use]
    pub fn missing_fields(&self, rule: usize) -> Vec<&str> {
        let Some(detection) = self.set.detection(rule) else {
            return Vec::new();
        };
        let Some(plan) = self
            .plans
            .iter()
            .find(|plan| plan.view == detection.scope.view)
        else {
            return Vec::new();
        };
        let missing = detection
            .fields
            .iter()
            .filter(|field| self.carried.get(&(plan.view, **field)) == Some(&false));
        missing
            .filter_map(|field| self.set.tests.fields.get(*field))
            .map(String::as_str)
            .collect()
    }
}

/// An event as one side of the case sees it.
fn subject_of<'a>(
    case: &'a Case,
    view: View,
    event: EventNumber,
    fact: Option<FactAt<'a>>,
) -> Option<Subject<'a>> {
    let store = case.store();
    let item = case.items().get(store.item_of(event) as usize)?;
    let fact = fact.or_else(|| store.facts_of(event).next());
    Some(Subject {
        view,
        event,
        store,
        item,
        fact,
        process: None,
        record: None,
    })
}

/// Calls `each` with every subject of one side of the case, in time order.
fn each_subject<'a>(
    case: &'a Case,
    view: View,
    mut each: impl FnMut(Subject<'a>, Option<usize>, &[EventNumber]),
) {
    let store = case.store();
    if view == View::Process {
        let all = case.processes();
        for (at, process) in all.iter().enumerate() {
            let Some(mut subject) = process
                .events
                .first()
                .and_then(|event| subject_of(case, view, *event, None))
            else {
                continue;
            };
            subject.process = Some((process, all));
            // Its end says nothing that a rule for starts asks for.
            let starts: Vec<EventNumber> = process
                .events
                .iter()
                .copied()
                .filter(|event| store.columns.kind(*event as usize) != EventKind::ProcessEnd)
                .collect();
            each(subject, Some(at), &starts);
        }
        return;
    }
    let sides: Vec<(bool, bool)> = case.items().iter().map(sides).collect();
    for event in store.order() {
        let item = store.item_of(*event) as usize;
        let (windows, linux) = sides.get(item).copied().unwrap_or_default();
        let kind = store.columns.kind(*event as usize);
        let is_seen = match view {
            View::Cloud => kind == EventKind::CloudOperation,
            View::Audit => kind == EventKind::DirectoryAudit,
            View::SignIn => kind == EventKind::SignIn,
            View::Risk => kind == EventKind::IdentityRisk,
            View::PowerShell => kind == EventKind::PowerShell,
            View::Network => kind == EventKind::Network,
            View::File => kind == EventKind::File,
            View::Windows => windows,
            View::Linux => linux,
            View::Process => false,
        };
        if !is_seen {
            continue;
        }
        if let Some(subject) = subject_of(case, view, *event, None) {
            each(subject, None, &[*event]);
        }
    }
}

/// Whether an item is a Windows log, and whether it is a Linux one.
fn sides(item: &Item) -> (bool, bool) {
    let format = item
        .report
        .as_ref()
        .map_or("", |report| report.format.as_str());
    (is_windows_format(format), is_linux_format(format))
}
