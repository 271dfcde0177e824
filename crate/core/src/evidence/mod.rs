//! What came in: bytes, their encoding, their hash, what their path says, and where one record ends
//! and the next begins.
//!
//! This floor knows no format. It turns the bytes of an item, however they arrive, into
//! [`unit::Unit`]s: complete records at known places. Everything above may therefore be written as if
//! a record were always in one piece.
//!
//! ```text
//! bytes ──► encoding (UTF-16 undone) ──► frame (lines, blocks, JSON, CSV, whole) ──► Unit
//! path  ──► layout  (host, handler, version, name, sequence number)
//! ```
//!
//! Rejected: readers that ask for more bytes. Fragmentation would then be every reader's business,
//! and every reader's bug.

pub mod container;
pub mod cut;
pub mod encoding;
pub mod envelope;
pub mod frame;
pub mod hash;
pub mod layout;
pub mod structure;
pub mod unit;
