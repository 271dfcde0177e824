//! What of a case has a name: detectors, callers, hosts, executions, incidents and findings that hold the words of a search.
//!
//! ```text
//! find("web01 curl")  ─►  execution  alex@… web01 audit-config #3 curl -s http://…      finding  …
//! ```
//!
//! All words must stand in what is shown of a thing, in any order and any case of letters. Each kind answers few, so that one kind does not
//! push out the others; more words find more exactly.
//!
//! Rejected: letters in order with gaps between. Names of an estate are alike (`vm-0113`, `vm-0131`), and such a search would find them all.

use super::executions::{EventName, Listing, name_of, time_of};
use super::hosts::HostRow;
use super::incidents::shown_incident;
use crate::case::Case;
use crate::detect::manual;
use serde::Serialize;

/// Answers of one kind at most.
const MOST_OF_A_KIND: usize = 6;

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// `incident`, `finding`, `execution`, `caller`, `host` or `detector`.
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// More of it, on one line.
    pub about: String,
    /// What names it to the answer that shows it: a finding's key, a host's, a detector's id; the place of an incident and of a caller.
    pub key: String,
    /// The event that names an execution.
    pub event: Option<EventName>,
}

struct Search {
    words: Vec<String>,
    hits: Vec<Hit>,
}

impl Search {
    /// Takes the first few of a kind that hold all words. What is shown of it is made where it is taken.
    fn take<T>(
        &mut self,
        of: impl Iterator<Item = T>,
        words: impl Fn(&T) -> String,
        hit: impl Fn(T) -> Option<Hit>,
    ) {
        let holds = |one: &T| {
            let text = words(one).to_lowercase();
            self.words.iter().all(|word| text.contains(word))
        };
        let found: Vec<Hit> = of
            .filter(|one| holds(one))
            .filter_map(hit)
            .take(MOST_OF_A_KIND)
            .collect();
        self.hits.extend(found);
    }
}

/// What holds all words of a text; nothing for an empty text.
#[must_use]
pub fn find(case: &Case, hosts: &[HostRow], text: &str) -> Vec<Hit> {
    let words = text.to_lowercase();
    let mut search = Search {
        words: words.split_whitespace().map(str::to_owned).collect(),
        hits: Vec::new(),
    };
    if search.words.is_empty() {
        return Vec::new();
    }
    let incidents = (0..case.incidents().len()).filter_map(|id| shown_incident(case, id));
    let about = |one: &super::incidents::ShownIncident| {
        let who = one.callers.join(", ");
        format!("{} · {who} · {}", one.title, one.machines.join(", "))
    };
    search.take(
        incidents,
        |one| format!("incident {} {}", one.id + 1, about(one)),
        |one| {
            Some(Hit {
                kind: "incident",
                name: format!("Incident {}", one.id + 1),
                about: about(&one),
                key: one.id.to_string(),
                event: None,
            })
        },
    );
    let ids = case.searched().iter().map(|one| one.detector);
    search.take(
        ids,
        |id| format!("{id} {}", manual::title(id).unwrap_or_default()),
        |id| {
            Some(Hit {
                kind: "detector",
                name: id.to_owned(),
                about: manual::title(id).unwrap_or_default().to_owned(),
                key: id.to_owned(),
                event: None,
            })
        },
    );
    search.take(
        case.actors().iter().enumerate(),
        |(_, actor)| actor.caller.clone(),
        |(at, actor)| {
            Some(Hit {
                kind: "caller",
                name: actor.caller.clone(),
                about: String::new(),
                key: at.to_string(),
                event: None,
            })
        },
    );
    search.take(
        hosts.iter(),
        |host| format!("{} {}", host.name, host.host),
        |host| {
            Some(Hit {
                kind: "host",
                name: host.name.clone(),
                about: host.resource.clone().unwrap_or_default(),
                key: host.host.clone(),
                event: None,
            })
        },
    );
    let listing = Listing::new(case);
    search.take(
        case.linked().executions.iter().enumerate(),
        |(at, execution)| listing.words(*at, execution),
        |(at, execution)| {
            let row = listing.row(at, execution)?;
            let time = time_of(case, execution).map(|time| time.to_string());
            let words = [row.caller, row.script, time];
            Some(Hit {
                kind: "execution",
                name: format!("{} {}", row.machine.unwrap_or_default(), row.label)
                    .trim()
                    .to_owned(),
                about: words.into_iter().flatten().collect::<Vec<_>>().join(" · "),
                key: row.execution.to_string(),
                event: name_of(case, execution),
            })
        },
    );
    search.take(
        case.findings().iter().zip(case.finding_keys()),
        |(finding, _)| {
            let summary = case.referred().words(finding).summary;
            format!("{} {} {summary}", finding.detector, finding.title)
        },
        |(finding, key)| {
            Some(Hit {
                kind: "finding",
                name: finding.title.to_string(),
                about: case.referred().words(finding).summary,
                key: key.clone(),
                event: None,
            })
        },
    );
    search.hits
}

#[cfg(test)]
mod tests;
