//! One large item that several readers read at once: which segments there are, and putting them together.
//!
//! ```text
//!  front: its batches go to the case as they come         behind: their batches wait
//!  ├──── segment 0 ────┤├──── segment 1 ────┤├──── segment 2 ────┤   … not given out yet …
//! ```
//!
//! Only the segment at the front is certain. When it has ended, the one behind becomes the front if it began exactly there
//! and was told exactly what the front knew at its end ([`Carried`]); else everything behind is dropped and read again from the true place. So the
//! case is told the same events in the same order with the same numbers as by one reader, whatever was guessed. After
//! [`MOST_WRONG`] wrong guesses the rest of the item is one segment.
//!
//! Rejected: events that enter the case at once and are renumbered later. A guess that was wrong would have to be taken
//! back from under the analyst's eyes; waiting costs a segment or two of memory.

use super::Case;
use crate::event::batch::EventBatch;
use crate::formats::ItemReport;
use crate::formats::segment::{Carried, SegmentEnd, Tally, renumber};
use std::collections::VecDeque;

/// Guesses that may be wrong before no more are made.
const MOST_WRONG: u32 = 8;

/// How long segments are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes after which the first reader says how the item may be cut.
    pub plan_after: u64,
    /// Bytes of the first segment: the sooner it ends, the sooner what was read behind it is seen.
    pub first: u64,
    /// Bytes of later ones.
    pub most: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            plan_after: 1 << 20,
            first: 8 << 20,
            most: 16 << 20,
        }
    }
}

/// A segment to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentJob {
    /// Its number in the item, for telling of it.
    pub number: u32,
    /// Where to begin, or the border behind which to look for a beginning.
    pub from: u64,
    /// Whether to begin right there.
    pub exact: bool,
    /// The border behind which it ends.
    pub until: u64,
    /// What its reader is told, as [`Carried::encode`] made it.
    pub carried: Vec<u8>,
}

/// A segment that is being read or was.
#[derive(Debug)]
struct Segment {
    job: SegmentJob,
    given_out: bool,
    begun: Option<u64>,
    told: Carried,
    waiting: Vec<Vec<u8>>,
    ended: Option<(EventBatch, SegmentEnd)>,
}

/// What became of the item.
#[derive(Debug, Default)]
pub struct Progressed {
    /// Batches that are certain now, in order, with their records numbered.
    pub batches: Vec<EventBatch>,
    /// The item's report, once it is whole.
    pub report: Option<ItemReport>,
    /// Why the item cannot be put together.
    pub broken: Option<String>,
}

/// An item in segments.
#[derive(Debug)]
pub struct Segments {
    size: u64,
    pace: Pace,
    next_number: u32,
    /// Up to where segments were made.
    made_to: u64,
    segments: VecDeque<Segment>,
    /// Segments that nobody needs any more, until they were told of.
    dropped: Vec<u32>,
    tally: Option<Tally>,
    /// What is told to readers of new segments.
    carried: Carried,
    wrong: u32,
}

impl Segments {
    /// For an item whose first segment is being read and may be cut so.
    #[must_use]
    pub fn new(size: u64, pace: Pace, carried: Carried) -> Self {
        let first = SegmentJob {
            number: 0,
            from: 0,
            exact: true,
            until: pace.first.min(size),
            carried: Vec::new(),
        };
        Self {
            size,
            pace,
            next_number: 1,
            made_to: first.until,
            segments: VecDeque::from([Segment {
                job: first,
                given_out: true,
                begun: Some(0),
                told: carried.clone(),
                waiting: Vec::new(),
                ended: None,
            }]),
            dropped: Vec::new(),
            tally: None,
            carried,
            wrong: 0,
        }
    }

    /// The next segment to be read, where so many readers share the work; `None` where there is none, or where too many wait for the front.
    pub fn next(&mut self, readers: usize) -> Option<SegmentJob> {
        if !self.segments.iter().any(|segment| !segment.given_out) {
            let running = self
                .segments
                .iter()
                .filter(|segment| segment.ended.is_none());
            let most = readers.max(1);
            if self.made_to >= self.size
                || running.count() >= most
                || self.segments.len() > 2 * most
            {
                return None;
            }
            let until = self.border(self.made_to);
            self.make(self.made_to, false, until);
        }
        let segment = self
            .segments
            .iter_mut()
            .find(|segment| !segment.given_out)?;
        segment.given_out = true;
        Some(segment.job.clone())
    }

