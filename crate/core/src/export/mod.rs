//! What leaves the case: the case document.
//!
//! The document is written in pieces, because its events need their evidence read again: [`CaseDocument::needs`] says which bytes
//! the next piece wants, [`CaseDocument::write`] makes it. The bytes are the same natively and in the tab.
//!
//! Rejected: one big string. A million events with their texts do not fit beside the case.

pub mod case_document;
pub mod json_text;
pub mod manifest;
mod sigma;

pub use case_document::CaseDocument;
