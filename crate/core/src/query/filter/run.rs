//! Running a filter over the events of a case.
//!
//! Each distinct text, kind, item and finding is judged once. What is left for an event is a lookup per term, and terms are joined 64
//! events at a time as words of bits: `a and not b` is one instruction for 64 events, and `b` is not asked where `a` let nothing through.
//!
//! ```text
//! events   0..63      64..127
//! caller   0b…0110    0b…0000
//! not vm   0b…1011    (not asked)
//! all      0b…0010    0b…0000
//! ```

use super::fields::Source;
use super::search::Found;
use super::{Filter, Node, Pattern, Term, Test};
use crate::case::Case;
use crate::case::notes::Note;
use crate::case::store::{EventNumber, Store};
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::event::{EventKind, Outcome};
use crate::identity::{ResourceId, fold, host_label};
use crate::severity::Severity;
use std::cell::RefCell;
use std::net::IpAddr;

/// A bit for each of many things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// None of `count` things.
    #[must_use]
    pub fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Makes room for `count` things.
    pub fn reach(&mut self, count: usize) {
        if self.0.len() * 64 < count {
            self.0.resize(count.div_ceil(64), 0);
        }
    }

    /// Puts one in.
    pub fn put(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// Whether one is in.
    #[must_use]
    pub fn has(&self, at: usize) -> bool {
        self.word(at / 64) & (1 << (at % 64)) != 0
    }

    /// How many are in.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }
}

/// The events that a filter lets through.
#[must_use]
pub fn matching(filter: &Filter, case: &Case, found: &Found) -> Bits {
    let store = case.store();
    let mut bits = Bits::none(store.len());
    let Some(root) = &filter.root else {
        bits.0.fill(u64::MAX);
        return bits;
    };
    let check = Compiler { case, found }.node(root);
    for (at, word) in bits.0.iter_mut().enumerate() {
        *word = check.word(store, at, u64::MAX);
    }
    bits
}

/// The events that a filter lets through, in the case's order of time.
#[must_use]
pub fn rows(filter: &Filter, case: &Case, found: &Found) -> Vec<EventNumber> {
    let bits = matching(filter, case, found);
    let order = case.store().order();
    order
        .iter()
        .copied()
        .filter(|event| bits.has(*event as usize))
        .collect()
}

