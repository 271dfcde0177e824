//! `flow-table`: flows as Log Analytics keeps them: `AzureNetworkAnalytics_CL`, `NTANetAnalytics`, and copies of them with renamed columns.
//!
//! A row sums the flows of an hour between a machine and its peers; its time is the flow's start. Column names carry a type suffix (`SrcIP_s`) or not.
//! Source: activity-log-formats 2 k.

use super::table::{Row, Shape, TableReader};
use super::{Certainty, Format, Header};
use crate::event::Outcome;
use crate::event::sink::{Record, Sink};
use crate::evidence::unit::Unit;
use crate::identity::address;
use crate::json::Value;
use crate::record::flow::{Around, Flow};
use crate::time::Stamp;

/// The format.
pub const FORMAT: Format = Format {
    id: "flow-table",
    about: "flow table of Log Analytics",
    from_guest: false,
    text: None,
    record: Some(|record| if mine(record) { 85 } else { 0 }),
    header: Some(claims_header),
    open: |_| {
        Box::new(TableReader::new(Shape {
            mine,
            inner: &["properties"],
            times: TIMES,
            required: TIMES,
            emit,
        }))
    },
};

const TIMES: &[&str] = &["FlowStartTime_t", "FlowStartTime", "TimeGenerated"];
const DIRECTION: &[&str] = &["FlowDirection_s", "FlowDirection"];

fn mine(record: Value<'_>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| !record.get_folded(name).is_null());
    has(&["FlowStartTime_t", "FlowStartTime"]) && has(DIRECTION)
}

fn claims_header(header: &Header) -> Certainty {
    let has = |name: &str| header.column_starting(name).is_some();
    if has("FlowStartTime") && has("FlowDirection") {
        90
    } else {
        0
    }
}

/// The first address of a list: `1.2.3.4`, `['1.2.3.4', '…']`, `1.2.3.4|1|0|… 5.6.7.8|…`.
fn first_address(text: &str) -> Option<String> {
    text.split(['[', ']', '\'', '"', ',', ' ', '|'])
        .find_map(address)
}

fn emit(row: &Row<'_>, time: Option<Stamp>, record: Record, unit: &Unit<'_>, sink: &mut Sink) {
    let listed = |names: &[&str]| row.text(names).and_then(|text| first_address(&text));
    let inbound = row
        .text(DIRECTION)
        .and_then(|text| match text.as_bytes().first() {
            Some(b'I' | b'i') => Some(true),
            Some(b'O' | b'o') => Some(false),
            _ => None,
        });
    let machine = listed(&["VMIP_s", "VMIPAddress", "VMIP"]);
    let peer = listed(&[
        "AllExtIPs",
        "PublicIPs_s",
        "PublicIPs",
        "SrcPublicIPs_s",
        "DestPublicIPs_s",
        "SrcPublicIps",
        "DestPublicIps",
    ]);
    let (mut source, mut destination) = (
        listed(&["SrcIP_s", "SrcIP"]),
        listed(&["DestIP_s", "DestIP"]),
    );
    // Rows with a public peer leave source and destination empty and name the peers apart.
    if source.is_none() {
        source = if inbound == Some(true) {
            peer.clone()
        } else {
            machine.clone()
        };
    }
    if destination.is_none() {
        destination = if inbound == Some(true) { machine } else { peer };
    }
    let count = |names: &[&str]| row.integer(names).unwrap_or(0);
    let denied = count(&["DeniedInFlows_d", "DeniedInFlows"])
        + count(&["DeniedOutFlows_d", "DeniedOutFlows"]);
    let allowed = count(&["AllowedInFlows_d", "AllowedInFlows"])
        + count(&["AllowedOutFlows_d", "AllowedOutFlows"]);
    let status = row.text(&["FlowStatus_s", "FlowStatus"]);
    let outcome = match (status.as_deref(), allowed > 0, denied > 0) {
        (Some("A" | "Allowed"), _, _) | (None, true, _) => Outcome::Allowed,
        (Some("D" | "Denied"), _, _) | (None, false, true) => Outcome::Denied,
        _ => Outcome::Unknown,
    };
    let bytes = |names: &[&str]| {
        row.integer(names)
            .and_then(|bytes| u64::try_from(bytes).ok())
    };
    let there = bytes(&["OutboundBytes_d", "BytesSrcToDest"]);
    let back = bytes(&["InboundBytes_d", "BytesDestToSrc"]);
    let port = |names: &[&str]| row.integer(names).and_then(|port| u16::try_from(port).ok());
    let flow = Flow {
        time,
        source,
        destination,
        source_port: port(&["SrcPort_d", "SrcPort"]).unwrap_or(0),
        port: port(&["DestPort_d", "DestPort"]).unwrap_or(0),
        protocol: match row.text(&["L4Protocol_s", "L4Protocol"]).as_deref() {
            Some("T" | "TCP") => 6,
            Some("U" | "UDP") => 17,
            _ => 0,
        },
        inbound,
        outcome,
        state: "",
        bytes: match (there, back) {
            (None, None) => None,
            (there, back) => Some(there.unwrap_or(0).saturating_add(back.unwrap_or(0))),
        },
    };
    let around = Around {
        resource: row.text(&[
            "NSGList_s",
            "NSGRules_s",
            "AclGroup",
            "VM_s",
            "VMName",
            "TargetResourceId",
        ]),
        rule: row.text(&["NSGRule_s", "AclRule"]),
        mac: row.text(&["MACAddress_s", "MacAddress"]),
    };
    flow.emit(&around, record, unit.span(), sink);
}
