//! Every spelling of a time met in evidence, as byte grammars that never allocate.
//!
//! Each function takes bytes that *begin* with a time and says how many it used, or (the short
//! names) takes bytes that are a time and nothing else.
//!
//! Rejected: format strings tried one after another. A wrong guess between day and month is silent;
//! these grammars cannot confuse spellings because each has its own separators.

use super::{Instant, NS_PER_SECOND, Stamp, TimeBasis, YEAR_UNKNOWN};

/// (year, month, day) and (hour, minute, second) as written.
type Moment = ((u32, u32, u32), (u32, u32, u32));

/// A small reader over the bytes of one time.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn take_any(&mut self, wanted: &[u8]) -> Option<u8> {
        let have = self.peek()?;
        wanted.contains(&have).then(|| {
            self.at += 1;
            have
        })
    }

    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let mut value: u32 = 0;
        let mut count = 0;
        while count < most {
            match self.peek() {
                Some(digit @ b'0'..=b'9') => {
                    value = value
                        .checked_mul(10)?
                        .checked_add(u32::from(digit - b'0'))?;
                    count += 1;
                    self.at += 1;
                }
                _ => break,
            }
        }
        (count >= least).then_some(value)
    }

    /// An optional `.fraction` (or `,fraction`): nanoseconds and digits, those past nine dropped.
    fn fraction(&mut self) -> (u32, u8) {
        let before = self.at;
        if self.take_any(b".,").is_none() {
            return (0, 0);
        }
        let mut nanos: u32 = 0;
        let mut digits: u8 = 0;
        let mut seen = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            seen += 1;
            if digits < 9 {
                nanos = nanos * 10 + u32::from(digit - b'0');
                digits += 1;
            }
        }
        if seen == 0 {
            self.at = before;
            return (0, 0);
        }
        (nanos * 10_u32.pow(u32::from(9 - digits)), digits)
    }

    /// `Z`, `±HH:MM`, `±HHMM`, `±HH`: seconds east and the basis. Nothing there is `AssumedUtc`.
    fn zone(&mut self) -> Option<(i64, TimeBasis)> {
        match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                Some((0, TimeBasis::Utc))
            }
            Some(sign @ (b'+' | b'-')) => {
                self.at += 1;
                let hours = self.number(2, 2)?;
                let _ = self.take(b':');
                let minutes = self.number(2, 2).unwrap_or(0);
                if hours > 18 || minutes > 59 {
                    return None;
                }
                let east = i64::from(hours) * 3600 + i64::from(minutes) * 60;
                Some((if sign == b'-' { -east } else { east }, TimeBasis::Offset))
            }
            _ => Some((0, TimeBasis::AssumedUtc)),
        }
    }

    /// `2024-05-01T08:00`, with seconds or without.
    fn date_and_clock(&mut self) -> Option<Moment> {
        let year = self.number(4, 4)?;
        self.take(b'-')?;
        let month = self.number(2, 2)?;
        self.take(b'-')?;
        let day = self.number(2, 2)?;
        self.take_any(b"Tt ")?;
        let hour = self.number(2, 2)?;
        self.take(b':')?;
        let minute = self.number(2, 2)?;
        let second = if self.take(b':').is_some() {
            self.number(2, 2)?
        } else {
            0
        };
        Some(((year, month, day), (hour, minute, second)))
    }

    fn clock(&mut self) -> Option<(u32, u32, u32)> {
        let hour = self.number(1, 2)?;
        self.take(b':')?;
        let minute = self.number(2, 2)?;
        self.take(b':')?;
        let second = self.number(2, 2)?;
        Some((hour, minute, second))
    }
}

fn stamp(instant: Instant, east_seconds: i64, basis: TimeBasis) -> Stamp {
    Stamp {
        instant: instant.shifted(-east_seconds * NS_PER_SECOND),
        basis,
    }
}

/// Bytes of `2024-05-01T08:00:00`.
const TO_THE_SECOND: usize = 19;

/// `2024-05-01T08:00:00` at places that do not move; `None` for any other beginning.
#[inline]
fn to_the_second(bytes: &[u8]) -> Option<Moment> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = *bytes.first_chunk::<TO_THE_SECOND>()?
    else {
        return None;
    };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let two = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let date = (two(y1, y2) * 100 + two(y3, y4), two(m1, m2), two(d1, d2));
    Some((date, (two(h1, h2), two(n1, n2), two(s1, s2))))
}

