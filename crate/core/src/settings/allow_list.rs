//! What the analyst expects: entries that suppress findings, and say why, by whom and until when.
//!
//! ```json
//! { "caller": "patching@contoso.example", "vm": "web01", "reason": "monthly patching, CHG-1042", "author": "a.berg", "expires": "2024-12-31T00:00:00Z" }
//! ```
//!
//! All parts of an entry's scope must fit a finding: caller, address or prefix, VM, host, detector, script fingerprint, and the time between `from` and `to`. A
//! finding is suppressed only if it lies wholly inside that time and before the entry expires: an entry never covers what happened after it
//! ran out, whenever the case is looked at. A suppressed finding stays in the case and names its entry; it belongs to no incident and raises nothing.
//!
//! Rejected: an expiry by today's date. The same evidence would give another document tomorrow.

use crate::identity::AddressPrefix;
use crate::time::{Instant, parse};
use serde_json::{Map, Value};

/// Entries of one list.
pub const MOST_ENTRIES: usize = 1_000;
/// Bytes of one text of an entry.
pub const MOST_TEXT_BYTES: usize = 2_000;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowEntry {
    /// Caller, by any of the names of one principal.
    pub caller: Option<String>,
    /// Address or prefix.
    pub address: Option<AddressPrefix>,
    /// VM by name or resource id, folded.
    pub vm: Option<String>,
    /// Guest.
    pub host: Option<String>,
    /// Detector id.
    pub detector: Option<String>,
    /// SHA-256 of the script's normalised text, or of its bytes.
    pub script: Option<String>,
    /// Begin of the time.
    pub from: Option<Instant>,
    /// End of the time.
    pub to: Option<Instant>,
    /// Why this is expected.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// Until when it holds.
    pub expires: Option<Instant>,
}

/// The parts by name, in the order of the document.
const PARTS: [&str; 11] = [
    "caller", "address", "vm", "host", "detector", "script", "from", "to", "reason", "author",
    "expires",
];

fn time(name: &str, text: &str) -> Result<Instant, String> {
    let stamp = parse::iso(text.as_bytes());
    stamp
        .map(|stamp| stamp.instant)
        .ok_or_else(|| format!("{name} is a time such as 2024-05-01T00:00:00Z; {text:?} is none"))
}

impl AllowEntry {
    /// From a JSON object. `knows_detector` says whether a detector of that id exists.
    ///
    /// # Errors
    /// A sentence for the analyst.
    pub fn parse(json: &Value, knows_detector: impl Fn(&str) -> bool) -> Result<Self, String> {
        let object = json.as_object().ok_or_else(|| {
            "an object with a scope, a reason and an author is expected".to_owned()
        })?;
        if let Some(name) = object.keys().find(|name| !PARTS.contains(&name.as_str())) {
            return Err(format!(
                "{name:?} is no part of an entry; those are {}",
                PARTS.join(", ")
            ));
        }
        let text = |name: &str| -> Result<Option<String>, String> {
            match object.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) if text.len() > MOST_TEXT_BYTES => {
                    Err(format!("{name} is longer than {MOST_TEXT_BYTES} bytes"))
                }
                Some(Value::String(text)) => {
                    let text = text.trim();
                    Ok((!text.is_empty()).then(|| text.to_owned()))
                }
                Some(_) => Err(format!("{name} is text")),
            }
        };
        let instant = |name: &str| text(name)?.map(|text| time(name, &text)).transpose();
        let address = text("address")?
            .map(|text| {
                AddressPrefix::parse(&text).ok_or_else(|| {
                    format!(
                        "address is an address or a prefix such as 203.0.113.0/24; {text:?} is none"
                    )
                })
            })
            .transpose()?;
        let entry = Self {
            caller: text("caller")?,
            address,
            vm: text("vm")?,
            host: text("host")?,
            detector: text("detector")?,
            script: text("script")?.map(|hash| hash.to_ascii_lowercase()),
            from: instant("from")?,
            to: instant("to")?,
            reason: text("reason")?.ok_or("an entry wants a reason")?,
            author: text("author")?.ok_or("an entry wants an author")?,
            expires: instant("expires")?,
        };
        if let Some(id) = entry.detector.as_deref().filter(|id| !knows_detector(id)) {
            return Err(format!("there is no detector {id}"));
        }
        if let Some(hash) = entry.script.as_deref() {
            let is_sha256 = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_sha256 {
                return Err(format!(
                    "script is a SHA-256 of 64 digits; {hash:?} is none"
                ));
            }
        }
        if let (Some(from), Some(to)) = (entry.from, entry.to)
            && from.ns > to.ns
        {
            return Err("from lies after to".to_owned());
        }
        if !entry.has_scope() {
            return Err(
                "an entry without caller, address, vm, host, detector, script, from or to would suppress everything".to_owned(),
            );
        }
        Ok(entry)
    }

    fn has_scope(&self) -> bool {
        let texts = [
            &self.caller,
            &self.vm,
            &self.host,
            &self.detector,
            &self.script,
        ];
        texts.iter().any(|part| part.is_some())
            || self.address.is_some()
            || self.from.is_some()
            || self.to.is_some()
    }

    /// As JSON: only the parts it has.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let time = |time: Option<Instant>| time.map(|time| time.to_string());
        let parts: [(&str, Option<String>); 11] = [
            ("caller", self.caller.clone()),
            ("address", self.address.map(|prefix| prefix.to_string())),
            ("vm", self.vm.clone()),
            ("host", self.host.clone()),
            ("detector", self.detector.clone()),
            ("script", self.script.clone()),
            ("from", time(self.from)),
            ("to", time(self.to)),
            ("reason", Some(self.reason.clone())),
            ("author", Some(self.author.clone())),
            ("expires", time(self.expires)),
        ];
        let had = parts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
        Value::Object(had.collect::<Map<String, Value>>())
    }
}

