//! The guests of the case: which VM each is taken to be, how its clock runs, and what the analyst said of links.

use super::story::clocks::in_words;
use super::story::link;
use crate::case::Case;
use crate::identity::host_label;
use crate::reconstruct::links::overrides::PairKey;
use serde::Serialize;
use std::collections::BTreeSet;

/// Resource ids that are proposed at most.
const MOST_VMS: usize = 2_000;

/// A guest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownHost {
    /// As its evidence spells it; absent where it has no name.
    pub host: Option<String>,
    /// Its runs.
    pub runs: usize,
    /// The VM it is taken to be.
    pub resource: Option<String>,
    /// The VM that the analyst said it is.
    pub mapped: Option<String>,
    /// Its clock in a sentence.
    pub clock: String,
}

/// Something the analyst said of a pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SaidOfPair {
    /// `confirmed` or `rejected`.
    pub said: &'static str,
    /// Both sides in words.
    pub text: String,
    /// Whether this case has both sides.
    pub present: bool,
    /// The pair.
    pub pair: PairKey,
}

/// Guests, VMs to map them to, and what was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mapping {
    /// Revision they belong to.
    pub revision: u64,
    /// By host.
    pub hosts: Vec<ShownHost>,
    /// Resource ids of VMs that operations name.
    pub vms: Vec<String>,
    /// Hosts that the analyst mapped and this case does not have.
    pub absent: Vec<(String, String)>,
    /// What the analyst said of pairs.
    pub said: Vec<SaidOfPair>,
}

/// The guests of the case.
#[must_use]
pub fn mapping(case: &Case) -> Mapping {
    use crate::reconstruct::links::overrides::{OperationKey, RunKey};
    let links = &case.settings().links;
    let mapped = |host: &str| {
        let label = host_label(host);
        let found = links.host_to_vm.iter().find(|(have, _)| *have == label);
        found.map(|(_, vm)| vm.clone())
    };
    let mut hosts = Vec::new();
    for clock in &case.linked().clocks {
        let label = clock.host.as_deref().map(host_label);
        let runs = case.runs().iter();
        let runs = runs.filter(|run| run.host.as_deref().map(host_label) == label);
        hosts.push(ShownHost {
            runs: runs.count(),
            mapped: clock.host.as_deref().and_then(mapped),
            host: clock.host.clone(),
            resource: clock.resource.clone(),
            clock: in_words(clock),
        });
    }
    let known: BTreeSet<String> = hosts
        .iter()
        .filter_map(|host| host.host.as_deref().map(host_label))
        .collect();
    let ids = case.operations().iter();
    let vms: BTreeSet<String> = ids
        .filter_map(|op| op.resource.as_ref()?.vm_resource())
        .collect();
    let operations: BTreeSet<OperationKey> =
        case.operations().iter().map(OperationKey::of).collect();
    let runs: BTreeSet<RunKey> = case.runs().iter().map(RunKey::of).collect();
    let said = |said: &'static str, pairs: &[(OperationKey, RunKey)]| -> Vec<SaidOfPair> {
        let pairs = pairs.iter().map(|(operation, run)| SaidOfPair {
            said,
            text: link::in_words(operation, run),
            present: operations.contains(operation) && runs.contains(run),
            pair: PairKey {
                operation: operation.clone(),
                run: run.clone(),
            },
        });
        pairs.collect()
    };
    let mut all = said("confirmed", &links.confirmed);
    all.extend(said("rejected", &links.rejected));
    let absent = links.host_to_vm.iter();
    Mapping {
        revision: case.revision(),
        hosts,
        vms: vms.into_iter().take(MOST_VMS).collect(),
        absent: absent
            .filter(|(host, _)| !known.contains(host))
            .cloned()
            .collect(),
        said: all,
    }
}
