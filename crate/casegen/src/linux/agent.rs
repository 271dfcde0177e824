//! Plays the guest agent.
//!
//! A goal state arrives because a run was asked for, because a managed run command was deleted, or because the machine
//! started. Each time the agent calls `enable` for **every** extension that it knows; only the handler, by comparing
//! sequence numbers, finds that there is nothing new. So the log is full of enable lines behind which nothing ran, as
//! real ones are.
//!
//! Two generations are played: agents that log goal states with activity and correlation ids and the environment of
//! each command (2.8 and newer), and older ones that do neither (2.2.51).

use super::Trail;
use super::handler_log::{self, Call, HandlerLine};
use super::handlers::Handler;
use crate::instant::Instant;
use crate::json::{Hand, Json, object};
use crate::random::Random;
use crate::world::{Family, Machine, Run, Trace, World};
use std::collections::BTreeMap;

/// Bytes of a command's output that the agent keeps.
const OUTPUT_BYTES: usize = 3_200;
/// How long the agent waits for a shim.
const SHIM_MS: i64 = 2_008;

/// Who a record of the agent is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The thread, with no prefix behind it.
    Thread,
    /// The process that handles extensions.
    ExtHandler,
    /// The daemon.
    Daemon,
    /// An extension: full name and version, and the family and name that it is for.
    Extension(String, Family, Option<&'static str>),
}

/// A record of the agent's log.
#[derive(Clone, Debug)]
pub struct AgentRecord {
    /// When.
    pub at: Instant,
    /// By whom.
    pub who: Who,
    /// The message, which can have several lines.
    pub text: String,
}

#[derive(Clone, Copy)]
enum Cause {
    Boot { first: bool },
    Run(usize),
    Removal(usize),
    Heartbeat,
}

/// An extension that the machine knows, by its last run.
type Known = BTreeMap<(Family, Option<&'static str>), usize>;

struct Play<'w> {
    world: &'w World,
    machine: &'w Machine,
    random: Random,
    trail: Trail,
    known: Known,
    installed: BTreeMap<Family, ()>,
    incarnation: u64,
    heartbeats: u64,
    heartbeat_id: String,
}

/// The trail of a machine.
#[must_use]
pub fn trail(world: &World, machine_at: usize, machine: &Machine) -> Trail {
    let mut random = Random::new(world.seed).stream(&format!("agent of {}", machine.name));
    let heartbeat_id = random.guid().to_uppercase();
    let mut play = Play {
        world,
        machine,
        random,
        trail: Trail::default(),
        known: Known::new(),
        installed: BTreeMap::new(),
        incarnation: 0,
        heartbeats: 0,
        heartbeat_id,
    };
    for (at, cause) in causes(world, machine_at, machine) {
        match cause {
            Cause::Boot { first } => play.boot(at, first),
            Cause::Run(run) => play.run(at, run),
            Cause::Removal(run) => play.removal(at, run),
            Cause::Heartbeat => play.heartbeat(at),
        }
    }
    let mut trail = play.trail;
    trail.agent.sort_by_key(|record| record.at);
    trail.manager.sort_by_key(|(at, _)| *at);
    for lines in trail.handler.values_mut() {
        lines.sort_by_key(|line| line.at);
    }
    trail
}

fn causes(world: &World, machine_at: usize, machine: &Machine) -> Vec<(Instant, Cause)> {
    let mut causes = Vec::new();
    for (at, boot) in machine.boots.iter().enumerate() {
        causes.push((*boot, Cause::Boot { first: at == 0 }));
    }
    for (at, run) in world.runs.iter().enumerate() {
        // The agent has no part in immediate run commands.
        if run.machine == machine_at && run.family != Family::Immediate {
            causes.push((run.noticed, Cause::Run(at)));
            causes.extend(run.removed.map(|removed| (removed, Cause::Removal(at))));
        }
    }
    let mut beat = machine
        .boots
        .first()
        .copied()
        .unwrap_or_default()
        .plus_seconds(75);
    while beat < machine.collected {
        causes.push((beat, Cause::Heartbeat));
        beat = beat.plus_seconds(3_600);
    }
    causes.sort_by_key(|(at, _)| *at);
    causes
}

