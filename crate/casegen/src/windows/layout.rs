//! The handlers of a Windows guest and where they keep things.
//!
//! Inside the guest a path begins with a drive (`C:\Packages\…`), which logs and telemetry repeat; in the evidence it
//! lies below the machine's triage root (`erp01/C/Packages/…`), as collectors write it. Both come from here.

use crate::world::{Family, Machine, Run};

/// A handler.
#[derive(Debug)]
pub struct Handler {
    /// Publisher and type.
    pub name: &'static str,
    /// Version of the package: part of its folder's name.
    pub version: &'static str,
    /// Its log.
    pub log: &'static str,
    /// Its program, in `bin`.
    pub program: &'static str,
}

const ACTION: Handler = Handler {
    name: "Microsoft.CPlat.Core.RunCommandWindows",
    version: "1.1.18",
    log: "RunCommandExtension.log",
    program: "RunCommandExtension.exe",
};

const MANAGED: Handler = Handler {
    name: "Microsoft.CPlat.Core.RunCommandHandlerWindows",
    version: "2.0.8",
    log: "RunCommandHandler.log",
    program: "RunCommandHandler.exe",
};

const EXTENSION: Handler = Handler {
    name: "Microsoft.Compute.CustomScriptExtension",
    version: "1.10.15",
    log: "CustomScriptHandler.log",
    program: "CustomScriptHandler.exe",
};

static NEXT_ACTION: Handler = Handler {
    version: "1.1.20",
    ..ACTION
};

static NEXT_MANAGED: Handler = Handler {
    version: "2.0.14",
    ..MANAGED
};

static NEXT_EXTENSION: Handler = Handler {
    version: "1.10.18",
    ..EXTENSION
};

impl Handler {
    /// The handler that ran a run.
    #[must_use]
    pub const fn of_run(run: &Run) -> &'static Self {
        match (run.next_version, run.family) {
            (false, family) => Self::of(family),
            (true, Family::Action) => &NEXT_ACTION,
            (true, Family::Managed | Family::Immediate) => &NEXT_MANAGED,
            (true, Family::Extension) => &NEXT_EXTENSION,
        }
    }

    /// The handler of a family.
    #[must_use]
    pub const fn of(family: Family) -> &'static Self {
        match family {
            Family::Action => &ACTION,
            Family::Managed | Family::Immediate => &MANAGED,
            Family::Extension => &EXTENSION,
        }
    }

    /// Its package, without a backslash at the end.
    #[must_use]
    pub fn folder(&self) -> String {
        format!(r"C:\Packages\Plugins\{}\{}", self.name, self.version)
    }

    /// Its logs.
    #[must_use]
    pub fn log_folder(&self) -> String {
        format!(
            r"C:\WindowsAzure\Logs\Plugins\{}\{}",
            self.name, self.version
        )
    }

    /// Where its scripts lie and run.
    #[must_use]
    pub fn downloads(&self) -> String {
        format!(r"{}\Downloads", self.folder())
    }

    /// Full path of its program.
    #[must_use]
    pub fn image(&self) -> String {
        format!(r"{}\bin\{}", self.folder(), self.program)
    }
}

/// Where a run's script runs, and where it lies.
#[must_use]
pub fn working_folder(run: &Run) -> String {
    let downloads = Handler::of_run(run).downloads();
    match run.family {
        Family::Action | Family::Managed | Family::Immediate => downloads,
        Family::Extension => format!(r"{downloads}\{}", run.sequence),
    }
}

/// Name of a run's script.
#[must_use]
pub fn script_name(run: &Run) -> String {
    match run.family {
        Family::Action => format!("script{}.ps1", run.sequence),
        Family::Managed | Family::Immediate => format!("{}.ps1", run.stem()),
        Family::Extension => run.script_file().to_owned(),
    }
}

/// Full path of a run's script.
#[must_use]
pub fn script_path(run: &Run) -> String {
    format!(r"{}\{}", working_folder(run), script_name(run))
}

/// Full path of a run's settings.
#[must_use]
pub fn settings_path(run: &Run) -> String {
    let folder = Handler::of_run(run).folder();
    format!(r"{folder}\RuntimeSettings\{}.settings", run.stem())
}

/// Full path of a run's status.
#[must_use]
pub fn status_path(run: &Run) -> String {
    let folder = Handler::of_run(run).folder();
    format!(r"{folder}\Status\{}.status", run.stem())
}

/// Where a path of a guest lies in the evidence.
#[must_use]
pub fn in_evidence(machine: &Machine, path: &str) -> String {
    format!(
        "{}/{}",
        machine.name,
        path.replacen(r":\", "/", 1).replace('\\', "/")
    )
}

/// The machine's name as Windows writes it.
#[must_use]
pub fn computer(machine: &Machine) -> String {
    machine.name.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::Handler;
    use crate::world::Family;

    #[test]
    fn paths_are_those_that_windows_prints() {
        let handler = Handler::of(Family::Action);
        assert_eq!(
            handler.image(),
            r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18\bin\RunCommandExtension.exe"
        );
    }
}
