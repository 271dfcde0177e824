//! Reading many items at once into one case.
//!
//! Readers are threads, as in the tab they are workers. Each takes the next [`Job`]: a container is unpacked and its
//! members become jobs of their own; anything else goes through an [`ItemReader`] and a [`Hasher`] in one pass, so
//! that the hash is of the very bytes that were read. Batches leave over a bounded channel; the case belongs to
//! the calling thread alone, which also hands out item numbers.
//!
//! A large item is shared by all readers, in segments (`case::segments`); it is hashed by a job of its own then.
//!
//! A file is read as long as it was when it was found: a log that grows meanwhile is cut there, one that
//! shrinks is reported. A reader that panics loses its item, which the case says, and nothing else.
//!
//! Rejected: mapping files into memory. It needs `unsafe`, and a file that shrinks then kills the process.

use super::progress::Progress;
use super::source::{Input, Room, Source, Unpacked};
use super::walk::EvidenceFile;
use runlens_core::case::Case;
use runlens_core::case::segments::{Pace, SegmentJob};
use runlens_core::evidence::container::{self, Kind, Member, Receiver};
use runlens_core::evidence::hash::Hasher;
use runlens_core::formats::segment::{Carried, SegmentReader, WHOLE_BYTES};
use runlens_core::formats::{ItemReader, Opening};
use runlens_core::limits::Limits;
use runlens_core::problem::Problem;
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;
/// The same behind a segment's border, where only the rest of a record is wanted.
const BEHIND_BORDER_BYTES: usize = 256 << 10;
/// Messages that may wait for the case, for each reader.
const WAITING: usize = 4;

/// What reading left behind.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Where the bytes of each item are, by item number, and how many.
    pub sources: Vec<(Source, u64)>,
    /// Items that could be read.
    pub readable: usize,
}

/// What is to be done with an item.
#[derive(Clone)]
enum Work {
    Read,
    Segment(SegmentJob),
    Hash,
}

/// One item to be read, or a part of it.
#[derive(Clone)]
struct Job {
    work: Work,
    item: u32,
    path: String,
    size: u64,
    modified_ms: Option<i64>,
    source: Source,
}

/// What a reader thread tells about an item.
enum Told {
    Batch(u32, Vec<u8>),
    Read(u32, Vec<u8>, String),
    /// A large item may be cut so.
    Plan(Job, Vec<u8>),
    SegmentBegun(u32, u32, u64),
    SegmentBatch(u32, u32, Vec<u8>),
    SegmentRead(Job, u32, Vec<u8>),
    Hashed(u32, String),
    /// A member of a container was unpacked.
    Member(Member, Source, u64, Vec<Problem>),
    Opened(u32, Vec<Problem>, String),
    Unreadable(u32, String),
    Panicked(u32, String, Option<String>),
}

/// Reads all files, and what is in them, into the case.
pub fn into_case(
    case: &mut Case,
    files: &[EvidenceFile],
    workers: usize,
    progress: &Progress,
) -> Outcome {
    let limits = case.settings().limits.clone();
    let (queue, room) = (Queue::default(), Room::default());
    let mut outcome = Outcome::default();
    let mut open = 0_usize;
    let mut add = |case: &mut Case, path: &str, size, modified_ms, source: Source| {
        let item = case.add_item(path, size, modified_ms);
        outcome.sources.push((source.clone(), size));
        progress.found(size);
        (
            item,
            Job {
                work: Work::Read,
                item,
                path: path.to_owned(),
                size,
                modified_ms,
                source,
            },
        )
    };
    for file in files {
        let source = Source::File(file.file.clone());
        queue.put_last(add(case, &file.path, file.size, file.modified_ms, source).1);
        open += 1;
    }
    thread::scope(|scope| {
        // However the loop below ends, no reader waits for ever.
        let _closing = Closing(&queue);
        let (tell, told) = sync_channel(workers.max(1) * WAITING);
        for _ in 0..workers.max(1) {
            let (tell, limits, queue, room) = (tell.clone(), &limits, &queue, &room);
            scope.spawn(move || {
                let mut unpacked = Unpacked::new(room);
                let shared = workers > 1;
                while let Some(job) = queue.take() {
                    read_one(&job, limits, shared, &mut unpacked, &tell, progress);
                }
            });
        }
        drop(tell);
        if open == 0 {
            queue.close();
        }
        let mut ended = BTreeSet::new();
        for message in told {
            let done = match message {
                Told::Plan(job, plan) => {
                    if case.begin_segments(job.item, Pace::default(), &plan) {
                        queue.next_segments(case, &job, workers);
                    }
                    false
                }
                Told::SegmentBegun(item, number, at) => {
                    case.segment_begun(item, number, at);
                    false
                }
                Told::SegmentBatch(item, number, batch) => {
                    if !ended.contains(&item) {
                        case.add_segment_batch(item, number, &batch);
                    }
                    false
                }
                Told::SegmentRead(job, number, finish) => {
                    if ended.contains(&job.item) {
                        continue;
                    }
                    if case.finish_segment(job.item, number, &finish) {
                        ended.insert(job.item);
                        outcome.readable += 1;
                        queue.forget_segments(job.item, None);
                        // It is done once it is hashed.
                        queue.put_last(Job {
                            work: Work::Hash,
                            ..job
                        });
                    } else {
                        queue.next_segments(case, &job, workers);
                    }
                    false
                }
                Told::Hashed(item, sha256) => {
                    case.set_hash(item, &sha256);
                    true
                }
                Told::Batch(item, batch) => {
                    case.add_batch(item, &batch);
                    false
                }
                Told::Member(member, source, size, problems) => {
                    let (item, job) = add(case, &member.path, size, member.modified_ms, source);
                    case.add_problems(item, problems);
                    queue.put_first(job);
                    open += 1;
                    false
                }
                Told::Read(item, report, sha256) => {
                    case.finish_item(item, &report);
                    case.set_hash(item, &sha256);
                    outcome.readable += 1;
                    true
                }
                Told::Opened(item, problems, sha256) => {
                    case.finish_container(item, problems);
                    case.set_hash(item, &sha256);
                    outcome.readable += 1;
                    true
                }
                Told::Unreadable(item, why) => {
                    // Of several readers of an item, the first that fails ends it.
                    if !ended.insert(item) {
                        continue;
                    }
                    queue.forget_segments(item, None);
                    case.unreadable_item(item, &why);
                    true
                }
                Told::Panicked(item, why, sha256) => {
                    if !ended.insert(item) {
                        continue;
                    }
                    queue.forget_segments(item, None);
                    case.quarantine_item(item, &why);
                    if let Some(sha256) = sha256 {
                        case.set_hash(item, &sha256);
                    }
                    true
                }
            };
            if done {
                progress.one_done();
                open -= 1;
                if open == 0 {
                    queue.close();
                }
            }
            progress.show();
        }
    });
    outcome
}

