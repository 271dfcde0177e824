//! Where readers put events, and the conservation law they obey.
//!
//! Every record is begun once and ends once: as an event, as a continuation folded into another
//! event, or skipped with a problem. [`Record`] is a receipt that must be spent, so forgetting one is
//! a compiler warning, and [`Counts::conserved`] says so at the end of every item.
//!
//! In *detail* mode the same reader reads one record again and the sink keeps summary and fields.
//!
//! Rejected: returning `Vec<Event>` from readers. It allocates per record and loses the place where
//! a problem happened.

use super::batch::{EventBatch, Span};
use super::fact::Fact;
use super::intern::{Interner, Symbol};
use super::{Event, Field};
use crate::problem::{Code, Problems};
use serde::{Deserialize, Serialize};

/// A begun record. Give it to [`Sink::event`], [`Sink::fold`] or [`Sink::skip`].
#[must_use = "a record ends as an event, folded or skipped"]
#[derive(Debug)]
pub struct Record(u64);

/// How many records ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Begun.
    pub records: u64,
    /// Became events.
    pub events: u64,
    /// Became part of another record's event.
    pub folded: u64,
    /// Not read; each has a problem.
    pub skipped: u64,
}

impl Counts {
    /// `records = events + folded + skipped`.
    #[must_use]
    pub fn conserved(self) -> bool {
        self.records == self.events + self.folded + self.skipped
    }
}

/// An event as the details panel wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Where its record lies.
    pub span: Span,
    /// One line.
    pub summary: String,
    /// All fields.
    pub fields: Vec<Field>,
}

/// Number of the first record of a segment until it is known how many come before it. No segment has as many records.
pub const FIRST_OF_SEGMENT: u64 = 1 << 31;

/// Receives what a reader finds.
#[derive(Debug, Default)]
pub struct Sink {
    batch: EventBatch,
    strings: Interner,
    problems: Problems,
    counts: Counts,
    /// Added to the number of each record.
    uncounted: u64,
    described: Option<Vec<Described>>,
    /// In detail mode: the place looked at.
    only: Option<Span>,
}

impl Sink {
    /// A sink for reading an item.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A sink for reading a segment of an item whose records before are not counted yet: numbers begin at [`FIRST_OF_SEGMENT`].
    #[must_use]
    pub fn of_segment() -> Self {
        Self {
            uncounted: FIRST_OF_SEGMENT,
            ..Self::default()
        }
    }

    /// A sink that keeps summaries and fields.
    #[must_use]
    pub fn for_detail() -> Self {
        Self {
            described: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// A sink that keeps summary and fields of the event at this place; readers may pass over others.
    #[must_use]
    pub fn for_detail_of(span: Span) -> Self {
        Self {
            described: Some(Vec::new()),
            only: Some(span),
            ..Self::default()
        }
    }

    /// Whether nobody looks at the record there.
    #[must_use]
    pub fn passes_over(&self, span: Span) -> bool {
        self.only.is_some_and(|only| only != span)
    }

    /// Whether summary and fields are wanted. Readers leave them empty otherwise.
    #[must_use]
    pub fn wants_detail(&self) -> bool {
        self.described.is_some()
    }

    /// The symbol of a text, for facts.
    pub fn intern(&mut self, text: &str) -> Symbol {
        self.strings.intern(text)
    }

    /// The symbol of an optional text.
    pub fn intern_some(&mut self, text: Option<&str>) -> Symbol {
        self.strings.intern_some(text)
    }

    /// Begins the next record.
    pub fn begin(&mut self) -> Record {
        let number = self.uncounted + self.counts.records;
        self.counts.records += 1;
        Record(number)
    }

    /// Ends a record as an event.
    pub fn event(&mut self, record: Record, span: Span, mut event: Event<'_>) {
        self.counts.events += 1;
        if let Some(fact) = event.fact.take() {
            let number = u32::try_from(self.batch.columns.len()).unwrap_or(u32::MAX);
            self.batch.facts.push((number, fact));
        }
        self.batch
            .columns
            .push(&event, record.0, span, &mut self.strings);
        if let Some(described) = &mut self.described {
            described.push(Described {
                span,
                summary: event.summary,
                fields: event.fields,
            });
        }
    }

    /// Adds a fact to the event that was given last: what it says beyond its own kind.
    pub fn add_fact(&mut self, fact: Fact) {
        if let Some(last) = self.batch.columns.len().checked_sub(1) {
            let number = u32::try_from(last).unwrap_or(u32::MAX);
            self.batch.facts.push((number, fact));
        }
    }

    /// Ends a record as a part of another record's event.
    pub fn fold(&mut self, record: Record) {
        let Record(_) = record;
        self.counts.folded += 1;
    }

    /// Ends a record unread.
    pub fn skip(&mut self, record: Record, code: Code, span: Span, text: impl Into<String>) {
        self.counts.skipped += 1;
        self.problems
            .add(code, Some(record.0), Some((span.offset, span.length)), text);
    }

    /// Notes a problem at a place, without ending a record.
    pub fn problem(&mut self, code: Code, span: Option<Span>, text: impl Into<String>) {
        let record = (self.uncounted + self.counts.records).checked_sub(1);
        self.problems.add(
            code,
            record,
            span.map(|span| (span.offset, span.length)),
            text,
        );
    }

    /// Notes a problem of the record that will be begun next.
    pub fn problem_next(&mut self, code: Code, span: Span, text: impl Into<String>) {
        self.problems.add(
            code,
            Some(self.uncounted + self.counts.records),
            Some((span.offset, span.length)),
            text,
        );
    }

    /// How often a problem was noted.
    #[must_use]
    pub fn problem_count(&self, code: Code) -> u64 {
        self.problems.count(code)
    }

    /// How many records ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Events waiting in the batch.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.batch.columns.len()
    }

    /// Bytes of the texts waiting in the batch.
    #[must_use]
    pub fn waiting_text(&self) -> usize {
        self.strings.strings().bytes()
    }

    /// The facts gathered in the current batch (tests and finishing readers look at them).
    #[must_use]
    pub fn facts(&self) -> &[(u32, Fact)] {
        &self.batch.facts
    }

    /// The batch so far; the next one starts empty.
    pub fn take_batch(&mut self) -> EventBatch {
        let mut batch = std::mem::take(&mut self.batch);
        batch.strings = self.strings.take();
        batch
    }

    /// The described events of detail mode.
    pub fn take_described(&mut self) -> Vec<Described> {
        self.described.take().unwrap_or_default()
    }

    /// The problems, leaving none.
    pub fn take_problems(&mut self) -> Problems {
        std::mem::take(&mut self.problems)
    }
}
