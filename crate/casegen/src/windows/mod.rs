//! The Windows guest side: files, logs and event channels of each machine, and what its endpoint sensor sent, all
//! through the machine's own clock.
//!
//! ```text
//! erp01/C/Packages/Plugins/Microsoft.CPlat.Core.RunCommandWindows/1.1.18/…        extension_files
//! erp01/C/WindowsAzure/Logs/Plugins/…/RunCommandExtension.log                     handler_log
//! erp01/C/WindowsAzure/Logs/WaAppAgent.log, WaAppAgent.001.log                    agent_log
//! erp01/C/WindowsAzure/Logs/AggregateStatus/aggregatestatus_20240502….json        aggregate_status
//! erp01/C/Windows/System32/winevt/Logs/Security.evtx, …                           event_log, evtx
//! endpoint/DeviceProcessEvents.csv, …                                             endpoint
//! ```
//!
//! [`steps`] dates the steps of a run, [`process`] grows the tree of processes, once for all logs that show it;
//! [`layout`] knows the paths.
//!
//! Where no public capture of a message or of a path exists, the Linux counterpart was followed: names of the managed
//! handler's files, and the text of its status.

pub mod agent_log;
pub mod aggregate_status;
pub mod endpoint;
pub mod event_log;
pub mod evtx;
pub mod extension_files;
pub mod handler_log;
pub mod layout;
pub mod noise;
pub mod process;
pub mod steps;

use crate::case::CaseFile;
use crate::instant::Instant;
use crate::world::{Machine, Platform, World};

/// A file of a guest, last changed at a true moment.
fn guest_file(machine: &Machine, path: &str, at: Instant, bytes: Vec<u8>) -> CaseFile {
    CaseFile::new(
        &layout::in_evidence(machine, path),
        Some(machine.clock.reading(at).ms()),
        bytes,
    )
}

/// `05/02/2024 10:15:21.47`: the bracket form, in UTC.
fn centiseconds(at: Instant) -> String {
    let fraction = at.ms().rem_euclid(1_000) / 10;
    format!("{}.{fraction:02}", at.utc_text("%m/%d/%Y %H:%M:%S"))
}

/// `2024-05-02T10:15:21.4712345Z`: always seven digits, as .NET prints a round trip.
fn seven_digits(at: Instant) -> String {
    let fraction = at.utc_text("%9f");
    let digits = fraction.get(..7).unwrap_or_default();
    format!("{}.{digits}Z", at.utc_text("%Y-%m-%dT%H:%M:%S"))
}

/// The files of the Windows guests of a world, and of their endpoint telemetry.
#[must_use]
pub fn files(world: &World) -> Vec<CaseFile> {
    let mut files = Vec::new();
    let mut telemetry = endpoint::Tables::default();
    for (at, machine) in world.machines.iter().enumerate() {
        if machine.platform != Platform::Windows {
            continue;
        }
        let tree = process::tree(world, at, machine);
        files.extend(extension_files::files(world, at, machine));
        files.extend(handler_log::files(world, at, machine, &tree));
        files.extend(agent_log::files(world, at, machine));
        files.extend(aggregate_status::files(world, at, machine));
        files.extend(event_log::files(world, at, machine, &tree));
        telemetry.add(world, machine, &tree);
    }
    files.extend(telemetry.files());
    files
}
