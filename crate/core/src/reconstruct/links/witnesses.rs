//! Who else saw a run: processes of its tree, files written for it, flows to addresses that its script names.
//!
//! An audit log or an endpoint's telemetry names the script by its path, and the path names the run; what that process started, and what
//! those connected to, is the run's as well. A flow log knows neither process nor script, but a script names where it goes:
//!
//! ```text
//! /bin/sh -c /var/lib/waagent/run-command/download/3/script.sh      action, number 3
//!   curl http://203.0.113.9/a                                       its child
//!     10.0.0.4 → 203.0.113.9:80                                     by the child's id; or by the script's text and the time
//! ```
//!
//! A process counts where it ran on the same guest; its time is not asked for, since the number is in the path. Addresses are taken from
//! all decoded layers of a script. A flow to one of them counts from the run's start to a minute after its end, by the guest's clock where
//! the guest itself saw it, by the cloud's where a flow log did.
//!
//! Rejected: every process between start and end. A machine does other things meanwhile.

use crate::case::store::{EventNumber, Store};
use crate::event::fact::GuestSaid;
use crate::event::facts::FactKind;
use crate::event::intern::{Interner, Symbol};
use crate::evidence::layout::Family;
use crate::identity::{address, folded, host_label};
use crate::reconstruct::processes::Process;
use crate::reconstruct::runs::Run;
use crate::record::run_mention;
use crate::script::Examined;
use crate::time::NS_PER_SECOND;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a process of the run connects to may come this much later than the run's end.
pub const AFTER: i64 = 60 * NS_PER_SECOND;
/// A flow may follow for as long as the platform lets a script run, where no end is known.
pub const LONGEST: i64 = 90 * 60 * NS_PER_SECOND;
/// Addresses of one script at most; a list of thousands is data, not a destination.
const ADDRESSES: usize = 256;

/// A flow to or from an address that a run's script names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedFlow {
    /// When, by the clock of who saw it.
    pub time: i64,
    /// The flow.
    pub event: EventNumber,
}

/// What was seen of one run by others than its handler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its script's process and what descends from it, in time order.
    pub processes: Vec<EventNumber>,
    /// Whether a process was started from its script's path (and not only descends from one).
    pub started: bool,
    /// Whether the file with its number was seen being written.
    pub written: bool,
    /// Connections of its processes, in time order.
    pub own_flows: Vec<EventNumber>,
    /// Connections that the guest saw, to addresses that its script names, in time order.
    pub by_guest: Vec<NamedFlow>,
    /// The same of flow logs, which keep the cloud's time.
    pub by_cloud: Vec<NamedFlow>,
}

/// The named flows of a run, as far as they fit its times.
pub fn fitting<'a>(
    flows: &'a [NamedFlow],
    started: i64,
    ended: Option<i64>,
) -> impl Iterator<Item = &'a NamedFlow> + use<'a> {
    let last = ended.map_or(started.saturating_add(LONGEST), |ended| {
        ended.saturating_add(AFTER)
    });
    let from = flows.partition_point(|flow| flow.time < started);
    flows
        .iter()
        .skip(from)
        .take_while(move |flow| flow.time <= last)
}

/// What names a run on a guest: label, feature, name, number; the texts folded and by number of [`Names`].
type Key = (Symbol, Family, Symbol, i64);

/// Labels and names by number, so that a million processes on few guests fold and compare few texts.
#[derive(Default)]
struct Names<'a> {
    folded: Interner,
    label_of: BTreeMap<&'a str, Symbol>,
}

impl<'a> Names<'a> {
    fn label(&mut self, host: &'a str) -> Symbol {
        let folded = &mut self.folded;
        let label = self.label_of.entry(host);
        *label.or_insert_with(|| folded.intern(&host_label(host)))
    }

    fn name(&mut self, name: Option<&str>) -> Symbol {
        name.map_or(Symbol::NONE, |name| self.folded.intern(&folded(name)))
    }
}

/// What witnesses are gathered from.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// All events.
    pub store: &'a Store,
    /// Each item's host and root.
    pub hosts: &'a [(Option<String>, String)],
    /// The runs.
    pub runs: &'a [Run],
    /// All processes, parents known.
    pub processes: &'a [Process],
    /// What is known of each run's script.
    pub examined: &'a [Option<Arc<Examined>>],
}

