//! Where things lie in a checkout.
//!
//! ```text
//! root/                      Cargo.toml
//! ├── crate/wasm/pkg/        what wasm-pack wrote: runlens_wasm.js, runlens_wasm_bg.wasm
//! ├── dist/example.json      the example case's evidence, before compression
//! ├── dist/runlens.html      the product
//! ├── tests/browser/         browser tests, with their own package.json
//! └── web/                   package.json, TypeScript, styles
//! ```
//!
//! A checkout is a value and not a set of constants, because `dist --verify` builds in two copies.
//!
//! Rejected: relative paths. `cargo xtask` may be called from any folder of the checkout.

use std::path::{Path, PathBuf};

/// One checkout, and where its build output goes.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder; `None` leaves it to cargo.
    pub target: Option<PathBuf>,
}

impl Checkout {
    /// The checkout this program was built from.
    #[must_use]
    pub fn here() -> Self {
        // Asked anew, because one target folder may serve several checkouts; the baked-in path is for a direct start.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let package = Path::new(&package);
        let root = package.ancestors().nth(2).unwrap_or(package);
        Self {
            root: root.to_owned(),
            target: None,
        }
    }

    /// What the build hands out.
    #[must_use]
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The product.
    #[must_use]
    pub fn page(&self) -> PathBuf {
        self.dist().join("runlens.html")
    }

    /// The example case's evidence.
    #[must_use]
    pub fn example(&self) -> PathBuf {
        self.dist().join("example.json")
    }
}
