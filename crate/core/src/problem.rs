//! What was wrong with the evidence, as data.
//!
//! Reading never fails as a whole. What cannot be read becomes a [`Problem`] under a named
//! [`Code`], with a severity, a place and advice; a reader that meets a million of them keeps the
//! first [`KEPT_PER_CODE`] places and counts the rest, so a broken file cannot fill memory.
//!
//! ```
//! use runlens_core::problem::{Code, Problems};
//! let mut problems = Problems::default();
//! problems.add(Code::TruncatedRecord, Some(7), Some((4096, 12)), "the file ends inside this record");
//! assert_eq!(problems.into_list().len(), 1);
//! ```
//!
//! Rejected: `Result` from readers. The first bad byte would decide the fate of a gigabyte.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many places of one code are kept one by one; the rest are counted.
pub const KEPT_PER_CODE: usize = 25;

/// How much a problem costs the analyst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing is lost.
    Info,
    /// Something was read with an assumption.
    Warning,
    /// Some of the evidence is not in the case.
    DataLoss,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $severity:ident;)+) => {
        /// The kinds of problem, by the word the case document uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word of the case document.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What a problem of this kind costs.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// The item has no bytes.
    EmptyFile = "empty-file", Info;
    /// No reader knows this content; it is kept, hashed and searchable.
    UnknownFormat = "unknown-format", Info;
    /// The last record is cut.
    TruncatedRecord = "truncated-record", DataLoss;
    /// The document ends before its closing bracket; its records were read.
    TruncatedDocument = "truncated-document", Warning;
    /// A record breaks the grammar of its format.
    MalformedRecord = "malformed-record", DataLoss;
    /// A record is well formed but of no kind this reader knows.
    UnknownRecord = "unknown-record", Warning;
    /// A record is longer than the limit `record_bytes`.
    RecordTooLong = "record-too-long", DataLoss;
    /// A whole-file document is longer than the limit `document_bytes`.
    DocumentTooLong = "document-too-long", DataLoss;
    /// JSON nested deeper than the limit `json_depth`.
    JsonTooDeep = "json-too-deep", DataLoss;
    /// A key occurs twice in one object; the first value is used.
    DuplicateKey = "duplicate-key", Warning;
    /// A comma before a closing bracket; tolerated.
    TrailingComma = "trailing-comma", Warning;
    /// Text around or between the records; stepped over.
    StrayText = "stray-text", Warning;
    /// Lines before the first record of a cut log.
    LeadingFragment = "leading-fragment", Warning;
    /// A record without the time its format prescribes.
    MissingTime = "missing-time", Warning;
    /// A time that no calendar has, or of unknown spelling.
    BadTime = "bad-time", Warning;
    /// A time whose day and month could be exchanged.
    AmbiguousDate = "ambiguous-date", Warning;
    /// Bytes that are not the text encoding of the item.
    InvalidText = "invalid-text", Warning;
    /// A known limit of the exporting tool was probably hit.
    PossiblyTruncatedExport = "possibly-truncated-export", Warning;
    /// A value was replaced by the person who shared the log.
    Redacted = "redacted", Info;
    /// Records were broken over lines by a terminal or a mail.
    HardWrapped = "hard-wrapped", Warning;
    /// The export was made too shallow: nested values became text.
    FlattenedExport = "flattened-export", Warning;
    /// The year is not in the source.
    YearInferred = "year-inferred", Info;
    /// The zone of a local clock is not known.
    ZoneUnknown = "zone-unknown", Warning;
    /// Local times were taken as the analyst said.
    ZoneGiven = "zone-given", Info;
    /// An answer that says why a log could not be exported.
    ErrorAnswer = "error-answer", DataLoss;
    /// Text longer than the limit `kept_text_bytes` was cut in the case; the evidence has it all.
    TextCut = "text-cut", Info;
    /// Markers inside an output make its parts ambiguous.
    AmbiguousOutput = "ambiguous-output", Warning;
    /// A settings file emptied by the handler's own clean-up.
    EmptiedSettings = "emptied-settings", Info;
    /// Reading was cancelled by the analyst.
    Cancelled = "cancelled", DataLoss;
    /// The reader of this item stopped unexpectedly.
    ReaderTrap = "reader-trap", DataLoss;
    /// The item could not be opened or read.
    Unreadable = "unreadable", DataLoss;
    /// A member of an archive is encrypted.
    EncryptedMember = "encrypted-member", DataLoss;
    /// A compression method that no reader knows.
    UnknownCompression = "unknown-compression", DataLoss;
    /// A container is damaged.
    DamagedContainer = "damaged-container", DataLoss;
    /// A limit on containers was reached.
    ContainerLimit = "container-limit", DataLoss;
    /// Events were not kept: the limit `case_bytes` is reached.
    CaseLimit = "case-limit", DataLoss;
    /// A chunk of an event log is damaged.
    DamagedChunk = "damaged-chunk", DataLoss;
    /// The counts of this item do not add up: a defect of Runlens, not of the evidence.
    Conservation = "conservation", DataLoss;
    /// The item's bytes are those of another item; its events count there.
    DuplicateEvidence = "duplicate-evidence", Info;
    /// Sigma rules were read; what became of each is in the text.
    SigmaRules = "sigma-rules", Info;
    /// A Sigma rule is refused or runs in part; why is in the text.
    SigmaRuleRefused = "sigma-rule-refused", Warning;
}

