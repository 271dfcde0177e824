//! What the script started, as a tree, and where those processes connected to.
//!
//! The root is the process whose command line names the run's script; its ancestors are shown for context. A connection counts where an
//! endpoint saw it from one of these processes, or where a flow log saw one to an address that the script names while it ran.

use super::{Sides, Statement, time_of_event};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::event::fact::{Fact, FlowFact};
use crate::identity::host_label;
use crate::reconstruct::processes::Process;
use crate::time::{Instant, NS_PER_SECOND};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Processes that one story shows at most.
const MOST_PROCESSES: usize = 400;
/// Ancestors that are shown above the script.
const MOST_ANCESTORS: usize = 4;
/// Flows that one story shows at most.
const MOST_FLOWS: usize = 200;
/// A process without an end may connect this long after its start.
const UNENDED_NS: i64 = 3_600 * NS_PER_SECOND;
/// Connections count this long after the run's end.
const AFTER_NS: i64 = 60 * NS_PER_SECOND;

/// A process of the tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownProcess {
    /// How deep it stands.
    pub depth: usize,
    /// `ancestor`, `script` or `child`.
    pub part: &'static str,
    /// Process id.
    pub pid: Option<u64>,
    /// Executable.
    pub image: String,
    /// Account.
    pub user: String,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Start.
    pub started: Option<String>,
    /// End.
    pub ended: Option<String>,
    /// Command line, with the events that report it.
    pub command_line: Statement,
}

pub(super) struct Tree {
    pub shown: Vec<ShownProcess>,
    pub left: usize,
    /// Places of the script and its children.
    own: Vec<usize>,
}

pub(super) fn tree(sides: &Sides<'_>) -> Tree {
    let case = sides.case;
    let all = case.processes();
    let wanted: BTreeSet<EventNumber> = sides.execution.processes.iter().copied().collect();
    let mut tree = Tree {
        shown: Vec::new(),
        left: 0,
        own: Vec::new(),
    };
    if wanted.is_empty() {
        return tree;
    }
    let named: BTreeSet<usize> = all
        .iter()
        .enumerate()
        .filter(|(_, process)| process.events.iter().any(|event| wanted.contains(event)))
        .map(|(at, _)| at)
        .collect();
    let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, process) in all.iter().enumerate() {
        if let Some(parent) = process.parent {
            children.entry(parent).or_default().push(at);
        }
    }
    // A root is named and has no named ancestor.
    let under_named = |at: usize| {
        let mut up = all.get(at).and_then(|process| process.parent);
        for _ in 0..MOST_PROCESSES {
            match up {
                Some(parent) if named.contains(&parent) => return true,
                Some(parent) => up = all.get(parent).and_then(|process| process.parent),
                None => return false,
            }
        }
        false
    };
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut above: BTreeSet<usize> = BTreeSet::new();
    for root in named.iter().copied().filter(|at| !under_named(*at)) {
        let mut ancestors = Vec::new();
        let mut up = all.get(root).and_then(|process| process.parent);
        while let Some(parent) = up.filter(|_| ancestors.len() < MOST_ANCESTORS) {
            ancestors.push(parent);
            up = all.get(parent).and_then(|process| process.parent);
        }
        ancestors.reverse();
        let depth = ancestors.len();
        for (depth, at) in ancestors.into_iter().enumerate() {
            if above.insert(at) {
                tree.show(case, at, depth, "ancestor");
            }
        }
        let mut open = vec![(root, depth)];
        while let Some((at, depth)) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            let part = if named.contains(&at) {
                "script"
            } else {
                "child"
            };
            tree.show(case, at, depth, part);
            tree.own.push(at);
            let below = children.get(&at).map_or(&[][..], Vec::as_slice);
            open.extend(below.iter().rev().map(|child| (*child, depth + 1)));
        }
    }
    tree
}

impl Tree {
    fn show(&mut self, case: &Case, at: usize, depth: usize, part: &'static str) {
        if self.shown.len() >= MOST_PROCESSES {
            self.left += 1;
            return;
        }
        let Some(process) = case.processes().get(at) else {
            return;
        };
        self.shown.push(ShownProcess {
            depth,
            part,
            pid: process.pid,
            image: process.image.clone(),
            user: process.user.clone(),
            exit_code: process.exit_code,
            started: process.started.map(|time| time.to_string()),
            ended: process.ended.map(|time| time.to_string()),
            command_line: Statement::new(
                case,
                "command line",
                process.command_line.clone(),
                &process.events,
            ),
        });
    }
}

