//! Every parameter in force, in one typed tree.
//!
//! A parameter has its default in [`Settings::default`], and its key, unit, range and meaning in one line of
//! [`PARAMETERS`]; the command line (`--set key=value`), the case document and the manual are drawn from that
//! line. A value outside its range is refused with a sentence, never clamped (detectors 0.8).
//!
//! ```
//! use runlens_core::settings::Settings;
//! let mut settings = Settings::default();
//! assert!(settings.set("vm-extension-write.window_days", "14").is_ok());
//! let refused = settings.set("vm-extension-write.window_days", "0").unwrap_err();
//! assert_eq!(refused.to_string(), "vm-extension-write.window_days is 1 to 90 days; 0 is outside");
//! ```
//!
//! Rejected: serde defaults on a struct per room. The range and the meaning would live elsewhere and drift.

pub mod allow_list;
pub mod control_plane;
pub mod endpoint;
pub mod guest;
pub mod identity;
mod parameters;

use crate::limits::Limits;
use crate::reconstruct::links::overrides::LinkOverrides;
use crate::script::ScriptSettings;
use crate::sigma::rule::DETECTOR_PREFIX;
use crate::time::zone::{NotAZone, Zone};
use allow_list::AllowEntry;
use control_plane::ControlPlane;
use endpoint::EndpointSide;
use guest::GuestSide;
use identity::IdentitySettings;
pub use parameters::{PARAMETERS, Parameter};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Years that evidence may be said to be of.
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// All parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// Limits that protect the analyst's machine.
    pub limits: Limits,
    /// Detector 1.
    pub run_command_invocation: RunCommandInvocation,
    /// Detector 3.
    pub vm_extension_write: VmExtensionWrite,
    /// Detector 6.
    pub sensitive_operation: SensitiveOperation,
    /// Decoding and scoring of scripts.
    pub script: ScriptSettings,
    /// Zones that the analyst gave for items with local times, by path.
    pub zones: BTreeMap<String, Zone>,
    /// Years that the analyst gave for the last record of items whose source gives none, by path.
    pub years: BTreeMap<String, i32>,
    /// What the analyst says of links between operations and runs.
    pub links: LinkOverrides,
    /// Which operation is which execution (detectors 34).
    pub cloud_guest_link: CloudGuestLink,
    /// Offset between guest and cloud clocks (detectors 35).
    pub skew_estimate: SkewEstimate,
    /// Detectors 2, 4, 5, 7 to 9, 11, 13 to 15.
    pub control_plane: ControlPlane,
    /// Detectors 10, 12.
    pub identity: IdentitySettings,
    /// What the analyst expects.
    pub allow_list: Vec<AllowEntry>,
    /// Detectors 22, 27 to 29.
    pub guest: GuestSide,
    /// Detectors 16 to 21.
    pub endpoint: EndpointSide,
}

/// Parameters of `run-command-invocation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCommandInvocation {
    /// Report attempts (pending and failed operations) too.
    pub include_attempts: bool,
    /// Report scale-set instances too.
    pub include_vmss: bool,
}

impl Default for RunCommandInvocation {
    fn default() -> Self {
        Self {
            include_attempts: true,
            include_vmss: true,
        }
    }
}

/// Parameters of `vm-extension-write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmExtensionWrite {
    /// How far back an earlier write of the same extension on the same VM is looked for.
    pub window_days: i64,
}

impl Default for VmExtensionWrite {
    fn default() -> Self {
        Self { window_days: 7 }
    }
}

/// Parameters of `sensitive-operation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensitiveOperation {
    /// How near a Run Command of the same principal raises the severity.
    pub near_hours: i64,
}

impl Default for SensitiveOperation {
    fn default() -> Self {
        Self { near_hours: 24 }
    }
}

/// Parameters of `cloud-guest-link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudGuestLink {
    /// How far outside its operation an execution may start.
    pub window_seconds: i64,
    /// Pairs below this score are not linked.
    pub least_score: i64,
}

