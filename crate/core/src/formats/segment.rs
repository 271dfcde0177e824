//! A large item in segments, so that several readers can read it at once.
//!
//! ```text
//!  reader 1   |head……………………|→                 begins at 0, says after a megabyte how the item may be cut
//!  reader 2              |skip→|……………………|→     begins at the first record behind its border,
//!  reader 3                            |skip→|  goes on to the first record behind the next one
//! ```
//!
//! A [`SegmentReader`] finds the place to begin by the look of the bytes ([`crate::evidence::cut`]) and is told what
//! the records before it decided ([`Carried`]). At its own end it is strict: it ends only where a record truly ends and nothing waits
//! for what follows; else it reads on to the next place. It says where it ended and what it then knew. Where the
//! next segment began exactly there and was told exactly that, both together have read what one reader would have
//! read, and their [`Tally`]s add up to its report. Whoever puts them together (`case::segments`) throws away what does not fit.
//!
//! A format takes part by answering [`super::Reader::carried`]; one that keeps more state over records than it can name
//! does not, and its items are read by one reader from front to back.
//!
//! Rejected: telling each segment the truth before it begins. Then the second reader waits for the first.

use super::describe::Opening;
use super::identify::Identity;
use super::item::{ItemReader, ItemReport, Preamble};
use super::{Framing, TABLE};
use crate::event::batch::{EventBatch, NotABatch};
use crate::event::sink::{Counts, FIRST_OF_SEGMENT};
use crate::evidence::cut::{Cut, Look, Place};
use crate::evidence::encoding::{Seen, Transport};
use crate::evidence::frame::csv::{cells, delimiter};
use crate::problem::{Code, Problems};
use crate::record::yaml::Document;
use serde::{Deserialize, Serialize};

/// Items up to this size are read by one reader.
pub const WHOLE_BYTES: u64 = 16 << 20;
/// Bytes behind an end that readers may look at.
const FOLLOWING_BYTES: usize = 128 << 10;
/// Bytes searched for the beginning of a record at a time.
const SEARCHED_BYTES: usize = 4 << 20;
/// Bytes kept of those when none begins there: a beginning may lie across the border.
const KEPT_BYTES: usize = 64 << 10;

/// What records decided about the records behind them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    format: u16,
    as_records: bool,
    is_csv: bool,
    cut: Cut,
    /// What the framer knows.
    frame: Vec<u8>,
    /// Format of the reader that took the last record.
    current: u16,
    /// What readers know, by format; those that know nothing are left out.
    readers: Vec<(u16, Vec<u8>)>,
    /// The header row of a table.
    header: Option<Vec<u8>>,
}

impl Carried {
    pub(super) fn identity(&self) -> Option<Identity> {
        let format = usize::from(self.format);
        let text = TABLE.get(format)?.text.map(|shape| shape.framing);
        let framing = match (self.as_records, self.is_csv) {
            (true, _) => Framing::Json,
            (_, true) => Framing::Csv,
            _ => text?,
        };
        Some(Identity {
            format,
            framing,
            as_records: self.as_records,
        })
    }

    pub(super) fn readers(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.readers
            .iter()
            .map(|(format, knows)| (usize::from(*format), knows.as_slice()))
    }

    pub(super) fn current(&self) -> usize {
        usize::from(self.current)
    }

    pub(super) fn header(&self) -> Option<&[u8]> {
        self.header.as_deref()
    }

    pub(super) fn cut(&self) -> &Cut {
        &self.cut
    }

    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The bytes that cross between workers.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// From its bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// What is known of a stretch of an item after reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Where the stretch ends.
    pub(super) end: u64,
    pub(super) counts: Counts,
    pub(super) problems: Problems,
    pub(super) preamble: Vec<Preamble>,
    pub(super) chunks: Vec<u64>,
    pub(super) line_marks: Vec<u64>,
    pub(super) line_ends: u64,
    pub(super) seen: Seen,
    /// Records by format.
    pub(super) readers: Vec<(usize, u64)>,
    pub(super) transport: u8,
    pub(super) identified: bool,
    pub(super) as_records: bool,
    pub(super) rules: Vec<Document>,
}