impl<'w> Play<'w> {
    fn say(&mut self, at: Instant, who: Who, text: impl Into<String>) {
        // Below a millisecond, which is the least distance between two records here.
        let micros = self.random.between(0, 890);
        self.trail.agent.push(AgentRecord {
            at: at.plus_nanoseconds(micros * 1_000),
            who,
            text: text.into(),
        });
    }

    fn modern(&self) -> bool {
        self.machine.agent_knows_correlation
    }

    fn heartbeat(&mut self, at: Instant) {
        self.heartbeats += 1;
        let text = format!(
            "[HEARTBEAT] Agent WALinuxAgent-{} is running as the goal state agent [DEBUG HeartbeatCounter: {};HeartbeatId: {};DroppedPackets: 0;UpdateGSErrors: 0;AutoUpdate: {}]",
            self.machine.agent,
            self.heartbeats,
            self.heartbeat_id,
            u8::from(self.modern()),
        );
        self.say(at, Who::ExtHandler, text);
    }

    fn boot(&mut self, at: Instant, first: bool) {
        let machine = self.machine;
        self.heartbeats = 0;
        for (after, text) in [
            (0, format!("Azure Linux Agent Version:{}", machine.agent)),
            (3, format!("OS: {}", machine.system)),
            (5, format!("Python: {}", machine.python)),
            (9, "Run daemon".to_owned()),
        ] {
            self.say(at.plus_ms(after), Who::Daemon, text);
        }
        let agent = format!(
            "Azure Linux Agent (Goal State Agent version {})",
            machine.agent
        );
        self.say(at.plus_ms(1_904), Who::ExtHandler, agent);
        self.say(
            at.plus_ms(1_911),
            Who::ExtHandler,
            format!("OS: {}", machine.system),
        );
        self.say(
            at.plus_ms(1_912),
            Who::ExtHandler,
            format!("Python: {}", machine.python),
        );
        if first {
            return;
        }
        // After a start the goal state comes from the fabric, under ids of its own.
        self.incarnation += 1;
        let number = self.incarnation;
        let begun = at.plus_ms(3_377);
        let (activity, correlation) = (self.random.guid(), self.random.guid());
        let created = at.plus_seconds(-41);
        self.say(
            begun.plus_ms(-210),
            Who::Thread,
            format!("Fetching full goal state from the WireServer [incarnation {number}]"),
        );
        let id = format!("incarnation_{number}");
        self.goal_state(
            begun,
            &id,
            "WireServer",
            "Fabric",
            &activity,
            &correlation,
            created,
            None,
        );
    }

    fn run(&mut self, at: Instant, run_at: usize) {
        let Some(run) = self.world.runs.get(run_at) else {
            return;
        };
        let goal = &run.goal_state;
        let before = self.trail.agent.len();
        self.known.insert((run.family, run.guest_name()), run_at);
        if self.modern() {
            let plugin = self.random.guid();
            self.say(
                at,
                Who::Thread,
                format!(
                    "Fetched new vmSettings [HostGAPlugin correlation ID: {plugin} eTag: {} source: FastTrack]",
                    goal.number
                ),
            );
        } else {
            self.incarnation += 1;
            let number = self.incarnation;
            self.say(
                at,
                Who::ExtHandler,
                format!(
                    "Fetched a new incarnation for the WireServer goal state [incarnation {number}]"
                ),
            );
        }
        let id = if self.modern() {
            format!("etag_{}", goal.number)
        } else {
            format!("incarnation_{}", self.incarnation)
        };
        self.goal_state(
            at.plus_ms(9),
            &id,
            "HostGAPlugin",
            "FastTrack",
            &goal.activity,
            &goal.correlation,
            goal.created,
            Some(run_at),
        );
        if run.lost.contains(&Trace::AgentLog) {
            // Somebody deleted the block of this goal state from the logs.
            self.trail.agent.truncate(before);
        }
    }

