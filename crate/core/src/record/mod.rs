//! What formats have in common: shapes of records that many artifacts carry.
//!
//! An Activity Log record looks different in nine exports and means the same; an agent's line stands in
//! `waagent.log`, in syslog and in the journal. Each such shape is one file here, between the event and the formats:
//! formats find the parts, the shape knows what they mean.
//!
//! Rejected: formats calling each other. Order of writing would become order of reading.

pub mod agent;
pub mod audit;
pub mod bracket;
pub mod claims;
pub mod cloud;
pub mod cloud_diagnostic;
pub mod directory;
pub mod ecs;
pub mod flow;
pub mod guest;
pub mod handler;
pub mod logfmt;
pub mod login;
pub mod powershell;
pub mod run_mention;
pub mod serial;
pub mod status;
pub mod windows;
pub mod yaml;
