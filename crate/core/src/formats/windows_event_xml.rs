//! `windows-event-xml`: Windows events as `wevtutil`, Event Viewer and `evtx_dump` write them.
//!
//! Source: windows-and-endpoint-artifacts 4.1.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::evidence::frame::xml::find_open;
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::windows::{fields, xml};

/// The format.
pub const FORMAT: Format = Format {
    id: "windows-event-xml",
    about: "Windows events as XML",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Xml,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(EventXml {
            kept_text: opening.limits.kept_text_bytes,
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    let Some(at) = find_open(sample.text) else {
        return 0;
    };
    let body = sample.text.get(at..).unwrap_or(&[]);
    // The same text stands inside JSON and syslog; there it does not begin the item.
    let head = sample.trimmed();
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let begins = [b"<Event".as_slice(), b"<?xml", b"Record "]
        .iter()
        .any(|start| head.starts_with(start));
    if begins && memchr::memmem::find(body, b"<System>").is_some() {
        95
    } else {
        0
    }
}

struct EventXml {
    kept_text: usize,
}

impl Reader for EventXml {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        match xml::parse(unit.bytes) {
            Some(event) => event.emit(self.kept_text, record, unit.span(), sink, fields),
            None => sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "an element <Event> that holds no event",
            ),
        }
        true
    }
}
