//! What the script started, as a tree, and where those processes connected to.
//!
//! The root is the process whose command line names the run's script; its ancestors are shown for context. Which processes and connections are
//! the run's is decided where links are ([`crate::reconstruct::links::witnesses`]); here they are only laid out.

use super::{Sides, Statement, time_of_event};
use crate::case::Case;
use crate::case::store::EventNumber;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Processes that one story shows at most.
const MOST_PROCESSES: usize = 400;
/// Ancestors that are shown above the script.
const MOST_ANCESTORS: usize = 4;
/// Flows that one story shows at most.
const MOST_FLOWS: usize = 200;

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
        if let Some(parent) = process.parent() {
            children.entry(parent).or_default().push(at);
        }
    }
    // A root is named and has no named ancestor.
    let under_named = |at: usize| {
        let mut up = all.get(at).and_then(|process| process.parent());
        for _ in 0..MOST_PROCESSES {
            match up {
                Some(parent) if named.contains(&parent) => return true,
                Some(parent) => up = all.get(parent).and_then(|process| process.parent()),
                None => return false,
            }
        }
        false
    };
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut above: BTreeSet<usize> = BTreeSet::new();
    for root in named.iter().copied().filter(|at| !under_named(*at)) {
        let mut ancestors = Vec::new();
        let mut up = all.get(root).and_then(|process| process.parent());
        while let Some(parent) = up.filter(|_| ancestors.len() < MOST_ANCESTORS) {
            ancestors.push(parent);
            up = all.get(parent).and_then(|process| process.parent());
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
            let part = if at == root { "script" } else { "child" };
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
            pid: process.pid(),
            image: process.image(case.store()).to_owned(),
            user: process.user(case.store()).to_owned(),
            exit_code: process.further.exit_code,
            started: process.started().map(|time| time.to_string()),
            ended: process.further.ended.map(|time| time.to_string()),
            command_line: Statement::new(
                case,
                "command line",
                process.command_line(case.store()).to_owned(),
                &process.events,
            ),
        });
    }
}

/// Connections of the run, and how each is known to be its own.
pub(super) fn flows(sides: &Sides<'_>, tree: &Tree) -> (Vec<Statement>, usize) {
    let case = sides.case;
    let store = case.store();
    let own: BTreeSet<u64> = tree
        .own
        .iter()
        .filter_map(|at| case.processes().get(*at)?.pid())
        .collect();
    let all = &sides.execution.flows;
    let shown = all.iter().take(MOST_FLOWS).filter_map(|event| {
        let flow = super::fact_of(case, *event)?.flow()?;
        let by_process = flow.pid.is_some_and(|pid| own.contains(&pid));
        let why = if by_process {
            "from a process of the script"
        } else {
            "an address that the script names, while it ran"
        };
        let text = |symbol| store.text(symbol).unwrap_or("?");
        let image = store.text(flow.image).map(|image| format!(", {image}"));
        let bytes = flow.bytes.map(|bytes| format!(", {bytes} bytes"));
        let value = format!(
            "{} → {}:{}{}{} ({why})",
            text(flow.source),
            text(flow.destination),
            flow.port,
            image.unwrap_or_default(),
            bytes.unwrap_or_default()
        );
        let told = Statement::new(case, "connection", value, &[*event]);
        Some(told.at(time_of_event(case, *event)))
    });
    (shown.collect(), all.len().saturating_sub(MOST_FLOWS))
}
