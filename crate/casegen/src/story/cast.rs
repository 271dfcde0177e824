//! Who and what there is: a small shop in two subscriptions, with three Linux machines and one of Windows.

use crate::instant::{Clock, Instant};
use crate::plan::{Call, Plan};
use crate::random::Random;
use crate::world::{
    CONTRIBUTOR, Client, Export, Machine, OWNER, Platform, Shape, Subscription, SystemLog,
    VM_CONTRIBUTOR,
};

/// 2024-04-29, the day the machines were made. Days of the story are counted from it.
pub const DAY: Instant = Instant::of_seconds(1_714_348_800);

/// Subscription of the web shop.
pub const PRODUCTION: usize = 0;
/// Subscription of its data.
pub const DATA: usize = 1;
/// Ubuntu 22.04; right clock; RFC 3164.
pub const WEB: usize = 0;
/// Ubuntu 24.04; clock five minutes ahead; ISO 8601.
pub const APP: usize = 1;
/// Red Hat; local time two hours ahead of UTC; an agent that logs no correlation ids.
pub const DB: usize = 2;
/// Windows Server; clock three quarters of a minute behind.
pub const ERP: usize = 3;

/// The office of those who run the shop.
pub const OFFICE: &str = "192.0.2.10";
/// Where the platform engineer works.
pub const HOME: &str = "2001:db8:4:21::9";
/// The deployment pipeline.
pub const PIPELINE: &str = "198.51.100.24";
/// The patch automation.
pub const PATCHES: &str = "198.51.100.40";
/// The backup service.
pub const BACKUP: &str = "198.51.100.61";
/// The intruder.
pub const INTRUDER: &str = "203.0.113.77";

/// Those who call.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// The operator whose token is stolen.
    pub operator: usize,
    /// Owner of the subscriptions.
    pub engineer: usize,
    /// Releases.
    pub pipeline: usize,
    /// Nightly patches.
    pub patches: usize,
    /// Backups.
    pub backup: usize,
}

/// Fills a plan with subscriptions, machines, principals and exports.
pub fn introduce(plan: &mut Plan) -> Cast {
    let mut random = Random::new(plan.world.seed).stream("cast");
    for name in ["contoso-production", "contoso-data"] {
        plan.world.subscriptions.push(Subscription {
            id: random.guid(),
            name,
        });
    }
    machines(plan, &mut random);
    exports(plan);
    Cast {
        operator: plan.principal(
            "cloud.operator@contoso.example",
            "Cloud Operator",
            CONTRIBUTOR,
        ),
        engineer: plan.principal(
            "platform.engineer@contoso.example",
            "Platform Engineer",
            OWNER,
        ),
        pipeline: plan.principal("", "deployment-pipeline", CONTRIBUTOR),
        patches: plan.principal("", "patch-automation", VM_CONTRIBUTOR),
        backup: plan.principal("", "backup-service", CONTRIBUTOR),
    }
}

fn machines(plan: &mut Plan, random: &mut Random) {
    let first = DAY.at(18, 2, 11);
    let collected = DAY.plus_days(3).at(14, 30, 0);
    let clock = |skew_ms, zone_minutes| Clock {
        skew_ms,
        zone_minutes,
        origin: DAY,
        ..Clock::default()
    };
    let mut add = |name: &'static str, subscription: usize, group: &str, clock: Clock| {
        let resource = group_resource(
            plan,
            subscription,
            group,
            &format!("Microsoft.Compute/virtualMachines/{name}"),
        );
        plan.world.machines.push(Machine {
            name,
            resource,
            subscription,
            vm_id: random.guid(),
            platform: Platform::Linux,
            clock,
            agent: "2.11.1.4",
            agent_knows_correlation: true,
            system: "ubuntu 22.04",
            python: "3.10.12",
            system_log: SystemLog::DebianTraditional,
            boots: vec![first],
            collected,
            audited_until: None,
        });
    };
    add("web01", PRODUCTION, "rg-shop-prod", clock(180, 0));
    add("app01", PRODUCTION, "rg-shop-prod", clock(303_400, 0));
    add("db01", DATA, "rg-data-prod", clock(-1_200, 120));
    add("erp01", PRODUCTION, "rg-shop-prod", clock(-42_300, 0));
    if let Some(web) = plan.world.machines.get_mut(WEB) {
        web.boots.push(DAY.plus_days(3).at(5, 10, 9));
        // Until the intruder's extension stops the service.
        web.audited_until = Some(DAY.plus_days(3).at(10, 12, 22));
    }
    if let Some(app) = plan.world.machines.get_mut(APP) {
        app.system = "ubuntu 24.04";
        app.python = "3.12.3";
        app.system_log = SystemLog::DebianIso;
    }
    if let Some(db) = plan.world.machines.get_mut(DB) {
        db.agent = "2.2.51";
        db.agent_knows_correlation = false;
        db.system = "redhat 7.9";
        db.python = "2.7.5";
        db.system_log = SystemLog::RedHat;
    }
    if let Some(erp) = plan.world.machines.get_mut(ERP) {
        erp.platform = Platform::Windows;
        erp.agent = "2.7.41491.1095";
        erp.agent_knows_correlation = false;
        erp.system = "Windows Server 2022 Datacenter, 10.0.20348.0";
        erp.python = "";
    }
}

fn exports(plan: &mut Plan) {
    let day = |days: i64| DAY.plus_days(days);
    // The query came first; the storage account stops when the intruder deletes the setting that fills it.
    plan.world.exports = vec![
        Export {
            path: "cloud/activity-log.json",
            shape: Shape::CommandLine,
            subscription: PRODUCTION,
            from: day(1),
            to: day(3).at(12, 0, 0),
        },
        Export {
            path: "cloud/insights-activity-logs",
            shape: Shape::Diagnostic,
            subscription: PRODUCTION,
            from: day(3).at(8, 0, 0),
            to: day(3).at(10, 47, 0),
        },
        Export {
            path: "cloud/insights-activity-logs",
            shape: Shape::Diagnostic,
            subscription: DATA,
            from: day(1),
            to: day(3).at(10, 47, 0),
        },
    ];
}

/// A resource of a group.
#[must_use]
pub fn group_resource(plan: &Plan, subscription: usize, group: &str, rest: &str) -> String {
    let id = plan
        .world
        .subscriptions
        .get(subscription)
        .map_or("", |it| &it.id);
    format!("/subscriptions/{id}/resourceGroups/{group}/providers/{rest}")
}

/// A resource of the shop's own group.
#[must_use]
pub fn shop(plan: &Plan, rest: &str) -> String {
    group_resource(plan, PRODUCTION, "rg-shop-prod", rest)
}

/// A resource of the data group.
#[must_use]
pub fn data(plan: &Plan, rest: &str) -> String {
    group_resource(plan, DATA, "rg-data-prod", rest)
}

/// A machine's resource id.
#[must_use]
pub fn machine(plan: &Plan, at: usize) -> String {
    plan.world
        .machines
        .get(at)
        .map(|it| it.resource.clone())
        .unwrap_or_default()
}

/// A fresh sign-in, used from where it was made.
pub fn sign_in(
    plan: &mut Plan,
    principal: usize,
    client: Client,
    address: &'static str,
    at: Instant,
) -> Call {
    // Applications' tokens carry no address.
    let from = (client != Client::Own).then_some(address);
    Call {
        token: plan.token(principal, client, from, at, None),
        address,
        hostile: false,
    }
}
