//! x
pub mod estimate;
pub mod offset;
