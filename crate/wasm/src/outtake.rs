//! What leaves the case through the page: exports in pieces, and the session.

use crate::{Case, ask, to_js};
use js_sys::{Array, Uint8Array};
use runlens_core::export::{self, ExportAsk, ExportForm, FORMS};
use runlens_core::query::Place;
use serde::Serialize;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

#[derive(Serialize)]
struct Forms {
    forms: Vec<ExportForm>,
}

/// An item that a session was about, and what became of it.
#[derive(Serialize)]
struct SessionLine {
    path: String,
    verdict: &'static str,
    item: Option<usize>,
}

#[derive(Serialize)]
struct SessionLines {
    lines: Vec<SessionLine>,
}

pub(crate) fn answer(case: &Case, name: &str) -> Result<JsValue, JsError> {
    if name == "export_forms" {
        return to_js(&Forms {
            forms: FORMS.to_vec(),
        });
    }
    let compared = case.case.session_compared();
    let lines = compared.into_iter().map(|line| SessionLine {
        verdict: line.verdict.word(),
        path: line.path,
        item: line.item,
    });
    to_js(&SessionLines {
        lines: lines.collect(),
    })
}

#[wasm_bindgen]
impl Case {
    /// Begins an export; answers why it was refused.
    ///
    /// # Errors
    /// Where the question is not understood.
    pub fn export_begin(&mut self, question: JsValue) -> Result<Option<String>, JsError> {
        let asked: ExportAsk = ask(question)?;
        self.shown.refresh(&self.case);
        match export::begin(&self.case, &asked, self.shown.order(&self.case)) {
            Ok(export) => {
                self.export = Some((self.case.revision(), export));
                Ok(None)
            }
            Err(refused) => Ok(Some(refused)),
        }
    }

    /// Places wanted for the next piece, in order.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn export_needs(&self) -> Result<JsValue, JsError> {
        let export = self.export.as_ref();
        let wanted: Vec<Place> = export
            .map(|(_, export)| export.needs(&self.case))
            .unwrap_or_default();
        to_js(&wanted)
    }

    /// The next piece, from those bytes in order; `undefined` when it is complete.
    ///
    /// # Errors
    /// Where the case is not the one that the export began with: its pieces would not fit together.
    pub fn export_write(&mut self, bytes: &Array) -> Result<Option<Uint8Array>, JsError> {
        let revision = self.case.revision();
        let begun = self.export.as_mut().filter(|(of, _)| *of == revision);
        let Some((_, export)) = begun else {
            return Err(JsError::new(
                "the case changed while it was being written; export it again",
            ));
        };
        let bytes: Vec<Vec<u8>> = bytes
            .iter()
            .map(|bytes| Uint8Array::new(&bytes).to_vec())
            .collect();
        let piece = export.write(&self.case, &bytes);
        Ok(piece.map(|piece| Uint8Array::from(piece.as_slice())))
    }

    /// What the export could not hold, in a sentence.
    #[must_use]
    pub fn export_left_out(&self) -> Option<String> {
        self.export.as_ref()?.1.left_out()
    }

    /// The session file. `page_json` is what the page keeps in it, `saved` the moment.
    #[must_use]
    pub fn session_json(&self, page_json: &str, saved: &str) -> String {
        let page = serde_json::from_str(page_json).unwrap_or_default();
        self.case.session_json(&page, saved)
    }

    /// Takes a session; answers what the page kept in it, as JSON.
    ///
    /// # Errors
    /// The core's sentence, where it is refused.
    pub fn take_session(&mut self, text: &str) -> Result<String, JsError> {
        let page = self.case.take_session(text);
        page.map(|page| page.to_string())
            .map_err(|refused| JsError::new(&refused))
    }

    /// Gives evidence that the session knew by another path what was said of it; answers whether something changed.
    pub fn reattach(&mut self) -> bool {
        self.case.reattach()
    }
}