impl Witnesses<'_> {
    /// What was seen of each run, in the events that `keep` lets through.
    #[must_use]
    #[inline(never)]
    pub fn gather(&self, keep: impl Fn(EventNumber) -> bool) -> Vec<Seen> {
        let mut names = Names::default();
        let mut by_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (at, run) in self.runs.iter().enumerate() {
            if let Some(number) = run.sequence {
                let label = names.label(run.host.as_deref().unwrap_or(""));
                let key = (label, run.family, names.name(run.name.as_deref()), number);
                by_key.entry(key).or_default().push(at);
            }
        }
        let mut seen: Vec<Seen> = vec![Seen::default(); self.runs.len()];
        let of_process = self.trees(&by_key, &mut names, &mut seen);
        self.files(&mut seen);
        self.flows(&of_process, &mut seen, keep);
        let time = |event: &EventNumber| {
            let stamp = self.store.stamp(*event);
            let time = stamp.map_or(i64::MAX, |stamp| stamp.instant.ns);
            (time, self.store.span(*event).offset, *event)
        };
        for of_run in &mut seen {
            of_run.processes.sort_by_key(time);
            of_run.processes.dedup();
            of_run.own_flows.sort_by_key(time);
            of_run.by_guest.sort_unstable();
            of_run.by_cloud.sort_unstable();
        }
        seen
    }

    /// The run of each process: its own script's, else its parent's.
    fn trees<'a>(
        &'a self,
        by_key: &BTreeMap<Key, Vec<usize>>,
        names: &mut Names<'a>,
        seen: &mut [Seen],
    ) -> Vec<Option<usize>> {
        // What several processes say alike is understood once; only looked up.
        let mut known: HashMap<[Symbol; 4], Option<(Family, Symbol, i64)>, FixedState> =
            HashMap::with_hasher(FixedState::with_seed(0));
        let own: Vec<Option<usize>> = self
            .processes
            .iter()
            .map(|process| {
                let line = process.command_line(self.store);
                if !run_mention::may_run_script(line) {
                    return None;
                }
                let found = known.entry(process.of_script()).or_insert_with(|| {
                    let found = run_mention::of_process(
                        line,
                        process.directory(self.store),
                        process.parent_image(self.store),
                        process.parent_command_line(self.store),
                    )?;
                    let name = names.name(found.name.as_deref());
                    Some((found.family, name, found.sequence))
                });
                let (family, name, sequence) = (*found)?;
                let label = names.label(&process.host);
                let key = (label, family, name, sequence);
                self.nearest(by_key.get(&key)?, process.started().map(|time| time.ns))
            })
            .collect();
        for run in own.iter().flatten() {
            if let Some(of_run) = seen.get_mut(*run) {
                of_run.started = true;
            }
        }
        // Up to the first process whose run is known, then down again: each process is settled once.
        let mut settled: Vec<Option<Option<usize>>> = own.iter().map(|run| run.map(Some)).collect();
        for at in 0..self.processes.len() {
            let mut path: Vec<usize> = Vec::new();
            let mut next = Some(at);
            let mut found = None;
            while let Some(here) = next {
                match settled.get_mut(here) {
                    Some(Some(known)) => {
                        found = *known;
                        break;
                    }
                    Some(open) => {
                        // A circle of parents ends where it began.
                        *open = Some(None);
                        path.push(here);
                    }
                    None => break,
                }
                next = self
                    .processes
                    .get(here)
                    .and_then(|process| process.parent());
            }
            for here in path {
                if let Some(slot) = settled.get_mut(here) {
                    *slot = Some(found);
                }
            }
        }
        let of_process: Vec<Option<usize>> = settled.into_iter().map(Option::flatten).collect();
        for (process, run) in self.processes.iter().zip(&of_process) {
            if let Some(of_run) = run.and_then(|run| seen.get_mut(run)) {
                of_run.processes.extend(process.events.iter().copied());
            }
        }
        of_process
    }

    /// Of runs that bear one number (a counter that began again), the one that began last before a process.
    fn nearest(&self, runs: &[usize], time: Option<i64>) -> Option<usize> {
        let started = |at: usize| self.runs.get(at)?.started.map(|time| time.ns);
        let before = runs
            .iter()
            .copied()
            .filter(|at| match (started(*at), time) {
                (Some(started), Some(time)) => started <= time.saturating_add(2 * NS_PER_SECOND),
                _ => true,
            });
        before
            .max_by_key(|at| (started(*at), *at))
            .or_else(|| runs.first().copied())
    }

    /// Files that bear a run's number; where both sizes are known they must agree.
    fn files(&self, seen: &mut [Seen]) {
        let mut facts = self.store.facts.nearby();
        for (run, of_run) in self.runs.iter().zip(seen) {
            of_run.written = run.events.iter().any(|event| {
                let script = run.script.as_ref();
                let (mut written, mut other_size) = (false, false);
                for fact in facts.of_event(*event) {
                    written |= fact.guest().is_some_and(|fact| {
                        matches!(fact.said, GuestSaid::FileWritten | GuestSaid::ScriptWritten)
                    });
                    let size = fact.file().and_then(|file| file.size);
                    other_size |= size
                        .zip(script)
                        .is_some_and(|(size, script)| size != script.bytes);
                }
                written && !other_size
            });
        }
    }

    fn flows(
        &self,
        of_process: &[Option<usize>],
        seen: &mut [Seen],
        keep: impl Fn(EventNumber) -> bool,
    ) {
        if self.store.facts.count(FactKind::Flow) == 0 {
            return;
        }
        let mut names = Names::default();
        let mut by_entity: BTreeMap<(Symbol, Symbol), usize> = BTreeMap::new();
        let mut by_pid: BTreeMap<(Symbol, u64), Vec<(i64, usize)>> = BTreeMap::new();
        for (at, process) in self.processes.iter().enumerate() {
            let host = names.label(&process.host);
            for entity in process.entities() {
                by_entity.insert((host, entity), at);
            }
            if let (Some(pid), Some(started)) = (process.pid(), process.started()) {
                let of_pid = by_pid.entry((host, pid)).or_default();
                of_pid.push((started.ns, at));
            }
        }
        for of_pid in by_pid.values_mut() {
            of_pid.sort_unstable();
        }
        let named = self.named();
        for at in self.store.facts.of_kind(FactKind::Flow) {
            let event = at.event();
            let (Some(stamp), true) = (self.store.stamp(event), keep(event)) else {
                continue;
            };
            let Some(flow) = at.flow() else { continue };
            let time = stamp.instant.ns;
            let of_item = |item: u32| self.hosts.get(item as usize)?.0.as_deref();
            let host = self
                .store
                .host_of(event, of_item)
                .map(|host| names.label(host));
            // By process: the source's own id, else the process id's last holder before.
            let process = host.and_then(|host| {
                let by_id = by_entity.get(&(host, flow.entity)).copied();
                by_id.filter(|_| flow.entity.is_some()).or_else(|| {
                    let of_pid = by_pid.get(&(host, flow.pid?))?;
                    let after =
                        of_pid.partition_point(|(started, _)| *started <= time + NS_PER_SECOND);
                    let (_, at) = of_pid.get(after.checked_sub(1)?)?;
                    let ended = self.processes.get(*at)?.further.ended;
                    ended
                        .is_none_or(|ended| ended.ns + NS_PER_SECOND >= time)
                        .then_some(*at)
                })
            });
            let run = process.and_then(|at| of_process.get(at).copied().flatten());
            if let Some(of_run) = run.and_then(|run| seen.get_mut(run)) {
                of_run.own_flows.push(event);
            }
            // By text.
            let ends = [flow.source, flow.destination];
            let runs: BTreeSet<usize> = ends
                .into_iter()
                .filter_map(|end| self.store.text(end))
                .filter_map(|end| named.get(end))
                .flatten()
                .copied()
                .collect();
            for at in runs {
                let (Some(run), Some(of_run)) = (self.runs.get(at), seen.get_mut(at)) else {
                    continue;
                };
                let flow = NamedFlow { time, event };
                match host {
                    Some(host) if host == names.label(run.host.as_deref().unwrap_or("")) => {
                        of_run.by_guest.push(flow);
                    }
                    Some(_) => {}
                    None => of_run.by_cloud.push(flow),
                }
            }
        }
    }

    /// The runs whose scripts name an address.
    fn named(&self) -> BTreeMap<String, Vec<usize>> {
        let mut known: BTreeMap<*const Examined, BTreeSet<String>> = BTreeMap::new();
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, examined) in self.examined.iter().enumerate() {
            let Some(examined) = examined else { continue };
            // Runs of one script share what is known of it. The order of pointers decides nothing: each is only looked up.
            let addresses = known.entry(Arc::as_ptr(examined)).or_insert_with(|| {
                let texts = examined
                    .layers
                    .iter()
                    .filter_map(|layer| layer.text.as_deref());
                texts.flat_map(addresses_in).take(ADDRESSES).collect()
            });
            for address in addresses.iter() {
                named.entry(address.clone()).or_default().push(at);
            }
        }
        named
    }
}

/// Addresses that a text names, as flows spell them. Those of the guest itself and of no one (`127.0.0.1`, `0.0.0.0`) say nothing.
fn addresses_in(text: &str) -> impl Iterator<Item = String> + use<'_> {
    let part = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':');
    text.split(move |letter: char| !part(letter))
        .filter(|word| word.len() >= 7 && (word.contains('.') || word.matches(':').count() > 1))
        .filter_map(|word| address(word.trim_matches(['.', ':'])).or_else(|| address(word)))
        .filter(|found| {
            found
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified())
        })
}

#[cfg(test)]
mod tests;
