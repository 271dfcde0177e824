//! The events table in another order than time's: by any column that memory holds.
//!
//! ```text
//! by caller      alice 10:00 · alice 10:07 · bob 09:12 · (nobody) 08:00
//! descending     bob 09:12 · alice 10:00 · alice 10:07 · (nobody) 08:00
//! ```
//!
//! Texts are ranked once, each distinct one, without regard to case; events of the same rank stay in order of time, whichever way the column
//! runs, and what has no value stands last. So the order is the same whatever order the evidence came in.
//!
//! Rejected: sorting by summary. It is read from the evidence for the rows in view alone; reading all of it for a click on a heading would take
//! as long as reading the case.

use super::rows::Correction;
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::event::{EventKind, Outcome};
use crate::identity::fold;
use serde::{Deserialize, Serialize};

/// A column of the events table that it can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventColumn {
    /// When it happened.
    #[default]
    Time,
    /// The same by the cloud's clock.
    Corrected,
    /// What kind of thing happened.
    Kind,
    /// The guest.
    Host,
    /// Who.
    Caller,
    /// From which address.
    Ip,
    /// What was done.
    Operation,
    /// To what.
    Resource,
    /// How it ended.
    Outcome,
    /// What joins records.
    Correlation,
    /// Path of the item.
    Path,
    /// Format of the item.
    Format,
    /// How the time is known.
    Basis,
    /// Record number in the item.
    Record,
    /// Bytes of the record.
    Bytes,
    /// Stars first.
    Starred,
    /// Tags.
    Tags,
    /// Comment.
    Comment,
}

/// How the table is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Sort {
    /// By which column.
    #[serde(default)]
    pub by: EventColumn,
    /// The last first.
    #[serde(default)]
    pub descending: bool,
}

/// What stands last: no value.
const NOTHING: u64 = u64::MAX;

/// Ranks of texts: equal but for their case, equal in rank.
fn ranks<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Vec<u64> {
    let mut folded: Vec<(String, usize)> = Vec::new();
    let mut count = 0;
    for (at, text) in texts.enumerate() {
        count = at + 1;
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            folded.push((fold(text), at));
        }
    }
    folded.sort_unstable();
    let mut ranks = vec![NOTHING; count];
    let (mut rank, mut before) = (0, None);
    for (text, at) in &folded {
        if before.is_some_and(|before: &String| before != text) {
            rank += 1;
        }
        before = Some(text);
        if let Some(slot) = ranks.get_mut(*at) {
            *slot = rank;
        }
    }
    ranks
}

/// A number whose order is that of signed ones.
fn ordered(number: i64) -> u64 {
    (number as u64) ^ (1 << 63)
}