/// `2024-05-01T08:00:00.123Z`, also with a blank for the `T`, with `,` before the fraction, with an
/// offset, or without a zone (then [`TimeBasis::AssumedUtc`]). Seconds may be missing.
#[must_use]
pub fn iso_prefix(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let ((year, month, day), (hour, minute, second)) = match to_the_second(bytes) {
        Some(moment) => {
            cursor.at = TO_THE_SECOND;
            moment
        }
        None => cursor.date_and_clock()?,
    };
    let (nanos, digits) = cursor.fraction();
    let before_blank = cursor.at;
    // Python and SQL tools write a blank before the offset.
    if cursor.take(b' ').is_some() && !matches!(cursor.peek(), Some(b'+' | b'-')) {
        cursor.at = before_blank;
    }
    let zone_at = cursor;
    let (east, basis) = match cursor.zone() {
        Some(zone) => zone,
        None => {
            cursor = zone_at;
            cursor.at = before_blank;
            (0, TimeBasis::AssumedUtc)
        }
    };
    let instant = Instant::from_civil(
        (i32::try_from(year).ok()?, month, day),
        (hour, minute, second),
        nanos,
        digits,
    )?;
    Some((stamp(instant, east, basis), cursor.at))
}

/// A whole field in the spelling of [`iso_prefix`].
#[must_use]
pub fn iso(bytes: &[u8]) -> Option<Stamp> {
    let bytes = bytes.trim_ascii();
    let (stamp, used) = iso_prefix(bytes)?;
    let rest = bytes.get(used..)?.trim_ascii();
    match rest {
        b"" => Some(stamp),
        b"UTC" | b"GMT" => Some(stamp.with_basis(TimeBasis::Utc)),
        _ => None,
    }
}

/// `2019/04/12 06:17:29.427583`: the guest agent's local clock before 2.2.46 (linux-artifacts 1.2).
#[must_use]
pub fn slash_prefix(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let year = cursor.number(4, 4)?;
    cursor.take(b'/')?;
    let month = cursor.number(2, 2)?;
    cursor.take(b'/')?;
    let day = cursor.number(2, 2)?;
    cursor.take(b' ')?;
    let clock = cursor.clock()?;
    let (nanos, digits) = cursor.fraction();
    let instant = Instant::from_civil(
        (i32::try_from(year).ok()?, month, day),
        clock,
        nanos,
        digits,
    )?;
    Some((
        Stamp {
            instant,
            basis: TimeBasis::Local,
        },
        cursor.at,
    ))
}

/// Which number comes first in a date such as `4/28/2021`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// `4/28/2021`, as United States locales and most Azure exports write it.
    MonthDay,
    /// `28/4/2021`.
    DayMonth,
}

/// `4/28/2021, 2:32:14.029 PM`, `1/9/2007 10:41:00 AM +01:00`, `28.04.2021 14:32:14`; `/`, `.` or `-`
/// between the numbers, 12 or 24 hours, optional offset. Without one it is [`TimeBasis::AssumedUtc`].
#[must_use]
pub fn numeric(bytes: &[u8], order: DateOrder) -> Option<Stamp> {
    let bytes = bytes.trim_ascii();
    let mut cursor = Cursor::new(bytes);
    let first = cursor.number(1, 2)?;
    let separator = cursor.take_any(b"/.-")?;
    let second = cursor.number(1, 2)?;
    cursor.take(separator)?;
    let year = cursor.number(4, 4)?;
    let (month, day) = if order == DateOrder::MonthDay {
        (first, second)
    } else {
        (second, first)
    };
    let _ = cursor.take(b',');
    cursor.take(b' ')?;
    let (hour, minute, second) = cursor.clock()?;
    let (nanos, digits) = cursor.fraction();
    let mut hour = hour;
    let mut rest = bytes.get(cursor.at..)?.trim_ascii_start();
    // Windows and browsers may put a narrow no-break space (E2 80 AF) before AM.
    rest = rest.strip_prefix(b"\xE2\x80\xAF").unwrap_or(rest);
    if let Some(half) = rest
        .get(..2)
        .filter(|half| half.eq_ignore_ascii_case(b"AM") || half.eq_ignore_ascii_case(b"PM"))
    {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12
            + if half.eq_ignore_ascii_case(b"PM") {
                12
            } else {
                0
            };
        rest = rest.get(2..)?.trim_ascii_start();
    }
    let (east, basis, used) = match rest {
        b"UTC" | b"GMT" => (0, TimeBasis::Utc, rest.len()),
        _ => {
            let mut zone = Cursor::new(rest);
            let (east, basis) = zone.zone()?;
            (east, basis, zone.at)
        }
    };
    if used != rest.len() {
        return None;
    }
    let instant = Instant::from_civil(
        (i32::try_from(year).ok()?, month, day),
        (hour, minute, second),
        nanos,
        digits,
    )?;
    Some(stamp(instant, east, basis))
}

