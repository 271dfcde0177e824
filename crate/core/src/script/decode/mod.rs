//! Unwrapping: what a script decodes, compresses, folds or hands to another interpreter becomes a layer of its own (detectors 33).
//!
//! ```text
//! echo cG93… | base64 -d | sh          layer 0
//!   powershell -enc SQBF…              layer 1, base64, executed
//!     IEX (whoami)                     layer 2, encoded command, executed
//! ```
//!
//! Breadth first, by rules, with limits that count and never measure time. A layer is *executed* where its text reaches an interpreter in its parent, else it is data.
//!
//! | file | transforms |
//! |---|---|
//! | [`encoded`] | base64 in all its calls, hex, URL escapes, compression |
//! | [`fold`] | constant folding of PowerShell, shell and `cmd` |
//! | [`nested`] | literals handed to an interpreter |
//!
//! Rejected: an emulator. It would run the script.

pub mod encoded;
pub mod fold;
pub mod nested;

use super::{Platform, ScriptHint};
use crate::evidence::hash::sha256;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Limits of decoding, all of them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Layers inside layers, 1 to 16.
    pub depth: usize,
    /// Layers of one script, 1 to 4,096.
    pub layers: usize,
    /// Bytes of one layer, 64 KiB to 16 MiB.
    pub layer_bytes: usize,
    /// Bytes of all layers, 1 to 64 MiB.
    pub all_bytes: usize,
    /// Decompressed bytes per compressed byte, 10 to 1,000.
    pub ratio: usize,
    /// Candidates of one layer.
    pub candidates: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            depth: 6,
            layers: 256,
            layer_bytes: 1 << 20,
            all_bytes: 8 << 20,
            ratio: 200,
            candidates: 512,
        }
    }
}

/// How a layer was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transform {
    /// `-EncodedCommand` of PowerShell.
    PsEncodedCommand,
    /// `FromBase64String`.
    FromBase64String,
    /// `base64 -d` and its kin.
    ShBase64,
    /// Hexadecimal digits.
    Hex,
    /// gzip, zlib, deflate.
    Inflate,
    /// Constant folding of PowerShell.
    PsFold,
    /// Constant folding of a shell.
    ShFold,
    /// Constant folding of `cmd`.
    CmdFold,
    /// A literal handed to an interpreter.
    NestedCommand,
    /// `%HH` escapes.
    UrlDecode,
    /// A long base64 word nobody decodes in sight.
    BareBase64,
}

impl Transform {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PsEncodedCommand => "ps-encoded-command",
            Self::FromBase64String => "frombase64string",
            Self::ShBase64 => "sh-base64",
            Self::Hex => "hex",
            Self::Inflate => "inflate",
            Self::PsFold => "ps-fold",
            Self::ShFold => "sh-fold",
            Self::CmdFold => "cmd-fold",
            Self::NestedCommand => "nested-command",
            Self::UrlDecode => "url-decode",
            Self::BareBase64 => "bare-base64",
        }
    }

    /// Whether something was decoded, as opposed to rewritten or cut out.
    #[must_use]
    pub fn decodes(self) -> bool {
        !matches!(
            self,
            Self::PsFold | Self::ShFold | Self::CmdFold | Self::NestedCommand
        )
    }

    fn rewrites(self) -> bool {
        matches!(self, Self::PsFold | Self::ShFold | Self::CmdFold)
    }
}

/// What decoding itself found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A limit was reached: `medium` where it was depth, else `info`.
    DecodeLimit {
        /// It was the limit of depth.
        depth: bool,
    },
    /// An executed layer was encoded (`medium`).
    EncodedExecution,
    /// Two or more decodings on the way to an interpreter (`high`).
    NestedEncoding,
    /// A program inside the script (`high`).
    EmbeddedExecutable,
}

impl Code {
    /// The word under `values.code`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DecodeLimit { .. } => "decode-limit",
            Self::EncodedExecution => "encoded-execution",
            Self::NestedEncoding => "nested-encoding",
            Self::EmbeddedExecutable => "embedded-executable",
        }
    }
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Layer it came from.
    pub parent: Option<usize>,
    /// 0 is the script.
    pub depth: usize,
    /// How it was made.
    pub transform: Option<Transform>,
    /// Where it stood in its parent's text.
    pub range: Range<usize>,
    /// Its bytes, where they are other ones than its text's.
    raw: Option<Box<[u8]>>,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its text, where it is text.
    pub text: Option<String>,
    /// Its language.
    pub platform: Platform,
    /// Whether it reaches an interpreter.
    pub executed: bool,
    /// Decodings on the path to it.
    pub decodings: usize,
}

