//! JSON records, wherever an exporter put them.
//!
//! Exports wrap their records differently: a bare array, `{"value": […]}`, `{"records": […]}` (nested
//! again in some), `{"hits": {"hits": […]}}`, `{"tables": [{"columns": […], "rows": [[…]]}]}`, one
//! object a line, or objects one behind the other. The framer walks down through the wrappers as the
//! bytes stream by and names each record; it never holds more than one of them.
//!
//! ```text
//! {"nextLink":"…","value":[ {…} , {…} ]}      two records
//! {…}\n{…}\n{…                                two records, and one that is truncated
//! PS> az …\n[ {…} ]                           stray text, one record
//! ```
//!
//! A broken record must not swallow its neighbours: where a line begins with `{` at a place where no
//! value may stand, the record before it is malformed and reading begins anew there.
//!
//! Rejected: parsing the whole document first. It needs all of it in memory, and one cut record at
//! the end would lose the gigabyte before it.

mod sound;

use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};
use memchr::{memchr, memchr3};
use sound::sound_record;

/// Keys whose array holds the records, when they stand in an object of their own.
const WRAPPERS: [&[u8]; 9] = [
    b"value",
    b"records",
    b"Records",
    b"hits",
    b"tables",
    b"Tables",
    b"expected",
    b"Results",
    b"results",
];
const ROWS: [&[u8]; 2] = [b"rows", b"Rows"];
const COLUMNS: [&[u8]; 2] = [b"columns", b"Columns"];
/// No wrapper's key is longer.
const KEY_BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Array { rows: bool },
    Object,
}

/// What to do with the value being scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Record(UnitKind),
    Columns,
    Skip,
}

/// A value being scanned; positions are relative to its first byte, which is the front of the buffer.
#[derive(Clone, Debug)]
struct Scan {
    purpose: Purpose,
    at: usize,
    depth: usize,
    /// The deepest level so far.
    deepest: usize,
    /// One bit a level, innermost lowest: set for objects.
    objects: u128,
    in_string: bool,
    /// Last byte that was not white space.
    previous: u8,
    /// Only white space since the line began.
    line_first: bool,
    line_start: usize,
    expect_key: bool,
    key_start: Option<usize>,
    key: Option<(usize, usize)>,
    columns: Option<usize>,
    has_columns: bool,
    defects: Defects,
}

impl Scan {
    fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            at: 0,
            depth: 0,
            deepest: 0,
            objects: 0,
            in_string: false,
            previous: b',',
            line_first: false,
            line_start: 0,
            expect_key: false,
            key_start: None,
            key: None,
            columns: None,
            has_columns: false,
            defects: Defects::default(),
        }
    }
}

/// What a scan came to.
enum Step {
    /// More bytes are needed.
    More,
    /// The value ends before this position.
    Done(usize),
    /// The value is broken; reading begins anew at this position.
    Broken(usize),
    /// The value is a wrapper; its records (or the next wrapper) begin at this position.
    Wrapper(usize, Level),
    /// A `columns` array: this range.
    Columns(usize, usize),
}

/// Frames JSON.
#[derive(Clone, Debug)]
pub struct Json {
    limit: usize,
    depth_limit: usize,
    levels: Vec<Level>,
    scan: Option<Scan>,
    in_stray: bool,
    discarding: bool,
    /// Whether the end of a record is first looked for by its brackets alone.
    looks_ahead: bool,
}

impl Json {
    /// Records up to `limit` bytes, nested up to `depth_limit`.
    #[must_use]
    pub fn new(limit: usize, depth_limit: usize) -> Self {
        Self {
            limit,
            depth_limit,
            levels: Vec::new(),
            scan: None,
            in_stray: false,
            discarding: false,
            looks_ahead: true,
        }
    }

    /// The same framer, looking at every byte: what the other must agree with.
    #[cfg(test)]
    fn byte_by_byte(self) -> Self {
        Self {
            looks_ahead: false,
            ..self
        }
    }

