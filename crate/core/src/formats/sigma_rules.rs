//! Files of Sigma rules: no evidence, yet dropped with it.
//!
//! They are known by their content (the keys that every rule has, at the margin), stay `text` in the case document, and hand
//! their documents over with the item's report. Reading them here and not in the case keeps hostile YAML where a failure costs one item.
//!
//! Rejected: going by the name. Half of a triage folder ends in `.yml`.

use super::Sample;
use crate::event::sink::Sink;
use crate::limits::Limits;
use crate::problem::Code;
use crate::record::yaml::{self, Document};

/// The text of an item that holds rules.
pub(super) struct RuleText {
    text: Vec<u8>,
    too_long: bool,
}

impl RuleText {
    /// Whether the first bytes of an item are those of rules.
    pub(super) fn begin(sample: &Sample<'_>) -> Option<Self> {
        let (mut what, mut whose) = (false, false);
        for line in sample.lines() {
            what |= [&b"detection:"[..], b"correlation:", b"filter:"]
                .iter()
                .any(|key| line.starts_with(key));
            whose |= [&b"title:"[..], b"logsource:", b"name:", b"id:"]
                .iter()
                .any(|key| line.starts_with(key));
        }
        (what && whose).then(|| Self {
            text: Vec::new(),
            too_long: false,
        })
    }

    pub(super) fn push(&mut self, text: &[u8], limits: &Limits) {
        let room = limits.rule_file_bytes.saturating_sub(self.text.len());
        self.too_long |= text.len() > room;
        self.text
            .extend_from_slice(text.get(..room).unwrap_or(text));
    }

    /// The documents; what is wrong with the file as a whole is a problem.
    pub(super) fn documents(self, limits: &Limits, sink: &mut Sink) -> Vec<Document> {
        if self.too_long {
            let text = format!(
                "a file of Sigma rules longer than rule_file_bytes ({}); none of its rules runs. Split it, or raise the limit",
                limits.rule_file_bytes
            );
            sink.problem(Code::DocumentTooLong, None, text);
            return Vec::new();
        }
        match String::from_utf8(self.text) {
            Ok(text) => yaml::documents(&text, limits),
            Err(error) => {
                let text = format!(
                    "a file of Sigma rules that is not UTF-8 from byte {} on; none of its rules runs",
                    error.utf8_error().valid_up_to()
                );
                sink.problem(Code::MalformedRecord, None, text);
                Vec::new()
            }
        }
    }
}
