//! An event before it is encoded, and the two templates that it is an instance of.

use super::binxml::{Element, Part};
use super::value::Value;
use crate::instant::Instant;

/// Where events go, and who writes them.
#[derive(Debug)]
pub struct Channel {
    /// Its name, `Security`.
    pub name: &'static str,
    /// Its provider.
    pub provider: &'static str,
    /// The provider's GUID.
    pub guid: &'static str,
    /// The process and the thread that write: of the service behind the provider.
    pub writer: (u32, u32),
    /// Who that process runs as, where the provider says so.
    pub user: Option<&'static str>,
}

impl Channel {
    /// The file of the channel: Windows writes a slash of its name as `%4`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.evtx", self.name.replace('/', "%4"))
    }
}

/// An event.
#[derive(Clone, Debug)]
pub struct Event<'e> {
    /// Its channel.
    pub channel: &'e Channel,
    /// Its id, `4688`.
    pub id: u16,
    /// Version of its data.
    pub version: u8,
    /// 0 always, 1 critical, 2 error, 3 warning, 4 information, 5 verbose.
    pub level: u8,
    /// Task.
    pub task: u16,
    /// Opcode.
    pub opcode: u8,
    /// Keywords.
    pub keywords: u64,
    /// When, by the machine's clock.
    pub at: Instant,
    /// Process and thread, where they are not the channel's.
    pub writer: Option<(u32, u32)>,
    /// What the event belongs to.
    pub activity: Option<String>,
    /// The machine.
    pub computer: &'e str,
    /// Its data.
    pub data: Vec<(&'static str, Value)>,
}

/// The name space of events.
const NAME_SPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

/// Substitutions of the `System` template, in their order.
impl Event<'_> {
    pub(super) fn system_values(&self, record: u64) -> Vec<Value> {
        let (process, thread) = self.writer.unwrap_or(self.channel.writer);
        vec![
            self.channel.provider.into(),
            Value::Guid(self.channel.guid.to_owned()),
            Value::U16(self.id),
            Value::U8(self.version),
            Value::U8(self.level),
            Value::U16(self.task),
            Value::U8(self.opcode),
            Value::Hex64(self.keywords),
            Value::Time(self.at),
            Value::U64(record),
            self.activity.clone().map_or(Value::Null, Value::Guid),
            Value::U32(process),
            Value::U32(thread),
            self.channel.name.into(),
            self.computer.into(),
            self.channel
                .user
                .map_or(Value::Null, |user| Value::Sid(user.to_owned())),
        ]
    }

    /// What decides which template the data is an instance of.
    pub(super) fn data_key(&self) -> String {
        let fields: Vec<String> = self
            .data
            .iter()
            .map(|(name, value)| format!("{name}:{}", value.kind()))
            .collect();
        format!("{} {}", self.channel.provider, fields.join(" "))
    }

    /// The template of the data: `<EventData><Data Name="…">…`.
    pub(super) fn data_template(&self) -> Element {
        let of = |(at, (name, value)): (usize, &(&'static str, Value))| {
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            let data = Element::new("Data").content(Part::Value(at, value.kind()));
            Part::Element(if name.is_empty() {
                data
            } else {
                data.attribute("Name", Part::Text(name))
            })
        };
        self.data
            .iter()
            .enumerate()
            .map(of)
            .fold(Element::new("EventData"), Element::content)
    }
}

/// Position of the data among the substitutions of [`system_template`].
pub(super) const DATA: u16 = 16;
/// Key of [`system_template`] among templates.
pub(super) const SYSTEM_KEY: &str = "System";

/// The template of every event. Attributes and elements whose value is null are left out by readers.
pub(super) fn system_template() -> Element {
    let filled = |name: &'static str, at: u16, kind: u8| {
        Part::Element(Element::new(name).content(Part::Optional(at, kind)))
    };
    let with = |name: &'static str, attributes: &[(&'static str, u16, u8)]| {
        let element = attributes
            .iter()
            .fold(Element::new(name), |element, (name, at, kind)| {
                element.attribute(name, Part::Optional(*at, *kind))
            });
        Part::Element(element)
    };
    let system = [
        with("Provider", &[("Name", 0, 0x01), ("Guid", 1, 0x0f)]),
        filled("EventID", 2, 0x06),
        filled("Version", 3, 0x04),
        filled("Level", 4, 0x04),
        filled("Task", 5, 0x06),
        filled("Opcode", 6, 0x04),
        filled("Keywords", 7, 0x15),
        with("TimeCreated", &[("SystemTime", 8, 0x11)]),
        filled("EventRecordID", 9, 0x0a),
        with("Correlation", &[("ActivityID", 10, 0x0f)]),
        with(
            "Execution",
            &[("ProcessID", 11, 0x08), ("ThreadID", 12, 0x08)],
        ),
        filled("Channel", 13, 0x01),
        filled("Computer", 14, 0x01),
        with("Security", &[("UserID", 15, 0x13)]),
    ]
    .into_iter()
    .fold(Element::new("System"), Element::content);
    Element::new("Event")
        .attribute("xmlns", Part::Text(NAME_SPACE))
        .content(Part::Element(system))
        .content(Part::Optional(DATA, 0x21))
}