impl Layer {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match (&self.raw, &self.text) {
            (Some(raw), _) => raw,
            (None, Some(text)) => text.as_bytes(),
            (None, None) => &[],
        }
    }
}

/// Something that could become a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it stands in the parent.
    pub range: Range<usize>,
    /// How it is made.
    pub transform: Transform,
    /// What it becomes.
    pub bytes: Vec<u8>,
    /// It reaches an interpreter.
    pub executed: bool,
    /// Its language where the interpreter says it.
    pub platform: Option<Platform>,
}

/// Text of decoded bytes, where they are text: a byte-order mark undone, UTF-8, or UTF-16 by its zero bytes; mostly printable.
#[must_use]
pub fn as_text(bytes: &[u8], least_printable: f64) -> Option<String> {
    let utf16 = |bytes: &[u8]| {
        let units = bytes.chunks_exact(2).map(|pair| match pair {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .ok()
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest)?,
        _ if is_utf16(bytes) => utf16(bytes)?,
        _ => String::from_utf8(bytes.to_vec()).ok()?,
    };
    let all = text.chars().count();
    let shown = text
        .chars()
        .filter(|letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r'))
        .count();
    #[expect(
        clippy::cast_precision_loss,
        reason = "letters of a layer are counted in megabytes at most"
    )]
    let enough = all > 0 && shown as f64 >= all as f64 * least_printable;
    enough.then_some(text)
}

/// Rule U: even length, and most odd bytes are zero.
#[must_use]
pub fn is_utf16(bytes: &[u8]) -> bool {
    let odd = bytes.iter().skip(1).step_by(2);
    let zeros = odd.filter(|byte| **byte == 0).count();
    bytes.len() >= 4 && bytes.len().is_multiple_of(2) && zeros * 10 >= bytes.len() / 2 * 7
}

fn has_magic(bytes: &[u8]) -> bool {
    is_program(bytes)
        || [&b"PK\x03\x04"[..], b"\x1f\x8b", b"\x30\x82"]
            .iter()
            .any(|magic| bytes.starts_with(magic))
        || encoded::is_zlib(bytes)
}

fn is_program(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") || bytes.starts_with(b"\x7fELF")
}

/// All layers of a script, itself first, and what decoding itself found.
#[must_use]
pub fn layers(text: &str, hint: &ScriptHint, limits: &DecodeLimits) -> (Vec<Layer>, Vec<Code>) {
    let mut all = vec![Layer {
        parent: None,
        depth: 0,
        transform: None,
        range: 0..text.len(),
        raw: None,
        sha256: sha256(text.as_bytes()),
        text: Some(text.to_owned()),
        platform: Platform::guess(text, hint),
        executed: true,
        decodings: 0,
    }];
    let mut codes = Vec::new();
    // Of the layers below the script; nearly no script has one.
    let mut known: BTreeSet<String> = BTreeSet::new();
    // Layers are unwrapped in the order in which they were found.
    let mut next = 0;
    let mut total = text.len();
    while let Some(parent) = all.get(next) {
        let at = next;
        next += 1;
        let mut found = candidates(parent, limits);
        if found.is_empty() {
            continue;
        }
        if parent.depth >= limits.depth {
            codes.push(Code::DecodeLimit { depth: true });
            continue;
        }
        found.sort_by(|one, other| {
            (
                one.range.start,
                one.transform,
                std::cmp::Reverse(one.range.len()),
            )
                .cmp(&(
                    other.range.start,
                    other.transform,
                    std::cmp::Reverse(other.range.len()),
                ))
        });
        if found.len() > limits.candidates {
            codes.push(Code::DecodeLimit { depth: false });
            found.truncate(limits.candidates);
        }
        let parent = Parent::of(at, parent);
        let mut accepted: Vec<(Transform, Range<usize>)> = Vec::new();
        for candidate in found {
            let inside = accepted.iter().any(|(transform, range)| {
                *transform == candidate.transform
                    && range.start <= candidate.range.start
                    && candidate.range.end <= range.end
            });
            if inside && !candidate.transform.rewrites() {
                continue;
            }
            accepted.push((candidate.transform, candidate.range.clone()));
            let Some(layer) = accept(candidate, parent) else {
                continue;
            };
            let is_script = |script: &Layer| script.sha256 == layer.sha256;
            if all.first().is_some_and(is_script) || known.contains(&layer.sha256) {
                continue;
            }
            let length = layer.bytes().len();
            if length > limits.layer_bytes
                || all.len() >= limits.layers
                || total + length > limits.all_bytes
            {
                codes.push(Code::DecodeLimit { depth: false });
                continue;
            }
            if is_program(layer.bytes()) {
                codes.push(Code::EmbeddedExecutable);
            }
            if layer.executed && layer.decodings >= 1 {
                codes.push(Code::EncodedExecution);
            }
            if layer.executed && layer.decodings >= 2 {
                codes.push(Code::NestedEncoding);
            }
            known.insert(layer.sha256.clone());
            total += length;
            all.push(layer);
        }
    }
    (all, codes)
}

