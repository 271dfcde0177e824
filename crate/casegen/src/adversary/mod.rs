//! Cases that want to be misread: what a solver of links finds hard, all at once, with the truth beside it.
//!
//! A case is a function of a seed and of a [`Difficulty`]. Nothing in here knows how links are found; times come from
//! [`chance`], and what is missing is drawn without asking what it was good for:
//!
//! ```text
//! clocks      off by seconds, minutes, hours or zones; drifting; set in the middle, forth or back
//! twins       another VM of the same name, or of the same first 15 letters, in another group or subscription
//! bursts      several commands within a minute; commands every hour on the hour
//! refusals    operations that failed before they reached the guest
//! strangers   runs that no operation asked for
//! boots       every extension is enabled again, and nothing runs
//! resets      the extension was installed anew: numbers begin again, files are overwritten
//! updates     the handlers' next version takes over in the middle, in folders of its own
//! immediate   a managed run command that the handler's service runs at once, and of which it deletes all but its log
//! losses      each row, file and log block with a probability; kinds of them on a whole machine; the heads of logs
//! ```
//!
//! Rejected: drawing cases until the solver fails and keeping those. They would be shaped by one solver, and a mended solver would
//! look perfect.

pub mod chance;
pub mod losses;

use crate::cloud::catalogue::{EXTENSIONS_WRITE, Kind, RUN_COMMAND, RUN_COMMANDS_WRITE};
use crate::instant::{Clock, Instant};
use crate::plan::Plan;
use crate::random::Random;
use crate::world::{
    CONTRIBUTOR, Client, Export, Family, GoalState, Machine, OWNER, Operation, Outcome, Platform,
    Process, Run, Shape, Subscription, SystemLog, World,
};
use chance::draw;
use std::collections::{BTreeMap, BTreeSet};

/// The day on which cases begin.
const DAY: Instant = Instant::of_seconds(1_714_348_800);
/// How many days a case has.
const DAYS: i64 = 5;

/// How far the guests' clocks are off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clocks {
    /// Within two seconds.
    Right,
    /// Up to half a minute, either way.
    Seconds,
    /// Up to five minutes, either way.
    Minutes,
    /// Up to two hours, or off by a zone.
    Hours,
    /// Up to five minutes, growing by up to 40 seconds a day.
    Drifting,
    /// Up to a minute, and set in the middle: by seconds, minutes or an hour.
    Set,
}

impl Clocks {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Right,
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
        Self::Drifting,
        Self::Set,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right (± 2 s)",
            Self::Seconds => "± 30 s",
            Self::Minutes => "± 300 s",
            Self::Hours => "± 2 h, zones",
            Self::Drifting => "± 300 s, drifting",
            Self::Set => "set midway",
        }
    }
}

/// What makes a case hard. Shares are in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difficulty {
    /// Clocks of the guests.
    pub clocks: Clocks,
    /// How probably a row, a file or a block of log lines is missing; a third of it for a whole kind on a machine.
    pub missing: u64,
    /// Machines collected.
    pub machines: usize,
    /// Machines that have a twin which was not collected.
    pub twins: u64,
    /// Sessions whose commands come within a minute.
    pub bursts: u64,
    /// Machines with a command every hour.
    pub hourly: u64,
    /// Operations that fail before they reach the guest.
    pub refused: u64,
    /// Runs that no operation asked for.
    pub strangers: u64,
    /// Machines whose action extension was installed anew.
    pub resets: u64,
    /// Machines whose agent logs correlation ids.
    pub correlations: u64,
    /// Machines whose logs' heads were rotated away.
    pub rotated: u64,
    /// Machines whose handlers were updated in the middle.
    pub updated: u64,
    /// Of managed run commands on Linux, those that run immediately.
    pub immediate: u64,
}

impl Difficulty {
    /// Everything that may go wrong, with these clocks and losses.
    #[must_use]
    pub const fn with(clocks: Clocks, missing: u64) -> Self {
        Self {
            clocks,
            missing,
            machines: 4,
            twins: 35,
            bursts: 40,
            hourly: 20,
            refused: 12,
            strangers: 6,
            resets: 20,
            correlations: 40,
            rotated: 20,
            updated: 25,
            immediate: 12,
        }
    }
}

