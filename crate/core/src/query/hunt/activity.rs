//! Cloud operations in a query: rows of the Activity Log folded as the core folds them, and "this again" for all detectors that look at them.
//!
//! Azure writes two to four rows for one operation, its last often without an address. Both languages can fold them: one row for each
//! (subscription, correlation, operation, resource), with the first name and address that any of its rows carries and the outcome of the last.
//!
//! ```text
//! AzureActivity             ─► operations: Start, End, Outcome, Principal, Account, ObjectId, Address, Addresses, TokenAddress,
//!                                          Network, Vm, Target, Operation, Subscription, CorrelationId
//! logs-azure.activitylogs-* ─► start, ended, outcome, principal, account, object_id, address, addresses, network, vm, target,
//!                              operation, subscription, correlation
//! ```
//!
//! Rejected: queries on single rows, as most published rules are. A rule that wants success and an address in one row loses the operation.

use super::asked::Asked;
use super::literal::{esql, esql_list, esql_time, kql, kql_list, kql_time};
use super::{Ask, DEFENDER, ELASTIC, Hunt, SENTINEL};

/// Tables that the queries of this file read.
pub(super) const ACTIVITY: &[&str] = &["AzureActivity"];
const CLOUD_AUDIT: &[&str] = &["CloudAuditEvents"];
pub(super) const ELASTIC_ACTIVITY: &[&str] = &["logs-azure.activitylogs-*"];

/// Days that a pattern is looked for in, where the detector has no window of its own.
pub(super) const DAYS: i64 = 30;

pub(super) const RUN_ACTIONS: [&str; 2] = [
    "microsoft.compute/virtualmachines/runcommand/action",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommand/action",
];
pub(super) const MANAGED_WRITES: [&str; 3] = [
    "microsoft.compute/virtualmachines/runcommands/write",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommands/write",
    "microsoft.hybridcompute/machines/runcommands/write",
];
pub(super) const MANAGED_DELETES: [&str; 3] = [
    "microsoft.compute/virtualmachines/runcommands/delete",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommands/delete",
    "microsoft.hybridcompute/machines/runcommands/delete",
];
pub(super) const EXTENSION_WRITES: [&str; 3] = [
    "microsoft.compute/virtualmachines/extensions/write",
    "microsoft.compute/virtualmachinescalesets/extensions/write",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/extensions/write",
];
pub(super) const EXTENSION_DELETES: [&str; 3] = [
    "microsoft.compute/virtualmachines/extensions/delete",
    "microsoft.compute/virtualmachinescalesets/extensions/delete",
    "microsoft.compute/virtualmachinescalesets/virtualmachines/extensions/delete",
];
/// (what the older connector writes, the id that it means).
const DISPLAY_NAMES: [(&str, &str); 3] = [
    ("run command on virtual machine", RUN_ACTIONS[0]),
    (
        "run command on a virtual machine instance in a virtual machine scale set",
        RUN_ACTIONS[1],
    ),
    (
        "create or update virtual machine extension",
        EXTENSION_WRITES[0],
    ),
];

/// Which operations a query looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    names: Vec<String>,
    endings: Vec<String>,
    all: bool,
}

impl Wanted {
    /// Operations of these names.
    pub(super) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            names: names.into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// The line that turns the older connector's names into ids, where any of them is wanted.
    fn kql_ids(&self) -> String {
        let wanted = DISPLAY_NAMES
            .iter()
            .filter(|(_, id)| self.all || self.names.iter().any(|name| name == id));
        let cases: Vec<String> = wanted
            .map(|(name, id)| format!("Operation == {}, {}", kql(name), kql(id)))
            .collect();
        if cases.is_empty() {
            return String::new();
        }
        format!(
            "\n    | extend Operation = case({}, Operation)",
            cases.join(", ")
        )
    }

    /// Every run command of the action form and, if asked for, the managed form.
    pub(super) fn run_commands(managed: bool) -> Self {
        let managed = MANAGED_WRITES.into_iter().filter(|_| managed);
        Self::named(RUN_ACTIONS.into_iter().chain(managed))
    }

    /// Whatever the operation.
    pub(super) fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// And those that end so.
    pub(super) fn ending<'a>(mut self, endings: impl IntoIterator<Item = &'a str>) -> Self {
        self.endings.extend(endings.into_iter().map(str::to_owned));
        self
    }

    /// On the folded operation in a column or an expression.
    pub(super) fn kql(&self, column: &str) -> String {
        if self.all {
            return format!("isnotempty({column})");
        }
        let mut parts = Vec::new();
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(|name| kql(name)).collect();
            parts.push(format!("{column} in ({})", names.join(", ")));
        }
        for ending in &self.endings {
            parts.push(format!("{column} endswith {}", kql(ending)));
        }
        parts.join(" or ")
    }

    /// On the folded operation.
    pub(super) fn esql(&self) -> String {
        if self.all {
            return "operation IS NOT NULL".to_owned();
        }
        let mut parts = Vec::new();
        if !self.names.is_empty() {
            parts.push(format!(
                "operation IN {}",
                esql_list(self.names.iter().map(String::as_str))
            ));
        }
        for ending in &self.endings {
            parts.push(format!("ENDS_WITH(operation, {})", esql(ending)));
        }
        parts.join(" OR ")
    }
}

