//! # Dormant identity gets a credential, signs in, runs commands
//!
//! ## What it finds
//! A credential added to an identity that had not signed in successfully during `dormant_days` before (both the interval's first instant and
//! all up to the credential), and a successful sign-in of that identity within `sign_in_hours` after it. A Run Command of that identity within
//! `command_hours` after the sign-in is stage 2. Credentials are: a secret or certificate of a service principal or of its
//! application, security information registered by a user or an administrator, a password reset by an administrator. Stage 1 is `medium`, stage 2
//! `critical`; where somebody else added the credential, one step worse. Several credential changes before one sign-in are one finding.
//!
//! Users and workloads are judged by their own sign-ins: where the records of that kind do not reach back far enough, the answer is
//! `not-assessed`.
//!
//! ## Why it matters
//! Nobody watches an account that nobody uses (T1098.001, T1098.005, T1078.004).
//!
//! ## Parameters
//! `dormant_days` (14; 1 to 365), `sign_in_hours` (24; 1 to 720), `command_hours` (24; 1 to 720).
//!
//! ## Known false positives
//! Seasonal automation, staff back from leave.
//!
//! ## Sources
//! Sentinel DormantServicePrincipalUpdateCredsandLogsIn, DormantUserUpdateMFAandLogsIn and its UEBA variant (which join the wrong sign-in table,
//! compare ids with names and spell a dash the directory does not write; none of that is repeated here); AZT501.2, AZT501.1.

use super::history::NS_PER_HOUR;
use super::identities::Identity;
use super::{Baseline, CaseView, Confidence, Detector, Finding, Severity, Subject, figures};
use crate::event::EventKind;
use crate::time::{Instant, NS_PER_DAY};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "dormant-principal-reactivated",
    not_assessed,
    run,
};

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    let any = |kind| view.identities().iter().any(|one| one.kind == kind);
    let missing = match (any(EventKind::DirectoryAudit), any(EventKind::SignIn)) {
        (true, true) => return None,
        (false, false) => "no directory audit records and no sign-ins are loaded",
        (false, true) => "no directory audit records are loaded",
        (true, false) => "no sign-ins are loaded",
    };
    Some(format!("not-assessed: {missing}"))
}

