//! `cargo xtask run`: from a fresh clone to the page in a browser.
//!
//! ```text
//! dist/runlens.html   1,234,567 bytes   sha256 9f86d0…
//! http://127.0.0.1:8420/
//! file:///home/you/runlens/dist/runlens.html
//! ```
//!
//! Rejected: rebuilding on every change of a source file. The command is for people who want to *use* the page; who
//! changes it repeats the command.

use crate::checkout::Checkout;
use crate::command_line::{Command, Flags, Word};
use crate::failure::Failure;
use crate::program::Programs;
use crate::{open, page, serve};
use std::process::ExitCode;

/// The command.
pub const COMMAND: Command = Command {
    name: "run",
    about: "Builds the page, serves it on this machine only, and opens it",
    help: "
  --port N    serve on this port (default: 8420, or the next free one)
  --no-open   do not open a browser

Needs rustup and Node.js 20 or newer, and the network the first time. Ends with Ctrl-C.
The page also works from the file:// address that is printed, without any server.",
    run,
};

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut port = None;
    let mut open_browser = true;
    while let Some(word) = flags.next()? {
        match word {
            Word::Flag(ref name) if name == "port" => {
                port = Some(flags.parsed::<u16>("port", "a port number (0 to 65535)")?)
            }
            Word::Flag(ref name) if name == "no-open" => open_browser = false,
            other => return Err(flags.unknown(&other)),
        }
    }

    // The port is taken before the minutes of building, so that its absence is told at once.
    let listener = match port {
        Some(port) => serve::bind(port).map_err(|error| Failure::PortTaken { port, error })?,
        None => serve::bind_from(serve::DEFAULT_PORT).map_err(|error| Failure::PortTaken {
            port: serve::DEFAULT_PORT,
            error,
        })?,
    };
    let bound = listener
        .local_addr()
        .map_or(serve::DEFAULT_PORT, |address| address.port());

    let checkout = Checkout::here();
    let mut programs = Programs::of_this_machine();
    let built = page::build(&checkout, &mut programs, page::Care::Product)?;

    if port.is_none() && bound != serve::DEFAULT_PORT {
        println!(
            "port {} is taken; serving on {bound} instead (`--port N` names one).",
            serve::DEFAULT_PORT
        );
    }
    let address = format!("http://127.0.0.1:{bound}/");
    println!(
        "dist/runlens.html   {} bytes   sha256 {}",
        page::grouped(built.bytes.len()),
        built.sha256
    );
    println!("{address}");
    println!("{}", open::file_address(&checkout.page()));
    if open_browser {
        open::address(&programs, &address);
    }
    serve::forever(&listener, built.bytes);
    Ok(ExitCode::SUCCESS)
}
