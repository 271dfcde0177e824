//! The steps, sorted so that each anchor finds its nearest.
//!
//! One walk over the operations puts each candidate into the lists where an anchor would look: by principal, by VM, by resource group,
//! by subscription. An anchor then asks each list for its neighbours in time by binary search. A role granted by p to q, for example, is in
//! two lists: `grant` to q (weight 4) and `grant` by p (weight 3).
//!
//! Rejected: looking through all operations around each anchor. Automation runs a thousand commands an hour.

use super::requests::{attaches_identity, granted, opens_net};
use crate::detect::history::{Known, NS_PER_HOUR};
use crate::detect::managed_run_command_write::is_managed_delete;
use crate::detect::{CaseView, vm_extension_write};
use crate::event::intern::Symbol;
use crate::reconstruct::operations::{Operation, OperationFamily, OperationOutcome};
use crate::settings::control_plane::{Chain, ChainStep};
use std::collections::{BTreeMap, BTreeSet};

/// The indicator of a script that asks the metadata service for a token.
const TOKEN_THEFT: &str = "cred-imds-token";
/// So many VMs are a fan-out.
const FAN_OUT_VMS: usize = 3;

/// A run command whose surroundings are looked at.
pub(super) struct Anchor {
    /// By place in the case.
    pub at: usize,
    /// `S`.
    pub start: i64,
    /// `p`.
    pub principal: Option<u32>,
    /// `v`.
    pub vm: Option<u32>,
    /// `s`.
    pub subscription: u32,
    /// `g`.
    pub group: Option<u32>,
}

/// A step that was found.
#[derive(Debug)]
pub(super) struct Step {
    /// Its name.
    pub name: &'static str,
    /// Nanoseconds from the command.
    pub offset: i64,
    /// Weight.
    pub weight: i64,
    /// The operation.
    pub operation: usize,
    /// ATT&CK techniques.
    pub techniques: &'static [&'static str],
}

/// Which step an operation could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Grant,
    Elevate,
    NewVm,
    Blind,
    OpenNet,
    Identity,
    Keys,
    DiskExport,
    Cleanup,
    Backup,
    Destroy,
    AccessReset,
    Automation,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Grant,
        Self::Elevate,
        Self::NewVm,
        Self::Blind,
        Self::OpenNet,
        Self::Identity,
        Self::Keys,
        Self::DiskExport,
        Self::Cleanup,
        Self::Backup,
        Self::Destroy,
        Self::AccessReset,
        Self::Automation,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Elevate => "elevate",
            Self::NewVm => "new-vm",
            Self::Blind => "blind",
            Self::OpenNet => "open-net",
            Self::Identity => "identity",
            Self::Keys => "keys",
            Self::DiskExport => "disk-export",
            Self::Cleanup => "cleanup",
            Self::Backup => "backup",
            Self::Destroy => "destroy",
            Self::AccessReset => "access-reset",
            Self::Automation => "automation",
        }
    }

    fn techniques(self) -> &'static [&'static str] {
        match self {
            Self::Grant | Self::Elevate | Self::Identity => &["T1098.003"],
            Self::NewVm => &["T1578.002"],
            Self::Blind => &["T1562.008"],
            Self::OpenNet => &["T1562.007"],
            Self::Keys => &["T1552"],
            Self::DiskExport => &["T1537"],
            Self::Cleanup => &["T1070.004"],
            Self::Backup => &["T1490"],
            Self::Destroy => &["T1485"],
            Self::AccessReset => &["T1098"],
            Self::Automation => &["T1651"],
        }
    }

    fn settings(self, chain: &Chain) -> ChainStep {
        match self {
            Self::Grant => chain.grant,
            Self::Elevate => chain.elevate,
            Self::NewVm => chain.new_vm,
            Self::Blind => chain.blind,
            Self::OpenNet => chain.open_net,
            Self::Identity => chain.identity,
            Self::Keys => chain.keys,
            Self::DiskExport => chain.disk_export,
            Self::Cleanup => chain.cleanup,
            Self::Backup => chain.backup,
            Self::Destroy => chain.destroy,
            Self::AccessReset => chain.access_reset,
            Self::Automation => chain.automation,
        }
    }

    /// First and last instant that count. Times are whole nanoseconds, so an open end is the neighbouring instant.
    fn window(self, step: ChainStep, start: i64) -> (i64, i64) {
        let (before, after) = (
            start.saturating_sub(step.before * NS_PER_HOUR),
            start.saturating_add(step.after * NS_PER_HOUR),
        );
        match self {
            Self::Grant | Self::Elevate | Self::NewVm => (before, start.saturating_sub(1)),
            Self::Identity => (before, start),
            Self::Cleanup | Self::Destroy => (start.saturating_add(1), after),
            _ => (before, after),
        }
    }
}

