//! Makes cases.
