//! One event or process as rules see it: what the case keeps, and the fields of its record where that was read again.

use super::field::{Slot, also, bare};
use super::source::{POWERSHELL, SYSMON, Scope, View};
use crate::case::item::Item;
use crate::case::store::{EventNumber, Store};
use crate::event::column::Column;
use crate::event::fact::{CloudRow, IdentityFact};
use crate::event::facts::{FactAt, FactRef};
use crate::event::intern::Symbol;
use crate::event::{EventKind, Field, Outcome};
use crate::evidence::layout::Os;
use crate::identity::ResourceId;
use crate::reconstruct::processes::Process;
use std::borrow::Cow;

/// What a rule looks at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The side of the case.
    pub view: View,
    /// The event; of a process the one that is read again.
    pub event: EventNumber,
    /// All events of the case.
    pub store: &'a Store,
    /// Its item.
    pub item: &'a Item,
    /// The fact of the event.
    pub fact: Option<FactAt<'a>>,
    /// The process, and all others.
    pub process: Option<(&'a Process, &'a [Process])>,
    /// Fields of the record, where it was read again.
    pub record: Option<&'a [Field]>,
}

/// Values of a field: what is known, and whether the record might say more.
pub type Values<'a> = Vec<Cow<'a, str>>;

impl<'a> Subject<'a> {
    fn column(&self, column: &Column<Symbol>) -> Option<&'a str> {
        self.store.column(column, self.event)
    }

    fn text(&self, symbol: Symbol) -> Option<&'a str> {
        self.store.text(symbol)
    }

    fn kind(&self) -> EventKind {
        self.store.columns.kind(self.event as usize)
    }

    /// The Windows channel, folded, where the event's number in its log names it.
    #[must_use]
    pub fn channel(&self) -> Option<&'a str> {
        let (channel, _) = self
            .column(&self.store.columns.correlation)?
            .rsplit_once('#')?;
        Some(channel)
    }

    /// The Windows event id, where kind and channel leave no doubt of it.
    fn event_id(&self) -> Option<u32> {
        let operation = self.column(&self.store.columns.operation).unwrap_or("");
        let outcome = self.store.columns.outcome(self.event as usize);
        let channel = self.channel()?;
        Some(match (self.kind(), channel) {
            (EventKind::WindowsEvent, _) => operation.rsplit_once(' ')?.1.parse().ok()?,
            (EventKind::ProcessStart, "security") => 4688,
            (EventKind::ProcessEnd, "security") => 4689,
            (EventKind::ProcessStart, SYSMON) => 1,
            (EventKind::ProcessEnd, SYSMON) => 5,
            (EventKind::Network, SYSMON) if operation == "connection" => 3,
            (EventKind::Network, SYSMON) if operation == "name query" => 22,
            (EventKind::File, SYSMON) if operation == "file created" => 11,
            (EventKind::Authentication, "security") if operation == "log-on" => {
                if outcome == Outcome::Succeeded {
                    4624
                } else {
                    4625
                }
            }
            (EventKind::Authentication, "security") if operation == "special privileges" => 4672,
            (EventKind::PowerShell, POWERSHELL) => {
                if self.fact?.powershell()?.block.is_some() {
                    4104
                } else {
                    4103
                }
            }
            _ => return None,
        })
    }

    /// Whether the subject is what the rule is about; `None` where only the record says.
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> Option<bool> {
        if scope.view != self.view {
            return Some(false);
        }
        let format = self
            .item
            .report
            .as_ref()
            .map_or("", |report| report.format.as_str());
        if !scope.format.is_empty() && scope.format != format {
            return Some(false);
        }
        if !scope.operation.is_empty() {
            let operation = self.column(&self.store.columns.operation).unwrap_or("");
            if !operation.to_lowercase().contains(scope.operation) {
                return Some(false);
            }
        }
        if let Some(os) = scope.os
            && self.os(format).is_some_and(|have| have != os)
        {
            return Some(false);
        }
        let mut answer = Some(true);
        if let Some(channel) = scope.channel {
            match self
                .channel()
                .map(str::to_owned)
                .or_else(|| self.told("channel"))
            {
                Some(have) if have.eq_ignore_ascii_case(channel) => {}
                Some(_) => return Some(false),
                None if self.record.is_some() => return Some(false),
                None => answer = None,
            }
        }
        if !scope.ids.is_empty() {
            match self
                .event_id()
                .or_else(|| self.told("event id").or(self.told("eventid"))?.parse().ok())
            {
                Some(have) if scope.ids.contains(&have) => {}
                Some(_) => return Some(false),
                None if self.record.is_some() => return Some(false),
                None => answer = None,
            }
        }
        answer
    }

    fn told(&self, name: &str) -> Option<String> {
        self.from_record(name)
            .into_iter()
            .next()
            .map(Cow::into_owned)
    }

    /// The system the subject ran on.
    fn os(&self, format: &str) -> Option<Os> {
        if format == "evtx" || format.starts_with("windows-event") {
            // Sysmon for Linux writes Windows events of Linux processes.
            let unix = self
                .process
                .is_some_and(|(process, _)| process.image(self.store).starts_with('/'));
            return Some(if unix { Os::Linux } else { Os::Windows });
        }
        if format == "auditd" {
            return Some(Os::Linux);
        }
        let path = match (self.process, self.fact.and_then(|at| at.any())) {
            (Some((process, _)), _) => process.image(self.store),
            (_, Some(FactRef::File(file))) => self.text(file.path).unwrap_or(""),
            (_, Some(FactRef::Flow(flow))) => self.text(flow.image).unwrap_or(""),
            _ => "",
        };
        if path.starts_with('/') {
            Some(Os::Linux)
        } else if path.contains('\\') || path.to_ascii_lowercase().ends_with(".exe") {
            Some(Os::Windows)
        } else {
            None
        }
    }

    /// Values of a slot; `None` where the case does not keep it of this event and only the record says.
    #[must_use]
    pub fn kept(&self, slot: Slot) -> Option<Values<'a>> {
        let columns = &self.store.columns;
        let one = |text: Option<&'a str>| -> Option<Values<'a>> {
            Some(
                text.filter(|text| !text.is_empty())
                    .map(Cow::Borrowed)
                    .into_iter()
                    .collect(),
            )
        };
        match slot {
            Slot::Record => None,
            Slot::Operation => one(self.column(&columns.operation)),
            Slot::Actor => one(self.column(&columns.actor)),
            Slot::Address => one(self.column(&columns.ip)),
            Slot::Resource => one(self.column(&columns.resource)),
            Slot::Correlation => one(self.column(&columns.correlation)),
            Slot::Host => one(self.column(&columns.host).or(self.item.host.as_deref())),
            Slot::Status => Some(self.status()),
            Slot::EventId => Some(vec![self.event_id()?.to_string().into()]),
            Slot::Channel => one(Some(self.channel()?)),
            Slot::ResourceGroup | Slot::Provider => {
                let id = ResourceId::parse(self.column(&columns.resource)?);
                let text = match slot {
                    Slot::ResourceGroup => id.resource_group().map(str::to_owned),
                    _ => provider(&id.folded).map(str::to_owned),
                };
                Some(text.map(Cow::Owned).into_iter().collect())
            }
            _ => self.of_fact(slot),
        }
    }

    fn of_fact(&self, slot: Slot) -> Option<Values<'a>> {
        let one = |text: Option<&'a str>| -> Option<Values<'a>> {
            Some(
                text.filter(|text| !text.is_empty())
                    .map(Cow::Borrowed)
                    .into_iter()
                    .collect(),
            )
        };
        let said = |text: String| -> Option<Values<'a>> { Some(vec![Cow::Owned(text)]) };
        if let Some((process, all)) = self.process {
            return of_process(slot, self.store, process, all);
        }
        match self.fact?.any()? {
            FactRef::Cloud(row) => one(self.text(of_row(slot, &row)?)),
            FactRef::Identity(fact) => one(self.text(of_identity(slot, &fact)?)),
            FactRef::PowerShell(fact) => match slot {
                Slot::ScriptText => one(Some(fact.text.as_str())),
                Slot::ScriptPath => one(self.text(fact.path)),
                Slot::HostApplication => one(self.text(fact.host_application)),
                _ => None,
            },
            FactRef::Flow(flow) => match slot {
                Slot::Source => one(self.text(flow.source)),
                Slot::Destination => one(self.text(flow.destination)),
                Slot::Port if flow.port > 0 => said(flow.port.to_string()),
                Slot::Protocol => one(match flow.protocol {
                    6 => Some("tcp"),
                    17 => Some("udp"),
                    _ => None,
                }),
                Slot::Initiated => said((!flow.inbound?).to_string()),
                Slot::Image => Some(paths(self.text(flow.image).unwrap_or(""))),
                Slot::Pid => said(flow.pid?.to_string()),
                _ => None,
            },
            FactRef::File(file) => match slot {
                Slot::File => one(self.text(file.path)),
                Slot::PreviousFile => one(self.text(file.previous_path)),
                Slot::Image => Some(paths(self.text(file.writer_image).unwrap_or(""))),
                Slot::Pid => said(file.writer_pid?.to_string()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The outcome in the words of every export, and the result as written.
    fn status(&self) -> Values<'a> {
        let words: &[&'static str] = match self.store.columns.outcome(self.event as usize) {
            Outcome::Succeeded => &["succeeded", "success"],
            Outcome::Failed => &["failed", "failure"],
            Outcome::Started => &["started", "start"],
            Outcome::Accepted => &["accepted", "accept"],
            _ => &[],
        };
        let mut values: Values<'a> = words.iter().map(|word| Cow::Borrowed(*word)).collect();
        if let Some(fact) = self.fact.and_then(|at| at.identity()) {
            values.extend(self.text(fact.result).map(Cow::Borrowed));
        }
        values
    }

    /// Values of a field by its name in the record, which must have been read again.
    #[must_use]
    pub fn from_record(&self, name: &str) -> Values<'a> {
        let Some(fields) = self.record else {
            return Vec::new();
        };
        let wanted = bare(name);
        let others = also(&wanted);
        let mut values: Values<'a> = Vec::new();
        for field in fields {
            let have = without_places(&field.name.to_lowercase());
            let is = |name: &str| {
                have.strip_suffix(name)
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            };
            if field.value != "null" && (is(&wanted) || others.iter().any(|other| is(other))) {
                values.push(Cow::Borrowed(&field.value));
            }
        }
        // All lines of an audit event are one event: its types are those of its lines.
        if wanted == "type" && self.view == View::Linux {
            for field in fields {
                if let Some((kind, _)) = field.name.split_once('.') {
                    let kind = kind.to_ascii_uppercase();
                    if !values.iter().any(|have| *have == kind) {
                        values.push(Cow::Owned(kind));
                    }
                }
            }
        }
        values
    }

    /// Everything the record says, for keywords.
    #[must_use]
    pub fn everything(&self) -> Values<'a> {
        let fields = self.record.unwrap_or(&[]);
        fields
            .iter()
            .map(|field| Cow::Borrowed(field.value.as_str()))
            .collect()
    }

    /// What the case keeps that a keyword may be in.
    #[must_use]
    pub fn kept_text(&self) -> Values<'a> {
        let columns = &self.store.columns;
        let mut texts: Values<'a> = [
            &columns.operation,
            &columns.resource,
            &columns.actor,
            &columns.ip,
        ]
        .into_iter()
        .filter_map(|column| self.column(column).map(Cow::Borrowed))
        .collect();
        if let Some((process, _)) = self.process {
            texts.push(Cow::Borrowed(process.command_line(self.store)));
        }
        if let Some(fact) = self.fact.and_then(|at| at.powershell()) {
            texts.push(Cow::Borrowed(&fact.text));
        }
        texts
    }
}

