//! Hunt on: the question of a finding as queries to run over the fleet.
//!
//! A case holds what was collected from a few machines; a SIEM holds the rest. Each detector has a page of queries here, with the parameters
//! in force and the finding's own values filled in: "this again" asks for the same caller, address or script anywhere, "the same pattern" asks
//! the detector's own question of everyone. Where a query decides differently from the detector, a note says how; where a product holds no
//! data that answers, a note stands in its place.
//!
//! ```text
//! run-command-spike (window_minutes 15, least_commands 5; caller alex@contoso.example from 203.0.113.7)
//!   ─► sentinel  kql   AzureActivity                 this again · the same pattern
//!      defender  kql   CloudAuditEvents              this again
//!      elastic   esql  logs-azure.activitylogs-*     this again · the same pattern
//! ```
//!
//! A value of evidence stands in a query inside a string literal and nowhere else ([`literal`]); one that looks like a secret does not stand
//! there at all.
//!
//! Rejected: translating detectors by a common language such as Sigma. Windows, baselines and joins are the question here, and a lowest
//! common language has none of them.

mod activity;
mod asked;
mod baselines;
mod chain;
mod disks;
mod guests;
mod identities;
mod joined;
pub mod literal;
mod markdown;
mod operations;
mod run_commands;
mod scripts;
mod watched;

use super::findings::finding_at;
use crate::case::Case;
use crate::detect::Finding;
use asked::Asked;
pub use markdown::markdown;
use serde::Serialize;

/// Microsoft Sentinel.
const SENTINEL: &str = "sentinel";
/// Microsoft Defender advanced hunting.
const DEFENDER: &str = "defender";
/// Elastic.
const ELASTIC: &str = "elastic";
/// Said once for all of a finding's queries.
const UNMAPPED_NOTE: &str = "ES|QL refuses a query that names a field which no index of its pattern maps: take such a field out. Indices are those of the integrations \"azure\", \"endpoint\" and \"system\".";
/// Every product, in the order in which they are shown.
pub const PRODUCTS: [&str; 3] = [SENTINEL, DEFENDER, ELASTIC];

/// Of what a query asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The same caller, address, script or name, anywhere.
    ThisAgain,
    /// The detector's question, of everyone.
    SamePattern,
}

/// A query that can be run as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HuntQuery {
    /// `sentinel`, `defender` or `elastic`.
    pub product: &'static str,
    /// `kql` or `esql`.
    pub language: &'static str,
    /// Of what it asks.
    pub variant: Variant,
    /// What it asks, in a few words.
    pub title: String,
    /// Tables or indices that it reads.
    pub needs: Vec<&'static str>,
    /// The query.
    pub text: String,
    /// What it cannot see, or decides differently from the detector.
    pub notes: Vec<String>,
}

/// What has to be said of a product, or of all its queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HuntNote {
    /// The product; `all` where it is said of all of them.
    pub product: &'static str,
    /// One sentence or two.
    pub text: String,
}

/// The queries of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hunt {
    /// By product, "this again" first.
    pub queries: Vec<HuntQuery>,
    /// Why a product has no query, and what was left out of all.
    pub notes: Vec<HuntNote>,
}

/// A query's frame: everything but product and language.
struct Ask {
    variant: Variant,
    title: &'static str,
    needs: &'static [&'static str],
    text: String,
    notes: Vec<String>,
}

impl Ask {
    fn again(title: &'static str, needs: &'static [&'static str], text: String) -> Self {
        Self {
            variant: Variant::ThisAgain,
            title,
            needs,
            text,
            notes: Vec::new(),
        }
    }

    fn pattern(title: &'static str, needs: &'static [&'static str], text: String) -> Self {
        Self {
            variant: Variant::SamePattern,
            ..Self::again(title, needs, text)
        }
    }

    fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }
}

impl Hunt {
    fn put(&mut self, product: &'static str, language: &'static str, ask: Ask) {
        self.queries.push(HuntQuery {
            product,
            language,
            variant: ask.variant,
            title: ask.title.to_owned(),
            needs: ask.needs.to_vec(),
            text: format!("{}\n", ask.text.trim()),
            notes: ask.notes,
        });
    }

