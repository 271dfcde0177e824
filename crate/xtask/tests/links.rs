//! Links against the truth: the example case with twenty seeds, linked, and compared with what its maker says.
//!
//! `cargo test -p xtask --test links -- --nocapture` prints the figures.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

use runlens_casegen::world::World;
use runlens_casegen::{render, story};
use runlens_core::case::Case;
use runlens_core::evidence::hash::sha256;
use runlens_core::evidence::layout::Family;
use runlens_core::formats::ItemReader;
use runlens_core::reconstruct::skew::estimate::Confidence;
use runlens_core::settings::Settings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Correlation id, resource and operation; host, family, name and number.
type Link = ((String, String, String), (String, String, String, i64));

fn read(files: &[runlens_casegen::CaseFile]) -> Case {
    let settings = Settings::default();
    let mut case = Case::new(settings.clone());
    for file in files {
        let size = file.bytes.len() as u64;
        let item = case.add_item(&file.path, size, file.modified_ms);
        let mut reader =
            ItemReader::new(&file.path, size, file.modified_ms, settings.limits.clone());
        reader.push(&file.bytes);
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
        case.set_hash(item, &sha256(&file.bytes));
    }
    case.conclude();
    case
}

fn true_links(truth: &Value) -> BTreeSet<Link> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_lowercase();
    let links = truth["links"].as_array().unwrap();
    links
        .iter()
        .map(|link| {
            let op = &truth["operations"][link["operation"].as_u64().unwrap() as usize];
            let run = &truth["runs"][link["run"].as_u64().unwrap() as usize];
            let family = text(&run["family"]);
            // Not every source of a guest names a custom script extension.
            let name = if family == "managed" {
                text(&run["name"])
            } else {
                String::new()
            };
            (
                (
                    text(&op["correlation"]),
                    text(&op["resource"]),
                    text(&op["operation"]),
                ),
                (
                    text(&run["host"]),
                    family,
                    name,
                    run["sequence"].as_i64().unwrap(),
                ),
            )
        })
        .collect()
}

fn found_links(case: &Case) -> BTreeMap<Link, Confidence> {
    let links = case.linked().executions.iter().filter_map(|execution| {
        let op = &case.operations()[execution.operation?];
        let run = &case.runs()[execution.run?];
        let lower = |text: Option<&str>| text.unwrap_or("").to_lowercase();
        let resource = op.resource.as_ref().map(|id| id.folded.as_str());
        let name = match run.family {
            Family::Managed => lower(run.name.as_deref()),
            _ => String::new(),
        };
        let link = (
            (
                lower(op.correlation.as_deref()),
                lower(resource),
                op.operation.to_string(),
            ),
            (
                lower(run.host.as_deref()),
                run.family.word().to_owned(),
                name,
                run.sequence.unwrap_or(-1),
            ),
        );
        Some((link, execution.confidence?))
    });
    links.collect()
}

/// What came of twenty seeds: (right, found, true), and the greatest error of an estimated clock in seconds.
struct Measured {
    right: usize,
    found: usize,
    all: usize,
    clock_error: f64,
}

/// Twenty example cases, each changed by `change`.
fn measure(what: &str, change: impl Fn(&mut World)) -> Measured {
    let mut measured = Measured {
        right: 0,
        found: 0,
        all: 0,
        clock_error: 0.0,
    };
    for seed in 1..=20 {
        let mut world = story::example(seed);
        change(&mut world);
        let made = render(&world);
        let case = read(&made.files);
        let (want, have) = (true_links(&made.truth), found_links(&case));
        assert!(want.len() > 10, "seed {seed}: the case has links");
        for (link, confidence) in have.iter().filter(|(link, _)| !want.contains(*link)) {
            println!("{what}, seed {seed}: wrong, {confidence:?}: {link:?}");
        }
        for (_, run) in want.iter().filter(|link| !have.contains_key(*link)) {
            println!("{what}, seed {seed}: missed {run:?}");
        }
        measured.right += have.keys().filter(|link| want.contains(*link)).count();
        measured.found += have.len();
        measured.all += want.len();
        for machine in &world.machines {
            let mut clocks = case.linked().clocks.iter();
            let clock = clocks
                .find(|it| {
                    it.host
                        .as_deref()
                        .is_some_and(|host| host.eq_ignore_ascii_case(machine.name))
                })
                .unwrap();
            let end = machine.collected;
            let reading = machine.clock.reading(end).ms() * 1_000_000;
            let truth = machine.clock.skew_ms_at(end) as f64 / 1_000.0;
            let have = clock
                .estimate
                .offset
                .map(|offset| offset.at(reading) as f64 / 1e9);
            let error = have.map_or(0.0, |have| (have - truth).abs());
            if error > 5.0 {
                println!(
                    "{what}, seed {seed}: {} is {have:?} off, in truth {truth}: {:?}",
                    machine.name, clock.estimate
                );
            }
            measured.clock_error = measured.clock_error.max(error);
        }
    }
    println!(
        "{what}: precision {}/{}, recall {}/{}, clocks within {:.1} s",
        measured.right, measured.found, measured.right, measured.all, measured.clock_error
    );
    measured
}

fn without_correlation(world: &mut World) {
    for machine in &mut world.machines {
        machine.agent_knows_correlation = false;
    }
}

#[test]
fn the_example_case_is_linked_as_it_was_made() {
    let have = measure("as made", |_| ());
    assert_eq!((have.right, have.found), (have.all, have.all));
    assert!(have.clock_error < 5.0);
}

#[test]
fn clocks_are_found_without_goal_states() {
    let have = measure("old agents", without_correlation);
    assert_eq!((have.right, have.found), (have.all, have.all));
}

