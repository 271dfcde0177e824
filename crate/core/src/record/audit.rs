//! The Linux audit framework's records: a line, and the event that the lines of one serial make.
//!
//! ```text
//! type=SYSCALL  msg=audit(1714550000.123:42): arch=c000003e syscall=59 success=yes … pid=900 ppid=899 uid=0 exe="/usr/bin/bash"
//! type=EXECVE   msg=audit(1714550000.123:42): argc=3 a0="/bin/sh" a1="-c" a2=2F76…
//! type=CWD      msg=audit(1714550000.123:42): cwd="/var/lib/waagent/run-command/download/3"
//! type=PROCTITLE msg=audit(1714550000.123:42): proctitle=2F62…
//! ```
//!
//! Text with blanks or control bytes is bare hex; whether a value is hex follows from its field and its missing quotes, never from its
//! look (`a1=100` is a register in SYSCALL and text in EXECVE). Bytes after 0x1D are the enriched copy in words. Source: linux-artifacts 9.
//!
//! Rejected: a general key=value reader. Quoting, hex and nesting differ by field.

use crate::event::batch::Span;
use crate::event::fact::{Fact, ProcessFact};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Field, Outcome};
use crate::evidence::encoding::text;
use crate::time::{Stamp, parse};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One line taken apart.
#[derive(Clone, Copy, Debug)]
pub struct AuditLine<'a> {
    /// `node=` before the type, where the log of several hosts was joined.
    pub node: Option<&'a str>,
    /// Record type.
    pub kind: &'a str,
    /// `<epoch s>.<ms>:<serial>`.
    pub id: &'a str,
    /// The fields.
    pub rest: &'a [u8],
}

impl<'a> AuditLine<'a> {
    /// Reads a line; `None` where it is none.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let open = memchr::memmem::find(line.get(..line.len().min(512))?, b"audit(")?;
        let head = std::str::from_utf8(line.get(..open)?).ok()?;
        let close = open + memchr::memchr(b')', line.get(open..)?)?;
        let id = std::str::from_utf8(line.get(open + 6..close)?).ok()?;
        let (time, serial) = id.split_once(':')?;
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(serial) || parse::epoch_seconds(time.as_bytes()).is_none() {
            return None;
        }
        let (mut node, mut kind) = (None, None);
        for word in head.split_ascii_whitespace() {
            match word.split_once('=') {
                Some(("node", name)) => node = Some(name),
                Some(("type", name)) => kind = Some(name),
                _ => {}
            }
        }
        let rest = line.get(close + 1..)?;
        Some(Self {
            node,
            kind: kind?,
            id,
            rest: rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start(),
        })
    }

    /// When.
    #[must_use]
    pub fn time(&self) -> Option<Stamp> {
        parse::epoch_seconds(self.id.split(':').next()?.as_bytes())
    }
}

/// Key and raw value of every field; quotes stay, so that hex can be told from text. Fields of the enriched copy come after 0x1D.
fn fields(bytes: &[u8]) -> Vec<(&str, &[u8])> {
    let mut out = Vec::new();
    let mut rest = bytes;
    loop {
        rest = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | 0x1D | b'\'' | b','))
            .and_then(|at| rest.get(at..))
            .unwrap_or(&[]);
        let Some(equals) = memchr::memchr(b'=', rest) else {
            return out;
        };
        let key = rest.get(..equals).unwrap_or(&[]);
        let mut value = rest.get(equals + 1..).unwrap_or(&[]);
        // Some kernels write `subj==unconfined`.
        value = value.strip_prefix(b"=").unwrap_or(value);
        // `key` may follow loose words (`old auid=`): the last word is the name.
        let name = key.rsplit(|byte| *byte == b' ').next().unwrap_or(key);
        let name = std::str::from_utf8(name).unwrap_or("");
        if name == "msg" && value.first() == Some(&b'\'') {
            rest = value.get(1..).unwrap_or(&[]);
            continue;
        }
        let end = if value.first() == Some(&b'"') {
            memchr::memchr(b'"', value.get(1..).unwrap_or(&[])).map_or(value.len(), |at| at + 2)
        } else {
            value
                .iter()
                .position(|byte| matches!(byte, b' ' | 0x1D | b'\''))
                .unwrap_or(value.len())
        };
        out.push((name, value.get(..end).unwrap_or(&[])));
        rest = value.get(end..).unwrap_or(&[]);
    }
}

