//! What the analyst notes of events and moments: stars, tags, comments, bookmarks.
//!
//! An event is named by what it is made of: the SHA-256 of its evidence and its number in it. So a note finds its event again when the same file
//! lies elsewhere, comes from an archive, or is read on another day:
//!
//! ```text
//! 9f86d0…:17   starred, #lateral, "same address as the phish"     ─► waits until an item of these bytes is in the case
//! ```
//!
//! Until the SHA-256 of an item is known its path stands for it. A note whose evidence is not there is kept and written out again.
//!
//! Rejected: notes by time and text of the event. Two lines that agree in both would share one note.

use super::Case;
use super::store::EventNumber;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest comment.
const MOST_COMMENT_LETTERS: usize = 20_000;
/// Longest tag.
const MOST_TAG_LETTERS: usize = 64;
/// Tags of one event.
const MOST_TAGS: usize = 32;
/// Events and moments that something is noted of.
const MOST_NOTES: usize = 200_000;
/// What the file says it is.
const SCHEMA: &str = "runlens.notes/1";

/// What is noted of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// It matters.
    #[serde(default)]
    pub starred: bool,
    /// Words that gather events, each once, in order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// In words.
    #[serde(default)]
    pub comment: String,
}

impl Note {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The note with each tag once and in order, or why it is refused.
    fn checked(mut self) -> Result<Self, String> {
        for tag in &mut self.tags {
            *tag = tag.trim().trim_start_matches('#').to_owned();
        }
        self.tags.retain(|tag| !tag.is_empty());
        self.tags.sort();
        self.tags.dedup();
        let refused = self.tags.iter().find(|tag| {
            tag.chars().count() > MOST_TAG_LETTERS
                || tag
                    .chars()
                    .any(|letter| letter.is_whitespace() || letter.is_control() || letter == ',')
        });
        if let Some(tag) = refused {
            return Err(format!(
                "{tag:?} is no tag: a tag is one word of at most {MOST_TAG_LETTERS} letters"
            ));
        }
        if self.tags.len() > MOST_TAGS {
            return Err(format!("an event has at most {MOST_TAGS} tags"));
        }
        if self.comment.chars().count() > MOST_COMMENT_LETTERS {
            return Err(format!(
                "a comment has at most {MOST_COMMENT_LETTERS} letters"
            ));
        }
        Ok(self)
    }
}

/// A note, and what names its event in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// SHA-256 of the evidence; absent where it was not computed yet.
    sha256: Option<String>,
    /// Path of the evidence: names it where there is no SHA-256, else for who reads the file.
    path: String,
    ordinal: u32,
    /// For who reads the file; nothing reads it back.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(flatten)]
    note: Note,
}

/// A moment of the timeline with a flag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bookmark {
    /// The moment, in whole ms since 1970.
    pub time_ms: i64,
    /// What it is.
    pub text: String,
}

#[derive(Deserialize)]
struct File {
    schema: String,
    #[serde(default)]
    events: Vec<Entry>,
    #[serde(default)]
    bookmarks: Vec<Bookmark>,
}

/// All that is noted.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// By item and number in it.
    of_event: BTreeMap<(u32, u32), Note>,
    /// Of evidence that is not there.
    waiting: Vec<Entry>,
    bookmarks: BTreeMap<i64, String>,
    turn: u64,
}

impl Notes {
    /// Grows with everything that is noted.
    #[must_use]
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// Whether nothing is noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_event.is_empty() && self.waiting.is_empty() && self.bookmarks.is_empty()
    }

    /// Noted events: item, number in it, note.
    pub fn events(&self) -> impl Iterator<Item = (u32, u32, &Note)> {
        let all = self.of_event.iter();
        all.map(|((item, ordinal), note)| (*item, *ordinal, note))
    }

    /// Moments with a flag, in order.
    pub fn bookmarks(&self) -> impl Iterator<Item = (i64, &str)> {
        self.bookmarks.iter().map(|(ms, text)| (*ms, text.as_str()))
    }

    /// Notes whose evidence is not in the case.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn count(&self) -> usize {
        self.of_event.len() + self.waiting.len() + self.bookmarks.len()
    }
}

impl Case {
    /// All that is noted.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What is noted of an event.
    #[must_use]
    pub fn note_of(&self, event: EventNumber) -> Option<&Note> {
        if self.notes.of_event.is_empty() {
            return None;
        }
        let ordinal = self.store.ordinal.get(event as usize)?;
        self.notes
            .of_event
            .get(&(self.store.item_of(event), ordinal))
    }

    /// Notes something of an event; an empty note takes it back.
    ///
    /// # Errors
    /// A sentence, where it is refused. Nothing changes then.
    pub fn set_note(&mut self, item: u32, ordinal: u32, note: Note) -> Result<(), String> {
        let note = note.checked()?;
        if self.store.event_of(item, ordinal).is_none() {
            return Err("this event is not in the case".to_owned());
        }
        let name = (item, ordinal);
        let known = self.notes.of_event.contains_key(&name);
        if !known && !note.is_empty() && self.notes.count() >= MOST_NOTES {
            return Err(format!("{MOST_NOTES} things are noted already"));
        }
        if note.is_empty() {
            self.notes.of_event.remove(&name);
        } else {
            self.notes.of_event.insert(name, note);
        }
        self.notes.turn += 1;
        Ok(())
    }

