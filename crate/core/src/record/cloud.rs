//! An Activity Log record, whatever export it came from.
//!
//! A format fills a [`CloudRecord`] with what its shape holds, as text; this file decides what it means: the
//! five status vocabularies (detectors 0.3), who called (0.4), both addresses, the precise time hidden
//! in the record's id, and which bodies are worth keeping.
//!
//! Rejected: normalising in each reader. Nine copies of the status table would differ within a month.

use super::claims::Claims;
use crate::event::batch::Span;
use crate::event::fact::{CloudRow, Fact, Status};
use crate::event::sink::{Record, Sink};
use crate::event::{Event, EventKind, Field, Outcome};
use crate::evidence::encoding::text;
use crate::identity::{self, CallerKind, ResourceId};
use crate::json::Value;
use crate::problem::Code;
use crate::time::{Instant, Stamp, parse};
use memchr::{memchr, memmem, memrchr};
use std::borrow::Cow;

/// Text borrowed from the record where it can be.
pub type Text<'a> = Option<Cow<'a, str>>;

/// The parts of one record. Whatever a shape lacks stays `None`.
#[derive(Clone, Debug, Default)]
pub struct CloudRecord<'a> {
    /// Event time.
    pub time: Option<Stamp>,
    /// The time as written, where it could not be read.
    pub unread_time: Text<'a>,
    /// Operation id (`Microsoft.Compute/…/action`), else `None`.
    pub operation: Text<'a>,
    /// Display name of the operation.
    pub operation_display: Text<'a>,
    /// Status in any vocabulary.
    pub status: Text<'a>,
    /// Sub-status text.
    pub sub_status: Text<'a>,
    /// Caller as the record names it.
    pub caller: Text<'a>,
    /// Address that called the management endpoint.
    pub ip: Text<'a>,
    /// Resource id.
    pub resource: Text<'a>,
    /// Resource type where it is a field of its own.
    pub resource_type: Text<'a>,
    /// Subscription where it is a field of its own.
    pub subscription: Text<'a>,
    /// Correlation id.
    pub correlation: Text<'a>,
    /// Event data id.
    pub event_data_id: Text<'a>,
    /// The record's `id`, which ends in `/events/<event data id>/ticks/<n>`.
    pub id: Text<'a>,
    /// Category.
    pub category: Text<'a>,
    /// The claims of the token.
    pub claims: Claims<'a>,
    /// Role, from `authorization.evidence.role` or `authorization.role`.
    pub role: Text<'a>,
    /// Principal id of the role evidence (a GUID without dashes in some exports).
    pub principal_id: Text<'a>,
    /// Principal type of the role evidence (`User`, `ServicePrincipal`, `Group`).
    pub principal_type: Text<'a>,
    /// Scope of the authorization.
    pub scope: Text<'a>,
    /// Whether a SIEM's copy said name, outcome and category in its own place.
    pub of_siem: bool,
    /// `requestbody` and `responseBody`, as text.
    pub bodies: Vec<Body<'a>>,
}

/// A body as the record holds it; escapes are undone only where it matters.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A JSON string, or JSON that stands for itself.
    Json(Value<'a>),
}

impl Body<'_> {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone().into_owned(),
            Self::Json(value) => value
                .text()
                .unwrap_or_else(|| text(value.raw()))
                .into_owned(),
        }
    }
}

impl<'a> From<Cow<'a, str>> for Body<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

/// The status class of a raw status (detectors 0.3). An integer is an HTTP code.
#[must_use]
pub fn status_class(raw: &str) -> Status {
    let folded = identity::folded(raw);
    match folded.as_ref() {
        "start" | "started" => Status::Start,
        "accept" | "accepted" | "in progress" | "inprogress" => Status::Accept,
        "success" | "succeeded" => Status::Success,
        "failure" | "failed" | "rejected" | "cancelled" | "canceled" | "timeout" | "timedout" => {
            Status::Failure
        }
        other => match other.parse::<u16>() {
            Ok(202) => Status::Accept,
            Ok(200..=299) => Status::Success,
            Ok(400..=599) => Status::Failure,
            _ => localized_status(other),
        },
    }
}

