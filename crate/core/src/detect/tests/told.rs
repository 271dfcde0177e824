//! What is told of findings: manual pages, stories of incidents, both modes.

use super::{Table, json};
use crate::query;
use std::collections::BTreeSet;

/// Every detector of the table has a manual page under the fixed headings, and every page has its detector.
#[test]
fn every_detector_has_a_manual_page() {
    let pages = [
        include_str!("../anomalous_operation_model.rs"),
        include_str!("../caller_profile.rs"),
        include_str!("../clock_anomaly.rs"),
        include_str!("../cloud_op_without_guest_trace.rs"),
        include_str!("../custom_script_descendant.rs"),
        include_str!("../decode.rs"),
        include_str!("../dormant_principal_reactivated.rs"),
        include_str!("../extension_removed.rs"),
        include_str!("../guest_run_without_cloud_op.rs"),
        include_str!("../interrupted_execution.rs"),
        include_str!("../managed_run_command_write.rs"),
        include_str!("../resource_burst.rs"),
        include_str!("../run_as_secret_exposed.rs"),
        include_str!("../run_command_chain/mod.rs"),
        include_str!("../run_command_from_cloud_address/mod.rs"),
        include_str!("../run_command_in_risk_window.rs"),
        include_str!("../run_command_infrequent.rs"),
        include_str!("../run_command_invocation.rs"),
        include_str!("../run_command_new_terms.rs"),
        include_str!("../run_command_process_correlation.rs"),
        include_str!("../run_command_spike.rs"),
        include_str!("../script_body_mismatch.rs"),
        include_str!("../script_child_process.rs"),
        include_str!("../script_content.rs"),
        include_str!("../script_file_join.rs"),
        include_str!("../script_volatility.rs"),
        include_str!("../self_deleting_script.rs"),
        include_str!("../sensitive_operation.rs"),
        include_str!("../sensitive_operation_new_source.rs"),
        include_str!("../sequence_anomaly.rs"),
        include_str!("../status_output_mismatch.rs"),
        include_str!("../unique_script.rs"),
        include_str!("../vm_extension_write.rs"),
        include_str!("../watch_list.rs"),
    ];
    let mut told = BTreeSet::new();
    for page in pages {
        let id = page
            .split("\n    id: \"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let id = id.expect("a detector");
        for heading in [
            "//! # ",
            "//! ## What it finds",
            "//! ## Why it matters",
            "//! ## Parameters",
            "//! ## Known false positives",
            "//! ## Sources",
        ] {
            assert!(page.contains(heading), "{id} lacks {heading}");
        }
        told.insert(id);
    }
    let table: BTreeSet<&str> = crate::detect::TABLE.iter().map(|one| one.id).collect();
    assert_eq!(told, table);
    // Each of them answers, or says why not.
    let case = Table::default().case();
    let searched: BTreeSet<&str> = case.searched().iter().map(|one| one.detector).collect();
    assert_eq!(searched, table);
}

#[test]
fn a_story_by_one_clock() {
    let table = Table::of(
        "2024-05-20T12:00:00 run alice@contoso.example 52.1.2.3 vm1 end=+33
         2024-05-20T12:10:00 Microsoft.Insights/diagnosticSettings/delete alice@contoso.example 52.1.2.3 /x",
    )
    .file("in.json", json!([{
        "createdDateTime": "2024-05-20T11:50:00Z", "appId": "a", "userPrincipalName": "alice@contoso.example", "userId": "a1",
        "ipAddress": "52.1.2.3", "status": { "errorCode": 0 }, "riskLevelDuringSignIn": "high",
    }]));
    let case = table.case();
    assert_eq!(case.incidents().len(), 1);
    let story = query::incident_story(&case, 0, 0, 100);
    let told: Vec<(&str, &str)> = story
        .lines
        .iter()
        .map(|line| (line.cloud_time.as_deref().unwrap_or(""), line.clock))
        .collect();
    assert_eq!(
        told,
        [
            ("2024-05-20T11:50:00Z", "cloud"),
            ("2024-05-20T12:00:00Z", "cloud"),
            ("2024-05-20T12:00:33Z", "cloud"),
            ("2024-05-20T12:10:00Z", "cloud"),
        ]
    );
    assert!(story.lines.iter().all(|line| !line.findings.is_empty()));
    let page = query::incident_story(&case, 0, 1, 2);
    assert_eq!((page.total, page.lines.len()), (4, 2));
    assert_eq!(
        page.lines[0].cloud_time.as_deref(),
        Some("2024-05-20T12:00:00Z")
    );
    assert_eq!(query::incident_story(&case, 9, 0, 10).total, 0);
}

#[test]
fn both_modes_side_by_side() {
    // The published rule wants success and address in one row; here the finishing row has none.
    let table = Table::of("2024-05-20T12:00:00 run alice@contoso.example 52.1.2.3 vm1 end=+33");
    let case = table.case();
    let of = |id: &str| {
        let all = query::modes(&case, Some(id));
        assert_eq!(all.len(), 1, "{id}");
        all.into_iter().next().expect("one")
    };
    let terms = of("run-command-new-terms");
    let counts = (
        terms.only_published.len(),
        terms.only_corrected.len(),
        terms.both.len(),
    );
    // What the setting does to the case is what the comparison says.
    let published = table.clone().set("run-command-new-terms.published", "yes");
    let found = (
        published.finds("run-command-new-terms").len(),
        table.finds("run-command-new-terms").len(),
    );
    assert_eq!((counts.0 + counts.2, counts.1 + counts.2), found);
    assert!(query::modes(&case, Some("decode")).is_empty());
    let ids: Vec<&str> = query::modes(&case, None)
        .iter()
        .map(|one| one.detector)
        .collect();
    assert_eq!(ids.len(), query::modes::switchable().count());
}

/// The README lists every detector by its title, and counts them, and those that can behave as published, rightly.
#[test]
fn the_readme_lists_every_detector() {
    let readme = include_str!("../../../../../README.md");
    let list = readme
        .split("## What it looks for")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("the list");
    let count = format!("{} detectors;", crate::detect::TABLE.len());
    assert!(list.contains(&count), "{count}");
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), crate::detect::TABLE.len());
    for detector in crate::detect::TABLE {
        let title = crate::detect::manual::title(detector.id).expect("a title");
        let published = query::modes::switchable().any(|id| id == detector.id);
        let mark = if published { "published" } else { "" };
        let row = format!("| `{}` | {title} | {mark} |", detector.id);
        assert!(list.contains(&row), "{row}");
    }
    const WORDS: [&str; 4] = ["Thirteen", "Fourteen", "Fifteen", "Sixteen"];
    let word = query::modes::switchable().count().checked_sub(13);
    let word = word.and_then(|at| WORDS.get(at)).expect("a word");
    assert!(readme.contains(&format!(
        "{word} detectors can behave as the published rule"
    )));
}
