//! Network flow tuples, as both generations of Azure flow logs write them (activity-log-formats 2 k).
//!
//! ```text
//! NSG 1    1487282421,192.0.2.95,10.1.0.4,51529,5358,T,I,D
//! NSG 2    1639372371,20.0.0.4,198.51.100.100,50047,443,T,O,A,E,19,1641,31,39286
//! VNet 4   1786653168597,203.0.113.146,10.0.5.4,59350,8001,6,I,E,NX,5,593,4,560
//! ```
//!
//! NSG version 2 and VNet tuples both have 13 fields, and the eighth is a decision in one and a state in the other: the record around
//! them decides, never the count.
//!
//! Rejected: one event a record. A record is a minute of a network card; the question is always about one peer.

use crate::event::batch::Span;
use crate::event::fact::{Fact, FlowFact};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Outcome};
use crate::evidence::unit::Unit;
use crate::identity::address;
use crate::json::Value;
use crate::problem::Code;
use crate::time::{Stamp, parse};
use std::borrow::Cow;

/// Which record a tuple stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TupleOf {
    /// A network security group's.
    Nsg,
    /// A virtual network's.
    Vnet,
}

/// What every tuple of a record shares.
#[derive(Clone, Debug, Default)]
pub struct Around<'a> {
    /// The network security group, or the network, subnet or card.
    pub resource: Option<Cow<'a, str>>,
    /// The rule that decided.
    pub rule: Option<Cow<'a, str>>,
    /// Hardware address of the card.
    pub mac: Option<Cow<'a, str>>,
}

/// One flow, before it becomes an event.
#[derive(Clone, Debug)]
pub struct Flow {
    /// When.
    pub time: Option<Stamp>,
    /// Source address.
    pub source: Option<String>,
    /// Destination address.
    pub destination: Option<String>,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub port: u16,
    /// IANA protocol number, 0 unknown.
    pub protocol: u8,
    /// Whether it came in.
    pub inbound: Option<bool>,
    /// Allowed or denied.
    pub outcome: Outcome,
    /// `begin`, `continuing`, `end`, or nothing.
    pub state: &'static str,
    /// Bytes both ways.
    pub bytes: Option<u64>,
}

impl Flow {
    /// Reads a tuple; `None` where it is none.
    #[must_use]
    pub fn parse(tuple: &str, of: TupleOf) -> Option<Self> {
        let cells: Vec<&str> = tuple.split(',').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or("");
        if cells.len() < 8 {
            return None;
        }
        let state_at = if of == TupleOf::Nsg { 8 } else { 7 };
        let state = match cell(state_at) {
            "B" => "begin",
            "C" => "continuing",
            "E" => "end",
            _ => "",
        };
        let outcome = match (of, cell(7)) {
            (TupleOf::Nsg, "A") => Outcome::Allowed,
            (_, "D") => Outcome::Denied,
            (TupleOf::Vnet, "B" | "C" | "E") => Outcome::Allowed,
            _ => Outcome::Unknown,
        };
        let number = |at: usize| cell(at).parse::<u64>().ok();
        let bytes = match (number(10), number(12)) {
            (None, None) => None,
            (there, back) => Some(there.unwrap_or(0).saturating_add(back.unwrap_or(0))),
        };
        Some(Self {
            // Both seconds and milliseconds occur in either generation.
            time: Some(parse::epoch_by_length(cell(0).as_bytes())?),
            source: Some(address(cell(1))?),
            destination: Some(address(cell(2))?),
            source_port: cell(3).parse().ok()?,
            port: cell(4).parse().ok()?,
            protocol: match cell(5) {
                "T" => 6,
                "U" => 17,
                number => number.parse().unwrap_or(0),
            },
            inbound: match cell(6) {
                "I" => Some(true),
                "O" => Some(false),
                _ => None,
            },
            outcome,
            state,
            bytes,
        })
    }

