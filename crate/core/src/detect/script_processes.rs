//! Which processes belong to a run command's script (detectors B, `script_proc`), and which of their children are worth a word.
//!
//! A process belongs to a script by its own command line or by its parent's. On Windows the whole line is looked at, on Linux each argument,
//! since there the shell is given a path:
//!
//! ```text
//! powershell  -ExecutionPolicy Unrestricted -File script12.ps1              script12.ps1
//! powershell -File script0.ps1                                              none: not as the handler starts it
//! /bin/sh -c /var/lib/waagent/run-command/download/3/script.sh              …/download/3/script.sh
//! ```
//!
//! Rejected: the runs that linking found. They need a number that some source told; a payload on a guest is to be seen also where nothing else is left.

use super::CaseView;
use crate::case::store::Store;
use crate::event::intern::Symbol;
use crate::expression::Expression;
use crate::reconstruct::processes::Process;
use crate::script::ScriptHint;
use crate::script::indicator::Indicator;
use crate::script::matching::Match;
use crate::script::word;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use memchr::memchr_iter;
use std::borrow::Cow;
use std::sync::Arc;

/// How the handler of action run commands starts a script on Windows.
static WINDOWS_ACTION: Expression = Expression::new(
    r#"(?i)^"?(?:[a-z]:\\[^"\r\n]{0,200}\\)?powershell(?:\.exe)?"?\s+-ExecutionPolicy\s+Unrestricted\s+-File\s+"?(?:[^"\r\n]{0,200}\\)?script\d{1,9}\.ps1\b"#,
);
/// Anything in the download folder of either handler.
static WINDOWS_ANY: Expression = Expression::new(
    r"(?i)\\packages\\plugins\\microsoft\.cplat\.core\.runcommand(?:handler)?windows\\[\d.]{1,20}\\downloads\\",
);
static LINUX: [Expression; 3] = [
    Expression::new(r"^/var/lib/waagent/run-command/download/\d{1,9}/script\.sh$"),
    Expression::new(
        r"^/var/lib/waagent/run-command-handler/(?:download|immediateDownload)/[^/]{1,128}/\d{1,9}/script\.sh$",
    ),
    Expression::new(
        r"^/home/[^/]{1,64}/waagent/run-command-handler-runas/download/[^/]{1,128}/\d{1,9}/script\.sh$",
    ),
];
/// As the published rules have it: two blanks, one character for the number, the action's folder only.
static PUBLISHED_WINDOWS: Expression =
    Expression::new(r"^powershell  -ExecutionPolicy Unrestricted -File script.\.ps1$");
static PUBLISHED_LINUX: Expression =
    Expression::new(r"^/var/lib/waagent/run-command/download/.*/script\.sh$");

/// Children that are worth a word, without `.exe`.
const NOTABLE: [&str; 54] = [
    "cmd",
    "powershell",
    "pwsh",
    "wscript",
    "cscript",
    "mshta",
    "rundll32",
    "regsvr32",
    "certutil",
    "bitsadmin",
    "msbuild",
    "installutil",
    "regasm",
    "net",
    "net1",
    "nltest",
    "whoami",
    "quser",
    "systeminfo",
    "tasklist",
    "arp",
    "wmic",
    "schtasks",
    "sc",
    "reg",
    "vssadmin",
    "wevtutil",
    "curl",
    "wget",
    "nc",
    "ncat",
    "socat",
    "base64",
    "xxd",
    "openssl",
    "python",
    "perl",
    "ruby",
    "php",
    "crontab",
    "useradd",
    "usermod",
    "chpasswd",
    "chattr",
    "iptables",
    "insmod",
    "docker",
    "kubectl",
    "az",
    "azcopy",
    "ssh",
    "scp",
    "nohup",
    "setsid",
];
/// Of these the file's name carries a version or a flavour: `python3.11`, `nc.openbsd`.
const VERSIONED: [&str; 5] = ["nc", "perl", "php", "python", "ruby"];
/// From this weight on an indicator makes a child notable.
pub const NOTABLE_WEIGHT: u8 = 7;
/// Distinct command lines that one detector examines for indicators.
const MOST_EXAMINED: usize = 20_000;

fn fits(expression: &Expression, text: &str) -> bool {
    let expression = expression.over(text);
    expression.is_some_and(|expression| expression.is_match(text))
}

