//! The event channels of a Windows guest: [`security`], [`powershell`], [`sysmon`] and [`system`].
//!
//! Each channel tells of the same processes and deeds in its own fields, so that they can be joined by process id, by
//! time and by path. Times are those of the machine's clock.

pub mod powershell;
pub mod security;
pub mod sysmon;
pub mod system;

use super::evtx::{self, Channel, Event, Value};
use super::guest_file;
use super::layout::computer;
use super::process::Tree;
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Machine, Trace, What, World};

/// The account that handlers run as.
pub const LOCAL_SYSTEM: &str = "S-1-5-18";
/// Folder of the logs.
const FOLDER: &str = r"C:\Windows\System32\winevt\Logs";

/// What the channels need to know.
#[derive(Debug)]
pub struct Scene<'w> {
    /// The facts.
    pub world: &'w World,
    /// The machine.
    pub machine: &'w Machine,
    /// Its position.
    pub machine_at: usize,
    /// Its processes.
    pub tree: &'w Tree,
    /// Its name as Windows writes it.
    pub computer: String,
    /// The id that its accounts' ids begin with.
    pub domain: String,
}

impl<'w> Scene<'w> {
    /// The scene of a machine.
    #[must_use]
    pub fn new(world: &'w World, machine_at: usize, machine: &'w Machine, tree: &'w Tree) -> Self {
        let mut random = Random::new(world.seed).stream(&format!("accounts of {}", machine.name));
        let mut part = || random.between(100_000_000, 4_000_000_000);
        Self {
            world,
            machine,
            machine_at,
            tree,
            computer: computer(machine),
            domain: format!("S-1-5-21-{}-{}-{}", part(), part(), part()),
        }
    }

    /// Whether events of a run are there still.
    #[must_use]
    pub fn keeps(&self, run: Option<usize>) -> bool {
        run.and_then(|run| self.world.runs.get(run))
            .is_none_or(|run| !run.lost.contains(&Trace::EventLog))
    }

    /// What the machine's clock showed.
    #[must_use]
    pub fn time(&self, at: Instant) -> Instant {
        self.machine.clock.reading(at)
    }

    /// The id of a local account: the first that was made has 1001.
    #[must_use]
    pub fn account(&self, name: &str) -> String {
        let before = self
            .tree
            .done
            .iter()
            .filter_map(|done| match done.what {
                What::AccountMade { name } => Some(name),
                _ => None,
            })
            .take_while(|made| *made != name)
            .count();
        format!("{}-{}", self.domain, 1_001 + before)
    }

    /// An event of a channel with what is usual there.
    fn event<'s>(
        &'s self,
        channel: &'s Channel,
        id: u16,
        at: Instant,
        data: Vec<(&'static str, Value)>,
    ) -> Event<'s> {
        Event {
            channel,
            id,
            version: 0,
            level: 4,
            task: 0,
            opcode: 0,
            keywords: 0x8000_0000_0000_0000,
            at: self.time(at),
            writer: None,
            activity: None,
            computer: &self.computer,
            data,
        }
    }
}

/// The events of all channels of a machine, by time: what a collector of forwarded events gets.
#[must_use]
pub fn forwarded<'s>(scene: &'s Scene<'_>) -> Vec<Event<'s>> {
    let mut events = security::events(scene);
    events.extend(powershell::events(scene));
    events.extend(sysmon::events(scene));
    events.extend(system::events(scene));
    events.sort_by_key(|event| event.at);
    events
}

/// The logs of a machine.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine, tree: &Tree) -> Vec<CaseFile> {
    let scene = Scene::new(world, machine_at, machine, tree);
    let channels = [
        (&security::CHANNEL, security::events(&scene)),
        (&powershell::CHANNEL, powershell::events(&scene)),
        (&sysmon::CHANNEL, sysmon::events(&scene)),
        (&system::CHANNEL, system::events(&scene)),
    ];
    channels
        .into_iter()
        .map(|(channel, mut events)| {
            events.sort_by_key(|event| event.at);
            let path = format!(r"{FOLDER}\{}", channel.file_name());
            // The log service holds the file open until the disk is taken.
            guest_file(machine, &path, machine.collected, evtx::file(events))
        })
        .collect()
}
