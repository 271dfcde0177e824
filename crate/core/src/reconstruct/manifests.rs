//! What became of the items that a manifest lists.
//!
//! An item is found by its path; where the folder above was renamed, by the path below its first segment. Equal hash means unchanged, also under another name.
//!
//! Rejected: comparing times. Copying changes them and proves nothing.

use std::collections::BTreeMap;

/// What a manifest says of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Path.
    pub path: &'a str,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-256 in lower-case hex.
    pub sha256: Option<&'a str>,
}

/// An item that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present<'a> {
    /// Path.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// SHA-256, once computed.
    pub sha256: Option<&'a str>,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Same bytes at the same place.
    Unchanged,
    /// Same bytes under another path.
    Moved,
    /// Other bytes at the same place.
    Changed,
    /// Listed and not here.
    Missing,
    /// Here and not listed.
    New,
    /// Here, and no hash on one side to compare.
    NotCompared,
}

impl Verdict {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Moved => "moved",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::New => "new",
            Self::NotCompared => "not-compared",
        }
    }
}

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Path in the manifest, else of the item.
    pub path: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Where it is now.
    pub item: Option<usize>,
}

fn below_first(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, rest)| rest)
}

/// Compares, by path.
#[must_use]
pub fn compare(listed: &[Listed<'_>], present: &[Present<'_>]) -> Vec<Compared> {
    let mut by_path: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_tail: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_hash: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, item) in present.iter().enumerate() {
        by_path.entry(item.path).or_insert(at);
        by_tail.entry(below_first(item.path)).or_default().push(at);
        if let Some(hash) = item.sha256 {
            by_hash.entry(hash).or_insert(at);
        }
    }
    let mut seen = vec![false; present.len()];
    let mut out = Vec::new();
    for line in listed {
        let unique = |tail: &str| match by_tail.get(tail).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        let found = by_path
            .get(line.path)
            .copied()
            .or_else(|| unique(below_first(line.path)));
        let (verdict, item) = match found.and_then(|at| Some((at, present.get(at)?))) {
            Some((at, item)) => {
                let verdict = match (line.sha256, item.sha256) {
                    (Some(one), Some(other)) if one == other => Verdict::Unchanged,
                    (Some(_), Some(_)) => Verdict::Changed,
                    _ if line.size.is_some_and(|size| size != item.size) => Verdict::Changed,
                    _ => Verdict::NotCompared,
                };
                (verdict, Some(at))
            }
            None => match line.sha256.and_then(|hash| by_hash.get(hash)) {
                Some(at) => (Verdict::Moved, Some(*at)),
                None => (Verdict::Missing, None),
            },
        };
        if let Some(slot) = item.and_then(|at| seen.get_mut(at)) {
            *slot = true;
        }
        out.push(Compared {
            path: line.path.to_owned(),
            verdict,
            item,
        });
    }
    let fresh = present
        .iter()
        .enumerate()
        .filter(|(at, _)| seen.get(*at) == Some(&false));
    out.extend(fresh.map(|(at, item)| Compared {
        path: item.path.to_owned(),
        verdict: Verdict::New,
        item: Some(at),
    }));
    out.sort_by(|one, other| (&one.path, one.verdict).cmp(&(&other.path, other.verdict)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_gets_its_verdict() {
        let listed = |path, sha256| Listed {
            path,
            size: Some(1),
            sha256: Some(sha256),
        };
        let present = |path, sha256| Present {
            path,
            size: 1,
            sha256: Some(sha256),
        };
        let have = compare(
            &[
                listed("case/a.log", "1"),
                listed("case/b.log", "2"),
                listed("case/c.log", "3"),
                listed("case/d.log", "4"),
            ],
            &[
                present("copy/a.log", "1"),
                present("copy/b.log", "9"),
                present("copy/elsewhere.log", "3"),
                present("copy/e.log", "5"),
            ],
        );
        let have: Vec<(&str, &str)> = have
            .iter()
            .map(|line| (line.path.as_str(), line.verdict.word()))
            .collect();
        assert_eq!(
            have,
            [
                ("case/a.log", "unchanged"),
                ("case/b.log", "changed"),
                ("case/c.log", "moved"),
                ("case/d.log", "missing"),
                ("copy/e.log", "new"),
            ]
        );
    }
}
