//! Queries of `watch-list`: the entry that was seen, and all entries, over every table that holds addresses, domains or hashes.
//!
//! ```text
//! 203.0.113.0/24   ─► addresses   ipv4_is_in_any_range, CIDR_MATCH
//! evil.example     ─► domains     has_any, equal or below
//! 44d88612…        ─► hashes      MD5, SHA-1 or SHA-256 by its length
//! ```
//!
//! Rejected: a query per entry. A list has thousands.

use super::activity::{DAYS, esql_since, kql_since};
use super::asked::{Asked, MOST_VALUES};
use super::literal::{esql, esql_list, kql_list};
use super::{Ask, DEFENDER, ELASTIC, Hunt, SENTINEL, Variant};
use crate::lists::watch::WatchKind;

/// Entries by kind.
#[derive(Default)]
struct Entries {
    addresses: Vec<String>,
    domains: Vec<String>,
    hashes: Vec<String>,
    /// Whether there were more.
    cut: bool,
}

impl Entries {
    fn of(asked: &Asked<'_>, entries: impl IntoIterator<Item = (WatchKind, String)>) -> Self {
        let mut sorted = Self::default();
        for (kind, indicator) in entries {
            let list = match kind {
                WatchKind::Address => &mut sorted.addresses,
                WatchKind::Domain => &mut sorted.domains,
                WatchKind::Hash => &mut sorted.hashes,
            };
            if list.len() < MOST_VALUES {
                list.extend(asked.kept([indicator]));
            } else {
                sorted.cut = true;
            }
        }
        sorted
    }

    fn v6(&self, v6: bool) -> Vec<&str> {
        let all = self.addresses.iter().map(String::as_str);
        all.filter(|address| address.contains(':') == v6).collect()
    }
}

/// Detector "watch-list".
pub(super) fn watch_list(asked: &Asked<'_>, hunt: &mut Hunt) {
    let own = asked
        .values
        .get("indicator")
        .and_then(|value| value.as_str());
    let all = || {
        let list = &asked.lists.watch;
        (0..list.len())
            .filter_map(|at| list.entry(at))
            .map(|entry| (entry.kind, entry.indicator.clone()))
    };
    let seen = Entries::of(
        asked,
        all().filter(|(_, indicator)| Some(indicator.as_str()) == own),
    );
    queries(
        hunt,
        &seen,
        Variant::ThisAgain,
        "The watch-listed entry again",
        &kql_since(asked),
        &esql_since(asked),
    );
    let every = Entries::of(asked, all());
    queries(
        hunt,
        &every,
        Variant::SamePattern,
        "Any entry of the watch-list",
        &format!("let since = ago({DAYS}d);"),
        &format!("NOW() - {DAYS} days"),
    );
}

