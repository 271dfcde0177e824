//! `script`: a delivered script, and other files fetched beside it.
//!
//! A script has no grammar of its own; its place in a download folder says what it is. Its text is kept with the case as far as
//! `limits.kept_text_bytes` allows, its hash covers all of it. Source: linux-artifacts 5 and 6, detectors 0.6.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::GuestSaid;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::hash::sha256;
use crate::evidence::layout::{Family, Layout, Role};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::guest;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "script",
    about: "script delivered to a guest",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Whole,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(Script {
            layout: opening.layout.clone(),
            kept: opening.limits.kept_text_bytes,
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    match sample.layout.role {
        Role::Script => 92,
        // Any file beside a script belongs to that execution; only a text that begins as a script does, or is called one, is one.
        Role::Download if sample.text.starts_with(b"#!") || is_called_script(sample.path) => 70,
        _ => 0,
    }
}

/// A command fetches scripts under names of their own.
fn is_called_script(path: &str) -> bool {
    const ENDINGS: [&str; 4] = [".sh", ".bash", ".ps1", ".py"];
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Text cut at a limit, at a letter's end. Says whether it was cut.
pub(super) fn kept_text(bytes: &[u8], limit: usize) -> (String, bool) {
    let whole = text(bytes);
    if whole.len() <= limit {
        return (whole.into_owned(), false);
    }
    let end = (0..=limit)
        .rev()
        .find(|end| whole.is_char_boundary(*end))
        .unwrap_or(0);
    (whole.get(..end).unwrap_or("").to_owned(), true)
}

struct Script {
    layout: Layout,
    kept: usize,
}

impl Reader for Script {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        if unit.defects.too_long {
            sink.skip(
                record,
                Code::DocumentTooLong,
                unit.span(),
                "a script longer than limits.document_bytes is not read; it is listed and hashed",
            );
            return true;
        }
        let (text, cut) = kept_text(unit.bytes, self.kept);
        if cut {
            sink.problem(
                Code::TextCut,
                Some(unit.span()),
                "the script is longer than limits.kept_text_bytes; the case keeps its beginning",
            );
        }
        let mut event = Event::new(EventKind::GuestScript, None);
        event.resource = Some(Cow::Owned(self.layout.file_name.clone()));
        if sink.wants_detail() {
            let first = text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && !line.starts_with("#!"))
                .unwrap_or("(empty)");
            let number = self
                .layout
                .sequence
                .map(|sequence| format!(" of sequence number {sequence}"))
                .unwrap_or_default();
            event.summary = format!("Script{number}: {first}");
            event.field("sha256", sha256(unit.bytes));
            event.field("bytes", unit.bytes.len().to_string());
            event.field("text", text.clone());
        }
        if let Some(sequence) = self.layout.sequence {
            event.fact = Some(guest::fact(
                &self.layout,
                Family::Action,
                self.layout.name.as_deref(),
                sequence,
                GuestSaid::Script {
                    text,
                    bytes: unit.length,
                    sha256: sha256(unit.bytes),
                },
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
