//! Which VM a guest is.
//!
//! Azure names a VM by its resource id, a guest calls itself what it likes. Two VMs of one name in two resource groups are two VMs; a
//! Windows name is cut to 15 characters; instances of a scale set carry their number in base 36:
//!
//! ```text
//! prodwebserver-eus01           PRODWEBSERVER-E    20: cut to 15 characters
//! web01                         web01.contoso.com  25: the same name
//! scale set shop, instance 46   shop00001a         20: 46 = 1a in base 36
//! ```
//!
//! A guest that knows its own resource id (its goal states carry it) is that VM and no other.
//!
//! Rejected: joining by name alone. Clones and re-created VMs share names.

use super::features::POINT;
use crate::evidence::layout::Os;
use crate::identity::{ResourceId, fold, host_label, netbios};
use crate::json::Value;
use crate::reconstruct::operations::Operation;
use std::collections::{BTreeMap, BTreeSet};

/// A VM that operations name.
#[derive(Clone, Debug, Default)]
pub struct Vm {
    /// Its resource id, folded.
    pub resource: String,
    /// Its name; of a scale set's instance the number.
    pub name: String,
    /// The scale set.
    pub set: Option<String>,
    /// Computer names that its creation asked for; of a scale set's instance the prefix.
    pub computer_names: BTreeSet<String>,
    /// Its system, where its creation says.
    pub os: Option<Os>,
    /// Operations on it that ask for scripts, as places in the list given.
    pub asked: Vec<usize>,
}

/// A guest.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// Its label; empty for guests without a name.
    pub label: String,
    /// As first spelled.
    pub spelled: String,
    /// Resource ids that its own goal states carry.
    pub resources: BTreeSet<String>,
    /// VM names that its own goal states carry.
    pub vm_names: BTreeSet<String>,
    /// What the analyst said it is.
    pub mapped: Option<String>,
    /// Resource ids learned from accepted pairs.
    pub learned: BTreeSet<String>,
}

impl Guest {
    /// The points for this guest being that VM, and why; `None` where nothing says so.
    #[must_use]
    pub fn is(&self, vm: &Vm) -> Option<(i64, String)> {
        if let Some(mapped) = &self.mapped {
            return (*mapped == vm.resource).then(|| {
                (
                    30 * POINT,
                    format!("{} was assigned by the analyst", self.shown()),
                )
            });
        }
        if !self.resources.is_empty() {
            return self.resources.contains(&vm.resource).then(|| {
                (
                    30 * POINT,
                    format!("goal states of {} name this VM", self.shown()),
                )
            });
        }
        let name = vm.name.strip_prefix("arc:").unwrap_or(&vm.name);
        let equal = |points: i64, how: &str| {
            Some((points * POINT, format!("{} {how} {name}", self.shown())))
        };
        if vm.set.is_none() && self.vm_names.contains(name) {
            return equal(25, "has goal states of");
        }
        if !self.label.is_empty() {
            if vm.set.is_none() && self.label == name {
                return equal(25, "=");
            }
            if vm.set.is_none() && vm.computer_names.contains(&self.label) {
                return equal(25, "is the computer name of");
            }
            let cut = self.label.chars().count() == 15 && name.chars().count() > 15;
            if vm.set.is_none() && cut && netbios(name) == self.label {
                return equal(20, "is, cut to 15 characters,");
            }
            if vm.set.is_some() && self.is_instance(vm) {
                return equal(20, "carries in base 36 the number of instance");
            }
        }
        self.learned.contains(&vm.resource).then(|| {
            (
                12 * POINT,
                format!("{} is known from another pair", self.shown()),
            )
        })
    }

    fn shown(&self) -> &str {
        if self.spelled.is_empty() {
            "the guest without a name"
        } else {
            &self.spelled
        }
    }

    /// The prefix is the scale set's name (cut to 9 characters on Windows), or what its creation asked for.
    fn is_instance(&self, vm: &Vm) -> bool {
        let Some(set) = &vm.set else { return false };
        let Some(split) = self.label.len().checked_sub(6) else {
            return false;
        };
        let (Some(prefix), Some(number)) = (self.label.get(..split), self.label.get(split..))
        else {
            return false;
        };
        let named = prefix == set
            || prefix.chars().count() == 9 && set.starts_with(prefix)
            || vm.computer_names.contains(prefix);
        named
            && u64::from_str_radix(number, 36).ok() == vm.name.parse().ok()
            && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }
}