/// Jobs that wait for a reader.
#[derive(Default)]
struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    changed: Condvar,
}

impl Queue {
    fn put_last(&self, job: Job) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push_back(job);
        self.changed.notify_one();
    }

    /// Members go first, so that few of them wait at a time.
    fn put_first(&self, job: Job) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push_front(job);
        self.changed.notify_one();
    }

    /// Gives out the next segments of an item, and takes back those that nobody needs.
    fn next_segments(&self, case: &mut Case, of: &Job, readers: usize) {
        let dropped = case.dropped_segments(of.item);
        self.forget_segments(of.item, Some(&dropped));
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        while let Some(segment) = case.next_segment(of.item, readers) {
            let job = Job {
                work: Work::Segment(segment),
                ..of.clone()
            };
            jobs.0.insert(at, job);
            at += 1;
        }
        drop(jobs);
        self.changed.notify_all();
    }

    /// Takes back segments of an item: these, or all.
    fn forget_segments(&self, item: u32, numbers: Option<&[u32]>) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.0.retain(|job| match &job.work {
            Work::Segment(segment) if job.item == item => {
                numbers.is_some_and(|numbers| !numbers.contains(&segment.number))
            }
            _ => true,
        });
    }

    /// No job will come any more.
    fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.changed.notify_all();
    }

    /// The next job; waits for one, and answers `None` when there will be none.
    fn take(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match jobs.0.pop_front() {
                Some(job) => return Some(job),
                None if jobs.1 => return None,
                None => {
                    jobs = self
                        .changed
                        .wait(jobs)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }
}

/// Closes the queue when it goes.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn read_one(
    job: &Job,
    limits: &Limits,
    shared: bool,
    unpacked: &mut Unpacked<'_>,
    tell: &SyncSender<Told>,
    progress: &Progress,
) {
    let item = job.item;
    let told = match catch_unwind(AssertUnwindSafe(|| match &job.work {
        Work::Read => read(job, limits, shared, unpacked, tell, progress),
        Work::Segment(_) => read_segment(job, limits, tell, progress),
        Work::Hash => Ok(Told::Hashed(item, hash(job)?)),
    })) {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => Told::Unreadable(item, error.to_string()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());
            let _ = unpacked.end();
            Told::Panicked(
                item,
                text.unwrap_or("no reason given").to_owned(),
                hash(job).ok(),
            )
        }
    };
    say(tell, told);
}

/// The receiver lives as long as any sender; a failed send has nobody to tell.
fn say(tell: &SyncSender<Told>, told: Told) {
    let _ = tell.send(told);
}

fn read(
    job: &Job,
    limits: &Limits,
    shared: bool,
    unpacked: &mut Unpacked<'_>,
    tell: &SyncSender<Told>,
    progress: &Progress,
) -> io::Result<Told> {
    let mut head = Vec::new();
    job.source
        .open(job.size)?
        .take(container::DETECT_BYTES as u64)
        .read_to_end(&mut head)?;
    match container::detect(&head) {
        Some(kind) => unpack(job, kind, limits, unpacked, tell, progress),
        None if shared && job.size > WHOLE_BYTES => read_segment(job, limits, tell, progress),
        None => read_records(job, limits, tell, progress),
    }
}

