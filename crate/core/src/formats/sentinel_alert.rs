//! `sentinel-alert`: rows of the `SecurityAlert` table, alerts of any connected product.
//!
//! `Entities` names accounts and addresses as JSON inside a string; the first of each gives the event its actor and address.
//! Source: activity-log-formats 2 j; no real sample is public.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::sink::{Record, Sink};
use crate::event::{EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::record::directory::{DirectoryRecord, is_named};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "sentinel-alert",
    about: "security alerts",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(|header: &Header| {
        if header.has(&["AlertName", "AlertSeverity"])
            || header.has(&["AlertName", "SystemAlertId"])
        {
            95
        } else {
            0
        }
    }),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &["properties"],
            times: &["StartTime", "startTimeUtc", "TimeGenerated", "time"],
            required: &[
                "AlertName",
                "DisplayName",
                "alertDisplayName",
                "SystemAlertId",
            ],
            emit,
        }))
    },
};

fn claims(record: Value<'_>) -> Certainty {
    let has = |name: &str| !record.get(name).is_null();
    if is_named(record, &["SecurityAlert"])
        || (has("AlertName") && (has("AlertSeverity") || has("SystemAlertId")))
    {
        95
    } else {
        0
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let entities = row.text(&["Entities"]).unwrap_or_default();
    let entities = Value::new(entities.as_bytes());
    let first = |names: &[&str]| {
        entities
            .elements()
            .find_map(|entity| names.iter().find_map(|name| entity.get(name).word()))
    };
    let account = entities.elements().find_map(|entity| {
        let name = entity.get("Name").word()?;
        let is_account = entity.get("Type").inner().eq_ignore_ascii_case(b"account");
        is_account.then(|| match entity.get("UPNSuffix").word() {
            Some(suffix) => format!("{name}@{suffix}"),
            None => name.into_owned(),
        })
    });
    DirectoryRecord {
        time,
        actor: account.clone().map(Into::into),
        ip: first(&["Address"]),
        operation: row.text(&["AlertName", "DisplayName", "alertDisplayName"]),
        resource: row.text(&["CompromisedEntity"]),
        correlation: row.text(&["SystemAlertId"]),
        upn: account.filter(|name| name.contains('@')).map(Into::into),
        result: row.text(&["AlertType"]),
        risk: row.text(&["AlertSeverity", "Severity"]),
        ..DirectoryRecord::default()
    }
    .emit(
        EventKind::Alert,
        Outcome::None,
        record,
        unit.span(),
        sink,
        || row.fields(),
    );
}