fn queries(
    hunt: &mut Hunt,
    entries: &Entries,
    variant: Variant,
    title: &'static str,
    since: &str,
    esql_since: &str,
) {
    let finish = |ask: Ask| {
        let ask = Ask { variant, ..ask };
        if entries.cut {
            ask.note(format!("The first {MOST_VALUES} entries of each kind stand here; put the list into a watchlist or an enrichment to ask of all."))
        } else {
            ask
        }
    };
    let has_places = !entries.addresses.is_empty() || !entries.domains.is_empty();
    let (v4, v6) = (kql_list(entries.v6(false)), kql_list(entries.v6(true)));
    let domains = kql_list(entries.domains.iter().map(String::as_str));
    let hashes = kql_list(entries.hashes.iter().map(String::as_str));
    let in_range = |column: &str| {
        format!(
            "(iff({column} contains \":\", ipv6_is_in_any_range({column}, ranges6), ipv4_is_in_any_range({column}, ranges4)))"
        )
    };
    if has_places {
        let range = in_range("Address");
        hunt.sentinel(
            finish(Ask::again(
                title,
                &["AzureActivity", "SigninLogs", "AADNonInteractiveUserSignInLogs", "AADServicePrincipalSignInLogs", "Syslog", "Event", "SecurityEvent"],
                format!(
                    r#"{since}
let ranges4 = {v4};
let ranges6 = {v6};
let domains = {domains};
union isfuzzy=true
    (union isfuzzy=true
        (AzureActivity | where TimeGenerated >= since | project TimeGenerated, Source = "operation", Who = Caller, Address = CallerIpAddress, Text = OperationNameValue),
        (SigninLogs | where TimeGenerated >= since | project TimeGenerated, Source = "sign-in", Who = UserPrincipalName, Address = IPAddress, Text = AppDisplayName),
        (AADNonInteractiveUserSignInLogs | where TimeGenerated >= since | project TimeGenerated, Source = "sign-in", Who = UserPrincipalName, Address = IPAddress, Text = AppDisplayName),
        (AADServicePrincipalSignInLogs | where TimeGenerated >= since | project TimeGenerated, Source = "sign-in", Who = ServicePrincipalId, Address = IPAddress, Text = ServicePrincipalName)
    | where {range}),
    (Syslog | where TimeGenerated >= since and SyslogMessage has_any (domains) | project TimeGenerated, Source = "syslog", Who = Computer, Address = HostIP, Text = SyslogMessage),
    (Event | where TimeGenerated >= since and RenderedDescription has_any (domains) | project TimeGenerated, Source = EventLog, Who = Computer, Address = "", Text = RenderedDescription),
    (SecurityEvent | where TimeGenerated >= since and CommandLine has_any (domains) | project TimeGenerated, Source = "process", Who = Computer, Address = "", Text = CommandLine)
| sort by TimeGenerated asc"#
                ),
            ))
            .note("Addresses are looked for where they have a column, domains in the text of logs; network flows and hashes are not asked here."),
        );
    } else {
        hunt.none(SENTINEL, "Sentinel's own tables keep no hashes of files; the Defender query runs there where Device tables are streamed.");
    }
    if entries.addresses.is_empty() && entries.domains.is_empty() && entries.hashes.is_empty() {
        for product in [DEFENDER, ELASTIC] {
            hunt.none(
                product,
                "The entry is not on the watch-list in force any more.",
            );
        }
        return;
    }
    let range = in_range("RemoteIP");
    hunt.defender(
        finish(Ask::again(
            title,
            &["DeviceNetworkEvents", "DeviceFileEvents", "DeviceProcessEvents"],
            format!(
                r#"{since}
let ranges4 = {v4};
let ranges6 = {v6};
let domains = {domains};
let hashes = {hashes};
union
    (DeviceNetworkEvents
    | where Timestamp >= since
    | where {range} or RemoteUrl has_any (domains)
    | project Timestamp, DeviceName, Source = ActionType, What = strcat(RemoteIP, " ", RemoteUrl), Line = InitiatingProcessCommandLine),
    (DeviceFileEvents
    | where Timestamp >= since and (SHA256 in (hashes) or SHA1 in (hashes) or MD5 in (hashes))
    | project Timestamp, DeviceName, Source = ActionType, What = FolderPath, Line = InitiatingProcessCommandLine),
    (DeviceProcessEvents
    | where Timestamp >= since
    | where SHA256 in (hashes) or SHA1 in (hashes) or MD5 in (hashes) or ProcessCommandLine has_any (domains)
    | project Timestamp, DeviceName, Source = ActionType, What = FolderPath, Line = ProcessCommandLine)
| sort by Timestamp asc"#
            ),
        ))
        .note("Addresses inside command lines and scripts, which the case finds too, are not looked for: only those of connections. A domain is also found inside a longer one."),
    );
    let ranges: Vec<String> = entries
        .addresses
        .iter()
        .map(|address| esql(address))
        .collect();
    let ranges = ranges.join(", ");
    let mut parts = Vec::new();
    if !ranges.is_empty() {
        parts.push(format!("CIDR_MATCH(source.ip, {ranges})"));
        parts.push(format!("CIDR_MATCH(destination.ip, {ranges})"));
    }
    let domain = |domain: &String| {
        let (same, below) = (esql(domain), esql(&format!(".{domain}")));
        format!("domain == {same} OR ENDS_WITH(domain, {below})")
    };
    parts.extend(entries.domains.iter().map(domain));
    if !entries.hashes.is_empty() {
        let hashes = esql_list(entries.hashes.iter().map(String::as_str));
        for field in [
            "file.hash.sha256",
            "process.hash.sha256",
            "process.hash.sha1",
            "process.hash.md5",
        ] {
            parts.push(format!("{field} IN {hashes}"));
        }
    }
    let parts = parts.join("\n    OR ");
    hunt.elastic(
        finish(Ask::again(
            title,
            &[
                "logs-azure.activitylogs-*",
                "logs-azure.signinlogs-*",
                "logs-endpoint.events.network-*",
                "logs-endpoint.events.file-*",
                "logs-endpoint.events.process-*",
            ],
            format!(
                r"FROM logs-azure.activitylogs-*, logs-azure.signinlogs-*, logs-endpoint.events.network-*, logs-endpoint.events.file-*, logs-endpoint.events.process-*
| WHERE @timestamp >= {esql_since}
| EVAL domain = TO_LOWER(COALESCE(dns.question.name, destination.domain))
| WHERE {parts}
| KEEP @timestamp, event.dataset, event.action, host.name, user.name, source.ip, destination.ip, domain, file.path, process.name, process.command_line
| SORT @timestamp"
            ),
        ))
        .note("Addresses and domains inside command lines and scripts, which the case finds too, are not looked for."),
    );
}
