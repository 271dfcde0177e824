//! Queries of the detectors that look at operations beside run commands: curated ones, key listings in number, bursts of creations.
//!
//! Example: `resource-burst` needs the median of days on which nothing happened too; `make-series` fills them with zero in KQL, and a note says
//! that ES|QL does not.
//!
//! Rejected: the curated list by hand a second time. The queries are written from the detector's own table.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE,
    ELASTIC_INLINE_NOTE, KQL_FOLD_NOTE, Wanted, again, esql_operations, kql_operations, published,
};
use super::asked::Asked;
use super::literal::{esql_list, kql};
use super::{Ask, DEFENDER, Hunt};
use crate::detect::sensitive_operation::{LISTING_WEIGHT, LISTINGS, weighted};
use std::collections::BTreeMap;

/// Operations that are looked at by detector 13: repeated listings, disk copies, rule sets.
const REPEATED: [&str; 2] = [
    "microsoft.compute/snapshots/write",
    "microsoft.network/networksecuritygroups/write",
];
const KEY_LISTING: &str = "listkeys/action";

/// The curated operations by weight, heaviest first.
fn by_weight() -> Vec<(u8, Vec<&'static str>)> {
    let mut weights: BTreeMap<u8, Vec<&'static str>> = BTreeMap::new();
    for (name, weight) in weighted() {
        weights.entry(weight).or_default().push(name);
    }
    weights.into_iter().rev().collect()
}

