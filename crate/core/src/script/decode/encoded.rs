//! Base64 in all its calls, hex, URL escapes, compression.

use super::{Candidate, DecodeLimits, Transform, is_utf16};
use crate::expression::Expression;
use crate::script::word;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::Read;
use std::ops::Range;

static ENCODED_COMMAND: Expression = Expression::new(
    r#"(?i)(?:powershell|pwsh)(?:\.exe)?"?(?:[^|;&\r\n]{0,400}?\s)[-/–—―]e(?:c|n|nc|nco|ncod|ncode|ncoded|ncodedc|ncodedco|ncodedcom|ncodedcomm|ncodedcomma|ncodedcomman|ncodedcommand)?\s+["']?([A-Za-z0-9+/]{8,}={0,2})"#,
);
static FROM_BASE64: Expression =
    Expression::new(r#"(?i)FromBase64String['"]?\s*(?:\.Invoke\s*)?\("#);
static SHELL_DECODER: Expression = Expression::new(
    r"(?:\bbase64\s+(?:-d|-D|-di|--decode)\b|\bopenssl\s+(?:enc\s+-base64|base64)\s+-d\b|b64decode\()",
);
static HEX_DECODER: Expression = Expression::new(r"\bxxd\s+(?:-r\s+-p|-p\s+-r|-rp|-pr)\b");
static HEX_ESCAPES: Expression = Expression::new(r"(?:\\x[0-9A-Fa-f]{2}){4,}");
static HEX_LIST: Expression = Expression::new(r"0x[0-9A-Fa-f]{2}(?:\s*,\s*0x[0-9A-Fa-f]{2}){3,}");
static FROM_HEX: Expression =
    Expression::new(r#"(?i)fromhex(?:string)?\(\s*["']([0-9A-Fa-f]{8,})["']"#);
static URL_TOKEN: Expression =
    Expression::new(r"[^\s'\x22]*(?:%[0-9A-Fa-f]{2}[^\s'\x22%]*){4,}[^\s'\x22]*");
/// Letters of the shortest word that [`BARE`] takes.
const LEAST_BARE: usize = 40;
static BARE: Expression = Expression::new(r"[A-Za-z0-9+/]{40,}={0,2}");
static STRING: Expression = Expression::new(r#"'([^'\r\n]*)'|"([^"\r\n]*)""#);
static INTERPRETER: Expression = Expression::new(
    r"^\s*(?:\|\s*(?:gzip|gunzip|zcat|tr|base64|openssl|xxd|rev|cat|sed|awk)\b[^|\n]*)*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:/(?:usr/)?bin/)?(?:env\s+)?(?:(?:ba|da|z|k|a)?sh|python[0-9.]*|perl|ruby|node|php|iex|invoke-expression)\b",
);

/// A cheap look at a text before its expression: whether it can match at all. Thousands of command lines are looked at, and nearly none can.
mod may {
    use super::LEAST_BARE;
    use crate::script::word::stands_at;
    use memchr::{memchr_iter, memchr2_iter};

    /// `-enc`, `/e`, also with a dash or a blank outside ASCII.
    pub(super) fn name_encoded_command(text: &str) -> bool {
        let bytes = text.as_bytes();
        let switch = |dash: usize| {
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0x0B | 0x80..);
            stands_at(bytes, dash + 1, b"e")
                && bytes
                    .get(dash + 2)
                    .is_some_and(|byte| matches!(byte, b'c' | b'C' | b'n' | b'N') || blank(byte))
        };
        // The last byte of a dash outside ASCII stands where the dash of ASCII does.
        memchr2_iter(b'-', b'/', bytes).any(switch)
            || (!text.is_ascii() && (0..bytes.len()).any(switch))
    }

    /// `fromhex`, letters folded.
    pub(super) fn read_hex(text: &str) -> bool {
        let bytes = text.as_bytes();
        memchr2_iter(b'x', b'X', bytes).any(|at| {
            at.checked_sub(6)
                .is_some_and(|at| stands_at(bytes, at, b"fromhex"))
        })
    }

    /// Four escapes of a URL.
    pub(super) fn escape_urls(text: &str) -> bool {
        let bytes = text.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        memchr_iter(b'%', bytes)
            .filter(|at| digit(at + 1) && digit(at + 2))
            .nth(3)
            .is_some()
    }

    /// A word so long as a bare one must be.
    pub(super) fn be_bare(text: &str) -> bool {
        let bytes = text.as_bytes();
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        // Whatever is so long covers one of these places.
        (LEAST_BARE - 1..bytes.len()).step_by(LEAST_BARE).any(|at| {
            let behind = bytes.get(at..).unwrap_or_default();
            let before = bytes.get(..at).unwrap_or_default();
            let behind = behind.iter().take_while(|byte| letter(byte)).count();
            let before = before.iter().rev().take_while(|byte| letter(byte));
            behind > 0 && behind + before.count() >= LEAST_BARE
        })
    }
}

fn lenient() -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config)
}