    /// Handles the bytes between values. Answers the new position, or `None` when more are needed.
    fn between(
        &mut self,
        buffer: &[u8],
        at: usize,
        last: bool,
        found: &mut dyn FnMut(Found),
    ) -> Option<usize> {
        let byte = *buffer.get(at)?;
        match (self.levels.last().copied(), byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n' | b',' | 0 | 0x1E) => Some(at + 1),
            (None, 0xEF | 0xBB | 0xBF) => Some(at + 1),
            (None | Some(Level::Array { .. }), b'{') => {
                self.in_stray = false;
                self.scan = Some(Scan::new(Purpose::Record(UnitKind::Record)));
                Some(at)
            }
            (Some(Level::Array { rows: true }), b'[') => {
                self.scan = Some(Scan::new(Purpose::Record(UnitKind::Row)));
                Some(at)
            }
            (None | Some(Level::Array { .. }), b'[') => {
                self.in_stray = false;
                self.levels.push(Level::Array { rows: false });
                Some(at + 1)
            }
            (Some(Level::Array { .. }), b']') | (Some(Level::Object), b'}') => {
                self.levels.pop();
                Some(at + 1)
            }
            (Some(Level::Object), b'"') => self.wrapper_key(buffer, at, last),
            _ => Some(self.stray(buffer, at, found)),
        }
    }

    /// One run of text that is no JSON: noted once, stepped over.
    fn stray(&mut self, buffer: &[u8], at: usize, found: &mut dyn FnMut(Found)) -> usize {
        if !self.in_stray {
            self.in_stray = true;
            found(Found::Stray(at..at + 1));
        }
        if self.levels.is_empty() {
            // `[12:30] text` is no array: outside of any, an opening bracket must begin its line.
            let rest = buffer.get(at + 1..).unwrap_or(&[]);
            let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let brace = memchr(b'{', rest).map_or(rest.len(), |brace| brace);
            at + 1 + line.min(brace)
        } else {
            at + 1
        }
    }

    /// A key of an object that is a wrapper: walk into its array, or step over its value.
    fn wrapper_key(&mut self, buffer: &[u8], at: usize, last: bool) -> Option<usize> {
        let mut end = at + 1;
        loop {
            match buffer.get(end) {
                Some(b'\\') => end += 2,
                Some(b'"') => break,
                Some(_) => end += 1,
                None => return if last { Some(buffer.len()) } else { None },
            }
        }
        let mut value = end + 1;
        while matches!(buffer.get(value), Some(b' ' | b'\t' | b'\r' | b'\n' | b':')) {
            value += 1;
        }
        let Some(first) = buffer.get(value) else {
            return if last { Some(buffer.len()) } else { None };
        };
        let key = buffer.get(at + 1..end).unwrap_or(&[]);
        match first {
            b'[' if WRAPPERS.contains(&key) || ROWS.contains(&key) => {
                self.levels.push(Level::Array {
                    rows: ROWS.contains(&key),
                });
                Some(value + 1)
            }
            b'{' if key == b"hits" => {
                self.levels.push(Level::Object);
                Some(value + 1)
            }
            b'}' | b']' => Some(value),
            _ => {
                self.scan = Some(Scan::new(if COLUMNS.contains(&key) {
                    Purpose::Columns
                } else {
                    Purpose::Skip
                }));
                Some(value)
            }
        }
    }
}

impl Scan {
    /// Whether nothing of a record was looked at yet.
    fn begins_record(&self) -> bool {
        matches!(self.purpose, Purpose::Record(_)) && self.at == 0 && self.depth == 0
    }