    /// Where a segment from here ends: at a border that all segments of the item share.
    fn border(&self, from: u64) -> u64 {
        let most = self.pace.most.max(1);
        let after = from.saturating_sub(self.pace.first) / most + 1;
        let border = self.pace.first + after * most;
        // No stump at the end.
        if border + most / 2 >= self.size {
            self.size
        } else {
            border
        }
    }

    fn make(&mut self, from: u64, exact: bool, until: u64) {
        let job = SegmentJob {
            number: self.next_number,
            from,
            exact,
            until,
            carried: self.carried.encode(),
        };
        self.next_number += 1;
        self.made_to = until;
        self.segments.push_back(Segment {
            job,
            given_out: false,
            begun: exact.then_some(from),
            told: self.carried.clone(),
            waiting: Vec::new(),
            ended: None,
        });
    }

    fn of(&mut self, number: u32) -> Option<&mut Segment> {
        self.segments
            .iter_mut()
            .find(|segment| segment.job.number == number)
    }

    /// A segment's first record begins there.
    pub fn begun(&mut self, number: u32, at: u64) -> Progressed {
        if let Some(segment) = self.of(number) {
            segment.begun = Some(at);
        }
        self.advance()
    }

    /// A batch of a segment.
    pub fn batch(&mut self, number: u32, bytes: &[u8]) -> Progressed {
        let front = self.segments.front().map(|segment| segment.job.number);
        let mut progressed = Progressed::default();
        if front == Some(number) {
            self.take(bytes, &mut progressed);
        } else if let Some(segment) = self.of(number) {
            segment.waiting.push(bytes.to_vec());
        }
        progressed
    }

    /// A segment ended, with what [`crate::formats::segment::SegmentReader::finish`] made.
    pub fn ended(&mut self, number: u32, bytes: &[u8]) -> Progressed {
        if bytes.is_empty() {
            // No record begins in it: the one before reads on through it.
            self.segments.retain(|segment| segment.job.number != number);
            return self.advance();
        }
        match SegmentEnd::decode(bytes) {
            Ok(ended) => {
                if let Some(segment) = self.of(number) {
                    segment.ended = Some(ended);
                }
                self.advance()
            }
            Err(error) => Progressed {
                broken: Some(error.what),
                ..Progressed::default()
            },
        }
    }

    /// How often a segment had to be read again, because it had been guessed wrong where it begins or what comes before.
    #[must_use]
    pub fn wrong(&self) -> u32 {
        self.wrong
    }

    /// Segments whose reading may be ended: they are read again otherwise.
    pub fn take_dropped(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dropped)
    }

    fn records_before(&self) -> Option<u64> {
        self.tally.as_ref().map(|tally| tally.counts().records)
    }

    fn take(&self, bytes: &[u8], progressed: &mut Progressed) {
        match EventBatch::decode(bytes) {
            Ok(batch) => self.number(batch, progressed),
            Err(error) => progressed.broken = Some(error.what),
        }
    }

    fn number(&self, mut batch: EventBatch, progressed: &mut Progressed) {
        if let Some(before) = self.records_before() {
            renumber(&mut batch, before);
        }
        progressed.batches.push(batch);
    }

    /// Moves the front on as far as it is certain.
    fn advance(&mut self) -> Progressed {
        let mut progressed = Progressed::default();
        while let Some((batch, end)) = self
            .segments
            .front_mut()
            .and_then(|front| front.ended.take())
        {
            let at = end.tally.end();
            let follower = end
                .carried
                .as_ref()
                .map(|carried| self.follower(at, carried));
            if let Some(Follower::Unknown) = follower {
                // Whether it fits is known once it has begun.
                if let Some(front) = self.segments.front_mut() {
                    front.ended = Some((batch, end));
                }
                break;
            }
            self.number(batch, &mut progressed);
            match &mut self.tally {
                Some(tally) => tally.append(end.tally),
                None => self.tally = Some(end.tally),
            }
            self.segments.pop_front();
            match (follower, end.carried) {
                (Some(Follower::At(place)), Some(carried)) => {
                    self.carried = carried;
                    self.drop_first(place);
                }
                (_, Some(carried)) => {
                    self.carried = carried;
                    self.wrong += u32::from(!self.segments.is_empty());
                    self.drop_first(self.segments.len());
                    let until = if self.wrong > MOST_WRONG {
                        self.size
                    } else {
                        self.border(at)
                    };
                    self.make(at, true, until);
                }
                (_, None) => {
                    self.drop_first(self.segments.len());
                    progressed.report = self.tally.take().map(Tally::into_report);
                    return progressed;
                }
            }
            let waiting = self
                .segments
                .front_mut()
                .map(|front| std::mem::take(&mut front.waiting));
            for bytes in waiting.unwrap_or_default() {
                self.take(&bytes, &mut progressed);
            }
        }
        progressed
    }

    fn drop_first(&mut self, count: usize) {
        let gone = self.segments.drain(..count.min(self.segments.len()));
        self.dropped.extend(gone.map(|segment| segment.job.number));
    }

    /// Which of the segments behind the front goes on where it ended.
    fn follower(&self, at: u64, carried: &Carried) -> Follower {
        for (place, segment) in self.segments.iter().skip(1).enumerate() {
            let fits = segment.told == *carried;
            match segment.begun {
                Some(begun) if begun == at && fits => return Follower::At(place),
                Some(begun) if begun >= at => return Follower::None,
                None if fits && segment.given_out && segment.job.until > at => {
                    return Follower::Unknown;
                }
                _ => {}
            }
        }
        Follower::None
    }
}

