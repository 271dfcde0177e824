//! On db01 and around it: a dump, an open port, a copy of the disk.

use super::super::cast::{DATA, DB, PRODUCTION, data, shop};
use super::{run, web};
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::json::{Hand, object};
use crate::plan::{Call, Plan, Way, Work};
use crate::world::Log;

pub(super) fn fill(plan: &mut Plan, by: Call, day: Instant) {
    let dump = Work::new(
        include_str!("../scripts/dump.sh"),
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

    web::extension(plan, by, day);

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
