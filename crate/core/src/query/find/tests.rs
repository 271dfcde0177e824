use super::find;
use crate::query::findings::tests::some;
use crate::query::hosts::hosts;
use std::collections::BTreeSet;

#[test]
fn all_words_must_stand_there_in_any_order() {
    let case = some();
    let hosts = hosts(&case);
    let hits = find(&case, &hosts, "VM1 alex");
    assert!(
        hits.iter()
            .any(|hit| hit.kind == "execution" && hit.event.is_some())
    );
    assert!(hits.iter().all(|hit| {
        let text = format!("{} {}", hit.name, hit.about).to_lowercase();
        text.contains("vm1") && text.contains("alex") || hit.kind == "finding"
    }));
    let kinds: BTreeSet<&str> = find(&case, &hosts, "vm")
        .iter()
        .map(|hit| hit.kind)
        .collect();
    assert!(
        kinds.is_superset(&["execution", "host", "detector"].into()),
        "{kinds:?}"
    );
    let callers = find(&case, &hosts, "blair");
    let caller = callers
        .iter()
        .find(|hit| hit.kind == "caller")
        .expect("a caller");
    let at: usize = caller.key.parse().expect("a place");
    assert_eq!(case.actors()[at].caller, "blair@contoso.example");
    assert!(find(&case, &hosts, "  ").is_empty());
    assert!(find(&case, &hosts, "vm1 nobody-has-this").is_empty());
}
