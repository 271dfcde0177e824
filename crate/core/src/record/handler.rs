//! One entry of an extension handler's log, wherever it stands.
//!
//! The handlers of Run Command (action and managed) and of the custom script extension share one logger; their entries stand in
//! `handler.log` and, copied, in the agent's `Command:` blocks. Source: linux-artifacts 5, from the handlers' own code.

use super::logfmt::pairs;
use crate::event::fact::{Fact, GuestFact, GuestSaid, HandlerChange};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::hash::sha256;
use crate::evidence::layout::{Family, Os};
use crate::expression::Expression;
use crate::time::{Stamp, parse};
use std::borrow::Cow;

/// The parts of an entry that are understood.
#[derive(Clone, Debug, Default)]
pub struct HandlerEntry<'a> {
    /// When, by the guest's clock.
    pub time: Option<Stamp>,
    /// Handler version (`v1.3.2/git@…`).
    pub version: Option<Cow<'a, str>>,
    /// `enable`, `install`, …
    pub operation: Option<Cow<'a, str>>,
    /// Managed run-command name.
    pub name: Option<Cow<'a, str>>,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// What happened.
    pub event: Option<Cow<'a, str>>,
    /// Free text.
    pub message: Option<Cow<'a, str>>,
    /// The handler's error text.
    pub error: Option<Cow<'a, str>>,
}

/// Whether a line begins as an entry does.
#[must_use]
pub fn is_entry(line: &[u8]) -> bool {
    line.strip_prefix(b"time=")
        .is_some_and(|rest| parse::iso_prefix(rest).is_some())
}

impl<'a> HandlerEntry<'a> {
    /// An entry's parts; `None` for a line that is none.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        if !is_entry(line) {
            return None;
        }
        let mut entry = Self::default();
        for pair in pairs(line) {
            match pair.key {
                b"time" => {
                    entry.time = entry.time.or_else(|| parse::iso(pair.text().as_bytes()));
                }
                b"version" => entry.version = Some(pair.text()),
                b"operation" => entry.operation = Some(pair.text()),
                b"extensionName" => {
                    entry.name = Some(pair.text()).filter(|name| !name.is_empty());
                }
                b"seq" => {
                    entry.sequence =
                        parse::integer(pair.text().as_bytes()).filter(|sequence| *sequence >= 0)
                }
                b"event" => entry.event = Some(pair.text()),
                // One build misspells the key.
                b"message" | b"messsage" => entry.message = Some(pair.text()),
                b"error" => entry.error = Some(pair.text()),
                _ => {}
            }
        }
        Some(entry)
    }

    /// What it says of an execution or of the handler.
    #[must_use]
    pub fn said(&self) -> Option<GuestSaid> {
        if let Some(secret) = self.message.as_deref().and_then(given_secret) {
            return Some(secret);
        }
        match self.event.as_deref().or(self.message.as_deref()) {
            Some("installed") => {
                return Some(GuestSaid::HandlerChanged(HandlerChange::Installed));
            }
            Some("uninstalled") => {
                return Some(GuestSaid::HandlerChanged(HandlerChange::Uninstalled));
            }
            Some("removed data dir") => {
                return Some(GuestSaid::HandlerChanged(HandlerChange::Deleted));
            }
            _ => {}
        }
        if self
            .operation
            .as_deref()
            .is_some_and(|operation| !matches!(operation, "enable" | "runservice" | "runService"))
        {
            return None;
        }
        let message = self.message.as_deref().unwrap_or("");
        let holds = |word: &[u8]| memchr::memmem::find(message.as_bytes(), word).is_some();
        if holds(b"already") && holds(b"processed") {
            return Some(GuestSaid::AlreadyProcessed);
        }
        Some(match self.event.as_deref()? {
            "start" => GuestSaid::HandlerStarted,
            "seqnum saved" => GuestSaid::SequenceSaved,
            "executing command" => GuestSaid::Executing,
            "executed command" => GuestSaid::Executed {
                exit_code: Some(0),
                error: None,
            },
            "failed to execute command" => GuestSaid::Executed {
                exit_code: self.error.as_deref().and_then(exit_status),
                error: Some(
                    self.error
                        .as_deref()
                        .unwrap_or("failed to execute command")
                        .to_owned(),
                ),
            },
            "enabled" | "end" => GuestSaid::HandlerEnded,
            _ => return None,
        })
    }

    /// The event of this entry. `family` is what the place says; the entry's own name makes it managed.
    #[must_use]
    pub fn event(&self, family: Option<Family>, line: &[u8], sink: &mut Sink) -> Event<'static> {
        let mut event = Event::new(EventKind::GuestHandler, self.time);
        let what = self
            .event
            .as_deref()
            .or(self.message.as_deref())
            .unwrap_or("");
        event.operation = self
            .operation
            .as_deref()
            .map(|operation| Cow::Owned(operation.to_owned()));
        event.outcome = match what {
            "executed command" | "enabled" | "installed" => Outcome::Succeeded,
            "failed to execute command"
            | "enable failed"
            | "enable script failed"
            | "failed to handle" => Outcome::Failed,
            _ => Outcome::None,
        };
        if sink.wants_detail() {
            let number = self
                .sequence
                .map(|sequence| format!(" (sequence number {sequence})"))
                .unwrap_or_default();
            let operation = self.operation.as_deref().unwrap_or("handler");
            let error = self
                .error
                .as_deref()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            event.summary = format!("{operation}{number}: {what}{error}");
            for pair in pairs(line) {
                event.field(pair.name(), pair.text().into_owned());
            }
        }
        let family = match family {
            Some(Family::Action) if self.name.is_some() => Some(Family::Managed),
            None if self.name.is_some() => Some(Family::Managed),
            other => other,
        };
        let said = self.said();
        // What is said of the handler needs no number, what is said of a run does.
        let of_handler = matches!(
            said,
            Some(GuestSaid::HandlerChanged(_) | GuestSaid::SecretGiven { .. })
        );
        let sequence = self.sequence.filter(|_| !of_handler);
        if let (Some(family), Some(said), true) = (family, said, of_handler || sequence.is_some()) {
            event.fact = Some(Fact::Guest(Box::new(GuestFact {
                family,
                os: Os::Linux,
                version: sink.intern_some(self.version.as_deref()),
                name: sink.intern_some(self.name.as_deref()),
                sequence,
                said,
            })));
        }
        event
    }
}

