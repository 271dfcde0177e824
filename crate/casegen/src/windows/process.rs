//! The processes of a Windows guest, once for all logs that tell of them.
//!
//! ```text
//! services.exe
//!   WindowsAzureGuestAgent.exe
//!     cmd.exe                     enable.cmd
//!       cmd.exe                   /C …\bin\RunCommandExtension.exe "enable"
//!         RunCommandExtension.exe "enable"
//!           cmd.exe               "cmd" /Cpowershell  -ExecutionPolicy Unrestricted -File script3.ps1
//!             powershell.exe      powershell  -ExecutionPolicy Unrestricted -File script3.ps1
//!               …                 what the script starts
//! ```
//!
//! Around it goes what any machine does by itself ([`super::noise`]). Process ids, command lines and times are the same
//! in the Security log, in Sysmon's and in the endpoint's, as they are where one kernel tells all three.

use super::layout::{Handler, script_name, script_path, working_folder};
use super::{noise, steps};
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Deed, Family, Machine, Run, What, World};
use std::collections::BTreeMap;

/// `cmd.exe`.
pub const CMD: &str = r"C:\Windows\System32\cmd.exe";
/// Windows PowerShell.
pub const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
/// The service manager.
pub const SERVICE_MANAGER: &str = r"C:\Windows\System32\services.exe";
/// Folder of services.
pub const SYSTEM_FOLDER: &str = r"C:\Windows\System32";
/// A process.
#[derive(Clone, Debug)]
pub struct Started {
    /// When, by the true clock.
    pub at: Instant,
    /// Its id.
    pub process: u32,
    /// Position of its parent.
    pub parent: Option<usize>,
    /// Full path of its program.
    pub image: String,
    /// Its command line.
    pub command: String,
    /// Its current folder.
    pub folder: String,
    /// The run it belongs to.
    pub run: Option<usize>,
}

impl Started {
    /// The program's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image.rsplit('\\').next().unwrap_or(&self.image)
    }
}

/// Something a process did.
#[derive(Clone, Debug)]
pub struct Done {
    /// When, by the true clock.
    pub at: Instant,
    /// Position of the process.
    pub by: usize,
    /// The run it belongs to.
    pub run: Option<usize>,
    /// What.
    pub what: What,
}

/// The processes of a machine.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Processes, by time.
    pub started: Vec<Started>,
    /// What they did, by time.
    pub done: Vec<Done>,
    /// Position of each run's handler process.
    handlers: BTreeMap<usize, usize>,
    /// Position of each run's interpreter.
    interpreters: BTreeMap<usize, usize>,
}

/// Positions of the processes that the others hang under.
#[derive(Clone, Copy, Debug)]
pub struct Roots {
    /// `services.exe`.
    pub services: usize,
    /// `svchost.exe` of the task scheduler.
    pub scheduler: usize,
    /// The guest agent that the machine came with.
    pub first: Agent,
    /// The one that it updated itself to, and when.
    pub updated: Option<(Instant, Agent)>,
}

/// The processes of a guest agent.
#[derive(Clone, Copy, Debug)]
pub struct Agent {
    /// `WaAppAgent.exe`.
    pub service: usize,
    /// `WindowsAzureGuestAgent.exe`, which calls handlers.
    pub guest: usize,
}

impl Roots {
    /// The guest agent at a moment.
    #[must_use]
    pub fn agent_at(&self, at: Instant) -> Agent {
        match self.updated {
            Some((since, agent)) if since <= at => agent,
            _ => self.first,
        }
    }
}

/// Builds a tree, handing out process ids.
#[derive(Debug)]
pub struct Grower {
    tree: Tree,
    random: Random,
}

impl Grower {
    /// Its random numbers.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Adds a process and gives its position.
    pub fn start(
        &mut self,
        at: Instant,
        parent: Option<usize>,
        image: &str,
        command: &str,
    ) -> usize {
        let process = self.random.between(260, 2_900) as u32 * 4;
        self.tree.started.push(Started {
            at,
            process,
            parent,
            image: image.to_owned(),
            command: command.to_owned(),
            folder: format!(r"{SYSTEM_FOLDER}\"),
            run: None,
        });
        self.tree.started.len() - 1
    }

    /// The program of a process.
    #[must_use]
    pub fn image_of(&self, position: usize) -> String {
        self.tree
            .process(Some(position))
            .map_or_else(String::new, |it| it.image.clone())
    }

    /// Adds something that a process did.
    pub fn done(&mut self, at: Instant, by: usize, what: What) {
        let run = self.tree.started.get(by).and_then(|it| it.run);
        self.tree.done.push(Done { at, by, run, what });
    }

    fn of_run(&mut self, position: usize, run: usize, folder: &str) {
        if let Some(started) = self.tree.started.get_mut(position) {
            started.run = Some(run);
            started.folder = folder.to_owned();
        }
    }

    fn finish(mut self) -> Tree {
        let mut order: Vec<usize> = (0..self.tree.started.len()).collect();
        order.sort_by_key(|at| self.tree.started.get(*at).map(|it| it.at));
        let moved: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(new, old)| (*old, new))
            .collect();
        let follow = |at: usize| moved.get(&at).copied().unwrap_or_default();
        for started in &mut self.tree.started {
            started.parent = started.parent.map(follow);
        }
        for done in &mut self.tree.done {
            done.by = follow(done.by);
        }
        for position in self
            .tree
            .handlers
            .values_mut()
            .chain(self.tree.interpreters.values_mut())
        {
            *position = follow(*position);
        }
        self.tree.started.sort_by_key(|it| it.at);
        self.tree.done.sort_by_key(|it| it.at);
        self.tree
    }
}

