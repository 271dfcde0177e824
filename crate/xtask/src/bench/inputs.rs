//! What the benches read: one file of each format, made anew for each run and gone afterwards.
//!
//! The files are functions of seed and size (`crate/casegen/src/volume`), so everybody measures the same bytes. Rejected: keeping them between
//! runs. A file of an older generator would be measured without anybody noticing.

use crate::failure::Failure;
use runlens_casegen::volume::{self, Writer};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// How a careful tool would parse a format that is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json {
    /// One object a line.
    Lines,
    /// One array.
    Array,
}

/// A format that is measured.
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// Whether it is JSON.
    pub json: Option<Json>,
    /// Share of the hand-over that is to be reached, in percent; 0 where nothing is asked.
    pub reach_percent: u32,
    /// Whether it is a log, whose case is to need at most 0.35 of its bytes.
    pub log: bool,
    write: Writer,
}

const fn log(name: &'static str, file: &'static str, write: Writer) -> Format {
    Format {
        name,
        file,
        json: None,
        reach_percent: 70,
        log: true,
        write,
    }
}

/// All of them, in the order of tables.
pub static FORMATS: [Format; 10] = [
    Format {
        json: Some(Json::Lines),
        ..log(
            "activity-ndjson",
            "insights-activity-logs.json",
            volume::activity_ndjson,
        )
    },
    Format {
        json: Some(Json::Array),
        ..log(
            "activity-array",
            "activity-log.json",
            volume::activity_array,
        )
    },
    log("waagent-log", "waagent.log", volume::waagent_log),
    log("handler-log", "handler.log", volume::handler_log),
    log("syslog", "syslog", volume::syslog),
    log("auditd", "audit.log", volume::auditd),
    Format {
        reach_percent: 0,
        log: false,
        ..log("evtx", "ForwardedEvents.evtx", volume::evtx)
    },
    Format {
        reach_percent: 0,
        log: false,
        ..log(
            "defender-csv",
            "DeviceProcessEvents.csv",
            volume::defender_csv,
        )
    },
    Format {
        reach_percent: 0,
        log: false,
        ..log("mixed-zip", "triage.zip", volume::mixed_zip)
    },
    Format {
        reach_percent: 0,
        log: false,
        ..log("hours-zip", "hours.zip", volume::hours_zip)
    },
];

/// A format by its name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// A file that was made.
pub struct Input {
    /// Of which format.
    pub format: &'static Format,
    /// Where.
    pub path: PathBuf,
    /// Bytes; of an archive those of its members, unpacked.
    pub bytes: u64,
    /// Records.
    pub records: u64,
}

/// A temporary folder, gone with this value.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    pub fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("runlens-bench-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(Failure::file("create", &path))?;
        Ok(Self(path))
    }

    /// A folder in it.
    pub fn inside(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.0.join(name);
        fs::create_dir_all(&path).map_err(Failure::file("create", &path))?;
        Ok(path)
    }

    /// Makes a file of at least a size, of a seed.
    pub fn make(&self, format: &'static Format, size: u64, seed: u64) -> Result<Input, Failure> {
        let path = self.inside(&format!("{size}"))?.join(format.file);
        let file = File::create(&path).map_err(Failure::file("create", &path))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let written = (format.write)(seed, size, &mut out)
            .and_then(|written| out.flush().map(|()| written))
            .map_err(Failure::file("write", &path))?;
        Ok(Input {
            format,
            path,
            bytes: written.bytes,
            records: written.records,
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: it lies where the system keeps what may go.
        let _ = fs::remove_dir_all(&self.0);
    }
}
