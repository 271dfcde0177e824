//! Reading many files at once into one case.
//!
//! Readers are threads, as in the tab they are workers: each takes the next file, pushes it through an
//! [`ItemReader`] and a [`Hasher`] in one pass, so that the hash is of the very bytes that were read, and sends
//! batches over a bounded channel. The case belongs to the calling thread alone.
//!
//! A file is read as long as it was when it was found: a log that grows meanwhile is cut there, one that
//! shrinks is reported. A reader that panics loses its file, which the case says, and nothing else.
//!
//! Rejected: mapping files into memory. It needs `unsafe`, and a file that shrinks then kills the process.

use super::progress::Progress;
use super::walk::EvidenceFile;
use runlens_core::case::Case;
use runlens_core::evidence::hash::Hasher;
use runlens_core::formats::ItemReader;
use runlens_core::limits::Limits;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Messages that may wait for the case, for each reader.
const WAITING: usize = 4;

/// What a reader thread tells about the item at this place of the list.
enum Told {
    Batch(usize, Vec<u8>),
    Read(usize, Vec<u8>, String),
    Unreadable(usize, String),
    Panicked(usize, String),
}

/// Reads all files into the case; answers how many could be read.
pub fn into_case(
    case: &mut Case,
    files: &[EvidenceFile],
    workers: usize,
    progress: &Progress,
) -> usize {
    let numbers: Vec<u32> = files
        .iter()
        .map(|file| case.add_item(&file.path, file.size, file.modified_ms))
        .collect();
    let limits = case.settings().limits.clone();
    let next = AtomicUsize::new(0);
    let workers = workers.min(files.len()).max(1);
    let mut readable = 0;
    thread::scope(|scope| {
        let (tell, told) = sync_channel(workers * WAITING);
        for _ in 0..workers {
            let (tell, limits, next) = (tell.clone(), &limits, &next);
            scope.spawn(move || {
                while let Some((at, file)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    files.get(at).map(|file| (at, file))
                } {
                    read_one(at, file, limits, &tell, progress);
                }
            });
        }
        drop(tell);
        for message in told {
            let number = |at: usize| numbers.get(at).copied().unwrap_or(u32::MAX);
            match message {
                Told::Batch(at, batch) => case.add_batch(number(at), &batch),
                Told::Read(at, report, sha256) => {
                    case.finish_item(number(at), &report);
                    case.set_hash(number(at), &sha256);
                    readable += 1;
                }
                Told::Unreadable(at, why) => case.unreadable_item(number(at), &why),
                Told::Panicked(at, why) => case.quarantine_item(number(at), &why),
            }
            progress.show();
        }
    });
    readable
}

fn read_one(
    at: usize,
    file: &EvidenceFile,
    limits: &Limits,
    tell: &SyncSender<Told>,
    progress: &Progress,
) {
    // The receiver lives as long as any sender; a failed send has nobody to tell.
    let say = |told: Told| drop(tell.send(told));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut reader = ItemReader::new(&file.path, file.size, file.modified_ms, limits.clone());
        let mut hasher = Hasher::default();
        let mut input = File::open(&file.file)?.take(file.size);
        let mut piece = vec![
            0;
            PIECE_BYTES
                .min(usize::try_from(file.size).unwrap_or(PIECE_BYTES))
                .max(1)
        ];
        let mut total = 0;
        loop {
            let read = match input.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = piece.get(..read).unwrap_or(&[]);
            hasher.update(bytes);
            reader.push(bytes);
            while let Some(batch) = reader.take_batch() {
                say(Told::Batch(at, batch));
            }
            total += read as u64;
            progress.read(read as u64);
        }
        if total < file.size {
            return Err(io::Error::other(format!(
                "it was {} bytes long and ended after {total}; collect it again at rest",
                file.size
            )));
        }
        Ok((reader.finish(), hasher.finish()))
    }));
    progress.one_done();
    match outcome {
        Ok(Ok((report, sha256))) => say(Told::Read(at, report, sha256)),
        Ok(Err(error)) => say(Told::Unreadable(at, error.to_string())),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());
            say(Told::Panicked(
                at,
                text.unwrap_or("no reason given").to_owned(),
            ));
        }
    }
}
