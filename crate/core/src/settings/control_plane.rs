//! Parameters of the detectors that read the Activity Log alone.
//!
//! One struct per detector, its defaults beside it; ranges and meanings are lines of the one table one floor up, for example
//! `run-command-spike.window_minutes` (15; 1 to 1440). Shares and thresholds are whole thousandths.
//!
//! Rejected: fractions as floating point. A setting must compare equal to itself after a round trip through the case document.

/// The control-plane detectors' parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ControlPlane {
    /// What several detectors share.
    pub detection: Detection,
    /// Detector 2.
    pub managed_write: ManagedWrite,
    /// Detector 4.
    pub new_terms: NewTerms,
    /// Detector 5.
    pub profile: Profile,
    /// Detector 7.
    pub model: Model,
    /// Detector 8.
    pub spike: Spike,
    /// Detector 9.
    pub infrequent: Infrequent,
    /// Detector 11.
    pub cloud_address: CloudAddress,
    /// Detector 13.
    pub new_source: NewSource,
    /// Detector 14.
    pub burst: Burst,
    /// Detector 15.
    pub chain: Chain,
}

/// What several detectors share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The time at which windows end, in seconds since 1970; 0 is the last Activity Log record.
    pub end_seconds: i64,
    /// Bits of an IPv6 address that name its network.
    pub v6_bits: i64,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            end_seconds: 0,
            v6_bits: 48,
        }
    }
}

/// Parameters of `managed-run-command-write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedWrite {
    /// How far back an earlier write of the same principal is looked for.
    pub window_days: i64,
    /// How soon after its write a deletion makes a run command short-lived.
    pub ephemeral_minutes: i64,
}

impl Default for ManagedWrite {
    fn default() -> Self {
        Self {
            window_days: 7,
            ephemeral_minutes: 60,
        }
    }
}

/// Parameters of `run-command-new-terms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTerms {
    /// How far back the same combination is looked for.
    pub window_days: i64,
    /// Behave as the published rule.
    pub published: bool,
}

impl Default for NewTerms {
    fn default() -> Self {
        Self {
            window_days: 7,
            published: false,
        }
    }
}

/// Parameters of `caller-profile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Fewer operations than this make no profile.
    pub least_operations: i64,
    /// Greatest share of an operation that does not fit.
    pub share_permille: i64,
    /// Count rows, as the published query does.
    pub published: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            least_operations: 20,
            share_permille: 50,
            published: false,
        }
    }
}

/// Parameters of `anomalous-operation-model`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Length of the detection window.
    pub detection_hours: i64,
    /// Length of the baseline before it.
    pub baseline_days: i64,
    /// Up to this a probability is rare.
    pub theta_permille: i64,
    /// Fewer baseline rows than this are insufficient.
    pub least_rows: i64,
    /// Fewer baseline days than this are insufficient.
    pub least_days: i64,
    /// Monitor managed run commands too.
    pub include_managed: bool,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            detection_hours: 72,
            baseline_days: 30,
            theta_permille: 100,
            least_rows: 50,
            least_days: 7,
            include_managed: false,
            published: false,
        }
    }
}

/// What the commands of one burst have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpikeGroup {
    /// The principal.
    Principal,
    /// The principal and the address.
    PrincipalAddress,
    /// The principal and the VM.
    PrincipalVm,
}

impl SpikeGroup {
    /// The words by which it is chosen.
    pub const WORDS: &[&str] = &["principal", "principal+ip", "principal+vm"];
    const ALL: [Self; 3] = [Self::Principal, Self::PrincipalAddress, Self::PrincipalVm];

    /// From its place among the words.
    #[must_use]
    pub fn at(place: i64) -> Self {
        usize::try_from(place)
            .ok()
            .and_then(|place| Self::ALL.get(place).copied())
            .unwrap_or(Self::PrincipalAddress)
    }

    /// Its place among the words.
    #[must_use]
    pub fn place(self) -> i64 {
        self as i64
    }
}

/// Parameters of `run-command-spike`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spike {
    /// Commands of one burst begin within less than this.
    pub window_minutes: i64,
    /// So many commands make a burst.
    pub least_commands: i64,
    /// On so many VMs.
    pub least_vms: i64,
    /// Count successful operations only.
    pub only_success: bool,
    /// What the commands have in common.
    pub group: SpikeGroup,
    /// Count managed run commands too.
    pub include_managed: bool,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for Spike {
    fn default() -> Self {
        Self {
            window_minutes: 15,
            least_commands: 5,
            least_vms: 1,
            only_success: false,
            group: SpikeGroup::PrincipalAddress,
            include_managed: false,
            published: false,
        }
    }
}

