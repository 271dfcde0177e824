//! Questions a view asks of the case: pages of rows, density, one event in full.
//!
//! Rows are answered by position in the time order; an event is named by (item, ordinal), which stays true while more evidence
//! arrives. Nothing here reads evidence: [`place`] says which bytes a summary or a detail needs, and the platform brings them.
//!
//! Rejected: handing all events to the page. Ten million objects are no longer a page.

pub mod actors;
pub mod arcs;
pub mod attack;
pub mod brief;
pub mod detail;
pub mod evidence;
pub mod executions;
pub mod expected;
pub mod filter;
pub mod find;
pub mod findings;
pub mod hosts;
pub mod hunt;
pub mod incidents;
pub mod lanes;
pub mod mapping;
pub mod marks;
pub mod modes;
pub mod parameters;
pub mod raw;
pub mod rows;
pub mod shown;
pub mod sigma;
pub mod sorted;
pub mod sources;
pub mod story;

pub use arcs::arcs;
pub use detail::{EventDetail, Place, detail, place, place_of, summary};
pub use evidence::{EvidenceAsk, evidence, evidence_item};
pub use executions::{ExecutionsAsk, execution_of, executions};
pub use expected::{expectation, expected};
pub use hunt::hunt;
pub use incidents::{incident, incident_story, incidents};
pub use lanes::{LaneCounts, Lanes, LanesBy, Stretch, density};
pub use mapping::mapping;
pub use marks::marks;
pub use modes::modes;
pub use parameters::settings;
pub use rows::{Overview, Row, Rows, overview, row_at, row_of, rows};
pub use shown::Shown;
pub use sigma::sigma;
pub use sorted::{EventColumn, Sort};
pub use story::story;
