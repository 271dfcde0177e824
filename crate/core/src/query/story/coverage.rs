//! Where one side is missing: which evidence would have shown it, whether that covers the time, and what may be concluded.
//!
//! ```text
//! run #3 on web01, 10:00       no Activity Log of that subscription covers 10:00       nothing can be concluded
//! operation on web01, 10:00    waagent.log of web01 covers 10:00 and names no run      it did not reach the guest, or its traces were removed
//! ```
//!
//! Rejected: calling a lone run "unauthorised". Without the Activity Log of that hour every run is alone.

use super::Sides;
use crate::case::Case;
use crate::case::item::Item;
use crate::case::store::EventNumber;
use crate::event::facts::FactKind;
use crate::formats;
use crate::identity::{fold, host_label};
use serde::Serialize;
use std::collections::BTreeSet;

/// Items that one answer lists at most.
const MOST_ITEMS: usize = 40;
/// Formats that show a run when they cover its time.
const GUEST_LOGS: [&str; 5] = [
    formats::waagent_log::FORMAT.id,
    formats::waappagent_log::FORMAT.id,
    formats::handler_log::FORMAT.id,
    formats::extension_log::FORMAT.id,
    formats::command_execution_log::FORMAT.id,
];

/// An evidence item that would have shown the other side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covering {
    /// Item number.
    pub item: u32,
    /// Its path.
    pub path: String,
    /// Format id.
    pub format: String,
    /// First event time.
    pub first: Option<String>,
    /// Last event time.
    pub last: Option<String>,
    /// Whether the time lies between.
    pub covers: bool,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// `cloud` or `guest`.
    pub side: &'static str,
    /// What is missing.
    pub text: String,
    /// What may be concluded from that.
    pub conclusion: String,
    /// Whether evidence covers the time, so that its silence means something.
    pub covered: bool,
    /// The evidence looked at.
    pub evidence: Vec<Covering>,
}

/// The guest that an event speaks of.
pub(super) fn host_of(case: &Case, event: EventNumber) -> Option<&str> {
    let of_item = |item: u32| case.items().get(item as usize)?.host.as_deref();
    case.store().host_of(event, of_item)
}