    /// Ends `record` as this flow.
    pub fn emit(self, around: &Around<'_>, record: Record, span: Span, sink: &mut Sink) {
        let mut event = Event::new(EventKind::Flow, self.time);
        event.outcome = self.outcome;
        let peer = if self.inbound == Some(true) {
            &self.source
        } else {
            &self.destination
        };
        event.ip = peer.clone().map(Cow::Owned);
        event.resource = around
            .resource
            .as_deref()
            .map(|id| Cow::Owned(crate::identity::fold(id)));
        event.operation = around
            .rule
            .as_deref()
            .map(|rule| Cow::Owned(rule.to_owned()));
        if sink.wants_detail() {
            let text = |address: &Option<String>| address.clone().unwrap_or_else(|| "?".to_owned());
            let protocol = match self.protocol {
                6 => "TCP".to_owned(),
                17 => "UDP".to_owned(),
                1 => "ICMP".to_owned(),
                number => format!("protocol {number}"),
            };
            event.summary = format!(
                "{protocol} {}:{} → {}:{} {}",
                text(&self.source),
                self.source_port,
                text(&self.destination),
                self.port,
                self.outcome.word(),
            );
            event.field("source", text(&self.source));
            event.field("source port", self.source_port.to_string());
            event.field("destination", text(&self.destination));
            event.field("destination port", self.port.to_string());
            event.field("protocol", protocol);
            if let Some(inbound) = self.inbound {
                event.field("direction", if inbound { "inbound" } else { "outbound" });
            }
            if !self.state.is_empty() {
                event.field("state", self.state);
            }
            if let Some(bytes) = self.bytes {
                event.field("bytes both ways", bytes.to_string());
            }
        }
        event.fact = Some(Fact::Flow(Box::new(FlowFact {
            source: sink.intern_some(self.source.as_deref()),
            destination: sink.intern_some(self.destination.as_deref()),
            port: self.port,
            protocol: self.protocol,
            inbound: self.inbound,
            bytes: self.bytes,
            mac: sink.intern_some(
                around
                    .mac
                    .as_deref()
                    .map(|mac| mac.replace(['-', ':'], "").to_ascii_lowercase())
                    .as_deref(),
            ),
            ..FlowFact::default()
        })));
        sink.event(record, span, event);
    }
}

/// One tuple of a flow log: an event, or a skipped record that says why.
pub fn tuple(value: Value<'_>, of: TupleOf, around: &Around<'_>, unit: &Unit<'_>, sink: &mut Sink) {
    let record = sink.begin();
    let span = unit.place_of(value.raw());
    match value.text().and_then(|text| Flow::parse(&text, of)) {
        Some(flow) => flow.emit(around, record, span, sink),
        None => sink.skip(
            record,
            Code::MalformedRecord,
            span,
            "a flow tuple without time, addresses and ports",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(
        tuple: &str,
        of: TupleOf,
    ) -> Option<(String, &'static str, &'static str, Option<u64>)> {
        let flow = Flow::parse(tuple, of)?;
        Some((
            flow.time?.instant.to_string(),
            flow.outcome.word(),
            flow.state,
            flow.bytes,
        ))
    }

    #[test]
    fn the_eighth_field_is_a_decision_in_one_and_a_state_in_the_other() {
        let nsg_1 = "1487282421,192.0.2.95,10.1.0.4,51529,5358,T,I,D";
        let nsg_2 = "1639372371,20.0.0.4,198.51.100.100,50047,443,T,O,A,E,19,1641,31,39286";
        let nsg_begin = "1639372365,20.0.0.4,198.51.100.100,50047,443,T,O,A,B,,,,";
        let vnet = "1786653168597,203.0.113.146,10.0.5.4,59350,8001,6,I,E,NX,5,593,4,560";
        let vnet_denied = "1786653168,203.0.113.146,10.0.5.4,59350,8001,6,I,D,NX,0,0,0,0";
        let time = |text: &str| text.to_owned();
        assert_eq!(
            shown(nsg_1, TupleOf::Nsg),
            Some((time("2017-02-16T22:00:21Z"), "denied", "", None))
        );
        assert_eq!(
            shown(nsg_2, TupleOf::Nsg),
            Some((time("2021-12-13T05:12:51Z"), "allowed", "end", Some(40_927)))
        );
        assert_eq!(
            shown(nsg_begin, TupleOf::Nsg),
            Some((time("2021-12-13T05:12:45Z"), "allowed", "begin", None))
        );
        assert_eq!(
            shown(vnet, TupleOf::Vnet),
            Some((
                time("2026-08-13T20:32:48.597Z"),
                "allowed",
                "end",
                Some(1_153)
            ))
        );
        assert_eq!(
            shown(vnet_denied, TupleOf::Vnet),
            Some((time("2026-08-13T20:32:48Z"), "denied", "", Some(0)))
        );
        assert_eq!(
            shown("1786653168,not,an,address,1,2,3,4", TupleOf::Vnet),
            None
        );
        assert_eq!(shown("1786653168,10.0.0.1", TupleOf::Nsg), None);
    }
}