/// What a date's own numbers say of their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateLook {
    /// No `1/2/2024` at all, or both orders mean the same day.
    Plain,
    /// Either order gives a day.
    Ambiguous,
    /// Only this order gives a day.
    Proves(DateOrder),
}

/// Whether the order of day and month follows from the numbers themselves.
#[must_use]
pub fn date_look(bytes: &[u8]) -> DateLook {
    let look = || {
        let mut cursor = Cursor::new(bytes.trim_ascii());
        let first = cursor.number(1, 2)?;
        let separator = cursor.take_any(b"/.-")?;
        let second = cursor.number(1, 2)?;
        cursor.take(separator)?;
        cursor.number(4, 4)?;
        Some((first, second))
    };
    match look() {
        Some((first, second)) if first > 12 && second <= 12 => {
            DateLook::Proves(DateOrder::DayMonth)
        }
        Some((first, second)) if second > 12 && first <= 12 => {
            DateLook::Proves(DateOrder::MonthDay)
        }
        Some((first, second)) if first != second && first <= 12 => DateLook::Ambiguous,
        _ => DateLook::Plain,
    }
}

fn month_name(cursor: &mut Cursor<'_>) -> Option<u32> {
    let name = cursor.bytes.get(cursor.at..cursor.at + 3)?;
    let number = match name {
        [b'J' | b'j', b'a' | b'A', b'n' | b'N'] => 1,
        [b'F' | b'f', b'e' | b'E', b'b' | b'B'] => 2,
        [b'M' | b'm', b'a' | b'A', b'r' | b'R'] => 3,
        [b'A' | b'a', b'p' | b'P', b'r' | b'R'] => 4,
        [b'M' | b'm', b'a' | b'A', b'y' | b'Y'] => 5,
        [b'J' | b'j', b'u' | b'U', b'n' | b'N'] => 6,
        [b'J' | b'j', b'u' | b'U', b'l' | b'L'] => 7,
        [b'A' | b'a', b'u' | b'U', b'g' | b'G'] => 8,
        [b'S' | b's', b'e' | b'E', b'p' | b'P'] => 9,
        [b'O' | b'o', b'c' | b'C', b't' | b'T'] => 10,
        [b'N' | b'n', b'o' | b'O', b'v' | b'V'] => 11,
        [b'D' | b'd', b'e' | b'E', b'c' | b'C'] => 12,
        _ => return None,
    };
    cursor.at += 3;
    Some(number)
}

/// `Oct  8 17:10:35`: RFC 3164, neither year nor zone. The instant carries [`YEAR_UNKNOWN`].
#[must_use]
pub fn rfc3164_prefix(bytes: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor::new(bytes);
    let month = month_name(&mut cursor)?;
    cursor.take(b' ')?;
    let _ = cursor.take(b' ');
    let day = cursor.number(1, 2)?;
    cursor.take(b' ')?;
    let clock = cursor.clock()?;
    let (nanos, digits) = cursor.fraction();
    let instant = Instant::from_civil((YEAR_UNKNOWN, month, day), clock, nanos, digits)?;
    Some((
        Stamp {
            instant,
            basis: TimeBasis::YearInferred,
        },
        cursor.at,
    ))
}

