//! The short way through the binary form: what a template says is found out once, its values are read for each record.
//!
//! Tens of thousands of records are instances of some thirty templates. Walking a template tells which of its holes is the channel, which is the data `CommandLine`; that
//! is the same for every record, so it is written down as a list of effects and a record costs its own values only, of which those that nobody looks at are not
//! even decoded.
//!
//! ```text
//! template   <Event><System><EventID>{2}</EventID>…<Channel>{13}</Channel>…</System>{16}</Event>
//! compiled   id ← 2, channel ← 13, …; the event's data is the fragment in 16
//! ```
//!
//! This way knows the shape in which Windows writes events and no other. Whatever differs (elements inside values, text in several parts, anything broken)
//! is left to [`super::binxml::walk`], which reads everything and says what is wrong; a test holds both to the same events on healthy and on damaged logs.
//!
//! Rejected: keeping compiled templates from chunk to chunk. Their names stand at other places there, and to compare them costs what compiling them costs.

mod compile;

use self::compile::{Compiled, Effect, Source, Target, compile, is_folded};
use super::binxml::{Hole, MOST_VALUES, RECORD_HEAD, RecordPlace};
use super::said::{Said, Source as Log, Wanted};
use super::value::{filetime, push_utf16, u16_at, u32_at, u64_at, value_text};
use super::{WindowsEvent, number, system_time};
use crate::event::batch::Span;
use crate::event::sink::{Record, Sink};
use crate::time::Stamp;
use std::borrow::Cow;
use std::ops::Range;

/// Templates of a chunk that are compiled; a chunk that defines more is not a log's.
const MOST_TEMPLATES: usize = 256;
/// Providers and channels remembered.
const MOST_ORIGINS: usize = 32;
/// Type of a value that holds a fragment.
const FRAGMENT: u8 = 0x21;

/// A provider and a channel that were met, as bytes and as text.
#[derive(Debug)]
struct Origin {
    raw: [(Option<u8>, Vec<u8>); 2],
    provider: String,
    channel: String,
    log: Log,
}

/// Reads the records of chunks the short way.
#[derive(Debug, Default)]
pub struct Templates {
    /// The chunk's templates by the place of their definition.
    compiled: Vec<(usize, Option<Compiled>)>,
    origins: Vec<Origin>,
    /// The machine met last.
    computer: (Option<u8>, Vec<u8>, String),
    /// Values of the event and of its data.
    holes: [Vec<Hole>; 2],
    /// Decoded text of the record.
    text: String,
    /// Where the name and the text of each data stand in it; a name that is known stands nowhere.
    data: Vec<(Option<&'static str>, Range<usize>, Range<usize>)>,
}

/// A value's type and bytes; text of the template has no type.
type Value<'c> = (Option<u8>, &'c [u8]);

/// The value of an effect; nothing where the hole has none.
fn value<'c>(chunk: &'c [u8], from: Source, holes: &[Hole]) -> Option<Value<'c>> {
    match from {
        Source::Literal(place) => Some((None, place.bytes(chunk)?)),
        Source::Hole(at) => {
            let hole = holes.get(at)?;
            let end = hole.offset.checked_add(hole.size)?;
            Some((Some(hole.kind), chunk.get(hole.offset..end)?))
        }
        Source::Nothing | Source::Mixed => None,
    }
}

/// Appends a value as text.
fn put(value: Value<'_>, out: &mut String) {
    match value {
        (None, bytes) => push_utf16(bytes, out),
        (Some(kind), bytes) => value_text(kind, bytes, out),
    }
}

/// A value that is a whole number, without the way over its text.
fn whole_number((kind, bytes): Value<'_>) -> Option<u64> {
    match kind? {
        0x04 => bytes.first().map(|byte| u64::from(*byte)),
        0x06 => u16_at(bytes, 0).map(u64::from),
        0x08 => u32_at(bytes, 0).map(u64::from),
        0x0A => u64_at(bytes, 0),
        _ => None,
    }
}

impl Templates {
    /// Another chunk follows.
    pub fn next_chunk(&mut self) {
        self.compiled.clear();
    }

    /// Ends `record` as the event at this place of the chunk, or gives it back where it must be walked.
    #[must_use = "a record that is given back must be walked"]
    pub fn emit(
        &mut self,
        (chunk, place): (&[u8], RecordPlace),
        kept_text: usize,
        record: Record,
        span: Span,
        sink: &mut Sink,
    ) -> Option<Record> {
        match self.event(chunk, place) {
            Some((said, event)) => {
                event.emit_as(said, kept_text, record, span, sink, |_| Vec::new());
                None
            }
            None => Some(record),
        }
    }