/// Azure names and what the guest calls itself: equal, cut to 15 letters, or with the twin's first 15 letters.
const NAMES: [(&str, &str, &str); 10] = [
    ("web01", "web01", "web01"),
    ("app-prod-02", "app-prod-02", "app-prod-02"),
    ("sql-node-a", "sql-node-a", "sql-node-a"),
    (
        "prodwebserver-eus01",
        "prodwebserver-e",
        "prodwebserver-eus02",
    ),
    (
        "contoso-batch-west-7",
        "contoso-batch-w",
        "contoso-batch-west-8",
    ),
    ("vm1", "vm1", "vm1"),
    ("vm10", "vm10", "vm10"),
    (
        "finance-reporting-01",
        "finance-reporti",
        "finance-reporting-02",
    ),
    ("jump", "jump", "jump"),
    ("k8s-agent-000", "k8s-agent-000", "k8s-agent-000"),
];
/// Names of managed run commands; one is the tail of another.
const COMMANDS: [&str; 5] = ["health-probe", "fix", "hotfix", "rc1", "rotate-keys"];
/// Addresses that call.
const ADDRESSES: [&str; 3] = ["192.0.2.10", "198.51.100.24", "203.0.113.77"];

struct Maker {
    plan: Plan,
    random: Random,
    hard: Difficulty,
    tokens: Vec<usize>,
    installed: BTreeSet<(usize, Family)>,
    /// From when on a machine's handlers are of the next version.
    updated: BTreeMap<usize, Instant>,
}

/// A case's facts.
#[must_use]
pub fn world(seed: u64, hard: Difficulty) -> World {
    let plan = Plan::new("adversary", seed);
    let random = Random::new(seed).stream("adversary");
    let mut maker = Maker {
        plan,
        random,
        hard,
        tokens: Vec::new(),
        installed: BTreeSet::new(),
        updated: BTreeMap::new(),
    };
    maker.cast();
    let first = maker.random.below(NAMES.len() as u64) as usize;
    let mut resets: BTreeMap<usize, Instant> = BTreeMap::new();
    for number in 0..hard.machines {
        let Some(names) = NAMES.iter().cycle().nth(first + number) else {
            break;
        };
        let at = maker.machine(*names);
        if maker.random.percent(hard.updated) {
            let moment = maker.moment();
            maker.updated.insert(at, moment);
        }
        if maker.random.percent(hard.resets) {
            resets.insert(at, maker.moment());
        }
        let twin = maker
            .random
            .percent(hard.twins)
            .then(|| maker.twin(at, names.2));
        maker.life(at, twin.as_ref(), resets.get(&at).copied());
    }
    maker.exports();
    let mut random = maker.random;
    let mut world = maker.plan.finish();
    number_again(&mut world, &resets);
    losses::lose(&mut world, hard, &mut random);
    world
}

/// After a reset numbers begin again, and files of equal numbers are overwritten.
fn number_again(world: &mut World, resets: &BTreeMap<usize, Instant>) {
    for (machine, reset) in resets {
        let is_later = |run: &Run| {
            run.machine == *machine && run.family == Family::Action && run.noticed >= *reset
        };
        let lowest = world
            .runs
            .iter()
            .filter(|run| is_later(run))
            .map(|run| run.sequence);
        let Some(lowest) = lowest.min() else { continue };
        let mut most = None;
        for run in world.runs.iter_mut().filter(|run| is_later(run)) {
            run.sequence -= lowest;
            most = most.max(Some(run.sequence));
        }
        for run in &mut world.runs {
            let earlier =
                run.machine == *machine && run.family == Family::Action && run.noticed < *reset;
            if earlier && Some(run.sequence) <= most {
                run.lost.extend(losses::FILES);
            }
        }
    }
}

impl Maker {
    fn cast(&mut self) {
        for name in ["contoso-production", "contoso-data"] {
            let id = self.random.guid();
            self.plan
                .world
                .subscriptions
                .push(Subscription { id, name });
        }
        for (upn, name, client) in [
            ("operator@contoso.example", "Operator", Client::CommandLine),
            ("", "automation", Client::Own),
        ] {
            let role = if upn.is_empty() { OWNER } else { CONTRIBUTOR };
            let principal = self.plan.principal(upn, name, role);
            let token = self
                .plan
                .token(principal, client, Some("192.0.2.10"), DAY, None);
            self.tokens.push(token);
        }
    }

    /// A moment of the case's working days.
    fn moment(&mut self) -> Instant {
        let hours = DAYS * 24 - 16;
        DAY.plus_seconds(8 * 3_600 + self.random.between(0, hours * 3_600))
    }