impl Default for CloudGuestLink {
    fn default() -> Self {
        Self {
            window_seconds: 120,
            least_score: 40,
        }
    }
}

/// Parameters of `skew-estimate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkewEstimate {
    /// The greatest offset that pairs are looked for at.
    pub window_seconds: i64,
    /// Pairs for confidence medium; twice as many make it high.
    pub least_pairs: i64,
    /// How long an execution usually takes to start.
    pub start_latency_seconds: i64,
}

impl Default for SkewEstimate {
    fn default() -> Self {
        Self {
            window_seconds: 7_200,
            least_pairs: 3,
            start_latency_seconds: 3,
        }
    }
}

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No parameter has this key.
    UnknownKey {
        /// The key given.
        key: String,
    },
    /// Not a value of the parameter's kind.
    NotAValue {
        /// The key given.
        key: &'static str,
        /// Its unit.
        unit: &'static str,
        /// The text given.
        have: String,
    },
    /// Outside the parameter's range.
    NotAZone(NotAZone),
    /// Not a year that evidence could be of.
    NotAYear {
        /// The text given.
        have: String,
    },
    /// No entry of the allow-list.
    NotAllowed {
        /// Why, with the entry's number.
        what: String,
    },
    /// No weight of an indicator.
    NotAWeight {
        /// The indicator.
        id: String,
        /// The text given.
        have: String,
    },
    /// Not something that can be said of links.
    NotALink {
        /// Why.
        what: String,
    },
    /// Not a settings file.
    NotSettings {
        /// Why.
        what: String,
    },
    /// Outside its range.
    OutOfRange {
        /// The key given.
        key: &'static str,
        /// Its unit.
        unit: &'static str,
        /// Smallest value.
        least: i64,
        /// Largest value.
        most: i64,
        /// The value given.
        have: i64,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key } => write!(f, "there is no setting {key}"),
            Self::NotAValue {
                key,
                unit: "yes-no",
                have,
            } => write!(f, "{key} is yes or no; {have:?} is neither"),
            Self::NotAValue {
                key,
                unit: "choice",
                have,
            } => {
                let words = PARAMETERS.iter().find(|parameter| parameter.key == *key);
                let words = words.map_or_else(String::new, |known| known.choices.join(", "));
                write!(f, "{key} is one of {words}; {have:?} is none of them")
            }
            Self::NotAValue { key, unit, have } => {
                write!(f, "{key} is a number of {unit}; {have:?} is none")
            }
            Self::NotAZone(refused) => refused.fmt(f),
            Self::NotAYear { have } => write!(
                f,
                "{have:?} is no year; give one from {} to {}",
                YEARS.start(),
                YEARS.end()
            ),
            Self::NotAllowed { what } => f.write_str(what),
            Self::NotAWeight { id, have } => write!(
                f,
                "indicators.{id} is a weight from 0 to 10 or off; {have:?} is neither"
            ),
            Self::NotALink { what } => f.write_str(what),
            Self::NotSettings { what } => write!(f, "this is no settings file: {what}"),
            Self::OutOfRange {
                key,
                unit,
                least,
                most,
                have,
            } => write!(f, "{key} is {least} to {most} {unit}; {have} is outside"),
        }
    }
}

impl std::error::Error for Refused {}

