//! `System`: services installed (7045) and changing state (7036), by the service manager.

use super::{LOCAL_SYSTEM, Scene};
use crate::instant::Instant;
use crate::random::Random;
use crate::windows::evtx::{Channel, Event, Value};
use crate::windows::process::SERVICE_MANAGER;
use crate::world::What;

/// The channel.
pub static CHANNEL: Channel = Channel {
    name: "System",
    provider: "Service Control Manager",
    guid: "555908d1-a6d7-4695-8e1e-26931d2012f4",
    writer: (708, 844),
    user: Some(LOCAL_SYSTEM),
};

/// Services that come and go by themselves.
const SERVICES: [&str; 4] = [
    "Windows Update",
    "Windows Modules Installer",
    "Background Intelligent Transfer Service",
    "Microsoft Software Shadow Copy Provider",
];

/// The events of a machine.
#[must_use]
pub fn events<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let mut events = comings_and_goings(scene);
    for done in scene.tree.done.iter().filter(|done| scene.keeps(done.run)) {
        if let What::ServiceInstalled { name, image } = done.what {
            let data = vec![
                ("ServiceName", name.into()),
                ("ImagePath", image.into()),
                ("ServiceType", "user mode service".into()),
                ("StartType", "auto start".into()),
                ("AccountName", "LocalSystem".into()),
            ];
            events.push(event(scene, 7_045, done.at, data));
            events.push(state(scene, done.at.plus_ms(640), name, "running"));
        }
    }
    events
}

fn event<'s>(
    scene: &'s Scene<'_>,
    id: u16,
    at: Instant,
    data: Vec<(&'static str, Value)>,
) -> Event<'s> {
    let process = scene.tree.process_of(SERVICE_MANAGER);
    Event {
        keywords: 0x8080_0000_0000_0000,
        writer: process.map(|process| (process, 844)),
        ..scene.event(&CHANNEL, id, at, data)
    }
}

fn state<'s>(scene: &'s Scene<'_>, at: Instant, name: &str, state: &str) -> Event<'s> {
    let data = vec![("param1", name.into()), ("param2", state.into())];
    event(scene, 7_036, at, data)
}

fn comings_and_goings<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let label = format!("services of {}", scene.machine.name);
    let mut random = Random::new(scene.world.seed).stream(&label);
    let mut at = scene.machine.boots.first().copied().unwrap_or_default();
    let mut events = Vec::new();
    for name in ["RdAgent", "WindowsAzureGuestAgent"] {
        events.push(state(scene, at.plus_seconds(88), name, "running"));
    }
    loop {
        at = at.plus_ms(random.between(9_000_000, 30_000_000));
        let lasts = random.between(120_000, 900_000);
        let Some(name) = random.one(&SERVICES) else {
            break;
        };
        if at.plus_ms(lasts) >= scene.machine.collected {
            break;
        }
        events.push(state(scene, at, name, "running"));
        events.push(state(scene, at.plus_ms(lasts), name, "stopped"));
    }
    events
}
