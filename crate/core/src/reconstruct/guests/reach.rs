//! Which times the logs of a guest cover, and where the clock of a log runs back.
//!
//! An argument from absence needs a log that would have told (detectors 0.7): a run that no log mentions is missing only where a log covers
//! its time. In a log that only grows, times grow; where one is earlier than the one before, the clock was set:
//!
//! ```text
//! 10:00:10 …
//! 10:00:07 …        three seconds back
//! ```
//!
//! Rejected: the range of all events of a guest. A script's modified time is no log.

use super::label_of;
use crate::case::item::Item;
use crate::case::store::{EventNumber, Store};
use crate::evidence::layout::Role;
use crate::formats::{extension_log, handler_log, waagent_log, waappagent_log};
use crate::time::TimeBasis;
use std::collections::BTreeMap;

/// A step of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The time before.
    pub from: i64,
    /// The earlier time after it.
    pub to: i64,
    /// The event before.
    pub before: EventNumber,
    /// The event after.
    pub after: EventNumber,
}

/// A line whose own time and the time inside it differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Prefix minus what is inside, in nanoseconds.
    pub offset: i64,
    /// The line.
    pub event: EventNumber,
}

/// What the logs of a guest cover.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// The guest as its evidence spells it.
    pub host: Option<String>,
    /// The agent's logs, each from and to.
    pub agent: Vec<(i64, i64)>,
    /// The handlers' logs, each from and to.
    pub handler: Vec<(i64, i64)>,
    /// The last time of anything.
    pub last: Option<i64>,
    /// Steps back of the clock, log by log.
    pub steps: Vec<Step>,
    /// Lines that were stamped twice, log by log.
    pub receipts: Vec<Receipt>,
}

impl Reach {
    /// Whether one log covers this interval.
    #[must_use]
    pub fn covers(&self, from: i64, to: i64) -> bool {
        let mut logs = self.agent.iter().chain(&self.handler);
        logs.any(|(first, last)| *first <= from && to <= *last)
    }
}

/// Reads the logs of each guest.
pub(super) fn gather(store: &Store, items: &[Item]) -> BTreeMap<String, Reach> {
    let mut reach: BTreeMap<String, Reach> = BTreeMap::new();
    // Items in order of their paths, so that arrival does not matter.
    let mut order: Vec<(u32, &Item)> = (0_u32..)
        .zip(items)
        .filter(|(_, item)| item.duplicate_of.is_none() && item.is_guest())
        .collect();
    order.sort_by(|(_, one), (_, other)| {
        let one = (&one.path, one.size, &one.sha256);
        one.cmp(&(&other.path, other.size, &other.sha256))
    });
    let mut logs: Vec<(String, u32)> = Vec::new();
    for (number, item) in order {
        let label = label_of(item.host.as_deref(), &item.layout.root);
        let guest = reach.entry(label.clone()).or_default();
        guest.host = guest.host.take().or_else(|| item.host.clone());
        let (Some(first), Some(last)) = (item.first, item.last) else {
            continue;
        };
        guest.last = guest.last.max(Some(last.ns));
        let format = item
            .report
            .as_ref()
            .map_or("", |report| report.format.as_str());
        let agent = item.layout.role == Role::AgentLog
            || [waagent_log::FORMAT.id, waappagent_log::FORMAT.id].contains(&format);
        let handler = item.layout.role == Role::HandlerLog
            || [handler_log::FORMAT.id, extension_log::FORMAT.id].contains(&format);
        if agent {
            guest.agent.push((first.ns, last.ns));
        } else if handler {
            guest.handler.push((first.ns, last.ns));
        }
        if agent || handler || matches!(format, "syslog") {
            logs.push((label, number));
        }
    }
    for (label, number) in logs {
        let Some(guest) = reach.get_mut(&label) else {
            continue;
        };
        // Nearly always they were added in their order: then a million of them are not listed.
        let place = |event: &EventNumber| store.place(*event, &[]);
        if store
            .events_of(number)
            .is_sorted_by_key(|event| place(&event))
        {
            walk(store, store.events_of(number), guest);
        } else {
            let mut events: Vec<EventNumber> = store.events_of(number).collect();
            events.sort_by_key(place);
            walk(store, events.into_iter(), guest);
        }
    }
    reach
}

/// Looks at the lines of one log in their order. What stands inside a line has its own clock, and is compared with the line's.
fn walk(store: &Store, events: impl Iterator<Item = EventNumber>, guest: &mut Reach) {
    let mut before: Option<(i64, TimeBasis, EventNumber)> = None;
    let mut line_end = 0;
    for event in events {
        let Some(stamp) = store.stamp(event) else {
            continue;
        };
        let span = store.span(event);
        let inside = span.offset < line_end;
        let now = (stamp.instant.ns, stamp.basis, event);
        if inside {
            // A copy that the agent makes of a handler's log is older than the line by what the handler took.
            if let Some((time, TimeBasis::YearInferred, line)) = before {
                guest.receipts.push(Receipt {
                    offset: time.saturating_sub(now.0),
                    event: line,
                });
            }
            continue;
        }
        line_end = span.offset + span.length;
        if let Some((time, basis, line)) = before
            && basis == now.1
            && now.0 < time
        {
            guest.steps.push(Step {
                from: time,
                to: now.0,
                before: line,
                after: event,
            });
        }
        before = Some(now);
    }
}
