//! What building and testing take, beyond this program: found, or installed, or asked for.
//!
//! Two things are the person's to install: **rustup** (with it, cargo) and **Node.js 20 or newer** with its npm.
//! Everything else is installed here the first time it is wanted, said aloud, and found again the next time:
//!
//! | what | how | where it stays |
//! |---|---|---|
//! | the `wasm32-unknown-unknown` standard library | `rustup target add` | the toolchain |
//! | wasm-pack, wasm-bindgen | `cargo install`, exact versions | the tool folder, see [`tool_folder`] |
//! | packages of `web/` and `tests/browser/` | `npm ci` | their `node_modules` |
//! | Chromium (browser tests only) | `apt-get`, as root | the system |
//! | Python packages of `tests/exports/` | `python3 -m venv`, `pip` | its `.venv` |
//!
//! Rejected: letting wasm-pack fetch wasm-bindgen and wasm-opt itself. It downloads ready-made programs from a
//! place that no lock file covers.

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::program::{Call, Programs};
use runlens_core::evidence::hash::sha256;
use std::fs;
use std::path::{Path, PathBuf};

/// The oldest Node.js that will do.
const NODE_MAJOR: u32 = 20;
/// What is installed where there is none; any other on the search path is taken as it is, for it only drives the build.
const WASM_PACK_VERSION: &str = "0.15.1";
/// Names that Chromium goes by.
const CHROMIUM_NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// Node.js and npm, new enough.
pub fn node(programs: &Programs) -> Result<(), Failure> {
    let mend = || {
        format!(
            "install Node.js {NODE_MAJOR} or newer, from https://nodejs.org or with your package manager, and see that it is on PATH"
        )
    };
    let purpose = "to bundle the page and to test it";
    let Some(path) = programs.find("node") else {
        return Err(Failure::Missing {
            what: "Node.js is not installed (no `node` on PATH)".to_owned(),
            purpose,
            mend: mend(),
        });
    };
    let said = programs.version(&path).unwrap_or_default();
    let major = said
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR) {
        let what = match major {
            Some(_) => format!(
                "Node.js {NODE_MAJOR} is wanted and {} is Node.js {}",
                path.display(),
                said.trim_start_matches('v')
            ),
            None => format!("{} does not say its version", path.display()),
        };
        return Err(Failure::Missing {
            what,
            purpose,
            mend: mend(),
        });
    }
    if programs.find("npm").is_none() {
        let mend = "install npm; it comes with Node.js, though some systems package it separately (`apt-get install npm`)".to_owned();
        return Err(Failure::Missing {
            what: "npm is not installed (no `npm` on PATH)".to_owned(),
            purpose: "to install the page's packages",
            mend,
        });
    }
    Ok(())
}

/// The standard library for the browser.
pub fn wasm_target(programs: &Programs, root: &Path) -> Result<(), Failure> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let purpose = "to compile the core for the browser";
    let folder = programs.find("rustc").and_then(|rustc| {
        programs.first_line(rustc, &["--print", "target-libdir", "--target", TARGET])
    });
    if folder.is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    if programs.find("rustup").is_none() {
        return Err(Failure::Missing {
            what: format!("the Rust standard library for {TARGET} is not installed, and there is no `rustup` on PATH to add it"),
            purpose,
            mend: "install rustup from https://rustup.rs (or this target with the package manager that Rust came from)".to_owned(),
        });
    }
    announce(&format!("the Rust standard library for {TARGET}"), purpose);
    Call::new(programs, "rustup", root)
        .words("target add")
        .word(TARGET)
        .run_over_network(programs)
}

