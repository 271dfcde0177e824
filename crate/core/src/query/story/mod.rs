//! The story of one execution, from who asked down to what it sent over the network.
//!
//! | file | question |
//! |---|---|
//! | [`asked`] | who asked, with what token, from where? |
//! | [`agent`] | how did the guest's agent and handler bring it about, and what did it leave? |
//! | [`script`] | what ran, how is its text known, and what does it do? |
//! | [`processes`] | what did it start, and where did that connect to? |
//! | [`clocks`] | how do the two clocks lie? |
//! | [`link`] | why are the two sides one execution, and what else was near? |
//! | [`coverage`] | where a side is missing: would it have been seen? |
//!
//! Every sentence is a [`Statement`] with the names of the events it comes from, so that each is one click from its raw record. Lists are cut
//! at limits that the answer states: a story is read, not paged.
//!
//! Rejected: one text made here. The page could not lead from a word to its record, and could not mask half a line.

pub mod agent;
pub mod asked;
pub mod clocks;
pub mod coverage;
pub mod link;
pub mod processes;
pub mod script;
pub mod text;

use super::executions::{EventName, ExecutionRow, Listing, execution_of};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::event::facts::{FactAt, GuestFactRef};
use crate::reconstruct::links::Execution;
use crate::reconstruct::operations::Operation;
use crate::reconstruct::runs::Run;
use crate::script::secrets;
use serde::Serialize;

/// Events that one statement names at most.
const MOST_EVENTS: usize = 12;

/// One thing that is known, and from which events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// What is told: `caller`, `token address`, ….
    pub name: String,
    /// What it is.
    pub value: String,
    /// The value with its secrets as dots; absent where it has none.
    pub masked: Option<String>,
    /// When, where it is one moment.
    pub time: Option<String>,
    /// Whether it needs a second look, and why.
    pub remark: Option<String>,
    /// The events that say so.
    pub events: Vec<EventName>,
}

impl Statement {
    fn new(case: &Case, name: &str, value: impl Into<String>, events: &[EventNumber]) -> Self {
        let value = value.into();
        let masked = secrets::masked(&value);
        let names = events.iter().take(MOST_EVENTS);
        Self {
            name: name.to_owned(),
            masked: (masked != value).then_some(masked),
            value,
            time: None,
            remark: None,
            events: names.map(|event| EventName::of(case, *event)).collect(),
        }
    }

    fn at(self, time: Option<String>) -> Self {
        Self { time, ..self }
    }

    fn remarked(self, remark: Option<String>) -> Self {
        Self { remark, ..self }
    }
}

/// A finding on an execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundOfIt {
    /// Detector id.
    pub detector: String,
    /// How bad.
    pub severity: &'static str,
    /// A few words.
    pub title: String,
    /// One sentence.
    pub summary: String,
}

/// All that is known of one execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// Revision it belongs to.
    pub revision: u64,
    /// Its row of the list.
    pub row: ExecutionRow,
    /// Findings on it.
    pub findings: Vec<FoundOfIt>,
    /// Who asked; empty where no operation is known.
    pub asked: Vec<Statement>,
    /// Rows of the operation.
    pub asked_records: Vec<Statement>,
    /// Goal state, settings and handler; empty where no run is known.
    pub agent: Vec<Statement>,
    /// Everything of the guest that mentions it, in time order.
    pub agent_records: Vec<Statement>,
    /// Records of the guest left out of that list.
    pub agent_records_left: usize,
    /// The script.
    pub script: Option<script::ShownScript>,
    /// What it left.
    pub output: Option<agent::Output>,
    /// What it started, parents before children.
    pub processes: Vec<processes::ShownProcess>,
    /// Processes left out.
    pub processes_left: usize,
    /// Connections.
    pub flows: Vec<Statement>,
    /// Flows left out.
    pub flows_left: usize,
    /// Both clocks.
    pub clocks: clocks::Strip,
    /// Why both sides are one execution.
    pub link: link::Link,
    /// What is missing, and whether that means something.
    pub missing: Vec<coverage::Missing>,
}

/// One execution with its sides.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub case: &'a Case,
    pub execution: &'a Execution,
    pub op: Option<&'a Operation>,
    pub run: Option<&'a Run>,
}

impl<'a> Sides<'a> {
    pub(super) fn of(case: &'a Case, execution: &'a Execution) -> Self {
        Self {
            case,
            execution,
            op: execution.operation.and_then(|at| case.operations().get(at)),
            run: execution.run.and_then(|at| case.runs().get(at)),
        }
    }

    /// What the guest's events say, in time order.
    fn said(&self) -> impl Iterator<Item = (EventNumber, GuestFactRef<'a>)> + use<'a> {
        let case = self.case;
        let events = self.run.map_or(&[][..], |run| run.events.as_slice());
        events
            .iter()
            .filter_map(move |event| Some((*event, fact_of(case, *event)?.guest()?)))
    }

    /// Events of the guest of which this holds.
    fn said_by(&self, holds: impl Fn(&crate::event::fact::GuestSaid) -> bool) -> Vec<EventNumber> {
        let found = self.said().filter(|(_, fact)| holds(fact.said));
        found.map(|(event, _)| event).collect()
    }
}

/// The fact of an event.
fn fact_of(case: &Case, event: EventNumber) -> Option<FactAt<'_>> {
    case.store().facts_of(event).next()
}

fn time_of_event(case: &Case, event: EventNumber) -> Option<String> {
    let stamp = case.store().stamp(event)?;
    Some(stamp.instant.to_string())
}

/// The story of the execution that this event belongs to.
#[must_use]
pub fn story(case: &Case, item: u32, ordinal: u32) -> Option<Story> {
    let at = execution_of(case, item, ordinal)?;
    let execution = case.linked().executions.get(at)?;
    let sides = Sides::of(case, execution);
    let listing = Listing::new(case);
    let agent = agent::told(&sides);
    let tree = processes::tree(&sides);
    let script = script::shown(&sides);
    let flows = processes::flows(&sides, &tree);
    Some(Story {
        revision: case.revision(),
        row: listing.row(at, execution)?,
        findings: findings(case, listing.findings(at)),
        asked: asked::who(&sides),
        asked_records: asked::records(&sides),
        agent: agent.statements,
        agent_records: agent.records,
        agent_records_left: agent.records_left,
        script,
        output: agent::output(&sides),
        processes: tree.shown,
        processes_left: tree.left,
        flows: flows.0,
        flows_left: flows.1,
        clocks: clocks::strip(&sides),
        link: link::link(&sides),
        missing: coverage::missing(&sides),
    })
}

fn findings(case: &Case, places: &[usize]) -> Vec<FoundOfIt> {
    let all = places.iter();
    let mut found: Vec<&crate::detect::Finding> =
        all.filter_map(|at| case.findings().get(*at)).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let referred = case.referred();
    let shown = found.into_iter().map(|finding| FoundOfIt {
        detector: finding.detector.to_string(),
        severity: finding.severity.word(),
        title: finding.title.to_string(),
        summary: secrets::masked(&referred.words(finding).summary),
    });
    shown.collect()
}