/// `Nov 2, 2020 @ 08:51:36.997`: Kibana's table and CSV, in the browser's zone.
#[must_use]
pub fn kibana(bytes: &[u8]) -> Option<Stamp> {
    let bytes = bytes.trim_ascii();
    let mut cursor = Cursor::new(bytes);
    let month = month_name(&mut cursor)?;
    cursor.take(b' ')?;
    let day = cursor.number(1, 2)?;
    cursor.take(b',')?;
    cursor.take(b' ')?;
    let year = cursor.number(4, 4)?;
    cursor.take(b' ')?;
    cursor.take(b'@')?;
    cursor.take(b' ')?;
    let clock = cursor.clock()?;
    let (nanos, digits) = cursor.fraction();
    if cursor.at != bytes.len() {
        return None;
    }
    let instant = Instant::from_civil(
        (i32::try_from(year).ok()?, month, day),
        clock,
        nanos,
        digits,
    )?;
    Some(Stamp {
        instant,
        basis: TimeBasis::Local,
    })
}

/// A signed decimal number and nothing else.
#[must_use]
pub fn integer(bytes: &[u8]) -> Option<i64> {
    let bytes = bytes.trim_ascii();
    let (negative, digits) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value: i64 = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

/// Seconds since 1970, with an optional fraction (`1551487424.869`).
#[must_use]
pub fn epoch_seconds(bytes: &[u8]) -> Option<Stamp> {
    let dot = bytes
        .iter()
        .position(|byte| *byte == b'.')
        .unwrap_or(bytes.len());
    let seconds = integer(bytes.get(..dot)?)?;
    let mut cursor = Cursor { bytes, at: dot };
    let (nanos, digits) = cursor.fraction();
    if cursor.at != bytes.len() {
        return None;
    }
    let instant = Instant::from_epoch(seconds, NS_PER_SECOND, digits)?;
    Some(Stamp::utc(instant.shifted(i64::from(nanos))))
}

/// A count since 1970 whose unit follows from its length: 10 digits seconds, 13 milliseconds,
/// 16 microseconds, 19 nanoseconds.
#[must_use]
pub fn epoch_by_length(bytes: &[u8]) -> Option<Stamp> {
    let bytes = bytes.trim_ascii();
    let count = integer(bytes)?;
    let (unit_ns, digits) = match bytes.len() {
        9..=11 => (NS_PER_SECOND, 0),
        12..=14 => (1_000_000, 3),
        15..=17 => (1_000, 6),
        18..=19 => (1, 9),
        _ => return None,
    };
    Some(Stamp::utc(Instant::from_epoch(count, unit_ns, digits)?))
}

/// `/Date(1656511738285)/` of Windows PowerShell's ConvertTo-Json: milliseconds since 1970 UTC. An
/// offset after the number says only how it was shown.
#[must_use]
pub fn powershell_date(bytes: &[u8]) -> Option<Stamp> {
    let inner = bytes
        .trim_ascii()
        .strip_prefix(b"/Date(")?
        .strip_suffix(b")/")?;
    let end = inner
        .iter()
        .enumerate()
        .position(|(at, byte)| at > 0 && matches!(byte, b'+' | b'-'))
        .unwrap_or(inner.len());
    let count = integer(inner.get(..end)?)?;
    Some(Stamp::utc(Instant::from_epoch(count, 1_000_000, 3)?))
}

/// Any spelling that an export of cloud records uses, tried by its look. Numbers alone are refused:
/// their unit depends on the field.
#[must_use]
pub fn any(bytes: &[u8]) -> Option<Stamp> {
    any_in_order(bytes, DateOrder::MonthDay)
}

/// As [`any`], with the order of day and month that the item's other rows prove.
#[must_use]
pub fn any_in_order(bytes: &[u8], order: DateOrder) -> Option<Stamp> {
    let bytes = bytes.trim_ascii();
    iso(bytes)
        .or_else(|| numeric(bytes, order))
        .or_else(|| powershell_date(bytes))
        .or_else(|| kibana(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stamp: Option<Stamp>) -> String {
        stamp.map_or("none".to_owned(), |stamp| {
            format!("{} {}", stamp.instant, stamp.basis.word())
        })
    }

    #[test]
    fn iso_keeps_the_digits_of_the_source() {
        assert_eq!(
            shown(iso(b"2025-06-11T15:54:32.0652116Z")),
            "2025-06-11T15:54:32.0652116Z utc"
        );
        assert_eq!(
            shown(iso(b"2025-06-11T15:54:32Z")),
            "2025-06-11T15:54:32Z utc"
        );
        assert_eq!(
            shown(iso(b"2025-06-11T15:54:32.500+02:00")),
            "2025-06-11T13:54:32.500Z offset"
        );
        assert_eq!(
            shown(iso(b"2025-06-11 15:54:32")),
            "2025-06-11T15:54:32Z assumed-utc"
        );
        assert_eq!(
            shown(iso(b"2024-09-30T04:34:03+0000")),
            "2024-09-30T04:34:03Z offset"
        );
        assert_eq!(shown(iso(b"2025-02-30T00:00:00Z")), "none");
        assert_eq!(shown(iso(b"2025-06-11T25:00:00Z")), "none");
        assert_eq!(shown(iso(b"2025-06-11T15:54:32Z tail")), "none");
    }

    #[test]
    fn places_that_do_not_move_say_what_the_grammar_says() {
        let whole = b"2024-05-01T08:59:07.5Z";
        for at in 0..whole.len() {
            for letter in *b"0129T t-:.Zx/" {
                let mut text = *whole;
                text[at] = letter;
                if let Some(moment) = to_the_second(&text) {
                    let by_grammar = Cursor::new(&text).date_and_clock();
                    assert_eq!(Some(moment), by_grammar, "{}", text.escape_ascii());
                }
            }
        }
        assert!(to_the_second(whole).is_some() && to_the_second(b"2024-05-01T08:59").is_none());
    }

    #[test]
    fn eleven_spellings_of_one_instant() {
        for text in [
            "2007-01-09T09:41:00Z",
            "2007-01-09T09:41:00+00:00",
            "2007-01-09T10:41:00+01:00",
            "2007-01-09T09:41:00",
            "1/9/2007 9:41:00 AM",
            "1/9/2007 9:41:00 AM +00:00",
            "1/9/2007 10:41:00 AM +01:00",
        ] {
            let have = any(text.as_bytes()).map(|stamp| stamp.instant.to_string());
            assert_eq!(have.as_deref(), Some("2007-01-09T09:41:00Z"), "{text}");
        }
    }

    #[test]
    fn other_spellings() {
        assert_eq!(
            shown(numeric(b"4/28/2021, 2:32:14.029 PM", DateOrder::MonthDay)),
            "2021-04-28T14:32:14.029Z assumed-utc"
        );
        assert_eq!(
            shown(numeric(b"28/04/2021 14:32:14", DateOrder::DayMonth)),
            "2021-04-28T14:32:14Z assumed-utc"
        );
        assert_eq!(
            shown(numeric(b"28/04/2021 14:32:14", DateOrder::MonthDay)),
            "none"
        );
        assert_eq!(
            shown(numeric(b"4/28/2021, 0:32:14 PM", DateOrder::MonthDay)),
            "none"
        );
        assert_eq!(
            shown(slash_prefix(b"2019/04/12 06:17:29.427583 INFO").map(|s| s.0)),
            "2019-04-12T06:17:29.427583Z local"
        );
        assert_eq!(
            shown(rfc3164_prefix(b"Oct  8 17:10:35 host").map(|s| s.0)),
            "1972-10-08T17:10:35Z year-inferred"
        );
        assert_eq!(
            shown(powershell_date(b"/Date(1656511738285)/")),
            "2022-06-29T14:08:58.285Z utc"
        );
        assert_eq!(
            shown(powershell_date(b"/Date(1656511738285+0200)/")),
            "2022-06-29T14:08:58.285Z utc"
        );
        assert_eq!(
            shown(kibana(b"Nov 2, 2020 @ 08:51:36.997")),
            "2020-11-02T08:51:36.997Z local"
        );
        assert_eq!(
            shown(epoch_seconds(b"1551487424.869")),
            "2019-03-02T00:43:44.869Z utc"
        );
        assert_eq!(
            shown(epoch_by_length(b"1786653168597")),
            "2026-08-13T20:32:48.597Z utc"
        );
        let ticks = Instant::from_ticks(638_693_753_947_160_515).map(|instant| instant.to_string());
        assert_eq!(ticks.as_deref(), Some("2024-12-09T21:09:54.7160515Z"));
    }
}
