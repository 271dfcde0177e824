//! From events to what happened: hosts, years and zones, cloud operations, guest runs.
//!
//! Reconstruction sees the events of all items together, and only events: it reads no bytes and knows no format. Everything
//! here is a pure function of the events, the items' paths and the settings; the order in which files were dropped or batches arrived
//! changes nothing.
//!
//! | file | question |
//! |---|---|
//! | [`hosts`] | which guest does an item speak of? |
//! | [`clocks`] | in which year and zone did a local clock run? |
//! | [`duplicates`] | which records are copies of one record? |
//! | [`operations`] | what was asked of the cloud? (detectors 0.3 to 0.5) |
//! | [`runs`] | what was executed on a guest? (detectors 0.6) |
//! | [`links`] | which operation is which run? (detectors 34) |
//! | [`skew`] | how far is a guest's clock from the cloud's? (detectors 35) |
//!
//! Rejected: deciding these while reading. A reader sees one item; every question here needs its neighbours.

pub mod clocks;
pub mod duplicates;
pub mod hosts;
pub mod links;
pub mod operations;
pub mod runs;
pub mod skew;