    /// Puts a flag at a moment; an empty text takes it away.
    ///
    /// # Errors
    /// A sentence, where it is refused.
    pub fn set_bookmark(&mut self, bookmark: Bookmark) -> Result<(), String> {
        let Bookmark { time_ms, text } = bookmark;
        if text.chars().count() > MOST_COMMENT_LETTERS {
            return Err(format!(
                "a bookmark has at most {MOST_COMMENT_LETTERS} letters"
            ));
        }
        if !text.is_empty()
            && !self.notes.bookmarks.contains_key(&time_ms)
            && self.notes.count() >= MOST_NOTES
        {
            return Err(format!("{MOST_NOTES} things are noted already"));
        }
        if text.is_empty() {
            self.notes.bookmarks.remove(&time_ms);
        } else {
            self.notes.bookmarks.insert(time_ms, text);
        }
        self.notes.turn += 1;
        Ok(())
    }

    /// The notes as a file: by evidence and number in it.
    #[must_use]
    pub fn notes_json(&self) -> String {
        let live = self
            .notes
            .of_event
            .iter()
            .filter_map(|((item, ordinal), note)| {
                let known = self.items.get(*item as usize)?;
                let event = self.store.event_of(*item, *ordinal);
                Some(Entry {
                    sha256: known.sha256.clone(),
                    path: known.path.clone(),
                    ordinal: *ordinal,
                    time: event
                        .and_then(|event| self.store.stamp(event))
                        .map(|stamp| stamp.instant.to_string()),
                    note: note.clone(),
                })
            });
        let mut events: Vec<Entry> = live.chain(self.notes.waiting.iter().cloned()).collect();
        events.sort_by(|one, other| {
            (&one.path, one.ordinal, &one.sha256).cmp(&(&other.path, other.ordinal, &other.sha256))
        });
        let bookmarks = self.notes.bookmarks().map(|(time_ms, text)| Bookmark {
            time_ms,
            text: text.to_owned(),
        });
        let file = serde_json::json!({
            "schema": SCHEMA,
            "events": events,
            "bookmarks": bookmarks.collect::<Vec<Bookmark>>(),
        });
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Takes a notes file in place of everything noted before. Nothing changes where it is refused.
    ///
    /// # Errors
    /// A sentence, where it is refused.
    pub(super) fn replace_notes(&mut self, json: &str) -> Result<usize, String> {
        let before = std::mem::take(&mut self.notes);
        let turn = before.turn;
        let taken = self.take_notes(json);
        match taken {
            Ok(_) => self.notes.turn = turn + 1,
            Err(_) => self.notes = before,
        }
        taken
    }

    /// Takes what a notes file says; it overrules what was noted of the same events. Nothing changes where the file is refused.
    ///
    /// # Errors
    /// A sentence, where it is refused.
    pub fn take_notes(&mut self, json: &str) -> Result<usize, String> {
        let file: File = serde_json::from_str(json)
            .map_err(|error| format!("this is no notes file: {error}"))?;
        if file.schema != SCHEMA {
            return Err(format!(
                "this file says that it is {:?}; a notes file is {SCHEMA:?}",
                file.schema
            ));
        }
        let count = file.events.len() + file.bookmarks.len();
        if count + self.notes.count() > MOST_NOTES {
            return Err(format!("at most {MOST_NOTES} things can be noted"));
        }
        let mut taken = Vec::with_capacity(file.events.len());
        for entry in file.events {
            let note = entry.note.checked()?;
            taken.push(Entry {
                note,
                time: None,
                ..entry
            });
        }
        for Bookmark { time_ms, text } in file.bookmarks {
            if text.chars().count() > MOST_COMMENT_LETTERS {
                return Err(format!(
                    "a bookmark has at most {MOST_COMMENT_LETTERS} letters"
                ));
            }
            if !text.is_empty() {
                self.notes.bookmarks.insert(time_ms, text);
            }
        }
        self.notes.waiting.extend(taken);
        self.notes.turn += 1;
        self.settle_notes();
        Ok(count)
    }

    /// Gives waiting notes to their events, where these have come.
    #[inline(never)]
    pub(super) fn settle_notes(&mut self) {
        if self.notes.waiting.is_empty() {
            return;
        }
        let mut by_hash: BTreeMap<&str, u32> = BTreeMap::new();
        let mut by_path: BTreeMap<&str, u32> = BTreeMap::new();
        for (number, item) in (0_u32..).zip(&self.items) {
            // Of two items with the same bytes the one whose events are shown.
            if item.duplicate_of.is_some() {
                continue;
            }
            by_path.entry(&item.path).or_insert(number);
            if let Some(sha256) = &item.sha256 {
                by_hash.entry(sha256).or_insert(number);
            }
        }
        let mut left = Vec::new();
        for entry in std::mem::take(&mut self.notes.waiting) {
            let item = match &entry.sha256 {
                Some(sha256) => by_hash.get(sha256.as_str()),
                None => by_path.get(entry.path.as_str()),
            };
            let there = item
                .copied()
                .filter(|item| self.store.event_of(*item, entry.ordinal).is_some());
            match there {
                Some(item) => {
                    self.notes
                        .of_event
                        .insert((item, entry.ordinal), entry.note);
                    self.notes.turn += 1;
                }
                None => left.push(entry),
            }
        }
        self.notes.waiting = left;
    }
}

#[cfg(test)]
mod tests;
