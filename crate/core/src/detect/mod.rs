//! The detectors: one file each, and one line each in [`TABLE`].
//!
//! A detector is a pure function of the reconstructed case and the settings. Its file's doc comment is its manual page, under
//! fixed headings (What it finds · Why it matters · Parameters · Known false positives · Sources). Every detector is listed in
//! the case document under `searched`, also where it could not answer: outside coverage the answer is
//! `not-assessed` with the reason, never silence.
//!
//! Rejected: rules as data. Half of these need the folded operation, baselines and coverage; a rule language for that is a worse Rust.

pub mod allowed;
pub mod anomalous_operation_model;
pub mod caller_profile;
pub mod clock_anomaly;
pub mod cloud_op_without_guest_trace;
pub mod custom_script_descendant;
pub mod decode;
pub mod dormant_principal_reactivated;
pub mod extension_removed;
pub mod finding;
pub mod guest_run_without_cloud_op;
pub mod history;
pub mod identities;
pub mod incident;
pub mod interrupted_execution;
pub mod machines;
pub mod managed_run_command_write;
pub mod manual;
pub mod raise;
pub mod resource_burst;
pub mod run_as_secret_exposed;
pub mod run_command_chain;
pub mod run_command_from_cloud_address;
pub mod run_command_in_risk_window;
pub mod run_command_infrequent;
pub mod run_command_invocation;
pub mod run_command_new_terms;
pub mod run_command_process_correlation;
pub mod run_command_spike;
pub mod script_blocks;
pub mod script_body_mismatch;
pub mod script_child_process;
pub mod script_content;
pub mod script_file_join;
pub mod script_processes;
pub mod script_volatility;
pub mod scripts;
pub mod self_deleting_script;
pub mod sensitive_operation;
pub mod sensitive_operation_new_source;
pub mod sequence_anomaly;
pub mod status_output_mismatch;
pub mod subject;
pub mod unique_script;
pub mod vm_extension_write;
pub mod watch_list;
pub mod wording;

use crate::case::item::Item;
use crate::case::store::{EventNumber, Store};
use crate::lists::Lists;
use crate::reconstruct::guests::Guests;
use crate::reconstruct::links::Linked;
use crate::reconstruct::operations::Operation;
use crate::reconstruct::processes::Process;
use crate::reconstruct::runs::Run;
use crate::script::{Examinations, Examined, ScriptHint};
use crate::settings::Settings;
pub use crate::severity::Severity;
use crate::time::NS_PER_SECOND;
use anomalous_operation_model::Assessment;
use caller_profile::Actor;
use dormant_principal_reactivated::Revivals;
pub use finding::{Baseline, Confidence, Finding, OfRule};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use history::History;
use identities::{Identity, Names};
use machines::{Machines, Records};
use run_command_spike::Burst;
use script_blocks::LoggedScripts;
use script_file_join::Joins;
use script_processes::{By, ScriptProcesses};
use scripts::ExecutionScript;
use sensitive_operation_new_source::Seen;
use serde_json::{Map, Value};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
pub use subject::{Referred, Subject};
pub use wording::{Wording, Words};
pub(crate) use wording::{away, lasting};

/// The case as detectors see it.
pub struct CaseView<'a> {
    /// Operations in time order.
    pub operations: &'a [Operation],
    /// Runs in time order.
    pub runs: &'a [Run],
    /// What the script of each run does.
    pub examined: &'a [Option<Arc<Examined>>],
    /// Processes of all guests.
    pub processes: &'a [Process],
    /// Executions, clocks and the VM of each run.
    pub linked: &'a Linked,
    /// What guests keep beside their runs.
    pub guests: &'a Guests,
    /// The events.
    pub store: &'a Store,
    /// The items, with their hosts.
    pub items: &'a [Item],
    /// What the analyst brought.
    pub lists: &'a Lists,
    /// Whether an event counts: it is shown, and no copy of another.
    pub counts: &'a dyn Fn(EventNumber) -> bool,
    /// Parameters.
    pub settings: &'a Settings,
    /// What was drawn from the above so far.
    pub drawn: Drawn,
}