/// A filter made ready for one case.
enum Check<'a> {
    All(Vec<Check<'a>>),
    Any(Vec<Check<'a>>),
    Not(Box<Check<'a>>),
    /// Events known one by one.
    Events(Bits),
    /// Events of certain items.
    Items(Bits),
    Kinds(u64),
    Outcomes(u64),
    Bases(&'a Test),
    Moments {
        from: i128,
        to: i128,
    },
    Records {
        from: i128,
        to: i128,
    },
    Lengths {
        from: i128,
        to: i128,
    },
    Texts(Texts<'a>),
}

/// A test of a column's texts, each judged when it is first met.
struct Texts<'a> {
    /// Any of them may pass.
    columns: Vec<&'a Column<Symbol>>,
    judge: Box<dyn Fn(&str) -> bool + 'a>,
    /// By symbol: 0 not met yet, 1 no, 2 yes.
    known: RefCell<Vec<u8>>,
    /// Where the columns are empty: what the item says.
    otherwise: Option<Box<Check<'a>>>,
}

impl Check<'_> {
    /// Which of the 64 events from `64 * at` on pass, of those that `asked` names.
    fn word(&self, store: &Store, at: usize, asked: u64) -> u64 {
        if asked == 0 {
            return 0;
        }
        match self {
            Self::All(parts) => parts
                .iter()
                .fold(asked, |left, part| part.word(store, at, left)),
            Self::Any(parts) => parts.iter().fold(0, |passed, part| {
                passed | part.word(store, at, asked & !passed)
            }),
            Self::Not(part) => asked & !part.word(store, at, asked),
            Self::Events(events) => asked & events.word(at),
            Self::Items(items) => each(asked, at, |event| {
                store
                    .item
                    .get(event)
                    .is_some_and(|item| items.has(item as usize))
            }),
            Self::Kinds(kinds) => each(asked, at, |event| {
                let kind = store.columns.kind.get(event);
                kind.is_some_and(|kind| kinds >> kind & 1 == 1)
            }),
            Self::Outcomes(outcomes) => each(asked, at, |event| {
                let outcome = store.columns.outcome.get(event);
                outcome.is_some_and(|outcome| outcomes >> outcome & 1 == 1)
            }),
            Self::Bases(test) => each(asked, at, |event| {
                let stamp = u32::try_from(event)
                    .ok()
                    .and_then(|event| store.stamp(event));
                stamp.is_some_and(|stamp| says(test, stamp.basis.word()))
            }),
            Self::Moments { from, to } => each(asked, at, |event| {
                let stamp = u32::try_from(event)
                    .ok()
                    .and_then(|event| store.stamp(event));
                stamp.is_some_and(|stamp| (*from..*to).contains(&i128::from(stamp.instant.ns)))
            }),
            Self::Records { from, to } => each(asked, at, |event| {
                let record = store.columns.record.get(event);
                record.is_some_and(|record| (*from..*to).contains(&i128::from(record)))
            }),
            Self::Lengths { from, to } => each(asked, at, |event| {
                let length = store.columns.length.get(event);
                length.is_some_and(|length| (*from..*to).contains(&i128::from(length)))
            }),
            Self::Texts(texts) => texts.word(store, at, asked),
        }
    }
}

impl Texts<'_> {
    fn word(&self, store: &Store, at: usize, asked: u64) -> u64 {
        let mut empty = 0_u64;
        let mut known = self.known.borrow_mut();
        let passed = each(asked, at, |event| {
            let mut there = false;
            for symbol in self.columns.iter().filter_map(|column| column.get(event)) {
                let Some(slot) = known
                    .get_mut(symbol.0 as usize)
                    .filter(|_| symbol.is_some())
                else {
                    continue;
                };
                there = true;
                if *slot == 0 {
                    *slot = 1 + u8::from((self.judge)(store.strings.text(symbol)));
                }
                if *slot == 2 {
                    return true;
                }
            }
            if !there {
                empty |= 1 << (event % 64);
            }
            false
        });
        drop(known);
        let otherwise = self.otherwise.as_ref();
        passed | otherwise.map_or(0, |check| check.word(store, at, empty))
    }
}

/// Asks `passes` of each named event of a word.
fn each(asked: u64, at: usize, mut passes: impl FnMut(usize) -> bool) -> u64 {
    let mut left = asked;
    let mut passed = 0;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        if passes(at * 64 + bit as usize) {
            passed |= 1 << bit;
        }
    }
    passed
}

struct Compiler<'a> {
    case: &'a Case,
    found: &'a Found,
}

