//! From arguments to evidence items: what there is, under which path, in which order.
//!
//! Paths are those that the tab sees when the same things are dropped on it:
//!
//! ```text
//! analyze /mnt/case/triage    triage/var/log/waagent.log, triage/var/log/syslog, …
//! analyze export.json         export.json
//! ```
//!
//! Below a folder, links are not followed: they lead out of the evidence, or in circles. Links, devices and
//! pipes are named on standard error, for whoever wonders where they are. A file that cannot be opened
//! is still an item; the case says that it could not be read.
//!
//! Rejected: a walking library. Its options would have to say all of the above, and it would be longer than this.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// One file that is evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Its path in the case, with `/`.
    pub path: String,
    /// Where it is.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Modified time in ms since 1970, cut as browsers cut it.
    pub modified_ms: Option<i64>,
}

/// All files of these arguments, by path, and a sentence for each thing that was left out.
pub fn collect(arguments: &[PathBuf]) -> (Vec<EvidenceFile>, Vec<String>) {
    let mut walk = Walk::default();
    for argument in arguments {
        match fs::metadata(argument) {
            Ok(meta) if meta.is_dir() => {
                let name = folder_name(argument);
                walk.folders.push((name, argument.clone()));
            }
            Ok(meta) if meta.is_file() => walk.take(folder_name(argument), argument.clone(), &meta),
            Ok(meta) => walk.leave_out(argument, kind(meta.file_type())),
            Err(error) => walk.leave_out(argument, &format!("cannot be read: {error}")),
        }
    }
    while let Some((path, folder)) = walk.folders.pop() {
        if let Err(error) = walk.folder(&path, &folder) {
            walk.leave_out(&folder, &format!("cannot be listed: {error}"));
        }
    }
    walk.files
        .sort_by(|one, other| (&one.path, &one.file).cmp(&(&other.path, &other.file)));
    walk.notes.sort();
    (walk.files, walk.notes)
}

#[derive(Default)]
struct Walk {
    /// Still to be listed: path in the case, and where it is.
    folders: Vec<(String, PathBuf)>,
    files: Vec<EvidenceFile>,
    notes: Vec<String>,
}

impl Walk {
    fn folder(&mut self, path: &str, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (file, kind_of) = (entry.path(), entry.file_type()?);
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            if kind_of.is_dir() {
                self.folders.push((path, file));
            } else if kind_of.is_file() {
                match entry.metadata() {
                    Ok(meta) => self.take(path, file, &meta),
                    Err(error) => self.leave_out(&file, &format!("cannot be read: {error}")),
                }
            } else {
                self.leave_out(&file, kind(kind_of));
            }
        }
        Ok(())
    }

    fn take(&mut self, path: String, file: PathBuf, meta: &Metadata) {
        self.files.push(EvidenceFile {
            path,
            file,
            size: meta.len(),
            modified_ms: modified_ms(meta),
        });
    }

    fn leave_out(&mut self, path: &Path, why: &str) {
        self.notes
            .push(format!("left out {}: {why}", path.display()));
    }
}

/// What a browser would call this file or folder: its last name, also for `.` and `..`.
fn folder_name(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let resolved = || {
        Some(
            path.canonicalize()
                .ok()?
                .file_name()?
                .to_string_lossy()
                .into_owned(),
        )
    };
    name.or_else(resolved).unwrap_or_default()
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a link, and links are not followed"
    } else {
        "neither a file nor a folder"
    }
}

fn modified_ms(meta: &Metadata) -> Option<i64> {
    let modified = meta.modified().ok()?;
    let milliseconds = match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).ok()?,
        // Before 1970, cutting goes towards the past, as everywhere.
        Err(before) => -i64::try_from(before.duration().as_nanos().div_ceil(1_000_000)).ok()?,
    };
    Some(milliseconds)
}