/// Where a candidate is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    By(u32),
    To(u32),
    ByOn(u32, u32),
    Vm(u32),
    Group(u32, u32),
    Subscription(u32),
}

/// Candidates of a case.
pub(super) struct Index {
    /// In time order.
    lists: Known<(Kind, Place), Vec<(i64, usize)>>,
    /// What the name of an operation tells, each name once.
    told: Known<Symbol, Told>,
    /// Anchors around which the principal reached enough VMs: (operation, VMs).
    fan_out: BTreeMap<usize, usize>,
    /// Commands of identities that were dormant.
    revived: BTreeSet<usize>,
}

/// `list…/action` of something secret.
fn lists_secrets(operation: &str) -> bool {
    const SECRET: [&str; 6] = [
        "key",
        "secret",
        "credential",
        "sas",
        "connectionstring",
        "password",
    ];
    let Some(rest) = operation.strip_suffix("/action") else {
        return false;
    };
    let Some(what) = rest
        .rsplit('/')
        .next()
        .and_then(|last| last.strip_prefix("list"))
    else {
        return false;
    };
    SECRET.iter().any(|word| what.contains(word))
        || rest.ends_with("microsoft.web/sites/config/list")
}

/// The steps that the operation's name alone tells.
fn by_name(operation: &str) -> Option<Kind> {
    Some(match operation {
        "microsoft.authorization/elevateaccess/action" => Kind::Elevate,
        "microsoft.insights/diagnosticsettings/delete"
        | "microsoft.operationalinsights/workspaces/delete"
        | "microsoft.network/networkwatchers/delete"
        | "microsoft.network/networkwatchers/flowlogs/delete"
        | "microsoft.security/alertssuppressionrules/write" => Kind::Blind,
        "microsoft.compute/disks/begingetaccess/action"
        | "microsoft.compute/snapshots/begingetaccess/action" => Kind::DiskExport,
        "microsoft.compute/virtualmachines/extensions/delete"
        | "microsoft.compute/virtualmachinescalesets/extensions/delete"
        | "microsoft.compute/virtualmachinescalesets/virtualmachines/extensions/delete" => {
            Kind::Cleanup
        }
        "microsoft.recoveryservices/vaults/delete"
        | "microsoft.recoveryservices/vaults/backuppolicies/write"
        | "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems/delete"
        | "microsoft.compute/restorepointcollections/delete"
        | "microsoft.compute/restorepointcollections/restorepoints/delete"
        | "microsoft.compute/snapshots/delete" => Kind::Backup,
        "microsoft.compute/virtualmachines/delete"
        | "microsoft.compute/virtualmachinescalesets/virtualmachines/delete"
        | "microsoft.hybridcompute/machines/delete"
        | "microsoft.storage/storageaccounts/delete"
        | "microsoft.resources/subscriptions/resourcegroups/delete" => Kind::Destroy,
        "microsoft.automation/automationaccounts/runbooks/draft/write"
        | "microsoft.automation/automationaccounts/runbooks/publish/action"
        | "microsoft.automation/automationaccounts/jobs/write"
        | "microsoft.automation/automationaccounts/webhooks/write"
        | "microsoft.automation/automationaccounts/schedules/write" => Kind::Automation,
        _ if is_managed_delete(operation) => Kind::Cleanup,
        _ if lists_secrets(operation) => Kind::Keys,
        _ => return None,
    })
}

fn is_vm_write(operation: &str) -> bool {
    matches!(
        operation,
        "microsoft.compute/virtualmachines/write"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/write"
    )
}

/// What an operation's name tells.
#[derive(Clone, Copy, Debug)]
struct Told {
    kind: Option<Kind>,
    grants: bool,
    writes_vm: bool,
    /// Rules of the network, and whether a whole set of them.
    rules: Option<bool>,
    /// Any of it, or an extension, whose body tells more.
    speaks: bool,
}

impl Told {
    fn of(operation: &str) -> Self {
        let kind = by_name(operation);
        let grants = operation == "microsoft.authorization/roleassignments/write";
        let writes_vm = is_vm_write(operation);
        let rules = match operation {
            "microsoft.network/networksecuritygroups/securityrules/write" => Some(false),
            "microsoft.network/networksecuritygroups/write" => Some(true),
            _ => None,
        };
        let extension = OperationFamily::of(operation) == OperationFamily::Extension;
        Self {
            kind,
            grants,
            writes_vm,
            rules,
            speaks: kind.is_some() || grants || writes_vm || rules.is_some() || extension,
        }
    }
}

