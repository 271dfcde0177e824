//! What most of a million things leave out, kept only where it is said.
//!
//! A busy tenant's log makes a finding of every second row, nearly all of which need no words or figures of their own; an audit log starts a
//! process on every line and knows the end of none. An absent part takes a pointer's room in them and not its own; reading one that is absent reads the
//! part that says nothing.
//!
//! Rejected: options at every place that reads. Most places do not care which it is.

use serde_json::{Map, Value};
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

/// A part that is mostly absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparse<T>(Option<Box<T>>);

/// What has a value that says nothing.
pub trait SaysNothing: Default + PartialEq + 'static {
    /// That value.
    fn nothing() -> &'static Self;
}

static NO_TEXT: String = String::new();

impl SaysNothing for String {
    fn nothing() -> &'static Self {
        &NO_TEXT
    }
}

static NO_TEXTS: Vec<String> = Vec::new();

impl SaysNothing for Vec<String> {
    fn nothing() -> &'static Self {
        &NO_TEXTS
    }
}

static NO_IDS: Vec<&'static str> = Vec::new();

impl SaysNothing for Vec<&'static str> {
    fn nothing() -> &'static Self {
        &NO_IDS
    }
}

static NO_FIGURES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl SaysNothing for Map<String, Value> {
    fn nothing() -> &'static Self {
        &NO_FIGURES
    }
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: SaysNothing> From<T> for Sparse<T> {
    fn from(value: T) -> Self {
        Self((value != *T::nothing()).then(|| Box::new(value)))
    }
}

impl<T: SaysNothing> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::nothing())
    }
}

impl<T: SaysNothing> DerefMut for Sparse<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}
