//! `cargo xtask …`: everything that is done *to* Runlens, and the same core without a browser.
//!
//! ```text
//! cargo xtask run        build the page, serve it on loopback, open it
//! cargo xtask test       every check there is
//! cargo xtask dist       build dist/runlens.html; --verify proves that anybody gets the same bytes
//! cargo xtask analyze    read evidence and write the case document
//! cargo xtask bench      measure what something costs
//! ```
//!
//! # Where things are
//!
//! One command is one file (or one folder): [`run`], [`test`], [`dist`], [`analyze`], [`bench`], and one line in
//! [`COMMANDS`]: a fuzzer or a maker of cases goes there too. Under them: [`page`] makes the page,
//! [`needs`] finds or installs what that takes, [`program`] starts other programs, [`serve`] and [`open`] show
//! the page, [`checkout`] knows where everything lies, [`failure`] is every sentence about what went wrong.
//!
//! Rejected: a Makefile and shell scripts. They are a second language, absent on Windows, and could not call the
//! core.

mod analyze;
mod bench;
mod checkout;
mod command_line;
mod dist;
mod failure;
mod needs;
mod open;
mod page;
mod program;
mod run;
mod serve;
mod test;

use command_line::{Command, Flags};
use failure::Failure;
use std::process::ExitCode;

/// Every command, in the order `--help` shows them.
static COMMANDS: &[Command] = &[
    run::COMMAND,
    test::COMMAND,
    analyze::COMMAND,
    dist::COMMAND,
    bench::COMMAND,
];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let word = words.next().unwrap_or_default();
    if matches!(word.to_str(), Some("" | "help" | "-h" | "--help")) {
        command_line::show(&overview());
        return ExitCode::SUCCESS;
    }
    let command = COMMANDS.iter().find(|command| word == command.name);
    let done = match command {
        Some(command) => (command.run)(Flags::new(command, words)),
        None => Err(Failure::Arguments {
            sentence: format!("there is no command `{}`", word.display()),
            see: "cargo xtask --help".to_owned(),
        }),
    };
    match done {
        Ok(status) => status,
        Err(Failure::HelpWanted) => {
            command_line::show(&command.map_or_else(overview, Command::help));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.status())
        }
    }
}

/// What `cargo xtask --help` says.
fn overview() -> String {
    let mut text = String::from("cargo xtask COMMAND [FLAGS]\n");
    for command in COMMANDS {
        text.push_str(&format!("\n  {:<9} {}", command.name, command.about));
    }
    text.push_str("\n\n`cargo xtask COMMAND --help` tells more.");
    text
}
