//! `syslog`: the system log in every form that collectors bring.
//!
//! ```text
//! Oct  8 17:10:35 host python3[1036]: …                               RFC 3164, journalctl short: neither year nor zone
//! 2020-05-31T00:00:45.698463+00:00 host rsyslogd:  …                  rsyslog, journalctl short-iso
//! <30>1 2021-03-06T04:07:38.263426+00:00 host systemd 1 - -  …        RFC 5424
//! {"hostname": …, "process": …, "message": …, "timestamp": …}         a log product's export
//! [   21.402761] audit: type=1400 audit(1709370000.123:7): …          a serial console (boot diagnostics)
//! ```
//!
//! A line that carries a record of the guest agent is one record: its event has the agent's time, which is in UTC and exact. Lines of
//! sshd, sudo and the account tools are log-on facts. Source: linux-artifacts 8.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text;
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::problem::Code;
use crate::record::agent::{self, AgentLine};
use crate::record::login;
use crate::record::serial::ConsoleLine;
use crate::record::windows::{fields, xml};
use crate::time::{Stamp, parse};
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "syslog",
    about: "system log (RFC 3164, RFC 5424, rsyslog ISO, journal short)",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Blocks(is_header),
        recognise,
    }),
    record: Some(claims),
    header: None,
    open: |_| Box::new(Syslog),
};

/// The parts of a line.
struct Line<'a> {
    time: Stamp,
    host: Option<&'a [u8]>,
    tag: &'a [u8],
    pid: Option<&'a [u8]>,
    message: &'a [u8],
}

fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at(end);
    (word, rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `<PRI>`, with the `1 ` of RFC 5424 behind it.
fn priority(line: &[u8]) -> (bool, &[u8]) {
    let Some(rest) = line.strip_prefix(b"<") else {
        return (false, line);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) || rest.get(digits) != Some(&b'>') {
        return (false, line);
    }
    let rest = rest.get(digits + 1..).unwrap_or(&[]);
    rest.strip_prefix(b"1 ")
        .map_or((false, rest), |rest| (true, rest))
}

fn parse_line(line: &[u8]) -> Option<Line<'_>> {
    let (rfc5424, rest) = priority(line);
    let (time, used) = parse::iso_prefix(rest).or_else(|| parse::rfc3164_prefix(rest))?;
    let rest = rest.get(used..)?.strip_prefix(b" ")?;
    let (host, rest) = word(rest);
    if host.is_empty() || host.ends_with(b":") {
        return None;
    }
    if rfc5424 {
        let (tag, rest) = word(rest);
        let (pid, rest) = word(rest);
        let (_message_id, rest) = word(rest);
        let rest = match rest.first() {
            Some(b'[') => rest
                .iter()
                .position(|byte| *byte == b']')
                .and_then(|end| rest.get(end + 1..))
                .unwrap_or(rest),
            _ => rest.strip_prefix(b"-").unwrap_or(rest),
        };
        let pid = Some(pid).filter(|pid| *pid != b"-");
        return Some(Line {
            time,
            host: Some(host),
            tag,
            pid,
            message: rest.trim_ascii_start(),
        });
    }
    let (tag, pid, message) = tag_of(rest);
    Some(Line {
        time,
        host: Some(host).filter(|host| *host != b"-"),
        tag,
        pid,
        message,
    })
}

/// `name[pid]:`, `name:` or nothing, and the message behind it.
fn tag_of(rest: &[u8]) -> (&[u8], Option<&[u8]>, &[u8]) {
    let (first, after) = word(rest);
    let Some(tag) = first.strip_suffix(b":") else {
        return (&[], None, rest);
    };
    match tag.strip_suffix(b"]").and_then(|tag| {
        tag.iter()
            .rposition(|byte| *byte == b'[')
            .map(|at| tag.split_at(at))
    }) {
        Some((name, pid)) => (name, pid.get(1..), after),
        None => (tag, None, after),
    }
}

