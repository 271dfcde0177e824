use super::*;
use proptest::prelude::*;

const H: i64 = NS_PER_HOUR;

fn node(span: (i64, i64)) -> Node<'static> {
    Node {
        span: Some(span),
        ..Node::default()
    }
}

fn by(principal: u32, hours: (i64, i64)) -> Node<'static> {
    Node {
        principal: Some(principal),
        ..node((hours.0 * H, hours.1 * H))
    }
}

fn groups(nodes: &[Node<'_>]) -> Vec<Vec<usize>> {
    components(nodes, &BTreeSet::new())
}

fn weight(detector: &'static str, severity: Severity, confidence: Confidence) -> Weight<'static> {
    Weight {
        detector,
        severity,
        confidence,
        first: None,
        last: None,
    }
}

#[test]
fn what_shares_an_operation_adds_up() {
    // Sections 1 (raised), 10, 32 and 24 on one operation.
    let weights: Vec<(usize, Weight<'_>)> = [
        "run-command-invocation",
        "run-command-in-risk-window",
        "script-content",
        "extension-removed",
    ]
    .into_iter()
    .map(|id| weight(id, Severity::High, Confidence::Medium))
    .enumerate()
    .collect();
    let nodes = vec![
        Node {
            operations: &[7],
            ..Node::default()
        };
        4
    ];
    let found = incidents(&weights, groups(&nodes));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].score, found[0].severity, found[0].findings.len()),
        (24, Severity::Critical, 4)
    );
}

#[test]
fn of_each_detector_the_worst_counts_once() {
    let weighed = |of: &[(&'static str, Severity, Confidence)]| {
        let weights: Vec<Weight<'_>> = of
            .iter()
            .map(|(id, severity, confidence)| weight(id, *severity, *confidence))
            .collect();
        weigh(&weights.iter().collect::<Vec<_>>())
    };
    let (low, medium) = (Confidence::Low, Severity::Medium);
    assert_eq!(weighed(&[("a", medium, low); 9]), (3, Severity::Low));
    assert_eq!(
        weighed(&[("a", medium, low), ("b", medium, low)]),
        (6, Severity::Medium)
    );
    assert_eq!(
        weighed(&[("a", Severity::High, low), ("b", Severity::High, low)]),
        (12, Severity::High)
    );
    assert_eq!(
        weighed(&[
            ("a", Severity::High, low),
            ("b", medium, low),
            ("c", Severity::Low, low),
            ("d", Severity::Low, low)
        ]),
        (11, Severity::Medium)
    );
    // Never less than its worst finding that is sure.
    assert_eq!(
        weighed(&[("a", Severity::Critical, Confidence::High)]),
        (10, Severity::Critical)
    );
    assert_eq!(
        weighed(&[("a", Severity::Critical, Confidence::Medium)]),
        (10, Severity::Medium)
    );
}

#[test]
fn a_principal_within_a_day() {
    // Exactly 24 h from end to begin; one nanosecond more.
    let near = [by(1, (0, 1)), by(1, (25, 25))];
    assert_eq!(groups(&near), [vec![0, 1]]);
    let mut far = near.clone();
    far[1].span = Some((25 * H + 1, 26 * H));
    assert_eq!(groups(&far), [vec![0], vec![1]]);
    assert_eq!(groups(&[by(1, (0, 1)), by(2, (0, 1))]), [vec![0], vec![1]]);
    // A long finding reaches over those that begin and end within it.
    let long = [by(1, (0, 100)), by(1, (1, 2)), by(1, (120, 121))];
    assert_eq!(groups(&long), [vec![0, 1, 2]]);
    // Without a time nothing is near.
    let timeless = Node {
        span: None,
        ..by(1, (0, 0))
    };
    assert_eq!(groups(&[by(1, (0, 1)), timeless]), [vec![0], vec![1]]);
}

#[test]
fn a_vm_within_six_hours() {
    let on = |vm: u32, at: i64| Node {
        vm: Some(vm),
        ..node((at, at))
    };
    assert_eq!(groups(&[on(1, 0), on(1, 6 * H)]), [vec![0, 1]]);
    assert_eq!(groups(&[on(1, 0), on(1, 6 * H + 1)]), [vec![0], vec![1]]);
    assert_eq!(groups(&[on(1, 0), on(2, 0)]), [vec![0], vec![1]]);
}

#[test]
fn a_script_at_any_time_and_an_address_that_is_not_shared() {
    let script = |at: i64| Node {
        fingerprints: vec![3],
        ..node((at, at))
    };
    assert_eq!(groups(&[script(0), script(9_000 * H)]), [vec![0, 1]]);
    let from = |at: i64| Node {
        ip: Some(4),
        ..node((at, at))
    };
    let two = [from(0), from(24 * H)];
    assert_eq!(groups(&two), [vec![0, 1]]);
    let uses = |n: u32| (0..n).map(|principal| ("203.0.113.7", principal));
    assert!(shared_addresses(uses(10)).is_empty());
    assert_eq!(
        shared_addresses(uses(11)),
        BTreeSet::from(["203.0.113.7".to_owned()])
    );
    assert_eq!(components(&two, &BTreeSet::from([4])), [vec![0], vec![1]]);
}

/// The definition, pair by pair.
fn belong(one: &Node<'_>, other: &Node<'_>) -> bool {
    let near = |window: i64| match (one.span, other.span) {
        (Some((first, last)), Some((begin, end))) => {
            first - end <= window && begin - last <= window
        }
        _ => false,
    };
    let same = |one: &Option<u32>, other: &Option<u32>| one.is_some() && one == other;
    one.operations
        .iter()
        .any(|op| other.operations.contains(op))
        || one
            .executions
            .iter()
            .any(|op| other.executions.contains(op))
        || one
            .fingerprints
            .iter()
            .any(|op| other.fingerprints.contains(op))
        || same(&one.principal, &other.principal) && near(24 * H)
        || same(&one.vm, &other.vm) && near(6 * H)
        || same(&one.ip, &other.ip) && near(24 * H)
}

/// Operations to borrow from.
static OPERATIONS: [usize; 20] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
];

