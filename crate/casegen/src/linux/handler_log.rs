//! `handler.log`: what a handler says of each invocation, in logfmt, between the shim's own lines.

use super::handlers::Handler;
use crate::instant::{Clock, Instant};
use crate::world::{Family, Run};

/// A line.
#[derive(Clone, Debug)]
pub struct HandlerLine {
    /// When it was written.
    pub at: Instant,
    /// The line.
    pub text: String,
    /// Whether it names the sequence number (and so goes when somebody deletes all lines that do).
    pub names_sequence: bool,
}

/// Why the agent called the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// First time on this machine.
    Install,
    /// A new sequence number: the script runs.
    Fresh,
    /// Again, because of a boot or of another extension's goal state: nothing runs.
    Again,
}

/// A logfmt value: quoted as Go quotes where it has to be.
#[must_use]
pub fn value(text: &str) -> String {
    let plain = |byte: u8| byte > b' ' && byte != b'=' && byte != b'"' && byte < 0x7f;
    if text.bytes().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

struct Writer<'a> {
    clock: &'a Clock,
    prefix: String,
    lines: Vec<HandlerLine>,
}

impl Writer<'_> {
    fn shim(&mut self, at: Instant, text: String, names_sequence: bool) {
        self.lines.push(HandlerLine {
            at,
            text,
            names_sequence,
        });
    }

    fn log(&mut self, at: Instant, pairs: &[(&str, &str)]) {
        let mut text = format!("time={} {}", self.clock.go_rfc3339(at), self.prefix);
        for (key, said) in pairs {
            text.push_str(&format!(" {key}={}", value(said)));
        }
        self.shim(at, text, true);
    }

    fn event(&mut self, at: Instant, event: &str) {
        self.log(at, &[("event", event)]);
    }
}

/// What the service of immediate run commands logs of a run: no shim, no settings of the agent's.
#[must_use]
pub fn immediate(clock: &Clock, run: &Run) -> Vec<HandlerLine> {
    let name = run.guest_name().unwrap_or_default();
    let mut out = Writer {
        clock,
        prefix: format!(
            "version={} operation=enable extensionName={name} seq={}",
            run.handler().build,
            run.sequence
        ),
        lines: Vec::new(),
    };
    out.event(run.noticed, "start");
    execution(&mut out, run);
    out.lines
}

/// The lines of one call for a run's settings, begun at `at`.
#[must_use]
pub fn lines(clock: &Clock, run: &Run, call: Call, at: Instant) -> Vec<HandlerLine> {
    let handler = run.handler();
    let operation = if call == Call::Install {
        "install"
    } else {
        "enable"
    };
    let named = run
        .guest_name()
        .map(|name| format!("extensionName={name} "))
        .unwrap_or_default();
    let mut out = Writer {
        clock,
        prefix: format!(
            "version={} operation={operation} {named}seq={}",
            handler.build, run.sequence
        ),
        lines: Vec::new(),
    };
    let binary = format!("{}/{}", handler.folder(), handler.binary);
    match call {
        Call::Install => install(&mut out, handler, &binary, at),
        Call::Fresh | Call::Again => enable(&mut out, run, &binary, call, at),
    }
    out.lines
}

fn install(out: &mut Writer<'_>, handler: &Handler, binary: &str, at: Instant) {
    let silent = [("status", "not reported for operation (by design)")];
    out.shim(at, format!("+ {binary} install"), false);
    out.event(at.plus_ms(12), "start");
    out.log(at.plus_ms(12), &silent);
    if handler.name != Handler::of(Family::Managed).name {
        let status = format!("{}/status", handler.folder());
        out.log(
            at.plus_ms(13),
            &[
                ("event", "migrate to mrseq"),
                (
                    "error",
                    &format!("Can't find out seqnum from {status}, not enough files."),
                ),
            ],
        );
    }
    out.log(
        at.plus_ms(14),
        &[("event", "created data dir"), ("path", handler.data)],
    );
    out.event(at.plus_ms(14), "installed");
    out.log(at.plus_ms(15), &silent);
    out.event(at.plus_ms(15), "end");
}