/// wasm-pack, and the wasm-bindgen that fits the lock file; both are put on the search path.
pub fn wasm_tools(programs: &mut Programs, checkout: &Checkout) -> Result<(), Failure> {
    let tools = tool_folder(programs, checkout);
    if programs.find("wasm-pack").is_none() {
        let purpose = "to build the core as a module that a page can load";
        install(
            programs,
            checkout,
            &tools,
            &Tool {
                package: "wasm-pack",
                program: "wasm-pack",
                version: WASM_PACK_VERSION,
                purpose,
            },
        )?;
    }
    let lock = checkout.root.join("Cargo.lock");
    let text = fs::read_to_string(&lock).map_err(Failure::file("read", &lock))?;
    let version = locked_version(&text, "wasm-bindgen").ok_or_else(|| Failure::Wrong {
        sentence: format!("{} names no wasm-bindgen", lock.display()),
        mend: "restore Cargo.lock from version control".to_owned(),
    })?;
    let fits = |path: PathBuf| {
        programs
            .version(&path)
            .is_some_and(|said| said.split_whitespace().nth(1) == Some(version))
    };
    if !programs.find("wasm-bindgen").is_some_and(fits) {
        let purpose =
            "to write the JavaScript side of the core, in the version that Cargo.lock names";
        install(
            programs,
            checkout,
            &tools,
            &Tool {
                package: "wasm-bindgen-cli",
                program: "wasm-bindgen",
                version,
                purpose,
            },
        )?;
    }
    Ok(())
}

struct Tool<'a> {
    package: &'static str,
    program: &'static str,
    version: &'a str,
    purpose: &'static str,
}

/// Puts a tool on the search path; builds it first if that was never done.
fn install(
    programs: &mut Programs,
    checkout: &Checkout,
    tools: &Path,
    tool: &Tool<'_>,
) -> Result<(), Failure> {
    let root = tools.join(format!("{}-{}", tool.package, tool.version));
    let bin = root.join("bin");
    if !bin
        .join(format!("{}{}", tool.program, std::env::consts::EXE_SUFFIX))
        .exists()
    {
        announce(
            &format!(
                "{} {} into {} (built once, a minute or two)",
                tool.package,
                tool.version,
                root.display()
            ),
            tool.purpose,
        );
        let call = |locked: &str| {
            let call = Call::new(programs, "cargo", &checkout.root)
                .words("install")
                .word(tool.package)
                .word("--version")
                .word(tool.version);
            call.words(locked).word("--root").word(&root)
        };
        if let Err(failure) = call("--locked").run_over_network(programs) {
            if matches!(failure, Failure::Program { network: true, .. }) {
                return Err(failure);
            }
            // A registry mirror may lag behind the tool's own lock file.
            eprintln!(
                "note: {} could not be built with its own lock file; trying with what the registry has.",
                tool.package
            );
            call("").run_over_network(programs)?;
        }
    }
    programs.prefer(bin);
    Ok(())
}

/// Where tools that we build for ourselves stay: in the user's cache, for every checkout; never among the user's own
/// programs. `RUNLENS_TOOLS` names another folder.
fn tool_folder(programs: &Programs, checkout: &Checkout) -> PathBuf {
    if let Some(folder) = programs.variable("RUNLENS_TOOLS") {
        return folder.into();
    }
    let home = programs.variable("HOME").map(PathBuf::from);
    let cache = if cfg!(windows) {
        programs.variable("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library").join("Caches"))
    } else {
        programs
            .variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| home.map(|home| home.join(".cache")))
    };
    match cache {
        Some(cache) => cache.join("runlens").join("tools"),
        None => checkout.root.join("target").join("tools"),
    }
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// The packages of a folder with a `package-lock.json`, exactly as locked.
///
/// A stamp in `node_modules` holds the lock's hash, so that nothing is installed twice.
pub fn packages(
    programs: &Programs,
    checkout: &Checkout,
    place: &str,
    purpose: &'static str,
) -> Result<(), Failure> {
    let folder = place
        .split('/')
        .fold(checkout.root.clone(), |folder, name| folder.join(name));
    let lock = folder.join("package-lock.json");
    let hash = sha256(&fs::read(&lock).map_err(Failure::file("read", &lock))?);
    let stamp = folder.join("node_modules").join(".installed-for-lock");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == hash) {
        return Ok(());
    }
    // No package needs to run a script of its own to be installed, so none may.
    announce(
        &format!("the packages that {place}/package-lock.json names"),
        purpose,
    );
    Call::new(programs, "npm", &checkout.root)
        .words("ci --ignore-scripts --no-audit --no-fund")
        .inside(place)
        .run_over_network(programs)?;
    fs::create_dir_all(folder.join("node_modules")).map_err(Failure::file("write", &stamp))?;
    fs::write(&stamp, hash).map_err(Failure::file("write", &stamp))
}

