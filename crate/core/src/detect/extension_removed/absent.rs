//! Handlers that logs know and the disk does not: the folder is gone, and nothing says when.
//!
//! ```text
//! collected  /var/lib/waagent/Microsoft.Azure.Monitor…-1.2/…      another extension's folder
//! missing    /var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-…/, /var/lib/waagent/run-command/
//! handler.log  … executed command seq=3        2024-05-01T10:00:04Z      it was there then
//! ```
//!
//! An argument from absence wants a collection that would have brought the folder. That is one that brought another extension's: who collects the logs alone, or
//! the folders of run commands alone, proves nothing. The removal lies between the end of the last run and the last time that the guest knows.
//!
//! Rejected: custom scripts. Their handler has several names, and a collection of one names nothing of the other.

use super::super::machines::{of_host, on_host};
use super::super::{CaseView, Confidence, Finding, Severity, figures, lasting, seconds};
use super::{DETECTOR, Ends, SOON, SURVIVES_LINUX, SURVIVES_WINDOWS};
use crate::evidence::layout::{Family, Os};
use crate::reconstruct::guests::label_of;
use crate::time::Instant;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Which handler serves a feature: managed run commands and immediate ones have one in common.
fn handler(family: Family) -> Option<Family> {
    match family {
        Family::Action => Some(Family::Action),
        Family::Managed | Family::Immediate => Some(Family::Managed),
        Family::Extension => None,
    }
}

/// What the disks of the guests hold, by label.
struct Disks {
    /// Handlers with a folder or data.
    stored: BTreeSet<(String, Family)>,
    /// Guests of which another extension's folder was collected.
    collected: BTreeSet<String>,
    windows: BTreeSet<String>,
}

impl Disks {
    fn of(view: &CaseView<'_>) -> Self {
        let mut disks = Self {
            stored: BTreeSet::new(),
            collected: BTreeSet::new(),
            windows: BTreeSet::new(),
        };
        for item in view
            .items
            .iter()
            .filter(|item| item.layout.role.is_stored())
        {
            let layout = &item.layout;
            let label = label_of(item.host.as_deref(), &layout.root);
            if layout.os == Some(Os::Windows) {
                disks.windows.insert(label.clone());
            }
            match layout.family.map(|family| (handler(family), family)) {
                Some((Some(handler), _)) => {
                    disks.stored.insert((label, handler));
                }
                Some((None, _)) if layout.handler.is_some() => {
                    disks.collected.insert(label);
                }
                _ => {}
            }
        }
        disks
    }
}

/// Whether a collection would have brought the folders.
pub(super) fn can_tell(view: &CaseView<'_>) -> bool {
    !view.runs.is_empty() && !Disks::of(view).collected.is_empty()
}

/// The findings; `told` are handlers of which a removal is known, with the last time of one.
pub(super) fn findings(
    view: &CaseView<'_>,
    ends: &Ends<'_>,
    told: &BTreeMap<(String, Family), i64>,
) -> Vec<Finding> {
    let disks = Disks::of(view);
    let mut last: BTreeMap<(&str, Family), (i64, usize)> = BTreeMap::new();
    for ((label, family), list) in ends {
        if let (Some(handler), Some(end)) = (handler(*family), list.last()) {
            let known = last.entry((label, handler)).or_insert(*end);
            *known = (*known).max(*end);
        }
    }
    let missing = last.into_iter().filter(|((label, family), (end, _))| {
        let key = ((*label).to_owned(), *family);
        let removed = told.get(&key).is_some_and(|time| time >= end);
        disks.collected.contains(*label) && !disks.stored.contains(&key) && !removed
    });
    missing
        .filter_map(|((label, family), last)| finding(view, &disks, label, family, last))
        .collect()
}

fn finding(
    view: &CaseView<'_>,
    disks: &Disks,
    label: &str,
    family: Family,
    (end, run): (i64, usize),
) -> Option<Finding> {
    let (_, ended) = view.run_times(run)?;
    let reach = view.guests.reach.get(label)?;
    // Until the guest's last sign of life: the folder was gone by then, or by the collection behind it.
    let seen = view.machines().offset(label).cloud(reach.last?);
    let until = Instant {
        ns: seen.max(end),
        digits: ended.digits,
    };
    let most = until.ns - end;
    let host = view.runs.get(run).and_then(|run| run.host.clone());
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if most <= SOON {
            Severity::High
        } else {
            Severity::Medium
        },
        confidence: Confidence::Medium,
        title: "Folder of a script handler is gone".into(),
        summary: format!(
            "Of the handler of {} run commands on {} neither folder nor data are on the disk, where another extension's are; its last run ended {} before the last record of the guest.",
            family.word(),
            on_host(host.as_deref()),
            lasting(most)
        ).into(),
        executions: view.executions_of_run(Some(run)),
        events: view.runs.get(run)?.events.clone(),
        subject: of_host(host).into(),
        time: Some(Box::new((ended, until))),
        values: figures(json!({
            "gap": null,
            "gap_at_most": seconds(most),
            "orphan": false,
            "absent": true,
            "family": family.word(),
            "survives": if disks.windows.contains(label) { SURVIVES_WINDOWS } else { SURVIVES_LINUX },
        })).into(),
        attack: Cow::Borrowed(&["T1070.004", "T1562.001"]),
        ..Finding::default()
    })
}
