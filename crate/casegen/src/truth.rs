//! The truth file, `runlens.truth/1`: what an analyzer should find in a case, and what it cannot.
//!
//! ```jsonc
//! { "schema": "runlens.truth/1", "story": "…", "seed": 7,
//!   "tenant": "…",
//!   "subscriptions": [{ "id": "…", "name": "…" }],
//!   "hosts": [{ "host": "web01", "platform": "linux", "resource": "/subscriptions/…", "vm_id": "…", "collected": "…",
//!               "clock": { "skew_seconds": 303.4, "drift_per_day": 0.0, "zone_minutes": 120 } }],
//!   "operations": [{ "id": 0, "correlation": "…", "operation": "…", "resource": "…", "subscription": "…",
//!                    "caller": "…", "caller_kind": "user", "ip": "…", "token_ip": "…",
//!                    "started": "…", "ended": "…", "outcome": "succeeded", "family": "action",
//!                    "rows": 3,                                // distinct rows in the evidence
//!                    "copies": { "cloud/activity-log.json": 3, "cloud/insights-activity-logs": 3 },
//!                    "hostile": true }],
//!   "runs": [{ "id": 0, "host": "web01", "family": "action", "name": null, "sequence": 3,
//!              "started": "…", "ended": "…",                   // true time
//!              "guest_started": "…", "guest_ended": "…",       // by the host's clock, in UTC
//!              "exit_code": 0, "script_sha256": "…", "operation": 4,
//!              "visible": true,                                // false: nothing on the guest shows it
//!              "traces": ["script", "stdout"],                 // what of it is left
//!              "lost": ["status"], "files": ["web01/var/lib/…/script.sh"], "hostile": false }],
//!   "links": [{ "operation": 4, "run": 0 }],                   // both sides are in the evidence
//!   "one_sided": { "operations": [..], "runs": [..] },         // the other side is not
//!   "steps": [{ "time": "…", "title": "…", "attack": ["T1651"], "operation": 4, "run": 0 }],
//!   "counts": { "operations": 61, "rows": 152, "record_copies": 190, "runs": 20 } }
//! ```
//!
//! Operations and runs that no evidence shows are listed too: `rows` 0, `visible` false. Counts leave them out.

