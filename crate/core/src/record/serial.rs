//! Lines of a serial console (Azure boot diagnostics): seconds since boot, service results, audit lines with a clock of their own.
//!
//! ```text
//! [    0.000000] Linux version 5.15.0-1053-azure …
//! [  OK  ] Started Azure Linux Agent.
//! [   21.402761] audit: type=1400 audit(1709370000.123:7): apparmor="STATUS" …      the only wall clock of many boots
//! ```
//!
//! Seconds since boot are no time of day: such a line has no place on the timeline unless it says one itself. Source: linux-artifacts 1.1, 11.3.
//!
//! Rejected: adding a guessed boot time. The console of a VM holds several boots, one behind the other.

use crate::time::{Stamp, parse};

/// A console line taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleLine<'a> {
    /// Seconds since boot as written.
    pub since_boot: Option<&'a [u8]>,
    /// `OK`, `FAILED`, … of a service.
    pub result: Option<&'a [u8]>,
    /// The rest.
    pub message: &'a [u8],
}

impl<'a> ConsoleLine<'a> {
    /// Reads a line; `None` where it has neither seconds nor a result in brackets.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let inner = line.strip_prefix(b"[")?;
        let close = memchr::memchr(b']', inner.get(..inner.len().min(24))?)?;
        let mark = inner.get(..close)?.trim_ascii();
        let message = inner.get(close + 1..)?.trim_ascii_start();
        let number = mark.iter().any(u8::is_ascii_digit)
            && mark.contains(&b'.')
            && mark
                .iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if number {
            return Some(Self {
                since_boot: Some(mark),
                result: None,
                message,
            });
        }
        let word = matches!(
            mark,
            b"OK" | b"FAILED" | b"DEPEND" | b"TIME" | b"WARN" | b"INFO"
        );
        word.then_some(Self {
            since_boot: None,
            result: Some(mark),
            message,
        })
    }

    /// The time an audit line of the kernel carries.
    #[must_use]
    pub fn audit_time(&self) -> Option<Stamp> {
        let at = memchr::memmem::find(self.message, b"audit(")?;
        let inner = self.message.get(at + 6..)?;
        let end = memchr::memchr(b':', inner)?;
        parse::epoch_seconds(inner.get(..end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_begin_console_lines() {
        let parse = ConsoleLine::parse;
        assert_eq!(
            parse(b"[    0.000000] Linux version").map(|line| line.since_boot),
            Some(Some(b"0.000000".as_slice()))
        );
        assert_eq!(
            parse(b"[  OK  ] Started agent.").map(|line| line.result),
            Some(Some(b"OK".as_slice()))
        );
        assert_eq!(
            parse(b"[968+00000001] [04/28/2020 14:23:08.41] [INFO] x"),
            None
        );
        assert_eq!(parse(b"[00000007] [07/18/2019 14:46:28.87] [WARN] x"), None);
        assert_eq!(parse(b"[stdout]"), None);
        let audit = parse(b"[   21.4] audit: type=1400 audit(1709370000.123:7): x");
        assert_eq!(
            audit
                .and_then(|line| line.audit_time())
                .map(|stamp| stamp.instant.to_string()),
            Some("2024-03-02T09:00:00.123Z".to_owned())
        );
    }
}
