//! Instants, how well they are known, and every spelling of them that evidence uses.
//!
//! An [`Instant`] is nanoseconds since 1970 UTC plus the number of fraction digits the source gave,
//! so that `12:00:00.5` and `12:00:00.500` stay apart where a court would ask. A [`Stamp`] adds the
//! [`TimeBasis`]: whether the source said UTC, gave an offset, said nothing, used the guest's local
//! clock, or left out the year.
//!
//! ```
//! use runlens_core::time::{parse, TimeBasis};
//! let stamp = parse::iso(b"2024-05-01T08:00:00.123Z").expect("a time");
//! assert_eq!(stamp.basis, TimeBasis::Utc);
//! assert_eq!(stamp.instant.to_string(), "2024-05-01T08:00:00.123Z");
//! ```
//!
//! Local and year-less readings keep the wall clock as if it were UTC (and the year
//! [`YEAR_UNKNOWN`]); the case re-bases them later, without reading the evidence again.
//!
//! Rejected: `chrono::DateTime` in the columns. It is twelve bytes, cannot say how many digits the
//! source had, and invites formatting by locale. chrono still does the calendar.

pub mod parse;
pub mod zone;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Nanoseconds in one second.
pub const NS_PER_SECOND: i64 = 1_000_000_000;
/// Nanoseconds in one day.
pub const NS_PER_DAY: i64 = 86_400 * NS_PER_SECOND;
/// The placeholder year of a reading that gave none. A leap year, so that 29 February parses.
pub const YEAR_UNKNOWN: i32 = 1972;

/// A moment, and how finely its source told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub ns: i64,
    /// Fraction digits of the source, 0 to 9.
    pub digits: u8,
}

impl Instant {
    /// From a calendar date and time of day; `None` where the calendar has no such moment.
    /// Second 60 (a leap second) is the first moment of the next minute.
    #[must_use]
    pub fn from_civil(
        date: (i32, u32, u32),
        time: (u32, u32, u32),
        nanos: u32,
        digits: u8,
    ) -> Option<Self> {
        let (hour, minute, second) = time;
        if let Some(days) = days_since_1970(date)
            && hour < 24
            && minute < 60
            && second < 60
            && nanos < 1_000_000_000
        {
            let seconds = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
            let ns = seconds * NS_PER_SECOND + i64::from(nanos);
            return Some(Self { ns, digits });
        }
        let leap = i64::from(second == 60);
        let second = if second == 60 { 59 } else { second };
        let moment = NaiveDate::from_ymd_opt(date.0, date.1, date.2)?
            .and_hms_nano_opt(hour, minute, second, nanos)?
            .and_utc();
        let ns = moment
            .timestamp_nanos_opt()?
            .checked_add(leap * NS_PER_SECOND)?;
        Some(Self { ns, digits })
    }

    /// Whether this is a reading without a year: a day of the placeholder year [`YEAR_UNKNOWN`].
    #[must_use]
    pub fn in_year_unknown(self) -> bool {
        /// 1972-01-01 and 1973-01-01.
        const YEAR: std::ops::Range<i64> = 730 * NS_PER_DAY..1_096 * NS_PER_DAY;
        YEAR.contains(&self.ns)
    }

    /// From a count of `unit_ns`-long units since 1970.
    #[must_use]
    pub fn from_epoch(count: i64, unit_ns: i64, digits: u8) -> Option<Self> {
        Some(Self {
            ns: count.checked_mul(unit_ns)?,
            digits,
        })
    }

    /// From .NET ticks: 100 ns since 0001-01-01T00:00:00Z.
    #[must_use]
    pub fn from_ticks(ticks: i64) -> Option<Self> {
        const TICKS_TO_1970: i64 = 621_355_968_000_000_000;
        Self::from_epoch(ticks.checked_sub(TICKS_TO_1970)?, 100, 7)
    }

    /// The same reading `ns` later (or earlier).
    #[must_use]
    pub fn shifted(self, ns: i64) -> Self {
        Self {
            ns: self.ns.saturating_add(ns),
            digits: self.digits,
        }
    }

    /// The same day, month and time of day in another year; 29 February becomes 1 March where the year has none.
    #[must_use]
    pub fn in_year(self, year: i32) -> Self {
        let moment = DateTime::from_timestamp_nanos(self.ns);
        let date = NaiveDate::from_ymd_opt(year, moment.month(), moment.day())
            .or_else(|| NaiveDate::from_ymd_opt(year, 3, 1));
        let then = date.and_then(|date| {
            date.and_hms_nano_opt(
                moment.hour(),
                moment.minute(),
                moment.second(),
                moment.nanosecond(),
            )?
            .and_utc()
            .timestamp_nanos_opt()
        });
        Self {
            ns: then.unwrap_or(self.ns),
            digits: self.digits,
        }
    }

