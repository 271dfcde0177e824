//! What time it was, and what each clock said.
//!
//! The facts of a case are dated by one true clock, the cloud's ([`Instant`]). A guest sees only its own [`Clock`],
//! which may be ahead, drift, jump, or be set to a zone; every guest artifact is written through it. So the truth file
//! can state the offset that an analyzer has to find.

use chrono::{DateTime, FixedOffset, Utc};

/// A moment: nanoseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i64);

const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// .NET ticks (100 ns since the year 1) of 1970.
const TICKS_OF_1970: i64 = 621_355_968_000_000_000;

impl Instant {
    /// The moment of whole seconds since 1970.
    #[must_use]
    pub const fn of_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000 * NANOSECONDS_PER_MILLISECOND))
    }

    /// A day later or earlier.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY_SECONDS))
    }

    /// The moment at this time of day, counted from this moment.
    #[must_use]
    pub const fn at(self, hours: i64, minutes: i64, seconds: i64) -> Self {
        self.plus_seconds(hours * 3_600 + minutes * 60 + seconds)
    }

    /// Some seconds later or earlier.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_nanoseconds(seconds.saturating_mul(1_000 * NANOSECONDS_PER_MILLISECOND))
    }

    /// Some milliseconds later or earlier.
    #[must_use]
    pub const fn plus_ms(self, milliseconds: i64) -> Self {
        self.plus_nanoseconds(milliseconds.saturating_mul(NANOSECONDS_PER_MILLISECOND))
    }

    /// Some nanoseconds later or earlier.
    #[must_use]
    pub const fn plus_nanoseconds(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Milliseconds from `earlier` to this moment.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / NANOSECONDS_PER_MILLISECOND
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0.div_euclid(NANOSECONDS_PER_MILLISECOND)
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.ms().div_euclid(1_000)
    }

    /// .NET ticks: units of 100 ns since the year 1.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        TICKS_OF_1970.saturating_add(self.0.div_euclid(100))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// `2024-05-02T09:06:31`, by strftime.
    #[must_use]
    pub fn utc_text(self, format: &str) -> String {
        self.utc().format(format).to_string()
    }

    /// `2024-05-02T09:06:31Z`.
    #[must_use]
    pub fn rfc3339_seconds(self) -> String {
        self.utc_text("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2024-05-02T09:06:31.123456Z`: the Linux agent's form.
    #[must_use]
    pub fn rfc3339_micros(self) -> String {
        self.utc_text("%Y-%m-%dT%H:%M:%S%.6fZ")
    }

    /// `2024-05-02T09:06:31.1234567Z` with trailing zeros trimmed, as Azure Resource Manager prints it.
    #[must_use]
    pub fn rfc3339_ticks(self) -> String {
        let fraction = self.utc_text("%.9f");
        let digits = fraction.get(..8).unwrap_or_default();
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        self.utc_text("%Y-%m-%dT%H:%M:%S") + digits + "Z"
    }

    /// `2024-05-02T09:06:31.123Z`: the truth file's form.
    #[must_use]
    pub fn rfc3339_ms(self) -> String {
        self.utc_text("%Y-%m-%dT%H:%M:%S%.3fZ")
    }
}

/// A guest's clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Guest clock minus true time, in milliseconds, at [`Clock::origin`].
    pub skew_ms: i64,
    /// How much the skew grows in a day, in milliseconds.
    pub drift_ms_per_day: i64,
    /// When the skew is [`Clock::skew_ms`].
    pub origin: Instant,
    /// Jumps: from when on (true time), by how many milliseconds.
    pub steps: Vec<(Instant, i64)>,
    /// Minutes that the guest's local time is ahead of UTC.
    pub zone_minutes: i32,
}

impl Clock {
    /// What this clock shows, as UTC, at a true moment.
    #[must_use]
    pub fn reading(&self, at: Instant) -> Instant {
        let drift =
            self.drift_ms_per_day * at.ms_since(self.origin) / (DAY_SECONDS.saturating_mul(1_000));
        let stepped: i64 = self
            .steps
            .iter()
            .filter(|(from, _)| *from <= at)
            .map(|(_, by)| by)
            .sum();
        at.plus_ms(self.skew_ms + drift + stepped)
    }

    /// Guest clock minus true time, in milliseconds, at a true moment.
    #[must_use]
    pub fn skew_ms_at(&self, at: Instant) -> i64 {
        self.reading(at).ms_since(at)
    }

    fn local(&self, at: Instant) -> DateTime<FixedOffset> {
        let utc = self.reading(at).utc();
        match FixedOffset::east_opt(self.zone_minutes * 60) {
            Some(zone) => utc.with_timezone(&zone),
            None => utc.fixed_offset(),
        }
    }

    /// The guest's local time, by strftime.
    #[must_use]
    pub fn local_text(&self, at: Instant, format: &str) -> String {
        self.local(at).format(format).to_string()
    }

    /// `2024-05-02T11:06:31+02:00`, or `…Z` where the guest runs in UTC, as Go prints RFC 3339.
    #[must_use]
    pub fn go_rfc3339(&self, at: Instant) -> String {
        if self.zone_minutes == 0 {
            self.local_text(at, "%Y-%m-%dT%H:%M:%SZ")
        } else {
            self.local_text(at, "%Y-%m-%dT%H:%M:%S%:z")
        }
    }

    /// `May  2 11:06:31`: RFC 3164, local time, no year.
    #[must_use]
    pub fn rfc3164(&self, at: Instant) -> String {
        self.local_text(at, "%b %e %H:%M:%S")
    }

    /// `2024-05-02T11:06:31.123456+02:00`: rsyslog's high-precision form.
    #[must_use]
    pub fn rsyslog_iso(&self, at: Instant) -> String {
        self.local_text(at, "%Y-%m-%dT%H:%M:%S%.6f%:z")
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Instant};

    const NOON: Instant = Instant::of_seconds(1_714_348_800).at(12, 0, 0);

    #[test]
    fn a_moment_is_printed_in_each_form() {
        let moment = NOON.plus_nanoseconds(120_300_400);
        assert_eq!(moment.rfc3339_seconds(), "2024-04-29T12:00:00Z");
        assert_eq!(moment.rfc3339_micros(), "2024-04-29T12:00:00.120300Z");
        assert_eq!(moment.rfc3339_ticks(), "2024-04-29T12:00:00.1203004Z");
        assert_eq!(NOON.rfc3339_ticks(), "2024-04-29T12:00:00Z");
        assert_eq!(NOON.plus_ms(500).rfc3339_ticks(), "2024-04-29T12:00:00.5Z");
        assert_eq!(NOON.ticks(), 638_499_888_000_000_000);
    }

    #[test]
    fn a_clock_is_ahead_drifts_jumps_and_has_a_zone() {
        let clock = Clock {
            skew_ms: 300_000,
            drift_ms_per_day: 2_000,
            origin: NOON,
            steps: vec![(NOON.plus_days(2), -1_000)],
            zone_minutes: 120,
        };
        assert_eq!(clock.skew_ms_at(NOON), 300_000);
        assert_eq!(clock.skew_ms_at(NOON.plus_days(1)), 302_000);
        assert_eq!(clock.skew_ms_at(NOON.plus_days(2)), 303_000);
        assert_eq!(clock.go_rfc3339(NOON), "2024-04-29T14:05:00+02:00");
        assert_eq!(clock.rfc3164(NOON.plus_days(3)), "May  2 14:05:05");
        assert_eq!(clock.rsyslog_iso(NOON), "2024-04-29T14:05:00.000000+02:00");
    }
}