fn is_header(line: &[u8]) -> bool {
    let (_, rest) = priority(line);
    match parse::rfc3164_prefix(rest) {
        Some((_, used)) => rest.get(used) == Some(&b' '),
        None => {
            parse::iso_prefix(rest).is_some_and(|(_, used)| rest.get(used) == Some(&b' '))
                || agent::is_header(line)
                || ConsoleLine::parse(line).is_some()
        }
    }
}

fn recognise(sample: &Sample<'_>) -> Certainty {
    const LOOKED_AT: usize = 40;
    if is_console(sample) {
        return 75;
    }
    let lines: Vec<&[u8]> = sample
        .lines()
        .filter(|line| !line.is_empty())
        .take(LOOKED_AT)
        .collect();
    let ours = lines
        .iter()
        .filter(|line| {
            !agent::is_header(line)
                && is_header(line)
                && parse_line(line).is_some_and(|line| !line.message.is_empty())
        })
        .count();
    // A line cut at the end of the sample does not count against it.
    if ours > 0 && ours * 2 >= lines.len() {
        80
    } else {
        0
    }
}

/// A serial console: seconds since boot at the head of many lines, between banners and the output of anything.
fn is_console(sample: &Sample<'_>) -> bool {
    const LOOKED_AT: usize = 200;
    let lines = sample
        .lines()
        .filter(|line| !line.is_empty())
        .take(LOOKED_AT);
    let (mut all, mut marked) = (0, 0);
    for line in lines {
        all += 1;
        marked += usize::from(ConsoleLine::parse(line).is_some());
    }
    marked > 0 && marked * 4 >= all
}

fn claims(record: Value<'_>) -> Certainty {
    let mut have = [false; 4];
    for (key, value) in record.entries() {
        let at = match key.0 {
            b"hostname" | b"host" | b"HostName" | b"Computer" => 0,
            b"process" | b"program" | b"ident" | b"appname" | b"ProcessName"
            | b"SYSLOG_IDENTIFIER" => 1,
            b"message" | b"msg" | b"SyslogMessage" => 2,
            b"timestamp" | b"@timestamp" | b"time" | b"EventTime" => 3,
            _ => continue,
        };
        if let Some(slot) = have.get_mut(at) {
            *slot = value.text().is_some();
        }
    }
    if have == [true; 4] { 60 } else { 0 }
}

/// Text kept of what a message carries.
const KEPT_TEXT: usize = 1 << 20;

struct Syslog;

impl Reader for Syslog {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        if unit.bytes.first() == Some(&b'{') {
            return object(unit, sink);
        }
        let record = sink.begin();
        if let Some(line) = ConsoleLine::parse(unit.bytes) {
            let event = console(&line, sink.wants_detail());
            sink.event(record, unit.span(), event);
            return true;
        }
        if let Some(line) = AgentLine::parse(unit.bytes) {
            let event = line.event(unit.bytes, sink);
            sink.event(record, unit.span(), event);
            return true;
        }
        // rsyslog's forward format may glue the lines after the first to it.
        let Some(line) = parse_line(unit.bytes) else {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "a line without a readable host and message",
            );
            return true;
        };
        let host = line.host.map(text);
        // Sysmon for Linux writes its events as XML messages.
        if line.message.starts_with(b"<Event>")
            && let Some(mut event) = xml::parse(line.message)
        {
            if event.computer.is_empty() {
                event.computer = Cow::Owned(host.unwrap_or_default().into_owned());
            }
            event.emit(KEPT_TEXT, record, unit.span(), sink, fields);
            return true;
        }
        let event = event(
            line.time,
            host,
            &text(line.tag),
            line.pid.map(text).as_deref(),
            line.message,
            sink,
        );
        sink.event(record, unit.span(), event);
        true
    }
}

/// A line of a serial console.
fn console<'a>(line: &ConsoleLine<'a>, wants_detail: bool) -> Event<'a> {
    let mut event = Event::new(EventKind::SystemLog, line.audit_time());
    event.resource = Some(Cow::Borrowed("console"));
    if wants_detail {
        let message = text(line.message);
        event.summary = message.lines().next().unwrap_or("").to_owned();
        event.field("message", message);
        if let Some(seconds) = line.since_boot {
            event.field("seconds since boot", text(seconds));
        }
        if let Some(result) = line.result {
            event.field("result", text(result));
        }
    }
    event
}

