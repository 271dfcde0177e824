//! The Windows guest side.

pub mod evtx;