use crate::case::CaseFile;
use crate::cloud::{self, Placed};
use crate::instant::Instant;
use crate::windows::layout;
use crate::world::{Family, Operation, Outcome, Platform, PrincipalKind, Run, Trace, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The truth of a world whose evidence is these files.
#[must_use]
pub fn truth(world: &World, files: &[CaseFile]) -> Value {
    let rows = cloud::all_rows(world);
    let mut seen: BTreeMap<usize, (usize, BTreeMap<&str, usize>)> = BTreeMap::new();
    for placed in &rows {
        let holders: Vec<&str> = world
            .exports
            .iter()
            .filter(|export| export.holds(placed))
            .map(|export| export.path)
            .collect();
        if holders.is_empty() {
            continue;
        }
        let entry = seen.entry(placed.at).or_default();
        entry.0 += 1;
        for holder in holders {
            *entry.1.entry(holder).or_default() += 1;
        }
    }
    let shown = |at: &usize| seen.get(at).map_or(0, |entry| entry.0);
    let operations: Vec<Value> = world
        .operations
        .iter()
        .enumerate()
        .map(|(at, operation)| {
            let copies = seen
                .get(&at)
                .map(|entry| entry.1.clone())
                .unwrap_or_default();
            operation_truth(world, at, operation, shown(&at), &copies, &rows)
        })
        .collect();
    let runs: Vec<Value> = world
        .runs
        .iter()
        .enumerate()
        .map(|(at, run)| run_truth(world, at, run, files))
        .collect();
    let (mut links, mut only_operations, mut only_runs) = (Vec::new(), Vec::new(), Vec::new());
    for (at, run) in world.runs.iter().enumerate() {
        let asked = run.operation.filter(|operation| shown(operation) > 0);
        match (asked, world.is_visible(at)) {
            (Some(operation), true) => links.push(json!({ "operation": operation, "run": at })),
            (Some(operation), false) => only_operations.push(operation),
            (None, true) => only_runs.push(at),
            (None, false) => {}
        }
    }
    let of_run: Vec<usize> = world.runs.iter().filter_map(|run| run.operation).collect();
    for (at, operation) in world.operations.iter().enumerate() {
        if family(operation) != "other" && shown(&at) > 0 && !of_run.contains(&at) {
            only_operations.push(at);
        }
    }
    only_operations.sort_unstable();
    json!({
        "schema": "runlens.truth/1",
        "story": world.story,
        "seed": world.seed,
        "tenant": world.tenant,
        "subscriptions": world.subscriptions.iter().map(|it| json!({ "id": it.id, "name": it.name })).collect::<Vec<_>>(),
        "hosts": hosts(world),
        "operations": operations,
        "runs": runs,
        "links": links,
        "one_sided": { "operations": only_operations, "runs": only_runs },
        "steps": world.steps.iter().map(|step| json!({
            "time": step.at.rfc3339_ms(), "title": step.title, "attack": step.attack,
            "operation": step.operation, "run": step.run,
        })).collect::<Vec<_>>(),
        "counts": {
            "operations": seen.len(),
            "rows": seen.values().map(|entry| entry.0).sum::<usize>(),
            "record_copies": seen.values().flat_map(|entry| entry.1.values()).sum::<usize>(),
            "runs": (0..world.runs.len()).filter(|run| world.is_visible(*run)).count(),
        },
    })
}

fn hosts(world: &World) -> Vec<Value> {
    world
        .machines
        .iter()
        .map(|machine| {
            json!({
                "host": machine.name,
                "platform": machine.platform.name(),
                "resource": machine.resource.to_lowercase(),
                "vm_id": machine.vm_id,
                "collected": machine.collected.rfc3339_ms(),
                "clock": {
                    "skew_seconds": seconds(machine.clock.skew_ms),
                    "drift_per_day": seconds(machine.clock.drift_ms_per_day),
                    "zone_minutes": machine.clock.zone_minutes,
                    "steps": machine.clock.steps.iter().map(|(at, by)| json!({
                        "time": at.rfc3339_ms(), "seconds": seconds(*by),
                    })).collect::<Vec<_>>(),
                },
            })
        })
        .collect()
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn family(operation: &Operation) -> &'static str {
    let name = operation.kind.name.to_lowercase();
    if name.ends_with("/runcommand/action") {
        Family::Action.name()
    } else if name.ends_with("/runcommands/write") {
        Family::Managed.name()
    } else if name.ends_with("/extensions/write") {
        Family::Extension.name()
    } else {
        "other"
    }
}

fn operation_truth(
    world: &World,
    at: usize,
    operation: &Operation,
    shown: usize,
    copies: &BTreeMap<&str, usize>,
    rows: &[Placed<'_>],
) -> Value {
    let token = operation.token.and_then(|token| world.tokens.get(token));
    let principal = token.and_then(|token| world.principals.get(token.principal));
    let own = || {
        rows.iter()
            .filter(|placed| placed.at == at)
            .map(|placed| placed.row.at)
    };
    json!({
        "id": at,
        "correlation": operation.correlation,
        "operation": operation.kind.name.to_lowercase(),
        "resource": operation.resource.to_lowercase(),
        "subscription": world.subscriptions.get(operation.subscription).map(|it| it.id.as_str()),
        "caller": principal.map(|it| it.caller()),
        "caller_kind": principal.map(|it| match it.kind {
            PrincipalKind::User => "user",
            PrincipalKind::Application => "application",
        }),
        "ip": operation.address,
        "token_ip": token.and_then(|it| it.address),
        "started": own().min().map(Instant::rfc3339_ticks),
        "ended": own().max().map(Instant::rfc3339_ticks),
        "outcome": match operation.outcome {
            Outcome::Succeeded(_) => "succeeded",
            Outcome::Failed(..) => "failed",
            Outcome::Pending => "pending",
        },
        "family": family(operation),
        "rows": shown,
        "copies": copies,
        "hostile": operation.hostile,
    })
}

fn run_truth(world: &World, at: usize, run: &Run, files: &[CaseFile]) -> Value {
    let machine = world.machines.get(run.machine);
    let reading = |at: Instant| machine.map(|it| it.clock.reading(at).rfc3339_ms());
    let root = machine.map_or("", |it| it.name);
    let own = match machine {
        Some(machine) if machine.platform == Platform::Windows => [
            layout::script_path(run),
            layout::settings_path(run),
            layout::status_path(run),
        ]
        .map(|path| layout::in_evidence(machine, &path)),
        _ => [
            format!("{root}{}/", run.download()),
            format!("{root}{}", run.settings_path()),
            format!("{root}{}", run.status_path()),
        ],
    };
    let paths: Vec<&str> = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| own.iter().any(|prefix| path.starts_with(prefix)))
        .collect();
    json!({
        "id": at,
        "host": root,
        "family": run.family.name(),
        "name": run.name,
        "sequence": run.sequence,
        "started": run.started.rfc3339_ms(),
        "ended": run.ended.rfc3339_ms(),
        "guest_started": reading(run.started),
        "guest_ended": reading(run.ended),
        "exit_code": run.exit_code,
        "script_sha256": Sha256::digest(&run.script).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "operation": run.operation,
        "visible": world.is_visible(at),
        "traces": world.traces_of(at).into_iter().map(Trace::name).collect::<Vec<_>>(),
        "lost": run.lost.iter().copied().map(Trace::name).collect::<Vec<_>>(),
        "files": paths,
        "hostile": run.hostile,
    })
}