/// One thing that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// What it costs.
    pub severity: Severity,
    /// Record number, from 0, where one is meant.
    pub record: Option<u64>,
    /// First byte of the place in the item.
    pub offset: Option<u64>,
    /// Bytes of the place.
    pub length: Option<u64>,
    /// What happened and what the analyst can do.
    pub text: String,
}

/// Problems gathered while one item is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    by_code: BTreeMap<Code, (u64, Vec<Problem>)>,
}

impl Problems {
    /// Notes one. Past [`KEPT_PER_CODE`] of a code only the count grows.
    pub fn add(
        &mut self,
        code: Code,
        record: Option<u64>,
        place: Option<(u64, u64)>,
        text: impl Into<String>,
    ) {
        let (count, kept) = self.by_code.entry(code).or_default();
        *count += 1;
        if kept.len() < KEPT_PER_CODE {
            kept.push(Problem {
                code,
                severity: code.severity(),
                record,
                offset: place.map(|place| place.0),
                length: place.map(|place| place.1),
                text: text.into(),
            });
        }
    }

    /// How often a code was noted.
    #[must_use]
    pub fn count(&self, code: Code) -> u64 {
        self.by_code.get(&code).map_or(0, |(count, _)| *count)
    }

    /// Adds those of the bytes behind these; `record` says which number a record has there.
    pub fn append(&mut self, other: Self, record: impl Fn(u64) -> Option<u64>) {
        for (code, (more, kept)) in other.by_code {
            let (count, have) = self.by_code.entry(code).or_default();
            *count += more;
            let room = KEPT_PER_CODE.saturating_sub(have.len());
            have.extend(kept.into_iter().take(room).map(|problem| Problem {
                record: problem.record.and_then(&record),
                ..problem
            }));
        }
    }

    /// All of them by place, each code's uncounted rest as one line of its own.
    #[must_use]
    pub fn into_list(self) -> Vec<Problem> {
        let mut list = Vec::new();
        for (code, (count, kept)) in self.by_code {
            let rest = count - kept.len() as u64;
            list.extend(kept);
            if rest > 0 {
                list.push(Problem {
                    code,
                    severity: code.severity(),
                    record: None,
                    offset: None,
                    length: None,
                    text: format!("and {rest} more of this kind ({count} in all)"),
                });
            }
        }
        list.sort_by_key(|problem| {
            (
                problem.offset.is_none(),
                problem.offset,
                problem.record,
                problem.code,
            )
        });
        list
    }
}
