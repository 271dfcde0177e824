//! What must not be shown unasked: passwords, keys and tokens in scripts and logs.
//!
//! [`find`] answers places; the display masks them and can reveal them again. The evidence itself is never changed.
//!
//! ```
//! use runlens_core::script::secrets::masked;
//! assert_eq!(masked("echo hunter2 | sudo -S id"), "echo ••••• | sudo -S id");
//! ```
//!
//! Rejected: masking every long random word. A hash that an analyst must compare is one.

use crate::expression::{Compiled, MOST_COMPILED, over_ascii};
use regex::{Regex, RegexSet};
use std::ops::Range;
use std::sync::OnceLock;

/// Expressions whose groups named `s…` are secret.
const EXPRESSIONS: [&str; 15] = [
    r#"echo\s+(?:-n\s+)?["']?(?P<s>[^\s"'|]+)["']?\s*\|\s*sudo\s+(?:-\S+\s+)*-S\b"#,
    r#"["'](?P<u>[A-Za-z0-9_.-]+):(?P<s>[^"'\s:]+)["']?\s*\|\s*(?:sudo\s+)?chpasswd"#,
    r#"(?i)\bnet1?(?:\.exe)?\s+user\s+(?:"[^"]+"|\S+)\s+(?P<s>[^\s/"]+|"[^"]+")\s*(?:/add|/active|/domain|$)"#,
    r"(?i)[?&]sig=(?P<s>[A-Za-z0-9%+/=_-]{10,})",
    r"(?i)\bbearer\s+(?P<s>[A-Za-z0-9._~+/-]{16,}=*)",
    r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=(?P<s>[A-Za-z0-9+/=%&_.-]{8,})",
    r#"(?i)\s--?(?:password|passwd|pass|client-secret|secret|token|api-key|apikey|sas-token)[= ]\s*["']?(?P<s>[^\s"'-][^\s"']{2,})"#,
    r#"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|psql)\b[^|\n]*\s-p["']?(?P<s>[^\s"']{3,})"#,
    r#"(?i)\bsshpass\s+-p\s*["']?(?P<s>[^\s"']+)"#,
    r#"(?i)ConvertTo-SecureString\s+(?:-String\s+)?["'](?P<s>[^"']{3,})["']"#,
    r#"(?i)\b[a-z_]*(?:password|passwd|pwd|secret|token|apikey|api_key|access_key|client_secret)[a-z_]*\s*[:=]\s*["'](?P<s>[^"'\r\n$]{4,})["']"#,
    r"(?i)\b(?:export\s+)?[A-Z_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|ACCESS_KEY)[A-Z_]*=(?P<s>[^\s'\x22$;&|]{4,})",
    r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<s>.*?)-----END",
    r"\bAKIA[0-9A-Z]{12}(?P<s>[0-9A-Z]{4})\b",
    r"\b[A-Za-z0-9_~.-]{3}8Q~(?P<s>[A-Za-z0-9_~.-]{31,34})",
];

/// Which expressions match a text at all, in one pass over it: nearly no text has a secret, and thousands are looked at.
fn matching(text: &str) -> impl Iterator<Item = &'static Regex> {
    static OF_ASCII: OnceLock<Option<RegexSet>> = OnceLock::new();
    static AS_WRITTEN: OnceLock<Option<RegexSet>> = OnceLock::new();
    static COMPILED: [Compiled; EXPRESSIONS.len()] = [const { Compiled::new() }; EXPRESSIONS.len()];
    let ascii = text.is_ascii();
    let set = if ascii {
        OF_ASCII.get_or_init(|| {
            let all: Option<Vec<String>> = EXPRESSIONS.into_iter().map(over_ascii).collect();
            RegexSet::new(all?).ok()
        })
    } else {
        AS_WRITTEN.get_or_init(|| RegexSet::new(EXPRESSIONS).ok())
    };
    let found = set.as_ref().map(|set| set.matches(text));
    found.into_iter().flatten().filter_map(move |at| {
        let compiled: &'static Compiled = COMPILED.get(at)?;
        compiled.of(EXPRESSIONS.get(at)?, MOST_COMPILED, ascii)
    })
}

