//! Windows telemetry without end: one machine on which a script runs every minute or two, day after day.
//!
//! As on Linux the facts are played in batches of [`BATCH`] runs, each beginning with a start of the machine, and the
//! writers of the example case print them.

use super::{Counter, Written};
use crate::instant::{Clock, Instant};
use crate::plan::{Call, Plan, Way, Work};
use crate::random::Random;
use crate::windows::endpoint::{Sensor, process_header};
use crate::windows::event_log::{self, Scene};
use crate::windows::evtx::{CHUNK_BYTES, HEADER_BYTES, Log, header};
use crate::windows::process::{self, Tree};
use crate::world::{
    Client, Machine, Platform, Subscription, SystemLog, VM_CONTRIBUTOR, What, World,
};
use std::io;

/// Runs that are played at once.
const BATCH: i64 = 200;
/// Seconds from one run to the next.
const APART: i64 = 105;
/// 2024-01-01.
const FIRST: Instant = Instant::of_seconds(1_704_067_200);

struct Batch {
    world: World,
    machine: Machine,
    tree: Tree,
}

fn machine(seed: u64, begun: Instant) -> Machine {
    Machine {
        name: "erp01",
        resource:
            "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/erp01"
                .to_owned(),
        subscription: 0,
        vm_id: Random::new(seed).stream("machine").guid(),
        platform: Platform::Windows,
        clock: Clock::default(),
        agent: "2.7.41491.1095",
        agent_knows_correlation: false,
        system: "Windows Server 2022 Datacenter, 10.0.20348.0",
        python: "",
        system_log: SystemLog::DebianTraditional,
        boots: vec![begun],
        collected: begun.plus_seconds(BATCH * (APART + 5)),
        audited_until: None,
    }
}

fn batch(seed: u64, number: i64) -> Option<Batch> {
    let mut plan = Plan::new(
        "volume",
        Random::new(seed).stream(&format!("batch {number}")).bits(),
    );
    let mut random = plan.random().stream("batch");
    plan.world.subscriptions.push(Subscription {
        id: Random::new(seed).stream("subscription").guid(),
        name: "contoso-production",
    });
    let begun = FIRST.plus_seconds(number * BATCH * (APART + 5));
    plan.world.machines.push(machine(seed, begun));
    let principal = plan.principal("", "patch-automation", VM_CONTRIBUTOR);
    let call = Call {
        token: plan.token(principal, Client::Own, None, begun, None),
        address: "198.51.100.40",
        hostile: false,
    };
    for run in 0..BATCH {
        let way = match random.below(12) {
            0 => Way::Managed("erp-report"),
            1 => Way::Managed("nightly-report"),
            _ => Way::Action,
        };
        let at = begun.plus_seconds(120 + run * APART);
        plan.invoke(call, 0, way, work(&mut random), at);
    }
    let mut world = plan.finish();
    for run in &mut world.runs {
        run.sequence += (number * BATCH) as u32;
    }
    let machine = world.machines.first()?.clone();
    let tree = process::tree(&world, 0, &machine);
    Some(Batch {
        world,
        machine,
        tree,
    })
}

/// Programs that scripts start.
const PROGRAMS: [(&str, &[&str]); 4] = [
    (
        r"C:\Windows\System32\net.exe",
        &["net", "user", "svc-print"],
    ),
    (r"C:\Windows\System32\ipconfig.exe", &["ipconfig", "/all"]),
    (
        r"C:\Windows\System32\sc.exe",
        &["sc.exe", "query", "ErpServer"],
    ),
    (
        r"C:\Windows\System32\reg.exe",
        &["reg", "query", r"HKLM\SOFTWARE\Contoso\Erp", "/s"],
    ),
];

fn work(random: &mut Random) -> Work {
    let lasts = random.between(400, 18_000);
    // One script in fifty is longer than one event can hold.
    let lines = if random.percent(2) {
        700
    } else {
        random.between(1, 30)
    };
    let script: String = (0..lines)
        .map(|line| format!("Write-Output 'step {line} of {}'\r\n", random.below(1_000)))
        .collect();
    let mut work = Work::new(&script, "done\r\n", lasts);
    for after in 1..=random.between(0, 3) {
        if let Some((exe, words)) = random.one(&PROGRAMS) {
            work = work.starts(after * 90, exe, words);
        }
    }
    if random.percent(15) {
        let path = format!(r"C:\Reports\{}.json", random.hex(12));
        work = work.does(300, What::Wrote { path });
    }
    if random.percent(10) {
        let port = random.between(1, 60_000) as u16;
        work = work.does(
            320,
            What::Connected {
                address: "198.51.100.61",
                port,
                url: "",
            },
        );
    }
    work
}

/// `ForwardedEvents.evtx` of a collector: the events of all channels of a machine. The file is a whole number of
/// chunks, and says that it is dirty: its header was written before anybody knew how many records would follow.
pub fn evtx(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let mut counter = Counter::new(out);
    let chunks = size
        .saturating_sub(HEADER_BYTES as u64)
        .div_ceil(CHUNK_BYTES as u64)
        .max(1);
    counter.write(
        &header(u16::try_from(chunks).unwrap_or(u16::MAX), 1, true),
        0,
    )?;
    let mut log = Log::new(1);
    let (mut number, mut left) = (0, chunks);
    while left > 0 {
        let Some(batch) = batch(seed, number) else {
            break;
        };
        let scene = Scene::new(&batch.world, 0, &batch.machine, &batch.tree);
        for event in event_log::forwarded(&scene) {
            if let Some(full) = log.push(&event) {
                counter.write(&full.bytes, full.records)?;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        number += 1;
    }
    Ok(counter.written)
}

/// `DeviceProcessEvents` as the portal exports it. Each row is a record.
pub fn defender_csv(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let mut counter = Counter::new(out);
    counter.write(&process_header(), 0)?;
    let mut sensor = Sensor::new(seed, &machine(seed, FIRST));
    let mut number = 0;
    while counter.is_below(size) {
        let Some(batch) = batch(seed, number) else {
            break;
        };
        for started in &batch.tree.started {
            counter.write(&sensor.process(&batch.tree, started), 1)?;
            if !counter.is_below(size) {
                break;
            }
        }
        number += 1;
    }
    Ok(counter.written)
}
