//! What handlers leave on disk: settings, statuses, markers, states, scripts and outputs.

use super::handlers::Handler;
use super::{Trail, guest_file};
use crate::case::{CaseFile, base64};
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::random::Random;
use crate::world::{Family, Machine, Run, Trace, World};
use std::collections::BTreeSet;

/// Bytes of each stream that a status keeps.
const TAIL_BYTES: usize = 4_096;

/// The files of all runs on a machine.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine, trail: &Trail) -> Vec<CaseFile> {
    let random = Random::new(world.seed).stream(&format!("settings of {}", machine.name));
    let runs: Vec<&Run> = world
        .runs
        .iter()
        .filter(|run| run.machine == machine_at && run.family != Family::Immediate)
        .collect();
    let mut files = Vec::new();
    for run in &runs {
        run_files(world, machine, run, &random, &mut files);
    }
    for family in runs.iter().map(|run| run.family).collect::<BTreeSet<_>>() {
        let own: Vec<&Run> = runs
            .iter()
            .copied()
            .filter(|run| run.family == family)
            .collect();
        handler_files(world, machine, family, &own, trail, &mut files);
    }
    files
}

fn run_files(
    world: &World,
    machine: &Machine,
    run: &Run,
    random: &Random,
    files: &mut Vec<CaseFile>,
) {
    let mut add = |trace: Trace, path: &str, at: Instant, bytes: Vec<u8>| {
        if !run.lost.contains(&trace) {
            files.push(guest_file(machine, path, at, bytes));
        }
    };
    let folder = run.download();
    // The managed handler and custom script keep the newest folder and empty older settings.
    let cleaned = world.is_cleaned(run);
    if !cleaned {
        add(
            Trace::Script,
            &format!("{folder}/{}", run.script_file()),
            run.started.plus_ms(-15),
            run.script.clone(),
        );
        let (changed, stdout) = match run.stdout_emptied {
            Some(at) => (at, Vec::new()),
            None => (run.ended, run.stdout.clone()),
        };
        add(Trace::Stdout, &format!("{folder}/stdout"), changed, stdout);
        add(
            Trace::Stderr,
            &format!("{folder}/stderr"),
            run.started,
            run.stderr.clone(),
        );
    }
    // The agent removes both when the resource is deleted.
    if run.removed.is_none() {
        let written = if cleaned {
            Vec::new()
        } else {
            settings(run, random)
        };
        add(Trace::Settings, &run.settings_path(), run.noticed, written);
        add(
            Trace::Status,
            &run.status_path(),
            run.ended.plus_ms(3),
            status(machine, run),
        );
    }
}

fn handler_files(
    world: &World,
    machine: &Machine,
    family: Family,
    runs: &[&Run],
    trail: &Trail,
    files: &mut Vec<CaseFile>,
) {
    let handler = Handler::of(family);
    let folder = handler.folder();
    let first = runs.iter().map(|run| run.noticed).min().unwrap_or_default();
    let mut add = |path: String, at: Instant, text: String| {
        files.push(guest_file(machine, &path, at, text.into_bytes()));
    };
    for run in runs.iter().filter(|run| world.is_newest(run)) {
        add(
            format!("{folder}/{}", run.marker()),
            run.started.plus_ms(-60),
            run.sequence.to_string(),
        );
        if let (Some(name), None) = (run.guest_name(), run.removed) {
            add(
                format!("{folder}/config/{name}.HandlerState"),
                run.noticed,
                "enabled".to_owned(),
            );
        }
    }
    add(
        format!("{folder}/config/HandlerState"),
        first,
        "Enabled".to_owned(),
    );
    add(
        format!("{folder}/config/HandlerStatus"),
        trail.last_enabled(family).unwrap_or(first),
        object([
            ("name", handler.name.into()),
            ("version", handler.version.into()),
            ("status", "Ready".into()),
            ("code", 0.into()),
            ("message", "Plugin enabled".into()),
            ("supports_multi_config", (family == Family::Managed).into()),
        ])
        .print(Hand::Python),
    );
    add(
        format!("{folder}/HandlerEnvironment.json"),
        first,
        Json::List(vec![object([
            ("name", handler.name.into()),
            ("version", Json::Number("1.0".to_owned())),
            (
                "handlerEnvironment",
                object([
                    (
                        "logFolder",
                        format!("/var/log/azure/{}", handler.name).into(),
                    ),
                    ("configFolder", format!("{folder}/config").into()),
                    ("statusFolder", format!("{folder}/status").into()),
                    ("heartbeatFile", format!("{folder}/heartbeat.log").into()),
                    (
                        "eventsFolder",
                        format!("/var/log/azure/{}/events", handler.name).into(),
                    ),
                ]),
            ),
        ])])
        .print(Hand::Python),
    );
}

