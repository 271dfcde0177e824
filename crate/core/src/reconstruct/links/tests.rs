use super::*;
use crate::event::fact::RunState;
use crate::evidence::layout::{Family, Os};
use crate::identity::{CallerKind, ResourceId};
use crate::reconstruct::links::overrides::{OperationKey, RunKey};
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use crate::time::Instant;
use proptest::prelude::*;

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
    let family = if id.folded.contains("/runcommands/") {
        "microsoft.compute/virtualmachines/runcommands/write"
    } else if id.folded.contains("/extensions/") {
        "microsoft.compute/virtualmachines/extensions/write"
    } else {
        "microsoft.compute/virtualmachines/runcommand/action"
    };
    Operation {
        symbols: crate::reconstruct::operations::OperationSymbols::default(),
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
    goal_states: GoalStates,
    overrides: LinkOverrides,
}

impl Told {
    fn new(mut operations: Vec<Operation>, mut runs: Vec<Run>) -> Self {
        operations.sort_by_key(|op| op.started.map(|time| time.ns));
        runs.sort_by_key(|run| run.started.or(run.ended).map(|time| time.ns));
        Self {
            operations,
            runs,
            goal_states: GoalStates::default(),
            overrides: LinkOverrides::default(),
        }
    }

    fn link(&self) -> Linked {
        link(&Known {
            operations: &self.operations,
            runs: &self.runs,
            goal_states: &self.goal_states,
            seen: &[],
            settings: &Settings::default(),
            overrides: &self.overrides,
        })
    }

    /// (correlation, host, sequence, score, margin, confidence) of each pair.
    fn pairs(&self) -> Vec<(String, String, i64, f64, f64, &'static str)> {
        let linked = self.link();
        let pairs = linked.executions.iter().filter_map(|execution| {
            let op = &self.operations[execution.operation?];
            let run = &self.runs[execution.run?];
            Some((
                op.correlation.as_deref()?.to_owned(),
                run.host.clone()?,
                run.sequence.unwrap_or(-1),
                execution.score.map_or(-1.0, in_points),
                execution.margin.map_or(-1.0, in_points),
                execution.confidence?.word(),
            ))
        });
        pairs.collect()
    }

    /// (correlation, sequence) of each pair.
    fn linked(&self) -> Vec<(String, i64)> {
        self.pairs()
            .into_iter()
            .map(|pair| (pair.0, pair.2))
            .collect()
    }
}

fn pair(correlation: &str, sequence: i64) -> (String, i64) {
    (correlation.to_owned(), sequence)
}

#[test]
fn a_cut_name_alone_is_medium() {
    let long = VM.replace("web01", "prodwebserver-eus01");
    let told = Told::new(
        vec![operation(&long, "a", 0, 40)],
        vec![run("PRODWEBSERVER-E", 3, 12, Some(38))],
    );
    assert_eq!(
        told.pairs(),
        [(
            "a".into(),
            "PRODWEBSERVER-E".into(),
            3,
            64.67,
            64.67,
            "medium"
        )]
    );
}

#[test]
fn beyond_the_window_nothing_is_linked() {
    let told = Told::new(
        vec![operation(VM, "a", 0, 40)],
        vec![run("web01.contoso.com", 3, 160, None)],
    );
    let linked = told.link();
    let sides: Vec<_> = linked
        .executions
        .iter()
        .map(|execution| (execution.operation, execution.run, execution.confidence))
        .collect();
    assert_eq!(sides, [(Some(0), None, None), (None, Some(0), None)]);
    assert_eq!(linked.resources, [Some(VM.to_owned())]);
}

#[test]
fn the_best_pairs_do_not_cross() {
    let told = Told::new(
        vec![operation(VM, "a", 0, 40), operation(VM, "b", 50, 90)],
        vec![run("web01", 4, 48, None), run("web01", 5, 95, None)],
    );
    // Without A–4 the best is B–4 alone, 54.5; without B–5 it is the same.
    assert_eq!(
        told.pairs(),
        [
            ("a".into(), "web01".into(), 4, 53.0, 52.25, "medium"),
            ("b".into(), "web01".into(), 5, 53.75, 52.25, "medium")
        ]
    );
}

#[test]
fn managed_names_that_differ_are_never_linked() {
    let mut ran = run("web01", 0, 5, Some(30));
    (ran.family, ran.name) = (Family::Managed, Some("rc2".to_owned()));
    let told = Told::new(
        vec![operation(&format!("{VM}/runCommands/rc1"), "a", 0, 40)],
        vec![ran.clone()],
    );
    assert_eq!(told.linked(), []);
    ran.name = Some("RC1".to_owned());
    let told = Told::new(told.operations, vec![ran]);
    // Host 25, time 30, name 20, outcome 5; the end says nothing as the run may not have been waited for.
    assert_eq!(
        told.pairs(),
        [("a".into(), "web01".into(), 0, 80.0, 80.0, "high")]
    );
}

