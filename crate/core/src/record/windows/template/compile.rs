//! What a template of an event log says, found out once: which of its texts becomes what.
//!
//! ```text
//! <Event><System><EventID>{2}</EventID>…<Channel>{13}</Channel>…</System>{16}</Event>
//! id ← hole 2, channel ← hole 13, …; the rest of the event is the fragment in hole 16
//! ```
//!
//! Only the shape in which Windows writes events is known; anything else compiles to nothing, and its records are walked.
//!
//! Rejected: a tree of the template that is asked for names at each record. The answers are the same every time.

use super::super::said::Said;
use super::super::value::{u16_at, u32_at};

/// Tokens of a template that is compiled.
const MOST_TOKENS: usize = 4_096;
/// Elements inside elements of a template that is compiled.
const MOST_DEPTH: usize = 12;
/// Type of text.
const TEXT: u8 = 0x01;

/// Text in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) size: usize,
}

impl Place {
    pub(super) fn bytes(self, chunk: &[u8]) -> Option<&[u8]> {
        chunk.get(self.at..self.at.checked_add(self.size)?)
    }
}

/// Where the text of an element or attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Nothing,
    Literal(Place),
    Hole(usize),
    /// From several parts: this way does not read it.
    Mixed,
}

impl Source {
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            _ => Self::Mixed,
        }
    }
}

/// What a text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Provider,
    Time,
    ProcessId,
    UserSid,
    Id,
    RecordId,
    Channel,
    Computer,
    Message,
    /// Data of this name, or without one.
    Data(Place),
    /// An element without children inside `UserData`; only where it has text.
    Leaf(Place),
}

impl Target {
    pub(super) fn is_data(self) -> bool {
        matches!(self, Self::Data(_) | Self::Leaf(_) | Self::Message)
    }
}

/// One text that becomes something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect {
    pub(super) to: Target,
    pub(super) from: Source,
}

/// A template compiled.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// In the order of the template.
    pub(super) effects: Vec<Effect>,
    /// The hole whose fragment holds the rest of the event.
    pub(super) rest: Option<usize>,
    /// Effects on data that were chosen for an event that says this, with the names looked at.
    pub(super) chosen: Option<(Said, Vec<(Effect, &'static str)>)>,
}

/// Names that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    System,
    EventData,
    UserData,
    RenderingInfo,
    Provider,
    TimeCreated,
    Execution,
    Security,
    Data,
    ComplexData,
    EventId,
    EventRecordId,
    Channel,
    Computer,
    Message,
    Other,
}

impl Name {
    fn of(bytes: &[u8]) -> Self {
        const KNOWN: [(&str, Name); 15] = [
            ("Data", Name::Data),
            ("EventData", Name::EventData),
            ("System", Name::System),
            ("Provider", Name::Provider),
            ("TimeCreated", Name::TimeCreated),
            ("Execution", Name::Execution),
            ("Security", Name::Security),
            ("EventID", Name::EventId),
            ("EventRecordID", Name::EventRecordId),
            ("Channel", Name::Channel),
            ("Computer", Name::Computer),
            ("UserData", Name::UserData),
            ("ComplexData", Name::ComplexData),
            ("RenderingInfo", Name::RenderingInfo),
            ("Message", Name::Message),
        ];
        KNOWN
            .iter()
            .find(|(name, _)| is(bytes, name))
            .map_or(Self::Other, |(_, name)| *name)
    }

    /// Whether what stands inside it means more than by itself.
    fn is_frame(self) -> bool {
        matches!(
            self,
            Self::System | Self::EventData | Self::UserData | Self::RenderingInfo
        )
    }
}

/// Whether UTF-16 is this ASCII text.
fn is(bytes: &[u8], text: &str) -> bool {
    let (units, _) = bytes.as_chunks::<2>();
    units.len() == text.len()
        && units
            .iter()
            .zip(text.bytes())
            .all(|(unit, letter)| *unit == [letter, 0])
}

/// The same, letter case aside.
pub(super) fn is_folded(bytes: &[u8], text: &str) -> bool {
    let (units, _) = bytes.as_chunks::<2>();
    units.len() == text.len()
        && units
            .iter()
            .zip(text.bytes())
            .all(|([low, high], letter)| *high == 0 && low.eq_ignore_ascii_case(&letter))
}

/// A name, here or elsewhere in the chunk, and where reading goes on.
fn name(chunk: &[u8], at: usize) -> Option<(Place, usize)> {
    let offset = u32_at(chunk, at)? as usize;
    let size = usize::from(u16_at(chunk, offset.checked_add(6)?)?) * 2;
    let place = Place {
        at: offset.checked_add(8)?,
        size,
    };
    place.bytes(chunk)?;
    let behind = if offset == at + 4 {
        place.at + size + 2
    } else {
        at + 4
    };
    Some((place, behind))
}

/// An element that is open while a template is compiled.
struct Open {
    name: Name,
    place: Place,
}

