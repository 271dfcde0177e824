//! `extension-log`: logs of extension handlers on Windows (`CustomScriptHandler.log`, `RunCommandExtension.log`, …).
//!
//! No complete log of a Run Command handler is public, so what is drawn from the text is what a pattern finds: a sequence number, an exit code, the script's place. It counts
//! as read from free text. Source: windows-and-endpoint-artifacts 2.

use super::waappagent_log::lines;
use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::{GuestSaid, HandlerChange};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::encoding::text;
use crate::evidence::layout::{Family, Layout, Os};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::bracket::{BracketLine, is_header, number_after};
use crate::record::guest;
use crate::record::run_mention;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "extension-log",
    about: "log of a Windows extension handler",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(ExtensionLog {
            layout: opening.layout.clone(),
            sequence: None,
            name: None,
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    lines(sample, |line| line.process.is_some())
}

/// Before the name of a managed run command: the agent hands it over as an environment variable.
const NAME_FOLLOWS: &str = "[ConfigExtensionName]=";

/// Whether a message is the first of an invocation. What the one before it served says nothing of it.
fn begins(message: &str) -> bool {
    message.starts_with("Starting RunCommand")
}

/// What a message, folded, says of the handler itself: the siblings of `Disabling Handler` and `Handler successfully disabled`.
fn change(folded: &str) -> Option<HandlerChange> {
    let says = |word: &str| folded.starts_with(word);
    if says("uninstalling handler") || says("handler successfully uninstalled") {
        Some(HandlerChange::Uninstalled)
    } else if says("installing handler") || says("handler successfully installed") {
        Some(HandlerChange::Installed)
    } else {
        None
    }
}

struct ExtensionLog {
    layout: Layout,
    /// The number that the invocation being read named.
    sequence: Option<i64>,
    /// The managed run command that the invocation being read serves.
    name: Option<String>,
}

impl Reader for ExtensionLog {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let Some(line) = BracketLine::parse(unit.bytes) else {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a record without a readable header",
            );
            return true;
        };
        let message = text(line.message);
        let mut event = Event::new(EventKind::GuestHandler, Some(line.time));
        let exit_code = number_after(&message, &["exited with code", "exit code"]);
        if let Some(code) = exit_code {
            event.outcome = if code == 0 {
                Outcome::Succeeded
            } else {
                Outcome::Failed
            };
        }
        if begins(&message) {
            (self.sequence, self.name) = (None, None);
        }
        if let Some((_, name)) = message.split_once(NAME_FOLLOWS) {
            self.name = Some(name.trim().to_owned());
        }
        if let Some(sequence) = number_after(
            &message,
            &["sequence number", "sequencenumber", "configsequencenumber"],
        ) {
            self.sequence = Some(sequence);
        }
        let found = run_mention::in_text(&message);
        if let Some(found) = &found {
            self.sequence = Some(found.sequence);
        }
        event.resource = self.layout.handler.clone().map(Cow::Owned);
        if sink.wants_detail() {
            event.summary = message.lines().next().unwrap_or("").to_owned();
            event.field("level", text(line.level));
            if let Some(process) = line.process {
                event.field("process id", text(process));
            }
            event.field("message", message.clone().into_owned());
        }
        let folded = message.to_ascii_lowercase();
        let said = if let Some(code) = exit_code {
            Some(GuestSaid::Executed {
                exit_code: Some(code),
                error: None,
            })
        } else if folded.contains("execution task started") || folded.contains("executing command")
        {
            Some(GuestSaid::Executing)
        } else if self.sequence.is_some() && found.is_none() {
            None
        } else {
            found.as_ref().map(|_| GuestSaid::Mentioned)
        };
        let handler = self.layout.handler.as_deref();
        if let (Some(handler), Some(what)) = (handler, change(&folded)) {
            let version = self.layout.version.as_deref();
            event.fact = guest::changed(handler, version, Os::Windows, what, sink);
        } else if let (Some(said), Some(sequence)) = (said, self.sequence) {
            let found = found.as_ref().and_then(|found| found.name.clone());
            let name = found.or_else(|| self.name.clone());
            event.fact = Some(guest::fact(
                &self.layout,
                Family::Extension,
                name.as_deref(),
                sequence,
                said,
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
