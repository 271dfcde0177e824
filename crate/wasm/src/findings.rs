//! Questions about findings, and what the analyst says of them.

use crate::{Case, ask, row_number, to_js};
use runlens_core::case::triage::{Said, TriageState};
use runlens_core::detect::manual;
use runlens_core::query::findings::{
    Arranged, Shown, finding, finding_at, finding_events, searched,
};
use runlens_core::query::{self, hunt};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// The arrangement last asked for, with its question and the revision that it is of.
pub(crate) type Kept = RefCell<Option<(Shown, u64, Arranged)>>;

#[derive(Deserialize)]
struct FindingsAsk {
    shown: Shown,
    first: f64,
    count: f64,
}

#[derive(Deserialize)]
struct KeyAsk {
    key: String,
}

#[derive(Deserialize)]
struct EventsAsk {
    key: String,
    first: f64,
    count: f64,
}

#[derive(Deserialize)]
struct ManualAsk {
    detector: String,
}

#[derive(Serialize)]
struct ManualAnswer {
    blocks: Vec<manual::Block>,
}

#[derive(Serialize)]
struct SearchedAnswer {
    detectors: Vec<runlens_core::query::findings::ShownDetector>,
}

#[derive(Serialize)]
struct Found<T> {
    finding: Option<T>,
}

pub(crate) fn answer(case: &Case, name: &str, question: JsValue) -> Result<JsValue, JsError> {
    match name {
        "findings" => {
            let asked: FindingsAsk = ask(question)?;
            page(case, asked)
        }
        "finding" => {
            let KeyAsk { key } = ask(question)?;
            to_js(&Found {
                finding: finding(&case.case, &key),
            })
        }
        "finding_events" => {
            let EventsAsk { key, first, count } = ask(question)?;
            to_js(&finding_events(
                &case.case,
                &key,
                row_number(first),
                row_number(count),
            ))
        }
        "hunt" => {
            let KeyAsk { key } = ask(question)?;
            to_js(&hunt(&case.case, &key))
        }
        "manual" => {
            let ManualAsk { detector } = ask(question)?;
            to_js(&ManualAnswer {
                blocks: query::sigma::page(&case.case, &detector),
            })
        }
        _ => to_js(&SearchedAnswer {
            detectors: searched(&case.case),
        }),
    }
}

fn page(case: &Case, asked: FindingsAsk) -> Result<JsValue, JsError> {
    let revision = case.case.revision();
    let mut kept = case.arranged.borrow_mut();
    let known = matches!(&*kept, Some((shown, at, _)) if *shown == asked.shown && *at == revision);
    if !known {
        let arranged = Arranged::of(&case.case, &asked.shown);
        *kept = Some((asked.shown, revision, arranged));
    }
    let (first, count) = (row_number(asked.first), row_number(asked.count));
    let page = kept
        .as_ref()
        .map(|(_, _, arranged)| arranged.page(&case.case, first, count));
    to_js(&page)
}

#[wasm_bindgen]
impl Case {
    /// Says something of a finding; answers why it was refused.
    pub fn set_triage(&mut self, key: &str, state: &str, note: &str) -> Option<String> {
        let Some(state) = TriageState::named(state) else {
            return Some(format!("{state:?} is no state of a finding"));
        };
        if finding_at(&self.case, key).is_none() {
            return Some("this finding is not in the case any more".to_owned());
        }
        self.arranged.take();
        let note = note.to_owned();
        self.case.triage_mut().set(key, Said { state, note }).err()
    }

    /// What is said of findings, as a triage file has it.
    #[must_use]
    pub fn triage_json(&self) -> String {
        self.case.triage_json()
    }

    /// Takes a triage file; answers why it was refused.
    pub fn take_triage(&mut self, json: &str) -> Option<String> {
        self.arranged.take();
        self.case.triage_mut().take(json).err()
    }
}
