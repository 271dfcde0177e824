//! Starting other programs.
//!
//! [`Programs`] is a search path as a value: the real one, with folders of our own tools in front, or a
//! made-up one in a test that asks what happens on a machine without `node`. [`Call`] is one command line that can
//! be run, timed and, above all, **shown**: when it fails, a person gets the very line to type.
//!
//! ```text
//! cd web && npm run lint
//! ```
//!
//! Rejected: `Command` everywhere. It can run a line but not show one, and finds `npm` on Windows only by
//! its full name.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Where programs are looked for.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    folders: Vec<PathBuf>,
    variables: BTreeMap<String, OsString>,
}

impl Programs {
    /// This machine's search path and environment.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let folders = env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self { folders, variables }
    }

    /// A made-up machine.
    #[cfg(test)]
    pub fn made_up(folders: &[&Path], variables: &[(&str, &OsStr)]) -> Self {
        Self {
            folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// A variable of the environment that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(name)
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Looks in this folder before all others.
    pub fn prefer(&mut self, folder: PathBuf) {
        self.folders.insert(0, folder);
    }

    /// The full path of a program.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let endings: &[&str] = if cfg!(windows) {
            &[".exe", ".cmd", ".bat"]
        } else {
            &[""]
        };
        let candidates = self.folders.iter().flat_map(|folder| {
            endings
                .iter()
                .map(move |end| folder.join(format!("{name}{end}")))
        });
        candidates.into_iter().find(|path| is_program(path))
    }

    /// The cargo that started this program, or the one on the search path.
    #[must_use]
    pub fn cargo(&self) -> OsString {
        self.variable("CARGO")
            .map_or_else(|| "cargo".into(), OsStr::to_owned)
    }

    /// What a program says about its version: the first line of `name --version`.
    #[must_use]
    pub fn version(&self, path: &Path) -> Option<String> {
        self.first_line(path, &["--version"])
    }

    /// The first line a program prints, if it ends well.
    #[must_use]
    pub fn first_line(&self, path: impl AsRef<OsStr>, words: &[&str]) -> Option<String> {
        self.line_with(path, words, "")
    }

    /// The rest of the first line that begins so, of what a program prints, if it ends well.
    #[must_use]
    pub fn line_with(
        &self,
        path: impl AsRef<OsStr>,
        words: &[&str],
        start: &str,
    ) -> Option<String> {
        let output = self
            .command(path)
            .args(words)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rest = text
            .lines()
            .find_map(|line| line.strip_prefix(start))?
            .trim()
            .to_owned();
        (output.status.success() && !rest.is_empty()).then_some(rest)
    }

    fn command(&self, path: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(path);
        if let Ok(joined) = env::join_paths(&self.folders) {
            command.env("PATH", joined);
        }
        command
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// One command line.
#[derive(Clone, Debug)]
pub struct Call {
    /// The program's name as a person types it.
    shown: String,
    program: OsString,
    words: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    folder: PathBuf,
    /// `folder` as seen from the checkout, for showing.
    place: String,
    /// What mends most failures of this call.
    mend: Option<&'static str>,
}

impl Call {
    /// A program by name, run in `root`.
    #[must_use]
    pub fn new(programs: &Programs, name: &str, root: &Path) -> Self {
        let program = match name {
            "cargo" => programs.cargo(),
            _ => programs
                .find(name)
                .map_or_else(|| name.into(), PathBuf::into_os_string),
        };
        Self {
            shown: name.to_owned(),
            program,
            words: Vec::new(),
            variables: Vec::new(),
            folder: root.to_owned(),
            place: String::new(),
            mend: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn word(mut self, word: impl Into<OsString>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds arguments separated by spaces.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        self.words
            .extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Runs in a folder of the checkout, named as seen from its root (`web`).
    #[must_use]
    pub fn inside(mut self, place: &str) -> Self {
        self.folder = place
            .split('/')
            .fold(self.folder, |folder, name| folder.join(name));
        self.place = place.to_owned();
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Says what to do where it fails.
    #[must_use]
    pub fn mended_by(mut self, mend: &'static str) -> Self {
        self.mend = Some(mend);
        self
    }

    /// The line as a person types it in the checkout's root.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = String::new();
        if !self.place.is_empty() {
            line.push_str(&format!("cd {} && ", self.place));
        }
        for (name, value) in &self.variables {
            // cargo's own separator cannot be typed; a person types the same flags with spaces.
            let (name, value) = match *name {
                "CARGO_ENCODED_RUSTFLAGS" => {
                    ("RUSTFLAGS", value.to_string_lossy().replace('\u{1f}', " "))
                }
                name => (name, value.to_string_lossy().into_owned()),
            };
            line.push_str(&format!("{name}={} ", quoted(&value)));
        }
        line.push_str(&self.shown);
        for word in &self.words {
            line.push_str(&format!(" {}", quoted(&word.to_string_lossy())));
        }
        line
    }

    /// Runs it; whatever it prints goes to this program's own output.
    pub fn run(&self, programs: &Programs) -> Result<(), Failure> {
        let status = self.command(programs).status();
        self.judge(status, &[])
    }

    /// Runs it, shows what it prints, and listens for the words of a machine without network.
    pub fn run_over_network(&self, programs: &Programs) -> Result<(), Failure> {
        let mut child = match self.command(programs).stderr(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => return self.judge(Err(error), &[]),
        };
        let mut said = Vec::new();
        if let Some(stream) = child.stderr.take() {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).into_owned();
                eprint!("{text}");
                said.push(text);
                line.clear();
            }
        }
        self.judge(child.wait(), &said)
    }

    fn command(&self, programs: &Programs) -> Command {
        let mut command = programs.command(&self.program);
        command
            .args(&self.words)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    fn judge(&self, status: io::Result<ExitStatus>, said: &[String]) -> Result<(), Failure> {
        let ended = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => match status.code() {
                Some(code) => format!("ended with status {code}"),
                None => "was ended by a signal".to_owned(),
            },
            Err(error) => format!("could not be started ({error})"),
        };
        Err(Failure::Program {
            line: self.line(),
            ended,
            network: said.iter().any(|line| speaks_of_network(line)),
            mend: self.mend,
        })
    }
}

/// How npm, cargo, rustup and apt say that they could not reach anybody.
fn speaks_of_network(line: &str) -> bool {
    const SIGNS: &[&str] = &[
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "Could not resolve",
        "Couldn't resolve",
        "Could not connect",
        "Couldn't connect",
        "Temporary failure resolving",
        "error sending request",
        "could not download file",
        "download of",
        "spurious network error",
        "Connection refused",
        "Network is unreachable",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_=./:,+@%\\".contains(letter));
    if plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let call = Call::new(&Programs::default(), "npm", Path::new("/checkout"))
            .inside("web")
            .words("run lint")
            .word("it's");
        assert_eq!(call.line(), r"cd web && npm run lint 'it'\''s'");
        let call = Call::new(&Programs::default(), "wasm-pack", Path::new("/checkout"))
            .with("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}x=+y");
        assert_eq!(call.line(), "RUSTFLAGS='-C x=+y' wasm-pack");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let programs = Programs::default();
        let call = Call::new(&programs, "runlens-no-such-program", Path::new("."));
        let failure = call.run(&programs).unwrap_err().to_string();
        assert!(
            failure.starts_with("error: `runlens-no-such-program` could not be started"),
            "{failure}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_registry_out_of_reach_is_told_from_a_broken_build() {
        let programs = Programs::of_this_machine();
        let say = |text: &str| {
            Call::new(&programs, "sh", Path::new("."))
                .word("-c")
                .word(format!("echo '{text}' >&2; exit 7"))
        };
        let failure = say("npm error code ENOTFOUND")
            .run_over_network(&programs)
            .unwrap_err()
            .to_string();
        assert!(
            failure.contains("ended with status 7") && failure.contains("needs the network once"),
            "{failure}"
        );
        let failure = say("syntax error")
            .run_over_network(&programs)
            .unwrap_err()
            .to_string();
        assert!(!failure.contains("network"), "{failure}");
    }
}
