use super::*;

const S: i64 = NS_PER_SECOND;
const ASSUMED: Assumptions = Assumptions {
    start_latency: 3 * S,
    least_pairs: 3,
};

/// Bounds of a pair, in seconds of the day: operation, guest, resolution one second.
fn pair(start: i64, end: i64, guest_start: i64, guest_end: i64) -> Bound {
    Bound {
        low: Some((guest_end - end) * S),
        high: Some((guest_start + 1 - start) * S),
        at: guest_start * S,
        score: 0,
    }
}

const TEN: i64 = 36_000;
const ELEVEN: i64 = 39_600;

fn seconds(estimate: &Estimate) -> (Option<i64>, Option<i64>, Option<i64>) {
    let point = estimate.offset.map(|offset| match offset {
        Offset::Constant(offset) => offset / S,
        _ => panic!("a constant offset"),
    });
    (
        point,
        estimate.low.map(|low| low / S),
        estimate.high.map(|high| high / S),
    )
}

#[test]
fn two_pairs_bound_the_offset() {
    let first = pair(TEN, TEN + 40, TEN + 305, TEN + 335);
    let second = pair(ELEVEN, ELEVEN + 60, ELEVEN + 312, ELEVEN + 350);
    assert_eq!(
        (first.low, first.high),
        (Some(295 * S), Some(306 * S)),
        "the first pair"
    );
    assert_eq!(
        (second.low, second.high),
        (Some(290 * S), Some(313 * S)),
        "the second pair"
    );
    let have = estimate(&[first, second], None, ASSUMED);
    assert_eq!(seconds(&have), (Some(303), Some(295), Some(306)));
    assert_eq!(
        (have.pairs, have.discarded, have.confidence),
        (2, 0, Confidence::Low)
    );
}

#[test]
fn an_interval_around_zero_is_no_evidence_of_skew() {
    let have = estimate(&[pair(TEN, TEN + 40, TEN + 5, TEN + 35)], None, ASSUMED);
    assert_eq!(seconds(&have), (Some(0), Some(-5), Some(6)));
}

#[test]
fn a_contradicting_pair_is_set_aside() {
    let bound = |low: i64, high: i64| Bound {
        low: Some(low * S),
        high: Some(high * S),
        at: low * S,
        score: 0,
    };
    let have = estimate(
        &[bound(295, 306), bound(290, 313), bound(-5, 6)],
        None,
        ASSUMED,
    );
    assert_eq!(
        (have.low, have.high),
        (Some(295 * S), Some(306 * S)),
        "{have:?}"
    );
    assert_eq!(
        (have.pairs, have.discarded, have.confidence, have.reason),
        (2, 1, Confidence::Low, Some("inconsistent pair"))
    );
}

#[test]
fn goal_state_lines_tell_both_clocks() {
    let lines = GoalStateBound {
        lines: 25,
        least: 302_100_000_000,
        high: 302_100_001_000,
    };
    let have = estimate(&[], Some(lines), ASSUMED);
    assert_eq!(have.offset, Some(Offset::Constant(300_100_000_000)));
    assert_eq!(have.method, Method::GoalState);
    assert_eq!(have.low, Some(295_100_000_000));
    // Half-width 5 s, but never above the hard bound.
    assert_eq!(have.high, Some(302_100_001_000));
    let few = GoalStateBound { lines: 19, ..lines };
    assert_eq!(estimate(&[], Some(few), ASSUMED).offset, None);
}

#[test]
fn a_success_row_alone_bounds_from_below_only() {
    let low = Bound {
        high: None,
        ..pair(TEN, TEN + 40, TEN + 305, TEN + 335)
    };
    let have = estimate(&[low], None, ASSUMED);
    assert_eq!(seconds(&have), (None, Some(295), None));
    assert_eq!(have.reason, Some("bounded on one side only"));
}

#[test]
fn confidence_grows_with_the_pairs() {
    let pairs: Vec<Bound> = (0..6)
        .map(|at| {
            let at = TEN + at * 600;
            pair(at, at + 40, at + 305, at + 335)
        })
        .collect();
    let of = |count: usize| estimate(&pairs[..count], None, ASSUMED).confidence;
    assert_eq!(
        [of(1), of(2), of(3), of(5), of(6)],
        [
            Confidence::Low,
            Confidence::Low,
            Confidence::Medium,
            Confidence::Medium,
            Confidence::High
        ]
    );
}

#[test]
fn a_drifting_clock_is_found_over_hours() {
    // 240 s a day, ten pairs over nine hours.
    let pairs: Vec<Bound> = (0..10)
        .map(|hour| {
            let at = TEN + hour * 3600;
            let off = 100 + hour * 10;
            pair(at, at + 40, at + off + 3, at + off + 30)
        })
        .collect();
    let have = estimate(&pairs, None, ASSUMED);
    let Some(Offset::Drift {
        at_origin, per_day, ..
    }) = have.offset
    else {
        panic!("{have:?}")
    };
    // Seconds of guest time: 3610 pass in an hour of cloud time.
    assert!((per_day - 239_335_180_055).abs() < S, "{per_day}");
    assert!((at_origin - 190 * S).abs() <= 2 * S, "{at_origin}");
    assert_eq!((have.pairs, have.discarded), (10, 0));
}

#[test]
fn a_clock_that_was_set_is_split_there() {
    let pairs: Vec<Bound> = (0..8)
        .map(|at| {
            let off = if at < 4 { 300 } else { 2 };
            let at = TEN + at * 600;
            pair(at, at + 40, at + off + 3, at + off + 30)
        })
        .collect();
    let have = estimate(&pairs, None, ASSUMED);
    assert_eq!(
        have.offset,
        Some(Offset::Step {
            from: (TEN + 2_405) * S,
            before: 301 * S,
            after: 0
        })
    );
    assert_eq!((have.confidence, have.discarded), (Confidence::Medium, 0));
}

#[test]
fn the_order_of_the_pairs_does_not_matter() {
    let mut pairs: Vec<Bound> = (0..9)
        .map(|at| {
            let off = if at % 4 == 1 { 20 } else { 300 };
            let at = TEN + at * 600;
            pair(at, at + 40, at + off + 3, at + off + 30)
        })
        .collect();
    let want = estimate(&pairs, None, ASSUMED);
    pairs.reverse();
    assert_eq!(estimate(&pairs, None, ASSUMED), want);
    pairs.rotate_left(4);
    assert_eq!(estimate(&pairs, None, ASSUMED), want);
}
