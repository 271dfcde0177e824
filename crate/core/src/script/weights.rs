//! Weights of indicators that the analyst changed.
//!
//! `indicators.dl-sh-pipe` set to `2` weighs less, set to `off` is not looked for at all (detectors 32).
//!
//! Rejected: a changed copy of the built-in list. The next release's indicators would be missing from it.

use super::indicator::Indicator;
use std::collections::BTreeMap;

/// Changed weights by indicator id; `None` is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    changed: BTreeMap<String, Option<u8>>,
}

impl Weights {
    /// What an indicator weighs; `None` where it is off.
    #[must_use]
    pub fn of(&self, indicator: &Indicator) -> Option<u8> {
        let changed = self.changed.get(&indicator.id).copied();
        changed.unwrap_or(Some(indicator.weight))
    }

    /// Changes one: a number from 0 to 10, `off`, or nothing to take the change back. `false` where the text is none of them.
    pub fn set(&mut self, id: &str, text: &str) -> bool {
        let text = text.trim();
        let weight = match text {
            "" => {
                self.changed.remove(id);
                return true;
            }
            "off" => None,
            _ => match text.parse::<u8>() {
                Ok(weight) if weight <= 10 => Some(weight),
                _ => return false,
            },
        };
        self.changed.insert(id.to_owned(), weight);
        true
    }

    /// What was changed, by id.
    pub fn changed(&self) -> impl Iterator<Item = (&str, Option<u8>)> {
        let changed = self.changed.iter();
        changed.map(|(id, weight)| (id.as_str(), *weight))
    }
}