/// The key of each of these events; what has none is last.
fn keys(case: &Case, order: &[EventNumber], by: EventColumn) -> Vec<u64> {
    let store = case.store();
    let columns = &store.columns;
    let of_symbols = |column: &Column<Symbol>| -> Vec<u64> {
        let mut used = vec![false; store.strings.strings().len() + 1];
        for event in order {
            let symbol = column.get(*event as usize).map_or(0, |symbol| symbol.0);
            if let Some(slot) = used.get_mut(symbol as usize) {
                *slot = true;
            }
        }
        let texts = (0_u32..)
            .zip(&used)
            .map(|(symbol, used)| used.then(|| store.text(Symbol(symbol))).flatten());
        let ranks = ranks(texts);
        let key = |event: &EventNumber| {
            let symbol = column.get(*event as usize)?;
            ranks.get(symbol.0 as usize).copied()
        };
        order
            .iter()
            .map(|event| key(event).unwrap_or(NOTHING))
            .collect()
    };
    let of_items = |texts: Vec<Option<&str>>| -> Vec<u64> {
        let ranks = ranks(texts.into_iter());
        let rank = |event: &EventNumber| ranks.get(store.item_of(*event) as usize).copied();
        order
            .iter()
            .map(|event| rank(event).unwrap_or(NOTHING))
            .collect()
    };
    let of_words = |words: &[&str], place: &dyn Fn(EventNumber) -> usize| -> Vec<u64> {
        let ranks = ranks(words.iter().map(|word| Some(*word)));
        order
            .iter()
            .map(|event| ranks.get(place(*event)).copied().unwrap_or(NOTHING))
            .collect()
    };
    let each = |key: &dyn Fn(EventNumber) -> Option<u64>| -> Vec<u64> {
        order
            .iter()
            .map(|event| key(*event).unwrap_or(NOTHING))
            .collect()
    };
    match by {
        EventColumn::Time => (0..order.len() as u64).collect(),
        EventColumn::Corrected => {
            let correction = Correction::of(case);
            each(&|event| Some(ordered(correction.time(case, event)?.ns)))
        }
        EventColumn::Kind => {
            let words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.word()).collect();
            of_words(&words, &|event| {
                columns.kind.get(event as usize).map_or(0, usize::from)
            })
        }
        EventColumn::Outcome => {
            let words: Vec<&str> = Outcome::ALL.iter().map(|one| one.word()).collect();
            of_words(&words, &|event| {
                let outcome = columns.outcome.get(event as usize);
                outcome.map_or(0, usize::from)
            })
        }
        EventColumn::Host => {
            // The guest as the record names it, else as its item does: ranked together.
            let strings = store.strings.strings().len() + 1;
            let own = (0..strings).map(|at| {
                let symbol = u32::try_from(at).ok()?;
                store.text(Symbol(symbol))
            });
            let of_item = case.items().iter().map(|item| item.host.as_deref());
            let ranks = ranks(own.chain(of_item));
            each(&|event| {
                let symbol = columns.host.get(event as usize)?;
                let item = strings + store.item_of(event) as usize;
                let at = if symbol.is_some() {
                    symbol.0 as usize
                } else {
                    item
                };
                ranks.get(at).copied()
            })
        }
        EventColumn::Caller => of_symbols(&columns.actor),
        EventColumn::Ip => of_symbols(&columns.ip),
        EventColumn::Operation => of_symbols(&columns.operation),
        EventColumn::Resource => of_symbols(&columns.resource),
        EventColumn::Correlation => of_symbols(&columns.correlation),
        EventColumn::Path => of_items(
            case.items()
                .iter()
                .map(|item| Some(item.path.as_str()))
                .collect(),
        ),
        EventColumn::Format => {
            let items = case.items().iter();
            let reports = items.map(|item| item.report.as_ref());
            of_items(
                reports
                    .map(|report| report.map(|report| report.format.as_str()))
                    .collect(),
            )
        }
        EventColumn::Basis => each(&|event| store.stamp(event).map(|stamp| stamp.basis as u64)),
        EventColumn::Record => each(&|event| columns.record.get(event as usize).map(u64::from)),
        EventColumn::Bytes => each(&|event| Some(store.span(event).length)),
        EventColumn::Starred => each(&|event| case.note_of(event)?.starred.then_some(0)),
        EventColumn::Tags | EventColumn::Comment => {
            let text = |event: &EventNumber| {
                let note = case.note_of(*event)?;
                Some(if by == EventColumn::Tags {
                    note.tags.join(" ")
                } else {
                    note.comment.clone()
                })
            };
            let texts: Vec<Option<String>> = order.iter().map(text).collect();
            ranks(texts.iter().map(Option::as_deref))
        }
    }
}

/// These events, which are in order of time, as the table shows them.
#[must_use]
pub fn sorted(case: &Case, order: &[EventNumber], sort: Sort) -> Vec<EventNumber> {
    let mut places: Vec<(u64, u32)> = keys(case, order, sort.by).into_iter().zip(0..).collect();
    if sort.descending {
        for (key, place) in &mut places {
            if *key != NOTHING {
                *key = NOTHING - 1 - *key;
            }
            // Time alone turns round whole; within any other column it runs forward.
            if sort.by == EventColumn::Time {
                *place = u32::MAX - *place;
            }
        }
    }
    places.sort_unstable();
    let turned = sort.descending && sort.by == EventColumn::Time;
    places
        .into_iter()
        .filter_map(|(_, place)| {
            let place = if turned { u32::MAX - place } else { place };
            order.get(place as usize).copied()
        })
        .collect()
}

#[cfg(test)]
mod tests;
