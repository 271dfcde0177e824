//! Stories: what happened, told as a plan.
//!
//! The example case is one story, told by [`cast`] (who there is), [`background`] and [`erp`] (three ordinary days) and
//! [`intrusion`] (what should not have happened). Its scripts are files in `scripts/`, so that they read as scripts.

pub mod background;
pub mod cast;
pub mod erp;
pub mod intrusion;

use crate::plan::Plan;
use crate::world::World;

/// The example: an operator's token is stolen and used against three Linux machines and a Windows one.
#[must_use]
pub fn example(seed: u64) -> World {
    let mut plan = Plan::new("example", seed);
    let cast = cast::introduce(&mut plan);
    background::fill(&mut plan, cast);
    intrusion::fill(&mut plan, cast);
    erp::fill(&mut plan, cast);
    plan.finish()
}
