//! Identity records: sign-ins, directory changes, risk detections and behaviour rows, from whichever export.
//!
//! Graph, diagnostic settings and Log Analytics name the same columns in camelCase or PascalCase; a format finds them, this shape says what they mean for
//! the case: who, from where, with which token, to what end (detectors 0.1, 0.4).
//!
//! Rejected: one event kind for all of them. A failed sign-in and a changed secret are read with different eyes.

use crate::event::batch::Span;
use crate::event::fact::{Fact, IdentityFact};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Field, Outcome};
use crate::identity::{address, fold};
use crate::problem::Code;
use crate::record::cloud::Text;
use crate::time::Stamp;
use std::borrow::Cow;

/// The parts of one record.
#[derive(Clone, Debug, Default)]
pub struct DirectoryRecord<'a> {
    /// When.
    pub time: Option<Stamp>,
    /// Who did it, as the record spells it.
    pub actor: Text<'a>,
    /// From which address.
    pub ip: Text<'a>,
    /// What: `Sign-in activity`, `Add member to group`, a risk type.
    pub operation: Text<'a>,
    /// To what.
    pub resource: Text<'a>,
    /// Correlation id.
    pub correlation: Text<'a>,
    /// Object id of the actor.
    pub principal: Text<'a>,
    /// User principal name.
    pub upn: Text<'a>,
    /// Client application.
    pub app_id: Text<'a>,
    /// Token id.
    pub token_id: Text<'a>,
    /// Result code or word.
    pub result: Text<'a>,
    /// Risk level.
    pub risk: Text<'a>,
    /// Object id of what was changed.
    pub target: Text<'a>,
    /// Insights that are true.
    pub insights: Vec<String>,
    /// Investigation priority.
    pub priority: Option<i64>,
    /// Application id of what was changed.
    pub target_app_id: Text<'a>,
    /// Which log a behaviour row is drawn from.
    pub source: Text<'a>,
    /// Country or place of the address.
    pub location: Text<'a>,
}

impl DirectoryRecord<'_> {
    /// Ends `record` as an event.
    pub fn emit(
        self,
        kind: EventKind,
        outcome: Outcome,
        record: Record,
        span: Span,
        sink: &mut Sink,
        detail: impl FnOnce() -> Vec<Field>,
    ) {
        let mut event = Event::new(kind, self.time);
        event.outcome = outcome;
        if self.time.is_none() {
            sink.problem(
                Code::MissingTime,
                Some(span),
                "a record without a readable time; it is counted and has no place on the timeline",
            );
        }
        let folded = |text: &Text<'_>| text.as_deref().map(fold);
        let mut insights = self.insights;
        insights.sort();
        insights.dedup();
        let fact = IdentityFact {
            principal: sink.intern_some(folded(&self.principal).as_deref()),
            upn: sink.intern_some(folded(&self.upn).as_deref()),
            app_id: sink.intern_some(folded(&self.app_id).as_deref()),
            token_id: sink.intern_some(self.token_id.as_deref()),
            result: sink.intern_some(self.result.as_deref()),
            risk: sink.intern_some(folded(&self.risk).as_deref()),
            target: sink.intern_some(folded(&self.target).as_deref()),
            target_name: sink.intern_some(self.resource.as_deref()),
            insights: sink.intern_some(
                Some(insights.join(","))
                    .filter(|all| !all.is_empty())
                    .as_deref(),
            ),
            priority: self.priority,
            target_app_id: sink.intern_some(folded(&self.target_app_id).as_deref()),
            source: sink.intern_some(self.source.as_deref()),
            location: sink.intern_some(self.location.as_deref()),
        };
        if sink.wants_detail() {
            let mut line = self.operation.as_deref().unwrap_or("record").to_owned();
            for (word, part) in [
                (" to ", &self.resource),
                (" by ", &self.actor),
                (" from ", &self.ip),
            ] {
                if let Some(part) = part.as_deref() {
                    line.push_str(word);
                    line.push_str(part);
                }
            }
            if outcome != Outcome::None {
                line.push_str(": ");
                line.push_str(outcome.word());
            }
            event.summary = line;
            event.fields = detail();
        }
        event.fact = Some(Fact::Identity(Box::new(fact)));
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        event.actor = self.actor.map(owned);
        event.ip = self.ip.as_deref().and_then(address).map(Cow::Owned);
        event.operation = self.operation.as_deref().map(|text| Cow::Owned(fold(text)));
        event.resource = self.resource.map(owned);
        event.correlation = self
            .correlation
            .as_deref()
            .map(|text| Cow::Owned(fold(text)));
        sink.event(record, span, event);
    }
}

/// Whether a diagnostic record, a table row or a header's columns say they are one of these: `category` of a diagnostic record, `Type` of a row.
#[must_use]
pub fn is_named(record: crate::json::Value<'_>, categories: &[&str]) -> bool {
    ["category", "Category", "Type"].iter().any(|key| {
        let value = record.get(key);
        let name = value.inner();
        categories
            .iter()
            .any(|category| name.eq_ignore_ascii_case(category.as_bytes()))
    })
}
