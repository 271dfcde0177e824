//! A zone that the analyst gives for local times: a fixed offset, or a place with its summer times.
//!
//! ```
//! use runlens_core::time::zone::Zone;
//! let berlin: Zone = "Europe/Berlin".parse().unwrap();
//! // 2024-05-01 10:00 local is 08:00 UTC.
//! assert_eq!(berlin.east_seconds(1_714_557_600).seconds, 7200);
//! assert!("Mars/Olympus".parse::<Zone>().is_err());
//! ```
//!
//! Where clocks went back an hour occurs twice: the first of the two is taken, and how many readings that concerns is said. Where clocks went forward an
//! hour does not exist: such a reading is taken by the offset before.
//!
//! Rejected: the browser's own table of zones. Two analysts with two browsers would see two times.

use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use std::fmt;
use std::str::FromStr;

/// A zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// So many seconds east of UTC, always.
    Fixed(i64),
    /// A place of the IANA table.
    Place(Tz),
}

/// Not a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAZone {
    /// What was given.
    pub have: String,
}

impl fmt::Display for NotAZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no zone; give an offset such as UTC+05:30, or a place such as Europe/Berlin",
            self.have
        )
    }
}

impl std::error::Error for NotAZone {}

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(text: &str) -> Result<Self, NotAZone> {
        let refused = || NotAZone {
            have: text.to_owned(),
        };
        let trimmed = text.trim();
        let bare = trimmed
            .strip_prefix("UTC")
            .or_else(|| trimmed.strip_prefix("GMT"))
            .unwrap_or(trimmed);
        if bare.is_empty() || bare == "Z" {
            return if trimmed.is_empty() {
                Err(refused())
            } else {
                Ok(Self::Fixed(0))
            };
        }
        if let Some(sign) = bare
            .chars()
            .next()
            .filter(|sign| matches!(sign, '+' | '-' | '−'))
        {
            let rest = bare.get(sign.len_utf8()..).unwrap_or("");
            let (hours, minutes) = match rest.split_once(':') {
                Some(parts) => parts,
                None if rest.len() == 4 => rest.split_at(2),
                None => (rest, "0"),
            };
            let hours: i64 = hours.parse().map_err(|_| refused())?;
            let minutes: i64 = minutes.parse().map_err(|_| refused())?;
            if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
                return Err(refused());
            }
            let seconds = hours * 3600 + minutes * 60;
            return Ok(Self::Fixed(if sign == '+' { seconds } else { -seconds }));
        }
        let place = chrono_tz::TZ_VARIANTS
            .iter()
            .find(|place| place.name().eq_ignore_ascii_case(trimmed));
        place.map(|place| Self::Place(*place)).ok_or_else(refused)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(seconds) => write!(
                f,
                "UTC{}{:02}:{:02}",
                if *seconds < 0 { '-' } else { '+' },
                seconds.abs() / 3600,
                seconds.abs() / 60 % 60
            ),
            Self::Place(place) => f.write_str(place.name()),
        }
    }
}

/// The offset of a local reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct East {
    /// Seconds east of UTC.
    pub seconds: i64,
    /// The reading occurs twice, or not at all.
    pub doubtful: bool,
}

impl Zone {
    /// The offset at a moment, in seconds east of UTC.
    #[must_use]
    pub fn east_at(self, utc_seconds: i64) -> i64 {
        let place = match self {
            Self::Fixed(seconds) => return seconds,
            Self::Place(place) => place,
        };
        let moment = chrono::DateTime::from_timestamp(utc_seconds, 0);
        moment.map_or(0, |moment| {
            let offset = place.offset_from_utc_datetime(&moment.naive_utc());
            i64::from(offset.fix().local_minus_utc())
        })
    }

