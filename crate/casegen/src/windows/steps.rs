//! When each step of a run takes place, by the true clock.
//!
//! A run's `started` is when its script's first statement runs. What comes before and behind it is the same for every
//! run, so that all writers date a step alike:
//!
//! ```text
//! −590 ms  the agent calls enable.cmd          WaAppAgent.log, process events
//! −520 ms  the handler starts                  handler log, process events
//! −480 ms  it writes the script                file events
//! −455 ms  it runs cmd, and that PowerShell    process events
//!      0   the script begins                   script block events
//!  ended   the script ends
//!  +20 ms  the handler notes the exit code     handler log
//!  +30 ms  it writes the status                status file, aggregate status
//! ```

use crate::instant::Instant;
use crate::world::Run;

/// The agent calls the handler.
#[must_use]
pub const fn called(run: &Run) -> Instant {
    run.started.plus_ms(-590)
}

/// The handler's program starts.
#[must_use]
pub const fn handled(run: &Run) -> Instant {
    run.started.plus_ms(-520)
}

/// The script is written.
#[must_use]
pub const fn written(run: &Run) -> Instant {
    run.started.plus_ms(-480)
}

/// The shell starts that runs the script's interpreter.
#[must_use]
pub const fn shelled(run: &Run) -> Instant {
    run.started.plus_ms(-455)
}

/// The exit code is known.
#[must_use]
pub const fn finished(run: &Run) -> Instant {
    run.ended.plus_ms(20)
}

/// The status is written.
#[must_use]
pub const fn reported(run: &Run) -> Instant {
    run.ended.plus_ms(30)
}
