use super::*;
use crate::event::Event;
use crate::event::batch::Span;
use crate::event::fact::Fact;
use crate::event::sink::Sink;
use crate::time::{Stamp, parse};

/// (second, pid, parent pid, image, command line, parent image, ended)
type Row<'a> = (f64, u64, u64, &'a str, &'a str, &'a str, bool);

fn rebuilt(rows: &[Row<'_>]) -> (Store, Vec<Process>) {
    let mut sink = Sink::new();
    for (second, pid, parent, image, line, parent_image, ended) in rows {
        let time = parse::iso(b"2024-05-01T10:00:00Z").unwrap().instant;
        let time = time.shifted((second * 1e9) as i64);
        let kind = if *ended {
            EventKind::ProcessEnd
        } else {
            EventKind::ProcessStart
        };
        let mut event = Event::new(kind, Some(Stamp::utc(time)));
        event.host = Some("web01".into());
        event.fact = Some(Fact::Process(Box::new(ProcessFact {
            pid: Some(*pid),
            parent_pid: Some(*parent),
            image: sink.intern(image),
            command_line: sink.intern(line),
            parent_image: sink.intern(parent_image),
            ..ProcessFact::default()
        })));
        let record = sink.begin();
        sink.event(
            record,
            Span {
                offset: 0,
                length: 1,
            },
            event,
        );
    }
    let mut store = Store::default();
    store.append(0, 0, sink.take_batch());
    let all = rebuild(&store, &[(None, String::new())], &[0], |_| true);
    (store, all)
}

fn shown((store, all): &(Store, Vec<Process>)) -> Vec<String> {
    let line = |process: &Process| {
        let parent = process
            .parent()
            .and_then(|at| all.get(at))
            .map(|parent| parent.command_line(store));
        format!(
            "{} < {} ({})",
            process.command_line(store),
            parent.unwrap_or("-"),
            process.events.len()
        )
    };
    all.iter().map(line).collect()
}

#[test]
fn reports_of_one_start_are_one_process_and_parents_are_found() {
    let all = rebuilt(&[
        (0.0, 10, 1, "/usr/bin/python3", "waagent", "", false),
        (
            1.0,
            20,
            10,
            "/bin/sh",
            "sh -c script.sh",
            "/usr/bin/python3",
            false,
        ),
        (1.5, 20, 10, "sh", "sh  -c script.sh", "python3", false),
        (2.0, 30, 20, "/usr/bin/curl", "curl x", "/bin/sh", false),
    ]);
    assert_eq!(
        shown(&all),
        [
            "waagent < - (1)",
            "sh -c script.sh < waagent (2)",
            "curl x < sh -c script.sh (1)"
        ]
    );
    assert_eq!(descendants(&all.1, 1), [1, 2]);
}

#[test]
fn an_id_that_comes_round_again_is_another_process() {
    let all = rebuilt(&[
        (0.0, 20, 1, "/bin/sh", "first", "", false),
        (5.0, 20, 1, "/bin/sh", "first", "", true),
        (60.0, 20, 1, "/usr/bin/vim", "second", "", false),
        (61.0, 40, 20, "/bin/ls", "ls", "/bin/sh", false),
        (62.0, 41, 20, "/bin/cat", "cat", "/usr/bin/vim", false),
    ]);
    // `ls` says its parent was a shell, and the shell of that id had ended.
    assert_eq!(
        shown(&all),
        [
            "first < - (2)",
            "second < - (1)",
            "ls < - (1)",
            "cat < second (1)"
        ]
    );
}

#[test]
fn a_new_image_of_the_same_process_stands_below_what_it_was() {
    let all = rebuilt(&[
        (
            0.0,
            20,
            10,
            "/bin/dash",
            "/bin/sh -c /x/script.sh",
            "",
            false,
        ),
        (
            0.1,
            20,
            10,
            "/bin/bash",
            "/bin/bash /x/script.sh",
            "",
            false,
        ),
        (0.2, 21, 20, "/bin/id", "id", "", false),
    ]);
    assert_eq!(
        shown(&all),
        [
            "/bin/sh -c /x/script.sh < - (1)",
            "/bin/bash /x/script.sh < /bin/sh -c /x/script.sh (1)",
            "id < /bin/bash /x/script.sh (1)"
        ]
    );
}

#[test]
fn a_detached_parent_is_only_a_name() {
    let all = rebuilt(&[
        (
            0.0,
            400,
            300,
            "C:\\bin\\RunCommandExtension.exe",
            "\"RunCommandExtension.exe\" \"enable\"",
            "cmd.exe",
            false,
        ),
        (
            1.0,
            420,
            410,
            "powershell.exe",
            "powershell -File script4.ps1",
            "C:\\Windows\\System32\\cmd.exe",
            false,
        ),
    ]);
    assert_eq!(
        all.1
            .iter()
            .filter(|process| process.parent().is_some())
            .count(),
        0
    );
    assert!(all.1[1].parent_image(&all.0).ends_with("cmd.exe"));
}

#[test]
fn ids_of_any_width_are_kept() {
    let widest = u64::from(u32::MAX);
    let rows: Vec<Row<'_>> = vec![
        (0.0, widest, widest - 1, "/a", "first", "", false),
        (10.0, u64::MAX, widest, "/b", "second", "", false),
        (20.0, widest + 1, u64::MAX, "/c", "third", "", false),
    ];
    let (_, all) = rebuilt(&rows);
    let ids: Vec<_> = all
        .iter()
        .map(|one| (one.pid(), one.parent_pid(), one.parent()))
        .collect();
    assert_eq!(
        ids,
        [
            (Some(widest), Some(widest - 1), None),
            (Some(u64::MAX), Some(widest), Some(0)),
            (Some(widest + 1), Some(u64::MAX), Some(1)),
        ]
    );
}