    fn sentinel(&mut self, ask: Ask) {
        self.put(SENTINEL, "kql", ask);
    }

    fn defender(&mut self, ask: Ask) {
        self.put(DEFENDER, "kql", ask);
    }

    fn elastic(&mut self, ask: Ask) {
        self.put(ELASTIC, "esql", ask);
    }

    /// Why a product has no query.
    fn none(&mut self, product: &'static str, why: &str) {
        self.notes.push(HuntNote {
            product,
            text: why.to_owned(),
        });
    }
}

/// What a detector's page of queries is made by.
type Page = fn(&Asked<'_>, &mut Hunt);

/// Every detector's page, in the order of the detectors.
static PAGES: &[(&str, Page)] = &[
    ("run-command-invocation", run_commands::invocation),
    ("managed-run-command-write", run_commands::managed_write),
    ("vm-extension-write", run_commands::extension_write),
    ("run-command-new-terms", run_commands::new_terms),
    ("caller-profile", baselines::caller_profile),
    ("sensitive-operation", operations::sensitive),
    ("anomalous-operation-model", baselines::model),
    ("run-command-spike", run_commands::spike),
    ("run-command-infrequent", run_commands::infrequent),
    ("run-command-in-risk-window", identities::risk_window),
    ("run-command-from-cloud-address", identities::cloud_address),
    ("dormant-principal-reactivated", identities::dormant),
    ("sensitive-operation-new-source", operations::new_source),
    ("resource-burst", operations::burst),
    ("run-command-chain", chain::chain),
    ("script-file-join", joined::file_join),
    ("script-volatility", joined::volatility),
    ("unique-script", joined::unique),
    ("run-command-process-correlation", joined::correlation),
    ("script-child-process", joined::child),
    ("custom-script-descendant", joined::descendant),
    ("script-content", scripts::content),
    ("decode", scripts::decode),
    ("watch-list", watched::watch_list),
    ("sequence-anomaly", disks::sequence),
    ("self-deleting-script", disks::self_deleting),
    ("extension-removed", disks::extension_removed),
    ("status-output-mismatch", disks::status_output),
    ("interrupted-execution", guests::interrupted),
    ("clock-anomaly", guests::clock),
    ("guest-run-without-cloud-op", guests::without_cloud),
    ("cloud-op-without-guest-trace", guests::without_trace),
    ("run-as-secret-exposed", scripts::run_as_secret),
    ("script-body-mismatch", disks::script_body),
];

/// The queries of the finding with this key; none where it is not in the case.
#[must_use]
pub fn hunt(case: &Case, finding_key: &str) -> Hunt {
    finding_at(case, finding_key)
        .and_then(|at| case.findings().get(at))
        .map_or_else(Hunt::default, |finding| of_finding(case, finding))
}

fn of_finding(case: &Case, finding: &Finding) -> Hunt {
    let asked = Asked::of(case, finding);
    let mut hunt = Hunt::default();
    let detector = &*finding.detector;
    if let Some((_, page)) = PAGES.iter().find(|(id, _)| *id == detector) {
        page(&asked, &mut hunt);
    }
    if finding.rule.is_some() {
        let text = "This finding is of a Sigma rule, which is a query already: a converter of Sigma writes it for your product.";
        hunt.notes.push(HuntNote {
            product: "all",
            text: text.to_owned(),
        });
    }
    if hunt.queries.iter().any(|query| query.product == ELASTIC) {
        hunt.none(ELASTIC, UNMAPPED_NOTE);
    }
    // A product's queries stand together, however a page was written.
    let place = |product: &str| PRODUCTS.iter().position(|known| *known == product);
    hunt.queries
        .sort_by_key(|query| (place(query.product), query.variant));
    hunt.notes.sort_by_key(|note| place(note.product));
    hunt.notes
        .extend(asked.left_out().into_iter().map(|text| HuntNote {
            product: "all",
            text,
        }));
    hunt
}

#[cfg(test)]
mod tests;
