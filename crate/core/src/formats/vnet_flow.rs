//! `vnet-flow`: virtual network flow logs, version 4.
//!
//! A record is a flow tuple; the objects around them are only their frame. Copies of a log pipeline name the records `flow.0`, `flow.1`, …: those
//! tuples are read too. Source: activity-log-formats 2 k.

use super::{Certainty, Format, Reader};
use crate::event::sink::Sink;
use crate::evidence::unit::Unit;
use crate::json::{Kind, Value};
use crate::record::flow::{self, Around, TupleOf};

/// The format.
pub const FORMAT: Format = Format {
    id: "vnet-flow",
    about: "virtual network flow log",
    from_guest: false,
    text: None,
    record: Some(claims),
    header: None,
    open: |_| Box::new(VnetFlow),
};

fn claims(record: Value<'_>) -> Certainty {
    let flattened = || {
        record.get("category").inner() == b"FlowLogFlowEvent"
            && record.entries().any(|(key, _)| key.0.starts_with(b"flow."))
    };
    if record.get("flowRecords").is_object() || flattened() {
        95
    } else {
        0
    }
}

struct VnetFlow;

impl Reader for VnetFlow {
    fn carried(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let value = Value::new(unit.bytes);
        if value.kind() == Kind::String {
            flow::tuple(value, TupleOf::Vnet, &Around::default(), unit, sink);
            return true;
        }
        if claims(value) == 0 {
            return false;
        }
        let resource = || {
            let network = value.get("targetResourceID").word();
            network.or(value.get("flowLogResourceID").word())
        };
        for acl in value.at(&["flowRecords", "flows"]).elements() {
            for group in acl.get("flowGroups").elements() {
                let around = Around {
                    resource: resource(),
                    rule: group.get("rule").word(),
                    mac: value.get("macAddress").word(),
                };
                for text in group.get("flowTuples").elements() {
                    flow::tuple(text, TupleOf::Vnet, &around, unit, sink);
                }
            }
        }
        let around = Around {
            resource: resource(),
            rule: value.get("rule").word(),
            mac: value.get("macAddress").word(),
        };
        for (key, text) in value.entries() {
            if key.0.starts_with(b"flow.") && text.kind() == Kind::String {
                flow::tuple(text, TupleOf::Vnet, &around, unit, sink);
            }
        }
        true
    }
}
