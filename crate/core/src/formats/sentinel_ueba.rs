//! `sentinel-ueba`: rows of Sentinel's `BehaviorAnalytics` table.
//!
//! The insights (`ActivityInsights`, `UsersInsights`, `DevicesInsights`) are objects of yes-or-no findings: those that are true travel with the event.
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
    id: "sentinel-ueba",
    about: "Sentinel behaviour analytics",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: Some(|header: &Header| {
        if header.column_starting("ActivityInsights").is_some()
            && header.column_starting("TimeGenerated").is_some()
        {
            95
        } else {
            0
        }
    }),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine: |record| claims(record) > 0,
            inner: &[],
            times: &["TimeGenerated"],
            required: &["TimeGenerated", "ActionType", "ActivityType"],
            emit,
        }))
    },
};

fn claims(record: Value<'_>) -> Certainty {
    if is_named(record, &["BehaviorAnalytics"]) || !record.get("ActivityInsights").is_null() {
        95
    } else {
        0
    }
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let mut insights = Vec::new();
    for column in ["ActivityInsights", "UsersInsights", "DevicesInsights"] {
        let text = row
            .text(&[
                column,
                &format!("{column}_dynamic"),
                &format!("{column}_string"),
            ])
            .unwrap_or_default();
        for (key, value) in Value::new(text.as_bytes()).entries() {
            if value.boolean() == Some(true) {
                insights.push(key.text().into_owned());
            }
        }
    }
    let upn = row.text(&["UserPrincipalName", "ActorPrincipalName"]);
    DirectoryRecord {
        time,
        actor: upn.clone().or_else(|| row.text(&["UserName", "ActorName"])),
        ip: row.text(&["SourceIPAddress"]),
        operation: row.text(&["ActionType", "ActivityType"]),
        resource: row.text(&["TargetName"]),
        upn,
        insights,
        source: row.text(&["EventSource"]),
        location: row.text(&["SourceIPLocation"]),
        priority: row.integer(&["InvestigationPriority"]),
        ..DirectoryRecord::default()
    }
    .emit(
        EventKind::Behaviour,
        Outcome::None,
        record,
        unit.span(),
        sink,
        || row.fields(),
    );
}
