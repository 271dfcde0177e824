//! What was delivered to a run, what lies on the disk of it, and what was reported: each apart, to be compared.
//!
//! The run keeps the most trusted of them. Whether two of them agree is a question of its own:
//!
//! ```text
//! settings   echo hello          script.sh   curl … | sh          the file was changed
//! status     uid=0(root)         stdout      (empty)              the output was emptied
//! ```
//!
//! Rejected: hashes alone. A line end that a handler rewrites changes every hash, and who compares wants the lines.

use crate::case::item::Item;
use crate::case::store::EventNumber;
use crate::event::fact::{GuestSaid, RunState, StreamEnd};

/// The texts of one run. Most runs have few of them, so those that it may have lie apart.
#[derive(Clone, Debug, Default)]
pub struct RunTexts {
    /// Standard output as its file has it, and the end of the file.
    pub stdout: Option<Box<(String, StreamEnd)>>,
    /// Standard error likewise.
    pub stderr: Option<Box<(String, StreamEnd)>>,
    /// What a terminal status repeats of both.
    pub reported: Option<Box<(Option<String>, Option<String>)>>,
    /// The script's file: text, bytes, SHA-256, modified time in nanoseconds.
    pub script: Option<Box<ScriptFile>>,
    /// What settings or goal states delivered, in the clear.
    pub delivered: Vec<Delivered>,
    /// Settings have a protected part, or were emptied.
    pub protected: bool,
    /// Settings without bytes.
    pub emptied: bool,
    /// Copies of the script outside its folder.
    pub copies: Vec<String>,
    /// Events of what is compared.
    pub events: Vec<EventNumber>,
}

/// A script on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFile {
    /// Text, cut at the limit.
    pub text: String,
    /// Bytes of all of it.
    pub bytes: u64,
    /// SHA-256 of all of it.
    pub sha256: String,
    /// Modified time in nanoseconds since 1970, as far as the collection kept it.
    pub modified: Option<i64>,
}

/// A script as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivered {
    /// The body, decoded.
    pub body: String,
    /// The handler leaves line ends alone.
    pub keeps_line_ends: bool,
}

impl RunTexts {
    pub(super) fn take(&mut self, said: &GuestSaid, event: EventNumber, item: &Item) {
        match said {
            GuestSaid::Stdout { text, end } => {
                take_stream(&mut self.stdout, text, end);
            }
            GuestSaid::Stderr { text, end } => {
                take_stream(&mut self.stderr, text, end);
            }
            GuestSaid::Status(status) => {
                let terminal = !matches!(status.state, RunState::Running | RunState::Unknown);
                if !terminal || status.stdout.is_none() && status.stderr.is_none() {
                    return;
                }
                let streams = (status.stdout.clone(), status.stderr.clone());
                // Of several the same whatever came first.
                self.reported = self.reported.take().max(Some(Box::new(streams)));
            }
            GuestSaid::Script {
                text,
                bytes,
                sha256,
            } => {
                let file = ScriptFile {
                    text: text.clone(),
                    bytes: *bytes,
                    sha256: sha256.clone(),
                    modified: item.modified_ms.and_then(|ms| ms.checked_mul(1_000_000)),
                };
                let better = self
                    .script
                    .as_ref()
                    .is_none_or(|have| file.sha256 < have.sha256);
                if better {
                    self.script = Some(Box::new(file));
                }
            }
            GuestSaid::ScriptBlock { text, .. } => self.copies.push(text.clone()),
            GuestSaid::Settings(settings) => {
                self.protected |= settings.protected;
                self.emptied |= settings.emptied;
                self.copies.extend(settings.script.clone());
                self.delivered
                    .extend(settings.body.clone().map(|body| Delivered {
                        body,
                        keeps_line_ends: settings.keeps_line_ends,
                    }));
                self.delivered.sort();
                self.delivered.dedup();
            }
            _ => return,
        }
        self.events.push(event);
    }
}

fn take_stream(slot: &mut Option<Box<(String, StreamEnd)>>, text: &str, end: &StreamEnd) {
    // A run-as copy or a second collection: the longer file says more.
    let better = slot
        .as_deref()
        .is_none_or(|(have, kept)| (end.bytes, text) > (kept.bytes, have.as_str()));
    if better {
        *slot = Some(Box::new((text.to_owned(), end.clone())));
    }
}
