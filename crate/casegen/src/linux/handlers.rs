//! The three extension handlers that run scripts, and where they keep things.

use crate::world::{Family, Run};

/// A handler.
#[derive(Debug)]
pub struct Handler {
    /// Publisher and type.
    pub name: &'static str,
    /// Version of the package: part of its folder's name.
    pub version: &'static str,
    /// Version that the binary itself logs, which can lag behind.
    pub build: &'static str,
    /// Shim, below the handler's folder.
    pub shim: &'static str,
    /// Binary, below the handler's folder.
    pub binary: &'static str,
    /// Folder of scripts and outputs.
    pub data: &'static str,
    /// Folder below `/var/log/azure` where the handler itself logs.
    pub log: &'static str,
}

const ACTION: Handler = Handler {
    name: "Microsoft.CPlat.Core.RunCommandLinux",
    version: "1.0.5",
    build: "v1.0.4/git@5e1f0c2-dirty",
    shim: "bin/run-command-shim",
    binary: "bin/run-command-extension",
    data: "/var/lib/waagent/run-command",
    log: "run-command",
};

const MANAGED: Handler = Handler {
    name: "Microsoft.CPlat.Core.RunCommandHandlerLinux",
    version: "1.3.5",
    build: "v1.3.5/git@a90c3d7-clean",
    shim: "bin/run-command-shim",
    binary: "bin/run-command-handler",
    data: "/var/lib/waagent/run-command-handler",
    log: "run-command-handler",
};

const EXTENSION: Handler = Handler {
    name: "Microsoft.Azure.Extensions.CustomScript",
    version: "2.1.10",
    build: "v2.1.10/git@0d4b6e8-clean",
    shim: "bin/custom-script-shim",
    binary: "bin/custom-script-extension",
    data: "/var/lib/waagent/custom-script",
    log: "custom-script",
};

static NEXT_ACTION: Handler = Handler {
    version: "1.0.6",
    build: "v1.0.5/git@9c1b7aa-dirty",
    ..ACTION
};

static NEXT_MANAGED: Handler = Handler {
    version: "1.3.9",
    build: "v1.3.9/git@4e07d11-clean",
    ..MANAGED
};

static NEXT_EXTENSION: Handler = Handler {
    version: "2.1.13",
    build: "v2.1.13/git@b2c4a60-clean",
    ..EXTENSION
};

impl Handler {
    /// The handler of a family.
    #[must_use]
    pub const fn of(family: Family) -> &'static Self {
        match family {
            Family::Action => &ACTION,
            Family::Managed | Family::Immediate => &MANAGED,
            Family::Extension => &EXTENSION,
        }
    }

    /// `/var/lib/waagent/{name}-{version}`.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("/var/lib/waagent/{}-{}", self.name, self.version)
    }
}

/// What a run is called inside its handler.
impl Run {
    /// The handler that ran it.
    #[must_use]
    pub const fn handler(&self) -> &'static Handler {
        match (self.next_version, self.family) {
            (false, family) => Handler::of(family),
            (true, Family::Action) => &NEXT_ACTION,
            (true, Family::Managed | Family::Immediate) => &NEXT_MANAGED,
            (true, Family::Extension) => &NEXT_EXTENSION,
        }
    }

    /// The name inside the guest: only managed run commands have one there.
    #[must_use]
    pub fn guest_name(&self) -> Option<&'static str> {
        self.name
            .filter(|_| matches!(self.family, Family::Managed | Family::Immediate))
    }

    /// `6` or `health-probe.0`: the stem of its settings and status files.
    #[must_use]
    pub fn stem(&self) -> String {
        match self.guest_name() {
            Some(name) => format!("{name}.{}", self.sequence),
            None => self.sequence.to_string(),
        }
    }

    /// Its download folder.
    #[must_use]
    pub fn download(&self) -> String {
        let data = self.handler().data;
        match self.guest_name() {
            Some(name) if self.family == Family::Immediate => {
                format!("{data}/immediateDownload/{name}/{}", self.sequence)
            }
            Some(name) => format!("{data}/download/{name}/{}", self.sequence),
            None => format!("{data}/download/{}", self.sequence),
        }
    }

    /// Path of its status file.
    #[must_use]
    pub fn status_path(&self) -> String {
        format!("{}/status/{}.status", self.handler().folder(), self.stem())
    }

    /// Path of its settings file.
    #[must_use]
    pub fn settings_path(&self) -> String {
        format!(
            "{}/config/{}.settings",
            self.handler().folder(),
            self.stem()
        )
    }

    /// The executed-marker, as the handler names it.
    #[must_use]
    pub fn marker(&self) -> String {
        match self.guest_name() {
            Some(name) => format!("{name}.mrseq"),
            None => "mrseq".to_owned(),
        }
    }

    /// `Microsoft.CPlat.Core.RunCommandHandlerLinux.health-probe-1.3.5`: the prefix of agent records.
    #[must_use]
    pub fn full_extension(&self) -> String {
        let handler = self.handler();
        match self.guest_name() {
            Some(name) => format!("{}.{name}-{}", handler.name, handler.version),
            None => format!("{}-{}", handler.name, handler.version),
        }
    }

    /// Name of the script's file in the download folder.
    #[must_use]
    pub fn script_file(&self) -> &str {
        self.file_uri
            .as_deref()
            .and_then(|uri| uri.rsplit('/').next())
            .unwrap_or("script.sh")
    }
}