/// A `let` that folds the rows since `from`, which must have been named before.
pub(super) fn kql_operations(wanted: &Wanted, from: &str) -> String {
    kql_fold(wanted, from, "")
}

/// As [`kql_operations`], with the text of all rows' properties in `Body`.
pub(super) fn kql_operations_with_bodies(wanted: &Wanted, from: &str) -> String {
    let body = ",\n        Body = tolower(strcat_array(make_set(tostring(Properties), 8), \" \"))";
    kql_fold(wanted, from, body)
}

fn kql_fold(wanted: &Wanted, from: &str, body: &str) -> String {
    let (filter, ids) = (wanted.kql("Operation"), wanted.kql_ids());
    format!(
        r#"let operations = AzureActivity
    | where TimeGenerated >= {from}
    | extend Operation = tolower(coalesce(OperationNameValue, OperationName)){ids}
    | where {filter}
    | extend Status = tolower(coalesce(ActivityStatusValue, ActivityStatus)),
        Target = tolower(coalesce(_ResourceId, ResourceId)),
        Account = tolower(Caller),
        ObjectId = tolower(tostring(Claims_d["http://schemas.microsoft.com/identity/claims/objectidentifier"])),
        Address = coalesce(extract(@"(\d+\.\d+\.\d+\.\d+)", 1, CallerIpAddress), CallerIpAddress),
        TokenAddress = tostring(Claims_d.ipaddr)
    | sort by TimeGenerated asc
    | summarize Start = min(TimeGenerated), End = max(TimeGenerated),
        LastSuccess = maxif(TimeGenerated, Status in ("success", "succeeded")),
        LastFailure = maxif(TimeGenerated, Status in ("failure", "failed", "rejected", "cancelled", "canceled", "timeout", "timedout")),
        Accounts = make_list_if(Account, isnotempty(Account)),
        ObjectIds = make_list_if(ObjectId, isnotempty(ObjectId)),
        Addresses = make_list_if(Address, isnotempty(Address)),
        TokenAddress = take_anyif(TokenAddress, isnotempty(TokenAddress)){body}
        by Subscription = tolower(SubscriptionId), CorrelationId, Operation, Target
    | extend Account = tostring(Accounts[0]), ObjectId = tostring(ObjectIds[0]), Address = tostring(Addresses[0])
    | extend Principal = coalesce(ObjectId, Account),
        Outcome = case(isnull(LastSuccess) and isnull(LastFailure), "pending", isnull(LastFailure) or LastSuccess >= LastFailure, "success", "failure"),
        Vm = extract(@"^(.*/(?:virtualmachines|machines)/[^/]+)", 1, Target),
        Network = iff(Address contains ":", parse_ipv6_mask(Address, 48), format_ipv4_mask(Address, 16))
    | project-away Accounts, ObjectIds, LastSuccess, LastFailure;"#
    )
}

/// The same for ES|QL: the beginning of a query.
pub(super) fn esql_operations(wanted: &Wanted, from: &str) -> String {
    let filter = wanted.esql();
    format!(
        r#"FROM logs-azure.activitylogs-*
| WHERE @timestamp >= {from}
| EVAL operation = TO_LOWER(azure.activitylogs.operation_name), status = TO_LOWER(azure.activitylogs.result_type)
| WHERE {filter}
| EVAL account = TO_LOWER(azure.activitylogs.identity.claims_initiated_by_user.name),
    object_id = TO_LOWER(azure.activitylogs.identity.authorization.evidence.principal_id)
| STATS start = MIN(@timestamp), ended = MAX(@timestamp),
    last_success = MAX(@timestamp) WHERE status IN ("success", "succeeded"),
    last_failure = MAX(@timestamp) WHERE status IN ("failure", "failed", "rejected", "cancelled", "canceled", "timeout", "timedout"),
    account = MIN(account), object_id = MIN(object_id), address = MIN(source.ip), addresses = VALUES(source.ip)
    BY subscription = TO_LOWER(azure.subscription_id), correlation = azure.correlation_id, operation, target = TO_LOWER(azure.resource.id)
| EVAL principal = COALESCE(account, object_id),
    outcome = CASE(last_success IS NULL AND last_failure IS NULL, "pending", last_failure IS NULL OR last_success >= last_failure, "success", "failure"),
    network = IP_PREFIX(address, 16, 48)
| GROK target "^(?<vm>.*/(virtualmachines|machines)/[^/]+)""#
    )
}

