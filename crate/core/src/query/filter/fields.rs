//! The fields a filter knows: their names, what they mean and how their values compare.
//!
//! One line is one field; the reference in the page, completion and the messages of errors are drawn from this table. Names are those of
//! the case document; what other tools call the same thing is accepted too.

/// How a field's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// As text, whole or between its slashes.
    Text,
    /// As an address: text, or a network such as `203.0.113.0/24`.
    Address,
    /// As a moment.
    Time,
    /// As a number.
    Number,
    /// By rank: `info` < `low` < `medium` < `high` < `critical`.
    Severity,
}

impl Compared {
    /// What the reference shows as the kind of its values.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Address => "address",
            Self::Time => "time",
            Self::Number => "number",
            Self::Severity => "severity",
        }
    }
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The moment of the event.
    Time,
    /// How the moment is known.
    Basis,
    /// What kind of thing happened.
    Kind,
    /// How it ended.
    Outcome,
    /// The guest.
    Host,
    /// The VM: named in the resource, or else the guest.
    Vm,
    /// Who.
    Caller,
    /// From which address.
    Ip,
    /// To what.
    Resource,
    /// Its subscription.
    Subscription,
    /// Its resource group.
    Group,
    /// What was done.
    Operation,
    /// The id that joins records.
    Correlation,
    /// Path of the evidence item.
    Path,
    /// Format of the evidence item.
    Format,
    /// Record number in its item.
    Record,
    /// Bytes of the record.
    Bytes,
    /// Detector of a finding that the event is part of.
    Detector,
    /// Severity of such a finding.
    Severity,
    /// Number of the execution that the event is part of.
    Execution,
    /// Whether the analyst starred it.
    Starred,
    /// A tag that the analyst gave it.
    Tag,
    /// What the analyst says of it.
    Comment,
}

/// A field.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub also: &'static [&'static str],
    /// How it compares.
    pub compared: Compared,
    /// Where it comes from.
    pub source: Source,
    /// What it means.
    pub about: &'static str,
    /// A value, as an example.
    pub example: &'static str,
}

macro_rules! fields {
    ($($name:literal $also:tt $compared:ident $source:ident $about:literal $example:literal;)+) => {
        /// Every field, in the order in which they are shown.
        pub static FIELDS: &[Field] = &[$(Field {
            name: $name,
            also: &$also,
            compared: Compared::$compared,
            source: Source::$source,
            about: $about,
            example: $example,
        },)+];
    };
}

fields! {
    "time" ["timestamp", "@timestamp", "timegenerated"] Time Time "when it happened, UTC unless an offset is written" "2024-05-01T10:00Z";
    "kind" ["type"] Text Kind "what kind of thing happened" "cloud.*";
    "caller" ["actor", "user", "who"] Text Caller "who did it, as the record names them" "alice*";
    "ip" ["address", "calleripaddress", "src"] Address Ip "from which address; a network such as 203.0.113.0/24 matches all in it" "203.0.113.0/24";
    "vm" ["machine"] Text Vm "the VM of the resource, or the guest where there is no resource" "web01";
    "host" ["computer", "hostname"] Text Host "the guest, as its own records name it" "web01*";
    "operation" ["action", "operationname"] Text Operation "what was done" "runcommand";
    "outcome" ["status", "result"] Text Outcome "how it ended" "failed";
    "resource" ["resourceid"] Text Resource "what it was done to; a whole value or what stands between two slashes" "web01";
    "subscription" ["subscriptionid"] Text Subscription "subscription of the resource" "0000*";
    "group" ["resource_group", "resourcegroup"] Text Group "resource group of the resource" "prod-*";
    "correlation" ["correlationid", "correlation_id"] Text Correlation "the id that joins the records of one act" "5f2c*";
    "detector" ["finding"] Text Detector "a finding of this detector rests on the event" "run-command-*";
    "severity" ["level"] Severity Severity "severity of a finding that rests on the event" "high";
    "execution" [] Number Execution "number of the execution that the event belongs to" "3";
    "starred" ["star"] Text Starred "whether you starred it" "yes";
    "tag" ["tags", "label"] Text Tag "a tag that you gave it" "lateral";
    "comment" ["note"] Text Comment "what you wrote of it" "*phish*";
    "path" ["file", "evidence", "source"] Text Path "path of the evidence item; a whole path or what stands between two slashes" "waagent.log";
    "format" [] Text Format "format of the evidence item" "evtx";
    "basis" ["time_basis"] Text Basis "how the time is known" "local";
    "record" [] Number Record "number of the record in its item" "17";
    "bytes" ["length"] Number Bytes "bytes of the record" "4096";
}

/// The field of a name, whatever its case.
#[must_use]
pub fn field(name: &str) -> Option<&'static Field> {
    let folded = name.to_ascii_lowercase();
    FIELDS
        .iter()
        .find(|field| field.name == folded || field.also.contains(&folded.as_str()))
}

/// The field whose name is closest to a misspelt one, if any is close.
#[must_use]
pub fn near(name: &str) -> Option<&'static Field> {
    let folded = name.to_ascii_lowercase();
    let (distance, field) = FIELDS
        .iter()
        .map(|field| (edits(&folded, field.name), field))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && distance < field.name.len()).then_some(field)
}

/// How many letters have to be changed, added or taken away (Levenshtein), for the short names of this table.
fn edits(one: &str, other: &str) -> usize {
    const LONGEST: usize = 24;
    if one.len() > LONGEST {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        for (across, have) in other.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let swapped = cell(&row, across) + usize::from(letter != *have);
            let least = swapped
                .min(cell(&row, across + 1) + 1)
                .min(cell(&next, across) + 1);
            next.push(least);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
