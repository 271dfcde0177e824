//! `cargo xtask test`: every check there is, in the order in which they are cheap.
//!
//! ```text
//! step          seconds
//! format            0.6   passed
//! clippy           21.3   passed
//! …
//! browser          48.0   FAILED
//!
//! error: `cd tests/browser && npm test` ended with status 1.
//! again: cargo xtask test --only browser
//! ```
//!
//! One step is one line in [`STEPS`]; continuous integration calls exactly this command, so that a check that passes
//! here passes there.
//!
//! Rejected: going on after a failed step. The later steps take minutes and their failures are mostly echoes.

use crate::checkout::Checkout;
use crate::command_line::{Command, Flags, Word};
use crate::failure::Failure;
use crate::program::{Call, Programs};
use crate::{needs, page};
use runlens_core::export::FORMS;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The command.
pub const COMMAND: Command = Command {
    name: "test",
    about: "Runs every check: format, lints, Rust, wasm, TypeScript, and the page in a real Chromium",
    help: "
  --only STEP   run this step only (may be repeated)
  --from STEP   start with this step

Steps, in order: format, clippy, clippy-wasm, rust, exports, wasm, types, lint, page, browser.

Needs rustup, Node.js 20 or newer and Python 3, and the network the first time. Everything else (the wasm target,
wasm-pack, wasm-bindgen, npm packages, Chromium where apt-get may be used) it installs itself, says so, and
finds again the next time.",
    run,
};

/// What a step works with.
struct Bench {
    checkout: Checkout,
    programs: Programs,
}

impl Bench {
    fn call(&self, name: &str) -> Call {
        Call::new(&self.programs, name, &self.checkout.root)
    }
}

struct Step {
    name: &'static str,
    run: fn(&mut Bench) -> Result<(), Failure>,
}

static STEPS: &[Step] = &[
    Step {
        name: "format",
        run: |bench| {
            bench
                .call("cargo")
                .words("fmt --all --check")
                .mended_by("`cargo fmt --all` lays the sources out as they must be")
                .run(&bench.programs)
        },
    },
    // The same profile as `cargo xtask` itself: build scripts and macros are there already.
    Step {
        name: "clippy",
        run: |bench| {
            let call = bench
                .call("cargo")
                .words("clippy --profile quick --workspace --all-targets --locked -- -D warnings");
            call.run(&bench.programs)
        },
    },
    Step {
        name: "clippy-wasm",
        run: |bench| {
            needs::wasm_target(&bench.programs, &bench.checkout.root)?;
            let call = bench.call("cargo").words(
                "clippy --profile quick --package runlens-core --package runlens-wasm --lib",
            );
            call.words("--target wasm32-unknown-unknown --locked -- -D warnings")
                .run(&bench.programs)
        },
    },
    Step {
        name: "rust",
        run: |bench| {
            bench
                .call("cargo")
                .words("test --profile quick --workspace --locked --quiet")
                .run(&bench.programs)
        },
    },
    Step {
        name: "exports",
        run: exports,
    },
    Step {
        name: "wasm",
        run: |bench| page::wasm(&bench.checkout, &mut bench.programs, page::Care::Product),
    },
    Step {
        name: "types",
        run: |bench| web(bench, "check"),
    },
    Step {
        name: "lint",
        run: |bench| web(bench, "lint"),
    },
    Step {
        name: "page",
        run: |bench| page::bundle(&bench.checkout, &bench.programs, page::Care::Product),
    },
    Step {
        name: "browser",
        run: browser,
    },
];

fn web(bench: &Bench, script: &str) -> Result<(), Failure> {
    needs::node(&bench.programs)?;
    needs::packages(
        &bench.programs,
        &bench.checkout,
        "web",
        "to check and bundle the page",
    )?;
    bench
        .call("npm")
        .words("run --silent")
        .word(script)
        .inside("web")
        .run(&bench.programs)
}

/// Writes every export of the example case, plain and under pseudonyms, and has readers that are not ours read them.
fn exports(bench: &mut Bench) -> Result<(), Failure> {
    let python = needs::python(&bench.programs, &bench.checkout)?;
    let root = bench.checkout.root.clone();
    let work = root.join("target").join("exports");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(Failure::file("write", &work))?;
    }
    let hidden = work.join("pseudonyms");
    fs::create_dir_all(&hidden).map_err(Failure::file("create", &hidden))?;
    let example = work.join("example");
    bench
        .call("cargo")
        .words("run --profile quick --quiet --locked -p runlens-casegen -- example")
        .word(&example)
        .run(&bench.programs)?;
    for (folder, salt) in [(&work, None), (&hidden, Some("salt"))] {
        let mut call = bench
            .call("cargo")
            .words("xtask analyze")
            .word(example.join("evidence"))
            .words("--events --made 2026-01-01T00:00:00Z --out")
            .word(folder.join("case.json"));
        if let Some(salt) = salt {
            call = call.words("--pseudonyms").words(salt);
        }
        for form in FORMS.iter().filter(|form| form.form != "case") {
            let file = folder.join(form.file_name);
            call = call
                .words("--export")
                .word(format!("{}={}", form.form, file.display()));
        }
        call.run(&bench.programs)?;
    }
    Call::new(&bench.programs, &python.to_string_lossy(), &root)
        .words("tests/exports/read_again.py")
        .word(&work)
        .run(&bench.programs)
}

