//! Who else saw a run: processes that its script was started as.
//!
//! An audit log or an endpoint's telemetry names the script by its path, and the path names the run:
//!
//! ```text
//! /bin/sh -c /var/lib/waagent/run-command/download/3/script.sh      action, number 3
//! ```
//!
//! A process counts where it ran on the same guest; its time is not asked for, since the number is in the path.
//!
//! Rejected: every process between start and end. A machine does other things meanwhile.

use crate::case::store::{EventNumber, Store};
use crate::event::fact::{Fact, ProcessFact};
use crate::evidence::layout::{Family, Layout};
use crate::identity::{fold, host_label};
use crate::reconstruct::runs::Run;
use std::collections::BTreeMap;

/// Processes of each run, in time order.
pub type Processes = Vec<Vec<EventNumber>>;

/// What names a run on a guest: label, feature, name, number.
type Key = (String, Family, String, i64);

/// Gathers the processes of the events that `keep` lets through. `hosts` gives each item's host and root.
#[must_use]
pub fn gather(
    store: &Store,
    hosts: &[(Option<String>, String)],
    runs: &[Run],
    keep: impl Fn(EventNumber) -> bool,
) -> Processes {
    let mut found: BTreeMap<Key, Vec<EventNumber>> = BTreeMap::new();
    for (event, fact) in &store.facts {
        let Fact::Process(process) = fact else {
            continue;
        };
        if !keep(*event) {
            continue;
        }
        let of_item = hosts.get(store.item_of(*event) as usize);
        let named = store.column(&store.columns.host, *event);
        let host = named.or_else(|| of_item.and_then(|(host, _)| host.as_deref()));
        let label = host.map_or_else(String::new, host_label);
        if let Some((family, name, number)) = script_of(store, process) {
            let key = (label, family, name, number);
            found.entry(key).or_default().push(*event);
        }
    }
    for events in found.values_mut() {
        events.sort_by_key(|event| {
            let time = store
                .stamp(*event)
                .map_or(i64::MAX, |stamp| stamp.instant.ns);
            (time, store.span(*event).offset, *event)
        });
    }
    let of_run = |run: &Run| {
        let name = run.name.as_deref().map(fold).unwrap_or_default();
        let key = (
            super::goal_states::label(run),
            run.family,
            name,
            run.sequence?,
        );
        found.get(&key).cloned()
    };
    runs.iter()
        .map(|run| of_run(run).unwrap_or_default())
        .collect()
}

/// The run whose script a process was started as.
fn script_of(store: &Store, process: &ProcessFact) -> Option<(Family, String, i64)> {
    let texts = [process.command_line, process.directory, process.image];
    texts
        .into_iter()
        .filter_map(|symbol| store.text(symbol))
        .find_map(run_in)
}

/// The run that a path inside a text names.
fn run_in(text: &str) -> Option<(Family, String, i64)> {
    let quotes =
        |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '=' | ';' | '>');
    // A folder called download is anybody's; one below a handler's own is not.
    let handlers = ["run-command", "runcommand", "custom-script", "customscript"];
    let paths = text.split(quotes).filter(|word| {
        let folded = word.to_ascii_lowercase();
        let download = folded.contains("download/") || folded.contains("downloads\\");
        download && handlers.iter().any(|handler| folded.contains(handler))
    });
    paths.map(Layout::of).find_map(|layout| {
        let name = layout.name.as_deref().map(fold).unwrap_or_default();
        Some((layout.family?, name, layout.sequence?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_run() {
        for (text, want) in [
            (
                "/bin/sh -c /var/lib/waagent/run-command/download/3/script.sh",
                Some((Family::Action, "", 3)),
            ),
            (
                "/bin/bash \"/var/lib/waagent/run-command-handler/download/Fix/12/script.sh\"",
                Some((Family::Managed, "fix", 12)),
            ),
            ("curl -o /root/download/3/x https://files.example/3", None),
        ] {
            let want = want.map(|(family, name, number)| (family, name.to_owned(), number));
            assert_eq!(run_in(text), want, "{text}");
        }
    }
}
