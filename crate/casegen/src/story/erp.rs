//! erp01, the Windows machine, on ordinary days: patches at night, a daily report, and an extension that somebody
//! installed, whose command line looks much like a run command's.
//!
//! Told after everything else, so that what other machines draw by chance stays what it was.

use super::cast::{Cast, DAY, ERP, HOME, PATCHES, PIPELINE, sign_in};
use crate::plan::{Plan, Way, Work};
use crate::world::{Client, What};

/// Folder of the programs that scripts start.
pub(super) const SYSTEM: &str = r"C:\Windows\System32";

/// A script as it is submitted to Windows, with its output in the lines of Windows.
pub(super) fn windows_work(script: &str, stdout: &str, lasts_ms: i64) -> Work {
    let lines = |text: &str| text.replace('\n', "\r\n");
    Work::new(&lines(script), &lines(stdout), lasts_ms)
}

/// Everything ordinary.
pub fn fill(plan: &mut Plan, cast: Cast) {
    for night in 0..3 {
        patches(plan, cast, night);
    }
    for day in 1..=2 {
        report(plan, cast, day);
    }
    monitoring(plan, cast);
}

fn patches(plan: &mut Plan, cast: Cast, night: i64) {
    let day = DAY.plus_days(night);
    let call = sign_in(plan, cast.patches, Client::Own, PATCHES, day.at(23, 30, 0));
    let lasts = plan.random().between(34_000, 88_000);
    let count = plan.random().between(1, 5);
    let stdout = format!("{count} updates found\npatching done on ERP01\n");
    let work = windows_work(include_str!("scripts/windows-patch.ps1"), &stdout, lasts).starts(
        2_600,
        r"C:\Windows\System32\UsoClient.exe",
        &[r"C:\Windows\system32\usoclient.exe", "ScanInstallWait"],
    );
    plan.invoke(call, ERP, Way::Action, work, day.at(23, 49, 4));
}

fn report(plan: &mut Plan, cast: Cast, number: i64) {
    let day = DAY.plus_days(number);
    let call = sign_in(plan, cast.pipeline, Client::Own, PIPELINE, day.at(8, 8, 0));
    let work = windows_work(
        include_str!("scripts/windows-report.ps1"),
        "free on C: 61.4 GB\nErpServer: Running\nW3SVC: Running\n",
        1_900,
    );
    plan.invoke(
        call,
        ERP,
        Way::Managed("erp-report"),
        work,
        day.at(8, 10, 31),
    );
}

fn monitoring(plan: &mut Plan, cast: Cast) {
    let day = DAY.plus_days(1);
    let call = sign_in(
        plan,
        cast.engineer,
        Client::PowerShell,
        HOME,
        day.at(13, 2, 0),
    );
    let work = windows_work(
        include_str!("scripts/windows-monitoring.ps1"),
        "monitoring installed\n",
        900,
    )
    .does(
        400,
        What::Wrote {
            path: r"C:\Monitoring\probe.json".to_owned(),
        },
    );
    let way = Way::Extension {
        name: "monitoring",
        command: "powershell -ExecutionPolicy Unrestricted -File monitoring.ps1".to_owned(),
        file_uri: "https://stshopprod.blob.example/setup/monitoring.ps1".to_owned(),
    };
    plan.invoke(call, ERP, way, work, day.at(13, 5, 40));
}