pub(super) fn missing(sides: &Sides<'_>) -> Vec<Missing> {
    match (sides.op, sides.run) {
        (Some(_), None) => guest(sides).into_iter().collect(),
        (None, Some(_)) => cloud(sides).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn covering(number: u32, item: &Item, at: Option<i64>) -> Covering {
    let inside = |at: i64| {
        item.first.is_some_and(|first| first.ns <= at)
            && item.last.is_some_and(|last| at <= last.ns)
    };
    Covering {
        item: number,
        path: item.path.clone(),
        format: item
            .report
            .as_ref()
            .map(|report| report.format.clone())
            .unwrap_or_default(),
        first: item.first.map(|time| time.to_string()),
        last: item.last.map(|time| time.to_string()),
        covers: at.is_some_and(inside),
    }
}

/// Those that cover first, then by path; cut.
fn sorted(mut evidence: Vec<Covering>) -> Vec<Covering> {
    evidence.sort_by(|one, other| (!one.covers, &one.path).cmp(&(!other.covers, &other.path)));
    evidence.truncate(MOST_ITEMS);
    evidence
}

/// The run is missing: do logs of that guest cover the time?
fn guest(sides: &Sides<'_>) -> Option<Missing> {
    let (case, op) = (sides.case, sides.op?);
    let vm = op.vm().unwrap_or_default();
    let resource = op.resource.as_ref().and_then(|id| id.vm_resource());
    let mut hosts: BTreeSet<String> = BTreeSet::from([host_label(&vm)]);
    for clock in &case.linked().clocks {
        if resource.is_some()
            && clock.resource.as_deref().map(fold) == resource.as_deref().map(fold)
        {
            hosts.extend(clock.host.as_deref().map(host_label));
        }
    }
    let time = op.started.map(|time| time.ns);
    let offset = case.linked().clocks.iter().find(|clock| {
        clock
            .host
            .as_deref()
            .map(host_label)
            .is_some_and(|host| hosts.contains(&host))
    });
    // Guest logs are read by the guest's clock.
    let by_guest = time.map(|time| time + offset.map_or(0, |clock| clock.applied.at(time)));
    let all: Vec<Covering> = (0_u32..)
        .zip(case.items())
        .filter(|(_, item)| {
            let here = item
                .host
                .as_deref()
                .is_some_and(|host| hosts.contains(&host_label(host)));
            here && item.events > 0 && item.first.is_some() && item.is_guest()
        })
        .map(|(number, item)| covering(number, item, by_guest))
        .collect();
    let logs: Vec<&Covering> = all
        .iter()
        .filter(|one| GUEST_LOGS.contains(&one.format.as_str()))
        .collect();
    let covered = logs.iter().any(|one| one.covers);
    let machine = if vm.is_empty() { "the VM" } else { &vm };
    let conclusion = if all.is_empty() {
        format!(
            "There is no evidence of {machine}'s disk: nothing can be concluded. Add its /var/log/azure and /var/lib/waagent, or C:\\WindowsAzure and C:\\Packages."
        )
    } else if covered {
        "A log of the agent or its handler covers this time and names no run that fits: the command did not reach the guest, or its traces were removed.".to_owned()
    } else if logs.is_empty() {
        format!(
            "There is evidence of {machine}, but no log of its agent or handlers: nothing can be concluded."
        )
    } else {
        format!(
            "The logs of {machine} that are here do not cover this time (they may have been rotated): nothing can be concluded."
        )
    };
    Some(Missing {
        side: "guest",
        text: "No run on the guest is known for this operation.".to_owned(),
        conclusion,
        covered,
        evidence: sorted(all),
    })
}

/// The operation is missing: does an Activity Log of that subscription cover the time?
fn cloud(sides: &Sides<'_>) -> Option<Missing> {
    let (case, run) = (sides.case, sides.run?);
    let at = sides.execution.run?;
    let resource = case.linked().resources.get(at).cloned().flatten();
    let subscription = resource
        .as_deref()
        .map(crate::identity::ResourceId::parse)
        .and_then(|id| id.subscription().map(str::to_owned));
    let mut items: BTreeSet<u32> = BTreeSet::new();
    let store = case.store();
    for at in store.facts.of_kind(FactKind::Cloud) {
        let Some(row) = at.cloud() else { continue };
        let of_row = store.text(row.subscription).unwrap_or("");
        if subscription
            .as_deref()
            .is_none_or(|wanted| of_row == wanted)
        {
            items.insert(store.item_of(at.event()));
        }
    }
    let offset = super::clocks::applied(case, at);
    let time = run.started.or(run.ended).map(|time| offset.cloud(time.ns));
    let all: Vec<Covering> = items
        .into_iter()
        .filter_map(|number| Some(covering(number, case.items().get(number as usize)?, time)))
        .collect();
    let covered = all.iter().any(|one| one.covers) && subscription.is_some();
    let of = subscription.as_deref().map_or_else(
        || "and which VM this guest is is not known".to_owned(),
        |id| format!("of subscription {id}"),
    );
    let conclusion = if all.is_empty() {
        format!("There is no Activity Log here {of}: nothing can be concluded.")
    } else if covered {
        format!(
            "An Activity Log {of} covers this time and has no operation that fits: it was exported with a filter, the request came another way, or rows are missing. Ask for the whole log of that hour."
        )
    } else if subscription.is_none() {
        "Which VM this guest is is not known, so no Activity Log can be called the right one. Map the host to its VM.".to_owned()
    } else {
        format!(
            "The Activity Logs {of} that are here do not cover this time: nothing can be concluded. They are kept for 90 days; diagnostic exports may reach further back."
        )
    };
    Some(Missing {
        side: "cloud",
        text: "No operation in the cloud is known for this run.".to_owned(),
        conclusion,
        covered,
        evidence: sorted(all),
    })
}
