//! Both sides of a link, with everything comparable taken out once.
//!
//! An operation becomes an [`Asked`], a guest run a [`Ran`]: names folded, times as numbers, scripts as the hash of their normal form. Where an
//! operation's own times are incomplete its interval is stretched by what the platform allows (90 minutes):
//!
//! ```text
//! Start … Success      [S, E]
//! Accept … Success     [A − 10 s, E]        a request is answered with 202 within seconds
//! Success alone        [E − 90 min, E], and the time counts half
//! Start alone          [S, S + 90 min]
//! ```
//!
//! Rejected: comparing `Operation` and `Run` directly. Thousands of pairs would fold the same names again and again.

use crate::event::fact::{RunState, Status};
use crate::evidence::hash::Hasher;
use crate::evidence::layout::{Family, Os};
use crate::identity::fold;
use crate::json::Value;
use crate::reconstruct::links::witnesses::{NamedFlow, Seen, fitting};
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::reconstruct::runs::Run;
use crate::reconstruct::skew::offset::Offset;
use crate::time::{Instant, NS_PER_SECOND};

/// The longest that the platform lets a script run.
const LONGEST: i64 = 90 * 60 * NS_PER_SECOND;

/// A request is answered with 202 within so long.
pub const ACCEPT: i64 = 10 * NS_PER_SECOND;

/// A cloud operation that asks for a script.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its place among the operations.
    pub at: usize,
    /// Which feature.
    pub family: OperationFamily,
    /// Name of the managed run command or extension, folded.
    pub name: Option<String>,
    /// Correlation id, folded.
    pub correlation: Option<String>,
    /// The first row's time: what operations are ordered by.
    pub first: i64,
    /// Start, as far as it may lie back.
    pub start: i64,
    /// End, as far as it may lie ahead.
    pub end: i64,
    /// Whether the start is known.
    pub complete_start: bool,
    /// Whether the end is known.
    pub terminal: bool,
    /// When the request was answered with 202, where a row says so.
    pub accepted: Option<i64>,
    /// How it ended.
    pub outcome: OperationOutcome,
    /// The system it asks for.
    pub os: Option<Os>,
    /// Hash of the normal form of its script.
    pub script: Option<String>,
    /// Whether it is said to end before its script does.
    pub asynchronous: Option<bool>,
}

impl Asked {
    /// An operation that may lead to a run; `None` for others, and where no row has a time.
    #[must_use]
    pub fn of(at: usize, op: &Operation) -> Option<Self> {
        if op.family == OperationFamily::Other || says_no_script(op) {
            return None;
        }
        let (first, last) = (op.started?.ns, op.ended?.ns);
        let terminal = matches!(
            op.outcome,
            OperationOutcome::Succeeded | OperationOutcome::Failed
        );
        let accepted = op
            .rows
            .iter()
            .filter(|row| row.status == Status::Accept)
            .filter_map(|row| row.at.map(|at| at.ns))
            .min();
        let mut asked = Self {
            at,
            family: op.family,
            name: op.resource.as_ref().and_then(|id| id.child()),
            correlation: op.correlation.as_deref().map(fold),
            first,
            start: if op.complete_start {
                first
            } else if let Some(accepted) = accepted {
                accepted.saturating_sub(ACCEPT)
            } else {
                last.saturating_sub(LONGEST)
            },
            end: if terminal {
                last
            } else {
                first.saturating_add(LONGEST)
            },
            complete_start: op.complete_start,
            terminal,
            accepted,
            outcome: op.outcome,
            os: None,
            script: None,
            asynchronous: None,
        };
        for body in &op.bodies {
            asked.read(Value::new(body.as_bytes()));
        }
        Some(asked)
    }

    /// Whether it is known when it began: to the moment, or to the seconds that an answer takes.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.complete_start || self.accepted.is_some()
    }

    /// What a request body asks for.
    fn read(&mut self, body: Value<'_>) {
        match self.family {
            OperationFamily::Action => {
                let command = body.get_folded("commandId").word().map(|id| fold(&id));
                self.os = self.os.or(match command.as_deref() {
                    Some("runshellscript") => Some(Os::Linux),
                    Some("runpowershellscript") => Some(Os::Windows),
                    _ => None,
                });
                let lines: Vec<String> = body
                    .get_folded("script")
                    .elements()
                    .filter_map(|line| line.text().map(|line| line.into_owned()))
                    .collect();
                if !lines.is_empty() && self.script.is_none() {
                    self.script = Some(normal_hash(&lines.join("\n")));
                }
            }
            OperationFamily::Managed => {
                let properties = body.get_folded("properties");
                let script = properties
                    .get_folded("source")
                    .get_folded("script")
                    .text()
                    .map(|text| normal_hash(&text));
                self.script = self.script.take().or(script);
                let source = properties.get_folded("source");
                if !source.is_null() {
                    let said = properties.get_folded("asyncExecution").boolean();
                    // The platform's default.
                    self.asynchronous = self.asynchronous.or(said).or(Some(false));
                }
            }
            // What an extension fetches is not what its request names.
            OperationFamily::Extension | OperationFamily::Other => {}
        }
    }
}

/// Whether a body states an extension's type, and the type runs no script.
fn says_no_script(op: &Operation) -> bool {
    const SCRIPTED: [&str; 4] = ["customscript", "runcommand", "dsc", "vmaccess"];
    let stated = op.bodies.iter().find_map(|body| {
        let properties = Value::new(body.as_bytes()).get_folded("properties");
        properties.get_folded("type").word().map(|kind| fold(&kind))
    });
    op.family == OperationFamily::Extension
        && stated.is_some_and(|kind| !SCRIPTED.iter().any(|word| kind.contains(word)))
}

