//! On erp01: the same hand on Windows. An account, a service, a scan that is longer than one event can hold, an
//! exclusion by a managed run command that does not stay, and one run whose files are deleted.

use super::super::cast::{ERP, PRODUCTION, machine};
use super::super::erp::{SYSTEM, windows_work};
use super::run;
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::plan::{Call, Plan, Way, Work};
use crate::world::{Trace, What};
use std::collections::BTreeSet;

/// The server behind the intruder's tools.
const SERVER: &str = "203.0.113.200";
/// Its agent on Windows.
const AGENT: &str = r"C:\ProgramData\FabricHost\fabhost.exe";
/// What PowerShell says of a command that the machine does not have: version and number of the script are in it.
const NO_DIRECTORY: &str = r"Get-ADDomain : The term 'Get-ADDomain' is not recognized as the name of a cmdlet, function, script file, or operable program.
At C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\Downloads\script3.ps1:6 char:1
+ Get-ADDomain
+ ~~~~~~~~~~~~
    + CategoryInfo          : ObjectNotFound: (Get-ADDomain:String) [], CommandNotFoundException
    + FullyQualifiedErrorId : CommandNotFoundException
";
/// Sequence number of the run whose files are deleted, as the intruder's script names it.
const DELETED: u32 = 4;

pub(super) fn fill(plan: &mut Plan, by: Call, day: Instant) {
    let invoked = plan.invoke(by, ERP, Way::Action, recon(), day.at(10, 15, 20));
    run(
        plan,
        "Reconnaissance on erp01",
        &["T1651", "T1033", "T1069.001", "T1016"],
        invoked,
    );
    let invoked = plan.invoke(by, ERP, Way::Action, account(), day.at(10, 18, 45));
    if let Some(run) = invoked.and_then(|it| plan.world.runs.get_mut(it.run)) {
        run.lost = BTreeSet::from([Trace::Script, Trace::Settings, Trace::Status]);
    }
    run(
        plan,
        "A local administrator is made on erp01 (files deleted later)",
        &["T1651", "T1136.001", "T1098.007"],
        invoked,
    );
    let invoked = plan.invoke(by, ERP, Way::Action, service(), day.at(10, 22, 31));
    run(
        plan,
        "A program is fetched and installed as a service on erp01",
        &["T1651", "T1105", "T1543.003"],
        invoked,
    );
    scan(plan, by, day);
}

fn program(name: &str) -> &'static str {
    match name {
        "whoami" => r"C:\Windows\System32\whoami.exe",
        "hostname" => r"C:\Windows\System32\HOSTNAME.EXE",
        "ipconfig" => r"C:\Windows\System32\ipconfig.exe",
        "reg" => r"C:\Windows\System32\reg.exe",
        "wevtutil" => r"C:\Windows\System32\wevtutil.exe",
        _ => r"C:\Windows\System32\net.exe",
    }
}