/// The portal writes its CSV in the language of the page (activity-log-formats 0.10): the words it uses for the four states.
fn localized_status(folded: &str) -> Status {
    match folded {
        "iniciado" | "gestartet" | "démarré" | "commencé" | "avviato" | "gestart"
        | "rozpoczęto" | "başlatıldı" | "開始" | "開始済み" | "已启动" | "已開始" | "시작됨"
        | "запущено" | "påbörjad" | "zahájeno" => Status::Start,
        "aceito" | "aceptado" | "akzeptiert" | "accepté" | "accettato" | "geaccepteerd"
        | "zaakceptowano" | "kabul edildi" | "受理済み" | "承諾済み" | "已接受" | "수락됨"
        | "принято" | "godkänd" | "přijato" => Status::Accept,
        "bem-sucedido"
        | "êxito"
        | "com êxito"
        | "correcto"
        | "realizado correctamente"
        | "erfolgreich"
        | "réussi"
        | "opération réussie"
        | "completato"
        | "riuscito"
        | "operazione riuscita"
        | "geslaagd"
        | "powodzenie"
        | "başarılı"
        | "başarıyla tamamlandı"
        | "成功"
        | "성공"
        | "успешно"
        | "lyckades"
        | "úspěch"
        | "úspěšné" => Status::Success,
        "falha"
        | "com falha"
        | "erro"
        | "error"
        | "fehler"
        | "fehlgeschlagen"
        | "échec"
        | "non riuscito"
        | "operazione non riuscita"
        | "mislukt"
        | "niepowodzenie"
        | "başarısız"
        | "失敗"
        | "失败"
        | "실패"
        | "сбой"
        | "ошибка"
        | "misslyckades"
        | "selhání"
        | "neúspěšné" => Status::Failure,
        _ => Status::Other,
    }
}

/// The operation id of a display name, for the few that name Run Command and extensions (detectors 0.9); else the folded name itself.
fn id_of_display(display: &str) -> Cow<'_, str> {
    let folded = identity::folded(display);
    let id = match folded.as_ref() {
        "run command on virtual machine" => "microsoft.compute/virtualmachines/runcommand/action",
        "run command on a virtual machine instance in a virtual machine scale set" => {
            "microsoft.compute/virtualmachinescalesets/virtualmachines/runcommand/action"
        }
        "create or update virtual machine extension" => {
            "microsoft.compute/virtualmachines/extensions/write"
        }
        _ => return folded,
    };
    Cow::Borrowed(id)
}

/// `<your-subscription-id>`, `REDACTED`, `******`: what people write over ids before they share a record.
fn is_placeholder(text: &str) -> bool {
    const REDACTED: &[u8] = b"REDACTED";
    let bytes = text.as_bytes();
    let bracketed = memchr(b'<', bytes)
        .and_then(|at| bytes.get(at..))
        .is_some_and(|rest| memchr(b'>', rest).is_some());
    let starred = || memchr(b'*', bytes).is_some() && memmem::find(bytes, b"****").is_some();
    // A letter that GUIDs do not have, and the word around it.
    let redacted = || {
        bytes.windows(REDACTED.len()).any(|window| {
            window.first().is_some_and(|first| first | 0x20 == b'r')
                && window.eq_ignore_ascii_case(REDACTED)
        })
    };
    bracketed || starred() || redacted() || text.eq_ignore_ascii_case("ANONYMIZED")
}

/// Operations whose request or response body says what was run or granted.
fn body_matters(operation: &str) -> bool {
    const ENDS: [&str; 7] = [
        "/runcommands/write",
        "/extensions/write",
        "/runcommand/action",
        "/roleassignments/write",
        "/virtualmachines/write",
        "/securityrules/write",
        "/networksecuritygroups/write",
    ];
    ENDS.iter().any(|end| operation.ends_with(end))
}

/// Between the resource's id and the event's own in a record's `id`.
const EVENTS: &[u8] = b"/events/";