    /// The event of a record and what it says; `None` where the record must be walked. Data that nobody looks at is left out, and so is the account that wrote it.
    fn event(&mut self, chunk: &[u8], place: RecordPlace) -> Option<(Said, WindowsEvent<'_>)> {
        let from = place.offset.checked_add(RECORD_HEAD)?;
        let end = place.offset.checked_add(place.size)?.checked_sub(4)?;
        let outer = self.instance(chunk, from, end, 0)?;
        let mut event = WindowsEvent::default();
        let (mut provider, mut channel, mut computer) = (None, None, None);
        let [holes, _] = &self.holes;
        let (_, Some(compiled)) = self.compiled.get(outer)? else {
            return None;
        };
        // A fragment anywhere else brings elements where none are expected.
        let elsewhere =
            |(at, hole): (usize, &Hole)| hole.kind == FRAGMENT && compiled.rest != Some(at);
        if holes.iter().enumerate().any(elsewhere) {
            return None;
        }
        for effect in &compiled.effects {
            let Some(value) = value(chunk, effect.from, holes) else {
                continue;
            };
            match effect.to {
                Target::Provider => provider = Some(value),
                Target::Channel => channel = Some(value),
                Target::Computer => computer = Some(value),
                Target::Time => event.time = time(value, &mut self.text),
                Target::ProcessId => event.process_id = integer(value, &mut self.text, number),
                Target::Id => {
                    let parse = |text: &str| text.trim().parse().ok();
                    let id = integer(value, &mut self.text, parse);
                    event.id = id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
                }
                Target::RecordId => {
                    let parse = |text: &str| text.trim().parse().ok();
                    event.record_id = integer(value, &mut self.text, parse);
                }
                Target::UserSid | Target::Message | Target::Data(_) | Target::Leaf(_) => {}
            }
        }
        let rest = compiled.rest.and_then(|rest| holes.get(rest));
        let rest = rest
            .filter(|rest| rest.kind == FRAGMENT && rest.size > 0)
            .copied();
        let inner = match rest {
            None => None,
            Some(rest) => {
                let end = rest.offset.checked_add(rest.size)?;
                let inner = self.instance(chunk, rest.offset, end, 1)?;
                let [_, holes] = &self.holes;
                let (_, Some(compiled)) = self.compiled.get(inner)? else {
                    return None;
                };
                let plain = compiled.rest.is_none()
                    && compiled.effects.iter().all(|effect| effect.to.is_data())
                    && !holes.iter().any(|hole| hole.kind == FRAGMENT);
                if !plain {
                    return None;
                }
                Some(inner)
            }
        };
        let origin = self.origin(provider.unwrap_or_default(), channel.unwrap_or_default());
        self.set_computer(computer.unwrap_or_default());
        let log = self.origins.get(origin)?.log;
        let said = Said::of(log, event.id);
        let message = self.data(chunk, said, inner.map_or((outer, 0), |inner| (inner, 1)))?;
        let origin = self.origins.get(origin)?;
        if origin.provider.is_empty() && origin.channel.is_empty() && event.id == 0 {
            return None;
        }
        event.provider = Cow::Borrowed(&origin.provider);
        event.channel = Cow::Borrowed(&origin.channel);
        event.computer = Cow::Borrowed(&self.computer.2);
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or("");
        event.message = Cow::Borrowed(text(&message));
        event
            .data
            .extend(self.data.iter().map(|(known, name, value)| {
                let name = known.unwrap_or_else(|| text(name));
                (Cow::Borrowed(name), Cow::Borrowed(text(value)))
            }));
        event.time = event.time.or_else(|| place.written.map(Stamp::utc));
        event.record_id = event.record_id.or(Some(place.id));
        Some((said, event))
    }

    /// The instance of a template that is all of a fragment: which compiled template, with its values in `holes`.
    fn instance(&mut self, chunk: &[u8], from: usize, end: usize, which: usize) -> Option<usize> {
        let mut at = from;
        let token = |at: usize| chunk.get(at).filter(|_| at < end).map(|token| token & 0x3F);
        if token(at)? == 0x0F {
            at += 4;
        }
        if token(at)? != 0x0C {
            return None;
        }
        let definition = u32_at(chunk, at + 6)? as usize;
        let mut behind = at + 10;
        if definition == behind {
            let size = u32_at(chunk, definition.checked_add(20)?)? as usize;
            behind = definition.checked_add(24)?.checked_add(size)?;
        }
        let count = u32_at(chunk, behind)? as usize;
        if count > MOST_VALUES {
            return None;
        }
        let kinds = chunk.get(behind.checked_add(4)?..)?.get(..count * 4)?;
        let mut value = behind + 4 + count * 4;
        let holes = self.holes.get_mut(which)?;
        holes.clear();
        let (kinds, _) = kinds.as_chunks::<4>();
        for [low, high, kind, _] in kinds {
            let size = usize::from(u16::from_le_bytes([*low, *high]));
            if value + size > end {
                return None;
            }
            holes.push(Hole {
                offset: value,
                size,
                kind: *kind,
            });
            value += size;
        }
        // Nothing may stand behind it.
        if !matches!(token(value), None | Some(0x00)) {
            return None;
        }
        let known = self
            .compiled
            .iter()
            .position(|(have, _)| *have == definition);
        if known.is_none() && self.compiled.len() < MOST_TEMPLATES {
            self.compiled.push((definition, compile(chunk, definition)));
            return self.compiled.len().checked_sub(1);
        }
        known
    }

