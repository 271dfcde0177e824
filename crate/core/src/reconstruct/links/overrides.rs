//! What the analyst says of links; it goes before what was computed.
//!
//! Keys survive a new reading of the same evidence, and more of it: no number of a list, but what names an operation (correlation id,
//! resource, operation) and a run (host, feature, name, number).
//!
//! Rejected: places in lists. One more file, and the confirmation would be another pair's.

use crate::evidence::layout::Family;
use crate::identity::{ResourceId, fold, host_label};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::runs::Run;

/// What names an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationKey {
    /// Correlation id.
    pub correlation: String,
    /// Resource id.
    pub resource: String,
    /// Operation id.
    pub operation: String,
}

impl OperationKey {
    /// The key of an operation.
    #[must_use]
    pub fn of(op: &Operation) -> Self {
        let id = op.resource.as_ref().map(|id| id.folded.clone());
        Self {
            correlation: op.correlation.as_deref().map(fold).unwrap_or_default(),
            resource: id.unwrap_or_default(),
            operation: fold(&op.operation),
        }
    }

    /// The same key however it was spelled.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            correlation: fold(&self.correlation),
            resource: ResourceId::parse(&self.resource).folded,
            operation: fold(&self.operation),
        }
    }
}

/// What names a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// Host; empty where the guest has no name.
    pub host: String,
    /// Which feature.
    pub family: Family,
    /// Managed run-command or extension name; empty where there is none.
    pub name: String,
    /// Sequence number.
    pub sequence: Option<i64>,
}

impl RunKey {
    /// The key of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            host: super::goal_states::label(run),
            family: run.family,
            name: run.name.as_deref().map(fold).unwrap_or_default(),
            sequence: run.sequence,
        }
    }

    /// The same key however it was spelled.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            host: host_label(&self.host),
            name: fold(&self.name),
            ..self.clone()
        }
    }
}

/// The analyst's say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkOverrides {
    /// Guests that are these VMs, by resource id.
    pub host_to_vm: Vec<(String, String)>,
    /// Pairs that are linked.
    pub confirmed: Vec<(OperationKey, RunKey)>,
    /// Pairs that are not.
    pub rejected: Vec<(OperationKey, RunKey)>,
}
