//! Reading a command line.
//!
//! A [`Command`] is a name, a help text and a function; [`Flags`] hands that function its arguments one by one and
//! turns whatever it does not know into a sentence:
//!
//! ```text
//! error: `cargo xtask run` knows no flag `--prot`.
//! mend:  see `cargo xtask run --help`.
//! ```
//!
//! Rejected: deriving the parser from types. Four commands with nine flags do not pay for its build time, and
//! the help is better written than generated.

use crate::failure::Failure;
use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;

/// One command of `cargo xtask`.
pub struct Command {
    /// As it is typed.
    pub name: &'static str,
    /// One line for the overview.
    pub about: &'static str,
    /// What `--help` says under the first line.
    pub help: &'static str,
    /// What it does.
    pub run: fn(Flags) -> Result<ExitCode, Failure>,
}

impl Command {
    /// The whole help.
    #[must_use]
    pub fn help(&self) -> String {
        format!(
            "cargo xtask {}: {}.\n\n{}",
            self.name,
            self.about,
            self.help.trim_matches('\n')
        )
    }
}

/// One argument.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// `--name` (without the dashes).
    Flag(String),
    /// Anything else.
    Value(OsString),
}

/// The arguments of one command.
pub struct Flags {
    command: &'static str,
    parser: Parser,
}

impl Flags {
    /// The arguments after the command's name.
    #[must_use]
    pub fn new(command: &Command, words: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            command: command.name,
            parser: Parser::from_args(words),
        }
    }

    /// The next argument; `None` at the end, [`Failure::HelpWanted`] at `--help`.
    pub fn next(&mut self) -> Result<Option<Word>, Failure> {
        let word = match self.parser.next() {
            Ok(None) => return Ok(None),
            Ok(Some(Arg::Long("help") | Arg::Short('h'))) => return Err(Failure::HelpWanted),
            Ok(Some(Arg::Long(name))) => Word::Flag(name.to_owned()),
            Ok(Some(Arg::Short(letter))) => Word::Flag(letter.to_string()),
            Ok(Some(Arg::Value(value))) => Word::Value(value),
            Err(error) => return Err(self.wrong(error.to_string())),
        };
        Ok(Some(word))
    }

    /// The value after a flag.
    pub fn value(&mut self, flag: &str) -> Result<OsString, Failure> {
        self.parser
            .value()
            .map_err(|_| self.wrong(format!("`--{flag}` wants a value")))
    }

    /// The value after a flag, as text or a number.
    pub fn parsed<T: FromStr>(&mut self, flag: &str, wanted: &str) -> Result<T, Failure> {
        let value = self.value(flag)?;
        let parsed = value.to_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| {
            self.wrong(format!(
                "`--{flag}` wants {wanted}, not `{}`",
                value.display()
            ))
        })
    }

    /// What to say about an argument that the command does not know.
    #[must_use]
    pub fn unknown(&self, word: &Word) -> Failure {
        match word {
            Word::Flag(name) => {
                let dashes = if name.chars().count() == 1 { "-" } else { "--" };
                self.wrong(format!(
                    "`cargo xtask {}` knows no flag `{dashes}{name}`",
                    self.command
                ))
            }
            Word::Value(value) => self.wrong(format!(
                "`cargo xtask {}` takes no argument `{}`",
                self.command,
                value.display()
            )),
        }
    }

    /// A wrong command line, in the caller's words.
    #[must_use]
    pub fn wrong(&self, sentence: String) -> Failure {
        Failure::Arguments {
            sentence,
            see: format!("cargo xtask {} --help", self.command),
        }
    }
}

/// Prints a text that was asked for; whoever reads only its beginning (`| head`) may.
pub fn show(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "probe",
        about: "Probes",
        help: "\nHelp.\n",
        run: |_| Ok(ExitCode::SUCCESS),
    };

    fn flags(words: &[&str]) -> Flags {
        Flags::new(&COMMAND, words.iter().map(OsString::from))
    }

    #[test]
    fn flags_and_values_come_in_order() {
        let mut flags = flags(&["a", "--port=80", "--", "--b"]);
        assert_eq!(flags.next().unwrap(), Some(Word::Value("a".into())));
        assert_eq!(flags.next().unwrap(), Some(Word::Flag("port".into())));
        assert_eq!(flags.parsed::<u16>("port", "a number").unwrap(), 80);
        assert_eq!(flags.next().unwrap(), Some(Word::Value("--b".into())));
        assert_eq!(flags.next().unwrap(), None);
    }

    #[test]
    fn a_wrong_number_is_refused_with_a_sentence() {
        let mut flags = flags(&["--port", "many"]);
        flags.next().unwrap();
        let failure = flags.parsed::<u16>("port", "a port number").unwrap_err();
        assert_eq!(failure.status(), 2);
        assert_eq!(
            failure.to_string(),
            "error: `--port` wants a port number, not `many`.\nmend:  see `cargo xtask probe --help`."
        );
    }

    #[test]
    fn an_unknown_flag_is_refused_with_a_sentence() {
        let mut flags = flags(&["--prot"]);
        let word = flags.next().unwrap().unwrap();
        assert!(
            flags
                .unknown(&word)
                .to_string()
                .starts_with("error: `cargo xtask probe` knows no flag `--prot`.")
        );
    }

    #[test]
    fn a_value_that_nobody_wanted_is_refused() {
        let mut flags = flags(&["--open=yes"]);
        flags.next().unwrap();
        assert_eq!(flags.next().unwrap_err().status(), 2);
    }

    #[test]
    fn help_wins() {
        assert!(matches!(
            flags(&["--help"]).next(),
            Err(Failure::HelpWanted)
        ));
        assert_eq!(COMMAND.help(), "cargo xtask probe: Probes.\n\nHelp.");
    }
}
