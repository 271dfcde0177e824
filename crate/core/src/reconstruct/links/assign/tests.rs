use super::*;
use proptest::prelude::*;

pub(crate) fn candidate(asked: u32, ran: u32, score: i64, distance: i64) -> Candidate {
    Candidate {
        asked,
        ran,
        worth: Worth {
            score,
            pairs: 1,
            nearness: -distance,
        },
    }
}

/// All sets of pairs that do not cross, by definition: (worth, places of the candidates).
fn all_chains(candidates: &[Candidate]) -> Vec<(Worth, Vec<usize>)> {
    let mut chains = vec![(Worth::default(), Vec::new())];
    for (at, candidate) in candidates.iter().enumerate() {
        for chain in 0..chains.len() {
            let (worth, places): &(Worth, Vec<usize>) = &chains[chain];
            let fits = places.last().is_none_or(|last| {
                candidates[*last].asked < candidate.asked && candidates[*last].ran < candidate.ran
            });
            if fits {
                let mut longer = places.clone();
                longer.push(at);
                let worth = worth.plus(candidate.worth);
                chains.push((worth, longer));
            }
        }
    }
    chains
}

fn by_definition(candidates: &[Candidate]) -> (Vec<(u32, u32)>, Vec<i64>) {
    let chains = all_chains(candidates);
    let list = |places: &[usize]| -> Vec<(u32, u32)> {
        places
            .iter()
            .map(|at| (candidates[*at].asked, candidates[*at].ran))
            .collect()
    };
    let (worth, best) = chains
        .iter()
        .max_by(|one, other| {
            one.0
                .cmp(&other.0)
                .then_with(|| list(&other.1).cmp(&list(&one.1)))
        })
        .unwrap();
    let margins = best
        .iter()
        .map(|forbidden| {
            let without = chains
                .iter()
                .filter(|(_, places)| !places.contains(forbidden))
                .map(|(worth, _)| worth.score)
                .max()
                .unwrap();
            worth.score - without
        })
        .collect();
    (list(best), margins)
}

fn instance(
    sides: std::ops::Range<u32>,
    most: usize,
    scores: std::ops::Range<i64>,
) -> impl Strategy<Value = Vec<Candidate>> {
    proptest::collection::btree_map((sides.clone(), sides), (scores, 0..4_i64), 0..most).prop_map(
        |pairs| {
            pairs
                .into_iter()
                .map(|((asked, ran), (score, distance))| candidate(asked, ran, score, distance))
                .collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Few different scores, so that ties are the rule.
    #[test]
    fn the_solution_is_the_best_by_definition(candidates in instance(0..6, 14, 0..5)) {
        let (pairs, margins) = by_definition(&candidates);
        let have = assign(&candidates);
        let have_pairs: Vec<(u32, u32)> = have
            .iter()
            .map(|chosen| (candidates[chosen.candidate].asked, candidates[chosen.candidate].ran))
            .collect();
        prop_assert_eq!(have_pairs, pairs);
        let have_margins: Vec<i64> = have.iter().map(|chosen| chosen.margin).collect();
        prop_assert_eq!(have_margins, margins);
        let sum = have
            .iter()
            .fold(Worth::default(), |sum, chosen| sum.plus(candidates[chosen.candidate].worth));
        prop_assert_eq!(best(&candidates), sum);
    }

    /// Parts solved apart give what all together give.
    #[test]
    fn distant_parts_do_not_touch(first in instance(0..5, 9, 1..9), second in instance(0..5, 9, 1..9)) {
        let mut all = first.clone();
        all.extend(second.iter().map(|pair| Candidate { asked: pair.asked + 5, ran: pair.ran + 5, ..*pair }));
        prop_assert_eq!(best(&all), best(&first).plus(best(&second)));
        let apart: Vec<i64> = assign(&first).iter().chain(&assign(&second)).map(|chosen| chosen.margin).collect();
        let have: Vec<i64> = assign(&all).iter().map(|chosen| chosen.margin).collect();
        prop_assert_eq!(have, apart);
    }
}

#[test]
fn many_operations_at_once_have_the_margins_of_the_definition() {
    // One part of 60 by 60 with more rows than one stretch: margins by solving again.
    let mut candidates = Vec::new();
    let mut seed = 7_u64;
    for asked in 0..60 {
        for ran in 0..60 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if (seed >> 33).is_multiple_of(3) {
                candidates.push(candidate(asked, ran, ((seed >> 40) % 100) as i64, 0));
            }
        }
    }
    let whole = best(&candidates);
    let chosen = assign(&candidates);
    assert!(chosen.len() > 20, "{}", chosen.len());
    for pair in chosen {
        let without: Vec<Candidate> = candidates
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != pair.candidate)
            .map(|(_, candidate)| *candidate)
            .collect();
        assert_eq!(pair.margin, whole.score - best(&without).score);
    }
}
