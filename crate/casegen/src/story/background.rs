//! Three ordinary days: releases, patches, backups, an operator at work, and what machines log by themselves.

use super::cast::{
    APP, BACKUP, Cast, DATA, DAY, DB, HOME, OFFICE, PATCHES, PIPELINE, PRODUCTION, WEB, data,
    machine, shop, sign_in,
};
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::plan::{Call, Plan, Way, Work};
use crate::world::{Client, Log, Machine, SystemLog};

const PATCH: &str = include_str!("scripts/patch.sh");
const PATCH_REDHAT: &str = include_str!("scripts/patch-redhat.sh");

/// Everything but the intruder.
pub fn fill(plan: &mut Plan, cast: Cast) {
    for day in 0..3 {
        patches(plan, cast, DAY.plus_days(day));
    }
    for day in 1..=3 {
        releases(plan, cast, DAY.plus_days(day), day);
        backups(plan, cast, DAY.plus_days(day));
    }
    operator(plan, cast);
    engineer(plan, cast);
    platform(plan);
    for at in [WEB, APP, DB] {
        machine_noise(plan, at);
    }
}

fn patches(plan: &mut Plan, cast: Cast, day: Instant) {
    let call = sign_in(plan, cast.patches, Client::Own, PATCHES, day.at(23, 30, 0));
    let vm_call = |minute: i64| day.at(23, minute, 4);
    for (minute, at, name) in [(40, WEB, "web01"), (43, APP, "app01"), (46, DB, "db01")] {
        let count = plan.random().between(2, 14);
        let (script, stdout) = if at == DB {
            (
                PATCH_REDHAT,
                format!("Complete!\npatching done on {name}\n"),
            )
        } else {
            (
                PATCH,
                format!(
                    "{count} upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nProcessing triggers for man-db (2.10.2-1) ...\nProcessing triggers for libc-bin (2.35-0ubuntu3.7) ...\npatching done on {name}\n"
                ),
            )
        };
        let lasts = plan.random().between(21_000, 74_000);
        let work = Work::new(script, &stdout, lasts)
            .starts(30, "/usr/bin/apt-get", &["apt-get", "-qq", "update"])
            .starts(lasts - 900, "/usr/bin/hostname", &["hostname"]);
        plan.invoke(call, at, Way::Action, work, vm_call(minute));
    }
}

fn releases(plan: &mut Plan, cast: Cast, day: Instant, number: i64) {
    let call = sign_in(plan, cast.pipeline, Client::Own, PIPELINE, day.at(6, 0, 0));
    let deployment = shop(
        plan,
        &format!(
            "Microsoft.Resources/deployments/shop-release-{}",
            211 + number
        ),
    );
    plan.call(
        call,
        &kinds::DEPLOYMENT_VALIDATE,
        PRODUCTION,
        &deployment,
        day.at(6, 4, 40),
    );
    let release = plan.call(
        call,
        &kinds::DEPLOYMENT_WRITE,
        PRODUCTION,
        &deployment,
        day.at(6, 5, 2),
    );
    // What a deployment writes goes by the deployment's correlation id.
    let correlation = plan
        .world
        .operations
        .get(release)
        .map(|it| it.correlation.clone())
        .unwrap_or_default();
    let children = [
        (
            &kinds::STORAGE_WRITE,
            shop(plan, "Microsoft.Storage/storageAccounts/stshopprod"),
        ),
        (&kinds::VM_WRITE, machine(plan, APP)),
    ];
    for (after, (kind, resource)) in children.into_iter().enumerate() {
        let child = plan.call(
            call,
            kind,
            PRODUCTION,
            &resource,
            day.at(6, 5, 9 + 4 * after as i64),
        );
        plan.amend(child, |it| it.correlation.clone_from(&correlation));
        plan.policy(child);
    }
    if number < 3 {
        let probe = Work::new(
            include_str!("scripts/health-probe.sh"),
            "port 8080: ready\nport 8443: ready\n",
            1_400,
        )
        .starts(
            20,
            "/usr/bin/curl",
            &[
                "curl",
                "-skS",
                "-o",
                "/dev/null",
                "--max-time",
                "5",
                "https://localhost:8080/ready",
            ],
        );
        plan.invoke(
            call,
            APP,
            Way::Managed("health-probe"),
            probe,
            day.at(8, 0, 21),
        );
    }
    let resource = data(plan, "Microsoft.Resources/deployments/orders-schema");
    plan.call(
        call,
        &kinds::DEPLOYMENT_WRITE,
        DATA,
        &resource,
        day.at(6, 20, 11),
    );
}

