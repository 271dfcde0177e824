//! One pass over what the case keeps, for all rules of one side of the case.
//!
//! Every literal of every rule that is looked for in one field goes into one automaton. A field's value runs through it once; the literals it
//! holds name the tests that pass, and these name the only rules that can match. Rules whose condition may hold without any literal (a number, an
//! absence, a field that only the record has) are asked each time.
//!
//! ```text
//! CommandLine ──automaton──► tests 4, 17 ──► rules 2, 9 ──condition──► match · no match · read the record again
//! ```
//!
//! Rejected: an index of exact values. Four rules of five look for parts of values, so it would leave nearly all of them to be asked.

use super::field::{Slot, slot};
use super::matcher::Matcher;
use super::pattern::{Shape, fold};
use super::rule_set::RuleSet;
use super::source::{Scope, View};
use super::subject::{Subject, Values};
use aho_corasick::AhoCorasick;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// A literal of a test.
#[derive(Clone, Copy, Debug)]
struct Needle {
    test: usize,
    shape: Shape,
}

/// A field whose values run through an automaton.
struct Searched {
    slot: Slot,
    automaton: AhoCorasick,
    /// For each literal the tests that want it.
    needles: Vec<Vec<Needle>>,
    /// Positions in `rules` that wait for one of them.
    waiting: Vec<usize>,
}

/// The rules of one side of the case.
pub struct Plan {
    /// The side.
    pub view: View,
    /// Scopes of the rules, each once.
    pub scopes: Vec<Scope>,
    /// (rule, scope).
    rules: Vec<(usize, usize)>,
    searched: Vec<Searched>,
    /// Slot of each field of the set.
    slots: Vec<Slot>,
    /// Whether a test is settled by the automaton.
    by_literal: Vec<bool>,
    /// Positions in `rules` that are asked whatever was found.
    always: Vec<usize>,
    /// Test → positions in `rules`.
    triggered: Vec<Vec<usize>>,
}

/// What a pass over one subject keeps between subjects, so that nothing is allocated anew.
pub struct Scratch {
    round: u32,
    /// Round in which a test was found to pass.
    passed: Vec<u32>,
    /// Round in which a rule was put on the list.
    listed: Vec<u32>,
    list: Vec<usize>,
    /// Slots that ever had a value.
    pub seen: BTreeMap<Slot, bool>,
    /// How many subjects each scope had.
    pub in_scope: Vec<u64>,
}

/// What a rule says to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It matches.
    Match,
    /// Only the record can say.
    Open,
}

impl Plan {
    /// The plan of one side; `None` where no rule looks at it.
    #[must_use]
    pub fn new(set: &RuleSet, view: View) -> Option<Self> {
        let mut scopes: Vec<Scope> = Vec::new();
        let mut rules = Vec::new();
        for rule in 0..set.rules.len() {
            let Some(detection) = set.detection(rule).filter(|found| found.scope.view == view)
            else {
                continue;
            };
            let scope = scopes
                .iter()
                .position(|known| *known == detection.scope)
                .unwrap_or_else(|| {
                    scopes.push(detection.scope.clone());
                    scopes.len() - 1
                });
            rules.push((rule, scope));
        }
        if rules.is_empty() {
            return None;
        }
        let slots: Vec<Slot> = set
            .tests
            .fields
            .iter()
            .map(|name| slot(view, name))
            .collect();
        let mut plan = Self {
            view,
            scopes,
            rules,
            searched: Vec::new(),
            slots,
            by_literal: vec![false; set.tests.tests.len()],
            always: Vec::new(),
            triggered: vec![Vec::new(); set.tests.tests.len()],
        };
        let lengths = plan.gather(set);
        let usable = |test: usize| lengths.get(&test).copied();
        for (position, (rule, _)) in plan.rules.iter().enumerate() {
            let condition = set.detection(*rule).map(|found| &found.condition);
            match condition.and_then(|condition| condition.triggers(&usable)) {
                Some(tests) => {
                    for test in tests {
                        if let Some(list) = plan.triggered.get_mut(test) {
                            list.push(position);
                        }
                    }
                }
                None => plan.always.push(position),
            }
        }
        for searched in &mut plan.searched {
            let tests = searched.needles.iter().flatten();
            let waiting = tests.filter_map(|needle| plan.triggered.get(needle.test));
            searched.waiting = waiting.flatten().copied().collect();
            searched.waiting.sort_unstable();
            searched.waiting.dedup();
        }
        Some(plan)
    }

