//! The analyst's list of address ranges.
//!
//! Two shapes are read: the service-tag file of Azure (JSON with `values[].properties.addressPrefixes`) and CSV whose columns may come in any
//! order, for example `203.0.113.0/24,Example Hosting`. The tag gives the class; a CSV without a tag that means Azure is the analyst's
//! own list of hosting providers.
//!
//! ```
//! use runlens_core::detect::run_command_from_cloud_address::{AddressRanges, Class};
//! let ranges = AddressRanges::parse("prefix,tag\n20.42.0.0/17,AzureCloud.eastus\n20.42.4.0/24,WindowsVirtualDesktop").expect("a list");
//! assert_eq!(ranges.find("20.42.4.9").map(|found| found.class), Some(Class::Vdi));
//! assert_eq!(ranges.find("10.0.0.4"), None);
//! ```
//!
//! Rejected: a trie. There are at most 33 and 129 lengths, and a map for each length is looked up as fast and read at sight.

use crate::identity::{AddressPrefix, fold};
use crate::json::Value as Json;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// What kind of host a range holds. In the order that decides between equal prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Virtual desktops.
    Vdi,
    /// A hosting provider of the analyst's list.
    Vps,
    /// Machines rented in Azure.
    AzureCompute,
    /// Another Azure service.
    AzureService,
}

impl Class {
    /// The word in `class`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Vdi => "vdi",
            Self::Vps => "vps",
            Self::AzureCompute => "azure-compute",
            Self::AzureService => "azure-service",
        }
    }

    /// By tag. A tag that does not mean Azure is a provider where the analyst wrote the list, a service where Azure did.
    fn of(tag: &str, otherwise: Self) -> Self {
        let tag = fold(tag);
        if tag.contains("virtualdesktop") {
            Self::Vdi
        } else if tag.starts_with("azurecloud") {
            Self::AzureCompute
        } else {
            otherwise
        }
    }
}

/// Why a list was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedList {
    /// Places (lines, or prefixes of a tag) that hold no prefix; empty where the list has none at all.
    pub bad: Vec<String>,
}

impl fmt::Display for RefusedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bad.first() {
            Some(first) => write!(
                f,
                "{first:?} in the list of address ranges is no prefix (such places: {})",
                self.bad.len()
            ),
            None => write!(f, "the list of address ranges holds no prefix"),
        }
    }
}

impl std::error::Error for RefusedList {}

/// A range that holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// What kind of host.
    pub class: Class,
    /// The range's tag or name, empty where the list gives none.
    pub tag: &'a str,
    /// The range.
    pub prefix: String,
}

/// Ranges of one length, by network.
type Networks = BTreeMap<IpAddr, (Class, String)>;

/// Ranges of both address families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRanges {
    v4: BTreeMap<u32, Networks>,
    v6: BTreeMap<u32, Networks>,
    listed: Option<Instant>,
}

