//! What Windows PowerShell makes of objects when nobody asked it for depth.
//!
//! `ConvertTo-Json` without `-Depth` turns nested objects into text: `@{value=Succeeded; localizedValue=Succeeded}`, or only their type's name. `Format-List` writes
//! `Name : value` lines and wraps long values. Both can be read back in part (activity-log-formats 2 b, d).
//!
//! Rejected: refusing such files. What they keep is often all there is.

use super::cloud::Text;
use crate::json::{Kind, Value};
use std::borrow::Cow;

/// Whether a text is a flattened object or only a type's name.
#[must_use]
pub fn is_flattened(text: &str) -> bool {
    text.starts_with("@{") || text.starts_with("System.") || text.starts_with("Microsoft.Azure.")
}

/// Name and value of a flattened object: `@{a=b; c=d}`.
#[must_use]
pub fn flattened(text: &str) -> Vec<(&str, &str)> {
    let Some(inner) = text.trim().strip_prefix("@{") else {
        return Vec::new();
    };
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let mut pairs = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut previous = '\0';
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && previous == ';' => {
                pairs.push(inner.get(start..at - 1).unwrap_or(""));
                start = at + 1;
            }
            _ => {}
        }
        previous = letter;
    }
    pairs.push(inner.get(start..).unwrap_or(""));
    pairs
        .into_iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect()
}

/// A part of an object, or of a flattened one, letter case aside.
#[must_use]
pub fn part<'a>(value: Value<'a>, name: &str) -> Text<'a> {
    if value.is_object() {
        return value.get_folded(name).word();
    }
    if value.kind() != Kind::String {
        return None;
    }
    let text = value.text()?;
    let found = flattened(&text)
        .into_iter()
        .find(|(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned());
    found.filter(|value| !value.is_empty()).map(Cow::Owned)
}

/// The id of a localizable text: an object's `value`, a flattened one's, or plain text.
#[must_use]
pub fn localizable<'a>(value: Value<'a>) -> Text<'a> {
    if value.is_object() {
        return value.get_folded("value").word();
    }
    let text = value.word()?;
    if text.starts_with("@{") {
        part(value, "value")
    } else if is_flattened(&text) && !text.contains('/') {
        None
    } else {
        Some(text)
    }
}

/// Name and value of every entry of an object or a flattened one.
#[must_use]
pub fn pairs<'a>(value: Value<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    if value.is_object() {
        let entries = value.entries();
        return entries
            .filter_map(|(key, value)| Some((key.text(), value.word()?)))
            .collect();
    }
    let text = value.text().unwrap_or_default();
    let owned = |text: &str| Cow::Owned(text.to_owned());
    flattened(&text)
        .into_iter()
        .map(|(name, value)| (owned(name), owned(value)))
        .collect()
}

/// `Name : value` lines of a list; nested names come as `Outer.Name`, wrapped values are joined.
#[must_use]
pub fn list(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut outer = String::new();
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']);
        let split = line
            .split_once(':')
            .filter(|(name, rest)| {
                !name.trim().is_empty()
                    && !name.trim().contains(' ')
                    && (rest.is_empty() || rest.starts_with(' '))
            })
            .map(|(name, value)| (name.trim(), value.trim()));
        match split {
            Some((name, value)) if !indented => {
                name.clone_into(&mut outer);
                pairs.push((name.to_owned(), value.to_owned()));
            }
            // Only under a name without a value of its own: else it is the rest of a wrapped value.
            Some((name, value))
                if pairs
                    .iter()
                    .rev()
                    .find(|pair| pair.0 == outer)
                    .is_some_and(|pair| pair.1.is_empty()) =>
            {
                pairs.push((format!("{outer}.{name}"), value.to_owned()));
            }
            _ => {
                if let Some(last) = pairs.last_mut() {
                    last.1.push_str(line.trim());
                }
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_objects_are_read_back() {
        assert_eq!(
            flattened(
                "@{value=Succeeded; localizedValue=Succeeded (HTTP; 200); inner=@{a=1; b=2}}"
            ),
            [
                ("value", "Succeeded"),
                ("localizedValue", "Succeeded (HTTP"),
                ("inner", "@{a=1; b=2}")
            ]
        );
        let value = Value::new(br#""@{value=Succeeded; localizedValue=OK}""#);
        assert_eq!(localizable(value).as_deref(), Some("Succeeded"));
        assert_eq!(localizable(Value::new(br#""System.Object""#)), None);
        assert_eq!(
            localizable(Value::new(br#"{"Value":"A","LocalizedValue":"B"}"#)).as_deref(),
            Some("A")
        );
    }

    #[test]
    fn lists_nest_and_wrap() {
        let text = "Authorization   : \n                  Scope  : /subscriptions/s\n                  Action : a/b\nCaller          : alex@contoso.example\nId              : /subscriptions/s/events/e\n                  vent/ticks/1\nStatus          : Started";
        let have = list(text);
        let get = |name: &str| {
            have.iter()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.as_str())
        };
        assert_eq!(get("Authorization.Scope"), Some("/subscriptions/s"));
        assert_eq!(get("Caller"), Some("alex@contoso.example"));
        assert_eq!(get("Id"), Some("/subscriptions/s/events/event/ticks/1"));
        assert_eq!(get("Status"), Some("Started"));
    }
}