/// Entries from JSON: an object is added to those there are, an array takes their place.
///
/// # Errors
/// A sentence that names the entry. Nothing changes then.
pub fn set(
    entries: &mut Vec<AllowEntry>,
    json: &Value,
    knows_detector: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let mut new = if json.is_array() {
        Vec::new()
    } else {
        entries.clone()
    };
    let given = match json {
        Value::Array(given) => given.as_slice(),
        one => std::slice::from_ref(one),
    };
    for one in given {
        let number = new.len() + 1;
        let entry = AllowEntry::parse(one, &knows_detector)
            .map_err(|why| format!("allow-list entry {number}: {why}"))?;
        if new.len() >= MOST_ENTRIES {
            return Err(format!(
                "the allow-list holds at most {MOST_ENTRIES} entries"
            ));
        }
        new.push(entry);
    }
    *entries = new;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(json: Value) -> String {
        set(&mut Vec::new(), &json, |id| id == "decode").expect_err("refused")
    }

    #[test]
    fn entries_survive_a_round_trip() {
        let whole = json!({
            "caller": "a@b.example", "address": "203.0.113.0/24", "vm": "web01", "host": "web01", "detector": "decode",
            "script": "d5b511e3d94a069687092369166eae96bf83c5fe3f6c41522008f8dc68a89a80",
            "from": "2024-05-01T00:00:00Z", "to": "2024-06-01T00:00:00.5Z", "reason": "patching", "author": "a.berg", "expires": "2024-12-31T00:00:00Z",
        });
        let mut entries = Vec::new();
        set(&mut entries, &whole, |_| true).expect("an entry");
        assert_eq!(entries[0].to_json(), whole);
        // An object is added, an array takes their place.
        set(&mut entries, &whole, |_| true).expect("another");
        assert_eq!(entries.len(), 2);
        set(&mut entries, &json!([]), |_| true).expect("none");
        assert!(entries.is_empty());
    }

    #[test]
    fn what_is_malformed_is_refused_with_a_sentence() {
        for (json, why) in [
            (
                json!(7),
                "allow-list entry 1: an object with a scope, a reason and an author is expected",
            ),
            (
                json!({ "vm": "web01", "author": "a" }),
                "allow-list entry 1: an entry wants a reason",
            ),
            (
                json!({ "vm": "web01", "reason": "r", "author": " " }),
                "allow-list entry 1: an entry wants an author",
            ),
            (
                json!({ "reason": "r", "author": "a" }),
                "allow-list entry 1: an entry without caller, address, vm, host, detector, script, from or to would suppress everything",
            ),
            (
                json!({ "detector": "decoy", "reason": "r", "author": "a" }),
                "allow-list entry 1: there is no detector decoy",
            ),
            (
                json!({ "script": "abc", "reason": "r", "author": "a" }),
                "allow-list entry 1: script is a SHA-256 of 64 digits; \"abc\" is none",
            ),
            (
                json!({ "vm": 3, "reason": "r", "author": "a" }),
                "allow-list entry 1: vm is text",
            ),
            (
                json!({ "vm": "v", "reason": "r", "author": "a", "expires": "soon" }),
                "allow-list entry 1: expires is a time such as 2024-05-01T00:00:00Z; \"soon\" is none",
            ),
            (
                json!({ "from": "2024-05-02T00:00:00Z", "to": "2024-05-01T00:00:00Z", "reason": "r", "author": "a" }),
                "allow-list entry 1: from lies after to",
            ),
        ] {
            assert_eq!(refused(json), why);
        }
        assert!(
            refused(json!({ "who": "x", "reason": "r", "author": "a" }))
                .starts_with("allow-list entry 1: \"who\" is no part")
        );
        assert!(
            refused(json!({ "address": "203.0.113.0/33", "reason": "r", "author": "a" }))
                .contains("is an address or a prefix")
        );
        let good = json!({ "vm": "v", "reason": "r", "author": "a" });
        assert!(refused(json!([good, {}])).starts_with("allow-list entry 2: "));
    }
}
