//! The logs of the handlers: `[pid+thread] [MM/dd/yyyy HH:mm:ss.ff] [LEVEL] message`.
//!
//! The settings are logged as they were read, script included, so that a script of several lines gives a message of
//! several lines.

use super::layout::{self, Handler};
use super::process::Tree;
use super::{centiseconds, guest_file, steps};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::world::{Family, Machine, Run, Trace, World};
use std::collections::BTreeMap;

/// One log: its lines with their times, in order.
struct Log<'m> {
    machine: &'m Machine,
    text: String,
    changed: Instant,
}

impl Log<'_> {
    fn line(&mut self, process: u32, at: Instant, message: &str) {
        let time = centiseconds(self.machine.clock.reading(at));
        self.text.push_str(&format!(
            "[{process}+00000001] [{time}] [INFO] {message}\r\n"
        ));
        self.changed = self.changed.max(at);
    }
}

/// The logs of a machine's handlers.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine, tree: &Tree) -> Vec<CaseFile> {
    let mut logs: BTreeMap<(&str, &str), (&Handler, Log<'_>)> = BTreeMap::new();
    for (run_at, run) in world.runs.iter().enumerate() {
        if run.machine != machine_at {
            continue;
        }
        let handler = Handler::of_run(run);
        let process = tree.handler_of(run_at);
        let (_, log) = logs
            .entry((handler.name, handler.version))
            .or_insert_with(|| {
                let mut log = Log {
                    machine,
                    text: String::new(),
                    changed: run.noticed,
                };
                install(&mut log, handler, run, process.saturating_sub(1_272) | 4);
                (handler, log)
            });
        if !run.lost.contains(&Trace::HandlerLog) {
            enable(log, handler, run, process);
        }
    }
    logs.into_values()
        .map(|(handler, log)| {
            let path = format!(r"{}\{}", handler.log_folder(), handler.log);
            guest_file(machine, &path, log.changed, log.text.into_bytes())
        })
        .collect()
}

fn greeting(family: Family) -> &'static str {
    match family {
        Family::Action => "Starting RunCommand Extension v1",
        Family::Managed | Family::Immediate => "Starting RunCommand Extension version 1",
        Family::Extension => "Starting IaaS ScriptHandler Extension v1",
    }
}

fn environment(handler: &Handler, family: Family) -> String {
    let (logs, folder) = (handler.log_folder(), handler.folder());
    let events = match family {
        Family::Managed | Family::Immediate => format!(
            "EventsFolder: \"C:\\WindowsAzure\\Logs\\Plugins\\{}\\Events\", ",
            handler.name
        ),
        Family::Action | Family::Extension => String::new(),
    };
    format!(
        "HandlerEnvironment = Version: 1, HandlerEnvironment: [LogFolder: \"{logs}\", ConfigFolder: \"{folder}\\RuntimeSettings\", StatusFolder: \"{folder}\\Status\", {events}HeartbeatFile: \"{folder}\\Status\\HeartBeat.Json\"]"
    )
}

/// The first call on a machine.
fn install(log: &mut Log<'_>, handler: &Handler, run: &Run, process: u32) {
    let at = steps::called(run).plus_ms(-2_350);
    log.line(process, at, greeting(run.family));
    log.line(process, at.plus_ms(20), &environment(handler, run.family));
    if run.family == Family::Managed {
        log.line(process, at.plus_ms(20), "Process handler command: install");
    } else {
        log.line(process, at.plus_ms(20), "Installing Handler");
        log.line(process, at.plus_ms(30), "Handler successfully installed");
    }
}

fn enable(log: &mut Log<'_>, handler: &Handler, run: &Run, process: u32) {
    let at = steps::handled(run);
    let mut say = |after: i64, message: &str| log.line(process, at.plus_ms(after), message);
    say(5, greeting(run.family));
    say(10, &environment(handler, run.family));
    let script = String::from_utf8_lossy(&run.script).replace("\r\n", "\n");
    let script = script.trim_end_matches('\n');
    if let (Family::Managed, Some(name)) = (run.family, run.name) {
        say(
            12,
            &format!("Using environment variable [ConfigExtensionName]={name}"),
        );
        say(
            12,
            &format!(
                "Using environment variable [ConfigSequenceNumber]={}",
                run.sequence
            ),
        );
        say(13, "Process handler command: enable");
    } else {
        say(12, "Enabling Handler");
        say(13, "Handler successfully enabled");
    }
    say(
        15,
        &format!("Loading configuration for sequence number {}", run.sequence),
    );
    match run.family {
        Family::Action => {
            say(
                25,
                &format!(
                    "HandlerSettings = ProtectedSettingsCertThumbprint: , ProtectedSettings: {{}}, PublicSettings: {{Script: [{script}]}}"
                ),
            );
            say(
                55,
                "Asynchronously executing the specified run command script.",
            );
        }
        Family::Managed | Family::Immediate => {
            say(
                25,
                &format!(
                    "HandlerSettings = ProtectedSettingsCertThumbprint: , ProtectedSettings: , PublicSettings: Source: Script: {script}\nScriptUri:  Parameters: []"
                ),
            );
            say(55, "RunCommand script execution task started.");
            say(
                56,
                r"PowerShellPath is set to C:\Windows\system32\windowspowershell\v1.0\powershell.exe",
            );
        }
        Family::Extension => {
            let uri = run.file_uri.as_deref().unwrap_or_default();
            let command = run.command.as_deref().unwrap_or_default();
            say(
                25,
                &format!(
                    "HandlerSettings = ProtectedSettingsCertThumbprint: , ProtectedSettings: {{}}, PublicSettings: {{FileUris: [{uri}], CommandToExecute: {command}, Timestamp: 0}}"
                ),
            );
            say(
                30,
                &format!(
                    "Downloading files specified in configuration to {}",
                    layout::working_folder(run)
                ),
            );
            say(
                50,
                "Waiting for all async file download tasks to complete...",
            );
            say(
                55,
                &format!("Files downloaded. Asynchronously executing command: '{command}'"),
            );
        }
    }
    let after = steps::finished(run).ms_since(at);
    if run.family == Family::Managed {
        say(
            after,
            &format!(
                "RunCommand script execution finished with exit code: {}",
                run.exit_code
            ),
        );
        return;
    }
    say(65, "Command execution task started. Awaiting completion...");
    say(
        after,
        &format!(
            "Command execution finished. Command exited with code: {}",
            run.exit_code
        ),
    );
}
