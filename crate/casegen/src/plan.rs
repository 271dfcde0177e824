//! Turns what a story says ("at 09:06 the operator runs this on web01") into facts with times.
//!
//! How long things take follows the timing model of the Linux artifact notes, section 11.2:
//!
//! ```text
//! t0        request received            Started row
//! + 1 s     202 given                   Accepted row
//! + 1…4 s   goal state created
//! + 1…5 s   agent notices it            goal-state lines, Update settings file
//! + 1 s     handler runs the script     executing command … executed command
//! + 9…24 s  status uploaded             Succeeded row
//! ```

use crate::cloud::catalogue::{Answer, EXTENSIONS_WRITE, Kind, RUN_COMMAND, RUN_COMMANDS_WRITE};
use crate::cloud::claims::client_id;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{
    Client, Deed, Family, GoalState, Log, Operation, Outcome, Principal, PrincipalKind, Process,
    Remark, Role, Run, Step, Token, Trace, What, World,
};
use std::collections::{BTreeMap, BTreeSet};

/// Who calls: a token, and the address it is used from.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The token.
    pub token: usize,
    /// Address that calls the management endpoint.
    pub address: &'static str,
    /// Whether the intruder is behind it.
    pub hostile: bool,
}

/// What a script is and does.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Its text.
    pub script: Vec<u8>,
    /// What it prints.
    pub stdout: Vec<u8>,
    /// What it prints as errors.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub exit_code: i32,
    /// How long it takes.
    pub lasts_ms: i64,
    /// What it starts.
    pub processes: Vec<Process>,
    /// What else it does.
    pub deeds: Vec<Deed>,
}

impl Work {
    /// A script that prints this and ends well.
    #[must_use]
    pub fn new(script: &str, stdout: &str, lasts_ms: i64) -> Self {
        Self {
            script: script.into(),
            stdout: stdout.into(),
            lasts_ms,
            ..Self::default()
        }
    }

    /// With errors printed and an exit code.
    #[must_use]
    pub fn failing(mut self, exit_code: i32, stderr: &str) -> Self {
        self.exit_code = exit_code;
        self.stderr = stderr.into();
        self
    }

    /// With a program that it starts.
    #[must_use]
    pub fn starts(mut self, after_ms: i64, exe: &'static str, arguments: &[&str]) -> Self {
        self.processes.push(Process {
            after_ms,
            exe,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        });
        self
    }

    /// With something that the script itself does.
    #[must_use]
    pub fn does(mut self, after_ms: i64, what: What) -> Self {
        self.deeds.push(Deed {
            after_ms,
            by: None,
            what,
        });
        self
    }

    /// With something that the program does which it started last.
    #[must_use]
    pub fn which_does(mut self, after_ms: i64, what: What) -> Self {
        self.deeds.push(Deed {
            after_ms,
            by: self.processes.len().checked_sub(1),
            what,
        });
        self
    }
}

/// How a script is asked for.
#[derive(Clone, Debug)]
pub enum Way {
    /// `runCommand/action`.
    Action,
    /// `runCommands/write` under a name.
    Managed(&'static str),
    /// `extensions/write` of a custom script under a name, with command and file.
    Extension {
        /// Name of the extension resource.
        name: &'static str,
        /// Its command.
        command: String,
        /// Its file.
        file_uri: String,
    },
}

/// An operation and the run that it led to.
#[derive(Clone, Copy, Debug)]
pub struct Invoked {
    /// The operation.
    pub operation: usize,
    /// The run.
    pub run: usize,
}

/// Fills a world.
#[derive(Debug)]
pub struct Plan {
    /// The facts so far.
    pub world: World,
    random: Random,
    /// Handlers that were called for already, by machine: the first call waits for the installation.
    installed: BTreeSet<(usize, Family)>,
}

impl Plan {
    /// An empty world.
    #[must_use]
    pub fn new(story: &'static str, seed: u64) -> Self {
        let random = Random::new(seed);
        let tenant = random.stream("tenant").guid();
        Self {
            world: World {
                seed,
                story,
                tenant,
                ..World::default()
            },
            random: random.stream("plan"),
            installed: BTreeSet::new(),
        }
    }

    /// The plan's own numbers.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Adds a principal. `upn` is empty for an application.
    pub fn principal(&mut self, upn: &str, name: &'static str, role: Role) -> usize {
        let mut random = self.random.stream(&format!("principal {name}"));
        self.world.principals.push(Principal {
            kind: if upn.is_empty() {
                PrincipalKind::Application
            } else {
                PrincipalKind::User
            },
            upn: upn.to_owned(),
            object_id: random.guid(),
            name,
            puid: format!("1003{}", random.hex(12).to_uppercase()),
            role,
            role_assignment: random.hex(32),
        });
        self.world.principals.len() - 1
    }

