//! `waagent.log` and the extensions' `CommandExecution.log`, a subset of it.

use super::agent::{AgentRecord, Who};
use super::handlers::Handler;
use super::{Trail, guest_file};
use crate::case::CaseFile;
use crate::world::{Family, Machine};
use std::collections::BTreeMap;

/// A record as it stands in the log, line feed included.
#[must_use]
pub fn print(machine: &Machine, record: &AgentRecord) -> String {
    let time = machine.clock.reading(record.at).rfc3339_micros();
    let head = match &record.who {
        Who::Thread => "ExtHandler".to_owned(),
        Who::ExtHandler => "ExtHandler ExtHandler".to_owned(),
        Who::Daemon => "Daemon Daemon".to_owned(),
        Who::Extension(full, ..) => format!("ExtHandler [{full}]"),
    };
    format!("{time} INFO {head} {}\n", record.text)
}

/// The agent's logs of a machine.
#[must_use]
pub fn files(machine: &Machine, trail: &Trail) -> Vec<CaseFile> {
    let changed = |records: &[&AgentRecord]| {
        records
            .iter()
            .map(|record| record.at)
            .max()
            .unwrap_or_default()
    };
    let all: Vec<&AgentRecord> = trail.agent.iter().collect();
    let mut logs: BTreeMap<String, Vec<&AgentRecord>> = BTreeMap::new();
    for record in &all {
        if let Who::Extension(_, family, name) = &record.who {
            logs.entry(command_log(*family, *name))
                .or_default()
                .push(record);
        }
    }
    logs.insert("/var/log/waagent.log".to_owned(), all);
    logs.into_iter()
        .map(|(path, records)| {
            let text: String = records
                .iter()
                .map(|record| print(machine, record))
                .collect();
            guest_file(machine, &path, changed(&records), text.into_bytes())
        })
        .collect()
}

fn command_log(family: Family, name: Option<&str>) -> String {
    let handler = Handler::of(family).name;
    match name {
        Some(name) => format!("/var/log/azure/{handler}/CommandExecution_{name}.log"),
        None => format!("/var/log/azure/{handler}/CommandExecution.log"),
    }
}
