//! The core behind wasm-bindgen: what a worker in the tab calls.
//!
//! Four classes. [`Reader`] reads one evidence item in a reader worker and hands out batches as bytes, [`SegmentReader`] a part of a large one; [`Hasher`] hashes one;
//! [`Case`] lives in the coordinator and owns everything else. Small questions and answers cross as plain objects, bulk as typed arrays.
//! [`container`] unpacks. This crate knows the browser's types and no format, no detector.
//!
//! Rejected: sharing memory between workers. It needs headers that neither `file://` nor a plain static host sends.

mod brief;
mod container;
mod filter;
mod findings;
mod outtake;
mod people_and_places;
mod raw;
mod segment;
mod workbench;

pub use container::{container_kind, unpack};
pub use filter::Scanner;
pub use raw::RawText;
pub use segment::{SegmentReader, whole_bytes};

use container::parse_problems;
use js_sys::{Array, Uint8Array};
use runlens_core::case::Case as CoreCase;
use runlens_core::evidence::hash::{Hasher as CoreHasher, OldHasher as CoreOldHasher};
use runlens_core::export::{Export, manifest};
use runlens_core::formats::ItemReader;
use runlens_core::lists::ListKind;
use runlens_core::query::{self, Shown};
use runlens_core::reconstruct::links::overrides::{PairKey, Say};
use runlens_core::settings::Settings;
use runlens_core::time::zone::Zone;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

fn settings(json: &str) -> Result<Settings, JsError> {
    let mut settings = Settings::default();
    if !json.is_empty() {
        let tree = serde_json::from_str(json).map_err(|error| JsError::new(&error.to_string()))?;
        settings
            .set_all(&tree)
            .map_err(|refused| JsError::new(&refused.to_string()))?;
    }
    Ok(settings)
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value
        .serialize(&serializer)
        .map_err(|error| JsError::new(&error.to_string()))
}

/// JavaScript counts in doubles; sizes and times of evidence stay far below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes below 2^53; negative ones become 0"
)]
fn size_of(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds below 2^53")]
fn modified(ms: Option<f64>) -> Option<i64> {
    ms.map(|ms| ms as i64)
}

/// Reads one evidence item.
#[wasm_bindgen]
pub struct Reader {
    reader: Option<ItemReader>,
}

#[wasm_bindgen]
impl Reader {
    /// A reader for the item of this path.
    ///
    /// # Errors
    /// Where the settings are refused.
    #[wasm_bindgen(constructor)]
    pub fn new(
        path: &str,
        size: f64,
        modified_ms: Option<f64>,
        settings_json: &str,
    ) -> Result<Self, JsError> {
        let limits = settings(settings_json)?.limits;
        Ok(Self {
            reader: Some(ItemReader::new(
                path,
                size_of(size),
                modified(modified_ms),
                limits,
            )),
        })
    }

    /// Takes the next bytes, in order, of any number.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(reader) = &mut self.reader {
            reader.push(bytes);
        }
    }

    /// A batch of events, once enough have gathered.
    pub fn take_batch(&mut self) -> Option<Uint8Array> {
        self.reader
            .as_mut()?
            .take_batch()
            .map(|batch| Uint8Array::from(batch.as_slice()))
    }

    /// The last batch and the report.
    pub fn finish(&mut self) -> Uint8Array {
        let bytes = self
            .reader
            .take()
            .map(ItemReader::finish)
            .unwrap_or_default();
        Uint8Array::from(bytes.as_slice())
    }

    /// Stops this instance as a defect would. Tests prove with it that one reader's end is not the end.
    pub fn trap(&self) {
        std::process::abort();
    }
}

/// SHA-256 of one evidence item.
#[wasm_bindgen]
#[derive(Default)]
pub struct Hasher {
    hasher: CoreHasher,
}

#[wasm_bindgen]
impl Hasher {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Lower-case hex.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.hasher).finish()
    }
}

/// MD5 and SHA-1 of one evidence item.
#[wasm_bindgen]
#[derive(Default)]
pub struct OldHasher {
    hasher: CoreOldHasher,
}

#[derive(Serialize)]
struct OldHashes {
    md5: String,
    sha1: String,
}

