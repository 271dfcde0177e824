//! The facts of a case, packed.
//!
//! A log of an agent has a fact on every second line, and each says little: a family, a name, a number. Side by side such facts take a fifth of what
//! they take as values of their own, and a tab never gives memory back. So a fact of numbers only lies here as bytes and becomes a value when it is
//! asked for; one that brings texts (a script, an output, a body) stays the value that it is and is lent.
//!
//! ```text
//! Guest { Managed, Linux, version 12, name 7, number 3, Executing }      01 00 0c 07 01 06 05      7 bytes, 72 as a value
//! Guest { …, Script { text: "#!/bin/sh …" } }                           kept as it is
//! ```
//!
//! Where a fact lies is found at once, by its place or its event; [`FactAt`] is such a place, small enough to be noted a million times.
//!
//! Rejected: unpacking everything for each stage of the conclusions. For that moment all of it would be there as values again.

use super::batch::make_room;
use super::column::Column;
use super::fact::{
    CloudRow, Fact, FileFact, FlowFact, GoalStateFact, GuestFact, GuestSaid, HandlerChange,
    IdentityFact, ManifestLine, PowerShellFact, ProcessFact,
};
use super::intern::Symbol;
use crate::evidence::layout::{Family, Os};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Number of an event in the case.
type EventNumber = u32;

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// An Activity Log record.
    Cloud,
    /// Something about an execution on a guest.
    Guest,
    /// A goal state.
    GoalState,
    /// A process.
    Process,
    /// A flow.
    Flow,
    /// A file.
    File,
    /// A PowerShell record.
    PowerShell,
    /// An identity record.
    Identity,
    /// A line of a manifest.
    Manifest,
}

impl FactKind {
    const ALL: [Self; 9] = [
        Self::Cloud,
        Self::Guest,
        Self::GoalState,
        Self::Process,
        Self::Flow,
        Self::File,
        Self::PowerShell,
        Self::Identity,
        Self::Manifest,
    ];

    fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Cloud(_) => Self::Cloud,
            Fact::Guest(_) => Self::Guest,
            Fact::GoalState(_) => Self::GoalState,
            Fact::Process(_) => Self::Process,
            Fact::Flow(_) => Self::Flow,
            Fact::File(_) => Self::File,
            Fact::PowerShell(_) => Self::PowerShell,
            Fact::Identity(_) => Self::Identity,
            Fact::Manifest(_) => Self::Manifest,
        }
    }
}

/// What is said of an execution without a text of its own: packed, it is its place here.
static PLAIN: [GuestSaid; 21] = [
    GuestSaid::EnableCalled,
    GuestSaid::SettingsUpdated,
    GuestSaid::HandlerStarted,
    GuestSaid::AlreadyProcessed,
    GuestSaid::SequenceSaved,
    GuestSaid::Executing,
    executed(None),
    executed(Some(0)),
    executed(Some(1)),
    executed(Some(2)),
    GuestSaid::HandlerEnded,
    GuestSaid::Placeholder,
    GuestSaid::Process,
    GuestSaid::FileWritten,
    GuestSaid::ScriptWritten,
    GuestSaid::HighestProcessed,
    GuestSaid::LeftProcess,
    GuestSaid::HandlerChanged(HandlerChange::Installed),
    GuestSaid::HandlerChanged(HandlerChange::Uninstalled),
    GuestSaid::HandlerChanged(HandlerChange::Deleted),
    GuestSaid::Mentioned,
];

const fn executed(exit_code: Option<i64>) -> GuestSaid {
    GuestSaid::Executed {
        exit_code,
        error: None,
    }
}

fn plain(said: &GuestSaid) -> Option<u8> {
    // Texts are not compared: what has one is not here.
    let at = match said {
        GuestSaid::Executed { error: Some(_), .. }
        | GuestSaid::Status(_)
        | GuestSaid::Settings(_)
        | GuestSaid::Script { .. }
        | GuestSaid::ScriptBlock { .. }
        | GuestSaid::Stdout { .. }
        | GuestSaid::Stderr { .. }
        | GuestSaid::Result(_)
        | GuestSaid::SecretGiven { .. } => None,
        said => PLAIN.iter().position(|known| known == said),
    };
    at.and_then(|at| u8::try_from(at).ok())
}

