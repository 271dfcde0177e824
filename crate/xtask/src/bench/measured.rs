//! One made case, read and compared with its truth.
//!
//! What counts, exactly:
//!
//! ```text
//! operation   true where an export holds a row of it                                found: same correlation id, name and resource
//! run         true where it took place; has to be found where anything is left that shows it ran (not settings, not enable lines)
//! link        right where both sides are the true ones; has to be found where the operation has a row and a trace of the run bears a time
//! clock       on guests with three true links: offset used for a run, against the true one at that moment
//! ```
//!
//! A number that occurs twice on a guest (an extension installed anew) is told apart by time, so such a run has to be found only where a trace
//! other than enable lines bears one. What need not be found is not missed, and right where it is found: an agent's log may repeat what a
//! handler said.

use super::decidable::Left;
use runlens_casegen::adversary::{self, Difficulty, losses};
use runlens_casegen::render;
use runlens_casegen::world::{Machine, World};
use runlens_core::case::Case;
use runlens_core::evidence::hash::sha256;
use runlens_core::evidence::layout::Family;
use runlens_core::formats::ItemReader;
use runlens_core::identity::{host_label, netbios};
use runlens_core::reconstruct::operations::{Operation, OperationFamily};
use runlens_core::reconstruct::runs::Run;
use runlens_core::reconstruct::skew::estimate::Confidence;
use runlens_core::settings::Settings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was found, what of it is right, what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Found and true.
    pub right: usize,
    /// Found.
    pub found: usize,
    /// Of those that had to be found, the found ones.
    pub met: usize,
    /// Had to be found.
    pub wanted: usize,
}

impl Tally {
    /// Share of what was found that is true.
    pub fn precision(self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    /// Share of what had to be found that was.
    pub fn recall(self) -> f64 {
        if self.wanted == 0 {
            return 1.0;
        }
        self.met as f64 / self.wanted as f64
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.found += other.found;
        self.met += other.met;
        self.wanted += other.wanted;
    }
}

/// What came of cases.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Cases.
    pub cases: usize,
    /// Links.
    pub links: Tally,
    /// Of the links, those that what is left suffices for.
    pub decidable: Tally,
    /// Links by the nearest operation in time.
    pub nearest: Tally,
    /// Runs.
    pub runs: Tally,
    /// Operations.
    pub operations: Tally,
    /// Links of confidence high.
    pub high: Tally,
    /// Links by feature.
    pub by_family: BTreeMap<&'static str, Tally>,
    /// Errors of clocks, in milliseconds, one for each run.
    pub clock_errors_ms: Vec<i64>,
    /// What is wrong or missing, in words.
    pub remarks: Vec<String>,
}

impl Measured {
    /// Takes in another case.
    pub fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.links.add(other.links);
        self.decidable.add(other.decidable);
        self.nearest.add(other.nearest);
        self.runs.add(other.runs);
        self.operations.add(other.operations);
        self.high.add(other.high);
        for (family, of) in &other.by_family {
            self.by_family.entry(family).or_default().add(*of);
        }
        self.clock_errors_ms.extend(&other.clock_errors_ms);
        self.remarks.extend(other.remarks.iter().cloned());
    }

    /// The error of clocks below which this share (in hundredths) lies, in seconds.
    pub fn clock_error(&self, hundredths: usize) -> Option<f64> {
        let mut errors = self.clock_errors_ms.clone();
        errors.sort_unstable();
        let at = errors.len().saturating_sub(1) * hundredths / 100;
        errors.get(at).map(|error| *error as f64 / 1_000.0)
    }
}

/// Files as a case, the way the page reads them.
pub fn read(files: &[runlens_casegen::CaseFile]) -> Case {
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

/// The truth of a case, and where its pieces were found.
struct Compared<'a> {
    world: &'a World,
    case: &'a Case,
    /// True operation of each operation found.
    operations: Vec<Option<usize>>,
    /// True run of each run found.
    runs: Vec<Option<usize>>,
    /// True operation of each run whose operation has rows.
    links: BTreeMap<usize, usize>,
    /// Operations with rows.
    shown: BTreeSet<usize>,
    /// Runs with traces.
    visible: BTreeSet<usize>,
}

/// Makes, reads and compares one case.
pub fn measure(seed: u64, hard: Difficulty) -> Measured {
    let world = adversary::world(seed, hard);
    let made = render(&world);
    let case = read(&made.files);
    let compared = Compared::new(&world, &made.truth, &case);
    let mut measured = compared.measured();
    for remark in &mut measured.remarks {
        remark.insert_str(
            0,
            &format!(
                "seed {seed}, {}, {} % missing: ",
                hard.clocks.name(),
                hard.missing
            ),
        );
    }
    measured
}

fn number(value: &Value) -> Option<usize> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
}