impl AddressRanges {
    /// Reads a list of either shape.
    ///
    /// # Errors
    /// [`RefusedList`] where a prefix is unreadable or there is none: half a list would clear addresses that it should not.
    pub fn parse(text: &str) -> Result<Self, RefusedList> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut ranges = Self::default();
        let mut bad = Vec::new();
        if text.starts_with('{') || text.starts_with('[') {
            ranges.take_tags(Json::new(text.as_bytes()), &mut bad);
        } else {
            ranges.take_csv(text, &mut bad);
        }
        if bad.is_empty() && !ranges.is_empty() {
            Ok(ranges)
        } else {
            Err(RefusedList { bad })
        }
    }

    fn take_tags(&mut self, file: Json<'_>, bad: &mut Vec<String>) {
        let values = if file.is_array() {
            file
        } else {
            file.get_folded("values")
        };
        for tag in values.elements() {
            let name = tag.get_folded("name").word().unwrap_or_default();
            let prefixes = tag.get_folded("properties").get_folded("addressprefixes");
            let class = Class::of(&name, Class::AzureService);
            for text in prefixes.elements().filter_map(Json::word) {
                match AddressPrefix::parse(&text) {
                    Some(found) => self.add(found, class, &name),
                    None => bad.push(text.into_owned()),
                }
            }
        }
    }

    fn take_csv(&mut self, text: &str, bad: &mut Vec<String>) {
        let mut first = true;
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<&str> = line
                .split([',', ';', '\t'])
                .map(|cell| cell.trim().trim_matches('"').trim())
                .collect();
            let found = cells.iter().find_map(|cell| AddressPrefix::parse(cell));
            let name = cells
                .iter()
                .find(|cell| !cell.is_empty() && AddressPrefix::parse(cell).is_none());
            match found {
                Some(found) => {
                    let name = name.copied().unwrap_or("");
                    self.add(found, Class::of(name, Class::Vps), name);
                }
                // The first line may be a header.
                None if first => {}
                None => bad.push(line.to_owned()),
            }
            first = false;
        }
    }

    fn add(&mut self, prefix: AddressPrefix, class: Class, tag: &str) {
        let family = if prefix.network().is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        };
        let networks = family.entry(prefix.length()).or_default();
        let new = (class, tag.to_owned());
        networks
            .entry(prefix.network())
            .and_modify(|have| {
                if new < *have {
                    have.clone_from(&new);
                }
            })
            .or_insert(new);
    }

    /// Says of what date the list is.
    #[must_use]
    pub fn dated(self, listed: Instant) -> Self {
        Self {
            listed: Some(listed),
            ..self
        }
    }

    /// As [`AddressRanges::dated`], from the eight digits in the file's name (`ServiceTags_Public_20240429.json`), where it has them.
    #[must_use]
    pub fn dated_by_name(self, name: &str) -> Self {
        let runs = name.split(|letter: char| !letter.is_ascii_digit());
        let date = runs.filter(|run| run.len() == 8).find_map(|run| {
            let part = |from: usize, to: usize| run.get(from..to)?.parse::<u32>().ok();
            let year = i32::try_from(part(0, 4)?).ok()?;
            Instant::from_civil((year, part(4, 6)?, part(6, 8)?), (0, 0, 0), 0, 0)
        });
        match date {
            Some(date) => self.dated(date),
            None => self,
        }
    }

    /// The date of the list, where it was said.
    #[must_use]
    pub fn listed(&self) -> Option<Instant> {
        self.listed
    }

    /// Whether there is no range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let both = self.v4.values().chain(self.v6.values());
        both.map(BTreeMap::len).sum()
    }

    /// The longest range that holds an address.
    #[must_use]
    pub fn find(&self, ip: &str) -> Option<Match<'_>> {
        let address = ip.parse::<IpAddr>().ok()?;
        let family = if address.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        family.iter().rev().find_map(|(length, networks)| {
            let network = AddressPrefix::around(address, *length).network();
            let (class, tag) = networks.get(&network)?;
            Some(Match {
                class: *class,
                tag,
                prefix: format!("{network}/{length}"),
            })
        })
    }

    /// Every range: IPv4 first, the shortest prefixes first.
    pub fn all(&self) -> impl Iterator<Item = Match<'_>> {
        let families = [&self.v4, &self.v6].into_iter().flatten();
        families.flat_map(|(length, networks)| {
            let ranges = networks.iter();
            ranges.map(move |(network, (class, tag))| Match {
                class: *class,
                tag,
                prefix: format!("{network}/{length}"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: &str = r#"{ "changeNumber": 7, "cloud": "Public", "values": [
        { "name": "AzureCloud.eastus", "id": "AzureCloud.eastus", "properties": { "changeNumber": 1,
          "addressPrefixes": ["20.42.0.0/17", "2603:1030::/32"] } },
        { "name": "WindowsVirtualDesktop", "properties": { "addressPrefixes": ["20.42.4.0/24"] } },
        { "name": "Storage.EastUS", "properties": { "addressPrefixes": ["20.42.4.0/24", "20.60.0.0/16", "2603:1030:1::/48"] } } ] }"#;

    fn class(ranges: &AddressRanges, ip: &str) -> Option<Class> {
        ranges.find(ip).map(|found| found.class)
    }

    #[test]
    fn the_longest_prefix_decides_and_the_order_of_classes_between_equals() {
        let ranges = AddressRanges::parse(TAGS).expect("a list");
        assert_eq!(ranges.len(), 5);
        for (ip, expected) in [
            ("20.42.4.9", Some(Class::Vdi)),
            ("20.42.127.255", Some(Class::AzureCompute)),
            ("20.42.128.0", None),
            ("10.0.0.4", None),
            ("20.60.1.1", Some(Class::AzureService)),
            ("2603:1030::1", Some(Class::AzureCompute)),
            ("2603:1030:1::1", Some(Class::AzureService)),
            ("2603:1031::1", None),
            ("nowhere", None),
        ] {
            assert_eq!(class(&ranges, ip), expected, "{ip}");
        }
        let found = ranges.find("20.42.4.9").expect("a range");
        assert_eq!(
            (found.tag, found.prefix.as_str()),
            ("WindowsVirtualDesktop", "20.42.4.0/24")
        );
    }

    #[test]
    fn a_csv_is_read_whatever_its_columns() {
        let text = "\u{feff}provider;network\r\n# rented\r\n\"Example Hosting\";198.51.100.0/24\r\n203.0.113.9\r\nAzureCloud.westus;20.1.0.0/16\r\n";
        let ranges = AddressRanges::parse(text).expect("a list");
        assert_eq!(class(&ranges, "198.51.100.7"), Some(Class::Vps));
        assert_eq!(class(&ranges, "203.0.113.9"), Some(Class::Vps));
        assert_eq!(class(&ranges, "203.0.113.10"), None);
        assert_eq!(class(&ranges, "20.1.2.3"), Some(Class::AzureCompute));
        let all = AddressRanges::parse("0.0.0.0/0,everything").expect("a list");
        assert_eq!(class(&all, "255.255.255.255"), Some(Class::Vps));
    }

    #[test]
    fn half_a_list_is_refused() {
        let say = |text: &str| AddressRanges::parse(text).map_err(|refused| refused.to_string());
        for text in ["", "prefix,tag", "{}", "{\"values\": []}"] {
            assert_eq!(
                say(text),
                Err("the list of address ranges holds no prefix".to_owned())
            );
        }
        assert_eq!(
            say("10.0.0.0/8,a\n10.0.0.0/33,b"),
            Err(
                "\"10.0.0.0/33,b\" in the list of address ranges is no prefix (such places: 1)"
                    .to_owned()
            )
        );
    }

    #[test]
    fn the_date_stands_in_the_name() {
        let ranges = || AddressRanges::parse("10.0.0.0/8").expect("a list");
        let listed = |name: &str| {
            ranges()
                .dated_by_name(name)
                .listed()
                .map(|day| day.to_string())
        };
        assert_eq!(
            listed("ServiceTags_Public_20240429.json").as_deref(),
            Some("2024-04-29T00:00:00Z")
        );
        assert_eq!(listed("ServiceTags_Public_20241399.json"), None);
        assert_eq!(listed("ranges.csv"), None);
    }
}