fn of_row(slot: Slot, row: &CloudRow) -> Option<Symbol> {
    Some(match slot {
        Slot::Category => row.category,
        Slot::Subscription => row.subscription,
        Slot::Application => row.app_id,
        Slot::Principal => row.principal,
        Slot::Role => row.role,
        Slot::Scope => row.scope,
        _ => return None,
    })
}

fn of_identity(slot: Slot, fact: &IdentityFact) -> Option<Symbol> {
    Some(match slot {
        Slot::Application => fact.app_id,
        Slot::Principal => fact.principal,
        Slot::Result => fact.result,
        Slot::Risk => fact.risk,
        Slot::TargetName => fact.target_name,
        _ => return None,
    })
}

fn of_process<'a>(
    slot: Slot,
    store: &'a Store,
    process: &Process,
    all: &[Process],
) -> Option<Values<'a>> {
    let parent = process.parent().and_then(|at| all.get(at));
    let one = |text: &'a str| -> Option<Values<'a>> {
        Some(
            Some(text)
                .filter(|text| !text.is_empty())
                .map(Cow::Borrowed)
                .into_iter()
                .collect(),
        )
    };
    let said = |number: Option<u64>| -> Option<Values<'a>> {
        Some(
            number
                .map(|number| number.to_string().into())
                .into_iter()
                .collect(),
        )
    };
    match slot {
        Slot::Image => Some(paths(process.image(store))),
        Slot::CommandLine => one(process.command_line(store)),
        Slot::ParentImage => Some(paths(known(
            process.parent_image(store),
            parent.map(|parent| parent.image(store)),
        ))),
        Slot::ParentCommandLine => one(known(
            process.parent_command_line(store),
            parent.map(|parent| parent.command_line(store)),
        )),
        Slot::User => one(process.user(store)),
        Slot::Integrity => one(process.integrity(store)),
        Slot::Directory => one(process.directory(store)),
        Slot::Logon => one(process.logon(store)),
        Slot::Pid => said(process.pid()),
        Slot::ParentPid => said(process.parent_pid()),
        _ => None,
    }
}

