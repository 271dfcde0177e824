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
use memchr::{memchr, memchr_iter};
use std::borrow::Cow;
use std::ops::Range;

/// One line taken apart.
#[derive(Clone, Copy, Debug)]
pub struct AuditLine<'a> {
    /// `node=` before the type, where the log of several hosts was joined.
    pub node: Option<&'a str>,
    /// Record type.
    pub kind: &'a str,
    /// `<epoch s>.<ms>:<serial>`.
    pub id: &'a str,
    /// When.
    pub time: Stamp,
    /// The fields.
    pub rest: &'a [u8],
}

impl<'a> AuditLine<'a> {
    /// Reads a line; `None` where it is none.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        const MARK: &[u8] = b"audit";
        let head = line.get(..line.len().min(512))?;
        let open = memchr_iter(b'(', head)
            .find(|at| head.get(..*at).is_some_and(|head| head.ends_with(MARK)))?;
        let head = std::str::from_utf8(line.get(..open - MARK.len())?).ok()?;
        let close = open + memchr(b')', line.get(open..)?)?;
        let id = std::str::from_utf8(line.get(open + 1..close)?).ok()?;
        let (seconds, serial) = id.split_once(':')?;
        if serial.is_empty() || !serial.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let time = parse::epoch_seconds(seconds.as_bytes())?;
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
            time,
            rest: rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start(),
        })
    }
}

/// Calls `each` with name and raw value of every field; quotes stay, so that hex can be told from text. Fields of the enriched copy come after 0x1D.
fn each_field<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) {
    let mut rest = bytes;
    loop {
        rest = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | 0x1D | b'\'' | b','))
            .and_then(|at| rest.get(at..))
            .unwrap_or(&[]);
        let Some(equals) = rest.iter().position(|byte| *byte == b'=') else {
            return;
        };
        let key = rest.get(..equals).unwrap_or(&[]);
        let mut value = rest.get(equals + 1..).unwrap_or(&[]);
        // Some kernels write `subj==unconfined`.
        value = value.strip_prefix(b"=").unwrap_or(value);
        // `key` may follow loose words (`old auid=`): the last word is the name.
        let name = key.rsplit(|byte| *byte == b' ').next().unwrap_or(key);
        if name == b"msg" && value.first() == Some(&b'\'') {
            rest = value.get(1..).unwrap_or(&[]);
            continue;
        }
        let end = if value.first() == Some(&b'"') {
            memchr(b'"', value.get(1..).unwrap_or(&[])).map_or(value.len(), |at| at + 2)
        } else {
            value
                .iter()
                .position(|byte| matches!(byte, b' ' | 0x1D | b'\''))
                .unwrap_or(value.len())
        };
        each(name, value.get(..end).unwrap_or(&[]));
        rest = value.get(end..).unwrap_or(&[]);
    }
}