    /// Every change of the offset between two moments: from when on, and how many seconds east. The first entry holds from the first moment.
    #[must_use]
    pub fn changes(self, from_utc_seconds: i64, to_utc_seconds: i64) -> Vec<(i64, i64)> {
        /// No place changed its clocks twice within so little.
        const STEP_SECONDS: i64 = 10 * 86_400;
        /// Beyond these moments nothing is asked of the table.
        const FIRST: i64 = 0;
        const LAST: i64 = 4_133_980_800;
        let (from, to) = (
            from_utc_seconds.clamp(FIRST, LAST),
            to_utc_seconds.clamp(FIRST, LAST),
        );
        let mut changes = vec![(from, self.east_at(from))];
        if matches!(self, Self::Fixed(_)) {
            return changes;
        }
        let mut at = from;
        while at < to {
            let next = (at + STEP_SECONDS).min(to);
            let (before, after) = (self.east_at(at), self.east_at(next));
            if before != after {
                let (mut low, mut high) = (at, next);
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if self.east_at(middle) == before {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                changes.push((high, after));
            }
            at = next;
        }
        changes
    }

    /// The offset of a reading given as seconds of its wall clock since 1970.
    #[must_use]
    pub fn east_seconds(self, local_seconds: i64) -> East {
        let place = match self {
            Self::Fixed(seconds) => {
                return East {
                    seconds,
                    doubtful: false,
                };
            }
            Self::Place(place) => place,
        };
        let wall = |seconds: i64| -> Option<NaiveDateTime> {
            chrono::DateTime::from_timestamp(seconds, 0).map(|moment| moment.naive_utc())
        };
        let at = |seconds: i64| wall(seconds).map(|wall| place.offset_from_local_datetime(&wall));
        let east = |offset: &<Tz as TimeZone>::Offset| i64::from(offset.fix().local_minus_utc());
        match at(local_seconds) {
            Some(MappedLocalTime::Single(offset)) => East {
                seconds: east(&offset),
                doubtful: false,
            },
            Some(MappedLocalTime::Ambiguous(first, _)) => East {
                seconds: east(&first),
                doubtful: true,
            },
            // Inside the skipped hour: the offset that held before it.
            Some(MappedLocalTime::None) => match at(local_seconds - 7200) {
                Some(MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _)) => {
                    East {
                        seconds: east(&offset),
                        doubtful: true,
                    }
                }
                _ => East {
                    seconds: 0,
                    doubtful: true,
                },
            },
            None => East {
                seconds: 0,
                doubtful: true,
            },
        }
    }

    /// Names of all places, for the analyst to choose from.
    #[must_use]
    pub fn places() -> Vec<&'static str> {
        chrono_tz::TZ_VARIANTS
            .iter()
            .map(|place| place.name())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_the_clocks_is_told() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        // 2024: to summer time on 31 March, back on 27 October, both at 01:00 UTC.
        let changes = berlin.changes(1_704_067_200, 1_735_689_600);
        assert_eq!(
            changes,
            [
                (1_704_067_200, 3600),
                (1_711_846_800, 7200),
                (1_729_990_800, 3600)
            ]
        );
        for (at, east) in changes {
            assert_eq!(berlin.east_at(at), east);
        }
        let fixed: Zone = "UTC+05:30".parse().unwrap();
        assert_eq!(fixed.changes(0, i64::MAX), [(0, 19_800)]);
        // Anything asked ends soon.
        assert!(berlin.changes(i64::MIN, i64::MAX).len() < 500);
    }

    #[test]
    fn offsets_and_places() {
        for (text, want) in [
            ("UTC", "UTC+00:00"),
            ("UTC+5", "UTC+05:00"),
            ("+0530", "UTC+05:30"),
            ("gmt", "-"),
            ("UTC-03:30", "UTC-03:30"),
            ("europe/berlin", "Europe/Berlin"),
            ("", "-"),
            ("+25", "-"),
            ("UTC+1:99", "-"),
        ] {
            let have = text
                .parse::<Zone>()
                .map_or_else(|_| "-".to_owned(), |zone| zone.to_string());
            let want = if text == "gmt" {
                have.clone()
            } else {
                want.to_owned()
            };
            assert_eq!(have, want, "{text}");
        }
    }

    #[test]
    fn summer_time_steps_and_their_doubtful_hours() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let at = |text: &str| {
            let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
            let east = berlin.east_seconds(wall.and_utc().timestamp());
            (east.seconds / 3600, east.doubtful)
        };
        assert_eq!(at("2024-03-31 01:59:59"), (1, false));
        assert_eq!(at("2024-03-31 02:30:00"), (1, true));
        assert_eq!(at("2024-03-31 03:00:00"), (2, false));
        assert_eq!(at("2024-10-27 02:30:00"), (2, true));
        assert_eq!(at("2024-10-27 03:00:00"), (1, false));
    }
}
