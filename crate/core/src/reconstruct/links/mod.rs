//! x
pub mod assign;
pub mod unordered;
