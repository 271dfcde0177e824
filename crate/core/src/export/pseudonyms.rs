//! Names that stand in for people, machines and addresses, so that an export can be shown to those who may not know them.
//!
//! ```text
//! alex@contoso.example on web01, from 203.0.113.7     ─►     caller-5d41402abc@pseudonym.invalid on host-7d793037a0, from 2001:db8::c4ca:4238:a0b9
//! ```
//!
//! A stand-in is a function of the name and of a salt, so it is the same in every export of one session and in every file of it, and nobody
//! without the salt can try names against it. Stand-ins keep the form that tools expect: a GUID stays a GUID, an address an address (of the range
//! reserved for documentation), an account an account.
//!
//! What is replaced: every caller, account, host, VM, resource group, resource name and address that the case knows, wherever it stands in a
//! text, and everything that looks like a GUID, a mail address or an IP address. What is not: words that every machine has (`root`, `SYSTEM`,
//! the metadata address), hashes, and names that appear in free text alone, which no list knows.
//!
//! Rejected: numbering (`caller-1`, `caller-2`). The numbers would depend on what else is exported, and two files would not fit together.

use crate::case::Case;
use crate::event::column::Column;
use crate::event::intern::Symbol;
use crate::evidence::hash::sha256;
use crate::identity::fold;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names that are the same everywhere and say nothing of anybody.
const PUBLIC: [&str; 30] = [
    "root",
    "system",
    "local service",
    "network service",
    "administrator",
    "administrators",
    "admin",
    "nobody",
    "daemon",
    "azureuser",
    "localhost",
    "user",
    "users",
    "guest",
    "nt authority",
    "nt service",
    "builtin",
    "window manager",
    "font driver host",
    "workgroup",
    "syslog",
    "messagebus",
    "www-data",
    "sshd",
    "unknown",
    "microsoft",
    "azure",
    "azuread",
    "none",
    "windows",
];

/// Addresses that every machine of Azure talks to, and those of no machine.
const PUBLIC_ADDRESSES: [&str; 6] = [
    "168.63.129.16",
    "169.254.169.254",
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
];

/// The shortest name that is looked for in texts.
const LEAST_LETTERS: usize = 3;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Caller,
    Account,
    Domain,
    Host,
    ResourceGroup,
    Resource,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Account => "account",
            Self::Domain => "domain",
            Self::Host => "host",
            Self::ResourceGroup => "group",
            Self::Resource => "resource",
        }
    }
}

/// The stand-ins of one case under one salt.
pub struct Pseudonyms {
    salt: String,
    /// Stand-ins of the names that the finder knows, in its order.
    stand_ins: Vec<String>,
    finder: Option<AhoCorasick>,
    forms: Option<Regex>,
}

impl Pseudonyms {
    /// Of everything that the case can name.
    #[must_use]
    pub fn of(case: &Case, salt: &str) -> Self {
        let names = names(case);
        let stand_ins = names
            .iter()
            .map(|(name, named)| stand_in(salt, *named, name))
            .collect();
        // More names than an automaton takes leave the forms alone; a case that large has no such list in practice.
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(names.keys());
        Self {
            salt: salt.to_owned(),
            stand_ins,
            finder: finder.ok(),
            forms: Regex::new(FORMS).ok(),
        }
    }