#[wasm_bindgen]
impl OldHasher {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// `{md5, sha1}` in lower-case hex.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn finish(&mut self) -> Result<JsValue, JsError> {
        let (md5, sha1) = std::mem::take(&mut self.hasher).finish();
        to_js(&OldHashes { md5, sha1 })
    }
}

/// The case of the coordinator.
#[wasm_bindgen]
pub struct Case {
    case: CoreCase,
    shown: Shown,
    /// What is being exported, with the revision that it is of.
    export: Option<(u64, Box<dyn Export>)>,
    arranged: findings::Kept,
    hosts: brief::KeptHosts,
}

#[derive(Deserialize)]
struct RowOfAsk {
    item: u32,
    ordinal: u32,
}

#[derive(Deserialize)]
struct IncidentStoryAsk {
    incident: usize,
    first: f64,
    count: f64,
}

#[derive(Deserialize)]
struct ModesAsk {
    detector: Option<String>,
}

#[derive(Serialize)]
struct IncidentsAnswer {
    incidents: Vec<query::incidents::ShownIncident>,
}

#[derive(Serialize)]
struct ModesAnswer {
    modes: Vec<query::modes::ModeDifference>,
}

#[derive(Deserialize)]
struct ArcsAsk {
    from_ms: f64,
    to_ms: f64,
    pixels: u32,
}

#[derive(Deserialize)]
struct EvidenceItemAsk {
    item: u32,
}

#[derive(Serialize)]
struct EvidenceItemAnswer {
    item: Option<query::evidence::EvidenceItem>,
}

#[derive(Serialize)]
struct Zones {
    zones: Vec<&'static str>,
}

#[derive(Serialize)]
struct Summary {
    summary: String,
}

