//! One test of one field: what a detection item becomes.
//!
//! ```text
//! CommandLine|contains: 'whoami'   →  field CommandLine, Text(*whoami*)
//! DestinationIp|cidr: 10.0.0.0/8   →  field DestinationIp, Network(10.0.0.0/8)
//! ```
//!
//! A field may have several values (both spellings of a status, all lines of an audit event): one that passes is enough. A field without a value
//! fails every test but those for its absence.

use super::pattern::{Pattern, fold};
use crate::identity::AddressPrefix;
use crate::time::parse;
use chrono::{DateTime, Datelike, Timelike};
use regex::Regex;
use std::borrow::Cow;
use std::net::IpAddr;

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `lt`
    Less,
    /// `lte`
    AtMost,
    /// `gt`
    Greater,
    /// `gte`
    AtLeast,
    /// Equal.
    Equal,
}

impl Comparison {
    /// The comparison of a modifier or of a correlation's condition.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "lt" => Some(Self::Less),
            "lte" => Some(Self::AtMost),
            "gt" => Some(Self::Greater),
            "gte" => Some(Self::AtLeast),
            "eq" => Some(Self::Equal),
            _ => None,
        }
    }

    /// Whether `have` passes against `bound`.
    #[must_use]
    pub fn holds(self, have: f64, bound: f64) -> bool {
        match self {
            Self::Less => have < bound,
            Self::AtMost => have <= bound,
            Self::Greater => have > bound,
            Self::AtLeast => have >= bound,
            Self::Equal => (have - bound).abs() < f64::EPSILON,
        }
    }
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month.
    Day,
    /// Week of the year by ISO 8601.
    Week,
    /// 1 to 12.
    Month,
    /// The year.
    Year,
}

impl TimePart {
    /// The part that a modifier names.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "minute" => Some(Self::Minute),
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            _ => None,
        }
    }

    /// The part of a time as the record writes it.
    fn of(self, text: &str) -> Option<f64> {
        let time = DateTime::from_timestamp_nanos(parse::any(text.trim().as_bytes())?.instant.ns);
        let number = match self {
            Self::Minute => time.minute(),
            Self::Hour => time.hour(),
            Self::Day => time.day(),
            Self::Week => time.iso_week().week(),
            Self::Month => time.month(),
            Self::Year => return Some(f64::from(time.year())),
        };
        Some(f64::from(number))
    }
}

/// Where another field's value must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the value.
    Whole,
    /// The value begins with it.
    Start,
    /// The value ends with it.
    End,
    /// It is somewhere in the value.
    Inside,
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(AddressPrefix);

impl Network {
    /// Reads `10.0.0.0/8` or `fd00::/8`; an address alone is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.contains('/')
            .then(|| AddressPrefix::parse(text))
            .flatten()
            .map(Self)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        let address = text.trim().trim_matches(['[', ']']).parse::<IpAddr>();
        address.is_ok_and(|address| self.0.holds(address.to_canonical()))
    }
}

/// A test.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The text matches; `cased` where letter case counts.
    Text {
        /// Folded unless cased.
        pattern: Pattern,
        /// Whether letter case counts.
        cased: bool,
    },
    /// The expression matches somewhere.
    Expression(Box<Regex>),
    /// There is no value, or an empty one.
    Null,
    /// The field is there.
    Exists,
    /// The address is in the network.
    In(Network),
    /// The number passes.
    Number(Comparison, f64),
    /// A part of the time passes.
    Time(TimePart, Comparison, f64),
    /// Another field's value lies there; the number is that field's.
    Same {
        /// The other field.
        field: usize,
        /// Where.
        place: Place,
        /// Whether letter case counts.
        cased: bool,
    },
}

impl Matcher {
    /// Whether letter case counts, so that values which the case keeps folded do not do.
    #[must_use]
    pub fn minds_case(&self) -> bool {
        matches!(
            self,
            Self::Text { cased: true, .. } | Self::Expression(_) | Self::Same { cased: true, .. }
        )
    }

    /// Whether one of these values passes; `other` gives the values of another field.
    #[must_use]
    pub fn holds<'a>(
        &self,
        values: &[Cow<'a, str>],
        other: impl FnOnce(usize) -> Vec<Cow<'a, str>>,
    ) -> bool {
        let mut values_of = values.iter().map(AsRef::as_ref);
        match self {
            Self::Text {
                pattern,
                cased: true,
            } => values_of.any(|value| pattern.matches(value)),
            Self::Text {
                pattern,
                cased: false,
            } => values_of.any(|value| pattern.matches(&fold(value))),
            Self::Expression(expression) => values_of.any(|value| expression.is_match(value)),
            Self::Null => values_of.all(str::is_empty),
            Self::Exists => !values.is_empty(),
            Self::In(network) => values_of.any(|value| network.has(value)),
            Self::Number(comparison, bound) => values_of
                .any(|value| number(value).is_some_and(|have| comparison.holds(have, *bound))),
            Self::Time(part, comparison, bound) => values_of.any(|value| {
                part.of(value)
                    .is_some_and(|have| comparison.holds(have, *bound))
            }),
            Self::Same {
                field,
                place,
                cased,
            } => {
                let others = other(*field);
                let folded = |text: &str| -> String {
                    if *cased {
                        text.to_owned()
                    } else {
                        fold(text).into_owned()
                    }
                };
                values_of.any(|value| {
                    let value = folded(value);
                    others.iter().any(|other| {
                        let other = folded(other);
                        match place {
                            Place::Whole => value == other,
                            Place::Start => value.starts_with(&other),
                            Place::End => value.ends_with(&other),
                            Place::Inside => value.contains(&other),
                        }
                    })
                })
            }
        }
    }
}

/// A number as records write it, also `0x1f`.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        #[expect(clippy::cast_precision_loss, reason = "compared, not counted")]
        Some(hex) => u64::from_str_radix(hex, 16)
            .ok()
            .map(|number| number as f64),
        None => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_take_what_is_inside_and_nothing_of_the_other_kind() {
        let ten = Network::parse("10.0.0.0/8");
        let has = |network: Option<Network>, address: &str| {
            network.is_some_and(|network| network.has(address))
        };
        assert!(has(ten, "10.255.1.2") && has(ten, "::ffff:10.1.1.1"));
        assert!(!has(ten, "11.0.0.1") && !has(ten, "host") && !has(ten, "fd00::1"));
        assert!(has(Network::parse("fd00::/8"), "fdff::1"));
        assert!(!has(Network::parse("fd00::/8"), "fe00::1"));
        assert!(has(Network::parse("0.0.0.0/0"), "203.0.113.9"));
        assert!(!has(Network::parse("0.0.0.0/0"), "::1"));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "ten/8", "fd00::/129"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_read_as_records_write_them() {
        assert_eq!(number("0x1F"), Some(31.0));
        assert_eq!(number(" 12.5 "), Some(12.5));
        assert_eq!(number("inf"), None);
        assert_eq!(number("many"), None);
    }

    #[test]
    fn parts_of_a_time_are_those_of_the_record() {
        let at = "2024-05-03T23:59:01Z";
        for (part, have) in [
            (TimePart::Minute, 59.0),
            (TimePart::Hour, 23.0),
            (TimePart::Day, 3.0),
            (TimePart::Week, 18.0),
            (TimePart::Month, 5.0),
            (TimePart::Year, 2024.0),
        ] {
            assert_eq!(part.of(at), Some(have), "{part:?}");
        }
        assert_eq!(TimePart::Hour.of("yesterday"), None);
    }
}
