//! What the guest's own records say: goal state, settings, handler, and what the script left.

use super::text::{self, ShownText};
use super::{Sides, Statement, time_of_event};
use crate::case::store::EventNumber;
use crate::event::fact::{GuestSaid, HandlerChange, RunState, SettingsSaid, StatusSaid};
use crate::event::facts::FactKind;
use crate::identity::{fold, host_label};
use serde::Serialize;

/// Records that one story lists at most.
const MOST_RECORDS: usize = 200;
/// Goal states that one story names at most.
const MOST_GOAL_STATES: usize = 10;
/// A status keeps this much of an output.
const STATUS_KEEPS_BYTES: usize = 4_096;

pub(super) struct Told {
    pub statements: Vec<Statement>,
    pub records: Vec<Statement>,
    pub records_left: usize,
}

pub(super) fn told(sides: &Sides<'_>) -> Told {
    let case = sides.case;
    let mut statements = goal_states(sides);
    let mut records = Vec::new();
    let mut records_left = 0;
    for (event, fact) in sides.said() {
        if let GuestSaid::Settings(settings) = &fact.said {
            statements.extend(of_settings(sides, event, settings));
        }
        if records.len() >= MOST_RECORDS {
            records_left += 1;
            continue;
        }
        let (name, value) = in_words(fact.said);
        records.push(Statement::new(case, name, value, &[event]).at(time_of_event(case, event)));
    }
    if let Some(run) = sides.run {
        let version = sides
            .said()
            .find_map(|(event, fact)| Some((event, case.store().text(fact.version)?)));
        if let Some((event, version)) = version {
            statements.push(Statement::new(case, "handler version", version, &[event]));
        }
        if let Some(time) = run.started {
            let events = sides.said_by(is_start);
            statements.push(Statement::new(
                case,
                "started, guest's clock",
                time.to_string(),
                events.get(..1).unwrap_or(&[]),
            ));
        }
        if let Some(time) = run.ended {
            let events = sides.said_by(is_end);
            statements.push(Statement::new(
                case,
                "ended, guest's clock",
                time.to_string(),
                &events,
            ));
        }
    }
    Told {
        statements,
        records,
        records_left,
    }
}

pub(super) fn is_start(said: &GuestSaid) -> bool {
    matches!(
        said,
        GuestSaid::Executing
            | GuestSaid::HandlerStarted
            | GuestSaid::SequenceSaved
            | GuestSaid::EnableCalled
            | GuestSaid::ScriptBlock { .. }
            | GuestSaid::Process
            | GuestSaid::FileWritten
            | GuestSaid::ScriptWritten
    ) || matches!(said, GuestSaid::Status(status) if status.started.is_some())
}

pub(super) fn is_end(said: &GuestSaid) -> bool {
    matches!(said, GuestSaid::Executed { .. } | GuestSaid::HandlerEnded)
        || matches!(said, GuestSaid::Status(status) if !matches!(status.state, RunState::Running | RunState::Unknown))
}

/// Goal states of this guest that carry the operation's correlation id, or one that led to the run.
pub(super) fn goal_state_events(sides: &Sides<'_>) -> Vec<EventNumber> {
    let case = sides.case;
    let store = case.store();
    let mut wanted: Vec<String> = sides
        .execution
        .run
        .and_then(|at| case.linked().brought.get(at))
        .cloned()
        .unwrap_or_default();
    wanted.extend(sides.op.and_then(|op| op.correlation.as_deref()).map(fold));
    if wanted.is_empty() {
        return Vec::new();
    }
    let guest = sides
        .run
        .and_then(|run| run.host.as_deref())
        .map(host_label);
    let all = store.facts.of_kind(FactKind::GoalState);
    let said = all.filter_map(|at| {
        let (event, state) = (at.event(), at.goal_state()?);
        let id = store.text(state.correlation)?;
        let host = super::coverage::host_of(case, event);
        let here = guest.is_none() || host.is_none() || host.map(host_label) == guest;
        (here && wanted.contains(&fold(id))).then_some(event)
    });
    said.take(MOST_GOAL_STATES).collect()
}