impl Settings {
    /// Sets one parameter from text.
    ///
    /// # Errors
    /// [`Refused`] with a sentence for the analyst.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Refused> {
        if let Some(path) = key.strip_prefix("zones.") {
            return self.set_zone(path, value);
        }
        if let Some(path) = key.strip_prefix("years.") {
            return self.set_year(path, value);
        }
        if key == "allow-list" {
            let json = serde_json::from_str(value).map_err(|error| Refused::NotAllowed {
                what: format!("the allow-list is JSON: {error}"),
            })?;
            return self.set_allow_list(&json);
        }
        if let Some(id) = key.strip_prefix("indicators.") {
            let taken = self.script.weights.set(id, value);
            return taken.then_some(()).ok_or_else(|| Refused::NotAWeight {
                id: id.to_owned(),
                have: value.to_owned(),
            });
        }
        if let Some(part) = key.strip_prefix("links.") {
            let set = self.links.set(part, value);
            return set.map_err(|what| Refused::NotALink { what });
        }
        let parameter = PARAMETERS.iter().find(|parameter| parameter.key == key);
        let Some(parameter) = parameter else {
            return Err(Refused::UnknownKey {
                key: key.to_owned(),
            });
        };
        let (key, unit, least, most) = (
            parameter.key,
            parameter.unit,
            parameter.least,
            parameter.most,
        );
        let value = value.trim();
        let number = match (unit, value) {
            ("yes-no", "yes" | "true" | "1") => Some(1),
            ("yes-no", "no" | "false" | "0") => Some(0),
            ("yes-no", _) => None,
            ("choice", _) => {
                let place = parameter.choices.iter().position(|word| *word == value);
                place.and_then(|place| i64::try_from(place).ok())
            }
            _ => value.parse().ok(),
        };
        let Some(number) = number else {
            return Err(Refused::NotAValue {
                key,
                unit,
                have: value.to_owned(),
            });
        };
        if number < least || number > most {
            return Err(Refused::OutOfRange {
                key,
                unit,
                least,
                most,
                have: number,
            });
        }
        (parameter.set)(self, number);
        Ok(())
    }

    /// Sets the parameters of a JSON object as [`Settings::to_json`] makes it.
    ///
    /// # Errors
    /// The first one refused.
    pub fn set_all(&mut self, json: &Value) -> Result<(), Refused> {
        for (room, parameters) in json.as_object().into_iter().flatten() {
            if room == "allow-list" {
                self.set_allow_list(parameters)?;
                continue;
            }
            // What the lists of a case were is told there; a settings file does not hold them.
            if room == "lists" {
                continue;
            }
            for (name, value) in parameters.as_object().into_iter().flatten() {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.set(&format!("{room}.{name}"), &text)?;
            }
        }
        Ok(())
    }

    /// The tree for the case document: `{"room": {"name": value}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut tree: Map<String, Value> = Map::new();
        for parameter in PARAMETERS {
            let (room, name) = parameter.key.split_once('.').unwrap_or(("", parameter.key));
            let number = (parameter.get)(self);
            let value = if parameter.unit == "yes-no" {
                Value::Bool(number != 0)
            } else if let Some(word) = usize::try_from(number)
                .ok()
                .and_then(|place| parameter.choices.get(place))
            {
                Value::from(*word)
            } else {
                Value::from(number)
            };
            if let Value::Object(room) = tree
                .entry(room.to_owned())
                .or_insert_with(|| Value::Object(Map::new()))
            {
                room.insert(name.to_owned(), value);
            }
        }
        if !self.allow_list.is_empty() {
            let entries = self.allow_list.iter().map(AllowEntry::to_json);
            tree.insert("allow-list".to_owned(), Value::Array(entries.collect()));
        }
        let weights = self.script.weights.changed();
        let weights: Map<String, Value> = weights
            .map(|(id, weight)| {
                (
                    id.to_owned(),
                    weight.map_or_else(|| Value::from("off"), Value::from),
                )
            })
            .collect();
        if !weights.is_empty() {
            tree.insert("indicators".to_owned(), Value::Object(weights));
        }
        if !self.zones.is_empty() {
            let zones = self.zones.iter();
            let zones = zones.map(|(path, zone)| (path.clone(), Value::from(zone.to_string())));
            tree.insert("zones".to_owned(), Value::Object(zones.collect()));
        }
        if !self.years.is_empty() {
            let years = self.years.iter();
            let years = years.map(|(path, year)| (path.clone(), Value::from(*year)));
            tree.insert("years".to_owned(), Value::Object(years.collect()));
        }
        if !self.links.is_empty() {
            tree.insert("links".to_owned(), self.links.to_json());
        }
        Value::Object(tree)
    }

    /// As [`Settings::set_all`], from the text of a settings file.
    ///
    /// # Errors
    /// [`Refused`] where the text is no JSON object, or holds what no setting takes.
    pub fn set_json(&mut self, text: &str) -> Result<(), Refused> {
        let json: Value = serde_json::from_str(text).map_err(|error| Refused::NotSettings {
            what: error.to_string(),
        })?;
        if !json.is_object() {
            return Err(Refused::NotSettings {
                what: "an object of rooms is expected".to_owned(),
            });
        }
        self.set_all(&json)
    }

    /// Adds an entry to the allow-list (an object), or replaces it (an array).
    ///
    /// # Errors
    /// [`Refused::NotAllowed`] with a sentence that names the entry.
    pub fn set_allow_list(&mut self, json: &Value) -> Result<(), Refused> {
        // Rules come with the evidence, settings before it: which rules there are is not known yet.
        let known = |id: &str| {
            id.len() > DETECTOR_PREFIX.len() && id.starts_with(DETECTOR_PREFIX)
                || crate::detect::TABLE.iter().any(|one| one.id == id)
        };
        allow_list::set(&mut self.allow_list, json, known)
            .map_err(|what| Refused::NotAllowed { what })
    }

    /// Gives the local times of the item at this path a zone; an empty one takes it back.
    ///
    /// # Errors
    /// [`Refused::NotAZone`] where the text is none.
    pub fn set_zone(&mut self, path: &str, zone: &str) -> Result<(), Refused> {
        if zone.trim().is_empty() {
            self.zones.remove(path);
            return Ok(());
        }
        let zone = zone.parse().map_err(Refused::NotAZone)?;
        self.zones.insert(path.to_owned(), zone);
        Ok(())
    }

    /// Says in which year the last record of the item at this path was written; an empty text takes it back.
    ///
    /// # Errors
    /// [`Refused::NotAYear`] where the text is none.
    pub fn set_year(&mut self, path: &str, year: &str) -> Result<(), Refused> {
        let given = year.trim();
        if given.is_empty() {
            self.years.remove(path);
            return Ok(());
        }
        let refused = || Refused::NotAYear {
            have: given.to_owned(),
        };
        let year: i32 = given.parse().map_err(|_| refused())?;
        if !YEARS.contains(&year) {
            return Err(refused());
        }
        self.years.insert(path.to_owned(), year);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_inside_its_range_and_survives_a_round_trip() {
        let settings = Settings::default();
        for parameter in PARAMETERS {
            let value = (parameter.get)(&settings);
            assert!(
                (parameter.least..=parameter.most).contains(&value),
                "{}",
                parameter.key
            );
            for bound in [parameter.least, parameter.most] {
                let mut changed = Settings::default();
                (parameter.set)(&mut changed, bound);
                assert_eq!((parameter.get)(&changed), bound, "{}", parameter.key);
            }
        }
        let mut again = Settings::default();
        assert_eq!(again.set_all(&settings.to_json()), Ok(()));
        assert_eq!(again, settings);
    }

    #[test]
    fn refusals_are_sentences() {
        let mut settings = Settings::default();
        let say = |settings: &mut Settings, key, value| {
            settings
                .set(key, value)
                .map_err(|refused| refused.to_string())
        };
        assert_eq!(
            say(&mut settings, "limits.nothing", "1"),
            Err("there is no setting limits.nothing".to_owned())
        );
        assert_eq!(
            say(&mut settings, "limits.json_depth", "many"),
            Err("limits.json_depth is a number of levels; \"many\" is none".to_owned())
        );
        assert_eq!(
            say(&mut settings, "run-command-invocation.include_vmss", "2"),
            Err("run-command-invocation.include_vmss is yes or no; \"2\" is neither".to_owned())
        );
        assert_eq!(
            say(&mut settings, "run-command-spike.group", "vm"),
            Err("run-command-spike.group is one of principal, principal+ip, principal+vm; \"vm\" is none of them".to_owned())
        );
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn keys_are_unique_and_in_order() {
        let keys: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.key).collect();
        assert!(keys.is_sorted_by(|one, other| one < other), "{keys:?}");
    }
}
