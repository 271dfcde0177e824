//! `cargo xtask bench links`: how long linking takes and how often it is right, beside the nearest operation in time.
//!
//! Operations and runs are made in memory, without files: what is measured is linking alone. Nothing is asserted of times.

use runlens_core::event::fact::RunState;
use runlens_core::evidence::layout::{Family, Os};
use runlens_core::identity::{CallerKind, ResourceId};
use runlens_core::reconstruct::links::goal_states::GoalStates;
use runlens_core::reconstruct::links::overrides::LinkOverrides;
use runlens_core::reconstruct::links::{Known, Linked, link};
use runlens_core::reconstruct::operations::{
    Operation, OperationFamily, OperationOutcome, OperationSymbols,
};
use runlens_core::reconstruct::runs::Run;
use runlens_core::settings::Settings;
use runlens_core::time::{Instant, NS_PER_SECOND};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Instant as Watch;

const TEN: i64 = 1_714_557_600;
const VM: &str =
    "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/web01";

fn at(seconds: i64) -> Instant {
    Instant {
        ns: (TEN + seconds) * NS_PER_SECOND,
        digits: 0,
    }
}

/// An operation from and to these seconds after ten.
fn operation(resource: &str, correlation: &str, start: i64, end: i64) -> Operation {
    let id = ResourceId::parse(resource);
    let family = "microsoft.compute/virtualmachines/runcommand/action";
    Operation {
        symbols: OperationSymbols::default(),
        correlation: Some(correlation.into()),
        operation: family.into(),
        family: OperationFamily::of(family),
        subscription: id.subscription().map(Into::into),
        resource: Some(id.into()),
        caller: None,
        caller_kind: CallerKind::User,
        principal: None,
        ips: Vec::new(),
        token_ip: None,
        started: Some(at(start)),
        ended: Some(at(end)),
        outcome: OperationOutcome::Succeeded,
        complete_start: true,
        principal_type: None,
        bodies: Vec::new(),
        category: None,
        events: Vec::new(),
        rows: Vec::new(),
    }
}

/// A run of an action on a guest.
fn run(host: &str, sequence: i64, start: i64, end: Option<i64>) -> Run {
    Run {
        host: Some(host.to_owned()),
        os: Os::Linux,
        family: Family::Action,
        name: None,
        sequence: Some(sequence),
        started: Some(at(start)),
        ended: end.map(at),
        exit_code: None,
        state: if end.is_some() {
            RunState::Succeeded
        } else {
            RunState::Unknown
        },
        script: None,
        stdout: None,
        stderr: None,
        events: Vec::new(),
    }
}

struct Told {
    operations: Vec<Operation>,
    runs: Vec<Run>,
}

type Link = (String, String, i64);

impl Told {
    fn new(mut operations: Vec<Operation>, mut runs: Vec<Run>) -> Self {
        operations.sort_by_key(|op| op.started.map(|time| time.ns));
        runs.sort_by_key(|run| run.started.map(|time| time.ns));
        Self { operations, runs }
    }

    fn link(&self) -> Linked {
        link(&Known {
            operations: &self.operations,
            runs: &self.runs,
            goal_states: &GoalStates::default(),
            seen: &[],
            settings: &Settings::default(),
            overrides: &LinkOverrides::default(),
        })
    }

    fn found(&self, linked: &Linked) -> BTreeSet<Link> {
        let pairs = linked.executions.iter().filter_map(|execution| {
            let op = self.operations.get(execution.operation?)?;
            let run = self.runs.get(execution.run?)?;
            Some((
                op.correlation.as_deref()?.to_owned(),
                run.host.clone()?,
                run.sequence?,
            ))
        });
        pairs.collect()
    }
}

/// A seeded generator: the same cases in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most.unsigned_abs().max(1)) as i64
    }
}