impl<'a> Compiler<'a> {
    fn node(&self, node: &'a Node) -> Check<'a> {
        match node {
            Node::All(parts) => Check::All(parts.iter().map(|part| self.node(part)).collect()),
            Node::Any(parts) => Check::Any(parts.iter().map(|part| self.node(part)).collect()),
            Node::Not(part) => Check::Not(Box::new(self.node(part))),
            Node::Term(term) => self.term(term),
            Node::Text(text) => self.text(text),
        }
    }

    fn term(&self, term: &'a Term) -> Check<'a> {
        let (store, test) = (self.case.store(), &term.test);
        let columns = &store.columns;
        let (from, to) = match test {
            Test::Between { from, to } => (from.unwrap_or(i128::MIN), to.unwrap_or(i128::MAX)),
            _ => (i128::MIN, i128::MAX),
        };
        match term.field.source {
            Source::Time => Check::Moments { from, to },
            Source::Record => Check::Records { from, to },
            Source::Bytes => Check::Lengths { from, to },
            Source::Basis => Check::Bases(test),
            Source::Kind => Check::Kinds(mask(EventKind::ALL.iter().map(|kind| kind.word()), test)),
            Source::Outcome => Check::Outcomes(mask(
                Outcome::ALL.iter().map(|outcome| outcome.word()),
                test,
            )),
            Source::Caller => self.texts(&columns.actor, |text| says(test, text)),
            Source::Ip => self.texts(&columns.ip, |text| says(test, text)),
            Source::Operation => self.texts(&columns.operation, |text| says(test, text)),
            Source::Correlation => self.texts(&columns.correlation, |text| says(test, text)),
            Source::Resource => self.texts(&columns.resource, |text| says(test, text)),
            Source::Subscription => self.texts(&columns.resource, |text| {
                ResourceId::parse(text)
                    .subscription()
                    .is_some_and(|part| says(test, part))
            }),
            Source::Group => self.texts(&columns.resource, |text| {
                ResourceId::parse(text)
                    .resource_group()
                    .is_some_and(|part| says(test, part))
            }),
            Source::Host => self.host(test, |test, text| {
                says(test, text) || says(test, &host_label(text))
            }),
            Source::Vm => {
                let named = self.texts(&columns.resource, |text| {
                    ResourceId::parse(text)
                        .vm()
                        .is_some_and(|vm| says(test, &vm))
                });
                let guest = self.host(test, |test, text| says(test, &host_label(text)));
                Check::Any(vec![named, guest])
            }
            Source::Path => self.items(|item| says(test, &item.path)),
            Source::Format => self.items(|item| {
                let report = item.report.as_ref();
                report.is_some_and(|report| says(test, &report.format))
            }),
            Source::Detector => self.findings(|finding| says(test, &finding.detector)),
            Source::Severity => {
                self.findings(move |finding| (from..to).contains(&rank(finding.severity)))
            }
            Source::Starred => {
                let starred = self.noted(|note| note.starred);
                let no = !matches!(test, Test::Present) && says(test, "no");
                match (says(test, "yes"), no) {
                    (true, true) => Check::Not(Box::new(self.noted(|_| false))),
                    (true, false) => starred,
                    (false, true) => Check::Not(Box::new(starred)),
                    (false, false) => self.noted(|_| false),
                }
            }
            Source::Tag => self.noted(|note| note.tags.iter().any(|tag| says(test, tag))),
            Source::Comment => {
                self.noted(|note| !note.comment.is_empty() && (says(test, &note.comment)))
            }
            Source::Execution => {
                let executions = self.case.linked().executions.iter().enumerate();
                let wanted = executions
                    .filter(|(at, _)| i128::try_from(*at).is_ok_and(|at| (from..to).contains(&at)));
                self.events(wanted.flat_map(|(_, execution)| {
                    let operation = execution
                        .operation
                        .and_then(|at| self.case.operations().get(at));
                    let run = execution.run.and_then(|at| self.case.runs().get(at));
                    let told = operation.map(|operation| &operation.events);
                    let ran = run.map(|run| &run.events);
                    told.into_iter()
                        .chain(ran)
                        .flatten()
                        .chain(&execution.processes)
                        .chain(&execution.flows)
                }))
            }
        }
    }

    fn texts(&self, column: &'a Column<Symbol>, judge: impl Fn(&str) -> bool + 'a) -> Check<'a> {
        self.any_text(vec![column], judge)
    }

    fn any_text(
        &self,
        columns: Vec<&'a Column<Symbol>>,
        judge: impl Fn(&str) -> bool + 'a,
    ) -> Check<'a> {
        Check::Texts(Texts {
            columns,
            judge: Box::new(judge),
            known: RefCell::new(vec![0; self.case.store().strings.strings().len() + 1]),
            otherwise: None,
        })
    }

