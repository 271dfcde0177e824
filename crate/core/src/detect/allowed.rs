//! Which findings the analyst's allow-list suppresses, and what its entries did.
//!
//! The first entry that fits counts. An entry that would have fitted, had it not run out before the finding ended, is counted
//! too: `after_expiry` says that somebody expected this once and has to say so again.
//!
//! Rejected: leaving suppressed findings out. What was suppressed by mistake would never be seen.

use super::CaseView;
use super::Finding;
use crate::identity::{fold, host_label, same_host};
use crate::settings::allow_list::AllowEntry;

/// What one entry did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowEffect {
    /// Findings it suppressed.
    pub suppressed: usize,
    /// Findings that fit it and ended after it had run out.
    pub after_expiry: usize,
    /// Whether it ran out before the case ends.
    pub expired: bool,
}

impl AllowEffect {
    /// Both together: on findings of detectors, and on those of rules.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            suppressed: self.suppressed + other.suppressed,
            after_expiry: self.after_expiry + other.after_expiry,
            expired: self.expired || other.expired,
        }
    }
}

/// How an entry and a finding relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    No,
    TooLate,
    Yes,
}

fn fit(view: &CaseView<'_>, finding: &Finding, entry: &AllowEntry) -> Fit {
    if entry
        .detector
        .as_deref()
        .is_some_and(|id| id != finding.detector)
    {
        return Fit::No;
    }
    let referred = view.referred();
    let subject = referred.subject(finding);
    let history = view.history();
    if let Some(caller) = &entry.caller {
        let of_operation = || {
            let at = referred.operation(finding)?;
            history.principal(at)
        };
        let by = match finding.subject.caller.as_deref() {
            Some(name) => history.principal_named(name),
            None => of_operation(),
        };
        let same_principal = by.is_some() && by == history.principal_named(caller);
        let spelled = subject.caller.as_deref().map(fold);
        if !same_principal && spelled != Some(fold(caller)) {
            return Fit::No;
        }
    }
    if let Some(prefix) = entry.address
        && !subject.ip.as_deref().is_some_and(|ip| prefix.contains(ip))
    {
        return Fit::No;
    }
    if let Some(vm) = &entry.vm {
        let vm = fold(vm);
        let by_id = subject.resource.as_deref().is_some_and(|id| {
            vm.starts_with('/') && (id == vm || id.starts_with(&format!("{vm}/")))
        });
        if !by_id && subject.vm.as_deref() != Some(vm.as_str()) {
            return Fit::No;
        }
    }
    if let Some(host) = &entry.host
        && !subject
            .host
            .as_deref()
            .is_some_and(|of| same_host(of, host) && !host_label(host).is_empty())
    {
        return Fit::No;
    }
    if let Some(hash) = &entry.script {
        let mut scripts = finding
            .executions
            .iter()
            .filter_map(|at| view.script_of(*at));
        let of_bytes = |script: &super::scripts::ExecutionScript| {
            script
                .examined
                .layers
                .first()
                .is_some_and(|layer| layer.sha256 == *hash)
        };
        if !scripts.any(|script| script.norm_sha256.as_ref() == Some(hash) || of_bytes(script)) {
            return Fit::No;
        }
    }
    let (first, last) = referred.time(finding);
    let last = last.or(first);
    if let Some(from) = entry.from
        && first.is_none_or(|first| first.ns < from.ns)
    {
        return Fit::No;
    }
    if let Some(to) = entry.to
        && last.is_none_or(|last| last.ns > to.ns)
    {
        return Fit::No;
    }
    match (entry.expires, last) {
        (None, _) => Fit::Yes,
        (Some(expires), Some(last)) if last.ns < expires.ns => Fit::Yes,
        (Some(_), _) => Fit::TooLate,
    }
}

/// Marks each finding that an entry suppresses, and says what each entry did.
pub fn apply(view: &CaseView<'_>, findings: &mut [Finding]) -> Vec<AllowEffect> {
    let entries = &view.settings.allow_list;
    let end = view.history().end();
    let mut effects: Vec<AllowEffect> = entries
        .iter()
        .map(|entry| AllowEffect {
            expired: entry
                .expires
                .zip(end)
                .is_some_and(|(expires, end)| expires.ns <= end),
            ..AllowEffect::default()
        })
        .collect();
    for finding in findings {
        let mut too_late = None;
        for (at, entry) in entries.iter().enumerate() {
            match fit(view, finding, entry) {
                Fit::No => {}
                Fit::TooLate => too_late = too_late.or(Some(at)),
                Fit::Yes => {
                    finding.allowed_by = Some(at);
                    break;
                }
            }
        }
        if let Some(effect) = finding.allowed_by.and_then(|at| effects.get_mut(at)) {
            effect.suppressed += 1;
        } else if let Some(effect) = too_late.and_then(|at| effects.get_mut(at)) {
            effect.after_expiry += 1;
        }
    }
    effects
}
