//! What the control-plane detectors share: who is who, when the case ends, since when a subscription is known.
//!
//! The same person is an object id in one export and a UPN in the other; an operation that carries both joins the two (detectors 0.4), so
//! that `alice@contoso.example` of the portal's CSV and her object id in the REST export have one number here. VMs and subscriptions are
//! numbered alike, so that a key of a detector is two or three numbers and never a text. Operations bring their texts as numbers of the case, so that
//! each name and each resource id is taken apart once, and told apart from others without reading it.
//!
//! Rejected: each detector comparing `caller` itself. The same account in another spelling would be new to every baseline.

use super::identities::Names;
use crate::case::store::EventNumber;
use crate::event::intern::Symbol;
use crate::identity::{fold, looks_like_guid};
use crate::reconstruct::operations::Operation;
use crate::settings::Settings;
use crate::time::{NS_PER_DAY, NS_PER_SECOND};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Nanoseconds in one hour.
pub(crate) const NS_PER_HOUR: i64 = 3600 * NS_PER_SECOND;
/// Nanoseconds in one minute.
pub(crate) const NS_PER_MINUTE: i64 = 60 * NS_PER_SECOND;

/// What is known of the case as a whole.
#[derive(Debug, Default)]
pub struct History {
    principals: Vec<Option<u32>>,
    names: BTreeMap<String, u32>,
    principals_end: u32,
    /// The place of each operation among the resources.
    places: Vec<Option<u32>>,
    resources: Vec<Place>,
    subscriptions: Vec<u32>,
    since: Vec<i64>,
    end: Option<i64>,
    v6_bits: u32,
    /// Event of an identity record -> who acted, and what was changed.
    actors: BTreeMap<EventNumber, (Option<u32>, Option<u32>)>,
}

/// A resource as its id tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of its VM: subscription, group and name together (detectors 0.4).
    pub vm: Option<u32>,
    /// Name of its VM.
    pub vm_name: Option<String>,
    /// Resource id of the VM itself, also of a machine of Arc or of a scale set's instance.
    pub vm_resource: Option<String>,
    /// Number of its resource group, names of groups being equal in all subscriptions.
    pub group: Option<u32>,
}

/// What was found out of each of a few values; looked up only, so that its order decides nothing.
pub(crate) type Known<K, V> = HashMap<K, V, FixedState>;

/// Names that were ever seen together, joined.
#[derive(Default)]
struct Aliases {
    number: BTreeMap<String, usize>,
    parent: Vec<usize>,
}

impl Aliases {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.number.get(name) {
            return *number;
        }
        let number = self.parent.len();
        self.number.insert(name.to_owned(), number);
        self.parent.push(number);
        number
    }

    fn root(&mut self, mut at: usize) -> usize {
        loop {
            let up = self.parent.get(at).copied().unwrap_or(at);
            if up == at {
                return at;
            }
            // Halving the path keeps later walks short.
            let further = self.parent.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(at) {
                *slot = further;
            }
            at = further;
        }
    }

    /// The number of names that are one principal's.
    fn one(&mut self, names: &[Option<&str>]) -> Option<usize> {
        let mut first = None;
        for name in names.iter().flatten() {
            let number = self.number(name);
            if let Some(home) = home_name(name) {
                let home = self.number(&home);
                self.join(number, home);
            }
            match first {
                Some(first) => self.join(first, number),
                None => first = Some(number),
            }
        }
        first
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.parent.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }
}

/// The home name of a guest: `user_host#ext#@tenant` is `user@host` (detectors 0.4).
fn home_name(caller: &str) -> Option<String> {
    let (guest, _) = caller.split_once("#ext#")?;
    let (user, host) = guest.rsplit_once('_')?;
    Some(format!("{user}@{host}"))
}

