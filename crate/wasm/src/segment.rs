//! Items that several readers read at once: the reader of one segment, and the case's side of it.

use crate::{Case, ask, modified, settings, size_of, to_js};
use js_sys::Uint8Array;
use runlens_core::case::segments::Pace;
use runlens_core::formats::Opening;
use runlens_core::formats::segment::{Carried, SegmentReader as CoreSegmentReader, WHOLE_BYTES};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// Reads one segment of a large item.
#[wasm_bindgen]
pub struct SegmentReader {
    reader: Option<CoreSegmentReader>,
}

#[wasm_bindgen]
impl SegmentReader {
    /// For a segment as [`Case::next_segment`] gave it out, or for the first one.
    ///
    /// # Errors
    /// Where settings or segment are refused.
    #[wasm_bindgen(constructor)]
    pub fn new(
        path: &str,
        size: f64,
        modified_ms: Option<f64>,
        settings_json: &str,
        segment: JsValue,
    ) -> Result<Self, JsError> {
        let limits = settings(settings_json)?.limits;
        let opening = Opening::new(path, size_of(size), modified(modified_ms), limits);
        let reader = if segment.is_undefined() {
            let pace = Pace::default();
            Some(CoreSegmentReader::first(
                opening,
                pace.plan_after,
                pace.first,
            ))
        } else {
            let Segment {
                from,
                exact,
                until,
                carried,
                ..
            } = ask(segment)?;
            Carried::decode(&carried).and_then(|carried| {
                CoreSegmentReader::resumed(opening, &carried, size_of(from), exact, size_of(until))
            })
        };
        match reader {
            Some(reader) => Ok(Self {
                reader: Some(reader),
            }),
            None => Err(JsError::new("a segment cannot begin so")),
        }
    }

    /// Takes the next bytes; whether it needs no more.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.reader.as_mut().is_none_or(|reader| reader.push(bytes))
    }

    /// Whether more bytes come before its border: read them in large pieces, those behind in small ones.
    #[must_use]
    pub fn is_before_border(&self) -> bool {
        self.reader
            .as_ref()
            .is_some_and(CoreSegmentReader::is_before_border)
    }

    /// Where its first record begins, once it is known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "offsets below 2^53")]
    pub fn begun(&self) -> Option<f64> {
        self.reader.as_ref()?.begun().map(|at| at as f64)
    }

    /// How the item may be cut, once, from the first reader.
    pub fn take_plan(&mut self) -> Option<Uint8Array> {
        let plan = self.reader.as_mut()?.take_plan()?;
        Some(Uint8Array::from(plan.as_slice()))
    }

    /// A batch of events, once enough have gathered.
    pub fn take_batch(&mut self) -> Option<Uint8Array> {
        let batch = self.reader.as_mut()?.take_batch()?;
        Some(Uint8Array::from(batch.as_slice()))
    }

    /// The last batch and how the segment ended.
    pub fn finish(&mut self) -> Uint8Array {
        let bytes = self.reader.take().map(CoreSegmentReader::finish);
        Uint8Array::from(bytes.unwrap_or_default().as_slice())
    }

    /// Stops this instance as a defect would. Tests prove with it that one reader's end is not the end.
    pub fn trap(&self) {
        std::process::abort();
    }
}

/// Items up to this size are read by one reader.
#[wasm_bindgen]
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "megabytes")]
pub fn whole_bytes() -> f64 {
    WHOLE_BYTES as f64
}

/// A segment as it crosses to its reader.
#[derive(Serialize, Deserialize)]
struct Segment {
    number: u32,
    from: f64,
    exact: bool,
    until: f64,
    carried: Vec<u8>,
}

#[wasm_bindgen]
impl Case {
    /// An item may be cut, as its first reader says.
    pub fn begin_segments(&mut self, item: u32, plan: &[u8]) -> bool {
        self.case.begin_segments(item, Pace::default(), plan)
    }

    /// The next segment of an item to be read; `undefined` where there is none for now.
    ///
    /// # Errors
    /// Where the answer cannot be built.
    pub fn next_segment(&mut self, item: u32, readers: usize) -> Result<JsValue, JsError> {
        let Some(job) = self.case.next_segment(item, readers) else {
            return Ok(JsValue::UNDEFINED);
        };
        #[expect(clippy::cast_precision_loss, reason = "offsets below 2^53")]
        let segment = Segment {
            number: job.number,
            from: job.from as f64,
            exact: job.exact,
            until: job.until as f64,
            carried: job.carried,
        };
        to_js(&segment)
    }

    /// Segments whose readers may be stopped.
    pub fn dropped_segments(&mut self, item: u32) -> Vec<u32> {
        self.case.dropped_segments(item)
    }

    /// A segment's first record begins there.
    pub fn segment_begun(&mut self, item: u32, number: u32, at: f64) {
        self.case.segment_begun(item, number, size_of(at));
    }

    /// Takes a batch of a segment.
    pub fn add_segment_batch(&mut self, item: u32, number: u32, batch: &[u8]) {
        self.case.add_segment_batch(item, number, batch);
    }

    /// Takes a segment's end; whether that ended the item.
    pub fn finish_segment(&mut self, item: u32, number: u32, finish: &[u8]) -> bool {
        self.case.finish_segment(item, number, finish)
    }
}