/// A password that a command line hands to `sudo -S` (detectors 30): whose it is and how long, not what it is.
///
/// ```text
/// echo hunter2 | sudo -S -u ops /home/ops/…/script.sh      account ops, 7 letters
/// ```
#[must_use]
pub fn given_secret(text: &str) -> Option<GuestSaid> {
    static GIVEN: Expression =
        Expression::new(r"(?i)\becho\s+(\S.{0,200}?)\s+\|\s+sudo\s+-S\s+-u\s+(\S{1,64})\s");
    let may = memchr::memmem::find(text.as_bytes(), b"sudo").is_some();
    let found = GIVEN.over_if(may, text)?.captures(text)?;
    let (secret, user) = (found.get(1)?.as_str(), found.get(2)?.as_str());
    Some(GuestSaid::SecretGiven {
        user: user.to_owned(),
        length: secret.chars().count() as u64,
        digest: sha256(format!("sudo -S -u {user}\n{secret}").as_bytes()),
    })
}

/// `command terminated with exit status=127` → 127.
#[must_use]
pub fn exit_status(text: &str) -> Option<i64> {
    let (_, rest) = text
        .split_once("exit status=")
        .or_else(|| text.split_once("exit status "))?;
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit() && letter != '-')
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_what_ran() {
        let said = |line: &str| HandlerEntry::parse(line.as_bytes()).and_then(|entry| entry.said());
        let at =
            "time=2024-05-01T08:00:00Z version=v1.0.4/git@0000000-clean operation=enable seq=3";
        assert_eq!(
            said(&format!("{at} event=\"executing command\" output=/x")),
            Some(GuestSaid::Executing)
        );
        assert_eq!(
            said(&format!(
                "{at} event=\"failed to execute command\" error=\"command terminated with exit status=3\""
            )),
            Some(GuestSaid::Executed {
                exit_code: Some(3),
                error: Some("command terminated with exit status=3".to_owned())
            })
        );
        assert_eq!(
            said(&format!(
                "{at} event=exit message=\"this script configuration is already processed, will not run again\""
            )),
            Some(GuestSaid::AlreadyProcessed)
        );
        assert_eq!(
            said("time=2024-05-01T08:00:00Z operation=install seq=0 event=start"),
            None
        );
        assert!(HandlerEntry::parse(b"+ nohup x enable").is_none());
    }
}
