//! The browser's side of the bench: a Node.js program that measures one thing for each line it is sent.
//!
//! ```text
//! → {"measure": "hand-over", "files": ["/tmp/…/syslog"], "workers": 2}
//! ← {"seconds": 0.131, "bytes": 200000123}
//! ```
//!
//! Rejected: rounds and tables in JavaScript. The evtx crate takes turns with the tab, and that is Rust.

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::needs;
use crate::program::Programs;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program under way.
pub struct Driver {
    program: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
}

/// What one measurement answered.
#[derive(Debug)]
pub struct Measured(Value);

impl Measured {
    /// A number by its name; None where it was not measured.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// A number of a part.
    pub fn of(&self, part: &str, name: &str) -> Option<f64> {
        self.0.get(part)?.get(name)?.as_f64()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

fn wrong(sentence: String) -> Failure {
    Failure::Wrong {
        sentence,
        mend: "see that Chromium and Node.js work: `cargo xtask test --only browser`".to_owned(),
    }
}

impl Driver {
    /// Starts it for the page that was built.
    pub fn start(checkout: &Checkout, programs: &Programs) -> Result<Self, Failure> {
        needs::node(programs)?;
        needs::packages(programs, checkout, "tests/browser", "to drive a browser")?;
        let chromium = needs::chromium(programs, &checkout.root)?;
        let node = programs.find("node").unwrap_or_else(|| "node".into());
        let script = checkout.root.join("tests/browser/bench/drive.mjs");
        let mut program = Command::new(node)
            .arg(&script)
            .env("CHROMIUM", chromium)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::file("start", &script))?;
        let (asks, answers) = (program.stdin.take(), program.stdout.take());
        let Some(answers) = answers else {
            return Err(wrong("the driver has no standard output".to_owned()));
        };
        Ok(Self {
            program,
            asks,
            answers: BufReader::new(answers),
            address: format!("file://{}", checkout.page().display()),
        })
    }

    /// Asks for one measurement and waits for it.
    pub fn measure(&mut self, what: &str, mut words: Value) -> Result<Measured, Failure> {
        if let Some(words) = words.as_object_mut() {
            words.insert("measure".to_owned(), json!(what));
            words.insert("address".to_owned(), json!(self.address));
        }
        let lost = |error: std::io::Error| wrong(format!("the driver is gone: {error}"));
        if let Some(asks) = &mut self.asks {
            writeln!(asks, "{words}").map_err(lost)?;
        }
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(lost)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| wrong(format!("the driver answered {line:?} to {words}")))?;
        match answer.get("error") {
            Some(error) => Err(wrong(format!("`{what}` failed: {error}"))),
            None => Ok(Measured(answer)),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Without more questions it ends by itself.
        self.asks = None;
        let _ = self.program.wait();
    }
}
