//! Documents in the Elastic Common Schema: names are paths, nested or dotted or both.
//!
//! ```
//! use runlens_core::json::Value;
//! use runlens_core::record::ecs::at;
//! let nested = Value::new(br#"{"azure":{"activitylogs":{"operation_name":"X"}}}"#);
//! let dotted = Value::new(br#"{"azure.activitylogs":{"operation_name":["X"]}}"#);
//! for document in [nested, dotted] {
//!     assert_eq!(at(document, "azure.activitylogs.operation_name").text().as_deref(), Some("X"));
//! }
//! ```
//!
//! Rejected: flattening each document first. Most of its two hundred fields are never asked for.

use crate::json::Value;
use std::borrow::Cow;

/// The value at a path; the first element where it is an array of one name's values.
#[must_use]
pub fn at<'a>(document: Value<'a>, path: &str) -> Value<'a> {
    let found = raw_at(document, path);
    if found.is_array() {
        found.elements().next().unwrap_or(Value::NULL)
    } else {
        found
    }
}

/// The value at a path as it stands.
#[must_use]
pub fn raw_at<'a>(document: Value<'a>, path: &str) -> Value<'a> {
    for (key, value) in document.entries() {
        if key.is(path) {
            return value;
        }
        let below = path
            .as_bytes()
            .strip_prefix(key.0)
            .and_then(|rest| rest.strip_prefix(b"."))
            .and_then(|rest| std::str::from_utf8(rest).ok());
        if let Some(below) = below {
            let found = raw_at(value, below);
            if !found.is_null() {
                return found;
            }
        }
    }
    Value::NULL
}

/// The text at the first of these paths that has any.
#[must_use]
pub fn word<'a>(document: Value<'a>, paths: &[&str]) -> Option<Cow<'a, str>> {
    paths.iter().find_map(|path| at(document, path).word())
}

/// Every (rest of the name, value) below a path.
pub fn each_below<'a>(
    document: Value<'a>,
    path: &str,
    each: &mut impl FnMut(Cow<'a, str>, Value<'a>),
) {
    for (key, value) in document.entries() {
        if key.is(path) {
            for (name, value) in value.entries() {
                each(name.text(), value);
            }
        } else if let Some(name) = key
            .0
            .strip_prefix(path.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"."))
        {
            each(crate::json::unescape(name), value);
        } else if let Some(below) = path
            .as_bytes()
            .strip_prefix(key.0)
            .and_then(|rest| rest.strip_prefix(b"."))
            .and_then(|rest| std::str::from_utf8(rest).ok())
        {
            each_below(value, below, each);
        }
    }
}

/// The document inside a search hit: `_source`, else `fields` (whose values are arrays), else itself.
#[must_use]
pub fn source(hit: Value<'_>) -> Value<'_> {
    let source = hit.get("_source");
    if source.is_object() {
        return source;
    }
    let fields = hit.get("fields");
    if fields.is_object() && !hit.get("_index").is_null() {
        fields
    } else {
        hit
    }
}
