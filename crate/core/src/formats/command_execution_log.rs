//! `command-execution-log`: what the agent wrote about one extension, kept beside it.
//!
//! The grammar is that of `waagent.log`; the place says whose it is. Its head may be cut when it grew too large: missing early
//! lines prove nothing. Source: linux-artifacts 2.

use super::{Format, Framing, Sample, TextShape, waagent_log};
use crate::evidence::layout::Role;
use crate::record::agent::is_header;

/// The format.
pub const FORMAT: Format = Format {
    id: "command-execution-log",
    about: "the agent's log of one extension's commands",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise: |sample: &Sample<'_>| {
            if sample.layout.role == Role::CommandExecutionLog {
                waagent_log::agent_lines(sample)
            } else {
                0
            }
        },
    }),
    record: None,
    header: None,
    open: waagent_log::FORMAT.open,
};
