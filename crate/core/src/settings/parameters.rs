//! The table of parameters: key, unit, range and meaning of each, in the order of their keys.
//!
//! The page draws it, the command line reads and lists it, the case document writes every value in force. A parameter that is not in it does not exist.
//!
//! ```text
//! number!("sensitive-operation.near_hours", sensitive_operation.near_hours: i64, "hours", 1, 168, "How near …")
//!          key                              place in the settings                        range    meaning
//! ```
//!
//! Rejected: attributes on the fields. The table is read as a table, and a test can hold it to its order.

use super::Settings;
use super::control_plane::SpikeGroup;
use super::endpoint::UniqueScope;
use super::identity::RiskLevel;

/// One parameter, described once.
pub struct Parameter {
    /// `room.name`, as in the case document.
    pub key: &'static str,
    /// Unit of the number; `yes-no` for switches, `choice` for words.
    pub unit: &'static str,
    /// The words of a choice; the number is the place among them.
    pub choices: &'static [&'static str],
    /// Smallest value.
    pub least: i64,
    /// Largest value.
    pub most: i64,
    /// What it means.
    pub about: &'static str,
    pub(super) get: fn(&Settings) -> i64,
    pub(super) set: fn(&mut Settings, i64),
}

macro_rules! number {
    ($key:literal, $($path:ident).+ : $type:ty, $unit:literal, $least:expr, $most:expr, $about:literal) => {
        Parameter {
            key: $key,
            unit: $unit,
            choices: &[],
            least: $least,
            most: $most,
            about: $about,
            get: |settings| i64::try_from(settings.$($path).+).unwrap_or(i64::MAX),
            set: |settings, value| settings.$($path).+ = <$type>::try_from(value).unwrap_or_default(),
        }
    };
}

macro_rules! switch {
    ($key:literal, $($path:ident).+, $about:literal) => {
        Parameter {
            key: $key,
            unit: "yes-no",
            choices: &[],
            least: 0,
            most: 1,
            about: $about,
            get: |settings| i64::from(settings.$($path).+),
            set: |settings, value| settings.$($path).+ = value != 0,
        }
    };
}

macro_rules! choice {
    ($key:literal, $($path:ident).+ : $type:ty, $about:literal) => {
        Parameter {
            key: $key,
            unit: "choice",
            choices: <$type>::WORDS,
            least: 0,
            most: <$type>::WORDS.len() as i64 - 1,
            about: $about,
            get: |settings| settings.$($path).+.place(),
            set: |settings, value| settings.$($path).+ = <$type>::at(value),
        }
    };
}

