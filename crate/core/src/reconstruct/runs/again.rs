//! A number that ran more than once on a guest is more than one run.
//!
//! Numbers begin again where an extension was removed and installed anew, or where somebody took away the mark of the highest number. The
//! handler's log under `/var/log/azure` outlives both, so it tells of number 0 twice:
//!
//! ```text
//! Monday     executing command  seq=0 … executed command
//! Thursday   executing command  seq=0 … executed command, 0.status, script.sh      two runs; the files are Thursday's
//! ```
//!
//! A later run begins where the handler executes again after it had executed, or where signs of an execution come more than two hours after
//! the last ones, which no single run can explain. What leads to a run (settings, enabling) goes with the run that follows; files without
//! a time, which a later run overwrites, with the last.
//!
//! Rejected: one run for each number. Half of the commands of a re-installed extension would be missing, and the other half would have started
//! days early.

use super::{Heard, Mentions, terminal};
use crate::event::fact::GuestSaid;
use crate::time::NS_PER_SECOND;

/// The handler says twice that it executes: apart by more than this, they are two executions.
const REPEATED: i64 = 60 * NS_PER_SECOND;
/// The longest that the platform lets a script run, and half an hour for what trails behind.
pub(super) const LONGEST: i64 = 120 * 60 * NS_PER_SECOND;
/// What leads to an execution lies at most so long before it.
pub(super) const LEADING: i64 = 10 * 60 * NS_PER_SECOND;

/// When something was said: a status knows it better than its file.
fn moment(heard: &Heard<'_>) -> Option<i64> {
    let own = match heard.said {
        GuestSaid::Status(status) => status.ended.or(status.started),
        _ => None,
    };
    own.or(heard.time()).map(|time| time.ns)
}

/// First and last sign of each execution, in time order.
fn executions(mentions: &Mentions<'_>) -> Vec<(i64, i64)> {
    let mut signs: Vec<(i64, bool, bool)> = mentions
        .said
        .iter()
        .filter_map(|heard| {
            let (begins, ends) = match heard.said {
                GuestSaid::Executing => (true, false),
                GuestSaid::Executed { .. } => (false, true),
                GuestSaid::Status(status) if terminal(status) => (false, false),
                GuestSaid::Process | GuestSaid::ScriptBlock { .. } => (false, false),
                _ => return None,
            };
            Some((moment(heard)?, begins, ends))
        })
        .collect();
    signs.sort_unstable();
    let mut found: Vec<(i64, i64)> = Vec::new();
    let mut began: Option<i64> = None;
    let mut ended = false;
    for (time, begins, ends) in signs {
        let repeated =
            begins && ended && began.is_some_and(|began| time.saturating_sub(began) > REPEATED);
        match found.last_mut() {
            Some((_, last)) if !repeated && time.saturating_sub(*last) <= LONGEST => {
                *last = time.max(*last);
            }
            _ => {
                found.push((time, time));
                (began, ended) = (None, false);
            }
        }
        if begins {
            began = began.or(Some(time));
        }
        ended |= ends;
    }
    found
}

fn leads(said: &GuestSaid) -> bool {
    matches!(
        said,
        GuestSaid::HandlerStarted
            | GuestSaid::SequenceSaved
            | GuestSaid::EnableCalled
            | GuestSaid::SettingsUpdated
            | GuestSaid::FileWritten
            | GuestSaid::ScriptWritten
            | GuestSaid::Placeholder
    )
}

/// The mentions of one number, execution by execution.
pub(super) fn executions_apart(mentions: Mentions<'_>) -> Vec<Mentions<'_>> {
    let executions = executions(&mentions);
    if executions.len() < 2 {
        return vec![mentions];
    }
    let last = executions.len() - 1;
    let place = |heard: &Heard<'_>| -> usize {
        let Some(time) = moment(heard) else {
            return last;
        };
        // The last execution whose first sign is not later.
        let after = executions.partition_point(|(first, _)| *first <= time);
        let next = executions
            .get(after)
            .map(|(first, _)| first.saturating_sub(time));
        if next.is_some_and(|ahead| ahead <= LEADING && leads(heard.said)) {
            after
        } else {
            after.saturating_sub(1)
        }
    };
    let mut apart: Vec<Mentions<'_>> = Vec::new();
    for _ in &executions {
        apart.push(Mentions {
            os: mentions.os,
            said: Vec::new(),
        });
    }
    for heard in mentions.said {
        if let Some(of_run) = apart.get_mut(place(&heard)) {
            of_run.said.push(heard);
        }
    }
    apart
}