prop_compose! {
    fn any_node()(
        begin in 0_i64..200, length in 0_i64..30, principal in 0_u8..6, vm in 0_u8..6, ip in 0_u8..6,
        operation in 0_usize..40, script in 0_u8..40, timed in 0_u8..9,
    ) -> Node<'static> {
        let name = |number: u8| (number > 1).then(|| u32::from(number));
        Node {
            operations: OPERATIONS.get(operation..=operation).unwrap_or_default(),
            executions: &[],
            principal: name(principal),
            vm: name(vm),
            fingerprints: if script < 10 { vec![u32::from(script)] } else { Vec::new() },
            ip: name(ip),
            span: (timed > 0).then_some((begin * H, (begin + length) * H)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The sweeps find what every pair would, in any order.
    #[test]
    fn sweeps_equal_pairs_in_any_order(
        nodes in prop::collection::vec(any_node(), 0..40),
        places in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut by_pairs = Components::new(nodes.len());
        for (at, one) in nodes.iter().enumerate() {
            for (to, other) in nodes.iter().enumerate().skip(at + 1) {
                if belong(one, other) {
                    by_pairs.join(at, to);
                }
            }
        }
        let mut want: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
        for at in 0..nodes.len() {
            want.entry(by_pairs.root(at)).or_default().push(at);
        }
        let want: BTreeSet<Vec<usize>> = want.into_values().collect();
        let found: BTreeSet<Vec<usize>> = groups(&nodes).into_iter().collect();
        prop_assert_eq!(&found, &want);

        let mut shuffled: Vec<(usize, Node<'_>)> = nodes.iter().cloned().enumerate().collect();
        for (at, place) in places.iter().enumerate().take(shuffled.len()) {
            let to = place.index(shuffled.len());
            shuffled.swap(at, to);
        }
        let alone: Vec<Node<'_>> = shuffled.iter().map(|(_, node)| node.clone()).collect();
        let again: BTreeSet<Vec<usize>> = groups(&alone)
            .into_iter()
            .map(|places| {
                let mut of: Vec<usize> = places.iter().map(|at| shuffled[*at].0).collect();
                of.sort_unstable();
                of
            })
            .collect();
        prop_assert_eq!(again, want);
    }
}
