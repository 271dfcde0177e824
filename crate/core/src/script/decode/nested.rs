//! T9: literals handed to an interpreter.

use super::{Candidate, Platform, Transform};
use crate::expression::Expression;

static CALL: Expression = Expression::new(
    r#"(?i)(?:\b(?P<shell>(?:ba|da|z|k|a)?sh)\s+(?:-[a-z]+\s+)*-c|\b(?P<ps>powershell|pwsh)(?:\.exe)?\b[^|;&\r\n]{0,200}?\s-c(?:ommand)?|\b(?P<eval>eval)|\b(?P<iex>iex|invoke-expression)|\b(?P<cmd>cmd(?:\.exe)?)\s+/[ck])\s*\(?\s*(?:'(?P<a>[^'\r\n]{2,})'|"(?P<b>[^"\r\n]{2,})")"#,
);

static HERE_DOCUMENT: Expression = Expression::new(
    r#"(?m)^[^\n#]*\b(?P<who>(?:ba|da|z|k|a)?sh|python[0-9.]*|perl|ruby)\b[^\n|<]*<<-?\s*['"]?(?P<tag>[A-Za-z_][A-Za-z0-9_]*)['"]?[^\n]*\n"#,
);

/// Whether a call can stand right before a literal, its bracket and blanks between: most quotes are around something else.
fn may_call(text: &str) -> bool {
    const ENDS: [&[u8; 2]; 7] = [b"-c", b"nd", b"al", b"ex", b"on", b"/c", b"/k"];
    let bytes = text.as_bytes();
    // Beyond ASCII there are other blanks, and letters that fold to these.
    !text.is_ascii()
        || memchr::memchr2_iter(b'\'', b'"', bytes).any(|at| {
            let head = bytes.get(..at).unwrap_or_default();
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0x0B | b'(');
            let end = head.iter().rposition(|byte| !blank(byte));
            let word = end.and_then(|end| head.get(end.checked_sub(1)?..=end));
            word.is_some_and(|word| ENDS.iter().any(|end| word.eq_ignore_ascii_case(*end)))
        })
}

/// Every literal that an interpreter gets.
#[must_use]
pub fn commands(text: &str, platform: Platform) -> Vec<Candidate> {
    let mut out = Vec::new();
    for found in CALL
        .over_if(may_call(text), text)
        .into_iter()
        .flat_map(|regex| regex.captures_iter(text))
    {
        let Some(literal) = found.name("a").or(found.name("b")) else {
            continue;
        };
        let language = if found.name("ps").is_some() || found.name("iex").is_some() {
            Platform::PowerShell
        } else if found.name("cmd").is_some() {
            Platform::Cmd
        } else if found.name("shell").is_some() || platform == Platform::Shell {
            Platform::Shell
        } else {
            Platform::Unknown
        };
        out.push(Candidate {
            range: literal.range(),
            transform: Transform::NestedCommand,
            bytes: literal.as_str().as_bytes().to_vec(),
            executed: true,
            platform: Some(language),
        });
    }
    for found in HERE_DOCUMENT
        .over_if(text.contains("<<"), text)
        .into_iter()
        .flat_map(|regex| regex.captures_iter(text))
    {
        let (Some(whole), Some(tag), Some(who)) =
            (found.get(0), found.name("tag"), found.name("who"))
        else {
            continue;
        };
        let body = text.get(whole.end()..).unwrap_or("");
        let mut length = 0;
        let mut closed = false;
        for line in body.split_inclusive('\n') {
            if line.trim() == tag.as_str() {
                closed = true;
                break;
            }
            length += line.len();
        }
        if closed && length > 0 {
            out.push(Candidate {
                range: whole.end()..whole.end() + length,
                transform: Transform::NestedCommand,
                bytes: body.get(..length).unwrap_or("").as_bytes().to_vec(),
                executed: true,
                platform: Some(if who.as_str().ends_with("sh") {
                    Platform::Shell
                } else {
                    Platform::Unknown
                }),
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARTS: [&str; 22] = [
        "sh",
        "BASH",
        "powershell",
        ".exe",
        " ",
        "\t",
        "\n",
        "-c",
        "-C",
        "-Command",
        "-x",
        "eval",
        "IEX",
        "invoke-expression",
        "cmd",
        "/c",
        "/\u{212a}",
        "(",
        "'",
        "\"",
        "whoami",
        "\u{a0}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        /// What the expression matches is not passed over.
        #[test]
        fn a_look_passes_over_no_call(parts in proptest::collection::vec(0..PARTS.len(), 1..14)) {
            let text: String = parts.iter().map(|at| PARTS[*at]).collect();
            CALL.agrees(&text);
            prop_assert!(may_call(&text) || !CALL.over(&text).unwrap().is_match(&text), "{text}");
        }
    }
}