    fn removal(&mut self, at: Instant, run_at: usize) {
        let Some(run) = self.world.runs.get(run_at) else {
            return;
        };
        let Some(name) = run.guest_name() else {
            return;
        };
        let id = format!("etag_{}", run.goal_state.number + 7);
        let who = Who::Extension(run.full_extension(), run.family, Some(name));
        for (after, text) in [
            (0, format!("Target handler state: enabled [{id}]")),
            (3, "Requested extension state: disabled".to_owned()),
            (
                6,
                "Disable extension: [bin/run-command-shim disable]".to_owned(),
            ),
            (
                14,
                format!(
                    "Executing command: {}/bin/run-command-shim disable with environment variables: {}",
                    run.handler().folder(),
                    environment(run).print(Hand::Python)
                ),
            ),
            (
                2_040,
                format!("Removing states files for disabled extension: {name}"),
            ),
        ] {
            self.say(at.plus_ms(after), who.clone(), text);
        }
        self.known.remove(&(run.family, Some(name)));
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one line of the log, in its order"
    )]
    fn goal_state(
        &mut self,
        at: Instant,
        id: &str,
        channel: &str,
        source: &str,
        activity: &str,
        correlation: &str,
        created: Instant,
        new: Option<usize>,
    ) {
        if self.modern() {
            let text = format!(
                "ProcessExtensionsGoalState started [{id} channel: {channel} source: {source} activity: {activity} correlation {correlation} created: {}]",
                created.rfc3339_micros()
            );
            self.say(at, Who::ExtHandler, text);
        }
        let mut order: Vec<usize> = self.known.values().copied().collect();
        // What is new goes first; the order of the rest does not matter.
        order.sort_by_key(|run| Some(*run) != new);
        let mut now = at.plus_ms(30);
        for run_at in order {
            now = self.extension(now, id, run_at, Some(run_at) == new);
        }
        let spent = now.ms_since(at);
        let text = if self.modern() {
            format!("ProcessExtensionsGoalState completed [{id} {spent} ms]\n")
        } else {
            format!(
                "ProcessGoalState completed [{} {spent} ms]",
                id.replace('_', " ") + ";"
            )
        };
        self.say(now, Who::ExtHandler, text);
    }

    /// One extension of a goal state; the moment when the agent is done with it.
    fn extension(&mut self, at: Instant, id: &str, run_at: usize, new: bool) -> Instant {
        let Some(run) = self.world.runs.get(run_at) else {
            return at;
        };
        let who = Who::Extension(run.full_extension(), run.family, run.guest_name());
        let first = self.installed.insert(run.family, ()).is_none();
        let id = if self.modern() {
            id.to_owned()
        } else {
            id.replace('_', " ")
        };
        self.say(at, Who::ExtHandler, "Downloading extension manifest");
        self.say(
            at.plus_ms(21),
            who.clone(),
            format!("Target handler state: enabled [{id}]"),
        );
        let state = if first { "notinstalled" } else { "enabled" };
        self.say(
            at.plus_ms(24),
            who.clone(),
            format!("[Enable] current handler state is: {state}"),
        );
        let mut now = at.plus_ms(30);
        if first {
            now = self.install(now, run, &who);
        }
        let settings = format!("Update settings file: {}.settings", run.stem());
        self.say(now, who.clone(), settings);
        if self.modern() {
            self.say(
                now.plus_ms(2),
                who.clone(),
                "Requested extension state: enabled",
            );
        }
        if first {
            now = self.command(now.plus_ms(4), run, &who, Call::Install);
        }
        let call = if new { Call::Fresh } else { Call::Again };
        self.trail.enabled.insert(run.family, now);
        self.command(now.plus_ms(6), run, &who, call)
    }

    fn install(&mut self, at: Instant, run: &Run, who: &Who) -> Instant {
        let handler = run.handler();
        let package = format!("{}__{}", handler.name, handler.version);
        let size = self.random.between(380, 900);
        for (after, text) in [
            (
                1,
                format!(
                    "Downloading extension package: https://packages.contoso.example/{package}"
                ),
            ),
            (
                size,
                format!("Unzipping extension package: /var/lib/waagent/{package}.zip"),
            ),
            (
                size + 240,
                format!(
                    "Initializing extension {}-{}",
                    handler.name, handler.version
                ),
            ),
        ] {
            self.say(at.plus_ms(after), who.clone(), text);
        }
        at.plus_ms(size + 260)
    }

    /// Calls the shim; the moment when the agent goes on.
    fn command(&mut self, at: Instant, run: &Run, who: &Who, call: Call) -> Instant {
        let handler = run.handler();
        let verb = if call == Call::Install {
            "install"
        } else {
            "enable"
        };
        let short = format!("{} {verb}", handler.shim);
        let long = format!("{}/{short}", handler.folder());
        let announce = match (call, self.modern()) {
            (Call::Install, _) => format!("Install extension [{short}]"),
            (_, true) => format!("Enable extension: [{short}]"),
            (_, false) => format!("Enable extension [{short}]"),
        };
        self.say(at, who.clone(), announce);
        if self.modern() {
            let text = format!(
                "Executing command: {long} with environment variables: {}",
                environment(run).print(Hand::Python)
            );
            self.say(at.plus_ms(4), who.clone(), text);
        }
        let unit = self.unit(at.plus_ms(9), run, verb, &long, call);
        self.say(
            at.plus_ms(12),
            Who::ExtHandler,
            format!("Started extension in unit '{unit}'"),
        );
        let lines = handler_log::lines(&self.machine.clock, run, call, at.plus_ms(60));
        let done = at.plus_ms(SHIM_MS);
        let output: Vec<&HandlerLine> = lines.iter().filter(|line| line.at < done).collect();
        if self.modern() {
            let text = format!("Command: {short}\n{}", streams(&output));
            self.say(done, who.clone(), text);
        } else {
            let text = format!(
                "Event: name={}, op={}, message=Launch command succeeded: {short}, duration={SHIM_MS}",
                handler.name,
                if call == Call::Install {
                    "Install"
                } else {
                    "Enable"
                },
            );
            self.say(done, who.clone(), text);
        }
        let kept = self.kept(run, lines);
        self.trail
            .handler
            .entry(run.family)
            .or_default()
            .extend(kept);
        done.plus_ms(5)
    }

    /// Without what somebody deleted: every line that names the sequence number of a wiped run.
    fn kept(&self, run: &Run, lines: Vec<HandlerLine>) -> Vec<HandlerLine> {
        let wiped = run.lost.contains(&Trace::HandlerLog);
        lines
            .into_iter()
            .filter(|line| !(wiped && line.names_sequence))
            .collect()
    }

    /// The unit that the system manager starts for a command.
    fn unit(&mut self, at: Instant, run: &Run, verb: &str, long: &str, call: Call) -> String {
        let handler = run.handler();
        let id = self.random.guid();
        if run.lost.contains(&Trace::AgentLog) && call == Call::Fresh {
            return format!("{verb}_{id}.scope");
        }
        if call == Call::Install {
            self.trail.manager.push((
                at.plus_ms(-2),
                format!(
                    "Created slice Slice for Azure VM extension {}-{}.",
                    handler.name, handler.version
                ),
            ));
        }
        self.trail.manager.push((at, format!("Started {long}.")));
        if !self.modern() {
            return format!("{}_{}_{id}", handler.name, handler.version);
        }
        let ended = if call == Call::Fresh {
            run.ended.plus_ms(40)
        } else {
            at.plus_ms(240)
        };
        self.trail.manager.push((
            ended,
            format!("{verb}_{id}.scope: Deactivated successfully."),
        ));
        format!("{verb}_{id}.scope")
    }
}

