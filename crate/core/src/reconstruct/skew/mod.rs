//! How far a guest's clock is from the cloud's (detectors 35).
//!
//! | file | question |
//! |---|---|
//! | [`offset`] | what is an offset? Constant, drifting, or set once |
//! | [`estimate`] | which offset do these pairs and goal states allow? |
//! | [`course`] | which courses may a clock have kept: level, drifting, set? |
//! | [`search`] | which offset makes most runs fit, when no pair is known yet? |
//!
//! ```text
//! guest 10:05:05 … 10:05:35, operation 10:00:00 … 10:00:40   ->   303 s ahead, between 295 s and 306 s
//! ```
//!
//! Rejected: correcting the shown times. What the evidence says stays; the corrected time stands beside it.

pub mod course;
pub mod estimate;
pub mod offset;
pub mod search;
