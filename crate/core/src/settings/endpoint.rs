//! Parameters of the detectors that join operations with processes and written files.
//!
//! One struct per detector, its defaults beside it; ranges and meanings are lines of the one table one floor up, for example
//! `run-command-process-correlation.most_seconds` (120; 1 to 5400).
//!
//! Rejected: the linking's own window for all of them. A sensor sees a file before the handler's log knows of it, and a process long after.

/// These detectors' parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EndpointSide {
    /// Detector 16.
    pub file_join: FileJoin,
    /// Detector 17.
    pub volatility: Volatility,
    /// Detector 18.
    pub unique: UniqueScript,
    /// Detector 19.
    pub correlation: ProcessCorrelation,
    /// Detector 20.
    pub child: ScriptChild,
    /// Detector 21.
    pub descendant: HandlerDescendant,
}

/// Parameters of `script-file-join`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJoin {
    /// How far outside its operation a script may be written.
    pub tolerance_seconds: i64,
    /// Writes of one file no further apart than this are one.
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
    /// More of the commands than this must differ.
    pub distinct_percent: i64,
    /// A longer pause between two starts begins a new episode.
    pub gap_minutes: i64,
    /// Episodes of fewer executions are not looked at.
    pub least_executions: i64,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for Volatility {
    fn default() -> Self {
        Self {
            distinct_percent: 80,
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
    DataSet,
    /// Those of one subscription.
    Subscription,
    /// Those of one VM.
    Vm,
}

impl UniqueScope {
    /// The words by which it is chosen.
    pub const WORDS: &[&str] = &["data set", "subscription", "vm"];
    const ALL: [Self; 3] = [Self::DataSet, Self::Subscription, Self::Vm];

    /// From its place among the words.
    #[must_use]
    pub fn at(place: i64) -> Self {
        usize::try_from(place)
            .ok()
            .and_then(|place| Self::ALL.get(place).copied())
            .unwrap_or(Self::DataSet)
    }

    /// Its place among the words.
    #[must_use]
    pub fn place(self) -> i64 {
        self as i64
    }
}

/// Parameters of `unique-script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueScript {
    /// Fewer executions of known scripts than this say nothing about rarity.
    pub least_executions: i64,
    /// Among which executions.
    pub scope: UniqueScope,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for UniqueScript {
    fn default() -> Self {
        Self {
            least_executions: 5,
            scope: UniqueScope::DataSet,
            published: false,
        }
    }
}

/// Parameters of `run-command-process-correlation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessCorrelation {
    /// A process may begin so long before its operation.
    pub early_seconds: i64,
    /// And so long after its start, where the operation's end is not known.
    pub most_seconds: i64,
    /// And so long after its end, where that is known.
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
pub struct ScriptChild {
    /// Behave as the published rule.
    pub published: bool,
}

/// Parameters of `custom-script-descendant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerDescendant {
    /// How soon after the handler's start a descendant counts.
    pub window_seconds: i64,
}

impl Default for HandlerDescendant {
    fn default() -> Self {
        Self { window_seconds: 60 }
    }
}