/// What every folded ES|QL query has in common.
pub(super) const ELASTIC_FOLD_NOTE: &str = "Needs Elasticsearch 8.16 or later. The integration keeps no object id of the token: principals go by the caller's name, else by the id in the role evidence, which is a group's where the role came through one. The least address of an operation stands for its first.";
/// For queries that compare each row with a whole.
pub(super) const ELASTIC_INLINE_NOTE: &str = "Needs Elasticsearch 9.2 or later (INLINE STATS).";
/// For patterns on the control plane.
pub(super) const DEFENDER_PATTERN_NOTE: &str = "CloudAuditEvents names the caller only inside RawEventData, so this pattern is not asked of it. Where the workspace is connected to the Defender portal, the Sentinel query runs in advanced hunting as it stands.";
/// For KQL on operations.
pub(super) const KQL_FOLD_NOTE: &str = "A principal is its object id, else its name: one that carries an id in some operations and none in others counts as two, where the case joins them.";

/// What is said where the published form is switched on.
pub(super) fn published(hunt: &mut Hunt, published: bool) {
    if published {
        hunt.none(
            "all",
            "This case judged by the published form of the rule; the queries ask by the corrected one.",
        );
    }
}

/// `let since = …` of "this again" for KQL.
pub(super) fn kql_since(asked: &Asked<'_>) -> String {
    let since = asked
        .since()
        .map_or_else(|| format!("ago({DAYS}d)"), kql_time);
    format!("let since = {since};")
}

/// The same for ES|QL: an expression.
pub(super) fn esql_since(asked: &Asked<'_>) -> String {
    asked
        .since()
        .map_or_else(|| format!("NOW() - {DAYS} days"), esql_time)
}

/// `"this again"` for detectors that look at operations: the same caller or address, any operation of the kind.
pub(super) fn again(asked: &Asked<'_>, hunt: &mut Hunt, wanted: &Wanted) {
    if asked.names.is_empty() && asked.addresses.is_empty() {
        for product in [SENTINEL, DEFENDER, ELASTIC] {
            hunt.none(
                product,
                "This finding names no caller and no address, so nothing can be looked for again.",
            );
        }
        return;
    }
    let names = || asked.names.iter().map(String::as_str);
    let addresses = || asked.addresses.iter().map(String::as_str);
    let (kql_names, kql_addresses) = (kql_list(names()), kql_list(addresses()));
    let since = kql_since(asked);
    let operations = kql_operations(wanted, "since");
    hunt.sentinel(
        Ask::again(
            "The same caller or address again",
            ACTIVITY,
            format!(
                r"{since}
let names = {kql_names};
let addresses = {kql_addresses};
{operations}
operations
| where Account in (names) or ObjectId in (names) or TokenAddress in (addresses) or array_length(set_intersect(Addresses, addresses)) > 0
| project Start, End, Outcome, Account, ObjectId, Addresses, TokenAddress, Operation, Vm, Target, Subscription, CorrelationId
| sort by Start asc"
            ),
        )
        .note("All outcomes are listed, failed attempts too."),
    );
    let filter = wanted.kql("Operation");
    hunt.defender(
        Ask::again(
            "The same caller or address again",
            CLOUD_AUDIT,
            format!(
                r"{since}
let names = {kql_names};
let addresses = {kql_addresses};
CloudAuditEvents
| where Timestamp >= since
| extend Operation = tolower(OperationName)
| where {filter}
| where IPAddress in (addresses) or tostring(RawEventData) has_any (names)
| project Timestamp, OperationName, ActionType, ResourceId, IPAddress, CountryCode, UserAgent, RawEventData
| sort by Timestamp asc"
            ),
        )
        .note("Rows are not folded: one operation may be listed several times. The caller stands only inside RawEventData, so a name is looked for in all of it.")
        .note("Needs Defender for Cloud's audit events in Defender XDR."),
    );
    let (esql_names, esql_addresses) = (esql_list(names()), esql_list(addresses()));
    let begin = esql_operations(wanted, &esql_since(asked));
    hunt.elastic(
        Ask::again(
            "The same caller or address again",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| EVAL seen = MV_CONCAT(TO_STRING(addresses), " ")
| WHERE account IN {esql_names} OR object_id IN {esql_names} OR {contains}
| KEEP start, ended, outcome, account, object_id, addresses, operation, vm, target, subscription, correlation
| SORT start"#,
                contains = esql_any_address(&esql_addresses, asked),
            ),
        )
        .note(ELASTIC_FOLD_NOTE)
        .note("The address that obtained the token is not kept under one name and is not compared."),
    );
}

/// Whether any of the addresses of an operation is one of the finding's.
fn esql_any_address(list: &str, asked: &Asked<'_>) -> String {
    if asked.addresses.is_empty() {
        return format!("TO_STRING(address) IN {list}");
    }
    let around = |address: &String| {
        format!(
            "LOCATE(CONCAT(\" \", seen, \" \"), {}) > 0",
            esql(&format!(" {address} "))
        )
    };
    let parts: Vec<String> = asked.addresses.iter().map(around).collect();
    parts.join(" OR ")
}