impl<'a> Compared<'a> {
    fn new(world: &'a World, truth: &Value, case: &'a Case) -> Self {
        let list = |name: &str| {
            truth
                .get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let flagged = |name: &str, is: &dyn Fn(&Value) -> bool| -> BTreeSet<usize> {
            let of = list(name).filter(|it| is(it));
            of.filter_map(|it| number(it.get("id")?)).collect()
        };
        let shown = flagged("operations", &|it| {
            it.get("family").and_then(Value::as_str) != Some("other")
                && it.get("rows").and_then(Value::as_u64) > Some(0)
        });
        let visible = flagged("runs", &|it| it.get("visible") == Some(&Value::Bool(true)))
            .into_iter()
            .filter(|run| losses::is_told_apart(world, *run))
            .collect();
        let links = world
            .runs
            .iter()
            .enumerate()
            .filter_map(|(at, run)| Some((at, run.operation?)))
            .filter(|(_, operation)| shown.contains(operation))
            .collect();
        let mut compared = Self {
            world,
            case,
            operations: Vec::new(),
            runs: Vec::new(),
            links,
            shown,
            visible,
        };
        compared.find_operations();
        compared.find_runs();
        compared
    }

    fn find_operations(&mut self) {
        let mut known: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for at in &self.shown {
            if let Some(operation) = self.world.operations.get(*at) {
                let key = (
                    operation.correlation.to_lowercase(),
                    operation.kind.name.to_lowercase(),
                    operation.resource.to_lowercase(),
                );
                known.insert(key, *at);
            }
        }
        let found = self.case.operations().iter().map(|operation| {
            let key = (
                operation.correlation.as_deref().unwrap_or("").to_owned(),
                operation.operation.to_string(),
                operation
                    .resource
                    .as_ref()
                    .map(|id| id.folded.clone())
                    .unwrap_or_default(),
            );
            // Each is found once; another of the same key is one too many.
            known.remove(&key)
        });
        self.operations = found.collect();
    }

    fn find_runs(&mut self) {
        type Key = (String, &'static str, String, i64);
        let mut known: BTreeMap<Key, Vec<(i64, usize)>> = BTreeMap::new();
        for (at, run) in self.world.runs.iter().enumerate() {
            let Some(machine) = self.world.machines.get(run.machine) else {
                continue;
            };
            let key = (
                machine.name.to_lowercase(),
                run.family.name(),
                run.guest_name().unwrap_or("").to_lowercase(),
                i64::from(run.sequence),
            );
            let time = machine.clock.reading(run.started).ms();
            known.entry(key).or_default().push((time, at));
        }
        let found = self.case.runs().iter().map(|run| {
            let name = match run.family {
                Family::Extension => "",
                _ => run.name.as_deref().unwrap_or(""),
            };
            let key = (
                run.host.as_deref().map(host_label).unwrap_or_default(),
                run.family.word(),
                name.to_lowercase(),
                run.sequence?,
            );
            let left = known.get_mut(&key)?;
            let time = run.started.or(run.ended).map(|time| time.ns / 1_000_000);
            let (place, _) = left
                .iter()
                .enumerate()
                .min_by_key(|(_, (started, _))| time.map(|time| (time - started).abs()))?;
            Some(left.remove(place).1)
        });
        self.runs = found.collect();
    }

    fn measured(&self) -> Measured {
        let mut measured = Measured {
            cases: 1,
            ..Measured::default()
        };
        let of_family = |operation: &&Operation| operation.family != OperationFamily::Other;
        let matched = self.operations.iter().flatten().count();
        measured.operations = Tally {
            right: matched,
            found: self.case.operations().iter().filter(of_family).count(),
            met: matched,
            wanted: self.shown.len(),
        };
        let matched = self.runs.iter().flatten();
        measured.runs = Tally {
            right: matched.clone().count(),
            found: self.runs.len(),
            met: matched.filter(|run| self.visible.contains(run)).count(),
            wanted: self.visible.len(),
        };
        for (at, run) in self
            .case
            .runs()
            .iter()
            .zip(&self.runs)
            .filter(|(_, of)| of.is_none())
            .map(|(run, _)| run)
            .enumerate()
        {
            measured
                .remarks
                .push(format!("run too many ({at}): {}", self.shown_run(run)));
        }
        let found: BTreeSet<usize> = self.runs.iter().flatten().copied().collect();
        for at in self.visible.difference(&found) {
            let traces = self.world.traces_of(*at);
            measured.remarks.push(format!(
                "run missed: {}, left: {traces:?}",
                self.true_run(*at)
            ));
        }
        self.links(&mut measured);
        self.nearest(&mut measured);
        self.clocks(&mut measured);
        measured
    }

    fn wanted(&self) -> BTreeMap<usize, usize> {
        let dated = |(run, _): &(&usize, &usize)| {
            self.visible.contains(run) && losses::is_dated(self.world, **run)
        };
        let links = self.links.iter().filter(dated);
        links.map(|(run, operation)| (*run, *operation)).collect()
    }

    fn links(&self, measured: &mut Measured) {
        let wanted = self.wanted();
        let mut met: BTreeSet<usize> = BTreeSet::new();
        for execution in &self.case.linked().executions {
            let (Some(operation), Some(run), Some(confidence)) =
                (execution.operation, execution.run, execution.confidence)
            else {
                continue;
            };
            let true_operation = self.operations.get(operation).copied().flatten();
            let true_run = self.runs.get(run).copied().flatten();
            let right = true_run
                .and_then(|run| self.links.get(&run))
                .is_some_and(|of_run| Some(*of_run) == true_operation);
            measured.links.found += 1;
            measured.links.right += usize::from(right);
            if let Some(run) = self.case.runs().get(run) {
                let of_family = measured.by_family.entry(run.family.word()).or_default();
                of_family.found += 1;
                of_family.right += usize::from(right);
            }
            if confidence == Confidence::High {
                measured.high.found += 1;
                measured.high.right += usize::from(right);
            }
            if right {
                met.extend(true_run.filter(|run| wanted.contains_key(run)));
            } else {
                let run = self.case.runs().get(run).map(|run| self.shown_run(run));
                let reasons: Vec<String> = execution
                    .reasons
                    .iter()
                    .map(|reason| format!("{} {}", reason.feature, reason.points / 1_000_000))
                    .collect();
                measured.remarks.push(format!(
                    "wrong link [{}], {}: {} with operation {:?}, in truth {:?}; {}",
                    self.cause(true_run, true_operation),
                    confidence.word(),
                    run.unwrap_or_default(),
                    true_operation,
                    true_run.map(|run| (run, self.links.get(&run))),
                    reasons.join(", "),
                ));
            }
        }
        for run in wanted.keys() {
            if let Some(of) = self.world.runs.get(*run) {
                let of_family = measured.by_family.entry(of.family.name()).or_default();
                of_family.wanted += 1;
                of_family.met += usize::from(met.contains(run));
            }
        }
        measured.links.met = met.len();
        measured.links.wanted = wanted.len();
        let decidable = Left {
            world: self.world,
            shown: &self.shown,
            visible: &self.visible,
            links: &wanted,
        }
        .decidable();
        measured.decidable = Tally {
            met: decidable.keys().filter(|run| met.contains(run)).count(),
            wanted: decidable.len(),
            ..measured.links
        };
        for (run, operation) in wanted.iter().filter(|(run, _)| !met.contains(run)) {
            let traces = self.world.traces_of(*run);
            let rows = (0..3).filter(|row| !self.world.lost_rows.contains(&(*operation, *row)));
            measured.remarks.push(format!(
                "link missed [{}, {}]: {} ({}) with operation {operation}, rows {:?}, left: {traces:?}",
                self.cause(Some(*run), None),
                if decidable.contains_key(run) { "decidable" } else { "in doubt" },
                self.true_run(*run),
                self.found_times(*run),
                rows.collect::<Vec<_>>()
            ));
        }
    }

    /// Why a link is wrong or missed, as the plan has it: the clock used, what became of the run's own operation and the operation's own run.
    fn cause(&self, run: Option<usize>, operation: Option<usize>) -> String {
        let Some(run_at) = run else {
            return "no such run".to_owned();
        };
        let off = self.clock_error_ms(run_at);
        let mut words = vec![match off {
            Some(ms) if ms > 10_000 => "clock wrong".to_owned(),
            Some(_) => "clock right".to_owned(),
            None => "clock unknown".to_owned(),
        }];
        let rows = |operation: usize| {
            let left = |row| !self.world.lost_rows.contains(&(operation, row));
            let accepted = self
                .world
                .operations
                .get(operation)
                .is_some_and(|operation| operation.accepted.is_some());
            let last = if accepted { 2 } else { 1 };
            match (left(0), left(last), accepted && left(1)) {
                (true, true, _) => "both ends",
                (true, false, _) => "no end",
                (false, true, _) => "no start",
                (false, false, true) => "accept only",
                (false, false, false) => "no rows",
            }
        };
        let own = self.world.runs.get(run_at).and_then(|run| run.operation);
        words.push(match own {
            None => "run is a stranger's".to_owned(),
            Some(own) => format!("own operation {}", rows(own)),
        });
        if let Some(operation) = operation {
            words.push(format!("taken operation {}", rows(operation)));
            let of = self
                .world
                .runs
                .iter()
                .position(|run| run.operation == Some(operation));
            words.push(match of {
                None => "taken operation has no run".to_owned(),
                Some(of) if self.visible.contains(&of) => "its run visible".to_owned(),
                Some(_) => "its run lost".to_owned(),
            });
        }
        words.join(", ")
    }

    /// What the case knows of a run's times.
    fn found_times(&self, run: usize) -> String {
        let found = self.runs.iter().position(|of| *of == Some(run));
        let Some(found) = found.and_then(|at| self.case.runs().get(at)) else {
            return "not found".to_owned();
        };
        let shown = |time: Option<runlens_core::time::Instant>| {
            time.map_or("–".to_owned(), |time| time.to_string())
        };
        format!("seen {} to {}", shown(found.started), shown(found.ended))
    }

    /// How far the clock used for a run is off.
    fn clock_error_ms(&self, run: usize) -> Option<i64> {
        let run = self.world.runs.get(run)?;
        let machine = self.world.machines.get(run.machine)?;
        let clocks = &self.case.linked().clocks;
        let clock = clocks
            .iter()
            .find(|clock| is_of(clock.host.as_deref(), machine))?;
        let reading = machine.clock.reading(run.started).ms();
        let used = clock.applied.at(reading.saturating_mul(1_000_000)) / 1_000_000;
        Some((used - machine.clock.skew_ms_at(run.started)).abs())
    }

    /// Each run with the operation of its VM that began nearest before or after it, as published joins have it.
    fn nearest(&self, measured: &mut Measured) {
        let mut by_vm: BTreeMap<String, Vec<(i64, usize)>> = BTreeMap::new();
        for (at, operation) in self.case.operations().iter().enumerate() {
            let (Some(vm), Some(started), true) =
                (operation.vm(), operation.started, of_interest(operation))
            else {
                continue;
            };
            let name = vm.rsplit('/').next().unwrap_or(&vm);
            by_vm
                .entry(netbios(name))
                .or_default()
                .push((started.ns, at));
        }
        let wanted = self.wanted();
        for (at, run) in self.case.runs().iter().enumerate() {
            let nearest = || {
                let ops = by_vm.get(&netbios(run.host.as_deref()?))?;
                let started = run.started.or(run.ended)?.ns;
                let (time, operation) =
                    ops.iter().min_by_key(|(time, _)| (started - time).abs())?;
                ((started - time).abs() <= 120_000_000_000).then_some(*operation)
            };
            let Some(operation) = nearest() else { continue };
            let true_run = self.runs.get(at).copied().flatten();
            let true_operation = self.operations.get(operation).copied().flatten();
            let right = true_run
                .and_then(|run| self.links.get(&run))
                .is_some_and(|of_run| Some(*of_run) == true_operation);
            measured.nearest.found += 1;
            measured.nearest.right += usize::from(right);
            measured.nearest.met +=
                usize::from(right && true_run.is_some_and(|run| wanted.contains_key(&run)));
        }
        measured.nearest.wanted = wanted.len();
    }

    fn clocks(&self, measured: &mut Measured) {
        let wanted = self.wanted();
        for (at, machine) in self.world.machines.iter().enumerate() {
            let links = wanted.keys().filter(|run| self.is_on(**run, at)).count();
            let clock = self
                .case
                .linked()
                .clocks
                .iter()
                .find(|clock| is_of(clock.host.as_deref(), machine));
            let (Some(clock), true) = (clock, links >= 3) else {
                continue;
            };
            for run in self.visible.iter().filter(|run| self.is_on(**run, at)) {
                let Some(run) = self.world.runs.get(*run) else {
                    continue;
                };
                let reading = machine
                    .clock
                    .reading(run.started)
                    .ms()
                    .saturating_mul(1_000_000);
                let truth = machine.clock.skew_ms_at(run.started);
                measured
                    .clock_errors_ms
                    .push((clock.applied.at(reading) / 1_000_000 - truth).abs());
            }
        }
    }

    fn is_on(&self, run: usize, machine: usize) -> bool {
        self.world
            .runs
            .get(run)
            .is_some_and(|run| run.machine == machine)
    }

    fn true_run(&self, at: usize) -> String {
        let Some(run) = self.world.runs.get(at) else {
            return String::new();
        };
        let machine = self.world.machines.get(run.machine);
        let name = machine.map_or("", |machine| machine.name);
        format!(
            "{at} = {name} {} {} {} started {} (true time)",
            run.family.name(),
            run.guest_name().unwrap_or("-"),
            run.sequence,
            run.started.rfc3339_ms()
        )
    }

    fn shown_run(&self, run: &Run) -> String {
        format!(
            "{} {} {} {:?}",
            run.host.as_deref().unwrap_or("-"),
            run.family.word(),
            run.name.as_deref().unwrap_or("-"),
            run.sequence
        )
    }
}

fn of_interest(operation: &Operation) -> bool {
    operation.family != OperationFamily::Other
}

fn is_of(host: Option<&str>, machine: &Machine) -> bool {
    host.is_some_and(|host| host_label(host) == host_label(machine.name))
}
