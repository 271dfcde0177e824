//! Queries of the detectors that hold a run command against what is known of its identity or its address.
//!
//! Example: a person is one name in the sign-in log and another in the Activity Log. Both sides are spread over all the keys that they carry
//! (object id, name) and joined by any of them, which is what the core's principals do.
//!
//! Rejected: a join by name alone, as the published rule has it. Workload identities have none.

use super::activity::{
    ACTIVITY, DAYS, DEFENDER_PATTERN_NOTE, ELASTIC_ACTIVITY, ELASTIC_FOLD_NOTE,
    ELASTIC_INLINE_NOTE, Wanted, again, esql_operations, kql_operations, published,
};
use super::asked::{Asked, MOST_VALUES};
use super::literal::{esql, esql_list, kql, kql_list};
use super::{Ask, DEFENDER, ELASTIC, Hunt, SENTINEL};
use crate::detect::run_command_from_cloud_address::Class;
use crate::settings::identity::RiskLevel;

/// Sign-in tables of people and of workloads, one shape.
const SIGN_INS: &str = r#"union isfuzzy=true
    (SigninLogs | project At = TimeGenerated, Code = ResultType, Address = IPAddress, Risk = RiskLevelDuringSignIn, Keys = pack_array(tolower(UserId), tolower(UserPrincipalName))),
    (AADNonInteractiveUserSignInLogs | project At = TimeGenerated, Code = ResultType, Address = IPAddress, Risk = RiskLevelDuringSignIn, Keys = pack_array(tolower(UserId), tolower(UserPrincipalName))),
    (AADServicePrincipalSignInLogs | project At = TimeGenerated, Code = ResultType, Address = IPAddress, Risk = "", Keys = pack_array(tolower(ServicePrincipalId), tolower(AppId))),
    (AADManagedIdentitySignInLogs | project At = TimeGenerated, Code = ResultType, Address = IPAddress, Risk = "", Keys = pack_array(tolower(ServicePrincipalId), tolower(AppId)))"#;
const SIGN_IN_TABLES: [&str; 4] = [
    "SigninLogs",
    "AADNonInteractiveUserSignInLogs",
    "AADServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs",
];

/// Sign-ins of the finding's names or addresses, for detectors that look at identities.
fn sign_ins_again(asked: &Asked<'_>, hunt: &mut Hunt) {
    if asked.names.is_empty() && asked.addresses.is_empty() {
        for product in [SENTINEL, ELASTIC] {
            hunt.none(
                product,
                "This finding names no identity and no address, so no sign-in can be looked for again.",
            );
        }
        return;
    }
    let names = || asked.names.iter().map(String::as_str);
    let addresses = || asked.addresses.iter().map(String::as_str);
    let since = super::activity::kql_since(asked);
    hunt.sentinel(Ask::again(
        "Sign-ins of the same identity, or from the same address",
        &SIGN_IN_TABLES,
        format!(
            r"{since}
let names = {};
let addresses = {};
{SIGN_INS}
| where At >= since
| where array_length(set_intersect(Keys, names)) > 0 or Address in (addresses)
| project At, Code, Risk, Address, Keys
| sort by At asc",
            kql_list(names()),
            kql_list(addresses()),
        ),
    ));
    let (esql_names, esql_addresses) = (esql_list(names()), esql_list(addresses()));
    let since = super::activity::esql_since(asked);
    hunt.elastic(Ask::again(
        "Sign-ins of the same identity, or from the same address",
        &["logs-azure.signinlogs-*"],
        format!(
            r"FROM logs-azure.signinlogs-*
| WHERE @timestamp >= {since}
| EVAL name = TO_LOWER(azure.signinlogs.properties.user_principal_name), id = TO_LOWER(COALESCE(azure.signinlogs.properties.user_id, azure.signinlogs.properties.service_principal_id)),
    application = TO_LOWER(azure.signinlogs.properties.app_id)
| WHERE name IN {esql_names} OR id IN {esql_names} OR TO_STRING(source.ip) IN {esql_addresses}
| KEEP @timestamp, name, id, application, source.ip, azure.signinlogs.result_type, azure.signinlogs.properties.risk_level_during_signin, azure.signinlogs.category
| SORT @timestamp"
        ),
    ));
}