/// A script of a run command, as a command line names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Path or file name, folded on Windows.
    pub script: Arc<str>,
    /// Whether it is one of a Windows guest.
    pub windows: bool,
}

/// How processes are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// As the handlers start them.
    Handlers,
    /// As the published rules have it.
    Published,
}

/// The script that a command line names, as an argument or as the handler starts it.
#[must_use]
pub fn named(line: &str, by: By) -> Option<Named> {
    if names_shell_script(line) {
        let mut words = line
            .split_ascii_whitespace()
            .map(|word| word.trim_matches(['"', '\'']));
        let named = |word: &str| match by {
            By::Handlers => LINUX.iter().any(|one| fits(one, word)),
            By::Published => fits(&PUBLISHED_LINUX, word),
        };
        if let Some(word) = words.find(|word| named(word)) {
            return Some(Named {
                script: word.into(),
                windows: false,
            });
        }
    }
    // Nearly no command line has either word.
    if by == By::Published {
        return fits(&PUBLISHED_WINDOWS, line).then(|| last_name(line));
    }
    let ends = |expression: &'static Expression| Some(expression.over(line)?.find(line)?.end());
    // Beyond ASCII there are other blanks, and letters that fold to those of ASCII.
    let other = !line.is_ascii();
    if (other || may_be_action(line))
        && let Some(end) = ends(&WINDOWS_ACTION)
    {
        return line.get(..end).map(last_name);
    }
    if !other && !word::has_folded(line, b'\\', "\\downloads\\") {
        return None;
    }
    let end = ends(&WINDOWS_ANY)?;
    let rest = line.get(end..).unwrap_or("");
    let stop = rest
        .find(['"', '\'', ' ', '\t', '\r', '\n'])
        .unwrap_or(rest.len());
    Some(Named {
        script: rest.get(..stop).unwrap_or("").to_lowercase().into(),
        windows: true,
    })
}

fn last_name(line: &str) -> Named {
    let name = line.rsplit([' ', '\t', '"', '\\']).next().unwrap_or(line);
    Named {
        script: name.to_lowercase().into(),
        windows: true,
    }
}

/// Whether a line holds `script.sh`; dots are few.
fn names_shell_script(line: &str) -> bool {
    let bytes = line.as_bytes();
    memchr_iter(b'.', bytes).any(|dot| {
        let (before, behind) = bytes.split_at_checked(dot).unwrap_or_default();
        before.ends_with(b"script") && behind.starts_with(b".sh")
    })
}

/// Whether a line of ASCII begins as [`WINDOWS_ACTION`] does and names a script of PowerShell: nearly none does, and the expression is dear.
fn may_be_action(line: &str) -> bool {
    let begins = match line.strip_prefix('"').unwrap_or(line).as_bytes() {
        [b'p' | b'P', ..] => true,
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    };
    begins && word::has_folded(line, b'.', ".ps1")
}

/// The name of an executable, folded, without `.exe`; of a process whose image no source told, by its command line.
#[must_use]
pub fn image_name<'a>(image: &'a str, command_line: &'a str) -> Cow<'a, str> {
    let image = image.trim_matches('"');
    let path = if image.is_empty() {
        let line = command_line.trim_start();
        match line.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or(""),
            None => line.split_ascii_whitespace().next().unwrap_or(""),
        }
    } else {
        image
    };
    let name = path.rsplit(['/', '\\']).next().unwrap_or("");
    if name
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(name.strip_suffix(".exe").unwrap_or(name));
    }
    let mut name = name.to_lowercase();
    if name.ends_with(".exe") {
        name.truncate(name.len() - ".exe".len());
    }
    Cow::Owned(name)
}

/// The same of a process.
#[must_use]
pub fn name_of<'a>(store: &'a Store, process: &Process) -> Cow<'a, str> {
    image_name(process.image(store), process.command_line(store))
}

/// What processes have to do with scripts of run commands, by position of the process.
#[derive(Debug, Default)]
pub struct ScriptProcesses {
    names: Vec<Named>,
    /// By position among the names, [`UNNAMED`] of most.
    own: Vec<u32>,
    parent: Vec<u32>,
}

