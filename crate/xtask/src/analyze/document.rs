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

/// Writes the document of a concluded case.
pub fn write(
    case: &Case,
    sources: &[(Source, u64)],
    events: bool,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let Some(out) = out else {
        let mut to = BufWriter::new(io::stdout().lock());
        return match pour(case, sources, events, &mut to) {
            // Whoever reads has seen enough (`| head`).
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(Failure::file("write", "standard output")),
        };
    };
    let unfinished = Unfinished::beside(out);
    let failure = |error| Failure::file("write", out)(error);
    let file = File::create(&unfinished.0).map_err(failure)?;
    let mut to = BufWriter::new(file);
    pour(case, sources, events, &mut to).map_err(failure)?;
    to.into_inner()
        .map_err(|error| failure(error.into_error()))?
        .sync_all()
        .map_err(failure)?;
    fs::rename(&unfinished.0, out).map_err(failure)
}

fn pour(
    case: &Case,
    sources: &[(Source, u64)],
    events: bool,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut again = ReadAgain {
        sources,
        open: BTreeMap::new(),
    };
    let mut document = CaseDocument::new(case, events);
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
struct Unfinished(PathBuf);

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
