//! How much memory facts take, for the limit `case_bytes`.
//!
//! Most facts are numbers of texts that the case holds once; a few bring texts of their own (a script, an output, a body), and those may be a
//! megabyte each. Rows of the Activity Log and processes count with their share of the operation or process that is concluded from them, which
//! is larger than they are. Measured in a tab: memory at its peak is 0.6 to 1.2 times what is counted here.
//!
//! Rejected: asking the allocator. A tab and a process would then stop at different events.

use super::fact::{Fact, GuestSaid, SettingsSaid, StatusSaid};

fn text(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn status(status: &StatusSaid) -> usize {
    104 + text(status.stdout.as_ref()) + text(status.stderr.as_ref())
}

fn settings(settings: &SettingsSaid) -> usize {
    [
        &settings.script,
        &settings.script_uri,
        &settings.run_as_user,
        &settings.body,
    ]
    .into_iter()
    .map(|part| text(part.as_ref()))
    .sum()
}

fn said(said: &GuestSaid) -> usize {
    match said {
        GuestSaid::Executed { error, .. } => text(error.as_ref()),
        GuestSaid::Status(said) | GuestSaid::Result(said) => status(said),
        GuestSaid::Settings(said) => 64 + settings(said),
        GuestSaid::Script { text, sha256, .. } => text.len() + sha256.len(),
        GuestSaid::ScriptBlock { block, text, .. } => block.len() + text.len(),
        GuestSaid::Stdout { text, end } | GuestSaid::Stderr { text, end } => {
            text.len() + end.tail.len()
        }
        GuestSaid::SecretGiven { user, digest, .. } => user.len() + digest.len(),
        _ => 0,
    }
}

/// A row's share of its operation, as concluded.
const OF_OPERATION: usize = 400;
/// A report's share of its process, as concluded.
const OF_PROCESS: usize = 300;

/// Bytes that a fact takes, without what the case's texts take. The numbers are a tab's, rounded up, so that every machine answers alike.
#[must_use]
pub fn bytes(fact: &Fact) -> usize {
    let own = match fact {
        Fact::Cloud(row) => 144 + OF_OPERATION + row.bodies.iter().map(String::len).sum::<usize>(),
        Fact::Guest(fact) => 104 + said(&fact.said),
        Fact::GoalState(state) => {
            let extensions = state.extensions.iter();
            let inside: usize = extensions.map(|one| 96 + settings(&one.settings)).sum();
            96 + inside
        }
        Fact::Process(_) => 168 + OF_PROCESS,
        Fact::Flow(_) | Fact::File(_) => 88,
        Fact::PowerShell(fact) => 80 + fact.text.len(),
        Fact::Identity(_) => 96,
        Fact::Manifest(line) => 56 + line.path.len() + text(line.sha256.as_ref()),
    };
    16 + own
}
