//! `audit.log`: the programs that scripts started, as the kernel saw them.
//!
//! Everything below the agent has never logged in, so `auid` and `ses` are 4294967295 and there is no terminal. A value
//! with a space, a quote or a control character is written in bare hexadecimal digits, any other in quotes.

use super::guest_file;
use crate::case::CaseFile;
use crate::instant::Instant;
use crate::random::Random;
use crate::world::{Family, Machine, Run, Trace, World};

/// A program that was started.
#[derive(Clone, Debug)]
pub struct Started<'a> {
    /// Process id.
    pub process: i64,
    /// Parent's process id.
    pub parent: i64,
    /// Executable.
    pub exe: &'a str,
    /// Arguments, the first being the name.
    pub arguments: &'a [String],
    /// Working folder.
    pub folder: &'a str,
}

/// A value as the audit log writes untrusted text.
#[must_use]
pub fn untrusted(bytes: &[u8]) -> String {
    if bytes
        .iter()
        .all(|byte| (b'!'..=b'~').contains(byte) && *byte != b'"')
    {
        format!("\"{}\"", String::from_utf8_lossy(bytes))
    } else {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

/// The five lines of a started program.
#[must_use]
pub fn execve(at: Instant, serial: u64, started: &Started<'_>) -> String {
    let stamp = stamp(at, serial);
    let Started {
        process,
        parent,
        exe,
        arguments,
        folder,
    } = started;
    let comm: String = exe
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .take(15)
        .collect();
    let listed: String = arguments
        .iter()
        .enumerate()
        .map(|(at, argument)| format!(" a{at}={}", untrusted(argument.as_bytes())))
        .collect();
    let mut title = arguments.join("\0").into_bytes();
    title.truncate(128);
    let heap = 0x55d0_c000_0000_u64 + serial * 0x1250;
    format!(
        "type=SYSCALL {stamp}: arch=c000003e syscall=59 success=yes exit=0 a0={heap:x} a1={:x} a2={:x} a3=8 items=2 ppid={parent} pid={process} auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm={} exe={} subj=unconfined key=\"exec\"\n\
         type=EXECVE {stamp}: argc={}{listed}\n\
         type=CWD {stamp}: cwd={}\n\
         type=PATH {stamp}: item=0 name={} inode={} dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
         type=PROCTITLE {stamp}: proctitle={}\n",
        heap + 80,
        heap + 160,
        untrusted(comm.as_bytes()),
        untrusted(exe.as_bytes()),
        arguments.len(),
        untrusted(folder.as_bytes()),
        untrusted(exe.as_bytes()),
        1_000 + exe.len() * 37,
        untrusted(&title),
    )
}

/// A session of cron, as two of the records that it leaves.
#[must_use]
pub fn cron(at: Instant, serial: u64, process: i64) -> String {
    let body = |operation: &str| {
        format!(
            "pid={process} uid=0 auid=0 ses={serial} subj=unconfined msg='op=PAM:{operation} acct=\"root\" exe=\"/usr/sbin/cron\" hostname=? addr=? terminal=cron res=success'"
        )
    };
    format!(
        "type=USER_START {}: {}\ntype=USER_END {}: {}\n",
        stamp(at, serial),
        body("session_open"),
        stamp(at.plus_ms(930), serial + 1),
        body("session_close"),
    )
}

fn stamp(at: Instant, serial: u64) -> String {
    format!(
        "msg=audit({}.{:03}:{serial})",
        at.seconds(),
        at.ms().rem_euclid(1_000)
    )
}

enum Fact<'w> {
    Run(&'w Run),
    Cron,
    End,
}

/// The audit log of a machine where one was kept.
#[must_use]
pub fn files(world: &World, machine_at: usize, machine: &Machine) -> Vec<CaseFile> {
    let Some(until) = machine.audited_until else {
        return Vec::new();
    };
    let mut facts: Vec<(Instant, Fact<'_>)> = world
        .runs
        .iter()
        .filter(|run| run.machine == machine_at && !run.lost.contains(&Trace::Audit))
        .map(|run| (run.started, Fact::Run(run)))
        .collect();
    let first = machine.boots.first().copied().unwrap_or_default();
    let mut hour = first.plus_seconds(3_001);
    while hour < until {
        facts.push((hour, Fact::Cron));
        hour = hour.plus_seconds(3_600);
    }
    facts.push((until, Fact::End));
    facts.sort_by_key(|(at, _)| *at);
    let mut log = Log {
        machine,
        random: Random::new(world.seed).stream(&format!("audit of {}", machine.name)),
        until,
        serial: 200,
        process: 2_400,
        text: String::new(),
    };
    for (at, fact) in facts {
        match fact {
            Fact::Run(run) => log.run(run),
            Fact::Cron => log.cron(at),
            Fact::End => log.end(at),
        }
    }
    vec![guest_file(
        machine,
        "/var/log/audit/audit.log",
        until,
        log.text.into_bytes(),
    )]
}

struct Log<'w> {
    machine: &'w Machine,
    random: Random,
    until: Instant,
    serial: u64,
    process: i64,
    text: String,
}

impl Log<'_> {
    fn next(&mut self) -> (u64, i64) {
        self.serial += 1 + self.random.below(4);
        self.process += self.random.between(1, 6);
        (self.serial, self.process)
    }

    fn cron(&mut self, at: Instant) {
        let (serial, process) = self.next();
        self.serial += 1;
        let at = self.machine.clock.reading(at);
        self.text.push_str(&cron(at, serial, process));
    }

    fn end(&mut self, at: Instant) {
        let (serial, process) = self.next();
        let at = self.machine.clock.reading(at);
        self.text.push_str(&format!(
            "type=DAEMON_END {}: op=terminate auid=4294967295 uid=0 ses=4294967295 pid={process} subj=unconfined res=success\n",
            stamp(at, serial)
        ));
    }

    fn start(
        &mut self,
        at: Instant,
        parent: i64,
        exe: &str,
        arguments: &[String],
        folder: &str,
    ) -> i64 {
        if at > self.until {
            return parent;
        }
        let (serial, process) = self.next();
        let started = Started {
            process,
            parent,
            exe,
            arguments,
            folder,
        };
        let at = self.machine.clock.reading(at);
        self.text.push_str(&execve(at, serial, &started));
        process
    }

    /// The handler's shell, the script's, and what the script started.
    fn run(&mut self, run: &Run) {
        let folder = run.download();
        let script = format!("{folder}/{}", run.script_file());
        let command = run.command.clone().unwrap_or_else(|| script.clone());
        let (shell, exe) = match run.family {
            Family::Managed | Family::Immediate => ("/bin/bash", "/usr/bin/bash"),
            Family::Action | Family::Extension => ("/bin/sh", "/usr/bin/dash"),
        };
        let handler = self.process;
        let words = [shell.to_owned(), "-c".to_owned(), command];
        let outer = self.start(run.started, handler, exe, &words, &folder);
        let (own, own_exe) = if run.script.starts_with(b"#!/bin/bash") {
            ("/bin/bash", "/usr/bin/bash")
        } else {
            ("/bin/sh", "/usr/bin/dash")
        };
        let inner = self.start(
            run.started.plus_ms(1),
            outer,
            own_exe,
            &[own.to_owned(), script],
            &folder,
        );
        for child in &run.processes {
            self.start(
                run.started.plus_ms(child.after_ms.max(2)),
                inner,
                child.exe,
                &child.arguments,
                &folder,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Started, execve, untrusted};
    use crate::instant::Instant;

    #[test]
    fn untrusted_text_is_quoted_or_hexadecimal() {
        assert_eq!(untrusted(b"curl"), "\"curl\"");
        assert_eq!(untrusted(b"a b"), "612062");
        assert_eq!(untrusted(b"\""), "22");
        assert_eq!(untrusted("é".as_bytes()), "C3A9");
    }

    #[test]
    fn a_started_program_is_one_event_of_five_records() {
        let arguments = ["sh".to_owned(), "-c".to_owned(), "id; id".to_owned()];
        let text = execve(
            Instant::of_seconds(10).plus_ms(7),
            42,
            &Started {
                process: 3,
                parent: 2,
                exe: "/usr/bin/dash",
                arguments: &arguments,
                folder: "/",
            },
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(
            lines
                .iter()
                .all(|line| line.contains(" msg=audit(10.007:42): "))
        );
        assert!(lines[1].ends_with("argc=3 a0=\"sh\" a1=\"-c\" a2=69643B206964"));
        assert!(lines[4].ends_with("proctitle=7368002D630069643B206964"));
    }
}