/// A Chromium for the browser tests: `$CHROMIUM`, one on the search path, or one that apt brings.
pub fn chromium(programs: &Programs, root: &Path) -> Result<PathBuf, Failure> {
    let purpose = "to test the page in a real browser";
    if let Some(named) = programs.variable("CHROMIUM") {
        let path = PathBuf::from(named);
        return if path.is_file() {
            Ok(path)
        } else {
            let what = format!("CHROMIUM names {}, which is not a file", path.display());
            Err(Failure::Missing {
                what,
                purpose,
                mend: "set CHROMIUM to the path of a Chromium or Chrome, or unset it".to_owned(),
            })
        };
    }
    let found = |programs: &Programs| CHROMIUM_NAMES.iter().find_map(|name| programs.find(name));
    if let Some(path) = found(programs) {
        return Ok(path);
    }
    let root_user = programs
        .find("id")
        .and_then(|id| programs.first_line(id, &["-u"]))
        .is_some_and(|id| id == "0");
    if programs.find("apt-get").is_some() && root_user {
        announce("Chromium, with apt-get", purpose);
        let apt = || Call::new(programs, "apt-get", root).with("DEBIAN_FRONTEND", "noninteractive");
        apt().words("update -q").run_over_network(programs)?;
        apt()
            .words("install -q -y --no-install-recommends chromium")
            .run_over_network(programs)?;
        if let Some(path) = found(programs) {
            return Ok(path);
        }
    }
    let mend = "install it (`apt-get install chromium` as root, or your system's way), or set CHROMIUM to the path of a Chromium or Chrome";
    Err(Failure::Missing {
        what: "Chromium is not installed".to_owned(),
        purpose,
        mend: mend.to_owned(),
    })
}

/// Says what is about to be installed, and why.
/// A Python of this checkout's own, with the packages that `tests/exports/requirements.txt` names.
pub fn python(programs: &Programs, checkout: &Checkout) -> Result<PathBuf, Failure> {
    let purpose = "to read what is exported with readers that are not ours";
    let folder = checkout.root.join("tests").join("exports");
    let list = folder.join("requirements.txt");
    let hash = sha256(&fs::read(&list).map_err(Failure::file("read", &list))?);
    let own = folder.join(".venv");
    let python = if cfg!(windows) {
        own.join("Scripts").join("python.exe")
    } else {
        own.join("bin").join("python")
    };
    let stamp = own.join("installed-for-list");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == hash) && python.is_file() {
        return Ok(python);
    }
    let found = || {
        ["python3", "python"]
            .into_iter()
            .find(|name| programs.find(name).is_some())
    };
    let Some(name) = found() else {
        return Err(Failure::Missing {
            what: "Python 3 is not installed (no `python3` on PATH)".to_owned(),
            purpose,
            mend: "install Python 3 with its `venv` (`apt-get install python3-venv`, or your system's way)".to_owned(),
        });
    };
    announce(
        "the packages that tests/exports/requirements.txt names",
        purpose,
    );
    let mend = "`python3 -m venv` and `pip` have to work (`apt-get install python3-venv`)";
    Call::new(programs, name, &checkout.root)
        .words("-m venv --clear tests/exports/.venv")
        .mended_by(mend)
        .run(programs)?;
    Call::new(programs, &python.to_string_lossy(), &checkout.root)
        .words(
            "-m pip install --quiet --disable-pip-version-check -r tests/exports/requirements.txt",
        )
        .mended_by(mend)
        .run_over_network(programs)?;
    fs::write(&stamp, hash).map_err(Failure::file("write", &stamp))?;
    Ok(python)
}

fn announce(what: &str, purpose: &str) {
    eprintln!("installing {what}; it is needed {purpose}.");
}

#[cfg(test)]
mod tests;
