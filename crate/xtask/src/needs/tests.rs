//! Machines that lack something: made of folders with small scripts in place of programs.

use super::*;
use std::ffi::OsStr;

/// A folder that is removed with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("runlens-needs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A program that runs this shell text.
    #[cfg(unix)]
    fn program(&self, name: &str, text: &str) -> &Self {
        // Written by another process: a file that this one still has open for writing (another test may have just
        // forked) cannot be started.
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let mut shell = std::process::Command::new("/bin/sh");
        shell
            .args(["-c", write, "sh"])
            .arg(self.0.join(name))
            .arg(text);
        assert!(shell.status().unwrap().success());
        self
    }

    fn machine(&self) -> Programs {
        Programs::made_up(&[&self.0], &[])
    }

    fn checkout(&self) -> Checkout {
        Checkout {
            root: self.0.clone(),
            target: None,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sentence<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn without_node() {
    let scratch = Scratch::new("no-node");
    let said = sentence(node(&scratch.machine()));
    assert_eq!(
        said,
        "error: Node.js is not installed (no `node` on PATH); it is needed to bundle the page and to test it.\n\
         mend:  install Node.js 20 or newer, from https://nodejs.org or with your package manager, and see that it is on PATH."
    );
}

#[cfg(unix)]
#[test]
fn with_an_old_node() {
    let scratch = Scratch::new("old-node");
    scratch
        .program("node", "echo v18.19.1")
        .program("npm", "echo 9");
    let said = sentence(node(&scratch.machine()));
    assert!(
        said.contains("Node.js 20 is wanted and") && said.contains("is Node.js 18.19.1;"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn with_a_node_that_does_not_start() {
    let scratch = Scratch::new("broken-node");
    scratch.program("node", "exit 1").program("npm", "echo 9");
    let said = sentence(node(&scratch.machine()));
    assert!(said.contains("does not say its version"), "{said}");
}

#[cfg(unix)]
#[test]
fn with_node_but_without_npm() {
    let scratch = Scratch::new("no-npm");
    scratch.program("node", "echo v20.11.0");
    let said = sentence(node(&scratch.machine()));
    assert!(
        said.starts_with("error: npm is not installed (no `npm` on PATH);"),
        "{said}"
    );
    scratch.program("npm", "echo 10");
    node(&scratch.machine()).unwrap();
}

#[cfg(unix)]
#[test]
fn without_rustup() {
    let scratch = Scratch::new("no-rustup");
    scratch.program("rustc", "echo /nowhere/lib");
    let said = sentence(wasm_target(&scratch.machine(), &scratch.0));
    assert!(
        said.contains("there is no `rustup` on PATH to add it")
            && said.contains("https://rustup.rs"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn rust_of_a_distribution_that_has_the_target_needs_no_rustup() {
    let scratch = Scratch::new("distribution-rust");
    scratch.program("rustc", &format!("echo {}", scratch.0.display()));
    wasm_target(&scratch.machine(), &scratch.0).unwrap();
}

#[cfg(unix)]
#[test]
fn rustup_without_network() {
    let scratch = Scratch::new("rustup-offline");
    scratch.program("rustc", "echo /nowhere/lib");
    scratch.program(
        "rustup",
        "echo \"error: could not download file from 'https://static.rust-lang.org'\" >&2; exit 1",
    );
    let said = sentence(wasm_target(&scratch.machine(), &scratch.0));
    assert!(
        said.starts_with("error: `rustup target add wasm32-unknown-unknown` ended with status 1."),
        "{said}"
    );
    assert!(said.contains("needs the network once"), "{said}");
}

#[cfg(unix)]
#[test]
fn packages_without_network_then_with_it_then_never_again() {
    let scratch = Scratch::new("npm-offline");
    let web = scratch.0.join("web");
    fs::create_dir_all(&web).unwrap();
    fs::write(web.join("package-lock.json"), "{}").unwrap();
    let checkout = scratch.checkout();

    scratch.program("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1");
    let said = sentence(packages(
        &scratch.machine(),
        &checkout,
        "web",
        "to bundle the page",
    ));
    assert!(
        said.starts_with(
            "error: `cd web && npm ci --ignore-scripts --no-audit --no-fund` ended with status 1."
        ),
        "{said}"
    );
    assert!(said.contains("needs the network once"), "{said}");

    scratch.program("npm", ": > installed");
    packages(&scratch.machine(), &checkout, "web", "to bundle the page").unwrap();
    assert!(web.join("installed").exists());

    scratch.program("npm", "exit 9");
    packages(&scratch.machine(), &checkout, "web", "to bundle the page").unwrap();

    fs::write(web.join("package-lock.json"), "{ }").unwrap();
    let said = sentence(packages(
        &scratch.machine(),
        &checkout,
        "web",
        "to bundle the page",
    ));
    assert!(said.contains("ended with status 9"), "{said}");
}

#[test]
fn without_chromium() {
    let scratch = Scratch::new("no-chromium");
    let said = sentence(chromium(&scratch.machine(), &scratch.0));
    assert!(
        said.starts_with(
            "error: Chromium is not installed; it is needed to test the page in a real browser."
        ),
        "{said}"
    );
    assert!(
        said.contains("apt-get install chromium") && said.contains("CHROMIUM"),
        "{said}"
    );
}

#[test]
fn with_a_chromium_variable_that_names_nothing() {
    let scratch = Scratch::new("wrong-chromium");
    let machine = Programs::made_up(
        &[&scratch.0],
        &[("CHROMIUM", OsStr::new("/nowhere/chrome"))],
    );
    let said = sentence(chromium(&machine, &scratch.0));
    assert!(
        said.starts_with("error: CHROMIUM names /nowhere/chrome, which is not a file"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn chromium_comes_with_apt_where_we_may() {
    let scratch = Scratch::new("apt");
    let install = format!(
        "case $1 in install) cp {0}/id {0}/chromium;; esac",
        scratch.0.display()
    );
    scratch
        .program("id", "echo 0")
        .program("apt-get", &format!("PATH=/bin:/usr/bin\n{install}"));
    assert_eq!(
        chromium(&scratch.machine(), &scratch.0).unwrap(),
        scratch.0.join("chromium")
    );
}

#[cfg(unix)]
#[test]
fn a_tool_is_built_once_and_in_the_version_of_the_lock_file() {
    let scratch = Scratch::new("tools");
    fs::write(
        scratch.0.join("Cargo.lock"),
        "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.99\"\n",
    )
    .unwrap();
    scratch
        .program("wasm-pack", "echo wasm-pack 0.13.0")
        .program("wasm-bindgen", "echo wasm-bindgen 0.2.1");
    // Refuses the tool's own lock file, as a registry mirror that lags behind does.
    let cargo = "PATH=/bin:/usr/bin\ncase \"$*\" in *--locked*) echo 'failed to select a version' >&2; exit 101;; esac\n\
                 for last; do :; done\nmkdir -p $last/bin\nprintf '#!/bin/sh\\necho wasm-bindgen 0.2.99\\n' > $last/bin/wasm-bindgen\n\
                 chmod 755 $last/bin/wasm-bindgen";
    scratch.program("cargo", cargo);
    let (tools, cargo) = (scratch.0.join("tools"), scratch.0.join("cargo"));
    let machine = || {
        Programs::made_up(
            &[&scratch.0],
            &[
                ("RUNLENS_TOOLS", tools.as_os_str()),
                ("CARGO", cargo.as_os_str()),
            ],
        )
    };

    let mut programs = machine();
    wasm_tools(&mut programs, &scratch.checkout()).unwrap();
    let found = programs.find("wasm-bindgen").unwrap();
    assert!(found.starts_with(&tools), "{}", found.display());

    scratch.program("cargo", "exit 9");
    wasm_tools(&mut machine(), &scratch.checkout()).unwrap();
}

#[test]
fn versions_are_read_from_the_lock_file() {
    let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.129\"\n";
    assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.129"));
    assert_eq!(locked_version(lock, "wasm-pack"), None);
}
