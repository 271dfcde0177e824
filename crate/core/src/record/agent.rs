//! One record of the Linux guest agent, in any of its five generations, wherever it stands.
//!
//! ```text
//! 2019/04/12 06:17:29.427583 INFO Daemon OS: ubuntu 18.04                                       to 2.2.45, local time
//! 2024-09-30T04:34:03.677967Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Update settings file: 6.settings
//! ```
//!
//! The agent says which settings it wrote and that it *called* enable; it does not say that a script ran. Its goal-state lines carry the
//! cloud's correlation id and the service's clock: the bridge to Azure. Source: linux-artifacts 1.2 and 1.4, from the agent's code.

use crate::event::fact::{Fact, GoalStateFact, GuestFact, GuestSaid, HandlerChange};
use crate::event::intern::Symbol;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::encoding::text;
use crate::evidence::layout::{Family, Os, family_of, handler_and_name, name_and_version};
use crate::identity::guid;
use crate::json::Value;
use crate::time::{Stamp, TimeBasis, parse};
use std::borrow::Cow;

const LEVELS: [&[u8]; 4] = [b"VERBOSE", b"INFO", b"WARNING", b"ERROR"];

/// The parts of a record's first line, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct AgentLine<'a> {
    /// When.
    pub time: Stamp,
    /// `INFO` and so on; the oldest agents write none.
    pub level: Option<&'a [u8]>,
    /// `<full extension name>-<version>` where the record is an extension's.
    pub extension: Option<&'a [u8]>,
    /// The message of the first line.
    pub message: &'a [u8],
    /// The lines after it.
    pub body: &'a [u8],
}

/// What a message says of the handler itself. A disabled handler is still there.
fn handler_change(message: &str) -> Option<HandlerChange> {
    const INSTALLED: [&str; 3] = [
        "Install extension",
        "Initialize extension directory",
        "Initializing extension",
    ];
    const UNINSTALLED: [&str; 2] = ["Target handler state: uninstall", "Uninstall extension"];
    const DELETED: [&str; 2] = [
        "Remove extension handler directory",
        "Remove the extension slice",
    ];
    let begins = |with: &[&str]| with.iter().any(|start| message.starts_with(start));
    if begins(&INSTALLED) {
        Some(HandlerChange::Installed)
    } else if begins(&UNINSTALLED) {
        Some(HandlerChange::Uninstalled)
    } else if begins(&DELETED) {
        Some(HandlerChange::Deleted)
    } else {
        None
    }
}

/// Splits the first word off.
fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at(end);
    (word, rest.strip_prefix(b" ").unwrap_or(rest))
}

/// Whether a line begins an agent record. A slash date without a fraction begins one, too (2.0 agents, extensions' own lines).
#[must_use]
pub fn is_header(line: &[u8]) -> bool {
    header_time(line).is_some()
}

/// The time at the head of an agent record, and its bytes.
fn header_time(line: &[u8]) -> Option<(Stamp, usize)> {
    if let Some((stamp, used)) = parse::iso_prefix(line) {
        let rest = line.get(used..).unwrap_or(&[]);
        let level = rest.strip_prefix(b" ").map(|rest| word(rest).0);
        let ours = stamp.basis == TimeBasis::Utc
            && level.is_some_and(|level| LEVELS.contains(&level.trim_ascii_end()));
        return ours.then_some((stamp, used));
    }
    let (stamp, used) = parse::slash_prefix(line)?;
    matches!(line.get(used), Some(b' ') | None).then_some((stamp, used))
}

