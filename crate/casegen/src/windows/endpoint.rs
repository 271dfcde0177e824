//! What the endpoint sensor sent, as the hunting page of the portal exports it: one CSV for each table.
//!
//! The portal prints the columns of the query, quotes only where it must, ends lines with a line feed and leaves out
//! what is null. Times are the machine's own, with up to seven digits.
//!
//! Hashes of programs are made up, the same for the same program. A script's SHA-256 is that of its bytes, so that it
//! joins the file; its other hashes are left out.

use super::layout::script_path;
use super::process::{Done, Started, Tree};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Machine, Trace, What, World};
use sha2::{Digest, Sha256};

/// Columns about the process behind an event.
const ACTOR: [&str; 16] = [
    "InitiatingProcessAccountDomain",
    "InitiatingProcessAccountName",
    "InitiatingProcessAccountSid",
    "InitiatingProcessLogonId",
    "InitiatingProcessIntegrityLevel",
    "InitiatingProcessTokenElevation",
    "InitiatingProcessSHA1",
    "InitiatingProcessSHA256",
    "InitiatingProcessFileName",
    "InitiatingProcessFolderPath",
    "InitiatingProcessId",
    "InitiatingProcessCommandLine",
    "InitiatingProcessCreationTime",
    "InitiatingProcessParentId",
    "InitiatingProcessParentFileName",
    "InitiatingProcessParentCreationTime",
];
const PREFIX: [&str; 4] = ["Timestamp", "DeviceId", "DeviceName", "ActionType"];
const PROCESS: [&str; 14] = [
    "FileName",
    "FolderPath",
    "SHA1",
    "SHA256",
    "MD5",
    "ProcessId",
    "ProcessCommandLine",
    "ProcessIntegrityLevel",
    "ProcessTokenElevation",
    "ProcessCreationTime",
    "AccountDomain",
    "AccountName",
    "AccountSid",
    "LogonId",
];
const FILE: [&str; 5] = ["FileName", "FolderPath", "SHA1", "SHA256", "FileSize"];
const NETWORK: [&str; 8] = [
    "RemoteIP",
    "RemotePort",
    "RemoteUrl",
    "LocalIP",
    "LocalPort",
    "Protocol",
    "LocalIPType",
    "RemoteIPType",
];
const SUFFIX: [&str; 2] = ["ReportId", "AdditionalFields"];

/// The address of a made-up machine.
pub const LOCAL_ADDRESS: &str = "10.20.1.9";

/// The tables of all machines.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    processes: Vec<(Instant, String)>,
    files: Vec<(Instant, String)>,
    connections: Vec<(Instant, String)>,
}

/// The header of the table of processes.
#[must_use]
pub fn process_header() -> String {
    header(&PROCESS)
}

fn header(own: &[&str]) -> String {
    let columns = PREFIX.iter().chain(own).chain(&ACTOR).chain(&SUFFIX);
    let columns: Vec<&str> = columns.copied().collect();
    columns.join(",") + "\n"
}