/// Whose credential an operation of the directory adds; dashes of all kinds are one.
fn adds_credential(operation: &str) -> Option<Whose> {
    let plain: String = operation
        .trim()
        .chars()
        .map(|letter| match letter {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            _ => letter,
        })
        .collect();
    match plain.as_str() {
        "user registered security info"
        | "reset password (by admin)"
        | "admin registered security info" => Some(Whose::User),
        "add service principal credentials" => Some(Whose::Workload),
        _ if plain.starts_with("update application - certificates and secrets management") => {
            Some(Whose::Workload)
        }
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    User,
    Workload,
}

/// A credential change of a principal.
#[derive(Debug)]
struct Credential {
    at: Instant,
    identity: usize,
    whose: Whose,
    /// Somebody else did it.
    by_another: bool,
}

/// What the sign-ins of a case say.
struct SignIns {
    /// Successful ones by principal: (time, place among the identities), in time order.
    of: BTreeMap<u32, Vec<(i64, usize)>>,
    /// First and last of any outcome, of users and of workloads.
    users: Option<(i64, i64)>,
    workloads: Option<(i64, i64)>,
}

impl SignIns {
    fn of(view: &CaseView<'_>) -> Self {
        let mut found = Self {
            of: BTreeMap::new(),
            users: None,
            workloads: None,
        };
        for (at, one) in view.identities().iter().enumerate() {
            if one.kind != EventKind::SignIn {
                continue;
            }
            let range = if one.fact.upn.is_some() {
                &mut found.users
            } else {
                &mut found.workloads
            };
            let (first, last) = range.unwrap_or((one.at.ns, one.at.ns));
            *range = Some((first.min(one.at.ns), last.max(one.at.ns)));
            let principal = view.history().actor_of(one.event);
            if let Some(principal) = principal.filter(|_| one.succeeded(view)) {
                let list = found.of.entry(principal).or_default();
                list.push((one.at.ns, at));
            }
        }
        found
    }

    /// The sign-ins of a principal.
    fn by(&self, principal: u32) -> &[(i64, usize)] {
        self.of.get(&principal).map_or(&[], Vec::as_slice)
    }

    /// `None` where the records do not reach back to the interval's begin.
    fn dormant(&self, principal: u32, whose: Whose, at: i64, days: i64) -> Option<bool> {
        let from = at.saturating_sub(days * NS_PER_DAY);
        let (first, _) = match whose {
            Whose::User => self.users,
            Whose::Workload => self.workloads,
        }?;
        let list = self.by(principal);
        let next = list.partition_point(|(time, _)| *time < from);
        let signed_in = list.get(next).is_some_and(|(time, _)| *time < at);
        if signed_in {
            return Some(false);
        }
        (first <= from).then_some(true)
    }
}

/// A revival: credentials, the sign-in after them, and what was run then.
#[derive(Debug)]
pub struct Revival {
    /// The principal by number.
    pub principal: u32,
    /// Its Run Commands after the sign-in.
    pub commands: Vec<usize>,
    credentials: Vec<Credential>,
    sign_in: usize,
}

/// What there is to judge, and how many credential changes could not be judged.
#[derive(Debug, Default)]
pub struct Revivals {
    /// In time order.
    pub list: Vec<Revival>,
    unjudged: usize,
}

fn credentials(view: &CaseView<'_>) -> BTreeMap<u32, Vec<Credential>> {
    let mut of: BTreeMap<u32, Vec<Credential>> = BTreeMap::new();
    for (identity, one) in view.identities().iter().enumerate() {
        if one.kind != EventKind::DirectoryAudit || one.failed(view) {
            continue;
        }
        let Some(whose) = adds_credential(one.operation(view)) else {
            continue;
        };
        let actor = view.history().actor_of(one.event);
        // Who registers security info of its own is its own target, also where the record names none.
        let target = view.history().target_of(one.event);
        let Some(target) = target.or(actor.filter(|_| whose == Whose::User)) else {
            continue;
        };
        of.entry(target).or_default().push(Credential {
            at: one.at,
            identity,
            whose,
            by_another: actor != Some(target),
        });
    }
    of
}

/// Every revival of the case.
pub fn revivals(view: &CaseView<'_>) -> Revivals {
    let settings = &view.settings.identity.dormant;
    let sign_ins = SignIns::of(view);
    let mut commands: BTreeMap<u32, Vec<(i64, usize)>> = BTreeMap::new();
    for (at, op) in view.operations.iter().enumerate() {
        let principal = view.history().principal(at);
        if let (true, Some(started), Some(principal)) =
            (op.family.is_run_command(), op.started, principal)
        {
            commands
                .entry(principal)
                .or_default()
                .push((started.ns, at));
        }
    }
    let mut found = Revivals::default();
    for (principal, credentials) in credentials(view) {
        let mut by_sign_in: BTreeMap<usize, Vec<Credential>> = BTreeMap::new();
        for credential in credentials {
            let at = credential.at.ns;
            match sign_ins.dormant(principal, credential.whose, at, settings.dormant_days) {
                None => found.unjudged += 1,
                Some(false) => {}
                Some(true) => {
                    let list = sign_ins.by(principal);
                    let next = list.partition_point(|(time, _)| *time <= at);
                    let until = at.saturating_add(settings.sign_in_hours * NS_PER_HOUR);
                    if let Some((_, sign_in)) = list.get(next).filter(|(time, _)| *time <= until) {
                        by_sign_in.entry(*sign_in).or_default().push(credential);
                    }
                }
            }
        }
        for (sign_in, credentials) in by_sign_in {
            let Some(signed_in) = view.identities().get(sign_in) else {
                continue;
            };
            let from = signed_in.at.ns;
            let until = from.saturating_add(settings.command_hours * NS_PER_HOUR);
            let all = commands.get(&principal).map_or(&[][..], Vec::as_slice);
            let first = all.partition_point(|(time, _)| *time < from);
            let end = all.partition_point(|(time, _)| *time <= until);
            let commands = all.get(first..end).unwrap_or(&[]);
            found.list.push(Revival {
                principal,
                commands: commands.iter().map(|(_, at)| *at).collect(),
                credentials,
                sign_in,
            });
        }
    }
    found.list.sort_by_key(|revival| {
        let first = revival.credentials.first();
        (first.map(|one| one.at.ns), revival.sign_in)
    });
    found
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let revivals = view.revivals();
    let found = revivals.list.iter();
    found.filter_map(|revival| finding(view, revival)).collect()
}

fn finding(view: &CaseView<'_>, revival: &Revival) -> Option<Finding> {
    let settings = &view.settings.identity.dormant;
    let sign_in: &Identity = view.identities().get(revival.sign_in)?;
    let credential = revival.credentials.first()?;
    let added: &Identity = view.identities().get(credential.identity)?;
    let by_another = revival.credentials.iter().any(|one| one.by_another);
    let stage = if revival.commands.is_empty() { 1 } else { 2 };
    let mut severity = if stage == 2 {
        Severity::Critical
    } else {
        Severity::Medium
    };
    if by_another {
        severity = severity.raised();
    }
    let name = sign_in.actor(view).unwrap_or("an unnamed identity");
    let minutes = |from: Instant, to: Instant| (to.ns - from.ns) / super::history::NS_PER_MINUTE;
    let by = if by_another {
        format!(" by {}", added.actor(view).unwrap_or("somebody else"))
    } else {
        String::new()
    };
    let then = match revival.commands.len() {
        0 => String::new(),
        n => format!(
            ", and {} ran within {} h",
            super::counted(n, "run command"),
            settings.command_hours
        ),
    };
    let last = revival
        .commands
        .iter()
        .filter_map(|at| view.operations.get(*at)?.ended)
        .max_by_key(|time| time.ns);
    let mut events: Vec<_> = revival
        .credentials
        .iter()
        .filter_map(|one| Some(view.identities().get(one.identity)?.event))
        .collect();
    events.push(sign_in.event);
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity,
        confidence: Confidence::High,
        baseline: Baseline::Full,
        title: "Dormant identity revived".into(),
        summary: format!(
            "{name} had not signed in for {} days, got a credential{by} ({}), signed in {} min later{then}.",
            settings.dormant_days,
            added.operation(view),
            minutes(credential.at, sign_in.at),
        ).into(),
        operations: revival.commands.clone(),
        events,
        time: Some(Box::new((
            credential.at,
            last.filter(|last| last.ns > sign_in.at.ns)
                .unwrap_or(sign_in.at),
        ))),
        subject: Subject {
            caller: sign_in.actor(view).map(str::to_owned),
            ip: sign_in.ip(view).map(str::to_owned),
            ..Subject::default()
        }
        .into(),
        values: figures(json!({
            "stage": stage,
            "credential_time": credential.at.to_string(),
            "credential_operation": added.operation(view),
            "credential_actor": added.actor(view),
            "by_another": by_another,
            "credentials": revival.credentials.len(),
            "sign_in_time": sign_in.at.to_string(),
            "commands": revival.commands.len(),
        }))
        .into(),
        attack: if stage == 2 {
            Cow::Borrowed(&["T1098.001", "T1098.005", "T1078.004", "T1651"])
        } else {
            Cow::Borrowed(&["T1098.001", "T1098.005", "T1078.004"])
        },
        ..Finding::default()
    })
}

/// Credential changes whose time before the sign-ins do not cover.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let n = view.revivals().unjudged;
    (n > 0).then(|| {
        format!(
            "not-assessed for {}: the sign-ins of that kind of identity do not reach {} days back",
            super::counted(n, "credential change"),
            view.settings.identity.dormant.dormant_days
        )
    })
}