fn backups(plan: &mut Plan, cast: Cast, day: Instant) {
    for hour in [2, 8] {
        let call = sign_in(plan, cast.backup, Client::Own, BACKUP, day.at(hour, 10, 0));
        let shop_account = shop(plan, "Microsoft.Storage/storageAccounts/stshopprod");
        plan.call(
            call,
            &kinds::LIST_KEYS,
            PRODUCTION,
            &shop_account,
            day.at(hour, 15, 3),
        );
        let data_account = data(plan, "Microsoft.Storage/storageAccounts/stordersprod");
        plan.call(
            call,
            &kinds::LIST_KEYS,
            DATA,
            &data_account,
            day.at(hour, 15, 9),
        );
    }
}

fn operator(plan: &mut Plan, cast: Cast) {
    for days in 1..=3 {
        let day = DAY.plus_days(days);
        let call = sign_in(
            plan,
            cast.operator,
            Client::Portal,
            OFFICE,
            day.at(7, 10, 0),
        );
        for (at, name, minute) in [(WEB, "web01", 14), (APP, "app01", 16)] {
            let resource = format!(
                "{}/providers/Microsoft.Resources/tags/default",
                machine(plan, at)
            );
            let tag = plan.call(
                call,
                &kinds::TAGS_WRITE,
                PRODUCTION,
                &resource,
                day.at(7, minute, 31),
            );
            if days == 1 && name == "web01" {
                plan.policy(tag);
            }
        }
        if days < 3 {
            let rule = shop(
                plan,
                "Microsoft.Network/networkSecurityGroups/nsg-shop/securityRules/allow-https",
            );
            plan.call(
                call,
                &kinds::SECURITY_RULE_WRITE,
                PRODUCTION,
                &rule,
                day.at(8, 2, 20),
            );
        }
    }
    let call = |plan: &mut Plan, at: Instant| {
        sign_in(plan, cast.operator, Client::CommandLine, OFFICE, at)
    };
    let tuesday = DAY.plus_days(1);
    let wednesday = DAY.plus_days(2);
    let by = call(plan, tuesday.at(9, 1, 0));
    let check = Work::new(
        include_str!("scripts/web-check.sh"),
        "active\n200\n/dev/sda1        29G   11G   18G  38% /\n",
        300,
    )
    .starts(
        5,
        "/usr/bin/systemctl",
        &["systemctl", "is-active", "nginx"],
    )
    .starts(60, "/usr/bin/df", &["df", "-h", "/"]);
    plan.invoke(by, WEB, Way::Action, check.clone(), tuesday.at(9, 12, 44));
    let by = call(plan, wednesday.at(10, 2, 0));
    let rotate = Work::new(
        include_str!("scripts/rotate.sh"),
        "total 48\n-rw-r----- 1 orders adm     0 May  1 10:25 orders.log\n-rw-r----- 1 orders adm 44211 May  1 10:25 orders.log.1\n",
        900,
    )
    .starts(8, "/usr/sbin/logrotate", &["logrotate", "--force", "/etc/logrotate.d/orders"]);
    plan.invoke(by, APP, Way::Action, rotate, wednesday.at(10, 20, 2));
    let by = call(plan, wednesday.at(13, 0, 0));
    let disk = Work::new(include_str!("scripts/disk-check.sh"), "in use: 84 %\n", 200)
        .failing(2, "/srv/www is over 80 %\n")
        .starts(6, "/usr/bin/df", &["df", "--output=pcent", "/srv/www"]);
    plan.invoke(by, WEB, Way::Action, disk, wednesday.at(13, 5, 37));
}