/// A [`GuestFact`] whose answer may be lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestFactRef<'a> {
    /// Which kind of Run Command, or the extension family.
    pub family: Family,
    /// The guest's system.
    pub os: Os,
    /// Handler version where known.
    pub version: Symbol,
    /// Resource name of a managed run command, or extension name.
    pub name: Symbol,
    /// Sequence number.
    pub sequence: Option<i64>,
    /// What is said.
    pub said: &'a GuestSaid,
}

impl<'a> From<&'a GuestFact> for GuestFactRef<'a> {
    fn from(fact: &'a GuestFact) -> Self {
        let GuestFact {
            family,
            os,
            version,
            name,
            sequence,
            ref said,
        } = *fact;
        Self {
            family,
            os,
            version,
            name,
            sequence,
            said,
        }
    }
}

/// A fact as it was asked for.
#[derive(Clone, Debug)]
pub enum FactRef<'a> {
    /// An Activity Log record.
    Cloud(Cow<'a, CloudRow>),
    /// Something about an execution on a guest.
    Guest(GuestFactRef<'a>),
    /// A goal state.
    GoalState(Cow<'a, GoalStateFact>),
    /// A process.
    Process(ProcessFact),
    /// A flow.
    Flow(FlowFact),
    /// A file.
    File(FileFact),
    /// A PowerShell record.
    PowerShell(&'a PowerShellFact),
    /// An identity record.
    Identity(IdentityFact),
    /// A line of a manifest.
    Manifest(&'a ManifestLine),
}

/// A piece of the packed facts; none moves when more come.
const CHUNK_BYTES: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 16;

/// Facts in order of arrival.
#[derive(Debug, Default)]
pub struct Facts {
    events: Column<EventNumber>,
    kinds: Column<u8>,
    /// Of a packed fact its chunk and first byte, of a kept one its place among those.
    places: Column<u32>,
    chunks: Vec<Vec<u8>>,
    kept: Vec<Fact>,
    counts: [usize; FactKind::ALL.len()],
}

/// Set in the kind of a fact that is kept as it is.
const KEPT: u8 = 0x80;

/// Where a fact lies.
#[derive(Clone, Copy, Debug)]
pub struct FactAt<'a> {
    facts: &'a Facts,
    event: EventNumber,
    place: u32,
    kind: u8,
}

impl Facts {
    /// How many facts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many facts of a kind.
    #[must_use]
    pub fn count(&self, kind: FactKind) -> usize {
        self.counts.get(kind as usize).copied().unwrap_or(0)
    }

    /// Adds facts; their events are those that came last.
    pub fn extend(&mut self, facts: impl IntoIterator<Item = (EventNumber, Fact)>) {
        let facts = facts.into_iter();
        let [mut events, mut places] = [0; 2].map(|_| Vec::with_capacity(facts.size_hint().0));
        let mut kinds = Vec::with_capacity(facts.size_hint().0);
        for (event, fact) in facts {
            let kind = FactKind::of(&fact) as u8;
            if let Some(count) = self.counts.get_mut(usize::from(kind)) {
                *count += 1;
            }
            let mut room = [0; MOST_PACKED_BYTES];
            let (place, kept) = match packed(&fact, &mut room).and_then(|bytes| self.put(bytes)) {
                Some(place) => (place, 0),
                None => {
                    make_room(&mut self.kept, 1);
                    self.kept.push(fact);
                    (u32::try_from(self.kept.len() - 1).unwrap_or(u32::MAX), KEPT)
                }
            };
            events.push(event);
            kinds.push(kind | kept);
            places.push(place);
        }
        self.events.extend(events);
        self.kinds.extend(kinds);
        self.places.extend(places);
    }

    /// Where these bytes are now; `None` where no chunk takes them.
    fn put(&mut self, bytes: &[u8]) -> Option<u32> {
        let fits = |chunk: &Vec<u8>| chunk.len() + bytes.len() <= CHUNK_BYTES;
        if !self.chunks.last().is_some_and(fits) {
            if let Some(full) = self.chunks.last_mut() {
                full.shrink_to_fit();
            }
            self.chunks.push(Vec::new());
        }
        let number = u32::try_from(self.chunks.len() - 1).ok()?;
        let chunk = self.chunks.last_mut()?;
        let first = u32::try_from(chunk.len()).ok()?;
        let place = number.checked_mul(1 << CHUNK_BITS)?.checked_add(first)?;
        make_room(chunk, bytes.len());
        chunk.extend_from_slice(bytes);
        Some(place)
    }

    /// The fact at a place in the order of arrival.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<FactAt<'_>> {
        Some(FactAt {
            facts: self,
            event: self.events.get(at)?,
            place: self.places.get(at)?,
            kind: self.kinds.get(at)?,
        })
    }

    /// All facts, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = FactAt<'_>> {
        let columns = self.events.iter().zip(self.kinds.iter());
        columns
            .zip(self.places.iter())
            .map(|((event, kind), place)| FactAt {
                facts: self,
                event,
                place,
                kind,
            })
    }

    /// All facts of a kind, in order of arrival.
    pub fn of_kind(&self, kind: FactKind) -> impl Iterator<Item = FactAt<'_>> {
        // Most kinds are in few cases.
        let all = (self.count(kind) > 0).then(|| self.iter());
        all.into_iter().flatten().filter(move |fact| fact.is(kind))
    }

    /// The facts of an event. `events` is how many events there are: facts lie about as evenly as those, so the search begins where it is
    /// likely to end. Runs ask for the facts of each of their events.
    pub fn of_event(&self, event: EventNumber, events: usize) -> impl Iterator<Item = FactAt<'_>> {
        (self.first_of(event, events)..)
            .map_while(|at| self.get(at))
            .take_while(move |fact| fact.event == event)
    }

    /// The facts of one event after another, each looked for from where the one before was: a run's events lie near each other.
    #[must_use]
    pub fn nearby(&self) -> Nearby<'_> {
        Nearby {
            facts: self,
            last: 0,
        }
    }

    /// Place of the first fact of an event or a later one.
    fn first_of(&self, event: EventNumber, events: usize) -> usize {
        // In 64 bits: the product of two lengths is more than an address of a tab.
        let likely = (u64::from(event) * self.len() as u64).checked_div(events as u64);
        let likely = likely.and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        self.first_of_near(event, likely, 16)
    }

    /// The same, looked for around a place: first so far on both sides, then twice as far.
    fn first_of_near(&self, event: EventNumber, likely: usize, first_step: usize) -> usize {
        let is_before = |at: usize| self.events.get(at).is_some_and(|of| of < event);
        let (mut low, mut high) = (likely.min(self.len()), likely.min(self.len()));
        let mut step = first_step;
        while low > 0 && !is_before(low - 1) {
            low = low.saturating_sub(step);
            step *= 2;
        }
        let mut step = first_step;
        while high < self.len() && is_before(high) {
            high = (high + step).min(self.len());
            step *= 2;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Looks for the facts of events that lie near each other.
#[derive(Clone, Debug)]
pub struct Nearby<'a> {
    facts: &'a Facts,
    last: usize,
}

impl<'a> Nearby<'a> {
    /// The facts of an event.
    pub fn of_event(&mut self, event: EventNumber) -> impl Iterator<Item = FactAt<'a>> + use<'a> {
        let facts = self.facts;
        self.last = facts.first_of_near(event, self.last, 1);
        (self.last..)
            .map_while(|at| facts.get(at))
            .take_while(move |fact| fact.event == event)
    }
}

impl<'a> FactAt<'a> {
    /// The event it is of.
    #[must_use]
    pub fn event(&self) -> EventNumber {
        self.event
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, kind: FactKind) -> bool {
        self.kind & !KEPT == kind as u8
    }

    fn kept(&self) -> Option<&'a Fact> {
        let kept = (self.kind & KEPT != 0).then_some(self.place as usize)?;
        self.facts.kept.get(kept)
    }

    fn bytes(&self) -> Option<&'a [u8]> {
        if self.kind & KEPT != 0 {
            return None;
        }
        let chunk = self.facts.chunks.get((self.place >> CHUNK_BITS) as usize)?;
        chunk.get((self.place as usize) % CHUNK_BYTES..)
    }

    /// The packed value, where it is packed and of this kind.
    fn unpacked<T: DeserializeOwned>(&self, kind: FactKind) -> Option<T> {
        let bytes = self.bytes().filter(|_| self.is(kind))?;
        postcard::from_bytes(bytes).ok()
    }

    /// The Activity Log record, where it is one.
    #[must_use]
    pub fn cloud(&self) -> Option<Cow<'a, CloudRow>> {
        match self.kept() {
            Some(Fact::Cloud(row)) => Some(Cow::Borrowed(row)),
            _ => self.unpacked(FactKind::Cloud).map(Cow::Owned),
        }
    }

    /// What is said of an execution, where that is what it says.
    #[must_use]
    pub fn guest(&self) -> Option<GuestFactRef<'a>> {
        if let Some(Fact::Guest(fact)) = self.kept() {
            return Some(GuestFactRef::from(&**fact));
        }
        let PlainGuest(family, os, version, name, sequence, said) =
            self.unpacked(FactKind::Guest)?;
        Some(GuestFactRef {
            family,
            os,
            version,
            name,
            sequence,
            said: PLAIN.get(usize::from(said))?,
        })
    }

    /// The goal state, where it is one.
    #[must_use]
    pub fn goal_state(&self) -> Option<Cow<'a, GoalStateFact>> {
        match self.kept() {
            Some(Fact::GoalState(state)) => Some(Cow::Borrowed(state)),
            _ => self.unpacked(FactKind::GoalState).map(Cow::Owned),
        }
    }

    /// The process, where it is one.
    #[must_use]
    pub fn process(&self) -> Option<ProcessFact> {
        match self.kept() {
            Some(Fact::Process(fact)) => Some(**fact),
            _ => self.unpacked(FactKind::Process),
        }
    }

    /// The flow, where it is one.
    #[must_use]
    pub fn flow(&self) -> Option<FlowFact> {
        match self.kept() {
            Some(Fact::Flow(fact)) => Some(**fact),
            _ => self.unpacked(FactKind::Flow),
        }
    }

    /// The file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<FileFact> {
        match self.kept() {
            Some(Fact::File(fact)) => Some(**fact),
            _ => self.unpacked(FactKind::File),
        }
    }

    /// The PowerShell record, where it is one.
    #[must_use]
    pub fn powershell(&self) -> Option<&'a PowerShellFact> {
        match self.kept()? {
            Fact::PowerShell(fact) => Some(fact),
            _ => None,
        }
    }

    /// The identity record, where it is one.
    #[must_use]
    pub fn identity(&self) -> Option<IdentityFact> {
        match self.kept() {
            Some(Fact::Identity(fact)) => Some(**fact),
            _ => self.unpacked(FactKind::Identity),
        }
    }

    /// The line of a manifest, where it is one.
    #[must_use]
    pub fn manifest(&self) -> Option<&'a ManifestLine> {
        match self.kept()? {
            Fact::Manifest(line) => Some(line),
            _ => None,
        }
    }

    /// Whatever it is.
    #[must_use]
    pub fn any(&self) -> Option<FactRef<'a>> {
        let kind = FactKind::ALL.get(usize::from(self.kind & !KEPT))?;
        Some(match kind {
            FactKind::Cloud => FactRef::Cloud(self.cloud()?),
            FactKind::Guest => FactRef::Guest(self.guest()?),
            FactKind::GoalState => FactRef::GoalState(self.goal_state()?),
            FactKind::Process => FactRef::Process(self.process()?),
            FactKind::Flow => FactRef::Flow(self.flow()?),
            FactKind::File => FactRef::File(self.file()?),
            FactKind::PowerShell => FactRef::PowerShell(self.powershell()?),
            FactKind::Identity => FactRef::Identity(self.identity()?),
            FactKind::Manifest => FactRef::Manifest(self.manifest()?),
        })
    }
}

