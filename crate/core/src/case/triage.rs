//! What the analyst says of findings: a state and a note each, by a key that outlives a new conclusion.
//!
//! The key is made of what the finding is (detector, subject, first moment, figures), never of its place in a list:
//!
//! ```text
//! run-command-spike · alice … vm01 · 2024-05-01T08:00:00Z · {"count":9,…}   ─► 5f0c…   confirmed, "same address as the phish"
//! ```
//!
//! Of a Sigma rule's finding the figures are what it matched: a rule that moved to another file, or got another level, finds the same.
//!
//! Findings that agree in all of that are told apart by their order (`…-2`). What is said of a finding that is not there any more (other
//! settings, other evidence) is kept and counts again when it is back.
//!
//! Rejected: keys by detector and operation numbers. Adding one log would hang every note on another finding.

use super::Case;
use crate::detect::Finding;
use crate::detect::subject::Referred;
use crate::evidence::hash::sha256;
use crate::sigma::hits::OF_THE_RULE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Letters of a key.
const KEY_LETTERS: usize = 32;
/// Longest note.
const MOST_NOTE_LETTERS: usize = 20_000;
/// Most findings that something is said of.
const MOST_ENTRIES: usize = 200_000;
/// What the file says it is.
const SCHEMA: &str = "runlens.triage/1";

/// What the analyst makes of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriageState {
    /// Nobody looked yet.
    #[default]
    New,
    /// It is what it says.
    Confirmed,
    /// It was meant to be.
    Benign,
    /// Looked at, not settled.
    Unclear,
}

impl TriageState {
    /// The state of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let all = [Self::New, Self::Confirmed, Self::Benign, Self::Unclear];
        all.into_iter().find(|state| state.word() == word)
    }

    /// The word of the file and of the page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Confirmed => "confirmed",
            Self::Benign => "benign",
            Self::Unclear => "unclear",
        }
    }
}

/// What is said of one finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What the analyst makes of it.
    pub state: TriageState,
    /// In words.
    pub note: String,
}

/// What is said of findings, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    said: BTreeMap<String, Said>,
}

#[derive(Deserialize)]
struct File {
    schema: String,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    state: TriageState,
    #[serde(default)]
    note: String,
    /// For who reads the file; nothing reads it back.
    #[serde(skip_deserializing)]
    finding: Option<About>,
}

#[derive(Serialize)]
struct About {
    detector: String,
    title: String,
    summary: String,
    first: Option<String>,
}

fn is_key(text: &str) -> bool {
    let (digest, number) = text.split_once('-').unwrap_or((text, "2"));
    digest.len() == KEY_LETTERS
        && digest.bytes().all(|letter| letter.is_ascii_hexdigit())
        && (1..=7).contains(&number.len())
        && number.bytes().all(|letter| letter.is_ascii_digit())
}

impl Triage {
    /// What is said of this finding.
    #[must_use]
    pub fn of(&self, key: &str) -> Said {
        self.said.get(key).cloned().unwrap_or_default()
    }

    /// How many findings something is said of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Says something of a finding; a new one without a note says nothing.
    ///
    /// # Errors
    /// A sentence, where it is refused.
    pub fn set(&mut self, key: &str, said: Said) -> Result<(), String> {
        if !is_key(key) {
            return Err(format!("{key:?} is no key of a finding"));
        }
        if said.note.chars().count() > MOST_NOTE_LETTERS {
            return Err(format!("a note has at most {MOST_NOTE_LETTERS} letters"));
        }
        if said == Said::default() {
            self.said.remove(key);
        } else if self.said.len() >= MOST_ENTRIES && !self.said.contains_key(key) {
            return Err(format!(
                "something is said of {MOST_ENTRIES} findings already"
            ));
        } else {
            self.said.insert(key.to_owned(), said);
        }
        Ok(())
    }