#[test]
fn vms_of_one_name_stay_apart() {
    let other = VM.replace("/g/", "/h/");
    let told = Told::new(
        vec![
            operation(VM, "a", 0, 40),
            operation(&other, "b", 3_000, 3_040),
            operation(&other, "c", 5_000, 5_040),
        ],
        vec![
            run("web01", 3, 5, Some(38)),
            run("web01", 4, 3_005, Some(3_038)),
            run("web01", 5, 5_005, Some(5_038)),
        ],
    );
    // The guest is the VM that explains two of its runs, and is not linked to the other; the lead of one run's score limits the margin.
    assert_eq!(told.linked(), [pair("b", 4), pair("c", 5)]);
    assert_eq!(told.link().resources, vec![Some(other.clone()); 3]);
    let mut mapped = Told::new(told.operations, told.runs);
    mapped.overrides.host_to_vm = vec![("WEB01.contoso.example".to_owned(), VM.to_owned())];
    assert_eq!(mapped.linked(), [pair("a", 3)]);
}

#[test]
fn two_vms_that_explain_a_guest_equally_are_no_sure_link() {
    let other = VM.replace("/g/", "/h/");
    let told = Told::new(
        vec![operation(VM, "a", 0, 40), operation(&other, "b", 0, 40)],
        vec![run("web01", 3, 5, Some(38))],
    );
    let pairs = told.pairs();
    assert_eq!((pairs.len(), pairs[0].4, pairs[0].5), (1, 0.0, "low"));
}

#[test]
fn numbers_that_begin_again_are_a_block_of_their_own() {
    let told = Told::new(
        vec![
            operation(VM, "a", 0, 40),
            operation(VM, "b", 1_000, 1_040),
            operation(VM, "c", 2_000, 2_040),
            operation(VM, "d", 3_000, 3_040),
        ],
        vec![
            run("web01", 7, 5, Some(38)),
            run("web01", 8, 1_005, Some(1_038)),
            run("web01", 0, 2_005, Some(2_038)),
            run("web01", 1, 3_005, Some(3_038)),
        ],
    );
    assert_eq!(
        told.linked(),
        [pair("a", 7), pair("b", 8), pair("c", 0), pair("d", 1)]
    );
}

#[test]
fn runs_without_a_number_need_no_order() {
    let mut one = run("web01", 0, 48, Some(60));
    let mut other = run("web01", 0, 10, Some(39));
    (one.sequence, other.sequence) = (None, None);
    let told = Told::new(
        vec![operation(VM, "a", 0, 40), operation(VM, "b", 42, 61)],
        vec![one, other],
    );
    let linked = told.link();
    let sides: Vec<_> = linked
        .executions
        .iter()
        .map(|execution| (execution.operation, execution.run))
        .collect();
    assert_eq!(sides, [(Some(0), Some(0)), (Some(1), Some(1))]);
}

#[test]
fn a_clock_minutes_ahead_is_found_and_reported() {
    let times = [0, 700, 2_000, 2_900, 5_100, 7_400];
    let operations = times
        .iter()
        .enumerate()
        .map(|(number, time)| operation(VM, &format!("c{number}"), *time, time + 40))
        .collect();
    let runs = (0_i64..)
        .zip(times)
        .map(|(number, time)| run("web01", number, time + 305, Some(time + 335)))
        .collect();
    let told = Told::new(operations, runs);
    let linked = told.link();
    assert_eq!(linked.executions.len(), 6, "all linked");
    // Host 25, time 30, outcome 5 and the end 8 s off: 68.67.
    let confidence = |execution: &Execution| execution.confidence;
    assert!(
        linked
            .executions
            .iter()
            .all(|execution| confidence(execution) == Some(Confidence::Medium))
    );
    let clock = &linked.clocks[0];
    assert_eq!(
        clock.estimate.offset,
        Some(Offset::Constant(303 * NS_PER_SECOND))
    );
    assert_eq!(
        (clock.estimate.pairs, clock.estimate.confidence),
        (6, Confidence::High)
    );
}

#[test]
fn one_run_off_by_minutes_is_not_linked_by_inventing_an_offset() {
    let told = Told::new(
        vec![operation(VM, "a", 0, 40)],
        vec![run("web01", 3, 905, Some(935))],
    );
    assert_eq!(told.linked(), []);
}

