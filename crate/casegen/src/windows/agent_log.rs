//! `WaAppAgent.log`, in two generations.
//!
//! The image of the machine came with an older agent, which updated itself in the first night. What it logged lies in
//! `WaAppAgent.001.log` in the form of its time, cut at the front where the log was rotated:
//!
//! ```text
//! [00000007] [04/29/2024 23:49:11.87] [INFO]  Goal state …
//! [00000007] 2024-05-02T10:15:12.812Z [INFO]  Goal state …
//! ```

use super::layout::Handler;
use super::{centiseconds, guest_file, noise, steps};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Machine, Run, Trace, World};

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// When, by the true clock.
    pub at: Instant,
    /// Thread.
    pub thread: u8,
    /// Level.
    pub level: &'static str,
    /// Message.
    pub text: String,
}

/// The logs of a machine.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine) -> Vec<CaseFile> {
    let boot = machine.boots.first().copied().unwrap_or_default();
    let update = noise::update(boot);
    let mut records = life(world, machine, boot, update);
    for run in world.runs.iter().filter(|run| run.machine == machine_at) {
        if !run.lost.contains(&Trace::AgentLog) {
            records.extend(enable(run));
        }
        records.extend(removal(run));
    }
    records.sort_by_key(|record| record.at);
    let split = records.partition_point(|record| record.at < update);
    let (older, newer) = records.split_at(split);
    // Where the rotation cut a line.
    let mut cut = "rtSequence completed, state: Started\r\n".to_owned();
    cut.extend(older.iter().map(|record| print_older(machine, record)));
    let newer_text: String = newer.iter().map(|record| print(machine, record)).collect();
    let last = |records: &[Record]| records.last().map(|it| it.at).unwrap_or_default();
    vec![
        guest_file(
            machine,
            r"C:\WindowsAzure\Logs\WaAppAgent.001.log",
            last(older),
            cut.into_bytes(),
        ),
        guest_file(
            machine,
            r"C:\WindowsAzure\Logs\WaAppAgent.log",
            last(newer),
            newer_text.into_bytes(),
        ),
    ]
}

fn column(level: &str) -> String {
    let bracketed = format!("[{level}]");
    format!("{bracketed:<8}")
}

/// A record in the present form.
#[must_use]
pub fn print(machine: &Machine, record: &Record) -> String {
    let time = machine.clock.reading(record.at).rfc3339_ms();
    let level = column(record.level);
    format!("[{:08}] {time} {level}{}\r\n", record.thread, record.text)
}

/// A record in the form of older agents.
#[must_use]
pub fn print_older(machine: &Machine, record: &Record) -> String {
    let time = centiseconds(machine.clock.reading(record.at));
    let level = column(record.level);
    format!("[{:08}] [{time}] {level}{}\r\n", record.thread, record.text)
}

fn record(at: Instant, thread: u8, level: &'static str, text: impl Into<String>) -> Record {
    Record {
        at,
        thread,
        level,
        text: text.into(),
    }
}

/// Starts, heartbeats and health reports.
fn life(world: &World, machine: &Machine, boot: Instant, update: Instant) -> Vec<Record> {
    let mut records = Vec::new();
    for (at, version) in [
        (boot.plus_seconds(89), noise::FIRST_AGENT),
        (update, machine.agent),
    ] {
        records.extend([
            record(
                at,
                1,
                "INFO",
                format!("WindowsAzureGuestAgent starting. Version {version}"),
            ),
            record(
                at.plus_ms(140),
                1,
                "INFO",
                format!("OS version: {}", machine.system),
            ),
            record(
                at.plus_ms(410),
                4,
                "INFO",
                "Fabric Uri for WireServer: 168.63.129.16",
            ),
        ]);
    }
    records.push(record(
        update.plus_ms(-800),
        7,
        "WARN",
        "WindowsAzureGuestAgent stopping.",
    ));
    records.push(record(
        update.plus_ms(-780),
        4,
        "WARN",
        "WindowsAzureGuestAgent could not be stopped. Exception: System.NullReferenceException: Object reference not set to an instance of an object.\r\n   at Microsoft.WindowsAzure.GuestAgent.ContainerStateMachine.GoalStateExecutorBase.Uninitialize(Boolean waitForTerminalState)\r\n   at Microsoft.WindowsAzure.GuestAgent.AgentCore.AgentCore.Stop(Boolean waitForTerminalState)",
    ));
    let mut random = Random::new(world.seed).stream(&format!("agent of {}", machine.name));
    let mut at = boot.plus_seconds(600);
    while at < machine.collected {
        records.push(record(at, 12, "HEART", "WindowsAzureGuestAgent Heartbeat."));
        if random.percent(8) {
            records.push(record(
                at.plus_ms(random.between(900, 50_000)),
                9,
                "TRACE",
                "Uploading the status blob took longer than expected.",
            ));
        }
        at = at.plus_ms(3_600_000 + random.between(-400, 900));
    }
    records
}

/// The goal state of a run, and the call of its handler.
fn enable(run: &Run) -> Vec<Record> {
    let handler = Handler::of_run(run);
    let (name, version) = (handler.name, handler.version);
    let extension = run.guest_name().unwrap_or_default();
    let noticed = run.noticed;
    let called = steps::called(run);
    let mut records = vec![
        record(
            noticed,
            7,
            "INFO",
            format!(
                "New goal state received. Incarnation: {}",
                run.goal_state.number % 1_000
            ),
        ),
        record(
            noticed.plus_ms(8),
            7,
            "INFO",
            format!(
                "Starting extension processing for extension 'HandlerName: '{name}', ExtensionName: '{extension}''"
            ),
        ),
        record(
            noticed.plus_ms(9),
            7,
            "INFO",
            format!(
                "Processing plugin {name} version {version}, state: enabled, autoupgrade: True, isJson: True"
            ),
        ),
        record(
            called.plus_ms(-4),
            7,
            "INFO",
            format!("Beginning enable of plugin {name}."),
        ),
    ];
    for (level, text) in [
        (
            "INFO",
            format!("CreateJobObject: Creating job object with a name of {name}"),
        ),
        (
            "TRACE",
            format!("{name}: A job object was already existing with this thread"),
        ),
        ("ERROR", format!("{name}: Error SetCPUNotification: 87")),
        ("INFO", format!("{name}: Extension CpuQuota is not set")),
        (
            "INFO",
            format!(
                r"{name}: Starting process {}\enable.cmd and params: ",
                handler.folder()
            ),
        ),
    ] {
        records.push(record(called.plus_ms(-3), 7, level, text));
    }
    records.push(record(
        steps::reported(run).plus_ms(90),
        7,
        "INFO",
        format!(
            "Successfully enabled plugin {name}, sequence number {}",
            run.sequence
        ),
    ));
    records
}

/// The goal state that a managed run command was deleted by.
fn removal(run: &Run) -> Option<Record> {
    let (name, at) = (run.guest_name()?, run.removed?);
    let handler = Handler::of_run(run).name;
    Some(record(
        at,
        7,
        "INFO",
        format!("Removing extension 'HandlerName: '{handler}', ExtensionName: '{name}''"),
    ))
}