/// Every parameter, by key.
pub static PARAMETERS: &[Parameter] = &[
    number!("absence.gap_factor", guest.absence.gap_factor: i64, "times", 2, 1000, "A pause of all records so many times longer than usual is a gap of the log"),
    number!("absence.lag_minutes", guest.absence.lag_minutes: i64, "minutes", 0, 360, "So much before its last record an export of the Activity Log counts as complete"),
    number!("absence.tolerance_seconds", guest.absence.tolerance_seconds: i64, "seconds", 0, 3600, "So much around a run or an operation must be covered by the other side's records"),
    number!("anomalous-operation-model.baseline_days", control_plane.model.baseline_days: i64, "days", 1, 365, "Length of the baseline before the detection window"),
    number!("anomalous-operation-model.detection_hours", control_plane.model.detection_hours: i64, "hours", 1, 720, "Length of the detection window, which ends at the end of the case"),
    switch!(
        "anomalous-operation-model.include_managed",
        control_plane.model.include_managed,
        "Monitor managed run commands too"
    ),
    number!("anomalous-operation-model.least_days", control_plane.model.least_days: i64, "days", 1, 365, "A baseline of fewer days with records than this is insufficient"),
    number!("anomalous-operation-model.least_rows", control_plane.model.least_rows: i64, "operations", 1, 1_000_000, "A baseline of fewer operations than this is insufficient"),
    switch!(
        "anomalous-operation-model.published",
        control_plane.model.published,
        "Behave as the published query, defects included"
    ),
    number!("anomalous-operation-model.theta_permille", control_plane.model.theta_permille: i64, "thousandths", 0, 1000, "Up to this share a caller is rare"),
    number!("caller-profile.least_operations", control_plane.profile.least_operations: i64, "operations", 5, 10_000, "Fewer operations of a principal than this make no profile"),
    switch!(
        "caller-profile.published",
        control_plane.profile.published,
        "Count rows instead of operations, as the published query does"
    ),
    number!("caller-profile.share_permille", control_plane.profile.share_permille: i64, "thousandths", 0, 500, "Greatest share of a principal's work that does not fit its profile"),
    number!("clock-anomaly.offset_seconds", guest.clock.offset_seconds: i64, "seconds", 1, 86_400, "Offset of a guest's clock from which it is reported"),
    number!("clock-anomaly.step_seconds", guest.clock.step_seconds: i64, "seconds", 0, 3600, "Steps back of a log's clock up to this are not reported"),
    number!("cloud-guest-link.least_score", cloud_guest_link.least_score: i64, "points", 0, 100, "Pairs of an operation and an execution below this score are not linked"),
    number!("cloud-guest-link.window_seconds", cloud_guest_link.window_seconds: i64, "seconds", 1, 3_600, "How far outside its operation an execution may start"),
    number!("custom-script-descendant.window_seconds", endpoint.descendant.window_seconds: i64, "seconds", 1, 3600, "How soon after the start of the handler a descendant counts"),
    number!("decode.all_bytes", script.limits.all_bytes: usize, "bytes", 1 << 20, 64 << 20, "Bytes of all layers decoded from one script"),
    number!("decode.depth", script.limits.depth: usize, "levels", 1, 16, "Layers inside layers of a script"),
    number!("decode.layer_bytes", script.limits.layer_bytes: usize, "bytes", 64 << 10, 16 << 20, "Longest layer decoded from a script"),
    number!("decode.layers", script.limits.layers: usize, "layers", 1, 4096, "Layers decoded from one script"),
    number!("decode.ratio", script.limits.ratio: usize, "times", 10, 1000, "Decompressed bytes per compressed byte inside a script"),
    number!("detection.end_seconds", control_plane.detection.end_seconds: i64, "seconds since 1970 UTC", 0, 4_102_444_800, "Time at which the windows of the detectors end; 0 is the last Activity Log record"),
    number!("detection.v6_bits", control_plane.detection.v6_bits: i64, "bits", 32, 64, "Bits of an IPv6 address that name its network"),
    number!("dormant-principal-reactivated.command_hours", identity.dormant.command_hours: i64, "hours", 1, 720, "How soon after the sign-in a run command makes stage 2"),
    number!("dormant-principal-reactivated.dormant_days", identity.dormant.dormant_days: i64, "days", 1, 365, "An identity without a successful sign-in for so long is dormant"),
    number!("dormant-principal-reactivated.sign_in_hours", identity.dormant.sign_in_hours: i64, "hours", 1, 720, "How soon after the credential the sign-in comes"),
    number!("limits.case_bytes", limits.case_bytes: u64, "bytes", 1 << 10, 1 << 44, "Memory of all events of a case and of what is concluded from them; events that come later are counted and not kept"),
    number!("limits.container_bytes", limits.container_bytes: u64, "bytes", 1 << 20, 1 << 44, "Uncompressed bytes of one container in all"),
    number!("limits.container_depth", limits.container_depth: u32, "levels", 1, 16, "Containers inside containers"),
    number!("limits.container_members", limits.container_members: u64, "members", 1, 10_000_000, "Members of one container"),
    number!("limits.container_ratio", limits.container_ratio: u64, "times", 2, 100_000, "Uncompressed bytes per compressed byte"),
    number!("limits.container_ratio_after_bytes", limits.container_ratio_after_bytes: u64, "bytes", 0, 1 << 40, "Uncompressed bytes before the ratio is looked at"),
    number!("limits.document_bytes", limits.document_bytes: usize, "bytes", 1 << 16, 1 << 30, "Longest document that is read as one"),
    number!("limits.identify_bytes", limits.identify_bytes: usize, "bytes", 1 << 10, 1 << 22, "Bytes looked at to identify an item"),
    number!("limits.json_depth", limits.json_depth: usize, "levels", 8, 100_000, "Deepest nesting of JSON that is read"),
    number!("limits.kept_text_bytes", limits.kept_text_bytes: usize, "bytes", 1 << 10, 1 << 28, "Longest script or output text kept in the case"),
    number!("limits.record_bytes", limits.record_bytes: usize, "bytes", 1 << 10, 1 << 30, "Longest record that is read"),
    number!("limits.rule_events", limits.rule_events: usize, "events", 0, 10_000_000, "Events read again for fields of Sigma rules that the case does not keep"),
    number!("limits.rule_file_bytes", limits.rule_file_bytes: usize, "bytes", 1 << 10, 1 << 28, "Longest file of Sigma rules that is read"),
    number!("limits.yaml_depth", limits.yaml_depth: usize, "levels", 4, 128, "Deepest nesting of YAML that is read"),
    number!("limits.yaml_nodes", limits.yaml_nodes: usize, "nodes", 100, 10_000_000, "Scalars, lists and maps of one YAML file, aliases written out"),
    number!("managed-run-command-write.ephemeral_minutes", control_plane.managed_write.ephemeral_minutes: i64, "minutes", 1, 10_080, "How soon after its write a deletion makes a run command short-lived"),
    number!("managed-run-command-write.window_days", control_plane.managed_write.window_days: i64, "days", 1, 90, "How far back an earlier managed write of the same principal is looked for"),
    number!("resource-burst.days", control_plane.burst.days: i64, "days", 7, 90, "Days before the current one that say what is usual"),
    number!("resource-burst.floor_create", control_plane.burst.floor_create: i64, "resources", 1, 100_000, "Up to so many creations a day are never unusual"),
    number!("resource-burst.floor_delete", control_plane.burst.floor_delete: i64, "resources", 1, 100_000, "Up to so many deletions a day are never unusual"),
    switch!(
        "resource-burst.published",
        control_plane.burst.published,
        "Behave as the published queries, defects included"
    ),
    number!("resource-burst.z", control_plane.burst.z: i64, "deviations", 1, 10, "How many deviations above the median are unusual"),
    number!("run-command-chain.access_reset_after_hours", control_plane.chain.access_reset.after: i64, "hours", 1, 720, "How long after the command counts: an account on the VM reset"),
    number!("run-command-chain.access_reset_before_hours", control_plane.chain.access_reset.before: i64, "hours", 1, 720, "How long before the command counts: an account on the VM reset"),
    number!("run-command-chain.access_reset_weight", control_plane.chain.access_reset.weight: i64, "points", 0, 20, "Weight of the step: an account on the VM reset"),
    number!("run-command-chain.automation_after_hours", control_plane.chain.automation.after: i64, "hours", 1, 720, "How long after the command counts: automation changed or run"),
    number!("run-command-chain.automation_before_hours", control_plane.chain.automation.before: i64, "hours", 1, 720, "How long before the command counts: automation changed or run"),
    number!("run-command-chain.automation_weight", control_plane.chain.automation.weight: i64, "points", 0, 20, "Weight of the step: automation changed or run"),
    number!("run-command-chain.backup_after_hours", control_plane.chain.backup.after: i64, "hours", 1, 720, "How long after the command counts: backups weakened or removed"),
    number!("run-command-chain.backup_before_hours", control_plane.chain.backup.before: i64, "hours", 1, 720, "How long before the command counts: backups weakened or removed"),
    number!("run-command-chain.backup_weight", control_plane.chain.backup.weight: i64, "points", 0, 20, "Weight of the step: backups weakened or removed"),
    number!("run-command-chain.blind_after_hours", control_plane.chain.blind.after: i64, "hours", 1, 720, "How long after the command counts: logging or alerting removed"),
    number!("run-command-chain.blind_before_hours", control_plane.chain.blind.before: i64, "hours", 1, 720, "How long before the command counts: logging or alerting removed"),
    number!("run-command-chain.blind_lesser_weight", control_plane.chain.blind.lesser: i64, "points", 0, 20, "Weight of the step: logging or alerting removed by someone else"),
    number!("run-command-chain.blind_weight", control_plane.chain.blind.weight: i64, "points", 0, 20, "Weight of the step: logging or alerting removed"),
    number!("run-command-chain.cleanup_after_hours", control_plane.chain.cleanup.after: i64, "hours", 1, 720, "How long after the command counts: the command or its extension deleted"),
    number!("run-command-chain.cleanup_weight", control_plane.chain.cleanup.weight: i64, "points", 0, 20, "Weight of the step: the command or its extension deleted"),
    number!("run-command-chain.destroy_after_hours", control_plane.chain.destroy.after: i64, "hours", 1, 720, "How long after the command counts: the VM or data destroyed"),
    number!("run-command-chain.destroy_weight", control_plane.chain.destroy.weight: i64, "points", 0, 20, "Weight of the step: the VM or data destroyed"),
    number!("run-command-chain.disk_export_after_hours", control_plane.chain.disk_export.after: i64, "hours", 1, 720, "How long after the command counts: a disk made ready for download"),
    number!("run-command-chain.disk_export_before_hours", control_plane.chain.disk_export.before: i64, "hours", 1, 720, "How long before the command counts: a disk made ready for download"),
    number!("run-command-chain.disk_export_weight", control_plane.chain.disk_export.weight: i64, "points", 0, 20, "Weight of the step: a disk made ready for download"),
    number!("run-command-chain.dormant_weight", control_plane.chain.dormant.weight: i64, "points", 0, 20, "Weight of the step: the identity was dormant and got a credential"),
    number!("run-command-chain.elevate_before_hours", control_plane.chain.elevate.before: i64, "hours", 1, 720, "How long before the command counts: tenant-wide elevation"),
    number!("run-command-chain.elevate_weight", control_plane.chain.elevate.weight: i64, "points", 0, 20, "Weight of the step: tenant-wide elevation"),
    number!("run-command-chain.fan_out_after_hours", control_plane.chain.fan_out.after: i64, "hours", 1, 720, "How long after the command counts: commands on three or more VMs"),
    number!("run-command-chain.fan_out_before_hours", control_plane.chain.fan_out.before: i64, "hours", 1, 720, "How long before the command counts: commands on three or more VMs"),
    number!("run-command-chain.fan_out_weight", control_plane.chain.fan_out.weight: i64, "points", 0, 20, "Weight of the step: commands on three or more VMs"),
    number!("run-command-chain.grant_before_hours", control_plane.chain.grant.before: i64, "hours", 1, 720, "How long before the command counts: a privileged role granted"),
    number!("run-command-chain.grant_lesser_weight", control_plane.chain.grant.lesser: i64, "points", 0, 20, "Weight of the step: a privileged role granted by the principal"),
    number!("run-command-chain.grant_weight", control_plane.chain.grant.weight: i64, "points", 0, 20, "Weight of the step: a privileged role granted"),
    number!("run-command-chain.identity_before_hours", control_plane.chain.identity.before: i64, "hours", 1, 720, "How long before the command counts: an identity attached to the VM"),
    number!("run-command-chain.identity_weight", control_plane.chain.identity.weight: i64, "points", 0, 20, "Weight of the step: an identity attached to the VM"),
    number!("run-command-chain.keys_after_hours", control_plane.chain.keys.after: i64, "hours", 1, 720, "How long after the command counts: secrets listed"),
    number!("run-command-chain.keys_before_hours", control_plane.chain.keys.before: i64, "hours", 1, 720, "How long before the command counts: secrets listed"),
    number!("run-command-chain.keys_weight", control_plane.chain.keys.weight: i64, "points", 0, 20, "Weight of the step: secrets listed"),
    number!("run-command-chain.new_source_lesser_weight", control_plane.chain.new_source.lesser: i64, "points", 0, 20, "Weight of the step: a new network"),
    number!("run-command-chain.new_source_weight", control_plane.chain.new_source.weight: i64, "points", 0, 20, "Weight of the step: a new caller"),
    number!("run-command-chain.new_vm_before_hours", control_plane.chain.new_vm.before: i64, "hours", 1, 720, "How long before the command counts: the VM made by the principal"),
    number!("run-command-chain.new_vm_weight", control_plane.chain.new_vm.weight: i64, "points", 0, 20, "Weight of the step: the VM made by the principal"),
    number!("run-command-chain.open_net_after_hours", control_plane.chain.open_net.after: i64, "hours", 1, 720, "How long after the command counts: a rule that lets anyone in"),
    number!("run-command-chain.open_net_before_hours", control_plane.chain.open_net.before: i64, "hours", 1, 720, "How long before the command counts: a rule that lets anyone in"),
    number!("run-command-chain.open_net_weight", control_plane.chain.open_net.weight: i64, "points", 0, 20, "Weight of the step: a rule that lets anyone in"),
    switch!(
        "run-command-chain.published_roles",
        control_plane.chain.published_roles,
        "Count the two further roles of the published list as privileged"
    ),
    number!("run-command-chain.report_min", control_plane.chain.report_min: i64, "points", 1, 20, "A chain below this score is not reported"),
    number!("run-command-chain.risk_weight", control_plane.chain.risk.weight: i64, "points", 0, 20, "Weight of the step: an identity anomaly around the command"),
    number!("run-command-chain.token_theft_weight", control_plane.chain.token_theft.weight: i64, "points", 0, 20, "Weight of the step: the script asks the metadata service for a token"),
    switch!(
        "run-command-from-cloud-address.azure_compute",
        control_plane.cloud_address.azure_compute,
        "Report addresses of machines rented in Azure"
    ),
    switch!(
        "run-command-from-cloud-address.azure_service",
        control_plane.cloud_address.azure_service,
        "Report addresses of other Azure services"
    ),
    switch!(
        "run-command-from-cloud-address.published",
        control_plane.cloud_address.published,
        "Behave as the published query: virtual desktops and the calling address only"
    ),
    number!("run-command-from-cloud-address.stale_days", control_plane.cloud_address.stale_days: i64, "days", 1, 3650, "A list of ranges whose date is further than this from the operation is stale"),
    switch!(
        "run-command-from-cloud-address.vdi",
        control_plane.cloud_address.vdi,
        "Report addresses of virtual desktops"
    ),
    switch!(
        "run-command-from-cloud-address.vps",
        control_plane.cloud_address.vps,
        "Report addresses of the analyst's own list"
    ),
    number!("run-command-in-risk-window.post_minutes", identity.risk_window.post_minutes: i64, "minutes", 0, 10_080, "How long after an identity anomaly a run command counts"),
    number!("run-command-in-risk-window.pre_minutes", identity.risk_window.pre_minutes: i64, "minutes", 0, 10_080, "How long before an identity anomaly a run command counts"),
    switch!(
        "run-command-in-risk-window.published",
        identity.risk_window.published,
        "Behave as the published query, defects included"
    ),
    choice!("run-command-in-risk-window.risk_min", identity.risk_window.risk_min: RiskLevel, "From which risk on a sign-in is an anomaly"),
    switch!(
        "run-command-in-risk-window.use_signin_risk",
        identity.risk_window.use_signin_risk,
        "Count risky sign-ins and risk detections beside behaviour rows"
    ),
    number!("run-command-infrequent.history_days", control_plane.infrequent.history_days: i64, "days", 2, 365, "How far back from the end of the case is looked"),
    number!("run-command-infrequent.least_operations", control_plane.infrequent.least_operations: i64, "operations", 1, 100, "So many commands of the principal on the VM at least"),
    switch!(
        "run-command-infrequent.published",
        control_plane.infrequent.published,
        "Behave as the published query, defects included"
    ),
    number!("run-command-infrequent.span_hours", control_plane.infrequent.span_hours: i64, "hours", 1, 720, "A VM used for less than this was touched only for a short time"),
    switch!(
        "run-command-invocation.include_attempts",
        run_command_invocation.include_attempts,
        "Report attempts (pending and failed operations) too"
    ),
    switch!(
        "run-command-invocation.include_vmss",
        run_command_invocation.include_vmss,
        "Report scale-set instances too"
    ),
    switch!(
        "run-command-new-terms.published",
        control_plane.new_terms.published,
        "Behave as the published rule, defects included"
    ),
    number!("run-command-new-terms.window_days", control_plane.new_terms.window_days: i64, "days", 1, 90, "How far back the same principal, VM and network are looked for"),
    number!("run-command-process-correlation.early_seconds", endpoint.correlation.early_seconds: i64, "seconds", 0, 600, "How long before the start of an operation its first process may begin"),
    number!("run-command-process-correlation.grace_seconds", endpoint.correlation.grace_seconds: i64, "seconds", 0, 600, "How long after the end of an operation a process still counts"),
    number!("run-command-process-correlation.most_seconds", endpoint.correlation.most_seconds: i64, "seconds", 1, 5_400, "How long after its start a process counts where the operation's end is not known"),
    switch!(
        "run-command-process-correlation.published",
        endpoint.correlation.published,
        "Behave as the published rule, defects included"
    ),
    choice!("run-command-spike.group", control_plane.spike.group: SpikeGroup, "What the commands of one burst have in common"),
    switch!(
        "run-command-spike.include_managed",
        control_plane.spike.include_managed,
        "Count managed run commands too"
    ),
    number!("run-command-spike.least_commands", control_plane.spike.least_commands: i64, "commands", 2, 1000, "So many commands make a burst"),
    number!("run-command-spike.least_vms", control_plane.spike.least_vms: i64, "machines", 1, 1000, "On so many VMs at least"),
    switch!(
        "run-command-spike.only_success",
        control_plane.spike.only_success,
        "Count successful commands only"
    ),
    switch!(
        "run-command-spike.published",
        control_plane.spike.published,
        "Behave as the published query, defects included"
    ),
    number!("run-command-spike.window_minutes", control_plane.spike.window_minutes: i64, "minutes", 1, 1440, "Commands of one burst begin within less than this"),
    switch!(
        "script-child-process.published",
        endpoint.child.published,
        "Behave as the published rule, defects included"
    ),
    number!("script-content.critical", script.thresholds.critical: u32, "points", 1, 1000, "Score of a script from which, with three groups, it is critical"),
    number!("script-content.high", script.thresholds.high: u32, "points", 1, 1000, "Score of a script from which it is high"),
    number!("script-content.low", script.thresholds.low: u32, "points", 1, 1000, "Score of a script from which it is low"),
    number!("script-content.medium", script.thresholds.medium: u32, "points", 1, 1000, "Score of a script from which it is medium"),
    number!("script-file-join.merge_seconds", endpoint.file_join.merge_seconds: i64, "seconds", 0, 60, "Writes of one file no further apart than this are one"),
    switch!(
        "script-file-join.published",
        endpoint.file_join.published,
        "Behave as the published query, defects included"
    ),
    number!("script-file-join.tolerance_seconds", endpoint.file_join.tolerance_seconds: i64, "seconds", 0, 3_600, "How far outside its operation a script may be written"),
    number!("script-volatility.distinct_percent", endpoint.volatility.distinct_percent: i64, "percent", 0, 100, "More of the commands of an episode than this must differ"),
    number!("script-volatility.gap_minutes", endpoint.volatility.gap_minutes: i64, "minutes", 1, 43_200, "A longer pause between two commands begins a new episode"),
    number!("script-volatility.least_executions", endpoint.volatility.least_executions: i64, "executions", 2, 1_000, "Episodes of fewer executions are not looked at"),
    switch!(
        "script-volatility.published",
        endpoint.volatility.published,
        "Behave as the published query, defects included"
    ),
    number!("sensitive-operation-new-source.baseline_days", control_plane.new_source.baseline_days: i64, "days", 2, 90, "How far before the end of the case the baseline begins"),
    number!("sensitive-operation-new-source.detection_hours", control_plane.new_source.detection_hours: i64, "hours", 1, 168, "Length of the detection window, which ends at the end of the case"),
    number!("sensitive-operation-new-source.least_operations", control_plane.new_source.least_operations: i64, "operations", 1, 1000, "So many operations of one source and kind count"),
    switch!(
        "sensitive-operation-new-source.published",
        control_plane.new_source.published,
        "Behave as the published queries, defects included"
    ),
    number!("sensitive-operation.near_hours", sensitive_operation.near_hours: i64, "hours", 1, 168, "How near a Run Command of the same principal raises the severity"),
    number!("sequence-anomaly.first_number", guest.sequence.first_number: i64, "number", 0, 1, "The first number that a handler is expected to use"),
    number!("sequence-anomaly.most_holes", guest.sequence.most_holes: i64, "numbers", 1, 100_000, "More missing numbers than this are told as ranges"),
    number!("skew-estimate.least_pairs", skew_estimate.least_pairs: i64, "pairs", 1, 1_000, "Pairs for a clock offset of confidence medium; twice as many make it high"),
    number!("skew-estimate.start_latency_seconds", skew_estimate.start_latency_seconds: i64, "seconds", 0, 60, "How long an execution usually takes to start"),
    number!("skew-estimate.window_seconds", skew_estimate.window_seconds: i64, "seconds", 60, 50_400, "The greatest offset of a guest's clock that is looked for"),
    number!("unique-script.least_executions", endpoint.unique.least_executions: i64, "executions", 1, 1_000_000, "Fewer executions of known scripts than this say nothing about rarity"),
    switch!(
        "unique-script.published",
        endpoint.unique.published,
        "Behave as the published query, defects included"
    ),
    choice!("unique-script.scope", endpoint.unique.scope: UniqueScope, "Among which executions a script is unique"),
    number!("vm-extension-write.window_days", vm_extension_write.window_days: i64, "days", 1, 90, "How far back an earlier write of the same extension on the same VM is looked for"),
];
