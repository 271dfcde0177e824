//! Every limit that protects the analyst's machine, by name.
//!
//! Hostile input is normal: a line without an end, JSON nested a million deep, an archive that
//! unfolds to a terabyte. Each limit here has a default, may be set by the analyst
//! (`--set limits.record_bytes=33554432`), and shows itself as a counted problem when it is hit; the
//! rest of the evidence goes on.
//!
//! Rejected: constants beside the code they protect. A limit nobody can list is a limit nobody can
//! explain to a court.

use serde::{Deserialize, Serialize};

/// The named limits. Bytes are bytes of decoded text unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest record (a line with its continuations, a JSON object, a CSV row).
    pub record_bytes: usize,
    /// Longest document that is read as one (settings, goal states, state files).
    pub document_bytes: usize,
    /// Deepest nesting of JSON that is read.
    pub json_depth: usize,
    /// Memory of all events of a case and of what is concluded from them; those that come later are counted and not kept. A tab
    /// has 4 GiB in all: the default left a quarter of them when 20 GB of Activity Logs came at once.
    pub case_bytes: u64,
    /// Longest script or output text that is kept in the case; the evidence keeps it all.
    pub kept_text_bytes: usize,
    /// Longest file of Sigma rules that is read.
    pub rule_file_bytes: usize,
    /// Deepest nesting of YAML that is read.
    pub yaml_depth: usize,
    /// Scalars, lists and maps of one YAML file, aliases written out.
    pub yaml_nodes: usize,
    /// Events whose evidence is read again for fields that the case does not keep.
    pub rule_events: usize,
    /// Bytes looked at to identify an item.
    pub identify_bytes: usize,
    /// Members of one container.
    pub container_members: u64,
    /// Containers inside containers.
    pub container_depth: u32,
    /// Uncompressed bytes per compressed byte, looked at past `container_ratio_after_bytes`.
    pub container_ratio: u64,
    /// Uncompressed bytes of one container before its ratio is looked at.
    pub container_ratio_after_bytes: u64,
    /// Uncompressed bytes of one container in all.
    pub container_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 16 << 20,
            document_bytes: 64 << 20,
            json_depth: 128,
            case_bytes: 7 << 28,
            kept_text_bytes: 1 << 20,
            rule_file_bytes: 8 << 20,
            yaml_depth: 32,
            yaml_nodes: 500_000,
            rule_events: 50_000,
            identify_bytes: 64 << 10,
            container_members: 100_000,
            container_depth: 3,
            container_ratio: 200,
            container_ratio_after_bytes: 64 << 20,
            container_bytes: 64 << 30,
        }
    }
}
