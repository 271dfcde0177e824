//! Which execution a path or a command line belongs to.
//!
//! Telemetry sees a run command as a file or a process: `…/run-command/download/3/script.sh`, `powershell  -ExecutionPolicy Unrestricted -File script3.ps1` in the folder
//! of the extension. The place says family, version, name and number, just as it does for collected files, and even an error text on standard error does so after the
//! files are gone (windows-and-endpoint-artifacts 1.5, 5; linux-artifacts 5).
//!
//! ```
//! use runlens_core::record::run_mention::in_text;
//! let found = in_text(r"At C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.22\Downloads\script35.ps1:116 char:5").unwrap();
//! assert_eq!((found.sequence, found.version.as_deref()), (35, Some("1.1.22")));
//! ```
//!
//! Rejected: literals with single blanks. The handler writes two, and nobody promised that it always will.

use crate::event::fact::{Fact, GuestFact, GuestSaid};
use crate::event::sink::Sink;
use crate::evidence::layout::{Family, Layout, Os, Role};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use memchr::{memchr_iter, memchr2_iter};
use std::sync::OnceLock;

/// The execution that something belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Which feature.
    pub family: Family,
    /// The guest's system.
    pub os: Os,
    /// Handler version where the place has one.
    pub version: Option<String>,
    /// Managed run-command name.
    pub name: Option<String>,
    /// Sequence number.
    pub sequence: i64,
}

impl Mention {
    /// The fact that something is said of this execution.
    pub fn fact(&self, said: GuestSaid, sink: &mut Sink) -> Fact {
        Fact::Guest(Box::new(GuestFact {
            family: self.family,
            os: self.os,
            version: sink.intern_some(self.version.as_deref()),
            name: sink.intern_some(self.name.as_deref()),
            sequence: Some(self.sequence),
            said,
        }))
    }
}

/// Folder names that every such place holds, folded, with `/` between.
const MARKS: [&str; 8] = [
    "run-command/download/",
    "run-command-handler/download/",
    "run-command-handler/immediatedownload/",
    "run-command-handler-runas/download/",
    "custom-script/download/",
    "runcommandwindows/",
    "runcommandhandlerwindows/",
    "customscriptextension/",
];

/// Finds the first of them.
fn marks() -> Option<&'static AhoCorasick> {
    static FINDER: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let build = || {
        let mut first = AhoCorasickBuilder::new();
        first.match_kind(MatchKind::LeftmostFirst).build(MARKS).ok()
    };
    FINDER.get_or_init(build).as_ref()
}

