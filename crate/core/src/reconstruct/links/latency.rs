//! How long a run waits after its request and how long its report takes, and what waits longer than any does.
//!
//! An operation that lost its finishing row may have been under way for 90 minutes, so every run of that time lies inside it and earns the
//! full points. But a run does not start 40 minutes after it was asked for: the agent asks for its goal state every few seconds.
//!
//! ```text
//! operation  10:00:00 … ?          run 10:00:07   may be it
//!                                  run 10:41:30   is another's, whose rows are lost
//! ```
//!
//! Once the clock of a guest is known, pairs that would need a longer wait than [`START`] or a longer report than [`REPORT`] are none, and
//! neither are runs that begin after their operation was over. While the clock is not known nothing is ruled out.
//!
//! Rejected: points that fall with the wait. The points are settled (detectors 34); what is in doubt is left unlinked instead.

use super::features::waits;
use super::sides::{ACCEPT, Asked, Ran};
use crate::reconstruct::skew::offset::Offset;
use crate::time::NS_PER_SECOND;

/// From the request to the start at most: agents ask every six seconds, and some handlers are installed first.
const START: i64 = 240 * NS_PER_SECOND;
/// From the end to the operation's end at most: statuses are reported about twice a minute.
const REPORT: i64 = 240 * NS_PER_SECOND;

/// How long a run waited for its start after the request, as far as both are known: least and most.
#[must_use]
pub fn wait(asked: &Asked, ran: &Ran, offset: Offset) -> Option<(i64, i64)> {
    let (earliest, latest) = if asked.complete_start {
        (asked.start, asked.start)
    } else {
        let accepted = asked.accepted?;
        (accepted.saturating_sub(ACCEPT), accepted)
    };
    let started = offset.cloud(ran.started?);
    Some((
        started.saturating_sub(latest),
        started
            .saturating_add(ran.resolution)
            .saturating_sub(earliest),
    ))
}

/// How long after the run's end its operation ended.
#[must_use]
pub fn report(asked: &Asked, ran: &Ran, offset: Offset) -> Option<i64> {
    let ended = ran.ended.filter(|_| asked.terminal)?;
    Some(asked.end.saturating_sub(offset.cloud(ended)))
}

/// A usual wait for the start.
const USUAL_START: i64 = 15 * NS_PER_SECOND;
/// A usual wait for the report.
const USUAL_REPORT: i64 = 40 * NS_PER_SECOND;

/// What a pair needs beyond the usual waits.
#[must_use]
pub fn excess(asked: &Asked, ran: &Ran, offset: Offset) -> i64 {
    let started = wait(asked, ran, offset).map_or(0, |(least, _)| (least - USUAL_START).max(0));
    let reported = report(asked, ran, offset)
        .filter(|_| waits(asked, ran))
        .map_or(0, |after| (after - USUAL_REPORT).max(0));
    started.saturating_add(reported)
}

/// Whether a pair needs no wait that no run has, the clock being known to within `slack`.
#[must_use]
pub fn is_plausible(asked: &Asked, ran: &Ran, offset: Offset, slack: i64) -> bool {
    let started_in_time = wait(asked, ran, offset)
        .is_none_or(|(least, most)| most >= -slack && least <= START.saturating_add(slack));
    let reported_in_time = !waits(asked, ran)
        || report(asked, ran, offset)
            .is_none_or(|after| (-slack..=REPORT.saturating_add(slack)).contains(&after));
    let before_it_was_over = !asked.terminal
        || ran
            .started
            .is_none_or(|started| offset.cloud(started) <= asked.end.saturating_add(slack));
    let after_it_began = !asked.begins()
        || ran
            .ended
            .is_none_or(|ended| offset.cloud(ended) >= asked.start.saturating_sub(slack));
    started_in_time && reported_in_time && before_it_was_over && after_it_began
}
