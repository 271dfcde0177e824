//! Parameters of the detectors that look at guests, or at both sides.
//!
//! One struct per detector, its defaults beside it; ranges and meanings are lines of the one table one floor up, for example
//! `clock-anomaly.step_seconds` (2; 0 to 3600). Names of seconds, minutes and numbers are in the names.
//!
//! Rejected: one tolerance for all. Each absorbs another delay: of a sensor, of a handler, of a log.

/// The guest detectors' parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GuestSide {
    /// Detector 22.
    pub sequence: Sequence,
    /// Detector 27.
    pub clock: ClockAnomaly,
    /// Detectors 28 and 29.
    pub absence: Absence,
}

/// Parameters of `sequence-anomaly`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The first number expected.
    pub first_number: i64,
    /// More missing numbers than this are told as ranges.
    pub most_holes: i64,
}

impl Default for Sequence {
    fn default() -> Self {
        Self {
            first_number: 0,
            most_holes: 1000,
        }
    }
}

/// Parameters of `clock-anomaly`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockAnomaly {
    /// Steps back up to this are the log's own disorder.
    pub step_seconds: i64,
    /// A smaller offset is not worth a word.
    pub offset_seconds: i64,
}

impl Default for ClockAnomaly {
    fn default() -> Self {
        Self {
            step_seconds: 2,
            offset_seconds: 60,
        }
    }
}

/// Parameters of `guest-run-without-cloud-op` and `cloud-op-without-guest-trace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// So much around a run or an operation must be covered by the other side.
    pub tolerance_seconds: i64,
    /// A pause of all records so many times longer than usual is a gap of the log.
    pub gap_factor: i64,
    /// Records of the last minutes of an export may be missing.
    pub lag_minutes: i64,
}

impl Default for Absence {
    fn default() -> Self {
        Self {
            tolerance_seconds: 120,
            gap_factor: 20,
            lag_minutes: 15,
        }
    }
}