fn browser(bench: &mut Bench) -> Result<(), Failure> {
    needs::node(&bench.programs)?;
    needs::packages(
        &bench.programs,
        &bench.checkout,
        "tests/browser",
        "to drive a browser",
    )?;
    let chromium = needs::chromium(&bench.programs, &bench.checkout.root)?;
    page::read(&bench.checkout)?;
    let call = bench
        .call("node")
        .with("CHROMIUM", chromium)
        .words("tests/browser/run.mjs --page dist/runlens.html");
    call.run(&bench.programs)
}

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut only: Vec<usize> = Vec::new();
    let mut from = 0;
    while let Some(word) = flags.next()? {
        match word {
            Word::Flag(ref name) if name == "only" => only.push(step_of(&mut flags, "only")?),
            Word::Flag(ref name) if name == "from" => from = step_of(&mut flags, "from")?,
            other => return Err(flags.unknown(&other)),
        }
    }

    let mut bench = Bench {
        checkout: Checkout::here(),
        programs: Programs::of_this_machine(),
    };
    // Said before the first minute is spent, not after it.
    let chosen = |at: usize| {
        if only.is_empty() {
            at >= from
        } else {
            only.contains(&at)
        }
    };
    if STEPS
        .iter()
        .enumerate()
        .any(|(at, step)| chosen(at) && matches!(step.name, "types" | "lint" | "page" | "browser"))
    {
        needs::node(&bench.programs)?;
    }

    let mut done: Vec<(&str, Duration, &str)> = Vec::new();
    for (_, step) in STEPS.iter().enumerate().filter(|(at, _)| chosen(*at)) {
        println!("== {}", step.name);
        let begun = Instant::now();
        let result = (step.run)(&mut bench);
        done.push((
            step.name,
            begun.elapsed(),
            if result.is_ok() { "passed" } else { "FAILED" },
        ));
        if let Err(failure) = result {
            println!("{}", table(&done));
            eprintln!("{failure}");
            eprintln!("again: cargo xtask test --only {}", step.name);
            return Ok(ExitCode::from(failure.status()));
        }
    }
    println!("{}", table(&done));
    Ok(ExitCode::SUCCESS)
}

fn step_of(flags: &mut Flags, flag: &str) -> Result<usize, Failure> {
    let names = || {
        STEPS
            .iter()
            .map(|step| step.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let wanted: String = flags.parsed(flag, "the name of a step")?;
    let found = STEPS.iter().position(|step| step.name == wanted);
    found.ok_or_else(|| {
        flags.wrong(format!(
            "there is no step `{wanted}`; the steps are {}",
            names()
        ))
    })
}

fn table(done: &[(&str, Duration, &str)]) -> String {
    let mut text = format!("\n{:<12} {:>8}\n", "step", "seconds");
    for (name, time, result) in done {
        text.push_str(&format!(
            "{name:<12} {:>8.1}   {result}\n",
            time.as_secs_f64()
        ));
    }
    let all: Duration = done.iter().map(|step| step.1).sum();
    text.push_str(&format!("{:<12} {:>8.1}\n", "all", all.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn wrong(words: &[&str]) -> String {
        let flags = Flags::new(&COMMAND, words.iter().map(OsString::from));
        run(flags).unwrap_err().to_string()
    }

    #[test]
    fn a_step_that_is_not_there_is_refused_and_the_steps_are_named() {
        let said = wrong(&["--only", "borwser"]);
        assert!(
            said.starts_with("error: there is no step `borwser`; the steps are format, clippy, "),
            "{said}"
        );
        assert!(wrong(&["--from"]).starts_with("error: `--from` wants a value."));
    }

    #[test]
    fn the_help_names_every_step() {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        assert!(
            COMMAND
                .help
                .contains(&format!("in order: {}.", names.join(", ")))
        );
    }

    #[test]
    fn the_table_shows_each_step_and_the_sum() {
        let shown = table(&[
            ("format", Duration::from_millis(600), "passed"),
            ("clippy", Duration::from_millis(21_300), "FAILED"),
        ]);
        assert_eq!(
            shown,
            "\nstep          seconds\nformat            0.6   passed\nclippy           21.3   FAILED\nall              21.9\n"
        );
    }
}
