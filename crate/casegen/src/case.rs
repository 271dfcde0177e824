//! A case as it leaves this crate: files as an analyst would be handed them, and the truth beside them.

use crate::json::{Hand, Json, object};
use base64::Engine;

/// A file of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// Path below the case's root, with `/`.
    pub path: String,
    /// When it was last changed, by the clock of the machine that wrote it, in milliseconds since 1970.
    pub modified_ms: Option<i64>,
    /// Content.
    pub bytes: Vec<u8>,
}

impl CaseFile {
    /// A file.
    #[must_use]
    pub fn new(path: &str, modified_ms: Option<i64>, bytes: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            modified_ms,
            bytes,
        }
    }
}

/// Files and truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The evidence, by path.
    pub files: Vec<CaseFile>,
    /// What an analyzer should find: `runlens.truth/1`, described in [`crate::truth`].
    pub truth: serde_json::Value,
}

impl Case {
    /// `[{"path", "modified_ms", "text"}]`; bytes that are not UTF-8 come as `"base64"`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let files = self.files.iter().map(|file| {
            let entry = object([
                ("path", file.path.as_str().into()),
                (
                    "modified_ms",
                    file.modified_ms.map_or(Json::Null, Json::from),
                ),
            ]);
            match std::str::from_utf8(&file.bytes) {
                Ok(text) => entry.with("text", text),
                Err(_) => entry.with("base64", base64(&file.bytes)),
            }
        });
        Json::List(files.collect())
            .print(Hand::Compact)
            .into_bytes()
    }
}

/// Base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
