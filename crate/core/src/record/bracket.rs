//! Lines of the Windows guest agent and of extensions: marks in brackets, then a message.
//!
//! ```text
//! [968+00000001] [04/28/2020 14:23:08.41] [INFO] Starting IaaS ScriptHandler Extension v1     an extension: process and thread
//! [00000007] [07/18/2019 14:46:28.87] [WARN] WindowsAzureGuestAgent stopping.                 the agent until about 2020
//! [00000004] 2024-04-17T07:19:26.812Z [INFO]  Beginning enable of plugin …                    the agent since 2021
//! ```
//!
//! Month first. The agent's bracket form is UTC (a health report inside it says so); an extension's is taken as UTC and labelled. Source:
//! windows-and-endpoint-artifacts 2.1.

use crate::time::parse::DateOrder;
use crate::time::{Stamp, TimeBasis, parse};

/// A line taken apart.
#[derive(Clone, Copy, Debug)]
pub struct BracketLine<'a> {
    /// Process id, where an extension wrote the line.
    pub process: Option<&'a [u8]>,
    /// When.
    pub time: Stamp,
    /// `INFO`, `WARN`, `ERROR`, `TRACE`, `HEART`.
    pub level: &'a [u8],
    /// The message of the first line, and what follows it.
    pub message: &'a [u8],
}

fn bracketed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = bytes.strip_prefix(b"[")?;
    let close = memchr::memchr(b']', inner.get(..inner.len().min(40))?)?;
    Some((inner.get(..close)?, inner.get(close + 1..)?))
}

impl<'a> BracketLine<'a> {
    /// Reads a record whose first line begins so; `None` for other lines.
    #[must_use]
    pub fn parse(record: &'a [u8]) -> Option<Self> {
        let (mark, rest) = bracketed(record)?;
        let plus = memchr::memchr(b'+', mark);
        let process = plus.and_then(|at| mark.get(..at));
        let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit);
        let thread = plus.map_or(mark, |at| mark.get(at + 1..).unwrap_or(&[]));
        if !digits(thread) || process.is_some_and(|process| !digits(process)) {
            return None;
        }
        let rest = rest.strip_prefix(b" ")?;
        let (time, rest) = match bracketed(rest) {
            Some((date, rest)) => (parse::numeric(date, DateOrder::MonthDay)?, rest),
            None => {
                let (stamp, used) = parse::iso_prefix(rest)?;
                (stamp, rest.get(used..)?)
            }
        };
        // The agent's own bracket form is known to be UTC.
        let time = match (time.basis, process) {
            (TimeBasis::AssumedUtc, None) => time.with_basis(TimeBasis::Utc),
            _ => time,
        };
        let (level, message) = bracketed(rest.trim_ascii_start())?;
        Some(Self {
            process,
            time,
            level,
            message: message.trim_ascii_start(),
        })
    }
}

/// Whether a line begins a record of an extension or of the agent.
#[must_use]
pub fn is_header(line: &[u8]) -> bool {
    BracketLine::parse(line).is_some()
}

/// The number after one of these words in a message: `sequence number 3`, `exited with code: -1`.
#[must_use]
pub fn number_after(message: &str, words: &[&str]) -> Option<i64> {
    let folded = message.to_ascii_lowercase();
    words.iter().find_map(|word| {
        let at = folded.find(word)? + word.len();
        let rest = folded
            .get(at..)?
            .trim_start_matches([' ', ']', ':', '=', '\'', '"', '#', '\t']);
        let end = rest
            .char_indices()
            .find(|(at, letter)| !(letter.is_ascii_digit() || (*at == 0 && *letter == '-')))
            .map_or(rest.len(), |(at, _)| at);
        rest.get(..end)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_generations_and_nothing_else() {
        let shown = |line: &str| {
            let line = BracketLine::parse(line.as_bytes())?;
            Some(format!(
                "{} {} {} {}",
                line.time.instant,
                line.time.basis.word(),
                String::from_utf8_lossy(line.level),
                String::from_utf8_lossy(line.message)
            ))
        };
        for (line, want) in [
            (
                "[968+00000001] [04/28/2020 14:23:08.41] [INFO] a b",
                Some("2020-04-28T14:23:08.41Z assumed-utc INFO a b"),
            ),
            (
                "[00000007] [07/18/2019 14:46:28.87] [WARN] x",
                Some("2019-07-18T14:46:28.87Z utc WARN x"),
            ),
            (
                "[00000004] 2021-01-12T16:35:45Z [INFO]  x",
                Some("2021-01-12T16:35:45Z utc INFO x"),
            ),
            (
                "[00000004] 2024-04-17T07:19:26.812Z [ERROR] x",
                Some("2024-04-17T07:19:26.812Z utc ERROR x"),
            ),
            ("[  OK  ] Started", None),
            ("[12:30] text", None),
            ("   at System.Foo()", None),
        ] {
            assert_eq!(shown(line).as_deref(), want, "{line}");
        }
        assert_eq!(
            number_after("Command exited with code: -5", &["exited with code"]),
            Some(-5)
        );
        assert_eq!(
            number_after("Sequence Number: 12, x", &["sequence number"]),
            Some(12)
        );
        assert_eq!(number_after("nothing", &["sequence number"]), None);
    }
}
