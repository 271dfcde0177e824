//! Runlens in a tab.
