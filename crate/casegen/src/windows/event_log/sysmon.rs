//! `Microsoft-Windows-Sysmon/Operational`: processes (1), connections (3), files made (11) and deleted (26).

use super::{LOCAL_SYSTEM, Scene};
use crate::instant::Instant;
use crate::windows::endpoint::{LOCAL_ADDRESS, local_port, program_hash};
use crate::windows::evtx::{Channel, Event, Value};
use crate::windows::process::{Done, Started};
use crate::world::What;

/// The channel.
pub static CHANNEL: Channel = Channel {
    name: "Microsoft-Windows-Sysmon/Operational",
    provider: "Microsoft-Windows-Sysmon",
    guid: "5770385f-c22a-43e0-bf4c-06f5698ffbd9",
    writer: (2_884, 3_640),
    user: Some(LOCAL_SYSTEM),
};

const ACCOUNT: &str = r"NT AUTHORITY\SYSTEM";

/// The events of a machine.
#[must_use]
pub fn events<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let processes = scene
        .tree
        .started
        .iter()
        .filter(|started| scene.keeps(started.run))
        .map(|started| process(scene, started));
    let deeds = scene
        .tree
        .done
        .iter()
        .filter(|done| scene.keeps(done.run))
        .filter_map(|done| deed(scene, done));
    processes.chain(deeds).collect()
}

fn utc(scene: &Scene<'_>, at: Instant) -> Value {
    scene.time(at).utc_text("%Y-%m-%d %H:%M:%S%.3f").into()
}

/// The id that a process has in this log alone: machine, time, and process.
fn guid(scene: &Scene<'_>, started: &Started) -> Value {
    let machine = scene.machine.vm_id.get(..8).unwrap_or("00000000");
    let time = scene.time(started.at).seconds() & 0xffff_ffff;
    let text = format!(
        "{machine}-{:04x}-{:04x}-{:04x}-{:08x}0000",
        time & 0xffff,
        time >> 16,
        started.process & 0xffff,
        started.process
    );
    Value::Guid(text)
}

fn event<'s>(
    scene: &'s Scene<'_>,
    id: u16,
    version: u8,
    at: Instant,
    data: Vec<(&'static str, Value)>,
) -> Event<'s> {
    Event {
        version,
        task: id,
        ..scene.event(&CHANNEL, id, at, data)
    }
}

fn hashes(image: &str) -> Value {
    format!("SHA256={}", program_hash(image, 64).to_uppercase()).into()
}

/// 1 of a process.
fn process<'s>(scene: &'s Scene<'_>, started: &Started) -> Event<'s> {
    let parent = scene.tree.process(started.parent);
    let ours = started.image.starts_with(r"C:\Windows");
    let told = |text: &'static str| Value::from(if ours { text } else { "-" });
    let data = vec![
        ("RuleName", "-".into()),
        ("UtcTime", utc(scene, started.at)),
        ("ProcessGuid", guid(scene, started)),
        ("ProcessId", Value::U32(started.process)),
        ("Image", started.image.as_str().into()),
        (
            "FileVersion",
            told("10.0.20348.2340 (WinBuild.160101.0800)"),
        ),
        ("Description", "-".into()),
        ("Product", told("Microsoft® Windows® Operating System")),
        ("Company", told("Microsoft Corporation")),
        ("OriginalFileName", started.name().into()),
        ("CommandLine", started.command.as_str().into()),
        ("CurrentDirectory", started.folder.as_str().into()),
        ("User", ACCOUNT.into()),
        (
            "LogonGuid",
            Value::Guid(format!(
                "{}-0000-0000-e703-000000000000",
                scene.machine.vm_id.get(..8).unwrap_or("00000000")
            )),
        ),
        ("LogonId", Value::Hex64(0x3e7)),
        ("TerminalSessionId", Value::U32(0)),
        ("IntegrityLevel", "System".into()),
        ("Hashes", hashes(&started.image)),
        (
            "ParentProcessGuid",
            parent.map_or_else(
                || Value::Guid("00000000-0000-0000-0000-000000000000".to_owned()),
                |it| guid(scene, it),
            ),
        ),
        (
            "ParentProcessId",
            Value::U32(parent.map_or(0, |it| it.process)),
        ),
        (
            "ParentImage",
            parent.map_or("-", |it| it.image.as_str()).into(),
        ),
        (
            "ParentCommandLine",
            parent.map_or("-", |it| it.command.as_str()).into(),
        ),
        ("ParentUser", ACCOUNT.into()),
    ];
    event(scene, 1, 5, started.at, data)
}

/// What a process did, where this log tells of it.
fn deed<'s>(scene: &'s Scene<'_>, done: &Done) -> Option<Event<'s>> {
    let by = scene.tree.process(Some(done.by))?;
    let mut data = vec![
        ("RuleName", "-".into()),
        ("UtcTime", utc(scene, done.at)),
        ("ProcessGuid", guid(scene, by)),
        ("ProcessId", Value::U32(by.process)),
    ];
    match &done.what {
        What::Connected { address, port, .. } => {
            data.extend([
                ("Image", by.image.as_str().into()),
                ("User", ACCOUNT.into()),
                ("Protocol", "tcp".into()),
                ("Initiated", Value::Bool(true)),
                ("SourceIsIpv6", Value::Bool(false)),
                ("SourceIp", LOCAL_ADDRESS.into()),
                ("SourceHostname", scene.computer.as_str().into()),
                ("SourcePort", Value::U16(local_port(done.at))),
                ("SourcePortName", "-".into()),
                ("DestinationIsIpv6", Value::Bool(false)),
                ("DestinationIp", (*address).into()),
                ("DestinationHostname", "-".into()),
                ("DestinationPort", Value::U16(*port)),
                ("DestinationPortName", "-".into()),
            ]);
            Some(event(scene, 3, 5, done.at, data))
        }
        What::Wrote { path } => {
            data.extend([
                ("Image", by.image.as_str().into()),
                ("TargetFilename", path.as_str().into()),
                ("CreationUtcTime", utc(scene, done.at)),
                ("User", ACCOUNT.into()),
            ]);
            Some(event(scene, 11, 2, done.at, data))
        }
        What::Deleted { path } => {
            data.extend([
                ("User", ACCOUNT.into()),
                ("Image", by.image.as_str().into()),
                ("TargetFilename", path.as_str().into()),
                ("Hashes", "-".into()),
                ("IsExecutable", Value::Bool(false)),
            ]);
            Some(event(scene, 26, 1, done.at, data))
        }
        What::AccountMade { .. } | What::GroupJoined { .. } | What::ServiceInstalled { .. } => None,
    }
}
