use super::*;
use crate::evidence::layout::{Family, Os};
use crate::reconstruct::links::sides::Reported;
use crate::reconstruct::operations::{OperationFamily, OperationOutcome};
use proptest::prelude::*;
use std::collections::BTreeSet;

const S: i64 = NS_PER_SECOND;
const ASSUMED: Assumptions = Assumptions {
    start_latency: 3 * S,
    least_pairs: 3,
};

fn asked(at: usize, start: i64, end: i64) -> Asked {
    Asked {
        at,
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

fn ran(at: usize, started: i64, ended: i64) -> Ran {
    Ran {
        at,
        host: 0,
        os: Os::Linux,
        family: Family::Action,
        name: None,
        sequence: i64::try_from(at).ok(),
        started: Some(started * S),
        resolution: S,
        ended: Some(ended * S),
        reported: Reported::Success,
        asynchronous: None,
        correlations: Vec::new(),
        script: None,
        seen: Vec::new(),
        flow_by_guest: false,
        flows_by_cloud: Vec::new(),
    }
}

/// Searches operations and runs of one guest, window 15 s.
fn searched<T>(asked: &[Asked], ran: &[Ran], of: impl FnOnce(&Search<'_>) -> T) -> T {
    let rejected = BTreeSet::new();
    let (all_asked, all_ran): (Vec<usize>, Vec<usize>) =
        ((0..asked.len()).collect(), (0..ran.len()).collect());
    of(&Search {
        solving: Solving {
            asked,
            ran,
            host: &[25 * POINT],
            offsets: &[Offset::NONE],
            slack: &[],
            window: 15 * S,
            least: 40 * POINT,
            rejected: &rejected,
            confirmed: &[],
        },
        asked: &all_asked,
        ran: &all_ran,
        host: 0,
        goal_states: None,
        window: 7_200 * S,
        assumed: ASSUMED,
    })
}

#[test]
fn an_hour_and_a_half_is_found() {
    let starts = [0, 400, 1_900, 2_300, 4_000, 7_100];
    let operations: Vec<Asked> = (0..)
        .zip(starts)
        .map(|(at, start)| asked(at, start, start + 50 + 3 * at as i64))
        .collect();
    let runs: Vec<Ran> = (0..)
        .zip(starts)
        .map(|(at, start)| ran(at, start + 5_431, start + 5_460 + 3 * at as i64))
        .collect();
    let offset = searched(&operations, &runs, |search| search.offset());
    // True is 5,428; the pairs found here bound it closely, the candidate itself need not.
    let found = offset.at(0) / S;
    assert!((found - 5_428).abs() <= 30, "{found}");
}

#[test]
fn two_pairs_are_no_evidence_of_an_offset() {
    let operations = [asked(0, 0, 40), asked(1, 1_000, 1_040)];
    let runs = [ran(0, 905, 935), ran(1, 1_905, 1_935)];
    assert_eq!(
        searched(&operations, &runs, |search| search.offset()),
        Offset::NONE
    );
}

#[test]
fn candidates_are_thinned_to_the_cap() {
    let operations: Vec<Asked> = (0..200)
        .map(|at| asked(at, at as i64 * 37, at as i64 * 37 + 20))
        .collect();
    let runs: Vec<Ran> = (0..200)
        .map(|at| ran(at, at as i64 * 41, at as i64 * 41 + 15))
        .collect();
    let (count, seconds) = searched(&operations, &runs, |search| {
        let candidates = search.candidates(search.ran);
        (candidates.len(), 2 * search.window / S)
    });
    assert!(
        count <= MOST_CANDIDATES && count > 1_000,
        "{count} of {seconds}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    /// What is passed over without solving could not have won by more than ends are worth.
    #[test]
    fn no_candidate_passed_over_is_better(
        ops in proptest::collection::btree_map(0..6_000_i64, 5..80_i64, 1..8),
        starts in proptest::collection::btree_map(0..6_000_i64, 2..60_i64, 1..8),
    ) {
        let operations: Vec<Asked> = (0..).zip(&ops).map(|(at, (start, lasts))| asked(at, *start, start + lasts)).collect();
        let runs: Vec<Ran> = (0..).zip(&starts).map(|(at, (start, lasts))| ran(at, *start, start + lasts)).collect();
        let (found, best) = searched(&operations, &runs, |search| {
            let groups = search.solving.all_groups(search.asked, search.ran);
            let total = |offset: i64| search.at(offset, |solving| solving.total(&groups));
            let best = search.candidates(search.ran).into_iter().map(total).max().unwrap_or(0);
            (total(search.best(None)), best)
        });
        let ends = 10 * POINT * i64::try_from(runs.len()).unwrap_or(0);
        let all: i64 = searched(&operations, &runs, |search| runs.iter().map(|run| search.solving.most(run)).sum());
        // Only a first candidate that leaves nothing but ends to gain may stop the search.
        prop_assert!(found >= best || found >= all - ends, "{found} of {best}");
    }
}