/// Detector 10.
pub(super) fn risk_window(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.identity.risk_window;
    published(hunt, settings.published);
    let wanted = Wanted::run_commands(true);
    again(asked, hunt, &wanted);
    sign_ins_again(asked, hunt);
    let (pre, post) = (settings.pre_minutes, settings.post_minutes);
    let least = usize::try_from(settings.risk_min.place()).unwrap_or(0);
    let levels: Vec<&str> = RiskLevel::WORDS.iter().copied().skip(least).collect();
    let kql_levels: Vec<String> = levels.iter().map(|level| kql(level)).collect();
    let kql_levels = kql_levels.join(", ");
    let risky = if settings.use_signin_risk {
        format!(
            r#",
    (SigninLogs | where TimeGenerated >= since - post and RiskLevelDuringSignIn in~ ({kql_levels}) | project At = TimeGenerated, Why = "risky-sign-in", AnomalyAddress = IPAddress, Keys = pack_array(tolower(UserId), tolower(UserPrincipalName))),
    (AADNonInteractiveUserSignInLogs | where TimeGenerated >= since - post and RiskLevelDuringSignIn in~ ({kql_levels}) | project At = TimeGenerated, Why = "risky-sign-in", AnomalyAddress = IPAddress, Keys = pack_array(tolower(UserId), tolower(UserPrincipalName))),
    (AADUserRiskEvents | where TimeGenerated >= since - post | project At = ActivityDateTime, Why = "risk-detection", AnomalyAddress = IpAddress, Keys = pack_array(tolower(UserId), tolower(UserPrincipalName)))"#
        )
    } else {
        String::new()
    };
    let operations = kql_operations(&wanted, "since");
    hunt.sentinel(
        Ask::pattern(
            "Run command around an identity anomaly",
            &[
                "AzureActivity",
                "BehaviorAnalytics",
                "SigninLogs",
                "AADNonInteractiveUserSignInLogs",
                "AADUserRiskEvents",
            ],
            format!(
                r#"let since = ago({DAYS}d);
let pre = {pre}m;
let post = {post}m;
{operations}
let anomalies = union isfuzzy=true
    (BehaviorAnalytics | where TimeGenerated >= since - post | where EventSource =~ "Azure AD" and tostring(ActivityInsights.ActionUncommonlyPerformedByUser) =~ "true" and isnotempty(UserPrincipalName) and isnotempty(SourceIPLocation) | project At = TimeGenerated, Why = "uncommon-action", AnomalyAddress = SourceIPAddress, Keys = pack_array(tolower(UserPrincipalName))){risky}
    | mv-expand Key = Keys to typeof(string)
    | where isnotempty(Key)
    | project At, Why, AnomalyAddress, Key;
operations
| where Outcome == "success"
| extend Keys = pack_array(Account, ObjectId)
| mv-expand Key = Keys to typeof(string)
| where isnotempty(Key)
| join kind=inner anomalies on Key
| where Start between (At - pre .. At + post)
| extend Relation = case(isnotempty(AnomalyAddress) and (Address == AnomalyAddress or TokenAddress == AnomalyAddress), "same", isempty(Address) or isempty(AnomalyAddress), "unknown",
    isnotempty(Network) and Network == iff(AnomalyAddress contains ":", parse_ipv6_mask(AnomalyAddress, 48), format_ipv4_mask(AnomalyAddress, 16)), "same-prefix", "different")
| extend Offset = Start - At, Away = abs((Start - At) / 1s)
| summarize arg_min(Away, At, Why, AnomalyAddress, Relation, Offset), Reasons = make_set(Why), SameAddress = countif(Relation == "same") > 0
    by Start, End, Account, ObjectId, Address, Vm, Operation, CorrelationId
| sort by SameAddress desc, Start desc"#
            ),
        )
        .note("Every kind of risk detection counts, as in the case; the nearest anomaly is shown for each command.")
        .note("A table that the workspace does not have is passed over in silence (isfuzzy)."),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let filter = wanted.esql();
    let levels = esql_list(levels.iter().copied());
    hunt.elastic(
        Ask::pattern(
            "Run command and risky sign-in of one identity within a day",
            &["logs-azure.activitylogs-*", "logs-azure.signinlogs-*"],
            format!(
                r#"FROM logs-azure.activitylogs-*, logs-azure.signinlogs-*
| WHERE @timestamp >= NOW() - 1 day - {pre} minutes - {post} minutes
| EVAL operation = TO_LOWER(azure.activitylogs.operation_name), status = TO_LOWER(azure.activitylogs.result_type),
    person = TO_LOWER(COALESCE(azure.activitylogs.identity.claims_initiated_by_user.name, azure.signinlogs.properties.user_principal_name))
| EVAL command_at = CASE({filter}, @timestamp), anomaly_at = CASE(TO_LOWER(azure.signinlogs.properties.risk_level_during_signin) IN {levels}, @timestamp)
| WHERE person IS NOT NULL AND (command_at IS NOT NULL OR anomaly_at IS NOT NULL)
| STATS first_command = MIN(command_at), last_command = MAX(command_at), first_anomaly = MIN(anomaly_at), last_anomaly = MAX(anomaly_at),
    addresses = VALUES(source.ip) BY person
| WHERE last_command >= first_anomaly - {pre} minutes AND first_command <= last_anomaly + {post} minutes
| SORT last_command DESC"#
            ),
        )
        .note("Compares the span of a person's commands with the span of the anomalies, not each pair, so it finds more; commands that failed count too.")
        .note("Behaviour rows are Sentinel's and are not in Elastic; risk detections stand in another data stream (logs-azure.identity_protection-*) and are not asked."),
    );
}

/// Detector 11.
pub(super) fn cloud_address(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.control_plane.cloud_address;
    published(hunt, settings.published);
    let wanted = Wanted::run_commands(true);
    again(asked, hunt, &wanted);
    let allowed = |class: Class| match class {
        Class::Vdi => settings.vdi,
        Class::Vps => settings.vps,
        Class::AzureCompute => settings.azure_compute,
        Class::AzureService => settings.azure_service,
    };
    // The range of the finding comes first: it stands in the queries however long the list is.
    let own = asked.value("prefix");
    let own_class = asked.value("class").unwrap_or_default();
    let mut ranges: Vec<(String, String)> =
        own.map(|prefix| (prefix, own_class)).into_iter().collect();
    let mut total = ranges.len();
    for range in asked
        .lists
        .address_ranges
        .iter()
        .flat_map(|list| list.all())
    {
        if !allowed(range.class) || ranges.first().is_some_and(|(own, _)| *own == range.prefix) {
            continue;
        }
        total += 1;
        if ranges.len() < MOST_VALUES {
            ranges.push((range.prefix.clone(), range.class.word().to_owned()));
        }
    }
    let cut = (total > ranges.len()).then(|| {
        format!(
            "The list has {total} ranges that count; {} of them stand here. Put the list into a watchlist or an enrichment to ask of all.",
            ranges.len()
        )
    });
    let with_cut = |ask: Ask| match &cut {
        Some(note) => ask.note(note.clone()),
        None => ask,
    };
    let is_v6 = |(prefix, _): &&(String, String)| prefix.contains(':');
    let table = |v6: bool| {
        let rows = ranges.iter().filter(|range| is_v6(range) == v6);
        let rows: Vec<String> = rows
            .map(|(prefix, class)| format!("    {}, {}", kql(prefix), kql(class)))
            .collect();
        rows.join(",\n")
    };
    let operations = kql_operations(&wanted, "since");
    for (v6, lookup, title) in [
        (false, "ipv4_lookup", "Run command from a hosting range"),
        (
            true,
            "ipv6_lookup",
            "Run command from a hosting range (IPv6)",
        ),
    ] {
        let rows = table(v6);
        if rows.is_empty() {
            continue;
        }
        hunt.sentinel(with_cut(
            Ask::pattern(
                title,
                ACTIVITY,
                format!(
                    r#"let since = ago({DAYS}d);
let ranges = datatable(Prefix: string, Class: string) [
{rows}
];
{operations}
operations
| where Outcome == "success"
| extend Asked = pack_array(Address, TokenAddress)
| mv-expand Asked to typeof(string)
| where isnotempty(Asked)
| evaluate {lookup}(ranges, Asked, Prefix)
| extend Length = toint(split(Prefix, "/")[1])
| summarize arg_max(Length, Prefix, Class, Asked) by Start, End, Principal, Account, Address, Vm, Operation, Subscription, CorrelationId
| sort by Start desc"#
                ),
            )
            .note("Whether caller or network are new, which makes a finding worse in the case, is not asked."),
        ));
    }
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    let prefixes: Vec<String> = ranges.iter().map(|(prefix, _)| esql(prefix)).collect();
    if prefixes.is_empty() {
        for product in [SENTINEL, ELASTIC] {
            hunt.none(
                product,
                "No list of address ranges is loaded, so there is no pattern to ask for.",
            );
        }
        return;
    }
    let begin = esql_operations(&wanted, &format!("NOW() - {DAYS} days"));
    hunt.elastic(with_cut(
        Ask::pattern(
            "Run command from a hosting range",
            ELASTIC_ACTIVITY,
            format!(
                r#"{begin}
| WHERE outcome == "success" AND CIDR_MATCH(address, {})
| KEEP start, ended, principal, address, vm, operation, subscription, correlation
| SORT start DESC"#,
                prefixes.join(", ")
            ),
        )
        .note("Does not say which range matched, nor compares the address that obtained the token.")
        .note(ELASTIC_FOLD_NOTE),
    ));
}

/// Detector 12.
pub(super) fn dormant(asked: &Asked<'_>, hunt: &mut Hunt) {
    let settings = &asked.settings.identity.dormant;
    let (dormant, sign_in, command) = (
        settings.dormant_days,
        settings.sign_in_hours,
        settings.command_hours,
    );
    sign_ins_again(asked, hunt);
    again(asked, hunt, &Wanted::run_commands(true));
    let operations = kql_operations(&Wanted::run_commands(true), "since");
    hunt.sentinel(
        Ask::pattern(
            "Dormant identity gets a credential, signs in, runs commands",
            &[
                "AuditLogs",
                "SigninLogs",
                "AADNonInteractiveUserSignInLogs",
                "AADServicePrincipalSignInLogs",
                "AADManagedIdentitySignInLogs",
                "AzureActivity",
            ],
            format!(
                r#"let since = ago({DAYS}d);
let dormant = {dormant}d;
let soon = {sign_in}h;
let command = {command}h;
{operations}
let credentials = AuditLogs
    | where TimeGenerated >= since and Result =~ "success"
    | extend Change = trim(@"\s+", replace_regex(tolower(OperationName), @"[\x{{2010}}-\x{{2015}}\x{{2212}}]", "-"))
    | where Change in ("add service principal credentials", "user registered security info", "reset password (by admin)", "admin registered security info")
        or Change startswith "update application - certificates and secrets management"
    | extend Actor = tolower(coalesce(tostring(InitiatedBy.user.userPrincipalName), tostring(InitiatedBy.app.servicePrincipalId))),
        AppId = tolower(extract(@"AppId[^0-9a-fA-F]+([0-9a-fA-F-]{{36}})", 1, strcat(tostring(AdditionalDetails), tostring(TargetResources))))
    | mv-expand Target = TargetResources
    | extend Keys = pack_array(tolower(tostring(Target.id)), tolower(tostring(Target.userPrincipalName)), AppId)
    | mv-expand Key = Keys to typeof(string)
    | where isnotempty(Key)
    | project Credential = TimeGenerated, Change, Actor, Key;
let signins = {SIGN_INS}
    | where At >= since - dormant and Code == "0"
    | mv-expand Key = Keys to typeof(string)
    | where isnotempty(Key)
    | project At, Address, Key, Keys;
credentials
| join kind=inner signins on Key
| summarize Before = countif(At >= Credential - dormant and At < Credential), SignIn = minif(At, At > Credential and At <= Credential + soon),
    Keys = take_any(Keys) by Key, Credential, Change, Actor
| where Before == 0 and isnotnull(SignIn)
| mv-expand Person = Keys to typeof(string)
| join kind=leftouter (operations | extend Person = pack_array(Account, ObjectId) | mv-expand Person to typeof(string) | where isnotempty(Person) | project Person, Command = Start, Vm) on Person
| summarize Commands = countif(Command between (SignIn .. SignIn + command)), Machines = make_set_if(Vm, Command between (SignIn .. SignIn + command), 20) by Key, Credential, Change, Actor, SignIn
| extend Stage = iff(Commands > 0, 2, 1)
| sort by Stage desc, Credential desc"#
            ),
        )
        .note(format!("Says dormant also where the sign-in tables hold less than {dormant} days before the credential, or lack a table; the case then says that it cannot judge."))
        .note("An application is joined to its service principal by the application id where the directory's record names it."),
    );
    hunt.none(DEFENDER, DEFENDER_PATTERN_NOTE);
    hunt.elastic(
        Ask::pattern(
            "Dormant identity gets a credential and signs in",
            &["logs-azure.auditlogs-*", "logs-azure.signinlogs-*"],
            format!(
                r#"FROM logs-azure.auditlogs-*, logs-azure.signinlogs-*
| WHERE @timestamp >= NOW() - {DAYS} days - {dormant} days
| EVAL change = TO_LOWER(azure.auditlogs.operation_name)
| EVAL adds = change IN ("add service principal credentials", "user registered security info", "reset password (by admin)", "admin registered security info")
    OR STARTS_WITH(change, "update application")
| EVAL identity = TO_LOWER(COALESCE(azure.signinlogs.properties.user_id, azure.signinlogs.properties.service_principal_id, `azure.auditlogs.properties.target_resources.0.id`)),
    credential_at = CASE(adds, @timestamp), sign_in_at = CASE(azure.signinlogs.result_type == "0", @timestamp)
| WHERE identity IS NOT NULL AND (credential_at IS NOT NULL OR sign_in_at IS NOT NULL)
| INLINE STATS credential = MAX(credential_at) BY identity
| WHERE credential IS NOT NULL
| STATS before = COUNT(*) WHERE sign_in_at >= credential - {dormant} days AND sign_in_at < credential,
    sign_in = MIN(sign_in_at) WHERE sign_in_at > credential AND sign_in_at <= credential + {sign_in} hours BY identity, credential
| WHERE before == 0 AND sign_in IS NOT NULL
| SORT credential DESC"#
            ),
        )
        .note("Of each identity the last credential is judged, by the first target of the change; a secret added to an application is not joined to its service principal, and every update of an application counts.")
        .note("Run commands after the sign-in (stage 2) are not joined: look for them by the identity.")
        .note(ELASTIC_INLINE_NOTE),
    );
}
