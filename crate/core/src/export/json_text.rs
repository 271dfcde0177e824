//! JSON with its keys in order, whatever order they were put in.
//!
//! The case document must be the same bytes in every build; serde_json keeps keys sorted or as inserted depending on what else is built with it.

use serde_json::Value;

/// Writes a value, keys sorted, without blanks.
pub fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            out.push(b'{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                scalar(out, &Value::from(key.as_str()));
                out.push(b':');
                write(out, value);
            }
            out.push(b'}');
        }
        Value::Array(list) => {
            out.push(b'[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(out, value);
            }
            out.push(b']');
        }
        other => scalar(out, other),
    }
}

fn scalar(out: &mut Vec<u8>, value: &Value) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": 1, "a": null}], "a": "x\"y", "": 1.5});
        let mut out = Vec::new();
        write(&mut out, &value);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"":1.5,"a":"x\"y","b":[{"a":null,"z":1}]}"#
        );
    }
}