/// Stands for no name: a number that may be missing takes twice as much, and a guest starts a million processes.
const UNNAMED: u32 = u32::MAX;

impl ScriptProcesses {
    /// Of these processes.
    #[must_use]
    pub fn of(store: &Store, processes: &[Process], by: By) -> Self {
        let mut names = Vec::new();
        // A script's command line is its process's, and that of the parent of each of its children.
        let mut known: HashMap<Symbol, u32, FixedState> =
            HashMap::with_hasher(FixedState::with_seed(0));
        let mut named = |line: Symbol| {
            *known.entry(line).or_insert_with(|| {
                let Some(found) = store.text(line).and_then(|line| named(line, by)) else {
                    return UNNAMED;
                };
                names.push(found);
                u32::try_from(names.len() - 1).unwrap_or(UNNAMED)
            })
        };
        let own: Vec<u32> = processes
            .iter()
            .map(|process| named(process.command_line))
            .collect();
        let parent = processes
            .iter()
            .map(|process| {
                let told = named(process.further.parent_command_line);
                let seen = || own.get(process.parent()?).copied();
                (told == UNNAMED).then(seen).flatten().unwrap_or(told)
            })
            .collect();
        Self { names, own, parent }
    }

    /// The script that a process's own command line names.
    #[must_use]
    pub fn own(&self, process: usize) -> Option<&Named> {
        self.names.get(*self.own.get(process)? as usize)
    }

    /// The script that its parent's command line names.
    #[must_use]
    pub fn parent(&self, process: usize) -> Option<&Named> {
        self.names.get(*self.parent.get(process)? as usize)
    }

    /// Whether a process belongs to a script: it runs it, or its parent does.
    #[must_use]
    pub fn belongs(&self, process: usize) -> bool {
        self.own(process).is_some() || self.parent(process).is_some()
    }
}

/// Whether an executable is worth a word as a script's child; `python3.11` is `python`.
#[must_use]
pub fn is_notable(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    let bare = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
    NOTABLE.contains(&name) || VERSIONED.contains(&bare)
}

/// Content of command lines, each distinct one examined once.
pub struct Lines<'a, 'b> {
    view: &'a CaseView<'b>,
    /// By line, and whether it is one of Windows; only looked up.
    known: HashMap<(Symbol, bool), Arc<[Match]>, FixedState>,
    /// Lines beyond the limit, which were not examined.
    pub unexamined: usize,
}

impl<'a, 'b> Lines<'a, 'b> {
    /// None yet.
    #[must_use]
    pub fn new(view: &'a CaseView<'b>) -> Self {
        Self {
            view,
            known: HashMap::with_hasher(FixedState::with_seed(0)),
            unexamined: 0,
        }
    }

    /// What a command line does; `None` beyond the limit.
    pub fn examine(&mut self, line: Symbol, windows: bool) -> Option<Arc<[Match]>> {
        if let Some(known) = self.known.get(&(line, windows)) {
            return Some(Arc::clone(known));
        }
        if self.known.len() >= MOST_EXAMINED {
            self.unexamined += 1;
            return None;
        }
        let hint = ScriptHint {
            windows: Some(windows),
            file_name: None,
        };
        let text = self.view.store.text(line).unwrap_or("");
        // What was unwrapped from it is not asked for again.
        let found: Arc<[Match]> = self.view.examine(text, &hint).matches.into();
        self.known.insert((line, windows), Arc::clone(&found));
        Some(found)
    }
}

