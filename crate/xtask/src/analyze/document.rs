//! Writing the case document to a file or to standard output.
//!
//! The case writes in pieces and names the bytes it wants to read again for each: an index is kept, not a copy of the
//! evidence. A file appears under its name only when it is whole; until then it has another.
//!
//! Rejected: building the document in memory. With `--events` it can be larger than the evidence.

use super::source::{Input, Source};
use crate::failure::Failure;
use runlens_core::case::Case;
use runlens_core::export::CaseDocument;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Files held open for reading again.
const OPEN_FILES: usize = 64;

/// Where a document goes.
#[derive(Debug)]
pub enum Destination {
    /// Standard output.
    Standard,
    /// A file, which has another name until it is whole.
    File {
        /// The name it will have.
        out: PathBuf,
        /// The name it has.
        unfinished: Unfinished,
        /// It.
        file: File,
    },
}

impl Destination {
    /// Prepares a file, or standard output; before reading, so that a folder that is not there is told at once.
    pub fn prepare(out: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(out) = out else {
            return Ok(Self::Standard);
        };
        if out.is_dir() {
            return Err(Failure::file("write", out)(
                io::ErrorKind::IsADirectory.into(),
            ));
        }
        let unfinished = Unfinished::beside(&out);
        let file = File::create(&unfinished.0).map_err(Failure::file("write", &out))?;
        Ok(Self::File {
            out,
            unfinished,
            file,
        })
    }

    /// Writes the document of a concluded case.
    pub fn write(
        self,
        case: &Case,
        sources: &[(Source, u64)],
        events: bool,
        secrets: bool,
    ) -> Result<(), Failure> {
        match self {
            Self::Standard => {
                let mut to = BufWriter::new(io::stdout().lock());
                match pour(case, sources, (events, secrets), &mut to) {
                    // Whoever reads has seen enough (`| head`).
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    result => result.map_err(Failure::file("write", "standard output")),
                }
            }
            Self::File {
                out,
                unfinished,
                file,
            } => {
                let failure = |error| Failure::file("write", &out)(error);
                let mut to = BufWriter::new(&file);
                pour(case, sources, (events, secrets), &mut to).map_err(failure)?;
                drop(to);
                file.sync_all().map_err(failure)?;
                drop(file);
                fs::rename(&unfinished.0, &out).map_err(failure)
            }
        }
    }
}

fn pour(
    case: &Case,
    sources: &[(Source, u64)],
    (events, secrets): (bool, bool),
    to: &mut impl Write,
) -> io::Result<()> {
    let mut again = ReadAgain {
        sources,
        open: BTreeMap::new(),
    };
    let mut document = CaseDocument::new(case, events);
    if secrets {
        document = document.revealing_secrets();
    }
    loop {
        let wanted = document.needs(case);
        let bytes: Vec<Vec<u8>> = wanted
            .iter()
            .map(|place| again.bytes(place.item, place.offset, place.length))
            .collect();
        match document.write(case, &bytes) {
            Some(piece) => to.write_all(&piece)?,
            None => return to.flush(),
        }
    }
}

/// Reads again what Sigma rules want to see of a concluded case.
pub fn serve_rules(case: &mut Case, sources: &[(Source, u64)]) {
    let mut again = ReadAgain {
        sources,
        open: BTreeMap::new(),
    };
    loop {
        let wanted = case.rule_needs();
        if wanted.is_empty() {
            return;
        }
        let bytes: Vec<Vec<u8>> = wanted
            .iter()
            .map(|place| again.bytes(place.item, place.offset, place.length))
            .collect();
        case.rule_take(&bytes);
    }
}

/// Reads places of the evidence again.
struct ReadAgain<'a> {
    sources: &'a [(Source, u64)],
    open: BTreeMap<u32, Input>,
}

impl ReadAgain<'_> {
    /// The bytes of a place; fewer where the file has changed meanwhile, which its hash shows.
    fn bytes(&mut self, item: u32, offset: u64, length: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(input) = self.input(item)
            && input.seek(SeekFrom::Start(offset)).is_ok()
            && input.take(length).read_to_end(&mut bytes).is_err()
        {
            bytes.clear();
        }
        bytes
    }

    fn input(&mut self, item: u32) -> Option<&mut Input> {
        if !self.open.contains_key(&item) {
            let (source, size) = self.sources.get(item as usize)?;
            let opened = source.open(*size).ok()?;
            if self.open.len() >= OPEN_FILES {
                self.open.pop_first();
            }
            self.open.insert(item, opened);
        }
        self.open.get_mut(&item)
    }
}

/// A file that is removed unless it was renamed.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        Self(out.with_file_name(name))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Not there any more after the renaming, which is the usual case.
        let _ = fs::remove_file(&self.0);
    }
}
