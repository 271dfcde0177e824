//! Runlens core: who ran what on which Azure VM through Run Command, what it did there, and how sure we are.
//!
//! Azure's Activity Log says who asked, not what ran; the VM's disk says what ran, not who asked. This crate reads
//! both and joins them. It is the same code natively and in a browser tab: it knows no file system, no
//! network, no clock (denied by lint), only bytes that are given to it.
//!
//! # The journey of a byte
//!
//! ```text
//!  File (browser) or path (native)
//!    │  evidence    encoding undone, framed into records, path read
//!    ▼
//!  Unit (one record at a known place)
//!    │  formats     one file per artifact format: record -> event, problems counted
//!    ▼
//!  EventBatch (columns) ──► case::store   all events of the case in time order
//!    │  reconstruct   events -> cloud operations, guest runs, hosts, years
//!    ▼
//!  Operations, Runs
//!    │  detect        one file per detector: case -> findings
//!    ▼
//!  Case ──► query   pages of rows, density bins, one event in full
//!      └──► export  the case document
//! ```
//!
//! One direction, no way back up, with one exception made on purpose: the detail of an event is read again from the
//! evidence itself, by (item, offset, length). Memory holds an index and not a copy, and what the analyst reads
//! is the evidence and not our rendering of it.
//!
//! # Floors
//!
//! | floor | room | must never know |
//! |---|---|---|
//! | 4 | [`case`] | browser, file system, wall clock |
//! | 3 | [`detect`], [`lists`], [`sigma`], [`query`], [`export`] | formats, bytes |
//! | 2 | [`reconstruct`], [`script`] | formats, bytes |
//! | 1 | [`formats`], [`record`] | formats: each other |
//! | 0 | [`evidence`], [`event`], [`time`], [`identity`], [`json`], [`expression`], [`problem`], [`limits`], [`severity`] | all above |

pub mod case;
pub mod detect;
pub mod event;
pub mod evidence;
pub mod export;
pub mod expression;
pub mod formats;
pub mod identity;
pub mod json;
pub mod limits;
pub mod lists;
pub mod problem;
pub mod query;
pub mod reconstruct;
pub mod record;
pub mod script;
pub mod settings;
pub mod severity;
pub mod sigma;
pub mod time;
