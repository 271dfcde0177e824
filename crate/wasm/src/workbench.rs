//! The workbench's questions: rows of the table, lanes and marks of the timeline, notes, zones.

use crate::{Case, ask, row_number, to_js};
use js_sys::{Object, Reflect, Uint32Array};
use runlens_core::case::notes::{Bookmark, Note};
use runlens_core::query::lanes::ShownLane;
use runlens_core::query::{self, LanesBy, Sort, Stretch};
use runlens_core::time::zone::Zone;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

#[derive(Deserialize)]
struct RowsAsk {
    first: f64,
    count: f64,
    #[serde(default)]
    sort: Sort,
}

#[derive(Deserialize)]
struct RowAtAsk {
    time_ms: f64,
    #[serde(default)]
    sort: Sort,
}

#[derive(Deserialize)]
struct RowOfAsk {
    item: u32,
    ordinal: u32,
    #[serde(default)]
    sort: Sort,
}

#[derive(Deserialize)]
struct LanesAsk {
    by: LanesBy,
    stretch: Stretch,
    open: Vec<String>,
}

#[derive(Deserialize)]
struct LaneEventAsk {
    by: LanesBy,
    name: String,
    kind: Option<String>,
    time_ms: f64,
    within_ms: f64,
}

#[derive(Deserialize)]
struct ZoneAsk {
    zone: String,
}

#[derive(Serialize)]
struct RowAnswer {
    row: Option<usize>,
}

#[derive(Serialize)]
struct EventAnswer {
    event: Option<query::Row>,
}

#[derive(Serialize)]
struct ZoneAnswer {
    name: Option<String>,
    /// From when on, in ms since 1970, and how many seconds east.
    changes: Vec<(f64, i64)>,
    refused: Option<String>,
}

/// Clocks are told from 1970 to the end of 2099.
const LAST_SECOND: i64 = 4_102_444_799;

pub fn answer(of: &mut Case, name: &str, question: JsValue) -> Result<JsValue, JsError> {
    let Case { case, shown, .. } = of;
    match name {
        "rows" => {
            let RowsAsk { first, count, sort } = ask(question)?;
            shown.sort(case, sort);
            let order = shown.table(case, sort);
            to_js(&query::rows(
                case,
                order,
                row_number(first),
                row_number(count),
            ))
        }
        "row_at" => {
            let RowAtAsk { time_ms, sort } = ask(question)?;
            let order = shown.order(case);
            let at = query::row_at(case, order, time_ms);
            shown.sort(case, sort);
            // In another order than time's: where the first event from that moment on stands.
            let event = shown.order(case).get(at).copied();
            let table = shown.table(case, sort);
            let row = event.and_then(|event| {
                if sort == Sort::default() {
                    return Some(at);
                }
                table.iter().position(|other| *other == event)
            });
            to_js(&RowAnswer {
                row: Some(row.unwrap_or(at)),
            })
        }
        "row_of" => {
            let RowOfAsk {
                item,
                ordinal,
                sort,
            } = ask(question)?;
            shown.sort(case, sort);
            to_js(&RowAnswer {
                row: shown.place(case, sort, item, ordinal),
            })
        }
        "lanes" => {
            let LanesAsk { by, stretch, open } = ask(question)?;
            shown.put_in_lanes(case, by);
            let order = shown.order(case);
            let answer = shown
                .lanes()
                .map(|lanes| lanes.counts(case, order, stretch, &open));
            let (lanes, counts) = answer
                .map(|answer| (answer.lanes, answer.counts))
                .unwrap_or_default();
            counted(stretch, &lanes, &counts)
        }
        "density" => {
            let stretch: Stretch = ask(question)?;
            let order = shown.order(case);
            counted(stretch, &[], &query::density(case, order, stretch))
        }
        "lane_event" => {
            let LaneEventAsk {
                by,
                name,
                kind,
                time_ms,
                within_ms,
            } = ask(question)?;
            shown.put_in_lanes(case, by);
            let order = shown.order(case);
            let lane = (name.as_str(), kind.as_deref());
            let place = shown
                .lanes()
                .and_then(|lanes| lanes.nearest(case, order, lane, time_ms, within_ms));
            let event = place.and_then(|place| order.get(place).map(|event| (place, *event)));
            to_js(&EventAnswer {
                event: event.map(|(place, event)| query::rows::row(case, event, place)),
            })
        }
        "marks" => to_js(&query::marks(case, ask(question)?)),
        "zone" => {
            let ZoneAsk { zone } = ask(question)?;
            to_js(&match zone.parse::<Zone>() {
                Ok(zone) => ZoneAnswer {
                    name: Some(zone.to_string()),
                    changes: zone
                        .changes(0, LAST_SECOND)
                        .into_iter()
                        .map(|(from, east)| (milliseconds(from), east))
                        .collect(),
                    refused: None,
                },
                Err(refused) => ZoneAnswer {
                    name: None,
                    changes: Vec::new(),
                    refused: Some(refused.to_string()),
                },
            })
        }
        other => Err(JsError::new(&format!("no question is named {other}"))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds below 2^33")]
fn milliseconds(seconds: i64) -> f64 {
    seconds as f64 * 1000.0
}

/// Counts as a typed array beside what they are counts of.
fn counted(stretch: Stretch, lanes: &[ShownLane], counts: &[u32]) -> Result<JsValue, JsError> {
    let answer = Object::new();
    let set = |name: &str, value: &JsValue| {
        Reflect::set(&answer, &JsValue::from_str(name), value)
            .map_err(|_| JsError::new("an answer could not be built"))
    };
    set("from_ms", &JsValue::from_f64(stretch.from_ms))?;
    set("to_ms", &JsValue::from_f64(stretch.to_ms))?;
    let bins = u32::try_from(stretch.parts()).unwrap_or(u32::MAX);
    set("bins", &JsValue::from_f64(f64::from(bins)))?;
    set("lanes", &to_js(&lanes)?)?;
    set("counts", &Uint32Array::from(counts).into())?;
    Ok(answer.into())
}

#[wasm_bindgen]
impl Case {
    /// Notes something of an event; answers why it was refused.
    pub fn set_note(&mut self, item: u32, ordinal: u32, note_json: &str) -> Option<String> {
        match serde_json::from_str::<Note>(note_json) {
            Ok(note) => self.case.set_note(item, ordinal, note).err(),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Puts a flag at a moment, or takes it away where the text is empty; answers why it was refused.
    pub fn set_bookmark(&mut self, bookmark_json: &str) -> Option<String> {
        match serde_json::from_str::<Bookmark>(bookmark_json) {
            Ok(bookmark) => self.case.set_bookmark(bookmark).err(),
            Err(error) => Some(error.to_string()),
        }
    }

    /// What is noted, as a notes file has it.
    #[must_use]
    pub fn notes_json(&self) -> String {
        self.case.notes_json()
    }

    /// Takes a notes file; answers why it was refused.
    pub fn take_notes(&mut self, json: &str) -> Option<String> {
        self.case.take_notes(json).err()
    }

    /// Says in which year an item's last record was written (none where it is empty); answers why it was refused. Concluding follows.
    pub fn set_year(&mut self, path: &str, year: &str) -> Option<String> {
        let mut settings = self.case.settings().clone();
        if let Err(refused) = settings.set_year(path, year) {
            return Some(refused.to_string());
        }
        self.case.set_settings(settings);
        None
    }
}