/// A guest's fact without a text: family, system, version, name, number, and the place of its answer in [`PLAIN`].
#[derive(Serialize, Deserialize)]
struct PlainGuest(Family, Os, Symbol, Symbol, Option<i64>, u8);

/// More than the longest packed fact takes: a process of twelve texts.
const MOST_PACKED_BYTES: usize = 256;

/// The bytes of a fact that is packed; `None` where it is kept.
fn packed<'a>(fact: &Fact, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let bytes = match fact {
        Fact::Cloud(row) if row.bodies.is_empty() => postcard::to_slice(row, room),
        Fact::GoalState(state) if state.extensions.is_empty() => postcard::to_slice(state, room),
        Fact::Guest(fact) => {
            let said = plain(&fact.said)?;
            let GuestFact {
                family,
                os,
                version,
                name,
                sequence,
                ..
            } = **fact;
            let plain = PlainGuest(family, os, version, name, sequence, said);
            postcard::to_slice(&plain, room)
        }
        Fact::Process(fact) => postcard::to_slice(fact, room),
        Fact::Flow(fact) => postcard::to_slice(fact, room),
        Fact::File(fact) => postcard::to_slice(fact, room),
        Fact::Identity(fact) => postcard::to_slice(fact, room),
        Fact::Cloud(_) | Fact::GoalState(_) | Fact::PowerShell(_) | Fact::Manifest(_) => {
            return None;
        }
    };
    bytes.ok().map(|bytes| &*bytes)
}

#[cfg(test)]
mod tests;
