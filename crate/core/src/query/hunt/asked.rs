//! What of a finding goes into its queries: names, addresses, machines, hashes, hosts that its scripts name, and when it began.
//!
//! ```text
//! caller alex@contoso.example, object id 1f0c…, address 203.0.113.7, VM web01
//!   ─► names [1f0c…, alex@contoso.example]   addresses [203.0.113.7]   machines [web01]
//! ```
//!
//! A value that is empty, longer than [`MOST_LETTERS`], or looks like a secret is left out, and more than [`MOST_VALUES`] of a kind are cut;
//! each is said in a note. Values are sorted, so that one finding always has one text.
//!
//! Rejected: command lines and output as values. They differ from run to run, and they are where passwords stand.

use super::literal::is_exact_in_esql;
use crate::case::Case;
use crate::detect::{Finding, Subject};
use crate::identity::{address, fold, host_label};
use crate::lists::Lists;
use crate::script::secrets::masked;
use crate::settings::Settings;
use crate::time::{Instant, NS_PER_DAY};
use regex::Regex;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Values of one kind in a query.
pub(super) const MOST_VALUES: usize = 100;
/// Letters of one value.
const MOST_LETTERS: usize = 512;
/// Bytes of a script that are searched for hosts.
const MOST_SCRIPT_BYTES: usize = 1 << 20;
/// "This again" begins so long before the finding.
const DAYS_BEFORE: i64 = 7;

/// The host of an address with a scheme.
const URL_HOST: &str = r"(?i)\b(?:https?|ftp|tcp|ldap|smb)://(?:[^\s/@'\x22]{1,100}@)?([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)";
/// Hosts that every machine talks to for itself: the metadata service, the platform's own address, the machine.
const OWN_HOSTS: [&str; 5] = [
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "0.0.0.0",
    "localhost",
];

/// Why a value does not stand in the queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Secret,
    Long,
    Many,
    Unwritable,
}

impl Why {
    fn sentence(self) -> &'static str {
        match self {
            Self::Secret => "A value of this finding looks like a secret and was left out.",
            Self::Long => "A value of this finding is longer than 512 letters and was left out.",
            Self::Many => {
                "This finding has more than 100 values of one kind: the first 100 stand in the queries."
            }
            Self::Unwritable => {
                "A value holds letters that ES|QL cannot write in a string: there it matches nothing."
            }
        }
    }
}

/// A finding, ready to be asked about.
pub(super) struct Asked<'a> {
    /// Parameters in force.
    pub settings: &'a Settings,
    /// The analyst's lists.
    pub lists: &'a Lists,
    /// The finding.
    pub finding: &'a Finding,
    /// Its figures.
    pub values: Map<String, Value>,
    /// Callers and object ids, folded.
    pub names: Vec<String>,
    /// Addresses of callers and of their tokens.
    pub addresses: Vec<String>,
    /// First labels of guests and VMs, folded.
    pub machines: Vec<String>,
    /// SHA-256 of scripts.
    pub hashes: Vec<String>,
    /// Addresses that its scripts name.
    pub contacted_addresses: Vec<String>,
    /// Domains that its scripts name.
    pub contacted_domains: Vec<String>,
    /// Operations of the finding.
    pub operations: Vec<String>,
    first: Option<Instant>,
    left_out: RefCell<BTreeSet<Why>>,
}

fn url_host() -> Option<&'static Regex> {
    static COMPILED: OnceLock<Option<Regex>> = OnceLock::new();
    COMPILED.get_or_init(|| Regex::new(URL_HOST).ok()).as_ref()
}

