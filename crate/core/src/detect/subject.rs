//! Whom and what a finding is about, and when: in its own words where it has them, else in those of its operations and executions.
//!
//! A finding on one operation needs no words of its own: caller, address and VM are the operation's. One on a script that ran without a
//! link has a host, and the VM that its guest is. Times of a guest are given by the cloud's clock, so that findings of both sides stand in
//! one order.
//!
//! Rejected: every detector spelling all of it out. Thirty copies of one rule, and the thirty-first differs.

use super::Finding;
use crate::case::store::Store;
use crate::event::sparse::SaysNothing;
use crate::identity::ResourceId;
use crate::reconstruct::links::{Execution, Linked};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::processes::Process;
use crate::reconstruct::runs::Run;
use crate::time::Instant;

/// Whom and what a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Caller as the records spell it.
    pub caller: Option<String>,
    /// Address.
    pub ip: Option<String>,
    /// VM name.
    pub vm: Option<String>,
    /// Resource id, folded.
    pub resource: Option<String>,
    /// Subscription.
    pub subscription: Option<String>,
    /// Guest, as its evidence spells it.
    pub host: Option<String>,
}

static NOBODY: Subject = Subject {
    caller: None,
    ip: None,
    vm: None,
    resource: None,
    subscription: None,
    host: None,
};

impl SaysNothing for Subject {
    fn nothing() -> &'static Self {
        &NOBODY
    }
}

/// What findings refer to.
#[derive(Clone, Copy)]
pub struct Referred<'a> {
    /// Operations in time order.
    pub operations: &'a [Operation],
    /// Runs in time order.
    pub runs: &'a [Run],
    /// Executions, clocks and VMs.
    pub linked: &'a Linked,
    /// Processes of all guests.
    pub processes: &'a [Process],
    /// The events.
    pub store: &'a Store,
}

impl<'a> Referred<'a> {
    /// The first operation of a finding: its own, else that of its first execution.
    #[must_use]
    pub fn operation(&self, finding: &Finding) -> Option<usize> {
        let own = finding.operations.first().copied();
        own.or_else(|| self.executions(finding).find_map(|(_, one)| one.operation))
    }

    /// The same, as an operation.
    #[must_use]
    pub fn operation_of(&self, finding: &Finding) -> Option<&'a Operation> {
        self.operations.get(self.operation(finding)?)
    }

    /// The executions of a finding.
    pub fn executions<'b>(
        &self,
        finding: &'b Finding,
    ) -> impl Iterator<Item = (usize, &'a Execution)> + use<'a, 'b> {
        self.at(&finding.executions)
    }

    /// The executions at these places.
    pub fn at<'b>(
        &self,
        places: &'b [usize],
    ) -> impl Iterator<Item = (usize, &'a Execution)> + use<'a, 'b> {
        let executions = &self.linked.executions;
        let known = places.iter();
        known.filter_map(|at| Some((*at, executions.get(*at)?)))
    }

    /// Whom and what a finding is about.
    #[must_use]
    pub fn subject(&self, finding: &Finding) -> Subject {
        let own = Subject::clone(&finding.subject);
        let op = self
            .operation(finding)
            .and_then(|at| self.operations.get(at));
        let run = self
            .executions(finding)
            .find_map(|(_, execution)| execution.run);
        let resource = run.and_then(|at| self.linked.resources.get(at)?.clone());
        let of_run = || resource.as_deref().map(ResourceId::parse);
        Subject {
            caller: own
                .caller
                .or_else(|| Some(op?.caller.as_deref()?.to_owned())),
            ip: own.ip.or_else(|| Some(op?.ips.first()?.to_string())),
            vm: own
                .vm
                .or_else(|| op.and_then(Operation::vm))
                .or_else(|| of_run()?.vm()),
            subscription: own
                .subscription
                .or_else(|| Some(op?.subscription.as_deref()?.to_owned()))
                .or_else(|| Some(of_run()?.subscription()?.to_owned())),
            host: own
                .host
                .or_else(|| self.runs.get(run?).and_then(|run| run.host.clone())),
            resource: self.resource(finding).map(str::to_owned),
        }
    }

    /// The resource of a finding, folded.
    #[must_use]
    pub fn resource<'b>(&'b self, finding: &'b Finding) -> Option<&'b str> {
        let own = finding.subject.resource.as_deref();
        let of_operation = || {
            let op = self.operation_of(finding)?;
            Some(op.resource.as_deref()?.folded.as_str())
        };
        let of_run = || {
            let run = self.executions(finding).find_map(|(_, one)| one.run)?;
            self.linked.resources.get(run)?.as_deref()
        };
        own.or_else(of_operation).or_else(of_run)
    }

    /// The guest of a finding, as its evidence spells it.
    #[must_use]
    pub fn host<'b>(&'b self, finding: &'b Finding) -> Option<&'b str> {
        let own = finding.subject.host.as_deref();
        own.or_else(|| {
            let run = self.executions(finding).find_map(|(_, one)| one.run)?;
            self.runs.get(run)?.host.as_deref()
        })
    }

    /// First and last instant of a finding, by the cloud's clock.
    #[must_use]
    pub fn time(&self, finding: &Finding) -> (Option<Instant>, Option<Instant>) {
        if let Some((first, last)) = finding.time.as_deref().copied() {
            return (Some(first), Some(last));
        }
        let ops = || {
            let ops = finding.operations.iter();
            ops.filter_map(|at| self.operations.get(*at))
        };
        let first = ops().filter_map(|op| op.started).min_by_key(|time| time.ns);
        let last = ops().filter_map(|op| op.ended).max_by_key(|time| time.ns);
        if first.is_some() {
            return (first, last);
        }
        let times = self
            .executions(finding)
            .filter_map(|(_, one)| self.execution_time(one));
        times.fold((None, None), |(first, last), (start, end)| {
            let sooner = first.is_none_or(|first: Instant| start.ns < first.ns);
            let later = last.is_none_or(|last: Instant| end.ns > last.ns);
            (
                if sooner { Some(start) } else { first },
                if later { Some(end) } else { last },
            )
        })
    }

    /// First and last instant of an execution, by the cloud's clock: its operation's, else its run's.
    #[must_use]
    pub fn execution_time(&self, execution: &Execution) -> Option<(Instant, Instant)> {
        let op = execution.operation.and_then(|at| self.operations.get(at));
        let of_op = op.and_then(|op| Some((op.started?, op.ended.or(op.started)?)));
        of_op.or_else(|| {
            let at = execution.run?;
            let run = self.runs.get(at)?;
            let start = run.started.or(run.ended)?;
            let end = run.ended.or(run.started)?;
            Some((self.by_cloud(at, start), self.by_cloud(at, end)))
        })
    }

    /// A time of a run's guest by the cloud's clock.
    #[must_use]
    pub fn by_cloud(&self, run: usize, time: Instant) -> Instant {
        let clock = self.linked.clock_of_run(run);
        clock.map_or(time, |clock| Instant {
            ns: clock.applied.cloud(time.ns),
            digits: time.digits,
        })
    }
}
