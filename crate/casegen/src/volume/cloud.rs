//! Activity Log exports without end: forty callers, some from two addresses, on five hundred resources.

use super::{Counter, Written};
use crate::cloud::catalogue::{Answer, CALLED, Kind, LIST_KEYS, RUN_COMMAND, RUN_COMMANDS_WRITE};
use crate::cloud::rows::{Row, rows_of};
use crate::cloud::{command_line, diagnostic};
use crate::instant::Instant;
use crate::json::Hand;
use crate::random::Random;
use crate::world::{
    CONTRIBUTOR, Client, OWNER, Operation, Outcome, Principal, PrincipalKind, Role, Subscription,
    Token, VM_CONTRIBUTOR, World,
};
use std::io;

const CALLERS: usize = 40;
const MACHINES: u64 = 400;
const ACCOUNTS: u64 = 100;
const ADDRESSES: [&str; 8] = [
    "192.0.2.10",
    "192.0.2.77",
    "192.0.2.130",
    "198.51.100.8",
    "198.51.100.40",
    "203.0.113.5",
    "2001:db8:4:21::9",
    "2001:db8:77::1",
];
/// 2024-01-01.
const FIRST: Instant = Instant::of_seconds(1_704_067_200);

struct Source {
    world: World,
    random: Random,
    names: Vec<&'static str>,
}

impl Source {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed).stream("volume of activity");
        let mut world = World {
            seed,
            story: "volume",
            tenant: random.guid(),
            ..World::default()
        };
        for name in ["contoso-production", "contoso-data", "contoso-test"] {
            world.subscriptions.push(Subscription {
                id: random.guid(),
                name,
            });
        }
        for number in 0..CALLERS {
            let user = !number.is_multiple_of(3);
            world.principals.push(Principal {
                kind: if user {
                    PrincipalKind::User
                } else {
                    PrincipalKind::Application
                },
                upn: if user {
                    format!("operator{number:02}@contoso.example")
                } else {
                    String::new()
                },
                object_id: random.guid(),
                name: "Cloud Operator",
                puid: format!("1003{}", random.hex(12).to_uppercase()),
                role: role(number),
                role_assignment: random.hex(32),
            });
        }
        Self {
            world,
            random,
            names: vec!["web", "app", "db", "cache", "queue"],
        }
    }

    /// A caller's current token: renewed about every hour of the log.
    fn token(&mut self, principal: usize, at: Instant) -> usize {
        let known = self
            .world
            .tokens
            .iter()
            .position(|token| token.principal == principal);
        let user = !principal.is_multiple_of(3);
        let address = ADDRESSES.get(principal % ADDRESSES.len()).copied();
        let session = self.random.guid();
        let fresh = Token {
            principal,
            client: Client::CommandLine,
            issued: at.plus_seconds(-600),
            address: address.filter(|_| user),
            methods: "pwd,mfa",
            uti: self.random.opaque(22),
            session,
            aio: self.random.opaque(88),
            app_id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46".to_owned(),
        };
        match known {
            Some(at_token) => {
                if let Some(token) = self.world.tokens.get_mut(at_token)
                    && at.ms_since(token.issued).abs() > 4_200_000
                {
                    *token = fresh;
                }
                at_token
            }
            None => {
                self.world.tokens.push(fresh);
                self.world.tokens.len() - 1
            }
        }
    }

    fn operation(&mut self, at: Instant) -> Operation {
        let kind: &'static Kind = match self.random.below(100) {
            0..4 => &RUN_COMMAND,
            4..6 => &RUN_COMMANDS_WRITE,
            6..16 => &LIST_KEYS,
            _ => self.random.one(CALLED).copied().unwrap_or(&LIST_KEYS),
        };
        let principal = self.random.below(CALLERS as u64) as usize;
        let token = self.token(principal, at);
        let elsewhere = self.random.percent(4);
        let address = ADDRESSES
            .get((principal + usize::from(elsewhere)) % ADDRESSES.len())
            .copied();
        let subscription = self.random.below(3) as usize;
        let begun = at.plus_nanoseconds(self.random.between(1, 9_999_999) * 100);
        let accepted = (kind.answer == Answer::Later)
            .then(|| begun.plus_nanoseconds(self.random.between(4_000_000, 14_000_000) * 100));
        let lasts = self.random.between(90_000_000, 460_000_000) * 100;
        Operation {
            kind,
            subscription,
            resource: self.resource(kind, subscription),
            token: Some(token),
            address,
            correlation: self.random.guid(),
            begun,
            ended: accepted.map_or(begun.plus_ms(430), |accepted| {
                accepted.plus_nanoseconds(lasts)
            }),
            accepted,
            outcome: if self.random.percent(3) {
                Outcome::Failed(
                    409,
                    "Conflict",
                    "The request conflicts with the state of the resource.",
                )
            } else {
                Outcome::Succeeded(200)
            },
            request_body: None,
            response_body: None,
            hostile: false,
        }
    }

    fn resource(&mut self, kind: &Kind, subscription: usize) -> String {
        let id = self
            .world
            .subscriptions
            .get(subscription)
            .map_or("", |it| &it.id);
        let name = self.random.one(&self.names).copied().unwrap_or("web");
        let group = self.random.below(12);
        let root = format!("/subscriptions/{id}/resourceGroups/rg-{name}-{group:02}/providers");
        let machine = self.random.below(MACHINES);
        match kind.name.split('/').nth(1) {
            Some("virtualMachines") => {
                let vm = format!("{root}/Microsoft.Compute/virtualMachines/{name}{machine:03}");
                match kind.name.split('/').nth(2) {
                    Some("runCommands") => format!("{vm}/runCommands/rc{}", self.random.below(60)),
                    Some("extensions") => format!("{vm}/extensions/config{}", self.random.below(9)),
                    _ => vm,
                }
            }
            _ => {
                let account = self.random.below(ACCOUNTS);
                format!("{root}/{}/{name}{account:03}", kind.resource_type())
            }
        }
    }
}