/// What the process says of its parent, else what is known of the parent; a path says more than a name.
fn known<'a>(own: &'a str, parent: Option<&'a str>) -> &'a str {
    let is_path = |text: &str| text.contains(['/', '\\']);
    match parent {
        Some(parent) if own.is_empty() || (!is_path(own) && is_path(parent)) => parent,
        _ => own,
    }
}

/// A path, and of a bare name also as the end of any path: rules look for `\cmd.exe`.
fn paths(image: &str) -> Values<'_> {
    if image.is_empty() {
        return Vec::new();
    }
    let mut values = vec![Cow::Borrowed(image)];
    if !image.contains(['/', '\\']) {
        values.push(Cow::Owned(format!("\\{image}")));
        values.push(Cow::Owned(format!("/{image}")));
    }
    values
}

fn provider(folded: &str) -> Option<&str> {
    let (_, rest) = folded.split_once("/providers/")?;
    rest.split('/').next()
}

/// `targetresources.0.displayname` without the places in lists.
fn without_places(name: &str) -> String {
    let parts = name.split('.');
    let kept: Vec<&str> = parts
        .filter(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    kept.join(".")
}

/// Whether an event belongs to a Windows log.
#[must_use]
pub fn is_windows_format(format: &str) -> bool {
    format == "evtx" || format.starts_with("windows-event")
}

/// Whether an item is a log of a Linux guest.
#[must_use]
pub fn is_linux_format(format: &str) -> bool {
    matches!(format, "auditd" | "syslog") || format.starts_with("journal")
}