/// What several detectors want of a case, drawn once.
#[derive(Debug, Default)]
pub struct Drawn {
    history: OnceCell<History>,
    assessments: OnceCell<Vec<Assessment>>,
    bursts: OnceCell<Vec<Burst>>,
    machines: OnceCell<Machines>,
    execution_of_operation: OnceCell<Vec<Option<usize>>>,
    identities: OnceCell<Vec<Identity>>,
    scripts: OnceCell<Vec<ExecutionScript>>,
    revivals: OnceCell<Revivals>,
    in_risk_window: OnceCell<Vec<Finding>>,
    automation: OnceCell<BTreeSet<u32>>,
    script_processes: OnceCell<ScriptProcesses>,
    joins: OnceCell<Joins>,
    execution_of_process: OnceCell<HashMap<EventNumber, usize, FixedState>>,
    actors: OnceCell<Vec<Actor>>,
    records: OnceCell<Records>,
    sources: OnceCell<Seen>,
    logged_scripts: OnceCell<LoggedScripts>,
    fingerprints: OnceCell<Vec<unique_script::Fingerprints>>,
    examinations: RefCell<Examinations>,
}

impl CaseView<'_> {
    /// Who is who, and how far the records reach.
    #[must_use]
    pub fn history(&self) -> &History {
        self.drawn.history.get_or_init(|| {
            let identities = self.identities().iter();
            let named: Vec<(EventNumber, Names<'_>)> = identities
                .map(|one| (one.event, Names::of(self, one)))
                .collect();
            History::of(self.operations, &named, self.settings)
        })
    }

    /// Identity records, in time order.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        self.drawn
            .identities
            .get_or_init(|| identities::gather(self))
    }

    /// The scripts of executions, by execution.
    #[must_use]
    pub fn scripts(&self) -> &[ExecutionScript] {
        self.drawn.scripts.get_or_init(|| scripts::gather(self))
    }

    /// What a text does, searched with the lists of the case; lines that come again are searched once.
    pub(crate) fn examine(&self, text: &str, hint: &ScriptHint) -> Examined {
        let (content, settings) = (&self.lists.content, &self.settings.script);
        match self.drawn.examinations.try_borrow_mut() {
            Ok(mut before) => content.examine(text, hint, settings, &mut before),
            Err(_) => content.examine(text, hint, settings, &mut Examinations::default()),
        }
    }

    /// The script of an execution, where its text is known.
    #[must_use]
    pub fn script_of(&self, execution: usize) -> Option<&ExecutionScript> {
        let all = self.scripts();
        let at = all.binary_search_by_key(&execution, |script| script.execution);
        all.get(at.ok()?)
    }

    /// Dormant identities that were revived.
    #[must_use]
    pub fn revivals(&self) -> &Revivals {
        self.drawn
            .revivals
            .get_or_init(|| dormant_principal_reactivated::revivals(self))
    }

    /// Run commands around an identity anomaly, by operation.
    #[must_use]
    pub fn risk_findings(&self) -> &[Finding] {
        self.drawn
            .in_risk_window
            .get_or_init(|| run_command_in_risk_window::findings(self))
    }

    /// Whether an identity anomaly lies around this operation.
    #[must_use]
    pub fn in_risk_window(&self, operation: usize) -> bool {
        let all = self.risk_findings();
        let of = |finding: &Finding| finding.operations.first().copied();
        all.binary_search_by_key(&Some(operation), of).is_ok()
    }

    /// Which processes belong to scripts of run commands.
    #[must_use]
    pub fn script_processes(&self) -> &ScriptProcesses {
        let drawn = &self.drawn.script_processes;
        drawn.get_or_init(|| ScriptProcesses::of(self.store, self.processes, By::Handlers))
    }

    /// Which script file was written for which operation.
    #[must_use]
    pub fn joins(&self) -> &Joins {
        self.drawn
            .joins
            .get_or_init(|| script_file_join::joins(self))
    }

    /// Guests and their VMs.
    #[must_use]
    pub fn machines(&self) -> &Machines {
        self.drawn.machines.get_or_init(|| Machines::of(self))
    }

    /// What the model of anomalous operations says of each monitored operation, in time order.
    #[must_use]
    pub fn assessments(&self) -> &[Assessment] {
        self.drawn
            .assessments
            .get_or_init(|| anomalous_operation_model::assess(self))
    }

    /// Principals and their work.
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        self.drawn
            .actors
            .get_or_init(|| caller_profile::actors(self))
    }

    /// Bursts of run commands, in time order.
    #[must_use]
    pub fn bursts(&self) -> &[Burst] {
        self.drawn
            .bursts
            .get_or_init(|| run_command_spike::bursts(self))
    }

    /// Scripts that only the script-block log knows.
    pub(crate) fn logged_scripts(&self) -> &LoggedScripts {
        self.drawn
            .logged_scripts
            .get_or_init(|| script_blocks::gather(self))
    }

    /// What was done from which source, as far as new sources are looked for.
    pub(crate) fn sources(&self) -> &Seen {
        self.drawn
            .sources
            .get_or_init(|| sensitive_operation_new_source::seen(self))
    }

    /// The execution of an operation, by position.
    #[must_use]
    pub fn execution_of(&self, operation: usize) -> Option<usize> {
        let of_operation = self.drawn.execution_of_operation.get_or_init(|| {
            let mut of = vec![None; self.operations.len()];
            for (at, execution) in self.linked.executions.iter().enumerate() {
                if let Some(slot) = execution.operation.and_then(|op| of.get_mut(op)) {
                    *slot = Some(at);
                }
            }
            of
        });
        of_operation.get(operation).copied().flatten()
    }

    /// The execution to which a process belongs, by an event of the process.
    #[must_use]
    pub fn execution_of_process(&self, event: EventNumber) -> Option<usize> {
        let of_process = self.drawn.execution_of_process.get_or_init(|| {
            let executions = self.linked.executions.iter().enumerate();
            let mut of = HashMap::with_hasher(FixedState::with_seed(0));
            of.extend(
                executions
                    .flat_map(|(at, one)| one.processes.iter().map(move |event| (*event, at))),
            );
            of
        });
        of_process.get(&event).copied()
    }

    /// Whether an operation is the analyst's known automation.
    #[must_use]
    pub fn is_known_automation(&self, operation: usize) -> bool {
        let known = &self.lists.known_automation;
        if known.is_empty() {
            return false;
        }
        let of = self.drawn.automation.get_or_init(|| {
            let named = known.iter();
            named
                .filter_map(|name| self.history().principal_named(name))
                .collect()
        });
        let principal = self.history().principal(operation);
        principal.is_some_and(|number| of.contains(&number))
    }

    /// What findings refer to.
    #[must_use]
    pub fn referred(&self) -> Referred<'_> {
        Referred {
            operations: self.operations,
            runs: self.runs,
            linked: self.linked,
            processes: self.processes,
            store: self.store,
        }
    }

    /// What the model says of this operation.
    #[must_use]
    pub fn assessed(&self, operation: usize) -> Option<&Assessment> {
        let all = self.assessments();
        let at = all.binary_search_by_key(&operation, |found| found.operation);
        all.get(at.ok()?)
    }

    /// The same, where it rests on any baseline at all.
    #[must_use]
    pub fn assessment_of(&self, operation: usize) -> Option<&Assessment> {
        self.assessed(operation)
            .filter(|found| found.counts.rows > 0)
    }
}

