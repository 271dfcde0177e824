//! # Clear-text password in handler log or command line
//!
//! ## What it finds
//! A managed run command that runs as another user hands that user's password to `sudo -S` in clear text: in the handler's log, and on a command line that
//! process telemetry and the kernel's audit keep. One finding per guest, user and password; the password itself is never kept, shown or exported, only its
//! length. `high` where the user logs on from a public address within 24 hours afterwards; `info` where any other script did it.
//!
//! ## Why it matters
//! Whoever reads the log or the telemetry has the account (T1552.001, T1552.003).
//!
//! ## Parameters
//! None.
//!
//! ## Known false positives
//! Passwords that were changed since.
//!
//! ## Sources
//! Source of the managed Linux handler.

use super::machines::{needs_guest, of_host, on_host};
use super::{CaseView, Confidence, Detector, Finding, Severity, counted, figures};
use crate::case::store::EventNumber;
use crate::event::{EventKind, Outcome};
use crate::identity::{fold, host_label};
use crate::reconstruct::guests::Secret;
use crate::time::NS_PER_DAY;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-as-secret-exposed",
    not_assessed,
    run,
};

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    if view.processes.is_empty() {
        needs_guest(view)
    } else {
        None
    }
}

/// An address that is not of a private network.
fn is_public(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified())
        }
        Ok(IpAddr::V6(ip)) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// Log-ons from public addresses: (guest, user) -> (time, event), in order.
type LogOns = BTreeMap<(String, String), Vec<(i64, EventNumber)>>;

fn log_ons(view: &CaseView<'_>) -> LogOns {
    let mut found = LogOns::new();
    let (store, columns) = (view.store, &view.store.columns);
    for event in store.order().iter().copied() {
        if columns.kind(event as usize) != EventKind::Authentication
            || columns.outcome(event as usize) != Outcome::Succeeded
        {
            continue;
        }
        let ip = store.column(&columns.ip, event);
        let (Some(user), true) = (
            store.column(&columns.actor, event),
            ip.is_some_and(is_public),
        ) else {
            continue;
        };
        let host = store.column(&columns.host, event).unwrap_or("");
        if let Some(stamp) = store.stamp(event) {
            let key = (host_label(host), fold(user));
            found
                .entry(key)
                .or_default()
                .push((stamp.instant.ns, event));
        }
    }
    found
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Secret>> = BTreeMap::new();
    for secret in &view.guests.secrets {
        let key = (
            secret.label.as_str(),
            secret.user.as_str(),
            secret.digest.as_str(),
        );
        groups.entry(key).or_default().push(secret);
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let log_ons = log_ons(view);
    let mut findings = Vec::new();
    for ((label, user, _), secrets) in groups {
        let by_handler = secrets.iter().any(|secret| secret.by_handler);
        let first = secrets
            .first()
            .and_then(|secret| view.store.stamp(secret.event));
        let later = first.and_then(|stamp| {
            let from = stamp.instant.ns;
            let list = log_ons.get(&(label.to_owned(), fold(user)))?;
            let next = list.partition_point(|(time, _)| *time < from);
            list.get(next).filter(|(time, _)| time - from <= NS_PER_DAY)
        });
        let times: Vec<_> = secrets
            .iter()
            .filter_map(|secret| view.event_time(secret.event, label))
            .collect();
        let length = secrets.first().map_or(0, |secret| secret.length);
        let reach = view.guests.reach.get(label);
        let host = reach.and_then(|reach| reach.host.clone());
        let then = later.map_or(
            "",
            |_| "; that account logged on from a public address within a day",
        );
        let mut events: Vec<EventNumber> = secrets.iter().map(|secret| secret.event).collect();
        events.extend(later.map(|(_, event)| *event));
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: match (by_handler, later.is_some()) {
                (false, _) => Severity::Info,
                (true, false) => Severity::Medium,
                (true, true) => Severity::High,
            },
            confidence: Confidence::High,
            title: "Password in clear text".into(),
            summary: format!(
                "The password of {user} on {} ({}) stands in clear text in {}{then}.",
                on_host(host.as_deref()),
                counted(usize::try_from(length).unwrap_or(0), "letter"),
                counted(secrets.len(), "record")
            )
            .into(),
            events,
            subject: of_host(host).into(),
            time: times
                .first()
                .copied()
                .zip(times.last().copied())
                .map(Box::new),
            values: figures(json!({ "user": user, "length": length, "by_handler": by_handler }))
                .into(),
            attack: Cow::Borrowed(&["T1552.001", "T1552.003"]),
            ..Finding::default()
        });
    }
    findings
}