/// The environment that the agent gives a command.
fn environment(run: &Run) -> Json {
    let handler: &Handler = run.handler();
    let environment = object([
        (
            "AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE",
            "NOT_RUN".into(),
        ),
        ("AZURE_GUEST_AGENT_EXTENSION_PATH", handler.folder().into()),
        (
            "AZURE_GUEST_AGENT_EXTENSION_VERSION",
            handler.version.into(),
        ),
        (
            "AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS",
            "168.63.129.16".into(),
        ),
        ("ConfigSequenceNumber", run.sequence.to_string().into()),
    ]);
    let features = Json::List(vec![object([
        ("Key", "ExtensionTelemetryPipeline".into()),
        ("Value", "1.0".into()),
    ])]);
    environment
        .with_some("ConfigExtensionName", run.guest_name())
        .with(
            "AZURE_GUEST_AGENT_EXTENSION_SUPPORTED_FEATURES",
            features.print(Hand::Python),
        )
}

/// A command's two streams, as the agent keeps them: the tail, without blank lines.
fn streams(lines: &[&HandlerLine]) -> String {
    let mut stdout: String = lines
        .iter()
        .map(|line| format!("{}\n", line.text))
        .collect();
    let over = stdout.len().saturating_sub(OUTPUT_BYTES);
    if over > 0 {
        stdout = stdout.chars().skip(over).collect();
    }
    format!("[stdout]\n{stdout}[stderr]")
}
