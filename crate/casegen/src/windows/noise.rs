//! What a Windows machine does by itself: its services, and the programs that they and the agent start day by day.
//!
//! The agent's collection of its own logs is among it. It looks like an intruder at work and is not.

use super::process::{AGENT_FOLDER, Grower, Roots};
use crate::instant::Instant;
use crate::world::What;

/// The processes of a start of the machine.
pub fn boot(grower: &mut Grower, at: Instant) -> Roots {
    let wininit = grower.start(
        at.plus_seconds(4),
        None,
        r"C:\Windows\System32\wininit.exe",
        "wininit.exe",
    );
    let services = grower.start(
        at.plus_seconds(5),
        Some(wininit),
        r"C:\Windows\System32\services.exe",
        r"C:\Windows\system32\services.exe",
    );
    let scheduler = grower.start(
        at.plus_seconds(9),
        Some(services),
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule",
    );
    let agent_image = format!(r"{AGENT_FOLDER}\WaAppAgent.exe");
    let agent = grower.start(
        at.plus_seconds(88),
        Some(services),
        &agent_image,
        &agent_image,
    );
    let guest_image = format!(r"{AGENT_FOLDER}\WindowsAzureGuestAgent.exe");
    let guest_agent = grower.start(
        at.plus_seconds(89),
        Some(services),
        &guest_image,
        &guest_image,
    );
    Roots {
        services,
        scheduler,
        agent,
        guest_agent,
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
    let collector = grower.start(
        at,
        Some(roots.agent),
        &format!(r"{AGENT_FOLDER}\CollectGuestLogs.exe"),
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
        roots.guest_agent,
        What::Connected {
            address: "168.63.129.16",
            port: 32_526,
            url: "http://168.63.129.16:32526/",
        },
    );
}