/// A field, quoted where it must be.
fn quote(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A made-up hash of a program: the same for the same path.
#[must_use]
pub fn program_hash(image: &str, digits: usize) -> String {
    let hash = hexadecimal(format!("{digits} {}", image.to_lowercase()).as_bytes());
    hash.chars().take(digits).collect()
}

/// SHA-256 of bytes.
fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The rows of a machine.
#[derive(Debug)]
pub struct Sensor {
    machine: Machine,
    device: String,
    next_report: i64,
}

impl Sensor {
    /// The sensor of a machine.
    #[must_use]
    pub fn new(seed: u64, machine: &Machine) -> Self {
        let mut random = Random::new(seed).stream(&format!("sensor of {}", machine.name));
        Self {
            machine: machine.clone(),
            device: random.hex(40),
            next_report: random.between(900, 9_000),
        }
    }

    fn time(&self, at: Instant) -> String {
        self.machine.clock.reading(at).rfc3339_ticks()
    }

    fn row(
        &mut self,
        at: Instant,
        action: &str,
        own: &[String],
        tree: &Tree,
        by: Option<usize>,
    ) -> String {
        self.next_report += 1 + (at.ms() % 3).abs();
        let mut fields = vec![
            self.time(at),
            self.device.clone(),
            self.machine.name.to_lowercase(),
            action.to_owned(),
        ];
        fields.extend(own.iter().cloned());
        fields.extend(self.actor(tree, by));
        fields.push(self.next_report.to_string());
        fields.push(String::new());
        let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
        quoted.join(",") + "\n"
    }

    fn actor(&self, tree: &Tree, by: Option<usize>) -> Vec<String> {
        let Some(actor) = tree.process(by) else {
            return vec![String::new(); ACTOR.len()];
        };
        let parent = tree.process(actor.parent);
        vec![
            "nt authority".to_owned(),
            "system".to_owned(),
            "S-1-5-18".to_owned(),
            "999".to_owned(),
            "System".to_owned(),
            "TokenElevationTypeDefault".to_owned(),
            program_hash(&actor.image, 40),
            program_hash(&actor.image, 64),
            actor.name().to_lowercase(),
            actor.image.to_lowercase(),
            actor.process.to_string(),
            actor.command.clone(),
            self.time(actor.at),
            parent.map_or_else(|| "0".to_owned(), |it| it.process.to_string()),
            parent.map_or_else(String::new, |it| it.name().to_owned()),
            parent.map_or_else(String::new, |it| self.time(it.at)),
        ]
    }

    /// The row of a process.
    pub fn process(&mut self, tree: &Tree, started: &Started) -> String {
        let own = [
            started.name().to_owned(),
            started.image.clone(),
            program_hash(&started.image, 40),
            program_hash(&started.image, 64),
            program_hash(&started.image, 32),
            started.process.to_string(),
            started.command.clone(),
            "System".to_owned(),
            "TokenElevationTypeDefault".to_owned(),
            self.time(started.at),
            "nt authority".to_owned(),
            "system".to_owned(),
            "S-1-5-18".to_owned(),
            "999".to_owned(),
        ];
        // The sensor reports a little after the kernel did.
        self.row(
            started.at.plus_nanoseconds(18_236_400),
            "ProcessCreated",
            &own,
            tree,
            started.parent,
        )
    }

    fn file(
        &mut self,
        world: &World,
        tree: &Tree,
        done: &Done,
        path: &str,
        action: &str,
    ) -> String {
        let name = path.rsplit('\\').next().unwrap_or(path);
        let script = done
            .run
            .and_then(|run| world.runs.get(run))
            .filter(|run| script_path(run) == path)
            .map(|run| run.script.as_slice());
        let deleted = action == "FileDeleted";
        let (sha1, sha256, size) = match script {
            _ if deleted => Default::default(),
            Some(bytes) => (String::new(), hexadecimal(bytes), bytes.len().to_string()),
            None => (
                program_hash(path, 40),
                program_hash(path, 64),
                (40_960 + path.len() * 512).to_string(),
            ),
        };
        let own = [name.to_owned(), path.to_owned(), sha1, sha256, size];
        self.row(done.at, action, &own, tree, Some(done.by))
    }

    fn connection(
        &mut self,
        tree: &Tree,
        done: &Done,
        address: &str,
        port: u16,
        url: &str,
    ) -> String {
        let own = [
            address.to_owned(),
            port.to_string(),
            url.to_owned(),
            LOCAL_ADDRESS.to_owned(),
            local_port(done.at).to_string(),
            "Tcp".to_owned(),
            "Private".to_owned(),
            if address.starts_with("10.") {
                "Private"
            } else {
                "Public"
            }
            .to_owned(),
        ];
        self.row(done.at, "ConnectionSuccess", &own, tree, Some(done.by))
    }
}

/// The port that a connection of a moment was made from: all logs name the same.
#[must_use]
pub fn local_port(at: Instant) -> u16 {
    49_152 + (at.ms().rem_euclid(16_384)) as u16
}

impl Tables {
    /// Adds what the sensor of a machine sent.
    pub fn add(&mut self, world: &World, machine: &Machine, tree: &Tree) {
        let mut sensor = Sensor::new(world.seed, machine);
        let sent = |run: Option<usize>| {
            run.and_then(|run| world.runs.get(run))
                .is_none_or(|run| !run.lost.contains(&Trace::Endpoint))
        };
        for started in tree.started.iter().filter(|it| sent(it.run)) {
            let row = sensor.process(tree, started);
            self.processes.push((started.at, row));
        }
        for done in tree.done.iter().filter(|it| sent(it.run)) {
            match &done.what {
                What::Wrote { path } => {
                    let row = sensor.file(world, tree, done, path, "FileCreated");
                    self.files.push((done.at, row));
                }
                What::Deleted { path } => {
                    let row = sensor.file(world, tree, done, path, "FileDeleted");
                    self.files.push((done.at, row));
                }
                What::Connected { address, port, url } => {
                    let row = sensor.connection(tree, done, address, *port, url);
                    self.connections.push((done.at, row));
                }
                What::AccountMade { .. }
                | What::GroupJoined { .. }
                | What::ServiceInstalled { .. } => {}
            }
        }
    }

    /// The exports; none where nothing was sent.
    #[must_use]
    pub fn files(self) -> Vec<CaseFile> {
        [
            ("DeviceProcessEvents", header(&PROCESS), self.processes),
            ("DeviceFileEvents", header(&FILE), self.files),
            ("DeviceNetworkEvents", header(&NETWORK), self.connections),
        ]
        .into_iter()
        .filter(|(.., rows)| !rows.is_empty())
        .map(|(table, header, mut rows)| {
            rows.sort_by_key(|(at, _)| *at);
            let text: String = rows.into_iter().map(|(_, row)| row).collect();
            // Exported by an analyst's browser, not by the machine: no time of the machine belongs to it.
            CaseFile::new(
                &format!("endpoint/{table}.csv"),
                None,
                (header + &text).into_bytes(),
            )
        })
        .collect()
    }
}