/// How a guest run ended, as the guest told the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Success.
    Success,
    /// An error.
    Error,
    /// Not ended.
    Running,
    /// Nothing says.
    Unknown,
}

/// A guest run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its place among the runs.
    pub at: usize,
    /// Its guest's place among the guests.
    pub host: usize,
    /// The guest's system.
    pub os: Os,
    /// Which feature.
    pub family: Family,
    /// Name, folded.
    pub name: Option<String>,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// Start by the guest's clock.
    pub started: Option<i64>,
    /// What a start may lie behind its reading.
    pub resolution: i64,
    /// End by the guest's clock.
    pub ended: Option<i64>,
    /// How it ended.
    pub reported: Reported,
    /// Whether its operation ends before its script does, where the guest's settings say.
    pub asynchronous: Option<bool>,
    /// Correlation ids of the goal states that led to it.
    pub correlations: Vec<String>,
    /// Hash of the normal form of its script.
    pub script: Option<String>,
    /// What else saw it, in words.
    pub seen: Vec<&'static str>,
    /// Whether the guest itself saw a flow to an address that its script names.
    pub flow_by_guest: bool,
    /// Flows to such addresses by the cloud's clock.
    pub flows_by_cloud: Vec<NamedFlow>,
}

impl Ran {
    /// A run of a guest.
    #[must_use]
    pub fn of(at: usize, host: usize, run: &Run) -> Self {
        let whole = |script: &&crate::reconstruct::runs::RunScript| {
            script.text.len() as u64 == script.bytes
        };
        Self {
            at,
            host,
            os: run.os,
            family: run.family,
            name: run.name.as_deref().map(fold),
            sequence: run.sequence,
            started: run.started.map(|time| time.ns),
            resolution: run.started.map_or(0, resolution),
            ended: run.ended.map(|time| time.ns),
            reported: reported(run),
            asynchronous: None,
            correlations: Vec::new(),
            script: run
                .script
                .as_ref()
                .filter(whole)
                .map(|script| normal_hash(&script.text)),
            seen: Vec::new(),
            flow_by_guest: false,
            flows_by_cloud: Vec::new(),
        }
    }

    /// What witnesses say of it.
    pub fn hear(&mut self, seen: &Seen) {
        if seen.started {
            self.seen
                .push("a process was started from its script's path");
        }
        if seen.written {
            self.seen.push("its script's file was seen being written");
        }
        let started = self.time();
        self.flow_by_guest = started
            .and_then(|started| fitting(&seen.by_guest, started, self.ended).next())
            .is_some();
        self.flows_by_cloud.clone_from(&seen.by_cloud);
    }

    /// Whether a flow to an address that its script names fits its times, its clock being so far off.
    #[must_use]
    pub fn has_flow(&self, offset: Offset) -> bool {
        let by_cloud = || {
            let started = offset.cloud(self.time()?);
            let ended = self.ended.map(|ended| offset.cloud(ended));
            fitting(&self.flows_by_cloud, started, ended).next()
        };
        self.flow_by_guest || by_cloud().is_some()
    }

    /// How many others saw it.
    #[must_use]
    pub fn witnesses(&self, offset: Offset) -> i64 {
        i64::try_from(self.seen.len()).unwrap_or(0) + i64::from(self.has_flow(offset))
    }

    /// The time by which it is placed: its start, else its end.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        self.started.or(self.ended)
    }

    /// Whether the families of both sides go together.
    #[must_use]
    pub fn answers(&self, asked: OperationFamily) -> bool {
        matches!(
            (asked, self.family),
            (OperationFamily::Action, Family::Action)
                | (
                    OperationFamily::Managed,
                    Family::Managed | Family::Immediate
                )
                | (OperationFamily::Extension, Family::Extension)
        )
    }
}

/// A truncated time lies within one unit of its last digit.
#[must_use]
pub fn resolution(time: Instant) -> i64 {
    10_i64.pow(u32::from(9 - time.digits.min(9)))
}

/// An action's script that fails is still reported as a success: only the handler's log knows the exit code.
fn reported(run: &Run) -> Reported {
    let failed_quietly =
        run.family == Family::Action && run.exit_code.is_some_and(|code| code != 0);
    match run.state {
        RunState::Succeeded => Reported::Success,
        RunState::Failed if failed_quietly => Reported::Success,
        RunState::Failed | RunState::TimedOut => Reported::Error,
        RunState::Running => Reported::Running,
        RunState::Unknown => Reported::Unknown,
    }
}

/// Hash of a script's normal form: no byte-order mark, one kind of line end, no blanks at line ends or empty lines at the end.
#[must_use]
pub fn normal_hash(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    // A line end of two letters is one; either alone is one, too.
    let lines = text.split_inclusive('\n').flat_map(|whole| {
        let line = match whole.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            None => whole,
        };
        line.split('\r').map(str::trim_end)
    });
    let mut hasher = Hasher::default();
    let mut ends = 0;
    for line in lines {
        if !line.is_empty() {
            for _ in 0..ends {
                hasher.update(b"\n");
            }
            hasher.update(line.as_bytes());
            ends = 0;
        }
        ends += 1;
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_compared_without_their_line_ends() {
        assert_eq!(
            normal_hash("\u{feff}id\r\nwhoami  \r\n\r\n"),
            normal_hash("id\nwhoami")
        );
        assert_ne!(normal_hash("id\nwhoami"), normal_hash("id\n whoami"));
        assert_eq!(normal_hash("\r\r\na\r\r\nb\r"), normal_hash("\n\na\n\nb"));
        assert_ne!(normal_hash("\na"), normal_hash("a"));
    }
}
