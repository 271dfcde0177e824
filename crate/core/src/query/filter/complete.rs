//! What could stand where the cursor is: names of fields, then the values that the case has, most frequent first.

use super::compose;
use super::fields::{self, FIELDS, Field, Source};
use crate::case::Case;
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::event::{EventKind, Outcome};
use crate::identity::{ResourceId, fold};
use crate::time::TimeBasis;
use serde::Serialize;
use std::collections::BTreeMap;

/// Proposals given at once.
const MOST: usize = 12;

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// What would stand there.
    pub insert: String,
    /// What it means.
    pub about: String,
    /// Events that have this value; none for names.
    pub events: Option<u64>,
}

/// Proposals for one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completions {
    /// First character that a proposal replaces, in UTF-16 units.
    pub from: usize,
    /// The one behind the last.
    pub to: usize,
    /// Best first.
    pub completions: Vec<Completion>,
}

/// What could stand at the cursor, which counts UTF-16 units.
#[must_use]
pub fn complete(case: &Case, text: &str, cursor: usize) -> Completions {
    let units: Vec<u16> = text.encode_utf16().take(cursor).collect();
    let before = String::from_utf16_lossy(&units);
    let (start, word) = word_before(&before);
    let from = before
        .get(..start)
        .map_or(0, |part| part.encode_utf16().count());
    let colon = word.find([':', '=']);
    let known = colon.and_then(|at| {
        Some((
            fields::field(word.get(..at)?.trim_end_matches('!'))?,
            word.get(at + 1..)?,
        ))
    });
    let completions = match known {
        Some((field, value)) => values(case, field, value.trim_matches('"'))
            .into_iter()
            .map(|(value, events)| Completion {
                insert: compose::term(field, &value, false),
                about: String::new(),
                events: Some(events),
            })
            .collect(),
        None => names(word),
    };
    Completions {
        from,
        to: units.len(),
        completions,
    }
}

/// The word that ends here and where it begins; an open quote is part of it.
fn word_before(text: &str) -> (usize, &str) {
    let mut start = 0;
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            _ if !quoted && (letter.is_whitespace() || matches!(letter, '(' | ')')) => {
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    let start = start
        + text.get(start..).map_or(0, |word| {
            word.len() - word.trim_start_matches(['-', '!']).len()
        });
    (start, text.get(start..).unwrap_or(""))
}

fn names(word: &str) -> Vec<Completion> {
    let folded = word.to_ascii_lowercase();
    let fits = |field: &&Field| {
        field.name.starts_with(&folded)
            || (!folded.is_empty() && field.also.iter().any(|name| name.starts_with(&folded)))
    };
    FIELDS
        .iter()
        .filter(fits)
        .map(|field| Completion {
            insert: format!("{}:", field.name),
            about: field.about.to_owned(),
            events: None,
        })
        .take(FIELDS.len())
        .collect()
}

/// The case's values of a field that contain a text, with how many events have each.
fn values(case: &Case, field: &Field, part: &str) -> Vec<(String, u64)> {
    let columns = &case.store().columns;
    let counted = match field.source {
        Source::Caller => of_column(case, &columns.actor, |text| Some(text.to_owned())),
        Source::Ip => of_column(case, &columns.ip, |text| Some(text.to_owned())),
        Source::Operation => of_column(case, &columns.operation, |text| Some(text.to_owned())),
        Source::Correlation => of_column(case, &columns.correlation, |text| Some(text.to_owned())),
        Source::Resource => of_column(case, &columns.resource, |text| Some(text.to_owned())),
        Source::Subscription => of_column(case, &columns.resource, |text| {
            ResourceId::parse(text).subscription().map(str::to_owned)
        }),
        Source::Group => of_column(case, &columns.resource, |text| {
            ResourceId::parse(text).resource_group().map(str::to_owned)
        }),
        Source::Vm => of_column(case, &columns.resource, |text| ResourceId::parse(text).vm()),
        Source::Host => {
            let mut counts = of_column(case, &columns.host, |text| Some(text.to_owned()));
            for item in case.items() {
                if let Some(host) = &item.host {
                    counts.entry(host.clone()).or_insert(0);
                }
            }
            counts
        }
        Source::Kind => of_words(&columns.kind, |number| {
            EventKind::from_number(number).word()
        }),
        Source::Outcome => of_words(&columns.outcome, |number| {
            Outcome::from_number(number).word()
        }),
        Source::Basis => TimeBasis::ALL
            .iter()
            .map(|basis| (basis.word().to_owned(), 0))
            .collect(),
        Source::Path => of_items(case, |item| Some(item.path.clone())),
        Source::Format => of_items(case, |item| {
            item.report.as_ref().map(|report| report.format.clone())
        }),
        Source::Detector => {
            let mut counts = BTreeMap::new();
            for finding in case.findings() {
                *counts.entry(finding.detector.to_string()).or_insert(0) +=
                    case.finding_events(finding).count() as u64;
            }
            counts
        }
        Source::Severity => ["info", "low", "medium", "high", "critical"]
            .into_iter()
            .map(|word| (word.to_owned(), 0))
            .collect(),
        Source::Starred | Source::Tag => {
            let mut words: BTreeMap<String, u64> = BTreeMap::new();
            for (_, _, note) in case.notes().events() {
                let own = if field.source == Source::Tag {
                    note.tags.clone()
                } else {
                    vec![if note.starred { "yes" } else { "no" }.to_owned()]
                };
                for word in own {
                    *words.entry(word).or_default() += 1;
                }
            }
            words
        }
        Source::Time | Source::Record | Source::Bytes | Source::Execution | Source::Comment => {
            BTreeMap::new()
        }
    };
    let folded = fold(part.trim_matches('*'));
    let mut values: Vec<(String, u64)> = counted
        .into_iter()
        .filter(|(value, _)| !value.is_empty() && fold(value).contains(&folded))
        .collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(MOST);
    values
}

fn of_column(
    case: &Case,
    column: &Column<Symbol>,
    name: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, u64> {
    let strings = case.store().strings.strings();
    let mut counts = vec![0_u64; strings.len() + 1];
    for symbol in column.iter() {
        if let Some(count) = counts.get_mut(symbol.0 as usize) {
            *count += 1;
        }
    }
    let mut named = BTreeMap::new();
    for (number, count) in (0_u32..).zip(counts) {
        let symbol = Symbol(number);
        let counted = count > 0 && symbol.is_some();
        if let Some(name) = counted.then(|| name(strings.text(symbol))).flatten() {
            *named.entry(name).or_insert(0) += count;
        }
    }
    named
}

fn of_words(column: &Column<u8>, word: impl Fn(u8) -> &'static str) -> BTreeMap<String, u64> {
    let mut counts = [0_u64; 256];
    for number in column.iter() {
        if let Some(count) = counts.get_mut(usize::from(number)) {
            *count += 1;
        }
    }
    (0_u8..=255)
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(number, count)| (word(number).to_owned(), count))
        .collect()
}

fn of_items(
    case: &Case,
    name: impl Fn(&crate::case::item::Item) -> Option<String>,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for item in case.items() {
        if let Some(name) = name(item) {
            *counts.entry(name).or_insert(0) += u64::from(item.events);
        }
    }
    counts
}