/// Compiles the template that is defined there; `None` where it is none that this way can read.
pub(super) fn compile(chunk: &[u8], definition: usize) -> Option<Compiled> {
    let size = u32_at(chunk, definition.checked_add(20)?)? as usize;
    let mut at = definition.checked_add(24)?;
    let end = at.checked_add(size).filter(|end| *end <= chunk.len())?;
    let mut out = Compiled::default();
    let mut open: Vec<Open> = Vec::new();
    let mut holes: Vec<usize> = Vec::new();
    // An attribute under way: its element's name and its own.
    let mut attribute: Option<(Name, Place)> = None;
    let (mut value, mut text) = (Source::Nothing, Source::Nothing);
    let (mut data_name, mut leaf) = (Place { at: 0, size: 0 }, true);
    for _ in 0..MOST_TOKENS {
        let token = if at < end {
            *chunk.get(at)? & 0x3F
        } else {
            // The walk ends here too, without what an attribute under way would have been.
            attribute = None;
            0x00
        };
        if matches!(token, 0x00..=0x04 | 0x06)
            && let Some((element, attribute)) = attribute.take()
            && value != Source::Nothing
        {
            let named = |name: &str| attribute.bytes(chunk).is_some_and(|bytes| is(bytes, name));
            match element {
                Name::Provider if named("Name") => out.put(Target::Provider, value)?,
                Name::TimeCreated if named("SystemTime") => out.put(Target::Time, value)?,
                Name::Execution if named("ProcessID") => out.put(Target::ProcessId, value)?,
                Name::Security if named("UserID") || named("UserId") => {
                    out.put(Target::UserSid, value)?;
                }
                Name::Data | Name::ComplexData if named("Name") => match value {
                    Source::Literal(place) => data_name = place,
                    _ => return None,
                },
                _ => {}
            }
        }
        match token {
            0x00 => {
                // What was left open would be open for whatever comes next.
                let once = |rest| holes.iter().filter(|hole| **hole == rest).count() == 1;
                let data = out.effects.iter().any(|effect| effect.to.is_data());
                let whole = open.is_empty() && out.rest.is_none_or(|rest| once(rest) && !data);
                return whole.then_some(out);
            }
            0x01 => {
                let (place, behind) = name(chunk, at + 7)?;
                at = behind + if *chunk.get(at)? & 0x40 != 0 { 4 } else { 0 };
                let name = Name::of(place.bytes(chunk)?);
                open.push(Open { name, place });
                if open.len() > MOST_DEPTH {
                    return None;
                }
                (text, data_name, leaf) = (Source::Nothing, Place { at: 0, size: 0 }, true);
            }
            0x02 => at += 1,
            0x03 | 0x04 => {
                at += 1;
                out.close(&open, text, data_name, leaf)?;
                open.pop()?;
                (text, data_name, leaf) = (Source::Nothing, Place { at: 0, size: 0 }, false);
            }
            0x05 => {
                let size = usize::from(u16_at(chunk, at + 2)?) * 2;
                let place = Place { at: at + 4, size };
                if *chunk.get(at + 1)? != TEXT {
                    return None;
                }
                place.bytes(chunk)?;
                let part = if size == 0 {
                    Source::Nothing
                } else {
                    Source::Literal(place)
                };
                if attribute.is_some() {
                    value = value.and(part);
                } else {
                    text = text.and(part);
                }
                at += 4 + size;
            }
            0x06 => {
                let (place, behind) = name(chunk, at + 1)?;
                at = behind;
                let element = open.last().map_or(Name::Other, |open| open.name);
                (attribute, value) = (Some((element, place)), Source::Nothing);
            }
            0x0D | 0x0E => {
                let hole = usize::from(u16_at(chunk, at + 1)?);
                holes.push(hole);
                if attribute.is_some() {
                    value = value.and(Source::Hole(hole));
                } else {
                    text = text.and(Source::Hole(hole));
                    if !open.iter().any(|open| open.name.is_frame())
                        && out.rest.replace(hole).is_some()
                    {
                        return None;
                    }
                }
                at += 4;
            }
            0x0F => at += 4,
            _ => return None,
        }
    }
    None
}

impl Compiled {
    /// Notes an effect; `None` where this way cannot have it.
    fn put(&mut self, to: Target, from: Source) -> Option<()> {
        let again = !matches!(to, Target::Data(_) | Target::Leaf(_))
            && self.effects.iter().any(|effect| effect.to == to);
        if again || from == Source::Mixed {
            return None;
        }
        self.effects.push(Effect { to, from });
        Some(())
    }

    /// The innermost element ends.
    fn close(&mut self, open: &[Open], text: Source, data_name: Place, leaf: bool) -> Option<()> {
        let last = open.last()?;
        let inside = |name: Name| open.iter().any(|open| open.name == name);
        let target = if inside(Name::System) {
            match last.name {
                Name::EventId => Target::Id,
                Name::EventRecordId => Target::RecordId,
                Name::Channel => Target::Channel,
                Name::Computer => Target::Computer,
                _ => return Some(()),
            }
        } else if inside(Name::EventData) && matches!(last.name, Name::Data | Name::ComplexData) {
            Target::Data(data_name)
        } else if inside(Name::UserData) && leaf {
            Target::Leaf(last.place)
        } else if inside(Name::RenderingInfo) && last.name == Name::Message {
            Target::Message
        } else {
            return Some(());
        };
        self.put(target, text)
    }
}
