//! What is said while reading takes long, on standard error.
//!
//! ```text
//! reading: 12 of 48 files, 1,204 of 5,331 MB
//! ```
//!
//! One line that rewrites itself on a terminal; elsewhere a line every few seconds, and none at all when
//! everything is done within the first.
//!
//! Rejected: a progress bar library. The line above says all of it.

use crate::page::grouped;
use runlens_core::case::Case;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Silence at the beginning.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two lines on a terminal.
const TERMINAL: Duration = Duration::from_millis(200);
/// Between two lines elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// How far reading has come.
pub struct Progress {
    begun: Instant,
    silent: bool,
    /// Known so far; members of containers come on the way.
    files: AtomicUsize,
    bytes: AtomicU64,
    files_done: AtomicUsize,
    bytes_done: AtomicU64,
    terminal: bool,
    /// When the last line was shown.
    shown: Mutex<Option<Instant>>,
}

impl Progress {
    /// Nothing is read yet, and nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            silent: false,
            files: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            files_done: AtomicUsize::new(0),
            bytes_done: AtomicU64::new(0),
            terminal: io::stderr().is_terminal(),
            shown: Mutex::new(None),
        }
    }

    /// Says nothing, however long it takes.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            silent: true,
            ..Self::new()
        }
    }

    /// One more file is to be read.
    pub fn found(&self, bytes: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many more bytes were read.
    pub fn read(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    /// One more file is done.
    pub fn one_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows a line when it is time for one.
    pub fn show(&self) {
        let now = Instant::now();
        if self.silent || now.duration_since(self.begun) < PATIENCE {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if self.terminal { TERMINAL } else { ELSEWHERE };
        if shown.is_some_and(|shown| now.duration_since(shown) < pause) {
            return;
        }
        *shown = Some(now);
        let (files, bytes) = (
            self.files.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        );
        let line = line(
            self.files_done.load(Ordering::Relaxed),
            files,
            self.bytes_done.load(Ordering::Relaxed),
            bytes,
        );
        if self.terminal {
            eprint!("\r{line}\x1b[K");
        } else {
            eprintln!("{line}");
        }
    }

    /// Takes the line away, and says what came of it where it took long enough to wonder.
    pub fn finished(&self, case: &Case) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let shown = self
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        if shown && self.terminal {
            eprint!("\r\x1b[K");
        }
        if shown || self.terminal {
            let (operations, runs) = (case.operations().len(), case.runs().len());
            eprintln!(
                "read {} files, {} MB in {seconds:.1} s: {} operations, {} runs",
                grouped(self.files.load(Ordering::Relaxed)),
                megabytes(self.bytes.load(Ordering::Relaxed)),
                grouped(operations),
                grouped(runs)
            );
        }
    }
}

fn line(files_done: usize, files: usize, bytes_done: u64, bytes: u64) -> String {
    format!(
        "reading: {} of {} files, {} of {} MB",
        grouped(files_done),
        grouped(files),
        megabytes(bytes_done),
        megabytes(bytes)
    )
}

fn megabytes(bytes: u64) -> String {
    grouped(usize::try_from(bytes / 1_000_000).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far() {
        assert_eq!(
            line(12, 48, 1_204_000_000, 5_331_999_999),
            "reading: 12 of 48 files, 1,204 of 5,331 MB"
        );
    }
}