    /// Decodes what an event that says this is looked at for, and returns where its message stands.
    fn data(
        &mut self,
        chunk: &[u8],
        said: Said,
        (compiled, which): (usize, usize),
    ) -> Option<Range<usize>> {
        let (_, Some(compiled)) = self.compiled.get_mut(compiled)? else {
            return None;
        };
        let holes = self.holes.get(which)?;
        self.text.clear();
        self.data.clear();
        let mut message = 0..0;
        let text = &mut self.text;
        let Wanted::Named(names) = said.wanted() else {
            for effect in compiled.effects.iter().filter(|effect| effect.to.is_data()) {
                let begun = text.len();
                if let Target::Data(name) | Target::Leaf(name) = effect.to {
                    push_utf16(name.bytes(chunk)?, text);
                }
                let name = begun..text.len();
                let value = decode(chunk, *effect, holes, text);
                match (effect.to, value) {
                    (Target::Message, Some(value)) => message = value,
                    (_, Some(value)) => self.data.push((None, name, value)),
                    _ => {}
                }
            }
            return Some(message);
        };
        if compiled
            .chosen
            .as_ref()
            .is_none_or(|chosen| chosen.0 != said)
        {
            let chosen = compiled.effects.iter().filter_map(|effect| {
                let (Target::Data(place) | Target::Leaf(place)) = effect.to else {
                    return None;
                };
                let bytes = place.bytes(chunk)?;
                let name = names.iter().find(|name| is_folded(bytes, name))?;
                Some((*effect, *name))
            });
            compiled.chosen = Some((said, chosen.collect()));
        }
        let chosen = compiled.chosen.iter().flat_map(|(_, chosen)| chosen);
        for (effect, name) in chosen {
            if let Some(value) = decode(chunk, *effect, holes, text) {
                self.data.push((Some(name), 0..0, value));
            }
        }
        Some(message)
    }

    /// The provider and channel of these values, decoded once.
    fn origin(&mut self, provider: Value<'_>, channel: Value<'_>) -> usize {
        let same =
            |have: &(Option<u8>, Vec<u8>), value: Value<'_>| have.0 == value.0 && have.1 == value.1;
        let known = self.origins.iter().position(|origin| {
            let [have, other] = &origin.raw;
            same(have, provider) && same(other, channel)
        });
        if let Some(known) = known {
            return known;
        }
        if self.origins.len() >= MOST_ORIGINS {
            self.origins.clear();
        }
        let (mut name, mut log) = (String::new(), String::new());
        put(provider, &mut name);
        put(channel, &mut log);
        let log = log.trim().to_owned();
        self.origins.push(Origin {
            log: Log::of(&name, &log),
            raw: [provider, channel].map(|(kind, bytes)| (kind, bytes.to_vec())),
            provider: name,
            channel: log,
        });
        self.origins.len() - 1
    }

    fn set_computer(&mut self, value: Value<'_>) {
        let (kind, bytes, text) = &mut self.computer;
        if *kind != value.0 || bytes != value.1 {
            (*kind, *bytes) = (value.0, value.1.to_vec());
            text.clear();
            put(value, text);
            *text = text.trim().to_owned();
        }
    }
}

/// Appends the text of an effect on data. Elements of `UserData` are there only where they have text.
fn decode(chunk: &[u8], effect: Effect, holes: &[Hole], text: &mut String) -> Option<Range<usize>> {
    let begun = text.len();
    if let Some(value) = value(chunk, effect.from, holes) {
        put(value, text);
    }
    let whole = begun..text.len();
    if !matches!(effect.to, Target::Leaf(_)) {
        return Some(whole);
    }
    let shown = text.get(whole)?;
    let start = begun + shown.len() - shown.trim_start().len();
    let shown = shown.trim();
    (!shown.is_empty()).then_some(start..start + shown.len())
}

/// A number of the system part, over its text where it is not one by its type.
fn integer(
    value: Value<'_>,
    text: &mut String,
    parse: impl Fn(&str) -> Option<u64>,
) -> Option<u64> {
    whole_number(value).or_else(|| {
        text.clear();
        put(value, text);
        parse(text)
    })
}

/// The time of the system part.
fn time((kind, bytes): Value<'_>, text: &mut String) -> Option<Stamp> {
    /// 1970 and 2200, between which a time is the same by way of its text.
    const PLAIN: Range<u64> = 116_444_736_000_000_000..189_000_000_000_000_000;
    if kind == Some(0x11)
        && let Some(ticks) = u64_at(bytes, 0)
        && PLAIN.contains(&ticks)
    {
        return filetime(ticks).map(Stamp::utc);
    }
    text.clear();
    put((kind, bytes), text);
    system_time(text)
}
