//! The settings as the page shows them.

use crate::settings::{PARAMETERS, Settings};
use serde::Serialize;
use serde_json::Value;

/// One parameter with its meaning, range, default and value in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownParameter {
    /// `room.name`.
    pub key: &'static str,
    /// Unit; `yes-no` for switches, `choice` for words.
    pub unit: &'static str,
    /// The words of a choice.
    pub choices: &'static [&'static str],
    /// Least value.
    pub least: i64,
    /// Greatest value.
    pub most: i64,
    /// Meaning.
    pub about: &'static str,
    /// Value in force.
    pub value: Value,
    /// Value where nobody set one.
    pub standard: Value,
}

/// All parameters, and the settings as one JSON object that a file may keep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownSettings {
    /// In the order of the table.
    pub parameters: Vec<ShownParameter>,
    /// The text of a settings file.
    pub json: String,
}

/// The settings in force.
#[must_use]
pub fn settings(settings: &Settings) -> ShownSettings {
    let (have, standard) = (settings.to_json(), Settings::default().to_json());
    let of = |tree: &Value, key: &str| {
        let (room, name) = key.split_once('.').unwrap_or(("", key));
        tree.get(room)
            .and_then(|room| room.get(name))
            .cloned()
            .unwrap_or(Value::Null)
    };
    let parameters = PARAMETERS
        .iter()
        .map(|parameter| ShownParameter {
            key: parameter.key,
            unit: parameter.unit,
            choices: parameter.choices,
            least: parameter.least,
            most: parameter.most,
            about: parameter.about,
            value: of(&have, parameter.key),
            standard: of(&standard, parameter.key),
        })
        .collect();
    ShownSettings {
        parameters,
        json: serde_json::to_string_pretty(&have).unwrap_or_default(),
    }
}