#[test]
fn a_goal_state_names_the_operation_whatever_the_clock() {
    let mut told = Told::new(
        vec![operation(VM, "aa", 0, 40), operation(VM, "bb", 300, 340)],
        // Half a year ahead, and named strangely.
        vec![run("localhost", 3, 15_552_005, Some(15_552_038))],
    );
    told.goal_states.brought = vec![vec!["bb".to_owned()]];
    let pairs = told.pairs();
    assert_eq!(pairs.len(), 1);
    assert_eq!((pairs[0].0.as_str(), pairs[0].5), ("bb", "high"));
    let linked = told.link();
    let reasons = &linked.executions[1].reasons;
    let points = |feature: &str| {
        let reason = reasons.iter().find(|reason| reason.feature == feature);
        reason.map(|reason| reason.points / POINT)
    };
    assert_eq!((points("goal-state"), points("host")), (Some(40), Some(12)));
}

#[test]
fn the_analyst_has_the_last_word() {
    let mut told = Told::new(
        vec![operation(VM, "a", 0, 40), operation(VM, "b", 50, 90)],
        vec![run("web01", 4, 48, None), run("web01", 5, 95, None)],
    );
    let key = |told: &Told, op: usize, run: usize| {
        (
            OperationKey::of(&told.operations[op]),
            RunKey::of(&told.runs[run]),
        )
    };
    told.overrides.rejected = vec![key(&told, 0, 0)];
    // What is left is B–4 at 54.5 or B–5 at 53.75 (A–5 with B–4 would cross): too close to state either.
    assert_eq!(told.linked(), []);
    told.overrides.rejected.clear();
    told.overrides.confirmed = vec![key(&told, 0, 1)];
    let linked = told.link();
    let confirmed = &linked.executions[0];
    assert_eq!((confirmed.operation, confirmed.run), (Some(0), Some(1)));
    assert_eq!(
        (confirmed.confidence, confirmed.margin),
        (Some(Confidence::High), None)
    );
    assert_eq!(confirmed.reasons[0].feature, "analyst");
    // B–4 would cross it.
    assert_eq!(told.linked(), [pair("a", 5)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Lists in any order of input, equal times aside (the folding orders those by key).
    #[test]
    fn the_order_of_input_does_not_matter(
        ops in proptest::collection::btree_map(0..4_000_i64, (1..90_i64, 0..3_usize), 1..12),
        ran in proptest::collection::btree_map(0..4_000_i64, (1..90_i64, 0..2_usize), 1..12),
        turn in 0..12_usize,
    ) {
        let vms = [VM.to_owned(), VM.replace("/g/", "/h/"), VM.replace("web01", "db01")];
        let operations: Vec<Operation> = ops
            .iter()
            .map(|(start, (lasts, vm))| operation(&vms[*vm], &format!("c{start}"), *start, start + lasts))
            .collect();
        let runs: Vec<Run> = (0_i64..)
            .zip(&ran)
            .map(|(number, (start, (lasts, host)))| run(["web01", "db01"][*host], number, *start, Some(start + lasts)))
            .collect();
        let named = |told: &Told| {
            let mut pairs = told.pairs().into_iter().map(|pair| format!("{pair:?}")).collect::<Vec<_>>();
            pairs.sort();
            (pairs, told.link().clocks)
        };
        let want = named(&Told::new(operations.clone(), runs.clone()));
        let (mut operations, mut runs) = (operations, runs);
        operations.reverse();
        runs.reverse();
        let (by, of) = (turn % operations.len(), turn % runs.len());
        operations.rotate_left(by);
        runs.rotate_left(of);
        // Unsorted: places differ, pairs do not.
        let told = Told { operations, runs, goal_states: GoalStates::default(), overrides: LinkOverrides::default() };
        prop_assert_eq!(named(&told), want);
    }
}

/// An operation whose end no row tells.
fn unfinished(correlation: &str, start: i64) -> Operation {
    Operation {
        outcome: OperationOutcome::Started,
        ended: Some(at(start)),
        ..operation(VM, correlation, start, start)
    }
}

#[test]
fn two_operations_that_could_be_it_leave_a_run_unlinked() {
    let told = Told::new(
        vec![unfinished("a", 0), unfinished("b", 9)],
        vec![run("web01", 4, 15, None)],
    );
    assert!(told.linked().is_empty(), "{:?}", told.pairs());
    let linked = told.link();
    let of_run = linked
        .executions
        .iter()
        .find(|execution| execution.run.is_some())
        .unwrap();
    assert!(of_run.is_ambiguous());
    let reason = of_run.reasons.first().unwrap();
    assert_eq!(reason.feature, "ambiguous");
    // Named by what stays the same when evidence is added.
    assert_eq!(reason.value, "it may be of a (55 points) or b (55 points)");
}

#[test]
fn nothing_waits_for_minutes_beside_one_that_need_not() {
    let told = Told::new(
        vec![unfinished("a", 0), unfinished("b", 180)],
        vec![run("web01", 4, 186, None)],
    );
    assert_eq!(told.linked(), [pair("b", 4)]);
}

#[test]
fn an_operation_without_an_end_is_not_under_way_for_an_hour() {
    let told = Told::new(vec![unfinished("a", 0)], vec![run("web01", 4, 2_400, None)]);
    assert!(told.linked().is_empty());
}

#[test]
fn a_clock_that_was_set_midway_is_followed() {
    let starts: Vec<i64> = (0..10).map(|n| n * 7_000 + n * n * 37).collect();
    let operations = starts
        .iter()
        .zip('a'..)
        .map(|(start, name)| operation(VM, &name.to_string(), *start, start + 40));
    // Five runs while the clock is right, five after it was set back by three minutes.
    let runs = starts.iter().zip(0..).map(|(start, number)| {
        let set = if number < 5 { 0 } else { -180 };
        run("web01", number, start + 6 + set, Some(start + 30 + set))
    });
    let told = Told::new(operations.collect(), runs.collect());
    assert_eq!(told.linked().len(), 10, "{:?}", told.pairs());
    let linked = told.link();
    let Offset::Step { before, after, .. } = linked.clocks[0].applied else {
        panic!("{:?}", linked.clocks[0]);
    };
    assert!(before.abs() <= 10 * NS_PER_SECOND, "{before}");
    assert!(
        (after + 180 * NS_PER_SECOND).abs() <= 10 * NS_PER_SECOND,
        "{after}"
    );
}

#[test]
fn a_drifting_clock_is_followed() {
    const DAY: i64 = 86_400;
    let starts: Vec<i64> = (0..20).map(|n| n * DAY / 4 + n * n * 53).collect();
    let operations = starts
        .iter()
        .zip('a'..)
        .map(|(start, name)| operation(VM, &name.to_string(), *start, start + 40));
    // Forty seconds a day, two hundred in all.
    let runs = starts.iter().zip(0..).map(|(start, number)| {
        let off = 100 + 40 * start / DAY;
        run("web01", number, start + 5 + off, Some(start + 30 + off))
    });
    let told = Told::new(operations.collect(), runs.collect());
    assert_eq!(told.linked().len(), 20, "{:?}", told.pairs());
    for (start, expected) in [(0, 100), (5 * DAY, 300)] {
        let applied = told.link().clocks[0].applied;
        let found = applied.at((TEN + start + expected) * NS_PER_SECOND) / NS_PER_SECOND;
        assert!((found - expected).abs() <= 10, "{found} {applied:?}");
    }
}

#[test]
fn an_operation_between_two_numbers_is_of_the_number_between_them() {
    // Number 4 left nothing; of the two operations before number 5 one is its, and order says which.
    let earlier = [-90_000, -70_000, -40_000, -9_000];
    let mut operations = vec![operation(VM, "o4", 0, 70), operation(VM, "o5", 20, 65)];
    let mut runs = vec![run("web01", 5, 26, Some(45))];
    for (number, at) in (0..).zip(earlier) {
        operations.push(operation(VM, &format!("o{number}"), at, at + 40));
        runs.push(run("web01", number, at + 6, Some(at + 25)));
    }
    let told = Told::new(operations, runs);
    let linked = told.linked();
    assert_eq!(linked.last(), Some(&pair("o5", 5)), "{linked:?}");
}

#[test]
fn an_hour_between_commands_and_an_hour_of_the_clock_leave_no_sure_link() {
    // At 0 s each run is of its own hour's operation, at +3600 s of the one before: the first and the last hour tell them apart by one each.
    let hour = |at: i64| at * 3_600;
    let told = Told::new(
        (0..4)
            .map(|at| operation(VM, &format!("o{at}"), hour(at), hour(at) + 20))
            .collect(),
        (1..3)
            .map(|at| run("web01", at, hour(at) + 6, None))
            .collect(),
    );
    let linked = told.link();
    let sure = linked
        .executions
        .iter()
        .filter(|execution| execution.confidence == Some(Confidence::High));
    assert_eq!(sure.count(), 0);
}
