//! The filter's questions, and the scanner that reader workers push evidence through.
//!
//! A hit crosses as two numbers, needle and offset: a page of ten thousand hits is one typed array. Rejected: one object for each.

use crate::{ask, to_js};
use js_sys::Float64Array;
use runlens_core::case::Case as CoreCase;
use runlens_core::query::filter::complete::complete as completions;
use runlens_core::query::filter::fields::{FIELDS, field};
use runlens_core::query::filter::search::{Hit, Scanner as CoreScanner};
use runlens_core::query::filter::{FilterError, compose};
use runlens_core::query::shown::{self, Shown};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// Looks for texts in one item.
#[wasm_bindgen]
pub struct Scanner {
    scanner: CoreScanner,
}

#[wasm_bindgen]
impl Scanner {
    /// A scanner for these texts.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what the bindings hand over is owned"
    )]
    pub fn new(needles: Vec<String>) -> Self {
        Self {
            scanner: CoreScanner::new(&needles),
        }
    }

    /// Takes the next bytes; answers needle and offset of each text in them, one behind the other.
    #[expect(clippy::cast_precision_loss, reason = "offsets below 2^53")]
    pub fn push(&mut self, bytes: &[u8]) -> Float64Array {
        let hits = self.scanner.push(bytes);
        let numbers: Vec<f64> = hits
            .iter()
            .flat_map(|hit| [hit.needle as f64, hit.offset as f64])
            .collect();
        Float64Array::from(numbers.as_slice())
    }
}

/// What [`Scanner::push`] answered.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "needles and offsets below 2^53"
)]
pub fn hits(numbers: &[f64]) -> Vec<Hit> {
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs
        .iter()
        .map(|[needle, offset]| Hit {
            needle: *needle as usize,
            offset: *offset as u64,
        })
        .collect()
}

#[derive(Serialize)]
struct SetAnswer {
    error: Option<FilterError>,
    needles: Vec<String>,
}

pub fn set(shown: &mut Shown, text: &str) -> Result<JsValue, JsError> {
    let (error, needles) = match shown.set(text) {
        Ok(needles) => (None, needles),
        Err(error) => (Some(error), Vec::new()),
    };
    to_js(&SetAnswer { error, needles })
}

#[derive(Serialize)]
struct ShownField {
    name: &'static str,
    also: &'static [&'static str],
    compared: &'static str,
    about: &'static str,
    example: &'static str,
}

#[derive(Serialize)]
struct FieldsAnswer {
    fields: Vec<ShownField>,
}

pub fn fields() -> impl Serialize {
    let fields = FIELDS
        .iter()
        .map(|field| ShownField {
            name: field.name,
            also: field.also,
            compared: field.compared.word(),
            about: field.about,
            example: field.example,
        })
        .collect();
    FieldsAnswer { fields }
}

#[derive(Deserialize)]
struct CountAsk {
    text: String,
}

#[derive(Serialize)]
struct CountAnswer {
    error: Option<FilterError>,
    events: usize,
    searches: bool,
}

pub fn count(case: &CoreCase, question: JsValue) -> Result<JsValue, JsError> {
    let CountAsk { text } = ask(question)?;
    to_js(&match shown::count(case, &text) {
        Ok((events, searches)) => CountAnswer {
            error: None,
            events,
            searches,
        },
        Err(error) => CountAnswer {
            error: Some(error),
            events: 0,
            searches: false,
        },
    })
}

#[derive(Deserialize)]
struct CompleteAsk {
    text: String,
    cursor: u32,
}

pub fn complete(case: &CoreCase, question: JsValue) -> Result<JsValue, JsError> {
    let CompleteAsk { text, cursor } = ask(question)?;
    to_js(&completions(case, &text, cursor as usize))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
enum TermAsk {
    /// Only what has this value, or only what has not.
    Value {
        filter: String,
        field: String,
        value: String,
        out: bool,
    },
    /// What happened around an event.
    Around {
        item: u32,
        ordinal: u32,
        seconds: i32,
    },
}

#[derive(Serialize)]
struct TermAnswer {
    text: String,
}

pub fn term(case: &CoreCase, question: JsValue) -> Result<JsValue, JsError> {
    let text = match ask(question)? {
        TermAsk::Value {
            filter,
            field: name,
            value,
            out,
        } => {
            let known =
                field(&name).ok_or_else(|| JsError::new(&format!("no field is named {name}")))?;
            compose::with(&filter, &compose::term(known, &value, out))
        }
        TermAsk::Around {
            item,
            ordinal,
            seconds,
        } => {
            let store = case.store();
            let event = store.event_of(item, ordinal);
            let stamp = event
                .and_then(|event| store.stamp(event))
                .ok_or_else(|| JsError::new("this event has no time"))?;
            compose::around(stamp.instant, i64::from(seconds))
        }
    };
    to_js(&TermAnswer { text })
}