    /// Scans on. `value` begins at the value's first byte. `open` says that no array is open around it.
    fn step(&mut self, value: &[u8], last: bool, top: bool, depth_limit: usize) -> Step {
        while let Some(byte) = value.get(self.at).copied() {
            if self.in_string {
                match self.string(value, last, top) {
                    Some(step) => return step,
                    None => continue,
                }
            }
            match byte {
                b'"' => {
                    self.in_string = true;
                    if self.depth == 1 && self.expect_key {
                        self.key_start = Some(self.at + 1);
                    }
                    self.line_first = false;
                }
                b'{' | b'[' => {
                    if byte == b'{' && self.line_first && self.depth > 0 && self.misplaced() {
                        return Step::Broken(self.line_start);
                    }
                    if let Some(step) = self.wrapper(value, byte, last) {
                        return step;
                    }
                    self.depth += 1;
                    self.objects = self.objects << 1 | u128::from(byte == b'{');
                    if self.depth > depth_limit {
                        self.defects.too_deep = true;
                    }
                    self.expect_key = byte == b'{';
                    self.previous = byte;
                    self.line_first = false;
                }
                b'}' | b']' => {
                    if self.depth == 0 {
                        // The end of the container around a scalar.
                        return Step::Done(self.at);
                    }
                    self.defects.trailing_comma |= self.previous == b',';
                    // Deeper than the bits reach, the kinds of the outer levels are forgotten.
                    self.deepest = self.deepest.max(self.depth);
                    if self.deepest <= 128 {
                        self.defects.malformed |= (self.objects & 1 == 1) != (byte == b'}');
                    }
                    self.objects >>= 1;
                    self.depth -= 1;
                    self.expect_key = false;
                    self.previous = byte;
                    self.line_first = false;
                    if self.depth == 0 {
                        self.at += 1;
                        return Step::Done(self.at);
                    }
                    if let Some(start) = self.columns.take_if(|_| self.depth == 1) {
                        self.at += 1;
                        self.has_columns = true;
                        return Step::Columns(start, self.at);
                    }
                }
                b',' => {
                    if self.depth == 0 {
                        return Step::Done(self.at);
                    }
                    self.expect_key = self.objects & 1 == 1;
                    self.previous = b',';
                    self.line_first = false;
                }
                b':' => {
                    self.expect_key = false;
                    self.previous = b':';
                    self.line_first = false;
                }
                b'\n' => {
                    self.line_first = true;
                    self.line_start = self.at + 1;
                }
                b' ' | b'\t' | b'\r' => {}
                _ => {
                    self.previous = byte;
                    self.line_first = false;
                }
            }
            self.at += 1;
        }
        if last && self.depth == 0 && !self.in_string {
            Step::Done(self.at)
        } else {
            Step::More
        }
    }

    /// Inside a string: to its end. `None` means go on.
    fn string(&mut self, value: &[u8], last: bool, top: bool) -> Option<Step> {
        let Some(hit) = memchr3(b'"', b'\\', b'\n', value.get(self.at..).unwrap_or(&[])) else {
            self.at = value.len();
            return Some(Step::More);
        };
        let hit = self.at + hit;
        match value.get(hit) {
            Some(b'\\') => {
                if value.get(hit + 1).is_none() {
                    self.at = if last { value.len() } else { hit };
                    return Some(Step::More);
                }
                self.at = hit + 2;
            }
            Some(b'\n') => {
                // A raw line end is not allowed in a string. Where the next line is a record of its
                // own, this one lost its end.
                match value.get(hit + 1) {
                    None if !last => {
                        self.at = hit;
                        return Some(Step::More);
                    }
                    Some(b'{') if top => return Some(Step::Broken(hit + 1)),
                    _ => self.at = hit + 1,
                }
            }
            _ => {
                self.in_string = false;
                self.previous = b'"';
                self.at = hit + 1;
                if let Some(start) = self.key_start.take() {
                    self.key = Some((start, hit));
                }
                if self.depth == 0 {
                    return Some(Step::Done(self.at));
                }
            }
        }
        None
    }

    /// Whether a `{` may not stand here.
    fn misplaced(&self) -> bool {
        if self.deepest > 128 {
            return false;
        }
        if self.objects & 1 == 1 {
            self.previous != b':'
        } else {
            !matches!(self.previous, b'[' | b',')
        }
    }

    /// Whether the value that begins here makes the scanned object a wrapper.
    fn wrapper(&mut self, value: &[u8], byte: u8, last: bool) -> Option<Step> {
        let (start, end) = self
            .key
            .filter(|_| self.depth == 1 && self.previous == b':')?;
        if !matches!(self.purpose, Purpose::Record(UnitKind::Record)) {
            return None;
        }
        let key = value.get(start..end)?;
        if byte == b'{' {
            return (key == b"hits").then_some(Step::Wrapper(self.at + 1, Level::Object));
        }
        if COLUMNS.contains(&key) {
            self.columns = Some(self.at);
            return None;
        }
        let rows = self.has_columns && ROWS.contains(&key);
        if !rows && !WRAPPERS.contains(&key) {
            return None;
        }
        // An array of names is a field; an array of records is a wrapper.
        match value
            .get(self.at + 1..)?
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
        {
            Some(b'{' | b'[' | b']') => Some(Step::Wrapper(self.at + 1, Level::Array { rows })),
            Some(_) => None,
            None if last => None,
            None => Some(Step::More),
        }
    }
}

