//! One evidence item as the case knows it.

use super::store::Store;
use crate::evidence::layout::{Layout, Role};
use crate::formats::{ItemReport, Opening};
use crate::limits::Limits;
use crate::problem::{Code, Problem, Severity};
use crate::time::{Instant, TimeBasis};

/// How far an item has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Announced, being read or waiting.
    Reading,
    /// Read to its end.
    Read,
    /// Cancelled by the analyst.
    Cancelled,
    /// Ended by a failure.
    Quarantined,
}

impl ItemState {
    /// The word the page shows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Read => "read",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
        }
    }
}

/// An evidence item.
#[derive(Clone, Debug)]
pub struct Item {
    /// Path with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Modified time in ms since 1970.
    pub modified_ms: Option<i64>,
    /// How far it has come.
    pub state: ItemState,
    /// What its reader reported.
    pub report: Option<ItemReport>,
    /// Problems noted by the case.
    pub own_problems: Vec<Problem>,
    /// Problems of its local clock.
    pub clock_problems: Vec<Problem>,
    /// What became of the Sigma rules in it.
    pub rule_problems: Vec<Problem>,
    /// SHA-256 in lower-case hex.
    pub sha256: Option<String>,
    /// MD5 in lower-case hex, where asked for.
    pub md5: Option<String>,
    /// SHA-1 in lower-case hex, where asked for.
    pub sha1: Option<String>,
    /// What its path says.
    pub layout: Layout,
    /// The guest it speaks of.
    pub host: Option<String>,
    /// Whether some of its times are a guest's local ones.
    pub has_local_times: bool,
    /// Year of its last record, where the source gives none.
    pub year: Option<i32>,
    /// Whether some of its times lack their year.
    pub lacks_year: bool,
    /// Number of the item whose bytes it repeats.
    pub duplicate_of: Option<u32>,
    /// Events taken over so far.
    pub events: u32,
    /// Events that the limit `case_bytes` kept out of the case.
    pub not_kept: u64,
    /// Earliest event time.
    pub first: Option<Instant>,
    /// Latest event time.
    pub last: Option<Instant>,
    /// The least certain basis among its event times.
    pub time_basis: Option<TimeBasis>,
}

impl Item {
    /// An item that was just announced.
    #[must_use]
    pub fn new(path: &str, size: u64, modified_ms: Option<i64>) -> Self {
        let path = path.replace('\\', "/");
        Self {
            layout: Layout::of(&path),
            path,
            size,
            modified_ms,
            state: ItemState::Reading,
            report: None,
            own_problems: Vec::new(),
            clock_problems: Vec::new(),
            rule_problems: Vec::new(),
            sha256: None,
            md5: None,
            sha1: None,
            host: None,
            has_local_times: false,
            year: None,
            lacks_year: false,
            duplicate_of: None,
            events: 0,
            not_kept: 0,
            first: None,
            last: None,
            time_basis: None,
        }
    }

    /// What a reader of this item is told.
    #[must_use]
    pub fn opening(&self, limits: &Limits) -> Opening {
        Opening::new(&self.path, self.size, self.modified_ms, limits.clone())
    }

    /// Whether the item is a guest's.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        match self.report.as_ref().and_then(ItemReport::format) {
            Some(format) => format.from_guest,
            None => self.layout.role != Role::Unknown,
        }
    }

    /// What the item's place means where its bytes alone do not say it: empty for logs and exports.
    #[must_use]
    pub fn place_meaning(&self) -> String {
        let layout = &self.layout;
        match layout.role {
            role if role.is_stored() || role == Role::Telemetry => {
                let family = layout
                    .family
                    .map_or("", crate::evidence::layout::Family::word);
                let (name, sequence) = (
                    layout.name.as_deref().unwrap_or(""),
                    layout.sequence.unwrap_or(-1),
                );
                format!(
                    "{}|{family}|{name}|{sequence}|{:?}|{}",
                    layout.root, layout.role, layout.file_name
                )
            }
            _ => String::new(),
        }
    }

    /// First and last time and basis, from the item's own events.
    pub(super) fn measure(&mut self, store: &Store, number: u32) {
        (self.first, self.last, self.time_basis) = (None, None, None);
        self.has_local_times = false;
        store.each_stamp_of(number, |event, written| {
            self.has_local_times |=
                matches!(written.basis, TimeBasis::Local | TimeBasis::YearInferred);
            let Some(stamp) = store.placed(event, written) else {
                return;
            };
            if self.first.is_none_or(|first| stamp.instant.ns < first.ns) {
                self.first = Some(stamp.instant);
            }
            if self.last.is_none_or(|last| stamp.instant.ns > last.ns) {
                self.last = Some(stamp.instant);
            }
            self.time_basis = self.time_basis.max(Some(stamp.basis));
        });
    }

    /// All problems of the item by place.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self.noted().cloned().collect();
        if self.duplicate_of.is_some() {
            all.push(Problem {
                code: Code::DuplicateEvidence,
                severity: Code::DuplicateEvidence.severity(),
                record: None,
                offset: None,
                length: None,
                text: "these bytes are in the case already; the events count once".to_owned(),
            });
        }
        all
    }

    /// How many problems there are.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.severities().count()
    }

    /// The gravest of them.
    #[must_use]
    pub fn worst_problem(&self) -> Option<Severity> {
        self.severities().max()
    }

    /// Whether one of them is of this severity.
    #[must_use]
    pub fn has_problem(&self, severity: Severity) -> bool {
        self.severities().any(|other| other == severity)
    }

    fn severities(&self) -> impl Iterator<Item = Severity> {
        let repeats = self
            .duplicate_of
            .map(|_| Code::DuplicateEvidence.severity());
        self.noted().map(|problem| problem.severity).chain(repeats)
    }

    fn noted(&self) -> impl Iterator<Item = &Problem> {
        let reported = self.report.iter().flat_map(|report| report.problems.iter());
        reported
            .chain(&self.own_problems)
            .chain(&self.clock_problems)
            .chain(&self.rule_problems)
    }
}
