//! Which guest an item speaks of.
//!
//! Some logs name their host in every line, most do not. Items of one guest share the root of their paths (what the collector put
//! before `/var/log/…`), so a host named in one of them is the host of all. Where no content names one, the last folder of
//! the root does; where two names disagree in one root, none is taken.
//!
//! Rejected: one host for the whole drop. Incidents come in plural.

use crate::identity::host_label;
use std::collections::BTreeMap;

/// What is known of one item.
#[derive(Clone, Debug)]
pub struct ItemHosts<'a> {
    /// The root of its path.
    pub root: &'a str,
    /// The host its path names.
    pub from_path: Option<&'a str>,
    /// Whether its path or format is a guest's.
    pub guest: bool,
    /// Hosts its events name, with how often.
    pub named: Vec<(&'a str, u64)>,
}

/// The host of each item, as first spelled by the evidence.
#[must_use]
pub fn resolve(items: &[ItemHosts<'_>]) -> Vec<Option<String>> {
    // (root) -> (label -> (count, spelling)) over guest items that name hosts.
    let mut roots: BTreeMap<&str, BTreeMap<String, (u64, &str)>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.guest) {
        for (name, count) in &item.named {
            let entry = roots
                .entry(item.root)
                .or_default()
                .entry(host_label(name))
                .or_insert((0, name));
            entry.0 += count;
            entry.1 = entry.1.min(name);
        }
    }
    let of_root = |root: &str| -> Option<&str> {
        let named = roots.get(root)?;
        let (_, (_, spelling)) = named.iter().next().filter(|_| named.len() == 1)?;
        Some(spelling)
    };
    items
        .iter()
        .map(|item| {
            let most = item
                .named
                .iter()
                .max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)));
            if let Some((name, _)) = most {
                return Some((*name).to_owned());
            }
            if !item.guest {
                return None;
            }
            of_root(item.root).or(item.from_path).map(str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item<'a>(
        root: &'a str,
        from_path: Option<&'a str>,
        named: &[(&'a str, u64)],
    ) -> ItemHosts<'a> {
        ItemHosts {
            root,
            from_path,
            guest: true,
            named: named.to_vec(),
        }
    }

    #[test]
    fn a_named_host_speaks_for_its_root() {
        let have = resolve(&[
            item("t/a", Some("a"), &[]),
            item("t/a", Some("a"), &[("WEB01", 3)]),
            item("t/b", Some("b"), &[]),
            item("", None, &[("x", 1), ("y", 2)]),
            item("", None, &[]),
            ItemHosts {
                guest: false,
                ..item("t/a", Some("a"), &[])
            },
        ]);
        let have: Vec<Option<&str>> = have.iter().map(Option::as_deref).collect();
        assert_eq!(
            have,
            [
                Some("WEB01"),
                Some("WEB01"),
                Some("b"),
                Some("y"),
                None,
                None
            ]
        );
    }
}
