//! `archive`: a container whose members are evidence items of their own.
//!
//! One record and one event without a time. Nothing recognises it here: the platform unpacks a container before any reader sees it
//! ([`crate::evidence::container`]), and this format only says so on the timeline.

use super::{Format, Opening, Reader};
use crate::event::batch::EventBatch;
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::unit::{Defects, Unit, UnitKind, Width};
use crate::formats::ItemReport;
use crate::problem::Problem;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "archive",
    about: "container of other evidence",
    from_guest: false,
    text: None,
    record: None,
    header: None,
    open: |opening| {
        Box::new(Archive {
            name: opening.layout.file_name.clone(),
            size: opening.size,
        })
    },
};

struct Archive {
    name: String,
    size: u64,
}

impl Reader for Archive {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let mut event = Event::new(EventKind::Archive, None);
        event.resource = Some(Cow::Owned(self.name.clone()));
        if sink.wants_detail() {
            event.summary = format!(
                "Container {} of {} bytes; its members are items of their own",
                self.name, self.size
            );
        }
        sink.event(record, unit.span(), event);
        true
    }
}

/// The batch and report of an unpacked container.
#[must_use]
pub fn report(opening: &Opening, problems: Vec<Problem>) -> (EventBatch, ItemReport) {
    let mut sink = Sink::new();
    // Its place is the whole file, but nobody wants a gigabyte read to see that: the first bytes stand for it.
    const SHOWN: u64 = 64;
    let length = opening.size.min(SHOWN);
    let unit = Unit {
        bytes: &[],
        offset: 0,
        length,
        width: Width::Same,
        kind: UnitKind::Record,
        defects: Defects::default(),
    };
    (FORMAT.open)(opening).read(&unit, &mut sink);
    let report = ItemReport {
        format: FORMAT.id.to_owned(),
        encoding: "binary".to_owned(),
        counts: sink.counts(),
        problems,
        ..ItemReport::default()
    };
    (sink.take_batch(), report)
}