/// Bytes of base64, white space inside allowed, padding optional.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let bare: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    lenient()
        .decode(bare.as_bytes())
        .ok()
        .filter(|bytes| !bytes.is_empty())
}

/// Whether text behind a literal hands it to an interpreter, or text before it does.
#[must_use]
pub fn is_executed(text: &str, range: &Range<usize>) -> bool {
    let line_end = text
        .get(range.end..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |at| range.end + at);
    let line_start = text
        .get(..range.start)
        .and_then(|head| head.rfind('\n'))
        .map_or(0, |at| at + 1);
    let behind = text.get(range.end..line_end).unwrap_or("");
    let before = text
        .get(line_start..range.start)
        .unwrap_or("")
        .to_ascii_lowercase();
    let folded = behind.to_ascii_lowercase();
    // The pipe may follow the call's own closing quotes and brackets.
    let pipe = folded.find('|').and_then(|at| folded.get(at..));
    let piped = pipe.is_some_and(|rest| {
        INTERPRETER
            .over(rest)
            .is_some_and(|regex| regex.is_match(rest))
    });
    const CALLS: [&str; 8] = [
        "eval ",
        "eval(",
        "source <(",
        ". <(",
        "iex",
        "invoke-expression",
        "[scriptblock]::create",
        "exec(",
    ];
    piped
        || CALLS.iter().any(|call| before.contains(call))
        || folded.contains("| iex")
        || folded.contains("|iex")
        || ["bash -c", "sh -c", "bash <(", "sh <("]
            .iter()
            .any(|call| before.contains(call))
}

fn candidate(text: &str, range: Range<usize>, transform: Transform, bytes: Vec<u8>) -> Candidate {
    Candidate {
        executed: is_executed(text, &range),
        range,
        transform,
        bytes,
        platform: None,
    }
}

/// T1, T2, T3 and T11.
#[must_use]
pub fn base64_calls(text: &str, limits: &DecodeLimits) -> Vec<Candidate> {
    let mut out = Vec::new();
    for found in ENCODED_COMMAND
        .over_if(may::name_encoded_command(text), text)
        .into_iter()
        .flat_map(|regex| regex.captures_iter(text))
    {
        let Some(word) = found.get(1) else { continue };
        let Some(bytes) = base64(word.as_str()) else {
            continue;
        };
        let mut made = candidate(text, word.range(), Transform::PsEncodedCommand, bytes);
        made.executed = true;
        made.platform = Some(super::Platform::PowerShell);
        out.push(made);
    }
    let names_base64 = word::has(text, "64");
    for found in FROM_BASE64
        .over_if(names_base64, text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        let Some((range, literal)) = argument(text, found.end()) else {
            continue;
        };
        let Some(bytes) = base64(&literal) else {
            continue;
        };
        // Without a head of its own, only the stream around the call says that it is packed.
        let raw = !super::has_magic(&bytes)
            && super::as_text(&bytes, 0.85).is_none()
            && text.contains("DeflateStream");
        let bytes = if raw {
            inflate_raw(&bytes, limits).unwrap_or(bytes)
        } else {
            bytes
        };
        out.push(candidate(text, range, Transform::FromBase64String, bytes));
    }
    for found in SHELL_DECODER
        .over_if(names_base64, text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        if let Some((range, literal)) = shell_literal(text, found.range())
            && let Some(bytes) = base64(&literal)
        {
            out.push(candidate(text, range, Transform::ShBase64, bytes));
        }
    }
    let bare = BARE.over_if(may::be_bare(text), text);
    for found in bare.into_iter().flat_map(|regex| regex.find_iter(text)) {
        let word = found.as_str();
        let certificate = text.get(..found.start()).is_some_and(|head| {
            head.rfind("-----BEGIN").is_some_and(|begin| {
                head.get(begin..)
                    .is_some_and(|rest| !rest.contains("-----END"))
            })
        });
        let digits_only = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if certificate || digits_only {
            continue;
        }
        if let Some(bytes) = base64(word) {
            out.push(candidate(text, found.range(), Transform::BareBase64, bytes));
        }
    }
    out
}

