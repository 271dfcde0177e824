//! What the analyst looks for: addresses, prefixes, domains and hashes.
//!
//! ```text
//! 203.0.113.7,first stage
//! 198.51.100.0/24
//! evil.example            also www.evil.example
//! 44d88612fea8a8f36de82e1278abb02f
//! ```
//!
//! A text is searched word by word: a run of letters, digits, dots, dashes and colons is an address, a domain, a hash or nothing. So a search costs what
//! the text is long, however long the list.
//!
//! Rejected: looking for each entry in each text. A list of a feed has a hundred thousand entries.

use super::cells;
use crate::identity::{AddressPrefix, address};
use std::collections::BTreeMap;

/// What kind of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchKind {
    /// An address or a prefix.
    Address,
    /// A domain and all below it.
    Domain,
    /// MD5, SHA-1 or SHA-256 in lower-case hex.
    Hash,
}

impl WatchKind {
    /// The word under `values.kind`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Domain => "domain",
            Self::Hash => "hash",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// As the list spells it, folded.
    pub indicator: String,
    /// What it is.
    pub kind: WatchKind,
    /// What the list says of it.
    pub note: String,
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct WatchList {
    entries: Vec<Watched>,
    addresses: BTreeMap<String, usize>,
    prefixes: Vec<(AddressPrefix, usize)>,
    domains: BTreeMap<String, usize>,
    hashes: BTreeMap<String, usize>,
}

/// Prefixes are compared one by one.
const MOST_PREFIXES: usize = 1_000;

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_domain(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    labels.len() >= 2
        && text.len() <= 253
        && labels.iter().all(label)
        && labels
            .last()
            .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

impl WatchList {
    /// Reads a list, one entry a line.
    ///
    /// # Errors
    /// (line, why) of the first line that is none.
    pub fn parse(text: &str) -> Result<Self, (Option<usize>, String)> {
        let mut list = Self::default();
        let mut first = true;
        for (line, cell, note) in cells(text) {
            // Feeds write addresses so that nobody clicks them.
            let plain = cell.replace("[.]", ".").to_ascii_lowercase();
            let plain = plain.trim_end_matches('.').to_owned();
            let at = list.entries.len();
            let kind = if is_hash(&plain) {
                list.hashes.entry(plain.clone()).or_insert(at);
                WatchKind::Hash
            } else if let Some(ip) = address(&plain).filter(|_| !plain.contains('/')) {
                list.addresses.entry(ip).or_insert(at);
                WatchKind::Address
            } else if let Some(prefix) = AddressPrefix::parse(&plain) {
                if list.prefixes.len() >= MOST_PREFIXES {
                    return Err((
                        Some(line),
                        format!("a watch-list holds at most {MOST_PREFIXES} prefixes"),
                    ));
                }
                list.prefixes.push((prefix, at));
                WatchKind::Address
            } else if is_domain(&plain) {
                list.domains.entry(plain.clone()).or_insert(at);
                WatchKind::Domain
            } else if first {
                first = false;
                continue;
            } else {
                return Err((
                    Some(line),
                    format!("{cell:?} is no address, prefix, domain or hash"),
                ));
            };
            first = false;
            list.entries.push(Watched {
                indicator: plain,
                kind,
                note: note.to_owned(),
            });
        }
        if list.entries.is_empty() {
            return Err((
                None,
                "it holds no address, prefix, domain or hash".to_owned(),
            ));
        }
        Ok(list)
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An entry by number.
    #[must_use]
    pub fn entry(&self, number: usize) -> Option<&Watched> {
        self.entries.get(number)
    }

    /// The entry of an address.
    #[must_use]
    pub fn find_address(&self, ip: &str) -> Option<usize> {
        let exact = self.addresses.get(ip).copied();
        exact.or_else(|| {
            let mut prefixes = self.prefixes.iter();
            prefixes.find_map(|(prefix, at)| prefix.contains(ip).then_some(*at))
        })
    }

    /// The entry of a hash.
    #[must_use]
    pub fn find_hash(&self, hash: &str) -> Option<usize> {
        self.hashes.get(&hash.to_ascii_lowercase()).copied()
    }

    fn find_domain(&self, name: &str) -> Option<usize> {
        let mut rest = name;
        loop {
            if let Some(at) = self.domains.get(rest) {
                return Some(*at);
            }
            (_, rest) = rest.split_once('.')?;
        }
    }

    /// The entries that a text names, each once, sorted.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        let part = |letter: char| {
            letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':')
        };
        for word in text
            .split(|letter| !part(letter))
            .filter(|word| word.len() >= 3)
        {
            let word = word.trim_matches(['.', ':', '-']);
            // `host:port` and `name:value` are both written so.
            for piece in [word, word.split(':').next().unwrap_or(word)] {
                found.extend(self.find_word(&piece.to_ascii_lowercase()));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn find_word(&self, word: &str) -> Option<usize> {
        if is_hash(word) {
            return self.find_hash(word);
        }
        if let Some(ip) = address(word) {
            return self.find_address(&ip);
        }
        // A domain has 127 labels at most; what is longer is none.
        if word.len() > 253 {
            None
        } else {
            self.find_domain(word)
        }
    }
}
