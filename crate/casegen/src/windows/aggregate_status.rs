//! `AggregateStatus`: the statuses of all handlers as the agent last put them together, and the copies before it.
//!
//! The agent rolls the file on every few seconds and keeps ten copies; the stamp in their names is in UTC. Files are
//! filled with NUL bytes up to a multiple of 2048.

use super::extension_files::status;
use super::layout::Handler;
use super::{guest_file, seven_digits};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::world::{Family, Machine, Run, Trace, World};
use std::collections::BTreeMap;

const COPIES: i64 = 10;
const BLOCK: usize = 2_048;
const FOLDER: &str = r"C:\WindowsAzure\Logs\AggregateStatus";

/// The files of a machine.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine) -> Vec<CaseFile> {
    let newest = machine.collected.plus_seconds(-7);
    (0..=COPIES)
        .map(|copy| {
            let at = newest.plus_ms(copy * -15_020);
            let name = if copy == 0 {
                "aggregatestatus.json".to_owned()
            } else {
                // Renamed when the next one was written.
                let renamed = machine.clock.reading(at.plus_ms(15_018));
                format!(
                    "aggregatestatus_{}.json",
                    renamed.utc_text("%Y%m%d%H%M%S%3f")
                )
            };
            let mut bytes = document(world, machine_at, machine, at).into_bytes();
            bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
            guest_file(machine, &format!(r"{FOLDER}\{name}"), at, bytes)
        })
        .collect()
}

fn document(world: &World, machine_at: usize, machine: &Machine, at: Instant) -> String {
    let mut newest: BTreeMap<(Family, Option<&str>), &Run> = BTreeMap::new();
    for run in &world.runs {
        let there = run.machine == machine_at && run.ended < at && run.removed.is_none();
        if there && !run.lost.contains(&Trace::Status) {
            newest.insert((run.family, run.guest_name()), run);
        }
    }
    let now = || Json::from(seven_digits(machine.clock.reading(at)));
    let handlers = newest.into_values().map(|run| {
        let handler = Handler::of_run(run);
        object([
            ("handlerName", handler.name.into()),
            ("handlerVersion", handler.version.into()),
            ("status", "Ready".into()),
            (
                "runtimeSettingsStatus",
                object([
                    ("sequenceNumber", run.sequence.to_string().into()),
                    ("settingsStatus", status(machine, run)),
                ])
                .with_some("extensionName", run.guest_name()),
            ),
        ])
    });
    object([
        ("version", "1.0".into()),
        ("timestampUTC", now()),
        (
            "aggregateStatus",
            object([
                (
                    "guestAgentStatus",
                    object([
                        ("version", machine.agent.into()),
                        ("status", "Ready".into()),
                        (
                            "formattedMessage",
                            object([
                                ("lang", "en-US".into()),
                                (
                                    "message",
                                    "GuestAgent is running and processing the extensions.".into(),
                                ),
                            ]),
                        ),
                        ("lastStatusUploadMethod", "HostGAPlugin".into()),
                        ("lastStatusUploadTime", now()),
                    ]),
                ),
                ("handlerAggregateStatus", Json::List(handlers.collect())),
            ]),
        ),
    ])
    .print(Hand::Compact)
}
