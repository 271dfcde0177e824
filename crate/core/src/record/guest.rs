//! What a file of an extension says of an execution, when its place says which execution.
//!
//! Status, settings, state, script and output files all take version, name and system from their path; only what they say differs.

use crate::event::fact::{Fact, GuestFact, GuestSaid, HandlerChange};
use crate::event::sink::Sink;
use crate::evidence::layout::{Family, Layout, Os, family_of};

/// The fact of a file at this place. `family` stands where the place does not say; `name` is the place's, or what the file itself says.
pub fn fact(
    layout: &Layout,
    family: Family,
    name: Option<&str>,
    sequence: impl Into<Option<i64>>,
    said: GuestSaid,
    sink: &mut Sink,
) -> Fact {
    Fact::Guest(Box::new(GuestFact {
        family: layout.family.unwrap_or(family),
        os: layout.os.unwrap_or(Os::Linux),
        version: sink.intern_some(layout.version.as_deref()),
        name: sink.intern_some(name),
        sequence: sequence.into(),
        said,
    }))
}

/// The fact that a handler was installed or removed; none where it runs no scripts of anybody.
pub fn changed(
    handler: &str,
    version: Option<&str>,
    os: Os,
    what: HandlerChange,
    sink: &mut Sink,
) -> Option<Fact> {
    Some(Fact::Guest(Box::new(GuestFact {
        family: family_of(handler)?,
        os,
        version: sink.intern_some(version),
        name: sink.intern_some(None),
        sequence: None,
        said: GuestSaid::HandlerChanged(what),
    })))
}
