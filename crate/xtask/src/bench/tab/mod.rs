//! `cargo xtask bench tab`: the page in headless Chromium from `file://`, beside what the same browser does with the same file.
//!
//! ```text
//! hand-over       the best rate at which workers get the File's bytes: slices of 8 and 32 MiB in flight, or read at once; no parsing
//! JSON.parse      as many workers: slices, TextDecoder, cut at records, JSON.parse, keep the fields
//! Runlens         from the files' arrival to all conclusions, and to all hashes; one reader and two
//! ```
//!
//! Each measurement has a browser of its own. Rejected: one browser for all. Its memory, caches and compiled code would favour whoever comes later.

mod driver;
mod parts;
mod rates;

use super::Wanted;
use super::inputs::Folder;
use super::rounds::{commit, machine};
use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::page::{self, Care};
use crate::program::Programs;
use driver::Driver;
use std::fmt::Write;

/// What can be left out.
pub const PARTS: [&str; 4] = ["rates", "answers", "events", "timeline"];

/// A measurement's name and figure against what is asked of it.
struct Reach {
    figure: String,
    asked: &'static str,
    measured: Option<f64>,
    decimals: usize,
    unit: &'static str,
    holds: fn(f64) -> bool,
}

impl Reach {
    fn row(&self) -> Vec<String> {
        let (measured, holds) = match self.measured {
            Some(value) => (
                format!("{value:.*}{}", self.decimals, self.unit),
                if (self.holds)(value) { "yes" } else { "**no**" },
            ),
            None => ("–".to_owned(), "not measured"),
        };
        vec![
            self.figure.clone(),
            self.asked.to_owned(),
            measured,
            holds.to_owned(),
        ]
    }
}

/// What all parts work with.
struct Bench<'a> {
    wanted: &'a Wanted,
    driver: Driver,
    folder: Folder,
    reaches: Vec<Reach>,
}

/// The section: what is asked and reached, and the tables behind it.
pub fn section(wanted: &Wanted) -> Result<String, Failure> {
    let checkout = Checkout::here();
    let mut programs = Programs::of_this_machine();
    let page = if wanted.built {
        page::read(&checkout)?
    } else {
        page::build(&checkout, &mut programs, Care::Product)?
    };
    let machine = machine();
    let mut bench = Bench {
        wanted,
        driver: Driver::start(&checkout, &programs)?,
        folder: Folder::new()?,
        reaches: Vec::new(),
    };
    let version = bench.driver.measure("version", serde_json::json!({}))?;
    let mut said = format!(
        "{machine}. Chromium {}, headless, `file://`, a new browser for each measurement. Page: SHA-256 `{}`, commit `{}`. {} rounds, seed {}.\n",
        version.text("chromium").unwrap_or("of unknown version"),
        page.sha256,
        commit(&programs, &checkout.root).unwrap_or_else(|| "unknown".to_owned()),
        wanted.rounds,
        wanted.seed,
    );
    let mut tables = String::new();
    if wanted.part("rates") {
        tables.push_str(&rates::tables(&mut bench)?);
    }
    if wanted.part("answers") {
        tables.push_str(&parts::answers(&mut bench)?);
    }
    if wanted.part("events") {
        tables.push_str(&parts::events(&mut bench)?);
    }
    if wanted.part("timeline") {
        tables.push_str(&parts::timeline(&mut bench)?);
    }
    if let Some(gigabytes) = wanted.huge {
        tables.push_str(&parts::huge(&mut bench, gigabytes)?);
    }
    let rows: Vec<Vec<String>> = bench.reaches.iter().map(Reach::row).collect();
    let _ = write!(
        said,
        "\n### What is to be reached\n\n{}",
        super::rounds::table(&["figure", "reach", "measured", "reached"], &rows)
    );
    said.push_str(&tables);
    Ok(said)
}