impl Tally {
    /// How many records ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Where the stretch ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Adds the stretch right behind this one.
    pub fn append(&mut self, other: Self) {
        let before = self.counts.records;
        self.problems
            .append(other.problems, |record| renumbered(record, before));
        self.end = other.end;
        self.counts.records += other.counts.records;
        self.counts.events += other.counts.events;
        self.counts.folded += other.counts.folded;
        self.counts.skipped += other.counts.skipped;
        self.preamble.extend(other.preamble);
        self.chunks.extend(other.chunks);
        let ends = self.line_ends;
        self.line_marks
            .extend(other.line_marks.iter().map(|mark| mark + ends));
        self.line_ends += other.line_ends;
        self.seen.add(other.seen);
        for (format, records) in other.readers {
            match self.readers.iter_mut().find(|(have, _)| *have == format) {
                Some((_, have)) => *have += records,
                None => self.readers.push((format, records)),
            }
        }
    }

    /// The item's report, where this is all of it.
    #[must_use]
    pub fn into_report(self) -> ItemReport {
        let mut problems = self.problems;
        let last = self.counts.records.checked_sub(1);
        let mut problem = |code, text: &str| problems.add(code, last, None, text);
        let transport = match self.transport {
            1 => Transport::Utf16Le { mark: 2 },
            2 => Transport::Utf16Be { mark: 2 },
            _ => Transport::Bytes { mark: 0 },
        };
        // The format of most records; before any record, what the first bytes said.
        let most = self
            .readers
            .iter()
            .max_by_key(|(at, records)| (*records, std::cmp::Reverse(*at)));
        let format = most
            .and_then(|(at, _)| TABLE.get(*at))
            .map(|format| format.id);
        let fallback = if self.seen.binary { "binary" } else { "text" };
        if self.seen.invalid && !self.seen.binary {
            let text = if self.seen.multibyte {
                "some bytes are not valid UTF-8; each is shown as a replacement character"
            } else {
                "the text is not UTF-8; letters are shown by the Windows code page that fits best, and only display names should be affected"
            };
            problem(Code::InvalidText, text);
        }
        if self.end == 0 {
            problem(
                Code::EmptyFile,
                "the item has no bytes; if it should have some, collect it again",
            );
        } else if !self.identified {
            problem(
                Code::UnknownFormat,
                "no reader knows this content; the item is listed and hashed, and nothing on the timeline comes from it",
            );
        }
        if !self.counts.conserved() {
            problem(
                Code::Conservation,
                "records were lost while reading this item; please report this",
            );
        }
        ItemReport {
            format: format.unwrap_or(fallback).to_owned(),
            encoding: self.seen.name(transport).to_owned(),
            counts: self.counts,
            preamble: self.preamble,
            chunks: self.chunks,
            line_marks: self.line_marks,
            as_records: self.as_records,
            mixed: self.readers.iter().filter(|reader| reader.1 > 0).count() > 1,
            rules: self.rules,
            transport: self.transport,
            problems: problems.into_list(),
        }
    }
}

/// The number of a segment's record, where so many come before the segment.
fn renumbered(record: u64, before: u64) -> Option<u64> {
    (record + before).checked_sub(FIRST_OF_SEGMENT)
}

/// Numbers the records of a segment's batch, where so many come before the segment.
pub fn renumber(batch: &mut EventBatch, before: u64) {
    for record in &mut batch.columns.record {
        let number = renumbered(u64::from(*record), before).unwrap_or(0);
        *record = u32::try_from(number).unwrap_or(u32::MAX);
    }
}

/// How a segment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEnd {
    /// What it is made of.
    pub tally: Tally,
    /// What whoever begins there must know; `None` at the item's end.
    pub carried: Option<Carried>,
}

impl SegmentEnd {
    /// Last batch and end, from the bytes of [`SegmentReader::finish`].
    ///
    /// # Errors
    /// [`NotABatch`] where the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<(EventBatch, Self), NotABatch> {
        postcard::from_bytes(bytes).map_err(|error| NotABatch {
            what: error.to_string(),
            have: bytes.len(),
        })
    }
}

/// Reads one segment of an item.
pub struct SegmentReader {
    reader: Option<ItemReader>,
    size: u64,
    /// The border behind which it ends at the next record; the item's end where it is not cut.
    until: u64,
    /// Still looking for the place to begin.
    seeking: bool,
    begun: Option<u64>,
    /// Bytes not yet given to the reader, and where they begin.
    window: Vec<u8>,
    at: u64,
    /// Bytes after which it is said how the item may be cut; 0 once that was done.
    plan_after: u64,
    /// An item's first events are handed over at once: somebody waits to see rows.
    first: bool,
    carried: Option<Carried>,
    done: bool,
}