    /// Takes what a triage file says; it overrules what was said of the same findings. Nothing changes where the file is refused.
    ///
    /// # Errors
    /// A sentence, where it is refused.
    pub fn take(&mut self, json: &str) -> Result<usize, String> {
        let file: File = serde_json::from_str(json)
            .map_err(|error| format!("this is no triage file: {error}"))?;
        if file.schema != SCHEMA {
            return Err(format!(
                "this file says that it is {:?}; a triage file is {SCHEMA:?}",
                file.schema
            ));
        }
        let mut merged = self.clone();
        let count = file.findings.len();
        for Entry {
            key, state, note, ..
        } in file.findings
        {
            merged.set(&key, Said { state, note })?;
        }
        *self = merged;
        Ok(count)
    }
}

impl Case {
    /// The key of each finding, in their order.
    #[must_use]
    pub fn finding_keys(&self) -> &[String] {
        self.finding_keys.get_or_init(|| keys(self))
    }

    /// The key of one finding. A case of a hundred thousand findings shows its gravest first, and need not spell out all others for that.
    #[must_use]
    pub fn finding_key(&self, at: usize) -> Option<String> {
        if let Some(keys) = self.finding_keys.get() {
            return keys.get(at).cloned();
        }
        let referred = self.referred();
        let finding = self.findings.get(at)?;
        let (own, time) = (digest(referred, finding), referred.time(finding).0);
        let before = self.findings.get(..at)?.iter();
        let alike = before
            .filter(|one| one.detector == finding.detector && referred.time(one).0 == time)
            .filter(|one| digest(referred, one) == own)
            .count();
        Some(numbered(own, alike + 1))
    }

    /// How far the analyst is with a finding.
    #[must_use]
    pub fn triage_state(&self, at: usize) -> TriageState {
        if self.triage.is_empty() {
            return TriageState::New;
        }
        let key = self.finding_keys().get(at);
        key.map_or(TriageState::New, |key| self.triage.of(key).state)
    }

    /// What the analyst says of findings.
    #[must_use]
    pub fn triage(&self) -> &Triage {
        &self.triage
    }

    /// The same, to be changed.
    pub fn triage_mut(&mut self) -> &mut Triage {
        &mut self.triage
    }

    /// The triage file: what is said, and for its reader what of.
    #[must_use]
    pub fn triage_json(&self) -> String {
        let keys = self.finding_keys();
        let place: BTreeMap<&str, usize> = keys.iter().map(String::as_str).zip(0..).collect();
        let entries: Vec<Entry> = self
            .triage
            .said
            .iter()
            .map(|(key, said)| {
                let known = place.get(key.as_str());
                let finding = known.and_then(|at| self.findings.get(*at));
                Entry {
                    key: key.clone(),
                    state: said.state,
                    note: said.note.clone(),
                    finding: finding.map(|finding| About {
                        detector: finding.detector.to_string(),
                        title: finding.title.to_string(),
                        summary: self.referred().words(finding).summary,
                        first: self.referred().time(finding).0.map(|time| time.to_string()),
                    }),
                }
            })
            .collect();
        let file = serde_json::json!({ "schema": SCHEMA, "findings": entries });
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }
}

/// What tells a finding from others: a digest of what it says.
fn digest(referred: Referred<'_>, finding: &Finding) -> String {
    let subject = referred.subject(finding);
    let mut values = referred.words(finding).values;
    if finding.rule.is_some() {
        values.retain(|name, _| !OF_THE_RULE.contains(&name.as_str()));
    }
    let whole = serde_json::json!([
        finding.detector,
        [
            subject.caller,
            subject.ip,
            subject.vm,
            subject.resource,
            subject.subscription,
            subject.host
        ],
        referred.time(finding).0.map(|time| time.ns),
        values,
    ]);
    let mut key = sha256(whole.to_string().as_bytes());
    key.truncate(KEY_LETTERS);
    key
}

/// The key of a finding that is the nth of its digest, from 1.
fn numbered(digest: String, nth: usize) -> String {
    if nth > 1 {
        format!("{digest}-{nth}")
    } else {
        digest
    }
}

fn keys(case: &Case) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let referred = case.referred();
    let key = |finding: &Finding| {
        let digest = digest(referred, finding);
        let nth = times.entry(digest.clone()).or_default();
        *nth += 1;
        numbered(digest, *nth)
    };
    case.findings().iter().map(key).collect()
}

#[cfg(test)]
mod tests;