    /// Calendar year and month (UTC).
    #[must_use]
    pub fn year_month(self) -> (i32, u32) {
        let moment = DateTime::from_timestamp_nanos(self.ns);
        (moment.year(), moment.month())
    }

    /// Milliseconds since 1970 as a double: for placing marks, never for saying a time.
    #[must_use]
    pub fn ms(self) -> f64 {
        (self.ns / 1_000) as f64 / 1_000.0
    }
}

/// Days from 1970-01-01 to a date of the years that nanoseconds in 64 bits reach; `None` for other years and days that no
/// calendar has. Years begin in March here, so that the leap day is the last.
fn days_since_1970((year, month, day): (i32, u32, u32)) -> Option<i64> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if !(1_678..=2_261).contains(&year) {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = LENGTHS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if day == 0 || day > length + u32::from(leap && month == 2) {
        return None;
    }
    let year = i64::from(year) - i64::from(month < 3);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,468 days from 1 March of the year 0 to 1970-01-01.
    Some(year * 365 + leap_days + i64::from(day_of_year) - 719_468)
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC with exactly the source's digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::from_timestamp_nanos(self.ns);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            moment.year(),
            moment.month(),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        )?;
        let digits = self.digits.min(9);
        if digits > 0 {
            let unit = 10_u32.pow(u32::from(9 - digits));
            let width = usize::from(digits);
            write!(f, ".{:0width$}", moment.nanosecond() / unit)?;
        }
        f.write_str("Z")
    }
}

/// How an event's time is known; the words are those of the case document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeBasis {
    /// The source says UTC (a `Z`, or a format defined in UTC).
    Utc,
    /// The source gives an offset; converted.
    Offset,
    /// The source gives no zone; its documentation or habit says UTC.
    AssumedUtc,
    /// The source gives neither year nor zone; the year is inferred.
    YearInferred,
    /// The source gives the guest's local clock.
    Local,
}

impl TimeBasis {
    /// Every basis, most certain first.
    pub const ALL: [Self; 5] = [
        Self::Utc,
        Self::Offset,
        Self::AssumedUtc,
        Self::YearInferred,
        Self::Local,
    ];

    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Offset => "offset",
            Self::AssumedUtc => "assumed-utc",
            Self::YearInferred => "year-inferred",
            Self::Local => "local",
        }
    }
}

/// A time as a source gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When; for [`TimeBasis::Local`] and [`TimeBasis::YearInferred`] the wall clock as if it were UTC.
    pub instant: Instant,
    /// How that is known.
    pub basis: TimeBasis,
}

impl Stamp {
    /// A time the source states in UTC.
    #[must_use]
    pub fn utc(instant: Instant) -> Self {
        Self {
            instant,
            basis: TimeBasis::Utc,
        }
    }

    /// The same reading under another basis.
    #[must_use]
    pub fn with_basis(self, basis: TimeBasis) -> Self {
        Self { basis, ..self }
    }

    /// A reading without a zone is the guest's local clock in this format, not an unstated UTC.
    #[must_use]
    pub fn local_if_bare(self) -> Self {
        if self.basis == TimeBasis::AssumedUtc {
            self.with_basis(TimeBasis::Local)
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What chrono says of the same moment.
    fn by_chrono(date: (i32, u32, u32)) -> Option<i64> {
        NaiveDate::from_ymd_opt(date.0, date.1, date.2)?
            .and_hms_nano_opt(23, 59, 58, 123_456_789)?
            .and_utc()
            .timestamp_nanos_opt()
    }

    #[test]
    fn the_calendar_is_that_of_chrono() {
        for year in (1_670..2_270).chain([0, 1, 9_999, -5]) {
            for month in 0..=13 {
                for day in 0..=32 {
                    let date = (year, month, day);
                    let have = Instant::from_civil(date, (23, 59, 58), 123_456_789, 9);
                    assert_eq!(have.map(|instant| instant.ns), by_chrono(date), "{date:?}");
                }
            }
        }
        for time in [(24, 0, 0), (0, 60, 0), (0, 0, 61)] {
            assert_eq!(Instant::from_civil((2024, 1, 1), time, 0, 0), None);
        }
        let leap = Instant::from_civil((2016, 12, 31), (23, 59, 60), 0, 0);
        assert_eq!(
            leap.map(|instant| instant.to_string()).as_deref(),
            Some("2017-01-01T00:00:00Z")
        );
    }

    #[test]
    fn readings_without_a_year_are_known_by_their_year() {
        for (date, unknown) in [
            ((1971, 12, 31), false),
            ((1972, 1, 1), true),
            ((1972, 12, 31), true),
            ((1973, 1, 1), false),
        ] {
            let instant = Instant::from_civil(date, (0, 0, 0), 0, 0).expect("a day");
            assert_eq!(instant.in_year_unknown(), unknown, "{date:?}");
            assert_eq!(instant.year_month().0 == YEAR_UNKNOWN, unknown);
        }
    }
}