const fn role(number: usize) -> Role {
    match number % 5 {
        0 => OWNER,
        1 => VM_CONTRIBUTOR,
        _ => CONTRIBUTOR,
    }
}

/// Feeds rows of operation after operation, `step_ms` apart, until told to stop.
pub(super) fn feed(
    seed: u64,
    step_ms: i64,
    mut take: impl FnMut(&World, &Operation, Vec<Row>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut source = Source::new(seed);
    let mut at = FIRST;
    loop {
        at = at.plus_ms(step_ms + source.random.between(0, step_ms.abs()));
        let operation = source.operation(at);
        let rows = rows_of(&operation, &mut source.random);
        if !take(&source.world, &operation, rows)? {
            return Ok(());
        }
    }
}

/// NDJSON of the diagnostic-settings shape, as a storage account keeps it. One record a line.
pub fn activity_ndjson(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let mut counter = Counter::new(out);
    feed(seed, 700, |world, operation, rows| {
        for row in rows {
            let mut line = String::with_capacity(3_000);
            diagnostic::record(world, operation, &row).write(Hand::Compact, 0, &mut line);
            line.push('\n');
            counter.write(&line, 1)?;
        }
        Ok(counter.is_below(size))
    })?;
    Ok(counter.written)
}

/// One array as `az monitor activity-log list` prints it, newest first.
pub fn activity_array(seed: u64, size: u64, out: &mut dyn io::Write) -> io::Result<Written> {
    let mut counter = Counter::new(out);
    feed(seed, -900, |world, operation, rows| {
        for row in rows.iter().rev() {
            let first = counter.written.records == 0;
            let mut text = String::from(if first { "[\n  " } else { ",\n  " });
            command_line::record(world, operation, row).write(Hand::TwoSpaces, 1, &mut text);
            counter.write(&text, 1)?;
        }
        Ok(counter.is_below(size))
    })?;
    counter.write("\n]\n", 0)?;
    Ok(counter.written)
}
