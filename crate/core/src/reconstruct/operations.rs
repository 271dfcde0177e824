//! Cloud operations: rows folded by subscription, correlation id, operation and resource (detectors 0.3 to 0.5, 0.9).
//!
//! A Run Command leaves two to four rows. The finishing one often lacks the address, another its caller; the folded operation has
//! what any of them says. One correlation id may cover many resources (a deployment), so it is not the key alone; a row without
//! one is an operation of its own.
//!
//! Rejected: pairing Start with Success. Exports lose either, and polls repeat Success.

use super::display_names::{self, Named};
use super::duplicates::{Row, records};
use crate::case::store::{EventNumber, Store};
use crate::event::batch::make_room;
use crate::event::column::Column;
use crate::event::fact::{CloudRow, Status};
use crate::event::facts::FactKind;
use crate::event::intern::Symbol;
use crate::identity::{CallerKind, ResourceId};
use crate::time::Instant;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which feature an operation uses (detectors 0.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationFamily {
    /// `R_act`.
    Action,
    /// `R_man`.
    Managed,
    /// `R_ext`.
    Extension,
    /// Everything else.
    Other,
}

impl OperationFamily {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Managed => "managed",
            Self::Extension => "extension",
            Self::Other => "other",
        }
    }

    /// From a folded operation id.
    #[must_use]
    pub fn of(operation: &str) -> Self {
        match operation {
            "microsoft.compute/virtualmachines/runcommand/action"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommand/action" => {
                Self::Action
            }
            "microsoft.compute/virtualmachines/runcommands/write"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommands/write"
            | "microsoft.hybridcompute/machines/runcommands/write" => Self::Managed,
            "microsoft.compute/virtualmachines/extensions/write"
            | "microsoft.compute/virtualmachinescalesets/extensions/write"
            | "microsoft.compute/virtualmachinescalesets/virtualmachines/extensions/write" => {
                Self::Extension
            }
            _ => Self::Other,
        }
    }

    /// Whether it is `R = R_act ∪ R_man`.
    #[must_use]
    pub fn is_run_command(self) -> bool {
        matches!(self, Self::Action | Self::Managed)
    }
}

/// How an operation ended (detectors 0.5, 0.10 (11)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationOutcome {
    /// A success row is the last word.
    Succeeded,
    /// A failure row is the last word.
    Failed,
    /// Accepted, no end seen.
    Accepted,
    /// Started, nothing more seen.
    Started,
    /// No row says.
    Unknown,
}

impl OperationOutcome {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Accepted => "accepted",
            Self::Started => "started",
            Self::Unknown => "unknown",
        }
    }

    /// `success`, `failure` or `pending`: the words of the detector specification.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Succeeded => "success",
            Self::Failed => "failure",
            Self::Accepted | Self::Started | Self::Unknown => "pending",
        }
    }
}

/// Texts of an operation as the case numbers them: within one case equal numbers are equal texts, so that what is to be told apart a million
/// times is told apart by numbers. Output never depends on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationSymbols {
    /// Of [`Operation::operation`].
    pub operation: Symbol,
    /// Of the resource id.
    pub resource: Symbol,
    /// Of the subscription.
    pub subscription: Symbol,
    /// Of the caller as spelled.
    pub caller: Symbol,
    /// Of the object id that a row claims; none where the principal is the folded caller.
    pub principal: Symbol,
    /// Of the first address.
    pub ip: Symbol,
}

/// One cloud operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its texts by number.
    pub symbols: OperationSymbols,
    /// Correlation id, folded.
    pub correlation: Option<Arc<str>>,
    /// Operation id, folded; a display name where no export gives the id.
    pub operation: Arc<str>,
    /// Which feature.
    pub family: OperationFamily,
    /// Resource id, folded.
    pub resource: Option<Arc<ResourceId>>,
    /// Subscription, folded.
    pub subscription: Option<Arc<str>>,
    /// First caller in time order.
    pub caller: Option<Arc<str>>,
    /// What kind of identity that is.
    pub caller_kind: CallerKind,
    /// Object id claim, else the folded caller (detectors 0.4).
    pub principal: Option<Arc<str>>,
    /// Distinct management-endpoint addresses in time order.
    pub ips: Vec<Arc<str>>,
    /// Address that obtained the token.
    pub token_ip: Option<Arc<str>>,
    /// First row's time.
    pub started: Option<Instant>,
    /// Last row's time.
    pub ended: Option<Instant>,
    /// How it ended.
    pub outcome: OperationOutcome,
    /// Whether a start row exists.
    pub complete_start: bool,
    /// `User`, `ServicePrincipal` or what the role evidence says, folded.
    pub principal_type: Option<Arc<str>>,
    /// Request and response bodies, in time order.
    pub bodies: Vec<String>,
    /// Category, folded; the greatest where its rows differ.
    pub category: Option<Arc<str>>,
    /// Its events in time order, copies left out.
    pub events: Vec<EventNumber>,
    /// What each of those says that the fold loses.
    pub rows: Vec<OperationRow>,
}