/// Places of secrets in a text, in order, none overlapping.
#[must_use]
pub fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for regex in matching(text) {
        for hit in regex.captures_iter(text) {
            if let Some(secret) = hit.name("s").filter(|secret| !secret.is_empty()) {
                found.push(secret.range());
            }
        }
    }
    found.sort_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in found {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// The text with its secrets as dots; how many letters they have is not told.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in find(text) {
        out.push_str(text.get(at..range.start).unwrap_or(""));
        out.push_str("•••••");
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// A part of a text with its secrets as dots, where `found` are those of the whole: a secret is known by what stands around it, so the
/// part alone may not show that it is one.
#[must_use]
pub fn masked_part(text: &str, part: Range<usize>, found: &[Range<usize>]) -> String {
    let mut out = String::new();
    let mut at = part.start;
    let first = found.partition_point(|secret| secret.end <= part.start);
    let inside = found.iter().skip(first);
    for secret in inside.take_while(|secret| secret.start < part.end) {
        out.push_str(text.get(at..secret.start.max(at)).unwrap_or(""));
        out.push_str("•••••");
        at = secret.end.min(part.end);
    }
    out.push_str(text.get(at..part.end).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::tests::agree;

    #[test]
    fn every_expression_compiles_and_masks_only_the_secret() {
        assert!(RegexSet::new(EXPRESSIONS).is_ok());
        for expression in EXPRESSIONS {
            assert!(Regex::new(expression).is_ok(), "{expression}");
            assert!(over_ascii(expression).is_some(), "{expression}");
        }
        for (text, want) in [
            (
                "RunAs cmd is echo hunter2 | sudo -S -u bob /x/script.sh",
                "RunAs cmd is echo ••••• | sudo -S -u bob /x/script.sh",
            ),
            ("echo 'svc:Pa55' | chpasswd", "echo 'svc:•••••' | chpasswd"),
            (
                "net user helper P@ssw0rd1 /add",
                "net user helper ••••• /add",
            ),
            (
                "curl 'https://a.example/b?sv=2020&sig=abcdefghij%3D'",
                "curl 'https://a.example/b?sv=2020&sig=•••••'",
            ),
            (
                "-H 'Authorization: Bearer eyJhbGciOiJub25lIn0.abc'",
                "-H 'Authorization: Bearer •••••'",
            ),
            (
                "AccountName=a;AccountKey=abcdefgh1234==;X",
                "AccountName=a;AccountKey=•••••;X",
            ),
            (
                "az login --password S3cret! -u x",
                "az login --password ••••• -u x",
            ),
            ("mysql -u root -pTopSecret db", "mysql -u root -p••••• db"),
            (
                "ConvertTo-SecureString 'abc123' -AsPlainText",
                "ConvertTo-SecureString '•••••' -AsPlainText",
            ),
            ("$adminPassword = \"hello1\"", "$adminPassword = \"•••••\""),
            ("export DB_PASSWORD=abcd1234", "export DB_PASSWORD=•••••"),
        ] {
            assert_eq!(masked(text), want);
            for expression in EXPRESSIONS {
                agree(&Compiled::new(), expression, text);
            }
        }
    }

    #[test]
    fn a_part_hides_what_only_the_whole_shows_to_be_a_secret() {
        let text = "echo hunter2 | sudo -S id";
        let found = find(text);
        assert_eq!(masked_part(text, 5..12, &found), "•••••");
        assert_eq!(masked_part(text, 0..8, &found), "echo •••••");
        assert_eq!(masked_part(text, 8..18, &found), "••••• | sud");
        assert_eq!(masked_part(text, 13..20, &found), "| sudo ");
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "net user helper /delete",
            "net user",
            "echo hello | sudo tee /etc/motd",
            "password authentication is disabled",
            "mkdir -p /var/lib/app",
            "grep -i password /etc/ssh/sshd_config",
            "sha256 d5b511e3d94a069687092369166eae96bf83c5fe3f6c41522008f8dc68a89a80",
            "TOKEN=$(curl -s http://169.254.169.254/x)",
            "curl --token-file x",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