/// Detector 6.
pub(super) fn sensitive(asked: &Asked<'_>, hunt: &mut Hunt) {
    let near = asked.settings.sensitive_operation.near_hours;
    let own = Wanted::named(asked.operations.iter().map(String::as_str));
    again(asked, hunt, &own);
    let curated = || Wanted::named(weighted().map(|(name, _)| name)).ending(LISTINGS);
    let runs = Wanted::run_commands(true);
    let both = Wanted::named(
        weighted()
            .map(|(name, _)| name)
            .chain(super::activity::RUN_ACTIONS)
            .chain(super::activity::MANAGED_WRITES),
    )
    .ending(LISTINGS);
    let operations = kql_operations(&both, "since - near");
    let (is_run, is_curated) = (runs.kql("Operation"), curated().kql("Operation"));
    let weights: Vec<String> = by_weight()
        .iter()
        .map(|(weight, names)| {
            let names: Vec<String> = names.iter().map(|name| kql(name)).collect();
            format!("Operation in ({}), {weight}", names.join(", "))
        })
        .collect();
    let weights = weights.join(",\n        ");
    hunt.sentinel(
        Ask::pattern(
            "Sensitive operation, by anyone",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
let near = {near}h;
{operations}
let commands = operations
    | where {is_run}
    | where isnotempty(Principal)
    | summarize Commands = make_list(Start, 10000) by Principal;
operations
| where Outcome == "success" and Start >= since
| where {is_curated}
| extend Weight = case(
        {weights},
        {LISTING_WEIGHT})
| lookup kind=leftouter commands on Principal
| extend Commands = iff(isnull(Commands), dynamic([null]), Commands)
| mv-apply Command = Commands to typeof(datetime) on (
    summarize NearRunCommand = countif(Command between (Start - near .. Start + near)) > 0)
| project Start, End, Weight, NearRunCommand, Operation, Principal, Account, Address, Target, Subscription, CorrelationId
| sort by NearRunCommand desc, Weight desc, Start desc"#
            ),
        )
        .note("Run commands after the end of the data that the table holds cannot raise a row yet.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&curated(), &format!("NOW() - {DAYS} days"));
    let weights: Vec<String> = by_weight()
        .iter()
        .map(|(weight, names)| {
            format!(
                "operation IN {}, {weight}",
                esql_list(names.iter().copied())
            )
        })
        .collect();
    let weights = weights.join(",\n    ");
    hunt.elastic(
        Ask::pattern(
            "Sensitive operation, by anyone",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success"
| EVAL weight = CASE(
    {weights},
    {LISTING_WEIGHT})
| KEEP start, ended, weight, operation, principal, address, target, subscription, correlation
| SORT weight DESC, start DESC"#
            ),
        )
        .note(format!("Does not look for a Run Command of the same principal within {near} hours, which makes a finding worse in the case."))
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 13.
pub(super) fn new_source(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.new_source;
    published(hunt, settings.published);
    let wanted = Wanted::named(REPEATED).ending([KEY_LISTING]);
    again(asked, hunt, &wanted);
    let (days, hours, least) = (
        settings.baseline_days,
        settings.detection_hours,
        settings.least_operations,
    );
    let bits = asked.settings.control_plane.detection.v6_bits;
    let operations = kql_operations(&wanted, "baseline");
    hunt.sentinel(
        Ask::pattern(
            "Repeated sensitive operation from a source that never did as many",
            ACTIVITY,
            format!(
                r#"let baseline = ago({days}d);
let detection = ago({hours}h);
{operations}
let counted = operations
    | where Outcome == "success" and isnotempty(Principal) and isnotempty(Address);
let known = counted
    | where Start < detection
    | summarize OnDay = count() by Subscription, Principal, Address, Operation, Day = startofday(Start)
    | where OnDay >= {least}
    | distinct Subscription, Principal, Address, Operation;
counted
| where Start >= detection
| summarize Count = count(), First = min(Start), Last = max(End), Targets = make_set(Target, 50) by Subscription, Principal, Address, Operation
| where Count >= {least}
| join kind=leftanti known on Subscription, Principal, Address, Operation
| sort by Count desc"#
            ),
        )
        .note(KQL_FOLD_NOTE),
    );
    let listings = Wanted::default().ending([KEY_LISTING]);
    let operations = kql_operations(&listings, "baseline");
    hunt.sentinel(
        Ask::pattern(
            "Keys listed from a network whence the principal did not list before",
            ACTIVITY,
            format!(
                r#"let baseline = ago({days}d);
let detection = ago({hours}h);
{operations}
let listings = operations
    | where Outcome == "success" and isnotempty(Principal)
    | extend Network = iff(Address contains ":", parse_ipv6_mask(Address, {bits}), Network)
    | where isnotempty(Network);
let known = listings
    | where Start < detection
    | summarize Listings = count() by Subscription, Principal, Network
    | where Listings >= 2;
listings
| where Start >= detection
| join kind=leftsemi known on Subscription, Principal
| join kind=leftanti known on Subscription, Principal, Network
| project Start, End, Principal, Account, Address, Network, Operation, Target, Subscription, CorrelationId
| sort by Start desc"#
            ),
        )
        .note("Principals without two listings from one network in the baseline are passed over; the case says that they cannot be judged.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("NOW() - {days} days"));
    hunt.elastic(
        Ask::pattern(
            "Repeated sensitive operation from a source that never did as many",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND address IS NOT NULL
| EVAL recent = start >= NOW() - {hours} hours, day = DATE_TRUNC(1 day, start)
| STATS before = COUNT(*) WHERE NOT recent, lately = COUNT(*) WHERE recent BY subscription, principal, address, operation, day
| STATS most_on_a_day_before = MAX(before), count = SUM(lately) BY subscription, principal, address, operation
| WHERE count >= {least} AND most_on_a_day_before < {least}
| SORT count DESC"#
            ),
        )
        .note(ELASTIC_FOLD_NOTE),
    );
    let begin = esql_operations(&listings, &format!("NOW() - {days} days"));
    hunt.elastic(
        Ask::pattern(
            "Keys listed from a network whence the principal did not list before",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND address IS NOT NULL
| EVAL recent = start >= NOW() - {hours} hours, network = IP_PREFIX(address, 16, {bits})
| STATS before = COUNT(*) WHERE NOT recent, lately = COUNT(*) WHERE recent, addresses = VALUES(address) BY subscription, principal, network
| INLINE STATS most_known = MAX(before) BY subscription, principal
| WHERE lately > 0 AND before < 2 AND most_known >= 2
| SORT lately DESC"#
            ),
        )
        .note(ELASTIC_INLINE_NOTE)
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 14.
pub(super) fn burst(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.burst;
    published(hunt, settings.published);
    let creates = [
        "microsoft.compute/virtualmachines/write",
        "microsoft.resources/deployments/write",
    ];
    let wanted = Wanted::named(creates).ending(["/delete"]);
    again(asked, hunt, &wanted);
    let (days, z, create, delete) = (
        settings.days,
        settings.z,
        settings.floor_create,
        settings.floor_delete,
    );
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Unusual number of creations or deletions today",
            ACTIVITY,
            format!(
                r#"let today = startofday(now());
let since = today - {days}d;
{operations}
operations
| where Outcome == "success" and isnotempty(Principal) and isnotempty(Target)
| extend Kind = iff(Operation endswith "/delete", "delete", "create")
| make-series Resources = dcount(Target, 4) default = 0 on Start from since to today + 1d step 1d by Principal, Kind
| extend Today = tolong(Resources[{days}]), Sorted = array_sort_asc(array_slice(Resources, 0, {days} - 1))
| extend Median = (todouble(Sorted[({days} - 1) / 2]) + todouble(Sorted[{days} / 2])) / 2.0
| mv-apply Count = Sorted to typeof(double) on (
    summarize Away = make_list(abs(Count - Median)))
| extend Away = array_sort_asc(Away)
| extend Deviation = (todouble(Away[({days} - 1) / 2]) + todouble(Away[{days} / 2])) / 2.0
| extend Threshold = max_of(Median + {z} * max_of(1.4826 * Deviation, 1.0), iff(Kind == "create", {create}.0, {delete}.0))
| where Today > Threshold
| project Principal, Kind, Today, Threshold, Median, Deviation, Severity = iff(Today > 3 * Threshold, "high", "medium")
| sort by Today desc"#
            ),
        )
        .note("The day that is judged is today by UTC; the case judges its own last day. Distinct resources are counted by an estimate that is exact for small numbers.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&wanted, &format!("DATE_TRUNC(1 day, NOW()) - {days} days"));
    hunt.elastic(
        Ask::pattern(
            "Unusual number of creations or deletions today",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND principal IS NOT NULL AND target IS NOT NULL
| EVAL kind = CASE(ENDS_WITH(operation, "/delete"), "delete", "create"), day = DATE_TRUNC(1 day, start)
| STATS resources = COUNT_DISTINCT(target) BY principal, kind, day
| STATS today = MAX(resources) WHERE day == DATE_TRUNC(1 day, NOW()),
    usual = MEDIAN(resources) WHERE day < DATE_TRUNC(1 day, NOW()),
    deviation = MEDIAN_ABSOLUTE_DEVIATION(resources) WHERE day < DATE_TRUNC(1 day, NOW()) BY principal, kind
| EVAL threshold = GREATEST(COALESCE(usual, 0.0) + {z} * GREATEST(1.4826 * COALESCE(deviation, 0.0), 1.0), CASE(kind == "create", {create}.0, {delete}.0))
| WHERE today > threshold
| SORT today DESC"#
            ),
        )
        .note("Days without any operation are left out of the median, where the case counts them as zero: the threshold is higher here.")
        .note(ELASTIC_FOLD_NOTE),
    );
}