#[test]
fn an_hour_of_offset_is_found_without_goal_states() {
    let have = measure("old agents an hour off", |world| {
        without_correlation(world);
        for (machine, off) in world
            .machines
            .iter_mut()
            .zip([3_600_000, -3_600_000, 2_754_000])
        {
            machine.clock.skew_ms = off;
        }
    });
    assert_eq!((have.right, have.found), (have.all, have.all));
}

#[test]
fn a_clock_that_was_set_is_linked_by_goal_states() {
    let have = measure("set by an hour", |world| {
        for machine in &mut world.machines {
            machine.clock.steps = vec![(machine.collected.plus_seconds(-24 * 3600), -3_600_000)];
        }
    });
    // Two machines log no goal states with a correlation id (an old agent; Windows), and their few runs before the step are too few to find it: nothing is
    // linked there rather than something wrong.
    assert_eq!(have.right, have.found);
    assert!(have.right * 100 >= have.all * 80);
}

#[test]
fn a_drifting_clock_is_linked() {
    let have = measure("drifting", |world| {
        for machine in &mut world.machines {
            machine.clock.drift_ms_per_day = 20_000;
        }
    });
    assert_eq!((have.right, have.found), (have.all, have.all));
}

#[test]
fn a_drifting_clock_is_linked_without_goal_states() {
    let have = measure("old agents drifting", |world| {
        without_correlation(world);
        for machine in &mut world.machines {
            machine.clock.drift_ms_per_day = 20_000;
        }
    });
    assert_eq!(have.right, have.found);
    assert!(have.right * 100 >= have.all * 80);
}

/// Command lines and destinations of the events that stand with the execution of a run.
fn witnesses(case: &Case, host: &str, family: Family, sequence: i64) -> (Vec<String>, Vec<String>) {
    let mut executions = case.linked().executions.iter();
    let execution = executions
        .find(|execution| {
            let run = execution.run.map(|run| &case.runs()[run]);
            run.is_some_and(|run| {
                run.family == family
                    && run.sequence == Some(sequence)
                    && run
                        .host
                        .as_deref()
                        .is_some_and(|it| it.eq_ignore_ascii_case(host))
            })
        })
        .unwrap();
    let store = case.store();
    let resources = |events: &[u32]| -> Vec<String> {
        let texts = events.iter().map(|event| {
            let columns = &store.columns;
            let text = store.column(&columns.resource, *event);
            format!(
                "{} {}",
                store.column(&columns.ip, *event).unwrap_or("-"),
                text.unwrap_or("-")
            )
        });
        texts.collect()
    };
    (resources(&execution.processes), resources(&execution.flows))
}

/// A virtual network flow log with one flow out, so many seconds after a moment.
fn flow_log(at_ms: i64, destination: &str) -> runlens_casegen::CaseFile {
    let text = format!(
        r#"{{"records":[{{"time":"2024-05-02T09:00:00Z","flowLogGUID":"66aa66aa","macAddress":"00224871C205","category":"FlowLogFlowEvent","flowRecords":{{"flows":[{{"aclID":"a","flowGroups":[{{"rule":"r","flowTuples":["{at_ms},10.20.1.4,{destination},51000,80,6,O,B,NX,1,60,1,60"]}}]}}]}}}}]}}"#
    );
    runlens_casegen::CaseFile::new("cloud/flows/PT1H.json", None, text.into_bytes())
}

#[test]
fn processes_and_flows_stand_with_their_executions() {
    let world = story::example(7);
    let staged = world
        .runs
        .iter()
        .find(|run| {
            run.family == runlens_casegen::world::Family::Action
                && world.machines[run.machine].name == "web01"
                && String::from_utf8_lossy(&run.script).contains("203.0.113.200")
        })
        .unwrap();
    let number = i64::from(staged.sequence);
    let made = render(&world);
    let mut files = made.files.clone();
    // By the cloud's clock, while the script runs; the same address a day later is somebody else's.
    let later = flow_log(staged.ended.ms() + 86_400_000, "203.0.113.200");
    files.push(flow_log(staged.started.ms() + 500, "203.0.113.200"));
    files.push(runlens_casegen::CaseFile {
        path: "cloud/flows/later/PT1H.json".to_owned(),
        ..later
    });
    let (without, case) = (read(&made.files), read(&files));
    let (processes, flows) = witnesses(&case, "web01", Family::Action, number);
    assert!(
        processes.iter().any(|it| it.ends_with("/useradd")),
        "{processes:?}"
    );
    assert_eq!(flows.len(), 1);
    let points = |case: &Case| -> i64 {
        let run = case.runs().iter().position(|run| {
            run.host.as_deref() == Some("web01")
                && run.family == Family::Action
                && run.sequence == Some(number)
        });
        let mut executions = case.linked().executions.iter();
        let execution = executions.find(|it| it.run == run).unwrap();
        let mut reasons = execution.reasons.iter();
        reasons
            .find(|it| it.feature == "corroboration")
            .map_or(0, |it| it.points)
    };
    assert_eq!(points(&case) - points(&without), 5_000_000);
    // What the sensor of the Windows machine saw belongs to the processes of one run, and to no other.
    let (processes, flows) = witnesses(&case, "erp01", Family::Action, 5);
    assert!(processes.iter().any(|it| it.ends_with("powershell.exe")));
    assert!(flows.iter().any(|it| it.contains("203.0.113.200")));
    assert_eq!(
        witnesses(&case, "erp01", Family::Action, 4).1,
        Vec::<String>::new()
    );
}