/// The first place in a text that belongs to an execution.
#[must_use]
pub fn in_text(text: &str) -> Option<Mention> {
    // Cheap refusal first: nearly no text has one.
    if !may_name_place(text) {
        return None;
    }
    let folded: Vec<u8> = text
        .bytes()
        .map(|letter| match letter {
            b'\\' => b'/',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let mark = marks()?.find(&folded)?.start();
    // The path around the mark: up to a quote or blank on either side.
    let stops = |letter: char| {
        matches!(
            letter,
            '"' | '\'' | '`' | '\n' | '\r' | '\t' | '<' | '>' | '|' | ';' | '&' | '(' | ')' | ','
        )
    };
    let start = text
        .get(..mark)?
        .rfind(|letter: char| stops(letter) || letter == ' ')
        .map_or(0, |at| at + 1);
    let rest = text.get(mark..)?;
    let end = rest
        .find(|letter: char| stops(letter) || letter == ' ')
        .map_or(text.len(), |at| mark + at);
    let path = text.get(start..end)?;
    // `script35.ps1:116` is a place in the file.
    let path = match path.rsplit_once(':') {
        Some((file, line))
            if !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            file
        }
        _ => path,
    };
    of_path(path)
}

/// Whether a text holds `ownload` in one of the spellings that are taken.
fn has_download(text: &str, taken: impl Fn(&[u8]) -> bool) -> bool {
    let bytes = text.as_bytes();
    memchr2_iter(b'w', b'W', bytes).any(|at| {
        let word = at.checked_sub(1).and_then(|at| bytes.get(at..at + 7));
        word.is_some_and(&taken)
    })
}

/// The execution a file's place names.
#[must_use]
pub fn of_path(path: &str) -> Option<Mention> {
    // Only these places have a number; most paths are none.
    let numbered = path.ends_with(".settings")
        || path.ends_with(".status")
        || has_download(path, |word| word.eq_ignore_ascii_case(b"ownload"));
    if !numbered {
        return None;
    }
    let layout = Layout::of(path);
    let windows = path.contains('\\') || layout.os == Some(Os::Windows);
    Some(Mention {
        family: layout.family?,
        os: if windows { Os::Windows } else { Os::Linux },
        version: layout.version,
        name: layout.name,
        sequence: layout.sequence?,
    })
}

/// The execution in whose folder a file was written, and what that says of it.
#[must_use]
pub fn of_written(path: &str) -> Option<(Mention, GuestSaid)> {
    // Most paths name none.
    let mention = of_path(path)?;
    let said = if Layout::of(path).role == Role::Script {
        GuestSaid::ScriptWritten
    } else {
        GuestSaid::FileWritten
    };
    Some((mention, said))
}

/// The execution whose script a process runs, by its command line, its folder and its parent.
#[must_use]
pub fn of_process(
    command_line: &str,
    directory: &str,
    parent_image: &str,
    parent_line: &str,
) -> Option<Mention> {
    if let Some(sequence) = script_argument(command_line) {
        // The folder knows the version; the parent only the handler.
        let folder = directory.trim_end_matches(['\\', '/']);
        let by_folder = || of_path(&format!("{folder}\\script{sequence}.ps1"));
        let by_folder = (!folder.is_empty()).then(by_folder).flatten();
        let by_parent = || {
            let parent = in_handler(parent_image).or_else(|| in_handler(parent_line));
            Mention {
                family: parent.as_ref().map_or(Family::Action, |parent| parent.0),
                os: Os::Windows,
                version: parent.and_then(|parent| parent.1),
                name: None,
                sequence,
            }
        };
        return Some(by_folder.unwrap_or_else(by_parent));
    }
    of_shell(command_line)
}

/// Whether a process with this command line may run a script of an execution at all: a cheap look, before what is known of the line is looked up.
#[must_use]
pub fn may_run_script(command_line: &str) -> bool {
    may_name_place(command_line) || script_argument(command_line).is_some()
}

/// Whether a text may name a place of an execution.
#[must_use]
pub fn may_name_place(command_line: &str) -> bool {
    has_download(command_line, |word| matches!(word, b"ownload" | b"OWNLOAD"))
}

/// As [`of_process`], where the guest is Linux: what Windows runs is not looked at further.
#[must_use]
pub fn of_linux_process(command_line: &str) -> Option<Mention> {
    if script_argument(command_line).is_some() {
        return None;
    }
    of_shell(command_line).filter(|found| found.os == Os::Linux)
}

/// The execution whose script a shell is given by its path.
fn of_shell(command_line: &str) -> Option<Mention> {
    let found = in_text(command_line)?;
    // A look at the file (`cat script.sh`) is no execution: a shell must run it.
    let first = command_line.trim_start().trim_start_matches('"');
    let word = first
        .split([' ', '"'])
        .next()
        .unwrap_or("")
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    let shell = matches!(
        word.trim_end_matches(".exe"),
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "powershell" | "pwsh" | "cmd" | "sudo"
    );
    (shell || word.starts_with("script")).then_some(found)
}

/// Family and version of the handler's folder in a path.
fn in_handler(text: &str) -> Option<(Family, Option<String>)> {
    // Most parents lie in no handler's folder.
    let bytes = text.as_bytes();
    let word = |range: std::ops::Range<usize>, word: &[u8]| {
        let here = bytes.get(range);
        here.is_some_and(|here| here.eq_ignore_ascii_case(word))
    };
    let named = memchr_iter(b'.', bytes).any(|dot| {
        let from = dot.checked_sub(b"microsoft".len());
        from.is_some_and(|from| word(from..dot, b"microsoft"))
            || word(dot + 1..dot + 1 + b"customscript".len(), b"customscript")
    });
    if !named {
        return None;
    }
    let layout = Layout::of(text.trim_matches('"'));
    layout.handler.as_ref()?;
    Some((layout.family?, layout.version))
}

/// N of `powershell -ExecutionPolicy Unrestricted -File script<N>.ps1`, blanks and quotes as they may be.
fn script_argument(command_line: &str) -> Option<i64> {
    const SHELL: &str = "powershell";
    let bytes = command_line.as_bytes();
    let at = memchr2_iter(b'p', b'P', bytes).find(|at| {
        let word = bytes.get(*at..at + SHELL.len());
        word.is_some_and(|word| word.eq_ignore_ascii_case(SHELL.as_bytes()))
    })?;
    let rest = command_line.get(at + SHELL.len()..)?;
    let rest = without_prefix(rest, ".exe").unwrap_or(rest);
    let rest = rest.trim_start_matches('"');
    let mut words = rest.split_ascii_whitespace();
    for wanted in ["-executionpolicy", "unrestricted", "-file"] {
        if !words.next()?.eq_ignore_ascii_case(wanted) {
            return None;
        }
    }
    let file = words.next()?.trim_matches('"');
    let file = file.rsplit(['\\', '/']).next()?;
    let stem = without_prefix(file, "script")?;
    let (number, ending) = stem.split_at_checked(stem.len().checked_sub(4)?)?;
    let number = ending.eq_ignore_ascii_case(".ps1").then_some(number)?;
    number.parse().ok()
}

/// What stands behind a prefix, letters folded.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Option<Mention>) -> String {
        found.map_or_else(
            || "-".to_owned(),
            |found| {
                format!(
                    "{} {} {} {}",
                    found.family.word(),
                    found.name.as_deref().unwrap_or("-"),
                    found.sequence,
                    found.version.as_deref().unwrap_or("-")
                )
            },
        )
    }

    #[test]
    fn places_and_processes_name_executions() {
        for (line, want) in [
            (
                "/bin/sh -c /var/lib/waagent/run-command/download/3/script.sh",
                "action - 3 -",
            ),
            (
                "/bin/bash -c \"/var/lib/waagent/run-command-handler/download/fix/2/script.sh a b\"",
                "managed fix 2 -",
            ),
            (
                "powershell  -ExecutionPolicy Unrestricted -File script49.ps1",
                "action - 49 -",
            ),
            (
                "\"cmd\" /Cpowershell  -ExecutionPolicy Unrestricted -File \"script0.ps1\"",
                "action - 0 -",
            ),
            ("cat /var/lib/waagent/run-command/download/3/script.sh", "-"),
            (
                "powershell -ExecutionPolicy Unrestricted -File script.ps1",
                "-",
            ),
            ("powershell -File script0.ps1", "-"),
            ("curl http://203.0.113.9/download/3/script.sh", "-"),
        ] {
            assert_eq!(shown(of_process(line, "", "", "")), want, "{line}");
        }
        let folder =
            r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\Downloads\";
        assert_eq!(
            shown(of_process(
                "powershell -ExecutionPolicy Unrestricted -File script7.ps1",
                folder,
                "",
                ""
            )),
            "action - 7 1.1.18"
        );
        let parent = r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\bin\RunCommandExtension.exe";
        assert_eq!(
            shown(of_process(
                "powershell -ExecutionPolicy Unrestricted -File script7.ps1",
                "",
                parent,
                ""
            )),
            "action - 7 1.1.18"
        );
        assert_eq!(
            shown(in_text(
                "see /home/bob/waagent/run-command-handler-runas/download/x/5/script.sh"
            )),
            "managed x 5 -"
        );
    }
}
