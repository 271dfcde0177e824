//! Queries of the two detectors that hold every operation against all others: the profile of a caller, and the model of anomalies.
//!
//! Example: `anomalous_caller` of the model is decided by whole numbers in both languages as in the core, for example
//! `100000 * NBoth < 10001 * NCaller` where theta is 100 thousandths, so that no rounding of a quotient decides.
//!
//! Rejected: a machine-learning function of the product. The finding's figures would not be found again.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE,
    ELASTIC_INLINE_NOTE, KQL_FOLD_NOTE, MANAGED_WRITES, RUN_ACTIONS, Wanted, again,
    esql_operations, kql_operations, published,
};
use super::asked::Asked;
use super::{Ask, DEFENDER, Hunt};
use crate::detect::sensitive_operation::weighted;

/// Detector 5.
pub(super) fn caller_profile(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.profile;
    published(hunt, settings.published);
    again(asked, hunt, &Wanted::all());
    let (least, share) = (settings.least_operations, settings.share_permille);
    let watched = Wanted::named(
        weighted()
            .map(|(name, _)| name)
            .chain(RUN_ACTIONS)
            .chain(MANAGED_WRITES),
    );
    let (kql_watched, esql_watched) = (watched.kql("Operation"), watched.esql());
    let operations = kql_operations(&Wanted::all(), "since");
    hunt.sentinel(
        Ask::pattern(
            "Sensitive operation or Run Command that its caller hardly ever does",
            ACTIVITY,
            format!(
                r#"let since = ago({DAYS}d);
{operations}
let profile = materialize(operations
    | where isnotempty(Principal)
    | extend Used = iff(array_length(Addresses) == 0, dynamic([""]), Addresses)
    | mv-expand Used to typeof(string)
    | summarize Operations = dcount(strcat(Subscription, CorrelationId, Target), 4), Used = make_set(Used),
        First = min(Start), Last = max(End), ActiveDays = dcount(startofday(Start)) by Principal, Operation);
let elsewhere = profile
    | mv-expand Used to typeof(string)
    | summarize Kinds = dcount(Operation) by Principal, Used;
profile
| where {kql_watched}
| lookup kind=inner (profile | summarize Total = sum(Operations) by Principal) on Principal
| where Total >= {least} and Operations * 1000 <= Total * {share}
| mv-expand Used to typeof(string)
| lookup kind=leftouter elsewhere on Principal, Used
| summarize Addresses = make_set(Used), InOtherWork = countif(isnotempty(Used) and Kinds > 1), Known = countif(isnotempty(Used)) by Principal, Operation, Operations, Total, First, Last, ActiveDays
| extend ForeignAddress = Known > 0 and InOtherWork == 0
| sort by ForeignAddress desc, First desc"#
            ),
        )
        .note(format!("The profile covers {DAYS} days; the case takes all that was loaded."))
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let begin = esql_operations(&Wanted::all(), &format!("NOW() - {DAYS} days"));
    hunt.elastic(
        Ask::pattern(
            "Sensitive operation or Run Command that its caller hardly ever does",
            ELASTIC_ACTIVITY,
            format!(
                r"{begin}
| WHERE principal IS NOT NULL
| INLINE STATS total = COUNT(*) BY principal
| INLINE STATS kinds = COUNT_DISTINCT(operation) BY principal, address
| STATS operations = COUNT(*), total = MAX(total), addresses = VALUES(address), least_kinds = MIN(kinds), most_kinds = MAX(kinds) WHERE address IS NOT NULL,
    first_seen = MIN(start), last_seen = MAX(ended) BY principal, operation
| WHERE {esql_watched}
| WHERE total >= {least} AND operations * 1000 <= total * {share}
| EVAL foreign_address = most_kinds == 1
| SORT foreign_address DESC, first_seen DESC"
            ),
        )
        .note(format!("The profile covers {DAYS} days; the case takes all that was loaded. Of each operation one address is compared."))
        .note(ELASTIC_INLINE_NOTE)
        .note(ELASTIC_FOLD_NOTE),
    );
}

/// Detector 7.
pub(super) fn model(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.model;
    published(hunt, settings.published);
    let monitored = Wanted::run_commands(settings.include_managed);
    again(asked, hunt, &monitored);
    let (hours, days) = (settings.detection_hours, settings.baseline_days);
    let (least_rows, least_days) = (settings.least_rows, settings.least_days);
    // floor(10^5 p/q) <= 100 theta, in whole numbers.
    let bound = settings.theta_permille * 100 + 1;
    let bits = asked.settings.control_plane.detection.v6_bits;
    let is_monitored = monitored.kql("Operation");
    let operations = kql_operations(&Wanted::all(), "baseline");
    hunt.sentinel(
        Ask::pattern(
            "Run Command that the weeks before do not explain",
            ACTIVITY,
            format!(
                r#"let detection = ago({hours}h);
let baseline = detection - {days}d;
{operations}
let counted = materialize(operations
    | where Outcome == "success" and isnotempty(Address) and isnotempty(Principal)
    | extend Network = iff(Address contains ":", parse_ipv6_mask(Address, {bits}), Network)
    | extend OnVm = Operation matches regex @"^microsoft\.compute/virtualmachines(?:[^a-z0-9]|$)",
        Monitored = {is_monitored});
let learned = counted | where Start < detection and isnotempty(Subscription);
let subscriptions = learned
    | summarize N = count(), NVm = countif(OnVm), NMonitored = countif(Monitored), BaselineDays = dcount(startofday(Start)) by Subscription;
let callers = learned | summarize NCaller = count(), NBoth = countif(OnVm) by Subscription, Principal;
let networks = learned | summarize NNetwork = count(), NNetworkVm = countif(OnVm) by Subscription, Network;
counted
| where Start >= detection and Monitored
| lookup kind=inner subscriptions on Subscription
| lookup kind=leftouter callers on Subscription, Principal
| lookup kind=leftouter networks on Subscription, Network
| extend NCaller = coalesce(NCaller, 0), NBoth = coalesce(NBoth, 0), NNetwork = coalesce(NNetwork, 0), NNetworkVm = coalesce(NNetworkVm, 0)
| extend NewCaller = NCaller == 0, NewCallerOnResource = NBoth == 0, NewNetwork = NNetwork == 0, NewNetworkOnResource = NNetworkVm == 0,
    NewOperationOnSubscription = NMonitored == 0,
    Reason = case(NBoth == 0, "never",
        100000 * NBoth < {bound} * NCaller, "rare-for-caller",
        100000 * NBoth < {bound} * (NCaller + NVm - NBoth) and NBoth * N < NCaller * NVm, "apart", "")
| extend Score = case(NewCaller, 2, NewCallerOnResource, 1, 0) + case(NewNetwork, 2, NewNetworkOnResource, 1, 0)
    + toint(NewOperationOnSubscription) + toint(isnotempty(Reason))
| where Score > 0
| extend Severity = case(N < {least_rows} or BaselineDays < {least_days}, "low", Score >= 5, "high", Score >= 3, "medium", "low")
| project Start, End, Score, Severity, Reason, NewCaller, NewCallerOnResource, NewNetwork, NewNetworkOnResource, NewOperationOnSubscription,
    Principal, Account, Address, Network, Vm, Subscription, N, NVm, NCaller, NBoth, CorrelationId
| sort by Score desc, Start desc"#
            ),
        )
        .note("The detection window ends now; the case's ends with its records. Commands on a subscription without any baseline are not listed.")
        .note("Only the calling address is judged; the case judges the token's too and reports the worse.")
        .note(KQL_FOLD_NOTE),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let monitored = monitored.esql();
    let begin = esql_operations(
        &Wanted::all(),
        &format!("NOW() - {hours} hours - {days} days"),
    );
    hunt.elastic(
        Ask::pattern(
            "Run Command that the weeks before do not explain",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND address IS NOT NULL AND principal IS NOT NULL
| EVAL network = IP_PREFIX(address, 16, {bits}), learned = start < NOW() - {hours} hours,
    on_vm = operation RLIKE "microsoft\\.compute/virtualmachines([^a-z0-9].*)?", monitored = {monitored}
| INLINE STATS n = COUNT(*) WHERE learned, n_vm = COUNT(*) WHERE learned AND on_vm, n_monitored = COUNT(*) WHERE learned AND monitored,
    baseline_days = COUNT_DISTINCT(DATE_TRUNC(1 day, start)) WHERE learned BY subscription
| INLINE STATS n_caller = COUNT(*) WHERE learned, n_both = COUNT(*) WHERE learned AND on_vm BY subscription, principal
| INLINE STATS n_network = COUNT(*) WHERE learned, n_network_vm = COUNT(*) WHERE learned AND on_vm BY subscription, network
| WHERE NOT learned AND monitored AND n > 0
| EVAL reason = CASE(n_both == 0, "never", 100000 * n_both < {bound} * n_caller, "rare-for-caller",
    100000 * n_both < {bound} * (n_caller + n_vm - n_both) AND n_both * n < n_caller * n_vm, "apart", "")
| EVAL score = CASE(n_caller == 0, 2, n_both == 0, 1, 0) + CASE(n_network == 0, 2, n_network_vm == 0, 1, 0)
    + CASE(n_monitored == 0, 1, 0) + CASE(reason != "", 1, 0)
| WHERE score > 0
| EVAL severity = CASE(n < {least_rows} OR baseline_days < {least_days}, "low", score >= 5, "high", score >= 3, "medium", "low")
| KEEP start, ended, score, severity, reason, principal, address, network, vm, subscription, n, n_vm, n_caller, n_both, n_network, n_network_vm, n_monitored, correlation
| SORT score DESC, start DESC"#
            ),
        )
        .note("The detection window ends now; the case's ends with its records. Only the calling address is judged.")
        .note(ELASTIC_INLINE_NOTE)
        .note(ELASTIC_FOLD_NOTE),
    );
}