/// The greatest weight of an indicator, and the indicator.
#[must_use]
pub fn heaviest(matches: &[Match]) -> Option<(u8, &Arc<Indicator>)> {
    let hits = matches.iter().map(|hit| (hit.weight(), &hit.indicator));
    // Among equals the first by name, so that the answer does not depend on the order of matches.
    hits.max_by(|one, other| one.0.cmp(&other.0).then(other.1.id.cmp(&one.1.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str, by: By) -> Option<String> {
        named(line, by).map(|found| found.script.to_string())
    }

    #[test]
    fn command_lines_name_scripts() {
        for (line, script) in [
            (
                "powershell  -ExecutionPolicy Unrestricted -File script0.ps1",
                Some("script0.ps1"),
            ),
            (
                "powershell -ExecutionPolicy Unrestricted -File script12.ps1",
                Some("script12.ps1"),
            ),
            (
                r#""C:\Windows\System32\powershell.exe" -ExecutionPolicy Unrestricted -File "C:\x\Script3.ps1" a"#,
                Some("script3.ps1"),
            ),
            ("powershell -File script0.ps1", None),
            (r"powershell -File C:\it\script1.ps1", None),
            (
                r"powershell.exe -File C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandHandlerWindows\2.0.7\Downloads\fix\0\script.ps1 -x",
                Some(r"fix\0\script.ps1"),
            ),
            (
                "/bin/bash /var/lib/waagent/run-command/download/12/script.sh",
                Some("/var/lib/waagent/run-command/download/12/script.sh"),
            ),
            ("/var/lib/waagent/run-command/download/script.sh", None),
            (
                "/var/lib/waagent/run-command-handler/download/rc1/0/script.sh",
                Some("/var/lib/waagent/run-command-handler/download/rc1/0/script.sh"),
            ),
            (
                "bash -c \"/var/lib/waagent/run-command-handler/immediateDownload/rc1/2/script.sh a\"",
                Some("/var/lib/waagent/run-command-handler/immediateDownload/rc1/2/script.sh"),
            ),
            (
                "sh /home/bob/waagent/run-command-handler-runas/download/rc1/0/script.sh",
                Some("/home/bob/waagent/run-command-handler-runas/download/rc1/0/script.sh"),
            ),
            (
                "sh /tmp/var/lib/waagent/run-command/download/1/script.sh",
                None,
            ),
            (
                "sh /var/lib/waagent/run-command/download/1234567890/script.sh",
                None,
            ),
        ] {
            assert_eq!(shown(line, By::Handlers).as_deref(), script, "{line}");
        }
    }

    #[test]
    fn published_expressions_take_one_character_and_two_blanks() {
        let is = |line: &str| shown(line, By::Published).is_some();
        assert!(is(
            "powershell  -ExecutionPolicy Unrestricted -File script9.ps1"
        ));
        assert!(!is(
            "powershell  -ExecutionPolicy Unrestricted -File script10.ps1"
        ));
        assert!(!is(
            "powershell -ExecutionPolicy Unrestricted -File script9.ps1"
        ));
        assert!(is("sh /var/lib/waagent/run-command/download/10/script.sh"));
        assert!(!is(
            "sh /var/lib/waagent/run-command-handler/download/rc1/0/script.sh"
        ));
    }

    #[test]
    fn names_of_executables() {
        for (image, line, name) in [
            (r"C:\Windows\System32\WHOAMI.EXE", "", "whoami"),
            ("/usr/bin/curl", "curl x", "curl"),
            ("", r#""C:\Program Files\x\net.exe" use"#, "net"),
            ("", "nltest /dclist:", "nltest"),
        ] {
            assert_eq!(image_name(image, line), name);
        }
        assert!(is_notable("python3.11") && is_notable("net1") && !is_notable("ipconfig"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        /// What an expression matches is not passed over.
        #[test]
        fn a_look_passes_over_no_script(parts in proptest::collection::vec(0..PARTS.len(), 1..12)) {
            let line: String = parts.iter().map(|at| PARTS[*at]).collect();
            if line.is_ascii() {
                prop_assert!(may_be_action(&line) || !fits(&WINDOWS_ACTION, &line), "{line}");
                let any = word::has_folded(&line, b'\\', "\\downloads\\");
                prop_assert!(any || !fits(&WINDOWS_ANY, &line), "{line}");
            }
            for one in [&WINDOWS_ACTION, &WINDOWS_ANY, &PUBLISHED_WINDOWS, &PUBLISHED_LINUX] {
                one.agrees(&line);
            }
            prop_assert_eq!(names_shell_script(&line), line.contains("script.sh"));
        }
    }

    const PARTS: [&str; 14] = [
        "\"",
        "C:\\x\\",
        "d",
        "PowerShell",
        ".exe",
        " -ExecutionPolicy Unrestricted -File ",
        "script12",
        ".PS1",
        "script.sh",
        ".sh",
        "script",
        "\\Packages\\Plugins\\Microsoft.CPlat.Core.RunCommandWindows\\1.1.18",
        "\\Downloads\\",
        " ",
    ];
}
