//! Parameters of the detectors that read sign-ins, risks and directory changes.
//!
//! One struct per detector, its defaults beside it; ranges and meanings are lines of the one table one floor up, for example
//! `dormant-principal-reactivated.dormant_days` (14; 1 to 365).
//!
//! Rejected: durations as text (`14d`). The unit is in the name, and a whole number compares equal to itself.

/// The identity detectors' parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IdentitySettings {
    /// Detector 10.
    pub risk_window: RiskWindow,
    /// Detector 12.
    pub dormant: Dormant,
}

/// From which level on a sign-in is risky.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RiskLevel {
    /// From low on.
    Low,
    /// From medium on.
    Medium,
    /// High only.
    High,
}

impl RiskLevel {
    /// The words by which it is chosen.
    pub const WORDS: &[&str] = &["low", "medium", "high"];
    const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// From its place among the words.
    #[must_use]
    pub fn at(place: i64) -> Self {
        usize::try_from(place)
            .ok()
            .and_then(|place| Self::ALL.get(place).copied())
            .unwrap_or(Self::Medium)
    }

    /// Its place among the words.
    #[must_use]
    pub fn place(self) -> i64 {
        self as i64
    }
}

/// Parameters of `run-command-in-risk-window`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskWindow {
    /// How long before the anomaly a command counts.
    pub pre_minutes: i64,
    /// How long after it.
    pub post_minutes: i64,
    /// Count risky sign-ins and risk detections.
    pub use_signin_risk: bool,
    /// From which risk on a sign-in is an anomaly.
    pub risk_min: RiskLevel,
    /// Behave as the published query.
    pub published: bool,
}

impl Default for RiskWindow {
    fn default() -> Self {
        Self {
            pre_minutes: 60,
            post_minutes: 360,
            use_signin_risk: true,
            risk_min: RiskLevel::Medium,
            published: false,
        }
    }
}

/// Parameters of `dormant-principal-reactivated`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dormant {
    /// No sign-in for so long is dormant.
    pub dormant_days: i64,
    /// How soon after the credential the sign-in comes.
    pub sign_in_hours: i64,
    /// How soon after the sign-in the command comes.
    pub command_hours: i64,
}

impl Default for Dormant {
    fn default() -> Self {
        Self {
            dormant_days: 14,
            sign_in_hours: 24,
            command_hours: 24,
        }
    }
}
