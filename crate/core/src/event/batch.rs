//! Events in columns.
//!
//! One batch holds the events of one evidence item (or of a part of it) as parallel columns, its
//! strings, and its facts. [`EventBatch::encode`] makes the bytes that a worker hands over;
//! [`EventBatch::decode`] refuses bytes whose columns disagree in length.
//!
//! Rejected: an array of structs. Density bins touch only `time` and `kind`; with columns they read
//! nine bytes an event and not eighty.

use super::column::Column;
use super::fact::Fact;
use super::intern::{Interner, Strings, Symbol};
use super::{Event, EventKind, Outcome, packed};
use crate::time::{Instant, Stamp, TimeBasis};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Where a record lies in its item: byte offset and length of the original bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

const NO_TIME: u8 = 0xFF;

/// Whether a time of this digits and basis is where it belongs as it stands: it is no local clock's and lacks no year (an event without a time
/// comes last).
pub(crate) fn is_placed(how: u8) -> bool {
    const LOCAL: u8 = TimeBasis::Local as u8;
    const YEARLESS: u8 = TimeBasis::YearInferred as u8;
    let basis = how >> 4;
    how == NO_TIME || (basis != LOCAL && basis != YEARLESS)
}

/// A time and how it is to be read, as they stand in their columns.
fn stamp_of(ns: i64, how: u8) -> Option<Stamp> {
    if how == NO_TIME {
        return None;
    }
    let basis = TimeBasis::ALL.get(usize::from(how >> 4)).copied()?;
    Some(Stamp {
        instant: Instant {
            ns,
            digits: how & 0x0F,
        },
        basis,
    })
}

/// Makes room for so many more, a quarter ahead at most. Doubling would leave up to half of a case's memory unused, and the memory of a tab
/// never shrinks.
pub(crate) fn make_room<T>(column: &mut Vec<T>, more: usize) {
    if column.capacity() - column.len() < more {
        column.reserve_exact(more.max(column.len() / 4).max(16));
    }
}