    /// The guest: as the record names it, else as its item does.
    fn host(&self, test: &'a Test, judge: impl Fn(&Test, &str) -> bool + Copy + 'a) -> Check<'a> {
        let of_item =
            self.items(move |item| item.host.as_deref().is_some_and(|host| judge(test, host)));
        let mut check = self.texts(&self.case.store().columns.host, move |text| {
            judge(test, text)
        });
        if let Check::Texts(texts) = &mut check {
            texts.otherwise = Some(Box::new(of_item));
        }
        check
    }

    fn items(&self, judge: impl Fn(&crate::case::item::Item) -> bool) -> Check<'a> {
        let mut bits = Bits::none(self.case.items().len());
        for (at, item) in self.case.items().iter().enumerate() {
            if judge(item) {
                bits.put(at);
            }
        }
        Check::Items(bits)
    }

    fn events(&self, events: impl Iterator<Item = &'a EventNumber>) -> Check<'a> {
        let mut bits = Bits::none(self.case.store().len());
        events.for_each(|event| bits.put(*event as usize));
        Check::Events(bits)
    }

    fn noted(&self, wanted: impl Fn(&Note) -> bool) -> Check<'a> {
        let mut bits = Bits::none(self.case.store().len());
        let store = self.case.store();
        for (item, ordinal, note) in self.case.notes().events() {
            if let Some(event) = store.event_of(item, ordinal).filter(|_| wanted(note)) {
                bits.put(event as usize);
            }
        }
        Check::Events(bits)
    }

    fn findings(&self, wanted: impl Fn(&crate::detect::Finding) -> bool + 'a) -> Check<'a> {
        let findings = self
            .case
            .findings()
            .iter()
            .filter(move |finding| wanted(finding));
        self.events(findings.flat_map(|finding| self.case.finding_events(finding)))
    }

    /// A text anywhere: in a column, in the path, or in the bytes of the record as far as they were searched.
    fn text(&self, text: &'a str) -> Check<'a> {
        let needle = fold(text);
        let columns = &self.case.store().columns;
        let paths = self.items(|item| fold(&item.path).contains(&needle));
        let columns: Vec<&Column<Symbol>> = vec![
            &columns.host,
            &columns.actor,
            &columns.ip,
            &columns.resource,
            &columns.operation,
            &columns.correlation,
        ];
        let mut parts = vec![
            self.any_text(columns, move |text| fold(text).contains(&needle)),
            paths,
        ];
        if let Some(events) = self.found.events(text) {
            parts.push(Check::Events(events.clone()));
        }
        Check::Any(parts)
    }
}

fn rank(severity: Severity) -> i128 {
    severity as i128
}

/// The words that pass, as bits.
fn mask(words: impl Iterator<Item = &'static str>, test: &Test) -> u64 {
    words
        .enumerate()
        .filter(|(_, word)| !word.is_empty() && says(test, word))
        .fold(0, |mask, (at, _)| mask | 1 << at)
}

/// Whether a text passes a test: whole, or what stands between two of its slashes.
fn says(test: &Test, text: &str) -> bool {
    match test {
        Test::Present => !text.is_empty(),
        Test::Like(pattern) => like(pattern, text),
        Test::Matches(expression) => expression.is_match(text),
        Test::Within(network) => text.parse::<IpAddr>().is_ok_and(|address| {
            let plain = match address {
                IpAddr::V6(address) => address
                    .to_ipv4_mapped()
                    .map_or(IpAddr::V6(address), IpAddr::V4),
                v4 => v4,
            };
            network.holds(plain)
        }),
        Test::Between { .. } => false,
    }
}

fn like(pattern: &Pattern, text: &str) -> bool {
    let folded = fold(text);
    if pattern.fits(&folded) {
        return true;
    }
    folded.contains(['/', '\\'])
        && folded
            .split(['/', '\\'])
            .any(|part| !part.is_empty() && pattern.fits(part))
}