/// The first string literal in the 4 KiB after a call, or the constant a variable there was last given above.
fn argument(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    const LEAST: usize = 8;
    let mut end = (from + 4096).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let rest = text.get(from..end)?;
    let trimmed = rest.trim_start();
    if let Some(name) = trimmed.strip_prefix('$') {
        let name: String = name
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        let above = text.get(..from)?;
        let assignment = regex::Regex::new(&format!(
            r#"(?i)\${}\s*=\s*(?:'([^']*)'|"([^"]*)")"#,
            regex::escape(&name)
        ))
        .ok()?;
        let last = assignment.captures_iter(above).last()?;
        let value = last.get(1).or(last.get(2))?;
        return (value.len() >= LEAST).then(|| (value.range(), value.as_str().to_owned()));
    }
    let found = STRING.over(rest)?.captures_iter(rest).find_map(|found| {
        let value = found.get(1).or(found.get(2))?;
        (value.len() >= LEAST).then_some(value)
    })?;
    Some((
        from + found.start()..from + found.end(),
        found.as_str().to_owned(),
    ))
}

/// What a decoder on a line is fed: the literal before its pipe, a here-string, a here-document, its own argument.
fn shell_literal(text: &str, call: Range<usize>) -> Option<(Range<usize>, String)> {
    let line_start = text.get(..call.start)?.rfind('\n').map_or(0, |at| at + 1);
    let line_end = text
        .get(call.end..)?
        .find('\n')
        .map_or(text.len(), |at| call.end + at);
    let before = text.get(line_start..call.start)?;
    let behind = text.get(call.end..line_end)?;
    if text.get(call.clone())?.ends_with('(') {
        let value = STRING.over(behind)?.captures(behind)?;
        let value = value.get(1).or(value.get(2))?;
        return Some((
            call.end + value.start()..call.end + value.end(),
            value.as_str().to_owned(),
        ));
    }
    static FED: Expression = Expression::new(
        r#"(?:echo|printf)\s+(?:-[neE]+\s+)*(?:'%s'\s+|"%s"\s+|%s\s+)?(?:'([^']*)'|"([^"]*)"|([^\s'"|]+))\s*\|\s*(?:sudo\s+)?$"#,
    );
    let fed = FED.over(before);
    if let Some(found) = fed.and_then(|regex| regex.captures(before))
        && let Some(value) = found.get(1).or(found.get(2)).or(found.get(3))
    {
        return Some((
            line_start + value.start()..line_start + value.end(),
            value.as_str().to_owned(),
        ));
    }
    if let Some(at) = behind.find("<<<") {
        let rest = behind.get(at + 3..)?;
        let skipped = rest.len() - rest.trim_start().len();
        let word = rest.trim_start();
        let (from, value) = match word.chars().next()? {
            quote @ ('\'' | '"') => (1, word.get(1..)?.split(quote).next()?),
            _ => (0, word.split([' ', '|', ';', ')']).next()?),
        };
        let start = call.end + at + 3 + skipped + from;
        return Some((start..start + value.len(), value.to_owned()));
    }
    let tag = behind
        .split_once("<<")
        .map(|(_, rest)| rest.trim_start_matches('-').trim_start())?;
    let tag: String = tag
        .trim_start_matches(['\'', '"'])
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect();
    if tag.is_empty() {
        return None;
    }
    let body_start = line_end + 1;
    let body = text.get(body_start..)?;
    let mut length = 0;
    for line in body.split_inclusive('\n') {
        if line.trim() == tag {
            return Some((
                body_start..body_start + length,
                body.get(..length)?.to_owned(),
            ));
        }
        length += line.len();
    }
    None
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_digit(16))
        .collect::<Option<_>>()?;
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

/// T4.
#[must_use]
pub fn hex(text: &str) -> Vec<Candidate> {
    let mut out = Vec::new();
    for found in HEX_DECODER
        .over_if(word::has(text, "xxd"), text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        if let Some((range, literal)) = shell_literal(text, found.range())
            && let Some(bytes) = unhex(&literal)
        {
            out.push(candidate(text, range, Transform::Hex, bytes));
        }
    }
    for found in HEX_ESCAPES
        .over_if(word::has(text, "\\x"), text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        if let Some(bytes) = unhex(&found.as_str().replace("\\x", "")) {
            out.push(candidate(text, found.range(), Transform::Hex, bytes));
        }
    }
    let converts = word::has(text, "0x") && {
        let folded = text.to_ascii_lowercase();
        ["[byte[]]", "bytes(", "bytearray", "[char[]]", "chr("]
            .iter()
            .any(|call| folded.contains(call))
    };
    for found in HEX_LIST
        .over_if(converts, text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        let digits: String = found
            .as_str()
            .split(',')
            .map(|item| item.trim().trim_start_matches("0x"))
            .collect();
        if let Some(bytes) = unhex(&digits) {
            out.push(candidate(text, found.range(), Transform::Hex, bytes));
        }
    }
    for found in FROM_HEX
        .over_if(may::read_hex(text), text)
        .into_iter()
        .flat_map(|regex| regex.captures_iter(text))
    {
        if let Some(word) = found.get(1)
            && let Some(bytes) = unhex(word.as_str())
        {
            out.push(candidate(text, word.range(), Transform::Hex, bytes));
        }
    }
    out
}