impl Framer for Json {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        let mut start = 0;
        loop {
            let Some(mut scan) = self.scan.take() else {
                match self.between(buffer, start, last, found) {
                    Some(next) => {
                        start = next.min(buffer.len());
                        continue;
                    }
                    None => break,
                }
            };
            let value = buffer.get(start..).unwrap_or(&[]);
            if self.looks_ahead
                && scan.begins_record()
                && let Some(end) = sound_record(value, self.depth_limit)
            {
                self.emit(&scan, start, start + end, found);
                start += end;
                continue;
            }
            let step = scan.step(value, last, self.levels.is_empty(), self.depth_limit);
            match step {
                Step::Done(end) => {
                    self.emit(&scan, start, start + end, found);
                    start += end;
                }
                Step::Broken(at) => {
                    scan.defects.malformed = true;
                    self.emit(&scan, start, start + at, found);
                    start += at;
                }
                Step::Wrapper(at, level) => {
                    self.discarding = false;
                    self.levels.push(Level::Object);
                    self.levels.push(level);
                    start += at;
                }
                Step::Columns(from, to) => {
                    let range = start + from..start + to;
                    found(Found::Frame(Frame {
                        range,
                        kind: UnitKind::Columns,
                        defects: Defects::default(),
                    }));
                    self.scan = Some(scan);
                }
                Step::More if last => {
                    scan.defects.truncated = true;
                    self.emit(&scan, start, buffer.len(), found);
                    return buffer.len();
                }
                Step::More => {
                    start = self.wait(scan, buffer, start);
                    break;
                }
            }
        }
        if last && !self.levels.is_empty() {
            self.levels.clear();
            found(Found::Unclosed);
        }
        start
    }

    fn discarding(&self) -> bool {
        self.discarding
    }

    fn carried(&self) -> Option<Vec<u8>> {
        let level = |level: &Level| match level {
            Level::Object => Some(b'{'),
            Level::Array { rows: false } => Some(b'['),
            // Rows need the names above them.
            Level::Array { rows: true } => None,
        };
        self.levels.iter().map(level).collect()
    }

    fn resume(&mut self, carried: &[u8]) -> bool {
        let level = |byte: &u8| match byte {
            b'{' => Some(Level::Object),
            b'[' => Some(Level::Array { rows: false }),
            _ => None,
        };
        let levels: Option<Vec<Level>> = carried.iter().map(level).collect();
        let known = levels.is_some();
        self.levels = levels.unwrap_or_default();
        known
    }

    fn ends_before_record(&mut self, rest: &[u8], _: &mut dyn FnMut(Found)) -> bool {
        rest.is_empty() && self.scan.is_none() && !self.discarding
    }
}

impl Json {
    fn emit(&mut self, scan: &Scan, start: usize, end: usize, found: &mut dyn FnMut(Found)) {
        let mut defects = scan.defects;
        let kind = match scan.purpose {
            Purpose::Skip => return,
            Purpose::Columns => UnitKind::Columns,
            Purpose::Record(kind) => {
                defects.too_long = self.discarding || end - start > self.limit;
                kind
            }
        };
        self.discarding = false;
        found(Found::Frame(Frame {
            range: start..end,
            kind,
            defects,
        }));
    }

    /// Keeps an unfinished scan; answers how much of the buffer is done with.
    fn wait(&mut self, mut scan: Scan, buffer: &[u8], start: usize) -> usize {
        let held = buffer.len() - start;
        let droppable = match scan.purpose {
            Purpose::Skip => true,
            Purpose::Record(_) => self.discarding || (start == 0 && held > self.limit),
            Purpose::Columns => false,
        };
        let mut done = 0;
        if droppable {
            self.discarding = matches!(scan.purpose, Purpose::Record(_));
            // A key that may turn out to be a wrapper's stays until its value is seen.
            let key = scan
                .key_start
                .or(scan.key.map(|key| key.0))
                .filter(|_| scan.depth == 1);
            done = match key {
                Some(key) if scan.at - key.min(scan.at) <= KEY_BYTES + 8 => {
                    key.saturating_sub(1).min(scan.at)
                }
                _ => scan.at,
            };
            let back = |at: usize| at.saturating_sub(done);
            scan.key_start = scan.key_start.filter(|at| *at >= done).map(back);
            scan.key = scan
                .key
                .filter(|key| key.0 >= done)
                .map(|(from, to)| (back(from), back(to)));
            scan.columns = None;
            scan.line_start = back(scan.line_start);
            scan.at = back(scan.at);
        }
        self.scan = Some(scan);
        start + done
    }
}

#[cfg(test)]
mod tests;