/// Hosts of the addresses with a scheme in a text.
fn hosts(text: &str, into: &mut BTreeSet<String>) {
    let mut end = text.len().min(MOST_SCRIPT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    for found in url_host().into_iter().flat_map(|of| of.captures_iter(text)) {
        let host = found.get(1).map(|host| host.as_str().to_ascii_lowercase());
        if let Some(host) =
            host.filter(|host| host.contains('.') && !OWN_HOSTS.contains(&host.as_str()))
        {
            into.insert(host);
        }
    }
}

impl<'a> Asked<'a> {
    /// Of a finding of a concluded case.
    pub(super) fn of(case: &'a Case, finding: &'a Finding) -> Self {
        let referred = case.referred();
        let subject = referred.subject(finding);
        let mut names = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        let mut operations = BTreeSet::new();
        let caller = subject.caller.as_deref().map(fold);
        names.extend(caller.clone());
        addresses.extend(subject.ip.clone());
        let of_executions = referred
            .executions(finding)
            .filter_map(|(_, execution)| execution.operation);
        let all: BTreeSet<usize> = finding
            .operations
            .iter()
            .copied()
            .chain(of_executions)
            .collect();
        for op in all.iter().filter_map(|at| case.operations().get(*at)) {
            operations.insert(op.operation.to_string());
            // Operations beside the finding's own, such as steps of a chain, may be somebody else's.
            if op.caller.as_deref().map(fold) == caller {
                names.extend(op.principal.as_deref().map(str::to_owned));
                addresses.extend(op.ips.iter().chain(&op.token_ip).map(|ip| ip.to_string()));
            }
        }
        let Subject { vm, host, .. } = &subject;
        let last = |name: &String| name.rsplit(['/', ':']).next().map(host_label);
        let machines = [vm, host].into_iter().flatten().filter_map(last);
        let machines: BTreeSet<String> = machines.collect();
        let (mut hashes, mut contacted) = (BTreeSet::new(), BTreeSet::new());
        for run in referred.executions(finding).filter_map(|(_, one)| one.run) {
            hashes.extend(
                case.runs()
                    .get(run)
                    .and_then(|run| Some(run.script.as_ref()?.sha256.clone())),
            );
            let layers = case.examined(run).map(|examined| examined.layers.iter());
            for text in layers
                .into_iter()
                .flatten()
                .filter_map(|layer| layer.text.as_deref())
            {
                hosts(text, &mut contacted);
            }
        }
        let values = referred.words(finding).values;
        for key in ["file_sha256", "delivered_sha256", "sha256"] {
            hashes.extend(
                values
                    .get(key)
                    .and_then(|hash| Some(hash.as_str()?.to_owned())),
            );
        }
        let (contacted_addresses, contacted_domains): (BTreeSet<String>, BTreeSet<String>) =
            contacted
                .into_iter()
                .partition(|host| address(host).is_some());
        let mut asked = Self {
            settings: case.settings(),
            lists: case.lists(),
            finding,
            values,
            names: Vec::new(),
            addresses: Vec::new(),
            machines: Vec::new(),
            hashes: Vec::new(),
            contacted_addresses: Vec::new(),
            contacted_domains: Vec::new(),
            operations: Vec::new(),
            first: referred.time(finding).0,
            left_out: RefCell::default(),
        };
        asked.names = asked.kept(names);
        asked.addresses = asked.kept(addresses);
        asked.machines = asked.kept(machines);
        asked.hashes = asked.kept(hashes);
        asked.contacted_addresses = asked.kept(contacted_addresses);
        asked.contacted_domains = asked.kept(contacted_domains);
        asked.operations = asked.kept(operations);
        asked
    }

    /// Those values that may stand in a query.
    pub(super) fn kept(&self, values: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut left_out = self.left_out.borrow_mut();
        let mut kept = Vec::new();
        for value in values {
            if value.trim().is_empty() {
                continue;
            }
            if kept.len() >= MOST_VALUES {
                left_out.insert(Why::Many);
                break;
            }
            if value.chars().count() > MOST_LETTERS {
                left_out.insert(Why::Long);
            } else if masked(&value) != value {
                left_out.insert(Why::Secret);
            } else {
                if !is_exact_in_esql(&value) {
                    left_out.insert(Why::Unwritable);
                }
                kept.push(value);
            }
        }
        kept
    }

    /// A figure of the finding that is text, where it may stand in a query.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let text = self.values.get(name)?.as_str()?.to_owned();
        self.kept([text]).pop()
    }

    /// When "this again" begins.
    pub(super) fn since(&self) -> Option<Instant> {
        let first = self.first?;
        let begun = first.ns.checked_sub(DAYS_BEFORE * NS_PER_DAY)?;
        // Whole seconds: a query is read by people.
        Some(Instant {
            ns: begun - begun.rem_euclid(crate::time::NS_PER_SECOND),
            digits: 0,
        })
    }

    /// What did not find its way into the queries, as sentences.
    pub(super) fn left_out(&self) -> Vec<String> {
        let why = self.left_out.borrow();
        why.iter().map(|why| why.sentence().to_owned()).collect()
    }
}