/// T10.
#[must_use]
pub fn url(text: &str) -> Vec<Candidate> {
    let mut out = Vec::new();
    for found in URL_TOKEN
        .over_if(may::escape_urls(text), text)
        .into_iter()
        .flat_map(|regex| regex.find_iter(text))
    {
        let mut bytes = Vec::with_capacity(found.len());
        let mut rest = found.as_str().as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            let pair = tail
                .get(..2)
                .and_then(|pair| std::str::from_utf8(pair).ok());
            let byte = pair
                .filter(|_| *first == b'%')
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            match byte {
                Some(byte) => {
                    bytes.push(byte);
                    rest = tail.get(2..).unwrap_or(&[]);
                }
                None => {
                    bytes.push(*first);
                    rest = tail;
                }
            }
        }
        out.push(candidate(text, found.range(), Transform::UrlDecode, bytes));
    }
    out
}

/// A zlib head whose check is right.
#[must_use]
pub fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [0x78, flags @ (0x01 | 0x5E | 0x9C | 0xDA), ..] => {
            (0x7800 + u32::from(*flags)).is_multiple_of(31)
        }
        _ => false,
    }
}

fn read_limited(reader: impl Read, packed: usize, limits: &DecodeLimits) -> Option<Vec<u8>> {
    let most = limits
        .layer_bytes
        .min(packed.saturating_mul(limits.ratio).max(1024));
    let mut out = Vec::new();
    // What was unpacked before an error still says something.
    let _ = reader.take(most as u64).read_to_end(&mut out);
    (!out.is_empty()).then_some(out)
}

fn inflate_raw(bytes: &[u8], limits: &DecodeLimits) -> Option<Vec<u8>> {
    read_limited(DeflateDecoder::new(bytes), bytes.len(), limits)
}

/// T5.
#[must_use]
pub fn inflated(bytes: &[u8], limits: &DecodeLimits) -> Vec<Candidate> {
    let unpacked = if bytes.starts_with(b"\x1f\x8b") {
        read_limited(GzDecoder::new(bytes), bytes.len(), limits)
    } else if is_zlib(bytes) && !is_utf16(bytes) {
        read_limited(ZlibDecoder::new(bytes), bytes.len(), limits)
    } else {
        None
    };
    let made = unpacked.map(|unpacked| Candidate {
        range: 0..bytes.len(),
        transform: Transform::Inflate,
        bytes: unpacked,
        executed: true,
        platform: None,
    });
    made.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARTS: [&str; 34] = [
        "powershell",
        "PWSH.EXE",
        "\"",
        " ",
        "\n",
        "\u{b}",
        "\u{a0}",
        "-",
        "/",
        "\u{2013}",
        "e",
        "EC",
        "nc",
        "SQBFAFgA",
        "aGVsbG8gd29ybGQ+",
        "=",
        "FromBase64String",
        "from\u{17f}",
        "(",
        "base64",
        "openssl enc",
        " -d",
        "b64decode(",
        "xxd",
        "-r -p",
        "\\x41",
        "\\x42\\x43\\x44",
        "0x41,",
        "0x42, 0x43, 0x44",
        "FromHex(",
        "fromhexstring(",
        "'4142434445'",
        "%41%42",
        "%4g",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        /// What an expression matches is not passed over.
        #[test]
        fn a_look_passes_over_nothing_that_matches(
            parts in proptest::collection::vec(0..PARTS.len(), 1..14),
        ) {
            let text: String = parts.iter().map(|at| PARTS[*at]).collect();
            for (expression, may) in [
                (&ENCODED_COMMAND, may::name_encoded_command(&text)),
                (&FROM_BASE64, word::has(&text, "64")),
                (&SHELL_DECODER, word::has(&text, "64")),
                (&BARE, may::be_bare(&text)),
                (&HEX_DECODER, word::has(&text, "xxd")),
                (&HEX_ESCAPES, word::has(&text, "\\x")),
                (&HEX_LIST, word::has(&text, "0x")),
                (&FROM_HEX, may::read_hex(&text)),
                (&URL_TOKEN, may::escape_urls(&text)),
            ] {
                let matches = expression.over(&text).unwrap().is_match(&text);
                prop_assert!(may || !matches, "{expression:?} passes over {text}");
                expression.agrees(&text);
            }
        }
    }
}