    /// The text with everything replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut found: Vec<(usize, usize, String)> = Vec::new();
        if let Some(forms) = &self.forms {
            let places = forms.find_iter(text);
            found.extend(places.filter_map(|place| {
                let stand_in = self.of_form(place.as_str())?;
                alone(text, place.start(), place.end())
                    .then(|| (place.start(), place.end(), stand_in))
            }));
        }
        if let Some(finder) = &self.finder {
            for place in finder.find_overlapping_iter(text) {
                let known = self.stand_ins.get(place.pattern().as_usize());
                if let (Some(stand_in), true) = (known, alone(text, place.start(), place.end())) {
                    found.push((place.start(), place.end(), stand_in.clone()));
                }
            }
        }
        // The first, and of those that begin together the longest.
        found.sort_by(|one, other| (one.0, other.1).cmp(&(other.0, one.1)));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end, stand_in) in found {
            if start < done {
                continue;
            }
            out.push_str(text.get(done..start).unwrap_or(""));
            out.push_str(&stand_in);
            done = end;
        }
        out.push_str(text.get(done..).unwrap_or(""));
        out
    }

    /// Every text of a value. Its keys stay, for they are the contract; only where `keys` says so they are names too.
    pub fn value(&self, value: &mut Value, keys: bool) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.value(one, keys)),
            Value::Object(map) => {
                if keys {
                    let old: Map<String, Value> = std::mem::take(map);
                    map.extend(old.into_iter().map(|(key, value)| (self.text(&key), value)));
                }
                map.values_mut().for_each(|one| self.value(one, keys));
            }
            _ => {}
        }
    }

    fn of_form(&self, text: &str) -> Option<String> {
        if text.contains('@') {
            return Some(stand_in(&self.salt, Named::Caller, &fold(text)));
        }
        if crate::identity::looks_like_guid(text) {
            let hash = digest(&self.salt, "guid", &fold(text));
            let part = |from: usize, to: usize| hash.get(from..to).unwrap_or("0").to_owned();
            // Version 8: a GUID of one's own making.
            return Some(format!(
                "{}-{}-8{}-8{}-{}",
                part(0, 8),
                part(8, 12),
                part(12, 15),
                part(15, 18),
                part(18, 30)
            ));
        }
        let address: IpAddr = text.parse().ok()?;
        let folded = address.to_string();
        if PUBLIC_ADDRESSES.contains(&folded.as_str()) {
            return None;
        }
        let hash = digest(&self.salt, "address", &folded);
        let part = |from: usize, to: usize| hash.get(from..to).unwrap_or("0").to_owned();
        let stand_in: IpAddr = format!("2001:db8::{}:{}:{}", part(0, 4), part(4, 8), part(8, 12))
            .parse()
            .ok()?;
        Some(stand_in.to_string())
    }
}

/// GUIDs, mail addresses, and what may be an IP address.
const FORMS: &str = r"(?i)[a-z0-9._%+#'-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})?";

fn digest(salt: &str, kind: &str, name: &str) -> String {
    sha256(format!("{salt}\0{kind}\0{name}").as_bytes())
}

fn stand_in(salt: &str, named: Named, name: &str) -> String {
    let hash = digest(salt, named.word(), name);
    let short = hash.get(..10).unwrap_or_default();
    match named {
        Named::Caller => format!("caller-{short}@pseudonym.invalid"),
        Named::Domain => format!("domain-{short}.invalid"),
        other => format!("{}-{short}", other.word()),
    }
}

/// Whether no letter or digit touches the place.
fn alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let touches = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !touches(before) && !touches(after)
}

/// Everything that the case can name, folded.
fn names(case: &Case) -> BTreeMap<String, Named> {
    let mut names = Names::default();
    let store = case.store();
    let texts = |column: &Column<Symbol>| {
        let mut symbols: Vec<Symbol> = column.iter().collect();
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    };
    for (column, take) in [
        (&store.columns.actor, Names::caller as fn(&mut Names, &str)),
        (&store.columns.host, Names::host),
        (&store.columns.resource, Names::resource),
    ] {
        for symbol in texts(column) {
            if let Some(text) = store.text(symbol) {
                take(&mut names, text);
            }
        }
    }
    for item in case.items() {
        item.host.iter().for_each(|host| names.host(host));
    }
    for op in case.operations() {
        op.caller.iter().for_each(|caller| names.caller(caller));
        op.resource.iter().for_each(|id| names.resource(&id.folded));
    }
    for run in case.runs() {
        run.host.iter().for_each(|host| names.host(host));
    }
    for process in case.processes() {
        names.host(&process.host);
        names.caller(process.user(case.store()));
    }
    names.all
}

#[derive(Default)]
struct Names {
    all: BTreeMap<String, Named>,
}

impl Names {
    fn add(&mut self, name: &str, named: Named) {
        let name = fold(name.trim());
        let is_number = name
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
        if name.chars().count() < LEAST_LETTERS
            || PUBLIC.contains(&name.as_str())
            || is_number
            || crate::identity::looks_like_guid(&name)
        {
            return;
        }
        let known = self.all.entry(name).or_insert(named);
        *known = (*known).min(named);
    }

