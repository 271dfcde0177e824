//! Rounds of measurements, what is said of them, and where it is kept.
//!
//! Candidates take turns (A B C, A B C, …), so that whatever else the machine does falls on all of them alike. What is said is the median, with the least and
//! the most in brackets. Rejected: means. One interruption moves them.

use crate::program::Programs;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// What was measured of one candidate, round after round.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// One more round.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The middle; of an even number the lower of both. None where nothing was measured.
    pub fn median(&self) -> Option<f64> {
        self.0.get(self.0.len().checked_sub(1)? / 2).copied()
    }

    /// The most.
    pub fn most(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// Each value turned into another; order may turn round.
    pub fn map(&self, turn: impl Fn(f64) -> f64) -> Self {
        let mut turned = Self::default();
        self.0.iter().for_each(|value| turned.add(turn(*value)));
        turned
    }

    /// `12.3 (11.9–13.0)`, or a dash.
    pub fn text(&self, decimals: usize) -> String {
        match (self.0.first(), self.median(), self.0.last()) {
            (Some(least), Some(median), Some(most)) if self.0.len() > 1 => {
                format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
            }
            (_, Some(median), _) => format!("{median:.decimals$}"),
            _ => "–".to_owned(),
        }
    }
}

/// A number, or a dash.
pub fn text(value: Option<f64>, decimals: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// One number by another, where both are there.
pub fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    let (above, below) = (above?, below?);
    (below > 0.0).then(|| above / below)
}

/// A table in Markdown: head and rows of cells; all but the first column to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|", head.join(" | "));
    text.push_str(&"---:|".repeat(head.len().saturating_sub(1)));
    text.push('\n');
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// What stands above the sections of the kept file.
const ABOUT: &str = "# How fast evidence is read

Written by `cargo xtask bench read` and `cargo xtask bench tab`, each its own section, with `--out tests/bench/results.md`. Medians of rounds, the least and
the most in brackets; MB are 1,000,000 bytes of input. Figures are of the machine that each section names, and of nothing else.
";

/// A file of several sections in which one is put in its place. Sections begin with `## ` and their name.
pub fn with_section(old: &str, name: &str, section: &str) -> String {
    let begins = format!("## {name}\n");
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in old.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            sections.push((format!("## {name}\n"), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    let body = format!("\n{}\n", section.trim());
    match sections.iter_mut().find(|(head, _)| *head == begins) {
        Some(there) => there.1 = body,
        None => sections.push((begins, body)),
    }
    sections.sort();
    let mut text = ABOUT.to_owned();
    for (head, body) in &sections {
        let _ = write!(text, "\n{head}\n{}\n", body.trim());
    }
    text
}

/// The processor, its cores, memory and system, and how busy it was.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
    };
    let model =
        of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kilobytes = of(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory = kilobytes.map_or(String::new(), |kb| {
        format!(", {} GiB", kb.div_ceil(1 << 20))
    });
    let release = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().filter(|load| !load.is_empty());
    let busy = load.map_or(String::new(), |load| {
        let shared = load.parse::<f64>().is_ok_and(|load| load > cores as f64);
        let note = if shared {
            " (**other work kept the machine busy: of times that passed and their ratios little is to be believed, of processor time more**)"
        } else {
            ""
        };
        format!("; load when it began: {load}{note}")
    });
    format!(
        "{model}, {cores} cores{memory}, {} {}{busy}",
        std::env::consts::OS,
        release.trim()
    )
}

/// The commit of a checkout, where git knows it, and whether something was changed since.
pub fn commit(programs: &Programs, root: &Path) -> Option<String> {
    let git = programs.find("git")?;
    let root = root.to_str()?;
    programs.first_line(git, &["-C", root, "describe", "--always", "--dirty"])
}