/// The VMs of all operations, by resource id. `asked` gives for each operation its place among those that ask for scripts.
#[must_use]
pub fn of_operations(operations: &[Operation], asked: &[Option<usize>]) -> BTreeMap<String, Vm> {
    let mut vms: BTreeMap<String, Vm> = BTreeMap::new();
    for (op, place) in operations.iter().zip(asked) {
        let Some(id) = &op.resource else { continue };
        let created = op.operation.ends_with("/virtualmachines/write");
        if place.is_none() && !created {
            continue;
        }
        let (Some(resource), Some(name)) = (id.vm_resource(), id.vm()) else {
            continue;
        };
        let vm = vms.entry(resource.clone()).or_insert_with(|| {
            let (set, name) = match name.split_once('/') {
                Some((set, instance)) => (Some(set.to_owned()), instance.to_owned()),
                None => (None, name),
            };
            Vm {
                resource,
                name,
                set,
                ..Vm::default()
            }
        });
        vm.asked.extend(*place);
        if created {
            for body in &op.bodies {
                vm.read(Value::new(body.as_bytes()));
            }
        }
    }
    vms.retain(|_, vm| !vm.asked.is_empty());
    vms
}

impl Vm {
    /// What the body of its creation says.
    fn read(&mut self, body: Value<'_>) {
        let properties = body.get_folded("properties");
        let profile = properties.get_folded("osProfile");
        for name in ["computerName", "computerNamePrefix"] {
            let name = profile
                .get_folded(name)
                .word()
                .map(|name| host_label(&name));
            self.computer_names
                .extend(name.filter(|name| !name.is_empty()));
        }
        let disk = properties.get_folded("storageProfile").get_folded("osDisk");
        let said = disk.get_folded("osType").word().map(|os| fold(&os));
        self.os = self.os.or(match said.as_deref() {
            Some("linux") => Some(Os::Linux),
            Some("windows") => Some(Os::Windows),
            _ if !profile.get_folded("linuxConfiguration").is_null() => Some(Os::Linux),
            _ if !profile.get_folded("windowsConfiguration").is_null() => Some(Os::Windows),
            _ => None,
        });
    }
}

/// The resource id of the VM in an id or path that may go on below it.
#[must_use]
pub fn vm_of(resource: &str) -> Option<String> {
    ResourceId::parse(resource).vm_resource()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(label: &str) -> Guest {
        Guest {
            label: host_label(label),
            spelled: label.to_owned(),
            ..Guest::default()
        }
    }

    fn vm(name: &str) -> Vm {
        Vm {
            resource: format!(
                "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/{name}"
            ),
            name: name.to_owned(),
            ..Vm::default()
        }
    }

    fn points(guest: &Guest, vm: &Vm) -> Option<i64> {
        guest.is(vm).map(|(points, _)| points / POINT)
    }

    #[test]
    fn names_of_every_kind() {
        assert_eq!(points(&guest("web01.contoso.com"), &vm("web01")), Some(25));
        assert_eq!(
            points(&guest("PRODWEBSERVER-E"), &vm("prodwebserver-eus01")),
            Some(20)
        );
        assert_eq!(
            points(&guest("prodwebserver"), &vm("prodwebserver-eus01")),
            None
        );
        assert_eq!(points(&guest("web02"), &vm("web01")), None);
        assert_eq!(points(&guest("edge"), &vm("arc:edge")), Some(25));
        let mut named = vm("web01");
        named.computer_names.insert("lnx-7".to_owned());
        assert_eq!(points(&guest("LNX-7"), &named), Some(25));
        let instance = Vm {
            set: Some("shop".to_owned()),
            name: "46".to_owned(),
            ..vm("x")
        };
        assert_eq!(points(&guest("shop00001a"), &instance), Some(20));
        assert_eq!(points(&guest("shop00001b"), &instance), None);
        assert_eq!(points(&guest("stop00001a"), &instance), None);
        assert_eq!(points(&guest(""), &vm("web01")), None);
    }

    #[test]
    fn a_guest_that_knows_its_resource_is_no_other() {
        let mut clone = guest("web01");
        clone.resources.insert(vm("web01").resource);
        let mut twin = vm("web01");
        twin.resource = twin.resource.replace("/g/", "/h/");
        assert_eq!(points(&clone, &vm("web01")), Some(30));
        assert_eq!(points(&clone, &twin), None);
        clone.mapped = Some(twin.resource.clone());
        assert_eq!(points(&clone, &vm("web01")), None);
        assert_eq!(points(&clone, &twin), Some(30));
        let mut stranger = guest("ip-10-0-0-4");
        stranger.learned.insert(vm("web01").resource);
        assert_eq!(points(&stranger, &vm("web01")), Some(12));
    }
}
