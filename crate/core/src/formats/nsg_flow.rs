//! `nsg-flow`: network security group flow logs, versions 1 and 2.
//!
//! A record is a flow tuple; the JSON objects around them (a minute of a network card each) are only their frame. One hour's file may hold both
//! versions, so each tuple is read by its own shape. Source: activity-log-formats 2 k.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::{Kind, Value};
use crate::record::flow::{self, Around, TupleOf};

/// The format.
pub const FORMAT: Format = Format {
    id: "nsg-flow",
    about: "network security group flow log",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(NsgFlow),
};

fn claims(record: Value<'_>) -> Certainty {
    let category = record.get("category");
    let named = category.inner() == b"NetworkSecurityGroupFlowEvent";
    if record.get("properties").get("flows").is_array() && (named || category.is_null()) {
        95
    } else {
        0
    }
}

struct NsgFlow;

impl Reader for NsgFlow {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if value.kind() == Kind::String {
            flow::tuple(value, TupleOf::Nsg, &Around::default(), unit, sink);
            return true;
        }
        if claims(value) == 0 {
            return false;
        }
        for rule in value.get("properties").get("flows").elements() {
            for card in rule.get("flows").elements() {
                let around = Around {
                    resource: value.get("resourceId").word(),
                    rule: rule.get("rule").word(),
                    mac: card.get("mac").word().or(value.get("macAddress").word()),
                };
                for text in card.get("flowTuples").elements() {
                    flow::tuple(text, TupleOf::Nsg, &around, unit, sink);
                }
            }
        }
        true
    }
}