impl Case {
    /// An item may be cut: its first reader says so, and what readers of later segments are told. `false` where that makes no sense.
    pub fn begin_segments(&mut self, item: u32, pace: Pace, carried: &[u8]) -> bool {
        let size = self.items.get(item as usize).map(|item| item.size);
        let (Some(size), Some(carried)) = (size, Carried::decode(carried)) else {
            return false;
        };
        self.segmented
            .insert(item, Segments::new(size, pace, carried));
        true
    }

    /// The next segment of an item that a reader can be given, where so many readers share it.
    pub fn next_segment(&mut self, item: u32, readers: usize) -> Option<SegmentJob> {
        self.segmented.get_mut(&item)?.next(readers)
    }

    /// Segments of an item whose readers may be stopped: their work is not needed.
    pub fn dropped_segments(&mut self, item: u32) -> Vec<u32> {
        self.segmented
            .get_mut(&item)
            .map(Segments::take_dropped)
            .unwrap_or_default()
    }

    /// A segment's first record begins there.
    pub fn segment_begun(&mut self, item: u32, number: u32, at: u64) {
        if let Some(segments) = self.segmented.get_mut(&item) {
            let progressed = segments.begun(number, at);
            self.progress(item, progressed);
        }
    }

    /// Takes a batch of a segment's events.
    pub fn add_segment_batch(&mut self, item: u32, number: u32, bytes: &[u8]) {
        match self.segmented.get_mut(&item) {
            Some(segments) => {
                let progressed = segments.batch(number, bytes);
                self.progress(item, progressed);
            }
            None if number == 0 => self.add_batch(item, bytes),
            None => {}
        }
    }

    /// Takes a segment's last batch and end. Answers whether that ended the item.
    pub fn finish_segment(&mut self, item: u32, number: u32, bytes: &[u8]) -> bool {
        let progressed = match self.segmented.get_mut(&item) {
            Some(segments) => segments.ended(number, bytes),
            // An item that could not be cut is one segment.
            None if number == 0 => match SegmentEnd::decode(bytes) {
                Ok((batch, end)) => Progressed {
                    batches: vec![batch],
                    report: Some(end.tally.into_report()),
                    broken: None,
                },
                Err(error) => Progressed {
                    broken: Some(error.what),
                    ..Progressed::default()
                },
            },
            None => return false,
        };
        self.progress(item, progressed)
    }

    fn progress(&mut self, item: u32, progressed: Progressed) -> bool {
        for batch in progressed.batches {
            self.append(item, batch);
        }
        if let Some(why) = progressed.broken {
            self.quarantine_item(item, &format!("a segment could not be taken over: {why}"));
            return true;
        }
        let Some(report) = progressed.report else {
            return false;
        };
        self.segmented.remove(&item);
        self.close_item(item, EventBatch::default(), report);
        true
    }
}

/// The segment that goes on where another ended.
enum Follower {
    /// The one so far behind the front.
    At(usize),
    /// It has not begun yet.
    Unknown,
    None,
}