/// Reads a segment of a large item; the reader of the item itself reads the first.
fn read_segment(
    job: &Job,
    limits: &Limits,
    tell: &SyncSender<Told>,
    progress: &Progress,
) -> io::Result<Told> {
    let opening = Opening::new(&job.path, job.size, job.modified_ms, limits.clone());
    let (number, made) = match &job.work {
        Work::Segment(segment) => {
            let carried = Carried::decode(&segment.carried);
            let made = carried.and_then(|carried| {
                SegmentReader::resumed(
                    opening,
                    &carried,
                    segment.from,
                    segment.exact,
                    segment.until,
                )
            });
            (segment.number, made)
        }
        _ => {
            let pace = Pace::default();
            (
                0,
                Some(SegmentReader::first(opening, pace.plan_after, pace.first)),
            )
        }
    };
    let mut reader = made.ok_or_else(|| io::Error::other("a segment cannot begin so"))?;
    let mut input = job.source.open(job.size)?;
    let mut at = input.seek(SeekFrom::Start(reader.next()))?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut said = number == 0;
    loop {
        let wanted = if reader.is_before_border() {
            PIECE_BYTES
        } else {
            BEHIND_BORDER_BYTES
        };
        let read = match input.read(piece.get_mut(..wanted).unwrap_or(&mut [])) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        at += read as u64;
        if read == 0 {
            return Err(shrunk(job.size, at));
        }
        let done = reader.push(piece.get(..read).unwrap_or(&[]));
        if let Some(plan) = reader.take_plan() {
            say(tell, Told::Plan(job.clone(), plan));
        }
        if let Some(begun) = reader.begun().filter(|_| !said) {
            said = true;
            say(tell, Told::SegmentBegun(job.item, number, begun));
        }
        while let Some(batch) = reader.take_batch() {
            say(tell, Told::SegmentBatch(job.item, number, batch));
        }
        progress.read(read as u64);
        if done {
            return Ok(Told::SegmentRead(job.clone(), number, reader.finish()));
        }
    }
}

fn shrunk(size: u64, after: u64) -> io::Error {
    io::Error::other(format!(
        "it was {size} bytes long and ended after {after}; collect it again at rest"
    ))
}

fn read_records(
    job: &Job,
    limits: &Limits,
    tell: &SyncSender<Told>,
    progress: &Progress,
) -> io::Result<Told> {
    let mut reader = ItemReader::new(&job.path, job.size, job.modified_ms, limits.clone());
    let mut hasher = Hasher::default();
    each_piece(job, |bytes| {
        hasher.update(bytes);
        reader.push(bytes);
        while let Some(batch) = reader.take_batch() {
            say(tell, Told::Batch(job.item, batch));
        }
        progress.read(bytes.len() as u64);
    })?;
    Ok(Told::Read(job.item, reader.finish(), hasher.finish()))
}

fn hash(job: &Job) -> io::Result<String> {
    let mut hasher = Hasher::default();
    each_piece(job, |bytes| hasher.update(bytes))?;
    Ok(hasher.finish())
}

fn each_piece(job: &Job, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut input = job.source.open(job.size)?;
    let mut piece = vec![
        0;
        PIECE_BYTES
            .min(usize::try_from(job.size).unwrap_or(PIECE_BYTES))
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
        take(piece.get(..read).unwrap_or(&[]));
        total += read as u64;
    }
    if total == job.size {
        return Ok(());
    }
    Err(shrunk(job.size, total))
}

fn unpack(
    job: &Job,
    kind: Kind,
    limits: &Limits,
    unpacked: &mut Unpacked<'_>,
    tell: &SyncSender<Told>,
    progress: &Progress,
) -> io::Result<Told> {
    let input: Input = job.source.open(job.size)?;
    let mut members = Members {
        unpacked,
        tell,
        member: None,
        failed: None,
    };
    let problems = container::unpack(
        kind,
        &job.path,
        job.size,
        job.modified_ms,
        input,
        limits,
        &mut members,
    );
    if let Some(error) = members.failed {
        return Err(io::Error::other(format!(
            "its members could not be kept while unpacking ({error}); make room and repeat"
        )));
    }
    let sha256 = hash(job)?;
    progress.read(job.size);
    Ok(Told::Opened(job.item, problems, sha256))
}

/// Takes a container's members.
struct Members<'a, 'room> {
    unpacked: &'a mut Unpacked<'room>,
    tell: &'a SyncSender<Told>,
    member: Option<Member>,
    /// Why no more can be taken.
    failed: Option<io::Error>,
}

impl Receiver for Members<'_, '_> {
    fn begin(&mut self, member: Member) {
        self.member = Some(member);
    }

    fn bytes(&mut self, bytes: &[u8]) -> bool {
        if self.failed.is_none() {
            self.failed = self.unpacked.add(bytes).err();
        }
        self.failed.is_none()
    }

    fn end(&mut self, problems: Vec<Problem>) {
        let (source, size) = self.unpacked.end();
        if let Some(member) = self.member.take() {
            say(self.tell, Told::Member(member, source, size, problems));
        }
    }
}
