//! Runlens core.
