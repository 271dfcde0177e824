//! The script of each execution, from the best source there is, with what it does.
//!
//! A script that the guest ran comes first: the file on its disk, the settings, the script-block log. Where only the cloud is known, the request
//! body of a managed run command or an extension may carry it. Where nothing does, the command lines of the execution's
//! processes still say what was called. What was found out once per script is found out once, however often it ran.
//!
//! ```text
//! run command    run 3 on web01        script.sh          script
//! managed write  no evidence of vm02   properties.source  request-body
//! run command    script deleted        audit: curl … | sh command-lines
//! ```
//!
//! Rejected: examining every text of the case. A log line that quotes a script did not run it.

use super::CaseView;
use crate::case::store::EventNumber;
use crate::event::fact::ProcessFact;
use crate::evidence::layout::Os;
use crate::json::Value as Json;
use crate::reconstruct::links::Execution;
use crate::reconstruct::operations::{Operation, OperationFamily};
use crate::script::fingerprint::normalised;
use crate::script::{Examined, ScriptHint};
use crate::severity::Severity;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Where a script's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What the guest ran.
    Script,
    /// What the cloud was asked to run.
    RequestBody,
    /// What its processes were called with.
    CommandLines,
}

impl Source {
    /// The word under `values.source`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::RequestBody => "request-body",
            Self::CommandLines => "command-lines",
        }
    }
}

/// The script of an execution.
#[derive(Clone, Debug)]
pub struct ExecutionScript {
    /// The execution, by position.
    pub execution: usize,
    /// Where the text comes from.
    pub source: Source,
    /// What it does.
    pub examined: Arc<Examined>,
    /// SHA-256 of its normalised text; none of command lines, which are no script.
    pub norm_sha256: Option<String>,
}

impl ExecutionScript {
    /// How bad its content is.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.examined.score.severity
    }

    /// Whether an indicator matches outside comments.
    #[must_use]
    pub fn has(&self, indicator: &str) -> bool {
        self.examined
            .matches
            .iter()
            .any(|hit| hit.indicator.id == indicator && !hit.in_comment)
    }
}

/// Bytes of command lines that are examined for one execution.
const MOST_COMMAND_LINE_BYTES: usize = 256 << 10;

/// The script that a request asks for.
fn requested(op: &Operation) -> Option<String> {
    let text = |value: Json<'_>| value.word().map(|text| text.into_owned());
    let lines = |value: Json<'_>| {
        let lines: Vec<String> = value.elements().filter_map(text).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    op.bodies.iter().find_map(|body| {
        let body = Json::new(body.as_bytes());
        let properties = body.get_folded("properties");
        match op.family {
            OperationFamily::Action => lines(body.get_folded("script")),
            OperationFamily::Managed => {
                let source = properties.get_folded("source");
                text(source.get_folded("script")).or_else(|| text(source.get_folded("scriptUri")))
            }
            OperationFamily::Extension => {
                let settings = properties.get_folded("settings");
                let command = text(settings.get_folded("commandToExecute"));
                let script = text(settings.get_folded("script"));
                let files = lines(settings.get_folded("fileUris"));
                let parts: Vec<String> = [command, script, files].into_iter().flatten().collect();
                (!parts.is_empty()).then(|| parts.join("\n"))
            }
            OperationFamily::Other => None,
        }
        .filter(|text| !text.trim().is_empty())
    })
}

fn process(view: &CaseView<'_>, event: EventNumber) -> Option<ProcessFact> {
    view.store.facts_of(event).next()?.process()
}

fn command_lines(view: &CaseView<'_>, execution: &Execution) -> Option<String> {
    let mut text = String::new();
    for event in &execution.processes {
        let line = process(view, *event).and_then(|fact| view.store.text(fact.command_line));
        let Some(line) = line else { continue };
        if text.len().saturating_add(line.len()) > MOST_COMMAND_LINE_BYTES {
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    (!text.is_empty()).then_some(text)
}

/// Texts that were examined, each once for each system. The text is found in what was examined, so it is there once; only looked up.
#[derive(Default)]
struct Known {
    hasher: FixedState,
    table: HashTable<(Option<bool>, Arc<Examined>)>,
}

impl Known {
    fn examine(&mut self, view: &CaseView<'_>, text: &str, windows: Option<bool>) -> Arc<Examined> {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(text);
        fn script(one: &Examined) -> &str {
            let layer = one.layers.first();
            layer.and_then(|layer| layer.text.as_deref()).unwrap_or("")
        }
        let same = |(system, one): &(Option<bool>, Arc<Examined>)| {
            *system == windows && script(one) == text
        };
        if let Some((_, known)) = self.table.find(hash, same) {
            return Arc::clone(known);
        }
        let hint = ScriptHint {
            windows,
            file_name: None,
        };
        let examined = Arc::new(view.examine(text, &hint));
        self.table
            .insert_unique(hash, (windows, Arc::clone(&examined)), |(_, one)| {
                hasher.hash_one(script(one))
            });
        examined
    }
}

/// The scripts of all executions, by execution.
pub(super) fn gather(view: &CaseView<'_>) -> Vec<ExecutionScript> {
    let mut known = Known::default();
    let mut fingerprints: BTreeMap<*const Examined, String> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, execution) in view.linked.executions.iter().enumerate() {
        let run = execution.run.and_then(|run| {
            let examined = view.examined.get(run)?.as_ref()?;
            Some((view.runs.get(run)?, examined))
        });
        if let Some((run, examined)) = run {
            // Runs of one script share what was found in it.
            let norm = fingerprints
                .entry(Arc::as_ptr(examined))
                .or_insert_with(|| {
                    let text = run.script.as_ref().map_or("", |script| &script.text);
                    normalised(text.as_bytes())
                });
            found.push(ExecutionScript {
                execution: at,
                source: Source::Script,
                examined: Arc::clone(examined),
                norm_sha256: Some(norm.clone()),
            });
            continue;
        }
        let op = execution.operation.and_then(|op| view.operations.get(op));
        let asked = op
            .and_then(requested)
            .map(|text| (text, Source::RequestBody));
        let seen = || command_lines(view, execution).map(|text| (text, Source::CommandLines));
        let Some((text, source)) = asked.or_else(seen) else {
            continue;
        };
        let run = execution.run.and_then(|run| view.runs.get(run));
        let windows = run.map(|run| run.os == Os::Windows);
        let norm_sha256 = (source == Source::RequestBody).then(|| normalised(text.as_bytes()));
        found.push(ExecutionScript {
            execution: at,
            source,
            examined: known.examine(view, &text, windows),
            norm_sha256,
        });
    }
    found
}
