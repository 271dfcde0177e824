//! The command as a whole, over small folders made for the purpose.

use super::*;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// A folder that is removed with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("runlens-analyze-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn command(words: &[&OsStr]) -> Result<ExitCode, Failure> {
    run(Flags::new(&COMMAND, words.iter().map(OsString::from)))
}

fn refused(words: &[&str]) -> String {
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let failure = command(&words).unwrap_err();
    assert_eq!(failure.status(), 2);
    failure.to_string()
}

/// The document that the command writes for these words.
fn document(scratch: &Scratch, words: &[&OsStr]) -> String {
    let out = scratch.0.join("case.json");
    let mut all = words.to_vec();
    all.extend([OsStr::new("--out"), out.as_os_str()]);
    command(&all).unwrap();
    fs::read_to_string(out).unwrap()
}

fn paths(arguments: &[&Path]) -> Vec<String> {
    let arguments: Vec<PathBuf> = arguments.iter().map(|path| path.to_path_buf()).collect();
    walk::collect(&arguments)
        .0
        .into_iter()
        .map(|file| file.path)
        .collect()
}

#[test]
fn wrong_command_lines_are_refused_with_a_sentence() {
    assert!(refused(&[]).starts_with("error: `cargo xtask analyze` wants at least one PATH."));
    assert!(refused(&["no/such/file"]).starts_with("error: cannot find no/such/file: "));
    assert!(
        refused(&[".", "--set", "limits.json_depth"])
            .contains("`--set` wants KEY=VALUE, not `limits.json_depth`")
    );
    assert!(
        refused(&[".", "--set", "limits.nothing=1"]).contains("there is no setting limits.nothing")
    );
    assert!(
        refused(&[".", "--workers", "0"]).contains("`--workers` wants a number from 1 on, not `0`")
    );
    assert!(refused(&[".", "--evnets"]).contains("knows no flag `--evnets`"));
}

#[test]
fn paths_are_those_of_a_dropped_folder() {
    let scratch = Scratch::new("paths");
    for name in [
        "triage/b.log",
        "triage/a/z.log",
        "triage/a.log",
        "triage/.hidden",
        "single.json",
    ] {
        scratch.file(name, "");
    }
    let triage = scratch.0.join("triage");
    let all = [
        "triage/.hidden",
        "triage/a.log",
        "triage/a/z.log",
        "triage/b.log",
    ];
    assert_eq!(paths(&[&triage]), all);
    assert_eq!(paths(&[&triage.join("a").join("..")]), all);
    assert_eq!(
        paths(&[&scratch.0.join("single.json"), &triage.join("a")]),
        ["a/z.log", "single.json"]
    );
}

#[cfg(unix)]
#[test]
fn links_and_pipes_below_a_folder_are_left_out_and_named() {
    let scratch = Scratch::new("links");
    scratch.file("case/real.log", "");
    std::os::unix::fs::symlink(&scratch.0, scratch.0.join("case/circle")).unwrap();
    std::os::unix::fs::symlink("real.log", scratch.0.join("case/link.log")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.0.join("case/socket")).unwrap();
    let (files, notes) = walk::collect(&[scratch.0.join("case")]);
    assert_eq!(
        files
            .iter()
            .map(|file| file.path.as_str())
            .collect::<Vec<_>>(),
        ["case/real.log"]
    );
    let ends: Vec<&str> = notes
        .iter()
        .map(|note| note.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        ends,
        [
            "circle: a link, and links are not followed",
            "link.log: a link, and links are not followed",
            "socket: neither a file nor a folder"
        ]
    );
}

#[test]
fn modified_times_are_cut_to_milliseconds_towards_the_past() {
    use std::time::{Duration, UNIX_EPOCH};
    let scratch = Scratch::new("modified");
    let path = scratch.file("a.log", "");
    let file = fs::File::options().write(true).open(&path).unwrap();
    for (time, milliseconds) in [
        (
            UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_999),
            1_700_000_000_123,
        ),
        (UNIX_EPOCH - Duration::from_micros(1_500), -2),
    ] {
        file.set_modified(time).unwrap();
        assert_eq!(
            walk::collect(std::slice::from_ref(&path)).0[0].modified_ms,
            Some(milliseconds)
        );
    }
}

