//! Parameters of the detectors that look at guests, or at both sides.
//!
//! One struct per detector, its defaults beside it; ranges and meanings are lines of the one table one floor up, for example
//! `script-volatility.share_percent` (80; 0 to 100). Names of seconds, minutes and numbers are in the names.
//!
//! Rejected: one tolerance for all. Each absorbs another delay: of a sensor, of a handler, of a log.

/// The guest detectors' parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GuestSide {
    /// Detector 16.
    pub file_join: FileJoin,
    /// Detector 17.
    pub volatility: Volatility,
    /// Detector 18.
    pub unique: Unique,
    /// Detector 19.
    pub processes: ProcessCorrelation,
    /// Detector 20.
    pub children: Children,
    /// Detector 21.
    pub descendant: Descendant,
    /// Detector 22.
    pub sequence: Sequence,
    /// Detector 27.
    pub clock: ClockAnomaly,
    /// Detectors 28 and 29.
    pub absence: Absence,
}

/// Parameters of `script-file-join`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJoin {
    /// How far outside its operation a script may be written.
    pub tolerance_seconds: i64,
    /// Writes of one file within this are one.
    pub merge_seconds: i64,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for FileJoin {
    fn default() -> Self {
        Self {
            tolerance_seconds: 120,
            merge_seconds: 5,
            published: false,
        }
    }
}

/// Parameters of `script-volatility`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volatility {
    /// More distinct scripts than this share are volatile.
    pub share_percent: i64,
    /// A longer pause begins a new episode.
    pub gap_minutes: i64,
    /// So many executions at least.
    pub least_executions: i64,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for Volatility {
    fn default() -> Self {
        Self {
            share_percent: 80,
            gap_minutes: 60,
            least_executions: 2,
            published: false,
        }
    }
}

/// Among which executions a script is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueScope {
    /// All of the case.
    Case,
    /// Those of its subscription.
    Subscription,
    /// Those of its VM.
    Vm,
}

impl UniqueScope {
    /// The words by which it is chosen.
    pub const WORDS: &[&str] = &["data set", "subscription", "vm"];
    const ALL: [Self; 3] = [Self::Case, Self::Subscription, Self::Vm];

    /// From its place among the words.
    #[must_use]
    pub fn at(place: i64) -> Self {
        usize::try_from(place)
            .ok()
            .and_then(|place| Self::ALL.get(place).copied())
            .unwrap_or(Self::Case)
    }

    /// Its place among the words.
    #[must_use]
    pub fn place(self) -> i64 {
        self as i64
    }
}

/// Parameters of `unique-script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Among fewer executions nothing is unique.
    pub least_executions: i64,
    /// Among which executions.
    pub scope: UniqueScope,
}

impl Default for Unique {
    fn default() -> Self {
        Self {
            least_executions: 5,
            scope: UniqueScope::Case,
        }
    }
}

/// Parameters of `run-command-process-correlation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessCorrelation {
    /// How far before its operation a process may start.
    pub early_seconds: i64,
    /// How long after the start, where the operation's end is not known.
    pub most_seconds: i64,
    /// How long after the operation's end.
    pub grace_seconds: i64,
    /// Behave as the published rule.
    pub published: bool,
}

impl Default for ProcessCorrelation {
    fn default() -> Self {
        Self {
            early_seconds: 5,
            most_seconds: 120,
            grace_seconds: 30,
            published: false,
        }
    }
}

/// Parameters of `script-child-process`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Children {
    /// Behave as the published rule.
    pub published: bool,
}

/// Parameters of `custom-script-descendant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descendant {
    /// How long after the handler's start.
    pub window_seconds: i64,
}

impl Default for Descendant {
    fn default() -> Self {
        Self { window_seconds: 60 }
    }
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
