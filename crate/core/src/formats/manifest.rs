//! `manifest`: a list of evidence with hashes that this product exported, dropped beside the evidence it speaks of.
//!
//! Source: `export/manifest.rs`, which writes both forms.

use super::{Certainty, Format, Header, Reader};
use crate::event::fact::{Fact, ManifestLine};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::frame::csv::cells;
use crate::evidence::unit::{Unit, UnitKind};
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::json_fields;

/// The format.
pub const FORMAT: Format = Format {
    id: "manifest",
    about: "list of evidence with hashes",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(|header: &Header| {
        if header.has(&["path", "size", "modified", "sha256", "records", "inside"]) {
            97
        } else {
            0
        }
    }),
    open: |_| {
        Box::new(Manifest {
            delimiter: b',',
            columns: Vec::new(),
        })
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let line = ["path", "sha256", "size", "inside"]
        .iter()
        .all(|name| record.entries().any(|(key, _)| key.is(name)));
    if line { 97 } else { 0 }
}

struct Manifest {
    delimiter: u8,
    columns: Vec<String>,
}

impl Reader for Manifest {
    fn header(&mut self, header: &Header) {
        self.delimiter = header.delimiter;
        self.columns.clone_from(&header.names);
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        let row = (unit.kind == UnitKind::Row).then(|| cells(unit.bytes, self.delimiter));
        if row.is_none() && claims(value) == 0 {
            return false;
        }
        let get = |name: &str| -> Option<String> {
            let text = match &row {
                Some(cells) => {
                    let at = self.columns.iter().position(|have| have == name)?;
                    let text = cells.get(at)?.text().into_owned();
                    // The apostrophe that keeps a spreadsheet from calculating.
                    match text.strip_prefix('\'') {
                        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest.to_owned(),
                        _ => text,
                    }
                }
                None => value.get(name).text()?.into_owned(),
            };
            Some(text).filter(|text| !text.is_empty())
        };
        let record = sink.begin();
        let Some(path) = get("path") else {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a line of a manifest without a path",
            );
            return true;
        };
        let mut event = Event::new(EventKind::Manifest, None);
        if sink.wants_detail() {
            event.summary = format!("{path}: {}", get("sha256").unwrap_or_default());
            event.fields = json_fields(value);
        }
        event.fact = Some(Fact::Manifest(Box::new(ManifestLine {
            size: get("size").and_then(|size| size.parse().ok()),
            sha256: get("sha256").map(|hash| hash.to_ascii_lowercase()),
            path,
        })));
        sink.event(record, unit.span(), event);
        true
    }
}
