//! Looking for texts in the evidence itself.
//!
//! Memory holds an index and not a copy of the evidence, so a text that no column has is looked for in the bytes: workers push every
//! item through a [`Scanner`], which says where a text begins, and [`Found`] turns those places into events.
//!
//! ```text
//! needle  net user        scanner ─► offset 5 210 of item 3 ─► the events of item 3 whose records hold byte 5 210
//! ```
//!
//! A needle is looked for in every spelling that evidence may hold it in: UTF-8, UTF-16 of both orders, and with the escapes of JSON and
//! XML. Letters A to Z are found in either case; other letters as they are written.
//!
//! Rejected: an index of words. It would be as large as the evidence, and half of what is looked for is no word.

use super::run::Bits;
use crate::case::Case;
use crate::case::store::EventNumber;
use aho_corasick::{AhoCorasick, MatchKind};

/// One text found: which needle, and the first byte in the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Place of the needle in the list that the scanner was made of.
    pub needle: usize,
    /// First byte.
    pub offset: u64,
}

/// Looks through one item, piece by piece.
#[derive(Debug)]
pub struct Scanner {
    automaton: Option<AhoCorasick>,
    /// Needle of each spelling.
    needle: Vec<usize>,
    longest: usize,
    /// The end of the last piece: a text may begin there.
    carried: Vec<u8>,
    /// Bytes before the next piece.
    passed: u64,
}

impl Scanner {
    /// A scanner for these texts. Empty ones are never found.
    #[must_use]
    pub fn new<T: AsRef<str>>(needles: &[T]) -> Self {
        let mut spellings: Vec<(Vec<u8>, usize)> = Vec::new();
        for (at, needle) in needles.iter().enumerate() {
            for spelling in spellings_of(needle.as_ref()) {
                spellings.push((spelling, at));
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(spellings.iter().map(|(spelling, _)| spelling))
            .ok();
        Self {
            automaton: automaton.filter(|_| !spellings.is_empty()),
            longest: spellings
                .iter()
                .map(|(spelling, _)| spelling.len())
                .max()
                .unwrap_or(0),
            needle: spellings.into_iter().map(|(_, at)| at).collect(),
            carried: Vec::new(),
            passed: 0,
        }
    }

    /// Looks through the next bytes; answers what begins or ends in them, by place.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Hit> {
        let Some(automaton) = &self.automaton else {
            return Vec::new();
        };
        let keep = self.longest.saturating_sub(1);
        let mut hits = Vec::new();
        let mut note = |offset: u64, pattern: usize| {
            if let Some(needle) = self.needle.get(pattern) {
                hits.push(Hit {
                    needle: *needle,
                    offset,
                });
            }
        };
        // What crosses from the last piece into this one: a short text of both, of which only crossing matches count.
        let before = self.carried.len();
        let seam: Vec<u8> = self
            .carried
            .iter()
            .chain(bytes.iter().take(keep))
            .copied()
            .collect();
        for found in automaton.find_overlapping_iter(&seam) {
            if found.start() < before && found.end() > before {
                note(
                    self.passed - before as u64 + found.start() as u64,
                    found.pattern().as_usize(),
                );
            }
        }
        for found in automaton.find_overlapping_iter(bytes) {
            note(
                self.passed + found.start() as u64,
                found.pattern().as_usize(),
            );
        }
        hits.sort_unstable();
        hits.dedup();
        hits.sort_by_key(|hit| hit.offset);
        self.passed += bytes.len() as u64;
        self.carried.extend_from_slice(bytes);
        let surplus = self.carried.len().saturating_sub(keep);
        self.carried.drain(..surplus);
        hits
    }
}

/// Every form in which evidence may hold a text.
pub(in crate::query) fn spellings_of(text: &str) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let json = quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or("")
        .to_owned();
    let xml = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let units =
        |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let mut spellings = vec![
        text.as_bytes().to_vec(),
        json.into_bytes(),
        xml.replace('"', "&quot;").into_bytes(),
        xml.into_bytes(),
        units(u16::to_le_bytes),
        units(u16::to_be_bytes),
    ];
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// What searches have found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// By needle, in the order in which they were asked for.
    needles: Vec<(String, Bits)>,
    /// The records of the item that was noted last.
    records: Option<Records>,
}

#[derive(Debug)]
struct Records {
    item: u32,
    /// (first byte, byte behind the last, event) by first byte.
    spans: Vec<(u64, u64, EventNumber)>,
    /// The furthest end up to each of them: where looking back may stop.
    reach: Vec<u64>,
}

impl Records {
    fn of(case: &Case, item: u32) -> Self {
        let store = case.store();
        let events = case
            .items()
            .get(item as usize)
            .map_or(0, |item| item.events);
        let mut spans: Vec<(u64, u64, EventNumber)> = (0..events)
            .filter_map(|ordinal| store.event_of(item, ordinal))
            .map(|event| {
                let span = store.span(event);
                (span.offset, span.offset + span.length, event)
            })
            .collect();
        spans.sort_unstable();
        let reach = spans
            .iter()
            .scan(0, |furthest, (_, end, _)| {
                *furthest = (*furthest).max(*end);
                Some(*furthest)
            })
            .collect();
        Self { item, spans, reach }
    }

    /// Every event whose record holds this byte: an entry, and the record it is embedded in.
    fn holding(&self, offset: u64, mut each: impl FnMut(EventNumber)) {
        let mut at = self.spans.partition_point(|(from, _, _)| *from <= offset);
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let (Some((_, end, event)), Some(reach)) = (self.spans.get(at), self.reach.get(at))
            else {
                return;
            };
            if *reach <= offset {
                return;
            }
            if *end > offset {
                each(*event);
            }
        }
    }
}

impl Found {
    /// Nothing found of these texts yet.
    #[must_use]
    pub fn nothing(needles: &[&str]) -> Self {
        Self {
            needles: needles
                .iter()
                .map(|needle| ((*needle).to_owned(), Bits::default()))
                .collect(),
            records: None,
        }
    }

    /// Notes what a scanner found in an item.
    pub fn note(&mut self, case: &Case, item: u32, hits: &[Hit]) {
        if hits.is_empty() {
            return;
        }
        if self
            .records
            .as_ref()
            .is_none_or(|records| records.item != item)
        {
            self.records = Some(Records::of(case, item));
        }
        let Some(records) = &self.records else {
            return;
        };
        for hit in hits {
            if let Some((_, bits)) = self.needles.get_mut(hit.needle) {
                bits.reach(case.store().len());
                records.holding(hit.offset, |event| bits.put(event as usize));
            }
        }
    }

    /// The events whose evidence holds a text; `None` where it was not asked for.
    #[must_use]
    pub fn events(&self, needle: &str) -> Option<&Bits> {
        self.needles
            .iter()
            .find(|(text, _)| text == needle)
            .map(|(_, bits)| bits)
    }
}
