use super::*;

fn frames(text: &[u8], limit: usize, step: usize) -> Vec<String> {
    framed(Json::new(limit, 8), text, step)
}

fn framed(mut framer: Json, text: &[u8], step: usize) -> Vec<String> {
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    let mut pieces = text.chunks(step.max(1)).peekable();
    loop {
        buffer.extend_from_slice(pieces.next().unwrap_or(&[]));
        let last = pieces.peek().is_none();
        let front = buffer.clone();
        let used = framer.frame(&front, last, &mut |found| {
            out.push(match found {
                Found::Lost(_) => "lost".to_owned(),
                Found::Stray(_) => "stray".to_owned(),
                Found::Unclosed => "unclosed".to_owned(),
                Found::Frame(Frame { defects, .. }) if defects.too_long => "long".to_owned(),
                Found::Frame(Frame {
                    range,
                    kind,
                    defects,
                }) => {
                    let mark = if defects.truncated { "cut " } else { "" };
                    let mark2 = if defects.malformed { "bad " } else { "" };
                    let mark3 = if defects.too_deep { "deep " } else { "" };
                    let mark4 = if defects.trailing_comma { "comma " } else { "" };
                    let kind = if kind == UnitKind::Record {
                        String::new()
                    } else {
                        format!("{kind:?} ")
                    };
                    format!(
                        "{kind}{mark}{mark2}{mark3}{mark4}{}",
                        String::from_utf8_lossy(&front[range]).trim_end()
                    )
                }
            });
        });
        buffer.drain(..used);
        if last {
            return out;
        }
    }
}

fn check(text: &str, limit: usize, expected: &[&str]) {
    for step in 1..=text.len() + 1 {
        assert_eq!(
            frames(text.as_bytes(), limit, step),
            expected,
            "{text} by {step}"
        );
    }
}

#[test]
fn wrappers_are_walked_into() {
    check(
        r#"[{"a":1}, {"b":[2]}]"#,
        99,
        &[r#"{"a":1}"#, r#"{"b":[2]}"#],
    );
    check(
        r#"{"nextLink":"{[","value":[{"a":1},{"b":2}],"x":{"value":[{}]}}"#,
        99,
        &[r#"{"a":1}"#, r#"{"b":2}"#],
    );
    check(
        r#"{"records":[{"records":[{"a":1}]},{"b":1}]}"#,
        99,
        &[r#"{"a":1}"#, r#"{"b":1}"#],
    );
    check(
        r#"{"took":1,"hits":{"total":2,"hits":[{"_source":{"a":1}}]}}"#,
        99,
        &[r#"{"_source":{"a":1}}"#],
    );
    check(
        r#"{"tables":[{"name":"P","columns":[{"name":"T"}],"rows":[["x",1],["y",2]]}]}"#,
        99,
        &[
            r#"Columns [{"name":"T"}]"#,
            r#"Row ["x",1]"#,
            r#"Row ["y",2]"#,
        ],
    );
    check(
        r#"{"value":["a"],"b":1}"#,
        99,
        &[r#"{"value":["a"],"b":1}"#],
    );
    check(r#"{"value":[]}"#, 99, &[]);
}

#[test]
fn lines_and_concatenations() {
    check(
        "{\"a\":1}\r\n{\"b\":\"}\\\"{\"}\r\n\0\0",
        99,
        &[r#"{"a":1}"#, r#"{"b":"}\"{"}"#],
    );
    check(
        "{\n \"a\": {\n }\n}{\"b\":2}",
        99,
        &["{\n \"a\": {\n }\n}", r#"{"b":2}"#],
    );
    check(
        "[1] PS> az x\n[{\"a\":1,}]\nbye {\"c\":1}",
        99,
        &["stray", r#"comma {"a":1,}"#, "stray", r#"{"c":1}"#],
    );
}

#[test]
fn a_broken_record_costs_only_itself() {
    check(
        "{\"a\":\"x\n{\"b\":2}\n",
        99,
        &[r#"bad {"a":"x"#, r#"{"b":2}"#],
    );
    check(
        "{\"a\":{\"x\":1\n{\"b\":2}\n",
        99,
        &[r#"bad {"a":{"x":1"#, r#"{"b":2}"#],
    );
    check(
        "[{\"a\":1,\n{\"b\":2}]",
        99,
        &[r#"bad {"a":1,"#, r#"{"b":2}"#],
    );
    check("[{\"a\":1},{\"b\":", 99, &[r#"{"a":1}"#, r#"cut {"b":"#]);
    check("[{\"a\":1},", 99, &[r#"{"a":1}"#, "unclosed"]);
}

#[test]
fn limits_hold() {
    check(
        r#"[{"a":"0123456789012345678901234567890"},{"b":1}]"#,
        20,
        &["long", r#"{"b":1}"#],
    );
    check(
        r#"[{"a":[[[[[[[[[]]]]]]]]]},{"b":1}]"#,
        99,
        &[r#"deep {"a":[[[[[[[[[]]]]]]]]]}"#, r#"{"b":1}"#],
    );
}

/// Exports of every shape, whole.
const EXPORTS: [&str; 9] = [
    "{\"a\":1,\"identity\":{\"claims\":{\"x\":\"}\\\"{\"},\"e\":[]}}\n{\"b\":[{\"c\":2},[3]]}\r\n",
    "[\n  {\n    \"a\": {\n      \"b\": \"c\"\n    },\n    \"l\": [\n      {\n        \"m\": 1\n      }\n    ]\n  },\n  {\n    \"d\": 1\n  }\n]\n",
    r#"{"nextLink":"{[","value":[{"a":1},{"b":"\\"}],"x":{"value":[{}]}}"#,
    r#"{"records":[{"records":[{"a":1}]},{"b":1}]}"#,
    r#"{"took":1,"hits":{"total":2,"hits":[{"_source":{"a":1}}]}}"#,
    r#"{"tables":[{"name":"P","columns":[{"name":"T"}],"rows":[["x",1],["y",{"z":2}]]}]}"#,
    r#"{"columns":[{"name":"T"}],"rows":[["x",1]]}{"long key before":[1],"value":["a"],"b":{}}"#,
    r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}{"c":1,}{"d":[1,]}"#,
    "[12:30] text\n{\"a\":\"x\n{\"b\":2}\nbye {\"c\":[}]}",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(3_000))]

    /// However an export is damaged and cut, looking ahead finds what looking at every byte finds.
    #[test]
    fn looking_ahead_changes_nothing(
        which in 0..EXPORTS.len(),
        damage in proptest::collection::vec((0_usize..400, 0_usize..16, 0_u8..3), 0..6),
        step in 1_usize..500,
        limit in 10_usize..600,
    ) {
        const LETTERS: &[u8; 16] = b"\"\\{}[],: \na1\t\xC3vr";
        let mut text = EXPORTS[which].repeat(2).into_bytes();
        for (at, letter, how) in damage {
            let at = at % text.len();
            match how {
                0 => text[at] = LETTERS[letter],
                1 => text.insert(at, LETTERS[letter]),
                _ if text.len() > 1 => {
                    text.remove(at);
                }
                _ => {}
            }
        }
        let shown = String::from_utf8_lossy(&text).into_owned();
        let slow = framed(Json::new(limit, 8).byte_by_byte(), &text, step);
        proptest::prop_assert_eq!(framed(Json::new(limit, 8), &text, step), slow, "{} by {}", shown, step);
    }
}