impl Index {
    /// Of a case.
    pub(super) fn of(view: &CaseView<'_>) -> Self {
        let mut index = Self {
            lists: Known::default(),
            told: Known::default(),
            fan_out: BTreeMap::new(),
            revived: view
                .revivals()
                .list
                .iter()
                .flat_map(|revival| revival.commands.iter().copied())
                .collect(),
        };
        for (at, op) in view.operations.iter().enumerate() {
            if op.outcome == OperationOutcome::Succeeded {
                index.take(view, at, op);
            }
        }
        index.find_fan_outs(view);
        index
    }

    fn put(&mut self, kind: Kind, place: Place, time: i64, at: usize) {
        self.lists
            .entry((kind, place))
            .or_default()
            .push((time, at));
    }

    fn take(&mut self, view: &CaseView<'_>, at: usize, op: &Operation) {
        let known = self.told.entry(op.symbols.operation);
        let told = *known.or_insert_with(|| Told::of(&op.operation));
        if !told.speaks {
            return;
        }
        let history = view.history();
        let Some(time) = op.started.map(|started| started.ns) else {
            return;
        };
        let chain = &view.settings.control_plane.chain;
        let (principal, vm) = (history.principal(at), history.vm(at));
        let subscription = history.subscription(at);
        let group = || history.resource(history.place(at)?)?.group;
        if told.grants
            && let Some(to) = granted(op, chain.published_roles, &view.lists.privileged_roles)
        {
            if let Some(to) = history.principal_named(&to) {
                self.put(Kind::Grant, Place::To(to), time, at);
            }
            if let Some(by) = principal {
                self.put(Kind::Grant, Place::By(by), time, at);
            }
        }
        if told.writes_vm
            && let Some(vm) = vm
        {
            if let (Some(by), true) = (principal, op.rows.iter().any(|row| row.created)) {
                self.put(Kind::NewVm, Place::ByOn(by, vm), time, at);
            }
            if attaches_identity(op) {
                self.put(Kind::Identity, Place::Vm(vm), time, at);
            }
        }
        if op.family == OperationFamily::Extension
            && let Some(vm) = vm
            && vm_extension_write::type_of(op).0.contains("vmaccess")
        {
            self.put(Kind::AccessReset, Place::Vm(vm), time, at);
        }
        if told.rules.is_some_and(|whole_set| opens_net(op, whole_set)) {
            if let Some(group) = group() {
                self.put(Kind::OpenNet, Place::Group(subscription, group), time, at);
            }
            if let Some(by) = principal {
                self.put(Kind::OpenNet, Place::By(by), time, at);
            }
        }
        let Some(kind) = told.kind else {
            return;
        };
        let destroys_vm = kind == Kind::Destroy && vm.is_some();
        if let (true, Some(vm)) = (destroys_vm || kind == Kind::Cleanup, vm) {
            self.put(kind, Place::Vm(vm), time, at);
        }
        if let (false, Some(by)) = (destroys_vm || kind == Kind::Cleanup, principal) {
            self.put(kind, Place::By(by), time, at);
        }
        if kind == Kind::Blind {
            self.put(kind, Place::Subscription(subscription), time, at);
        }
        if kind == Kind::DiskExport
            && let Some(group) = group()
        {
            self.put(kind, Place::Group(subscription, group), time, at);
        }
    }

    /// Around each run command the VMs that its principal reached: a window that moves over each principal's commands.
    fn find_fan_outs(&mut self, view: &CaseView<'_>) {
        let step = view.settings.control_plane.chain.fan_out;
        let mut commands: BTreeMap<u32, Vec<(i64, Option<u32>, usize)>> = BTreeMap::new();
        for (at, op) in view.operations.iter().enumerate() {
            let succeeded = op.outcome == OperationOutcome::Succeeded;
            if let (true, true, Some(started), Some(principal)) = (
                op.family.is_run_command(),
                succeeded,
                op.started,
                view.history().principal(at),
            ) {
                let list = commands.entry(principal).or_default();
                list.push((started.ns, view.history().vm(at), at));
            }
        }
        for list in commands.values() {
            let (mut from, mut to) = (0, 0);
            let mut vms: BTreeMap<u32, usize> = BTreeMap::new();
            for (start, _, at) in list {
                while let Some((_, vm, _)) = list
                    .get(to)
                    .filter(|(time, _, _)| *time <= start.saturating_add(step.after * NS_PER_HOUR))
                {
                    if let Some(vm) = vm {
                        *vms.entry(*vm).or_default() += 1;
                    }
                    to += 1;
                }
                while let Some((_, vm, _)) = list
                    .get(from)
                    .filter(|(time, _, _)| *time < start.saturating_sub(step.before * NS_PER_HOUR))
                {
                    if let Some(count) = vm.and_then(|vm| vms.get_mut(&vm)) {
                        *count -= 1;
                    }
                    if let Some(vm) = vm.filter(|vm| vms.get(vm) == Some(&0)) {
                        vms.remove(&vm);
                    }
                    from += 1;
                }
                if vms.len() >= FAN_OUT_VMS {
                    self.fan_out.insert(*at, vms.len());
                }
            }
        }
    }