impl Tree {
    /// A process.
    #[must_use]
    pub fn process(&self, position: Option<usize>) -> Option<&Started> {
        position.and_then(|at| self.started.get(at))
    }

    /// The process id of the first process of a program.
    #[must_use]
    pub fn process_of(&self, image: &str) -> Option<u32> {
        self.started
            .iter()
            .find(|it| it.image == image)
            .map(|it| it.process)
    }

    /// The process id of a run's handler.
    #[must_use]
    pub fn handler_of(&self, run: usize) -> u32 {
        self.process(self.handlers.get(&run).copied())
            .map_or(0, |it| it.process)
    }

    /// The interpreter of a run's script.
    #[must_use]
    pub fn interpreter_of(&self, run: usize) -> Option<&Started> {
        self.process(self.interpreters.get(&run).copied())
    }
}

/// The processes of a machine.
#[must_use]
pub fn tree(world: &World, machine_at: usize, machine: &Machine) -> Tree {
    let random = Random::new(world.seed).stream(&format!("processes of {}", machine.name));
    let mut grower = Grower {
        tree: Tree::default(),
        random,
    };
    let boot = machine.boots.first().copied().unwrap_or_default();
    let roots = noise::boot(&mut grower, machine, boot);
    noise::days(&mut grower, roots, boot, machine.collected);
    for (run_at, run) in world.runs.iter().enumerate() {
        if run.machine == machine_at {
            grow_run(&mut grower, roots, run_at, run);
        }
    }
    grower.finish()
}

/// The processes of a run.
fn grow_run(grower: &mut Grower, roots: Roots, run_at: usize, run: &Run) {
    let handler = Handler::of_run(run);
    let (folder, image) = (handler.folder(), handler.image());
    let called = grower.start(
        steps::called(run),
        Some(roots.agent_at(steps::called(run)).guest),
        CMD,
        &format!(r#"C:\Windows\system32\cmd.exe /c "{folder}\enable.cmd""#),
    );
    let detached = grower.start(
        steps::called(run).plus_ms(34),
        Some(called),
        CMD,
        &format!(r#"C:\Windows\system32\cmd.exe  /C {image} "enable""#),
    );
    let handled = grower.start(
        steps::handled(run),
        Some(detached),
        &image,
        &format!(r#"{image}  "enable""#),
    );
    let downloads = working_folder(run);
    for position in [called, detached, handled] {
        grower.of_run(position, run_at, &format!(r"{folder}\"));
    }
    grower.done(
        steps::written(run),
        handled,
        What::Wrote {
            path: script_path(run),
        },
    );
    let command = match run.family {
        // Two blanks, and none behind the switch: as the handler puts it together.
        Family::Action => format!(
            "powershell  -ExecutionPolicy Unrestricted -File {}",
            script_name(run)
        ),
        Family::Managed | Family::Immediate => format!(
            r#""C:\Windows\system32\windowspowershell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -File "{}""#,
            script_path(run)
        ),
        Family::Extension => run.command.clone().unwrap_or_default(),
    };
    let parent = match run.family {
        Family::Managed | Family::Immediate => handled,
        Family::Action | Family::Extension => {
            let switch = if run.family == Family::Action {
                "/C"
            } else {
                "/c "
            };
            let shell = grower.start(
                steps::shelled(run),
                Some(handled),
                CMD,
                &format!(r#""cmd" {switch}{command}"#),
            );
            grower.of_run(shell, run_at, &format!(r"{downloads}\"));
            shell
        }
    };
    let interpreter = grower.start(
        steps::shelled(run).plus_ms(5),
        Some(parent),
        POWERSHELL,
        &command,
    );
    grower.of_run(interpreter, run_at, &format!(r"{downloads}\"));
    grower.tree.handlers.insert(run_at, handled);
    grower.tree.interpreters.insert(run_at, interpreter);
    let programs = grow_programs(grower, roots, run_at, run, interpreter);
    for Deed { after_ms, by, what } in &run.deeds {
        let by = by
            .and_then(|by| programs.get(by).copied())
            .unwrap_or(interpreter);
        grower.done(run.started.plus_ms(*after_ms), by, what.clone());
    }
}

/// What a script starts, and what starts with it.
fn grow_programs(
    grower: &mut Grower,
    roots: Roots,
    run_at: usize,
    run: &Run,
    interpreter: usize,
) -> Vec<usize> {
    let folder = format!(r"{}\", working_folder(run));
    let is_service = |exe: &str| {
        run.deeds
            .iter()
            .any(|deed| matches!(deed.what, What::ServiceInstalled { image, .. } if image == exe))
    };
    let mut programs = Vec::new();
    for process in &run.processes {
        let at = run.started.plus_ms(process.after_ms);
        // A service is started by the service manager, not by who asks for it.
        let parent = if is_service(process.exe) {
            roots.services
        } else {
            interpreter
        };
        let line = command_line(&process.arguments);
        let started = grower.start(at, Some(parent), process.exe, &line);
        grower.of_run(started, run_at, &folder);
        programs.push(started);
        // `net` hands everything to `net1`.
        if process.exe.ends_with(r"\net.exe") {
            let rest = process.arguments.get(1..).unwrap_or_default();
            let started = grower.start(
                at.plus_ms(11),
                Some(started),
                r"C:\Windows\System32\net1.exe",
                &format!(r"C:\Windows\system32\net1 {}", command_line(rest)),
            );
            grower.of_run(started, run_at, &folder);
        }
    }
    programs
}

/// Words as one line: those with blanks in quotes.
fn command_line(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            if word.contains(' ') {
                format!("\"{word}\"")
            } else {
                word.clone()
            }
        })
        .collect();
    quoted.join(" ")
}
