//! Where an item's bytes are, and reading them as often as wanted.
//!
//! A file on disk stays where it is. A member of a container was unpacked: into memory as long as there is room in
//! [`MEMORY_BYTES`], then into a scratch file that has no name and vanishes with the process.
//!
//! Memory first, because members of a triage archive are often malware: written to disk, an endpoint protection would
//! take them away in the middle of the analysis.
//!
//! Rejected: a temporary folder with one file a member. Malware under its own name, left behind by every crash.

#[cfg(unix)]
use std::fs;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Unpacked members that are kept in memory, all together.
const MEMORY_BYTES: u64 = 1 << 30;

/// Where the bytes of an item are.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of the analyst's.
    File(PathBuf),
    /// Unpacked, in memory.
    Memory(Arc<[u8]>),
    /// Unpacked, in a scratch file from this offset on.
    Scratch(Arc<File>, u64),
}

impl Source {
    /// Opens the first `size` bytes for reading.
    pub fn open(&self, size: u64) -> io::Result<Input> {
        let window = |file, from| Input::Window {
            file,
            from,
            size,
            at: 0,
        };
        Ok(match self {
            Self::File(path) => window(Arc::new(File::open(path)?), 0),
            Self::Memory(bytes) => Input::Memory(Cursor::new(Arc::clone(bytes))),
            Self::Scratch(file, from) => window(Arc::clone(file), *from),
        })
    }
}

/// An open source.
#[derive(Debug)]
pub enum Input {
    /// Part of a file that others may be reading too, so without its cursor.
    Window {
        file: Arc<File>,
        from: u64,
        size: u64,
        at: u64,
    },
    /// Bytes in memory.
    Memory(Cursor<Arc<[u8]>>),
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => bytes.read(into),
            Self::Window {
                file,
                from,
                size,
                at,
            } => {
                let left = usize::try_from(size.saturating_sub(*at)).unwrap_or(usize::MAX);
                let wanted = into.len().min(left);
                let read = read_at(file, into.get_mut(..wanted).unwrap_or(&mut []), *from + *at)?;
                *at += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Memory(bytes) => bytes.seek(to),
            Self::Window { size, at, .. } => {
                let target = match to {
                    SeekFrom::Start(offset) => Some(offset),
                    SeekFrom::End(by) => size.checked_add_signed(by),
                    SeekFrom::Current(by) => at.checked_add_signed(by),
                };
                *at = target.ok_or_else(|| io::Error::other("a seek before the beginning"))?;
                Ok(*at)
            }
        }
    }
}

/// Room in memory for unpacked members, shared by all readers.
#[derive(Debug, Default)]
pub struct Room {
    taken: AtomicU64,
}

impl Room {
    fn take(&self, bytes: u64) -> bool {
        let fits = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes <= MEMORY_BYTES;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Takes the members that one reader unpacks, one after the other.
#[derive(Debug)]
pub struct Unpacked<'a> {
    room: &'a Room,
    /// The member at hand, while it is in memory.
    memory: Vec<u8>,
    /// Where the member at hand begins in the scratch file, once it is there.
    spilled_from: Option<u64>,
    scratch: Option<Arc<File>>,
    /// Bytes of the scratch file.
    scratch_bytes: u64,
}

impl<'a> Unpacked<'a> {
    /// For one reader.
    #[must_use]
    pub fn new(room: &'a Room) -> Self {
        Self {
            room,
            memory: Vec::new(),
            spilled_from: None,
            scratch: None,
            scratch_bytes: 0,
        }
    }

    /// Takes the next bytes of the member at hand.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.spilled_from.is_none() {
            if self.room.take(bytes.len() as u64) {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            self.spilled_from = Some(self.scratch_bytes);
            let begun = std::mem::take(&mut self.memory);
            self.room.give_back(begun.len() as u64);
            self.write(&begun)?;
        }
        self.write(bytes)
    }

    /// Ends the member at hand: where it is, and how long.
    pub fn end(&mut self) -> (Source, u64) {
        match (self.spilled_from.take(), &self.scratch) {
            (Some(from), Some(file)) => (
                Source::Scratch(Arc::clone(file), from),
                self.scratch_bytes - from,
            ),
            _ => {
                let bytes = std::mem::take(&mut self.memory);
                let size = bytes.len() as u64;
                (Source::Memory(bytes.into()), size)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &self.scratch {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.scratch.insert(Arc::new(scratch_file()?))),
        };
        write_all_at(&file, bytes, self.scratch_bytes)?;
        self.scratch_bytes += bytes.len() as u64;
        Ok(())
    }
}

/// A file that nobody else can name and that ends with the process, however that ends.
#[cfg(unix)]
fn scratch_file() -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = scratch_path();
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(windows)]
fn scratch_file() -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const DELETE_ON_CLOSE: u32 = 0x0400_0000;
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .custom_flags(DELETE_ON_CLOSE)
        .open(scratch_path())
}

fn scratch_path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("runlens-{}-{number}.scratch", std::process::id()))
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or(&[]);
        offset += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &Source, size: u64) -> String {
        let mut text = String::new();
        source
            .open(size)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn members_go_to_memory_and_then_to_scratch() {
        let room = Room::default();
        let mut unpacked = Unpacked::new(&room);
        unpacked.add(b"first").unwrap();
        let first = unpacked.end();
        assert!(matches!(first.0, Source::Memory(_)));

        unpacked.add(b"begun in memory, ").unwrap();
        room.taken.store(MEMORY_BYTES, Ordering::Relaxed);
        unpacked.add(b"ended elsewhere").unwrap();
        let second = unpacked.end();
        room.taken.store(MEMORY_BYTES, Ordering::Relaxed);
        unpacked.add(b"third").unwrap();
        let third = unpacked.end();
        assert!(matches!(
            (&second.0, &third.0),
            (Source::Scratch(_, 0), Source::Scratch(_, 32))
        ));

        assert_eq!(text(&first.0, first.1), "first");
        assert_eq!(
            text(&second.0, second.1),
            "begun in memory, ended elsewhere"
        );
        assert_eq!(text(&third.0, third.1), "third");
        assert_eq!(unpacked.end().1, 0);
    }

    #[test]
    fn windows_end_where_they_were_told_and_can_be_sought_in() {
        let file = scratch_file().unwrap();
        write_all_at(&file, b"0123456789", 0).unwrap();
        let mut input = Source::Scratch(Arc::new(file), 2).open(5).unwrap();
        let mut text = String::new();
        assert_eq!(input.seek(SeekFrom::End(-3)).unwrap(), 2);
        input.read_to_string(&mut text).unwrap();
        assert_eq!(text, "456");
        assert_eq!(input.seek(SeekFrom::Start(99)).unwrap(), 99);
        assert_eq!(input.read(&mut [0; 4]).unwrap(), 0);
        assert!(input.seek(SeekFrom::Current(-100)).is_err());
    }
}