impl<'a> AgentLine<'a> {
    /// A record's parts; `None` where its first line is no header.
    #[must_use]
    pub fn parse(record: &'a [u8]) -> Option<Self> {
        let head = record.get(..record.len().min(256))?;
        let (time, used) = match header_time(head)? {
            // A fraction may go on behind what was looked at.
            (_, used) if used == head.len() => {
                parse::iso_prefix(record).or_else(|| parse::slash_prefix(record))?
            }
            found => found,
        };
        let end = memchr::memchr(b'\n', record).unwrap_or(record.len());
        let line = record.get(used..end)?;
        let body = record.get((end + 1).min(record.len())..)?;
        let mut rest = line.strip_prefix(b" ").unwrap_or(line).trim_ascii_end();
        let (first, after) = word(rest);
        let level = LEVELS.iter().find(|level| **level == first).copied();
        if level.is_some() {
            rest = after;
        }
        // The thread and the process prefix stand between level and message; only one may be there.
        for _ in 0..2 {
            let (name, after) = word(rest);
            let known = matches!(
                name,
                b"Daemon" | b"ExtHandler" | b"LogCollector" | b"MainThread"
            ) || name.ends_with(b"Handler");
            if level.is_none() || !known {
                break;
            }
            rest = after;
        }
        let mut extension = None;
        if let Some(inner) = rest.strip_prefix(b"[") {
            let close = inner.iter().position(|byte| *byte == b']');
            let name = close
                .and_then(|close| inner.get(..close))
                .filter(|name| is_extension(name));
            if let (Some(name), Some(close)) = (name, close) {
                extension = Some(name);
                rest = inner.get(close + 1..)?.trim_ascii_start();
            }
        }
        Some(Self {
            time,
            level,
            extension,
            message: rest,
            body,
        })
    }

    /// Handler name, run-command name and version of the extension it is about.
    #[must_use]
    pub fn extension_parts(&self) -> Option<(String, Option<String>, Option<String>)> {
        let full = text(self.extension?);
        let (name, version) = name_and_version(&full);
        let (handler, command) = handler_and_name(name);
        Some((
            handler.to_owned(),
            command.map(str::to_owned),
            version.map(str::to_owned),
        ))
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        family_of(&self.extension_parts()?.0)
    }