fn goal_states(sides: &Sides<'_>) -> Vec<Statement> {
    let case = sides.case;
    let store = case.store();
    let of_op = sides.op.and_then(|op| op.correlation.as_deref()).map(fold);
    let told = goal_state_events(sides).into_iter().filter_map(|event| {
        let state = super::fact_of(case, event)?.goal_state()?;
        let id = store.text(state.id).unwrap_or("a goal state");
        let correlation = store.text(state.correlation).unwrap_or("");
        let created = state
            .created
            .map(|time| format!(", made {time} by the service's clock"));
        let value = format!(
            "{id}, correlation id {correlation}{}",
            created.unwrap_or_default()
        );
        let remark = match &of_op {
            Some(of_op) if *of_op == fold(correlation) => {
                Some("the operation's own correlation id".to_owned())
            }
            Some(_) => Some("not the correlation id of the linked operation".to_owned()),
            None => Some("no operation with this correlation id is in the evidence".to_owned()),
        };
        let told = Statement::new(case, "goal state", value, &[event]);
        Some(told.at(time_of_event(case, event)).remarked(remark))
    });
    told.collect()
}

fn of_settings(sides: &Sides<'_>, event: EventNumber, settings: &SettingsSaid) -> Vec<Statement> {
    let case = sides.case;
    let mut out = Vec::new();
    let mut say = |name: &str, value: String, remark: Option<&str>| {
        out.push(Statement::new(case, name, value, &[event]).remarked(remark.map(str::to_owned)));
    };
    if let Some(uri) = &settings.script_uri {
        say("script fetched from", uri.clone(), None);
    }
    if let Some(user) = &settings.run_as_user {
        say("ran as", user.clone(), None);
    }
    if settings.asynchronous == Some(true) {
        say(
            "waits",
            "no: the operation ends before the script does".to_owned(),
            None,
        );
    }
    if settings.protected {
        let why = "an encrypted part is not readable without the VM's certificate; parameters or a script may be in it";
        say("protected settings", "present".to_owned(), Some(why));
    }
    if settings.emptied {
        say("settings", "emptied by a later execution".to_owned(), None);
    }
    out
}

/// A record of the guest in a few words.
fn in_words(said: &GuestSaid) -> (&'static str, String) {
    let none = String::new;
    match said {
        GuestSaid::EnableCalled => ("agent", "called enable".to_owned()),
        GuestSaid::SettingsUpdated => ("agent", "wrote the settings file".to_owned()),
        GuestSaid::HandlerStarted => ("handler", "began".to_owned()),
        GuestSaid::AlreadyProcessed => (
            "handler",
            "found the number already processed, and stopped".to_owned(),
        ),
        GuestSaid::SequenceSaved => ("handler", "saved the number".to_owned()),
        GuestSaid::Executing => ("handler", "starts the script".to_owned()),
        GuestSaid::Executed { exit_code, error } => {
            let code = exit_code.map_or_else(none, |code| format!(", exit code {code}"));
            let error = error.as_ref().map_or_else(none, |text| format!(": {text}"));
            ("handler", format!("script ended{code}{error}"))
        }
        GuestSaid::HandlerEnded => ("handler", "ended".to_owned()),
        GuestSaid::Placeholder => ("status", "placeholder, before the handler ran".to_owned()),
        GuestSaid::Status(status) => ("status", of_status(status)),
        GuestSaid::Settings(_) => ("settings", "settings file".to_owned()),
        GuestSaid::Script { bytes, .. } => ("script", format!("script file, {bytes} bytes")),
        GuestSaid::ScriptBlock { part, parts, .. } => (
            "PowerShell",
            format!("logged the script, part {part} of {parts}"),
        ),
        GuestSaid::Process => ("process", "runs the script".to_owned()),
        GuestSaid::ScriptWritten => ("file", "the script was written".to_owned()),
        GuestSaid::FileWritten => ("file", "written in the execution's folder".to_owned()),
        GuestSaid::Stdout { text, .. } => ("output", format!("stdout file, {} bytes", text.len())),
        GuestSaid::Stderr { text, .. } => ("output", format!("stderr file, {} bytes", text.len())),
        GuestSaid::Result(status) => ("result", of_status(status)),
        GuestSaid::HighestProcessed => ("state", "the highest number processed".to_owned()),
        GuestSaid::LeftProcess => ("state", "a process id was left behind".to_owned()),
        GuestSaid::HandlerChanged(HandlerChange::Installed) => {
            ("handler", "was unpacked or installed".to_owned())
        }
        GuestSaid::HandlerChanged(HandlerChange::Uninstalled) => (
            "handler",
            "is removed by the agent, or it was told to".to_owned(),
        ),
        GuestSaid::HandlerChanged(HandlerChange::Deleted) => {
            ("handler", "data or folder was deleted".to_owned())
        }
        GuestSaid::SecretGiven { user, length, .. } => (
            "secret",
            format!("a password of {length} letters for {user} was given in clear text"),
        ),
        GuestSaid::Mentioned => ("mention", "names this number".to_owned()),
    }
}