/// A log product's record.
fn object(unit: &Unit<'_>, sink: &mut Sink) -> bool {
    let value = Value::new(unit.bytes);
    if claims(value) == 0 {
        return false;
    }
    let first = |names: &[&str]| names.iter().find_map(|name| value.get(name).word());
    let record = sink.begin();
    let Some(time) = first(&["timestamp", "@timestamp", "time", "EventTime"])
        .and_then(|text| parse::any(text.as_bytes()))
    else {
        sink.skip(
            record,
            Code::BadTime,
            unit.span(),
            "a system log record whose time cannot be read",
        );
        return true;
    };
    let host = first(&["hostname", "host", "HostName", "Computer"]);
    let process = first(&[
        "process",
        "program",
        "ident",
        "appname",
        "ProcessName",
        "SYSLOG_IDENTIFIER",
    ])
    .unwrap_or_default();
    let tag_bytes = format!("{}: ", process.trim_end_matches(':'));
    let (tag, pid, _) = tag_of(tag_bytes.as_bytes());
    let message = first(&["message", "msg", "SyslogMessage"]).unwrap_or_default();
    let host = host.map(|host| Cow::Owned(host.into_owned()));
    let event = own(event(
        time,
        host,
        &text(tag),
        pid.map(text).as_deref(),
        message.as_bytes(),
        sink,
    ));
    sink.event(record, unit.span(), event);
    true
}

/// An event that borrows nothing of a message built on the way.
pub(crate) fn own(event: Event<'_>) -> Event<'static> {
    let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
    Event {
        kind: event.kind,
        time: event.time,
        outcome: event.outcome,
        host: owned(event.host),
        actor: owned(event.actor),
        ip: owned(event.ip),
        resource: owned(event.resource),
        operation: owned(event.operation),
        correlation: owned(event.correlation),
        fact: event.fact,
        summary: event.summary,
        fields: event.fields,
    }
}

/// The event of a message, whatever wrapped it. Shared with the journal.
pub(crate) fn event<'a>(
    outer: Stamp,
    host: Option<Cow<'a, str>>,
    tag: &str,
    pid: Option<&str>,
    message: &'a [u8],
    sink: &mut Sink,
) -> Event<'a> {
    let wants_detail = sink.wants_detail();
    let mut event = match AgentLine::parse(message).filter(|line| line.level.is_some()) {
        Some(line) => line.event(message, sink),
        None => {
            let shown = if wants_detail || login::speaks(tag) {
                text(message)
            } else {
                Cow::Borrowed("")
            };
            let fact = login::read(tag, &shown);
            let kind = if fact.is_some() {
                EventKind::Authentication
            } else {
                EventKind::SystemLog
            };
            let mut event = Event::new(kind, Some(outer));
            if let Some(fact) = fact {
                event.actor = fact.actor;
                event.ip = fact.ip;
                event.outcome = fact.outcome;
                event.operation = Some(Cow::Borrowed(fact.operation));
            }
            if wants_detail {
                event.summary = if tag.is_empty() {
                    unescaped(&shown)
                } else {
                    format!("{tag}: {}", unescaped(&shown))
                };
                event.field("message", shown);
            }
            event
        }
    };
    event.host = host;
    if event.resource.is_none() && !tag.is_empty() {
        event.resource = Some(Cow::Owned(tag.to_owned()));
    }
    if wants_detail {
        event.field("tag", tag);
        if let Some(pid) = pid {
            event.field("pid", pid);
        }
        event.field("log time", outer.instant.to_string());
    }
    event
}

/// rsyslog writes control bytes as `#ooo`: undone for the one-line summary only.
fn unescaped(message: &str) -> String {
    let line = message
        .replace("#012", " ⏎ ")
        .replace("#011", " ")
        .replace("#033", "␛");
    line.lines().next().unwrap_or("").to_owned()
}
