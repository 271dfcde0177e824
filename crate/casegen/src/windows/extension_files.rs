//! What handlers leave on disk: settings, statuses and scripts.
//!
//! Other than on Linux nothing of older runs is removed, outputs lie in the status alone, and the script of an action
//! run command lies readable in its settings, one string for each line.

use super::guest_file;
use super::layout::{Handler, script_path, settings_path, status_path};
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::world::{Family, Machine, Run, Trace, World};
use std::collections::BTreeMap;

/// Bytes of each stream that a status keeps.
const TAIL_BYTES: usize = 4_096;

/// The files of all runs on a machine, and those that every handler has.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine) -> Vec<CaseFile> {
    let mut files = Vec::new();
    let mut installed: BTreeMap<Family, Instant> = BTreeMap::new();
    for run in world.runs.iter().filter(|run| run.machine == machine_at) {
        installed.entry(run.family).or_insert(run.noticed);
        run_files(machine, run, &mut files);
    }
    for (family, at) in installed {
        let handler = Handler::of(family);
        for (name, bytes) in [
            ("HandlerEnvironment.json", environment(handler)),
            ("HandlerManifest.json", manifest(handler)),
        ] {
            let path = format!(r"{}\{name}", handler.folder());
            files.push(guest_file(machine, &path, at, bytes));
        }
    }
    files
}

fn run_files(machine: &Machine, run: &Run, files: &mut Vec<CaseFile>) {
    let mut add = |trace: Trace, path: &str, at: Instant, bytes: Vec<u8>| {
        let removed = run.removed.is_some() && trace != Trace::Script;
        if !run.lost.contains(&trace) && !removed {
            files.push(guest_file(machine, path, at, bytes));
        }
    };
    add(
        Trace::Script,
        &script_path(run),
        super::steps::written(run),
        run.script.clone(),
    );
    add(
        Trace::Settings,
        &settings_path(run),
        run.noticed,
        settings(run),
    );
    add(
        Trace::Status,
        &status_path(run),
        super::steps::reported(run),
        Json::List(vec![status(machine, run)])
            .print(Hand::Compact)
            .into_bytes(),
    );
}

fn settings(run: &Run) -> Vec<u8> {
    let script = String::from_utf8_lossy(&run.script);
    let public = match run.family {
        Family::Action => object([(
            "script",
            Json::List(script.lines().map(Json::from).collect()),
        )]),
        Family::Managed | Family::Immediate => object([
            ("source", object([("script", script.as_ref().into())])),
            ("parameters", Json::List(Vec::new())),
            ("timeoutInSeconds", 3_600.into()),
            ("asyncExecution", false.into()),
        ]),
        Family::Extension => Json::Object(Vec::new())
            .with_some(
                "fileUris",
                run.file_uri.clone().map(|uri| Json::List(vec![uri.into()])),
            )
            .with_some("commandToExecute", run.command.clone()),
    };
    let handler = object([
        ("protectedSettingsCertThumbprint", Json::Null),
        ("protectedSettings", Json::Null),
        ("publicSettings", public),
    ]);
    object([(
        "runtimeSettings",
        Json::List(vec![object([("handlerSettings", handler)])]),
    )])
    .print(Hand::Compact)
    .into_bytes()
}

/// The last bytes of a stream, as a status keeps them.
fn tail(stream: &[u8]) -> String {
    let from = stream.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(stream.get(from..).unwrap_or_default()).into_owned()
}

fn message(text: impl Into<Json>) -> Json {
    object([("lang", "en-US".into()), ("message", text.into())])
}

/// A run's status as its handler writes it at the end; the aggregate status repeats it.
#[must_use]
pub fn status(machine: &Machine, run: &Run) -> Json {
    let failed = run.exit_code != 0;
    let outcome = |fails: bool| if fails { "error" } else { "success" };
    let head = |name: &str, operation: &str, status: &str, code: i64, text: Json| {
        object([
            ("name", name.into()),
            ("operation", operation.into()),
            ("status", status.into()),
            ("code", code.into()),
            ("formattedMessage", text),
        ])
    };
    let inner = match run.family {
        Family::Managed | Family::Immediate => head(
            run.name.unwrap_or_default(),
            "Enable",
            outcome(failed),
            0,
            message(instance_view(machine, run).print(Hand::Compact)),
        ),
        Family::Action | Family::Extension => {
            let stream = |name: &str, bytes: &[u8]| {
                object([
                    ("name", name.into()),
                    ("status", "success".into()),
                    ("code", 0.into()),
                    ("formattedMessage", message(tail(bytes))),
                ])
            };
            // An action run command succeeds whatever its script did.
            let fails = failed && run.family == Family::Extension;
            head(
                run.name.unwrap_or("RunCommand"),
                "Command Execution Finished",
                outcome(fails),
                if fails { run.exit_code.into() } else { 0 },
                message("Command execution finished"),
            )
            .with(
                "substatus",
                Json::List(vec![
                    stream("StdOut", &run.stdout),
                    stream("StdErr", &run.stderr),
                ]),
            )
        }
    };
    let written = machine.clock.reading(super::steps::reported(run));
    object([
        ("version", "1".into()),
        ("timestampUTC", super::seven_digits(written).into()),
        ("status", inner),
    ])
}

fn instance_view(machine: &Machine, run: &Run) -> Json {
    let failed = run.exit_code != 0;
    let at = |at: Instant| Json::from(super::seven_digits(machine.clock.reading(at)));
    object([
        (
            "executionState",
            if failed { "Failed" } else { "Succeeded" }.into(),
        ),
        ("executionMessage", "Execution completed".into()),
        ("exitCode", i64::from(run.exit_code).into()),
        ("output", tail(&run.stdout).into()),
        ("error", tail(&run.stderr).into()),
        ("startTime", at(run.started)),
        ("endTime", at(run.ended)),
    ])
}

fn environment(handler: &Handler) -> Vec<u8> {
    let folder = handler.folder();
    Json::List(vec![object([
        ("version", Json::Number("1.0".to_owned())),
        (
            "handlerEnvironment",
            object([
                ("logFolder", handler.log_folder().into()),
                ("configFolder", format!(r"{folder}\RuntimeSettings").into()),
                ("statusFolder", format!(r"{folder}\Status").into()),
                (
                    "heartbeatFile",
                    format!(r"{folder}\Status\HeartBeat.Json").into(),
                ),
            ]),
        ),
    ])])
    .print(Hand::Compact)
    .into_bytes()
}

fn manifest(handler: &Handler) -> Vec<u8> {
    let command =
        |verb: &str| -> (String, Json) { (format!("{verb}Command"), format!("{verb}.cmd").into()) };
    let mut commands: Vec<(String, Json)> = ["install", "enable", "update", "disable", "uninstall"]
        .map(command)
        .into();
    commands.push(("rebootAfterInstall".to_owned(), false.into()));
    commands.push(("reportHeartbeat".to_owned(), false.into()));
    Json::List(vec![object([
        ("name", handler.name.into()),
        ("version", Json::Number("1.0".to_owned())),
        ("handlerManifest", Json::Object(commands)),
    ])])
    .print(Hand::TwoSpaces)
    .into_bytes()
}