/// One row of an operation, for questions that the folded operation cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// When.
    pub at: Option<Instant>,
    /// Its status.
    pub status: Status,
    /// Whether this row itself carries an address.
    pub addressed: bool,
    /// Whether it answers 201: the resource did not exist before.
    pub created: bool,
}

/// Texts that operations have in common: a tenant has few callers, addresses and machines, and a hundred thousand operations of theirs.
#[derive(Default)]
struct Shared {
    texts: HashMap<Symbol, Arc<str>, FixedState>,
    folded: HashMap<Symbol, Arc<str>, FixedState>,
    resources: HashMap<Symbol, Arc<ResourceId>, FixedState>,
}

impl Shared {
    fn text(&mut self, store: &Store, symbol: Symbol) -> Option<Arc<str>> {
        let text = store.text(symbol)?;
        let shared = self.texts.entry(symbol).or_insert_with(|| text.into());
        Some(Arc::clone(shared))
    }

    fn resource(&mut self, store: &Store, symbol: Symbol) -> Option<Arc<ResourceId>> {
        let text = store.text(symbol)?;
        let shared = self.resources.entry(symbol).or_insert_with(|| {
            Arc::new(ResourceId {
                folded: text.to_owned(),
            })
        });
        Some(Arc::clone(shared))
    }

    /// A text folded; the symbol is its own.
    fn folded(&mut self, symbol: Symbol, text: &str) -> Option<Arc<str>> {
        let shared = self.folded.entry(symbol);
        let shared = shared.or_insert_with(|| crate::identity::fold(text).into());
        Some(Arc::clone(shared))
    }
}

/// Operations, and which event is a copy of which.
#[derive(Debug, Default)]
pub struct Folded {
    /// In time order, then by key.
    pub operations: Vec<Operation>,
    /// (copy, shown event).
    pub copies: Vec<(EventNumber, EventNumber)>,
}