#[test]
fn damaged_and_unknown_evidence_is_data_and_no_failure() {
    let scratch = Scratch::new("damaged");
    scratch.file("case/empty.json", "");
    scratch.file("case/noise.bin", [0, 159, 146, 150]);
    scratch.file(
        "case/cut.json",
        "[{\"eventTimestamp\": \"2024-05-01T08:00:00Z\", ",
    );
    let text = document(&scratch, &[scratch.0.join("case").as_os_str()]);
    for name in ["case/cut.json", "case/empty.json", "case/noise.bin"] {
        assert!(text.contains(&format!("\"path\":\"{name}\"")), "{text}");
    }
    assert!(
        text.starts_with("{\n\"schema\":\"runlens.case/1\",") && text.trim_end().ends_with('}'),
        "{text}"
    );
    assert!(!scratch.0.read_dir().unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("unfinished")
    }));
}

#[test]
fn a_file_that_shrank_or_went_is_a_problem_of_the_case() {
    let scratch = Scratch::new("shrank");
    let (shrinks, goes) = (
        scratch.file("a.log", "0123456789"),
        scratch.file("b.log", "0123456789"),
    );
    let (files, _) = walk::collect(&[shrinks.clone(), goes.clone()]);
    fs::write(shrinks, "01234").unwrap();
    fs::remove_file(goes).unwrap();
    let mut case = Case::new(Settings::default());
    assert_eq!(
        read::into_case(&mut case, &files, 2, &Progress::new()).readable,
        0
    );
    let texts: Vec<String> = case
        .items()
        .iter()
        .flat_map(|item| item.problems())
        .map(|problem| problem.text)
        .collect();
    assert!(
        texts[0].contains("it was 10 bytes long and ended after 5"),
        "{texts:?}"
    );
    assert!(texts[1].contains("could not be read"), "{texts:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_reading() {
    let scratch = Scratch::new("out");
    let evidence = scratch.file("a.log", "x");
    for out in [
        scratch.0.join("no/such/folder/case.json"),
        scratch.0.clone(),
    ] {
        let failure =
            command(&[evidence.as_os_str(), OsStr::new("--out"), out.as_os_str()]).unwrap_err();
        assert_eq!(failure.status(), 1);
        assert!(
            failure
                .to_string()
                .starts_with(&format!("error: cannot write {}: ", out.display())),
            "{failure}"
        );
    }
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn an_empty_folder_is_nothing_to_read() {
    let scratch = Scratch::new("empty");
    let failure = command(&[scratch.0.as_os_str()]).unwrap_err();
    assert_eq!(failure.status(), 1);
    assert!(
        failure
            .to_string()
            .starts_with("error: there is nothing to read: no file was found.")
    );
}

/// A tape archive of these files.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in members {
        let mut head = [0_u8; 512];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[100..107].copy_from_slice(b"0000644");
        head[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        head[136..147].copy_from_slice(b"14614000000");
        head[148..156].copy_from_slice(b"        ");
        head[156] = b'0';
        head[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&head);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn members_of_containers_are_items_of_their_own_and_hashed() {
    let scratch = Scratch::new("containers");
    let log = activity_log(2, "dave");
    let inner = tar(&[("var/log/a.json", log.as_bytes()), ("empty", b"")]);
    let path = scratch.file(
        "triage.tar",
        tar(&[("inner.tar", &inner), ("b.txt", b"text")]),
    );
    let text = document(&scratch, &[path.as_os_str(), OsStr::new("--events")]);
    for (path, bytes) in [
        ("triage.tar!/inner.tar", inner.as_slice()),
        ("triage.tar!/inner.tar!/var/log/a.json", log.as_bytes()),
        ("triage.tar!/inner.tar!/empty", b""),
        ("triage.tar!/b.txt", b"text"),
    ] {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("\"path\":\"{path}\"")))
            .unwrap_or_else(|| panic!("{path} in {text}"));
        assert!(
            line.contains(&runlens_core::evidence::hash::sha256(bytes)),
            "{line}"
        );
    }
    assert!(text.contains("\"correlation\":\"dave-0\""), "{text}");
    assert!(text.contains("\"format\":\"archive\""), "{text}");
}

/// An Activity Log of this many operations, more than one to the second.
fn activity_log(records: usize, caller: &str) -> String {
    let lines = (0..records).map(|at| {
        format!(
            "{{\"eventTimestamp\":\"2024-05-01T08:{:02}:{:02}Z\",\"correlationId\":\"{caller}-{}\",\"caller\":\"{caller}@contoso.example\",\
             \"operationName\":{{\"value\":\"Microsoft.Compute/virtualMachines/start/action\"}},\"category\":{{\"value\":\"Administrative\"}},\
             \"resourceId\":\"/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm{:02}\",\
             \"status\":{{\"value\":\"Succeeded\"}},\"eventDataId\":\"{caller}-{at}\"}}\n",
            at / 600 % 60,
            at / 10 % 60,
            at / 2,
            at % 17
        )
    });
    lines.collect()
}

#[test]
fn the_document_does_not_depend_on_the_number_of_workers_or_the_order_of_arguments() {
    let scratch = Scratch::new("workers");
    // Long enough for several batches each, so that batches of different files come mixed.
    for caller in ["alice", "bob", "carol"] {
        scratch.file(
            &format!("cloud/{caller}.json"),
            activity_log(18_000, caller),
        );
    }
    scratch.file("guest/copy.json", activity_log(18_000, "bob"));
    let (one, two) = (activity_log(18_000, "eve"), activity_log(18_000, "frank"));
    scratch.file(
        "guest/more.tar",
        tar(&[("eve.json", one.as_bytes()), ("frank.json", two.as_bytes())]),
    );
    scratch.file("guest/notes.txt", "nothing to see\n".repeat(100_000));
    let (cloud, guest) = (scratch.0.join("cloud"), scratch.0.join("guest"));
    let [events, workers, one, many] = ["--events", "--workers", "1", "7"].map(OsStr::new);
    let first = document(
        &scratch,
        &[cloud.as_os_str(), guest.as_os_str(), events, workers, one],
    );
    let second = document(
        &scratch,
        &[guest.as_os_str(), cloud.as_os_str(), events, workers, many],
    );
    assert!(
        first.contains("\"path\":\"guest/notes.txt\"")
            && first.contains("\"correlation\":\"carol-8999\"")
    );
    assert!(first == second, "the documents differ");
}

#[test]
fn queries_to_hunt_on_are_written_beside_the_document() {
    let scratch = Scratch::new("hunt");
    let log = scratch.file(
        "log.json",
        activity_log(2, "alice").replace("start/action", "runCommand/action"),
    );
    let hunt = scratch.0.join("hunt.md");
    document(
        &scratch,
        &[log.as_os_str(), OsStr::new("--hunt"), hunt.as_os_str()],
    );
    let text = fs::read_to_string(hunt).unwrap();
    assert!(text.starts_with("# Hunt on\n"), "{text}");
    for part in [
        "`run-command-invocation`",
        "```kql\n",
        "```esql\n",
        "\"alice@contoso.example\"",
    ] {
        assert!(text.contains(part), "{part} is missing");
    }
}

#[test]
fn settings_are_listed_with_their_defaults() {
    let table = settings_table();
    for parameter in PARAMETERS {
        assert!(
            table.contains(&format!("{}=", parameter.key)),
            "{}",
            parameter.key
        );
    }
    assert!(
        table.contains("vm-extension-write.window_days=7\n    How far back"),
        "{table}"
    );
}
