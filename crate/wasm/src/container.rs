//! Unpacking in a reader worker: the container's bytes come from the Blob by a function of the worker, members go out by three others.

use js_sys::{Function, Uint8Array};
use runlens_core::evidence::container::{self, Kind, Member, Receiver};
use runlens_core::problem::Problem;
use std::io::{self, Read, Seek, SeekFrom};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// The word for the container these first bytes begin; `undefined` where they begin none.
#[wasm_bindgen]
#[must_use]
pub fn container_kind(head: &[u8]) -> Option<String> {
    container::detect(head).map(|kind| kind.word().to_owned())
}

/// Problems cross as JSON.
pub(crate) fn parse_problems(json: &str) -> Vec<Problem> {
    serde_json::from_str(json).unwrap_or_default()
}

fn problems_json(problems: &[Problem]) -> String {
    serde_json::to_string(problems).unwrap_or_default()
}

/// A Blob, read by a function `(offset, length) -> Uint8Array`.
struct BlobSource {
    read: Function,
    size: u64,
    at: u64,
}

impl Read for BlobSource {
    #[expect(clippy::cast_precision_loss, reason = "offsets below 2^53")]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wanted = (into.len() as u64).min(self.size.saturating_sub(self.at));
        if wanted == 0 {
            return Ok(0);
        }
        let answer = self
            .read
            .call2(
                &JsValue::NULL,
                &JsValue::from_f64(self.at as f64),
                &JsValue::from_f64(wanted as f64),
            )
            .map_err(|_| {
                io::Error::other("the file could not be read; it may have been moved or changed")
            })?;
        let bytes: Uint8Array = answer
            .dyn_into()
            .map_err(|_| io::Error::other("no bytes came"))?;
        let count = (bytes.length() as usize).min(into.len());
        if let Some(into) = into.get_mut(..count) {
            bytes
                .subarray(0, u32::try_from(count).unwrap_or(u32::MAX))
                .copy_to(into);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for BlobSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => i128::from(at),
            SeekFrom::End(by) => i128::from(self.size) + i128::from(by),
            SeekFrom::Current(by) => i128::from(self.at) + i128::from(by),
        };
        self.at =
            u64::try_from(target).map_err(|_| io::Error::other("a seek before the beginning"))?;
        Ok(self.at)
    }
}

struct Callbacks<'a> {
    begin: &'a Function,
    bytes: &'a Function,
    end: &'a Function,
}

impl Receiver for Callbacks<'_> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds below 2^53")]
    fn begin(&mut self, member: Member) {
        let modified = member
            .modified_ms
            .map_or(JsValue::UNDEFINED, |ms| JsValue::from_f64(ms as f64));
        let _ = self
            .begin
            .call2(&JsValue::NULL, &JsValue::from_str(&member.path), &modified);
    }

    fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.bytes
            .call1(&JsValue::NULL, &Uint8Array::from(bytes))
            .is_ok()
    }

    fn end(&mut self, problems: Vec<Problem>) {
        let _ = self.end.call1(
            &JsValue::NULL,
            &JsValue::from_str(&problems_json(&problems)),
        );
    }
}

/// Unpacks a container. Answers its own problems as JSON.
///
/// # Errors
/// Where the settings are refused or the kind is unknown.
#[wasm_bindgen]
#[expect(
    clippy::too_many_arguments,
    reason = "one call across the boundary; an object would need its own glue"
)]
pub fn unpack(
    kind: &str,
    path: &str,
    size: f64,
    modified_ms: Option<f64>,
    settings_json: &str,
    read: Function,
    begin: &Function,
    bytes: &Function,
    end: &Function,
) -> Result<String, JsError> {
    let kind = Kind::ALL.into_iter().find(|known| known.word() == kind);
    let kind = kind.ok_or_else(|| JsError::new("no such container"))?;
    let limits = crate::settings(settings_json)?.limits;
    let size = crate::size_of(size);
    let source = BlobSource { read, size, at: 0 };
    let mut out = Callbacks { begin, bytes, end };
    let own = container::unpack(
        kind,
        path,
        size,
        crate::modified(modified_ms),
        source,
        &limits,
        &mut out,
    );
    Ok(problems_json(&own))
}
