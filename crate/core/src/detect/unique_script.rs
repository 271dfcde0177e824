//! # Script seen once
//!
//! ## What it finds
//! Executions whose script occurs nowhere else, where at least `least_executions` executions have a known script. Two scripts are one where their bytes are equal, or their
//! texts once line ends, blanks at ends of lines, empty lines and comments are left out. Where neither bytes nor text are known, what a script called decides: the
//! distinct names of the PowerShell commands it ran, at least two. `low`; `medium` where its content is at least medium.
//!
//! ## Why it matters
//! What a fleet runs, it runs often. What one machine ran once was made for that machine (T1651, T1059.001, T1570).
//!
//! ## Parameters
//! `least_executions` (5; 1 to 1,000,000), `scope` (`data set`, `subscription` or `vm`): among which executions a script is unique. `published` (no): as in the
//! published query, only what a script called is compared, repetitions included, and only among the executions of the last 24 hours.
//!
//! ## Known false positives
//! The first of every deployment, and scripts with a time or a token inside.
//!
//! ## Sources
//! Sentinel `RareRunCommandPowerShellScript`; MSTIC "Investigating suspicious Azure activity"; AZT301.1.

use super::scripts::Source;
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Referred, Severity, Wording, Words, counted,
    figures, mode,
};
use crate::evidence::hash::sha256;
use crate::script::fingerprint;
use crate::settings::endpoint::UniqueScope;
use crate::time::NS_PER_DAY;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "unique-script",
    not_assessed: needs_executions,
    run,
};

/// Command names of one execution at most.
const MOST_COMMANDS: usize = 100_000;

/// What is known of an execution's script.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprints {
    execution: usize,
    raw: Option<String>,
    norm: Option<String>,
    behaviour: Option<String>,
    scope: String,
}

impl Fingerprints {
    fn is_known(&self) -> bool {
        self.raw.is_some() || self.norm.is_some() || self.behaviour.is_some()
    }
}

/// Names of the commands that a record of PowerShell tells of.
fn commands<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    const INVOKED: &str = "CommandInvocation(";
    let mut rest = text;
    let mut told = false;
    while let Some((_, after)) = rest.split_once(INVOKED) {
        let (name, behind) = after.split_once(')').unwrap_or((after, ""));
        take(name.trim());
        told = true;
        rest = behind;
    }
    let whole = text.trim();
    let is_name = |text: &str| {
        let mut letters = text.chars();
        letters.next().is_some_and(char::is_alphabetic)
            && letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'))
    };
    if !told && is_name(whole) {
        take(whole);
    }
}

/// What an execution called: distinct names, or with repetitions as the published query has them.
fn behaviour(view: &CaseView<'_>, run: usize, published: bool) -> Option<String> {
    let run = view.runs.get(run)?;
    let mut names: Vec<&str> = Vec::new();
    for event in &run.events {
        for fact in view.store.facts_of(*event) {
            if let Some(fact) = fact.powershell() {
                commands(&fact.text, |name| {
                    // The script itself is called like a command.
                    if names.len() < MOST_COMMANDS && !name.to_ascii_lowercase().ends_with(".ps1") {
                        names.push(name);
                    }
                });
            }
        }
    }
    if published {
        let mut list: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
        list.sort_unstable();
        return (!list.is_empty()).then(|| sha256(list.join("\n").as_bytes()));
    }
    fingerprint::behaviour(names.into_iter())
}

/// Of every execution of which any is known, made once.
fn gathered<'a>(view: &'a CaseView<'_>) -> &'a [Fingerprints] {
    view.drawn.fingerprints.get_or_init(|| gather(view))
}

fn gather(view: &CaseView<'_>) -> Vec<Fingerprints> {
    let settings = &view.settings.endpoint.unique;
    let referred = view.referred();
    let since = view
        .history()
        .end()
        .map(|end| end.saturating_sub(NS_PER_DAY));
    let mut all = Vec::new();
    for (at, execution) in view.linked.executions.iter().enumerate() {
        let time = referred
            .execution_time(execution)
            .map(|(first, _)| first.ns);
        let op = execution.operation.and_then(|at| view.operations.get(at));
        let run = execution.run.and_then(|at| view.runs.get(at));
        let mut found = Fingerprints {
            execution: at,
            ..Fingerprints::default()
        };
        if settings.published {
            if since.is_some() && time < since {
                continue;
            }
            found.behaviour = execution.run.and_then(|run| behaviour(view, run, true));
        } else {
            let script = view
                .script_of(at)
                .filter(|one| one.source != Source::CommandLines);
            found.norm = script.and_then(|script| script.norm_sha256.clone());
            let own = run.and_then(|run| run.script.as_ref().map(|script| script.sha256.clone()));
            let file = execution
                .operation
                .and_then(|op| view.joins().of_operation(op));
            found.raw = own.or_else(|| file.and_then(|file| file.sha256.clone()));
            found.behaviour = execution.run.and_then(|run| behaviour(view, run, false));
        }
        if !found.is_known() {
            continue;
        }
        let resource = || {
            execution
                .run
                .and_then(|run| view.linked.resources.get(run)?.clone())
        };
        found.scope = match settings.scope {
            UniqueScope::DataSet => String::new(),
            UniqueScope::Subscription => op
                .and_then(|op| op.subscription.as_deref().map(str::to_owned))
                .or_else(|| {
                    let id = crate::identity::ResourceId::parse(&resource()?);
                    id.subscription().map(str::to_owned)
                })
                .unwrap_or_default(),
            UniqueScope::Vm => op
                .and_then(|op| op.resource.as_ref()?.vm_resource())
                .or_else(resource)
                .unwrap_or_else(|| execution.run.map_or("", |run| view.label(run)).to_owned()),
        };
        all.push(found);
    }
    all
}

