//! `Microsoft-Windows-PowerShell/Operational`: every script as PowerShell read it (4104).
//!
//! A script of 20,000 characters and more comes in parts, each an event: `MessageNumber` of `MessageTotal`, all with one
//! `ScriptBlockId`.

use super::{LOCAL_SYSTEM, Scene};
use crate::instant::Instant;
use crate::random::Random;
use crate::windows::evtx::{Channel, Event, Value};
use crate::windows::layout::script_path;
use crate::world::Run;

/// The channel.
pub static CHANNEL: Channel = Channel {
    name: "Microsoft-Windows-PowerShell/Operational",
    provider: "Microsoft-Windows-PowerShell",
    guid: "a0c1853b-5c40-4b15-8766-3cf1c58f985a",
    writer: (0, 0),
    user: Some(LOCAL_SYSTEM),
};

/// Characters from which on a script is split.
const WHOLE: usize = 20_000;

/// The events of a machine.
#[must_use]
pub fn events<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let mut events = Vec::new();
    for (run_at, run) in scene.world.runs.iter().enumerate() {
        if run.machine != scene.machine_at || !scene.keeps(Some(run_at)) {
            continue;
        }
        let label = format!("script block of {} {run_at}", scene.machine.name);
        let mut random = Random::new(scene.world.seed).stream(&label);
        let process = scene.tree.interpreter_of(run_at).map_or(0, |it| it.process);
        let writer = (process, random.between(300, 2_900) as u32 * 4);
        events.extend(console(scene, run, writer));
        events.extend(script_blocks(scene, run, writer, &mut random));
    }
    events
}

/// The start of the console: 40961, 53504, 40962.
fn console<'s>(scene: &'s Scene<'_>, run: &Run, writer: (u32, u32)) -> [Event<'s>; 3] {
    let at = run.started.plus_ms(-260);
    let event = |after: i64, id: u16, task: u16, opcode: u8, data| Event {
        version: 1,
        task,
        opcode,
        keywords: 0,
        writer: Some(writer),
        ..scene.event(&CHANNEL, id, at.plus_ms(after), data)
    };
    [
        event(0, 40_961, 4, 1, Vec::new()),
        event(
            90,
            53_504,
            111,
            10,
            vec![
                ("param1", writer.0.to_string().into()),
                ("param2", "DefaultAppDomain".into()),
            ],
        ),
        event(140, 40_962, 4, 2, Vec::new()),
    ]
}

/// 4104 of a script.
fn script_blocks<'s>(
    scene: &'s Scene<'_>,
    run: &Run,
    writer: (u32, u32),
    random: &mut Random,
) -> Vec<Event<'s>> {
    let text = String::from_utf8_lossy(&run.script).into_owned();
    let block = random.guid();
    let activity = random.guid();
    let parts = split(&text, random.between(10_000, 19_999) as usize);
    let total = parts.len() as u32;
    let path = script_path(run);
    (1..)
        .zip(parts)
        .map(|(number, part)| {
            let at = run.started.plus_ms(-5 + i64::from(number));
            script_block(
                scene,
                at,
                writer,
                &activity,
                (number, total),
                part,
                &block,
                &path,
            )
        })
        .collect()
}

/// One part of a script.
#[allow(
    clippy::too_many_arguments,
    reason = "these are the fields of the event, each once"
)]
pub fn script_block<'s>(
    scene: &'s Scene<'_>,
    at: Instant,
    writer: (u32, u32),
    activity: &str,
    (number, total): (u32, u32),
    part: &str,
    block: &str,
    path: &str,
) -> Event<'s> {
    let data = vec![
        ("MessageNumber", Value::U32(number)),
        ("MessageTotal", Value::U32(total)),
        ("ScriptBlockText", part.into()),
        ("ScriptBlockId", block.into()),
        ("Path", path.into()),
    ];
    Event {
        version: 1,
        level: 5,
        task: 2,
        opcode: 15,
        keywords: 0,
        writer: Some(writer),
        activity: Some(activity.to_owned()),
        ..scene.event(&CHANNEL, 4_104, at, data)
    }
}

/// Parts of `size` characters; one part where the text is short.
fn split(text: &str, size: usize) -> Vec<&str> {
    if text.chars().count() < WHOLE {
        return vec![text];
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .nth(size)
            .map_or(rest.len(), |(at, _)| at);
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}