impl<'a> CloudRecord<'a> {
    /// Ends `record` as an event of this meaning. `detail` gives all fields for the analyst and is asked only when wanted.
    pub fn emit(
        mut self,
        record: Record,
        span: Span,
        sink: &mut Sink,
        detail: impl FnOnce() -> Vec<Field>,
    ) {
        self.repair_time();
        let status = self.status.as_deref().map_or(Status::Other, status_class);
        let outcome = match status {
            Status::Start => Outcome::Started,
            Status::Accept => Outcome::Accepted,
            Status::Success => Outcome::Succeeded,
            Status::Failure => Outcome::Failed,
            Status::Other => Outcome::Unknown,
        };
        match (&self.time, &self.unread_time) {
            (Some(_), _) => {}
            (None, Some(text)) => sink.problem(
                Code::BadTime,
                Some(span),
                format!("the time {text:?} is on no calendar or of unknown spelling; the operation is counted and has no place on the timeline"),
            ),
            (None, None) => sink.problem(
                Code::MissingTime,
                Some(span),
                "an operation without a time; it is counted and has no place on the timeline",
            ),
        }
        let placeholder = [
            &self.resource,
            &self.caller,
            &self.correlation,
            &self.subscription,
        ]
        .into_iter()
        .flatten()
        .find(|text| is_placeholder(text));
        if let Some(text) = placeholder {
            let text = format!(
                "{text:?} is a placeholder that somebody put in; what stood there is not in this copy. Ask for the untouched export"
            );
            sink.problem(Code::Redacted, Some(span), text);
        }
        let caller = self.caller();
        // Old samples have no resource id of their own; the record's id begins with it.
        let of_id = || {
            let id = self.id.as_deref()?;
            id.get(..memmem::find(id.as_bytes(), EVENTS)?)
        };
        let resource = self
            .resource
            .as_deref()
            .or_else(of_id)
            .map(ResourceId::parse)
            .filter(|id| !id.folded.is_empty());
        let operation = self
            .operation
            .as_deref()
            .map(identity::folded)
            .or_else(|| self.operation_display.as_deref().map(id_of_display));
        // The id's own subscription first: exports disagree about the field, never about the id.
        let subscription = resource
            .as_ref()
            .and_then(|id| id.subscription())
            .map(Cow::Borrowed)
            .or_else(|| self.subscription.as_deref().map(identity::folded));
        let ip = self.ip.as_deref().and_then(identity::plain_address);
        let row = CloudRow {
            status,
            event_data_id: sink.intern_some(self.data_id().as_deref()),
            ticks: self.ticks(),
            principal: sink.intern_some(self.principal().as_deref()),
            principal_type: sink.intern(
                self.principal_kind(caller.as_deref())
                    .map_or("", CallerKind::word),
            ),
            token_ip: sink.intern_some(
                self.claims
                    .ip
                    .as_deref()
                    .and_then(identity::plain_address)
                    .as_deref(),
            ),
            app_id: sink.intern_some(
                self.claims
                    .app_id
                    .as_deref()
                    .map(identity::folded)
                    .as_deref(),
            ),
            token_id: sink.intern_some(self.claims.token_id.as_deref()),
            role: sink.intern_some(self.role.as_deref()),
            scope: sink.intern_some(self.scope.as_deref().map(identity::folded).as_deref()),
            category: sink.intern_some(self.category.as_deref().map(identity::folded).as_deref()),
            sub_status: sink.intern_some(self.sub_status.as_deref()),
            resource_type: sink.intern_some(
                self.resource_type
                    .as_deref()
                    .map(identity::folded)
                    .as_deref(),
            ),
            subscription: sink.intern_some(subscription.as_deref()),
            spelled_name: sink.intern_some(self.spelled_name()),
            display_name_only: self.operation.is_none() && self.operation_display.is_some(),
            bodies: if operation.as_deref().is_some_and(body_matters) {
                self.bodies.iter().map(Body::text).collect()
            } else {
                Vec::new()
            },
        };
        let mut event = Event::new(EventKind::CloudOperation, self.time);
        event.outcome = outcome;
        if sink.wants_detail() {
            event.summary = self.summary(caller.as_deref(), resource.as_ref(), outcome);
            event.fields = detail();
        }
        event.fact = Some(Fact::Cloud(Box::new(row)));
        event.actor = caller;
        event.ip = ip;
        event.resource = resource
            .as_ref()
            .map(|id| Cow::Borrowed(id.folded.as_str()));
        event.operation = operation;
        event.correlation = self
            .correlation
            .as_deref()
            .map(identity::folded)
            .filter(|id| !id.is_empty());
        sink.event(record, span, event);
    }

    /// The resource's own name, where it is spelled with capitals.
    fn spelled_name(&self) -> Option<&str> {
        let id = self.resource.as_deref()?.trim();
        let name = id.get(memrchr(b'/', id.as_bytes()).map_or(0, |at| at + 1)..)?;
        name.bytes()
            .any(|letter| letter.is_ascii_uppercase())
            .then_some(name)
    }