fn engineer(plan: &mut Plan, cast: Cast) {
    let tuesday = DAY.plus_days(1);
    let by = sign_in(
        plan,
        cast.engineer,
        Client::Portal,
        HOME,
        tuesday.at(15, 50, 0),
    );
    for (subscription, account) in [(PRODUCTION, "stshopaudit"), (DATA, "stordersaudit")] {
        setting(
            plan,
            by,
            subscription,
            account,
            tuesday.at(16, 3, 10 + 30 * subscription as i64),
        );
    }
    let vault = shop(plan, "Microsoft.KeyVault/vaults/kv-shop-prod");
    plan.call(
        by,
        &kinds::VAULT_WRITE,
        PRODUCTION,
        &vault,
        tuesday.at(16, 20, 48),
    );

    let wednesday = DAY.plus_days(2);
    let by = sign_in(
        plan,
        cast.engineer,
        Client::Portal,
        HOME,
        wednesday.at(9, 30, 0),
    );
    let assigned = plan
        .world
        .principals
        .get(cast.pipeline)
        .map(|it| it.object_id.clone())
        .unwrap_or_default();
    grant(
        plan,
        by,
        &assigned,
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        wednesday.at(9, 40, 15),
    );

    let thursday = DAY.plus_days(3);
    let by = sign_in(
        plan,
        cast.engineer,
        Client::CommandLine,
        HOME,
        thursday.at(5, 0, 0),
    );
    let web = machine(plan, WEB);
    let restart = plan.call(
        by,
        &kinds::VM_RESTART,
        PRODUCTION,
        &web,
        thursday.at(5, 9, 20),
    );
    plan.amend(restart, |it| it.ended = it.begun.plus_seconds(52));
}

fn setting(plan: &mut Plan, by: Call, subscription: usize, account: &str, at: Instant) {
    let resource = setting_resource(plan, subscription);
    let write = plan.call(
        by,
        &kinds::DIAGNOSTIC_SETTING_WRITE,
        subscription,
        &resource,
        at,
    );
    let body = object([(
        "properties",
        object([
            (
                "storageAccountId",
                shop(
                    plan,
                    &format!("Microsoft.Storage/storageAccounts/{account}"),
                )
                .into(),
            ),
            (
                "logs",
                Json::List(vec![object([
                    ("category", "Administrative".into()),
                    ("enabled", true.into()),
                ])]),
            ),
        ]),
    )]);
    plan.amend(write, |it| {
        it.request_body = Some(body.print(Hand::Compact))
    });
}

/// The diagnostic setting of a subscription.
#[must_use]
pub fn setting_resource(plan: &Plan, subscription: usize) -> String {
    let id = plan
        .world
        .subscriptions
        .get(subscription)
        .map_or("", |it| &it.id);
    format!("/subscriptions/{id}/providers/Microsoft.Insights/diagnosticSettings/audit-to-storage")
}