    /// Builds the automata; answers the length of the literal of each test that has one.
    fn gather(&mut self, set: &RuleSet) -> BTreeMap<usize, usize> {
        let mut used = vec![false; set.tests.tests.len()];
        for (rule, _) in &self.rules {
            if let Some(detection) = set.detection(*rule) {
                detection.condition.each(&mut |test| {
                    if let Some(slot) = used.get_mut(test) {
                        *slot = true;
                    }
                });
            }
        }
        let mut lengths = BTreeMap::new();
        let mut by_slot: BTreeMap<Slot, BTreeMap<String, Vec<Needle>>> = BTreeMap::new();
        for (number, test) in set.tests.tests.iter().enumerate() {
            let (Some(true), Some(field)) = (used.get(number), test.field) else {
                continue;
            };
            let Some(slot) = self
                .slots
                .get(field)
                .copied()
                .filter(|slot| *slot != Slot::Record)
            else {
                continue;
            };
            let Matcher::Text {
                pattern,
                cased: false,
            } = &test.matcher
            else {
                continue;
            };
            let Some(literal) = pattern.longest_literal() else {
                continue;
            };
            lengths.insert(number, literal.len());
            if let Some(by_literal) = self.by_literal.get_mut(number) {
                *by_literal = true;
            }
            let needle = Needle {
                test: number,
                shape: pattern.shape(),
            };
            let needles = by_slot.entry(slot).or_default();
            needles.entry(literal).or_default().push(needle);
        }
        for (slot, needles) in by_slot {
            // Only literals that are too many to number make it fail; then their tests are asked one by one.
            match AhoCorasick::new(needles.keys()) {
                Ok(automaton) => self.searched.push(Searched {
                    slot,
                    automaton,
                    needles: needles.into_values().collect(),
                    waiting: Vec::new(),
                }),
                Err(_) => {
                    for needle in needles.values().flatten() {
                        lengths.remove(&needle.test);
                        if let Some(by_literal) = self.by_literal.get_mut(needle.test) {
                            *by_literal = false;
                        }
                    }
                }
            }
        }
        lengths
    }

    /// A scratch for this plan.
    #[must_use]
    pub fn scratch(&self, set: &RuleSet) -> Scratch {
        Scratch {
            round: 0,
            passed: vec![0; set.tests.tests.len()],
            listed: vec![0; self.rules.len()],
            list: Vec::new(),
            seen: BTreeMap::new(),
            in_scope: vec![0; self.scopes.len()],
        }
    }

    /// The scope of a rule of this plan.
    #[must_use]
    pub fn scope_of(&self, rule: usize) -> Option<usize> {
        let at = self.rules.binary_search_by_key(&rule, |(rule, _)| *rule);
        self.rules.get(at.ok()?).map(|(_, scope)| *scope)
    }

    /// Slot of a field on this side.
    #[must_use]
    pub fn slot_of(&self, field: usize) -> Slot {
        self.slots.get(field).copied().unwrap_or(Slot::Record)
    }

    /// Asks all rules about a subject, by what the case keeps of it.
    pub fn ask(
        &self,
        set: &RuleSet,
        subject: &Subject<'_>,
        scratch: &mut Scratch,
        mut each: impl FnMut(usize, Answer),
    ) {
        scratch.round += 1;
        scratch.list.clear();
        let in_scope: Vec<Option<bool>> = self
            .scopes
            .iter()
            .map(|scope| subject.is_in(scope))
            .collect();
        let mut any = false;
        for (answer, count) in in_scope.iter().zip(&mut scratch.in_scope) {
            if *answer != Some(false) {
                *count += 1;
                any = true;
            }
        }
        if !any {
            return;
        }
        for searched in &self.searched {
            let Some(values) = subject.kept(searched.slot) else {
                // Of this very event the case does not keep the field: its record has to say.
                for position in &searched.waiting {
                    list(scratch, *position);
                }
                continue;
            };
            if !values.is_empty() {
                scratch.seen.insert(searched.slot, true);
            }
            for value in &values {
                self.run(set, searched, &fold(value), scratch);
            }
        }
        for position in &self.always {
            list(scratch, *position);
        }
        scratch.list.sort_unstable();
        let round = scratch.round;
        let keywords: OnceCell<Values<'_>> = OnceCell::new();
        for position in &scratch.list {
            let Some((rule, scope)) = self.rules.get(*position).copied() else {
                continue;
            };
            let inside = in_scope.get(scope).copied().flatten();
            if in_scope.get(scope) == Some(&Some(false)) {
                continue;
            }
            let Some(detection) = set.detection(rule) else {
                continue;
            };
            let holds = detection.condition.holds(&mut |test| {
                if self.by_literal.get(test) == Some(&true) {
                    let passed = scratch.passed.get(test) == Some(&round);
                    // What the case does not keep of this very event is in its record.
                    return passed.then_some(true).or_else(|| {
                        let field = set.tests.tests.get(test)?.field?;
                        subject.kept(self.slot_of(field)).map(|_| false)
                    });
                }
                self.settle(set, subject, test, &keywords)
            });
            match (holds, inside) {
                (Some(false), _) => {}
                (Some(true), Some(true)) => each(rule, Answer::Match),
                _ => each(rule, Answer::Open),
            }
        }
    }