/// `count` commands on each VM, one after the other as the platform runs them, `every` seconds apart on average; a tenth of each side is missing.
fn made(vms: usize, count: i64, every: i64, skew: i64) -> (Told, BTreeSet<Link>) {
    let mut dice = Dice(7);
    let (mut operations, mut runs, mut truth) = (Vec::new(), Vec::new(), BTreeSet::new());
    for vm in 0..vms {
        let name = format!("vm{vm:03}");
        let resource = VM.replace("web01", &name);
        let mut time = dice.below(every + 1);
        for number in 0..count {
            let lasts = 5 + dice.below(every.min(60));
            let correlation = format!("{vm}-{number}");
            let (asked, ran) = (dice.below(10) > 0, dice.below(10) > 0);
            let starts = time + 2 + dice.below(4);
            let ends = starts + lasts + 9 + dice.below(15);
            if asked {
                operations.push(operation(&resource, &correlation, time, ends));
            }
            if ran {
                runs.push(run(
                    &name,
                    number,
                    starts + skew,
                    Some(starts + lasts + skew),
                ));
            }
            if asked && ran {
                truth.insert((correlation, name.clone(), number));
            }
            time = ends + 1 + dice.below(2 * every);
        }
    }
    (Told::new(operations, runs), truth)
}

/// Each run with the operation of its VM that began nearest before or after it, as the published joins have it.
fn nearest(told: &Told) -> BTreeSet<Link> {
    let mut by_vm: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for op in &told.operations {
        let (Some(vm), Some(started)) = (op.vm(), op.started) else {
            continue;
        };
        let entry = by_vm.entry(vm).or_default();
        let correlation = op.correlation.as_deref().unwrap_or("").to_owned();
        entry.push((started.ns, correlation));
    }
    let of_run = |run: &Run| {
        let host = run.host.clone()?;
        let (ops, started) = (by_vm.get(&host)?, run.started?.ns);
        let after = ops.partition_point(|(time, _)| *time < started);
        let near = ops.get(after.saturating_sub(1)..(after + 1).min(ops.len()))?;
        let (time, correlation) = near.iter().min_by_key(|(time, _)| (started - time).abs())?;
        ((started - time).abs() <= 120 * NS_PER_SECOND)
            .then(|| (correlation.clone(), host, run.sequence.unwrap_or(-1)))
    };
    told.runs.iter().filter_map(of_run).collect()
}

/// The table, as Markdown.
pub fn table() -> String {
    let mut text = String::from(
        "| case | executions | time ms | precision | recall | nearest: time ms | precision | recall |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (what, vms, count, every, skew) in [
        ("5,000 on one VM, minutes apart", 1, 5_000, 120, 0),
        ("5,000 on one VM, seconds apart", 1, 5_000, 5, 0),
        ("5,000 on one VM, 20 s apart, 47 s ahead", 1, 5_000, 20, 47),
        (
            "5,000 on one VM, minutes apart, 47 min ahead",
            1,
            5_000,
            120,
            2_820,
        ),
        ("100 on each of 500 VMs", 500, 100, 300, 0),
        ("100 on each of 500 VMs, 5 min ahead", 500, 100, 300, 303),
        (
            "10 on each of 500 VMs, an hour behind",
            500,
            10,
            3_000,
            -3_600,
        ),
    ] {
        let (told, truth) = made(vms, count, every, skew);
        let watch = Watch::now();
        let linked = told.link();
        let spent = watch.elapsed().as_secs_f64() * 1_000.0;
        let have = told.found(&linked);
        let watch = Watch::now();
        let near = nearest(&told);
        let spent_near = watch.elapsed().as_secs_f64() * 1_000.0;
        let figures = |found: &BTreeSet<Link>| {
            let right = found.intersection(&truth).count() as f64;
            (
                right / found.len().max(1) as f64,
                right / truth.len().max(1) as f64,
            )
        };
        let ((precision, recall), (near_precision, near_recall)) = (figures(&have), figures(&near));
        let _ = writeln!(
            text,
            "| {what} | {} | {spent:.0} | {precision:.4} | {recall:.4} | {spent_near:.0} | {near_precision:.4} | {near_recall:.4} |",
            linked.executions.len()
        );
    }
    text
}
