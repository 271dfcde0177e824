//! x
pub mod assign;
pub mod features;
pub mod sides;
pub mod unordered;
pub mod vms;
