use super::*;
use proptest::prelude::*;

const H: i64 = NS_PER_HOUR;

fn node(finding: usize, span: (i64, i64)) -> Node {
    Node {
        finding,
        span: Some(span),
        ..Node::default()
    }
}

fn by(principal: &str, hours: (i64, i64)) -> Node {
    Node {
        principal: Some(principal.to_owned()),
        ..node(0, (hours.0 * H, hours.1 * H))
    }
}

fn groups(nodes: &[Node]) -> Vec<Vec<usize>> {
    components(nodes, &BTreeSet::new())
}

fn finding(detector: &'static str, severity: Severity, confidence: Confidence) -> Finding {
    Finding {
        detector,
        severity,
        confidence,
        ..Finding::default()
    }
}

#[test]
fn what_shares_an_operation_adds_up() {
    // Sections 1 (raised), 10, 32 and 24 on one operation.
    let findings = [
        "run-command-invocation",
        "run-command-in-risk-window",
        "script-content",
        "extension-removed",
    ]
    .map(|id| finding(id, Severity::High, Confidence::Medium));
    let nodes: Vec<Node> = (0..4)
        .map(|at| Node {
            finding: at,
            operations: vec![7],
            ..Node::default()
        })
        .collect();
    let linked = crate::reconstruct::links::Linked::default();
    let referred = Referred {
        operations: &[],
        runs: &[],
        linked: &linked,
    };
    let found = incidents(referred, &findings, &nodes, &BTreeSet::new());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].score, found[0].severity, found[0].findings.len()),
        (24, Severity::Critical, 4)
    );
}

#[test]
fn of_each_detector_the_worst_counts_once() {
    let weighed = |of: &[(&'static str, Severity, Confidence)]| {
        let findings: Vec<Finding> = of
            .iter()
            .map(|(id, severity, confidence)| finding(id, *severity, *confidence))
            .collect();
        weigh(&findings.iter().collect::<Vec<_>>())
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
    let near = [by("p", (0, 1)), by("p", (25, 25))];
    assert_eq!(groups(&near), [vec![0, 1]]);
    let mut far = near.clone();
    far[1].span = Some((25 * H + 1, 26 * H));
    assert_eq!(groups(&far), [vec![0], vec![1]]);
    assert_eq!(
        groups(&[by("p", (0, 1)), by("q", (0, 1))]),
        [vec![0], vec![1]]
    );
    // A long finding reaches over those that begin and end within it.
    let long = [by("p", (0, 100)), by("p", (1, 2)), by("p", (120, 121))];
    assert_eq!(groups(&long), [vec![0, 1, 2]]);
    // Without a time nothing is near.
    let timeless = Node {
        span: None,
        ..by("p", (0, 0))
    };
    assert_eq!(groups(&[by("p", (0, 1)), timeless]), [vec![0], vec![1]]);
}

#[test]
fn a_vm_within_six_hours() {
    let on = |vm: &str, at: i64| Node {
        vm: Some(vm.to_owned()),
        ..node(0, (at, at))
    };
    assert_eq!(groups(&[on("v", 0), on("v", 6 * H)]), [vec![0, 1]]);
    assert_eq!(
        groups(&[on("v", 0), on("v", 6 * H + 1)]),
        [vec![0], vec![1]]
    );
    assert_eq!(groups(&[on("v", 0), on("w", 0)]), [vec![0], vec![1]]);
}

#[test]
fn a_script_at_any_time_and_an_address_that_is_not_shared() {
    let script = |at: i64| Node {
        fingerprints: vec!["f".to_owned()],
        ..node(0, (at, at))
    };
    assert_eq!(groups(&[script(0), script(9_000 * H)]), [vec![0, 1]]);
    let from = |at: i64| Node {
        ip: Some("203.0.113.7".to_owned()),
        ..node(0, (at, at))
    };
    let two = [from(0), from(24 * H)];
    assert_eq!(groups(&two), [vec![0, 1]]);
    let uses = |n: u32| (0..n).map(|principal| ("203.0.113.7", principal));
    assert!(shared_addresses(uses(10)).is_empty());
    let shared = shared_addresses(uses(11));
    assert_eq!(components(&two, &shared), [vec![0], vec![1]]);
}

/// The definition, pair by pair.
fn belong(one: &Node, other: &Node) -> bool {
    let near = |window: i64| match (one.span, other.span) {
        (Some((first, last)), Some((begin, end))) => {
            first - end <= window && begin - last <= window
        }
        _ => false,
    };
    let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
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

prop_compose! {
    fn any_node()(
        begin in 0_i64..200, length in 0_i64..30, principal in 0_u8..6, vm in 0_u8..6, ip in 0_u8..6,
        operation in 0_usize..40, script in 0_u8..40, timed in 0_u8..9,
    ) -> Node {
        let name = |word: &str, number: u8| (number > 1).then(|| format!("{word}{number}"));
        Node {
            finding: 0,
            operations: if operation < 20 { vec![operation] } else { Vec::new() },
            executions: Vec::new(),
            principal: name("p", principal),
            vm: name("v", vm),
            fingerprints: if script < 10 { vec![format!("s{script}")] } else { Vec::new() },
            ip: name("i", ip),
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
        let mut nodes: Vec<Node> = nodes;
        for (at, node) in nodes.iter_mut().enumerate() {
            node.finding = at;
        }
        let mut by_pairs = Components::new(nodes.len());
        for (at, one) in nodes.iter().enumerate() {
            for (to, other) in nodes.iter().enumerate().skip(at + 1) {
                if belong(one, other) {
                    by_pairs.join(at, to);
                }
            }
        }
        let mut want: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..nodes.len() {
            want.entry(by_pairs.root(at)).or_default().push(at);
        }
        let want: BTreeSet<Vec<usize>> = want.into_values().collect();
        let found: BTreeSet<Vec<usize>> = groups(&nodes).into_iter().collect();
        prop_assert_eq!(&found, &want);

        let mut shuffled = nodes.clone();
        for (at, place) in places.iter().enumerate().take(shuffled.len()) {
            let to = place.index(shuffled.len());
            shuffled.swap(at, to);
        }
        let again: BTreeSet<Vec<usize>> = groups(&shuffled)
            .into_iter()
            .map(|places| {
                let mut of: Vec<usize> = places.iter().map(|at| shuffled[*at].finding).collect();
                of.sort_unstable();
                of
            })
            .collect();
        prop_assert_eq!(again, want);
    }
}
