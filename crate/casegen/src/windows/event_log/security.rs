//! `Security`: processes with their command lines (4688), accounts made (4720, 4722) and put into groups (4732).

use super::{LOCAL_SYSTEM, Scene};
use crate::instant::Instant;
use crate::windows::evtx::{Channel, Event, Value};
use crate::windows::process::Started;
use crate::world::What;

/// The channel.
pub static CHANNEL: Channel = Channel {
    name: "Security",
    provider: "Microsoft-Windows-Security-Auditing",
    guid: "54849625-5478-4994-a5ba-3e3b0328c30d",
    writer: (4, 312),
    user: None,
};

/// Audit success.
const SUCCESS: u64 = 0x8020_0000_0000_0000;
/// The logon of the system.
const SYSTEM_LOGON: u64 = 0x3e7;

/// The events of a machine.
#[must_use]
pub fn events<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let mut events: Vec<Event<'s>> = scene
        .tree
        .started
        .iter()
        .filter(|started| scene.keeps(started.run))
        .map(|started| process(scene, started))
        .collect();
    for done in scene.tree.done.iter().filter(|done| scene.keeps(done.run)) {
        match done.what {
            What::AccountMade { name } => {
                events.push(account_made(scene, done.at, name));
                events.push(account_enabled(scene, done.at.plus_ms(1), name));
                events.push(joined(scene, done.at.plus_ms(2), name, "Users", 545));
            }
            What::GroupJoined {
                name,
                group,
                group_id,
            } => events.push(joined(scene, done.at, name, group, group_id)),
            _ => {}
        }
    }
    events
}

fn success<'s>(
    scene: &'s Scene<'_>,
    id: u16,
    task: u16,
    at: Instant,
    data: Vec<(&'static str, Value)>,
) -> Event<'s> {
    Event {
        level: 0,
        task,
        keywords: SUCCESS,
        ..scene.event(&CHANNEL, id, at, data)
    }
}

fn sid(text: impl Into<String>) -> Value {
    Value::Sid(text.into())
}

/// Who did it: the machine itself.
fn subject(scene: &Scene<'_>) -> [(&'static str, Value); 4] {
    [
        ("SubjectUserSid", sid(LOCAL_SYSTEM)),
        ("SubjectUserName", format!("{}$", scene.computer).into()),
        ("SubjectDomainName", "WORKGROUP".into()),
        ("SubjectLogonId", Value::Hex64(SYSTEM_LOGON)),
    ]
}

/// 4688 of a process.
#[must_use]
pub fn process<'s>(scene: &'s Scene<'_>, started: &Started) -> Event<'s> {
    let parent = scene.tree.process(started.parent);
    let mut data: Vec<(&'static str, Value)> = subject(scene).into();
    data.extend([
        ("NewProcessId", Value::Hex64(started.process.into())),
        ("NewProcessName", started.image.as_str().into()),
        ("TokenElevationType", "%%1936".into()),
        (
            "ProcessId",
            Value::Hex64(parent.map_or(4, |it| it.process.into())),
        ),
        ("CommandLine", started.command.as_str().into()),
        ("TargetUserSid", sid("S-1-0-0")),
        ("TargetUserName", "-".into()),
        ("TargetDomainName", "-".into()),
        ("TargetLogonId", Value::Hex64(0)),
        (
            "ParentProcessName",
            parent.map_or("", |it| it.image.as_str()).into(),
        ),
        ("MandatoryLabel", sid("S-1-16-16384")),
    ]);
    Event {
        version: 2,
        ..success(scene, 4_688, 13_312, started.at, data)
    }
}

fn account_made<'s>(scene: &'s Scene<'_>, at: Instant, name: &str) -> Event<'s> {
    let mut data: Vec<(&'static str, Value)> = vec![
        ("TargetUserName", name.into()),
        ("TargetDomainName", scene.computer.as_str().into()),
        ("TargetSid", sid(scene.account(name))),
    ];
    data.extend(subject(scene));
    data.extend([
        ("PrivilegeList", "-".into()),
        ("SamAccountName", name.into()),
    ]);
    for field in [
        "DisplayName",
        "UserPrincipalName",
        "HomeDirectory",
        "HomePath",
        "ScriptPath",
        "ProfilePath",
        "UserWorkstations",
    ] {
        data.push((field, "%%1793".into()));
    }
    data.extend([
        ("PasswordLastSet", "%%1794".into()),
        ("AccountExpires", "%%1794".into()),
        ("PrimaryGroupId", "513".into()),
        ("AllowedToDelegateTo", "-".into()),
        ("OldUacValue", "0x0".into()),
        ("NewUacValue", "0x15".into()),
        (
            "UserAccountControl",
            "\r\n\t\t%%2080\r\n\t\t%%2082\r\n\t\t%%2084".into(),
        ),
        ("UserParameters", "%%1793".into()),
        ("SidHistory", "-".into()),
        ("LogonHours", "%%1797".into()),
    ]);
    success(scene, 4_720, 13_824, at, data)
}

fn account_enabled<'s>(scene: &'s Scene<'_>, at: Instant, name: &str) -> Event<'s> {
    let mut data: Vec<(&'static str, Value)> = vec![
        ("TargetUserName", name.into()),
        ("TargetDomainName", scene.computer.as_str().into()),
        ("TargetSid", sid(scene.account(name))),
    ];
    data.extend(subject(scene));
    success(scene, 4_722, 13_824, at, data)
}

fn joined<'s>(
    scene: &'s Scene<'_>,
    at: Instant,
    name: &str,
    group: &str,
    group_id: u32,
) -> Event<'s> {
    let mut data: Vec<(&'static str, Value)> = vec![
        ("MemberName", "-".into()),
        ("MemberSid", sid(scene.account(name))),
        ("TargetUserName", group.into()),
        ("TargetDomainName", "Builtin".into()),
        ("TargetSid", sid(format!("S-1-5-32-{group_id}"))),
    ];
    data.extend(subject(scene));
    data.push(("PrivilegeList", "-".into()));
    success(scene, 4_732, 13_826, at, data)
}