macro_rules! columns {
    ($($(#[doc = $about:literal])+ $name:ident: $number:ty,)+) => {
        /// Columns of events as a reader fills them. All have the same length.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Columns {
            $($(#[doc = $about])+ #[serde(with = "packed")] pub $name: Vec<$number>,)+
        }

        impl Columns {
            fn consistent(&self) -> bool {
                let n = self.len();
                [$(self.$name.len(),)+].iter().all(|length| *length == n)
            }
        }

        /// Columns of all events of a case. All have the same length.
        #[derive(Debug, Default)]
        pub struct CaseColumns {
            $($(#[doc = $about])+ pub $name: Column<$number>,)+
        }

        impl CaseColumns {
            /// Adds all events of a batch behind these. Symbols must already be those of the case.
            pub fn extend(&mut self, batch: &Columns) {
                $(self.$name.extend(batch.$name.iter().copied());)+
            }
        }
    };
}

columns! {
    /// Nanoseconds as the source gave them (wall clock for local and year-less readings).
    time_ns: i64,
    /// Digits and basis, packed; see [`CaseColumns::stamp`].
    time_how: u8,
    /// [`EventKind`] by number.
    kind: u8,
    /// [`Outcome`] by number.
    outcome: u8,
    /// Record number in the item.
    record: u32,
    /// First byte in the item.
    offset: u64,
    /// Bytes in the item.
    length: u32,
    /// Host symbol.
    host: Symbol,
    /// Actor symbol.
    actor: Symbol,
    /// Address symbol.
    ip: Symbol,
    /// Resource symbol.
    resource: Symbol,
    /// Operation symbol.
    operation: Symbol,
    /// Correlation symbol.
    correlation: Symbol,
}

impl Columns {
    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time_ns.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time_ns.is_empty()
    }

    /// Adds one event with its symbols.
    pub fn push(&mut self, event: &Event<'_>, record: u64, span: Span, strings: &mut Interner) {
        let (ns, how) = event.time.map_or((i64::MAX, NO_TIME), |stamp| {
            let basis = TimeBasis::ALL
                .iter()
                .position(|basis| *basis == stamp.basis)
                .unwrap_or(0);
            (
                stamp.instant.ns,
                (u8::try_from(basis).unwrap_or(0) << 4) | stamp.instant.digits.min(9),
            )
        });
        self.time_ns.push(ns);
        self.time_how.push(how);
        self.kind.push(event.kind as u8);
        self.outcome.push(event.outcome as u8);
        self.record.push(u32::try_from(record).unwrap_or(u32::MAX));
        self.offset.push(span.offset);
        self.length
            .push(u32::try_from(span.length).unwrap_or(u32::MAX));
        self.host.push(strings.intern_some(event.host.as_deref()));
        self.actor.push(strings.intern_some(event.actor.as_deref()));
        self.ip.push(strings.intern_some(event.ip.as_deref()));
        self.resource
            .push(strings.intern_some(event.resource.as_deref()));
        self.operation
            .push(strings.intern_some(event.operation.as_deref()));
        self.correlation
            .push(strings.intern_some(event.correlation.as_deref()));
    }

    /// Calls `each` on every symbol.
    pub fn each_symbol(&mut self, mut each: impl FnMut(&mut Symbol)) {
        for column in [
            &mut self.host,
            &mut self.actor,
            &mut self.ip,
            &mut self.resource,
            &mut self.operation,
            &mut self.correlation,
        ] {
            column.iter_mut().for_each(&mut each);
        }
    }
}

impl CaseColumns {
    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time_ns.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time_ns.is_empty()
    }

    /// The time as the source gave it.
    #[must_use]
    pub fn stamp(&self, at: usize) -> Option<Stamp> {
        stamp_of(self.time_ns.get(at)?, self.time_how.get(at)?)
    }

    /// The times of these events as the source gave them, of those that have one: for whoever looks at all of an item.
    pub fn each_stamp(&self, events: Range<usize>, mut each: impl FnMut(usize, Stamp)) {
        const AT_ONCE: usize = 1024;
        let (mut times, mut hows) = (Vec::with_capacity(AT_ONCE), Vec::with_capacity(AT_ONCE));
        for from in events.clone().step_by(AT_ONCE) {
            let some = from..events.end.min(from + AT_ONCE);
            times.clear();
            hows.clear();
            self.time_ns.unpack(some.clone(), &mut times);
            self.time_how.unpack(some.clone(), &mut hows);
            for (at, (ns, how)) in some.zip(times.iter().zip(&hows)) {
                if let Some(stamp) = stamp_of(*ns, *how) {
                    each(at, stamp);
                }
            }
        }
    }

    /// Whether the time is where it belongs as it stands; see [`is_placed`].
    #[must_use]
    pub fn is_placed(&self, at: usize) -> bool {
        is_placed(self.time_how.get(at).unwrap_or(NO_TIME))
    }

    /// The kind of an event.
    #[must_use]
    pub fn kind(&self, at: usize) -> EventKind {
        EventKind::from_number(self.kind.get(at).unwrap_or(0))
    }

    /// The outcome of an event.
    #[must_use]
    pub fn outcome(&self, at: usize) -> Outcome {
        Outcome::from_number(self.outcome.get(at).unwrap_or(0))
    }

    /// Where an event's record lies.
    #[must_use]
    pub fn span(&self, at: usize) -> Span {
        Span {
            offset: self.offset.get(at).unwrap_or(0),
            length: u64::from(self.length.get(at).unwrap_or(0)),
        }
    }
}

/// What a reader hands over: columns, their strings, their facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// The events.
    pub columns: Columns,
    /// Their texts.
    pub strings: Strings,
    /// (event within the batch, fact).
    pub facts: Vec<(u32, Fact)>,
}

/// Bytes that are not a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotABatch {
    /// What was wrong.
    pub what: String,
    /// Bytes given.
    pub have: usize,
}

impl EventBatch {
    /// The bytes that cross between workers.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// A batch from its bytes.
    ///
    /// # Errors
    /// [`NotABatch`] where the bytes are cut or their columns disagree.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotABatch> {
        let batch: Self = postcard::from_bytes(bytes).map_err(|error| NotABatch {
            what: error.to_string(),
            have: bytes.len(),
        })?;
        if batch.columns.consistent() {
            Ok(batch)
        } else {
            Err(NotABatch {
                what: "columns of different length".to_owned(),
                have: bytes.len(),
            })
        }
    }
}
