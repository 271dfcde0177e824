//! Making the page, step by step.
//!
//! ```text
//! casegen          ─► dist/example.json                the example case's evidence
//! wasm-pack        ─► crate/wasm/pkg/                  the core as a module, optimised for size of work, not of file
//! npm run build    ─► dist/runlens.html                everything in one file
//! ```
//!
//! **Anybody who builds a commit gets the same bytes.** So the compiler is named exactly (`rust-toolchain.toml`), so
//! are all crates and packages (lock files) and wasm-bindgen (`Cargo.lock`), and the paths of the machine are kept out
//! of the module: [`rust_flags`] replaces every folder that a panic message could name.
//!
//! Rejected: cargo's `trim-paths`, which does the last part, but not in a stable compiler yet.

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::needs;
use crate::program::{Call, Programs};
use runlens_core::evidence::hash::sha256;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What was built.
pub struct Page {
    /// The page.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub sha256: String,
}

/// How much a build of the module is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// The product: linked as one and optimised again.
    Product,
    /// For looking at a change: ready in a third of the time, and slower at work.
    Draft,
}

/// Builds everything the page consists of, and the page.
pub fn build(checkout: &Checkout, programs: &mut Programs, care: Care) -> Result<Page, Failure> {
    // The quick look comes first: a missing Node.js should not show after a minute of compiling.
    needs::node(programs)?;
    wasm(checkout, programs, care)?;
    bundle(checkout, programs, care)?;
    read(checkout)
}

/// Makes the module.
pub fn wasm(checkout: &Checkout, programs: &mut Programs, care: Care) -> Result<(), Failure> {
    needs::wasm_target(programs, &checkout.root)?;
    needs::wasm_tools(programs, checkout)?;
    // Before the flags, which name the folders that this fills.
    with_target(
        Call::new(programs, "cargo", &checkout.root).words("fetch --locked --quiet"),
        checkout,
    )
    .run_over_network(programs)?;
    with_target(wasm_call(checkout, programs, care), checkout).run(programs)
}

/// The call that makes the module.
#[must_use]
pub fn wasm_call(checkout: &Checkout, programs: &Programs, care: Care) -> Call {
    let flags = rust_flags(checkout, programs).join("\u{1f}");
    let call = Call::new(programs, "wasm-pack", &checkout.root)
        .with("CARGO_ENCODED_RUSTFLAGS", flags)
        .words("build crate/wasm --target no-modules --no-typescript --no-pack --mode no-install");
    match care {
        Care::Product => call.words("--release -- --locked"),
        Care::Draft => call.words("--profile quick --no-opt -- --locked"),
    }
}

/// Makes the example case and the page around the module.
pub fn bundle(checkout: &Checkout, programs: &Programs, care: Care) -> Result<(), Failure> {
    needs::node(programs)?;
    needs::packages(programs, checkout, "web", "to bundle the page")?;
    let example = checkout.example();
    fs::create_dir_all(checkout.dist()).map_err(Failure::file("create", checkout.dist()))?;
    fs::write(&example, runlens_casegen::example_json())
        .map_err(Failure::file("write", &example))?;
    bundle_call(checkout, programs, care).run(programs)
}

/// The call that makes the page.
#[must_use]
pub fn bundle_call(checkout: &Checkout, programs: &Programs, care: Care) -> Call {
    let words = match care {
        Care::Product => "run build --silent",
        Care::Draft => "run build --silent -- --draft",
    };
    Call::new(programs, "npm", &checkout.root)
        .words(words)
        .inside("web")
}

/// Reads the page that is there.
pub fn read(checkout: &Checkout) -> Result<Page, Failure> {
    let path = checkout.page();
    let bytes = fs::read(&path).map_err(Failure::file("read", &path))?;
    let sha256 = sha256(&bytes);
    Ok(Page { bytes, sha256 })
}

fn with_target(call: Call, checkout: &Checkout) -> Call {
    match &checkout.target {
        Some(target) => call.with("CARGO_TARGET_DIR", target),
        None => call,
    }
}

/// Flags for the compiler of the module: vectors of 128 bits, and no path of this machine.
fn rust_flags(checkout: &Checkout, programs: &Programs) -> Vec<String> {
    let mut flags = vec!["-Ctarget-feature=+simd128".to_owned()];
    let mut replace = |folder: &Path, name: &str| {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()))
    };
    replace(&checkout.root, "/runlens");
    if let Some(rustc) = programs.find("rustc") {
        // Present with the component `rust-src` only, and then named instead of the compiler's own neutral prefix.
        let commit = programs.line_with(&rustc, &["-vV"], "commit-hash: ");
        let sysroot = programs.first_line(&rustc, &["--print", "sysroot"]);
        if let (Some(commit), Some(sysroot)) = (commit, sysroot) {
            replace(
                &Path::new(&sysroot)
                    .join("lib")
                    .join("rustlib")
                    .join("src")
                    .join("rust"),
                &format!("/rustc/{commit}"),
            );
        }
    }
    // The folder below `src` is named after the registry, and a mirror has another name.
    for registry in registries(&cargo_home(programs)) {
        replace(&registry, "/registry");
    }
    flags
}

fn cargo_home(programs: &Programs) -> PathBuf {
    let named = programs.variable("CARGO_HOME").map(PathBuf::from);
    named
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default()
}

/// Folders in which cargo keeps the sources of crates, in order of their names.
fn registries(cargo_home: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(cargo_home.join("registry").join("src"));
    let mut folders: Vec<PathBuf> = found
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    folders
}

/// A number with commas between thousands.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<String> = [0, 12, 999, 1000, 1_234_567]
            .into_iter()
            .map(grouped)
            .collect();
        assert_eq!(shown, ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn no_path_of_this_machine_reaches_the_module() {
        let checkout = Checkout::here();
        let flags = rust_flags(&checkout, &Programs::of_this_machine());
        assert_eq!(
            flags.first().map(String::as_str),
            Some("-Ctarget-feature=+simd128")
        );
        let root = format!("--remap-path-prefix={}=/runlens", checkout.root.display());
        assert!(flags.contains(&root), "{flags:?}");
    }
}