impl SegmentReader {
    /// For the first segment of an item, up to the first record behind `until`; it says after so many bytes how the item may be cut, and goes on to the
    /// item's end where it cannot be.
    #[must_use]
    pub fn first(opening: Opening, plan_after: u64, until: u64) -> Self {
        let size = opening.size;
        Self {
            reader: Some(ItemReader::of(opening)),
            size,
            until: until.min(size),
            seeking: false,
            begun: Some(0),
            window: Vec::new(),
            at: 0,
            plan_after: plan_after.max(1),
            first: true,
            carried: None,
            done: false,
        }
    }

    /// For a segment that begins at `from`, or where that is not `exact` at the first record behind it. `None` where `carried` makes no sense.
    #[must_use]
    pub fn resumed(
        opening: Opening,
        carried: &Carried,
        from: u64,
        exact: bool,
        until: u64,
    ) -> Option<Self> {
        let size = opening.size;
        let reader = ItemReader::resumed(opening, carried, from)?;
        Some(Self {
            reader: Some(reader),
            size,
            until: until.min(size),
            seeking: !exact,
            begun: exact.then_some(from),
            window: Vec::new(),
            at: from,
            plan_after: 0,
            first: false,
            carried: None,
            done: false,
        })
    }

    /// Where its first record begins, once it is known.
    #[must_use]
    pub fn begun(&self) -> Option<u64> {
        self.begun
    }

    /// Where the next bytes to be pushed lie in the item.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.at + self.window.len() as u64
    }

    /// Whether bytes up to the border are still missing: they can be read in large pieces, those behind it in small ones.
    #[must_use]
    pub fn is_before_border(&self) -> bool {
        self.next() < self.until
    }

    /// Takes the next bytes of the item. `true`: it needs no more.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        if self.done {
            return true;
        }
        self.window.extend_from_slice(bytes);
        if self.seeking && !self.seek() {
            return self.done;
        }
        self.read();
        self.done
    }

    /// Looks for the first record. Answers whether it was found.
    fn seek(&mut self) -> bool {
        let last = self.next() >= self.size;
        match self.find(0, last) {
            Place::At(place) if self.at + (place as u64) < self.until => {
                self.window.drain(..place);
                self.at += place as u64;
                let Some(reader) = &mut self.reader else {
                    return false;
                };
                reader.begin_at(self.at);
                self.begun = Some(self.at);
                self.seeking = false;
                true
            }
            Place::Unknown if self.next() < self.until => {
                if self.window.len() > SEARCHED_BYTES {
                    let gone = self.window.len() - KEPT_BYTES;
                    self.window.drain(..gone);
                    self.at += gone as u64;
                }
                false
            }
            Place::Unknown if self.window.len() <= SEARCHED_BYTES => false,
            // Nothing begins in this segment: the one before it has all of it.
            _ => {
                self.reader = None;
                self.done = true;
                false
            }
        }
    }

    fn find(&self, from: usize, last: bool) -> Place {
        let bytes = self.window.get(from..).unwrap_or(&[]);
        let Some((reader, cut)) = self
            .reader
            .as_ref()
            .and_then(|reader| Some((reader, reader.cut()?)))
        else {
            return Place::Nowhere;
        };
        cut.find(
            bytes,
            last,
            &Look {
                is_header: &|line| reader.is_header(line),
                begins_anew: &|before, line| reader.begins_anew(before, line),
            },
        )
    }

    /// Gives the reader what is surely this segment's, and ends where the border is reached.
    fn read(&mut self) {
        let end = self.next();
        let sure = usize::try_from(self.until.saturating_sub(self.at)).unwrap_or(usize::MAX);
        self.give(sure.min(self.window.len()));
        self.plan();
        if self.until >= self.size {
            self.give(self.window.len());
            if end >= self.size {
                self.close();
            }
            return;
        }
        while self.at >= self.until && !self.done {
            let last = end >= self.size;
            match self.find(0, last) {
                Place::At(place) => {
                    let following = self.window.len() - place;
                    if following < FOLLOWING_BYTES && !last {
                        return;
                    }
                    self.give(place);
                    self.until = self.at;
                    let Some(reader) = &mut self.reader else {
                        return;
                    };
                    if let Some(carried) = reader.ends_before(&self.window, last) {
                        self.carried = Some(carried);
                        self.done = true;
                    }
                }
                Place::Nowhere => {
                    self.give(self.window.len());
                    self.close();
                }
                Place::Unknown => {
                    if self.window.len() > SEARCHED_BYTES {
                        self.give(self.window.len() - KEPT_BYTES);
                        self.until = self.at;
                    }
                    return;
                }
            }
        }
    }

    fn give(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        if let Some(reader) = &mut self.reader {
            reader.push(self.window.get(..count).unwrap_or(&[]));
        }
        self.window.drain(..count.min(self.window.len()));
        self.at += count as u64;
    }

    fn close(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.end();
        }
        self.done = true;
    }

    /// Once enough was seen, says whether the item may be cut; if not, reads on to its end.
    fn plan(&mut self) {
        if self.plan_after == 0 || self.at < self.plan_after.min(self.until) {
            return;
        }
        self.plan_after = 0;
        self.carried = self.reader.as_ref().and_then(ItemReader::carried);
        if self.carried.is_none() {
            self.until = self.size;
        }
    }

    /// How the item may be cut, once: what readers of later segments can be told for now.
    pub fn take_plan(&mut self) -> Option<Vec<u8>> {
        if self.done {
            return None;
        }
        self.carried.take().map(|carried| carried.encode())
    }

    /// Events gathered so far, when there are enough of them; the item's first ones at once.
    pub fn take_batch(&mut self) -> Option<Vec<u8>> {
        let reader = self.reader.as_mut()?;
        let first = self.first.then(|| reader.take_what_is_there()).flatten();
        self.first &= first.is_none();
        first.or_else(|| reader.take_batch())
    }

    /// Ends the segment: the last batch and a [`SegmentEnd`], as bytes; empty where no record begins in the segment.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let Some(reader) = self.reader else {
            return Vec::new();
        };
        let (batch, tally) = reader.tally();
        let end = SegmentEnd {
            tally,
            carried: self.carried,
        };
        postcard::to_allocvec(&(batch, end)).unwrap_or_default()
    }
}

