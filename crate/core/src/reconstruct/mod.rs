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
//! | [`display_names`] | which operation is meant where an export has only a name? |
//! | [`manifests`] | what became of the items a manifest lists? |
//! | [`duplicates`] | which records are copies of one record? |
//! | [`operations`] | what was asked of the cloud? (detectors 0.3 to 0.5) |
//! | [`processes`] | which processes ran, and who started whom? |
//! | [`runs`] | what was executed on a guest? (detectors 0.6) |
//! | [`guests`] | what does a guest keep of its runs, and how far do its logs reach? |
//! | [`links`] | which operation is which run? (detectors 34) |
//! | [`skew`] | how far is a guest's clock from the cloud's? (detectors 35) |
//!
//! Rejected: deciding these while reading. A reader sees one item; every question here needs its neighbours.

pub mod clocks;
pub mod display_names;
pub mod duplicates;
pub mod guests;
pub mod hosts;
pub mod links;
pub mod manifests;
pub mod operations;
pub mod processes;
pub mod runs;
pub mod skew;
