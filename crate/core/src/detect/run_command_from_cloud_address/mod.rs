//! # Caller address belongs to a hosting range
//!
//! ## What it finds
//! A successful Run Command whose caller's address lies in a range of the analyst's list: a virtual desktop (`vdi`), a hosting provider of the
//! analyst's own list (`vps`), a machine rented in Azure (`azure-compute`) or, if asked for, another Azure service (`azure-service`). The
//! longest prefix decides. The address that obtained the token is looked at as well, and the worse result is reported. Severity goes
//! one step up where the caller or the network is new to the baseline of the model of anomalous operations.
//!
//! ## Why it matters
//! A rented machine or a virtual desktop blends in with administration (T1651, T1078.004, T1583.003).
//!
//! ## Parameters
//! `vdi` (yes), `vps` (yes), `azure_compute` (yes), `azure_service` (no), `stale_days` (180; 1 to 3650): beyond it a list is stale and the
//! finding less sure; `published` (no): virtual desktops only, by the calling address only. The published query also reads one list of
//! March 2022 and compares names with case.
//!
//! ## Known false positives
//! Pipelines, cloud shell, automation workers and jump hosts all call from provider ranges.
//!
//! ## Sources
//! Sentinel AzureRunCommandFromAzureIP, AzureAdministrationFromVPS; AZT301.1, AZT201. The list: Azure IP Ranges and Service Tags.

pub mod ranges;

pub use ranges::{AddressRanges, Class};

use super::anomalous_operation_model::Origin;
use super::{
    Baseline, CaseView, Confidence, Detector, Finding, Severity, figures, mode, needs_operations,
    target, who,
};
use crate::reconstruct::operations::{Operation, OperationOutcome};
use crate::settings::control_plane::CloudAddress;
use crate::time::NS_PER_DAY;
use ranges::Match;
use serde_json::json;
use std::borrow::Cow;

/// The detector.
pub const DETECTOR: Detector = Detector {
    id: "run-command-from-cloud-address",
    not_assessed,
    run,
};

fn not_assessed(view: &CaseView<'_>) -> Option<String> {
    needs_operations(view).or_else(|| {
        view.lists.address_ranges.is_none().then(|| {
            "not-assessed: no list of address ranges is loaded; add the service tags of Azure (JSON) or a CSV of prefixes"
                .to_owned()
        })
    })
}

fn wanted(settings: &CloudAddress, class: Class) -> bool {
    match class {
        Class::Vdi => settings.vdi || settings.published,
        Class::Vps => settings.vps && !settings.published,
        Class::AzureCompute => settings.azure_compute && !settings.published,
        Class::AzureService => settings.azure_service && !settings.published,
    }
}

fn severity(class: Class) -> Severity {
    match class {
        Class::Vdi | Class::Vps => Severity::Medium,
        Class::AzureCompute | Class::AzureService => Severity::Low,
    }
}

/// The worse of the two addresses' matches; the calling address where they are equally bad.
fn worse<'a>(
    settings: &CloudAddress,
    ranges: &'a AddressRanges,
    op: &'a Operation,
) -> Option<(Origin, &'a str, Match<'a>)> {
    let matched = |ip: Option<&'a str>, origin: Origin| {
        let ip = ip?;
        let found = ranges.find(ip)?;
        wanted(settings, found.class).then_some((origin, ip, found))
    };
    let endpoint = matched(op.ips.first().map(|ip| &**ip), Origin::Endpoint);
    let token = op.token_ip.as_deref().filter(|_| !settings.published);
    let token = matched(token, Origin::Token);
    match (endpoint, token) {
        (Some(one), Some(other)) if severity(other.2.class) > severity(one.2.class) => Some(other),
        (one, other) => one.or(other),
    }
}

fn run(view: &CaseView<'_>) -> Vec<Finding> {
    let settings = &view.settings.control_plane.cloud_address;
    let Some(ranges) = view.lists.address_ranges.as_ref() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (at, op) in view.operations.iter().enumerate() {
        if !op.family.is_run_command() || op.outcome != OperationOutcome::Succeeded {
            continue;
        }
        let Some((origin, ip, found)) = worse(settings, ranges, op) else {
            continue;
        };
        let flags = view.assessment_of(at).filter(|_| !settings.published);
        let new_caller = flags.is_some_and(|flags| flags.new_caller);
        let new_ip_mask = flags.is_some_and(|flags| flags.new_ip_mask);
        let stale = ranges.listed().zip(op.started).map(|(listed, started)| {
            started.ns.abs_diff(listed.ns) > (settings.stale_days * NS_PER_DAY).unsigned_abs()
        });
        let base = severity(found.class);
        let whose = match origin {
            Origin::Endpoint => "from",
            Origin::Token => "with a token obtained at",
        };
        findings.push(Finding {
            detector: Cow::Borrowed(DETECTOR.id),
            severity: if new_caller || new_ip_mask {
                base.raised()
            } else {
                base
            },
            confidence: if stale == Some(false) {
                Confidence::High
            } else {
                Confidence::Medium
            },
            baseline: Baseline::NotApplicable,
            title: "Run command from a hosting range".into(),
            summary: format!(
                "{} ran a command on {} {whose} {ip}, which lies in {} ({}).",
                who(op),
                target(op),
                found.prefix,
                if found.tag.is_empty() {
                    found.class.word()
                } else {
                    found.tag
                }
            )
            .into(),
            operations: vec![at],
            values: figures(json!({
                "class": found.class.word(),
                "tag": found.tag,
                "prefix": found.prefix,
                "ip": ip,
                "address_origin": origin.word(),
                "list_date": ranges.listed().map(|listed| listed.to_string()),
                "stale": stale,
                "new_caller": new_caller,
                "new_ip_mask": new_ip_mask,
                "mode": mode(settings.published),
            }))
            .into(),
            attack: Cow::Borrowed(&["T1651", "T1078.004", "T1583.003"]),
            ..Finding::default()
        });
    }
    findings
}
