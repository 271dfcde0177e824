//! `evtx`: the binary log of Windows events.
//!
//! A unit is a chunk; each record in it is a record and an event. A record is read with its chunk, which holds the names and templates it refers to. A record goes the
//! short way of its template where it can ([`Templates`]) and is walked where it cannot, or where the analyst looks at it; one that cannot be walked is skipped with its
//! place, and the next one goes on. Source: windows-and-endpoint-artifacts 4.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::evidence::frame::chunks::{CHUNK_BYTES, CHUNK_MARK, FILE_MARK};
use crate::evidence::unit::Unit;
use crate::problem::Code;
use crate::record::windows::binxml::{self, RecordPlace};
use crate::record::windows::template::Templates;
use crate::record::windows::{Builder, fields};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "evtx",
    about: "Windows event log",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Chunks,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(Evtx {
            kept_text: opening.limits.kept_text_bytes,
            templates: Templates::default(),
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    if sample.text.starts_with(FILE_MARK) || sample.text.starts_with(CHUNK_MARK) {
        100
    } else {
        0
    }
}

struct Evtx {
    kept_text: usize,
    templates: Templates,
}

impl Reader for Evtx {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let chunk = unit.bytes;
        let (records, lost) = binxml::records(chunk);
        if lost > 0 {
            let text = format!(
                "{lost} bytes of this chunk are no records; what stood there is lost, the records around it were read"
            );
            sink.problem(Code::DamagedChunk, Some(unit.span()), text);
        }
        self.templates.next_chunk();
        let mut end = 0;
        for place in &records {
            end = place.offset + place.size;
            self.record(chunk, *place, unit, sink);
        }
        if chunk.len() < CHUNK_BYTES {
            let cut = chunk
                .get(end..)
                .is_some_and(|rest| rest.starts_with(binxml::RECORD_MARK));
            if cut {
                let record = sink.begin();
                sink.skip(
                    record,
                    Code::TruncatedRecord,
                    unit.part(end..chunk.len()),
                    "the log ends inside this record; collect it again if it can be had whole",
                );
            } else {
                sink.problem(
                    Code::DamagedChunk,
                    Some(unit.span()),
                    "the log ends inside this chunk; every complete record in it was read",
                );
            }
        }
        true
    }
}

impl Evtx {
    fn record(&mut self, chunk: &[u8], place: RecordPlace, unit: &Unit<'_>, sink: &mut Sink) {
        let span = unit.part(place.offset..place.offset + place.size);
        if sink.passes_over(span) {
            return;
        }
        let mut record = sink.begin();
        if !sink.wants_detail() {
            let found = (chunk, place);
            match self
                .templates
                .emit(found, self.kept_text, record, span, sink)
            {
                None => return,
                Some(unread) => record = unread,
            }
        }
        let mut builder = Builder::default();
        let walked = binxml::walk(chunk, place, &mut builder);
        let event = builder.finish();
        let mut event = match (walked, event) {
            (Ok(()), Some(event)) => event,
            // What the head of the record says is still worth its place on the timeline.
            (Err(error), Some(event)) => {
                sink.problem(
                    Code::MalformedRecord,
                    Some(span),
                    format!("this record breaks off: {error}; what came before is shown"),
                );
                event
            }
            (Err(error), None) => {
                sink.skip(
                    record,
                    Code::MalformedRecord,
                    span,
                    format!("this record cannot be read: {error}"),
                );
                return;
            }
            (Ok(()), None) => {
                sink.skip(
                    record,
                    Code::MalformedRecord,
                    span,
                    "this record holds no event",
                );
                return;
            }
        };
        event.time = event.time.or_else(|| place.written.map(Stamp::utc));
        event.record_id = event.record_id.or(Some(place.id));
        event.emit(self.kept_text, record, span, sink, fields);
    }
}
