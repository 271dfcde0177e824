//! Questions a view asks of the case: pages of rows, density, one event in full.
//!
//! Rows are answered by position in the time order; an event is named by (item, ordinal), which stays true while more evidence
//! arrives. Nothing here reads evidence: [`place`] says which bytes a summary or a detail needs, and the platform brings them.
//!
//! Rejected: handing all events to the page. Ten million objects are no longer a page.

pub mod actors;
pub mod arcs;
pub mod attack;
pub mod detail;
pub mod executions;
pub mod expected;
pub mod filter;
pub mod findings;
pub mod hosts;
pub mod hunt;
pub mod incidents;
pub mod mapping;
pub mod modes;
pub mod parameters;
pub mod rows;
pub mod shown;
pub mod sigma;
pub mod sources;
pub mod story;

pub use arcs::arcs;
pub use detail::{EventDetail, Place, detail, place, place_of, summary};
pub use executions::{ExecutionsAsk, execution_of, executions};
pub use expected::expected;
pub use hunt::hunt;
pub use incidents::{incident_story, incidents};
pub use mapping::mapping;
pub use modes::modes;
pub use parameters::settings;
pub use rows::{
    Bins, EvidenceItem, Overview, Row, Rows, bins, evidence, overview, row_at, row_of, rows,
};
pub use shown::Shown;
pub use sigma::sigma;
pub use story::story;
