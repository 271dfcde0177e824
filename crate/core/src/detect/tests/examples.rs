//! Which test holds which worked example of the specification, by section, and where each detector meets its boundary and keeps silent.
//!
//! The list is checked both ways: each detector stands in it, and each test that it names is there. Rejected: a list in a text beside the code. It
//! would be true on the day on which it was written.

use crate::detect::TABLE;
use std::collections::BTreeMap;

/// (section, detector, tests of its worked examples, tests at its boundary, tests in which it has nothing to say); tests as `file::name`.
type Line = (
    u32,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const ORDINARY: &[&str] = &["clean::ordinary_work_is_silent"];
const QUIET_GUEST: &[&str] = &["absence::a_guest_at_its_usual_work_is_silent"];

const EXAMPLES: &[Line] = &[
    (
        1,
        "run-command-invocation",
        &[
            "invocation::three_rows_of_one_operation_are_one_finding",
            "invocation::one_row_is_enough_and_its_start_is_not_known",
            "invocation::a_failed_one_was_attempted",
            "invocation::reading_the_documents_of_run_command_executes_nothing",
        ],
        &["invocation::a_failed_one_was_attempted"],
        &["invocation::reading_the_documents_of_run_command_executes_nothing"],
    ),
    (
        2,
        "managed-run-command-write",
        &[
            "managed::a_write_exactly_a_week_back_is_known",
            "managed::a_deletion_within_the_hour_makes_it_short_lived",
        ],
        &["managed::a_write_exactly_a_week_back_is_known"],
        ORDINARY,
    ),
    (
        3,
        "vm-extension-write",
        &[
            "extension::a_script_extension_by_its_type",
            "extension::without_a_body_the_name_is_all_there_is",
        ],
        &["extension::a_week_exactly_is_known_and_a_second_more_is_new"],
        &["extension::what_is_known_and_runs_nothing_is_silent"],
    ),
    (
        4,
        "run-command-new-terms",
        &[
            "new_terms::a_combination_seen_within_the_week_is_known",
            "new_terms::an_operation_without_an_address_is_counted_and_not_judged",
        ],
        &["new_terms::exactly_a_week_is_inside"],
        &["new_terms::failures_and_managed_commands_are_not_looked_at"],
    ),
    (
        5,
        "caller-profile",
        &[
            "profile::days_are_midnights_crossed_and_days_active",
            "profile::one_command_from_elsewhere_among_forty_is_high",
            "profile::too_little_work_makes_no_profile",
        ],
        &["profile::too_little_work_makes_no_profile"],
        ORDINARY,
    ),
    (
        6,
        "sensitive-operation",
        &[
            "sensitive::logs_that_were_switched_off",
            "sensitive::a_run_command_of_the_same_principal_within_a_day_raises_it",
            "sensitive::listings_by_their_ending",
            "sensitive::what_failed_changed_nothing",
        ],
        &["sensitive::a_run_command_of_the_same_principal_within_a_day_raises_it"],
        &["sensitive::what_failed_changed_nothing"],
    ),
    (
        7,
        "anomalous-operation-model",
        &[
            "model::a_caller_at_her_usual_work_is_new_to_run_command_only",
            "model::a_caller_who_is_rare_on_machines",
            "model::an_unknown_caller_sets_every_flag",
            "model::the_same_account_in_another_spelling_is_new_to_the_published_query_only",
            "model::ten_equal_operators_are_nobodys_anomaly",
            "anomalous_operation_model::rounding_is_at_the_fifth_place",
        ],
        &["model::both_ends_of_the_detection_window_are_inside"],
        ORDINARY,
    ),
    (
        8,
        "run-command-spike",
        &[
            "spike::five_in_less_than_a_quarter_of_an_hour",
            "spike::exactly_a_quarter_of_an_hour_is_not_less",
            "spike::an_older_command_hides_a_burst_from_the_published_query_only",
            "spike::the_group_decides_what_belongs_together",
            "spike::rows_of_one_operation_are_one_command",
        ],
        &["spike::exactly_a_quarter_of_an_hour_is_not_less"],
        ORDINARY,
    ),
    (
        9,
        "run-command-infrequent",
        &[
            "infrequent::the_span_is_measured_not_counted_in_hours",
            "infrequent::a_whole_day_is_not_short",
            "infrequent::near_the_ends_of_the_data_it_says_little",
        ],
        &["infrequent::a_whole_day_is_not_short"],
        ORDINARY,
    ),
    (
        10,
        "run-command-in-risk-window",
        &["risk_window::both_ends_of_the_window_are_in_it"],
        &["risk_window::both_ends_of_the_window_are_in_it"],
        &["risk_window::what_is_no_anomaly_says_nothing"],
    ),
    (
        11,
        "run-command-from-cloud-address",
        &["address::the_longest_prefix_gives_the_class"],
        &["address::the_longest_prefix_gives_the_class"],
        &["address::failures_are_silent"],
    ),
    (
        12,
        "dormant-principal-reactivated",
        &[
            "dormant::secret_sign_in_command",
            "dormant::a_sign_in_exactly_at_the_begin_of_the_interval_is_one",
            "dormant::the_sign_in_comes_after_the_secret_and_within_a_day",
        ],
        &["dormant::the_sign_in_comes_after_the_secret_and_within_a_day"],
        &["dormant::a_sign_in_exactly_at_the_begin_of_the_interval_is_one"],
    ),
    (
        13,
        "sensitive-operation-new-source",
        &[
            "new_source::five_from_a_source_that_never_did_five",
            "new_source::a_baseline_day_must_have_as_many",
        ],
        &["new_source::the_window_begins_with_its_instant"],
        ORDINARY,
    ),
    (
        14,
        "resource-burst",
        &[
            "resource_burst::above_the_threshold_and_three_times_above_it",
            "resource_burst::deletions_after_none_at_all",
        ],
        &["resource_burst::above_the_threshold_and_three_times_above_it"],
        ORDINARY,
    ),
    (
        15,
        "run-command-chain",
        &[
            "chain::grant_blind_and_cleanup_are_high",
            "chain::a_grant_counts_from_a_day_before_up_to_the_command",
            "chain::a_new_machine_alone_is_below_the_least_score",
            "chain::someone_else_blinding_and_keys_are_medium",
        ],
        &["chain::each_step_has_its_window"],
        ORDINARY,
    ),
    (
        16,
        "script-file-join",
        &[
            "files::a_file_inside_its_operation",
            "files::the_tolerance_counts_its_ends",
            "files::files_and_operations_keep_their_order",
            "files::a_file_of_another_vm_or_another_writer_is_not_joined",
        ],
        &["files::the_tolerance_counts_its_ends"],
        &["files::a_file_of_another_vm_or_another_writer_is_not_joined"],
    ),
    (
        17,
        "script-volatility",
        &["files::shares_are_strict"],
        &["files::shares_are_strict"],
        QUIET_GUEST,
    ),
    (
        18,
        "unique-script",
        &[
            "fingerprints::one_of_six",
            "fingerprints::too_few_say_nothing",
            "fingerprints::line_ends_and_comments_make_no_other_script",
            "fingerprint::vectors_of_the_specification",
        ],
        &["fingerprints::too_few_say_nothing"],
        QUIET_GUEST,
    ),
    (
        19,
        "run-command-process-correlation",
        &[
            "processes::processes_of_an_operation",
            "processes::bounds_of_the_correlation",
            "processes::the_latest_command_before_a_process_has_it",
        ],
        &["processes::bounds_of_the_correlation"],
        QUIET_GUEST,
    ),
    (
        20,
        "script-child-process",
        &["processes::children_of_scripts"],
        &["processes::the_shell_of_a_script_is_no_child_of_it"],
        QUIET_GUEST,
    ),
    (
        21,
        "custom-script-descendant",
        &["processes::descendants_of_the_custom_script_handler"],
        &["processes::descendants_of_the_custom_script_handler"],
        QUIET_GUEST,
    ),
    (
        22,
        "sequence-anomaly",
        &[
            "numbers::a_number_that_only_the_log_knows_has_no_status",
            "numbers::a_status_without_a_folder",
            "numbers::the_first_numbers_are_missing_where_the_agent_would_have_told",
            "numbers::what_the_handler_remembers",
            "numbers::managed_run_commands_clean_up_after_themselves",
        ],
        &["numbers::without_any_folder_none_is_missing"],
        QUIET_GUEST,
    ),
    (
        23,
        "self-deleting-script",
        &["numbers::a_script_that_is_gone_and_one_that_says_so"],
        &["numbers::a_script_that_is_gone_and_one_that_says_so"],
        QUIET_GUEST,
    ),
    (
        24,
        "extension-removed",
        &[
            "absence::handlers_that_were_removed",
            "absence::an_upgrade_removes_nothing",
            "absence::a_script_that_has_everything_removed",
        ],
        &["absence::handlers_that_were_removed"],
        QUIET_GUEST,
    ),
    (
        25,
        "status-output-mismatch",
        &["files::outputs_that_differ_from_their_report"],
        &["files::a_disabled_handler_writes_no_report"],
        QUIET_GUEST,
    ),
    (
        26,
        "interrupted-execution",
        &["numbers::runs_that_never_reported"],
        &["numbers::runs_that_never_reported"],
        QUIET_GUEST,
    ),
    (
        27,
        "clock-anomaly",
        &["files::clocks_that_run_back"],
        &["files::clocks_that_run_back"],
        QUIET_GUEST,
    ),
    (
        28,
        "guest-run-without-cloud-op",
        &[
            "absence::a_run_that_nobody_asked_for",
            "absence::outside_the_log_nothing_can_be_said",
            "absence::a_run_before_the_vm_was_made_came_with_its_image",
            "absence::a_pause_of_all_records_is_a_gap_of_the_log",
        ],
        &["absence::outside_the_log_nothing_can_be_said"],
        QUIET_GUEST,
    ),
    (
        29,
        "cloud-op-without-guest-trace",
        &[
            "absence::an_operation_whose_number_is_missing",
            "absence::what_failed_or_lies_outside_leaves_no_trace",
        ],
        &["absence::what_failed_or_lies_outside_leaves_no_trace"],
        QUIET_GUEST,
    ),
    (
        30,
        "run-as-secret-exposed",
        &["files::passwords_in_the_handlers_log"],
        &["files::a_log_on_after_the_exposure_is_worse_and_another_script_is_not_the_handler"],
        QUIET_GUEST,
    ),
    (
        31,
        "script-body-mismatch",
        &[
            "files::a_script_that_was_changed_on_the_disk",
            "files::protected_settings_cannot_be_compared",
        ],
        &["files::a_script_that_was_changed_on_the_disk"],
        QUIET_GUEST,
    ),
    (
        32,
        "script-content",
        &["content::worked_examples", "tests::examples_of_scoring"],
        &["content::weights_and_thresholds_are_the_analysts"],
        QUIET_GUEST,
    ),
    (
        33,
        "decode",
        &[
            "content::decoded_layers_are_searched_and_secrets_masked",
            "content::wrapped_twice",
        ],
        &["tests::a_certificate_is_no_layer_and_a_program_is_named"],
        QUIET_GUEST,
    ),
    // Of the analyst's own; the specification has no section for it.
    (
        0,
        "watch-list",
        &[
            "lists::a_watch_list_over_everything",
            "lists::a_watch_list_looks_into_texts",
        ],
        &["lists::a_watch_list_looks_into_texts"],
        &["lists::a_watch_list_over_everything"],
    ),
];

/// Sections that are no detectors.
const REST: &[(u32, &[&str])] = &[
    (
        34,
        &[
            "tests::a_cut_name_alone_is_medium",
            "tests::beyond_the_window_nothing_is_linked",
            "tests::the_best_pairs_do_not_cross",
            "tests::managed_names_that_differ_are_never_linked",
        ],
    ),
    (
        35,
        &[
            "tests::two_pairs_bound_the_offset",
            "tests::an_interval_around_zero_is_no_evidence_of_skew",
            "tests::a_contradicting_pair_is_set_aside",
            "tests::goal_state_lines_tell_both_clocks",
            "tests::a_success_row_alone_bounds_from_below_only",
        ],
    ),
    (
        36,
        &[
            "tests::what_shares_an_operation_adds_up",
            "invocation::strangers_on_different_machines_are_two_incidents",
        ],
    ),
];

/// Every file that holds such tests.
const FILES: &[(&str, &str)] = &[
    ("absence", include_str!("guest/absence.rs")),
    ("address", include_str!("address.rs")),
    (
        "anomalous_operation_model",
        include_str!("../anomalous_operation_model.rs"),
    ),
    ("chain", include_str!("chain.rs")),
    ("clean", include_str!("clean.rs")),
    ("content", include_str!("content.rs")),
    ("dormant", include_str!("dormant.rs")),
    ("extension", include_str!("extension.rs")),
    ("files", include_str!("endpoint/files.rs")),
    ("files", include_str!("guest/files.rs")),
    ("fingerprint", include_str!("../../script/fingerprint.rs")),
    ("fingerprints", include_str!("endpoint/fingerprints.rs")),
    ("infrequent", include_str!("infrequent.rs")),
    ("invocation", include_str!("invocation.rs")),
    ("lists", include_str!("lists.rs")),
    ("managed", include_str!("managed.rs")),
    ("model", include_str!("model.rs")),
    ("new_source", include_str!("new_source.rs")),
    ("new_terms", include_str!("new_terms.rs")),
    ("numbers", include_str!("guest/numbers.rs")),
    ("processes", include_str!("endpoint/processes.rs")),
    ("profile", include_str!("profile.rs")),
    ("resource_burst", include_str!("resource_burst.rs")),
    ("risk_window", include_str!("risk_window.rs")),
    ("sensitive", include_str!("sensitive.rs")),
    ("spike", include_str!("spike.rs")),
    ("tests", include_str!("../incident/tests.rs")),
    ("tests", include_str!("../../reconstruct/links/tests.rs")),
    (
        "tests",
        include_str!("../../reconstruct/skew/estimate/tests.rs"),
    ),
    ("tests", include_str!("../../script/tests.rs")),
];

fn is_test(name: &str) -> bool {
    let Some((file, name)) = name.split_once("::") else {
        return false;
    };
    let call = format!("fn {name}(");
    let mut texts = FILES.iter().filter(|(of, _)| *of == file);
    texts.any(|(_, text)| {
        text.split(&call).skip(1).count() == 1
            && text
                .split(&call)
                .next()
                .is_some_and(|before| before.trim_end().ends_with("#[test]"))
    })
}

#[test]
fn every_worked_example_is_a_test() {
    let mut of: BTreeMap<&str, u32> = BTreeMap::new();
    for (section, detector, examples, boundary, silent) in EXAMPLES {
        assert!(of.insert(detector, *section).is_none(), "{detector} twice");
        for (what, tests) in [
            ("example", examples),
            ("boundary", boundary),
            ("silence", silent),
        ] {
            assert!(!tests.is_empty(), "{detector}: no test of its {what}");
            for name in *tests {
                assert!(is_test(name), "{detector}, {what}: {name} is no test");
            }
        }
    }
    for (section, tests) in REST {
        for name in *tests {
            assert!(is_test(name), "section {section}: {name} is no test");
        }
    }
    let listed: Vec<&str> = of.keys().copied().collect();
    let mut table: Vec<&str> = TABLE.iter().map(|one| one.id).collect();
    table.sort_unstable();
    assert_eq!(listed, table);
    let mut sections: Vec<u32> = of.values().copied().filter(|one| *one > 0).collect();
    sections.sort_unstable();
    assert_eq!(sections, (1..=33).collect::<Vec<u32>>());
}