/// One detector.
pub struct Detector {
    /// Id as in the detector specification.
    pub id: &'static str,
    /// Why it cannot answer for this case, where it cannot.
    pub not_assessed: fn(&CaseView<'_>) -> Option<String>,
    /// What it finds.
    pub run: fn(&CaseView<'_>) -> Vec<Finding>,
}

/// Every detector, by section of the specification.
pub static TABLE: &[Detector] = &[
    run_command_invocation::DETECTOR,
    managed_run_command_write::DETECTOR,
    vm_extension_write::DETECTOR,
    run_command_new_terms::DETECTOR,
    caller_profile::DETECTOR,
    sensitive_operation::DETECTOR,
    anomalous_operation_model::DETECTOR,
    run_command_spike::DETECTOR,
    run_command_infrequent::DETECTOR,
    run_command_in_risk_window::DETECTOR,
    run_command_from_cloud_address::DETECTOR,
    dormant_principal_reactivated::DETECTOR,
    sensitive_operation_new_source::DETECTOR,
    resource_burst::DETECTOR,
    run_command_chain::DETECTOR,
    script_file_join::DETECTOR,
    script_volatility::DETECTOR,
    unique_script::DETECTOR,
    run_command_process_correlation::DETECTOR,
    script_child_process::DETECTOR,
    custom_script_descendant::DETECTOR,
    script_content::DETECTOR,
    decode::DETECTOR,
    watch_list::DETECTOR,
    sequence_anomaly::DETECTOR,
    self_deleting_script::DETECTOR,
    extension_removed::DETECTOR,
    status_output_mismatch::DETECTOR,
    interrupted_execution::DETECTOR,
    clock_anomaly::DETECTOR,
    guest_run_without_cloud_op::DETECTOR,
    cloud_op_without_guest_trace::DETECTOR,
    run_as_secret_exposed::DETECTOR,
    script_body_mismatch::DETECTOR,
];

/// What a detector had to leave out although it ran: a sentence for `searched`, `None` where nothing was.
pub type LeftOut = fn(&CaseView<'_>) -> Option<String>;

/// The detectors that can answer for part of a case only.
pub static LEFT_OUT: &[(&str, LeftOut)] = &[
    (
        run_command_new_terms::DETECTOR.id,
        run_command_new_terms::left_out,
    ),
    (
        anomalous_operation_model::DETECTOR.id,
        anomalous_operation_model::left_out,
    ),
    (
        sensitive_operation_new_source::DETECTOR.id,
        sensitive_operation_new_source::left_out,
    ),
    (
        run_command_in_risk_window::DETECTOR.id,
        run_command_in_risk_window::left_out,
    ),
    (
        dormant_principal_reactivated::DETECTOR.id,
        dormant_principal_reactivated::left_out,
    ),
    (script_file_join::DETECTOR.id, script_file_join::left_out),
    (script_volatility::DETECTOR.id, script_volatility::left_out),
    (unique_script::DETECTOR.id, unique_script::left_out),
    (script_content::DETECTOR.id, script_content::left_out),
    (run_command_chain::DETECTOR.id, run_command_chain::left_out),
    (
        guest_run_without_cloud_op::DETECTOR.id,
        guest_run_without_cloud_op::left_out,
    ),
    (
        cloud_op_without_guest_trace::DETECTOR.id,
        cloud_op_without_guest_trace::left_out,
    ),
];

/// Without Activity Log rows no control-plane detector can answer.
pub(crate) fn needs_operations(view: &CaseView<'_>) -> Option<String> {
    view.operations
        .is_empty()
        .then(|| "not-assessed: no Activity Log records are loaded".to_owned())
}

/// Commands of the analyst's known automation that a detector does not look at.
pub(crate) fn known_automation_left_out(view: &CaseView<'_>) -> Option<String> {
    if view.lists.known_automation.is_empty() {
        return None;
    }
    let ops = view.operations.iter().enumerate();
    let n = ops
        .filter(|(at, op)| op.family.is_run_command() && view.is_known_automation(*at))
        .count();
    (n > 0).then(|| format!("{} of known automation left out", counted(n, "run command")))
}

/// How well a window from `from` on is covered by records that begin at `since`.
pub(crate) fn coverage(since: i64, from: i64) -> Baseline {
    if since <= from {
        Baseline::Full
    } else {
        Baseline::Partial
    }
}

/// A verdict on novelty is as sure as its baseline is long.
pub(crate) fn sure_by(baseline: Baseline) -> Confidence {
    match baseline {
        Baseline::Full | Baseline::NotApplicable => Confidence::High,
        Baseline::Partial => Confidence::Medium,
        Baseline::Insufficient => Confidence::Low,
    }
}

/// Figures of a finding, from a JSON object.
pub(crate) fn figures(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(figures) => figures,
        _ => Map::new(),
    }
}

/// `published` or `corrected`: whose semantics a finding rests on.
pub(crate) fn mode(published: bool) -> &'static str {
    if published { "published" } else { "corrected" }
}

/// Nanoseconds as seconds: a whole number where it is one.
pub(crate) fn seconds(ns: i64) -> Value {
    if ns % NS_PER_SECOND == 0 {
        Value::from(ns / NS_PER_SECOND)
    } else {
        Value::from(ns as f64 / NS_PER_SECOND as f64)
    }
}

/// `n thing` or `n things`.
pub(crate) fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// `caller` or a word for its absence.
pub(crate) fn who(op: &Operation) -> &str {
    op.caller.as_deref().unwrap_or("an unnamed caller")
}

/// The VM's name or the last segment of the resource.
pub(crate) fn target(op: &Operation) -> String {
    let last = || {
        op.resource
            .as_ref()
            .and_then(|id| id.folded.rsplit('/').next().map(str::to_owned))
    };
    op.vm()
        .or_else(last)
        .unwrap_or_else(|| "an unnamed resource".to_owned())
}

#[cfg(test)]
mod tests;
