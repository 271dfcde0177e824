//! The guest side: what each machine's agent, handlers and system logged, through the machine's own clock.
//!
//! [`agent`] plays the guest agent: it takes the machine's goal states in order and calls the handlers, which gives a
//! [`Trail`]. The other modules print parts of the trail, or of the facts, as files below the machine's triage root:
//!
//! ```text
//! web01/var/log/waagent.log                                                      agent_log
//! web01/var/log/azure/Microsoft.CPlat.Core.RunCommandLinux/CommandExecution.log  agent_log
//! web01/var/log/azure/run-command/handler.log                                    handler_log
//! web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/…             extension_files
//! web01/var/lib/waagent/run-command/download/3/{script.sh,stdout,stderr}         extension_files
//! web01/var/log/{syslog,auth.log} or {messages,secure}                           system_log
//! web01/var/log/audit/audit.log                                                  audit
//! ```

pub mod agent;
pub mod agent_log;
pub mod audit;
pub mod extension_files;
pub mod handler_log;
pub mod handlers;
pub mod system_log;

use crate::case::CaseFile;
use crate::instant::Instant;
use crate::world::{Family, Machine, Platform, Trace, World};
use agent::AgentRecord;
use handler_log::HandlerLine;
use std::collections::BTreeMap;

/// Everything that happened around the agent of one machine, in the order it was written.
#[derive(Debug, Default)]
pub struct Trail {
    /// The agent's records.
    pub agent: Vec<AgentRecord>,
    /// Lines of each handler log.
    pub handler: BTreeMap<Family, Vec<HandlerLine>>,
    /// Lines of the system manager.
    pub manager: Vec<(Instant, String)>,
    /// When each family was last enabled.
    pub enabled: BTreeMap<Family, Instant>,
}

impl Trail {
    /// When a family was last enabled.
    #[must_use]
    pub fn last_enabled(&self, family: Family) -> Option<Instant> {
        self.enabled.get(&family).copied()
    }
}

/// A file below a machine's triage root, last changed at a true moment.
fn guest_file(machine: &Machine, path: &str, at: Instant, bytes: Vec<u8>) -> CaseFile {
    CaseFile::new(
        &format!("{}{path}", machine.name),
        Some(machine.clock.reading(at).ms()),
        bytes,
    )
}

/// The log of the service that runs immediate run commands; it deletes everything else of them.
fn immediate(world: &World, machine_at: usize, machine: &Machine) -> Option<CaseFile> {
    let own = world.runs.iter().filter(|run| {
        run.machine == machine_at
            && run.family == Family::Immediate
            && !run.lost.contains(&Trace::HandlerLog)
    });
    let mut lines: Vec<_> = own
        .flat_map(|run| handler_log::immediate(&machine.clock, run))
        .collect();
    lines.sort_by_key(|line| line.at);
    let changed = lines.last()?.at;
    let text: String = lines
        .iter()
        .map(|line| format!("{}\n", line.text))
        .collect();
    let folder = handlers::Handler::of(Family::Immediate).log;
    let path = format!("/var/log/azure/{folder}/ImmediateRunCommandService.log");
    Some(guest_file(machine, &path, changed, text.into_bytes()))
}

/// The guest files of a world.
#[must_use]
pub fn files(world: &World) -> Vec<CaseFile> {
    let mut files = Vec::new();
    let linux = |(_, machine): &(usize, &Machine)| machine.platform == Platform::Linux;
    for (at, machine) in world.machines.iter().enumerate().filter(linux) {
        let trail = agent::trail(world, at, machine);
        files.extend(agent_log::files(machine, &trail));
        for (family, lines) in &trail.handler {
            let text: String = lines
                .iter()
                .map(|line| format!("{}\n", line.text))
                .collect();
            let changed = lines.iter().map(|line| line.at).max().unwrap_or_default();
            let folder = handlers::Handler::of(*family).log;
            files.push(guest_file(
                machine,
                &format!("/var/log/azure/{folder}/handler.log"),
                changed,
                text.into_bytes(),
            ));
        }
        files.extend(immediate(world, at, machine));
        files.extend(extension_files::files(world, at, machine, &trail));
        files.extend(system_log::files(world, at, machine, &trail));
        files.extend(audit::files(world, at, machine));
    }
    files
}