    /// Adds a token. With `like`, it is a refresh within the sign-in session of that token.
    pub fn token(
        &mut self,
        principal: usize,
        client: Client,
        address: Option<&'static str>,
        issued: Instant,
        like: Option<usize>,
    ) -> usize {
        let of_session = like.and_then(|token| self.world.tokens.get(token));
        let session = match of_session {
            Some(token) => token.session.clone(),
            None => self.random.guid(),
        };
        let app_id = match client_id(client) {
            Some(id) => id.to_owned(),
            None => self
                .random
                .stream(&format!("application of {principal}"))
                .guid(),
        };
        self.world.tokens.push(Token {
            principal,
            client,
            issued,
            address,
            methods: "pwd,mfa",
            uti: self.random.opaque(22),
            session,
            aio: self.random.opaque(88),
            app_id,
        });
        self.world.tokens.len() - 1
    }

    /// Adds an operation that succeeds, and returns it for changes.
    pub fn call(
        &mut self,
        call: Call,
        kind: &'static Kind,
        subscription: usize,
        resource: &str,
        at: Instant,
    ) -> usize {
        let begun = self.jitter(at);
        let quick = self.random.between(180, 900);
        let (accepted, ended, status) = match kind.answer {
            Answer::Later => {
                let accepted = begun.plus_ms(self.random.between(420, 1_400));
                let after = self.random.between(9_000, 46_000);
                (Some(accepted), accepted.plus_ms(after), 200)
            }
            _ if kind.method == "PUT" => (None, begun.plus_ms(quick), 201),
            _ => (None, begun.plus_ms(quick), 200),
        };
        let correlation = self.random.guid();
        self.world.operations.push(Operation {
            kind,
            subscription,
            resource: resource.to_owned(),
            token: Some(call.token),
            address: Some(call.address),
            correlation,
            begun,
            accepted: accepted.map(fraction(&mut self.random)),
            ended: fraction(&mut self.random)(ended),
            outcome: Outcome::Succeeded(status),
            request_body: None,
            response_body: None,
            hostile: call.hostile,
        });
        self.world.operations.len() - 1
    }

    /// Changes an operation.
    pub fn amend(&mut self, operation: usize, change: impl FnOnce(&mut Operation)) {
        if let Some(operation) = self.world.operations.get_mut(operation) {
            change(operation);
        }
    }

    /// Makes an operation one that was refused at once.
    pub fn refuse(
        &mut self,
        operation: usize,
        http: u16,
        code: &'static str,
        message: &'static str,
    ) {
        self.amend(operation, |operation| {
            operation.accepted = None;
            operation.ended = operation.begun.plus_ms(640);
            operation.outcome = Outcome::Failed(http, code, message);
        });
    }

    /// A row that a policy adds to an operation, under its correlation id.
    pub fn policy(&mut self, of: usize) {
        let Some(operation) = self.world.operations.get(of) else {
            return;
        };
        let mut policy = operation.clone();
        let after = self.random.between(300, 2_600);
        policy.kind = &crate::cloud::catalogue::POLICY_AUDIT;
        policy.begun = operation.begun.plus_ms(after);
        policy.accepted = None;
        policy.address = None;
        policy.ended = policy.begun;
        policy.outcome = Outcome::Succeeded(200);
        policy.request_body = None;
        policy.response_body = None;
        self.world.operations.push(policy);
    }

    /// Asks for a script on a machine. The first one of a family on a machine must be told first.
    pub fn invoke(
        &mut self,
        call: Call,
        machine: usize,
        way: Way,
        work: Work,
        at: Instant,
    ) -> Option<Invoked> {
        let target = self.world.machines.get(machine)?;
        let (subscription, vm) = (target.subscription, target.resource.clone());
        let (kind, family, name, resource) = match &way {
            Way::Action => (&RUN_COMMAND, Family::Action, None, vm),
            Way::Managed(name) => (
                &RUN_COMMANDS_WRITE,
                Family::Managed,
                Some(*name),
                format!("{vm}/runCommands/{name}"),
            ),
            Way::Extension { name, .. } => (
                &EXTENSIONS_WRITE,
                Family::Extension,
                Some(*name),
                format!("{vm}/extensions/{name}"),
            ),
        };
        let operation = self.call(call, kind, subscription, &resource, at);
        let begun = self.world.operations.get(operation)?.begun;
        let correlation = self.world.operations.get(operation)?.correlation.clone();
        let created = begun.plus_ms(self.random.between(1_250, 3_900));
        let noticed = created.plus_ms(self.random.between(900, 5_300));
        // The first run on a machine waits for the download of the package and for its installation.
        let fresh = self.installed.insert((machine, family));
        let wait = if fresh { 4_400 } else { 620 };
        let fetch = if matches!(way, Way::Extension { .. }) {
            380
        } else {
            0
        };
        let started = noticed.plus_ms(wait + fetch + self.random.between(0, 480));
        let ended = started.plus_ms(work.lasts_ms + self.random.between(0, 900));
        let upload = self.random.between(9_000, 24_000);
        let finished = fraction(&mut self.random)(ended.plus_ms(upload));
        self.amend(operation, |operation| operation.ended = finished);
        let (command, file_uri) = match way {
            Way::Extension {
                command, file_uri, ..
            } => (Some(command), Some(file_uri)),
            Way::Action | Way::Managed(_) => (None, None),
        };
        let number = 1_000_000_000 + self.random.below(4_000_000_000);
        self.world.runs.push(Run {
            machine,
            family,
            name,
            // Given by `finish`, which knows the order.
            sequence: 0,
            operation: Some(operation),
            goal_state: GoalState {
                created,
                number,
                activity: self.random.guid(),
                correlation,
            },
            noticed,
            started,
            ended,
            exit_code: work.exit_code,
            script: work.script,
            command,
            file_uri,
            stdout: work.stdout,
            stderr: work.stderr,
            lost: BTreeSet::new(),
            stdout_emptied: None,
            removed: None,
            processes: work.processes,
            deeds: work.deeds,
            next_version: false,
            hostile: call.hostile,
        });
        Some(Invoked {
            operation,
            run: self.world.runs.len() - 1,
        })
    }