/// The text of a value that is quoted, or hex, or nothing.
fn decoded(raw: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(inner) = raw.strip_prefix(b"\"") {
        return Some(text(inner.strip_suffix(b"\"").unwrap_or(inner)));
    }
    match raw {
        b"(null)" | b"?" | b"" | b"(none)" => return None,
        _ => {}
    }
    match unhex(raw) {
        Some(bytes) => Some(Cow::Owned(text(&bytes).into_owned())),
        None => Some(text(raw)),
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
fn argument(name: &[u8]) -> Option<(u32, u32)> {
    let rest = std::str::from_utf8(name.strip_prefix(b"a")?).ok()?;
    let (number, part) = match rest.split_once('[') {
        Some((number, part)) => (number, part.strip_suffix(']')?.parse().ok()?),
        None => (rest, 0),
    };
    Some((number.parse().ok()?, part))
}

/// Fields that something is made of, by number.
fn looked_at(name: &[u8]) -> Option<usize> {
    Some(match name {
        b"exe" => 0,
        b"cwd" => 1,
        b"cmd" => 2,
        b"UID" => 3,
        b"uid" => 4,
        b"res" => 5,
        b"success" => 6,
        b"arch" => 7,
        b"syscall" => 8,
        b"acct" => 9,
        b"addr" => 10,
        b"hostname" => 11,
        b"op" => 12,
        b"pid" => 13,
        b"ppid" => 14,
        b"ses" => 15,
        _ => return None,
    })
}

/// How many they are.
const LOOKED_AT: usize = 16;

/// Whether a field's bare value is hex of its text.
fn is_text(name: &[u8]) -> bool {
    matches!(
        name,
        b"exe"
            | b"comm"
            | b"cwd"
            | b"name"
            | b"proctitle"
            | b"acct"
            | b"cmd"
            | b"data"
            | b"key"
            | b"grp"
            | b"path"
            | b"vm"
            | b"id"
            | b"unit"
    )
}

/// The lines of one serial, gathered. Nothing is kept that no event is made of, except where the analyst looks.
#[derive(Debug, Default)]
pub struct AuditEvent {
    time: Option<Stamp>,
    node: Option<String>,
    /// Type of the first line.
    first: String,
    /// Whether a line holds arguments of a program.
    has_execve: bool,
    /// (argument, part) and where its bytes stand in `words`; the first of each counts.
    arguments: Vec<((u32, u32), Range<usize>)>,
    words: Vec<u8>,
    /// Where the text of each field that is looked at stands in `text`, the first of each name.
    said: [Option<Range<usize>>; LOOKED_AT],
    /// Name of the first path.
    path: Option<Range<usize>>,
    title: Option<Range<usize>>,
    text: String,
    shown: Vec<Field>,
}

impl AuditEvent {
    /// An event without lines, which keeps the room it has.
    pub fn clear(&mut self) {
        let kept = std::mem::take(self);
        let (mut first, mut arguments, mut words, mut text) =
            (kept.first, kept.arguments, kept.words, kept.text);
        first.clear();
        arguments.clear();
        words.clear();
        text.clear();
        (self.first, self.arguments, self.words, self.text) = (first, arguments, words, text);
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let begun = self.text.len();
        self.text.push_str(text);
        begun..self.text.len()
    }

    /// Takes one line.
    pub fn take(&mut self, line: &AuditLine<'_>, detail: bool) {
        if self.time.is_none() {
            self.time = Some(line.time);
            self.first.push_str(line.kind);
        }
        if self.node.is_none() {
            self.node = line.node.map(str::to_owned);
        }
        let execve = line.kind == "EXECVE";
        let path = line.kind == "PATH";
        self.has_execve |= execve;
        let mut name = None;
        each_field(line.rest, |key, raw| {
            let place = looked_at(key);
            if execve && let Some(place) = argument(key) {
                let begun = self.words.len();
                match raw.strip_prefix(b"\"") {
                    Some(inner) => {
                        let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
                        self.words.extend_from_slice(inner);
                    }
                    None => match unhex(raw) {
                        Some(bytes) => self.words.extend_from_slice(&bytes),
                        None => self.words.extend_from_slice(raw),
                    },
                }
                let place_of = begun..self.words.len();
                if detail {
                    let bytes = self.words.get(place_of.clone()).unwrap_or(&[]);
                    let shown = text(bytes).into_owned();
                    self.show(line.kind, key, shown);
                }
                self.arguments.push((place, place_of));
                return;
            }
            let title = key == b"proctitle" && line.kind == "PROCTITLE";
            let named = path && key == b"name";
            if !(detail || title || named || place.is_some_and(|at| self.lacks(at))) {
                return;
            }
            let shown = if title && raw.first() != Some(&b'"') {
                unhex(raw).map(|mut bytes| {
                    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
                        *byte = b' ';
                    }
                    Cow::Owned(text(&bytes).into_owned())
                })
            } else if is_text(key) {
                decoded(raw)
            } else {
                match raw {
                    b"?" | b"(null)" => None,
                    _ if raw.first() == Some(&b'"') => decoded(raw),
                    _ => Some(text(raw)),
                }
            };
            if title {
                self.title = shown.as_deref().map(|shown| self.keep(shown));
            }
            let Some(shown) = shown else { return };
            if named {
                name = Some(self.keep(&shown));
            }
            if let Some(place) = place
                && self.lacks(place)
            {
                let kept = self.keep(&shown);
                if let Some(said) = self.said.get_mut(place) {
                    *said = Some(kept);
                }
            }
            if detail {
                self.show(line.kind, key, shown.into_owned());
            }
        });
        if self.path.is_none() {
            self.path = name;
        }
    }

    fn lacks(&self, place: usize) -> bool {
        matches!(self.said.get(place), Some(None))
    }

    fn show(&mut self, kind: &str, key: &[u8], value: String) {
        let key = std::str::from_utf8(key).unwrap_or("");
        self.shown.push(Field {
            name: format!("{}.{key}", kind.to_ascii_lowercase()),
            value,
        });
    }

    fn kept(&self, place: Option<&Range<usize>>) -> Option<&str> {
        self.text.get(place?.clone())
    }

    fn said(&self, name: &str) -> Option<&str> {
        let place = looked_at(name.as_bytes())?;
        self.kept(self.said.get(place)?.as_ref())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.said(name)?.parse().ok()
    }

    /// `execve` or `execveat`, by architecture.
    fn executes(&self) -> bool {
        self.has_execve
            || matches!(
                (self.said("arch"), self.said("syscall")),
                (Some("c000003e"), Some("59" | "322"))
                    | (Some("c00000b7"), Some("221" | "281"))
                    | (Some("40000003"), Some("11" | "358"))
            )
    }

    fn command_line(&self) -> Option<Cow<'_, str>> {
        if self.arguments.is_empty() {
            let line = self.kept(self.title.as_ref()).or(self.said("cmd"));
            return line.map(Cow::Borrowed);
        }
        let mut arguments = self.arguments.clone();
        arguments.sort_by_key(|(place, _)| *place);
        arguments.dedup_by_key(|(place, _)| *place);
        let mut line = String::with_capacity(self.words.len() + arguments.len() * 3);
        let mut parts = arguments.as_slice();
        let mut word = Vec::new();
        while let Some(((argument, _), _)) = parts.first() {
            word.clear();
            let more = parts.iter().take_while(|((of, _), _)| of == argument);
            let mut taken = 0;
            for (_, place) in more {
                word.extend_from_slice(self.words.get(place.clone()).unwrap_or(&[]));
                taken += 1;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            put_quoted(&text(&word), &mut line);
            parts = parts.get(taken..).unwrap_or(&[]);
        }
        Some(Cow::Owned(line))
    }

    /// The account: the enriched name, `root` for 0, else the number.
    fn user(&self) -> Option<Cow<'_, str>> {
        let word = self.said("UID").or(self.said("uid"))?;
        Some(match word {
            "0" => Cow::Borrowed("root"),
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Cow::Owned(format!("uid {number}"))
            }
            name => Cow::Borrowed(name),
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
    pub fn emit(&self, record: Record, span: Span, sink: &mut Sink) {
        const ACCESS: [&str; 4] = ["USER_", "CRED_", "LOGIN", "ADD_"];
        let first = self.first.as_str();
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
        event.host = self.node.as_deref().map(Cow::Borrowed);
        let command_line = self.command_line();
        let user = self.user();
        event.actor = self
            .said("acct")
            .map(Cow::Borrowed)
            .or_else(|| user.clone());
        event.ip = self
            .said("addr")
            .or(self.said("hostname"))
            .and_then(crate::identity::address)
            .map(Cow::Owned);
        event.operation = Some(match self.said("op") {
            _ if started => Cow::Borrowed("execve"),
            Some(op) => Cow::Borrowed(op),
            None => Cow::Owned(first.to_ascii_lowercase()),
        });
        event.resource = self
            .said("exe")
            .or_else(|| self.kept(self.path.as_ref()))
            .map(Cow::Borrowed);
        if sink.wants_detail() {
            let what = command_line.as_deref().or(self.said("exe")).unwrap_or("");
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

/// Appends a word as a shell would take it back.
fn put_quoted(word: &str, out: &mut String) {
    let plain = !word.is_empty()
        && word.bytes().all(|byte| {
            byte > b' '
                && !matches!(
                    byte,
                    b'"' | b'\'' | b'\\' | b'$' | b'`' | b';' | b'|' | b'&'
                )
        });
    if plain {
        out.push_str(word);
    } else {
        out.push('\'');
        out.push_str(&word.replace('\'', "'\\''"));
        out.push('\'');
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
        let shown = |name: &str| {
            let field = event.shown.iter().find(|field| field.name == name);
            field.map(|field| field.value.as_str())
        };
        assert_eq!(shown("syscall.a0"), Some("100"));
        assert_eq!(shown("execve.a0"), Some("/bin/sh"));
        assert_eq!(event.user().as_deref(), Some("root"));
        assert_eq!(event.kept(event.title.as_ref()), Some("/bin/sh -c"));
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
