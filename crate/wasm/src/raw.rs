//! One item as text, at any size: the index grows as bytes are pushed; rows are made of the bytes that it names.

use crate::{size_of, to_js};
use js_sys::Float64Array;
use runlens_core::query::raw::{self, RowIndex};
use std::ops::Range;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// The rows of one item.
#[wasm_bindgen]
pub struct RawText {
    index: RowIndex,
}

#[expect(clippy::cast_precision_loss, reason = "offsets below 2^53")]
fn pair(range: &Range<u64>) -> Vec<f64> {
    vec![range.start as f64, range.end as f64]
}

#[wasm_bindgen]
impl RawText {
    /// For an item of so many bytes that begins so.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(size: f64, head: &[u8]) -> Self {
        Self {
            index: RowIndex::new(size_of(size), head),
        }
    }

    /// Takes the next bytes, in order.
    pub fn push(&mut self, bytes: &[u8]) {
        self.index.push(bytes);
    }

    /// How far it has come.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn indexed(&self) -> Result<JsValue, JsError> {
        to_js(&self.index.indexed())
    }

    /// First byte and the one behind the last that these rows need.
    #[must_use]
    pub fn need(&self, first: f64, count: f64) -> Vec<f64> {
        pair(&self.index.need(size_of(first), size_of(count)))
    }

    /// The same for finding the row of a byte.
    #[must_use]
    pub fn need_at(&self, offset: f64) -> Vec<f64> {
        pair(&self.index.need_at(size_of(offset)))
    }

    /// The same for finding a line.
    #[must_use]
    pub fn need_line(&self, line: f64) -> Vec<f64> {
        pair(&self.index.need_line(size_of(line)))
    }

    /// The row of a byte.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rows below 2^53")]
    pub fn row_at(&self, offset: f64, bytes: &[u8]) -> f64 {
        self.index.row_at(size_of(offset), bytes) as f64
    }

    /// The first row of a line.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rows below 2^53")]
    pub fn row_of_line(&self, line: f64, bytes: &[u8]) -> f64 {
        self.index.row_of_line(size_of(line), bytes) as f64
    }

    /// Rows as text; `marked` holds first byte and the one behind the last of each marked part, in order.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn rows(
        &self,
        first: f64,
        count: f64,
        bytes: &[u8],
        marked: &[f64],
        reveal: bool,
    ) -> Result<JsValue, JsError> {
        let (pairs, _) = marked.as_chunks::<2>();
        let marked: Vec<Range<u64>> = pairs
            .iter()
            .map(|[from, to]| size_of(*from)..size_of(*to))
            .collect();
        let (first, count) = (size_of(first), size_of(count));
        to_js(&self.index.rows(first, count, bytes, &marked, reveal))
    }
}

/// Places of a text in a piece of an item: first byte and the one behind the last, one behind the other.
#[wasm_bindgen]
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "pieces are small")]
pub fn raw_find(text: &str, bytes: &[u8]) -> Float64Array {
    let found: Vec<f64> = raw::find(text, bytes)
        .iter()
        .flat_map(|range| [range.start as f64, range.end as f64])
        .collect();
    Float64Array::from(found.as_slice())
}

/// Bytes of the longest spelling of a text.
#[wasm_bindgen]
#[must_use]
pub fn raw_longest(text: &str) -> usize {
    raw::longest(text)
}