/// What a layer has from its parent.
#[derive(Clone, Copy)]
struct Parent {
    at: usize,
    depth: usize,
    platform: Platform,
    executed: bool,
    decodings: usize,
}

impl Parent {
    fn of(at: usize, layer: &Layer) -> Self {
        Self {
            at,
            depth: layer.depth,
            platform: layer.platform,
            executed: layer.executed,
            decodings: layer.decodings,
        }
    }
}

fn accept(candidate: Candidate, parent: Parent) -> Option<Layer> {
    let least = if candidate.transform == Transform::BareBase64 {
        0.95
    } else {
        0.85
    };
    let text = as_text(&candidate.bytes, least);
    if text.is_none()
        && !has_magic(&candidate.bytes)
        && candidate.transform != Transform::FromBase64String
    {
        return None;
    }
    if text.is_none()
        && !has_magic(&candidate.bytes)
        && candidate.transform == Transform::FromBase64String
    {
        return None;
    }
    let platform = candidate.platform.unwrap_or_else(|| {
        let text = text.as_deref().unwrap_or("");
        if candidate.transform.rewrites() {
            parent.platform
        } else {
            Platform::guess(text, &ScriptHint::default())
        }
    });
    // A copy, or what was only packed, is run where its parent is.
    let inherits = candidate.transform.rewrites() || candidate.transform == Transform::Inflate;
    let sha256 = sha256(&candidate.bytes);
    let own = text
        .as_ref()
        .is_some_and(|text| text.as_bytes() == candidate.bytes);
    let raw = (!own).then(|| candidate.bytes.into_boxed_slice());
    Some(Layer {
        parent: Some(parent.at),
        depth: parent.depth + 1,
        transform: Some(candidate.transform),
        range: candidate.range,
        sha256,
        text,
        platform,
        executed: if inherits {
            parent.executed
        } else {
            candidate.executed && parent.executed
        },
        decodings: parent.decodings + usize::from(candidate.transform.decodes()),
        raw,
    })
}

fn candidates(parent: &Layer, limits: &DecodeLimits) -> Vec<Candidate> {
    let mut out = encoded::inflated(parent.bytes(), limits);
    let Some(text) = &parent.text else { return out };
    out.extend(encoded::base64_calls(text, limits));
    out.extend(encoded::hex(text));
    out.extend(encoded::url(text));
    out.extend(nested::commands(text, parent.platform));
    let folded = match parent.platform {
        Platform::PowerShell => Some((Transform::PsFold, fold::powershell(text))),
        Platform::Cmd => Some((Transform::CmdFold, fold::cmd(text))),
        Platform::Shell => Some((Transform::ShFold, fold::shell(text))),
        Platform::Unknown => None,
    };
    // What nothing was folded in is the text itself.
    if let Some((transform, Cow::Owned(folded))) = folded
        && folded != *text
    {
        out.push(Candidate {
            range: 0..text.len(),
            transform,
            bytes: folded.into_bytes(),
            executed: true,
            platform: Some(parent.platform),
        });
    }
    out
}