    /// The record's event, with what it says of executions and goal states.
    #[must_use]
    pub fn event(&self, record: &'a [u8], sink: &mut Sink) -> Event<'a> {
        let mut event = Event::new(EventKind::GuestAgent, Some(self.time));
        let parts = self.extension_parts();
        if let Some((handler, _, _)) = &parts {
            event.resource = Some(Cow::Owned(handler.clone()));
        }
        if self.level == Some(b"ERROR") {
            event.outcome = Outcome::Failed;
        }
        event.fact = self
            .goal_state(sink)
            .or_else(|| self.guest_fact(parts.as_ref(), sink));
        if let Some(Fact::GoalState(state)) = &event.fact
            && state.correlation.is_some()
        {
            event.correlation = self.goal_state_part("correlation").map(Cow::Owned);
        }
        if sink.wants_detail() {
            event.summary = text(self.message).into_owned();
            if let Some(level) = self.level {
                event.field("level", text(level));
            }
            if let Some((handler, name, version)) = parts {
                event.field("handler", handler);
                if let Some(name) = name {
                    event.field("name", name);
                }
                if let Some(version) = version {
                    event.field("version", version);
                }
            }
            event.field(
                "message",
                text(
                    record
                        .get(record.len() - self.message.len() - self.body_with_break(record)..)
                        .unwrap_or(self.message),
                ),
            );
        }
        event
    }

    fn body_with_break(&self, record: &[u8]) -> usize {
        if record.len() > self.body.len() && !self.body.is_empty() {
            self.body.len() + 1
        } else {
            0
        }
    }

    fn guest_fact(
        &self,
        parts: Option<&(String, Option<String>, Option<String>)>,
        sink: &mut Sink,
    ) -> Option<Fact> {
        let (handler, name, version) = parts?;
        // The first letters of what is looked for below: most messages begin with others.
        if !matches!(self.message.first(), Some(b'I' | b'T' | b'U' | b'R' | b'E')) {
            return None;
        }
        let message = text(self.message);
        let family = family_of(handler)?;
        let (said, sequence, named) = if let Some(change) = handler_change(&message) {
            (GuestSaid::HandlerChanged(change), None, None)
        } else if let Some(file) = message.strip_prefix("Update settings file: ") {
            let stem = file.trim().strip_suffix(".settings")?;
            let (name, number) = stem
                .rsplit_once('.')
                .map_or((None, stem), |(name, number)| (Some(name), number));
            (
                GuestSaid::SettingsUpdated,
                Some(number.parse().ok()?),
                name.map(str::to_owned),
            )
        } else if message.starts_with("Executing command: ") {
            let (command, environment) = message.split_once(" with environment variables: ")?;
            if !command.trim_end().ends_with("enable") {
                return None;
            }
            let environment = Value::new(environment.as_bytes());
            let name = environment
                .get("ConfigExtensionName")
                .word()
                .map(Cow::into_owned);
            (
                GuestSaid::EnableCalled,
                Some(environment.get("ConfigSequenceNumber").integer()?),
                name,
            )
        } else {
            return None;
        };
        Some(Fact::Guest(Box::new(GuestFact {
            family,
            os: Os::Linux,
            version: sink.intern_some(version.as_deref()),
            name: sink.intern_some(named.or_else(|| name.clone()).as_deref()),
            sequence,
            said,
        })))
    }

    /// A part of a goal-state line's bracket: the word after `activity:`, `correlation` (whose colon is missing) and so on.
    fn goal_state_part(&self, name: &str) -> Option<String> {
        let message = text(self.message).into_owned();
        let lower = message.to_ascii_lowercase();
        let inner = lower.split_once(" [").map(|(before, _)| before.len() + 2)?;
        let (bracket, lower) = (message.get(inner..)?, lower.get(inner..)?);
        let at = lower.find(name)? + name.len();
        let rest = bracket.get(at..)?.trim_start_matches([':', ' ']);
        let end = rest.find([' ', ';', ']']).unwrap_or(rest.len());
        rest.get(..end).map(str::to_owned)
    }

    fn goal_state(&self, sink: &mut Sink) -> Option<Fact> {
        if !self.message.starts_with(b"Process") {
            return None;
        }
        let message = text(self.message);
        let rest = message
            .strip_prefix("ProcessExtensionsGoalState started")
            .or_else(|| message.strip_prefix("ProcessGoalState started"))?;
        let real = |id: Option<String>| {
            id.and_then(|id| guid(&id))
                .filter(|id| id != "00000000-0000-0000-0000-000000000000")
        };
        let correlation = real(
            self.goal_state_part("correlation id")
                .or_else(|| self.goal_state_part("correlation")),
        );
        let activity = real(
            self.goal_state_part("activity id")
                .or_else(|| self.goal_state_part("activity")),
        );
        let id = rest
            .split_once('[')
            .and_then(|(_, inner)| inner.split([' ', ';', ']']).next())
            .unwrap_or("");
        let created = self
            .goal_state_part("created")
            .or_else(|| self.goal_state_part("creation time"));
        let created = created
            .as_deref()
            .and_then(|text| parse::iso(text.as_bytes()))
            .map(|stamp| stamp.instant);
        Some(Fact::GoalState(Box::new(GoalStateFact {
            id: sink.intern(id),
            correlation: sink.intern_some(correlation.as_deref()),
            activity: sink.intern_some(activity.as_deref()),
            created,
            vm: Symbol::NONE,
            resource: Symbol::NONE,
            extensions: Vec::new(),
        })))
    }
}

/// Whether a bracket holds a full extension name and version, rather than `[Enable]` or `[HEARTBEAT]`.
fn is_extension(name: &[u8]) -> bool {
    let name = text(name);
    name.contains('.') && name_and_version(&name).1.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_is_taken_apart() {
        for (line, extension, message) in [
            (
                "2021/04/19 13:16:28 Windows Azure Linux Agent Version: WALinuxAgent-2.0.14",
                None,
                "Windows Azure Linux Agent Version: WALinuxAgent-2.0.14",
            ),
            (
                "2017/08/15 02:54:55.595119 INFO [Contoso.Ext-2.2.5] Target handler state: uninstall",
                Some("Contoso.Ext-2.2.5"),
                "Target handler state: uninstall",
            ),
            (
                "2019/04/12 06:17:29.427583 INFO Daemon OS: ubuntu 18.04",
                None,
                "OS: ubuntu 18.04",
            ),
            (
                "2020-01-02T03:04:05.000001Z INFO ExtHandler [Contoso.Ext.my-name-1.3.2] [Enable] current handler state is: enabled",
                Some("Contoso.Ext.my-name-1.3.2"),
                "[Enable] current handler state is: enabled",
            ),
            (
                "2024-09-30T04:34:03.640131Z INFO ExtHandler ExtHandler Downloading extension manifest",
                None,
                "Downloading extension manifest",
            ),
            (
                "2024-09-30T04:34:03.640131Z INFO ExtHandler Fetched new vmSettings [x]",
                None,
                "Fetched new vmSettings [x]",
            ),
            ("2024-09-30T04:34:03.640131Z INFO ExtHandler", None, ""),
        ] {
            let parsed = AgentLine::parse(line.as_bytes()).expect(line);
            assert_eq!(
                parsed
                    .extension
                    .map(|name| text(name).into_owned())
                    .as_deref(),
                extension,
                "{line}"
            );
            assert_eq!(text(parsed.message), message, "{line}");
        }
        assert!(!is_header(
            b"2024-09-30T04:34:03.640131Z host systemd[1]: x"
        ));
        assert!(!is_header(b"time=2024-09-30T04:34:03Z event=start"));
    }

    #[test]
    fn goal_states_bridge_to_the_cloud() {
        let line = b"2024-05-01T08:00:03.000000Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [etag_42 channel: HostGAPlugin source: FastTrack activity: 845594b9-d46c-4649-9f3d-be3bbf795a21 correlation 2F027DCE-6fba-4b5e-a07f-ae7d8097cc6d created: 2024-05-01T08:00:00.123456Z]";
        let mut sink = Sink::new();
        let event = AgentLine::parse(line)
            .expect("a line")
            .event(line, &mut sink);
        let Some(Fact::GoalState(state)) = &event.fact else {
            panic!("a goal state")
        };
        assert_eq!(
            state.created.map(|time| time.to_string()).as_deref(),
            Some("2024-05-01T08:00:00.123456Z")
        );
        assert!(
            state.correlation.is_some()
                && state.activity.is_some()
                && state.correlation != state.activity
        );
        let line = b"2021-05-01T08:00:03.000000Z INFO ExtHandler ExtHandler ProcessGoalState started [Incarnation: 3; Activity Id: 00000000-0000-0000-0000-000000000000; Correlation Id: 2f027dce-6fba-4b5e-a07f-ae7d8097cc6d; GS Creation Time: 2021-05-01T08:00:00.123Z]";
        let event = AgentLine::parse(line)
            .expect("a line")
            .event(line, &mut sink);
        let Some(Fact::GoalState(state)) = &event.fact else {
            panic!("a goal state")
        };
        assert!(
            state.correlation.is_some() && !state.activity.is_some() && state.created.is_some()
        );
    }

    #[test]
    fn an_enable_call_is_no_execution() {
        let line = b"2024-05-01T08:00:05.000000Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandHandlerLinux.fix-1.3.2] Executing command: /x/bin/run-command-shim enable with environment variables: {\"ConfigSequenceNumber\": \"7\", \"ConfigExtensionName\": \"fix\"}";
        let mut sink = Sink::new();
        let event = AgentLine::parse(line)
            .expect("a line")
            .event(line, &mut sink);
        let Some(Fact::Guest(fact)) = event.fact else {
            panic!("a fact")
        };
        assert_eq!(
            (fact.family, fact.sequence, fact.said),
            (Family::Managed, Some(7), GuestSaid::EnableCalled)
        );
    }
}