    /// Somebody deletes all traces of a run on the guest.
    pub fn wipe(&mut self, run: usize) {
        let platform = self
            .world
            .runs
            .get(run)
            .map(|run| self.world.platform_of(run));
        if let (Some(platform), Some(run)) = (platform, self.world.runs.get_mut(run)) {
            run.lost = Trace::on(platform).iter().copied().collect();
        }
    }

    /// Adds a line to a machine's system log.
    pub fn remark(
        &mut self,
        machine: usize,
        log: Log,
        at: Instant,
        tag: impl Into<String>,
        text: impl Into<String>,
    ) {
        self.world.remarks.push(Remark {
            machine,
            log,
            at,
            tag: tag.into(),
            text: text.into(),
        });
    }

    /// Notes a step of the intruder.
    pub fn step(
        &mut self,
        title: &'static str,
        attack: &'static [&'static str],
        operation: Option<usize>,
        run: Option<usize>,
    ) {
        let of_operation = operation
            .and_then(|at| self.world.operations.get(at))
            .map(|it| it.begun);
        let of_run = run
            .and_then(|at| self.world.runs.get(at))
            .map(|it| it.started);
        self.world.steps.push(Step {
            at: of_operation.or(of_run).unwrap_or_default(),
            title,
            attack,
            operation,
            run,
        });
    }

    /// The world: everything in the order of time, whatever order it was told in. Sequence numbers follow from it.
    #[must_use]
    pub fn finish(self) -> World {
        let mut world = self.world;
        let moved_operations = sort_by_time(&mut world.operations, |operation| operation.begun);
        let moved_runs = sort_by_time(&mut world.runs, |run| run.noticed);
        let follow = |moved: &[usize], at: Option<usize>| at.and_then(|at| moved.get(at).copied());
        let mut next: BTreeMap<(usize, Family, Option<&'static str>), u32> = BTreeMap::new();
        for run in &mut world.runs {
            run.operation = follow(&moved_operations, run.operation);
            let slot = next
                .entry((run.machine, run.family, run.guest_name()))
                .or_default();
            run.sequence = *slot;
            *slot += 1;
        }
        for step in &mut world.steps {
            step.operation = follow(&moved_operations, step.operation);
            step.run = follow(&moved_runs, step.run);
        }
        world.steps.sort_by_key(|step| step.at);
        world
    }

    /// A moment shortly after, to 100 ns as the service stamps them.
    fn jitter(&mut self, at: Instant) -> Instant {
        at.plus_nanoseconds(self.random.between(0, 9_999_999) * 100)
    }
}

/// Sorts facts by time and says where each went: the new position by the old one.
fn sort_by_time<T>(facts: &mut Vec<T>, time: impl Fn(&T) -> Instant) -> Vec<usize> {
    let mut told: Vec<(usize, T)> = std::mem::take(facts).into_iter().enumerate().collect();
    told.sort_by_key(|(at, fact)| (time(fact), *at));
    let mut moved: Vec<(usize, usize)> = told
        .iter()
        .enumerate()
        .map(|(new, (old, _))| (*old, new))
        .collect();
    moved.sort_unstable();
    facts.extend(told.into_iter().map(|(_, fact)| fact));
    moved.into_iter().map(|(_, new)| new).collect()
}

/// Moves a moment to one with seven digits behind the point.
fn fraction(random: &mut Random) -> impl FnMut(Instant) -> Instant {
    let ticks = random.between(1, 9_999);
    move |at| at.plus_nanoseconds(ticks * 100)
}
