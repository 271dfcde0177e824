//! Guest logs without end: one machine on which a script runs every minute or two, day after day.
//!
//! The guest agent is played in batches of [`BATCH`] runs; each batch begins with a start of the agent, as an update of
//! the agent does. Sequence numbers go on from batch to batch.

use super::{Counter, Written};
use crate::instant::{Clock, Instant};
use crate::linux::audit::{Started, cron, execve};
use crate::linux::{Trail, agent, agent_log, system_log};
use crate::plan::{Call, Plan, Way, Work};
use crate::random::Random;
use crate::world::{
    Client, Family, Log, Machine, Platform, Subscription, SystemLog, VM_CONTRIBUTOR, World,
};
use std::io;

/// Runs that are played at once.
const BATCH: i64 = 200;
/// 2024-01-01.
const FIRST: Instant = Instant::of_seconds(1_704_067_200);

struct Batch {
    world: World,
    machine: Machine,
    trail: Trail,
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
    let begun = FIRST.plus_seconds(number * BATCH * 110);
    plan.world.machines.push(Machine {
        name: "web01",
        resource:
            "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web01"
                .to_owned(),
        subscription: 0,
        vm_id: random.guid(),
        platform: Platform::Linux,
        clock: Clock::default(),
        agent: "2.11.1.4",
        agent_knows_correlation: true,
        system: "ubuntu 22.04",
        python: "3.10.12",
        system_log: SystemLog::DebianTraditional,
        boots: vec![begun],
        collected: begun.plus_seconds(BATCH * 110),
        audited_until: None,
    });
    let principal = plan.principal("", "patch-automation", VM_CONTRIBUTOR);
    let call = Call {
        token: plan.token(principal, Client::Own, None, begun, None),
        address: "198.51.100.40",
        hostile: false,
    };
    for run in 0..BATCH {
        let lasts = random.between(200, 18_000);
        let work = Work::new("#!/bin/bash\nhostname\n", "web01\n", lasts);
        let work = if random.percent(6) {
            work.failing(1, "failed\n")
        } else {
            work
        };
        let way = match random.below(12) {
            0 => Way::Managed("health-probe"),
            1 => Way::Managed("nightly-report"),
            _ => Way::Action,
        };
        plan.invoke(call, 0, way, work, begun.plus_seconds(60 + run * 105));
        for _ in 0..random.below(6) {
            remark(&mut plan, &mut random, begun.plus_seconds(60 + run * 105));
        }
    }
    let mut world = plan.finish();
    for run in &mut world.runs {
        run.sequence += (number * BATCH) as u32;
    }
    let machine = world.machines.first()?.clone();
    let trail = agent::trail(&world, 0, &machine);
    Some(Batch {
        world,
        machine,
        trail,
    })
}

fn remark(plan: &mut Plan, random: &mut Random, at: Instant) {
    let at = at.plus_ms(random.between(0, 100_000));
    let process = random.between(1_000, 32_000);
    let (tag, text) = match random.below(4) {
        0 => (
            format!("CRON[{process}]"),
            "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)".to_owned(),
        ),
        1 => (
            format!("sshd[{process}]"),
            format!(
                "Invalid user admin from 198.51.100.{} port {}",
                random.below(255),
                random.between(30_000, 65_000)
            ),
        ),
        2 => (
            "systemd[1]".to_owned(),
            format!("Started Session {process} of user opsadmin."),
        ),
        _ => (
            "kernel".to_owned(),
            format!(
                "[{process}.{}] nf_conntrack: table is at {} entries",
                random.below(1_000_000),
                random.below(65_536)
            ),
        ),
    };
    plan.remark(0, Log::System, at, tag, text);
}

/// Plays batches and writes what `print` makes of each: text and the records in it.
fn play(
    seed: u64,
    size: u64,
    out: &mut dyn io::Write,
    print: impl Fn(&Batch) -> Vec<(String, u64)>,
) -> io::Result<Written> {
    let mut counter = Counter::new(out);
    let mut number = 0;
    while counter.is_below(size) {
        let Some(batch) = batch(seed, number) else {
            break;
        };
        for (text, records) in print(&batch) {
            counter.write(&text, records)?;
            if !counter.is_below(size) {
                break;
            }
        }
        number += 1;
    }
    Ok(counter.written)
}

/// `waagent.log` of a present-day agent. Records here are the agent's own; dated lines inside their bodies come on top.
pub fn waagent_log(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    play(seed, size, out, |batch| {
        batch
            .trail
            .agent
            .iter()
            .map(|record| (agent_log::print(&batch.machine, record), 1))
            .collect()
    })
}

/// `handler.log` of the action handler. Each line is a record.
pub fn handler_log(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    play(seed, size, out, |batch| {
        batch
            .trail
            .handler
            .get(&Family::Action)
            .into_iter()
            .flatten()
            .map(|line| (format!("{}\n", line.text), 1))
            .collect()
    })
}

/// `syslog` in RFC 3164, with the agent's lines in it. Each line is a record.
pub fn syslog(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    play(seed, size, out, |batch| {
        let files = system_log::files(&batch.world, 0, &batch.machine, &batch.trail);
        let text = files
            .into_iter()
            .find(|file| file.path.ends_with("/syslog"))
            .map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
            .unwrap_or_default();
        text.lines().map(|line| (format!("{line}\n"), 1)).collect()
    })
}

/// `audit.log`: programs started and sessions of cron. A record is an event: all lines of one serial number.
pub fn auditd(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    const PROGRAMS: [(&str, &[&str]); 6] = [
        (
            "/usr/bin/dash",
            &[
                "/bin/sh",
                "-c",
                "/var/lib/waagent/run-command/download/3/script.sh",
            ],
        ),
        (
            "/usr/bin/curl",
            &["curl", "-fsS", "http://127.0.0.1/healthz"],
        ),
        (
            "/usr/bin/grep",
            &["grep", "-E", "error|failed to", "/var/log/syslog"],
        ),
        ("/usr/bin/df", &["df", "--output=pcent", "/srv/www"]),
        ("/usr/bin/systemctl", &["systemctl", "is-active", "nginx"]),
        ("/usr/bin/apt-get", &["apt-get", "-qq", "update"]),
    ];
    let mut counter = Counter::new(out);
    let mut random = Random::new(seed).stream("volume of audit");
    let (mut at, mut serial) = (FIRST, 100);
    while counter.is_below(size) {
        at = at.plus_ms(random.between(3, 4_000));
        serial += 2;
        let process = random.between(1_000, 32_000);
        if random.percent(10) {
            counter.write(&cron(at, serial, process), 2)?;
            continue;
        }
        let Some((exe, words)) = random.one(&PROGRAMS) else {
            break;
        };
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        if random.percent(30) {
            arguments.push(random.hex(12));
        }
        let folder = format!(
            "/var/lib/waagent/run-command/download/{}",
            random.below(400)
        );
        let started = Started {
            process,
            parent: process - random.between(1, 40),
            exe,
            arguments: &arguments,
            folder: &folder,
        };
        counter.write(&execve(at, serial, &started), 1)?;
    }
    Ok(counter.written)
}
