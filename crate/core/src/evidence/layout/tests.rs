use super::*;

fn said(path: &str) -> String {
    let layout = Layout::of(path);
    let sequence = layout
        .sequence
        .map_or("-".to_owned(), |sequence| sequence.to_string());
    let family = layout.family.map_or("-", Family::word);
    let (host, name) = (
        layout.host.as_deref().unwrap_or("-"),
        layout.name.as_deref().unwrap_or("-"),
    );
    format!(
        "{host} {:?} {family} {name} {sequence} {}",
        layout.role,
        layout.version.as_deref().unwrap_or("-")
    )
}

#[test]
fn paths_of_the_action_family() {
    for (path, want) in [
        ("web01/var/log/waagent.log", "web01 AgentLog - - - -"),
        (
            "t.zip!/[root]/var/log/waagent.log-2024-09-30-1727653201.gz!/waagent.log",
            "t AgentLog - - - -",
        ),
        (
            "web01/var/lib/waagent/run-command/download/3/script.sh",
            "web01 Script action - 3 -",
        ),
        (
            "web01/var/lib/waagent/run-command/download/3/stdout",
            "web01 Stdout action - 3 -",
        ),
        (
            "web01/var/lib/waagent/run-command/download/3/tool.bin",
            "web01 Download action - 3 -",
        ),
        (
            "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/config/3.settings",
            "web01 Settings action - 3 1.0.5",
        ),
        (
            "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/status/3.status",
            "web01 Status action - 3 1.0.5",
        ),
        (
            "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/mrseq",
            "web01 State action - - 1.0.5",
        ),
        (
            "web01/var/log/azure/run-command/handler.log",
            "web01 HandlerLog action - - -",
        ),
        (
            "web01/var/log/azure/Microsoft.CPlat.Core.RunCommandLinux/CommandExecution.log",
            "web01 CommandExecutionLog action - - -",
        ),
        (
            "x/C/Packages/Plugins/Microsoft.CPlat.Core.RunCommandWindows/1.1.15/Downloads/script4.ps1",
            "x Script action - 4 1.1.15",
        ),
    ] {
        assert_eq!(said(path), want, "{path}");
    }
}

#[test]
fn paths_of_the_other_families() {
    for (path, want) in [
        (
            "h/var/lib/waagent/run-command-handler/download/fix/2/script.sh",
            "h Script managed fix 2 -",
        ),
        (
            "h/var/lib/waagent/run-command-handler/immediateDownload/fix/2/stderr",
            "h Stderr immediate fix 2 -",
        ),
        (
            "h/home/ops/waagent/run-command-handler-runas/download/fix/2/script.sh",
            "h Script managed fix 2 -",
        ),
        (
            "h/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.28/config/my.name.7.settings",
            "h Settings managed my.name 7 1.3.28",
        ),
        (
            "h/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.28/fix.mrseq",
            "h State managed fix - 1.3.28",
        ),
        (
            "h/var/log/azure/run-command-handler/ImmediateRunCommandService.log",
            "h HandlerLog immediate - - -",
        ),
        (
            "h/var/log/azure/Microsoft.CPlat.Core.RunCommandHandlerLinux/CommandExecution_fix.log",
            "h CommandExecutionLog managed fix - -",
        ),
        (
            "h/var/lib/waagent/custom-script/download/0/script.sh",
            "h Script extension - 0 -",
        ),
        (
            "h/var/log/azure/custom-script/handler.log",
            "h HandlerLog extension - - -",
        ),
        (
            "h/var/lib/waagent/history/2024-05-01T08-00-00__7/VmSettings.json",
            "h GoalState - - - -",
        ),
        ("h/var/log/auth.log", "h SystemLog - - - -"),
        ("case/status/0.status", "case Status - - 0 -"),
        ("cloud/activity.json", "cloud Unknown - - - -"),
    ] {
        assert_eq!(said(path), want, "{path}");
    }
}

#[test]
fn collectors_words_name_no_host() {
    for (path, host) in [
        ("uploads/auto/var/log/syslog", None),
        ("Collection-7/uploads/auto/%5Broot%5D/var/log/syslog", None),
        (
            "uac-web01-linux-20240501.tar.gz!/[root]/var/log/syslog",
            Some("web01"),
        ),
        ("case7\\web02\\[root]\\var\\log\\syslog", Some("web02")),
        ("syslog", None),
    ] {
        assert_eq!(Layout::of(path).host.as_deref(), host, "{path}");
    }
}

#[test]
fn names_are_split_where_they_end() {
    assert_eq!(
        name_and_version("Microsoft.CPlat.Core.RunCommandHandlerLinux.fix-2-web-1.3.2"),
        (
            "Microsoft.CPlat.Core.RunCommandHandlerLinux.fix-2-web",
            Some("1.3.2")
        )
    );
    assert_eq!(
        handler_and_name("Microsoft.CPlat.Core.RunCommandHandlerLinux.fix-2-web"),
        (
            "Microsoft.CPlat.Core.RunCommandHandlerLinux",
            Some("fix-2-web")
        )
    );
    assert_eq!(
        handler_and_name("Microsoft.CPlat.Core.RunCommandLinux"),
        ("Microsoft.CPlat.Core.RunCommandLinux", None)
    );
}