/// `N.settings`, as the agent writes it.
fn settings(run: &Run, random: &Random) -> Vec<u8> {
    let public = match run.family {
        Family::Action => Json::Object(Vec::new()),
        Family::Managed | Family::Immediate => object([
            (
                "source",
                object([(
                    "script",
                    String::from_utf8_lossy(&run.script).into_owned().into(),
                )]),
            ),
            ("parameters", Json::List(Vec::new())),
            ("timeoutInSeconds", 3_600.into()),
            ("asyncExecution", false.into()),
        ]),
        Family::Extension => Json::Object(Vec::new())
            .with_some("commandToExecute", run.command.clone())
            .with_some(
                "fileUris",
                run.file_uri.clone().map(|uri| Json::List(vec![uri.into()])),
            ),
    };
    let mut random = random.stream(&format!("{} {}", run.full_extension(), run.stem()));
    let protected = match run.family {
        // The script travels encrypted.
        Family::Action => Some(enveloped(&mut random)),
        Family::Managed | Family::Extension | Family::Immediate => None,
    };
    let handler_settings = object([("publicSettings", public)])
        .with_some("protectedSettings", protected.clone().map(Json::from))
        .with_some(
            "protectedSettingsCertThumbprint",
            protected.map(|_| random.hex(40).to_uppercase()),
        );
    object([(
        "runtimeSettings",
        Json::List(vec![object([("handlerSettings", handler_settings)])]),
    )])
    .print(Hand::Python)
    .into_bytes()
}

/// Base64 of something that begins like DER of CMS EnvelopedData; what follows is noise.
fn enveloped(random: &mut Random) -> String {
    let noise = random.bytes(250);
    let mut der = vec![0x30, 0x82, 0x01, 0x08];
    der.extend_from_slice(&[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03,
    ]);
    der.extend_from_slice(&[0xa0, 0x81, 0xfa]);
    der.extend_from_slice(&noise);
    base64(&der)
}

/// The last bytes of a stream, as a status keeps them.
fn tail(stream: &[u8]) -> String {
    let from = stream.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(stream.get(from..).unwrap_or_default()).into_owned()
}

/// `N.status`, as the handler writes it at the end.
fn status(machine: &Machine, run: &Run) -> Vec<u8> {
    let failed = run.exit_code != 0;
    let streams = format!(
        "\n[stdout]\n{}\n[stderr]\n{}",
        tail(&run.stdout),
        tail(&run.stderr)
    );
    let (outcome, message) = match run.family {
        Family::Action => ("success", format!("Enable succeeded: {streams}")),
        Family::Extension if failed => (
            "error",
            format!(
                "Enable failed: failed to execute command: command terminated with exit status={}{streams}",
                run.exit_code
            ),
        ),
        Family::Extension => ("success", format!("Enable succeeded: {streams}")),
        Family::Managed | Family::Immediate => (
            "success",
            instance_view(machine, run).print(Hand::GoCompact),
        ),
    };
    let mut inner = Json::Object(Vec::new());
    inner = inner
        .with_some("name", run.guest_name())
        .with("operation", "Enable")
        .with("status", outcome)
        .with(
            "formattedMessage",
            object([("lang", "en".into()), ("message", message.into())]),
        );
    let written = machine
        .clock
        .reading(run.ended.plus_ms(3))
        .rfc3339_seconds();
    Json::List(vec![object([
        ("version", 1.into()),
        ("timestampUTC", written.into()),
        ("status", inner),
    ])])
    .print(Hand::GoTabs)
    .into_bytes()
}

fn instance_view(machine: &Machine, run: &Run) -> Json {
    let failed = run.exit_code != 0;
    object([
        (
            "executionState",
            if failed { "Failed" } else { "Succeeded" }.into(),
        ),
        (
            "executionMessage",
            if failed {
                "Execution failed: failed to execute command: command terminated with exit status"
            } else {
                "Execution completed"
            }
            .into(),
        ),
        ("output", tail(&run.stdout).into()),
        ("error", tail(&run.stderr).into()),
        ("exitCode", i64::from(run.exit_code).into()),
        (
            "startTime",
            machine.clock.reading(run.started).rfc3339_seconds().into(),
        ),
        (
            "endTime",
            machine.clock.reading(run.ended).rfc3339_seconds().into(),
        ),
    ])
}