fn ask<T: for<'de> Deserialize<'de>>(value: JsValue) -> Result<T, JsError> {
    serde_wasm_bindgen::from_value(value).map_err(|error| JsError::new(&error.to_string()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "row numbers below 2^32"
)]
fn row_number(number: f64) -> usize {
    number as usize
}

#[wasm_bindgen]
impl Case {
    /// An empty case.
    ///
    /// # Errors
    /// Where the settings are refused.
    #[wasm_bindgen(constructor)]
    pub fn new(settings_json: &str) -> Result<Self, JsError> {
        Ok(Self {
            case: CoreCase::new(settings(settings_json)?),
            shown: Shown::default(),
            export: None,
            arranged: findings::Kept::default(),
            hosts: brief::KeptHosts::default(),
        })
    }

    /// Announces an item; answers its number.
    pub fn add_item(&mut self, path: &str, size: f64, modified_ms: Option<f64>) -> u32 {
        self.case
            .add_item(path, size_of(size), modified(modified_ms))
    }

    /// Takes a batch as a [`Reader`] made it.
    pub fn add_batch(&mut self, item: u32, batch: &[u8]) {
        self.case.add_batch(item, batch);
    }

    /// Takes what [`Reader::finish`] made.
    pub fn finish_item(&mut self, item: u32, finish: &[u8]) {
        self.case.finish_item(item, finish);
    }

    /// Ends a container; `problems` as [`unpack`] answered them.
    pub fn finish_container(&mut self, item: u32, problems: &str) {
        self.case.finish_container(item, parse_problems(problems));
    }

    /// Adds what unpacking found wrong with a member.
    pub fn add_problems(&mut self, item: u32, problems: &str) {
        self.case.add_problems(item, parse_problems(problems));
    }

    /// Ends an item that the analyst cancelled.
    pub fn cancel_item(&mut self, item: u32) {
        self.case.cancel_item(item);
    }

    /// Ends an item whose reader stopped unexpectedly.
    pub fn quarantine_item(&mut self, item: u32, text: &str) {
        self.case.quarantine_item(item, text);
    }

    /// Ends an item that could not be read.
    pub fn unreadable_item(&mut self, item: u32, text: &str) {
        self.case.unreadable_item(item, text);
    }

    /// Notes an item's SHA-256.
    pub fn set_hash(&mut self, item: u32, sha256: &str) {
        self.case.set_hash(item, sha256);
    }

    /// Whether conclusions wait for this item's SHA-256.
    #[must_use]
    pub fn hash_matters(&self, item: u32) -> bool {
        self.case.hash_matters(item)
    }

    /// Notes an item's MD5 and SHA-1.
    pub fn set_old_hashes(&mut self, item: u32, md5: &str, sha1: &str) {
        self.case.set_old_hashes(item, md5, sha1);
    }

    /// Changes settings by a JSON object of rooms; answers why they were refused. Nothing changes then.
    pub fn set_settings(&mut self, json: &str) -> Option<String> {
        let mut settings = self.case.settings().clone();
        if let Err(refused) = settings.set_json(json) {
            return Some(refused.to_string());
        }
        self.case.set_settings(settings);
        None
    }

    /// Gives an item's local times a zone (none where it is empty); answers why it was refused.
    pub fn set_zone(&mut self, path: &str, zone: &str) -> Option<String> {
        let mut settings = self.case.settings().clone();
        if let Err(refused) = settings.set_zone(path, zone) {
            return Some(refused.to_string());
        }
        self.case.set_settings(settings);
        None
    }

    /// Takes a list of the analyst, or takes it away where the text is empty; answers why it was refused. Nothing changes then.
    pub fn set_list(&mut self, kind: &str, name: &str, text: &str) -> Option<String> {
        let Some(kind) = ListKind::of(kind) else {
            return Some(format!("there is no list {kind}"));
        };
        let mut lists = self.case.lists().clone();
        if text.is_empty() {
            lists.remove(kind);
        } else if let Err(refused) = lists.set(kind, name, text) {
            return Some(refused.to_string());
        }
        self.case.set_lists(lists);
        None
    }

    /// Takes what the analyst says of a pair (`confirm`, `reject`, `take-back`); answers why it was refused. Concluding follows.
    pub fn say_of_link(&mut self, say: &str, pair_json: &str) -> Option<String> {
        let say = match say {
            "confirm" => Say::Confirm,
            "reject" => Say::Reject,
            "take-back" => Say::TakeBack,
            other => return Some(format!("{other} is nothing that can be said of a link")),
        };
        match serde_json::from_str::<PairKey>(pair_json) {
            Ok(pair) => self.case.say_of_link(say, &pair).err(),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Says which VM a guest is (none where it is empty); answers why it was refused. Concluding follows.
    pub fn map_host(&mut self, host: &str, resource: &str) -> Option<String> {
        let mut settings = self.case.settings().clone();
        let key = format!("links.host_to_vm.{host}");
        if let Err(refused) = settings.set(&key, resource) {
            return Some(refused.to_string());
        }
        self.case.set_settings(settings);
        None
    }

    /// The settings in force, as a settings file has them.
    #[must_use]
    pub fn settings_json(&self) -> String {
        self.case.settings().to_json().to_string()
    }

    /// The manifest, as `csv` or JSON.
    #[must_use]
    pub fn manifest(&self, form: &str) -> String {
        if form == "csv" {
            manifest::as_csv(&self.case)
        } else {
            manifest::as_json(&self.case)
        }
    }

    /// Puts a filter in force; answers `{needles}` or `{error}`.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn set_filter(&mut self, text: &str) -> Result<JsValue, JsError> {
        filter::set(&mut self.shown, text)
    }

    /// Forgets what was found in the evidence, before it is searched again.
    pub fn search_anew(&mut self) {
        self.shown.search_anew();
    }

    /// Takes what a [`Scanner`] found in an item.
    pub fn note_hits(&mut self, item: u32, hits: &[f64]) {
        self.shown.note(&self.case, item, &filter::hits(hits));
    }

    /// Rows that the filter lets through.
    pub fn shown(&mut self) -> usize {
        self.shown.refresh(&self.case);
        self.shown.order(&self.case).len()
    }

    /// Brings new events into the time order; whether there were any.
    pub fn refresh(&mut self) -> bool {
        self.case.refresh()
    }

    /// Draws all conclusions.
    pub fn conclude(&mut self) {
        self.case.conclude();
    }

    /// Answers a question as the page's protocol says.
    ///
    /// # Errors
    /// Where the question is unknown or its parts are missing.
    pub fn answer(&mut self, name: &str, question: JsValue) -> Result<JsValue, JsError> {
        self.shown.refresh(&self.case);
        match name {
            "overview" => to_js(&query::overview(&self.case)),
            "evidence" => to_js(&query::evidence(&self.case, &ask(question)?)),
            "evidence_item" => {
                let EvidenceItemAsk { item } = ask(question)?;
                to_js(&EvidenceItemAnswer {
                    item: query::evidence_item(&self.case, item),
                })
            }
            "rows" | "row_at" | "row_of" | "lanes" | "lane_event" | "density" | "marks"
            | "names" | "zone" => workbench::answer(self, name, question),
            "settings" => to_js(&query::settings(self.case.settings())),
            "zones" => to_js(&Zones {
                zones: Zone::places(),
            }),
            "sigma" => to_js(&query::sigma(&self.case)),
            "export_forms" | "session" => outtake::answer(self, name),
            "expected" => to_js(&query::expected(&self.case)),
            "incidents" => to_js(&IncidentsAnswer {
                incidents: query::incidents(&self.case),
            }),
            "incident_story" => {
                let IncidentStoryAsk {
                    incident,
                    first,
                    count,
                } = ask(question)?;
                to_js(&query::incident_story(
                    &self.case,
                    incident,
                    row_number(first),
                    row_number(count),
                ))
            }
            "modes" => {
                let ModesAsk { detector } = ask(question)?;
                to_js(&ModesAnswer {
                    modes: query::modes(&self.case, detector.as_deref()),
                })
            }
            "executions" => to_js(&query::executions(&self.case, &ask(question)?)),
            "story" => {
                let RowOfAsk { item, ordinal } = ask(question)?;
                to_js(&query::story(&self.case, item, ordinal))
            }
            "mapping" => to_js(&query::mapping(&self.case)),
            "arcs" => {
                let ArcsAsk {
                    from_ms,
                    to_ms,
                    pixels,
                } = ask(question)?;
                to_js(&query::arcs(&self.case, from_ms, to_ms, pixels))
            }
            "filter_fields" => to_js(&filter::fields()),
            "filter_count" => filter::count(&self.case, question),
            "filter_complete" => filter::complete(&self.case, question),
            "filter_term" => filter::term(&self.case, question),
            "findings" | "finding" | "finding_events" | "hunt" | "searched" | "manual" => {
                findings::answer(self, name, question)
            }
            "brief" | "find" | "incident" | "expectation" | "reference" => {
                brief::answer(self, name, question)
            }
            "attack" | "actors" | "actor" | "hosts" | "host" => {
                people_and_places::answer(self, name, question)
            }
            other => Err(JsError::new(&format!("no question is named {other}"))),
        }
    }

    /// Which bytes a summary or detail of this event needs; `undefined` for an unknown event.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn place(&self, item: u32, ordinal: u32) -> Result<JsValue, JsError> {
        query::place(&self.case, item, ordinal)
            .map_or(Ok(JsValue::UNDEFINED), |place| to_js(&place))
    }

    /// The event's one-line summary, from the bytes of its place.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn describe(&self, item: u32, ordinal: u32, bytes: &[u8]) -> Result<JsValue, JsError> {
        let event = self.case.store().event_of(item, ordinal);
        to_js(&Summary {
            summary: event
                .map(|event| query::summary(&self.case, event, bytes))
                .unwrap_or_default(),
        })
    }

    /// Everything about an event, from the bytes of its place and those from `line_from` up to it.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn detail(
        &self,
        item: u32,
        ordinal: u32,
        bytes: &[u8],
        before: &[u8],
    ) -> Result<JsValue, JsError> {
        let order = self.shown.order(&self.case);
        query::detail(&self.case, order, item, ordinal, bytes, before)
            .map_or(Ok(JsValue::UNDEFINED), |detail| to_js(&detail))
    }

    /// Places of records that Sigma rules want to see again, in order; none when they have all they need.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn rule_needs(&self) -> Result<JsValue, JsError> {
        to_js(&self.case.rule_needs())
    }

    /// Takes the bytes of those places, in order.
    pub fn rule_take(&mut self, bytes: &Array) {
        let bytes: Vec<Vec<u8>> = bytes
            .iter()
            .map(|bytes| Uint8Array::new(&bytes).to_vec())
            .collect();
        self.case.rule_take(&bytes);
    }
}
