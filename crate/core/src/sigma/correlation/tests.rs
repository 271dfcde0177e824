use super::*;
use crate::limits::Limits;
use crate::record::yaml::documents;

fn read(text: &str) -> Result<Correlation, String> {
    let tree = documents(text, &Limits::default()).remove(0).tree?;
    Correlation::read(&tree, &tree)
}

/// Occurrences as (second, rule, group, value).
fn found(rule: &str, of: &[(i64, usize, &str, &str)]) -> Vec<(Vec<usize>, f64)> {
    let occurrences = of
        .iter()
        .enumerate()
        .map(|(number, (second, rule, group, value))| Occurrence {
            time_ns: second * NS_PER_SECOND,
            rule: *rule,
            group: vec![(*group).to_owned()],
            values: vec![(*value).to_owned()],
            number,
        });
    let correlation = read(rule).unwrap();
    find(&correlation, occurrences.collect())
        .into_iter()
        .map(|found| (found.numbers, found.figure))
        .collect()
}

const COUNT: &str =
    "{type: event_count, rules: a, group-by: [u], timespan: 10s, condition: {gte: 3}}";

#[test]
fn events_are_counted_in_a_window_that_slides() {
    let at = |seconds: &[i64]| -> Vec<(i64, usize, &str, &str)> {
        seconds.iter().map(|second| (*second, 0, "x", "")).collect()
    };
    assert_eq!(found(COUNT, &at(&[0, 5, 10])), [(vec![0, 1, 2], 3.0)]);
    assert_eq!(found(COUNT, &at(&[0, 5, 11])), []);
    // The window slides: the first one is let go.
    assert_eq!(found(COUNT, &at(&[0, 5, 11, 14])), [(vec![1, 2, 3], 3.0)]);
    // What was reported is not reported again.
    assert_eq!(found(COUNT, &at(&[0, 1, 2, 3, 4])), [(vec![0, 1, 2], 3.0)]);
}

#[test]
fn groups_are_counted_apart() {
    let mixed = [
        (0, 0, "x", ""),
        (1, 0, "y", ""),
        (2, 0, "x", ""),
        (3, 0, "y", ""),
        (4, 0, "x", ""),
    ];
    assert_eq!(found(COUNT, &mixed), [(vec![0, 2, 4], 3.0)]);
}

#[test]
fn an_upper_bound_looks_at_whole_windows() {
    let rule =
        "{type: event_count, rules: a, group-by: [u], timespan: 10s, condition: {gt: 1, lte: 2}}";
    let at = |seconds: &[i64]| -> Vec<(i64, usize, &str, &str)> {
        seconds.iter().map(|second| (*second, 0, "x", "")).collect()
    };
    assert_eq!(found(rule, &at(&[0, 5, 20])), [(vec![0, 1], 2.0)]);
    assert_eq!(found(rule, &at(&[0, 5, 6, 20])), []);
}

#[test]
fn values_are_counted_once_each() {
    let rule =
        "{type: value_count, rules: a, group-by: [u], timespan: 1m, condition: {field: f, gte: 3}}";
    let with = |values: &[&'static str]| -> Vec<(i64, usize, &str, &str)> {
        values
            .iter()
            .zip(0..)
            .map(|(value, second)| (second, 0, "x", *value))
            .collect()
    };
    assert_eq!(
        found(rule, &with(&["a", "b", "A", "c"])),
        [(vec![0, 1, 2, 3], 3.0)]
    );
    assert_eq!(found(rule, &with(&["a", "b", "a", "b"])), []);
}

#[test]
fn sums_means_and_medians_are_of_numbers() {
    let rule = |kind: &str, bound: &str| {
        format!(
            "{{type: {kind}, rules: a, group-by: [u], timespan: 1m, condition: {{field: f, {bound}}}}}"
        )
    };
    let of = [
        (0, 0, "x", "1"),
        (1, 0, "x", "2"),
        (2, 0, "x", "9"),
        (3, 0, "x", "none"),
    ];
    assert_eq!(
        found(&rule("value_sum", "gte: 12"), &of),
        [(vec![0, 1, 2, 3], 12.0)]
    );
    assert_eq!(found(&rule("value_sum", "gt: 12"), &of), []);
    assert_eq!(
        found(&rule("value_avg", "eq: 4"), &of),
        [(vec![0, 1, 2, 3], 4.0)]
    );
    assert_eq!(
        found(&rule("value_median", "eq: 2"), &of),
        [(vec![0, 1, 2, 3], 2.0)]
    );
}

#[test]
fn rules_near_each_other_in_any_order_or_in_theirs() {
    let any = "{type: temporal, rules: [a, b], group-by: [u], timespan: 10s}";
    let order = "{type: temporal_ordered, rules: [a, b], group-by: [u], timespan: 10s}";
    let forth = [(0, 0, "x", ""), (5, 1, "x", "")];
    let back = [(0, 1, "x", ""), (5, 0, "x", "")];
    let far = [(0, 0, "x", ""), (11, 1, "x", "")];
    assert_eq!(found(any, &forth), [(vec![0, 1], 2.0)]);
    assert_eq!(found(any, &back), [(vec![0, 1], 2.0)]);
    assert_eq!(found(any, &far), []);
    assert_eq!(found(order, &forth), [(vec![0, 1], 2.0)]);
    assert_eq!(found(order, &back), []);
    assert_eq!(found(order, &far), []);
    // The latest beginning counts, so that an old one does not hide it.
    assert_eq!(
        found(order, &[(0, 0, "x", ""), (9, 0, "x", ""), (15, 1, "x", "")]),
        [(vec![1, 2], 2.0)]
    );
}

#[test]
fn a_temporal_condition_says_which_rules_must_match() {
    let either = "{type: temporal, rules: [a, b, c], group-by: [u], timespan: 10s, condition: a and (b or c)}";
    assert_eq!(
        found(either, &[(0, 0, "x", ""), (5, 2, "x", "")]),
        [(vec![0, 1], 2.0)]
    );
    assert_eq!(found(either, &[(0, 1, "x", ""), (5, 2, "x", "")]), []);
    let without =
        "{type: temporal, rules: [a, b], group-by: [u], timespan: 10s, condition: a and not b}";
    assert_eq!(found(without, &[(0, 0, "x", "")]), [(vec![0], 1.0)]);
    assert_eq!(found(without, &[(0, 0, "x", ""), (5, 1, "x", "")]), []);
}

#[test]
fn what_is_no_correlation_is_refused() {
    for text in [
        "{rules: a, timespan: 1m, condition: {gte: 1}}",
        "{type: event_count, timespan: 1m, condition: {gte: 1}}",
        "{type: event_count, rules: a, condition: {gte: 1}}",
        "{type: event_count, rules: a, timespan: 1m}",
        "{type: event_count, rules: a, timespan: 1w, condition: {gte: 1}}",
        "{type: event_count, rules: a, timespan: 0m, condition: {gte: 1}}",
        "{type: event_count, rules: a, timespan: 99999999999999999d, condition: {gte: 1}}",
        "{type: event_count, rules: a, timespan: 1m, condition: {many: 1}}",
        "{type: value_count, rules: a, timespan: 1m, condition: {gte: 1}}",
        "{type: value_percentile, rules: a, timespan: 1m, condition: {field: f, lte: 1}}",
        "{type: temporal_ordered, rules: [a, b], timespan: 1m, condition: a and not b}",
        "{type: temporal_ordered, rules: [a, b, c], timespan: 1m, condition: {gte: 2}}",
        "{type: temporal, rules: [a, b], timespan: 1m, condition: a and d}",
        "{type: made_up, rules: a, timespan: 1m}",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