/// Connections of these processes, and those to addresses that the script names.
pub(super) fn flows(sides: &Sides<'_>, tree: &Tree) -> (Vec<Statement>, usize) {
    let case = sides.case;
    let store = case.store();
    let own: Vec<&Process> = tree
        .own
        .iter()
        .filter_map(|at| case.processes().get(*at))
        .collect();
    let mut by_pid: BTreeMap<u64, Vec<&Process>> = BTreeMap::new();
    for process in &own {
        if let Some(pid) = process.pid {
            by_pid.entry(pid).or_default().push(process);
        }
    }
    let named = addresses(sides);
    let known: BTreeSet<EventNumber> = sides.execution.flows.iter().copied().collect();
    if by_pid.is_empty() && named.is_empty() && known.is_empty() {
        return (Vec::new(), 0);
    }
    let span = cloud_span(sides);
    let mut out = Vec::new();
    let mut left = 0;
    for (event, fact) in &store.facts {
        let Fact::Flow(flow) = fact else { continue };
        let time = store.stamp(*event).map(|stamp| stamp.instant);
        let why = if known.contains(event) {
            "linked to the run"
        } else if of_process(case, *event, flow, time, &by_pid) {
            "from a process of the script"
        } else if to_named(case, flow, time, &named, span) {
            "to an address that the script names, while it ran"
        } else {
            continue;
        };
        if case.rendering_of(*event).is_some() {
            continue;
        }
        if out.len() >= MOST_FLOWS {
            left += 1;
            continue;
        }
        let text = |symbol| store.text(symbol).unwrap_or("?");
        let image = store.text(flow.image).map(|image| format!(", {image}"));
        let bytes = flow.bytes.map(|bytes| format!(", {bytes} bytes"));
        let value = format!(
            "{} → {}:{}{}{}",
            text(flow.source),
            text(flow.destination),
            flow.port,
            image.unwrap_or_default(),
            bytes.unwrap_or_default()
        );
        out.push(
            Statement::new(case, "connection", value, &[*event])
                .at(time_of_event(case, *event))
                .remarked(Some(why.to_owned())),
        );
    }
    (out, left)
}

fn of_process(
    case: &Case,
    event: EventNumber,
    flow: &FlowFact,
    time: Option<Instant>,
    by_pid: &BTreeMap<u64, Vec<&Process>>,
) -> bool {
    let (Some(pid), Some(time)) = (flow.pid, time) else {
        return false;
    };
    let host = super::coverage::host_of(case, event).map(host_label);
    let candidates = by_pid.get(&pid).map_or(&[][..], Vec::as_slice);
    candidates.iter().any(|process| {
        let here = host
            .as_ref()
            .is_none_or(|host| *host == host_label(&process.host));
        let Some(started) = process.started.filter(|_| here) else {
            return false;
        };
        let until = process
            .ended
            .map_or(started.ns.saturating_add(UNENDED_NS), |ended| ended.ns);
        // A source may cut its times to seconds.
        time.ns >= started.ns.saturating_sub(NS_PER_SECOND)
            && time.ns <= until.saturating_add(NS_PER_SECOND)
    })
}

fn to_named(
    case: &Case,
    flow: &FlowFact,
    time: Option<Instant>,
    named: &BTreeSet<String>,
    span: Option<(i64, i64)>,
) -> bool {
    let (Some(time), Some((from, to))) = (time, span) else {
        return false;
    };
    let destination = case.store().text(flow.destination).unwrap_or("");
    flow.inbound != Some(true) && time.ns >= from && time.ns <= to && named.contains(destination)
}

/// The run by the cloud's clock, and a minute more.
fn cloud_span(sides: &Sides<'_>) -> Option<(i64, i64)> {
    let run = sides.run?;
    let offset = super::clocks::applied(sides.case, run);
    let started = offset.cloud(run.started.or(run.ended)?.ns);
    let ended = offset.cloud(run.ended.or(run.started)?.ns);
    Some((started, ended.saturating_add(AFTER_NS)))
}

/// Public addresses written in the script or its layers.
fn addresses(sides: &Sides<'_>) -> BTreeSet<String> {
    let found = sides.execution.run.and_then(|at| sides.case.examined(at));
    let layers = found.map_or(&[][..], |found| found.layers.as_slice());
    let mut out = BTreeSet::new();
    for text in layers.iter().filter_map(|layer| layer.text.as_deref()) {
        let words = text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '.');
        let addresses = words.filter_map(|word| word.parse::<std::net::Ipv4Addr>().ok());
        out.extend(
            addresses
                .filter(|address| !address.is_loopback() && !address.is_unspecified())
                .map(|address| address.to_string()),
        );
    }
    out
}