    fn run(&self, set: &RuleSet, searched: &Searched, value: &str, scratch: &mut Scratch) {
        for found in searched.automaton.find_overlapping_iter(value) {
            let needles = searched.needles.get(found.pattern().as_usize());
            for needle in needles.into_iter().flatten() {
                if scratch.passed.get(needle.test) == Some(&scratch.round) {
                    continue;
                }
                let passes = match needle.shape {
                    Shape::Inside => true,
                    Shape::Start => found.start() == 0,
                    Shape::End => found.end() == value.len(),
                    Shape::Whole => found.start() == 0 && found.end() == value.len(),
                    Shape::Mixed => set.tests.tests.get(needle.test).is_some_and(|test| {
                        matches!(&test.matcher, Matcher::Text { pattern, .. } if pattern.matches(value))
                    }),
                };
                if !passes {
                    continue;
                }
                if let Some(slot) = scratch.passed.get_mut(needle.test) {
                    *slot = scratch.round;
                }
                for position in self.triggered.get(needle.test).into_iter().flatten() {
                    list(scratch, *position);
                }
            }
        }
    }

    /// A test without a literal, by what is kept.
    fn settle<'a>(
        &self,
        set: &RuleSet,
        subject: &Subject<'a>,
        test: usize,
        keywords: &OnceCell<Values<'a>>,
    ) -> Option<bool> {
        let test = set.tests.tests.get(test)?;
        let Some(field) = test.field else {
            let texts = keywords.get_or_init(|| subject.kept_text());
            return test.matcher.holds(texts, |_| Vec::new()).then_some(true);
        };
        let slot = self.slot_of(field);
        if test.matcher.minds_case() && slot.is_folded() {
            return None;
        }
        let values = subject.kept(slot)?;
        if values.is_empty() && matches!(test.matcher, Matcher::Null | Matcher::Exists) {
            return None;
        }
        if let Matcher::Same { field: other, .. } = test.matcher {
            let others = subject.kept(self.slot_of(other))?;
            return Some(test.matcher.holds(&values, |_| others));
        }
        Some(test.matcher.holds(&values, |_| Vec::new()))
    }

    /// Asks one rule about a subject whose record was read again: nothing stays open.
    #[must_use]
    pub fn ask_again(&self, set: &RuleSet, subject: &Subject<'_>, rule: usize) -> bool {
        let Some(detection) = set.detection(rule) else {
            return false;
        };
        subject.is_in(&detection.scope) == Some(true)
            && detection
                .condition
                .holds(&mut |test| Some(self.passes_again(set, subject, test)))
                == Some(true)
    }

    /// Whether a test passes with the record at hand.
    #[must_use]
    pub fn passes_again(&self, set: &RuleSet, subject: &Subject<'_>, test: usize) -> bool {
        let Some(test) = set.tests.tests.get(test) else {
            return false;
        };
        match test.field {
            None => test.matcher.holds(&subject.everything(), |_| Vec::new()),
            Some(field) => {
                let minds = test.matcher.minds_case();
                let values = self.values(set, subject, field, minds);
                test.matcher
                    .holds(&values, |other| self.values(set, subject, other, minds))
            }
        }
    }

    /// What case and record say of a field; the record alone where letter case counts and it says anything.
    #[must_use]
    pub fn values<'a>(
        &self,
        set: &RuleSet,
        subject: &Subject<'a>,
        field: usize,
        minds_case: bool,
    ) -> Values<'a> {
        let name = set.tests.fields.get(field).map_or("", String::as_str);
        let mut values = subject.from_record(name);
        let slot = self.slot_of(field);
        if values.is_empty() || !(minds_case && slot.is_folded()) {
            values.extend(subject.kept(slot).into_iter().flatten());
        }
        values
    }
}

fn list(scratch: &mut Scratch, position: usize) {
    if let Some(round) = scratch.listed.get_mut(position)
        && *round != scratch.round
    {
        *round = scratch.round;
        scratch.list.push(position);
    }
}