    /// The nearest candidate of a list in a window: of those equally near the earlier, of those at one instant the first.
    fn nearest(
        &self,
        kind: Kind,
        place: Place,
        start: i64,
        (low, high): (i64, i64),
    ) -> Option<(i64, usize)> {
        let list = self.lists.get(&(kind, place))?;
        let next = list.partition_point(|(time, _)| *time < low.max(start));
        let after = list.get(next).filter(|(time, _)| *time <= high);
        let before = list
            .partition_point(|(time, _)| *time < start)
            .checked_sub(1)
            .and_then(|last| list.get(last))
            .filter(|(time, _)| *time >= low && *time <= high);
        // Several at one instant: the first of them.
        let before = before.and_then(|(time, _)| {
            let first = list.partition_point(|(other, _)| other < time);
            list.get(first)
        });
        let both = [before, after].into_iter().flatten().copied();
        both.min_by_key(|(time, at)| ((time - start).abs(), *time, *at))
    }

    /// The steps around an anchor, at most one of each kind.
    pub(super) fn steps(&self, view: &CaseView<'_>, anchor: &Anchor) -> Vec<Step> {
        let chain = &view.settings.control_plane.chain;
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let step = kind.settings(chain);
            let window = kind.window(step, anchor.start);
            let by = || anchor.principal.map(Place::By);
            let on = || anchor.vm.map(Place::Vm);
            let group = || {
                anchor
                    .group
                    .map(|group| Place::Group(anchor.subscription, group))
            };
            let places: [(Option<Place>, i64); 2] = match kind {
                Kind::Grant => [
                    (anchor.principal.map(Place::To), step.weight),
                    (by(), step.lesser),
                ],
                Kind::NewVm => {
                    let by_on = anchor.principal.zip(anchor.vm);
                    let place = by_on.map(|(by, vm)| Place::ByOn(by, vm));
                    [(place, step.weight), (None, 0)]
                }
                Kind::Blind => [
                    (by(), step.weight),
                    (Some(Place::Subscription(anchor.subscription)), step.lesser),
                ],
                Kind::OpenNet | Kind::DiskExport => [(by(), step.weight), (group(), step.weight)],
                Kind::Identity | Kind::Cleanup | Kind::AccessReset => {
                    [(on(), step.weight), (None, 0)]
                }
                Kind::Destroy => [(on(), step.weight), (by(), step.weight)],
                Kind::Elevate | Kind::Keys | Kind::Backup | Kind::Automation => {
                    [(by(), step.weight), (None, 0)]
                }
            };
            let candidates = places.into_iter().filter_map(|(place, weight)| {
                let (time, at) = self.nearest(kind, place?, anchor.start, window)?;
                Some((time, at, weight))
            });
            // The same operation by two ways counts by the weightier.
            let nearest = candidates.min_by_key(|(time, at, weight)| {
                ((time - anchor.start).abs(), *time, *at, -weight)
            });
            if let Some((time, operation, weight)) = nearest.filter(|(_, _, weight)| *weight > 0) {
                found.push(Step {
                    name: kind.name(),
                    offset: time - anchor.start,
                    weight,
                    operation,
                    techniques: kind.techniques(),
                });
            }
        }
        let own = |name: &'static str, weight: i64, techniques: &'static [&'static str]| Step {
            name,
            offset: 0,
            weight,
            operation: anchor.at,
            techniques,
        };
        if self.fan_out.contains_key(&anchor.at) && chain.fan_out.weight > 0 {
            found.push(own("fan-out", chain.fan_out.weight, &["T1651"]));
        }
        let script = view
            .execution_of(anchor.at)
            .and_then(|at| view.script_of(at));
        if script.is_some_and(|script| script.has(TOKEN_THEFT)) && chain.token_theft.weight > 0 {
            found.push(own("token-theft", chain.token_theft.weight, &["T1552.005"]));
        }
        if view.in_risk_window(anchor.at) && chain.risk.weight > 0 {
            found.push(own("risk", chain.risk.weight, &["T1078.004"]));
        }
        if self.revived.contains(&anchor.at) && chain.dormant.weight > 0 {
            found.push(own("dormant", chain.dormant.weight, &["T1098.001"]));
        }
        if let Some(flags) = view.assessment_of(anchor.at) {
            let weight = chain.new_source.weight * i64::from(flags.new_caller)
                + chain.new_source.lesser * i64::from(flags.new_ip_mask);
            if weight > 0 {
                found.push(own("new-source", weight, &["T1078.004"]));
            }
        }
        found
    }
}