fn least(view: &CaseView<'_>) -> usize {
    usize::try_from(view.settings.endpoint.unique.least_executions).unwrap_or(usize::MAX)
}

fn needs_executions(view: &CaseView<'_>) -> Option<String> {
    let known = gathered(view).len();
    (known < least(view)).then(|| {
        format!(
            "not-assessed: the script of {} is known, and {} are needed to call one rare",
            counted(known, "execution"),
            least(view)
        )
    })
}

/// Scopes with too few executions.
pub fn left_out(view: &CaseView<'_>) -> Option<String> {
    let all = gathered(view);
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for one in all {
        *totals.entry(&one.scope).or_default() += 1;
    }
    let few = totals
        .values()
        .filter(|total| **total < least(view))
        .count();
    let unknown = view.linked.executions.len().saturating_sub(all.len());
    let few = (few > 0).then(|| {
        format!(
            "not-assessed in {} with fewer than {} known scripts",
            counted(few, "scope"),
            least(view)
        )
    });
    let unknown = (unknown > 0 && !view.settings.endpoint.unique.published).then(|| {
        format!(
            "not-assessed for {} whose script is not known",
            counted(unknown, "execution")
        )
    });
    let parts: Vec<String> = [few, unknown].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let all = gathered(view);
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    // The last execution that has it, and how many have; only looked up.
    let mut counts: HashMap<(&str, &str), (usize, usize), FixedState> =
        HashMap::with_hasher(FixedState::with_seed(0));
    for one in all {
        *totals.entry(&one.scope).or_default() += 1;
        for print in [&one.raw, &one.norm, &one.behaviour].into_iter().flatten() {
            // Hashes of different kinds never meet, so one table holds them all.
            let (last, count) = counts.entry((&one.scope, print)).or_insert((usize::MAX, 0));
            if *last != one.execution {
                (*last, *count) = (one.execution, *count + 1);
            }
        }
    }
    let is_single = |one: &Fingerprints, print: &Option<String>| {
        print.as_deref().is_none_or(|print| {
            let found = counts.get(&(one.scope.as_str(), print));
            found.is_some_and(|(_, count)| *count == 1)
        })
    };
    let mut findings = Vec::new();
    let title: Arc<str> = "Script seen once".into();
    for one in all {
        let total = totals.get(one.scope.as_str()).copied().unwrap_or(0);
        // Equal bytes or equal text are one script; behaviour speaks only where neither is known.
        let (kind, print, single) = match (&one.norm, &one.raw) {
            (Some(norm), raw) => (
                "norm",
                norm,
                is_single(one, &one.norm) && is_single(one, raw),
            ),
            (None, Some(raw)) => ("raw", raw, is_single(one, &one.raw)),
            (None, None) => match &one.behaviour {
                Some(print) => ("behaviour", print, is_single(one, &one.behaviour)),
                None => continue,
            },
        };
        if single && total >= least(view) {
            findings.extend(finding(view, one, (kind, print), total, &title));
        }
    }
    findings
}

/// What is kept of a finding: half of all scripts may be unique.
#[derive(Debug)]
struct Said {
    kind: &'static str,
    print: Box<str>,
    total: usize,
    published: bool,
}

impl Wording for Said {
    fn words(&self, _: &Finding, _: Referred<'_>) -> Words {
        let total = self.total;
        let prevalence = (10_000 + total / 2).checked_div(total).unwrap_or(0) as f64 / 100.0;
        Words {
            summary: format!(
                "One of {} with a known script ran this one ({prevalence} %), told by its {}.",
                counted(total, "execution"),
                match self.kind {
                    "norm" => "text",
                    "raw" => "bytes",
                    _ => "commands",
                }
            ),
            values: figures(json!({
                "fingerprint": &*self.print,
                "kind": self.kind,
                "count": 1,
                "total": total,
                "prevalence": prevalence,
                "mode": mode(self.published),
            })),
        }
    }
}

fn finding(
    view: &CaseView<'_>,
    one: &Fingerprints,
    (kind, print): (&'static str, &str),
    total: usize,
    title: &Arc<str>,
) -> Option<Finding> {
    let execution = view.linked.executions.get(one.execution)?;
    let content = view
        .script_of(one.execution)
        .and_then(|script| script.severity());
    Some(Finding {
        detector: Cow::Borrowed(DETECTOR.id),
        severity: if content >= Some(Severity::Medium) {
            Severity::Medium
        } else {
            Severity::Low
        },
        confidence: if kind == "behaviour" {
            Confidence::Medium
        } else {
            Confidence::High
        },
        baseline: Baseline::NotApplicable,
        title: Arc::clone(title),
        operations: execution.operation.into_iter().collect(),
        executions: vec![one.execution],
        wording: Some(Arc::new(Said {
            kind,
            print: print.into(),
            total,
            published: view.settings.endpoint.unique.published,
        })),
        attack: Cow::Borrowed(&["T1059.001", "T1651", "T1570"]),
        ..Finding::default()
    })
}
