//! Showing an address in the user's browser, where there is one.
//!
//! Never an error: on a server or in a container nothing opens, and the printed address is enough.
//!
//! Rejected: a library. Three systems, three programs, one line each.

use crate::program::Programs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Opens an address; says whether something was started.
pub fn address(programs: &Programs, address: &str) -> bool {
    let (name, words): (&str, &[&str]) = if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else if programs
        .variable("DISPLAY")
        .or(programs.variable("WAYLAND_DISPLAY"))
        .is_some()
    {
        ("xdg-open", &[])
    } else {
        return false;
    };
    let Some(path) = programs.find(name) else {
        return false;
    };
    let quiet = Command::new(path)
        .args(words)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    quiet.is_ok()
}

/// The `file://` address of a path.
#[must_use]
pub fn file_address(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let mut address = String::from(if text.starts_with('/') {
        "file://"
    } else {
        "file:///"
    });
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~:".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files() {
        assert_eq!(
            file_address(Path::new("/a b/ü#?.html")),
            "file:///a%20b/%C3%BC%23%3F.html"
        );
        assert_eq!(
            file_address(Path::new(r"C:\x\y.html")),
            "file:///C:/x/y.html"
        );
    }

    #[test]
    fn nothing_opens_where_there_is_no_screen() {
        if cfg!(target_os = "linux") {
            assert!(!address(&Programs::default(), "http://127.0.0.1/"));
        }
    }
}