/// Starts a program as PowerShell does: by its full path in quotes.
fn starts(work: Work, after_ms: i64, name: &str, arguments: &[&str]) -> Work {
    let exe = program(name);
    let file = exe.rsplit('\\').next().unwrap_or(exe);
    let quoted = format!(r#""{SYSTEM}\{file}""#).replace("System32", "system32");
    let mut words = vec![quoted.as_str()];
    words.extend(arguments);
    work.starts(after_ms, exe, &words)
}

fn recon() -> Work {
    let work = windows_work(
        include_str!("../scripts/windows-recon.ps1"),
        "\nUSER INFORMATION\n----------------\n\nUser Name           SID\n=================== ========\nnt authority\\system S-1-5-18\nERP01\nAlias name     administrators\nMembers\n\n-------------------------------------------------------------------------------\nerpadmin\nThe command completed successfully.\n\n\nWindows IP Configuration\n\n   Host Name . . . . . . . . . . . . : ERP01\n   IPv4 Address. . . . . . . . . . . : 10.20.1.9(Preferred)\nErpServer\nW3SVC\nWinDefend\nSysmon64\n",
        2_400,
    )
    // What a script prints as errors does not make its run fail.
    .failing(0, &NO_DIRECTORY.replace('\n', "\r\n"));
    let work = starts(work, 120, "whoami", &["/all"]);
    let work = starts(work, 260, "hostname", &[]);
    let work = starts(work, 390, "net", &["localgroup", "administrators"]);
    starts(work, 610, "ipconfig", &["/all"])
}

fn account() -> Work {
    let work = windows_work(
        include_str!("../scripts/windows-account.ps1"),
        "The command completed successfully.\n\nThe command completed successfully.\n\nThe operation completed successfully.\n",
        1_500,
    );
    let work = starts(
        work,
        140,
        "net",
        &["user", "svc-print", "Pr1nt-Spool-2024!", "/add"],
    )
    .does(190, What::AccountMade { name: "svc-print" });
    let work = starts(
        work,
        420,
        "net",
        &["localgroup", "Administrators", "svc-print", "/add"],
    )
    .does(
        470,
        What::GroupJoined {
            name: "svc-print",
            group: "Administrators",
            group_id: 544,
        },
    );
    starts(
        work,
        700,
        "reg",
        &[
            "add",
            r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server",
            "/v",
            "fDenyTSConnections",
            "/t",
            "REG_DWORD",
            "/d",
            "0",
            "/f",
        ],
    )
}

fn service() -> Work {
    windows_work(
        include_str!("../scripts/windows-service.ps1"),
        "\nStatus   Name               DisplayName\n------   ----               -----------\nStopped  FabricHostSvc      FabricHostSvc\n\n",
        5_200,
    )
    .does(
        600,
        What::Connected {
            address: SERVER,
            port: 80,
            url: "http://203.0.113.200/a/agent-x64.exe",
        },
    )
    .does(
        2_100,
        What::Wrote {
            path: AGENT.to_owned(),
        },
    )
    .does(
        2_600,
        What::ServiceInstalled {
            name: "FabricHostSvc",
            image: AGENT,
        },
    )
    .starts(3_100, AGENT, &[AGENT])
    .which_does(
        3_900,
        What::Connected {
            address: SERVER,
            port: 443,
            url: "",
        },
    )
}

/// A script that names every address it tries: too long for one event.
fn scan_script() -> String {
    let addresses: Vec<String> = (1..=6)
        .flat_map(|network| (1..=222).map(move |host| format!("'10.20.{network}.{host}'")))
        .collect();
    let rows: Vec<String> = addresses
        .chunks(6)
        .map(|row| format!("    {}", row.join(", ")))
        .collect();
    format!(
        "$targets = @(\n{}\n)\nforeach ($target in $targets) {{\n    $client = New-Object Net.Sockets.TcpClient\n    if ($client.ConnectAsync($target, 1433).Wait(20)) {{ Write-Output \"$target open\" }}\n    $client.Dispose()\n}}\n",
        rows.join(",\n")
    )
}

fn scan(plan: &mut Plan, by: Call, day: Instant) {
    let reaches = |after: i64, address: &'static str| {
        (
            after,
            What::Connected {
                address,
                port: 1_433,
                url: "",
            },
        )
    };
    let mut work = windows_work(&scan_script(), "10.20.2.14 open\n10.20.4.31 open\n", 41_000);
    for (after, what) in [reaches(9_300, "10.20.2.14"), reaches(25_800, "10.20.4.31")] {
        work = work.does(after, what);
    }
    let invoked = plan.invoke(by, ERP, Way::Action, work, day.at(10, 25, 2));
    run(
        plan,
        "The network is scanned for databases from erp01",
        &["T1651", "T1046"],
        invoked,
    );
    let resource = machine(plan, ERP);
    let refused = plan.call(
        by,
        &kinds::RUN_COMMAND,
        PRODUCTION,
        &resource,
        day.at(10, 25, 31),
    );
    plan.refuse(
        refused,
        409,
        "Conflict",
        "Run command extension execution is in progress. Please wait for completion before invoking a run command.",
    );
    plan.step(
        "A second run command on erp01 is refused: one is under way",
        &["T1651"],
        Some(refused),
        None,
    );
}

/// What is to stay unseen on erp01.
pub(super) fn hide(plan: &mut Plan, by: Call, day: Instant) {
    let work = windows_work(
        include_str!("../scripts/windows-exclude.ps1"),
        "ok\n",
        1_700,
    );
    let invoked = plan.invoke(
        by,
        ERP,
        Way::Managed("DefenderHealth"),
        work,
        day.at(10, 36, 12),
    );
    run(
        plan,
        "The antivirus of erp01 is told to look away, by a managed run command",
        &["T1651", "T1562.001", "T1036"],
        invoked,
    );
    let resource = format!("{}/runCommands/DefenderHealth", machine(plan, ERP));
    let removed = plan.call(
        by,
        &kinds::RUN_COMMANDS_DELETE,
        PRODUCTION,
        &resource,
        day.at(11, 12, 40),
    );
    if let Some(run) = invoked.and_then(|it| plan.world.runs.get_mut(it.run)) {
        run.removed = Some(day.at(11, 12, 44));
    }
    plan.step(
        "That managed run command is deleted",
        &["T1070.004"],
        Some(removed),
        None,
    );

    let mut work = windows_work(include_str!("../scripts/windows-wipe.ps1"), "done\n", 800);
    let root = r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18";
    for (after, rest) in [
        (90, format!(r"Downloads\script{DELETED}.ps1")),
        (93, format!(r"RuntimeSettings\{DELETED}.settings")),
        (95, format!(r"Status\{DELETED}.status")),
    ] {
        work = work.does(
            after,
            What::Deleted {
                path: format!(r"{root}\{rest}"),
            },
        );
    }
    let work = starts(work, 240, "wevtutil", &["el"]);
    let invoked = plan.invoke(by, ERP, Way::Action, work, day.at(11, 16, 9));
    run(
        plan,
        "The files of a run are deleted on erp01",
        &["T1651", "T1070.004"],
        invoked,
    );
}