/// A role granted on the production subscription, with the request on the start row.
pub fn grant(plan: &mut Plan, by: Call, principal: &str, role: &str, at: Instant) -> usize {
    let id = plan
        .world
        .subscriptions
        .get(PRODUCTION)
        .map(|it| it.id.clone())
        .unwrap_or_default();
    let name = plan.random().guid();
    let resource =
        format!("/subscriptions/{id}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let write = plan.call(by, &kinds::ROLE_ASSIGNMENT_WRITE, PRODUCTION, &resource, at);
    let body = object([(
        "properties",
        object([
            (
                "roleDefinitionId",
                format!(
                    "/subscriptions/{id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
                )
                .into(),
            ),
            ("principalId", principal.into()),
            ("principalType", "ServicePrincipal".into()),
        ]),
    )]);
    plan.amend(write, |it| {
        it.request_body = Some(body.print(Hand::Compact))
    });
    write
}

fn platform(plan: &mut Plan) {
    let site = shop(plan, "Microsoft.Web/sites/shop-front");
    let none = Call {
        token: 0,
        address: "",
        hostile: false,
    };
    for days in [1, 2] {
        let event = plan.call(
            none,
            &kinds::RESTART_WEB_SITE,
            PRODUCTION,
            &site,
            DAY.plus_days(days).at(11, 11, 37),
        );
        plan.amend(event, |it| {
            it.token = None;
            it.address = None;
        });
    }
}

fn machine_noise(plan: &mut Plan, at: usize) {
    let Some(Machine {
        name,
        boots,
        collected,
        system_log,
        ..
    }) = plan.world.machines.get(at).cloned()
    else {
        return;
    };
    let debian = system_log != SystemLog::RedHat;
    let first = boots.first().copied().unwrap_or_default();
    for boot in &boots {
        for (after, tag, text) in [
            (
                -9_000,
                "kernel",
                "Command line: BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 ro console=tty1 console=ttyS0",
            ),
            (-6_200, "systemd[1]", "Reached target Network."),
            (-5_900, "systemd[1]", "Started OpenBSD Secure Shell server."),
            (-900, "systemd[1]", "Started Azure Linux Agent."),
        ] {
            plan.remark(at, Log::System, boot.plus_ms(after), tag, text);
        }
        plan.remark(
            at,
            Log::Auth,
            boot.plus_ms(-5_800),
            "sshd[812]",
            "Server listening on 0.0.0.0 port 22.",
        );
    }
    let mut hour = first.plus_seconds(3_000);
    let mut process = 2_000 + 37 * at as i64;
    while hour < collected {
        process += plan.random().between(11, 90);
        let cron = format!("CRON[{process}]");
        let minute = plan.random().between(0, 2);
        if debian {
            plan.remark(
                at,
                Log::System,
                hour.plus_seconds(minute),
                cron.clone(),
                "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
            );
        } else {
            plan.remark(
                at,
                Log::System,
                hour.plus_seconds(minute),
                format!("CROND[{process}]"),
                "(root) CMD (run-parts /etc/cron.hourly)",
            );
        }
        if debian {
            plan.remark(
                at,
                Log::Auth,
                hour.plus_seconds(minute),
                cron.clone(),
                "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
            );
            plan.remark(
                at,
                Log::Auth,
                hour.plus_seconds(minute + 1),
                cron,
                "pam_unix(cron:session): session closed for user root",
            );
        }
        hour = hour.plus_seconds(3_600);
    }
    for days in 0..4 {
        let day = DAY.plus_days(days);
        let port = plan.random().between(40_000, 60_000);
        let tag = format!("sshd[{}]", 3_100 + days * 211 + at as i64);
        let login = day.at(7, 40 + at as i64, 13);
        if login > first && login < collected {
            let from = if debian { "10.20.0.4" } else { "10.21.0.4" };
            plan.remark(at, Log::Auth, login, tag.clone(), format!("Accepted publickey for opsadmin from {from} port {port} ssh2: ED25519 SHA256:{}", "0123456789abcdefExampleFingerprintOfNobody0123"));
            plan.remark(
                at,
                Log::Auth,
                login,
                tag.clone(),
                "pam_unix(sshd:session): session opened for user opsadmin(uid=1000) by (uid=0)",
            );
            plan.remark(at, Log::Auth, login.plus_seconds(41), "sudo", "opsadmin : TTY=pts/0 ; PWD=/home/opsadmin ; USER=root ; COMMAND=/usr/bin/systemctl status nginx");
            plan.remark(
                at,
                Log::Auth,
                login.plus_seconds(340),
                tag,
                "pam_unix(sshd:session): session closed for user opsadmin",
            );
        }
        if debian && day.at(6, 25, 1) > first {
            plan.remark(
                at,
                Log::System,
                day.at(6, 25, 1),
                "systemd[1]",
                "Starting Daily apt upgrade and clean activities...",
            );
            plan.remark(
                at,
                Log::System,
                day.at(6, 25, 19),
                "systemd[1]",
                "Finished Daily apt upgrade and clean activities.",
            );
        }
        let probes = plan.random().between(2, 5);
        for _ in 0..probes {
            let second = plan.random().between(0, 86_000);
            let when = day.plus_seconds(second);
            if at == WEB && when > first && when < collected {
                let port = plan.random().between(30_000, 65_000);
                let user = plan
                    .random()
                    .one(&["admin", "test", "oracle", "git"])
                    .copied()
                    .unwrap_or("admin");
                plan.remark(
                    at,
                    Log::Auth,
                    when,
                    format!("sshd[{}]", 5_000 + second % 900),
                    format!("Invalid user {user} from 198.51.100.201 port {port}"),
                );
            }
        }
    }
    plan.remark(
        at,
        Log::System,
        first.plus_seconds(4),
        "systemd-resolved[640]",
        format!("Using system hostname '{name}'."),
    );
}