fn enable(out: &mut Writer<'_>, run: &Run, binary: &str, call: Call, at: Instant) {
    let status = run.status_path();
    if call == Call::Again {
        out.shim(
            at,
            format!("Not writing a placeholder status file, already exists: {status}"),
            true,
        );
    } else {
        out.shim(
            at,
            format!(
                "Writing a placeholder status file indicating progress before forking: {status}"
            ),
            true,
        );
    }
    out.shim(at, format!("+ nohup {binary} enable"), false);
    let begun = at.plus_ms(60);
    let marker = run.marker();
    out.event(begun, "start");
    out.event(begun.plus_ms(1), "pre-check");
    out.log(
        begun.plus_ms(1),
        &[("event", "comparing seqnum"), ("path", &marker)],
    );
    if call == Call::Again {
        let message = match run.family {
            Family::Action => "this script configuration is already processed, will not run again",
            Family::Managed | Family::Extension | Family::Immediate => {
                "the script configuration has already been processed, will not run again"
            }
        };
        out.log(begun.plus_ms(2), &[("event", "exit"), ("message", message)]);
        return;
    }
    out.log(
        begun.plus_ms(2),
        &[("event", "seqnum saved"), ("path", &marker)],
    );
    configuration(out, run, begun.plus_ms(4));
    execution(out, run);
}

fn configuration(out: &mut Writer<'_>, run: &Run, at: Instant) {
    let folder = run.download();
    if run.guest_name().is_some() {
        let from = format!("reading configuration from {}", run.settings_path());
        out.event(at, &from);
    } else {
        for event in [
            "reading configuration",
            "read configuration",
            "validating json schema",
            "json schema valid",
            "parsing configuration json",
            "parsed configuration json",
            "validating configuration logically",
            "validated configuration",
        ] {
            out.event(at, event);
        }
    }
    out.log(
        at.plus_ms(3),
        &[("event", "creating output directory"), ("path", &folder)],
    );
    out.event(at.plus_ms(3), "created output directory");
    match (run.family, &run.file_uri) {
        (Family::Managed | Family::Immediate, _) => out.log(at.plus_ms(4), &[("scriptUri", "")]),
        (_, None) => out.log(at.plus_ms(4), &[("files", "0")]),
        (_, Some(_)) => {
            out.log(at.plus_ms(4), &[("files", "1")]);
            out.log(at.plus_ms(5), &[("file", "0"), ("event", "download start")]);
            let fetched = run.started.plus_ms(-20);
            out.log(
                fetched,
                &[
                    ("file", "0"),
                    ("event", "download complete"),
                    ("output", &folder),
                ],
            );
        }
    }
}

fn execution(out: &mut Writer<'_>, run: &Run) {
    let folder = run.download();
    let output = ("output", folder.as_str());
    out.log(run.started, &[("event", "executing command"), output]);
    match run.family {
        Family::Action => {
            out.log(
                run.started,
                &[("event", "executing protected script"), output],
            );
        }
        Family::Extension => {
            out.log(
                run.started,
                &[("event", "executing public commandToExecute"), output],
            );
        }
        Family::Managed | Family::Immediate => {
            let script = format!("{folder}/{}", run.script_file());
            out.log(
                run.started.plus_ms(2),
                &[("event", "prepare command"), ("scriptFile", &script)],
            );
            let mut report = run.started.plus_seconds(15);
            while report < run.ended {
                out.event(report, "report partial status");
                report = report.plus_seconds(15);
            }
        }
    }
    if run.exit_code == 0 {
        out.log(run.ended, &[("event", "executed command"), output]);
        out.event(run.ended.plus_ms(1), "enabled");
    } else {
        let error = format!("command terminated with exit status={}", run.exit_code);
        out.log(
            run.ended,
            &[
                ("event", "failed to execute command"),
                ("error", &error),
                output,
            ],
        );
        if run.family == Family::Extension {
            out.event(run.ended.plus_ms(1), "enable failed");
            let error = format!("failed to execute command: {error}");
            out.log(
                run.ended.plus_ms(2),
                &[("event", "failed to handle"), ("error", &error)],
            );
            return;
        }
        out.event(run.ended.plus_ms(1), "enable script failed");
    }
    out.event(run.ended.plus_ms(4), "end");
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_are_quoted_where_go_quotes_them() {
        assert_eq!(value("mrseq"), "mrseq");
        assert_eq!(value(""), "");
        assert_eq!(value("a b"), "\"a b\"");
        assert_eq!(value("exit status=2"), "\"exit status=2\"");
        assert_eq!(value("a=\"b\"\n"), "\"a=\\\"b\\\"\\n\"");
    }
}
