//! What an extension's status says of an execution.
//!
//! Action Run Command and the custom script extension write `Enable succeeded: \n[stdout]\n…\n[stderr]\n…`, each stream's last 4096 bytes;
//! managed Run Command writes a JSON instance view into the message. A failing action script is reported as success: its exit code is
//! only in the handler's log. Source: linux-artifacts 3.2, detectors 0.6.

use super::handler::exit_status;
use crate::event::fact::{RunState, StatusSaid};
use crate::json::Value;
use crate::time::parse;

/// Operations of a status that enable (detectors 0.10 (3)).
#[must_use]
pub fn is_enabling(operation: &str) -> bool {
    matches!(
        operation.to_ascii_lowercase().as_str(),
        "enable" | "command execution finished" | "runservice" | ""
    )
}

/// A message's parts: what precedes the output, the streams, and whether their markers are ambiguous.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `Enable succeeded` and the like.
    pub head: String,
    /// Standard output, where the message has one.
    pub stdout: Option<String>,
    /// Standard error, where the message has one.
    pub stderr: Option<String>,
    /// The markers occur more than once.
    pub ambiguous: bool,
}

/// Splits a message at its first `[stdout]` and its last `[stderr]`.
#[must_use]
pub fn split(message: &str) -> Message {
    const OUT: &str = "\n[stdout]\n";
    const ERR: &str = "\n[stderr]\n";
    // The Azure-side echo begins with `Enable succeeded: ` and may have lost the first line feed.
    let normal = message.replace("\r\n", "\n");
    let Some((head, rest)) = normal
        .split_once(OUT)
        .or_else(|| normal.split_once("[stdout]\n"))
    else {
        return Message {
            head: normal.trim().to_owned(),
            ..Message::default()
        };
    };
    let ambiguous = rest.contains(OUT) || rest.matches(ERR).count() > 1;
    let head = head.trim_end_matches([' ', '\n', ':']).to_owned();
    match rest
        .rsplit_once(ERR)
        .or_else(|| rest.strip_prefix("[stderr]\n").map(|err| ("", err)))
    {
        Some((out, err)) => Message {
            head,
            stdout: Some(out.to_owned()),
            stderr: Some(err.to_owned()),
            ambiguous,
        },
        None => Message {
            head,
            stdout: Some(rest.to_owned()),
            stderr: None,
            ambiguous,
        },
    }
}

/// Whether the message only closes a run that a restart cut off.
fn is_force_closed(head: &str) -> bool {
    head.contains("execution didn't finish") || head.contains("execution did not finish")
}

/// State of the status word.
#[must_use]
pub fn state_of(status: &str) -> RunState {
    match status.to_ascii_lowercase().as_str() {
        "success" | "succeeded" => RunState::Succeeded,
        "error" | "failed" => RunState::Failed,
        "transitioning" | "running" | "pending" => RunState::Running,
        "timedout" => RunState::TimedOut,
        _ => RunState::Unknown,
    }
}

/// What status word and message say together, and whether the output's markers are ambiguous.
#[must_use]
pub fn read(status: &str, message: &str) -> (StatusSaid, bool) {
    let view = Value::new(message.as_bytes());
    if view.is_object() && !view.get("executionState").is_null() {
        let text = |name: &str| view.get(name).text().map(std::borrow::Cow::into_owned);
        let time = |name: &str| {
            text(name)
                .and_then(|text| parse::iso(text.as_bytes()))
                .map(|stamp| stamp.instant)
        };
        let said = StatusSaid {
            state: text("executionState").map_or(RunState::Unknown, |state| match state.as_str() {
                "Canceled" => RunState::Failed,
                other => state_of(other),
            }),
            exit_code: view.get("exitCode").integer(),
            started: time("startTime"),
            ended: time("endTime"),
            stdout: text("output"),
            stderr: text("error"),
            force_closed: false,
        };
        return (said, false);
    }
    let parts = split(message);
    let force_closed = is_force_closed(&parts.head);
    let state = if force_closed {
        RunState::Unknown
    } else {
        state_of(status)
    };
    let said = StatusSaid {
        state,
        exit_code: exit_status(&parts.head),
        started: None,
        ended: None,
        stdout: parts.stdout,
        stderr: parts.stderr,
        force_closed,
    };
    (said, parts.ambiguous)
}

/// The `status` object of a status item, from its file or from an aggregate.
#[derive(Clone, Debug)]
pub struct StatusItem {
    /// `Enable`, `Command Execution Finished`, …
    pub operation: String,
    /// The status word.
    pub word: String,
    /// The message as written.
    pub message: String,
    /// What status and message say together.
    pub said: StatusSaid,
    /// The markers of the streams are ambiguous.
    pub ambiguous: bool,
}

impl StatusItem {
    /// Reads the object. On Windows the streams stand in parts of their own, `StdOut` and `StdErr`.
    #[must_use]
    pub fn of(body: Value<'_>) -> Self {
        let text = |name: &str| {
            body.get_folded(name)
                .word()
                .unwrap_or_default()
                .into_owned()
        };
        let message_of = |value: Value<'_>| {
            let message = value.get_folded("formattedMessage").get_folded("message");
            message.text().map(std::borrow::Cow::into_owned)
        };
        let (operation, word) = (text("operation"), text("status"));
        let message = message_of(body).unwrap_or_default();
        let (mut said, ambiguous) = read(&word, &message);
        for part in body.get_folded("substatus").elements() {
            let output = message_of(part);
            match part.get_folded("name").word().as_deref() {
                Some(name) if name.eq_ignore_ascii_case("stdout") => {
                    said.stdout = output.or(said.stdout);
                }
                Some(name) if name.eq_ignore_ascii_case("stderr") => {
                    said.stderr = output.or(said.stderr);
                }
                _ => {}
            }
        }
        let code = body.get_folded("code").integer();
        said.exit_code = said
            .exit_code
            .or(code.filter(|code| *code != 0 && said.state == RunState::Failed));
        Self {
            operation,
            word,
            message,
            said,
            ambiguous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_of_messages() {
        let (said, ambiguous) = read(
            "success",
            "Enable succeeded: \n[stdout]\nroot\n\n[stderr]\nwarn\n",
        );
        assert_eq!(
            (
                said.state,
                said.stdout.as_deref(),
                said.stderr.as_deref(),
                ambiguous
            ),
            (RunState::Succeeded, Some("root\n"), Some("warn\n"), false)
        );
        let (said, _) = read(
            "error",
            "enable failed: failed to execute command: command terminated with exit status=127\n[stdout]\n\n[stderr]\n",
        );
        assert_eq!((said.state, said.exit_code), (RunState::Failed, Some(127)));
        let (said, _) = read(
            "success",
            r#"{"executionState":"Failed","executionMessage":"x","output":"o","error":"e","exitCode":3,"startTime":"2024-05-01T08:00:00Z","endTime":"2024-05-01T08:00:09Z"}"#,
        );
        assert_eq!(
            (said.state, said.exit_code, said.ended.is_some()),
            (RunState::Failed, Some(3), true)
        );
        let (_, ambiguous) = read(
            "success",
            "Enable succeeded: \n[stdout]\na\n[stderr]\nb\n[stderr]\nc",
        );
        assert!(ambiguous);
        let (said, _) = read(
            "success",
            "Enable succeeded: Last script execution didn't finish.",
        );
        assert_eq!(said.state, RunState::Unknown);
    }
}