    fn subscription_id(&self, at: usize) -> &str {
        let found = self.plan.world.subscriptions.get(at);
        found.map_or("", |subscription| &subscription.id)
    }

    fn of_machine(&self, at: usize) -> (usize, String) {
        let found = self.plan.world.machines.get(at);
        found.map_or((0, String::new()), |machine| {
            (machine.subscription, machine.resource.clone())
        })
    }

    fn resource(&self, subscription: usize, group: &str, name: &str) -> String {
        let id = self.subscription_id(subscription);
        format!(
            "/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
        )
    }

    fn machine(&mut self, (azure, guest, _): (&'static str, &'static str, &'static str)) -> usize {
        let random = &mut self.random;
        let windows = random.percent(40);
        let zone_minutes = *random.one(&[0, 0, 0, 60, 120, -300, 330]).unwrap_or(&0);
        let sign = if random.percent(50) { 1 } else { -1 };
        let (skew_ms, drift_ms_per_day) = match self.hard.clocks {
            Clocks::Right => (random.between(-2_000, 2_000), 0),
            Clocks::Seconds => (random.between(-30_000, 30_000), 0),
            Clocks::Minutes => (random.between(-300_000, 300_000), 0),
            Clocks::Hours if random.percent(50) => (
                sign * random.between(1, 22) * 1_800_000 + random.between(-3_000, 3_000),
                0,
            ),
            Clocks::Hours => (random.between(-7_200_000, 7_200_000), 0),
            Clocks::Drifting => (
                random.between(-300_000, 300_000),
                random.between(-40_000, 40_000),
            ),
            Clocks::Set => (random.between(-60_000, 60_000), 0),
        };
        let step = match random.between(0, 2) {
            0 => random.between(20_000, 120_000),
            1 => random.between(120_000, 900_000),
            _ => 3_600_000,
        };
        let set_at = self.moment();
        let random = &mut self.random;
        let steps = if self.hard.clocks == Clocks::Set {
            vec![(set_at, sign * step)]
        } else {
            Vec::new()
        };
        let modern = !windows && random.percent(self.hard.correlations);
        let system_log = *random
            .one(&[
                SystemLog::DebianTraditional,
                SystemLog::DebianIso,
                SystemLog::RedHat,
            ])
            .unwrap_or(&SystemLog::DebianIso);
        let mut boots = vec![DAY.at(1, 2, 11)];
        let audited = random.percent(40);
        let vm_id = random.guid();
        let subscription = usize::from(random.percent(30));
        for _ in 0..self.random.between(0, 3) {
            boots.push(self.moment());
        }
        boots.sort();
        let resource = self.resource(subscription, "rg-prod", azure);
        let collected = DAY.plus_days(DAYS);
        self.plan.world.machines.push(Machine {
            name: guest,
            resource,
            subscription,
            vm_id,
            platform: if windows {
                Platform::Windows
            } else {
                Platform::Linux
            },
            clock: Clock {
                skew_ms,
                drift_ms_per_day,
                origin: DAY,
                steps,
                zone_minutes,
            },
            agent: match (windows, modern) {
                (true, _) => "2.7.41491.1095",
                (_, true) => "2.11.1.4",
                _ => "2.2.51",
            },
            agent_knows_correlation: modern,
            system: if windows {
                "Windows Server 2022 Datacenter, 10.0.20348.0"
            } else {
                "ubuntu 22.04"
            },
            python: if windows { "" } else { "3.10.12" },
            system_log,
            boots,
            collected,
            audited_until: audited.then_some(collected),
        });
        self.plan.world.machines.len() - 1
    }

    /// The resource of a VM that the same guest could be.
    fn twin(&mut self, of: usize, azure: &str) -> (usize, String) {
        let (own, _) = self.of_machine(of);
        // Same group where the name differs, another group or subscription where it does not.
        let subscription = if self.random.percent(50) {
            own
        } else {
            1 - own
        };
        (subscription, self.resource(subscription, "rg-test", azure))
    }

    /// Everything that is asked of a machine, and of its twin.
    fn life(&mut self, machine: usize, twin: Option<&(usize, String)>, reset: Option<Instant>) {
        let own = self.of_machine(machine);
        for _ in 0..self.random.between(2, 6) {
            let at = self.moment();
            self.session(at, Some(machine), &own, reset);
        }
        if let Some(twin) = twin {
            for _ in 0..self.random.between(1, 5) {
                let at = self.moment();
                self.session(at, None, twin, None);
            }
            // Automation that visits both within seconds.
            for _ in 0..self.random.between(0, 3) {
                let at = self.moment();
                let after = self.random.between(200, 20_000);
                self.session(at, Some(machine), &own, reset);
                self.session(at.plus_ms(after), None, twin, None);
            }
        }
        if self.random.percent(self.hard.hourly) {
            let mut at = self.moment();
            for _ in 0..self.random.between(6, 30) {
                let late = self.random.between(0, 2_500);
                let family = Family::Action;
                self.command(
                    at.plus_ms(late),
                    Some(machine),
                    &own,
                    family,
                    Some("hostname; df -h /\n"),
                );
                at = at.plus_seconds(3_600);
            }
        }
    }

    fn session(
        &mut self,
        at: Instant,
        machine: Option<usize>,
        vm: &(usize, String),
        reset: Option<Instant>,
    ) {
        let quick = self.random.percent(self.hard.bursts);
        let mut now = at;
        for _ in 0..self.random.between(1, 6) {
            let family = match self.random.below(10) {
                0..5 => Family::Action,
                5..9 => Family::Managed,
                _ => Family::Extension,
            };
            // Nothing is asked of an extension while it is being installed anew.
            if reset.is_some_and(|reset| now.ms_since(reset).abs() < 5_400_000) {
                break;
            }
            let busy = self.command(now, machine, vm, family, None);
            let gap = if quick { chance::AT_ONCE } else { chance::NEXT };
            now = busy.plus_ms(draw(&mut self.random, gap));
        }
    }

    /// One command; when the next may be asked for.
    fn command(
        &mut self,
        at: Instant,
        machine: Option<usize>,
        vm: &(usize, String),
        family: Family,
        script: Option<&str>,
    ) -> Instant {
        let (kind, name, resource): (&'static Kind, Option<&'static str>, String) = match family {
            Family::Action => (&RUN_COMMAND, None, vm.1.clone()),
            Family::Managed | Family::Immediate => {
                let name = self.random.one(&COMMANDS).copied().unwrap_or("rc1");
                (
                    &RUN_COMMANDS_WRITE,
                    Some(name),
                    format!("{}/runCommands/{name}", vm.1),
                )
            }
            Family::Extension => (
                &EXTENSIONS_WRITE,
                Some("CustomScript"),
                format!("{}/extensions/CustomScript", vm.1),
            ),
        };
        let random = &mut self.random;
        let begun = at.plus_nanoseconds(random.between(0, 9_999_999) * 100);
        let token = random.one(&self.tokens).copied();
        let address = random.one(&ADDRESSES).copied();
        let mut operation = Operation {
            kind,
            subscription: vm.0,
            resource,
            token,
            address,
            correlation: random.guid(),
            begun,
            accepted: Some(begun.plus_ms(draw(random, chance::ACCEPTED))),
            ended: begun,
            outcome: Outcome::Succeeded(200),
            request_body: None,
            response_body: None,
            hostile: false,
        };
        if random.percent(self.hard.refused) {
            // Refused at once, or given up after a while: the guest never heard of it.
            let (after, http, code) = if random.percent(70) {
                operation.accepted = None;
                (random.between(120, 2_500), 409, "Conflict")
            } else {
                (
                    random.between(30_000, 5_400_000),
                    500,
                    "VMAgentStatusCommunicationError",
                )
            };
            operation.ended = begun.plus_ms(after);
            operation.outcome =
                Outcome::Failed(http, code, "The operation did not reach the machine.");
            let busy = operation.ended;
            self.plan.world.operations.push(operation);
            return busy;
        }
        let created = begun.plus_ms(draw(random, chance::CREATED));
        let noticed = created.plus_ms(draw(random, chance::NOTICED));
        let fresh = machine.is_some_and(|machine| self.installed.insert((machine, family)));
        let wait = if fresh {
            chance::INSTALLED
        } else {
            chance::STARTED
        };
        let fetch = if family == Family::Extension { 400 } else { 0 };
        let started = noticed.plus_ms(draw(random, wait) + fetch);
        let ended = started.plus_ms(draw(random, chance::LASTS));
        let failing = random.percent(20);
        operation.ended = ended.plus_ms(draw(random, chance::REPORTED));
        // Only custom script says so when its script fails.
        if failing && family == Family::Extension {
            operation.outcome =
                Outcome::Failed(409, "VMExtensionProvisioningError", "The command failed.");
        }
        let correlation = operation.correlation.clone();
        let busy = operation.ended;
        // A stranger: whoever asked for it, no log of this cloud says so.
        let stranger = random.percent(self.hard.strangers);
        let asked = (!stranger).then(|| {
            self.plan.world.operations.push(operation);
            self.plan.world.operations.len() - 1
        });
        let Some(machine) = machine else {
            return busy;
        };
        let found = self.plan.world.machines.get(machine);
        let windows = found.is_some_and(|machine| machine.platform == Platform::Windows);
        let updated = self.updated.get(&machine).copied();
        let at_once = family == Family::Managed && !windows && random.percent(self.hard.immediate);
        let family = if at_once { Family::Immediate } else { family };
        // Most scripts are one of a few; equal scripts tell nothing apart.
        let text = match (script, random.percent(50)) {
            (Some(script), _) => script.to_owned(),
            (None, true) => "id; hostname\nuptime\n".to_owned(),
            (None, false) => format!("echo {}\n", random.hex(8)),
        };
        let (exe, word) = if windows {
            (r"C:\Windows\System32\whoami.exe", "whoami")
        } else {
            ("/usr/bin/id", "id")
        };
        let extension = family == Family::Extension;
        self.plan.world.runs.push(Run {
            machine,
            family,
            name,
            // Given at the end, which knows the order.
            sequence: 0,
            operation: asked,
            goal_state: GoalState {
                created,
                number: 1_000_000_000 + random.below(4_000_000_000),
                activity: random.guid(),
                correlation,
            },
            noticed,
            started,
            ended,
            exit_code: i32::from(failing),
            script: text.into_bytes(),
            command: extension.then(|| {
                if windows {
                    "powershell -File setup.ps1".to_owned()
                } else {
                    "bash setup.sh".to_owned()
                }
            }),
            file_uri: extension.then(|| {
                let file = if windows { "setup.ps1" } else { "setup.sh" };
                format!("https://packages.contoso.example/{file}")
            }),
            stdout: b"done\n".to_vec(),
            stderr: Vec::new(),
            lost: BTreeSet::new(),
            stdout_emptied: None,
            removed: None,
            processes: vec![Process {
                after_ms: 20,
                exe,
                arguments: vec![word.to_owned()],
            }],
            deeds: Vec::new(),
            next_version: updated.is_some_and(|updated| noticed >= updated),
            hostile: false,
        });
        busy
    }

    /// One shape or two that overlap, of any kind; the portal's download, which names no operation, beside them.
    fn exports(&mut self) {
        let (from, to) = (DAY, DAY.plus_days(DAYS + 1));
        for (subscription, paths) in [
            (
                0,
                [
                    "cloud/production.json",
                    "cloud/insights-production",
                    "cloud/query_data-production.csv",
                    "cloud/Get-AzActivityLog-production.json",
                    "cloud/QueryResult-production.csv",
                ],
            ),
            (
                1,
                [
                    "cloud/data.json",
                    "cloud/insights-data",
                    "cloud/query_data-data.csv",
                    "cloud/Get-AzActivityLog-data.json",
                    "cloud/QueryResult-data.csv",
                ],
            ),
        ] {
            let [query, account, table, powershell, portal] = paths;
            let mut shapes = vec![
                (query, Shape::CommandLine),
                (account, Shape::Diagnostic),
                (table, Shape::Table),
                (powershell, Shape::PowerShell),
            ];
            let mut drawn = || {
                let at = self.random.below(shapes.len() as u64) as usize;
                shapes.remove(at)
            };
            let (one, other) = (drawn(), drawn());
            let split = self.moment();
            let overlap = self.random.between(0, 86_400);
            let mut parts = if self.random.percent(50) {
                vec![(one.0, one.1, from, to)]
            } else {
                // What is submitted later than it happened is in the overlap.
                let until = split.plus_seconds(overlap.max(600));
                vec![(one.0, one.1, from, until), (other.0, other.1, split, to)]
            };
            if self.random.percent(30) {
                let begins = self.moment();
                let ends = begins.plus_seconds(self.random.between(3_600, 172_800));
                parts.push((portal, Shape::Portal, begins, ends));
            }
            for (path, shape, from, to) in parts {
                self.plan.world.exports.push(Export {
                    path,
                    shape,
                    subscription,
                    from,
                    to,
                });
            }
        }
    }
}