/// Folds all Activity Log rows of the events that `keep` lets through.
#[must_use]
#[inline(never)]
pub fn fold(store: &Store, rank: &[u32], keep: impl Fn(EventNumber) -> bool) -> Folded {
    type GroupKey = (Symbol, Symbol, Symbol, Symbol, u64);
    // Most operations have two rows or three.
    let mut place_of: HashMap<GroupKey, u32, FixedState> = HashMap::with_capacity_and_hasher(
        store.facts.count(FactKind::Cloud) / 2,
        FixedState::default(),
    );
    let mut keys: Vec<GroupKey> = Vec::new();
    // (operation, place of a fact): rows as such are made for one operation at a time.
    let mut members: Vec<(u32, u32)> = Vec::with_capacity(store.facts.count(FactKind::Cloud));
    let renamed = renamed(store, &keep);
    for (fact, found) in (0_u32..).zip(store.facts.iter()) {
        let event = found.event();
        if !found.is(FactKind::Cloud) || !keep(event) {
            continue;
        }
        let Some(row) = found.cloud() else { continue };
        let at = event as usize;
        let symbol = |column: &Column<Symbol>| column.get(at).unwrap_or_default();
        let correlation = symbol(&store.columns.correlation);
        // Without a correlation id nothing joins rows: each is its own.
        let alone = if correlation.is_some() {
            0
        } else {
            let (of_item, offset, _) = store.place(event, rank);
            (u64::from(of_item) << 40 | offset) + 1
        };
        let key = (
            row.subscription,
            correlation,
            renamed
                .get(&event)
                .copied()
                .unwrap_or_else(|| symbol(&store.columns.operation)),
            symbol(&store.columns.resource),
            alone,
        );
        let next = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let group = *place_of.entry(key).or_insert(next);
        if group == next {
            make_room(&mut keys, 1);
            keys.push(key);
        }
        members.push((group, fact));
    }
    drop(place_of);
    // Facts of one operation stay in the order in which they came.
    members.sort_unstable();
    let mut folded = Folded::default();
    let mut shared = Shared::default();
    let mut keyed: Vec<(GroupKey, Operation)> = Vec::with_capacity(keys.len());
    for (key, group) in keys
        .into_iter()
        .zip(members.chunk_by(|one, next| one.0 == next.0))
    {
        let (subscription, correlation, operation, resource, _) = key;
        let rows = group.iter().filter_map(|(_, fact)| row(store, rank, *fact));
        let rows: Vec<Row<'_>> = rows.collect();
        let records = records(rows);
        let name = store.text(operation).unwrap_or("");
        let mut op = Operation {
            symbols: OperationSymbols {
                operation,
                resource,
                subscription,
                ..OperationSymbols::default()
            },
            // Each operation has one of its own.
            correlation: store.text(correlation).map(Arc::from),
            operation: shared.text(store, operation).unwrap_or_default(),
            family: OperationFamily::of(name),
            resource: shared.resource(store, resource),
            subscription: shared.text(store, subscription),
            caller: None,
            caller_kind: CallerKind::Unknown,
            principal: None,
            ips: Vec::new(),
            token_ip: None,
            started: None,
            ended: None,
            outcome: OperationOutcome::Unknown,
            complete_start: false,
            principal_type: None,
            bodies: Vec::new(),
            category: None,
            events: Vec::with_capacity(records.len()),
            rows: Vec::with_capacity(records.len()),
        };
        for copies in &records {
            let Some(shown) = copies.first() else {
                continue;
            };
            op.events.push(shown.event);
            op.rows.push(glimpse(store, copies, shown));
            folded
                .copies
                .extend(copies.iter().skip(1).map(|copy| (copy.event, shown.event)));
            for copy in copies {
                op.take(store, copy, &mut shared);
            }
        }
        op.outcome = outcome(&records);
        op.principal = op
            .principal
            .or_else(|| shared.folded(op.symbols.caller, op.caller.as_deref()?));
        if op.caller_kind == CallerKind::Unknown {
            op.caller_kind = op
                .caller
                .as_deref()
                .map_or(CallerKind::Unknown, CallerKind::of);
        }
        keyed.push((key, op));
    }
    // By time; at one instant by the key's texts, since their numbers are those of arrival. Places are sorted, the operations moved once.
    let text = |symbol: Symbol| store.text(symbol).unwrap_or("");
    let texts = |place: &usize| {
        let key = keyed.get(*place).map(|(key, _)| key)?;
        Some((text(key.0), text(key.1), text(key.2), text(key.3), key.4))
    };
    let mut order: Vec<(i64, usize)> = keyed
        .iter()
        .map(|(_, op)| op.started.map_or(i64::MAX, |started| started.ns))
        .zip(0..)
        .collect();
    order.sort_unstable_by(|(one_time, one), (other_time, other)| {
        one_time
            .cmp(other_time)
            .then_with(|| texts(one).cmp(&texts(other)))
    });
    // Where the operation at each place belongs; they are moved there without a second list.
    let mut belongs = vec![0; order.len()];
    for (at, (_, place)) in order.into_iter().enumerate() {
        if let Some(slot) = belongs.get_mut(place) {
            *slot = at;
        }
    }
    let mut operations: Vec<Operation> = keyed.into_iter().map(|(_, op)| op).collect();
    operations.shrink_to_fit();
    for at in 0..operations.len() {
        while let Some(to) = belongs.get(at).copied().filter(|to| *to != at) {
            operations.swap(at, to);
            belongs.swap(at, to);
        }
    }
    folded.operations = operations;
    folded.copies.sort_unstable();
    folded
}

/// The row whose fact lies at a place of the case.
fn row<'a>(store: &'a Store, rank: &[u32], fact: u32) -> Option<Row<'a>> {
    let found = store.facts.get(fact as usize)?;
    let (event, row) = (found.event(), found.cloud()?);
    let (of_item, offset, _) = store.place(event, rank);
    Some(Row {
        event,
        time: store.stamp(event),
        status: row.status,
        event_data_id: row.event_data_id,
        ticks: row.ticks.map(|ticks| ticks.ns),
        sub_status: row.sub_status,
        fact: fact as usize,
        id: store.text(row.event_data_id).unwrap_or(""),
        place: (of_item, offset),
    })
}

