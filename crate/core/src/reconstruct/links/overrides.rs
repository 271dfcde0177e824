//! What the analyst says of links; it goes before what was computed.
//!
//! Keys survive a new reading of the same evidence, and more of it: no number of a list, but what names an operation (correlation id,
//! resource, operation) and a run (host, feature, name, number).
//!
//! Rejected: places in lists. One more file, and the confirmation would be another pair's.

use crate::evidence::layout::Family;
use crate::identity::{ResourceId, fold, host_label};
use crate::reconstruct::operations::Operation;
use crate::reconstruct::runs::Run;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What names an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationKey {
    /// Correlation id.
    pub correlation: String,
    /// Resource id.
    pub resource: String,
    /// Operation id.
    pub operation: String,
}

impl OperationKey {
    /// The key of an operation.
    #[must_use]
    pub fn of(op: &Operation) -> Self {
        let id = op.resource.as_ref().map(|id| id.folded.clone());
        Self {
            correlation: op.correlation.as_deref().map(fold).unwrap_or_default(),
            resource: id.unwrap_or_default(),
            operation: fold(&op.operation),
        }
    }

    /// The same key however it was spelled.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            correlation: fold(&self.correlation),
            resource: ResourceId::parse(&self.resource).folded,
            operation: fold(&self.operation),
        }
    }
}

/// What names a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunKey {
    /// Host; empty where the guest has no name.
    pub host: String,
    /// Which feature.
    #[serde(with = "family_word")]
    pub family: Family,
    /// Managed run-command or extension name; empty where there is none.
    #[serde(default)]
    pub name: String,
    /// Sequence number.
    pub sequence: Option<i64>,
}

impl RunKey {
    /// The key of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            host: super::goal_states::label(run),
            family: run.family,
            name: run.name.as_deref().map(fold).unwrap_or_default(),
            sequence: run.sequence,
        }
    }

    /// The same key however it was spelled.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            host: host_label(&self.host),
            name: fold(&self.name),
            ..self.clone()
        }
    }
}

/// The analyst's say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkOverrides {
    /// Guests that are these VMs, by resource id.
    pub host_to_vm: Vec<(String, String)>,
    /// Pairs that are linked.
    pub confirmed: Vec<(OperationKey, RunKey)>,
    /// Pairs that are not.
    pub rejected: Vec<(OperationKey, RunKey)>,
}

/// A pair as a settings file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairKey {
    /// The operation.
    pub operation: OperationKey,
    /// The run.
    pub run: RunKey,
}

impl PairKey {
    fn folded(&self) -> (OperationKey, RunKey) {
        (self.operation.folded(), self.run.folded())
    }
}

/// What the analyst may say of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// It is one execution.
    Confirm,
    /// It is not.
    Reject,
    /// Nothing any more.
    TakeBack,
}

impl LinkOverrides {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.host_to_vm.is_empty() && self.confirmed.is_empty() && self.rejected.is_empty()
    }

    /// Says something of a pair; it replaces what was said of it before. A side that is confirmed anew leaves its old partner.
    pub fn say(&mut self, say: Say, pair: &PairKey) {
        let pair = pair.folded();
        self.confirmed.retain(|have| *have != pair);
        self.rejected.retain(|have| *have != pair);
        match say {
            Say::Confirm => {
                self.confirmed
                    .retain(|(operation, run)| *operation != pair.0 && *run != pair.1);
                self.confirmed.push(pair);
                self.confirmed.sort_unstable();
            }
            Say::Reject => {
                self.rejected.push(pair);
                self.rejected.sort_unstable();
            }
            Say::TakeBack => {}
        }
    }

    /// Says which VM a guest is; an empty resource takes it back.
    pub fn map_host(&mut self, host: &str, resource: &str) {
        let label = host_label(host);
        self.host_to_vm.retain(|(have, _)| *have != label);
        if !resource.trim().is_empty() {
            let resource = ResourceId::parse(resource.trim()).folded;
            self.host_to_vm.push((label, resource));
            self.host_to_vm.sort_unstable();
        }
    }

    /// Takes one part of the settings: `host_to_vm`, `host_to_vm.HOST`, `confirmed` or `rejected`.
    ///
    /// # Errors
    /// A sentence for the analyst.
    pub fn set(&mut self, part: &str, value: &str) -> Result<(), String> {
        if let Some(host) = part.strip_prefix("host_to_vm.") {
            checked_vm(value)?;
            self.map_host(host, value);
            return Ok(());
        }
        let wrong = |error: serde_json::Error| format!("links.{part} cannot be read: {error}");
        match part {
            "host_to_vm" => {
                let map: Map<String, Value> = serde_json::from_str(value).map_err(wrong)?;
                let mut next = Self::default();
                for (host, resource) in &map {
                    let resource = resource.as_str().unwrap_or_default();
                    checked_vm(resource)?;
                    next.map_host(host, resource);
                }
                self.host_to_vm = next.host_to_vm;
            }
            "confirmed" | "rejected" => {
                let pairs: Vec<PairKey> = serde_json::from_str(value).map_err(wrong)?;
                let mut next: Vec<(OperationKey, RunKey)> =
                    pairs.iter().map(PairKey::folded).collect();
                next.sort_unstable();
                next.dedup();
                if part == "confirmed" {
                    self.confirmed = next;
                } else {
                    self.rejected = next;
                }
            }
            _ => return Err(format!("there is no setting links.{part}")),
        }
        Ok(())
    }

    /// As a settings file has it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let hosts = self.host_to_vm.iter();
        let hosts = hosts.map(|(host, vm)| (host.clone(), Value::from(vm.clone())));
        let pairs = |pairs: &[(OperationKey, RunKey)]| -> Value {
            let keys = pairs.iter().map(|(operation, run)| PairKey {
                operation: operation.clone(),
                run: run.clone(),
            });
            keys.filter_map(|pair| serde_json::to_value(pair).ok())
                .collect()
        };
        let mut tree = Map::new();
        tree.insert("host_to_vm".to_owned(), Value::Object(hosts.collect()));
        tree.insert("confirmed".to_owned(), pairs(&self.confirmed));
        tree.insert("rejected".to_owned(), pairs(&self.rejected));
        Value::Object(tree)
    }
}

