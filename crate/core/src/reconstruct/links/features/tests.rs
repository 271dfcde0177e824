use super::*;

const S: i64 = NS_PER_SECOND;
const WINDOW: i64 = 120 * S;

fn asked(start: i64, end: i64) -> Asked {
    Asked {
        at: 0,
        family: OperationFamily::Action,
        name: None,
        correlation: None,
        first: start * S,
        start: start * S,
        end: end * S,
        complete_start: true,
        terminal: true,
        accepted: None,
        outcome: OperationOutcome::Succeeded,
        os: None,
        script: None,
        asynchronous: None,
    }
}

fn ran(started: i64, ended: Option<i64>, reported: Reported) -> Ran {
    Ran {
        at: 0,
        host: 0,
        os: Os::Linux,
        family: Family::Action,
        name: None,
        sequence: Some(3),
        started: Some(started * S),
        resolution: S,
        ended: ended.map(|ended| ended * S),
        reported,
        asynchronous: None,
        correlations: Vec::new(),
        script: None,
        seen: Vec::new(),
        flow_by_guest: false,
        flows_by_cloud: Vec::new(),
    }
}

fn compared(asked: &Asked, ran: &Ran, host: i64) -> Option<Features> {
    compare(asked, ran, host * POINT, Offset::NONE, WINDOW)
}

/// Hundredths of a point, rounded.
fn hundredths(points: i64) -> i64 {
    (points + POINT / 200) / (POINT / 100)
}

#[test]
fn a_name_cut_to_fifteen_characters_needs_witnesses_to_be_sure() {
    let mut run = ran(12, Some(38), Reported::Success);
    let have = compared(&asked(0, 40), &run, 20).expect("admissible");
    assert_eq!(
        (have.time, hundredths(have.end), have.outcome),
        (30 * POINT, 967, 5 * POINT)
    );
    assert_eq!(hundredths(have.score()), 6467);
    run.seen = vec!["file write"];
    assert_eq!(
        hundredths(
            compared(&asked(0, 40), &run, 20)
                .expect("admissible")
                .score()
        ),
        6967
    );
    run.seen = vec!["file write", "process"];
    assert_eq!(
        hundredths(
            compared(&asked(0, 40), &run, 20)
                .expect("admissible")
                .score()
        ),
        7467
    );
}

#[test]
fn at_the_windows_end_the_time_is_worth_nothing() {
    let have = compared(&asked(0, 40), &ran(160, None, Reported::Unknown), 25).expect("admissible");
    assert_eq!(
        (have.distance, have.time, have.score()),
        (120 * S, 0, 25 * POINT)
    );
    assert_eq!(
        compared(&asked(0, 40), &ran(161, None, Reported::Unknown), 25),
        None
    );
}

#[test]
fn the_four_pairs_that_a_greedy_choice_would_cross() {
    let score = |op: (i64, i64), start: i64| {
        let run = ran(start, None, Reported::Unknown);
        hundredths(
            compared(&asked(op.0, op.1), &run, 25)
                .expect("admissible")
                .score(),
        )
    };
    let (a, b) = ((0, 40), (50, 90));
    assert_eq!(
        [score(a, 48), score(b, 48), score(a, 95), score(b, 95)],
        [5300, 5450, 4125, 5375]
    );
}

#[test]
fn contradictions_rule_a_pair_out() {
    let mut op = Asked {
        family: OperationFamily::Managed,
        name: Some("rc1".into()),
        ..asked(0, 40)
    };
    let mut run = Ran {
        family: Family::Managed,
        name: Some("rc2".into()),
        ..ran(5, None, Reported::Unknown)
    };
    assert_eq!(compared(&op, &run, 25), None, "names differ");
    run.name = Some("rc1".into());
    assert_eq!(
        compared(&op, &run, 25).map(|have| have.identity),
        Some(Identity::Name)
    );
    op.os = Some(Os::Windows);
    assert_eq!(compared(&op, &run, 25), None, "systems differ");
    op.os = None;
    (op.script, run.script) = (Some("a".into()), Some("b".into()));
    assert_eq!(compared(&op, &run, 25), None, "scripts differ");
    run.script = Some("a".into());
    assert_eq!(
        compared(&op, &run, 25).map(|have| have.identity),
        Some(Identity::Script)
    );
    run.family = Family::Action;
    assert_eq!(compared(&op, &run, 25), None, "families differ");
    assert_eq!(
        compared(&asked(0, 40), &ran(5, None, Reported::Unknown), 0),
        None,
        "no host"
    );
}

