//! `cargo xtask dist`: the product, its hash, and the proof that the hash is worth something.
//!
//! ```text
//! dist/runlens.html   1,234,567 bytes   sha256 9f86d0…
//! verified: this checkout and two builds from scratch, in other folders, gave the same bytes.
//! ```
//!
//! An analyst who gets the page from somebody compares its SHA-256 with a published one. That only helps when anybody
//! can make the same bytes from the sources. `--verify` copies the sources to two folders of different depth, builds
//! each from nothing, and compares all three pages.
//!
//! Rejected: building twice in one folder. It cannot see a path that found its way into the page.

use crate::checkout::Checkout;
use crate::command_line::{Command, Flags, Word};
use crate::failure::Failure;
use crate::page::{self, Care, Page};
use crate::program::Programs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The command.
pub const COMMAND: Command = Command {
    name: "dist",
    about: "Builds dist/runlens.html and its SHA-256",
    help: "
  --verify    also build twice from scratch in two temporary copies, and compare the bytes
  --draft     build the module quickly, for looking at a change; not the product

Writes dist/runlens.html and dist/runlens.html.sha256 (for `sha256sum --check`).",
    run,
};

/// Names that are not sources, wherever they are.
const NOT_SOURCES: &[&str] = &["target", "dist", "node_modules", "pkg", ".git"];

fn run(mut flags: Flags) -> Result<ExitCode, Failure> {
    let mut verify = false;
    let mut care = Care::Product;
    while let Some(word) = flags.next()? {
        match word {
            Word::Flag(ref name) if name == "verify" => verify = true,
            Word::Flag(ref name) if name == "draft" => care = Care::Draft,
            other => return Err(flags.unknown(&other)),
        }
    }
    let checkout = Checkout::here();
    let mut programs = Programs::of_this_machine();
    let built = page::build(&checkout, &mut programs, care)?;
    let sum = checkout.dist().join("runlens.html.sha256");
    fs::write(&sum, format!("{}  runlens.html\n", built.sha256))
        .map_err(Failure::file("write", &sum))?;
    println!(
        "dist/runlens.html   {} bytes   sha256 {}",
        page::grouped(built.bytes.len()),
        built.sha256
    );
    if verify {
        let scratch = Scratch::new()?;
        for place in ["a", "another/much/deeper/place"] {
            let again = from_scratch(&checkout, &scratch.0.join(place), &mut programs)?;
            compare(&built, &again, place)?;
        }
        println!(
            "verified: this checkout and two builds from scratch, in other folders, gave the same bytes."
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds a copy of the sources, with nothing from earlier builds.
fn from_scratch(
    checkout: &Checkout,
    place: &Path,
    programs: &mut Programs,
) -> Result<Page, Failure> {
    println!("building a copy in {}", place.display());
    let copy = Checkout {
        root: place.join("runlens"),
        target: Some(place.join("target")),
    };
    copy_sources(&checkout.root, &copy.root)?;
    page::build(&copy, programs, Care::Product)
}

fn copy_sources(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(Failure::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Failure::file("read", from))? {
        let entry = entry.map_err(Failure::file("read", from))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(Failure::file("read", &path))?;
        if NOT_SOURCES.iter().any(|not| name == *not) {
            continue;
        }
        if kind.is_dir() {
            copy_sources(&path, &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(&path, to.join(name)).map_err(Failure::file("copy", &path))?;
        }
    }
    Ok(())
}

fn compare(first: &Page, second: &Page, place: &str) -> Result<(), Failure> {
    if first.bytes == second.bytes {
        return Ok(());
    }
    let same = first
        .bytes
        .iter()
        .zip(&second.bytes)
        .take_while(|(a, b)| a == b)
        .count();
    Err(Failure::Wrong {
        sentence: format!(
            "the page built in `{place}` differs from byte {same} on: sha256 {} and {} bytes, not {} and {}",
            second.sha256,
            second.bytes.len(),
            first.sha256,
            first.bytes.len()
        ),
        mend: "commit or remove local changes that are not sources; if it stays, a time, a path or an unordered map reached the page"
            .to_owned(),
    })
}

/// A folder that goes when the command ends, well or badly.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("runlens-verify-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(Failure::file("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is the system's temporary folder's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_its_place() {
        let page = |text: &str| Page {
            bytes: text.as_bytes().to_vec(),
            sha256: format!("hash of {text}"),
        };
        compare(&page("abc"), &page("abc"), "a").unwrap();
        let said = compare(&page("abcd"), &page("abX"), "a")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("in `a` differs from byte 2 on: sha256 hash of abX and 3 bytes"),
            "{said}"
        );
    }

    #[test]
    fn only_sources_are_copied() {
        let scratch =
            Scratch(std::env::temp_dir().join(format!("runlens-copy-{}", std::process::id())));
        let from = scratch.0.join("from");
        for file in [
            "Cargo.toml",
            "web/src/page.ts",
            "web/node_modules/x/index.js",
            "target/x",
            ".cargo/config.toml",
        ] {
            fs::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs::write(from.join(file), file).unwrap();
        }
        let to = scratch.0.join("to");
        copy_sources(&from, &to).unwrap();
        for (file, copied) in [
            ("Cargo.toml", true),
            ("web/src/page.ts", true),
            ("web/node_modules", false),
            ("target", false),
            (".cargo/config.toml", true),
        ] {
            assert_eq!(to.join(file).exists(), copied, "{file}");
        }
    }
}
