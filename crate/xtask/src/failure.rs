//! Why a command stopped, in one sentence, and what mends it.
//!
//! A person who meets one of these has never seen this project's inside. So each says what is missing or wrong,
//! what it was wanted for, and the one thing to do next:
//!
//! ```text
//! error: Node.js is not installed (no `node` on PATH); it is needed to bundle the page.
//! mend:  install Node.js 20 or newer, for instance from https://nodejs.org or with your package manager.
//! ```
//!
//! Damaged evidence is never a failure: it is data, in the case document.
//!
//! Rejected: an error library with chains of causes. The reader wants the mend, not the chain.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The mend of a machine without network.
const NETWORK: &str = "this step needs the network once, and a package registry or the Rust distribution could not be \
                       reached: connect or set the proxy, and repeat; what was installed already is kept";

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Not a failure at all: `--help` was among the arguments.
    HelpWanted,
    /// The command line is wrong.
    Arguments {
        /// What is wrong with it.
        sentence: String,
        /// The command that explains it.
        see: String,
    },
    /// Something that must be on the machine is not, or is too old.
    Missing {
        /// What is missing, as the beginning of a sentence.
        what: String,
        /// What it is needed for, after "it is needed".
        purpose: &'static str,
        /// What to do.
        mend: String,
    },
    /// A program that was started ended badly.
    Program {
        /// The command line, as a person would type it in the checkout.
        line: String,
        /// How it ended.
        ended: String,
        /// Whether it said that it could not reach a registry.
        network: bool,
        /// What to do, where something can be said.
        mend: Option<&'static str>,
    },
    /// A file or folder could not be read or written.
    File {
        /// What was being done, as in "cannot … the page".
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The port is in use.
    PortTaken {
        /// Which.
        port: u16,
        /// What the system said.
        error: io::Error,
    },
    /// A result is not what it must be.
    Wrong {
        /// What was found.
        sentence: String,
        /// What to do.
        mend: String,
    },
}

impl Failure {
    /// The exit status: 2 for a wrong command line, 1 for everything else.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::HelpWanted => 0,
            Self::Arguments { .. } => 2,
            _ => 1,
        }
    }

    /// For `map_err` after a call of `std::fs`.
    pub fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { doing, path, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelpWanted => Ok(()),
            Self::Arguments { sentence, see } => {
                write!(to, "error: {sentence}.\nmend:  see `{see}`.")
            }
            Self::Missing {
                what,
                purpose,
                mend,
            } => {
                write!(to, "error: {what}; it is needed {purpose}.\nmend:  {mend}.")
            }
            Self::Program {
                line,
                ended,
                network,
                mend,
            } => {
                write!(to, "error: `{line}` {ended}.")?;
                match mend {
                    _ if *network => write!(to, "\nmend:  {NETWORK}."),
                    Some(mend) => write!(to, "\nmend:  {mend}."),
                    None => Ok(()),
                }
            }
            Self::File { doing, path, error } => {
                write!(to, "error: cannot {doing} {}: {error}.", path.display())
            }
            Self::PortTaken { port, error } => write!(
                to,
                "error: port {port} cannot be used: {error}.\nmend:  name another with `--port N`, or leave `--port` out and a free one is found."
            ),
            Self::Wrong { sentence, mend } => write!(to, "error: {sentence}.\nmend:  {mend}."),
        }
    }
}