#[test]
fn a_goal_states_correlation_id_is_decisive_at_any_distance() {
    let op = Asked {
        correlation: Some("c".into()),
        ..asked(0, 40)
    };
    let run = Ran {
        correlations: vec!["c".into()],
        ..ran(4_000, None, Reported::Unknown)
    };
    let have = compared(&op, &run, 25).expect("admissible");
    assert_eq!(
        (have.identity.points(), have.time, have.score()),
        (40 * POINT, 0, 65 * POINT)
    );
    let reasons = have.reasons(&op, &run, "web01 = web01", Offset::NONE);
    assert!(
        reasons
            .iter()
            .any(|reason| reason.feature == "goal-state" && reason.points == 40 * POINT)
    );
}

#[test]
fn outcomes_count_as_the_family_reports_them() {
    let points = |family, os, cloud, guest| {
        let operation = match family {
            Family::Action => OperationFamily::Action,
            Family::Managed | Family::Immediate => OperationFamily::Managed,
            Family::Extension => OperationFamily::Extension,
        };
        let op = Asked {
            family: operation,
            outcome: cloud,
            ..asked(0, 40)
        };
        let run = Ran {
            family,
            os,
            ..ran(5, None, guest)
        };
        compared(&op, &run, 25).expect("admissible").outcome / POINT
    };
    use OperationOutcome::{Accepted, Failed, Succeeded};
    let all = |family, os| {
        [
            points(family, os, Succeeded, Reported::Success),
            points(family, os, Succeeded, Reported::Error),
            points(family, os, Failed, Reported::Success),
            points(family, os, Failed, Reported::Error),
            points(family, os, Accepted, Reported::Running),
            points(family, os, Succeeded, Reported::Unknown),
        ]
    };
    assert_eq!(all(Family::Action, Os::Linux), [5, -10, -5, 5, 5, 0]);
    assert_eq!(all(Family::Action, Os::Windows), [5, -3, -3, 5, 5, 0]);
    assert_eq!(all(Family::Managed, Os::Linux), [5, 2, -10, 5, 5, 0]);
    assert_eq!(all(Family::Extension, Os::Linux), [5, -5, -5, 5, 5, 0]);
}

#[test]
fn half_known_times_count_half() {
    let op = Asked {
        complete_start: false,
        start: -5_360 * S,
        ..asked(0, 40)
    };
    let have = compared(&op, &ran(12, None, Reported::Unknown), 25).expect("admissible");
    assert_eq!(have.time, 15 * POINT);
    let late = Ran {
        started: None,
        ..ran(0, Some(30), Reported::Unknown)
    };
    // The operation's times are known: an end inside it says more than an operation that may have begun any time before.
    let have = compared(&asked(0, 40), &late, 25).expect("admissible");
    assert_eq!(have.time, 20 * POINT);
    let neither = compared(&op, &late, 25).expect("admissible");
    assert_eq!(neither.time, 15 * POINT);
    let answered = Asked {
        accepted: Some(S),
        start: -9 * S,
        ..op
    };
    let have = compared(&answered, &ran(12, None, Reported::Unknown), 25).expect("admissible");
    assert_eq!(have.time, 30 * POINT);
}

#[test]
fn a_managed_run_that_may_not_wait_has_no_end_feature() {
    let op = Asked {
        family: OperationFamily::Managed,
        ..asked(0, 40)
    };
    let run = Ran {
        family: Family::Managed,
        ..ran(5, Some(40), Reported::Success)
    };
    let end = |run: &Ran| compared(&op, run, 25).expect("admissible").end;
    assert_eq!(end(&run), 0);
    assert_eq!(
        end(&Ran {
            asynchronous: Some(true),
            ..run.clone()
        }),
        0
    );
    assert_eq!(
        end(&Ran {
            asynchronous: Some(false),
            ..run
        }),
        10 * POINT
    );
}

#[test]
fn seconds_are_said_in_tenths() {
    assert_eq!(in_seconds(4_240_000_000), "4.2 s");
    assert_eq!(in_seconds(3_000_000_000), "3 s");
}