impl ItemReader {
    /// What a reader must know that begins at a record behind those read so far; `None` where none can.
    pub(super) fn carried(&self) -> Option<Carried> {
        if !matches!(self.transport?, Transport::Bytes { .. }) {
            return None;
        }
        let body = self.body.as_ref()?;
        let identity = body.identity?;
        let state = &body.state;
        let is_csv = matches!(identity.framing, Framing::Csv);
        if state.table_reader.is_some() && !is_csv {
            return None;
        }
        let mut readers = Vec::new();
        for (format, reader, _) in &state.readers {
            let knows = reader.carried()?;
            if !knows.is_empty() {
                readers.push((u16::try_from(*format).ok()?, knows));
            }
        }
        let header = if is_csv {
            Some(self.header()?.to_vec())
        } else {
            None
        };
        Some(Carried {
            format: u16::try_from(identity.format).ok()?,
            as_records: identity.as_records,
            is_csv,
            cut: self.cut()?,
            frame: body.framer.as_ref()?.carried()?,
            current: u16::try_from(state.readers.get(state.current)?.0).ok()?,
            readers,
            header,
        })
    }

    /// The header row of a table.
    fn header(&self) -> Option<&[u8]> {
        let body = self.body.as_ref()?;
        let met = || Some(body.state.preamble.first()?.bytes.as_slice());
        self.header_before.as_deref().or_else(met)
    }

    /// How records are found in the middle of this item.
    fn cut(&self) -> Option<Cut> {
        let body = self.body.as_ref()?;
        match body.identity?.framing {
            Framing::Lines => Some(Cut::Lines),
            Framing::Blocks(_) => Some(Cut::Blocks),
            Framing::Json => body.state.mark.cut(),
            Framing::Csv => {
                let header = self.header()?;
                let delimiter = delimiter(header);
                Some(Cut::Rows {
                    columns: cells(header, delimiter).len(),
                    delimiter,
                })
            }
            Framing::Chunks => Some(Cut::Chunks),
            Framing::Whole | Framing::Xml => None,
        }
    }

    fn is_header(&self, line: &[u8]) -> bool {
        match self.body.as_ref().and_then(|body| body.identity) {
            Some(Identity {
                framing: Framing::Blocks(is_header),
                ..
            }) => is_header(line),
            _ => false,
        }
    }

    fn begins_anew(&self, before: &[u8], line: &[u8]) -> bool {
        let body = self.body.as_ref();
        let reader = body.and_then(|body| body.state.readers.get(body.state.current));
        reader.is_none_or(|(_, reader, _)| reader.begins_anew(before, line))
    }

    /// Ends before a record that begins where the bytes so far end and `following` begins. `None`: no record ends here, or something waits
    /// for what follows; reading can go on then as if nobody had asked.
    fn ends_before(&mut self, following: &[u8], last: bool) -> Option<Carried> {
        let readers = &self.body.as_ref()?.state.readers;
        let done = readers
            .iter()
            .all(|(_, reader, _)| reader.is_done_before(following, last));
        if done && self.break_off() {
            self.carried()
        } else {
            None
        }
    }
}