    /// `caller`, else the token's UPN, else its object id.
    fn caller(&self) -> Option<Cow<'_, str>> {
        let named = self
            .caller
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        named
            .or(self.claims.upn.as_deref())
            .or(self.claims.object_id.as_deref())
            .map(Cow::Borrowed)
            .or_else(|| {
                let id = self.principal_id.as_deref()?;
                identity::guid(id).map(Cow::Owned)
            })
    }

    fn principal(&self) -> Option<Cow<'_, str>> {
        let id = self
            .claims
            .object_id
            .as_deref()
            .or(self.principal_id.as_deref())?;
        Some(identity::guid(id).map_or_else(|| identity::folded(id), Cow::Owned))
    }

    fn principal_kind(&self, caller: Option<&str>) -> Option<CallerKind> {
        match self.claims.id_type.as_deref() {
            Some("app") => return Some(CallerKind::Application),
            Some("user") => return Some(CallerKind::User),
            _ => {}
        }
        match self
            .principal_type
            .as_deref()
            .map(identity::folded)
            .as_deref()
        {
            Some("user") => Some(CallerKind::User),
            Some("serviceprincipal") => Some(CallerKind::Application),
            _ => caller
                .map(CallerKind::of)
                .filter(|kind| *kind != CallerKind::Unknown),
        }
    }

    fn ticks(&self) -> Option<Instant> {
        let id = self.id.as_deref()?.as_bytes();
        let (before, ticks) = id.split_at_checked(memrchr(b'/', id)?)?;
        let ticks = parse::integer(ticks.get(1..).filter(|_| before.ends_with(b"/ticks"))?)?;
        Instant::from_ticks(ticks)
    }

    fn data_id(&self) -> Option<Cow<'_, str>> {
        let own = self
            .event_data_id
            .as_deref()
            .filter(|id| !id.trim().is_empty());
        let from_id = || {
            let id = self.id.as_deref()?;
            let tail = id.get(memmem::find(id.as_bytes(), EVENTS)? + EVENTS.len()..)?;
            tail.split('/').next()
        };
        own.or_else(from_id).map(identity::folded)
    }

    /// `/ticks/` restores the precision an export cut away (activity-log-formats 1); it never moves a time by a second.
    fn repair_time(&mut self) {
        let Some(ticks) = self.ticks() else { return };
        match &mut self.time {
            Some(stamp) if stamp.instant.digits < 7 && stamp.instant.digits > 0 => {
                if stamp.instant.ns.abs_diff(ticks.ns) < 1_000_000_000 {
                    stamp.instant.ns = ticks.ns;
                    let mut digits = 7;
                    let mut rest = ticks.ns / 100;
                    while digits > stamp.instant.digits && rest % 10 == 0 {
                        rest /= 10;
                        digits -= 1;
                    }
                    stamp.instant.digits = digits;
                }
            }
            Some(_) => {}
            None => self.time = Some(Stamp::utc(ticks)),
        }
    }

    fn summary(
        &self,
        caller: Option<&str>,
        resource: Option<&ResourceId>,
        outcome: Outcome,
    ) -> String {
        let what = self
            .operation_display
            .as_deref()
            .or(self.operation.as_deref())
            .unwrap_or("operation");
        let target = resource
            .map(|id| id.folded.rsplit('/').next().unwrap_or("").to_owned())
            .filter(|name| !name.is_empty());
        let mut line = what.to_owned();
        if let Some(target) = target {
            line.push_str(" on ");
            line.push_str(&target);
        }
        if let Some(caller) = caller {
            line.push_str(" by ");
            line.push_str(caller);
        }
        if let Some(status) = self.status.as_deref().filter(|_| outcome != Outcome::None) {
            line.push_str(": ");
            line.push_str(status);
        }
        line
    }
}

/// All fields of a JSON record, for the analyst. Text that is JSON itself stays text.
#[must_use]
pub fn json_fields(record: Value<'_>) -> Vec<Field> {
    const MOST: usize = 2_000;
    crate::json::flatten(record, MOST)
        .into_iter()
        .map(|(name, value)| Field { name, value })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_status_vocabularies_are_one() {
        for (raw, class) in [
            ("Start", Status::Start),
            ("Started", Status::Start),
            (" ACCEPT ", Status::Accept),
            ("Accepted", Status::Accept),
            ("In Progress", Status::Accept),
            ("Success", Status::Success),
            ("Succeeded", Status::Success),
            ("Bem-sucedido", Status::Success),
            ("Failure", Status::Failure),
            ("Rejected", Status::Failure),
            ("Canceled", Status::Failure),
            ("TimedOut", Status::Failure),
            ("Active", Status::Other),
            ("Resolved", Status::Other),
            ("Updated", Status::Other),
            ("", Status::Other),
            ("OK", Status::Other),
            ("200", Status::Success),
            ("202", Status::Accept),
            ("403", Status::Failure),
        ] {
            assert_eq!(status_class(raw), class, "{raw}");
        }
    }

    #[test]
    fn ticks_restore_the_seventh_digit_and_move_nothing_else() {
        let time = |text: &str| parse::iso(text.as_bytes());
        let id = |ticks: &str| {
            Some(Cow::Owned(format!(
                "/subscriptions/s/events/E/ticks/{ticks}"
            )))
        };
        let mut record = CloudRecord {
            time: time("2024-12-09T21:09:54.716Z"),
            id: id("638693753947160515"),
            ..CloudRecord::default()
        };
        record.repair_time();
        assert_eq!(
            record
                .time
                .map(|stamp| stamp.instant.to_string())
                .as_deref(),
            Some("2024-12-09T21:09:54.7160515Z")
        );
        let mut record = CloudRecord {
            time: time("2024-12-09T21:00:00.5Z"),
            id: id("638693753947160515"),
            ..CloudRecord::default()
        };
        record.repair_time();
        assert_eq!(
            record
                .time
                .map(|stamp| stamp.instant.to_string())
                .as_deref(),
            Some("2024-12-09T21:00:00.5Z")
        );
        assert_eq!(record.data_id().as_deref(), Some("e"));
    }
}
