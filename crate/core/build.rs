//! Takes the manual page of each detector out of its source: the doc comment with which the file opens.
//!
//! `src/detect/run_command_spike.rs` opens with `//! # Burst of run commands`, so that `run-command-spike` has that page. A file whose doc
//! comment has no title is no detector's. This program runs where the core is built; the core itself reads no file.
//!
//! Rejected: `include_str!` of the sources. The module in the tab would carry every detector's code a second time, as text.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads the sources; it is no part of the core"
)]

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src/detect");
    let mut sources: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir("src/detect")? {
        let path = entry?.path();
        let inner = path.join("mod.rs");
        let (name, source) = if inner.is_file() {
            (path.file_name(), inner)
        } else {
            (path.file_stem(), path.clone())
        };
        let name = name.and_then(|name| name.to_str()).unwrap_or_default();
        if source.extension().is_some_and(|kind| kind == "rs") {
            sources.push((name.replace('_', "-"), source));
        }
    }
    // The order in which a folder is listed differs from machine to machine.
    sources.sort();
    let mut out = String::from("pub(super) static PAGES: &[(&str, &str)] = &[\n");
    for (id, source) in sources {
        if let Some(page) = opening(&fs::read_to_string(&source)?) {
            let _ = writeln!(out, "    ({id:?}, {page:?}),");
        }
    }
    out.push_str("];\n");
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&folder).join("manual_pages.rs"), out)
}

/// The text of the doc comment at the top, where it has a title.
fn opening(source: &str) -> Option<String> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let page: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    page.first()?.strip_prefix("# ")?;
    Some(page.join("\n"))
}
