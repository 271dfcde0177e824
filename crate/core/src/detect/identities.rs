//! Sign-ins, directory changes, risk detections and behaviour rows, as the detectors of identities see them: in time order, each with its
//! principal by number.
//!
//! The number is the one that operations have: a sign-in that carries object id and UPN joins the two (detectors 0.4), and one of a workload
//! joins its service principal and its application, so that a secret added to application `a` is a secret of the principal that signs in.
//!
//! Rejected: joining by UPN where a detector needs it. Workload identities have none.

use super::CaseView;
use crate::case::store::EventNumber;
use crate::event::fact::IdentityFact;
use crate::event::facts::FactKind;
use crate::event::{EventKind, Outcome};
use crate::time::Instant;

/// One identity record that has a time.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Its event.
    pub event: EventNumber,
    /// Which log it is of.
    pub kind: EventKind,
    /// When.
    pub at: Instant,
    /// What the record says.
    pub fact: IdentityFact,
}

/// Every identity record that counts, in time order.
pub(super) fn gather(view: &CaseView<'_>) -> Vec<Identity> {
    let store = view.store;
    let mut found = Vec::new();
    for at in store.facts.of_kind(FactKind::Identity) {
        let event = at.event();
        let (Some(stamp), true) = (store.stamp(event), (view.counts)(event)) else {
            continue;
        };
        let Some(fact) = at.identity() else { continue };
        found.push(Identity {
            event,
            kind: store.columns.kind(event as usize),
            at: stamp.instant,
            fact,
        });
    }
    // Files may be dropped in any order: equal instants stand by what they say.
    let said = |one: &Identity| {
        let fact = &one.fact;
        let text = |symbol| store.text(symbol).unwrap_or("");
        (
            one.at.ns,
            one.kind.word(),
            text(fact.principal),
            text(fact.upn),
            text(fact.target),
            store.column(&store.columns.operation, one.event),
            store.column(&store.columns.ip, one.event),
            store.column(&store.columns.correlation, one.event),
            store.span(one.event).offset,
        )
    };
    found.sort_by(|one, other| said(one).cmp(&said(other)));
    found
}

impl Identity {
    /// The address of the record.
    #[must_use]
    pub fn ip<'a>(&self, view: &CaseView<'a>) -> Option<&'a str> {
        view.store.column(&view.store.columns.ip, self.event)
    }

    /// Who, as the record spells it.
    #[must_use]
    pub fn actor<'a>(&self, view: &CaseView<'a>) -> Option<&'a str> {
        view.store.column(&view.store.columns.actor, self.event)
    }

    /// What was done, folded.
    #[must_use]
    pub fn operation<'a>(&self, view: &CaseView<'a>) -> &'a str {
        let operation = view.store.column(&view.store.columns.operation, self.event);
        operation.unwrap_or("")
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn succeeded(&self, view: &CaseView<'_>) -> bool {
        view.store.columns.outcome(self.event as usize) == Outcome::Succeeded
    }

    /// Whether it failed.
    #[must_use]
    pub fn failed(&self, view: &CaseView<'_>) -> bool {
        view.store.columns.outcome(self.event as usize) == Outcome::Failed
    }
}

/// The names by which one record's identities go.
pub(super) struct Names<'a> {
    /// Object id, UPN and, of workloads, application id of who acted: one principal.
    pub actor: [Option<&'a str>; 3],
    /// Object id of what was changed, and its application id: one principal.
    pub target: [Option<&'a str>; 2],
}

impl<'a> Names<'a> {
    pub(super) fn of(view: &CaseView<'a>, one: &Identity) -> Self {
        let fact = &one.fact;
        let text = |symbol| view.store.text(symbol);
        let (principal, upn, app_id) = (text(fact.principal), text(fact.upn), text(fact.app_id));
        // A person's sign-in names the program used, which is not the person.
        let workload = upn.is_none() && principal.is_some();
        Self {
            actor: [principal, upn, app_id.filter(|_| workload)],
            target: [text(fact.target), text(fact.target_app_id)],
        }
    }
}
