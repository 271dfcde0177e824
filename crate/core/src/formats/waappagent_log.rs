//! `waappagent-log`: the Windows guest agent's log, three generations.
//!
//! It says which plugin it enables, in which version; like its Linux sibling it says so at every boot, so no line of it proves an execution. Of a removal no sample is
//! public: it is read where the known lines say `uninstall` instead of `enable`. Source: windows-and-endpoint-artifacts 2.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::HandlerChange;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::layout::Os;
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::bracket::{BracketLine, is_header};
use crate::record::guest;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "waappagent-log",
    about: "the Windows guest agent's log",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise,
    }),
    record: None,
    header: None,
    open: |_| Box::new(WaAppAgent),
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    lines(sample, |line| line.process.is_none())
}

/// How sure the text is made of such lines: most of the first ones, or a few where a body or the rest of a cut record comes first.
pub(super) fn lines(sample: &Sample<'_>, ours: fn(&BracketLine<'_>) -> bool) -> Certainty {
    const LOOKED_AT: usize = 60;
    let found = sample
        .lines()
        .take(LOOKED_AT)
        .filter_map(BracketLine::parse)
        .map(|line| ours(&line));
    let (mut yes, mut no) = (0, 0);
    for ours in found {
        if ours { yes += 1 } else { no += 1 }
    }
    match (yes, no) {
        (0, _) => 0,
        (yes, no) if yes > no => 88,
        _ => 50,
    }
}

struct WaAppAgent;

impl Reader for WaAppAgent {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

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
        let mut event = Event::new(EventKind::GuestAgent, Some(line.time));
        event.resource = plugin(&message).map(|name| Cow::Owned(name.to_owned()));
        if message.starts_with("Beginning enable of plugin") {
            event.operation = Some(Cow::Borrowed("enable"));
        }
        if let (Some(handler), Some(what)) = (plugin(&message), change(&message)) {
            event.fact = guest::changed(handler, version(&message), Os::Windows, what, sink);
        }
        if sink.wants_detail() {
            event.summary = message.lines().next().unwrap_or("").to_owned();
            event.field("level", text(line.level));
            event.field("message", message);
        }
        sink.event(record, unit.span(), event);
        true
    }
}

/// What a message says of the plugin itself. A disabled one is still there.
fn change(message: &str) -> Option<HandlerChange> {
    let begins = |what: &str| {
        let rest = message.strip_prefix("Beginning ");
        rest.and_then(|rest| rest.strip_prefix(what))
            .is_some_and(|rest| rest.starts_with(" of plugin"))
    };
    let state = || {
        let rest = message.strip_prefix("Processing plugin ")?;
        let (_, state) = rest.split_once(", state: ")?;
        Some(state.split([',', ' ']).next()? == "uninstall")
    };
    if begins("install") {
        Some(HandlerChange::Installed)
    } else if begins("uninstall") || state() == Some(true) {
        Some(HandlerChange::Uninstalled)
    } else {
        None
    }
}

/// The version a message names behind that word.
fn version(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" version ")?;
    rest.split([',', ' ']).next()
}

/// The plugin a message names.
fn plugin(message: &str) -> Option<&str> {
    let at = message.find("Microsoft.")?;
    let rest = message.get(at..)?;
    let end = rest
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_')))
        .unwrap_or(rest.len());
    let name = rest.get(..end)?.trim_end_matches('.');
    (name.split('.').count() > 2).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_plugin() {
        let ours = "Microsoft.CPlat.Core.RunCommandWindows";
        for (message, what) in [
            (format!("Beginning enable of plugin {ours}."), None),
            (
                format!("Beginning uninstall of plugin {ours}."),
                Some(HandlerChange::Uninstalled),
            ),
            (
                format!("Beginning install of plugin {ours}."),
                Some(HandlerChange::Installed),
            ),
            (
                format!(
                    "Processing plugin {ours} version 1.1.18, state: enabled, autoupgrade: True, isJson: True"
                ),
                None,
            ),
            (
                format!(
                    "Processing plugin {ours} version 1.1.18, state: uninstall, autoupgrade: True, isJson: True"
                ),
                Some(HandlerChange::Uninstalled),
            ),
        ] {
            assert_eq!(change(&message), what, "{message}");
            assert_eq!(plugin(&message), Some(ours));
        }
        assert_eq!(
            version("Processing plugin x version 1.1.18, state: uninstall"),
            Some("1.1.18")
        );
        assert_eq!(version("Beginning uninstall of plugin x."), None);
    }
}