/// The text of a value that is quoted, or hex, or nothing.
fn decoded(raw: &[u8]) -> Option<String> {
    if let Some(inner) = raw.strip_prefix(b"\"") {
        return Some(text(inner.strip_suffix(b"\"").unwrap_or(inner)).into_owned());
    }
    match raw {
        b"(null)" | b"?" | b"" | b"(none)" => return None,
        _ => {}
    }
    match unhex(raw) {
        Some(bytes) => Some(text(&bytes).into_owned()),
        None => Some(text(raw).into_owned()),
    }
}

fn unhex(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.len() < 2 || !raw.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    raw.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

/// `a2`, `a2[1]`, and not `a2_len`: argument and part.
fn argument(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix('a')?;
    let (number, part) = match rest.split_once('[') {
        Some((number, part)) => (number, part.strip_suffix(']')?.parse().ok()?),
        None => (rest, 0),
    };
    Some((number.parse().ok()?, part))
}

/// The lines of one serial, gathered.
#[derive(Debug, Default)]
pub struct AuditEvent {
    time: Option<Stamp>,
    node: Option<String>,
    kinds: Vec<String>,
    arguments: BTreeMap<(u32, u32), Vec<u8>>,
    /// Decoded text of named fields, the first of each name.
    said: BTreeMap<String, String>,
    paths: Vec<(String, String)>,
    title: Option<String>,
    shown: Vec<Field>,
}

/// Fields whose bare value is hex of their text.
const TEXTS: [&str; 14] = [
    "exe",
    "comm",
    "cwd",
    "name",
    "proctitle",
    "acct",
    "cmd",
    "data",
    "key",
    "grp",
    "path",
    "vm",
    "id",
    "unit",
];

impl AuditEvent {
    /// Takes one line.
    pub fn take(&mut self, line: &AuditLine<'_>, detail: bool) {
        self.time = self.time.or_else(|| line.time());
        self.node = self.node.take().or_else(|| line.node.map(str::to_owned));
        self.kinds.push(line.kind.to_owned());
        let (mut name, mut nametype) = (None, None);
        for (key, raw) in fields(line.rest) {
            let shown = match (line.kind, key) {
                ("EXECVE", key) if argument(key).is_some() => {
                    let bytes = match raw.strip_prefix(b"\"") {
                        Some(inner) => inner.strip_suffix(b"\"").unwrap_or(inner).to_vec(),
                        None => unhex(raw).unwrap_or_else(|| raw.to_vec()),
                    };
                    let shown = text(&bytes).into_owned();
                    if let Some(place) = argument(key) {
                        self.arguments.entry(place).or_insert(bytes);
                    }
                    Some(shown)
                }
                ("PROCTITLE", "proctitle") => {
                    let title = match raw.strip_prefix(b"\"") {
                        Some(_) => decoded(raw),
                        None => unhex(raw).map(|bytes| {
                            let words: Vec<u8> = bytes
                                .iter()
                                .map(|byte| if *byte == 0 { b' ' } else { *byte })
                                .collect();
                            text(&words).into_owned()
                        }),
                    };
                    self.title.clone_from(&title);
                    title
                }
                (_, key) if TEXTS.contains(&key) => decoded(raw),
                _ => match raw {
                    b"?" | b"(null)" => None,
                    _ => Some(match raw.strip_prefix(b"\"") {
                        Some(_) => decoded(raw).unwrap_or_default(),
                        None => text(raw).into_owned(),
                    }),
                },
            };
            let Some(shown) = shown else { continue };
            match key {
                "name" => name = Some(shown.clone()),
                "nametype" => nametype = Some(shown.clone()),
                _ => {}
            }
            if detail {
                self.shown.push(Field {
                    name: format!("{}.{key}", line.kind.to_ascii_lowercase()),
                    value: shown.clone(),
                });
            }
            self.said.entry(key.to_owned()).or_insert(shown);
        }
        if line.kind == "PATH"
            && let Some(name) = name
        {
            self.paths.push((name, nametype.unwrap_or_default()));
        }
    }

    fn said(&self, name: &str) -> Option<&str> {
        self.said.get(name).map(String::as_str)
    }

    fn has(&self, kind: &str) -> bool {
        self.kinds.iter().any(|have| have == kind)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.said(name)?.parse().ok()
    }

    /// `execve` or `execveat`, by architecture.
    fn executes(&self) -> bool {
        self.has("EXECVE")
            || matches!(
                (self.said("arch"), self.said("syscall")),
                (Some("c000003e"), Some("59" | "322"))
                    | (Some("c00000b7"), Some("221" | "281"))
                    | (Some("40000003"), Some("11" | "358"))
            )
    }

    fn command_line(&self) -> Option<String> {
        if self.arguments.is_empty() {
            return self
                .title
                .clone()
                .or_else(|| self.said("cmd").map(str::to_owned));
        }
        let mut words: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for ((argument, _), bytes) in &self.arguments {
            words.entry(*argument).or_default().extend_from_slice(bytes);
        }
        let shown: Vec<String> = words.values().map(|bytes| quoted(&text(bytes))).collect();
        Some(shown.join(" "))
    }

    /// The account: the enriched name, `root` for 0, else the number.
    fn user(&self) -> Option<String> {
        let word = self.said("UID").or(self.said("uid"))?;
        Some(match word {
            "0" => "root".to_owned(),
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("uid {number}"),
            name => name.to_owned(),
        })
    }

    fn outcome(&self) -> Outcome {
        match self.said("res").or(self.said("success")) {
            Some("success" | "yes" | "1") => Outcome::Succeeded,
            Some("failed" | "no" | "0") => Outcome::Failed,
            _ => Outcome::None,
        }
    }

    /// Ends `record` as an event.
    pub fn emit(self, record: Record, span: Span, sink: &mut Sink) {
        const ACCESS: [&str; 4] = ["USER_", "CRED_", "LOGIN", "ADD_"];
        let first = self.kinds.first().map_or("", String::as_str);
        let outcome = self.outcome();
        let started = self.executes() && outcome != Outcome::Failed;
        let access = ACCESS.iter().any(|start| first.starts_with(start))
            || matches!(
                first,
                "DEL_USER" | "DEL_GROUP" | "GRP_MGMT" | "ACCT_LOCK" | "ACCT_UNLOCK"
            );
        let kind = match (started, access) {
            (true, _) => EventKind::ProcessStart,
            (_, true) => EventKind::Authentication,
            _ => EventKind::Audit,
        };
        let mut event = Event::new(kind, self.time);
        event.outcome = outcome;
        event.host = self.node.clone().map(Cow::Owned);
        let command_line = self.command_line();
        let user = self.user();
        event.actor = self
            .said("acct")
            .map(str::to_owned)
            .or_else(|| user.clone())
            .map(Cow::Owned);
        event.ip = self
            .said("addr")
            .or(self.said("hostname"))
            .and_then(crate::identity::address)
            .map(Cow::Owned);
        event.operation = Some(Cow::Owned(if started {
            "execve".to_owned()
        } else {
            self.said("op")
                .map_or_else(|| first.to_ascii_lowercase(), str::to_owned)
        }));
        event.resource = self
            .said("exe")
            .map(str::to_owned)
            .or_else(|| self.paths.first().map(|(name, _)| name.clone()))
            .map(Cow::Owned);
        if sink.wants_detail() {
            let what = command_line
                .clone()
                .or_else(|| self.said("exe").map(str::to_owned))
                .unwrap_or_default();
            let op = event.operation.as_deref().unwrap_or("");
            event.summary = match &event.actor {
                Some(actor) => format!("{op} {what} by {actor}"),
                None => format!("{op} {what}"),
            };
            event.fields.clone_from(&self.shown);
        }
        if started {
            event.fact = Some(Fact::Process(Box::new(ProcessFact {
                pid: self.number("pid"),
                parent_pid: self.number("ppid"),
                image: sink.intern_some(self.said("exe")),
                command_line: sink.intern_some(command_line.as_deref()),
                directory: sink.intern_some(self.said("cwd")),
                user: sink.intern_some(user.as_deref()),
                logon: sink.intern_some(self.said("ses")),
                ..ProcessFact::default()
            })));
        }
        sink.event(record, span, event);
    }
}

/// A word as a shell would take it back.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word.bytes().all(|byte| {
            byte > b' '
                && !matches!(
                    byte,
                    b'"' | b'\'' | b'\\' | b'$' | b'`' | b';' | b'|' | b'&'
                )
        });
    if plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(lines: &[&str]) -> AuditEvent {
        let mut event = AuditEvent::default();
        for line in lines {
            if let Some(line) = AuditLine::parse(line.as_bytes()) {
                event.take(&line, true);
            }
        }
        event
    }

    #[test]
    fn hex_is_decided_by_field_and_quotes_and_never_by_look() {
        let event = take(&[
            "type=SYSCALL msg=audit(1714550000.123:42): arch=c000003e syscall=59 success=yes exit=0 a0=100 a1=7ffe items=2 ppid=899 pid=900 auid=4294967295 uid=0 tty=(none) comm=\"sh\" exe=\"/bin/dash\" subj==unconfined key=(null)\u{1d}ARCH=x86_64 SYSCALL=execve AUID=\"unset\" UID=\"root\"",
            "type=EXECVE msg=audit(1714550000.123:42): argc=3 a0=\"/bin/sh\" a1=\"-c\" a2=6563686F2068690A",
            "type=CWD msg=audit(1714550000.123:42): cwd=\"/var/lib/waagent\"",
            "type=PROCTITLE msg=audit(1714550000.123:42): proctitle=2F62696E2F7368002D63",
        ]);
        assert_eq!(
            event.command_line().as_deref(),
            Some("/bin/sh -c 'echo hi\n'")
        );
        assert_eq!(event.said("a0"), Some("100"));
        assert_eq!(event.user().as_deref(), Some("root"));
        assert_eq!(event.title.as_deref(), Some("/bin/sh -c"));
        assert_eq!(event.said("cwd"), Some("/var/lib/waagent"));
        assert!(event.executes());
    }

    #[test]
    fn long_arguments_come_in_parts_and_lines() {
        let event = take(&[
            "type=EXECVE msg=audit(1.0:7): argc=2 a0=\"sh\" a1_len=6 a1[0]=\"abc\"",
            "type=EXECVE msg=audit(1.0:7): a1[1]=646566",
        ]);
        assert_eq!(event.command_line().as_deref(), Some("sh abcdef"));
    }

    #[test]
    fn user_space_records_nest_a_list() {
        let event = take(&[
            "node=web01 type=USER_LOGIN msg=audit(1551487029.987:9): pid=1 uid=0 auid=0 ses=1 msg='op=login acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.69 terminal=ssh res=failed'",
        ]);
        assert_eq!(event.said("addr"), Some("203.0.113.69"));
        assert_eq!(event.said("acct"), Some("root"));
        assert_eq!(event.outcome(), Outcome::Failed);
        assert_eq!(event.node.as_deref(), Some("web01"));
        let hex = take(&[
            "type=USER_CMD msg=audit(1.0:9): msg='cwd=\"/root\" cmd=6C73202D6C terminal=? res=success'",
        ]);
        assert_eq!(hex.command_line().as_deref(), Some("ls -l"));
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "type=SYSCALL no id",
            "audit(x:1): a=b",
            "type=A msg=audit(1.0:): a=b",
            "",
        ] {
            assert!(AuditLine::parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}