/// The operation of rows that have only a display name and a partner that has more.
fn renamed(store: &Store, keep: &impl Fn(EventNumber) -> bool) -> BTreeMap<u32, Symbol> {
    let rows = || {
        let all = store.facts.of_kind(FactKind::Cloud);
        all.filter_map(|at| Some((at.event(), at.cloud()?)))
    };
    if !rows().any(|(_, row)| row.display_name_only) {
        return BTreeMap::new();
    }
    let text = |column: &Column<Symbol>, event| store.column(column, event).unwrap_or("");
    let kept = rows().filter(|(event, _)| keep(*event));
    let named = kept.map(|(event, row)| Named {
        event,
        correlation: text(&store.columns.correlation, event),
        resource: text(&store.columns.resource, event),
        operation: text(&store.columns.operation, event),
        display_name_only: row.display_name_only,
        status: row.status,
        time: store.stamp(event),
    });
    let named: Vec<Named<'_>> = named.collect();
    let renamed = display_names::renamed(&named).into_iter();
    renamed
        .filter_map(|(event, name)| Some((event, store.strings.find(name)?)))
        .collect()
}

impl Operation {
    /// Adds what one row says. Rows come in time order.
    fn take(&mut self, store: &Store, row: &Row<'_>, shared: &mut Shared) {
        let mut text = |symbol: Symbol| shared.text(store, symbol);
        let Some(said) = store.facts.get(row.fact).and_then(|at| at.cloud()) else {
            return;
        };
        let CloudRow {
            principal,
            principal_type,
            token_ip,
            status,
            bodies,
            category,
            ..
        } = &*said;
        let column = |column: &Column<Symbol>| column.get(row.event as usize);
        if self.caller.is_none()
            && let Some(caller) = column(&store.columns.actor)
        {
            self.caller = text(caller);
            self.symbols.caller = caller;
        }
        if self.principal.is_none() {
            self.principal = text(*principal);
            self.symbols.principal = *principal;
        }
        if self.caller_kind == CallerKind::Unknown {
            self.caller_kind = match store.text(*principal_type) {
                Some("user") => CallerKind::User,
                Some("application") => CallerKind::Application,
                _ => CallerKind::Unknown,
            };
        }
        self.principal_type = self.principal_type.take().or_else(|| text(*principal_type));
        self.token_ip = self.token_ip.take().or_else(|| text(*token_ip));
        if let Some(symbol) = column(&store.columns.ip)
            && let Some(ip) = text(symbol)
            && !self.ips.contains(&ip)
        {
            if self.ips.is_empty() {
                self.symbols.ip = symbol;
            }
            self.ips.push(ip);
        }
        self.category = self.category.take().max(text(*category));
        self.complete_start |= *status == Status::Start;
        for body in bodies {
            if !self.bodies.contains(body) {
                self.bodies.push(body.clone());
            }
        }
        if let Some(stamp) = row.time {
            let sooner = self
                .started
                .is_none_or(|started| stamp.instant.ns < started.ns);
            let later = self.ended.is_none_or(|ended| stamp.instant.ns > ended.ns);
            if sooner {
                self.started = Some(stamp.instant);
            }
            if later {
                self.ended = Some(stamp.instant);
            }
        }
    }

    /// Exact duration in nanoseconds, where both ends are known.
    #[must_use]
    pub fn duration_ns(&self) -> Option<i64> {
        Some(self.ended?.ns - self.started?.ns)
    }

    /// The VM key's name (detectors 0.4).
    #[must_use]
    pub fn vm(&self) -> Option<String> {
        self.resource.as_deref().and_then(ResourceId::vm)
    }
}

/// One record of an operation; what any of its copies says counts.
fn glimpse(store: &Store, copies: &[Row<'_>], shown: &Row<'_>) -> OperationRow {
    let created = |copy: &Row<'_>| {
        let text = store.text(copy.sub_status).unwrap_or("");
        text.contains("201") || text.eq_ignore_ascii_case("created")
    };
    OperationRow {
        at: shown.time.map(|stamp| stamp.instant),
        status: shown.status,
        addressed: copies
            .iter()
            .any(|copy| store.column(&store.columns.ip, copy.event).is_some()),
        created: copies.iter().any(created),
    }
}

/// Detectors 0.5 (4): the class of the greatest time among success and failure rows; on equal times success wins.
fn outcome(records: &[Vec<Row<'_>>]) -> OperationOutcome {
    let rows = || records.iter().filter_map(|copies| copies.first());
    let time = |row: &Row<'_>| row.time.map_or(i64::MIN, |stamp| stamp.instant.ns);
    let decided = rows()
        .filter(|row| matches!(row.status, Status::Success | Status::Failure))
        .max_by_key(|row| (time(row), row.status == Status::Success));
    match decided.map(|row| row.status) {
        Some(Status::Success) => OperationOutcome::Succeeded,
        Some(_) => OperationOutcome::Failed,
        None if rows().any(|row| row.status == Status::Accept) => OperationOutcome::Accepted,
        None if rows().any(|row| row.status == Status::Start) => OperationOutcome::Started,
        None => OperationOutcome::Unknown,
    }
}