impl History {
    /// Of these operations, and of these identity records.
    #[must_use]
    pub(super) fn of(
        operations: &[Operation],
        identities: &[(EventNumber, Names<'_>)],
        settings: &Settings,
    ) -> Self {
        let detection = &settings.control_plane.detection;
        let mut history = Self {
            v6_bits: u32::try_from(detection.v6_bits).unwrap_or(48),
            ..Self::default()
        };
        let mut aliases = Aliases::default();
        let mut vms: BTreeMap<(Symbol, Option<&str>, String), u32> = BTreeMap::new();
        let mut groups: BTreeMap<&str, u32> = BTreeMap::new();
        let mut subscriptions: Known<Symbol, u32> = Known::default();
        let mut of_operation = Vec::with_capacity(operations.len());
        history.places.reserve_exact(operations.len());
        history.subscriptions.reserve_exact(operations.len());
        // Few names and resources fill all operations: each is taken apart once. Nothing is read in the maps' order.
        let mut callers: Known<Symbol, Option<usize>> = Known::default();
        let mut principals: Known<Symbol, Option<usize>> = Known::default();
        let mut places: Known<(Symbol, Symbol), u32> = Known::default();
        let mut joined: Known<(usize, usize), ()> = Known::default();
        let next = |taken: usize| u32::try_from(taken).unwrap_or(u32::MAX);
        for op in operations {
            let symbols = op.symbols;
            let caller = op.caller.as_deref().and_then(|caller| {
                *callers.entry(symbols.caller).or_insert_with(|| {
                    let name = fold(caller);
                    if name.is_empty() {
                        return None;
                    }
                    let number = aliases.number(&name);
                    if let Some(home) = home_name(&name) {
                        let home = aliases.number(&home);
                        aliases.join(number, home);
                    }
                    Some(number)
                })
            });
            let principal = op.principal.as_deref().filter(|name| !name.is_empty());
            let principal = principal.and_then(|name| {
                // Without a claim it is the folded caller.
                if !symbols.principal.is_some() {
                    return caller.or_else(|| Some(aliases.number(name)));
                }
                let known = principals.entry(symbols.principal);
                *known.or_insert_with(|| Some(aliases.number(name)))
            });
            if let (Some(one), Some(other)) = (caller, principal)
                && joined.insert((one, other), ()).is_none()
            {
                aliases.join(one, other);
            }
            of_operation.push(principal.or(caller));

            let number = next(subscriptions.len());
            let number = *subscriptions.entry(symbols.subscription).or_insert(number);
            history.subscriptions.push(number);
            if history.since.len() <= number as usize {
                history.since.push(i64::MAX);
            }
            if let (Some(since), Some(started)) =
                (history.since.get_mut(number as usize), op.started)
            {
                *since = (*since).min(started.ns);
            }
            let last = op.ended.or(op.started).map(|time| time.ns);
            history.end = history.end.max(last);

            let place = op.resource.as_ref().map(|id| {
                let key = (symbols.subscription, symbols.resource);
                *places.entry(key).or_insert_with(|| {
                    let vm_name = id.vm();
                    let group = id.resource_group();
                    let vm = vm_name.clone().map(|name| {
                        let number = next(vms.len());
                        *vms.entry((key.0, group, name)).or_insert(number)
                    });
                    let group = group.map(|name| {
                        let number = next(groups.len());
                        *groups.entry(name).or_insert(number)
                    });
                    history.resources.push(Place {
                        vm,
                        vm_resource: vm_name.as_ref().and_then(|_| id.vm_resource()),
                        vm_name,
                        group,
                    });
                    next(history.resources.len() - 1)
                })
            });
            history.places.push(place);
        }
        let mut of_identity = Vec::with_capacity(identities.len());
        for (event, names) in identities {
            of_identity.push((
                *event,
                aliases.one(&names.actor),
                aliases.one(&names.target),
            ));
        }
        let named: Vec<(String, usize)> = aliases
            .number
            .iter()
            .map(|(name, number)| (name.clone(), *number))
            .collect();
        for (name, number) in named {
            let root = aliases.root(number);
            history
                .names
                .insert(name, u32::try_from(root).unwrap_or(u32::MAX));
        }
        history.principals_end = next(aliases.parent.len());
        history.principals = of_operation
            .into_iter()
            .map(|number| u32::try_from(aliases.root(number?)).ok())
            .collect();
        for (event, actor, target) in of_identity {
            let mut number = |number: Option<usize>| u32::try_from(aliases.root(number?)).ok();
            let of_event = (number(actor), number(target));
            history.actors.insert(event, of_event);
        }
        if detection.end_seconds > 0 {
            history.end = Some(detection.end_seconds.saturating_mul(NS_PER_SECOND));
        }
        history
    }

    /// The principal of an operation, by number.
    #[must_use]
    pub fn principal(&self, operation: usize) -> Option<u32> {
        self.principals.get(operation).copied().flatten()
    }

    /// Who acted, by the number that their operations have.
    #[must_use]
    pub fn actor_of(&self, identity: EventNumber) -> Option<u32> {
        self.actors.get(&identity).and_then(|(actor, _)| *actor)
    }

    /// Whom an identity record changed.
    #[must_use]
    pub fn target_of(&self, identity: EventNumber) -> Option<u32> {
        self.actors.get(&identity).and_then(|(_, target)| *target)
    }

    /// The principal that goes by this name or object id.
    #[must_use]
    pub fn principal_named(&self, name: &str) -> Option<u32> {
        let folded = fold(name);
        let dashed = || crate::identity::guid(name).filter(|id| looks_like_guid(id));
        let known = self.names.get(&folded);
        known.or_else(|| self.names.get(&dashed()?)).copied()
    }

    /// The VM of an operation, by number: subscription, group and name together (detectors 0.4).
    #[must_use]
    pub fn vm(&self, operation: usize) -> Option<u32> {
        self.resource(self.place(operation)?)?.vm
    }

    /// The resource of an operation, by place among the resources.
    #[must_use]
    pub fn place(&self, operation: usize) -> Option<u32> {
        self.places.get(operation).copied().flatten()
    }

    /// The resource at a place.
    #[must_use]
    pub fn resource(&self, place: u32) -> Option<&Place> {
        self.resources.get(place as usize)
    }

    /// How many resources there are.
    #[must_use]
    pub fn resources(&self) -> usize {
        self.resources.len()
    }

    /// One more than the greatest number of a principal.
    #[must_use]
    pub fn principals_end(&self) -> u32 {
        self.principals_end
    }

    /// The subscription of an operation, by number.
    #[must_use]
    pub fn subscription(&self, operation: usize) -> u32 {
        self.subscriptions.get(operation).copied().unwrap_or(0)
    }

    /// `T_min` of a subscription.
    #[must_use]
    pub fn since(&self, subscription: u32) -> i64 {
        self.since
            .get(subscription as usize)
            .copied()
            .unwrap_or(i64::MAX)
    }

    /// `T_min` of the subscription whose records begin first.
    #[must_use]
    pub fn earliest(&self) -> i64 {
        self.since.iter().copied().min().unwrap_or(i64::MAX)
    }

    /// `T_end`: the analyst's reference time, else the last record.
    #[must_use]
    pub fn end(&self) -> Option<i64> {
        self.end
    }

    /// `mask(ip)`: the network of an address; `None` for other text.
    #[must_use]
    pub fn mask(&self, ip: &str) -> Option<String> {
        mask(ip, self.v6_bits)
    }
}

/// /16 of IPv4, the first `v6_bits` of IPv6 (detectors 0.4).
fn mask(ip: &str, v6_bits: u32) -> Option<String> {
    match ip.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => {
            let [a, b, _, _] = address.octets();
            Some(format!("{a}.{b}.0.0/16"))
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX
                .checked_shl(128_u32.saturating_sub(v6_bits))
                .unwrap_or(0);
            let network = std::net::Ipv6Addr::from_bits(address.to_bits() & kept);
            Some(format!("{network}/{v6_bits}"))
        }
    }
}

/// UTC day of a time.
pub(crate) fn day(ns: i64) -> i64 {
    ns.div_euclid(NS_PER_DAY)
}

/// `bdiff_u(b, a)`: how many boundaries of a unit lie between two times (detectors 0.2).
pub(crate) fn boundaries(later: i64, earlier: i64, unit: i64) -> i64 {
    later.div_euclid(unit) - earlier.div_euclid(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (ip, bits, network) in [
            ("52.1.9.9", 48, Some("52.1.0.0/16")),
            ("2001:db8:1:2::7", 48, Some("2001:db8:1::/48")),
            ("2001:db8:1:2:3::7", 64, Some("2001:db8:1:2::/64")),
            ("2001:db8:1:2::7", 32, Some("2001:db8::/32")),
            ("", 48, None),
            ("somewhere", 48, None),
        ] {
            assert_eq!(mask(ip, bits).as_deref(), network, "{ip}/{bits}");
        }
    }

    #[test]
    fn guests_have_a_home_name() {
        assert_eq!(
            home_name("al_ex_contoso.example#ext#@fabrikam.example").as_deref(),
            Some("al_ex@contoso.example")
        );
        assert_eq!(home_name("alex@contoso.example"), None);
    }

    #[test]
    fn boundaries_are_crossed_not_elapsed() {
        let minute = |clock: i64, seconds: i64| clock * NS_PER_MINUTE + seconds * NS_PER_SECOND;
        // 23:05:01 and 23:00:59: five boundaries in four minutes and two seconds.
        assert_eq!(boundaries(minute(5, 1), minute(0, 59), NS_PER_MINUTE), 5);
        assert_eq!(boundaries(-1, 0, NS_PER_MINUTE), -1);
    }
}
