//! What a Windows machine does by itself: its services, and the programs that they and the agent start day by day.
//!
//! The agent's collection of its own logs is among it. It looks like an intruder at work and is not.

use super::process::{Agent, Grower, Roots, SERVICE_MANAGER};
use crate::instant::Instant;
use crate::world::{Machine, What};

/// The agent of the machine's image.
pub const FIRST_AGENT: &str = "2.7.41491.949";
/// How long after its first start a machine updates its agent.
const UPDATE_SECONDS: i64 = 8 * 3_600 + 520;

/// When a machine that first started at a moment updates its agent.
#[must_use]
pub const fn update(boot: Instant) -> Instant {
    boot.plus_seconds(UPDATE_SECONDS)
}

/// Folder of an agent: named by its version, and by when it was unpacked.
fn agent_folder(machine: &Machine, version: &str, at: Instant) -> String {
    let unpacked = machine
        .clock
        .reading(at.plus_seconds(-9))
        .utc_text("%Y-%m-%d_%H%M%S");
    format!(r"C:\WindowsAzure\GuestAgent_{version}_{unpacked}")
}

fn agent(grower: &mut Grower, services: usize, folder: &str, at: Instant) -> Agent {
    let mut start = |after: i64, program: &str| {
        let image = format!(r"{folder}\{program}");
        grower.start(at.plus_ms(after), Some(services), &image, &image)
    };
    Agent {
        service: start(0, "WaAppAgent.exe"),
        guest: start(900, "WindowsAzureGuestAgent.exe"),
    }
}

/// The processes of a start of the machine, and of the update of its agent.
pub fn boot(grower: &mut Grower, machine: &Machine, at: Instant) -> Roots {
    let wininit = grower.start(
        at.plus_seconds(4),
        None,
        r"C:\Windows\System32\wininit.exe",
        "wininit.exe",
    );
    let services = grower.start(
        at.plus_seconds(5),
        Some(wininit),
        SERVICE_MANAGER,
        r"C:\Windows\system32\services.exe",
    );
    let scheduler = grower.start(
        at.plus_seconds(9),
        Some(services),
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule",
    );
    let begun = at.plus_seconds(88);
    let first = agent_folder(machine, FIRST_AGENT, begun);
    let first = agent(grower, services, &first, begun);
    let since = update(at);
    let updated = (since < machine.collected).then(|| {
        let folder = agent_folder(machine, machine.agent, since);
        (since, agent(grower, services, &folder, since))
    });
    Roots {
        services,
        scheduler,
        first,
        updated,
    }
}

/// Programs of ordinary hours: image and command line.
const TASKS: [(&str, &str); 5] = [
    (r"C:\Windows\System32\taskhostw.exe", "taskhostw.exe SYSTEM"),
    (
        r"C:\Windows\System32\UsoClient.exe",
        r"C:\Windows\system32\usoclient.exe StartScan",
    ),
    (
        r"C:\Windows\System32\sc.exe",
        r"C:\Windows\system32\sc.exe start w32time task_started",
    ),
    (
        r"C:\Windows\System32\MpSigStub.exe",
        r"C:\Windows\system32\MpSigStub.exe /stub 1.1.24010.2001 /payload 1.409.502.0",
    ),
    (
        r"C:\Windows\System32\DeviceCensus.exe",
        r"C:\Windows\system32\devicecensus.exe SystemCxt",
    ),
];

/// The days from the start until the machine was collected.
pub fn days(grower: &mut Grower, roots: Roots, from: Instant, to: Instant) {
    let mut at = from.plus_seconds(300);
    while at < to {
        at = at.plus_ms(grower.random().between(7_200_000, 24_000_000));
        let task = grower.random().one(&TASKS).copied();
        if let Some((image, command)) = task.filter(|_| at < to) {
            grower.start(at, Some(roots.scheduler), image, command);
        }
    }
    let mut at = from.plus_seconds(1_800);
    while at < to {
        collect_logs(grower, roots, at);
        at = at.plus_seconds(grower.random().between(82_000, 88_000));
    }
}

/// The agent gathers logs.
fn collect_logs(grower: &mut Grower, roots: Roots, at: Instant) {
    let archive = format!(
        r"C:\WindowsAzure\CollectGuestLogsTemp\{}.zip",
        grower.random().guid()
    );
    let agent = roots.agent_at(at);
    let image = grower.image_of(agent.service);
    let folder = image.rsplit_once('\\').map_or("", |(folder, _)| folder);
    let collector = grower.start(
        at,
        Some(agent.service),
        &format!(r"{folder}\CollectGuestLogs.exe"),
        &format!(r#""CollectGuestLogs.exe" -Mode:ga -FileName:{archive}"#),
    );
    for (after, image, command) in [
        (900, r"C:\Windows\System32\cmd.exe", r#""cmd""#),
        (
            1_300,
            r"C:\Windows\System32\ipconfig.exe",
            r#""ipconfig.exe" /all"#,
        ),
        (
            1_700,
            r"C:\Windows\System32\ROUTE.EXE",
            r#""route.exe" print"#,
        ),
    ] {
        grower.start(at.plus_ms(after), Some(collector), image, command);
    }
    grower.done(at.plus_ms(4_100), collector, What::Wrote { path: archive });
    grower.done(
        at.plus_ms(6_400),
        agent.guest,
        What::Connected {
            address: "168.63.129.16",
            port: 32_526,
            url: "http://168.63.129.16:32526/",
        },
    );
}