fn of_status(status: &StatusSaid) -> String {
    let code = status.exit_code;
    let code = code.map_or_else(String::new, |code| format!(", exit code {code}"));
    format!("{}{code}", status.state.word())
}

/// One output of the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stream {
    /// Its text.
    pub text: ShownText,
    /// Where it comes from, and what that means for its completeness.
    pub source: Statement,
    /// What a status kept of it beside.
    pub status: Option<Statement>,
}

/// What the script left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Output {
    /// How it ended.
    pub state: Statement,
    /// Exit code.
    pub exit_code: Option<Statement>,
    /// Standard output.
    pub stdout: Option<Stream>,
    /// Standard error.
    pub stderr: Option<Stream>,
}

pub(super) fn output(sides: &Sides<'_>) -> Option<Output> {
    let (case, run) = (sides.case, sides.run?);
    let coded = |said: &GuestSaid| match said {
        GuestSaid::Executed { exit_code, .. } => exit_code.is_some(),
        GuestSaid::Status(status) | GuestSaid::Result(status) => status.exit_code.is_some(),
        _ => false,
    };
    let hides = run.family == crate::evidence::layout::Family::Action
        && run.exit_code.is_some_and(|code| code != 0);
    let remark = hides.then(|| {
        "the portal shows a success all the same: an action's status does not carry the exit code".to_owned()
    });
    Some(Output {
        state: Statement::new(case, "state", run.state.word(), &sides.said_by(is_end)),
        exit_code: run.exit_code.map(|code| {
            Statement::new(case, "exit code", code.to_string(), &sides.said_by(coded))
                .remarked(remark)
        }),
        stdout: stream(sides, run.stdout.as_deref(), true),
        stderr: stream(sides, run.stderr.as_deref(), false),
    })
}

fn stream(sides: &Sides<'_>, text: Option<&str>, standard: bool) -> Option<Stream> {
    let text = text?;
    let case = sides.case;
    let files = sides.said_by(|said| match said {
        GuestSaid::Stdout { .. } => standard,
        GuestSaid::Stderr { .. } => !standard,
        _ => false,
    });
    let kept = |said: &GuestSaid| -> Option<String> {
        let (GuestSaid::Status(status) | GuestSaid::Result(status)) = said else {
            return None;
        };
        let text = if standard {
            &status.stdout
        } else {
            &status.stderr
        };
        text.clone()
    };
    let by_status = sides
        .said()
        .find_map(|(event, fact)| Some((event, kept(fact.said)?)));
    let source = if files.is_empty() {
        let events: Vec<EventNumber> = by_status.iter().map(|(event, _)| *event).collect();
        let remark = (text.len() >= STATUS_KEEPS_BYTES).then(|| {
            format!(
                "a status keeps the last {STATUS_KEEPS_BYTES} bytes: the beginning may be missing"
            )
        });
        Statement::new(case, "source", "what the status kept", &events).remarked(remark)
    } else {
        Statement::new(case, "source", "the handler's own file, whole", &files)
    };
    let status = by_status
        .filter(|_| !files.is_empty())
        .map(|(event, kept)| {
            let same = text.trim_end() == kept.trim_end();
            let value = if same {
                "kept the same".to_owned()
            } else if !kept.is_empty() && text.trim_end().ends_with(kept.trim_end()) {
                format!("kept the last {} of {} bytes", kept.len(), text.len())
            } else if kept.is_empty() {
                "kept nothing".to_owned()
            } else {
                format!("kept {} bytes that differ from the file", kept.len())
            };
            let differs = value.contains("differ");
            let remark = differs
                .then(|| "one of the two was changed, or the number was used twice".to_owned());
            Statement::new(case, "status", value, &[event]).remarked(remark)
        });
    Some(Stream {
        text: text::shown(text, &[]),
        source,
        status,
    })
}