fn checked_vm(resource: &str) -> Result<(), String> {
    let resource = resource.trim();
    if resource.is_empty() || ResourceId::parse(resource).vm_resource().is_some() {
        return Ok(());
    }
    Err(format!(
        "{resource:?} is not the resource id of a VM; it has the form /subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachines/NAME"
    ))
}

/// A family by the word of the case document.
mod family_word {
    use super::Family;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(family: &Family, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(family.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Family, D::Error> {
        let word = String::deserialize(from)?;
        let all = [
            Family::Action,
            Family::Managed,
            Family::Immediate,
            Family::Extension,
        ];
        all.into_iter()
            .find(|family| family.word() == word)
            .ok_or_else(|| D::Error::custom(format!("{word:?} is no family of runs")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(number: i64) -> PairKey {
        PairKey {
            operation: OperationKey {
                correlation: format!("C{number}"),
                resource: "/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/Web01".to_owned(),
                operation: "Microsoft.Compute/virtualMachines/runCommand/action".to_owned(),
            },
            run: RunKey {
                host: "WEB01.contoso.example".to_owned(),
                family: Family::Action,
                name: String::new(),
                sequence: Some(number),
            },
        }
    }

    #[test]
    fn what_is_said_survives_a_settings_file() {
        let mut said = LinkOverrides::default();
        said.say(Say::Confirm, &pair(1));
        said.say(Say::Reject, &pair(2));
        said.map_host("WEB01", &pair(1).operation.resource);
        let json = said.to_json();
        let mut again = LinkOverrides::default();
        for part in ["host_to_vm", "confirmed", "rejected"] {
            assert_eq!(again.set(part, &json[part].to_string()), Ok(()));
        }
        assert_eq!(again, said);
        assert_eq!(said.confirmed[0].1.host, "web01");
    }

    #[test]
    fn the_last_word_on_a_pair_counts() {
        let mut said = LinkOverrides::default();
        said.say(Say::Reject, &pair(1));
        said.say(Say::Confirm, &pair(1));
        assert!(said.rejected.is_empty());
        // The same operation with another run: it has one partner.
        let other = PairKey {
            run: pair(2).run,
            ..pair(1)
        };
        said.say(Say::Confirm, &other);
        assert_eq!(said.confirmed, [other.folded()]);
        said.say(Say::TakeBack, &other);
        assert!(said.is_empty());
    }

    #[test]
    fn refusals_are_sentences() {
        let mut said = LinkOverrides::default();
        let refused = said.set("host_to_vm.web01", "web01").unwrap_err();
        assert!(refused.starts_with("\"web01\" is not the resource id of a VM"));
        let refused = said.set("confirmed", r#"[{"run": 1}]"#).unwrap_err();
        assert!(refused.starts_with("links.confirmed cannot be read"));
        assert_eq!(
            said.set("nothing", "1"),
            Err("there is no setting links.nothing".to_owned())
        );
        assert!(said.is_empty());
    }
}