    /// A caller of the cloud or an account of a guest: `alex@contoso.example`, `CONTOSO\alex`, `alex`.
    fn caller(&mut self, text: &str) {
        if let Some((name, domain)) = text.split_once('@') {
            self.add(name, Named::Account);
            self.domain(domain);
        } else if let Some((domain, name)) = text.split_once('\\') {
            self.add(name, Named::Account);
            self.add(domain, Named::Domain);
        } else if text.parse::<IpAddr>().is_err() {
            self.add(text, Named::Account);
        }
    }

    /// The domain and, of `contoso.onmicrosoft.com`, its first part.
    fn domain(&mut self, text: &str) {
        if text.contains('.') {
            self.add(text, Named::Domain);
        }
        if let Some(tenant) = fold(text).strip_suffix(".onmicrosoft.com") {
            self.add(tenant, Named::Domain);
        }
    }

    fn host(&mut self, text: &str) {
        if text.parse::<IpAddr>().is_ok() {
            return;
        }
        self.add(text, Named::Host);
        if let Some((label, domain)) = text.split_once('.') {
            self.add(label, Named::Host);
            self.domain(domain);
        }
    }

    /// The names in a resource id; types and providers stay.
    fn resource(&mut self, text: &str) {
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        for pair in parts.windows(2) {
            let [kind, name] = pair else { continue };
            match fold(kind).as_str() {
                "resourcegroups" => self.add(name, Named::ResourceGroup),
                "virtualmachines" | "virtualmachinescalesets" => self.host(name),
                "storageaccounts"
                | "networkinterfaces"
                | "networksecuritygroups"
                | "disks"
                | "vaults"
                | "virtualnetworks"
                | "publicipaddresses"
                | "workspaces"
                | "automationaccounts"
                | "userassignedidentities"
                | "sites"
                | "servers" => self.add(name, Named::Resource),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Take = fn(&mut Names, &str);

    fn of(names: &[(&str, Take)]) -> Pseudonyms {
        let mut known = Names::default();
        for (name, take) in names {
            take(&mut known, name);
        }
        Pseudonyms {
            salt: "s".to_owned(),
            stand_ins: known
                .all
                .iter()
                .map(|(name, named)| stand_in("s", *named, name))
                .collect(),
            finder: AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .build(known.all.keys())
                .ok(),
            forms: Some(Regex::new(FORMS).unwrap()),
        }
    }

    #[test]
    fn known_names_are_replaced_wherever_they_stand_alone() {
        let names = of(&[
            ("WEB01.corp.example", Names::host),
            ("CONTOSO\\alex", Names::caller),
            ("root", Names::caller),
        ]);
        let have = names.text("alex@other.example on web01, web01.corp.example and web012; C:\\Users\\Alex; root; alexander");
        assert!(
            !have.contains("web01,") && !have.contains("corp.example") && !have.contains("\\Alex"),
            "{have}"
        );
        assert!(
            have.contains("web012") && have.contains("; root;") && have.ends_with("alexander"),
            "{have}"
        );
        assert!(have.starts_with("caller-"), "{have}");
    }

    #[test]
    fn forms_keep_their_form() {
        let names = of(&[]);
        let guid = names.text("8E3AF657-a8ff-443c-a75c-2fe8c4bcb635");
        assert!(
            crate::identity::looks_like_guid(&guid) && !guid.contains("443c"),
            "{guid}"
        );
        assert_eq!(
            guid,
            names.text("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
            "one stand-in however spelled"
        );
        let have = names
            .text("from 203.0.113.7:443 and 2001:db8:1::5 to 169.254.169.254 at 10:00:04, v1.2.3");
        assert!(
            !have.contains("203.0.113.7") && !have.contains("2001:db8:1::5"),
            "{have}"
        );
        assert!(
            have.contains("169.254.169.254")
                && have.contains("10:00:04")
                && have.contains("v1.2.3")
                && have.contains(":443"),
            "{have}"
        );
    }

    #[test]
    fn another_salt_gives_other_stand_ins() {
        let (one, mut other) = (of(&[]), of(&[]));
        other.salt = "t".to_owned();
        assert_ne!(one.text("a@b.example"), other.text("a@b.example"));
    }
}