/// Parameters of `run-command-infrequent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infrequent {
    /// How far back is looked.
    pub history_days: i64,
    /// A VM used for less than this is touched only for a short time.
    pub span_hours: i64,
    /// So many operations at least.
    pub least_operations: i64,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for Infrequent {
    fn default() -> Self {
        Self {
            history_days: 30,
            span_hours: 24,
            least_operations: 1,
            published: false,
        }
    }
}

/// Parameters of `run-command-from-cloud-address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudAddress {
    /// Report virtual desktops.
    pub vdi: bool,
    /// Report the analyst's own hosting ranges.
    pub vps: bool,
    /// Report rented machines in Azure.
    pub azure_compute: bool,
    /// Report other Azure services.
    pub azure_service: bool,
    /// A list further than this from the operation is stale.
    pub stale_days: i64,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for CloudAddress {
    fn default() -> Self {
        Self {
            vdi: true,
            vps: true,
            azure_compute: true,
            azure_service: false,
            stale_days: 180,
            published: false,
        }
    }
}

/// Parameters of `sensitive-operation-new-source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSource {
    /// How far before the end the baseline begins.
    pub baseline_days: i64,
    /// Length of the detection window.
    pub detection_hours: i64,
    /// So many of one kind are "in number".
    pub least_operations: i64,
    /// Behave as the published queries.
    pub published: bool,
}

impl Default for NewSource {
    fn default() -> Self {
        Self {
            baseline_days: 14,
            detection_hours: 24,
            least_operations: 5,
            published: false,
        }
    }
}

/// Parameters of `resource-burst`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Days before the current one.
    pub days: i64,
    /// How many deviations are unusual.
    pub z: i64,
    /// Up to so many creations a day are never unusual.
    pub floor_create: i64,
    /// Up to so many deletions a day are never unusual.
    pub floor_delete: i64,
    /// Behave as the published queries.
    pub published: bool,
}

impl Default for Burst {
    fn default() -> Self {
        Self {
            days: 14,
            z: 3,
            floor_create: 5,
            floor_delete: 25,
            published: false,
        }
    }
}

/// Weight and window of one step of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainStep {
    /// Weight.
    pub weight: i64,
    /// Weight of the lesser form, where there is one.
    pub lesser: i64,
    /// Hours before the command.
    pub before: i64,
    /// Hours after it.
    pub after: i64,
}

const fn step(weight: i64, lesser: i64, before: i64, after: i64) -> ChainStep {
    ChainStep {
        weight,
        lesser,
        before,
        after,
    }
}

/// Parameters of `run-command-chain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// A chain below this score is not reported.
    pub report_min: i64,
    /// Count the two further roles of the published list as privileged.
    pub published_roles: bool,
    /// A privileged role granted.
    pub grant: ChainStep,
    /// Tenant-wide elevation.
    pub elevate: ChainStep,
    /// The VM made.
    pub new_vm: ChainStep,
    /// Logging or alerting removed.
    pub blind: ChainStep,
    /// A rule that lets anyone in.
    pub open_net: ChainStep,
    /// An identity attached to the VM.
    pub identity: ChainStep,
    /// Secrets listed.
    pub keys: ChainStep,
    /// A disk made ready for download.
    pub disk_export: ChainStep,
    /// The command or its extension deleted.
    pub cleanup: ChainStep,
    /// Backups weakened or removed.
    pub backup: ChainStep,
    /// The VM or data destroyed.
    pub destroy: ChainStep,
    /// An account on the VM reset.
    pub access_reset: ChainStep,
    /// Automation changed or run.
    pub automation: ChainStep,
    /// Commands on several VMs.
    pub fan_out: ChainStep,
    /// The caller (weight) or the network (lesser) is new.
    pub new_source: ChainStep,
    /// The script asks the metadata service for a token.
    pub token_theft: ChainStep,
    /// An identity anomaly around the command.
    pub risk: ChainStep,
    /// The identity was dormant.
    pub dormant: ChainStep,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            report_min: 3,
            published_roles: false,
            grant: step(4, 3, 24, 0),
            elevate: step(5, 0, 168, 0),
            new_vm: step(2, 0, 24, 0),
            blind: step(4, 2, 24, 24),
            open_net: step(3, 0, 6, 6),
            identity: step(2, 0, 24, 0),
            keys: step(3, 0, 6, 6),
            disk_export: step(4, 0, 24, 24),
            cleanup: step(3, 0, 0, 24),
            backup: step(4, 0, 24, 24),
            destroy: step(4, 0, 0, 48),
            access_reset: step(3, 0, 6, 6),
            automation: step(3, 0, 24, 24),
            fan_out: step(3, 0, 1, 1),
            new_source: step(2, 2, 0, 0),
            token_theft: step(3, 0, 0, 0),
            risk: step(3, 0, 0, 0),
            dormant: step(4, 0, 0, 0),
        }
    }
}
