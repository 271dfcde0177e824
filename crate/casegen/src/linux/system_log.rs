//! The system log and the log of logins, in the form that the distribution writes.
//!
//! The agent's own lines are in the system log too, each line of a record a message of its own, as they come by way of
//! its standard output.

use super::agent_log;
use super::{Trail, guest_file};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::world::{Log, Machine, SystemLog, World};

/// The agent's process id on a machine, one for each start of the machine.
fn agent_process(machine: &Machine, at: Instant) -> usize {
    let boots = machine.boots.iter().filter(|boot| **boot <= at).count();
    840 + machine.name.len() * 17 + boots * 31
}

/// The logs of a machine.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine, trail: &Trail) -> Vec<CaseFile> {
    let mut system: Vec<(Instant, String, String)> = Vec::new();
    let mut auth = Vec::new();
    for remark in world
        .remarks
        .iter()
        .filter(|remark| remark.machine == machine_at)
    {
        let line = (remark.at, remark.tag.clone(), remark.text.clone());
        match remark.log {
            Log::System => system.push(line),
            Log::Auth => auth.push(line),
        }
    }
    for (at, text) in &trail.manager {
        system.push((*at, "systemd[1]".to_owned(), text.clone()));
    }
    for record in &trail.agent {
        let python = if machine.python.starts_with('2') {
            "python"
        } else {
            "python3"
        };
        let tag = format!("{python}[{}]", agent_process(machine, record.at));
        for line in agent_log::print(machine, record)
            .lines()
            .filter(|line| !line.is_empty())
        {
            system.push((record.at.plus_ms(1), tag.clone(), line.to_owned()));
        }
    }
    let (system_path, auth_path) = match machine.system_log {
        SystemLog::DebianTraditional | SystemLog::DebianIso => {
            ("/var/log/syslog", "/var/log/auth.log")
        }
        SystemLog::RedHat => ("/var/log/messages", "/var/log/secure"),
    };
    [(system_path, system), (auth_path, auth)]
        .into_iter()
        .map(|(path, mut lines)| {
            lines.sort_by_key(|(at, ..)| *at);
            let changed = lines.last().map(|(at, ..)| *at).unwrap_or_default();
            let text: String = lines
                .iter()
                .map(|(at, tag, message)| print(machine, *at, tag, message))
                .collect();
            guest_file(machine, path, changed, text.into_bytes())
        })
        .collect()
}

/// A message, line feed included. Control characters are escaped as rsyslog does.
#[must_use]
pub fn print(machine: &Machine, at: Instant, tag: &str, message: &str) -> String {
    let time = match machine.system_log {
        SystemLog::DebianIso => machine.clock.rsyslog_iso(at),
        SystemLog::DebianTraditional | SystemLog::RedHat => machine.clock.rfc3164(at),
    };
    let message = message.replace('\t', "#011");
    format!("{time} {} {tag}: {message}\n", machine.name)
}
